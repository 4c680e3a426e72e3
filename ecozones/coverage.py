"""
Where the polygons of one layer fail to fit together: ground covered twice, narrow ground covered by none, loose edges.

How many polygons cover a place changes only across an edge, and two neighbours that share an edge walk it in opposite
directions, so that the two cancel. What is left over, the *rim*, is a small part of a layer and holds all its faults:
the number of polygons at any place is the winding number of the rim. Only the rim is searched; a layer in order never
compares a polygon with its neighbours.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from shapely import STRtree

from ecozones.geometry import parts, polygonal

Geometries = NDArray[np.object_]
Rows = NDArray[np.intp]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
_Keys = NDArray[np.uint64]

_DEGREE_M = 111_320.0

# two edges are looked at as a strip of bare ground if they run against each other by more than this [cosine]
_AGAINST = -0.5

# steps to find a width: they cut the range of radii to a thousandth for strips 100 000 times longer than wide
_HALVINGS = 13

# coordinates that differ by less than this many units in the last place are one place after any computation
_ULP = 8


@dataclasses.dataclass(frozen=True, eq=False)
class Edges:
    """
    The edges of polygons, in the order and direction in which they are drawn.

    Parameters
    ----------
    xy
        The vertices, shape (m, 2).
    key
        A number for each vertex, equal where the coordinates are equal to the last bit.
    here
        The vertex each edge is drawn from; it ends at the next one. Shape (n,).
    back
        Edges that are drawn with their polygon on the right.
    row
        The polygon each edge belongs to.
    ring
        The ring it belongs to; edges of a ring stand together.
    """

    xy: Numbers
    key: _Keys
    here: Rows
    back: Flags
    row: Rows
    ring: Rows

    @functools.cached_property
    def tolerance(self) -> float:
        """What double precision cannot tell apart at these coordinates."""
        reach = max(self.xy.max(initial=1.0), -self.xy.min(initial=-1.0))
        return float(np.spacing(reach) * _ULP)


def edges_of(polygons: Geometries) -> Edges:
    """
    Take polygons apart into edges.

    Parameters
    ----------
    polygons
        Valid polygons or multipolygons, shape (n,); empty ones and None have no edges.

    Returns
    -------
    Edges
        All edges that have a length.

    Examples
    --------
    >>> len(edges_of(np.array([shapely.box(0, 0, 1, 1)])).row)
    4
    """
    part, part_row = shapely.get_parts(polygons, return_index=True)
    rings, ring_part = shapely.get_rings(part, return_index=True)
    shell = np.r_[True, ring_part[1:] != ring_part[:-1]] if len(rings) else np.empty(0, dtype=bool)
    back = shapely.is_ccw(rings) != shell
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    xy += 0.0  # a negative zero is the same place as zero, and has other bits
    key = _place_keys(xy)
    here = np.flatnonzero((ring[1:] == ring[:-1]) & (key[1:] != key[:-1]))
    ring = ring[here]
    return Edges(xy, key, here, back[ring], part_row[ring_part][ring], ring)


def _place_keys(xy: Numbers) -> _Keys:
    """Give every place a number; two places share one once in 10^19."""
    bits = np.ascontiguousarray(xy).view(np.uint64)
    key = bits[:, 0] * np.uint64(0x9E3779B97F4A7C15)
    key ^= key >> np.uint64(29)
    key += bits[:, 1]
    key *= np.uint64(0xBF58476D1CE4E5B9)
    key ^= key >> np.uint64(32)
    key *= np.uint64(0x94D049BB133111EB)
    key ^= key >> np.uint64(29)
    return key


def metres_in(crs: Any, geometry: Geometries) -> tuple[float, float]:  # noqa: ANN401 - whatever pyproj takes for a CRS
    """
    Metres in a unit of the coordinates, eastwards and northwards.

    Parameters
    ----------
    crs
        The CRS of the coordinates.
    geometry
        Where they are: a degree of longitude has its length at the middle latitude.

    Returns
    -------
    tuple
        Factors that stretch coordinates to metres. A stretch keeps straight edges straight and common ones common, as a
        projection does not; widths of a layer in degrees are right to the change of the cosine over its height.

    Examples
    --------
    >>> metres_in("EPSG:4548", np.array([shapely.box(0, 0, 1, 1)]))
    (1.0, 1.0)
    """
    system = pyproj.CRS.from_user_input(crs)
    factor = system.axis_info[0].unit_conversion_factor
    if not system.is_geographic:
        return factor, factor
    bounds = shapely.bounds(geometry)[:, [1, 3]]
    bounds = bounds[np.isfinite(bounds)]
    middle = (bounds.min() + bounds.max()) / 2 if len(bounds) else 0.0
    return _DEGREE_M * math.cos(math.radians(middle)), _DEGREE_M


@dataclasses.dataclass(frozen=True, eq=False)
class Spikes:
    """
    Needles and cuts in the outline of polygons.

    Parameters
    ----------
    row
        The polygon.
    tip
        Where its outline turns back, shape (n, 2).
    angle
        Between the two legs. [degrees]
    length
        Of the shorter leg. [unit of the coordinates]
    """

    row: Rows
    tip: Numbers
    angle: Numbers
    length: Numbers


def find_spikes(edges: Edges, *, angle: float, length: float, tip: float = 0.0) -> Spikes:
    """
    Find where an outline turns back on itself.

    Parameters
    ----------
    edges
        Edges of a layer.
    angle
        The widest angle of a spike. [degrees]
    length
        The shortest leg of a spike. [unit of the coordinates]
    tip
        A tip may be cut off by an edge of at most this length. [unit of the coordinates]

    Returns
    -------
    Spikes
        In the order of the layer; a blunt tip stands for the middle of its edge.

    Examples
    --------
    >>> needle = shapely.Polygon([(0, 0), (4, 0), (4, 4), (2.1, 4), (2, 90), (1.9, 4), (0, 4)])
    >>> spikes = find_spikes(edges_of(np.array([needle])), angle=5, length=1)
    >>> spikes.tip.tolist(), spikes.length.round(1).tolist()
    ([[2.0, 90.0]], [86.0])
    """
    along = edges.xy[1:] - edges.xy[:-1]
    if len(edges.here) < len(along):
        along = along[edges.here]
    size = np.hypot(along[:, 0], along[:, 1])
    following = _following(edges)
    least = math.cos(math.radians(angle))

    def needles(first: Rows, then: Rows) -> tuple[Flags, Numbers, Numbers]:
        dot = along[first, 0] * along[then, 0] + along[first, 1] * along[then, 1]
        legs = size[first] * size[then]
        shorter = np.minimum(size[first], size[then])
        return (-dot >= least * legs) & (shorter >= length), -dot / legs, shorter

    every = np.arange(len(size))
    sharp, cosine, shorter = needles(every, following)
    row, at = edges.row[sharp], edges.xy[edges.here[sharp] + 1]
    cos, leg = cosine[sharp], shorter[sharp]
    if tip > 0:
        short = np.flatnonzero(size <= tip)
        before = np.empty_like(following)
        before[following] = every
        blunt, cosine, shorter = needles(before[short], following[short])
        # a leg that is itself no longer than the tip is a corner, not a needle
        blunt &= shorter > 2 * tip
        cut = edges.here[short[blunt]]
        middle = (edges.xy[cut] + edges.xy[cut + 1]) / 2
        row, at = np.r_[row, edges.row[short[blunt]]], np.r_[at, middle]
        cos, leg = np.r_[cos, cosine[blunt]], np.r_[leg, shorter[blunt]]
    order = np.argsort(row, kind="stable")
    degrees = np.degrees(np.arccos(np.clip(cos[order], -1, 1)))
    return Spikes(row[order], at[order], degrees, leg[order])


def _following(edges: Edges) -> Rows:
    """Find the edge that each edge is followed by as its ring is drawn."""
    following = np.arange(1, len(edges.ring) + 1)
    if len(following):
        first = np.flatnonzero(np.r_[True, edges.ring[1:] != edges.ring[:-1]])
        following[np.r_[first[1:], len(following)] - 1] = first
    return following


@dataclasses.dataclass(frozen=True, eq=False)
class Gaps:
    """
    Narrow ground that no polygon covers.

    Parameters
    ----------
    geometry
        The ground.
    width
        Diameter of the largest circle in an enclosed gap; the widest opening of an open one. [unit of the coordinates]
    enclosed
        Whether polygons lie all around it; an open gap reaches in between polygons from outside.
    rows
        The polygons around each gap, ascending.
    """

    geometry: Geometries
    width: Numbers
    enclosed: Flags
    rows: tuple[Rows, ...]


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
    order, group = _alike(start_key, end_key)
    left_over = _uncancelled((start_key < end_key) ^ edges.back, order, group)
    rim = _noded(_Rim.of(edges, left_over), gap_width, edges.tolerance)
    tree = STRtree(polygons)
    left, right = _overlapping(polygons, tree, rim, edges, order, group)
    shared = polygonal(shapely.intersection(polygons[left], polygons[right]))
    real = shapely.area(shared) > 0
    left, right, shared = left[real], right[real], shared[real]
    gaps = _gaps(polygons, tree, rim, gap_width, elongation, edges.tolerance)
    suspects = _unique(np.r_[left, right, rim.met_rows]) if loose else left[:0]
    return Faults(left, right, shared, gaps, *_loose(polygons, tree, suspects))


def _unique(keys: Rows) -> Rows:
    """Sort and thin out: several times quicker than a table of all values where most of them differ."""
    ordered = np.sort(keys)
    return ordered[np.r_[True, ordered[1:] != ordered[:-1]]] if len(ordered) else ordered


# --------------------------------------------------------------------------------------------------- edges that cancel


def _alike(start_key: _Keys, end_key: _Keys) -> tuple[Rows, Rows]:
    """Sort edges so that those between the same two places stand together; number the pairs of places."""
    key = start_key + end_key
    order = np.argsort(key)
    key = key[order]
    group = np.zeros(len(key), dtype=np.intp)
    np.cumsum(key[1:] != key[:-1], out=group[1:])
    return order, group


def _uncancelled(forward: Flags, order: Rows, group: Rows) -> Rows:
    """Give the edges that are left when those walked in both directions are struck off, pair by pair."""
    if not len(order):
        return order
    ahead = forward[order]
    size = np.bincount(group)
    net = 2 * np.bincount(group, weights=ahead).astype(np.intp) - size
    single = size == 1
    keep = single[group]
    # more than two along one edge: strike off as many of one direction as there are of the other
    some = np.flatnonzero((~single & (net != 0))[group])
    if len(some):
        member, way = group[some], ahead[some]
        sort = np.lexsort((some, way, member))
        run = np.r_[True, (np.diff(member[sort]) != 0) | (way[sort][1:] != way[sort][:-1])]
        start = np.flatnonzero(run)
        rank = np.arange(len(sort)) - np.repeat(start, np.diff(np.r_[start, len(sort)]))
        against = ((size[member] - np.abs(net[member])) // 2)[sort]
        winner = (net[member] > 0)[sort] == way[sort]
        keep[some[sort[winner & (rank >= against)]]] = True
    return np.sort(order[keep])


@dataclasses.dataclass(frozen=True, eq=False)
class _Rim:
    """Edges that no neighbour cancels."""

    start: Numbers
    end: Numbers
    row: Rows
    start_key: _Keys
    end_key: _Keys
    # pairs of edges that come close, to be looked at for strips of bare ground between them
    near: tuple[Rows, Rows]
    # pieces of edges that meet another one elsewhere than at a common end, where they meet, and whose they are
    met: Flags
    crossings: Numbers
    met_rows: Rows

    @staticmethod
    def of(edges: Edges, rows: Rows) -> _Rim:
        here, back = edges.here[rows], edges.back[rows]
        first, last = here + back, here + ~back
        none = np.empty(0, dtype=np.intp)
        return _Rim(
            edges.xy[first],
            edges.xy[last],
            edges.row[rows],
            edges.key[first],
            edges.key[last],
            (none, none),
            np.zeros(len(rows), dtype=bool),
            np.empty((0, 2)),
            none,
        )

    def only(self, rows: Rows) -> _Rim:
        return dataclasses.replace(
            self,
            start=self.start[rows],
            end=self.end[rows],
            row=self.row[rows],
            start_key=self.start_key[rows],
            end_key=self.end_key[rows],
            met=self.met[rows],
        )


def _close_pairs(start: Numbers, end: Numbers, reach: float) -> tuple[Rows, Rows]:
    """Pair edges whose boxes come within reach of each other, each pair once."""
    low, high = np.minimum(start, end) - reach / 2, np.maximum(start, end) + reach / 2
    boxes = shapely.linestrings(np.stack([low, high], axis=1))  # a diagonal has the box that is asked for
    one, other = STRtree(boxes).query(boxes)
    once = one < other
    return one[once], other[once]


def _close_again(rim: _Rim, origin: Rows, before: tuple[Rows, Rows], reach: float) -> tuple[Rows, Rows]:
    """Pair the edges of a rim that was cut: whole edges as before the cut, pieces with what is close to them."""
    whole = ~rim.met
    now = np.full(max(each.max(initial=-1) for each in (origin, *before)) + 1, -1, dtype=np.intp)
    now[origin[whole]] = np.flatnonzero(whole)
    one, other = now[before[0]], now[before[1]]
    kept = (one >= 0) & (other >= 0)
    beside = np.r_[before[0][(one >= 0) & (other < 0)], before[1][(one < 0) & (other >= 0)]]
    some = _unique(np.r_[np.flatnonzero(rim.met), now[beside]])
    left, right = _close_pairs(rim.start[some], rim.end[some], reach)
    new = rim.met[some[left]] | rim.met[some[right]]
    one, other = np.r_[one[kept], some[left[new]]], np.r_[other[kept], some[right[new]]]
    return np.minimum(one, other), np.maximum(one, other)


def _noded(rim: _Rim, reach: float, tolerance: float) -> _Rim:
    """Cut the edges of the rim where they meet others, so that they meet at their ends only."""
    one, other = _close_pairs(rim.start, rim.end, reach + tolerance)
    joined = (
        (rim.start_key[one] == rim.end_key[other])
        | (rim.end_key[one] == rim.start_key[other])
        | (rim.start_key[one] == rim.start_key[other])
        | (rim.end_key[one] == rim.end_key[other])
    )
    apart = np.flatnonzero(~joined)
    # edges joined at one end may still lie on each other
    folded = np.flatnonzero(joined)
    folded = folded[_along_each_other(rim, one[folded], other[folded], tolerance)]
    looked = np.r_[apart, folded]
    edge, place, touched = _meetings(rim, one[looked], other[looked], tolerance)
    if not len(edge):
        return dataclasses.replace(rim, near=(one, other))
    cut, origin = _cut_at(rim, edge, place)
    kept = _uncancelled(cut.start_key < cut.end_key, *_alike(cut.start_key, cut.end_key))
    thinned = dataclasses.replace(
        cut.only(kept),
        crossings=np.unique(place, axis=0),
        met_rows=np.unique(np.r_[rim.row[edge], rim.row[one[looked]][touched], rim.row[other[looked]][touched]]),
    )
    return dataclasses.replace(thinned, near=_close_again(thinned, origin[kept], (one, other), reach + tolerance))


def _along_each_other(rim: _Rim, one: Rows, other: Rows, tolerance: float) -> Flags:
    """Tell which pairs of edges that have an end in common lie on each other for a while."""
    u, v = rim.end[one] - rim.start[one], rim.end[other] - rim.start[other]
    cross = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
    longer = np.maximum(np.hypot(u[:, 0], u[:, 1]), np.hypot(v[:, 0], v[:, 1]))
    # away from the common end they go the same way
    shared_start = (rim.start_key[one] == rim.start_key[other]) | (rim.end_key[one] == rim.end_key[other])
    same_way = np.where(shared_start, 1.0, -1.0) * (u * v).sum(axis=1) > 0
    return (cross <= tolerance * longer) & same_way


def _meetings(rim: _Rim, one: Rows, other: Rows, tolerance: float) -> tuple[Rows, Numbers, Flags]:
    """Find where edges cross or touch: the edge that is to be cut, and the place; and which of the pairs do."""
    a, b, c, d = rim.start[one], rim.end[one], rim.start[other], rim.end[other]
    u, v = b - a, d - c
    size_u, size_v = np.hypot(u[:, 0], u[:, 1]), np.hypot(v[:, 0], v[:, 1])

    def aside(origin: Numbers, along: Numbers, size: Numbers, point: Numbers) -> tuple[Numbers, Numbers]:
        to = point - origin
        return (
            (along[:, 0] * to[:, 1] - along[:, 1] * to[:, 0]) / size,
            (along[:, 0] * to[:, 0] + along[:, 1] * to[:, 1]) / size,
        )

    off_c, at_c = aside(a, u, size_u, c)
    off_d, at_d = aside(a, u, size_u, d)
    off_a, at_a = aside(c, v, size_v, a)
    off_b, at_b = aside(c, v, size_v, b)
    edges: list[Rows] = []
    places: list[Numbers] = []
    touching = np.zeros(len(one), dtype=bool)
    for off, at, size, edge, point in (
        (off_c, at_c, size_u, one, c),
        (off_d, at_d, size_u, one, d),
        (off_a, at_a, size_v, other, a),
        (off_b, at_b, size_v, other, b),
    ):
        touch = (np.abs(off) <= tolerance) & (at >= -tolerance) & (at <= size + tolerance)
        touching |= touch
        inner = touch & (at > tolerance) & (at < size - tolerance)
        edges.append(edge[inner])
        places.append(point[inner])
    crossing = ~touching & (off_c * off_d < 0) & (off_a * off_b < 0)
    off_a, off_b = off_a[crossing], off_b[crossing]
    cross = a[crossing] + u[crossing] * (off_a / (off_a - off_b))[:, None]
    edges += [one[crossing], other[crossing]]
    places += [cross, cross]
    return np.concatenate(edges), np.concatenate(places), touching | crossing


def _cut_at(rim: _Rim, edge: Rows, place: Numbers) -> tuple[_Rim, Rows]:
    """Cut edges at places on them; also gives the edge that each one comes from."""
    along = rim.end[edge] - rim.start[edge]
    far = ((place - rim.start[edge]) * along).sum(axis=1)
    order = np.lexsort((far, edge))
    edge, place = edge[order], place[order]
    key = _place_keys(place + 0.0)
    new = np.r_[True, (edge[1:] != edge[:-1]) | (key[1:] != key[:-1])]
    edge, place, key = edge[new], place[new], key[new]
    whole = np.ones(len(rim.row), dtype=bool)
    whole[edge] = False
    first = np.r_[True, edge[1:] != edge[:-1]]
    last = np.r_[first[1:], True]
    opening = np.unique(edge)
    start = np.concatenate([rim.start[whole], rim.start[opening], place])
    start_key = np.concatenate([rim.start_key[whole], rim.start_key[opening], key])
    ends, end_keys = np.empty_like(place), np.empty_like(key)
    ends[~last], end_keys[~last] = place[1:][~last[:-1]], key[1:][~last[:-1]]
    ends[last], end_keys[last] = rim.end[edge[last]], rim.end_key[edge[last]]
    end = np.concatenate([rim.end[whole], place[first], ends])
    end_key = np.concatenate([rim.end_key[whole], key[first], end_keys])
    row = np.concatenate([rim.row[whole], rim.row[opening], rim.row[edge]])
    met = np.concatenate([np.zeros(whole.sum(), dtype=bool), np.ones(len(opening) + len(edge), dtype=bool)])
    origin = np.concatenate([np.flatnonzero(whole), opening, edge])
    real = start_key != end_key
    again = dataclasses.replace(rim, start=start, end=end, row=row, start_key=start_key, end_key=end_key, met=met)
    return again.only(np.flatnonzero(real)), origin[real]


# ----------------------------------------------------------------------------------------------- walking along the rim


def _walk(rim: _Rim) -> tuple[Rows, Flags]:
    """
    Find the edge that bounds the ground on the right of each edge next, -1 where that ground is covered for certain.

    Also tells which edges end where the rim does not part covered from bare ground by turns: there polygons overlap.
    """
    count = len(rim.row)
    _, node = np.unique(np.r_[rim.start_key, rim.end_key], return_inverse=True)
    out_node, in_node = node[:count], node[count:]
    degree = np.bincount(node, minlength=1)
    following = np.full(count, -1, dtype=np.intp)
    leaving = np.full(len(degree), -1, dtype=np.intp)
    leaving[out_node] = np.arange(count)
    plain = degree[in_node] == 2  # noqa: PLR2004 - one edge in, one out
    following[plain] = leaving[in_node[plain]]
    odd = np.zeros(count, dtype=bool)
    crowded = np.flatnonzero(~plain)
    if len(crowded):
        outs = np.flatnonzero(degree[out_node] > 2)  # noqa: PLR2004
        edge = np.r_[outs, crowded]
        inward = np.r_[np.zeros(len(outs), dtype=bool), np.ones(len(crowded), dtype=bool)]
        at = np.r_[out_node[outs], in_node[crowded]]
        ray = np.r_[rim.end[outs] - rim.start[outs], rim.start[crowded] - rim.end[crowded]]
        # edges that lie on each other leave a place in one order and reach the next in the other, as lanes do
        lane = np.where(inward, -edge, edge)
        order = np.lexsort((lane, np.arctan2(ray[:, 1], ray[:, 0]), at))
        edge, inward, at = edge[order], inward[order], at[order]
        first = np.flatnonzero(np.r_[True, at[1:] != at[:-1]])
        after = np.arange(1, len(edge) + 1)
        after[np.r_[first[1:], len(edge)] - 1] = first
        turns = inward & ~inward[after]
        following[edge[turns]] = edge[after[turns]]
        odd[edge[inward & inward[after]]] = True
        wrong = np.isin(at, at[inward == inward[after]])
        odd[edge[wrong]] = True
    return following, odd


def _cycles(following: Rows) -> Rows:
    """Give edges on one closed walk the same number, and -1 to those on none."""
    count = len(following)
    label = np.r_[np.arange(count), -1]
    step = np.r_[np.where(following < 0, count, following), count]
    for _ in range(max(1, int(count).bit_length())):
        label = np.minimum(label, label[step])
        step = step[step]
    return label[:count]


def _overlapping(
    polygons: Geometries, tree: STRtree, rim: _Rim, edges: Edges, order: Rows, group: Rows
) -> tuple[Rows, Rows]:
    """
    Find all pairs of polygons that share ground.

    Ground covered twice is bounded by the rim. Somewhere on that bound either edges meet oddly, or a whole stretch of
    the rim between odd places lies inside another polygon. Both are found with one question each, and from the pairs
    found there every other pair is reached by stepping over edges that cancelled.
    """
    following, odd = _walk(rim)
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
        pairs = _unique(np.concatenate([_pair_keys(*pair, width) for pair in (near_left, near_right, both)]))
        at = np.searchsorted(tested, pairs)
        fresh = pairs[tested[np.minimum(at, len(tested) - 1)] != pairs]
        tested = _unique(np.r_[tested, fresh])
        found = _interiors_meet(polygons, *np.divmod(fresh, width))
        known = _unique(np.r_[known, found])
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
    return _unique(np.concatenate(pairs)) if pairs else np.empty(0, dtype=np.intp)


def _pair_keys(one: Rows, other: Rows, width: int) -> Rows:
    left, right = np.minimum(one, other), np.maximum(one, other)
    return (left * width + right)[left < right]


def _interiors_meet(polygons: Geometries, left: Rows, right: Rows) -> Rows:
    """Keep the pairs whose interiors meet, as sorted keys: the one relation overlap, containment and equality share."""
    low, high = shapely.bounds(polygons[left]), shapely.bounds(polygons[right])
    boxes = (low[:, 0] < high[:, 2]) & (high[:, 0] < low[:, 2]) & (low[:, 1] < high[:, 3]) & (high[:, 1] < low[:, 3])
    left, right = left[boxes], right[boxes]
    meet = shapely.relate_pattern(polygons[left], polygons[right], "2********")
    return _unique(left[meet] * len(polygons) + right[meet])


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


# ---------------------------------------------------------------------------------------------------------------- gaps


def _gaps(
    polygons: Geometries, tree: STRtree, rim: _Rim, gap_width: float, elongation: float, tolerance: float
) -> Gaps:
    none = np.empty(0, dtype=object)
    if gap_width <= 0 or not len(rim.row):
        return Gaps(none, np.empty(0), np.empty(0, dtype=bool), ())
    following, _ = _walk(rim)
    cycle = _cycles(following)
    holes, hole_width, around, taken = _enclosed(polygons, tree, rim, following, cycle, gap_width, tolerance)
    open_gaps, open_width, beside = _open(polygons, tree, rim, following, taken, gap_width, elongation, tolerance)
    width = np.r_[hole_width, open_width]
    geometry = np.r_[holes, open_gaps]
    enclosed = np.r_[np.ones(len(holes), dtype=bool), np.zeros(len(open_gaps), dtype=bool)]
    rows = [*around, *beside]
    keep = np.flatnonzero(width <= gap_width)
    return Gaps(geometry[keep], width[keep], enclosed[keep], tuple(rows[i] for i in keep))


def inscribed_width(geometry: Geometries) -> Numbers:
    """
    Diameter of the largest circle in each polygon: how wide it is at its widest.

    Parameters
    ----------
    geometry
        Polygons with an area. Twice the area over the length of the outline is never more than this width.

    Returns
    -------
    ndarray
        Diameters of circles that do lie inside, less than a hundredth below the largest. [unit of the coordinates]

    Notes
    -----
    A circle of radius r fits as long as the polygon shrunk by r is not empty. Halving the range of r takes a fraction
    of the time of a search by cells, which has to tile a strip from end to end.

    Examples
    --------
    >>> inscribed_width(np.array([shapely.box(0, 0, 100, 2)], dtype=object)).round(2).tolist()
    [2.0]
    """
    if not len(geometry):
        return np.empty(0)
    low = shapely.area(geometry) / shapely.length(geometry)
    high = np.maximum(np.sqrt(shapely.area(geometry) / np.pi), low)
    centre = shapely.point_on_surface(geometry)
    for _ in range(_HALVINGS):
        middle = np.sqrt(low * high)
        shrunk = shapely.buffer(geometry, -middle, quad_segs=16)
        gone = shapely.is_empty(shrunk)
        high, low = np.where(gone, middle, high), np.where(gone, low, middle)
        centre = np.where(gone, centre, shapely.point_on_surface(shrunk))
    return 2 * np.asarray(shapely.distance(centre, shapely.boundary(geometry)))


def _enclosed(
    polygons: Geometries, tree: STRtree, rim: _Rim, following: Rows, cycle: Rows, gap_width: float, tolerance: float
) -> tuple[Geometries, Numbers, list[Rows], Flags]:
    """Give bare ground with polygons all around it that may be narrow, its width, and the edges that bound it."""
    taken = np.zeros(len(rim.row), dtype=bool)
    closed = np.flatnonzero(cycle >= 0)
    if not len(closed):
        return np.empty(0, dtype=object), np.empty(0), [], taken
    names, member = np.unique(cycle[closed], return_inverse=True)
    origin = rim.start[closed].mean(axis=0)
    start, end = rim.start[closed] - origin, rim.end[closed] - origin
    area: Numbers = np.bincount(member, (start[:, 0] * end[:, 1] - end[:, 0] * start[:, 1]) / 2).astype(float)
    length: Numbers = np.bincount(member, np.hypot(*(end - start).T)).astype(float)
    islands: dict[int, list[int]] = {}
    hole = np.flatnonzero(area < 0)
    inside_of = _islands(rim, following, names, area, member, start, hole)
    for island, host in inside_of:
        islands.setdefault(host, []).append(island)
        area[host] += area[island]
        length[host] += length[island]
    # a circle in a polygon is never narrower than twice its area over its length: most holes need no closer look
    narrow = hole[-2 * area[hole] <= gap_width * length[hole]]
    outlines: list[shapely.Polygon] = []
    bounds: list[Rows] = []
    for face in narrow:
        walks = [_steps(following, int(names[each])) for each in [face, *islands.get(int(face), [])]]
        if len(walks[0]) > 2:  # noqa: PLR2004 - two edges hold no ground
            holes = [rim.start[walk] for walk in walks[1:] if len(walk) > 2]  # noqa: PLR2004
            outlines.append(shapely.Polygon(rim.start[walks[0]], holes))
            bounds.append(np.concatenate(walks))
    pieces, face_of = parts(_bare(_as_array(outlines), polygons, tree))
    real = shapely.area(pieces) > tolerance * shapely.length(pieces)
    pieces, face_of = pieces[real], face_of[real]
    width = inscribed_width(pieces)
    wide = np.zeros(len(bounds), dtype=bool)
    wide[face_of[width > gap_width]] = True
    for each, bound in enumerate(bounds):
        # what has been told as an enclosed gap is not looked at again for open ones
        taken[bound] = not wide[each]
    return pieces, width, [np.unique(rim.row[bounds[each]]) for each in face_of], taken


def _as_array(geometry: list[shapely.Geometry]) -> Geometries:
    out = np.empty(len(geometry), dtype=object)
    out[:] = geometry
    return out


def _islands(
    rim: _Rim, following: Rows, names: Rows, area: Numbers, member: Rows, start: Numbers, hole: Rows
) -> list[tuple[int, int]]:
    """Pair each outer rim that lies within a hole with the smallest such hole."""
    low = np.full((len(names), 2), np.inf)
    high = np.full((len(names), 2), -np.inf)
    np.minimum.at(low, member, start)
    np.maximum.at(high, member, start)
    outer = np.flatnonzero(area > 0)
    boxes = shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1])
    island, host = STRtree(boxes[hole]).query(boxes[outer], predicate="covered_by")
    if not len(island):
        return []
    needed = np.unique(host)
    face = np.full(len(hole), None, dtype=object)
    face[needed] = [
        shapely.Polygon(ring) if len(ring) > 3 else shapely.Polygon()  # noqa: PLR2004
        for ring in (rim.start[_steps(following, int(names[hole[each]]))] for each in needed)
    ]
    shapely.prepare(face[needed])
    # an outer rim may touch the hole it lies in, so that a corner of it decides nothing: the middle of an edge does
    edge = names[outer[island]]
    middle = (rim.start[edge] + rim.end[edge]) / 2
    within = shapely.intersects_xy(face[host], middle[:, 0], middle[:, 1])
    best: dict[int, int] = {}
    for one, other in zip(outer[island[within]], hole[host[within]], strict=True):
        known = best.get(int(one))
        if known is None or abs(area[other]) < abs(area[known]):
            best[int(one)] = int(other)
    return sorted(best.items())


def _steps(following: Rows, first: int) -> Rows:
    """Walk around one closed rim."""
    walk = [first]
    edge = int(following[first])
    while edge != first:
        walk.append(edge)
        edge = int(following[edge])
    return np.array(walk, dtype=np.intp)


def _bare(ground: Geometries, polygons: Geometries, tree: STRtree) -> Geometries:
    """Take off what polygons cover, for cuts are rounded and strips may run over a third polygon."""
    ground = polygonal(shapely.make_valid(ground))
    piece, row = tree.query(ground)
    over = shapely.relate_pattern(polygons[row], ground[piece], "2********")
    piece, row = piece[over], row[over]
    for each in np.unique(piece):
        ground[each] = shapely.difference(ground[each], shapely.union_all(polygons[row[piece == each]]))
    return polygonal(ground)


def _open(
    polygons: Geometries,
    tree: STRtree,
    rim: _Rim,
    following: Rows,
    taken: Flags,
    gap_width: float,
    elongation: float,
    tolerance: float,
) -> tuple[Geometries, Numbers, list[Rows]]:
    """Give bare strips between edges that face each other, with the widest opening of each."""
    one, other, length, width, corners = _strips(rim, taken, gap_width, tolerance)
    if not len(one):
        return np.empty(0, dtype=object), np.empty(0), []
    found = _long_enough(one, other, length, width, following, elongation)
    members = [np.flatnonzero(found == name) for name in np.unique(found[found >= 0])]
    strips = shapely.make_valid(shapely.polygons(corners))
    ground = _bare(_as_array([shapely.union_all(strips[some]) for some in members]), polygons, tree)
    real = np.flatnonzero(shapely.area(ground) > tolerance * shapely.length(ground))
    widths = np.array([width[members[each]].max() for each in real])
    return ground[real], widths, [np.unique(rim.row[np.r_[one[members[i]], other[members[i]]]]) for i in real]


def _strips(
    rim: _Rim, taken: Flags, gap_width: float, tolerance: float
) -> tuple[Rows, Rows, Numbers, Numbers, Numbers]:
    """Pair edges that face each other across bare ground no wider than a gap."""
    one, other = rim.near
    free = ~(taken[one] | taken[other])
    one, other = one[free], other[free]
    u, v = rim.end[one] - rim.start[one], rim.end[other] - rim.start[other]
    size_u, size_v = np.hypot(u[:, 0], u[:, 1]), np.hypot(v[:, 0], v[:, 1])
    against = (u * v).sum(axis=1) < _AGAINST * size_u * size_v
    # two edges of one outline that meet in a corner are a cut, which is what spikes are for
    corner = (rim.end_key[one] == rim.start_key[other]) | (rim.start_key[one] == rim.end_key[other])
    keep = against & ~(corner & (rim.row[one] == rim.row[other]))
    one, other, u, v, size_u = one[keep], other[keep], u[keep], v[keep], size_u[keep]
    unit = u / size_u[:, None]
    to_c, to_d = rim.start[other] - rim.start[one], rim.end[other] - rim.start[one]
    at_c, at_d = (to_c * unit).sum(axis=1), (to_d * unit).sum(axis=1)
    # bare ground lies on the right of an edge
    off_c = to_c[:, 0] * unit[:, 1] - to_c[:, 1] * unit[:, 0]
    off_d = to_d[:, 0] * unit[:, 1] - to_d[:, 1] * unit[:, 0]
    low, high = np.maximum(0, at_d), np.minimum(size_u, at_c)
    slope = (off_c - off_d) / (at_c - at_d)
    at_low, at_high = off_d + slope * (low - at_d), off_d + slope * (high - at_d)
    width, length = np.maximum(at_low, at_high), high - low
    narrow = (length > tolerance) & (np.minimum(at_low, at_high) >= -tolerance) & (width > tolerance)
    narrow &= width <= gap_width
    one, other, low, high = one[narrow], other[narrow], low[narrow], high[narrow]
    start, unit = rim.start[one], unit[narrow]
    right = np.stack([unit[:, 1], -unit[:, 0]], axis=1)
    near_low, near_high = start + unit * low[:, None], start + unit * high[:, None]
    corners = np.stack(
        [
            near_low,
            near_high,
            near_high + right * at_high[narrow][:, None],
            near_low + right * at_low[narrow][:, None],
            near_low,
        ],
        axis=1,
    )
    return one, other, length[narrow], width[narrow], corners


class _Runs:
    """Strips joined along the rim: runs of edges, how long each is, and which of its strips wait to be found."""

    def __init__(self, following: Rows, edges: Rows) -> None:
        self.parent: dict[int, int] = {}
        self.length: dict[int, float] = {}
        self.waiting: dict[int, list[int]] = {}
        self.after = {int(edge): int(following[edge]) for edge in edges}
        self.before = {after: edge for edge, after in self.after.items()}

    def root(self, edge: int) -> int:
        while self.parent[edge] != edge:
            self.parent[edge] = self.parent[self.parent[edge]]
            edge = self.parent[edge]
        return edge

    def join(self, left: int, right: int) -> None:
        keep, lose = sorted((self.root(left), self.root(right)))
        if keep != lose:
            self.parent[lose] = keep
            self.length[keep] += self.length.pop(lose)
            self.waiting[keep] += self.waiting.pop(lose)

    def add(self, edge: int) -> None:
        if edge in self.parent:
            return
        self.parent[edge], self.length[edge], self.waiting[edge] = edge, 0.0, []
        for beside in (self.after[edge], self.before.get(edge, -1)):
            if beside in self.parent:
                self.join(edge, beside)


def _long_enough(one: Rows, other: Rows, length: Numbers, width: Numbers, following: Rows, elongation: float) -> Rows:
    """
    Join strips along the rim from the narrowest to the widest, and keep the runs that were ever long enough.

    A run once found stays found when wider strips join it, so that a greater width never loses a gap.
    """
    runs = _Runs(following, np.unique(np.r_[one, other]))
    chosen = np.zeros(len(one), dtype=bool)
    for strip in np.lexsort((other, one, width)):
        pair = int(one[strip]), int(other[strip])
        runs.add(pair[0])
        runs.add(pair[1])
        runs.join(*pair)
        name = runs.root(pair[0])
        runs.length[name] += float(length[strip])
        runs.waiting[name].append(int(strip))
        if runs.length[name] >= elongation * width[strip]:
            chosen[runs.waiting[name]] = True
            runs.waiting[name] = []
    found = [runs.root(int(edge)) if kept else -1 for edge, kept in zip(one, chosen, strict=True)]
    return np.array(found, dtype=np.intp)


# --------------------------------------------------------------------------------------------------------- loose edges


def _loose(polygons: Geometries, tree: STRtree, rows: Rows) -> tuple[Rows, Geometries]:
    """Give the edges of suspected polygons that no neighbour matches; only their neighbourhood is looked at."""
    if not len(rows):
        return rows, np.empty(0, dtype=object)
    _, near = tree.query(polygons[rows])
    some = np.union1d(rows, near)
    loose = shapely.coverage_invalid_edges(polygons[some])[np.searchsorted(some, rows)]
    wrong = ~shapely.is_empty(loose)
    return rows[wrong], loose[wrong]
