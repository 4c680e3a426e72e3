"""
A review as a schema: its four tables, with the words of ``data/tables.toml`` as comments, and what it rests on.

A large review is written in fragments. Each fragment is replaced whole, in one transaction, so that a run that is
repeated leaves the tables as one run would have.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from psycopg import sql
from sqlalchemy import Engine

from ecozones.errors import SchemaError
from ecozones.geometry import drop_heights
from ecozones.postgis.server import (
    ask,
    check_names,
    copy_rows,
    exists,
    hexadecimal,
    make_schema,
    no_nul,
    open_cursor,
    shapes_of,
    srid_of,
)
from ecozones.postgis.tables import as_frame, comment_on
from ecozones.review import SiteReview
from ecozones.schema import Column, table
from ecozones.vocab import verdict_dtype, verdict_words

REVIEW, REFUSED = "review", "refused"
TABLES = ("verdicts", "lines", "findings", "balance")
KEY = ("fragment", "site_no", "row_no")
_SHAPES = ("verdicts", "findings")
_TYPES = {"text": "text", "number": "double precision", "integer": "bigint"}
_ABOUT_KEY = {
    "fragment": "批次 part of a large run, from 0",
    "site_no": "地块序号 place of the site in its fragment, from 0",
    "row_no": "行号 place of the row among those of its site, from 0",
}


def write_review(
    review: SiteReview, engine: Engine, *, schema: str = REVIEW, fragment: int = 0, replace: bool = False
) -> None:
    """
    Write a review into a schema of its own: ``verdicts, lines, findings, balance, refused`` and ``review``.

    All or nothing, and a fragment at a time: with `replace`, what an earlier run wrote of the fragment gives way to
    what is written now, in one transaction. Heights are not kept.

    Parameters
    ----------
    review
        What was found.
    engine
        As for :func:`ecozones.postgis.write_table`.
    schema
        Where the tables are, or will be made, with types, keys, SRIDs, spatial indexes and comments.
    fragment
        Which part of a large run this is.
    replace
        Write over the fragment if it is there; else it is refused.

    Raises
    ------
    SchemaError
        The fragment is there already, or a site of it is in another fragment, or a value cannot be stored.
    CRSError
        The CRS of the sites or of the findings has no EPSG code, or is not that of the other fragments.
    """
    srids = {"verdicts": srid_of(review.verdicts), "findings": srid_of(review.findings)}
    place = {site: number for number, site in enumerate(review.verdicts["site_id"])}
    with open_cursor(engine) as cursor:
        make_review(cursor, schema, srids)
        clear_fragment(cursor, schema, fragment, replace=replace)
        for name in TABLES:
            add_rows(cursor, schema, name, getattr(review, name), fragment, place, srids.get(name))
        note_fragment(cursor, schema, fragment, len(place), review.on, review.capsule)
    analyse(engine, schema)


def read_review(engine: Engine, *, schema: str = REVIEW) -> SiteReview:
    """
    Read a review that :func:`write_review` or a check in the database wrote.

    Parameters
    ----------
    engine
        As for :func:`ecozones.postgis.write_table`.
    schema
        Where the tables are.

    Returns
    -------
    SiteReview
        All fragments, one after the other; ids as texts. Of the capsules of several fragments what all of them say.

    Raises
    ------
    SchemaError
        The schema holds no review, or one whose fragments apply the rules of several days.
    """
    with open_cursor(engine, snapshot=True, read_only=True) as cursor:
        if not exists(cursor, schema, REVIEW):
            message = f"schema {schema!r} holds no review; write one with write_review"
            raise SchemaError(message)
        told = ask(cursor, 'select "on", capsule from {review} order by fragment', review=(schema, REVIEW)).fetchall()
        if len({day for day, _ in told}) != 1:
            message = f"schema {schema!r} holds {len(told)} fragments, of several days or none; write it anew"
            raise SchemaError(message)
        found = {name: _read(cursor, schema, name) for name in TABLES}
    day, capsule = told[0]
    alike = {key: value for key, value in capsule.items() if all(other.get(key) == value for _, other in told)}
    return SiteReview(found["verdicts"], found["lines"], found["findings"], found["balance"], day, alike)


def make_review(cursor: Any, schema: str, srids: Mapping[str, int]) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    """
    Make the tables of a review where they are missing.

    Parameters
    ----------
    cursor
        Of :func:`ecozones.postgis.server.open_cursor`.
    schema
        Where.
    srids
        SRID of the shapes of ``verdicts`` and of ``findings``.

    Raises
    ------
    SchemaError
        The schema holds such tables with another SRID.
    """
    check_names([schema], what=REVIEW)
    make_schema(cursor, schema)
    if exists(cursor, schema, REVIEW):
        for name, srid in srids.items():
            _, there = shapes_of(cursor, schema, name)
            if there != srid:
                message = f"{name!r} in schema {schema!r} is on SRID {there}, not {srid}; take a schema of its own"
                raise SchemaError(message)
        if not exists(cursor, schema, REFUSED):
            # a review that was written before sites were put aside
            _make_refused(cursor, schema)
        return
    words = sql.SQL(", ").join(sql.Literal(word) for word in verdict_words())
    # an enumeration keeps the order of the verdicts, so that max(verdict) is the worst in SQL too
    ask(cursor, "create type {verdict} as enum ({words})", verdict=(schema, "verdict"), words=words)
    for name in TABLES:
        _make_table(cursor, schema, name, srids.get(name))
    _make_refused(cursor, schema)
    ask(
        cursor,
        'create table {review} (fragment bigint primary key, "on" date not null, sites bigint not null, '
        "capsule jsonb not null)",
        review=(schema, REVIEW),
    )
    about = {
        "fragment": _ABOUT_KEY["fragment"],
        "on": "规则适用日 the day whose rules were applied",
        "sites": "地块数 number of sites that have an answer",
        "capsule": "依据：输入、方法、规则、版本 what the answer rests on",
    }
    comment_on(cursor, (schema, REVIEW), "审查说明 what was checked, and what it rests on", about)


def clear_fragment(cursor: Any, schema: str, fragment: int, *, replace: bool) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    """
    Make room for a fragment.

    Parameters
    ----------
    cursor
        Of :func:`ecozones.postgis.server.open_cursor`.
    schema, fragment, replace
        As for :func:`write_review`.

    Raises
    ------
    SchemaError
        It is there, and must not be written over.
    """
    there = ask(
        cursor, "select 1 from {review} where fragment = %s for update", (fragment,), review=(schema, REVIEW)
    ).fetchone()
    if there and not replace:
        message = f"fragment {fragment} is in schema {schema!r} already; pass replace=True to write over it"
        raise SchemaError(message)
    for name in (*TABLES, REFUSED, REVIEW):
        ask(cursor, "delete from {table} where fragment = %s", (fragment,), table=(schema, name))


def note_fragment(
    cursor: Any,  # noqa: ANN401 - psycopg's cursors are generic
    schema: str,
    fragment: int,
    sites: int,
    on: dt.date,
    capsule: Mapping[str, Any],
) -> None:
    """
    Write down what a fragment rests on.

    Parameters
    ----------
    cursor
        Of :func:`ecozones.postgis.server.open_cursor`.
    schema, fragment
        Which.
    sites
        How many it holds.
    on, capsule
        As of the review.
    """
    ask(
        cursor,
        "insert into {review} values (%s, %s, %s, %s)",
        (fragment, on, sites, json.dumps(dict(capsule), ensure_ascii=False)),
        review=(schema, REVIEW),
    )


def add_rows(
    cursor: Any,  # noqa: ANN401 - psycopg's cursors are generic
    schema: str,
    name: str,
    frame: pd.DataFrame,
    fragment: int,
    place: Mapping[Any, int],
    srid: int | None,
) -> None:
    """
    Write rows of one table of a review.

    Parameters
    ----------
    cursor
        Of :func:`ecozones.postgis.server.open_cursor`.
    schema, name
        Which table.
    frame
        Its rows, those of a site together.
    fragment
        Which part of a run they are.
    place
        Place of each site in the fragment, by id.
    srid
        Of the shapes, None where there are none.
    """
    columns = table(f"review.{name}").columns
    values: list[Sequence[Any]] = [
        np.full(len(frame), fragment).tolist(),
        frame["site_id"].map(place).tolist(),
        frame.groupby("site_id", sort=False).cumcount().tolist(),
        *(_plain(frame[column.id], column) for column in columns),
    ]
    names = [*KEY, *(column.id for column in columns)]
    if srid is not None:
        assert isinstance(frame, gpd.GeoDataFrame)
        flat, _ = drop_heights(frame)
        values.append(hexadecimal(flat, srid))
        names.append("geometry")
    copy_rows(cursor, (schema, name), names, _rows(values))


def analyse(engine: Engine, schema: str) -> None:
    """
    Let the planner of the server see what was written.

    Parameters
    ----------
    engine, schema
        As for :func:`write_review`.
    """
    with open_cursor(engine) as cursor:
        for name in TABLES:
            ask(cursor, "analyze {table}", table=(schema, name))


def _rows(values: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    return iter(zip(*values, strict=True))


def _type(column: Column, schema: str) -> sql.Composable:
    if column.id == "verdict":
        return sql.Identifier(schema, "verdict")
    return sql.SQL("date" if column.id == "effective_from" else _TYPES[column.kind])


def _make_table(cursor: Any, schema: str, name: str, srid: int | None) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    contract = table(f"review.{name}")
    columns = [sql.SQL("{} bigint not null").format(sql.Identifier(column)) for column in KEY]
    for column in contract.columns:
        must = sql.SQL(" not null" if column.id == "site_id" else "")
        columns.append(sql.SQL("{} {}{}").format(sql.Identifier(column.id), _type(column, schema), must))
    if srid is not None:
        columns.append(sql.SQL("geometry geometry(Geometry, {})").format(sql.Literal(srid)))
    columns.append(sql.SQL("primary key (fragment, site_no, row_no)"))
    if name == "verdicts":
        columns.append(sql.SQL("unique (site_id)"))
    place = (schema, name)
    ask(cursor, "create table {table} ({columns})", table=place, columns=sql.SQL(", ").join(columns))
    if name != "verdicts":
        ask(cursor, "create index on {table} (site_id)", table=place)
    if srid is not None:
        ask(cursor, "create index on {table} using gist (geometry)", table=place)
    about = {
        column.id: f"{column.zh} {column.en}" + (f" [{column.unit}]" if column.unit else "")
        for column in contract.columns
    }
    comment_on(cursor, place, f"{contract.zh} {contract.en}", _ABOUT_KEY | about)


def _make_refused(cursor: Any, schema: str) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    """Make the table of sites without an answer, whose id may be missing or that of another."""
    contract = table(f"review.{REFUSED}")
    ask(
        cursor,
        "create table {table} (fragment bigint not null, site_no bigint not null, site_id text, reason text not null, "
        "primary key (fragment, site_no))",
        table=(schema, REFUSED),
    )
    about = {name: _ABOUT_KEY[name] for name in KEY[:2]} | {
        column.id: f"{column.zh} {column.en}" for column in contract.columns
    }
    comment_on(cursor, (schema, REFUSED), f"{contract.zh} {contract.en}", about)


def _plain(values: pd.Series, column: Column) -> list[Any]:
    """Give values as the driver takes them, None where there is none."""
    known = values.notna().to_numpy()
    if column.id == "effective_from":
        days = pd.to_datetime(values).dt.date.to_numpy(dtype=object)
        return [day if there else None for day, there in zip(days, known, strict=True)]
    if column.kind == "text":
        plain = values.astype(object).to_numpy()
        texts = [str(value) if there else None for value, there in zip(plain, known, strict=True)]
        no_nul(values, texts)
        return texts
    numbers = values.to_numpy(dtype=float).tolist() if column.kind == "number" else values.tolist()
    return [number if there else None for number, there in zip(numbers, known, strict=True)]


def _read(cursor: Any, schema: str, name: str) -> Any:  # noqa: ANN401 - a frame with shapes or one without
    """Read one table, its columns of the kinds that they have in a review."""
    contract = table(f"review.{name}")
    listed = sql.SQL(", ").join(
        sql.SQL("{}::text").format(sql.Identifier(column.id)) if column.id == "verdict" else sql.Identifier(column.id)
        for column in contract.columns
    )
    query = "select {columns}{shapes} from {table} order by fragment, site_no, row_no"
    shapes = sql.SQL(", geometry, st_asbinary(geometry)" if name in _SHAPES else "")
    ask(cursor, query, columns=listed, shapes=shapes, table=(schema, name))
    rows, described = cursor.fetchall(), cursor.description
    frame: pd.DataFrame
    if name in _SHAPES:
        _, srid = shapes_of(cursor, schema, name)
        frame = as_frame(rows, described[:-2], srid)
    else:
        frame = pd.DataFrame.from_records(rows, columns=[column.id for column in contract.columns])
    kinds: dict[str, Any] = {
        column.id: np.float64 if column.kind == "number" else np.int64
        for column in contract.columns
        if column.kind != "text"
    }
    frame = frame.astype(kinds)
    if "verdict" in frame:
        frame["verdict"] = frame["verdict"].astype(verdict_dtype())
    if "effective_from" in frame:
        frame["effective_from"] = pd.to_datetime(frame["effective_from"]).astype("datetime64[s]")
    return frame
