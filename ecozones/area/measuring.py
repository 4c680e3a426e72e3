"""Ground area of polygons on the ellipsoid."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecozones.area.ellipsoid import Floats
from ecozones.area.methods import AreaMethod, areas_by_method
from ecozones.area.refusals import refuse_rows
from ecozones.area.rings import without_polygon
from ecozones.errors import MissingCRSError
from ecozones.units import AreaUnit, from_m2


def measure_area(
    frame: gpd.GeoDataFrame | gpd.GeoSeries,
    *,
    method: AreaMethod = "national",
    unit: AreaUnit = "m2",
    rounded: bool = True,
) -> pd.Series:
    """
    Measure the ground area of each polygon of a frame on the ellipsoid of its own CRS.

    Parameters
    ----------
    frame, method, unit, rounded
        As for :func:`ecozones.measure_area`, which also takes layers on disk.

    Returns
    -------
    Series
        Named ``area_<unit>``, on the index of `frame`. [unit]

    Raises
    ------
    MissingCRSError, GeometryError, CRSError
        As for :func:`ecozones.measure_area`.

    Notes
    -----
    Edges are straight in the plane they were drawn in. In a projected CRS that is the map; in a geographic one it is
    the plane of longitude and latitude, where points are inserted at about 70 m on the ground and only arc seconds
    are rounded. The same parcel drawn in both therefore differs by what lies between the two straight lines.

    Examples
    --------
    >>> import shapely
    >>> square = shapely.box(500_000, 3_320_000, 501_000, 3_321_000)
    >>> measure_area(gpd.GeoSeries([square], crs="EPSG:4548"))
    0    999999.99
    Name: area_m2, dtype: float64
    """
    series = frame.geometry
    if series.crs is None:
        message = "polygons have no CRS, so their area on the ground is not known; set it with frame.set_crs(...)"
        raise MissingCRSError(message)
    geometry = np.asarray(series.array, dtype=object)
    refuse_rows(
        without_polygon(geometry), series.index, "hold no polygon: give polygons, or buffer lines to their width"
    )
    areas = areas_by_method(geometry, series.crs, method, rounded=rounded, labels=series.index)
    return pd.Series(from_m2(areas, unit), index=series.index, name=f"area_{unit}")


def polygon_areas(
    geometry: NDArray[np.object_],
    crs: Any,  # noqa: ANN401 - whatever pyproj takes for a CRS
    *,
    method: AreaMethod = "national",
    rounded: bool = False,
) -> Floats:
    """
    Ground area of each geometry of an array, 0 where it has no polygon.

    Parameters
    ----------
    geometry
        Shapely geometries of any kind, None included; holes are taken off, parts added up, ring direction is ignored.
    crs
        The CRS of the coordinates, in any form that pyproj reads.
    method, rounded
        As in :func:`measure_area`.

    Returns
    -------
    ndarray
        Areas, never NaN. [m²]

    Raises
    ------
    GeometryError
        A polygon has coordinates that are not numbers or lie outside its projection, spans half the globe, or touches
        a pole.
    CRSError
        Planar area was asked for in degrees.

    Notes
    -----
    Without rounding, national and equal areas follow the scale of the plane, cell by cell, to 1e-11 of the area and the
    rounding of the coordinates. Where the projection is not smooth enough for that, or an edge is longer than 5 km,
    they follow every edge through the projection. Either way a polygon's area depends on that polygon alone.

    Examples
    --------
    >>> import shapely
    >>> polygon_areas(np.array([shapely.box(0, 0, 2, 3), None]), "EPSG:4548", method="planar").tolist()
    [6.0, 0.0]
    """
    geometry = np.asarray(geometry, dtype=object)
    return areas_by_method(geometry, crs, method, rounded=rounded, labels=pd.RangeIndex(len(geometry)))
