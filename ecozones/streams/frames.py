"""Frames out of columns of Arrow: shapes, boxes and values, and what had to be done to read a row."""

from __future__ import annotations

import warnings
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from ecozones.errors import FormatWarning, name_rows
from ecozones.streams.stream import LOST, Bounds, Floats, Told

_NATIVE = {"point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"}


def boxes_meet(boxes: Floats, bounds: Bounds) -> NDArray[np.bool_]:
    """
    Tell which boxes meet a rectangle; touching counts.

    Parameters
    ----------
    boxes
        Left, bottom, right, top; NaN where there is no shape, which meets nothing.
    bounds
        The rectangle.

    Returns
    -------
    ndarray
        True or False for each box.

    Examples
    --------
    >>> boxes_meet(np.array([[0.0, 0.0, 1.0, 1.0], [3.0, 3.0, 4.0, 4.0]]), (1, 1, 2, 2)).tolist()
    [True, False]
    """
    left, bottom, right, top = bounds
    found = (boxes[:, 0] <= right) & (boxes[:, 2] >= left) & (boxes[:, 1] <= top) & (boxes[:, 3] >= bottom)
    return np.asarray(found)


def bounds_of(frame: gpd.GeoDataFrame) -> Floats:
    """
    Give the boxes of the shapes of a frame.

    Parameters
    ----------
    frame
        Any rows, or none.

    Returns
    -------
    ndarray
        Left, bottom, right, top, shape (n, 4); NaN where there is no shape.

    Examples
    --------
    >>> bounds_of(gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 2)])).tolist()
    [[0.0, 0.0, 1.0, 2.0]]
    """
    return np.asarray(shapely.bounds(frame.geometry.to_numpy()), dtype=np.float64).reshape(-1, 4)


def build_shapes(column: Any, encoding: str) -> tuple[NDArray[np.object_], Told]:  # noqa: ANN401 - of Arrow or NumPy
    """
    Build geometries, and say of which rows the rings had to be closed, or nothing could be made.

    Parameters
    ----------
    column
        As Arrow or NumPy hold it.
    encoding
        How it is written: WKB, or a kind of geometry of GeoArrow.

    Returns
    -------
    tuple
        The geometries; and positions with what was done there.

    Examples
    --------
    >>> build_shapes(np.array([b"noise", None], dtype=object), "WKB")[1]
    [(0, 'its bytes are no geometry')]
    """
    # a coordinate that is no number is told by whoever asks for the row, in words
    with np.errstate(invalid="ignore"):
        return _built(column, encoding)


def _built(column: Any, encoding: str) -> tuple[NDArray[np.object_], Told]:  # noqa: ANN401 - of Arrow or NumPy
    if encoding.lower() in _NATIVE:
        array = column.combine_chunks()
        field = pa.field("geometry", array.type, metadata={"ARROW:extension:name": f"geoarrow.{encoding.lower()}"})
        table = pa.Table.from_arrays([array], schema=pa.schema([field]))
        return gpd.GeoDataFrame.from_arrow(table).geometry.to_numpy(), []
    raw = column if isinstance(column, np.ndarray) else column.to_numpy(zero_copy_only=False)
    try:
        return shapely.from_wkb(raw), []
    except shapely.errors.GEOSException:
        sound = shapely.from_wkb(raw, on_invalid="ignore")
        shapes = shapely.from_wkb(raw, on_invalid="fix")
    closed = shapely.is_missing(sound) & ~shapely.is_missing(shapes)
    lost = shapely.is_missing(shapes) & np.array([value is not None for value in raw])
    said = [(int(row), "rings were closed") for row in np.flatnonzero(closed)]
    return shapes, said + [(int(row), LOST) for row in np.flatnonzero(lost)]


def tell_rows(said: Told, rows: NDArray[np.intp], label: str, told: Told | None) -> None:
    """
    Hand on what had to be done to read rows, or warn of it where nobody asked to be told.

    Parameters
    ----------
    said
        Positions in the stretch, with what was done.
    rows
        Numbers of the rows of the stretch.
    label
        Name of the layer, for the warning.
    told
        The list of who asked, which grows; None for a warning.

    Warns
    -----
    FormatWarning
        Nobody asked.

    Examples
    --------
    >>> heard: Told = []
    >>> tell_rows([(0, "rings were closed")], np.array([7]), "plots", heard)
    >>> heard
    [(7, 'rings were closed')]
    """
    named = [(int(rows[position]), what) for position, what in said]
    if told is not None:
        told += named
        return
    for what in dict.fromkeys(what for _, what in named):
        message = f"{label}: {what} in rows {name_rows(row for row, said in named if said == what)}"
        warnings.warn(message, FormatWarning, stacklevel=4)


def series_of(column: pa.ChunkedArray) -> pd.Series:
    """
    Bring a column to pandas; whole numbers stay whole where some are missing.

    Parameters
    ----------
    column
        Of Arrow.

    Returns
    -------
    Series
        Numbered from 0.

    Examples
    --------
    >>> str(series_of(pa.chunked_array([[1, None]])).dtype)
    'Int64'
    """
    gaps = column.null_count > 0
    if gaps and (pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)):
        kind = pd.BooleanDtype() if pa.types.is_boolean(column.type) else pd.Int64Dtype()
        return pd.Series(column.to_pandas(types_mapper=lambda _: kind))
    return pd.Series(column.to_pandas())
