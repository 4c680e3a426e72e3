"""Cover of vegetation from its index, with one scale for all dates that are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from ecozones.area import AreaMethod
from ecozones.errors import InputError
from ecozones.landcover.zone_cells import Flags, Numbers, on_grid
from ecozones.rasters import AnyRaster, Cells, check_same_grid, covered_cells

_NDVI_STEP = 1e-4


def vegetation_index(red: ArrayLike, near_infrared: ArrayLike) -> Numbers:
    """
    Compute the normalised difference vegetation index (NDVI).

    Parameters
    ----------
    red, near_infrared
        Reflectance or digital numbers of the two bands.

    Returns
    -------
    ndarray
        Index from -1 to 1, NaN where both bands are 0.

    Examples
    --------
    >>> float(vegetation_index(50, 150))
    0.5
    """
    dark, bright = np.asarray(red, dtype=np.float64), np.asarray(near_infrared, dtype=np.float64)
    total = bright + dark
    return np.asarray(np.divide(bright - dark, total, out=np.full(total.shape, np.nan), where=total != 0))


def vegetation_cover(ndvi: ArrayLike, *, soil: float, vegetation: float) -> Numbers:
    """
    Estimate the share of ground that plants cover (FVC), from the index of bare soil and of full cover.

    Parameters
    ----------
    ndvi
        Vegetation index.
    soil, vegetation
        Index of bare soil and of full cover; the same for all dates that are compared.

    Returns
    -------
    ndarray
        Cover from 0 to 1.

    Raises
    ------
    InputError
        The index of full cover is not above that of soil.

    Examples
    --------
    >>> vegetation_cover([0.05, 0.5, 0.9], soil=0.05, vegetation=0.8).round(4).tolist()
    [0.0, 0.6, 1.0]
    """
    if not vegetation > soil:
        message = f"full cover must have a higher index than soil: {vegetation} is not above {soil}"
        raise InputError(message)
    return np.clip((np.asarray(ndvi, dtype=np.float64) - soil) / (vegetation - soil), 0.0, 1.0)


def pool_endmembers(
    rasters: Sequence[AnyRaster | tuple[AnyRaster, AnyRaster]], *, low_percent: float = 5.0, high_percent: float = 95.0
) -> tuple[float, float]:
    """
    Take the index of soil and of full cover from the percentiles of all dates together.

    Parameters
    ----------
    rasters
        For each date a raster of the index, or its red and near-infrared bands.
    low_percent, high_percent
        Percentiles, weighted by ground.

    Returns
    -------
    tuple of float
        Index of soil and of full cover, to four decimals, for every date.

    Raises
    ------
    InputError
        A raster cannot be used or holds nothing valid.
    """
    edges = np.linspace(-1.0, 1.0, round(2 / _NDVI_STEP) + 1)
    ground = np.zeros(len(edges) - 1)
    for raster in rasters:
        for cells in covered_cells(None, _bands(raster), content="numbers"):
            index, valid = _index(cells)
            ground += np.histogram(index[valid], bins=edges, weights=cells.area_m2[valid])[0]
    if not ground.any():
        message = "the rasters hold no valid index from -1 to 1"
        raise InputError(message)
    shares = np.cumsum(ground) / ground.sum()
    low, high = (edges[np.searchsorted(shares, percent / 100)] for percent in (low_percent, high_percent))
    return round(float(low), 4), round(float(high), 4)


def cover_by_zone(
    zones: gpd.GeoDataFrame,
    dates: Mapping[Any, AnyRaster | tuple[AnyRaster, AnyRaster]],
    *,
    soil: float | Mapping[Any, float],
    vegetation: float | Mapping[Any, float],
    zone_id: str | None = None,
    min_coverage: float = 0.95,
    method: AreaMethod = "national",
    allow_moving_endmembers: bool = False,
) -> pd.DataFrame:
    """
    Measure the mean vegetation cover of every zone at every date, on one scale for all dates.

    Parameters
    ----------
    zones
        Polygons.
    dates
        For each date a raster of the index, or its red and near-infrared bands; all on one grid.
    soil, vegetation
        As in :func:`vegetation_cover`; one value for all dates.
    zone_id
        Column that names the zones; the index where left out.
    min_coverage
        Zones of which a smaller share was seen are flagged.
    method
        How ground of a zone beyond the raster is measured.
    allow_moving_endmembers
        Take values by date after all; the change is then partly one of scale, and rows say so.

    Returns
    -------
    DataFrame
        One row for each zone and date: ``zone_id``, ``date``, ``ndvi``, ``cover`` (means over ground, 0 to 1),
        ``soil``, ``vegetation``, ``area_m2`` (ground seen) [m²], ``coverage``, ``flag``.

    Raises
    ------
    InputError
        Rasters cannot be used, lie on different grids, or soil and full cover differ between dates.
    """
    ends = {
        date: tuple(float(end[date] if isinstance(end, Mapping) else end) for end in (soil, vegetation))
        for date in dates
    }
    moving = len(set(ends.values())) > 1
    if moving and not allow_moving_endmembers:
        message = (
            "soil and full cover differ between dates, so that the change would be one of scale; take one value for "
            "all (pool_endmembers), or allow_moving_endmembers=True"
        )
        raise InputError(message)
    every = [band for raster in dates.values() for band in _bands(raster)]
    grid = check_same_grid(every, content="numbers")
    ids, geometry, outside = on_grid(zones, grid, zone_id, method)
    tables = []
    for date, raster in dates.items():
        sums = np.zeros((4, len(ids)))
        for cells in covered_cells(geometry, _bands(raster), content="numbers"):
            index, valid = _index(cells)
            cover = vegetation_cover(index, soil=ends[date][0], vegetation=ends[date][1])
            seen = np.where(valid, cells.area_m2, 0.0)
            weighted = (cells.area_m2, seen, seen * np.where(valid, index, 0.0), seen * np.where(valid, cover, 0.0))
            for row, weights in enumerate(weighted):
                sums[row] += np.bincount(cells.zone, weights=weights, minlength=len(ids))
        ground, seen, index_sum, cover_sum = sums
        coverage = seen / (ground + outside)
        empty = np.where(seen > 0, seen, np.nan)
        flag = np.where(coverage < min_coverage, f"coverage below {min_coverage:g}", "")
        if moving:
            flag = np.where(flag == "", "endmembers differ", np.char.add(flag.astype(str), ", endmembers differ"))
        columns = {"zone_id": ids, "date": date, "ndvi": index_sum / empty, "cover": cover_sum / empty}
        columns |= {
            "soil": ends[date][0],
            "vegetation": ends[date][1],
            "area_m2": seen,
            "coverage": coverage,
            "flag": flag,
        }
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def _bands(raster: AnyRaster | tuple[AnyRaster, AnyRaster]) -> list[AnyRaster]:
    return list(raster) if isinstance(raster, tuple) else [raster]


def _index(cells: Cells) -> tuple[Numbers, Flags]:
    """Take the vegetation index of cells, and where it is known."""
    index = cells.held[0] if len(cells.held) == 1 else vegetation_index(*cells.held)
    valid = np.logical_and.reduce(cells.valid) & np.isfinite(index)
    return index, valid
