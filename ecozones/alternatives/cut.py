"""The smallest cut: what to take off a site so that the rest is lawful."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ecozones.alternatives.case import ACCEPT, missing_words, open_case, reasons
from ecozones.area import AreaMethod, polygon_areas
from ecozones.geometry import polygonal
from ecozones.overlay import Geometries
from ecozones.plan import ZoningPlan
from ecozones.rulebook import Rulebook
from ecozones.units import from_m2
from ecozones.vocab import verdict_dtype


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
    case = open_case(sites, plan, accept, on, rules, lines, method)
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
    reason, reason_zh = reasons(case)
    reason[gone], reason_zh[gone] = "no part of the site is lawful", "地块内无合法部分"
    reason[case.fails & flat] = "a line or a point has no area to cut; give its width"
    reason_zh[case.fails & flat] = "线或点没有面积可裁；请给出宽度"
    if case.missing:
        reason[rows], reason_zh[rows] = missing_words(case)
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
