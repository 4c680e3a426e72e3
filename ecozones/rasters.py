"""
Ground under polygons, cell by cell: which raster cells a polygon covers, and how many square metres of each.

A raster is read in windows of whole blocks, only where a polygon lies, so that its size does not matter. The share of a
cell that a polygon covers comes from exactextract; the area of the cell comes from the raster's own ellipsoid, because
exactextract's areas are those of a sphere. The raster is never resampled: polygons come to it, densified first.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Proj

from ecozones.crs import check_crs, same_crs
from ecozones.errors import CRSError, InputError, MissingCRSError, MissingDependencyError
from ecozones.geometry import check_polygons, polygonal, repair_polygons
from ecozones.placing import bring_to

Content = Literal["classes", "numbers"]
Stated = Literal["stated"]
Geometries = NDArray[np.object_]
Rows = NDArray[np.intp]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

# cells worked on at a time: each costs some 100 bytes while zones are laid over it
TILE_CELLS = 1 << 20

# GDAL keeps the blocks of an open file, up to a twentieth of the machine's memory; closing the file lets them go
_CELLS_BETWEEN_OPENINGS = 1 << 26

# coverage is computed in single precision: a smaller share is an edge that runs along a cell, not ground
_NO_SHARE = 1e-8

# polygons of more vertices than this are clipped to the tile before they are laid over it
_MANY_VERTICES = 512

# nodes tried, in this order, to describe the scale of a projection over a tile, and the error allowed
_NODES = (3, 5, 9, 17, 33)
_SCALE_TOLERANCE = 1e-9


@dataclasses.dataclass(frozen=True)
class RasterBand:
    """
    One band of a raster file, and how its empty cells are known.

    Parameters
    ----------
    path
        File or address that GDAL can open.
    band
        Number of the band, from 1.
    nodata
        ``"stated"``: as the file says. A number: the value of empty cells, for a file that says nothing. None: every
        cell of a file that says nothing is valid. A file that states a value cannot be overruled.
    """

    path: str | Path
    band: int = 1
    nodata: float | Stated | None = "stated"


AnyRaster = str | Path | RasterBand


@dataclasses.dataclass(frozen=True)
class Grid:
    """
    Where the cells of a raster lie.

    Parameters
    ----------
    crs
        Coordinates of the raster.
    west, north
        Its upper left corner, in units of `crs`.
    cell_width, cell_height
        Size of a cell, both positive, in units of `crs`.
    rows, columns
        How many cells it has.
    """

    crs: CRS
    west: float
    north: float
    cell_width: float
    cell_height: float
    rows: int
    columns: int

    @property
    def box(self) -> shapely.Polygon:
        """The ground that the raster spans."""
        return self.box_of(0, self.rows, 0, self.columns)

    def box_of(self, top: int, bottom: int, left: int, right: int) -> shapely.Polygon:
        """Outline the cells of rows `top` to `bottom` and columns `left` to `right`, both ends excluded."""
        return shapely.box(
            self.west + left * self.cell_width,
            self.north - bottom * self.cell_height,
            self.west + right * self.cell_width,
            self.north - top * self.cell_height,
        )


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


@dataclasses.dataclass(frozen=True)
class _Layer:
    """A band that was looked at and found usable."""

    source: RasterBand
    grid: Grid
    block: tuple[int, int]
    dtype: np.dtype[Any]
    nodata: float | None
    masked: bool
    holes_read_as_zero: bool
    scale: float
    offset: float


def as_band(raster: AnyRaster) -> RasterBand:
    """
    Take a path for the first band of its file.

    Parameters
    ----------
    raster
        Path, address or band.

    Returns
    -------
    RasterBand
        The band.

    Examples
    --------
    >>> as_band("cover.tif").band
    1
    """
    return raster if isinstance(raster, RasterBand) else RasterBand(raster)


def read_grid(raster: AnyRaster, *, content: Content = "classes") -> Grid:
    """
    Tell where the cells of a raster lie, or why it cannot be used.

    Parameters
    ----------
    raster
        Path, address or band.
    content
        ``"classes"``: whole numbers that name something. ``"numbers"``: measurements, such as an index.

    Returns
    -------
    Grid
        Origin, size and coordinates of the cells.

    Raises
    ------
    InputError
        The file cannot be opened, is rotated, says nothing of empty cells, or holds fractions instead of classes.
    CRSError
        Its coordinates cannot be placed on the ground.
    """
    return _inspect(as_band(raster), content).grid


def check_same_grid(rasters: Sequence[AnyRaster], *, content: Content = "classes") -> Grid:
    """
    Tell the grid that several rasters share, or how they differ; resampling is for the caller to decide.

    Parameters
    ----------
    rasters
        Paths, addresses or bands; at least one.
    content
        What they hold.

    Returns
    -------
    Grid
        The grid of all of them.

    Raises
    ------
    InputError
        Cells of two rasters do not lie on each other.
    CRSError
        Two rasters have different coordinate reference systems.
    """
    return _same_grid([_inspect(as_band(raster), content) for raster in rasters])


def cell_areas(grid: Grid, top: int, bottom: int, left: int, right: int) -> Numbers:
    """
    Measure the ground of each cell of a window on the ellipsoid.

    Geographic cells have a closed form, one value a row. Projected cells are their plane area divided by the local
    scale of the projection at their middle.

    Parameters
    ----------
    grid
        Where the cells lie.
    top, bottom, left, right
        First row, row after the last, first column, column after the last.

    Returns
    -------
    ndarray
        Areas of shape (rows, 1) or (rows, columns), to be broadcast. [m²]

    Raises
    ------
    CRSError
        The cells lie where the projection is not defined.

    Examples
    --------
    >>> grid = Grid(CRS("EPSG:4490"), 109.0, 40.5, 0.02, 0.02, rows=1, columns=1)
    >>> float(cell_areas(grid, 0, 1, 0, 1)[0, 0].round(3))
    3765741.766
    """
    if grid.crs.is_geographic:
        return _geographic_cell_areas(grid, top, bottom)[:, None]
    return _projected_cell_areas(grid, top, bottom, left, right)


def _geographic_cell_areas(grid: Grid, top: int, bottom: int) -> Numbers:
    radians = grid.crs.axis_info[0].unit_conversion_factor
    edges = (grid.north - np.arange(top, bottom + 1) * grid.cell_height) * radians
    if np.abs(edges).max() > np.pi / 2 + 1e-9:
        message = f"the raster reaches latitude {np.degrees(np.abs(edges).max()):.4f}: its coordinates are not degrees"
        raise CRSError(message)
    ellipsoid = grid.crs.ellipsoid
    assert ellipsoid is not None
    a = ellipsoid.semi_major_metre
    flattening = 1 / ellipsoid.inverse_flattening if ellipsoid.inverse_flattening else 0.0
    squared = flattening * (2 - flattening)
    sine = np.sin(edges)
    if squared:
        e = np.sqrt(squared)
        zone = sine / (2 * (1 - squared * sine**2)) + np.arctanh(e * sine) / (2 * e)
    else:
        zone = sine
    return np.asarray(a**2 * (1 - squared) * grid.cell_width * radians * (zone[:-1] - zone[1:]))


def _projected_cell_areas(grid: Grid, top: int, bottom: int, left: int, right: int) -> Numbers:
    projection = Proj(grid.crs)
    metre = grid.crs.axis_info[0].unit_conversion_factor
    x: Numbers = np.asarray(grid.west + (np.arange(left, right) + 0.5) * grid.cell_width)
    y: Numbers = np.asarray(grid.north - (np.arange(top, bottom) + 0.5) * grid.cell_height)
    plane = grid.cell_width * grid.cell_height * metre**2

    def scale(across: Numbers, down: Numbers) -> Numbers:
        longitude, latitude = projection(*np.meshgrid(across, down), inverse=True)
        return np.asarray(projection.get_factors(longitude, latitude).areal_scale)

    # the scale of a projection is smooth: a few nodes tell all of a tile, and points between them tell whether they do
    test_x, test_y = np.linspace(x[0], x[-1], 7), np.linspace(y[0], y[-1], 7)
    truth = scale(test_x, test_y)
    if not (np.isfinite(truth).all() and (truth > 0).all()):
        message = f"the raster reaches ground on which {grid.crs.name!r} is not defined"
        raise CRSError(message)
    for nodes in _NODES:
        nodes_x, nodes_y = _nodes(x[0], x[-1], nodes), _nodes(y[0], y[-1], nodes)
        at_nodes = scale(nodes_x, nodes_y)
        guess = _through(nodes_y, test_y) @ at_nodes @ _through(nodes_x, test_x).T
        if np.abs(guess / truth - 1).max() <= _SCALE_TOLERANCE:
            # not `@`: a product so thin is not worth the threads that a linear algebra library would start
            down: Any = _through(nodes_y, y) @ at_nodes
            across: Any = np.ascontiguousarray(_through(nodes_x, x).T)
            return np.asarray(plane / np.einsum("ik,kj->ij", down, across))
    message = f"the scale of {grid.crs.name!r} changes too fast to measure cells; use a projection made for this place"
    raise CRSError(message)


def _nodes(first: float, last: float, count: int) -> Numbers:
    """Chebyshev nodes between two coordinates."""
    middle, half = (first + last) / 2, (last - first) / 2
    return np.asarray(middle + half * np.cos((2 * np.arange(count) + 1) * np.pi / (2 * count)))


def _through(nodes: Numbers, at: Numbers) -> Numbers:
    """Weights of the nodes in the polynomial through them, at each place asked for (Lagrange)."""
    if nodes[0] == nodes[-1]:
        return np.full((len(at), len(nodes)), 1 / len(nodes))
    weights = np.ones((len(at), len(nodes)))
    for i in range(len(nodes)):
        for j in range(len(nodes)):
            if i != j:
                weights[:, i] *= (at - nodes[j]) / (nodes[i] - nodes[j])
    return weights


def to_grid(zones: gpd.GeoDataFrame, grid: Grid, *, what: str = "zones") -> Geometries:
    """
    Bring polygons to the coordinates of a raster.

    Edges are straight in the coordinates they were drawn in, so they are densified before they move.

    Parameters
    ----------
    zones
        Polygons with a CRS.
    grid
        Where the cells lie.
    what
        What the polygons are called in messages.

    Returns
    -------
    ndarray
        Polygons in the CRS of the raster, in the order given.

    Raises
    ------
    CRSError
        The polygons have no CRS, or one without a known way to that of the raster.
    GeometryError
        A row is empty or no polygon.
    """
    check_crs(zones, what=what)
    check_polygons(zones, what=what)
    zones, _ = repair_polygons(zones, what=what)
    moved, _ = bring_to(zones, grid.crs, what=what)
    return np.asarray(moved.geometry.array, dtype=object)


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
    layers = [_inspect(as_band(raster), content) for raster in rasters]
    grid = _same_grid(layers)
    geometry = np.array([grid.box], dtype=object) if zones is None else zones
    readers = [_Reader(layer, content) for layer in layers]
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
    layer = _inspect(as_band(raster), content)
    reader = _Reader(layer, content)
    try:
        return reader.read(window or (0, layer.grid.rows, 0, layer.grid.columns))
    finally:
        reader.close()


def _tile(
    geometry: Geometries,
    hit: Rows,
    boxes: Rows,
    grid: Grid,
    window: tuple[int, int, int, int],
    block: tuple[int, int],
    readers: Sequence[_Reader],
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
        local, cell, share = _shares(polygons[here], box, shape)
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


def _shares(polygons: Geometries, box: shapely.Polygon, shape: tuple[int, int]) -> tuple[Rows, Rows, Numbers]:
    """Tell which cells of a tile each polygon covers, and how much of each: row of the polygon, cell, share."""
    tools = _exactextract()
    # the number of each cell travels as its value: quicker than asking for "cell_id"
    numbers = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)
    writer = tools.writer()
    tools.extract(
        tools.grid(numbers, *box.bounds),
        tools.polygons(shapely.to_wkb(polygons)),
        ["values", "coverage"],
        output=writer,
    )
    counts = [len(cells) for cells in writer.cells]
    zone = np.repeat(np.arange(len(polygons), dtype=np.intp), counts)
    cell = np.concatenate(writer.cells) if counts else np.empty(0, dtype=np.intp)
    share = np.concatenate(writer.shares) if counts else np.empty(0)
    ground = share > _NO_SHARE
    if not ground.all():
        zone, cell, share = zone[ground], cell[ground], share[ground]
    return zone, cell.astype(np.intp, copy=False), share.astype(np.float64, copy=False)


@dataclasses.dataclass(frozen=True)
class _Coverage:
    """What is used of exactextract: a grid, polygons, and a place to put the shares."""

    extract: Any
    grid: Any
    polygons: Any
    writer: Any


@functools.cache
def _exactextract() -> _Coverage:  # noqa: C901 - classes whose bases are loaded late, and nothing else
    """Tie our arrays to exactextract without the detour through GeoJSON text that its own adapters take."""
    library = _load("exactextract")
    feature_base: Any = library.Feature
    source_base: Any = library.FeatureSource
    writer_base: Any = library.Writer
    numpy_grid = _load("exactextract.raster").NumPyRasterSource

    class Polygon(feature_base):
        def __init__(self, wkb: bytes) -> None:
            super().__init__()
            self.wkb = wkb

        def geometry(self) -> bytes:
            return self.wkb

        def get(self, name: str) -> None:
            raise KeyError(name)

        def fields(self) -> list[str]:
            return []

    class Polygons(source_base):
        def __init__(self, wkb: Sequence[bytes]) -> None:
            super().__init__()
            self.wkb = wkb

        def count(self) -> int:
            return len(self.wkb)

        def __iter__(self) -> Iterator[Polygon]:
            return map(Polygon, self.wkb)

        def srs_wkt(self) -> None:
            return None

    class Result(feature_base):
        def __init__(self) -> None:
            super().__init__()
            self.found: dict[str, NDArray[Any]] = {}

        def set(self, name: str, value: NDArray[Any]) -> None:
            self.found[name] = value

        def set_geometry(self, geometry: bytes) -> None:
            """Forget the geometry: the caller has it."""

        def set_geometry_format(self) -> str:
            return "wkb"

        def fields(self) -> list[str]:
            return list(self.found)

    class Writer(writer_base):
        def __init__(self) -> None:
            super().__init__()
            self.cells: list[NDArray[Any]] = []
            self.shares: list[NDArray[Any]] = []

        def add_operation(self, operation: object) -> None:
            """Need nothing: both operations are known."""

        def write(self, feature: Any) -> None:  # noqa: ANN401 - a class without types
            result = Result()
            feature.copy_to(result)
            self.cells.append(result.found.get("values", np.empty(0, dtype=np.int32)))
            self.shares.append(result.found.get("coverage", np.empty(0)))

        def finish(self) -> None:
            """Leave nothing open."""

        def features(self) -> None:
            return None

    return _Coverage(library.exact_extract, numpy_grid, Polygons, Writer)


class _Reader:
    """A band held open, and closed from time to time so that GDAL lets go of the blocks it keeps."""

    def __init__(self, layer: _Layer, content: Content) -> None:
        self.layer = layer
        self.content = content
        self.dataset: Any = None
        self.cells_read = 0
        self.blocks_read = 0

    def close(self) -> None:
        if self.dataset is not None:
            self.dataset.close()
            self.dataset = None

    def read(self, window: tuple[int, int, int, int]) -> tuple[NDArray[Any], Flags]:
        """Read values and validity of one window."""
        top, bottom, left, right = window
        layer = self.layer
        if self.dataset is None or self.cells_read > _CELLS_BETWEEN_OPENINGS:
            self.close()
            self.dataset = _open(layer.source)
            self.cells_read = 0
        self.cells_read += (bottom - top) * (right - left)
        self._count_blocks(window)
        area = ((top, bottom), (left, right))
        try:
            values = self.dataset.read(layer.source.band, window=area)
            mask = self.dataset.read_masks(layer.source.band, window=area) if layer.masked else None
        except _load("rasterio.errors").RasterioIOError as error:
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


def _load(name: str) -> Any:  # noqa: ANN401 - a module without types
    """Load rasterio or exactextract on first use, so that the library starts without them."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        message = f"rasters are read with {package}, which is not installed: pip install 'ecozones[raster]'"
        raise MissingDependencyError(message) from error


def _open(source: RasterBand) -> Any:  # noqa: ANN401 - a class without types
    rasterio = _load("rasterio")
    try:
        return rasterio.open(source.path)
    except rasterio.errors.RasterioIOError as error:
        message = f"{source.path} cannot be opened as a raster: {error}"
        raise InputError(message) from error


def _inspect(source: RasterBand, content: Content) -> _Layer:
    """Look at a band once, and refuse it with every reason at once."""
    with _open(source) as dataset:
        if not 1 <= source.band <= dataset.count:
            message = f"{source.path} has bands 1 to {dataset.count}, not {source.band}"
            raise InputError(message)
        affine = dataset.transform
        crs = _crs(source, dataset.crs)
        dtype = np.dtype(dataset.dtypes[source.band - 1])
        scale, offset = dataset.scales[source.band - 1], dataset.offsets[source.band - 1]
        nodata, masked, holes, problems = _emptiness(source, dataset, dtype)
        if affine.b or affine.d:
            problems.append("the raster is rotated; warp it to an upright grid first")
        elif affine.a <= 0 or affine.e >= 0:
            problems.append("its rows do not run from north to south and from west to east; flip it first")
        if dtype.kind not in "iuf":
            problems.append(f"cells of type {dtype} are not supported")
        elif content == "classes" and dtype.kind == "f":
            problems.append(f"classes must be whole numbers, and the band holds {dtype}; convert it to integers first")
        if content == "classes" and (scale, offset) != (1.0, 0.0):
            problems.append(f"a band with a scale ({scale}) or offset ({offset}) holds measurements, not classes")
        if problems:
            message = f"{source.path}: " + "; ".join(problems)
            raise InputError(message)
        grid = Grid(crs, affine.c, affine.f, affine.a, -affine.e, dataset.height, dataset.width)
        block = dataset.block_shapes[source.band - 1]
        layer = _Layer(source, grid, block, dtype, nodata, masked, holes, float(scale), float(offset))
    frame = gpd.GeoDataFrame(geometry=[grid.box], crs=crs)
    check_crs(frame, what=f"raster {source.path}")
    return layer


def _crs(source: RasterBand, crs: Any) -> CRS:  # noqa: ANN401 - a class without types
    if not crs:
        message = f"{source.path} does not say what its coordinates mean; assign its CRS first"
        raise MissingCRSError(message)
    known = CRS.from_user_input(crs.to_wkt())
    if known.is_geographic or known.is_projected:
        return known
    message = (
        f"{source.path} has coordinates of {known.name!r} ({known.type_name}), which cannot be placed on the ground"
    )
    raise CRSError(message)


def _emptiness(
    source: RasterBand,
    dataset: Any,  # noqa: ANN401 - a class without types
    dtype: np.dtype[Any],
) -> tuple[float | None, bool, bool, list[str]]:
    """How empty cells are known: value, own mask, whether missing blocks read as zero, and what is wrong."""
    flags = {flag.name for flag in dataset.mask_flag_enums[source.band - 1]}
    stated = dataset.nodatavals[source.band - 1]
    masked = bool(flags & {"per_dataset", "alpha"})
    given = source.nodata
    if stated is not None or masked:
        problems = []
        if given != "stated" and (masked or given is None or not _same_number(given, stated)):
            said = "a mask" if stated is None else f"nodata {stated:g}"
            problems.append(f"the file states {said} and nodata={given} was given; they cannot both be right")
        if stated is not None and not _fits(stated, dtype):
            problems.append(f"the stated nodata {stated:g} is no value of {dtype}, so that no cell could be empty")
        return stated, masked, False, problems
    if given == "stated":
        return (
            None,
            False,
            False,
            ["it states no nodata value; say nodata=<value>, or nodata=None if every cell is valid"],
        )
    problems = []
    if given is not None and not _fits(given, dtype):
        problems.append(f"nodata={given:g} is no value of {dtype}")
    if dataset.driver == "VRT":
        problems.append("a VRT must state a nodata value, or ground that no tile covers would read as 0")
    return given, False, dataset.driver in {"GTiff", "COG"}, problems


def _same_number(a: float, b: float | None) -> bool:
    return b is not None and (a == b or (np.isnan(a) and np.isnan(b)))


def _fits(value: float, dtype: np.dtype[Any]) -> bool:
    if dtype.kind == "f":
        return True
    if dtype.kind not in "iu":
        return False
    limits = np.iinfo(dtype)
    return bool(limits.min <= value <= limits.max and value == int(value))


def _same_grid(layers: Sequence[_Layer]) -> Grid:
    first = layers[0]
    for other in layers[1:]:
        names = f"{first.source.path} and {other.source.path}"
        if not same_crs(first.grid.crs, other.grid.crs):
            message = (
                f"{names} have different CRS ({first.grid.crs.name}, {other.grid.crs.name}); "
                "warp one to the grid of the other first, and say how in your report"
            )
            raise CRSError(message)
        fields = [field.name for field in dataclasses.fields(Grid) if field.name != "crs"]
        differ = [name for name in fields if getattr(first.grid, name) != getattr(other.grid, name)]
        if differ:
            listed = ", ".join(f"{name} {getattr(first.grid, name)} and {getattr(other.grid, name)}" for name in differ)
            message = (
                f"{names} lie on different grids: {listed}; resample one to the other first, and say how in your report"
            )
            raise InputError(message)
    return first.grid
