"""Values of a column as its contract wants them: text, figures in their unit, days, yes or no."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pandas as pd

from ecozones.columns import as_flag, as_numbers, as_years
from ecozones.errors import FormatWarning, name_rows
from ecozones.schema.contract import Column
from ecozones.schema.problems import problem_rows
from ecozones.units import Kind as UnitKind
from ecozones.units import StatedUnit, stated_units, unit_in_name


def column_values(
    series: pd.Series, column: Column, name: str, *, stated_in: pd.Series | None = None
) -> tuple[pd.Series, list[pd.DataFrame]]:
    """
    Bring one column to its kind and unit, and list what does not fit.

    Parameters
    ----------
    series
        As read.
    column
        The contract of the column.
    name
        Its name in the file, which may tell the unit.
    stated_in
        Units row by row, for a column whose name tells none.

    Returns
    -------
    tuple
        The values on the same index, and tables of problems as :func:`ecozones.schema.refuse` takes them.

    Warns
    -----
    FormatWarning
        The unit is more often a mistranslation than a measure, or days could not be read.

    Examples
    --------
    >>> planned = Column("planned_ha", "计划面积", "planned area", "number", "ha")
    >>> column_values(pd.Series([15]), planned, "面积(亩)")[0].tolist()
    [1.0]
    >>> column_values(pd.Series([1.5]), planned, "面积（万亩）")[0].tolist()
    [1000.0]
    """
    shown = column.id if name == column.id else f"{column.id} ({name})"
    wrong: list[pd.DataFrame] = []
    if column.kind == "text":
        values = as_text(series)
    elif column.kind == "day":
        values = _days(series, shown)
    elif column.kind == "flag":
        values, wrong = _flags(series, shown)
    elif column.kind == "year":
        values, wrong = _years(series, shown)
    else:
        values, wrong = _figures(series, column, name, stated_in, shown)
    if column.unique:
        missing = values.isna()
        again = values.duplicated(keep=False) & ~missing & (not column.repeated)
        remedy = f"give every row a value of its own, or name another column with columns={{{column.id!r}: ...}}"
        if missing.any():
            wrong.append(problem_rows(list(series.index[missing]), shown, list(series[missing]), "is blank", remedy))
        if again.any():
            wrong.append(problem_rows(list(series.index[again]), shown, list(series[again]), "is repeated", remedy))
    return values, wrong


def _figures(
    series: pd.Series, column: Column, name: str, stated_in: pd.Series | None, shown: str
) -> tuple[pd.Series, list[pd.DataFrame]]:
    values = as_numbers(series)
    blank = series.isna() | (series.astype(str).str.strip() == "")
    bad = (values.isna() & ~blank) | np.isinf(values)
    part = values.notna() & (values % 1 != 0) & (column.kind == "integer")
    values, unstated = _in_unit(values, column, name, stated_in, shown)
    if column.kind == "integer":
        values = values.round() if part.any() else values.astype("Int64")
    wrong = [
        problem_rows(list(series.index[rows]), shown, list(series[rows]), problem, remedy)
        for rows, problem, remedy in (
            (bad, "is no number", "write plain numbers"),
            (unstated, "states no unit", "write the unit beside it"),
            (part & ~bad, "is no whole number", "write whole numbers"),
        )
        if rows.any()
    ]
    return values, wrong


def _years(series: pd.Series, shown: str) -> tuple[pd.Series, list[pd.DataFrame]]:
    years, foreign = as_years(series)
    part = years.notna() & (years % 1 != 0)
    wrong = [
        problem_rows(list(series.index[rows]), shown, list(series[rows]), problem, remedy)
        for rows, problem, remedy in (
            (foreign, "is no year", "write the year as 2024, or a day as 2024-03-01"),
            (part.astype(bool), "is no whole number", "write whole numbers"),
        )
        if rows.any()
    ]
    return (years if wrong else years.astype("Int64")), wrong


def _in_unit(
    values: pd.Series, column: Column, name: str, stated_in: pd.Series | None, shown: str
) -> tuple[pd.Series, pd.Series]:
    """Bring figures from the unit they are stated in to that of the column, and tell which state none."""
    kind = column.unit_kind
    unstated = pd.Series(data=False, index=values.index)
    if kind is None:
        return (values / 100 if column.unit == "1" and re.search("[%％]", name) else values), unstated
    wanted = stated_units(kind)[column.unit]
    unit = unit_in_name(name, kind)[1]
    if unit or stated_in is None:
        found = stated_units(kind)[unit or column.unit]
        _tell_doubt(found, kind, shown)
        same = found == wanted
        return (values if same else pd.Series(wanted.from_base(found.to_base(values)), values.index)), unstated
    turned = pd.Series(np.nan, index=values.index)
    for found in {unit.id: unit for unit in stated_in.dropna()}.values():
        mine = stated_in.map(lambda unit, found=found: unit == found).to_numpy(dtype=bool)
        _tell_doubt(found, kind, shown)
        turned[mine] = values[mine] if found == wanted else wanted.from_base(found.to_base(values[mine]))
    return turned, values.notna() & stated_in.isna()


def _tell_doubt(unit: StatedUnit, kind: UnitKind, shown: str) -> None:
    if unit.doubt:
        other = stated_units(kind)[unit.doubt]
        share = float(unit.to_base(1.0) / other.to_base(1.0))
        message = (
            f"{shown} is stated in {unit.words[0]}, more often a mistranslation of {other.words[1]} than a measure; "
            f"it is taken as written, {share:.2f} times what it would be in {other.words[1]}"
        )
        warnings.warn(message, FormatWarning, stacklevel=6)


def _days(series: pd.Series, shown: str) -> pd.Series:
    """Read days; what names no day, such as a month, is no day and is told."""
    if pd.api.types.is_datetime64_any_dtype(series):
        return series.dt.tz_localize(None).dt.normalize()
    text = as_text(series).map(lambda word: None if word is None else re.sub("[年月/.]", "-", word).strip("日号 "))
    digits = text.str.fullmatch(r"\d{8}").fillna(value=False).astype(bool)
    text = text.where(~digits, text.str.replace(r"^(\d{4})(\d{2})(\d{2})$", r"\1-\2-\3", regex=True))
    whole = text.str.match(r"\d{4}-\d{1,2}-\d{1,2}").fillna(value=False).astype(bool)
    days = pd.to_datetime(text.where(whole).str.split().str[0], format="%Y-%m-%d", errors="coerce")
    lost = text.notna() & days.isna()
    if lost.any():
        message = f"{shown} names no day in rows {name_rows(series.index[lost])}; they are left without one"
        warnings.warn(message, FormatWarning, stacklevel=5)
    return days


def _flags(series: pd.Series, shown: str) -> tuple[pd.Series, list[pd.DataFrame]]:
    found, strange = [], []
    for row, value in series.items():
        try:
            found.append(as_flag(value))
        except ValueError:
            found.append(None)
            strange.append((row, value))
    wrong = []
    if strange:
        rows, said = zip(*strange, strict=True)
        wrong.append(problem_rows(rows, shown, said, "is neither yes nor no", "write 是 or 否"))
    return pd.Series(found, index=series.index, dtype="boolean"), wrong


def as_text(series: pd.Series) -> pd.Series:
    """
    Values as stripped text, None where blank; whole numbers lose the ``.0`` that a reader gave them.

    Parameters
    ----------
    series
        Any column.

    Returns
    -------
    Series
        Of objects, on the same index.

    Examples
    --------
    >>> as_text(pd.Series([1.0, None])).tolist(), as_text(pd.Series([" a ", " "])).tolist()
    (['1', None], ['a', None])
    """
    blank = series.isna()
    if pd.api.types.is_float_dtype(series) and bool((series[~blank] % 1 == 0).all()) and not np.isinf(series).any():
        text = series.astype("Int64").astype(str)
    else:
        text = series.astype(str).str.strip()
    stripped = text.astype(object)
    return stripped.where(~blank & (stripped != ""), None)
