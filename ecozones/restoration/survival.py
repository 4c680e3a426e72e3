"""Survival and preservation of plantings against the bars of an edition, by rainfall zone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ecozones.columns import read_numbers, share_of
from ecozones.errors import InputError, SchemaError, name_rows
from ecozones.restoration.rainfall import assign_rainfall_zones
from ecozones.shipped import shipped_table

# what adding decimals in binary leaves
_NOISE = 1e-9


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
    table = pd.DataFrame.from_dict(shipped_table("thresholds")["editions"], orient="index").rename_axis("edition")
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
    tables = shipped_table("thresholds")
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
        [ha], and what tells the rainfall zone: see :func:`ecozones.restoration.rainfall.assign_rainfall_zones`.
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
        Survival is no share between 0 and 1, or a table of bars lacks a column.

    Examples
    --------
    >>> planted = pd.DataFrame({"project_id": ["P1", "P2"], "survival": [0.8, 0.8], "rain_mm": [600, 300]})
    >>> judge_survival(planted, edition="2016 (unverified)")["survival_outcome"].tolist()
    ['replant', 'qualified']
    """
    bars = survival_thresholds(edition) if isinstance(edition, str) else edition
    lacking = [column for column in ("kind", "zone", "qualified") if column not in bars.columns]
    if lacking:
        message = f"the table of bars has no columns {', '.join(lacking)}; it needs kind, zone and qualified"
        raise SchemaError(message)
    bars = bars.reindex(columns=list(dict.fromkeys([*bars.columns, "failed"])))
    placed = assign_rainfall_zones(projects)
    full = placed.reindex(columns=["project_id", "survival", "preserved_ha", "verified_ha"])
    numbers = read_numbers(full, ["survival", "preserved_ha", "verified_ha"], "projects")
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
    standing = share_of(numbers["preserved_ha"], numbers["verified_ha"])
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
