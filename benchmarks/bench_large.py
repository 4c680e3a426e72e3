"""
Layers larger than memory, end to end: generated, put in order, measured, and held against a red line.

    python -m benchmarks.bench_large --rows 1000000 3000000 10000000 --folder /tmp/large --out benchmarks/large.json

Parcels of eight vertices lie in a bent grid, in an order that has nothing to do with place. Each step has a process of
its own and works in that one process, so that its peak is the peak of everything; with --processes, the peak told is
that of the driver and so many times the largest worker, which they never reach together. CPU seconds count; wall
seconds depend on who else uses the machine.
"""

import argparse
import dataclasses
import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow.parquet as pq
import shapely

from benchmarks.child import spent
from benchmarks.workload import CRS, SIZES, SOUTH, WEST, redline
from ecozones import load_rules
from ecozones.large.areas import measure_area_in
from ecozones.large.conflicts import _place, _ready, find_conflicts_in
from ecozones.large.preparing import prepare
from ecozones.large.shared_ground import cut_once, pair_lines
from ecozones.patches import Slivers
from ecozones.streams import open_stream

HERE = Path(__file__).parent
SPACING_M = 60.0
RED, FARM = "ecological_red_line", "permanent_basic_farmland"
BATCH, FRAGMENT = 250_000, 20_000
STEPS = ("generate", "prepare", "check", "side", "areas")


def parcels(numbers, columns, rng):
    """Draw parcels of a bent grid: neighbours share corners and the points between them."""
    row, column = np.divmod(numbers, columns)

    def node(i, j):
        # where a corner stands follows from its number alone, so that neighbours agree
        phase = i * 12.9898 + j * 78.233
        east = WEST + j * SPACING_M + 9.0 * np.sin(phase * 1.7)
        return np.stack([east, SOUTH + i * SPACING_M + 9.0 * np.cos(phase * 2.3)], -1)

    corners = [node(row, column), node(row, column + 1), node(row + 1, column + 1), node(row + 1, column)]
    ring = []
    for start, end in zip(corners, [*corners[1:], corners[0]], strict=True):
        ring += [start, (start + end) / 2]
    shapes = shapely.polygons(np.round(np.stack([*ring, ring[0]], axis=1), 3))
    columns = {"BSM": [f"{number:018d}" for number in numbers], "grade": rng.integers(1, 16, len(numbers))}
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS)


def generate(rows, folder, _):
    """Write the parcels in an order that has nothing to do with place, and a red line through them."""
    rng = np.random.default_rng(20_261_130)
    columns = int(np.ceil(np.sqrt(rows)))
    order = rng.permutation(rows)
    (folder / "parcels").mkdir(parents=True, exist_ok=True)
    for part, start in enumerate(range(0, rows, BATCH)):
        frame = parcels(order[start : start + BATCH], columns, rng)
        frame.to_parquet(folder / "parcels" / f"part-{part:04d}.parquet", index=False, row_group_size=50_000)
    side = int(columns * SPACING_M)
    size = dataclasses.replace(SIZES["L"], width_m=side, height_m=side, cell_m=max(25, side // 2_000), red_features=6)
    red = redline(size, rng).rename(columns={"rid": "feature_id"}).drop(columns="kind")
    red.explode(ignore_index=True).assign(feature_id=lambda frame: np.arange(len(frame))).to_parquet(
        folder / "red.parquet"
    )
    return {
        "bytes_out": size_of(folder / "parcels"),
        "side_vertices": int(shapely.get_num_coordinates(red.geometry).sum()),
    }


def put_in_order(rows, folder, processes):
    layer = prepare(folder / "parcels", folder / "ready", line=FARM, engine=processes)
    assert layer.rows_done == rows
    shutil.rmtree(folder / "parcels")
    return {"bytes_out": size_of(folder / "ready"), "fragments": layer.fragments}


def measure(rows, folder, processes):
    run = measure_area_in(folder / "ready", folder / "areas", engine=processes)
    assert run.rows_done == rows
    return {
        "bytes_out": size_of(folder / "areas"),
        "fragments": run.fragments,
        "total_m2": float(run.totals()["area_m2"].iloc[0]),
    }


def check(rows, folder, processes):
    run = find_conflicts_in(
        {FARM: folder / "ready", RED: folder / "red.parquet"}, folder / "out", engine=processes, rows=FRAGMENT
    )
    assert run.rows_in == rows
    table = open_stream(folder / "out" / "conflicts")
    return {
        "bytes_out": size_of(folder / "out" / "conflicts"),
        "fragments": run.fragments,
        "receipts_bytes": size_of(folder / "out" / "_receipts"),
        "conflicts": table.rows,
        "conflict_m2": float(table.column("area_m2").sum()),
        "slivers": run.slivers[0],
    }


def side(rows, folder, _):
    """Count what the fragments of the check have read of the line: the row groups that their boxes meet."""
    layers = {RED: folder / "out" / "lines" / RED, FARM: folder / "ready"}
    ready = {line: _ready(path, line, folder, load_rules("CN"), 1) for line, path in layers.items()}
    # pieces lie where the two layers were overlaid; they are cut again, for a run that is finished keeps none
    place = _place(ready[FARM][0].crs, [told for _, told in ready.values()])
    case = pair_lines((RED, FARM), ready, place, "national", Slivers())
    assert case.asked.root == layers[RED]
    cut = folder / "cut"
    cut_once(case, cut, "side", 1, FRAGMENT)
    ready = ready[FARM][0]
    groups = []
    for path in sorted((cut / "pieces").iterdir()):
        told = pq.ParquetFile(path).metadata
        start = 0
        for group in map(told.row_group, range(told.num_row_groups)):
            boxes = open_stream(path).boxes(start, start + group.num_rows)
            size = sum(group.column(number).total_compressed_size for number in range(group.num_columns))
            groups.append((*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0), size))
            start += group.num_rows
    left, bottom, right, top, size = np.array(groups).T
    read = 0
    for start in range(0, rows, FRAGMENT):
        boxes = ready.boxes(start, start + FRAGMENT) - (place.east, place.north) * 2
        west, south, east, north = *boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)
        read += size[(left <= east) & (right >= west) & (bottom <= north) & (top >= south)].sum()
    return {"bytes_read": int(read), "bytes": int(size.sum()), "pieces": open_stream(cut / "pieces").rows}


def size_of(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def peak_mib():
    text = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(next(line for line in text.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def child(step, rows, folder, processes):
    work = dict(zip(STEPS, (generate, put_in_order, check, side, measure), strict=True))[step]
    wall = time.perf_counter()
    told = work(rows, folder, processes)
    workers = processes * resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024 if processes > 1 else 0
    told |= {
        "cpu_s": round(spent(), 2),
        "wall_s": round(time.perf_counter() - wall, 2),
        "peak_mib": round(peak_mib() + workers),
        "processes": processes,
    }
    print(json.dumps(told))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=HERE / "large.json")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--step", choices=STEPS)
    options = parser.parse_args()
    if options.step:
        child(options.step, options.rows[0], options.folder, options.processes)
        return
    runs = []
    for rows in options.rows:
        place = options.folder / f"large-{rows}"
        told = {"rows": rows, "vertices": rows * 9}
        for step in STEPS:
            command = [sys.executable, "-m", "benchmarks.bench_large", "--rows", str(rows), "--folder", str(place)]
            command += ["--processes", str(options.processes), "--step", step]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            told[step] = json.loads(done.stdout.splitlines()[-1])
            if step == "prepare":
                told[step]["bytes_in"] = told["generate"]["bytes_out"]
            told[step]["cpu_s_per_million"] = round(told[step]["cpu_s"] / rows * 1e6, 2)
            print(f"{rows:>12,} {step:<10} {told[step]}", flush=True)
            write(options, [*runs, told])
        shutil.rmtree(place)
        runs.append(told)


def write(options, runs):
    """Say what was measured; the last run stands at the top as well, where the docs look for it."""
    from benchmarks.measuring import describe_machine  # noqa: PLC0415

    last = runs[-1]
    line = {"vertices": last["generate"]["side_vertices"], **last.get("side", {})}
    command = f"python -m benchmarks.bench_large --rows {' '.join(map(str, options.rows))} --folder ..."
    told = {"machine": describe_machine(), "command": command, **last, "side": line, "runs": runs}
    options.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
