"""
Plans and tables in PostGIS, and the areas that sites share with a line, asked where the data lie.

Values are always bound and names always quoted, whatever they hold: a table may be called ``地块"; drop table x; --``
and is just a table of that name. The server is asked with our own pieces, so that it gives our own numbers.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from ecozones.errors import CRSError, InputError, MissingDependencyError, SchemaError, name_rows
from ecozones.plan import ZoningPlan
from ecozones.vocab import control_lines

try:
    import psycopg
    import sqlalchemy
    from psycopg import sql
except ModuleNotFoundError as missing:
    _message = "PostGIS needs SQLAlchemy and psycopg: pip install 'ecozones[postgis]'"
    raise MissingDependencyError(_message) from missing

_SCHEMA = "ecozones"
# PostgreSQL cuts longer names off without a word
_LONGEST_NAME = 63
_PLAN, _EXTENT, _ZONES, _PIECES, _COVERAGE = "plan", "extent", "zones", "_pieces", "_coverage"


def write_table(
    frame: gpd.GeoDataFrame,
    engine: sqlalchemy.Engine,
    name: str,
    *,
    schema: str = _SCHEMA,
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
        A name cannot be one in PostgreSQL, or the table is there already.
    """
    srid = _srid(frame)
    plain = frame.drop(columns=frame.geometry.name)
    kinds = {str(column): _kind(values) for column, values in plain.items()}
    _check_names([schema, name, *kinds, "geometry"], what=name)
    table = sql.Identifier(schema, name)
    columns = [sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind)) for column, kind in kinds.items()]
    shape = sql.SQL("geometry(Geometry, {})").format(sql.Literal(srid))
    with _cursor(engine) as cursor:
        cursor.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
        if replace:
            cursor.execute(sql.SQL("drop table if exists {}").format(table))
        elif _exists(cursor, schema, name):
            message = f"table {name!r} is in schema {schema!r} already; pass replace=True to write over it"
            raise SchemaError(message)
        columns.append(sql.SQL("{} {}").format(sql.Identifier("geometry"), shape))
        cursor.execute(sql.SQL("create table {} ({})").format(table, sql.SQL(", ").join(columns)))
        with cursor.copy(sql.SQL("copy {} from stdin").format(table)) as copy:
            values = [_values(plain[column], kind) for column, kind in zip(plain.columns, kinds.values(), strict=True)]
            shapes = shapely.to_wkb(shapely.set_srid(frame.geometry.to_numpy(), srid), hex=True, include_srid=True)
            for row in zip(*values, shapes, strict=True):
                copy.write_row(row)
        cursor.execute(sql.SQL("create index on {} using gist ({})").format(table, sql.Identifier("geometry")))
        for column, text in (comments or {}).items():
            place = sql.Identifier(schema, name, column)
            cursor.execute(sql.SQL("comment on column {} is {}").format(place, sql.Literal(text)))
        if comment:
            cursor.execute(sql.SQL("comment on table {} is {}").format(table, sql.Literal(comment)))
    # the planner of the server knows nothing of a table before it is analysed
    with _cursor(engine) as cursor:
        cursor.execute(sql.SQL("analyze {}").format(table))
    return len(frame)


def read_table(engine: sqlalchemy.Engine, name: str, *, schema: str = _SCHEMA) -> gpd.GeoDataFrame:
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
        Rows in the order in which the table gives them, shapes last, in the CRS of their SRID.

    Raises
    ------
    SchemaError
        There is no such table, or it has no column of shapes, or more than one.
    CRSError
        The shapes do not say what their coordinates mean.
    """
    with _cursor(engine) as cursor:
        if not _exists(cursor, schema, name):
            message = (
                f"there is no table {name!r} in schema {schema!r}; check the name, and the search path of the user"
            )
            raise SchemaError(message)
        cursor.execute(
            "select f_geometry_column, srid from geometry_columns where f_table_schema = %s and f_table_name = %s",
            (schema, name),
        )
        found = cursor.fetchall()
        if len(found) != 1:
            message = f"table {name!r} has {len(found)} columns of shapes; give a table or a view that has one"
            raise SchemaError(message)
        column, srid = found[0]
        cursor.execute(
            sql.SQL("select *, st_asbinary({}) from {}").format(sql.Identifier(column), sql.Identifier(schema, name))
        )
        names = [described.name for described in cursor.description or ()][:-1]
        rows = cursor.fetchall()
    if not srid:
        message = f"table {name!r} has no SRID, so its coordinates mean nothing; set it with UpdateGeometrySRID"
        raise CRSError(message)
    table = pd.DataFrame.from_records([row[:-1] for row in rows], columns=names).drop(columns=column)
    shapes = shapely.from_wkb(np.array([row[-1] for row in rows], dtype=object))
    return gpd.GeoDataFrame(table, geometry=shapes, crs=pyproj.CRS.from_epsg(srid))


def write_plan(plan: ZoningPlan, engine: sqlalchemy.Engine, *, schema: str = _SCHEMA, replace: bool = False) -> None:
    """
    Write a plan: a table for every line, one for its pieces, and its extent and spaces.

    Parameters
    ----------
    plan
        The plan.
    engine, replace
        As for :func:`write_table`.
    schema
        A schema of its own for each plan.
    """
    for line, frame in plan.lines.items():
        word = plan.control_lines[line]
        said = {"feature_id": "id of the feature", "subzone": f"sub-zone of the {word.en} {word.zh}"}
        write_table(frame, engine, line, schema=schema, comments=said, comment=f"{word.zh} {word.en}", replace=replace)
        pieces = plan.pieces(line)
        cut = gpd.GeoDataFrame(
            {"piece": np.arange(len(pieces.geometry)), "feature": pieces.feature},
            geometry=pieces.geometry,
            crs=frame.crs,
        )
        told = f"{word.zh} {word.en}, cut into pieces that are quick to ask; feature counts the rows of the line from 0"
        write_table(cut, engine, line + _PIECES, schema=schema, comment=told, replace=replace)
    for name, part in {_EXTENT: plan.extent, _ZONES: plan.zones}.items():
        if part is not None:
            write_table(part, engine, name, schema=schema, replace=replace)
    for line, part in plan.coverage.items():
        write_table(part, engine, line + _COVERAGE, schema=schema, replace=replace)
    with _cursor(engine) as cursor:
        told = json.dumps({"name": plan.name, "lines": list(plan.lines), "notes": list(plan.notes)}, ensure_ascii=False)
        table = sql.Identifier(schema, _PLAN)
        cursor.execute(sql.SQL("drop table if exists {}").format(table))
        cursor.execute(sql.SQL("create table {} (described jsonb)").format(table))
        cursor.execute(sql.SQL("insert into {} values (%s)").format(table), (told,))


def read_plan_tables(engine: sqlalchemy.Engine, *, schema: str = _SCHEMA) -> ZoningPlan:
    """
    Read a plan that :func:`write_plan` wrote.

    Parameters
    ----------
    engine, schema
        As for :func:`write_plan`.

    Returns
    -------
    ZoningPlan
        The plan, its lines in their own CRS.

    Raises
    ------
    SchemaError
        The schema holds no plan, or one with lines of a rulebook of its own: read their tables one by one.
    """
    with _cursor(engine) as cursor:
        if not _exists(cursor, schema, _PLAN):
            message = f"schema {schema!r} holds no plan; write one with write_plan"
            raise SchemaError(message)
        cursor.execute(sql.SQL("select described from {}").format(sql.Identifier(schema, _PLAN)))
        row = cursor.fetchone()
        assert row is not None
        described = row[0]
        there = {
            name
            for name in (_EXTENT, _ZONES, *(line + _COVERAGE for line in described["lines"]))
            if _exists(cursor, schema, name)
        }
    foreign = [line for line in described["lines"] if line not in control_lines()]
    if foreign:
        message = (
            f"lines {name_rows(foreign)} are of a rulebook of its own; read_table each and pass rules= to from_layers"
        )
        raise SchemaError(message)
    return ZoningPlan.from_layers(
        {line: read_table(engine, line, schema=schema) for line in described["lines"]},
        name=described["name"],
        zones=read_table(engine, _ZONES, schema=schema) if _ZONES in there else None,
        extent=read_table(engine, _EXTENT, schema=schema) if _EXTENT in there else None,
        coverage={
            line: read_table(engine, line + _COVERAGE, schema=schema)
            for line in described["lines"]
            if line + _COVERAGE in there
        },
        notes=described["notes"],
    )


def overlap_areas(
    engine: sqlalchemy.Engine, sites: str, line: str, *, site_id: str = "site_id", schema: str = _SCHEMA
) -> pd.DataFrame:
    """
    Measure, in the database, the planar area that each site shares with each polygon of a line.

    Parameters
    ----------
    engine
        As for :func:`write_table`.
    sites
        A table of polygons in the same schema and with the same SRID as the line.
    line
        A line that :func:`write_plan` wrote.
    site_id
        Column of the sites that names them.
    schema
        Where the tables are.

    Returns
    -------
    DataFrame
        ``site_id``, ``feature`` (row of the line, from 0) and ``area`` [unit²], in their order; only pairs that share
        ground. The numbers of :func:`ecozones.overlay.overlap_areas`, as far as two versions of GEOS agree.

    Raises
    ------
    InputError
        A table or a column is missing, or the tables are on different SRIDs.
    """
    query = sql.SQL(
        "select s.{id}, p.feature, sum(case when st_coveredby(s.geometry, p.geometry) then st_area(s.geometry) "
        "else st_area(st_intersection(s.geometry, p.geometry)) end order by p.piece) as area "
        "from {sites} s join {pieces} p on st_intersects(s.geometry, p.geometry) "
        "group by s.{id}, p.feature order by s.{id}, p.feature"
    ).format(
        id=sql.Identifier(site_id),
        sites=sql.Identifier(schema, sites),
        pieces=sql.Identifier(schema, line + _PIECES),
    )
    with _cursor(engine) as cursor:
        # said before the join: tables that lie apart are never compared, and so never refused
        cursor.execute(
            "select f_table_name, srid from geometry_columns where f_table_schema = %s and f_table_name = any(%s)",
            (schema, [sites, line + _PIECES]),
        )
        srids = dict(cursor.fetchall())
        if len(srids) != len({sites, line + _PIECES}) or len(set(srids.values())) != 1:
            message = (
                f"{sites!r} cannot be compared with {line!r}: in schema {schema!r} there are {srids or 'neither'} "
                "(SRID by table); write both with the same CRS"
            )
            raise InputError(message)
        try:
            cursor.execute(query)
        except psycopg.errors.UndefinedColumn as cause:
            message = f"table {sites!r} has no column {site_id!r}; say which names a site with site_id="
            raise InputError(message) from cause
        rows = cursor.fetchall()
    table = pd.DataFrame.from_records(rows, columns=["site_id", "feature", "area"])
    return table[table["area"] > 0].reset_index(drop=True)


@contextlib.contextmanager
def _cursor(engine: sqlalchemy.Engine) -> Iterator[Any]:
    """Open a cursor of the driver in a transaction: it composes names and values without a detour through text."""
    with engine.begin() as connection:
        driver = connection.connection.driver_connection
        if not isinstance(driver, psycopg.Connection):
            message = "the engine is not on psycopg; make it with create_engine('postgresql+psycopg://...')"
            raise InputError(message)
        with driver.cursor() as cursor:
            yield cursor


def _exists(cursor: Any, schema: str, name: str) -> bool:  # noqa: ANN401 - psycopg's cursors are generic
    cursor.execute(
        "select 1 from information_schema.tables where table_schema = %s and table_name = %s", (schema, name)
    )
    return cursor.fetchone() is not None


def _srid(frame: gpd.GeoDataFrame) -> int:
    code = None if frame.crs is None else frame.crs.to_epsg()
    if code is None:
        message = "the CRS has no EPSG code, by which the database would know it; bring the frame to one that has"
        raise CRSError(message)
    return int(code)


def _check_names(names: list[str], *, what: str) -> None:
    bad = [name for name in names if not name or "\0" in name or len(name.encode("utf-8")) > _LONGEST_NAME]
    again = sorted({name for name in names if names[2:].count(name) > 1})
    if bad or again:
        message = (
            f"table {what!r}: {name_rows([*bad, *again])} cannot be names of tables or columns: empty, with a NUL, "
            f"there twice, or longer than {_LONGEST_NAME} bytes (a Chinese character takes three); rename them"
        )
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
        bad = [row for row, text in zip(values.index, texts, strict=True) if text is not None and "\0" in text]
        if bad:
            message = (
                f"column {values.name!r}: rows {name_rows(bad)} hold a NUL, which PostgreSQL cannot store; remove it"
            )
            raise SchemaError(message)
        return texts
    return [value if there else None for value, there in zip(plain.tolist(), known, strict=True)]
