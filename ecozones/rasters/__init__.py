"""
Ground under polygons, cell by cell: which raster cells a polygon covers, and how many square metres of each.

A raster is read in windows of whole blocks, only where a polygon lies, so that its size does not matter. The share of a
cell that a polygon covers comes from exactextract; the area of the cell comes from the raster's own ellipsoid, because
exactextract's areas are those of a sphere. The raster is never resampled: polygons come to it, densified first.
"""

from ecozones.rasters.bands import AnyRaster, Content, RasterBand, as_band, check_same_grid, read_grid
from ecozones.rasters.cell_ground import cell_areas
from ecozones.rasters.covered import Cells, covered_cells
from ecozones.rasters.grid import Grid, to_grid
from ecozones.rasters.reading import read_window

__all__ = [
    "AnyRaster",
    "Cells",
    "Content",
    "Grid",
    "RasterBand",
    "as_band",
    "cell_areas",
    "check_same_grid",
    "covered_cells",
    "read_grid",
    "read_window",
    "to_grid",
]
