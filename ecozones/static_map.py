"""The map of record: a picture at a stated scale, with graticule, legend and letters that are never missing."""

from __future__ import annotations

import dataclasses
import functools
import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import pyproj
import shapely
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.path import Path as Outline
from PIL import Image
from pyproj.crs.coordinate_operation import TransverseMercatorConversion

from ecozones.errors import InputError, SchemaError
from ecozones.placing import bring_to
from ecozones.plan import ZoningPlan
from ecozones.review import SiteReview
from ecozones.vocab import ControlLine, Language, Style, control_lines, verdict_words

FAMILY = "Ecozones Sans SC"
"""The bundled letters: GB 2312 and the signs we print."""

GETA = "〓"
"""The printer's sign for a character that no font has."""

# looked up after the bundled letters, for the rare characters of place names
_SYSTEM_FAMILIES = (
    "Microsoft YaHei", "SimSun-ExtB", "PingFang SC", "Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC",
    "WenQuanYi Micro Hei", "WenQuanYi Zen Hei",
)  # fmt: skip
_MM = 1 / 25.4
_GROUND = 2
_NICE = (1.0, 2.0, 2.5, 5.0)
_DEGREE_STEPS = tuple(
    s / 3600 for s in (0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 18000, 36000)
)
# the site takes at most this share of the frame, so that its surroundings can be seen
_FILL = 0.55
_LEAST_SCALE, _POINT_SCALE = 500, 5_000
_GRID_LINES = 4
# fills of the sub-zones of a line, the strictest first; and how many entries a line without a choice of them has
_FADES, _ONE_ZONE = (1.5, 1.0, 0.65, 0.45), 2
_HATCH = {"conflict": ("#E60000", "////"), "unknown": ("#555555", "xxxx"), "fault": ("#E60000", "////")}
_SITE = Style(edge="#0033CC", fill="#0033CC", opacity=0.0, dash="2 1.5")

_WORDS: Mapping[str, Mapping[str, str]] = {
    "site": {"zh": "审查地块", "en": "site"},
    "conflict": {"zh": "压占，须按结论办理", "en": "ground taken"},
    "fault": {"zh": "问题所在位置", "en": "where something is wrong"},
    "unknown": {"zh": "无法判定", "en": "undetermined"},
    "note": {"zh": "仅供参考，不作为审批依据", "en": "for reference only"},
    "north": {"zh": "北", "en": "N"},
    "no_conflict": {"zh": "图内无压占", "en": "no ground taken here"},
}


@dataclasses.dataclass(frozen=True)
class Layer:
    """One layer of a map: shapes, what they are called in the legend, and how they are drawn."""

    shapes: gpd.GeoSeries
    label: str
    style: Style
    hatch: str = ""
    width: float = 1.1


@dataclasses.dataclass(frozen=True)
class DrawnMap:
    """
    A map as drawn.

    Parameters
    ----------
    image
        The file's bytes.
    scale
        N of 1:N when printed at its width.
    width_mm
        Width at which the scale holds. [mm]
    crs
        Name of the CRS it is drawn in.
    lost
        Characters that no font has and that were drawn as 〓.
    """

    image: bytes
    scale: int
    width_mm: float
    crs: str
    lost: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Sheet:
    """
    The paper of a map.

    Parameters
    ----------
    width_mm, height_mm
        Its size. [mm]
    dpi
        Dots per inch of a PNG.
    """

    width_mm: float = 156.0
    height_mm: float = 102.0
    dpi: int = 150

    # room around the map frame for title, coordinates and legend [mm]
    left: float = 8.0
    right: float = 1.0
    top: float = 8.0
    bottom: float = 25.0

    @property
    def frame_mm(self) -> tuple[float, float]:
        """Width and height of the map frame. [mm]."""
        return self.width_mm - self.left - self.right, self.height_mm - self.top - self.bottom


def write_map(
    obj: SiteReview | ZoningPlan | gpd.GeoDataFrame,
    path: str | Path,
    *,
    site_id: str | None = None,
    plan: ZoningPlan | None = None,
    title: str = "",
    language: Language = "zh",
    sheet: Sheet | None = None,
    missing_glyphs: Literal["error", "mark"] = "error",
) -> DrawnMap:
    """
    Write a map of record, to scale, as PNG, SVG or PDF.

    Parameters
    ----------
    obj
        A plan, a review, or any frame.
    path
        File to write; its ending decides the kind.
    site_id
        The site of the review to draw; left out: all of them.
    plan
        The plan behind a review.
    title
        What stands above the map.
    language
        ``"zh"`` or ``"en"``.
    sheet
        The paper.
    missing_glyphs
        What to do with a character that no font has: refuse, or draw 〓 and say so in the result.

    Returns
    -------
    DrawnMap
        The bytes written, the scale and the CRS.

    Raises
    ------
    InputError
        A character has no glyph; the message lists them. Or there is nothing to draw.
    """
    target = Path(path)
    kind = target.suffix.lower().lstrip(".")
    if kind not in {"png", "svg", "pdf"}:
        message = f"{target.name}: a map of record is written as .png, .svg or .pdf, not {kind or 'without an ending'}"
        raise InputError(message)
    if isinstance(obj, SiteReview):
        scene = set_scene(obj, plan)
        crs = scene.crs
        layers, focus = site_layers(scene, site_id, language)
    elif isinstance(obj, ZoningPlan):
        crs = obj.crs
        lines = {line: _placed(frame, crs, line) for line, frame in obj.lines.items()}
        focus = _bounds(frame.geometry for frame in lines.values())
        layers = _line_layers(lines, dict(control_lines()) | dict(obj.control_lines), focus, language)
    else:
        crs = pyproj.CRS(obj.crs)
        layers, focus = [Layer(obj.geometry, title or "", Style())], _bounds([obj.geometry])
    heading = title or site_id or (obj.name if isinstance(obj, ZoningPlan) else "")
    drawn = draw(
        layers, focus, crs, title=heading, language=language, sheet=sheet, kind=kind, missing_glyphs=missing_glyphs
    )
    target.write_bytes(drawn.image)
    return drawn


def draw(
    layers: Sequence[Layer],
    focus: tuple[float, float, float, float],
    crs: pyproj.CRS,
    *,
    title: str = "",
    language: Language = "zh",
    sheet: Sheet | None = None,
    kind: str = "png",
    missing_glyphs: Literal["error", "mark"] = "error",
) -> DrawnMap:
    """
    Draw layers around a focus at the largest round scale that shows it with its surroundings.

    Parameters
    ----------
    layers
        What is drawn, the lowest first, in `crs`.
    focus
        West, south, east, north of what must be seen, in `crs`.
    crs
        CRS of the layers; degrees are drawn on a transverse Mercator plane of the same datum.
    title
        What stands above the map.
    language
        ``"zh"`` or ``"en"``.
    sheet
        The paper.
    kind
        ``"png"``, ``"svg"`` or ``"pdf"``.
    missing_glyphs
        ``"error"`` or ``"mark"``.

    Returns
    -------
    DrawnMap
        The picture and its scale.

    Raises
    ------
    InputError
        A character has no glyph, or there is nothing to draw.
    """
    paper = sheet or Sheet()
    if not all(math.isfinite(value) for value in focus):
        message = "there is nothing to draw: no layer has a geometry"
        raise InputError(message)
    if crs.is_geographic:
        layers, focus, crs = _flatten(layers, focus, crs)
    scale = _round_scale(focus, paper)
    window = _window(focus, scale, paper)
    texts = [title, crs.name, *(layer.label for layer in layers)]
    lost = missing_characters("".join(texts))
    if lost and missing_glyphs == "error":
        message = (
            f"no font here can draw {' '.join(lost)} ({', '.join(f'U+{ord(sign):04X}' for sign in lost)}); "
            "install a font that has them, such as Noto Sans CJK, or pass missing_glyphs='mark'"
        )
        raise InputError(message)
    marks = str.maketrans(dict.fromkeys(lost, GETA))
    settings = {
        "font.family": _families(),
        "font.size": 7.0,
        "axes.unicode_minus": False,
        "hatch.linewidth": 0.6,
        "pdf.fonttype": 42,
        "svg.hashsalt": "ecozones",
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=(paper.width_mm * _MM, paper.height_mm * _MM), dpi=paper.dpi)
        canvas = FigureCanvasAgg(figure)
        width, height = paper.frame_mm
        axes = figure.add_axes(
            (
                paper.left / paper.width_mm,
                paper.bottom / paper.height_mm,
                width / paper.width_mm,
                height / paper.height_mm,
            )
        )
        axes.set_xlim(window[0], window[2])
        axes.set_ylim(window[1], window[3])
        axes.set_xticks([])
        axes.set_yticks([])
        entries = [
            entry for level, layer in enumerate(layers) if (entry := _draw_layer(axes, layer, window, level, marks))
        ]
        _draw_graticule(axes, window, crs)
        _draw_north(axes, language)
        figure.text(
            0.5,
            1 - 2.5 / paper.height_mm,
            _shorten(title.translate(marks)),
            ha="center",
            va="top",
            fontsize=10,
            parse_math=False,
        )
        _draw_legend(figure, entries, paper, language)
        _draw_scale(figure, scale, paper, crs.name.translate(marks), language)
        image = _png(canvas, paper) if kind == "png" else _vectors(figure, kind)
    return DrawnMap(image, scale, paper.width_mm, crs.name, tuple(lost))


def _png(canvas: FigureCanvasAgg, paper: Sheet) -> bytes:
    """Write a map as 256 colours: most of it is flat, and a report of forty maps must still go by mail."""
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    made = io.BytesIO()
    picture.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        made, "PNG", dpi=(paper.dpi, paper.dpi)
    )
    return made.getvalue()


def _vectors(figure: Figure, kind: str) -> bytes:
    made = io.BytesIO()
    figure.savefig(made, format=kind, metadata={"svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind])
    return made.getvalue()


# ------------------------------------------------------------------------------------------------ letters
@functools.cache
def _families() -> list[str]:
    """List the families to letter with: the bundled one, then those of this machine that exist."""
    with resources.as_file(resources.files("ecozones").joinpath("data/fonts/ecozones-sans-sc.otf")) as font:
        font_manager.fontManager.addfont(str(font))
    here = {font.name for font in font_manager.fontManager.ttflist}
    return [FAMILY, *(family for family in _SYSTEM_FAMILIES if family in here), "DejaVu Sans"]


@functools.cache
def _letters() -> frozenset[int]:
    """Collect the characters that the families can draw."""
    found: set[int] = set()
    for family in _families():
        path = font_manager.findfont(family, fallback_to_default=False)
        found |= set(FT2Font(path).get_charmap())
    return frozenset(found)


def missing_characters(text: str) -> list[str]:
    """
    List the characters of a text that no font on this machine can draw.

    Parameters
    ----------
    text
        Any text.

    Returns
    -------
    list of str
        Each once, in the order of the text; line breaks and spaces never count.

    Examples
    --------
    >>> missing_characters("生态保护红线 12.5 ㎡")
    []
    """
    known = _letters()
    return [sign for sign in dict.fromkeys(text) if ord(sign) not in known and sign not in " \n"]


def _shorten(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


# ------------------------------------------------------------------------------------------------ frame and scale
def _bounds(shapes: Iterable[gpd.GeoSeries]) -> tuple[float, float, float, float]:
    boxes = [series.total_bounds for series in shapes if len(series)]
    if not boxes:
        return (math.nan,) * 4
    west, south, east, north = np.array(boxes).T
    return float(np.nanmin(west)), float(np.nanmin(south)), float(np.nanmax(east)), float(np.nanmax(north))


def _flatten(
    layers: Sequence[Layer], focus: tuple[float, float, float, float], crs: pyproj.CRS
) -> tuple[list[Layer], tuple[float, float, float, float], pyproj.CRS]:
    """Draw degrees on a plane of their own datum, so that a metre is a metre in both directions."""
    middle = round((focus[0] + focus[2]) / 2, 1)
    flat = pyproj.crs.ProjectedCRS(
        TransverseMercatorConversion(longitude_natural_origin=middle, false_easting=500_000),
        name=f"{crs.name} / TM {middle:g}",
        geodetic_crs=crs,
    )
    moved = [dataclasses.replace(layer, shapes=layer.shapes.to_crs(flat)) for layer in layers]
    box = gpd.GeoSeries([shapely.box(*focus)], crs=crs).to_crs(flat)
    return moved, _bounds([box]), flat


def _round_scale(focus: tuple[float, float, float, float], paper: Sheet) -> int:
    """Choose the largest round scale at which the focus fits: a millimetre on paper is N millimetres on the ground."""
    width, height = (side * _FILL / 1000 for side in paper.frame_mm)
    need = max((focus[2] - focus[0]) / width, (focus[3] - focus[1]) / height)
    if need <= 0:
        return _POINT_SCALE
    need = max(need, _LEAST_SCALE)
    power = 10 ** math.floor(math.log10(need))
    return int(next(step * power for step in (*_NICE, 10.0) if step * power >= need * (1 - 1e-9)))


def _window(focus: tuple[float, float, float, float], scale: int, paper: Sheet) -> tuple[float, float, float, float]:
    width, height = (side / 1000 * scale for side in paper.frame_mm)
    x, y = (focus[0] + focus[2]) / 2, (focus[1] + focus[3]) / 2
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


# ------------------------------------------------------------------------------------------------ layers
@dataclasses.dataclass(frozen=True)
class Scene:
    """
    A review and the plan behind it, brought to one CRS once, however many maps are drawn of it.

    Parameters
    ----------
    crs
        That of the findings, which is the plan's.
    sites, findings
        Tables of the review.
    lines
        The lines of the plan; empty without one.
    known
        What is known of the lines.
    """

    crs: pyproj.CRS
    sites: gpd.GeoDataFrame
    findings: gpd.GeoDataFrame
    lines: Mapping[str, gpd.GeoDataFrame]
    known: Mapping[str, ControlLine]


def set_scene(review: SiteReview, plan: ZoningPlan | None) -> Scene:
    """
    Bring what the maps of a review show to one CRS; the plan's own vertices stay as they are.

    Parameters
    ----------
    review
        The review.
    plan
        The plan behind; left out: only what was found is drawn.

    Returns
    -------
    Scene
        Ready for :func:`site_layers`.
    """
    crs = pyproj.CRS(review.findings.crs if review.findings.crs is not None else review.verdicts.crs)
    lines = {} if plan is None else plan.lines
    return Scene(
        crs,
        _placed(review.verdicts, crs, "sites"),
        review.findings,
        {line: _placed(frame, crs, line) for line, frame in lines.items()},
        dict(control_lines()) | ({} if plan is None else dict(plan.control_lines)),
    )


def site_layers(
    scene: Scene, site_id: str | None, language: Language
) -> tuple[list[Layer], tuple[float, float, float, float]]:
    """
    Lay out the map of one site, or of all: the lines, what was found, and the site on top.

    Parameters
    ----------
    scene
        The review and its plan.
    site_id
        The site; None for all of them.
    language
        ``"zh"`` or ``"en"``.

    Returns
    -------
    layers : list of Layer
        The lowest first.
    focus : tuple
        Bounds of the site.

    Raises
    ------
    SchemaError
        The review has no such site.
    """
    sites, found = scene.sites, scene.findings
    if site_id is not None:
        sites = sites[sites["site_id"] == site_id]
        found = found[found["site_id"] == site_id]
        if not len(sites):
            message = f"the review has no site {site_id!r}"
            raise SchemaError(message)
    focus = _bounds([sites.geometry])
    layers = _line_layers(scene.lines, scene.known, focus, language)
    routes = list(verdict_words())
    serious = set(routes[routes.index("allowed") + 1 :]) - {"undetermined"}
    decides = found[found["role"] != "notice"]
    # lying inside is what a line with a complement asks for: only a verdict beyond ordinary conditions is hatched there
    wished = decides["line"].map(lambda line: line in scene.known and bool(scene.known[line].complement)).astype(bool)
    plain = wished & decides["verdict"].isin(routes[: routes.index("conditional") + 1])
    taken = decides[(decides["feature_ids"] != "") & decides["verdict"].isin(serious) & ~plain]
    unknown = decides[decides["verdict"] == "undetermined"]
    for key, rows in (("unknown", unknown), ("conflict", taken)):
        if len(rows):
            layers.append(_hatched(key, rows.geometry, language))
    layers.append(Layer(sites.geometry, _WORDS["site"][language], _SITE, width=2.2))
    return layers, focus


def ground_layers(
    frame: gpd.GeoDataFrame, plan: ZoningPlan | None, language: Language
) -> tuple[list[Layer], tuple[float, float, float, float], pyproj.CRS]:
    """
    Lay out a map of ground that something is wrong with.

    Parameters
    ----------
    frame
        The ground.
    plan
        The plan behind it; left out: nothing is.
    language
        ``"zh"`` or ``"en"``.

    Returns
    -------
    layers : list of Layer
        The lowest first.
    focus : tuple
        Bounds of the ground.
    crs : CRS
        That of the frame.
    """
    crs = pyproj.CRS(frame.crs)
    focus = _bounds([frame.geometry])
    lines = {} if plan is None else {line: _placed(layer, crs, line) for line, layer in plan.lines.items()}
    known = dict(control_lines()) | ({} if plan is None else dict(plan.control_lines))
    layers = _line_layers(lines, known, focus, language)
    return [*layers, _hatched("fault", frame.geometry, language)], focus, crs


def _hatched(key: str, shapes: gpd.GeoSeries, language: Language) -> Layer:
    colour, hatch = _HATCH[key]
    return Layer(shapes, _WORDS[key][language], Style(edge=colour, fill=colour, opacity=0.0), hatch, 0.9)


def _line_layers(
    lines: Mapping[str, gpd.GeoDataFrame],
    known: Mapping[str, ControlLine],
    focus: tuple[float, float, float, float],
    language: Language,
) -> list[Layer]:
    """Lay out the lines near the focus, a layer for each of their sub-zones."""
    layers = []
    for line, frame in lines.items():
        near = frame.iloc[_near(frame, focus)]
        style, name = known[line].style, known[line].label(language)
        zones = near["subzone"].astype(object).where(near["subzone"].notna(), None)
        order = [*(zone.id for zone in known[line].subzones), None]
        met = sorted(set(zones), key=lambda zone: order.index(zone) if zone in order else len(order))
        for zone in met:
            fade = 1.0 if len(order) <= _ONE_ZONE else _FADES[min(order.index(zone) if zone in order else 9, 3)]
            label = name if zone is None or len(order) <= _ONE_ZONE else known[line].subzone_label(zone, language)
            look = dataclasses.replace(style, opacity=min(style.opacity * fade, 1.0))
            layers.append(Layer(near.geometry[(zones == zone) if zone else zones.isna()], label, look))
    return layers


def _placed(frame: gpd.GeoDataFrame, crs: pyproj.CRS, what: str) -> gpd.GeoDataFrame:
    return frame if frame.crs is crs or frame.crs == crs else bring_to(frame, crs, what=what)[0]


def _near(frame: gpd.GeoDataFrame, focus: tuple[float, float, float, float]) -> Any:  # noqa: ANN401 - positions, as the index gives them
    reach = 4 * max(focus[2] - focus[0], focus[3] - focus[1], 1_000.0)
    box = shapely.box(focus[0] - reach, focus[1] - reach, focus[2] + reach, focus[3] + reach)
    return np.sort(frame.sindex.query(box))


def _draw_layer(
    axes: Axes, layer: Layer, window: tuple[float, float, float, float], level: int, marks: Mapping[int, str]
) -> Patch | Line2D | None:
    """Draw one layer and give its entry in the legend; None where nothing of it can be seen."""
    margin = 0.05 * (window[2] - window[0])
    shapes = layer.shapes.to_numpy()
    seen = shapely.intersects(shapes, shapely.box(*window))
    if not seen.any():
        return None
    # for display only: what lies far outside the frame costs time and is not seen
    reach = (window[0] - margin, window[1] - margin, window[2] + margin, window[3] + margin)
    dimension = shapely.get_dimensions(shapes)
    ground = shapely.get_parts(shapely.clip_by_rect(shapes[seen & (dimension == _GROUND)], *reach))
    paths = shapely.get_parts(shapely.clip_by_rect(shapes[seen & (dimension == 1)], *reach))
    points = shapely.get_parts(shapes[seen & (dimension == 0)])
    style, order = layer.style, 2 + level / 100
    line = (0, tuple(float(part) for part in style.dash.split())) if style.dash else "solid"
    outlines = [_outline(polygon) for polygon in ground if shapely.get_dimensions(polygon) == _GROUND]
    looks: dict[str, Any] = {
        "facecolor": (*mpl.colors.to_rgb(style.fill), style.opacity),
        "edgecolor": style.edge,
        "linewidth": layer.width,
        "linestyle": line,
        "hatch": layer.hatch or None,
    }
    if outlines:
        axes.add_collection(PathCollection(outlines, zorder=order, **looks), autolim=False)
    if len(paths):
        tracks = [shapely.get_coordinates(path) for path in paths]
        axes.add_collection(
            LineCollection(tracks, colors=style.edge, linewidths=layer.width, linestyles=[line], zorder=order),
            autolim=False,
        )
    if len(points):
        x, y = shapely.get_coordinates(points).T
        axes.scatter(x, y, s=40, facecolors="none", edgecolors=style.edge, linewidths=layer.width, zorder=order)
    label = _shorten(layer.label.translate(marks), 24)
    return (
        Patch(label=label, **looks)
        if outlines
        else Line2D([], [], color=style.edge, linewidth=layer.width, linestyle=line, label=label)
    )


def _outline(polygon: shapely.Polygon) -> Outline:
    """Turn a polygon into a path whose holes run the other way, as the filling rule wants them."""
    turned = shapely.orient_polygons(polygon)
    rings = [turned.exterior, *turned.interiors]
    coordinates = [shapely.get_coordinates(ring) for ring in rings]
    codes = [
        np.concatenate([[Outline.MOVETO], np.full(len(ring) - 2, Outline.LINETO), [Outline.CLOSEPOLY]])
        for ring in coordinates
    ]
    return Outline(np.concatenate(coordinates), np.concatenate(codes))


# ------------------------------------------------------------------------------------------------ furniture
@functools.lru_cache(maxsize=32)
def _to_degrees(crs: pyproj.CRS) -> tuple[pyproj.Transformer, pyproj.Transformer]:
    there = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    back = pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    return there, back


def _draw_graticule(axes: Axes, window: tuple[float, float, float, float], crs: pyproj.CRS) -> None:
    """Draw meridians and parallels of the datum, and write their degrees at the frame."""
    west, south, east, north = window
    there, back = _to_degrees(crs)
    corner_x, corner_y = there.transform([west, east, west, east], [south, south, north, north])
    lines = []
    for numbers, is_meridian in ((corner_x, True), (corner_y, False)):
        low, high = min(numbers), max(numbers)
        for degree in _ticks(low, high):
            along = (
                np.linspace(min(corner_y), max(corner_y), 9)
                if is_meridian
                else np.linspace(min(corner_x), max(corner_x), 9)
            )
            fixed = np.full_like(along, degree)
            x, y = back.transform(fixed, along) if is_meridian else back.transform(along, fixed)
            lines.append(np.column_stack([x, y]))
            _write_degree(axes, (x, y), window, degree, is_meridian=is_meridian)
    axes.add_collection(
        LineCollection(lines, colors="#777777", linewidths=0.35, linestyles=[(0, (6, 4))], zorder=6), autolim=False
    )


def _ticks(low: float, high: float) -> Iterator[float]:
    step = next((step for step in _DEGREE_STEPS if (high - low) / step <= _GRID_LINES), _DEGREE_STEPS[-1])
    first = math.ceil(low / step)
    yield from (number * step for number in range(first, math.floor(high / step) + 1))


def _write_degree(
    axes: Axes, track: tuple[Any, Any], window: tuple[float, float, float, float], degree: float, *, is_meridian: bool
) -> None:
    x, y = track
    text = _degrees(degree, "EW" if is_meridian else "NS")
    if is_meridian:
        at = float(np.interp(window[1], y, x))
        if window[0] < at < window[2]:
            axes.annotate(text, (at, window[1]), (0, -2), textcoords="offset points", ha="center", va="top", fontsize=6)
    else:
        at = float(np.interp(window[0], x, y))
        if window[1] < at < window[3]:
            axes.annotate(
                text,
                (window[0], at),
                (-2, 0),
                textcoords="offset points",
                ha="right",
                va="center",
                rotation=90,
                fontsize=6,
            )


def _degrees(degree: float, sides: str) -> str:
    """
    Write an angle in degrees, minutes and seconds.

    Examples
    --------
    >>> _degrees(114.0125, "EW"), _degrees(-0.5, "NS")
    ('114°00′45″E', '0°30′00″S')
    """
    half_seconds = round(abs(degree) * 7200)
    whole, rest = divmod(half_seconds, 7200)
    minutes, halves = divmod(rest, 120)
    seconds = f"{halves // 2:02d}" + (".5" if halves % 2 else "")
    return f"{whole}°{minutes:02d}′{seconds}″{sides[0] if degree >= 0 else sides[1]}"


def _draw_north(axes: Axes, language: Language) -> None:
    axes.annotate(
        _WORDS["north"][language],
        xy=(0.965, 0.97),
        xytext=(0.965, 0.86),
        xycoords="axes fraction",
        ha="center",
        va="center",
        fontsize=9,
        zorder=9,
        arrowprops={"arrowstyle": "-|>,head_width=0.35,head_length=0.7", "facecolor": "black", "linewidth": 1.2},
        bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.75},
    )


def _draw_legend(figure: Figure, entries: Sequence[Patch | Line2D], paper: Sheet, language: Language) -> None:
    conflict = {_WORDS[key][language] for key in _HATCH}
    shown = list(entries)
    if not any(entry.get_label() in conflict for entry in entries):
        shown.append(Line2D([], [], linestyle="none", label=_WORDS["no_conflict"][language]))
    figure.legend(
        handles=shown,
        loc="upper left",
        ncols=2,
        frameon=False,
        fontsize=7,
        handlelength=2.6,
        handleheight=1.2,
        borderpad=0,
        bbox_to_anchor=(paper.left / paper.width_mm, (paper.bottom - 5) / paper.height_mm),
        columnspacing=1.2,
        labelspacing=0.6,
    )


def _draw_scale(figure: Figure, scale: int, paper: Sheet, crs: str, language: Language) -> None:
    """Draw the bar in millimetres of paper, which is what makes 1:N true."""
    ground = paper.frame_mm[0] / 1000 * scale
    power = 10 ** math.floor(math.log10(ground / 4))
    length = max(step * power for step in _NICE if step * power <= ground / 4)
    length_mm = length / scale * 1000
    right, y = paper.width_mm - paper.right - 6, paper.bottom - 10.0
    left = right - length_mm
    for half in range(2):
        figure.add_artist(
            Rectangle(
                ((left + half * length_mm / 2) / paper.width_mm, y / paper.height_mm),
                length_mm / 2 / paper.width_mm,
                1.2 / paper.height_mm,
                facecolor="black" if half == 0 else "white",
                edgecolor="black",
                linewidth=0.6,
            )
        )
    unit, per = ("km", 1000) if length >= 2000 else ("m", 1)  # noqa: PLR2004 - 1 000 m still reads well in metres
    for part, text in ((0, "0"), (0.5, f"{length / 2 / per:g}"), (1, f"{length / per:g} {unit}")):
        x = (left + part * length_mm) / paper.width_mm
        figure.text(x, (y + 1.8) / paper.height_mm, text, ha="center", va="bottom", fontsize=6.5)
    lines = (f"1:{scale:,}", crs, _WORDS["note"][language])
    for row, (text, size) in enumerate(zip(lines, (9, 6.5, 6.5), strict=True)):
        y_text = (y - 1.2 - row * 3.4 - (0.6 if row else 0)) / paper.height_mm
        figure.text(right / paper.width_mm, y_text, text, ha="right", va="top", fontsize=size, parse_math=False)
