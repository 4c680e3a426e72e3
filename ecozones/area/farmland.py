"""Farmland left once ridges and ditches are taken off."""

from __future__ import annotations

import warnings
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from ecozones.area.measuring import measure_area
from ecozones.area.methods import AreaMethod
from ecozones.errors import EcozonesWarning, SchemaError, name_rows


def net_farmland_area(
    frame: gpd.GeoDataFrame,
    *,
    method: AreaMethod = "national",
    missing: Literal["refuse", "unknown"] = "refuse",
) -> pd.DataFrame:
    """
    Farmland left in each patch once ridges and ditches are taken off by its deduction coefficient (KCXS).

    Parameters
    ----------
    frame
        Farmland polygons with a column ``deduction``, a share from 0 to 1.
    method
        As in :func:`ecozones.measure_area`.
    missing
        What to do with patches that state no deduction. A missing one is not zero: ``"refuse"`` raises, ``"unknown"``
        leaves net area empty and warns with their number.

    Returns
    -------
    DataFrame
        On the index of `frame`: ``gross_m2`` (TBMJ), ``deduction``, ``deducted_m2`` (KCMJ, rounded half up to 0.01 m²),
        ``net_m2`` (gross minus deducted). [m²]

    Raises
    ------
    SchemaError
        There is no column ``deduction``, or it holds what is no share; all such rows are named.

    Examples
    --------
    >>> import shapely
    >>> patch = gpd.GeoDataFrame({"deduction": [0.12]}, geometry=[shapely.box(0, 0, 10, 10)], crs="EPSG:4548")
    >>> net_farmland_area(patch, method="planar")
       gross_m2  deduction  deducted_m2  net_m2
    0     100.0       0.12         12.0    88.0
    """
    if "deduction" not in frame.columns:
        message = "farmland has no column 'deduction' (KCXS, 扣除系数); net area cannot be told from gross: name it so"
        raise SchemaError(message)
    stated = frame["deduction"]
    share = pd.to_numeric(stated, errors="coerce").astype("float64")
    absent = (stated.isna() | stated.astype("string").str.strip().eq("").fillna(value=False)).to_numpy(dtype=bool)
    foreign = ~absent & ~share.between(0, 1).to_numpy()
    if foreign.any():
        problems = pd.DataFrame({"row": frame.index[foreign], "deduction": stated[foreign].to_numpy()})
        message = (
            f"deduction is no share from 0 to 1 in rows {name_rows(frame.index[foreign])} "
            f"(such as {stated[foreign].iloc[0]!r}); write 12.5 % as 0.125"
        )
        raise SchemaError(message, problems)
    if absent.any():
        told = f"deduction is missing in {absent.sum()} of {len(frame)} rows ({name_rows(frame.index[absent])})"
        if missing == "refuse":
            problems = pd.DataFrame({"row": frame.index[absent], "deduction": stated[absent].to_numpy()})
            message = f"{told}; a missing coefficient is not zero: state it, or pass missing='unknown'"
            raise SchemaError(message, problems)
        warnings.warn(f"{told}; their net area is unknown", EcozonesWarning, stacklevel=2)
    gross = measure_area(frame, method=method).to_numpy()
    deducted = np.full(len(frame), np.nan)
    # in whole numbers, where a half is a half: hundredths of a square metre times millionths
    product = np.rint(gross[~absent] * 100).astype(np.int64) * np.rint(share[~absent] * 1e6).astype(np.int64).to_numpy()
    deducted[~absent] = (product + 500_000) // 1_000_000 / 100
    columns = {"gross_m2": gross, "deduction": share, "deducted_m2": deducted, "net_m2": np.round(gross - deducted, 2)}
    return pd.DataFrame(columns, index=frame.index)
