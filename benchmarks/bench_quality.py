"""
What it costs to check a hundred thousand parcels, beside GEOS's coverage functions alone on the same parcels.

CPU time of one process, both sides in the same run, turn about; the least of the rounds counts, for whatever else the
machine does can only add to it. Three layers: parcels in order; the same with one in a hundred shifted by 0.3 m, which
makes overlaps, gaps and loose edges by the thousand; and the same with every parcel in it twice.

The contest is validity, overlaps, gaps and slivers against ``shapely.coverage_invalid_edges`` with a gap width, which
says that an edge is wrong but not what is: no pair, no area, no width, no sliver, and (GEOS issue 1251) not every gap.
"""

import argparse
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from benchmarks import workload
from ecozones.quality import check_quality

GOAL = 1.5
RULES = ["geometry.invalid", "geometry.sliver", "coverage.overlap", "coverage.gap"]
GAP_M = 1.0


def shifted(layer, share, by, seed=7):
    """Move some parcels a little, as a second survey would."""
    geometry = layer.geometry.to_numpy().copy()
    rows = np.random.default_rng(seed).choice(len(geometry), int(len(geometry) * share), replace=False)
    geometry[rows] = shapely.transform(geometry[rows], lambda xy: np.round(xy + by, 3))
    return layer.set_geometry(gpd.GeoSeries(geometry, index=layer.index, crs=layer.crs))


def cpu(work):
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def contest(name, layer, rounds, rules):
    geometry = layer.geometry.to_numpy()
    ours, alone = [], []
    for _ in range(rounds):
        seconds, edges = cpu(lambda: shapely.coverage_invalid_edges(geometry, gap_width=GAP_M))
        alone.append(seconds)
        seconds, found = cpu(lambda: check_quality(layer, rules=rules))
        ours.append(seconds)
    count = found[found["severity"] != "not_checked"]["rule_id"].value_counts().to_dict()
    ratio = min(ours) / min(alone)
    wrong = int((~shapely.is_empty(edges)).sum())
    print(
        f"{name:<22}{len(layer):>8,} parcels  ours {min(ours):6.2f} s  GEOS alone {min(alone):6.2f} s  "
        f"ratio {ratio:5.2f}  (goal < {GOAL})  found {count}; GEOS: {wrong} parcels with invalid edges"
    )
    return ratio


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=list(workload.SIZES), default="M")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--all-rules", action="store_true", help="spikes, duplicates and loose edges too")
    parser.add_argument("--data", default=Path(__file__).parent / "data")
    chosen = parser.parse_args()
    rules = ["geometry", "coverage"] if chosen.all_rules else RULES
    parcels = workload.load(chosen.size, "farmland", chosen.data)
    doubled = gpd.GeoDataFrame(geometry=[*parcels.geometry, *parcels.geometry], crs=parcels.crs)
    contest("in order", parcels, chosen.rounds, rules)
    contest("1 in 100 shifted", shifted(parcels, 0.01, 0.3), chosen.rounds, rules)
    contest("every parcel twice", doubled, 1, rules)


if __name__ == "__main__":
    main()
