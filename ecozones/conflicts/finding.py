"""Where the lines of a plan collide: ground claimed twice, by whom, and how much of it is no noise of drawing."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ecozones.area import AreaMethod
from ecozones.conflicts.asked import lay_over, lines_asked
from ecozones.conflicts.common_ground import Layer, Numbers, find_slivers, measure, share
from ecozones.conflicts.districts import Districts, read_districts
from ecozones.conflicts.meaning import relations, say_meaning
from ecozones.conflicts.stretches import Judged, gather_stretches
from ecozones.patches import Slivers
from ecozones.plan import ZoningPlan
from ecozones.rulebook import Rulebook, load_rules

_COLUMNS = [
    "line_a", "line_b", "feature_a", "feature_b", "subzone_a", "subzone_b", "relation", "severity", "artefact",
    "artefact_because", "area_m2", "area_ha", "area_mu", "net_m2", "share_a", "share_b", "parts", "width_m", "rule_id",
    "citation", "status", "note", "note_zh", "geometry",
]  # fmt: skip


def find_conflicts(
    plan: ZoningPlan,
    *,
    lines: Iterable[str] | None = None,
    districts: gpd.GeoDataFrame | None = None,
    rules: Rulebook | str | None = None,
    ignore_below_m2: float = 1.0,
    ignore_narrower_m: float = 0.1,
    method: AreaMethod = "national",
) -> gpd.GeoDataFrame:
    """
    Find the ground that features of two lines of a plan both claim.

    Parameters
    ----------
    plan, lines, districts, rules, ignore_below_m2, ignore_narrower_m, method
        As for :func:`ecozones.find_conflicts`, which also takes layers on disk.

    Returns
    -------
    GeoDataFrame
        One row for each two features that share ground, artefacts apart.

    Raises
    ------
    SchemaError, GeometryError
        As for :func:`ecozones.find_conflicts`.

    Examples
    --------
    >>> from ecozones.testing import chessboard_plan
    >>> plan = chessboard_plan(red_line={"a1": "core"}, farmland=["a1", "b1"])
    >>> find_conflicts(plan)[["line_a", "relation", "line_b", "severity", "area_ha"]].round(2).values.tolist()
    [['ecological_red_line', 'equal', 'permanent_basic_farmland', 'error', 100.0]]
    """
    asked = lines_asked(plan, lines)
    book = load_rules(rules or "CN") if not isinstance(rules, Rulebook) else rules
    layers, place = lay_over(plan, asked)
    slivers = Slivers(ignore_below_m2, ignore_narrower_m)
    regions = None if districts is None else read_districts(districts, place)
    tables = [
        _pair_table(plan, (line_a, line_b), (layers[line_a], layers[line_b]), slivers, method, regions, book)
        for line_a, line_b in itertools.combinations(asked, 2)
    ]
    columns = conflict_columns(by_district=districts is not None)
    found = pd.concat([table for table in tables if len(table)], ignore_index=True) if any(map(len, tables)) else None
    if found is None:
        return gpd.GeoDataFrame(pd.DataFrame(columns=columns), geometry="geometry", crs=plan.crs)
    return gpd.GeoDataFrame(found[columns], geometry="geometry", crs=plan.crs)


def conflict_columns(*, by_district: bool) -> list[str]:
    """
    List the columns of a table of conflicts.

    Parameters
    ----------
    by_district
        Whether conflicts are split by district.

    Returns
    -------
    list of str
        In their order.

    Examples
    --------
    >>> conflict_columns(by_district=True)[3:6]
    ['feature_b', 'district', 'subzone_a']
    """
    return [*_COLUMNS[:4], *(["district"] if by_district else []), *_COLUMNS[4:]]


def _pair_table(
    plan: ZoningPlan,
    lines: tuple[str, str],
    layers: tuple[Layer, Layer],
    slivers: Slivers,
    method: AreaMethod,
    regions: Districts | None,
    book: Rulebook,
) -> pd.DataFrame:
    """List what two lines both claim."""
    frames = [plan.lines[line] for line in lines]
    place = layers[0].place
    found = share(*layers)
    if not len(found.a):
        return pd.DataFrame()
    parts, pair = shapely.get_parts(found.geometry, return_index=True)
    measured = measure(parts, place, method)
    small, narrow = find_slivers(parts, measured, np.zeros(len(parts)), place, slivers)
    judged = Judged(parts, pair, measured.area, measured.width, small, narrow)
    table = gather_stretches(judged, (found.a, found.b), place, method, regions)
    for side, frame, layer in (("a", frames[0], layers[0]), ("b", frames[1], layers[1])):
        rows = table[f"row_{side}"].to_numpy()
        met = np.unique(rows)
        whole = np.zeros(len(frame))
        whole[met] = measure(layer.geometry[met], place, method).area
        table[f"feature_{side}"] = frame["feature_id"].to_numpy()[rows]
        table[f"subzone_{side}"] = frame["subzone"].to_numpy(dtype=object)[rows]
        table[f"share_{side}"] = table["area_m2"].to_numpy() / whole[rows]
    of_a, of_b = (shapely.area(layer.geometry)[rows] for layer, rows in zip(layers, (found.a, found.b), strict=True))
    table["relation"] = relations(found.geometry, of_a, of_b)[table["pair"].to_numpy()]
    return say_meaning(table, lines, _deduction(frames, table), book)


def _deduction(frames: list[gpd.GeoDataFrame], table: pd.DataFrame) -> Numbers:
    """Give the deduction of the farmland in each row, NaN where none is stated."""
    share = np.full(len(table), np.nan)
    for side, frame in zip("ab", frames, strict=True):
        if "deduction" in frame.columns:
            stated = pd.to_numeric(frame["deduction"], errors="coerce").to_numpy(dtype=float)
            share = np.where(np.isnan(share), stated[table[f"row_{side}"].to_numpy()], share)
    return share
