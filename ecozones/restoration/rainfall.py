"""
Rainfall zones of restoration projects: which bar survival and preservation are held against.

Ground of enough rain, or irrigated, is ``humid``, the rest ``arid``. A zone comes from what a register states, from
rain in millimetres, or from polygons; where these disagree, say nothing, or a project lies in both, the zone is
``undetermined`` and no bar applies.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Literal, get_args

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ecozones import overlay
from ecozones.area import AreaMethod, polygon_areas
from ecozones.columns import as_numbers, read_flags
from ecozones.crs import check_crs
from ecozones.errors import InputError, SchemaError, name_rows
from ecozones.geometry import repair_polygons
from ecozones.placing import bring_to
from ecozones.shipped import shipped_table
from ecozones.units import fold

RainfallZone = Literal["humid", "arid", "undetermined"]

# "at most 400" is of neither: which of the two ground of just 400 mm is in, it does not say
_BOUND = re.compile(r"(?P<sign>>=|≥|<)400(mm|毫米)?", re.IGNORECASE)
_KNOWN: tuple[RainfallZone, ...] = ("humid", "arid")
# what two ways of measuring one polygon may differ by
_NOISE = 1e-9


def recognise_rainfall_zone(word: object) -> RainfallZone | None:
    """
    Recognise a rainfall zone by a word for it.

    Parameters
    ----------
    word
        What a register says, such as ``"半干旱"``.

    Returns
    -------
    str or None
        ``"humid"``, ``"arid"`` or ``"undetermined"``; None where nothing or something else is said.

    Examples
    --------
    >>> recognise_rainfall_zone("半干旱区"), recognise_rainfall_zone("400毫米以上"), recognise_rainfall_zone("三区")
    ('arid', 'humid', None)
    >>> recognise_rainfall_zone("≥400mm"), recognise_rainfall_zone("<400 mm")
    ('humid', 'arid')
    """
    if word is None or word is pd.NA or (isinstance(word, float) and np.isnan(word)):
        return None
    bound = _BOUND.fullmatch(unicodedata.normalize("NFKC", str(word)).replace(" ", ""))
    if bound is not None:
        return "arid" if bound["sign"] == "<" else "humid"
    said = fold(word).removesuffix("区")
    for zone in get_args(RainfallZone):
        words = shipped_table("thresholds")["zones"]["words"].get(zone, ())
        if said == zone or said in {fold(known) for known in words}:
            found: RainfallZone = zone
            return found
    return None


def assign_rainfall_zones(
    projects: pd.DataFrame,
    zones: gpd.GeoDataFrame | None = None,
    *,
    min_share: float = 1.0,
    method: AreaMethod = "national",
) -> pd.DataFrame:
    """
    Tell in which rainfall zone every project lies, and how that is known.

    Parameters
    ----------
    projects
        Any of ``rainfall_zone`` (as a register says it), ``rain_mm`` (a year) [mm] and ``irrigated`` (yes or no).
    zones
        Polygons with ``rainfall_zone`` or ``rain_mm``; `projects` must then have geometries.
    min_share
        Share of a project that polygons of one zone must cover, with no more than the rest in the other.
    method
        How area is measured.

    Returns
    -------
    DataFrame
        The input with ``rainfall_zone`` (``humid``, ``arid``, ``undetermined``), ``rainfall_zone_by`` (``stated``,
        ``rainfall``, ``polygons``, ``irrigation``, joined by commas where several agree) and ``rainfall_zone_note``
        (why it is undetermined, or what was taken for granted). With polygons also ``humid_share`` and ``arid_share``.

    Raises
    ------
    SchemaError
        Rain is no number, irrigation neither yes nor no, or polygons tell no zone.
    InputError
        Polygons are given for projects without geometry, or the share is none.

    Examples
    --------
    >>> projects = pd.DataFrame({"project_id": ["A", "B", "C"], "rain_mm": [600, 300, None], "irrigated": [0, 1, 0]})
    >>> assign_rainfall_zones(projects)["rainfall_zone"].tolist()
    ['humid', 'humid', 'undetermined']
    """
    said = _answers(projects)
    shares = None if zones is None else _shares(projects, zones, method)
    if shares is not None:
        said["polygons"] = _by_polygons(shares, min_share)
    irrigated = read_flags(projects, "irrigated")
    rows = [
        _decide({source: values.iloc[i] for source, values in said.items()}, irrigated.iloc[i])
        for i in range(len(projects))
    ]
    found = pd.DataFrame(
        rows, columns=["rainfall_zone", "rainfall_zone_by", "rainfall_zone_note"], index=projects.index, dtype=object
    )
    if "rainfall_zone" in projects.columns:
        stated = projects["rainfall_zone"]
        strange = stated.notna() & (stated.astype(str).str.strip() != "") & said["stated"].isna()
        found.loc[strange, "rainfall_zone_note"] = [
            "; ".join(filter(None, [f"{word!r} names no rainfall zone", note]))
            for word, note in zip(stated[strange], found.loc[strange, "rainfall_zone_note"], strict=True)
        ]
    added = {name: found[name] for name in found.columns}
    if shares is not None:
        added |= {f"{zone}_share": pd.Series(shares[zone], projects.index) for zone in _KNOWN}
    return projects.assign(**added)


def _answers(projects: pd.DataFrame) -> dict[str, pd.Series]:
    """Take the zone that each column says, or nothing."""
    nothing = pd.Series(None, projects.index, dtype=object)
    stated = projects["rainfall_zone"].map(recognise_rainfall_zone) if "rainfall_zone" in projects.columns else nothing
    rain = zone_of_rain(projects["rain_mm"]) if "rain_mm" in projects.columns else nothing
    return {"stated": stated.astype(object).where(stated.notna(), None), "rainfall": rain}


def zone_of_rain(rain_mm: pd.Series) -> pd.Series:
    """
    Tell the zone of ground by its rain alone.

    Parameters
    ----------
    rain_mm
        Rain a year. [mm]

    Returns
    -------
    Series
        ``"humid"``, ``"arid"``, or None where nothing is said.

    Raises
    ------
    SchemaError
        It is no number, or negative.

    Examples
    --------
    >>> zone_of_rain(pd.Series([400.0, 399.9, None])).tolist()
    ['humid', 'arid', None]
    """
    number = as_numbers(rain_mm)
    bad = (number.isna() & rain_mm.notna()) | (number < 0)
    if bad.any():
        rows = rain_mm.index[bad]
        message = f"rain_mm is no rain a year in millimetres: rows {name_rows(rows)}"
        raise SchemaError(message, pd.DataFrame({"row": rows, "column": "rain_mm", "problem": "is no rain"}))
    humid_from = shipped_table("thresholds")["zones"]["humid_from_mm"]
    wet = pd.Series(np.where(number >= humid_from, "humid", "arid"), rain_mm.index, dtype=object)
    return wet.where(number.notna(), None)


def _decide(said: Mapping[str, Any], irrigated: Any) -> tuple[str, str, str]:  # noqa: ANN401 - True, False or NA
    """Weigh what was said of one project."""
    known = {source: zone for source, zone in said.items() if zone is not None and not pd.isna(zone)}
    if irrigated is not pd.NA and bool(irrigated):
        return "humid", "irrigation", ""
    if not known:
        return "undetermined", "", "nothing tells the rainfall zone"
    by = ", ".join(known)
    if len(set(known.values())) > 1:
        return "undetermined", by, "; ".join(f"{zone} by {source}" for source, zone in known.items())
    (zone,) = set(known.values())
    if zone == "undetermined":
        return "undetermined", by, "in no zone or in both, or left open by the register"
    silent = zone == "arid" and irrigated is pd.NA and set(known) != {"stated"}
    return str(zone), by, "whether it is irrigated is not stated; taken as not" if silent else ""


def _shares(projects: pd.DataFrame, zones: gpd.GeoDataFrame, method: AreaMethod) -> dict[str, NDArray[np.float64]]:
    """Share of each project that polygons of each zone cover, counted once."""
    if not isinstance(projects, gpd.GeoDataFrame):
        message = "zones= are polygons, so projects must have geometries; leave zones out, or give a GeoDataFrame"
        raise InputError(message)
    check_crs(projects, what="projects")
    check_crs(zones, what="rainfall zones")
    if "rainfall_zone" in zones.columns:
        word = zones["rainfall_zone"].map(recognise_rainfall_zone)
    elif "rain_mm" in zones.columns:
        word = zone_of_rain(zones["rain_mm"])
    else:
        has = ", ".join(map(str, zones.columns))
        message = f"rainfall zones have neither a column 'rainfall_zone' nor 'rain_mm'; they have {has}"
        raise SchemaError(message)
    strange = word.isna()
    if strange.any():
        rows = zones.index[strange]
        message = f"rainfall zones of no zone: rows {name_rows(rows)}; write humid or arid, or their rain in mm"
        raise SchemaError(message, pd.DataFrame({"row": rows, "column": "rainfall_zone", "problem": "names no zone"}))
    sound, _ = repair_polygons(zones, what="rainfall zones")
    there, _ = bring_to(sound, projects.crs, what="rainfall zones")
    own, _ = repair_polygons(projects, what="projects")
    geometry = own.geometry.to_numpy()
    whole = polygon_areas(geometry, projects.crs, method=method)
    shares: dict[str, NDArray[np.float64]] = {}
    for zone in _KNOWN:
        met = overlay.meet(geometry, overlay.cut(there.geometry.to_numpy()[(word == zone).to_numpy()]))
        real = ~shapely.is_empty(met.geometry)
        inside = overlay.unite(met.geometry[real], met.shape[real], len(geometry))
        inside[[part is None for part in inside]] = shapely.Polygon()
        shares[zone] = polygon_areas(inside, projects.crs, method=method) / whole
    return shares


def _by_polygons(shares: Mapping[str, NDArray[np.float64]], min_share: float) -> pd.Series:
    """Take the zone that covers enough of a project while the other covers no more than the rest."""
    if not 0.5 < min_share <= 1:  # noqa: PLR2004 - half of a project may lie in either zone
        message = f"min_share is the share of a project that lies in one zone, above 0.5 and up to 1, not {min_share}"
        raise InputError(message)
    humid, arid = shares["humid"], shares["arid"]
    enough, rest = min_share - _NOISE, 1 - min_share + _NOISE
    found = np.select(
        [(humid >= enough) & (arid <= rest), (arid >= enough) & (humid <= rest)], list(_KNOWN), "undetermined"
    )
    return pd.Series(found, dtype=object)
