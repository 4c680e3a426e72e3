"""What of a geometry is measured: its rings or lines, the row each comes from, and which geometries have none."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from ecozones.area.ellipsoid import Floats, Integers


def single_parts(geometry: NDArray[np.object_], *kinds: shapely.GeometryType) -> tuple[NDArray[np.object_], Integers]:
    """
    Take single parts of some kinds out of geometries, out of collections at any depth.

    Parameters
    ----------
    geometry
        Geometries of any kind, None included.
    *kinds
        The kinds wanted.

    Returns
    -------
    tuple of ndarray
        The parts, and the row each comes from.
    """
    parts, row = shapely.get_parts(geometry, return_index=True)
    while (shapely.get_type_id(parts) >= shapely.GeometryType.MULTIPOINT).any():
        parts, inner = shapely.get_parts(parts, return_index=True)
        row = row[inner]
    wanted = np.isin(shapely.get_type_id(parts), kinds) & ~shapely.is_empty(parts)
    return parts[wanted], row[wanted]


def all_rings(geometry: NDArray[np.object_]) -> tuple[NDArray[np.object_], Integers, Floats]:
    """
    Take the rings of all polygons, those inside collections too.

    Parameters
    ----------
    geometry
        Geometries of any kind, None included.

    Returns
    -------
    tuple of ndarray
        The rings, the row each comes from, and 1 for shells or -1 for holes.
    """
    simple = own_rings(geometry) & ~shapely.is_empty(geometry)
    alone, other = np.flatnonzero(simple), np.flatnonzero(~simple)
    polygons, row = single_parts(geometry[other], shapely.GeometryType.POLYGON)
    rings, polygon = shapely.get_rings(polygons, return_index=True)
    first = np.ones(len(rings), dtype=bool)
    first[1:] = polygon[1:] != polygon[:-1]
    return (
        np.r_[geometry[alone], rings],
        np.r_[alone, other[row[polygon]]],
        np.r_[np.ones(len(alone)), np.where(first, 1.0, -1.0)],
    )


def own_rings(geometry: NDArray[np.object_]) -> NDArray[np.bool_]:
    """
    Tell which polygons are their own rings: most are, and to take rings out costs more than to measure them.

    Parameters
    ----------
    geometry
        Geometries of any kind, None included.

    Returns
    -------
    ndarray
        True for polygons without holes.
    """
    polygons = shapely.get_type_id(geometry) == shapely.GeometryType.POLYGON
    return np.asarray(polygons & (shapely.get_num_interior_rings(geometry) == 0))


def sum_rings(amounts: Floats, row: Integers, sign: Floats, size: int) -> Floats:
    """
    Sum what rings hold by row, holes taken off whatever their direction.

    Parameters
    ----------
    amounts, row, sign
        What each ring holds, the row it comes from, and 1 for shells or -1 for holes.
    size
        Number of rows.

    Returns
    -------
    ndarray
        Sum of each row.
    """
    return np.bincount(row, weights=np.abs(amounts) * sign, minlength=size).astype(np.float64)


def without_polygon(geometry: NDArray[np.object_]) -> NDArray[np.bool_]:
    """
    Tell which geometries hold nothing that has an area.

    Parameters
    ----------
    geometry
        Geometries of any kind, None included.

    Returns
    -------
    ndarray
        False for polygons, the empty ones too.
    """
    _, row = single_parts(geometry, shapely.GeometryType.POLYGON)
    has = np.zeros(len(geometry), dtype=bool)
    has[row] = True
    polygonal = np.isin(
        shapely.get_type_id(geometry), (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
    )
    return ~has & ~polygonal


def not_finite(geometry: NDArray[np.object_]) -> NDArray[np.bool_]:
    """
    Tell which geometries have coordinates that are no numbers.

    Parameters
    ----------
    geometry
        Geometries of any kind, None included.

    Returns
    -------
    ndarray
        True or False for each.
    """
    xy, row = shapely.get_coordinates(geometry, return_index=True)
    bad = np.zeros(len(geometry), dtype=bool)
    bad[row[~np.isfinite(xy).all(axis=1)]] = True
    return bad
