"""
Where two sets of polygons meet: the one kernel.

A control line is few, huge polygons; sites and parcels are many small ones. The line is cut into pieces once, the
pieces are asked which small polygons lie wholly inside them, and only what is left is intersected. Pieces serve to find
and to measure; where a geometry is shown, it comes from the uncut polygon, so that no seam of ours appears in it.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree

from ecozones.edge_pairs import common_boxes, shared_areas
from ecozones.errors import GeometryError
from ecozones.geometry import polygonal

# measured on 128 to 1024: time is flat from 256 to 512, and memory falls, since every piece asked takes an index
PIECE_VERTICES = 384

# a polygon of fewer vertices is as quick to intersect whole as to clip first
_CLIPPED_VERTICES = 256

# a piece of fewer is not prepared: a county of parcels would take half a gigabyte of indexes that are asked a few times
_FEW_VERTICES = 64

# edges that lie together in one chunk of a boundary when distances are asked; measured flat between 8 and 24
_CHUNK_EDGES = 12

# shapes that are measured at a time, so that memory is bounded by them and not by the layer
_BATCH = 1024

# less than this share of the box common to a shape and a piece may be what rounding leaves of a touch
_TRACE_SHARE = 1e-9

# a cut that changes the area by more than this share is thrown away and made by the exact, slower overlay
_CUT_TOLERANCE = 1e-9

Geometries = NDArray[np.object_]
Rows = NDArray[np.intp]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclasses.dataclass(frozen=True, eq=False)
class Pieces:
    """
    The polygons of one layer, cut into pieces that are quick to ask.

    Parameters
    ----------
    whole
        The uncut polygons, in the order of the layer.
    geometry
        Their pieces; pieces of one polygon never share ground.
    feature
        For each piece, the row of its polygon in `whole`; ascending.
    tree
        Index over `geometry`.
    """

    whole: Geometries
    geometry: Geometries
    feature: Rows
    tree: STRtree

    def __reduce__(self) -> tuple[object, ...]:
        """Travel without tree and preparation, which are quicker made again than carried."""
        return Pieces.of, (self.whole, self.geometry, self.feature)

    @classmethod
    def of(cls, whole: Geometries, geometry: Geometries, feature: Rows) -> Pieces:
        """
        Give pieces that are cut already what it takes to ask them.

        Parameters
        ----------
        whole, geometry, feature
            As described above.

        Returns
        -------
        Pieces
            With a new index, and prepared.
        """
        pieces = cls(whole, geometry, feature, STRtree(geometry))
        shapely.prepare(geometry[~pieces.few])
        return pieces

    @functools.cached_property
    def few(self) -> Flags:
        """Which pieces have too few vertices to be worth an index each; a parcel's would be larger than the parcel."""
        return np.asarray(shapely.get_num_coordinates(self.geometry) <= _FEW_VERTICES)

    @functools.cached_property
    def edges(self) -> STRtree:
        """Index to ask for distances: polygons of few vertices as they are, others by a few edges at a time."""
        return self.tree if self.few.all() else STRtree(_boundary_chunks(self.whole))


def cut(polygons: Geometries, *, piece_vertices: int = PIECE_VERTICES, checked: bool = False) -> Pieces:
    """
    Cut polygons into pieces of few vertices.

    Parameters
    ----------
    polygons
        Valid polygons or multipolygons, shape (n,).
    piece_vertices
        The most vertices a piece may have; results do not depend on it.
    checked
        Whether the caller knows that the polygons are valid, such as those of a plan, which are checked at its door.

    Returns
    -------
    Pieces
        The pieces, with an index.

    Raises
    ------
    GeometryError
        A polygon is not valid, so that its pieces would mean nothing.

    Examples
    --------
    >>> pieces = cut(np.array([shapely.Point(0, 0).buffer(10, quad_segs=64)], dtype=object), piece_vertices=64)
    >>> len(pieces.geometry) > 1, bool(np.isclose(shapely.area(pieces.geometry).sum(), pieces.whole[0].area))
    (True, True)
    """
    whole = np.asarray(polygons, dtype=object)
    invalid = np.flatnonzero(~shapely.is_valid(whole)) if not checked else np.empty(0, dtype=np.intp)
    if len(invalid):
        first = int(invalid[0])
        message = (
            f"{len(invalid)} polygons are not valid, first row {first}: {shapely.is_valid_reason(whole[first])}; "
            "repair them before they are cut"
        )
        raise GeometryError(message)
    if (shapely.get_type_id(whole) == shapely.GeometryType.POLYGON).all():
        parts, owner = whole, np.arange(len(whole))
    else:
        parts, owner = shapely.get_parts(whole, return_index=True)
    large = np.flatnonzero(shapely.get_num_coordinates(parts) > piece_vertices)
    if not len(large):
        return Pieces.of(whole, parts, owner)
    pieces, part = _halve(parts[large], piece_vertices)
    geometry = np.concatenate([np.delete(parts, large), pieces])
    feature = np.concatenate([np.delete(owner, large), owner[large][part]])
    order = np.argsort(feature, kind="stable")
    return Pieces.of(whole, geometry[order], feature[order])


def is_cut(polygons: Geometries) -> bool:
    """
    Tell whether any polygon has so many vertices that it is cut into pieces.

    Parameters
    ----------
    polygons
        Polygons or multipolygons, shape (n,).

    Returns
    -------
    bool
        False where every piece is a polygon, or a part of one, as it was drawn.

    Examples
    --------
    >>> is_cut(np.array([shapely.box(0, 0, 1, 1)], dtype=object))
    False
    """
    return bool((shapely.get_num_coordinates(shapely.get_parts(polygons)) > PIECE_VERTICES).any())


def _halve(polygons: Geometries, piece_vertices: int) -> tuple[Geometries, Rows]:
    """Cut polygons in halves, across their longer sides, until every piece is small; give the polygon of each, too."""
    pieces, owner = _work_off(polygons, piece_vertices, careful=False)
    whole = shapely.area(polygons)
    error = np.abs(np.bincount(owner, weights=shapely.area(pieces), minlength=len(polygons)) - whole)
    spoilt = error > _CUT_TOLERANCE * whole
    spoilt[owner[~shapely.is_valid(pieces)]] = True
    again = np.flatnonzero(spoilt)
    if len(again):
        kept = ~spoilt[owner]
        mended, own = _work_off(polygons[again], piece_vertices, careful=True)
        pieces, owner = np.concatenate([pieces[kept], mended]), np.concatenate([owner[kept], again[own]])
    # an order of their own, whatever order they were cut in
    order = np.lexsort((*shapely.bounds(pieces).T[::-1], owner))
    return pieces[order], owner[order]


def _work_off(polygons: Geometries, piece_vertices: int, *, careful: bool) -> tuple[Geometries, Rows]:
    """Halve all that is too large, over and over; every round looks at all pieces together."""
    done: list[Geometries] = []
    owners: list[Rows] = []
    waiting, owner = polygons, np.arange(len(polygons))
    whole = np.zeros(len(polygons), dtype=bool)
    while len(waiting):
        vertices = shapely.get_num_coordinates(waiting)
        small = (vertices <= piece_vertices) | whole
        done.append(waiting[small])
        owners.append(owner[small])
        waiting, owner, vertices = waiting[~small], owner[~small], vertices[~small]
        halves = _cut_across(waiting, careful=careful)
        parts, half = shapely.get_parts(polygonal(halves), return_index=True)
        ground = shapely.area(parts) > 0
        parts, piece = parts[ground], half[ground] // 2
        alone = np.bincount(piece, minlength=len(waiting))[piece] == 1
        # a piece that lost no vertex by being cut has them all at one place: nothing is left to halve
        whole = alone & (shapely.get_num_coordinates(parts) >= vertices[piece])
        waiting, owner = parts, owner[piece]
    return np.concatenate(done), np.concatenate(owners)


def _cut_across(polygons: Geometries, *, careful: bool) -> Geometries:
    """Cut each polygon in two in the middle of its longer side: west or south first, shape (2 n,)."""
    west, south, east, north = shapely.bounds(polygons).T
    wide = east - west >= north - south
    x, y = np.where(wide, (west + east) / 2, east), np.where(wide, north, (south + north) / 2)
    first = np.c_[west, south, x, y]
    second = np.c_[np.where(wide, x, west), np.where(wide, south, y), east, north]
    halves = np.empty(2 * len(polygons), dtype=object)
    for i, (polygon, *boxes) in enumerate(zip(polygons, first.tolist(), second.tolist(), strict=True)):
        cut_in_two = [clip(polygon, *box) for box in boxes]
        if careful and not _halves_hold(polygon, cut_in_two):
            cut_in_two = [shapely.intersection(polygon, shapely.box(*box)) for box in boxes]
        halves[2 * i], halves[2 * i + 1] = cut_in_two
    return halves


def _halves_hold(piece: shapely.Geometry, halves: list[shapely.Geometry]) -> bool:
    whole_area = shapely.area(piece)
    balanced = abs(sum(shapely.area(half) for half in halves) - whole_area) <= _CUT_TOLERANCE * whole_area
    return bool(balanced and all(shapely.is_valid(half) for half in halves))


@dataclasses.dataclass(frozen=True, eq=False)
class Meetings:
    """
    Where shapes meet the polygons of a layer: one row for each shape and polygon that truly meet.

    Parameters
    ----------
    shape
        Row of the shape; ascending, then by polygon.
    feature
        Row of the polygon in the layer.
    geometry
        The ground (or length, or points) they share, of the dimension of the shape; empty where they only touch.
    """

    shape: Rows
    feature: Rows
    geometry: Geometries


def meet(shapes: Geometries, pieces: Pieces) -> Meetings:
    """
    Find what each shape shares with each polygon of a layer.

    Parameters
    ----------
    shapes
        Valid polygons, lines or points in the CRS of the pieces, shape (n,).
    pieces
        A layer, cut.

    Returns
    -------
    Meetings
        One row for each pair that meets, in the order of shapes, then of the layer: for any order of the pieces.

    Examples
    --------
    >>> layer = cut(np.array([shapely.box(0, 0, 2, 2)], dtype=object))
    >>> met = meet(np.array([shapely.box(1, 1, 3, 3), shapely.box(5, 5, 6, 6)], dtype=object), layer)
    >>> met.shape.tolist(), shapely.area(met.geometry).tolist()
    ([0], [1.0])
    """
    shape, piece, inside = _pairs(shapes, pieces)
    feature = pieces.feature[piece]
    key = shape * (len(pieces.whole) + 1) + feature
    order = np.argsort(key, kind="stable")
    shape, feature, piece, inside, key = shape[order], feature[order], piece[order], inside[order], key[order]
    first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else np.empty(0, dtype=np.intp)
    count = np.diff(np.r_[first, len(key)])
    pair_shape, pair_feature = shape[first], feature[first]
    geometry = np.empty(len(first), dtype=object)

    wholly = np.logical_or.reduceat(inside, first) if len(first) else np.empty(0, dtype=bool)
    geometry[wholly] = shapes[pair_shape[wholly]]
    single = ~wholly & (count == 1)
    geometry[single] = shapely.intersection(shapes[pair_shape[single]], pieces.geometry[piece[first[single]]])
    seamed = np.flatnonzero(~wholly & (count > 1))
    geometry[seamed] = _intersect_uncut(shapes[pair_shape[seamed]], pieces.whole[pair_feature[seamed]])
    return Meetings(pair_shape, pair_feature, keep_dimension(geometry, shapely.get_dimensions(shapes[pair_shape])))


def overlap_areas(shapes: Geometries, pieces: Pieces) -> tuple[Rows, Rows, Numbers]:
    """
    Measure the planar area that each polygon shares with each polygon of a layer.

    The sum runs over pieces in a fixed order, so it is the same for any order and tiling of the shapes.

    Parameters
    ----------
    shapes
        Valid polygons in the CRS of the pieces, shape (n,).
    pieces
        A layer, cut.

    Returns
    -------
    tuple
        Rows of shapes, rows of polygons, and the area they share in the plane of the CRS [unit²]; only pairs that share
        ground, in the order of shapes, then of the layer.

    Examples
    --------
    >>> layer = cut(np.array([shapely.box(0, 0, 2, 2)], dtype=object))
    >>> overlap_areas(np.array([shapely.box(1, 1, 3, 3)], dtype=object), layer)[2].tolist()
    [1.0]
    """
    starts = range(0, max(len(shapes), 1), _BATCH)
    found = [_pairs(shapes[start : start + _BATCH], pieces) for start in starts]
    shape = np.concatenate([rows + start for start, (rows, _, _) in zip(starts, found, strict=True)])
    piece = np.concatenate([rows for _, rows, _ in found])
    inside = np.concatenate([flags for _, _, flags in found])
    area = np.empty(len(shape))
    area[inside] = shapely.area(shapes[shape[inside]])
    area[~inside] = _cut_areas(shapes, pieces.geometry, shape[~inside], piece[~inside])
    key = shape * (len(pieces.whole) + 1) + pieces.feature[piece]
    order = np.lexsort((piece, key))
    pairs, first = np.unique(key[order], return_index=True)
    total = np.add.reduceat(area[order], first) if len(first) else np.empty(0)
    shares = total > 0
    row, feature = np.divmod(pairs[shares], len(pieces.whole) + 1)
    return row, feature, total[shares]


def _cut_areas(shapes: Geometries, pieces: Geometries, shape: Rows, piece: Rows) -> Numbers:
    """Measure what shapes share with pieces; where that is so little that rounding may have made it, by a cut."""
    area = shared_areas(shapes, pieces, shape, piece)
    west, south, east, north = common_boxes(shapes[shape], pieces[piece])
    traces = np.flatnonzero(area <= _TRACE_SHARE * (east - west) * (north - south))
    area[traces] = shapely.area(shapely.intersection(shapes[shape[traces]], pieces[piece[traces]]))
    return area


def _pairs(shapes: Geometries, pieces: Pieces) -> tuple[Rows, Rows, Flags]:
    """Pair shapes with the pieces they meet, and tell which lie wholly inside one."""
    shape, piece, few = _near(shapes, pieces)
    inside = np.zeros(len(shape), dtype=bool)
    large = np.flatnonzero(~few)
    inside[large] = _piece_by_piece(shapely.contains_properly, pieces, piece[large], shapes[shape[large]])
    meets = inside | few
    maybe = large[~inside[large]]
    meets[maybe] = _piece_by_piece(shapely.intersects, pieces, piece[maybe], shapes[shape[maybe]])
    small = np.flatnonzero(few)
    small = small[_boxes_hold(pieces.geometry[piece[small]], shapes[shape[small]])]
    inside[small] = shapely.contains_properly(pieces.geometry[piece[small]], shapes[shape[small]])
    return shape[meets], piece[meets], inside[meets]


def _near(shapes: Geometries, pieces: Pieces) -> tuple[Rows, Rows, Flags]:
    """Pair shapes with the small pieces that they meet, and with the large ones that they may meet."""
    shape, piece = pieces.tree.query(shapes)
    few = pieces.few[piece]
    meets = ~few
    # among many small pieces it is the shape that is asked over and over: a copy of it is prepared, and gone afterwards
    asked, own = np.unique(shape[few], return_inverse=True)
    copies = shapely.from_wkb(shapely.to_wkb(shapes[asked]))
    shapely.prepare(copies)
    meets[few] = shapely.intersects(copies[own], pieces.geometry[piece[few]])
    return shape[meets], piece[meets], few[meets]


def _piece_by_piece(
    ask: Callable[[Geometries, Geometries], Flags], pieces: Pieces, piece: Rows, shapes: Geometries
) -> Flags:
    """Ask everything about one piece before the next, whose index would push the other's out of the cache."""
    order = np.argsort(piece, kind="stable")
    answers = np.empty(len(piece), dtype=bool)
    answers[order] = ask(pieces.geometry[piece[order]], shapes[order])
    return answers


def _boxes_hold(outer: Geometries, inner: Geometries) -> Flags:
    around, within = shapely.bounds(outer), shapely.bounds(inner)
    return np.asarray((around[:, :2] <= within[:, :2]).all(axis=1) & (around[:, 2:] >= within[:, 2:]).all(axis=1))


def _intersect_uncut(shapes: Geometries, polygons: Geometries) -> Geometries:
    """Intersect with the uncut polygon, of which only the neighbourhood of the shape is looked at."""
    windows = _Windows()
    near = np.empty(len(shapes), dtype=object)
    for i, (bounds, polygon) in enumerate(zip(shapely.bounds(shapes).tolist(), polygons, strict=True)):
        near[i] = windows.near(polygon, bounds)
    return np.asarray(shapely.intersection(shapes, near))


def look_near(polygon: shapely.Geometry, shape: shapely.Geometry) -> shapely.Geometry:
    """
    Give the neighbourhood of a shape in a polygon, whatever lies further off left out.

    Parameters
    ----------
    polygon
        A valid polygon of any size.
    shape
        A geometry that is not empty.

    Returns
    -------
    Polygon or MultiPolygon
        Within reach of the shape the same ground as the polygon; edges of ours stay clear of the shape.

    Examples
    --------
    >>> far = shapely.Point(0, 0).buffer(1_000, quad_segs=200)
    >>> bool(look_near(far, shapely.box(990, -5, 1010, 5)).area < 1_000)
    True
    """
    return _Windows().near(polygon, shapely.bounds(shape).tolist())


class _Windows:
    """
    Polygons seen through windows of a fixed grid, each cut from the next larger one.

    A cell of the grid is at least a quarter wider than the shape whose centre it holds, and its window reaches half a
    cell further on every side: edges of windows stay clear of the shape and leave no vertex in the answer. The grid is
    the same for every call, so what a shape is shown does not depend on its company.
    """

    # each window is eight times as wide as the next smaller one: fewer steps copy too much, more steps clip too often
    _STEP = 3
    # a polygon that is no more cells wide than this is clipped to each shape at once
    _FEW = 32

    def __init__(self) -> None:
        self._seen: dict[tuple[int, int, int, int], shapely.Geometry] = {}

    def near(self, polygon: shapely.Geometry, bounds: list[float]) -> shapely.Geometry:
        west, south, east, north = bounds
        side = max(east - west, north - south)
        # below this, neighbouring numbers lie too far apart to tell a window from its shape
        side = max(side, 2.0**-20 * max(abs(west), abs(east), abs(south), abs(north), 2.0**-20))
        level = math.ceil(math.log2(1.25 * side) / self._STEP) * self._STEP
        cell = 2.0**level
        seen = polygon
        if _extent(polygon) > self._FEW * cell:
            seen = self._look(
                polygon, level, math.floor((west + east) / 2 / cell), math.floor((south + north) / 2 / cell)
            )
        pad = 0.05 * side
        window = _clip(seen, west - pad, south - pad, east + pad, north + pad)
        return window if shapely.is_valid(window) else polygon

    def _look(self, polygon: shapely.Geometry, level: int, column: int, row: int) -> shapely.Geometry:
        """See a polygon through a window, which need not be valid along the edges of the window."""
        key = (id(polygon), level, column, row)
        if key not in self._seen:
            cell = 2.0**level
            larger = polygon
            if _extent(polygon) > 2 * cell:
                larger = self._look(polygon, level + self._STEP, column >> self._STEP, row >> self._STEP)
            self._seen[key] = _clip(
                larger, (column - 0.5) * cell, (row - 0.5) * cell, (column + 1.5) * cell, (row + 1.5) * cell
            )
        return self._seen[key]


def _extent(polygon: shapely.Geometry) -> float:
    west, south, east, north = shapely.bounds(polygon)
    return float(max(east - west, north - south))


def _clip(polygon: shapely.Geometry, west: float, south: float, east: float, north: float) -> shapely.Geometry:
    """Clip a polygon of many vertices; one of few is as quick to ask whole."""
    if shapely.get_num_coordinates(polygon) <= _CLIPPED_VERTICES:
        return polygon
    return clip(polygon, west, south, east, north)


def clip(polygon: shapely.Geometry, west: float, south: float, east: float, north: float) -> shapely.Geometry:
    """
    Clip a polygon to a window, by the quick way where it can be gone.

    Parameters
    ----------
    polygon
        A valid polygon.
    west, south, east, north
        The window.

    Returns
    -------
    Geometry
        The part inside; along the edges of the window it need not be valid.

    Examples
    --------
    >>> clip(shapely.box(0, 0, 4, 4), 1, 1, 2, 3).area
    2.0
    """
    try:
        return shapely.clip_by_rect(polygon, west, south, east, north)
    except shapely.errors.GEOSException:
        # the quick way stumbles over rings that shrink to a line; the exact one does not
        return shapely.intersection(polygon, shapely.box(west, south, east, north))


def keep_dimension(geometry: Geometries, dimension: NDArray[np.int32]) -> Geometries:
    """
    Keep the parts of geometries that have a given dimension: ground of areas, length of lines, points of points.

    Parameters
    ----------
    geometry
        Any geometries, shape (n,).
    dimension
        2, 1 or 0 for each, shape (n,).

    Returns
    -------
    ndarray
        Geometries of just that dimension, possibly empty.

    Examples
    --------
    >>> touch = shapely.intersection(shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1))
    >>> keep_dimension(np.array([touch], dtype=object), np.array([2]))[0].is_empty
    True
    """
    out = geometry.copy()
    other = np.flatnonzero((shapely.get_dimensions(geometry) != dimension) | _is_collection(geometry))
    for i in other:
        parts = shapely.get_parts(geometry[i])
        parts = shapely.get_parts(parts)  # a collection may hold multi-part geometries
        parts = parts[(shapely.get_dimensions(parts) == dimension[i]) & ~shapely.is_empty(parts)]
        empty = (shapely.Point(), shapely.LineString(), shapely.Polygon())[int(dimension[i])]
        out[i] = shapely.union_all(parts) if len(parts) else empty
    return out


def _is_collection(geometry: Geometries) -> Flags:
    return np.asarray(shapely.get_type_id(geometry) == shapely.GeometryType.GEOMETRYCOLLECTION)


def unite(geometry: Geometries, group: Rows, n_groups: int) -> Geometries:
    """
    Unite geometries by group, so that ground in several of them is counted once.

    Parameters
    ----------
    geometry
        Geometries, shape (n,).
    group
        Group of each, 0 to n_groups - 1, shape (n,).
    n_groups
        Number of groups.

    Returns
    -------
    ndarray
        One geometry a group, None for a group without members, shape (n_groups,).

    Examples
    --------
    >>> parts = np.array([shapely.box(0, 0, 2, 1), shapely.box(1, 0, 3, 1)], dtype=object)
    >>> shapely.area(unite(parts, np.array([0, 0]), 1)).tolist()
    [3.0]
    """
    out = np.full(n_groups, None, dtype=object)
    order = np.argsort(group, kind="stable")
    members, first, count = np.unique(group[order], return_index=True, return_counts=True)
    for member, start, size in zip(members, first, count, strict=True):
        rows = order[start : start + size]
        out[member] = geometry[rows[0]] if size == 1 else shapely.union_all(geometry[rows])
    return out


def nearest(shapes: Geometries, pieces: Pieces) -> Numbers:
    """
    Measure the planar distance from each shape to the nearest polygon of a layer.

    Parameters
    ----------
    shapes
        Geometries in the CRS of the pieces, shape (n,).
    pieces
        A layer, cut.

    Returns
    -------
    ndarray
        Distance, 0 where they meet, NaN where the layer is empty. [unit of the CRS]

    Examples
    --------
    >>> layer = cut(np.array([shapely.box(0, 0, 2, 2)], dtype=object))
    >>> nearest(np.array([shapely.Point(5, 1)], dtype=object), layer).tolist()
    [3.0]
    """
    distance = np.full(len(shapes), np.nan)
    if len(pieces.geometry):
        meets = np.zeros(len(shapes), dtype=bool)
        meets[meeting_pairs(shapes, pieces)[0]] = True
        # what meets no polygon is nearest to a boundary, of which only a few edges are ever looked at
        away = np.flatnonzero(~meets)
        (shape, _), found = pieces.edges.query_nearest(shapes[away], return_distance=True, all_matches=False)
        distance[meets] = 0.0
        distance[away[shape]] = found
    return distance


def meeting_pairs(shapes: Geometries, pieces: Pieces) -> tuple[Rows, Rows]:
    """
    Tell which shapes meet which polygons of a layer, where nothing else is asked.

    Parameters
    ----------
    shapes
        Geometries in the CRS of the pieces, shape (n,).
    pieces
        A layer, cut.

    Returns
    -------
    tuple
        Rows of shapes and rows of polygons that share at least a point, in the order of shapes, then of polygons.

    Examples
    --------
    >>> layer = cut(shapely.box([0, 5], [0, 5], [2, 6], [2, 6]))
    >>> shape, polygon = meeting_pairs(np.array([shapely.Point(1, 1)], dtype=object), layer)
    >>> shape.tolist(), polygon.tolist()
    ([0], [0])
    """
    width = len(pieces.whole) + 1
    found = []
    for start in range(0, len(shapes), _BATCH):
        shape, piece, few = _near(shapes[start : start + _BATCH], pieces)
        meets = few.copy()
        meets[~few] = _piece_by_piece(shapely.intersects, pieces, piece[~few], shapes[start + shape[~few]])
        found.append(np.unique((start + shape[meets]) * width + pieces.feature[piece[meets]]))
    row, polygon = np.divmod(np.concatenate(found) if found else np.empty(0, dtype=np.intp), width)
    return row, polygon


def _boundary_chunks(polygons: Geometries) -> Geometries:
    """Cut boundaries into lines of a few edges; a line begins where the one before it ends."""
    xy, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(polygons)), return_index=True)
    # an edge starts at every vertex of a ring but its last
    edge = np.flatnonzero(ring[1:] == ring[:-1])
    start = np.searchsorted(ring, ring[edge])
    first = np.flatnonzero((edge - start) % _CHUNK_EDGES == 0)
    vertices = np.diff(np.r_[first, len(edge)]) + 1
    chunk = np.repeat(np.arange(len(first)), vertices)
    along = np.arange(len(chunk)) - np.repeat(np.cumsum(vertices) - vertices, vertices)
    return np.asarray(shapely.linestrings(xy[edge[first][chunk] + along], indices=chunk), dtype=object)
