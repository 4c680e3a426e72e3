"""Dask, Spark and Spark Connect: the bytes of one quiet process, also when their workers are killed."""

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from ecozones import check_sites
from ecozones.engines import run
from ecozones.engines.fragments import Fragment, Outcome, account, split, sweep
from ecozones.errors import EngineError
from ecozones.large import check_sites_in, check_sites_on
from ecozones.testing import BOARD_CRS, chessboard_plan

# Spark says of every newer pandas that it does not know it yet; at its boundary there is Arrow and no pandas
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("engines"),
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas"),
]
DAY = "2026-06-01"
HERE = str(Path(__file__).parent)
# workers find these tests, and the very library that they test
PLACES = os.pathsep.join([HERE, str(Path(HERE).parent), *filter(None, [os.environ.get("PYTHONPATH")])])


def contents(folder):
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        # seconds differ from run to run, and the lock is empty
        if file.is_file() and file.parent.name != "_records" and file.name != "_lock"
    }


def assert_reviews_equal(review, expected):
    """To the last bit: values, kinds, order, and what the review rests on."""
    for table in ("verdicts", "lines", "findings", "balance"):
        left, right = getattr(review, table), getattr(expected, table)
        assert type(left) is type(right)
        pd.testing.assert_frame_equal(left, right, check_exact=True)
        assert left.equals(right)
        if "geometry" in left:
            assert left.crs == right.crs
            assert (shapely.to_wkb(left.geometry.to_numpy()) == shapely.to_wkb(right.geometry.to_numpy())).all()
    assert review.on == expected.on
    assert list(review.capsule.items()) == list(expected.capsule.items())
    assert review.to_json() == expected.to_json()


def die(fragment):
    """Do the work, but not before workers have died of it as often as there are markers to set."""
    for number in range(int(fragment.given["deaths"])):
        marker = Path(fragment.given["markers"]) / f"{fragment.number}-{number}"
        with contextlib.suppress(FileExistsError):
            marker.touch(exist_ok=False)
            os.kill(os.getpid(), signal.SIGKILL)
    n = fragment.stop - fragment.start
    rows = pd.DataFrame({"row": range(fragment.start, fragment.stop)})
    return Outcome({"rows": rows}, n, n, pd.DataFrame({"row": [], "reason": []}))


def fail(fragment):
    message = f"rows from {fragment.start} are beyond me"
    raise ArithmeticError(message)


def hold(fragment):
    """Do the first fragment at once, and the others not before somebody has heard of it."""
    n = fragment.stop - fragment.start
    for _ in range(200):
        if not fragment.number or (Path(fragment.given["markers"]) / "heard").exists():
            return Outcome({}, n, n, pd.DataFrame({"row": [], "reason": []}))
        time.sleep(0.1)
    message = "nobody has heard of the first fragment in time"
    raise TimeoutError(message)


def hear(out, engine):
    """Do fragments of which only the first is done before its receipt is heard of."""
    heard = []
    for receipt in run(stretches(out, "hold"), engine):
        heard.append(receipt.number)
        (out.parent / f"{out.name}-markers" / "heard").touch()
    return heard


def stretches(out, work, deaths=0):
    markers = out.parent / f"{out.name}-markers"
    markers.mkdir()
    given = {"deaths": str(deaths), "markers": str(markers)}
    return [Fragment(i, *ends, f"test_engines:{work}", given, str(out), "same") for i, ends in enumerate(split(16, 4))]


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    place = tmp_path_factory.mktemp("engines")
    rng = np.random.default_rng(5)
    x, y = 496_000 + rng.uniform(-500, 8_300, 30), 3_316_000 + rng.uniform(-500, 8_300, 30)
    size = rng.uniform(5, 900, 30)
    frame = gpd.GeoDataFrame(
        {"site_id": [f"s{i}" for i in range(30)], "activity": ["ordinary_build" if i % 2 else None for i in range(30)]},
        geometry=shapely.box(x, y, x + size, y + rng.permutation(size)),
        crs=BOARD_CRS,
    )
    whole = frame.assign(name=[None if i % 3 else f"地块{i}" for i in range(30)])
    frame.loc[17, "geometry"] = None
    frame.to_parquet(place / "sites.parquet")
    plan = chessboard_plan(
        red_line={"a1": "core", "b2": "general"}, farmland=["c3", "d4"], urban={"e5": "concentrated"}
    )
    check_sites_in(place / "sites.parquet", plan, place / "quiet", on=DAY, engine=1, rows=8)
    quiet = stretches(place / "plain", "die")
    list(run(quiet, 1))
    whole.to_parquet(place / "whole.parquet")
    return place / "sites.parquet", plan, contents(place / "quiet"), contents(place / "plain")


@pytest.fixture(scope="module")
def expected(case):
    whole = gpd.read_parquet(case[0].with_name("whole.parquet"))
    return whole, check_sites(whole, case[1], on=DAY)


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed", reason="Dask is optional")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ports and of temporary folders, not ours
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, env={"PYTHONPATH": PLACES}
        )
    with cluster, distributed.Client(cluster) as made:
        made.run(sys.path.insert, 0, HERE)
        yield made


def need_java():
    if not os.environ.get("JAVA_HOME") and not any((Path(place) / "java").exists() for place in os.get_exec_path()):
        pytest.skip("Spark needs Java 17: apt-get install openjdk-17-jre-headless, or its like, runs these tests")


@pytest.fixture(scope="module")
def session():
    sql = pytest.importorskip("pyspark.sql", reason="Spark is optional")
    need_java()
    before = {name: os.environ.get(name) for name in ("PYSPARK_PYTHON", "PYTHONPATH")}
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["PYTHONPATH"] = PLACES
    made = (
        sql.SparkSession.builder.master("local[2,4]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    yield made
    made.stop()
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


def test_dask_writes_the_bytes_of_one_process(case, client, tmp_path):
    sites, plan, expected, _ = case
    review = check_sites_in(sites, plan, tmp_path / "out", on=DAY, engine=client, rows=8)
    assert (review.rows_in, review.rows_refused) == (30, 1)
    assert contents(tmp_path / "out") == expected


def test_dask_gives_the_review_of_one_process(case, expected, client):
    whole, review = expected
    assert_reviews_equal(check_sites_on(whole, case[1], client, on=DAY, rows=7), review)


def test_dask_loses_nothing_when_every_worker_is_killed(case, client, tmp_path):
    asked = stretches(tmp_path / "out", "die", deaths=1)
    receipts = list(run(asked, client))
    assert len(list((tmp_path / "out-markers").iterdir())) == 4
    account(asked, receipts)
    sweep(tmp_path / "out", asked, ["rows"])
    assert contents(tmp_path / "out") == case[3]


def test_spark_writes_the_bytes_of_one_process(case, session, tmp_path):
    sites, plan, expected, _ = case
    review = check_sites_in(sites, plan, tmp_path / "out", on=DAY, engine=session, rows=8)
    assert (review.rows_in, review.rows_refused) == (30, 1)
    assert contents(tmp_path / "out") == expected


def test_spark_gives_the_review_of_one_process(case, expected, session, tmp_path):
    whole, review = expected
    assert_reviews_equal(check_sites_on(whole, case[1], session, on=DAY, rows=7, folder=tmp_path), review)
    assert list(tmp_path.iterdir()) == []


CONNECT = """
import pathlib
import pickle
import sys
import warnings

import geopandas as gpd
from pyspark.sql import SparkSession

from ecozones.large import check_sites_in, check_sites_on

path, whole, plan, out, day = sys.argv[1:]
with open(plan, "rb") as file:
    plan = pickle.load(file)
session = SparkSession.builder.remote("local[2,4]").getOrCreate()
assert "connect" in type(session).__module__
warnings.simplefilter("error")
check_sites_in(path, plan, out, on=day, engine=session, rows=8)
with open(out + ".review", "wb") as file:
    pickle.dump(check_sites_on(gpd.read_parquet(whole), plan, session, on=day, rows=7), file)

from test_engines import hear

heard = hear(pathlib.Path(out + "-held"), session)
assert heard[0] == 0 and sorted(heard) == [0, 1, 2, 3], heard
session.stop()
"""


def test_spark_connect_writes_the_same_bytes_and_gives_the_same_review(case, expected, tmp_path):
    pytest.importorskip("grpc", reason="Spark Connect is optional: pip install 'pyspark[connect]'")
    need_java()
    (tmp_path / "plan.pickle").write_bytes(pickle.dumps(case[1]))
    whole = case[0].with_name("whole.parquet")
    arguments = [case[0], whole, tmp_path / "plan.pickle", tmp_path / "out", DAY]
    # in a process of its own: classic Spark and Connect do not share one
    place = os.environ | {"PYSPARK_PYTHON": sys.executable, "PYTHONPATH": PLACES}
    done = subprocess.run([sys.executable, "-c", CONNECT, *arguments], env=place, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert contents(tmp_path / "out") == case[2]
    assert_reviews_equal(pickle.loads((tmp_path / "out.review").read_bytes()), expected[1])  # noqa: S301


def test_spark_loses_nothing_when_its_python_workers_are_killed(case, session, tmp_path):
    asked = stretches(tmp_path / "out", "die", deaths=1)
    receipts = list(run(asked, session))
    assert len(list((tmp_path / "out-markers").iterdir())) == 4
    account(asked, receipts)
    sweep(tmp_path / "out", asked, ["rows"])
    assert contents(tmp_path / "out") == case[3]


def test_spark_tells_of_a_fragment_while_others_are_at_work(session, tmp_path):
    heard = hear(tmp_path / "out", session)
    assert heard[0] == 0
    assert sorted(heard) == [0, 1, 2, 3]


def test_receipts_that_lay_there_before_are_no_news(session, tmp_path):
    asked = stretches(tmp_path / "out", "die")
    done = list(run(asked, 1))
    # torn since: the part is made again, and told of once
    (tmp_path / "out" / next(part for part in done[1].parts if part.startswith("rows/"))).write_bytes(b"torn")
    again = list(run(asked, session))
    assert sorted(receipt.number for receipt in again) == [0, 1, 2, 3]
    account(asked, again)
    assert {one.number: one.parts for one in again} == {one.number: one.parts for one in done}
    assert all(pd.read_parquet(part)["row"].size == 4 for part in (tmp_path / "out" / "rows").iterdir())


def test_a_job_that_nobody_listens_to_is_stopped(session, tmp_path):
    running = run(stretches(tmp_path / "out", "hold"), session)
    assert next(running).number == 0
    start = time.monotonic()
    running.close()
    # sooner than the others would give up waiting
    assert time.monotonic() - start < 10
    assert session.range(3).count() == 3


def test_what_fails_everywhere_fails_the_run_with_its_cause(session, tmp_path):
    with pytest.raises(EngineError) as raised:
        list(run(stretches(tmp_path / "out", "fail"), session))
    assert "are beyond me" in str(raised.value.__cause__)
    with pytest.raises(ArithmeticError, match="are beyond me"):
        list(run(stretches(tmp_path / "again", "fail"), 2))
