"""Where the lines of a plan collide: ground claimed twice, by whom, and how much of it is no noise of drawing."""

from __future__ import annotations

import functools
import itertools
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ecozones import overlay
from ecozones.area import AreaMethod, close_totals, polygon_areas
from ecozones.conflicts.common_ground import (
    Flags,
    Geometries,
    Layer,
    Numbers,
    Place,
    Rows,
    find_slivers,
    measure,
    measure_union,
    share,
    split_by,
    unite,
)
from ecozones.crs import check_crs
from ecozones.errors import GeometryError, SchemaError, name_rows
from ecozones.geometry import check_polygons, repair_polygons
from ecozones.patches import Slivers
from ecozones.placing import bring_to
from ecozones.plan import ZoningPlan
from ecozones.rulebook import Rulebook, load_rules
from ecozones.units import DECIMALS, AreaUnit, from_m2, round_half_up

# shares of a feature that differ less are equal: what double precision leaves of a cut along a shared edge
_WHOLE = 1 - 1e-9

_COLUMNS = [
    "line_a", "line_b", "feature_a", "feature_b", "subzone_a", "subzone_b", "relation", "severity", "artefact",
    "artefact_because", "area_m2", "area_ha", "area_mu", "net_m2", "share_a", "share_b", "parts", "width_m", "rule_id",
    "citation", "status", "note", "note_zh", "geometry",
]  # fmt: skip
_MEANING = ["severity", "rule_id", "citation", "status", "note", "note_zh"]
_PIECE_COLUMNS = ["claims", "lines", "n_claims", "n_lines", "area_m2", "area_ha", "area_mu", "width_m", "geometry"]
_FAULT_COLUMNS = [
    "fault", "zones", "feature_ids", "artefact", "artefact_because", "area_m2", "area_ha", "area_mu", "width_m",
    "geometry",
]  # fmt: skip


@functools.cache
def _data() -> Mapping[str, Any]:
    return tomllib.loads(resources.files("ecozones").joinpath("data/conflicts.toml").read_text(encoding="utf-8"))


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
    asked = _asked(plan, lines)
    book = load_rules(rules or "CN") if not isinstance(rules, Rulebook) else rules
    layers, place = _layers(plan, asked)
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


def _asked(plan: ZoningPlan, lines: Iterable[str] | None) -> list[str]:
    asked = list(plan.lines) if lines is None else list(dict.fromkeys(lines))
    unknown = [line for line in asked if line not in plan]
    if unknown:
        message = f"the plan has no line {name_rows(unknown)}; it has {', '.join(plan.lines)}"
        raise SchemaError(message)
    order = list(plan.control_lines)
    return sorted(asked, key=order.index)


def _layers(plan: ZoningPlan, lines: Iterable[str]) -> tuple[dict[str, Layer], Place]:
    """Bring lines to the one place where they can be overlaid."""
    frames = {line: bring_to(plan.lines[line], plan.crs, what=line)[0] for line in lines}
    place = Place.of(plan.crs, *frames.values())
    return {line: Layer.of(frame, place, what=line) for line, frame in frames.items()}, place


class Districts(NamedTuple):
    """Districts by name, at a place."""

    names: Geometries
    layer: Layer


def read_districts(districts: gpd.GeoDataFrame, place: Place) -> Districts:
    """
    Check districts that conflicts shall be split by, and bring them to a place.

    Parameters
    ----------
    districts
        Polygons with a column ``district``.
    place
        Where the layers are overlaid.

    Returns
    -------
    Districts
        Ready to split by.

    Raises
    ------
    SchemaError
        They have no names of their own.
    GeometryError
        They share ground.
    """
    check_crs(districts, what="districts")
    check_polygons(districts, what="districts")
    if "district" not in districts.columns:
        message = "districts has no column 'district' that names each row; rename the one that does"
        raise SchemaError(message)
    again = districts["district"].isna() | districts["district"].duplicated(keep=False)
    if again.any():
        message = f"districts in rows {name_rows(districts.index[again])} have no name of their own; dissolve by name"
        raise SchemaError(message)
    layer = Layer.of(repair_polygons(districts, what="districts")[0], place, what="districts")
    both = share(layer, layer)
    twice = both.a < both.b
    # districts drawn apart from each other meet within the noise of drawing
    heavy = twice & (shapely.area(both.geometry) > 1e-6 * shapely.area(layer.geometry)[both.a])
    if heavy.any():
        named = districts["district"].to_numpy()
        pairs = [f"{named[a]} and {named[b]}" for a, b in zip(both.a[heavy], both.b[heavy], strict=True)]
        message = f"districts share ground, so no total by district is right: {name_rows(pairs)}"
        raise GeometryError(message)
    return Districts(districts["district"].to_numpy(dtype=object), layer)


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


def say_meaning(table: pd.DataFrame, lines: tuple[str, str], deduction: Numbers, book: Rulebook) -> pd.DataFrame:
    """
    Say what the ground that features of two lines share means by the rules, and put it in order.

    Parameters
    ----------
    table
        Shared ground, with the ids of the features and how they lie to each other.
    lines
        The two lines.
    deduction
        Share of farmland that is ridges and ditches, NaN where none is stated.
    book
        The rules.

    Returns
    -------
    DataFrame
        As :func:`find_conflicts` lists it, for these two lines.
    """
    table["net_m2"] = table["area_m2"] * (1 - deduction)
    meaning = {relation: _meaning(book, lines, relation) for relation in table["relation"].unique()}
    for column in _MEANING:
        table[column] = [meaning[relation][column] for relation in table["relation"]]
    order = ["feature_a", "feature_b", "artefact", *(["district"] if "district" in table.columns else [])]
    return table.assign(line_a=lines[0], line_b=lines[1]).sort_values(order, kind="stable", ignore_index=True)


class Judged(NamedTuple):
    """Stretches of shared ground: the pair each belongs to, its area [m²] and width [m], and whether it is noise."""

    parts: Geometries
    pair: Rows
    area: Numbers
    width: Numbers
    small: Flags
    narrow: Flags


def gather_stretches(
    judged: Judged, rows: tuple[Rows, Rows], place: Place, method: AreaMethod, regions: Districts | None
) -> pd.DataFrame:
    """
    Gather stretches of shared ground by pair, artefacts apart, and by district.

    Parameters
    ----------
    judged
        The stretches, those of one pair together.
    rows
        Rows of the two features of each pair.
    place
        Where the stretches are.
    method
        How area is measured.
    regions
        Districts to split them by.

    Returns
    -------
    DataFrame
        ``pair, row_a, row_b, artefact, artefact_because, area_m2, area_ha, area_mu, width_m, parts, geometry``.
    """
    parts, pair, area, width, small, narrow = judged
    region = np.full(len(parts), -1, dtype=np.intp)
    if regions is not None:
        # judged before it is split: a district boundary makes no artefacts
        whole, region, parts = split_by(parts, regions.layer)
        pair, small, narrow, width = pair[whole], small[whole], narrow[whole], width[whole]
        area = measure(parts, place, method).area
        parts, owner = shapely.get_parts(parts, return_index=True)
        area = area[owner] * _shares(parts, owner)
        pair, small, narrow, width, region = pair[owner], small[owner], narrow[owner], width[owner], region[owner]
    key = (pair * 2 + (small | narrow)) * (region.max(initial=0) + 2) + region + 1
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.r_[True, np.diff(key[order]) > 0])
    count = np.diff(np.r_[first, len(key)])
    head = order[first]
    table = pd.DataFrame(
        {
            "pair": pair[head],
            "row_a": rows[0][pair[head]],
            "row_b": rows[1][pair[head]],
            "artefact": (small | narrow)[head],
            "artefact_because": _because(small[order], narrow[order], first),
            "area_m2": np.add.reduceat(area[order], first),
            "width_m": np.maximum.reduceat(width[order], first),
            "parts": count,
            "geometry": place.back(_gather(parts[order], first, count)),
        }
    )
    if regions is not None:
        names = np.r_[regions.names, np.array([""], dtype=object)]
        table["district"] = names[region[head]]
    return table.assign(area_ha=from_m2(table["area_m2"], "ha"), area_mu=from_m2(table["area_m2"], "mu"))


def _shares(parts: Geometries, owner: Rows) -> Numbers:
    """Say what share of its owner each part is."""
    area = shapely.area(parts)
    return np.asarray(area / np.bincount(owner, weights=area)[owner])


def _because(small: Flags, narrow: Flags, first: Rows) -> Geometries:
    too_small = np.logical_or.reduceat(small, first)
    too_narrow = np.logical_or.reduceat(narrow, first)
    return np.select([too_small & too_narrow, too_small, too_narrow], ["area, width", "area", "width"], default="")


def _gather(parts: Geometries, first: Rows, count: Rows) -> Geometries:
    """Put neighbours in an array together into one geometry each."""
    gathered = parts[first].copy()
    several = np.flatnonzero(count > 1)
    if len(several):
        members = np.repeat(np.isin(np.arange(len(first)), several), count)
        gathered[several] = shapely.multipolygons(
            parts[members], indices=np.repeat(np.arange(len(several)), count[several])
        )
    return gathered


def relations(shared: Geometries, of_a: Numbers, of_b: Numbers) -> Geometries:
    """
    Say how the first feature of each pair lies to the second.

    Parameters
    ----------
    shared
        The ground that each pair shares.
    of_a, of_b
        What the two features measure, in the same plane.

    Returns
    -------
    ndarray
        equal, inside, contains or crosses.

    Examples
    --------
    >>> relations(np.array([shapely.box(0, 0, 1, 1)], dtype=object), np.array([1.0]), np.array([4.0])).tolist()
    ['inside']
    """
    both = shapely.area(shared)
    a, b = both / of_a >= _WHOLE, both / of_b >= _WHOLE
    return np.select([a & b, a, b], ["equal", "inside", "contains"], default="crosses").astype(object)


def _deduction(frames: list[gpd.GeoDataFrame], table: pd.DataFrame) -> Numbers:
    """Give the deduction of the farmland in each row, NaN where none is stated."""
    share = np.full(len(table), np.nan)
    for side, frame in zip("ab", frames, strict=True):
        if "deduction" in frame.columns:
            stated = pd.to_numeric(frame["deduction"], errors="coerce").to_numpy(dtype=float)
            share = np.where(np.isnan(share), stated[table[f"row_{side}"].to_numpy()], share)
    return share


def _meaning(book: Rulebook, lines: tuple[str, str], relation: str) -> dict[str, str]:
    """Ask the rules what an overlap of two lines means."""
    rule = next((rule for rule in book.overlaps if {rule.a, rule.b} == set(lines)), None)
    if rule is None:
        said = ("undetermined", "", "", "", "no rule says what this overlap means", "规则未说明此类重叠")
        return dict(zip(_MEANING, said, strict=True))
    severity, note, note_zh = str(rule.severity), rule.note, rule.note_zh
    island = next((island for island in _data()["islands"] if island["overlap"] == rule.id), None)
    if island is not None:
        within = {"equal", "inside" if lines[0] == island["inner"] else "contains"}
        severity = island["inside"] if relation in within else island["across"]
        note, note_zh = (
            (island["note"], island["note_zh"])
            if relation in within
            else (island["note_across"], island["note_across_zh"])
        )
    return dict(zip(_MEANING, (severity, rule.id, book.cite(rule), rule.status, note, note_zh), strict=True))


def total_conflicts(
    conflicts: gpd.GeoDataFrame, *, unit: AreaUnit = "mu", method: AreaMethod = "national"
) -> pd.DataFrame:
    """
    Sum conflicts by pair of lines, with the ground counted once beside the sum of all pairs of features.

    Parameters
    ----------
    conflicts
        What :func:`find_conflicts` gave.
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
        Rows of :func:`find_conflicts`.
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


def planarise(
    plan: ZoningPlan, *, lines: Iterable[str] | None = None, method: AreaMethod = "national"
) -> gpd.GeoDataFrame:
    """
    Cut the ground of all lines into pieces that do not overlap, each with all that is claimed on it.

    Parameters
    ----------
    plan
        The plan.
    lines
        Lines to lay over each other; left out: all of the plan.
    method
        How area is measured.

    Returns
    -------
    GeoDataFrame
        One row per piece, most claims first: ``claims`` (line/feature, separated by "; "), ``lines`` (separated by
        commas), ``n_claims``, ``n_lines``, ``area_m2, area_ha, area_mu``, ``width_m``, ``geometry`` in the CRS of the
        plan. Two features of one line on the same ground are two claims of one line.

    Raises
    ------
    SchemaError
        A line is none of the plan.

    Examples
    --------
    >>> from ecozones.testing import chessboard_plan
    >>> plan = chessboard_plan(red_line={"a1": "core"}, farmland=["a1", "b1"])
    >>> planarise(plan)[["claims", "n_lines"]].values.tolist()
    [['ecological_red_line/a1; permanent_basic_farmland/a1', 2], ['permanent_basic_farmland/b1', 1]]
    """
    asked = _asked(plan, lines)
    layers, place = _layers(plan, asked)
    faces, face, claim = planar_faces(list(layers.values()))
    line = np.repeat(np.array(asked, dtype=object), [len(plan.lines[name]) for name in asked])
    ids = np.concatenate([plan.lines[name]["feature_id"].to_numpy(dtype=object) for name in asked])
    claims = pd.DataFrame({"face": face, "line": line[claim], "claim": line[claim] + "/" + ids[claim]})
    claims["rank"] = claims["line"].map({name: rank for rank, name in enumerate(asked)})
    by_face = claims.sort_values(["face", "rank", "claim"], kind="stable").groupby("face", sort=True)
    table = pd.DataFrame(
        {
            "claims": by_face["claim"].agg("; ".join),
            "lines": by_face["line"].agg(_once),
            "n_claims": by_face.size(),
            "n_lines": by_face["line"].nunique(),
        }
    ).reindex(range(len(faces)))
    measured = measure(faces, place, method)
    table = table.assign(
        area_m2=measured.area,
        area_ha=from_m2(measured.area, "ha"),
        area_mu=from_m2(measured.area, "mu"),
        width_m=measured.width,
        geometry=place.back(faces),
    )
    west, south = shapely.bounds(faces)[:, :2].T if len(faces) else (np.empty(0), np.empty(0))
    order = np.lexsort((south, west, table["claims"], -table["n_claims"], -table["n_lines"]))
    return gpd.GeoDataFrame(table.iloc[order].reset_index(drop=True)[_PIECE_COLUMNS], geometry="geometry", crs=plan.crs)


def _once(words: pd.Series) -> str:
    return ",".join(dict.fromkeys(words))


def planar_faces(layers: list[Layer]) -> tuple[Geometries, Rows, Rows]:
    """
    Cut the ground of layers along all their edges.

    Parameters
    ----------
    layers
        Layers at one place.

    Returns
    -------
    faces : ndarray
        Polygons that do not overlap and make up the ground of all layers; a polygon that shares ground with no other
        is a face as it stands, to the last bit.
    face, claim : ndarray
        Pairs of a face and a polygon that it lies in, as positions in all layers one after the other.

    Examples
    --------
    >>> place = Place(gpd.GeoSeries(crs="EPSG:4548").crs, 0.0, 0.0)
    >>> boxes = [shapely.box(0, 0, 2, 1), shapely.box(1, 0, 3, 1)]
    >>> faces, face, claim = planar_faces([Layer(np.array(boxes, dtype=object), place)])
    >>> len(faces), np.bincount(face).tolist()
    (3, [1, 2, 1])
    """
    geometry = np.concatenate([layer.geometry for layer in layers]) if layers else np.empty(0, dtype=object)
    start = np.cumsum([0, *(len(layer.geometry) for layer in layers)])
    stacked = np.zeros(len(geometry), dtype=bool)
    for i, j in itertools.combinations_with_replacement(range(len(layers)), 2):
        met = share(layers[i], layers[j])
        other = (met.a != met.b) | (i != j)
        stacked[start[i] + met.a[other]] = stacked[start[j] + met.b[other]] = True
    alone, mixed = np.flatnonzero(~stacked), np.flatnonzero(stacked)
    if not len(mixed):
        return geometry, alone, alone
    edges = shapely.boundary(geometry[mixed])
    edges = edges[np.lexsort(shapely.bounds(edges).T)]
    cut = shapely.get_parts(shapely.polygonize([shapely.union_all(edges)]))
    inside = shapely.point_on_surface(cut)
    pieces = overlay.cut(geometry[mixed], checked=True)
    point, piece = pieces.tree.query(inside, predicate="within")
    pairs = np.unique(np.c_[point, pieces.feature[piece]], axis=0)
    claimed = np.unique(pairs[:, 0])
    number = np.full(len(cut), -1)
    number[claimed] = np.arange(len(claimed))
    faces = np.concatenate([cut[claimed], geometry[alone]])
    face = np.r_[number[pairs[:, 0]], len(claimed) + np.arange(len(alone))]
    return faces, face, np.r_[mixed[pairs[:, 1]], alone]


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
    asked = _asked(plan, lines)
    layers, place = _layers(plan, asked)
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


def check_partition(
    plan: ZoningPlan,
    *,
    ignore_below_m2: float = 1.0,
    ignore_narrower_m: float = 0.1,
    method: AreaMethod = "national",
) -> gpd.GeoDataFrame:
    """
    Find where the three spaces of a plan fail to divide its territory: ground in two, in none, or outside.

    Parameters
    ----------
    plan
        A plan with zones and an extent.
    ignore_below_m2
        Smaller stretches of ground are artefacts: listed, and marked. [m²]
    ignore_narrower_m
        Stretches of a smaller mean width are artefacts too. [m]
    method
        How area is measured.

    Returns
    -------
    GeoDataFrame
        One row per stretch of ground, largest first: ``fault`` (overlap, gap, outside), ``zones`` and ``feature_ids``
        that claim it, ``artefact`` and why, ``area_m2, area_ha, area_mu, width_m, geometry`` in the CRS of the plan.
        Empty where the spaces are a partition.

    Raises
    ------
    SchemaError
        The plan has no zones, or does not say what its territory is.

    Examples
    --------
    >>> from ecozones.testing import chessboard_plan
    >>> plan = chessboard_plan(n=2, zones={"a1": "urban_space", "a2": "ecological_space", "b1": "ecological_space"})
    >>> check_partition(plan)[["fault", "area_ha"]].round(1).values.tolist()
    [['gap', 100.0]]
    """
    if plan.zones is None or plan.extent is None:
        message = f"plan {plan.name!r} needs zones and an extent before they can be held against each other"
        raise SchemaError(message)
    zones, extent = (bring_to(frame, plan.crs, what="zones")[0] for frame in (plan.zones, plan.extent))
    place = Place.of(plan.crs, zones, extent)
    layers = [Layer.of(zones, place, what="zones"), Layer.of(extent, place, what="extent")]
    faces, face, claim = planar_faces(layers)
    in_zone, inside = claim < len(zones), np.zeros(len(faces), dtype=bool)
    inside[face[~in_zone]] = True
    count = np.bincount(face[in_zone], minlength=len(faces))
    fault = np.select([count > 1, ~inside, count == 0], ["overlap", "outside", "gap"], default="")
    bad = np.flatnonzero(fault != "")
    measured = measure(faces[bad], place, method)
    small, narrow = find_slivers(faces[bad], measured, fault[bad], place, Slivers(ignore_below_m2, ignore_narrower_m))
    claims = pd.DataFrame({"face": face[in_zone], "row": claim[in_zone]}).sort_values(["face", "row"])
    claims["zone"] = zones["zone"].to_numpy(dtype=object)[claims["row"]]
    claims["id"] = zones["feature_id"].astype(str).to_numpy(dtype=object)[claims["row"]]
    named = claims.groupby("face").agg({"zone": _once, "id": ",".join})
    named = named.reindex(bad, fill_value="")
    table = pd.DataFrame(
        {
            "fault": fault[bad],
            "zones": named["zone"].to_numpy(),
            "feature_ids": named["id"].to_numpy(),
            "artefact": small | narrow,
            "artefact_because": _because(small, narrow, np.arange(len(bad))) if len(bad) else [],
            "area_m2": measured.area,
            "area_ha": from_m2(measured.area, "ha"),
            "area_mu": from_m2(measured.area, "mu"),
            "width_m": measured.width,
            "geometry": place.back(faces[bad]),
        }
    )
    listed = table.sort_values(["area_m2", "fault"], ascending=[False, True], kind="stable", ignore_index=True)
    return gpd.GeoDataFrame(listed[_FAULT_COLUMNS], geometry="geometry", crs=plan.crs)


def balance_partition(plan: ZoningPlan, *, method: AreaMethod = "national") -> pd.DataFrame:
    """
    Prove the partition: the spaces, with gaps added and overlaps and ground outside taken off, are the territory.

    Parameters
    ----------
    plan
        A plan with zones and an extent.
    method
        How area is measured.

    Returns
    -------
    DataFrame
        One row: ``zones_m2`` (spaces summed), ``again_m2`` (counted more than once), ``outside_m2``, ``gap_m2``,
        ``extent_m2``, ``error_m2`` and ``error_share``. [m²]

    Raises
    ------
    SchemaError
        The plan has no zones, or does not say what its territory is.

    Examples
    --------
    >>> from ecozones.testing import chessboard_plan
    >>> plan = chessboard_plan(n=2, zones={"a1": "urban_space", "a2": "ecological_space", "b1": "ecological_space"})
    >>> bool(balance_partition(plan)["error_share"].abs().max() < 1e-9)
    True
    """
    faults = check_partition(plan, method=method)
    assert plan.zones is not None
    assert plan.extent is not None
    zones, extent = (
        float(polygon_areas(frame.geometry.to_numpy(), frame.crs, method=method).sum())
        for frame in (plan.zones, plan.extent)
    )
    claims = faults["feature_ids"].str.count(",").to_numpy()
    area, fault = faults["area_m2"].to_numpy(), faults["fault"].to_numpy()
    again = float((area * claims)[fault == "overlap"].sum())
    outside, gap = (float(area[fault == word].sum()) for word in ("outside", "gap"))
    error = zones - again - outside + gap - extent
    columns = ["zones_m2", "again_m2", "outside_m2", "gap_m2", "extent_m2", "error_m2", "error_share"]
    return pd.DataFrame([(zones, again, outside, gap, extent, error, error / extent)], columns=columns)
