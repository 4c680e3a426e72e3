"""PostGIS for real: a server of our own, started for these tests and thrown away."""

import pickle
import re
import subprocess
import warnings
from pathlib import Path

import geopandas as gpd
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, example, given, settings

pytest.importorskip("sqlalchemy", reason="PostGIS is optional")
pytest.importorskip("psycopg", reason="PostGIS is optional")

import psycopg
import sqlalchemy
from servers import binaries, throwaway_server

import ecozones as ez
from ecozones import overlay, postgis
from ecozones.errors import CRSError, EcozonesWarning, InputError, RepairWarning, SchemaError
from ecozones.large import prepare
from ecozones.postgis.server import ask as run
from ecozones.postgis.server import open_cursor
from ecozones.streams import Passing
from ecozones.testing import BOARD_CRS, assert_plans_equal, chessboard, chessboard_plan, square

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parent.parent
DAY = "2026-06-01"
TABLES = ("verdicts", "lines", "findings", "balance")


@pytest.fixture(scope="module")
def engine():
    if binaries() is None:
        pytest.skip(
            "no PostgreSQL with PostGIS here: apt-get install postgresql-15-postgis-3, or its like, runs these tests"
        )
    with throwaway_server() as made:
        yield made


def ask(engine, query, **values):
    with engine.begin() as connection:
        found = connection.execute(sqlalchemy.text(query), values)
        return found.fetchall() if found.returns_rows else []


def squares(n=3, **columns):
    geometry = chessboard().geometry.to_numpy()[:n]
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=BOARD_CRS)


# ------------------------------------------------------------------------------------------------------ tables
def test_a_table_has_types_an_srid_an_index_a_key_and_comments(engine):
    frame = squares(
        text=["甲", None, "x"],
        whole=[1, 2, 3],
        number=[0.1, np.nan, 1e300],
        flag=[True, False, True],
        when=pd.to_datetime(["2024-05-01", None, "2020-02-29"]),
    )
    assert postgis.write_table(frame, engine, "types", key="whole", comments={"text": "名称"}, comment="三块地") == 3
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
    made = " ".join(row[0] for row in ask(engine, "select indexdef from pg_indexes where tablename = 'types'"))
    assert "gist" in made
    assert "UNIQUE" in made
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
    "%",
    "{table}",
    "地块 表",
    " leading and trailing ",
    "a.b",
    "\\copy",
    "select",
    "naïve 🙂",
    "表" * 21,
    "\n\t",
    "pg_temp",
]
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
names = st.one_of(st.sampled_from(HOSTILE), texts).filter(
    lambda name: len(name.encode()) <= 63 and not name.startswith("pg_") and name != "information_schema"
)


@pytest.fixture(scope="module")
def victim(engine):
    postgis.write_table(squares(1, a=[1]), engine, "victim", replace=True)
    return engine


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schema=names, table=names, columns=st.lists(names, min_size=1, max_size=3, unique=True), values=st.lists(texts))
@example("ecozones", HOSTILE[0], HOSTILE[:3], HOSTILE)
@example(HOSTILE[0], HOSTILE[2], HOSTILE[3:6], ["\\N", "tab\tnew\nline\\.", ""])
@example(HOSTILE[1], HOSTILE[6], HOSTILE[6:9], HOSTILE[::-1])
def test_whatever_names_and_values_hold_is_stored_and_never_executed(victim, schema, table, columns, values):
    if "geometry" in columns or table == "victim":
        return
    held = [*values, None, table][:40]
    shapes = chessboard().geometry.to_numpy()[: len(held)]
    frame = gpd.GeoDataFrame(dict.fromkeys(columns, held), geometry=shapes, crs=BOARD_CRS)
    comments = {columns[0]: schema}
    postgis.write_table(frame, victim, table, schema=schema, comments=comments, comment=table, replace=True)
    back = postgis.read_table(victim, table, schema=schema)
    for column in columns:
        assert [None if pd.isna(value) else value for value in back[column]] == held
    with postgis.open_table(victim, table, schema=schema) as stream:
        assert (
            pd.concat(list(stream.stretches(2)))[columns[0]].fillna("").tolist() == back[columns[0]].fillna("").tolist()
        )
    assert len(postgis.read_table(victim, "victim")) == 1
    said = ask(
        victim,
        "select obj_description(c.oid) from pg_class c join pg_namespace n on n.oid = relnamespace "
        "where nspname = :schema and relname = :table",
        schema=schema,
        table=table,
    )
    assert said == [(table,)]
    if schema != "ecozones":
        with open_cursor(victim) as cursor:
            run(cursor, "drop schema {schema} cascade", schema=schema)


@pytest.mark.parametrize("name", ["", "表" * 22, "a\0b"])
def test_names_that_the_server_would_cut_or_refuse_are_refused_first(engine, name):
    with pytest.raises(SchemaError, match="63 bytes"):
        postgis.write_table(squares(1, a=[1]), engine, name)
    with pytest.raises(SchemaError, match="63 bytes"):
        postgis.write_table(squares(1, **{name: [1]}), engine, "columns")


def test_a_table_is_not_written_over_unasked_and_a_failure_leaves_it_as_it_was(engine):
    postgis.write_table(squares(2, a=["1", "2"]), engine, "kept", replace=True)
    with pytest.raises(SchemaError, match="already"):
        postgis.write_table(squares(1, a=["3"]), engine, "kept")
    with pytest.raises(SchemaError, match="rows 1 hold a NUL"):
        postgis.write_table(squares(2, a=["3", "a\0b"]), engine, "kept", replace=True)
    with pytest.raises(SchemaError, match="cannot be its key"):
        postgis.write_table(squares(2, a=["3", "3"]), engine, "kept", key="a", replace=True)
    assert postgis.read_table(engine, "kept")["a"].tolist() == ["1", "2"]


def test_shapes_without_a_place_are_refused(engine):
    odd = "+proj=tmerc +lat_0=0 +lon_0=114.2 +k=1 +x_0=500000 +ellps=GRS80"
    with pytest.raises(CRSError, match="EPSG"):
        postgis.write_table(squares(1).set_crs(odd, allow_override=True), engine, "nowhere")
    with pytest.raises(SchemaError, match="no table"):
        postgis.read_table(engine, "nowhere")
    ask(engine, "create table public.bare (geometry geometry)")
    with pytest.raises(CRSError, match="SRID"):
        postgis.read_table(engine, "bare", schema="public")
    ask(engine, "create table public.mixed (shape geometry(Point, 4547), geometry text)")
    with pytest.raises(SchemaError, match="called 'geometry'"):
        postgis.read_table(engine, "mixed", schema="public")


# ------------------------------------------------------------------------------------------------------ plans
def test_a_plan_comes_back_as_it_went_with_its_pieces(engine):
    plan = chessboard_plan(
        red_line={"a1": "core", "b2": "general"}, farmland=["c3", "d4"], urban={"e5": "concentrated", "f6": None}
    )
    lake = gpd.GeoDataFrame(
        {"feature_id": ["1"], "name": ["湖"], "subzone": ["core"]},
        geometry=[shapely.Point(500_000, 3_324_000).buffer(2_000, quad_segs=400)],
        crs=BOARD_CRS,
    )
    plan = plan.replace(ecological_red_line=lake)
    postgis.write_plan(plan, engine, schema="规划")
    back = postgis.read_plan_tables(engine, schema="规划")
    assert_plans_equal(back, plan)
    for line in plan.lines:
        ours, theirs = plan.pieces(line), back.pieces(line)
        assert ours.feature.tolist() == theirs.feature.tolist()
        assert shapely.equals_exact(ours.geometry, theirs.geometry, 0).all()
    assert len(back.pieces("ecological_red_line").geometry) > 4
    with pytest.raises(SchemaError, match="holds a plan already"):
        postgis.write_plan(plan, engine, schema="规划")
    # a table of the office's own in the schema stays
    postgis.write_table(squares(1, a=[1]), engine, "自有", schema="规划")
    smaller = chessboard_plan(red_line={"a1": "core"}, farmland=None, urban=None)
    postgis.write_plan(smaller, engine, schema="规划", replace=True)
    assert_plans_equal(postgis.read_plan_tables(engine, schema="规划"), smaller)
    there = {row[0] for row in ask(engine, "select tablename from pg_tables where schemaname = '规划'")}
    assert there == {"plan", "extent", "ecological_red_line", "ecological_red_line_pieces", "自有"}
    with pytest.raises(SchemaError, match="holds no plan"):
        postgis.read_plan_tables(engine, schema="public")


def test_the_database_gives_our_areas_on_our_pieces(engine):
    plan = chessboard_plan(red_line={"a1": "core", "b2": "general", "h8": "core"})
    rng = np.random.default_rng(3)
    x, y = 496_000 + rng.uniform(0, 8_000, 300), 3_320_000 + rng.uniform(0, 8_000, 300)
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
    with pytest.raises(InputError, match="no table 'no_such_line_pieces'"):
        postgis.overlap_areas(engine, "sites", "no_such_line", schema="areas")
    with pytest.raises(InputError, match="no column"):
        postgis.overlap_areas(engine, "sites", "ecological_red_line", site_id="'; drop", schema="areas")
    moved = sites.to_crs("EPSG:4548")
    postgis.write_table(moved, engine, "elsewhere", schema="areas")
    with pytest.raises(InputError, match="cannot be compared"):
        postgis.overlap_areas(engine, "elsewhere", "ecological_red_line", schema="areas")


# ------------------------------------------------------------------------------------------------------ streams
def numbered(rows, **columns):
    x = 496_000 + 100.0 * np.arange(rows)
    return gpd.GeoDataFrame(columns, geometry=shapely.box(x, 3_316_000, x + 50, 3_316_050), crs=BOARD_CRS)


@pytest.mark.parametrize("key", ["编号", None])
def test_a_table_is_read_in_stretches_that_put_together_are_the_table(engine, key):
    frame = numbered(25, 编号=[f"{i * 7 % 25:02}" for i in range(25)], n=pd.array([*range(24), None], dtype="Int64"))
    frame.loc[3, "geometry"] = None
    postgis.write_table(frame, engine, "stream", key=key, replace=True)
    whole = (frame.sort_values("编号") if key else frame).reset_index(drop=True)
    with postgis.open_table(engine, "stream") as stream:
        assert (stream.rows, stream.names, stream.crs, stream.title) == (
            25,
            ("编号", "n"),
            frame.crs,
            "ecozones.stream",
        )
        for size in (1, 7, 25, 100):
            parts = list(stream.stretches(size))
            assert [len(part) for part in parts] == [min(size, 25 - at) for at in range(0, 25, size)]
            together = pd.concat(parts)
            assert together.index.tolist() == list(range(25))
            assert together["编号"].tolist() == whole["编号"].tolist()
            assert shapely.equals_exact(together.geometry.to_numpy(), whole.geometry.to_numpy(), 0).tolist() == (
                whole.geometry.notna().tolist()
            )
        assert together["n"].astype("Int64").tolist() == whole["n"].tolist()
        with pytest.raises(InputError, match="prepare"):
            pickle.dumps(stream)


def test_a_stream_is_one_snapshot_that_can_only_read(engine):
    postgis.write_table(numbered(5, a=range(5)), engine, "snapshot", key="a", replace=True)
    with postgis.open_table(engine, "snapshot") as stream:
        before = stream.digest
        ask(engine, "delete from ecozones.snapshot where a < 3")
        assert sum(len(part) for part in stream.stretches(2)) == 5
        assert stream.digest == before
        assert engine.url.username not in str(before)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            stream._cursor.execute("delete from ecozones.snapshot")
    with postgis.open_table(engine, "snapshot") as stream:
        assert stream.rows == 2
        assert stream.digest != before
    ask(engine, "create view ecozones.seen as select * from ecozones.snapshot")
    with pytest.raises(InputError, match="no order"), postgis.open_table(engine, "seen"):
        pass


def test_a_table_is_prepared_into_the_rows_that_its_file_gives(engine, tmp_path):
    frame = numbered(40, a=range(40), 名称=[f"田{i}" for i in range(40)])
    postgis.write_table(frame, engine, "farm", key="a", replace=True)
    frame.to_parquet(tmp_path / "farm.parquet")
    with postgis.open_table(engine, "farm") as table:
        assert isinstance(table, Passing)
        there = prepare(table, tmp_path / "there", rows=7)
    here = prepare(tmp_path / "farm.parquet", tmp_path / "here", rows=7)
    assert there.rows_in == here.rows_in == 40
    parts = [sorted((tmp_path / place / "features").rglob("*.parquet")) for place in ("there", "here")]
    rows = [pd.concat([gpd.read_parquet(part) for part in found], ignore_index=True) for found in parts]
    assert rows[0]["source_row"].tolist() == rows[1]["source_row"].tolist()
    assert rows[0]["名称"].tolist() == rows[1]["名称"].tolist()
    assert shapely.equals_exact(rows[0].geometry.to_numpy(), rows[1].geometry.to_numpy(), 0).all()
    # who may read the table is written nowhere
    for path in (tmp_path / "there").rglob("*"):
        if path.is_file():
            assert str(engine.url.port).encode() not in path.read_bytes()
            assert engine.url.username.encode() not in path.read_bytes()


# ------------------------------------------------------------------------------------------------------ reviews
def plain(table):
    """Give a table in which no value is None and NaN at once."""
    frame = pd.DataFrame(table.drop(columns="geometry", errors="ignore")).reset_index(drop=True)
    for column in frame.columns:
        if frame[column].dtype.kind not in "fiM" and column != "verdict":
            frame[column] = frame[column].astype(object).where(frame[column].notna(), None)
    return frame


def assert_reviews_agree(ours, theirs, *, share=0.0):
    """Hold two reviews to be one, row by row; ground and lengths up to a share of the site."""
    whole = ours.verdicts.set_index(ours.verdicts["site_id"].astype(str))["area_m2"]
    for name in TABLES:
        left, right = plain(getattr(ours, name)), plain(getattr(theirs, name))
        assert list(left.columns) == list(right.columns)
        assert len(left) == len(right), name
        allowed = share * np.maximum(1.0, left["site_id"].astype(str).map(whole).fillna(1.0).to_numpy())
        for column in left.columns:
            if left[column].dtype.kind == "f":
                a, b = left[column].to_numpy(), right[column].to_numpy()
                # the last digit of a rounded area may fall either way
                slack = allowed + (0.0101 if name == "verdicts" and share else 0)
                assert ((np.abs(a - b) <= slack) | (np.isnan(a) & np.isnan(b))).all(), (name, column)
            else:
                assert left[column].astype(object).tolist() == right[column].astype(object).tolist(), (name, column)
        if name in {"verdicts", "findings"}:
            mine, yours = getattr(ours, name), getattr(theirs, name)
            assert mine.crs == yours.crs
            drawn, told = mine.geometry.to_numpy(), yours.geometry.to_numpy()
            if name == "verdicts":
                assert shapely.equals_exact(drawn, told, 0).all()
            else:
                apart = shapely.area(shapely.symmetric_difference(drawn, told))
                assert (apart <= allowed + 1e-6).all()


@pytest.fixture(scope="module")
def county():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EcozonesWarning)
        return ez.read_plan(ROOT / "sample_data/plan.gpkg"), ez.read_sites(ROOT / "sample_data/sites.gpkg")


def test_a_review_comes_back_as_it_went(engine, county):
    plan, sites = county
    review = ez.check_sites(sites, plan, on=DAY)
    postgis.write_review(review, engine, schema="审查结果")
    back = postgis.read_review(engine, schema="审查结果")
    assert_reviews_agree(review, back)
    assert back.on == review.on
    assert back.capsule == review.capsule
    for name in TABLES:
        kinds = {column: kind.kind for column, kind in getattr(review, name).dtypes.items() if kind.kind in "fiM"}
        assert {column: getattr(back, name)[column].dtype.kind for column in kinds} == kinds
    assert ask(engine, 'select max(verdict)::text from "审查结果".verdicts') == [("prohibited",)]
    assert ask(engine, """select obj_description('"审查结果".lines'::regclass)""") == [
        ("逐项审查 one row per site and line",)
    ]
    uncommented = ask(
        engine,
        "select table_name, column_name from information_schema.columns where table_schema = '审查结果' and "
        "column_name <> 'geometry' and "
        "col_description(format('%I.%I', table_schema, table_name)::regclass, ordinal_position) is null",
    )
    assert uncommented == []
    srids = dict(ask(engine, "select f_table_name, srid from geometry_columns where f_table_schema = '审查结果'"))
    assert srids == {"verdicts": sites.crs.to_epsg(), "findings": plan.crs.to_epsg()}
    with pytest.raises(SchemaError, match="holds no review"):
        postgis.read_review(engine, schema="public")


def test_a_fragment_is_replaced_whole_and_a_failure_leaves_it_as_it_was(engine):
    plan = chessboard_plan(red_line={"a1": "core"})
    first, second = (ez.check_sites(square(*cells), plan, on=DAY) for cells in (("a1", "b1"), ("c3", "d4", "e5")))
    postgis.write_review(first, engine, schema="parts", fragment=0)
    postgis.write_review(second, engine, schema="parts", fragment=1)
    both = ez.check_sites(square("a1", "b1", "c3", "d4", "e5"), plan, on=DAY)
    assert_reviews_agree(both, postgis.read_review(engine, schema="parts"))
    with pytest.raises(SchemaError, match="fragment 1 is in schema"):
        postgis.write_review(second, engine, schema="parts", fragment=1)
    postgis.write_review(second, engine, schema="parts", fragment=1, replace=True)
    assert_reviews_agree(both, postgis.read_review(engine, schema="parts"))
    # a site that another fragment has already: all of it is refused, and what was there stays
    with pytest.raises(SchemaError, match=r"'verdicts' in schema 'parts' holds already .*\(site_id\)=\(a1\)"):
        postgis.write_review(first, engine, schema="parts", fragment=1, replace=True)
    assert_reviews_agree(both, postgis.read_review(engine, schema="parts"))
    moved = ez.check_sites(square("f6").to_crs("EPSG:4548"), plan, on=DAY)
    with pytest.raises(SchemaError, match="SRID"):
        postgis.write_review(moved, engine, schema="parts", fragment=2)
    later = ez.check_sites(square("f6"), plan, on="2026-07-01")
    postgis.write_review(later, engine, schema="parts", fragment=2)
    with pytest.raises(SchemaError, match="several days"):
        postgis.read_review(engine, schema="parts")


# ------------------------------------------------------------------------------------------------------ checks
def check_both(engine, sites, plan, *, name="sites", schema="check", **options):
    """Check in memory and in the database; give both reviews, and the account."""
    postgis.write_plan(plan, engine, schema=schema, replace=True)
    postgis.write_table(sites.assign(row=range(len(sites))), engine, name, schema=schema, key="row", replace=True)
    out = f"{schema} out"
    ask(engine, f'drop schema if exists "{out}" cascade')
    told = postgis.check_sites_there(engine, name, schema=schema, plan_schema=schema, out=out, on=DAY, **options)
    assert told.rows_in == told.settled_there + told.finished_here == len(sites)
    options.pop("columns", None)
    return ez.check_sites(sites, plan, on=DAY, **options), postgis.read_review(engine, schema=out), told


@pytest.mark.parametrize("method", ["national", "geodesic"])
def test_the_sample_county_gets_the_same_review_in_the_database(engine, county, method):
    plan, sites = county
    ours, theirs, told = check_both(engine, sites, plan, method=method)
    assert_reviews_agree(ours, theirs, share=1e-6)
    assert told.settled_there > len(sites) / 4
    assert theirs.capsule["area_method"] == method
    assert theirs.capsule["lines_sha256"].keys() == ours.capsule["lines_sha256"].keys()
    assert engine.url.host not in str(theirs.capsule)


def random_case(seed):
    """A chessboard and sites on it: inside, across borders, along them, tiny, in two parts, beyond the rim."""
    rng = np.random.default_rng(seed)
    cells = [f"{letter}{rank}" for letter in "abcdefgh" for rank in range(1, 9)]
    zones = {str(cell): str(rng.choice(["core", "general"])) for cell in rng.choice(cells, 8, replace=False)}
    if seed % 3 == 0:
        zones[cells[seed % 64]] = None
    plan = chessboard_plan(
        red_line=zones,
        farmland=[str(cell) for cell in rng.choice(cells, 10, replace=False)],
        urban=[str(cell) for cell in rng.choice(cells, 12, replace=False)],
        coverage={"permanent_basic_farmland": cells[:40]} if seed % 2 else None,
    )
    n = 60
    x, y = 496_000 + rng.uniform(-300, 8_300, n), 3_320_000 + rng.uniform(-300, 8_300, n)
    size = np.exp(rng.uniform(np.log(1), np.log(1_500), n))
    along = rng.random(n) < 0.3
    x[along] = np.round(x[along], -3) + rng.choice([0, 0.05, 0.5, -0.05, 2], along.sum())
    shapes = shapely.box(x, y, x + size, y + rng.permutation(size))
    round_ = rng.random(n) < 0.4
    shapes[round_] = shapely.buffer(shapely.points(x, y)[round_], size[round_] / 2, quad_segs=5)
    parted = rng.random(n) < 0.1
    shapes[parted] = shapely.union(shapes[parted], shapely.box(x + 3_000, y, x + 3_000.5, y + 1)[parted])
    shapes[0], shapes[1] = shapely.LineString([(x[0], y[0]), (x[0] + 900, y[0])]), shapely.Point(x[1], y[1])
    activities = np.array([*(known.id for known in ez.load_rules("CN").activities), None], dtype=object)
    sites = gpd.GeoDataFrame(
        {"site_id": [f"s{i}" for i in range(n)], "name": None, "activity": rng.choice(activities, n)},
        geometry=shapes,
        crs=BOARD_CRS,
    )
    return sites, plan


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000))
@example(0)
@example(1)
def test_random_sites_on_random_boards_get_the_same_review_in_the_database(engine, seed):
    sites, plan = random_case(seed)
    ours, theirs, told = check_both(engine, sites, plan)
    assert_reviews_agree(ours, theirs, share=1e-6)
    assert told.settled_there > 0


def test_lines_in_degrees_and_in_other_zones_are_settled_there_too(engine):
    sites, plan = random_case(5)
    lines = {line: plan[line] for line in plan.lines}
    lines["ecological_red_line"] = lines["ecological_red_line"].to_crs("EPSG:4490")
    lines["urban_development_boundary"] = lines["urban_development_boundary"].to_crs("EPSG:4548")
    mixed = ez.ZoningPlan.from_layers(lines, extent=plan.extent)
    ours, theirs, told = check_both(engine, sites, mixed)
    assert_reviews_agree(ours, theirs, share=1e-6)
    assert told.settled_there > 10


def test_pieces_of_one_feature_are_put_together_again(engine):
    lake = shapely.Point(500_000, 3_324_000).buffer(2_500, quad_segs=800)
    plan = chessboard_plan(red_line={"a1": "core"}).replace(
        ecological_red_line=gpd.GeoDataFrame(
            {"feature_id": ["湖"], "subzone": ["core"]}, geometry=[lake], crs=BOARD_CRS
        )
    )
    assert len(plan.pieces("ecological_red_line").geometry) > 8
    rng = np.random.default_rng(2)
    x, y = 500_000 + rng.uniform(-2_600, 2_600, 80), 3_324_000 + rng.uniform(-2_600, 2_600, 80)
    sites = gpd.GeoDataFrame(
        {"site_id": [str(i) for i in range(80)], "activity": "ordinary_build"},
        geometry=shapely.buffer(shapely.points(x, y), rng.uniform(50, 600, 80), quad_segs=3),
        crs=BOARD_CRS,
    )
    ours, theirs, told = check_both(engine, sites, plan)
    assert_reviews_agree(ours, theirs, share=1e-6)
    assert told.settled_there > 30


def test_what_the_server_cannot_judge_is_finished_by_the_kernel(engine):
    lacking = chessboard_plan(red_line={"a1": "core"}, urban=None)
    ours, theirs, told = check_both(engine, square("a1", "c3", "j1"), lacking)
    assert_reviews_agree(ours, theirs)
    assert told.settled_there == 0
    assert set(theirs.verdicts["verdict"]) == {"undetermined", "prohibited"}
    bow = square("a1", "c3")
    bow.geometry = [shapely.Polygon([(0, 0), (400, 400), (400, 0), (0, 400)]), bow.geometry.iloc[1]]
    bow.geometry = [shapely.affinity.translate(bow.geometry.iloc[0], 496_100, 3_320_100), bow.geometry.iloc[1]]
    with pytest.warns(RepairWarning):
        ours, theirs, told = check_both(engine, bow, chessboard_plan(red_line={"a1": "core"}))
    assert (told.settled_there, told.finished_here) == (1, 1)
    assert_reviews_agree(ours, theirs, share=1e-6)


def test_options_mean_what_they_mean_in_memory(engine):
    sites, plan = random_case(8)
    for options in (
        {"setback_m": 800.0},
        {"setback_m": {"ecological_red_line": 250.0}, "lines": ["ecological_red_line"]},
        {"ignore_below_m2": 500.0, "ignore_narrower_m": 30.0},
        {"ignore_below_m2": 0.0, "ignore_narrower_m": 0.0},
    ):
        ours, theirs, _ = check_both(engine, sites, plan, **options)
        assert_reviews_agree(ours, theirs, share=1e-6)


def test_hostile_tables_and_columns_are_checked_like_any_other(engine):
    name = '地块"; drop table "check".plan; -- %s {site}'
    sites, plan = random_case(3)
    renamed = sites.rename(columns={"site_id": "编号 %(a)s", "activity": "活动'; --", "name": "{name}"})
    postgis.write_plan(plan, engine, schema=name, replace=True)
    postgis.write_table(renamed, engine, name, schema=name, key="编号 %(a)s")
    told = postgis.check_sites_there(
        engine,
        name,
        schema=name,
        plan_schema=name,
        out=name + "!",
        columns={"site_id": "编号 %(a)s", "activity": "活动'; --", "name": "{name}"},
        on=DAY,
    )
    assert told.settled_there > 0
    theirs = postgis.read_review(engine, schema=name + "!")
    ours = ez.check_sites(sites.sort_values("site_id"), plan, on=DAY)
    assert_reviews_agree(ours, theirs, share=1e-6)
    assert_plans_equal(postgis.read_plan_tables(engine, schema=name), plan)


def spoilt():
    """Twelve sites, of which the last four can be checked."""
    sites = square("a1", "b1", "c1", "d1", "e1", "f1", "g1", "h1", "a2", "b2", "c2", "d2", activity="ordinary_build")
    sites["site_id"] = sites["site_id"].astype(object)
    sites.loc[[0, 1], "site_id"] = "x'; --"
    sites.loc[2, "site_id"] = None
    sites.loc[3, "activity"] = "'; drop"
    sites.loc[[2, 4], "geometry"] = None
    shapes = sites.geometry.to_numpy().copy()
    with np.errstate(invalid="ignore"):
        shapes[5] = shapely.Polygon([(496_000, 3_320_000), (np.nan, 3_320_000), (496_000, 3_321_000)])
    shapes[6] = shapely.box(0, 0, 10, 10)
    # valid for nobody: an hourglass of which nothing is left is no ground
    shapes[7] = shapely.Polygon([(496_000, 3_320_000), (496_100, 3_320_100), (496_200, 3_320_200)])
    return sites.set_geometry(shapes, crs=sites.crs)


def test_sites_that_cannot_be_checked_are_put_aside_one_by_one(engine):
    plan = chessboard_plan(red_line={"a2": "core"}, farmland=["b2"])
    sites = spoilt()
    postgis.write_plan(plan, engine, schema="aside", replace=True)
    postgis.write_table(sites.assign(row=range(12)), engine, "sites", schema="aside", key="row")
    given = {"schema": "aside", "plan_schema": "aside", "out": "aside out", "on": DAY}
    with pytest.warns(EcozonesWarning, match=r"8 sites cannot be checked and are put aside.*read_refused"):
        told = postgis.check_sites_there(engine, "sites", **given)
    assert (told.rows_in, told.settled_there + told.finished_here, told.rows_refused) == (12, 4, 8)
    assert told.settled_there > 0
    refused = postgis.read_refused(engine, schema="aside out")
    assert refused["row"].tolist() == list(range(8))
    assert refused["site_id"].tolist()[:4] == ["x'; --", "x'; --", None, "d1"]
    for reason, words in zip(
        refused["reason"],
        [
            ["missing or repeated"],
            ["missing or repeated"],
            ["NULL is missing or repeated; geometry is empty"],
            ["activity '''; drop' is not known to the rules"],
            ["geometry is empty"],
            ["no numbers"],
            ["degrees"],
            ["Ring Self-intersection", "Too few points", "Self-intersection"],
        ],
        strict=True,
    ):
        assert any(word in reason for word in words), reason
    expected = ez.check_sites(sites.iloc[8:], plan, on=DAY)
    assert_reviews_agree(expected, postgis.read_review(engine, schema="aside out"), share=1e-6)
    assert expected.verdicts["verdict"].tolist()[0] == "prohibited"
    capsule = postgis.read_review(engine, schema="aside out").capsule
    assert capsule["rows_refused"] == 8
    # a second check replaces what was put aside, and what is mended has its answer
    ask(engine, "update aside.sites set activity = 'ordinary_build' where row = 3")
    with pytest.warns(EcozonesWarning, match="7 sites"):
        postgis.check_sites_there(engine, "sites", **given, replace=True)
    assert postgis.read_refused(engine, schema="aside out")["row"].tolist() == [0, 1, 2, 4, 5, 6, 7]
    assert len(postgis.read_review(engine, schema="aside out").verdicts) == 5


def test_the_verb_and_the_streamed_table_put_the_same_sites_aside(engine, tmp_path):
    plan = chessboard_plan(red_line={"a2": "core"}, farmland=["b2"])
    postgis.write_plan(plan, engine, schema="streamed", replace=True)
    postgis.write_table(spoilt().assign(row=range(12)), engine, "sites", schema="streamed", key="row")
    ask(
        engine,
        "insert into streamed.sites (site_id, activity, row, geometry) values ('round', 'ordinary_build', 12, "
        "st_geomfromtext('CURVEPOLYGON(CIRCULARSTRING(496000 3316000, 496500 3316500, 497000 3316000, "
        "496500 3315500, 496000 3316000))', 4547))",
    )
    with pytest.warns(EcozonesWarning, match="9 sites"):
        told = ez.check_sites("sites", "streamed", engine=engine, schema="streamed", out="streamed out", on=DAY)
    there = postgis.read_refused(engine, schema="streamed out")
    assert (told.rows_in, told.rows_refused) == (13, 9)
    with postgis.open_table(engine, "sites", schema="streamed") as table:
        ready = prepare(table, tmp_path / "ready", rows=5)
    assert (ready.rows_in, ready.rows_refused) == (13, 6)
    report = ready.table("refused").set_index("row")["reason"]
    assert report.index.tolist() == [2, 4, 5, 6, 7, 12]
    assert report[12] == "is a CURVEPOLYGON; draw it as lines, as ST_CurveToLine does"
    assert "degrees" in report[6]
    run = ez.check_sites(ready.folder, plan, on=DAY, out=tmp_path / "out", engine=1)
    # in both the rows of the table, whichever step it was that refused them
    assert sorted(run.table("refused")["row"]) == there["row"].tolist()
    assert (run.rows_in, run.rows_refused) == (13, 9)
    assert run.rows_done == told.settled_there + told.finished_here
    # read whole, such a table is still an error, for a frame has no place for reasons
    with pytest.raises(SchemaError, match="ST_CurveToLine"):
        postgis.read_table(engine, "sites", schema="streamed")
    with (
        postgis.open_table(engine, "sites", schema="streamed") as table,
        pytest.raises(SchemaError, match="ST_CurveToLine"),
    ):
        list(table.stretches())


def test_a_site_that_has_no_place_in_the_plane_of_a_line_stops_no_other(engine):
    plan = chessboard_plan(red_line={"a1": "core"})
    sites = square("a1", "b2", "c3", activity="ordinary_build").to_crs("EPSG:4490")
    shapes = sites.geometry.to_numpy().copy()
    shapes[1] = shapely.box(-60.0, 10.0, -59.99, 10.01)
    sites = sites.set_geometry(shapes, crs="EPSG:4490")
    postgis.write_plan(plan, engine, schema="far", replace=True)
    postgis.write_table(sites.assign(row=range(3)), engine, "sites", schema="far", key="row")
    told = postgis.check_sites_there(engine, "sites", schema="far", plan_schema="far", out="far out", on=DAY)
    assert told.settled_there + told.finished_here + told.rows_refused == 3
    review = postgis.read_review(engine, schema="far out").verdicts.set_index("site_id")["verdict"]
    assert review["a1"] == "prohibited"
    # whatever is said of it, it is not that it may be built
    assert "b2" not in review.index or review["b2"] == "undetermined"


def test_where_not_one_site_can_be_checked_all_are_named_and_nothing_is_written(engine):
    plan = chessboard_plan(red_line={"a1": "core"})
    postgis.write_plan(plan, engine, schema="refused")
    sites = square("a1", "b1", "c1", "d1")
    sites["site_id"] = ["x", "x", "y'; --", None]
    sites["activity"] = ["ordinary_build", "ordinary_build", "'; drop", None]
    postgis.write_table(sites, engine, "sites", schema="refused")
    with pytest.raises(SchemaError, match="not one of 4 sites can be checked: row 0: site_id 'x' is missing") as raised:
        postgis.check_sites_there(engine, "sites", schema="refused", plan_schema="refused", out="refused out", on=DAY)
    assert raised.value.problems["row"].tolist() == [0, 1, 2, 3]
    assert ask(engine, "select 1 from pg_namespace where nspname = 'refused out'") == []
    with pytest.raises(SchemaError, match="site_id is needed"):
        postgis.check_sites_there(
            engine, "sites", schema="refused", plan_schema="refused", columns={"site_id": "no such"}
        )
    with pytest.raises(SchemaError, match="holds no review"):
        postgis.read_refused(engine, schema="refused out")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"method": "natonal"}, "method 'natonal' is not known; did you mean 'national'"),
        ({"ignore_below_m2": -1}, "ignore_below_m2 must be a number from 0 upwards"),
        ({"fragment": -1}, "fragment must be a whole number"),
        ({"replace": "yes"}, "replace must be True or False"),
        ({"columns": "site_id"}, "columns must be a mapping"),
        ({"schema": 5}, "schema must be a text"),
        ({"out": Path("review")}, "out must be a text"),
        ({"on": "tomorrow"}, "on must be a day"),
        ({"colums": {}}, r"there is no option 'colums'; did you mean 'columns'\?"),
        ({"since": "june"}, "since is for layers on disk, and a table of a database was given"),
        ({"lines": ["nowhere"]}, "lines to check are not declared"),
        ({"setback_m": -1.0}, "setback_m must be distances from 0"),
        ({"schema": "nowhere"}, "there is no table 'sites' in schema 'nowhere'"),
    ],
)
def test_wrong_options_are_told_in_words(engine, options, told):
    postgis.write_plan(chessboard_plan(red_line={"a1": "core"}), engine, schema="words", replace=True)
    postgis.write_table(square("a1"), engine, "sites", schema="words", replace=True)
    given = {"schema": "words", "out": "words out", "on": DAY} | options
    with pytest.raises(InputError, match=told):
        ez.check_sites("sites", "words", engine=engine, **given)
    assert ask(engine, "select 1 from pg_namespace where nspname = 'words out'") == []


def test_a_check_that_runs_again_replaces_its_fragment_and_touches_no_input(engine):
    sites, plan = random_case(4)
    postgis.write_plan(plan, engine, schema="twice")
    postgis.write_table(sites, engine, "sites", schema="twice", key="site_id")

    def content():
        with postgis.open_table(engine, "sites", schema="twice") as stream:
            return stream.digest

    before = content()
    given = {"schema": "twice", "plan_schema": "twice", "out": "twice out", "on": DAY}
    postgis.check_sites_there(engine, "sites", **given)
    once = postgis.read_review(engine, schema="twice out")
    with pytest.raises(SchemaError, match="already"):
        postgis.check_sites_there(engine, "sites", **given)
    postgis.check_sites_there(engine, "sites", **given, replace=True)
    assert_reviews_agree(once, postgis.read_review(engine, schema="twice out"))
    assert content() == before


# ------------------------------------------------------------------------------------------------------ the page
def test_every_block_of_the_page_runs(engine, tmp_path, monkeypatch):
    page = (ROOT / "docs/questions/in_postgis.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(python|sql)\n(.*?)```", page, flags=re.DOTALL)
    assert {kind for kind, _ in blocks} == {"python", "sql"}
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    monkeypatch.chdir(tmp_path)
    space = {"ez": ez, "engine": engine}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EcozonesWarning)
        for kind, block in blocks:
            if kind == "python":
                exec(compile(block, "in_postgis.md", "exec"), space)  # noqa: S102
            else:
                with engine.begin() as connection:
                    for statement in filter(str.strip, block.split(";\n")):
                        connection.exec_driver_sql(statement.rstrip().removesuffix(";"))
    assert space["review"].verdicts["verdict"].max() == "prohibited"


def test_a_role_that_may_only_read_checks_into_a_schema_of_its_own(engine):
    sites, plan = random_case(6)
    postgis.write_plan(plan, engine, schema="owned")
    postgis.write_table(sites, engine, "sites", schema="owned", key="site_id")
    ask(engine, "create role checker nologin")
    ask(engine, "grant usage on schema owned to checker")
    ask(engine, "grant select on all tables in schema owned to checker")
    ask(engine, "create schema checked authorization checker")
    limited = sqlalchemy.create_engine(
        engine.url, connect_args={"options": "-c role=checker"}, poolclass=sqlalchemy.NullPool
    )
    told = postgis.check_sites_there(limited, "sites", schema="owned", plan_schema="owned", out="checked", on=DAY)
    assert told.settled_there > 0
    ours = ez.check_sites(sites.sort_values("site_id"), plan, on=DAY)
    assert_reviews_agree(ours, postgis.read_review(limited, schema="checked"), share=1e-6)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgis.write_table(sites, limited, "sites", schema="owned", replace=True)


def test_a_review_is_dumped_and_restored(engine, tmp_path):
    plan = chessboard_plan(red_line={"a1": "core"})
    review = ez.check_sites(square("a1", "b1"), plan, on=DAY)
    postgis.write_review(review, engine, schema="归档")
    url = engine.url.set(drivername="postgresql")
    dump = tmp_path / "review.sql"
    command = [binaries() / "pg_dump", "--schema=归档", "--no-owner", f"--file={dump}"]
    subprocess.run([*command, url.render_as_string()], check=True, capture_output=True)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sqlalchemy.text("create database archive"))
    other = sqlalchemy.create_engine(engine.url.set(database="archive"), poolclass=sqlalchemy.NullPool)
    ask(other, "create extension postgis")
    program = [binaries() / "psql", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={dump}"]
    subprocess.run([*program, url.set(database="archive").render_as_string()], check=True, capture_output=True)
    assert_reviews_agree(review, postgis.read_review(other, schema="归档"))


def test_a_line_that_was_edited_in_the_database_is_never_judged_by_its_old_pieces(engine):
    plan = chessboard_plan(red_line={"a1": "core"}, farmland=["c3"])
    postgis.write_plan(plan, engine, schema="edited")
    postgis.write_table(square("a1", activity="ordinary_build"), engine, "site", schema="edited_sites")

    def verdict():
        postgis.check_sites_there(
            engine, "site", schema="edited_sites", plan_schema="edited", out="edited_review", on=DAY, replace=True
        )
        return postgis.read_review(engine, schema="edited_review").verdicts["verdict"].tolist()

    assert verdict() == ["prohibited"]
    ask(engine, "update edited.ecological_red_line set geometry = st_translate(geometry, 5000, 0)")
    with pytest.raises(SchemaError, match="ecological_red_line in schema 'edited' was edited after it was cut"):
        verdict()
    now = postgis.read_plan_tables(engine, schema="edited")
    moved = plan.lines["ecological_red_line"].translate(5000).to_numpy()
    assert shapely.equals_exact(now.pieces("ecological_red_line").geometry, moved).all()
    postgis.write_plan(now, engine, schema="edited", replace=True)
    assert verdict() != ["prohibited"]
    # a sub-zone may be corrected in place: it is read from the line itself
    postgis.write_plan(plan, engine, schema="edited", replace=True)
    ask(engine, "update edited.ecological_red_line set subzone = 'general'")
    verdict()
    told = postgis.read_review(engine, schema="edited_review").findings.query("line == 'ecological_red_line'")
    assert set(told["subzone"]) == {"general", ""}
    # polygons without their pieces
    ask(engine, "delete from edited.ecological_red_line_pieces")
    with pytest.raises(SchemaError, match="was edited"):
        verdict()


def test_arcs_are_refused_in_words(engine):
    postgis.write_plan(chessboard_plan(red_line={"a1": "core"}), engine, schema="arcs")
    ask(engine, "create table arcs.round (site_id text, geometry geometry(Geometry, 4547))")
    circle = (
        "CURVEPOLYGON(CIRCULARSTRING(496000 3316000, 496500 3316500, 497000 3316000, 496500 3315500, 496000 3316000))"
    )
    ask(engine, "insert into arcs.round values ('o', st_geomfromtext(:circle, 4547))", circle=circle)
    with pytest.raises(SchemaError, match="row 0: geometry is a CURVEPOLYGON; draw it as lines"):
        postgis.check_sites_there(engine, "round", schema="arcs", plan_schema="arcs", out="arcs_review", on=DAY)
    with pytest.raises(SchemaError, match="draws arcs as lines"):
        postgis.read_table(engine, "round", schema="arcs")


@pytest.mark.parametrize("kind", ["GeometryM", "GeometryZM"])
def test_measures_change_no_verdict_and_make_no_shape_foreign(engine, tmp_path, kind):
    plan = chessboard_plan(red_line={"a1": "core"})
    sites = square("a1", "c3", activity="ordinary_build")
    where = f"measured {kind}"
    postgis.write_plan(plan, engine, schema=where)
    postgis.write_table(sites, engine, "flat", schema=where)
    force = {"GeometryM": "st_force3dm", "GeometryZM": "st_force4d"}[kind]
    arc = "CURVEPOLYGON(CIRCULARSTRING(496000 3316000, 496500 3316500, 497000 3316000, 496500 3315500, 496000 3316000))"
    ask(
        engine,
        f'create table "{where}".measured as select no, site_id, activity, {force}(geometry)::geometry({kind}, 4547) '  # noqa: S608 - names of this test
        f'as geometry from (select row_number() over () as no, site_id, activity, geometry from "{where}".flat '
        "union all select 3, 'round', 'ordinary_build', st_geomfromtext(:arc, 4547) "
        "union all select 4, 'many', 'ordinary_build', st_collect(st_point(1, 1, 4547), st_point(2, 2, 4547)) "
        "union all select 5, 'mixed', 'ordinary_build', "
        "st_geomfromtext('GEOMETRYCOLLECTION(POINT(496000 3316000))', 4547)) all_of_them",
        arc=arc,
    )
    ask(engine, f'alter table "{where}".measured add primary key (no)')
    with pytest.warns(EcozonesWarning, match="3 sites") as warned:
        told = postgis.check_sites_there(
            engine, "measured", schema=where, plan_schema=where, out=f"{where} out", on=DAY
        )
    assert {one.filename for one in warned} == {__file__}
    assert (told.rows_in, told.rows_refused) == (5, 3)
    review = postgis.read_review(engine, schema=f"{where} out")
    expected = ez.check_sites(sites, plan, on=DAY).verdicts
    assert dict(zip(review.verdicts["site_id"], review.verdicts["verdict"], strict=True)) == {
        "a1": "prohibited",
        "c3": "refer",
    }
    assert review.verdicts["area_m2"].tolist() == expected["area_m2"].tolist()
    refused = postgis.read_refused(engine, schema=f"{where} out").set_index("site_id")["reason"]
    assert refused["round"].startswith("geometry is a CURVEPOLYGON; draw it as lines")
    assert refused["mixed"].startswith("geometry is a collection")
    assert refused["many"].startswith("coordinates are degrees")
    with postgis.open_table(engine, "measured", schema=where) as table:
        ready = prepare(table, tmp_path / "ready", engine=1)
    report = ready.report()
    assert report.loc[report["done"] == "flattened", "row"].tolist()[:2] == [0, 1]
    assert ready.table("refused")["row"].tolist() == [2, 3, 4]


def test_heights_change_no_verdict_and_are_refused_where_they_would_be_lost(engine):
    plan = chessboard_plan(red_line={"a1": "core"})
    site = square("a1", activity="ordinary_build")
    tall = site.set_geometry(shapely.force_3d(site.geometry.to_numpy(), 7.0))
    with pytest.raises(SchemaError, match="rows 0 have heights"):
        postgis.write_table(tall, engine, "tall", schema="heights")
    postgis.write_plan(plan, engine, schema="heights")
    postgis.write_table(site, engine, "flat", schema="heights")
    ask(
        engine,
        "create table heights.tall as select site_id, activity, "
        "st_force3dz(geometry, 7)::geometry(GeometryZ, 4547) as geometry from heights.flat",
    )
    account = postgis.check_sites_there(engine, "tall", schema="heights", plan_schema="heights", out="tall", on=DAY)
    review = postgis.read_review(engine, schema="tall")
    assert (account.finished_here, review.verdicts["verdict"].tolist()) == (1, ["prohibited"])
    assert review.verdicts["area_m2"].tolist() == ez.check_sites(site, plan, on=DAY).verdicts["area_m2"].tolist()
