"""Conflicts summed with the ground counted once, and the proof that it is."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ecozones.area import AreaMethod, close_totals
from ecozones.conflicts.asked import lay_over, lines_asked
from ecozones.conflicts.common_ground import Geometries, Layer, Place, measure, measure_union, share, unite
from ecozones.conflicts.planar import planar_faces
from ecozones.plan import ZoningPlan
from ecozones.units import DECIMALS, AreaUnit, from_m2, round_half_up


def total_conflicts(
    conflicts: gpd.GeoDataFrame, *, unit: AreaUnit = "mu", method: AreaMethod = "national"
) -> pd.DataFrame:
    """
    Sum conflicts by pair of lines, with the ground counted once beside the sum of all pairs of features.

    Parameters
    ----------
    conflicts
        What :func:`ecozones.find_conflicts` gave.
    unit
        Unit of the figures that close.
    method
        How area is measured; as it was for the conflicts.

    Returns
    -------
    DataFrame
        One row for each pair of lines, after those of its districts if there are any (``district`` is None for the
        whole), then one for all pairs, with empty names: ``pairs`` of features,
        ``sum_m2`` (pairs summed), ``union_m2`` (ground counted once), ``again_m2`` (what the sum counts more than
        once, from the pieces that the conflicts cut each other into), ``error_m2 = sum - union - again``; of the
        union ``real_m2`` and ``artefact_m2``; ``net_m2`` of farmland, ground counted by pair, missing where any
        deduction is. ``union_<unit>`` is rounded so that districts sum to the rounded whole of their pair;
        ``adjustment_<unit>`` says what that added.

    Examples
    --------
    >>> from ecozones.conflicts import find_conflicts
    >>> from ecozones.testing import chessboard_plan
    >>> plan = chessboard_plan(red_line={"a1": "core"}, farmland=["a1", "b1"])
    >>> total_conflicts(find_conflicts(plan), unit="ha")[["sum_m2", "union_ha", "error_m2"]].round(0).values.tolist()
    [[1000000.0, 100.0, 0.0], [1000000.0, 100.0, 0.0]]
    """
    place = Place.of(conflicts.crs, conflicts)
    by_district = "district" in conflicts.columns
    rows: list[dict[str, Any]] = []
    for (line_a, line_b), of_pair in conflicts.groupby(["line_a", "line_b"], sort=False):
        split = list(of_pair.groupby("district", sort=True)) if by_district else []
        parts = [sum_conflicts(part, place, method) | {"district": name} for name, part in split]
        whole = sum_conflicts(of_pair, place, method) | {"district": None}
        closed = close_totals(
            from_m2([part["union_m2"] for part in parts or [whole]], unit),
            DECIMALS[unit],
            float(from_m2(whole["union_m2"], unit)),
        )
        for part, figure in zip(parts or [whole], closed.itertuples(), strict=True):
            part |= {f"union_{unit}": figure.rounded, f"adjustment_{unit}": figure.adjustment}
        whole[f"union_{unit}"] = float(closed["rounded"].sum())
        rows += [{"line_a": line_a, "line_b": line_b} | part for part in [*parts, whole]]
    every = sum_conflicts(conflicts, place, method) | {"district": None}
    every[f"union_{unit}"] = float(round_half_up(from_m2(every["union_m2"], unit), DECIMALS[unit]))
    table = pd.DataFrame([*rows, {"line_a": "", "line_b": ""} | every])
    table["error_m2"] = table["sum_m2"] - table["union_m2"] - table["again_m2"]
    table[f"adjustment_{unit}"] = table.get(f"adjustment_{unit}", pd.Series(0.0, index=table.index)).fillna(0.0)
    table[f"union_{unit}"] = table[f"union_{unit}"].round(DECIMALS[unit])
    columns = [
        "line_a", "line_b", *(["district"] if by_district else []), "pairs", "sum_m2", "union_m2", "again_m2",
        "error_m2", "real_m2", "artefact_m2", "net_m2", f"union_{unit}", f"adjustment_{unit}",
    ]  # fmt: skip
    return table[columns]


def sum_conflicts(conflicts: gpd.GeoDataFrame, place: Place, method: AreaMethod) -> dict[str, Any]:
    """
    Sum conflicts, and measure their ground once.

    Parameters
    ----------
    conflicts
        Rows of :func:`ecozones.find_conflicts`.
    place
        Where they are.
    method
        How area is measured.

    Returns
    -------
    dict
        ``pairs, sum_m2, union_m2, again_m2, real_m2, artefact_m2, net_m2``.
    """
    geometry = place.near(conflicts.geometry.to_numpy())
    artefact = conflicts["artefact"].to_numpy(dtype=bool)
    union = measure_union(geometry, place, method)
    real = measure_union(geometry[~artefact], place, method)
    return {
        "pairs": len(conflicts[["line_a", "line_b", "feature_a", "feature_b"]].drop_duplicates()),
        "sum_m2": float(conflicts["area_m2"].sum()),
        "union_m2": union,
        "again_m2": _again(geometry, place, method),
        "real_m2": real,
        "artefact_m2": union - real,
        "net_m2": float(conflicts["net_m2"].astype(float).sum(skipna=False)),
    }


def _again(geometry: Geometries, place: Place, method: AreaMethod) -> float:
    """Measure what a sum of polygons counts more than once, from the faces that they cut each other into."""
    left, right = shapely.STRtree(geometry).query(geometry, predicate="intersects")
    once = left < right
    left, right = left[once], right[once]
    twice = shapely.relate_pattern(geometry[left], geometry[right], "2********")
    stacked = np.union1d(left[twice], right[twice])
    if not len(stacked):
        return 0.0
    faces, face, _ = planar_faces([Layer(geometry[stacked], place)])
    count = np.bincount(face, minlength=len(faces))
    heavy = count > 1
    return float(((count[heavy] - 1) * measure(faces[heavy], place, method).area).sum())


def balance_conflicts(
    plan: ZoningPlan, *, lines: Iterable[str] | None = None, method: AreaMethod = "national"
) -> pd.DataFrame:
    """
    Prove the conflicts: what two lines cover is what each covers, less what they share.

    Parameters
    ----------
    plan
        The plan.
    lines
        Lines to hold against each other; left out: all of the plan.
    method
        How area is measured.

    Returns
    -------
    DataFrame
        One row per pair of lines, every figure worked out by itself and ground counted once: ``line_a, line_b, a_m2,
        b_m2, either_m2, both_m2, error_m2`` (a + b - either - both) and ``error_share`` of a + b. [m²]

    Examples
    --------
    >>> from ecozones.testing import chessboard_plan
    >>> plan = chessboard_plan(red_line={"a1": "core"}, farmland=["a1", "b1"], urban=())
    >>> bool(balance_conflicts(plan)["error_share"].abs().max() < 1e-9)
    True
    """
    asked = lines_asked(plan, lines)
    layers, place = lay_over(plan, asked)
    ground = {line: unite(layer.geometry) for line, layer in layers.items() if len(layer.geometry)}
    alone = {line: measure_union(np.array([whole], dtype=object), place, method) for line, whole in ground.items()}
    rows = []
    for line_a, line_b in itertools.combinations(asked, 2):
        both = share(layers[line_a], layers[line_b]).geometry
        drawn = [ground[line] for line in (line_a, line_b) if line in ground]
        a, b = alone.get(line_a, 0.0), alone.get(line_b, 0.0)
        either = measure_union(np.array(drawn, dtype=object), place, method)
        shared = measure_union(both, place, method)
        error = a + b - either - shared
        rows.append((line_a, line_b, a, b, either, shared, error, error / (a + b) if a + b else 0.0))
    columns = ["line_a", "line_b", "a_m2", "b_m2", "either_m2", "both_m2", "error_m2", "error_share"]
    return pd.DataFrame(rows, columns=columns)
