"""Ground of raster cells added up by zone: the count that every table of classes stands on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ecozones.area import AreaMethod, polygon_areas
from ecozones.errors import SchemaError, name_rows
from ecozones.rasters import AnyRaster, Cells, Grid, check_same_grid, covered_cells, to_grid
from ecozones.units import from_m2

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

PIXEL_COUNT = "pixel_count"
"""The kind of an area counted on a map: it carries the errors of the map."""

# codes from 0 to here are found by a table; others are sorted, which is slower
_DENSE_CODES = 1 << 16


def count_cells(
    zones: gpd.GeoDataFrame | None, rasters: Sequence[AnyRaster], zone_id: str | None, method: AreaMethod
) -> pd.DataFrame:
    """
    Add up ground by zone and by the codes of the rasters; a missing code is nodata.

    Parameters
    ----------
    zones
        Polygons; the whole raster where None.
    rasters
        Classes as whole numbers, on one grid.
    zone_id
        Column that names the zones; the index where None.
    method
        How ground of a zone beyond the raster is measured.

    Returns
    -------
    DataFrame
        One row for each zone and combination of codes: ``zone_id``, ``ground`` (class, nodata, outside), ``zone`` (row
        number), ``code_0`` and so on, ``cells``, ``area_m2``. [m²]
    """
    grid = check_same_grid(rasters)
    if zones is None:
        ids, geometry, outside = np.array(["raster"], dtype=object), None, np.zeros(1)
    else:
        ids, geometry, outside = on_grid(zones, grid, zone_id, method)
    parts = [_add_up(cells) for cells in covered_cells(geometry, rasters)]
    beyond = np.flatnonzero(outside > 0)
    codes = [f"code_{i}" for i in range(len(rasters))]
    extra = pd.DataFrame({"zone": beyond, "outside": True, "cells": 0.0, "area_m2": outside[beyond]})
    for code in codes:
        extra[code] = pd.array([pd.NA] * len(beyond), dtype="Int64")
    table = pd.concat([*(part.assign(outside=False) for part in parts), extra], ignore_index=True)
    table = (
        table.groupby(["zone", "outside", *codes], dropna=False, sort=True)[["cells", "area_m2"]].sum().reset_index()
    )
    seen = table[codes].notna().all(axis=1)
    ground = np.where(table["outside"], "outside", np.where(seen, "class", "nodata"))
    table.insert(0, "zone_id", ids[table["zone"].to_numpy(dtype=np.intp)])
    table.insert(1, "ground", ground)
    return table.drop(columns=["outside"])


def _add_up(cells: Cells) -> pd.DataFrame:
    """Add up one tile: a row for each zone and combination of codes that occurs."""
    starts = np.flatnonzero(np.diff(cells.zone, prepend=-1))
    zones = cells.zone[starts]
    labels: list[pd.Series] = []
    key = np.zeros(len(cells.zone), dtype=np.int64)
    for held, valid in zip(cells.held, cells.valid, strict=True):
        found, place = _place(held, valid)
        labels.append(found)
        key *= len(found)
        key += place
    combinations = math.prod(len(found) for found in labels)
    key += np.repeat(np.arange(len(zones)) * combinations, np.diff(np.append(starts, len(cells.zone))))
    area = np.bincount(key, weights=cells.area_m2, minlength=len(zones) * combinations)
    count = np.bincount(key, weights=cells.cells, minlength=len(zones) * combinations)
    filled = np.flatnonzero(count)
    columns: dict[str, Any] = {}
    rest = filled
    for i in reversed(range(len(labels))):
        columns[f"code_{i}"] = labels[i].iloc[rest % len(labels[i])].array
        rest = rest // len(labels[i])
    return pd.DataFrame({"zone": zones[rest], **columns, "cells": count[filled], "area_m2": area[filled]})


def _place(held: NDArray[Any], valid: Flags) -> tuple[pd.Series, Integers]:
    """Tell which codes occur, nodata last, and the place of each cell's code among them."""
    all_valid = bool(valid.all())
    seen = held if all_valid else held[valid]
    if not len(seen):
        return pd.Series([pd.NA], dtype="Int64"), np.zeros(len(held), dtype=np.int64)
    low, high = int(seen.min()), int(seen.max())
    if low >= 0 and high < _DENSE_CODES:
        occurs = np.flatnonzero(np.bincount(seen))
        lookup = np.zeros(high + 1, dtype=np.int64)
        lookup[occurs] = np.arange(len(occurs))
        place = lookup.take(held if all_valid else np.where(valid, held, 0))
    else:
        occurs = np.unique(seen)
        place = np.minimum(np.searchsorted(occurs, held), len(occurs) - 1)
    if not all_valid:
        place[~valid] = len(occurs)
    return pd.Series([*occurs.tolist(), pd.NA], dtype="Int64"), place


def on_grid(
    zones: gpd.GeoDataFrame, grid: Grid, zone_id: str | None, method: AreaMethod
) -> tuple[NDArray[np.object_], NDArray[np.object_], Numbers]:
    """
    Name the zones, bring them to the raster, and measure what of them lies beyond it.

    Parameters
    ----------
    zones
        Polygons, in any CRS with a known way to that of the raster.
    grid
        The grid of the raster.
    zone_id
        Column that names the zones; the index where None.
    method
        How ground beyond the raster is measured.

    Returns
    -------
    tuple
        Names, shapes on the grid, and ground beyond it. [m²]
    """
    ids = zone_names(zones, zone_id)
    geometry = to_grid(zones, grid)
    outside = np.zeros(len(geometry))
    beyond = np.flatnonzero(~shapely.covered_by(geometry, grid.box))
    if len(beyond):
        outside[beyond] = polygon_areas(shapely.difference(geometry[beyond], grid.box), grid.crs, method=method)
    return ids, geometry, outside


def zone_names(zones: gpd.GeoDataFrame, zone_id: str | None) -> NDArray[np.object_]:
    """
    Name the zones, each apart from the others.

    Parameters
    ----------
    zones
        Any frame.
    zone_id
        Column that names its rows; the index where None.

    Returns
    -------
    ndarray
        A name for each row.

    Raises
    ------
    SchemaError
        There is no such column, or a name is missing or used twice.

    Examples
    --------
    >>> zone_names(gpd.GeoDataFrame({"zone": ["a", "b"]}), "zone").tolist()
    ['a', 'b']
    """
    if zone_id is not None and zone_id not in zones.columns:
        message = f"zones have no column {zone_id!r}; they have {', '.join(map(str, zones.columns))}"
        raise SchemaError(message)
    names = pd.Index(zones.index if zone_id is None else zones[zone_id])
    if names.isna().any() or names.has_duplicates:
        twice = names[names.isna() | names.duplicated()]
        message = f"zones must be told apart by name: {name_rows(twice)} missing or used twice"
        raise SchemaError(message)
    return np.asarray(names, dtype=object)


def flag_zones(counted: pd.DataFrame, min_coverage: float, min_cells: float) -> pd.DataFrame:
    """
    Complete a table of counted ground: hectares, shares, coverage, and what to be wary of.

    Parameters
    ----------
    counted
        Table of :func:`count_cells`.
    min_coverage
        Zones of which a smaller share has a class are flagged.
    min_cells
        Zones of fewer cells are flagged.

    Returns
    -------
    DataFrame
        The table with ``area_ha`` [ha], ``share``, ``coverage``, ``flag`` and ``kind``.
    """
    by_zone = counted.groupby("zone", sort=False)
    whole = by_zone["area_m2"].transform("sum")
    seen = counted["area_m2"].where(counted["ground"] == "class", 0.0).groupby(counted["zone"]).transform("sum")
    cells = by_zone["cells"].transform("sum")
    counted["area_ha"] = from_m2(counted["area_m2"], "ha")
    counted["share"] = counted["area_m2"] / whole
    counted["coverage"] = seen / whole
    few = np.where(cells < min_cells, f"fewer than {min_cells:g} cells", "")
    thin = np.where(counted["coverage"] < min_coverage, f"coverage below {min_coverage:g}", "")
    both = [", ".join(word for word in pair if word) for pair in zip(thin, few, strict=True)]
    counted["flag"] = pd.Series(both, index=counted.index, dtype="str")
    counted["kind"] = PIXEL_COUNT
    return counted.drop(columns="zone")
