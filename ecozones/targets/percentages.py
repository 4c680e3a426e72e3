"""Stated percentages held against the figures that they are made of."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ecozones.errors import SchemaError
from ecozones.targets.stated import half_digit


def check_percentages(table: pd.DataFrame, *, part: str, whole: str, printed: str) -> pd.DataFrame:
    """
    Recompute the percentages that a document prints from the numbers it prints beside them.

    Parameters
    ----------
    table
        One row per printed percentage; text keeps its digits, and digits decide how far rounding may reach.
    part, whole, printed
        Columns: what was done, of what, and the percentage as printed. [%]

    Returns
    -------
    DataFrame
        The input with ``recomputed`` [%], ``difference`` [%], ``tolerance`` (half the last printed digit, [%]),
        ``agrees`` (missing where there is nothing to divide by).

    Examples
    --------
    >>> printed = pd.DataFrame({"built": ["28.71"], "task": ["40"], "percent": ["71.58"]})
    >>> checked = check_percentages(printed, part="built", whole="task", printed="percent")
    >>> checked[["recomputed", "agrees"]].values.tolist()
    [[71.775, False]]
    """
    missing = [column for column in (part, whole, printed) if column not in table.columns]
    if missing:
        message = f"the table has no columns {', '.join(missing)}; it has {', '.join(map(str, table.columns))}"
        raise SchemaError(message)
    done, of = (pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=float) for column in (part, whole))
    said = pd.to_numeric(table[printed].astype(str).str.rstrip("% "), errors="coerce").to_numpy(dtype=float)
    recomputed = np.divide(100 * done, of, out=np.full(len(table), np.nan), where=of != 0)
    tolerance = np.array([half_digit(value) for value in table[printed]])
    difference = said - recomputed
    known = ~np.isnan(difference)
    agrees = pd.array(np.abs(difference) <= tolerance * (1 + 1e-9) + 1e-9, dtype="boolean")
    agrees[~known] = pd.NA
    return table.assign(recomputed=recomputed, difference=difference, tolerance=tolerance, agrees=agrees)
