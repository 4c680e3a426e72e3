"""Where the three spaces fail to divide the territory, and the proof that nothing was missed."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from ecozones.area import AreaMethod, polygon_areas
from ecozones.conflicts.common_ground import Layer, Place, find_slivers, measure
from ecozones.conflicts.planar import name_once, planar_faces
from ecozones.conflicts.stretches import say_because
from ecozones.errors import SchemaError
from ecozones.patches import Slivers
from ecozones.placing import bring_to
from ecozones.plan import ZoningPlan
from ecozones.units import from_m2

_FAULT_COLUMNS = [
    "fault", "zones", "feature_ids", "artefact", "artefact_because", "area_m2", "area_ha", "area_mu", "width_m",
    "geometry",
]  # fmt: skip


def check_partition(
    plan: ZoningPlan,
    *,
    ignore_below_m2: float = 1.0,
    ignore_narrower_m: float = 0.1,
    method: AreaMethod = "national",
) -> gpd.GeoDataFrame:
    """
    Find where the three spaces of a plan fail to divide its territory: ground in two, in none, or outside.

    Parameters
    ----------
    plan
        A plan with zones and an extent.
    ignore_below_m2
        Smaller stretches of ground are artefacts: listed, and marked. [m²]
    ignore_narrower_m
        Stretches of a smaller mean width are artefacts too. [m]
    method
        How area is measured.

    Returns
    -------
    GeoDataFrame
        One row per stretch of ground, largest first: ``fault`` (overlap, gap, outside), ``zones`` and ``feature_ids``
        that claim it, ``artefact`` and why, ``area_m2, area_ha, area_mu, width_m, geometry`` in the CRS of the plan.
        Empty where the spaces are a partition.

    Raises
    ------
    SchemaError
        The plan has no zones, or does not say what its territory is.

    Examples
    --------
    >>> from ecozones.testing import chessboard_plan
    >>> plan = chessboard_plan(n=2, zones={"a1": "urban_space", "a2": "ecological_space", "b1": "ecological_space"})
    >>> check_partition(plan)[["fault", "area_ha"]].round(1).values.tolist()
    [['gap', 100.0]]
    """
    if plan.zones is None or plan.extent is None:
        message = f"plan {plan.name!r} needs zones and an extent before they can be held against each other"
        raise SchemaError(message)
    zones, extent = (bring_to(frame, plan.crs, what="zones")[0] for frame in (plan.zones, plan.extent))
    place = Place.of(plan.crs, zones, extent)
    layers = [Layer.of(zones, place, what="zones"), Layer.of(extent, place, what="extent")]
    faces, face, claim = planar_faces(layers)
    in_zone, inside = claim < len(zones), np.zeros(len(faces), dtype=bool)
    inside[face[~in_zone]] = True
    count = np.bincount(face[in_zone], minlength=len(faces))
    fault = np.select([count > 1, ~inside, count == 0], ["overlap", "outside", "gap"], default="")
    bad = np.flatnonzero(fault != "")
    measured = measure(faces[bad], place, method)
    small, narrow = find_slivers(faces[bad], measured, fault[bad], place, Slivers(ignore_below_m2, ignore_narrower_m))
    claims = pd.DataFrame({"face": face[in_zone], "row": claim[in_zone]}).sort_values(["face", "row"])
    claims["zone"] = zones["zone"].to_numpy(dtype=object)[claims["row"]]
    claims["id"] = zones["feature_id"].astype(str).to_numpy(dtype=object)[claims["row"]]
    named = claims.groupby("face").agg({"zone": name_once, "id": ",".join})
    named = named.reindex(bad, fill_value="")
    table = pd.DataFrame(
        {
            "fault": fault[bad],
            "zones": named["zone"].to_numpy(),
            "feature_ids": named["id"].to_numpy(),
            "artefact": small | narrow,
            "artefact_because": say_because(small, narrow, np.arange(len(bad))) if len(bad) else [],
            "area_m2": measured.area,
            "area_ha": from_m2(measured.area, "ha"),
            "area_mu": from_m2(measured.area, "mu"),
            "width_m": measured.width,
            "geometry": place.back(faces[bad]),
        }
    )
    listed = table.sort_values(["area_m2", "fault"], ascending=[False, True], kind="stable", ignore_index=True)
    return gpd.GeoDataFrame(listed[_FAULT_COLUMNS], geometry="geometry", crs=plan.crs)


def balance_partition(plan: ZoningPlan, *, method: AreaMethod = "national") -> pd.DataFrame:
    """
    Prove the partition: the spaces, with gaps added and overlaps and ground outside taken off, are the territory.

    Parameters
    ----------
    plan
        A plan with zones and an extent.
    method
        How area is measured.

    Returns
    -------
    DataFrame
        One row: ``zones_m2`` (spaces summed), ``again_m2`` (counted more than once), ``outside_m2``, ``gap_m2``,
        ``extent_m2``, ``error_m2`` and ``error_share``. [m²]

    Raises
    ------
    SchemaError
        The plan has no zones, or does not say what its territory is.

    Examples
    --------
    >>> from ecozones.testing import chessboard_plan
    >>> plan = chessboard_plan(n=2, zones={"a1": "urban_space", "a2": "ecological_space", "b1": "ecological_space"})
    >>> bool(balance_partition(plan)["error_share"].abs().max() < 1e-9)
    True
    """
    faults = check_partition(plan, method=method)
    assert plan.zones is not None
    assert plan.extent is not None
    zones, extent = (
        float(polygon_areas(frame.geometry.to_numpy(), frame.crs, method=method).sum())
        for frame in (plan.zones, plan.extent)
    )
    claims = faults["feature_ids"].str.count(",").to_numpy()
    area, fault = faults["area_m2"].to_numpy(), faults["fault"].to_numpy()
    again = float((area * claims)[fault == "overlap"].sum())
    outside, gap = (float(area[fault == word].sum()) for word in ("outside", "gap"))
    error = zones - again - outside + gap - extent
    columns = ["zones_m2", "again_m2", "outside_m2", "gap_m2", "extent_m2", "error_m2", "error_share"]
    return pd.DataFrame([(zones, again, outside, gap, extent, error, error / extent)], columns=columns)
