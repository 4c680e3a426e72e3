"""Conflicts against overlays made elsewhere, faults planted in the sample county, and themselves."""

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely

from ecozones import load_rules, read_plan
from ecozones.conflicts import (
    balance_conflicts,
    balance_partition,
    check_partition,
    find_conflicts,
    planarise,
    total_conflicts,
)
from ecozones.conflicts.common_ground import Layer, Place, share, subtract, unite
from ecozones.conflicts.planar import planar_faces
from ecozones.errors import DroppedColumnsWarning, GeometryError, RepairWarning, SchemaError
from ecozones.overlay import cut, meet
from ecozones.plan import ZoningPlan
from ecozones.testing import chessboard, chessboard_plan

DATA = Path(__file__).parent / "data" / "overlay"
SAMPLE = Path(__file__).parent.parent / "sample_data"
CRS = "EPSG:4547"
AT = np.array([500_000.0, 3_320_000.0])
EXACT = {"ignore_below_m2": 0.0, "ignore_narrower_m": 0.0, "method": "planar"}

RED, FARM, URBAN = "ecological_red_line", "permanent_basic_farmland", "urban_development_boundary"


def drawn(*shapes, at=AT, **columns):
    moved = [shapely.transform(shape, lambda xy: xy + at) for shape in shapes]
    ids = [f"f{number}" for number in range(1, len(shapes) + 1)]
    return gpd.GeoDataFrame({"feature_id": ids} | columns, geometry=moved, crs=CRS)


def two_lines(red, farm, **rest):
    return ZoningPlan.from_layers({RED: drawn(*red).assign(subzone="general"), FARM: drawn(*farm)}, **rest)


def boxes(n, seed, reach=1_000.0, size=300.0):
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, reach, n), rng.uniform(0, reach, n)
    wide, high = rng.uniform(5, size, n), rng.uniform(5, size, n)
    turned = [shapely.box(a, b, a + c, b + d) for a, b, c, d in zip(x, y, wide, high, strict=True)]
    return [
        shapely.transform(
            shape, lambda xy, angle=angle: xy @ [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        )
        for shape, angle in zip(turned, rng.uniform(0, 1.5, n), strict=True)
    ]


def as_text(frame):
    return pd.DataFrame(frame.drop(columns="geometry")).assign(shape=shapely.to_wkb(shapely.normalize(frame.geometry)))


# ------------------------------------------------------------------------------------------- answers from elsewhere
@pytest.fixture(scope="module")
def octagons():
    known = json.loads((DATA / "overlap.json").read_text(encoding="utf-8"))
    first, second = ([shapely.Polygon(ring) for ring in known[name]] for name in ("first", "second"))
    return two_lines(first, second), known


def test_pairs_are_those_of_the_reference(octagons):
    plan, known = octagons
    found = find_conflicts(plan, **EXACT)
    assert found[["feature_a", "feature_b"]].to_numpy().tolist() == [["f1", "f1"], ["f2", "f1"]]
    for shape, reference in zip(found.geometry, known["intersection"], strict=True):
        expected = shapely.transform(shapely.Polygon(reference["ring"]), lambda xy: xy + AT)
        assert shapely.symmetric_difference(shape, expected).area < 1e-9


def test_the_pair_sum_counts_twice_what_the_union_counts_once(octagons):
    totals = total_conflicts(find_conflicts(octagons[0], **EXACT), method="planar").iloc[-1]
    assert totals["sum_m2"] == pytest.approx(1.2400387771, abs=1e-9)
    assert totals["union_m2"] == pytest.approx(1.1333446033, abs=1e-9)
    assert totals["sum_m2"] - totals["union_m2"] - totals["again_m2"] == pytest.approx(0, abs=1e-9)


def test_the_last_row_of_the_reference_union_stands_there_twice_and_our_pieces_do_not(octagons):
    plan, known = octagons
    assert known["union"][-1] == known["union"][-2]
    pieces = planarise(plan, method="planar")
    whole = shapely.union_all([*plan[RED].geometry, *plan[FARM].geometry]).area
    assert pieces["area_m2"].sum() == pytest.approx(whole, abs=1e-9)
    # in the reference ground that two octagons of one layer share stands in two rows; in ours it is one piece
    reference = sum(shapely.Polygon(row["ring"]).area for row in known["union"][:-1])
    again = (pieces["area_m2"] * (pieces["n_claims"] - pieces["n_lines"])).sum()
    assert reference - whole == pytest.approx(again - _shared_and_again(pieces), abs=1e-9)


def _shared_and_again(pieces):
    """Ground that is a conflict, and claimed again inside the first layer: the reference has it in the pairs."""
    both = pieces[pieces["n_lines"] == 2]
    first, second = (both["claims"].str.count(line) for line in (RED, FARM))
    return (both["area_m2"] * ((first - 1) + (second - 1) - (first * second - 1))).sum()


def test_the_squares_of_the_geopandas_manual():
    first = [shapely.box(0, 0, 2, 2), shapely.box(2, 2, 4, 4)]
    second = [shapely.box(1, 1, 3, 3), shapely.box(3, 3, 5, 5)]
    plan = two_lines(first, second)
    totals = total_conflicts(find_conflicts(plan, **EXACT), method="planar").iloc[0]
    balance = balance_conflicts(plan, method="planar").iloc[0]
    assert totals["union_m2"] == pytest.approx(3.0, abs=1e-8)
    assert balance["either_m2"] == pytest.approx(13.0, abs=1e-8)
    assert balance["either_m2"] - balance["both_m2"] == pytest.approx(10.0, abs=1e-8)
    assert balance["a_m2"] - balance["both_m2"] == pytest.approx(5.0, abs=1e-8)


# -------------------------------------------------------------------------------- 2,043 pairs that broke overlays
@pytest.fixture(scope="module")
def failures():
    table = pd.read_csv(DATA / "geos_robust_overlay_pairs.csv.gz")
    return tuple(shapely.from_wkb(table[name].map(bytes.fromhex).to_numpy()) for name in ("a_wkb", "b_wkb"))


def alone(a, b):
    frame = gpd.GeoDataFrame(geometry=[a, b])
    place = Place.of(pyproj.CRS(CRS), frame)
    near = place.near(np.array([a, b], dtype=object))
    return Layer(near[:1], place), Layer(near[1:], place)


def test_no_ground_is_lost_where_overlays_used_to_fail(failures):
    assert len(failures[0]) == 2_043
    assert shapely.is_valid(failures).all()  # none is refused: every pair can be measured
    errors = []
    for a, b in zip(*failures, strict=True):
        first, second = alone(a, b)
        both = shapely.area(share(first, second).geometry).sum()
        either = unite(np.concatenate([first.geometry, second.geometry])).area
        each = shapely.area([*first.geometry, *second.geometry]).sum()
        errors.append(abs(each - either - both) / each)
    assert max(errors) < 1e-9
    assert np.median(errors) < 1e-14


def test_what_is_left_and_what_is_shared_make_up_each_polygon(failures):
    for a, b in zip(*failures, strict=True):
        first, second = alone(a, b)
        found = share(first, second)
        left = subtract(first.geometry, second.geometry, found.a, found.b)
        whole = first.geometry[0]
        # what the digits of the coordinates leave open: some of these polygons are thinner than that
        open_to = 1e-15 * max(abs(bound) for bound in whole.bounds) ** 2
        assert (
            abs(shapely.area(left)[0] + shapely.area(found.geometry).sum() - whole.area) <= 1e-9 * whole.area + open_to
        )


def test_failures_measure_the_same_in_any_order_and_any_tiling(failures):
    a, b = (np.asarray(side, dtype=object) for side in failures)
    expected = None
    for turn in range(20):
        order = np.random.default_rng(turn).permutation(len(a))
        met = meet(a[order], cut(b[order], piece_vertices=(64, 2_048)[turn % 2]))
        mine = met.shape == met.feature
        area = np.zeros(len(a))
        area[order[met.shape[mine]]] = shapely.area(met.geometry[mine])
        if expected is None:
            expected = area
            assert (area > 0).sum() > 1_000
        np.testing.assert_allclose(area, expected, rtol=1e-9, atol=1e-9)


def test_a_bow_tie_is_repaired_in_the_open_and_an_empty_polygon_refused_by_row():
    bow = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    with pytest.warns(RepairWarning, match="rows 0"):
        plan = two_lines([bow], [shapely.box(0, 0, 10, 10)])
    assert find_conflicts(plan, **EXACT)["area_m2"].sum() == pytest.approx(50, abs=1e-6)  # buffer(0) would leave half
    with pytest.raises(GeometryError, match="rows 1"):
        two_lines([shapely.box(0, 0, 1, 1), shapely.Polygon()], [shapely.box(0, 0, 10, 10)])
    with pytest.raises(GeometryError, match="row 1"):
        cut(np.array([shapely.box(0, 0, 1, 1), bow], dtype=object))


# ------------------------------------------------------------------------------------------------- what it tells
@pytest.mark.parametrize(
    ("red", "farm", "relation"),
    [
        (shapely.box(2, 2, 8, 8), shapely.box(0, 0, 10, 10), "inside"),
        (shapely.box(0, 0, 10, 10), shapely.box(2, 2, 8, 8), "contains"),
        (shapely.box(0, 0, 10, 10), shapely.box(0, 0, 10, 10), "equal"),
        (shapely.box(0, 0, 10, 10), shapely.box(5, 0, 15, 10), "crosses"),
    ],
)
def test_containment_and_equality_are_found(red, farm, relation):
    found = find_conflicts(two_lines([red], [farm]), method="planar")
    assert found["relation"].tolist() == [relation]
    assert found["area_m2"].iloc[0] == pytest.approx(shapely.intersection(red, farm).area)
    assert found["share_a"].iloc[0] == pytest.approx(shapely.intersection(red, farm).area / red.area)


def test_a_touch_is_no_conflict():
    assert find_conflicts(two_lines([shapely.box(0, 0, 10, 10)], [shapely.box(10, 0, 20, 10)])).empty
    empty = find_conflicts(two_lines([shapely.box(0, 0, 10, 10)], [shapely.box(10, 10, 20, 20)]))
    assert {"line_a", "geometry", "artefact"} <= set(empty.columns)


def test_artefacts_are_listed_with_the_reason():
    farm = [shapely.box(0, 0, 1_000, 100)]
    red = [shapely.box(0, 99.95, 1_000, 200), shapely.box(1_000 - 0.5, 0, 1_100, 0.5), shapely.box(-100, 0, 30, 30)]
    found = find_conflicts(two_lines(red, farm), method="planar").set_index("feature_a")
    assert found["artefact"].to_dict() == {"f1": True, "f2": True, "f3": False}
    assert found["artefact_because"].to_dict() == {"f1": "width", "f2": "area", "f3": ""}
    totals = total_conflicts(find_conflicts(two_lines(red, farm), method="planar"), method="planar").iloc[-1]
    assert totals["artefact_m2"] == pytest.approx(50.25, abs=1e-6)
    assert totals["real_m2"] == pytest.approx(900, abs=1e-6)


def test_a_corner_that_a_parcel_boundary_cuts_off_a_broad_conflict_is_no_artefact():
    farm = [shapely.box(0, 0, 100, 100), shapely.box(100, 0, 200, 100)]
    found = find_conflicts(two_lines([shapely.box(0, 0, 100.004, 100)], farm), method="planar")
    assert found.set_index("feature_b")["artefact"].to_dict() == {"f1": False, "f2": False}


def test_a_long_narrow_strip_is_an_artefact_however_many_parcels_it_runs_along():
    farm = [shapely.box(100 * i, 0, 100 * (i + 1), 100) for i in range(20)]
    found = find_conflicts(two_lines([shapely.box(0, -50, 2_000, 0.05)], farm), method="planar")
    assert len(found) == 20
    assert found["artefact"].all()
    assert found["area_m2"].sum() == pytest.approx(100, abs=1e-5)


def test_net_farmland_is_gross_less_ridges_and_ditches():
    farm = drawn(shapely.box(0, 0, 100, 100), shapely.box(100, 0, 200, 100), deduction=[0.12, None])
    red = drawn(shapely.box(50, 0, 150, 100)).assign(subzone="core")
    found = find_conflicts(ZoningPlan.from_layers({RED: red, FARM: farm}), method="planar")
    assert found["net_m2"].iloc[0] == pytest.approx(5_000 * 0.88)
    assert np.isnan(found["net_m2"].iloc[1])
    assert np.isnan(total_conflicts(found, method="planar")["net_m2"].iloc[-1])  # part unknown: the sum is


def test_severity_is_what_the_rules_say_and_undetermined_where_they_are_silent():
    plan = chessboard_plan(
        red_line={"a1": "core"}, farmland=["a1", "c3"], urban=["b2", "c3"], lines={"nature_reserve": {"a1": "core"}}
    )
    found = find_conflicts(plan).set_index(["line_a", "line_b"]).sort_index()
    assert found["severity"].to_dict() == {
        (RED, FARM): "error",
        (RED, "nature_reserve"): "undetermined",
        (FARM, URBAN): "warning",
        (FARM, "nature_reserve"): "undetermined",
    }
    assert found.loc[(RED, FARM), "citation"].startswith("《关于在国土空间规划中")


def test_lines_and_rules_that_are_not_there_are_named():
    with pytest.raises(SchemaError, match="green_belt"):
        find_conflicts(chessboard_plan(), lines=["green_belt"])


# ------------------------------------------------------------------------------------------------------ districts
def test_districts_close_to_their_total():
    plan = two_lines(boxes(30, 1), boxes(40, 2))
    third = shapely.box(333.33, -2_000, 700, 2_000)
    districts = drawn(shapely.box(-2_000, -2_000, 333.33, 2_000), third).assign(district=["west", "east"])
    found = find_conflicts(plan, districts=districts)
    assert set(found["district"]) == {"west", "east", ""}
    assert found["area_m2"].sum() == pytest.approx(find_conflicts(plan)["area_m2"].sum(), rel=1e-9)
    totals = total_conflicts(found, unit="mu")
    parts, whole = totals[totals["district"].notna()], totals[totals["district"].isna()].iloc[0]
    assert parts["union_mu"].sum() == pytest.approx(whole["union_mu"], abs=1e-9)
    assert parts["union_m2"].sum() == pytest.approx(whole["union_m2"], rel=1e-9)
    assert totals["error_m2"].abs().max() < 1e-6 * totals["sum_m2"].max()
    unsplit = total_conflicts(find_conflicts(plan), unit="mu").iloc[0]
    assert whole["union_mu"] == unsplit["union_mu"]


def test_districts_that_overlap_or_have_no_name_are_refused():
    plan = two_lines([shapely.box(0, 0, 9, 9)], [shapely.box(0, 0, 5, 5)])
    both = drawn(shapely.box(0, 0, 9, 9), shapely.box(5, 0, 20, 9))
    with pytest.raises(GeometryError, match="west and east"):
        find_conflicts(plan, districts=both.assign(district=["west", "east"]))
    with pytest.raises(SchemaError, match="rows 0, 1"):
        find_conflicts(plan, districts=both.assign(district="same"))
    with pytest.raises(SchemaError, match="'district'"):
        find_conflicts(plan, districts=both)


# -------------------------------------------------------------------------------------------------- planarisation
def test_every_piece_lists_all_its_claims():
    plan = two_lines(
        [shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3)], [shapely.box(1, 0, 3, 2), shapely.box(10, 10, 11, 11)]
    )
    pieces = planarise(plan, method="planar")
    middle = pieces[pieces["n_claims"] == 3]
    assert middle["claims"].tolist() == [f"{RED}/f1; {RED}/f2; {FARM}/f1"]
    assert middle["lines"].tolist() == [f"{RED},{FARM}"]
    assert middle["area_m2"].iloc[0] == pytest.approx(1.0, abs=1e-8)
    # site (0,0,3,3) of the double-count regression: the pair sum is 12, the union 8
    site = pieces[pieces["claims"] != f"{FARM}/f2"]
    assert (site["area_m2"] * site["n_claims"]).sum() == pytest.approx(12, abs=1e-7)
    assert site["area_m2"].sum() == pytest.approx(8, abs=1e-7)


@pytest.mark.parametrize("seed", range(5))
def test_pieces_do_not_overlap_and_make_up_the_whole(seed):
    plan = two_lines(boxes(30, seed), boxes(40, 100 + seed))
    pieces = planarise(plan, method="planar")
    whole = shapely.union_all([*plan[RED].geometry, *plan[FARM].geometry]).area
    assert pieces["area_m2"].sum() == pytest.approx(whole, rel=1e-9)
    each = sum(plan[line].area.sum() for line in plan.lines)
    assert (pieces["area_m2"] * pieces["n_claims"]).sum() == pytest.approx(each, rel=1e-9)
    left, right = shapely.STRtree(pieces.geometry).query(pieces.geometry, predicate="overlaps")
    shared = shapely.area(shapely.intersection(pieces.geometry.to_numpy()[left], pieces.geometry.to_numpy()[right]))
    assert shared.sum() < 1e-6
    both = pieces[pieces["n_lines"] == 2]["area_m2"].sum()
    assert both == pytest.approx(balance_conflicts(plan, method="planar")["both_m2"].iloc[0], rel=1e-9)


def test_a_polygon_that_shares_no_ground_is_a_piece_to_the_last_bit():
    place = Place(pyproj.CRS(CRS), *AT)
    lonely = shapely.Polygon([(0, 0), (1 / 3, 0.1), (0.7, 1 / 7)])
    faces, _, claim = planar_faces([Layer(np.array([lonely], dtype=object), place)])
    assert faces[0] is lonely
    assert claim.tolist() == [0]


# ------------------------------------------------------------------------------------------------------ properties
@pytest.mark.parametrize("seed", range(5))
def test_order_of_rows_changes_nothing(seed):
    red, farm = boxes(30, seed), boxes(40, 100 + seed)
    plan = two_lines(red, farm)
    expected, pieces = as_text(find_conflicts(plan)), as_text(planarise(plan))
    for turn in range(4):
        mixed = ZoningPlan.from_layers({line: plan[line].sample(frac=1, random_state=turn) for line in (FARM, RED)})
        pd.testing.assert_frame_equal(as_text(find_conflicts(mixed)), expected)
        pd.testing.assert_frame_equal(as_text(planarise(mixed)), pieces)


def test_it_does_not_matter_which_line_is_called_a():
    plan = two_lines(boxes(20, 3), boxes(25, 4))
    swapped = ZoningPlan.from_layers({RED: plan[FARM].assign(subzone="general"), FARM: plan[RED]})
    one, other = find_conflicts(plan, **EXACT), find_conflicts(swapped, **EXACT)
    turned = other.rename(columns={"feature_a": "feature_b", "feature_b": "feature_a"})
    keys = ["feature_a", "feature_b"]
    pd.testing.assert_series_equal(
        one.sort_values(keys).set_index(keys)["area_m2"], turned.sort_values(keys).set_index(keys)["area_m2"]
    )


def test_lines_in_two_coordinate_systems_collide_where_they_collide_in_one():
    # edges short enough to be as straight in degrees as in metres
    plan = two_lines([shapely.segmentize(shape, 10) for shape in boxes(20, 5)], boxes(25, 6))
    degrees = ZoningPlan.from_layers({RED: plan[RED].to_crs(4490), FARM: plan[FARM]})
    one, two = find_conflicts(plan, ignore_below_m2=0.1), find_conflicts(degrees, ignore_below_m2=0.1)
    keys = ["feature_a", "feature_b"]
    both = one[~one["artefact"]].merge(two[~two["artefact"]], on=keys, how="outer", suffixes=("", "_2"))
    assert both[["area_m2", "area_m2_2"]].notna().all(axis=None)
    np.testing.assert_allclose(both["area_m2_2"], both["area_m2"], atol=0.05)
    assert degrees[RED].crs == "EPSG:4490"


# ------------------------------------------------------------------------------------------------- the sample county
@pytest.fixture(scope="module")
def county():
    with pytest.warns(DroppedColumnsWarning):
        return read_plan(SAMPLE / "plan.gpkg")


def test_every_planted_conflict_is_found_and_nothing_else(county):
    planted = pd.read_csv(SAMPLE / "planted.csv", dtype={"feature_a": str, "feature_b": str}).dropna(subset=["line_b"])
    planted = planted[planted["line_a"] != planted["line_b"]]
    found = find_conflicts(county)
    real = found[~found["artefact"]]
    keys = ["line_a", "line_b", "feature_a", "feature_b"]
    both = planted.merge(real, on=keys, how="outer", suffixes=("_planted", ""), validate="one_to_one")
    assert both["area_m2"].notna().all()
    assert both["area_m2_planted"].notna().all()
    np.testing.assert_allclose(both["area_m2"], both["area_m2_planted"], atol=0.0051)
    islands = both["kind"] == "farmland island inside the urban boundary"
    assert both.loc[islands, "severity"].tolist() == ["warning"] * 4
    assert set(both.loc[~islands, "severity"]) == {"error"}
    assert found.loc[found["artefact"], "width_m"].max() < 0.001  # the noise of two coordinate systems


def test_the_books_of_the_county_balance(county):
    assert balance_conflicts(county)["error_share"].abs().max() < 1e-12
    totals = total_conflicts(find_conflicts(county))
    assert totals["error_m2"].abs().max() < 1e-4
    assert totals["union_m2"].iloc[-1] <= totals["sum_m2"].iloc[-1] + 1e-6


def test_the_three_spaces_of_the_county_are_a_partition(county):
    assert check_partition(county).query("not artefact").empty
    assert abs(balance_partition(county)["error_share"].iloc[0]) < 1e-9


# -------------------------------------------------------------------------------------------------- three spaces
def test_overlaps_holes_and_ground_outside_are_told_apart():
    board = chessboard(2)
    west, south, east, north = board.total_bounds
    zones = gpd.GeoDataFrame(
        {"zone": ["urban_space", "ecological_space", "agricultural_space"]},
        geometry=[
            shapely.box(west, south, west + 1_000, north),
            shapely.box(west + 900, south, east + 50, south + 1_000),
            shapely.box(west + 1_000.02, south + 1_000, east, north),
        ],
        crs=board.crs,
    )
    extent = gpd.GeoDataFrame(geometry=[board.union_all()], crs=board.crs)
    plan = ZoningPlan.from_layers({URBAN: zones.iloc[:1]}, zones=zones, extent=extent)
    faults = check_partition(plan, method="planar")
    told = faults.set_index("fault")
    assert told["area_m2"].round(3).to_dict() == {"overlap": 100_000.0, "outside": 50_000.0, "gap": 20.0}
    assert told.loc["overlap", "zones"] == "urban_space,ecological_space"
    assert told["artefact"].to_dict() == {"overlap": False, "outside": False, "gap": True}
    balance = balance_partition(plan, method="planar")
    assert abs(balance["error_m2"].iloc[0]) < 1e-6
    with pytest.raises(SchemaError, match="needs zones and an extent"):
        check_partition(chessboard_plan())


# ------------------------------------------------------------------------------------------------------- Trafford
@pytest.fixture(scope="module")
def trafford():
    rules = load_rules(SAMPLE / "trafford" / "trafford-rules.toml")
    return read_plan(SAMPLE / "trafford" / "trafford.gpkg", name="Trafford", rules=rules), rules


def test_all_overlaps_of_an_english_district_are_those_of_an_independent_overlay(trafford):
    plan, rules = trafford
    found = find_conflicts(plan, rules=rules, method="geodesic", ignore_below_m2=0, ignore_narrower_m=0)
    flat = pyproj.CRS("+proj=laea +lat_0=53.4 +lon_0=-2.35 +ellps=WGS84")

    def ground(*shapes):
        return gpd.GeoSeries(shapely.segmentize(list(shapes), 0.0005), crs=4326).to_crs(flat).area.sum()

    totals = total_conflicts(found, method="geodesic").set_index(["line_a", "line_b"])
    sums = found.groupby(["line_a", "line_b"])["area_m2"].sum()
    lines = list(plan.lines)
    compared = 0
    for number, first in enumerate(lines):
        for second in lines[number + 1 :]:
            met = gpd.overlay(plan[first][["geometry"]], plan[second][["geometry"]], keep_geom_type=True)
            expected = ground(*met.geometry)
            key = (first, second) if (first, second) in sums.index else (second, first)
            assert sums.get(key, 0.0) == pytest.approx(expected, rel=1e-6, abs=0.01)
            if expected:
                once = ground(shapely.union_all(met.geometry.to_numpy()))
                assert totals.loc[key, "union_m2"] == pytest.approx(once, rel=1e-6, abs=0.01)
                compared += 1
    assert compared >= 10
    district = ground(plan.extent.geometry.iloc[0])
    assert totals["union_m2"].max() <= district * 1.001
    assert (totals["union_m2"] <= totals["sum_m2"] * (1 + 1e-9)).all()
    # the official area is additive under cuts; geodesics between new corners are so to a few 1e-9 only
    assert balance_conflicts(plan)["error_share"].abs().max() < 1e-9
