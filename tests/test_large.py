"""Sites in files: any fragment, any engine, any order, any interruption give the bytes of one quiet process."""

import dataclasses
import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from test_engines import assert_reviews_equal

from ecozones import check_sites
from ecozones.engines import fragments as fragments_module
from ecozones.engines import run
from ecozones.engines.fragments import Fragment
from ecozones.errors import EngineError, InputError, RepairWarning, SchemaError
from ecozones.large import asked as asked_module
from ecozones.large import check_sites_in, check_sites_on
from ecozones.large import run as run_module
from ecozones.large import sites as sites_module
from ecozones.large.sites import TABLES
from ecozones.schema import table as schema_table
from ecozones.testing import BOARD_CRS, chessboard_plan

DAY = "2026-06-01"
N = 36


@pytest.fixture(scope="module")
def plan():
    return chessboard_plan(
        red_line={"a1": "core", "b2": "general"}, farmland=["c3", "d4"], urban={"e5": "concentrated", "f6": "flexible"}
    )


@pytest.fixture(scope="module")
def sites():
    rng = np.random.default_rng(5)
    x, y = 496_000 + rng.uniform(-500, 8_300, N), 3_316_000 + rng.uniform(-500, 8_300, N)
    size = rng.uniform(5, 900, N)
    shapes = shapely.box(x, y, x + size, y + rng.permutation(size)).astype(object)
    shapes[::7] = shapely.centroid(shapes[::7])
    shapes[3::7] = shapely.boundary(shapes[3::7])
    columns = {
        "site_id": [f"s{i}" for i in range(N)],
        "name": [None if i % 3 else f"地块{i}" for i in range(N)],
        "activity": ["ordinary_build" if i % 2 else None for i in range(N)],
    }
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=BOARD_CRS)


@pytest.fixture
def path(sites, tmp_path):
    sites.to_parquet(tmp_path / "sites.parquet", row_group_size=17)
    return tmp_path / "sites.parquet"


def contents(folder):
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        # seconds differ from run to run, and the lock is empty
        if file.is_file() and file.parent.name != "_records" and file.name != "_lock"
    }


def part(out, table, number):
    (found,) = (out / table).glob(f"part-{number:06d}-*")
    return found


def plain(table):
    """A table as text and numbers, whatever kinds its columns came in."""
    out = pd.DataFrame(table).copy()
    for column in out.columns:
        if column == "geometry":
            out[column] = shapely.to_wkb(out[column].to_numpy(), hex=True)
        elif not pd.api.types.is_numeric_dtype(out[column]):
            text = out[column].astype(object)
            out[column] = [("" if pd.isna(value) else str(value).removesuffix(" 00:00:00")) for value in text]
    return out


@pytest.mark.parametrize("rows", [6, 17, 1_000])
def test_fragments_of_any_size_make_the_tables_of_one_process(path, sites, plan, tmp_path, rows):
    review = check_sites_in(path, plan, tmp_path / "out", on=DAY, engine=1, rows=rows)
    expected = check_sites(sites, plan, on=DAY)
    assert (review.rows_in, review.rows_done, review.rows_refused) == (N, N, 0)
    for name in TABLES:
        pd.testing.assert_frame_equal(plain(review.table(name)), plain(getattr(expected, name)), check_exact=True)


@pytest.mark.parametrize("rows", [5, 100])
def test_sites_in_memory_get_the_very_review_on_any_engine(sites, plan, rows):
    twisted = sites.copy()
    twisted.loc[1, "geometry"] = shapely.Polygon([(496_000, 3_316_000), (496_100, 3_316_100), (496_100, 3_316_000),
                                                  (496_000, 3_316_100)])  # fmt: skip
    twisted["width_m"] = [8.0 if i % 7 == 3 else None for i in range(N)]
    twisted.index = [f"row {i}" for i in range(N)]
    with pytest.warns(RepairWarning, match="1 of 2") as told:
        expected = check_sites(twisted, plan, on=DAY, setback_m=50.0)
    assert len(told) == 1
    with ThreadPoolExecutor(2) as executor, pytest.warns(RepairWarning, match="1 of 2") as told:
        review = check_sites_on(twisted, plan, executor, on=DAY, rows=rows, setback_m=50.0)
    assert len(told) == 1
    assert_reviews_equal(review, expected)


def test_sites_in_memory_get_the_very_review_from_other_processes(sites, plan):
    expected = check_sites(sites, plan, on=DAY)
    assert_reviews_equal(check_sites_on(sites, plan, 2, on=DAY, rows=9), expected)
    assert_reviews_equal(check_sites_on(sites, plan, on=DAY), expected)
    nobody = sites.iloc[:0]
    assert_reviews_equal(check_sites_on(nobody, plan, "processes", on=DAY), check_sites(nobody, plan, on=DAY))


def test_sites_in_memory_are_refused_in_the_same_words_on_any_engine(sites, plan):
    with ThreadPoolExecutor(2) as executor:
        for wrong, options in (
            (sites.assign(activity="witchcraft"), {}),
            (sites.assign(site_id="same"), {}),
            (sites.drop(columns="site_id"), {}),
            (sites, {"lines": ["no such line"]}),
            (sites, {"setback_m": -1.0}),
        ):
            with pytest.raises(SchemaError) as here:
                check_sites(wrong, plan, on=DAY, **options)
            with pytest.raises(SchemaError) as there:
                check_sites_on(wrong, plan, executor, on=DAY, rows=5, **options)
            assert str(here.value) == str(there.value)
        with pytest.raises(InputError, match="not known"):
            check_sites_on(sites, plan, "a cluster", on=DAY)


def test_ways_that_depend_on_the_place_are_not_taken_one_by_one(sites, plan, monkeypatch):
    with ThreadPoolExecutor(2) as executor:
        real = asked_module.bring_to
        monkeypatch.setattr(asked_module, "bring_to", lambda *a, **k: (real(*a, **k)[0], "by another way"))
        with pytest.raises(EngineError, match="several ways"):
            check_sites_on(sites, plan, executor, on=DAY, rows=5)


def test_a_file_is_not_brought_to_a_line_by_several_ways(path, plan, tmp_path, monkeypatch):
    monkeypatch.setattr(sites_module, "same_datum", lambda *_: False)
    check_sites_in(path, plan, tmp_path / "one", on=DAY, engine=1)
    real = asked_module.bring_to
    monkeypatch.setattr(asked_module, "bring_to", lambda *a, **k: (real(*a, **k)[0], "by another way"))
    with pytest.raises(EngineError, match="several ways"):
        check_sites_in(path, plan, tmp_path / "two", on=DAY, engine=1)


def test_order_of_rows_changes_no_bit(sites, plan, tmp_path):
    shuffled = sites.iloc[np.random.default_rng(1).permutation(N)]
    tables = []
    for name, frame in (("plain", sites), ("shuffled", shuffled)):
        frame.to_parquet(tmp_path / f"{name}.parquet")
        review = check_sites_in(tmp_path / f"{name}.parquet", plan, tmp_path / name, on=DAY, engine=1, rows=13)
        tables.append({table: plain(review.table(table)) for table in TABLES})
    for table in TABLES:
        left, right = (
            one[table].sort_values(["site_id", *(["line"] if "line" in one[table] else [])], kind="stable")
            for one in tables
        )
        pd.testing.assert_frame_equal(left.reset_index(drop=True), right.reset_index(drop=True), check_exact=True)


@pytest.mark.parametrize("suffix", [".gpkg", ".fgb", ".shp"])
def test_files_of_gdal_are_read_in_stretches(sites, plan, tmp_path, suffix):
    polygons = sites[shapely.get_dimensions(sites.geometry.to_numpy()) == 2].reset_index(drop=True)
    file = tmp_path / f"sites{suffix}"
    polygons.to_file(file, **({"SPATIAL_INDEX": "NO"} if suffix == ".fgb" else {}))
    review = check_sites_in(file, plan, tmp_path / "out", on=DAY, engine=1, rows=11)
    expected = check_sites(polygons, plan, on=DAY)
    left, right = (
        frame.set_index("site_id")["verdict"].astype(str) for frame in (review.table("verdicts"), expected.verdicts)
    )
    pd.testing.assert_series_equal(left, right, check_index_type=False)


def test_wrong_options_are_told_by_the_name_of_what_was_called(path, sites, plan, tmp_path):
    with pytest.raises(InputError, match=r"check_sites_in: method 'natonal' is not known; did you mean 'national'"):
        check_sites_in(path, plan, tmp_path / "out", on=DAY, method="natonal")
    with pytest.raises(InputError, match=r"check_sites_in: there is no option 'setback'; did you mean 'setback_m'"):
        check_sites_in(path, plan, tmp_path / "out", on=DAY, setback=30)
    with pytest.raises(InputError, match=r"check_sites_on: there is no option 'progress'"):
        check_sites_on(sites, plan, 1, on=DAY, progress=True)
    assert not (tmp_path / "out").exists()


def test_threads_share_no_case_and_each_reads_its_own_once(plan, tmp_path):
    # geometry that is prepared may not be asked by two threads at a time: GEOS frees twice
    given = run_module.write_case(plan, tmp_path)
    fragments = [Fragment(number, 0, 1, "no:work", given, str(tmp_path), "") for number in range(4)]
    together = threading.Barrier(2)

    def read(_):
        together.wait(timeout=20)
        return [id(run_module.read_case(fragment)) for fragment in fragments]

    with ThreadPoolExecutor(2) as executor:
        one, other = executor.map(read, range(2))
    assert len(set(one)) == len(set(other)) == 1
    assert one != other


def test_engines_write_the_same_bytes(path, plan, tmp_path):
    check_sites_in(path, plan, tmp_path / "one", on=DAY, engine=1, rows=13)
    check_sites_in(path, plan, tmp_path / "pool", on=DAY, engine=2, rows=13)
    with ThreadPoolExecutor(2) as executor:
        check_sites_in(path, plan, tmp_path / "threads", on=DAY, engine=executor, rows=13)
    assert contents(tmp_path / "one") == contents(tmp_path / "pool") == contents(tmp_path / "threads")


def test_a_second_run_does_nothing_and_a_lost_or_torn_part_is_made_again(path, plan, tmp_path):
    out = tmp_path / "out"
    check_sites_in(path, plan, out, on=DAY, engine=1, rows=8)
    before = contents(out)
    assert check_sites_in(path, plan, out, on=DAY, engine=1, rows=8).resumed == 5
    part(out, "lines", 1).unlink()
    torn = part(out, "findings", 2)
    torn.write_bytes(torn.read_bytes()[:-9])
    part(out, "_receipts", 3).write_text("{", encoding="utf-8")
    (out / "verdicts" / "part-000004.parquet.0f.unfinished").write_bytes(b"half")
    assert check_sites_in(path, plan, out, on=DAY, engine=1, rows=8).resumed == 2
    assert contents(out) == before


def test_other_rules_days_plans_and_sizes_start_anew(path, plan, tmp_path):
    out = tmp_path / "out"
    check_sites_in(path, plan, out, on=DAY, engine=1, rows=13)
    assert check_sites_in(path, plan, out, on="2026-06-02", engine=1, rows=13).resumed == 0
    assert check_sites_in(path, plan, out, on="2026-06-02", engine=1, rows=13, setback_m=5.0).resumed == 0
    fewer = chessboard_plan(red_line={"a1": "core"})
    assert check_sites_in(path, fewer, out, on="2026-06-02", engine=1, rows=13).resumed == 0
    wide = check_sites_in(path, fewer, out, on="2026-06-02", engine=1, rows=20)
    assert (wide.resumed, wide.fragments) == (0, 2)
    assert len(list((out / "verdicts").iterdir())) == 2
    assert len(wide.table("verdicts")) == N


def test_rows_that_cannot_be_checked_are_put_aside_and_the_others_are_not(path, sites, plan, tmp_path):
    poisoned = sites.copy()
    poisoned.loc[5, "geometry"] = None
    poisoned.loc[20, "activity"] = "witchcraft"
    poisoned.loc[31, "site_id"] = "s33"
    poisoned.loc[34, "site_id"] = None
    # off the map by a slip of the pen: what is wrong with one row stops no other
    poisoned.loc[12, "geometry"] = shapely.box(0, 0, 10, 10)
    poisoned.to_parquet(path)
    review = check_sites_in(path, plan, tmp_path / "out", on=DAY, engine=1, rows=8)
    refused = review.table("refused")
    assert refused["row"].tolist() == [5, 12, 20, 31, 33, 34]
    for row, told in enumerate(["empty", "degrees", "witchcraft", "missing or repeated"]):
        assert told in refused["reason"][row]
    assert (review.rows_in, review.rows_done, review.rows_refused) == (N, N - 6, 6)
    assert review.summary()[["rows_in", "rows_done", "rows_refused"]].sum().tolist() == [N, N - 6, 6]
    expected = check_sites(sites.drop(index=[5, 12, 20, 31, 33, 34]), plan, on=DAY)
    pd.testing.assert_frame_equal(plain(review.table("verdicts")), plain(expected.verdicts), check_exact=True)


def test_a_file_of_nothing_but_bad_rows_fails_the_run(path, sites, plan, tmp_path):
    sites.assign(activity="witchcraft").to_parquet(path)
    with pytest.raises(EngineError, match="witchcraft"):
        check_sites_in(path, plan, tmp_path / "out", on=DAY, engine=1, rows=8)


def test_columns_are_named_or_refused(sites, plan, tmp_path):
    file = tmp_path / "sites.parquet"
    sites.rename(columns={"site_id": "项目编号"}).to_parquet(file)
    with pytest.raises(SchemaError, match="项目编号"):
        check_sites_in(file, plan, tmp_path / "out", on=DAY)
    with pytest.raises(SchemaError, match="nowhere"):
        check_sites_in(file, plan, tmp_path / "out", on=DAY, columns={"site_id": "nowhere"})
    review = check_sites_in(file, plan, tmp_path / "out", on=DAY, columns={"site_id": "项目编号"}, engine=1)
    assert review.table("verdicts")["site_id"].tolist() == sites["site_id"].tolist()


@pytest.mark.parametrize("damage", ["missing", "twice", "short", "foreign"])
def test_receipts_that_do_not_add_up_fail_the_run(path, plan, tmp_path, damage):
    out = tmp_path / "out"
    check_sites_in(path, plan, out, on=DAY, engine=1, rows=13)
    receipts = [
        fragments_module.Receipt.from_json(file.read_text(encoding="utf-8"))
        for file in sorted((out / "_receipts").iterdir())
    ]
    asked = [
        fragments_module.Fragment(one.number, one.start, one.stop, "", {}, str(out), one.fingerprint)
        for one in receipts
    ]
    fragments_module.account(asked, receipts)
    match damage:
        case "missing":
            receipts.pop()
        case "twice":
            receipts.append(receipts[0])
        case "short":
            text = json.loads(receipts[0].to_json()) | {"rows_done": receipts[0].rows_done - 1}
            receipts[0] = fragments_module.Receipt(**text)
        case "foreign":
            asked.pop()
    with pytest.raises(EngineError, match="fragments"):
        fragments_module.account(asked, receipts)


def test_an_engine_that_is_none_is_refused(path, plan, tmp_path):
    with pytest.raises(InputError, match="not known"):
        check_sites_in(path, plan, tmp_path / "out", on=DAY, engine="a cluster")


def die_once(fragment):
    """Do the work, but not before one worker has died of it."""
    marker = Path(fragment.given["marker"])
    if fragment.number == 1 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return fragments_module.Outcome(
        {"rows": pd.DataFrame({"row": range(fragment.start, fragment.stop)})},
        fragment.stop - fragment.start,
        fragment.stop - fragment.start,
        pd.DataFrame({"row": [], "reason": []}),
    )


def die_always(fragment):
    if fragment.number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return die_once(fragment)


def die_anyhow(_fragment):
    os.kill(os.getpid(), signal.SIGKILL)


def stretches(out, work, marker, rows=4):
    return [
        fragments_module.Fragment(i, *bounds, f"test_large:{work}", {"marker": str(marker)}, str(out), "same")
        for i, bounds in enumerate(fragments_module.split(20, rows))
    ]


def test_a_killed_worker_of_the_pool_loses_nothing(tmp_path):
    quiet = stretches(tmp_path / "quiet", "die_once", __file__)
    killed = stretches(tmp_path / "killed", "die_once", tmp_path / "marker")
    assert len(list(run(quiet, 1))) == 5
    receipts = sorted(run(killed, 2), key=lambda receipt: receipt.number)
    assert (tmp_path / "marker").exists()
    fragments_module.account(killed, receipts)
    fragments_module.sweep(tmp_path / "killed", killed, ["rows"])
    assert contents(tmp_path / "killed") == contents(tmp_path / "quiet")


def test_a_fragment_that_kills_every_worker_is_named_when_all_others_are_done(tmp_path):
    doomed = stretches(tmp_path / "doomed", "die_always", __file__)
    done = []
    with pytest.raises(EngineError, match=r"fragment 1 \(rows 4 to 7\).*all others are done"):
        done.extend(run(doomed, 2))
    kept = sorted(file.name for file in (tmp_path / "doomed" / "_receipts").glob("*.json"))
    assert kept == [f"part-00000{number}-same.json" for number in (0, 2, 3, 4)]


@pytest.mark.slow
def test_workers_that_all_die_end_the_run_soon(tmp_path):
    doomed = stretches(tmp_path / "doomed", "die_anyhow", __file__, rows=1)
    with pytest.raises(EngineError, match="others were not tried"):
        list(run(doomed, 2))


def test_what_is_not_written_is_told_in_words_and_leaves_nothing(path, plan, tmp_path, monkeypatch):
    written = pd.DataFrame.to_parquet

    def full(table, path=None, **options):
        if path is None:
            return written(table, **options)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(pd.DataFrame, "to_parquet", full)
        with pytest.raises(EngineError, match=r"No space left on device\); free some space there") as raised:
            check_sites_in(path, plan, tmp_path / "out", on=DAY, engine=1, rows=8)
    assert isinstance(raised.value.__cause__, OSError)
    assert not list((tmp_path / "out").rglob("*.unfinished"))
    # half written, as a full disk leaves it, by a process that may write no larger files
    code = """
import resource, sys
from pathlib import Path
import pandas as pd
from ecozones.engines import fragments
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
fragments._write_part(pd.DataFrame({"a": range(100_000)}), Path(sys.argv[1]) / "rows" / "part-0.parquet")
"""
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
    assert "EngineError: rows/part-0.parquet could not be written (" in done.stderr
    assert list((tmp_path / "rows").iterdir()) == []
    assert check_sites_in(path, plan, tmp_path / "out", on=DAY, engine=1, rows=8).rows_done == N


def test_two_runs_do_not_share_a_folder(path, plan, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with run_module.held(out), pytest.raises(EngineError, match="another run is at work in out"):
        check_sites_in(path, plan, out, on=DAY, engine=1, rows=13)
    assert check_sites_in(path, plan, out, on=DAY, engine=1, rows=13).resumed == 0


def test_a_worker_left_over_from_an_earlier_run_cannot_write_over_a_newer_one(tmp_path):
    out = tmp_path / "out"
    before = stretches(out, "die_once", __file__)
    now = [dataclasses.replace(one, fingerprint="other") for one in before]
    run_module.carry_out(out, now, tables=["rows"], engine=1)
    kept = contents(out)
    # the orphan ends its work when the newer run is over
    fragments_module.run_fragment(before[2].to_json())
    again = run_module.carry_out(out, now, tables=["rows"], engine=1)
    assert again.resumed == 5
    assert contents(out) == kept


KILLED_BEFORE_ITS_RECEIPT = """
import os, signal, sys
from ecozones.engines import fragments

def die(path, content, write=fragments.write_whole):
    if path.parent.name == "_receipts" and path.name.startswith("part-000002"):
        os.kill(os.getpid(), signal.SIGKILL)
    write(path, content)

fragments.write_whole = die
script = sys.argv.pop(1)
exec(compile(open(script).read(), script, "exec"))
"""


def test_data_without_a_receipt_are_made_again(path, plan, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT.replace("engine=2", "engine=1"), encoding="utf-8")
    (tmp_path / "killed.py").write_text(KILLED_BEFORE_ITS_RECEIPT, encoding="utf-8")
    out, quiet = tmp_path / "out", tmp_path / "quiet"
    arguments = [sys.executable, tmp_path / "killed.py", tmp_path / "script.py", path, out, DAY]
    assert subprocess.run(arguments, check=False).returncode == -signal.SIGKILL
    assert part(out, "verdicts", 2).exists()
    assert not list((out / "_receipts").glob("part-000002*"))
    assert check_sites_in(path, plan, out, on=DAY, engine=1, rows=3).resumed == 2
    check_sites_in(path, plan, quiet, on=DAY, engine=1, rows=3)
    assert contents(out) == contents(quiet)


def test_a_summary_accounts_for_every_row(path, sites, plan, tmp_path):
    sites.assign(activity=["witchcraft" if i == 20 else None for i in range(N)]).to_parquet(path)
    out = tmp_path / "out"
    check_sites_in(path, plan, out, on=DAY, engine=1, rows=8)
    part(out, "lines", 1).unlink()
    run_ = check_sites_in(path, plan, out, on=DAY, engine=1, rows=8)
    table = run_.summary()
    assert table["fragment"].tolist() == [0, 1, 2, 3, 4]
    assert table["resumed"].tolist() == [True, False, True, True, True]
    assert table["rows_refused"].tolist() == [0, 0, 1, 0, 0]
    assert (table["rows_in"] == table["stop"] - table["start"]).all()
    assert (table["rows_in"] == table["rows_done"] + table["rows_refused"]).all()
    assert table["rows_in"].sum() == run_.rows_in == N
    assert (table[["seconds", "cpu_s"]] > 0).all(axis=None)
    with pytest.raises(InputError, match="no table 'nothing'; it has balance, findings, inputs, lines"):
        run_.table("nothing")


def test_repairs_of_a_file_are_listed_and_told_once(path, sites, plan, tmp_path):
    twisted = sites.copy()
    corners = [(496_000, 3_316_000), (496_100, 3_316_100), (496_100, 3_316_000), (496_000, 3_316_100)]
    twisted.loc[9, "geometry"] = shapely.Polygon(corners)
    twisted.to_parquet(path)
    with pytest.warns(RepairWarning, match="1 polygons") as told:
        run_ = check_sites_in(path, plan, tmp_path / "out", on=DAY, engine=1, rows=8)
    assert len(told) == 1
    (row,) = run_.table("repaired").itertuples()
    assert (row.row, row.site_id, row.after_m2) == (9, "s9", pytest.approx(5_000))
    assert run_.summary()["repaired"].tolist() == [0, 1, 0, 0, 0]
    assert list(run_.table("repaired").columns) == [column.id for column in schema_table("run.repaired").columns]


SCRIPT = """
import sys
from ecozones.large import check_sites_in, check_sites_on
from ecozones.testing import chessboard_plan

if __name__ == "__main__":
    plan = chessboard_plan(red_line={"a1": "core", "b2": "general"}, farmland=["c3", "d4"],
                           urban={"e5": "concentrated", "f6": "flexible"})
    check_sites_in(sys.argv[1], plan, sys.argv[2], on=sys.argv[3], engine=2, rows=3)
"""


def test_a_run_whose_driver_was_killed_goes_on_where_it_stood(path, plan, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    out, quiet = tmp_path / "out", tmp_path / "quiet"
    with subprocess.Popen([sys.executable, tmp_path / "script.py", path, out, DAY]) as driver:
        deadline = time.monotonic() + 120
        while len(list((out / "_receipts").glob("*.json"))) < 4 and time.monotonic() < deadline:
            time.sleep(0.02)
        workers = [int(pid) for pid in Path(f"/proc/{driver.pid}/task/{driver.pid}/children").read_text().split()]
        driver.kill()
    # workers end by themselves when nobody is left to work for
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}/exe").exists() for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}/exe").exists() for pid in workers)
    done = len(list((out / "_receipts").glob("*.json")))
    assert 4 <= done < 12
    review = check_sites_in(path, plan, out, on=DAY, engine=1, rows=3)
    assert review.resumed == done
    check_sites_in(path, plan, quiet, on=DAY, engine=1, rows=3)
    assert contents(out) == contents(quiet)


def test_progress_tells_rate_and_time_left(path, plan, tmp_path, capsys):
    check_sites_in(path, plan, tmp_path / "out", on=DAY, engine=1, rows=30, progress=True)
    assert "36 of 36 sites" in capsys.readouterr().err


def test_a_second_run_touches_nothing_of_the_first(path, plan, tmp_path, monkeypatch):
    monkeypatch.setattr(sites_module, "RESIDENT", 1)
    stored = tmp_path / "out" / "_lines"
    seen = []

    def intrude(fragment):
        # a run with another plan is started in the folder while this one is at work
        before = contents(stored)
        with pytest.raises(EngineError, match="another run is at work in out"):
            check_sites_in(path, other, tmp_path / "out", on=DAY, engine=1)
        seen.append(contents(stored) == before and bool(before))
        return checked(fragment)

    checked = sites_module.check_fragment
    other = chessboard_plan(red_line={"h8": "core", "h7": "core"}, farmland=["g1", "g2"])
    monkeypatch.setattr(sites_module, "check_fragment", intrude)
    check_sites_in(path, plan, tmp_path / "out", on=DAY, engine=1)
    assert seen == [True]


def test_a_file_without_sites_has_the_tables_of_a_review(sites, plan, tmp_path):
    sites.iloc[:0].to_parquet(tmp_path / "none.parquet")
    run_ = check_sites_in(tmp_path / "none.parquet", plan, tmp_path / "out", on=DAY, engine=1)
    assert (run_.rows_in, run_.rows_done, run_.rows_refused) == (0, 0, 0)
    for name in TABLES:
        expected = getattr(check_sites(sites.iloc[:0], plan, on=DAY), name)
        assert run_.table(name).columns.tolist() == expected.columns.tolist()


@pytest.mark.parametrize("rows", [0, -5])
def test_no_size_of_a_fragment_loses_rows(path, plan, tmp_path, rows):
    with pytest.raises(InputError, match=f"rows must be a whole number from 1 upwards, not {rows}"):
        check_sites_in(path, plan, tmp_path / "out", on=DAY, engine=1, rows=rows)


@pytest.mark.filterwarnings("ignore:torn.parquet. its bytes are no geometry")
def test_bytes_that_are_no_shape_are_refused_as_such(sites, plan, tmp_path):
    shapes = [b"\x01\x03torn", None, *sites.geometry.to_wkb()[2:]]
    sites.to_parquet(tmp_path / "sites.parquet")
    whole = pq.read_table(tmp_path / "sites.parquet")
    place = whole.schema.get_field_index("geometry")
    torn = whole.set_column(place, whole.schema.field("geometry"), pa.array(shapes, pa.binary()))
    pq.write_table(torn, tmp_path / "torn.parquet")
    run_ = check_sites_in(tmp_path / "torn.parquet", plan, tmp_path / "out", on=DAY, engine=1, rows=5)
    assert run_.table("refused").to_numpy().tolist() == [[0, "its bytes are no geometry"], [1, "is empty"]]
