"""GeoParquet in one file or many: parts of one layer, read by groups of rows and by their boxes."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely
from numpy.typing import NDArray

from ecozones import sources
from ecozones.errors import InputError, name_rows
from ecozones.streams.frames import bounds_of, boxes_meet, build_shapes, series_of, tell_rows
from ecozones.streams.stream import FEATURES, PREPARED, Bounds, Floats, Told, check_columns, file_stamp

_SIDES = ("xmin", "ymin", "xmax", "ymax")
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


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
    def source(self) -> sources.Layer:
        """The layer as messages name it."""
        return sources.Layer(self.root.stem, self.root.name, self.root)

    @property
    def rows(self) -> int:
        """Number of rows in all parts."""
        return sum(rows for _, rows, _ in self.files)

    def column(self, name: str) -> pd.Series:
        """Read one column whole, without geometry."""
        check_columns(self, [name])
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
        names = check_columns(self, columns)
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
        names = check_columns(self, columns)
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
        names = check_columns(self, columns)
        tables, numbers, first = [], [np.zeros(0, dtype=np.intp)], 0
        for path, rows, stated in self.files:
            file = _open_file(path)
            begin = first
            for group in range(file.num_row_groups):
                length = file.metadata.row_group(group).num_rows
                if not self.covering or _group_meets(file, group, self.covering, bounds):
                    inside = np.flatnonzero(boxes_meet(self._group_boxes(path, group), bounds))
                    if len(inside):
                        table = _read_group(path, group, [*_stored(names, stated), self.geometry]).take(inside)
                        tables.append(self._with_stated(table, stated, len(inside)))
                        numbers.append(begin + inside)
                begin += length
            first += rows
        return self._frame(tables, names, np.concatenate(numbers), None)

    def take(self, rows: NDArray[np.intp], columns: Iterable[str] | None = None) -> gpd.GeoDataFrame:
        """Read chosen rows, which ascend; quick where they lie near each other."""
        names = check_columns(self, columns)
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
            return bounds_of(self.read(start, stop, ()))
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
        return [[str(path.relative_to(self.root.parent)), *file_stamp(path)] for path, _, _ in self.files]

    def _group_boxes(self, path: Path, group: int) -> Floats:
        if self.covering:
            return _covering_boxes(_read_group(path, group, [self.covering])[self.covering])
        shapes, _ = build_shapes(_read_group(path, group, [self.geometry])[self.geometry], self.encoding)
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
        shapes, said = build_shapes(table[self.geometry], self.encoding)
        tell_rows(said, rows, self.label, told)
        return _frame({name: table[name] for name in names}, shapes, rows, self.crs)

    def _empty(self, names: Sequence[str]) -> pa.Table:
        path, _, stated = self.files[0]
        table = _open_file(path).schema_arrow.empty_table().select([*_stored(names, stated), self.geometry])
        return self._with_stated(table, stated, 0)


def open_folder(root: Path) -> ParquetStream:
    """
    Open the parts of a dataset; what begins with a dot or an underscore is no data.

    Parameters
    ----------
    root
        A folder, whole or as :func:`ecozones.prepare` made it.

    Returns
    -------
    ParquetStream
        All its parts, in the order of their paths.

    Raises
    ------
    InputError
        No part lies there, parts are not of one layer, or a prepared folder is not as it was left.
    """
    inside = root / FEATURES if (root / PREPARED).is_file() else root
    paths = [
        path
        for path in sorted(inside.rglob("*"))
        if path.is_file()
        and path.suffix.lower() in sources.PARQUET
        and not any(part.startswith((".", "_")) for part in path.relative_to(inside).parts)
    ]
    if not paths:
        message = f"{root.name}: no part of GeoParquet lies in this folder; give a file, or the folder of one layer"
        raise InputError(message)
    if inside != root:
        _check_prepared(root, paths)
    return open_parquet(root, paths)


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


def open_parquet(root: Path, paths: Sequence[Path]) -> ParquetStream:
    """
    Open parts of GeoParquet as one layer.

    Parameters
    ----------
    root
        The file or folder they are known by.
    paths
        The parts.

    Returns
    -------
    ParquetStream
        Rows are numbered through all parts, in the order given.

    Raises
    ------
    InputError
        A part cannot be read or has no geometry, or they are not of one layer.
    """
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
    return ParquetStream(root, tuple(files), names, geometry, encoding, place, covering)


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


def _frame(
    columns: Mapping[str, pa.ChunkedArray], shapes: NDArray[np.object_], rows: NDArray[np.intp], crs: pyproj.CRS | None
) -> gpd.GeoDataFrame:
    table = pd.DataFrame({name: series_of(column) for name, column in columns.items()})
    table.index = pd.Index(rows)
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(shapes, index=table.index, crs=crs), crs=crs)
