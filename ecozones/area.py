"""Ground area of polygons on the ellipsoid, as the national survey reckons it, and totals that close."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Literal, get_args

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import ArrayLike, NDArray

from ecozones.errors import (
    CRSError,
    EcozonesWarning,
    GeometryError,
    InputError,
    MissingCRSError,
    SchemaError,
    name_rows,
)
from ecozones.ground_scale import GroundScale
from ecozones.units import AreaUnit, from_m2, round_half_up

AreaMethod = Literal["national", "geodesic", "equal_area", "planar"]
Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
# Strip area per radian between two latitudes, and the inverse of a projection: both go from arrays to arrays.
Strip = Callable[[Floats, Floats], Floats]
Inverse = Callable[[Floats, Floats], tuple[Floats, Floats]]

# The survey inserts points into every edge longer than this. [m]
_STEP_M = 70.0
# Where no procedure prescribes a step, edges are divided at this length and extrapolated: good to 1e-13. [m]
_EXACT_STEP_M = 700.0
# Points handled at once, so that they stay in the cache, and coordinates taken out of their geometries at once: some
# 100 MB, however large the layer.
_WINDOW = 1 << 15
_BATCH = 1 << 20
# Arc seconds in a radian as the survey writes it. The digits left off move longitudes by some 1e-7 seconds, and so the
# sixth decimal to which they are rounded: with a better value one area in forty differs in its last digit.
_ARC_SECONDS = 206264.8062471
# The survey's inverse series is good to a tenth of a millimetre within its zone; farther out PROJ takes over. [m]
_SERIES_REACH_M = 350_000.0
_POLE_LIMIT = math.radians(89.0)


@dataclasses.dataclass(frozen=True)
class _Ellipsoid:
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


_CGCS2000 = _Ellipsoid(6378137.0, 6378137.0 * (1 - 1 / 298.257222101))
# Constants of the survey's inverse series, for this ellipsoid only: with other axes they are another known mistake.
_K = (1.57048761144159e-7, 5.05250178820567e-3, 2.98472900956587e-5, 2.41626669230084e-7, 2.22241238938534e-9)
_ELLIPSOIDS = {
    "CGCS2000": (6378137.0, 298.257222101),
    "Xian 1980": (6378140.0, 298.257),
    "Beijing 1954": (6378245.0, 298.3),
}


def measure_area(
    frame: gpd.GeoDataFrame | gpd.GeoSeries,
    *,
    method: AreaMethod = "national",
    unit: AreaUnit = "m2",
    rounded: bool = True,
) -> pd.Series:
    """
    Measure the ground area of each polygon of a frame on the ellipsoid of its own CRS.

    Parameters
    ----------
    frame, method, unit, rounded
        As for :func:`ecozones.measure_area`, which also takes layers on disk.

    Returns
    -------
    Series
        Named ``area_<unit>``, on the index of `frame`. [unit]

    Raises
    ------
    MissingCRSError, GeometryError, CRSError
        As for :func:`ecozones.measure_area`.

    Notes
    -----
    Edges are straight in the plane they were drawn in. In a projected CRS that is the map; in a geographic one it is
    the plane of longitude and latitude, where points are inserted at about 70 m on the ground and only arc seconds
    are rounded. The same parcel drawn in both therefore differs by what lies between the two straight lines.

    Examples
    --------
    >>> square = shapely.box(500_000, 3_320_000, 501_000, 3_321_000)
    >>> measure_area(gpd.GeoSeries([square], crs="EPSG:4548"))
    0    999999.99
    Name: area_m2, dtype: float64
    """
    series = frame.geometry
    if series.crs is None:
        message = "polygons have no CRS, so their area on the ground is not known; set it with frame.set_crs(...)"
        raise MissingCRSError(message)
    geometry = np.asarray(series.array, dtype=object)
    _refuse(_without_polygon(geometry), series.index, "hold no polygon: give polygons, or buffer lines to their width")
    areas = _areas(geometry, series.crs, method, rounded=rounded, labels=series.index)
    return pd.Series(from_m2(areas, unit), index=series.index, name=f"area_{unit}")


def polygon_areas(
    geometry: NDArray[np.object_],
    crs: Any,  # noqa: ANN401 - whatever pyproj takes for a CRS
    *,
    method: AreaMethod = "national",
    rounded: bool = False,
) -> Floats:
    """
    Ground area of each geometry of an array, 0 where it has no polygon.

    Parameters
    ----------
    geometry
        Shapely geometries of any kind, None included; holes are taken off, parts added up, ring direction is ignored.
    crs
        The CRS of the coordinates, in any form that pyproj reads.
    method, rounded
        As in :func:`measure_area`.

    Returns
    -------
    ndarray
        Areas, never NaN. [m²]

    Raises
    ------
    GeometryError
        A polygon has coordinates that are not numbers or lie outside its projection, spans half the globe, or touches
        a pole.
    CRSError
        Planar area was asked for in degrees.

    Notes
    -----
    Without rounding, national and equal areas follow the scale of the plane, cell by cell, to 1e-11 of the area and the
    rounding of the coordinates. Where the projection is not smooth enough for that, or an edge is longer than 5 km,
    they follow every edge through the projection. Either way a polygon's area depends on that polygon alone.

    Examples
    --------
    >>> polygon_areas(np.array([shapely.box(0, 0, 2, 3), None]), "EPSG:4548", method="planar").tolist()
    [6.0, 0.0]
    """
    geometry = np.asarray(geometry, dtype=object)
    return _areas(geometry, crs, method, rounded=rounded, labels=pd.RangeIndex(len(geometry)))


def measure_length(geometry: NDArray[np.object_], crs: Any) -> Floats:  # noqa: ANN401 - whatever pyproj takes for a CRS
    """
    Length on the ellipsoid of the lines of each geometry of an array, 0 where it has none.

    Parameters
    ----------
    geometry
        Shapely geometries of any kind, None included; only lines have a length.
    crs
        The CRS of the coordinates, in any form that pyproj reads.

    Returns
    -------
    ndarray
        Lengths, never NaN. [m]

    Raises
    ------
    GeometryError
        Coordinates are not numbers or lie outside the projection.

    Examples
    --------
    >>> quarter = shapely.LineString([(0, 0), (0, 90)])
    >>> measure_length(np.array([quarter]), "EPSG:4326").round(3).tolist()
    [10001965.729]
    """
    geometry = np.asarray(geometry, dtype=object)
    surface = _Surface.of(_flat_crs(crs))
    parts, row = _parts(geometry, shapely.GeometryType.LINESTRING, shapely.GeometryType.LINEARRING)
    chains = _Chains.of(parts, row, np.ones(len(parts)), len(geometry))
    labels = pd.RangeIndex(len(geometry))
    lengths = np.zeros(len(parts))
    geod = surface.ellipsoid.geod()
    for stretch in chains.walk(chains.splits(surface, _EXACT_STEP_M, labels)):
        latitude, longitude = surface.project(stretch.x, stretch.y)
        stretch.check(latitude, chains, labels)
        east, north = np.degrees(longitude), np.degrees(latitude)
        steps = np.zeros(len(east))
        steps[:-1] = geod.inv(east[:-1], north[:-1], east[1:], north[1:])[2]
        steps[stretch.last] = 0.0  # from the end of one line to the start of the next there is no step
        lengths[stretch.chain] += stretch.sums(steps)
    return chains.gather(lengths)


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
    body = _Ellipsoid(major, major * (1 - 1 / inverse_flattening))
    lower = np.array([math.radians(south)])
    upper = np.array([math.radians(south + height / 60)])
    return float(body.series_strip(lower, upper)[0] * math.radians(width / 60))


def close_totals(values: ArrayLike | pd.Series, decimals: int, total: float | None = None) -> pd.DataFrame:
    """
    Round values so that they sum to their rounded total, by the largest remainder (面积调平).

    Parameters
    ----------
    values
        Numbers, as a series to keep its index.
    decimals
        Digits to keep after the decimal point.
    total
        The total to reach, None for the sum of `values`; rounded half up to `decimals` first.

    Returns
    -------
    DataFrame
        On the index of `values`: ``value``, ``rounded``, and ``adjustment``, what closing added to the plain half-up
        rounding. Ties go to the larger value, then to the earlier label, so the order of rows does not matter.

    Raises
    ------
    InputError
        Values are missing, or the total is so far off that a row would move by more than one last digit.

    Examples
    --------
    >>> close_totals([0.4, 0.4, 0.4], 0)
       value  rounded  adjustment
    0    0.4      1.0         1.0
    1    0.4      0.0         0.0
    2    0.4      0.0         0.0
    """
    series = pd.Series(values, dtype="float64") if not isinstance(values, pd.Series) else values.astype("float64")
    numbers = series.to_numpy(dtype=np.float64)
    missing = ~np.isfinite(numbers)
    if missing.any():
        message = (
            f"values at rows {name_rows(series.index[missing])} are missing, so no total closes; fill or drop them"
        )
        raise InputError(message)
    scale = 10.0**decimals
    units = np.rint(round_half_up(numbers, decimals) * scale).astype(np.int64)
    # a sum of the decimals that were written: exact, so neither binary noise nor the order of rows can turn a half
    goal = float(sum(Decimal(repr(number)) for number in numbers.tolist())) if total is None else total
    short = int(np.rint(round_half_up(goal, decimals) * scale)) - int(units.sum())
    if abs(short) > len(units):
        message = (
            f"the total {goal} lies {abs(short) / scale:g} from the sum of the rounded values, more than one last "
            f"digit for each of {len(units)} rows; that is no rounding: look for what the rows or the total lack"
        )
        raise InputError(message)
    # noise of the ninth digit of a remainder must not part what is equal
    remainder = np.round(numbers * scale - units, 6)
    table = pd.DataFrame(
        {"wish": -np.sign(short) * remainder, "size": -np.abs(numbers), "label": series.index.astype(str)}
    )
    order = table.sort_values(["wish", "size", "label"], kind="stable").index.to_numpy()
    shift = np.zeros(len(units), dtype=np.int64)
    shift[order[: abs(short)]] = np.sign(short)
    return pd.DataFrame(
        {
            "value": numbers,
            "rounded": np.round((units + shift) / scale, decimals),
            "adjustment": np.round(shift / scale, decimals),
        },
        index=series.index,
    )


def net_farmland_area(
    frame: gpd.GeoDataFrame,
    *,
    method: AreaMethod = "national",
    missing: Literal["refuse", "unknown"] = "refuse",
) -> pd.DataFrame:
    """
    Farmland left in each patch once ridges and ditches are taken off by its deduction coefficient (KCXS).

    Parameters
    ----------
    frame
        Farmland polygons with a column ``deduction``, a share from 0 to 1.
    method
        As in :func:`measure_area`.
    missing
        What to do with patches that state no deduction. A missing one is not zero: ``"refuse"`` raises, ``"unknown"``
        leaves net area empty and warns with their number.

    Returns
    -------
    DataFrame
        On the index of `frame`: ``gross_m2`` (TBMJ), ``deduction``, ``deducted_m2`` (KCMJ, rounded half up to 0.01 m²),
        ``net_m2`` (gross minus deducted). [m²]

    Raises
    ------
    SchemaError
        There is no column ``deduction``, or it holds what is no share; all such rows are named.

    Examples
    --------
    >>> patch = gpd.GeoDataFrame({"deduction": [0.12]}, geometry=[shapely.box(0, 0, 10, 10)], crs="EPSG:4548")
    >>> net_farmland_area(patch, method="planar")
       gross_m2  deduction  deducted_m2  net_m2
    0     100.0       0.12         12.0    88.0
    """
    if "deduction" not in frame.columns:
        message = "farmland has no column 'deduction' (KCXS, 扣除系数); net area cannot be told from gross: name it so"
        raise SchemaError(message)
    stated = frame["deduction"]
    share = pd.to_numeric(stated, errors="coerce").astype("float64")
    absent = (stated.isna() | stated.astype("string").str.strip().eq("").fillna(value=False)).to_numpy(dtype=bool)
    foreign = ~absent & ~share.between(0, 1).to_numpy()
    if foreign.any():
        problems = pd.DataFrame({"row": frame.index[foreign], "deduction": stated[foreign].to_numpy()})
        message = (
            f"deduction is no share from 0 to 1 in rows {name_rows(frame.index[foreign])} "
            f"(such as {stated[foreign].iloc[0]!r}); write 12.5 % as 0.125"
        )
        raise SchemaError(message, problems)
    if absent.any():
        told = f"deduction is missing in {absent.sum()} of {len(frame)} rows ({name_rows(frame.index[absent])})"
        if missing == "refuse":
            problems = pd.DataFrame({"row": frame.index[absent], "deduction": stated[absent].to_numpy()})
            message = f"{told}; a missing coefficient is not zero: state it, or pass missing='unknown'"
            raise SchemaError(message, problems)
        warnings.warn(f"{told}; their net area is unknown", EcozonesWarning, stacklevel=2)
    gross = measure_area(frame, method=method).to_numpy()
    deducted = np.full(len(frame), np.nan)
    # in whole numbers, where a half is a half: hundredths of a square metre times millionths
    product = np.rint(gross[~absent] * 100).astype(np.int64) * np.rint(share[~absent] * 1e6).astype(np.int64).to_numpy()
    deducted[~absent] = (product + 500_000) // 1_000_000 / 100
    columns = {"gross_m2": gross, "deduction": share, "deducted_m2": deducted, "net_m2": np.round(gross - deducted, 2)}
    return pd.DataFrame(columns, index=frame.index)


@dataclasses.dataclass(frozen=True)
class _Surface:
    """The plane that coordinates were drawn in, and the ellipsoid under it."""

    crs: pyproj.CRS
    ellipsoid: _Ellipsoid
    geographic: bool
    # metres (or radians) in a unit of the coordinates
    unit: float
    # a Gauss-Krueger zone on the CGCS2000 ellipsoid: central meridian [rad] and false easting without zone prefix [m]
    zone: tuple[float, float] | None = None
    # millions of metres that stand for the zone number in front of an easting
    prefix: float = 0.0

    @staticmethod
    @functools.lru_cache(maxsize=64)
    def of(crs: pyproj.CRS) -> _Surface:
        """Read ellipsoid, unit and zone from a CRS."""
        body = crs.ellipsoid
        if body is None or not (crs.is_projected or crs.is_geographic):
            message = f"{crs.name!r} is neither projected nor geographic, so ground areas are not known; align it first"
            raise CRSError(message)
        a = body.semi_major_metre
        # from the flattening: minor half axes are printed rounded
        b = a * (1 - 1 / body.inverse_flattening) if body.inverse_flattening else body.semi_minor_metre
        ellipsoid = _Ellipsoid(a, b)
        unit = crs.axis_info[0].unit_conversion_factor
        meridian_and_easting = _gauss_krueger(crs) if ellipsoid == _CGCS2000 else None
        if meridian_and_easting is None:
            return _Surface(crs, ellipsoid, bool(crs.is_geographic), unit)
        meridian, easting = meridian_and_easting
        return _Surface(
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
    a, b = _CGCS2000.a, _CGCS2000.b
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


@dataclasses.dataclass(frozen=True)
class _Chains:
    """All rings (or lines) of an array of geometries, as one run of coordinates."""

    xy: Floats
    # which chain a coordinate belongs to, and which geometry a chain belongs to
    chain: Integers
    row: Integers
    # +1 for shells and lines, -1 for holes
    sign: Floats
    size: int

    @staticmethod
    def of(parts: NDArray[np.object_], row: Integers, sign: Floats, size: int) -> _Chains:
        """Take the coordinates of rings or lines."""
        xy, chain = shapely.get_coordinates(parts, return_index=True)
        return _Chains(xy, chain, row, sign, size)

    @staticmethod
    def rings(geometry: NDArray[np.object_]) -> _Chains:
        """Take the rings of all polygons, those inside collections too."""
        return _Chains.of(*_rings(geometry), len(geometry))

    def gather(self, amounts: Floats) -> Floats:
        """Sum over the chains of each geometry, holes taken off whatever their direction."""
        return _gather(amounts, self.row, self.sign, self.size)

    def refuse(self, bad: NDArray[np.bool_], labels: pd.Index, told: str) -> None:
        """Name the geometries of the chains that cannot be measured."""
        if bad.any():
            _refuse(np.isin(np.arange(self.size), self.row[bad]), labels, told)

    @functools.cached_property
    def first(self) -> Floats:
        """The first coordinate of each chain."""
        return self.xy[np.searchsorted(self.chain, np.arange(len(self.row)))]

    @functools.cached_property
    def inner(self) -> NDArray[np.bool_]:
        """Whether an edge of the same chain starts at a coordinate."""
        follows = np.zeros(len(self.chain), dtype=bool)
        follows[:-1] = self.chain[1:] == self.chain[:-1]
        return follows

    def splits(self, surface: _Surface, step_m: float, labels: pd.Index) -> Integers:
        """Parts into which the edge at each coordinate is cut so that none is longer than a step; 1 at the last one."""
        odd = ~np.isfinite(self.xy).all(axis=1)
        if surface.geographic:
            odd |= (np.abs(self.xy) * surface.unit > [math.tau, math.pi / 2]).any(axis=1)
        bad = np.zeros(len(self.row), dtype=bool)
        bad[self.chain[odd]] = True
        self.refuse(bad, labels, "have coordinates that are no numbers or lie off the globe; repair them or drop them")
        splits = np.ones(len(self.xy), dtype=np.intp)
        length = surface.ground_length(self.xy[:-1], self.xy[1:])[self.inner[:-1]]
        bad[self.chain[self.inner][length > math.tau * surface.ellipsoid.a]] = True
        self.refuse(bad, labels, "have edges longer than the equator: the coordinates are not on their CRS")
        splits[self.inner] = np.floor(length / step_m).astype(np.intp) + 1
        return splits

    def walk(self, splits: Integers, places: int | None = None) -> Iterator[_Stretch]:
        """
        Pass over all chains with points inserted at equal steps, in stretches of bounded length.

        Where a chain is cut into stretches depends on that chain alone: the order of rows cannot be seen in a sum.
        """
        if len(splits) == 0:
            return
        begins = np.r_[True, self.chain[1:] != self.chain[:-1]]
        start = np.flatnonzero(begins)
        owner = np.cumsum(begins) - 1
        done = np.cumsum(splits)
        cost = np.add.reduceat(splits, start)
        within = (done - (done - splits)[start][owner]) // _WINDOW
        batch, long = np.cumsum(cost) // _WINDOW, cost >= _WINDOW
        apart = np.r_[True, (batch[1:] != batch[:-1]) | long[1:] | long[:-1]]
        cut = np.r_[True, np.where(begins[1:], apart[owner[1:]], within[1:] != within[:-1])]
        edges = np.r_[np.flatnonzero(cut), len(splits)]
        for lower, upper in itertools.pairwise(edges):
            # a chain cut in two has the point at the cut in both stretches
            end = upper + 1 if self.inner[upper - 1] else upper
            yield _Stretch.of(self.xy[lower:end], self.chain[lower:end], splits[lower:end], places)


@dataclasses.dataclass(frozen=True)
class _Stretch:
    """Points along some chains, in the order of walking."""

    x: Floats
    y: Floats
    # the chains met, and where the points of each begin
    chain: Integers
    start: Integers

    @staticmethod
    def of(xy: Floats, chain: Integers, splits: Integers, places: int | None) -> _Stretch:
        """Insert points into the edges between coordinates, at equal steps."""
        first = np.flatnonzero(np.r_[True, chain[1:] != chain[:-1]])
        count = splits.copy()
        count[np.r_[first[1:] - 1, len(chain) - 1]] = 1
        at = np.repeat(np.arange(len(count)), count)
        begin = np.cumsum(count) - count
        # always from the same end of an edge, so that a neighbour walking the other way gets the same points
        ahead = np.vstack([xy[1:], xy[-1:]])
        back = (ahead[:, 0] < xy[:, 0]) | ((ahead[:, 0] == xy[:, 0]) & (ahead[:, 1] < xy[:, 1]))
        low, high = np.where(back[:, None], ahead, xy), np.where(back[:, None], xy, ahead)
        step = np.arange(len(at)) - begin[at]
        share = np.where(back[at], count[at] - step, step) / count[at]
        points = low[at] + (high - low)[at] * share[:, None]
        points[begin] = xy
        if places is not None:
            # numpy's own rounding, halves to even, is what reproduces the published areas
            points = np.round(points, places)
        return _Stretch(points[:, 0], points[:, 1], chain[first], begin[first])

    def sums(self, amounts: Floats) -> Floats:
        """Sum of what each point brings, by chain."""
        return np.add.reduceat(amounts, self.start)

    @functools.cached_property
    def last(self) -> Integers:
        """The last point of each chain, where no step begins."""
        return np.r_[self.start[1:], len(self.x)] - 1

    def check(self, latitude: Floats, chains: _Chains, labels: pd.Index) -> None:
        """Refuse points that the projection cannot place."""
        lost = ~np.isfinite(latitude)
        if lost.any():
            bad = np.zeros(len(chains.row), dtype=bool)
            bad[self.chain[np.searchsorted(self.start, np.flatnonzero(lost), "right") - 1]] = True
            chains.refuse(bad, labels, "lie outside the area of their projection; check the CRS")

    def offsets(
        self, latitude: Floats, longitude: Floats, origin: Floats, chains: _Chains, labels: pd.Index, *, turn: bool
    ) -> Floats:
        """Longitude from the start of each chain in radians, refusing what reaches a pole or around the globe."""
        self.check(latitude, chains, labels)
        lengths = np.diff(np.r_[self.start, len(self.x)])
        offset = longitude - np.repeat(origin[self.chain], lengths)
        if turn:
            # a projected polygon may cross the 180th meridian; adding zero turns leaves every other one untouched
            offset -= math.tau * np.round(offset / math.tau)
        widest = np.maximum.reduceat(np.abs(offset), self.start) / (math.pi / 2 if turn else math.pi)
        nearest = np.maximum.reduceat(np.abs(latitude), self.start)
        bad = np.zeros(len(chains.row), dtype=bool)
        bad[self.chain[(widest >= 1) | (nearest > _POLE_LIMIT)]] = True
        chains.refuse(
            bad,
            labels,
            "span half the globe or reach a pole, where this formula fails; split them at the 180th meridian",
        )
        return offset


def _areas(
    geometry: NDArray[np.object_], crs: object, method: AreaMethod, *, rounded: bool, labels: pd.Index
) -> Floats:
    if method not in get_args(AreaMethod):
        message = f"area method {method!r} is not known; use one of {', '.join(get_args(AreaMethod))}"
        raise ValueError(message)
    surface = _Surface.of(_flat_crs(crs))
    measure = {
        "national": _survey if rounded else _series,
        "geodesic": _geodesic,
        "equal_area": _closed,
        "planar": _planar,
    }
    areas, rest = np.zeros(len(geometry)), np.arange(len(geometry))
    if method == "equal_area" or (method == "national" and not rounded):
        areas, rest = _by_scale(geometry, surface.closed_scale if method == "equal_area" else surface.series_scale)
    refused: list[pd.DataFrame] = []
    # a row is measured by itself, so where batches end cannot be seen in any figure
    for rows in _batches(geometry, rest):
        try:
            areas[rows] = measure[method](geometry[rows], surface, labels[rows])
        except GeometryError as error:
            if error.problems is None:
                raise
            refused.append(error.problems)
    if refused:
        raise _refusal(pd.concat(refused, ignore_index=True))
    return round_half_up(areas, 2) if rounded else areas


def _batches(geometry: NDArray[np.object_], rows: Integers) -> Iterator[Integers]:
    """Rows in batches of bounded size."""
    batch = np.cumsum(shapely.get_num_coordinates(geometry[rows])) // _BATCH
    return iter(np.split(rows, np.flatnonzero(np.diff(batch)) + 1))


def _by_scale(geometry: NDArray[np.object_], scale: GroundScale) -> tuple[Floats, Integers]:
    """Measure where the scale of the projection is known to the last digits, and give the rows where it is not."""
    simple = _own_rings(geometry)
    if simple.all():
        areas = scale.ring_areas(geometry)
        return areas, np.flatnonzero(np.isnan(areas))
    areas = np.zeros(len(geometry))
    areas[simple] = scale.ring_areas(geometry[simple])
    for rows in _batches(geometry, np.flatnonzero(~simple)):
        rings, row, sign = _rings(geometry[rows])
        # a row with one ring that is not known is not known
        areas[rows] = _gather(scale.ring_areas(rings), row, sign, len(rows))
    return areas, np.flatnonzero(np.isnan(areas))


def _series(geometry: NDArray[np.object_], surface: _Surface, labels: pd.Index) -> Floats:
    return _exact(_Chains.rings(geometry), surface, surface.ellipsoid.series_strip, surface.inverse, labels)


def _closed(geometry: NDArray[np.object_], surface: _Surface, labels: pd.Index) -> Floats:
    return _exact(_Chains.rings(geometry), surface, surface.ellipsoid.closed_strip, surface.project, labels)


def _survey(geometry: NDArray[np.object_], surface: _Surface, labels: pd.Index, *, rounded: bool = True) -> Floats:
    """Follow the procedure of the survey: points at 70 m, roundings, a trapezoid under each step."""
    chains = _Chains.rings(geometry)
    if surface.prefix:
        # seven digits in front cost the last ones: what was written with a prefix must round as without it
        chains = dataclasses.replace(chains, xy=np.round(chains.xy - [surface.prefix, 0.0], 7))
    locate = surface.survey_inverse if rounded else surface.inverse
    places = 4 if rounded and not surface.geographic else None
    areas, origin = np.zeros(len(chains.row)), locate(*chains.first.T)[1]
    for stretch in chains.walk(chains.splits(surface, _STEP_M, labels), places):
        latitude, longitude = locate(stretch.x, stretch.y)
        offset = stretch.offsets(latitude, longitude, origin, chains, labels, turn=not surface.geographic)
        steps = np.zeros_like(latitude)
        steps[:-1] = surface.ellipsoid.series_strip(latitude[:-1], latitude[1:]) * (offset[:-1] + offset[1:]) / 2
        steps[stretch.last] = 0.0
        areas[stretch.chain] += stretch.sums(steps)
    return chains.gather(areas)


def _exact(chains: _Chains, surface: _Surface, strip: Strip, inverse: Inverse, labels: pd.Index) -> Floats:
    """
    Ground between edges that are straight in the plane, wherever vertices lie on them.

    A trapezoid cuts off what lies between an edge and its chord, which falls with the square of the step: what halving
    the step brings, and a third of it again, is all of it. Only so do the pieces of a cut polygon sum to the whole.
    """
    if inverse == surface.inverse and surface.prefix:
        chains = dataclasses.replace(chains, xy=chains.xy - [surface.prefix, 0.0])
    splits = chains.splits(surface, _EXACT_STEP_M, labels)
    splits[chains.inner] *= 2
    areas, origin = np.zeros(len(chains.row)), inverse(*chains.first.T)[1]
    for stretch in chains.walk(splits):
        latitude, longitude = inverse(stretch.x, stretch.y)
        offset = stretch.offsets(latitude, longitude, origin, chains, labels, turn=not surface.geographic)
        rise, steps = np.zeros_like(latitude), np.zeros_like(latitude)
        rise[:-1] = strip(latitude[:-1], latitude[1:])
        steps[:-1] = rise[:-1] * (offset[:-1] + offset[1:]) / 2
        steps[stretch.last] = 0.0
        start = np.ones(len(latitude), dtype=bool)
        start[stretch.last] = False
        # each edge has an even number of steps, so pairs begin at every other point of a chain
        lengths = np.diff(np.r_[stretch.start, len(latitude)])
        start &= (np.arange(len(latitude)) - np.repeat(stretch.start, lengths)) % 2 == 0
        at = np.flatnonzero(start)
        before, middle, after = offset[at], offset[at + 1], offset[at + 2]
        steps[at] += (rise[at] * (middle - after) + rise[at + 1] * (middle - before)) / 6
        areas[stretch.chain] += stretch.sums(steps)
    return chains.gather(areas)


def _geodesic(geometry: NDArray[np.object_], surface: _Surface, labels: pd.Index) -> Floats:
    """GeographicLib, ring by ring, with geodesics between points at 70 m."""
    chains, geod = _Chains.rings(geometry), surface.ellipsoid.geod()
    areas = np.zeros(len(chains.row))
    parts: list[tuple[Floats, Floats]] = []
    ring = -1
    for stretch in chains.walk(chains.splits(surface, _STEP_M, labels)):
        latitude, longitude = surface.project(stretch.x, stretch.y)
        stretch.check(latitude, chains, labels)
        bounds = np.r_[stretch.start, len(latitude)]
        north, east = np.degrees(latitude), np.degrees(longitude)
        for number, (lower, upper) in zip(stretch.chain, itertools.pairwise(bounds), strict=True):
            if number != ring:
                parts, ring = [], number
            parts.append((east[lower:upper], north[lower:upper]))
            # of a ring that spans several stretches only the last sum stays
            lon, lat = (np.concatenate(axis) for axis in zip(*parts, strict=True))
            areas[number] = geod.polygon_area_perimeter(lon, lat)[0]
    return chains.gather(areas)


def _planar(geometry: NDArray[np.object_], surface: _Surface, labels: pd.Index) -> Floats:
    if surface.geographic:
        message = f"{surface.crs.name!r} is in degrees, which have no planar area; use method='national'"
        raise CRSError(message)
    _refuse(_not_finite(geometry), labels, "have coordinates that are no numbers; repair them or drop them")
    return np.nan_to_num(shapely.area(geometry)) * surface.unit**2


def _parts(geometry: NDArray[np.object_], *kinds: shapely.GeometryType) -> tuple[NDArray[np.object_], Integers]:
    """Single parts of some kinds, out of collections at any depth, and the row each comes from."""
    parts, row = shapely.get_parts(geometry, return_index=True)
    while (shapely.get_type_id(parts) >= shapely.GeometryType.MULTIPOINT).any():
        parts, inner = shapely.get_parts(parts, return_index=True)
        row = row[inner]
    wanted = np.isin(shapely.get_type_id(parts), kinds) & ~shapely.is_empty(parts)
    return parts[wanted], row[wanted]


def _rings(geometry: NDArray[np.object_]) -> tuple[NDArray[np.object_], Integers, Floats]:
    """Rings of all polygons, those inside collections too, the row each comes from, and -1 for holes."""
    simple = _own_rings(geometry) & ~shapely.is_empty(geometry)
    alone, other = np.flatnonzero(simple), np.flatnonzero(~simple)
    polygons, row = _parts(geometry[other], shapely.GeometryType.POLYGON)
    rings, polygon = shapely.get_rings(polygons, return_index=True)
    first = np.ones(len(rings), dtype=bool)
    first[1:] = polygon[1:] != polygon[:-1]
    return (
        np.r_[geometry[alone], rings],
        np.r_[alone, other[row[polygon]]],
        np.r_[np.ones(len(alone)), np.where(first, 1.0, -1.0)],
    )


def _own_rings(geometry: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Polygons without holes are their own rings: most are, and to take rings out costs more than to measure them."""
    polygons = shapely.get_type_id(geometry) == shapely.GeometryType.POLYGON
    return np.asarray(polygons & (shapely.get_num_interior_rings(geometry) == 0))


def _gather(amounts: Floats, row: Integers, sign: Floats, size: int) -> Floats:
    """Sum what rings hold by row, holes taken off whatever their direction."""
    return np.bincount(row, weights=np.abs(amounts) * sign, minlength=size).astype(np.float64)


def _without_polygon(geometry: NDArray[np.object_]) -> NDArray[np.bool_]:
    _, row = _parts(geometry, shapely.GeometryType.POLYGON)
    has = np.zeros(len(geometry), dtype=bool)
    has[row] = True
    polygonal = np.isin(
        shapely.get_type_id(geometry), (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
    )
    return ~has & ~polygonal


def _not_finite(geometry: NDArray[np.object_]) -> NDArray[np.bool_]:
    xy, row = shapely.get_coordinates(geometry, return_index=True)
    bad = np.zeros(len(geometry), dtype=bool)
    bad[row[~np.isfinite(xy).all(axis=1)]] = True
    return bad


def _refuse(bad: NDArray[np.bool_], labels: pd.Index, told: str) -> None:
    if bad.any():
        raise _refusal(pd.DataFrame({"row": labels[bad], "problem": told}))


def _refusal(problems: pd.DataFrame) -> GeometryError:
    groups = problems.groupby("problem", sort=False)["row"]
    return GeometryError("; ".join(f"geometries in rows {name_rows(rows)} {told}" for told, rows in groups), problems)


def _flat_crs(crs: object) -> pyproj.CRS:
    """Strip heights and attached datum shifts: neither moves a coordinate on its own ellipsoid."""
    if crs is None:
        message = "coordinates have no CRS, so what they measure on the ground is not known; set one first"
        raise MissingCRSError(message)
    read = pyproj.CRS.from_user_input(crs)
    while read.is_bound or read.is_compound:
        read = read.source_crs if read.is_bound else read.sub_crs_list[0]
    return read
