"""
The five numbers that bureaus carry for the same hectares: planned, reported, accepted, verified, preserved.

A rate stands beside the two numbers it is made of, and is missing, never zero, where there is nothing to divide by.
"""

from __future__ import annotations

import itertools
from typing import Literal, get_args

import numpy as np
import pandas as pd

from ecozones.columns import read_days, read_numbers, read_years, share_of
from ecozones.errors import InputError, SchemaError, name_rows
from ecozones.restoration_types import stated_areas
from ecozones.shipped import shipped_table
from ecozones.units import HA

FiguresOf = Literal["row", "project"]


# what adding decimals in binary leaves
_NOISE = 1e-9

_STAGE_COLUMNS = [
    "stage", "zh", "area_ha", "area_mu", "stating", "silent", "measured_ha", "first_on", "last_on",
]  # fmt: skip


# each area lies within all of a lower step; what is qualified, effective or preserved is each a part of the verified
_WITHIN = {
    "reported_ha": 0, "accepted_ha": 1, "verified_ha": 2, "qualified_ha": 3, "effective_ha": 3, "preserved_ha": 3,
}  # fmt: skip


def stage_areas(
    projects: pd.DataFrame, *, by: str | list[str] | None = None, figures_of: FiguresOf = "row"
) -> pd.DataFrame:
    """
    Sum what each stage states of the same hectares: planned, reported, accepted, verified, preserved, mapped.

    Parameters
    ----------
    projects
        The area columns of :func:`restoration_rates`, the days of :func:`check_stages`, and ``activity_ha`` as
        :func:`ecozones.measure_restored` gives it, where they stand. [ha]
    by
        Columns to group by; left out: one group of all.
    figures_of
        ``"row"``: every row states what it holds. ``"project"``: a figure is that of the whole project, however many
        of its patches repeat it.

    Returns
    -------
    DataFrame
        One row per group and stage with an area: ``stage``, ``zh``, ``area_ha`` (NaN where nobody states it),
        ``area_mu``, ``stating`` and ``silent`` (rows, or projects), ``measured_ha`` (ground of the rows that state it),
        ``first_on``, ``last_on`` (days of the stage). [ha, mu]

    Raises
    ------
    SchemaError
        A column is missing, holds no numbers or no days, or rows of one project state different figures or lie in
        several groups, to none of which its figure belongs.

    Examples
    --------
    >>> projects = pd.DataFrame({"project_id": ["P1", "P2"], "planned_ha": [10, 5], "reported_ha": [9, None]})
    >>> stage_areas(projects).set_index("stage")["area_ha"].to_dict()
    {'planned': 15.0, 'reported': 9.0}
    """
    projects, keys = _grouped(projects, by)
    stages = [row for row in stated_areas().reset_index().to_dict("records") if row["area"] in projects.columns]
    areas = [str(row["area"]) for row in stages]
    kept = _once(projects, areas, figures_of, keys)
    days_of = {row["day"]: _days(projects, kept, str(row["day"]), figures_of) for row in stages}
    numbers = read_numbers(kept, areas, "projects")
    group = kept[keys] if keys else pd.DataFrame({"group": "all"}, index=kept.index)
    rows = []
    for names, part in group.groupby(list(group.columns), dropna=False, sort=True):
        for row in stages:
            area, day = row["area"], row["day"]
            said = numbers.loc[part.index, area]
            stating = said.notna()
            days = days_of[day].loc[part.index]
            measured = kept.loc[part.index[stating], "activity_ha"].sum() if "activity_ha" in kept.columns else np.nan
            rows.append(
                dict(zip(keys, names, strict=False))
                | {
                    "stage": row["stage"],
                    "zh": row["zh"],
                    "area_ha": said.sum(min_count=1),
                    "area_mu": said.sum(min_count=1) * 15,
                    "stating": int(stating.sum()),
                    "silent": int((~stating).sum()),
                    "measured_ha": measured,
                    "first_on": days["first"].min(),
                    "last_on": days["last"].max(),
                }
            )
    return pd.DataFrame(rows, columns=[*keys, *_STAGE_COLUMNS])


def restoration_rates(
    projects: pd.DataFrame, *, by: str | list[str] | None = None, figures_of: FiguresOf = "row"
) -> pd.DataFrame:
    """
    Work out the rates of restoration, each with the two numbers it is made of.

    Only records that state both numbers enter a rate, so that a missing answer lowers nothing.

    Parameters
    ----------
    projects
        Any of ``planned_ha``, ``reported_ha``, ``accepted_ha``, ``verified_ha``, ``qualified_ha``, ``effective_ha``,
        ``preserved_ha``, ``mapped_ha`` [ha], ``living_holes`` and ``checked_holes``.
    by
        Columns to group by; left out: one group of all.
    figures_of
        As for :func:`stage_areas`.

    Returns
    -------
    DataFrame
        One row per group and rate: ``rate``, ``zh``, ``en``, ``numerator``, ``denominator``, ``value`` (a share; NaN
        where there is nothing to divide by), ``records``, ``records_without`` and ``finding`` (a rate above one that
        cannot be).

    Raises
    ------
    SchemaError
        A column is missing or holds no numbers.

    Examples
    --------
    >>> hebei = pd.DataFrame({"reported_ha": [1000.0], "verified_ha": [490.4], "qualified_ha": [279.4]})
    >>> restoration_rates(hebei).set_index("rate")["value"].round(4)[["verification", "qualified"]].tolist()
    [0.4904, 0.5697]
    """
    projects, keys = _grouped(projects, by)
    rates = shipped_table("thresholds")["rates"]
    columns = sorted({rate[side] for rate in rates for side in ("numerator", "denominator")} & set(projects.columns))
    kept = _once(projects, columns, figures_of, keys)
    numbers = read_numbers(kept, columns, "projects")
    group = kept[keys] if keys else pd.DataFrame({"group": "all"}, index=kept.index)
    rows = []
    for names, part in group.groupby(list(group.columns), dropna=False, sort=True):
        mine = numbers.loc[part.index]
        for rate in rates:
            pair = mine.reindex(columns=[rate["numerator"], rate["denominator"]])
            both = pair.dropna()
            over, under = (float(total) for total in both.sum())
            value = over / under if under > 0 else float("nan")
            impossible = not rate["above_one"] and value > 1 + _NOISE
            rows.append(
                dict(zip(keys, names, strict=False))
                | {
                    "rate": rate["id"],
                    "zh": rate["zh"],
                    "en": rate["en"],
                    "numerator": over if len(both) else float("nan"),
                    "denominator": under if len(both) else float("nan"),
                    "value": value,
                    "records": len(both),
                    "records_without": len(pair) - len(both),
                    "finding": f"{rate['numerator']} exceeds {rate['denominator']}" if impossible else "",
                }
            )
    return pd.DataFrame(rows)


def check_stages(projects: pd.DataFrame) -> pd.DataFrame:
    """
    Find areas and days of projects that cannot be: more accepted than reported, verified before planted, and so on.

    Parameters
    ----------
    projects
        ``project_id``, the area columns of :func:`restoration_rates`, the days ``planned_on``, ``started_on``,
        ``reported_on``, ``accepted_on``, ``verified_on``, ``preserved_on``, and ``stated_area_m2`` beside
        ``activity_ha`` as :func:`ecozones.measure_restored` gives it, where they stand.

    Returns
    -------
    DataFrame
        One row per finding: ``project_id``, ``finding``, ``value``, ``limit``, ``source``; empty where nothing is
        wrong.

    Raises
    ------
    SchemaError
        There are no ids, or a column holds no numbers or no days.

    Examples
    --------
    >>> projects = pd.DataFrame({"project_id": ["P1"], "reported_ha": [10.0], "accepted_ha": [12.0]})
    >>> check_stages(projects)["finding"].tolist()
    ['accepted_ha exceeds reported_ha']
    """
    if "project_id" not in projects.columns:
        message = "projects has no column 'project_id'"
        raise SchemaError(message)
    found: list[tuple[object, str, object, object, str]] = []
    projects = projects.reset_index(drop=True)
    ids = projects["project_id"]
    areas = [column for column in _WITHIN if column in projects.columns]
    numbers = read_numbers(projects, areas, "projects")
    known = [column for column in stated_areas()["area"] if column in projects.columns]
    stated = read_numbers(projects, known, "projects")
    found += [
        (ids[row], f"{column} is below zero", stated[column][row], 0.0, "definition")
        for column in stated.columns
        for row in projects.index[stated[column] < 0]
    ]
    for early, late in itertools.combinations(areas, 2):
        if _WITHIN[early] == _WITHIN[late]:
            continue
        more = numbers[late] > numbers[early] * (1 + _NOISE)
        found += [
            (ids[row], f"{late} exceeds {early}", numbers[late][row], numbers[early][row], "order of stages")
            for row in projects.index[more]
        ]
    day_names = ("planned_on", "started_on", "reported_on", "accepted_on", "verified_on", "preserved_on")
    days = [column for column in day_names if column in projects.columns]
    dated = {column: read_days(projects, column, "projects") for column in days}
    for i, early in enumerate(days):
        for late in days[i + 1 :]:
            wrong = dated[late] < dated[early]
            found += [
                (ids[row], f"{late} is before {early}", dated[late][row], dated[early][row], "order of stages")
                for row in projects.index[wrong]
            ]
    checks = shipped_table("thresholds")["checks"]
    if {"stated_area_m2", "activity_ha"} <= set(projects.columns):
        pair = read_numbers(projects, ["stated_area_m2", "activity_ha"], "projects")
        share = (share_of(pair["stated_area_m2"] / HA, pair["activity_ha"]) - 1).abs()
        limit = checks["stated_area_share"]
        found += [
            (ids[row], "stated area differs from the measured one", share[row], limit["value"], limit["source"])
            for row in projects.index[share > limit["value"]]
        ]
    if {"planned_ha", "reported_ha"} <= set(projects.columns):
        pair = read_numbers(projects, ["planned_ha", "reported_ha"], "projects")
        share = share_of(pair["reported_ha"], pair["planned_ha"])
        for limit, outside in (
            (checks["goal_from"], share < checks["goal_from"]["value"]),
            (checks["goal_to"], share > checks["goal_to"]["value"]),
        ):
            found += [
                (ids[row], "reported area far from the planned one", share[row], limit["value"], limit["source"])
                for row in projects.index[outside]
            ]
    found += _repeated_figures(projects, areas)
    if "activity_ha" in projects.columns:
        size, limit = read_numbers(projects, ["activity_ha"], "projects")["activity_ha"], checks["polygon_max_ha"]
        found += [
            (ids[row], "polygon larger than usual", size[row], limit["value"], limit["source"])
            for row in projects.index[size > limit["value"]]
        ]
    return pd.DataFrame(found, columns=["project_id", "finding", "value", "limit", "source"])


def _repeated_figures(projects: pd.DataFrame, areas: list[str]) -> list[tuple[object, str, object, object, str]]:
    """Find projects whose patches all state one figure, which is then that of the project rather than of each."""
    found: list[tuple[object, str, object, object, str]] = []
    ids = projects["project_id"]
    for column in [*(["planned_ha"] if "planned_ha" in projects.columns else []), *areas]:
        numbers = read_numbers(projects, [column], "projects")[column]
        grouped = numbers.groupby(ids)
        same = (grouped.transform("nunique") == 1) & (grouped.transform("count") > 1) & ~ids.duplicated()
        said = f"{column} is repeated in every row of the project; count it once with figures_of='project'"
        rows = grouped.transform("count")
        found += [(ids[row], said, numbers[row], rows[row], "design") for row in projects.index[same]]
    return found


def _grouped(projects: pd.DataFrame, by: str | list[str] | None) -> tuple[pd.DataFrame, list[str]]:
    """Name the columns to group by, with years as numbers: 2024 and "2024" are one group."""
    keys = [by] if isinstance(by, str) else list(by or [])
    absent = [key for key in keys if key not in projects.columns]
    if absent:
        message = f"projects cannot be grouped by {name_rows(absent)}: there is no such column"
        raise SchemaError(message)
    if "year" in keys:
        projects = projects.assign(year=read_years(projects, "year", "projects"))
    return projects, keys


def _days(projects: pd.DataFrame, kept: pd.DataFrame, column: str, figures_of: FiguresOf) -> pd.DataFrame:
    """Give the first and the last day that each kept row, or all rows of its project, have for a stage."""
    if column not in projects.columns:
        return pd.DataFrame({"first": pd.NaT, "last": pd.NaT}, index=kept.index, dtype="datetime64[ns]")
    day = read_days(projects.reset_index(drop=True), column, "projects")
    if figures_of == "row":
        return pd.DataFrame({"first": day, "last": day})
    grouped = day.groupby(projects["project_id"].to_numpy(), dropna=False)
    return pd.DataFrame({"first": grouped.transform("min"), "last": grouped.transform("max")}).loc[kept.index]


def _once(projects: pd.DataFrame, columns: list[str], figures_of: FiguresOf, keys: list[str]) -> pd.DataFrame:
    """Keep figures of a project once, in its first row, where they are those of the whole project."""
    if figures_of not in get_args(FiguresOf):
        message = f"figures_of {figures_of!r} is not known; use one of {', '.join(get_args(FiguresOf))}"
        raise InputError(message)
    # registers that were put together repeat the labels of their rows, and a label must not stand for two
    projects = projects.reset_index(drop=True)
    if figures_of == "row":
        return projects
    if "project_id" not in projects.columns:
        message = "figures_of='project' needs a column 'project_id'"
        raise SchemaError(message)
    grouped = projects.groupby("project_id", dropna=False)
    figures = read_numbers(projects, columns, "projects").groupby(projects["project_id"], dropna=False)
    several = (figures.max() > figures.min()).any(axis=1)
    if several.any():
        ids = name_rows(several.index[several])
        message = f"rows of one project state different figures: {ids}; if every row has its own, say figures_of='row'"
        raise SchemaError(message)
    distinct = projects[["project_id", *(key for key in keys if key != "project_id")]].drop_duplicates()
    spans = distinct["project_id"].duplicated()
    if spans.any():
        ids = name_rows(distinct.loc[spans, "project_id"].unique())
        message = (
            f"projects lie in several groups of {', '.join(keys)}, to none of which their figures belong: {ids}; group "
            "by what is one for a project, or say figures_of='row' if every row has figures of its own"
        )
        raise SchemaError(message)
    once = projects.assign(**{column: grouped[column].transform("first") for column in columns})
    if "activity_ha" in projects.columns:
        once["activity_ha"] = grouped["activity_ha"].transform("sum")
    return once[~projects["project_id"].duplicated()]
