"""
Progress of plan targets: what was promised, what was observed, and what the difference means.

A target states a value for a year, a comparator and a base; an observation states what somebody found, in which year,
and whether it was only *reported* or *verified*. The two are never mixed: each status gets a verdict of its own. A
binding target (约束性) that was breached once stays breached, however good the trend.
"""

from __future__ import annotations

import datetime as dt
import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ecozones.errors import name_rows
from ecozones.targets.checks import check_observed, check_targets
from ecozones.targets.paths import expected_value
from ecozones.targets.verdicts import Verdict, verdict_dtype
from ecozones.units import unit_of

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {">=": operator.ge, "<=": operator.le}
_BINDING = {"约束性", "binding"}


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
    wanted = check_targets(targets)
    found = check_observed(observed)
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
