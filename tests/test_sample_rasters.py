"""The sample rasters, read as an inspector would, against what was planted in them."""

import importlib.util
import pathlib

import pandas as pd
import pytest
import rasterio

from ecozones.landcover.encroachment import find_encroachment
from ecozones.landcover.evidence import read_meaning, verify_restored
from ecozones.readers import read_plan, read_projects

DATA = pathlib.Path(__file__).parents[1] / "sample_data"
BEFORE, AFTER = DATA / "landcover" / "landcover_2018.tif", DATA / "landcover" / "landcover_2025.tif"
EXPECTED = {"grown": "supported", "nothing": "not_supported", "everywhere": "not_supported", "cloud": "unknown"}

pytestmark = pytest.mark.filterwarnings("ignore::ecozones.errors.EcozonesWarning")


@pytest.fixture(scope="module")
def planted():
    return pd.read_csv(DATA / "landcover" / "planted_changes.csv")


def test_what_was_planted_is_what_the_rasters_prove(planted):
    projects = read_projects(DATA / "projects.gpkg")
    claims = projects[projects["stage"].isin(["完成上报", "验收合格"])]
    meaning = read_meaning(DATA / "landcover" / "meaning.csv")
    proof = verify_restored(claims, BEFORE, AFTER, meaning=meaning, ring_m=300, min_share=0.4, min_effect=0.2)
    fate = planted[planted["kind"] == "project"].set_index("id")["fate"]
    assert len(proof) == len(fate) == 34
    wanted = proof["project_id"].map(fate).map(EXPECTED)
    assert (proof["verdict"] == wanted).all(), proof[proof["verdict"] != wanted]
    assert set(fate) == set(EXPECTED)


def test_quarries_in_the_red_line_are_found(planted):
    line = read_plan(DATA / "plan.gpkg")["ecological_red_line"]
    found = find_encroachment(line, BEFORE, AFTER, classes=[50]).groupby("status")["area_ha"].sum()
    drawn = planted.loc[planted["kind"] == "quarry", "plane_ha"].sum()
    # a cell that a quarry touches is drawn whole: half a cell of 30 m along two circles of 240 m
    assert drawn < found["encroached"] < drawn + 2 * 2 * 3.15 * 240 * 30 / 1e4
    assert found["removed"] == 0


def test_the_rasters_are_small_say_that_they_are_invented_and_can_be_drawn_again(tmp_path, monkeypatch):
    assert sum(path.stat().st_size for path in (DATA / "landcover").iterdir()) < 300_000
    spec = importlib.util.spec_from_file_location("make_sample_rasters", DATA / "make_sample_rasters.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(script, "HERE", tmp_path)
    for name in ("projects.gpkg", "plan.gpkg"):
        (tmp_path / name).write_bytes((DATA / name).read_bytes())
    script.main()
    for path in (BEFORE, AFTER):
        with rasterio.open(path) as stored, rasterio.open(tmp_path / "landcover" / path.name) as drawn:
            assert "invented" in stored.tags()["TIFFTAG_IMAGEDESCRIPTION"]
            assert (stored.transform, stored.nodata) == (drawn.transform, drawn.nodata)
            # the classes of a few cells hang on the last digit of a spline
            assert (stored.read(1) != drawn.read(1)).mean() < 1e-4
    for name in ("planted_changes.csv", "meaning.csv"):
        assert (tmp_path / "landcover" / name).read_text() == (DATA / "landcover" / name).read_text()
