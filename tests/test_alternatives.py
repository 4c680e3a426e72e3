"""The smallest lawful change: answers known from the board, and no shorter one found by trying every metre."""

import math
import pathlib
import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from ecozones.alternatives import compare_routes, describe_routes, find_smallest_cut, find_smallest_shift
from ecozones.alternatives.obstacles import convex_parts, find_obstacle
from ecozones.errors import EcozonesWarning, InputError, SchemaError
from ecozones.plan import ZoningPlan
from ecozones.readers import read_plan, read_sites
from ecozones.siting import check_sites
from ecozones.testing import BOARD_CRS, chessboard_plan, square, square_between

DAY = "2026-06-01"
RED, FARM, URBAN = "ecological_red_line", "permanent_basic_farmland", "urban_development_boundary"
DATA = pathlib.Path(__file__).parents[1] / "sample_data"
# the south-west corner of the board
WEST, SOUTH = 496_000.0, 3_320_000.0


def board_box(left, bottom, right, top):
    """Give a box in metres from the south-west corner of the board."""
    return shapely.box(WEST + left, SOUTH + bottom, WEST + right, SOUTH + top)


def sites(*shapes, activity="ordinary_build", crs=BOARD_CRS):
    ids = [f"S{i + 1}" for i in range(len(shapes))]
    return gpd.GeoDataFrame({"site_id": ids, "activity": activity}, geometry=list(shapes), crs=crs)


# ------------------------------------------------------------------------------------------------------- the cut
def test_a_site_half_in_the_core_keeps_its_other_half():
    plan = chessboard_plan(red_line={"a1": "core"}, urban=["a1", "b1"])
    (row,) = find_smallest_cut(square_between("a1", "b1"), plan, on=DAY).itertuples()
    assert (row.verdict_before, row.verdict_after, row.lines) == ("prohibited", "conditional", RED)
    assert row.cut_m2 == pytest.approx(125_000, rel=1e-6)
    assert row.cut_mu == pytest.approx(187.5, rel=1e-6)
    assert row.rule_ids == "ECRL-C-00"
    assert "指导意见" in row.citation
    assert row.geometry.equals(board_box(1000, 250, 1250, 750))
    assert row.cut.equals(board_box(750, 250, 1000, 750))
    assert abs(row.error_m2) < 1e-9 * row.whole_m2
    assert row.left_m2 == 0


def test_one_piece_is_kept_and_what_is_given_up_with_the_cut_is_told():
    # a wall of farmland 1000 wide through a bar of 3000: 600 m stay on the left and 1400 m on the right
    plan = chessboard_plan(farmland=["b1"])
    bar = sites(board_box(400, 400, 3400, 500))
    (one,) = find_smallest_cut(bar, plan, on=DAY).itertuples()
    assert one.geometry.equals(board_box(2000, 400, 3400, 500))
    assert one.unlawful_m2 == pytest.approx(100_000, rel=1e-6)
    assert one.given_up_m2 == pytest.approx(60_000, rel=1e-6)
    (both,) = find_smallest_cut(bar, plan, on=DAY, connected=False).itertuples()
    assert shapely.get_num_geometries(both.geometry) == 2
    assert both.given_up_m2 == 0
    assert both.kept_m2 == pytest.approx(200_000, rel=1e-6)


def test_a_site_in_two_parts_keeps_a_piece_of_each():
    parts = shapely.MultiPolygon([board_box(900, 100, 1200, 200), board_box(900, 500, 1300, 600)])
    (row,) = find_smallest_cut(sites(parts), chessboard_plan(farmland=["a1"]), on=DAY).itertuples()
    assert row.geometry.equals(shapely.MultiPolygon([board_box(1000, 100, 1200, 200), board_box(1000, 500, 1300, 600)]))


def test_a_lawful_site_is_kept_whole_and_a_lost_one_leaves_nothing():
    plan = chessboard_plan(farmland=["a1"])
    table = find_smallest_cut(square("a1", "h8"), plan, on=DAY).set_index("site_id")
    assert table.loc["h8", "cut_m2"] == 0
    assert table.loc["h8", "reason"] == "lawful as it stands"
    assert table.loc["a1", "kept_m2"] == 0
    assert table.loc["a1", "reason_zh"] == "地块内无合法部分"
    assert pd.isna(table.loc["a1", "verdict_after"])


def test_what_is_accepted_decides_what_is_cut():
    plan = chessboard_plan(red_line=["a1"])
    road = square_between("a1", "b1", activity="linear_infra")
    lenient = find_smallest_cut(road, plan, on=DAY)
    strict = find_smallest_cut(road, plan, on=DAY, accept="conditional")
    assert lenient["cut_m2"].tolist() == [0]
    assert strict["cut_m2"].tolist() == pytest.approx([125_000], rel=1e-6)


def test_cuts_of_the_sample_sites_are_lawful_and_balance():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EcozonesWarning)
        plan, placed = read_plan(DATA / "plan.gpkg"), read_sites(DATA / "sites.gpkg")
    for connected in (True, False):
        table = find_smallest_cut(placed, plan, on=DAY, connected=connected)
        cut = table[(table["cut_m2"] > 0) & (table["kept_m2"] > 0)]
        assert set(cut["site_id"]) == {"S06", "S18", "S32", "S36", "S39"}
        assert (cut["verdict_after"] <= "state_council").all()
        assert (table["error_m2"].abs() <= 1e-9 * table["whole_m2"]).loc[table["whole_m2"].notna()].all()
        assert (table["left_m2"] < 0.01).all()
        assert (table["given_up_m2"].fillna(0) >= 0).all()
        assert connected or (table["given_up_m2"].fillna(0) == 0).all()
    # four square metres of farmland, as the list of expected overlaps has it
    assert table.set_index("site_id").loc["S32", "cut_m2"] == pytest.approx(4, abs=0.01)


@pytest.mark.parametrize("verdict", ["undetermined", "prohibited", "maybe"])
def test_nobody_can_settle_for_what_is_barred_or_unknown(verdict):
    with pytest.raises(InputError, match="no verdict to settle for"):
        find_smallest_shift(square("a1"), chessboard_plan(), on=DAY, accept=verdict)


def test_a_line_without_width_has_no_area_to_cut():
    axis = shapely.LineString([(WEST + 500, SOUTH + 500), (WEST + 1500, SOUTH + 500)])
    table = find_smallest_cut(sites(axis), chessboard_plan(farmland=["a1"]), on=DAY)
    assert "give its width" in table["reason"].iloc[0]
    assert table["cut_m2"].isna().all()


# ------------------------------------------------------------------------------------------------------ the shift
def test_a_site_half_in_the_core_moves_out_by_half_its_side():
    plan = chessboard_plan(red_line={"a1": "core"}, urban=["a1", "b1"])
    (row,) = find_smallest_shift(square_between("a1", "b1"), plan, on=DAY).itertuples()
    assert (row.dx_m, row.dy_m, row.bearing_deg) == pytest.approx((250, 0, 90), abs=1e-6)
    assert (row.verdict_before, row.verdict_after) == ("prohibited", "conditional")
    assert row.left_m2 == 0
    assert row.geometry.area == pytest.approx(250_000, rel=1e-12)


def test_out_of_an_inner_corner_the_shortest_way_is_one_axis_only():
    # 30 m into the western square and 40 m into the southern one: the corner cell is free
    plan = chessboard_plan(farmland=["a2", "b1"])
    table = find_smallest_shift(sites(board_box(970, 960, 1100, 1100)), plan, on=DAY)
    assert table[["dx_m", "dy_m"]].to_numpy().ravel().tolist() == pytest.approx([30, 40], abs=1e-6)
    assert table["distance_m"].tolist() == pytest.approx([50], abs=1e-6)


def test_a_round_the_corner_way_is_shorter_than_straight_ahead():
    # a diamond that touches a corner of the farmland leaves it at right angles to its own side
    diamond = shapely.Polygon([(0, -100), (100, 0), (0, 100), (-100, 0)])
    placed = shapely.transform(diamond, lambda xy: xy + [WEST + 1040, SOUTH + 1040])
    table = find_smallest_shift(sites(placed), chessboard_plan(farmland=["a1"]), on=DAY)
    # its side x + y = 980 + 1000 has to go to 2000: by 20 along both axes' diagonal
    assert table["distance_m"].tolist() == pytest.approx([20 / math.sqrt(2)], abs=1e-6)
    assert table["bearing_deg"].tolist() == pytest.approx([45], abs=1e-4)


def test_a_gap_exactly_as_wide_as_the_site_lets_it_through():
    # rows 1 and 3 of the board are farmland but for the lane between them, which is as high as the site
    plan = chessboard_plan(farmland=[f"{letter}{rank}" for letter in "abcdefgh" for rank in (1, 3)])
    table = find_smallest_shift(sites(board_box(2000, 1007, 3000, 2007)), plan, on=DAY)
    assert table["distance_m"].tolist() == pytest.approx([7], abs=1e-6)
    assert table["left_m2"].tolist() == [0]


def test_a_site_too_large_for_the_lane_finds_no_place_and_says_so():
    plan = chessboard_plan(farmland=[f"{letter}{rank}" for letter in "abcdefgh" for rank in (1, 3)])
    table = find_smallest_shift(sites(board_box(2000, 1007, 3000, 2008)), plan, on=DAY, within_m=900)
    assert table["distance_m"].isna().all()
    assert table["reason"].tolist() == ["no lawful place within 900 m"]
    assert table["reason_zh"].tolist() == ["900 米范围内无合法位置"]
    assert table.geometry.is_empty.all()


def test_ground_outside_a_line_is_no_place_for_what_belongs_inside():
    # concentrated building only inside the boundary: the square has to come in by 100 and 50
    plan = chessboard_plan(urban=["b2"])
    table = find_smallest_shift(sites(board_box(900, 950, 1300, 1300), activity="urban_cluster"), plan, on=DAY)
    assert table[["dx_m", "dy_m"]].to_numpy().ravel().tolist() == pytest.approx([100, 50], abs=1e-6)


def test_nobody_is_sent_to_ground_that_the_plan_does_not_cover():
    # the shortest way out of the farmland leads over the rim of the county
    plan = chessboard_plan(farmland=["a1"])
    table = find_smallest_shift(sites(board_box(10, 400, 110, 500)), plan, on=DAY, within_m=1_000)
    assert table[["dx_m", "dy_m"]].to_numpy().ravel().tolist() == pytest.approx([0, 600], abs=1e-6)


def test_a_line_that_the_plan_lacks_cannot_be_avoided_by_moving():
    table = find_smallest_shift(square("a1"), chessboard_plan(red_line=None), on=DAY)
    assert "the plan lacks ecological_red_line" in table["reason"].iloc[0]
    assert "生态保护红线" in table["reason_zh"].iloc[0]
    assert table["dx_m"].isna().all()


def test_a_lawful_site_stays_and_a_strip_that_does_not_decide_moves_nobody():
    plan = chessboard_plan(farmland=["a1"])
    table = find_smallest_shift(sites(board_box(999.95, 100, 1100, 200), board_box(3000, 0, 3100, 100)), plan, on=DAY)
    assert table["distance_m"].tolist() == [0, 0]
    assert table["bearing_deg"].isna().all()


def test_lines_and_points_move_until_they_touch_nothing():
    plan = chessboard_plan(farmland=["b2"])
    axis = shapely.LineString([(WEST + 1010, SOUTH + 900), (WEST + 1010, SOUTH + 2100)])
    point = shapely.Point(WEST + 1500, SOUTH + 1030)
    table = find_smallest_shift(sites(axis, point), plan, on=DAY)
    assert table["distance_m"].tolist() == pytest.approx([10, 30], abs=1e-3)
    # a line on the rim lies on the farmland, so both keep a hair of distance
    assert (table["clearance_m"] > 0).all()
    again = check_sites(sites(*table.geometry), plan, on=DAY)
    assert (again.verdicts["verdict"] <= "state_council").all()


def test_a_corridor_moves_as_wide_as_it_is():
    plan = chessboard_plan(farmland=["b2"])
    axis = shapely.LineString([(WEST + 1010, SOUTH + 900), (WEST + 1010, SOUTH + 2100)])
    table = find_smallest_shift(sites(axis).assign(width_m=40.0), plan, on=DAY)
    assert table["distance_m"].tolist() == pytest.approx([30], abs=1e-6)
    assert table.geometry.iloc[0].geom_type == "LineString"


def test_a_site_in_another_plane_is_moved_in_that_of_the_plan():
    plan = chessboard_plan(farmland=["a1"])
    there = sites(board_box(900, 100, 1200, 300)).to_crs("EPSG:4490")
    (row,) = find_smallest_shift(there, plan, on=DAY).itertuples()
    assert row.distance_m == pytest.approx(100, abs=2e-3)
    assert row.left_m2 == 0


def in_degrees(plan):
    """Give the same county drawn in degrees, its edges with points every ten metres so that they stay straight."""

    def turned(frame):
        return frame.set_geometry(frame.segmentize(10)).to_crs("EPSG:4490")

    layers = {line: turned(plan[line]) for line in plan.lines if len(plan[line])}
    return ZoningPlan.from_layers(layers, extent=turned(plan.extent))


def test_a_plan_in_degrees_gives_the_same_metres():
    plan = in_degrees(chessboard_plan(red_line={"a1": "core"}, farmland=["b2"], urban=["a1", "b1"]))
    there = sites(board_box(900, 100, 1200, 300)).to_crs("EPSG:4490")
    (moved,) = find_smallest_shift(there, plan, on=DAY).itertuples()
    assert moved.distance_m == pytest.approx(100, abs=2e-3)
    assert moved.verdict_after == "conditional"
    (cut,) = find_smallest_cut(there, plan, on=DAY).itertuples()
    assert cut.cut_share == pytest.approx(1 / 3, abs=1e-4)
    assert cut.verdict_after == "conditional"
    table = compare_routes(routes().to_crs("EPSG:4490"), plan, on=DAY)
    assert row_of(table, route_id="A", level="line", line=RED).length_m == pytest.approx(500, abs=0.1)
    assert row_of(table, route_id="B", level="line", line=FARM).length_m == pytest.approx(1_000, abs=0.1)


# --------------------------------------------------------------------------------------------- the plane of moves
def blob(rng, *, corners, radius):
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
    reach = radius * rng.uniform(0.3, 1, corners)
    return shapely.make_valid(shapely.Polygon(np.c_[reach * np.cos(angle), reach * np.sin(angle)]))


def largest_part(shape):
    return max((part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"), key=shapely.area)


@pytest.mark.parametrize("seed", range(8))
def test_convex_parts_are_convex_and_make_up_the_shape(seed):
    rng = np.random.default_rng(seed)
    shape = largest_part(blob(rng, corners=24, radius=50).difference(shapely.Point(2, 1).buffer(4)))
    parts = [shapely.Polygon(part) for part in convex_parts(shape)]
    assert all(part.convex_hull.area == pytest.approx(part.area, rel=1e-9) for part in parts)
    assert sum(part.area for part in parts) == pytest.approx(shape.area, rel=1e-9)
    assert shapely.union_all(parts).symmetric_difference(shape).area < 1e-9 * shape.area


@pytest.mark.parametrize("seed", range(6))
def test_a_move_is_forbidden_exactly_where_the_moved_shape_meets_the_ground(seed):
    rng = np.random.default_rng(seed)
    shape = largest_part(blob(rng, corners=12, radius=20))
    ground = shapely.union_all(
        [
            shapely.affinity.translate(largest_part(blob(rng, corners=9, radius=25)), *rng.uniform(-60, 60, 2))
            for _ in range(5)
        ]
    ).difference(shapely.Point(10, 0).buffer(15))
    obstacle = find_obstacle(shape, ground, reach=60)
    moves = rng.uniform(-60, 60, (4_000, 2))
    # moves within a hair of the rim are left out: rounding decides them
    clear = shapely.distance(shapely.boundary(obstacle.geometry), shapely.points(moves)) > 1e-6
    moves = moves[clear]
    moved = [shapely.affinity.translate(shape, *move) for move in moves]
    assert (
        shapely.intersects(obstacle.geometry, shapely.points(moves)) == shapely.intersects(ground, np.array(moved))
    ).all()


def every_metre(shape, forbidden, limit):
    """Give the length of the shortest free move on a grid of 1 m, infinity where none is shorter than the limit."""
    n = math.floor(limit)
    east, north = (axis.ravel() for axis in np.meshgrid(np.arange(-n, n + 1.0), np.arange(-n, n + 1.0)))
    length = np.hypot(east, north)
    near = np.flatnonzero(length < limit)
    near = near[np.argsort(length[near], kind="stable")]
    shapely.prepare(forbidden)
    xy = shapely.get_coordinates(shape)
    for chunk in np.array_split(near, max(1, len(near) // 500)):
        moved = shapely.polygons(xy[None] + np.c_[east, north][chunk][:, None, :])
        free = ~shapely.intersects(forbidden, moved)
        if free.any():
            return float(length[chunk[free][0]])
    return math.inf


def random_sites(rng, places, activities):
    """Give random rectangles, corners and blobs at random places."""
    shapes, kinds = [], []
    for place in places:
        kind = rng.integers(3)
        if kind == 0:
            shape = shapely.affinity.rotate(shapely.box(0, 0, *rng.uniform(8, 70, 2)), rng.uniform(0, 90))
        elif kind == 1:
            arm = rng.uniform(10, 40)
            corner = [(0, 0), (2 * arm, 0), (2 * arm, arm), (arm, arm), (arm, 2 * arm), (0, 2 * arm)]
            shape = shapely.affinity.rotate(shapely.Polygon(corner), rng.uniform(0, 360))
        else:
            shape = shapely.remove_repeated_points(
                shapely.Polygon(largest_part(blob(rng, corners=14, radius=45)).exterior)
            )
        shapes.append(shapely.affinity.translate(shape, *place))
        kinds.append(str(rng.choice(activities)))
    return shapes, kinds


def assert_shortest(table, forbidden_near, *, within, hair):
    """Nothing shorter is free on the grid, what was found is free, and so is some move of the grid just beyond it."""
    found, near = 0, 0
    for row, forbidden in zip(table.itertuples(), forbidden_near, strict=True):
        shrunk = forbidden.buffer(-hair)
        if np.isnan(row.distance_m):
            assert every_metre(row.before, shrunk, within) == math.inf, row.site_id
            continue
        tried = every_metre(row.before, shrunk, row.distance_m + 2)
        assert tried >= row.distance_m - 10 * hair, row.site_id
        assert not row.geometry.intersects(shrunk), row.site_id
        found, near = found + 1, near + math.isfinite(tried)
    assert near > 0.8 * found
    return found


def board_case(rng, n):
    letters = [f"{letter}{rank}" for letter in "abcdefgh" for rank in range(1, 9)]
    chosen = rng.permutation(letters)
    red, farm, urban = chosen[:12], chosen[10:26], chosen[22:46]
    plan = chessboard_plan(
        side_m=150, red_line=list(red), farmland=list(farm), urban=dict.fromkeys(urban, "concentrated")
    )
    board = plan.extent.total_bounds
    shapes, kinds = random_sites(
        rng, rng.uniform(board[:2] - 10, board[2:] + 10, (n, 2)), ["ordinary_build", "urban_cluster"]
    )
    ground = shapely.union_all([*plan[RED].geometry, *plan[FARM].geometry])
    inside = shapely.union_all(plan[URBAN].geometry.to_numpy())
    county = shapely.box(*board)
    beyond = county.buffer(500).difference(county)
    barred = {
        # as the rules of that day have it: concentrated building only inside the boundary
        "ordinary_build": shapely.union_all([ground, beyond]),
        "urban_cluster": shapely.union_all([ground, beyond, county.difference(inside)]),
    }
    return plan, sites(*shapes, activity=kinds), barred


def county_case(rng, n):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EcozonesWarning)
        plan = read_plan(DATA / "plan.gpkg")
    dense = plan[RED].set_geometry(shapely.segmentize(plan[RED].geometry.to_numpy(), 1e-4), crs=plan[RED].crs)
    red = dense.to_crs(plan.crs).geometry.make_valid().union_all()
    farm = plan[FARM].query("subzone == 'pbf'").union_all()
    urban = plan[URBAN].query("subzone != 'special'").union_all()
    county = plan.extent.union_all()
    beyond = county.buffer(2_000).difference(county)
    ground = shapely.union_all([red, farm, beyond])
    barred = {
        "village_build": ground,
        "urban_cluster": shapely.union_all([ground, county.difference(urban)]),
    }
    edges = [red.boundary, farm.boundary, urban.boundary, county.boundary]
    places = [
        np.array(edge.interpolate(rng.uniform(), normalized=True).coords[0]) + rng.uniform(-30, 30, 2)
        for edge in rng.choice(np.array(edges, dtype=object), n)
    ]
    shapes, kinds = random_sites(rng, places, list(barred))
    return plan, sites(*shapes, activity=kinds, crs=plan.crs), barred


@pytest.mark.parametrize(
    ("case", "n", "hair", "within"),
    [
        pytest.param(board_case, 200, 1e-6, 40, id="board"),
        pytest.param(county_case, 200, 1e-3, 40, id="county"),
        pytest.param(board_case, 200, 1e-6, 150, id="board-far", marks=pytest.mark.slow),
        pytest.param(county_case, 200, 1e-3, 150, id="county-far", marks=pytest.mark.slow),
    ],
)
def test_no_move_on_a_grid_of_a_metre_is_shorter(case, n, hair, within):
    plan, candidates, barred = case(np.random.default_rng(11), 4 * n)
    failing = check_sites(candidates, plan, on=DAY).verdicts["verdict"] > "state_council"
    chosen = candidates[failing.to_numpy()].iloc[:n].reset_index(drop=True)
    assert len(chosen) == n
    table = find_smallest_shift(chosen, plan, on=DAY, within_m=within).assign(before=chosen.geometry)
    near = [
        shapely.intersection(barred[row.activity], shapely.box(*shapely.bounds(row.before.buffer(within + 10))))
        for row in table.itertuples()
    ]
    found = assert_shortest(table, near, within=within, hair=hair)
    assert found > n / 4
    again = check_sites(table[table["distance_m"].notna()], plan, on=DAY, ignore_below_m2=0, ignore_narrower_m=0)
    assert (again.verdicts["verdict"] <= "state_council").all()


# ------------------------------------------------------------------------------------------------------ the routes
def routes():
    """Give two ways across the board: straight through the red line, partly in a tunnel, and around by the north."""

    def line(*points):
        return shapely.LineString([(WEST + x, SOUTH + y) for x, y in points])

    return gpd.GeoDataFrame(
        {
            "route_id": ["A", "A", "A", "B"],
            "structure": ["路基", "隧道", "surface", None],
            "activity": ["linear_infra", "crossing_no_land", "linear_infra", "linear_infra"],
            "width_m": 20.0,
        },
        geometry=[
            line((500, 500), (1200, 500)),
            line((1200, 500), (1800, 500)),
            line((1800, 500), (3500, 500)),
            line((500, 500), (500, 1500), (3500, 1500), (3500, 500)),
        ],
        crs=BOARD_CRS,
    )


@pytest.fixture
def board():
    return chessboard_plan(red_line={"b1": "core", "c1": "general"}, farmland=["d2"], urban=["h8"])


def row_of(table, **keys):
    chosen = table
    for name, value in keys.items():
        chosen = chosen[chosen[name] == value]
    (row,) = chosen.itertuples()
    return row


def test_routes_are_compared_by_line_and_subzone(board):
    table = compare_routes(routes(), board, on=DAY)
    core = row_of(table, route_id="A", level="subzone", line=RED, subzone="core")
    assert (core.crossings, core.verdict) == (1, "conditional")
    assert core.length_m == pytest.approx(1_000, rel=1e-6)
    assert core.tunnel_m == pytest.approx(600, rel=1e-6)
    assert core.structure_share == pytest.approx(0.6, rel=1e-6)
    assert core.area_m2 == pytest.approx(20_000, rel=1e-5)
    assert core.surface_area_m2 == pytest.approx(8_000, rel=1e-5)
    assert set(core.rule_ids.split("; ")) == {"ECRL-C-02", "ECRL-C-04"}
    whole = row_of(table, route_id="A", level="line", line=RED)
    # both sub-zones are one stretch of the line
    assert (whole.crossings, whole.verdict) == (1, "provincial_opinion")
    assert whole.length_m == pytest.approx(2_000, rel=1e-6)
    assert whole.share == pytest.approx(2 / 3, rel=1e-6)
    around = row_of(table, route_id="B", level="line", line=RED)
    assert (around.crossings, around.length_m, around.verdict) == (0, 0, "clear")
    farm = row_of(table, route_id="B", level="line", line=FARM)
    assert farm.length_m == pytest.approx(1_000, rel=1e-6)


def test_the_total_of_a_route_counts_ground_once():
    plan = chessboard_plan(red_line=["b1"], farmland=["b1", "c1"])
    table = compare_routes(routes(), plan, on=DAY)
    total = row_of(table, route_id="A", level="route")
    assert total.length_m == pytest.approx(2_000, rel=1e-6)
    assert total.crossings == 1
    assert total.verdict == "prohibited"
    assert total.whole_m == pytest.approx(3_000, rel=1e-6)


def test_a_route_that_goes_in_twice_crosses_twice():
    plan = chessboard_plan(farmland=["b1", "b2"])
    axis = shapely.LineString([(WEST + x, SOUTH + y) for x, y in ((500, 500), (2500, 500), (2500, 1500), (500, 1500))])
    table = compare_routes(
        gpd.GeoDataFrame({"route_id": ["A"], "activity": ["linear_infra"]}, geometry=[axis], crs=BOARD_CRS),
        plan,
        on=DAY,
    )
    farm = row_of(table, level="line", line=FARM)
    assert farm.crossings == 2
    assert np.isnan(farm.area_m2)


def test_the_argument_says_which_alternatives_avoid_a_line_and_which_none_does(board):
    table = compare_routes(routes(), board, on=DAY)
    zh = describe_routes(table, board)
    said = (
        "A：全长3.000公里；穿越生态保护红线1处、2.000公里（其中桥梁、隧道0.600公里，占30.0%），"
        "廊道4.0000公顷，其中地面段2.8000公顷"
    )
    assert said in zh
    assert "生态保护红线：所列2个方案中“B”不穿越，所列方案不能说明其不可避让。" in zh
    en = describe_routes(table[table["route_id"] == "A"], board, language="en")
    assert "corridor 4.0000 ha, of which 2.8000 ha on the surface" in en
    assert "ecological protection red line: crossed by every alternative of 1 listed, the least by A (2.000 km)." in en


def test_a_route_over_ground_that_the_plan_does_not_cover_avoids_nothing(board):
    astray = routes().query("route_id == 'B'")
    astray = astray.set_geometry(astray.translate(-800, 2_000))
    table = compare_routes(astray, board, on=DAY)
    uncovered = row_of(table, level="subzone", line=RED, ground="uncovered")
    assert uncovered.length_m == pytest.approx(1_000 + 300, rel=1e-6)
    assert uncovered.verdict == "undetermined"
    assert row_of(table, level="route").verdict == "undetermined"
    assert "“B”未见穿越，但有规划未覆盖路段，无从判定" in describe_routes(table, board)
    assert "which leave the ground that the plan covers: not known" in describe_routes(table, board, language="en")


def test_a_layer_that_the_plan_lacks_is_told_beside_the_routes():
    plan = chessboard_plan(red_line=None)
    table = compare_routes(routes(), plan, on=DAY)
    assert "生态保护红线：规划缺少该图层，无从判定。" in describe_routes(table, plan)
    assert row_of(table, route_id="B", level="route").verdict == "undetermined"


def test_routes_that_are_no_lines_or_have_strange_structures_are_refused(board):
    with pytest.raises(SchemaError, match="are no lines"):
        compare_routes(routes().set_geometry(routes().buffer(5)), board, on=DAY)
    with pytest.raises(SchemaError, match="ferry not known"):
        compare_routes(routes().assign(structure="ferry"), board, on=DAY)
    with pytest.raises(SchemaError, match="route_id"):
        compare_routes(routes().drop(columns="route_id"), board, on=DAY)
