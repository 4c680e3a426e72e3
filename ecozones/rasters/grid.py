"""The grid of a raster, and polygons brought to its coordinates: a raster is never resampled."""

from __future__ import annotations

import dataclasses

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from ecozones.crs import check_crs
from ecozones.geometry import check_polygons, repair_polygons
from ecozones.placing import bring_to

Geometries = NDArray[np.object_]
Rows = NDArray[np.intp]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Grid:
    """
    Where the cells of a raster lie.

    Parameters
    ----------
    crs
        Coordinates of the raster.
    west, north
        Its upper left corner, in units of `crs`.
    cell_width, cell_height
        Size of a cell, both positive, in units of `crs`.
    rows, columns
        How many cells it has.
    """

    crs: CRS
    west: float
    north: float
    cell_width: float
    cell_height: float
    rows: int
    columns: int

    @property
    def box(self) -> shapely.Polygon:
        """The ground that the raster spans."""
        return self.box_of(0, self.rows, 0, self.columns)

    def box_of(self, top: int, bottom: int, left: int, right: int) -> shapely.Polygon:
        """Outline the cells of rows `top` to `bottom` and columns `left` to `right`, both ends excluded."""
        return shapely.box(
            self.west + left * self.cell_width,
            self.north - bottom * self.cell_height,
            self.west + right * self.cell_width,
            self.north - top * self.cell_height,
        )


def to_grid(zones: gpd.GeoDataFrame, grid: Grid, *, what: str = "zones") -> Geometries:
    """
    Bring polygons to the coordinates of a raster.

    Edges are straight in the coordinates they were drawn in, so they are densified before they move.

    Parameters
    ----------
    zones
        Polygons with a CRS.
    grid
        Where the cells lie.
    what
        What the polygons are called in messages.

    Returns
    -------
    ndarray
        Polygons in the CRS of the raster, in the order given.

    Raises
    ------
    CRSError
        The polygons have no CRS, or one without a known way to that of the raster.
    GeometryError
        A row is empty or no polygon.
    """
    check_crs(zones, what=what)
    check_polygons(zones, what=what)
    zones, _ = repair_polygons(zones, what=what)
    moved, _ = bring_to(zones, grid.crs, what=what)
    return np.asarray(moved.geometry.array, dtype=object)
