"""GDAL's drivers: called so that what they say is heard, and what they refuse is told with a remedy."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio
import pyogrio.errors
import shapely

from ecozones.errors import FormatWarning, InputError, RepairWarning, name_rows
from ecozones.sources.layer import Layer


def call_driver(path: Path, function: Any, *arguments: Any, hear: bool = True, **options: Any) -> Any:  # noqa: ANN401
    """
    Call the reading library; its errors and warnings come out as ours, with the name of the file.

    Parameters
    ----------
    path
        The file that is read.
    function, *arguments, **options
        What is called, and with what.
    hear
        Whether its warnings are passed on.

    Returns
    -------
    object
        What the function gives.

    Raises
    ------
    InputError
        The file cannot be read.

    Warns
    -----
    FormatWarning
        What the library says about the file.
    """
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            result = function(*arguments, **options)
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pyogrio.errors.FeatureError) as cause:
            said = str(cause).replace(str(path), path.name)
            message = f"{path.name}: the file cannot be read ({said}); {remedy_for(path)}"
            raise InputError(message) from cause
    for text in dict.fromkeys(str(warning.message) for warning in heard):
        if hear and "Non closed ring" not in text:
            warnings.warn(f"{path.name}: {text.replace(str(path), path.name)}", FormatWarning, stacklevel=6)
    return result


def remedy_for(path: Path) -> str:
    """
    Say what to do with a file that cannot be read.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    str
        In words that follow on what is wrong.
    """
    if path.suffix.lower() == ".shp":
        return "copy all parts of the shapefile (.shp, .shx, .dbf, .prj, .cpg) together again"
    return "open it in a GIS and export it again"


def plain_path(path: Path) -> str:
    """
    Write a path so that the driver takes it for one: a leading ``/vsi`` or a ``!`` means something else to it.

    Parameters
    ----------
    path
        Any path.

    Returns
    -------
    str
        The whole path.
    """
    return str(path.resolve())


def read_vector(layer: Layer, data: Path | bytes, **options: Any) -> gpd.GeoDataFrame:  # noqa: ANN401
    """
    Read a layer through its driver; rings that are not closed are closed, and that is said.

    Parameters
    ----------
    layer
        The layer.
    data
        Its file, or what the file holds.
    **options
        The driver's own.

    Returns
    -------
    GeoDataFrame
        Indexed by the feature numbers that a GIS shows.

    Raises
    ------
    InputError
        The file is broken.

    Warns
    -----
    RepairWarning
        Rings were closed.
    """
    given = data if isinstance(data, bytes) else plain_path(data)
    options["layer"] = layer.inner
    try:
        return call_driver(layer.path, pyogrio.read_dataframe, given, fid_as_index=True, **options)
    except shapely.errors.GEOSException:
        # one ring that is not closed makes the whole file unreadable at once: take geometry by itself
        table = call_driver(
            layer.path, pyogrio.read_dataframe, given, fid_as_index=True, hear=False, read_geometry=False, **options
        )
        meta, _, raw, _ = call_driver(layer.path, pyogrio.raw.read, given, hear=False, columns=[], **options)
    shapes = shapely.from_wkb(raw, on_invalid="fix")
    mended = shapely.is_missing(shapely.from_wkb(raw, on_invalid="ignore")) & ~shapely.is_missing(shapes)
    message = f"{layer.label}: closed rings in {int(mended.sum())} features: {name_rows(table.index[mended])}"
    warnings.warn(message, RepairWarning, stacklevel=4)
    return gpd.GeoDataFrame(table, geometry=shapes, crs=meta["crs"])
