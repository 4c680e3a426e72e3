"""One layer as a frame, whatever it lies in."""

from __future__ import annotations

import warnings

import geopandas as gpd
import numpy as np
import shapely

from ecozones.boundary_text import read_boundary_text
from ecozones.errors import FormatWarning, GeometryError, InputError
from ecozones.sources.drawings import decode_drawing, tidy_drawing
from ecozones.sources.driver import read_vector
from ecozones.sources.geojson import read_geojson
from ecozones.sources.layer import PARQUET, Layer
from ecozones.sources.text import decode_names, decode_texts, text_encoding, warn_mojibake


def read_layer(layer: Layer, *, encoding: str | None = None, crs: object = None) -> gpd.GeoDataFrame:
    """
    Read one layer as it is written.

    Parameters
    ----------
    layer
        The layer.
    encoding
        Encoding of the texts of a shapefile, where the caller knows it.
    crs
        For a boundary-point text without header.

    Returns
    -------
    GeoDataFrame
        Indexed by the feature numbers that a GIS shows, so that messages can name them; heights are left out.

    Raises
    ------
    InputError
        The file is broken; the message names file, rows and remedy.

    Warns
    -----
    TextEncodingWarning
        The encoding was found out rather than declared, or the text looks garbled.
    FormatWarning
        The file departs from its format.
    RepairWarning
        Rings that were not closed have been.

    Examples
    --------
    >>> len(read_layer(Layer("sites", "", frame=gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)]))))
    1
    """
    suffix = layer.path.suffix.lower()
    if layer.frame is not None:
        frame = layer.frame.copy()
    elif suffix == ".txt":
        frame = read_boundary_text(layer.path, crs=crs)
    elif suffix in PARQUET:
        frame = _read_parquet(layer)
    elif suffix == ".shp":
        frame = _read_shapefile(layer, encoding)
    elif suffix in {".geojson", ".json"}:
        frame = read_geojson(layer)
    else:
        frame = read_vector(layer, layer.path)
    if suffix in {".kml", ".dxf"}:
        frame = tidy_drawing(frame, layer)
    if suffix == ".dxf":
        frame = decode_drawing(frame, layer, encoding)
    elif suffix != ".shp":
        warn_mojibake(frame, layer)
    return _flat(frame, layer)


def _read_parquet(layer: Layer) -> gpd.GeoDataFrame:
    try:
        frame = gpd.read_parquet(layer.path)
    except (ValueError, OSError) as cause:
        said = " ".join(str(cause).split())
        message = f"{layer.file}: the file cannot be read as GeoParquet ({said}); write it with GeoDataFrame.to_parquet"
        raise InputError(message) from cause
    return frame.reset_index(drop=True)


def _read_shapefile(layer: Layer, encoding: str | None) -> gpd.GeoDataFrame:
    """Read a shapefile byte by byte and decode its texts here: names may be cut in the middle of a character."""
    found = text_encoding(layer, encoding)
    frame = read_vector(layer, layer.path, encoding="latin1")
    names = decode_names(frame.columns.drop(frame.geometry.name, errors="ignore"), found, layer)
    return decode_texts(frame.rename(columns=names), found, layer)


def _flat(frame: gpd.GeoDataFrame, layer: Layer) -> gpd.GeoDataFrame:
    if not isinstance(frame, gpd.GeoDataFrame):
        message = f"{layer.label}: the layer holds no geometry; choose another layer"
        raise GeometryError(message)
    shapes = frame.geometry.to_numpy()
    high = shapely.has_z(shapes) | shapely.has_m(shapes)
    if not high.any():
        return frame
    heights = shapely.get_coordinates(shapes[high], include_z=True)[:, 2]
    if np.nan_to_num(heights).any():
        message = f"{layer.label}: heights of {int(high.sum())} features were left out"
        warnings.warn(message, FormatWarning, stacklevel=4)
    crs = None if frame.crs is None else frame.crs.to_2d()
    return frame.set_geometry(gpd.GeoSeries(shapely.force_2d(shapes), index=frame.index, crs=crs), crs=crs)
