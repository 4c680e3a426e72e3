"""Sums that hold on paper: a total is the sum of the printed rows, and pieces of one whole are rounded to sum to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from ecozones.area import close_totals
from ecozones.reports.content import Table
from ecozones.reports.figures import absent, show, stored, word
from ecozones.units import DECIMALS
from ecozones.vocab import Language

# what can be added up: ground and lengths; shares and distances cannot
_ADDITIVE = ("m2", "ha", "mu", "km2", "m")


def add_total(
    table: Table,
    language: Language,
    *,
    only: Collection[str] | None = None,
    known: Mapping[str, float] | None = None,
) -> Table:
    """
    Add a last row that sums the printed rows, and say where the values before rounding sum to something else.

    What stands alone is printed as it is wherever else it is told, and never adjusted to a sum; pieces of one whole are
    closed with :func:`close_pieces` before.

    Parameters
    ----------
    table
        A table; areas and lengths are added up, texts in their columns are passed over.
    language
        ``"zh"`` or ``"en"``.
    only
        Columns to add up; left out: all of areas and lengths.
    known
        Totals by column that the rows do not sum to, such as that of rows which share ground; a note must say so.

    Returns
    -------
    Table
        The same table where it has one row only, which is its own total.

    Examples
    --------
    >>> thirds = pd.DataFrame({"site_id": ["a", "b", "c"], "area_mu": [1 / 3] * 3})
    >>> summed = add_total(Table.from_frame(thirds, "t", "", "en"), "en")
    >>> summed.printed("en")
    [['a', '0.33'], ['b', '0.33'], ['c', '0.33'], ['Total', '0.99']]
    >>> summed.notes
    ('The total adds up the rows as printed; before rounding it is: Area (mu) 1.00.',)
    """
    if len(table.rows) <= 1:
        return table
    total: list[Any] = [None] * len(table.columns)
    named = next((at for at, column in enumerate(table.columns) if not column.is_number), None)
    if named is not None:
        total[named] = word("total", language)
    apart = []
    for at, column in enumerate(table.columns):
        if known and column.key in known:
            total[at] = known[column.key]
            continue
        numbers = [float(row[at]) for row in table.rows if _is_number(row[at])]
        asked = only is None or column.key in only
        if not asked or column.kind not in _ADDITIVE or not numbers:
            continue
        # decimals as they were written: binary noise must turn no half
        exact = stored(float(sum(Decimal(repr(number)) for number in numbers)), column.kind)
        total[at] = printed_sum(numbers, column.kind)
        if exact != total[at]:
            apart.append(f"{column.label} {show(exact, column.kind, language)}")
    notes = table.notes
    if apart:
        notes = (*notes, word("unrounded", language, table="sentences", sums="; ".join(apart)))
    return dataclasses.replace(table, total=tuple(total), notes=notes)


def printed_sum(numbers: Iterable[float], kind: str) -> float:
    """
    Sum numbers as they are printed.

    Parameters
    ----------
    numbers
        Before rounding.
    kind
        How they are printed.

    Returns
    -------
    float
        The sum of the printed numbers.

    Examples
    --------
    >>> printed_sum([1 / 3, 1 / 3, 1 / 3], "mu")
    0.99
    """
    return float(sum(Decimal(repr(stored(number, kind))) for number in numbers))


def close_pieces(
    pieces: pd.DataFrame, whole: str, areas: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """
    Round the pieces of each whole so that they sum to its rounded area (面积调平).

    Parameters
    ----------
    pieces
        One row per piece; columns whose names end in a unit of area are closed, and no value is missing.
    whole
        The column that names the whole of each piece.
    areas
        Areas of the wholes by name, in columns as the pieces have them; left out: the sums of their pieces.

    Returns
    -------
    tuple
        The pieces, rounded; and what was adjusted by how much, by column.

    Raises
    ------
    InputError
        Pieces are so far off their whole that it is no rounding.

    Examples
    --------
    >>> close_pieces(pd.DataFrame({"site_id": ["a", "a"], "area_mu": [0.005, 0.005]}), "site_id")[1]
    {'area_mu': ['a -0.01']}
    """
    # by position: rows of one label are pieces of their own, and so are those of no whole that has a name
    rounded = pieces.reset_index(drop=True)
    changes: dict[str, list[str]] = {}
    for column in pieces.columns:
        unit = str(column).rsplit("_", 1)[-1]
        if unit not in DECIMALS:
            continue
        known = None if areas is None else areas[column].to_dict()
        for name, own in rounded.groupby(whole, sort=False, dropna=False)[column]:
            closed = close_totals(own, DECIMALS[unit], None if known is None else known[name])
            rounded.loc[own.index, column] = closed["rounded"]
            moved = closed["adjustment"][closed["adjustment"] != 0]
            changes.setdefault(str(column), []).extend(f"{name} {change:+.{DECIMALS[unit]}f}" for change in moved)
    return rounded.set_axis(pieces.index), {column: told for column, told in changes.items() if told}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not absent(value)
