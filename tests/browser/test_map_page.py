"""The page in a browser, with the network off: every check is also shown a page on which it must fail."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import io
import itertools
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import branca.colormap
import folium
import geopandas as gpd
import nbformat
import numpy as np
import pyproj
import pytest
import shapely
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import TimeoutError as PlaywrightTimeout

import ecozones as ez
from ecozones.area import polygon_areas
from ecozones.conflicts import find_conflicts
from ecozones.gcj import to_gcj02
from ecozones.maps import adopt, explore, explore_change, explore_years, tiles
from ecozones.maps.styles import line_paints, verdict_paint
from ecozones.testing import BOARD_CRS, chessboard, chessboard_plan, square
from ecozones.units import from_m2, round_half_up
from ecozones.vocab import control_lines

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND",
]  # fmt: skip
SAMPLE = Path(__file__).parents[2] / "sample_data"
READY = (
    "new Promise(done => { const t = setInterval(() => { if (window.__ready) { clearInterval(t); done(); } }, 10); })"
)
WIDE = (1366, 768)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield launched
        launched.close()


@pytest.fixture
def show(browser, tmp_path) -> Iterator[Callable[..., Page]]:
    """Open HTML as a file, offline; what it asked for and what went wrong is kept on the page."""
    contexts = []

    def opened(html: str, size: tuple[int, int] = WIDE, *, ready: str | None = READY, offline: bool = True) -> Page:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, offline=offline)
        contexts.append(context)
        page = context.new_page()
        page.asked, page.wrong = [], []
        page.on(
            "request", lambda r: page.asked.append(r.url) if not r.url.startswith(("file:", "data:", "blob:")) else None
        )
        page.on("console", lambda m: page.wrong.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        path = tmp_path / f"page-{len(contexts)}.html"
        path.write_text(html, encoding="utf-8")
        page.goto(path.as_uri())
        if ready:
            page.evaluate(ready)
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def review() -> ez.SiteReview:
    plan = chessboard_plan(red_line={"b2": "core", "b3": "general"}, farmland=["d4"], urban=["f6"], name="棋盘县")
    sites = gpd.pd.concat(
        [square("b2", size_m=600), square("h8", size_m=600), square("f6", size_m=500)], ignore_index=True
    )
    sites["site_id"] = ["A1", "A2", "A3"]
    sites["name"] = ["青溪湿地度假村", "河口仓库", "城中住宅"]
    return ez.check_sites(sites, plan, on=dt.date(2026, 6, 1))


@pytest.fixture(scope="module")
def plan() -> ez.ZoningPlan:
    return chessboard_plan(red_line={"b2": "core", "b3": "general"}, farmland=["d4"], urban=["f6"], name="棋盘县")


@pytest.fixture(scope="module")
def html(plan, review) -> str:
    m = explore(review, m=explore(plan, title="棋盘县选址审查图", subtitle="某某局", data_date="2026-06"))
    return str(m.get_root().render())


def spoilt(html: str, right: str, wrong: str) -> str:
    assert right in html
    return html.replace(right, wrong)


def holds(*, sound: bool) -> contextlib.AbstractContextManager[object]:
    """Expect what follows to hold on a sound page, and to fail on a spoilt one."""
    return contextlib.nullcontext() if sound else pytest.raises((AssertionError, PlaywrightTimeout, PlaywrightError))


def pixels(page: Page, **options: object) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(page.screenshot(**options))).convert("RGB")).astype(int)


def mercator(lon: float, lat: float) -> tuple[float, float]:
    radius = 6378137.0
    return radius * np.radians(lon), radius * np.log(np.tan(np.pi / 4 + np.radians(lat) / 2))


def on_screen(page: Page, lon: float, lat: float) -> np.ndarray:
    """Where a place must be, from the view's centre and zoom and our own projection."""
    view = page.evaluate(
        """(() => {
            const m = ecozones.map, c = m.getCenter(), s = m.getSize();
            return [c.lng, c.lat, m.getZoom(), s.x, s.y];
        })()"""
    )
    scale = 256 * 2 ** view[2] / (2 * np.pi * 6378137.0)
    here, centre = np.array(mercator(lon, lat)), np.array(mercator(view[0], view[1]))
    across, up = (here - centre) * scale
    return np.array([view[3] / 2 + across, view[4] / 2 - up])


def representative(frame: gpd.GeoDataFrame) -> tuple[float, float]:
    point = gpd.GeoSeries([frame.geometry.iloc[0].representative_point()], crs=frame.crs).to_crs(4326).iloc[0]
    return point.x, point.y


def over(fill: str, opacity: float, ground: np.ndarray) -> np.ndarray:
    return np.array(list(bytes.fromhex(fill[1:]))) * opacity + ground * (1 - opacity)


# ------------------------------------------------------------------------------------- checks, and pages they must fail
def nothing_from_the_network(page: Page) -> None:
    assert page.asked == []
    assert page.wrong == []
    seal = page.evaluate("document.querySelector('meta[http-equiv=Content-Security-Policy]')?.content || ''")
    assert "default-src 'none'" in seal
    assert "http" not in seal


def page_is_labelled(page: Page) -> None:
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    assert page.evaluate("document.characterSet") == "UTF-8"
    assert page.title() == "棋盘县选址审查图"
    foot = page.inner_text(".eco-foot")
    assert "Leaflet" in foot
    assert "仅供参考" in foot
    assert "2026-06" in foot
    assert "\U0001f1fa" not in page.inner_text("body")
    assert page.query_selector(".leaflet-attribution-flag") is None


def legend_shows_what_is_drawn(page: Page) -> None:
    assert page.is_visible(".eco-lg")
    assert page.is_visible(".eco-north canvas")
    assert re.fullmatch(r"\d+ k?m", page.inner_text(".eco-scale").strip())
    rows = page.evaluate("[...document.querySelectorAll('.eco-layer input')].map(box => box.dataset.layer)")
    assert sorted(rows) == sorted(page.evaluate("Object.keys(ecozones.layers)"))
    drawn = {
        (label, edge.upper(), fill.upper())
        for label, edge, fill in page.evaluate(
            """[...document.querySelectorAll('.eco-lg .eco-swatch')].map(
                s => [s.parentElement.querySelector('span').textContent, s.dataset.edge, s.dataset.fill])"""
        )
    }
    lines = control_lines()
    expected = [
        *line_paints(lines["ecological_red_line"], ["core", "general"]),
        *line_paints(lines["permanent_basic_farmland"], ["pbf"]),
    ]
    expected.append(verdict_paint("prohibited", {"zh": "× 禁止", "en": ""}))
    for paint in expected:
        assert (paint.label["zh"], paint.edge.upper(), paint.fill.upper()) in drawn
    # the ink of the swatch is the ink of the layer
    middle = page.evaluate(
        """(() => {
            const swatch = [...document.querySelectorAll('.eco-swatch')].find(s => s.dataset.fill === '#FFEB3B');
            return [...swatch.getContext('2d').getImageData(26, 16, 1, 1).data];
        })()"""
    )
    assert middle[3] == pytest.approx(255 * 0.45, abs=2)


FURNITURE = (
    ".eco-title", ".eco-search", ".eco-tools", ".leaflet-control-zoom", ".eco-north", ".eco-panel", ".eco-scale",
    ".eco-inset", ".eco-foot",
)  # fmt: skip


def no_two_controls_overlap(page: Page) -> None:
    boxes = {
        name: page.evaluate(
            """name => {
                const r = document.querySelector(name)?.getBoundingClientRect();
                return r?.width ? [r.left, r.top, r.right, r.bottom] : null;
            }""",
            name,
        )
        for name in FURNITURE
    }
    size = page.evaluate("[innerWidth, innerHeight]")
    seen = {name: box for name, box in boxes.items() if box}
    assert {".eco-title", ".eco-panel", ".eco-scale", ".eco-foot", ".eco-north"} <= set(seen)
    for (first, a), (second, b) in itertools.combinations(seen.items(), 2):
        apart = a[2] <= b[0] + 0.5 or b[2] <= a[0] + 0.5 or a[3] <= b[1] + 0.5 or b[3] <= a[1] + 0.5
        assert apart, f"{first} and {second} overlap"
    for name, box in seen.items():
        assert min(box) >= -0.5, name
        assert box[2] <= size[0] + 0.5, name


def features_are_in_their_place(page: Page) -> None:
    """Only the farmland is left on, so that the colour is its own."""
    page.evaluate(
        """for (const [id, layer] of Object.entries(ecozones.layers))
            if (id !== 'permanent_basic_farmland') ecozones.map.removeLayer(layer)"""
    )
    board = chessboard()
    lon, lat = representative(board[board.cell == "d4"])
    wanted = on_screen(page, lon, lat)
    told = page.evaluate(
        "([lat, lng]) => { const p = ecozones.map.latLngToContainerPoint([lat, lng]); return [p.x, p.y]; }", [lat, lon]
    )
    assert np.abs(wanted - told).max() <= 1
    picture = pixels(page)
    ground = np.array([244, 244, 242])
    color = over("#FFEB3B", 0.45, ground)
    x, y = np.round(wanted).astype(int)
    assert np.abs(picture[y - 6 : y + 7, x - 6 : x + 7] - color).max() <= 3
    # and the corners are where they belong: inside of one the colour, outside of it none
    west, south, east, north = board[board.cell == "d4"].to_crs(4326).total_bounds
    for corner_lon, corner_lat, sx, sy in ((west, south, 1, -1), (east, north, -1, 1)):
        cx, cy = np.round(on_screen(page, corner_lon, corner_lat)).astype(int)
        assert np.abs(picture[cy + 8 * sy, cx + 8 * sx] - color).max() <= 3
        assert np.abs(picture[cy - 20 * sy, cx - 20 * sx] - ground).max() <= 3


def layers_switch(page: Page) -> None:
    before = pixels(page)
    for key in page.evaluate(
        "Object.entries(ecozones.layers).filter(([k, s]) => ecozones.map.hasLayer(s)).map(([k]) => k)"
    ):
        page.evaluate("key => document.querySelector(`input[data-layer='${key}']`).click()", key)
        assert not page.evaluate("key => ecozones.map.hasLayer(ecozones.layers[key])", key)
        off = pixels(page)
        assert (np.abs(off[:, :1100] - before[:, :1100]).max(axis=-1) > 8).sum() > 150, key
        page.evaluate("key => document.querySelector(`input[data-layer='${key}']`).click()", key)
        assert page.evaluate("key => ecozones.map.hasLayer(ecozones.layers[key])", key)
        again = pixels(page)
        assert (np.abs(again - before).max(axis=-1) > 8).mean() <= 0.001, key


def popup_tells_the_numbers(page: Page) -> None:
    board = chessboard()
    cell = board[board.cell == "b3"]
    lon, lat = representative(cell)
    x, y = on_screen(page, lon, lat)
    page.mouse.click(float(x) + 30, float(y) + 20)
    page.wait_for_selector(".eco-card")
    told = page.inner_text(".eco-cards")
    area = polygon_areas(cell.geometry.to_numpy(), cell.crs, rounded=True)
    mu, ha = (float(round_half_up(from_m2(area, unit), digits)[0]) for unit, digits in (("mu", 2), ("ha", 4)))
    assert f"{mu:,.2f} 亩 / {ha:,.4f} 公顷" in told
    for word in ("生态保护红线", "一般控制区", "编号", "b3"):
        assert word in told
    box, frame = (
        page.evaluate(
            """s => {
                const r = document.querySelector(s).getBoundingClientRect();
                return [r.left, r.top, r.right, r.bottom];
            }""",
            s,
        )
        for s in (".leaflet-popup", ".folium-map")
    )
    assert box[0] >= frame[0] and box[1] >= frame[1] and box[2] <= frame[2] and box[3] <= frame[3]  # noqa: PT018
    assert page.evaluate(
        "[...document.querySelectorAll('.eco-cards, .eco-cards td')].every(n => n.scrollWidth <= n.clientWidth + 1)"
    )


def conflict_is_hatched(page: Page) -> None:
    page.evaluate("ecozones.map.removeLayer(ecozones.state.names)")
    lon, lat = representative(chessboard().query("cell == 'b2'"))
    page.evaluate("([lat, lng]) => ecozones.map.setView([lat, lng], 15, {animate: false})", [lat, lon])
    page.wait_for_timeout(50)
    x, y = np.round(on_screen(page, lon, lat)).astype(int)
    line = pixels(page)[y, x - 60 : x + 60]
    red = (line[:, 0] > 200) & (line[:, 1] < 90)
    # strokes alternate with what lies below, some ten pixels apart
    assert 6 <= int(np.abs(np.diff(red.astype(int))).sum()) <= 60
    assert 0.05 < red.mean() < 0.7
    order = page.evaluate("ecozones.state.order.map(sheet => sheet.id)")
    assert order.index("findings") > max(
        order.index(key) for key in ("ecological_red_line", "permanent_basic_farmland")
    )


def search_finds_the_middle_of_a_name(page: Page) -> None:
    zoom = page.evaluate("ecozones.map.getZoom()")
    # pasted text brings no key events
    page.evaluate(
        """(() => {
            const field = document.querySelector('.eco-search input');
            field.value = '湿地';
            field.dispatchEvent(new Event('input'));
        })()"""
    )
    page.wait_for_selector(".eco-search li")
    assert "青溪湿地度假村" in page.inner_text(".eco-search ul")
    page.click(".eco-search li")
    page.wait_for_selector(".eco-card")
    assert "A1" in page.inner_text(".eco-cards")
    assert page.evaluate("ecozones.map.getZoom()") > zoom


def measuring_is_on_the_ellipsoid(page: Page) -> None:
    geod = pyproj.Geod(a=6378137.0, rf=298.257222101)
    rings = (
        [(114.0, 30.0), (114.01, 30.0), (114.013, 30.02), (113.99, 30.01)],
        [(87.0, 45.0), (87.6, 45.1), (87.4, 45.5)],
    )
    for ring in rings:
        points = [{"lng": lon, "lat": lat} for lon, lat in ring]
        area, length = geod.polygon_area_perimeter(*zip(*ring, strict=True))
        assert page.evaluate("points => ecozones.groundArea(points)", points) == pytest.approx(abs(area), rel=1e-4)
        told = page.evaluate("points => ecozones.groundLength([...points, points[0]])", points)
        assert told == pytest.approx(length, abs=0.01)


def language_switches(page: Page) -> None:
    chinese = page.inner_text(".eco-lg")
    page.click("[data-tool=switch]")
    english = page.inner_text(".eco-lg")
    for zh, en in (
        ("生态保护红线", "ecological protection red line"),
        ("核心保护区", "core protection zone"),
        ("压占情况", "Findings"),
    ):
        assert zh in chinese
        assert zh not in english
        assert en in english
    assert not re.search("[\u4e00-\u9fff]", english)
    assert page.evaluate("document.documentElement.lang") == "en"


def exported_picture_is_the_screen(page: Page) -> None:
    page.add_style_tag(content=".eco-noprint { visibility: hidden !important; }")
    page.evaluate("document.querySelector('.folium-map').classList.add('eco-picture')")
    screen = pixels(page)
    page.evaluate("document.querySelector('.folium-map').classList.remove('eco-picture')")
    data = page.evaluate("ecozones.picture(2).toDataURL('image/png')")
    exported = Image.open(io.BytesIO(base64.b64decode(data.split(",")[1]))).convert("RGB")
    assert exported.size == (2 * screen.shape[1], 2 * screen.shape[0])
    small = np.asarray(exported.resize((screen.shape[1], screen.shape[0]), Image.Resampling.BOX)).astype(int)
    # letters are smoothed differently at twice the size: blocks of four pixels are compared
    blocks = [
        a[: a.shape[0] // 4 * 4, : a.shape[1] // 4 * 4].reshape(a.shape[0] // 4, 4, -1, 4, 3).mean(axis=(1, 3))
        for a in (screen, small)
    ]
    assert (np.abs(blocks[0] - blocks[1]).max(axis=-1) > 48).mean() < 0.005


def paper_is_one_a4_sheet(page: Page) -> None:
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf)) == 1
    box = re.search(rb"/MediaBox\s*\[([^\]]+)\]", pdf)
    assert [float(v) for v in box[1].split()] == pytest.approx([0, 0, 842, 595], abs=1)
    page.emulate_media(media="print")
    assert page.is_visible(".eco-lg")
    assert not page.is_visible(".eco-tools")
    assert page.evaluate(
        "(() => { const p = document.querySelector('.eco-panel'); return p.scrollHeight <= p.clientHeight + 1; })()"
    )
    picture = pixels(page)
    assert ((picture[..., 1] - picture[..., 0]) > 25).sum() > 300  # the red line's green is on the paper
    page.emulate_media(media="screen")


CHECKS: dict[str, tuple[Callable[[Page], None], str, str]] = {
    "network": (nothing_from_the_network, "<body>", '<body><img src="https://example.org/spy.png">'),
    "labels": (page_is_labelled, "state.language === 'zh' ? 'zh-CN' : 'en';", "'en';"),
    "legend": (legend_shows_what_is_drawn, '"fill": "#FFEB3B"', '"fill": "#FFEB00"'),
    "overlap": (no_two_controls_overlap, ".eco-bl { left: 10px; bottom: 10px;", ".eco-bl { left: 60px; top: 20px;"),
    "place": (features_are_in_their_place, "const WORLD = 20037508", "const WORLD = 20036508"),
    "toggle": (layers_switch, "else state.map.removeLayer(sheet);", "else void 0;"),
    "popup": (popup_tells_the_numbers, "fixed(field.mu[f], 2)", "fixed(field.mu[f] + 1, 2)"),
    "hatch": (conflict_is_hatched, '"hatch": "/"', '"hatch": ""'),
    "search": (search_finds_the_middle_of_a_name, "name.toLowerCase().includes", "name.toLowerCase().startsWith"),
    "measure": (measuring_is_on_the_ellipsoid, "F = 1 / 298.257222101", "F = 1e-9"),
    "language": (language_switches, "String(said[state.language]", "String(said['zh']"),
    "picture": (exported_picture_is_the_screen, "node.tagName === 'CANVAS'", "node.tagName === 'NONE'"),
    "paper": (paper_is_one_a4_sheet, "height: 192mm", "height: 252mm"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHECKS)
def test_page(name, html, show):
    CHECKS[name][0](show(html))


@pytest.mark.parametrize("name", CHECKS)
def test_the_check_fails_on_a_spoilt_page(name, html, show):
    check, right, wrong = CHECKS[name]
    assert right in html
    page = show(html.replace(right, wrong))
    page.set_default_timeout(1_500)
    # what a check waits for and does not come is a failure too, as with a search that finds nothing
    with pytest.raises((AssertionError, PlaywrightTimeout)):
        check(page)


@pytest.mark.parametrize("size", [(1100, 700), (1366, 768), (1920, 1080)], ids=str)
def test_controls_keep_apart_at_every_size(size, html, show):
    no_two_controls_overlap(show(html, size))


def test_controls_keep_apart_on_paper(html, show):
    page = show(html)
    page.emulate_media(media="print")
    no_two_controls_overlap(page)


@pytest.mark.parametrize("sound", [True, False])
def test_conflicts_between_lines_are_hatched_by_gravity(sound, show):
    plan = chessboard_plan(red_line={"a1": "core"}, farmland=["a1", "b1"], urban=["b1"], name="棋盘县")
    html = str(explore(find_conflicts(plan), m=explore(plan)).get_root().render())
    page = show(html if sound else spoilt(html, '"hatch": "/"', '"hatch": ""'))
    assert "× 错误" in page.inner_text(".eco-lg")
    lon, lat = representative(chessboard().query("cell == 'a1'"))
    page.evaluate("([lat, lng]) => ecozones.map.setView([lat, lng], 15, {animate: false})", [lat, lon])
    page.wait_for_timeout(50)
    x, y = np.round(on_screen(page, lon, lat)).astype(int)
    line = pixels(page)[y + 20, x - 60 : x + 60]
    red = (line[:, 0] > 200) & (line[:, 1] < 90)
    with holds(sound=sound):
        assert 6 <= int(np.abs(np.diff(red.astype(int))).sum()) <= 60
    page.mouse.click(float(x) + 10, float(y) + 10)
    page.wait_for_selector(".eco-card")
    assert "生态保护红线 · 核心保护区 · a1" in page.inner_text(".eco-cards")


def no_conflict_is_drawn_and_that_is_said(page: Page) -> None:
    assert "未发现冲突" in page.inner_text(".eco-lg")
    assert not page.evaluate("ecozones.state.order.some(s => s.spec.classes.some(c => c.hatch))")


def test_a_plan_without_conflict_says_so(plan, html, show):
    far = square("h8", size_m=400, activity="ordinary_build")
    review = ez.check_sites(far.assign(site_id=["X"]), plan, on=dt.date(2026, 6, 1))
    free = review.findings[review.findings.verdict.astype(str).isin(["clear", "allowed"])]
    calm = ez.SiteReview(review.verdicts, review.lines, free, review.balance, review.on, review.capsule)
    quiet = str(explore(calm).get_root().render())
    no_conflict_is_drawn_and_that_is_said(show(quiet))
    # a page with conflicts fails, and so does one that has none but does not say so
    with pytest.raises(AssertionError):
        no_conflict_is_drawn_and_that_is_said(show(html))
    with pytest.raises(AssertionError):
        no_conflict_is_drawn_and_that_is_said(show(quiet.replace("未发现冲突", "")))


def test_lean_page_is_small(show):
    m = explore(chessboard_plan(red_line=["a1"]))
    page = m.get_root().render()
    assert len(page.encode()) <= 300_000
    nothing_from_the_network(show(page))
    # a page that asks for an icon font carries it, and would be found
    heavy = folium.Map(tiles=None)
    folium.Marker([30, 114], icon=folium.Icon(icon="home", prefix="fa")).add_to(heavy)
    assert len(adopt(heavy).get_root().render().encode()) > 300_000


HOSTILE = (
    "<script>window.hit=1</script>",
    "'\"`${1+1}",
    "{{ 7*7 }} {% raw %}",
    "</script><b>x",
    "\U0001f600" * 3,
    "长" * 10_000,
    "a\u2028b\\u003c",
)


@pytest.mark.parametrize("sound", [True, False])
def test_hostile_names_are_text(sound, show):
    board = chessboard(3)[: len(HOSTILE)]
    frame = board.assign(name=list(HOSTILE), id=[f"{i}{name[:40]}" for i, name in enumerate(HOSTILE)], share=np.nan)
    html = explore(frame, title=HOSTILE[0] + HOSTILE[2], label=HOSTILE[3]).get_root().render()
    if not sound:
        html = spoilt(html, "node.append(child);", "node.insertAdjacentHTML('beforeend', child.outerHTML || child);")
    with holds(sound=sound):
        page = show(html)
        for number, name in enumerate(HOSTILE):
            goes = "async n => { const f = (await ecozones.find(n.slice(0, 30)))[0]; await ecozones.goTo(f); }"
            page.evaluate(goes, name)
            told = page.locator(".eco-cards").last.inner_text()
            assert name.replace("\u2028", "")[:20] in told.replace("\u2028", ""), number
            fits = "[...document.querySelectorAll('.eco-cards td')].every(n => n.scrollWidth <= n.clientWidth + 1)"
            assert page.evaluate(fits)
        assert page.evaluate("window.hit") is None
        assert HOSTILE[0] in page.inner_text(".eco-title")
        assert "{{ 7*7 }}" in page.inner_text(".eco-title")
        assert HOSTILE[3] in page.inner_text(".eco-lg")
        nothing_from_the_network(page)


def test_odd_layers_draw(show):
    hole = shapely.Polygon([(0, 0), (900, 0), (900, 900), (0, 900)], [[(300, 300), (300, 600), (600, 600), (600, 300)]])
    shapes = [
        shapely.MultiPolygon([hole, shapely.box(1200, 0, 1500, 300)]), shapely.LineString([(0, 2000), (2000, 2000)]),
        shapely.Point(100, 100), None, shapely.Polygon(),
        shapely.GeometryCollection([shapely.Point(0, 0), shapely.box(0, 1000, 300, 1300)]),
    ]  # fmt: skip
    moved = [
        None if shape is None else shapely.transform(shape, lambda xy: xy + [500_000, 3_320_000]) for shape in shapes
    ]
    frame = gpd.GeoDataFrame(
        {"name": list("abcdef"), "area": [1.0, np.nan, None, 2.0, 3.0, 4.0]}, geometry=moved, crs=BOARD_CRS
    )
    page = show(explore(frame.iloc[:0], m=explore(frame)).get_root().render())
    nothing_from_the_network(page)
    assert page.evaluate("Object.values(ecozones.layers).map(s => s.geometry.n)") == [6, 0]
    # the hole is no part of the polygon, the frame around it is
    for (x, y), inside in (
        ((450, 450), False),
        ((100, 450), True),
        ((1350, 150), True),
        ((150, 1150), True),
        ((1000, 500), False),
    ):
        place = gpd.GeoSeries([shapely.Point(500_000 + x, 3_320_000 + y)], crs=BOARD_CRS).to_crs(4326).iloc[0]
        hits = page.evaluate("([lat, lng]) => ecozones.hitsAt(L.latLng(lat, lng)).map(h => h.f)", [place.y, place.x])
        assert bool([f for f in hits if f in {0, 5}]) is inside


@pytest.mark.parametrize("corrected", [True, False])
def test_shifted_tiles_lie_where_the_data_are(corrected, browser, tmp_path):
    lon, lat = 120.15, 30.28  # Hangzhou, where the shift is 521 m
    gx, gy = (float(v) for v in to_gcj02(lon, lat))
    site = gpd.GeoDataFrame({"site_id": ["S"]}, geometry=[shapely.Point(lon, lat)], crs=4490)
    base = tiles("http://10.0.0.8/{z}/{x}/{y}.png", label="office", gcj=corrected)
    (tmp_path / "gcj.html").write_text(explore(site, basemap=base).get_root().render(), encoding="utf-8")
    context = browser.new_context(viewport={"width": 900, "height": 700})
    page = context.new_page()

    def tile(route):
        z, x, y = (int(part) for part in re.search(r"/(\d+)/(\d+)/(\d+)\.png", route.request.url).groups())
        mx, my = mercator(gx, gy)
        scale = 256 * 2**z / (2 * np.pi * 6378137.0)
        px, py = (mx + np.pi * 6378137.0) * scale - 256 * x, (np.pi * 6378137.0 - my) * scale - 256 * y
        picture = Image.new("RGB", (256, 256), (255, 255, 255))
        ImageDraw.Draw(picture).ellipse([px - 5, py - 5, px + 5, py + 5], fill=(255, 0, 255))
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        route.fulfill(body=buffer.getvalue(), content_type="image/png")

    page.route("http://10.0.0.8/**", tile)
    page.goto((tmp_path / "gcj.html").as_uri())
    page.evaluate(READY)
    page.evaluate("for (const layer of Object.values(ecozones.layers)) ecozones.map.removeLayer(layer)")

    def offset() -> float:
        page.wait_for_timeout(700)
        picture = pixels(page)
        found = np.argwhere((picture[..., 0] > 240) & (picture[..., 1] < 60) & (picture[..., 2] > 240))
        assert len(found)
        return float(np.hypot(*(found.mean(axis=0)[::-1] - on_screen(page, lon, lat))))

    views = [("setView", 13), ("setView", 15), ("pan", 15), ("setView", 16)]
    for move, zoom in views:
        if move == "setView":
            page.evaluate("([lat, lng, z]) => ecozones.map.setView([lat, lng], z, {animate: false})", [lat, lon, zoom])
        else:
            page.evaluate("ecozones.map.panBy([140, -90], {animate: false})")
        if corrected:
            assert offset() <= 2, (move, zoom)
        elif zoom == 15:
            assert offset() > 100
    context.close()


def test_page_asks_its_reader_for_the_tianditu_key(browser, tmp_path):
    path = tmp_path / "tianditu.html"
    path.write_text(explore(chessboard(1), basemap="tianditu").get_root().render(), encoding="utf-8")
    context = browser.new_context()
    page, asked = context.new_page(), []
    page.route("**/*tianditu.gov.cn/**", lambda route: (asked.append(route.request.url), route.abort()))
    page.goto(path.as_uri())
    page.evaluate(READY)
    assert asked == []
    page.fill(".eco-key input", "0123456789abcdef")
    page.click(".eco-key button")
    page.wait_for_timeout(300)
    assert asked
    assert all("tk=0123456789abcdef" in url and "LAYER=" in url for url in asked)
    assert {re.search(r"LAYER=(\w+)", url)[1] for url in asked} == {"vec", "cva"}
    assert page.query_selector(".eco-key") is None
    context.close()


@pytest.mark.parametrize("sound", [True, False])
def test_swipe_shows_each_state_on_its_side(sound, show):
    board = chessboard(2)
    before, after = board, board.assign(cell=list("wxyz"))
    html = explore_change(before, after).get_root().render()
    page = show(html if sound else spoilt(html, "style.clip =", "style.clop ="), (1000, 700))
    colors = {
        "before": over("#E0A050", 0.45, np.array([244, 244, 242])),
        "after": over("#50B8B0", 0.45, np.array([244, 244, 242])),
    }

    def sides() -> None:
        bar = page.evaluate("ecozones.state.swipe")
        picture = pixels(page)
        for side, other, x in (
            ("before", "after", slice(0, int(bar) - 30)),
            ("after", "before", slice(int(bar) + 30, 1000)),
        ):
            part = picture[:, x]
            assert (np.abs(part - colors[side]).max(axis=-1) <= 3).sum() > 2_000
            assert (np.abs(part - colors[other]).max(axis=-1) <= 3).sum() == 0

    with holds(sound=sound):
        sides()
    if not sound:
        return
    handle = page.query_selector(".eco-swipe span").bounding_box()
    page.mouse.move(handle["x"] + 18, handle["y"] + 18)
    page.mouse.down()
    page.mouse.move(handle["x"] - 60, handle["y"] + 18, steps=4)
    page.mouse.up()
    assert page.evaluate("ecozones.state.swipe") == pytest.approx(handle["x"] - 60, abs=2)
    sides()
    page.evaluate("ecozones.map.panBy([-60, 20], {animate: false})")
    page.wait_for_timeout(100)
    sides()


@pytest.mark.parametrize("sound", [True, False])
def test_slider_draws_the_projects_of_each_year(sound, show):
    years = [2019, 2020, 2020, 2022, 2023, 2023, 2023, 2025, 2025]
    frame = chessboard(3).assign(year=years, name=[f"项目{i}" for i in range(9)])
    html = explore_years(frame).get_root().render()
    page = show(html if sound else spoilt(html, "this.spec.years[f] <= state.year", "this.spec.years[f] < state.year"))
    set_year = """([year, only]) => {
        const field = kind => document.querySelector(`.eco-years input[type=${kind}]`);
        const [range, box] = ['range', 'checkbox'].map(field);
        range.value = year;
        if (box.checked !== only) box.click();
        range.dispatchEvent(new Event('input'));
        return Object.values(ecozones.layers)[0].drawn;
    }"""
    with holds(sound=sound):
        for year in range(2019, 2026):
            assert page.evaluate(set_year, [year, False]) == sum(y <= year for y in years)
            assert page.evaluate(set_year, [year, True]) == years.count(year)
            assert f"{year} · {years.count(year)}" in page.inner_text(".eco-year")


def test_sketch_is_a_site_that_can_be_checked(plan, html, show, tmp_path):
    page = show(html)
    page.click("[data-tool=sketch]")
    board = chessboard()
    ring = board[board.cell == "b2"].to_crs(4326).geometry.iloc[0].exterior.coords[:-1]
    for lon, lat in ring:
        x, y = on_screen(page, lon, lat)
        page.mouse.click(float(x), float(y))
        page.wait_for_timeout(30)
    page.fill(".eco-sketch input", "新项目 <b>")
    with page.expect_download() as download:
        page.click(".eco-download")
    path = tmp_path / "site.geojson"
    download.value.save_as(path)
    text = json.loads(path.read_text(encoding="utf-8"))
    assert text["features"][0]["properties"]["name"] == "新项目 <b>"
    sites = ez.read_sites(path)
    verdict = ez.check_sites(sites, plan, on=dt.date(2026, 6, 1)).verdicts
    assert verdict.area_ha.iloc[0] == pytest.approx(100, rel=0.05)  # to the pixel
    assert str(verdict.verdict.iloc[0]) == "prohibited"
    told = page.evaluate("ecozones.state.drawing.result.area")
    assert told == pytest.approx(verdict.area_m2.iloc[0], rel=1e-4)


def every_letter_is_drawn(page: Page) -> None:
    assert page.evaluate("document.fonts.ready.then(() => true)")
    letters = sorted(set(re.sub(r"[\x00-\x7f]", "", page.inner_text("body"))))
    assert len(letters) > 60
    draw = """letters => letters.map(letter => {
        const canvas = document.createElement('canvas'), pen = canvas.getContext('2d');
        canvas.width = canvas.height = 40;
        pen.font = '28px ' + getComputedStyle(document.body).fontFamily;
        pen.fillText(letter, 4, 32);
        return canvas.toDataURL();
    })"""
    drawn = dict(zip(letters, page.evaluate(draw, letters), strict=True))
    # an unassigned and a private character show what a missing letter looks like; neither is a letter of a name
    missing = set(page.evaluate(draw, ["\U0001fbff", "\U0010fffd", "\ue123"]))
    assert not [letter for letter, picture in drawn.items() if picture in missing]
    assert len(set(drawn.values())) >= len(letters) - 2


def test_every_letter_of_the_names_is_drawn(html, show):
    every_letter_is_drawn(show(html))
    # a letter that no font has, and two hundred letters that look alike, are seen
    with pytest.raises(AssertionError):
        every_letter_is_drawn(show(spoilt(html, "棋盘县选址审查图", "棋盘县\U0010fffd审查图")))
    with pytest.raises(AssertionError):
        every_letter_is_drawn(show(spoilt(html, "</head>", "<script>CanvasRenderingContext2D.prototype.fillText = "
            "function () { this.fillRect(4, 4, 28, 28); };</script></head>")))  # fmt: skip


def test_every_letter_of_the_sample_is_drawn(show):
    sites = ez.read_sites(SAMPLE / "sites.gpkg")
    names = "".join(sorted(set("".join(sites["name"].dropna()))))
    assert len(names) > 60
    every_letter_is_drawn(show(explore(sites, title=names).get_root().render()))


def as_notebook(output: str) -> str:
    """Write a notebook with one output as the page that nbconvert makes of it."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("explore(plan)")])
    book.cells[0].outputs = [nbformat.v4.new_output("display_data", {"text/html": output})]
    nbconvert = pytest.importorskip("nbconvert", reason="nbconvert is not installed")
    exporter = nbconvert.HTMLExporter(require_js_url="", mathjax_url="", jquery_url="")
    return str(exporter.from_notebook_node(book)[0])


@pytest.mark.parametrize("sound", [True, False])
def test_repr_draws_in_a_notebook_without_network(sound, plan, show):
    ours = explore(plan)._repr_html_()
    theirs = folium.Map([30, 114], tiles=None)._repr_html_()
    page = show(as_notebook(ours if sound else theirs), ready=None)
    page.wait_for_timeout(200)
    frame = page.frames[1]
    with holds(sound=sound):
        assert page.asked == []
        assert page.wrong == []
        frame.evaluate(READY)
        assert frame.evaluate("Object.values(ecozones.layers).length") >= 4
        box = frame.evaluate("(() => { const s = ecozones.map.getSize(); return [s.x, s.y]; })()")
        assert min(box) > 100
        ink = frame.evaluate(
            "[...document.querySelectorAll('.leaflet-overlay-pane canvas, .leaflet-pane canvas')].some(c => "
            "c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(v => v))"
        )
        assert ink


def test_adopted_maps_draw_without_network(show):
    frame = chessboard(3).to_crs(4326)
    m = folium.Map([29.99, 114.0], zoom_start=13, tiles=None)
    folium.GeoJson(frame, popup=folium.GeoJsonPopup(["cell"])).add_to(m)
    branca.colormap.linear.YlGn_09.scale(0, 9).add_to(m)
    folium.Marker([29.99, 114.0], icon=folium.Icon(icon="home", prefix="fa")).add_to(m)
    folium.LayerControl().add_to(m)
    page = show(adopt(m).get_root().render(), ready="new Promise(r => setTimeout(r, 400))")
    assert page.asked == []
    assert page.wrong == []
    assert page.evaluate("document.querySelectorAll('path.leaflet-interactive').length") == 9
    assert page.evaluate("document.fonts.check('900 16px \"Font Awesome 6 Free\"')")
    assert page.query_selector("#legend svg, .legend svg, svg#legend") is not None


def test_an_explored_frame_is_adopted(show):
    pytest.importorskip("mapclassify", reason="GeoDataFrame.explore needs it")
    frame = chessboard(3).assign(value=range(9))
    page = show(
        adopt(frame.explore("value", tiles=None)).get_root().render(), ready="new Promise(r => setTimeout(r, 400))"
    )
    assert page.asked == []
    assert page.wrong == []
    assert page.evaluate("document.querySelectorAll('path.leaflet-interactive').length") == 9


def test_plain_map_takes_our_layers(plan, show):
    base = folium.Map(tiles=None)
    folium.GeoJson(chessboard(2).to_crs(4326), name="邻县 {{ x }}").add_to(base)
    page = show(explore(plan, m=base).get_root().render())
    assert "邻县 {{ x }}" in page.inner_text(".eco-lg")
    assert page.wrong == []
    page.evaluate("document.querySelector(\"input[data-layer='other-0']\").click()")
    assert page.evaluate("document.querySelectorAll('path.leaflet-interactive').length") == 0


def it_opens_and_answers_quickly(page: Page, seconds: float, place: tuple[float, float], least: int) -> None:
    assert page.evaluate("performance.now()") / 1000 <= seconds
    timed = page.evaluate(
        """async ([lat, lng]) => {
            const start = performance.now(), found = ecozones.hitsAt(L.latLng(lat, lng));
            for (const {sheet} of found) await ecozones.attributes(sheet);
            return [performance.now() - start, found.length];
        }""",
        list(place),
    )
    assert timed[1] >= least
    assert timed[0] <= 300


@pytest.mark.slow
@pytest.mark.parametrize(("count", "seconds", "megabytes"), [(10_000, 3, 2.8), (100_000, 2, 4.7)])
def test_large_layers_open_quickly(count, seconds, megabytes, show):
    bench = pytest.importorskip("benchmarks.bench_maps")
    frame = bench.parcels(count)
    html = bench.ours(frame).get_root().render()
    assert len(html) <= megabytes * 1e6
    middle = gpd.GeoSeries([shapely.box(*frame.total_bounds).centroid], crs=frame.crs).to_crs(4326).iloc[0]
    it_opens_and_answers_quickly(show(html, (1200, 800)), seconds, (middle.y, middle.x), 2)


BUSY = "for (const t = performance.now(); performance.now() - t < {};);"
SLOW = {
    "opens": ("<body>", f"<body><script>{BUSY.format(3100)}</script>"),
    "answers": (
        "</body>",
        (
            "<script>{ const asked = ecozones.hitsAt; "
            f"ecozones.hitsAt = (...a) => {{ {BUSY.format(400)} return asked(...a); }}; }}</script></body>"
        ),
    ),
}


@pytest.mark.parametrize("what", SLOW)
def test_a_slow_page_is_found(what, html, show):
    place = representative(chessboard().query("cell == 'b3'"))[::-1]
    it_opens_and_answers_quickly(show(html), 3, place, 1)
    with pytest.raises(AssertionError):
        it_opens_and_answers_quickly(show(spoilt(html, *SLOW[what])), 3, place, 1)
