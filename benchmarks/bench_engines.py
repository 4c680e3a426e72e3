"""
What an engine costs: CPU seconds of a check on the pool, on Dask and on Spark beside the same check in one process.

    python -m benchmarks.bench_engines --size M --sites 20000

Every engine has a process of its own. Its workers are started first and do a fragment that does nothing, so that what
it costs to start them stands apart; CPU seconds are those of the process and of everything it has started, so
neighbours on the machine hardly matter. The answers are compared with those of one process, to the last bit.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import psutil
import shapely

from benchmarks.workload import load
from ecozones import engines
from ecozones.engines.fragments import Fragment, Outcome
from ecozones.large import check_sites_in
from ecozones.plan import ZoningPlan

DAY = "2026-06-01"
HERE = Path(__file__).parent
LINES = {
    "ecological_red_line": "redline",
    "permanent_basic_farmland": "farmland",
    "urban_development_boundary": "urban",
}
ENGINES = ("one process", "pool", "Dask", "Spark")
WORKERS = 2


def read(size, folder, n):
    """Read the first sites and the three lines."""
    sites = load(size, "sites", folder).head(n)
    ground = gpd.GeoDataFrame(geometry=[shapely.box(*load(size, "sites", folder).total_bounds)], crs=sites.crs)
    plan = ZoningPlan.from_layers({line: load(size, layer, folder) for line, layer in LINES.items()}, extent=ground)
    asked = sites.assign(site_id=sites["sid"].astype(str), activity="ordinary_build")
    return asked[["site_id", "activity", "geometry"]], plan


def idle(fragment):
    """Load what a check loads, and do nothing."""
    time.sleep(0.5)
    return Outcome({}, fragment.stop, fragment.stop, pd.DataFrame({"row": [], "reason": []}))


@contextlib.contextmanager
def started(name):
    if name == "one process":
        yield 1
    elif name == "pool":
        yield WORKERS
    elif name == "Dask":
        import distributed  # noqa: PLC0415

        with (
            distributed.LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client
    else:
        from pyspark.sql import SparkSession  # noqa: PLC0415

        os.environ["PYSPARK_PYTHON"] = sys.executable
        session = SparkSession.builder.master(f"local[{WORKERS},4]").config("spark.ui.enabled", "false").getOrCreate()
        yield session
        session.stop()


def spent():
    """CPU seconds of this process, of what it has started, and of what those have waited for."""
    total = 0.0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def measure(name, size, folder, n, rows, out):
    sites, plan = read(size, folder, n)
    # in order of place, as a file of sites is checked: farmland of this size is read around them
    sites = sites.iloc[np.argsort(sites.hilbert_distance().to_numpy(), kind="stable")]
    sites.to_parquet(out / "sites.parquet", index=False)
    begun = spent()
    with started(name) as engine:
        nothing = [
            Fragment(i, 0, 1, "benchmarks.bench_engines:idle", {}, str(out / "idle"), "idle") for i in range(WORKERS)
        ]
        list(engines.run(nothing, engine))
        ready = spent()
        wall = time.perf_counter()
        run = check_sites_in(out / "sites.parquet", plan, out / "out", on=DAY, engine=engine, rows=rows, progress=True)
        wall, cpu = time.perf_counter() - wall, spent() - ready
    summary = run.summary()
    start = ready - begun
    if name == "pool":
        # a pool is started by every run
        cpu -= start
    told = {
        "engine": name,
        "start_cpu_s": start if name != "one process" else 0.0,
        "cpu_s": cpu,
        "wall_s": wall,
        "fragments_cpu_s": float(summary["cpu_s"].sum()),
        "fragments": len(summary),
        "sites": int(summary["rows_in"].sum()),
        "load": os.getloadavg()[0],
        "parts": {str(path.relative_to(out)): path.stat().st_size for path in sorted(out.rglob("part-*.parquet"))},
        "receipts": [path.read_text(encoding="utf-8") for path in sorted((out / "out" / "_receipts").iterdir())],
    }
    (out / "told.json").write_text(json.dumps(told), encoding="utf-8")


def table(rows):
    base = rows[0]["cpu_s"]
    lines = [
        "| engine | CPU s | in fragments | besides them | over one process | to start, CPU s | wall s | same bytes |",
        "|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    lines += [
        f"| {row['engine']} | {row['cpu_s']:.1f} | {row['fragments_cpu_s']:.1f} "
        f"| {100 * (row['cpu_s'] / row['fragments_cpu_s'] - 1):.1f} % | {100 * (row['cpu_s'] / base - 1):+.1f} % "
        f"| {row['start_cpu_s']:.1f} | {row['wall_s']:.1f} | {row['same']} |"
        for row in rows
    ]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=["S", "M", "L"], default="S")
    parser.add_argument("--sites", type=int, default=20_000, help="how many sites, from the first on")
    parser.add_argument("--rows", type=int, default=2_000, help="sites in a fragment")
    parser.add_argument("--folder", type=Path, default=HERE / "data")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        warnings.simplefilter("ignore")
        measure(chosen.one, chosen.size, chosen.folder, chosen.sites, chosen.rows, chosen.out)
        return
    rows = []
    stamp = None
    for name in chosen.engines.split(","):
        with tempfile.TemporaryDirectory() as place:
            arguments = ["--size", chosen.size, "--sites", str(chosen.sites), "--rows", str(chosen.rows)]
            command = [sys.executable, "-m", "benchmarks.bench_engines", *arguments, "--folder", str(chosen.folder)]
            subprocess.run([*command, "--one", name, "--out", place], check=True, cwd=HERE.parent)
            told = json.loads((Path(place) / "told.json").read_text(encoding="utf-8"))
        # the fingerprint knows when the file of sites was written; the digests of the parts do not
        parts = [sorted(json.loads(text)["parts"].values()) for text in told["receipts"]]
        stamp = stamp or parts
        rows.append(told | {"same": "yes" if parts == stamp else "no"})
        print(table(rows), flush=True)


if __name__ == "__main__":
    main()
