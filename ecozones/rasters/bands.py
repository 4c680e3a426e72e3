"""A band of a raster file: how its empty cells are known, where it lies, and every reason to refuse it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
from pyproj import CRS

from ecozones.crs import check_crs, same_crs
from ecozones.errors import CRSError, InputError, MissingCRSError
from ecozones.rasters.grid import Grid
from ecozones.rasters.packages import load_package

Content = Literal["classes", "numbers"]
Stated = Literal["stated"]


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
class BandLayer:
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
    return inspect_band(as_band(raster), content).grid


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
    return one_grid([inspect_band(as_band(raster), content) for raster in rasters])


def open_band(source: RasterBand) -> Any:  # noqa: ANN401 - a class without types
    """
    Open the file of a band.

    Parameters
    ----------
    source
        The band.

    Returns
    -------
    DatasetReader
        Of rasterio, to be closed.

    Raises
    ------
    InputError
        The file cannot be opened as a raster.
    """
    rasterio = load_package("rasterio")
    try:
        return rasterio.open(source.path)
    except rasterio.errors.RasterioIOError as error:
        message = f"{source.path} cannot be opened as a raster: {error}"
        raise InputError(message) from error


def inspect_band(source: RasterBand, content: Content) -> BandLayer:
    """
    Look at a band once, and refuse it with every reason at once.

    Parameters
    ----------
    source
        The band.
    content
        What it holds.

    Returns
    -------
    BandLayer
        What reading it needs to know.

    Raises
    ------
    InputError
        The band cannot be used.
    CRSError
        It cannot be placed on the ground.
    """
    with open_band(source) as dataset:
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
        layer = BandLayer(source, grid, block, dtype, nodata, masked, holes, float(scale), float(offset))
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


def one_grid(layers: Sequence[BandLayer]) -> Grid:
    """
    Give the grid that bands share.

    Parameters
    ----------
    layers
        Bands that were looked at.

    Returns
    -------
    Grid
        Of all of them.

    Raises
    ------
    CRSError
        Their CRS differ.
    InputError
        Their cells do not lie on each other.
    """
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
