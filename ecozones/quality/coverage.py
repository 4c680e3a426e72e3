"""
Where the polygons of one layer fail to fit together: ground covered twice, narrow ground covered by none, loose edges.

How many polygons cover a place changes only across an edge, and edges that two neighbours share cancel. Only the rim
that is left over is searched; a layer in order never compares a polygon with its neighbours.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import shapely
from shapely import STRtree

from ecozones.geometry import polygonal
from ecozones.quality.edges import Edges, Flags, Geometries, Rows, edges_of, unique
from ecozones.quality.gaps import Gaps, find_gaps
from ecozones.quality.rim import Rim, noded, pair_alike, uncancelled, walk


@dataclasses.dataclass(frozen=True, eq=False)
class Faults:
    """
    Everything that keeps a layer from being a coverage.

    Parameters
    ----------
    left, right
        Rows of polygons that share ground, each pair once, ``left < right``, in order.
    shared
        The ground of each pair.
    gaps
        Narrow ground that no polygon covers.
    loose_rows
        Rows of polygons whose edges do not match those of a neighbour.
    loose_edges
        The edges of each that do not match.
    """

    left: Rows
    right: Rows
    shared: Geometries
    gaps: Gaps
    loose_rows: Rows
    loose_edges: Geometries


def find_faults(
    polygons: Geometries,
    *,
    gap_width: float,
    elongation: float = 5.0,
    edges: Edges | None = None,
    loose: bool = True,
) -> Faults:
    """
    Find overlaps, gaps and loose edges in a layer.

    A gap is either enclosed, and its largest inscribed circle is no wider than `gap_width`, or it is a run of edges
    that face each other across bare ground, nowhere farther apart than `gap_width` and `elongation` times longer than
    wide. Both are properties of the ground alone, so that whatever is found at one width is found at every greater one.

    Parameters
    ----------
    polygons
        Valid polygons or multipolygons, shape (n,); empty ones and None cover nothing.
    gap_width
        The widest gap to look for; 0 looks for none. [unit of the coordinates]
    elongation
        How many times longer than wide an open gap is at least.
    edges
        Their edges, if already taken apart.
    loose
        Look for loose edges as well.

    Returns
    -------
    Faults
        Overlaps hold every pair whose interiors meet, contained and equal polygons too.

    Examples
    --------
    >>> layer = np.array([shapely.box(0, 0, 10, 10), shapely.box(9, 0, 20, 10), shapely.box(1, 1, 2, 2)])
    >>> faults = find_faults(layer, gap_width=1)
    >>> faults.left.tolist(), faults.right.tolist(), shapely.area(faults.shared).tolist()
    ([0, 0], [1, 2], [10.0, 1.0])
    """
    polygons = np.asarray(polygons, dtype=object)
    edges = edges_of(polygons) if edges is None else edges
    start_key, end_key = edges.key[edges.here], edges.key[edges.here + 1]
    order, group = pair_alike(start_key, end_key)
    left_over = uncancelled((start_key < end_key) ^ edges.back, order, group)
    rim = noded(Rim.of(edges, left_over), gap_width, edges.tolerance)
    tree = STRtree(polygons)
    left, right = _overlapping(polygons, tree, rim, edges, order, group)
    shared = polygonal(shapely.intersection(polygons[left], polygons[right]))
    real = shapely.area(shared) > 0
    left, right, shared = left[real], right[real], shared[real]
    gaps = find_gaps(polygons, tree, rim, gap_width, elongation, edges.tolerance)
    suspects = unique(np.r_[left, right, rim.met_rows]) if loose else left[:0]
    return Faults(left, right, shared, gaps, *_loose(polygons, tree, suspects))


def _overlapping(
    polygons: Geometries, tree: STRtree, rim: Rim, edges: Edges, order: Rows, group: Rows
) -> tuple[Rows, Rows]:
    """
    Find all pairs of polygons that share ground.

    Ground covered twice is bounded by the rim. Somewhere on that bound either edges meet oddly, or a whole stretch of
    the rim between odd places lies inside another polygon. Both are found with one question each, and from the pairs
    found there every other pair is reached by stepping over edges that cancelled.
    """
    following, odd = walk(rim)
    middle = (rim.start + rim.end) / 2
    # one edge stands for its stretch of the rim: up to where edges meet oddly
    broken = odd | rim.met
    stretch = _stretches(following, broken)
    _, one_each = np.unique(stretch, return_index=True)
    asked = shapely.points(middle[one_each])
    point, row = tree.query(asked, predicate="intersects")
    inside = np.unique(stretch[one_each[point[row != rim.row[one_each[point]]]]])
    suspect = np.flatnonzero(np.isin(stretch, inside) | broken)
    places = np.concatenate([middle[suspect], rim.start[suspect], rim.end[suspect], rim.crossings])
    if not len(places):
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    point, row = tree.query(
        shapely.points(np.unique(places, axis=0)), predicate="dwithin", distance=max(edges.tolerance, 0.0) * 4
    )
    found = _interiors_meet(polygons, *np.divmod(_pairs_within(point, row, len(polygons)), len(polygons)))
    known, tested = found, found
    beside = _neighbours(edges, order, group, len(polygons))
    width = len(polygons)
    while len(found):
        left, right = np.divmod(found, width)
        # across an edge one of the two may give way to its neighbour, or both at once
        near_left, near_right = _spread(left, right, beside), _spread(right, left, beside)
        both = _spread(*near_left, beside)
        pairs = unique(np.concatenate([_pair_keys(*pair, width) for pair in (near_left, near_right, both)]))
        at = np.searchsorted(tested, pairs)
        fresh = pairs[tested[np.minimum(at, len(tested) - 1)] != pairs]
        tested = unique(np.r_[tested, fresh])
        found = _interiors_meet(polygons, *np.divmod(fresh, width))
        known = unique(np.r_[known, found])
    left, right = np.divmod(known, width)
    return left, right


def _stretches(following: Rows, broken: Flags) -> Rows:
    """Give edges of one run between odd places the same number; every broken edge is a run of its own."""
    count = len(following)
    stops = broken | (following < 0)
    stops[~stops] |= broken[following[~stops]]
    # runs are joined backwards: each edge takes the number of the last edge of its run
    step = np.where(stops, np.arange(count), following)
    label = np.arange(count)
    for _ in range(max(1, int(count).bit_length())):
        label = np.minimum(label, label[step])
        step = step[step]
    # on an open run `step` has come to rest on its last edge, on a closed one every edge has seen the smallest number
    rest = stops[step]
    return np.where(rest, count + step, label)


def _pairs_within(group: Rows, row: Rows, width: int) -> Rows:
    """Pair all rows of one group with each other, as sorted keys, each pair once over all groups."""
    order = np.argsort(group, kind="stable")
    group, row = group[order], row[order]
    pairs: list[Rows] = []
    shift = 1
    while shift < len(group):
        same = group[shift:] == group[:-shift]
        if not same.any():
            break
        pairs.append(_pair_keys(row[:-shift][same], row[shift:][same], width))
        shift += 1
    return unique(np.concatenate(pairs)) if pairs else np.empty(0, dtype=np.intp)


def _pair_keys(one: Rows, other: Rows, width: int) -> Rows:
    left, right = np.minimum(one, other), np.maximum(one, other)
    return (left * width + right)[left < right]


def _interiors_meet(polygons: Geometries, left: Rows, right: Rows) -> Rows:
    """Keep the pairs whose interiors meet, as sorted keys: the one relation overlap, containment and equality share."""
    low, high = shapely.bounds(polygons[left]), shapely.bounds(polygons[right])
    boxes = (low[:, 0] < high[:, 2]) & (high[:, 0] < low[:, 2]) & (low[:, 1] < high[:, 3]) & (high[:, 1] < low[:, 3])
    left, right = left[boxes], right[boxes]
    meet = shapely.relate_pattern(polygons[left], polygons[right], "2********")
    return unique(left[meet] * len(polygons) + right[meet])


def _neighbours(edges: Edges, order: Rows, group: Rows, count: int) -> tuple[Rows, Rows]:
    """Polygons that have an edge in common, as a start for each polygon and a list of others."""
    one, other = np.divmod(_pairs_within(group, edges.row[order], count), count)
    both_ways = np.sort(np.r_[one * count + other, other * count + one])
    here, there = np.divmod(both_ways, count)
    return np.r_[0, np.cumsum(np.bincount(here, minlength=count))], there


def _spread(kept: Rows, partner: Rows, beside: tuple[Rows, Rows]) -> tuple[Rows, Rows]:
    """Pair all neighbours of the partner with what is kept; neighbours come first."""
    start, others = beside
    size = start[partner + 1] - start[partner]
    offset = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
    return others[np.repeat(start[partner], size) + offset], np.repeat(kept, size)


def _loose(polygons: Geometries, tree: STRtree, rows: Rows) -> tuple[Rows, Geometries]:
    """Give the edges of suspected polygons that no neighbour matches; only their neighbourhood is looked at."""
    if not len(rows):
        return rows, np.empty(0, dtype=object)
    _, near = tree.query(polygons[rows])
    some = np.union1d(rows, near)
    loose = shapely.coverage_invalid_edges(polygons[some])[np.searchsorted(some, rows)]
    wrong = ~shapely.is_empty(loose)
    return rows[wrong], loose[wrong]
