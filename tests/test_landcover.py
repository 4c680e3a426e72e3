"""Class areas and transitions, against answers from outside."""

import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from affine import Affine
from drawn_rasters import NORTH, classes, frame, write_raster, zone

from ecozones.area import polygon_areas
from ecozones.errors import CRSError, InputError, SchemaError
from ecozones.landcover import class_areas, class_changes, square_matrix, transition_matrix
from ecozones.rasters import covered

# -- class areas


def test_nodata_and_ground_beyond_the_raster_are_rows_of_their_own(tmp_path):
    path = write_raster(tmp_path / "c.tif", classes([1, 1, 2, 255], [1, 1, 2, 255]), cell=100)
    site = frame(zone(0, 0, 5, 2, cell=100), name=["S"])
    table = class_areas(site, path, zone_id="name", names={1: "forest"}, min_cells=1)
    rows = list(table[["zone_id", "ground", "class_name", "cells"]].itertuples(index=False, name=None))
    assert rows == [("S", "class", "forest", 4), ("S", "class", "", 2), ("S", "nodata", "", 2), ("S", "outside", "", 0)]
    assert table["area_ha"].to_numpy() == pytest.approx([4, 2, 2, 2], rel=1e-6)
    assert table["share"].to_numpy() == pytest.approx([0.4, 0.2, 0.2, 0.2], rel=1e-6)
    assert table["coverage"].to_numpy() == pytest.approx(0.6, rel=1e-6)
    assert set(table["flag"]) == {"coverage below 0.95"}
    assert set(table["kind"]) == {"pixel_count"}
    assert table["class_id"].isna().tolist() == [False, False, True, True]


def test_class_areas_of_a_geographic_raster_are_those_of_the_ellipsoid(tmp_path):
    affine = Affine(0.02, 0, 109.0, 0, -0.02, 40.50)
    path = write_raster(tmp_path / "deg.tif", classes([1, 2], [2, 1]), crs="EPSG:4490", affine=affine)
    cell = frame(shapely.box(109.0, 40.48, 109.02, 40.50), crs="EPSG:4490")
    (row,) = class_areas(cell, path).itertuples()
    # the sphere of exactextract would give 3 769 750.875
    assert (row.class_id, row.flag) == (1, "fewer than 9 cells")
    assert row.area_m2 == pytest.approx(3_765_741.766, abs=0.01)


def test_every_zone_is_accounted_for_to_the_last_square_metre(tmp_path):
    rng = np.random.default_rng(4)
    path = write_raster(tmp_path / "c.tif", rng.choice([1, 2, 3, 255], (120, 150)).astype(np.uint8))
    centre = shapely.points(rng.uniform(-300, 4800, 80), NORTH - rng.uniform(-300, 3900, 80))
    zones = frame(*shapely.buffer(centre, rng.uniform(20, 900, 80)))
    table = class_areas(zones, path)
    truth = polygon_areas(zones.geometry.to_numpy(), zones.crs, method="geodesic")
    assert table.groupby("zone_id")["area_m2"].sum().to_numpy() == pytest.approx(truth, rel=1e-6, abs=1e-2)
    assert table.groupby("zone_id")["share"].sum().to_numpy() == pytest.approx(1.0, rel=1e-12)


def test_the_order_of_zones_does_not_matter(tmp_path):
    path = write_raster(tmp_path / "c.tif", np.random.default_rng(4).integers(0, 4, (60, 60)).astype(np.uint8))
    zones = frame(zone(1, 1, 9.5, 20.2), zone(3.3, 3, 40, 50), zone(0, 0, 60, 60), name=["a", "b", "c"])
    first = class_areas(zones, path, zone_id="name")
    turned = class_areas(zones.iloc[::-1], path, zone_id="name").sort_values(["zone_id", "class_id"], ignore_index=True)
    pd.testing.assert_frame_equal(first, turned, rtol=1e-12)


def test_codes_of_any_integer_type_are_counted(tmp_path):
    for dtype, codes in (("int16", [-5, 300]), ("int32", [-70_000, 2_000_000]), ("uint16", [3, 65_000])):
        path = write_raster(tmp_path / f"{dtype}.tif", np.array([codes, codes], dtype=dtype), nodata=99)
        table = class_areas(frame(zone(0, 0, 2, 2)), path)
        assert (table["class_id"].tolist(), table["cells"].tolist()) == (codes, [2.0, 2.0])


def test_zones_without_names_of_their_own_are_refused(tmp_path):
    path = write_raster(tmp_path / "c.tif", classes([1]))
    twice = frame(zone(0, 0, 1, 1), zone(0, 0, 1, 1), name=["a", "a"])
    with pytest.raises(SchemaError, match="a missing or used twice"):
        class_areas(twice, path, zone_id="name")
    with pytest.raises(SchemaError, match="no column 'id'"):
        class_areas(twice, path, zone_id="id")


# -- transitions


def test_transitions_of_nine_cells_of_thirty_metres(tmp_path):
    # worked by hand: four pairs of one cell (0.09 ha) in the first two rows of the matrix, 0.18 and 0.27 in the last
    before = write_raster(tmp_path / "a.tif", classes([1, 1, 2], [2, 3, 3], [3, 3, 3]))
    after = write_raster(tmp_path / "b.tif", classes([1, 2, 1], [2, 1, 1], [3, 3, 3]))
    moved = transition_matrix(before, after)
    square = square_matrix(moved)
    expected = [[0.09, 0.09, 0], [0.09, 0.09, 0], [0.18, 0, 0.27]]
    assert square.to_numpy() == pytest.approx(np.array(expected), rel=1e-6)
    first = class_changes(moved).iloc[0]
    assert first[["gain_ha", "loss_ha", "net_ha", "swap_ha"]].to_list() == pytest.approx(
        [0.27, 0.09, 0.18, 0.18], rel=1e-6
    )
    assert set(moved["kind"]) == {"pixel_count"}


# cells by class in 2000 and 2020 of a gold-mining landscape in Amapá: MapBiomas Project, collection 6, counted by numpy
AMAPA = {
    (3, 0): 1, (3, 3): 1765701, (3, 12): 339, (3, 15): 1078, (3, 30): 859, (3, 33): 2433, (3, 41): 68,
    (11, 11): 12, (11, 12): 1,
    (12, 3): 118, (12, 12): 2447, (12, 15): 290, (12, 30): 176, (12, 33): 25, (12, 41): 27,
    (15, 3): 6947, (15, 11): 1, (15, 12): 2494, (15, 15): 1299, (15, 30): 428, (15, 33): 17, (15, 41): 22,
    (30, 3): 620, (30, 11): 1, (30, 12): 1686, (30, 15): 118, (30, 30): 4318, (30, 33): 141, (30, 41): 1,
    (33, 3): 3468, (33, 12): 169, (33, 15): 2, (33, 30): 7, (33, 33): 76,
    (65535, 65535): 2891,
}  # fmt: skip


def test_a_landscape_with_the_transitions_of_amapa_gives_them_back(tmp_path):
    pairs = np.repeat(np.array(list(AMAPA)), list(AMAPA.values()), axis=0).astype(np.uint16)
    assert len(pairs) == 1341 * 1341
    np.random.default_rng(0).shuffle(pairs)
    size = 29.87712682461916
    affine = Affine(size, 0, 409829.46921261505, 0, -size, 276306.31463620113)
    dates = [
        write_raster(
            tmp_path / f"{i}.tif", pairs[:, i].reshape(1341, 1341), crs="EPSG:31976", nodata=65535, affine=affine
        )
        for i in (0, 1)
    ]
    moved = transition_matrix(*dates)
    seen = moved[moved["ground"] == "class"]
    counted = {(int(a), int(b)): n for a, b, n in zip(seen["before"], seen["after"], seen["cells"], strict=True)}
    assert counted == {pair: n for pair, n in AMAPA.items() if pair[0] != 65535}
    assert moved.loc[moved["ground"] == "nodata", "cells"].tolist() == [2891.0]
    # the whole ground, measured on the ellipsoid; in the plane it would be 160 526 ha
    whole = shapely.box(affine.c, affine.f - 1341 * size, affine.c + 1341 * size, affine.f)
    truth = polygon_areas(np.array([whole]), "EPSG:31976", method="geodesic")[0] / 1e4
    assert moved["area_ha"].sum() == pytest.approx(truth, rel=1e-8)
    assert abs(truth / (1341 * size) ** 2 * 1e4 - 1) > 5e-4


def test_transitions_agree_with_cells_measured_one_by_one(tmp_path):
    rng = np.random.default_rng(8)
    a, b = rng.integers(1, 4, (2, 12, 9)).astype(np.uint8)
    affine = Affine(0.5, 0, 110, 0, -0.25, 35)
    dates = [write_raster(tmp_path / f"{i}.tif", v, crs="EPSG:4490", affine=affine) for i, v in enumerate((a, b))]
    expected = np.zeros((3, 3))
    geod = pyproj.Geod(ellps="GRS80")
    for row in range(12):
        north = 35 - row * 0.25
        x = np.r_[np.linspace(110, 110.5, 2000), np.linspace(110.5, 110, 2000)]
        y = np.r_[np.full(2000, north - 0.25), np.full(2000, north)]
        area = abs(geod.polygon_area_perimeter(x, y)[0])
        for column in range(9):
            expected[a[row, column] - 1, b[row, column] - 1] += area / 1e4
    assert square_matrix(transition_matrix(*dates)).to_numpy() == pytest.approx(expected, rel=1e-9)


def test_transitions_by_zone_sum_to_the_zone(tmp_path):
    rng = np.random.default_rng(8)
    dates = [write_raster(tmp_path / f"{i}.tif", rng.choice([1, 2, 255], (40, 40)).astype(np.uint8)) for i in (0, 1)]
    zones = frame(zone(0.5, 0.5, 10.5, 10.5), zone(35, 35, 45, 45), name=["in", "half out"])
    moved = transition_matrix(*dates, zones=zones, zone_id="name")
    assert moved.groupby("zone_id", sort=False)["area_m2"].sum().tolist() == pytest.approx([90_000, 90_000], rel=1e-6)
    changes = class_changes(moved)
    assert changes["gain_ha"].groupby(changes["zone_id"]).sum().to_numpy() == pytest.approx(
        changes["loss_ha"].groupby(changes["zone_id"]).sum().to_numpy(), rel=1e-9
    )


def test_dates_on_other_grids_are_never_resampled(tmp_path):
    first = write_raster(tmp_path / "a.tif", classes([1, 2]))
    coarser = write_raster(tmp_path / "b.tif", classes([1, 2]), cell=60)
    with pytest.raises(InputError, match="different grids"):
        transition_matrix(first, coarser)
    elsewhere = write_raster(tmp_path / "c.tif", classes([1, 2]), crs="EPSG:6933")
    with pytest.raises(CRSError, match="different CRS"):
        transition_matrix(first, elsewhere)


# -- many tiles


def test_tables_do_not_depend_on_the_size_of_tiles(tmp_path, monkeypatch):
    rng = np.random.default_rng(6)
    dates = [write_raster(tmp_path / f"{i}.tif", rng.choice([1, 2, 3, 255], (90, 90)).astype(np.uint8)) for i in (0, 1)]
    zones = frame(*shapely.buffer(shapely.points(rng.uniform(0, 2700, (20, 2)) * [1, -1] + [0, NORTH]), 400))
    whole = transition_matrix(*dates, zones=zones)
    monkeypatch.setattr(covered, "TILE_CELLS", 500)
    pd.testing.assert_frame_equal(transition_matrix(*dates, zones=zones), whole, rtol=1e-6, atol=1e-3)
