"""Totals that close: rounded values that sum to their rounded total."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ecozones.errors import InputError, name_rows
from ecozones.units import round_half_up


def close_totals(values: ArrayLike | pd.Series, decimals: int, total: float | None = None) -> pd.DataFrame:
    """
    Round values so that they sum to their rounded total, by the largest remainder (面积调平).

    Parameters
    ----------
    values
        Numbers, as a series to keep its index.
    decimals
        Digits to keep after the decimal point.
    total
        The total to reach, None for the sum of `values`; rounded half up to `decimals` first.

    Returns
    -------
    DataFrame
        On the index of `values`: ``value``, ``rounded``, and ``adjustment``, what closing added to the plain half-up
        rounding. Ties go to the larger value, then to the earlier label, so the order of rows does not matter.

    Raises
    ------
    InputError
        Values are missing, or the total is so far off that a row would move by more than one last digit.

    Examples
    --------
    >>> close_totals([0.4, 0.4, 0.4], 0)
       value  rounded  adjustment
    0    0.4      1.0         1.0
    1    0.4      0.0         0.0
    2    0.4      0.0         0.0
    """
    series = pd.Series(values, dtype="float64") if not isinstance(values, pd.Series) else values.astype("float64")
    numbers = series.to_numpy(dtype=np.float64)
    missing = ~np.isfinite(numbers)
    if missing.any():
        message = (
            f"values at rows {name_rows(series.index[missing])} are missing, so no total closes; fill or drop them"
        )
        raise InputError(message)
    scale = 10.0**decimals
    units = np.rint(round_half_up(numbers, decimals) * scale).astype(np.int64)
    # a sum of the decimals that were written: exact, so neither binary noise nor the order of rows can turn a half
    goal = float(sum(Decimal(repr(number)) for number in numbers.tolist())) if total is None else total
    short = int(np.rint(round_half_up(goal, decimals) * scale)) - int(units.sum())
    if abs(short) > len(units):
        message = (
            f"the total {goal} lies {abs(short) / scale:g} from the sum of the rounded values, more than one last "
            f"digit for each of {len(units)} rows; that is no rounding: look for what the rows or the total lack"
        )
        raise InputError(message)
    # noise of the ninth digit of a remainder must not part what is equal
    remainder = np.round(numbers * scale - units, 6)
    table = pd.DataFrame(
        {"wish": -np.sign(short) * remainder, "size": -np.abs(numbers), "label": series.index.astype(str)}
    )
    order = table.sort_values(["wish", "size", "label"], kind="stable").index.to_numpy()
    shift = np.zeros(len(units), dtype=np.int64)
    shift[order[: abs(short)]] = np.sign(short)
    return pd.DataFrame(
        {
            "value": numbers,
            "rounded": np.round((units + shift) / scale, decimals),
            "adjustment": np.round(shift / scale, decimals),
        },
        index=series.index,
    )
