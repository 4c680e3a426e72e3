"""
Whether land cover supports that ground was restored.

What a change means is a table that the caller names. A change inside a project counts for it only as far as the ring
around the project, matched class by class, did not change alike. What was not seen stays unknown.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ecozones import overlay
from ecozones.crs import check_crs
from ecozones.errors import InputError, name_rows
from ecozones.landcover.classes import transition_matrix
from ecozones.landcover.zone_cells import PIXEL_COUNT
from ecozones.placing import bring_to, metric_crs
from ecozones.rasters import AnyRaster
from ecozones.shipped import shipped_table

Meaning = Literal["restoration", "degradation", "stable"]
MeaningTable = Mapping[tuple[int, int], str]

_SIGN = {"restoration": 1.0, "degradation": -1.0, "stable": 0.0}
_MEANING_OF = {"+": "restoration", "-": "degradation", "0": "stable"}


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
    tables = shipped_table("land_cover_meaning")
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


def read_meaning(path: str | Path) -> dict[tuple[int, int], str]:
    r"""
    Read what changes mean from a CSV file of your own.

    Parameters
    ----------
    path
        UTF-8 CSV with the columns ``before``, ``after`` (classes) and ``meaning``.

    Returns
    -------
    dict
        For each pair of classes (before, after): restoration, degradation or stable.

    Raises
    ------
    InputError
        A column is missing, a class is no whole number, a pair is listed twice, or a meaning is none of the three.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "meaning.csv"
    >>> _ = path.write_text("before,after,meaning\n3,1,restoration\n", encoding="utf-8")
    >>> read_meaning(path)
    {(3, 1): 'restoration'}
    """
    table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    missing = [name for name in ("before", "after", "meaning") if name not in table.columns]
    if missing:
        message = f"{path} has no columns {', '.join(missing)}; it has {', '.join(table.columns)}"
        raise InputError(message)
    codes = table[["before", "after"]].apply(lambda column: column.str.strip())
    wrong = ~codes.apply(lambda column: column.str.fullmatch(r"-?\d+")).all(axis=1)
    wrong |= codes.duplicated() | ~table["meaning"].str.strip().isin(get_args(Meaning))
    if wrong.any():
        message = (
            f"{path}: rows {name_rows(table.index[wrong] + 2)} are no meaning of a change; write two classes as whole "
            f"numbers, each pair once, and one of {', '.join(get_args(Meaning))}"
        )
        raise InputError(message)
    return {
        (int(a), int(b)): word.strip()
        for a, b, word in zip(codes["before"], codes["after"], table["meaning"], strict=True)
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
        Polygons of projects, one row each; patches are brought together by :func:`ecozones.measure_restored` with
        ``by="project_id"``.
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
        inside, and expected from the ring), ``matched_share`` (of the seen ground whose class the ring holds too),
        ``effect`` (by how much the net share of just that ground exceeds that of the ring), ``cells``, ``verdict``
        (supported, not_supported, unknown), ``reason``, ``kind`` (pixel_count).

    Raises
    ------
    InputError
        Rasters, names or meanings cannot be used.
    CRSError
        Projects or rasters cannot be placed on the ground.

    Notes
    -----
    This is the proof, :func:`ecozones.measure_restored` the ledger; neither changes the other. They are joined by the
    name of the project: ``ledger.merge(proof, on="project_id")``. Ground that several records claim is then proved for
    each of them, and counted once only in the columns of the ledger.
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
    sign = known["meaning"].map(_SIGN).astype(float)
    part = known.assign(net=known["area_m2"] * sign, class_id=known["before"])
    sums = part.groupby(["zone_id", "class_id"])[["net", "area_m2"]].sum().reset_index()
    return sums.assign(rate=sums["net"] / sums["area_m2"])


def _matched(group: pd.DataFrame, rates: pd.Series) -> tuple[float, float, float]:
    """Net restored share inside, what the ring lets expect, and the share of seen ground that both speak of."""
    known = group[group["meaning"].isin(get_args(Meaning))]
    sign = known["meaning"].map(_SIGN).astype(float)
    part = known.assign(net=known["area_m2"] * sign)
    by_class = part.groupby("before")[["net", "area_m2"]].sum()
    common = by_class[by_class.index.isin(rates.index)]
    ground = float(common["area_m2"].sum())
    if not ground:
        return np.nan, np.nan, 0.0
    expected = float((common["area_m2"] * rates.reindex(common.index)).sum()) / ground
    return float(common["net"].sum()) / ground, expected, ground / float(by_class["area_m2"].sum())
