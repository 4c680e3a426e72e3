"""
Sites beside control lines: how much of a site lies in a line, whether it does at all, how far away it is.

Every function takes the layers it needs, already read, and gives its answer as one array in the order of sites (or of
groups, or of parcels), so that answers can be compared number by number. What ours must build first, pieces and trees,
is built within the clock, unless the name says that the plan has kept it.
"""

import functools
from importlib.util import find_spec

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from benchmarks.bench_restoration import KEYS, unions
from ecozones import overlay
from ecozones.area import polygon_areas

# sites of which the slow nearest join is asked; its time is scaled to all of them, and labelled so
SAMPLE = 200
# edges shorter than this mean the same as a geodesic and as a line on the map, to some billionths of a parcel [m]
EDGE_M = 30.0


def _shapes(frame):
    return frame.geometry.to_numpy()


def _by_site(sites, rows, amounts):
    return np.bincount(rows, weights=amounts, minlength=len(sites))


def overlay_area(sites, line):
    met = gpd.overlay(sites[["sid", "geometry"]], line[["geometry"]], how="intersection", keep_geom_type=True)
    return _by_site(sites, met["sid"], met.area)


def pieces_area(sites, line):
    shape, _, area = overlay.overlap_areas(_shapes(sites), overlay.cut(_shapes(line)))
    return _by_site(sites, shape, area)


def keep_pieces(sites, line):
    """Do what a plan has done before its second check."""
    pieces = overlay.cut(_shapes(line))
    overlay.overlap_areas(_shapes(sites), pieces)
    return pieces


def compile_first():
    """Compile, or read what was compiled before: that is done once a machine, not once a check."""
    from ecozones import fast  # noqa: PLC0415 - the others must not pay for it

    shapes = np.array([shapely.box(0, 0, 1, 1), shapely.Point(0, 0).buffer(1, quad_segs=200)], dtype=object)
    fast.overlap_areas(shapes, fast.cut(shapes))
    return fast


def compiled_area(sites, line, kept):
    shape, _, area = kept.overlap_areas(_shapes(sites), kept.cut(_shapes(line)))
    return _by_site(sites, shape, area)


def kept_area(sites, _line, kept):
    shape, _, area = overlay.overlap_areas(_shapes(sites), kept)
    return _by_site(sites, shape, area)


def tree_area(sites, line):
    """Write what an experienced user of shapely writes: a tree, then intersections."""
    shape, polygon = shapely.STRtree(_shapes(line)).query(_shapes(sites), predicate="intersects")
    area = shapely.area(shapely.intersection(_shapes(sites)[shape], _shapes(line)[polygon]))
    return _by_site(sites, shape, area)


def join_yes(sites, line):
    met = gpd.sjoin(sites[["sid", "geometry"]], line[["geometry"]], predicate="intersects")
    return _by_site(sites, met["sid"], None)


def ask_yes(sites, line):
    # a join does not ask whether polygons are valid, nor does this
    return ask_yes_again(sites, line, overlay.cut(_shapes(line), checked=True))


def ask_yes_again(sites, _line, kept):
    shape, _ = overlay.meeting_pairs(_shapes(sites), kept)
    return _by_site(sites, shape, None)


def keep_asked(sites, line):
    """Do what a plan has done before it is asked a second time."""
    pieces = overlay.cut(_shapes(line), checked=True)
    overlay.meeting_pairs(_shapes(sites), pieces)
    return pieces


def join_nearest(sites, line):
    chosen = sites.iloc[:: max(1, len(sites) // SAMPLE)][:SAMPLE]
    met = gpd.sjoin_nearest(chosen[["sid", "geometry"]], line[["geometry"]], distance_col="distance")
    distance = np.full(len(sites), np.nan)
    distance[met["sid"]] = met["distance"]
    return distance


def edges_nearest(sites, line):
    return overlay.nearest(_shapes(sites), overlay.cut(_shapes(line)))


def overlay_conflicts(first, second):
    met = gpd.overlay(first[["geometry"]].assign(row=range(len(first))), second[["geometry"]], keep_geom_type=True)
    return _by_site(first, met["row"], met.area)


def meet_conflicts(first, second):
    met = overlay.meet(_shapes(first), overlay.cut(_shapes(second)))
    return _by_site(first, met.shape, shapely.area(met.geometry))


def dissolve(projects):
    return projects.dissolve(by=KEYS).area.to_numpy()


def unite(projects):
    return shapely.area(unions(projects, KEYS))


def geod_loop(parcels):
    """Measure each polygon by GeographicLib, as the documentation of pyproj shows it."""
    geod = parcels.crs.get_geod()
    return np.array([abs(geod.geometry_area_perimeter(shape)[0]) for shape in parcels.to_crs("EPSG:4490").geometry])


def geod_loop_cut(parcels):
    """Give GeographicLib edges so short that its geodesics and the lines on the map are the same."""
    return geod_loop(parcels.set_geometry(parcels.segmentize(EDGE_M)))


def area_by(method, parcels, *, rounded=False):
    return polygon_areas(_shapes(parcels), parcels.crs, method=method, rounded=rounded)


def series_loop(parcels):
    """Follow the printed procedure of the survey one parcel at a time."""
    return np.array(
        [
            polygon_areas(_shapes(parcels)[i : i + 1], parcels.crs, method="national", rounded=True)[0]
            for i in range(len(parcels))
        ]
    )


def projected_area(parcels):
    albers = pyproj.CRS("+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +ellps=GRS80 +units=m")
    return parcels.to_crs(albers).area.to_numpy()


SITES = ("sites", "redline")
FARM = ("sites", "farmland")

# by job: its title, the layers it takes, the peer all are compared with, and a function for every peer
JOBS = {
    "red area": ("site x red line, area", SITES, "geopandas.overlay", {
        "geopandas.overlay": overlay_area,
        "shapely tree": tree_area,
        "ecozones": pieces_area,
        "ecozones, pieces kept": (keep_pieces, kept_area),
        "ecozones[fast]": (lambda *_: compile_first(), compiled_area),
    }),
    "farm area": ("site x farmland, area", FARM, "geopandas.overlay", {
        "geopandas.overlay": overlay_area, "ecozones": pieces_area,
        "ecozones, pieces kept": (keep_pieces, kept_area),
        "ecozones[fast]": (lambda *_: compile_first(), compiled_area),
    }),
    "red yes": ("site meets red line, yes or no", SITES, "geopandas.sjoin", {
        "geopandas.sjoin": join_yes, "ecozones": ask_yes, "ecozones, pieces kept": (keep_asked, ask_yes_again),
    }),
    "farm yes": ("site meets farmland, yes or no", FARM, "geopandas.sjoin", {
        "geopandas.sjoin": join_yes, "ecozones": ask_yes, "ecozones, pieces kept": (keep_asked, ask_yes_again),
    }),
    "nearest": ("distance to the red line", SITES, "geopandas.sjoin_nearest", {
        "geopandas.sjoin_nearest": join_nearest, "ecozones": edges_nearest,
    }),
    "conflict": ("farmland x red line, shared ground", ("farmland", "redline"), "geopandas.overlay", {
        "geopandas.overlay": overlay_conflicts, "ecozones": meet_conflicts,
    }),
    "union": ("restoration by year and type, union", ("restoration",), "geopandas.dissolve", {
        "geopandas.dissolve": dissolve, "ecozones": unite,
    }),
    "area": ("area of parcels on the ellipsoid", ("farmland",), "pyproj.Geod", {
        "pyproj.Geod": geod_loop,
        "ecozones equal area": functools.partial(area_by, "equal_area"),
        "ecozones national, unrounded": functools.partial(area_by, "national"),
        "ecozones geodesic": functools.partial(area_by, "geodesic"),
        "equal-area projection": projected_area,
    }),
    "area cut": ("area of parcels on the ellipsoid, edges straight on the map", ("farmland",),
                 "pyproj.Geod, edges of 30 m", {
        "pyproj.Geod, edges of 30 m": geod_loop_cut,
        "ecozones equal area": functools.partial(area_by, "equal_area"),
        "ecozones national, unrounded": functools.partial(area_by, "national"),
    }),
    "national": ("area as the survey rounds it", ("farmland",), "one by one", {
        "one by one": series_loop, "ecozones": functools.partial(area_by, "national", rounded=True),
    }),
}  # fmt: skip

# peers of which only a sample is measured, and how much of the whole it is
SAMPLED = {("nearest", "geopandas.sjoin_nearest"): SAMPLE}


def missing():
    """Peers that cannot be measured here, and why."""
    return {} if find_spec("numba") else {"ecozones[fast]": "not measured: numba is not installed"}
