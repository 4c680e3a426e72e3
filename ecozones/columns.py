"""Columns of a table as numbers, as days, as years and as yes or no, and shares that divide by nothing."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ecozones.errors import SchemaError, name_rows

_YES, _NO = {"true", "yes", "y", "1", "是", "有"}, {"false", "no", "n", "0", "否", "无"}

# a day as files write it, with or without an hour
_DAY = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}([T ].*)?")


def as_numbers(series: pd.Series) -> pd.Series:
    """
    Read figures; what stands for something else, such as a day, a span of time or yes and no, is no figure.

    Parameters
    ----------
    series
        Any column.

    Returns
    -------
    Series
        Floats on the same index, missing where there is no figure.

    Examples
    --------
    >>> as_numbers(pd.Series([1, "1.5", True, pd.Timestamp("2024-03-01")], dtype=object)).tolist()
    [1.0, 1.5, nan, nan]
    """
    if pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series):
        return series.astype(float)
    plain = series.astype(object)
    said = np.array([isinstance(value, bool | np.bool_ | dt.date | dt.timedelta | pd.Period) for value in plain], bool)
    return pd.to_numeric(plain.where(~said, None), errors="coerce").astype(float)


def as_years(series: pd.Series) -> tuple[pd.Series, pd.Series]:
    """
    Read years, be they written as numbers or as days.

    Parameters
    ----------
    series
        Numbers, text of numbers or of ISO days, days or spans of time in any dress.

    Returns
    -------
    tuple
        The years, whole numbers unless one is none, missing where nothing is said; and which values are no years.

    Examples
    --------
    >>> years, foreign = as_years(pd.Series([2024, "2024", "2024-03-01", dt.date(2024, 3, 1), True], dtype=object))
    >>> years.tolist(), foreign.tolist()
    ([2024, 2024, 2024, 2024, <NA>], [False, False, False, False, True])
    """
    blank = series.isna()
    kind = series.dtype
    if pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series):
        foreign = ~blank & ~np.isfinite(series.astype(float))
        return (series.where(~foreign) if foreign.any() else series), foreign
    if isinstance(kind, pd.PeriodDtype) or pd.api.types.is_datetime64_any_dtype(series):
        return series.dt.year.astype("Int64"), blank & False
    plain = series.astype(object)
    blank |= np.array([isinstance(value, str) and not value.strip() for value in plain], dtype=bool)
    years = as_numbers(pd.Series([_year_of_day(value) for value in plain], series.index, dtype=object))
    foreign = ~blank & ~np.isfinite(years)
    years = years.where(~foreign)
    return years.astype("Float64" if (years % 1 > 0).any() else "Int64"), foreign


def _year_of_day(value: Any) -> Any:  # noqa: ANN401 - whatever a register holds
    """Give the year of a day or a span of time, and anything else as it is."""
    if isinstance(value, dt.date | pd.Period):
        return value.year
    if isinstance(value, str) and _DAY.fullmatch(value.strip()):
        day = pd.to_datetime(re.split("[T ]", value.strip())[0].replace("/", "-"), errors="coerce")
        return value if pd.isna(day) else day.year
    return value


def read_years(table: pd.DataFrame, column: str, what: str) -> pd.Series:
    """
    Read a column as years, so that 2024, "2024" and the first of March 2024 are one year.

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
        Numbers as they stand; of text and of days whole numbers, missing where nothing is said.

    Raises
    ------
    SchemaError
        A value is no year; ``problems`` lists every one.

    Examples
    --------
    >>> read_years(pd.DataFrame({"year": ["2024", "2024-03-01", None]}), "year", "projects").tolist()
    [2024, 2024, <NA>]
    """
    years, foreign = as_years(table[column])
    if foreign.any():
        rows = table.index[foreign.to_numpy()]
        said = [repr(value) for value in table[column][foreign.to_numpy()]]
        message = (
            f"{what} has values in {column} that are no years: rows {name_rows(rows)} ({name_rows(said)}); write the "
            "year as 2024, or a day as 2024-03-01"
        )
        problems = {"row": rows, "column": column, "problem": [f"{value} is no year" for value in said]}
        raise SchemaError(message, pd.DataFrame(problems))
    return years


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
    numbers = pd.DataFrame({column: as_numbers(table[column]) for column in wanted}, index=table.index)
    foreign = [
        (table.index[place], column, f"{table[column].iloc[place]!r} is not a number")
        for column in wanted
        for place in np.flatnonzero(~np.isfinite(numbers[column]) & table[column].notna()).tolist()
    ]
    refuse_figures(foreign, what)
    return numbers


def refuse_figures(problems: Sequence[tuple[Any, str, str]], what: str) -> None:
    """
    Raise one error that tells of every problem of a table, if there is any.

    Parameters
    ----------
    problems
        Row, column and what is wrong.
    what
        Name of the table, for the message.

    Raises
    ------
    SchemaError
        With the problems as a table.
    """
    if problems:
        shown = "; ".join(f"row {row}: {column} {text}" for row, column, text in problems[:10])
        message = f"{what} cannot be used, {len(problems)} problems: {shown}"
        raise SchemaError(message, pd.DataFrame(problems, columns=["row", "column", "problem"]))


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
