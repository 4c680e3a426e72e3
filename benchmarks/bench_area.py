"""
Areas of parcels beside GeographicLib: CPU seconds, and what is left where the two differ.

    python -m benchmarks.bench_area S M [--folder DIR]

The loop over ``pyproj.Geod`` is the usual way, and the base. It joins vertices by geodesics; a parcel is drawn with
lines that are straight on the map. Between the two lies ground that grows with the cube of an edge: half a square
decimetre for one of 230 m, 20 km from the meridian. So the loop is run on the same parcels with their edges cut at
30 m too, where both mean the same. What rounding is left on either side shows beside a reference: the textbook's
integral in numbers of 19 digits, under both kinds of edges, on parcels at random and on those that differ most.
"""

import argparse
import statistics
import time

import numpy as np
import pandas as pd
import pyproj
import shapely

from benchmarks.bench_sites import geod_loop, geod_loop_cut
from benchmarks.workload import SIZES, load
from ecozones.area import polygon_areas

CHOSEN = 1_000
GEODETIC = "EPSG:4490"


def below(latitude, ellipsoid):
    """Ground between the equator and a latitude [degrees] per radian of longitude, by the textbook."""
    flattening = 1 / np.longdouble(str(ellipsoid.inverse_flattening))
    a, e2 = np.longdouble(ellipsoid.semi_major_metre), (2 - flattening) * flattening
    e, sine = np.sqrt(e2), np.sin(np.radians(np.asarray(latitude, dtype=np.longdouble)))
    return a**2 * (1 - e2) / 2 * (sine / (1 - e2 * sine**2) + np.arctanh(e * sine) / e)


def long_areas(parcels, edges):
    """Ground under each edge by its ends and its middle, in long numbers."""
    geod, ellipsoid = parcels.crs.get_geod(), parcels.crs.ellipsoid
    to_degrees = pyproj.Transformer.from_crs(parcels.crs, GEODETIC, always_xy=True)
    areas = []
    for shape in parcels.geometry:
        x, y = shapely.get_coordinates(shape).T
        east, north = to_degrees.transform(x, y)
        if edges == "geodesic":
            azimuth, _, length = geod.inv(east[:-1], north[:-1], east[1:], north[1:])
            middle = geod.fwd(east[:-1], north[:-1], azimuth, length / 2)[:2]
        else:
            middle = to_degrees.transform((x[:-1] + x[1:]) / 2, (y[:-1] + y[1:]) / 2)
        one, two, three = (
            np.radians(np.asarray(each, dtype=np.longdouble)) for each in (east[:-1], middle[0], east[1:])
        )
        strips = [below(each, ellipsoid) for each in (north[:-1], middle[1], north[1:])]
        # Simpson's rule, with longitude on a parabola as well
        slopes = (-3 * one + 4 * two - three, three - one, one - 4 * two + 3 * three)
        under = sum(weight * strip * slope for weight, strip, slope in zip((1, 4, 1), strips, slopes, strict=True))
        areas.append(abs(float(under.sum()) / 6))
    return np.array(areas)


def seconds(run, repeats):
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        answer = run()
        spent.append(time.process_time() - start)
    return statistics.median(spent), answer


def spread(found, expected):
    difference = np.abs(found / expected - 1)
    of_999 = np.quantile(difference, 0.999)
    return [f"{value:.1e}" for value in (np.median(difference), of_999, difference.max())] + [
        f"{(difference > 1e-8).sum()} of {len(difference)}"
    ]


def compare(parcels, repeats):
    shapes, crs = parcels.geometry.to_numpy(), parcels.crs
    runs = {
        "pyproj.Geod": lambda: geod_loop(parcels),
        "equal_area": lambda: polygon_areas(shapes, crs, method="equal_area"),
        "national": lambda: polygon_areas(shapes, crs, method="national"),
        "pyproj.Geod, cut": lambda: geod_loop_cut(parcels),
    }
    spent, areas = {}, {}
    for name, run in runs.items():
        spent[name], areas[name] = seconds(run, repeats)
    for name, took in spent.items():
        print(f"  {name:18s} {took:6.3f} s CPU, {spent['pyproj.Geod'] / took:5.1f} times as fast as pyproj.Geod")
    rows = {}
    for method in ("equal_area", "national"):
        rows[f"{method}: pyproj.Geod"] = spread(areas[method], areas["pyproj.Geod"])
        rows[f"{method}: pyproj.Geod, cut"] = spread(areas[method], areas["pyproj.Geod, cut"])
    most = np.argsort(-np.abs(areas["equal_area"] / areas["pyproj.Geod"] - 1))[:CHOSEN]
    drawn = np.random.default_rng(1).permutation(len(parcels))[:CHOSEN]
    for where, chosen in (("at random", drawn), ("most apart", most)):
        straight, geodesic = (long_areas(parcels.iloc[chosen], edges) for edges in ("straight", "geodesic"))
        rows[f"pyproj.Geod: reference, geodesics, {where}"] = spread(areas["pyproj.Geod"][chosen], geodesic)
        for method in ("equal_area", "national"):
            rows[f"{method}: reference, straight, {where}"] = spread(areas[method][chosen], straight)
    columns = ["median", "999 in 1000", "largest", "beyond 1e-8"]
    print(pd.DataFrame.from_dict(rows, orient="index", columns=columns).to_string())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="+", choices=list(SIZES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", default="benchmarks/data")
    given = parser.parse_args()
    if np.finfo(np.longdouble).eps > 1e-18:
        message = "this machine has no numbers longer than double, so no reference"
        raise SystemExit(message)
    for size in given.sizes:
        parcels = load(size, "farmland", given.folder)
        print(f"\n{size}: {len(parcels)} parcels")
        compare(parcels, given.repeats)


if __name__ == "__main__":
    main()
