"""
What it costs to check parcels, beside GEOS's coverage functions alone on the same parcels.

Three layers: parcels in order; the same with one in a hundred shifted by 0.3 m, which makes overlaps, gaps and loose
edges by the thousand; and the same with every parcel in it twice.

The contest is validity, overlaps, gaps and slivers against ``shapely.coverage_invalid_edges`` with a gap width, which
says that an edge is wrong but not what is: no pair, no area, no width, no sliver, and (GEOS issue 1251) not every gap.
The answer is how many parcels are at fault. Ours are more: small overlaps at a corner, which GEOS lets pass.
"""

import geopandas as gpd
import numpy as np
import shapely

from ecozones.quality import check_quality

RULES = ["geometry.invalid", "geometry.sliver", "coverage.overlap", "coverage.gap"]
GAP_M = 1.0


def in_order(parcels):
    return parcels


def shifted(parcels, share=0.01, by=0.3, seed=7):
    """Move some parcels a little, as a second survey would."""
    geometry = parcels.geometry.to_numpy().copy()
    rows = np.random.default_rng(seed).choice(len(geometry), int(len(geometry) * share), replace=False)
    geometry[rows] = shapely.transform(geometry[rows], lambda xy: np.round(xy + by, 3))
    return parcels.set_geometry(gpd.GeoSeries(geometry, index=parcels.index, crs=parcels.crs))


def doubled(parcels):
    return gpd.GeoDataFrame(geometry=[*parcels.geometry, *parcels.geometry], crs=parcels.crs)


def by_geos(_parcels, kept):
    edges = shapely.coverage_invalid_edges(kept.geometry.to_numpy(), gap_width=GAP_M)
    return [np.count_nonzero(~shapely.is_empty(edges))]


def by_us(_parcels, kept):
    found = check_quality(kept, rules=RULES)
    named = found.loc[found["severity"] != "not_checked", "feature_ids"].astype(str).str.split(", ").explode()
    return [named.nunique()]


BASE = "GEOS coverage_invalid_edges"
JOBS = {
    f"quality {label}": (f"quality of parcels, {label}", ("farmland",), BASE, {
        BASE: (spoil, by_geos), "ecozones": (spoil, by_us),
    })
    for label, spoil in (("in order", in_order), ("1 in 100 shifted", shifted), ("each twice", doubled))
}  # fmt: skip
