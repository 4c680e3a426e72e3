"""Columns of a table as numbers, as days and as yes or no, and shares that divide by nothing."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from ecozones.errors import SchemaError, name_rows

_YES, _NO = {"true", "yes", "y", "1", "是", "有"}, {"false", "no", "n", "0", "否", "无"}


def read_numbers(table: pd.DataFrame, columns: Iterable[str], what: str) -> pd.DataFrame:
    """
    Read columns as numbers, or name everything that is missing or no number.

    Parameters
    ----------
    table
        Any table.
    columns
        The columns wanted.
    what
        Name of the table, for messages.

    Returns
    -------
    DataFrame
        Just these columns, as numbers.

    Raises
    ------
    SchemaError
        A column is missing, or a value is no number; ``problems`` lists every one.

    Examples
    --------
    >>> read_numbers(pd.DataFrame({"area_ha": ["1.5", None]}), ["area_ha"], "the book")["area_ha"].tolist()
    [1.5, nan]
    """
    wanted = list(columns)
    missing = [column for column in wanted if column not in table.columns]
    if missing:
        message = f"{what} has no columns {', '.join(missing)}; it has {', '.join(map(str, table.columns))}"
        raise SchemaError(message)
    numbers = table[wanted].apply(pd.to_numeric, errors="coerce").astype(float)
    foreign = [
        (table.index[place], column, f"{table[column].iloc[place]!r} is not a number")
        for column in wanted
        for place in np.flatnonzero(~np.isfinite(numbers[column]) & table[column].notna()).tolist()
    ]
    if foreign:
        shown = "; ".join(f"row {row}: {column} {text}" for row, column, text in foreign[:10])
        message = f"{what} cannot be used, {len(foreign)} problems: {shown}"
        raise SchemaError(message, pd.DataFrame(foreign, columns=["row", "column", "problem"]))
    return numbers


def read_days(table: pd.DataFrame, column: str, what: str) -> pd.Series:
    """
    Read a column as days, or name everything that is none.

    Parameters
    ----------
    table
        Any table.
    column
        A column of it.
    what
        Name of the table, for messages.

    Returns
    -------
    Series
        Days; missing where nothing is said.

    Raises
    ------
    SchemaError
        A value is no day; ``problems`` lists every one.

    Examples
    --------
    >>> read_days(pd.DataFrame({"on": ["2024-03-01", None]}), "on", "the book").dt.day.tolist()
    [1.0, nan]
    """
    days = pd.to_datetime(table[column], errors="coerce", format="mixed")
    foreign = table.index[days.isna() & table[column].notna()]
    if len(foreign):
        message = f"{what} has days in {column} that are none: rows {name_rows(foreign)}; write a day as 2024-03-01"
        raise SchemaError(message, pd.DataFrame({"row": foreign, "column": column, "problem": "is no day"}))
    return days


def share_of(over: pd.Series, under: pd.Series) -> pd.Series:
    """
    Divide, and say nothing where there is nothing to divide by.

    Parameters
    ----------
    over, under
        Numerator and denominator.

    Returns
    -------
    Series
        Their ratio; NaN where either is missing or the denominator is not above zero.

    Examples
    --------
    >>> share_of(pd.Series([1.0, 1.0]), pd.Series([2.0, 0.0])).tolist()
    [0.5, nan]
    """
    return over / under.where(under > 0)


def as_flag(value: object) -> bool | None:
    """
    Read yes or no; None where nothing is said.

    Parameters
    ----------
    value
        As a register writes it: 是, 否, yes, no, 1, 0.

    Returns
    -------
    bool or None
        None for a blank.

    Raises
    ------
    ValueError
        It is neither.

    Examples
    --------
    >>> as_flag("否"), as_flag(1.0), as_flag(float("nan"))
    (False, True, None)
    """
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    word = str(value).strip().casefold().removesuffix(".0")
    if word in _YES:
        return True
    if word in _NO:
        return False
    if not word:
        return None
    message = f"{value!r} is neither yes nor no"
    raise ValueError(message)


def read_flags(table: pd.DataFrame, column: str) -> pd.Series:
    """
    Read a column of yes and no.

    Parameters
    ----------
    table
        Any table.
    column
        The column; all is missing where the table has none.

    Returns
    -------
    Series
        True, False or missing.

    Raises
    ------
    SchemaError
        A value is neither.

    Examples
    --------
    >>> read_flags(pd.DataFrame({"irrigated": ["是", "否", None]}), "irrigated").tolist()
    [True, False, <NA>]
    """
    if column not in table.columns:
        return pd.Series(pd.NA, table.index, dtype="boolean")
    found: list[bool | None] = []
    strange = []
    for row, value in table[column].items():
        try:
            found.append(as_flag(value))
        except ValueError:
            found.append(None)
            strange.append(row)
    if strange:
        message = f"{column} is neither yes nor no: rows {name_rows(strange)}; write 是 or 否"
        raise SchemaError(message, pd.DataFrame({"row": strange, "column": column, "problem": "is no flag"}))
    return pd.Series(found, table.index, dtype="boolean")
