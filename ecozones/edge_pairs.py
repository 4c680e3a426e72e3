"""
The area that pairs of polygons share, summed over pairs of their edges: no intersection is built.

The area of a polygon is what lies under its upper edges less what lies under its lower ones. The area that two
polygons share is the same sum over pairs of edges, one of each: what lies under both. Every term is a trapezoid, and
none asks on which side a point lies, so nothing can fail on coordinates that nearly coincide. Only the edges that reach
into the box common to both polygons are looked at, and they are measured from its lower left corner, so that a pair has
the same area, to the last bit, whatever other pairs are asked with it.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import shapely
from numpy.typing import NDArray

Geometries = NDArray[np.object_]
Rows = NDArray[np.intp]
Numbers = NDArray[np.float64]

# pairs of polygons worked on together: their edges should stay in the cache of the processor
_PAIRS = 256

# pairs of edges worked on together, for the same reason, and so that memory does not grow with the polygons
_EDGE_PAIRS = 1 << 15

# edges that follow each other and are looked at together before they are looked at one by one; flat between 8 and 32
_RUN = 16


def shared_areas(first: Geometries, second: Geometries, left: Rows, right: Rows) -> Numbers:
    """
    Measure the planar area that pairs of polygons share.

    Parameters
    ----------
    first, second
        Valid polygons or multipolygons in one CRS.
    left, right
        For each pair, the row in `first` and the row in `second`, shape (n,).

    Returns
    -------
    ndarray
        Area of each pair, up to rounding: where they only touch it may be a trace above or below zero. [unit²]

    Examples
    --------
    >>> boxes = shapely.box([0, 1], [0, 1], [2, 3], [2, 3])
    >>> shared_areas(boxes, boxes, np.array([0, 0]), np.array([0, 1])).tolist()
    [4.0, 1.0]
    """
    area = np.empty(len(left))
    if not len(left):
        return area
    heavier = right if _vertices(second, right) >= _vertices(first, left) else left
    order = np.argsort(heavier, kind="stable")
    for start in range(0, len(order), _PAIRS):
        some = order[start : start + _PAIRS]
        area[some] = _shared(*_taken(first, left[some]), *_taken(second, right[some]))
    return area


def common_boxes(first: Geometries, second: Geometries) -> Numbers:
    """
    Give the boxes that the bounds of pairs of polygons have in common.

    Parameters
    ----------
    first, second
        Geometries whose bounds meet, shape (n,).

    Returns
    -------
    ndarray
        West, south, east and north of each pair, shape (4, n).

    Examples
    --------
    >>> one, two = (np.array([shapely.box(*bounds)]) for bounds in ((0, 0, 2, 2), (1, 1, 3, 3)))
    >>> common_boxes(one, two).ravel().tolist()
    [1.0, 1.0, 2.0, 2.0]
    """
    one, two = shapely.bounds(first).T, shapely.bounds(second).T
    return np.concatenate([np.maximum(one[:2], two[:2]), np.minimum(one[2:], two[2:])])


def _vertices(polygons: Geometries, rows: Rows) -> int:
    return int(shapely.get_num_coordinates(polygons)[rows].sum())


def _taken(polygons: Geometries, rows: Rows) -> tuple[Geometries, Rows]:
    """Take the polygons that some pairs need, each once."""
    needed, own = np.unique(rows, return_inverse=True)
    return polygons[needed], own


@dataclasses.dataclass(frozen=True, eq=False)
class _Edges:
    """Edges from left to right, upright ones left out; `side` is +1 where ground lies below, -1 where above."""

    x0: Numbers
    y0: Numbers
    x1: Numbers
    y1: Numbers
    side: Numbers
    # runs of edges that follow each other: where they begin, how many edges they have, and how far they reach
    begin: Rows
    length: Rows
    west: Numbers
    east: Numbers
    top: Numbers
    # for each polygon its first run, and how many there are
    first: Rows
    runs: Rows


def _edges(polygons: Geometries) -> _Edges:
    # with the ground on the left of every ring, an edge that runs to the right has it above
    parts, polygon = shapely.get_parts(shapely.orient_polygons(polygons), return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    x, y = xy.T.copy()
    edge = np.flatnonzero((ring[1:] == ring[:-1]) & (x[1:] != x[:-1]))
    rightward = x[edge] < x[edge + 1]
    left, right = edge + ~rightward, edge + rightward
    y0, x1, y1 = y[left], x[right], y[right]
    count = np.bincount(polygon[part[ring[edge]]], minlength=len(polygons))
    runs = -(-count // _RUN)
    owner, number = _spread(runs)
    begin = (np.cumsum(count) - count)[owner] + number * _RUN
    length = np.minimum(_RUN, count[owner] - number * _RUN)
    return _Edges(
        x[left],
        y0,
        x1,
        y1,
        np.where(rightward, -1.0, 1.0),
        begin,
        length,
        np.minimum.reduceat(x[left], begin),
        np.maximum.reduceat(x1, begin),
        np.maximum.reduceat(np.maximum(y0, y1), begin),
        np.cumsum(runs) - runs,
        runs,
    )


def _spread(count: Rows) -> tuple[Rows, Rows]:
    """Give for each member of groups of some sizes its group, and its number in the group."""
    group = np.repeat(np.arange(len(count)), count)
    return group, np.arange(len(group)) - (np.cumsum(count) - count)[group]


def _reaching(edges: _Edges, own: Rows, box: Numbers) -> tuple[Rows, Numbers, Numbers, Numbers, Numbers, Numbers]:
    """
    Give, pair by pair, the edges that reach into or above a box, without what lies under its floor.

    Their pair, x at the left, x at the right, height at the left, slope, and side; seen from the corner of the box.
    """
    west, floor, east, _ = box
    pair, number = _spread(edges.runs[own])
    run = edges.first[own][pair] + number
    near = np.flatnonzero(
        (edges.west[run] < east[pair]) & (edges.east[run] > west[pair]) & (edges.top[run] > floor[pair])
    )
    pair, run = pair[near], run[near]
    member, number = _spread(edges.length[run])
    edge, pair = edges.begin[run][member] + number, pair[member]
    x0, x1 = edges.x0[edge] - west[pair], edges.x1[edge] - west[pair]
    y0, y1 = edges.y0[edge] - floor[pair], edges.y1[edge] - floor[pair]
    keep = np.flatnonzero((x0 < (east - west)[pair]) & (x1 > 0) & ((y0 > 0) | (y1 > 0)))
    x0, x1, y0, y1 = x0[keep], x1[keep], y0[keep], y1[keep]
    slope = (y1 - y0) / (x1 - x0)
    rises, falls = np.flatnonzero(y0 < 0), np.flatnonzero(y1 < 0)
    x0[rises] = np.minimum(x0[rises] - y0[rises] / slope[rises], x1[rises])
    y0[rises] = 0.0
    x1[falls] = np.maximum(x1[falls] - y1[falls] / slope[falls], x0[falls])
    return pair[keep], x0, x1, y0, slope, edges.side[edge[keep]]


def _shared(first: Geometries, left: Rows, second: Geometries, right: Rows) -> Numbers:
    """Sum what lies under both edges, over all pairs of an edge of one polygon and an edge of the other."""
    n = len(left)
    total = np.zeros(n)
    box = common_boxes(first[left], second[right])
    pair, ax0, ax1, ay, a_slope, a_side = _reaching(_edges(first), left, box)
    other, bx0, bx1, by, b_slope, b_side = _reaching(_edges(second), right, box)
    partners = np.bincount(other, minlength=n)
    start = (np.cumsum(partners) - partners)[pair]
    reach = np.cumsum(partners[pair])
    for begin, end in _blocks(reach):
        a, number = _spread(partners[pair[begin:end]])
        a += begin
        b = start[a] + number
        x = np.maximum(ax0[a], bx0[b])
        width = np.minimum(ax1[a], bx1[b]) - x
        meet = np.flatnonzero(width > 0)
        a, b, x, width = a[meet], b[meet], x[meet], width[meet]
        a_low, b_low = ay[a] + a_slope[a] * (x - ax0[a]), by[b] + b_slope[b] * (x - bx0[b])
        a_high, b_high = a_low + a_slope[a] * width, b_low + b_slope[b] * width
        low, high = a_low - b_low, a_high - b_high
        # twice what lies under `a` less twice what lies between the two where `a` is the higher one
        above, apart = np.maximum(low, 0.0) + np.maximum(high, 0.0), np.abs(low) + np.abs(high)
        apart[apart == 0] = 1.0
        under = a_low + a_high - above * (above / apart)
        # one after the other, so that the sum of a pair does not depend on where a block ends
        np.add.at(total, pair[a], a_side[a] * b_side[b] * width * under)
    return total / 2


def _blocks(reach: Rows) -> list[tuple[int, int]]:
    """Divide edges into stretches that have about as many partners each; `reach` counts partners up to each edge."""
    if not len(reach):
        return []
    stops = np.searchsorted(reach, np.arange(_EDGE_PAIRS, int(reach[-1]), _EDGE_PAIRS), side="right")
    ends = np.unique(np.r_[stops, len(reach)])
    return list(zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True))
