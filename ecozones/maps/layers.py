"""A layer of a map: its features, how they are drawn, what a reader is told about each; and how it goes into a page."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ecozones.area import AreaMethod, polygon_areas
from ecozones.errors import InputError
from ecozones.maps import overview, payload
from ecozones.maps.payload import Floats, Geometries
from ecozones.maps.styles import Paint, Text, known, say
from ecozones.units import from_m2, round_half_up

Side = Literal["", "before", "after"]
Detail = Literal["auto", "full", "overview"]
Codes = NDArray[np.uint8]
Rows = NDArray[np.intp]

# what a browser draws at once is counted in vertices, whatever they belong to
_EXACT_VERTICES = 500_000
_SIMPLIFIED_VERTICES = 1_500_000
_NEAR_VERTICES = 300_000
# a layer of few, huge polygons is simplified: near a site there would be nothing to choose from
_HUGE_VERTICES = 2_000
_FIRST_TOLERANCE_M, _LAST_TOLERANCE_M = 2.0, 64.0
_LEAST_NEAR_M = 50.0
# dimension of a polygon
_SURFACE = 2


@dataclasses.dataclass(frozen=True, eq=False)
class Field:
    """
    One line of a popup.

    Parameters
    ----------
    label
        What it is called.
    cells
        One for each feature: text, or text in both languages; None says nothing. For areas: square metres.
    kind
        ``"text"``, or ``"area"`` for numbers shown as mu and hectares.
    strong
        Set in bold.
    """

    label: Text
    cells: Sequence[Any] | NDArray[Any]
    kind: Literal["text", "area"] = "text"
    strong: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Layer:
    """
    Features that are switched on and off together.

    Parameters
    ----------
    key
        Name in the page; made unique there.
    group
        Heading of the legend it stands under.
    label
        What one of its features is called.
    frame
        The features; they are only read.
    paints
        Classes in which they are drawn.
    codes
        Class of each feature.
    ids, names
        What a search finds; None for nothing.
    fields
        What a popup says.
    measured
        Add a line with the area, measured here by the method of the map.
    captions
        Written on the map, one for each feature.
    focus
        What the map is about: drawn exactly, and large layers are drawn exactly near it.
    exact
        Never simplified, whatever its size.
    years
        Year of each feature, for a slider.
    side
        ``"before"`` or ``"after"`` of a swipe.
    shown
        Switched on when the page opens.
    legend
        What it is called in the legend; None: as its features.
    rest
        List only those classes in the legend that no other layer lists.
    """

    key: str
    group: str
    label: Text
    frame: gpd.GeoDataFrame
    paints: Sequence[Paint]
    codes: Codes
    ids: Sequence[str | None] | None = None
    names: Sequence[str | None] | None = None
    fields: Sequence[Field] = ()
    measured: bool = False
    captions: Sequence[str | None] | None = None
    focus: bool = False
    exact: bool = False
    years: Sequence[int] | None = None
    side: Side = ""
    shown: bool = True
    legend: Text | None = None
    rest: bool = False


@dataclasses.dataclass(frozen=True)
class Sight:
    """
    How much of a map is drawn exactly.

    Parameters
    ----------
    detail
        ``"auto"``, ``"full"`` or ``"overview"``.
    near_m
        How far around what the map is about. [m]
    method
        How areas in popups are measured.
    """

    detail: Detail = "auto"
    near_m: float = 2_000.0
    method: AreaMethod = "national"


@dataclasses.dataclass
class Blobs:
    """Long texts of a page, each with an id to be found by."""

    texts: dict[str, str] = dataclasses.field(default_factory=dict)

    def add(self, key: str, text: str) -> str:
        """Keep a text and give the id of its element."""
        name = f"eco-blob-{len(self.texts)}-{key}"
        self.texts[name] = text
        return name


def write(
    layer: Layer, key: str, geometries: Geometries, focus: Geometries, sight: Sight, blobs: Blobs
) -> tuple[dict[str, Any], list[Text]]:
    """
    Put a layer into a page.

    Parameters
    ----------
    layer
        The layer.
    key
        Its id in the page.
    geometries
        Its features on Web Mercator. [m]
    focus
        What the map is about, on Web Mercator. [m]
    sight
        How much is drawn exactly.
    blobs
        Takes the long texts.

    Returns
    -------
    tuple
        What the page must know of the layer, and what its readers must know of how it is drawn.
    """
    shapes, rows, picture, notes = _choose(layer, geometries, focus, sight)
    codes = layer.codes[rows]
    count = np.bincount(layer.codes, minlength=len(layer.paints))
    spec: dict[str, Any] = {
        "id": key,
        "group": layer.group,
        "label": dict(layer.label),
        "legend": dict(layer.legend or layer.label),
        "classes": [_class(paint, int(n)) for paint, n in zip(layer.paints, count, strict=True)],
        "count": f"{len(geometries):,}",
        "off": not layer.shown,
        "side": layer.side,
        "rest": layer.rest,
        "n": len(rows),
    }
    if picture is not None:
        image = blobs.add(f"{key}-overview", picture.png)
        spec["picture"] = {
            "image": image, "bounds": picture.bounds, "cell": picture.cell, "overview": True, "smooth": False,
        }  # fmt: skip
    encoded = payload.encode(shapes, codes)
    for told, kind in zip(spec["classes"], _shapes(encoded.kinds, len(layer.paints)), strict=True):
        told["shape"] = kind
    spec |= {
        "geometry": blobs.add(f"{key}-shapes", encoded.text),
        "table": blobs.add(f"{key}-table", payload.pack(_table(layer, rows, sight.method))),
        "unit": encoded.unit, "rings": encoded.rings, "vertices": encoded.vertices,
    }  # fmt: skip
    if layer.captions is not None:
        spec["names"] = [_plain(layer.captions[row]) for row in rows]
    if layer.captions is not None or layer.focus:
        spec["anchors"] = _anchors(shapes, encoded.unit)
    if layer.years is not None:
        spec["years"] = [int(layer.years[row]) for row in rows]
    return spec, notes


def _class(paint: Paint, count: int) -> dict[str, Any]:
    told = dataclasses.asdict(paint)
    return told | {"label": dict(paint.label), "dash": list(paint.dash), "count": f"{count:,}"}


def _shapes(kinds: frozenset[int], classes: int) -> list[str]:
    names = {frozenset({1}): "line", frozenset({2}): "point"}
    return [names.get(kinds, "polygon")] * classes


def _choose(
    layer: Layer, geometries: Geometries, focus: Geometries, sight: Sight
) -> tuple[Geometries, Rows, overview.Overview | None, list[Text]]:
    """Choose how a layer is drawn by the number of its vertices, and say so where it is not drawn as it is."""
    total = payload.vertices(geometries)
    every = np.arange(len(geometries))
    polygons = len(geometries) > 0 and bool((shapely.get_dimensions(geometries) == _SURFACE).all())
    forced = sight.detail == "overview" and not (layer.focus or layer.exact)
    if (
        layer.focus
        or layer.exact
        or not polygons
        or (not forced and (sight.detail == "full" or total <= _EXACT_VERTICES))
    ):
        return geometries, every, None, []
    if not forced and (total <= _SIMPLIFIED_VERTICES or total / len(geometries) > _HUGE_VERTICES):
        simple, tolerance = simplify(geometries)
        return simple, every, None, [say("simplified", layer.label, f"{tolerance:g}")]
    near, reach = _near(geometries, focus, sight.near_m)
    drawn = np.ones(len(geometries), dtype=bool)
    drawn[near] = False
    picture = overview.draw(geometries, layer.codes, layer.paints, drawn)
    cell = f"{picture.cell * _ground_scale(geometries):.1f}"
    count = f"{len(geometries):,}"
    note = (
        say("overview_near", layer.label, count, cell, f"{reach:g}", f"{len(near):,}")
        if len(near)
        else say("overview", layer.label, count, cell)
    )
    return geometries[near], near, picture, [note]


def simplify(geometries: Geometries) -> tuple[Geometries, float]:
    """
    Simplify polygons for display until they are light enough; shared edges stay shared.

    Parameters
    ----------
    geometries
        Polygons on Web Mercator. [m]

    Returns
    -------
    tuple
        The polygons, and by how much they were simplified on the ground. [m]
    """
    scale = _ground_scale(geometries)
    seamless = bool(shapely.coverage_is_valid(geometries))
    tolerance = _FIRST_TOLERANCE_M
    while True:
        if seamless:
            simple = shapely.coverage_simplify(geometries, tolerance / scale)
        else:
            simple = shapely.simplify(geometries, tolerance / scale, preserve_topology=True)
        # a coverage of many small parcels is left at its first tolerance: it is their number that counts
        light = payload.vertices(simple) <= _EXACT_VERTICES
        if light or tolerance >= _LAST_TOLERANCE_M or payload.vertices(geometries) <= _SIMPLIFIED_VERTICES:
            return np.asarray(simple, dtype=object), tolerance
        tolerance *= 2


def _near(geometries: Geometries, focus: Geometries, near_m: float) -> tuple[Rows, float]:
    """Give the features near what the map is about, and how near; the reach shrinks until they are few enough."""
    nothing = np.zeros(0, dtype=np.intp)
    if not len(focus) or not len(geometries):
        return nothing, near_m
    tree, number = shapely.STRtree(geometries), shapely.get_num_coordinates(geometries)
    scale, reach = _ground_scale(geometries), near_m
    while reach >= _LEAST_NEAR_M:
        _, found = tree.query(focus, predicate="dwithin", distance=reach / scale)
        rows = np.unique(found)
        if number[rows].sum() <= _NEAR_VERTICES:
            return rows, reach
        reach /= 2
    return nothing, near_m


def _ground_scale(mercator: Geometries) -> float:
    """Give metres on the ground for one of Web Mercator, in the middle of the features."""
    _, south, _, north = shapely.total_bounds(mercator)
    return 1 / math.cosh((south + north) / 2 / payload.RADIUS)


def _anchors(shapes: Geometries, unit: float) -> list[tuple[int, int]]:
    points = shapely.point_on_surface(shapes)
    xy = np.nan_to_num(np.column_stack([shapely.get_x(points), shapely.get_y(points)]))
    return [(int(x), int(y)) for x, y in np.round(xy / unit)]


def _table(layer: Layer, rows: Rows, method: AreaMethod) -> dict[str, Any]:
    fields = [_field(field, rows) for field in layer.fields]
    if layer.measured:
        shapes = np.asarray(layer.frame.geometry.array, dtype=object)[rows]
        areas = polygon_areas(shapes, layer.frame.crs, method=method, rounded=method == "national")
        surfaces = shapely.get_dimensions(shapes) == _SURFACE
        fields.append(_areas(known("fields", "area"), np.where(surfaces, areas, np.nan)))
    return {
        "fields": fields,
        "id": [_plain(layer.ids[row]) if layer.ids is not None else "" for row in rows],
        "name": [_plain(layer.names[row]) if layer.names is not None else "" for row in rows],
    }


def _field(field: Field, rows: Rows) -> dict[str, Any]:
    if field.kind == "area":
        return _areas(field.label, np.asarray(field.cells, dtype=np.float64)[rows])
    values = [_told(field.cells[row]) for row in rows]
    written = [json.dumps(value, ensure_ascii=False) for value in values]
    distinct = dict(zip(written, values, strict=True))
    told: dict[str, Any] = {"label": dict(field.label), "strong": field.strong}
    if 2 * len(distinct) <= len(values):
        place = {key: number for number, key in enumerate(distinct)}
        return told | {"values": list(distinct.values()), "pick": [place[key] for key in written]}
    return told | {"values": values}


def _areas(label: Text, area_m2: Floats) -> dict[str, Any]:
    """Give areas as whole hundredths of a mu and square metres, so that a page prints them without rounding again."""
    return {
        "label": dict(label), "area": True, "strong": True,
        "mu": _whole(from_m2(area_m2, "mu"), 2), "ha": _whole(from_m2(area_m2, "ha"), 4),
    }  # fmt: skip


def _whole(values: Floats, decimals: int) -> list[int | None]:
    rounded = round_half_up(values, decimals)
    return [round(float(value) * 10**decimals) if np.isfinite(value) else None for value in rounded]


def _told(value: Any) -> Any:  # noqa: ANN401 - a cell of a table may hold anything
    if isinstance(value, Mapping):
        return {language: _plain(text) for language, text in value.items()}
    return _plain(value)


def _plain(value: Any) -> str:  # noqa: ANN401 - a cell of a table may hold anything
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, (float, np.floating)):
        return f"{value:,.4f}".rstrip("0").rstrip(".")
    return str(value)


def code(values: Sequence[Any], limit: int, order: Callable[[Any], Any] | None = None) -> tuple[list[Any], Codes]:
    """
    Give the distinct values of a column a number each.

    Parameters
    ----------
    values
        Hashable values; what is missing comes as None.
    limit
        How many classes a map can show.
    order
        What to sort them by; left out: in the order they come.

    Returns
    -------
    tuple
        Distinct values, and the number of each row.

    Raises
    ------
    InputError
        There are more.
    """
    distinct = list(dict.fromkeys(values))
    if len(distinct) > limit:
        message = f"a map can show {limit} classes, but the column has {len(distinct)} values; group them first"
        raise InputError(message)
    if order is not None:
        distinct.sort(key=order)
    place = {value: i for i, value in enumerate(distinct)}
    return distinct, np.array([place[value] for value in values], dtype=np.uint8)


def column(frame: pd.DataFrame, name: str, change: Callable[[Any], Any] | None = None) -> list[Any]:
    """
    Give a column as plain values, missing ones as None.

    Parameters
    ----------
    frame
        A table.
    name
        Its column; one that the table lacks is all missing.
    change
        What to make of each value that is not missing.

    Returns
    -------
    list
        One value a row.
    """
    if name not in frame.columns:
        return [None] * len(frame)
    values = frame[name]
    missing = values.isna().to_numpy()
    return [None if lost else (change(value) if change else value) for value, lost in zip(values, missing, strict=True)]


def text_field(frame: pd.DataFrame, name: str, label: Text | None = None) -> Field:
    """
    Make a line of a popup from a column.

    Parameters
    ----------
    frame
        A table.
    name
        Its column.
    label
        What it is called; left out: the word for the column.

    Returns
    -------
    Field
        The line.
    """
    return Field(label if label is not None else known("fields", name), column(frame, name))


def pair_field(frame: pd.DataFrame, name: str) -> Field:
    """
    Make a line of a popup from a column and its Chinese twin (``name_zh``).

    Parameters
    ----------
    frame
        A table.
    name
        The column in English.

    Returns
    -------
    Field
        The line, in both languages.
    """
    english, chinese = column(frame, name), column(frame, f"{name}_zh")
    values = [{"zh": zh or en or "", "en": en or ""} for zh, en in zip(chinese, english, strict=True)]
    return Field(known("fields", name), values)
