"""Pieces on disk: found again only where they are whole and were cut from just this layer."""

import pickle

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from ecozones import ZoningPlan, check_sites, overlay

CRS = "EPSG:4527"
LINE = "ecological_red_line"


def wavy(points=3_000, radius=1_000.0):
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    reach = radius * (1 + 0.3 * np.sin(7 * angle) + 0.02 * np.sin(301 * angle))
    return shapely.Polygon(np.c_[39_500_000 + reach * np.cos(angle), 3_400_000 + reach * np.sin(angle)])


def plan(line=None, crs=CRS):
    frame = gpd.GeoDataFrame(
        {"feature_id": ["1"], "subzone": ["general"]}, geometry=[wavy() if line is None else line], crs=crs
    )
    return ZoningPlan.from_layers({LINE: frame})


def told(plan, folder):
    return plan.keep_pieces(folder).set_index("line").loc[LINE, "kept"]


def sites():
    x, y = np.meshgrid(39_498_800 + 300.0 * np.arange(8), 3_398_800 + 300.0 * np.arange(8))
    shapes = shapely.box(x, y, x + 220, y + 220).ravel()
    return gpd.GeoDataFrame({"site_id": np.arange(len(shapes)).astype(str)}, geometry=shapes, crs=CRS)


def test_pieces_read_back_are_the_pieces_that_were_cut(tmp_path):
    first, second = plan(), plan()
    assert told(first, tmp_path) == "written"
    assert told(second, tmp_path) == "read"
    cut, read = first.pieces(LINE), second.pieces(LINE)
    np.testing.assert_array_equal(shapely.to_wkb(read.geometry), shapely.to_wkb(cut.geometry))
    np.testing.assert_array_equal(read.feature, cut.feature)
    shapes = sites().geometry.to_numpy()
    for one, other in zip(overlay.overlap_areas(shapes, read), overlay.overlap_areas(shapes, cut), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_check_with_pieces_from_disk_is_the_same_check(tmp_path):
    told(plan(), tmp_path)
    kept = plan()
    assert told(kept, tmp_path) == "read"
    ours, fresh = (check_sites(sites(), each, on="2026-06-01") for each in (kept, plan()))
    for name in ("verdicts", "lines", "findings", "balance"):
        pd.testing.assert_frame_equal(getattr(ours, name), getattr(fresh, name), check_exact=True)
    assert ours.capsule == fresh.capsule


@pytest.mark.parametrize("spoil", ["torn", "one byte", "empty", "other name"])
def test_a_spoilt_file_is_never_used(tmp_path, spoil):
    told(plan(), tmp_path)
    (path,) = tmp_path.glob("pieces-*.parquet")
    content = path.read_bytes()
    middle = len(content) // 2
    if spoil == "torn":
        path.write_bytes(content[:middle])
    elif spoil == "one byte":
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    elif spoil == "empty":
        path.write_bytes(b"")
    else:
        path.rename(path.with_name(path.name.replace("-", "-0", 2)))
    assert told(plan(), tmp_path) == "written"
    assert told(plan(), tmp_path) == "read"


def test_a_changed_line_never_finds_the_pieces_of_the_old_one(tmp_path):
    told(plan(), tmp_path)
    xy = shapely.get_coordinates(wavy())
    xy[0] = xy[-1] = xy[0] + [0.001, 0]
    assert told(plan(shapely.Polygon(xy)), tmp_path) == "written"
    assert told(plan(crs="EPSG:2363"), tmp_path) == "written"
    assert told(plan(), tmp_path) == "read"


def test_another_way_to_cut_finds_nothing(tmp_path, monkeypatch):
    told(plan(), tmp_path)
    monkeypatch.setattr(overlay, "PIECE_VERTICES", 200)
    assert told(plan(), tmp_path) == "written"


def test_a_write_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gpd.GeoDataFrame, "to_parquet", full)
    with pytest.raises(OSError, match="No space left"):
        plan().keep_pieces(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_pieces_can_be_read_by_box(tmp_path):
    kept = plan()
    told(kept, tmp_path)
    (path,) = tmp_path.glob("pieces-*.parquet")
    corner = gpd.read_parquet(path, bbox=(39_500_000, 3_400_000, 39_501_500, 3_401_500))
    assert 0 < len(corner) < len(kept.pieces(LINE).geometry)
    assert set(corner["feature"]) == {0}


def test_a_plan_is_the_same_bytes_whatever_was_asked_of_its_planes():
    given = pickle.loads(pickle.dumps(plan()))  # noqa: S301 - our own
    fresh = pickle.dumps(given)
    assert given.in_metres(LINE)
    assert pickle.dumps(given) == fresh
