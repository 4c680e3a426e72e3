"""Narrow ground that no polygon of a layer covers, enclosed or open to the outside."""

from __future__ import annotations

import dataclasses

import numpy as np
import shapely
from shapely import STRtree

from ecozones.geometry import parts, polygonal
from ecozones.quality.edges import Flags, Geometries, Numbers, Rows
from ecozones.quality.rim import Rim, cycles, walk

# two edges are looked at as a strip of bare ground if they run against each other by more than this [cosine]
_AGAINST = -0.5
# steps to find a width: they cut the range of radii to a thousandth for strips 100 000 times longer than wide
_HALVINGS = 13


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


def find_gaps(
    polygons: Geometries, tree: STRtree, rim: Rim, gap_width: float, elongation: float, tolerance: float
) -> Gaps:
    """Find narrow bare ground along the rim of a layer, enclosed or open."""
    none = np.empty(0, dtype=object)
    if gap_width <= 0 or not len(rim.row):
        return Gaps(none, np.empty(0), np.empty(0, dtype=bool), ())
    following, _ = walk(rim)
    cycle = cycles(following)
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
    polygons: Geometries, tree: STRtree, rim: Rim, following: Rows, cycle: Rows, gap_width: float, tolerance: float
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
    rim: Rim, following: Rows, names: Rows, area: Numbers, member: Rows, start: Numbers, hole: Rows
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
    rim: Rim,
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


def _strips(rim: Rim, taken: Flags, gap_width: float, tolerance: float) -> tuple[Rows, Rows, Numbers, Numbers, Numbers]:
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
