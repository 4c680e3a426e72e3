"""What is wrong with a layer before anything is judged by it: geometry, fit, areas, extent, columns."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from types import MappingProxyType

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj

from ecozones.area import AreaMethod
from ecozones.crs import check_crs
from ecozones.errors import SchemaError, name_rows
from ecozones.placing import bring_to
from ecozones.plan import ZoningPlan
from ecozones.quality.columns import check_columns
from ecozones.quality.layer import lay_out, prepare
from ecozones.quality.rules import Limits, Thresholds, map_accuracy, rules_by_id, settings
from ecozones.quality.shapes import (
    find_duplicates,
    find_gaps,
    find_id_faults,
    find_invalid,
    find_loose_edges,
    find_misdeducted,
    find_missing,
    find_misstated,
    find_outside,
    find_overlaps,
    find_slivers,
    find_small_patches,
    find_spikes,
)
from ecozones.quality.waivers import finding_ids, mark_waived, read_waivers

SEVERITIES = ("not_checked", "notice", "warning", "error")
"""How much a finding weighs, mildest first; ``not_checked`` is a check that had nothing to go by."""

_COLUMNS = [
    "finding_id", "rule_id", "severity", "line", "feature_ids", "measured", "unit", "threshold", "width_m", "share",
    "message_zh", "message_en", "x", "y", "accepted", "accepted_by", "accepted_why", "geometry",
]  # fmt: skip


def check_quality(
    layer: gpd.GeoDataFrame | ZoningPlan,
    *,
    line: str | None = None,
    extent: gpd.GeoDataFrame | None = None,
    rules: Collection[str] | None = None,
    thresholds: Thresholds | None = None,
    map_scale: int | None = None,
    table: str | None = None,
    exceptions: str | Path | pd.DataFrame | None = None,
    method: AreaMethod = "national",
) -> gpd.GeoDataFrame:
    """
    List everything that is wrong with a layer, or with every line of a plan, each fault with its place and measure.

    Parameters
    ----------
    layer
        Polygons in any state, or a plan, whose lines and spaces are checked one by one. A plan was repaired when it was
        read: to see what was invalid, check the layer as it came.
    line
        What to call the layer; the id of a control line tells which official table it may be.
    extent
        The administrative boundary; a plan brings its own.
    rules
        Ids of the rules to check, all unless given; a prefix such as ``"coverage"`` stands for all that begin with it.
    thresholds
        Replacements by rule, such as ``{"coverage.gap": {"max_width_m": 2.0}}``. Every measure has a least and a
        greatest value, so that a rule may ask for what is larger as well as for what is smaller.
    map_scale
        The scale the layer was drawn at: slivers and gaps are then held to what that scale can tell apart.
    table
        The official table that the columns are checked by (``"DLTB"``, ``"YJJBNTBHTB"`` ...); found from `line` and the
        columns unless given.
    exceptions
        Accepted exceptions: a CSV or TOML file, or a table; see `write_waivers`.
    method
        How areas are measured.

    Returns
    -------
    GeoDataFrame
        One row per fault, gravest first, in the CRS of the layer (of the plan): ``finding_id`` (the same in every run),
        ``rule_id, severity, line, feature_ids, measured, unit, threshold, width_m, share``, ``message_zh, message_en``,
        ``x, y`` (a place in the fault), ``accepted, accepted_by, accepted_why, geometry``. A check that had nothing to
        go by is a row of severity ``not_checked``: that nothing was found there means nothing.

    Raises
    ------
    SchemaError
        A rule, threshold, table or exception is not known.
    CRSError
        The layer cannot be placed on the ground.

    Examples
    --------
    >>> from ecozones.testing import chessboard
    >>> board = chessboard(2, side_m=100)
    >>> doubled = gpd.GeoDataFrame(geometry=[*board.geometry, board.geometry[0]], crs=board.crs)
    >>> found = check_quality(doubled, rules=["coverage.overlap"])
    >>> found[["rule_id", "feature_ids", "measured"]].round(2).values.tolist()
    [['coverage.overlap', '0, 4', 10000.0]]
    """
    wanted = _wanted(rules)
    limits = _limits(thresholds or {}, map_scale)
    if table is not None and table not in settings()["tables"]:
        message = f"official table {table!r} is not known; use one of {', '.join(settings()['tables'])}"
        raise SchemaError(message)
    if isinstance(layer, ZoningPlan):
        found = _check_plan(layer, extent, wanted, limits, table, method)
        crs = layer.crs
    else:
        crs = layer.crs
        found = [_check_layer(layer, line or "", extent, wanted, limits, table, method)]
    findings = _joined(found, crs)
    ids = pd.Series(finding_ids(findings, degrees=pyproj.CRS(crs).is_geographic), dtype=object)
    again = ids.groupby(ids).cumcount()  # features without ids of their own may bear the same fault at the same place
    findings["finding_id"] = ids.where(again == 0, ids + "#" + (again + 1).astype(str)).to_numpy()
    waivers = read_waivers(pd.DataFrame() if exceptions is None else exceptions)
    findings, unused = mark_waived(findings, waivers)
    if len(unused):
        findings = pd.concat([findings, _unused(unused, crs)], ignore_index=True)
    findings["severity"] = pd.Categorical(findings["severity"], SEVERITIES, ordered=True)
    order = np.lexsort(
        (findings["finding_id"], findings["line"], findings["rule_id"], -findings["severity"].cat.codes.to_numpy())
    )
    return gpd.GeoDataFrame(findings.iloc[order].reset_index(drop=True)[_COLUMNS], geometry="geometry", crs=crs)


def _wanted(rules: Collection[str] | None) -> set[str]:
    if rules is None:
        return set(rules_by_id())
    asked = [rules] if isinstance(rules, str) else list(rules)
    chosen = {name: [rule for rule in rules_by_id() if rule == name or rule.startswith(f"{name}.")] for name in asked}
    unknown = [name for name, found in chosen.items() if not found]
    if unknown:
        message = f"rules {name_rows(unknown)} are not known; quality_rules() lists them: {', '.join(rules_by_id())}"
        raise SchemaError(message)
    return {rule for found in chosen.values() for rule in found}


def _limits(thresholds: Thresholds, map_scale: int | None) -> dict[str, Limits]:
    built = {name: dict(rule.thresholds) for name, rule in rules_by_id().items()}
    if map_scale is not None:
        for name, rule in rules_by_id().items():
            if rule.scale_key:
                built[name][rule.scale_key] = map_accuracy(map_scale)
    for name, changes in thresholds.items():
        unknown = [name] if name not in built else [key for key in changes if key not in built[name]]
        if unknown:
            known = built.get(name, built)
            message = f"thresholds: {name_rows(unknown)} is not known; use one of {', '.join(known)}"
            raise SchemaError(message)
        built[name] |= {key: float(value) for key, value in changes.items()}
    return {name: MappingProxyType(values) for name, values in built.items()}


def _check_plan(
    plan: ZoningPlan,
    extent: gpd.GeoDataFrame | None,
    wanted: set[str],
    limits: dict[str, Limits],
    table: str | None,
    method: AreaMethod,
) -> list[gpd.GeoDataFrame]:
    frames = dict(plan.lines) | ({} if plan.zones is None else {"zones": plan.zones})
    found = []
    for name, frame in frames.items():
        ground = extent if extent is not None else (plan.ground(name) if name in plan.lines else plan.extent)
        rows = _check_layer(frame, name, ground, wanted, limits, table, method)
        moved, _ = bring_to(rows.set_crs(frame.crs), plan.crs, what=name)
        there = np.flatnonzero(np.isfinite(rows["x"].to_numpy()))
        places = gpd.GeoDataFrame(
            geometry=gpd.points_from_xy(rows["x"].to_numpy()[there], rows["y"].to_numpy()[there]), crs=frame.crs
        )
        placed, _ = bring_to(places, plan.crs, what=name)
        moved.loc[moved.index[there], "x"] = placed.geometry.x.to_numpy()
        moved.loc[moved.index[there], "y"] = placed.geometry.y.to_numpy()
        found.append(moved)
    return found


def _joined(found: list[gpd.GeoDataFrame], crs: object) -> gpd.GeoDataFrame:
    tables = [table for table in found if len(table)] or found[:1]
    return gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), geometry="geometry", crs=crs)


def _unused(waivers: pd.DataFrame, crs: object) -> gpd.GeoDataFrame:
    rule = rules_by_id()["exception.unused"]
    keys = waivers["finding_id"].where(waivers["finding_id"] != "", waivers["rule_id"] + " " + waivers["feature_ids"])
    told = list(keys + " (" + waivers["accepted_by"] + ": " + waivers["accepted_why"] + ")")
    frame = lay_out(
        rule,
        waivers["line"].tolist(),
        waivers["feature_ids"].tolist(),
        np.full(len(waivers), None, dtype=object),
        detail=(told, told),
        crs=crs,
    )
    return frame.assign(
        finding_id=[f"exception.unused:{key}" for key in keys], accepted=False, accepted_by="", accepted_why=""
    )


def _check_layer(
    frame: gpd.GeoDataFrame,
    name: str,
    extent: gpd.GeoDataFrame | None,
    wanted: set[str],
    limits: dict[str, Limits],
    table: str | None,
    method: AreaMethod,
) -> gpd.GeoDataFrame:
    check_crs(frame, what=name or "layer")
    layer = prepare(frame, name, limits, method, wanted)
    checks: list[tuple[tuple[str, ...], Callable[[], list[gpd.GeoDataFrame]]]] = [
        (("id.missing", "id.repeated"), lambda: find_id_faults(layer)),
        (("geometry.missing",), lambda: find_missing(layer)),
        (("geometry.invalid",), lambda: find_invalid(layer)),
        (("geometry.spike",), lambda: find_spikes(layer)),
        (("geometry.sliver",), lambda: find_slivers(layer)),
        (("geometry.duplicate", "geometry.near_duplicate"), lambda: find_duplicates(layer)),
        (("coverage.overlap",), lambda: find_overlaps(layer)),
        (("coverage.gap",), lambda: find_gaps(layer)),
        (("coverage.edges",), lambda: find_loose_edges(layer)),
        (("area.minimum",), lambda: find_small_patches(layer)),
        (("area.stated",), lambda: find_misstated(layer)),
        (("area.deducted",), lambda: find_misdeducted(layer)),
        (("extent.outside",), lambda: find_outside(layer, extent)),
        (("field.missing", "field.blank", "field.type", "field.domain"), lambda: check_columns(layer, table)),
    ]
    found = [part for names, check in checks if wanted.intersection(names) for part in check()]
    empty = layer.findings("geometry.missing", [], np.empty(0, dtype=object))
    joined = pd.concat([part for part in found if len(part)] or [empty], ignore_index=True)
    kept = joined[joined["rule_id"].isin(wanted)].reset_index(drop=True)
    return gpd.GeoDataFrame(kept, geometry="geometry", crs=frame.crs)
