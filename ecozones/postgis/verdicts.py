"""
Verdicts in SQL: the parts of ground that :mod:`ecozones.postgis.division` made, joined with the law as a table.

The law comes from the rulebook, row by row: no article stands in a statement. Each statement fills one table of the
review with the rows that the kernel would have made, for the sites that are not in doubt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyproj
import shapely

from ecozones.area import AreaMethod, polygon_areas
from ecozones.crs import DEGREE_M
from ecozones.patches import NOISE_SHARE
from ecozones.placing import EDGE_M
from ecozones.plan import ZoningPlan
from ecozones.postgis.division import REAL_SHARE, measure, temp
from ecozones.postgis.plans import FEATURE
from ecozones.postgis.server import ask, copy_rows
from ecozones.rulebook import Rulebook

_SAID = ("rule_id", "requires", "requires_zh", "citation", "status", "reason", "reason_zh")
_FETCHED = 20_000


def load_law(cursor: Any, book: Rulebook, plan: ZoningPlan, day: Any, lines: Sequence[str], schema: str) -> None:  # noqa: ANN401 - psycopg's cursors are generic; a day
    """
    Write the decisions and notices of a day as tables, and what a line is and which sub-zone a feature has.

    Parameters
    ----------
    cursor
        Of :func:`ecozones.postgis.server.open_cursor`.
    book, day
        The law.
    plan, schema
        The plan, and where its tables are.
    lines
        Lines that are asked, all of them of the plan and of the rulebook.
    """
    columns = ["line", "subzone", "activity", "verdict", *_SAID, "effective_from"]
    for name, table in (("law", book.decision_table(day, lines)), ("notice", book.notice_table(day, lines))):
        texts = ", ".join(f"{column} text" for column in columns[:-1])
        ask(
            cursor,
            f"create temp table {{table}} ({texts}, effective_from date) on commit drop",
            table=temp(name),
        )
        days = pd.to_datetime(table["effective_from"]).dt.date
        rows = table[columns[:-1]].astype(object).assign(effective_from=days.astype(object))
        plain = rows.where(rows.notna(), None)
        copy_rows(cursor, temp(name), columns, plain.itertuples(index=False, name=None))
    ask(
        cursor,
        "create temp table {line} (line text primary key, place bigint, complement text) on commit drop",
        line=temp("line"),
    )
    known = list(plan.control_lines)
    told = [(line, known.index(line), plan.control_lines[line].complement) for line in lines]
    copy_rows(cursor, temp("line"), ["line", "place", "complement"], iter(told))
    ask(
        cursor,
        "create temp table {feature} (line text, feature bigint, feature_id text, subzone text) on commit drop",
        feature=temp("feature"),
    )
    for line in lines:
        ask(
            cursor,
            "insert into {feature} select %s, {number}, feature_id::text, coalesce(subzone::text, '') from {layer}",
            (line,),
            feature=temp("feature"),
            number=FEATURE,
            layer=(schema, line),
        )
    ask(cursor, "create index on {feature} (line, feature)", feature=temp("feature"))
    for name in ("law", "notice", "line", "feature"):
        ask(cursor, "analyze {table}", table=temp(name))


def doubt_rules(cursor: Any) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    """
    Leave to the kernel what the law does not answer.

    Parameters
    ----------
    cursor
        Of :func:`ecozones.postgis.server.open_cursor`.
    """
    ask(
        cursor,
        "insert into {doubt} select p.site_no from {patch} p join {site} s using (site_no) where p.spoken and not "
        "exists (select from {law} a where a.line = p.line and a.subzone = p.subzone and a.activity = s.activity)",
        doubt=temp("doubt"),
        patch=temp("patch"),
        site=temp("site"),
        law=temp("law"),
    )


def find_overlaps(cursor: Any, book: Rulebook, crs: pyproj.CRS, method: AreaMethod) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    """
    Find the ground of a site that two lines claim, where the law has a word on it: ``overlap``.

    Parameters
    ----------
    cursor
        Of :func:`ecozones.postgis.server.open_cursor`.
    book
        The law.
    crs
        Of the findings.
    method
        How area is measured.
    """
    names = {
        "both": temp("both"),
        "overlap": temp("overlap"),
        "patch": temp("patch"),
        "measured": temp("both_measured"),
    }
    told = "rule_id text, line text, citation text, status text, reason text, reason_zh text"
    ask(cursor, f"create temp table {{rule}} (other text, {told}) on commit drop", rule=temp("rule"))
    rows = [(r.b, r.id, r.a, book.cite(r), r.status, r.note, r.note_zh) for r in book.overlaps]
    columns = ["other", "rule_id", "line", "citation", "status", "reason", "reason_zh"]
    copy_rows(cursor, temp("rule"), columns, iter(rows))
    ask(
        cursor,
        "create temp table {both} on commit drop as select row_number() over () as id, false as spoken, "
        "a.site_no, r.rule_id, a.whole_m2, "
        "st_collectionextract(st_intersection(a.geometry, b.geometry), 3) as geometry from {rule} r "
        "join {united} a on a.line = r.line join {united} b on b.line = r.other and b.site_no = a.site_no "
        "where st_intersects(a.geometry, b.geometry)",
        rule=temp("rule"),
        united=_unite_claims(cursor),
        **names,
    )
    measure(cursor, "both", "both_measured", crs, method)
    ask(
        cursor,
        "create temp table {overlap} on commit drop as select b.site_no, b.whole_m2, b.geometry, m.area_m2, r.* "
        "from {both} b join {measured} m using (id) join {rule} r using (rule_id)",
        rule=temp("rule"),
        **names,
    )
    # ground between two lines that share a border may be noise, or none
    ask(
        cursor,
        "insert into {doubt} select site_no from {overlap} where area_m2 < %s * whole_m2",
        (REAL_SHARE,),
        doubt=temp("doubt"),
        **names,
    )


def _unite_claims(cursor: Any) -> tuple[str, str]:  # noqa: ANN401 - psycopg's cursors are generic
    united = temp("united")
    ask(
        cursor,
        "create temp table {united} on commit drop as select site_no, line, min(whole_m2) as whole_m2, "
        "case when count(*) = 1 then (array_agg(geometry))[1] else st_union(geometry) end as geometry "
        "from {patch} where kind = 'claimed' group by site_no, line",
        united=united,
        patch=temp("patch"),
    )
    ask(cursor, "create index on {united} (line, site_no)", united=united)
    ask(cursor, "analyze {united}", united=united)
    return united


def gather_patches(cursor: Any, crs: Mapping[str, pyproj.CRS], to: pyproj.CRS, planes: Mapping[str, str]) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    """
    Put the parts of one feature in one site together: ``patch`` and ``total``, the rows that everything is told from.

    Parameters
    ----------
    cursor
        Of :func:`ecozones.postgis.server.open_cursor`.
    crs
        Of each line.
    to
        Of the findings.
    planes
        Table of the sites in the plane of each line.
    """
    ask(
        cursor,
        "create temp table {whole} (line text, site_no bigint, area_m2 double precision) on commit drop",
        whole=temp("whole"),
    )
    for line, plane in planes.items():
        ask(
            cursor,
            "insert into {whole} select %s, site_no, area_m2 from {measured} w "
            "where not exists (select from {doubt} d where d.site_no = w.site_no)",
            (line,),
            whole=temp("whole"),
            measured=temp(f"{plane}_whole"),
            doubt=temp("doubt"),
        )
    ask(cursor, "create index on {whole} (line, site_no)", whole=temp("whole"))
    ask(cursor, "analyze {whole}", whole=temp("whole"))
    ask(
        cursor,
        "create temp table {patch} on commit drop as select p.site_no, p.line, p.kind, p.feature, "
        "coalesce(f.feature_id, '') as feature_id, case when p.kind = 'claimed' then f.subzone else l.complement end "
        "as subzone, p.kind = 'claimed' or l.complement <> '' as spoken, count(*) as parts, sum(p.area_m2) as area_m2, "
        "max(2 * p.area_m2 / nullif(p.perimeter_m, 0)) as width_m, w.area_m2 as whole_m2, "
        "case when count(*) = 1 then (array_agg(p.geometry))[1] else st_multi(st_collect(p.geometry)) end as geometry "
        "from {part} p join {whole} w using (line, site_no) join {line} l using (line) "
        "left join {feature} f using (line, feature) "
        "where p.area_m2 > %s * w.area_m2 "
        "group by p.site_no, p.line, p.kind, p.feature, f.feature_id, f.subzone, l.complement, w.area_m2",
        (NOISE_SHARE,),
        patch=temp("patch"),
        part=temp("part"),
        whole=temp("whole"),
        line=temp("line"),
        feature=temp("feature"),
    )
    for line, there in crs.items():
        if there != to:
            longest = EDGE_M / DEGREE_M if there.is_geographic else EDGE_M
            ask(
                cursor,
                "update {patch} set geometry = st_transform(st_segmentize(geometry, %s), %s) where line = %s",
                (longest, to.to_epsg(), line),
                patch=temp("patch"),
            )
    ask(
        cursor,
        "create temp table {total} on commit drop as select w.site_no, w.line, w.area_m2 as whole, "
        "coalesce(sum(p.area_m2) filter (where p.kind = 'claimed'), 0) as claimed, "
        "coalesce(sum(p.area_m2) filter (where p.kind = 'unclaimed'), 0) as unclaimed "
        "from {whole} w left join {part} p using (line, site_no) group by w.site_no, w.line, w.area_m2",
        total=temp("total"),
        whole=temp("whole"),
        part=temp("part"),
    )
    for name in ("patch", "total"):
        ask(cursor, "create index on {table} (site_no, line)", table=temp(name))
        ask(cursor, "analyze {table}", table=temp(name))


def settle(
    cursor: Any,  # noqa: ANN401 - psycopg's cursors are generic
    out: str,
    fragment: int,
    setbacks: Mapping[str, float],
    unread: Sequence[str],
    crs: pyproj.CRS,
    method: AreaMethod,
) -> int:
    """
    Write the rows of every site that is not in doubt.

    Parameters
    ----------
    cursor
        Of :func:`ecozones.postgis.server.open_cursor`.
    out, fragment
        Where to.
    setbacks
        Distance within which a site counts as near, by line. [m]
    unread
        Lines that were not checked.
    crs
        Of the sites.
    method
        How area is measured.

    Returns
    -------
    int
        Number of sites settled.
    """
    ask(
        cursor,
        "create temp table {settled} on commit drop as select s.* from {site} s "
        "where not exists (select from {doubt} d where d.site_no = s.site_no)",
        settled=temp("settled"),
        site=temp("site"),
        doubt=temp("doubt"),
    )
    ask(cursor, "alter table {settled} add primary key (site_no)", settled=temp("settled"))
    ask(cursor, "analyze {settled}", settled=temp("settled"))
    _say(cursor, out)
    _find(cursor, out, fragment)
    _tell_lines(cursor, out, fragment, setbacks)
    _balance(cursor, out, fragment)
    _tell_verdicts(cursor, out, fragment, unread, crs, method)
    return int(ask(cursor, "select count(*) from {settled}", settled=temp("settled")).fetchone()[0])


def _say(cursor: Any, out: str) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    """Give each patch that somebody must speak of what the law says of it, and the notices their ground."""
    said = ", ".join(f"a.{column}" for column in _SAID)
    ask(
        cursor,
        "create temp table {said} on commit drop as select p.site_no, s.site_id, p.line, l.place, p.kind, p.feature, "  # noqa: S608 - columns of ours
        "'decides' as role, a.verdict::{verdict} as verdict, p.subzone, p.feature_id as feature_ids, "
        f"{said}, a.effective_from, p.area_m2, p.whole_m2, p.width_m, p.geometry "
        "from {patch} p join {settled} s using (site_no) join {line} l using (line) "
        "join {law} a on a.line = p.line and a.subzone = p.subzone and a.activity = s.activity where p.spoken",
        said=temp("said"),
        verdict=(out, "verdict"),
        patch=temp("patch"),
        settled=temp("settled"),
        line=temp("line"),
        law=temp("law"),
    )
    first = ", ".join(f"(array_agg(a.{column} order by p.feature))[1]" for column in _SAID if column != "rule_id")
    ask(
        cursor,
        "insert into {said} select p.site_no, min(s.site_id), p.line, min(l.place), 'claimed', -1, 'notice', null, '', "  # noqa: S608 - columns of ours
        f"'', a.rule_id, {first}, (array_agg(a.effective_from order by p.feature))[1], sum(p.area_m2), "
        "min(p.whole_m2), null, case when count(*) = 1 then (array_agg(p.geometry))[1] else st_union(p.geometry) end "
        "from {patch} p join {settled} s using (site_no) join {line} l using (line) "
        "join {notice} a on a.line = p.line and a.subzone = p.subzone and a.activity = s.activity "
        "where p.kind = 'claimed' group by p.site_no, p.line, a.rule_id",
        said=temp("said"),
        patch=temp("patch"),
        settled=temp("settled"),
        line=temp("line"),
        notice=temp("notice"),
    )
    ask(
        cursor,
        "insert into {said} select o.site_no, s.site_id, o.line, l.place, 'claimed', -1, 'notice', null, '', '', "
        "o.rule_id, '', '', o.citation, o.status, o.reason, o.reason_zh, null, o.area_m2, o.whole_m2, null, o.geometry "
        "from {overlap} o join {settled} s using (site_no) join {line} l using (line)",
        said=temp("said"),
        overlap=temp("overlap"),
        settled=temp("settled"),
        line=temp("line"),
    )
    ask(
        cursor,
        "create temp table {ranked} on commit drop as select *, row_number() over (partition by site_no order by role, "
        'place, feature_ids collate "C", rule_id collate "C", kind, feature) - 1 as row_no from {said}',
        ranked=temp("ranked"),
        said=temp("said"),
    )
    ask(cursor, "create index on {ranked} (site_no)", ranked=temp("ranked"))
    ask(cursor, "analyze {ranked}", ranked=temp("ranked"))


def _find(cursor: Any, out: str, fragment: int) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    ask(
        cursor,
        "insert into {findings} (fragment, site_no, row_no, site_id, verdict, role, line, subzone, feature_ids, "
        "rule_id, requires, requires_zh, citation, status, effective_from, reason, reason_zh, area_m2, area_mu, "
        "share, width_m, geometry) select %s, site_no, row_no, site_id, verdict, role, line, subzone, feature_ids, "
        "coalesce(rule_id, ''), coalesce(requires, ''), coalesce(requires_zh, ''), coalesce(citation, ''), "
        "coalesce(status, ''), effective_from, coalesce(reason, ''), coalesce(reason_zh, ''), area_m2, "
        "area_m2 * 3 / 2000, area_m2 / whole_m2, width_m, geometry from {ranked}",
        (fragment,),
        findings=(out, "findings"),
        ranked=temp("ranked"),
    )


def _tell_lines(cursor: Any, out: str, fragment: int, setbacks: Mapping[str, float]) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    ask(
        cursor,
        "create temp table {setback} (line text, setback_m double precision) on commit drop",
        setback=temp("setback"),
    )
    copy_rows(cursor, temp("setback"), ["line", "setback_m"], iter(list(setbacks.items())))
    # rows of a site stand in the order in which its lines were asked
    ask(
        cursor,
        "insert into {lines} (fragment, site_no, row_no, site_id, line, relation, overlap_m2, overlap_mu, "
        "overlap_sum_m2, share, distance_m, parts, sliver_m2, covered_share, verdict) "
        "select %s, t.site_no, row_number() over (partition by t.site_no order by l.place) - 1, s.site_id, t.line, "
        "case when c.parts > 0 and t.claimed >= (1 - %s) * t.whole then 'inside' when c.parts > 0 then 'crosses' "
        "when r.touches then 'touches' when r.distance_m <= b.setback_m then 'near' else 'apart' end, "
        "t.claimed, t.claimed * 3 / 2000, t.claimed, t.claimed / t.whole, r.distance_m, coalesce(c.parts, 0), 0, 1, "
        "coalesce(f.verdict, 'clear') from {total} t join {settled} s using (site_no) join {line} l using (line) "
        "join {reach} r using (site_no, line) join {setback} b using (line) "
        "left join (select site_no, line, sum(parts) as parts from {patch} where kind = 'claimed' "
        "group by site_no, line) c using (site_no, line) "
        "left join (select site_no, line, max(verdict) as verdict from {ranked} where role = 'decides' "
        "group by site_no, line) f using (site_no, line)",
        (fragment, NOISE_SHARE),
        lines=(out, "lines"),
        total=temp("total"),
        settled=temp("settled"),
        line=temp("line"),
        reach=temp("reach"),
        setback=temp("setback"),
        patch=temp("patch"),
        ranked=temp("ranked"),
    )


def _balance(cursor: Any, out: str, fragment: int) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    ask(
        cursor,
        "insert into {balance} (fragment, site_no, row_no, site_id, line, unit, whole, claimed, unclaimed, uncovered, "
        "error, error_share) select %s, t.site_no, row_number() over (partition by t.site_no order by l.place) - 1, "
        "s.site_id, t.line, 'm2', t.whole, t.claimed, t.unclaimed, 0, t.claimed + t.unclaimed - t.whole, "
        "abs(t.claimed + t.unclaimed - t.whole) / t.whole "
        "from {total} t join {settled} s using (site_no) join {line} l using (line)",
        (fragment,),
        balance=(out, "balance"),
        total=temp("total"),
        settled=temp("settled"),
        line=temp("line"),
    )


def _tell_verdicts(
    cursor: Any,  # noqa: ANN401 - psycopg's cursors are generic
    out: str,
    fragment: int,
    unread: Sequence[str],
    crs: pyproj.CRS,
    method: AreaMethod,
) -> None:
    _round(cursor, crs, method)
    ask(
        cursor,
        "create temp table {worst} on commit drop as select site_no, max(verdict) as verdict from {ranked} "
        "where role = 'decides' group by site_no",
        worst=temp("worst"),
        ranked=temp("ranked"),
    )
    # each text once, in the order in which the findings say it
    for name, column, mark, which in (
        ("rules", "rule_id", ", ", "true"),
        ("why", "reason", "; ", "r.verdict = w.verdict"),
        ("why_zh", "reason_zh", "；", "r.verdict = w.verdict"),
    ):
        ask(
            cursor,
            "create temp table {joined} on commit drop as select site_no, string_agg(told, %s order by first) as told "  # noqa: S608 - columns of ours
            f"from (select r.site_no, r.{column} as told, min(r.row_no) as first from {{ranked}} r "
            f"join {{worst}} w using (site_no) where r.role = 'decides' and {which} and r.{column} <> '' "
            f"group by r.site_no, r.{column}) once group by site_no",
            (mark,),
            joined=temp(name),
            ranked=temp("ranked"),
            worst=temp("worst"),
        )
    for name in ("worst", "rules", "why", "why_zh", "rounded"):
        ask(cursor, "create index on {table} (site_no)", table=temp(name))
        ask(cursor, "analyze {table}", table=temp(name))
    ask(
        cursor,
        "insert into {verdicts} (fragment, site_no, row_no, site_id, name, activity, verdict, rule_ids, status, "
        "reason, reason_zh, not_checked, area_m2, area_ha, area_mu, geometry) "
        "select %s, s.site_no, 0, s.site_id, s.name, nullif(s.activity, ''), coalesce(w.verdict, 'clear'), "
        "coalesce(rules.told, ''), coalesce(st.status, ''), coalesce(why.told, ''), coalesce(why_zh.told, ''), %s, "
        "a.area_m2, round(a.area_m2 / 10000, 4), round(a.area_m2 * 3 / 2000, 2), s.geometry "
        "from {settled} s join {rounded} a using (site_no) left join {worst} w using (site_no) "
        "left join {rules} rules using (site_no) left join {why} why using (site_no) "
        "left join {why_zh} why_zh using (site_no) left join lateral (select r.status from {ranked} r "
        "where r.site_no = s.site_no and r.role = 'decides' and r.verdict = w.verdict "
        "order by array_position(array['memory', 'partial', 'verified', ''], r.status) limit 1) st on true",
        (fragment, ", ".join(unread)),
        verdicts=(out, "verdicts"),
        settled=temp("settled"),
        rounded=temp("rounded"),
        worst=temp("worst"),
        rules=temp("rules"),
        why=temp("why"),
        why_zh=temp("why_zh"),
        ranked=temp("ranked"),
    )


def _round(cursor: Any, crs: pyproj.CRS, method: AreaMethod) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    """Round the area of each site as its method does; the official one rounds while it goes, and so here."""
    ask(
        cursor,
        "create temp table {rounded} (site_no bigint, area_m2 numeric) on commit drop",
        rounded=temp("rounded"),
    )
    top = ask(cursor, "select coalesce(max(site_no) + 1, 0) from {settled}", settled=temp("settled")).fetchone()[0]
    for start in range(0, top, _FETCHED):
        rows = ask(
            cursor,
            "select site_no, st_asbinary(geometry) from {settled} where site_no >= %s and site_no < %s",
            (start, start + _FETCHED),
            settled=temp("settled"),
        ).fetchall()
        geometry = shapely.from_wkb(np.array([wkb for _, wkb in rows], dtype=object))
        areas = polygon_areas(geometry, crs, method=method, rounded=True)
        numbers = zip((number for number, _ in rows), map(repr, areas.tolist()), strict=True)
        copy_rows(cursor, temp("rounded"), ["site_no", "area_m2"], iter(numbers))
