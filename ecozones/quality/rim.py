"""
The rim of a layer: the edges that no neighbour cancels.

Two neighbours that share an edge walk it in opposite directions, so that the two cancel. What is left over is a small
part of a layer and holds all its faults: the number of polygons at any place is the winding number of the rim.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import shapely
from shapely import STRtree

from ecozones.quality.edges import Edges, Flags, Keys, Numbers, Rows, _place_keys, unique


def pair_alike(start_key: Keys, end_key: Keys) -> tuple[Rows, Rows]:
    """Sort edges so that those between the same two places stand together; number the pairs of places."""
    key = start_key + end_key
    order = np.argsort(key)
    key = key[order]
    group = np.zeros(len(key), dtype=np.intp)
    np.cumsum(key[1:] != key[:-1], out=group[1:])
    return order, group


def uncancelled(forward: Flags, order: Rows, group: Rows) -> Rows:
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
class Rim:
    """Edges that no neighbour cancels."""

    start: Numbers
    end: Numbers
    row: Rows
    start_key: Keys
    end_key: Keys
    # pairs of edges that come close, to be looked at for strips of bare ground between them
    near: tuple[Rows, Rows]
    # pieces of edges that meet another one elsewhere than at a common end, where they meet, and whose they are
    met: Flags
    crossings: Numbers
    met_rows: Rows

    @staticmethod
    def of(edges: Edges, rows: Rows) -> Rim:
        """Take the edges that no neighbour cancels."""
        here, back = edges.here[rows], edges.back[rows]
        first, last = here + back, here + ~back
        none = np.empty(0, dtype=np.intp)
        return Rim(
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

    def only(self, rows: Rows) -> Rim:
        """Keep some edges."""
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


def _close_again(rim: Rim, origin: Rows, before: tuple[Rows, Rows], reach: float) -> tuple[Rows, Rows]:
    """Pair the edges of a rim that was cut: whole edges as before the cut, pieces with what is close to them."""
    whole = ~rim.met
    now = np.full(max(each.max(initial=-1) for each in (origin, *before)) + 1, -1, dtype=np.intp)
    now[origin[whole]] = np.flatnonzero(whole)
    one, other = now[before[0]], now[before[1]]
    kept = (one >= 0) & (other >= 0)
    beside = np.r_[before[0][(one >= 0) & (other < 0)], before[1][(one < 0) & (other >= 0)]]
    some = unique(np.r_[np.flatnonzero(rim.met), now[beside]])
    left, right = _close_pairs(rim.start[some], rim.end[some], reach)
    new = rim.met[some[left]] | rim.met[some[right]]
    one, other = np.r_[one[kept], some[left[new]]], np.r_[other[kept], some[right[new]]]
    return np.minimum(one, other), np.maximum(one, other)


def noded(rim: Rim, reach: float, tolerance: float) -> Rim:
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
    kept = uncancelled(cut.start_key < cut.end_key, *pair_alike(cut.start_key, cut.end_key))
    thinned = dataclasses.replace(
        cut.only(kept),
        crossings=np.unique(place, axis=0),
        met_rows=np.unique(np.r_[rim.row[edge], rim.row[one[looked]][touched], rim.row[other[looked]][touched]]),
    )
    return dataclasses.replace(thinned, near=_close_again(thinned, origin[kept], (one, other), reach + tolerance))


def _along_each_other(rim: Rim, one: Rows, other: Rows, tolerance: float) -> Flags:
    """Tell which pairs of edges that have an end in common lie on each other for a while."""
    u, v = rim.end[one] - rim.start[one], rim.end[other] - rim.start[other]
    cross = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
    longer = np.maximum(np.hypot(u[:, 0], u[:, 1]), np.hypot(v[:, 0], v[:, 1]))
    # away from the common end they go the same way
    shared_start = (rim.start_key[one] == rim.start_key[other]) | (rim.end_key[one] == rim.end_key[other])
    same_way = np.where(shared_start, 1.0, -1.0) * (u * v).sum(axis=1) > 0
    return (cross <= tolerance * longer) & same_way


def _meetings(rim: Rim, one: Rows, other: Rows, tolerance: float) -> tuple[Rows, Numbers, Flags]:
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


def _cut_at(rim: Rim, edge: Rows, place: Numbers) -> tuple[Rim, Rows]:
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


def walk(rim: Rim) -> tuple[Rows, Flags]:
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


def cycles(following: Rows) -> Rows:
    """Give edges on one closed walk the same number, and -1 to those on none."""
    count = len(following)
    label = np.r_[np.arange(count), -1]
    step = np.r_[np.where(following < 0, count, following), count]
    for _ in range(max(1, int(count).bit_length())):
        label = np.minimum(label, label[step])
        step = step[step]
    return label[:count]
