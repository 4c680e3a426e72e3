"""
The ground that two layers share, and what is left of one without the other.

Layers are moved to whole metres near their middle first. That is exact, and it gives three more digits to every point
that an overlay has to work out: with the eight digits of a zoned easting, what two polygons share, what they cover
together and what each keeps do not always sum to 1e-9 of their area.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from ecozones import overlay
from ecozones.area import AreaMethod, measure_length, polygon_areas
from ecozones.crs import DEGREE_M, same_crs
from ecozones.geometry import polygonal
from ecozones.patches import NOISE_SHARE, Slivers
from ecozones.placing import bring_to

Geometries = overlay.Geometries
Rows = overlay.Rows
Numbers = overlay.Numbers
Flags = overlay.Flags

# a layer that few shapes ask is cut into larger pieces, which is sooner done; answers do not depend on it
_FEW_SHAPES, _COARSE_VERTICES = 1_000, 2_048


# parts that lie closer than this are one stretch of ground when a sliver is judged [m]
_REACH_M = 1e-3


class Place(NamedTuple):
    """Where layers are overlaid: a CRS, and the point that counts as its origin meanwhile."""

    crs: pyproj.CRS
    east: float
    north: float

    @classmethod
    def of(cls, crs: pyproj.CRS, *frames: gpd.GeoDataFrame) -> Place:
        """
        Choose whole units near the middle of frames that are drawn in a CRS.

        Counted from there every coordinate is exact; where they reach down to zero, that would not be so, nor is it
        needed, and zero stays the origin.
        """
        return cls.within(crs, [frame.total_bounds for frame in frames if len(frame)])

    @classmethod
    def within(cls, crs: pyproj.CRS, drawn: Sequence[Any]) -> Place:
        """Choose as :meth:`of` does, where only the bounds of the layers are known."""
        if not len(drawn):
            return cls(crs, 0.0, 0.0)
        bounds = np.array(drawn)
        low, high = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
        far = np.minimum(np.abs(low), np.abs(high)) >= high - low
        east, north = np.where(far & (low * high > 0), np.round((low + high) / 2), 0.0)
        return cls(crs, float(east), float(north))

    def near(self, geometry: Geometries) -> Geometries:
        """Count coordinates from the origin."""
        return np.asarray(shapely.transform(geometry, lambda xy: xy - (self.east, self.north)))

    def back(self, geometry: Geometries) -> Geometries:
        """Count coordinates as the CRS does."""
        return np.asarray(shapely.transform(geometry, lambda xy: xy + (self.east, self.north)))


@dataclasses.dataclass(frozen=True, eq=False)
class Layer:
    """
    Polygons at a place, ready to be overlaid.

    Parameters
    ----------
    geometry
        Valid polygons, in coordinates counted from the origin of `place`.
    place
        Where they are.
    """

    geometry: Geometries
    place: Place
    _cuts: dict[int, overlay.Pieces] = dataclasses.field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, frame: gpd.GeoDataFrame, place: Place, *, what: str) -> Layer:
        """Bring a frame of valid polygons to a place."""
        moved, _ = bring_to(frame, place.crs, what=what)
        geometry = place.near(moved.geometry.to_numpy())
        if not same_crs(frame.crs, place.crs) and not shapely.is_valid(geometry).all():
            geometry = polygonal(shapely.make_valid(geometry, method="structure"))
        return cls(geometry, place)

    @functools.cached_property
    def vertices(self) -> float:
        """Vertices of a polygon, on average."""
        return float(shapely.get_num_coordinates(self.geometry).mean()) if len(self.geometry) else 0.0

    def pieces(self, shapes: int) -> overlay.Pieces:
        """Cut the polygons into pieces that so many shapes shall ask."""
        size = piece_size(shapes)
        if size not in self._cuts:
            self._cuts[size] = overlay.cut(self.geometry, piece_vertices=size, checked=True)
        return self._cuts[size]


def piece_size(shapes: int) -> int:
    """
    Choose how many vertices the pieces of a layer may have that so many shapes shall ask.

    Parameters
    ----------
    shapes
        How many ask.

    Returns
    -------
    int
        Vertices.

    Examples
    --------
    >>> piece_size(10) > piece_size(100_000)
    True
    """
    return _COARSE_VERTICES if shapes < _FEW_SHAPES else overlay.PIECE_VERTICES


class Shared(NamedTuple):
    """Ground that polygons of two layers share: rows of the two, in their order, and the ground."""

    a: Rows
    b: Rows
    geometry: Geometries


def share(a: Layer, b: Layer) -> Shared:
    """
    Find the ground that each polygon of a layer shares with each polygon of another.

    Parameters
    ----------
    a, b
        Layers at one place.

    Returns
    -------
    Shared
        One row for each pair that shares ground; a touch shares none. The layer whose polygons have more vertices is
        the one that is cut and asked, whichever comes first.

    Examples
    --------
    >>> place = Place(pyproj.CRS("EPSG:4548"), 0.0, 0.0)
    >>> inner, outer = (Layer(np.array([shapely.box(0, 0, side, side)], dtype=object), place) for side in (1, 2))
    >>> shapely.area(share(inner, outer).geometry).tolist()
    [1.0]
    """
    if a.vertices > b.vertices:
        met = overlay.meet(b.geometry, a.pieces(len(b.geometry)))
        rows_a, rows_b = met.feature, met.shape
    else:
        met = overlay.meet(a.geometry, b.pieces(len(a.geometry)))
        rows_a, rows_b = met.shape, met.feature
    real = np.flatnonzero(shapely.area(met.geometry) > 0)
    order = real[np.lexsort((rows_b[real], rows_a[real]))]
    return Shared(rows_a[order], rows_b[order], met.geometry[order])


def subtract(shapes: Geometries, taken: Geometries, rows: Rows, taken_rows: Rows) -> Geometries:
    """
    Take polygons away from shapes.

    Parameters
    ----------
    shapes
        Valid polygons, shape (n,).
    taken
        Valid polygons, in the same coordinates.
    rows, taken_rows
        Which polygon to take from which shape, pair by pair; in any order.

    Returns
    -------
    ndarray
        What is left of each shape, an empty polygon where nothing is; a shape without a pair is returned as it is.

    Examples
    --------
    >>> shapes = np.array([shapely.box(0, 0, 2, 2)], dtype=object)
    >>> left = subtract(shapes, np.array([shapely.box(1, 0, 3, 2)], dtype=object), np.array([0]), np.array([0]))
    >>> left[0].area
    2.0
    """
    out = shapes.copy()
    for row, members in by_row(rows):
        ground = taken[taken_rows[members]]
        if len(ground) > 1:
            # in an order of their own, so that the sum does not depend on the order of the layer
            ground = ground[np.lexsort(shapely.bounds(ground).T)]
        gone = overlay.look_near(ground[0], shapes[row]) if len(ground) == 1 else shapely.union_all(ground)
        out[row] = shapely.difference(shapes[row], gone)
    changed = np.unique(rows)
    out[changed] = polygonal(out[changed])
    return out


def by_row(rows: Rows) -> Iterator[tuple[int, Rows]]:
    """
    Gather the positions at which each number stands.

    Parameters
    ----------
    rows
        Numbers, in any order.

    Yields
    ------
    tuple
        A number, ascending, and where it stands.

    Examples
    --------
    >>> [(row, members.tolist()) for row, members in by_row(np.array([7, 3, 7]))]
    [(3, [1]), (7, [0, 2])]
    """
    order = np.argsort(rows, kind="stable")
    numbers, first = np.unique(rows[order], return_index=True)
    if len(numbers):
        for number, members in zip(numbers, np.split(order, first[1:]), strict=True):
            yield int(number), members


class Measures(NamedTuple):
    """Area [m²] and mean width, twice the area over the perimeter [m], on the ground."""

    area: Numbers
    width: Numbers


def measure(geometry: Geometries, place: Place, method: AreaMethod) -> Measures:
    """
    Measure polygons on the ground.

    Parameters
    ----------
    geometry
        Polygons, in coordinates counted from the origin of `place`.
    place
        Where they are.
    method
        How area is measured.

    Returns
    -------
    Measures
        Zero for empty polygons.

    Examples
    --------
    >>> place = Place(pyproj.CRS("EPSG:4548"), 500_000.0, 3_320_000.0)
    >>> measure(np.array([shapely.box(0, 0, 10, 10)], dtype=object), place, "planar").area.tolist()
    [100.0]
    """
    area, rim = np.zeros(len(geometry)), np.zeros(len(geometry))
    full = np.flatnonzero(~shapely.is_empty(geometry))
    ground = place.back(geometry[full])
    area[full] = polygon_areas(ground, place.crs, method=method)
    rim[full] = measure_length(shapely.boundary(ground), place.crs)
    return Measures(area, np.divide(2 * area, rim, out=np.zeros_like(area), where=rim > 0))


def measure_union(geometry: Geometries, place: Place, method: AreaMethod) -> float:
    """
    Measure the ground that polygons cover together, each part of it once.

    Parameters
    ----------
    geometry
        Polygons, in coordinates counted from the origin of `place`.
    place
        Where they are.
    method
        How area is measured.

    Returns
    -------
    float
        Area. [m²]

    Examples
    --------
    >>> place = Place(pyproj.CRS("EPSG:4548"), 500_000.0, 3_320_000.0)
    >>> twice = np.array([shapely.box(0, 0, 10, 10), shapely.box(5, 0, 15, 10)], dtype=object)
    >>> measure_union(twice, place, "planar")
    150.0
    """
    if not len(geometry):
        return 0.0
    return float(polygon_areas(place.back(np.array([unite(geometry)], dtype=object)), place.crs, method=method)[0])


def unite(geometry: Geometries) -> shapely.Geometry:
    """
    Unite polygons, in an order of their own, so that the order of rows changes nothing.

    Parameters
    ----------
    geometry
        Valid polygons.

    Returns
    -------
    Polygon or MultiPolygon
        Their ground.

    Examples
    --------
    >>> unite(np.array([shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1)], dtype=object)).area
    2.0
    """
    ordered = geometry[np.lexsort(shapely.bounds(geometry).T)] if len(geometry) > 1 else geometry
    return polygonal(np.array([shapely.union_all(ordered)], dtype=object))[0]


def find_slivers(
    parts: Geometries, measures: Measures, group: NDArray[Any], place: Place, slivers: Slivers
) -> tuple[Flags, Flags]:
    """
    Tell which parts are too small and which too narrow to be more than artefacts of drawing.

    Parameters
    ----------
    parts
        Single polygons, in coordinates counted from the origin of `place`.
    measures
        What they measure.
    group
        Parts of one group that adjoin each other are one stretch of ground, which is judged as a whole: a corner that
        an ownership boundary cuts off a broad conflict is no artefact.
    place
        Where they are.
    slivers
        What counts as one.

    Returns
    -------
    tuple
        Which are too small, and which too narrow.

    Examples
    --------
    >>> place = Place(pyproj.CRS("EPSG:4548"), 500_000.0, 3_320_000.0)
    >>> strip = np.array([shapely.box(0, 0, 100, 0.05)], dtype=object)
    >>> narrow = find_slivers(strip, measure(strip, place, "planar"), np.array([0]), place, Slivers())[1]
    >>> narrow.tolist()
    [True]
    """
    small, narrow = measures.area < slivers.below_m2, measures.width < slivers.narrower_m
    doubtful = small | narrow
    if not doubtful.any() or len(parts) == 1:
        return small, narrow
    reach = sliver_reach(place)
    left, right = shapely.STRtree(parts).query(parts[doubtful], predicate="dwithin", distance=reach)
    left = np.flatnonzero(doubtful)[left]
    beside = (left != right) & (group[left] == group[right])
    rim = np.divide(2 * measures.area, measures.width, out=np.zeros(len(parts)), where=measures.width > 0)
    for block in _blocks(left[beside], right[beside], doubtful):
        area, edge = measures.area[block].sum(), rim[block].sum()
        if area < slivers.below_m2 or not edge > 0:
            continue
        width = 2 * area / edge
        if width < slivers.narrower_m:
            # sides that adjoin are no rim of the block, and only the union knows them
            width = measure(np.array([unite(parts[block])], dtype=object), place, "planar").width[0]
        if width >= slivers.narrower_m:
            small[block] = narrow[block] = False
    return small, narrow


def sliver_reach(place: Place) -> float:
    """
    Tell how far apart parts may lie that are one stretch of ground when a sliver is judged.

    Parameters
    ----------
    place
        Where they are.

    Returns
    -------
    float
        A distance. [unit]

    Examples
    --------
    >>> sliver_reach(Place(pyproj.CRS("EPSG:4548"), 0.0, 0.0))
    0.001
    """
    return _REACH_M / (DEGREE_M if place.crs.is_geographic else 1.0)


def _blocks(left: Rows, right: Rows, doubtful: Flags) -> list[Rows]:
    """Gather the parts that adjoin a doubtful one, and one another, into blocks."""
    if not len(left):
        return []
    # broad parts join the doubtful ones they adjoin, but carry no further: two slivers at two ends of a parcel are two
    start = np.flatnonzero(doubtful)
    label = np.full(len(doubtful), -1)
    label[start] = start
    both = doubtful[left] & doubtful[right]
    changed = True
    while changed:
        lowest = label.copy()
        np.minimum.at(lowest, left[both], label[right[both]])
        np.minimum.at(lowest, right[both], lowest[left[both]])
        changed = bool((lowest != label).any())
        label = lowest
    blocks = []
    broad = ~doubtful[right]
    for root in np.unique(label[left]):
        narrow = np.flatnonzero(label == root)
        blocks.append(np.union1d(narrow, right[broad & (label[left] == root)]))
    return blocks


def split_by(geometry: Geometries, places: Layer) -> tuple[Rows, Rows, Geometries]:
    """
    Split polygons by the polygons of a layer, and keep what lies in none.

    Parameters
    ----------
    geometry
        Valid polygons at the place of the layer.
    places
        Polygons that share no ground, such as districts.

    Returns
    -------
    tuple
        Rows of `geometry`, rows of the layer (-1 for ground in none of them), and the ground.

    Examples
    --------
    >>> place = Place(pyproj.CRS("EPSG:4548"), 0.0, 0.0)
    >>> west = Layer(np.array([shapely.box(0, 0, 1, 1)], dtype=object), place)
    >>> rows, districts, ground = split_by(np.array([shapely.box(0, 0, 3, 1)], dtype=object), west)
    >>> districts.tolist(), shapely.area(ground).tolist()
    ([0, -1], [1.0, 2.0])
    """
    # the places are always the ones that are asked, and always cut alike: who else is split must not show
    met = overlay.meet(geometry, places.pieces(_FEW_SHAPES))
    real = np.flatnonzero(shapely.area(met.geometry) > 0)
    found = Shared(met.shape[real], met.feature[real], met.geometry[real])
    rest = subtract(geometry, places.geometry, found.a, found.b)
    share_of_rest = np.divide(
        shapely.area(rest), shapely.area(geometry), out=np.zeros(len(rest)), where=shapely.area(geometry) > 0
    )
    left = np.flatnonzero(share_of_rest > NOISE_SHARE)
    rows = np.r_[found.a, left]
    districts = np.r_[found.b, np.full(len(left), -1, dtype=np.intp)]
    ground = np.concatenate([found.geometry, rest[left]])
    order = np.lexsort((districts == -1, rows))
    return rows[order], districts[order], ground[order]
