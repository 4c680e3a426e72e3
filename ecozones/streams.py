"""
Layers of any size, read in stretches: rows by number, rows near a place, one column, or everything batch by batch.

A stream knows how many rows there are, what the columns are called and where the coordinates lie, and holds no row. It
travels to other processes as a few words. Rows are numbered as they lie in the source, from 0, however they are read.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable
from urllib.parse import unquote

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pyogrio.raw
import pyproj
import shapely
from numpy.typing import NDArray

from ecozones import sources
from ecozones.errors import FormatWarning, InputError, SchemaError, name_rows

PREPARED = "_prepared.json"
FEATURES = "features"
# what is told of a row that holds something, of which no shape can be made
LOST = "its bytes are no geometry"

_PARQUET = {".parquet", ".geoparquet"}
_SIDES = ("xmin", "ymin", "xmax", "ymax")
_NATIVE = {"point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"}
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_LOOK = 200
_STEP = 50_000
# how many rows lie between two marks; the query that sets them says so too
_MARK = 1_000

Bounds: TypeAlias = tuple[float, float, float, float]
Told: TypeAlias = list[tuple[int, str]]
Floats = NDArray[np.float64]


@runtime_checkable
class Stream(Protocol):
    """A layer that is read in stretches, wherever it lies."""

    @property
    def label(self) -> str:
        """Name of the layer, for messages."""

    @property
    def rows(self) -> int:
        """Number of rows."""

    @property
    def names(self) -> tuple[str, ...]:
        """Columns beside the geometry."""

    @property
    def crs(self) -> pyproj.CRS | None:
        """What the coordinates mean; None where the source does not say."""

    def column(self, name: str) -> pd.Series:
        """Read one column whole, without geometry."""

    def read(
        self, start: int, stop: int, columns: Iterable[str] | None = None, *, told: Told | None = None
    ) -> gpd.GeoDataFrame:
        """
        Read a stretch of rows.

        The frame is indexed by row number, its geometry is called ``geometry``. `told` is given what had to be done to
        read a row (row, what); without it, that is a warning.
        """

    def batches(
        self, size: int, columns: Iterable[str] | None = None, *, told: Told | None = None
    ) -> Iterator[gpd.GeoDataFrame]:
        """Read everything once, in order, in frames of `size` rows."""

    def near(self, bounds: Bounds, columns: Iterable[str] | None = None) -> gpd.GeoDataFrame:
        """Read the rows whose boxes meet a rectangle, in their order; touching counts."""

    def boxes(self, start: int, stop: int) -> Floats:
        """Read the boxes of a stretch: left, bottom, right, top; NaN where there is no shape."""

    def identity(self) -> list[object]:
        """Say, as JSON can, what the source is, so that another or a changed one is told apart."""


@runtime_checkable
class Passing(Protocol):
    """A layer that can be read once, from beginning to end, such as a table of a database seen in one transaction."""

    @property
    def title(self) -> str:
        """Name of the layer, for messages."""

    @property
    def rows(self) -> int:
        """Number of rows."""

    @property
    def names(self) -> tuple[str, ...]:
        """Columns beside the geometry."""

    @property
    def crs(self) -> pyproj.CRS | None:
        """What the coordinates mean."""

    @property
    def digest(self) -> str:
        """What the layer holds, so that another or a changed one is told apart."""

    def stretches(self, rows: int, *, told: Told | None = None) -> Iterator[gpd.GeoDataFrame]:
        """
        Give the rows in frames of so many, numbered from 0 on the index.

        `told` is given the rows of which no shape could be made (row, what); without it, that is an error.
        """


def open_stream(source: str | Path | Stream, *, layer: str | None = None, encoding: str | None = None) -> Stream:
    """
    Open a layer without reading it.

    Parameters
    ----------
    source
        GeoParquet: a file, a folder of parts, also partitioned by folders (``county=.../part.parquet``), or a folder
        that :func:`ecozones.prepare` made; any vector format with a driver in GDAL; or a stream, which is returned.
    layer
        Which layer of the file, where it holds several.
    encoding
        Encoding of the texts of a shapefile, where the caller knows it.

    Returns
    -------
    Stream
        Rows are numbered through all parts, in the order of the parts' paths.

    Raises
    ------
    InputError
        Nothing is there, it cannot be read, the layer is not said, parts are not of one layer, or a prepared folder is
        not as it was left.

    Warns
    -----
    TextEncodingWarning
        The encoding was found out rather than declared, or the text looks garbled.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from ecozones.testing import square
    >>> with TemporaryDirectory() as place:
    ...     square("a1").to_parquet(f"{place}/sites.parquet")
    ...     stream = open_stream(f"{place}/sites.parquet")
    ...     stream.rows, stream.read(0, 1)["site_id"].tolist()
    (1, ['a1'])
    """
    if isinstance(source, Stream):
        return source
    path = Path(source)
    if not path.exists():
        message = f"{path} does not exist; check the path"
        raise InputError(message)
    path = path.resolve()
    suffix = path.suffix.lower()
    if path.is_dir() and suffix != ".gdb":
        return _open_folder(path)
    if suffix in _PARQUET:
        return _open_parquet(path, [path])
    return _open_driver(path, layer, encoding)


@dataclasses.dataclass(frozen=True)
class ParquetStream:
    """
    GeoParquet in one file or many.

    Parameters
    ----------
    root
        The file or folder.
    files
        Path, number of rows, and values that the path states, of each part.
    names
        Columns beside the geometry.
    geometry, encoding
        Name of the geometry, and how it is written.
    crs
        What the coordinates mean.
    covering
        Column of boxes, empty where there is none.
    """

    root: Path
    files: tuple[tuple[Path, int, tuple[tuple[str, str | None], ...]], ...]
    names: tuple[str, ...]
    geometry: str
    encoding: str
    crs: pyproj.CRS | None
    covering: str

    @property
    def label(self) -> str:
        """Name of the file or folder."""
        return self.root.name

    @property
    def rows(self) -> int:
        """Number of rows in all parts."""
        return sum(rows for _, rows, _ in self.files)

    def column(self, name: str) -> pd.Series:
        """Read one column whole, without geometry."""
        _check_columns(self, [name])
        parts = []
        for path, rows, stated in self.files:
            said = dict(stated)
            parts.append(
                pa.table({name: pa.array([said[name]] * rows, pa.string())})
                if name in said
                else _read_column(path, name).replace_schema_metadata(None)
            )
        table = pa.concat_tables(parts, promote_options="permissive")
        return series_of(table[name]).rename(name)

    def read(
        self, start: int, stop: int, columns: Iterable[str] | None = None, *, told: Told | None = None
    ) -> gpd.GeoDataFrame:
        """Read a stretch of rows."""
        names = _check_columns(self, columns)
        tables, first = [], 0
        for path, rows, stated in self.files:
            begin, end = max(start - first, 0), min(stop - first, rows)
            if begin < end:
                stored = [*_stored(names, stated), self.geometry]
                tables.append(self._with_stated(_slice(path, begin, end, stored), stated, end - begin))
            first += rows
        return self._frame(tables, names, np.arange(start, max(start, min(stop, first))), told)

    def batches(
        self, size: int, columns: Iterable[str] | None = None, *, told: Told | None = None
    ) -> Iterator[gpd.GeoDataFrame]:
        """Read everything once, in order."""
        names = _check_columns(self, columns)
        first, waiting, count = 0, list[pa.Table](), 0
        for path, _, stated in self.files:
            stored = [*_stored(names, stated), self.geometry]
            for batch in _batches(path, size, stored):
                waiting.append(self._with_stated(pa.Table.from_batches([batch]), stated, len(batch)))
                count += len(batch)
                while count >= size:
                    whole = pa.concat_tables(waiting, promote_options="permissive")
                    yield self._frame([whole.slice(0, size)], names, np.arange(first, first + size), told)
                    waiting, count, first = [whole.slice(size)], count - size, first + size
        if count:
            yield self._frame(waiting, names, np.arange(first, first + count), told)

    def near(self, bounds: Bounds, columns: Iterable[str] | None = None) -> gpd.GeoDataFrame:
        """Read the rows whose boxes meet a rectangle; quick where there is a column of boxes and rows lie in order."""
        names = _check_columns(self, columns)
        tables, numbers, first = [], [np.zeros(0, dtype=np.intp)], 0
        for path, rows, stated in self.files:
            file = _open_file(path)
            begin = first
            for group in range(file.num_row_groups):
                length = file.metadata.row_group(group).num_rows
                if not self.covering or _group_meets(file, group, self.covering, bounds):
                    inside = np.flatnonzero(_meets(self._group_boxes(path, group), bounds))
                    if len(inside):
                        table = _read_group(path, group, [*_stored(names, stated), self.geometry]).take(inside)
                        tables.append(self._with_stated(table, stated, len(inside)))
                        numbers.append(begin + inside)
                begin += length
            first += rows
        return self._frame(tables, names, np.concatenate(numbers), None)

    def take(self, rows: NDArray[np.intp], columns: Iterable[str] | None = None) -> gpd.GeoDataFrame:
        """Read chosen rows, which ascend; quick where they lie near each other."""
        names = _check_columns(self, columns)
        tables, first = [], 0
        for path, count, stated in self.files:
            low, high = np.searchsorted(rows, [first, first + count])
            if low < high:
                file, begin = _open_file(path), first
                for group in range(file.num_row_groups):
                    length = file.metadata.row_group(group).num_rows
                    start, stop = np.searchsorted(rows, [begin, begin + length])
                    if start < stop:
                        table = _read_group(path, group, [*_stored(names, stated), self.geometry])
                        tables.append(
                            self._with_stated(table.take(rows[start:stop] - begin), stated, int(stop - start))
                        )
                    begin += length
            first += count
        return self._frame(tables, names, rows, None)

    def boxes(self, start: int, stop: int) -> Floats:
        """Read the boxes of a stretch, out of their own column where there is one."""
        if not self.covering:
            return _bounds_of(self.read(start, stop, ()))
        found, first = [np.zeros((0, 4))], 0
        for path, rows, _ in self.files:
            begin, end = max(start - first, 0), min(stop - first, rows)
            if begin < end:
                found.append(_covering_boxes(_slice(path, begin, end, [self.covering])[self.covering]))
            first += rows
        return np.concatenate(found)

    def identity(self) -> list[object]:
        """Name every part with its size and time; of a prepared folder, its digest."""
        manifest = self.root / PREPARED
        if manifest.is_file():
            return [self.root.name, json.loads(manifest.read_text(encoding="utf-8"))["digest"]]
        return [[str(path.relative_to(self.root.parent)), *_stamp(path)] for path, _, _ in self.files]

    def _group_boxes(self, path: Path, group: int) -> Floats:
        if self.covering:
            return _covering_boxes(_read_group(path, group, [self.covering])[self.covering])
        shapes, _ = _shapes(_read_group(path, group, [self.geometry])[self.geometry], self.encoding)
        return np.asarray(shapely.bounds(shapes))

    def _with_stated(self, table: pa.Table, stated: Iterable[tuple[str, str | None]], rows: int) -> pa.Table:
        table = table.replace_schema_metadata(None)
        for name, value in stated:
            table = table.append_column(name, pa.array([value] * rows, pa.string()))
        return table

    def _frame(
        self, tables: Sequence[pa.Table], names: Sequence[str], rows: NDArray[np.intp], told: Told | None
    ) -> gpd.GeoDataFrame:
        # an empty stretch still knows the kinds of its columns
        full = tables or [self._empty(names)]
        table = pa.concat_tables(full, promote_options="permissive")
        if len(table) != len(rows):
            message = f"{self.label}: {len(rows)} rows were asked for and {len(table)} are there; copy the file again"
            raise InputError(message)
        shapes, said = _shapes(table[self.geometry], self.encoding)
        _tell(said, rows, self.label, told)
        return _frame({name: table[name] for name in names}, shapes, rows, self.crs)

    def _empty(self, names: Sequence[str]) -> pa.Table:
        path, _, stated = self.files[0]
        table = _open_file(path).schema_arrow.empty_table().select([*_stored(names, stated), self.geometry])
        return self._with_stated(table, stated, 0)


@dataclasses.dataclass(frozen=True)
class DriverStream:
    """
    A layer of a file that GDAL reads.

    Parameters
    ----------
    path, layer
        Where it lies.
    rows
        Number of rows.
    names
        Columns beside the geometry, and what the driver calls them.
    crs
        What the coordinates mean.
    driver
        GDAL's name of the format.
    way
        How a stretch is found: by a range of ``"feature numbers"``, by a ``"list"`` of them, or by ``"skipping"``.
    key, first
        Column of the feature numbers, and the first of them where they follow each other without a gap.
    marks
        The feature number of every thousandth row, where there are gaps.
    encoding
        Of the texts of a shapefile.
    """

    path: Path
    layer: str
    rows: int
    fields: tuple[tuple[str, str], ...]
    crs: pyproj.CRS | None
    driver: str
    way: str
    key: str
    first: int
    marks: tuple[int, ...]
    encoding: str | None

    @property
    def label(self) -> str:
        """Name of the file, with the layer where that says more."""
        return self._source.label

    @property
    def names(self) -> tuple[str, ...]:
        """Columns beside the geometry."""
        return tuple(name for name, _ in self.fields)

    def column(self, name: str) -> pd.Series:
        """Read one column whole, without geometry."""
        names, parts = _check_columns(self, [name]), []
        for start in range(0, max(self.rows, 1), _STEP):
            stop = min(start + _STEP, self.rows)
            options, before = self._range(start, stop)
            parts.append(self._columns(self._table(names, read_geometry=False, **options).slice(before, stop - start)))
        return pd.concat([part[name] for part in parts], ignore_index=True).rename(name)

    def read(
        self, start: int, stop: int, columns: Iterable[str] | None = None, *, told: Told | None = None
    ) -> gpd.GeoDataFrame:
        """Read a stretch of rows."""
        stop = max(start, min(stop, self.rows))
        options, before = self._range(start, stop)
        table = self._table(columns, **options).slice(before, stop - start)
        if len(table) != stop - start:
            message = (
                f"{self.label}: row {start + len(table)} cannot be read, though the layer says it has {self.rows}; "
                "copy the file again, or export it again in a GIS"
            )
            raise InputError(message)
        return self._frame(table, np.arange(start, stop), options, told, before)

    def batches(
        self, size: int, columns: Iterable[str] | None = None, *, told: Told | None = None
    ) -> Iterator[gpd.GeoDataFrame]:
        """Read everything once, in order."""
        for start in range(0, self.rows, size):
            yield self.read(start, start + size, columns, told=told)

    def near(self, bounds: Bounds, columns: Iterable[str] | None = None) -> gpd.GeoDataFrame:
        """
        Read the rows that a rectangle meets, by the index of the file where it has one.

        A driver may leave out rows whose box meets the rectangle and whose shape does not.
        """
        options = {"bbox": bounds}
        if self.driver == "FlatGeobuf" and not self._any_near(bounds):
            # GDAL answers with a batch of noise where it should say that nothing is there
            return self.read(0, 0, columns)
        table = self._table(columns, return_fids=True, **options)
        rows = self._rows_of(table[0].to_numpy())
        frame = self._frame(table.remove_column(0), rows, options, None)
        frame = frame[_meets(_bounds_of(frame), bounds)]
        return frame.sort_index()

    def boxes(self, start: int, stop: int) -> Floats:
        """Read the boxes of a stretch."""
        return _bounds_of(self.read(start, stop, ()))

    def identity(self) -> list[object]:
        """Name every file of the layer with its size and time."""
        if self.path.is_dir():
            files = [path for path in sorted(self.path.rglob("*")) if path.is_file()]
        else:
            # a shapefile is many files; a database may have written beside its own
            beside = (*self.path.parent.glob("*"),)
            wanted = {self.path.name, f"{self.path.name}-wal"}
            same = self.path.suffix.lower() == ".shp"
            files = sorted(one for one in beside if one.name in wanted or (same and one.stem == self.path.stem))
        return [self.layer, self.encoding or "", *([path.name, *_stamp(path)] for path in files)]

    def _any_near(self, bounds: Bounds) -> bool:
        found = sources.call_driver(
            self.path,
            pyogrio.raw.read,
            sources.plain_path(self.path),
            layer=self.layer,
            columns=[],
            read_geometry=False,
            return_fids=True,
            bbox=bounds,
            max_features=1,
        )
        return len(found[1]) > 0

    @property
    def _source(self) -> sources.Layer:
        return sources.Layer(self.layer, self.path.name, self.path, self.layer)

    def _range(self, start: int, stop: int) -> tuple[dict[str, Any], int]:
        """Say how to read a stretch, and how many rows come before it."""
        if self.marks and start < stop:
            low, high = start // _MARK, -(-stop // _MARK)
            above = self.marks[high] if high < len(self.marks) else None
            return self._between(self.marks[low], above), start - low * _MARK
        match self.way:
            case "feature numbers":
                return self._between(self.first + start, self.first + stop), 0
            case "list" if start < stop:
                return {"fids": np.arange(start, stop)}, 0
        return {"skip_features": start, "max_features": stop - start}, 0

    def _between(self, low: int, high: int | None) -> dict[str, Any]:
        key = self.key.replace('"', '""')
        return {"where": f'"{key}" >= {low}' + ("" if high is None else f' and "{key}" < {high}')}

    def _table(self, columns: Iterable[str] | None, **options: Any) -> pa.Table:  # noqa: ANN401 - the driver's own
        raw = dict(self.fields)
        names = [raw[name] for name in _check_columns(self, columns)]
        encoding = "latin1" if self.encoding else None
        _, table = sources.call_driver(
            self.path,
            pyogrio.raw.read_arrow,
            sources.plain_path(self.path),
            layer=self.layer,
            columns=names,
            encoding=encoding,
            datetime_as_string=True,
            **options,
        )
        return table

    def _columns(self, table: pa.Table) -> pd.DataFrame:
        meant = {raw: name for name, raw in self.fields}
        wanted = [name for name in table.column_names if name in meant]
        frame = pd.DataFrame({meant[name]: series_of(table[name]) for name in wanted})
        return frame if self.encoding is None else sources.decode_texts(frame, self.encoding, self._source)

    def _frame(
        self,
        table: pa.Table,
        rows: NDArray[np.intp],
        options: Mapping[str, Any],
        told: Told | None,
        before: int = 0,
    ) -> gpd.GeoDataFrame:
        try:
            shapes, said = _shapes(table[-1], "WKB")
        except NotImplementedError:
            # arcs: GDAL draws them as chords, as it does for every reader that knows no arcs
            _, _, raw, _ = sources.call_driver(
                self.path,
                pyogrio.raw.read,
                sources.plain_path(self.path),
                layer=self.layer,
                columns=[],
                hear=False,
                **options,
            )
            shapes, said = _shapes(raw[before : before + len(rows)], "WKB")
            arcs = _arcs(table[-1])
            said += [(int(row), "arcs are drawn as chords") for row in np.flatnonzero(arcs)]
        frame = self._columns(table.select(range(table.num_columns - 1)))
        _tell(said, rows, self.label, told)
        frame.index = pd.Index(rows)
        return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(shapes, index=frame.index, crs=self.crs), crs=self.crs)

    def _rows_of(self, numbers: NDArray[np.intp]) -> NDArray[np.intp]:
        if self.first >= 0:
            return numbers - self.first
        known = _feature_numbers(self.path, self.layer, self.key, json.dumps(self.identity()))
        order = np.argsort(known, kind="stable")
        return order[np.searchsorted(known, numbers, sorter=order)]


def _open_folder(root: Path) -> ParquetStream:
    """Open the parts of a dataset; what begins with a dot or an underscore is no data."""
    inside = root / FEATURES if (root / PREPARED).is_file() else root
    paths = [
        path
        for path in sorted(inside.rglob("*"))
        if path.is_file()
        and path.suffix.lower() in _PARQUET
        and not any(part.startswith((".", "_")) for part in path.relative_to(inside).parts)
    ]
    if not paths:
        message = f"{root.name}: no part of GeoParquet lies in this folder; give a file, or the folder of one layer"
        raise InputError(message)
    if inside != root:
        _check_prepared(root, paths)
    return _open_parquet(root, paths)


def _check_prepared(root: Path, paths: Sequence[Path]) -> None:
    """Hold a prepared folder to its record: every part there, no other, and what was touched since read once."""
    record = root / PREPARED
    told = json.loads(record.read_text(encoding="utf-8"))["parts"]
    written = record.stat().st_mtime_ns
    there = {str(path.relative_to(root)) for path in paths}
    known = {part for part in told if part.split("/")[0] == FEATURES}
    torn = there ^ known
    for part in there & known:
        path = root / part
        if path.stat().st_mtime_ns > written:
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != told[part]:
                    torn.add(part)
    if torn:
        message = f"{root.name} is not as prepare() left it ({name_rows(sorted(torn))}); remove it and prepare again"
        raise InputError(message)


def _open_parquet(root: Path, paths: Sequence[Path]) -> ParquetStream:
    files, kinds = [], {}
    for path in paths:
        file = _open_file(path)
        meta = (file.schema_arrow.metadata or {}).get(b"geo")
        if meta is None:
            message = f"{path.name} is Parquet without geometry; write it with GeoDataFrame.to_parquet"
            raise InputError(message)
        files.append((path, file.metadata.num_rows, stated_values(path.relative_to(root) if path != root else Path())))
        kinds[path] = _kind(file, json.loads(meta))
    first = kinds[paths[0]]
    other = [path for path in paths if kinds[path] != first]
    keys = {tuple(name for name, _ in stated) for _, _, stated in files}
    if other or len(keys) > 1:
        message = (
            f"{root.name}: parts are not of one layer: {name_rows(path.name for path in other or paths)} have other "
            "columns, another CRS, or another way of writing geometry; give one file, or a folder of one layer"
        )
        raise InputError(message)
    columns, geometry, encoding, crs, covering = first
    stated = [name for name in keys.pop() if name not in columns]
    files = [(path, rows, tuple(one for one in said if one[0] in stated)) for path, rows, said in files]
    names = (*(name for name in columns if name not in {geometry, covering}), *stated)
    place = None if crs is None else pyproj.CRS.from_user_input(crs)
    stream = ParquetStream(root, tuple(files), names, geometry, encoding, place, covering)
    _refuse_names(stream)
    if stream.rows:
        sources.warn_mojibake(stream.read(0, _LOOK), sources.Layer(root.stem, root.name, root))
    return stream


def _kind(file: pq.ParquetFile, meta: Mapping[str, Any]) -> tuple[tuple[str, ...], str, str, str | None, str]:
    """Say what makes a part one of its layer: columns, geometry and its encoding, CRS, column of boxes."""
    geometry = meta["primary_column"]
    told = meta["columns"][geometry]
    # the format says what it means where nothing is said
    crs = told.get("crs", "OGC:CRS84")
    boxes = told.get("covering", {}).get("bbox", {})
    column = boxes["xmin"][0] if set(_SIDES) <= set(boxes) else ""
    names = tuple(name for name in file.schema_arrow.names if not name.startswith("__index_level_"))
    return names, geometry, told["encoding"], json.dumps(crs) if isinstance(crs, dict) else crs, column


def stated_values(path: Path) -> tuple[tuple[str, str | None], ...]:
    """
    Read the values that a partitioned dataset states in the names of its folders.

    Parameters
    ----------
    path
        Of a part.

    Returns
    -------
    tuple
        Column and value, from the outside in; texts, and None for what is missing.

    Examples
    --------
    >>> stated_values(Path("areas/county=吴江/year=2024/part-000000.parquet"))
    (('county', '吴江'), ('year', '2024'))
    """
    pairs = [part.partition("=") for part in path.parts[:-1] if "=" in part]
    # a text of no letters is no name for a folder
    special = {_NO_VALUE: None, "%00": ""}
    return tuple((unquote(name), special.get(value, unquote(value))) for name, _, value in pairs)


def _open_driver(path: Path, layer: str | None, encoding: str | None) -> DriverStream:
    plain = sources.plain_path(path)
    if layer is None:
        listed = sources.call_driver(path, pyogrio.list_layers, plain, hear=False)
        drawn = [str(name) for name, kind in listed if kind is not None]
        if len(drawn) != 1:
            what = f"has the layers {name_rows(drawn)}; say which with layer=" if drawn else "holds no geometry"
            message = f"{path.name} {what}"
            raise InputError(message)
        layer = drawn[0]
    told = sources.Layer(layer, path.name, path, layer)
    shapefile = path.suffix.lower() == ".shp"
    codec = sources.text_encoding(told, encoding) if shapefile else None
    info = sources.call_driver(
        path,
        pyogrio.read_info,
        plain,
        layer=layer,
        encoding="latin1" if shapefile else None,
        force_feature_count=True,
    )
    if info["geometry_type"] is None:
        message = f"{told.label}: the layer holds no geometry; choose another layer"
        raise InputError(message)
    raw = [str(name) for name in info["fields"]]
    meant = sources.decode_names(raw, codec, told) if codec else {name: name for name in raw}
    rows, way, first, marks = _way(path, layer, info)
    crs = None if info["crs"] is None else pyproj.CRS.from_user_input(info["crs"])
    fields = tuple((meant[name], name) for name in raw)
    stream = DriverStream(path, layer, rows, fields, crs, info["driver"], way, info["fid_column"], first, marks, codec)
    _refuse_names(stream)
    if stream.rows and not shapefile:
        sources.warn_mojibake(stream.read(0, _LOOK), told)
    return stream


def _way(path: Path, layer: str, info: Mapping[str, Any]) -> tuple[int, str, int, tuple[int, ...]]:
    """Count the rows and choose how a stretch is read; the first feature number is -1 where nothing is known of it."""
    driver, rows, key = info["driver"], int(info["features"]), info["fid_column"]
    match driver:
        case "GPKG" if key:
            # counted, for what the file says of itself may be out of date
            told = _ask(path, "select count(*) as n, min({key}) as low, max({key}) as high from {table}", key, layer)
            rows, low, high = (0 if pd.isna(value) else int(value) for value in told.iloc[0][["n", "low", "high"]])
            if rows in {0, high - low + 1}:
                return rows, "feature numbers", low, ()
            # summed, for a bare feature number is no column to the driver
            query = (
                "select number from (select {key} + 0 as number, row_number() over (order by {key}) as place "
                "from {table}) where place % 1000 = 1 order by number"
            )
            return rows, "feature numbers", -1, tuple(_ask(path, query, key, layer)["number"].tolist())
        case "FlatGeobuf":
            # an index says where each feature begins; without one, the only way is through all before it
            indexed = info["capabilities"]["fast_spatial_filter"]
            return rows, "list" if indexed else "skipping", 0, ()
        case "ESRI Shapefile":
            return rows, "skipping", 0, ()
    return rows, "skipping", -1, ()


def _ask(path: Path, query: str, key: str, layer: str) -> pd.DataFrame:
    names = {name: '"' + value.replace('"', '""') + '"' for name, value in (("key", key), ("table", layer))}
    return sources.call_driver(
        path, pyogrio.read_dataframe, sources.plain_path(path), sql=query.format(**names), read_geometry=False
    )


@functools.lru_cache(maxsize=4)
def _feature_numbers(path: Path, layer: str, key: str, identity: str) -> NDArray[np.intp]:  # noqa: ARG001 - as it is now
    if path.suffix.lower() == ".gpkg":
        return np.asarray(_ask(path, "select {key} + 0 as number from {table} order by number", key, layer)["number"])
    _, table = sources.call_driver(
        path,
        pyogrio.raw.read_arrow,
        sources.plain_path(path),
        layer=layer,
        columns=[],
        read_geometry=False,
        return_fids=True,
    )
    return np.asarray(table[0].to_numpy())


def _refuse_names(stream: ParquetStream | DriverStream) -> None:
    again = sorted({name for name in stream.names if stream.names.count(name) > 1 or name == "geometry"})
    if again:
        message = f"{stream.label}: columns {name_rows(again)} are there twice; rename them"
        raise InputError(message)


def _check_columns(stream: Stream, columns: Iterable[str] | None) -> list[str]:
    if columns is None:
        return list(stream.names)
    wanted = list(columns)
    absent = [name for name in wanted if name not in stream.names]
    if absent:
        message = f"{stream.label} has no column {name_rows(absent)}; it has {name_rows(stream.names)}"
        raise SchemaError(message)
    return wanted


def _stamp(path: Path) -> tuple[int, int]:
    told = path.stat()
    return told.st_size, told.st_mtime_ns


def _open_file(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as cause:
        raise _unreadable(path, cause) from cause


def _unreadable(path: Path, cause: Exception) -> InputError:
    said = " ".join(str(cause).split())
    return InputError(f"{path.name}: the file cannot be read as GeoParquet ({said}); copy it, or write it, again")


def _read_group(path: Path, group: int, columns: Sequence[str]) -> pa.Table:
    try:
        return _open_file(path).read_row_group(group, columns=list(columns), use_threads=False)
    except (pa.ArrowInvalid, OSError) as cause:
        raise _unreadable(path, cause) from cause


def _read_column(path: Path, column: str) -> pa.Table:
    try:
        return _open_file(path).read(columns=[column], use_threads=False)
    except (pa.ArrowInvalid, OSError) as cause:
        raise _unreadable(path, cause) from cause


def _slice(path: Path, begin: int, end: int, columns: Sequence[str]) -> pa.Table:
    """Read rows out of one part, holding no more than they need of a large group."""
    file = _open_file(path)
    sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    starts = np.r_[0, np.cumsum(sizes)]
    groups = [group for group in range(len(sizes)) if starts[group] < end and starts[group + 1] > begin]
    at = int(starts[groups[0]])
    found = []
    try:
        for batch in file.iter_batches(end - begin, row_groups=groups, columns=list(columns), use_threads=False):
            low, high = max(begin - at, 0), min(end - at, len(batch))
            if low < high:
                found.append(batch.slice(low, high - low))
            at += len(batch)
            if at >= end:
                break
    except (pa.ArrowInvalid, OSError) as cause:
        raise _unreadable(path, cause) from cause
    return pa.Table.from_batches(found)


def _batches(path: Path, size: int, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    try:
        yield from _open_file(path).iter_batches(size, columns=list(columns), use_threads=False)
    except (pa.ArrowInvalid, OSError) as cause:
        raise _unreadable(path, cause) from cause


def _stored(names: Iterable[str], stated: Iterable[tuple[str, str | None]]) -> list[str]:
    said = {name for name, _ in stated}
    return [name for name in names if name not in said]


def _group_meets(file: pq.ParquetFile, group: int, covering: str, bounds: Bounds) -> bool:
    """Tell from the statistics of a row group whether a box in it may meet a rectangle."""
    told = file.metadata.row_group(group)
    found = {}
    for number in range(told.num_columns):
        column = told.column(number)
        parent, _, side = column.path_in_schema.rpartition(".")
        if parent == covering and column.is_stats_set and column.statistics.has_min_max:
            found[side] = column.statistics
    if set(found) < set(_SIDES):
        return True
    left, bottom, right, top = bounds
    return bool(
        found["xmin"].min <= right
        and found["xmax"].max >= left
        and found["ymin"].min <= top
        and found["ymax"].max >= bottom
    )


def _covering_boxes(column: pa.ChunkedArray) -> Floats:
    whole = column.combine_chunks()
    sides = [pa.compute.struct_field(whole, side).to_numpy(zero_copy_only=False) for side in _SIDES]
    return np.column_stack(sides).astype(np.float64)


def _meets(boxes: Floats, bounds: Bounds) -> NDArray[np.bool_]:
    left, bottom, right, top = bounds
    found = (boxes[:, 0] <= right) & (boxes[:, 2] >= left) & (boxes[:, 1] <= top) & (boxes[:, 3] >= bottom)
    return np.asarray(found)


def _bounds_of(frame: gpd.GeoDataFrame) -> Floats:
    return np.asarray(shapely.bounds(frame.geometry.to_numpy()), dtype=np.float64).reshape(-1, 4)


def _shapes(column: Any, encoding: str) -> tuple[NDArray[np.object_], Told]:  # noqa: ANN401 - of Arrow or NumPy
    """Build geometries, and say of which rows the rings had to be closed, or nothing could be made."""
    # a coordinate that is no number is told by whoever asks for the row, in words
    with np.errstate(invalid="ignore"):
        return _built(column, encoding)


def _built(column: Any, encoding: str) -> tuple[NDArray[np.object_], Told]:  # noqa: ANN401 - of Arrow or NumPy
    if encoding.lower() in _NATIVE:
        array = column.combine_chunks()
        field = pa.field("geometry", array.type, metadata={"ARROW:extension:name": f"geoarrow.{encoding.lower()}"})
        table = pa.Table.from_arrays([array], schema=pa.schema([field]))
        return gpd.GeoDataFrame.from_arrow(table).geometry.to_numpy(), []
    raw = column if isinstance(column, np.ndarray) else column.to_numpy(zero_copy_only=False)
    try:
        return shapely.from_wkb(raw), []
    except shapely.errors.GEOSException:
        sound = shapely.from_wkb(raw, on_invalid="ignore")
        shapes = shapely.from_wkb(raw, on_invalid="fix")
    closed = shapely.is_missing(sound) & ~shapely.is_missing(shapes)
    lost = shapely.is_missing(shapes) & np.array([value is not None for value in raw])
    said = [(int(row), "rings were closed") for row in np.flatnonzero(closed)]
    return shapes, said + [(int(row), LOST) for row in np.flatnonzero(lost)]


def _arcs(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Tell which shapes are drawn with arcs, which shapely does not know."""
    told = []
    for raw in column.to_pylist():
        kind = 0 if raw is None else int.from_bytes(raw[1:5], "little" if raw[0] else "big") & 0xFF_FFFF
        told.append(7 < kind % 1000 < 13)  # noqa: PLR2004 - the codes of the curved kinds
    return np.array(told, dtype=bool)


def _tell(said: Told, rows: NDArray[np.intp], label: str, told: Told | None) -> None:
    named = [(int(rows[position]), what) for position, what in said]
    if told is not None:
        told += named
        return
    for what in dict.fromkeys(what for _, what in named):
        message = f"{label}: {what} in rows {name_rows(row for row, said in named if said == what)}"
        warnings.warn(message, FormatWarning, stacklevel=4)


def series_of(column: pa.ChunkedArray) -> pd.Series:
    """
    Bring a column to pandas; whole numbers stay whole where some are missing.

    Parameters
    ----------
    column
        Of Arrow.

    Returns
    -------
    Series
        Numbered from 0.

    Examples
    --------
    >>> str(series_of(pa.chunked_array([[1, None]])).dtype)
    'Int64'
    """
    gaps = column.null_count > 0
    if gaps and (pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)):
        kind = pd.BooleanDtype() if pa.types.is_boolean(column.type) else pd.Int64Dtype()
        return pd.Series(column.to_pandas(types_mapper=lambda _: kind))
    return pd.Series(column.to_pandas())


def _frame(
    columns: Mapping[str, pa.ChunkedArray], shapes: NDArray[np.object_], rows: NDArray[np.intp], crs: pyproj.CRS | None
) -> gpd.GeoDataFrame:
    table = pd.DataFrame({name: series_of(column) for name, column in columns.items()})
    table.index = pd.Index(rows)
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(shapes, index=table.index, crs=crs), crs=crs)
