"""
The footprint of overlapping projects, beside ``dissolve``.

*Union* is the geometry alone: what ``dissolve`` does, and what our union does. *Restored* is the table that is wanted,
with checked input and areas: for us one call of ``measure_restored``, for ``dissolve`` the same validity check and the
same area function on the same ground. The ellipsoid costs both sides the same seconds; *in the plane* is without them.
"""

import numpy as np
import shapely

from ecozones.area import polygon_areas
from ecozones.restoration import footprint, measure_restored

KEYS = ["year", "type"]


def as_projects(drawn):
    """Name the columns as the library does."""
    return drawn.rename(columns={"rid": "project_id"}).assign(programme="one")


def dissolve(projects):
    return shapely.area(projects.dissolve().geometry.to_numpy())


def dissolve_disjoint(projects):
    return shapely.area(projects.dissolve(method="disjoint_subset").geometry.to_numpy())


def unite(projects):
    return np.array([shapely.area(footprint(projects.geometry.to_numpy()))])


def by_dissolve(by, method):
    def run(_drawn, kept):
        if not kept.is_valid.all():
            message = "the workload is valid by construction"
            raise ValueError(message)
        ground = kept.dissolve(by=by).geometry.to_numpy()
        polygon_areas(kept.geometry.to_numpy(), kept.crs, method=method)
        return polygon_areas(ground, kept.crs, method=method) / 1e4

    return run


def by_verb(by, method):
    def run(_drawn, kept):
        found = measure_restored(kept, by=by or "total", method=method)
        # groups come in the order of their first record, those of dissolve sorted
        return (found.sort_values(by) if by else found)["footprint_ha"].to_numpy()

    return run


def peers(by, method):
    return {
        "geopandas.dissolve": (as_projects, by_dissolve(by, method)),
        "ecozones": (as_projects, by_verb(by, method)),
    }


LAYERS = ("restoration",)
JOBS = {
    "union total": ("restoration, union of all", LAYERS, "geopandas.dissolve", {
        "geopandas.dissolve": dissolve, "geopandas.dissolve, disjoint": dissolve_disjoint, "ecozones": unite,
    }),
} | {
    f"restored {label}{where}": (f"restored ground {title}{where}", LAYERS, "geopandas.dissolve", peers(by, method))
    for label, title, by in (("total", "in all", None), ("groups", "by year and type", KEYS))
    for where, method in (("", "national"), (" in the plane", "planar"))
}  # fmt: skip
