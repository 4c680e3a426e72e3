"""The verbs as they are called: a frame, a layer on disk and a table are told apart, and answered alike."""

from concurrent.futures import ThreadPoolExecutor

import geopandas as gpd
import pandas as pd
import pytest
import sqlalchemy

import ecozones as ez
from ecozones.errors import InputError
from ecozones.testing import chessboard, chessboard_plan, square

DAY = "2026-06-01"
TABLES = ("verdicts", "lines", "findings", "balance")


@pytest.fixture
def plan():
    return chessboard_plan(red_line={"a1": "core", "c3": "general"}, farmland=["c3", "d4"], urban=["e5"])


@pytest.fixture
def sites():
    return pd.concat([square(cell, activity="ordinary_build") for cell in ("a1", "c3", "d4", "h8")], ignore_index=True)


def test_a_frame_has_the_same_review_with_and_without_an_engine(sites, plan):
    here = ez.check_sites(sites, plan, on=DAY)
    with ThreadPoolExecutor(2) as engine:
        there = ez.check_sites(sites, plan, on=DAY, engine=engine, rows=1)
    assert here.verdicts["verdict"].tolist()[:2] == ["prohibited", "prohibited"]
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(here, name), getattr(there, name))


def test_a_layer_on_disk_has_the_verdicts_of_its_frame(sites, plan, tmp_path):
    sites.to_parquet(tmp_path / "sites.parquet")
    run = ez.check_sites(tmp_path / "sites.parquet", plan, on=DAY, out=tmp_path / "out", engine=1, rows=3)
    assert (run.rows_in, run.rows_done, run.rows_refused, run.fragments) == (4, 4, 0, 2)
    here = ez.check_sites(sites, plan, on=DAY).verdicts
    assert run.table("verdicts")["verdict"].tolist() == here["verdict"].tolist()


def test_options_reach_the_layer_on_disk(sites, plan, tmp_path):
    sites.rename(columns={"site_id": "项目编号"}).to_file(tmp_path / "sites.gpkg")
    run = ez.check_sites(
        tmp_path / "sites.gpkg",
        plan,
        on=DAY,
        lines=["ecological_red_line"],
        columns={"site_id": "项目编号"},
        out=tmp_path / "out",
        engine=1,
    )
    assert run.table("lines")["line"].unique().tolist() == ["ecological_red_line"]


def test_areas_of_a_layer_on_disk_are_those_of_its_frame(tmp_path):
    board = chessboard(3)
    board.to_parquet(tmp_path / "board.parquet")
    run = ez.measure_area(tmp_path / "board.parquet", unit="mu", out=tmp_path / "out", engine=1)
    assert run.table("areas")["area_mu"].tolist() == ez.measure_area(board, unit="mu").tolist()


def test_conflicts_of_layers_on_disk_are_those_of_the_plan(plan, tmp_path):
    layers = {}
    for line in ("ecological_red_line", "permanent_basic_farmland"):
        layers[line] = tmp_path / f"{line}.parquet"
        plan[line].to_parquet(layers[line])
    run = ez.find_conflicts(layers, out=tmp_path / "out", engine=1)
    there = run.table("conflicts")
    here = ez.find_conflicts(plan, lines=list(layers))
    assert len(here) == 1
    assert there["area_m2"].tolist() == here["area_m2"].tolist()


def test_restored_ground_of_a_register_on_disk_is_that_of_its_frame(tmp_path):
    projects = chessboard(2).iloc[[0, 0, 1]].assign(project_id=["P1", "P2", "P3"]).reset_index(drop=True)
    projects.to_parquet(tmp_path / "projects.parquet")
    run = ez.measure_restored(tmp_path / "projects.parquet", by="total", out=tmp_path / "out", engine=1)
    here = ez.measure_restored(projects, by="total")
    assert here["footprint_ha"].round(1).tolist() == [200.0]
    there = run.groups()
    assert there["footprint_ha"].tolist() == here["footprint_ha"].tolist()


def test_what_has_no_meaning_is_refused_with_what_to_do(sites, plan):
    refused = {
        "out='sites'": lambda: ez.check_sites("sites.gpkg", plan),
        "read_plan": lambda: ez.check_sites(sites, "plan.gpkg"),
        "out is for layers on disk": lambda: ez.measure_area(sites, out="areas"),
        "rows is for layers on disk": lambda: ez.measure_area(sites, rows=5),
        "engine is for layers on disk": lambda: ez.find_conflicts(plan, engine=2),
        "out='restored'": lambda: ez.measure_restored("projects.gpkg"),
    }
    for told, ask in refused.items():
        with pytest.raises(InputError, match=told):
            ask()


def test_a_database_is_asked_about_its_own_tables_only(sites, plan, tmp_path):
    engine = sqlalchemy.create_engine("sqlite://")
    with pytest.raises(InputError, match="name of the table of sites and the schema of the plan"):
        ez.check_sites(sites, plan, engine=engine)
    for refused in (
        lambda: ez.measure_area(tmp_path / "a.parquet", out=tmp_path, engine=engine),
        lambda: ez.find_conflicts({}, out=tmp_path, engine=engine),
        lambda: ez.measure_restored(tmp_path / "a.parquet", out=tmp_path, engine=engine),
    ):
        with pytest.raises(InputError, match="a database answers check_sites only"):
            refused()
    engine.dispose()


def test_geometries_without_columns_are_measured_too():
    assert ez.measure_area(gpd.GeoSeries(chessboard(1).geometry), unit="ha").round(1).tolist() == [100.0]


def test_options_of_a_layer_on_disk_are_refused_for_a_frame(sites, plan):
    with pytest.raises(InputError, match="since, layer is for layers on disk, and a frame in memory was given"):
        ez.check_sites(sites, plan, on=DAY, since="june", layer="sites")
