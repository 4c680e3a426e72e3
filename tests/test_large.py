"""Sites in files: any fragment, any engine, any order, any interruption give the bytes of one quiet process."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from ecozones import check_sites
from ecozones.engines import fragments as fragments_module
from ecozones.engines import run
from ecozones.errors import EngineError, InputError, SchemaError
from ecozones.large import check_sites_in
from ecozones.large.sites import TABLES
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
    poisoned.to_parquet(path)
    review = check_sites_in(path, plan, tmp_path / "out", on=DAY, engine=1, rows=8)
    refused = review.table("refused")
    assert refused["row"].tolist() == [5, 20, 31, 33, 34]
    assert ["empty" in refused["reason"][0], "witchcraft" in refused["reason"][1]] == [True, True]
    assert (review.rows_in, review.rows_done, review.rows_refused) == (N, N - 5, 5)
    expected = check_sites(sites.drop(index=[5, 20, 31, 33, 34]), plan, on=DAY)
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


def stretches(out, work, marker):
    return [
        fragments_module.Fragment(i, *bounds, f"test_large:{work}", {"marker": str(marker)}, str(out), "same")
        for i, bounds in enumerate(fragments_module.split(20, 4))
    ]


@pytest.mark.slow
def test_a_killed_worker_of_the_pool_loses_nothing(tmp_path):
    quiet = stretches(tmp_path / "quiet", "die_once", __file__)
    killed = stretches(tmp_path / "killed", "die_once", tmp_path / "marker")
    assert len(list(run(quiet, 1))) == 5
    receipts = sorted(run(killed, 2), key=lambda receipt: receipt.number)
    assert (tmp_path / "marker").exists()
    fragments_module.account(killed, receipts)
    fragments_module.sweep(tmp_path / "killed", killed, ["rows"])
    assert contents(tmp_path / "killed") == contents(tmp_path / "quiet")


@pytest.mark.slow
def test_a_fragment_that_kills_every_worker_is_named(tmp_path):
    doomed = stretches(tmp_path / "doomed", "die_always", __file__)
    with pytest.raises(EngineError, match=r"fragment 1 \(rows 4 to 7\)"):
        list(run(doomed, 2))


SCRIPT = """
import sys
from ecozones.large import check_sites_in, check_sites_on
from ecozones.testing import chessboard_plan

if __name__ == "__main__":
    plan = chessboard_plan(red_line={"a1": "core", "b2": "general"}, farmland=["c3", "d4"],
                           urban={"e5": "concentrated", "f6": "flexible"})
    check_sites_in(sys.argv[1], plan, sys.argv[2], on=sys.argv[3], engine=2, rows=3)
"""


@pytest.mark.slow
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
