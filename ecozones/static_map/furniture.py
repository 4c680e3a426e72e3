"""What stands around and over a map: graticule, north arrow, legend, scale."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyproj
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from ecozones.static_map.scene import HATCH, WORDS
from ecozones.static_map.sheet import _NICE, Sheet
from ecozones.vocab import Language

_DEGREE_STEPS = tuple(
    s / 3600 for s in (0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 18000, 36000)
)
_GRID_LINES = 4


@functools.lru_cache(maxsize=32)
def _to_degrees(crs: pyproj.CRS) -> tuple[pyproj.Transformer, pyproj.Transformer]:
    there = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    back = pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    return there, back


def draw_graticule(axes: Axes, window: tuple[float, float, float, float], crs: pyproj.CRS) -> None:
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


def draw_north(axes: Axes, language: Language) -> None:
    """Draw an arrow to the north of the plane."""
    axes.annotate(
        WORDS["north"][language],
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


def draw_legend(
    figure: Figure, entries: Sequence[Patch | Line2D], paper: Sheet, language: Language, *, judged: bool
) -> None:
    """Draw the legend below the frame, ground taken first; only a map that was judged may say that none is."""
    conflict = {WORDS[key][language] for key in HATCH}
    shown = list(entries)
    if judged and not any(entry.get_label() in conflict for entry in entries):
        shown.append(Line2D([], [], linestyle="none", label=WORDS["no_conflict"][language]))
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


def draw_scale(figure: Figure, scale: int, paper: Sheet, crs: str, language: Language) -> None:
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
    lines = (f"1:{scale:,}", crs, WORDS["note"][language])
    for row, (text, size) in enumerate(zip(lines, (9, 6.5, 6.5), strict=True)):
        y_text = (y - 1.2 - row * 3.4 - (0.6 if row else 0)) / paper.height_mm
        figure.text(right / paper.width_mm, y_text, text, ha="right", va="top", fontsize=size, parse_math=False)
