"""
Areas of many small polygons in a projected CRS: the plane over its local scale, where that is good enough to prove.

A small polygon lies on the ground as it lies in the plane, but for the scale at its place. How many square metres of
ground a square metre of plane stands for changes so slowly that a polynomial over the whole layer holds it to the last
digits; and what it changes within one polygon is bounded by its curvature and the polygon's reach. Polygons for which
that bound is too wide are measured by :func:`ecozones.area.polygon_areas`, as all of them could be.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from ecozones.area import polygon_areas
from ecozones.errors import CRSError

Floats = NDArray[np.float64]

# terms in each direction: zones are so smooth that fewer would do
_TERMS = 9
# terms that change no area by more than this are rounding
_NOISE = 1e-11
# the square of plane whose ground is measured to learn the scale, small beside a layer and large beside its digits [m]
_PROBE_M = 100.0
# fewer polygons than this are measured one by one in less time than the scale takes to learn
_FEW = 500


def parcel_areas(geometry: NDArray[np.object_], crs: Any, *, tolerance: float = 1e-8) -> Floats:  # noqa: ANN401
    """
    Ground area of each polygon on the ellipsoid, between edges that are straight in the plane they are drawn in.

    Parameters
    ----------
    geometry
        Valid polygons, as for :func:`ecozones.area.polygon_areas`.
    crs
        A projected CRS in metres, in any form that pyproj reads.
    tolerance
        The largest error allowed, as a share of the area.

    Returns
    -------
    ndarray
        Areas, within `tolerance` of ``polygon_areas(geometry, crs, method="equal_area")``. [m²]

    Raises
    ------
    CRSError
        The CRS is in degrees.

    Examples
    --------
    >>> squares = shapely.box(500_000 + 100 * np.arange(1000), 3_320_000, 500_100 + 100 * np.arange(1000), 3_320_100)
    >>> exact = polygon_areas(squares, "EPSG:4548", method="equal_area")
    >>> bool((np.abs(parcel_areas(squares, "EPSG:4548") / exact - 1) < 1e-8).all())
    True
    """
    geometry = np.asarray(geometry, dtype=object)
    crs = pyproj.CRS.from_user_input(crs)
    if crs.is_geographic:
        message = f"{crs.name!r} is in degrees; use polygon_areas, or bring the polygons to a plane"
        raise CRSError(message)
    bounds = shapely.bounds(geometry)
    reach = np.hypot(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
    # a rough bound first: within a zone the scale bends by less than two over the square of the earth's radius
    known = np.isfinite(reach) & (reach**2 < tolerance * 6.3e6**2)
    if known.sum() < _FEW:
        return polygon_areas(geometry, crs, method="equal_area")
    box = [bounds[known, 0].min(), bounds[known, 1].min(), bounds[known, 2].max(), bounds[known, 3].max()]
    scale = _Scale(np.array(box, dtype=float), crs)
    small = known & (scale.misfit + scale.bend * reach**2 / 2 <= tolerance)
    areas = np.empty(len(geometry))
    areas[~small] = polygon_areas(geometry[~small], crs, method="equal_area")
    middle = shapely.get_coordinates(shapely.centroid(geometry[small]))
    areas[small] = shapely.area(geometry[small]) * scale.at(middle[:, 0], middle[:, 1])
    return areas


class _Scale:
    """Square metres of ground for a square metre of plane, as a polynomial over a box, with what it is good for."""

    def __init__(self, box: Floats, crs: pyproj.CRS) -> None:
        west, south, east, north = box
        self._centre = np.array([(west + east) / 2, (south + north) / 2])
        self._half = np.maximum(np.array([east - west, north - south]) / 2, 10 * _PROBE_M)
        nodes = np.cos(np.pi * (np.arange(_TERMS) + 0.5) / _TERMS)
        x, y = (axis.ravel() for axis in np.meshgrid(nodes, nodes))
        terms = chebyshev.chebvander2d(x, y, [_TERMS - 1, _TERMS - 1])
        solved = np.linalg.solve(terms, self._probe(x, y, crs))
        self._factors = _without_noise(np.asarray(solved.reshape(_TERMS, _TERMS), dtype=np.float64))
        # between the nodes, where a polynomial that does not fit shows it
        between = np.linspace(-1, 1, 2 * _TERMS)
        x, y = (axis.ravel() for axis in np.meshgrid(between, between))
        error = np.abs(chebyshev.chebval2d(x, y, self._factors) / self._probe(x, y, crs) - 1)
        self.misfit = float(error.max())
        # the largest curvature in any direction is at most that along the axes and across together
        curves = [
            np.abs(chebyshev.chebval2d(x, y, self._derivative(a, b))).max() / (self._half[0] ** a * self._half[1] ** b)
            for a, b in ((2, 0), (1, 1), (1, 1), (0, 2))
        ]
        self.bend = float(sum(curves))

    def _derivative(self, along_x: int, along_y: int) -> Floats:
        return np.asarray(chebyshev.chebder(chebyshev.chebder(self._factors, along_x, axis=0), along_y, axis=1))

    def _probe(self, x: Floats, y: Floats, crs: pyproj.CRS) -> Floats:
        """Measure small squares of plane on the ground."""
        east, north = self._centre[0] + x * self._half[0], self._centre[1] + y * self._half[1]
        half = _PROBE_M / 2
        squares = shapely.box(east - half, north - half, east + half, north + half)
        return polygon_areas(squares, crs, method="equal_area") / shapely.area(squares)

    def at(self, east: Floats, north: Floats) -> Floats:
        x, y = (east - self._centre[0]) / self._half[0], (north - self._centre[1]) / self._half[1]
        return np.asarray(chebyshev.chebval2d(x, y, self._factors))


def _without_noise(factors: Floats) -> Floats:
    """Leave out the high terms that hold nothing but rounding: a zone bends across it, and hardly along."""
    tells = np.abs(factors) > _NOISE
    rows, columns = (int(np.flatnonzero(tells.any(axis=axis)).max()) + 1 for axis in (1, 0))
    return factors[:rows, :columns]
