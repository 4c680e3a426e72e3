"""Conflicts of lines in files: the table of a plan in memory, whatever the fragments, slivers judged over the whole."""

import subprocess
import sys

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecozones import ZoningPlan, find_conflicts, total_conflicts
from ecozones.errors import CRSError, EcozonesWarning, EngineError, RepairWarning, SchemaError
from ecozones.large.conflicts import find_conflicts_in
from ecozones.large.preparing import prepare

CRS = "EPSG:4548"
RED, FARM, URBAN = "ecological_red_line", "permanent_basic_farmland", "urban_development_boundary"
X, Y = 500_000.0, 3_320_000.0


def layers(seed=3, n=60):
    """Fields in a grid; a winding red line; a town whose edge follows the fields at a hand's breadth."""
    rng = np.random.default_rng(seed)
    i, j = np.meshgrid(np.arange(10), np.arange(n // 10))
    x, y = X + 200.0 * i.ravel(), Y + 200.0 * j.ravel()
    farm = gpd.GeoDataFrame(
        {"feature_id": [f"f{k}" for k in rng.permutation(n)], "deduction": rng.choice([0.1, np.nan], n)},
        geometry=shapely.box(x, y, x + 200, y + 200),
        crs=CRS,
    )
    blobs = shapely.buffer(
        shapely.points(X + rng.uniform(0, 2_000, 5), Y + rng.uniform(0, 1_200, 5)),
        rng.uniform(100, 500, 5),
        quad_segs=150,
    )
    red = gpd.GeoDataFrame(
        {"feature_id": list("abcde"), "subzone": ["core", "general", "core", "general", None]}, geometry=blobs, crs=CRS
    )
    # reaches 5 cm into a row of fields, and broadly into one field at its end: one stretch of ground
    town = shapely.union_all(
        [shapely.box(X - 500, Y - 700, X + 1_800, Y + 0.05), shapely.box(X + 1_600, Y, X + 1_799, Y + 150)]
    )
    strip = shapely.box(X + 100, Y + 1_199.97, X + 1_900, Y + 1_500)
    urban = gpd.GeoDataFrame(
        {"feature_id": ["town", "strip"], "subzone": ["concentrated", "flexible"]}, geometry=[town, strip], crs=CRS
    )
    return {RED: red, FARM: farm, URBAN: urban}


def districts():
    return gpd.GeoDataFrame(
        {"district": ["west", "east"]},
        geometry=[
            shapely.box(X - 5_000, Y - 5_000, X + 930, Y + 5_000),
            shapely.box(X + 930, Y - 5_000, X + 1_700, Y + 5_000),
        ],
        crs=CRS,
    )


def plain(table):
    out = pd.DataFrame(table).copy()
    for column in out.columns:
        if column == "geometry":
            out[column] = shapely.to_wkb(out[column].to_numpy(), hex=True)
        elif not pd.api.types.is_numeric_dtype(out[column]):
            text = out[column].astype(object)
            out[column] = text.where(text.notna(), "").astype(str).astype(object)
    return out


def stored(folder, frames, order=None):
    paths = {}
    for line, frame in frames.items():
        rows = frame if order is None else frame.iloc[np.random.default_rng(order).permutation(len(frame))]
        paths[line] = folder / f"{line}.parquet"
        rows.to_parquet(paths[line])
    return paths


@pytest.mark.parametrize("by_district", [False, True])
def test_conflicts_of_files_are_those_of_a_plan(tmp_path, by_district):
    frames = layers()
    split = districts() if by_district else None
    expected = find_conflicts(ZoningPlan.from_layers(frames), districts=split)
    run = find_conflicts_in(stored(tmp_path, frames), tmp_path / "out", districts=split, engine=1, rows=7)
    pd.testing.assert_frame_equal(plain(run.table()), plain(expected), check_exact=True)
    assert len(expected) > 40
    assert expected["artefact"].nunique() == 2
    assert expected.crs == run.table().crs


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 99), rows=st.integers(1, 70), order=st.integers(0, 99))
def test_any_fragment_size_and_row_order(tmp_path_factory, seed, rows, order):
    folder = tmp_path_factory.mktemp("any")
    frames = layers(seed)
    expected = find_conflicts(ZoningPlan.from_layers(frames), lines=[FARM, URBAN, RED])
    run = find_conflicts_in(stored(folder, frames, order), folder / "out", engine=1, rows=rows)
    pd.testing.assert_frame_equal(plain(run.table()), plain(expected), check_exact=True)


def test_slivers_are_judged_with_their_company_in_other_fragments(tmp_path):
    frames = {line: frame for line, frame in layers().items() if line != RED}
    expected = find_conflicts(ZoningPlan.from_layers(frames))
    run = find_conflicts_in(stored(tmp_path, frames), tmp_path / "out", engine=1, rows=1)
    table = run.table()
    pd.testing.assert_frame_equal(plain(table), plain(expected), check_exact=True)
    town, strip = (table[table["feature_b"] == name] for name in ("town", "strip"))
    # 5 cm along nine fields are no noise where they go on in a broad conflict; 3 cm along a strip alone are
    assert not town["artefact"].any()
    assert len(town) == 9
    assert strip["artefact"].all()
    assert run.slivers == (18, 8)


def test_engines_and_second_runs(tmp_path):
    frames = layers()
    paths = {line: tmp_path / f"ready-{line}" for line in frames}
    for line, path in stored(tmp_path, frames).items():
        prepare(path, paths[line], line=line, engine=1, part_rows=25)
    one = find_conflicts_in(paths, tmp_path / "one", engine=1, rows=16)
    pool = find_conflicts_in(paths, tmp_path / "pool", engine=2, rows=16)
    parts = [
        {path.name: path.read_bytes() for path in sorted((run.folder / "conflicts").rglob("*.parquet"))}
        for run in (one, pool)
    ]
    assert parts[0] == parts[1]
    again = find_conflicts_in(paths, tmp_path / "one", engine=1, rows=16)
    assert again.resumed == again.fragments == one.fragments
    before = again.table()["artefact"].sum()
    other = find_conflicts_in(paths, tmp_path / "one", engine=1, rows=16, ignore_below_m2=1e9)
    assert other.resumed == 0
    assert other.table()["artefact"].sum() > before
    assert one.rows_in == one.rows_done == sum(int(one.summary()["rows_in"].iloc[i]) for i in range(one.fragments))


def test_totals_count_ground_once(tmp_path):
    frames = layers()
    frames[RED] = pd.concat([frames[RED], frames[RED].iloc[:2].assign(feature_id=["x", "y"])], ignore_index=True)
    run = find_conflicts_in(stored(tmp_path, frames), tmp_path / "out", engine=1, rows=11)
    got, expected = run.totals(unit="ha"), total_conflicts(find_conflicts(ZoningPlan.from_layers(frames)), unit="ha")
    assert got["line_a"].tolist() == expected["line_a"].tolist()
    assert got["pairs"].tolist() == expected["pairs"].tolist()
    for name in ("sum_m2", "union_m2", "again_m2", "real_m2", "artefact_m2"):
        np.testing.assert_allclose(got[name], expected[name], rtol=1e-9, atol=1e-3)
    assert (got["again_m2"] > 1_000).any()
    assert got["error_m2"].abs().max() < 1e-3
    assert got["union_ha"].tolist() == pytest.approx(expected["union_ha"].tolist(), abs=0.01)


def test_parts_in_folders_by_district(tmp_path):
    run = find_conflicts_in(
        stored(tmp_path, layers()), tmp_path / "out", districts=districts(), partition_by="district", engine=1, rows=20
    )
    names = {path.name for path in (tmp_path / "out" / "conflicts").iterdir()}
    assert names == {"district=west", "district=east", "district=%00"}
    expected = find_conflicts(ZoningPlan.from_layers(layers()), districts=districts())
    assert len(run.table()) == len(expected)


def test_lines_that_do_not_meet_and_empty_lines(tmp_path):
    frames = layers()
    frames[URBAN] = frames[URBAN].set_geometry(frames[URBAN].translate(50_000, 0))
    run = find_conflicts_in(stored(tmp_path, frames), tmp_path / "out", lines=[FARM, URBAN], engine=1)
    assert len(run.table()) == 0
    frames[URBAN] = frames[URBAN].iloc[:0]
    run = find_conflicts_in(stored(tmp_path, frames), tmp_path / "empty", engine=1)
    assert set(run.table()["line_b"]) == {FARM}


def test_what_cannot_be_compared_is_refused(tmp_path):
    frames = layers()
    paths = stored(tmp_path, frames)
    with pytest.raises(SchemaError, match="not declared"):
        find_conflicts_in({"nowhere": paths[RED]}, tmp_path / "out")
    with pytest.raises(SchemaError, match="no layer"):
        find_conflicts_in({RED: paths[RED]}, tmp_path / "out", lines=[RED, FARM])
    frames[FARM].to_crs("EPSG:4490").to_parquet(paths[FARM])
    with pytest.raises(CRSError, match=FARM):
        find_conflicts_in(paths, tmp_path / "out", engine=1)


def test_districts_in_another_crs_are_another_run(tmp_path):
    places = {}
    for line, frame in layers().items():
        frame.to_parquet(tmp_path / f"{line}.parquet")
        places[line] = tmp_path / f"{line}.parquet"
    near = districts()
    far = near.set_crs("EPSG:4509", allow_override=True)
    find_conflicts_in(places, tmp_path / "out", districts=near, engine=1)
    run = find_conflicts_in(places, tmp_path / "out", districts=far, engine=1)
    expected = find_conflicts(ZoningPlan.from_layers(layers()), districts=far)
    assert run.resumed == 0
    assert run.table()["area_m2"].tolist() == expected["area_m2"].tolist()


def spoilt(frame):
    """Take the place of four features: no shape, off the map, a coordinate that is none, an endless one."""
    shapes = frame.geometry.to_numpy().copy()
    with np.errstate(invalid="ignore"):
        shapes[2] = shapely.Polygon([(X, Y), (np.nan, Y), (X, Y + 1)])
        shapes[3] = shapely.Polygon([(X, Y), (np.inf, Y), (X, Y + 1)])
    shapes[0], shapes[1] = None, shapely.box(0, 0, 10, 10)
    return frame.set_geometry(shapes, crs=frame.crs)


def contents(folder):
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.parent.name != "_records"}


@pytest.mark.parametrize("bad", [FARM, URBAN])
def test_a_feature_without_a_place_is_listed_counted_and_told_and_the_others_have_their_answer(tmp_path, bad):
    # one of the two lines asks, and the other is asked: what is lost of either is said
    frames = {line: frame for line, frame in layers().items() if line != RED}
    more = pd.concat([frames[URBAN], frames[URBAN].translate(0, 90_000).to_frame("geometry")], ignore_index=True)
    frames[URBAN] = more.assign(feature_id=["town", "strip", "far", "farther"], subzone="flexible")
    frames[bad] = pd.concat([frames[bad].iloc[:4], frames[bad]], ignore_index=True)
    expected = find_conflicts(ZoningPlan.from_layers({**frames, bad: frames[bad].iloc[4:]}))
    frames[bad] = spoilt(frames[bad])
    paths = stored(tmp_path, frames)
    told = f"4 features of {bad} have no place .* whether they are in conflict is not known"
    with pytest.warns(EcozonesWarning, match=told), pytest.warns(RepairWarning, match=f"{bad}: of .* rows 4 hold no"):
        run = find_conflicts_in(paths, tmp_path / "out", engine=1, rows=7)
    columns = ["relation", "area_m2", "artefact", "share_a", "share_b"]
    pd.testing.assert_frame_equal(plain(run.table()[columns]), plain(expected[columns]), check_exact=True)
    # nine fields under the town, ten under the strip
    assert len(expected) == 19
    refused = run.table("refused")
    assert refused["line"].tolist() == [bad] * 4
    assert refused["row"].tolist() == [0, 1, 2, 3]
    for reason, word in zip(refused["reason"], ["no geometry", "degrees", "no numbers", "no numbers"], strict=True):
        assert word in reason
    assert run.rows_refused == 4
    assert run.rows_in == run.rows_done + 4
    assert run.summary()[["rows_in", "rows_done", "rows_refused"]].sum().tolist() == [
        run.rows_in, run.rows_done, run.rows_refused
    ]  # fmt: skip
    # a layer that was prepared before is no excuse to be silent
    ready = {line: tmp_path / "out" / "lines" / line for line in frames}
    with pytest.warns(EcozonesWarning, match=told):
        again = find_conflicts_in(ready, tmp_path / "again", engine=1, rows=50)
    assert again.table("refused").equals(refused)
    assert len(again.table()) == 19


def test_a_line_of_which_nothing_has_a_place_is_an_error_and_not_free_of_conflict(tmp_path):
    frames = layers()
    frames[URBAN] = (
        frames[URBAN].set_crs("EPSG:4527", allow_override=True).set_geometry([shapely.box(0, 0, 10, 10)] * 2, crs=CRS)
    )
    with pytest.raises(EngineError, match=r"not one of 2 rows has an answer.* degrees"):
        find_conflicts_in(stored(tmp_path, frames), tmp_path / "out", engine=1)


def test_a_line_without_a_place_beside_an_empty_one(tmp_path):
    frames = {line: frame for line, frame in layers().items() if line != RED}
    frames = {FARM: spoilt(frames[FARM]), URBAN: frames[URBAN].iloc[:0]}
    with pytest.warns(EcozonesWarning, match="4 features"), pytest.warns(RepairWarning):
        run = find_conflicts_in(stored(tmp_path, frames), tmp_path / "out", engine=1)
    assert (len(run.table()), run.rows_in, run.rows_done, run.rows_refused) == (0, 60, 56, 4)


def test_a_finished_run_keeps_its_tables_and_nothing_of_the_way(tmp_path):
    frames = layers()
    paths, out = stored(tmp_path, frames), tmp_path / "out"
    run = find_conflicts_in(paths, out, engine=1, rows=16)
    assert {path.name for path in out.iterdir()} == {
        "_lock", "_receipts", "_records", "_run.json", "conflicts", "lines", "refused"
    }  # fmt: skip
    assert not list(out.rglob("*.pickle"))
    before = contents(out)
    again = find_conflicts_in(paths, out, engine=1, rows=16)
    assert (again.resumed, again.slivers) == (run.fragments, run.slivers)
    assert run.slivers[0] > run.slivers[1] > 0
    assert contents(out) == before
    # a part that was torn since is told again, from the beginning of the way
    part = next(path for path in sorted((out / "conflicts").iterdir()) if path.stat().st_size > 0)
    part.write_bytes(b"torn")
    mended = find_conflicts_in(paths, out, engine=1, rows=16)
    assert mended.resumed == run.fragments - 1
    assert contents(out) == before


SCRIPT = """
import os, pathlib, signal, sys
from ecozones.large import find_conflicts_in
from ecozones.large import shared_ground as module

if __name__ == "__main__":
    seen = []
    honest = getattr(module, sys.argv[3])
    def die(fragment):
        seen.append(fragment)
        if len(seen) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return honest(fragment)
    setattr(module, sys.argv[3], die)
    folder = pathlib.Path(sys.argv[1])
    layers = {path.stem: path for path in folder.glob("*.parquet")}
    find_conflicts_in(layers, sys.argv[2], engine=1, rows=7)
"""


@pytest.mark.parametrize("step", ["find_fragment", "tell_fragment"])
def test_a_run_that_was_killed_goes_on_and_leaves_nothing(tmp_path, step):
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    paths, out = stored(tmp_path, layers()), tmp_path / "out"
    done = subprocess.run([sys.executable, tmp_path / "script.py", tmp_path, out, step], check=False)
    assert done.returncode == -9
    assert (out / "_work").is_dir()
    (out / "conflicts").mkdir(exist_ok=True)
    (out / "conflicts" / "part-000009-0123456789ab.parquet.0.unfinished").write_bytes(b"half")
    run = find_conflicts_in(paths, out, engine=1, rows=7)
    quiet = find_conflicts_in(paths, tmp_path / "quiet", engine=1, rows=7)
    assert run.resumed == (2 if step == "tell_fragment" else 0)
    assert contents(out) == contents(tmp_path / "quiet")
    assert quiet.slivers == run.slivers


def test_no_line_at_all_is_refused(tmp_path):
    with pytest.raises(SchemaError, match="no line was given"):
        find_conflicts_in({}, tmp_path / "none", engine=1)


@pytest.mark.filterwarnings("ignore:permanent_basic_farmland. of 60 rows 2")
@pytest.mark.parametrize("line", [None, FARM])
def test_features_that_an_earlier_step_refused_are_still_told(tmp_path, line):
    frames = layers()
    farm = frames[FARM]
    farm.loc[[4, 40], "geometry"] = None
    for name in (RED, FARM):
        frames[name].to_parquet(tmp_path / f"{name}.parquet")
    prepare(tmp_path / f"{FARM}.parquet", tmp_path / "ready", line=line, engine=1)
    given = {RED: tmp_path / f"{RED}.parquet", FARM: tmp_path / "ready"}
    with pytest.warns(EcozonesWarning, match="2 features of permanent_basic_farmland have no place") as told:
        run = find_conflicts_in(given, tmp_path / "out", engine=1)
    assert run.table("refused")[["line", "row"]].to_numpy().tolist() == [[FARM, 4], [FARM, 40]]
    assert (run.rows_in - run.rows_done, run.rows_refused) == (2, 2)
    assert {one.filename for one in told} == {__file__}


def test_one_line_has_no_pair_and_its_refused_rows_are_told(tmp_path):
    farm = layers()[FARM]
    farm.loc[4, "geometry"] = None
    farm.to_parquet(tmp_path / "farm.parquet")
    with pytest.warns(EcozonesWarning) as told:
        run = find_conflicts_in({FARM: tmp_path / "farm.parquet"}, tmp_path / "out", engine=1)
    assert any("one line and has no pair" in str(one.message) for one in told)
    assert run.table("refused")[["line", "row"]].to_numpy().tolist() == [[FARM, 4]]
    assert (run.rows_in, run.rows_done, run.rows_refused, len(run.table())) == (1, 0, 1, 0)
