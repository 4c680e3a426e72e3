"""The plane that coordinates were drawn in, and the way from it down to the ellipsoid."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable

import numpy as np
import pyproj

from ecozones.area.ellipsoid import CGCS2000, Ellipsoid, Floats
from ecozones.errors import CRSError, MissingCRSError
from ecozones.ground_scale import GroundScale, Strip

Inverse = Callable[[Floats, Floats], tuple[Floats, Floats]]
# Arc seconds in a radian as the survey writes it. The digits left off move longitudes by some 1e-7 seconds, and so the
# sixth decimal to which they are rounded: with a better value one area in forty differs in its last digit.
_ARC_SECONDS = 206264.8062471
# The survey's inverse series is good to a tenth of a millimetre within its zone; farther out PROJ takes over. [m]
_SERIES_REACH_M = 350_000.0
# Constants of the survey's inverse series, for this ellipsoid only: with other axes they are another known mistake.
_K = (1.57048761144159e-7, 5.05250178820567e-3, 2.98472900956587e-5, 2.41626669230084e-7, 2.22241238938534e-9)


@dataclasses.dataclass(frozen=True)
class Surface:
    """The plane that coordinates were drawn in, and the ellipsoid under it."""

    crs: pyproj.CRS
    ellipsoid: Ellipsoid
    geographic: bool
    # metres (or radians) in a unit of the coordinates
    unit: float
    # a Gauss-Krueger zone on the CGCS2000 ellipsoid: central meridian [rad] and false easting without zone prefix [m]
    zone: tuple[float, float] | None = None
    # millions of metres that stand for the zone number in front of an easting
    prefix: float = 0.0

    @staticmethod
    @functools.lru_cache(maxsize=64)
    def of(crs: pyproj.CRS) -> Surface:
        """Read ellipsoid, unit and zone from a CRS."""
        body = crs.ellipsoid
        if body is None or not (crs.is_projected or crs.is_geographic):
            message = f"{crs.name!r} is neither projected nor geographic, so ground areas are not known; align it first"
            raise CRSError(message)
        a = body.semi_major_metre
        # from the flattening: minor half axes are printed rounded
        b = a * (1 - 1 / body.inverse_flattening) if body.inverse_flattening else body.semi_minor_metre
        ellipsoid = Ellipsoid(a, b)
        unit = crs.axis_info[0].unit_conversion_factor
        meridian_and_easting = _gauss_krueger(crs) if ellipsoid == CGCS2000 else None
        if meridian_and_easting is None:
            return Surface(crs, ellipsoid, bool(crs.is_geographic), unit)
        meridian, easting = meridian_and_easting
        return Surface(
            crs, ellipsoid, geographic=False, unit=unit, zone=(meridian, easting % 1e6), prefix=easting - easting % 1e6
        )

    @functools.cached_property
    def series_scale(self) -> GroundScale:
        """What the national series makes of a square metre of plane."""
        return self._scale(lambda x, y: self.inverse(x - self.prefix, y), self.ellipsoid.series_strip)

    @functools.cached_property
    def closed_scale(self) -> GroundScale:
        """What the closed form makes of a square metre of plane."""
        return self._scale(self.project, self.ellipsoid.closed_strip)

    def _scale(self, locate: Inverse, strip: Strip) -> GroundScale:
        return GroundScale(locate, strip, self.unit * (self.ellipsoid.a if self.geographic else 1.0))

    @functools.cached_property
    def _to_degrees(self) -> pyproj.Transformer:
        return pyproj.Transformer.from_crs(self.crs, self.crs.geodetic_crs, always_xy=True)

    def ground_length(self, start: Floats, end: Floats) -> Floats:
        """Length of edges, near enough to place points on them, in metres."""
        step = (end - start) * self.unit
        if self.geographic:
            step[:, 0] *= np.cos((start[:, 1] + end[:, 1]) / 2 * self.unit)
            step *= self.ellipsoid.a
        return np.hypot(step[:, 0], step[:, 1])

    def project(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Latitude and longitude by PROJ, in radians."""
        if self.geographic:
            return y * self.unit, x * self.unit
        longitude, latitude = self._to_degrees.transform(x, y)
        factor = self.crs.geodetic_crs.axis_info[0].unit_conversion_factor
        return np.asarray(latitude) * factor, np.asarray(longitude) * factor

    def inverse(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Latitude and longitude of eastings without prefix, by the survey's series where it holds, in radians."""
        if self.zone is None:
            return self.project(x, y)
        meridian, easting = self.zone
        latitude, longitude = _gauss_inverse(y, x - easting)
        longitude += meridian
        far = np.abs(x - easting) > _SERIES_REACH_M
        if far.any():
            latitude[far], longitude[far] = self.project(x[far] + self.prefix, y[far])
        return latitude, longitude

    def survey_inverse(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Latitude and longitude to the sixth decimal of an arc second, in radians."""
        latitude, longitude = self.inverse(x, y)
        return (
            np.round(latitude * _ARC_SECONDS, 6) / _ARC_SECONDS,
            np.round(longitude * _ARC_SECONDS, 6) / _ARC_SECONDS,
        )


def _gauss_krueger(crs: pyproj.CRS) -> tuple[float, float] | None:
    """Central meridian [rad] and false easting [m] of a zone, None for any other projection."""
    operation = crs.coordinate_operation
    if operation is None or operation.method_name != "Transverse Mercator":
        return None
    value = {parameter.name: parameter.value for parameter in operation.params}
    plain = value["Scale factor at natural origin"] == 1 and value["False northing"] == 0
    if not plain or value["Latitude of natural origin"] != 0 or crs.axis_info[0].unit_conversion_factor != 1:
        return None
    return math.radians(value["Longitude of natural origin"]), value["False easting"]


def _gauss_inverse(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Latitude, and longitude from the central meridian, of a northing and an easting from it, in radians."""
    a, b = CGCS2000.a, CGCS2000.b
    angle = _K[0] * x
    sine = np.sin(angle)
    # powers one by one: numpy's own take as long as everything else here
    s2 = sine * sine
    foot = angle + np.cos(angle) * sine * (_K[1] - s2 * (_K[2] - s2 * (_K[3] - s2 * _K[4])))
    cosine = np.cos(foot)
    t = np.sin(foot) / cosine
    t2 = t * t
    eta2 = (a * a - b * b) / b**2 * (cosine * cosine)
    v2 = 1 + eta2
    u = y * np.sqrt(v2) / (a * a / b)
    u2 = u * u
    latitude = foot - 0.5 * v2 * t * u2 * (
        1 - u2 * ((5 + t2 * (3 - 9 * eta2) + eta2) / 12 - u2 * (61 + t2 * (90 + 45 * t2)) / 360)
    )
    longitude = (u / cosine) * (
        1 - u2 * ((1 + 2 * t2 + eta2) / 6 - u2 * (5 + t2 * (28 + 24 * t2) + eta2 * (6 + 8 * t2)) / 120)
    )
    return latitude, longitude


def flat_crs(crs: object) -> pyproj.CRS:
    """
    Strip heights and attached datum shifts: neither moves a coordinate on its own ellipsoid.

    Parameters
    ----------
    crs
        In any form that pyproj reads.

    Returns
    -------
    CRS
        Of two axes.

    Raises
    ------
    MissingCRSError
        There is none.
    """
    if crs is None:
        message = "coordinates have no CRS, so what they measure on the ground is not known; set one first"
        raise MissingCRSError(message)
    read = pyproj.CRS.from_user_input(crs)
    while read.is_bound or read.is_compound:
        read = read.source_crs if read.is_bound else read.sub_crs_list[0]
    return read
