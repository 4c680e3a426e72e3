"""What a result rests on, written down so that it can be made again and compared."""

from __future__ import annotations

import hashlib
from importlib.metadata import version

import geopandas as gpd
import pandas as pd
import pyproj
import shapely


def digest(frame: gpd.GeoDataFrame) -> str:
    """
    Hash the content of a frame.

    Parameters
    ----------
    frame
        Any layer with a CRS.

    Returns
    -------
    str
        SHA-256 of its geometries to the last bit, its CRS and its columns.

    Examples
    --------
    >>> frame = gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(0, 0)], crs="EPSG:4490")
    >>> digest(frame) == digest(frame.copy()), digest(frame) == digest(frame.assign(a=2))
    (True, False)
    """
    found = hashlib.sha256(frame.crs.to_wkt().encode())
    for wkb in shapely.to_wkb(frame.geometry.to_numpy()):
        found.update(wkb)
    plain = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    found.update(plain.to_csv(index=False).encode("utf-8"))
    return found.hexdigest()


def versions() -> dict[str, str]:
    """
    Name the versions of everything that computes.

    Returns
    -------
    dict
        Version by library.

    Examples
    --------
    >>> sorted(versions())
    ['GEOS', 'PROJ', 'ecozones', 'geopandas', 'pyproj', 'shapely']
    """
    return {
        "ecozones": version("ecozones"),
        "geopandas": gpd.__version__,
        "shapely": shapely.__version__,
        "GEOS": shapely.geos_version_string,
        "pyproj": pyproj.__version__,
        "PROJ": pyproj.proj_version_str,
    }
