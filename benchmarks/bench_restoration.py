"""
The footprint of overlapping projects, beside ``dissolve``: CPU seconds, median of interleaved runs.

    python -m benchmarks.bench_restoration S M L

Each job is measured twice over. *union* is the geometry alone: what `dissolve` does, and what our union does.
*answer* is the table that is wanted, with checked input and official areas on the ellipsoid: for us one call of
`measure_restored`, for `dissolve` the same validity check and the same area function on the same ground. Both must
give the same square metres. The ellipsoid costs both sides the same seconds; *plane* is the answer without them.
"""

import argparse
import statistics
import time

import numpy as np
import pandas as pd
import shapely

from benchmarks.workload import SIZES, restoration
from ecozones.area import polygon_areas
from ecozones.restoration import footprint, measure_restored

KEYS = ["year", "type"]


def projects(name):
    """Draw the projects of one size, as the workload does."""
    drawn = restoration(SIZES[name], np.random.default_rng([15, ord(name)]))
    return drawn.rename(columns={"rid": "project_id"}).assign(programme="one")


def unions(frame, by):
    geometry = frame.geometry.to_numpy()
    rows = [np.arange(len(frame))] if by is None else frame.groupby(by).indices.values()
    return np.array([footprint(geometry[member]) for member in rows], dtype=object)


def peer_answer(frame, by, method):
    if not frame.is_valid.all():
        message = "the workload is valid by construction"
        raise ValueError(message)
    ground = frame.dissolve(by=by).geometry.to_numpy()
    polygon_areas(frame.geometry.to_numpy(), frame.crs, method=method)
    return polygon_areas(ground, frame.crs, method=method) / 1e4


def jobs(frame):
    """Pairs of functions that must agree: theirs and ours."""
    for label, by in (("total", None), ("year x type", KEYS)):
        yield (
            f"{label}, union",
            lambda by=by: shapely.area(frame.dissolve(by=by).geometry.to_numpy()),
            lambda by=by: shapely.area(unions(frame, by)),
        )
        for name, method in (("answer", "national"), ("answer in the plane", "planar")):
            yield (
                f"{label}, {name}",
                lambda by=by, method=method: peer_answer(frame, by, method),
                lambda by=by, method=method: measure_restored(frame, by=by or "total", method=method)[
                    "footprint_ha"
                ].to_numpy(),
            )


def measure(theirs, ours, repeats):
    spent = {theirs: [], ours: []}
    answers = {}
    for _ in range(repeats):
        for run in (theirs, ours):
            start = time.process_time()
            answers[run] = run()
            spent[run].append(time.process_time() - start)
    np.testing.assert_allclose(np.sort(answers[ours]), np.sort(answers[theirs]), rtol=1e-9)
    return (statistics.median(spent[run]) for run in (theirs, ours))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="+", choices=list(SIZES))
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    rows = []
    for name in chosen.sizes:
        frame = projects(name)
        for label, theirs, ours in jobs(frame):
            peer, own = measure(theirs, ours, chosen.repeats)
            rows.append((name, len(frame), label, peer, own, peer / own))
    table = pd.DataFrame(rows, columns=["size", "projects", "job", "dissolve_s", "ecozones_s", "times_faster"])
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
