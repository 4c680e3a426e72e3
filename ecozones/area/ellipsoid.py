"""An ellipsoid, and the ground between two of its parallels: by the national series, and in closed form."""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
import pyproj
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


@dataclasses.dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid of revolution by its half axes, in metres."""

    a: float
    b: float

    def geod(self) -> pyproj.Geod:
        """GeographicLib on this ellipsoid."""
        return pyproj.Geod(a=self.a, b=self.b)

    @functools.cached_property
    def e2(self) -> float:
        """First eccentricity squared; the second one in its place is a common mistake (+10.6 m² per km²)."""
        return (self.a**2 - self.b**2) / self.a**2

    @functools.cached_property
    def series(self) -> tuple[float, float, float, float, float]:
        """Coefficients A to E of the national formula."""
        e2 = self.e2
        e4, e6, e8 = e2**2, e2**3, e2**4
        return (
            1 + 3 / 6 * e2 + 30 / 80 * e4 + 35 / 112 * e6 + 630 / 2304 * e8,
            1 / 6 * e2 + 15 / 80 * e4 + 21 / 112 * e6 + 420 / 2304 * e8,
            3 / 80 * e4 + 7 / 112 * e6 + 180 / 2304 * e8,
            1 / 112 * e6 + 45 / 2304 * e8,
            5 / 2304 * e8,
        )

    def series_strip(self, south: Floats, north: Floats) -> Floats:
        """Area between two parallels per radian of longitude, by the national series, in square metres."""
        sine, cosine = np.sin((north - south) / 2), np.cos((north + south) / 2)
        # sin 3x = 2 cos 2x sin x - sin(-x) and so on: odd multiples without further calls of sine and cosine
        sine_step, cosine_step = 2 - 4 * sine**2, 4 * cosine**2 - 2
        sine_before, cosine_before = -sine, cosine
        total = np.zeros_like(sine)
        for sign, factor in zip((1, -1, 1, -1, 1), self.series, strict=True):
            total += sign * factor * sine * cosine
            sine_before, sine = sine, sine_step * sine - sine_before
            cosine_before, cosine = cosine, cosine_step * cosine - cosine_before
        return 2 * self.b**2 * total

    def closed_strip(self, south: Floats, north: Floats) -> Floats:
        """Area between two parallels per radian of longitude, in closed form, in square metres."""
        lower, upper = np.sin(south), np.sin(north)
        # differences are taken before anything is added up, so that close neighbours do not cancel
        rise = 2 * np.sin((north - south) / 2) * np.cos((north + south) / 2)
        if self.e2 <= 0.0:
            return self.a**2 * rise
        e, both = math.sqrt(self.e2), self.e2 * lower * upper
        rational = rise * (1 + both) / ((1 - self.e2 * lower**2) * (1 - self.e2 * upper**2))
        return self.b**2 / 2 * (rational + np.arctanh(e * rise / (1 - both)) / e)


CGCS2000 = Ellipsoid(6378137.0, 6378137.0 * (1 - 1 / 298.257222101))
