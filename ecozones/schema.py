"""Column contracts: which columns a table needs, what they are called in files, and what is wrong with them."""

from __future__ import annotations

import dataclasses
import functools
import re
import tomllib
import unicodedata
import warnings
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from types import MappingProxyType
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from ecozones.errors import DroppedColumnsWarning, FormatWarning, SchemaError, name_rows
from ecozones.units import from_m2, to_m2

Kind = Literal["text", "number", "integer"]
Scheme = Literal["survey-2", "survey-3", "plan-2023"]

# a shapefile cuts names at 10 bytes: 3 Chinese characters in UTF-8 and a rest, 5 in GBK
_SHORTEST_CUT = 3
_CUT_BYTES = 10
_UNITS = {
    "平方公里": "km2",
    "平方千米": "km2",
    "km2": "km2",
    "平方米": "m2",
    "m2": "m2",
    "sqm": "m2",
    "公顷": "ha",
    "hectares": "ha",
    "hectare": "ha",
    "ha": "ha",
    "亩": "mu",
    "mu": "mu",
}
_PROBLEM_COLUMNS = ["row", "column", "value", "problem", "remedy"]


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of a table: what it holds, in which unit, and the names it goes by in files."""

    id: str
    zh: str
    en: str
    kind: Kind = "text"
    unit: str = ""
    required: bool = False
    unique: bool = False
    aliases: tuple[str, ...] = ()


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


def fold(name: object) -> str:
    """
    Bring a column or layer name to the form in which names are compared.

    Parameters
    ----------
    name
        As written.

    Returns
    -------
    str
        Lower case, full-width forms made narrow, punctuation and spaces left out.

    Examples
    --------
    >>> fold("ＧＨＦＱ_MC "), fold("用地面积（公顷）")
    ('ghfqmc', '用地面积公顷')
    """
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", str(name)).casefold())


def unit_in_name(name: object) -> tuple[str, str]:
    """
    Read the area unit that a column name ends in.

    Parameters
    ----------
    name
        As written.

    Returns
    -------
    tuple of str
        The folded name without the unit, and the unit; an empty unit where the name says none.

    Examples
    --------
    >>> unit_in_name("用地面积（公顷）"), unit_in_name("MJ")
    (('用地面积', 'ha'), ('mj', ''))
    """
    folded = fold(name)
    for word, unit in _UNITS.items():
        stem = folded.removesuffix(word)
        latin = word.isascii()
        # "alpha" does not end in hectares: a Latin unit stands apart or follows a Chinese name
        apart = (
            not latin
            or not stem
            or not stem[-1].isascii()
            or bool(re.search(rf"[\W_]{word}\W*$", str(name).casefold()))
        )
        if stem != folded and apart:
            return (stem or folded), unit
    return folded, ""


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
    folded = {name: {fold(name), unit_in_name(name)[0]} for name in names if name not in taken}
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
        long_enough = len(text) == _CUT_BYTES
    else:
        long_enough = len(text) >= _SHORTEST_CUT and len(text.encode("utf-8")) >= _CUT_BYTES - 1
    folded = fold(text)
    if not long_enough or not folded:
        return ""
    return next((alias for alias in aliases if fold(alias) != folded and fold(alias).startswith(folded)), "")


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
    matched = match_columns(names, contract, columns=columns, what=what)
    by_name = {str(name): frame[name] for name in frame.columns if name != shape}
    built: dict[str, pd.Series] = {}
    problems: list[pd.DataFrame] = []
    for column in contract.columns:
        if column.id in matched:
            values, wrong = column_values(by_name[matched[column.id]], column, matched[column.id])
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
    used = set(matched.values())
    # a column of the file that bears the name of a role but does not play it keeps its values under another name
    rest = {
        (f"{name}_in_file" if name in built else name): series for name, series in by_name.items() if name not in used
    }
    data = pd.DataFrame(built | rest, index=frame.index)
    return gpd.GeoDataFrame(data, geometry=frame.geometry.to_numpy(), crs=frame.crs).reset_index(drop=True)


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


def column_values(series: pd.Series, column: Column, name: str) -> tuple[pd.Series, list[pd.DataFrame]]:
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

    Returns
    -------
    tuple
        The values on the same index, and tables of problems as :func:`refuse` takes them.

    Examples
    --------
    >>> planned = Column("planned_ha", "计划面积", "planned area", "number", "ha")
    >>> column_values(pd.Series([15]), planned, "面积(亩)")[0].tolist()
    [1.0]
    """
    shown = column.id if name == column.id else f"{column.id} ({name})"
    wrong: list[pd.DataFrame] = []
    if column.kind == "text":
        values = as_text(series)
    else:
        values = pd.to_numeric(series, errors="coerce").astype(float)
        blank = series.isna() | (series.astype(str).str.strip() == "")
        bad = (values.isna() & ~blank) | np.isinf(values)
        if bad.any():
            wrong.append(
                problem_rows(list(series.index[bad]), shown, list(series[bad]), "is no number", "write plain numbers")
            )
        unit = unit_in_name(name)[1]
        if unit and column.unit in set(_UNITS.values()) and unit != column.unit:
            values = pd.Series(from_m2(to_m2(values, unit), column.unit), index=series.index)  # type: ignore[arg-type]
        if column.kind == "integer":
            values = values.where(values.isna(), values.round())
            whole = pd.to_numeric(series, errors="coerce")
            part = whole.notna() & (whole % 1 != 0)
            if part.any():
                rows = list(series.index[part])
                wrong.append(problem_rows(rows, shown, list(series[part]), "is no whole number", "write whole numbers"))
            else:
                values = values.astype("Int64")
    if column.unique:
        missing = values.isna()
        again = values.duplicated(keep=False) & ~missing
        remedy = f"give every row a value of its own, or name another column with columns={{{column.id!r}: ...}}"
        if missing.any():
            wrong.append(problem_rows(list(series.index[missing]), shown, list(series[missing]), "is blank", remedy))
        if again.any():
            wrong.append(problem_rows(list(series.index[again]), shown, list(series[again]), "is repeated", remedy))
    return values, wrong


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
