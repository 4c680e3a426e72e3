"""The paper of a map, what is printed on it, and the round scale that shows a place."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable

import geopandas as gpd
import numpy as np

INCHES_IN_MM = 1 / 25.4
_NICE = (1.0, 2.0, 2.5, 5.0)
# the site takes at most this share of the frame, so that its surroundings can be seen
_FILL = 0.55
_LEAST_SCALE, _POINT_SCALE = 500, 5_000


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


def bounds_of(shapes: Iterable[gpd.GeoSeries]) -> tuple[float, float, float, float]:
    """West, south, east and north of layers; NaN where none has a shape."""
    boxes = [series.total_bounds for series in shapes if len(series)]
    if not boxes:
        return (math.nan,) * 4
    west, south, east, north = np.array(boxes).T
    return float(np.nanmin(west)), float(np.nanmin(south)), float(np.nanmax(east)), float(np.nanmax(north))


def round_scale(focus: tuple[float, float, float, float], paper: Sheet) -> int:
    """Choose the largest round scale at which the focus fits: a millimetre on paper is N millimetres on the ground."""
    width, height = (side * _FILL / 1000 for side in paper.frame_mm)
    need = max((focus[2] - focus[0]) / width, (focus[3] - focus[1]) / height)
    if need <= 0:
        return _POINT_SCALE
    need = max(need, _LEAST_SCALE)
    power = 10 ** math.floor(math.log10(need))
    return int(next(step * power for step in (*_NICE, 10.0) if step * power >= need * (1 - 1e-9)))


def window_around(
    focus: tuple[float, float, float, float], scale: int, paper: Sheet
) -> tuple[float, float, float, float]:
    """West, south, east and north of a frame at a scale, its middle on the focus."""
    width, height = (side / 1000 * scale for side in paper.frame_mm)
    x, y = (focus[0] + focus[2]) / 2, (focus[1] + focus[3]) / 2
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2
