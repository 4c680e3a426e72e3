"""The gallery shows what the library makes: its blocks run, and its pictures are made anew."""

import datetime as dt
import importlib.util
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ecozones as ez
from ecozones.testing import chessboard

ROOT = Path(__file__).parent.parent
GALLERY = ROOT / "docs" / "_static" / "gallery"
NAMED = re.findall(r"\(_static/gallery/(\w+)\.png\)", (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8"))


def holds_a_picture(path: Path) -> None:
    assert path.stat().st_size <= 200_000
    pixels = np.asarray(Image.open(path).convert("RGB"))
    assert min(pixels.shape[:2]) >= 350
    # a blank page or a single colour is no picture
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) >= 30


@pytest.mark.parametrize("name", NAMED)
def test_each_picture_of_the_page_is_there(name):
    holds_a_picture(GALLERY / f"{name}.png")


def test_every_picture_that_is_there_is_shown():
    assert sorted(path.stem for path in GALLERY.glob("*.png")) == sorted(NAMED)


def test_a_blank_picture_is_found(tmp_path):
    Image.new("RGB", (1_000, 600), "white").save(tmp_path / "blank.png")
    with pytest.raises(AssertionError):
        holds_a_picture(tmp_path / "blank.png")


@pytest.mark.parametrize("page", ["gallery.md", "questions/show_and_hand_over.md"])
@pytest.mark.filterwarnings("ignore::ecozones.errors.EcozonesWarning")
def test_the_blocks_of_the_page_run(page, tmp_path, monkeypatch):
    pytest.importorskip("mapclassify", reason="GeoDataFrame.explore needs it")
    monkeypatch.chdir(tmp_path)
    sample = ROOT / "sample_data"
    plan = ez.read_plan(sample / "plan.gpkg")
    sites = ez.read_sites(sample / "sites.gpkg")
    sites = sites[sites["site_id"].isin(["S01", "S06", "S26"])]
    board = chessboard(2)
    space = {
        "ez": ez, "plan": plan, "review": ez.check_sites(sites, plan, on=dt.date(2026, 6, 1)),
        "before": board, "after": board[:2], "projects": board.assign(year=2024),
    }  # fmt: skip
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) >= 5
    for block in blocks:
        exec(compile(block, page, "exec"), space)  # noqa: S102
    made = {path.name for path in tmp_path.iterdir()}
    assert {"map.html", "S06.png", "review.html", "review.docx"} <= made


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not installed")
@pytest.mark.filterwarnings("ignore::ecozones.errors.EcozonesWarning")
def test_the_pictures_are_made_anew(tmp_path):
    spec = importlib.util.spec_from_file_location("make_gallery", ROOT / "tools" / "make_gallery.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    sizes = tool.make_gallery(tmp_path)
    assert set(NAMED) - set(sizes) <= ({"word"} if shutil.which("soffice") is None else set())
    for name in sizes:
        holds_a_picture(tmp_path / f"{name}.png")
