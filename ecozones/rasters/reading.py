"""Cells of a band by window: only the blocks that are needed, and none that the file does not hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecozones.errors import InputError
from ecozones.rasters.bands import AnyRaster, BandLayer, Content, as_band, inspect_band, open_band
from ecozones.rasters.grid import Flags, Rows
from ecozones.rasters.packages import load_package

# GDAL keeps the blocks of an open file, up to a twentieth of the machine's memory; closing the file lets them go
_CELLS_BETWEEN_OPENINGS = 1 << 26


def read_window(
    raster: AnyRaster, window: tuple[int, int, int, int] | None = None, *, content: Content = "classes"
) -> tuple[NDArray[Any], Flags]:
    """
    Read the cells of one window, which must fit into memory.

    Parameters
    ----------
    raster
        Path, address or band.
    window
        First row, row after the last, first column, column after the last; None for all cells.
    content
        What the raster holds.

    Returns
    -------
    tuple of ndarray
        Values, and which of them are valid.

    Raises
    ------
    InputError
        The raster cannot be read.
    """
    layer = inspect_band(as_band(raster), content)
    reader = BandReader(layer, content)
    try:
        return reader.read(window or (0, layer.grid.rows, 0, layer.grid.columns))
    finally:
        reader.close()


class BandReader:
    """A band held open, and closed from time to time so that GDAL lets go of the blocks it keeps."""

    def __init__(self, layer: BandLayer, content: Content) -> None:
        self.layer = layer
        self.content = content
        self.dataset: Any = None
        self.cells_read = 0
        self.blocks_read = 0

    def close(self) -> None:
        """Let go of the file."""
        if self.dataset is not None:
            self.dataset.close()
            self.dataset = None

    def read(self, window: tuple[int, int, int, int]) -> tuple[NDArray[Any], Flags]:
        """Read values and validity of one window."""
        top, bottom, left, right = window
        layer = self.layer
        if self.dataset is None or self.cells_read > _CELLS_BETWEEN_OPENINGS:
            self.close()
            self.dataset = open_band(layer.source)
            self.cells_read = 0
        self.cells_read += (bottom - top) * (right - left)
        self._count_blocks(window)
        area = ((top, bottom), (left, right))
        try:
            values = self.dataset.read(layer.source.band, window=area)
            mask = self.dataset.read_masks(layer.source.band, window=area) if layer.masked else None
        except load_package("rasterio.errors").RasterioIOError as error:
            cause = error.__cause__ or error
            message = (
                f"{layer.source.path}: rows {top} to {bottom}, columns {left} to {right} cannot be read ({cause}); "
                "the file is damaged or incomplete, or a tile it names is missing"
            )
            raise InputError(message) from error
        valid = np.ones(values.shape, dtype=bool) if mask is None else mask != 0
        if layer.nodata is not None and not np.isnan(layer.nodata):
            valid &= values != np.asarray(layer.nodata).astype(values.dtype)
        if self.content == "numbers":
            values = values.astype(np.float64) * layer.scale + layer.offset
            valid &= np.isfinite(values)
        return values, valid

    def read_where(
        self, window: tuple[int, int, int, int], inner: Rows, block: tuple[int, int]
    ) -> tuple[NDArray[Any], Flags]:
        """Read only the blocks of a tile that some zone may reach; the rest stays empty."""
        top, bottom, left, right = window
        shape = (bottom - top, right - left)
        values = np.zeros(shape, dtype=np.float64 if self.content == "numbers" else self.layer.dtype)
        valid = np.zeros(shape, dtype=bool)
        # tiles start at a block, except where one block is larger than a tile
        needed = np.zeros((-(-shape[0] // block[0]), -(-shape[1] // block[1])), dtype=bool)
        for first, last, west, east in inner:
            needed[first // block[0] : -(-last // block[0]), west // block[1] : -(-east // block[1])] = True
        for r0, r1, c0, c1 in _rectangles(needed):
            rows = slice(r0 * block[0], min(r1 * block[0], shape[0]))
            columns = slice(c0 * block[1], min(c1 * block[1], shape[1]))
            part = (top + rows.start, top + rows.stop, left + columns.start, left + columns.stop)
            values[rows, columns], valid[rows, columns] = self.read(part)
        return values, valid

    def _count_blocks(self, window: tuple[int, int, int, int]) -> None:
        """Count the blocks of a window, and refuse those that the file does not hold and would read as zero."""
        height, width = self.layer.block
        rows = range(window[0] // height, -(-window[1] // height))
        columns = range(window[2] // width, -(-window[3] // width))
        self.blocks_read += len(rows) * len(columns)
        if not self.layer.holes_read_as_zero:
            return
        band = self.layer.source.band
        for row in rows:
            for column in columns:
                if self.dataset.get_tag_item(f"BLOCK_OFFSET_{column}_{row}", "TIFF", bidx=band) is None:
                    message = (
                        f"{self.layer.source.path}: block {row}, {column} (row, column) is missing and the file states "
                        "no nodata value, so that its cells would read as 0; state the value in the file"
                    )
                    raise InputError(message)


def _rectangles(needed: Flags) -> Iterator[tuple[int, int, int, int]]:
    """Gather blocks into rectangles: runs along a row, joined with the same run of the rows below."""
    growing: dict[tuple[int, int], int] = {}
    for row in range(needed.shape[0] + 1):
        runs: set[tuple[int, int]] = set()
        if row < needed.shape[0]:
            edges = np.flatnonzero(np.diff(np.concatenate([[0], needed[row].astype(np.int8), [0]])))
            runs = {(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)}
        for run in [run for run in growing if run not in runs]:
            yield growing.pop(run), row, *run
        for run in sorted(runs):
            growing.setdefault(run, row)
