"""Polygons as a picture, for layers too large to be drawn one by one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from ecozones.maps.payload import Geometries
from ecozones.maps.png import encode_png
from ecozones.maps.styles import Paint

_LONG_SIDE = 4096
_SPANS_AT_ONCE = 1 << 20
# outlines are drawn into the picture where a typical polygon is larger than this [cells]
_OUTLINED = 5.0


@dataclasses.dataclass(frozen=True)
class Overview:
    """A picture of a layer and where it lies on Web Mercator."""

    png: str
    bounds: tuple[float, float, float, float]
    cell: float


def draw(
    geometries: Geometries, codes: NDArray[np.uint8], paints: Sequence[Paint], drawn: NDArray[np.bool_]
) -> Overview:
    """
    Draw polygons into one picture.

    Parameters
    ----------
    geometries
        Polygons on Web Mercator. [m]
    codes
        Class of each.
    paints
        How each class is drawn.
    drawn
        Which polygons to draw; the frame of the picture is that of all.

    Returns
    -------
    Overview
        A picture with a palette, its longer side 4096 cells.
    """
    west, south, east, north = (float(value) for value in shapely.total_bounds(geometries))
    cell = max(east - west, north - south) / _LONG_SIDE
    width, height = (max(1, int(np.ceil(span / cell))) for span in (east - west, north - south))
    number = burn(geometries, np.flatnonzero(drawn), (west, north), cell, (height, width))
    inside = number >= 0
    picture = np.zeros((height, width), dtype=np.uint8)
    picture[inside] = codes[number[inside]] + 1
    area = np.median(shapely.area(geometries[drawn])) if drawn.any() else 0.0
    if np.sqrt(area) / cell > _OUTLINED:
        edge = np.zeros_like(inside)
        edge[:, 1:] |= number[:, 1:] != number[:, :-1]
        edge[1:] |= number[1:] != number[:-1]
        picture[edge & inside] += len(paints)
    bounds = (west, north - height * cell, west + width * cell, north)
    return Overview(encode_png(picture, _palette(paints)), bounds, cell)


def burn(
    geometries: Geometries, rows: NDArray[np.intp], corner: tuple[float, float], cell: float, shape: tuple[int, int]
) -> NDArray[np.int32]:
    """
    Give the polygon that the middle of every cell lies in.

    Parameters
    ----------
    geometries
        Polygons.
    rows
        Which of them to use.
    corner
        West and north of the grid.
    cell
        Side of a cell.
    shape
        Rows and columns of the grid.

    Returns
    -------
    ndarray
        Row number of the polygon, -1 where there is none; where polygons overlap the later one.

    Examples
    --------
    >>> squares = np.array([shapely.box(0, 0, 2, 2), shapely.box(2, 0, 3, 2)], dtype=object)
    >>> burn(squares, np.arange(2), (0, 2), 1, (2, 3)).tolist()
    [[0, 0, 1], [0, 0, 1]]
    """
    height, width = shape
    grid = np.full(height * width, -1, dtype=np.int32)
    xy, place = shapely.get_coordinates(_rings(geometries[rows])[0], return_index=True)
    owner = _rings(geometries[rows])[1]
    x, y = (xy[:, 0] - corner[0]) / cell, (corner[1] - xy[:, 1]) / cell
    joined = np.flatnonzero(place[1:] == place[:-1])
    x0, y0, x1, y1 = x[joined], y[joined], x[joined + 1], y[joined + 1]
    # an edge crosses the middle of the cells in rows first..last
    first = np.clip(np.ceil(np.minimum(y0, y1) - 0.5), 0, height).astype(np.int64)
    last = np.clip(np.ceil(np.maximum(y0, y1) - 0.5), 0, height).astype(np.int64)
    count = last - first
    edge = np.repeat(np.arange(len(joined)), count)
    line = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    slope = (x1 - x0)[edge] / (y1 - y0)[edge]
    crossing = np.clip(x0[edge] + (line + 0.5 - y0[edge]) * slope, 0, width)
    # one number to sort by: polygon, then row, then place along the row
    turn = owner[place[joined]][edge] * height + line
    key = np.sort(turn * (width + 1.0) + crossing)
    begin, end = key[::2], key[1::2]
    turn = np.floor(begin / (width + 1.0)).astype(np.int64)
    left = np.ceil(begin - turn * (width + 1.0) - 0.5).astype(np.int64)
    right = np.ceil(end - turn * (width + 1.0) - 0.5).astype(np.int64)
    polygon, line = np.divmod(turn, height)
    for start in range(0, len(left), _SPANS_AT_ONCE):
        part = slice(start, start + _SPANS_AT_ONCE)
        length = np.maximum(right[part] - left[part], 0)
        offset = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
        at = np.repeat(line[part] * width + left[part], length) + offset
        grid[at] = np.repeat(rows[polygon[part]], length)
    return grid.reshape(shape)


def _rings(geometries: Geometries) -> tuple[Geometries, NDArray[np.intp]]:
    parts, row = shapely.get_parts(geometries, return_index=True)
    polygons = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    rings, owner = shapely.get_rings(parts[polygons], return_index=True)
    return rings, row[polygons][owner]


def _palette(paints: Sequence[Paint]) -> NDArray[np.uint8]:
    """Give red, green, blue and opacity: nothing, then the fill of each class, then its outline."""
    fills = [[*bytes.fromhex(paint.fill[1:]), round(255 * max(paint.opacity, 0.15))] for paint in paints]
    edges = [[*bytes.fromhex(paint.edge[1:]), 150] for paint in paints]
    return np.array([[0, 0, 0, 0], *fills, *edges], dtype=np.uint8)
