"""
Pieces of a layer on disk: a file is used only if it is whole and was cut from just this layer, in just this way.

The name of a file says both: the digest of what it was cut from and how, then the digest of its own bytes. Nothing else
has to be kept beside it, a torn file never fits its name, and a changed layer never finds the pieces of the old one.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from ecozones import overlay

# goes up whenever polygons are cut in another way
_CUT = 2

_LETTERS = 24


def write_pieces(pieces: overlay.Pieces, folder: Path, source: str, crs: pyproj.CRS) -> Path:
    """
    Write pieces as GeoParquet, each with the row of its polygon and its box.

    Parameters
    ----------
    pieces
        A layer, cut.
    folder
        Made if need be.
    source
        Digest of the layer.
    crs
        Its CRS.

    Returns
    -------
    Path
        The file; it appears whole or not at all.
    """
    folder.mkdir(parents=True, exist_ok=True)
    frame = gpd.GeoDataFrame({"feature": pieces.feature}, geometry=pieces.geometry, crs=crs)
    handle, name = tempfile.mkstemp(dir=folder, prefix=".pieces-", suffix=".parquet")
    os.close(handle)
    waiting = Path(name)
    try:
        frame.to_parquet(waiting, index=False, write_covering_bbox=True)
        path = folder / f"{_stem(source)}-{_hash(waiting.read_bytes())}.parquet"
        waiting.replace(path)
    finally:
        waiting.unlink(missing_ok=True)
    return path


def read_pieces(whole: overlay.Geometries, folder: Path, source: str) -> overlay.Pieces | None:
    """
    Read the pieces of a layer, if there are any that were cut from it.

    Parameters
    ----------
    whole
        The uncut polygons of the layer.
    folder
        Where :func:`write_pieces` wrote.
    source
        Digest of the layer.

    Returns
    -------
    Pieces or None
        As :func:`ecozones.overlay.cut` gives them; None where no file fits, or the one that fits is spoilt.

    Examples
    --------
    >>> import tempfile
    >>> layer = np.array([shapely.Point(0, 0).buffer(9, quad_segs=200)], dtype=object)
    >>> with tempfile.TemporaryDirectory() as place:
    ...     path = write_pieces(overlay.cut(layer), Path(place), "digest", pyproj.CRS("EPSG:4524"))
    ...     found, other = read_pieces(layer, Path(place), "digest"), read_pieces(layer, Path(place), "another")
    >>> len(found.geometry) == len(overlay.cut(layer).geometry), other
    (True, None)
    """
    for path in sorted(folder.glob(f"{_stem(source)}-*.parquet")):
        with contextlib.suppress(FileNotFoundError):  # another process may be tidying up
            content = path.read_bytes()
            if path.stem.rpartition("-")[2] == _hash(content):
                table = gpd.read_parquet(io.BytesIO(content), columns=["geometry", "feature"])
                return overlay.Pieces.of(whole, table.geometry.to_numpy(), table["feature"].to_numpy(dtype=np.intp))
    return None


def _stem(source: str) -> str:
    how = f"{source} {_CUT} {overlay.PIECE_VERTICES} {shapely.geos_version_string}"
    return f"pieces-{_hash(how.encode())}"


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_LETTERS]
