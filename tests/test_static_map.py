import io
import warnings

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import pyproj
import pytest
import shapely
from matplotlib.figure import Figure
from matplotlib.image import imread

from ecozones.conflicts import find_conflicts
from ecozones.errors import InputError, SchemaError
from ecozones.siting import check_sites
from ecozones.static_map import (
    Layer,
    Sheet,
    draw,
    ground_layers,
    letters,
    missing_characters,
    set_scene,
    site_layers,
    write_map,
)
from ecozones.testing import chessboard_plan, square
from ecozones.vocab import Style

CRS = pyproj.CRS("EPSG:4547")
TEN_A_MM = Sheet(dpi=254)
BLUE, RED = (0, 0x33, 0xCC), (0xE6, 0, 0)


@pytest.fixture
def plan():
    return chessboard_plan(red_line={"a1": "core"}, farmland=["c1"], urban=["e5"], name="棋盘县")


@pytest.fixture
def review(plan):
    return check_sites(square("a1", "h8", activity="ordinary_build"), plan, on="2026-06-01")


def pixels(image, colour, tolerance=24):
    picture = (imread(io.BytesIO(image))[..., :3] * 255).round().astype(int)
    return np.all(np.abs(picture - np.array(colour)) <= tolerance, axis=-1)


def box_layer(*boxes, crs=CRS, style=None):
    return Layer(
        gpd.GeoSeries([shapely.box(*box) for box in boxes], crs=crs), "地块", style or Style(edge="#0033CC"), width=0.5
    )


def in_frame(picture):
    """Leave out the legend, which stands below the frame."""
    return picture[: int((TEN_A_MM.height_mm - TEN_A_MM.bottom) * 10)]


def measured_m(image, scale):
    """Measure the blue outline on paper, and turn it into metres on the ground."""
    columns = np.flatnonzero(in_frame(pixels(image, BLUE, 60)).any(axis=0))
    return (columns.max() - columns.min()) / 10 / 1000 * scale


@pytest.mark.parametrize("side_m", [40, 333, 5_000])
def test_the_printed_scale_is_the_true_one(side_m):
    box = (500_000, 3_320_000, 500_000 + side_m, 3_320_000 + side_m)
    drawn = draw([box_layer(box)], box, CRS, sheet=TEN_A_MM)
    assert measured_m(drawn.image, drawn.scale) == pytest.approx(side_m, abs=drawn.scale * 0.0004)


def test_a_map_of_degrees_is_to_scale_too():
    degrees = pyproj.CRS("EPSG:4490")
    box = (114.0, 30.0, 114.01, 30.01)
    drawn = draw([box_layer(box, crs=degrees)], box, degrees, sheet=TEN_A_MM)
    length = pyproj.Geod(ellps="GRS80").inv(114.0, 30.005, 114.01, 30.005)[2]
    assert measured_m(drawn.image, drawn.scale) == pytest.approx(length, abs=drawn.scale * 0.0005)


def test_the_scale_is_a_round_number_that_leaves_room():
    box = (500_000, 3_320_000, 500_900, 3_320_100)
    width_mm = Sheet().frame_mm[0]
    scale = draw([box_layer(box)], box, CRS).scale
    assert scale in {500, 1_000, 2_000, 2_500, 5_000, 10_000, 20_000, 25_000}
    assert 900_000 / scale <= 0.55 * width_mm < 900_000 / scale * 2.5


def test_a_point_is_drawn_at_the_scale_of_its_surroundings():
    sites = gpd.GeoSeries([shapely.Point(500_000, 3_320_000)], crs=CRS)
    assert draw([Layer(sites, "点", Style())], tuple(sites.total_bounds), CRS).scale == 5_000


def test_a_hole_stays_empty():
    ring = shapely.box(0, 0, 900, 900).difference(shapely.box(300, 300, 600, 600))
    shapes = gpd.GeoSeries([shapely.affinity.translate(ring, 500_000, 3_320_000)], crs=CRS)
    style = Style(edge="#0033CC", fill="#0033CC", opacity=1.0)
    drawn = draw([Layer(shapes, "环", style)], tuple(shapes.total_bounds), CRS, sheet=TEN_A_MM)
    frame = in_frame(pixels(drawn.image, BLUE))
    rows, columns = np.flatnonzero(frame.any(axis=1)), np.flatnonzero(frame.any(axis=0))
    assert not frame[(rows.min() + rows.max()) // 2, (columns.min() + columns.max()) // 2]
    assert frame[rows].sum() == pytest.approx(8 * (300 / drawn.scale * 10_000) ** 2, rel=0.03)


def test_a_character_no_font_has_is_refused_by_name():
    box = (0, 0, 1, 1)
    with pytest.raises(InputError, match=r"U\+E123"):
        draw([box_layer(box)], box, CRS, title="青溪\ue123县")


def test_a_character_no_font_has_can_be_marked_and_is_reported():
    box = (0, 0, 1, 1)
    assert draw([box_layer(box)], box, CRS, title="青溪\ue123县", missing_glyphs="mark").lost == ("\ue123",)


def test_chinese_is_drawn_by_the_bundled_letters_alone(monkeypatch):
    monkeypatch.setattr(letters, "_SYSTEM_FAMILIES", ())
    for cached in (letters.families, letters.drawable):
        cached.cache_clear()
    try:
        assert letters.families() == [letters.FAMILY, "DejaVu Sans"]
        assert missing_characters("生态保护红线、永久基本农田、城镇开发边界 ㎡ 亩 √△×→") == []
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            draw([box_layer((0, 0, 1, 1))], (0, 0, 1, 1), CRS, title="永久基本农田核实整改补划")
    finally:
        for cached in (letters.families, letters.drawable):
            cached.cache_clear()


def test_the_users_settings_stay_as_they_are():
    before = dict(mpl.rcParams)
    draw([box_layer((0, 0, 1, 1))], (0, 0, 1, 1), CRS, title="图")
    assert dict(mpl.rcParams) == before


def test_only_ground_that_is_taken_is_hatched(review, plan, tmp_path):
    write_map(review, tmp_path / "taken.png", site_id="a1", plan=plan)
    write_map(review, tmp_path / "free.png", site_id="h8", plan=plan)
    assert pixels((tmp_path / "taken.png").read_bytes(), RED).sum() > 500
    assert pixels((tmp_path / "free.png").read_bytes(), RED).sum() == 0


def test_undetermined_ground_is_drawn_otherwise_than_taken_ground(plan, tmp_path):
    unsaid = check_sites(
        square("a1", activity=None),
        plan.replace(ecological_red_line=plan["ecological_red_line"].assign(subzone=None)),
        on="2026-06-01",
    )
    assert set(unsaid.verdicts["verdict"]) == {"undetermined"}
    write_map(unsaid, tmp_path / "unknown.png", site_id="a1")
    image = (tmp_path / "unknown.png").read_bytes()
    assert pixels(image, RED).sum() == 0
    assert pixels(image, (0x55, 0x55, 0x55)).sum() > 500


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_the_same_map_has_the_same_bytes(review, plan, tmp_path, kind):
    first = write_map(review, tmp_path / f"a.{kind}", site_id="a1", plan=plan)
    again = write_map(review, tmp_path / f"b.{kind}", site_id="a1", plan=plan)
    assert (tmp_path / f"a.{kind}").read_bytes() == first.image == again.image


def test_a_plan_and_a_frame_can_be_drawn(plan, tmp_path):
    assert write_map(plan, tmp_path / "plan.png", title="棋盘县").scale >= 50_000
    assert write_map(plan["permanent_basic_farmland"], tmp_path / "farmland.png", title="农田").crs == plan.crs.name


def test_only_a_review_says_that_no_ground_is_taken(plan, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(
        Figure, "legend", lambda _, handles, **__: told.append([entry.get_label() for entry in handles])
    )
    free = check_sites(square("h8", activity="ordinary_build"), plan, on="2026-06-01")
    for obj in (free, plan, square("a1")):
        write_map(obj, tmp_path / "map.png", language="en")
    assert ["no ground taken here" in labels for labels in told] == [True, False, False]
    assert told[2] == ["ground shown"]


def test_what_cannot_be_drawn_is_refused(review, tmp_path):
    with pytest.raises(InputError, match=r"\.png, \.svg or \.pdf"):
        write_map(review, tmp_path / "map.bmp")
    with pytest.raises(SchemaError, match="no site 'z9'"):
        write_map(review, tmp_path / "map.png", site_id="z9")
    with pytest.raises(InputError, match="nothing to draw"):
        write_map(review.findings.iloc[:0], tmp_path / "map.png")


def test_a_name_of_ten_thousand_signs_does_not_break_the_map():
    box = (0, 0, 1, 1)
    assert draw([box_layer(box)], box, CRS, title="$x_{1}$ {{ x }} " + "长" * 10_000).lost == ()


def test_sub_zones_are_told_apart(review):
    zoned = chessboard_plan(red_line={"a1": "core", "b1": "general"}, farmland=["a1"])
    layers, _ = site_layers(set_scene(review, zoned), None, "zh")
    fills = {layer.label: layer.style.opacity for layer in layers}
    assert fills["核心保护区"] > fills["一般控制区"] > 0
    # a line without a choice of sub-zones goes by its own name
    assert set(fills) == {"核心保护区", "一般控制区", "永久基本农田", "压占，须按结论办理", "审查地块"}
    # the same map of a plan whose lines are in another CRS: its frames are brought along once, and stay as they were
    degrees = zoned["ecological_red_line"].to_crs(4490)
    moved = zoned.replace(ecological_red_line=degrees)
    again, _ = site_layers(set_scene(review, moved), None, "zh")
    shown = {layer.label: layer.shapes for layer in again}
    assert shown["核心保护区"].crs == review.findings.crs
    assert moved["ecological_red_line"].crs == degrees.crs


def test_ground_that_is_wrong_is_hatched_over_its_plan(plan):
    found = find_conflicts(chessboard_plan(red_line={"a1": "core"}, farmland=["a1"]))
    layers, focus, crs = ground_layers(found, plan, "en")
    assert layers[-1].hatch == "////"
    assert layers[-1].label == "where something is wrong"
    assert crs == found.crs
    assert focus == tuple(found.total_bounds)
