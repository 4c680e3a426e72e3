"""Columns as numbers and flags: what is missing stays missing, and everything wrong is told."""

import numpy as np
import pandas as pd
import pytest

from ecozones.columns import as_flag, read_days, read_flags, read_numbers, share_of
from ecozones.errors import SchemaError


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
