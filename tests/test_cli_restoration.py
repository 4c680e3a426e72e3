"""Restoration, land cover and targets on the command line, as a script would call it."""

import json
import os
import subprocess
import sys

import geopandas as gpd
import numpy as np
import pytest
from drawn_rasters import ALBERS, frame, write_raster, zone

from ecozones.targets import VERDICT_WORDS
from ecozones.testing import chessboard, chessboard_plan

COMMAND = [sys.executable, "-c", "from ecozones.cli import run; run()"]


def call(*words):
    env = os.environ | {"PYTHONIOENCODING": "utf-8"}
    return subprocess.run([*COMMAND, *map(str, words)], capture_output=True, check=False, env=env)


@pytest.fixture
def ledger(tmp_path):
    """Three records on two cells, one of them farmland."""
    board = chessboard(2).set_index("cell").geometry
    gpd.GeoDataFrame(
        {"project_id": ["P1", "P2", "P3"], "type": "人工造林", "year": [2022, 2022, 2024]},
        geometry=[board["a1"], board["b1"], board["b1"]],
        crs=chessboard(2).crs,
    ).to_file(tmp_path / "projects.gpkg", driver="GPKG")
    plan = chessboard_plan(farmland=["b1"], red_line={"h8": "core"}, urban=["c3"])
    for line, layer in plan.lines.items():
        layer.to_file(tmp_path / "plan.gpkg", layer=line, driver="GPKG")
    plan.extent.to_file(tmp_path / "plan.gpkg", layer="XZQ", driver="GPKG")
    return tmp_path


def test_activity_and_ground_stand_side_by_side(ledger):
    done = call("restored", ledger / "projects.gpkg", "--by", "total", "--json")
    assert done.returncode == 0, done.stderr.decode()
    (row,) = json.loads(done.stdout)
    assert (row["records"], round(row["activity_ha"]), round(row["footprint_ha"])) == (3, 300, 200)


def test_trees_on_farmland_end_with_the_code_of_what_is_prohibited(ledger):
    report = ledger / "restored.html"
    done = call(
        *("restored", ledger / "projects.gpkg", "--by", "year", "--plan", ledger / "plan.gpkg", "--on", "2026-06-01"),
        *("--report", report, "--json"),
    )
    assert done.returncode == 3, done.stderr.decode()
    rows = {row["year"]: row for row in json.loads(done.stdout)}
    assert {year: round(row["excluded_ha"]) for year, row in rows.items()} == {2022: 100, 2024: 100}
    assert "100.00" in report.read_text(encoding="utf-8")


def test_an_attribution_nobody_knows_is_a_wrong_call(ledger):
    assert call("restored", ledger / "projects.gpkg", "--attribution", "loudest").returncode == 2
    assert call("restored", ledger / "projects.gpkg", "--attribution", "priority").returncode == 4


def test_money_is_summed_once_and_by_district_the_totals_close(ledger):
    register = gpd.read_file(ledger / "projects.gpkg")
    (ledger / "money.csv").write_text("项目编号,计划投资_万元\nP1,30\nP2,15\n", encoding="utf-8")
    done = call("restored", ledger / "projects.gpkg", "--by", "total", "--funding", ledger / "money.csv", "--json")
    assert done.returncode == 0, done.stderr.decode()
    (row,) = json.loads(done.stdout)
    assert (row["amount"], row["projects"], row["projects_without"]) == (450_000, 2, 1)
    assert row["per_mu"] == pytest.approx(450_000 / (200 * 15), rel=1e-5)
    # the register itself states no money
    assert call("restored", ledger / "projects.gpkg", "--money").returncode == 4
    board = chessboard(2).query("cell in ['a1', 'b1']").assign(district=["west", "east"])
    board.to_file(ledger / "districts.gpkg", driver="GPKG")
    done = call(
        *("restored", ledger / "projects.gpkg", "--by", "district", "--districts", ledger / "districts.gpkg", "--json")
    )
    rows = {row["district"]: row["activity_ha"] for row in json.loads(done.stdout)}
    assert sum(rows.values()) == pytest.approx(100 * len(register), rel=1e-5)


@pytest.fixture
def landscape(tmp_path):
    """Bare ground on which wood grew in the first of two projects; the file of the second states no nodata."""
    bare = np.full((40, 40), 3, dtype=np.uint8)
    grown = bare.copy()
    grown[5:15, 5:15] = 1
    write_raster(tmp_path / "before.tif", bare)
    write_raster(tmp_path / "after.tif", grown)
    write_raster(tmp_path / "silent.tif", bare, nodata=None)
    both = frame(zone(5, 5, 15, 15), zone(25, 25, 35, 35), crs=ALBERS, site_id=["A", "B"])
    both.to_file(tmp_path / "zones.gpkg", driver="GPKG")
    both[:1].to_file(tmp_path / "first.gpkg", driver="GPKG")
    (tmp_path / "meaning.csv").write_text("before,after,meaning\n3,1,restoration\n1,3,degradation\n", encoding="utf-8")
    return tmp_path


def test_classes_of_a_zone_sum_to_it(landscape):
    done = call("landcover", landscape / "zones.gpkg", landscape / "after.tif", "--json")
    assert done.returncode == 0, done.stderr.decode()
    rows = {(row["zone_id"], row["class_id"]): row["area_m2"] for row in json.loads(done.stdout)}
    assert rows == {("A", 1): pytest.approx(90_000), ("B", 3): pytest.approx(90_000)}


@pytest.mark.parametrize(("zones", "code"), [("zones.gpkg", 1), ("first.gpkg", 0)])
def test_a_claim_that_is_not_supported_fails(landscape, zones, code):
    done = call(
        *("landcover", landscape / zones, landscape / "before.tif", landscape / "after.tif", "--json"),
        *("--meaning", landscape / "meaning.csv", "--ring-m", "90", "--report", landscape / "proof.html"),
    )
    assert done.returncode == code, done.stderr.decode()
    verdicts = {row["project_id"]: row["verdict"] for row in json.loads(done.stdout)}
    assert verdicts["A"] == "supported"
    assert verdicts.get("B", "not_supported") == "not_supported"
    assert "supported" in (landscape / "proof.html").read_text(encoding="utf-8")


def test_changes_are_listed_without_a_meaning(landscape):
    done = call("landcover", landscape / "first.gpkg", landscape / "before.tif", landscape / "after.tif", "--json")
    (row,) = json.loads(done.stdout)
    assert (done.returncode, row["before"], row["after"]) == (0, 3, 1)


def test_a_raster_that_states_no_nodata_is_not_guessed_at(landscape):
    silent = ("landcover", landscape / "zones.gpkg", landscape / "silent.tif", "--json")
    assert call(*silent).returncode == 4
    assert call(*silent, "--nodata", "none").returncode == 0
    # all of it is empty
    assert call(*silent, "--nodata", "3").returncode == 5
    assert call(*silent, "--nodata", "zero").returncode == 2


def test_a_table_of_meanings_that_means_nothing_is_bad_input(landscape):
    (landscape / "meaning.csv").write_text("before,after,meaning\n3,1,good\n", encoding="utf-8")
    rasters = (landscape / "before.tif", landscape / "after.tif")
    done = call("landcover", landscape / "zones.gpkg", *rasters, "--meaning", landscape / "meaning.csv")
    assert done.returncode == 4
    assert b"restoration, degradation, stable" in done.stderr
    alone = call("landcover", landscape / "zones.gpkg", rasters[0], "--meaning", landscape / "meaning.csv")
    assert alone.returncode == 2


@pytest.mark.parametrize(
    ("observed", "code", "verdict"),
    [("2025,26.9", 0, "met"), ("2023,30", 0, "ahead"), ("2025,29", 1, "behind"), (None, 5, "not_evaluable")],
)
def test_the_exit_code_of_targets_says_what_is_behind(tmp_path, observed, code, verdict):
    (tmp_path / "targets.csv").write_text(
        "indicator,value,unit,comparator,base_year,base_value,year\nPM2.5,27,ug/m3,<=,2020,36,2025\n", encoding="utf-8"
    )
    rows = "" if observed is None else f"PM2.5,{observed}\n"
    (tmp_path / "observed.csv").write_text(f"indicator,year,value\n{rows}", encoding="utf-8")
    done = call(
        *("targets", tmp_path / "targets.csv", tmp_path / "observed.csv"),
        *("--json", "--report", tmp_path / "targets.html"),
    )
    assert done.returncode == code, done.stderr.decode()
    assert [row["verdict"] for row in json.loads(done.stdout)] == [verdict]
    assert VERDICT_WORDS[verdict] in (tmp_path / "targets.html").read_text(encoding="utf-8")


def test_a_file_that_is_not_there_is_a_message_and_no_traceback(tmp_path):
    for words in (("targets", "a.csv", "b.csv"), ("landcover", "a.gpkg", "b.tif"), ("restored", "a.gpkg")):
        done = call(words[0], *(tmp_path / word for word in words[1:]))
        assert done.returncode == 4, done.stderr.decode()
        assert b"Traceback" not in done.stderr
