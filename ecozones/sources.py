"""Which layers a source holds, and one of them as a frame: files, folders, archives and frames in memory."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import tempfile
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyogrio.errors
import shapely

from ecozones import encodings, errors
from ecozones.boundary_text import read_boundary_text
from ecozones.errors import FormatWarning, GeometryError, InputError, RepairWarning, name_rows

Source: TypeAlias = "str | Path | gpd.GeoDataFrame | Mapping[str, gpd.GeoDataFrame]"

_VECTOR = {".shp", ".gpkg", ".geojson", ".json", ".fgb", ".kml", ".dxf", ".gdb", ".gml", ".tab", ".mif"}
_PARQUET = {".parquet", ".geoparquet"}
_READABLE = _VECTOR | _PARQUET | {".txt", ".zip"}
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


@dataclasses.dataclass(frozen=True, eq=False)
class Layer:
    """
    One layer of a source, not yet read.

    Parameters
    ----------
    name
        Name of the layer; of the file, where it holds only one.
    file
        Name of the file, for messages; empty for a frame in memory.
    path
        Where it lies.
    inner
        Name of the layer within the file.
    frame
        The frame, where the layer is in memory.
    alias
        A second name it may be known by: that of its file, where it is alone there.
    """

    name: str
    file: str
    path: Path = Path()
    inner: str | None = None
    frame: gpd.GeoDataFrame | None = None
    alias: str = ""

    @property
    def label(self) -> str:
        """Name the layer in a message, with its file."""
        if not self.file:
            return self.name or "the frame"
        # a drawing has one layer, which says nothing
        alone = self.inner in {None, "entities", Path(self.file).stem}
        return self.file if alone else f"{self.file}, layer {self.inner}"


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
    if suffix in _PARQUET | {".txt", ".geojson", ".json"}:
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


def read_layer(layer: Layer, *, encoding: str | None = None, crs: object = None) -> gpd.GeoDataFrame:
    """
    Read one layer as it is written.

    Parameters
    ----------
    layer
        The layer.
    encoding
        Encoding of the texts of a shapefile, where the caller knows it.
    crs
        For a boundary-point text without header.

    Returns
    -------
    GeoDataFrame
        Indexed by the feature numbers that a GIS shows, so that messages can name them; heights are left out.

    Raises
    ------
    InputError
        The file is broken; the message names file, rows and remedy.

    Warns
    -----
    TextEncodingWarning
        The encoding was found out rather than declared, or the text looks garbled.
    FormatWarning
        The file departs from its format.
    RepairWarning
        Rings that were not closed have been.

    Examples
    --------
    >>> len(read_layer(Layer("sites", "", frame=gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)]))))
    1
    """
    suffix = layer.path.suffix.lower()
    if layer.frame is not None:
        frame = layer.frame.copy()
    elif suffix == ".txt":
        frame = read_boundary_text(layer.path, crs=crs)
    elif suffix in _PARQUET:
        frame = _read_parquet(layer)
    elif suffix == ".shp":
        frame = _read_shapefile(layer, encoding)
    elif suffix in {".geojson", ".json"}:
        frame = _read_geojson(layer)
    else:
        frame = _read_vector(layer, layer.path)
    if suffix in {".kml", ".dxf"}:
        frame = _tidy_drawing(frame, layer)
    if suffix == ".dxf":
        frame = _decode_drawing(frame, layer, encoding)
    elif suffix != ".shp":
        warn_mojibake(frame, layer)
    return _flat(frame, layer)


def call_driver(path: Path, function: Any, *arguments: Any, hear: bool = True, **options: Any) -> Any:  # noqa: ANN401
    """
    Call the reading library; its errors and warnings come out as ours, with the name of the file.

    Parameters
    ----------
    path
        The file that is read.
    function, *arguments, **options
        What is called, and with what.
    hear
        Whether its warnings are passed on.

    Returns
    -------
    object
        What the function gives.

    Raises
    ------
    InputError
        The file cannot be read.

    Warns
    -----
    FormatWarning
        What the library says about the file.
    """
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            result = function(*arguments, **options)
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pyogrio.errors.FeatureError) as cause:
            said = str(cause).replace(str(path), path.name)
            message = f"{path.name}: the file cannot be read ({said}); {_remedy(path)}"
            raise InputError(message) from cause
    for text in dict.fromkeys(str(warning.message) for warning in heard):
        if hear and "Non closed ring" not in text:
            warnings.warn(f"{path.name}: {text.replace(str(path), path.name)}", FormatWarning, stacklevel=6)
    return result


def _remedy(path: Path) -> str:
    if path.suffix.lower() == ".shp":
        return "copy all parts of the shapefile (.shp, .shx, .dbf, .prj, .cpg) together again"
    return "open it in a GIS and export it again"


def plain_path(path: Path) -> str:
    """
    Write a path so that the driver takes it for one: a leading ``/vsi`` or a ``!`` means something else to it.

    Parameters
    ----------
    path
        Any path.

    Returns
    -------
    str
        The whole path.
    """
    return str(path.resolve())


def _read_vector(layer: Layer, data: Path | bytes, **options: Any) -> gpd.GeoDataFrame:  # noqa: ANN401
    given = data if isinstance(data, bytes) else plain_path(data)
    options["layer"] = layer.inner
    try:
        return call_driver(layer.path, pyogrio.read_dataframe, given, fid_as_index=True, **options)
    except shapely.errors.GEOSException:
        # one ring that is not closed makes the whole file unreadable at once: take geometry by itself
        table = call_driver(
            layer.path, pyogrio.read_dataframe, given, fid_as_index=True, hear=False, read_geometry=False, **options
        )
        meta, _, raw, _ = call_driver(layer.path, pyogrio.raw.read, given, hear=False, columns=[], **options)
    shapes = shapely.from_wkb(raw, on_invalid="fix")
    mended = shapely.is_missing(shapely.from_wkb(raw, on_invalid="ignore")) & ~shapely.is_missing(shapes)
    message = f"{layer.label}: closed rings in {int(mended.sum())} features: {name_rows(table.index[mended])}"
    warnings.warn(message, RepairWarning, stacklevel=4)
    return gpd.GeoDataFrame(table, geometry=shapes, crs=meta["crs"])


def _read_parquet(layer: Layer) -> gpd.GeoDataFrame:
    try:
        frame = gpd.read_parquet(layer.path)
    except (ValueError, OSError) as cause:
        said = " ".join(str(cause).split())
        message = f"{layer.file}: the file cannot be read as GeoParquet ({said}); write it with GeoDataFrame.to_parquet"
        raise InputError(message) from cause
    return frame.reset_index(drop=True)


def _read_shapefile(layer: Layer, encoding: str | None) -> gpd.GeoDataFrame:
    """Read a shapefile byte by byte and decode its texts here: names may be cut in the middle of a character."""
    found = text_encoding(layer, encoding)
    frame = _read_vector(layer, layer.path, encoding="latin1")
    names = decode_names(frame.columns.drop(frame.geometry.name, errors="ignore"), found, layer)
    return decode_texts(frame.rename(columns=names), found, layer)


def text_encoding(layer: Layer, encoding: str | None = None) -> str:
    """
    Find the encoding of the texts of a shapefile, and say so where it had to be found out.

    Parameters
    ----------
    layer
        The shapefile.
    encoding
        What the caller says.

    Returns
    -------
    str
        Name of the codec.

    Raises
    ------
    InputError
        There is no ``.dbf`` beside it.

    Warns
    -----
    TextEncodingWarning
        The file declares none that fits its bytes.
    """
    table = next(
        (path for suffix in (".dbf", ".DBF", ".Dbf") if (path := layer.path.with_suffix(suffix)).is_file()), None
    )
    if table is None:
        message = f"{layer.file}: there is no {layer.path.stem}.dbf beside it; {_remedy(layer.path)}"
        raise InputError(message)
    found = encodings.dbf_encoding(table, encoding=encoding)
    if not found.declared:
        message = f"{layer.file}: texts were read as {found.name}: {found.reason}; pass encoding= if they look wrong"
        warnings.warn(message, errors.TextEncodingWarning, stacklevel=5)
    return found.name


def decode_names(columns: Iterable[str], encoding: str, layer: Layer) -> dict[str, str]:
    """
    Decode the names of columns that were read byte by byte.

    Parameters
    ----------
    columns
        Names, each byte as the character of that number.
    encoding
        The codec.
    layer
        The shapefile, for messages.

    Returns
    -------
    dict
        The names as they are meant, by the names as they were read.

    Warns
    -----
    FormatWarning
        Ten bytes cut a name in the middle of a character, which is left out.

    Examples
    --------
    >>> decode_names(["ÏØÇø"], "gb18030", Layer("a", "a.shp"))
    {'ÏØÇø': '县区'}
    """
    names: dict[str, str] = {}
    cut: list[str] = []
    for name in columns:
        text, short = _decode_text(str(name), encoding, layer, "the name of a column")
        names[name] = text
        cut += [text] * short
    if cut:
        message = f"{layer.file}: ten bytes of a shapefile cut the last character off column names: {', '.join(cut)}"
        warnings.warn(message, FormatWarning, stacklevel=5)
    return names


def decode_texts(frame: gpd.GeoDataFrame, encoding: str, layer: Layer) -> gpd.GeoDataFrame:
    """
    Decode the texts of a frame that was read byte by byte.

    Parameters
    ----------
    frame
        Rows of a shapefile, each byte of a text as the character of that number.
    encoding
        The codec.
    layer
        The shapefile, for messages.

    Returns
    -------
    GeoDataFrame
        The same rows, their texts as they are meant.

    Raises
    ------
    InputError
        Bytes mean nothing in this encoding; the message names column and rows.

    Warns
    -----
    FormatWarning
        A field cuts a text in the middle of a character, which is left out.
    """
    for name in frame.columns:
        if isinstance(frame[name], pd.Series) and (
            frame[name].dtype == object or pd.api.types.is_string_dtype(frame[name])
        ):
            frame[name] = _decode_column(frame[name], encoding, layer)
    return frame


def _decode_column(column: pd.Series, encoding: str, layer: Layer) -> pd.Series:
    distinct = [value for value in column.dropna().unique() if isinstance(value, str) and not value.isascii()]
    if not distinct:
        return column
    decoded: dict[str, str] = {}
    cut = 0
    for value in distinct:
        decoded[value], short = _decode_text(value, encoding, layer, f"column {column.name}", column)
        cut += short
    if cut:
        message = f"{layer.file}: {cut} texts of column {column.name} end in half a character, which was left out"
        warnings.warn(message, FormatWarning, stacklevel=5)
    return _renamed(column, decoded)


def _renamed(column: pd.Series, names: Mapping[str, str]) -> pd.Series:
    # Series.replace goes through the column once per name
    return pd.Series([names.get(value, value) for value in column], index=column.index, dtype=column.dtype)


def _decode_text(
    text: str, encoding: str, layer: Layer, where: str, column: pd.Series | None = None
) -> tuple[str, bool]:
    try:
        return encodings.decode(text.encode("latin1"), encoding, full=True)
    except UnicodeDecodeError as cause:
        rows = f" in row {name_rows(column.index[column == text])}" if column is not None else ""
        message = f"{layer.file}: {where} holds bytes{rows} that are not {encoding}; pass encoding= with the right one"
        raise InputError(message) from cause


def _read_geojson(layer: Layer) -> gpd.GeoDataFrame:
    size = layer.path.stat().st_size
    if size > _CHECKED_BYTES:
        return _read_vector(layer, layer.path)
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
        message = f"{layer.file}, line {cause.lineno}: the file is no JSON ({cause.msg}); {_remedy(layer.path)}"
        raise InputError(message) from cause
    problems = geojson_problems(document)
    if problems:
        table = pd.DataFrame(problems, columns=["row", "problem"]).assign(remedy="draw it again, or leave it out")
        told = "; ".join(f"row {row}: {problem}" if row != "" else problem for row, problem in problems[:10])
        more = f" and {len(problems) - 10} more" if len(problems) > 10 else ""  # noqa: PLR2004 - ten are shown
        message = f"{layer.file}: {told}{more}; draw the geometry again, leave the row out, or export the file again"
        raise GeometryError(message, table)
    return _read_vector(layer, data)


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


def _tidy_drawing(frame: gpd.GeoDataFrame, layer: Layer) -> gpd.GeoDataFrame:
    """Take closed lines of a drawing as the polygons they stand for, and leave out what is not ground."""
    if "PaperSpace" in frame.columns:
        # labels and layouts of a drawing
        paper = frame["PaperSpace"].eq(1).fillna(value=False).astype(bool).to_numpy()
        label = (frame.geom_type == "Point").to_numpy() & frame.get(
            "Text", pd.Series(index=frame.index, dtype=object)
        ).notna().to_numpy()
        if (paper | label).any():
            message = f"{layer.label}: left out {int((paper | label).sum())} labels and layout objects of the drawing"
            warnings.warn(message, FormatWarning, stacklevel=4)
            frame = frame[~(paper | label)]
    shapes = frame.geometry.to_numpy()
    line = shapely.get_type_id(shapes) == int(shapely.GeometryType.LINESTRING)
    ring = line & (shapely.is_closed(shapes)) & (shapely.get_num_points(shapes) >= 4)  # noqa: PLR2004 - a ring has four
    if ring.any():
        shapes = shapes.copy()
        shapes[ring] = shapely.polygons(
            shapely.linearrings([shapely.get_coordinates(shape) for shape in shapes[ring]]).tolist()
        )
        frame = frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))
        message = f"{layer.label}: {int(ring.sum())} closed lines were taken as polygons"
        warnings.warn(message, FormatWarning, stacklevel=4)
    # columns that the driver adds and the file does not fill
    filler = [name for name in frame.columns if name != frame.geometry.name and frame[name].isna().all()]
    return frame.drop(columns=filler)


def _decode_drawing(frame: gpd.GeoDataFrame, layer: Layer, encoding: str | None) -> gpd.GeoDataFrame:
    """Decode the texts of a drawing anew where it states a code page that its bytes do not keep to."""
    names = [name for name in frame.columns.drop(frame.geometry.name) if not pd.api.types.is_numeric_dtype(frame[name])]
    texts = pd.unique(pd.concat([frame[name].dropna().astype(str) for name in names])) if names else []
    found = encodings.find_mojibake(texts)
    right = encodings.codec_name(encoding, layer.file) if encoding else (found[2] if found else "")
    if not right:
        return frame
    if not encoding:
        message = (
            f"{layer.file}: texts were read as {right}, against the code page of the drawing; pass encoding= if wrong"
        )
        warnings.warn(message, errors.TextEncodingWarning, stacklevel=4)
    again: dict[str, str] = {}
    for text in texts:
        for wrong in ("latin1", "cp1252"):
            with contextlib.suppress(UnicodeError):
                again.setdefault(text, text.encode(wrong).decode(right))
    return frame.assign(**{name: _renamed(frame[name], again) for name in names})


def warn_mojibake(frame: gpd.GeoDataFrame, layer: Layer) -> None:
    """
    Warn of texts that were read in the wrong encoding.

    Parameters
    ----------
    frame
        Rows, of which the first two hundred are looked at.
    layer
        Where they come from, for the message.

    Warns
    -----
    TextEncodingWarning
        Names or texts say something only when they are decoded anew.
    """
    texts: list[str] = [str(name) for name in frame.columns]
    for name in frame.columns.drop(frame.geometry.name):
        if frame[name].dtype == object or pd.api.types.is_string_dtype(frame[name]):
            texts += [value for value in frame[name].head(200).dropna().unique() if isinstance(value, str)]
    found = encodings.find_mojibake(texts)
    if found:
        garbled, said, right = found
        message = f"{layer.label}: text looks garbled: {garbled!r} says {said!r} in {right}; export it again"
        warnings.warn(message, errors.TextEncodingWarning, stacklevel=4)


def _flat(frame: gpd.GeoDataFrame, layer: Layer) -> gpd.GeoDataFrame:
    if not isinstance(frame, gpd.GeoDataFrame):
        message = f"{layer.label}: the layer holds no geometry; choose another layer"
        raise GeometryError(message)
    shapes = frame.geometry.to_numpy()
    high = shapely.has_z(shapes) | shapely.has_m(shapes)
    if not high.any():
        return frame
    heights = shapely.get_coordinates(shapes[high], include_z=True)[:, 2]
    if np.nan_to_num(heights).any():
        message = f"{layer.label}: heights of {int(high.sum())} features were left out"
        warnings.warn(message, FormatWarning, stacklevel=4)
    crs = None if frame.crs is None else frame.crs.to_2d()
    return frame.set_geometry(gpd.GeoSeries(shapely.force_2d(shapes), index=frame.index, crs=crs), crs=crs)


def skim(names: Iterable[Layer]) -> str:
    """
    Name layers for a message.

    Parameters
    ----------
    names
        Layers.

    Returns
    -------
    str
        Their names with their files, ten at most.

    Examples
    --------
    >>> skim([Layer("stbhhx", "a.gpkg"), Layer("mine", "")])
    'stbhhx (a.gpkg), mine'
    """
    return name_rows(f"{layer.name} ({layer.file})" if layer.file else layer.name for layer in names)
