"""
A check of sites end to end, from files to files, in the three sizes: what it costs, what memory it takes.

    python -m benchmarks.bench_province --sizes S M L --folder /tmp/workload

Farmland and sites are put in order of place first, as `prepare` does it; farmland then stays on disk and is read around
the sites, the red line and the urban boundary are in memory. Each step has a process of its own and works in that one
process, so that its peak is the peak of everything.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import geopandas as gpd
import shapely

from benchmarks.child import peak_mib, spent
from benchmarks.workload import load
from ecozones.large import check_sites_in, prepare
from ecozones.plan import ZoningPlan
from ecozones.streams import open_stream

HERE = Path(__file__).parent
DAY = "2026-06-01"
FARM = "permanent_basic_farmland"
HELD = {"ecological_red_line": "redline", "urban_development_boundary": "urban"}
ROWS = 20_000


def put_farmland_in_order(size, folder, place):
    layer = prepare(folder / size / "farmland.parquet", place / "farmland", line=FARM, engine=1)
    return {"rows": layer.rows_done}


def put_sites_in_order(size, folder, place):
    sites = load(size, "sites", folder)
    sites = sites.assign(site_id=sites["sid"].astype(str), activity="ordinary_build")
    sites[["site_id", "activity", "geometry"]].to_parquet(place / "drawn.parquet")
    return {"rows": prepare(place / "drawn.parquet", place / "sites", engine=1).rows_done}


def check(size, folder, place):
    stream = open_stream(place / "sites")
    boxes = stream.boxes(0, stream.rows)
    ground = shapely.box(*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0))
    extent = gpd.GeoDataFrame(geometry=[ground], crs=stream.crs)
    plan = ZoningPlan.from_layers({line: load(size, layer, folder) for line, layer in HELD.items()}, extent=extent)
    read = peak_mib()
    run = check_sites_in(
        place / "sites", plan, place / "out", on=DAY, stored={FARM: place / "farmland"}, engine=1, rows=ROWS
    )
    found = open_stream(place / "out" / "findings")
    return {"rows": run.rows_done, "read_mib": round(read), "pairs": int((found.column("feature_ids") != "").sum())}


STEPS = {"farmland": put_farmland_in_order, "sites": put_sites_in_order, "check": check}


def measure(step, size, folder, place):
    """Do one step, and tell what it took besides loading the library."""
    wall, cpu = time.perf_counter(), spent()
    told = STEPS[step](size, folder, place)
    told |= {
        "cpu_s": round(spent() - cpu, 2),
        "wall_s": round(time.perf_counter() - wall, 2),
        "peak_mib": round(peak_mib()),
    }
    print(json.dumps(told))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["S"], choices=["S", "M", "L"])
    parser.add_argument("--folder", type=Path, default=HERE / "data", help="where the workload is, or will be drawn")
    parser.add_argument("--out", type=Path, default=HERE / "province.json")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.step:
        (size,) = chosen.sizes
        measure(chosen.step, size, chosen.folder, chosen.folder / f"province-{size}")
        return
    from benchmarks.measuring import describe_machine  # noqa: PLC0415 - each step is measured without it

    told = json.loads(chosen.out.read_text(encoding="utf-8")) if chosen.out.exists() else {"sizes": {}}
    for size in chosen.sizes:
        place = chosen.folder / f"province-{size}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        load(size, "sites", chosen.folder)
        rows = {}
        for step in STEPS:
            command = [sys.executable, "-m", "benchmarks.bench_province", "--sizes", size, "--step", step]
            command += ["--folder", str(chosen.folder)]
            done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=HERE.parent)
            rows[step] = json.loads(done.stdout.splitlines()[-1])
            print(f"{size} {step:<10} {rows[step]}", flush=True)
        shutil.rmtree(place)
        told["sizes"][size] = rows
        told["machine"] = describe_machine()
        chosen.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
