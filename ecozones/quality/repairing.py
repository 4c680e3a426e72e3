"""Put a layer right on request, step by step, and say what every step cost each feature."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Literal, get_args

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ecozones.area import AreaMethod, polygon_areas
from ecozones.crs import check_crs
from ecozones.errors import GeometryError, MissingDependencyError, SchemaError, name_rows
from ecozones.geometry import check_polygons, polygonal
from ecozones.quality.coverage import find_faults
from ecozones.quality.edges import Geometries, Numbers, Rows, edges_of, find_spikes, metres_in
from ecozones.quality.gaps import Gaps
from ecozones.vocab import control_lines

Step = Literal["validity", "spikes", "overlaps", "gaps"]
Merge = Literal["longest_border", "largest", "smallest", "priority"]

# what GEOS calls the same ways of choosing
_STRATEGY = {"longest_border": "longest_border", "largest": "max_area", "smallest": "min_area", "priority": "min_index"}
_GEOS_WITH_CLEANING = (3, 14, 0)

# filled ground is laid this far under its new owner, so that no hairline is left between the two [m]
_SEAM_M = 1e-6

# a spike taken off may bare another one behind it
_ROUNDS = 10

_COLUMNS = [
    "step", "feature_id", "method", "reason", "before_m2", "after_m2", "change_m2", "share",
    "shared_m2", "filled_m2", "error_m2",
]  # fmt: skip


@dataclasses.dataclass(frozen=True)
class _Options:
    merge: Merge
    priority: str | None
    gap_width_m: float
    spike_angle: float
    spike_length_m: float
    limit_share: float
    limit_m2: float
    allow_loss: bool
    method: AreaMethod


@dataclasses.dataclass(frozen=True, eq=False)
class _Change:
    """What one step did: the new geometries, how and why for each row, and the rows whose ground it concerned."""

    geometry: Geometries
    reason: dict[int, str]
    concerned: Rows
    how: str


def repair(
    layer: gpd.GeoDataFrame,
    *,
    steps: Sequence[Step],
    merge: Merge = "longest_border",
    priority: str | None = None,
    gap_width_m: float = 1.0,
    spike_angle: float = 5.0,
    spike_length_m: float = 1.0,
    limit_share: float = 0.01,
    limit_m2: float = np.inf,
    allow_loss: bool = False,
    line: str | None = None,
    change_legal_line: bool = False,
    method: AreaMethod = "national",
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """
    Repair a layer by named steps, and account for every square metre that this moved.

    Parameters
    ----------
    layer
        Polygons. A control line of a plan is refused: its vertices are law and are mended by whoever drew them.
    steps
        What to do, in this order: ``"validity"`` (by structure: shells united, holes taken off), ``"spikes"`` (tips
        taken off), ``"overlaps"`` (shared ground goes to one feature, common edges get the same vertices), ``"gaps"``
        (narrow bare ground goes to a neighbour). Nothing is done that is not named.
    merge
        Who gets disputed ground: the feature with the ``"longest_border"`` to it, the ``"largest"``, the
        ``"smallest"``, or the first by ``"priority"``.
    priority
        For ``merge="priority"``, a column by which lower values come first; the order of rows unless given.
    gap_width_m
        The widest gap to fill. [m]
    spike_angle, spike_length_m
        The widest angle [degrees] and the shortest leg [m] of a spike.
    limit_share, limit_m2
        The most that the area of a feature may change in a step, as a share of it and in square metres. [1, m²]
    allow_loss
        Let features go of which nothing is left; each is a row of the ledger with ``after_m2`` 0.
    line
        What the layer is; the id of a control line makes it one.
    change_legal_line
        Repair a control line all the same.
    method
        How areas are measured.

    Returns
    -------
    layer : GeoDataFrame
        The same rows and columns; features that no step concerned keep every coordinate.
    ledger : DataFrame
        One row per step and feature that changed: ``step, feature_id, method, reason, before_m2, after_m2, change_m2,
        share``; and one row per step, without a feature, for all features concerned together, that closes the books:
        ``after = before - shared + filled + error``, where ``shared_m2`` was counted more than once, ``filled_m2`` is
        ground that nobody covered before (negative: ground given up), and ``error_m2`` what the books are off by.

    Raises
    ------
    GeometryError
        The layer is a control line, a feature would change by more than the limit, or nothing would be left of it;
        ``problems`` is the ledger of the step.
    SchemaError
        A step or way of merging is not known, or the column of priorities is missing.
    MissingDependencyError
        Overlaps are to be merged, and the installed GEOS cannot.

    Examples
    --------
    >>> layer = gpd.GeoDataFrame(
    ...     {"plot": ["a", "b"]},
    ...     geometry=[shapely.box(500000, 3320000, 500010, 3320010), shapely.box(500008, 3320004, 500012, 3320006)],
    ...     crs="EPSG:4548",
    ... )
    >>> mended, ledger = repair(layer, steps=["overlaps"], merge="largest", limit_share=0.5, method="planar")
    >>> mended.area.tolist(), ledger["change_m2"].tolist(), ledger["shared_m2"].tolist()[-1]
    ([100.0, 4.0], [-4.0, -4.0], 4.0)
    """
    options = _Options(
        merge, priority, gap_width_m, spike_angle, spike_length_m, limit_share, limit_m2, allow_loss, method
    )
    _refuse_unknown(layer, steps, options)
    what = line or "layer"
    _refuse_legal(layer, line, change_legal_line=change_legal_line)
    check_crs(layer, what=what)
    check_polygons(layer, what=what)
    work: dict[str, Callable[[gpd.GeoDataFrame, _Options], _Change]] = {
        "validity": _make_valid,
        "spikes": _take_spikes,
        "overlaps": _merge_overlaps,
        "gaps": _fill_gaps,
    }
    mended = layer.copy()
    ledgers: list[pd.DataFrame] = []
    for step in (name for name in get_args(Step) if name in steps):
        before = np.asarray(mended.geometry.array, dtype=object)
        if step != "validity":
            _refuse_invalid(before, mended, step, what)
        change = work[step](mended, options)
        ledger = _ledger(step, mended, before, change, options)
        _refuse_excess(ledger, step, what, options)
        ledgers.append(ledger)
        left = ~shapely.is_empty(change.geometry)
        column = gpd.GeoSeries(change.geometry, index=mended.index, crs=mended.crs, name=mended.geometry.name)
        mended = mended.set_geometry(column)[left]
    joined = pd.concat(ledgers, ignore_index=True) if ledgers else pd.DataFrame(columns=_COLUMNS)
    return mended, joined


# ------------------------------------------------------------------------------------------------------------ refusals


def _refuse_unknown(layer: gpd.GeoDataFrame, steps: Sequence[Step], options: _Options) -> None:
    unknown = [step for step in steps if step not in get_args(Step)]
    if unknown:
        message = f"steps {name_rows(unknown)} are not known; use {', '.join(get_args(Step))}"
        raise SchemaError(message)
    if options.merge not in _STRATEGY:
        message = f"merge={options.merge!r} is not known; use one of {', '.join(_STRATEGY)}"
        raise SchemaError(message)
    if options.priority is not None and options.priority not in layer.columns:
        message = f"the layer has no column {options.priority!r} to take priorities from"
        raise SchemaError(message)


def _refuse_legal(layer: gpd.GeoDataFrame, line: str | None, *, change_legal_line: bool) -> None:
    legal = line in control_lines() or {"feature_id", "subzone"} <= set(layer.columns)
    if legal and not change_legal_line:
        message = (
            f"{line or 'the layer'} is a control line: where it runs is law, and its vertices are not moved. Have it "
            "mended at its source, or pass change_legal_line=True if you are the one to do it"
        )
        raise GeometryError(message)


def _refuse_invalid(geometry: Geometries, layer: gpd.GeoDataFrame, step: str, what: str) -> None:
    bad = ~shapely.is_valid(geometry)
    if bad.any():
        message = (
            f"{what}: rows {name_rows(layer.index[bad])} are not valid, so that {step} would mean nothing; "
            "add the step 'validity'"
        )
        raise GeometryError(message, pd.DataFrame({"row": layer.index[bad]}))


def _refuse_excess(ledger: pd.DataFrame, step: str, what: str, options: _Options) -> None:
    features = ledger[ledger["feature_id"] != ""]
    gone = features[features["after_m2"] <= 0]
    if len(gone) and not options.allow_loss:
        message = (
            f"{what}: {step} would leave nothing of {name_rows(gone['feature_id'])}; decide about these yourself, "
            "or pass allow_loss=True"
        )
        raise GeometryError(message, ledger)
    far = features[
        (features["after_m2"] > 0)
        & ((features["share"].abs() > options.limit_share) | (features["change_m2"].abs() > options.limit_m2))
    ]
    if len(far):
        message = (
            f"{what}: {step} would change {name_rows(far['feature_id'])} by up to {far['share'].abs().max():.2%} "
            f"({far['change_m2'].abs().max():,.2f} m²), which is beyond the limit ({options.limit_share:.2%}, "
            f"{options.limit_m2:,.2f} m²); look at them first, then raise limit_share or limit_m2"
        )
        raise GeometryError(message, ledger)


# -------------------------------------------------------------------------------------------------------------- ledger


def _ledger(step: str, layer: gpd.GeoDataFrame, before: Geometries, change: _Change, options: _Options) -> pd.DataFrame:
    after = change.geometry
    told = layer["feature_id"] if "feature_id" in layer.columns else layer.index.to_series(index=layer.index)
    ids = told.astype(str).to_numpy()
    rows = np.array(sorted(change.reason), dtype=np.intp)
    was, now = (polygon_areas(side[rows], layer.crs, method=options.method) for side in (before, after))
    features = pd.DataFrame(
        {
            "step": step,
            "feature_id": ids[rows],
            "method": change.how,
            "reason": [change.reason[row] for row in rows],
            "before_m2": was,
            "after_m2": now,
            "change_m2": now - was,
            "share": np.divide(now - was, was, out=np.full(len(rows), np.inf), where=was > 0),
        },
        columns=_COLUMNS[:8],
    )
    return pd.concat([features, _balance(step, layer, before, change, options)], ignore_index=True)[_COLUMNS]


def _balance(
    step: str, layer: gpd.GeoDataFrame, before: Geometries, change: _Change, options: _Options
) -> pd.DataFrame:
    """Close the books over all features concerned: the ground they covered, and cover, measured as one piece."""
    some = np.union1d(change.concerned, np.array(sorted(change.reason), dtype=np.intp))
    start, end = before[some], change.geometry[some]
    if step == "validity":
        # what an invalid polygon covers is what its repair says it covers
        start = end

    def measured(geometry: Geometries) -> float:
        return float(polygon_areas(geometry, layer.crs, method=options.method).sum())

    def ground(geometry: Geometries) -> float:
        united = np.array([shapely.union_all(geometry)], dtype=object)
        return measured(united) if len(geometry) else 0.0

    was, now = measured(before[some]), measured(end)
    covered, covers = ground(start), ground(end)
    shared = 0.0 if step == "validity" else was - covered
    filled = now - was if step == "validity" else covers - covered
    row = {
        "step": step,
        "feature_id": "",
        "method": change.how,
        "reason": f"{len(some)} features concerned",
        "before_m2": was,
        "after_m2": now,
        "change_m2": now - was,
        "share": (now - was) / was if was else 0.0,
        "shared_m2": shared,
        "filled_m2": filled,
        "error_m2": now - (was - shared + filled),
    }
    return pd.DataFrame([row], columns=_COLUMNS)


def _changed(before: Geometries, after: Geometries, rows: Rows) -> Rows:
    """Keep the rows that cover other ground than before; a new vertex on an old edge is no change."""
    other = ~shapely.equals(before[rows], after[rows])
    return rows[other]


# --------------------------------------------------------------------------------------------------------------- steps


def _make_valid(layer: gpd.GeoDataFrame, options: _Options) -> _Change:  # noqa: ARG001 - every step is called alike
    geometry = np.asarray(layer.geometry.array, dtype=object).copy()
    rows = np.flatnonzero(~shapely.is_valid(geometry))
    reasons = [str(reason) for reason in np.atleast_1d(shapely.is_valid_reason(geometry[rows]))]
    geometry[rows] = polygonal(shapely.make_valid(geometry[rows], method="structure", keep_collapsed=False))
    return _Change(geometry, dict(zip(rows.tolist(), reasons, strict=True)), rows, "make_valid structure")


def _take_spikes(layer: gpd.GeoDataFrame, options: _Options) -> _Change:
    geometry = np.asarray(layer.geometry.array, dtype=object).copy()
    unit = metres_in(layer.crs, geometry)
    reason: dict[int, str] = {}
    some = np.arange(len(geometry))
    for _ in range(_ROUNDS):
        flat = shapely.transform(geometry[some], lambda xy: xy * unit)
        found = find_spikes(edges_of(flat), angle=options.spike_angle, length=options.spike_length_m)
        if not len(found.row):
            break
        spiked = np.unique(found.row)
        for each in spiked:
            row = int(some[each])
            tips = found.tip[found.row == each] / unit
            geometry[row] = _without(geometry[row], tips)
            reason[row] = f"spikes at {'; '.join(f'{x:.2f} {y:.2f}' for x, y in tips)}"
        some = some[spiked]
    rows = np.array(sorted(reason), dtype=np.intp)
    return _Change(geometry, reason, rows, f"tips below {options.spike_angle:g}° taken off")


def _without(shape: shapely.Geometry, tips: Numbers) -> shapely.Geometry:
    """Take vertices out of a polygon; what then crosses itself is made valid."""
    pieces = []
    for piece in shapely.get_parts(shape):
        rings = []
        for ring in shapely.get_rings(piece):
            xy = shapely.get_coordinates(ring)[:-1]
            away = np.abs(xy[:, None, :] - tips[None, :, :]).max(axis=2, initial=0.0)
            kept = xy[away.min(axis=1, initial=np.inf) > np.spacing(np.abs(xy).max()) * 4]
            if len(kept) > 2:  # noqa: PLR2004 - two corners hold no ground
                rings.append(kept)
            elif not rings:
                break
        if rings:
            pieces.append(shapely.Polygon(rings[0], rings[1:]))
    built = pieces[0] if len(pieces) == 1 else shapely.MultiPolygon(pieces)
    return polygonal(np.array([shapely.make_valid(built, method="structure", keep_collapsed=False)], dtype=object))[0]


def _merge_overlaps(layer: gpd.GeoDataFrame, options: _Options) -> _Change:
    geometry = np.asarray(layer.geometry.array, dtype=object).copy()
    faults = find_faults(geometry, gap_width=0.0)
    # neighbours whose common edge has vertices on one side only are given them on both
    concerned = np.unique(np.r_[faults.left, faults.right, faults.loose_rows])
    how = f"overlaps to {options.merge}"
    if not len(concerned):
        return _Change(geometry, {}, concerned, how)
    before = geometry.copy()
    partner: dict[int, list[str]] = {}
    for one, other in zip(faults.left.tolist(), faults.right.tolist(), strict=True):
        partner.setdefault(one, []).append(str(layer.index[other]))
        partner.setdefault(other, []).append(str(layer.index[one]))
    geometry = _cleaned(layer, geometry, concerned, options)
    reason = {
        int(row): f"shared ground with rows {name_rows(partner.get(int(row), []))}"
        for row in _changed(before, geometry, concerned)
    }
    return _Change(geometry, reason, concerned, how)


def _cleaned(
    layer: gpd.GeoDataFrame, geometry: Geometries, concerned: Rows, options: _Options, *, snap: float = 0.0
) -> Geometries:
    """Have GEOS share out ground that several features claim; neighbours come along to be given the new vertices."""
    if shapely.geos_version < _GEOS_WITH_CLEANING or not hasattr(shapely, "coverage_clean"):
        message = "merging overlaps needs shapely 2.2 or newer with GEOS 3.14 or newer: pip install -U shapely"
        raise MissingDependencyError(message)
    _, near = shapely.STRtree(geometry).query(geometry[concerned], predicate="intersects")
    some = np.union1d(concerned, near)
    if options.merge == "priority" and options.priority is not None:
        rank = layer[options.priority].to_numpy()[some]
        some = some[np.argsort(rank, kind="stable")]
    out = geometry.copy()
    strategy = _STRATEGY[options.merge]
    try:
        made = shapely.coverage_clean(geometry[some], snapping_distance=snap, merge_strategy=strategy)
    except shapely.errors.GEOSException as error:
        message = f"rows {name_rows(layer.index[some])} cannot be shared out: {error}; mend them one by one"
        raise GeometryError(message) from error
    out[some] = polygonal(made)
    return out


def _fill_gaps(layer: gpd.GeoDataFrame, options: _Options) -> _Change:
    geometry = np.asarray(layer.geometry.array, dtype=object).copy()
    unit = metres_in(layer.crs, geometry)
    flat = shapely.transform(geometry, lambda xy: xy * unit) if unit != (1.0, 1.0) else geometry
    gaps = find_faults(flat, gap_width=options.gap_width_m).gaps
    how = f"gaps up to {options.gap_width_m:g} m to {options.merge}"
    concerned = np.unique(np.concatenate([np.empty(0, dtype=np.intp), *gaps.rows]))
    if not len(gaps.rows):
        return _Change(geometry, {}, concerned, how)
    owner = _owners(layer, flat, gaps, options)
    seam = _SEAM_M / max(unit)
    ground = shapely.transform(gaps.geometry, lambda xy: xy / unit) if unit != (1.0, 1.0) else gaps.geometry
    reason: dict[int, str] = {}
    before = geometry.copy()
    for row in np.unique(owner):
        mine = np.flatnonzero(owner == row)
        others = np.setdiff1d(np.unique(np.concatenate([gaps.rows[each] for each in mine])), [row])
        wide = shapely.buffer(shapely.union_all(ground[mine]), seam, join_style="mitre")
        fitted = shapely.difference(wide, shapely.union_all(before[others]))
        geometry[row] = shapely.union(geometry[row], fitted)
        reason[int(row)] = f"{len(mine)} gaps of up to {gaps.width[mine].max():.3f} m"
    # both sides of an edge get the vertices that the other has
    matched = _cleaned(layer, polygonal(geometry), concerned, options, snap=seam)
    for row in _changed(before, matched, concerned):
        if shapely.area(shapely.symmetric_difference(before[row], matched[row])) > seam * shapely.length(matched[row]):
            reason.setdefault(int(row), "gap beside it filled")
    return _Change(matched, reason, concerned, how)


def _owners(layer: gpd.GeoDataFrame, flat: Geometries, gaps: Gaps, options: _Options) -> Rows:
    """Choose who gets each gap; of equals the first row."""
    owner = np.empty(len(gaps.rows), dtype=np.intp)
    area = shapely.area(flat)
    rank = np.arange(len(flat), dtype=float)
    if options.priority is not None:
        rank = layer[options.priority].rank(method="first").to_numpy(dtype=float)
    for gap, (ground, rows) in enumerate(zip(gaps.geometry, gaps.rows, strict=True)):
        if options.merge == "longest_border":
            close = shapely.buffer(flat[rows], _SEAM_M)
            worth = -shapely.length(shapely.intersection(shapely.boundary(ground), close)).round(6)
        else:
            worth = {"largest": -area, "smallest": area, "priority": rank}[options.merge][rows]
        owner[gap] = rows[np.argmin(worth)]
    return owner
