"""Totals that the printed rows sum to."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

import numpy as np

from ecozones.area import close_totals
from ecozones.reports.content import Table
from ecozones.reports.figures import KINDS, absent, show, stored, word
from ecozones.vocab import Language

# what can be added up: ground and lengths; shares and distances cannot
_ADDITIVE = ("m2", "ha", "mu", "km2", "m")


def close_table(table: Table, language: Language, *, only: Collection[str] | None = None) -> Table:
    """
    Add a last row that the printed rows sum to, and say which of them were adjusted by how much.

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
    >>> import pandas as pd
    >>> thirds = pd.DataFrame({"site_id": ["a", "b", "c"], "area_mu": [1 / 3] * 3})
    >>> close_table(Table.from_frame(thirds, "t", "", "en"), "en").printed("en")
    [['a', '0.34'], ['b', '0.33'], ['c', '0.33'], ['Total', '1.00']]
    """
    if len(table.rows) <= 1:
        return table
    columns = [list(values) for values in zip(*table.rows, strict=True)]
    total: list[Any] = [None] * len(columns)
    named = next((at for at, column in enumerate(table.columns) if not column.is_number), None)
    if named is not None:
        total[named] = word("total", language)
    changes = []
    for at, column in enumerate(table.columns):
        numbers = {row: float(value) for row, value in enumerate(columns[at]) if _is_number(value)}
        decimals = KINDS[column.kind].decimals
        asked = only is None or column.key in only
        if not asked or column.kind not in _ADDITIVE or decimals is None or not numbers:
            continue
        closed = close_totals(list(numbers.values()), decimals)
        total[at] = stored(closed["rounded"].sum(), column.kind)
        for row, value, change in zip(numbers, closed["rounded"], closed["adjustment"], strict=True):
            columns[at][row] = float(value)
            if change:
                who = show(row + 1, "count") if named is None else show(table.rows[row][named], "text", language)
                changes.append(f"{who} {column.label} {change:+.{decimals}f}")
    notes = table.notes
    if changes:
        notes = (*notes, word("adjusted", language, table="sentences", changes="; ".join(changes)))
    return dataclasses.replace(table, rows=tuple(zip(*columns, strict=True)), total=tuple(total), notes=notes)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not absent(value)
