"""The smallest shift: where to move a site so that it is lawful, its shape and size kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ecozones.alternatives.case import ACCEPT, CLEARANCES_M, Case, missing_words, open_case, reasons
from ecozones.alternatives.obstacles import Obstacle, find_obstacle
from ecozones.area import AreaMethod, polygon_areas
from ecozones.overlay import Geometries, Numbers
from ecozones.placing import bring_to
from ecozones.plan import ZoningPlan
from ecozones.rulebook import Rulebook
from ecozones.vocab import verdict_dtype

# moves are looked for nearby first; each round looks this many times as far
_FIRST_REACH_M, _WIDER = 16.0, 4.0


def find_smallest_shift(
    sites: gpd.GeoDataFrame,
    plan: ZoningPlan,
    *,
    within_m: float = 500.0,
    accept: str = ACCEPT,
    on: dt.date | str | None = None,
    rules: Rulebook | str | None = None,
    lines: Iterable[str] | None = None,
    method: AreaMethod = "national",
) -> gpd.GeoDataFrame:
    """
    Find the shortest move that makes each site lawful, its shape and size kept.

    Parameters
    ----------
    sites
        Sites, as :func:`ecozones.check_sites` takes them.
    plan
        The plan.
    within_m
        How far a site may be moved. [m]
    accept
        The worst verdict to settle for; milder than ``"undetermined"``.
    on, rules, lines, method
        As in :func:`ecozones.check_sites`.

    Returns
    -------
    GeoDataFrame
        One row per site: ``site_id, name, activity, verdict_before, verdict_after, lines, rule_ids, citation`` (of what
        fails), ``dx_m, dy_m, distance_m`` (east, north and length of the move in the plane), ``bearing_deg`` (clockwise
        from grid north), ``clearance_m`` (distance kept from the ground where it may not be), ``left_m2`` (what is left
        of the overlap), ``area_m2`` (after the move), ``area_method``, ``reason``, ``reason_zh``, ``geometry`` (the
        site where it is lawful), in :attr:`ecozones.ZoningPlan.metric_crs`. A site that is lawful moves by nothing;
        numbers are NaN and the geometry is empty where no place was found, and the reason says so.

    Raises
    ------
    InputError
        `accept` is no verdict to settle for, or the sites cannot be checked.

    Notes
    -----
    The ground where a site may not be is what the control lines claim (or leave outside) with a verdict worse than
    `accept`, and all ground that the plan does not cover. Its sum with the mirrored site is the set of forbidden moves,
    built exactly, and the answer is the nearest free move. Touching is lawful. Every answer is checked again, with no
    slivers allowed for: where coordinates come from another plane, a clearance of at most a centimetre is kept until
    nothing is left of the overlap.

    Examples
    --------
    >>> from ecozones.testing import chessboard_plan, square_between
    >>> plan = chessboard_plan(red_line={"a1": "core"}, urban=["a1", "b1"])
    >>> shift = find_smallest_shift(square_between("a1", "b1"), plan, on="2026-06-01")
    >>> shift[["dx_m", "dy_m", "distance_m", "bearing_deg"]].round(3).values.tolist()
    [[250.0, 0.0, 250.0, 90.0]]
    """
    case = open_case(sites, plan, accept, on, rules, lines, method)
    n = len(case.shapes)
    waiting = np.flatnonzero(case.fails) if not case.missing else np.empty(0, dtype=np.intp)
    moves, clearance, left, after = _settle(case, _obstacles(case, waiting, within_m), within_m)
    moves[~case.fails] = 0.0
    clearance[~case.fails] = np.nan
    after[~case.fails] = case.verdicts["verdict"].to_numpy(dtype=object)[~case.fails]
    found = np.isfinite(moves[:, 0])
    drawn, _ = bring_to(sites, case.shapes.crs, what="sites")
    placed = np.full(n, shapely.Polygon(), dtype=object)
    placed[found] = _moved(drawn.geometry.to_numpy()[found], moves[found])
    reason, reason_zh = reasons(case)
    reason[~found] = f"no lawful place within {within_m:g} m"
    reason_zh[~found] = f"{within_m:g} 米范围内无合法位置"
    if case.missing:
        reason[case.fails], reason_zh[case.fails] = missing_words(case)
    distance = np.hypot(moves[:, 0], moves[:, 1])
    bearing = np.degrees(np.arctan2(moves[:, 0], moves[:, 1])) % 360
    ground = np.full(n, None, dtype=object)
    ground[found] = _moved(case.shapes.geometry.to_numpy()[found], moves[found])
    area = polygon_areas(ground, case.shapes.crs, method=method)
    table = case.table().assign(
        verdict_after=pd.Categorical(after, dtype=verdict_dtype()),
        dx_m=moves[:, 0],
        dy_m=moves[:, 1],
        distance_m=distance,
        bearing_deg=np.where(distance > 0, bearing, np.nan),
        clearance_m=clearance,
        left_m2=left,
        area_m2=np.where(area > 0, area, np.nan),
        area_method=method,
        reason=reason,
        reason_zh=reason_zh,
    )
    order = ["site_id", "name", "activity", "verdict_before", "verdict_after"]
    return gpd.GeoDataFrame(
        table[[*order, *(name for name in table.columns if name not in order)]], geometry=placed, crs=case.shapes.crs
    )


def _obstacles(case: Case, rows: np.ndarray, within_m: float) -> dict[int, Obstacle]:
    """Find the forbidden moves of sites, looking no farther than a free move is."""
    found: dict[int, Obstacle] = {}
    shapes = case.shapes.geometry.to_numpy()
    reach = min(_FIRST_REACH_M, within_m)
    while len(rows):
        # a clearance kept later needs a little more room
        reach_m = reach + 2 * CLEARANCES_M[-1]
        forbidden, _ = case.forbidden(rows, reach_m=reach_m)
        farther = []
        for row, ground in zip(rows.tolist(), forbidden, strict=True):
            obstacle = find_obstacle(shapes[row], ground, reach_m)
            step = obstacle.shortest()
            if step is not None and np.hypot(*step) <= reach:
                found[row] = obstacle
            else:
                farther.append(row)
        if reach >= within_m:
            break
        rows, reach = np.array(farther, dtype=np.intp), min(reach * _WIDER, within_m)
    return found


def _settle(
    case: Case, obstacles: dict[int, Obstacle], within_m: float
) -> tuple[Numbers, Numbers, Numbers, np.ndarray]:
    """Move each site as little as leaves nothing of it where it may not be, and check it there."""
    n, shapes = len(case.shapes), case.shapes.geometry.to_numpy()
    moves, clearance, left = np.full((n, 2), np.nan), np.full(n, np.nan), np.zeros(n)
    after = np.full(n, None, dtype=object)
    waiting = sorted(obstacles)
    for distance in CLEARANCES_M:
        steps = {row: step for row in waiting if (step := obstacles[row].shortest(clearance=distance)) is not None}
        rows = np.array([row for row, step in steps.items() if np.hypot(*step) <= within_m], dtype=np.intp)
        if not len(rows):
            break
        there = np.array([steps[row] for row in rows.tolist()])
        moved = _moved(shapes[rows], there)
        verdict, still = case.again(rows, moved, strict=True)
        good = verdict.cat.codes.to_numpy() <= case.limit
        if distance == CLEARANCES_M[-1]:
            # seams between polygons that were drawn to share an edge are slivers at any distance
            verdict, _ = case.again(rows, moved, strict=False)
            good = verdict.cat.codes.to_numpy() <= case.limit
        done = rows[good]
        moves[done], clearance[done], left[done] = there[good], distance, still[good]
        after[done] = verdict.to_numpy(dtype=object)[good]
        waiting = rows[~good].tolist()
    return moves, clearance, left, after


def _moved(shapes: Geometries, steps: Numbers) -> Geometries:
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    return np.asarray(shapely.set_coordinates(shapes.copy(), xy + steps[owner]), dtype=object)
