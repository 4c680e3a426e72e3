"""Polygons fit to measure: of the right kind, valid, flat, and repaired in the open where they are not."""

from __future__ import annotations

import warnings
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from ecozones.errors import GeometryError, RepairWarning, name_rows

Geometries = NDArray[np.object_]
_POLYGONS = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)


def check_polygons(frame: gpd.GeoDataFrame | gpd.GeoSeries, *, what: str) -> None:
    """
    Refuse a frame in which a row is no polygon that has a place.

    Parameters
    ----------
    frame
        What should be polygons.
    what
        What the frame is called in messages.

    Raises
    ------
    GeometryError
        Rows are missing, empty, of another kind, or have coordinates that are no numbers. All are listed in
        ``problems`` (``row``, ``problem``).

    Examples
    --------
    >>> check_polygons(gpd.GeoSeries([shapely.box(0, 0, 1, 1)]), what="sites")
    >>> check_polygons(gpd.GeoSeries([shapely.Point(0, 0)]), what="sites")
    Traceback (most recent call last):
    ecozones.errors.GeometryError: sites: Point where a polygon should be (rows 0); give polygons in these rows,
    or leave the rows out yourself
    """
    series = frame.geometry
    geometry = np.asarray(series.array, dtype=object)
    kind = shapely.get_type_id(geometry)
    problem = np.full(len(geometry), "", dtype=object)
    for number in np.unique(kind[~np.isin(kind, _POLYGONS) & (kind >= 0)]):
        problem[kind == number] = f"{geometry[kind == number][0].geom_type} where a polygon should be"
    problem[without_place(geometry)] = "coordinates that are no numbers"
    problem[shapely.is_empty(geometry)] = "empty geometry"
    problem[kind < 0] = "no geometry"
    bad = problem != ""
    if bad.any():
        table = pd.DataFrame({"row": series.index[bad], "problem": problem[bad]})
        told = "; ".join(
            f"{text} (rows {name_rows(rows)})" for text, rows in table.groupby("problem", sort=False)["row"]
        )
        message = f"{what}: {told}; give polygons in these rows, or leave the rows out yourself"
        raise GeometryError(message, table)


def without_place(geometry: Geometries) -> NDArray[np.bool_]:
    """
    Tell which geometries have coordinates that are no numbers.

    Parameters
    ----------
    geometry
        Any geometries, None included.

    Returns
    -------
    ndarray
        True where a coordinate is NaN or infinite.

    Examples
    --------
    >>> without_place(np.array([shapely.Point(0, 1), shapely.Point(0, float("inf"))])).tolist()
    [False, True]
    """
    bad = np.zeros(len(geometry), dtype=bool)
    # every coordinate of a polygon is the end of an edge, so one edge of no length or an endless one betrays it
    sure = np.isin(shapely.get_type_id(geometry), _POLYGONS) & np.isfinite(shapely.length(geometry))
    doubtful = np.flatnonzero(~sure)
    xy, row = shapely.get_coordinates(geometry[doubtful], return_index=True)
    bad[doubtful[row[~np.isfinite(xy).all(axis=1)]]] = True
    return bad


def repair_polygons(
    frame: gpd.GeoDataFrame, *, what: str, on: Literal["warn", "refuse"] = "warn"
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """
    Make every polygon valid, and account for what that changed.

    Parameters
    ----------
    frame
        Polygons; valid ones keep every coordinate.
    what
        What the frame is called in messages.
    on
        What to do about invalid polygons: ``"warn"`` repairs them, ``"refuse"`` raises.

    Returns
    -------
    tuple
        The frame, and a ledger with one row per repaired polygon: ``row``, ``reason``, ``before_m2``, ``after_m2``,
        ``change_m2``; areas in the plane of drawing, where a figure of eight may measure nothing before.

    Raises
    ------
    GeometryError
        A row is no polygon, nothing with an area is left of it, or invalid ones are to be refused.

    Warns
    -----
    RepairWarning
        Once for the frame: how many, which, and by how much the area changed in sum.

    Notes
    -----
    Repair goes by structure (shells are united, then holes are taken off), not by linework, which turns ground that a
    boundary runs around twice into a hole: ground that a legal line claims twice is still claimed. A hole that
    lies wholly off its shell is a part that lost its rank, and is ground again. Buffering by nothing is not used: it
    halves a figure of eight. Lines and points that a repair leaves over have no area and go.

    Examples
    --------
    >>> square = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs="EPSG:4548")
    >>> frame, ledger = repair_polygons(square, what="sites")
    >>> len(frame), len(ledger)
    (1, 0)
    """
    check_polygons(frame, what=what)
    geometry = np.asarray(frame.geometry.array, dtype=object)
    invalid = ~shapely.is_valid(geometry)
    rows, reasons = frame.index[invalid], shapely.is_valid_reason(geometry[invalid])
    if on == "refuse" and invalid.any():
        message = f"{what}: invalid polygons in rows {name_rows(rows)} ({reasons[0]}); repair them, or pass on='warn'"
        raise GeometryError(message, pd.DataFrame({"row": rows, "problem": reasons}))
    whole = _made_valid(geometry[invalid])
    gone = shapely.is_empty(whole) | (shapely.area(whole) <= 0)
    if gone.any():
        message = (
            f"{what}: nothing with an area is left of rows {name_rows(rows[gone])}; take them out or draw them anew"
        )
        raise GeometryError(message, pd.DataFrame({"row": rows[gone], "problem": reasons[gone]}))
    scale = _square_metres(frame, whole)
    before, after = shapely.area(geometry[invalid]) * scale, shapely.area(whole) * scale
    ledger = pd.DataFrame(
        {"row": rows, "reason": reasons, "before_m2": before, "after_m2": after, "change_m2": after - before}
    )
    if not invalid.any():
        return frame.copy(), ledger
    message = (
        f"{what}: {len(rows)} of {len(frame)} polygons were invalid and are repaired (rows {name_rows(rows)}), "
        f"area {ledger['change_m2'].sum():+.2f} m² in sum; the ledger lists each"
    )
    warnings.warn(message, RepairWarning, stacklevel=2)
    fixed = geometry.copy()
    fixed[invalid] = whole
    return frame.set_geometry(gpd.GeoSeries(fixed, index=frame.index, crs=frame.crs, name=frame.geometry.name)), ledger


def _made_valid(polygons: Geometries) -> Geometries:
    """Repair until valid: where edges cross, rounding can leave a repair that needs another one."""
    whole = polygonal(shapely.make_valid(polygons, method="structure", keep_collapsed=False))
    for method in ("structure", "structure", "linework"):
        left = ~shapely.is_valid(whole)
        if left.any():
            options = {"keep_collapsed": False} if method == "structure" else {}
            whole[left] = polygonal(shapely.make_valid(whole[left], method=method, **options))
    return whole


def _square_metres(frame: gpd.GeoDataFrame, geometry: Geometries) -> NDArray[np.float64]:
    """Square metres in a square unit of the coordinates, near enough to price a repair."""
    if frame.crs is None:
        return np.ones(len(geometry))
    crs = pyproj.CRS.from_user_input(frame.crs)
    unit = crs.axis_info[0].unit_conversion_factor
    if not crs.is_geographic:
        return np.full(len(geometry), unit**2)
    latitude = shapely.get_y(shapely.centroid(geometry))
    return np.asarray((unit * 6_371_007.0) ** 2 * np.cos(np.radians(latitude)))


def drop_heights(frame: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, int]:
    """
    Leave only x and y, for nothing here is measured in height.

    Parameters
    ----------
    frame
        Any geometries; x and y keep every bit.

    Returns
    -------
    tuple
        The frame, and how many geometries had heights or measures.

    Examples
    --------
    >>> flat, count = drop_heights(gpd.GeoDataFrame(geometry=[shapely.Point(1, 2, 3)]))
    >>> flat.geometry.iloc[0].wkt, count
    ('POINT (1 2)', 1)
    """
    geometry = np.asarray(frame.geometry.array, dtype=object)
    tall = shapely.has_z(geometry) | shapely.has_m(geometry)
    if not tall.any():
        return frame.copy(), 0
    column = gpd.GeoSeries(shapely.force_2d(geometry), index=frame.index, crs=frame.crs, name=frame.geometry.name)
    return frame.set_geometry(column), int(tall.sum())


def parts(geometry: Geometries) -> tuple[Geometries, NDArray[np.intp]]:
    """
    Single polygons of an array of geometries, out of collections at any depth.

    Parameters
    ----------
    geometry
        Any geometries, None included.

    Returns
    -------
    tuple
        Polygons that are not empty, and for each the position it comes from.

    Examples
    --------
    >>> two = shapely.MultiPolygon([shapely.box(0, 0, 1, 1), shapely.box(2, 0, 3, 1)])
    >>> parts(np.array([None, two]))[1].tolist()
    [1, 1]
    """
    pieces, row = shapely.get_parts(np.asarray(geometry, dtype=object), return_index=True)
    while (shapely.get_type_id(pieces) >= shapely.GeometryType.MULTIPOINT).any():
        pieces, inner = shapely.get_parts(pieces, return_index=True)
        row = row[inner]
    wanted = (shapely.get_type_id(pieces) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(pieces)
    return pieces[wanted], row[wanted]


def polygonal(geometry: Geometries) -> Geometries:
    """
    Keep the polygons of each geometry, an empty polygon where there are none.

    Parameters
    ----------
    geometry
        Any geometries, such as the collections that an intersection gives; None counts as empty.

    Returns
    -------
    ndarray
        Polygons and multipolygons; those that were nothing else are returned as they are.

    Examples
    --------
    >>> mixed = shapely.GeometryCollection([shapely.box(0, 0, 1, 1), shapely.Point(5, 5)])
    >>> [shape.wkt for shape in polygonal(np.array([mixed, shapely.Point(0, 0)]))]
    ['POLYGON ((1 0, 1 1, 0 1, 0 0, 1 0))', 'POLYGON EMPTY']
    """
    result = np.array(geometry, dtype=object, copy=True)
    other = ~np.isin(shapely.get_type_id(result), _POLYGONS)
    if not other.any():
        return result
    result[other] = shapely.Polygon()
    pieces, position = parts(np.asarray(geometry, dtype=object)[other])
    if len(pieces):
        places, count = np.unique(position, return_counts=True)
        at = np.flatnonzero(other)[places]
        united = shapely.multipolygons(pieces, indices=np.repeat(np.arange(len(places)), count))
        single = count == 1
        united[single] = shapely.get_geometry(united[single], 0)
        result[at] = united
    return result


def mean_width(geometry: Geometries) -> NDArray[np.float64]:
    """
    Mean width of polygons: twice the area over the length of all boundaries, 0 where there is no area.

    Parameters
    ----------
    geometry
        Polygons in a projected CRS. A long strip measures its width, a square half its side.

    Returns
    -------
    ndarray
        Widths, in the unit of the coordinates.

    Examples
    --------
    >>> mean_width(np.array([shapely.box(0, 0, 1_000, 0.1)])).round(4).tolist()
    [0.1]
    """
    area, rim = np.nan_to_num(shapely.area(geometry)), np.nan_to_num(shapely.length(geometry))
    return np.divide(2 * area, rim, out=np.zeros_like(area), where=rim > 0)
