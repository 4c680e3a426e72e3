"""Resolved plans: no overlap left, no ground lost, nothing to do a second time, and no matter in which order."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import shapely.affinity

from ecozones import read_plan
from ecozones.conflicts import find_conflicts
from ecozones.conflicts.resolving import OFFICIAL_ORDER, erase_overlaps, resolve_conflicts
from ecozones.errors import DroppedColumnsWarning, SchemaError
from ecozones.plan import ZoningPlan
from ecozones.testing import assert_plans_equal, chessboard_plan

SAMPLE = Path(__file__).parent.parent / "sample_data"
AT = np.array([500_000.0, 3_320_000.0])
RED, FARM, URBAN = "ecological_red_line", "permanent_basic_farmland", "urban_development_boundary"


def drawn(*shapes):
    moved = [shapely.transform(shape, lambda xy: xy + AT) for shape in shapes]
    ids = [f"f{number}" for number in range(1, len(shapes) + 1)]
    return gpd.GeoDataFrame({"feature_id": ids}, geometry=moved, crs="EPSG:4547")


def boxes(n, seed, size=300.0):
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, 1_000, (2, n))
    wide, high = rng.uniform(5, size, (2, n))
    return [
        shapely.affinity.rotate(shapely.box(a, b, a + c, b + d), angle)
        for a, b, c, d, angle in zip(x, y, wide, high, rng.uniform(0, 90, n), strict=True)
    ]


def three_lines(seed):
    return ZoningPlan.from_layers(
        {
            RED: drawn(*boxes(15, seed)).assign(subzone="general"),
            FARM: drawn(*boxes(40, 50 + seed, size=120)),
            URBAN: drawn(*boxes(12, 90 + seed)).assign(subzone="concentrated"),
        }
    )


def territory(plan):
    return shapely.union_all([shape for line in plan.lines for shape in plan[line].geometry]).area


def real(plan):
    found = find_conflicts(plan)
    return found[~found["artefact"]]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("fragments", ["list", "merge"])
def test_nothing_overlaps_any_more_no_ground_is_lost_and_a_second_run_changes_nothing(seed, fragments):
    plan = three_lines(seed)
    assert len(real(plan)) > 20
    done = resolve_conflicts(plan, fragments=fragments)
    assert real(done.plan).empty
    assert territory(done.plan) == pytest.approx(territory(plan), rel=1e-9)
    assert done.balance["error_share"].abs().max() < 1e-9
    assert done.ledger["error_m2"].abs().max() < 1e-6
    again = resolve_conflicts(done.plan, fragments=fragments)
    assert again.ledger.empty
    assert again.fragments.empty
    assert_plans_equal(again.plan, done.plan)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_does_not_matter(seed):
    plan = three_lines(seed)
    expected = resolve_conflicts(plan, fragments="merge")
    for turn in range(4):
        mixed = ZoningPlan.from_layers(
            {line: plan[line].sample(frac=1, random_state=turn) for line in reversed(list(plan.lines))}
        )
        done = resolve_conflicts(mixed, fragments="merge")
        for line in plan.lines:
            one, two = (each.plan[line].sort_values("feature_id") for each in (expected, done))
            assert one["feature_id"].tolist() == two["feature_id"].tolist()
            assert shapely.equals_identical(
                shapely.normalize(one.geometry.to_numpy()), shapely.normalize(two.geometry.to_numpy())
            ).all()
        pd.testing.assert_frame_equal(done.ledger, expected.ledger)


def test_the_first_line_keeps_everything_and_legal_vertices_do_not_move():
    plan = three_lines(1)
    done = resolve_conflicts(plan)
    assert shapely.equals_identical(done.plan[FARM].geometry.to_numpy(), plan[FARM].geometry.to_numpy()).all()
    changed = set(done.ledger.loc[done.ledger["line"] == URBAN, "feature_id"])
    before, after = (each[URBAN].set_index("feature_id").geometry for each in (plan, done.plan))
    stays = [name for name in before.index if name not in changed]
    assert all(before[name].wkb == after[name].wkb for name in stays)
    for name in changed & set(after.index):
        old = {tuple(xy) for xy in shapely.get_coordinates(before[name])}
        kept = [xy for xy in shapely.get_coordinates(after[name]) if tuple(xy) in old]
        inside = shapely.difference(before[name], shapely.union_all([*plan[FARM].geometry, *plan[RED].geometry]))
        assert len(kept) >= len(old & {tuple(xy) for xy in shapely.get_coordinates(inside)})


def test_priority_decides_who_keeps_the_ground():
    plan = chessboard_plan(red_line={"a1": "core"}, farmland=["a1"], urban=["a1"])
    for keeper in OFFICIAL_ORDER:
        order = [keeper, *(line for line in OFFICIAL_ORDER if line != keeper)]
        done = resolve_conflicts(plan, order)
        assert {line: len(done.plan[line]) for line in plan.lines} == {line: int(line == keeper) for line in plan.lines}
        assert set(done.ledger["outcome"]) == {"removed"}
        assert done.ledger["taken_by"].str.startswith(keeper).all()


def test_lines_that_are_not_named_neither_give_nor_take():
    plan = chessboard_plan(red_line={"a1": "core"}, farmland=["a1"], urban=["a1"])
    done = resolve_conflicts(plan, [FARM, URBAN])
    assert done.ledger["line"].tolist() == [URBAN]
    assert len(done.plan[RED]) == 1
    with pytest.raises(SchemaError, match="green_belt"):
        resolve_conflicts(plan, ["green_belt"])
    with pytest.raises(SchemaError, match="more than once"):
        resolve_conflicts(plan, [FARM, FARM])


def test_an_artefact_moves_no_vertex():
    plan = ZoningPlan.from_layers(
        {
            FARM: drawn(shapely.box(0, 0, 1_000, 100)),
            RED: drawn(shapely.box(0, 99.95, 1_000, 200)).assign(subzone="core"),
        }
    )
    done = resolve_conflicts(plan)
    assert done.plan is plan
    assert done.ledger.empty


def test_a_fragment_is_listed_or_goes_to_the_neighbour_with_the_longest_border():
    # farmland cuts a corner of 10 by 10 off the middle parcel; of its neighbours the upper has the longer border
    red = [shapely.box(0, 0, 100, 100), shapely.box(-50, 80, 0, 100), shapely.box(0, 100, 100, 200)]
    farm = [shapely.box(0, 0, 100, 90), shapely.box(10, 90, 100, 100), shapely.box(-40, 80, -10, 90)]
    plan = ZoningPlan.from_layers({FARM: drawn(*farm), RED: drawn(*red).assign(subzone="general")})
    listed = resolve_conflicts(plan, smallest_m2=400, method="planar")
    assert listed.fragments[["feature_id", "merged_into", "area_m2"]].to_numpy().tolist() == [["f1", "", 100.0]]
    assert set(listed.plan[RED]["feature_id"]) == {"f1", "f2", "f3"}
    merged = resolve_conflicts(plan, smallest_m2=400, fragments="merge", method="planar")
    assert merged.fragments["merged_into"].tolist() == ["f2"]
    assert set(merged.plan[RED]["feature_id"]) == {"f2", "f3"}
    ledger = merged.ledger.set_index("feature_id")
    assert ledger.loc["f1", ["outcome", "given_m2", "passed_on_m2", "after_m2"]].tolist() == ["merged", 9_900, 100, 0]
    assert ledger.loc["f2", ["given_m2", "received_m2", "after_m2"]].tolist() == [300, 100, 800]
    assert territory(merged.plan) == pytest.approx(territory(plan), rel=1e-12)


def test_a_fragment_never_changes_its_sub_zone():
    red = drawn(shapely.box(0, 0, 100, 100), shapely.box(-50, 80, 0, 200)).assign(subzone=["core", "general"])
    farm = drawn(shapely.box(0, 0, 100, 90), shapely.box(10, 90, 100, 100))
    done = resolve_conflicts(ZoningPlan.from_layers({FARM: farm, RED: red}), fragments="merge", smallest_m2=400)
    assert done.fragments["merged_into"].tolist() == [""]
    assert set(done.plan[RED]["feature_id"]) == {"f1", "f2"}


def test_a_small_part_that_was_there_before_is_no_fragment():
    parts = shapely.MultiPolygon([shapely.box(0, 0, 100, 100), shapely.box(200, 0, 205, 5)])
    plan = ZoningPlan.from_layers({FARM: drawn(shapely.box(0, 0, 50, 100)), RED: drawn(parts).assign(subzone="core")})
    assert resolve_conflicts(plan).fragments.empty


def test_the_sample_county_is_resolved_in_two_coordinate_systems():
    with pytest.warns(DroppedColumnsWarning):
        plan = read_plan(SAMPLE / "plan.gpkg")
    done = resolve_conflicts(plan)
    assert real(done.plan).empty
    assert done.balance["error_share"].abs().max() < 1e-9
    assert done.ledger["given_m2"].sum() == pytest.approx(481_187.24, abs=0.05)
    assert done.plan[RED].crs == plan[RED].crs != plan.crs
    assert_plans_equal(resolve_conflicts(done.plan).plan, done.plan)


# -------------------------------------------------------------------------------------------- erasing in one layer
def test_three_triangles_erased_in_turn():
    triangles = [
        shapely.Polygon(np.array(ring) * 100)
        for ring in ([(0, 0), (2, 0), (1, 1)], [(0, 0.5), (2, 0.5), (1, 1.5)], [(0, 1.25), (2, 1.25), (1, 2.5)])
    ]
    layer = drawn(*triangles).assign(order=["A", "B", "C"])
    for turn in range(3):
        mixed = layer.sample(frac=1, random_state=turn)
        erased, ledger = erase_overlaps(mixed, "order", method="planar")
        areas = erased.set_index("order").area.sort_index()
        np.testing.assert_allclose(areas, [10_000, 7_500, 11_875], rtol=1e-9)
        assert areas.sum() == pytest.approx(29_375, rel=1e-9)
        assert ledger["error_m2"].abs().max() < 1e-6
        assert erased.index.tolist() == mixed.index.tolist()


def test_what_lies_wholly_under_another_becomes_empty_and_is_told():
    point = shapely.Point(0, 0)
    layer = drawn(point.buffer(5), point.buffer(20)).assign(rank=[2, 1])
    erased, ledger = erase_overlaps(layer, "rank", method="planar")
    assert erased.geometry.is_empty.tolist() == [True, False]
    assert erased.geometry[1].wkb == layer.geometry[1].wkb
    assert ledger["feature_id"].tolist() == ["f1"]
    assert ledger["given_m2"].iloc[0] == pytest.approx(point.buffer(5).area)


def test_a_rank_that_is_missing_is_named():
    with pytest.raises(SchemaError, match="year"):
        erase_overlaps(drawn(shapely.box(0, 0, 1, 1)), "year")
    twice = gpd.GeoDataFrame({"feature_id": ["a", "a"]}, geometry=[shapely.box(*AT, *(AT + 1))] * 2, crs="EPSG:4547")
    with pytest.raises(SchemaError, match="repeat: a"):
        erase_overlaps(twice, "feature_id")
