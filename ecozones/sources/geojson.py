"""GeoJSON, whose faults the driver passes over in silence."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from ecozones import errors
from ecozones.errors import GeometryError, InputError
from ecozones.sources.driver import read_vector, remedy_for
from ecozones.sources.layer import Layer

# a GeoJSON file above this size is left to the driver alone
_CHECKED_BYTES = 200_000_000
_DEPTHS = {
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}
_POSITIONS = {"LineString": 2, "MultiLineString": 2, "Polygon": 4, "MultiPolygon": 4}


def read_geojson(layer: Layer) -> gpd.GeoDataFrame:
    """
    Read GeoJSON, and refuse what is wrong with its structure.

    Parameters
    ----------
    layer
        The layer.

    Returns
    -------
    GeoDataFrame
        Its features.

    Raises
    ------
    InputError
        The file is no JSON, or in no known encoding.
    GeometryError
        Features are not as GeoJSON has them; all are named.

    Warns
    -----
    TextEncodingWarning
        It was not in UTF-8.
    """
    size = layer.path.stat().st_size
    if size > _CHECKED_BYTES:
        return read_vector(layer, layer.path)
    raw = layer.path.read_bytes()
    data: Path | bytes = layer.path
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = raw.decode("gb18030")
        except UnicodeDecodeError as cause:
            message = f"{layer.file}: bytes are neither UTF-8 nor GB18030; save the file again as UTF-8"
            raise InputError(message) from cause
        data = text.encode("utf-8")
        message = f"{layer.file}: is GB18030, though GeoJSON is always UTF-8; it was read as GB18030"
        warnings.warn(message, errors.TextEncodingWarning, stacklevel=4)
    try:
        document = json.loads(text)
    except json.JSONDecodeError as cause:
        message = f"{layer.file}, line {cause.lineno}: the file is no JSON ({cause.msg}); {remedy_for(layer.path)}"
        raise InputError(message) from cause
    problems = geojson_problems(document)
    if problems:
        table = pd.DataFrame(problems, columns=["row", "problem"]).assign(remedy="draw it again, or leave it out")
        told = "; ".join(f"row {row}: {problem}" if row != "" else problem for row, problem in problems[:10])
        more = f" and {len(problems) - 10} more" if len(problems) > 10 else ""  # noqa: PLR2004 - ten are shown
        message = f"{layer.file}: {told}{more}; draw the geometry again, leave the row out, or export the file again"
        raise GeometryError(message, table)
    return read_vector(layer, data)


def geojson_problems(document: object) -> list[tuple[object, str]]:
    """
    List what is wrong with the structure of a GeoJSON document, which the driver would pass over in silence.

    Parameters
    ----------
    document
        As parsed.

    Returns
    -------
    list of tuple
        Row (from 0; empty where the whole file is meant) and what is wrong with it. A geometry that is null is no
        fault of the file.

    Examples
    --------
    >>> geojson_problems({"type": "Point", "coordinates": [[1, 2]]})
    [(0, 'Point has coordinates that are no pair of numbers')]
    """
    if not isinstance(document, dict):
        return [("", "the file holds no GeoJSON object")]
    kind = document.get("type")
    if kind == "Topology" or "geometryType" in document:
        return []
    if kind == "FeatureCollection":
        features = document.get("features")
        if not isinstance(features, list):
            return [("", "the FeatureCollection has no list of features")]
    else:
        features = [document]
    found: list[tuple[object, str]] = []
    for row, feature in enumerate(features):
        problem = _feature_problem(feature, alone=kind != "FeatureCollection")
        if problem:
            kinds = {"FeatureCollection", "Feature", "GeometryCollection", *_DEPTHS}
            located = kind in kinds or "coordinates" in document
            found.append((row if located else "", problem))
    return found


def _feature_problem(feature: object, *, alone: bool) -> str:
    if not isinstance(feature, dict):
        return f"the feature is {json.dumps(feature)[:30]}, not an object"
    kind = feature.get("type")
    if alone and (kind in _DEPTHS or kind == "GeometryCollection"):
        return _shape_problem(feature)
    if kind != "Feature":
        return f"type is {kind!r}, which GeoJSON does not know"
    if "geometry" not in feature:
        return "the feature has no member 'geometry'"
    return "" if feature["geometry"] is None else _shape_problem(feature["geometry"])


def _shape_problem(shape: object) -> str:
    if not isinstance(shape, dict):
        return f"the geometry is {json.dumps(shape)[:30]}, not an object"
    kind = shape.get("type")
    if kind == "GeometryCollection":
        parts = shape.get("geometries")
        if not isinstance(parts, list):
            return "the GeometryCollection has no list of geometries"
        return next((problem for part in parts if (problem := _shape_problem(part))), "")
    if kind not in _DEPTHS:
        return f"the geometry type is {kind!r}, which GeoJSON does not know"
    if not isinstance(shape.get("coordinates"), list):
        return f"{kind} has no coordinates"
    return _coordinate_problem(shape["coordinates"], _DEPTHS[kind], kind)


def _coordinate_problem(item: object, depth: int, kind: str) -> str:
    if depth == 0:
        numbers = isinstance(item, list) and all(
            isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) for value in item
        )
        # an empty list is how an empty point is written
        return "" if numbers and len(item) != 1 and item else f"{kind} has coordinates that are no pair of numbers"  # type: ignore[arg-type]
    if not isinstance(item, list):
        return f"{kind} has coordinates that are nested too little"
    if depth == 1 and kind in _POSITIONS and len(item) < _POSITIONS[kind] and not _open_ring(item, kind):
        return f"{kind} has a line or ring of {len(item)} points, fewer than {_POSITIONS[kind]}"
    return next((problem for part in item if (problem := _coordinate_problem(part, depth - 1, kind))), "")


def _open_ring(item: list[Any], kind: str) -> bool:
    """Tell whether three points are a ring that merely lacks its closing point."""
    return _POSITIONS[kind] == 4 and len(item) == 3 and item[0] != item[-1]  # noqa: PLR2004
