"""Column contracts: which columns a table needs, what they are called in files, and what is wrong with them."""

from __future__ import annotations

import dataclasses
import functools
import re
import tomllib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from types import MappingProxyType
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from ecozones.columns import as_flag
from ecozones.errors import DroppedColumnsWarning, FormatWarning, SchemaError, name_rows
from ecozones.units import NAME_BYTES, StatedUnit, fold, names_before_cut, stated_units, unit_in_name, unit_of
from ecozones.units import Kind as UnitKind

Kind = Literal["text", "number", "integer", "day", "flag"]
Scheme = Literal["survey-2", "survey-3", "plan-2023"]

# ten bytes hold 3 Chinese characters in UTF-8 and a rest, 5 in GBK
_SHORTEST_CUT = 3
_PROBLEM_COLUMNS = ["row", "column", "value", "problem", "remedy"]


@dataclasses.dataclass(frozen=True)
class Column:
    """
    One column of a table: what it holds, in which unit, and the names it goes by in files.

    Parameters
    ----------
    id
        Its name in tables.
    zh, en
        Its labels.
    kind
        What it holds; a ``"flag"`` is yes, no or missing, a ``"day"`` a date.
    unit
        Unit of its figures.
    required
        A table without it is refused.
    unique
        It names the rows: none is blank, and rows are numbered where the file has no such column.
    repeated
        Though it names things, several rows may be of one thing.
    optional
        Left out of the table where the file has no such column.
    keep_stated
        What the file states stays beside it where its unit was another.
    states_unit_of
        It tells row by row in which unit figures of this kind stand that do not say so themselves.
    aliases
        Names it goes by in files.
    """

    id: str
    zh: str
    en: str
    kind: Kind = "text"
    unit: str = ""
    required: bool = False
    unique: bool = False
    repeated: bool = False
    optional: bool = False
    keep_stated: bool = False
    states_unit_of: UnitKind | None = None
    aliases: tuple[str, ...] = ()

    @property
    def unit_kind(self) -> UnitKind | None:
        """Area or money, for figures that registers state in many units."""
        kinds: tuple[UnitKind, ...] = ("area", "money")
        return next((kind for kind in kinds if self.unit in stated_units(kind)), None)


@dataclasses.dataclass(frozen=True)
class Table:
    """A table: its columns, in order."""

    id: str
    zh: str
    en: str
    columns: tuple[Column, ...]


@functools.cache
def settings() -> Mapping[str, Any]:
    """
    Give the tables file as it is written.

    Returns
    -------
    Mapping
        Read-only.

    Examples
    --------
    >>> "lxdh" in settings()["personal"]["columns"]
    True
    """
    text = resources.files("ecozones").joinpath("data/tables.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))


@functools.cache
def table(name: str) -> Table:
    """
    Give the contract of one table.

    Parameters
    ----------
    name
        Key in the tables file; a nested one with a dot, such as ``"review.lines"``.

    Returns
    -------
    Table
        Its columns, in order.

    Raises
    ------
    KeyError
        There is no such table.

    Examples
    --------
    >>> [column.id for column in table("sites").columns][:3]
    ['site_id', 'name', 'activity']
    """
    found: Any = settings()
    for part in name.split("."):
        found = found[part]
    columns: list[Column] = []
    for key, value in found["columns"].items():
        fields: dict[str, Any] = {
            field: tuple(item) if isinstance(item, list) else item for field, item in value.items()
        }
        columns.append(Column(key, **fields))
    return Table(name, found["zh"], found["en"], tuple(columns))


def match_columns(
    names: Sequence[str], contract: Table, *, columns: Mapping[str, str] | None = None, what: str
) -> dict[str, str]:
    """
    Find the column of a file that plays each role of a contract.

    Parameters
    ----------
    names
        Columns of the file.
    contract
        The table whose roles are wanted.
    columns
        What the caller says: role to column.
    what
        Name of the data, for messages.

    Returns
    -------
    dict
        Column by role; roles that nothing plays are left out.

    Raises
    ------
    SchemaError
        A role or column that the caller names does not exist, or two columns go by the same alias.

    Examples
    --------
    >>> match_columns(["XMMC", "项目编号", "shape_leng"], table("sites"), what="sites")
    {'site_id': '项目编号', 'name': 'XMMC'}
    """
    said = dict(columns or {})
    roles = [column.id for column in contract.columns]
    foreign = [role for role in said if role not in roles]
    absent = [name for name in said.values() if name not in names]
    if foreign or absent:
        message = (
            f"{what}: columns= names {name_rows([*foreign, *absent])}, which "
            f"{'is no role' if foreign else 'the file does not have'}; roles are {', '.join(roles)}, "
            f"columns of the file are {', '.join(map(str, names))}"
        )
        raise SchemaError(message)
    taken = set(said.values())
    kinds: set[UnitKind] = {"area", *(column.unit_kind for column in contract.columns if column.unit_kind)}
    folded = {
        name: {fold(name), *(unit_in_name(name, kind)[0] for kind in kinds)} for name in names if name not in taken
    }
    for column in contract.columns:
        if column.id in said:
            continue
        for alias in (column.id, *column.aliases):
            hits = [name for name, forms in folded.items() if name not in taken and fold(alias) in forms]
            exact = [name for name in hits if str(name) == alias]
            if len(hits) > 1 and not exact:
                message = (
                    f"{what}: columns {', '.join(hits)} could all be {column.id} ({column.zh}); "
                    f"say which with columns={{{column.id!r}: {hits[0]!r}}}"
                )
                raise SchemaError(message)
            if hits:
                said[column.id] = (exact or hits)[0]
                taken.add(said[column.id])
                break
    for column in contract.columns:
        if column.id in said:
            continue
        cut = [name for name in names if name not in taken and restore_cut(name, column.aliases)]
        if len(cut) == 1:
            said[column.id] = cut[0]
            taken.add(cut[0])
    return {role: said[role] for role in roles if role in said}


def restore_cut(name: object, aliases: Iterable[str]) -> str:
    """
    Find the full name that a shapefile has cut to ten bytes.

    Parameters
    ----------
    name
        As the file has it.
    aliases
        Full names to try.

    Returns
    -------
    str
        The first alias that starts with the name; empty where the name is not cut or nothing fits.

    Examples
    --------
    >>> restore_cut("永久基本农", ["永久基本农田面积"]), restore_cut("名", ["名称"])
    ('永久基本农田面积', '')
    """
    text = str(name).strip()
    if text.isascii():
        long_enough = len(text) == NAME_BYTES
    else:
        long_enough = len(text) >= _SHORTEST_CUT and len(text.encode("utf-8")) >= NAME_BYTES - 1
    folded = fold(text)
    if not long_enough or not folded:
        return ""
    return next((alias for alias in aliases if fold(alias) != folded and fold(alias).startswith(folded)), "")


def restore_cut_units(
    names: Sequence[str], contract: Table, *, columns: Mapping[str, str] | None = None, what: str
) -> dict[str, str]:
    """
    Find the full names of columns that a shapefile has cut within the unit of their figures.

    Parameters
    ----------
    names
        Columns of the file.
    contract
        The table whose roles are wanted.
    columns
        What the caller says: role to column.
    what
        Name of the data, for messages.

    Returns
    -------
    dict
        Full name by cut name, where one unit only can have been meant and nothing else plays the role.

    Warns
    -----
    FormatWarning
        A column is left as it stands, since what is left of its unit may be the beginning of several.

    Examples
    --------
    >>> restore_cut_units(["项目编号", "总投资百万"], table("projects"), what="projects")
    {'总投资百万': '总投资百万元'}
    """
    matched = match_columns(names, contract, columns=columns, what=what)
    restored: dict[str, str] = {}
    for column in contract.columns:
        kind = column.unit_kind
        if kind is None or column.id in matched:
            continue
        known = {fold(alias) for alias in (column.id, *column.aliases)}
        for name in names:
            if name in matched.values():
                continue
            meant: dict[str, str] = {}
            for full in names_before_cut(name, kind):
                stem, unit = unit_in_name(full, kind)
                if stem in known:
                    meant.setdefault(unit, full)
            if len(meant) == 1:
                restored[name] = next(iter(meant.values()))
            elif meant:
                message = (
                    f"{what}: ten bytes of a shapefile cut {name} within its unit; it may be any of "
                    f"{', '.join(meant.values())}, so it is left as it stands. Export the table to a GeoPackage, or "
                    "under a shorter name"
                )
                warnings.warn(message, FormatWarning, stacklevel=3)
    return restored


def conform(
    frame: gpd.GeoDataFrame, contract: Table, *, what: str, columns: Mapping[str, str] | None = None
) -> gpd.GeoDataFrame:
    """
    Give a table the columns of its contract, or report everything that is wrong with it at once.

    Parameters
    ----------
    frame
        As read; its index names the rows in messages.
    contract
        The columns wanted.
    what
        Name of the data, for messages.
    columns
        What the caller says: role to column.

    Returns
    -------
    GeoDataFrame
        Columns of the contract first, all others after them, geometry last, on a fresh index. Text is stripped and None
        where blank; areas are in the unit of the contract.

    Raises
    ------
    SchemaError
        Values are missing, repeated or no numbers; ``problems`` lists every one.

    Warns
    -----
    FormatWarning
        Ids were made up because the file has no column of ids.

    Examples
    --------
    >>> import shapely
    >>> plots = gpd.GeoDataFrame({"DKBH": ["A", "B"], "面积_亩": [3, 6]}, geometry=[shapely.Point(0, 0)] * 2)
    >>> conform(plots, table("sites"), what="plots")[["site_id", "stated_area_m2"]].values.tolist()
    [['A', 2000.0], ['B', 4000.0]]
    """
    shape = frame.geometry.name
    names = [str(name) for name in frame.columns if name != shape]
    by_name = {str(name): frame[name] for name in frame.columns if name != shape}
    matched = match_columns(names, contract, columns=columns, what=what)
    units, problems = _row_units(by_name, matched, contract)
    matched = {role: name for role, name in matched.items() if _unit_is_known(role, name, contract, units, what)}
    built: dict[str, pd.Series] = {}
    kept: set[str] = set()
    for column in contract.columns:
        if column.id in matched:
            name = matched[column.id]
            kind = column.unit_kind
            stated = units.get(kind) if kind and not unit_in_name(name, kind)[1] else None
            values, wrong = column_values(by_name[name], column, name, stated_in=stated)
            if column.keep_stated and name != column.id and not _as_stated(values, by_name[name]):
                kept.add(name)
        elif column.optional:
            continue
        elif column.unique:
            values, wrong = pd.Series(np.arange(1, len(frame) + 1).astype(str), index=frame.index, dtype=object), []
            note = f"{what}: no column of ids was found, so rows are numbered from 1 as {column.id}"
            warnings.warn(f"{note}; name one with columns={{{column.id!r}: ...}}", FormatWarning, stacklevel=3)
        elif column.required:
            remedy = f"name the column with columns={{{column.id!r}: ...}}"
            wrong = [problem_rows(["all"], column.id, [""], "is missing", remedy)]
            values = pd.Series([None] * len(frame), index=frame.index, dtype=object)
        else:
            empty = np.nan if column.kind != "text" else None
            values, wrong = pd.Series([empty] * len(frame), frame.index, dtype=object if empty is None else float), []
        built[column.id] = values
        problems += wrong
    refuse(problems, what=what)
    used = set(matched.values()) - kept
    # a column of the file that bears the name of a role but does not play it keeps its values under another name
    rest = {
        (f"{name}_in_file" if name in built else name): series for name, series in by_name.items() if name not in used
    }
    data = pd.DataFrame(built | rest, index=frame.index)
    return gpd.GeoDataFrame(data, geometry=frame.geometry.to_numpy(), crs=frame.crs).reset_index(drop=True)


def _row_units(
    by_name: Mapping[str, pd.Series], matched: dict[str, str], contract: Table
) -> tuple[dict[UnitKind, pd.Series], list[pd.DataFrame]]:
    """Read the columns that tell units row by row; one in which no value is a unit tells something else."""
    units: dict[UnitKind, pd.Series] = {}
    problems: list[pd.DataFrame] = []
    for column in contract.columns:
        kind = column.states_unit_of
        if kind is None or column.id not in matched:
            continue
        words = as_text(by_name[matched[column.id]])
        known = words.map(lambda word, kind=kind: None if word is None else unit_of(word, kind))
        if known.isna().all():
            del matched[column.id]
            continue
        strange = words.notna() & known.isna()
        if strange.any():
            shown = f"{column.id} ({matched[column.id]})"
            remedy = f"write one of {', '.join(unit.words[0] for unit in stated_units(kind).values())}"
            rows = list(words.index[strange])
            problems.append(problem_rows(rows, shown, words[strange], f"is no unit of {kind}", remedy))
        units[kind] = known
    return units, problems


def _unit_is_known(role: str, name: str, contract: Table, units: Mapping[UnitKind, pd.Series], what: str) -> bool:
    """Tell whether figures say their unit; an area shows it by its ground, money by nothing."""
    column = next(column for column in contract.columns if column.id == role)
    if column.unit_kind != "money" or name == role or unit_in_name(name, "money")[1] or "money" in units:
        return True
    message = (
        f"{what}: {name} states no unit, and 元 and 万元 cannot be told apart, so it is left as it stands; "
        f"write the unit into the name, such as {name}_万元, or add a column 资金单位"
    )
    warnings.warn(message, FormatWarning, stacklevel=5)
    return False


def _as_stated(values: pd.Series, series: pd.Series) -> bool:
    """Tell whether a column holds what the file states, number for number."""
    if not pd.api.types.is_numeric_dtype(values):
        return bool((values.notna() == series.notna()).all())
    return bool(np.array_equal(values.to_numpy(float), pd.to_numeric(series, errors="coerce"), equal_nan=True))


def refuse(problems: Sequence[pd.DataFrame], *, what: str, error: type[SchemaError] = SchemaError) -> None:
    """
    Raise one error that tells of every problem, if there is any.

    Parameters
    ----------
    problems
        Tables of row, column, value, problem and remedy.
    what
        Name of the data.
    error
        What to raise.

    Raises
    ------
    SchemaError
        With the joined table as ``problems``.

    Examples
    --------
    >>> refuse([], what="sites")
    """
    if not problems:
        return
    joined = pd.concat(problems, ignore_index=True)
    told = [
        f"{column} {problem} in rows {name_rows(group['row'])}; {remedy}"
        for (column, problem, remedy), group in joined.groupby(["column", "problem", "remedy"], sort=False)
    ]
    message = f"{what}: " + ". ".join(told)
    raise error(message, joined)


def problem_rows(
    rows: Iterable[object], column: str, values: Iterable[object], problem: str, remedy: str
) -> pd.DataFrame:
    """
    List what is wrong with the values of one column, row by row.

    Parameters
    ----------
    rows
        Row labels.
    column
        Name of the column, as the user knows it.
    values
        What stands there.
    problem, remedy
        What is wrong and what to do, in words that follow on the name of the column.

    Returns
    -------
    DataFrame
        Columns ``row``, ``column``, ``value``, ``problem``, ``remedy``.

    Examples
    --------
    >>> problem_rows([3], "site_id", ["A"], "is repeated", "write another")["row"].tolist()
    [3]
    """
    data = {
        "row": list(rows),
        "column": column,
        "value": [str(value) for value in values],
        "problem": problem,
        "remedy": remedy,
    }
    return pd.DataFrame(data, columns=_PROBLEM_COLUMNS)


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
        The values on the same index, and tables of problems as :func:`refuse` takes them.

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
    values: pd.Series = pd.to_numeric(series, errors="coerce").astype(float)
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


def drop_personal(frame: gpd.GeoDataFrame, *, what: str) -> gpd.GeoDataFrame:
    """
    Leave out columns about persons, and say which.

    Parameters
    ----------
    frame
        As read.
    what
        Name of the data, for messages.

    Returns
    -------
    GeoDataFrame
        Without columns such as a farmer's name, identity number, telephone or address.

    Warns
    -----
    DroppedColumnsWarning
        Columns were left out.

    Examples
    --------
    >>> personal_columns(["BSM", "LXDH", "身份证号"])
    ['LXDH', '身份证号']
    """
    found = personal_columns([name for name in frame.columns if name != frame.geometry.name])
    if not found:
        return frame
    message = f"{what}: left out {', '.join(found)}, which hold personal data; pass keep_personal=True to keep them"
    warnings.warn(message, DroppedColumnsWarning, stacklevel=3)
    return frame.drop(columns=found)


def personal_columns(names: Iterable[object]) -> list[str]:
    """
    Columns that by their name hold data about persons.

    Parameters
    ----------
    names
        Columns of a table.

    Returns
    -------
    list of str
        In the order given.

    Examples
    --------
    >>> personal_columns(["ZRRMC", "MJ"])
    ['ZRRMC']
    """
    words = settings()["personal"]["columns"]
    known = {fold(word) for word in words}
    return [str(name) for name in names if fold(name) in known or restore_cut(name, words)]


@functools.cache
def land_classes(scheme: Scheme) -> Mapping[str, str]:
    """
    Names of land classes by code in one scheme.

    Parameters
    ----------
    scheme
        ``"survey-3"`` (third survey), ``"plan-2023"`` (land and sea use) or ``"survey-2"``.

    Returns
    -------
    Mapping
        Read-only.

    Examples
    --------
    >>> land_classes("survey-3")["0601"], land_classes("plan-2023")["0601"]
    ('工业用地', '农村道路')
    """
    found = _land_class_file()["schemes"][scheme]
    return MappingProxyType(found["classes"] | found.get("recalled", {}))


def land_class_collisions() -> pd.DataFrame:
    """
    Codes that mean different ground in the survey and in the plan.

    Returns
    -------
    DataFrame
        One row per code: ``code``, ``survey_3``, ``plan_2023``.

    Examples
    --------
    >>> land_class_collisions().set_index("code").loc["1202"].tolist()
    ['设施农用地', '公路用地']
    """
    survey, plan = land_classes("survey-3"), land_classes("plan-2023")
    renamed = _land_class_file()["renamed"]
    codes = [code for code in survey if code in plan and survey[code] != plan[code] and renamed.get(code) != code]
    return pd.DataFrame(
        {"code": codes, "survey_3": [survey[code] for code in codes], "plan_2023": [plan[code] for code in codes]}
    )


def land_class_schemes(codes: pd.Series, field: str) -> pd.Series:
    """
    Tell the scheme that each land-class code belongs to by the field it stands in.

    Parameters
    ----------
    codes
        Codes as text.
    field
        Name of the column they come from.

    Returns
    -------
    Series
        ``"survey-3"``, ``"plan-2023"``, ``"survey-2"`` (three digits in a survey field) or None where the field does
        not tell; named ``land_class_scheme``.

    Examples
    --------
    >>> land_class_schemes(pd.Series(["0601", "011"]), "DLBM").tolist()
    ['survey-3', 'survey-2']
    >>> land_class_schemes(pd.Series(["0601"]), "用地用海分类代码").tolist()
    ['plan-2023']
    """
    schemes = _land_class_file()["schemes"]
    known = {fold(name): scheme for scheme, entry in schemes.items() for name in entry["fields"]}
    cut = {scheme: restore_cut(field, entry["fields"]) for scheme, entry in schemes.items()}
    scheme = known.get(fold(field)) or next((name for name, full in cut.items() if full), None)
    found = pd.Series([scheme] * len(codes), index=codes.index, dtype=object).where(codes.notna(), None)
    if scheme == "survey-3":
        found[codes.str.fullmatch(r"\d{3}").fillna(value=False).astype(bool)] = "survey-2"
    return found.rename("land_class_scheme")


@functools.cache
def _land_class_file() -> Mapping[str, Any]:
    text = resources.files("ecozones").joinpath("data/land_classes.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))
