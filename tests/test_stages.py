"""What each stage states: published rates, shares of nothing, and figures that cannot be."""

import numpy as np
import pandas as pd
import pytest

from ecozones import ledgers
from ecozones.errors import InputError, SchemaError
from ecozones.restoration import stages


def test_ground_of_a_method_and_of_a_programme_are_two_views_of_one_total():
    # the same bulletin as a register: the part of the Three-North programme adds nothing to the methods
    methods = {"人工造林": 120.0, "飞播造林": 17.0, "封山育林": 104.0, "退化林修复": 142.0}
    book = pd.DataFrame({"type": list(methods), "reported_ha": list(methods.values())})
    inside = book.assign(programme="Three-North", reported_ha=84.79 * book["reported_ha"] / 383)
    outside = book.assign(programme="other", reported_ha=book["reported_ha"] - inside["reported_ha"])
    both = pd.concat([inside, outside])
    by_type, by_programme = (stages.stage_areas(both, by=key) for key in ("type", "programme"))
    assert by_type["area_ha"].sum() == pytest.approx(383)
    assert by_programme["area_ha"].sum() == pytest.approx(383)
    assert by_programme.set_index("programme")["area_ha"]["Three-North"] == pytest.approx(84.79)


def rates(**columns):
    return stages.restoration_rates(pd.DataFrame({name: [value] for name, value in columns.items()})).set_index("rate")


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
    row = stages.restoration_rates(frame).set_index("rate").loc["verification"]
    assert (row["value"], row["records"], row["records_without"]) == (0.8, 1, 1)


def test_rows_that_bear_one_label_are_two_rows():
    # as after pd.concat of two registers
    twice = pd.concat(
        [pd.DataFrame({"project_id": [name], "reported_ha": [10.0], "verified_ha": [13.0]}) for name in "ab"]
    )
    assert stages.restoration_rates(twice).set_index("rate")["denominator"]["verification"] == 20
    assert stages.check_stages(twice)["project_id"].tolist() == ["a", "b"]
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
    table = stages.restoration_rates(frame, by="county").query("rate == 'verification'")
    assert dict(zip(table["county"], table["value"], strict=True)) == {"A": 0.5, "B": 0.5}
    with pytest.raises(SchemaError, match="no such column"):
        stages.restoration_rates(frame, by="colour")


def test_a_figure_that_every_patch_repeats_is_found_and_can_be_counted_once():
    patches = pd.DataFrame({"project_id": ["P1"] * 3 + ["P2"], "planned_ha": 9.0, "reported_ha": [9.0, 9, 9, 6]})
    assert stages.restoration_rates(patches).set_index("rate")["denominator"]["completion"] == 36
    once = stages.restoration_rates(patches, figures_of="project").set_index("rate").loc["completion"]
    assert once[["numerator", "denominator"]].tolist() == [15, 18]
    assert stages.stage_areas(patches, figures_of="project")["area_ha"].tolist() == [18, 15]
    found = stages.check_stages(patches).query("finding.str.contains('repeated in every row')")
    assert found[["project_id", "value", "limit"]].to_numpy().tolist() == [["P1", 9, 3], ["P1", 9, 3]]
    own = patches.assign(planned_ha=[1.0, 2, 3, 4])
    with pytest.raises(SchemaError, match=r"different figures: P1; .*figures_of='row'"):
        stages.restoration_rates(own, figures_of="project")
    with pytest.raises(InputError, match="figures_of 'patch'"):
        stages.stage_areas(own, figures_of="patch")


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
    found = stages.check_stages(frame)
    assert found[["project_id", "finding"]].to_numpy().tolist() == [
        ["P1", "accepted_ha exceeds reported_ha"],
        ["P2", "accepted_on is before reported_on"],
        ["P2", "stated area differs from the measured one"],
        ["P3", "stated area differs from the measured one"],
        ["P3", "polygon larger than usual"],
    ]
    assert len(stages.check_stages(frame.iloc[:0])) == 0


def test_an_area_is_compared_with_every_earlier_one_and_with_no_sister():
    frame = pd.DataFrame(
        {
            # accepted is not stated; more was preserved than qualified at first, after gaps were filled
            "project_id": ["P1", "P2"], "reported_ha": [10.0, 10], "accepted_ha": [None, 10], "verified_ha": [12.0, 9],
            "qualified_ha": [5.0, 5], "preserved_ha": [8.0, 8],
        }
    )  # fmt: skip
    found = stages.check_stages(frame)
    assert found[["project_id", "finding"]].to_numpy().tolist() == [["P1", "verified_ha exceeds reported_ha"]]


def test_three_quarters_to_five_quarters_of_the_plan_is_usual():
    frame = pd.DataFrame({"project_id": list("abcd"), "planned_ha": [100.0] * 4, "reported_ha": [74, 75, 125, 126]})
    assert stages.check_stages(frame)["project_id"].tolist() == ["a", "d"]


def test_a_figure_of_a_project_in_two_groups_goes_to_neither():
    projects = pd.DataFrame({"project_id": ["P1", "P1", "P2"], "year": [2020, 2021, 2020], "planned_ha": [10, 10, 5]})
    for rows in (projects, projects[::-1]):
        with pytest.raises(SchemaError, match=r"several groups of year, .*: P1;"):
            stages.stage_areas(rows, by="year", figures_of="project")
        with pytest.raises(SchemaError, match="several groups of year"):
            stages.restoration_rates(rows, by="year", figures_of="project")
        assert stages.stage_areas(rows, figures_of="project")["area_ha"].tolist() == [15]


def test_days_of_all_patches_count_whatever_row_comes_first():
    projects = pd.DataFrame(
        {"project_id": "P1", "planned_ha": [10, 10, 10], "planned_on": ["2020-05-01", "2019-01-01", "2021-07-01"]}
    )
    for rows in (projects, projects[::-1]):
        table = stages.stage_areas(rows, figures_of="project")
        assert table["first_on"].tolist() == [pd.Timestamp("2019-01-01")]
        assert table["last_on"].tolist() == [pd.Timestamp("2021-07-01")]


def test_a_day_that_is_none_is_named():
    projects = pd.DataFrame({"project_id": ["P1", "P2"], "planned_ha": 1.0, "planned_on": ["2020-05-01", "soon"]})
    for question in (stages.stage_areas, stages.check_stages):
        with pytest.raises(SchemaError, match="days in planned_on that are none: rows 1;"):
            question(projects)


def test_no_area_is_below_zero():
    found = stages.check_stages(pd.DataFrame({"project_id": ["P1", "P2"], "planned_ha": [-1.0, 0.0]}))
    assert found[["project_id", "finding", "value"]].to_numpy().tolist() == [["P1", "planned_ha is below zero", -1.0]]


def test_a_year_that_is_written_in_two_ways_is_one_group():
    years = pd.Series(["2024", 2024, "2024-05-01"], dtype=object)
    projects = pd.DataFrame({"project_id": list("abc"), "year": years, "planned_ha": 2.0, "reported_ha": 1.0})
    found = stages.stage_areas(projects, by="year")
    assert found[["year", "stage", "area_ha"]].to_numpy().tolist() == [[2024, "planned", 6.0], [2024, "reported", 3.0]]
    rates_by_year = stages.restoration_rates(projects, by=["year"]).query("rate == 'completion'")
    assert rates_by_year[["year", "numerator", "records"]].to_numpy().tolist() == [[2024, 3.0, 3]]
