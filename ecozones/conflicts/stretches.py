"""Stretches of shared ground, gathered by pair of features, artefacts apart, and by district."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from ecozones.area import AreaMethod
from ecozones.conflicts.common_ground import Flags, Geometries, Numbers, Place, Rows, measure, split_by
from ecozones.conflicts.districts import Districts
from ecozones.units import from_m2


class Judged(NamedTuple):
    """Stretches of shared ground: the pair each belongs to, its area [m²] and width [m], and whether it is noise."""

    parts: Geometries
    pair: Rows
    area: Numbers
    width: Numbers
    small: Flags
    narrow: Flags


def gather_stretches(
    judged: Judged, rows: tuple[Rows, Rows], place: Place, method: AreaMethod, regions: Districts | None
) -> pd.DataFrame:
    """
    Gather stretches of shared ground by pair, artefacts apart, and by district.

    Parameters
    ----------
    judged
        The stretches, those of one pair together.
    rows
        Rows of the two features of each pair.
    place
        Where the stretches are.
    method
        How area is measured.
    regions
        Districts to split them by.

    Returns
    -------
    DataFrame
        ``pair, row_a, row_b, artefact, artefact_because, area_m2, area_ha, area_mu, width_m, parts, geometry``.
    """
    parts, pair, area, width, small, narrow = judged
    region = np.full(len(parts), -1, dtype=np.intp)
    if regions is not None:
        # judged before it is split: a district boundary makes no artefacts
        whole, region, parts = split_by(parts, regions.layer)
        pair, small, narrow, width = pair[whole], small[whole], narrow[whole], width[whole]
        area = measure(parts, place, method).area
        parts, owner = shapely.get_parts(parts, return_index=True)
        area = area[owner] * _shares(parts, owner)
        pair, small, narrow, width, region = pair[owner], small[owner], narrow[owner], width[owner], region[owner]
    key = (pair * 2 + (small | narrow)) * (region.max(initial=0) + 2) + region + 1
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.r_[True, np.diff(key[order]) > 0])
    count = np.diff(np.r_[first, len(key)])
    head = order[first]
    table = pd.DataFrame(
        {
            "pair": pair[head],
            "row_a": rows[0][pair[head]],
            "row_b": rows[1][pair[head]],
            "artefact": (small | narrow)[head],
            "artefact_because": say_because(small[order], narrow[order], first),
            "area_m2": np.add.reduceat(area[order], first),
            "width_m": np.maximum.reduceat(width[order], first),
            "parts": count,
            "geometry": place.back(_gather(parts[order], first, count)),
        }
    )
    if regions is not None:
        names = np.r_[regions.names, np.array([""], dtype=object)]
        table["district"] = names[region[head]]
    return table.assign(area_ha=from_m2(table["area_m2"], "ha"), area_mu=from_m2(table["area_m2"], "mu"))


def _shares(parts: Geometries, owner: Rows) -> Numbers:
    """Say what share of its owner each part is."""
    area = shapely.area(parts)
    return np.asarray(area / np.bincount(owner, weights=area)[owner])


def say_because(small: Flags, narrow: Flags, first: Rows) -> Geometries:
    """
    Say for each stretch of ground why it is an artefact.

    Parameters
    ----------
    small, narrow
        Which parts are too small, and which too narrow, those of one stretch together.
    first
        Where each stretch begins.

    Returns
    -------
    ndarray
        ``"area"``, ``"width"``, both, or nothing.

    Examples
    --------
    >>> say_because(np.array([True, False]), np.array([False, True]), np.array([0])).tolist()
    ['area, width']
    """
    too_small = np.logical_or.reduceat(small, first)
    too_narrow = np.logical_or.reduceat(narrow, first)
    return np.select([too_small & too_narrow, too_small, too_narrow], ["area, width", "area", "width"], default="")


def _gather(parts: Geometries, first: Rows, count: Rows) -> Geometries:
    """Put neighbours in an array together into one geometry each."""
    gathered = parts[first].copy()
    several = np.flatnonzero(count > 1)
    if len(several):
        members = np.repeat(np.isin(np.arange(len(first)), several), count)
        gathered[several] = shapely.multipolygons(
            parts[members], indices=np.repeat(np.arange(len(several)), count[several])
        )
    return gathered
