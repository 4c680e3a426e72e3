"""Geometries as bytes that a browser reads at once: whole numbers, differences, planes of bytes, gzip."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from ecozones.crs import align

Geometries = NDArray[np.object_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

RADIUS = 6378137.0
"""Of the sphere of Web Mercator. [m]"""

# coordinates are written to a centimetre; layers with many vertices to a decimetre, which no screen shows
_FINE_M, _COARSE_M = 0.01, 0.1
_FINE_VERTICES = 50_000
_POLYGON, _LINE, _POINT = 0, 1, 2
_KINDS = {
    _POLYGON: (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON),
    _LINE: (shapely.GeometryType.LINESTRING, shapely.GeometryType.LINEARRING, shapely.GeometryType.MULTILINESTRING),
    _POINT: (shapely.GeometryType.POINT, shapely.GeometryType.MULTIPOINT),
}


@dataclasses.dataclass(frozen=True)
class Encoded:
    """Geometries as the page reads them."""

    text: str
    unit: float
    features: int
    rings: int
    vertices: int
    kinds: frozenset[int]


def to_mercator(frame: gpd.GeoDataFrame, *, what: str) -> Geometries:
    """
    Bring the geometries of a frame to Web Mercator, for display and for nothing else.

    Parameters
    ----------
    frame
        Any geometries with a CRS.
    what
        What the frame is called in messages.

    Returns
    -------
    ndarray
        Geometries on the sphere that browsers use. [m]

    Raises
    ------
    DatumShiftError
        The datum cannot be placed beside CGCS2000 with a stated accuracy.
    """
    placed, _ = align(frame, "EPSG:4490", what=what)
    flat = shapely.force_2d(np.asarray(placed.geometry.array, dtype=object))
    return np.asarray(shapely.transform(flat, _mercator), dtype=object)


def _mercator(degrees: Floats) -> Floats:
    # at the poles Mercator ends; nothing planned lies there
    radians = np.radians(np.clip(degrees, [-np.inf, -85.0], [np.inf, 85.0]))
    return np.column_stack([RADIUS * radians[:, 0], RADIUS * np.arctanh(np.sin(radians[:, 1]))])


def to_degrees(mercator: Floats) -> Floats:
    """
    Give the degrees of places on Web Mercator.

    Parameters
    ----------
    mercator
        Two columns. [m]

    Returns
    -------
    ndarray
        Longitude and latitude. [degrees]
    """
    across, up = np.asarray(mercator, dtype=np.float64).reshape(-1, 2).T / RADIUS
    return np.degrees(np.column_stack([across, np.arcsin(np.tanh(up))]))


def encode(geometries: Geometries, codes: NDArray[np.uint8]) -> Encoded:
    """
    Encode geometries with the class of each.

    Parameters
    ----------
    geometries
        Polygons, lines and points on Web Mercator; empty ones keep their row and draw nothing. [m]
    codes
        Class of each.

    Returns
    -------
    Encoded
        Base64 of gzip, and what the page needs to read it.
    """
    kind = _kinds(geometries)
    feature, length, xy = _rings(geometries, kind)
    unit = _FINE_M if len(xy) <= _FINE_VERTICES else _COARSE_M
    whole = np.round(xy / unit).astype(np.int64)
    rings_per_feature = np.bincount(feature, minlength=len(geometries))
    packed = b"".join(
        [
            kind.astype(np.uint8).tobytes(),
            codes.astype(np.uint8).tobytes(),
            _planes(rings_per_feature),
            _planes(length),
            _planes(_zigzag(np.diff(whole[:, 0], prepend=0))),
            _planes(_zigzag(np.diff(whole[:, 1], prepend=0))),
        ]
    )
    return Encoded(
        pack(packed), unit, len(geometries), len(length), len(xy), frozenset(int(k) for k in np.unique(kind))
    )


def pack(data: bytes | object) -> str:
    """
    Compress bytes, or an object as JSON, to text for a page.

    Parameters
    ----------
    data
        Bytes, or what JSON can hold.

    Returns
    -------
    str
        Base64 of gzip.
    """
    raw = data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.b64encode(gzip.compress(raw, compresslevel=6, mtime=0)).decode()


def vertices(geometries: Geometries) -> int:
    """
    Count vertices.

    Parameters
    ----------
    geometries
        Any geometries.

    Returns
    -------
    int
        Their number.
    """
    return int(shapely.get_num_coordinates(geometries).sum())


def _kinds(geometries: Geometries) -> NDArray[np.uint8]:
    types = shapely.get_type_id(geometries)
    kind = np.full(len(geometries), _POINT, dtype=np.uint8)
    for code in (_LINE, _POLYGON):
        kind[np.isin(types, _KINDS[code])] = code
    for place in np.flatnonzero(types == shapely.GeometryType.GEOMETRYCOLLECTION):
        # a collection is drawn as the parts of highest dimension in it
        dimension = int(shapely.get_dimensions(geometries[place]))
        kind[place] = max(0, 2 - dimension)
    return kind


def _rings(geometries: Geometries, kind: NDArray[np.uint8]) -> tuple[Integers, Integers, Floats]:
    """Give the feature and the length of every ring, line or set of points, and all their vertices in order."""
    parts, row = shapely.get_parts(geometries, return_index=True)
    while (shapely.get_type_id(parts) == shapely.GeometryType.GEOMETRYCOLLECTION).any():
        parts, inner = shapely.get_parts(parts, return_index=True)
        row = row[inner]
    kept = _kinds(parts) == kind[row]
    parts, row = parts[kept], row[kept]
    polygons = kind[row] == _POLYGON
    rings, owner = shapely.get_rings(parts[polygons], return_index=True)
    strings = np.concatenate([rings, parts[~polygons]])
    feature = np.concatenate([row[polygons][owner], row[~polygons]])
    order = np.argsort(feature, kind="stable")
    strings, feature = strings[order], feature[order]
    xy, ring = shapely.get_coordinates(strings, return_index=True)
    # the last vertex of a ring repeats its first: the page closes rings by itself
    last = np.append(ring[1:] != ring[:-1], True)[: len(ring)] if len(ring) else np.zeros(0, dtype=bool)
    keep = ~(last & (kind[feature[ring]] == _POLYGON)) if len(ring) else np.zeros(0, dtype=bool)
    length = np.bincount(ring[keep], minlength=len(strings))
    return feature.astype(np.int64), length, xy[keep]


def _zigzag(values: Integers) -> Integers:
    return (values << 1) ^ (values >> 63)


def _planes(values: NDArray[Any]) -> bytes:
    """Write 32-bit numbers as four planes of bytes, lowest first."""
    return np.ascontiguousarray(values.astype("<u4").view(np.uint8).reshape(-1, 4).T).tobytes()
