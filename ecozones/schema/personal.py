"""Columns about persons, which are left out."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import geopandas as gpd

from ecozones.errors import DroppedColumnsWarning
from ecozones.schema.contract import settings
from ecozones.schema.matching import restore_cut
from ecozones.units import fold


def drop_personal(frame: gpd.GeoDataFrame, *, what: str) -> gpd.GeoDataFrame:
    """
    Leave out columns about persons, and say which.

    Parameters
    ----------
    frame
        As read.
    what
        Name of the data, for messages.

    Returns
    -------
    GeoDataFrame
        Without columns such as a farmer's name, identity number, telephone or address.

    Warns
    -----
    DroppedColumnsWarning
        Columns were left out.

    Examples
    --------
    >>> personal_columns(["BSM", "LXDH", "身份证号"])
    ['LXDH', '身份证号']
    """
    found = personal_columns([name for name in frame.columns if name != frame.geometry.name])
    if not found:
        return frame
    message = f"{what}: left out {', '.join(found)}, which hold personal data; pass keep_personal=True to keep them"
    warnings.warn(message, DroppedColumnsWarning, stacklevel=3)
    return frame.drop(columns=found)


def personal_columns(names: Iterable[object]) -> list[str]:
    """
    Columns that by their name hold data about persons.

    Parameters
    ----------
    names
        Columns of a table.

    Returns
    -------
    list of str
        In the order given.

    Examples
    --------
    >>> personal_columns(["ZRRMC", "MJ"])
    ['ZRRMC']
    """
    words = settings()["personal"]["columns"]
    known = {fold(word) for word in words}
    return [str(name) for name in names if fold(name) in known or restore_cut(name, words)]
