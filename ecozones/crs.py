"""Are coordinates where they say they are; bring a frame to another CRS, or refuse to."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
import warnings
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj.aoi import AreaOfInterest
from pyproj.crs import BoundCRS
from pyproj.crs.coordinate_operation import ToWGS84Transformation
from pyproj.transformer import TransformerGroup

from ecozones.errors import CRSError, DatumShiftError, GeometryError, MissingCRSError, name_rows

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
# A degree along the equator, by which small lengths are turned into degrees. [m]
DEGREE_M = 111_320.0
# Numbers of zones over China, by width in degrees, and the EPSG codes of the first one with and without prefix.
_ZONES = {3: (25, 45, 4513, 4534), 6: (13, 23, 4491, 4502)}
# PROJ has no transformation between these and moves nothing; they agree to centimetres, less than anything here shows.
_ONE_DATUM = ("China 2000", "World Geodetic System 1984")
# Datums whose link to CGCS2000 is not public: what PROJ offers for them belongs to other places.
_OLD_DATUMS = ("Xian 1980", "Beijing 1954", "New Beijing")
# How far data may lie outside the area their CRS was made for: a county reaches over the edge of a zone. [degrees]
_MARGIN = 2.5
_MILLION = 1_000_000.0
_SEVEN = 7


@dataclasses.dataclass(frozen=True)
class Zone:
    """
    A Gauss-Krueger zone of the Chinese grid.

    Parameters
    ----------
    number
        25 to 45 for zones of 3 degrees, 13 to 23 for zones of 6.
    width
        3 or 6. [degrees]
    prefixed
        Whether eastings begin with the zone number.
    """

    number: int
    width: int
    prefixed: bool

    @property
    def central_meridian(self) -> int:
        """Longitude of the central meridian, in degrees."""
        return 3 * self.number if self.width == 3 else 6 * self.number - 3  # noqa: PLR2004 - degrees, not a magic number

    @property
    def epsg(self) -> int:
        """EPSG code of the zone on CGCS2000."""
        first, _, prefixed, plain = _ZONES[self.width]
        return (prefixed if self.prefixed else plain) + self.number - first

    def __str__(self) -> str:
        """Name it as planners do."""
        form = "with" if self.prefixed else "without"
        return f"{self.width}-degree zone {self.number} (central meridian {self.central_meridian}°E, {form} prefix)"


def zone_of(crs: Any) -> Zone | None:  # noqa: ANN401 - whatever pyproj takes for a CRS
    """
    Gauss-Krueger zone that a CRS is on, None where it is on none.

    Parameters
    ----------
    crs
        An EPSG code, a name, WKT or a CRS object, of any datum.

    Returns
    -------
    Zone or None
        Number, width, prefix and central meridian.

    Examples
    --------
    >>> zone_of(4527).number, zone_of(4527).prefixed, zone_of(4548).central_meridian
    (39, True, 117)
    """
    read = pyproj.CRS.from_user_input(crs)
    grid = _transverse_mercator(read)
    if grid is None:
        return None
    meridian, easting = grid
    prefix = round((easting - 500_000) / _MILLION)
    if prefix:
        width = 3 if prefix >= _ZONES[3][0] else 6
    else:
        # the 117th meridian is the middle of a zone in both grids, and only the name tells which is meant
        wide = re.search(r"gauss|gk", read.name, re.IGNORECASE) and not re.search(
            r"3[-_ ]?deg", read.name, re.IGNORECASE
        )
        width = 6 if wide else 3
    number = prefix or round((meridian + (3 if width == 6 else 0)) / width)  # noqa: PLR2004 - degrees
    zone = Zone(number, width, prefixed=bool(prefix))
    first, last, _, _ = _ZONES[width]
    return zone if first <= number <= last and math.isclose(zone.central_meridian, meridian) else None


def gauss_kruger(longitude: float, *, prefixed: bool = False) -> pyproj.CRS:
    """
    CGCS2000 grid of 3 degrees that a longitude lies in.

    Parameters
    ----------
    longitude
        In China, 73.5 to 136.5. [degrees]
    prefixed
        Whether eastings are to begin with the zone number.

    Returns
    -------
    CRS
        One of EPSG:4513 to 4533 with prefix, 4534 to 4554 without.

    Raises
    ------
    ValueError
        No zone of the Chinese grid covers the longitude.

    Examples
    --------
    >>> gauss_kruger(116.4).to_epsg(), gauss_kruger(116.4, prefixed=True).to_epsg()
    (4548, 4527)
    """
    number = math.floor(longitude / 3 + 0.5)
    first, last, _, _ = _ZONES[3]
    if not first <= number <= last:
        message = f"longitude {longitude} lies in no 3-degree zone of the Chinese grid, which goes from 73.5 to 136.5"
        raise ValueError(message)
    return pyproj.CRS.from_epsg(Zone(number, 3, prefixed).epsg)


def check_crs(frame: gpd.GeoDataFrame | gpd.GeoSeries, *, what: str, web_mercator: bool = False) -> None:
    """
    Refuse a frame whose coordinates cannot be where its CRS says.

    Parameters
    ----------
    frame
        Any geometries; empty ones are passed over.
    what
        What the frame is called in messages.
    web_mercator
        Take Web Mercator, as a planner's sketch from an internet map may come. It is refused by default: lines of legal
        weight are not drawn on a display projection, and a file that says so was converted by someone.

    Raises
    ------
    MissingCRSError
        There is no CRS; the message says which one the coordinates look like.
    CRSError
        Zone prefix against the CRS, swapped axes, another zone, degrees for metres or the reverse, Web Mercator. All
        rows are listed in ``problems``.

    Notes
    -----
    Coordinates without a zone prefix fit any zone: that a layer of zone 39 is labelled zone 40 shows only where it lies
    off the zone's own strip by more than 2.5 degrees.

    Examples
    --------
    >>> check_crs(gpd.GeoSeries.from_xy([39_500_000], [4_400_000], crs=4527), what="sites")
    >>> check_crs(gpd.GeoSeries.from_xy([500_000], [4_400_000], crs=4527), what="sites")
    Traceback (most recent call last):
    ecozones.errors.CRSError: sites: eastings have no zone number in front, but
    'CGCS2000 / 3-degree Gauss-Kruger zone 39' wants 39 there; use EPSG:4548 if the zone is right (rows 0)
    """
    series = frame.geometry
    bounds = shapely.bounds(np.asarray(series.array, dtype=object))
    here = np.isfinite(bounds).all(axis=1)
    low, high = bounds[here, :2], bounds[here, 2:]
    if series.crs is None:
        raise MissingCRSError(_missing(what, low, high))
    crs = pyproj.CRS.from_user_input(series.crs)
    if _is_web_mercator(crs) and not web_mercator:
        message = (
            f"{what} is on Web Mercator, a display projection that makes areas at 40° north 1.7 times too large; use "
            "the file it was made from, or transform it to CGCS2000 yourself if it is the original"
        )
        raise CRSError(message)
    told = _degree_faults(crs, low, high) if crs.is_geographic else _metre_faults(crs, low / 2 + high / 2)
    if any(told):
        rows, texts = series.index[here], pd.Series(told)
        problems = pd.DataFrame({"row": rows, "problem": texts.to_numpy()})[(texts != "").to_numpy()]
        groups = problems.groupby("problem", sort=False)["row"]
        message = f"{what}: " + "; ".join(f"{text} (rows {name_rows(labels)})" for text, labels in groups)
        raise CRSError(message, problems.reset_index(drop=True))


def _missing(what: str, low: Floats, high: Floats) -> str:
    message = f"{what} has no CRS, so nobody can say where it is"
    guess = ""
    if len(low):
        x, y = np.median(low / 2 + high / 2, axis=0)
        number = int(x // _MILLION)
        if np.all(np.abs(low) <= [180, 90]) and np.all(np.abs(high) <= [180, 90]):
            guess = "its coordinates look like degrees (EPSG:4490 on CGCS2000)"
        elif _zone_numbered(number):
            zone = Zone(number, 3 if number >= _ZONES[3][0] else 6, prefixed=True)
            guess = f"its eastings begin with {number}, which looks like EPSG:{zone.epsg}, the {zone}"
        elif 1e5 < x < 9e5 and 1e6 < y < 6e6:  # noqa: PLR2004 - eastings and northings of China
            guess = (
                "it looks like a Gauss-Krueger zone without prefix (EPSG:4534 to 4554): ask for the central meridian"
            )
    remedy = "find out from whoever sent it and set it with frame.set_crs(...)"
    return "; ".join(filter(None, (message, guess, remedy)))


def _zone_numbered(number: int) -> bool:
    return any(first <= number <= last for first, last, _, _ in _ZONES.values())


def _degree_faults(crs: pyproj.CRS, low: Floats, high: Floats) -> list[str]:
    """Tell what is wrong with each row of a layer in degrees, empty where nothing is."""
    reach = np.maximum(np.abs(low), np.abs(high))
    middle = low / 2 + high / 2
    off = (reach > [180.0, 90.0]).any(axis=1)
    swaps = off & (reach <= [90.0, 180.0]).all(axis=1)
    area = crs.area_of_use
    if area is not None and 0 < area.east - area.west < 180:  # noqa: PLR2004 - degrees
        swaps |= ~_in_box(middle, area) & _in_box(middle[:, ::-1], area)
    metres = (reach > 360.0).any(axis=1)  # noqa: PLR2004 - degrees
    texts = np.full(len(reach), "", dtype=object)
    texts[off] = "longitude or latitude is out of range (-180 to 180, -90 to 90)"
    texts[metres] = f"coordinates are metres, but {crs.name!r} is in degrees: state the projected CRS they are on"
    texts[swaps] = "latitude comes before longitude: swap the axes, x is longitude"
    return list(texts)


def _in_box(points: Floats, area: Any, margin: float = _MARGIN) -> Flags:  # noqa: ANN401 - pyproj's AreaOfUse
    x, y = points.T
    # counted eastwards from the west side, so that an area may cross the 180th meridian
    along, across = (x - area.west + margin) % 360, (area.east - area.west) % 360 or 360
    inside = along <= across + 2 * margin
    return np.asarray(inside & (y >= area.south - margin) & (y <= area.north + margin))


def _metre_faults(crs: pyproj.CRS, points: Floats) -> list[str]:
    """Tell what is wrong with each row of a projected layer, empty where nothing is."""
    fits = _placed(crs, points) & ~_like_degrees(crs, points)
    if fits.all():
        return [""] * len(points)
    swapped = _placed(crs, points[:, ::-1])
    zone = zone_of(crs)
    longitude = to_degrees(crs, points)[:, 0]
    return [
        "" if good else _explain(crs, zone, point, float(degrees), swaps=bool(swaps))
        for good, point, swaps, degrees in zip(fits, points, swapped, longitude, strict=True)
    ]


def _like_degrees(crs: pyproj.CRS, points: Floats) -> Flags:
    """Tell metres that would be the very place as degrees, within a few paces of a false origin otherwise."""
    small = (np.abs(points) <= [180, 90]).all(axis=1)
    return (
        np.asarray(small & _in_box(points, crs.area_of_use)) if crs.area_of_use else np.zeros(len(points), dtype=bool)
    )


def _explain(  # noqa: PLR0911 - one return for each way to be wrong
    crs: pyproj.CRS, zone: Zone | None, point: Floats, longitude: float, *, swaps: bool
) -> str:
    x, y = float(point[0]), float(point[1])
    number, other = int(x // _MILLION), int(y // _MILLION)
    if abs(x) <= 360 and abs(y) <= 180:  # noqa: PLR2004 - degrees of any convention
        return f"coordinates are degrees, but {crs.name!r} is in metres: state the geographic CRS they are on"
    if swaps or (zone is not None and _zone_numbered(other) and number < 7):  # noqa: PLR2004 - northings of China
        return "northing comes before easting: swap the axes, x is the easting"
    if zone is not None and not zone.prefixed and _zone_numbered(number):
        right = Zone(number, 3 if number >= _ZONES[3][0] else 6, prefixed=True)
        return f"eastings begin with zone number {number}, but {crs.name!r} has none there; use EPSG:{right.epsg}"
    if zone is not None and zone.prefixed and 0 <= x < _MILLION:
        plain = dataclasses.replace(zone, prefixed=False)
        return (
            f"eastings have no zone number in front, but {crs.name!r} wants {zone.number} there; "
            f"use EPSG:{plain.epsg} if the zone is right"
        )
    if zone is not None and zone.prefixed and _zone_numbered(number) and number != zone.number:
        right = Zone(number, 3 if number >= _ZONES[3][0] else 6, prefixed=True)
        return (
            f"eastings begin with zone number {number}, but {crs.name!r} is zone {zone.number}; use EPSG:{right.epsg}"
        )
    if zone is not None and 72 < longitude < 138:  # noqa: PLR2004 - longitudes of China
        likely = Zone(math.floor(longitude / 3 + 0.5), 3, zone.prefixed)
        return (
            f"coordinates lie {abs(longitude - zone.central_meridian):.1f} degrees from the central meridian of "
            f"{crs.name!r}: they look like zone {likely.number} (EPSG:{likely.epsg}), or the CRS is wrong"
        )
    return f"coordinates lie outside the area of {crs.name!r}: the CRS or the coordinates are wrong"


def _placed(crs: pyproj.CRS, points: Floats) -> Flags:
    """Whether points lie in the area that their CRS was made for, or in no area known."""
    degrees = to_degrees(crs, points)
    finite = np.isfinite(degrees).all(axis=1)
    zone = zone_of(crs)
    if zone is not None:
        # the easting has a say too: far out the inverse projection folds back
        offset = points[:, 0] - 500_000 - (zone.number * _MILLION if zone.prefixed else 0.0)
        near = np.abs(degrees[:, 0] - zone.central_meridian) <= zone.width / 2 + _MARGIN
        return np.asarray(finite & near & (np.abs(offset) < 700_000) & (degrees[:, 1] > 0) & (degrees[:, 1] < 60))  # noqa: PLR2004
    area = crs.area_of_use
    if area is None:
        return np.asarray(finite)
    return np.asarray(finite & _in_box(degrees, area))


def to_degrees(crs: pyproj.CRS, points: Floats) -> Floats:
    """Bring points of a CRS to longitude and latitude of its own datum."""
    flat = crs.source_crs if crs.is_bound else crs
    back = pyproj.Transformer.from_crs(flat, flat.geodetic_crs, always_xy=True)
    return np.column_stack(back.transform(points[:, 0], points[:, 1]))


def _transverse_mercator(crs: pyproj.CRS) -> tuple[float, float] | None:
    """Central meridian [degrees] and false easting [m] of a Gauss-Krueger grid, None for any other CRS."""
    operation = crs.coordinate_operation if crs.is_projected else None
    if operation is None or operation.method_name != "Transverse Mercator":
        return None
    value = {parameter.name: parameter.value for parameter in operation.params}
    if value["Scale factor at natural origin"] != 1 or value["Latitude of natural origin"] != 0:
        return None
    return value["Longitude of natural origin"], value["False easting"]


def _is_web_mercator(crs: pyproj.CRS) -> bool:
    operation = crs.coordinate_operation if crs.is_projected else None
    names = "" if operation is None else f"{operation.method_name} {operation.name} {crs.name}"
    return (
        re.search(
            r"pseudo[- ]?mercator|popular visuali[sz]ation|auxiliary[_ ]sphere|web[_ ]mercator", names, re.IGNORECASE
        )
        is not None
    )


def align(
    frame: gpd.GeoDataFrame,
    crs: Any,  # noqa: ANN401 - whatever pyproj takes for a CRS
    *,
    what: str,
    pipeline: str | None = None,
) -> tuple[gpd.GeoDataFrame, str]:
    """
    Bring a frame to a CRS, and say by which path and how exactly.

    Parameters
    ----------
    frame
        Any geometries with a CRS; the frame given is not changed.
    crs
        The CRS to come to, in any form that pyproj reads.
    what
        What the frame is called in messages.
    pipeline
        Local parameters, where no public ones exist: a PROJ pipeline from the frame's coordinates to those of `crs` (x
        before y), or the seven parameters ``"dx,dy,dz,rx,ry,rz,ds"`` of the position vector (Bursa-Wolf) model from the
        frame's datum to CGCS2000. [m, arc seconds, ppm]

    Returns
    -------
    tuple
        The frame on `crs`, and the path in words with its accuracy.

    Raises
    ------
    MissingCRSError
        The frame has no CRS.
    DatumShiftError
        No transformation of stated accuracy is known between the two datums, as for Xi'an 1980 and Beijing 1954.
    GeometryError
        Coordinates cannot be transformed; their rows are named.

    Notes
    -----
    CGCS2000 and WGS 84 are taken for one datum: they differ by centimetres, and PROJ has no
    transformation between them.

    Examples
    --------
    >>> site = gpd.GeoDataFrame(geometry=gpd.points_from_xy([117.0], [40.0]), crs=4490)
    >>> moved, path = align(site, "EPSG:4548", what="sites")
    >>> float(moved.geometry.x[0].round(3)), path
    (500000.0, 'sites: EPSG:4490 to EPSG:4548 on the same datum, exact')
    """
    if frame.crs is None:
        check_crs(frame, what=what)
    source, target = pyproj.CRS.from_user_input(frame.crs), pyproj.CRS.from_user_input(crs)
    names = f"{what}: {_short(source)} to {_short(target)}"
    if same_crs(source, target):
        relabelled = frame.copy().set_crs(target, allow_override=True)
        name = "" if _short(source) == _short(target) else " under another name"
        return relabelled, f"{what}: {_short(target)}{name}, not transformed"
    if pipeline is not None:
        steps, told = _by_hand(source, target, pipeline)
    elif same_datum(source, target):
        steps, told = [pyproj.Transformer.from_crs(source, target, always_xy=True)], "on the same datum, exact"
        if _datum(source) != _datum(target):
            told = f"taking {_datum(source)} and {_datum(target)} for one datum (they differ by centimetres)"
    else:
        steps, told = _published(source, target, frame, what)
    moved = _transformed(np.asarray(frame.geometry.array, dtype=object), steps)
    lost = _not_finite(moved)
    if lost.any():
        rows = frame.index[lost]
        message = f"{names}: rows {name_rows(rows)} have no place there; check their coordinates"
        raise GeometryError(message, pd.DataFrame({"row": rows, "problem": "cannot be transformed"}))
    column = gpd.GeoSeries(moved, index=frame.index, crs=target)
    return frame.set_geometry(column.rename(frame.geometry.name), crs=target), f"{names} {told}"


def same_crs(first: Any, second: Any) -> bool:  # noqa: ANN401 - whatever pyproj takes for a CRS
    """
    Whether coordinates mean the same on two CRSs, however they are spelled.

    Parameters
    ----------
    first, second
        EPSG codes, names, WKT or CRS objects.

    Returns
    -------
    bool
        True where x and y need not change.

    Examples
    --------
    >>> same_crs("CGCS2000_3_Degree_GK_Zone_39", 4527), same_crs(4527, 4548)
    (True, False)
    """
    a, b = pyproj.CRS.from_user_input(first), pyproj.CRS.from_user_input(second)
    if a.equals(b, ignore_axis_order=True):
        return True
    if _datum(a) != _datum(b) or a.is_geographic != b.is_geographic:
        return False
    if a.is_geographic:
        return _units(a) == _units(b)
    one, two = a.coordinate_operation, b.coordinate_operation
    if one is None or two is None or one.method_name != two.method_name or _units(a) != _units(b):
        return False
    values = [{(step.name, step.value) for step in operation.params} for operation in (one, two)]
    return values[0] == values[1]


def _units(crs: pyproj.CRS) -> set[float]:
    return {axis.unit_conversion_factor for axis in crs.axis_info[:2]}


def _datum(crs: pyproj.CRS) -> str:
    base = crs.source_crs if crs.is_bound else crs
    geodetic = base.geodetic_crs
    if geodetic is None or geodetic.datum is None:
        message = f"{crs.name!r} stands on no datum, so it cannot be placed on the ground; state a real CRS"
        raise CRSError(message)
    return geodetic.datum.name.removesuffix(" ensemble")


def same_datum(first: Any, second: Any) -> bool:  # noqa: ANN401 - whatever pyproj takes for a CRS
    """
    Whether two CRSs stand on one datum, CGCS2000 and WGS 84 taken for one.

    Parameters
    ----------
    first, second
        EPSG codes, names, WKT or CRS objects.

    Returns
    -------
    bool
        True where no datum shift lies between them.

    Examples
    --------
    >>> same_datum(4490, 4326), same_datum(4490, 4610)
    (True, False)
    """
    a, b = (_datum(pyproj.CRS.from_user_input(crs)) for crs in (first, second))
    return a == b or {a, b} <= set(_ONE_DATUM)


def _short(crs: pyproj.CRS) -> str:
    code = crs.to_authority()
    return ":".join(code) if code else repr(crs.name)


def _by_hand(source: pyproj.CRS, target: pyproj.CRS, pipeline: str) -> tuple[list[pyproj.Transformer], str]:
    if "+proj" in pipeline:
        return [pyproj.Transformer.from_pipeline(pipeline)], "by the pipeline given; its accuracy is not known here"
    numbers = [float(number) for number in re.findall(r"[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?", pipeline)]
    if len(numbers) != _SEVEN:
        message = (
            f"{pipeline!r} is neither a PROJ pipeline nor seven parameters dx,dy,dz,rx,ry,rz,ds [m, arc seconds, ppm]"
        )
        raise DatumShiftError(message)
    if _datum(target) not in _ONE_DATUM:
        message = (
            f"seven parameters lead to CGCS2000, but {_short(target)} is on {_datum(target)}; pass a PROJ pipeline"
        )
        raise DatumShiftError(message)
    hub = pyproj.CRS.from_epsg(4326)
    bound = BoundCRS(source, hub, ToWGS84Transformation(source.geodetic_crs, *numbers))
    onward = pyproj.Transformer.from_crs(target.geodetic_crs, target, always_xy=True)
    steps = [pyproj.Transformer.from_crs(bound, hub, always_xy=True), onward]
    return steps, "by the seven parameters given; their accuracy is not known here"


def _published(
    source: pyproj.CRS, target: pyproj.CRS, frame: gpd.GeoDataFrame, what: str
) -> tuple[list[pyproj.Transformer], str]:
    """Find the best published transformation that can run here, straight or by way of WGS 84."""
    old = sorted({_datum(source), _datum(target)} & set(_OLD_DATUMS))
    if not old:
        area = _interest(source, frame)
        straight = _best(source, target, area)
        if straight is not None:
            return straight
        hub = pyproj.CRS.from_epsg(4326)
        there = _same_ground(source, source.geodetic_crs) if same_datum(source, hub) else _best(source, hub, area)
        onward = _same_ground(target.geodetic_crs, target) if same_datum(hub, target) else _best(hub, target, area)
        if there is not None and onward is not None:
            return there[0] + onward[0], "; then ".join(filter(None, (there[1], onward[1])))
    reason = (
        f"no public transformation exists for {' and '.join(old)}"
        if old
        else "PROJ knows no transformation of stated accuracy between them that can run here"
    )
    message = (
        f"{what} is on {_datum(source)!r} and has to come to {_datum(target)!r}: {reason}, and PROJ would move "
        "nothing and say nothing; bring it over first with your local parameters: ecozones.crs.align(..., pipeline=...)"
    )
    raise DatumShiftError(message)


def _same_ground(source: pyproj.CRS, target: pyproj.CRS) -> tuple[list[pyproj.Transformer], str]:
    return [pyproj.Transformer.from_crs(source, target, always_xy=True)], "WGS 84 and CGCS2000 taken for one datum"


def _interest(crs: pyproj.CRS, frame: gpd.GeoDataFrame) -> AreaOfInterest | None:
    """Where the frame lies, so that PROJ proposes the transformation made for that place."""
    west, south, east, north = frame.total_bounds
    corners = np.array(list(itertools.product((west, east), (south, north))))
    degrees = to_degrees(crs, corners)
    if not np.isfinite(degrees).all():
        return None
    (west, south), (east, north) = degrees.min(axis=0), degrees.max(axis=0)
    return AreaOfInterest(float(west), float(south), float(east), float(north))


def _best(
    source: pyproj.CRS, target: pyproj.CRS, area: AreaOfInterest | None
) -> tuple[list[pyproj.Transformer], str] | None:
    """Find the best transformation of stated accuracy, and name it; None where PROJ would only guess."""
    with warnings.catch_warnings():
        # pyproj warns of missing grids here; the path says so instead, beside the accuracy
        warnings.simplefilter("ignore", UserWarning)
        group = TransformerGroup(source, target, always_xy=True, area_of_interest=area)
    known = [step for step in group.transformers if step.accuracy >= 0 and "Ballpark" not in step.description]
    if not known:
        return None
    chosen = _for_place(known, area)
    steps = [name for name in chosen.description.split(" + ") if not name.startswith("axis order")]
    told = f"by {' + '.join(steps)}, good to {chosen.accuracy:g} m"
    better = [step.accuracy for step in group.unavailable_operations if 0 <= step.accuracy < chosen.accuracy]
    if better:
        told += f" (one good to {min(better):g} m needs a grid that is not installed)"
    return [chosen], told


def _for_place(known: list[pyproj.Transformer], area: AreaOfInterest | None) -> pyproj.Transformer:
    """Pick the most exact of those made for the whole place; PROJ's first choice where there is none."""
    if area is None:
        return known[0]
    corners = np.array([[area.west_lon_degree, area.south_lat_degree], [area.east_lon_degree, area.north_lat_degree]])
    for_place = [step for step in known if step.area_of_use and _in_box(corners, step.area_of_use, 0.0).all()]
    return min(for_place, key=lambda step: step.accuracy, default=known[0])


def _transformed(geometry: NDArray[np.object_], steps: list[pyproj.Transformer]) -> NDArray[np.object_]:
    """Move x and y; heights stay as they are, for they are above another surface."""

    def move(points: Floats) -> Floats:
        moved = points.copy()
        for step in steps:
            moved[:, 0], moved[:, 1] = step.transform(moved[:, 0], moved[:, 1])
        return moved

    result = geometry.copy()
    for has_height in (False, True):
        some = shapely.has_z(geometry) == has_height
        result[some] = shapely.transform(geometry[some], move, include_z=has_height)
    return result


def _not_finite(geometry: NDArray[np.object_]) -> Flags:
    points, row = shapely.get_coordinates(geometry, return_index=True)
    bad = np.zeros(len(geometry), dtype=bool)
    bad[row[~np.isfinite(points).all(axis=1)]] = True
    return bad
