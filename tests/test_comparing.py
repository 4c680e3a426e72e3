"""Adjustments whose gains and losses can be counted on a chessboard, and what each test must say about them."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from ecozones.conflicts.comparing import compare_plans, find_changes, judge_adjustment, list_replacements
from ecozones.errors import SchemaError
from ecozones.ledgers import farmland_balance
from ecozones.plan import ZoningPlan
from ecozones.testing import chessboard, chessboard_plan

RED, FARM, URBAN = "ecological_red_line", "permanent_basic_farmland", "urban_development_boundary"
SQUARE_M2 = 1e6


def plans(before, after, **columns):
    """Two plans with farmland on the squares named, the second with columns of its own."""
    old, new = chessboard_plan(farmland=before), chessboard_plan(farmland=after)
    return old, new.replace(**{FARM: new[FARM].assign(**columns)})


def result(table, test_id):
    return table.set_index("test_id").loc[test_id]


def near(value):
    # the official area of a square kilometre in its zone
    return pytest.approx(value, abs=2e-6 * SQUARE_M2)


# ------------------------------------------------------------------------------------------------ gained and lost
def test_gained_lost_and_kept_are_counted_in_squares():
    old, new = plans(["a1", "b1", "c1"], ["b1", "c1", "d1", "e1"])
    table = compare_plans(old, new, lines=[FARM]).iloc[0]
    squares = {"before_m2": 3, "kept_m2": 2, "lost_m2": 1, "gained_m2": 2, "after_m2": 4, "net_m2": 1}
    for name, count in squares.items():
        assert table[name] == near(count * SQUARE_M2)
    assert abs(table["error_m2"]) < 1e-6
    assert table["net_mu"] == pytest.approx(1_500, abs=0.01)
    changes = find_changes(old, new, lines=[FARM])
    assert changes[["change", "feature_id"]].to_numpy().tolist() == [["gained", "d1"], ["gained", "e1"], ["lost", "a1"]]


def test_ground_that_only_changes_its_parcel_is_neither_gained_nor_lost():
    old = chessboard_plan(farmland=["a1", "b1"])
    joined = old[FARM].dissolve().assign(feature_id="one", name=None, subzone="pbf")
    new = old.replace(**{FARM: joined})
    assert find_changes(old, new).empty
    table = compare_plans(old, new, lines=[FARM]).iloc[0]
    assert table[["lost_m2", "gained_m2"]].tolist() == [0, 0]
    assert table["kept_m2"] == near(2 * SQUARE_M2)


def test_ground_counts_once_where_features_of_a_line_overlap():
    old = chessboard_plan(farmland=["a1"])
    twice = pd.concat([old[FARM], old[FARM].assign(feature_id="again")], ignore_index=True)
    table = compare_plans(old, old.replace(**{FARM: twice}), lines=[FARM]).iloc[0]
    assert table["after_m2"] == near(SQUARE_M2)
    assert table["net_m2"] == pytest.approx(0, abs=1e-6)


def test_a_boundary_that_moved_by_less_than_the_drawing_is_an_artefact():
    old = chessboard_plan(farmland=["a1"])
    shape = old[FARM].geometry.iloc[0]
    west, south, east, north = shape.bounds
    new = old.replace(
        **{FARM: old[FARM].set_geometry([shapely.box(west, south, east + 0.05, north)], crs=old[FARM].crs)}
    )
    changes = find_changes(old, new)
    assert changes["artefact"].tolist() == [True]
    assert changes["area_m2"].iloc[0] == pytest.approx(50, rel=1e-4)


def test_districts_close_to_the_whole():
    old, new = plans(["a1", "b1", "c1"], ["b1", "c1", "d1", "e1"])
    west, south, east, north = chessboard().total_bounds
    cut = west + 3_333.333
    districts = gpd.GeoDataFrame(
        {"district": ["west", "east"]},
        geometry=[shapely.box(west, south, cut, north), shapely.box(cut, south, east, north)],
        crs=chessboard().crs,
    )
    table = compare_plans(old, new, lines=[FARM], districts=districts)
    parts, whole = table[table["district"].notna()], table[table["district"].isna()].iloc[0]
    assert parts["district"].tolist() == ["west", "east"]
    for name in ("before_m2", "kept_m2", "lost_m2", "gained_m2", "after_m2", "net_m2"):
        assert parts[name].sum() == pytest.approx(whole[name], abs=1e-3)
    assert parts["net_mu"].sum() == pytest.approx(whole["net_mu"], abs=1e-9)
    assert parts["gained_m2"].tolist() == [near(333_333.0), near(1_666_667.0)]
    assert table["error_m2"].abs().max() < 1e-3
    with pytest.raises(SchemaError, match="'district'"):
        compare_plans(old, new, districts=districts.assign(district="same"))


@pytest.mark.parametrize("seed", range(5))
def test_the_books_balance_and_the_order_of_rows_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    x, y = 500_000 + rng.uniform(0, 800, 60), 3_320_000 + rng.uniform(0, 800, 60)
    shapes = shapely.box(x, y, x + rng.uniform(5, 200, 60), y + rng.uniform(5, 200, 60))
    frames = [
        gpd.GeoDataFrame({"feature_id": [f"f{i}" for i in rows]}, geometry=shapes[list(rows)], crs="EPSG:4547")
        for rows in (range(40), range(20, 60))
    ]
    old, new = (ZoningPlan.from_layers({FARM: frame}) for frame in frames)
    table = compare_plans(old, new).iloc[0]
    assert abs(table["error_m2"]) < 1e-9 * table["before_m2"]
    union = [shapely.union_all(frame.geometry.to_numpy()) for frame in frames]
    planar = compare_plans(old, new, method="planar").iloc[0]
    assert planar["gained_m2"] == pytest.approx(shapely.difference(union[1], union[0]).area, rel=1e-9)
    assert planar["lost_m2"] == pytest.approx(shapely.difference(union[0], union[1]).area, rel=1e-9)
    mixed = ZoningPlan.from_layers({FARM: frames[1].sample(frac=1, random_state=seed)})
    pd.testing.assert_frame_equal(compare_plans(old, mixed), compare_plans(old, new))
    back = compare_plans(new, old).iloc[0]
    assert back["gained_m2"] == pytest.approx(table["lost_m2"], rel=1e-12)


def test_a_line_that_is_missing_is_no_empty_line():
    old, new = chessboard_plan(red_line={"a1": "core"}), chessboard_plan(red_line=None)
    with pytest.raises(SchemaError, match=RED):
        compare_plans(old, new, lines=[RED])
    assert RED not in compare_plans(old, new)["line"].tolist()
    assert result(judge_adjustment(old, new), "ADJ-ECRL-QUANTITY")["result"] == "undetermined"


# ------------------------------------------------------------------------------------------------------- the tests
def test_quantity_passes_when_equal_and_fails_when_less():
    assert result(judge_adjustment(*plans(["a1", "b1"], ["b1", "c1"])), "ADJ-PBF-QUANTITY")["result"] == "pass"
    less = result(judge_adjustment(*plans(["a1", "b1"], ["b1"])), "ADJ-PBF-QUANTITY")
    assert less["result"] == "fail"
    assert less["value"] == near(-SQUARE_M2)
    assert less["citation"].startswith("《关于在国土空间规划中")


def test_a_reserve_zone_is_no_replacement_until_it_is_drawn_as_farmland():
    old, new = plans(["a1", "b1"], ["b1", "c1"], subzone=["pbf", "reserve"])
    assert result(judge_adjustment(old, new), "ADJ-PBF-QUANTITY")["result"] == "fail"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, "undetermined"),
        ({"slope_deg": [40.0, 24.9]}, "pass"),  # ground that was there before is not asked
        ({"slope_deg": [3.0, 25.0]}, "fail"),
        ({"slope_deg": [3.0, None]}, "undetermined"),
        ({"GDPDJB": ["5", "4"]}, "pass"),
        ({"GDPDJB": ["1", "5"]}, "fail"),
        ({"GDPDJB": ["1", None]}, "undetermined"),
    ],
)
def test_slope_is_asked_of_what_was_gained_and_never_passed_in_silence(columns, expected):
    told = result(judge_adjustment(*plans(["a1", "b1"], ["b1", "c1"], **columns)), "ADJ-PBF-SLOPE")
    assert told["result"] == expected
    assert told["limit"] == 25
    assert told["status"] == "partial"


def test_ground_that_stands_alone_is_for_a_person_to_judge():
    beside = result(judge_adjustment(*plans(["a1", "b1"], ["b1", "c1"])), "ADJ-PBF-CONTIGUOUS")
    assert beside["result"] == "pass"
    alone = result(judge_adjustment(*plans(["a1", "b1"], ["b1", "h8"])), "ADJ-PBF-CONTIGUOUS")
    assert alone["result"] == "undetermined"
    assert alone["value"] == near(SQUARE_M2)
    assert "stand alone" in alone["reason"]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ({"a1": "core", "b1": "general"}, "pass"),
        ({"a1": "core", "b1": "general", "c1": "general"}, "pass"),
        ({"a1": "general", "b1": "general"}, "fail"),  # the area stands, the core has gone
        ({"a1": "core", "b1": "general", "c1": None}, "undetermined"),
    ],
)
def test_function_is_told_from_sub_zones(after, expected):
    old, new = chessboard_plan(red_line={"a1": "core", "b1": "general"}), chessboard_plan(red_line=after)
    table = judge_adjustment(old, new)
    assert result(table, "ADJ-ECRL-QUANTITY")["result"] == "pass"
    told = result(table, "ADJ-ECRL-FUNCTION")
    assert told["result"] == expected
    assert "function itself is not in the data" in told["reason"]


def test_a_type_of_red_line_may_not_shrink_in_favour_of_another():
    old = chessboard_plan(red_line={"a1": "general", "b1": "general"})
    old = old.replace(**{RED: old[RED].assign(HXLX=["water", "soil"])})
    new = old.replace(**{RED: old[RED].assign(HXLX=["water", "water"])})
    told = result(judge_adjustment(old, new), "ADJ-ECRL-FUNCTION")
    assert told["result"] == "fail"
    assert "general/soil" in told["reason"]


def test_the_urban_boundary_is_measured_by_the_built_up_land_without_special_zones():
    urban = {"a1": "concentrated", "b1": "concentrated", "c1": "special"}
    plan = chessboard_plan(urban=urban)

    def told(built_up, **more):
        return result(judge_adjustment(plan, plan, built_up_2020_m2=built_up, **more), "ADJ-UDB-RATIO")

    assert told(None)["result"] == "undetermined"
    assert told(2e6 / 1.299)["result"] == "pass"
    assert told(2e6 / 1.301)["result"] == "fail"
    assert told(2e6)["value"] == pytest.approx(1.0, rel=1e-5)
    assert "1.5000 with special-purpose zones" in told(2e6)["reason"]
    assert told(2e6, scattered_outside_m2=0.7e6)["result"] == "fail"
    assert told(2e6)["status"] == "memory"


def test_every_answer_says_how_far_its_rule_was_checked_in_two_languages():
    plan = chessboard_plan()
    table = judge_adjustment(plan, plan)
    assert set(table["result"]) <= {"pass", "fail", "undetermined"}
    assert set(table["status"]) <= {"verified", "partial", "memory"}
    assert table[["title", "title_zh"]].ne("").all(axis=None)
    silent = table["result"] == "undetermined"
    assert table.loc[silent, ["reason", "reason_zh"]].ne("").all(axis=None)


# ---------------------------------------------------------------------------------------------------- replacements
def test_a_replacement_counts_from_its_day_of_acceptance():
    old, new = plans(["a1", "b1"], ["b1", "c1"], accepted_on=["2020-01-01", "2026-05-31"], deduction=[0.1, 0.1])
    early, late = (list_replacements(old, new, on=day) for day in ("2026-05-30", "2026-05-31"))
    assert early["accepted"].tolist() == [False, False]
    assert late["accepted"].tolist() == [False, True]
    assert not farmland_balance(early)["balanced"].iloc[0]
    assert farmland_balance(late)["net_ha"].iloc[0] == pytest.approx(0, abs=1e-3)
    supplemented = late[late["kind"] == "supplemented"].iloc[0]
    assert supplemented["net_ha"] == pytest.approx(90, rel=1e-5)
    assert np.isnan(late.loc[late["kind"] == "occupied", "net_ha"].iloc[0])  # the old plan states no deduction


def test_a_day_that_is_none_is_refused_by_name():
    with pytest.raises(SchemaError, match="c1"):
        list_replacements(*plans(["a1"], ["b1", "c1"], accepted_on=[None, "soon"]), on="2026-06-01")
