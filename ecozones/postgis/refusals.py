"""
Sites that cannot be checked: put aside one by one, with the reason, so that the others have their answer.

What the server can tell by itself it tells in one statement; whether coordinates lie where their CRS says is told
here, from their boxes, and what only the kernel finds out it adds later. What is put aside leaves ``site``, counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from sqlalchemy import Engine

from ecozones.crs import check_crs
from ecozones.errors import CRSError, EcozonesWarning, SchemaError
from ecozones.postgis.division import temp
from ecozones.postgis.results import REFUSED
from ecozones.postgis.server import FOREIGN, FOREIGN_TOLD, KIND, ask, copy_rows, exists, open_cursor
from ecozones.rulebook import Rulebook
from ecozones.telling import warn_caller

_FETCHED = 20_000
_SIDES = "st_xmin(geometry), st_ymin(geometry), st_xmax(geometry), st_ymax(geometry)"
_SHOWN = 10


def put_aside(cursor: Any, crs: pyproj.CRS, planes: Sequence[pyproj.CRS]) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    """
    Put aside the sites that cannot be checked: fill ``refused``, and take them out of ``site``.

    Parameters
    ----------
    cursor
        Of :func:`ecozones.postgis.server.open_cursor`; ``site`` has its activities as the rules name them.
    crs
        Of the sites.
    planes
        Where the server would bring them; what has no place there goes to ``doubt``, and so to the kernel.
    """
    ask(
        cursor,
        "create temp table {refused} (site_no bigint not null, reason text not null) on commit drop",
        refused=temp("refused"),
    )
    ask(
        cursor,
        "insert into {refused} select site_no, string_agg(reason, '; ' order by place) from ("  # noqa: S608 - words of ours
        "select site_no, 1 as place, "
        "'site_id ' || coalesce(quote_literal(site_id), 'NULL') || ' is missing or repeated' as reason "
        "from {site} where site_id is null or site_id in "
        "(select site_id from {site} group by site_id having count(*) > 1) "
        "union all select site_no, 2, 'geometry is empty' from {site} where geometry is null or st_isempty(geometry) "
        "union all select site_no, 2, 'geometry is a collection; give polygons, lines or points, a row for each' "
        f"from {{site}} where {KIND} = 'GEOMETRYCOLLECTION' and not st_isempty(geometry) "
        f"union all select site_no, 2, 'geometry ' || {FOREIGN_TOLD} from {{site}} "
        f"where {FOREIGN} and {KIND} <> 'GEOMETRYCOLLECTION' and not st_isempty(geometry) "
        "union all select site_no, 3, 'activity ' || quote_literal(stated) || ' is not known to the rules' from {site} "
        "where activity is null) problems group by site_no",
        refused=temp("refused"),
        site=temp("site"),
        shapes="geometry",
    )
    _leave_out(cursor)
    _look_at_places(cursor, crs, planes)


def refuse(cursor: Any, reasons: Mapping[int, str]) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    """
    Put aside sites that somebody else found wanting.

    Parameters
    ----------
    cursor
        Of :func:`ecozones.postgis.server.open_cursor`, after :func:`put_aside`.
    reasons
        Why, by number of the site.
    """
    if reasons:
        copy_rows(cursor, temp("refused"), ["site_no", "reason"], iter(sorted(reasons.items())))
        _leave_out(cursor)


def keep_refused(cursor: Any, out: str, fragment: int, book: Rulebook) -> int:  # noqa: ANN401 - psycopg's cursors are generic
    """
    Write the sites that were put aside into the review.

    Parameters
    ----------
    cursor
        Of :func:`ecozones.postgis.server.open_cursor`.
    out, fragment
        Where to.
    book
        The rules, whose activities a message may have to name.

    Returns
    -------
    int
        How many there are.

    Raises
    ------
    SchemaError
        Not one site is left; all problems are listed.

    Warns
    -----
    EcozonesWarning
        Sites were put aside.
    """
    names = {"refused": temp("refused"), "aside": temp("aside"), "site": temp("site")}
    count = int(ask(cursor, "select count(*) from {refused}", **names).fetchone()[0])
    if not count:
        return 0
    if ask(cursor, "select 1 from {site} limit 1", **names).fetchone() is None:
        rows = ask(cursor, "select site_no, reason from {refused} order by site_no", **names).fetchall()
        shown = "; ".join(f"row {row}: {reason}" for row, reason in rows[:_SHOWN])
        known = ", ".join(activity.id for activity in book.activities)
        message = f"not one of {count} sites can be checked: {shown}. Activities known: {known}"
        raise SchemaError(message, pd.DataFrame(rows, columns=["row", "problem"]))
    ask(
        cursor,
        "insert into {kept} (fragment, site_no, site_id, reason) select %s, site_no, site_id, reason "
        "from {refused} join {aside} using (site_no)",
        (fragment,),
        kept=(out, REFUSED),
        **names,
    )
    message = (
        f"{count} sites cannot be checked and are put aside: nothing is known of them. The table {REFUSED!r} in schema "
        f"{out!r} lists each with why; read it with postgis.read_refused"
    )
    warn_caller(message, EcozonesWarning)
    return count


def read_refused(engine: Engine, *, schema: str) -> pd.DataFrame:
    """
    Read the sites that a check in the database could not answer for.

    Parameters
    ----------
    engine
        As for :func:`ecozones.postgis.write_table`.
    schema
        Schema of the review.

    Returns
    -------
    DataFrame
        ``fragment``, ``row`` in the table of sites (from 0), ``site_id`` as it was stated, and ``reason``.

    Raises
    ------
    SchemaError
        The schema holds no review.
    """
    with open_cursor(engine, read_only=True) as cursor:
        if not exists(cursor, schema, REFUSED):
            message = f"schema {schema!r} holds no review; check a table first, with out={schema!r}"
            raise SchemaError(message)
        rows = ask(
            cursor,
            "select fragment, site_no, site_id, reason from {refused} order by fragment, site_no",
            refused=(schema, REFUSED),
        ).fetchall()
    table = pd.DataFrame(rows, columns=["fragment", "row", "site_id", "reason"], dtype=object)
    return table.astype({"fragment": np.int64, "row": np.int64})


def _leave_out(cursor: Any) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    """Take what was refused out of the sites, so that no later statement can meet it; its id is kept."""
    names = {"refused": temp("refused"), "aside": temp("aside"), "site": temp("site"), "doubt": temp("doubt")}
    ask(
        cursor,
        "create temp table if not exists {aside} (site_no bigint primary key, site_id text) on commit drop",
        **names,
    )
    ask(
        cursor,
        "insert into {aside} select site_no, site_id from {site} join {refused} using (site_no)",
        **names,
    )
    for table in ("site", "doubt"):
        ask(cursor, "delete from {table} where site_no in (select site_no from {refused})", table=temp(table), **names)


def _look_at_places(cursor: Any, crs: pyproj.CRS, planes: Sequence[pyproj.CRS]) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    """Put aside what cannot lie where its CRS says, and leave to the kernel what has no place in a plane."""
    ways = [pyproj.Transformer.from_crs(crs, plane, always_xy=True) for plane in planes if plane != crs]
    off, far, last = dict[int, str](), list[int](), -1
    while rows := ask(
        cursor,
        f"select site_no, {_SIDES} from {{site}} where site_no > %s order by site_no limit %s",  # noqa: S608 - functions of ours
        (last, _FETCHED),
        site=temp("site"),
    ).fetchall():
        number = np.array([row[0] for row in rows])
        boxes = np.array([row[1:] for row in rows], dtype=np.float64)
        last = int(number[-1])
        found = np.isfinite(boxes).all(axis=1)
        places = gpd.GeoSeries(shapely.box(*boxes[found].T), index=number[found], crs=crs)
        try:
            check_crs(places, what="sites", web_mercator=True)
        except CRSError as cause:
            if cause.problems is None:
                raise
            off |= dict(zip(cause.problems["row"].astype(int), cause.problems["problem"], strict=True))
        corners = [boxes[:, [x, y]] for x in (0, 2) for y in (1, 3)]
        moved = [np.column_stack(way.transform(*corner.T)) for way in ways for corner in corners]
        lost = ~np.all([np.isfinite(one).all(axis=1) for one in [boxes, *moved]], axis=0)
        far += number[lost].tolist()
    refuse(cursor, off)
    rest = ((number,) for number in far if number not in off)
    copy_rows(cursor, temp("doubt"), ["site_no"], rest)
