"""What a layer promises that is read in stretches, and what every such layer is asked first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
from numpy.typing import NDArray

from ecozones.errors import SchemaError, name_rows

PREPARED = "_prepared.json"
FEATURES = "features"
# what is told of a row that holds something, of which no shape can be made
LOST = "its bytes are no geometry"

Bounds: TypeAlias = tuple[float, float, float, float]
Told: TypeAlias = list[tuple[int, str]]
Floats = NDArray[np.float64]


@runtime_checkable
class Stream(Protocol):
    """A layer that is read in stretches, wherever it lies."""

    @property
    def label(self) -> str:
        """Name of the layer, for messages."""

    @property
    def rows(self) -> int:
        """Number of rows."""

    @property
    def names(self) -> tuple[str, ...]:
        """Columns beside the geometry."""

    @property
    def crs(self) -> pyproj.CRS | None:
        """What the coordinates mean; None where the source does not say."""

    def column(self, name: str) -> pd.Series:
        """Read one column whole, without geometry."""

    def read(
        self, start: int, stop: int, columns: Iterable[str] | None = None, *, told: Told | None = None
    ) -> gpd.GeoDataFrame:
        """
        Read a stretch of rows.

        The frame is indexed by row number, its geometry is called ``geometry``. `told` is given what had to be done to
        read a row (row, what); without it, that is a warning.
        """

    def batches(
        self, size: int, columns: Iterable[str] | None = None, *, told: Told | None = None
    ) -> Iterator[gpd.GeoDataFrame]:
        """Read everything once, in order, in frames of `size` rows."""

    def near(self, bounds: Bounds, columns: Iterable[str] | None = None) -> gpd.GeoDataFrame:
        """Read the rows whose boxes meet a rectangle, in their order; touching counts."""

    def boxes(self, start: int, stop: int) -> Floats:
        """Read the boxes of a stretch: left, bottom, right, top; NaN where there is no shape."""

    def identity(self) -> list[object]:
        """Say, as JSON can, what the source is, so that another or a changed one is told apart."""


@runtime_checkable
class Passing(Protocol):
    """A layer that can be read once, from beginning to end, such as a table of a database seen in one transaction."""

    @property
    def title(self) -> str:
        """Name of the layer, for messages."""

    @property
    def rows(self) -> int:
        """Number of rows."""

    @property
    def names(self) -> tuple[str, ...]:
        """Columns beside the geometry."""

    @property
    def crs(self) -> pyproj.CRS | None:
        """What the coordinates mean."""

    @property
    def digest(self) -> str:
        """What the layer holds, so that another or a changed one is told apart."""

    def stretches(self, rows: int, *, told: Told | None = None) -> Iterator[gpd.GeoDataFrame]:
        """
        Give the rows in frames of so many, numbered from 0 on the index.

        `told` is given the rows of which no shape could be made (row, what); without it, that is an error.
        """


def check_columns(stream: Stream, columns: Iterable[str] | None) -> list[str]:
    """
    Say which columns are to be read.

    Parameters
    ----------
    stream
        The layer.
    columns
        Those asked for; None for all.

    Returns
    -------
    list of str
        Columns beside the geometry.

    Raises
    ------
    SchemaError
        The layer has no such column.
    """
    if columns is None:
        return list(stream.names)
    wanted = list(columns)
    absent = [name for name in wanted if name not in stream.names]
    if absent:
        message = f"{stream.label} has no column {name_rows(absent)}; it has {name_rows(stream.names)}"
        raise SchemaError(message)
    return wanted


def file_stamp(path: Path) -> tuple[int, int]:
    """
    Say by which a changed file is told from what it was, without reading it.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    tuple of int
        Its size in bytes, and when it was last written in nanoseconds.
    """
    told = path.stat()
    return told.st_size, told.st_mtime_ns
