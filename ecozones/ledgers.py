"""
The books of restoration and land: stated areas, rates with their denominators, and balances that may not go below zero.

Nothing here looks at geometry. A rate without a denominator is missing, never zero; a number from memory says so; an
area in acres is flagged, because more often than not a translator turned 亩 into it.
"""

from __future__ import annotations

import functools
import itertools
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any, Literal, get_args

import geopandas as gpd
import numpy as np
import pandas as pd

from ecozones.area import AreaMethod, polygon_areas
from ecozones.errors import InputError, SchemaError, name_rows
from ecozones.rainfall import assign_rainfall_zones, flags
from ecozones.units import stated_units, unit_of

_HA = 1e4

# centimetres of a millionth of a hectare: what adding decimals in binary leaves
_NOISE = 1e-9

Scheme = Literal["gbf_target_2", "ferm"]
FiguresOf = Literal["row", "project"]

# area, day and name of what each stage states; a project that is on the one map may be in any stage
_STAGES = {
    "planned": ("planned_ha", "planned_on", "计划下达"),
    "reported": ("reported_ha", "reported_on", "完成上报"),
    "accepted": ("accepted_ha", "accepted_on", "验收合格"),
    "verified": ("verified_ha", "verified_on", "核实"),
    "qualified": ("qualified_ha", "verified_on", "合格"),
    "preserved": ("preserved_ha", "preserved_on", "保存"),
    "mapped": ("mapped_ha", "", "上图入库"),
}
_STAGE_COLUMNS = [
    "stage", "zh", "area_ha", "area_mu", "stating", "silent", "measured_ha", "first_on", "last_on",
]  # fmt: skip


@functools.cache
def _thresholds() -> dict[str, Any]:
    text = resources.files("ecozones").joinpath("data/thresholds.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@functools.cache
def _rules() -> dict[str, Any]:
    text = resources.files("ecozones").joinpath("data/ledgers.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _numbers(table: pd.DataFrame, columns: Iterable[str], what: str) -> pd.DataFrame:
    """Read columns as numbers; name everything that is missing or no number."""
    wanted = list(columns)
    missing = [column for column in wanted if column not in table.columns]
    if missing:
        message = f"{what} has no columns {', '.join(missing)}; it has {', '.join(map(str, table.columns))}"
        raise SchemaError(message)
    numbers = table[wanted].apply(pd.to_numeric, errors="coerce").astype(float)
    foreign = [
        (row, column, f"{table[column][row]!r} is not a number")
        for column in wanted
        for row in table.index[numbers[column].isna() & table[column].notna()]
    ]
    if foreign:
        shown = "; ".join(f"row {row}: {column} {text}" for row, column, text in foreign[:10])
        message = f"{what} cannot be used, {len(foreign)} problems: {shown}"
        raise SchemaError(message, pd.DataFrame(foreign, columns=["row", "column", "problem"]))
    return numbers


def _share(over: pd.Series, under: pd.Series) -> pd.Series:
    """Divide; NaN where either is missing or there is nothing to divide by."""
    return over / under.where(under > 0)


# ---------------------------------------------------------------------------------------------------- stated areas


def convert_areas(values: pd.Series, unit: str | pd.Series) -> pd.DataFrame:
    """
    Turn stated areas into hectares, and keep what was stated.

    Parameters
    ----------
    values
        Numbers as stated.
    unit
        One unit, or one per row: ``mu`` (亩), ``wan_mu`` (万亩), ``ha`` (公顷), ``wan_ha`` (万公顷), ``km2``,
        ``wan_km2``, ``m2``, ``acre``, or a name they also go by.

    Returns
    -------
    DataFrame
        On the index of `values`: ``stated``, ``stated_unit``, ``area_ha``, ``doubt`` (why the unit may be wrong, else
        empty) and ``if_doubt_ha`` (the area if it is). [ha]

    Raises
    ------
    SchemaError
        A unit is not known, or a value is not a number.

    Examples
    --------
    >>> convert_areas(pd.Series([5600.0]), "acre")[["area_ha", "if_doubt_ha"]].round(2).values.tolist()
    [[2266.24, 373.33]]
    """
    table = pd.DataFrame({"stated": values, "stated_unit": unit})
    number = _numbers(table, ["stated"], "stated areas")["stated"]
    known = table["stated_unit"].map(lambda word: unit_of(word, "area"))
    strange = known.isna()
    if strange.any():
        names = sorted({str(name) for name in table.loc[strange, "stated_unit"]})
        message = f"area units not known: {name_rows(names)}; known are {', '.join(stated_units('area'))}"
        raise SchemaError(
            message, pd.DataFrame({"row": table.index[strange], "column": "unit", "problem": "is not known"})
        )
    doubted = known.map(lambda unit: stated_units("area").get(unit.doubt))
    each = [(unit, other, value) for unit, other, value in zip(known, doubted, number, strict=True)]
    return table.assign(
        stated=number,
        area_ha=[float(unit.to_base(value)) / _HA for unit, _, value in each],
        doubt=[f"may be a mistranslation of {other.words[1]}" if other else "" for _, other, _ in each],
        if_doubt_ha=[float(other.to_base(value)) / _HA if other else np.nan for _, other, value in each],
    )


# ----------------------------------------------------------------------------------------------------------- rates


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
        A column is missing or holds no numbers, or rows of one project state different figures.

    Examples
    --------
    >>> projects = pd.DataFrame({"project_id": ["P1", "P2"], "planned_ha": [10, 5], "reported_ha": [9, None]})
    >>> stage_areas(projects).set_index("stage")["area_ha"].to_dict()
    {'planned': 15.0, 'reported': 9.0}
    """
    keys = _group_keys(projects, by)
    stages = [(name, row) for name, row in _STAGES.items() if row[0] in projects.columns]
    areas = [row[0] for _, row in stages]
    kept = _once(projects, areas, figures_of)
    numbers = _numbers(kept, areas, "projects")
    group = kept[keys] if keys else pd.DataFrame({"group": "all"}, index=kept.index)
    rows = []
    for names, part in group.groupby(list(group.columns), dropna=False, sort=True):
        for stage, (area, day, zh) in stages:
            said = numbers.loc[part.index, area]
            stating = said.notna()
            days = (
                pd.to_datetime(kept.loc[part.index, day]) if day in kept.columns else pd.Series(dtype="datetime64[ns]")
            )
            measured = kept.loc[part.index[stating], "activity_ha"].sum() if "activity_ha" in kept.columns else np.nan
            rows.append(
                dict(zip(keys, names, strict=False))
                | {
                    "stage": stage,
                    "zh": zh,
                    "area_ha": said.sum(min_count=1),
                    "area_mu": said.sum(min_count=1) * 15,
                    "stating": int(stating.sum()),
                    "silent": int((~stating).sum()),
                    "measured_ha": measured,
                    "first_on": days.min(),
                    "last_on": days.max(),
                }
            )
    return pd.DataFrame(rows, columns=[*keys, *_STAGE_COLUMNS])


def _group_keys(projects: pd.DataFrame, by: str | list[str] | None) -> list[str]:
    keys = [by] if isinstance(by, str) else list(by or [])
    absent = [key for key in keys if key not in projects.columns]
    if absent:
        message = f"projects cannot be grouped by {name_rows(absent)}: there is no such column"
        raise SchemaError(message)
    return keys


def _once(projects: pd.DataFrame, columns: list[str], figures_of: FiguresOf) -> pd.DataFrame:
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
    figures = _numbers(projects, columns, "projects").groupby(projects["project_id"], dropna=False)
    several = (figures.max() > figures.min()).any(axis=1)
    if several.any():
        ids = name_rows(several.index[several])
        message = f"rows of one project state different figures: {ids}; if every row has its own, say figures_of='row'"
        raise SchemaError(message)
    once = projects.assign(**{column: grouped[column].transform("first") for column in columns})
    if "activity_ha" in projects.columns:
        once["activity_ha"] = grouped["activity_ha"].transform("sum")
    return once[~projects["project_id"].duplicated()]


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
    keys = _group_keys(projects, by)
    rates = _thresholds()["rates"]
    columns = sorted({rate[side] for rate in rates for side in ("numerator", "denominator")} & set(projects.columns))
    kept = _once(projects, columns, figures_of)
    numbers = _numbers(kept, columns, "projects")
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
    areas = [
        c
        for c in ("reported_ha", "accepted_ha", "verified_ha", "qualified_ha", "preserved_ha")
        if c in projects.columns
    ]
    numbers = _numbers(projects, areas, "projects")
    for early, late in itertools.pairwise(areas):
        more = numbers[late] > numbers[early] * (1 + _NOISE)
        found += [
            (ids[row], f"{late} exceeds {early}", numbers[late][row], numbers[early][row], "order of stages")
            for row in projects.index[more]
        ]
    day_names = ("planned_on", "started_on", "reported_on", "accepted_on", "verified_on", "preserved_on")
    days = [column for column in day_names if column in projects.columns]
    dated = projects[days].apply(pd.to_datetime)
    for i, early in enumerate(days):
        for late in days[i + 1 :]:
            wrong = dated[late] < dated[early]
            found += [
                (ids[row], f"{late} is before {early}", dated[late][row], dated[early][row], "order of stages")
                for row in projects.index[wrong]
            ]
    checks = _thresholds()["checks"]
    if {"stated_area_m2", "activity_ha"} <= set(projects.columns):
        pair = _numbers(projects, ["stated_area_m2", "activity_ha"], "projects")
        share = (_share(pair["stated_area_m2"] / _HA, pair["activity_ha"]) - 1).abs()
        limit = checks["stated_area_share"]
        found += [
            (ids[row], "stated area differs from the measured one", share[row], limit["value"], limit["source"])
            for row in projects.index[share > limit["value"]]
        ]
    if {"planned_ha", "reported_ha"} <= set(projects.columns):
        pair = _numbers(projects, ["planned_ha", "reported_ha"], "projects")
        share = _share(pair["reported_ha"], pair["planned_ha"])
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
        size, limit = _numbers(projects, ["activity_ha"], "projects")["activity_ha"], checks["polygon_max_ha"]
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
        numbers = _numbers(projects, [column], "projects")[column]
        grouped = numbers.groupby(ids)
        same = (grouped.transform("nunique") == 1) & (grouped.transform("count") > 1) & ~ids.duplicated()
        said = f"{column} is repeated in every row of the project; count it once with figures_of='project'"
        rows = grouped.transform("count")
        found += [(ids[row], said, numbers[row], rows[row], "design") for row in projects.index[same]]
    return found


def survival_editions() -> pd.DataFrame:
    """
    List the editions of bars for survival and preservation, also those whose numbers could not be obtained.

    Returns
    -------
    DataFrame
        One row per edition, on its name: ``title``, ``status`` (``memory``, ``partial``, ``unavailable``), ``note``.

    Examples
    --------
    >>> survival_editions()["status"].to_dict()["2023"]
    'unavailable'
    """
    table = pd.DataFrame.from_dict(_thresholds()["editions"], orient="index").rename_axis("edition")
    return table[["title", "status", "note"]]


def survival_thresholds(edition: str) -> pd.DataFrame:
    """
    List the bars that survival and preservation are held against, of one edition.

    Parameters
    ----------
    edition
        Must be named: bars changed between editions, and none is verified.

    Returns
    -------
    DataFrame
        One row per kind (``survival``, ``preservation``) and zone: ``qualified``, ``failed``, ``after_years``,
        ``status``, ``note``.

    Raises
    ------
    InputError
        The edition is not known, or its numbers could not be obtained.

    Examples
    --------
    >>> survival_thresholds("2016 (unverified)")[["kind", "zone", "qualified"]].head(2).values.tolist()
    [['survival', 'humid', 0.85], ['survival', 'arid', 0.7]]
    """
    tables = _thresholds()
    if edition not in tables["editions"]:
        message = f"edition {edition!r} is not known; known are {', '.join(map(repr, tables['editions']))}"
        raise InputError(message)
    rows = [
        {"kind": kind} | row
        for kind in ("survival", "preservation")
        for row in tables[kind]
        if row["edition"] == edition
    ]
    if not rows:
        known = tables["editions"][edition]
        message = f"edition {edition!r} ({known['title']}): {known['note']}"
        raise InputError(message)
    columns = ["kind", "edition", "zone", "qualified", "failed", "after_years", "status", "note"]
    return pd.DataFrame(rows).reindex(columns=columns)


def judge_survival(projects: pd.DataFrame, *, edition: str | pd.DataFrame) -> pd.DataFrame:
    """
    Judge survival and preservation of plantings against the bars of an edition.

    Parameters
    ----------
    projects
        ``project_id`` and, where known, ``survival`` (share of living plants), ``preserved_ha`` and ``verified_ha``
        [ha], and what tells the rainfall zone: see :func:`ecozones.rainfall.assign_rainfall_zones`.
    edition
        An edition of :func:`survival_thresholds`, or a table of your own with its columns.

    Returns
    -------
    DataFrame
        One row per project: ``project_id``, ``zone`` (``humid``, ``arid``, ``undetermined``), ``zone_by`` and
        ``zone_note`` (how it is known), ``survival``, ``survival_bar``,
        ``survival_outcome`` (``qualified``, ``replant``, ``failed``, ``not_qualified`` where the edition does not tell
        these two apart, ``undetermined``), ``preservation``,
        ``preservation_bar``, ``preservation_outcome`` (``preserved``, ``not_preserved``, ``undetermined``),
        ``edition``, ``status`` (of the bars).

    Raises
    ------
    SchemaError
        Survival is no share between 0 and 1.

    Examples
    --------
    >>> planted = pd.DataFrame({"project_id": ["P1", "P2"], "survival": [0.8, 0.8], "rain_mm": [600, 300]})
    >>> judge_survival(planted, edition="2016 (unverified)")["survival_outcome"].tolist()
    ['replant', 'qualified']
    """
    bars = survival_thresholds(edition) if isinstance(edition, str) else edition
    placed = assign_rainfall_zones(projects)
    full = placed.reindex(columns=["project_id", "survival", "preserved_ha", "verified_ha"])
    numbers = _numbers(full, ["survival", "preserved_ha", "verified_ha"], "projects")
    outside = (numbers["survival"] < 0) | (numbers["survival"] > 1)
    if outside.any():
        rows = projects.index[outside]
        message = f"survival is a share between 0 and 1, not a percentage: rows {name_rows(rows)}"
        raise SchemaError(message, pd.DataFrame({"row": rows, "column": "survival", "problem": "is no share"}))
    zone = placed["rainfall_zone"]
    survival_bars = bars[bars["kind"] == "survival"].set_index("zone")
    standing_bars = bars[bars["kind"] == "preservation"].set_index("zone")
    bar = zone.map(survival_bars["qualified"]).astype(float)
    floor = zone.map(survival_bars["failed"]).astype(float)
    alive = numbers["survival"]
    # a billionth lets 0.85 pass a bar of 0.85 whatever binary makes of either
    outcome = np.select(
        [alive.isna() | bar.isna(), alive >= bar - _NOISE, floor.isna(), alive <= floor + _NOISE],
        ["undetermined", "qualified", "not_qualified", "failed"],
        default="replant",
    )
    standing = _share(numbers["preserved_ha"], numbers["verified_ha"])
    standing_bar = zone.map(standing_bars["qualified"]).astype(float)
    kept = np.select(
        [standing.isna() | standing_bar.isna(), standing >= standing_bar - _NOISE],
        ["undetermined", "preserved"],
        default="not_preserved",
    )
    return pd.DataFrame(
        {
            "project_id": full["project_id"],
            "zone": zone,
            "zone_by": placed["rainfall_zone_by"],
            "zone_note": placed["rainfall_zone_note"],
            "survival": alive,
            "survival_bar": bar,
            "survival_outcome": outcome,
            "preservation": standing,
            "preservation_bar": standing_bar,
            "preservation_outcome": kept,
            "edition": edition if isinstance(edition, str) else "given by the caller",
            "status": zone.map(survival_bars["status"]).fillna("") if "status" in bars.columns else "",
        }
    )


# -------------------------------------------------------------------------------------------------- land ledgers


def mining_land_ledger(entries: pd.DataFrame) -> pd.DataFrame:
    """
    Keep the account of mining land: reclaimed land is credited on acceptance, new land debited on approval.

    Land that is reclaimed but not accepted gives nothing. The balance of an account never goes below zero: an
    approval that would take it there is refused and stays in the book as refused. Entries of a day are credited
    before they are debited.

    Parameters
    ----------
    entries
        ``entry_id``, ``kind`` (``reclaimed`` or ``new``), ``area_ha`` [ha], ``on`` (the day of acceptance or
        approval; missing while there is none), and ``account`` (the province, within which alone quotas move) where
        there are several.

    Returns
    -------
    DataFrame
        One row per entry, in the order of the book: the input with ``booked_ha`` (credit positive, debit negative),
        ``balance_ha`` (of the account, after the entry), ``booked`` and ``reason``. [ha]

    Raises
    ------
    SchemaError
        An entry has no area, a negative one, or a kind that means nothing; every problem at once.

    Examples
    --------
    >>> book = pd.DataFrame({"entry_id": ["a", "b"], "kind": ["reclaimed", "new"], "area_ha": [10, 12],
    ...                      "on": ["2024-01-01", "2024-02-01"]})
    >>> mining_land_ledger(book)[["booked_ha", "balance_ha", "booked"]].values.tolist()
    [[10.0, 10.0, True], [0.0, 10.0, False]]
    """
    entries = entries.reset_index(drop=True)
    numbers = _numbers(entries, ["area_ha"], "the mining-land ledger")["area_ha"]
    missing = [column for column in ("entry_id", "kind", "on") if column not in entries.columns]
    if missing:
        message = (
            f"the mining-land ledger has no columns {', '.join(missing)}; it has {', '.join(map(str, entries.columns))}"
        )
        raise SchemaError(message)
    problems = [
        (row, "kind", f"{entries['kind'][row]!r} is neither 'reclaimed' nor 'new'")
        for row in entries.index[~entries["kind"].isin(["reclaimed", "new"])]
    ]
    problems += [(row, "area_ha", "is missing or negative") for row in entries.index[~(numbers >= 0)]]
    problems += [
        (row, "entry_id", f"{entries['entry_id'][row]!r} is repeated")
        for row in entries.index[entries["entry_id"].duplicated()]
    ]
    if problems:
        shown = "; ".join(f"row {row}: {column} {text}" for row, column, text in problems[:10])
        message = f"the mining-land ledger cannot be kept, {len(problems)} problems: {shown}"
        raise SchemaError(message, pd.DataFrame(problems, columns=["row", "column", "problem"]))
    book = entries.assign(area_ha=numbers, on=pd.to_datetime(entries["on"]))
    if "account" not in book.columns:
        book["account"] = ""
    rank = book["kind"].map({"reclaimed": 0, "new": 1})
    book = book.assign(_rank=rank).sort_values(
        ["account", "on", "_rank", "entry_id"], kind="stable", na_position="last"
    )
    balance: dict[object, float] = {}
    rows = []
    columns = (book["account"], book["kind"], book["area_ha"].to_numpy(dtype=float), book["on"].notna())
    for account, kind, area, dated in zip(*columns, strict=True):
        held = balance.get(account, 0.0)
        moved, reason = 0.0, ""
        if not dated:
            reason = "not accepted yet" if kind == "reclaimed" else "not approved yet"
        elif kind == "reclaimed":
            moved = area
        elif area <= held + _NOISE:
            moved = -area
        else:
            reason = f"refused: {area:g} ha asked, {held:g} ha in the account"
        balance[account] = max(held + moved, 0.0)
        rows.append((moved, balance[account], reason == "", reason))
    kept = pd.DataFrame(rows, columns=["booked_ha", "balance_ha", "booked", "reason"], index=book.index)
    return book.drop(columns="_rank").join(kept).reset_index(drop=True)


def farmland_balance(entries: pd.DataFrame, *, by: str | None = None) -> pd.DataFrame:
    """
    Balance cultivated land: what was supplemented and accepted against what was occupied, whatever the reason.

    Parameters
    ----------
    entries
        ``kind`` (``supplemented`` or ``occupied``), ``area_ha`` [ha]; ``accepted`` for supplements (missing is not
        accepted), ``quality`` (weight of the ground, 1 where missing) and ``reason``.
    by
        Column to balance by, such as ``"county"`` or ``"year"``.

    Returns
    -------
    DataFrame
        One row per group: ``supplemented_ha``, ``not_accepted_ha``, ``occupied_ha``, ``net_ha``, the same weighted by
        quality as ``weighted_net_ha``, ``balanced`` (neither net below zero), ``next_cap_ha`` (what may be occupied
        next, the net increase, never below zero; from memory). [ha]

    Raises
    ------
    SchemaError
        A column is missing or a kind means nothing.

    Examples
    --------
    >>> book = pd.DataFrame({"kind": ["supplemented", "occupied"], "area_ha": [12.0, 10.0], "accepted": [True, None]})
    >>> farmland_balance(book)[["net_ha", "next_cap_ha", "balanced"]].values.tolist()
    [[2.0, 2.0, True]]
    """
    entries = entries.reset_index(drop=True)
    area = _numbers(entries, ["area_ha"], "the farmland balance")["area_ha"]
    foreign = (
        entries.index[~entries["kind"].isin(["supplemented", "occupied"])]
        if "kind" in entries.columns
        else entries.index
    )
    if len(foreign):
        message = f"the farmland balance needs kind 'supplemented' or 'occupied': rows {name_rows(foreign)}"
        raise SchemaError(message)
    full = entries.reindex(columns=[*entries.columns, *({"accepted", "quality"} - set(entries.columns))])
    accepted = flags(full, "accepted").fillna(value=False).astype(bool)
    quality = _numbers(full, ["quality"], "the farmland balance")["quality"].fillna(1.0)
    gained = (full["kind"] == "supplemented") & accepted
    table = pd.DataFrame(
        {
            "supplemented_ha": area.where(gained, 0.0),
            "not_accepted_ha": area.where((full["kind"] == "supplemented") & ~accepted, 0.0),
            "occupied_ha": area.where(full["kind"] == "occupied", 0.0),
        }
    )
    table["net_ha"] = table["supplemented_ha"] - table["occupied_ha"]
    table["weighted_net_ha"] = table["net_ha"] * quality
    group = entries[by] if by else pd.Series("all", index=entries.index, name="group")
    summed = table.groupby(group, sort=True).sum()
    worst = summed[["net_ha", "weighted_net_ha"]].min(axis=1)
    return summed.assign(balanced=worst >= -_NOISE, next_cap_ha=worst.clip(lower=0.0)).reset_index()


def soil_conservation(figures: pd.DataFrame) -> pd.DataFrame:
    """
    Work out the indicators of soil conservation, each missing where its denominator is.

    Parameters
    ----------
    figures
        Any of ``land_km2``, ``erosion_km2``, ``treated_km2`` (to standard), ``to_treat_km2``, ``unsuitable_km2``,
        ``restorable_km2``, ``planted_km2``, ``project_km2`` [km²], ``tolerated_t_km2`` and ``actual_t_km2`` (a year).

    Returns
    -------
    DataFrame
        On the index of `figures`: ``conservation_ratio`` 水土保持率 (1 less the eroded share), ``treated_share``
        治理度, ``plant_recovery`` 林草植被恢复率, ``plant_cover`` 林草覆盖率, ``control_ratio`` 土壤流失控制比, and
        ``split_error_km2`` (eroded less to treat less unsuitable). Shares.

    Examples
    --------
    >>> national = pd.DataFrame({"land_km2": [960.0], "erosion_km2": [267.42]})
    >>> soil_conservation(national)["conservation_ratio"].round(4).tolist()
    [0.7214]
    """
    names = [
        "land_km2", "erosion_km2", "treated_km2", "to_treat_km2", "unsuitable_km2", "restorable_km2", "planted_km2",
        "project_km2", "tolerated_t_km2", "actual_t_km2",
    ]  # fmt: skip
    if not set(names) & set(figures.columns):
        message = f"the figures have none of the columns {', '.join(names)}"
        raise SchemaError(message)
    given = _numbers(figures.reindex(columns=names), names, "the figures")
    return pd.DataFrame(
        {
            "conservation_ratio": 1 - _share(given["erosion_km2"], given["land_km2"]),
            "treated_share": _share(given["treated_km2"], given["erosion_km2"]),
            "plant_recovery": _share(given["planted_km2"], given["restorable_km2"]),
            "plant_cover": _share(given["planted_km2"], given["project_km2"]),
            "control_ratio": _share(given["tolerated_t_km2"], given["actual_t_km2"]),
            "split_error_km2": given["erosion_km2"] - given["to_treat_km2"] - given["unsuitable_km2"],
        }
    )


def erosion_classes(by: Literal["water", "wind"] = "water") -> pd.DataFrame:
    """
    List the classes of soil erosion by the rate of loss.

    Parameters
    ----------
    by
        What carries the soil away: ``"water"`` or ``"wind"``.

    Returns
    -------
    DataFrame
        One row per class, mildest first, on its id: ``zh``, ``from_t_km2`` and ``to_t_km2`` (a year), ``eroded``
        (whether ground of the class counts as eroded), ``source``, ``status``. The mildest class by water ends at the
        tolerated loss of the region. [t/km²]

    Examples
    --------
    >>> erosion_classes()["from_t_km2"].tolist()
    [0.0, 200.0, 2500.0, 5000.0, 8000.0, 15000.0]
    """
    tables = _rules()["erosion"]
    if by not in tables["classes"]:
        message = f"soil is carried away by {', '.join(tables['classes'])}, not by {by!r}"
        raise InputError(message)
    table = pd.DataFrame.from_dict(tables["classes"][by], orient="index").rename_axis("class")
    table["to_t_km2"] = table["from_t_km2"].shift(-1)
    source = _rules()["sources"][tables["source"]]
    table = table.astype({"from_t_km2": float, "to_t_km2": float})
    return table.assign(
        eroded=np.arange(len(table)) > 0, source=f"{source['title']} {source['number']}", status=source["status"]
    )[["zh", "from_t_km2", "to_t_km2", "eroded", "source", "status"]]


def classify_erosion(
    loss_t_km2: pd.Series,
    *,
    region: str | None = None,
    by: Literal["water", "wind"] = "water",
    edge: Literal["lower", "upper"] = "lower",
) -> pd.Series:
    """
    Class soil loss by the standard classes of erosion.

    Parameters
    ----------
    loss_t_km2
        Soil lost a year. [t/km²]
    region
        For water, the region whose tolerated loss ends the mildest class: ``"northwest_loess"``,
        ``"northeast_black_soil"``, ``"northern_rocky"``, ``"southern_red_soil"`` or ``"southwest_rocky"``.
    by
        What carries it away.
    edge
        The class of a loss that stands on a bound: the one that begins there (``"lower"``), or that ends there.

    Returns
    -------
    Series
        Ordered categorical of the ids of :func:`erosion_classes`, mildest first; missing where the loss is.

    Raises
    ------
    InputError
        The region is not known, or an option has no meaning.
    SchemaError
        A loss is negative or no number.

    Examples
    --------
    >>> classify_erosion(pd.Series([150, 2400, 5000]), region="northwest_loess").tolist()
    ['micro', 'light', 'intense']
    """
    classes = erosion_classes(by)
    tolerated = _rules()["erosion"]["tolerated"]
    bounds = classes["from_t_km2"].to_numpy()[1:].copy()
    if by == "water":
        if region not in tolerated:
            message = (
                f"the mildest class ends at the loss a region tolerates: say region=, one of {', '.join(tolerated)}"
            )
            raise InputError(message)
        bounds[0] = tolerated[region]
    if edge not in {"lower", "upper"}:
        message = f"edge is 'lower' or 'upper', not {edge!r}"
        raise InputError(message)
    loss = _numbers(pd.DataFrame({"loss_t_km2": loss_t_km2}), ["loss_t_km2"], "soil loss")["loss_t_km2"]
    if (loss < 0).any():
        message = f"soil loss is negative: rows {name_rows(loss.index[loss < 0])}"
        raise SchemaError(message)
    place = np.searchsorted(bounds, loss, side="right" if edge == "lower" else "left")
    dtype = pd.CategoricalDtype(list(classes.index), ordered=True)
    return pd.Series(pd.Categorical.from_codes(np.where(loss.isna(), -1, place), dtype=dtype), index=loss.index)


def check_consolidation(townships: pd.DataFrame) -> pd.DataFrame:
    """
    Check whole-area land consolidation against its three rules of five per cent.

    Parameters
    ----------
    townships
        ``township``, ``cultivated_ha`` (before), ``new_cultivated_ha``, ``farmland_ha`` (permanent basic farmland of
        the township), ``adjusted_ha`` (moved) and ``new_farmland_ha``. [ha]

    Returns
    -------
    DataFrame
        One row per township and rule: ``township``, ``rule``, ``numerator_ha``, ``denominator_ha``, ``share``,
        ``limit``, ``holds`` (missing where there is nothing to divide by), ``status`` (of the rule).

    Examples
    --------
    >>> town = {"township": "A", "cultivated_ha": 1000, "new_cultivated_ha": 50}
    >>> town |= {"farmland_ha": 800, "adjusted_ha": 40, "new_farmland_ha": 2}
    >>> check_consolidation(pd.DataFrame([town]))["holds"].tolist()
    [True, True, True]
    """
    rules = _rules()["consolidation"]
    names = ["cultivated_ha", "new_cultivated_ha", "farmland_ha", "adjusted_ha", "new_farmland_ha"]
    given = _numbers(townships, names, "townships")
    parts = []
    for rule, over, under, limit, at_least in (
        ("new cultivated land, of the old", "new_cultivated_ha", "cultivated_ha", rules["new_cultivated_share"], True),
        (
            "new permanent basic farmland, of the adjusted",
            "new_farmland_ha",
            "adjusted_ha",
            rules["new_farmland_share"],
            True,
        ),
        (
            "adjusted permanent basic farmland, of the township's",
            "adjusted_ha",
            "farmland_ha",
            rules["adjusted_share"],
            False,
        ),
    ):
        share = _share(given[over], given[under])
        holds = (share >= limit - _NOISE if at_least else share <= limit + _NOISE).astype("boolean")
        parts.append(
            pd.DataFrame(
                {
                    "township": townships["township"],
                    "rule": rule,
                    "numerator_ha": given[over],
                    "denominator_ha": given[under],
                    "share": share,
                    "limit": limit,
                    "holds": holds.mask(share.isna()),
                    "status": _rules()["sources"][rules["source"]]["status"],
                }
            )
        )
    return pd.concat(parts).sort_values("township", kind="stable").reset_index(drop=True)


def score_green_mine(
    scores: pd.DataFrame,
    *,
    edition: Literal["2020", "2024"],
    prerequisites: Mapping[str, bool] | None = None,
    pass_points: float | None = None,
) -> pd.DataFrame:
    """
    Score a green mine by the rules of an edition.

    Parameters
    ----------
    scores
        One row per indicator of the lowest level: ``first_level``, ``second_level`` where known, ``points`` (that can
        be had), ``score``.
    edition
        ``"2020"`` (6 / 24 / 100 indicators, 1000 points) or ``"2024"`` (6 / 23 / 49, 100 points).
    prerequisites
        For the edition of 2020, whether each of its five holds; what is not said is not fulfilled. For that of 2024,
        whose own could not be obtained, those that you read in it: without them nothing passes.
    pass_points
        The mark to pass, where the edition's own could not be obtained (2024).

    Returns
    -------
    DataFrame
        One row per first-level indicator, then one for the mine (``"total"``): ``points``, ``score``, ``share``,
        ``bar`` (share, or points for the total), ``passes`` (missing where no bar is known), ``reason``.

    Raises
    ------
    InputError
        The edition is not known, or the indicators are not those of the edition (number, sum of points).
    SchemaError
        A score is missing or above its points.

    Examples
    --------
    >>> marks = pd.DataFrame({"first_level": [i % 6 for i in range(49)], "points": 100 / 49, "score": 90 / 49})
    >>> scored = score_green_mine(marks, edition="2024", pass_points=80, prerequisites={"valid permits": True})
    >>> scored.loc[6, "first_level"], bool(scored.loc[6, "passes"])
    ('total', True)
    """
    editions = _rules()["green_mine"]
    if edition not in editions:
        message = f"edition {edition!r} is not known; known are {', '.join(editions)}"
        raise InputError(message)
    rules = editions[edition]
    given = _numbers(scores, ["points", "score"], "scores")
    lowest, groups = rules["third_level"], rules["first_level"]
    if (len(scores), scores["first_level"].nunique()) != (lowest, groups):
        message = (
            f"edition {edition!r} has {lowest} indicators of the third level under {groups} of the first; "
            f"{len(scores)} under {scores['first_level'].nunique()} were given"
        )
        raise InputError(message)
    if "second_level" in scores.columns and scores["second_level"].nunique() != rules["second_level"]:
        second = scores["second_level"].nunique()
        message = f"edition {edition!r} has {rules['second_level']} indicators of the second level; {second} were given"
        raise InputError(message)
    if abs(given["points"].sum() - rules["points"]) > _NOISE * rules["points"]:
        listed = given["points"].sum()
        message = f"edition {edition!r} has {rules['points']} points in all; the indicators given have {listed:g}"
        raise InputError(message)
    bad = given["score"].isna() | (given["score"] > given["points"] + _NOISE) | (given["score"] < 0)
    if bad.any():
        message = f"scores are missing, negative or above their points: rows {name_rows(scores.index[bad])}"
        raise SchemaError(message)
    table = given.groupby(scores["first_level"], sort=False).sum().reset_index()
    table["share"] = _share(table["score"], table["points"])
    share_bar = rules.get("first_level_share", float("nan"))
    table["bar"] = share_bar
    table["passes"] = pd.array(table["share"] >= share_bar - _NOISE, dtype="boolean")
    if np.isnan(share_bar):
        table["passes"] = pd.array([pd.NA] * len(table), dtype="boolean")
    table["reason"] = ""
    mark = pass_points if pass_points is not None else rules.get("pass_points", float("nan"))
    total = float(given["score"].sum())
    told = dict(prerequisites or {})
    needed = rules["prerequisites"] or list(told)
    unmet = [name for name in needed if not told.get(name, False)]
    reasons = [f"prerequisite not fulfilled: {name}" for name in unmet]
    reasons += [
        f"{name} below its bar"
        for name in table.loc[table["passes"].eq(other=False).fillna(value=False), "first_level"]
    ]
    reasons += [f"{total:g} points of {mark:g} needed"] if total < mark - _NOISE else []
    passes: bool | Any = not reasons
    unknown = [f"the pass mark of edition {edition} could not be obtained; give pass_points"] if np.isnan(mark) else []
    if not needed:
        unknown.append(f"the prerequisites of edition {edition} could not be obtained; give those you read in it")
    if unknown and not reasons:
        passes, reasons = pd.NA, unknown
    whole = pd.DataFrame(
        {
            "first_level": ["total"],
            "points": [float(rules["points"])],
            "score": [total],
            "share": [total / rules["points"]],
            "bar": [mark],
            "passes": pd.array([passes], dtype="boolean"),
            "reason": ["; ".join(reasons)],
        }
    )
    return pd.concat([table, whole], ignore_index=True)


def next_quota(stock: pd.DataFrame) -> pd.DataFrame:
    """
    Work out how disposal of old land moves the next quota of new construction land (增存挂钩).

    Parameters
    ----------
    stock
        ``place``, ``unsupplied_ha`` and ``unsupplied_disposed_ha`` (批而未供), ``idle_ha`` and ``idle_disposed_ha``
        (闲置) [ha], and ``unsupplied_task`` and ``idle_task``, the shares that had to be disposed of.

    Returns
    -------
    DataFrame
        One row per place: ``unsupplied_rate``, ``idle_rate``, ``quota_change`` (a share; NaN where a rate is not
        known).

    Examples
    --------
    >>> stock = {"place": "A", "unsupplied_ha": 100, "unsupplied_disposed_ha": 20, "unsupplied_task": 0.15}
    >>> stock |= {"idle_ha": 50, "idle_disposed_ha": 10, "idle_task": 0.15}
    >>> next_quota(pd.DataFrame([stock]))["quota_change"].tolist()
    [0.1]
    """
    rules = _rules()["linking"]
    names = ["unsupplied_ha", "unsupplied_disposed_ha", "unsupplied_task", "idle_ha", "idle_disposed_ha", "idle_task"]
    given = _numbers(stock, names, "stock")
    rates = {kind: _share(given[f"{kind}_disposed_ha"], given[f"{kind}_ha"]) for kind in ("unsupplied", "idle")}
    done = [rates[kind] >= given[f"{kind}_task"] - _NOISE for kind in rates]
    known = [rates[kind].notna() & given[f"{kind}_task"].notna() for kind in rates]
    failed = (known[0] & ~done[0]) | (known[1] & ~done[1])
    change = np.select([failed, known[0] & known[1]], [-rules["penalty"], rules["bonus"]], default=np.nan)
    return pd.DataFrame(
        {
            "place": stock["place"],
            "unsupplied_rate": rates["unsupplied"],
            "idle_rate": rates["idle"],
            "quota_change": change,
        }
    )


def land_per_gdp_decline(land_before: float, gdp_before: float, land_after: float, gdp_after: float) -> float:
    """
    Decline of construction land per unit of GDP (单位GDP建设用地使用面积下降率).

    Parameters
    ----------
    land_before, land_after
        Construction land, any one unit.
    gdp_before, gdp_after
        GDP in constant prices, any one unit.

    Returns
    -------
    float
        A share; NaN where there is nothing to divide by.

    Examples
    --------
    >>> round(land_per_gdp_decline(1000, 500, 1050, 750), 6)
    0.3
    """
    if land_before <= 0 or gdp_before <= 0 or gdp_after <= 0:
        return float("nan")
    return float(1 - (land_after / gdp_after) / (land_before / gdp_before))


def score_farmland_duty(plan_ha: float, cultivated_ha: float, adjustable_ha: float = 0.0) -> int:
    """
    Points for protected cultivated land: 3 with cultivated land alone, 2 with what can be turned back, else 0.

    Parameters
    ----------
    plan_ha
        The task. [ha]
    cultivated_ha
        Cultivated land. [ha]
    adjustable_ha
        Land that can be turned back into cultivated land. [ha]

    Returns
    -------
    int
        Points by the rule; what a document claims for itself is another number.

    Examples
    --------
    >>> score_farmland_duty(2398, 2304.8, 94.7)
    2
    """
    if cultivated_ha >= plan_ha:
        return 3
    return 2 if cultivated_ha + adjustable_ha >= plan_ha else 0


# ------------------------------------------------------------------------------------------------------------ export


def export_projects(projects: gpd.GeoDataFrame, *, scheme: Scheme, method: AreaMethod = "national") -> gpd.GeoDataFrame:
    """
    Put projects under the fields that another registry asks for, and say what is missing: a mapping, no compliance.

    Parameters
    ----------
    projects
        Restoration projects; the area is measured, and its source written beside it.
    scheme
        ``"gbf_target_2"`` or ``"ferm"``.
    method
        How area is measured.

    Returns
    -------
    GeoDataFrame
        The fields of the scheme, in longitude and latitude (EPSG:4326), and ``missing``, the needed fields a project
        lacks.

    Raises
    ------
    InputError
        The scheme is not known.

    Examples
    --------
    >>> from ecozones.testing import chessboard
    >>> projects = chessboard(1).assign(project_id="P1", type="planted_afforestation", stage="accepted")
    >>> export_projects(projects, scheme="ferm")["missing"].tolist()
    ['ecosystem_type, start_date']
    """
    known = _rules()["export"]
    if scheme not in known:
        message = f"scheme {scheme!r} is not known; known are {', '.join(known)}"
        raise InputError(message)
    fields = known[scheme]["fields"]
    area = polygon_areas(projects.geometry.to_numpy(), projects.crs, method=method) / _HA
    full = projects.assign(area_ha=area, area_source=f"measured on the ellipsoid, {method}")
    full["geometry"] = projects.geometry.to_crs("EPSG:4326")
    table = pd.DataFrame(
        {name: full[field["from"]] if field["from"] in full.columns else None for name, field in fields.items()},
        index=projects.index,
    )
    needed = [name for name, field in fields.items() if field["need"]]
    lacks = [
        ", ".join(name for name in needed if name != "geometry" and pd.isna(row[name]))
        for row in table.to_dict("records")
    ]
    return gpd.GeoDataFrame(table.assign(missing=lacks), geometry="geometry", crs="EPSG:4326")


def export_mapping(scheme: Scheme) -> pd.DataFrame:
    """
    List which column of a project goes into which field of another registry.

    Parameters
    ----------
    scheme
        ``"gbf_target_2"`` or ``"ferm"``.

    Returns
    -------
    DataFrame
        One row per field: ``field``, ``column``, ``needed``, ``note`` (what the mapping is, and is not).

    Raises
    ------
    InputError
        The scheme is not known.

    Examples
    --------
    >>> export_mapping("gbf_target_2").loc[0, ["field", "column"]].tolist()
    ['id', 'project_id']
    """
    known = _rules()["export"]
    if scheme not in known:
        message = f"scheme {scheme!r} is not known; known are {', '.join(known)}"
        raise InputError(message)
    rows = [
        (name, field["from"], field["need"], known[scheme]["note"]) for name, field in known[scheme]["fields"].items()
    ]
    return pd.DataFrame(rows, columns=["field", "column", "needed", "note"])


def share_under_restoration(restored: pd.DataFrame, degraded_ha: Mapping[str, float]) -> pd.DataFrame:
    """
    Share of degraded ground that is under restoration, by ecosystem type (the form of GBF Target 2).

    Parameters
    ----------
    restored
        ``ecosystem`` and ``footprint_ha``, as :func:`ecozones.measure_restored` gives them with ``by="ecosystem"``.
        [ha]
    degraded_ha
        Degraded ground at the end of the baseline, by ecosystem type. [ha]

    Returns
    -------
    DataFrame
        One row per ecosystem type, then ``"total"``: ``footprint_ha``, ``degraded_ha``, ``share`` (NaN without a
        denominator). Ecosystems whose degraded ground is not stated are listed and stay out of the total.

    Examples
    --------
    >>> restored = pd.DataFrame({"ecosystem": ["forest", "wetland"], "footprint_ha": [30.0, 10.0]})
    >>> share_under_restoration(restored, {"forest": 100, "wetland": 100})["share"].tolist()
    [0.3, 0.1, 0.2]
    """
    found = (
        _numbers(restored, ["footprint_ha"], "restored")["footprint_ha"].groupby(restored["ecosystem"], sort=True).sum()
    )
    names = sorted({*found.index, *degraded_ha})
    table = pd.DataFrame({"ecosystem": names})
    table["footprint_ha"] = found.reindex(names, fill_value=0.0).to_numpy()
    table["degraded_ha"] = [float(degraded_ha.get(name, np.nan)) for name in names]
    known = table[table["degraded_ha"].notna()]
    whole = {
        "ecosystem": "total",
        "footprint_ha": known["footprint_ha"].sum(),
        "degraded_ha": known["degraded_ha"].sum(),
    }
    table = pd.concat([table, pd.DataFrame([whole])], ignore_index=True)
    return table.assign(share=_share(table["footprint_ha"], table["degraded_ha"]))
