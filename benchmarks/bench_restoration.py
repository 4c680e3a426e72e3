"""
The footprint of overlapping projects, beside ``dissolve``.

*Union* is the geometry alone: what ``dissolve`` does, and what our union does. *Restored* is the table that is wanted,
with checked input and official areas, by one call of ``measure_restored``. It stands beside ``dissolve`` with the same
validity check and the same area function on the same ground, and beside ``dissolve`` alone, which checks nothing and
measures the map: its difference is that of the map.
"""

import numpy as np
import shapely

from ecozones.area import polygon_areas
from ecozones.restoration import measure_restored
from ecozones.restoration.footprints import collect_ground, footprint_areas, ground_components

KEYS = ["year", "type"]


def as_projects(drawn):
    """Name the columns as the library does."""
    return drawn.rename(columns={"rid": "project_id"}).assign(programme="one")


def dissolve(projects):
    return shapely.area(projects.dissolve().geometry.to_numpy())


def dissolve_disjoint(projects):
    return shapely.area(projects.dissolve(method="disjoint_subset").geometry.to_numpy())


def unite(projects):
    return shapely.area(unions(projects, None))


def unions(projects, by):
    geometry = projects.geometry.to_numpy()
    group = np.zeros(len(geometry), dtype=np.intp) if by is None else projects.groupby(by).ngroup().to_numpy()
    label = ground_components(geometry, group)
    found, _, united = footprint_areas(geometry, label, projects.crs, method="planar")
    return collect_ground(united, group[found], group.max() + 1)


def by_dissolve_alone(by):
    return lambda _drawn, kept: kept.dissolve(by=by).area.to_numpy() / 1e4


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


CHECKED = "geopandas.dissolve, checked"


def peers(by, method):
    return {
        CHECKED: (as_projects, by_dissolve(by, method)),
        "geopandas.dissolve": (as_projects, by_dissolve_alone(by)),
        "ecozones": (as_projects, by_verb(by, method)),
    }


LAYERS = ("restoration",)
JOBS = {
    "union total": ("restoration, union of all", LAYERS, "geopandas.dissolve", {
        "geopandas.dissolve": dissolve, "geopandas.dissolve, disjoint": dissolve_disjoint, "ecozones": unite,
    }),
} | {
    f"restored {label}{where}": (f"restored ground {title}{where}", LAYERS, CHECKED, peers(by, method))
    for label, title, by in (("total", "in all", None), ("groups", "by year and type", KEYS))
    for where, method in (("", "national"), (" in the plane", "planar"))
}  # fmt: skip
