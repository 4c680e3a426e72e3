"""What entered a red line since a baseline, what was there already, and what nobody looked at."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from typing import cast

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ecozones import overlay
from ecozones.area import AreaMethod, polygon_areas
from ecozones.crs import check_crs
from ecozones.errors import InputError
from ecozones.landcover.classes import transition_matrix
from ecozones.landcover.zone_cells import PIXEL_COUNT, Numbers, zone_names
from ecozones.placing import bring_to
from ecozones.rasters import AnyRaster
from ecozones.units import from_m2


def find_encroachment(
    line: gpd.GeoDataFrame,
    before: AnyRaster | gpd.GeoDataFrame,
    after: AnyRaster | gpd.GeoDataFrame,
    *,
    classes: Collection[int] | None = None,
    surveyed: gpd.GeoDataFrame | None = None,
    feature_id: str = "feature_id",
    method: AreaMethod = "national",
) -> pd.DataFrame:
    """
    Measure what entered each polygon of a red line since a baseline, what was there already, and what nobody looked at.

    Parameters
    ----------
    line
        Polygons of the line.
    before, after
        Two rasters of classes on one grid, or two layers of polygons that encroach (such as built-up land).
    classes
        With rasters: the classes that encroach.
    surveyed
        With polygons: the ground that was looked at on both dates; the rest is nodata, not free.
    feature_id
        Column that names the polygons of the line.
    method
        How polygons are measured.

    Returns
    -------
    DataFrame
        One row for each polygon of the line and status: ``feature_id``, ``status`` (encroached: new since the baseline,
        removed: no longer there, unchanged_used, unchanged_free, nodata), ``area_m2`` [m²], ``area_ha`` [ha],
        ``share``, ``kind`` (pixel_count or polygons).

    Raises
    ------
    InputError
        The two dates are not of one kind, or what is needed to read them was not given.
    CRSError
        Layers cannot be placed on the ground.
    """
    vector = [isinstance(layer, gpd.GeoDataFrame) for layer in (before, after)]
    if any(vector) != all(vector):
        message = "before and after must both be rasters or both be polygons"
        raise InputError(message)
    if all(vector):
        if surveyed is None or classes is not None:
            message = "polygons need surveyed=, the ground looked at on both dates, and take no classes"
            raise InputError(message)
        old, new = cast("gpd.GeoDataFrame", before), cast("gpd.GeoDataFrame", after)
        table = _encroachment_of_polygons(line, old, new, surveyed, feature_id, method)
        kind = "polygons"
    else:
        if not classes or surveyed is not None:
            message = (
                "rasters need classes=, those that encroach, and take no survey: their nodata says what was not seen"
            )
            raise InputError(message)
        rasters = (cast("AnyRaster", before), cast("AnyRaster", after))
        table = _encroachment_of_rasters(line, *rasters, set(classes), feature_id, method)
        kind = PIXEL_COUNT
    table["area_ha"] = from_m2(table["area_m2"], "ha")
    table["share"] = table["area_m2"] / table.groupby("feature_id", sort=False)["area_m2"].transform("sum")
    table["kind"] = kind
    return table


_STATUSES = ["encroached", "removed", "unchanged_used", "unchanged_free", "nodata"]


def _encroachment_of_rasters(
    line: gpd.GeoDataFrame, before: AnyRaster, after: AnyRaster, classes: set[int], feature_id: str, method: AreaMethod
) -> pd.DataFrame:
    moved = transition_matrix(before, after, zones=line, zone_id=feature_id, method=method)
    seen = moved["ground"] == "class"
    old, new = moved["before"].isin(classes), moved["after"].isin(classes)
    moved["status"] = np.select(
        [~seen, ~old & new, old & ~new, old & new],
        ["nodata", "encroached", "removed", "unchanged_used"],
        "unchanged_free",
    )
    wide = moved.pivot_table(index="zone_id", columns="status", values="area_m2", aggfunc="sum", sort=False)
    wide = wide.reindex(index=line[feature_id], columns=_STATUSES).fillna(0.0)
    return _long(wide.to_numpy(), list(line[feature_id]))


def _encroachment_of_polygons(
    line: gpd.GeoDataFrame,
    before: gpd.GeoDataFrame,
    after: gpd.GeoDataFrame,
    surveyed: gpd.GeoDataFrame,
    feature_id: str,
    method: AreaMethod,
) -> pd.DataFrame:
    check_crs(line, what="line")
    ids = list(zone_names(line, feature_id))
    ground = np.asarray(line.geometry.array, dtype=object)

    def shared(shapes: NDArray[np.object_], layer: gpd.GeoDataFrame, what: str) -> NDArray[np.object_]:
        """Cut each shape down to the ground of a layer, counted once."""
        moved, _ = bring_to(layer, line.crs, what=what)
        united = overlay.unite(
            np.asarray(moved.geometry.array, dtype=object), np.zeros(len(moved), dtype=np.intp), 1 if len(moved) else 0
        )
        out = np.full(len(shapes), shapely.Polygon(), dtype=object)
        if len(united):
            met = overlay.meet(shapes, overlay.cut(united))
            out[met.shape] = met.geometry
        return out

    def area(shapes: NDArray[np.object_]) -> Numbers:
        return np.asarray(polygon_areas(shapes, line.crs, method=method))

    whole, seen = area(ground), shared(ground, surveyed, "surveyed")
    old, new = shared(seen, before, "before"), shared(seen, after, "after")
    both = area(shared(old, after, "after"))
    used_before, used_after, looked_at = area(old), area(new), area(seen)
    columns = [
        used_after - both,
        used_before - both,
        both,
        looked_at - used_after - used_before + both,
        whole - looked_at,
    ]
    # differences of areas: what is left of nothing may be a hair below it
    return _long(np.maximum(np.column_stack(columns), 0.0), ids)


def _long(areas: Numbers, ids: Sequence[Hashable]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "feature_id": np.repeat(np.asarray(ids, dtype=object), len(_STATUSES)),
            "status": _STATUSES * len(ids),
            "area_m2": areas.ravel(),
        }
    )
