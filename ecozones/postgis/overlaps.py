"""The areas that sites share with a line, measured in the plane where the data lie."""

from __future__ import annotations

import pandas as pd
from sqlalchemy import Engine

from ecozones.errors import InputError
from ecozones.postgis.plans import PIECES
from ecozones.postgis.server import SCHEMA, UndefinedColumn, ask, open_cursor, shapes_of


def overlap_areas(
    engine: Engine, sites: str, line: str, *, site_id: str = "site_id", schema: str = SCHEMA
) -> pd.DataFrame:
    """
    Measure, in the database, the planar area that each site shares with each polygon of a line.

    Parameters
    ----------
    engine
        As for :func:`ecozones.postgis.write_table`.
    sites
        A table of polygons in the same schema and with the same SRID as the line.
    line
        A line that :func:`ecozones.postgis.write_plan` wrote.
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
    SchemaError
        A table is missing.
    InputError
        A column is missing, or the tables are on different SRIDs.
    """
    with open_cursor(engine, read_only=True) as cursor:
        # said before the join: tables that lie apart are never compared, and so never refused
        shapes, srid = shapes_of(cursor, schema, sites)
        _, other = shapes_of(cursor, schema, line + PIECES)
        if srid != other:
            message = f"{sites!r} (SRID {srid}) cannot be compared with {line!r} (SRID {other}); bring them to one"
            raise InputError(message)
        try:
            rows = ask(
                cursor,
                "select s.{id}, p.feature, sum(case when st_coveredby(s.{shapes}, p.geometry) "
                "then st_area(s.{shapes}) else st_area(st_intersection(s.{shapes}, p.geometry)) end order by p.piece) "
                "from {sites} s join {pieces} p on st_intersects(s.{shapes}, p.geometry) "
                "group by s.{id}, p.feature order by s.{id}, p.feature",
                id=site_id,
                shapes=shapes,
                sites=(schema, sites),
                pieces=(schema, line + PIECES),
            ).fetchall()
        except UndefinedColumn as cause:
            message = f"table {sites!r} has no column {site_id!r}; say which names a site with site_id="
            raise InputError(message) from cause
    table = pd.DataFrame.from_records(rows, columns=["site_id", "feature", "area"])
    return table[table["area"] > 0].reset_index(drop=True)
