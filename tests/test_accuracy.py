"""Verdicts under positional error: distances that can be read off a chessboard, and moved boundaries checked again."""

import itertools
import pathlib
import warnings

import geopandas as gpd
import numpy as np
import pytest
import shapely

from ecozones.alternatives import find_flips, map_accuracies
from ecozones.errors import EcozonesWarning, InputError
from ecozones.readers import read_plan, read_sites
from ecozones.siting import check_sites
from ecozones.testing import BOARD_CRS, chessboard_plan, square
from ecozones.vocab import verdict_dtype

DAY = "2026-06-01"
DATA = pathlib.Path(__file__).parents[1] / "sample_data"
RED, FARM, URBAN = "ecological_red_line", "permanent_basic_farmland", "urban_development_boundary"
WEST, SOUTH = 496_000.0, 3_320_000.0
EVERYWHERE = [f"{letter}{rank}" for letter in "abcdefgh" for rank in range(1, 9)]


def board_box(left, bottom, right, top):
    return shapely.box(WEST + left, SOUTH + bottom, WEST + right, SOUTH + top)


def sites(*shapes, activity="ordinary_build"):
    ids = [f"S{i + 1}" for i in range(len(shapes))]
    return gpd.GeoDataFrame({"site_id": ids, "activity": activity}, geometry=list(shapes), crs=BOARD_CRS)


def of(table, line="", site="S1"):
    (row,) = table[(table["line"] == line) & (table["site_id"] == site)].itertuples()
    return row


def test_accuracies_are_those_of_the_map_and_say_how_sure_they_are():
    table = map_accuracies()
    assert set(table["scale"]) == {"1:500", "1:1000", "1:2000", "1:5000", "1:10000"}
    denominator = table["scale"].str.removeprefix("1:").astype(float)
    assert table["error_m"].tolist() == pytest.approx((table["map_mm"] * denominator / 1000).tolist())
    assert set(table["status"]) <= {"verified", "partial", "memory"}
    assert (table["source"] != "").all()
    assert not table.duplicated(["scale", "terrain"]).any()
    wide = table.pivot_table(index="scale", columns="terrain", values="error_m")
    assert (wide["mountain"] > wide["plain"]).all()


def test_thirty_metres_from_farmland_the_verdict_turns_at_thirty():
    plan = chessboard_plan(farmland=["a1"], urban=EVERYWHERE)
    site = sites(board_box(1030, 100, 1130, 200))
    before, after = (of(find_flips(site, plan, error_m=error, on=DAY), FARM) for error in (30, 30.001))
    assert (before.verdict, before.verdict_closer, before.flips) == ("clear", "clear", False)
    assert (after.verdict, after.verdict_closer, after.flips, after.direction) == ("clear", "prohibited", True, "worse")
    assert after.worse_at_m == pytest.approx(30, abs=1e-9)
    assert after.becomes_worse == "prohibited"
    assert np.isnan(after.milder_at_m)
    whole = of(find_flips(site, plan, error_m=30.001, on=DAY))
    assert (whole.verdict, whole.verdict_closer, whole.verdict_farther) == ("conditional", "prohibited", "conditional")


def test_a_site_that_crosses_by_two_metres_turns_when_the_line_draws_back_by_two():
    plan = chessboard_plan(farmland=["a1"], urban=EVERYWHERE)
    table = find_flips(sites(board_box(998, 100, 1098, 200)), plan, scale="1:10000", on=DAY)
    row = of(table, FARM)
    assert (row.verdict, row.verdict_farther, row.direction, row.error_m) == ("prohibited", "clear", "milder", 5.0)
    assert row.milder_at_m == pytest.approx(2, abs=1e-3)
    assert row.becomes_milder == "clear"
    assert row.rule_ids == "PBF-03"
    assert row.citation
    assert "1:10000" in row.basis
    assert row.basis_status == "memory"
    assert of(table).becomes_milder == "conditional"
    steady = of(find_flips(sites(board_box(998, 100, 1098, 200)), plan, scale="1:500", on=DAY), FARM)
    assert not steady.flips


def test_inside_the_depth_is_that_of_the_deepest_point():
    # the corner points farthest in are 300 m from the eastern rim, the nearest one
    plan = chessboard_plan(red_line={"a1": "core"}, urban=EVERYWHERE)
    table = find_flips(sites(board_box(700, 400, 900, 600)), plan, error_m=5, on=DAY, within_m=600)
    assert of(table, RED).milder_at_m == pytest.approx(300, abs=1e-3)
    assert not of(table, RED).flips


def test_in_the_arms_of_an_angle_the_corner_is_what_counts():
    plan = chessboard_plan(farmland=["a1", "b1", "a2"], urban=EVERYWHERE)
    table = find_flips(sites(board_box(900, 900, 1100, 1100)), plan, error_m=5, on=DAY, within_m=300)
    assert of(table, FARM).milder_at_m == pytest.approx(100 * np.sqrt(2), abs=1e-3)


def test_farther_than_was_searched_is_not_known():
    plan = chessboard_plan(red_line={"a1": "core"}, urban=EVERYWHERE)
    table = find_flips(sites(board_box(700, 400, 900, 600)), plan, error_m=5, on=DAY)
    row = of(table, RED)
    assert np.isnan(row.milder_at_m)
    assert np.isnan(row.worse_at_m)
    assert row.searched_m == 100
    assert row.verdict_farther == "prohibited"


@pytest.mark.parametrize("left", [1000, 999.95])
def test_a_touch_or_a_sliver_turns_with_any_error(left):
    plan = chessboard_plan(farmland=["a1"], urban=EVERYWHERE)
    row = of(find_flips(sites(board_box(left, 100, 1100, 200)), plan, error_m=0.3, on=DAY), FARM)
    assert (row.verdict, row.worse_at_m, row.verdict_closer) == ("clear", 0, "prohibited")
    still = of(find_flips(sites(board_box(left, 100, 1100, 200)), plan, error_m=0, on=DAY), FARM)
    assert not still.flips


def test_between_two_subzones_the_verdict_passes_from_one_to_the_other():
    # tourism: barred in the core, limited in the general zone 40 m farther on
    plan = chessboard_plan(red_line={"a1": "core", "b1": "general"}, urban=EVERYWHERE)
    site = sites(board_box(960, 400, 1060, 500), activity="eco_tourism")
    row = of(find_flips(site, plan, error_m=50, on=DAY), RED)
    assert (row.verdict, row.verdict_farther, row.becomes_milder) == (
        "prohibited",
        "limited_activity",
        "limited_activity",
    )
    assert row.milder_at_m == pytest.approx(40, abs=1e-3)
    beside = sites(board_box(1025, 400, 1125, 500), activity="eco_tourism")
    row = of(find_flips(beside, plan, error_m=20, on=DAY), RED)
    assert (row.verdict, row.becomes_worse, row.flips) == ("limited_activity", "prohibited", False)
    assert row.worse_at_m == pytest.approx(25, abs=1e-9)


def test_the_rim_of_a_line_with_an_outside_and_of_the_county_count():
    plan = chessboard_plan(urban=["a1"])
    row = of(find_flips(sites(board_box(40, 500, 990, 600), activity="urban_cluster"), plan, error_m=1, on=DAY), URBAN)
    assert (row.verdict, row.becomes_worse) == ("conditional", "prohibited")
    assert row.worse_at_m == pytest.approx(10, abs=1e-6)
    farm = of(find_flips(sites(board_box(40, 500, 990, 600)), plan, error_m=1, on=DAY), FARM)
    assert farm.becomes_worse == "undetermined"
    assert farm.worse_at_m == pytest.approx(40, abs=1e-6)


def test_a_line_that_the_plan_lacks_is_as_unknown_at_any_error():
    plan = chessboard_plan(red_line=None, urban=EVERYWHERE)
    table = find_flips(square("d4"), plan, error_m=50, on=DAY)
    for line in (RED, ""):
        row = of(table, line, "d4")
        assert (row.verdict, row.verdict_closer, row.verdict_farther) == ("undetermined",) * 3
        assert np.isnan(row.milder_at_m)
        assert "no layer" in row.reason


def test_points_and_lines_have_their_distances_too():
    plan = chessboard_plan(farmland=["b2"], urban=EVERYWHERE)
    point = shapely.Point(WEST + 1500, SOUTH + 1030)
    line = shapely.LineString([(WEST + 980, SOUTH + 1500), (WEST + 500, SOUTH + 1500)])
    table = find_flips(sites(point, line), plan, error_m=25, on=DAY)
    assert of(table, FARM, "S1").milder_at_m == pytest.approx(30, abs=1e-3)
    assert of(table, FARM, "S2").worse_at_m == pytest.approx(20, abs=1e-6)
    assert of(table, FARM, "S2").flips
    assert not of(table, FARM, "S1").flips


def test_sample_sites_turn_where_they_were_drawn_to_turn():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EcozonesWarning)
        plan, placed = read_plan(DATA / "plan.gpkg"), read_sites(DATA / "sites.gpkg")
    table = find_flips(placed, plan, scale="1:10000", on=DAY)
    # an edge in common, a strip of 5 cm, half a square metre, and an island all around: any error decides
    for site in ("S29", "S30", "S31", "S40"):
        row = of(table, "", site)
        assert (row.verdict, row.verdict_closer, row.worse_at_m) == ("conditional", "prohibited", 0), site
    # a tongue of two metres by two
    row = of(table, FARM, "S32")
    assert row.milder_at_m == pytest.approx(2, abs=0.01)
    assert (row.verdict_farther, row.direction) == ("clear", "milder")
    # a rod of 24 m across farmland, the middle of a reserve, and a site nobody can judge stand firm
    assert not any(of(table, "", site).flips for site in ("S01", "S06", "S38"))


def random_sites(rng, n):
    shapes = []
    for x, y in rng.uniform(50, 1950, (n, 2)):
        angle = np.sort(rng.uniform(0, 2 * np.pi, 9))
        reach = rng.uniform(15, 90) * rng.uniform(0.5, 1, 9)
        shapes.append(
            shapely.convex_hull(
                shapely.multipoints(np.c_[x + WEST + reach * np.cos(angle), y + SOUTH + reach * np.sin(angle)])
            )
        )
    return sites(*shapes)


@pytest.fixture(scope="module")
def crowded():
    """Give a board of small squares, many of them farmland, and sites all over it."""
    rng = np.random.default_rng(5)
    cells = rng.permutation(EVERYWHERE)
    # squares of 250 m: the board is 2 km wide and stands around the same meridian
    plan = chessboard_plan(side_m=250, farmland=list(cells[:20]), urban=EVERYWHERE)
    west, south = plan.extent.total_bounds[:2]
    placed = random_sites(rng, 60)
    return plan, placed.set_geometry(placed.translate(west - WEST, south - SOUTH))


def test_distances_are_those_of_points_sampled_densely(crowded):
    plan, placed = crowded
    table = find_flips(placed, plan, error_m=1, on=DAY, within_m=150)
    farm = plan[FARM].union_all()
    compared = 0
    for site, shape in zip(placed["site_id"], placed.geometry, strict=True):
        row = of(table, FARM, site)
        if row.verdict != "prohibited":
            continue
        left, bottom, right, top = shape.bounds
        grid = np.stack(np.meshgrid(np.arange(left, right, 0.5), np.arange(bottom, top, 0.5)), axis=-1).reshape(-1, 2)
        points = shapely.points(grid)
        both = shape.intersection(farm)
        rim = shapely.points(shapely.get_coordinates(shapely.segmentize(both, 0.25)))
        within = np.r_[points[shapely.contains(both, points)], rim]
        deepest = shapely.distance(farm.boundary, within).max()
        # a point of the grid or of the rim lies within half a metre of any point of both
        assert deepest - 1e-3 <= row.milder_at_m <= deepest + 0.5
        compared += 1
    assert compared > 15


def test_a_boundary_that_really_moves_gives_the_verdicts_foretold(crowded):
    plan, placed = crowded
    table = find_flips(placed, plan, error_m=1, on=DAY, within_m=150)
    whole = table[table["line"] == FARM].set_index("site_id")
    farm = plan[FARM]
    united = gpd.GeoDataFrame({"feature_id": ["all"], "subzone": ["pbf"]}, geometry=[farm.union_all()], crs=farm.crs)
    for metres in (-40, -10, -2, 2, 10, 40):
        moved = plan.replace(**{FARM: united.set_geometry(united.buffer(metres, quad_segs=64))})
        review = check_sites(placed, moved, on=DAY, ignore_below_m2=0, ignore_narrower_m=0)
        there = review.lines.query("line == @FARM").set_index("site_id")["verdict"]
        # close to the turn the round corners of the moved boundary, which are drawn with few points, decide
        turn = whole["worse_at_m"] if metres > 0 else whole["milder_at_m"]
        sure = ((turn - abs(metres)).abs() > 0.1) | turn.isna()
        turned = (turn < abs(metres)).to_numpy()
        expected = np.where(
            turned,
            whole["becomes_worse" if metres > 0 else "becomes_milder"].astype(object),
            whole["verdict"].astype(object),
        )
        # the rim of the county is not moved here
        known = sure.to_numpy() & (expected != "undetermined") & (whole["verdict"] != "undetermined").to_numpy()
        assert known.sum() > 30
        assert (there.astype(object).to_numpy() == expected)[known].all()


def test_a_larger_error_never_makes_a_verdict_surer(crowded):
    plan, placed = crowded
    tables = [find_flips(placed, plan, error_m=error, on=DAY) for error in (0, 0.3, 1.2, 5, 20, 80)]
    for less, more in itertools.pairwise(tables):
        assert (less["verdict"] == more["verdict"]).all()
        assert (less["verdict_closer"].cat.codes <= more["verdict_closer"].cat.codes).all()
        assert (less["verdict_farther"].cat.codes >= more["verdict_farther"].cat.codes).all()
        assert (less["flips"] <= more["flips"]).all()
        assert less["worse_at_m"].equals(more["worse_at_m"])
    assert not tables[0]["flips"].any()
    assert tables[-1]["flips"].any()
    assert tables[0]["verdict"].dtype == verdict_dtype()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "either error_m or scale"),
        ({"error_m": 1, "scale": "1:500"}, "either error_m or scale"),
        ({"scale": "1:2500"}, "1:2000 plain"),
        ({"scale": "1:500", "terrain": "sea"}, "no accuracy is listed"),
        ({"error_m": -1}, "no distance"),
        ({"error_m": float("nan")}, "no distance"),
        ({"error_m": 200}, "look at least as far"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(options, words):
    with pytest.raises(InputError, match=words):
        find_flips(square("d4"), chessboard_plan(), on=DAY, **options)
