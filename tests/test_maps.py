"""Maps without a browser: what is written into the page, and what is refused."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import struct
import subprocess
import sys
import zlib
from importlib import resources
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import folium
import folium.plugins
import geopandas as gpd
import numpy as np
import pytest
import shapely

from ecozones.conflicts import find_conflicts
from ecozones.errors import DatumShiftError, EcozonesWarning, InputError, SchemaError
from ecozones.maps import (
    OfflineAssetError,
    adopt,
    explore,
    explore_years,
    layers,
    layers_of,
    payload,
    raster,
    refuse_remote,
    tianditu,
    write_qml,
)
from ecozones.maps import tiles as tiles_of
from ecozones.maps.basemaps import basemap_of
from ecozones.maps.overview import burn, draw
from ecozones.maps.page import page_of
from ecozones.maps.styles import category_paints, line_paints, say, verdict_paint
from ecozones.maps.views import Look, _line_words
from ecozones.quality import check_quality
from ecozones.testing import BOARD_CRS, chessboard, chessboard_plan
from ecozones.vocab import ControlLine, Subzone, control_lines, verdict_words

ASSETS = resources.files("ecozones").joinpath("data/assets")
MANIFEST = json.loads(ASSETS.joinpath("manifest.json").read_text(encoding="utf-8"))


def data_of(page: str) -> dict:
    return json.loads(re.search(r'id="ecozones-data">(.*?)</script>', page, re.DOTALL)[1])


def blob(page: str, name: str) -> bytes:
    return gzip.decompress(base64.b64decode(re.search(rf'id="{name}">(.*?)</script>', page, re.DOTALL)[1]))


def decode(raw: bytes, spec: dict) -> list[np.ndarray]:
    """Read vertices back as the page does, in plain Python."""
    at = 2 * spec["n"]

    def planes(n: int) -> np.ndarray:
        nonlocal at
        bytes_ = np.frombuffer(raw[at : at + 4 * n], np.uint8).reshape(4, n).astype(np.int64)
        at += 4 * n
        return (bytes_ << np.array([[0], [8], [16], [24]])).sum(axis=0)

    rings, length = planes(spec["n"]), planes(spec["rings"])
    x, y = (
        np.cumsum(np.where(z & 1, -(z >> 1) - 1, z >> 1)) for z in (planes(spec["vertices"]), planes(spec["vertices"]))
    )
    assert at == len(raw)
    assert rings.sum() == spec["rings"]
    return np.split(np.column_stack([x, y]) * spec["unit"], np.cumsum(length)[:-1])


# ------------------------------------------------------------------------------------------------------------- assets
def test_assets_are_those_of_the_manifest():
    for url, line in MANIFEST.items():
        if line["file"]:
            text = ASSETS.joinpath(line["file"]).read_text(encoding="utf-8")
            assert hashlib.sha256(text.encode()).hexdigest() == line["sha256"], url
            assert "</script" not in text.lower()
            assert "sourceMappingURL" not in text
            assert not re.findall(r"url\((?!['\"]?(?:data:|#))", text) or url.endswith(".js"), url


def test_every_asset_has_its_licence():
    for line in MANIFEST.values():
        if line["npm"]:
            stem = line["file"].rsplit(".", 1)[0]
            text = ASSETS.joinpath("licences", f"{stem}.txt").read_text(encoding="utf-8")
            assert len(text) > 300
            assert re.search(r"copyright|licen[sc]e", text, re.IGNORECASE)


def test_lock_and_manifest_name_the_same_packages():
    path = resources.files("ecozones").joinpath("../tools/assets.lock.json")
    if not path.is_file():
        pytest.skip("the lock stands in the checkout only")
    lock = json.loads(path.read_text(encoding="utf-8"))
    pinned = {f"{entry['npm']}@{entry['version']}" for entry in lock["packages"]}
    assert pinned == {line["npm"] for line in MANIFEST.values() if line["npm"]}
    assert all(entry["integrity"].startswith("sha512-") for entry in lock["packages"])


SUPPORTED = (
    folium.Map, folium.plugins.TreeLayerControl, folium.plugins.Fullscreen, folium.plugins.MousePosition,
    folium.plugins.DualMap, folium.plugins.TimelineSlider, folium.plugins.MiniMap,
    folium.plugins.GroupedLayerControl, folium.plugins.Search, folium.plugins.Draw, folium.TopoJson,
)  # fmt: skip


@pytest.mark.parametrize("kind", SUPPORTED, ids=lambda kind: kind.__name__)
def test_each_link_of_what_is_supported_is_carried(kind):
    for _, url in [*kind.default_js, *kind.default_css]:
        assert url in MANIFEST, f"folium links {url}: add it to tools/assets.lock.json"


# ------------------------------------------------------------------------------------------------------------ offline
def test_adopted_page_refers_to_nothing_outside():
    page = adopt(folium.Map(tiles=None), lean=False).get_root().render()
    refuse_remote(page)
    assert "jQuery" in page
    assert len(adopt(folium.Map(tiles=None)).get_root().render()) < len(page) / 2


def test_dual_maps_are_adopted():
    m = folium.plugins.DualMap(tiles=None)
    page = adopt(m).get_root().render()
    refuse_remote(page)
    assert page.count("L.map(") >= 2


def test_unknown_asset_is_refused_by_name():
    m = folium.Map(tiles=None)
    folium.plugins.MarkerCluster().add_to(m)
    with pytest.raises(OfflineAssetError, match="markercluster"):
        adopt(m).get_root().render()


@pytest.mark.parametrize(
    "spoilt",
    ['<img src="https://a.example/x.png">', '<img src="//a.example/x.png">', '<object data="http://a.example/x">',
     '<video poster="HTTPS://a.example/x"></video>', '<link rel="preload" href="https://a.example/x">'],
)  # fmt: skip
def test_remote_reference_is_refused(spoilt):
    with pytest.raises(OfflineAssetError, match=r"a\.example"):
        refuse_remote(f"<html><body>{spoilt}</body></html>")


def test_links_that_a_reader_follows_are_free():
    refuse_remote('<a href="https://example.org">more</a><script>var u = "<img src=https://x>";</script>')


def test_base_map_of_an_adopted_map_is_removed_and_said():
    m = folium.Map(tiles="OpenStreetMap")
    with pytest.warns(EcozonesWarning, match=r"openstreetmap\.org"):
        adopt(m)
    assert "tile.openstreetmap.org" not in m.get_root().render()


def test_base_map_is_kept_when_asked_and_only_its_host_is_let_in():
    page = adopt(folium.Map(tiles="OpenStreetMap"), online=True).get_root().render()
    seal = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert "https://tile.openstreetmap.org" in seal
    assert seal.count("http") == 1


def test_other_maps_of_the_session_stay_as_they_are():
    explore(chessboard(1))
    assert "https://cdn.jsdelivr.net/npm/leaflet" in folium.Map(tiles=None).get_root().render()


def test_saving_twice_gives_the_same_page():
    m = explore(chessboard_plan(red_line=["a1"]))
    assert m.get_root().render() == m.get_root().render()


# ------------------------------------------------------------------------------------------------------------ payload
def test_vertices_come_back_to_the_centimetre():
    frame = chessboard(5)
    page = explore(frame).get_root().render()
    spec = data_of(page)["layers"][0]
    rings = decode(blob(page, spec["geometry"]), spec)
    placed = payload.to_mercator(frame, what="board")
    assert len(rings) == 25
    for ring, shape in zip(rings, placed, strict=True):
        np.testing.assert_allclose(ring, shapely.get_coordinates(shape)[:-1], atol=0.0051)


def test_mercator_is_that_of_the_published_formula():
    # EPSG guidance note 7-2, example of method 1024 (Popular Visualisation Pseudo Mercator)
    point = gpd.GeoDataFrame(geometry=[shapely.Point(-100.33333333, 24.381786944)], crs=4326)
    x, y = shapely.get_coordinates(payload.to_mercator(point, what="point"))[0]
    assert (x, y) == pytest.approx((-11169055.58, 2800000.00), abs=0.01)


def test_popup_areas_are_those_of_the_survey():
    frame = chessboard(1, side_m=1_000)
    page = explore(frame).get_root().render()
    table = json.loads(blob(page, data_of(page)["layers"][0]["table"]))
    area = next(field for field in table["fields"] if field.get("area"))
    # a square kilometre is 1500 mu and 100 ha, less half a part in a million at the rim of the board
    assert area["mu"][0] == pytest.approx(150_000, abs=1)
    assert area["ha"][0] == pytest.approx(1_000_000, abs=2)


def test_a_datum_without_known_shift_is_refused():
    frame = chessboard(1).set_crs("EPSG:2383", allow_override=True)  # Xi'an 1980
    with pytest.raises(DatumShiftError):
        explore(frame).get_root().render()


# ---------------------------------------------------------------------------------------------------------------- size
def grid(count: int, vertices: int) -> gpd.GeoDataFrame:
    """Squares side by side whose edges carry many vertices."""
    n = round(count**0.5)
    board = chessboard(2, side_m=100)
    square = shapely.get_coordinates(shapely.segmentize(shapely.box(0, 0, 100, 100), 400 / vertices))
    across, up = (axis.ravel() * 100 for axis in np.meshgrid(np.arange(n), np.arange(n)))
    rings = square[None] + np.column_stack([across, up])[:, None] + [480_000, 3_300_000]
    return gpd.GeoDataFrame({"id": np.arange(n * n).astype(str)}, geometry=shapely.polygons(rings), crs=board.crs)


def write(frame: gpd.GeoDataFrame, *, detail: str = "auto", focus: object = None) -> tuple[dict, list]:
    layer = layers.Layer("x", "data", say("features"), frame, category_paints(["耕地"]), np.zeros(len(frame), np.uint8))
    shapes = payload.to_mercator(frame, what="x")
    around = np.zeros(0, dtype=object) if focus is None else np.array([focus], dtype=object)
    return layers.write(layer, "x", shapes, around, layers.Sight(detail=detail), layers.Blobs())


def test_small_layers_are_exact_and_nothing_is_said():
    frame = grid(100, 48)
    spec, notes = write(frame)
    assert spec["vertices"] == shapely.get_num_coordinates(frame.geometry.to_numpy()).sum() - len(frame)
    assert "picture" not in spec
    assert notes == []


def test_large_layers_are_simplified_for_display_and_the_map_says_so():
    frame = grid(10_000, 64)
    spec, notes = write(frame)
    assert spec["n"] == len(frame)
    assert spec["vertices"] < 64 * len(frame) / 4
    assert "2" in notes[0]["zh"]
    assert "概化" in notes[0]["zh"]


def test_huge_layers_become_a_picture_with_exact_features_near_the_site(monkeypatch):
    monkeypatch.setattr(layers, "_SIMPLIFIED_VERTICES", 50_000)
    monkeypatch.setattr(layers, "_EXACT_VERTICES", 10_000)
    frame = grid(10_000, 8)
    site = payload.to_mercator(frame.iloc[[5_050]], what="site")[0]
    spec, notes = write(frame, focus=site)
    assert 0 < spec["n"] < len(frame)
    assert spec["picture"]["overview"]
    assert f"{spec['n']:,}" in notes[0]["zh"]
    assert "10,000" in notes[0]["zh"]
    # 2 km around a square of 100 m: 41 squares across, less the corners
    assert spec["n"] == pytest.approx(np.pi * 20.5**2, rel=0.08)
    _, without = write(frame)
    assert "概览图" in without[0]["zh"]


def test_full_detail_keeps_every_vertex(monkeypatch):
    monkeypatch.setattr(layers, "_SIMPLIFIED_VERTICES", 1_000)
    monkeypatch.setattr(layers, "_EXACT_VERTICES", 100)
    frame = grid(100, 48)
    spec, notes = write(frame, detail="full")
    assert spec["vertices"] == 48 * 100
    assert notes == []


def test_what_the_map_is_about_is_never_simplified(monkeypatch):
    monkeypatch.setattr(layers, "_EXACT_VERTICES", 10)
    page = explore(grid(9, 48), focus=True, detail="overview").get_root().render()
    spec = data_of(page)["layers"][0]
    assert spec["vertices"] == 48 * 9
    assert "picture" not in spec


def test_few_huge_polygons_are_simplified_until_they_are_light(monkeypatch):
    monkeypatch.setattr(layers, "_EXACT_VERTICES", 2_000)
    monkeypatch.setattr(layers, "_SIMPLIFIED_VERTICES", 5_000)
    t = np.linspace(0, 2 * np.pi, 20_000, endpoint=False)
    wave = np.column_stack([np.cos(t), np.sin(t)]) * (5_000 + 3 * np.sin(900 * t))[:, None] + [500_000, 3_320_000]
    spec, notes = write(gpd.GeoDataFrame(geometry=[shapely.Polygon(wave)], crs=BOARD_CRS))
    assert spec["n"] == 1
    assert 50 < spec["vertices"] <= 2_000
    assert notes


def test_overview_colours_the_cells_whose_middle_lies_inside():
    rng = np.random.default_rng(1)
    x, y, radius = rng.uniform(5, 25, (3, 6))
    middles = shapely.points(x, y)
    shapes = shapely.difference(shapely.buffer(middles, radius, quad_segs=3), shapely.buffer(middles, radius / 3))
    numbers = burn(shapes, np.arange(6), (0, 40), 0.5, (80, 80))
    x, y = np.meshgrid(np.arange(80) * 0.5 + 0.25, 40 - np.arange(80) * 0.5 - 0.25)
    for row, column in np.ndindex(80, 80):
        inside = np.flatnonzero(shapely.contains_xy(shapes, x[row, column], y[row, column]))
        assert numbers[row, column] == (inside.max() if len(inside) else -1)


def test_overview_is_a_picture_of_the_stated_frame():
    board = payload.to_mercator(chessboard(4), what="board")
    picture = draw(board, np.zeros(16, np.uint8), category_paints(["耕地"]), np.ones(16, bool))
    raw = base64.b64decode(picture.png)
    width, height = struct.unpack(">II", raw[16:24])
    assert max(width, height) == 4096
    west, south, east, north = picture.bounds
    assert (west, north) == pytest.approx(tuple(shapely.total_bounds(board)[[0, 3]]))
    assert (east - west) / width == pytest.approx(picture.cell)
    assert (north - south) / height == pytest.approx(picture.cell)
    body = raw[raw.index(b"IDAT") + 4 :]
    lines = np.frombuffer(zlib.decompressobj().decompress(body), np.uint8).reshape(height, width + 1)
    assert (lines[:, 1:] > 0).mean() > 0.97


def test_a_page_beyond_all_measure_is_refused(monkeypatch):
    monkeypatch.setattr("ecozones.maps.page._MOST_BYTES", 1_000)
    with pytest.raises(InputError, match="detail='auto'"):
        explore(chessboard(8)).get_root().render()


# -------------------------------------------------------------------------------------------------------------- styles
def test_every_verdict_has_a_paint_and_those_that_bar_are_hatched():
    for verdict in verdict_words():
        for palette in ("default", "cvd"):
            paint = verdict_paint(verdict, say("sites"), palette)
            assert bool(paint.hatch) is (verdict not in {"clear", "allowed"})


def test_lines_differ_by_more_than_hue():
    """Dash, weight or lightness tell lines apart where the hue does not."""
    ids = ["ecological_red_line", "permanent_basic_farmland", "urban_development_boundary"]
    for palette in ("default", "cvd"):
        paints = [line_paints(control_lines()[line], [None], palette)[0] for line in ids]
        light = [np.dot([0.2126, 0.7152, 0.0722], list(bytes.fromhex(paint.fill[1:]))) for paint in paints]
        for a in range(3):
            for b in range(a):
                assert paints[a].dash != paints[b].dash or abs(light[a] - light[b]) > 25


def test_qgis_gets_the_same_colours(tmp_path):
    plan = chessboard_plan(red_line={"a1": "core", "b1": "general", "c1": None}, farmland=["d1"], urban=["e1"])
    files = write_qml(plan, tmp_path / "styles")
    assert [path.stem for path in files] == list(plan.lines)
    root = ET.parse(files[0]).getroot()  # noqa: S314 - written a moment ago
    labels = {entry.get("value"): entry.get("label") for entry in root.iter("category")}
    assert labels == {"core": "核心保护区", "general": "一般控制区", "": "未分类"}
    options = [
        {option.get("name"): option.get("value") for option in layer.iter("Option")} for layer in root.iter("layer")
    ]
    assert all(option["color"].startswith("56,168,0,") for option in options)  # #38A800
    assert all(option["outline_color"] == "38,115,0,255" for option in options)  # #267300
    urban = ET.parse(files[2]).getroot()  # noqa: S314 - written a moment ago
    styles = [option.get("value") for option in urban.iter("Option") if option.get("name") == "outline_style"]
    assert styles == ["dash"]


def test_land_use_has_the_colours_of_the_norm():
    paint, other = category_paints(["耕地", "我的分类"])
    assert paint.fill == "#F5F8DC"  # 245, 248, 220
    assert other.fill.startswith("#")


def test_words_of_the_page_are_there_in_both_languages():
    text = resources.files("ecozones").joinpath("data/map_words.toml").read_text(encoding="utf-8")
    entries = re.findall(r"^(\w+) = \{(.*)\}$", text, re.MULTILINE)
    assert len(entries) > 100
    for key, body in entries:
        assert re.search(r'zh = "[^"]+"', body), key
        assert re.search(r'en = "[^"]+"', body), key


# ------------------------------------------------------------------------------------------------------------ base maps
def test_tianditu_key_is_not_in_the_page_unless_asked(monkeypatch):
    monkeypatch.setenv("ECOZONES_TIANDITU_KEY", "0123456789abcdef")
    page = explore(chessboard(1), basemap="tianditu").get_root().render()
    assert "0123456789abcdef" not in page
    assert "t0.tianditu.gov.cn" in re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    with pytest.warns(EcozonesWarning, match="key is written"):
        kept = tianditu(keep_key=True)
    assert "0123456789abcdef" in explore(chessboard(1), basemap=kept).get_root().render()


@pytest.mark.parametrize("wrong", ["no such file.tif", "http://10.0.0.8/tiles"])
def test_unknown_base_map_is_refused(wrong):
    with pytest.raises(InputError, match=r"10\.0\.0\.8|no such file"):
        basemap_of(wrong)


def test_seal_names_only_the_office_service():
    page = explore(chessboard(1), basemap=tiles_of("http://10.1.2.3:8080/t/{z}/{x}/{y}")).get_root().render()
    seal = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert "img-src data: blob: http://10.1.2.3:8080;" in seal
    assert "script-src 'unsafe-inline';" in seal


def test_raster_lies_where_its_cells_are(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    board = chessboard(4)
    west, _, _, north = board.total_bounds
    values = np.zeros((3, 40, 40), dtype=np.uint8)
    values[0, :10, :10] = 255  # the north-western square is red
    path = tmp_path / "ortho.tif"
    transform = rasterio.Affine(100, 0, west, 0, -100, north)
    with rasterio.open(
        path, "w", driver="GTiff", width=40, height=40, count=3, dtype="uint8", crs=BOARD_CRS, transform=transform
    ) as file:
        file.write(values)
    picture = raster(path)
    raw = base64.b64decode(picture.png)
    with (
        rasterio.MemoryFile(raw) as memory,
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        memory.open() as file,
    ):
        drawn = file.read()
    _, height, width = drawn.shape
    square = payload.to_mercator(board[board.cell == "a4"], what="square")[0]
    x0, y0, x1, y1 = picture.bounds
    rows, columns = np.mgrid[0:height, 0:width]
    across, up = x0 + (columns + 0.5) * (x1 - x0) / width, y1 - (rows + 0.5) * (y1 - y0) / height
    inside = shapely.contains_xy(shapely.buffer(square, -250), across, up)
    outside = ~shapely.contains_xy(shapely.buffer(square, 250), across, up)
    assert inside.any()
    assert (drawn[0][inside] == 255).all()
    assert (drawn[0][outside] == 0).all()


# --------------------------------------------------------------------------------------------------------------- calls
def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(InputError, match="cannot be drawn"):
        explore({"a": 1})


def test_missing_column_is_named():
    with pytest.raises(SchemaError, match="kind"):
        explore(chessboard(1), column="kind")


def test_too_many_classes_are_refused():
    with pytest.raises(InputError, match="60 classes"):
        explore(chessboard(8), column="cell")


@pytest.mark.parametrize(("option", "value"), [("palette", "pretty"), ("detail", "low")])
def test_unknown_option_is_refused(option, value):
    with pytest.raises(InputError, match=value):
        explore(chessboard(1), **{option: value})


def test_projects_without_year_are_refused():
    with pytest.raises(SchemaError, match="1 projects have no year"):
        explore_years(chessboard(1).assign(year=None))


def test_calls_chain_on_one_map_and_keep_what_was_asked():
    m = explore(chessboard(2), label="一", title="甲")
    again = explore(chessboard(1), m=m, label="二")
    assert again is m
    spec = data_of(m.get_root().render())
    assert [layer["id"] for layer in spec["layers"]] == ["frame", "frame-2"]
    assert spec["meta"]["title"]["zh"] == "甲"


def test_lines_of_another_rulebook_are_named_when_their_plan_is_on_the_map():
    line = ControlLine(
        "green_belt", "绿带", "green belt", default_subzone="inside", subzones=(Subzone("inside", "绿带内", "inside"),)
    )
    rules = SimpleNamespace(lines=(line,))
    plan = chessboard_plan(red_line=None, farmland=None, urban=None, lines={"green_belt": ["a1"]}, rules=rules)
    review = SimpleNamespace(line="green_belt", subzone="inside")
    page = page_of(explore(plan))
    assert page.lines["green_belt"].zh == "绿带"
    assert _line_words(review.line, review.subzone, page.lines) == {"zh": "绿带 · 绿带内", "en": "green belt · inside"}
    assert _line_words("green_belt", None, control_lines()) == {"zh": "green_belt", "en": "green_belt"}


def test_frames_are_not_changed():
    frame = chessboard(2).set_index(np.array([5, 3, 2, 9]))
    before = frame.copy()
    explore(frame, column="cell").get_root().render()
    gpd.testing.assert_geodataframe_equal(frame, before)


def test_page_is_found_on_its_map():
    assert page_of(folium.Map(tiles=None)) is None
    assert page_of(explore(chessboard(1))) is not None


def test_importing_the_library_loads_no_map():
    code = "import sys, ecozones; print([m for m in ('folium', 'branca', 'ecozones.maps') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


# ------------------------------------------------------------------------------------------------ conflicts and faults
def test_conflicts_are_drawn_by_gravity_over_the_plan():
    plan = chessboard_plan(red_line={"a1": "core"}, farmland=["a1", "b1"], urban=["b1"])
    found = find_conflicts(plan)
    drawing = layers_of(found, Look())
    (layer,) = drawing.layers
    assert drawing.conflicts == 2
    assert [paint.label["zh"] for paint in layer.paints] == ["△ 警告", "× 错误"]
    assert all(paint.hatch for paint in layer.paints)
    assert list(layer.codes) == [0, 1]
    told = {field.label["zh"]: field.cells[1] for field in layer.fields}
    assert told["甲"]["zh"] == "生态保护红线 · 核心保护区 · a1"
    assert told["面积"] == pytest.approx(1e6, abs=1)
    assert "三条控制线不交叉" in told["说明"]["zh"]
    page = explore(found, m=explore(plan)).get_root().render()
    assert '"conflicts"' in page


def test_artefacts_are_there_but_switched_off_and_not_counted():
    plan = chessboard_plan(red_line={"a1": "core"}, farmland=["a1"])
    found = find_conflicts(plan).assign(artefact=True)
    drawing = layers_of(found, Look())
    assert [(layer.key, layer.shown) for layer in drawing.layers] == [("artefacts", False)]
    assert drawing.conflicts == 0
    assert layers_of(found.iloc[:0], Look()).layers == []


def test_faults_of_a_layer_are_drawn_and_checks_not_made_are_not():
    board = chessboard(2, side_m=100)
    doubled = gpd.GeoDataFrame(geometry=[*board.geometry, board.geometry[0]], crs=board.crs)
    found = check_quality(doubled)
    drawing = layers_of(found, Look())
    (layer,) = drawing.layers
    made = found[found["severity"] != "not_checked"]
    assert drawing.conflicts == len(made) == len(layer.frame)
    assert "重叠 10,000 平方米" in " ".join(cell["zh"] for cell in layer.fields[1].cells)
