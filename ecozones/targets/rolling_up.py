"""Figures of districts rolled up to a total that closes; rates are never summed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ecozones.area import close_totals
from ecozones.columns import refuse_figures
from ecozones.errors import SchemaError


def roll_up(
    values: pd.DataFrame,
    *,
    by: str = "district",
    value: str = "value",
    weight: str | None = None,
    decimals: int = 2,
) -> pd.DataFrame:
    """
    Roll figures of districts up to a total that closes: the rounded parts sum to the rounded whole.

    Parameters
    ----------
    values
        One row per district and indicator, with `by`, ``indicator``, ``unit`` and `value`.
    by
        The column that names districts.
    value
        The column of figures. Percentages and ratios are never summed: they need `weight`.
    weight
        The column of denominators, for figures that are rates.
    decimals
        Digits to keep.

    Returns
    -------
    DataFrame
        One row per indicator and district, then one for the total (`by` is ``"total"``): ``indicator``, `by`,
        ``unit``, `value` (rounded), ``adjustment`` (what closing the total moved it by), ``exact``.

    Raises
    ------
    SchemaError
        A rate has no weight, a district is named twice, or units of one indicator differ.

    Examples
    --------
    >>> parts = pd.DataFrame({"district": ["A", "B", "C"], "indicator": "planted", "unit": "ha", "value": [1.004] * 3})
    >>> roll_up(parts)["value"].tolist()
    [1.01, 1.0, 1.0, 3.01]
    """
    table = values.reset_index(drop=True)
    missing = [
        column
        for column in (by, "indicator", "unit", value, *([weight] if weight else []))
        if column not in table.columns
    ]
    if missing:
        message = f"the figures have no columns {', '.join(missing)}; they have {', '.join(map(str, table.columns))}"
        raise SchemaError(message)
    problems = [
        (row, by, f"{table[by][row]!r} is named twice") for row in table.index[table.duplicated(["indicator", by])]
    ]
    for indicator, group in table.groupby("indicator", sort=False):
        if len(set(group["unit"])) > 1:
            problems.append((group.index[0], "unit", f"{indicator!r} comes in {', '.join(sorted(set(group['unit'])))}"))
    refuse_figures(problems, "the figures")
    rows = []
    for indicator, group in table.groupby("indicator", sort=False):
        unit = group["unit"].iloc[0]
        exact = pd.to_numeric(group[value]).to_numpy(dtype=float)
        if _is_rate(unit):
            rows += _rate_rows(group, exact, str(indicator), by, value, weight, decimals)
            continue
        closed = close_totals(exact, decimals)
        rounded, adjustment = closed["rounded"].to_numpy(), closed["adjustment"].to_numpy()
        rows += [
            {"indicator": indicator, by: name, "unit": unit, value: part, "adjustment": moved, "exact": full}
            for name, part, moved, full in zip(group[by], rounded, adjustment, exact, strict=True)
        ]
        total = float(np.round(rounded.sum(), decimals))
        rows.append(
            {
                "indicator": indicator,
                by: "total",
                "unit": unit,
                value: total,
                "adjustment": 0.0,
                "exact": float(exact.sum()),
            }
        )
    return pd.DataFrame(rows)


def _is_rate(unit: str) -> bool:
    return "%" in unit or "/" in unit


def _rate_rows(
    group: pd.DataFrame,
    exact: np.ndarray[Any, Any],
    indicator: str,
    by: str,
    value: str,
    weight: str | None,
    decimals: int,
) -> list[dict[str, Any]]:
    """Roll up rates: the mean, weighted by their denominators."""
    unit = group["unit"].iloc[0]
    if weight is None:
        message = (
            f"{indicator!r} is a rate [{unit}] and cannot be summed; name the column of its denominators as weight="
        )
        raise SchemaError(message)
    weights = pd.to_numeric(group[weight]).to_numpy(dtype=float)
    mean = float((exact * weights).sum() / weights.sum()) if weights.sum() > 0 else float("nan")
    named = [*zip(group[by], exact, strict=True), ("total", mean)]
    return [
        {"indicator": indicator, by: name, "unit": unit, value: round(part, decimals), "adjustment": 0.0, "exact": part}
        for name, part in named
    ]
