"""
The ground of sites, divided by the lines of a plan, in the server.

What is made here are temporary tables of one transaction: ``site`` (every site), ``plane_*`` (those the server can
judge, in the plane of a line) and ``part`` (every connected piece of ground that a line claims or leaves). A site of
which the server cannot be sure goes to ``doubt``, and so to the kernel: the server settles nothing by a narrow margin.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyproj
import shapely

from ecozones.area import AreaMethod, measure_length, polygon_areas
from ecozones.crs import DEGREE_M
from ecozones.placing import EDGE_M, in_metres
from ecozones.plan import ZoningPlan
from ecozones.postgis.plans import COVERAGE, EXTENT, PIECES
from ecozones.postgis.server import ask, copy_rows, key_of, shapes_of

# sites whose box comes closer than this to the edge of what the plan covers are left to the kernel [m]
_RIM_M = 0.01
# distances that come this close to the setback are left to the kernel [m]
_NEAR_M = 0.001
# ground below the first share of its site is what double precision leaves of a cut, above the second it is ground;
# the kernel draws its line between the two
NOISE_SHARE, REAL_SHARE = 1e-10, 1e-8
# two ways to measure the same ground differ by less than this share
_MEASURE_SHARE = 1e-6
_FETCHED = 20_000


def temp(name: str) -> tuple[str, str]:
    """
    Name a table that lasts as long as the transaction.

    Parameters
    ----------
    name
        Of the table.

    Returns
    -------
    tuple
        Schema and name: a table of the user's that is called so is never meant.
    """
    return "pg_temp", name


@dataclasses.dataclass(frozen=True)
class Limits:
    """
    What the answer turns on, beside the ground itself.

    Parameters
    ----------
    method
        How area is measured.
    below_m2, narrower_m
        What makes a sliver. [m², m]
    """

    method: AreaMethod
    below_m2: float
    narrower_m: float


def load_sites(cursor: Any, schema: str, name: str, roles: Mapping[str, str]) -> pyproj.CRS:  # noqa: ANN401 - psycopg's cursors are generic
    """
    Give numbers to the sites of a table, in the order of its key, and tell which of them the server can judge.

    Parameters
    ----------
    cursor
        Of :func:`ecozones.postgis.server.open_cursor`.
    schema, name
        The table.
    roles
        Which column plays which role of a site.

    Returns
    -------
    CRS
        Of the sites.
    """
    shapes, srid = shapes_of(cursor, schema, name)
    given = {f"role_{role}": column for role, column in roles.items()}
    texts = {
        role: f"{{role_{role}}}::text" if role in roles else "null::text"
        for role in ("site_id", "name", "activity", "width_m")
    }
    # the key keeps the order of the rows from one run to the next; without one it is as they lie in the table
    order = {f"key_{place}": column for place, column in enumerate(key_of(cursor, schema, name) or ["ctid"])}
    by = ", ".join(f"{{{place}}}" for place in order)
    ask(
        cursor,
        f"create temp table {{site}} on commit drop as select row_number() over (order by {by}) - 1 as site_no, "  # noqa: S608 - only places for names
        f"{texts['site_id']} as site_id, {texts['name']} as name, {texts['activity']} as stated, "
        f"{texts['width_m']} as width_m, {{shapes}} as geometry from {{sites}}",
        site=temp("site"),
        shapes=shapes,
        sites=(schema, name),
        **given,
        **order,
    )
    ask(cursor, "alter table {site} add primary key (site_no)", site=temp("site"))
    ask(cursor, "analyze {site}", site=temp("site"))
    ask(cursor, "create temp table {doubt} (site_no bigint not null) on commit drop", doubt=temp("doubt"))
    ask(
        cursor,
        "insert into {doubt} select site_no from {site} where geometrytype(geometry) not in ('POLYGON', 'MULTIPOLYGON')"
        " or st_zmflag(geometry) <> 0 or not st_isvalid(geometry)",
        doubt=temp("doubt"),
        site=temp("site"),
    )
    ask(
        cursor,
        "create temp table {part} (site_no bigint, line text, kind text, feature bigint, geometry geometry, "
        "area_m2 double precision, perimeter_m double precision, whole boolean) on commit drop",
        part=temp("part"),
    )
    ask(
        cursor,
        "create temp table {reach} (site_no bigint, line text, touches boolean, distance_m double precision) "
        "on commit drop",
        reach=temp("reach"),
    )
    return pyproj.CRS.from_epsg(srid)


def divide_there(
    cursor: Any,  # noqa: ANN401 - psycopg's cursors are generic
    plan: ZoningPlan,
    schema: str,
    line: str,
    crs: pyproj.CRS,
    setback_m: float,
    limits: Limits,
) -> None:
    """
    Divide the sites by one line: fill ``part`` and ``reach``, and put what is not sure into ``doubt``.

    Parameters
    ----------
    cursor
        Of :func:`ecozones.postgis.server.open_cursor`.
    plan, schema
        The plan, and where its tables are.
    line
        Which line.
    crs
        Of the sites; on the datum of the line.
    setback_m
        Within which a site counts as near. [m]
    limits
        What else the answer turns on.
    """
    there = plan.lines[line].crs
    speaks = bool(plan.control_lines[line].complement)
    plane = _measure_plane(cursor, crs, there, limits.method)
    _leave_rim(cursor, plan, schema, line, crs)
    _cut(cursor, schema, line, plane, speaks=speaks)
    measure(cursor, "cut", "cut_measured", there, limits.method)
    names = {"part": temp("part"), "cut": temp("cut"), "measured": temp("cut_measured"), "claim": temp("claim")}
    ask(
        cursor,
        "insert into {part} select c.site_no, %s, c.kind, c.feature, c.geometry, m.area_m2, m.perimeter_m, false "
        "from {cut} c join {measured} m using (id)",
        (line,),
        **names,
    )
    ask(
        cursor,
        "insert into {part} select p.site_no, %s, 'claimed', c.feature, p.geometry, p.area_m2, p.perimeter_m, true "
        "from {claim} c join {parts} p using (site_no) where c.whole",
        (line,),
        parts=temp(f"{plane}_part"),
        **names,
    )
    ask(
        cursor,
        "insert into {part} select p.site_no, %s, 'unclaimed', -1, p.geometry, p.area_m2, p.perimeter_m, true "
        "from {parts} p where not exists (select from {claim} c where c.site_no = p.site_no "
        "and (c.whole or not st_isempty(c.geometry)))",
        (line,),
        parts=temp(f"{plane}_part"),
        **names,
    )
    _doubt(cursor, line, plane, limits, speaks=speaks)
    _reach(cursor, plan, schema, line, crs, plane, setback_m)
    for name in ("cut", "cut_measured", "pair", "claim", "taken"):
        ask(cursor, "drop table {table}", table=temp(name))


def plane_of(crs: pyproj.CRS) -> str:
    """
    Name the table of sites in a plane.

    Parameters
    ----------
    crs
        The plane.

    Returns
    -------
    str
        Name of a temporary table.
    """
    return f"plane_{crs.to_epsg()}"


def _step(crs: pyproj.CRS) -> float:
    return EDGE_M / DEGREE_M if crs.is_geographic else EDGE_M


def _make_plane(cursor: Any, crs: pyproj.CRS, to: pyproj.CRS) -> str:  # noqa: ANN401 - psycopg's cursors are generic
    """Bring the sites that are not in doubt into a plane, once."""
    plane = plane_of(to)
    if _is_made(cursor, plane):
        return plane
    moved = "geometry" if to == crs else "st_transform(st_segmentize(geometry, %s), %s)"
    ask(
        cursor,
        f"create temp table {{plane}} on commit drop as select site_no, {moved} as geometry from {{site}} s "  # noqa: S608 - only places for values
        "where not exists (select from {doubt} d where d.site_no = s.site_no)",
        () if to == crs else (_step(crs), to.to_epsg()),
        plane=temp(plane),
        site=temp("site"),
        doubt=temp("doubt"),
    )
    ask(cursor, "create index on {plane} using gist (geometry)", plane=temp(plane))
    ask(cursor, "alter table {plane} add primary key (site_no)", plane=temp(plane))
    ask(cursor, "analyze {plane}", plane=temp(plane))
    return plane


def _measure_plane(cursor: Any, crs: pyproj.CRS, to: pyproj.CRS, method: AreaMethod) -> str:  # noqa: ANN401 - psycopg's cursors are generic
    """Measure the sites in the plane of a line, once."""
    plane = _make_plane(cursor, crs, to)
    if _is_made(cursor, f"{plane}_whole"):
        return plane
    ask(
        cursor,
        "create temp table {piece} on commit drop as select row_number() over () as id, site_no, geom as geometry, "
        "true as spoken from (select site_no, (st_dump(geometry)).geom from {plane}) d",
        piece=temp(f"{plane}_piece"),
        plane=temp(plane),
    )
    measure(cursor, f"{plane}_piece", f"{plane}_measured", to, method)
    ask(
        cursor,
        "create temp table {part} on commit drop as select p.site_no, p.geometry, m.area_m2, m.perimeter_m "
        "from {piece} p join {measured} m using (id) order by p.id",
        part=temp(f"{plane}_part"),
        piece=temp(f"{plane}_piece"),
        measured=temp(f"{plane}_measured"),
    )
    ask(
        cursor,
        "create temp table {whole} on commit drop as select site_no, sum(area_m2) as area_m2, "
        "sum(perimeter_m) as perimeter_m, count(*) as parts "
        "from {part} group by site_no",
        whole=temp(f"{plane}_whole"),
        part=temp(f"{plane}_part"),
    )
    for name in (f"{plane}_part", f"{plane}_whole"):
        ask(cursor, "create index on {table} (site_no)", table=temp(name))
        ask(cursor, "analyze {table}", table=temp(name))
    return plane


def _is_made(cursor: Any, name: str) -> bool:  # noqa: ANN401 - psycopg's cursors are generic
    return ask(cursor, "select to_regclass(%s)", (f"pg_temp.{name}",)).fetchone()[0] is not None


def _leave_rim(cursor: Any, plan: ZoningPlan, schema: str, line: str, crs: pyproj.CRS) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    """Leave to the kernel what does not lie well inside one polygon of the ground the plan speaks of."""
    ground = plan.ground(line)
    assert ground is not None
    ask(
        cursor,
        "insert into {doubt} select site_no from {plane} s where not exists "
        "(select from {ground} g where st_contains(g.geometry, st_expand(s.geometry, %s)))",
        (_RIM_M / DEGREE_M if ground.crs.is_geographic else _RIM_M,),
        doubt=temp("doubt"),
        plane=temp(_make_plane(cursor, crs, ground.crs)),
        ground=(schema, line + COVERAGE if line in plan.coverage else EXTENT),
    )


def _cut(cursor: Any, schema: str, line: str, plane: str, *, speaks: bool) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    """Cut the sites along the line, and take each connected piece for itself."""
    names = {
        "pair": temp("pair"),
        "claim": temp("claim"),
        "cut": temp("cut"),
        "taken": temp("taken"),
        "doubt": temp("doubt"),
        "plane": temp(plane),
        "pieces": (schema, line + PIECES),
    }
    ask(
        cursor,
        "create temp table {pair} on commit drop as select s.site_no, p.feature, w.whole, case when w.whole then null "
        "else st_collectionextract(st_intersection(s.geometry, p.geometry), 3) end as geometry "
        "from {pieces} p join {plane} s on st_intersects(p.geometry, s.geometry) "
        "cross join lateral (select st_coveredby(s.geometry, p.geometry) as whole offset 0) w",
        **names,
    )
    # a feature was cut for speed: what is met of it is put together again, so that no seam of ours divides it
    ask(
        cursor,
        "create temp table {claim} on commit drop as select site_no, feature, bool_or(whole) as whole, "
        "case when bool_or(whole) then null when count(*) = 1 then (array_agg(geometry))[1] "
        "else st_union(geometry) end as geometry from {pair} group by site_no, feature",
        **names,
    )
    ask(cursor, "create index on {claim} (site_no)", **names)
    ask(cursor, "analyze {claim}", **names)
    ask(
        cursor,
        "create temp table {taken} on commit drop as select site_no, bool_or(whole) as whole, "
        "st_union(geometry) as ground, sum(st_area(geometry)) as summed, "
        "count(*) filter (where whole or not st_isempty(geometry)) as claims from {claim} group by site_no",
        **names,
    )
    # ground that two features of the line claim is counted once, which is left to the kernel
    ask(
        cursor,
        "insert into {doubt} select site_no from {taken} where claims > 1 "
        "and (whole or summed > (1 + %s) * st_area(ground))",
        (NOISE_SHARE,),
        **names,
    )
    ask(
        cursor,
        "create temp table {cut} on commit drop as select row_number() over () as id, c.*, "
        "kind = 'claimed' or %s as spoken from ("
        "select site_no, 'claimed' as kind, feature, (st_dump(geometry)).geom as geometry from {claim} where not whole "
        "union all select t.site_no, 'unclaimed', -1, "
        "(st_dump(st_collectionextract(st_difference(s.geometry, t.ground), 3))).geom "
        "from {taken} t join {plane} s using (site_no) where not t.whole and not st_isempty(t.ground)) c",
        (speaks,),
        **names,
    )


def _doubt(cursor: Any, line: str, plane: str, limits: Limits, *, speaks: bool) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    """Leave to the kernel what it might call a sliver, noise or the whole."""
    names = {"doubt": temp("doubt"), "part": temp("part"), "whole": temp(f"{plane}_whole")}
    # a cut may leave a hair along the edge of the site, there and back: it has no ground, but makes a part look narrow
    ask(
        cursor,
        "insert into {doubt} select p.site_no from {part} p join {whole} w using (site_no) where p.line = %s "
        "and (p.kind = 'claimed' or %s) and not (p.whole and w.parts = 1) and p.area_m2 > %s * w.area_m2 "
        "and (p.area_m2 < %s * w.area_m2 or p.area_m2 < %s "
        "or 2 * p.area_m2 < %s * (p.perimeter_m + 2 * w.perimeter_m))",
        (
            line,
            speaks,
            NOISE_SHARE,
            REAL_SHARE,
            limits.below_m2 * (1 + _MEASURE_SHARE),
            limits.narrower_m * (1 + _MEASURE_SHARE),
        ),
        **names,
    )
    ask(
        cursor,
        "insert into {doubt} select p.site_no from {part} p join {whole} w using (site_no) where p.line = %s "
        "group by p.site_no, w.area_m2 having (sum(p.area_m2) filter (where p.kind = 'unclaimed') "
        "between %s * w.area_m2 and %s * w.area_m2)",
        (line, NOISE_SHARE, REAL_SHARE),
        **names,
    )


def _reach(
    cursor: Any,  # noqa: ANN401 - psycopg's cursors are generic
    plan: ZoningPlan,
    schema: str,
    line: str,
    crs: pyproj.CRS,
    plane: str,
    setback_m: float,
) -> None:
    """Tell which sites touch the line, and how far away the others are."""
    pieces = (schema, line + PIECES)
    frame = plan.lines[line]
    if len(frame) and not in_metres(frame):
        # as the kernel does: distances are asked in a plane in metres
        flat = plan.metric_crs
        plane = _make_plane(cursor, crs, flat)
        pieces = temp("flat")
        ask(
            cursor,
            "create temp table {flat} on commit drop as select st_transform(st_segmentize(geometry, %s), %s) "
            "as geometry from {pieces}",
            (_step(frame.crs), flat.to_epsg()),
            flat=pieces,
            pieces=(schema, line + PIECES),
        )
        ask(cursor, "create index on {flat} using gist (geometry)", flat=pieces)
        ask(cursor, "analyze {flat}", flat=pieces)
    names = {"reach": temp("reach"), "claim": temp("claim"), "plane": temp(plane), "doubt": temp("doubt")}
    ask(
        cursor,
        "insert into {reach} select site_no, %s, true, 0 from {claim} group by site_no",
        (line,),
        **names,
    )
    ask(
        cursor,
        "insert into {reach} select s.site_no, %s, false, (select st_distance(s.geometry, p.geometry) from {pieces} p "
        "order by s.geometry <-> p.geometry limit 1) from {plane} s "
        "where not exists (select from {claim} c where c.site_no = s.site_no) "
        "and not exists (select from {doubt} d where d.site_no = s.site_no)",
        (line,),
        pieces=pieces,
        **names,
    )
    ask(
        cursor,
        "insert into {doubt} select site_no from {reach} where line = %s and not touches and abs(distance_m - %s) < %s",
        (line, setback_m, _NEAR_M),
        **names,
    )
    if pieces == temp("flat"):
        ask(cursor, "drop table {flat}", flat=pieces)


def measure(cursor: Any, source: str, target: str, crs: pyproj.CRS, method: AreaMethod) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    """
    Measure ground by the one area kernel: what the server cut comes here once, and its measures go back.

    The server's own functions will not do: the official formula rounds while it goes, areas of the type geography are
    off by some square millimetres each, and an equal-area plane without an SRID costs milliseconds a shape.

    Parameters
    ----------
    cursor
        Of :func:`ecozones.postgis.server.open_cursor`.
    source
        Temporary table ``id, spoken, geometry``; perimeters are measured where ground is spoken of.
    target
        Temporary table to make: ``id, area_m2, perimeter_m``.
    crs
        Of the shapes.
    method
        How area is measured.
    """
    ask(
        cursor,
        "create temp table {target} (id bigint, area_m2 double precision, perimeter_m double precision) on commit drop",
        target=temp(target),
    )
    top = ask(cursor, "select coalesce(max(id), 0) from {source}", source=temp(source)).fetchone()[0]
    ask(cursor, "create index on {source} (id)", source=temp(source))
    for start in range(0, top, _FETCHED):
        rows = ask(
            cursor,
            "select id, spoken, st_asbinary(geometry) from {source} where id > %s and id <= %s order by id",
            (start, start + _FETCHED),
            source=temp(source),
        ).fetchall()
        geometry = shapely.from_wkb(np.array([wkb for _, _, wkb in rows], dtype=object))
        areas = polygon_areas(geometry, crs, method=method)
        lengths = np.full(len(rows), np.nan)
        asked = np.array([spoken for _, spoken, _ in rows], dtype=bool)
        lengths[asked] = measure_length(shapely.boundary(geometry[asked]), crs)
        numbers = zip((number for number, _, _ in rows), areas.tolist(), lengths.tolist(), strict=True)
        copy_rows(cursor, temp(target), ["id", "area_m2", "perimeter_m"], iter(numbers))
    ask(cursor, "create index on {target} (id)", target=temp(target))
    ask(cursor, "analyze {target}", target=temp(target))
