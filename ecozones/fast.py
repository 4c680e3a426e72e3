"""
Areas that sites share with a line, from pairs of edges, compiled by numba: the same numbers as :mod:`ecozones.overlay`.

The area of a polygon is what lies under its upper edges less what lies under its lower ones. The area that two
polygons share is the same sum over pairs of edges, one of each: what lies under both. No intersection is built, no
predicate is asked, and nothing can fail on coordinates that nearly coincide. So that few pairs of edges meet, a line is
first divided into cells of a few edges each: an edge above a cell is a piece of its ceiling there, and ceilings that
cancel vanish.

Nothing needs this module. It agrees with the kernel on GEOS to 1e-9 of the area of a shape.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree

from ecozones.errors import GeometryError, MissingDependencyError
from ecozones.overlay import Geometries, Numbers, Rows

try:
    import numba
except ModuleNotFoundError as missing:
    _message = "the compiled kernel needs numba: pip install 'ecozones[fast]'; every answer can be had without it"
    raise MissingDependencyError(_message) from missing

# edges that a cell may have; measured flat between 96 and 384
_CELL_EDGES = 192
# cells whose edges cross each other over and over stay as they are
_DEEPEST = 48
# less than this share of a shape is what rounding leaves of a touch
_NOISE_SHARE = 1e-12

# columns of an edge: left x, y at the left, right x, y at the right, and +1 where ground lies below it, else -1
_COLUMNS = 5
Edges = NDArray[np.float64]


@dataclasses.dataclass(frozen=True, eq=False)
class Cells:
    """
    The polygons of one layer as cells of a few edges each.

    Parameters
    ----------
    edges
        Edges of all cells, relative to `origin`, shape (n, 5).
    first
        Where the edges of each cell begin, and the number of all edges, shape (cells + 1,).
    bounds
        West, south, east and north of each cell, relative to `origin`.
    feature
        For each cell, the row of its polygon.
    features
        Number of polygons.
    origin
        Whole numbers, so that taking them off loses no digit.
    tree
        Index over the cells.
    """

    edges: Edges
    first: Rows
    bounds: Numbers
    feature: Rows
    features: int
    origin: Numbers
    tree: STRtree


def cut(polygons: Geometries, *, cell_edges: int = _CELL_EDGES, checked: bool = False) -> Cells:
    """
    Divide polygons into cells of few edges.

    Parameters
    ----------
    polygons
        Valid polygons or multipolygons, shape (n,).
    cell_edges
        The most edges a cell may have; results depend on it only in their last digits.
    checked
        Whether the caller knows that the polygons are valid, such as those of a plan, which are checked at its door.

    Returns
    -------
    Cells
        The cells, with an index.

    Raises
    ------
    GeometryError
        A polygon is not valid, so that what lies under its edges would mean nothing.

    Examples
    --------
    >>> cells = cut(np.array([shapely.Point(0, 0).buffer(10, quad_segs=64)], dtype=object))
    >>> int(np.diff(cells.first).max()) <= 192
    True
    """
    polygons = np.asarray(polygons, dtype=object)
    invalid = np.flatnonzero(~shapely.is_valid(polygons)) if not checked else np.empty(0, dtype=np.intp)
    if len(invalid):
        message = f"{len(invalid)} polygons are not valid, first row {invalid[0]}; repair them before they are cut"
        raise GeometryError(message)
    origin = np.floor(shapely.total_bounds(polygons)[:2]) if len(polygons) else np.zeros(2)
    large = shapely.get_num_coordinates(polygons) > cell_edges
    # a polygon of few edges is a cell as it is
    small = np.flatnonzero(~large)
    edges, first = _edges(polygons[small], origin)
    boxes, feature = shapely.bounds(polygons[small]) - np.tile(origin, 2), small
    if large.any():
        halved, starts, halved_boxes, row = _divide(*_edges(polygons[large], origin), cell_edges)
        first = np.concatenate([first[:-1], starts + len(edges)])
        edges, boxes = np.concatenate([edges, halved]), np.concatenate([boxes, halved_boxes])
        feature = np.concatenate([feature, np.flatnonzero(large)[row]])
    tree = STRtree(shapely.box(*(boxes + np.tile(origin, 2)).T))
    return Cells(edges, first, boxes, feature, len(polygons), origin, tree)


def overlap_areas(shapes: Geometries, cells: Cells) -> tuple[Rows, Rows, Numbers]:
    """
    Measure the planar area that each polygon shares with each polygon of a layer.

    Parameters
    ----------
    shapes
        Valid polygons in the CRS of the cells, shape (n,).
    cells
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
    shapes = np.asarray(shapes, dtype=object)
    shape, cell = cells.tree.query(shapes)
    key = shape * (cells.features + 1) + cells.feature[cell]
    # the sum runs over cells in their order, whatever order the index gives them in
    order = np.lexsort((cell, key))
    shape, cell, key = shape[order], cell[order], key[order]
    edges, first = _edges(shapes, cells.origin)
    bounds = shapely.bounds(shapes) - np.tile(cells.origin, 2)
    area = _shared(edges, first, bounds, shape, cells.edges, cells.first, cells.bounds, cell)
    pairs, start = np.unique(key, return_index=True)
    total = np.add.reduceat(area, start) if len(start) else np.empty(0)
    row = pairs // (cells.features + 1)
    shares = total > _NOISE_SHARE * shapely.area(shapes)[row]
    return row[shares], pairs[shares] % (cells.features + 1), total[shares]


def _edges(polygons: Geometries, origin: Numbers) -> tuple[Edges, Rows]:
    """Take the edges of polygons that are not upright, from left to right, and where those of each polygon begin."""
    if not len(polygons):
        return np.empty((0, _COLUMNS)), np.zeros(1, dtype=np.intp)
    _, xy, offsets = shapely.to_ragged_array(polygons, include_z=False)
    ring, part = (offset.astype(np.intp) for offset in offsets[:2])
    row = offsets[2].astype(np.intp) if len(offsets) > 2 else np.arange(len(part))  # noqa: PLR2004 - multipolygons
    return _directed(xy - origin, ring, part, row)


@numba.njit(nogil=True, cache=True)
def _directed(xy, rings, parts, rows):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - numba infers them
    """Turn rings into edges from left to right that know on which side the ground lies."""
    edges, first = np.empty((len(xy), 5)), np.zeros(len(rows), np.intp)
    n = 0
    for row in range(len(rows) - 1):
        for part in range(rows[row], rows[row + 1]):
            for ring in range(parts[part], parts[part + 1]):
                start, end = rings[ring], rings[ring + 1] - 1
                twice = 0.0
                for i in range(start, end):
                    # relative to the first vertex: differences are small and lose nothing
                    twice += (xy[i, 0] - xy[start, 0]) * (xy[i + 1, 1] - xy[start, 1])
                    twice -= (xy[i + 1, 0] - xy[start, 0]) * (xy[i, 1] - xy[start, 1])
                ground_left = (twice > 0) == (ring == parts[part])
                for i in range(start, end):
                    x0, y0, x1, y1 = xy[i, 0], xy[i, 1], xy[i + 1, 0], xy[i + 1, 1]
                    # ground lies below an edge that runs from right to left with ground on its left
                    if x0 < x1:
                        n = _put(edges, n, x0, y0, x1, y1, -1.0 if ground_left else 1.0)
                    else:
                        n = _put(edges, n, x1, y1, x0, y0, 1.0 if ground_left else -1.0)
        first[row + 1] = n
    return edges[:n], first


@numba.njit(nogil=True, cache=True)
def _room(table, used, more):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Give a table room for more rows, twice as many at a time."""
    if used + more <= len(table):
        return table
    wider = np.empty((2 * (used + more), table.shape[1]))
    wider[:used] = table[:used]
    return wider


@numba.njit(nogil=True, cache=True)
def _put(table, row, x0, y0, x1, y1, sign):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Write an edge, and give the next free row; an upright edge has nothing under it."""
    if x1 <= x0:
        return row
    table[row, 0], table[row, 1], table[row, 2], table[row, 3], table[row, 4] = x0, y0, x1, y1, sign
    return row + 1


@numba.njit(nogil=True, cache=True)
def _ceiling(events, n, height, table, row):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Write the ceiling of a cell: where more edges above it have ground below than above."""
    order = np.argsort(events[:n, 0])
    winding, begin = 0.0, 0.0
    i = 0
    while i < n:
        x, change = events[order[i], 0], 0.0
        while i < n and events[order[i], 0] == x:
            change += events[order[i], 1]
            i += 1
        if change != 0.0:
            if winding != 0.0:
                row = _put(table, row, begin, height, x, height, winding)
            winding, begin = winding + change, x
    return row


@numba.njit(nogil=True, cache=True)
def _divide(edges, first, most):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202, C901, PLR0912, PLR0915
    """Halve the box of each polygon across its longer side until each cell has few edges."""
    done = np.empty((2 * len(edges) + 16, 5))
    boxes = np.empty((len(first) + 16, 6))
    n_done, n_boxes = 0, 0
    pool = np.empty((len(edges) + 16, 5))
    # written over and over: fresh memory for every cell costs more than the cutting
    cell, one, two, events = np.empty((16, 5)), np.empty((48, 5)), np.empty((16, 5)), np.empty((32, 2))
    for feature in range(len(first) - 1):
        count = first[feature + 1] - first[feature]
        if count == 0:
            continue
        own = edges[first[feature] : first[feature + 1]]
        west, east = own[:, 0].min(), own[:, 2].max()
        south = min(own[:, 1].min(), own[:, 3].min())
        north = max(own[:, 1].max(), own[:, 3].max())
        pool[:count] = own
        used = count
        waiting = [(west, south, east, north, count, 0)]
        while waiting:
            west, south, east, north, count, depth = waiting.pop()
            used -= count
            cell = _room(cell, 0, count)
            cell[:count] = pool[used : used + count]
            if count <= most or depth >= _DEEPEST:
                done = _room(done, n_done, count)
                boxes = _room(boxes, n_boxes, 1)
                done[n_done : n_done + count] = cell[:count]
                boxes[n_boxes, 0], boxes[n_boxes, 1], boxes[n_boxes, 2], boxes[n_boxes, 3] = west, south, east, north
                boxes[n_boxes, 4], boxes[n_boxes, 5] = feature, n_done
                n_done += count
                n_boxes += 1
                continue
            one, two, events = _room(one, 0, 3 * count + 2), _room(two, 0, count), _room(events, 0, 2 * count)
            n_one, n_two = 0, 0
            if east - west >= north - south:
                middle = (west + east) / 2
                for i in range(count):
                    x0, y0, x1, y1, sign = cell[i]
                    if x1 <= middle:
                        n_one = _put(one, n_one, x0, y0, x1, y1, sign)
                    elif x0 >= middle:
                        n_two = _put(two, n_two, x0, y0, x1, y1, sign)
                    else:
                        y = y0 + (y1 - y0) * ((middle - x0) / (x1 - x0))
                        n_one = _put(one, n_one, x0, y0, middle, y, sign)
                        n_two = _put(two, n_two, middle, y, x1, y1, sign)
                sides = ((west, south, middle, north), (middle, south, east, north))
            else:
                middle = (south + north) / 2
                n = 0
                for i in range(count):
                    x0, y0, x1, y1, sign = cell[i]
                    if y0 <= middle and y1 <= middle:
                        n_one = _put(one, n_one, x0, y0, x1, y1, sign)
                        continue
                    above, beyond = x0, x1
                    if y0 < middle or y1 < middle:
                        x = min(max(x0 + (x1 - x0) * ((middle - y0) / (y1 - y0)), x0), x1)
                        if y0 < middle:
                            n_one = _put(one, n_one, x0, y0, x, middle, sign)
                            n_two = _put(two, n_two, x, middle, x1, y1, sign)
                            above = x
                        else:
                            n_two = _put(two, n_two, x0, y0, x, middle, sign)
                            n_one = _put(one, n_one, x, middle, x1, y1, sign)
                            beyond = x
                    else:
                        n_two = _put(two, n_two, x0, y0, x1, y1, sign)
                    events[n, 0], events[n, 1], events[n + 1, 0], events[n + 1, 1] = above, sign, beyond, -sign
                    n += 2
                n_one = _ceiling(events, n, middle, one, n_one)
                sides = ((west, south, east, middle), (west, middle, east, north))
            pool = _room(pool, used, n_one + n_two)
            if n_one:
                pool[used : used + n_one] = one[:n_one]
                used += n_one
                waiting.append((*sides[0], n_one, depth + 1))
            if n_two:
                pool[used : used + n_two] = two[:n_two]
                used += n_two
                waiting.append((*sides[1], n_two, depth + 1))
    starts = np.empty(n_boxes + 1, np.intp)
    starts[:n_boxes] = boxes[:n_boxes, 5].astype(np.intp)
    starts[n_boxes] = n_done
    return done[:n_done].copy(), starts, boxes[:n_boxes, :4].copy(), boxes[:n_boxes, 4].astype(np.intp)


@numba.njit(nogil=True, cache=True)
def _above_ground(width, low, high):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Integrate a straight slope where it is above zero."""
    if low >= 0.0 and high >= 0.0:
        return width * (low + high) / 2
    if low <= 0.0 and high <= 0.0:
        return 0.0
    top = max(low, high)
    return width * top * top / (2 * abs(high - low))


@numba.njit(nogil=True, cache=True)
def _shared(edges, first, shape_bounds, shape, cell_edges, cell_first, cell_bounds, cell):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202, C901
    """Sum what lies under both edges, over all pairs of an edge of a shape and an edge of a cell."""
    area = np.zeros(len(shape))
    near = np.empty(16, np.intp)
    for k in range(len(shape)):
        mine, its = shape_bounds[shape[k]], cell_bounds[cell[k]]
        west, east = max(mine[0], its[0]), min(mine[2], its[2])
        floor = max(mine[1], its[1])
        start, end = first[shape[k]], first[shape[k] + 1]
        if end - start > len(near):
            near = np.empty(2 * (end - start), np.intp)
        n = 0
        for i in range(start, end):
            if edges[i, 0] < east and edges[i, 2] > west and (edges[i, 1] > floor or edges[i, 3] > floor):
                near[n] = i
                n += 1
        if n == 0:
            continue
        total = 0.0
        for j in range(cell_first[cell[k]], cell_first[cell[k] + 1]):
            bx0, by0, bx1, by1, b_sign = cell_edges[j]
            if bx1 <= west or bx0 >= east or (by0 <= floor and by1 <= floor):
                continue
            b_slope = (by1 - by0) / (bx1 - bx0)
            for m in range(n):
                i = near[m]
                ax0, ax1 = edges[i, 0], edges[i, 2]
                low, high = max(ax0, bx0), min(ax1, bx1)
                if high <= low:
                    continue
                ay0, ay1 = edges[i, 1], edges[i, 3]
                a_slope = (ay1 - ay0) / (ax1 - ax0)
                a_low, a_high = ay0 + a_slope * (low - ax0) - floor, ay0 + a_slope * (high - ax0) - floor
                b_low, b_high = by0 + b_slope * (low - bx0) - floor, by0 + b_slope * (high - bx0) - floor
                width = high - low
                if a_low <= b_low and a_high <= b_high:
                    under = _above_ground(width, a_low, a_high)
                elif a_low >= b_low and a_high >= b_high:
                    under = _above_ground(width, b_low, b_high)
                else:
                    # they cross: under one before, under the other behind
                    share = (a_low - b_low) / ((a_low - b_low) - (a_high - b_high))
                    at = a_low + (a_high - a_low) * share
                    under = _above_ground(width * share, min(a_low, b_low), at)
                    under += _above_ground(width * (1 - share), at, min(a_high, b_high))
                total += edges[i, 4] * b_sign * under
        area[k] = total
    return area
