"""The command line, as a script would call it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from ecozones.testing import chessboard_plan, square

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-c", "from ecozones.cli import run; run()"]


def call(*words, **environment):
    env = os.environ | {"PYTHONIOENCODING": "utf-8"} | environment
    return subprocess.run([*COMMAND, *map(str, words)], capture_output=True, check=False, env=env)


@pytest.fixture
def files(tmp_path):
    plan = chessboard_plan(red_line={"a1": "core"}, farmland=["b1"], urban=["c3"])
    for line, frame in plan.lines.items():
        frame.to_file(tmp_path / "plan.gpkg", layer=line, driver="GPKG")
    plan.extent.to_file(tmp_path / "plan.gpkg", layer="XZQ", driver="GPKG")
    for cell in ("a1", "c3", "j1"):
        square(cell).drop(columns=["width_m"]).to_file(tmp_path / f"{cell}.gpkg", driver="GPKG")
    return tmp_path


@pytest.mark.parametrize(("cell", "code"), [("c3", 0), ("a1", 3), ("j1", 5)])
def test_the_exit_code_of_a_check_says_what_was_found(files, cell, code):
    done = call("check", files / f"{cell}.gpkg", files / "plan.gpkg", "--on", "2026-06-01", "--json")
    assert done.returncode == code, done.stderr.decode()
    answer = json.loads(done.stdout)
    assert answer["schema"] == "ecozones/site-review/1"
    assert answer["verdicts"][0]["site_id"] == cell


def test_bad_input_ends_with_a_message_and_no_traceback(files):
    (files / "empty.geojson").write_text("{}", encoding="utf-8")
    done = call("check", files / "empty.geojson", files / "plan.gpkg")
    assert done.returncode == 4
    assert b"empty.geojson" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_wrong_call_is_told_apart_from_bad_input():
    assert call("check").returncode == 2
    assert call("area", "nowhere.gpkg", "--unit", "acre").returncode == 2


def test_a_check_writes_what_it_is_asked_for(files):
    wanted = [files / name for name in ("review.html", "review.json", "map.html", "tables.gpkg")]
    done = call(
        *("check", files / "a1.gpkg", files / "plan.gpkg", "--on", "2026-06-01"),
        *("--report", wanted[0], "--report", wanted[1], "--map", wanted[2], "--tables", wanted[3]),
    )
    assert done.returncode == 3, done.stderr.decode()
    assert all(path.stat().st_size > 1_000 for path in wanted)
    assert gpd.read_file(wanted[3], layer="findings")["rule_id"].str.len().gt(0).any()


def test_a_layer_of_any_size_is_checked_in_stretches_and_every_row_is_accounted_for(files):
    sites = pd.concat([square(cell).drop(columns=["width_m"]) for cell in ("c3", "j1", "c3")], ignore_index=True)
    sites.rename(columns={"site_id": "编号"}).to_file(files / "many.gpkg", driver="GPKG")
    words = ("check", files / "many.gpkg", files / "plan.gpkg", "--on", "2026-06-01", "--out", files / "out")
    done = call(*words, "--column", "site_id=编号", "--processes", 1, "--json")
    answer = json.loads(done.stdout)
    # the id that stands twice is refused, and a site without an answer is not clear
    assert (answer["sites"], answer["checked"], answer["refused"]) == (3, 1, 2)
    assert answer["verdicts"] == {"undetermined": 1}
    assert done.returncode == 5
    assert call(*words, "--column", "编号").returncode == 2
    assert call(*words, "--report", files / "review.html").returncode == 2


def test_a_layer_is_prepared_and_what_is_refused_is_told(files):
    board = square("a1", "c3").drop(columns=["width_m"])
    board.loc[1, "geometry"] = None
    board.to_parquet(files / "board.parquet")
    done = call("prepare", files / "board.parquet", files / "ready", "--processes", 1)
    assert done.returncode == 0, done.stderr.decode()
    assert b"2 rows: 1 written, 1 refused" in done.stdout
    assert len(gpd.read_parquet(next((files / "ready" / "features").rglob("*.parquet")))) == 1


def test_area_sums_to_its_total(files):
    done = call("area", files / "a1.gpkg", "--unit", "mu", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 0
    assert answer["total"] == pytest.approx(sum(row["area_mu"] for row in answer["areas"]))
    assert answer["total"] == pytest.approx(375.0, abs=0.01)


def test_rules_print_the_law_of_a_day():
    done = call("rules", "--on", "2026-06-01", "--line", "ecological_red_line", "--json")
    rows = json.loads(done.stdout)
    assert done.returncode == 0
    assert {row["line"] for row in rows} == {"ecological_red_line"}
    assert all(row["citation"] for row in rows)


def test_rules_are_a_table_for_those_who_read():
    done = call("rules", "--on", "2026-06-01", "--line", "ecological_red_line")
    assert done.returncode == 0, done.stderr.decode()
    assert {"ECRL-C-00", "verified", "prohibited"} <= set(done.stdout.decode().split())


def test_a_file_that_cannot_be_written_is_told_in_one_message(files):
    words = ("check", files / "c3.gpkg", files / "plan.gpkg", "--on", "2026-06-01")
    for option, name in (("--report", "review.html"), ("--tables", "tables.gpkg")):
        done = call(*words, option, files / "no such folder" / name)
        assert done.returncode == 4
        assert b"no such folder" in done.stderr
        assert b"Traceback" not in done.stderr


def test_a_line_that_no_rule_knows_and_a_shapefile_of_two_kinds_are_wrong_calls(files):
    done = call("rules", "--line", "red")
    assert done.returncode == 2
    assert b"ecological_red_line" in done.stderr
    mixed = gpd.read_file(files / "a1.gpkg").to_crs(4548)
    point = mixed.assign(site_id="P", geometry=mixed.representative_point())
    pd.concat([mixed, point]).to_file(files / "mixed.gpkg")
    done = call("convert", files / "mixed.gpkg", files / "mixed.shp")
    assert done.returncode == 2
    assert b"Point, Polygon" in done.stderr


def test_sites_go_to_boundary_text_and_back(files):
    text, back = files / "sites.txt", files / "back.gpkg"
    assert call("convert", files / "a1.gpkg", text).returncode == 0
    assert call("convert", text, back).returncode == 0
    there, here = gpd.read_file(back), gpd.read_file(files / "a1.gpkg")
    assert there.geometry.iloc[0].symmetric_difference(here.to_crs(there.crs).geometry.iloc[0]).area < 0.01
    assert call("convert", text, back).returncode == 2
    assert call("convert", text, back, "--overwrite").returncode == 0


def test_a_gbk_console_does_not_break_the_output(files):
    done = call("check", files / "a1.gpkg", files / "plan.gpkg", "--on", "2026-06-01", PYTHONIOENCODING="gbk")
    assert done.returncode == 3, done.stderr.decode("gbk", "replace")
    assert "审查" in done.stdout.decode("gbk")


def test_the_self_test_passes_without_a_network():
    done = call("selftest", "--json")
    rows = json.loads(done.stdout)
    assert done.returncode == 0
    assert len(rows) >= 20
    assert all(row["passed"] for row in rows)


def test_the_demo_makes_a_table_a_map_and_a_report(tmp_path):
    done = call("demo", "--output", tmp_path)
    assert done.returncode == 0, done.stderr.decode()
    assert {path.name for path in tmp_path.iterdir()} >= {"verdicts.csv", "map.html", "review.html", "review.json"}
    assert "S40" in done.stdout.decode()


def test_a_report_is_verified_against_the_files_it_names_and_a_changed_file_is_found(files):
    report = files / "review.html"
    call("check", files / "a1.gpkg", files / "plan.gpkg", "--on", "2026-06-01", "--report", report)
    assert call("verify", report).returncode == 0
    square("b1", size_m=700).drop(columns=["width_m"]).to_file(files / "a1.gpkg", driver="GPKG")
    again = call("verify", report, "--json")
    assert again.returncode == 1
    assert any(not row["same"] for row in json.loads(again.stdout))


def test_conflicts_and_quality_of_a_plan_end_with_a_code(files):
    assert call("conflicts", files / "plan.gpkg").returncode == 0
    overlapping = chessboard_plan(red_line={"a1": "core"}, farmland=["a1"], urban=["c3"])
    for line, frame in overlapping.lines.items():
        frame.to_file(files / "other.gpkg", layer=line, driver="GPKG")
    overlapping.extent.to_file(files / "other.gpkg", layer="XZQ", driver="GPKG")
    done = call("conflicts", files / "other.gpkg", "--json", "--tables", files / "found.gpkg")
    (row,) = json.loads(done.stdout)
    assert done.returncode == 3
    assert row["area_mu"] == pytest.approx(1_500, rel=1e-5)
    assert len(gpd.read_file(files / "found.gpkg", layer="conflicts")) == 1
    assert call("quality", files / "plan.gpkg", "--json").returncode in {0, 3}


def test_two_versions_of_a_plan_are_compared(files):
    larger = chessboard_plan(red_line={"a1": "core"}, farmland=["b1", "b2"], urban=["c3"])
    for line, frame in larger.lines.items():
        frame.to_file(files / "earlier.gpkg", layer=line, driver="GPKG")
    larger.extent.to_file(files / "earlier.gpkg", layer="XZQ", driver="GPKG")
    done = call("compare", files / "earlier.gpkg", files / "plan.gpkg", "--json")
    assert done.returncode == 3, done.stderr.decode()
    changes = {row["line"]: row for row in json.loads(done.stdout)["changes"]}
    assert changes["permanent_basic_farmland"]["lost_m2"] == pytest.approx(1e6, rel=1e-5)
    assert changes["ecological_red_line"]["net_m2"] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("words", [("--since", "june"), ("--processes", "2"), ("--column", "site_id=a")])
def test_options_of_a_run_on_disk_are_refused_without_its_folder(files, words):
    done = call("check", files / "a1.gpkg", files / "plan.gpkg", *words)
    assert done.returncode == 2
    assert b"go with --out" in done.stderr
