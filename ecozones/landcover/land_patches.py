"""Patches of connected cells, and which are below the minimum mapping unit, as ground and not as cells."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecozones.errors import InputError
from ecozones.landcover.evidence import MeaningTable, judge_transitions
from ecozones.landcover.zone_cells import PIXEL_COUNT, Flags, Integers
from ecozones.rasters import AnyRaster, Grid, cell_areas, check_same_grid, read_window
from ecozones.units import from_m2

Connectivity = Literal[4, 8]

# patches are labelled in memory, some 40 bytes a cell
_MAX_PATCH_CELLS = 100_000_000


def find_patches(
    raster: AnyRaster,
    *,
    connectivity: Connectivity,
    min_area_m2: float,
    window: tuple[int, int, int, int] | None = None,
) -> pd.DataFrame:
    """
    Find the patches of each class, and which are smaller than the minimum mapping unit.

    Parameters
    ----------
    raster
        Classes as whole numbers.
    connectivity
        4: cells of a patch share an edge. 8: a corner will do. There is no default: the number of patches hangs on it.
    min_area_m2
        The minimum mapping unit, as ground and not as a number of cells. [m²]
    window
        First row, row after the last, first column, column after the last; all cells where left out.

    Returns
    -------
    DataFrame
        One row a patch, in the order of their first cell: ``patch_id``, ``class_id``, ``cells``, ``area_m2`` [m²],
        ``area_ha`` [ha], ``kept`` (not smaller than the unit), ``row``, ``column`` (its first cell), ``connectivity``,
        ``kind`` (pixel_count). Nodata makes no patch.

    Raises
    ------
    InputError
        The raster cannot be used, or the window is too large for memory.
    """
    grid = check_same_grid([raster])
    box = _small_window(grid, window)
    values, valid = read_window(raster, box)
    return _measure_patches(values, valid, grid, box, connectivity, min_area_m2).rename(columns={"value": "class_id"})


def find_changed_patches(
    before: AnyRaster,
    after: AnyRaster,
    *,
    meaning: MeaningTable,
    connectivity: Connectivity,
    min_area_m2: float,
    window: tuple[int, int, int, int] | None = None,
) -> pd.DataFrame:
    """
    Find the patches of restoration and degradation between two dates, and which are below the minimum mapping unit.

    Parameters
    ----------
    before, after
        Classes at two dates, on one grid.
    meaning
        As in :func:`judge_transitions`.
    connectivity, min_area_m2, window
        As in :func:`find_patches`.

    Returns
    -------
    DataFrame
        As :func:`find_patches`, with ``meaning`` (restoration, degradation) in place of the class.

    Raises
    ------
    InputError
        A raster or the meaning cannot be used, or the window is too large for memory.
    """
    grid = check_same_grid([before, after])
    box = _small_window(grid, window)
    (a, seen_a), (b, seen_b) = (read_window(raster, box) for raster in (before, after))
    judge_transitions(pd.DataFrame({"ground": [], "before": [], "after": []}), meaning)
    code = np.zeros(a.shape, dtype=np.int8)
    for (old, new), word in meaning.items():
        if word != "stable":
            code[(a == old) & (b == new)] = 1 if word == "restoration" else 2
    table = _measure_patches(code, seen_a & seen_b & (code > 0), grid, box, connectivity, min_area_m2)
    table["value"] = table["value"].map({1: "restoration", 2: "degradation"}).astype("str")
    return table.rename(columns={"value": "meaning"})


def label_patches(values: NDArray[Any], valid: Flags, connectivity: Connectivity) -> Integers:
    """
    Give the patches of equal, connected cells their numbers.

    Parameters
    ----------
    values
        Classes, shape (rows, columns).
    valid
        Cells that take part.
    connectivity
        4 or 8.

    Returns
    -------
    ndarray
        Number of the patch of each cell, from 0 in the order of first cells; -1 where not valid.

    Raises
    ------
    InputError
        Connectivity is neither 4 nor 8.

    Examples
    --------
    >>> corner = np.array([[1, 0], [0, 1]])
    >>> label_patches(corner, corner == 1, 4).max() + 1, label_patches(corner, corner == 1, 8).max() + 1
    (np.int64(2), np.int64(1))
    """
    if connectivity not in get_args(Connectivity):
        message = f"cells touch by 4 edges or in 8 directions, not {connectivity}"
        raise InputError(message)
    # cells of one row that touch are one run; runs are then joined from row to row
    new = np.ones(values.shape, dtype=bool)
    new[:, 1:] = (values[:, 1:] != values[:, :-1]) | (valid[:, 1:] != valid[:, :-1])
    run = (np.cumsum(new.ravel()) - 1).reshape(values.shape)
    above, below = [], []
    for shift in (0,) if connectivity == 4 else (-1, 0, 1):  # noqa: PLR2004
        upper = (slice(None, -1), slice(max(0, -shift), values.shape[1] - max(0, shift)))
        lower = (slice(1, None), slice(max(0, shift), values.shape[1] - max(0, -shift)))
        joined = (values[upper] == values[lower]) & valid[upper] & valid[lower]
        above.append(run[upper][joined])
        below.append(run[lower][joined])
    root = _join(int(run[-1, -1]) + 1, np.concatenate(above), np.concatenate(below))
    patch = np.where(valid, root[run], -1)
    found, number = np.unique(patch[valid], return_inverse=True)
    labels = np.full(values.shape, -1, dtype=np.int64)
    labels[valid] = number
    assert len(found) == labels.max() + 1
    return labels


def _join(count: int, left: Integers, right: Integers) -> Integers:
    """Give every run the lowest run that it is joined to, over any number of steps."""
    root = np.arange(count, dtype=np.int64)
    while True:
        a, b = root[left], root[right]
        apart = a != b
        if not apart.any():
            return root
        left, right, a, b = left[apart], right[apart], a[apart], b[apart]
        np.minimum.at(root, np.maximum(a, b), np.minimum(a, b))
        while True:
            up = root[root]
            if (up == root).all():
                break
            root = up


def _measure_patches(
    values: NDArray[Any],
    valid: Flags,
    grid: Grid,
    window: tuple[int, int, int, int],
    connectivity: Connectivity,
    min_area_m2: float,
) -> pd.DataFrame:
    labels = label_patches(values, valid, connectivity)
    number, first, count = np.unique(labels[valid], return_index=True, return_counts=True)
    cell = np.flatnonzero(valid.ravel())[first]
    ground = np.broadcast_to(cell_areas(grid, *window), valid.shape)[valid]
    area = np.bincount(labels[valid], weights=ground, minlength=len(number))
    return pd.DataFrame(
        {
            "patch_id": number,
            "value": values.ravel()[cell].astype(np.int64),
            "cells": count,
            "area_m2": area,
            "area_ha": from_m2(area, "ha"),
            "kept": area >= min_area_m2,
            "row": window[0] + cell // valid.shape[1],
            "column": window[2] + cell % valid.shape[1],
            "connectivity": connectivity,
            "kind": PIXEL_COUNT,
        }
    )


def _small_window(grid: Grid, window: tuple[int, int, int, int] | None) -> tuple[int, int, int, int]:
    box = window or (0, grid.rows, 0, grid.columns)
    if not (0 <= box[0] < box[1] <= grid.rows and 0 <= box[2] < box[3] <= grid.columns):
        message = f"window {box} does not lie in {grid.rows} rows and {grid.columns} columns"
        raise InputError(message)
    if (box[1] - box[0]) * (box[3] - box[2]) > _MAX_PATCH_CELLS:
        message = f"patches of more than {_MAX_PATCH_CELLS:,} cells do not fit into memory; give a window"
        raise InputError(message)
    return box
