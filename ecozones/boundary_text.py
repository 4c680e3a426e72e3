"""The official boundary-point text file (界址点坐标 TXT): read in every habit, written in the closed form."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from ecozones.area import measure_area
from ecozones.errors import CRSError, FormatWarning, GeometryError, InputError, MissingCRSError, SchemaError, name_rows
from ecozones.schema import as_text
from ecozones.units import AreaUnit, from_m2, round_half_up, to_m2

_HEADER, _PLOTS = "[属性描述]", "[地块坐标]"
_KEYS = (
    "格式版本号",
    "数据产生单位",
    "数据产生日期",
    "坐标系",
    "几度分带",
    "投影类型",
    "计量单位",
    "带号",
    "精度",
    "转换参数",
)
_KEY_VARIANTS = {"分带": "几度分带", "坐标系统": "坐标系", "投影": "投影类型", "单位": "计量单位", "投影带号": "带号"}
_SHAPES = ("点", "线", "面")
_FIELDS = 9
_POINT_FIELDS = 4
_RING_POINTS = 3
_FULL_WIDTH = {ord(wide): narrow for wide, narrow in zip("，．＝－＠　", ",.=-@ ", strict=True)} | {
    0xFF10 + digit: str(digit) for digit in range(10)
}

# first zone of each width of zone, and EPSG codes of that zone: easting with the zone number before it, and without
_FIRST_ZONE = {3: 25, 6: 13}
_LAST_ZONE = {3: 45, 6: 23}
_EPSG = {
    ("CGCS2000", 3): (4513, 4534),
    ("CGCS2000", 6): (4491, 4502),
    ("Xian 1980", 3): (2349, 2370),
    ("Xian 1980", 6): (2327, 2338),
    ("Beijing 1954", 3): (2401, 2422),
    ("Beijing 1954", 6): (21413, 21453),
}
_DATUM_NAMES = {
    "CGCS2000": "2000国家大地坐标系",
    "Xian 1980": "1980西安坐标系",
    "Beijing 1954": "1954北京坐标系",
}
_DATUM_WORDS = {"CGCS2000": ("2000",), "Xian 1980": ("80", "西安"), "Beijing 1954": ("54", "北京")}

# digits before the decimal point: an easting with its zone has eight, a northing in China six or seven, and an
# easting without zone six
_WITH_ZONE, _NORTHING, _WITHOUT_ZONE = 8, 7, 6


@dataclasses.dataclass
class _Point:
    line: int
    ring: int
    x: float
    y: float


@dataclasses.dataclass
class _Plot:
    line: int
    count: int
    area_m2: float
    fields: dict[str, str | None]
    points: list[_Point] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class _File:
    """What is known of one file while it is read."""

    name: str
    header: dict[str, str] = dataclasses.field(default_factory=dict)
    header_lines: dict[str, int] = dataclasses.field(default_factory=dict)
    plots: list[_Plot] = dataclasses.field(default_factory=list)
    departures: dict[str, list[int]] = dataclasses.field(default_factory=dict)

    def note(self, departure: str, line: int) -> None:
        """Remember how a line departs from the format."""
        self.departures.setdefault(departure, []).append(line)

    def warn(self) -> None:
        """Report every kind of departure once, with its lines."""
        for departure, lines in self.departures.items():
            places = f", line {name_rows(sorted(set(lines)))}" if any(lines) else ""
            warnings.warn(f"{self.name}{places}: {departure}", FormatWarning, stacklevel=4)

    def refuse(self, line: int, problem: str, remedy: str, error: type[InputError] = InputError) -> InputError:
        """Build the error that names file, line and remedy."""
        problems = pd.DataFrame([{"file": self.name, "line": line, "problem": problem, "remedy": remedy}])
        return error(f"{self.name}, line {line}: {problem}; {remedy}", problems)


def read_boundary_text(path: str | Path, *, crs: object = None) -> gpd.GeoDataFrame:
    """
    Read the plots of a boundary-point text file.

    Parameters
    ----------
    path
        The file; GB18030, UTF-8 with or without byte-order mark, or UTF-16.
    crs
        What the coordinates mean, for a file whose header does not say.

    Returns
    -------
    GeoDataFrame
        One row per plot: ``plot_no``, ``plot_name``, ``shape``, ``map_sheet``, ``use``, ``land_class``,
        ``stated_area_m2`` as the file says, ``area_m2`` as measured, ``difference_m2`` between the two, then a column
        for each header key that is not part of the format. [m²] Coordinates are kept to the last digit, with their zone
        number where they have one.

    Raises
    ------
    InputError
        A line cannot be read; the message names it.
    MissingCRSError
        Neither header nor coordinates tell the zone.
    CRSError
        Header and coordinates contradict each other.
    GeometryError
        A ring has fewer than three points.

    Warns
    -----
    FormatWarning
        The file departs from the format; every kind of departure is told once, with its lines.

    Examples
    --------
    >>> import tempfile
    >>> square = shapely.box(39500000, 3300000, 39500100, 3300100)
    >>> frame = gpd.GeoDataFrame({"plot_no": ["1"]}, geometry=[square], crs=4527)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_boundary_text(frame, Path(folder) / "plot.txt")
    ...     back = read_boundary_text(Path(folder) / "plot.txt")
    >>> back.crs.to_epsg(), back.geometry[0].equals(square)
    (4527, True)
    """
    found = _File(Path(path).name)
    _parse(found, _decode(Path(path).read_bytes(), found))
    if not found.plots:
        raise found.refuse(1, "no plot was found", f"write the plots after a line {_PLOTS}")
    swapped, zone = _orient(found)
    placed = pyproj.CRS.from_user_input(crs) if crs is not None else pyproj.CRS.from_epsg(_epsg(found, zone))
    shapes = [_geometry(found, plot, swapped=swapped) for plot in found.plots]
    _check_counts(found)
    data = pd.DataFrame([plot.fields for plot in found.plots])
    data["stated_area_m2"] = [plot.area_m2 for plot in found.plots]
    frame = gpd.GeoDataFrame(data, geometry=shapes, crs=placed)
    surface = shapely.get_dimensions(frame.geometry.to_numpy()) == 2  # noqa: PLR2004 - a surface has two dimensions
    measured = pd.Series(np.nan, index=frame.index)
    if surface.any():
        measured[surface] = measure_area(frame[surface]).to_numpy()
    frame.insert(len(data.columns), "area_m2", measured)
    difference = round_half_up(measured - frame["stated_area_m2"], 2)
    frame.insert(len(data.columns) + 1, "difference_m2", difference)
    extra = [key for key in found.header if key not in _KEYS]
    for place, key in enumerate(extra):
        frame.insert(len(data.columns) + 2 + place, key, found.header[key])
    found.warn()
    return frame


def _decode(raw: bytes, found: _File) -> list[str]:
    encodings = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    marked = next((encoding for mark, encoding in encodings.items() if raw.startswith(mark)), None)
    if marked:
        found.note(f"starts with a byte-order mark and was read as {marked}", 0)
        text = raw.decode(marked)
    else:
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            try:
                text = raw.decode("gb18030")
            except UnicodeDecodeError as cause:
                line = raw[: cause.start].count(b"\n") + 1
                problem = "bytes are neither UTF-8 nor GB18030"
                raise found.refuse(line, problem, "save the file again as ANSI (GBK) text") from cause
        else:
            if not raw.isascii():
                found.note("is UTF-8, not GB18030 as filing systems expect", 0)
    return text.splitlines()


def _parse(found: _File, lines: Sequence[str]) -> None:
    section = ""
    for number, line in enumerate(lines, start=1):
        text = line.strip().strip("\ufeff\u3000\x1a\x00").strip()
        if not text:
            continue
        if text.startswith(("[", "【")):
            section = "[" + text.strip("[]【】").strip() + "]"
            if section not in {_HEADER, _PLOTS}:
                found.note(f"section {section} is not part of the format", number)
        elif _is_plot(text):
            _plot_line(found, text, number)
        elif re.match(r"^[^,，=＝]+[=＝]", text) and not found.plots:
            _header_line(found, text, number)
        else:
            _point_line(found, text, number)
    if found.plots and section != _PLOTS:
        found.note(f"has no line {_PLOTS} before the plots", found.plots[0].line)


def _is_plot(text: str) -> bool:
    fields = text.translate(_FULL_WIDTH).split(",")
    return fields[-1].strip() == "@" or len(fields) >= _FIELDS - 1


def _header_line(found: _File, text: str, number: int) -> None:
    wide = "＝" in text and "=" not in text
    key, _, value = (text.translate(_FULL_WIDTH) if wide else text).partition("=")
    key, value = key.strip(), value.strip()
    if wide:
        found.note("full-width signs were read as ASCII", number)
    if key in _KEY_VARIANTS:
        found.note(f"header key {key} was read as {_KEY_VARIANTS[key]}", number)
        key = _KEY_VARIANTS[key]
    elif key not in _KEYS:
        found.note(f"header key {key} is not part of the format; its value is kept as a column", number)
    if key in found.header and found.header[key] != value:
        problem = f"header key {key} is given a second time as {value!r}, after {found.header[key]!r}"
        raise found.refuse(number, problem, "leave one of the two")
    found.header[key], found.header_lines[key] = value, number


def _plot_line(found: _File, text: str, number: int) -> None:
    fields = [field.strip() for field in text.split(",")]
    if not (fields[-1] == "@" and len(fields) in {_FIELDS - 1, _FIELDS}):
        fields = [field.strip() for field in text.translate(_FULL_WIDTH).split(",")]
        if any(ord(sign) in _FULL_WIDTH for sign in text):
            found.note("full-width signs were read as ASCII", number)
    if fields[-1] != "@":
        found.note("the closing @ of a plot line is missing", number)
        fields = [*(fields[:-1] if len(fields) == _FIELDS and not fields[-1] else fields), "@"]
    if len(fields) == _FIELDS - 1:
        found.note("a plot line has 8 fields instead of 9; the land class was taken as left out", number)
        fields.insert(-1, "")
    if len(fields) != _FIELDS:
        remedy = "write count, area, number, name, shape, sheet, use, class and @, with no comma inside a field"
        raise found.refuse(number, f"a plot line has {len(fields)} fields instead of 9", remedy)
    count, area, plot_no, name, shape, sheet, use, land_class, _ = fields
    if not count.isdecimal():
        raise found.refuse(number, f"the count of points is {count!r}", "write a whole number")
    if shape not in _SHAPES:
        if shape:
            raise found.refuse(number, f"the shape is {shape!r}", "write one of 点, 线, 面")
        found.note("a plot does not say its shape and was taken as 面", number)
        shape = "面"
    words = {
        "plot_no": plot_no,
        "plot_name": name,
        "shape": shape,
        "map_sheet": sheet,
        "use": use,
        "land_class": land_class,
    }
    area_m2 = _area(found, area, number)
    found.plots.append(_Plot(number, int(count), area_m2, {key: value or None for key, value in words.items()}))


def _area(found: _File, text: str, number: int) -> float:
    if not text:
        found.note("a plot states no area", number)
        return float("nan")
    split = re.fullmatch(r"([-+]?\d+(?:\.\d*)?|\.\d+)\s*(\D*)", text)
    units: dict[str, AreaUnit] = {
        "": "ha",
        "公顷": "ha",
        "ha": "ha",
        "亩": "mu",
        "平方米": "m2",
        "m2": "m2",
        "㎡": "m2",
        "平方公里": "km2",
    }
    if split is None or split[2].strip().lower() not in units:
        raise found.refuse(number, f"the area is {text!r}", "write a plain number of hectares")
    word = split[2].strip()
    if word:
        found.note(f"an area carries its unit ({word})", number)
    return float(round_half_up(to_m2(float(split[1]), units[word.lower()]), 2))


def _point_fields(found: _File, text: str, number: int) -> list[str]:
    plain = text.translate(_FULL_WIDTH)
    if plain != text:
        found.note("full-width signs were read as ASCII", number)
    fields = [field.strip() for field in plain.split(",")]
    if len(fields) == 1 and len(plain.split()) == _POINT_FIELDS:
        found.note("points are separated by spaces instead of commas", number)
        fields = plain.split()
    if len(fields) == _POINT_FIELDS + 1 and not fields[-1]:
        found.note("a point line ends in a comma", number)
        fields.pop()
    return fields


def _point_line(found: _File, text: str, number: int) -> None:
    fields = _point_fields(found, text, number)
    if len(fields) != _POINT_FIELDS:
        problem = f"{text!r} is neither a plot line nor a point line"
        raise found.refuse(number, problem, "write points as name,ring,X,Y and end plot lines in ,@")
    if not found.plots:
        raise found.refuse(number, "a point comes before the first plot line", "write the plot line first")
    _, ring, x, y = fields
    if not ring:
        found.note("a point has no ring number and was taken as ring 1", number)
        ring = "1"
    if not ring.isdecimal():
        raise found.refuse(number, f"the ring number is {ring!r}", "write 1 for the outer ring, 2 and up for others")
    found.plots[-1].points.append(
        _Point(number, int(ring), _metres(found, "X", x, number), _metres(found, "Y", y, number))
    )


def _metres(found: _File, axis: str, word: str, number: int) -> float:
    if not re.fullmatch(r"[-+]?\d+(\.\d*)?", word):
        raise found.refuse(number, f"{axis} is {word!r}", "write a plain number of metres")
    return float(word)


def _orient(found: _File) -> tuple[bool, int | None]:
    """Tell whether X and Y are swapped, and which zone stands before the eastings, None where none does."""
    points = [point for plot in found.plots for point in plot.points]
    kinds: dict[tuple[bool, bool], list[_Point]] = {}
    for point in points:
        kinds.setdefault(_order(found, point), []).append(point)
    if len(kinds) > 1:
        odd = min(kinds.values(), key=len)
        problem = f"points mix orders or zones: lines {name_rows(point.line for point in odd)} differ from the others"
        raise found.refuse(odd[0].line, problem, "write every point as northing, easting with zone", CRSError)
    if not kinds:
        plot = found.plots[0]
        raise found.refuse(plot.line, "a plot has no points", "write its points below it", GeometryError)
    swapped, prefixed = next(iter(kinds))
    if swapped:
        found.note("X and Y are swapped; the longer number was taken as the easting", points[0].line)
    if not prefixed:
        found.note("eastings have no zone number", points[0].line)
        return swapped, None
    return swapped, _one_zone(found, points, swapped=swapped)


def _order(found: _File, point: _Point) -> tuple[bool, bool]:
    """Tell by the count of digits whether X and Y of a point are swapped, and whether its zone stands before it."""
    x, y = (len(str(int(abs(value)))) for value in (point.x, point.y))
    if y == _WITH_ZONE and x <= _NORTHING:
        return False, True
    if x == _WITH_ZONE and y <= _NORTHING:
        return True, True
    if x == _WITHOUT_ZONE and y == _NORTHING:
        return True, False
    if y <= _WITHOUT_ZONE <= x <= _NORTHING:
        return False, False
    problem = f"X {point.x:.15g} and Y {point.y:.15g} are no northing and easting in metres"
    remedy = "write X as northing (6-7 digits) and Y as easting (8 digits with its zone, 6 without)"
    raise found.refuse(point.line, problem, remedy, CRSError)


def _one_zone(found: _File, points: Sequence[_Point], *, swapped: bool) -> int:
    zones: dict[int, list[_Point]] = {}
    for point in points:
        zones.setdefault(int((point.x if swapped else point.y) // 1_000_000), []).append(point)
    if len(zones) > 1:
        odd = min(zones.values(), key=len)
        problem = f"eastings are in several zones: {', '.join(map(str, sorted(zones)))}"
        raise found.refuse(odd[0].line, problem, "write one file per zone", CRSError)
    return next(iter(zones))


def _epsg(found: _File, prefix: int | None) -> int:
    """Tell the EPSG code from the header and from the zone that stands before the eastings."""
    datum = _datum(found)
    zone = _header_number(found, "带号")
    width = _header_number(found, "几度分带")
    here = found.header_lines.get("带号", 1)
    if zone is None and prefix is None:
        problem = "neither the header (带号) nor the eastings tell the zone"
        raise found.refuse(here, problem, "write 带号=... in the header, or pass crs=...", MissingCRSError)
    if zone is not None and prefix is not None and zone != prefix:
        problem = f"the header says zone {zone}, the eastings start with {prefix}"
        raise found.refuse(here, problem, "correct the one that is wrong", CRSError)
    if zone is None:
        found.note("the header does not say the zone (带号); it was taken from the eastings", here)
        zone = prefix
    assert zone is not None
    fitting = [degrees for degrees in _FIRST_ZONE if _FIRST_ZONE[degrees] <= zone <= _LAST_ZONE[degrees]]
    if not fitting or (width is not None and width not in fitting):
        problem = f"zone {zone} is no zone of {width or '3 or 6'} degrees in China"
        raise found.refuse(here, problem, "3-degree zones are 25 to 45, 6-degree zones 13 to 23", CRSError)
    if width is None:
        found.note("the header does not say the width of zones (几度分带); it was taken from the zone number", here)
    with_zone, without = _EPSG[datum, fitting[0]]
    return (without if prefix is None else with_zone) + zone - _FIRST_ZONE[fitting[0]]


def _datum(found: _File) -> str:
    text = found.header.get("坐标系", "")
    line = found.header_lines.get("坐标系", 1)
    datum = next((name for name, words in _DATUM_WORDS.items() if any(word in text for word in words)), None)
    if datum is None:
        problem = f"the coordinate system (坐标系) is {text!r}" if text else "the header does not say 坐标系"
        raise found.refuse(line, problem, f"write 坐标系={_DATUM_NAMES['CGCS2000']}, or pass crs=...", MissingCRSError)
    if text not in _DATUM_NAMES.values():
        found.note(f"坐标系={text} was read as {datum}", line)
    for key, word in (("投影类型", "高斯"), ("计量单位", "米")):
        value = found.header.get(key, "")
        here = found.header_lines.get(key, 1)
        if not value:
            found.note(f"the header does not say {key}; {word} was taken", here)
        elif word not in value or (key == "计量单位" and value not in {"米", "m"}):
            raise found.refuse(
                here, f"{key} is {value!r}", f"only {word} can be read: transform the file first", CRSError
            )
    return datum


def _header_number(found: _File, key: str) -> int | None:
    text = found.header.get(key, "").translate(_FULL_WIDTH)
    if not text:
        return None
    number = re.fullmatch(r"(\d+)\s*(度带|度分带|度|带|°)?", text)
    if number is None:
        raise found.refuse(found.header_lines[key], f"{key} is {text!r}", "write a whole number", CRSError)
    if number[2]:
        found.note(f"{key}={text} was read as {number[1]}", found.header_lines[key])
    return int(number[1])


def _rings(found: _File, plot: _Plot) -> list[list[_Point]]:
    """Split the points of a plot into rings: by ring number, and where a point comes back to the start of its ring."""
    rings: list[list[_Point]] = []
    closed = True
    for point in plot.points:
        again = rings and rings[-1][0].ring == point.ring
        if again and closed:
            found.note(
                "a ring number is repeated for a new ring; the ring was ended where it came back to its start",
                point.line,
            )
        if closed or not again:
            rings.append([point])
            closed = False
            continue
        rings[-1].append(point)
        start = rings[-1][0]
        closed = len(rings[-1]) > _RING_POINTS and (point.x, point.y) == (start.x, start.y)
    return rings


def _geometry(found: _File, plot: _Plot, *, swapped: bool) -> Any:  # noqa: ANN401 - shapely has no types
    def corners(points: Iterable[_Point]) -> list[tuple[float, float]]:
        return [(point.x, point.y) if swapped else (point.y, point.x) for point in points]

    if not plot.points:
        raise found.refuse(plot.line, "a plot has no points", "write its points below it", GeometryError)
    if plot.fields["shape"] == "点":
        places = [shapely.Point(corner) for corner in corners(plot.points)]
        return places[0] if len(places) == 1 else shapely.MultiPoint(places)
    rings = _rings(found, plot)
    if plot.fields["shape"] == "线":
        short = next((ring for ring in rings if len(ring) < _RING_POINTS - 1), None)
        if short is not None:
            raise found.refuse(short[0].line, "a line has one point", "give it a second point", GeometryError)
        lines = [shapely.LineString(corners(ring)) for ring in rings]
        return lines[0] if len(lines) == 1 else shapely.MultiLineString(lines)
    bounded = []
    for ring in rings:
        drawn = corners(ring)
        if len(set(drawn)) < _RING_POINTS:
            problem = f"a ring has {len(set(drawn))} different points"
            raise found.refuse(ring[0].line, problem, "give it at least three, or leave the ring out", GeometryError)
        if drawn[0] != drawn[-1]:
            found.note("a ring does not repeat its first point; it was closed", ring[-1].line)
        bounded.append(shapely.Polygon(drawn))
    return _nest(bounded)


def _nest(rings: list[Any]) -> Any:  # noqa: ANN401 - shapely has no types
    """Tell holes from further parts: a ring inside an odd number of others is a hole of the smallest of them."""
    if len(rings) == 1:
        return rings[0]
    areas = shapely.area(rings)
    inner, outer = shapely.STRtree(rings).query(np.asarray(rings), predicate="covered_by")
    larger = areas[outer] > areas[inner]
    around: dict[int, list[int]] = {place: [] for place in range(len(rings))}
    for inside, outside in zip(inner[larger].tolist(), outer[larger].tolist(), strict=True):
        around[inside].append(outside)
    shells = [place for place in around if len(around[place]) % 2 == 0]
    holes: dict[int, list[Any]] = {place: [] for place in shells}
    for place, outside in around.items():
        if len(outside) % 2:
            holes[min(outside, key=lambda shell: areas[shell])].append(rings[place].exterior)
    parts = [shapely.Polygon(rings[place].exterior, holes[place]) for place in shells]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _check_counts(found: _File) -> None:
    for plot in found.plots:
        listed = len(plot.points)
        rings = _rings(_File(found.name), plot) if plot.fields["shape"] == "面" else []
        closed = sum((ring[0].x, ring[0].y) == (ring[-1].x, ring[-1].y) for ring in rings)
        # the closing point counts, also where it was left out
        if plot.count in {listed, listed + len(rings) - closed}:
            continue
        if plot.count == listed - closed:
            found.note("a count of points leaves out the closing points", plot.line)
        else:
            problem = f"the plot says {plot.count} points and {listed} follow"
            raise found.refuse(plot.line, problem, "a line was lost or added: compare with the source")


def write_boundary_text(
    frame: gpd.GeoDataFrame,
    path: str | Path,
    *,
    encoding: str = "gb18030",
    decimals: int = 3,
    producer: str = "",
    produced: dt.date | None = None,
    version: str = "1.01版本",
) -> None:
    """
    Write plots as a boundary-point text file in its closed form, as filing systems expect it.

    Parameters
    ----------
    frame
        Plots in a Gauss-Krueger zone. ``plot_no`` (or ``site_id``), ``plot_name`` (or ``name``), ``map_sheet``, ``use``
        (or ``activity``) and ``land_class`` are written where they exist.
    path
        The file; it is replaced.
    encoding
        ``"gb18030"`` or ``"utf-8"``.
    decimals
        Digits after the decimal point of coordinates. [m]
    producer, produced
        Who made the data and when, for the header.
    version
        Version of the format, for the header.

    Raises
    ------
    MissingCRSError
        The frame has no CRS.
    CRSError
        The frame is not in a Gauss-Krueger zone of China.
    GeometryError
        A geometry is empty, or a ring collapses or touches its start at this precision.
    SchemaError
        A text holds a comma or a line break, which the format cannot hold.

    Examples
    --------
    >>> import tempfile
    >>> frame = gpd.GeoDataFrame({"plot_no": ["1"]}, geometry=[shapely.box(500000, 3300000, 500100, 3300100)], crs=4548)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_boundary_text(frame, Path(folder) / "plot.txt")
    ...     lines = (Path(folder) / "plot.txt").read_text(encoding="gb18030").splitlines()
    >>> lines[12:14]
    ['5,1.0000,1,,面,,,,@', 'J1,1,3300000.000,39500100.000']
    """
    name = Path(path).name
    datum, width, zone, shift = _zone_of(frame, name)
    shapes = frame.geometry.to_numpy()
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    if empty.any():
        message = f"{name}: rows {name_rows(frame.index[empty])} have no geometry; leave them out first"
        raise GeometryError(message)
    surface = shapely.get_dimensions(shapes) == 2  # noqa: PLR2004 - a surface has two dimensions
    area = np.full(len(frame), np.nan)
    if surface.any():
        area[surface] = from_m2(measure_area(frame[surface]).to_numpy(), "ha")
    fields = pd.DataFrame(
        {
            key: _text_column(frame, names, name)
            for key, names in {
                "plot_no": ("plot_no", "site_id"),
                "plot_name": ("plot_name", "name"),
                "map_sheet": ("map_sheet",),
                "use": ("use", "activity"),
                "land_class": ("land_class",),
            }.items()
        }
    )
    header = {
        "格式版本号": version,
        "数据产生单位": producer,
        "数据产生日期": produced.isoformat() if produced else "",
        "坐标系": _DATUM_NAMES[datum],
        "几度分带": str(width),
        "投影类型": "高斯克吕格",
        "计量单位": "米",
        "带号": str(zone),
        "精度": f"{10.0**-decimals:.{decimals}f}",
        "转换参数": ",,,,,,",
    }
    lines = [_HEADER, *(f"{key}={value}" for key, value in header.items()), _PLOTS]
    for place, row in enumerate(fields.itertuples(index=False)):
        points = _printed(shapes[place], shift, decimals, f"{name}: row {frame.index[place]}")
        shape = _SHAPES[int(shapely.get_dimensions(shapes[place]))]
        stated = "" if np.isnan(area[place]) else f"{round_half_up(area[place], 4):.4f}"
        lines.append(
            f"{len(points)},{stated},{row.plot_no},{row.plot_name},{shape},{row.map_sheet},{row.use},{row.land_class},@"
        )
        lines += points
    Path(path).write_text("\n".join([*lines, ""]), encoding=encoding, newline="\r\n")


def _zone_of(frame: gpd.GeoDataFrame, name: str) -> tuple[str, int, int, float]:
    """Tell datum, width of zones and zone of a frame, and what its eastings lack to carry their zone."""
    if frame.crs is None:
        message = f"{name}: the plots have no CRS; set it with frame.set_crs(...) first"
        raise MissingCRSError(message)
    code = pyproj.CRS(frame.crs).to_epsg()
    for (datum, width), (with_zone, without) in _EPSG.items():
        for first, shifted in ((with_zone, False), (without, True)):
            if code is not None and first <= code <= first + _LAST_ZONE[width] - _FIRST_ZONE[width]:
                zone = code - first + _FIRST_ZONE[width]
                return datum, width, zone, zone * 1e6 if shifted else 0.0
    message = (
        f"{name}: the plots are on {frame.crs.name!r}; the format holds Gauss-Krueger zones only: "
        "bring them to one first, such as EPSG:4513 to 4533 for CGCS2000 in 3-degree zones"
    )
    raise CRSError(message)


def _text_column(frame: gpd.GeoDataFrame, names: Sequence[str], what: str) -> list[str]:
    found = next((name for name in names if name in frame.columns), None)
    if found is None:
        # plots are told apart by their number, so one is always written
        return [str(place) for place in range(1, len(frame) + 1)] if names[0] == "plot_no" else [""] * len(frame)
    text = as_text(frame[found])
    broken = text.str.contains("[,\r\n]", regex=True).fillna(value=False).astype(bool)
    if broken.any():
        message = (
            f"{what}: {found} holds commas or line breaks in rows {name_rows(text.index[broken])}; replace them first"
        )
        raise SchemaError(message)
    return [value or "" for value in text.tolist()]


def _printed(shape: Any, shift: float, decimals: int, where: str) -> list[str]:  # noqa: ANN401 - shapely has no types
    """Print the points of one plot: names run through, rings are numbered from 1 and end in their first point."""
    lines: list[str] = []
    number, ring = 1, 0
    for part in shapely.get_parts(shape):
        surface = part.geom_type == "Polygon"
        pieces = [part.exterior, *part.interiors] if surface else [part]
        for piece in pieces:
            ring += 1
            corners = [(f"{y:.{decimals}f}", f"{x + shift:.{decimals}f}") for x, y in shapely.get_coordinates(piece)]
            inner = corners[:-1] if surface else corners
            if surface and (len(set(inner)) < _RING_POINTS or inner[0] in inner[1:]):
                message = (
                    f"{where} has a ring that collapses or meets its start at {decimals} decimals; write more of them"
                )
                raise GeometryError(message)
            lines += [f"J{number + step},{ring},{x},{y}" for step, (x, y) in enumerate(inner)]
            if surface:
                lines.append(f"J{number},{ring},{corners[0][0]},{corners[0][1]}")
            number += len(inner)
    return lines
