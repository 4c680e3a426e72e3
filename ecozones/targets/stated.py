"""Figures as they were stated, with the precision of their digits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from ecozones.errors import SchemaError


def read_targets(path: str | Path) -> pd.DataFrame:
    r"""
    Read targets, or observations, from a CSV file, with the digits of every number as they are written.

    Parameters
    ----------
    path
        UTF-8 CSV with a header; columns as for :func:`ecozones.track_targets`.

    Returns
    -------
    DataFrame
        The table; numbers are numbers, and ``tolerance`` (half the last stated digit) is filled in beside ``value``.

    Raises
    ------
    SchemaError
        A number cannot be read; every problem at once.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "targets.csv"
    >>> _ = path.write_text("indicator,value,unit,comparator,year\ngood water,83.3,%,>=,2024\n", encoding="utf-8")
    >>> read_targets(path)[["value", "tolerance"]].values.tolist()
    [[83.3, 0.05]]
    """
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    if "value" in table.columns:
        tolerance = pd.Series([half_digit(text) for text in table["value"]], index=table.index)
        given = table["tolerance"] if "tolerance" in table.columns else pd.Series("", index=table.index)
        table["tolerance"] = given.where(given.str.strip() != "", tolerance.astype(str))
    problems = []
    for column in ("value", "base_value", "base_year", "year", "tolerance"):
        if column not in table.columns:
            continue
        text = table[column].astype(str).str.strip()
        number = pd.to_numeric(text, errors="coerce")
        foreign = ~text.isin(["", "nan"]) & number.isna()
        problems += [(row, column, f"{table[column][row]!r} is not a number") for row in table.index[foreign]]
        table[column] = number.astype(float)
    if problems:
        shown = "; ".join(f"row {row}: {column} {text}" for row, column, text in problems[:10])
        message = f"{path}: {len(problems)} numbers cannot be read: {shown}"
        raise SchemaError(message, pd.DataFrame(problems, columns=["row", "column", "problem"]))
    if "every_period" in table.columns:
        table["every_period"] = table["every_period"].str.strip().str.lower().isin({"true", "yes", "1", "是"})
    return table


def half_digit(number: object) -> float:
    """
    Give half the last stated digit of a number: the most that rounding can have hidden.

    Parameters
    ----------
    number
        As text with its digits, or a number, which is read as it prints.

    Returns
    -------
    float
        NaN where it is no number.

    Examples
    --------
    >>> half_digit("83.3"), half_digit("92"), half_digit("71.50")
    (0.05, 0.5, 0.005)
    """
    text = str(number).strip().rstrip("%").replace(",", "").lower()
    digits = text.split("e")[0]
    try:
        value = float(text)
    except ValueError:
        return float("nan")
    if not np.isfinite(value):
        return float("nan")
    if not isinstance(number, str) and digits.endswith(".0"):
        digits = digits[:-2]
    exponent = int(text.split("e")[1]) if "e" in text else 0
    decimals = len(digits.split(".")[1]) if "." in digits else 0
    return float(0.5 * 10.0 ** (exponent - decimals))
