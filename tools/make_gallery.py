"""
Make the pictures of the gallery: ``python tools/make_gallery.py docs/_static/gallery``.

Each is a real page or document on the sample data, opened in headless Chromium without a network.
"""

from __future__ import annotations

import datetime as dt
import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import ecozones as ez
from ecozones.conflicts import find_conflicts
from ecozones.maps import explore_change, explore_years
from ecozones.static_map import write_map
from ecozones.testing import chessboard

if TYPE_CHECKING:
    from playwright.sync_api import Page

SAMPLE = Path(__file__).parents[1] / "sample_data"
LARGEST = 200_000
WIDTH = 1_000
READY = (
    "new Promise(done => { const t = setInterval(() => { if (window.__ready) { clearInterval(t); done(); } }, 10); })"
)
ARGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND"]
VIEW = (1_366, 768)


@cache
def plan() -> ez.ZoningPlan:
    """Read the sample county."""
    return ez.read_plan(SAMPLE / "plan.gpkg", name="示例县（虚构）国土空间总体规划")


@cache
def review() -> ez.SiteReview:
    """Check the sample sites."""
    return ez.check_sites(ez.read_sites(SAMPLE / "sites.gpkg"), plan(), on=dt.date(2026, 6, 1))


def review_map() -> str:
    """Draw the review over the plan."""
    m = ez.explore(review(), m=ez.explore(plan(), data_date="2026-06", subtitle="示例县自然资源局"))
    return str(m.get_root().render())


def conflict_map() -> str:
    """Draw where the lines of the sample plan collide."""
    found = find_conflicts(plan())
    return str(ez.explore(found, m=ez.explore(plan(), title="控制线冲突检查图")).get_root().render())


def change_map() -> str:
    """Draw two states of a county side by side."""
    board = chessboard(4)
    before = board[board["cell"].str[1].isin(["1", "2"])]
    after = board[board["cell"].str[1].isin(["2", "3"])]
    return str(explore_change(before, after, title="规划调整前后对比").get_root().render())


def years_map() -> str:
    """Draw projects year by year."""
    board = chessboard(5)
    board = board.assign(year=[2019 + place % 7 for place in range(len(board))], name=board["cell"])
    return str(explore_years(board, title="生态修复项目").get_root().render())


def goes_to_a_site(page: Page) -> None:
    """Search for a site that is prohibited, and open what the map says of it."""
    page.fill(".eco-search input", "度假村")
    page.wait_for_selector(".eco-search li")
    page.click(".eco-search li")
    page.wait_for_selector(".eco-card")


def goes_to_the_largest(page: Page) -> None:
    """Go to a conflict."""
    found = find_conflicts(plan())
    largest = found.loc[[found["area_m2"].idxmax()]].to_crs(4326)
    west, south, east, north = largest.total_bounds
    page.evaluate(
        "([w, s, e, n]) => ecozones.map.fitBounds([[s, w], [n, e]], {animate: false, maxZoom: 15})",
        [west, south, east, north],
    )


def halfway(page: Page) -> None:
    """Move the slider of years."""
    page.evaluate(
        "(() => { const r = document.querySelector('.eco-years input[type=range]'); r.value = 2022; "
        "r.dispatchEvent(new Event('input')); })()"
    )


def in_english(page: Page) -> None:
    """Switch the language."""
    page.click("[data-tool=switch]")


def nothing(page: Page) -> None:
    """Leave the page as it opens."""


MAPS: Mapping[str, tuple[Callable[[], str], Callable[[Page], None]]] = {
    "review": (review_map, nothing),
    "site": (review_map, goes_to_a_site),
    "english": (review_map, in_english),
    "conflicts": (conflict_map, goes_to_the_largest),
    "change": (change_map, nothing),
    "years": (years_map, halfway),
}


def shoot_pages(scratch: Path) -> Iterator[tuple[str, bytes]]:
    """Photograph maps and the report in a browser that has no network."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - the other pictures need no browser

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=ARGS)
        context = browser.new_context(viewport={"width": VIEW[0], "height": VIEW[1]}, offline=True)
        for name, (build, act) in MAPS.items():
            page = context.new_page()
            path = scratch / f"{name}.html"
            path.write_text(build(), encoding="utf-8")
            page.goto(path.as_uri())
            page.evaluate(READY)
            act(page)
            page.wait_for_timeout(400)
            yield name, page.screenshot()
            page.close()
        page = context.new_page()
        report = ez.write_report(review(), scratch / "report.html", plan=plan(), maps=False)
        page.goto(report.as_uri())
        yield "report", page.screenshot()
        browser.close()


def shoot_paper(scratch: Path) -> Iterator[tuple[str, bytes]]:
    """Draw the map of record, and print the first page of the Word document where LibreOffice is at hand."""
    write_map(review(), scratch / "record.png", site_id="S06", plan=plan(), title="S06　公路穿基本农田")
    yield "record", (scratch / "record.png").read_bytes()
    office, poppler = shutil.which("soffice"), shutil.which("pdftoppm")
    if office and poppler:
        document = ez.write_report(review(), scratch / "word.docx", plan=plan(), maps=False)
        profile = f"-env:UserInstallation={(scratch / 'profile').as_uri()}"
        command = [office, "--headless", profile, "--convert-to", "pdf", "--outdir", str(scratch), str(document)]
        subprocess.run(command, check=True, capture_output=True, timeout=180)
        target = scratch / "word"
        command = [
            poppler,
            "-r",
            "80",
            "-png",
            "-f",
            "1",
            "-l",
            "1",
            "-singlefile",
            str(scratch / "word.pdf"),
            str(target),
        ]
        subprocess.run(command, check=True)
        yield "word", target.with_suffix(".png").read_bytes()


def lighten(png: bytes) -> bytes:
    """Make a picture light enough for a repository: at most so wide, 256 colours."""
    from PIL import Image  # noqa: PLC0415 - comes with the extra that draws

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    if picture.width > WIDTH:
        picture = picture.resize((WIDTH, round(picture.height * WIDTH / picture.width)), Image.Resampling.LANCZOS)
    made = io.BytesIO()
    picture.quantize(256, dither=Image.Dither.NONE).save(made, "PNG", optimize=True)
    return made.getvalue()


def make_gallery(folder: Path) -> dict[str, int]:
    """
    Make every picture.

    Parameters
    ----------
    folder
        Where they go.

    Returns
    -------
    dict
        Their sizes by name. [bytes]
    """
    folder.mkdir(parents=True, exist_ok=True)
    sizes = {}
    with tempfile.TemporaryDirectory() as scratch:
        for shoot in (shoot_pages, shoot_paper):
            for name, png in shoot(Path(scratch)):
                light = lighten(png)
                (folder / f"{name}.png").write_bytes(light)
                sizes[name] = len(light)
    return sizes


if __name__ == "__main__":
    for made, size in make_gallery(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/_static/gallery")).items():
        print(f"{made}.png {size:,} bytes")
