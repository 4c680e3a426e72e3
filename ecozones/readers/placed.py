"""One layer as every reader takes it: placed on the Earth, and only with rows that hold ground."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ecozones import geometry, schema
from ecozones.errors import FormatWarning, GeometryError, MissingCRSError, name_rows
from ecozones.sources import Layer, read_layer

OnEmpty = Literal["raise", "skip"]
# so many rows of a layer tell the unit of its stated areas
_SAMPLE = 200
# no CRS of the Earth has coordinates beyond this
_FARTHEST = 1e9


@dataclasses.dataclass(frozen=True)
class ReadOptions:
    """How every layer of a source is to be read."""

    encoding: str | None
    crs: object
    keep_personal: bool
    on_empty: OnEmpty
    repair: bool


def say_once(heard: Sequence[warnings.WarningMessage]) -> None:
    """
    Tell in the caller's name what was heard while a source was read, each thing once.

    Parameters
    ----------
    heard
        Warnings that were caught.

    Warns
    -----
    EcozonesWarning
        Of whatever kind each was.
    """
    for warning in {str(one.message): one.message for one in heard}.values():
        warnings.warn(warning, stacklevel=3)


def read_placed(layer: Layer, options: ReadOptions, *, polygons: bool = False) -> gpd.GeoDataFrame:
    """
    Read one layer, place it, and leave in it only what can be measured.

    Parameters
    ----------
    layer
        As the source lists it.
    options
        What the caller wants.
    polygons
        Whether anything but polygons is refused.

    Returns
    -------
    GeoDataFrame
        Rows that hold ground, taken apart from collections and repaired where asked.

    Raises
    ------
    GeometryError
        There are no rows, or rows hold no ground; all are named.
    MissingCRSError
        Nothing says what the coordinates mean.
    """
    frame = read_layer(layer, encoding=options.encoding, crs=options.crs)
    if not len(frame):
        message = f"{layer.label}: the layer has no rows; check that the right one was exported"
        raise GeometryError(message)
    if frame.crs is None:
        if options.crs is None:
            message = (
                f"{layer.label}: the layer does not say what its coordinates mean (no CRS); "
                f"pass crs=, such as crs=4527, or add {_crs_home(layer)}"
            )
            raise MissingCRSError(message)
        frame = frame.set_crs(options.crs)
    if not options.keep_personal:
        frame = schema.drop_personal(frame, what=layer.label)
    return _measurable(frame, layer.label, options, polygons=polygons)


def _crs_home(layer: Layer) -> str:
    if layer.frame is not None:
        return "it with set_crs"
    return f"{layer.path.stem}.prj" if layer.path.suffix.lower() == ".shp" else "it to the file in a GIS"


def _measurable(frame: gpd.GeoDataFrame, what: str, options: ReadOptions, *, polygons: bool) -> gpd.GeoDataFrame:
    """Refuse, or on request leave out, rows that hold no ground; take collections apart; repair polygons."""
    shapes = _unpacked(frame.geometry.to_numpy())
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    if empty.any() and options.on_empty == "skip" and not empty.all():
        message = f"{what}: left out {int(empty.sum())} rows without geometry: {name_rows(frame.index[empty])}"
        warnings.warn(message, FormatWarning, stacklevel=6)
        frame, shapes, empty = frame[~empty], shapes[~empty], empty[~empty]
    kind = shapely.get_dimensions(shapes)
    collection = shapely.get_type_id(shapes) == int(shapely.GeometryType.GEOMETRYCOLLECTION)
    extremes = np.abs(np.nan_to_num(shapely.bounds(shapes), nan=0.0, posinf=np.inf)).max(axis=1, initial=0.0)
    finite = _finite(shapes) & (extremes < _FARTHEST)
    solid = ~empty & ~collection & finite
    flat = np.zeros(len(shapes), dtype=bool)
    flat[solid] = (kind[solid] == 2) & (shapely.area(shapes[solid]) == 0)  # noqa: PLR2004 - a surface has two dimensions
    flat[solid] |= (kind[solid] == 1) & (shapely.length(shapes[solid]) == 0)
    remedy_kind = "draw them as polygons" if polygons else "split them into polygons, lines or points"
    checks = [
        (empty, "have no geometry", "leave them out with on_empty='skip', or draw them"),
        (~finite, "hold coordinates that are no numbers or far beyond the Earth", "draw them again"),
        (flat, "have no extent: every point lies on one line or place", "draw them again"),
        (~empty & collection, "hold a mixture of geometry kinds", remedy_kind),
        (~empty & ~collection & polygons & (kind != 2), "are no polygons", remedy_kind),  # noqa: PLR2004
    ]
    if not options.repair:
        checks.append(
            (~empty & ~collection & ~shapely.is_valid(shapes), "are not valid", "repair them, or pass repair=True")
        )
    _refuse_rows(frame, checks, what)
    placed = frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))
    return _repaired(placed, what) if options.repair else placed


def _finite(shapes: Any) -> Any:  # noqa: ANN401 - shapely has no types
    """Tell for each geometry whether all its coordinates are finite numbers."""
    coordinates, place = shapely.get_coordinates(shapes, return_index=True)
    bad = np.unique(place[~np.isfinite(coordinates).all(axis=1)])
    return ~np.isin(np.arange(len(shapes)), bad)


def _refuse_rows(frame: gpd.GeoDataFrame, checks: Sequence[tuple[Any, str, str]], what: str) -> None:
    tables, told = [], []
    for bad, problem, remedy in checks:
        if bad.any():
            rows = frame.index[bad]
            told.append(f"rows {name_rows(rows)} {problem}; {remedy}")
            tables.append(pd.DataFrame({"row": rows, "problem": problem, "remedy": remedy}))
    if told:
        message = f"{what}: {'. '.join(told)}"
        raise GeometryError(message, pd.concat(tables, ignore_index=True))


def _unpacked(shapes: Any) -> Any:  # noqa: ANN401 - shapely has no types
    """Take collections of one kind of geometry as what they are made of."""
    collection = shapely.get_type_id(shapes) == int(shapely.GeometryType.GEOMETRYCOLLECTION)
    if not collection.any():
        return shapes
    unpacked = shapes.copy()
    makers: dict[int, Callable[[Any], Any]] = {
        0: shapely.MultiPoint,
        1: shapely.MultiLineString,
        2: shapely.MultiPolygon,
    }
    for place in np.flatnonzero(collection):
        parts = _leaves(shapes[place])
        kinds = set(shapely.get_dimensions(parts).tolist()) if parts else set()
        if len(kinds) == 1:
            unpacked[place] = parts[0] if len(parts) == 1 else makers[kinds.pop()](parts)
    return unpacked


def _leaves(shape: Any) -> list[Any]:  # noqa: ANN401 - shapely has no types
    parts = shapely.get_parts(shape).tolist()
    if len(parts) == 1 and parts[0].geom_type == shape.geom_type and not hasattr(parts[0], "geoms"):
        return parts
    return [
        leaf for part in parts for leaf in (_leaves(part) if hasattr(part, "geoms") else [part]) if not leaf.is_empty
    ]


def _repaired(frame: gpd.GeoDataFrame, what: str) -> gpd.GeoDataFrame:
    shapes = frame.geometry.to_numpy()
    surface = shapely.get_dimensions(shapes) == 2  # noqa: PLR2004 - a surface has two dimensions
    if shapely.is_valid(shapes[surface]).all():
        return frame
    mended, _ = geometry.repair_polygons(frame[surface], what=what)
    shapes = shapes.copy()
    shapes[surface] = mended.geometry.to_numpy()
    return frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))


def spread_sample(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """
    Take some rows, spread evenly over all.

    Parameters
    ----------
    frame
        Any rows.

    Returns
    -------
    GeoDataFrame
        Two hundred of them, or all where there are fewer.

    Examples
    --------
    >>> len(spread_sample(gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)] * 500)))
    200
    """
    return frame.iloc[np.unique(np.linspace(0, len(frame) - 1, min(len(frame), _SAMPLE)).astype(int))]


def join_layers(frames: Sequence[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """
    Join layers of one CRS into one frame.

    Parameters
    ----------
    frames
        The layers, whatever their geometry is called.

    Returns
    -------
    GeoDataFrame
        Their rows on a fresh index, the geometry called ``geometry``.
    """
    named = [frame if frame.geometry.name == "geometry" else frame.rename_geometry("geometry") for frame in frames]
    return gpd.GeoDataFrame(pd.concat(named, ignore_index=True), geometry="geometry", crs=frames[0].crs)
