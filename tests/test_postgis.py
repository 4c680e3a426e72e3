"""PostGIS for real: a server of our own, started for these tests and thrown away."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

pytest.importorskip("sqlalchemy", reason="PostGIS is optional")
pytest.importorskip("psycopg", reason="PostGIS is optional")

import sqlalchemy

from ecozones import overlay, postgis
from ecozones.errors import CRSError, InputError, SchemaError
from ecozones.testing import BOARD_CRS, assert_plans_equal, chessboard, chessboard_plan

pytestmark = pytest.mark.slow


def binaries():
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        extension = Path("/usr/share/postgresql") / folder.parent.name / "extension" / "postgis.control"
        if (folder / "initdb").exists() and extension.exists():
            return folder
    return None


@pytest.fixture(scope="module")
def engine():
    programs = binaries()
    if programs is None:
        pytest.skip(
            "no PostgreSQL with PostGIS here: apt-get install postgresql-15-postgis-3, or its like, runs these tests"
        )
    place = tempfile.mkdtemp()
    as_owner = []
    if os.geteuid() == 0:
        # PostgreSQL refuses to be run by root
        owner = pwd.getpwnam("postgres")
        os.chown(place, owner.pw_uid, owner.pw_gid)
        as_owner = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    start = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"]
    subprocess.run(
        [*as_owner, programs / "initdb", "-D", f"{place}/data", *start], check=True, capture_output=True, cwd=place
    )
    options = f"-p {port} -k {place} -c listen_addresses=127.0.0.1 -c fsync=off"
    command = [*as_owner, programs / "pg_ctl", "-D", f"{place}/data", "-w", "-l", f"{place}/log"]
    subprocess.run([*command, "-o", options, "start"], check=True, capture_output=True, cwd=place)
    made = sqlalchemy.create_engine(f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres")
    try:
        with made.begin() as connection:
            connection.execute(sqlalchemy.text("create extension postgis"))
        yield made
    finally:
        made.dispose()
        subprocess.run([*command, "-m", "immediate", "stop"], check=False, capture_output=True, cwd=place)
        shutil.rmtree(place, ignore_errors=True)


def ask(engine, query, **values):
    with engine.begin() as connection:
        return connection.execute(sqlalchemy.text(query), values).fetchall()


def squares(n=3, **columns):
    geometry = chessboard().geometry.to_numpy()[:n]
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=BOARD_CRS)


def test_a_table_has_types_an_srid_an_index_and_comments(engine):
    frame = squares(
        text=["甲", None, "x"],
        whole=[1, 2, 3],
        number=[0.1, np.nan, 1e300],
        flag=[True, False, True],
        when=pd.to_datetime(["2024-05-01", None, "2020-02-29"]),
    )
    assert postgis.write_table(frame, engine, "types", comments={"text": "名称"}, comment="三块地") == 3
    kinds = dict(
        ask(
            engine,
            "select column_name, udt_name from information_schema.columns where table_name = 'types' "
            "and table_schema = 'ecozones'",
        )
    )
    assert kinds == {
        "text": "text", "whole": "int8", "number": "float8", "flag": "bool", "when": "timestamp", "geometry": "geometry"
    }  # fmt: skip
    assert ask(engine, "select distinct st_srid(geometry) from ecozones.types") == [(4547,)]
    assert "gist" in ask(engine, "select indexdef from pg_indexes where tablename = 'types'")[0][0]
    assert ask(engine, "select obj_description('ecozones.types'::regclass)") == [("三块地",)]
    assert ask(engine, "select col_description('ecozones.types'::regclass, 1)") == [("名称",)]
    back = postgis.read_table(engine, "types")
    assert back["text"].tolist()[0] == "甲"
    assert back["text"].isna().tolist() == [False, True, False]
    assert back["whole"].tolist() == [1, 2, 3]
    assert back["number"].fillna(-1).tolist() == [0.1, -1, 1e300]
    assert shapely.equals_exact(back.geometry.to_numpy(), frame.geometry.to_numpy(), 0).all()
    assert back.crs == frame.crs


HOSTILE = [
    'x"; drop table ecozones.victim; --',
    "'; drop table ecozones.victim; --",
    "%s %(a)s {} :name",
    "地块 表",
    "a.b",
    "\\copy",
    "select",
    "naïve 🙂",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_and_values_are_stored_and_nothing_is_executed(engine, name):
    with contextlib.suppress(SchemaError):
        postgis.write_table(squares(1, a=[1]), engine, "victim")
    frame = squares(3, **{name: [name, "\\N", "tab\tnew\nline"], "b": [1, 2, 3]})
    for schema in ("ecozones", name):
        postgis.write_table(
            frame, engine, name, schema=schema, comments={name: name}, comment=name, replace=schema == name
        )
        back = postgis.read_table(engine, name, schema=schema)
        assert back[name].tolist() == [name, "\\N", "tab\tnew\nline"]
    assert len(postgis.read_table(engine, "victim")) == 1


@pytest.mark.parametrize("name", ["", "表" * 22, "a\0b"])
def test_names_that_the_server_would_cut_or_refuse_are_refused_first(engine, name):
    with pytest.raises(SchemaError, match="63 bytes"):
        postgis.write_table(squares(1, a=[1]), engine, name)


def test_a_table_is_not_written_over_unasked_and_a_failure_leaves_it_as_it_was(engine):
    postgis.write_table(squares(2, a=["1", "2"]), engine, "kept", replace=True)
    with pytest.raises(SchemaError, match="already"):
        postgis.write_table(squares(1, a=["3"]), engine, "kept")
    with pytest.raises(SchemaError, match="rows 1 hold a NUL"):
        postgis.write_table(squares(2, a=["3", "a\0b"]), engine, "kept", replace=True)
    assert postgis.read_table(engine, "kept")["a"].tolist() == ["1", "2"]


def test_shapes_without_a_place_are_refused(engine):
    odd = "+proj=tmerc +lat_0=0 +lon_0=114.2 +k=1 +x_0=500000 +ellps=GRS80"
    with pytest.raises(CRSError, match="EPSG"):
        postgis.write_table(squares(1).set_crs(odd, allow_override=True), engine, "nowhere")
    with pytest.raises(SchemaError, match="no table"):
        postgis.read_table(engine, "nowhere")
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("create table public.bare (geometry geometry)"))
    with pytest.raises(CRSError, match="SRID"):
        postgis.read_table(engine, "bare", schema="public")


def test_a_plan_comes_back_as_it_went(engine):
    plan = chessboard_plan(
        red_line={"a1": "core", "b2": "general"}, farmland=["c3", "d4"], urban={"e5": "concentrated", "f6": None}
    )
    postgis.write_plan(plan, engine, schema="规划")
    assert_plans_equal(postgis.read_plan_tables(engine, schema="规划"), plan)
    postgis.write_plan(plan, engine, schema="规划", replace=True)
    with pytest.raises(SchemaError, match="holds no plan"):
        postgis.read_plan_tables(engine, schema="public")


def test_the_database_gives_our_areas_on_our_pieces(engine):
    plan = chessboard_plan(red_line={"a1": "core", "b2": "general", "h8": "core"})
    rng = np.random.default_rng(3)
    x, y = 496_000 + rng.uniform(0, 8_000, 300), 3_316_000 + rng.uniform(0, 8_000, 300)
    circles = shapely.buffer(shapely.points(x, y), rng.uniform(5, 900, 300))
    sites = gpd.GeoDataFrame({"site_id": np.arange(300)}, geometry=circles, crs=BOARD_CRS)
    postgis.write_plan(plan, engine, schema="areas")
    postgis.write_table(sites, engine, "sites", schema="areas")
    found = postgis.overlap_areas(engine, "sites", "ecological_red_line", schema="areas")
    shape, feature, area = overlay.overlap_areas(circles, plan.pieces("ecological_red_line"))
    assert len(shape) > 20
    assert found["site_id"].tolist() == shape.tolist()
    assert found["feature"].tolist() == feature.tolist()
    assert (np.abs(found["area"].to_numpy() - area) / shapely.area(circles)[shape]).max() <= 1e-6
    with pytest.raises(InputError, match="cannot be compared"):
        postgis.overlap_areas(engine, "sites", "no_such_line", schema="areas")
    with pytest.raises(InputError, match="no column"):
        postgis.overlap_areas(engine, "sites", "ecological_red_line", site_id="'; drop", schema="areas")
    moved = sites.to_crs("EPSG:4548")
    postgis.write_table(moved, engine, "elsewhere", schema="areas")
    with pytest.raises(InputError, match="cannot be compared"):
        postgis.overlap_areas(engine, "elsewhere", "ecological_red_line", schema="areas")
