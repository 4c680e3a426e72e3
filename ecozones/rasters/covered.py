"""Cells that zones cover, a tile at a time, with the ground of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ecozones.geometry import polygonal
from ecozones.rasters.bands import AnyRaster, Content, as_band, inspect_band, one_grid
from ecozones.rasters.cell_ground import cell_areas
from ecozones.rasters.grid import Flags, Geometries, Grid, Numbers, Rows
from ecozones.rasters.reading import BandReader
from ecozones.rasters.shares import covered_shares

# cells worked on at a time: each costs some 100 bytes while zones are laid over it
TILE_CELLS = 1 << 20
# polygons of more vertices than this are clipped to the tile before they are laid over it
_MANY_VERTICES = 512


@dataclasses.dataclass(frozen=True, eq=False)
class Cells:
    """
    Cells that zones cover, one row for each cell of each zone; every column may be summed.

    Parameters
    ----------
    zone
        Row of the zone; rows of one zone stand together.
    cells
        How much of the cell it covers, 0 to 1; the number of cells where many alike were gathered in one row.
    area_m2
        Ground of that part. [m²]
    held
        For each raster, what the cell holds.
    valid
        For each raster, whether the cell holds anything.
    """

    zone: Rows
    cells: Numbers
    area_m2: Numbers
    held: tuple[NDArray[Any], ...]
    valid: tuple[Flags, ...]


def covered_cells(
    zones: Geometries | None, rasters: Sequence[AnyRaster], *, content: Content = "classes"
) -> Iterator[Cells]:
    """
    Lay zones over rasters and give the cells they cover, a tile at a time.

    Parameters
    ----------
    zones
        Polygons in the coordinates of the rasters (see `to_grid`); None for the whole raster as zone 0.
    rasters
        Rasters on one grid.
    content
        What they hold.

    Yields
    ------
    Cells
        Cells of one tile; ground of a zone beyond the rasters appears in none.

    Raises
    ------
    InputError
        A raster cannot be read, or two do not lie on one grid.
    """
    layers = [inspect_band(as_band(raster), content) for raster in rasters]
    grid = one_grid(layers)
    geometry = np.array([grid.box], dtype=object) if zones is None else zones
    readers = [BandReader(layer, content) for layer in layers]
    block = layers[0].block
    height, width = _tile_shape(grid, block)
    boxes = _cell_boxes(geometry, grid)
    shapely.prepare(geometry)
    try:
        for top in range(0, grid.rows, height):
            bottom = min(top + height, grid.rows)
            in_row = np.flatnonzero((boxes[:, 0] < bottom) & (boxes[:, 1] > top))
            for left in range(0, grid.columns, width) if len(in_row) else ():
                right = min(left + width, grid.columns)
                hit = in_row[(boxes[in_row, 2] < right) & (boxes[in_row, 3] > left)]
                if len(hit):
                    window = (top, bottom, left, right)
                    yield from _tile(geometry, hit, boxes[hit], grid, window, block, readers)
    finally:
        for reader in readers:
            reader.close()


def _tile(
    geometry: Geometries,
    hit: Rows,
    boxes: Rows,
    grid: Grid,
    window: tuple[int, int, int, int],
    block: tuple[int, int],
    readers: Sequence[BandReader],
) -> Iterator[Cells]:
    """Give the cells of one tile, for the zones whose boxes meet it."""
    top, bottom, left, right = window
    shape = (bottom - top, right - left)
    inner = np.clip(boxes - (top, top, left, left), 0, (shape[0], shape[0], shape[1], shape[1]))
    tiles = [reader.read_where(window, inner, block) for reader in readers]
    values, valid = tuple(tile[0].ravel() for tile in tiles), tuple(tile[1].ravel() for tile in tiles)
    areas = cell_areas(grid, *window)
    box = grid.box_of(*window)

    fills = (inner == (0, shape[0], 0, shape[1])).all(axis=1)
    fills[fills] = shapely.covers(geometry[hit[fills]], box)
    if fills.any():
        whole = _whole_tile(areas, shape, values, valid)
        for row in hit[fills]:
            yield dataclasses.replace(whole, zone=np.full(len(whole.cells), row, dtype=np.intp))

    hit, inner = hit[~fills], inner[~fills]
    flat_areas = areas.ravel()
    by_row = areas.shape[1] == 1
    many = np.cumsum((inner[:, 1] - inner[:, 0]) * (inner[:, 3] - inner[:, 2])) // TILE_CELLS
    for batch in np.split(np.arange(len(hit)), np.flatnonzero(np.diff(many)) + 1) if len(hit) else ():
        polygons = _clip(geometry[hit[batch]], box, grid)
        here = np.flatnonzero(~shapely.is_empty(polygons))
        local, cell, share = covered_shares(polygons[here], box, shape)
        area = share * flat_areas[cell // shape[1] if by_row else cell]
        held = tuple(value[cell] for value in values)
        seen = tuple(np.broadcast_to(True, len(cell)) if flag.all() else flag[cell] for flag in valid)  # noqa: FBT003
        yield Cells(hit[batch][here[local]], share, area, held, seen)


def _whole_tile(
    areas: Numbers, shape: tuple[int, int], values: tuple[NDArray[Any], ...], valid: tuple[Flags, ...]
) -> Cells:
    """Give all cells of a tile; in one row where they are all alike, as on open water or beyond the survey."""
    alike = all(
        (value == value[0]).all() and (flag == flag[0]).all() for value, flag in zip(values, valid, strict=True)
    )
    if alike:
        total = areas.sum() * (shape[1] if areas.shape[1] == 1 else 1)
        return Cells(
            np.zeros(1, dtype=np.intp),
            np.array([float(shape[0] * shape[1])]),
            np.array([total]),
            tuple(value[:1] for value in values),
            tuple(flag[:1] for flag in valid),
        )
    count = shape[0] * shape[1]
    ground = np.broadcast_to(areas, shape).ravel()
    return Cells(np.zeros(count, dtype=np.intp), np.ones(count), ground, values, valid)


def _clip(polygons: Geometries, box: shapely.Polygon, grid: Grid) -> Geometries:
    """Cut polygons of many vertices down to the tile, with a cell to spare: each of their edges would be followed."""
    large = np.flatnonzero(shapely.get_num_coordinates(polygons) > _MANY_VERTICES)
    if not len(large):
        return polygons
    west, south, east, north = box.bounds
    spare = (west - grid.cell_width, south - grid.cell_height, east + grid.cell_width, north + grid.cell_height)
    clipped = polygons.copy()
    for row in large:
        piece = shapely.clip_by_rect(polygons[row], *spare)
        clipped[row] = piece if shapely.is_valid(piece) else shapely.intersection(polygons[row], shapely.box(*spare))
    clipped[large] = polygonal(clipped[large])
    return clipped


def _cell_boxes(geometry: Geometries, grid: Grid) -> Rows:
    """First row, row after the last, first column, column after the last that each polygon reaches; may lie outside."""
    bounds = shapely.bounds(geometry).reshape(-1, 4)
    west, south, east, north = bounds.T
    edges = np.column_stack(
        [
            np.floor((grid.north - north) / grid.cell_height),
            np.ceil((grid.north - south) / grid.cell_height),
            np.floor((west - grid.west) / grid.cell_width),
            np.ceil((east - grid.west) / grid.cell_width),
        ]
    )
    # a polygon far away may lie beyond any integer
    limits = np.array([grid.rows + 1, grid.rows + 1, grid.columns + 1, grid.columns + 1])
    return np.clip(np.nan_to_num(edges, nan=-1.0), -1, limits).astype(np.intp)


def _tile_shape(grid: Grid, block: tuple[int, int]) -> tuple[int, int]:
    """Shape of a tile: whole blocks, as square as their shape allows."""
    height, width = min(block[0], grid.rows), min(block[1], grid.columns)
    if height * width > TILE_CELLS:
        return max(1, TILE_CELLS // width), width
    while 2 * height * width <= TILE_CELLS and (height < grid.rows or width < grid.columns):
        grow_down = height < grid.rows and (height <= width or width >= grid.columns)
        height, width = (height * 2, width) if grow_down else (height, width * 2)
    return height, width
