"""Which ground near a site has which verdict: the plan as one activity sees it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ecozones import overlay
from ecozones.errors import InputError
from ecozones.geometry import polygonal
from ecozones.placing import bring_to
from ecozones.plan import ZoningPlan
from ecozones.rulebook import Rulebook
from ecozones.vocab import verdict_words

# What taking one layer from another leaves along edges they share is no ground, up to this width. [m]
_SEAM_M = 2e-3

# ground is fetched this much farther than it is asked for, so that no edge of a window is taken for one of a line [m]
_MARGIN_M = 2.0

_UNDETERMINED = "undetermined"


def severity(verdict: str) -> int:
    """
    Rank a verdict, 0 for the mildest.

    Parameters
    ----------
    verdict
        Id of a verdict.

    Returns
    -------
    int
        Its place in the order of verdicts.

    Examples
    --------
    >>> severity("clear") < severity("state_council") < severity("prohibited")
    True
    """
    return list(verdict_words()).index(verdict)


def acceptable(verdict: str) -> int:
    """
    Rank the worst verdict that somebody would accept.

    Parameters
    ----------
    verdict
        Id of a verdict milder than ``"undetermined"``: what nobody can judge cannot be accepted.

    Returns
    -------
    int
        Its place in the order of verdicts.

    Raises
    ------
    InputError
        The verdict is not known, or no route of approval.

    Examples
    --------
    >>> acceptable("allowed")
    1
    """
    routes = [word for word in verdict_words() if severity(word) < severity(_UNDETERMINED)]
    if verdict not in routes:
        message = f"accept={verdict!r} is no verdict to settle for; choose one of {', '.join(routes)}"
        raise InputError(message)
    return routes.index(verdict)


def place_sites(sites: gpd.GeoDataFrame, plan: ZoningPlan) -> gpd.GeoDataFrame:
    """
    Bring sites to the plane of the plan, lines with a width as the ground they take.

    Parameters
    ----------
    sites
        Sites that have been checked.
    plan
        The plan.

    Returns
    -------
    GeoDataFrame
        Valid shapes in :attr:`ecozones.ZoningPlan.metric_crs`, in the order of the sites; no other columns.
    """
    flat, _ = bring_to(sites, plan.metric_crs, what="sites")
    shapes = _valid(flat.geometry.to_numpy())
    if "width_m" in sites.columns:
        width = pd.to_numeric(sites["width_m"], errors="coerce").to_numpy(dtype=float)
        wide = (shapely.get_dimensions(shapes) == 1) & (width > 0)
        shapes[wide] = shapely.buffer(
            shapes[wide], width[wide] / 2, cap_style="flat", join_style="mitre", mitre_limit=2.0
        )
    return gpd.GeoDataFrame(geometry=shapes, crs=flat.crs)


def ground_by_verdict(
    shapes: gpd.GeoDataFrame,
    activity: Sequence[str | None],
    plan: ZoningPlan,
    lines: Iterable[str],
    rules: Rulebook,
    day: dt.date,
    *,
    reach_m: float,
) -> pd.DataFrame:
    """
    Give the ground around each shape by the verdict that its activity has there.

    Parameters
    ----------
    shapes
        Shapes in the metric plane of the plan.
    activity
        What is to be done, one for each shape; None where nobody said.
    plan, lines, rules, day
        What to ask; lines that the plan lacks are passed over.
    reach_m
        How far around the bounds of each shape to look. [m]

    Returns
    -------
    DataFrame
        One row per shape, line and verdict other than clear: ``shape`` (row), ``line``, ``severity`` (rank of the
        verdict) and ``geometry``, in the CRS of the shapes, the ground of a line under the verdict; ground that
        polygons of several verdicts claim is in each of them. Uncovered ground is undetermined.
    """
    bounds = shapely.bounds(shapes.geometry.to_numpy())
    margin = reach_m + _MARGIN_M
    boxes = shapely.box(bounds[:, 0] - margin, bounds[:, 1] - margin, bounds[:, 2] + margin, bounds[:, 3] + margin)
    windows = gpd.GeoDataFrame(geometry=boxes, crs=shapes.crs)
    asked = ["" if isinstance(name, float) or name is None else str(name) for name in activity]
    tables = [
        _line_ground(windows, asked, plan, line, _verdicts(line, plan, rules, day)).assign(line=line)
        for line in lines
        if line in plan
    ]
    columns = ["shape", "line", "severity", "geometry"]
    if not tables:
        return pd.DataFrame(columns=columns)
    return pd.concat(tables, ignore_index=True)[columns]


def unite_worse(ground: pd.DataFrame, worse_than: int | np.ndarray, n_shapes: int) -> overlay.Geometries:
    """
    Unite the ground around each shape whose verdict is worse than one.

    Parameters
    ----------
    ground
        As :func:`ground_by_verdict` gives it.
    worse_than
        Rank of a verdict; one for all, or one for each shape.
    n_shapes
        Number of shapes.

    Returns
    -------
    ndarray
        One polygon or multipolygon a shape, empty where there is no such ground.
    """
    limit = np.broadcast_to(np.asarray(worse_than), (n_shapes,))
    shape = ground["shape"].to_numpy(dtype=np.intp)
    chosen = ground["severity"].to_numpy(dtype=np.intp) > limit[shape]
    return _united(ground["geometry"].to_numpy(dtype=object)[chosen], shape[chosen], n_shapes)


def _valid(shapes: overlay.Geometries) -> overlay.Geometries:
    """Mend polygons, which another plane may have folded by a hair."""
    out = shapes.copy()
    broken = (shapely.get_dimensions(shapes) == 2) & ~shapely.is_valid(shapes)  # noqa: PLR2004
    out[broken] = polygonal(shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False))
    return out


def _united(geometry: overlay.Geometries, group: overlay.Rows, n_groups: int) -> overlay.Geometries:
    united = overlay.unite(geometry, group, n_groups)
    united[np.array([one is None for one in united], dtype=bool)] = shapely.Polygon()
    return polygonal(united)


def _verdicts(line: str, plan: ZoningPlan, rules: Rulebook, day: dt.date) -> dict[tuple[str, str], int]:
    """Rank what the rules say of each sub-zone and activity; rules that do not know a line say nothing."""
    if line not in {known.id for known in rules.lines}:
        word = plan.control_lines[line]
        zones = ["", *(zone.id for zone in word.subzones)]
        named = ["", *(known.id for known in rules.activities)]
        return {(zone, activity): severity(_UNDETERMINED) for zone in zones for activity in named}
    table = rules.decision_table(day, [line])
    ranks = table["verdict"].cat.codes.to_numpy()
    return dict(zip(zip(table["subzone"], table["activity"], strict=True), map(int, ranks), strict=True))


def _line_ground(
    windows: gpd.GeoDataFrame,
    activity: list[str],
    plan: ZoningPlan,
    line: str,
    verdicts: dict[tuple[str, str], int],
) -> pd.DataFrame:
    frame, n = plan.lines[line], len(windows)
    unknown = severity(_UNDETERMINED)
    there, _ = bring_to(windows, frame.crs, what="windows")
    met = overlay.meet(there.geometry.to_numpy(), plan.pieces(line))
    real = ~shapely.is_empty(met.geometry)
    shape = met.shape[real]
    found, _ = bring_to(gpd.GeoDataFrame(geometry=met.geometry[real], crs=frame.crs), windows.crs, what=line)
    claimed = _valid(found.geometry.to_numpy())
    zones = frame["subzone"].fillna("").to_numpy(dtype=object)[met.feature[real]]
    ranks = [verdicts.get((zone, activity[row]), unknown) for zone, row in zip(zones, shape.tolist(), strict=True)]
    rows = [pd.DataFrame({"shape": shape, "severity": ranks, "geometry": pd.Series(claimed, dtype=object)})]

    known = _covered(windows, plan, line)
    word = plan.control_lines[line].complement
    outside = [verdicts.get((word, name), unknown) if word else 0 for name in activity]
    for ground, rank in ((shapely.difference(windows.geometry.to_numpy(), known), [unknown] * n), (known, outside)):
        # taking all claims away is work, and mostly there is nothing to take them from
        asked = np.flatnonzero(~shapely.is_empty(ground) & (np.array(rank) > 0))
        row = np.full(n, -1)
        row[asked] = np.arange(len(asked))
        mine = row[shape] >= 0
        taken = _united(claimed[mine], row[shape[mine]], len(asked))
        left = _without_seams(polygonal(shapely.difference(ground[asked], taken)))
        table = pd.DataFrame({"shape": asked, "severity": np.array(rank)[asked], "geometry": left})
        rows.append(table[~shapely.is_empty(left)])
    table = pd.concat(rows, ignore_index=True)
    table = table[table["severity"] > 0]
    keys, group = np.unique(table[["shape", "severity"]].to_numpy(dtype=np.intp), axis=0, return_inverse=True)
    united = _united(table["geometry"].to_numpy(dtype=object), group.ravel(), len(keys))
    return pd.DataFrame({"shape": keys[:, 0], "severity": keys[:, 1], "geometry": pd.Series(united, dtype=object)})


def _covered(windows: gpd.GeoDataFrame, plan: ZoningPlan, line: str) -> overlay.Geometries:
    """Give the part of each window that the plan speaks of."""
    if plan.ground(line) is None:
        return np.full(len(windows), shapely.Polygon(), dtype=object)
    met = overlay.meet(windows.geometry.to_numpy(), plan.ground_pieces(line, windows.crs))
    return _united(met.geometry, met.shape, len(windows))


def _without_seams(ground: overlay.Geometries) -> overlay.Geometries:
    """Close the hair-thin gaps between polygons that were drawn to share an edge."""
    out = ground.copy()
    full = ~shapely.is_empty(ground)
    options = {"join_style": "mitre", "mitre_limit": 10.0}
    thinner = shapely.buffer(ground[full], -_SEAM_M / 2, **options)
    out[full] = shapely.intersection(shapely.buffer(thinner, _SEAM_M / 2, **options), ground[full])
    return polygonal(out)
