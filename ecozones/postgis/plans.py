"""A plan as a schema: a table for every line, its pieces, the extent and the spaces."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from sqlalchemy import Engine

from ecozones import overlay
from ecozones.errors import SchemaError, name_rows
from ecozones.plan import DeclaresLines, ZoningPlan
from ecozones.postgis.server import SCHEMA, ask, exists, make_schema, open_cursor
from ecozones.postgis.tables import comment_on, create_table, fetch_table
from ecozones.vocab import control_lines

PLAN, EXTENT, ZONES, PIECES, COVERAGE = "plan", "extent", "zones", "_pieces", "_coverage"
# counts the rows of a layer from 0: a table of a database has no order of its own
FEATURE = "feature_no"


def write_plan(plan: ZoningPlan, engine: Engine, *, schema: str = SCHEMA, replace: bool = False) -> None:
    """
    Write a plan: a table for every line, one for its pieces, and its extent and spaces.

    All or nothing: the schema holds the whole plan, or what it held before.

    Parameters
    ----------
    plan
        The plan.
    engine, replace
        As for :func:`ecozones.postgis.write_table`.
    schema
        A schema of its own for each plan.

    Raises
    ------
    SchemaError
        A name or value cannot be stored, or the schema holds such tables already.
    CRSError
        A layer's CRS has no EPSG code.
    """
    with open_cursor(engine) as cursor:
        make_schema(cursor, schema)
        if exists(cursor, schema, PLAN) and not replace:
            message = f"schema {schema!r} holds a plan already; pass replace=True to write over it"
            raise SchemaError(message)
        if exists(cursor, schema, PLAN):
            _drop_plan(cursor, schema)
        written = _write_layers(cursor, plan, schema)
        told = {
            "name": plan.name,
            "lines": list(plan.lines),
            "coverage": list(plan.coverage),
            "notes": list(plan.notes),
            "tables": written,
            "cut": {line: _digest_cut(plan.pieces(line)) for line in plan.lines},
        }
        ask(cursor, "create table {plan} (described jsonb not null)", plan=(schema, PLAN))
        ask(cursor, "insert into {plan} values (%s)", (json.dumps(told, ensure_ascii=False),), plan=(schema, PLAN))
        comment_on(cursor, (schema, PLAN), "规划说明 what the plan is: name, lines, notes", {})
    with open_cursor(engine) as cursor:
        for name in written:
            ask(cursor, "analyze {table}", table=(schema, name))


def describe_plan(cursor: Any, schema: str) -> dict[str, Any]:  # noqa: ANN401 - psycopg's cursors are generic
    """
    Read what a schema says of its plan.

    Parameters
    ----------
    cursor
        Of :func:`ecozones.postgis.server.open_cursor`.
    schema
        Which.

    Returns
    -------
    dict
        ``name, lines, coverage, notes, tables``.

    Raises
    ------
    SchemaError
        The schema holds no plan.
    """
    if not exists(cursor, schema, PLAN):
        message = f"schema {schema!r} holds no plan; write one with write_plan"
        raise SchemaError(message)
    row = ask(cursor, "select described from {plan}", plan=(schema, PLAN)).fetchone()
    if row is None:
        message = f"table {PLAN!r} in schema {schema!r} is empty; write the plan again with write_plan(replace=True)"
        raise SchemaError(message)
    return dict(row[0])


def read_plan_tables(engine: Engine, *, schema: str = SCHEMA, rules: DeclaresLines | None = None) -> ZoningPlan:
    """
    Read a plan that :func:`write_plan` wrote, cut as it was written.

    Parameters
    ----------
    engine, schema
        As for :func:`write_plan`.
    rules
        The rulebook that declares the lines, where the plan has lines of its own.

    Returns
    -------
    ZoningPlan
        The plan, its lines in their own CRS, with the pieces that were written beside them; a line that was edited in
        the database since is cut anew.

    Raises
    ------
    SchemaError
        The schema holds no plan, or one with lines that neither the vocabulary nor `rules` declares.
    """
    with open_cursor(engine, snapshot=True, read_only=True) as cursor:
        return fetch_plan(cursor, schema, rules)[0]


def fetch_plan(cursor: Any, schema: str, rules: DeclaresLines | None) -> tuple[ZoningPlan, list[str]]:  # noqa: ANN401 - psycopg's cursors are generic
    """
    Do what :func:`read_plan_tables` does, in a transaction that is open already.

    Parameters
    ----------
    cursor
        Of :func:`ecozones.postgis.server.open_cursor`.
    schema, rules
        As for :func:`read_plan_tables`.

    Returns
    -------
    tuple
        The plan; and the lines whose pieces in the database are not cut from what the line is now.

    Raises
    ------
    SchemaError
        As for :func:`read_plan_tables`.
    """
    described = describe_plan(cursor, schema)
    known = {*control_lines(), *(() if rules is None else (line.id for line in rules.lines))}
    foreign = [line for line in described["lines"] if line not in known]
    if foreign:
        message = f"lines {name_rows(foreign)} are of a rulebook of its own; pass it as rules="
        raise SchemaError(message)

    def fetch(name: str) -> gpd.GeoDataFrame | None:
        there = name in described["tables"]
        return fetch_table(cursor, name, schema).drop(columns=FEATURE) if there else None

    plan = ZoningPlan.from_layers(
        {line: fetch(line) for line in described["lines"]},
        name=described["name"],
        zones=fetch(ZONES),
        extent=fetch(EXTENT),
        coverage={line: fetch(line + COVERAGE) for line in described["coverage"]},
        rules=rules,
        notes=described["notes"],
    )
    cut = {line: _fetch_pieces(cursor, schema, line, plan) for line in plan.lines}
    stale = [line for line, pieces in cut.items() if described.get("cut", {}).get(line) != _digest_cut(pieces)]
    kept = {line: pieces for line, pieces in cut.items() if line not in stale}
    # what was found when the plan was first built is said already
    return dataclasses.replace(plan, notes=tuple(described["notes"]), _pieces=kept), stale


def _write_layers(cursor: Any, plan: ZoningPlan, schema: str) -> list[str]:  # noqa: ANN401 - psycopg's cursors are generic
    """Write every table of shapes, and give their names."""
    written = []

    def write(frame: gpd.GeoDataFrame, name: str, key: str, comment: str, comments: dict[str, str]) -> None:
        create_table(cursor, frame, name, schema, key=key, comments=comments, comment=comment)
        written.append(name)

    def numbered(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        if FEATURE in frame.columns:
            message = f"a layer has a column {FEATURE!r}, which the database needs to number its rows; rename it"
            raise SchemaError(message)
        return frame.assign(**{FEATURE: np.arange(len(frame))})

    number = {FEATURE: "行号 row of the layer, from 0"}
    for line, frame in plan.lines.items():
        word = plan.control_lines[line]
        said = {
            "feature_id": "图斑编号 id of the feature",
            "subzone": f"{word.zh}分区 sub-zone of the {word.en}",
            **number,
        }
        write(numbered(frame), line, FEATURE, f"{word.zh} {word.en}", said)
        pieces = plan.pieces(line)
        cut = gpd.GeoDataFrame(
            {"piece": np.arange(len(pieces.geometry)), "feature": pieces.feature},
            geometry=pieces.geometry,
            crs=frame.crs,
        )
        told = f"{word.zh} {word.en}: 切块，便于快速查询 cut into pieces that are quick to ask"
        what = {"piece": "切块编号 number of the piece, from 0", "feature": "所属图斑行号 row of the line, from 0"}
        write(cut, line + PIECES, "piece", told, what)
    for name, part, told in ((EXTENT, plan.extent, "规划范围 extent"), (ZONES, plan.zones, "三区 spaces")):
        if part is not None:
            write(numbered(part), name, FEATURE, told, number)
    for line, part in plan.coverage.items():
        told = f"{plan.control_lines[line].zh}图层覆盖范围 ground for which the layer was drawn"
        write(numbered(part), line + COVERAGE, FEATURE, told, number)
    return written


def _digest_cut(pieces: overlay.Pieces) -> str:
    """Digest polygons and their pieces, so that one that was edited without the other is told."""
    found = hashlib.sha256(np.asarray(pieces.feature, dtype="<i8").tobytes())
    for shapes in (pieces.whole, pieces.geometry):
        found.update(b"".join(shapely.to_wkb(shapes)))
    return found.hexdigest()


def _drop_plan(cursor: Any, schema: str) -> None:  # noqa: ANN401 - psycopg's cursors are generic
    """Take away the tables of the plan that was there, and no others."""
    for name in describe_plan(cursor, schema)["tables"]:
        ask(cursor, "drop table if exists {table}", table=(schema, name))
    ask(cursor, "drop table {table}", table=(schema, PLAN))


def _fetch_pieces(cursor: Any, schema: str, line: str, plan: ZoningPlan) -> overlay.Pieces:  # noqa: ANN401 - psycopg's cursors are generic
    """Take the pieces that were written: cutting a large line takes longer than reading its pieces."""
    cut = fetch_table(cursor, line + PIECES, schema)
    geometry = cut.geometry.to_numpy()
    pieces = overlay.Pieces(
        plan.lines[line].geometry.to_numpy(),
        geometry,
        cut["feature"].to_numpy(dtype=np.intp),
        shapely.STRtree(geometry),
    )
    shapely.prepare(geometry[~pieces.few])
    return pieces
