"""A table as a stream: one snapshot, read in stretches of rows that keep their order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
from numpy.typing import NDArray
from psycopg import sql
from sqlalchemy import Engine

from ecozones.errors import InputError, SchemaError, name_rows
from ecozones.postgis.server import SCHEMA, ask, compose, key_of, open_cursor, shapes_of
from ecozones.postgis.tables import as_frame

# tables, parts of tables, and materialised views
_ORDERED = {"r", "p", "m"}
_BOX = ("st_xmin", "st_ymin", "st_xmax", "st_ymax")


class TableStream:
    """
    A table of shapes as it was when it was opened; made by :func:`open_table`.

    It is read as any layer that is read in stretches. Where the server is and who asks it is never kept, nor written
    anywhere: a table does not travel to other processes, it is prepared for them.

    Attributes
    ----------
    label
        Schema and name, for messages.
    rows
        Number of rows.
    names
        Columns beside the shapes.
    crs
        What the coordinates mean.
    """

    def __init__(self, cursor: Any, schema: str, name: str) -> None:  # noqa: ANN401 - psycopg's cursors are generic
        self._cursor, self._place = cursor, (schema, name)
        self._shapes, self._srid = shapes_of(cursor, schema, name)
        query = (
            "select c.relkind from pg_class c join pg_namespace n on n.oid = c.relnamespace "
            "where n.nspname = %s and c.relname = %s"
        )
        if ask(cursor, query, (schema, name)).fetchone()[0] not in _ORDERED:
            message = f"{name!r} is a view or lies elsewhere, so its rows have no order; give a table of this database"
            raise InputError(message)
        # without a key, rows are numbered as they lie in the snapshot
        order = key_of(cursor, schema, name) or ["tableoid", "ctid"]
        self._order = sql.SQL(", ").join(sql.Identifier(column) for column in order)
        described = ask(cursor, "select * from {table} limit 0", table=self._place).description
        self.label = f"{schema}.{name}"
        self.rows = int(ask(cursor, "select count(*) from {table}", table=self._place).fetchone()[0])
        self.names = tuple(column.name for column in described if column.name != self._shapes)
        self.crs = pyproj.CRS.from_epsg(self._srid)
        self._open: dict[tuple[str, ...], Any] = {}

    def __reduce__(self) -> NoReturn:
        """Refuse to travel: with the table would go the right to read it."""
        message = f"{self.label} cannot be sent to other processes; prepare() it into a folder that they can read"
        raise InputError(message)

    def close(self) -> None:
        """Close the cursors that the server holds; the table cannot be read afterwards."""
        for cursor in self._open.values():
            cursor.close()

    def column(self, name: str) -> pd.Series:
        """
        Read one column whole, without shapes.

        Parameters
        ----------
        name
            Of the column.

        Returns
        -------
        Series
            In the order of the rows.
        """
        self._check([name])
        query = "select {column} from {table} order by {order}"
        rows = ask(self._cursor, query, column=name, table=self._place, order=self._order).fetchall()
        return pd.Series([value for (value,) in rows], name=name)

    def read(
        self,
        start: int,
        stop: int,
        columns: Iterable[str] | None = None,
        *,
        told: list[tuple[int, str]] | None = None,  # noqa: ARG002 - of what the server holds nothing has to be mended
    ) -> gpd.GeoDataFrame:
        """
        Read a stretch of rows, quickest from the first to the last.

        Parameters
        ----------
        start, stop
            First row, and the one after the last.
        columns
            Which columns; left out: all.
        told
            As for any stream; a table has nothing to tell.

        Returns
        -------
        GeoDataFrame
            Indexed by row number.

        Raises
        ------
        InputError
            There are no such rows.
        """
        chosen = self._check(columns)
        if not 0 <= start <= stop <= self.rows:
            message = f"{self.label} has {self.rows} rows; rows {start} to {stop} are not there"
            raise InputError(message)
        cursor = self._scroll(tuple(chosen))
        return self._frame(_fetch(cursor, start, stop), chosen, cursor.description, start)

    def batches(
        self,
        size: int,
        columns: Iterable[str] | None = None,
        *,
        told: list[tuple[int, str]] | None = None,  # noqa: ARG002 - of what the server holds nothing has to be mended
    ) -> Iterator[gpd.GeoDataFrame]:
        """
        Read everything once, in order, through a cursor that the server holds.

        Parameters
        ----------
        size
            Rows in memory at a time.
        columns, told
            As for :meth:`read`.

        Yields
        ------
        GeoDataFrame
            Indexed by row number.

        Raises
        ------
        InputError
            The rows that came are not as many as there are.
        """
        chosen = self._check(columns)
        start = 0
        with self._cursor.connection.cursor(name="ecozones_batches") as stream:
            stream.execute(self._query(chosen), ())
            while rows := stream.fetchmany(size):
                yield self._frame(rows, chosen, stream.description, start)
                start += len(rows)
        if start != self.rows:
            message = f"{self.label} has {self.rows} rows, but {start} came; nothing may be lost, so read it again"
            raise InputError(message)

    def near(self, bounds: tuple[float, float, float, float], columns: Iterable[str] | None = None) -> gpd.GeoDataFrame:
        """
        Read the rows whose boxes meet a rectangle; touching counts.

        Parameters
        ----------
        bounds
            Left, bottom, right, top, in the CRS of the table.
        columns
            As for :meth:`read`.

        Returns
        -------
        GeoDataFrame
            In the order of the rows, indexed by their numbers.
        """
        chosen = self._check(columns)
        listed = sql.SQL("").join(sql.SQL("{}, ").format(sql.Identifier(name)) for name in chosen)
        query = (
            "select row_no, {listed}{shapes}, st_asbinary({shapes}) from (select *, row_number() over (order by "
            "{order}) - 1 as row_no from {table}) t where {shapes} && st_makeenvelope(%s, %s, %s, %s, %s) order by 1"
        )
        ask(
            self._cursor,
            query,
            (*bounds, self._srid),
            listed=listed,
            shapes=self._shapes,
            order=self._order,
            table=self._place,
        )
        rows, described = self._cursor.fetchall(), self._cursor.description
        frame = self._frame([row[1:] for row in rows], chosen, described[1:], 0)
        frame.index = pd.Index([row[0] for row in rows], dtype=np.int64)
        return frame

    def boxes(self, start: int, stop: int) -> NDArray[np.float64]:
        """
        Read the boxes of a stretch.

        Parameters
        ----------
        start, stop
            First row, and the one after the last.

        Returns
        -------
        ndarray
            Left, bottom, right, top of each; NaN where there is no shape, shape (n, 4).
        """
        key = ("", *_BOX)
        if key not in self._open:
            listed = sql.SQL(", ").join(
                sql.SQL("{}({})").format(sql.SQL(side), sql.Identifier(self._shapes)) for side in _BOX
            )
            names = {"listed": listed, "table": self._place, "order": self._order}
            self._declare(key, compose(self._cursor, "select {listed} from {table} order by {order}", names))
        return np.array(_fetch(self._open[key], start, stop), dtype=float).reshape(-1, 4)

    def identity(self) -> list[object]:
        """
        Say what the table holds, digested in the server, for any order of its rows.

        Returns
        -------
        list
            Name, number of rows, SRID, and the sum of a hash of each row.
        """
        query = "select coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text from {table} t"
        total = ask(self._cursor, query, table=self._place).fetchone()[0]
        return [self.label, self.rows, self._srid, total]

    def _check(self, columns: Iterable[str] | None) -> list[str]:
        chosen = list(self.names if columns is None else columns)
        foreign = [name for name in chosen if name not in self.names]
        if foreign:
            message = f"{self.label} has no columns {name_rows(foreign)}; it has {name_rows(self.names)}"
            raise SchemaError(message)
        return chosen

    def _query(self, chosen: list[str]) -> sql.Composed:
        listed = sql.SQL("").join(sql.SQL("{}, ").format(sql.Identifier(name)) for name in chosen)
        query = "select {listed}{shapes}, st_asbinary({shapes}) from {table} order by {order}"
        names = {"listed": listed, "shapes": self._shapes, "table": self._place, "order": self._order}
        return compose(self._cursor, query, names)

    def _scroll(self, chosen: tuple[str, ...]) -> Any:  # noqa: ANN401 - psycopg's cursors are generic
        if chosen not in self._open:
            self._declare(chosen, self._query(list(chosen)))
        return self._open[chosen]

    def _declare(self, key: tuple[str, ...], query: sql.Composed) -> None:
        name = f"ecozones_{len(self._open)}"
        self._open[key] = self._cursor.connection.cursor(name=name, scrollable=True)
        self._open[key].execute(query, ())

    def _frame(self, rows: list[tuple[Any, ...]], chosen: list[str], described: Any, start: int) -> gpd.GeoDataFrame:  # noqa: ANN401 - psycopg's columns
        frame = as_frame(rows, described[: len(chosen)], self._srid)
        frame.index = pd.RangeIndex(start, start + len(frame))
        return frame


@contextlib.contextmanager
def open_table(engine: Engine, name: str, *, schema: str = SCHEMA) -> Iterator[TableStream]:
    """
    Open a table to be read in stretches, whatever others write meanwhile.

    Parameters
    ----------
    engine
        As for :func:`ecozones.postgis.write_table`.
    name, schema
        Which table.

    Yields
    ------
    TableStream
        One snapshot, held by one transaction that can only read, until the block ends.

    Raises
    ------
    SchemaError
        There is no such table, or it has no column of shapes, or more than one.
    CRSError
        The shapes do not say what their coordinates mean.
    InputError
        It is a view, whose rows have no order that could be relied on.
    """
    with open_cursor(engine, snapshot=True, read_only=True) as cursor:
        table = TableStream(cursor, schema, name)
        try:
            yield table
        finally:
            table.close()


def _fetch(cursor: Any, start: int, stop: int) -> list[tuple[Any, ...]]:  # noqa: ANN401 - psycopg's cursors are generic
    cursor.scroll(start, mode="absolute")
    # of no rows the driver would fetch as many as it likes
    return list(cursor.fetchmany(stop - start)) if stop > start else []
