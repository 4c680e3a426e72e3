"""A table as a stream: one snapshot, read in stretches of rows that keep their order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import geopandas as gpd
import pandas as pd
import pyproj
from psycopg import sql

from ecozones.errors import InputError
from ecozones.postgis.server import SCHEMA, Engine, ask, compose, key_of, open_cursor, shapes_of
from ecozones.postgis.tables import as_frame

_ROWS = 50_000
# tables, parts of tables, and materialised views
_ORDERED = {"r", "p", "m"}


class Table:
    """
    A table of shapes as it was when it was opened; made by :func:`open_table`.

    Attributes
    ----------
    title
        Schema and name, for messages. Where the server is and who asks it is never kept.
    rows
        Number of rows.
    names
        Columns, without the one of shapes.
    crs
        The CRS of the shapes.
    """

    def __init__(self, cursor: Any, schema: str, name: str) -> None:  # noqa: ANN401 - psycopg's cursors are generic
        self._cursor, self._place = cursor, (schema, name)
        self._shapes, self._srid = shapes_of(cursor, schema, name)
        self._order = key_of(cursor, schema, name) or ["tableoid", "ctid"]
        kind = ask(
            cursor,
            "select c.relkind from pg_class c join pg_namespace n on n.oid = c.relnamespace "
            "where n.nspname = %s and c.relname = %s",
            (schema, name),
        ).fetchone()[0]
        if kind not in _ORDERED:
            message = f"{name!r} is a view or lies elsewhere, so its rows have no order; give a table of this database"
            raise InputError(message)
        self.title = f"{schema}.{name}"
        self.rows = int(ask(cursor, "select count(*) from {table}", table=self._place).fetchone()[0])
        described = ask(cursor, "select * from {table} limit 0", table=self._place).description
        self._columns = tuple(column.name for column in described)
        self.names = tuple(column for column in self._columns if column != self._shapes)
        self.crs = pyproj.CRS.from_epsg(self._srid)

    @property
    def digest(self) -> str:
        """
        Digest what the table holds, in the server and for any order of its rows.

        Returns
        -------
        str
            Number of rows, SRID, and the sum of a hash of each row; two tables with the same rows have the same.
        """
        query = "select coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text from {table} t"
        total = ask(self._cursor, query, table=self._place).fetchone()[0]
        return f"{self.rows} rows, SRID {self._srid}, {total}"

    def stretches(self, rows: int = _ROWS) -> Iterator[gpd.GeoDataFrame]:
        """
        Read the table from its first row to its last, through a cursor that the server holds.

        Parameters
        ----------
        rows
            In a stretch; so many are in memory at a time.

        Yields
        ------
        GeoDataFrame
            Rows in the order of the primary key, or as they lie in the table, numbered as in the whole table.

        Raises
        ------
        InputError
            The rows that came are not as many as there are.
        """
        listed = sql.SQL(", ").join(sql.Identifier(name) for name in self._order)
        query = "select *, st_asbinary({shapes}) from {table} order by {order}"
        names = {"shapes": self._shapes, "table": self._place, "order": listed}
        start = 0
        with self._cursor.connection.cursor(name="ecozones_stretches") as stream:
            stream.execute(compose(self._cursor, query, **names), ())
            while fetched := stream.fetchmany(rows):
                frame = as_frame(fetched, list(self._columns), self._shapes, self._srid)
                frame.index = pd.RangeIndex(start, start + len(frame))
                start += len(frame)
                yield frame
        if start != self.rows:
            message = f"{self.title} has {self.rows} rows, but {start} came; nothing may be lost, so read it again"
            raise InputError(message)


@contextlib.contextmanager
def open_table(engine: Engine, name: str, *, schema: str = SCHEMA) -> Iterator[Table]:
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
    Table
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
        yield Table(cursor, schema, name)
