"""Does a layer sit off another one as the coordinates of internet maps would."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from ecozones import gcj
from ecozones.crs import DEGREE_M, Floats, check_crs, to_degrees

_REACH_DEGREES = 0.05


def suspect_shift(frame: gpd.GeoDataFrame, reference: gpd.GeoDataFrame, *, sample: int = 4_000) -> pd.DataFrame | None:
    """
    Whether a layer sits off another one as coordinates of internet maps would, in GCJ-02 or BD-09.

    Parameters
    ----------
    frame
        Polygons or lines that share boundaries with `reference`, at least a quarter of their length.
    reference
        Polygons or lines.
    sample
        How many points of the boundary of `frame` are compared.

    Returns
    -------
    DataFrame or None
        None where nothing is suspected. Else a row for each explanation, best first: ``explanation`` (``none``,
        ``GCJ-02``, ``BD-09``), ``shifted`` (``frame`` or ``reference``), ``shift_m``, ``east_m``, ``north_m``,
        ``distance_m`` (lower quartile of distances to the boundary of `reference` once the shift is undone),
        ``matched`` (share of points that then lie within a tenth of the shift), and ``suspected``. [m]

    Raises
    ------
    MissingCRSError
        One of the two has no CRS.

    Notes
    -----
    An explanation holds if undoing it brings the boundaries together: the lower quartile of distances falls under a
    tenth of the shift and under a third of what it was, and a fifth of the shift to any side they come apart again: a
    small layer that happens to lie along a border does not pass. A shift in any other direction, or layers that share
    no boundary, do not pass. Outside China nothing is shifted.

    Examples
    --------
    >>> county = gpd.GeoDataFrame(geometry=[shapely.box(116.0, 39.0, 116.2, 39.2)], crs=4490)
    >>> suspect_shift(county, county) is None
    True
    >>> x, y = gcj.to_gcj02(*shapely.get_coordinates(county.geometry.iloc[0]).T)
    >>> shifted = gpd.GeoDataFrame(geometry=[shapely.Polygon(np.column_stack([x, y]))], crs=4490)
    >>> suspect_shift(shifted, county).explanation[0]
    'GCJ-02'
    """
    ours, theirs = _boundary(frame, "frame"), _boundary(reference, "reference")
    lengths = shapely.length(ours)
    if not len(theirs) or lengths.sum() <= 0:
        return None
    points = _along(ours, lengths, sample)
    inside = gcj.within_reach(*points.T)
    points = points[inside]
    if not len(points):
        return None
    centre = points.mean(axis=0)
    tree = shapely.STRtree(_edges_near(theirs, points, centre))
    if not len(tree):
        return None
    rows, moved = [_explained("none", "", points, points, centre, tree)], [points]
    for name, undo, redo in (("GCJ-02", gcj.from_gcj02, gcj.to_gcj02), ("BD-09", gcj.from_bd09, gcj.to_bd09)):
        for shifted, function in (("frame", undo), ("reference", redo)):
            moved.append(np.column_stack(function(*points.T)))
            rows.append(_explained(name, shifted, points, moved[-1], centre, tree))
    table = pd.DataFrame(rows)
    as_is = float(table["distance_m"].iloc[0])
    close = (table["distance_m"] < table["shift_m"] / 10) & (table["distance_m"] < as_is / 3)
    fits = [
        good and _sharp(undone, centre, tree, far)
        for good, undone, far in zip(close, moved, table["shift_m"], strict=True)
    ]
    table["suspected"] = fits
    if not table["suspected"].any():
        return None
    return table.sort_values(["suspected", "distance_m"], ascending=[False, True], kind="stable", ignore_index=True)


def _boundary(frame: gpd.GeoDataFrame, what: str) -> NDArray[np.object_]:
    """Outlines and lines of a layer in degrees, as single lines."""
    if frame.crs is None:
        check_crs(frame, what=what)
    parts = shapely.get_parts(np.asarray(frame.geometry.array, dtype=object))
    parts = shapely.get_parts(parts)
    flat = shapely.get_dimensions(parts) == 2  # noqa: PLR2004 - areas
    lines = np.concatenate(
        [shapely.get_parts(shapely.boundary(parts[flat])), parts[shapely.get_dimensions(parts) == 1]]
    )
    crs = pyproj.CRS.from_user_input(frame.crs)
    return shapely.transform(lines, lambda points: to_degrees(crs, points))


def _along(lines: NDArray[np.object_], lengths: Floats, sample: int) -> Floats:
    """Points at equal steps along all lines, in degrees."""
    at = (np.arange(sample) + 0.5) / sample * lengths.sum()
    ends = np.cumsum(lengths)
    which = np.searchsorted(ends, at, side="right").clip(max=len(lines) - 1)
    return shapely.get_coordinates(shapely.line_interpolate_point(lines[which], at - (ends - lengths)[which]))


def _edges_near(lines: NDArray[np.object_], points: Floats, centre: Floats) -> NDArray[np.object_]:
    """Take single edges within reach of the points, on the local plane: long outlines would be searched end to end."""
    xy, line = shapely.get_coordinates(lines, return_index=True)
    edges = np.stack([xy[:-1], xy[1:]], axis=1)[line[1:] == line[:-1]]
    # an offset is 1.5 km at most
    low, high = points.min(axis=0) - _REACH_DEGREES, points.max(axis=0) + _REACH_DEGREES
    near = ((edges.max(axis=1) >= low) & (edges.min(axis=1) <= high)).all(axis=1)
    return shapely.linestrings(_local(edges[near], centre))


def _local(points: Floats, centre: Floats) -> Floats:
    """Draw on a local plane, good to a per cent over a county: enough for shifts of hundreds of metres."""
    return (points - centre) * [math.cos(math.radians(centre[1])), 1.0] * DEGREE_M


def _explained(
    name: str,
    shifted: str,
    points: Floats,
    undone: Floats,
    centre: Floats,
    tree: shapely.STRtree,
) -> dict[str, object]:
    moved = _local(undone, centre)
    east, north = np.median(_local(points, centre) - moved, axis=0)
    shift = float(np.hypot(east, north))
    distance = _to_nearest(moved, tree)
    return {
        "explanation": name,
        "shifted": shifted,
        "shift_m": shift,
        "east_m": float(east),
        "north_m": float(north),
        "distance_m": float(np.quantile(distance, 0.25)),
        "matched": float(np.mean(distance <= shift / 10)) if shift else float(np.mean(distance <= 1.0)),
    }


def _to_nearest(points: Floats, tree: shapely.STRtree) -> Floats:
    _, distance = tree.query_nearest(shapely.points(points), return_distance=True, all_matches=False)
    return np.asarray(distance)


def _sharp(undone: Floats, centre: Floats, tree: shapely.STRtree, shift: float) -> bool:
    """Whether boundaries that were brought together come apart on every side; beside a straight border they slide."""
    moved, reach = _local(undone, centre), shift / 10
    together = moved[_to_nearest(moved, tree) <= reach]
    sides = [(2 * reach, 0.0), (-2 * reach, 0.0), (0.0, 2 * reach), (0.0, -2 * reach)]
    # of a rectangle half stays in touch, of a straight border everything
    return all(float(np.mean(_to_nearest(together + side, tree) <= reach)) < 0.75 for side in sides)  # noqa: PLR2004
