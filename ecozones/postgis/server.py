"""Ask the server: one way to put names and values into a statement, for every statement there is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from ecozones.errors import CRSError, InputError, MissingDependencyError, SchemaError, name_rows

try:
    import psycopg
    from psycopg import sql
    from sqlalchemy import Engine
except ModuleNotFoundError as missing:
    _message = "PostGIS needs SQLAlchemy and psycopg: pip install 'ecozones[postgis]'"
    raise MissingDependencyError(_message) from missing

SCHEMA = "ecozones"
UndefinedColumn = psycopg.errors.UndefinedColumn
# PostgreSQL cuts longer names off without a word
_LONGEST_NAME = 63
# what a shape is: the server names a polygon with measures another kind, POLYGONM, and it is a polygon
KIND = "geometrytype(st_force2d({shapes}))"
# shapes that only PostGIS knows, with arcs or facets, and what to say of them
FOREIGN = (
    f"(regexp_replace({KIND}, '^MULTI', '') not in "
    "('POLYGON', 'LINESTRING', 'POINT', 'GEOMETRYCOLLECTION') or st_hasarc({shapes}))"
)
FOREIGN_TOLD = f"'is a ' || {KIND} || '; draw it as lines, as ST_CurveToLine does'"
Name: TypeAlias = str | tuple[str, ...] | sql.Composable


@contextlib.contextmanager
def open_cursor(engine: Engine, *, snapshot: bool = False, read_only: bool = False) -> Iterator[Any]:
    """
    Open a cursor of the driver in a transaction of its own.

    Parameters
    ----------
    engine
        An engine of SQLAlchemy on psycopg.
    snapshot
        See the tables as they are now until the end, whatever others write meanwhile.
    read_only
        Let the server refuse whatever would write.

    Yields
    ------
    Cursor
        Of psycopg; what was done is kept when the block ends well, and undone when it does not.

    Raises
    ------
    InputError
        The engine is on another driver.
    SchemaError
        What was to be written once is there already.
    """
    try:
        with _transaction(engine, snapshot=snapshot, read_only=read_only) as cursor:
            yield cursor
    except psycopg.errors.UniqueViolation as cause:
        told = cause.diag
        message = (
            f"table {told.table_name!r} in schema {told.schema_name!r} holds already what was to be written "
            f"({told.message_detail}), such as a site of another fragment; take a schema of its own"
        )
        raise SchemaError(message) from cause


@contextlib.contextmanager
def _transaction(engine: Engine, *, snapshot: bool, read_only: bool) -> Iterator[Any]:
    with engine.begin() as connection:
        driver = connection.connection.driver_connection
        if not isinstance(driver, psycopg.Connection):
            message = "the engine is not on psycopg; make it with create_engine('postgresql+psycopg://...')"
            raise InputError(message)
        with driver.cursor() as cursor:
            if snapshot or read_only:
                level = "repeatable read" if snapshot else "read committed"
                ask(cursor, f"set transaction isolation level {level}{', read only' if read_only else ''}")
            yield cursor


def ask(cursor: Any, statement: str, values: Sequence[Any] = (), **names: Name) -> Any:  # noqa: ANN401 - psycopg's cursors are generic
    """
    Run one statement.

    Parameters
    ----------
    cursor
        Of :func:`open_cursor`.
    statement
        SQL with ``{name}`` where a name goes and ``%s`` where a value goes.
    values
        Bound by the driver, never written into the statement.
    **names
        What schemas, tables and columns are called: a text, or several that belong together by a dot.

    Returns
    -------
    Cursor
        The same one, to fetch from.
    """
    return cursor.execute(compose(cursor, statement, names), tuple(values))


def compose(cursor: Any, statement: str, names: Mapping[str, Name], *, waits: bool = True) -> sql.Composed:  # noqa: ANN401 - psycopg's cursors are generic
    """
    Quote names into a statement.

    Parameters
    ----------
    cursor, statement, names
        As for :func:`ask`.
    waits
        Whether the statement still waits for values: then a per cent sign in a name is doubled, since to the driver it
        would be the place of one.

    Returns
    -------
    Composed
        For the driver.
    """
    quoted = {}
    for key, given in names.items():
        parts = (given,) if isinstance(given, str) else given
        name = parts if isinstance(parts, sql.Composable) else sql.Identifier(*parts)
        text = name.as_string(cursor)
        quoted[key] = sql.SQL(text.replace("%", "%%") if waits else text)
    return sql.SQL(statement).format(**quoted)


def copy_rows(cursor: Any, table: Name, columns: Sequence[str], rows: Iterator[Sequence[Any]]) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    """
    Write rows into a table by COPY, the quickest way there is.

    Parameters
    ----------
    cursor
        Of :func:`open_cursor`.
    table, columns
        Where to.
    rows
        Values in the order of the columns; shapes as hexadecimal WKB that states its SRID.
    """
    listed = sql.SQL(", ").join(sql.Identifier(column) for column in columns)
    names = {"table": table, "listed": listed}
    statement = compose(cursor, "copy {table} ({listed}) from stdin", names, waits=False)
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def exists(cursor: Any, schema: str, name: str) -> bool:  # noqa: ANN401 - psycopg's cursors are generic
    """
    Tell whether there is a table or a view that the user may see.

    Parameters
    ----------
    cursor
        Of :func:`open_cursor`.
    schema, name
        Which.

    Returns
    -------
    bool
        Whether there is.
    """
    query = "select 1 from information_schema.tables where table_schema = %s and table_name = %s"
    return ask(cursor, query, (schema, name)).fetchone() is not None


def make_schema(cursor: Any, schema: str) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    """
    Make a schema where there is none.

    Parameters
    ----------
    cursor
        Of :func:`open_cursor`.
    schema
        Which.
    """
    # looked up first: who may not make schemas must still be able to use those that were made for him
    if ask(cursor, "select 1 from pg_namespace where nspname = %s", (schema,)).fetchone() is None:
        ask(cursor, "create schema {schema}", schema=schema)


def key_of(cursor: Any, schema: str, name: str) -> list[str]:  # noqa: ANN401 - psycopg's cursors are generic
    """
    Name the columns of the primary key of a table.

    Parameters
    ----------
    cursor
        Of :func:`open_cursor`.
    schema, name
        Which table.

    Returns
    -------
    list of str
        In the order of the key; empty for a table without one, and for a view.
    """
    query = (
        "select a.attname from pg_index i join pg_class c on c.oid = i.indrelid "
        "join pg_namespace n on n.oid = c.relnamespace "
        "join unnest(i.indkey) with ordinality k(attnum, place) on true "
        "join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum "
        "where i.indisprimary and n.nspname = %s and c.relname = %s order by k.place"
    )
    return [row[0] for row in ask(cursor, query, (schema, name)).fetchall()]


def shapes_of(cursor: Any, schema: str, name: str) -> tuple[str, int]:  # noqa: ANN401 - psycopg's cursors are generic
    """
    Find the one column of shapes of a table, and its SRID.

    Parameters
    ----------
    cursor
        Of :func:`open_cursor`.
    schema, name
        Which table.

    Returns
    -------
    tuple
        Name of the column, SRID.

    Raises
    ------
    SchemaError
        There is no such table, or it has no column of shapes, or more than one.
    CRSError
        The shapes do not say what their coordinates mean.
    """
    if not exists(cursor, schema, name):
        message = f"there is no table {name!r} in schema {schema!r}; check the name, and what the user may read"
        raise SchemaError(message)
    query = "select f_geometry_column, srid from geometry_columns where f_table_schema = %s and f_table_name = %s"
    found = ask(cursor, query, (schema, name)).fetchall()
    if len(found) != 1:
        message = f"table {name!r} has {len(found)} columns of shapes; give a table or a view that has one"
        raise SchemaError(message)
    column, srid = found[0]
    if not srid:
        message = f"table {name!r} has no SRID, so its coordinates mean nothing; set it with UpdateGeometrySRID"
        raise CRSError(message)
    return str(column), int(srid)


def srid_of(frame: gpd.GeoDataFrame) -> int:
    """
    Give the number by which a database knows the CRS of a frame.

    Parameters
    ----------
    frame
        Shapes.

    Returns
    -------
    int
        EPSG code.

    Raises
    ------
    CRSError
        The CRS has none.
    """
    code = None if frame.crs is None else pyproj.CRS(frame.crs).to_epsg()
    if code is None:
        message = "the CRS has no EPSG code, by which the database would know it; bring the frame to one that has"
        raise CRSError(message)
    return int(code)


def hexadecimal(frame: gpd.GeoDataFrame, srid: int) -> list[str | None]:
    """
    Write shapes as COPY takes them.

    Parameters
    ----------
    frame
        Shapes.
    srid
        Of the column they go to.

    Returns
    -------
    list
        Hexadecimal WKB that states its SRID; None for no shape.
    """
    shapes = shapely.set_srid(frame.geometry.to_numpy(), srid)
    written: list[str | None] = shapely.to_wkb(shapes, hex=True, include_srid=True).tolist()
    return written


def shapes_from(written: Sequence[bytes | None]) -> NDArray[np.object_]:
    """
    Read shapes as the server writes them.

    Parameters
    ----------
    written
        WKB; None for no shape.

    Returns
    -------
    ndarray
        The shapes; what a coordinate that is no number means is for whoever asks for the row to say.

    Raises
    ------
    GEOSException
        A shape has arcs or facets.
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(shapely.from_wkb(np.array(written, dtype=object)))


def check_names(names: Sequence[str], *, what: str, columns: Sequence[str] = ()) -> None:
    """
    Refuse names that the server would cut or refuse later.

    Parameters
    ----------
    names
        Of schemas and tables.
    what
        What to call the table in messages.
    columns
        Names of columns, none of which may be there twice.

    Raises
    ------
    SchemaError
        Naming all of them.
    """
    bad = [
        name
        for name in [*names, *columns]
        if not name or "\0" in name or len(name.encode("utf-8", "surrogatepass")) > _LONGEST_NAME
    ]
    again = sorted({name for name in columns if list(columns).count(name) > 1})
    if bad or again:
        message = (
            f"table {what!r}: {name_rows([*bad, *again])} cannot be names of tables or columns: empty, with a NUL, "
            f"there twice, or longer than {_LONGEST_NAME} bytes (a Chinese character takes three); rename them"
        )
        raise SchemaError(message)


def no_nul(values: pd.Series, texts: Sequence[str | None]) -> None:
    """
    Refuse texts that PostgreSQL cannot store.

    Parameters
    ----------
    values
        The column, for its name and its labels.
    texts
        Its values as texts.

    Raises
    ------
    SchemaError
        Naming the rows.
    """
    bad = [row for row, text in zip(values.index, texts, strict=True) if text is not None and "\0" in text]
    if bad:
        message = f"column {values.name!r}: rows {name_rows(bad)} hold a NUL, which PostgreSQL cannot store; remove it"
        raise SchemaError(message)
