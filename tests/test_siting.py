"""May this be built here: sites on a chessboard, where every answer is known without a computer."""

import datetime as dt

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from ecozones.errors import RepairWarning, SchemaError
from ecozones.patches import Slivers, divide
from ecozones.plan import ZoningPlan
from ecozones.siting import check_sites
from ecozones.testing import BOARD_CRS, chessboard_plan, square, square_between

DAY = dt.date(2026, 6, 1)
RED, FARM, URBAN = "ecological_red_line", "permanent_basic_farmland", "urban_development_boundary"


def line_of(review, site_id, line):
    lines = review.lines
    (row,) = lines[(lines["site_id"] == site_id) & (lines["line"] == line)].itertuples()
    return row


def frame(*shapes, **columns):
    ids = [f"S{i + 1}" for i in range(len(shapes))]
    return gpd.GeoDataFrame(
        {"site_id": ids, "activity": "ordinary_build"} | columns, geometry=list(shapes), crs=BOARD_CRS
    )


def test_half_the_site_outside_the_boundary_is_half_its_area():
    review = check_sites(square_between("a1", "b1"), chessboard_plan(urban=["a1"]), on=DAY)
    outside = review.findings.query("line == @URBAN and subzone == 'outside'")
    assert outside["share"].tolist() == pytest.approx([0.5], abs=1e-6)
    assert line_of(review, "a1-b1", URBAN).share == pytest.approx(0.5, abs=1e-6)


def test_outside_the_urban_boundary_is_a_route_and_no_refusal():
    review = check_sites(square("h8", activity="infra_outside"), chessboard_plan(urban=["a1"]), on=DAY)
    assert review.verdicts["verdict"].tolist() == ["conditional"]
    assert review.verdicts["rule_ids"].tolist() == ["UDB-OUT-03"]


def test_building_in_the_core_of_the_red_line_is_prohibited_with_its_article():
    review = check_sites(square("a1"), chessboard_plan(red_line={"a1": "core"}, urban=["a1"]), on=DAY)
    (found,) = review.findings.query("line == @RED and role == 'decides'").itertuples()
    assert found.verdict == "prohibited"
    assert found.rule_id == "ECRL-C-00"
    assert "指导意见" in found.citation
    assert found.area_m2 == pytest.approx(250_000, rel=1e-6)
    assert found.area_mu == pytest.approx(375, rel=1e-6)


def test_the_verdict_is_that_of_the_day():
    plan = chessboard_plan(red_line={"a1": "core"}, urban=["a1"])
    site = square("a1", activity="crossing_no_land")
    before, after = (
        check_sites(site, plan, on=day).verdicts["verdict"].iloc[0] for day in ("2026-03-14", "2026-03-15")
    )
    assert (before, after) == ("prohibited", "conditional")


def test_before_its_first_rule_a_red_line_leaves_ground_undetermined():
    plan = chessboard_plan(red_line={"a1": "general"}, urban=["a1"])
    review = check_sites(square("a1", activity="eco_tourism"), plan, on="2020-01-01")
    assert review.verdicts["verdict"].tolist() == ["undetermined"]


def test_ground_beyond_the_extent_is_undetermined_and_says_so():
    review = check_sites(square("j1"), chessboard_plan(), on=DAY)
    assert review.verdicts["verdict"].tolist() == ["undetermined"]
    assert line_of(review, "j1", RED).covered_share == 0.0
    assert "未覆盖" in review.verdicts["reason_zh"].iloc[0]


def test_a_line_that_the_plan_lacks_leaves_every_site_undetermined():
    review = check_sites(square("a1", activity="farming"), chessboard_plan(red_line=None), on=DAY)
    assert line_of(review, "a1", RED).relation == "not_checked"
    assert review.verdicts["verdict"].tolist() == ["undetermined"]


def test_a_line_drawn_for_a_part_of_the_county_covers_just_that_part():
    plan = chessboard_plan(urban=["a1", "b1"], coverage={RED: ["a1"]})
    row = line_of(check_sites(square_between("a1", "b1"), plan, on=DAY), "a1-b1", RED)
    assert row.covered_share == pytest.approx(0.5, abs=1e-6)
    assert row.verdict == "undetermined"


def test_without_an_extent_nothing_is_clear():
    plan = chessboard_plan(red_line=["h8"], urban=["a1"])
    open_plan = ZoningPlan.from_layers(dict(plan.lines))
    assert check_sites(square("b2"), open_plan, on=DAY).verdicts["verdict"].tolist() == ["undetermined"]


def test_every_site_has_a_row_for_every_line_also_where_nothing_is_met():
    review = check_sites(square("a1", "c3"), chessboard_plan(urban=["a1", "c3"]), on=DAY)
    assert len(review.lines) == 2 * 3
    assert line_of(review, "c3", RED).overlap_m2 == 0.0
    assert line_of(review, "c3", RED).verdict == "clear"


@pytest.mark.parametrize(
    ("west", "relation", "distance"),
    [(-400, "inside", 0), (-100, "crosses", 0), (0, "touches", 0), (30, "near", 30), (80, "apart", 80)],
)
def test_inside_crosses_touches_near_and_apart(west, relation, distance):
    plan = chessboard_plan(red_line=["d4"])
    edge, south = plan[RED].total_bounds[2], plan[RED].total_bounds[1]
    site = frame(shapely.box(edge + west, south + 100, edge + west + 200, south + 300))
    row = line_of(check_sites(site, plan, on=DAY, setback_m={RED: 50}), "S1", RED)
    assert row.relation == relation
    assert row.distance_m == pytest.approx(distance)


def test_a_sliver_is_listed_and_decides_nothing():
    plan = chessboard_plan(red_line={"d4": "core"}, urban=["e4"])
    edge, south = plan[RED].total_bounds[2], plan[RED].total_bounds[1]
    site = frame(shapely.box(edge - 0.05, south + 100, edge + 200, south + 300))
    review = check_sites(site, plan, on=DAY)
    row = line_of(review, "S1", RED)
    assert (row.relation, row.verdict) == ("touches", "clear")
    assert row.sliver_m2 == pytest.approx(10, rel=1e-3)
    assert review.findings.query("line == @RED")["role"].tolist() == ["sliver"]
    assert review.verdicts["verdict"].tolist() == ["conditional"]


def test_a_hair_along_an_edge_makes_no_sliver_of_the_ground_at_its_root():
    # left of a real site by GEOS: ground of some 0.35 m by 9 m, and a hair of 400 m along the edge of the site
    rest = [
        (9560.09566749, 7423.8314285576), (9560.333376005, 7424.1430669324), (9561.766, 7422.894),
        (9566.761, 7419.375), (9567.355061814, 7418.2941777078), (9886.6843437, 7174.7192650842),
    ]  # fmt: skip
    part = shapely.transform(shapely.Polygon(rest), lambda xy: xy + [490_000, 3_360_000])
    ground = shapely.Polygon(shapely.get_coordinates(part)[:5])
    assert part.area == pytest.approx(ground.area, rel=1e-5)
    plan = ZoningPlan.from_layers({FARM: gpd.GeoDataFrame(geometry=[part], crs=BOARD_CRS)})
    site = shapely.union(part, shapely.box(*part.bounds)).buffer(50)
    patches, _ = divide(frame(site), plan, FARM, slivers=Slivers())
    (row,) = patches[patches["kind"] == "claimed"].itertuples()
    assert not row.sliver
    assert row.width_m == pytest.approx(2 * ground.area / ground.length, rel=0.01)
    assert row.area_m2 == pytest.approx(part.area, rel=1e-3)


def test_a_site_that_is_small_or_narrow_as_a_whole_is_no_sliver():
    plan = chessboard_plan(red_line={"d4": "core"}, urban=["e4"])
    x, y = plan[RED].geometry.iloc[0].centroid.coords[0]
    edge = plan[RED].total_bounds[2]
    mast = shapely.box(x, y, x + 0.9, y + 0.9)
    sites = frame(
        mast,
        shapely.MultiPolygon([shapely.box(x + 3 * i, y, x + 3 * i + 0.9, y + 0.9) for i in range(30)]),
        shapely.LineString([(x, y), (x + 100, y)]),
        shapely.box(edge - 0.45, y, edge + 0.45, y + 0.9),
        width_m=[np.nan, np.nan, 0.08, np.nan],
    )
    review = check_sites(sites, plan, on=DAY)
    assert review.verdicts["verdict"].astype(str).tolist() == ["prohibited"] * 4
    relations = ["inside", "inside", "inside", "crosses"]
    assert [line_of(review, site, RED).relation for site in sites["site_id"]] == relations


def test_narrow_parcels_side_by_side_are_no_slivers():
    strips = [shapely.box(500_000 + i * 0.05, 3_320_100, 500_000 + (i + 1) * 0.05, 3_320_200) for i in range(400)]
    board = chessboard_plan(urban=["a1"])
    farm = gpd.GeoDataFrame({"feature_id": [str(i) for i in range(400)]}, geometry=strips, crs=BOARD_CRS)
    site = frame(shapely.box(499_990, 3_320_120, 500_030, 3_320_180))
    review = check_sites(site, board.replace(permanent_basic_farmland=farm), on=DAY)
    row = line_of(review, "S1", FARM)
    assert row.relation == "crosses"
    assert row.overlap_m2 == pytest.approx(20 * 60, rel=1e-3)
    assert row.sliver_m2 == 0.0


def test_a_small_part_belongs_to_the_thin_triangle_beside_it():
    # GEOS loses this triangle where it works on a grid of 0.1 mm
    a, b = (36556564.542, 3465703.366), (36556566.99087385, 3465696.9249554076)
    c, beside = (36556560.01885722, 3465712.8020323548), (36556562.12, 3465708.62)
    farm = gpd.GeoDataFrame(geometry=[shapely.Polygon([c, a, b]), shapely.Polygon([c, a, beside])], crs="EPSG:4524")
    assert farm.area.tolist() == pytest.approx([3.013, 0.455], rel=1e-3)
    plan = ZoningPlan.from_layers({FARM: farm})
    site = gpd.GeoDataFrame(geometry=[farm.union_all().buffer(30)], crs=farm.crs)
    patches, _ = divide(site, plan, FARM, slivers=Slivers())
    claimed = patches[patches["kind"] == "claimed"]
    assert claimed["parts"].tolist() == [1, 1]
    assert not claimed["sliver"].any()


def test_overlapping_features_of_one_line_are_counted_once_and_summed_beside():
    corner = shapely.box(500_000, 3_320_000, 500_300, 3_320_300)
    boxes = [
        shapely.box(500_000, 3_320_000, 500_200, 3_320_200),
        shapely.box(500_100, 3_320_000, 500_300, 3_320_200),
        shapely.box(500_100, 3_320_100, 500_300, 3_320_300),
    ]
    farm = gpd.GeoDataFrame({"feature_id": list("abc")}, geometry=boxes, crs=BOARD_CRS)
    row = line_of(
        check_sites(frame(corner), chessboard_plan().replace(permanent_basic_farmland=farm), on=DAY), "S1", FARM
    )
    assert row.overlap_m2 == pytest.approx(80_000, rel=1e-6)
    assert row.overlap_sum_m2 == pytest.approx(120_000, rel=1e-6)


def test_a_corridor_is_as_wide_as_stated():
    plan = chessboard_plan(farmland=["d4"])
    west, south, east, _ = plan[FARM].total_bounds
    road = frame(shapely.LineString([(west - 100, south + 500), (east + 100, south + 500)]), width_m=30.0)
    row = line_of(check_sites(road, plan, on=DAY), "S1", FARM)
    assert row.overlap_m2 == pytest.approx(30_000, rel=1e-6)


@pytest.mark.parametrize("crs", ["EPSG:4490", "EPSG:3857", "EPSG:4548", "ESRI:102025"])
def test_a_metre_of_width_is_a_metre_on_the_ground_whatever_the_sketch_was_drawn_on(crs):
    plan = chessboard_plan(farmland=["d4"])
    west, south, _, _ = plan[FARM].total_bounds
    road = frame(shapely.LineString([(west + 100, south + 500), (west + 600, south + 500)]), width_m=30.0).to_crs(crs)
    review = check_sites(road, plan, on=DAY)
    # a zone three degrees off stretches by a thousandth, which is left alone
    assert line_of(review, "S1", FARM).overlap_m2 == pytest.approx(15_000, rel=1.2e-3)
    assert review.verdicts["area_m2"].tolist() == pytest.approx([15_000], rel=1.2e-3)


def test_a_corridor_changes_nothing_for_the_sites_beside_it():
    plan = chessboard_plan(farmland=["d4"])
    sites = pd.concat([square("d4"), square("a1")], ignore_index=True).to_crs("EPSG:4490")
    alone = check_sites(sites.iloc[:1], plan, on=DAY)
    x, y = sites.geometry.iloc[1].centroid.coords[0]
    route = sites.geometry.where([True, False], shapely.LineString([(x, y), (x + 0.001, y)]))
    beside = check_sites(sites.set_geometry(route).assign(width_m=[np.nan, 20.0]), plan, on=DAY)
    pd.testing.assert_frame_equal(alone.lines, beside.lines.head(len(alone.lines)), check_exact=True)
    assert alone.verdicts["area_m2"].iloc[0] == beside.verdicts["area_m2"].iloc[0]


def test_distances_are_metres_where_the_line_is_drawn_in_feet():
    feet = "+proj=tmerc +lon_0=114 +x_0=500000 +units=us-ft +datum=WGS84"
    plan = chessboard_plan(red_line={"d4": "core"})
    east, south = plan[RED].total_bounds[2], plan[RED].total_bounds[1]
    drawn = ZoningPlan.from_layers({RED: plan[RED].to_crs(feet)})
    site = frame(shapely.box(east + 90, south, east + 100, south + 10))
    assert line_of(check_sites(site, drawn, on=DAY, lines=[RED]), "S1", RED).distance_m == pytest.approx(90, rel=1e-3)


def test_a_line_without_width_is_measured_by_length_and_a_point_is_in_or_out():
    plan = chessboard_plan(red_line={"d4": "core"})
    west, south, east, _ = plan[RED].total_bounds
    sites = frame(
        shapely.LineString([(west - 100, south + 500), (east + 100, south + 500)]),
        shapely.Point(west + 5, south + 5),
        shapely.Point(west - 5, south),
    )
    review = check_sites(sites, plan, on=DAY)
    assert line_of(review, "S1", RED).overlap_m == pytest.approx(1_000, rel=1e-6)
    assert [line_of(review, site, RED).relation for site in ("S2", "S3")] == ["inside", "apart"]
    assert review.verdicts["verdict"].astype(str).tolist()[:2] == ["prohibited", "prohibited"]


def test_farmland_kept_inside_the_urban_boundary_is_a_warning_beside_the_verdict():
    review = check_sites(square("a1", activity="farming"), chessboard_plan(farmland=["a1"], urban=["a1"]), on=DAY)
    notices = review.findings.query("role == 'notice'")
    assert "OV-PBF-UDB" in notices["rule_id"].tolist()
    assert notices["verdict"].isna().all()


def test_the_pieces_of_every_site_sum_to_the_site():
    plan = chessboard_plan(red_line={"a1": "core", "b2": "general"}, farmland=["a1", "b1", "c3"], urban=["a2"])
    sites = pd.concat([square_between("a1", "b1"), square("a1", "b2", "c3", "h8", size_m=1_700)], ignore_index=True)
    balance = check_sites(gpd.GeoDataFrame(sites, crs=BOARD_CRS), plan, on=DAY).balance
    assert len(balance) == 5 * 3
    assert balance["error_share"].max() < 1e-9


def test_the_plan_keeps_its_vertices_when_the_sites_come_in_another_crs():
    plan = chessboard_plan(red_line={"a1": "core"}, urban=["a1"])
    before = shapely.to_wkb(plan[RED].geometry.to_numpy()).tolist()
    review = check_sites(square("a1").to_crs("EPSG:4490"), plan, on=DAY)
    assert shapely.to_wkb(plan[RED].geometry.to_numpy()).tolist() == before
    assert line_of(review, "a1", RED).overlap_m2 == pytest.approx(250_000, rel=1e-5)
    assert review.balance["error_share"].max() < 1e-9


def test_a_line_in_degrees_keeps_its_degrees():
    plan = chessboard_plan(red_line={"a1": "core"}, urban=["a1"])
    degrees = plan.replace(ecological_red_line=plan[RED].to_crs("EPSG:4490"))
    row = line_of(check_sites(square_between("a1", "b1"), degrees, on=DAY), "a1-b1", RED)
    assert degrees[RED].crs.is_geographic
    assert row.overlap_m2 == pytest.approx(125_000, rel=1e-5)
    far = line_of(check_sites(square("d1"), degrees, on=DAY), "d1", RED)
    assert far.distance_m == pytest.approx(2_250, rel=1e-4)


def test_all_problems_of_the_sites_are_told_at_once():
    sites = frame(
        shapely.box(0, 0, 1, 1),
        shapely.Polygon(),
        shapely.box(1, 1, 2, 2),
        activity=["ordinary_build", "no such thing", None],
    )
    sites["site_id"] = ["A", "A", "B"]
    with pytest.raises(SchemaError) as caught:
        check_sites(
            sites.set_geometry(shapely.transform(sites.geometry.to_numpy(), lambda xy: xy + [500_000, 3_320_000])),
            chessboard_plan(),
            on=DAY,
        )
    assert sorted(caught.value.problems["problem"].str.split().str[-1]) == sorted(
        ["repeated", "repeated", "empty", "rules"]
    )


def test_what_cannot_be_judged_is_refused_and_never_passed_over():
    plan = chessboard_plan(red_line={"d4": "core"})
    x, y = plan[RED].geometry.iloc[0].centroid.coords[0]
    route = shapely.LineString([(x + 5_000, y), (x + 5_100, y)])
    with pytest.raises(SchemaError, match="row 0: geometry is a collection"):
        check_sites(frame(shapely.GeometryCollection([shapely.Point(x, y), route])), plan, on=DAY)
    with pytest.raises(SchemaError, match=r"row 0: width_m '十米'.*row 1: width_m -5"):
        check_sites(frame(route, route, width_m=["十米", -5]), plan, on=DAY)
    with pytest.raises(SchemaError, match="setback_m names lines that are not declared: red"):
        check_sites(frame(route), plan, on=DAY, setback_m={"red": 5})
    with pytest.raises(SchemaError, match="from 0 upwards"):
        check_sites(frame(route), plan, on=DAY, setback_m=-5)
    with pytest.raises(SchemaError, match="lines is empty"):
        check_sites(frame(route), plan, on=DAY, lines=[])


def test_a_line_that_was_left_out_by_wish_is_told_as_not_checked():
    review = check_sites(square("a1"), chessboard_plan(red_line={"a1": "core"}), on=DAY, lines=[FARM])
    assert {RED, URBAN} <= set(review.verdicts["not_checked"].iloc[0].split(", "))
    assert FARM not in review.verdicts["not_checked"].iloc[0]


def test_findings_go_into_a_geopackage_with_their_days(tmp_path):
    plan = chessboard_plan(red_line={"a1": "core"}, farmland=["b1"], urban=["a1"])
    review = check_sites(square("a1", "j1"), plan, on=DAY)
    assert review.findings["effective_from"].dtype.kind == "M"
    review.findings.to_file(tmp_path / "tables.gpkg", layer="findings")
    back = gpd.read_file(tmp_path / "tables.gpkg", layer="findings")
    assert back["effective_from"].notna().sum() == review.findings["effective_from"].notna().sum() > 0


def test_the_capsule_changes_with_the_last_bit_of_the_input():
    plan = chessboard_plan(urban=["a1"])
    site = square("a1")
    moved = site.set_geometry(site.translate(np.spacing(500_000.0), 0))
    first, second = (check_sites(each, plan, on=DAY).capsule["sites_sha256"] for each in (site, moved))
    assert first != second
    assert check_sites(site, plan, on=DAY).capsule["sites_sha256"] == first


def oereb(shape, layer, *, below=0.0):
    """Divide one shape by one restriction: the site cases of the Swiss cadastre of public-law restrictions."""
    offset = [500_000, 3_320_000]
    layer, shape = (shapely.transform(each, lambda xy: xy + offset) for each in (layer, shape))
    plan = ZoningPlan.from_layers({FARM: gpd.GeoDataFrame(geometry=[layer], crs=BOARD_CRS)})
    patches, totals = divide(
        gpd.GeoDataFrame(geometry=[shape], crs=BOARD_CRS), plan, FARM, slivers=Slivers(below, 0.0, 1.0), method="planar"
    )
    real = patches[(patches["kind"] == "claimed") & ~patches["sliver"]]
    return real["amount"].sum(), totals


UNIT = shapely.box(0, 0, 1, 1)


@pytest.mark.parametrize(
    ("shape", "layer", "below", "amount"),
    [
        (UNIT, shapely.box(-1, -1, 2, 2), 0.0, 1.0),
        (UNIT, shapely.box(-1, -1, 2, 2), 2.0, 0.0),
        (UNIT, shapely.box(1, 1, 2, 2), 0.0, 0.0),
        (UNIT, shapely.box(1, 0, 2, 1), 0.0, 0.0),
        (shapely.MultiPoint([(0.2, 0.2), (0.5, 0.5), (0.8, 0.8)]), UNIT, 0.0, 3.0),
    ],
    ids=["inside", "below the limit", "corner touch", "edge touch", "three points"],
)
def test_site_cases_of_the_swiss_cadastre(shape, layer, below, amount):
    assert oereb(shape, layer, below=below)[0] == pytest.approx(amount, abs=1e-6)


def test_a_ring_that_touches_itself_is_repaired_aloud_and_counts_whole():
    ear = [(-10, -10), (210, -10), (210, 210), (100, 210), (90, 220), (110, 220), (100, 210), (-10, 210)]
    with pytest.warns(RepairWarning, match="1"):
        amount, _ = oereb(shapely.box(0, 0, 200, 200), shapely.Polygon(ear))
    assert amount == pytest.approx(40_000)


def test_lines_on_the_border_and_across_count_by_length():
    # on the ellipsoid both are shorter by parts in a million
    assert oereb(shapely.LineString([(0, 0), (1, 0)]), UNIT)[0] == pytest.approx(1.0, rel=1e-5)
    assert oereb(shapely.LineString([(0, 0), (1, 1)]), UNIT)[0] == pytest.approx(2**0.5, rel=1e-5)


def test_the_verdict_of_a_line_is_the_worst_of_its_findings_by_their_order():
    plan = chessboard_plan(urban={"a1": "concentrated"})
    site = square_between("a1", "b1", activity="ordinary_build")
    review = check_sites(site, plan, on="2026-06-01", lines=["urban_development_boundary"])
    # in the alphabet, refer comes last; among the verdicts it is the milder one
    assert set(review.findings.query("role == 'decides'")["verdict"]) == {"conditional", "refer"}
    assert review.lines["verdict"].tolist() == ["conditional"]
    assert review.verdicts["verdict"].tolist() == ["conditional"]


def farmland(*shapes):
    return gpd.GeoDataFrame({"feature_id": [str(i) for i in range(len(shapes))]}, geometry=list(shapes), crs=BOARD_CRS)


@pytest.mark.parametrize("kind", ["ground", "line", "point"])
def test_what_lies_in_two_polygons_at_once_is_counted_once(kind):
    x, y = shapely.get_coordinates(square("a1").geometry)[:, :2].min(axis=0)
    left, right = shapely.box(x, y, x + 100, y + 100), shapely.box(x + 100, y, x + 200, y + 100)
    wider = shapely.box(x + 60, y, x + 200, y + 100)
    shape, layer, unit, whole = {
        "ground": (shapely.box(x + 50, y + 50, x + 150, y + 60), (left, wider), "m2", 1_000.0),
        "line": (shapely.LineString([(x + 100, y + 10), (x + 100, y + 90)]), (left, right), "m", 80.0),
        "point": (shapely.Point(x + 100, y + 50), (left, right), "points", 1.0),
    }[kind]
    plan = ZoningPlan.from_layers({FARM: farmland(*layer)})
    _, totals = divide(frame(shape), plan, FARM, slivers=Slivers())
    (row,) = totals.itertuples()
    assert row.unit == unit
    assert row.claimed == pytest.approx(whole, rel=1e-3)
    assert row.claimed_sum > 1.3 * row.claimed
    assert abs(row.error) <= 1e-9 * row.whole


def test_polygons_that_overlap_far_away_change_no_bit_of_a_site():
    x, y = shapely.get_coordinates(square("a1").geometry)[:, :2].min(axis=0)
    near = [shapely.box(x + 13.7 * i, y, x + 13.7 * (i + 1), y + 97.3) for i in range(7)]
    far = [shapely.box(x + 5_000 + d, y, x + 5_100 + d, y + 100) for d in (0, 50)]
    site = frame(shapely.Polygon([(x + 3.1, y + 2.2), (x + 91.3, y + 17.9), (x + 44.4, y + 88.8)]))
    alone, among = (
        divide(site, ZoningPlan.from_layers({FARM: farmland(*layer)}), FARM, slivers=Slivers())[1]
        for layer in (near, near + far)
    )
    pd.testing.assert_frame_equal(alone, among, check_exact=True)


def test_a_third_line_in_another_plane_changes_no_bit_of_a_notice():
    plan = chessboard_plan(red_line=["a1"], farmland=["a1"], urban=["a1"])
    west, south = plan[RED].total_bounds[:2]
    rng = np.random.default_rng(0)
    middle = shapely.points(west + rng.uniform(100, 900, 30), south + rng.uniform(100, 900, 30))
    shapes = shapely.buffer(middle, rng.uniform(1, 80, 30))
    sites = gpd.GeoDataFrame({"site_id": range(30), "activity": "ordinary_build"}, geometry=shapes, crs=plan.crs)

    def told(**lines):
        board = ZoningPlan.from_layers({**dict(plan.lines), **lines}, extent=plan.extent)
        findings = check_sites(sites, board, on=DAY).findings
        return findings[(findings["role"] == "notice") & (findings["rule_id"] == "OV-ECRL-PBF")]

    here = told()
    there = told(urban_development_boundary=plan["urban_development_boundary"].to_crs("EPSG:4548"))
    assert here["share"].round(9).tolist() == [1.0] * 30
    assert here["share"].tolist() == there["share"].tolist()
