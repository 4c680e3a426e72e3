"""Any format with a driver in GDAL, read by feature numbers, by an index, or by skipping what comes before."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
import pyogrio.raw
import pyproj
from numpy.typing import NDArray

from ecozones import sources
from ecozones.errors import InputError, name_rows
from ecozones.streams.frames import bounds_of, boxes_meet, build_shapes, series_of, tell_rows
from ecozones.streams.stream import Bounds, Floats, Told, check_columns, file_stamp

_STEP = 50_000
# how many rows lie between two marks; the query that sets them says so too
_MARK = 1_000


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
        return self.source.label

    @property
    def source(self) -> sources.Layer:
        """The layer as messages name it."""
        return sources.Layer(self.layer, self.path.name, self.path, self.layer)

    @property
    def names(self) -> tuple[str, ...]:
        """Columns beside the geometry."""
        return tuple(name for name, _ in self.fields)

    def column(self, name: str) -> pd.Series:
        """Read one column whole, without geometry."""
        names, parts = check_columns(self, [name]), []
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
        frame = frame[boxes_meet(bounds_of(frame), bounds)]
        return frame.sort_index()

    def boxes(self, start: int, stop: int) -> Floats:
        """Read the boxes of a stretch."""
        return bounds_of(self.read(start, stop, ()))

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
        return [self.layer, self.encoding or "", *([path.name, *file_stamp(path)] for path in files)]

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
        names = [raw[name] for name in check_columns(self, columns)]
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
        return frame if self.encoding is None else sources.decode_texts(frame, self.encoding, self.source)

    def _frame(
        self,
        table: pa.Table,
        rows: NDArray[np.intp],
        options: Mapping[str, Any],
        told: Told | None,
        before: int = 0,
    ) -> gpd.GeoDataFrame:
        try:
            shapes, said = build_shapes(table[-1], "WKB")
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
            shapes, said = build_shapes(raw[before : before + len(rows)], "WKB")
            arcs = _arcs(table[-1])
            said += [(int(row), "arcs are drawn as chords") for row in np.flatnonzero(arcs)]
        frame = self._columns(table.select(range(table.num_columns - 1)))
        tell_rows(said, rows, self.label, told)
        frame.index = pd.Index(rows)
        return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(shapes, index=frame.index, crs=self.crs), crs=self.crs)

    def _rows_of(self, numbers: NDArray[np.intp]) -> NDArray[np.intp]:
        if self.first >= 0:
            return numbers - self.first
        known = _feature_numbers(self.path, self.layer, self.key, json.dumps(self.identity()))
        order = np.argsort(known, kind="stable")
        return order[np.searchsorted(known, numbers, sorter=order)]


def open_driver(path: Path, layer: str | None, encoding: str | None) -> DriverStream:
    """
    Open a layer of a file that GDAL reads.

    Parameters
    ----------
    path
        The file, or the folder of a file geodatabase.
    layer
        Which layer, where it holds several.
    encoding
        Encoding of the texts of a shapefile, where the caller knows it.

    Returns
    -------
    DriverStream
        Rows are numbered as the file has them.

    Raises
    ------
    InputError
        It cannot be read, holds no geometry, or the layer is not said.
    """
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
    return DriverStream(path, layer, rows, fields, crs, info["driver"], way, info["fid_column"], first, marks, codec)


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


def _arcs(column: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Tell which shapes are drawn with arcs, which shapely does not know."""
    told = []
    for raw in column.to_pylist():
        kind = 0 if raw is None else int.from_bytes(raw[1:5], "little" if raw[0] else "big") & 0xFF_FFFF
        told.append(7 < kind % 1000 < 13)  # noqa: PLR2004 - the codes of the curved kinds
    return np.array(told, dtype=bool)
