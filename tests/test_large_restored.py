"""Restoration registers in files: the numbers of a frame in memory, whatever the fragments, orders and engines."""

import subprocess
import sys

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecozones import ZoningPlan, measure_restored, read_projects
from ecozones.errors import InputError, RepairWarning, SchemaError
from ecozones.large import prepare
from ecozones.large import restored as module
from ecozones.large.restored import measure_restored_in
from ecozones.restoration.footprints import ground_components
from ecozones.testing import chessboard

CRS = "EPSG:4548"
X, Y = 500_000.0, 3_320_000.0
N = 80


def register(seed=1, n=N):
    """Patches in heaps: some overlap many times, some nothing."""
    rng = np.random.default_rng(seed)
    heap = rng.integers(0, 12, n)
    x = X + 3_000 * (heap % 4) + rng.uniform(0, 900, n)
    y = Y + 3_000 * (heap // 4) + rng.uniform(0, 900, n)
    shapes = shapely.buffer(shapely.points(x, y), rng.uniform(20, 300, n), quad_segs=4)
    shapes[5] = shapes[4]
    columns = {
        "project_id": [f"P{k}" for k in rng.integers(0, 20, n)],
        "patch_id": [f"b{k}" for k in range(n)],
        "programme": rng.choice(["A", "B"], n),
        "year": rng.choice([2020, 2021, np.nan], n),
        "type": rng.choice(["人工造林", "退化林修复"], n),
        "stated_area_m2": np.where(rng.uniform(size=n) < 0.7, rng.uniform(1e3, 1e5, n), np.nan),
    }
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS)


def districts():
    west, east = (
        shapely.box(X - 500, Y - 500, X + 4_400, Y + 9_000),
        shapely.box(X + 4_400, Y - 500, X + 8_000, Y + 9_000),
    )
    return gpd.GeoDataFrame({"district": ["west", "east"]}, geometry=[west, east], crs=CRS)


def stored(folder, frame):
    frame.to_parquet(folder / "register.parquet", index=False)
    return folder / "register.parquet"


def plain(table):
    out = pd.DataFrame(table).drop(columns=["geometry", "source_row"], errors="ignore").reset_index(drop=True)
    for column in out.columns:
        if pd.api.types.is_numeric_dtype(out[column]):
            out[column] = out[column].astype(float)
        else:
            text = out[column].astype(object)
            out[column] = text.where(text.notna(), "").astype(str).astype(object)
    return out


def same(got, expected):
    pd.testing.assert_frame_equal(plain(got), plain(expected), check_exact=True)


@pytest.mark.parametrize(
    "options",
    [
        {"by": "total"},
        {"by": "year", "attribution": "equal_split"},
        {"by": ["programme", "type"], "attribution": "earliest"},
        {"by": ["year", "programme"], "method": "geodesic"},
        {"by": "programme", "attribution": "priority", "priority": ["B"]},
    ],
)
def test_groups_of_a_file_are_those_of_the_frame(tmp_path, options):
    frame = register()
    run = measure_restored_in(stored(tmp_path, frame), tmp_path / "out", engine=1, rows=9, **options)
    same(run.groups(), measure_restored(frame, **options))
    assert run.components > 8
    assert run.fragments > 3
    assert (run.rows_in, run.rows_done) == (N, N)


def test_records_of_a_file_are_those_of_the_frame(tmp_path):
    frame = register()
    run = measure_restored_in(stored(tmp_path, frame), tmp_path / "out", attribution="largest", engine=1, rows=9)
    expected = measure_restored(frame, attribution="largest")
    table = run.table("records")
    same(table[[*expected.columns.drop("geometry")]], expected)
    assert table["source_row"].tolist() == list(range(N))
    assert shapely.equals_exact(table.geometry.to_numpy(), frame.geometry.to_numpy()).all()


def test_groups_by_district(tmp_path):
    frame = register()
    options = {"by": ["district", "year"], "districts": districts(), "attribution": "latest"}
    run = measure_restored_in(stored(tmp_path, frame), tmp_path / "out", engine=1, rows=15, **options)
    same(run.groups(), measure_restored(frame, **options))


def test_records_against_a_plan(tmp_path):
    frame = register()
    line = gpd.GeoDataFrame({"feature_id": ["r"]}, geometry=[shapely.box(X, Y, X + 2_000, Y + 7_000)], crs=CRS)
    plan = ZoningPlan.from_layers({"permanent_basic_farmland": line}, extent=districts())
    options = {"plan": plan, "on": "2026-01-01"}
    run = measure_restored_in(stored(tmp_path, frame), tmp_path / "out", engine=1, rows=11, **options)
    expected = measure_restored(frame, **options)
    same(run.table("records")[[*expected.columns.drop("geometry")]], expected)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 99), rows=st.integers(1, N + 9), order=st.integers(0, 99))
def test_any_fragment_size_and_row_order(tmp_path_factory, seed, rows, order):
    folder = tmp_path_factory.mktemp("any")
    frame = register(seed)
    shuffled = frame.iloc[np.random.default_rng(order).permutation(N)]
    run = measure_restored_in(stored(folder, shuffled), folder / "out", by="year", engine=1, rows=rows)
    same(run.groups(), measure_restored(frame, by="year"))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 9_999), block=st.integers(1, 70))
def test_components_of_strips_are_those_of_the_whole(seed, block):
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 40, (60, 2))
    boxes = np.c_[low, low + rng.exponential(3, (60, 2))]
    boxes[rng.integers(0, 60, 3)] = np.nan
    # touching counts
    boxes[7] = [*boxes[8, 2:], *(boxes[8, 2:] + 1)]
    kept = module._BLOCK
    module._BLOCK = block
    try:
        found = module._components(boxes)
    finally:
        module._BLOCK = kept
    assert found.tolist() == ground_components(boxes).tolist()


def test_engines_and_second_runs(tmp_path):
    path = stored(tmp_path, register())
    one = measure_restored_in(path, tmp_path / "one", engine=1, rows=20)
    pool = measure_restored_in(path, tmp_path / "pool", engine=2, rows=20)
    parts = [{file.name: file.read_bytes() for file in (run.folder / "records").iterdir()} for run in (one, pool)]
    # the case names folders of its own, and nothing else does
    assert sorted(map(len, parts)) == [one.fragments] * 2
    same(one.table("records"), pool.table("records"))
    assert measure_restored_in(path, tmp_path / "one", engine=1, rows=20).resumed == one.fragments
    other = measure_restored_in(path, tmp_path / "one", engine=1, rows=20, attribution="earliest")
    assert other.resumed == 0


def test_records_that_cannot_be_measured_are_put_aside(tmp_path):
    frame = register().astype({"year": object})
    frame.loc[3, "project_id"] = None
    frame.loc[7, "geometry"] = None
    frame["year"] = frame["year"].map(lambda value: None if pd.isna(value) else str(int(value)))
    frame.loc[11, "year"] = "last year"
    with pytest.warns(RepairWarning, match="of 80 rows 1 hold no polygon"):
        run = measure_restored_in(stored(tmp_path, frame), tmp_path / "out", by="total", engine=1, rows=20)
    refused = run.table("refused")
    assert refused["row"].tolist() == [3, 7, 11]
    assert ["missing" in refused["reason"][0], "year 'last year' is no year" in refused["reason"][2]] == [True, True]
    same(run.groups(), measure_restored(frame.drop(index=[3, 7, 11]), by="total"))
    report = pd.read_parquet(tmp_path / "out" / "ready" / "report.parquet")
    assert report["row"].tolist() == [7]


def test_a_component_too_large_for_memory_is_refused_with_what_to_do(tmp_path):
    path = stored(tmp_path, register())
    with pytest.raises(InputError, match=r"hang together .* largest="):
        measure_restored_in(path, tmp_path / "out", by="total", engine=1, largest=3)


def test_what_cannot_be_grouped_is_refused(tmp_path):
    path = stored(tmp_path, register())
    with pytest.raises(SchemaError, match="nowhere"):
        measure_restored_in(path, tmp_path / "out", by="nowhere", engine=1)
    with pytest.raises(InputError, match="district"):
        measure_restored_in(path, tmp_path / "out", by="year", districts=districts())
    with pytest.raises(InputError, match="groups by nothing"):
        measure_restored_in(path, tmp_path / "out", by=[])
    with pytest.raises(InputError, match="fairest"):
        measure_restored_in(path, tmp_path / "out", by="year", attribution="fairest")
    with pytest.raises(InputError, match="by="):
        measure_restored_in(path, tmp_path / "out", engine=1).groups()


def test_another_layout_and_other_districts_are_another_run(tmp_path):
    path, out = stored(tmp_path, register()), tmp_path / "out"
    measure_restored_in(path, out, engine=1)
    parted = measure_restored_in(path, out, engine=1, partition_by="programme")
    assert {part.parent.name for part in (out / "records").rglob("*.parquet")} == {"programme=A", "programme=B"}
    assert (parted.resumed, len(parted.table("records"))) == (0, N)
    # the same numbers in the zone of six degrees: the same coordinates, and other ground
    near, far = districts(), districts().set_crs("EPSG:4509", allow_override=True)
    measure_restored_in(path, out, engine=1, by="district", districts=near)
    moved = measure_restored_in(path, out, engine=1, by="district", districts=far)
    assert moved.resumed == 0
    pd.testing.assert_frame_equal(
        moved.groups()[["footprint_ha"]],
        pd.DataFrame(measure_restored(register(), by="district", districts=far))[["footprint_ha"]],
    )


def test_what_a_plan_says_of_the_ground_is_part_of_the_run(tmp_path):
    path, out = stored(tmp_path, register()), tmp_path / "out"
    lines = {"ecological_red_line": districts().assign(feature_id=["1", "2"], subzone="core")}
    extent = gpd.GeoDataFrame(geometry=[shapely.box(X - 500, Y - 500, X + 8_000, Y + 9_000)], crs=CRS)
    half = gpd.GeoDataFrame(geometry=[shapely.box(X - 500, Y - 500, X + 8_000, Y + 3_000)], crs=CRS)
    whole = ZoningPlan.from_layers(lines, extent=extent)
    partly = ZoningPlan.from_layers(lines, extent=extent, coverage={"ecological_red_line": half})
    one = measure_restored_in(path, out, engine=1, plan=whole, on="2026-06-01").table("records")
    run = measure_restored_in(path, out, engine=1, plan=partly, on="2026-06-01")
    assert run.resumed == 0
    assert (run.table("records")["undetermined_ha"].sum(), one["undetermined_ha"].sum()) == pytest.approx(
        tuple(
            measure_restored(register(), plan=plan, on="2026-06-01")["undetermined_ha"].sum()
            for plan in (partly, whole)
        )
    )
    assert measure_restored_in(path, out, engine=1, plan=partly, on="2026-06-02").resumed == 0


@pytest.mark.parametrize("by", ["project_id", "what", "value", "rows"])
def test_any_column_may_name_the_groups(tmp_path, by):
    frame = register().assign(what=list("ab") * 40, value=[1, 2] * 40, rows=[3, 4] * 40)
    large = measure_restored_in(stored(tmp_path, frame), tmp_path / "out", engine=1, by=by, rows=20).groups()
    same(large, measure_restored(frame, by=by))


@pytest.mark.parametrize(
    ("dress", "ending"),
    # a GeoPackage holds no spans of time
    [(dress, ending) for dress in ("text", "ISO days", "days", "dates") for ending in ("parquet", "gpkg")]
    + [("spans", "parquet")],
)
def test_years_in_any_dress_are_those_of_the_frame_in_memory(tmp_path, dress, ending):
    days = pd.Series(pd.to_datetime(["2024-03-01", "2025-05-01"] * (N // 2)))
    dressed = {
        "text": days.dt.year.astype(str),
        "ISO days": days.dt.strftime("%Y-%m-%d"),
        "days": days,
        "dates": days.dt.date,
        "spans": days.dt.to_period("Y"),
    }
    frame = register().assign(year=dressed[dress])
    path = tmp_path / f"register.{ending}"
    if ending == "parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_file(path)
    expected = measure_restored(register().assign(year=days.dt.year), by="year")
    assert expected["year"].tolist() == [2024, 2025]
    for in_memory in (frame, read_projects(frame), read_projects(path)):
        same(measure_restored(in_memory, by="year"), expected)
    same(measure_restored_in(path, tmp_path / "out", engine=1, by="year", rows=30).groups(), expected)


def test_a_register_without_records_has_its_columns(tmp_path):
    path = stored(tmp_path, register().iloc[:0])
    records = measure_restored_in(path, tmp_path / "out", engine=1).table("records")
    assert {"source_row", *measure_restored(register().iloc[:0]).columns} == set(records.columns)
    groups = measure_restored_in(path, tmp_path / "out", engine=1, by="year").groups()
    assert (len(groups), groups.columns[0]) == (0, "year")


def test_rows_without_a_place_are_accounted_for(tmp_path):
    frame = register()
    frame.loc[3, "geometry"], frame.loc[7, "geometry"] = None, shapely.Point(X, Y)
    frame.loc[9, "project_id"] = None
    frame.loc[12, "geometry"] = shapely.box(0, 0, 10, 10)
    frame.loc[13, "geometry"] = shapely.Polygon([(X, Y), (np.inf, Y), (X, Y + 1)])
    bad = [3, 7, 9, 12, 13]
    with pytest.warns(RepairWarning, match=r"register.parquet: of 80 rows 4 hold no polygon with a place and are left"):
        run = measure_restored_in(stored(tmp_path, frame), tmp_path / "out", by="total", engine=1, rows=20)
    same(run.groups(), measure_restored(frame.drop(index=bad), by="total"))
    assert (run.rows_in, run.rows_done, run.rows_refused) == (N, N - 5, 5)
    assert run.summary()[["rows_in", "rows_done", "rows_refused"]].sum().tolist() == [N, N - 5, 5]
    refused = run.table("refused")
    assert refused["row"].tolist() == bad
    told = ["no geometry", "Point where a polygon should be", "project_id is missing", "degrees", "no numbers"]
    for reason, word in zip(refused["reason"], told, strict=True):
        assert word in reason
    # of a register that was prepared before, what it lost is in the account too
    again = measure_restored_in(tmp_path / "out" / "ready", tmp_path / "again", by="total", engine=1)
    assert (again.rows_in, again.rows_done, again.rows_refused) == (N, N - 5, 5)
    assert again.table("refused")["row"].tolist() == bad


def test_a_record_that_cannot_come_to_the_plan_is_put_aside_under_its_own_number(tmp_path):
    frame = register().to_crs("EPSG:4490").sample(frac=1, random_state=3).reset_index(drop=True)
    # a place in degrees, and none in a zone of China
    frame.loc[41, "geometry"] = shapely.box(-60.0, 10.0, -59.99, 10.01)
    line = gpd.GeoDataFrame({"feature_id": ["r"]}, geometry=[shapely.box(X, Y, X + 2_000, Y + 7_000)], crs=CRS)
    plan = ZoningPlan.from_layers({"permanent_basic_farmland": line}, extent=districts())
    options = {"plan": plan, "on": "2026-01-01"}
    run = measure_restored_in(stored(tmp_path, frame), tmp_path / "out", engine=1, rows=30, **options)
    assert run.table("refused")["row"].tolist() == [41]
    expected = measure_restored(frame.drop(index=41), **options)
    records = run.table("records")
    assert records["source_row"].tolist() == expected.index.tolist()
    same(records[[*expected.columns.drop("geometry")]], expected)


SCRIPT = """
import os, signal, sys
from ecozones.large import prepare
from ecozones.large import restored as module

if __name__ == "__main__":
    seen = []
    honest = module.measure_fragment
    def die(fragment):
        seen.append(fragment)
        if len(seen) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return honest(fragment)
    module.measure_fragment = die
    module.measure_restored_in(sys.argv[1], sys.argv[2], engine=1, rows=9, method=sys.argv[3])
"""


@pytest.mark.parametrize("method", ["national", "geodesic"])
def test_nothing_is_left_of_a_run_that_was_killed(tmp_path, method):
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    path, out = stored(tmp_path, register()), tmp_path / "out"
    done = subprocess.run([sys.executable, tmp_path / "script.py", path, out, method], check=False)
    assert done.returncode == -9
    assert len(list(out.glob("_order-*.npy"))) == 1
    run = measure_restored_in(path, out, engine=1, rows=9)
    assert run.resumed == (2 if method == "national" else 0)
    assert {one.name for one in out.iterdir()} == {
        "_lock", "_receipts", "_records", "_run.json", "ready", "records", "refused"
    }  # fmt: skip
    assert not [one for one in out.rglob("*") if one.suffix in {".npy", ".pickle", ".unfinished"}]


def test_another_order_of_programmes_is_another_run_however_it_is_given(tmp_path):
    board = chessboard(2).iloc[[0, 0, 1]].assign(project_id=["P1", "P2", "P3"], programme=["A", "B", "A"])
    board.to_parquet(tmp_path / "register.parquet")

    def counted(priority):
        given = {"by": "programme", "attribution": "priority", "priority": priority, "engine": 1}
        groups = measure_restored_in(tmp_path / "register.parquet", tmp_path / "out", **given).groups()
        return dict(zip(groups["programme"], groups["counted_ha"].round(1), strict=True))

    assert counted(iter(["A", "B"])) == {"A": 200.0, "B": 0.0}
    assert counted(iter(["B", "A"])) == {"A": 100.0, "B": 100.0}
    assert counted(("A", "B")) == {"A": 200.0, "B": 0.0}


def test_a_road_in_a_register_hangs_no_records_together(tmp_path):
    board = chessboard(3).assign(project_id=[f"P{row}" for row in range(9)])
    # each by itself, but for a line that runs past all of them
    board["geometry"] = board.geometry.buffer(-100)
    west, south, east, north = board.total_bounds
    board.loc[4, "geometry"] = shapely.LineString([(west, south), (east, north)])
    board.to_parquet(tmp_path / "register.parquet")
    prepare(tmp_path / "register.parquet", tmp_path / "ready", engine=1)
    with pytest.warns(RepairWarning, match="of 9 rows 1 hold no polygon"):
        run = measure_restored_in(tmp_path / "ready", tmp_path / "out", engine=1, largest=1)
    assert (run.rows_in, run.rows_done, run.components) == (9, 8, 8)
    assert run.table("refused")["row"].tolist() == [4]
