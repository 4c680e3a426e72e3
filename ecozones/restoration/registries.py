"""Projects under the fields that other registries ask for: a mapping, and no claim of compliance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd

from ecozones.area import AreaMethod, polygon_areas
from ecozones.columns import read_numbers, share_of
from ecozones.errors import InputError
from ecozones.shipped import shipped_table
from ecozones.units import HA

Scheme = Literal["gbf_target_2", "ferm"]


def export_projects(projects: gpd.GeoDataFrame, *, scheme: Scheme, method: AreaMethod = "national") -> gpd.GeoDataFrame:
    """
    Put projects under the fields that another registry asks for, and say what is missing: a mapping, no compliance.

    Parameters
    ----------
    projects
        Restoration projects; the area is measured, and its source written beside it.
    scheme
        ``"gbf_target_2"`` or ``"ferm"``.
    method
        How area is measured.

    Returns
    -------
    GeoDataFrame
        The fields of the scheme, in longitude and latitude (EPSG:4326), and ``missing``, the needed fields a project
        lacks.

    Raises
    ------
    InputError
        The scheme is not known.

    Examples
    --------
    >>> from ecozones.testing import chessboard
    >>> projects = chessboard(1).assign(project_id="P1", type="planted_afforestation", stage="accepted")
    >>> export_projects(projects, scheme="ferm")["missing"].tolist()
    ['ecosystem_type, start_date']
    """
    known = shipped_table("ledgers")["export"]
    if scheme not in known:
        message = f"scheme {scheme!r} is not known; known are {', '.join(known)}"
        raise InputError(message)
    fields = known[scheme]["fields"]
    area = polygon_areas(projects.geometry.to_numpy(), projects.crs, method=method) / HA
    full = projects.assign(area_ha=area, area_source=f"measured on the ellipsoid, {method}")
    full["geometry"] = projects.geometry.to_crs("EPSG:4326")
    table = pd.DataFrame(
        {name: full[field["from"]] if field["from"] in full.columns else None for name, field in fields.items()},
        index=projects.index,
    )
    needed = [name for name, field in fields.items() if field["need"]]
    lacks = [
        ", ".join(name for name in needed if name != "geometry" and pd.isna(row[name]))
        for row in table.to_dict("records")
    ]
    return gpd.GeoDataFrame(table.assign(missing=lacks), geometry="geometry", crs="EPSG:4326")


def export_mapping(scheme: Scheme) -> pd.DataFrame:
    """
    List which column of a project goes into which field of another registry.

    Parameters
    ----------
    scheme
        ``"gbf_target_2"`` or ``"ferm"``.

    Returns
    -------
    DataFrame
        One row per field: ``field``, ``column``, ``needed``, ``note`` (what the mapping is, and is not).

    Raises
    ------
    InputError
        The scheme is not known.

    Examples
    --------
    >>> export_mapping("gbf_target_2").loc[0, ["field", "column"]].tolist()
    ['id', 'project_id']
    """
    known = shipped_table("ledgers")["export"]
    if scheme not in known:
        message = f"scheme {scheme!r} is not known; known are {', '.join(known)}"
        raise InputError(message)
    rows = [
        (name, field["from"], field["need"], known[scheme]["note"]) for name, field in known[scheme]["fields"].items()
    ]
    return pd.DataFrame(rows, columns=["field", "column", "needed", "note"])


def share_under_restoration(restored: pd.DataFrame, degraded_ha: Mapping[str, float]) -> pd.DataFrame:
    """
    Share of degraded ground that is under restoration, by ecosystem type (the form of GBF Target 2).

    Parameters
    ----------
    restored
        ``ecosystem`` and ``footprint_ha``, as :func:`ecozones.measure_restored` gives them with ``by="ecosystem"``.
        [ha]
    degraded_ha
        Degraded ground at the end of the baseline, by ecosystem type. [ha]

    Returns
    -------
    DataFrame
        One row per ecosystem type, then ``"total"``: ``footprint_ha``, ``degraded_ha``, ``share`` (NaN without a
        denominator). Ecosystems whose degraded ground is not stated, and ground of no ecosystem, are listed and stay
        out of the total.

    Examples
    --------
    >>> restored = pd.DataFrame({"ecosystem": ["forest", "wetland"], "footprint_ha": [30.0, 10.0]})
    >>> share_under_restoration(restored, {"forest": 100, "wetland": 100})["share"].tolist()
    [0.3, 0.1, 0.2]
    """
    found = (
        read_numbers(restored, ["footprint_ha"], "restored")["footprint_ha"]
        .groupby(restored["ecosystem"], sort=True, dropna=False)
        .sum(min_count=1)
    )
    names = [*sorted({*found.index.dropna(), *degraded_ha}), *found.index[found.index.isna()]]
    table = pd.DataFrame({"ecosystem": names})
    table["footprint_ha"] = found.reindex(names, fill_value=0.0).to_numpy()
    table["degraded_ha"] = [float(degraded_ha.get(name, np.nan)) for name in names]
    known = table[table["degraded_ha"].notna()]
    whole = {
        "ecosystem": "total",
        "footprint_ha": known["footprint_ha"].sum(),
        "degraded_ha": known["degraded_ha"].sum(),
    }
    table = pd.concat([table, pd.DataFrame([whole])], ignore_index=True)
    return table.assign(share=share_of(table["footprint_ha"], table["degraded_ha"]))
