"""A table read once from its first row to its last: one snapshot, in stretches of rows that keep their order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NoReturn

import geopandas as gpd
import pandas as pd
import pyproj
from psycopg import sql
from sqlalchemy import Engine

from ecozones.errors import InputError
from ecozones.postgis.server import FOREIGN, FOREIGN_TOLD, SCHEMA, ask, compose, key_of, open_cursor, shapes_of
from ecozones.postgis.tables import as_frame
from ecozones.streams import Told

# tables, parts of tables, and materialised views
_ORDERED = {"r", "p", "m"}
_ROWS = 50_000


class TableStream:
    """
    A table of shapes as it was when it was opened; made by :func:`open_table`.

    Where the server is and who asks it is never kept, nor written anywhere: a table does not travel to other
    processes, it is prepared for them.

    Attributes
    ----------
    title
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
        self._order = key_of(cursor, schema, name) or ["tableoid", "ctid"]
        described = ask(cursor, "select * from {table} limit 0", table=self._place).description
        self.title = f"{schema}.{name}"
        self.rows = int(ask(cursor, "select count(*) from {table}", table=self._place).fetchone()[0])
        self.names = tuple(column.name for column in described if column.name != self._shapes)
        self.crs = pyproj.CRS.from_epsg(self._srid)

    def __reduce__(self) -> NoReturn:
        """Refuse to travel: with the table would go the right to read it."""
        message = f"{self.title} cannot be sent to other processes; prepare() it into a folder that they can read"
        raise InputError(message)

    @property
    def digest(self) -> str:
        """
        Digest what the table holds, in the server and for any order of its rows.

        Returns
        -------
        str
            Number of rows, SRID, and the sum of a hash of each row.
        """
        query = "select coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text from {table} t"
        total = ask(self._cursor, query, table=self._place).fetchone()[0]
        return f"{self.rows} rows, SRID {self._srid}, {total}"

    def stretches(self, rows: int = _ROWS, *, told: Told | None = None) -> Iterator[gpd.GeoDataFrame]:
        """
        Read everything once, in order, through a cursor that the server holds.

        Parameters
        ----------
        rows
            In memory at a time.
        told
            Is given the rows whose shapes only PostGIS knows (row, what), which then come without one; left out, such
            a row is an error.

        Yields
        ------
        GeoDataFrame
            Rows in the order of the primary key, or as they lie in the table, numbered as in the whole table.

        Raises
        ------
        InputError
            The rows that came are not as many as there are.
        SchemaError
            Shapes are drawn with arcs, and nobody is told.
        """
        listed = sql.SQL("").join(sql.SQL("{}, ").format(sql.Identifier(name)) for name in self.names)
        order = sql.SQL(", ").join(sql.Identifier(name) for name in self._order)
        names = {"listed": listed, "shapes": self._shapes, "table": self._place, "order": order}
        foreign = f"case when {FOREIGN} then {FOREIGN_TOLD} end"
        query = f"select {{listed}}{foreign}, {{shapes}}, st_asbinary({{shapes}}) from {{table}} order by {{order}}"  # noqa: S608 - words of ours
        start = 0
        with self._cursor.connection.cursor(name="ecozones_stretches") as stream:
            stream.execute(compose(self._cursor, query, names), ())
            while fetched := stream.fetchmany(rows):
                if told is not None:
                    told += [(start + place, row[-3]) for place, row in enumerate(fetched) if row[-3] is not None]
                    fetched = [row if row[-3] is None else (*row[:-1], None) for row in fetched]
                frame = as_frame(fetched, stream.description[:-3], self._srid)
                frame.index = pd.RangeIndex(start, start + len(frame))
                start += len(frame)
                yield frame
        if start != self.rows:
            message = f"{self.title} has {self.rows} rows, but {start} came; nothing may be lost, so read it again"
            raise InputError(message)


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
        yield TableStream(cursor, schema, name)
