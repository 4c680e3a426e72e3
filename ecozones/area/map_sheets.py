"""Theoretical area of a map sheet."""

from __future__ import annotations

import math

import numpy as np

from ecozones.area.ellipsoid import Ellipsoid

_ELLIPSOIDS = {
    "CGCS2000": (6378137.0, 298.257222101),
    "Xian 1980": (6378140.0, 298.257),
    "Beijing 1954": (6378245.0, 298.3),
}


def map_sheet_area(
    south: float, height: float, width: float, ellipsoid: str | tuple[float, float] = "CGCS2000"
) -> float:
    """
    Theoretical area of a map sheet between two parallels and two meridians (图幅理论面积).

    Parameters
    ----------
    south
        Latitude of the south edge. [degrees]
    height
        Difference of latitude; 2.5 for a sheet at 1:10 000. [arc minutes]
    width
        Difference of longitude; 3.75 for a sheet at 1:10 000. [arc minutes]
    ellipsoid
        ``"CGCS2000"``, ``"Xian 1980"``, ``"Beijing 1954"``, or the major half axis [m] and the inverse flattening. Give
        the flattening and never the printed minor half axis: that one is rounded, and the area is wrong with it.

    Returns
    -------
    float
        Area, unrounded. [m²]

    Examples
    --------
    >>> round(map_sheet_area(40, 2.5, 3.75), 4)
    24684446.2425
    """
    if isinstance(ellipsoid, str):
        if ellipsoid not in _ELLIPSOIDS:
            message = f"ellipsoid {ellipsoid!r} is not known; use one of {', '.join(_ELLIPSOIDS)} or (a, 1/f)"
            raise ValueError(message)
        ellipsoid = _ELLIPSOIDS[ellipsoid]
    major, inverse_flattening = ellipsoid
    body = Ellipsoid(major, major * (1 - 1 / inverse_flattening))
    lower = np.array([math.radians(south)])
    upper = np.array([math.radians(south + height / 60)])
    return float(body.series_strip(lower, upper)[0] * math.radians(width / 60))
