"""Sums that do not depend on who adds what first: exact, by fragments, as if one process had added it all."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def exact_parts(values: NDArray[np.float64]) -> list[float]:
    """
    Write a sum as a few numbers whose exact sum it is.

    Parameters
    ----------
    values
        Numbers, none missing.

    Returns
    -------
    list of float
        The rounded sum first, then what rounding left out; ``math.fsum`` of the parts of several such lists is
        ``math.fsum`` of all their values.

    Examples
    --------
    >>> exact_parts(np.array([1.0, 1e100, 1.0, -1e100]))
    [2.0]
    >>> parts = [*exact_parts(np.array([0.1] * 7)), *exact_parts(np.array([0.1] * 3))]
    >>> math.fsum(parts) == math.fsum([0.1] * 10)
    True
    """
    left = values.tolist()
    parts: list[float] = []
    while (part := math.fsum([*left, *(-known for known in parts)])) or not parts:
        parts.append(part)
    return parts


def sum_by(table: pd.DataFrame, keys: Sequence[str], column: str) -> pd.DataFrame:
    """
    Sum a column by groups, as parts that add up exactly.

    Parameters
    ----------
    table
        Rows; values may be missing in `keys`, never in `column`.
    keys
        Columns to group by; none for one group of everything.
    column
        What to sum.

    Returns
    -------
    DataFrame
        Several rows a group: the keys, ``_rows`` (in its first row, 0 in the others) and `column`.

    Examples
    --------
    >>> sum_by(pd.DataFrame({"kind": ["a", "b", "a"], "area": [1.0, 2.0, 4.0]}), ["kind"], "area")["area"].tolist()
    [5.0, 2.0]
    """
    if not len(table):
        return pd.DataFrame({**{key: table[key] for key in keys}, "_rows": pd.Series(dtype=np.int64), column: []})
    number = table.groupby(list(keys), dropna=False, sort=True).ngroup() if keys else pd.Series(0, index=table.index)
    order = np.argsort(number.to_numpy(), kind="stable")
    first = np.flatnonzero(np.r_[True, np.diff(number.to_numpy()[order]) > 0])
    rows: list[dict[str, object]] = []
    for members in np.split(order, first[1:]):
        head = {key: table[key].iloc[members[0]] for key in keys}
        for place, part in enumerate(exact_parts(table[column].to_numpy(dtype=np.float64)[members])):
            rows.append({**head, "_rows": len(members) if place == 0 else 0, column: part})
    kinds = {key: table[key].dtype for key in keys}
    return pd.DataFrame(rows).astype({**kinds, "_rows": np.int64, column: np.float64})


def add_up(parts: pd.DataFrame, keys: Sequence[str], column: str) -> pd.DataFrame:
    """
    Add up what :func:`sum_by` gave for each fragment.

    Parameters
    ----------
    parts
        The rows of all fragments.
    keys, column
        As they were.

    Returns
    -------
    DataFrame
        One row per group, in the order of the keys, missing ones last: the keys, ``_rows`` and `column`; rounded once.

    Examples
    --------
    >>> one = sum_by(pd.DataFrame({"area": [0.1] * 7}), [], "area")
    >>> other = sum_by(pd.DataFrame({"area": [0.1] * 3}), [], "area")
    >>> add_up(pd.concat([one, other]), [], "area").values.tolist()
    [[10.0, 1.0]]
    """
    if not keys:
        return pd.DataFrame({"_rows": [int(parts["_rows"].sum())], column: [math.fsum(parts[column])]})
    grouped = parts.groupby(list(keys), dropna=False, sort=True)
    summed = grouped.agg(**{"_rows": ("_rows", "sum"), column: (column, math.fsum)})
    return summed.reset_index()
