"""Ledgers: official sums, published rates, and balances that may not go below zero."""

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from ecozones import ledgers
from ecozones.errors import InputError, SchemaError
from ecozones.testing import chessboard

# --------------------------------------------------------------------------------------------- stated areas, units


def hectares(value, unit):
    return ledgers.convert_areas(pd.Series([value]), unit)["area_ha"].item()


def test_methods_of_the_greening_bulletin_2022_sum_and_programmes_are_not_added_to_them():
    # 2022 greening bulletin, 10,000 ha: methods are one split of the total, the Three-North programme a part of it
    methods = {"planted": 120, "aerial": 17, "enclosed": 104, "repaired": 142}
    assert sum(methods.values()) == 383
    assert pytest.approx(321.4) == 120.4 + 201
    assert hectares(383, "万公顷") == 3_830_000
    three_north = 84.79
    assert three_north < 383 < 383 + three_north == pytest.approx(467.79)


def test_ground_of_a_method_and_of_a_programme_are_two_views_of_one_total():
    # the same bulletin as a register: the part of the Three-North programme adds nothing to the methods
    methods = {"人工造林": 120.0, "飞播造林": 17.0, "封山育林": 104.0, "退化林修复": 142.0}
    book = pd.DataFrame({"type": list(methods), "reported_ha": list(methods.values())})
    inside = book.assign(programme="Three-North", reported_ha=84.79 * book["reported_ha"] / 383)
    outside = book.assign(programme="other", reported_ha=book["reported_ha"] - inside["reported_ha"])
    both = pd.concat([inside, outside])
    by_type, by_programme = (ledgers.stage_areas(both, by=key) for key in ("type", "programme"))
    assert by_type["area_ha"].sum() == pytest.approx(383)
    assert by_programme["area_ha"].sum() == pytest.approx(383)
    assert by_programme.set_index("programme")["area_ha"]["Three-North"] == pytest.approx(84.79)


@pytest.mark.parametrize(("wan_ha", "wan_mu"), [(399.8, 5997), (437.9, 6568.5), (190.5, 2857.5)])
def test_the_greening_bulletin_2023_states_the_same_area_in_two_units(wan_ha, wan_mu):
    assert hectares(wan_ha, "万公顷") == pytest.approx(hectares(wan_mu, "万亩"), rel=1e-12)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (1, "亩", 1 / 15),
        (15, "mu", 1),
        (1, "万亩", 666.6666667),
        (1, "km2", 100),
        (1, "平方公里", 100),
        (1, "公顷", 1),
        (1, "hm2", 1),
        (1, "万平方公里", 1e6),
        (10_000, "㎡", 1),
    ],
)
def test_units_become_hectares(value, unit, expected):
    assert hectares(value, unit) == pytest.approx(expected)


def test_acres_are_flagged_because_they_may_be_mu():
    # document yubei: "about 5600 acres" of forest a year
    row = ledgers.convert_areas(pd.Series([5600]), "acres").iloc[0]
    assert (row.area_ha, row.if_doubt_ha) == (pytest.approx(2266.24, abs=0.005), pytest.approx(373.33, abs=0.005))
    assert "亩" in row.doubt
    assert row.area_ha / row.if_doubt_ha == pytest.approx(6.07, abs=0.005)
    assert ledgers.convert_areas(pd.Series([1.0]), "mu")["doubt"].item() == ""


def test_the_stated_number_and_unit_are_kept():
    table = ledgers.convert_areas(pd.Series([390, 2], index=["a", "b"]), pd.Series(["亩", "km2"], index=["a", "b"]))
    assert table.loc["a", ["stated", "stated_unit"]].tolist() == [390, "亩"]
    assert table["area_ha"].to_dict() == pytest.approx({"a": 26, "b": 200})


def test_unknown_units_are_refused():
    with pytest.raises(SchemaError, match="furlong"):
        hectares(1, "furlong")


# ----------------------------------------------------------------------------------------------------------- rates


def rates(**columns):
    return ledgers.restoration_rates(pd.DataFrame({name: [value] for name, value in columns.items()})).set_index("rate")


def test_the_rates_of_hebei_2008():
    # Hebei forestry 2009(4): verified, qualified and effective area of what was reported
    table = rates(reported_ha=1000.0, verified_ha=490.4, qualified_ha=279.4, effective_ha=419.9)
    found = table["value"]
    assert found["verification"] == pytest.approx(0.4904)
    assert found["net_qualified"] == pytest.approx(0.2794)
    assert found["effective"] == pytest.approx(0.4199)
    assert found["qualified"] == pytest.approx(0.5697, abs=5e-5)
    assert pytest.approx(0.8562, abs=5e-5) == 419.9 / 490.4
    assert table.loc["qualified", ["numerator", "denominator"]].tolist() == [279.4, 490.4]


def test_the_mapping_and_completion_of_zhejiang_2021():
    table = rates(planned_ha=40.0, reported_ha=28.71, mapped_ha=31.79)
    assert table["value"]["completion"] == pytest.approx(0.71775)
    assert table["value"]["mapping"] == pytest.approx(0.79475)


def test_nothing_is_divided_by_nothing():
    table = rates(planned_ha=0.0, reported_ha=5.0)
    assert np.isnan(table["value"]["completion"])
    assert table.loc["completion", ["numerator", "denominator"]].tolist() == [5, 0]
    missing = rates(reported_ha=5.0)
    assert missing["value"].isna().all()
    assert missing["records_without"]["verification"] == 1


def test_a_record_without_an_answer_does_not_lower_a_rate():
    frame = pd.DataFrame({"reported_ha": [100.0, 100.0], "verified_ha": [80.0, None]})
    row = ledgers.restoration_rates(frame).set_index("rate").loc["verification"]
    assert (row["value"], row["records"], row["records_without"]) == (0.8, 1, 1)


def test_rows_that_bear_one_label_are_two_rows():
    # as after pd.concat of two registers
    twice = pd.concat(
        [pd.DataFrame({"project_id": [name], "reported_ha": [10.0], "verified_ha": [13.0]}) for name in "ab"]
    )
    assert ledgers.restoration_rates(twice).set_index("rate")["denominator"]["verification"] == 20
    assert ledgers.check_stages(twice)["project_id"].tolist() == ["a", "b"]
    entries = [
        pd.DataFrame({"entry_id": [name], "kind": "reclaimed", "area_ha": 5.0, "on": "2024-01-01"}) for name in "ab"
    ]
    assert ledgers.mining_land_ledger(pd.concat(entries))["balance_ha"].tolist() == [5, 10]
    books = pd.concat([pd.DataFrame({"kind": ["occupied"], "area_ha": [3.0]})] * 2)
    assert ledgers.farmland_balance(books)["occupied_ha"].tolist() == [6]


def test_more_verified_than_reported_is_a_finding_more_done_than_planned_is_not():
    table = rates(planned_ha=10.0, reported_ha=12.0, verified_ha=13.0)
    assert table["value"]["completion"] == pytest.approx(1.2)
    assert table["finding"]["completion"] == ""
    assert table["finding"]["verification"] == "verified_ha exceeds reported_ha"


def test_rates_can_be_grouped():
    frame = pd.DataFrame({"county": ["A", "B", "A"], "reported_ha": [1.0, 1, 1], "verified_ha": [1.0, 0.5, 0]})
    table = ledgers.restoration_rates(frame, by="county").query("rate == 'verification'")
    assert dict(zip(table["county"], table["value"], strict=True)) == {"A": 0.5, "B": 0.5}
    with pytest.raises(SchemaError, match="no such column"):
        ledgers.restoration_rates(frame, by="colour")


def test_every_stage_states_its_own_number_of_the_same_hectares():
    frame = pd.DataFrame(
        {
            "project_id": ["P1", "P2", "P3"], "programme": ["N", "N", "S"], "planned_ha": [10.0, 10, 10],
            "reported_ha": [10.0, 8, None], "verified_ha": [5.0, None, None], "mapped_ha": [10.0, 8, 10],
            "reported_on": ["2023-11-01", "2023-10-01", None], "activity_ha": [9.0, 8.0, 10.0],
        }
    )  # fmt: skip
    table = ledgers.stage_areas(frame).set_index("stage")
    assert table["area_ha"].to_dict() == {"planned": 30, "reported": 18, "verified": 5, "mapped": 28}
    assert table["area_mu"]["reported"] == 270
    assert table["silent"].to_dict() == {"planned": 0, "reported": 1, "verified": 2, "mapped": 0}
    assert table["measured_ha"].to_dict() == {"planned": 27, "reported": 17, "verified": 9, "mapped": 27}
    assert table.loc["reported", ["first_on", "last_on"]].tolist() == [
        pd.Timestamp("2023-10-01"), pd.Timestamp("2023-11-01"),
    ]  # fmt: skip
    south = ledgers.stage_areas(frame, by="programme").query("programme == 'S'").set_index("stage")["area_ha"]
    assert np.isnan(south["verified"])
    assert len(ledgers.stage_areas(frame.iloc[:0])) == 0


def test_a_figure_that_every_patch_repeats_is_found_and_can_be_counted_once():
    patches = pd.DataFrame({"project_id": ["P1"] * 3 + ["P2"], "planned_ha": 9.0, "reported_ha": [9.0, 9, 9, 6]})
    assert ledgers.restoration_rates(patches).set_index("rate")["denominator"]["completion"] == 36
    once = ledgers.restoration_rates(patches, figures_of="project").set_index("rate").loc["completion"]
    assert once[["numerator", "denominator"]].tolist() == [15, 18]
    assert ledgers.stage_areas(patches, figures_of="project")["area_ha"].tolist() == [18, 15]
    found = ledgers.check_stages(patches).query("finding.str.contains('repeated in every row')")
    assert found[["project_id", "value", "limit"]].to_numpy().tolist() == [["P1", 9, 3], ["P1", 9, 3]]
    own = patches.assign(planned_ha=[1.0, 2, 3, 4])
    with pytest.raises(SchemaError, match=r"different figures: P1; .*figures_of='row'"):
        ledgers.restoration_rates(own, figures_of="project")
    with pytest.raises(InputError, match="figures_of 'patch'"):
        ledgers.stage_areas(own, figures_of="patch")


def test_stages_that_cannot_be_are_found():
    frame = pd.DataFrame(
        {
            "project_id": ["P1", "P2", "P3"],
            "reported_ha": [10.0, 10, 10],
            "accepted_ha": [12.0, 9, 9],
            "reported_on": ["2023-01-01", "2023-01-01", None],
            "accepted_on": ["2023-06-01", "2022-06-01", "2023-06-01"],
            "stated_area_m2": [100_000.0, 106_000, 100_000],
            "activity_ha": [10.0, 10, 1200],
        }
    )
    found = ledgers.check_stages(frame)
    assert found[["project_id", "finding"]].to_numpy().tolist() == [
        ["P1", "accepted_ha exceeds reported_ha"],
        ["P2", "accepted_on is before reported_on"],
        ["P2", "stated area differs from the measured one"],
        ["P3", "stated area differs from the measured one"],
        ["P3", "polygon larger than usual"],
    ]
    assert len(ledgers.check_stages(frame.iloc[:0])) == 0


def test_three_quarters_to_five_quarters_of_the_plan_is_usual():
    frame = pd.DataFrame({"project_id": list("abcd"), "planned_ha": [100.0] * 4, "reported_ha": [74, 75, 125, 126]})
    assert ledgers.check_stages(frame)["project_id"].tolist() == ["a", "d"]


# ------------------------------------------------------------------------------------------------------- survival


@pytest.mark.parametrize(
    ("survival", "rain", "irrigated", "outcome"),
    [
        (0.85, 600, None, "qualified"),
        (0.84, 600, None, "replant"),
        (0.41, 600, None, "replant"),
        (0.40, 600, None, "failed"),
        (0.70, 399, None, "qualified"),
        (0.69, 399, None, "replant"),
        (0.80, 300, True, "replant"),
        (0.85, 400, None, "qualified"),
        (0.90, None, None, "undetermined"),
        (None, 600, None, "undetermined"),
    ],
)
def test_survival_is_judged_by_the_rain(survival, rain, irrigated, outcome):
    planted = pd.DataFrame({"project_id": ["P"], "survival": [survival], "rain_mm": [rain], "irrigated": [irrigated]})
    judged = ledgers.judge_survival(planted, edition="2016 (unverified)")
    assert judged["survival_outcome"].tolist() == [outcome]
    assert judged["edition"].tolist() == ["2016 (unverified)"]


def test_preservation_is_a_share_of_the_verified_area():
    standing = pd.DataFrame(
        {
            "project_id": list("abc"),
            "preserved_ha": [8.0, 7.9, 5],
            "verified_ha": [10.0, 10, 0],
            "rain_mm": [500, 500, 500],
        }
    )
    judged = ledgers.judge_survival(standing, edition="2016 (unverified)")
    assert judged["preservation_outcome"].tolist() == ["preserved", "not_preserved", "undetermined"]


def test_every_bar_says_how_sure_it_is_and_none_claims_to_be_verified():
    bars = ledgers.survival_thresholds("2016 (unverified)")
    assert set(bars["status"]) <= {"partial", "memory"}
    assert set(bars["kind"]) == {"survival", "preservation"}


def test_an_edition_must_be_one_whose_numbers_are_known():
    with pytest.raises(InputError, match="could not be obtained"):
        ledgers.survival_thresholds("2023")
    with pytest.raises(InputError, match="known are"):
        ledgers.survival_thresholds("1999")


def test_bars_of_the_callers_own_are_used():
    bars = ledgers.survival_thresholds("2016 (unverified)").assign(qualified=0.5, status="verified")
    planted = pd.DataFrame({"project_id": ["P"], "survival": [0.6], "rain_mm": [600]})
    judged = ledgers.judge_survival(planted, edition=bars)
    assert judged[["survival_outcome", "edition", "status"]].to_numpy().tolist() == [
        ["qualified", "given by the caller", "verified"]
    ]


def test_a_percentage_for_a_share_is_refused():
    with pytest.raises(SchemaError, match="share between 0 and 1"):
        ledgers.judge_survival(pd.DataFrame({"project_id": ["P"], "survival": [85]}), edition="Hebei 2008")


# ----------------------------------------------------------------------------------------------------- mining land


def book(*entries):
    return ledgers.mining_land_ledger(pd.DataFrame(entries, columns=["entry_id", "kind", "area_ha", "on"]))


def test_reclaimed_land_counts_when_it_is_accepted():
    kept = book(("a", "reclaimed", 10, "2024-01-01"), ("b", "reclaimed", 5, None), ("c", "new", 12, "2024-03-01"))
    kept = kept.set_index("entry_id")
    assert kept["booked"].to_dict() == {"a": True, "b": False, "c": False}
    assert kept["balance_ha"]["c"] == 10
    assert kept["reason"]["b"] == "not accepted yet"
    assert kept["reason"]["c"].startswith("refused: 12 ha asked, 10 ha")


def test_a_credit_of_the_same_day_comes_first():
    kept = book(("a", "new", 10, "2024-01-01"), ("b", "reclaimed", 10, "2024-01-01"))
    assert kept["entry_id"].tolist() == ["b", "a"]
    assert kept["balance_ha"].tolist() == [10, 0]


def test_quotas_do_not_cross_a_province():
    entries = pd.DataFrame(
        {
            "entry_id": ["a", "b"],
            "kind": ["reclaimed", "new"],
            "area_ha": [10, 5],
            "on": "2024-01-01",
            "account": ["X", "Y"],
        }
    )
    assert ledgers.mining_land_ledger(entries).set_index("entry_id")["booked"].to_dict() == {"a": True, "b": False}


@given(
    st.lists(
        st.tuples(st.sampled_from(["reclaimed", "new"]), st.integers(0, 1000), st.integers(1, 28), st.booleans()),
        max_size=25,
    )
)
def test_no_balance_ever_goes_below_zero_and_every_hectare_is_booked_once(drawn):
    entries = [
        (f"e{i}", kind, area / 7, f"2024-01-{day:02}" if dated else None)
        for i, (kind, area, day, dated) in enumerate(drawn)
    ]
    kept = book(*entries)
    assert len(kept) == len(entries)
    assert (kept["balance_ha"] >= 0).all()
    if len(kept):
        assert kept["balance_ha"].iloc[-1] == pytest.approx(kept["booked_ha"].sum(), abs=1e-6)
    order = book(*reversed(entries))
    assert kept["booked_ha"].sum() == pytest.approx(order["booked_ha"].sum())


def test_entries_that_mean_nothing_are_refused_together():
    with pytest.raises(SchemaError, match="3 problems") as caught:
        book(("a", "gift", 1, None), ("b", "new", -1, None), ("b", "new", 1, None))
    assert len(caught.value.problems) == 3


# ------------------------------------------------------------------------------------------------ other ledgers


def test_land_is_supplemented_when_it_is_accepted():
    entries = pd.DataFrame(
        {
            "county": ["A", "A", "A", "B"],
            "kind": ["supplemented", "supplemented", "occupied", "occupied"],
            "area_ha": [10.0, 5, 8, 1],
            "accepted": [True, False, None, None],
            "quality": [0.7, None, None, None],
        }
    )
    table = ledgers.farmland_balance(entries, by="county").set_index("county")
    assert table.loc["A", ["supplemented_ha", "not_accepted_ha", "occupied_ha", "net_ha"]].tolist() == [10, 5, 8, 2]
    assert table.loc["A", "weighted_net_ha"] == pytest.approx(-1)  # ten hectares of poor ground are worth seven
    assert table["balanced"].to_dict() == {"A": False, "B": False}
    assert table["next_cap_ha"].to_dict() == {"A": 0, "B": 0}


def test_soil_conservation_of_the_nation_2021():
    # oracle `soil_water_2021_national` (official arithmetic), 10,000 km2
    row = ledgers.soil_conservation(
        pd.DataFrame({"land_km2": [960], "erosion_km2": [267.42], "to_treat_km2": [144.5], "unsuitable_km2": [122.92]})
    ).iloc[0]
    assert row["conservation_ratio"] == pytest.approx(0.721437, abs=6e-7)
    assert round(row["conservation_ratio"] * 100) == 72
    assert row["split_error_km2"] == pytest.approx(0, abs=1e-9)
    assert np.isnan(row["treated_share"])


def test_soil_conservation_of_the_northern_tianshan_2000():
    # oracle `csle_2000` (published table): light and above is eroded
    classes = {
        "micro": 11362.58,
        "light": 12054.92,
        "moderate": 2066.71,
        "intense": 864.03,
        "very": 831.61,
        "severe": 846.98,
    }
    counted = ledgers.erosion_classes()["eroded"].to_numpy()
    eroded = sum(area for area, lost in zip(classes.values(), counted, strict=True) if lost)
    assert eroded == pytest.approx(16664.26, abs=0.015)
    row = ledgers.soil_conservation(pd.DataFrame({"land_km2": [sum(classes.values())], "erosion_km2": [eroded]})).iloc[
        0
    ]
    assert 1 - row["conservation_ratio"] == pytest.approx(0.5946, abs=5e-5)


def test_soil_loss_is_classed_as_the_standard_says():
    # SL 190-2007, by water; oracle `rusle`: 24 t/ha, which is 2400 t/km2, is light
    loss = pd.Series([0, 150, 199.9, 500, 999, 2400, 2500, 4999, 7999, 14_999, 15_001, None])
    found = ledgers.classify_erosion(loss, region="northeast_black_soil").astype(object)
    assert found.where(found.notna(), None).tolist() == [
        "micro", "micro", "micro", "light", "light", "light", "moderate", "moderate", "intense", "very_intense",
        "severe", None,
    ]  # fmt: skip
    loess = ledgers.classify_erosion(loss, region="northwest_loess")
    assert loess.tolist()[:5] == ["micro"] * 5
    assert ledgers.classify_erosion(pd.Series([24.0]) * 100, region="northern_rocky").tolist() == ["light"]
    assert (found.dropna().index == loess.dropna().index).all()
    wind = ledgers.classify_erosion(pd.Series([100, 200, 20_000]), by="wind")
    assert wind.tolist() == ["micro", "light", "severe"]
    edges = pd.Series([200.0, 2500, 15_000])
    options = {"region": "northern_rocky"}
    assert ledgers.classify_erosion(edges, edge="upper", **options).tolist() == ["micro", "light", "very_intense"]


@given(st.lists(st.floats(0, 50_000), min_size=2, max_size=20), st.sampled_from(["lower", "upper"]))
def test_more_loss_is_never_a_milder_class(losses, edge):
    found = ledgers.classify_erosion(pd.Series(sorted(losses)), region="southern_red_soil", edge=edge)
    assert found.cat.codes.is_monotonic_increasing


def test_erosion_needs_its_region_and_a_loss():
    with pytest.raises(InputError, match="say region="):
        ledgers.classify_erosion(pd.Series([1.0]))
    with pytest.raises(InputError, match="edge is"):
        ledgers.classify_erosion(pd.Series([1.0]), by="wind", edge="middle")
    with pytest.raises(InputError, match="not by 'ice'"):
        ledgers.erosion_classes("ice")
    with pytest.raises(SchemaError, match="negative: rows 0"):
        ledgers.classify_erosion(pd.Series([-1.0]), by="wind")
    classes = ledgers.erosion_classes()
    assert classes["eroded"].tolist() == [False] + [True] * 5
    assert set(classes["status"]) == {"partial"}


def test_soil_conservation_of_heze_2024():
    # oracle `heze_2024` (published)
    row = ledgers.soil_conservation(pd.DataFrame({"land_km2": [12273.6], "erosion_km2": [339.98]})).iloc[0]
    assert round(row["conservation_ratio"] * 100, 2) == 97.23


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, [True, True, True]),
        ({"new_cultivated_ha": 49}, [False, True, True]),
        ({"new_farmland_ha": 1.9}, [True, False, True]),
        ({"adjusted_ha": 41, "new_farmland_ha": 3}, [True, True, False]),
        ({"adjusted_ha": 0}, [True, pd.NA, True]),
    ],
)
def test_consolidation_keeps_three_rules_of_five_per_cent(changes, holds):
    town = {
        "township": "A",
        "cultivated_ha": 1000,
        "new_cultivated_ha": 50,
        "farmland_ha": 800,
        "adjusted_ha": 40,
        "new_farmland_ha": 2,
    }
    assert ledgers.check_consolidation(pd.DataFrame([town | changes]))["holds"].tolist() == holds


PREREQUISITES = dict.fromkeys(
    [
        "valid permits",
        "no penalty or accident in three years",
        "not on the list of abnormal operation",
        "three years of reserves and in operation",
        "not in a protected area",
    ],
    True,
)


def marks(indicators, points, share):
    each = points / indicators
    return pd.DataFrame({"first_level": [i % 6 for i in range(indicators)], "points": each, "score": each * share})


def test_a_green_mine_of_2020_needs_800_of_1000_three_quarters_everywhere_and_five_conditions():
    passed = ledgers.score_green_mine(marks(100, 1000, 0.8), edition="2020", prerequisites=PREREQUISITES).iloc[-1]
    assert (passed["score"], passed["bar"], passed["passes"]) == (pytest.approx(800), 800, True)
    short = ledgers.score_green_mine(marks(100, 1000, 0.79), edition="2020", prerequisites=PREREQUISITES).iloc[-1]
    assert (short["passes"], "790 points of 800" in short["reason"]) == (False, True)
    silent = ledgers.score_green_mine(marks(100, 1000, 0.9), edition="2020").iloc[-1]
    assert silent["passes"] is np.False_ or silent["passes"] is False
    assert silent["reason"].count("prerequisite") == 5
    uneven = marks(100, 1000, 0.95)
    uneven.loc[uneven["first_level"] == 2, "score"] *= 0.7 / 0.95
    table = ledgers.score_green_mine(uneven, edition="2020", prerequisites=PREREQUISITES)
    assert table["passes"].tolist() == [True, True, False, True, True, True, False]


def test_a_green_mine_of_2024_has_49_items_and_no_known_mark():
    table = ledgers.score_green_mine(marks(49, 100, 0.9), edition="2024")
    assert table["passes"].isna().all()
    assert "could not be obtained" in table["reason"].iloc[-1]
    read = {"pass_points": 80, "prerequisites": {"read in the edition": True}}
    assert ledgers.score_green_mine(marks(49, 100, 0.9), edition="2024", **read)["passes"].iloc[-1]


@pytest.mark.parametrize(
    ("said", "passes", "words"),
    [
        ({"pass_points": 80}, None, "prerequisites of edition 2024 could not be obtained"),
        ({"pass_points": 95}, False, "90 points of 95 needed"),
        ({"prerequisites": {"permits": True}}, None, "pass mark of edition 2024 could not be obtained"),
        ({"pass_points": 80, "prerequisites": {"permits": False}}, False, "prerequisite not fulfilled: permits"),
    ],
)
def test_a_green_mine_of_2024_passes_only_by_what_the_caller_read_in_it(said, passes, words):
    mine = ledgers.score_green_mine(marks(49, 100, 0.9), edition="2024", **said).iloc[-1]
    assert (None if pd.isna(mine["passes"]) else bool(mine["passes"])) == passes
    assert words in mine["reason"]


def test_indicators_of_another_edition_are_refused():
    with pytest.raises(InputError, match="100 indicators of the third level under 6 of the first; 49 under 6"):
        ledgers.score_green_mine(marks(49, 100, 1), edition="2020")
    with pytest.raises(InputError, match="24 indicators of the second level; 23 were given"):
        ledgers.score_green_mine(marks(100, 1000, 1).assign(second_level=[i % 23 for i in range(100)]), edition="2020")
    with pytest.raises(InputError, match="has 100 points"):
        ledgers.score_green_mine(marks(49, 90, 1), edition="2024")
    with pytest.raises(InputError, match="not known"):
        ledgers.score_green_mine(marks(49, 100, 1), edition="2018")
    with pytest.raises(SchemaError, match="above their points"):
        ledgers.score_green_mine(marks(49, 100, 1.1), edition="2024")


def test_points_for_protected_farmland_follow_the_rule_not_the_claim():
    # oracle `farmland_check_zhejiang_2018`: the file claims 2.5 where its own rule gives 2
    assert ledgers.score_farmland_duty(2398, 2304.8, 94.7) == 2
    assert pytest.approx(0.9611, abs=5e-5) == 2304.8 / 2398
    assert pytest.approx(1.0006, abs=5e-5) == (2304.8 + 94.7) / 2398
    assert ledgers.score_farmland_duty(2398, 2398) == 3
    assert ledgers.score_farmland_duty(2398, 2300, 90) == 0


def test_land_per_gdp():
    # oracle `gdp_land_decline` (computed)
    assert ledgers.land_per_gdp_decline(1000, 500, 1050, 750) == pytest.approx(0.3)
    assert np.isnan(ledgers.land_per_gdp_decline(1000, 0, 1050, 750))


@pytest.mark.parametrize(
    ("unsupplied", "idle", "change"),
    [(15, 10, 0.10), (14, 10, -0.20), (15, 0, -0.20), (None, 10, np.nan), (None, 0, -0.20)],
)
def test_stock_land_moves_the_next_quota(unsupplied, idle, change):
    row = {"place": "A", "unsupplied_ha": 100, "unsupplied_disposed_ha": unsupplied, "unsupplied_task": 0.15}
    row |= {"idle_ha": 50, "idle_disposed_ha": idle, "idle_task": 0.15}
    found = ledgers.next_quota(pd.DataFrame([row]))["quota_change"].item()
    assert found == pytest.approx(change, nan_ok=True)


# ---------------------------------------------------------------------------------------------------------- export


def test_export_maps_fields_and_names_what_is_missing():
    projects = chessboard(1).assign(project_id="P1", type="mine_restoration", stage="accepted", ecosystem="forest")
    table = ledgers.export_projects(projects, scheme="gbf_target_2")
    assert table.crs.to_epsg() == 4326
    assert table.loc[0, ["id", "restoration_type", "status"]].tolist() == ["P1", "mine_restoration", "accepted"]
    assert table["area_ha"].item() == pytest.approx(100, rel=1e-6)
    assert table["missing"].item() == "baseline_degraded, start_date"
    assert 110 < table.geometry.item().centroid.x < 120


def test_export_claims_nothing():
    for scheme in ("gbf_target_2", "ferm"):
        assert ledgers.export_mapping(scheme)["note"].str.contains("No claim of compliance").all()
    with pytest.raises(InputError, match="not known"):
        ledgers.export_mapping("gold_standard")


def test_a_share_under_restoration_needs_its_denominator():
    restored = pd.DataFrame({"ecosystem": ["forest", "wetland"], "footprint_ha": [30.0, 10.0]})
    table = ledgers.share_under_restoration(restored, {"forest": 100}).set_index("ecosystem")
    assert table["share"]["forest"] == 0.3
    assert np.isnan(table["share"]["wetland"])
    assert table["share"]["total"] == 0.3
