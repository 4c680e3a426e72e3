"""Which layers a source holds: files, folders, archives and frames in memory."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import geopandas as gpd
import pyogrio
import pyogrio.errors

from ecozones import encodings
from ecozones.errors import FormatWarning, InputError, name_rows
from ecozones.sources.driver import call_driver, plain_path
from ecozones.sources.layer import PARQUET, Layer

Source: TypeAlias = "str | Path | gpd.GeoDataFrame | Mapping[str, gpd.GeoDataFrame]"
_VECTOR = {".shp", ".gpkg", ".geojson", ".json", ".fgb", ".kml", ".dxf", ".gdb", ".gml", ".tab", ".mif"}
_READABLE = _VECTOR | PARQUET | {".txt", ".zip"}
# files that hold data and cannot be read: worth a word when they lie in a folder
_UNREADABLE = {
    ".mdb": "export it to a file geodatabase or GeoPackage",
    ".vct": "convert it to GeoPackage",
    ".dwg": "save it as DXF",
    ".dbf": "a table without its .shp holds no geometry; copy all parts of the shapefile",
    ".shx": "copy all parts of the shapefile",
    ".csv": "a table without geometry cannot be placed; build a frame and pass that",
    ".gz": "unpack it first",
    ".xls": "a table without geometry cannot be placed; build a frame and pass that",
    ".xlsx": "a table without geometry cannot be placed; build a frame and pass that",
    ".rar": "unpack it, or pack it as .zip",
    ".7z": "unpack it, or pack it as .zip",
    ".e00": "convert it to GeoPackage",
    ".mpk": "export its layers to GeoPackage",
}
_READ_FORMATS = (
    "Shapefile, GeoPackage, file geodatabase, GeoJSON, GeoParquet, FlatGeobuf, KML, DXF, boundary-point TXT "
    "or a .zip of them"
)


@contextlib.contextmanager
def open_source(source: Source, *, what: str) -> Iterator[list[Layer]]:
    """
    List the layers of a source; archives stay unpacked as long as the context lasts.

    Parameters
    ----------
    source
        A file, a folder of files, a ``.zip`` of either, a frame, or frames by name.
    what
        What is read, for messages about frames.

    Yields
    ------
    list of Layer
        Layers with geometry, in the order of their files' names.

    Raises
    ------
    InputError
        Nothing is there, or nothing of it can be read.

    Examples
    --------
    >>> import shapely
    >>> with open_source({"stbhhx": gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)])}, what="plan") as layers:
    ...     [layer.name for layer in layers]
    ['stbhhx']
    """
    if isinstance(source, gpd.GeoDataFrame):
        yield [Layer(what, "", frame=source)]
        return
    if isinstance(source, Mapping):
        foreign = [name for name, frame in source.items() if not isinstance(frame, gpd.GeoDataFrame)]
        if foreign:
            message = f"{what}: {name_rows(foreign)} are no GeoDataFrames; give every layer as one"
            raise InputError(message)
        yield [Layer(str(name), "", frame=frame) for name, frame in source.items()]
        return
    if not isinstance(source, str | Path):
        message = f"{what}: a {type(source).__name__} cannot be read; give a path, a GeoDataFrame or frames by name"
        raise InputError(message)
    path = Path(source)
    if not path.exists():
        message = f"{what}: {path} does not exist; check the path"
        raise InputError(message)
    with contextlib.ExitStack() as stack:
        layers = _layers(path, stack)
        if not layers:
            message = f"{path.name}: no layer with geometry was found; give {_READ_FORMATS}"
            raise InputError(message)
        yield layers


def _layers(path: Path, stack: contextlib.ExitStack) -> list[Layer]:
    suffix = path.suffix.lower()
    if path.is_dir() and suffix != ".gdb":
        return _folder_layers(path, stack)
    if suffix == ".zip":
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        _unpack(path, folder)
        return _folder_layers(folder, stack, where=path.name)
    if suffix not in _READABLE:
        remedy = _UNREADABLE.get(suffix, f"give {_READ_FORMATS}")
        message = f"{path.name}: cannot be read as a layer; {remedy}"
        raise InputError(message)
    if suffix in PARQUET | {".txt", ".geojson", ".json"}:
        return [Layer(path.stem, path.name, path)]
    listed = call_driver(path, pyogrio.list_layers, plain_path(path), hear=False)
    inner = [str(name) for name, kind in listed if kind is not None]
    if len(inner) == 1:
        # a file of one layer is known by its own name, or by the layer's where that says more
        own = inner[0] if suffix in {".gpkg", ".gdb"} else path.stem
        return [Layer(own, path.name, path, inner[0], alias=path.stem)]
    return [Layer(name, path.name, path, name) for name in inner]


def _folder_layers(folder: Path, stack: contextlib.ExitStack, *, where: str = "") -> list[Layer]:
    found: list[Layer] = []
    for path in sorted(folder.rglob("*")):
        inside = any(parent.suffix.lower() == ".gdb" for parent in path.relative_to(folder).parents)
        suffix = path.suffix.lower()
        if inside or path.name.startswith(".") or "__MACOSX" in path.parts or (path.is_dir() and suffix != ".gdb"):
            continue
        if suffix in _READABLE:
            found += _layers(path, stack)
        elif suffix in _UNREADABLE and not _belongs_to_shapefile(path):
            message = f"{where or folder.name}: {path.name} was not read; {_UNREADABLE[suffix]}"
            warnings.warn(message, FormatWarning, stacklevel=5)
    return found


def _belongs_to_shapefile(path: Path) -> bool:
    return path.suffix.lower() in {".dbf", ".shx"} and any(
        path.with_suffix(suffix).is_file() for suffix in (".shp", ".SHP", ".Shp", ".tab", ".TAB")
    )


def _unpack(path: Path, folder: Path) -> None:
    """Unpack an archive; names that do not say they are UTF-8 are GBK, as Chinese Windows writes them."""
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                if not member.flag_bits & 0x800:
                    raw = member.filename.encode("cp437")
                    name = encodings.choose_encoding({} if raw.isascii() else {raw: False}).name
                    member.filename = raw.decode(name)
                archive.extract(member, folder)
    except (zipfile.BadZipFile, UnicodeError, RuntimeError) as cause:
        message = (
            f"{path.name}: the archive cannot be unpacked ({cause}); pack it again as an ordinary .zip without password"
        )
        raise InputError(message) from cause
