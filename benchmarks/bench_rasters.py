"""
Class areas of 10,000 zones on a raster of 10,000 x 10,000 cells, beside exactextract alone.

    python -m benchmarks.bench_rasters [--repeat 3] [--folder DIR]

One child process a run, interleaved, medians; the libraries are loaded before the clock starts. exactextract gives
shares of classes (``unique``, ``frac``, ``count``) on cells all alike. We give square metres of the ellipsoid, nodata
and coverage as well, and must agree with it on the number of cells to one in a million.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from affine import Affine

from benchmarks.workload import CRS, WEST, noise

CELLS, CELL_M, ZONES, NORTH = 10_000, 10, 10_000, 3_400_000.0

CHILD = """
import json, pathlib, sys, time
import exactextract, geopandas as gpd, numpy as np, rasterio
import exactextract.raster, rasterio.windows
from ecozones.landcover import class_areas

peer, folder = sys.argv[1:]
zones, raster = gpd.read_parquet(folder + "/zones.parquet"), folder + "/landcover.tif"
wall, cpu = time.perf_counter(), time.process_time()
if peer == "ours":
    cells = class_areas(zones, raster, zone_id="zid")["cells"].sum()
else:
    options = {"output": "pandas", "strategy": peer}
    cells = exactextract.exact_extract(raster, zones, ["unique", "frac", "count"], **options)["count"].sum()
spent = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "cells": float(cells)}
# not ru_maxrss: that begins with the memory of the process it was started from
peak = pathlib.Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
print(json.dumps(spent | {"mib": int(peak) / 1024}))
"""


def make(folder):
    """Draw a landscape of seven classes with one cell in a hundred of an eighth, and blobs of 30 to 2,500 m."""
    rng = np.random.default_rng(77)
    field = np.kron(noise(CELLS // 2, CELLS // 2, 16, 8, rng, 0.6), np.ones((2, 2), np.float32))
    steps = np.quantile(field[::7, ::7], [0.1, 0.25, 0.4, 0.6, 0.75, 0.9])
    values = np.digitize(field, steps).astype(np.uint8) + np.uint8(1)
    values[rng.random(values.shape) < 0.01] = 9
    profile = {
        "driver": "GTiff",
        "height": CELLS,
        "width": CELLS,
        "count": 1,
        "dtype": "uint8",
        "crs": CRS,
        "nodata": 0,
    }
    tiles = {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate"}
    affine = Affine(CELL_M, 0, WEST, 0, -CELL_M, NORTH)
    with rasterio.open(folder / "landcover.tif", "w", transform=affine, **profile, **tiles) as file:
        file.write(values, 1)
    radius = np.clip(np.exp(rng.normal(np.log(300), 0.5, ZONES)), 30, 2500)
    x, y = WEST + 3000 + rng.random(ZONES) * 94_000, NORTH - 3000 - rng.random(ZONES) * 94_000
    blobs = []
    for i, points in enumerate(rng.integers(10, 120, ZONES)):
        angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
        reach = radius[i] * (1 + 0.3 * np.sin(3 * angle + rng.uniform(0, 6)) * rng.random())
        blobs.append(shapely.Polygon(np.column_stack([x[i] + reach * np.cos(angle), y[i] + reach * np.sin(angle)])))
    gpd.GeoDataFrame({"zid": np.arange(ZONES)}, geometry=blobs, crs=CRS).to_parquet(folder / "zones.parquet")


def run(peer, folder):
    done = subprocess.run([sys.executable, "-c", CHILD, peer, folder], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = given.folder or Path(made)
        if not (folder / "zones.parquet").exists():
            make(folder)
        peers = ["feature-sequential", "raster-sequential", "ours"]
        runs = {peer: [] for peer in peers}
        for _ in range(given.repeat):
            for peer in peers:
                runs[peer].append(run(peer, folder))
    middle = {peer: {key: statistics.median(r[key] for r in took) for key in took[0]} for peer, took in runs.items()}
    best = min(middle[peer]["cpu"] for peer in peers[:2])
    for peer, one in middle.items():
        cpu, wall = f"CPU {one['cpu']:6.2f} s ({one['cpu'] / best:.2f})", f"wall {one['wall']:6.2f} s"
        print(f"{peer:20s} {cpu}  {wall}  {one['mib']:6.0f} MiB")
    ours, theirs = middle["ours"], middle["feature-sequential"]
    if abs(ours["cells"] / theirs["cells"] - 1) > 1e-6:
        message = f"cells differ: {ours['cells']} and {theirs['cells']}"
        raise SystemExit(message)


if __name__ == "__main__":
    main()
