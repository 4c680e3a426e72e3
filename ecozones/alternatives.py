"""The smallest lawful change: what to cut off a site that fails, where to move it, which route to take."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from collections.abc import Iterable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ecozones.area import AreaMethod, measure_length, polygon_areas
from ecozones.errors import SchemaError, name_rows
from ecozones.geometry import polygonal
from ecozones.lawful_ground import acceptable, ground_by_verdict, place_sites, unite_worse
from ecozones.overlay import Geometries, Numbers
from ecozones.placing import bring_to
from ecozones.plan import ZoningPlan
from ecozones.review import SiteReview
from ecozones.rulebook import Rulebook, load_rules
from ecozones.shifts import Obstacle, find_obstacle
from ecozones.siting import check_sites
from ecozones.units import from_m2, round_half_up
from ecozones.vocab import ControlLine, Language, verdict_dtype, verdict_words

ACCEPT = "state_council"

# distances to forbidden ground that are tried in turn, until nothing at all is left of the overlap: the first is none,
# the others make up for coordinates that were brought from another plane [m]
_CLEARANCES_M = (0.0, 1e-6, 1e-4, 1e-3, 1e-2)

# moves are looked for nearby first; each round looks this many times as far
_FIRST_REACH_M, _WIDER = 16.0, 4.0

# stretches of a route that lie closer than this are one crossing [m]
_TOGETHER_M = 1e-3

_STRUCTURES: dict[str, tuple[str, ...]] = {
    "surface": ("surface", "at grade", "路基", "地面", "明线"),
    "bridge": ("bridge", "viaduct", "elevated", "桥梁", "桥", "高架"),
    "tunnel": ("tunnel", "underground", "隧道", "地下", "隧洞"),
}


@dataclasses.dataclass(frozen=True, eq=False)
class _Case:
    """Sites that were checked, with all that is needed to ask further."""

    plan: ZoningPlan
    book: Rulebook
    review: SiteReview
    shapes: gpd.GeoDataFrame
    limit: int
    lines: tuple[str, ...]
    method: AreaMethod

    @property
    def verdicts(self) -> gpd.GeoDataFrame:
        return self.review.verdicts

    @functools.cached_property
    def fails(self) -> np.ndarray:
        return np.asarray(self.verdicts["verdict"].cat.codes.to_numpy() > self.limit)

    @functools.cached_property
    def missing(self) -> str:
        """Lines that were asked for and the plan lacks: no change of a site can make up for them."""
        absent = self.review.lines["relation"] == "not_checked"
        return ", ".join(self.review.lines.loc[absent, "line"].unique())

    def forbidden(self, rows: np.ndarray, *, reach_m: float) -> tuple[Geometries, pd.DataFrame]:
        """Unite the ground near some sites on which each may not be."""
        activity = self.verdicts["activity"].to_numpy(dtype=object)[rows]
        near = self.shapes.iloc[rows].reset_index(drop=True)
        ground = ground_by_verdict(near, activity, self.plan, self.lines, self.book, self.review.on, reach_m=reach_m)
        return unite_worse(ground, self.limit, len(rows)), ground

    def again(self, rows: np.ndarray, shapes: Geometries, *, strict: bool) -> tuple[pd.Series, Numbers]:
        """Check changed sites: the verdict of each, and how much of it stays on ground where it may not be."""
        changed = gpd.GeoDataFrame(
            {"site_id": rows, "activity": self.verdicts["activity"].to_numpy()[rows]},
            geometry=shapes,
            crs=self.shapes.crs,
        )
        tolerance = {"ignore_below_m2": 0.0, "ignore_narrower_m": 0.0} if strict else {}
        review = check_sites(
            changed, self.plan, on=self.review.on, rules=self.book, lines=self.lines, method=self.method, **tolerance
        )
        found = review.findings[review.findings["verdict"].cat.codes > self.limit]
        amount = found["area_m2"].fillna(found["length_m"]).fillna(1.0)
        left = amount.groupby(found["site_id"]).sum().reindex(rows, fill_value=0.0)
        return review.verdicts["verdict"], left.to_numpy(dtype=float)

    def table(self) -> pd.DataFrame:
        """Say of each site what it is, and why it fails."""
        verdicts, findings = self.verdicts, self.review.findings
        bad = findings[(findings["role"] == "decides") & (findings["verdict"].cat.codes > self.limit)]
        why = bad.groupby("site_id", sort=False)[["line", "rule_id", "citation"]].agg(_listed)
        why = why.reindex(verdicts["site_id"]).fillna("").reset_index(drop=True)
        return pd.DataFrame(
            {
                "site_id": verdicts["site_id"].to_numpy(),
                "name": verdicts["name"].to_numpy(),
                "activity": verdicts["activity"].to_numpy(),
                "verdict_before": verdicts["verdict"].array,
                "lines": why["line"],
                "rule_ids": why["rule_id"],
                "citation": why["citation"],
            }
        )


def _listed(values: pd.Series) -> str:
    return "; ".join(dict.fromkeys(value for value in values if value))


def _open(
    sites: gpd.GeoDataFrame,
    plan: ZoningPlan,
    accept: str,
    on: dt.date | str | None,
    rules: Rulebook | str | None,
    lines: Iterable[str] | None,
    method: AreaMethod,
) -> _Case:
    limit = acceptable(accept)
    book = rules if isinstance(rules, Rulebook) else load_rules(rules or "CN")
    review = check_sites(sites, plan, on=on, rules=book, lines=lines, method=method)
    asked = tuple(review.capsule["lines_checked"])
    return _Case(plan, book, review, place_sites(sites, plan), limit, asked, method)


def find_smallest_cut(
    sites: gpd.GeoDataFrame,
    plan: ZoningPlan,
    *,
    accept: str = ACCEPT,
    connected: bool = True,
    on: dt.date | str | None = None,
    rules: Rulebook | str | None = None,
    lines: Iterable[str] | None = None,
    method: AreaMethod = "national",
) -> gpd.GeoDataFrame:
    """
    Find the smallest cut that leaves each site lawful.

    Parameters
    ----------
    sites
        Sites, as :func:`ecozones.check_sites` takes them.
    plan
        The plan.
    accept
        The worst verdict to settle for; milder than ``"undetermined"``.
    connected
        Keep of every part of a site its largest lawful piece, which is the smallest cut that leaves the part in one
        piece; False keeps all lawful ground, in as many pieces as it comes.
    on, rules, lines, method
        As in :func:`ecozones.check_sites`.

    Returns
    -------
    GeoDataFrame
        One row per site: ``site_id, name, activity, verdict_before, verdict_after, lines, rule_ids, citation`` (of what
        fails), ``whole_m2, kept_m2, cut_m2, cut_mu, cut_share``, of the cut ``unlawful_m2`` and ``given_up_m2`` (lawful
        ground cut off with it), ``error_m2`` (kept and cut beside the whole), ``left_m2`` (of the kept, ground where
        the site may not be, slivers counted), ``cut_parts``, ``area_method``, ``reason``, ``reason_zh``, ``geometry``
        (what is kept) and ``cut``, both in :attr:`ecozones.ZoningPlan.metric_crs`. A site that is lawful is kept
        whole; areas are NaN for lines and points, which have none to cut.

    Raises
    ------
    InputError
        `accept` is no verdict to settle for, or the sites cannot be checked.

    Examples
    --------
    >>> from ecozones.testing import chessboard_plan, square_between
    >>> plan = chessboard_plan(red_line={"a1": "core"}, urban=["a1", "b1"])
    >>> cut = find_smallest_cut(square_between("a1", "b1"), plan, on="2026-06-01")
    >>> cut[["verdict_before", "verdict_after", "lines"]].values.tolist(), round(float(cut.cut_share.iloc[0]), 6)
    ([['prohibited', 'conditional', 'ecological_red_line']], 0.5)
    """
    case = _open(sites, plan, accept, on, rules, lines, method)
    whole = case.shapes.geometry.to_numpy()
    flat = shapely.get_dimensions(whole) < 2  # noqa: PLR2004
    rows = np.flatnonzero(case.fails & ~flat)
    forbidden, _ = case.forbidden(rows, reach_m=0.0)
    if case.missing:
        forbidden = whole[rows]
    kept = whole.copy()
    lawful = polygonal(shapely.difference(whole[rows], forbidden))
    kept[rows] = _largest(whole[rows], lawful) if connected else lawful
    cut = np.full(len(whole), shapely.Polygon(), dtype=object)
    cut[rows] = polygonal(shapely.difference(whole[rows], kept[rows]))

    after = case.verdicts["verdict"].to_numpy(dtype=object).copy()
    left = np.zeros(len(whole))
    some = rows[~shapely.is_empty(kept[rows])]
    gone = np.setdiff1d(rows, some)
    if len(some):
        verdict, _ = case.again(some, kept[some], strict=False)
        _, left[some] = case.again(some, kept[some], strict=True)
        after[some] = verdict.to_numpy(dtype=object)
    after[gone] = None
    area = functools.partial(polygon_areas, crs=case.shapes.crs, method=method)
    whole_m2, kept_m2, cut_m2 = (np.where(flat, np.nan, area(part)) for part in (whole, kept, cut))
    given_up = np.zeros(len(whole))
    given_up[rows] = area(polygonal(shapely.difference(lawful, kept[rows])))
    reason, reason_zh = _reasons(case)
    reason[gone], reason_zh[gone] = "no part of the site is lawful", "地块内无合法部分"
    reason[case.fails & flat] = "a line or a point has no area to cut; give its width"
    reason_zh[case.fails & flat] = "线或点没有面积可裁；请给出宽度"
    if case.missing:
        reason[rows], reason_zh[rows] = _missing_words(case)
    table = case.table().assign(
        verdict_after=pd.Categorical(after, dtype=verdict_dtype()),
        whole_m2=whole_m2,
        kept_m2=kept_m2,
        cut_m2=cut_m2,
        cut_mu=from_m2(cut_m2, "mu"),
        cut_share=np.divide(cut_m2, whole_m2, out=np.full(len(whole), np.nan), where=whole_m2 > 0),
        unlawful_m2=cut_m2 - given_up,
        given_up_m2=np.where(flat, np.nan, given_up),
        error_m2=kept_m2 + cut_m2 - whole_m2,
        left_m2=left,
        cut_parts=shapely.get_num_geometries(cut) * ~shapely.is_empty(cut),
        area_method=method,
        reason=reason,
        reason_zh=reason_zh,
        cut=gpd.GeoSeries(cut, crs=case.shapes.crs),
    )
    order = ["site_id", "name", "activity", "verdict_before", "verdict_after"]
    return gpd.GeoDataFrame(
        table[[*order, *(name for name in table.columns if name not in order)]], geometry=kept, crs=case.shapes.crs
    )


def _largest(whole: Geometries, lawful: Geometries) -> Geometries:
    """Keep of every part of each shape the largest lawful piece."""
    out = np.empty(len(whole), dtype=object)
    for row, (shape, fair) in enumerate(zip(whole, lawful, strict=True)):
        pieces = shapely.get_parts(fair)
        parts = shapely.get_parts(shape)
        inside = shapely.intersects(parts[:, None], shapely.point_on_surface(pieces)[None, :])
        area = np.where(inside, shapely.area(pieces)[None, :], -1.0)
        best = [pieces[int(sizes.argmax())] for sizes in area if len(sizes) and sizes.max() > 0]
        out[row] = best[0] if len(best) == 1 else shapely.MultiPolygon(best)
    return out


def _reasons(case: _Case) -> tuple[np.ndarray, np.ndarray]:
    fails = case.fails
    return (
        np.where(fails, "", "lawful as it stands").astype(object),
        np.where(fails, "", "现状即合规").astype(object),
    )


def _missing_words(case: _Case) -> tuple[str, str]:
    names = [case.plan.control_lines[line].zh for line in case.missing.split(", ")]
    return f"the plan lacks {case.missing}: no change can settle that", f"规划缺少{'、'.join(names)}图层，调整无从判定"


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
    case = _open(sites, plan, accept, on, rules, lines, method)
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
    reason, reason_zh = _reasons(case)
    reason[~found] = f"no lawful place within {within_m:g} m"
    reason_zh[~found] = f"{within_m:g} 米范围内无合法位置"
    if case.missing:
        reason[case.fails], reason_zh[case.fails] = _missing_words(case)
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


def _obstacles(case: _Case, rows: np.ndarray, within_m: float) -> dict[int, Obstacle]:
    """Find the forbidden moves of sites, looking no farther than a free move is."""
    found: dict[int, Obstacle] = {}
    shapes = case.shapes.geometry.to_numpy()
    reach = min(_FIRST_REACH_M, within_m)
    while len(rows):
        # a clearance kept later needs a little more room
        reach_m = reach + 2 * _CLEARANCES_M[-1]
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
    case: _Case, obstacles: dict[int, Obstacle], within_m: float
) -> tuple[Numbers, Numbers, Numbers, np.ndarray]:
    """Move each site as little as leaves nothing of it where it may not be, and check it there."""
    n, shapes = len(case.shapes), case.shapes.geometry.to_numpy()
    moves, clearance, left = np.full((n, 2), np.nan), np.full(n, np.nan), np.zeros(n)
    after = np.full(n, None, dtype=object)
    waiting = sorted(obstacles)
    for distance in _CLEARANCES_M:
        steps = {row: step for row in waiting if (step := obstacles[row].shortest(clearance=distance)) is not None}
        rows = np.array([row for row, step in steps.items() if np.hypot(*step) <= within_m], dtype=np.intp)
        if not len(rows):
            break
        there = np.array([steps[row] for row in rows.tolist()])
        moved = _moved(shapes[rows], there)
        verdict, still = case.again(rows, moved, strict=True)
        good = verdict.cat.codes.to_numpy() <= case.limit
        if distance == _CLEARANCES_M[-1]:
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


def compare_routes(
    routes: gpd.GeoDataFrame,
    plan: ZoningPlan,
    *,
    structure: str = "structure",
    on: dt.date | str | None = None,
    rules: Rulebook | str | None = None,
    lines: Iterable[str] | None = None,
    method: AreaMethod = "national",
) -> pd.DataFrame:
    """
    Compare alternatives of a linear work by what each crosses.

    Parameters
    ----------
    routes
        Lines, one row per section: ``route_id`` names the alternative; ``activity`` says what is built, ``width_m``
        how wide a strip it takes [m], and a column of structures how it is carried: ``"surface"``, ``"bridge"`` or
        ``"tunnel"`` (also 路基, 桥梁, 隧道); left out or empty: on the surface.
    plan
        The plan.
    structure
        Name of the column of structures.
    on, rules, lines, method
        As in :func:`ecozones.check_sites`.

    Returns
    -------
    DataFrame
        One row per alternative and ground, by ``level``: ``"subzone"`` (each sub-zone of each line; also the ground
        outside a line where the rules speak of it, and ground that the plan does not cover), ``"line"`` (all that a
        line claims) and ``"route"`` (all that any line claims), ground counted once in each. Columns: ``route_id,
        level, line, subzone, ground`` (claimed, outside, uncovered), ``crossings`` (connected stretches),
        ``length_m``, ``surface_m, bridge_m, tunnel_m``, ``structure_share`` (in bridge or tunnel), ``area_m2,
        area_ha`` (of the strip; NaN without a width), ``surface_area_m2`` (of sections on the surface), ``whole_m``
        (length of the alternative), ``share`` (of it), ``verdict`` (the worst), ``rule_ids, citation, requires``,
        ``area_method``. A line that an alternative does not cross has a row of zeros.

    Raises
    ------
    SchemaError
        A column is missing, a structure is not known, or a geometry is no line.

    Examples
    --------
    >>> from ecozones.testing import BOARD_CRS, chessboard_plan
    >>> plan = chessboard_plan(red_line=["b1"])
    >>> west, south = plan.extent.total_bounds[:2]
    >>> straight = shapely.LineString([(west + 500, south + 500), (west + 2500, south + 500)])
    >>> routes = gpd.GeoDataFrame({"route_id": ["A"], "activity": ["linear_infra"]}, geometry=[straight], crs=BOARD_CRS)
    >>> table = compare_routes(routes, plan, on="2026-06-01").query("level == 'line'").set_index("line")
    >>> table.loc["ecological_red_line", ["crossings", "length_m"]].round(1).tolist()
    [1.0, 1000.0]
    """
    sections = _sections(routes, structure)
    book = rules if isinstance(rules, Rulebook) else load_rules(rules or "CN")
    ask = functools.partial(check_sites, plan=plan, rules=book, lines=lines, method=method)
    axis = ask(sections.drop(columns="width_m"), on=on)
    corridors = sections[sections["width_m"] > 0]
    taken = ask(corridors, on=axis.on).findings if len(corridors) else axis.findings.iloc[:0]
    found = _along(axis.findings, sections, plan)
    ground = _along(taken, sections, plan)
    whole = pd.Series(measure_length(sections.geometry.to_numpy(), sections.crs), index=sections["route_id"])
    whole = whole.groupby(level=0, sort=False).sum()
    wide = sections.groupby("route_id", sort=False)["width_m"].agg(lambda width: bool((width > 0).any()))
    measure = functools.partial(_measure_ground, crs=plan.crs, method=method)
    checked = [line for line in axis.capsule["lines_checked"] if line in plan]
    rows = []
    for route in whole.index:
        here, strips = found[found["route_id"] == route], ground[ground["route_id"] == route]
        for line in axis.capsule["lines_checked"]:
            mine, mine_strips = here[here["line"] == line], strips[strips["line"] == line]
            keys = pd.concat([mine, mine_strips])[["subzone", "ground"]].drop_duplicates()
            for zone, kind in keys.itertuples(index=False):
                both = [part[(part["subzone"] == zone) & (part["ground"] == kind)] for part in (mine, mine_strips)]
                rows.append({"level": "subzone", "line": line, "subzone": zone, "ground": kind} | measure(*both))
            if line in checked:
                both = [part[part["ground"] == "claimed"] for part in (mine, mine_strips)]
                rows.append({"level": "line", "line": line, "subzone": "", "ground": "claimed"} | measure(*both))
        both = [part[part["ground"] == "claimed"] for part in (here, strips)]
        rows.append({"level": "route", "line": "", "subzone": "", "ground": "claimed"} | measure(*both))
        worst = pd.concat([here, strips])["verdict"].max()
        rows[-1]["verdict"] = "clear" if pd.isna(worst) else worst
        for row in rows:
            row.setdefault("route_id", route)
    table = pd.DataFrame(rows)
    whole_m = whole.reindex(table["route_id"]).to_numpy()
    unmeasured = ~wide.reindex(table["route_id"]).to_numpy()
    table.loc[unmeasured, ["area_m2", "surface_area_m2"]] = np.nan
    table = table.assign(
        whole_m=whole_m,
        share=table["length_m"] / whole_m,
        area_ha=from_m2(table["area_m2"], "ha"),
        verdict=table["verdict"].astype(verdict_dtype()),
        area_method=method,
    )
    return table[_ROUTE_COLUMNS]


_ROUTE_COLUMNS = [
    "route_id", "level", "line", "subzone", "ground", "crossings", "length_m", "surface_m", "bridge_m", "tunnel_m",
    "structure_share", "area_m2", "area_ha", "surface_area_m2", "whole_m", "share", "verdict", "rule_ids", "citation",
    "requires", "area_method",
]  # fmt: skip


def describe_routes(table: pd.DataFrame, plan: ZoningPlan, *, language: Language = "zh") -> str:
    """
    Put a comparison of routes in words, as an argument about unavoidable crossings needs it.

    Parameters
    ----------
    table
        As :func:`compare_routes` gives it.
    plan
        The plan that was asked.
    language
        ``"zh"`` or ``"en"``.

    Returns
    -------
    str
        One sentence per alternative, with figures of the table only, then for each line whether every alternative
        listed crosses it, and which sections leave the ground that the plan covers. That alternatives which are not
        listed would cross a line too, no table can show, and the text does not say.

    Examples
    --------
    >>> from ecozones.testing import BOARD_CRS, chessboard_plan
    >>> plan = chessboard_plan(red_line=["b1"])
    >>> west, south = plan.extent.total_bounds[:2]
    >>> axis = shapely.LineString([(west + 500, south + 500), (west + 2500, south + 500)])
    >>> routes = gpd.GeoDataFrame({"route_id": ["A"], "activity": ["linear_infra"]}, geometry=[axis], crs=BOARD_CRS)
    >>> print(describe_routes(compare_routes(routes, plan, on="2026-06-01"), plan, language="en").splitlines()[0])
    A: 2.000 km; ecological protection red line crossed 1 time over 1.000 km; worst verdict: ...
    """
    said = []
    claims = table[table["level"] == "line"]
    for total in _rows(table[table["level"] == "route"]):
        crossed = claims[(claims["route_id"] == total.route_id) & (claims["crossings"] > 0)]
        parts = [_crossing_words(row, plan, language) for row in _rows(crossed)]
        verdict = verdict_words()[str(total.verdict)].label(language)
        length = _km(total.whole_m)
        if language == "zh":
            met = "，".join(parts) or "不涉及各控制线"
            said.append(f"{total.route_id}：全长{length}公里；{met}；最严结论：{verdict}。")
        else:
            said.append(
                f"{total.route_id}: {length} km; {'; '.join(parts) or 'no line crossed'}; worst verdict: {verdict}."
            )
    beyond = table[table["ground"] == "uncovered"].groupby(["line", "route_id"])["length_m"].sum()
    for line, rows in claims.groupby("line", sort=False):
        unknown = pd.Series([beyond.get((line, route), 0.0) for route in rows["route_id"]], index=rows.index)
        said.append(_choice_words(rows, unknown, plan.control_lines[str(line)], language))
    absent = [plan.control_lines[str(line)] for line in table["line"].unique() if line and line not in plan]
    for word in absent:
        told = {
            "zh": f"{word.zh}：规划缺少该图层，无从判定。",
            "en": f"{word.en}: the plan has no such layer; not known.",
        }
        said.append(told[language])
    return "\n".join(said)


def _rows(table: pd.DataFrame) -> Iterable[Any]:
    return table.itertuples()


def _crossing_words(row: Any, plan: ZoningPlan, language: Language) -> str:  # noqa: ANN401 - a row of a table
    word, carried = plan.control_lines[row.line], row.bridge_m + row.tunnel_m
    if language == "zh":
        text = f"穿越{word.zh}{row.crossings}处、{_km(row.length_m)}公里"
        text += f"（其中桥梁、隧道{_km(carried)}公里，占{_percent(row.structure_share)}%）" if carried > 0 else ""
        taken = f"，廊道{_ha(row.area_m2)}公顷，其中地面段{_ha(row.surface_area_m2)}公顷"
        return text + (taken if row.area_m2 > 0 else "")
    text = f"{word.en} crossed {row.crossings} time{'s' if row.crossings > 1 else ''} over {_km(row.length_m)} km"
    share = f" ({_km(carried)} km or {_percent(row.structure_share)} % of it in bridges or tunnels)"
    text += share if carried > 0 else ""
    taken = f", corridor {_ha(row.area_m2)} ha, of which {_ha(row.surface_area_m2)} ha on the surface"
    return text + (taken if row.area_m2 > 0 else "")


def _choice_words(rows: pd.DataFrame, unknown_m: pd.Series, word: ControlLine, language: Language) -> str:
    """Say whether every alternative listed crosses a line, and which crosses least of it."""
    names = rows["route_id"].astype(str)
    missed = rows["crossings"] == 0
    free, unclear = list(names[missed & (unknown_m == 0)]), list(names[missed & (unknown_m > 0)])
    lengths = rows.set_index("route_id")["length_m"]
    n, least, least_km = len(rows), lengths.idxmin(), _km(float(lengths.min()))
    zh, en = f"{word.zh}：所列{n}个方案", f"{word.en}: "
    if free:
        zh += f"中“{'”“'.join(free)}”不穿越，所列方案不能说明其不可避让"
        en += f"avoided by {', '.join(free)} of {n} listed; the list does not show that it is unavoidable"
    elif unclear:
        zh += f"中“{'”“'.join(unclear)}”未见穿越，但有规划未覆盖路段，无从判定"
        en += f"not seen on {', '.join(unclear)} of {n} listed, which leave the ground that the plan covers: not known"
    else:
        zh += f"均穿越，穿越最短的是“{least}”（{least_km}公里）"
        en += f"crossed by every alternative of {n} listed, the least by {least} ({least_km} km)"
    if (unknown_m > 0).any() and not (unclear and not free):
        far = ", ".join(f"{name} {_km(length)} km" for name, length in zip(names, unknown_m, strict=True) if length > 0)
        zh += f"；规划未覆盖路段：{far}"
        en += f"; beyond the ground that the plan covers: {far}"
    return f"{zh}。" if language == "zh" else f"{en}."


def _km(metres: float) -> str:
    return f"{float(round_half_up(metres / 1000, 3)):.3f}"


def _ha(square_metres: float) -> str:
    return f"{float(round_half_up(from_m2(square_metres, 'ha'), 4)):.4f}"


def _percent(share: float) -> str:
    return f"{float(round_half_up(100 * share, 1)):.1f}"


def _sections(routes: gpd.GeoDataFrame, structure: str) -> gpd.GeoDataFrame:
    """Check the sections of routes, and give each an id of its own."""
    if "route_id" not in routes.columns or routes["route_id"].isna().any():
        message = "routes needs a column 'route_id' that names the alternative of every section"
        raise SchemaError(message)
    lineal = (shapely.get_dimensions(routes.geometry.to_numpy()) == 1) & ~shapely.is_empty(routes.geometry.to_numpy())
    if not lineal.all():
        message = f"routes: rows {name_rows(routes.index[~lineal])} are no lines; give the axis and its width_m"
        raise SchemaError(message)
    known = {word: name for name, words in _STRUCTURES.items() for word in words} | {"": "surface"}
    stated = routes[structure] if structure in routes.columns else pd.Series("", index=routes.index)
    words = stated.map(lambda value: "" if pd.isna(value) else str(value).strip().lower())
    strange = ~words.isin(list(known))
    if strange.any():
        message = (
            f"routes: {structure} {name_rows(words[strange].unique())} not known (rows "
            f"{name_rows(routes.index[strange])}); write {', '.join(_STRUCTURES)}"
        )
        raise SchemaError(message)
    width = routes["width_m"] if "width_m" in routes.columns else pd.Series(np.nan, index=routes.index)
    columns = {
        "site_id": np.arange(len(routes)).astype(str),
        "route_id": routes["route_id"].to_numpy(),
        "structure": words.map(known).to_numpy(),
        "activity": routes["activity"].to_numpy() if "activity" in routes.columns else None,
        "width_m": pd.to_numeric(width, errors="coerce").to_numpy(dtype=float),
    }
    return gpd.GeoDataFrame(columns, geometry=routes.geometry.to_numpy(), crs=routes.crs)


def _along(findings: gpd.GeoDataFrame, sections: gpd.GeoDataFrame, plan: ZoningPlan) -> gpd.GeoDataFrame:
    """Give what decides along routes, with the route and the structure of each stretch."""
    kept = findings[findings["role"] == "decides"]
    named = kept.merge(pd.DataFrame(sections[["site_id", "route_id", "structure"]]), on="site_id")
    outside = {line: word.complement for line, word in plan.control_lines.items() if word.complement}
    kind = np.where(
        named["feature_ids"] != "",
        "claimed",
        np.where((named["subzone"] != "") & (named["subzone"] == named["line"].map(outside)), "outside", "uncovered"),
    )
    return gpd.GeoDataFrame(named.assign(ground=kind), geometry="geometry", crs=findings.crs)


def _measure_ground(
    axis: gpd.GeoDataFrame, strip: gpd.GeoDataFrame, *, crs: object, method: AreaMethod
) -> dict[str, object]:
    """Count and measure the stretches of a route on some ground, ground counted once."""
    length = {name: float(measure_length(_one(axis[axis["structure"] == name]), crs)[0]) for name in _STRUCTURES}
    total = float(measure_length(_one(axis), crs)[0])
    stretches = shapely.union_all(shapely.buffer(axis.geometry.to_numpy(), _TOGETHER_M, quad_segs=1))
    said = pd.concat([axis, strip])
    worst = said["verdict"].max()
    carried = length["bridge"] + length["tunnel"]
    return {
        "crossings": 0 if stretches.is_empty else int(shapely.get_num_geometries(stretches)),
        "length_m": total,
        "surface_m": length["surface"],
        "bridge_m": length["bridge"],
        "tunnel_m": length["tunnel"],
        "structure_share": carried / total if total > 0 else np.nan,
        "area_m2": float(polygon_areas(_one(strip), crs, method=method)[0]),
        "surface_area_m2": float(polygon_areas(_one(strip[strip["structure"] == "surface"]), crs, method=method)[0]),
        "verdict": "clear" if pd.isna(worst) else worst,
        "rule_ids": _listed(said["rule_id"]),
        "citation": _listed(said["citation"]),
        "requires": _listed(said["requires"]),
    }


def _one(found: gpd.GeoDataFrame) -> Geometries:
    # parts that touch may overlap by a hair once they stand in another plane: each is valid, not always all together
    parts = shapely.get_parts(found.geometry.to_numpy())
    broken = ~shapely.is_valid(parts)
    parts[broken] = polygonal(shapely.make_valid(parts[broken], method="structure", keep_collapsed=False))
    return np.array([shapely.union_all(parts)], dtype=object)
