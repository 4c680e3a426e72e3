"""``explore``: any result on a map."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import folium
import geopandas as gpd
import numpy as np
import pandas as pd

from ecozones.area import AreaMethod
from ecozones.columns import read_years
from ecozones.errors import InputError, SchemaError
from ecozones.maps.basemaps import Picture, Tiles, basemap_of
from ecozones.maps.faults import fault_layers, shows_faults
from ecozones.maps.layers import Codes, Detail, Field, Layer, Side, Sight, code, column, pair_field, text_field
from ecozones.maps.offline import adopt
from ecozones.maps.page import Page, crs_name, page_of
from ecozones.maps.styles import (
    Paint,
    Palette,
    Text,
    both,
    category_order,
    category_paints,
    check_palette,
    known,
    line_paints,
    plain,
    say,
    verdict_paint,
)
from ecozones.plan import ZoningPlan
from ecozones.review import SiteReview
from ecozones.rulebook import load_rules
from ecozones.vocab import ControlLine, Language, control_lines, verdict_words, zones

_MOST_CLASSES = 60
# verdicts that leave the ground free; what else was found is shown as a conflict
_FREE = {"clear", "allowed"}
_NAME_COLUMNS = ("name", "名称", "mc", "project_name", "title")
_ID_COLUMNS = ("feature_id", "site_id", "project_id", "id", "编号", "bsm")


@dataclasses.dataclass(frozen=True)
class Look:
    """What the caller asked about a single object."""

    palette: Palette = "default"
    label: str = ""
    column: str | None = None
    focus: bool = False
    # control lines by id, so that a review names those of its own rulebook when their plan is on the map
    lines: Mapping[str, ControlLine] = dataclasses.field(default_factory=control_lines)


@dataclasses.dataclass
class Drawing:
    """Layers of one object, and what it brings to the heading."""

    layers: list[Layer]
    title: Text | None = None
    conclusion: Text | None = None
    rules_on: str = ""
    crs: tuple[str, ...] = ()
    conflicts: int | None = None
    outline: Layer | None = None
    lines: Mapping[str, ControlLine] = dataclasses.field(default_factory=dict)


def explore(
    obj: Any,  # noqa: ANN401 - whatever is registered
    *,
    m: folium.Map | None = None,
    language: Language = "zh",
    title: str | None = None,
    subtitle: str = "",
    data_date: str = "",
    map_number: str = "",
    basemap: str | Path | Tiles | Picture | None = None,
    detail: Detail = "auto",
    near_m: float = 2_000.0,
    palette: Palette = "default",
    method: AreaMethod = "national",
    label: str = "",
    column: str | None = None,
    focus: bool = False,
) -> folium.Map:
    """
    Show a plan, a review or any frame on a map that opens without a network.

    Parameters
    ----------
    obj
        A :class:`~ecozones.ZoningPlan`, a :class:`~ecozones.SiteReview` or a GeoDataFrame.
    m
        A map to draw on: one of ours, or any Folium map, which becomes self-contained.
    language
        Language the page opens in, ``"zh"`` or ``"en"``; its reader can switch.
    title, subtitle
        Of the map; left out: the name of the plan, or what was asked.
    data_date
        Which day the data show, as it is to be printed.
    map_number
        Number of the map review (审图号), as it is to be printed.
    basemap
        ``"tianditu"``, ``"amap"``, an address of tiles, a raster file, or what :mod:`ecozones.maps.basemaps` gives.
        Left out: none, and nothing comes from the network.
    detail
        ``"auto"``: by the number of vertices each layer is drawn exactly, simplified for display, or as a picture with
        exact features near the sites, and the map says which. ``"full"``: every vertex. ``"overview"``: a picture.
    near_m
        How far around sites a large layer is drawn exactly. [m]
    palette
        ``"cvd"`` for readers who see fewer hues.
    method
        How areas of features are measured for popups; those of a review stand in its tables.
    label
        What a frame is called in the legend.
    column
        Column of a frame by which it is coloured.
    focus
        Whether a frame is what the map is about, as sites are.

    Returns
    -------
    folium.Map
        ``save`` writes one HTML file; a notebook shows it.

    Raises
    ------
    InputError
        A base map, palette or detail is not known, or the page would be too large.
    SchemaError
        The frame has no such column.
    CRSError
        Something cannot be placed on the ground.

    Notes
    -----
    Numbers are those of the tables and of the full geometries; simplification is for display alone.

    Examples
    --------
    >>> from ecozones.testing import chessboard_plan
    >>> page = explore(chessboard_plan(red_line=["a1"])).get_root().render()
    >>> "生态保护红线" in page, "https://cdn" in page
    (True, False)
    """
    check_palette(palette)
    if detail not in {"auto", "full", "overview"}:
        message = f"detail {detail!r} is not known; use 'auto', 'full' or 'overview'"
        raise InputError(message)
    m, page = _page(m, language)
    drawing = layers_of(obj, Look(palette, label, column, focus, {**control_lines(), **page.lines}))
    page.lines |= drawing.lines
    page.language = language
    page.layers += drawing.layers
    # a later call keeps what an earlier one asked for, unless it asks for something else
    if detail != "auto" or near_m != Sight.near_m or method != Sight.method:
        page.sight = Sight(detail, near_m, method)
    if basemap is not None:
        page.bases.append(basemap_of(basemap))
    _head(page, drawing, both(title) if title is not None else None)
    heading = page.heading
    heading.subtitle = subtitle or heading.subtitle
    heading.data_date = data_date or heading.data_date
    heading.map_number = map_number or heading.map_number
    return m


def _page(m: folium.Map | None, language: Language) -> tuple[folium.Map, Page]:
    if m is None:
        m = folium.Map(
            location=(35.0, 105.0), zoom_start=4, tiles=None, max_zoom=22, attribution_control=False, min_zoom=3
        )
    adopt(m, language=language)
    page = page_of(m)
    if page is None:
        page = Page(language)
        m.add_child(page)
    return m, page


def _head(page: Page, drawing: Drawing, title: Text | None) -> None:
    heading = page.heading
    heading.title = title or heading.title or drawing.title
    heading.conclusion = drawing.conclusion or heading.conclusion
    heading.rules_on = drawing.rules_on or heading.rules_on
    heading.crs += drawing.crs
    page.outline = page.outline or drawing.outline
    if drawing.conflicts is not None:
        heading.conflicts = (heading.conflicts or 0) + drawing.conflicts


@functools.singledispatch
def layers_of(obj: object, look: Look) -> Drawing:
    """
    Give the layers that an object is drawn as; a new type of result registers its own function here.

    Parameters
    ----------
    obj
        What to draw.
    look
        What the caller asked.

    Returns
    -------
    Drawing
        Layers from bottom to top.

    Raises
    ------
    InputError
        Nobody has said how to draw such an object.
    """
    del look
    message = f"{type(obj).__name__} cannot be drawn; explore takes a ZoningPlan, a SiteReview or a GeoDataFrame"
    raise InputError(message)


@layers_of.register
def _plan_layers(plan: ZoningPlan, look: Look) -> Drawing:
    layers = []
    outline = None
    if plan.extent is not None:
        outline = _single("extent", "reference", say("extent"), plan.extent, plain("extent", say("extent")))
        layers.append(outline)
    if plan.zones is not None:
        layers.append(_zone_layer(plan.zones))
    # a line that speaks of both its sides encloses others, so it lies below them
    upwards = sorted(plan.lines, key=lambda line: not plan.control_lines[line].complement)
    layers += [_line_layer(plan.control_lines[line], plan.lines[line], look) for line in upwards]
    crs = tuple(dict.fromkeys(crs_name(frame.crs) for frame in plan.lines.values()))
    title = both(plan.name) if plan.name else None
    return Drawing(layers, title=title, crs=crs, outline=outline, lines=plan.control_lines)


def _zone_layer(frame: gpd.GeoDataFrame) -> Layer:
    values, codes = code(column(frame, "zone"), _MOST_CLASSES)
    words = zones()
    labels = [{"zh": words[v].zh, "en": words[v].en} if v in words else both(str(v)) for v in values]
    paints = [
        plain(f"zone_{value}" if value in words else "frame", label)
        for value, label in zip(values, labels, strict=True)
    ]
    ids = column(frame, "feature_id", str)
    fields = [text_field(frame, "feature_id"), Field(known("fields", "zone"), [labels[c] for c in codes])]
    return Layer(
        "zones", "zones", say("zones"), frame, paints, codes, ids=ids, fields=fields, measured=True, shown=False
    )


def _line_layer(line: ControlLine, frame: gpd.GeoDataFrame, look: Look) -> Layer:
    found = column(frame, "subzone")
    order = [zone.id for zone in line.subzones if zone.id in found]
    order += [value for value in dict.fromkeys(found) if value not in order]
    place = {value: number for number, value in enumerate(order)}
    codes = np.array([place[value] for value in found], dtype=np.uint8)
    kinds = [
        {"zh": line.subzone_label(value, "zh"), "en": line.subzone_label(value, "en")} if value else say("unclassified")
        for value in order
    ]
    fields = [
        text_field(frame, "feature_id"),
        text_field(frame, "name"),
        Field(known("fields", "subzone"), [kinds[number] for number in codes]),
    ]
    label = {"zh": line.zh, "en": line.en}
    paints = line_paints(line, order, look.palette) if order else line_paints(line, [None], look.palette)
    return Layer(
        line.id, "lines", label, frame, paints, codes, ids=column(frame, "feature_id", str),
        names=column(frame, "name", str), fields=fields, measured=True,
    )  # fmt: skip


@layers_of.register
def _review_layers(review: SiteReview, look: Look) -> Drawing:
    layers = _finding_layers(review.findings, look)
    layers.append(_site_layer(review, look))
    deciding = review.findings[review.findings["role"] == "decides"]
    conflicts = int((~deciding["verdict"].astype(str).isin(_FREE)).sum())
    return Drawing(
        layers,
        title={"zh": "项目用地控制线压占审查图", "en": "Sites against the control lines"},
        conclusion={"zh": review.conclusion("zh"), "en": review.conclusion("en")},
        rules_on=review.on.isoformat(),
        crs=(crs_name(review.verdicts.crs),),
        conflicts=conflicts,
    )


def _verdict_label(verdict: str) -> Text:
    word = verdict_words()[verdict]
    return {"zh": f"{word.sign} {word.zh}", "en": f"{word.sign} {word.en}"}


def _status(value: str | None) -> Text | None:
    return known("statuses", value) if value else None


def _finding_layers(findings: gpd.GeoDataFrame, look: Look) -> list[Layer]:
    deciding = findings["role"] == "decides"
    layers = []
    others = findings[~deciding & ~findings.geometry.isna()]
    if len(others):
        roles, codes = code(column(others, "role"), _MOST_CLASSES)
        paints = [plain(role if role in {"sliver", "notice"} else "notice", known("roles", role)) for role in roles]
        layers.append(_finding_layer("slivers", others, paints, codes, look))
    main = findings[deciding & ~findings.geometry.isna()]
    if len(main):
        found = column(main, "verdict", str)
        # mildest first: the worst is drawn on top of what it meets
        verdicts = [verdict for verdict in verdict_words() if verdict in found]
        rank = {verdict: place for place, verdict in enumerate(verdicts)}
        order = np.argsort([rank[verdict] for verdict in found], kind="stable")
        main = main.iloc[order]
        codes = np.array([rank[verdict] for verdict in column(main, "verdict", str)], dtype=np.uint8)
        paints = [verdict_paint(verdict, _verdict_label(verdict), look.palette) for verdict in verdicts]
        layers.append(_finding_layer("findings", main, paints, codes, look))
    return layers


def _finding_layer(key: str, frame: gpd.GeoDataFrame, paints: Sequence[Paint], codes: Codes, look: Look) -> Layer:
    lines = [_line_words(row.line, row.subzone, look.lines) for row in frame.itertuples()]
    fields = [
        text_field(frame, "site_id"),
        Field(
            known("fields", "verdict"),
            [_verdict_label(v) if v else None for v in column(frame, "verdict", str)],
            strong=True,
        ),
        Field(known("fields", "line"), lines),
        Field(known("fields", "area"), column(frame, "area_m2", float), kind="area"),
        Field(
            known("fields", "length"), column(frame, "length_m", lambda value: f"{value:,.1f} m" if value > 0 else None)
        ),
        Field(known("fields", "share"), column(frame, "share", lambda value: f"{value:.2%}")),
        Field(known("fields", "width"), column(frame, "width_m", lambda value: f"{value:,.1f} m")),
        text_field(frame, "feature_ids"),
        pair_field(frame, "requires"),
        text_field(frame, "citation"),
        text_field(frame, "rule_id"),
        Field(known("fields", "status"), [_status(value) for value in column(frame, "status", str)]),
        pair_field(frame, "reason"),
        Field(known("fields", "role"), [known("roles", value) for value in column(frame, "role", str)]),
    ]
    ids = column(frame, "site_id", str)
    shown = key == "findings"
    return Layer(key, "findings", say(key), frame, paints, codes, ids=ids, fields=fields, exact=True, shown=shown)


def _line_words(line: object, subzone: object, lines: Mapping[str, ControlLine]) -> Text | None:
    if not isinstance(line, str) or not line:
        return None
    known_line = lines.get(line)
    if known_line is None:
        return both(line if not isinstance(subzone, str) else f"{line} · {subzone}")
    if not isinstance(subzone, str) or not subzone:
        return {"zh": known_line.zh, "en": known_line.en}
    return {
        "zh": f"{known_line.zh} · {known_line.subzone_label(subzone, 'zh')}",
        "en": f"{known_line.en} · {known_line.subzone_label(subzone, 'en')}",
    }


def _site_layer(review: SiteReview, look: Look) -> Layer:
    frame = review.verdicts
    found = column(frame, "verdict", str)
    verdicts = [verdict for verdict in verdict_words() if verdict in found]
    codes = np.array([verdicts.index(verdict) for verdict in found], dtype=np.uint8)
    base = plain("site", say("sites"))
    # a dotted outline for every site, in the colour of its verdict; sign and word are written beside it
    paints = [
        dataclasses.replace(
            base, label=_verdict_label(verdict), edge=verdict_paint(verdict, base.label, look.palette).edge
        )
        for verdict in verdicts
    ]
    words = verdict_words()
    names, ids = column(frame, "name", str), column(frame, "site_id", str)
    told = _site_lines(review.lines, look.lines)
    flags = [
        both("") if status in {None, "", "verified"} else say("unverified") for status in column(frame, "status", str)
    ]
    verdict_values = [
        {language: _verdict_label(verdict)[language] + flag[language] for language in ("zh", "en")}
        for verdict, flag in zip(found, flags, strict=True)
    ]
    fields = [
        text_field(frame, "site_id"),
        text_field(frame, "name"),
        Field(known("fields", "verdict"), verdict_values, strong=True),
        Field(known("fields", "meaning"), [{"zh": words[v].meaning_zh, "en": words[v].meaning_en} for v in found]),
        Field(known("fields", "area"), column(frame, "area_m2", float), kind="area"),
        Field(
            known("fields", "length"), column(frame, "length_m", lambda value: f"{value:,.1f} m" if value > 0 else None)
        ),
        Field(
            known("fields", "activity"),
            [_activities().get(value, both(value)) if value else None for value in column(frame, "activity", str)],
        ),
        Field(known("fields", "lines"), [told.get(site) for site in ids]),
        text_field(frame, "rule_ids"),
        pair_field(frame, "reason"),
        Field(
            known("fields", "not_checked"),
            [_line_list(value, look.lines) for value in column(frame, "not_checked", str)],
        ),
    ]
    captions = [f"{words[verdict].sign} {name or site}" for verdict, name, site in zip(found, names, ids, strict=True)]
    return Layer(
        "sites", "sites", say("sites"), frame, paints or [base], codes, ids=ids, names=names, fields=fields,
        captions=captions, focus=True, rest=True, legend=say("site_outlines"),
    )  # fmt: skip


@functools.cache
def _activities() -> Mapping[str, Text]:
    """Names of the activities of the built-in rules; those of other rulebooks are shown by their ids."""
    return {activity.id: {"zh": activity.zh, "en": activity.en} for activity in load_rules("CN").activities}


def _line_list(value: str | None, lines: Mapping[str, ControlLine]) -> Text | None:
    if not value:
        return None
    told = [_line_words(line.strip(), None, lines) or both(line) for line in value.split(",")]
    return {"zh": "、".join(line["zh"] for line in told), "en": ", ".join(line["en"] for line in told)}


def _number(value: Any) -> float:  # noqa: ANN401 - a cell of a table
    return 0.0 if pd.isna(value) else float(value)


def _site_lines(table: pd.DataFrame, lines: Mapping[str, ControlLine]) -> Mapping[str, Text]:
    """Tell for each site how it lies to each line, a line of text each."""
    told: dict[str, list[Text]] = {}
    for row in table.itertuples():
        name = _line_words(row.line, None, lines) or both(str(row.line))
        relation = known("relations", str(row.relation))
        area_m2, length_m, distance_m = (_number(v) for v in (row.overlap_m2, row.overlap_m, row.distance_m))
        if area_m2 > 0:
            sentence = say("line_area", name, relation, f"{_number(row.overlap_mu):,.2f}", f"{_number(row.share):.2%}")
        elif length_m > 0:
            sentence = say("line_length", name, relation, f"{length_m:,.1f}")
        elif distance_m > 0:
            sentence = say("line_distance", name, relation, f"{distance_m:,.0f}")
        else:
            sentence = say("line_only", name, relation)
        told.setdefault(str(row.site_id), []).append(sentence)
    return {
        site: {language: "\n".join(part[language] for part in parts) for language in ("zh", "en")}
        for site, parts in told.items()
    }


@layers_of.register
def _frame_layers(frame: gpd.GeoDataFrame, look: Look) -> Drawing:
    if look.column is None and shows_faults(frame):
        faults, count = fault_layers(frame, look.palette)
        crs = () if frame.crs is None else (crs_name(frame.crs),)
        return Drawing(faults, title=both(look.label) if look.label else None, crs=crs, conflicts=count)
    label = both(look.label) if look.label else say("features")
    drawn = frame.reset_index(drop=True)
    if look.column is not None:
        if look.column not in drawn.columns:
            message = f"the frame has no column {look.column!r}; it has {', '.join(map(str, drawn.columns))}"
            raise SchemaError(message)
        values, codes = code(column(drawn, look.column, str), _MOST_CLASSES, category_order)
        paints = category_paints(values, look.palette)
    else:
        codes, paints = np.zeros(len(drawn), dtype=np.uint8), []
    layer = _frame_layer(drawn, "frame", "data", label, paints or [plain("frame", label)], codes, focus=look.focus)
    return Drawing(
        [layer], title=label if look.label else None, crs=() if frame.crs is None else (crs_name(frame.crs),)
    )


def _frame_layer(
    frame: gpd.GeoDataFrame,
    key: str,
    group: str,
    label: Text,
    paints: Sequence[Paint],
    codes: Codes,
    **more: Any,  # noqa: ANN401 - those of Layer
) -> Layer:
    plain_columns = [name for name in frame.columns if name != frame.geometry.name]
    # areas that stand in the table are shown as they stand, beside the one measured here
    fields = [text_field(frame, name, known("fields", str(name))) for name in plain_columns]
    lower = {str(name).lower(): name for name in plain_columns}
    name = next((lower[n] for n in _NAME_COLUMNS if n in lower), None)
    number = next((lower[n] for n in _ID_COLUMNS if n in lower), None)
    return Layer(
        key, group, label, frame, paints, codes, ids=column(frame, number, str) if number is not None else None,
        names=column(frame, name, str) if name is not None else None, fields=fields, measured=True, **more,
    )  # fmt: skip


def _single(key: str, group: str, label: Text, frame: gpd.GeoDataFrame, paint: Paint) -> Layer:
    return Layer(key, group, label, frame, [paint], np.zeros(len(frame), dtype=np.uint8), measured=True)


def explore_change(
    before: gpd.GeoDataFrame | ZoningPlan,
    after: gpd.GeoDataFrame | ZoningPlan,
    *,
    labels: tuple[str, str] | None = None,
    m: folium.Map | None = None,
    language: Language = "zh",
    title: str | None = None,
    **options: Any,  # noqa: ANN401 - those of explore
) -> folium.Map:
    """
    Show two states side by side, with a bar to swipe between them.

    Parameters
    ----------
    before, after
        Frames or plans.
    labels
        What the two states are called.
    m, language, title, **options
        As for :func:`explore`.

    Returns
    -------
    folium.Map
        Left of the bar only the state before, right of it only the state after.

    Examples
    --------
    >>> from ecozones.testing import chessboard
    >>> board = chessboard(2)
    >>> "eco-swipe" in explore_change(board[:1], board[1:]).get_root().render()
    True
    """
    palette = options.pop("palette", "default")
    named = (say("before"), say("after")) if labels is None else (both(labels[0]), both(labels[1]))
    sides: dict[str, Text] = {}
    both_sides: tuple[tuple[Side, Any, Text], ...] = (("before", before, named[0]), ("after", after, named[1]))
    for side, obj, name in both_sides:
        drawing = layers_of(obj, Look(palette, column=options.get("column")))
        lone = len(drawing.layers) == 1 and len(drawing.layers[0].paints) == 1
        layers = []
        for layer in drawing.layers:
            label = {language: f"{name[language]} · {layer.label[language]}" for language in ("zh", "en")}
            changed = dataclasses.replace(layer, key=f"{side}-{layer.key}", label=label, side=side, shown=True)
            # two states of one thing need colours that tell them apart
            layers.append(dataclasses.replace(changed, label=name, paints=[plain(side, name)]) if lone else changed)
        m = explore(_Ready(dataclasses.replace(drawing, layers=layers)), m=m, language=language, title=title, **options)
        sides[side] = name
    assert m is not None
    page = page_of(m)
    assert page is not None
    page.heading.sides = sides
    return m


def explore_years(
    projects: gpd.GeoDataFrame,
    *,
    year: str = "year",
    column: str | None = None,
    m: folium.Map | None = None,
    language: Language = "zh",
    title: str | None = None,
    palette: Palette = "default",
    **options: Any,  # noqa: ANN401 - those of explore
) -> folium.Map:
    """
    Show projects with a slider of years: what stood at the end of each, or what came in it.

    Parameters
    ----------
    projects
        Frame with a column of years.
    year
        Name of that column; rows without a year are refused, as no slider could show them.
    column
        Column by which projects are coloured.
    m, language, title, palette, **options
        As for :func:`explore`.

    Returns
    -------
    folium.Map
        With the slider at the last year.

    Raises
    ------
    SchemaError
        There is no such column, or rows have no year.
    """
    if year not in projects.columns:
        message = f"the projects have no column {year!r}; they have {', '.join(map(str, projects.columns))}"
        raise SchemaError(message)
    numbers = read_years(projects, year, "projects")
    if numbers.isna().any():
        message = f"{int(numbers.isna().sum())} projects have no year in {year!r}; fill it in or leave them out"
        raise SchemaError(message)
    drawing = layers_of(projects, Look(palette, say("projects")[language], column))
    layer = dataclasses.replace(
        drawing.layers[0],
        key="projects",
        group="projects",
        label=say("projects"),
        exact=True,
        years=numbers.astype(int).tolist(),
    )
    return explore(
        _Ready(dataclasses.replace(drawing, layers=[layer], title=say("projects"))),
        m=m, language=language, title=title, palette=palette, **options,
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class _Ready:
    """A drawing that was already made."""

    drawing: Drawing


@layers_of.register
def _ready_layers(ready: _Ready, look: Look) -> Drawing:
    del look
    return ready.drawing
