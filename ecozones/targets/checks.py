"""What tables of targets and of observations must say before they are held against each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import numpy as np
import pandas as pd

from ecozones.columns import as_numbers, refuse_figures
from ecozones.errors import SchemaError
from ecozones.targets.paths import Trajectory
from ecozones.targets.stated import half_digit

_COMPARATORS = {">=": ">=", "≥": ">=", ">": ">=", "<=": "<=", "≤": "<=", "<": "<=", "=": "=", "==": "="}
_NEEDED = ("indicator", "value", "unit", "comparator")
_OPTIONAL: Mapping[str, Any] = {
    "place": "",
    "base_year": np.nan,
    "base_value": np.nan,
    "year": np.nan,
    "attribute": "",
    "trajectory": "linear",
    "measure": "level",
    "every_period": False,
    "tolerance": np.nan,
    "source": "",
}
_MEASURES = ("level", "decline_pct", "growth_pct")


def check_targets(targets: pd.DataFrame) -> pd.DataFrame:
    """
    Check a table of targets, and fill in what it need not say.

    Parameters
    ----------
    targets
        As for :func:`ecozones.track_targets`.

    Returns
    -------
    DataFrame
        With every column that tracking asks for.

    Raises
    ------
    SchemaError
        Columns are missing, or values mean nothing; every one is named.
    """
    missing = [column for column in _NEEDED if column not in targets.columns]
    if missing:
        message = f"targets has no columns {', '.join(missing)}; it has {', '.join(map(str, targets.columns))}"
        raise SchemaError(message)
    table = targets.reset_index(drop=True).copy()
    for column, default in _OPTIONAL.items():
        if column not in table.columns:
            table[column] = default
    if "target_id" not in table.columns:
        table["target_id"] = [f"T{i}" for i in range(1, len(table) + 1)]
    for column in ("place", "attribute", "source"):
        table[column] = table[column].fillna("").astype(str)
    table["trajectory"] = table["trajectory"].fillna("linear").replace("", "linear")
    table["measure"] = table["measure"].fillna("level").replace("", "level")
    problems = [
        (row, "target_id", f"{table['target_id'][row]!r} is repeated")
        for row in table.index[table["target_id"].duplicated()]
    ]
    unit_problems = [
        (row, column, f"{table[column][row]!r} is none of {', '.join(allowed)}")
        for column, allowed in (
            ("comparator", tuple(_COMPARATORS)),
            ("trajectory", get_args(Trajectory)),
            ("measure", _MEASURES),
        )
        for row in table.index[~table[column].isin(allowed)]
    ]
    problems += unit_problems
    for column in ("value", "base_value", "base_year", "year", "tolerance"):
        number = as_numbers(table[column])
        foreign = number.isna() & table[column].notna() & (table[column].astype(str).str.strip() != "")
        problems += [(row, column, f"{table[column][row]!r} is not a number") for row in table.index[foreign]]
        if column == "value":
            table["_half"] = [half_digit(value) for value in table["value"]]
        table[column] = number
    refuse_figures(problems, "targets")
    table["comparator"] = table["comparator"].map(_COMPARATORS)
    table["tolerance"] = table["tolerance"].fillna(table["_half"])
    table["every_period"] = table["every_period"].fillna(value=False).astype(bool)
    return table


def check_observed(observed: pd.DataFrame) -> pd.DataFrame:
    """
    Check a table of observations, and fill in what it need not say.

    Parameters
    ----------
    observed
        As for :func:`ecozones.track_targets`.

    Returns
    -------
    DataFrame
        With every column that tracking asks for.

    Raises
    ------
    SchemaError
        Columns are missing, or values mean nothing; every one is named.
    """
    missing = [column for column in ("indicator", "year", "value") if column not in observed.columns]
    if missing:
        message = f"observed has no columns {', '.join(missing)}; it has {', '.join(map(str, observed.columns))}"
        raise SchemaError(message)
    table = observed.reset_index(drop=True).copy()
    for column, default in (("place", ""), ("unit", ""), ("status", "reported"), ("source", "")):
        table[column] = default if column not in table.columns else table[column].fillna(default).astype(str)
    problems = []
    for column in ("year", "value"):
        number = as_numbers(table[column])
        silent = table[column].isna() | (table[column].astype(str).str.strip() == "")
        problems += [(row, column, "is missing") for row in table.index[silent]]
        foreign = table.index[number.isna() & ~silent]
        problems += [(row, column, f"{table[column][row]!r} is not a number") for row in foreign]
        table[column] = number
    again = table.duplicated(["indicator", "place", "year", "status"], keep=False)
    problems += [
        (
            row,
            "indicator",
            f"{table['indicator'][row]!r} is observed twice as {table['status'][row]} in {table['year'][row]:.0f}",
        )
        for row in table.index[again]
    ]
    refuse_figures(problems, "observed")
    return table
