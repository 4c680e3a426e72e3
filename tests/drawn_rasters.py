"""Small rasters and zones drawn for tests."""

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from affine import Affine

ALBERS = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +ellps=GRS80 +units=m"
NORTH = 4_000_000.0


def write_raster(path, values, *, cell=30, crs=ALBERS, nodata=255, affine=None):
    """An equal-area raster: its cells have the area they seem to have."""
    values = np.asarray(values)
    bands = values if values.ndim == 3 else values[None]
    profile = {
        "driver": "GTiff",
        "count": len(bands),
        "height": bands.shape[1],
        "width": bands.shape[2],
        "nodata": nodata,
    }
    affine = affine or Affine(cell, 0, 0, 0, -cell, NORTH)
    with rasterio.open(path, "w", dtype=values.dtype, crs=crs, transform=affine, **profile) as file:
        file.write(bands)
    return path


def classes(*rows):
    return np.array(rows, dtype=np.uint8)


def zone(left, top, right, bottom, cell=30):
    """A rectangle in cells of the raster."""
    return shapely.box(left * cell, NORTH - bottom * cell, right * cell, NORTH - top * cell)


def frame(*polygons, crs=ALBERS, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(polygons), crs=crs)
