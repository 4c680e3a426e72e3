"""The boundary-point text: every habit in which it is written is read, and only the closed form is written."""

import tempfile
import warnings
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ecozones import read_boundary_text, write_boundary_text
from ecozones.errors import CRSError, FormatWarning, GeometryError, InputError, MissingCRSError, SchemaError

HEADER = """[属性描述]
格式版本号=1.01版本
数据产生单位=示例测绘单位
数据产生日期=2026-11-20
坐标系=2000国家大地坐标系
几度分带=3
投影类型=高斯克吕格
计量单位=米
带号=39
精度=0.001
转换参数=,,,,,,
[地块坐标]
"""
PLOTS = """10,3.6342,1,示例地块一,面,,工矿仓储用地,0601,@
J1,1,3355120.000,39512400.000
J2,1,3355131.250,39512620.500
J3,1,3354960.400,39512634.750
J4,1,3354948.100,39512409.300
J1,1,3355120.000,39512400.000
J5,2,3355060.000,39512480.000
J6,2,3355020.000,39512483.000
J7,2,3355023.000,39512533.000
J8,2,3355063.000,39512530.000
J5,2,3355060.000,39512480.000
4,0.3968,2,示例地块二,面,,公路用地,1003,@
J1,1,3354900.000,39512700.000
J2,1,3354905.500,39512805.000
J3,1,3354830.250,39512811.300
J1,1,3354900.000,39512700.000
"""
SQUARE = """5,1.0000,1,地块,面,,住宅用地,0701,@
J1,1,3300000.000,39500000.000
J2,1,3300000.000,39500100.000
J3,1,3300100.000,39500100.000
J4,1,3300100.000,39500000.000
J1,1,3300000.000,39500000.000
"""
BOX = shapely.box(39500000, 3300000, 39500100, 3300100)


@pytest.fixture
def read(tmp_path):
    """Read a text as a file, in the encoding of filing systems; nothing may be warned of that is not expected."""

    def reader(text, encoding="gb18030", **options):
        path = tmp_path / "plot.txt"
        path.write_bytes(text.encode(encoding))
        return read_boundary_text(path, **options)

    return reader


def quiet(function, *arguments, **options):
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        result = function(*arguments, **options)
    return result, [str(warning.message) for warning in heard if issubclass(warning.category, FormatWarning)]


def test_the_example_of_the_format_reads_without_a_word(read):
    frame = read(HEADER + PLOTS)
    assert frame.crs.to_epsg() == 4527
    assert frame["plot_no"].tolist() == ["1", "2"]
    assert frame["plot_name"].tolist() == ["示例地块一", "示例地块二"]
    assert frame["land_class"].tolist() == ["0601", "1003"]
    assert frame["use"].tolist() == ["工矿仓储用地", "公路用地"]
    assert frame["stated_area_m2"].tolist() == [36342.0, 3968.0]
    first, second = frame.geometry
    assert len(first.interiors) == 1
    assert second.area == pytest.approx(3967.95, abs=1e-3)  # half of 105 x 69.75 + 5.5 x 111.3
    assert shapely.Polygon(first.exterior).area - first.area == pytest.approx(2009.0, abs=1e-3)
    # the file states what was measured on the ellipsoid, rounded to a square metre
    assert frame["difference_m2"].abs().max() < 0.6
    assert frame["area_m2"].tolist() == pytest.approx([36342, 3968], abs=0.6)


def test_coordinates_are_kept_to_the_last_digit(read):
    frame = read(HEADER + SQUARE.replace("3300000.000", "3300000.0625"))
    assert shapely.get_coordinates(frame.geometry[0])[0].tolist() == [39500000.0, 3300000.0625]


HABITS = {
    "8 fields": (SQUARE.replace(",住宅用地,0701,@", ",,@"), "line 13: a plot line has 8 fields instead of 9"),
    "a unit in the area": (SQUARE.replace("1.0000", "1.0000公顷"), r"line 13: an area carries its unit \(公顷\)"),
    "full-width commas": (SQUARE.replace(",1,3300100.000,", "，1，3300100.000，"), "line 16, 17: full-width signs"),
    "full-width spaces": (SQUARE.replace("J2,1,", "J2,　1,"), "line 15: full-width signs"),
    "no closing point, counted": (
        SQUARE.replace("J1,1,3300000.000,39500000.000\n", "", 2).replace("J2,1", "J1,1,3300000.000,39500000.000\nJ2,1"),
        "a ring does not repeat its first point; it was closed",
    ),
    "a count without the closing point": (SQUARE.replace("5,1.0", "4,1.0"), "leaves out the closing points"),
    "swapped X and Y": (
        "\n".join(
            ",".join((*fields[:2], fields[3], fields[2])) if len(fields := line.split(",")) == 4 else line
            for line in SQUARE.splitlines()
        ),
        "X and Y are swapped",
    ),
    "no @": (SQUARE.replace("0701,@", "0701,"), "the closing @ of a plot line is missing"),
    "no shape": (SQUARE.replace(",面,", ",,"), "does not say its shape and was taken as 面"),
    "no ring number": (SQUARE.replace("J2,1,", "J2,,"), "has no ring number and was taken as ring 1"),
    "a comma at the end": (SQUARE.replace("39500100.000\n", "39500100.000,\n"), "ends in a comma"),
    "spaces for commas": (
        SQUARE.replace("J2,1,3300000.000,39500100.000", "J2 1 3300000.000 39500100.000"),
        "by spaces",
    ),
}


@pytest.mark.parametrize("habit", HABITS)
def test_a_habit_of_plots_is_read_and_told_once(read, habit):
    text, told = HABITS[habit]
    with pytest.warns(FormatWarning, match=f"plot.txt.*{told}") as heard:
        frame = read(HEADER + text)
    assert len(heard) == 1
    assert frame.geometry[0].equals(BOX)
    assert frame["stated_area_m2"].tolist() == [10_000.0]


HEADERS = {
    "zone width in another key": (
        HEADER.replace("几度分带=3", "分带=3度带"),
        ["分带 was read as 几度分带", "was read as 3"],
        4527,
    ),
    "an unknown key": (HEADER.replace("精度", "项目名称=新建道路\n精度"), ["header key 项目名称 is not part"], 4527),
    "no zone": (HEADER.replace("带号=39\n", ""), ["taken from the eastings"], 4527),
    "no width of zones": (HEADER.replace("几度分带=3\n", ""), ["taken from the zone number"], 4527),
    "another name of the datum": (HEADER.replace("2000国家大地坐标系", "CGCS2000"), ["was read as CGCS2000"], 4527),
    "no projection": (HEADER.replace("投影类型=高斯克吕格\n", ""), ["does not say 投影类型; 高斯 was taken"], 4527),
    "full-width equals sign": (HEADER.replace("带号=39", "带号＝３９"), ["full-width signs"], 4527),
    "no line before the plots": (HEADER.replace("[地块坐标]\n", ""), ["has no line .地块坐标. before the plots"], 4527),
}


@pytest.mark.parametrize("habit", HEADERS)
def test_a_habit_of_headers_is_read_and_told(read, habit):
    header, told, epsg = HEADERS[habit]
    frame, heard = quiet(read, header + SQUARE)
    assert len(heard) == len(told)
    assert all(any(words.replace(".地块坐标.", "[地块坐标]") in message for message in heard) for words in told)
    assert frame.crs.to_epsg() == epsg
    assert frame.geometry[0].equals(BOX)


def test_the_value_of_an_unknown_key_is_kept_as_a_column(read):
    frame, _ = quiet(read, HEADER.replace("精度", "项目名称=新建道路\n精度") + SQUARE)
    assert frame["项目名称"].tolist() == ["新建道路"]


@pytest.mark.parametrize(
    ("encoding", "told"),
    [("gb18030", []), ("utf-8", ["is UTF-8"]), ("utf-8-sig", ["byte-order mark"]), ("utf-16", ["byte-order mark"])],
)
def test_every_encoding_is_read(read, encoding, told):
    frame, heard = quiet(read, HEADER + SQUARE, encoding)
    assert frame["plot_name"].tolist() == ["地块"]
    assert len(heard) == len(told)
    assert all(words in message for words, message in zip(told, heard, strict=True))


@pytest.mark.parametrize(
    ("datum", "width", "zone", "prefixed", "plain"),
    [
        ("2000国家大地坐标系", 3, 25, 4513, 4534),
        ("2000国家大地坐标系", 3, 39, 4527, 4548),
        ("2000国家大地坐标系", 3, 45, 4533, 4554),
        ("2000国家大地坐标系", 6, 13, 4491, 4502),
        ("2000国家大地坐标系", 6, 23, 4501, 4512),
        ("1980西安坐标系", 3, 39, 2363, 2384),
        ("1980西安坐标系", 6, 20, 2334, 2345),
        ("1954北京坐标系", 3, 39, 2415, 2436),
        ("1954北京坐标系", 6, 20, 21420, 21460),
    ],
)
def test_the_header_names_the_crs(read, datum, width, zone, prefixed, plain):
    header = HEADER.replace("2000国家大地坐标系", datum).replace("几度分带=3", f"几度分带={width}")
    header = header.replace("带号=39", f"带号={zone}")
    frame = read(header + SQUARE.replace("39500", f"{zone}500"))
    assert frame.crs.to_epsg() == prefixed
    with pytest.warns(FormatWarning, match="eastings have no zone number"):
        frame = read(header + SQUARE.replace("39500", "500"))
    assert frame.crs.to_epsg() == plain
    assert f"{zone * width - (3 if width == 6 else 0)}" in str(frame.crs.to_wkt())
    assert frame.total_bounds.tolist() == [500000, 3300000, 500100, 3300100]


def test_swapped_axes_without_zone_are_told_by_their_digits(read):
    text = SQUARE.replace("39500", "500")
    swapped = "\n".join(
        ",".join((*fields[:2], fields[3], fields[2])) if len(fields := line.split(",")) == 4 else line
        for line in text.splitlines()
    )
    frame, heard = quiet(read, HEADER + swapped)
    assert any("swapped" in message for message in heard)
    assert frame.total_bounds.tolist() == [500000, 3300000, 500100, 3300100]


RINGS = {
    "hole": ([(0, 0, 100), (20, 20, 20)], 1, [1], 9600),
    "second part": ([(0, 0, 100), (200, 0, 50)], 2, [0, 0], 12500),
    "island in a hole": ([(0, 0, 100), (20, 20, 60), (40, 40, 20)], 2, [1, 0], 6800),
    "hole before its shell": ([(20, 20, 20), (0, 0, 100)], 1, [1], 9600),
    "two parts, hole in the second": ([(0, 0, 50), (200, 0, 100), (220, 20, 20)], 2, [0, 1], 12100),
}


@pytest.mark.parametrize("repeated", [False, True], ids=["numbered", "number repeated"])
@pytest.mark.parametrize("case", RINGS)
def test_holes_and_parts_are_told_apart_by_containment(read, case, repeated):
    squares, parts, holes, area = RINGS[case]
    lines = []
    for number, (x, y, side) in enumerate(squares, start=1):
        corners = shapely.get_coordinates(
            shapely.box(39500000 + x, 3300000 + y, 39500000 + x + side, 3300000 + y + side)
        )
        lines += [f"J,{1 if repeated else number},{north:.3f},{east:.3f}" for east, north in corners]
    text = "\n".join([f"{len(lines)},1,1,x,面,,,,@", *lines])
    frame, heard = quiet(read, HEADER + text)
    polygons = shapely.get_parts(frame.geometry[0])
    assert len(polygons) == parts
    assert sorted(len(polygon.interiors) for polygon in polygons) == sorted(holes)
    assert frame.geometry[0].area == area
    assert len(heard) == (1 if repeated else 0)


def test_lines_and_points_keep_their_kind(read):
    text = SQUARE.replace(",面,", ",线,") + "1,,2,井,点,,,,@\nJ1,1,3300000.000,39500000.000\n"
    frame, heard = quiet(read, HEADER + text)
    assert frame.geom_type.tolist() == ["LineString", "Point"]
    assert np.isnan(frame["area_m2"]).all()
    assert heard == ["plot.txt, line 19: a plot states no area"]


FAULTS = {
    "a lost line": (
        HEADER + SQUARE.replace("J3,1,3300100.000,39500100.000\n", "", 1).replace("5,1", "9,1"),
        InputError,
        "line 13.*9 points and 4 follow",
    ),
    "a broken number": (
        HEADER + SQUARE.replace("39500100.000", "3950010O.000", 1),
        InputError,
        "line 15: Y is '3950010O.000'",
    ),
    "neither plot nor point": (HEADER + "J1,1,2\n", InputError, "line 13: 'J1,1,2' is neither"),
    "a point without plot": (HEADER + "J1,1,3300000,39500000\n", InputError, "line 13.*before the first plot"),
    "no plot": (HEADER, InputError, "no plot was found"),
    "an unreadable area": (HEADER + SQUARE.replace("1.0000", "1.0.0"), InputError, "line 13: the area is '1.0.0'"),
    "an unknown shape": (HEADER + SQUARE.replace(",面,", ",圆,"), InputError, "line 13: the shape is '圆'"),
    "too many fields": (HEADER + SQUARE.replace("地块,", "地,块,"), InputError, "line 13: a plot line has 10 fields"),
    "a flat ring": (
        HEADER + "2,1,1,x,面,,,,@\nJ1,1,3300000,39500000\nJ2,1,3300000,39500100\n",
        GeometryError,
        "line 14: a ring has 2",
    ),
    "another zone in the header": (HEADER.replace("=39", "=38") + SQUARE, CRSError, "line 9: .*zone 38.*start with 39"),
    "no zone at all": (HEADER.replace("带号=39\n", "") + SQUARE.replace("39500", "500"), MissingCRSError, "带号"),
    "no datum": (HEADER.replace("坐标系=2000国家大地坐标系\n", "") + SQUARE, MissingCRSError, "坐标系.*crs="),
    "a foreign datum": (
        HEADER.replace("2000国家大地坐标系", "地方独立坐标系") + SQUARE,
        MissingCRSError,
        "line 5.*地方独立坐标系",
    ),
    "a zone of the other width": (
        HEADER.replace("几度分带=3", "几度分带=6") + SQUARE,
        CRSError,
        "zone 39 is no zone of 6",
    ),
    "another projection": (HEADER.replace("高斯克吕格", "墨卡托") + SQUARE, CRSError, "line 7: 投影类型 is '墨卡托'"),
    "another unit": (HEADER.replace("=米", "=公里") + SQUARE, CRSError, "line 8: 计量单位 is '公里'"),
    "degrees": (
        HEADER + SQUARE.replace("3300000.000,39500000.000", "30.123,117.456"),
        CRSError,
        "line 14.*no northing and easting",
    ),
    "two orders": (
        HEADER + SQUARE.replace("J2,1,3300000.000,39500100.000", "J2,1,39500100.000,3300000.000"),
        CRSError,
        "15.*mix",
    ),
    "two zones": (
        HEADER + SQUARE.replace("39500100", "40500100", 1),
        CRSError,
        "line 15: eastings are in several zones: 39, 40",
    ),
    "a key given twice": (HEADER.replace("带号=39", "带号=39\n带号=40") + SQUARE, InputError, "line 10.*second time"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_names_file_line_and_remedy(read, fault):
    text, error, told = FAULTS[fault]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FormatWarning)
        with pytest.raises(error, match=told) as caught:
            read(text)
    message = str(caught.value)
    assert message.startswith("plot.txt, line ")
    assert "; " in message  # what is wrong; what to do
    assert len(caught.value.problems) == 1


def test_a_caller_may_say_the_crs_that_the_header_lacks(read):
    text = HEADER.replace("带号=39\n", "") + SQUARE.replace("39500", "500")
    frame, _ = quiet(read, text, crs=4548)
    assert frame.crs.to_epsg() == 4548


def test_bytes_that_are_no_text_name_their_line(tmp_path):
    path = tmp_path / "bad.txt"
    path.write_bytes(HEADER.encode("gb18030") + b"5,1,\xff\xff,x")
    with pytest.raises(InputError, match=r"bad\.txt, line 13: bytes are neither UTF-8 nor GB18030; save"):
        read_boundary_text(path)


def test_the_closed_form_is_written(tmp_path):
    hole = shapely.box(39500020, 3300020, 39500040, 3300040)
    frame = gpd.GeoDataFrame(
        {"site_id": ["A1"], "name": ["甲"], "activity": ["道路"], "land_class": ["1003"]},
        geometry=[shapely.orient_polygons(BOX.difference(hole))],
        crs=4527,
    )
    write_boundary_text(frame, tmp_path / "out.txt", producer="测绘院")
    raw = (tmp_path / "out.txt").read_bytes()
    lines = raw.decode("gb18030").split("\r\n")
    assert lines[0] == "[属性描述]"
    assert "带号=39" in lines
    assert "精度=0.001" in lines
    assert "转换参数=,,,,,," in lines
    plot = lines[lines.index("[地块坐标]") + 1]
    assert plot == "10,0.9600,A1,甲,面,,道路,1003,@"
    points = [line.split(",") for line in lines[lines.index(plot) + 1 :] if line]
    assert len(points) == 10
    assert [point[1] for point in points] == ["1"] * 5 + ["2"] * 5
    assert points[0] == points[4]
    assert points[5] == points[9]
    assert [point[0] for point in points] == ["J1", "J2", "J3", "J4", "J1", "J5", "J6", "J7", "J8", "J5"]


@settings(max_examples=60, deadline=None)
@given(
    zone=st.integers(25, 45),
    prefixed=st.booleans(),
    decimals=st.integers(2, 4),
    east=st.integers(30_000_000, 70_000_000),
    north=st.integers(210_000_000, 590_000_000),
    sides=st.lists(st.integers(1_000, 90_000), min_size=1, max_size=4),
    holed=st.booleans(),
)
def test_what_is_written_is_read_back_to_the_printed_digit(zone, prefixed, decimals, east, north, sides, holed):
    shift = zone * 1e6 if prefixed else 0.0
    parts = []
    for place, side in enumerate(sides):
        x, y = shift + east / 100 + place * 2000, north / 100
        part = shapely.box(x, y, x + side / 100, y + side / 50)
        parts.append(part.difference(shapely.box(x + 2, y + 2, x + 4, y + 5)) if holed and side > 1_000 else part)
    shape = parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
    frame = gpd.GeoDataFrame({"plot_no": ["1"]}, geometry=[shape], crs=(4513 if prefixed else 4534) + zone - 25)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plot.txt"
        write_boundary_text(frame, path, decimals=decimals)
        back = read_boundary_text(path)  # nothing may be warned of
    assert back.crs.to_epsg() == 4513 + zone - 25
    moved = shapely.transform(shape, lambda corners: np.round(corners + [zone * 1e6 - shift, 0], decimals))
    assert shapely.normalize(back.geometry[0]).equals_exact(shapely.normalize(moved), tolerance=0.5 * 10.0**-decimals)
    stated = back["stated_area_m2"][0]
    assert stated == pytest.approx(back["area_m2"][0], abs=0.51 + 0.02 * shape.length * 10.0**-decimals)


@pytest.mark.parametrize(
    ("frame", "error", "told"),
    [
        (
            gpd.GeoDataFrame({"name": ["甲,乙"]}, geometry=[BOX], crs=4527),
            SchemaError,
            "out.txt: name holds commas .* rows 0",
        ),
        (gpd.GeoDataFrame(geometry=[BOX]), MissingCRSError, "out.txt: .*set_crs"),
        (gpd.GeoDataFrame(geometry=[shapely.box(117, 30, 117.1, 30.1)], crs=4490), CRSError, "EPSG:4513 to 4533"),
        (gpd.GeoDataFrame(geometry=[BOX, None], crs=4527), GeometryError, "rows 1 have no geometry"),
        (
            gpd.GeoDataFrame(
                geometry=[BOX.buffer(0).intersection(shapely.box(39500000, 3300000, 39500000.0001, 3300000.0001))],
                crs=4527,
            ),
            GeometryError,
            "collapses",
        ),
    ],
)
def test_what_the_format_cannot_hold_is_refused(tmp_path, frame, error, told):
    with pytest.raises(error, match=told):
        write_boundary_text(frame, tmp_path / "out.txt")
    assert not (tmp_path / "out.txt").exists()
