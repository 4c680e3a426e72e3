"""
What rasters say of land: how much of each class, and what became what.

Areas counted from a map are labelled ``pixel_count``: they carry the errors of the map. Only a reference sample turns
them into estimates with an interval, see :mod:`ecozones.landcover.sample_estimates`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import geopandas as gpd
import numpy as np
import pandas as pd

from ecozones.area import AreaMethod
from ecozones.landcover.zone_cells import PIXEL_COUNT, count_cells, flag_zones
from ecozones.rasters import AnyRaster


def class_areas(
    zones: gpd.GeoDataFrame,
    raster: AnyRaster,
    *,
    zone_id: str | None = None,
    names: Mapping[int, str] | None = None,
    min_coverage: float = 0.95,
    min_cells: float = 9.0,
    method: AreaMethod = "national",
) -> pd.DataFrame:
    """
    Measure how much ground of each class every zone holds, with cells cut by its edge counted in part.

    Parameters
    ----------
    zones
        Polygons, in any CRS with a known way to that of the raster; they may overlap.
    raster
        Classes as whole numbers.
    zone_id
        Column that names the zones; the index where left out.
    names
        Names of classes, for the table.
    min_coverage
        Zones of which a smaller share has a class are flagged.
    min_cells
        Zones of fewer cells are flagged: their edge outweighs them.
    method
        How ground of a zone beyond the raster is measured.

    Returns
    -------
    DataFrame
        One row for each zone and class, with nodata and ground outside the raster as rows of their own: ``zone_id``,
        ``ground`` (class, nodata, outside), ``class_id``, ``class_name``, ``cells``, ``area_m2`` [m²], ``area_ha``
        [ha], ``share`` of the zone, ``coverage`` (share of the zone that has a class), ``flag``, ``kind``
        (pixel_count).

    Raises
    ------
    InputError
        The raster cannot be used, or two zones have one name.
    CRSError
        Zones or raster cannot be placed on the ground.
    MissingDependencyError
        rasterio or exactextract is not installed.
    """
    counted = count_cells(zones, [raster], zone_id, method)
    counted = counted.rename(columns={"code_0": "class_id"})
    known = dict(names or {})
    words = ["" if pd.isna(code) else known.get(int(code), "") for code in counted["class_id"]]
    counted.insert(3, "class_name", pd.Series(words, index=counted.index, dtype="str"))
    return flag_zones(counted, min_coverage, min_cells)


def transition_matrix(
    before: AnyRaster,
    after: AnyRaster,
    *,
    zones: gpd.GeoDataFrame | None = None,
    zone_id: str | None = None,
    min_coverage: float = 0.95,
    min_cells: float = 9.0,
    method: AreaMethod = "national",
) -> pd.DataFrame:
    """
    Measure how much ground went from each class to each class between two dates.

    Parameters
    ----------
    before, after
        Classes at two dates, on one grid.
    zones
        Polygons; the whole raster where left out.
    zone_id
        Column that names the zones; the index where left out.
    min_coverage, min_cells, method
        As in :func:`class_areas`.

    Returns
    -------
    DataFrame
        One row for each zone and pair of classes: ``zone_id``, ``ground`` (class: seen on both dates, nodata: not seen
        on one of them, outside), ``before``, ``after`` (missing where not seen), ``cells``, ``area_m2`` [m²],
        ``area_ha`` [ha], ``share``, ``coverage``, ``flag``, ``kind`` (pixel_count).

    Raises
    ------
    InputError
        A raster cannot be used, or the two lie on different grids: resampling is for the caller to decide.
    CRSError
        Their coordinates differ or cannot be placed on the ground.
    """
    counted = count_cells(zones, [before, after], zone_id, method)
    return flag_zones(counted.rename(columns={"code_0": "before", "code_1": "after"}), min_coverage, min_cells)


def square_matrix(transitions: pd.DataFrame, *, zone: Hashable | None = None) -> pd.DataFrame:
    """
    Lay transitions out as the usual square: rows from, columns to, ground not seen on both dates left out.

    Parameters
    ----------
    transitions
        Table of :func:`transition_matrix`.
    zone
        The zone to show; all zones added up where left out, which counts shared ground again.

    Returns
    -------
    DataFrame
        Areas by class before (rows) and after (columns). [ha]

    Examples
    --------
    >>> seen = pd.DataFrame({"zone_id": ["a", "a"], "ground": "class", "before": [1, 2], "after": [2, 2],
    ...                      "area_ha": [3.0, 4.0]})
    >>> square_matrix(seen).loc[1, 2]
    np.float64(3.0)
    """
    seen = transitions[transitions["ground"] == "class"]
    if zone is not None:
        seen = seen[seen["zone_id"] == zone]
    classes = sorted(set(seen["before"]) | set(seen["after"]))
    square = seen.pivot_table(index="before", columns="after", values="area_ha", aggfunc="sum", fill_value=0.0)
    return square.reindex(index=classes, columns=classes, fill_value=0.0).astype(np.float64)


def class_changes(transitions: pd.DataFrame) -> pd.DataFrame:
    """
    Sum up for each class what it gained and lost, and how much of that merely changed place.

    Parameters
    ----------
    transitions
        Table of :func:`transition_matrix`.

    Returns
    -------
    DataFrame
        One row for each zone and class, over ground seen on both dates: ``before_ha``, ``after_ha``, ``kept_ha``,
        ``gain_ha``, ``loss_ha``, ``net_ha`` (gain less loss), ``swap_ha`` (twice the smaller of gain and loss). [ha]

    References
    ----------
    .. [1] R. G. Pontius, E. Shusas, M. McEachern, "Detecting important categorical land changes while accounting for
       persistence", Agriculture, Ecosystems & Environment 101, 2004, https://doi.org/10.1016/j.agee.2003.09.008.

    Examples
    --------
    >>> seen = pd.DataFrame({"zone_id": ["a", "a", "a"], "ground": "class", "before": [1, 2, 1], "after": [2, 1, 1],
    ...                      "area_ha": [3.0, 1.0, 5.0], "kind": "pixel_count"})
    >>> class_changes(seen)[["class_id", "gain_ha", "loss_ha", "net_ha", "swap_ha"]].values.tolist()
    [[1.0, 1.0, 3.0, -2.0, 2.0], [2.0, 3.0, 1.0, 2.0, 2.0]]
    """
    seen = transitions[transitions["ground"] == "class"]
    key = ["zone_id", "class_id"]
    before = seen.rename(columns={"before": "class_id"}).groupby(key, sort=False)["area_ha"].sum()
    after = seen.rename(columns={"after": "class_id"}).groupby(key, sort=False)["area_ha"].sum()
    stayed = seen[seen["before"] == seen["after"]].rename(columns={"before": "class_id"})
    kept = stayed.groupby(key, sort=False)["area_ha"].sum()
    table = pd.concat({"before_ha": before, "after_ha": after, "kept_ha": kept}, axis=1).fillna(0.0)
    table = table.rename_axis(key).reset_index()
    table["class_id"] = table["class_id"].astype("int64")
    table["gain_ha"] = table["after_ha"] - table["kept_ha"]
    table["loss_ha"] = table["before_ha"] - table["kept_ha"]
    table["net_ha"] = table["gain_ha"] - table["loss_ha"]
    table["swap_ha"] = 2 * table[["gain_ha", "loss_ha"]].min(axis=1)
    table["kind"] = PIXEL_COUNT
    order = {zone: place for place, zone in enumerate(dict.fromkeys(transitions["zone_id"]))}
    return table.sort_values(
        key, key=lambda column: column.map(order) if column.name == "zone_id" else column
    ).reset_index(drop=True)
