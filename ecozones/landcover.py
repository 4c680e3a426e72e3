"""
What rasters say of land: how much of each class, what became what, whether a restoration claim holds, how sure that is.

Areas counted from a map are labelled ``pixel_count``: they carry the errors of the map. Only a reference sample turns
them into estimates with an interval, labelled ``error_adjusted``. What a change means is a table that the caller names.
"""

from __future__ import annotations

import itertools
import math
import statistics
import tomllib
from collections.abc import Collection, Hashable, Mapping, Sequence
from importlib import resources
from typing import Any, Literal, cast, get_args

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray

from ecozones import overlay
from ecozones.area import AreaMethod, polygon_areas
from ecozones.crs import check_crs
from ecozones.errors import InputError, SchemaError, name_rows
from ecozones.placing import bring_to, metric_crs
from ecozones.rasters import AnyRaster, Cells, Grid, cell_areas, check_same_grid, covered_cells, read_window, to_grid
from ecozones.units import from_m2

Meaning = Literal["restoration", "degradation", "stable"]
MeaningTable = Mapping[tuple[int, int], str]
Connectivity = Literal[4, 8]
Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

PIXEL_COUNT = "pixel_count"
ERROR_ADJUSTED = "error_adjusted"

# codes from 0 to here are found by a table; others are sorted, which is slower
_DENSE_CODES = 1 << 16

# Trends.Earth takes no trend of fewer years
_MIN_YEARS = 4

# patches are labelled in memory, some 40 bytes a cell
_MAX_PATCH_CELLS = 100_000_000

_NDVI_STEP = 1e-4
_MEANING_OF = {"+": "restoration", "-": "degradation", "0": "stable"}


# -- areas and transitions -------------------------------------------------------------------------------------------


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
    counted = _count_cells(zones, [raster], zone_id, method)
    counted = counted.rename(columns={"code_0": "class_id"})
    known = dict(names or {})
    words = ["" if pd.isna(code) else known.get(int(code), "") for code in counted["class_id"]]
    counted.insert(3, "class_name", pd.Series(words, index=counted.index, dtype="str"))
    return _flag(counted, min_coverage, min_cells)


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
    counted = _count_cells(zones, [before, after], zone_id, method)
    return _flag(counted.rename(columns={"code_0": "before", "code_1": "after"}), min_coverage, min_cells)


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
       persistence", Agriculture, Ecosystems & Environment 101, 2004, :doi:`10.1016/j.agee.2003.09.008`.

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


# -- what a change means ---------------------------------------------------------------------------------------------


def load_meaning(name: str, land_cover: Mapping[int, str]) -> dict[tuple[int, int], str]:
    """
    Read a published table of what changes mean, for the classes of a raster.

    Parameters
    ----------
    name
        Table: ``"unccd"``, which its own users are told to edit to local knowledge.
    land_cover
        For each class of the raster, the class of the table it belongs to.

    Returns
    -------
    dict
        For each pair of classes (before, after): restoration, degradation or stable.

    Raises
    ------
    InputError
        There is no such table, or no such class in it.

    Examples
    --------
    >>> load_meaning("unccd", {10: "tree", 40: "crop"})[40, 10]
    'restoration'
    """
    tables = tomllib.loads(resources.files("ecozones").joinpath("data/land_cover_meaning.toml").read_text("utf-8"))
    if not isinstance(tables.get(name), dict):
        known = ", ".join(key for key, value in tables.items() if isinstance(value, dict))
        message = f"there is no table of meanings called {name!r}; known: {known}. A table of your own is as good"
        raise InputError(message)
    table = tables[name]
    place = {word: i for i, word in enumerate(table["classes"])}
    strange = sorted({word for word in land_cover.values() if word not in place})
    if strange:
        message = f"table {name!r} knows no class {', '.join(map(repr, strange))}; it has {', '.join(place)}"
        raise InputError(message)
    return {
        (a, b): _MEANING_OF[table["rows"][place[word_a]][place[word_b]]]
        for (a, word_a), (b, word_b) in itertools.product(land_cover.items(), repeat=2)
    }


def judge_transitions(transitions: pd.DataFrame, meaning: MeaningTable) -> pd.DataFrame:
    """
    Say of each transition whether it counts as restoration, degradation or neither.

    Parameters
    ----------
    transitions
        Table of :func:`transition_matrix`.
    meaning
        For pairs of classes (before, after): ``"restoration"``, ``"degradation"`` or ``"stable"``. Ground whose class
        did not change is stable unless listed; a change that is not listed stays unknown.

    Returns
    -------
    DataFrame
        The same rows with ``meaning``: one of the three, ``"unlisted"``, or ``"unseen"`` (nodata or outside).

    Raises
    ------
    InputError
        The table holds another word.

    Examples
    --------
    >>> seen = pd.DataFrame({"ground": ["class", "class", "nodata"], "before": [3, 1, 3], "after": [1, 3, None]})
    >>> judge_transitions(seen, {(3, 1): "restoration"})["meaning"].tolist()
    ['restoration', 'unlisted', 'unseen']
    """
    strange = sorted({str(word) for word in meaning.values() if word not in get_args(Meaning)})
    if strange:
        message = f"a change may mean {', '.join(get_args(Meaning))}, not {', '.join(map(repr, strange))}"
        raise InputError(message)
    words = [
        "unseen" if ground != "class" else meaning.get((int(a), int(b)), "stable" if a == b else "unlisted")
        for ground, a, b in zip(transitions["ground"], transitions["before"], transitions["after"], strict=True)
    ]
    return transitions.assign(meaning=words)


def verify_restored(
    projects: gpd.GeoDataFrame,
    before: AnyRaster,
    after: AnyRaster,
    *,
    meaning: MeaningTable,
    ring_m: float,
    min_share: float,
    min_effect: float = 0.0,
    min_coverage: float = 0.95,
    min_cells: float = 9.0,
    project_id: str = "project_id",
) -> pd.DataFrame:
    """
    Say of each project whether land cover supports that it was restored, beside what happened around it anyway.

    The ring around a project, without the ground of any project, is matched to it class by class: its rates of change
    are weighted by what the project held before. A change inside that happened outside as well says nothing of the
    project.

    Parameters
    ----------
    projects
        Polygons of projects.
    before, after
        Classes at two dates, on one grid.
    meaning
        As in :func:`judge_transitions`.
    ring_m
        Width of the ring. [m]
    min_share
        Net restored share of the seen ground from which a claim is supported.
    min_effect
        How far the net restored share must exceed that of the ring.
    min_coverage
        Share of a project that must be seen on both dates, and share of that ground whose class the ring must hold too.
    min_cells
        Projects of fewer cells are not judged.
    project_id
        Column that names the projects.

    Returns
    -------
    DataFrame
        One row a project: ``restored_m2``, ``degraded_m2``, ``stable_m2``, ``unknown_m2`` [m²], ``supported_share``,
        ``not_supported_share``, ``unknown_share`` (they sum to 1), ``net_share`` and ``ring_share`` (net restored share
        inside, and expected from the ring), ``matched_share``, ``effect`` (difference of the two), ``cells``,
        ``verdict`` (supported, not_supported, unknown), ``reason``, ``kind`` (pixel_count).

    Raises
    ------
    InputError
        Rasters, names or meanings cannot be used.
    CRSError
        Projects or rasters cannot be placed on the ground.
    """
    inside = judge_transitions(transition_matrix(before, after, zones=projects, zone_id=project_id), meaning)
    rings = _rings(projects, ring_m)
    has_ring = ~shapely.is_empty(np.asarray(rings.geometry.array, dtype=object))
    around = (
        judge_transitions(transition_matrix(before, after, zones=rings[has_ring], zone_id=project_id), meaning)
        if has_ring.any()
        else inside.iloc[:0]
    )
    rates = _rates(around)
    rows = []
    for name, group in inside.groupby("zone_id", sort=False):
        area = group.groupby("meaning")["area_m2"].sum()
        restored, degraded, stable = (float(area.get(word, 0.0)) for word in get_args(Meaning))
        known, whole = restored + degraded + stable, float(group["area_m2"].sum())
        own = rates.loc[rates["zone_id"] == name].set_index("class_id")["rate"]
        net, ring, matched = _matched(group, own)
        row = {
            "project_id": name,
            "restored_m2": restored,
            "degraded_m2": degraded,
            "stable_m2": stable,
            "unknown_m2": whole - known,
            "supported_share": restored / whole,
            "not_supported_share": (degraded + stable) / whole,
            "unknown_share": (whole - known) / whole,
            "net_share": (restored - degraded) / known if known else np.nan,
            "ring_share": ring,
            "matched_share": matched,
            "effect": net - ring,
            "cells": float(group["cells"].sum()),
        }
        row["verdict"], row["reason"] = _verdict(row, min_share, min_effect, min_coverage, min_cells)
        rows.append(row | {"kind": PIXEL_COUNT})
    return pd.DataFrame(rows)


def _verdict(
    row: Mapping[str, Any], min_share: float, min_effect: float, min_coverage: float, min_cells: float
) -> tuple[str, str]:
    """Name the verdict and the first reason for it; not knowing comes before everything else."""
    if row["cells"] < min_cells:
        return "unknown", f"covers {row['cells']:.1f} cells, fewer than {min_cells:g}"
    if 1 - row["unknown_share"] < min_coverage:
        return "unknown", f"{row['unknown_share']:.1%} of the ground is unseen or its change is not listed"
    if row["matched_share"] < min_coverage:
        return "unknown", f"the ring holds the classes of only {row['matched_share']:.1%} of the ground"
    if row["net_share"] < min_share:
        return "not_supported", f"net restored share {row['net_share']:.1%} is below {min_share:.1%}"
    if row["effect"] <= min_effect:
        return "not_supported", f"the ring changed as much: {row['ring_share']:.1%} against {row['net_share']:.1%}"
    return "supported", f"net restored share {row['net_share']:.1%}, {row['effect']:.1%} more than the ring"


def _rings(projects: gpd.GeoDataFrame, ring_m: float) -> gpd.GeoDataFrame:
    """Surround each project with a ring, without the ground of any project."""
    check_crs(projects, what="projects")
    if not ring_m > 0:
        message = f"the ring must have a width, not {ring_m} m"
        raise InputError(message)
    plane = projects.crs if projects.crs.is_projected else metric_crs(projects)
    flat, _ = bring_to(projects, plane, what="projects")
    metre = float(plane.axis_info[0].unit_conversion_factor)
    geometry = np.asarray(flat.geometry.array, dtype=object)
    wide = shapely.buffer(geometry, ring_m / metre)
    tree = shapely.STRtree(geometry)
    ring, project = tree.query(wide, predicate="intersects")
    taken = overlay.unite(geometry[project], ring, len(geometry))
    return flat.set_geometry(gpd.GeoSeries(shapely.difference(wide, taken), index=flat.index, crs=plane))


def _rates(around: pd.DataFrame) -> pd.DataFrame:
    """Net restored share of each class before, in each ring, over ground whose change has a meaning."""
    known = around[around["meaning"].isin(get_args(Meaning))]
    sign = known["meaning"].map({"restoration": 1.0, "degradation": -1.0, "stable": 0.0})
    part = known.assign(net=known["area_m2"] * sign, class_id=known["before"])
    sums = part.groupby(["zone_id", "class_id"])[["net", "area_m2"]].sum().reset_index()
    return sums.assign(rate=sums["net"] / sums["area_m2"])


def _matched(group: pd.DataFrame, rates: pd.Series) -> tuple[float, float, float]:
    """Net restored share inside, what the ring lets expect, and the share of seen ground that both speak of."""
    known = group[group["meaning"].isin(get_args(Meaning))]
    sign = known["meaning"].map({"restoration": 1.0, "degradation": -1.0, "stable": 0.0})
    part = known.assign(net=known["area_m2"] * sign)
    by_class = part.groupby("before")[["net", "area_m2"]].sum()
    common = by_class[by_class.index.isin(rates.index)]
    ground = float(common["area_m2"].sum())
    if not ground:
        return np.nan, np.nan, 0.0
    expected = float((common["area_m2"] * rates.reindex(common.index)).sum()) / ground
    return float(common["net"].sum()) / ground, expected, ground / float(by_class["area_m2"].sum())


# -- vegetation cover and trend --------------------------------------------------------------------------------------


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
    ids, geometry, outside = _on_grid(zones, grid, zone_id, method)
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


def measure_trend(
    series: pd.DataFrame, *, significance: float = 0.05, min_years: int = _MIN_YEARS, more_is_better: bool = True
) -> pd.DataFrame:
    """
    Tell of each series whether it rises or falls (Mann-Kendall), and how fast (Sen).

    Parameters
    ----------
    series
        One row a series, one column a year; column labels are the years as numbers. Missing years are left out.
    significance
        Largest probability at which a trend is believed.
    min_years
        Series of fewer years are not judged.
    more_is_better
        Whether a rise is an improvement.

    Returns
    -------
    DataFrame
        On the index of `series`: ``years`` (how many were seen), ``s``, ``variance``, ``z``, ``p`` (two-sided, normal
        approximation, ties allowed for), ``slope`` (median of all pairs) [per year], ``verdict`` (improved, degraded,
        no_significant_change, insufficient_data).

    Raises
    ------
    InputError
        Columns are not years.

    References
    ----------
    .. [1] H. B. Mann, "Nonparametric tests against trend", Econometrica 13, 1945, :doi:`10.2307/1907187`.
    .. [2] P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", Journal of the American
       Statistical Association 63, 1968, :doi:`10.1080/01621459.1968.10480934`.

    Examples
    --------
    >>> cover = pd.DataFrame([[1.0, 2.0, 3.0, 4.0, 5.0]], columns=[2019, 2020, 2021, 2022, 2023])
    >>> measure_trend(cover)["slope"].tolist()
    [1.0]
    """
    years = pd.to_numeric(pd.Series(list(series.columns)), errors="coerce").to_numpy(dtype=np.float64)
    if np.isnan(years).any() or len(set(years)) != len(years):
        message = f"columns must be years, each once, not {list(series.columns)}"
        raise InputError(message)
    order = np.argsort(years)
    years, values = years[order], series.to_numpy(dtype=np.float64)[:, order]
    earlier, later = np.triu_indices(len(years), k=1)
    steps = values[:, later] - values[:, earlier]
    s = np.nansum(np.sign(steps), axis=1)
    slopes = _medians(steps / (years[later] - years[earlier]))
    n = np.isfinite(values).sum(axis=1)
    variance = np.array([_variance(row[np.isfinite(row)]) for row in values], dtype=np.float64)
    z = np.divide(s - np.sign(s), np.sqrt(variance), out=np.zeros(len(s)), where=variance > 0)
    p = np.array([math.erfc(abs(value) / math.sqrt(2)) for value in z])
    better = np.sign(z) if more_is_better else -np.sign(z)
    verdict = np.select(
        [n < min_years, (p <= significance) & (better > 0), (p <= significance) & (better < 0)],
        ["insufficient_data", "improved", "degraded"],
        "no_significant_change",
    )
    columns = {"years": n, "s": s, "variance": variance, "z": z, "p": p}
    return pd.DataFrame(columns | {"slope": slopes, "verdict": verdict}, index=series.index)


def _medians(rows: Numbers) -> Numbers:
    """Median of each row without NaN; NaN for a row of nothing else."""
    return np.array([np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan for row in rows])


def _variance(values: Numbers) -> float:
    """Variance of the sum of signs, with equal values allowed for."""
    n = len(values)
    ties = np.unique(values, return_counts=True)[1].astype(np.float64)
    return float(n * (n - 1) * (2 * n + 5) - (ties * (ties - 1) * (2 * ties + 5)).sum()) / 18


# -- how sure: error-adjusted area ------------------------------------------------------------------------------------


def error_adjusted_area(
    counts: pd.DataFrame, mapped_ha: Mapping[Any, float], *, confidence: float = 0.95
) -> pd.DataFrame:
    """
    Estimate areas and accuracies from a reference sample drawn class by class of the map, each with its interval.

    Parameters
    ----------
    counts
        Sample units by class on the map (rows) and on the ground (columns), the same classes in both.
    mapped_ha
        Area of each class on the map. [ha]
    confidence
        How sure the interval is to hold the truth.

    Returns
    -------
    DataFrame
        One row an estimate: ``quantity`` (area, users_accuracy, producers_accuracy, overall_accuracy), ``mapped``,
        ``reference`` (classes it speaks of), ``estimate``, ``se``, ``half_width``, ``unit``, ``kind`` (error_adjusted;
        the areas as mapped stand beside them as pixel_count).

    Raises
    ------
    InputError
        Classes do not agree, counts are negative or fractions, or a class has fewer than two sample units.

    References
    ----------
    .. [1] P. Olofsson et al., "Good practices for estimating area and assessing accuracy of land change", Remote
       Sensing of Environment 148, 2014, :doi:`10.1016/j.rse.2014.02.015`.

    Examples
    --------
    >>> counts = pd.DataFrame([[9, 1], [2, 8]], index=["forest", "other"], columns=["forest", "other"])
    >>> table = error_adjusted_area(counts, {"forest": 100.0, "other": 100.0})
    >>> table.query("quantity == 'area' and kind == 'error_adjusted'")["estimate"].round(6).tolist()
    [110.0, 90.0]
    """
    classes = list(counts.index)
    if set(classes) != set(counts.columns) or set(classes) != set(mapped_ha) or len(set(classes)) != len(classes):
        message = "rows and columns of the counts and the mapped areas must name the same classes, each once"
        raise InputError(message)
    n = counts[classes].to_numpy(dtype=np.float64)
    if not (np.isfinite(n).all() and (n >= 0).all() and (n == np.round(n)).all()):
        message = "counts must be whole numbers of sample units"
        raise InputError(message)
    area = np.array([float(mapped_ha[name]) for name in classes])
    _refuse_areas(area)
    drawn = n.sum(axis=1)
    _refuse_small(pd.Series(drawn, index=classes))
    weight, total = area / area.sum(), area.sum()
    rate = n / drawn[:, None]
    cell = weight[:, None] * rate
    found = cell.sum(axis=0)
    spread = weight[:, None] ** 2 * rate * (1 - rate) / (drawn - 1)[:, None]
    users = np.diag(rate)
    producers = np.divide(np.diag(cell), found, out=np.full(len(found), np.nan), where=found > 0)
    # Olofsson et al. (2014), equations 5 to 7 and 10
    users_var = users * (1 - users) / (drawn - 1)
    overall_var = (weight**2 * users_var).sum()
    pixels = found * total
    others = (area[:, None] ** 2 * rate * (1 - rate) / (drawn - 1)[:, None]).sum(axis=0)
    others -= area**2 * users * (1 - users) / (drawn - 1)
    producers_var = np.divide(
        area**2 * (1 - producers) ** 2 * users * (1 - users) / (drawn - 1) + producers**2 * others,
        pixels**2,
        out=np.full(len(found), np.nan),
        where=pixels > 0,
    )
    rows = [("area", name, "", value, np.nan, "ha", PIXEL_COUNT) for name, value in zip(classes, area, strict=True)]
    se = total * np.sqrt(spread.sum(axis=0))
    rows += [("area", "", c, a, e, "ha", ERROR_ADJUSTED) for c, a, e in zip(classes, found * total, se, strict=True)]
    rows += _shares_of("users_accuracy", [(c, "") for c in classes], users, users_var)
    rows += _shares_of("producers_accuracy", [("", c) for c in classes], producers, producers_var)
    rows += _shares_of("overall_accuracy", [("", "")], [np.trace(cell)], [overall_var])
    return _estimates(rows, confidence)


def stratified_area(
    sample: pd.DataFrame, stratum_cells: Mapping[Any, float], *, cell_ha: float, confidence: float = 0.95
) -> pd.DataFrame:
    """
    Estimate areas and accuracies from a sample whose strata are not the classes of the map, each with its interval.

    Parameters
    ----------
    sample
        One row a sample unit: ``stratum``, ``mapped``, ``reference``.
    stratum_cells
        How many units (cells) each stratum holds.
    cell_ha
        Area of a unit. [ha]
    confidence
        How sure the interval is to hold the truth.

    Returns
    -------
    DataFrame
        As :func:`error_adjusted_area`, with the cells of the error matrix as shares of the whole area (``cell``).

    Raises
    ------
    InputError
        Columns are missing, strata do not agree, or a stratum has fewer than two sample units.

    References
    ----------
    .. [1] S. V. Stehman, "Estimating area and map accuracy for stratified random sampling when the strata are different
       from the map classes", International Journal of Remote Sensing 35, 2014, :doi:`10.1080/01431161.2014.930207`.
    """
    missing = [name for name in ("stratum", "mapped", "reference") if name not in sample.columns]
    if missing:
        message = f"the sample has no column {', '.join(missing)}"
        raise SchemaError(message)
    blank = sample[["stratum", "mapped", "reference"]].isna().any(axis=1)
    if blank.any():
        message = f"sample units without stratum, mapped or reference class: {name_rows(sample.index[blank])}"
        raise InputError(message)
    names = list(stratum_cells)
    drawn = sample["stratum"].value_counts().reindex(names, fill_value=0)
    foreign = sorted(set(sample["stratum"]) - set(names), key=str)
    if foreign:
        message = f"strata without a size: {', '.join(map(str, foreign))}"
        raise InputError(message)
    size = np.array([float(stratum_cells[name]) for name in names])
    _refuse_areas(size)
    _refuse_small(drawn)
    if not cell_ha > 0:
        message = f"a cell must have an area, not {cell_ha} ha"
        raise InputError(message)
    too_many = [name for name, n, cells in zip(names, drawn, size, strict=True) if n > cells]
    if too_many:
        message = f"strata with more sample units than cells: {', '.join(map(str, too_many))}"
        raise InputError(message)
    design = _Design(sample["stratum"].to_numpy(), names, size, np.asarray(drawn, dtype=np.float64))
    mapped, reference = sample["mapped"].to_numpy(), sample["reference"].to_numpy()
    classes = sorted(set(mapped) | set(reference), key=str)
    total = size.sum() * cell_ha
    rows: list[tuple[Any, ...]] = []
    for name in classes:
        share, variance = design.share(reference == name)
        rows.append(("area", "", name, share * total, math.sqrt(variance) * total, "ha", ERROR_ADJUSTED))
    hit = mapped == reference
    for name in classes:
        rows += _shares_of("users_accuracy", [(name, "")], *design.ratio(hit & (mapped == name), mapped == name))
    for name in classes:
        rows += _shares_of(
            "producers_accuracy", [("", name)], *design.ratio(hit & (reference == name), reference == name)
        )
    rows += _shares_of("overall_accuracy", [("", "")], *([value] for value in design.share(hit)))
    for row, column in itertools.product(classes, repeat=2):
        both = design.share((mapped == row) & (reference == column))
        rows += _shares_of("cell", [(row, column)], *([value] for value in both))
    return _estimates(rows, confidence)


def sample_size(mapped_share: ArrayLike, users_accuracy: ArrayLike, *, target_se: float) -> int:
    """
    Tell how many sample units an overall accuracy of a given standard error needs.

    Parameters
    ----------
    mapped_share
        Share of the map that each class takes; they sum to 1.
    users_accuracy
        Expected user's accuracy of each class.
    target_se
        Standard error wanted, as a share.

    Returns
    -------
    int
        Sample units, rounded up.

    Raises
    ------
    InputError
        Shares do not sum to 1, accuracies are no shares, or the target is not positive.

    Examples
    --------
    >>> sample_size([0.02, 0.015, 0.32, 0.645], [0.7, 0.6, 0.9, 0.95], target_se=0.01)
    641
    """
    weight, users = np.asarray(mapped_share, dtype=np.float64), np.asarray(users_accuracy, dtype=np.float64)
    sound = weight.shape == users.shape and (weight >= 0).all() and abs(weight.sum() - 1) <= 1e-6  # noqa: PLR2004
    if not (sound and (users >= 0).all() and (users <= 1).all() and target_se > 0):
        message = "shares of the map must sum to 1, accuracies lie between 0 and 1, and the target be above 0"
        raise InputError(message)
    return math.ceil(float((weight * np.sqrt(users * (1 - users))).sum() / target_se) ** 2)


class _Design:
    """A stratified random sample: estimates of shares and of ratios of shares, with finite strata."""

    def __init__(self, stratum: NDArray[Any], names: list[Any], size: Numbers, drawn: Numbers) -> None:
        self.row = pd.Index(names).get_indexer(stratum)
        self.size, self.drawn = size, drawn
        self.weight = size**2 * (1 - drawn / size) / drawn

    def _means(self, values: ArrayLike) -> Numbers:
        return np.asarray(np.bincount(self.row, weights=np.asarray(values, dtype=np.float64)) / self.drawn)

    def _spread(self, a: ArrayLike, b: ArrayLike) -> Numbers:
        """Covariance of two values within each stratum."""
        off_a = np.asarray(a, dtype=np.float64) - self._means(a)[self.row]
        off_b = np.asarray(b, dtype=np.float64) - self._means(b)[self.row]
        return np.asarray(np.bincount(self.row, weights=off_a * off_b) / (self.drawn - 1))

    def share(self, is_so: Flags) -> tuple[float, float]:
        """Share of the whole of which something is so, and its variance."""
        whole = self.size.sum()
        share = float((self.size * self._means(is_so)).sum() / whole)
        return share, float((self.weight * self._spread(is_so, is_so)).sum() / whole**2)

    def ratio(self, part: Flags, base: Flags) -> tuple[list[float], list[float]]:
        """Ratio of two shares, and its variance; NaN where the base was never seen."""
        below = float((self.size * self._means(base)).sum())
        if not below:
            return [np.nan], [np.nan]
        ratio = float((self.size * self._means(part)).sum()) / below
        spread = self._spread(part, part) + ratio**2 * self._spread(base, base) - 2 * ratio * self._spread(part, base)
        return [ratio], [max(0.0, float((self.weight * spread).sum()) / below**2)]


def _shares_of(
    quantity: str,
    classes: Sequence[tuple[Any, Any]],
    values: Sequence[float] | Numbers,
    variances: Sequence[float] | Numbers,
) -> list[tuple[Any, ...]]:
    spread = np.sqrt(np.asarray(variances, dtype=np.float64))
    return [
        (quantity, mapped, reference, float(value), float(se), "share", ERROR_ADJUSTED)
        for (mapped, reference), value, se in zip(classes, values, spread, strict=True)
    ]


def _estimates(rows: list[tuple[Any, ...]], confidence: float) -> pd.DataFrame:
    if not 0 < confidence < 1:
        message = f"confidence lies between 0 and 1, not at {confidence}"
        raise InputError(message)
    table = pd.DataFrame(rows, columns=["quantity", "mapped", "reference", "estimate", "se", "unit", "kind"])
    table.insert(5, "half_width", statistics.NormalDist().inv_cdf((1 + confidence) / 2) * table["se"])
    return table


def _refuse_areas(area: Numbers) -> None:
    if not (np.isfinite(area).all() and (area > 0).all()):
        message = "every class or stratum needs a size above 0; leave out those that do not occur"
        raise InputError(message)


def _refuse_small(drawn: pd.Series) -> None:
    few = drawn.index[drawn.to_numpy() < 2]  # noqa: PLR2004 - a variance needs two
    if len(few):
        message = f"classes or strata with fewer than two sample units, whose error cannot be known: {name_rows(few)}"
        raise InputError(message)


# -- patches and encroachment -----------------------------------------------------------------------------------------


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


def find_encroachment(
    line: gpd.GeoDataFrame,
    before: AnyRaster | gpd.GeoDataFrame,
    after: AnyRaster | gpd.GeoDataFrame,
    *,
    classes: Collection[int] | None = None,
    surveyed: gpd.GeoDataFrame | None = None,
    feature_id: str = "feature_id",
    method: AreaMethod = "national",
) -> pd.DataFrame:
    """
    Measure what entered each polygon of a red line since a baseline, what was there already, and what nobody looked at.

    Parameters
    ----------
    line
        Polygons of the line.
    before, after
        Two rasters of classes on one grid, or two layers of polygons that encroach (such as built-up land).
    classes
        With rasters: the classes that encroach.
    surveyed
        With polygons: the ground that was looked at on both dates; the rest is nodata, not free.
    feature_id
        Column that names the polygons of the line.
    method
        How polygons are measured.

    Returns
    -------
    DataFrame
        One row for each polygon of the line and status: ``feature_id``, ``status`` (encroached: new since the baseline,
        removed: no longer there, unchanged_used, unchanged_free, nodata), ``area_m2`` [m²], ``area_ha`` [ha],
        ``share``, ``kind`` (pixel_count or polygons).

    Raises
    ------
    InputError
        The two dates are not of one kind, or what is needed to read them was not given.
    CRSError
        Layers cannot be placed on the ground.
    """
    vector = [isinstance(layer, gpd.GeoDataFrame) for layer in (before, after)]
    if any(vector) != all(vector):
        message = "before and after must both be rasters or both be polygons"
        raise InputError(message)
    if all(vector):
        if surveyed is None or classes is not None:
            message = "polygons need surveyed=, the ground looked at on both dates, and take no classes"
            raise InputError(message)
        old, new = cast("gpd.GeoDataFrame", before), cast("gpd.GeoDataFrame", after)
        table = _encroachment_of_polygons(line, old, new, surveyed, feature_id, method)
        kind = "polygons"
    else:
        if not classes or surveyed is not None:
            message = (
                "rasters need classes=, those that encroach, and take no survey: their nodata says what was not seen"
            )
            raise InputError(message)
        rasters = (cast("AnyRaster", before), cast("AnyRaster", after))
        table = _encroachment_of_rasters(line, *rasters, set(classes), feature_id, method)
        kind = PIXEL_COUNT
    table["area_ha"] = from_m2(table["area_m2"], "ha")
    table["share"] = table["area_m2"] / table.groupby("feature_id", sort=False)["area_m2"].transform("sum")
    table["kind"] = kind
    return table


_STATUSES = ["encroached", "removed", "unchanged_used", "unchanged_free", "nodata"]


def _encroachment_of_rasters(
    line: gpd.GeoDataFrame, before: AnyRaster, after: AnyRaster, classes: set[int], feature_id: str, method: AreaMethod
) -> pd.DataFrame:
    moved = transition_matrix(before, after, zones=line, zone_id=feature_id, method=method)
    seen = moved["ground"] == "class"
    old, new = moved["before"].isin(classes), moved["after"].isin(classes)
    moved["status"] = np.select(
        [~seen, ~old & new, old & ~new, old & new],
        ["nodata", "encroached", "removed", "unchanged_used"],
        "unchanged_free",
    )
    wide = moved.pivot_table(index="zone_id", columns="status", values="area_m2", aggfunc="sum", sort=False)
    wide = wide.reindex(index=line[feature_id], columns=_STATUSES).fillna(0.0)
    return _long(wide.to_numpy(), list(line[feature_id]))


def _encroachment_of_polygons(
    line: gpd.GeoDataFrame,
    before: gpd.GeoDataFrame,
    after: gpd.GeoDataFrame,
    surveyed: gpd.GeoDataFrame,
    feature_id: str,
    method: AreaMethod,
) -> pd.DataFrame:
    check_crs(line, what="line")
    ids = list(_names(line, feature_id))
    ground = np.asarray(line.geometry.array, dtype=object)

    def shared(shapes: NDArray[np.object_], layer: gpd.GeoDataFrame, what: str) -> NDArray[np.object_]:
        """Cut each shape down to the ground of a layer, counted once."""
        moved, _ = bring_to(layer, line.crs, what=what)
        united = overlay.unite(
            np.asarray(moved.geometry.array, dtype=object), np.zeros(len(moved), dtype=np.intp), 1 if len(moved) else 0
        )
        out = np.full(len(shapes), shapely.Polygon(), dtype=object)
        if len(united):
            met = overlay.meet(shapes, overlay.cut(united))
            out[met.shape] = met.geometry
        return out

    def area(shapes: NDArray[np.object_]) -> Numbers:
        return np.asarray(polygon_areas(shapes, line.crs, method=method))

    whole, seen = area(ground), shared(ground, surveyed, "surveyed")
    old, new = shared(seen, before, "before"), shared(seen, after, "after")
    both = area(shared(old, after, "after"))
    used_before, used_after, looked_at = area(old), area(new), area(seen)
    columns = [
        used_after - both,
        used_before - both,
        both,
        looked_at - used_after - used_before + both,
        whole - looked_at,
    ]
    # differences of areas: what is left of nothing may be a hair below it
    return _long(np.maximum(np.column_stack(columns), 0.0), ids)


def _long(areas: Numbers, ids: Sequence[Hashable]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "feature_id": np.repeat(np.asarray(ids, dtype=object), len(_STATUSES)),
            "status": _STATUSES * len(ids),
            "area_m2": areas.ravel(),
        }
    )


# -- counting ---------------------------------------------------------------------------------------------------------


def _count_cells(
    zones: gpd.GeoDataFrame | None, rasters: Sequence[AnyRaster], zone_id: str | None, method: AreaMethod
) -> pd.DataFrame:
    """Add up ground by zone and by the codes of the rasters; a missing code is nodata."""
    grid = check_same_grid(rasters)
    if zones is None:
        ids, geometry, outside = np.array(["raster"], dtype=object), None, np.zeros(1)
    else:
        ids, geometry, outside = _on_grid(zones, grid, zone_id, method)
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


def _on_grid(
    zones: gpd.GeoDataFrame, grid: Grid, zone_id: str | None, method: AreaMethod
) -> tuple[NDArray[np.object_], NDArray[np.object_], Numbers]:
    """Name the zones, bring them to the raster, and measure what of them lies beyond it."""
    ids = _names(zones, zone_id)
    geometry = to_grid(zones, grid)
    outside = np.zeros(len(geometry))
    beyond = np.flatnonzero(~shapely.covered_by(geometry, grid.box))
    if len(beyond):
        outside[beyond] = polygon_areas(shapely.difference(geometry[beyond], grid.box), grid.crs, method=method)
    return ids, geometry, outside


def _names(zones: gpd.GeoDataFrame, zone_id: str | None) -> NDArray[np.object_]:
    if zone_id is not None and zone_id not in zones.columns:
        message = f"zones have no column {zone_id!r}; they have {', '.join(map(str, zones.columns))}"
        raise SchemaError(message)
    names = pd.Index(zones.index if zone_id is None else zones[zone_id])
    if names.isna().any() or names.has_duplicates:
        twice = names[names.isna() | names.duplicated()]
        message = f"zones must be told apart by name: {name_rows(twice)} missing or used twice"
        raise SchemaError(message)
    return np.asarray(names, dtype=object)


def _flag(counted: pd.DataFrame, min_coverage: float, min_cells: float) -> pd.DataFrame:
    """Complete a table of counted ground: hectares, shares, coverage, and what to be wary of."""
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


def _bands(raster: AnyRaster | tuple[AnyRaster, AnyRaster]) -> list[AnyRaster]:
    return list(raster) if isinstance(raster, tuple) else [raster]


def _index(cells: Cells) -> tuple[Numbers, Flags]:
    """Take the vegetation index of cells, and where it is known."""
    index = cells.held[0] if len(cells.held) == 1 else vegetation_index(*cells.held)
    valid = np.logical_and.reduce(cells.valid) & np.isfinite(index)
    return index, valid
