"""Checks of ids, shapes, fit, areas and extent: each takes a layer and lists what it finds."""

from __future__ import annotations

import re
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ecozones.crs import check_crs
from ecozones.geometry import mean_width, parts, polygonal, without_place
from ecozones.placing import bring_to
from ecozones.quality import edges
from ecozones.quality.edges import Geometries, Numbers, Rows
from ecozones.quality.layer import Layer, places_in, plain, width_within, within
from ecozones.quality.rules import settings

_PLACE = re.compile(r"\[([-+\d.eE]+) ([-+\d.eE]+)")
# what a wholly equal pair may differ by in the plane: a few units in the last place of its area
_EQUAL = 1e-9


def find_id_faults(layer: Layer) -> list[gpd.GeoDataFrame]:
    """List features without an id, and ids that several bear."""
    if "feature_id" not in layer.frame.columns:
        return []
    ids = pd.Series(layer.ids)
    blank = np.flatnonzero(ids.str.strip() == "")
    rows = [str(layer.frame.index[row]) for row in blank]
    missing = layer.findings("id.missing", [""] * len(blank), layer.geometry[blank], detail=(rows, rows))
    again = ids[ids.str.strip() != ""].value_counts()
    again = again[again > 1].sort_index()
    bearers = [layer.geometry[np.flatnonzero(layer.ids == key)] for key in again.index]
    ground = np.full(len(again), None, dtype=object)
    for i, geometries in enumerate(bearers):
        ground[i] = shapely.geometrycollections(geometries[~shapely.is_missing(geometries)])
    places = places_in(np.array([next((g for g in some if g is not None), None) for some in bearers], dtype=object))
    repeated = layer.findings(
        "id.repeated",
        [str(key) for key in again.index],
        ground,
        measured=again.to_numpy(dtype=float),
        place=places.reshape(-1, 2),
    )
    return [missing, repeated]


def find_missing(layer: Layer) -> list[gpd.GeoDataFrame]:
    """List features without a polygon, and why."""
    rows = np.flatnonzero(~layer.usable)
    zh, en = [], []
    place = np.full((len(rows), 2), np.nan)
    for i, row in enumerate(rows):
        shape = layer.geometry[row]
        if shape is None:
            said = "无几何", "it has no geometry"
        elif shape.is_empty:
            said = "几何为空", "its geometry is empty"
        elif shape.geom_type not in {"Polygon", "MultiPolygon"}:
            said = f"类型为 {shape.geom_type}", f"it is a {shape.geom_type}"
        else:
            said = "坐标不是有效数字", "it has coordinates that are no numbers"
        zh.append(said[0])
        en.append(said[1])
        xy = shapely.get_coordinates(shape)
        xy = xy[np.isfinite(xy).all(axis=1)]
        if len(xy):
            place[i] = xy[0]
    # what has coordinates that are no numbers cannot be drawn
    shown = layer.geometry[rows].copy()
    shown[without_place(shown)] = None
    return [layer.findings("geometry.missing", list(layer.ids[rows]), shown, detail=(zh, en), place=place)]


def find_invalid(layer: Layer) -> list[gpd.GeoDataFrame]:
    """List invalid polygons with the place and the reason."""
    rows = np.flatnonzero(layer.usable & ~layer.valid)
    reasons = [str(reason) for reason in np.atleast_1d(shapely.is_valid_reason(layer.geometry[rows]))]
    place = np.full((len(rows), 2), np.nan)
    for i, (row, reason) in enumerate(zip(rows, reasons, strict=True)):
        told = _PLACE.search(reason)
        place[i] = [float(told[1]), float(told[2])] if told else shapely.get_coordinates(layer.geometry[row])[0]
    faults = np.asarray(shapely.points(place), dtype=object).reshape(-1)
    return [layer.findings("geometry.invalid", list(layer.ids[rows]), faults, detail=(reasons, reasons), place=place)]


def find_spikes(layer: Layer) -> list[gpd.GeoDataFrame]:
    """List needles on outlines."""
    limits = layer.limits["geometry.spike"]
    found = edges.find_spikes(
        layer.edges, angle=limits["max_angle_deg"], length=limits["min_length_m"], tip=limits["max_tip_m"]
    )
    keep = (found.angle >= limits["min_angle_deg"]) & (found.length <= limits["max_length_m"])
    tip = np.asarray(layer.back(shapely.points(found.tip[keep])), dtype=object).reshape(-1)
    told = [plain(length, 1) for length in found.length[keep]]
    return [
        layer.findings(
            "geometry.spike",
            list(layer.ids[found.row[keep]]),
            tip,
            measured=found.angle[keep],
            threshold=limits["max_angle_deg"],
            detail=(told, told),
        )
    ]


def find_slivers(layer: Layer) -> list[gpd.GeoDataFrame]:
    """List parts that are narrower than a feature can be."""
    limits = layer.limits["geometry.sliver"]
    # the mean width is a lower bound: most features, and then most parts, need no closer look
    some = mean_width(layer.flat) <= limits["max_width_m"]
    some |= shapely.get_type_id(layer.flat) == shapely.GeometryType.MULTIPOLYGON
    feature = np.flatnonzero(some)
    pieces, part_of = parts(layer.flat[feature])
    thin = mean_width(pieces) <= limits["max_width_m"]
    pieces, row = pieces[thin], feature[part_of[thin]]
    width, narrow = width_within(pieces, limits)
    narrow &= within(shapely.area(pieces), limits, "area_m2")
    return [
        layer.findings(
            "geometry.sliver",
            list(layer.ids[row[narrow]]),
            layer.back(pieces[narrow]),
            measured=width[narrow],
            threshold=limits["max_width_m"],
            width=width[narrow],
        )
    ]


def _pairs(layer: Layer) -> tuple[Rows, Rows, Geometries, Numbers, Numbers, Numbers]:
    """Pairs that share ground: rows, the ground, and the planar areas of it and of both, in square metres."""
    faults = layer.faults
    one, other = shapely.area(layer.flat[faults.left]), shapely.area(layer.flat[faults.right])
    return faults.left, faults.right, faults.shared, shapely.area(faults.shared), one, other


def find_overlaps(layer: Layer) -> list[gpd.GeoDataFrame]:
    """List pairs of features that cover the same ground."""
    limits = layer.limits["coverage.overlap"]
    left, right, shared, common, one, other = _pairs(layer)
    width, keep = width_within(shared, limits)
    keep &= within(common, limits, "area_m2")
    left, right, common, one, other = left[keep], right[keep], common[keep], one[keep], other[keep]
    whole = np.minimum(one, other)
    inside = common >= whole * (1 - _EQUAL)
    equal = inside & (common >= np.maximum(one, other) * (1 - _EQUAL))
    zh = np.select([equal, inside], ["完全相同", "一个被另一个包含"], "部分重叠")
    en = np.select([equal, inside], ["equal", "one contains the other"], "partly")
    ground = layer.back(shared[keep])
    return [
        layer.findings(
            "coverage.overlap",
            layer.names(np.stack([left, right], axis=1)),
            ground,
            measured=layer.areas(ground),
            threshold=max(limits["min_area_m2"], 0.0),
            width=width[keep],
            share=common / whole,
            detail=(list(zh), list(en)),
        )
    ]


def find_duplicates(layer: Layer) -> list[gpd.GeoDataFrame]:
    """List pairs of features that are the same, or nearly."""
    limits = layer.limits["geometry.near_duplicate"]
    left, right, _, common, one, other = _pairs(layer)
    likeness = common / (one + other - common)
    equal = likeness >= 1 - _EQUAL
    near = ~equal & within(likeness, limits, "share")
    names = np.array(layer.names(np.stack([left, right], axis=1)), dtype=object)
    same, alike = layer.geometry[left[equal]], layer.geometry[left[near]]
    return [
        layer.findings(
            "geometry.duplicate",
            list(names[equal]),
            layer.back(layer.flat[left[equal]]),
            measured=layer.areas(layer.back(layer.flat[left[equal]])) if len(same) else np.empty(0),
            share=likeness[equal],
        ),
        layer.findings(
            "geometry.near_duplicate",
            list(names[near]),
            layer.back(layer.flat[left[near]]),
            measured=likeness[near] if len(alike) else np.empty(0),
            threshold=limits["min_share"],
            share=likeness[near],
        ),
    ]


def find_gaps(layer: Layer) -> list[gpd.GeoDataFrame]:
    """List narrow ground between features that none covers."""
    limits = layer.limits["coverage.gap"]
    gaps = layer.faults.gaps
    keep = within(gaps.width, limits, "width_m") & within(shapely.area(gaps.geometry), limits, "area_m2")
    around = [rows for rows, kept in zip(gaps.rows, keep, strict=True) if kept]
    closed = gaps.enclosed[keep]
    return [
        layer.findings(
            "coverage.gap",
            layer.names(around),
            layer.back(gaps.geometry[keep]),
            measured=gaps.width[keep],
            threshold=limits["max_width_m"],
            width=gaps.width[keep],
            detail=(list(np.where(closed, "封闭", "开口")), list(np.where(closed, "enclosed", "open"))),
        )
    ]


def find_loose_edges(layer: Layer) -> list[gpd.GeoDataFrame]:
    """List edges that do not match those of a neighbour."""
    limits = layer.limits["coverage.edges"]
    faults = layer.faults
    length = shapely.length(faults.loose_edges)
    keep = within(length, limits, "length_m")
    lines = layer.back(faults.loose_edges[keep])
    return [
        layer.findings(
            "coverage.edges",
            list(layer.ids[faults.loose_rows[keep]]),
            lines,
            measured=length[keep],
            place=places_in(lines),
        )
    ]


def find_small_patches(layer: Layer) -> list[gpd.GeoDataFrame]:
    """List patches smaller than their land class may be drawn."""
    limits = layer.limits["area.minimum"]
    count = len(layer.frame)
    least = np.full(count, limits["min_area_m2"])
    kind = np.array(["所有地类"] * count, dtype=object), np.array(["all classes"] * count, dtype=object)
    found: list[gpd.GeoDataFrame] = []
    if not np.isfinite(limits["min_area_m2"]):
        codes = layer.column(["land_class", "DLBM"])
        if codes is None:
            found.append(layer.not_checked("area.minimum", "图层没有地类编码", "the layer has no land classes"))
        else:
            least, kind = _least_patches(layer, codes)
    if not (np.isfinite(least).any() or np.isfinite(limits["max_area_m2"])):
        return found
    # a plane differs from the ground by less than a part in a hundred in any zone: only doubtful ones are measured
    flat = shapely.area(layer.flat)
    doubt = layer.usable & ((flat < least * 1.01) | (flat > limits["max_area_m2"] * 0.99))
    rows = np.flatnonzero(doubt)
    area = layer.areas(layer.back(layer.flat[rows]))
    small, large = area < least[rows], area > limits["max_area_m2"]
    out = small | large
    rows = rows[out]
    found.append(
        layer.findings(
            "area.minimum",
            list(layer.ids[rows]),
            layer.geometry[rows],
            measured=area[out],
            threshold=np.where(small[out], least[rows], limits["max_area_m2"]),
            detail=(list(kind[0][rows]), list(kind[1][rows])),
            place=places_in(layer.back(layer.flat[rows])),
        )
    )
    return found


def _least_patches(layer: Layer, codes: pd.Series) -> tuple[Numbers, tuple[Geometries, Geometries]]:
    """Look up the smallest patch that a class may be drawn as, NaN for codes of another scheme."""
    schemes = layer.column(["land_class_scheme"])
    text = codes.map(lambda value: "" if pd.isna(value) else str(value).strip())
    listed = {code: row for row in settings()["minimum_patch"] for code in row["codes"]}

    def look(code: str) -> dict[str, Any] | None:
        return next((listed[code[:size]] for size in range(len(code), 1, -1) if code[:size] in listed), None)

    known = {code: look(code) for code in text.unique()}
    survey = np.ones(len(text), dtype=bool) if schemes is None else (schemes == "survey-3").to_numpy(dtype=bool)
    rows = [known[code] if here else None for code, here in zip(text, survey, strict=True)]
    least = np.array([row["min_area_m2"] if row else np.nan for row in rows], dtype=float)
    zh = np.array([row["zh"] if row else "" for row in rows], dtype=object)
    en = np.array([row["en"] if row else "" for row in rows], dtype=object)
    return least, (zh, en)


def find_misstated(layer: Layer) -> list[gpd.GeoDataFrame]:
    """List features whose stated area is not the one measured."""
    limits = layer.limits["area.stated"]
    column = layer.column(["stated_area_m2", "YJJBNTTBMJ", "TBMJ"])
    if column is None:
        return [layer.not_checked("area.stated", "图层没有登记面积", "the layer states no areas")]
    stated = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    fit = layer.usable & layer.valid & np.isfinite(stated)
    ratio = np.divide(stated, layer.measured, out=np.full(len(stated), np.nan), where=fit & (layer.measured > 0))
    rows = np.flatnonzero(np.isfinite(ratio) & ~within(ratio, limits, "ratio"))
    zh = [f"登记 {plain(stated[r], 2)} 平方米，量算 {plain(layer.measured[r], 2)} 平方米" for r in rows]
    en = [f"stated {plain(stated[r], 2)} m², measured {plain(layer.measured[r], 2)} m²" for r in rows]
    below = ratio[rows] < limits["min_ratio"]
    return [
        layer.findings(
            "area.stated",
            list(layer.ids[rows]),
            layer.geometry[rows],
            measured=ratio[rows],
            threshold=np.where(below, limits["min_ratio"], limits["max_ratio"]),
            detail=(zh, en),
        )
    ]


def find_misdeducted(layer: Layer) -> list[gpd.GeoDataFrame]:
    """List features whose deducted areas do not add up."""
    limits = layer.limits["area.deducted"]
    roles = {
        "patch": ["YJJBNTTBMJ", "TBMJ", "stated_area_m2"],
        "share": ["KCXS", "deduction"],
        "deducted": ["KCMJ"],
        "rest": ["YJJBNTMJ", "TBDLMJ"],
    }
    series = {role: layer.column(names) for role, names in roles.items()}
    missing = [names[0] for role, names in roles.items() if role != "rest" and series[role] is None]
    if missing:
        told = ", ".join(missing)
        return [layer.not_checked("area.deducted", f"图层没有字段 {told}", f"the layer has no column {told}")]
    numbers = {
        role: pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
        for role, column in series.items()
        if column is not None
    }
    off = np.abs(numbers["patch"] * numbers["share"] - numbers["deducted"])
    if "rest" in numbers:
        off = np.fmax(off, np.abs(numbers["patch"] - numbers["deducted"] - numbers["rest"]))
    # amounts are written to a hundredth: half of one on either side is rounding
    rows = np.flatnonzero(np.isfinite(off) & within(off, limits, "difference_m2"))
    return [
        layer.findings(
            "area.deducted",
            list(layer.ids[rows]),
            layer.geometry[rows],
            measured=off[rows],
            threshold=limits["min_difference_m2"],
            place=places_in(layer.back(layer.flat[rows])),
        )
    ]


def find_outside(layer: Layer, extent: gpd.GeoDataFrame | None) -> list[gpd.GeoDataFrame]:
    """List features that reach beyond the boundary."""
    limits = layer.limits["extent.outside"]
    if extent is None:
        return [layer.not_checked("extent.outside", "未给出行政区范围", "no boundary was given")]
    check_crs(extent, what="extent")
    moved, _ = bring_to(extent, layer.frame.crs, what="extent")
    shapes = np.asarray(moved.geometry.array, dtype=object)
    boundary = shapely.union_all(polygonal(shapely.make_valid(shapes, method="structure")))
    shapely.prepare(boundary)
    whole = layer.back(layer.flat)
    some = np.flatnonzero(~shapely.is_missing(whole) & ~shapely.is_empty(whole))
    some = some[~shapely.covers(boundary, whole[some])]
    beyond = polygonal(shapely.difference(whole[some], boundary))
    area, of = layer.areas(beyond), layer.areas(whole[some])
    share = np.divide(area, of, out=np.zeros_like(area), where=of > 0)
    keep = (area > 0) & within(area, limits, "area_m2") & within(share, limits, "share")
    told = [f"{value:.2%}" for value in share[keep]]
    return [
        layer.findings(
            "extent.outside",
            list(layer.ids[some[keep]]),
            beyond[keep],
            measured=area[keep],
            threshold=max(limits["min_area_m2"], 0.0),
            share=share[keep],
            detail=(told, told),
        )
    ]
