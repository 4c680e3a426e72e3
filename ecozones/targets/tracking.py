"""
Progress of plan targets: what was promised, what was observed, and what the difference means.

A target states a value for a year, a comparator and a base; an observation states what somebody found, in which year,
and whether it was only *reported* or *verified*. The two are never mixed: each status gets a verdict of its own. A
binding target (约束性) that was breached once stays breached, however good the trend. A task without numbers is a
task with a stage, not a target of zero.
"""

from __future__ import annotations

import csv
import datetime as dt
import functools
import operator
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from ecozones.area import close_totals
from ecozones.errors import SchemaError, name_rows
from ecozones.units import unit_of

Verdict = Literal["met", "ahead", "on_track", "behind", "off_track", "breached", "not_evaluable"]
Trajectory = Literal["linear", "compound"]
Stage = Literal["completed", "in_progress", "launched", "planned", "not_stated"]

VERDICT_WORDS: Mapping[Verdict, str] = {
    "met": "已达标",
    "ahead": "超前",
    "on_track": "符合进度",
    "behind": "滞后",
    "off_track": "偏离",
    "breached": "已突破",
    "not_evaluable": "无法评价",
}
"""Verdicts by what they are called, best first; what cannot be evaluated comes last."""

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {">=": operator.ge, "<=": operator.le}
_COMPARATORS = {">=": ">=", "≥": ">=", ">": ">=", "<=": "<=", "≤": "<=", "<": "<=", "=": "=", "==": "="}
_BINDING = {"约束性", "binding"}
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
_STAGES: tuple[Stage, ...] = get_args(Stage)


def verdict_dtype() -> pd.CategoricalDtype:
    """
    Ordered categorical of target verdicts, best first.

    Returns
    -------
    CategoricalDtype
        ``"not_evaluable"`` is last, because not knowing is no success.

    Examples
    --------
    >>> pd.Series(["met", "behind"], dtype=verdict_dtype()).max()
    'behind'
    """
    return pd.CategoricalDtype(list(VERDICT_WORDS), ordered=True)


def read_targets(path: str | Path) -> pd.DataFrame:
    r"""
    Read targets, or observations, from a CSV file, with the digits of every number as they are written.

    Parameters
    ----------
    path
        UTF-8 CSV with a header; columns as for :func:`track_targets`.

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


def expected_value(
    base_value: float, base_year: float, value: float, year: float, at: float, *, trajectory: Trajectory = "linear"
) -> float:
    """
    Give the value that a steady way from base to target has at a time.

    Parameters
    ----------
    base_value, base_year
        Where the way starts.
    value, year
        Where it ends.
    at
        The year asked for; after the end, the target itself.
    trajectory
        ``"linear"``: the same step every year. ``"compound"``: the same share every year.

    Returns
    -------
    float
        NaN where the way is not defined: no time between base and target, or a compound way through zero.

    Examples
    --------
    >>> expected_value(36, 2020, 27, 2025, 2023)
    30.6
    >>> round(1 - expected_value(1, 2020, 0.6, 2035, 2025, trajectory="compound"), 6)
    0.156567
    """
    if trajectory not in get_args(Trajectory):
        message = f"trajectory {trajectory!r} is not known; use one of {', '.join(get_args(Trajectory))}"
        raise ValueError(message)
    span = year - base_year
    if not span > 0:
        return float("nan")
    elapsed = min((at - base_year) / span, 1.0)
    if trajectory == "linear":
        return float(base_value + (value - base_value) * elapsed)
    if base_value == 0 or value / base_value <= 0:
        return float("nan")
    return float(base_value * (value / base_value) ** elapsed)


def annual_rate(decline: float, years: float) -> float:
    """
    Spread a total decline evenly over years, each on what the last has left.

    Parameters
    ----------
    decline
        Total decline as a share, 0.4 for 40 %; negative for growth.
    years
        Number of years.

    Returns
    -------
    float
        Decline a year, as a share.

    Examples
    --------
    >>> round(annual_rate(0.40, 15), 6)
    0.033482
    """
    return float(1 - (1 - decline) ** (1 / years))


def track_targets(
    targets: pd.DataFrame,
    observed: pd.DataFrame,
    *,
    on: dt.date | str | float | None = None,
    milestones: pd.DataFrame | None = None,
    on_track_within: float = 0.05,
) -> pd.DataFrame:
    """
    Judge the progress of targets by what was observed: one verdict per target and status of observation.

    Parameters
    ----------
    targets
        ``indicator, value, unit, comparator`` (``>=``, ``<=`` or ``=``), and where known ``target_id``, ``place``,
        ``base_year``, ``base_value``, ``year``, ``attribute`` (``约束性`` is binding), ``trajectory`` (``linear``,
        ``compound``), ``measure`` (``level``; ``decline_pct`` or ``growth_pct`` for a change from the base),
        ``every_period`` (must hold each year from the base on), ``tolerance``, ``source``.
    observed
        ``indicator, year, value``, and where known ``place``, ``unit`` (area units are converted), ``status``
        (``reported``, ``verified``, ``modelled``), ``source``.
    on
        Observations of later years are not looked at: a day or a year.
    milestones
        Steps for the way to a target: ``target_id, year, value``; between them the way is straight.
    on_track_within
        How far from the expected value, as a share of the way from base to target, still counts as on track.

    Returns
    -------
    DataFrame
        One row per target and status, also for targets nobody observed: ``target_id``, ``indicator``, ``place``,
        ``status``, ``attribute``, ``unit``, ``sense`` (more, less, hold), ``baseline``, ``target``, ``year``,
        ``observed_year``, ``observed``, ``progress`` (from 0 at the base to 1 at the target, not clipped), ``ratio``
        (observed over target for more, target over observed for less), ``elapsed``, ``expected``, ``margin``
        (positive is on the good side), ``tolerance``, ``met``, ``verdict``, ``breached_in``, ``reason``, ``source``.

    Raises
    ------
    SchemaError
        A column is missing, or holds values that mean nothing; every problem at once.

    Examples
    --------
    >>> targets = pd.DataFrame({"indicator": ["PM2.5"], "value": [27], "unit": ["ug/m3"], "comparator": ["<="],
    ...                         "base_year": [2020], "base_value": [36], "year": [2025]})
    >>> observed = pd.DataFrame({"indicator": ["PM2.5"], "year": [2023], "value": [30]})
    >>> track_targets(targets, observed)[["progress", "elapsed", "expected", "verdict"]].round(4).values.tolist()
    [[0.6667, 0.6, 30.6, 'ahead']]
    """
    wanted = _check_targets(targets)
    found = _check_observed(observed)
    last = _year_of(on)
    if last is not None:
        found = found[found["year"] <= last]
    steps = _steps(milestones)
    rows = []
    for values in wanted.itertuples(index=False, name=None):
        target = dict(zip(wanted.columns, values, strict=True))
        mine = found[(found["indicator"] == target["indicator"]) & found["place"].isin(["", target["place"]])]
        statuses = sorted(mine["status"].unique()) or [""]
        rows += [
            _evaluate(target, mine[mine["status"] == status], status, steps, on_track_within) for status in statuses
        ]
    table = pd.DataFrame(rows)
    table["verdict"] = table["verdict"].astype(verdict_dtype())
    table["met"] = table["met"].astype("boolean")
    return table


def _check_targets(targets: pd.DataFrame) -> pd.DataFrame:
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
        number = pd.to_numeric(table[column], errors="coerce")
        foreign = number.isna() & table[column].notna() & (table[column].astype(str).str.strip() != "")
        problems += [(row, column, f"{table[column][row]!r} is not a number") for row in table.index[foreign]]
        if column == "value":
            table["_half"] = [half_digit(value) for value in table["value"]]
        table[column] = number.astype(float)
    _raise(problems, "targets")
    table["comparator"] = table["comparator"].map(_COMPARATORS)
    table["tolerance"] = table["tolerance"].fillna(table["_half"])
    table["every_period"] = table["every_period"].fillna(value=False).astype(bool)
    return table


def _check_observed(observed: pd.DataFrame) -> pd.DataFrame:
    missing = [column for column in ("indicator", "year", "value") if column not in observed.columns]
    if missing:
        message = f"observed has no columns {', '.join(missing)}; it has {', '.join(map(str, observed.columns))}"
        raise SchemaError(message)
    table = observed.reset_index(drop=True).copy()
    for column, default in (("place", ""), ("unit", ""), ("status", "reported"), ("source", "")):
        table[column] = default if column not in table.columns else table[column].fillna(default).astype(str)
    problems = []
    for column in ("year", "value"):
        number = pd.to_numeric(table[column], errors="coerce")
        silent = table[column].isna() | (table[column].astype(str).str.strip() == "")
        problems += [(row, column, "is missing") for row in table.index[silent]]
        foreign = table.index[number.isna() & ~silent]
        problems += [(row, column, f"{table[column][row]!r} is not a number") for row in foreign]
        table[column] = number.astype(float)
    again = table.duplicated(["indicator", "place", "year", "status"], keep=False)
    problems += [
        (
            row,
            "indicator",
            f"{table['indicator'][row]!r} is observed twice as {table['status'][row]} in {table['year'][row]:.0f}",
        )
        for row in table.index[again]
    ]
    _raise(problems, "observed")
    return table


def _raise(problems: list[tuple[Any, str, str]], what: str) -> None:
    if problems:
        shown = "; ".join(f"row {row}: {column} {text}" for row, column, text in problems[:10])
        message = f"{what} cannot be used, {len(problems)} problems: {shown}"
        raise SchemaError(message, pd.DataFrame(problems, columns=["row", "column", "problem"]))


def _year_of(on: dt.date | str | float | None) -> float | None:
    if on is None:
        return None
    if isinstance(on, dt.date):
        return float(on.year)
    return float(str(on)[:4]) if isinstance(on, str) else float(on)


def _steps(milestones: pd.DataFrame | None) -> Mapping[str, tuple[list[float], list[float]]]:
    if milestones is None:
        return {}
    ordered = milestones.sort_values("year")
    return {
        str(target): (group["year"].astype(float).tolist(), group["value"].astype(float).tolist())
        for target, group in ordered.groupby("target_id")
    }


def _factor(unit: str, wanted: str) -> float:
    """Give the factor between two units of area; NaN where there is none, or one is more often a mistranslation."""
    if not unit or unit == wanted:
        return 1.0
    found, goal = unit_of(unit, "area"), unit_of(wanted, "area")
    if found is None or goal is None or found.doubt or goal.doubt:
        return float("nan")
    return float(goal.from_base(found.to_base(1.0)))


def _evaluate(
    target: Mapping[str, Any],
    observations: pd.DataFrame,
    status: str,
    steps: Mapping[str, tuple[list[float], list[float]]],
    on_track_within: float,
) -> dict[str, Any]:
    """Judge one target by the observations of one status."""
    aim, base = _levels(target)
    sense = {">=": "more", "<=": "less", "=": "hold"}[target["comparator"]]
    row: dict[str, Any] = {
        "target_id": target["target_id"], "indicator": target["indicator"], "place": target["place"], "status": status,
        "attribute": target["attribute"], "unit": target["unit"], "sense": sense, "baseline": base, "target": aim,
        "year": target["year"], "observed_year": np.nan, "observed": np.nan, "progress": np.nan, "ratio": np.nan,
        "elapsed": np.nan, "expected": np.nan, "margin": np.nan, "tolerance": target["tolerance"], "met": pd.NA,
        "verdict": "not_evaluable", "breached_in": "", "reason": "", "source": target["source"],
    }  # fmt: skip
    if np.isnan(aim):
        row["reason"] = "a change from a base, but the base value or its year is not stated"
        return row
    if not len(observations):
        row["reason"] = "nothing was observed"
        return row
    factor = observations["unit"].map(lambda unit: _factor(unit, target["unit"]))
    if factor.isna().any():
        units = ", ".join(sorted(set(observations.loc[factor.isna(), "unit"])))
        row["reason"] = f"observed in {units}, which cannot be turned into {target['unit']}"
        return row
    # an observation for the place itself outranks one that names no place
    series = observations.assign(value=observations["value"] * factor, own=observations["place"] == target["place"])
    series = series.sort_values(["year", "own"], kind="stable").drop_duplicates("year", keep="last")
    holds = functools.partial(_holds, comparator=target["comparator"], aim=aim, tolerance=target["tolerance"])
    latest = series.iloc[-1]
    at, actual = float(latest["year"]), float(latest["value"])
    row |= {"observed_year": at, "observed": actual, "met": holds(actual)}
    row["margin"] = {"more": actual - aim, "less": aim - actual, "hold": -abs(actual - aim)}[sense]
    over, under = (aim, actual) if sense == "less" else (actual, aim)
    row["ratio"] = over / under if under else np.nan
    row |= _trajectory(target, aim, base, actual, at, steps.get(str(target["target_id"])))
    failed = [year for year, value in zip(series["year"], series["value"], strict=True) if not holds(value)]
    binding = target["attribute"].strip() in _BINDING
    in_force = [year for year in failed if _must_hold(target, base, year, holds)]
    if in_force and (binding or target["every_period"]):
        row["breached_in"] = ", ".join(f"{year:.0f}" for year in in_force)
    row["verdict"], row["reason"] = _verdict(row, target, series["year"].tolist(), on_track_within)
    return row


def _levels(target: Mapping[str, Any]) -> tuple[float, float]:
    """Give target and base as levels; a change from an unknown base has none."""
    value, base = float(target["value"]), float(target["base_value"])
    if target["measure"] == "level":
        return value, base
    if np.isnan(base) or np.isnan(target["base_year"]):
        return float("nan"), base
    share = value / 100
    return base * (1 - share if target["measure"] == "decline_pct" else 1 + share), base


def _holds(value: float, *, comparator: str, aim: float, tolerance: float) -> bool:
    """Compare, with what the rounding of the target may have hidden."""
    # a billionth absorbs the binary image of decimal numbers, which must not decide
    slack = (0.0 if np.isnan(tolerance) else tolerance) + 1e-9 * max(abs(aim), 1.0)
    if comparator == "=":
        return abs(value - aim) <= slack
    return _COMPARE[comparator](value, aim - slack if comparator == ">=" else aim + slack)


def _must_hold(target: Mapping[str, Any], base: float, year: float, holds: Callable[[float], bool]) -> bool:
    """Tell whether a target is in force in a year: from its own year on, or from the base if it held there already."""
    started = np.isnan(target["base_year"]) or year >= target["base_year"]
    from_base = target["every_period"] or (not np.isnan(base) and holds(base))
    due = not np.isnan(target["year"]) and year >= target["year"]
    return bool(due or (from_base and started))


def _trajectory(
    target: Mapping[str, Any],
    aim: float,
    base: float,
    actual: float,
    at: float,
    steps: tuple[list[float], list[float]] | None,
) -> dict[str, float]:
    found: dict[str, float] = {}
    if not np.isnan(base) and aim != base:
        found["progress"] = (actual - base) / (aim - base)
    start, end = target["base_year"], target["year"]
    if not np.isnan(start) and not np.isnan(end) and end > start:
        found["elapsed"] = (at - start) / (end - start)
    if steps is not None:
        found["expected"] = float(np.interp(at, *steps))
    elif not np.isnan(base) and "elapsed" in found:
        found["expected"] = expected_value(base, start, aim, end, at, trajectory=target["trajectory"])
    return found


def _verdict(
    row: Mapping[str, Any], target: Mapping[str, Any], years: list[float], on_track_within: float
) -> tuple[Verdict, str]:
    if row["breached_in"]:
        now = "; it holds again now" if row["met"] else ""
        return "breached", f"did not hold in {row['breached_in']}{now}"
    silent = _silent_years(target, years) if target["every_period"] else []
    if silent:
        return "not_evaluable", f"must hold every year, but nothing was observed in {name_rows(silent)}"
    if row["met"]:
        return "met", "" if row["margin"] >= 0 else "within the rounding of the stated target"
    astray = _astray(row, target["comparator"])
    if astray:
        return "off_track", astray
    if not np.isnan(row["year"]) and row["observed_year"] >= row["year"]:
        return "behind", "not met in its year"
    return _on_the_way(row, on_track_within)


def _astray(row: Mapping[str, Any], comparator: str) -> str:
    """Say why an observation that does not meet its target lies on no way to it, if it does not."""
    if row["elapsed"] < 0:
        return ""
    base, tolerance = row["baseline"], row["tolerance"]
    if not np.isnan(base) and _holds(base, comparator=comparator, aim=row["target"], tolerance=tolerance):
        return "held at the base and does not now"
    if row["sense"] == "hold" and row["progress"] > 1:
        return "went past the target"
    if row["progress"] < 0 and abs(row["observed"] - base) > tolerance:
        return "farther from the target than the base was"
    return ""


def _on_the_way(row: Mapping[str, Any], on_track_within: float) -> tuple[Verdict, str]:
    """Compare an observation with the value expected by its year."""
    if row["elapsed"] < 0:
        return "not_evaluable", "nothing was observed since the base"
    if np.isnan(row["baseline"]):
        return "not_evaluable", "no base value, so there is no way to compare with"
    if np.isnan(row["expected"]):
        return "not_evaluable", "the way from base to target is not defined"
    way = row["target"] - row["baseline"]
    lead = (row["observed"] - row["expected"]) * (1 if way > 0 else -1)
    # a billionth absorbs the binary image of decimal numbers
    if abs(lead) <= (on_track_within + 1e-9) * abs(way):
        return "on_track", ""
    return ("ahead", "") if lead > 0 else ("behind", "short of the way expected by now")


def _silent_years(target: Mapping[str, Any], years: list[float]) -> list[int]:
    start = target["base_year"] if not np.isnan(target["base_year"]) else min(years)
    return [year for year in range(int(start), int(max(years)) + 1) if float(year) not in years]


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
    _raise(problems, "the figures")
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


def track_tasks(tasks: pd.DataFrame, *, by: str | None = None) -> pd.DataFrame:
    """
    Count tasks without numbers by stage: a list of work is reported as work, not as zeros.

    Parameters
    ----------
    tasks
        ``task`` and ``stage`` (``completed``, ``in_progress``, ``launched``, ``planned`` or ``not_stated``).
    by
        Column to group by, such as ``"place"`` or ``"lead"``.

    Returns
    -------
    DataFrame
        One row per group: the number of tasks of each stage, and ``tasks`` in all.

    Raises
    ------
    SchemaError
        A column is missing or a stage means nothing.

    Examples
    --------
    >>> tasks = pd.DataFrame({"task": ["rivers", "reserves"], "stage": ["completed", "launched"]})
    >>> track_tasks(tasks)[["completed", "launched", "tasks"]].values.tolist()
    [[1, 1, 2]]
    """
    missing = [column for column in ("task", "stage", *([by] if by else [])) if column not in tasks.columns]
    if missing:
        message = f"tasks has no columns {', '.join(missing)}; it has {', '.join(map(str, tasks.columns))}"
        raise SchemaError(message)
    foreign = tasks.index[~tasks["stage"].isin(_STAGES)]
    _raise([(row, "stage", f"{tasks['stage'][row]!r} is none of {', '.join(_STAGES)}") for row in foreign], "tasks")
    group = tasks[by] if by else pd.Series("all", index=tasks.index, name="group")
    counted = pd.crosstab(group, tasks["stage"]).reindex(columns=list(_STAGES), fill_value=0)
    return counted.assign(tasks=counted.sum(axis=1)).rename_axis(columns=None).reset_index()


def write_exchange(tracked: pd.DataFrame, path: str | Path, *, district_code: str, district_name: str) -> None:
    """
    Write targets under the field names of the planning database: XZQDM, XZQMC, ZBMC, XZJQN, GHMBN.

    Parameters
    ----------
    tracked
        The answer of :func:`track_targets`.
    path
        CSV file to write, UTF-8 with a byte-order mark, as spreadsheets in China expect.
    district_code, district_name
        What the file is about.
    """
    rows: Iterable[tuple[Any, ...]] = tracked.drop_duplicates("target_id")[
        ["indicator", "baseline", "target"]
    ].itertuples(index=False, name=None)
    with Path(path).open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["XZQDM", "XZQMC", "ZBMC", "XZJQN", "GHMBN"])
        for indicator, base, aim in rows:
            writer.writerow([district_code, district_name, indicator, "" if pd.isna(base) else base, aim])
