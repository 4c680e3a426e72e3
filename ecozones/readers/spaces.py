"""The three spaces of a plan: a layer each, or one layer with a column that names them."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import pandas as pd

from ecozones import schema
from ecozones.errors import CRSError, SchemaError
from ecozones.readers.layer_names import bare_name
from ecozones.readers.placed import ReadOptions, join_layers, read_placed
from ecozones.sources import Layer
from ecozones.units import fold
from ecozones.vocab import zones


def read_spaces(held: Sequence[Layer], options: ReadOptions, notes: list[str]) -> gpd.GeoDataFrame | None:
    """
    Read the three spaces: one layer each, or one layer with a column that names them.

    Parameters
    ----------
    held
        The layers of the source.
    options
        How to read them.
    notes
        Grows by where each was read from.

    Returns
    -------
    GeoDataFrame or None
        With a column ``zone``; None where the source holds none.

    Raises
    ------
    SchemaError
        A row names no space, or no column tells them apart.
    CRSError
        They are on different systems.
    """
    found: list[gpd.GeoDataFrame] = []
    for zone in zones().values():
        words = {fold(word) for word in (zone.id, zone.zh, *zone.layers)}
        for one in held:
            if bare_name(one.name) in words:
                found.append(read_placed(one, options, polygons=True).assign(zone=zone.id))
                notes.append(f"{zone.id}: read from {one.label}")
    together = schema.settings()["spaces"]
    for one in held:
        if bare_name(one.name) in {fold(word) for word in together["layers"]}:
            found.append(_split_spaces(read_placed(one, options, polygons=True), together["fields"], one.label))
            notes.append(f"spaces: read from {one.label}")
    if not found:
        return None
    if len({frame.crs.to_wkt() for frame in found}) > 1:
        systems = ", ".join(sorted({frame.crs.name for frame in found}))
        message = f"the layers of the three spaces are on {systems}; bring them to one CRS"
        raise CRSError(message)
    return join_layers(found)


def _split_spaces(frame: gpd.GeoDataFrame, fields: Sequence[str], what: str) -> gpd.GeoDataFrame:
    by_fold = {fold(name): name for name in frame.columns}
    field = next((by_fold[fold(name)] for name in fields if fold(name) in by_fold), None)
    if field is None:
        message = f"{what}: no column tells the three spaces apart; add a column zone with {', '.join(zones())}"
        raise SchemaError(message)
    text = schema.as_text(frame[field]).fillna("")
    found = pd.Series(None, index=frame.index, dtype=object)
    for zone in zones().values():
        found[text.str.casefold().eq(zone.id) | text.str.contains(zone.zh.removesuffix("空间"), regex=False)] = zone.id
    if found.isna().any():
        shown = f"zone ({field})"
        remedy = f"write one of {', '.join(zone.zh for zone in zones().values())}"
        lost = found.isna()
        schema.refuse([schema.problem_rows(frame.index[lost], shown, text[lost], "names no space", remedy)], what=what)
    return frame.assign(zone=found)
