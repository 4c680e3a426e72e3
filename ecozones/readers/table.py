"""One layer that is a table: chosen, read, and given the columns of its contract."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import geopandas as gpd
import pandas as pd

from ecozones import schema
from ecozones.crs import check_crs
from ecozones.errors import CRSError, FormatWarning, SchemaError
from ecozones.readers.placed import ReadOptions, read_placed
from ecozones.sources import Layer, Source, open_source, skim


def column_names(frame: gpd.GeoDataFrame) -> list[str]:
    """
    List the columns beside the geometry, as text.

    Parameters
    ----------
    frame
        As read.

    Returns
    -------
    list of str
        In their order.
    """
    return [str(name) for name in frame.columns if name != frame.geometry.name]


def read_frame(
    source: Source,
    contract: schema.Table,
    *,
    layer: str | None,
    columns: Mapping[str, str] | None,
    options: ReadOptions,
) -> tuple[gpd.GeoDataFrame, str]:
    """
    Choose the layer of a table and read it.

    Parameters
    ----------
    source
        As :func:`ecozones.read_sites` takes it.
    contract
        The table wanted.
    layer
        Which layer, where the source holds several.
    columns
        What the caller says: role to column.
    options
        How to read it.

    Returns
    -------
    tuple
        Its rows, placed, and what messages call them.

    Raises
    ------
    SchemaError
        The layer is not there, or not said.
    CRSError
        Files that belong together are on different systems.
    """
    with open_source(source, what=contract.id) as listed:
        chosen = _choose(listed, layer, contract)
        frames = [read_placed(one, options) for one in chosen]
    what = chosen[0].label if len(chosen) == 1 else f"{len(chosen)} boundary-point texts"
    frame = frames[0] if len(frames) == 1 else _join_texts(chosen, frames, what)
    check_crs(frame, what=what)
    frame = frame.rename(columns=schema.restore_cut_units(column_names(frame), contract, columns=columns, what=what))
    if chosen[0].path.suffix.lower() == ".dxf":
        frame.attrs["drawing"] = True
    return frame, what


def conform_table(
    frame: gpd.GeoDataFrame, contract: schema.Table, *, what: str, columns: Mapping[str, str] | None
) -> gpd.GeoDataFrame:
    """
    Give what was read the columns of its contract.

    Parameters
    ----------
    frame
        As :func:`read_frame` gives it.
    contract
        The table wanted.
    what
        Name of the data, for messages.
    columns
        What the caller says: role to column.

    Returns
    -------
    GeoDataFrame
        As :func:`ecozones.schema.conform` gives it; features of a drawing are named by its layers.

    Raises
    ------
    SchemaError
        Values are missing, repeated or no numbers.
    """
    read = schema.conform(frame, contract, what=what, columns=columns)
    if "Layer" in read.columns and frame.attrs.get("drawing"):
        # the layers of a drawing are the only names it has
        read["name"] = read["name"].where(read["name"].notna(), schema.as_text(read["Layer"]))
    return read


def _choose(listed: Sequence[Layer], layer: str | None, contract: schema.Table) -> list[Layer]:
    if layer is not None:
        found = [one for one in listed if layer in {one.name, one.inner}]
        if len(found) == 1:
            return found
        problem = "is not there" if not found else "is there more than once"
        message = f"layer {layer!r} {problem}; the source holds {skim(listed)}"
        raise SchemaError(message)
    if len(listed) == 1 or all(one.path.suffix.lower() == ".txt" for one in listed):
        return list(listed)
    message = f"the source holds {len(listed)} layers: {skim(listed)}; say which holds the {contract.en} with layer="
    raise SchemaError(message)


def _join_texts(chosen: Sequence[Layer], frames: Sequence[gpd.GeoDataFrame], what: str) -> gpd.GeoDataFrame:
    """Join boundary-point texts; plots are numbered from 1 in each, so that the name of the file goes before."""
    systems = {frame.crs.to_wkt(): one.file for one, frame in zip(chosen, frames, strict=True)}
    if len(systems) > 1:
        message = (
            f"{what}: files are in different coordinate systems ({', '.join(systems.values())}); read them one by one"
        )
        raise CRSError(message)
    joined = pd.concat(frames, ignore_index=True)
    joined["plot_no"] = [
        f"{one.name}-{number}"
        for one, frame in zip(chosen, frames, strict=True)
        for number in frame["plot_no"].fillna("")
    ]
    warnings.warn(f"{what}: plot numbers were given the name of their file", FormatWarning, stacklevel=5)
    return gpd.GeoDataFrame(joined, geometry="geometry", crs=frames[0].crs)
