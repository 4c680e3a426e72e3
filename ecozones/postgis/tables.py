"""A frame as a table: typed columns, an SRID, a spatial index, comments; and back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from psycopg import sql
from sqlalchemy import Engine

from ecozones.errors import SchemaError, name_rows
from ecozones.postgis.server import (
    SCHEMA,
    ask,
    check_names,
    copy_rows,
    exists,
    hexadecimal,
    key_of,
    make_schema,
    no_nul,
    open_cursor,
    shapes_from,
    shapes_of,
    srid_of,
)

# numbers by which PostgreSQL knows its types
_WHOLE, _FLOATING = {20, 21, 23}, {700, 701, 1700}


def write_table(
    frame: gpd.GeoDataFrame,
    engine: Engine,
    name: str,
    *,
    schema: str = SCHEMA,
    key: str | None = None,
    comments: Mapping[str, str] | None = None,
    comment: str = "",
    replace: bool = False,
) -> int:
    """
    Write a frame as a table with typed columns, an SRID and a spatial index.

    All or nothing: the table is there with every row, or as it was before.

    Parameters
    ----------
    frame
        Shapes with a CRS that has an EPSG code.
    engine
        A connected engine of SQLAlchemy on psycopg (``postgresql+psycopg://``).
    name, schema
        What the table is called, and where; the schema is made if need be.
    key
        A column of whole numbers or texts, none missing and none repeated, that becomes the primary key; by it the
        rows keep their order.
    comments
        What columns mean, by name: kept in the database, where a GIS shows it.
    comment
        What the table is.
    replace
        Write over a table of that name; else it is refused.

    Returns
    -------
    int
        Number of rows written.

    Raises
    ------
    CRSError
        The CRS has no EPSG code, so the database has no name for it.
    SchemaError
        A name cannot be one in PostgreSQL, a value cannot be stored, the key is none, or the table is there already.
    """
    with open_cursor(engine) as cursor:
        create_table(cursor, frame, name, schema, key=key, comments=comments, comment=comment, replace=replace)
    # the planner of the server knows nothing of a table before it is analysed
    with open_cursor(engine) as cursor:
        ask(cursor, "analyze {table}", table=(schema, name))
    return len(frame)


def create_table(
    cursor: Any,  # noqa: ANN401 - psycopg's cursors are generic
    frame: gpd.GeoDataFrame,
    name: str,
    schema: str,
    *,
    key: str | None = None,
    comments: Mapping[str, str] | None = None,
    comment: str = "",
    replace: bool = False,
) -> None:
    """
    Do what :func:`write_table` does, in a transaction that is open already.

    Parameters
    ----------
    cursor
        Of :func:`ecozones.postgis.server.open_cursor`.
    frame, name, schema, key, comments, comment, replace
        As for :func:`write_table`.
    """
    srid = srid_of(frame)
    plain = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    kinds = [_kind(plain.iloc[:, place]) for place in range(plain.shape[1])]
    names = [str(column) for column in plain.columns]
    check_names([schema, name], what=name, columns=[*names, "geometry"])
    _check_key(plain, key, name)
    tall = frame.index[shapely.has_z(frame.geometry.to_numpy()) | shapely.has_m(frame.geometry.to_numpy())]
    if len(tall):
        message = (
            f"table {name!r}: rows {name_rows(tall)} have heights or measures, which the table does not hold; "
            "drop them with frame.force_2d()"
        )
        raise SchemaError(message)
    values = [_values(plain.iloc[:, place], kind) for place, kind in enumerate(kinds)]
    table = (schema, name)
    make_schema(cursor, schema)
    if replace:
        ask(cursor, "drop table if exists {table}", table=table)
    elif exists(cursor, schema, name):
        message = f"table {name!r} is in schema {schema!r} already; pass replace=True to write over it"
        raise SchemaError(message)
    columns = [
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind))
        for column, kind in zip(names, kinds, strict=True)
    ]
    columns.append(sql.SQL("geometry geometry(Geometry, {})").format(sql.Literal(srid)))
    if key is not None:
        columns.append(sql.SQL("primary key ({})").format(sql.Identifier(key)))
    ask(cursor, "create table {table} ({columns})", table=table, columns=sql.SQL(", ").join(columns))
    rows = zip(*values, hexadecimal(frame, srid), strict=True)
    copy_rows(cursor, table, [*names, "geometry"], iter(rows))
    ask(cursor, "create index on {table} using gist (geometry)", table=table)
    comment_on(cursor, table, comment, comments or {})


def comment_on(cursor: Any, table: tuple[str, str], comment: str, comments: Mapping[str, str]) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    """
    Say in the database what a table and its columns are.

    Parameters
    ----------
    cursor
        Of :func:`ecozones.postgis.server.open_cursor`.
    table
        Schema and name.
    comment
        What the table is.
    comments
        What columns mean, by name.
    """
    for column, text in comments.items():
        ask(cursor, "comment on column {place} is {text}", place=(*table, column), text=sql.Literal(text))
    if comment:
        ask(cursor, "comment on table {table} is {text}", table=table, text=sql.Literal(comment))


def read_table(engine: Engine, name: str, *, schema: str = SCHEMA) -> gpd.GeoDataFrame:
    """
    Read a table with one column of shapes.

    Parameters
    ----------
    engine
        As for :func:`write_table`.
    name, schema
        Which table.

    Returns
    -------
    GeoDataFrame
        Rows in the order of the primary key, or as the table gives them where it has none; shapes last, in the CRS of
        their SRID.

    Raises
    ------
    SchemaError
        There is no such table, or it has no column of shapes, or more than one.
    CRSError
        The shapes do not say what their coordinates mean.
    """
    with open_cursor(engine, read_only=True) as cursor:
        return fetch_table(cursor, name, schema)


def fetch_table(cursor: Any, name: str, schema: str) -> gpd.GeoDataFrame:  # noqa: ANN401 - psycopg's cursors are generic
    """
    Do what :func:`read_table` does, in a transaction that is open already.

    Parameters
    ----------
    cursor
        Of :func:`ecozones.postgis.server.open_cursor`.
    name, schema
        Which table.

    Returns
    -------
    GeoDataFrame
        Its rows.
    """
    column, srid = shapes_of(cursor, schema, name)
    key = [sql.Identifier(part) for part in key_of(cursor, schema, name)]
    order = sql.SQL("order by {}").format(sql.SQL(", ").join(key)) if key else sql.SQL("")
    listed = ask(cursor, "select * from {table} limit 0", table=(schema, name)).description
    plain = [sql.SQL("{}, ").format(sql.Identifier(each.name)) for each in listed if each.name != column]
    query = "select {plain}{column}, st_asbinary({column}) from {table} {order}"
    ask(cursor, query, plain=sql.SQL("").join(plain), column=column, table=(schema, name), order=order)
    described = cursor.description or ()
    return as_frame(cursor.fetchall(), described[:-2], srid)


def as_frame(rows: list[tuple[Any, ...]], described: Sequence[Any], srid: int) -> gpd.GeoDataFrame:
    """
    Make a frame of rows whose last two values are the shape as the server writes it, and in WKB.

    Parameters
    ----------
    rows
        As fetched.
    described
        The columns before the shape, as the driver describes them.
    srid
        Of the shapes.

    Returns
    -------
    GeoDataFrame
        Shapes last. Whole numbers with gaps come as ``Int64``, decimal ones as floating point.

    Raises
    ------
    SchemaError
        Two columns would be called ``geometry``, or shapes are drawn with arcs.
    """
    columns = {}
    if "geometry" in [column.name for column in described]:
        message = "a column is called 'geometry' and holds no shapes; give a view in which it is called otherwise"
        raise SchemaError(message)
    for place, column in enumerate(described):
        values = pd.Series([row[place] for row in rows], dtype=object)
        if column.type_code in _WHOLE:
            values = values.astype("Int64" if values.isna().any() else np.int64)
        elif column.type_code in _FLOATING:
            values = values.astype(np.float64)
        else:
            values = values.infer_objects()
        columns[column.name] = values
    try:
        shapes = shapes_from([row[-1] for row in rows])
    except (NotImplementedError, shapely.errors.GEOSException) as cause:
        message = f"shapes cannot be read ({cause}); give a view that draws arcs as lines, with ST_CurveToLine"
        raise SchemaError(message) from cause
    return gpd.GeoDataFrame(columns, index=range(len(rows)), geometry=shapes, crs=pyproj.CRS.from_epsg(srid))


def _check_key(plain: pd.DataFrame, key: str | None, name: str) -> None:
    if key is None:
        return
    if key not in plain.columns or plain[key].isna().any() or plain[key].duplicated().any():
        message = f"table {name!r}: {key!r} cannot be its key: no column, or values are missing or repeated"
        raise SchemaError(message)


def _kind(values: pd.Series) -> str:
    """Choose the type that holds a column without loss."""
    if pd.api.types.is_bool_dtype(values):
        return "boolean"
    if pd.api.types.is_integer_dtype(values):
        return "bigint"
    if pd.api.types.is_float_dtype(values):
        return "double precision"
    if pd.api.types.is_datetime64_any_dtype(values):
        return "timestamptz" if getattr(values.dtype, "tz", None) is not None else "timestamp"
    known = values.dropna()
    if len(known) and all(type(value) is dt.date for value in known):
        return "date"
    return "text"


def _values(values: pd.Series, kind: str) -> list[Any]:
    """Give the values as the driver takes them, None where there is none."""
    known = values.notna().to_numpy()
    plain = values.astype(object).to_numpy()
    if kind == "text":
        texts = [str(value) if there else None for value, there in zip(plain, known, strict=True)]
        no_nul(values, texts)
        return texts
    return [value if there else None for value, there in zip(plain.tolist(), known, strict=True)]
