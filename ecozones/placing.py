"""Bring shapes to another CRS without bending their edges."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pyproj
import shapely

from ecozones.crs import DEGREE_M, align, gauss_kruger, same_crs

# A straight edge in one plane is a curve in another; between points this close the two differ by less than 0.2 mm. [m]
EDGE_M = 70.0
# how far a metre of the plane may be from one on the ground; a county at the far edge of a six-degree zone has 0.4 %
_SCALE_TOLERANCE = 0.005
# the three-degree zones of the Chinese survey, 25 to 45 [°]
_WEST, _EAST = 73.5, 136.5


def bring_to(frame: gpd.GeoDataFrame, crs: Any, *, what: str) -> tuple[gpd.GeoDataFrame, str]:  # noqa: ANN401 - as pyproj
    """
    Bring shapes to another CRS, with edges that stay where they were drawn.

    Parameters
    ----------
    frame
        Shapes.
    crs
        Where to bring them, in any form that pyproj reads.
    what
        What to call them in messages.

    Returns
    -------
    frame : GeoDataFrame
        The shapes; coordinates untouched where they stand there already.
    path : str
        The transformation in words, with its accuracy.

    Raises
    ------
    CRSError
        The shapes cannot be placed there with certainty.

    Examples
    --------
    >>> sites = gpd.GeoDataFrame(geometry=[shapely.box(500_000, 3_320_000, 500_100, 3_320_100)], crs="EPSG:4547")
    >>> moved, path = bring_to(sites, "EPSG:4548", what="sites")
    >>> bool(shapely.get_num_coordinates(moved.geometry.iloc[0]) > 5)
    True
    """
    if same_crs(frame.crs, crs):
        return align(frame, crs, what=what)
    longest = EDGE_M / DEGREE_M if frame.crs.is_geographic else EDGE_M
    dense = frame.set_geometry(shapely.segmentize(frame.geometry.to_numpy(), longest), crs=frame.crs)
    return align(dense, crs, what=what)


def in_metres(frame: gpd.GeoDataFrame) -> bool:
    """
    Tell whether lengths in the plane of a layer are metres on the ground.

    Parameters
    ----------
    frame
        Shapes.

    Returns
    -------
    bool
        False for degrees, for feet, and for planes that stretch the place by more than half a per cent, such as Web
        Mercator.

    Examples
    --------
    >>> sites = gpd.GeoDataFrame(geometry=[shapely.Point(117.0, 40.0)], crs="EPSG:4490")
    >>> in_metres(sites), in_metres(sites.to_crs("EPSG:4548")), in_metres(sites.to_crs("EPSG:3857"))
    (False, True, False)
    """
    crs = pyproj.CRS(frame.crs)
    if crs.is_geographic or any(axis.unit_conversion_factor != 1 for axis in crs.axis_info[:2]):
        return False
    west, south, east, north = frame.total_bounds
    flat = crs.source_crs if crs.is_bound else crs
    back = pyproj.Transformer.from_crs(flat, flat.geodetic_crs, always_xy=True)
    scale = pyproj.Proj(flat).get_factors(*back.transform((west + east) / 2, (south + north) / 2))
    return all(abs(along - 1) <= _SCALE_TOLERANCE for along in (scale.meridional_scale, scale.parallel_scale))


def metric_crs(frame: gpd.GeoDataFrame) -> pyproj.CRS:
    """
    Choose the three-degree zone in which shapes may be buffered and distances measured.

    Parameters
    ----------
    frame
        Shapes.

    Returns
    -------
    CRS
        A zone of the Chinese survey where it has one, else a UTM zone.
    """
    west, _, east, _ = frame.to_crs("EPSG:4490").total_bounds
    middle = (west + east) / 2
    inside = _WEST <= middle <= _EAST
    return gauss_kruger(middle) if inside else pyproj.CRS(frame.estimate_utm_crs())
