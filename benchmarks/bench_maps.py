"""
Time maps in headless Chromium beside plain Folium, on the same layer in the same run.

    python -m benchmarks.bench_maps 1000 10000 100000 --runs 3

Folium's page is drawn with ``GeoJson`` and ``style_function`` on canvas; its links are answered from the vendored
files, so that no network enters. Load time is that of the browser: from the start of navigation to two frames after the
layer is there.
"""

from __future__ import annotations

import argparse
import functools
import json
import shutil
import statistics
import tempfile
import time
import warnings
from importlib import resources
from pathlib import Path

import folium
import geopandas as gpd
import numpy as np
import shapely
from playwright.sync_api import Browser, Route, sync_playwright

from ecozones.maps import explore

ARGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
SIDE_M = 40_000.0
SEGMENTS = 12
CLASSES = ("耕地", "林地", "园地", "草地", "陆地水域")
COLORS = dict(zip(CLASSES, ("#F5F8DC", "#68B167", "#BFE9AA", "#CDF57A", "#338EC0"), strict=True))
# the page says when it is ready; Folium's is ready two frames after it has run its scripts
CLOCK = """
let ready = false;
window.__at = 0;
const frames = () => requestAnimationFrame(() => requestAnimationFrame(() => { window.__at = performance.now(); }));
const set = value => { ready = value; window.__at = performance.now(); };
Object.defineProperty(window, '__ready', {get: () => ready, set});
addEventListener('load', () => { if (!window.ecozones) frames(); });
"""


def parcels(count: int, seed: int = 7) -> gpd.GeoDataFrame:
    """Cover a square with about `count` parcels of 48 vertices that share their wiggly edges to the last bit."""
    rng, n = np.random.default_rng(seed), max(2, round(count**0.5))
    step = SIDE_M / n
    nodes = np.stack(np.meshgrid(np.arange(n + 1), np.arange(n + 1)), axis=-1) * step
    nodes += rng.uniform(-0.28, 0.28, nodes.shape) * step
    across = wiggle(nodes[:, :-1], nodes[:, 1:], step, rng)
    up = wiggle(nodes[:-1], nodes[1:], step, rng)
    rings = np.concatenate(
        [across[:-1, :, :-1], up[:, 1:, :-1], across[1:, :, :0:-1], up[:, :-1, :0:-1]], axis=2
    ).reshape(n * n, 4 * SEGMENTS, 2)
    shapes = shapely.polygons(np.concatenate([rings, rings[:, :1]], axis=1) + [480_000.0, 3_300_000.0])
    area = shapely.area(shapes)
    return gpd.GeoDataFrame(
        {
            "bsm": [f"3301{i:08d}" for i in range(n * n)],
            "dlmc": rng.choice(CLASSES, n * n, p=(0.45, 0.3, 0.12, 0.08, 0.05)),
            "qsdw": rng.choice(["青溪镇东村", "青溪镇西村", "白石乡河口村"], n * n),
            "mu": np.round(area * 0.0015, 2),
            "ha": np.round(area / 1e4, 4),
        },
        geometry=shapes,
        crs="EPSG:4547",
    )


def wiggle(start: np.ndarray, end: np.ndarray, step: float, rng: np.random.Generator) -> np.ndarray:
    """Draw an edge between two nodes with eleven vertices that wander sideways."""
    t = np.linspace(0, 1, SEGMENTS + 1)[:, None]
    line = start[..., None, :] + (end - start)[..., None, :] * t
    offset = rng.normal(0, 0.012 * step, line.shape)
    offset[..., (0, -1), :] = 0
    return np.asarray(line + offset)


def plain(frame: gpd.GeoDataFrame) -> folium.Map:
    """Draw parcels as most people do."""
    degrees = frame.to_crs(4326)
    west, south, east, north = degrees.total_bounds
    m = folium.Map(location=[(south + north) / 2, (west + east) / 2], tiles=None, prefer_canvas=True, zoom_start=11)
    folium.GeoJson(
        degrees,
        style_function=lambda feature: {
            "fillColor": COLORS[feature["properties"]["dlmc"]],
            "color": "#4D4D4D",
            "weight": 1,
        },
        popup=folium.GeoJsonPopup(fields=["bsm", "dlmc", "qsdw", "mu", "ha"]),
    ).add_to(m)
    return m


def ours(frame: gpd.GeoDataFrame) -> folium.Map:
    """Draw parcels with sites among them."""
    middle = shapely.centroid(shapely.box(*frame.total_bounds))
    site = gpd.GeoDataFrame({"site_id": ["P1"], "name": ["拟选址"]}, geometry=[middle.buffer(150)], crs=frame.crs)
    return explore(site, focus=True, label="拟选址", m=explore(frame, column="dlmc", label="地类图斑"))


@functools.cache
def vendored() -> dict[str, str]:
    """Give the vendored files by the URL they stand for."""
    folder = resources.files("ecozones").joinpath("data/assets")
    lines = json.loads(folder.joinpath("manifest.json").read_text(encoding="utf-8"))
    return {
        url: folder.joinpath(line["file"]).read_text(encoding="utf-8") if line["file"] else ""
        for url, line in lines.items()
    }


def answer(route: Route) -> None:
    """Answer a link from the vendored files."""
    url = route.request.url
    if url.startswith("file:"):
        route.continue_()
    elif url in vendored():
        route.fulfill(body=vendored()[url], content_type="text/css" if url.endswith(".css") else "text/javascript")
    else:
        route.abort()


def load(browser: Browser, path: Path) -> dict[str, float]:
    """Open a page in a fresh context and give its load time and memory."""
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    page = context.new_page()
    page.set_default_timeout(600_000)
    page.add_init_script(CLOCK)
    page.route("**/*", answer)
    page.goto(path.as_uri(), wait_until="commit")
    seconds = page.evaluate(
        "new Promise(done => { const t = setInterval(() => { if (__at) { clearInterval(t); done(__at); } }, 5); })"
    )
    heap = page.evaluate("performance.memory.usedJSHeapSize")
    context.close()
    return {"load_s": seconds / 1000, "heap_mb": heap / 1e6}


def measure(count: int, runs: int, chromium: str, scratch: Path) -> dict[str, dict[str, float]]:
    """Draw one layer both ways and open each page in fresh browsers; medians of the runs."""
    frame = parcels(count)
    figures: dict[str, dict[str, float]] = {}
    with sync_playwright() as driver:
        for name, draw in (("folium", plain), ("ecozones", ours)):
            path = scratch / f"{name}.html"
            start = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                draw(frame).save(str(path))
            python_s = time.perf_counter() - start
            opened = []
            for _ in range(runs):
                # a fresh browser each time: nothing is warm
                browser = driver.chromium.launch(executable_path=chromium, args=list(ARGS))
                opened.append(load(browser, path))
                browser.close()
            figures[name] = {
                "python_s": python_s,
                "mb": path.stat().st_size / 1e6,
                **{key: statistics.median(run[key] for run in opened) for key in opened[0]},
            }
    figures["ratio"] = {key: figures["folium"][key] / figures["ecozones"][key] for key in figures["folium"]}
    return figures


def table(measured: dict[int, dict[str, dict[str, float]]], runs: int) -> str:
    """Write what was measured as a page."""
    lines = [
        "# Maps beside plain Folium",
        "",
        (
            f"Made by `python -m benchmarks.bench_maps {' '.join(map(str, measured))} --runs {runs} --write "
            "benchmarks/maps.md`: the same"
        ),
        "parcels of 48 vertices, in the same run, in headless Chromium without a network and without a GPU; medians.",
        "Plain Folium is `GeoJson` with `style_function` on canvas, its links answered from vendored files. Ours has",
        "every parcel as it is up to half a million vertices, with popups everywhere; beyond, a picture of all parcels",
        "and those near the sites exactly, with popups there, and the map says so. Ratios hold between machines,",
        "seconds do not.",
        "",
        "| parcels | page | written in s | size in MB | opens in s | memory in MB |",
        "|---:|---|---:|---:|---:|---:|",
    ]
    for count, figures in measured.items():
        for name in ("folium", "ecozones", "ratio"):
            row = figures[name]
            digits = 1 if name == "ratio" else 2
            cells = " | ".join(f"{row[key]:.{digits}f}" for key in ("python_s", "mb", "load_s", "heap_mb"))
            lines.append(f"| {count:,} | {name} | {cells} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", nargs="*", type=int, default=[1_000, 10_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--chromium", default=shutil.which("chromium") or "/usr/bin/chromium")
    parser.add_argument("--write", type=Path, help="page to write, as benchmarks/maps.md")
    asked = parser.parse_args()
    measured = {}
    for count in asked.counts:
        with tempfile.TemporaryDirectory() as scratch:
            measured[count] = measure(count, asked.runs, asked.chromium, Path(scratch))
        for name, row in measured[count].items():
            told = "  ".join(f"{key} {value:9.3f}" for key, value in row.items())
            print(f"{count:>7,} parcels  {name:<9} {told}", flush=True)
    if asked.write is not None:
        asked.write.write_text(table(measured, asked.runs), encoding="utf-8")


if __name__ == "__main__":
    main()
