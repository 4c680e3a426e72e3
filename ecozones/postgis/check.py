"""
Check the sites of a table against a plan in the same database.

The server joins, cuts and judges with the law as a table; whatever turns on a narrow margin (slivers, the rim of the
plan, ground claimed twice, lines and points, what must be repaired first) is finished by the kernel, from the rows the
server gives. So the answer is the kernel's, whoever gave it.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import geopandas as gpd
import pyproj
import shapely
from sqlalchemy import Engine

from ecozones.area import AreaMethod
from ecozones.errors import CRSError, GeometryError, SchemaError, name_rows
from ecozones.options import check_options, plain
from ecozones.placing import in_metres
from ecozones.plan import ZoningPlan
from ecozones.postgis.division import Limits, divide_there, load_sites, plane_of, temp
from ecozones.postgis.plans import fetch_plan
from ecozones.postgis.refusals import keep_refused, put_aside, refuse
from ecozones.postgis.results import (
    REVIEW,
    TABLES,
    add_rows,
    analyse,
    clear_fragment,
    make_review,
    note_fragment,
)
from ecozones.postgis.server import SCHEMA, ask, copy_rows, open_cursor, shapes_from, shapes_of, srid_of
from ecozones.postgis.verdicts import doubt_rules, find_overlaps, gather_patches, load_law, settle
from ecozones.review import SiteReview
from ecozones.rulebook import Rulebook, as_day, load_rules
from ecozones.siting import answer_sites, check_sites, prepare_sites

_ROLES = ("site_id", "name", "activity", "width_m")
_BATCH = 10_000


@dataclasses.dataclass(frozen=True)
class TableReview:
    """
    The account of a check in the database; the review itself is in its schema.

    Parameters
    ----------
    schema, fragment
        Where the tables are: :func:`ecozones.postgis.read_review` reads them.
    rows_in
        Sites in the table.
    settled_there
        Sites that the server settled.
    finished_here
        Sites that the kernel finished.
    rows_refused
        Sites that were put aside with a reason, which :func:`ecozones.postgis.read_refused` reads; with those settled
        there and finished here they are all.
    """

    schema: str
    fragment: int
    rows_in: int
    settled_there: int
    finished_here: int
    rows_refused: int = 0


def check_sites_there(
    engine: Engine,
    sites: str,
    *,
    schema: str = SCHEMA,
    plan_schema: str = SCHEMA,
    out: str = REVIEW,
    fragment: int = 0,
    replace: bool = False,
    columns: Mapping[str, str] | None = None,
    on: dt.date | str | None = None,
    rules: Rulebook | str | None = None,
    lines: Iterable[str] | None = None,
    setback_m: float | Mapping[str, float] | None = None,
    ignore_below_m2: float = 1.0,
    ignore_narrower_m: float = 0.1,
    method: AreaMethod = "national",
) -> TableReview:
    """
    Check the sites of a table against a plan in the same database, and write the review there.

    The verdicts are those of :func:`ecozones.check_sites`, and areas agree with its own as far as two versions of GEOS
    do, which is better than a millionth of the site. A site that cannot be checked (no id or one that is repeated, no
    shape, coordinates that lie nowhere, an activity that the rules do not know) is put aside, and the others have their
    answer. Everything happens in one transaction that sees one state of the tables: the review is there whole, or not
    at all. Nothing but the schema of the review is written to.

    Parameters
    ----------
    engine
        As for :func:`ecozones.postgis.write_table`; its user may read the sites and the plan, make temporary tables,
        and write to the schema of the review.
    sites, schema
        Table of polygons, lines or points.
    plan_schema
        Schema of a plan that :func:`ecozones.postgis.write_plan` wrote.
    out, fragment, replace
        Where the review goes, as for :func:`ecozones.postgis.write_review`.
    columns
        Which column of the table plays which role: ``{"site_id": "项目编号"}``.
    on, rules, lines, setback_m, ignore_below_m2, ignore_narrower_m
        As for :func:`ecozones.check_sites`.
    method
        How area is measured. The server cuts; the ground it cut is measured here, by the one area kernel there is.

    Returns
    -------
    TableReview
        How many sites were settled there and how many here, and how many were put aside.

    Raises
    ------
    InputError
        An option means nothing; all of them at once.
    SchemaError
        Not one site can be checked, the plan or a column is missing, or a line was edited in the database since it was
        cut.
    CRSError
        The table as a whole cannot be placed on the ground.

    Warns
    -----
    EcozonesWarning
        Sites were put aside.
    RepairWarning
        Polygons were not valid and are repaired.
    """
    lines, fragment = plain(lines), plain(fragment)
    ignore_below_m2, ignore_narrower_m = plain(ignore_below_m2), plain(ignore_narrower_m)
    check_options(
        "check_sites_there",
        {
            "schema": schema, "plan_schema": plan_schema, "out in a database": out, "fragment": fragment,
            "replace": replace, "columns": columns, "on": on, "rules": rules, "lines": lines, "setback_m": setback_m,
            "ignore_below_m2": ignore_below_m2, "ignore_narrower_m": ignore_narrower_m, "method": method,
        },
    )  # fmt: skip
    day = dt.datetime.now(tz=dt.UTC).astimezone().date() if on is None else as_day(on)
    book = rules if isinstance(rules, Rulebook) else load_rules(rules or "CN")
    options: dict[str, Any] = {
        "on": day, "rules": book, "lines": None if lines is None else list(lines), "setback_m": setback_m,
        "ignore_below_m2": ignore_below_m2, "ignore_narrower_m": ignore_narrower_m, "method": method,
    }  # fmt: skip
    with open_cursor(engine, snapshot=True) as cursor:
        roles = _find_roles(cursor, schema, sites, columns or {})
        plan, stale = fetch_plan(cursor, plan_schema, book)
        if stale:
            message = (
                f"{name_rows(stale)} in schema {plan_schema!r} was edited after it was cut into pieces; cut it anew: "
                f"write_plan(read_plan_tables(engine, schema={plan_schema!r}), engine, schema={plan_schema!r}, "
                "replace=True)"
            )
            raise SchemaError(message)
        crs = load_sites(cursor, schema, sites, roles)
        nobody = gpd.GeoDataFrame({"site_id": [], "activity": []}, geometry=[], crs=crs)
        # asked of no site, the kernel says what it would ask, and refuses what it would refuse
        blank = check_sites(nobody, plan, **options)
        _name_activities(cursor, book)
        rows = int(ask(cursor, "select count(*) from {site}", site=temp("site")).fetchone()[0])
        told = _sum_of(cursor)
        put_aside(cursor, crs, _planes_of(plan))
        make_review(cursor, out, {"verdicts": srid_of(blank.verdicts), "findings": srid_of(blank.findings)})
        clear_fragment(cursor, out, fragment, replace=replace)
        limits = Limits(method, ignore_below_m2, ignore_narrower_m)
        settled = 0
        if _can_settle(plan, book, blank, crs):
            settled = _settle(cursor, plan, plan_schema, book, blank, crs, limits, out, fragment)
        else:
            ask(cursor, "insert into {doubt} select site_no from {site}", doubt=temp("doubt"), site=temp("site"))
        finished = _finish(cursor, plan, crs, out, fragment, options)
        refused = keep_refused(cursor, out, fragment, book)
        if settled + finished + refused != rows:
            message = (
                f"{rows} sites were read, {settled} settled, {finished} finished and {refused} put aside; nothing was "
                "written"
            )
            raise SchemaError(message)
        capsule = dict(blank.capsule) | {
            "sites_table": f"{schema}.{sites}",
            "sites_sha256": "",
            "sites_sum": told,
            "settled_there": settled,
            "finished_here": finished,
            "rows_refused": refused,
            "server": ask(cursor, "select version() || ', PostGIS ' || postgis_full_version()").fetchone()[0],
        }
        note_fragment(cursor, out, fragment, settled + finished, day, capsule)
    analyse(engine, out)
    return TableReview(out, fragment, rows, settled, finished, refused)


def _find_roles(cursor: Any, schema: str, name: str, columns: Mapping[str, str]) -> dict[str, str]:  # noqa: ANN401 - psycopg's cursors are generic
    """Find the columns of a site, as told or by their own names."""
    shapes, _ = shapes_of(cursor, schema, name)
    described = ask(cursor, "select * from {table} limit 0", table=(schema, name)).description
    known = [column.name for column in described if column.name != shapes]
    wrong = [*(role for role in columns if role not in _ROLES), *(c for c in columns.values() if c not in known)]
    roles = {role: role for role in _ROLES if role in known} | dict(columns)
    if wrong or "site_id" not in roles:
        message = (
            f"table {name!r} has the columns {name_rows(known)}; columns= must say which of them play the roles of a "
            f"site ({', '.join(_ROLES)}), of which site_id is needed"
        )
        raise SchemaError(message)
    return roles


def _name_activities(cursor: Any, book: Rulebook) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    """Give each site its activity as the rules name it, empty where none is stated."""
    stated = ask(
        cursor,
        "select distinct stated from {site} where stated is not null",
        site=temp("site"),
    ).fetchall()
    names = [(text, book.recognise_activity(text) if text.strip() else "") for (text,) in stated]
    ask(
        cursor,
        "create temp table {activity} (stated text primary key, activity text) on commit drop",
        activity=temp("activity"),
    )
    copy_rows(cursor, temp("activity"), ["stated", "activity"], iter(names))
    ask(cursor, "alter table {site} add column activity text", site=temp("site"))
    ask(cursor, "update {site} set activity = '' where stated is null", site=temp("site"))
    ask(
        cursor,
        "update {site} s set activity = a.activity from {activity} a where a.stated = s.stated",
        site=temp("site"),
        activity=temp("activity"),
    )


def _can_settle(plan: ZoningPlan, book: Rulebook, blank: SiteReview, crs: pyproj.CRS) -> bool:
    """Tell whether the server can judge at all: every line there, known to the rules, and all on one datum."""
    asked = blank.capsule["lines_checked"]
    known = {line.id for line in book.lines}
    if not all(line in plan and line in known and plan.ground(line) is not None for line in asked):
        return False
    frames = [plan.lines[line] for line in asked]
    grounds = [ground for line in asked if (ground := plan.ground(line)) is not None]
    planes = [crs, plan.crs, *(frame.crs for frame in (*frames, *grounds))]
    if any(len(frame) and not in_metres(frame) for frame in frames):
        planes.append(plan.metric_crs)
    return (
        all(plane.to_epsg() is not None for plane in planes)
        and len({pyproj.CRS(plane.geodetic_crs).to_epsg() for plane in planes}) == 1
    )


def _planes_of(plan: ZoningPlan) -> list[pyproj.CRS]:
    """List the planes that sites are brought to."""
    frames = [*plan.lines.values(), *(ground for line in plan.lines if (ground := plan.ground(line)) is not None)]
    return [*{frame.crs.to_wkt(): frame.crs for frame in frames}.values(), plan.crs, plan.metric_crs]


def _settle(
    cursor: Any,  # noqa: ANN401 - psycopg's cursors are generic
    plan: ZoningPlan,
    plan_schema: str,
    book: Rulebook,
    blank: SiteReview,
    crs: pyproj.CRS,
    limits: Limits,
    out: str,
    fragment: int,
) -> int:
    setbacks = blank.capsule["setback_m"]
    load_law(cursor, book, plan, blank.on, list(setbacks), plan_schema)
    for line, setback in setbacks.items():
        divide_there(cursor, plan, plan_schema, line, crs, setback, limits)
    planes = {line: plane_of(plan.lines[line].crs) for line in setbacks}
    gather_patches(cursor, {line: plan.lines[line].crs for line in setbacks}, plan.crs, planes)
    doubt_rules(cursor)
    find_overlaps(cursor, book, plan.crs, limits.method)
    declared = dict.fromkeys([*(line.id for line in book.lines), *plan.control_lines])
    unread = [line for line in declared if line not in plan or line not in setbacks]
    return settle(cursor, out, fragment, setbacks, unread, crs, limits.method)


def _finish(
    cursor: Any,  # noqa: ANN401 - psycopg's cursors are generic
    plan: ZoningPlan,
    crs: pyproj.CRS,
    out: str,
    fragment: int,
    options: Mapping[str, Any],
) -> int:
    """Let the kernel check what is in doubt, some at a time."""
    ask(
        cursor,
        "create temp table {rest} on commit drop as select s.site_no, site_id, name, stated, width_m, "
        "st_asbinary(geometry) as wkb from {site} s where exists (select from {doubt} d where d.site_no = s.site_no) "
        "order by s.site_no",
        rest=temp("rest"),
        site=temp("site"),
        doubt=temp("doubt"),
    )
    ask(cursor, "create index on {rest} (site_no)", rest=temp("rest"))
    done, last = 0, -1
    while rows := ask(
        cursor,
        "select * from {rest} where site_no > %s order by site_no limit %s",
        (last, _BATCH),
        rest=temp("rest"),
    ).fetchall():
        number, site_id, name, stated, width, wkb = zip(*rows, strict=True)
        frame = gpd.GeoDataFrame(
            {"site_id": site_id, "name": name, "activity": stated, "width_m": width},
            geometry=shapes_from(wkb),
            crs=crs,
            index=list(number),
        )
        reviews, reasons = _answers(frame, plan, options)
        refuse(cursor, reasons)
        place = dict(zip(site_id, number, strict=True))
        for review in reviews:
            srids = {"verdicts": srid_of(review.verdicts), "findings": srid_of(review.findings)}
            for table in TABLES:
                add_rows(cursor, out, table, getattr(review, table), fragment, place, srids.get(table))
        done, last = done + len(rows) - len(reasons), number[-1]
    return done


def _answers(
    frame: gpd.GeoDataFrame, plan: ZoningPlan, options: Mapping[str, Any]
) -> tuple[list[SiteReview], dict[int, str]]:
    """Let the kernel check what it can; of the other sites, say by number why it cannot."""
    asked = dict(options)
    day, book = asked.pop("on"), asked.pop("rules")
    refused: dict[int, str] = {}
    while True:
        try:
            prepared = prepare_sites(frame, plan, book)
            break
        except (SchemaError, GeometryError, CRSError) as cause:
            problems = cause.problems
            if problems is None or "row" not in problems:
                raise
            told = problems.drop(columns="row").astype(str).agg(" ".join, axis=1)
            for row, reason in zip(problems["row"].astype(int), told, strict=True):
                refused[row] = f"{refused[row]}; {reason}" if row in refused else reason
            frame = frame.drop(index=problems["row"])
            if not len(frame):
                return [], refused
    reviews = []
    stretches = [(0, len(frame))]
    while stretches:
        start, stop = stretches.pop()
        try:
            reviews.append(answer_sites(prepared.take(start, stop), plan, day, book, **asked))
        except (GeometryError, CRSError, shapely.errors.GEOSException) as cause:
            # shapes that the kernel has made have numbers of their own, so that the site is found by halves
            if stop - start == 1:
                refused[int(frame.index[start])] = str(cause)
            else:
                stretches += [((start + stop) // 2, stop), (start, (start + stop) // 2)]
    return reviews, refused


def _sum_of(cursor: Any) -> str:  # noqa: ANN401 - psycopg's cursors are generic
    """Digest the sites where they lie, for any order of their rows."""
    query = (
        "select coalesce(sum(hashtextextended(s::text, 0)::numeric), 0)::text "
        "from (select site_id, name, stated, width_m, geometry from {site}) s"
    )
    return str(ask(cursor, query, site=temp("site")).fetchone()[0])
