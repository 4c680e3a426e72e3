"""What is wrong with a layer before anything is judged by it: geometry, fit, areas, extent, columns."""

from __future__ import annotations

import dataclasses
import functools
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from ecozones import coverage
from ecozones.area import AreaMethod, polygon_areas
from ecozones.crs import check_crs
from ecozones.errors import SchemaError, name_rows
from ecozones.geometry import mean_width, parts, polygonal, without_place
from ecozones.placing import bring_to
from ecozones.plan import ZoningPlan
from ecozones.schema import fold, land_classes
from ecozones.waivers import finding_ids, mark_waived, read_waivers

Geometries = NDArray[np.object_]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]
Limits = Mapping[str, float]
Thresholds = Mapping[str, Mapping[str, float]]

SEVERITIES = ("not_checked", "notice", "warning", "error")
"""How much a finding weighs, mildest first; ``not_checked`` is a check that had nothing to go by."""

_DECIMALS = {"m2": 2, "m": 3, "1": 4, "°": 2, "": 0}
_POLYGONS = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
_PLACE = re.compile(r"\[([-+\d.eE]+) ([-+\d.eE]+)")
# what a wholly equal pair may differ by in the plane: a few units in the last place of its area
_EQUAL = 1e-9
# a layer is taken for an official table if it has this share of its required columns
_RECOGNISED = 0.5
_COLUMNS = [
    "finding_id", "rule_id", "severity", "line", "feature_ids", "measured", "unit", "threshold", "width_m", "share",
    "message_zh", "message_en", "x", "y", "accepted", "accepted_by", "accepted_why", "geometry",
]  # fmt: skip


@dataclasses.dataclass(frozen=True)
class QualityRule:
    """One thing that may be wrong with a layer, as ``data/quality.toml`` has it."""

    id: str
    zh: str
    en: str
    severity: str
    unit: str
    message_zh: str
    message_en: str
    remedy_zh: str
    remedy_en: str
    status: str
    reports: str = ""
    thresholds: Mapping[str, float] = dataclasses.field(default_factory=dict)
    scale_key: str = ""
    seen: str = ""


@functools.cache
def _settings() -> Mapping[str, Any]:
    text = resources.files("ecozones").joinpath("data/quality.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))


@functools.cache
def _rules() -> Mapping[str, QualityRule]:
    return MappingProxyType({row["id"]: QualityRule(**row) for row in _settings()["rules"]})


def quality_rules() -> pd.DataFrame:
    """
    Every rule that a layer is checked by.

    Returns
    -------
    DataFrame
        One row per rule: ``id, zh, en, severity, unit, reports, thresholds, remedy_zh, remedy_en, status, seen``.

    Examples
    --------
    >>> quality_rules().set_index("id").loc["coverage.gap", "zh"]
    '图层内缝隙'
    """
    columns = [
        "id",
        "zh",
        "en",
        "severity",
        "unit",
        "reports",
        "thresholds",
        "remedy_zh",
        "remedy_en",
        "status",
        "seen",
    ]
    rows = [{name: getattr(rule, name) for name in columns} for rule in _rules().values()]
    return pd.DataFrame(rows, columns=columns)


def map_accuracy(scale: int, *, built_up: bool = False) -> float:
    """
    How far a point drawn at a map scale may be off beside its neighbours.

    Parameters
    ----------
    scale
        The number under the line: 2000 for 1:2 000.
    built_up
        Towns and industrial ground, where points are drawn more closely.

    Returns
    -------
    float
        Standard error of a position. [m]

    Raises
    ------
    ValueError
        The scale is not one that plans are drawn at.

    Examples
    --------
    >>> map_accuracy(2000)
    1.6
    """
    said = _settings()["accuracy"]
    if scale not in said["scales"]:
        message = f"map scale 1:{scale} is not known; use one of {', '.join(map(str, said['scales']))}"
        raise ValueError(message)
    return float(said["on_map_built_up_mm" if built_up else "on_map_mm"] * scale / 1000)


def check_quality(
    layer: gpd.GeoDataFrame | ZoningPlan,
    *,
    line: str | None = None,
    extent: gpd.GeoDataFrame | None = None,
    rules: Collection[str] | None = None,
    thresholds: Thresholds | None = None,
    map_scale: int | None = None,
    table: str | None = None,
    exceptions: str | Path | pd.DataFrame | None = None,
    method: AreaMethod = "national",
) -> gpd.GeoDataFrame:
    """
    List everything that is wrong with a layer, or with every line of a plan, each fault with its place and measure.

    Parameters
    ----------
    layer
        Polygons in any state, or a plan, whose lines and spaces are checked one by one. A plan was repaired when it was
        read: to see what was invalid, check the layer as it came.
    line
        What to call the layer; the id of a control line tells which official table it may be.
    extent
        The administrative boundary; a plan brings its own.
    rules
        Ids of the rules to check, all unless given; a prefix such as ``"coverage"`` stands for all that begin with it.
    thresholds
        Replacements by rule, such as ``{"coverage.gap": {"max_width_m": 2.0}}``. Every measure has a least and a
        greatest value, so that a rule may ask for what is larger as well as for what is smaller.
    map_scale
        The scale the layer was drawn at: slivers and gaps are then held to what that scale can tell apart.
    table
        The official table that the columns are checked by (``"DLTB"``, ``"YJJBNTBHTB"`` ...); found from `line` and the
        columns unless given.
    exceptions
        Accepted exceptions: a CSV or TOML file, or a table; see `write_waivers`.
    method
        How areas are measured.

    Returns
    -------
    GeoDataFrame
        One row per fault, gravest first, in the CRS of the layer (of the plan): ``finding_id`` (the same in every run),
        ``rule_id, severity, line, feature_ids, measured, unit, threshold, width_m, share``, ``message_zh, message_en``,
        ``x, y`` (a place in the fault), ``accepted, accepted_by, accepted_why, geometry``. A check that had nothing to
        go by is a row of severity ``not_checked``: that nothing was found there means nothing.

    Raises
    ------
    SchemaError
        A rule, threshold, table or exception is not known.
    CRSError
        The layer cannot be placed on the ground.

    Examples
    --------
    >>> from ecozones.testing import chessboard
    >>> board = chessboard(2, side_m=100)
    >>> doubled = gpd.GeoDataFrame(geometry=[*board.geometry, board.geometry[0]], crs=board.crs)
    >>> found = check_quality(doubled, rules=["coverage.overlap"])
    >>> found[["rule_id", "feature_ids", "measured"]].round(2).values.tolist()
    [['coverage.overlap', '0, 4', 10000.0]]
    """
    wanted = _wanted(rules)
    limits = _limits(thresholds or {}, map_scale)
    if table is not None and table not in _settings()["tables"]:
        message = f"official table {table!r} is not known; use one of {', '.join(_settings()['tables'])}"
        raise SchemaError(message)
    if isinstance(layer, ZoningPlan):
        found = _check_plan(layer, extent, wanted, limits, table, method)
        crs = layer.crs
    else:
        crs = layer.crs
        found = [_check_layer(layer, line or "", extent, wanted, limits, table, method)]
    findings = _joined(found, crs)
    ids = pd.Series(finding_ids(findings, degrees=pyproj.CRS(crs).is_geographic), dtype=object)
    again = ids.groupby(ids).cumcount()  # features without ids of their own may bear the same fault at the same place
    findings["finding_id"] = ids.where(again == 0, ids + "#" + (again + 1).astype(str)).to_numpy()
    waivers = read_waivers(pd.DataFrame() if exceptions is None else exceptions)
    findings, unused = mark_waived(findings, waivers)
    if len(unused):
        findings = pd.concat([findings, _unused(unused, crs)], ignore_index=True)
    findings["severity"] = pd.Categorical(findings["severity"], SEVERITIES, ordered=True)
    order = np.lexsort(
        (findings["finding_id"], findings["line"], findings["rule_id"], -findings["severity"].cat.codes.to_numpy())
    )
    return gpd.GeoDataFrame(findings.iloc[order].reset_index(drop=True)[_COLUMNS], geometry="geometry", crs=crs)


def _wanted(rules: Collection[str] | None) -> set[str]:
    if rules is None:
        return set(_rules())
    asked = [rules] if isinstance(rules, str) else list(rules)
    chosen = {name: [rule for rule in _rules() if rule == name or rule.startswith(f"{name}.")] for name in asked}
    unknown = [name for name, found in chosen.items() if not found]
    if unknown:
        message = f"rules {name_rows(unknown)} are not known; quality_rules() lists them: {', '.join(_rules())}"
        raise SchemaError(message)
    return {rule for found in chosen.values() for rule in found}


def _limits(thresholds: Thresholds, map_scale: int | None) -> dict[str, Limits]:
    built = {name: dict(rule.thresholds) for name, rule in _rules().items()}
    if map_scale is not None:
        for name, rule in _rules().items():
            if rule.scale_key:
                built[name][rule.scale_key] = map_accuracy(map_scale)
    for name, changes in thresholds.items():
        unknown = [name] if name not in built else [key for key in changes if key not in built[name]]
        if unknown:
            known = built.get(name, built)
            message = f"thresholds: {name_rows(unknown)} is not known; use one of {', '.join(known)}"
            raise SchemaError(message)
        built[name] |= {key: float(value) for key, value in changes.items()}
    return {name: MappingProxyType(values) for name, values in built.items()}


def _check_plan(
    plan: ZoningPlan,
    extent: gpd.GeoDataFrame | None,
    wanted: set[str],
    limits: dict[str, Limits],
    table: str | None,
    method: AreaMethod,
) -> list[gpd.GeoDataFrame]:
    frames = dict(plan.lines) | ({} if plan.zones is None else {"zones": plan.zones})
    found = []
    for name, frame in frames.items():
        ground = extent if extent is not None else (plan.ground(name) if name in plan.lines else plan.extent)
        rows = _check_layer(frame, name, ground, wanted, limits, table, method)
        moved, _ = bring_to(rows.set_crs(frame.crs), plan.crs, what=name)
        there = np.flatnonzero(np.isfinite(rows["x"].to_numpy()))
        places = gpd.GeoDataFrame(
            geometry=gpd.points_from_xy(rows["x"].to_numpy()[there], rows["y"].to_numpy()[there]), crs=frame.crs
        )
        placed, _ = bring_to(places, plan.crs, what=name)
        moved.loc[moved.index[there], "x"] = placed.geometry.x.to_numpy()
        moved.loc[moved.index[there], "y"] = placed.geometry.y.to_numpy()
        found.append(moved)
    return found


def _joined(found: list[gpd.GeoDataFrame], crs: object) -> gpd.GeoDataFrame:
    tables = [table for table in found if len(table)] or found[:1]
    return gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), geometry="geometry", crs=crs)


def _unused(waivers: pd.DataFrame, crs: object) -> gpd.GeoDataFrame:
    rule = _rules()["exception.unused"]
    keys = waivers["finding_id"].where(waivers["finding_id"] != "", waivers["rule_id"] + " " + waivers["feature_ids"])
    told = list(keys + " (" + waivers["accepted_by"] + ": " + waivers["accepted_why"] + ")")
    frame = _table(
        rule,
        waivers["line"].tolist(),
        waivers["feature_ids"].tolist(),
        np.full(len(waivers), None, dtype=object),
        detail=(told, told),
        crs=crs,
    )
    return frame.assign(
        finding_id=[f"exception.unused:{key}" for key in keys], accepted=False, accepted_by="", accepted_why=""
    )


# ----------------------------------------------------------------------------------------------------------- one layer


@dataclasses.dataclass(frozen=True, eq=False)
class _Layer:
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
    def edges(self) -> coverage.Edges:
        return coverage.edges_of(self.flat)

    @functools.cached_property
    def measured(self) -> Numbers:
        """Ground area of every feature, NaN where it has none, in square metres."""
        area = np.full(len(self.geometry), np.nan)
        fit = self.usable & self.valid
        area[fit] = polygon_areas(self.geometry[fit], self.frame.crs, method=self.method)
        return area

    @functools.cached_property
    def faults(self) -> coverage.Faults:
        gap = self.limits["coverage.gap"]
        return coverage.find_faults(
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
        return polygon_areas(geometry, self.frame.crs, method=self.method)

    def names(self, rows: Iterable[Rows]) -> list[str]:
        return [", ".join(sorted(self.ids[each])) for each in rows]

    def column(self, names: Iterable[str]) -> pd.Series | None:
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
        return _table(_rules()[rule], [self.name] * len(ids), ids, geometry, crs=self.frame.crs, **told)

    def not_checked(self, rule: str, zh: str, en: str) -> gpd.GeoDataFrame:
        """Say that a check had nothing to go by."""
        table = self.findings(rule, [""], np.array([None], dtype=object))
        told = _rules()[rule]
        return table.assign(
            severity="not_checked",
            message_zh=f"未检查“{told.zh}”：{zh}",
            message_en=f'"{told.en}" was not checked: {en}',
            detail="not checked",
        )


def _table(
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
    at = _places_in(geometry) if place is None else place
    zh, en = ([""] * count, [""] * count) if detail is None else detail
    digits = _DECIMALS[rule.unit]
    words = [
        {"ids": ids[i], "measured": _plain(value[i], digits), "unit": rule.unit, "threshold": _plain(limit[i], 4)}
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


def _plain(value: float, digits: int) -> str:
    """Write a number without a tail of zeros; a small one with as many digits as it takes to see it."""
    if not np.isfinite(value):
        return "∞" if value == np.inf else "-"
    text = f"{value:,.{digits}f}"
    if value and not float(text.replace(",", "")):
        text = f"{value:.2g}"
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def _places_in(geometry: Geometries) -> Numbers:
    """Choose a place in each geometry, NaN where it has none."""
    point = np.full(len(geometry), None, dtype=object)
    fit = ~shapely.is_missing(geometry) & ~shapely.is_empty(geometry)
    point[fit] = shapely.point_on_surface(geometry[fit])
    return np.stack([shapely.get_x(point), shapely.get_y(point)], axis=1)


def _check_layer(
    frame: gpd.GeoDataFrame,
    name: str,
    extent: gpd.GeoDataFrame | None,
    wanted: set[str],
    limits: dict[str, Limits],
    table: str | None,
    method: AreaMethod,
) -> gpd.GeoDataFrame:
    check_crs(frame, what=name or "layer")
    layer = _prepared(frame, name, limits, method, wanted)
    checks: list[tuple[tuple[str, ...], Callable[[], list[gpd.GeoDataFrame]]]] = [
        (("id.missing", "id.repeated"), lambda: _ids(layer)),
        (("geometry.missing",), lambda: _missing(layer)),
        (("geometry.invalid",), lambda: _invalid(layer)),
        (("geometry.spike",), lambda: _spikes(layer)),
        (("geometry.sliver",), lambda: _slivers(layer)),
        (("geometry.duplicate", "geometry.near_duplicate"), lambda: _duplicates(layer)),
        (("coverage.overlap",), lambda: _overlaps(layer)),
        (("coverage.gap",), lambda: _gaps(layer)),
        (("coverage.edges",), lambda: _loose(layer)),
        (("area.minimum",), lambda: _minimum(layer)),
        (("area.stated",), lambda: _stated(layer)),
        (("area.deducted",), lambda: _deducted(layer)),
        (("extent.outside",), lambda: _outside(layer, extent)),
        (("field.missing", "field.blank", "field.type", "field.domain"), lambda: _fields(layer, table)),
    ]
    found = [part for names, check in checks if wanted.intersection(names) for part in check()]
    empty = layer.findings("geometry.missing", [], np.empty(0, dtype=object))
    joined = pd.concat([part for part in found if len(part)] or [empty], ignore_index=True)
    kept = joined[joined["rule_id"].isin(wanted)].reset_index(drop=True)
    return gpd.GeoDataFrame(kept, geometry="geometry", crs=frame.crs)


def _prepared(
    frame: gpd.GeoDataFrame, name: str, limits: dict[str, Limits], method: AreaMethod, wanted: set[str]
) -> _Layer:
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
    unit = coverage.metres_in(frame.crs, flat)
    if unit != (1.0, 1.0):
        flat = np.asarray(shapely.transform(flat, lambda xy: xy * unit), dtype=object)
        bent = np.flatnonzero(~shapely.is_valid(flat) & ~shapely.is_missing(flat))
        flat[bent] = polygonal(shapely.make_valid(flat[bent], method="structure", keep_collapsed=False))
    known = frame["feature_id"] if "feature_id" in frame.columns else frame.index.to_series(index=frame.index)
    ids = np.array(["" if pd.isna(value) else str(value) for value in known], dtype=object)
    return _Layer(name, frame, ids, geometry, usable, valid, flat, unit, limits, method, wanted)


def _within(value: Numbers, limits: Limits, key: str) -> Flags:
    return np.asarray((value >= limits[f"min_{key}"]) & (value <= limits[f"max_{key}"]))


def _width_within(flat: Geometries, limits: Limits) -> tuple[Numbers, Flags]:
    """
    Measure widths, and tell which lie between the thresholds.

    The mean width never exceeds the diameter of the largest inscribed circle. Where it settles the question it is the
    answer; where it leaves doubt, as in a wide shape with a frayed outline, the circle is measured.
    """
    width = mean_width(flat)
    low, high = limits["min_width_m"], limits["max_width_m"]
    doubt = (width < low) | ((width <= high) & np.isfinite(high))
    doubt &= shapely.area(flat) > 0
    width[doubt] = coverage.inscribed_width(flat[doubt])
    return width, _within(width, limits, "width_m")


# -------------------------------------------------------------------------------------------------------------- checks


def _ids(layer: _Layer) -> list[gpd.GeoDataFrame]:
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
    places = _places_in(np.array([next((g for g in some if g is not None), None) for some in bearers], dtype=object))
    repeated = layer.findings(
        "id.repeated",
        [str(key) for key in again.index],
        ground,
        measured=again.to_numpy(dtype=float),
        place=places.reshape(-1, 2),
    )
    return [missing, repeated]


def _missing(layer: _Layer) -> list[gpd.GeoDataFrame]:
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


def _invalid(layer: _Layer) -> list[gpd.GeoDataFrame]:
    rows = np.flatnonzero(layer.usable & ~layer.valid)
    reasons = [str(reason) for reason in np.atleast_1d(shapely.is_valid_reason(layer.geometry[rows]))]
    place = np.full((len(rows), 2), np.nan)
    for i, (row, reason) in enumerate(zip(rows, reasons, strict=True)):
        told = _PLACE.search(reason)
        place[i] = [float(told[1]), float(told[2])] if told else shapely.get_coordinates(layer.geometry[row])[0]
    faults = np.asarray(shapely.points(place), dtype=object).reshape(-1)
    return [layer.findings("geometry.invalid", list(layer.ids[rows]), faults, detail=(reasons, reasons), place=place)]


def _spikes(layer: _Layer) -> list[gpd.GeoDataFrame]:
    limits = layer.limits["geometry.spike"]
    found = coverage.find_spikes(
        layer.edges, angle=limits["max_angle_deg"], length=limits["min_length_m"], tip=limits["max_tip_m"]
    )
    keep = (found.angle >= limits["min_angle_deg"]) & (found.length <= limits["max_length_m"])
    tip = np.asarray(layer.back(shapely.points(found.tip[keep])), dtype=object).reshape(-1)
    told = [_plain(length, 1) for length in found.length[keep]]
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


def _slivers(layer: _Layer) -> list[gpd.GeoDataFrame]:
    limits = layer.limits["geometry.sliver"]
    # the mean width is a lower bound: most features, and then most parts, need no closer look
    some = mean_width(layer.flat) <= limits["max_width_m"]
    some |= shapely.get_type_id(layer.flat) == shapely.GeometryType.MULTIPOLYGON
    feature = np.flatnonzero(some)
    pieces, part_of = parts(layer.flat[feature])
    thin = mean_width(pieces) <= limits["max_width_m"]
    pieces, row = pieces[thin], feature[part_of[thin]]
    width, narrow = _width_within(pieces, limits)
    narrow &= _within(shapely.area(pieces), limits, "area_m2")
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


def _pairs(layer: _Layer) -> tuple[Rows, Rows, Geometries, Numbers, Numbers, Numbers]:
    """Pairs that share ground: rows, the ground, and the planar areas of it and of both, in square metres."""
    faults = layer.faults
    one, other = shapely.area(layer.flat[faults.left]), shapely.area(layer.flat[faults.right])
    return faults.left, faults.right, faults.shared, shapely.area(faults.shared), one, other


def _overlaps(layer: _Layer) -> list[gpd.GeoDataFrame]:
    limits = layer.limits["coverage.overlap"]
    left, right, shared, common, one, other = _pairs(layer)
    width, keep = _width_within(shared, limits)
    keep &= _within(common, limits, "area_m2")
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


def _duplicates(layer: _Layer) -> list[gpd.GeoDataFrame]:
    limits = layer.limits["geometry.near_duplicate"]
    left, right, _, common, one, other = _pairs(layer)
    likeness = common / (one + other - common)
    equal = likeness >= 1 - _EQUAL
    near = ~equal & _within(likeness, limits, "share")
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


def _gaps(layer: _Layer) -> list[gpd.GeoDataFrame]:
    limits = layer.limits["coverage.gap"]
    gaps = layer.faults.gaps
    keep = _within(gaps.width, limits, "width_m") & _within(shapely.area(gaps.geometry), limits, "area_m2")
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


def _loose(layer: _Layer) -> list[gpd.GeoDataFrame]:
    limits = layer.limits["coverage.edges"]
    faults = layer.faults
    length = shapely.length(faults.loose_edges)
    keep = _within(length, limits, "length_m")
    lines = layer.back(faults.loose_edges[keep])
    return [
        layer.findings(
            "coverage.edges",
            list(layer.ids[faults.loose_rows[keep]]),
            lines,
            measured=length[keep],
            place=_places_in(lines),
        )
    ]


def _minimum(layer: _Layer) -> list[gpd.GeoDataFrame]:
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
            place=_places_in(layer.back(layer.flat[rows])),
        )
    )
    return found


def _least_patches(layer: _Layer, codes: pd.Series) -> tuple[Numbers, tuple[Geometries, Geometries]]:
    """Look up the smallest patch that a class may be drawn as, NaN for codes of another scheme."""
    schemes = layer.column(["land_class_scheme"])
    text = codes.map(lambda value: "" if pd.isna(value) else str(value).strip())
    listed = {code: row for row in _settings()["minimum_patch"] for code in row["codes"]}

    def look(code: str) -> dict[str, Any] | None:
        return next((listed[code[:size]] for size in range(len(code), 1, -1) if code[:size] in listed), None)

    known = {code: look(code) for code in text.unique()}
    survey = np.ones(len(text), dtype=bool) if schemes is None else (schemes == "survey-3").to_numpy(dtype=bool)
    rows = [known[code] if here else None for code, here in zip(text, survey, strict=True)]
    least = np.array([row["min_area_m2"] if row else np.nan for row in rows], dtype=float)
    zh = np.array([row["zh"] if row else "" for row in rows], dtype=object)
    en = np.array([row["en"] if row else "" for row in rows], dtype=object)
    return least, (zh, en)


def _stated(layer: _Layer) -> list[gpd.GeoDataFrame]:
    limits = layer.limits["area.stated"]
    column = layer.column(["stated_area_m2", "YJJBNTTBMJ", "TBMJ"])
    if column is None:
        return [layer.not_checked("area.stated", "图层没有登记面积", "the layer states no areas")]
    stated = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
    fit = layer.usable & layer.valid & np.isfinite(stated)
    ratio = np.divide(stated, layer.measured, out=np.full(len(stated), np.nan), where=fit & (layer.measured > 0))
    rows = np.flatnonzero(np.isfinite(ratio) & ~_within(ratio, limits, "ratio"))
    zh = [f"登记 {_plain(stated[r], 2)} 平方米，量算 {_plain(layer.measured[r], 2)} 平方米" for r in rows]
    en = [f"stated {_plain(stated[r], 2)} m², measured {_plain(layer.measured[r], 2)} m²" for r in rows]
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


def _deducted(layer: _Layer) -> list[gpd.GeoDataFrame]:
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
    rows = np.flatnonzero(np.isfinite(off) & _within(off, limits, "difference_m2"))
    return [
        layer.findings(
            "area.deducted",
            list(layer.ids[rows]),
            layer.geometry[rows],
            measured=off[rows],
            threshold=limits["min_difference_m2"],
            place=_places_in(layer.back(layer.flat[rows])),
        )
    ]


def _outside(layer: _Layer, extent: gpd.GeoDataFrame | None) -> list[gpd.GeoDataFrame]:
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
    keep = (area > 0) & _within(area, limits, "area_m2") & _within(share, limits, "share")
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


# ------------------------------------------------------------------------------------------------------------- columns


def _fields(layer: _Layer, table: str | None) -> list[gpd.GeoDataFrame]:
    name = table or _recognised(layer)
    if name is None:
        zh, en = "无法识别所属的官方数据表", "it is not known which official table the layer should be; pass table=..."
        return [layer.not_checked("field.missing", zh, en)]
    found: list[gpd.GeoDataFrame] = []
    for field in _settings()["tables"][name]["fields"]:
        label = f"{name}.{field['id']}"
        column = layer.column([field["id"], *field.get("roles", [])])
        if column is None:
            if field.get("required"):
                nowhere = np.array([None], dtype=object)
                found.append(layer.findings("field.missing", [""], nowhere, detail=([label], [label])))
            continue
        found += _values(layer, field, label, column)
    return found


def _recognised(layer: _Layer) -> str | None:
    """Find the official table whose required columns a layer mostly has."""
    best, most = None, 0.0
    for name, said in _settings()["tables"].items():
        if layer.name and said["lines"] and layer.name not in said["lines"]:
            continue
        required = [field for field in said["fields"] if field.get("required")]
        here = sum(layer.column([field["id"]]) is not None for field in required)
        if here / len(required) >= _RECOGNISED and here / len(required) > most:
            best, most = name, here / len(required)
    return best


def _values(layer: _Layer, field: Mapping[str, Any], label: str, column: pd.Series) -> list[gpd.GeoDataFrame]:
    """Hold the values of one column to what the official table says."""
    text = column.map(_written)
    blank = (text == "").to_numpy()
    found: list[gpd.GeoDataFrame] = []

    def say(rule: str, bad: Flags, zh: Callable[[str], str], en: Callable[[str], str]) -> None:
        rows = np.flatnonzero(bad)
        if len(rows):
            values = text.to_numpy()[rows]
            shown = layer.back(layer.flat[rows])
            told = [zh(value) for value in values], [en(value) for value in values]
            found.append(layer.findings(rule, list(layer.ids[rows]), shown, detail=told))

    if field.get("required"):
        say("field.blank", blank, lambda _: label, lambda _: label)
    if field.get("kind") == "number":
        number = pd.to_numeric(text.where(~blank), errors="coerce").to_numpy(dtype=float)
        bad = ~blank & ~np.isfinite(number)
        say("field.type", bad, lambda v: f"{label} 不是数值：{v}", lambda v: f"{label} is no number: {v}")
        out = np.isfinite(number) & (
            (number < field.get("min", -np.inf))
            | (number > field.get("max", np.inf))
            | (number <= field.get("above", -np.inf))
        )
        say("field.domain", out, lambda v: f"{label} = {v}", lambda v: f"{label} = {v}")
        return found
    length = field.get("length")
    if length:
        long = text.str.len().to_numpy() > length
        say(
            "field.type",
            long,
            lambda v: f"{label} 超过 {length} 个字符：{v}",
            lambda v: f"{label} is longer than {length} characters: {v}",
        )
    domain = field.get("domain")
    if domain:
        foreign = ~blank & ~text.map(functools.partial(_in_domain, domain=domain)).to_numpy(dtype=bool)
        say("field.domain", foreign, lambda v: f"{label} = {v}", lambda v: f"{label} = {v}")
    return found


def _written(value: object) -> str:
    """Write a value as it would stand in a text column: a whole number has no decimal point."""
    if value is None or pd.isna(value):  # type: ignore[call-overload]
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _in_domain(value: str, *, domain: str) -> bool:
    if domain == "land_class":
        known = land_classes("survey-3")
        # K stands for ground that may be turned back to arable land, A for a finer class
        return value in known or (value[-1:] in {"K", "A"} and value[:-1] in known)
    return re.fullmatch(domain, value) is not None
