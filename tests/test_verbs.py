"""The verbs as they are called: a frame, a layer on disk and a table are told apart, and answered alike."""

import re
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import sqlalchemy

import ecozones as ez
from ecozones import large, verbs
from ecozones.engines import check_engine
from ecozones.errors import EcozonesError, InputError
from ecozones.options import option_names
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


BAD = {
    "method": ["natonal", 1, None],
    "unit": ["acre", 3],
    "rounded": ["yes", None],
    "progress": ["yes"],
    "polygons_only": ["yes", None],
    "rows": [0, "5", 2.5, -1, True, None],
    "part_rows": [0, "5"],
    "largest": [0, "5"],
    "ignore_below_m2": [-1, "5", None, float("nan")],
    "ignore_narrower_m": [-1, "5"],
    "setback_m": [-1, "5", {"nowhere": 1}, {"ecological_red_line": -1}, {1: 2}, [1]],
    "on": ["tomorrow", 5, "2026-13-01"],
    "rules": ["XX", 5, ["CN"]],
    "lines": ["ecological_red_line", ["nowhere"], [], [1], 5],
    "by": ["nowhere", 5, [5]],
    "partition_by": ["nowhere", 5, None],
    "priority": ["A", 5, {"A", "B"}],
    "attribution": ["fairest", "priority", None],
    "districts": ["west", 5, chessboard(1)],
    "layer": [5],
    "line": ["nowhere", 5],
    "id_column": ["nowhere", 5],
    "encoding": ["nope", 5],
    "columns": ["site_id", {"site_id": "nowhere"}, {"foo": "site_id"}, {"site_id": 5}],
    "stored": ["farmland", {"ecological_red_line": "nowhere"}, {"nowhere": "."}],
    "since": [5, "nowhere"],
    "out": [5, "", __file__, f"{__file__}/out"],
    "engine": [0, -1, True, "cluster", 2.5],
    "rowz": [1],
}
CHECK = ["method", "on", "rules", "lines", "setback_m", "ignore_below_m2", "ignore_narrower_m", "engine", "rows", "out"]
COMPARE = ["method", "rules", "lines", "districts", "ignore_below_m2", "ignore_narrower_m", "engine", "rows", "out"]
RESTORE = ["method", "by", "attribution", "priority", "districts", "on", "engine", "rows", "out"]
WRONG = [
    (verb, place, name, value)
    for verb, place, names in (
        ("check_sites", "frame", [*CHECK, "rowz", "since"]),
        ("check_sites", "path", [*CHECK, "rowz", "since", "layer", "columns", "stored", "progress"]),
        ("find_conflicts", "frame", [*COMPARE, "rowz", "partition_by"]),
        ("find_conflicts", "path", [*COMPARE, "rowz", "partition_by", "progress"]),
        ("measure_area", "frame", ["method", "unit", "rounded", "engine", "rows", "out", "rowz"]),
        ("measure_area", "path", ["method", "unit", "rounded", "engine", "rows", "out", "rowz", "by", "partition_by"]),
        ("measure_area", "path", ["id_column", "layer", "progress"]),
        ("measure_restored", "frame", [*RESTORE, "rowz", "partition_by"]),
        ("measure_restored", "path", [*RESTORE, "rowz", "rules", "partition_by", "largest", "layer", "progress"]),
        ("prepare", "path", ["layer", "encoding", "line", "rules", "engine", "rows", "part_rows", "partition_by"]),
        ("prepare", "path", ["progress", "out", "polygons_only"]),
        ("check_sites_in", "path", [*CHECK, "rowz", "since", "layer", "columns", "stored", "progress"]),
    )
    for name in names
    for value in BAD[name]
]


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    folder = tmp_path_factory.mktemp("given")
    plan = chessboard_plan(red_line={"a1": "core"}, farmland=["a1", "c3"])
    sites = square("a1", "c3", activity="ordinary_build")
    projects = chessboard(2).iloc[[0, 0, 1]].assign(project_id=["P1", "P2", "P3"]).reset_index(drop=True)
    layers = {}
    for line in plan.lines:
        layers[line] = folder / f"{line}.parquet"
        plan[line].to_parquet(layers[line])
    sites.to_parquet(folder / "sites.parquet")
    projects.to_parquet(folder / "projects.parquet")
    asked = {
        ("check_sites", "frame"): (sites, plan),
        ("check_sites", "path"): (folder / "sites.parquet", plan),
        ("find_conflicts", "frame"): (plan,),
        ("find_conflicts", "path"): (layers,),
        ("measure_area", "frame"): (sites,),
        ("measure_area", "path"): (folder / "sites.parquet",),
        ("measure_restored", "frame"): (projects,),
        ("measure_restored", "path"): (folder / "projects.parquet",),
        ("prepare", "path"): (folder / "sites.parquet",),
        ("check_sites_in", "path"): (folder / "sites.parquet", plan),
    }
    return folder, asked


@pytest.mark.parametrize(("verb", "place", "name", "value"), WRONG)
def test_a_wrong_option_is_told_in_words_before_anything_is_written(given, verb, place, name, value):
    folder, asked = given
    before = sorted(folder.rglob("*"))
    options = {} if place == "frame" else {"out": folder / "out", "engine": 1}
    options |= {name: value}
    if name == "districts" and verb == "measure_restored":
        options["by"] = "district"
    if verb in {"prepare", "check_sites_in"}:
        options["folder"] = options.pop("out")
    call = large.check_sites_in if verb == "check_sites_in" else getattr(ez, verb)
    with pytest.raises(EcozonesError) as raised:
        call(*asked[verb, place], **options)
    said = str(raised.value).removeprefix(f"{verb}:")
    # the public name, what was wrong, and none of the functions behind it
    assert not any(inner in said for inner in ("_in:", "_on:", "answer_sites", "unexpected keyword"))
    called = "folder" if name == "out" and verb in {"prepare", "check_sites_in"} else name
    if name == "rules" and value == "XX":
        called = "rulebook"
    assert re.search(rf"\b{called}\b", said)
    assert sorted(folder.rglob("*")) == before


def test_all_wrong_options_are_told_at_once(sites, plan):
    with pytest.raises(InputError) as raised:
        ez.check_sites(sites, plan, method="natonal", ignore_below_m2=-1, on="tomorrow")
    assert str(raised.value).split("\n") == [
        "check_sites: on must be a day, such as '2026-06-01', not 'tomorrow'",
        "ignore_below_m2 must be a number from 0 upwards, not -1",
        "method 'natonal' is not known; did you mean 'national'?",
    ]
    with pytest.raises(InputError, match=r"check_sites: there is no option 'colums'; did you mean 'columns'\?"):
        ez.check_sites("sites.parquet", plan, out="out", colums={})


def test_what_a_verb_takes_on_disk_is_what_its_function_takes():
    for on_disk, function, named in (
        (verbs._SITES_ON_DISK, large.check_sites_in, ["on", "rules", "engine"]),
        (verbs._CONFLICTS_ON_DISK, large.find_conflicts_in, option_names(ez.find_conflicts)),
        (verbs._AREAS_ON_DISK, large.measure_area_in, option_names(ez.measure_area)),
        (verbs._RESTORED_ON_DISK, large.measure_restored_in, option_names(ez.measure_restored)),
    ):
        assert {*on_disk} == {*option_names(function)} - {*named}


@pytest.mark.parametrize(
    "source",
    [None, 5, ["x"], pd.DataFrame({"a": [1]}), gpd.GeoDataFrame({"a": [1]}), {"a": 1}, "nowhere.gpkg", __file__],
)
def test_what_is_no_layer_is_told_in_words(plan, tmp_path, source):
    for ask in (
        lambda **place: ez.check_sites(source, plan, **place),
        lambda **place: ez.measure_area(source, **place),
        lambda **place: ez.measure_restored(source, **place),
        lambda **place: ez.find_conflicts(source, **place),
        lambda **place: ez.find_conflicts({"ecological_red_line": source}, **place),
    ):
        for place in ({}, {"out": tmp_path / "out"}):
            with pytest.raises(InputError) as raised:
                ask(**place)
            assert "; " in str(raised.value) or "say where with out=" in str(raised.value)
    with pytest.raises(InputError):
        ez.prepare(source, tmp_path / "out")
    assert not any((tmp_path / "out").rglob("*.parquet"))


def test_frames_by_line_are_no_layers_on_disk(plan, tmp_path):
    frames = {line: plan[line] for line in plan.lines}
    with pytest.raises(InputError, match=r"'ecological_red_line' is of type GeoDataFrame.*ZoningPlan.from_layers"):
        ez.find_conflicts(frames, out=tmp_path / "out")
    with pytest.raises(InputError, match=r"plan is of type dict; read it first with read_plan"):
        ez.check_sites(tmp_path / "sites.gpkg", frames, out=tmp_path / "out")


def test_geometries_without_columns_are_measured_too():
    assert ez.measure_area(gpd.GeoSeries(chessboard(1).geometry), unit="ha").round(1).tolist() == [100.0]


def test_options_of_a_layer_on_disk_are_refused_for_a_frame(sites, plan):
    with pytest.raises(InputError, match="since, layer is for layers on disk, and a frame in memory was given"):
        ez.check_sites(sites, plan, on=DAY, since="june", layer="sites")


def test_every_wrong_option_is_told_at_once_on_disk_too(tmp_path):
    wrong = {"method": "natonal", "rows": 0, "out": 5, "engine": 0}
    for call in (
        lambda: ez.check_sites(tmp_path / "a.parquet", chessboard_plan(), **wrong),
        lambda: ez.find_conflicts({"ecological_red_line": tmp_path / "a.parquet"}, **wrong),
        lambda: ez.measure_area(tmp_path / "a.parquet", **wrong),
        lambda: ez.measure_restored(tmp_path / "a.parquet", **wrong),
    ):
        with pytest.raises(InputError) as raised:
            call()
        said = str(raised.value)
        assert sorted(line.split(": ")[-1].split()[0] for line in said.split("\n")) == sorted(wrong)


def test_options_of_a_table_are_told_under_the_name_of_the_verb():
    engine = sqlalchemy.create_engine("sqlite://")
    with pytest.raises(InputError, match=r"^check_sites: method .*\nout must be a text, not 5$"):
        ez.check_sites("sites", "plan", engine=engine, out=5, method="natonal")
    engine.dispose()


def test_a_folder_that_is_not_there_yet_is_made(sites, plan, tmp_path):
    review = ez.check_sites(sites, plan, on=DAY, engine=1, out=tmp_path / "new" / "folder")
    assert review.verdicts["verdict"].tolist() == ez.check_sites(sites, plan, on=DAY).verdicts["verdict"].tolist()
    assert list((tmp_path / "new" / "folder").iterdir()) == []


def test_what_can_be_gone_through_once_and_numbers_of_other_kinds_are_options_too(sites, plan, tmp_path):
    line = "ecological_red_line"
    sites.to_parquet(tmp_path / "sites.parquet")
    given = {"on": DAY, "engine": np.int64(1), "rows": np.int64(2), "ignore_below_m2": Fraction(1, 2)}
    runs = [
        ez.check_sites(sites, plan, lines=iter([line]), **given).lines,
        ez.check_sites(tmp_path / "sites.parquet", plan, lines=iter([line]), out=tmp_path / "a", **given).table(
            "lines"
        ),
        large.check_sites_in(tmp_path / "sites.parquet", plan, tmp_path / "b", lines=iter([line]), **given).table(
            "lines"
        ),
    ]
    assert [run["line"].tolist() for run in runs] == [[line] * 4] * 3
    areas = ez.measure_area(
        tmp_path / "sites.parquet", out=tmp_path / "c", engine=np.int64(1), rows=np.int64(3), rounded=np.True_,
        partition_by=iter(["activity"]),
    )  # fmt: skip
    assert (areas.rows_done, areas.fragments) == (4, 2)
    layers = {}
    for name in plan.lines:
        layers[name] = tmp_path / f"{name}.parquet"
        plan[name].to_parquet(layers[name])
    found = ez.find_conflicts(
        layers, out=tmp_path / "d", engine=1, rows=np.int64(1), ignore_below_m2=np.float32(1),
        lines=iter([line, "permanent_basic_farmland"]),
    )  # fmt: skip
    assert len(found.table()) == 1
    ready = ez.prepare(tmp_path / "sites.parquet", tmp_path / "e", engine=1, part_rows=np.int64(2))
    assert ready.rows_done == 4
    with pytest.raises(InputError, match="method a ndarray is not known"):
        ez.check_sites(sites, plan, method=np.array(["national", "planar"]))


def test_what_belongs_to_a_library_is_not_its_engine_for_that():
    spark = pytest.importorskip("pyspark")
    distributed = pytest.importorskip("distributed")
    lame = [spark.SparkConf(loadDefaults=False), spark.StorageLevel.DISK_ONLY, distributed.Security()]
    for one in lame:
        assert type(one).__module__.split(".")[0] in {"pyspark", "distributed"}
        with pytest.raises(InputError, match="is not known"):
            check_engine(one)
    # made without starting anything
    for kind in (spark.sql.SparkSession, distributed.Client):
        check_engine(object.__new__(kind))
    check_engine(np.int64(2))
