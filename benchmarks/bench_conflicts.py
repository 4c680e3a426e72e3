"""
Ground that two layers share, as geometry: lines of a plan against each other.

Ours starts from uncut polygons and builds what it needs within the clock; "whole table" is everything that
`find_conflicts` tells of the two lines, with areas on the ellipsoid, artefacts and what the rules say.
"""

import geopandas as gpd
import numpy as np
import shapely

from ecozones.conflicts import find_conflicts
from ecozones.conflicts.common_ground import Layer, Place, share
from ecozones.plan import ZoningPlan

LINES = {
    "redline": "ecological_red_line",
    "farmland": "permanent_basic_farmland",
    "urban": "urban_development_boundary",
}


def _by_row(frame, rows, amounts):
    return np.bincount(rows, weights=amounts, minlength=len(frame))


def overlay_shared(first, second):
    met = gpd.overlay(first[["geometry"]].assign(row=range(len(first))), second[["geometry"]], keep_geom_type=True)
    return _by_row(first, met["row"], met.area)


def tree_shared(first, second):
    """Write what an experienced user of shapely writes: a tree, then intersections."""
    one, other = first.geometry.to_numpy(), second.geometry.to_numpy()
    row, polygon = shapely.STRtree(other).query(one, predicate="intersects")
    return _by_row(first, row, shapely.area(shapely.intersection(one[row], other[polygon])))


def share_ground(first, second):
    place = Place.of(first.crs, first, second)
    found = share(Layer.of(first, place, what="first"), Layer.of(second, place, what="second"))
    return _by_row(first, found.a, shapely.area(place.back(found.geometry)))


def keep_plan(first, second):
    """Read the plan, which is done once whatever it is asked afterwards."""
    return ZoningPlan.from_layers(
        {
            line: frame.assign(feature_id=np.arange(len(frame)).astype(str))
            for line, frame in zip((LINES["farmland"], LINES["redline"]), (first, second), strict=True)
        }
    )


def whole_table(first, second, kept):
    del second
    found = find_conflicts(kept, method="planar")
    return _by_row(first, found["feature_b"].astype(int), found["area_m2"])


# beside the base, which bench_sites brings for farmland
PEERS = {
    "conflict": {
        "shapely tree": tree_shared,
        "ecozones, checked layers": share_ground,
        "ecozones, whole table": (keep_plan, whole_table),
    },
}

# of each job: a title, layers, the base, and functions by peer
JOBS = {
    "town conflict": (
        "urban boundary x red line, shared ground",
        ("urban", "redline"),
        "geopandas.overlay",
        {"geopandas.overlay": overlay_shared, **PEERS["conflict"]},
    ),
}
