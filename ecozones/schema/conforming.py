"""A table of a file with the columns of its contract."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd

from ecozones.columns import as_numbers
from ecozones.errors import FormatWarning
from ecozones.schema.contract import Table
from ecozones.schema.matching import match_columns
from ecozones.schema.problems import problem_rows, refuse
from ecozones.schema.values import as_text, column_values
from ecozones.units import Kind as UnitKind
from ecozones.units import stated_units, unit_in_name, unit_of


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
    >>> from ecozones.schema import table
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
    return bool(np.array_equal(values.to_numpy(float), as_numbers(series), equal_nan=True))
