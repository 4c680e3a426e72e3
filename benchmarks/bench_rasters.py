"""
Class areas of zones on a raster, beside exactextract and rasterstats.

exactextract gives shares of classes (``unique``, ``frac``, ``count``) on cells all alike, rasterstats counts whole
cells by their centres, which is another answer. We give square metres of the ellipsoid, nodata and coverage as well,
and must agree with exactextract on the cells. The answer is a row of cells by class for each zone, laid end to end.
"""

from importlib.util import find_spec

import numpy as np

CLASSES = 10


def extract(strategy):
    """Ask exactextract, by one of its two ways of going through the raster."""

    def run(zones, raster, kept):
        options = {"output": "pandas", "strategy": strategy}
        found = kept(raster, zones, ["unique", "frac", "count"], **options)
        cells = np.zeros((len(zones), CLASSES))
        for row, (codes, shares, count) in enumerate(zip(found["unique"], found["frac"], found["count"], strict=True)):
            cells[row, codes.astype(int)] = shares * count
        return cells.ravel()

    return run


def load_extract(*_):
    from exactextract import exact_extract  # noqa: PLC0415 - the others must not pay for it

    return exact_extract


def load_stats(*_):
    from rasterstats import zonal_stats  # noqa: PLC0415

    return zonal_stats


def count_whole(zones, raster, kept):
    cells = np.zeros((len(zones), CLASSES))
    for row, counts in enumerate(kept(zones, raster, categorical=True)):
        for code, count in counts.items():
            cells[row, int(code)] = count
    return cells.ravel()


def load_ours(*_):
    load_extract()
    from ecozones.landcover import class_areas  # noqa: PLC0415

    return class_areas


def measure(zones, raster, kept):
    found = kept(zones, raster, zone_id="zid").query("ground == 'class'")
    cells = np.zeros((len(zones), CLASSES))
    cells[found["zone_id"].to_numpy(int), found["class_id"].to_numpy(int)] = found["cells"]
    return cells.ravel()


BASE = "exactextract, by feature"
JOBS = {
    "class areas": ("class areas of zones on a raster", ("zones", "landcover"), BASE, {
        BASE: (load_extract, extract("feature-sequential")),
        "exactextract, by block": (load_extract, extract("raster-sequential")),
        "rasterstats, whole cells": (load_stats, count_whole),
        "ecozones": (load_ours, measure),
    }),
}  # fmt: skip


def missing():
    return (
        {} if find_spec("rasterstats") else {"rasterstats, whole cells": "not measured: rasterstats is not installed"}
    )
