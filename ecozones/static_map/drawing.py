"""The map of record: a picture at a stated scale, with graticule, legend and letters that are never missing."""

from __future__ import annotations

import dataclasses
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import pyproj
import shapely
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.path import Path as Outline
from PIL import Image
from pyproj.crs.coordinate_operation import TransverseMercatorConversion

from ecozones.errors import InputError
from ecozones.plan import ZoningPlan
from ecozones.review import SiteReview
from ecozones.static_map.furniture import draw_graticule, draw_legend, draw_north, draw_scale
from ecozones.static_map.letters import GETA, families, missing_characters, shorten
from ecozones.static_map.scene import WORDS, Layer, _line_layers, placed, set_scene, site_layers
from ecozones.static_map.sheet import INCHES_IN_MM, DrawnMap, Sheet, bounds_of, round_scale, window_around
from ecozones.vocab import Language, Style, control_lines

_GROUND = 2


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
        lines = {line: placed(frame, crs, line) for line, frame in obj.lines.items()}
        focus = bounds_of(frame.geometry for frame in lines.values())
        layers = _line_layers(lines, dict(control_lines()) | dict(obj.control_lines), focus, language)
    else:
        crs = pyproj.CRS(obj.crs)
        layers, focus = [Layer(obj.geometry, title or WORDS["ground"][language], Style())], bounds_of([obj.geometry])
    heading = title or site_id or (obj.name if isinstance(obj, ZoningPlan) else "")
    drawn = draw(
        layers, focus, crs,
        title=heading, language=language, sheet=sheet, kind=kind, missing_glyphs=missing_glyphs,
        judged=isinstance(obj, SiteReview),
    )  # fmt: skip
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
    judged: bool = False,
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
    judged
        Whether the layers are those of a review, so that a map without conflict may say so.

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
    scale = round_scale(focus, paper)
    window = window_around(focus, scale, paper)
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
        "font.family": families(),
        "font.size": 7.0,
        "axes.unicode_minus": False,
        "hatch.linewidth": 0.6,
        "pdf.fonttype": 42,
        "svg.hashsalt": "ecozones",
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=(paper.width_mm * INCHES_IN_MM, paper.height_mm * INCHES_IN_MM), dpi=paper.dpi)
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
        draw_graticule(axes, window, crs)
        draw_north(axes, language)
        figure.text(
            0.5,
            1 - 2.5 / paper.height_mm,
            shorten(title.translate(marks)),
            ha="center",
            va="top",
            fontsize=10,
            parse_math=False,
        )
        draw_legend(figure, entries, paper, language, judged=judged)
        draw_scale(figure, scale, paper, crs.name.translate(marks), language)
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
    return moved, bounds_of([box]), flat


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
    label = shorten(layer.label.translate(marks), 24)
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
