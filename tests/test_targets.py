"""Targets: published arithmetic, the documents' own figures, and verdicts that a trend cannot soften."""

from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from ecozones.errors import SchemaError
from ecozones.targets import (
    annual_rate,
    check_percentages,
    expected_value,
    half_digit,
    read_targets,
    roll_up,
    track_targets,
    track_tasks,
    verdict_dtype,
    write_exchange,
)

PROGRAMMES = Path(__file__).parents[1] / "sample_data" / "programmes"


def target(**changes):
    base = {
        "indicator": "PM2.5",
        "base_year": 2020,
        "base_value": 36,
        "year": 2025,
        "value": 27,
        "unit": "ug/m3",
        "comparator": "<=",
    }
    return pd.DataFrame([base | changes])


def observations(*pairs, **columns):
    years, values = zip(*pairs, strict=True)
    return pd.DataFrame({"indicator": "PM2.5", "year": years, "value": values} | columns)


def track(changes, *pairs, **columns):
    (row,) = track_targets(target(**changes), observations(*pairs, **columns)).itertuples()
    return row


# ------------------------------------------------------------------------------- published or computed trajectories


def test_two_thirds_of_the_way_after_three_fifths_of_the_time_is_ahead():
    # oracle `trajectory.at_most` (computed)
    row = track({}, (2023, 30))
    assert (row.progress, row.elapsed, row.expected) == pytest.approx((2 / 3, 0.6, 30.6))
    assert (row.verdict, row.met, row.sense) == ("ahead", False, "less")
    assert row.ratio == pytest.approx(27 / 30)
    assert row.margin == -3


def test_forty_per_cent_in_fifteen_years_is_3_35_a_year():
    # oracle `trajectory.decline40` (computed)
    assert annual_rate(0.40, 15) == pytest.approx(0.033482, abs=5e-7)
    assert 1 - expected_value(1, 2020, 0.6, 2035, 2025) == pytest.approx(0.133333, abs=5e-7)
    assert 1 - expected_value(1, 2020, 0.6, 2035, 2025, trajectory="compound") == pytest.approx(0.156567, abs=5e-7)


def test_the_decade_of_the_national_review_is_5_12_per_cent_a_year():
    # oracle `seed_gdp_land_decade`: construction land per unit of GDP fell 40.85 % in ten years
    figures = pd.read_csv(PROGRAMMES / "figures.csv", dtype=str)
    (fall,) = figures.loc[figures["quantity"] == "construction land per unit GDP, change", "value"]
    assert annual_rate(-float(fall) / 100, 10) == pytest.approx(0.051155, abs=5e-7)


def test_pm25_from_51_to_34_is_a_third_less():
    # document yubei
    rows = pd.read_csv(PROGRAMMES / "actuals.csv", dtype=str).query(
        "source == 'yubei' and indicator.str.contains('PM2.5')"
    )
    before, after = rows["value"].astype(float)
    assert (after - before) / before == pytest.approx(-0.333, abs=5e-4)


def test_rates_a_year_of_the_documents_are_compounded():
    # document yubei: energy per unit of industry fell by 5.5 % a year, three years running
    rows = pd.read_csv(PROGRAMMES / "actuals.csv", dtype=str).query("source == 'yubei' and unit == '%/yr'")
    (yearly,) = rows["value"].astype(float)
    assert expected_value(1, 2020, 1 + yearly / 100, 2021, 2021) == pytest.approx(0.945)
    assert (1 + yearly / 100) ** 3 - 1 == pytest.approx(-0.156, abs=5e-4)
    assert annual_rate(1 - (1 + yearly / 100) ** 3, 3) == pytest.approx(-yearly / 100)


def test_documents_without_targets_have_none_and_every_figure_is_one_of_four_kinds():
    figures = pd.read_csv(PROGRAMMES / "figures.csv", dtype=str, keep_default_na=False)
    assert figures["kind"].value_counts().to_dict() == {"actual": 53, "structure": 47, "meta": 30, "target": 10}
    targets = read_targets(PROGRAMMES / "targets.csv")
    assert set(targets["source"]) == {"daqing-1369"}
    for document, count in {"beijing-2024": 0, "dalat-2024": 0, "national-2022": 0, "daqing-1369": 7}.items():
        assert (targets["source"] == document).sum() == count


def test_printed_percentages_are_recomputed():
    # oracle `reported_pct_check_zhejiang_2021`: one of the two does not follow from its own numbers
    printed = pd.DataFrame({"done": ["28.71", "31.79"], "task": ["40", "40"], "percent": ["71.58", "79.47"]})
    checked = check_percentages(printed, part="done", whole="task", printed="percent")
    assert checked["recomputed"].tolist() == pytest.approx([71.775, 79.475])
    assert checked["agrees"].tolist() == [False, True]


def test_a_percentage_of_nothing_is_missing_not_zero():
    checked = check_percentages(pd.DataFrame({"a": [1], "b": [0], "c": ["5"]}), part="a", whole="b", printed="c")
    assert np.isnan(checked["recomputed"][0])
    assert checked["agrees"].isna().all()


def test_figures_of_heze_agree_with_each_other():
    # oracle `heze_2024` (published): 339.98 km2 eroded at a ratio of 97.23 % implies 12,273.6 km2 of land
    land = 339.98 / (1 - 0.9723)
    assert land == pytest.approx(12273.6, abs=0.05)
    made = pd.DataFrame({"part": [land - 339.98], "land": [land], "said": ["97.23"]})
    assert check_percentages(made, part="part", whole="land", printed="said")["agrees"].all()
    goals = pd.DataFrame(
        {
            "indicator": "conservation ratio", "value": ["97.12", "97.18"], "unit": "%", "comparator": ">=",
            "year": [2025, 2035],
        }
    )  # fmt: skip
    tracked = track_targets(
        goals, pd.DataFrame({"indicator": ["conservation ratio"], "year": [2024], "value": [97.23]})
    )
    assert tracked["verdict"].tolist() == ["met", "met"]


def test_jiangxi_2035_as_the_state_council_set_it():
    # oracle `jiangxi_2035` (State Council reply); the observations are made up to lie on either side
    goals = pd.DataFrame(
        [
            ("cultivated land", 4004.59, "万亩", ">="),
            ("permanent basic farmland", 3545.43, "万亩", ">="),
            ("red line", 4.12, "万km2", ">="),
            ("boundary multiple", 1.3, "ratio", "<="),
            ("GDP-land decline", 40, "%", ">="),
            ("water use in 2025", 262.3, "1e8 m3", "<="),
        ],
        columns=["indicator", "value", "unit", "comparator"],
    ).assign(year=[2035] * 5 + [2025], attribute="约束性")
    found = goals[["indicator", "unit", "year"]].assign(value=[4004.59, 3545.42, 4.13, 1.31, 40, 262.31])
    tracked = track_targets(goals.assign(tolerance=0.0), found).set_index("indicator")
    assert tracked["met"].tolist() == [True, False, True, False, True, False]
    assert tracked["verdict"].tolist() == ["met", "breached", "met", "breached", "met", "breached"]


# ---------------------------------------------------------------------------------------------------- verdicts


@pytest.mark.parametrize(
    ("changes", "pairs", "verdict"),
    [
        ({}, [(2023, 27)], "met"),
        ({}, [(2023, 27.4)], "met"),  # rounds to 27
        ({}, [(2023, 27.6)], "ahead"),
        ({}, [(2023, 30.6)], "on_track"),
        ({}, [(2023, 31.0)], "on_track"),  # within a twentieth of the way
        ({}, [(2023, 33)], "behind"),
        ({}, [(2023, 38)], "off_track"),
        ({}, [(2025, 28)], "behind"),
        ({}, [(2023, 38), (2024, 27)], "met"),  # expected values are no constraint
        ({"base_value": np.nan}, [(2023, 30)], "not_evaluable"),
        ({"base_value": np.nan}, [(2025, 30)], "behind"),
        ({"base_year": np.nan}, [(2023, 30)], "not_evaluable"),
        ({"measure": "decline_pct", "value": 25}, [(2025, 27)], "met"),
        ({"measure": "decline_pct", "value": 25, "base_year": np.nan}, [(2025, 27)], "not_evaluable"),
        ({"measure": "growth_pct", "value": 10, "comparator": ">="}, [(2025, 40)], "met"),
        ({"comparator": "=", "value": 36, "base_value": 36}, [(2025, 36)], "met"),
        ({"trajectory": "compound"}, [(2023, 30.29)], "on_track"),
    ],
)
def test_a_verdict_follows_from_numbers(changes, pairs, verdict):
    assert track(changes, *pairs).verdict == verdict


def test_a_constraint_that_was_breached_stays_breached():
    changes = {"comparator": ">=", "base_value": 120, "value": 100, "attribute": "约束性", "year": 2035}
    row = track(changes, (2022, 110), (2023, 99), (2024, 130))
    assert (row.verdict, row.breached_in, row.met) == ("breached", "2023", True)
    assert "holds again" in row.reason
    expected = track(changes | {"attribute": "预期性"}, (2022, 110), (2023, 99), (2024, 130))
    assert expected.verdict == "met"


def test_a_constraint_that_is_not_due_is_not_breached():
    assert track({"attribute": "约束性"}, (2023, 30)).verdict == "ahead"
    assert track({"attribute": "约束性"}, (2025, 30)).verdict == "breached"


def test_a_target_for_every_year_needs_every_year():
    always = {"comparator": "=", "value": 100, "base_value": 100, "every_period": True, "base_year": 2021}
    assert track(always, *[(year, 100) for year in (2021, 2022, 2023)]).verdict == "met"
    silent = track(always, (2021, 100), (2023, 100))
    assert (silent.verdict, "2022" in silent.reason) == ("not_evaluable", True)
    assert track(always, (2021, 100), (2022, 98), (2023, 100)).verdict == "breached"


def test_progress_is_not_clipped():
    assert track({}, (2023, 18)).progress == pytest.approx(2.0)
    assert track({}, (2023, 45)).progress == pytest.approx(-1.0)


def test_reported_and_verified_are_judged_apart():
    tracked = track_targets(target(), observations((2025, 26), (2025, 29), status=["reported", "verified"]))
    assert tracked.set_index("status")["verdict"].to_dict() == {"reported": "met", "verified": "behind"}


def test_later_observations_are_not_looked_at():
    found = observations((2022, 33), (2025, 20))
    assert track_targets(target(), found, on="2023-06-01")["observed"].tolist() == [33]


def test_milestones_bend_the_way():
    steps = pd.DataFrame({"target_id": "T1", "year": [2020, 2024, 2025], "value": [36, 35, 27]})
    (row,) = track_targets(target(), observations((2023, 35.25)), milestones=steps).itertuples()
    assert row.expected == pytest.approx(35.25)
    assert row.verdict == "on_track"


def test_areas_are_compared_whatever_their_unit():
    goal = target(unit="万亩", value="1.5", comparator=">=", base_value=np.nan)
    (row,) = track_targets(goal, observations((2025, 10), unit="km2")).itertuples()
    assert (row.observed, row.verdict) == (pytest.approx(1.5), "met")
    (strange,) = track_targets(goal, observations((2025, 10), unit="acre")).itertuples()
    assert strange.verdict == "not_evaluable"
    assert "acre" in strange.reason


def test_what_nobody_observed_is_not_evaluable():
    nothing = pd.DataFrame({"indicator": ["other"], "year": [2023], "value": [1]})
    row = track_targets(target(), nothing).iloc[0]
    assert (row["verdict"], row["reason"]) == ("not_evaluable", "nothing was observed")
    assert row["met"] is pd.NA


def test_verdicts_are_ordered_best_first():
    assert next(iter(verdict_dtype().categories)) == "met"
    assert list(verdict_dtype().categories)[-2:] == ["breached", "not_evaluable"]


# -------------------------------------------------------------------------------------------------- programmes


def test_the_table_of_daqing_is_read_with_its_digits():
    goals = read_targets(PROGRAMMES / "targets.csv").set_index("target_id")
    expected = {
        "daqing-air-days": (">=", 92), "daqing-pm25": ("<=", 27), "daqing-water": (">=", 83.3),
        "daqing-drinking": ("=", 100),
        "daqing-soil": ("=", 100), "daqing-sewage": (">=", 35), "daqing-cells": (">=", 300),
    }  # fmt: skip
    assert {row.Index: (row.comparator, row.value) for row in goals.itertuples()} == expected
    assert goals.loc["daqing-water", "tolerance"] == pytest.approx(0.05)
    assert goals["every_period"].to_dict() == {name: name == "daqing-drinking" for name in expected}


def test_daqing_is_judged_by_what_is_observed():
    goals = read_targets(PROGRAMMES / "targets.csv")
    found = pd.DataFrame(
        {
            "indicator": goals["indicator"],
            "year": 2024,
            "value": [92, 28, 83.26, 100, 99.4, 34.4, 310],
        }
    )
    verdicts = track_targets(goals, found).set_index("target_id")["verdict"].to_dict()
    assert verdicts == {
        "daqing-air-days": "met", "daqing-pm25": "behind", "daqing-water": "met", "daqing-drinking": "met",
        "daqing-soil": "behind", "daqing-sewage": "behind", "daqing-cells": "met",
    }  # fmt: skip


def test_dalat_has_tasks_and_no_target():
    tasks = pd.read_csv(PROGRAMMES / "tasks.csv", keep_default_na=False)
    counted = track_tasks(tasks, by="place").set_index("place")
    assert counted.loc["Dalat Banner, Ordos, Inner Mongolia", ["planned", "not_stated", "tasks"]].tolist() == [1, 9, 10]
    assert not read_targets(PROGRAMMES / "targets.csv")["place"].str.contains("Dalat").any()


def test_every_figure_of_the_five_documents_is_kept_with_its_doubt():
    figures = pd.read_csv(PROGRAMMES / "figures.csv", dtype=str, keep_default_na=False)
    assert len(figures) == 140
    assert set(figures["document"]) == {"dalat-2024", "daqing-1369", "national-2022", "yubei", "beijing-2024"}
    (acres,) = figures.loc[figures["value"] == "5600", "doubt"]
    assert acres.startswith("UNIT DOUBTFUL")
    actuals = pd.read_csv(PROGRAMMES / "actuals.csv", dtype=str, keep_default_na=False)
    assert len(actuals) == (figures["kind"] == "actual").sum() == 53


def test_the_code_1369_is_never_a_target():
    goals = read_targets(PROGRAMMES / "targets.csv")
    assert 1369 not in goals["value"].tolist()


# ------------------------------------------------------------------------------------------------------ roll-up


def test_totals_of_districts_close():
    parts = pd.DataFrame(
        {"district": list("ABC"), "indicator": "planted", "unit": "ha", "value": [0.335, 0.335, 0.335]}
    )
    table = roll_up(parts)
    whole = table.loc[table["district"] == "total", "value"].item()
    assert whole == pytest.approx(1.01)
    assert table.loc[table["district"] != "total", "value"].sum() == pytest.approx(whole)
    assert table["exact"].iloc[-1] == pytest.approx(1.005)


@given(st.lists(st.floats(0, 1e5, allow_nan=False), min_size=1, max_size=30))
def test_rounded_parts_always_sum_to_the_rounded_whole(values):
    parts = pd.DataFrame(
        {"district": [f"D{i}" for i in range(len(values))], "indicator": "x", "unit": "mu", "value": values}
    )
    table = roll_up(parts)
    total = table["district"] == "total"
    assert table.loc[~total, "value"].sum() == pytest.approx(table.loc[total, "value"].item(), abs=1e-6)
    assert (table["adjustment"].abs() <= 0.01 + 1e-9).all()


def test_percentages_are_weighted_never_summed():
    parts = pd.DataFrame({"district": ["A", "B"], "indicator": "cover", "unit": "%", "value": [50, 10], "land": [1, 3]})
    with pytest.raises(SchemaError, match="cannot be summed"):
        roll_up(parts)
    assert roll_up(parts, weight="land")["value"].tolist() == [50, 10, 20]


def test_districts_named_twice_and_mixed_units_are_refused():
    twice = pd.DataFrame({"district": ["A", "A"], "indicator": "x", "unit": ["ha", "mu"], "value": [1, 2]})
    with pytest.raises(SchemaError, match="named twice") as caught:
        roll_up(twice)
    assert len(caught.value.problems) == 2


# ---------------------------------------------------------------------------------------------------- the rest


@pytest.mark.parametrize(
    ("number", "half"),
    [
        ("83.3", 0.05),
        ("92", 0.5),
        (92.0, 0.5),
        (83.3, 0.05),
        ("71.50", 0.005),
        ("71.58%", 0.005),
        ("1e3", 500),
        ("x", None),
    ],
)
def test_half_the_last_digit_is_what_rounding_can_hide(number, half):
    assert half_digit(number) == pytest.approx(float("nan") if half is None else half, nan_ok=True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"comparator": "about"}, "comparator"),
        ({"trajectory": "zigzag"}, "trajectory"),
        ({"measure": "mood"}, "measure"),
        ({"value": "many"}, "value 'many' is not a number"),
    ],
)
def test_targets_that_mean_nothing_are_refused(changes, words):
    with pytest.raises(SchemaError, match=words):
        track_targets(target(**changes), observations((2023, 30)))


def test_an_observation_without_a_year_is_missing_one():
    with pytest.raises(SchemaError, match=r"row 1: year is missing$"):
        track_targets(target(), observations((2023, 30), (None, 29)))
    with pytest.raises(SchemaError, match="value 'low' is not a number"):
        track_targets(target(), observations((2023, "low")))


def test_observed_twice_is_refused():
    with pytest.raises(SchemaError, match="observed twice"):
        track_targets(target(), observations((2023, 30), (2023, 31)))


def test_missing_columns_and_stages_are_named():
    with pytest.raises(SchemaError, match="targets has no columns value, unit, comparator"):
        track_targets(pd.DataFrame({"indicator": ["a"]}), observations((2023, 1)))
    with pytest.raises(SchemaError, match="observed has no columns year"):
        track_targets(target(), pd.DataFrame({"indicator": ["a"], "value": [1]}))
    with pytest.raises(SchemaError, match="none of completed"):
        track_tasks(pd.DataFrame({"task": ["a"], "stage": ["soon"]}))


def test_a_file_with_words_for_numbers_is_refused_with_its_rows(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("indicator,value,unit,comparator\na,ten,%,>=\n", encoding="utf-8")
    with pytest.raises(SchemaError, match="row 0: value 'ten' is not a number"):
        read_targets(path)


def test_a_way_through_zero_has_no_compound_trajectory():
    assert np.isnan(expected_value(0, 2020, 10, 2025, 2022, trajectory="compound"))
    assert np.isnan(expected_value(5, 2020, 10, 2020, 2022))


def test_exchange_uses_the_field_names_of_the_database(tmp_path):
    path = tmp_path / "GHZBB.csv"
    write_exchange(
        track_targets(target(), observations((2023, 30))), path, district_code="230600", district_name="大庆市"
    )
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    assert lines == ["XZQDM,XZQMC,ZBMC,XZJQN,GHMBN", "230600,大庆市,PM2.5,36.0,27.0"]


@given(st.floats(10, 60, allow_nan=False), st.floats(0.1, 5))
def test_a_better_observation_is_never_judged_worse(value, better):
    order = list(verdict_dtype().categories)
    first, second = (track({}, (2023, seen)).verdict for seen in (value, value - better))
    assert order.index(second) <= order.index(first)


@pytest.mark.parametrize(
    ("comparator", "base", "value", "seen", "verdict"),
    [
        (">=", 100.0, 100.0, 90.0, "off_track"),
        (">=", 110.0, 100.0, 95.0, "off_track"),
        (">=", 110.0, 100.0, 105.0, "met"),
        ("<=", 90.0, 100.0, 105.0, "off_track"),
        ("<=", 100.0, 100.0, 100.4, "met"),
        ("=", 100.0, 100.0, 98.0, "off_track"),
        ("=", 0.0, 10.0, 12.0, "off_track"),
        ("=", 0.0, 10.0, 6.0, "ahead"),
    ],
)
def test_what_held_at_the_base_and_no_longer_does_is_not_ahead(comparator, base, value, seen, verdict):
    targets = pd.DataFrame(
        {
            "indicator": ["cultivated land"], "value": [value], "unit": ["ha"], "comparator": [comparator],
            "base_year": [2020], "base_value": [base], "year": [2030],
        }
    )  # fmt: skip
    observed = pd.DataFrame({"indicator": ["cultivated land"], "year": [2024], "value": [seen], "unit": ["ha"]})
    assert track_targets(targets, observed)["verdict"].tolist() == [verdict]


def test_an_observation_older_than_the_base_tells_no_progress():
    targets = pd.DataFrame(
        {
            "indicator": ["cultivated land"], "value": [100.0], "unit": ["ha"], "comparator": [">="],
            "base_year": [2020], "base_value": [50.0], "year": [2030],
        }
    )  # fmt: skip
    observed = pd.DataFrame({"indicator": ["cultivated land"], "year": [2019], "value": [40.0], "unit": ["ha"]})
    tracked = track_targets(targets, observed)
    assert tracked[["verdict", "reason"]].to_numpy().tolist() == [
        ["not_evaluable", "nothing was observed since the base"]
    ]
