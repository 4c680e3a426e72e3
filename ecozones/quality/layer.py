"""A layer under examination, and how findings about it are laid out."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ecozones.area import AreaMethod, polygon_areas
from ecozones.geometry import mean_width, polygonal, without_place
from ecozones.quality.coverage import Faults, find_faults
from ecozones.quality.edges import Edges, Flags, Geometries, Numbers, Rows, edges_of, metres_in
from ecozones.quality.gaps import inscribed_width
from ecozones.quality.rules import Limits, QualityRule, rules_by_id
from ecozones.units import fold

_DECIMALS = {"m2": 2, "m": 3, "1": 4, "°": 2, "": 0}
_POLYGONS = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)


@dataclasses.dataclass(frozen=True, eq=False)
class Layer:
    """A layer under examination: as it came, and flat in metres with only what polygons can be made of it."""

    name: str
    frame: gpd.GeoDataFrame
    ids: Geometries
    geometry: Geometries
    usable: Flags
    valid: Flags
    flat: Geometries
    unit: tuple[float, float]
    limits: Mapping[str, Limits]
    method: AreaMethod
    wanted: Collection[str]

    @functools.cached_property
    def edges(self) -> Edges:
        """Edges of the flat polygons."""
        return edges_of(self.flat)

    @functools.cached_property
    def measured(self) -> Numbers:
        """Ground area of every feature, NaN where it has none, in square metres."""
        area = np.full(len(self.geometry), np.nan)
        fit = self.usable & self.valid
        area[fit] = polygon_areas(self.geometry[fit], self.frame.crs, method=self.method)
        return area

    @functools.cached_property
    def faults(self) -> Faults:
        """What keeps the layer from being a coverage."""
        gap = self.limits["coverage.gap"]
        return find_faults(
            self.flat,
            gap_width=gap["max_width_m"],
            elongation=gap["min_elongation"],
            edges=self.edges,
            loose="coverage.edges" in self.wanted,
        )

    def back(self, flat: Geometries) -> Geometries:
        """Bring flat geometries to the coordinates of the layer."""
        if self.unit == (1.0, 1.0):
            return flat
        return np.asarray(shapely.transform(flat, lambda xy: xy / self.unit), dtype=object)

    def areas(self, geometry: Geometries) -> Numbers:
        """Measure ground of the layer by the method that was asked for, in square metres."""
        return polygon_areas(geometry, self.frame.crs, method=self.method)

    def names(self, rows: Iterable[Rows]) -> list[str]:
        """Join the ids of several rows, in their own order."""
        return [", ".join(sorted(self.ids[each])) for each in rows]

    def column(self, names: Iterable[str]) -> pd.Series | None:
        """Find a column by the first of its names that the layer has."""
        known = {fold(column): column for column in reversed(self.frame.columns) if column != self.frame.geometry.name}
        found = next((known[fold(name)] for name in names if fold(name) in known), None)
        return None if found is None else self.frame[found]

    def findings(
        self,
        rule: str,
        ids: list[str],
        geometry: Geometries,
        **told: Any,  # noqa: ANN401 - passed on as it is
    ) -> gpd.GeoDataFrame:
        """Lay out findings of one rule about features of the layer."""
        return lay_out(rules_by_id()[rule], [self.name] * len(ids), ids, geometry, crs=self.frame.crs, **told)

    def not_checked(self, rule: str, zh: str, en: str) -> gpd.GeoDataFrame:
        """Say that a check had nothing to go by."""
        table = self.findings(rule, [""], np.array([None], dtype=object))
        told = rules_by_id()[rule]
        return table.assign(
            severity="not_checked",
            message_zh=f"未检查“{told.zh}”：{zh}",
            message_en=f'"{told.en}" was not checked: {en}',
            detail="not checked",
        )


def lay_out(
    rule: QualityRule,
    line: list[str],
    ids: list[str],
    geometry: Geometries,
    *,
    crs: object,
    measured: Numbers | None = None,
    threshold: Numbers | float = np.nan,
    width: Numbers | None = None,
    share: Numbers | None = None,
    detail: tuple[list[str], list[str]] | None = None,
    place: Numbers | None = None,
) -> gpd.GeoDataFrame:
    """Lay out the findings of one rule."""
    count = len(ids)
    nothing = np.full(count, np.nan)
    value = nothing if measured is None else measured
    limit = np.broadcast_to(threshold, count).astype(float)
    at = places_in(geometry) if place is None else place
    zh, en = ([""] * count, [""] * count) if detail is None else detail
    digits = _DECIMALS[rule.unit]
    words = [
        {"ids": ids[i], "measured": plain(value[i], digits), "unit": rule.unit, "threshold": plain(limit[i], 4)}
        for i in range(count)
    ]
    data = {
        "finding_id": "",
        "rule_id": rule.id,
        "severity": rule.severity,
        "line": line,
        "feature_ids": ids,
        "measured": value,
        "unit": rule.unit,
        "threshold": limit,
        "width_m": nothing if width is None else width,
        "share": nothing if share is None else share,
        "message_zh": [rule.message_zh.format(**word, detail=text) for word, text in zip(words, zh, strict=True)],
        "message_en": [rule.message_en.format(**word, detail=text) for word, text in zip(words, en, strict=True)],
        "x": at[:, 0],
        "y": at[:, 1],
        "detail": en if rule.id.startswith(("field.", "id.")) else "",
    }
    return gpd.GeoDataFrame(pd.DataFrame(data, index=range(count)), geometry=geometry, crs=crs)


def plain(value: float, digits: int) -> str:
    """Write a number without a tail of zeros; a small one with as many digits as it takes to see it."""
    if not np.isfinite(value):
        return "∞" if value == np.inf else "-"
    text = f"{value:,.{digits}f}"
    if value and not float(text.replace(",", "")):
        text = f"{value:.2g}"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def places_in(geometry: Geometries) -> Numbers:
    """Choose a place in each geometry, NaN where it has none."""
    point = np.full(len(geometry), None, dtype=object)
    fit = ~shapely.is_missing(geometry) & ~shapely.is_empty(geometry)
    point[fit] = shapely.point_on_surface(geometry[fit])
    return np.stack([shapely.get_x(point), shapely.get_y(point)], axis=1)


def prepare(
    frame: gpd.GeoDataFrame, name: str, limits: dict[str, Limits], method: AreaMethod, wanted: set[str]
) -> Layer:
    """Take a frame under examination: what of it is usable, what is valid, and all of it flat in metres."""
    geometry = np.asarray(frame.geometry.array, dtype=object)
    usable = np.isin(shapely.get_type_id(geometry), _POLYGONS) & ~shapely.is_empty(geometry)
    usable &= ~without_place(geometry)
    valid = shapely.is_valid(geometry)
    flat = geometry.copy()
    flat[~usable] = None
    broken = usable & ~valid
    if broken.any():
        # what an invalid polygon covers is needed to see what it runs into; that it is invalid is a finding of its own
        flat[broken] = polygonal(shapely.make_valid(flat[broken], method="structure", keep_collapsed=False))
    unit = metres_in(frame.crs, flat)
    if unit != (1.0, 1.0):
        flat = np.asarray(shapely.transform(flat, lambda xy: xy * unit), dtype=object)
        bent = np.flatnonzero(~shapely.is_valid(flat) & ~shapely.is_missing(flat))
        flat[bent] = polygonal(shapely.make_valid(flat[bent], method="structure", keep_collapsed=False))
    known = frame["feature_id"] if "feature_id" in frame.columns else frame.index.to_series(index=frame.index)
    ids = np.array(["" if pd.isna(value) else str(value) for value in known], dtype=object)
    return Layer(name, frame, ids, geometry, usable, valid, flat, unit, limits, method, wanted)


def within(value: Numbers, limits: Limits, key: str) -> Flags:
    """Tell which values lie between the least and the greatest of a threshold."""
    return np.asarray((value >= limits[f"min_{key}"]) & (value <= limits[f"max_{key}"]))


def width_within(flat: Geometries, limits: Limits) -> tuple[Numbers, Flags]:
    """
    Measure widths, and tell which lie between the thresholds.

    The mean width never exceeds the diameter of the largest inscribed circle. Where it settles the question it is the
    answer; where it leaves doubt, as in a wide shape with a frayed outline, the circle is measured.
    """
    width = mean_width(flat)
    low, high = limits["min_width_m"], limits["max_width_m"]
    doubt = (width < low) | ((width <= high) & np.isfinite(high))
    doubt &= shapely.area(flat) > 0
    width[doubt] = inscribed_width(flat[doubt])
    return width, within(width, limits, "width_m")
