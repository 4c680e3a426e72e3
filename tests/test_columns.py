"""Columns as numbers and flags: what is missing stays missing, and everything wrong is told."""

import copy
import datetime as dt
import pickle

import numpy as np
import pandas as pd
import pytest

from ecozones.columns import as_flag, read_days, read_flags, read_numbers, read_years, share_of
from ecozones.errors import SchemaError
from ecozones.shipped import shipped_table


def test_everything_that_is_no_number_is_told_at_once():
    table = pd.DataFrame({"a": ["1", "x", None], "b": [2.5, "y", 3]})
    with pytest.raises(
        SchemaError, match="the book cannot be used, 2 problems: row 1: a 'x' is not a number; row 1: b 'y'"
    ):
        read_numbers(table, ["a", "b"], "the book")
    with pytest.raises(SchemaError, match="the book has no columns c; it has a, b"):
        read_numbers(table, ["a", "c"], "the book")
    assert read_numbers(table.iloc[[0, 2]], ["a"], "the book")["a"].tolist()[0] == 1


def test_rows_of_one_label_and_what_is_endless_are_told_apart():
    table = pd.DataFrame({"a": ["1", "x", "inf"]}, index=[7, 7, 8])
    with pytest.raises(SchemaError, match="2 problems: row 7: a 'x' is not a number; row 8: a 'inf' is"):
        read_numbers(table, ["a"], "the book")


# two rows that stand for 2024 and 2025, as frames and files dress them
YEARS = {
    "numbers": [2024, 2025],
    "text": ["2024", " 2025.0"],
    "ISO days": ["2024-03-01", "2025/7/1"],
    "days with an hour": ["2024-03-01T00:00:00", "2025-03-01 12:00"],
    "days": pd.to_datetime(["2024-03-01", "2025-07-01"]),
    "days of a zone": pd.to_datetime(["2024-03-01", "2025-07-01"]).tz_localize("Asia/Shanghai"),
    "dates": [dt.date(2024, 3, 1), dt.date(2025, 7, 1)],
    "stamps": pd.Series([pd.Timestamp("2024-03-01"), pd.Timestamp("2025-07-01")], dtype=object),
    "years as spans": pd.period_range("2024", periods=2, freq="Y"),
    "months as spans": pd.Series([pd.Period("2024-12", "M"), pd.Period("2025-01", "M")], dtype=object),
    "a mixture": pd.Series([pd.Timestamp("2024-03-01"), "2025"], dtype=object),
    "categories": pd.Categorical(["2024", "2025-01-01"]),
}


@pytest.mark.parametrize("dress", list(YEARS))
def test_a_year_is_one_however_it_is_dressed(dress):
    assert read_years(pd.DataFrame({"year": YEARS[dress]}), "year", "projects").tolist() == [2024, 2025]


@pytest.mark.parametrize("value", [True, np.True_, np.inf, "inf", "soon", "2024-13-01", pd.Timedelta(days=1)])
def test_what_is_no_year_is_told_with_its_row(value):
    table = pd.DataFrame({"year": pd.Series([2024, value, None, " "], ["a", "b", "c", "d"], dtype=object)})
    with pytest.raises(SchemaError, match=r"projects has values in year that are no years: rows b \(") as told:
        read_years(table, "year", "projects")
    assert told.value.problems["row"].tolist() == ["b"]


@pytest.mark.parametrize("values", [[True, False], [np.inf, np.inf]])
def test_a_whole_column_of_no_years_is_told(values):
    with pytest.raises(SchemaError, match="rows 0, 1"):
        read_years(pd.DataFrame({"year": values}), "year", "projects")


@pytest.mark.parametrize(
    "values",
    [
        pd.to_datetime(["2024-03-01", "2024-03-02"]),
        pd.period_range("2024", periods=2, freq="Y"),
        pd.to_timedelta([1, 2], unit="D"),
        [True, False],
        pd.Series([pd.Timestamp("2024-03-01"), True], dtype=object),
        pd.Series([dt.date(2024, 3, 1), pd.Timedelta(days=1)], dtype=object),
    ],
)
def test_what_stands_for_something_else_is_no_number(values):
    with pytest.raises(SchemaError, match=r"2 problems: row 0: a .* is not a number; row 1: a "):
        read_numbers(pd.DataFrame({"a": values}), ["a"], "the book")


def test_days_are_read_and_what_is_none_is_told():
    table = pd.DataFrame({"on": ["2024-03-01", "2024/3/2", None, "soon"]})
    assert read_days(table.iloc[:3], "on", "the book").dt.day.tolist() == pytest.approx([1, 2, np.nan], nan_ok=True)
    with pytest.raises(SchemaError, match="the book has days in on that are none: rows 3; write a day as 2024-03-01"):
        read_days(table, "on", "the book")


@pytest.mark.parametrize(
    ("word", "flag"),
    [
        ("是", True),
        ("否", False),
        ("Yes", True),
        (0, False),
        (1.0, True),
        ("", None),
        (None, None),
        (np.nan, None),
        (pd.NA, None),
        (True, True),
        (np.False_, False),
        ("无", False),
    ],
)
def test_yes_and_no_in_words(word, flag):
    assert as_flag(word) is flag


def test_what_is_neither_is_refused_with_its_rows():
    with pytest.raises(SchemaError, match="done is neither yes nor no: rows 2"):
        read_flags(pd.DataFrame({"done": ["是", "否", "也许"]}), "done")
    assert read_flags(pd.DataFrame({"x": [1, 2]}), "done").isna().all()


def test_nothing_is_divided_by_nothing():
    found = share_of(pd.Series([1.0, 1, np.nan, 0]), pd.Series([4.0, 0, 1, 2]))
    assert found.tolist() == pytest.approx([0.25, np.nan, np.nan, 0], nan_ok=True)


def test_a_table_of_the_library_cannot_be_changed_by_a_caller():
    table = shipped_table("thresholds")
    for change in (
        lambda: table.update(checks={}),
        lambda: table["checks"].pop("sliver_share"),
        lambda: table["checks"]["sliver_share"].__setitem__("value", 1.0),
        lambda: table["rates"].append({}),
    ):
        with pytest.raises((TypeError, AttributeError)):
            change()
    own = copy.deepcopy(table)
    own["checks"]["sliver_share"]["value"] = 1.0
    assert pickle.loads(pickle.dumps(table)) == table != own  # noqa: S301 - our own
