"""Sums that hold on paper: a total is the sum of the printed rows, and pieces of one whole are rounded to sum to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
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


def add_total(table: Table, language: Language, *, only: Collection[str] | None = None) -> Table:
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
        numbers = [float(row[at]) for row in table.rows if _is_number(row[at])]
        asked = only is None or column.key in only
        if not asked or column.kind not in _ADDITIVE or not numbers:
            continue
        # decimals as they were written: binary noise must turn no half
        exact = stored(float(sum(Decimal(repr(number)) for number in numbers)), column.kind)
        total[at] = float(sum(Decimal(repr(stored(number, column.kind))) for number in numbers))
        if exact != total[at]:
            apart.append(f"{column.label} {show(exact, column.kind, language)}")
    notes = table.notes
    if apart:
        notes = (*notes, word("unrounded", language, table="sentences", sums="; ".join(apart)))
    return dataclasses.replace(table, total=tuple(total), notes=notes)


def close_pieces(pieces: pd.DataFrame, whole: str) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """
    Round the pieces of each whole so that they sum to its rounded area (面积调平).

    Parameters
    ----------
    pieces
        One row per piece; columns whose names end in a unit of area are closed, and no value is missing.
    whole
        The column that names the whole of each piece.

    Returns
    -------
    tuple
        The pieces, rounded; and what was adjusted by how much, by column.

    Examples
    --------
    >>> close_pieces(pd.DataFrame({"site_id": ["a", "a"], "area_mu": [0.005, 0.005]}), "site_id")[1]
    {'area_mu': ['a -0.01']}
    """
    rounded = pieces.copy()
    changes: dict[str, list[str]] = {}
    for column in pieces.columns:
        unit = str(column).rsplit("_", 1)[-1]
        if unit not in DECIMALS:
            continue
        for name, own in pieces.groupby(whole, sort=False)[column]:
            closed = close_totals(own, DECIMALS[unit])
            rounded.loc[own.index, column] = closed["rounded"]
            moved = closed["adjustment"][closed["adjustment"] != 0]
            changes.setdefault(str(column), []).extend(f"{name} {change:+.{DECIMALS[unit]}f}" for change in moved)
    return rounded, {column: told for column, told in changes.items() if told}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not absent(value)
