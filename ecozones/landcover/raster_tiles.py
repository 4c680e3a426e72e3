"""Several raster tiles as one raster: a list of them that is read by window like any other file, and copies no cell."""

from __future__ import annotations

import dataclasses
import importlib
import itertools
import os
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from ecozones.crs import same_crs
from ecozones.errors import CRSError, InputError
from ecozones.rasters import Content, Grid, read_grid

# how far the corner of a tile may lie beside the grid, in cells: what decimals of a corner leave, and no more
_OFF_GRID = 1e-6
_TYPES = {
    "uint8": "Byte", "int8": "Int8", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32", "int32": "Int32",
    "float32": "Float32", "float64": "Float64",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class _Tile:
    path: Path
    grid: Grid
    dtype: str
    nodata: float | None
    top: int = 0
    left: int = 0


def join_tiles(tiles: Sequence[str | Path], path: str | Path, *, content: Content = "classes") -> Path:
    """
    Join tiles of one raster into a VRT, which names them and is read in their place.

    Parameters
    ----------
    tiles
        Files of one band each, on one grid, side by side; the first band of others is taken.
    path
        File to write, ending in ``.vrt``. It names the tiles by their way from its own folder.
    content
        What they hold.

    Returns
    -------
    Path
        The file written; ground that no tile covers is nodata in it.

    Raises
    ------
    InputError
        There are no tiles; they differ in type, nodata, cells or grid, cover the same ground, or state no nodata.
    CRSError
        They have different coordinate reference systems.
    MissingDependencyError
        rasterio is not installed.
    """
    target = Path(path)
    if not tiles:
        message = "there are no tiles to join"
        raise InputError(message)
    if target.suffix.lower() != ".vrt":
        message = f"{target.name}: tiles are joined in a file that ends in .vrt"
        raise InputError(message)
    read = [_look(Path(tile), content) for tile in tiles]
    whole, placed = _place(read)
    target.write_text(_vrt(whole, placed, target.resolve().parent), encoding="utf-8")
    return target


def _look(path: Path, content: Content) -> _Tile:
    grid = read_grid(path, content=content)
    with importlib.import_module("rasterio").open(path) as file:
        return _Tile(path, grid, file.dtypes[0], file.nodatavals[0])


def _place(tiles: Sequence[_Tile]) -> tuple[Grid, list[_Tile]]:
    """Lay tiles on the grid of the first, and refuse whatever would have to be resampled or chosen from."""
    first = tiles[0]
    if first.nodata is None:
        message = f"{first.path.name} states no nodata value, so that ground without a tile would have none; state it"
        raise InputError(message)
    west, north = (min(tile.grid.west for tile in tiles), max(tile.grid.north for tile in tiles))
    placed = []
    for tile in tiles:
        grid, named = tile.grid, f"{first.path.name} and {tile.path.name}"
        if not same_crs(grid.crs, first.grid.crs):
            message = (
                f"{named} have different CRS ({first.grid.crs.name}, {grid.crs.name}); warp one to the other first"
            )
            raise CRSError(message)
        sizes = (first.grid.cell_width, first.grid.cell_height), (grid.cell_width, grid.cell_height)
        if not np.allclose(*sizes, rtol=1e-9, atol=0):
            message = (
                f"{named} have cells of different size: {sizes[0]} and {sizes[1]}; resample one to the other first"
            )
            raise InputError(message)
        if tile.dtype != first.dtype or tile.nodata != first.nodata:
            kinds = f"{first.dtype} with nodata {first.nodata:g}, {tile.dtype} with nodata {tile.nodata}"
            message = f"{named} hold different things: {kinds}; bring them to one"
            raise InputError(message)
        across, down = (grid.west - west) / sizes[0][0], (north - grid.north) / sizes[0][1]
        if max(abs(across - round(across)), abs(down - round(down))) > _OFF_GRID:
            message = f"{named} lie on grids that are shifted against each other; resample one to the other first"
            raise InputError(message)
        placed.append(dataclasses.replace(tile, top=round(down), left=round(across)))
    for one, other in itertools.combinations(placed, 2):
        apart = (
            one.top >= other.top + other.grid.rows
            or other.top >= one.top + one.grid.rows
            or one.left >= other.left + other.grid.columns
            or other.left >= one.left + one.grid.columns
        )
        if not apart:
            message = (
                f"{one.path.name} and {other.path.name} cover the same ground; cut one of them, or say which counts"
            )
            raise InputError(message)
    rows = max(tile.top + tile.grid.rows for tile in placed)
    columns = max(tile.left + tile.grid.columns for tile in placed)
    grid = dataclasses.replace(first.grid, west=west, north=north, rows=rows, columns=columns)
    return grid, placed


def _vrt(grid: Grid, tiles: Sequence[_Tile], folder: Path) -> str:
    first = tiles[0]
    geotransform = f"{grid.west!r}, {grid.cell_width!r}, 0, {grid.north!r}, 0, {-grid.cell_height!r}"
    sources = "".join(_source(tile, folder) for tile in tiles)
    axes = "1,2" if grid.crs.is_projected else "2,1"
    return (
        f'<VRTDataset rasterXSize="{grid.columns}" rasterYSize="{grid.rows}">'
        f'<SRS dataAxisToSRSAxisMapping="{axes}">{escape(grid.crs.to_wkt())}</SRS>'
        f"<GeoTransform>{geotransform}</GeoTransform>"
        f'<VRTRasterBand dataType="{_TYPES[first.dtype]}" band="1"><NoDataValue>{first.nodata!r}</NoDataValue>'
        f"{sources}</VRTRasterBand></VRTDataset>\n"
    )


def _source(tile: _Tile, folder: Path) -> str:
    size = f'xSize="{tile.grid.columns}" ySize="{tile.grid.rows}"'
    name, inside = _way(tile.path, folder)
    return (
        f"<SimpleSource><SourceFilename relativeToVRT={quoteattr(inside)}>{escape(name)}</SourceFilename>"
        f'<SourceBand>1</SourceBand><SrcRect xOff="0" yOff="0" {size}/>'
        f'<DstRect xOff="{tile.left}" yOff="{tile.top}" {size}/></SimpleSource>'
    )


def _way(path: Path, folder: Path) -> tuple[str, str]:
    """Name a tile from the folder of the list; on another drive there is no way, and the whole path is written."""
    try:
        return Path(os.path.relpath(path.resolve(), folder)).as_posix(), "1"
    except ValueError:
        return path.resolve().as_posix(), "0"
