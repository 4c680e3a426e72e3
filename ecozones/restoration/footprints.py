"""
The ground under polygons that overlap, counted once.

Ground falls apart into components: polygons whose boxes hang together. Each component is united and measured by itself,
in an order that follows from its own polygons alone. So its area is the same to the last bit whatever order the
polygons come in and whatever else is measured beside it, in memory or from a file of any size; and totals are summed
without rounding.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from ecozones.area import AreaMethod, polygon_areas
from ecozones.overlay import keep_dimension

Rows = NDArray[np.intp]
Numbers = NDArray[np.float64]
Geometries = NDArray[np.object_]

# boxes of which the neighbours are looked up at once
_BLOCK = 1 << 18


def ground_components(boxes: Geometries | Numbers, group: ArrayLike | None = None) -> Rows:
    """
    Find what hangs together: records whose boxes meet, directly or through others.

    Parameters
    ----------
    boxes
        Geometries, shape (n,), or only their left, bottom, right and top, shape (n, 4), as :func:`shapely.bounds` gives
        them; the answer is the same. What is empty, or has NaN for bounds, meets nothing.
    group
        Whole numbers, shape (n,): only records of one group hang together. Left out: all are of one.

    Returns
    -------
    ndarray
        The smallest row number of the component of each record, shape (n,).

    Examples
    --------
    >>> ground_components(np.array([[0, 0, 1, 1], [5, 0, 6, 1], [1, 1, 2, 2]], dtype=float)).tolist()
    [0, 1, 0]
    """
    shapes = np.asarray(boxes, dtype=object) if np.ndim(boxes) == 1 else _boxes(np.asarray(boxes, dtype=np.float64))
    left, right = _meeting(shapes, None if group is None else np.asarray(group))
    return join_pairs(len(shapes), left, right)


def footprint(geometry: Geometries) -> shapely.Geometry:
    """
    Unite polygons into the ground under them.

    Parameters
    ----------
    geometry
        Valid polygons, in any order, shape (n,).

    Returns
    -------
    Geometry
        Their union, vertex by vertex the same for any order.

    Examples
    --------
    >>> footprint(np.array([shapely.box(0, 0, 2, 1), shapely.box(1, 0, 3, 1)], dtype=object)).area
    3.0
    """
    geometry = np.asarray(geometry, dtype=object)
    united, _ = _unite(geometry, ground_components(geometry))
    return collect_ground(united, np.zeros(len(united), dtype=np.intp), 1)[0]


def footprint_areas(
    geometry: Geometries,
    label: Rows,
    crs: Any,  # noqa: ANN401 - whatever pyproj takes for a CRS
    *,
    method: AreaMethod = "national",
) -> tuple[Rows, Numbers, Geometries]:
    """
    Unite and measure the ground of each component.

    Parameters
    ----------
    geometry
        Valid polygons, shape (n,).
    label
        The component of each, as from :func:`ground_components`, shape (n,).
    crs
        The CRS of the coordinates, in any form that pyproj reads.
    method
        How area is measured.

    Returns
    -------
    tuple
        The labels that occur, in rising order; the area of each [m²]; its ground. Sum areas by :func:`exact_sums`, or
        :func:`math.fsum`, and no order shows in a total.

    Examples
    --------
    >>> squares = shapely.box([0, 1, 9], 0, [2, 3, 10], 1)
    >>> label, area, _ = footprint_areas(squares, np.array([0, 0, 2]), "EPSG:4548", method="planar")
    >>> label.tolist(), area.tolist()
    ([0, 2], [3.0, 1.0])
    """
    united, labels = _unite(np.asarray(geometry, dtype=object), np.asarray(label))
    return labels, polygon_areas(united, crs, method=method), united


def collect_ground(geometry: Geometries, group: Rows, n_groups: int) -> Geometries:
    """
    Put ground that does not overlap into one geometry for each group.

    Parameters
    ----------
    geometry
        Polygons and multipolygons, shape (n,).
    group
        The group of each, 0 to n_groups - 1, shape (n,).
    n_groups
        Number of groups.

    Returns
    -------
    ndarray
        A polygon where there is one, else a multipolygon, its parts from west to east, shape (n_groups,).

    Examples
    --------
    >>> collect_ground(shapely.box([4, 0], 0, [5, 1], 1), np.array([0, 0]), 1)[0].wkt[:31]
    'MULTIPOLYGON (((1 0, 1 1, 0 1, '
    """
    whole = shapely.get_type_id(geometry) == shapely.GeometryType.POLYGON
    split, row = shapely.get_parts(geometry[~whole], return_index=True)
    parts, owner = np.r_[geometry[whole], split], np.r_[group[whole], group[~whole][row]]
    order = np.lexsort((_order(parts), owner))
    parts, owner = parts[order], owner[order]
    out = np.full(n_groups, shapely.Polygon(), dtype=object)
    single = np.bincount(owner, minlength=n_groups)[owner] == 1
    out[owner[single]] = parts[single]
    present, number = np.unique(owner[~single], return_inverse=True)
    if len(present):
        out[present] = shapely.multipolygons(parts[~single], indices=number)
    return out


def exact_sums(values: Numbers, group: Rows, n_groups: int) -> Numbers:
    """
    Sum by group without rounding on the way, so that no order shows.

    Parameters
    ----------
    values
        Numbers, shape (n,).
    group
        The group of each, 0 to n_groups - 1, shape (n,).
    n_groups
        Number of groups.

    Returns
    -------
    ndarray
        Sums, 0 for a group without members, shape (n_groups,).

    Examples
    --------
    >>> exact_sums(np.array([1e16, 1.0, -1e16]), np.array([0, 0, 0]), 1).tolist()
    [1.0]
    """
    sums = np.zeros(n_groups)
    order = np.argsort(group, kind="stable")
    number = np.asarray(group)[order]
    for rows in np.split(order, np.flatnonzero(np.diff(number)) + 1) if len(order) else []:
        sums[group[rows[0]]] = math.fsum(values[rows].tolist())
    return sums


def _boxes(bounds: Numbers) -> Geometries:
    real = np.isfinite(bounds).all(axis=1)
    boxes = np.full(len(bounds), None, dtype=object)
    boxes[real] = shapely.box(*bounds[real].T)
    return boxes


def _meeting(boxes: Geometries, group: Rows | None) -> tuple[Rows, Rows]:
    """Pairs of records of one group whose boxes meet, each pair once."""
    tree = shapely.STRtree(boxes)
    found: list[tuple[Rows, Rows]] = [(np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp))]
    for start in range(0, len(boxes), _BLOCK):
        left, right = tree.query(boxes[start : start + _BLOCK])
        left += start
        once = left < right
        if group is not None:
            once &= group[left] == group[right]
        found.append((left[once], right[once]))
    left, right = (np.concatenate(side) for side in zip(*found, strict=True))
    return left, right


def join_pairs(n: int, left: Rows, right: Rows) -> Rows:
    """
    Label what hangs together: everybody takes the smallest label among the neighbours until nothing changes.

    Parameters
    ----------
    n
        Number of records.
    left, right
        Pairs of records that hang together.

    Returns
    -------
    ndarray
        The smallest row number among those that each hangs together with, shape (n,).

    Examples
    --------
    >>> join_pairs(4, np.array([1, 3]), np.array([0, 1])).tolist()
    [0, 0, 2, 0]
    """
    label = np.arange(n)
    while True:
        new = label.copy()
        np.minimum.at(new, left, label[right])
        np.minimum.at(new, right, label[left])
        new = new[new]
        if (new == label).all():
            return label
        label = new


def _order(geometry: Geometries) -> Rows:
    """Rank geometries by their boxes from west to east, by what they are where boxes are equal."""
    bounds = shapely.bounds(geometry)
    order = np.lexsort(bounds.T[::-1])
    again = (bounds[order[1:]] == bounds[order[:-1]]).all(axis=1)
    tied = np.zeros(len(geometry), dtype=bool)
    tied[order[1:][again]] = True
    tied[order[:-1][again]] = True
    if tied.any():
        content = np.zeros(len(geometry), dtype=np.intp)
        content[tied] = np.unique(shapely.to_wkb(geometry[tied]), return_inverse=True)[1]
        order = np.lexsort((content, *bounds.T[::-1]))
    rank = np.empty(len(geometry), dtype=np.intp)
    rank[order] = np.arange(len(geometry))
    return rank


def _unite(geometry: Geometries, label: Rows) -> tuple[Geometries, Rows]:
    """Unite the polygons of each component, and give the labels in rising order."""
    labels, number, count = np.unique(label, return_inverse=True, return_counts=True)
    crowded = count[number] > 1
    united = np.full(len(labels), None, dtype=object)
    united[number[~crowded]] = geometry[~crowded]
    merged, owner = _merge(*_flatten(geometry[crowded], number[crowded]))
    united[owner] = merged
    return united, labels


def _flatten(geometry: Geometries, label: Rows) -> tuple[Geometries, Rows]:
    """Put the polygons of each component into few multipolygons, without those that add no ground."""
    rank = _order(geometry)
    left, right = _meeting(geometry, label)
    needed = ~_covered(geometry, left, right, rank)
    both = needed[left] & needed[right]
    layer = _layers(len(geometry), left[both], right[both], rank)
    rows = np.flatnonzero(needed)
    rows = rows[np.lexsort((rank[rows], layer[rows], label[rows]))]
    owner, layers = label[rows], layer[rows]
    begins = np.r_[True, (owner[1:] != owner[:-1]) | (layers[1:] != layers[:-1])][: len(rows)]
    return collect_ground(geometry[rows], np.cumsum(begins) - 1, int(begins.sum())), owner[begins]


def _covered(geometry: Geometries, left: Rows, right: Rows, rank: Rows) -> NDArray[np.bool_]:
    """
    Tell which polygons lie wholly inside another one, or are the same as one before them.

    They add no ground, and to test for that costs a fiftieth of a union.
    """
    bounds = shapely.bounds(geometry)
    inner, outer = np.r_[left, right], np.r_[right, left]
    fits = (bounds[inner, :2] >= bounds[outer, :2]).all(axis=1) & (bounds[inner, 2:] <= bounds[outer, 2:]).all(axis=1)
    inner, outer = inner[fits], outer[fits]
    shapely.prepare(geometry[np.unique(outer)])
    inside = shapely.contains_properly(geometry[outer], geometry[inner])
    same = ~inside & (rank[inner] > rank[outer])
    same[same] = shapely.equals_exact(geometry[inner[same]], geometry[outer[same]], tolerance=0.0)
    covered = np.zeros(len(geometry), dtype=bool)
    covered[inner[inside | same]] = True
    return covered


def _layers(n: int, left: Rows, right: Rows, rank: Rows) -> Rows:
    """
    Deal records out to layers in which no two boxes meet: to the first layer that has room, by rank.

    A layer is one valid multipolygon as it stands, and so two layers are united in one step where pairs of neighbours
    would take many.
    """
    layer = np.full(n, -1, dtype=np.intp)
    number = 0
    while (layer < 0).any():
        free = layer < 0
        one, other = np.r_[left, right], np.r_[right, left]
        while free.any():
            # who comes before all free neighbours has a place, and the neighbours have none in this layer
            first = np.full(n, n, dtype=np.intp)
            np.minimum.at(first, one, rank[other])
            placed = free & (rank < first)
            layer[placed] = number
            free &= ~placed
            free[other[placed[one]]] = False
            still = free[one] & free[other]
            one, other = one[still], other[still]
        rest = (layer[left] < 0) & (layer[right] < 0)
        left, right = left[rest], right[rest]
        number += 1
    return layer


def _merge(geometry: Geometries, owner: Rows) -> tuple[Geometries, Rows]:
    """Unite what belongs together two by two, the two of fewest vertices first: a vertex passes few unions so."""
    geometry = geometry.copy()
    size = shapely.get_num_coordinates(geometry)
    while True:
        order = np.lexsort((size, owner))
        geometry, owner, size = geometry[order], owner[order], size[order]
        first = np.r_[True, owner[1:] != owner[:-1]][: len(owner)]
        pair = np.flatnonzero(first[:-1] & ~first[1:])
        if not len(pair):
            return geometry, owner
        both = shapely.union(geometry[pair], geometry[pair + 1])
        # where edges nearly coincide, a union may leave lines of no area beside the ground
        geometry[pair] = keep_dimension(both, np.full(len(pair), 2))
        size[pair] = shapely.get_num_coordinates(geometry[pair])
        kept = np.ones(len(owner), dtype=bool)
        kept[pair + 1] = False
        geometry, owner, size = geometry[kept], owner[kept], size[kept]
