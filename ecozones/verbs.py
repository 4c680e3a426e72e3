"""
The verbs as they are called: on a frame in memory or on a layer of any size, here or on an engine.

Nothing is answered in this file. A frame goes to the verb's own module, a layer on disk to :mod:`ecozones.large`, a
table of a database to :mod:`ecozones.postgis`; all of them ask one kernel, so that the answer is one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, overload

import geopandas as gpd
import pandas as pd

from ecozones import area, siting
from ecozones.area import AreaMethod
from ecozones.errors import InputError
from ecozones.plan import ZoningPlan
from ecozones.review import SiteReview
from ecozones.rulebook import Rulebook
from ecozones.units import AreaUnit

if TYPE_CHECKING:
    from ecozones.large import LargeAreas, LargeConflicts, LargeRestored, LargeReview
    from ecozones.postgis import TableReview
    from ecozones.restoration import Attribution
    from ecozones.streams import Stream

# engines share no type, and what a place asks for besides depends on the place
Engine: TypeAlias = Any
Option: TypeAlias = Any


@overload
def check_sites(
    sites: str | Path | Stream, plan: ZoningPlan, *, engine: Engine = ..., out: str | Path, **place: Option
) -> LargeReview: ...
@overload
def check_sites(
    sites: gpd.GeoDataFrame,
    plan: ZoningPlan,
    *,
    on: dt.date | str | None = ...,
    rules: Rulebook | str | None = ...,
    lines: Iterable[str] | None = ...,
    setback_m: float | Mapping[str, float] | None = ...,
    ignore_below_m2: float = ...,
    ignore_narrower_m: float = ...,
    method: AreaMethod = ...,
    engine: Engine = ...,
    out: str | Path | None = ...,
    **place: Option,
) -> SiteReview: ...
@overload
def check_sites(sites: str, plan: str, *, engine: Engine, out: str = ..., **place: Option) -> TableReview: ...
def check_sites(
    sites: gpd.GeoDataFrame | str | Path | Stream,
    plan: ZoningPlan | str,
    *,
    on: dt.date | str | None = None,
    rules: Rulebook | str | None = None,
    lines: Iterable[str] | None = None,
    setback_m: float | Mapping[str, float] | None = None,
    ignore_below_m2: float = 1.0,
    ignore_narrower_m: float = 0.1,
    method: AreaMethod = "national",
    engine: Engine = None,
    out: str | Path | None = None,
    **place: Option,
) -> SiteReview | LargeReview | TableReview:
    """
    Check proposed sites against the control lines of a plan.

    Parameters
    ----------
    sites
        Polygons, lines or points with a column ``site_id``; ``activity`` says what is to be done there, ``width_m``
        turns a line into a corridor [m]. A frame; or the path of a layer of any size, which is read in stretches; or,
        with an engine of SQLAlchemy, the name of a table in PostGIS.
    plan
        The plan; its lines stay where they are, the sites are brought to each line's CRS. With a table, the schema
        that the plan was written to.
    on
        The day whose rules apply; left out: today.
    rules
        A rulebook, or the name of a built-in one; left out: ``"CN"``.
    lines
        Lines to check; left out: every line the plan has, and every line the rules require.
    setback_m
        Distance within which a site counts as near a line, one number or by line; left out: as the line declares. [m]
    ignore_below_m2
        Smaller pieces of ground are slivers: listed, never deciding alone, unless slivers together make up more than a
        tenth of the site. [m²]
    ignore_narrower_m
        Pieces of a smaller mean width are slivers too. [m]
    method
        How area is measured.
    engine
        Where the work is done, never what comes of it: nothing or ``"processes"`` (this machine), a number of
        processes, a :class:`concurrent.futures.Executor`, a Dask client, a Spark session, or an engine of SQLAlchemy.
    out
        Folder for the results of a layer on disk; with a table, the schema for the review. With a frame, a folder that
        workers on other machines see.
    **place
        With a layer on disk, options of :func:`ecozones.large.check_sites_in`: ``layer``, ``columns``, ``rows``,
        ``since``, ``progress``. With a table, those of :func:`ecozones.postgis.check_sites_there`.

    Returns
    -------
    SiteReview, LargeReview or TableReview
        A verdict for every site, a row for every site and line, a finding for every patch, and the balance: of a frame
        in memory, of a layer on disk, of a table in the database.

    Raises
    ------
    SchemaError
        The sites lack an id or name an activity that the rules do not know; every problem at once.
    GeometryError
        A site is empty.
    CRSError
        The sites cannot be placed on the ground.
    InputError
        The results of a layer on disk have nowhere to go, or the engine cannot work on what was given.

    Examples
    --------
    >>> from ecozones.testing import chessboard_plan, square
    >>> plan = chessboard_plan(red_line={"a1": "core"})
    >>> check_sites(square("a1", activity="ordinary_build"), plan, on="2026-06-01")
    <SiteReview of 1 sites on 2026-06-01: 1 prohibited>
    """
    asked: dict[str, Any] = {
        "on": on, "rules": rules, "lines": lines, "setback_m": setback_m, "ignore_below_m2": ignore_below_m2,
        "ignore_narrower_m": ignore_narrower_m, "method": method,
    }  # fmt: skip
    if _is_database(engine):
        return _check_table(sites, plan, engine, {} if out is None else {"out": out}, asked | place)
    if isinstance(plan, str):
        message = f"plan is the text {plan!r}; read it first with read_plan, or give an engine of SQLAlchemy"
        raise InputError(message)
    if not isinstance(sites, gpd.GeoDataFrame):
        from ecozones.large import check_sites_in  # noqa: PLC0415 - what a frame does not need is not loaded

        return check_sites_in(sites, plan, _folder(out, "sites"), engine=engine, **asked, **place)
    if engine is None and out is None and not place:
        return siting.check_sites(sites, plan, **asked)
    _refuse_place(None, None, {name: given for name, given in place.items() if name != "rows"}, "a frame")
    from ecozones.large import check_sites_on  # noqa: PLC0415

    return check_sites_on(sites, plan, engine, folder=out, **asked, **place)


def _check_table(
    sites: object, plan: object, engine: Engine, where: Mapping[str, Option], asked: Mapping[str, Option]
) -> TableReview:
    if not (isinstance(sites, str) and isinstance(plan, str)):
        message = (
            "a database is asked about its own tables: give the name of the table of sites and the schema of the plan, "
            "after postgis.write_table and postgis.write_plan"
        )
        raise InputError(message)
    from ecozones.postgis import check_sites_there  # noqa: PLC0415 - belongs to an extra

    return check_sites_there(engine, sites, plan_schema=plan, **where, **asked)


@overload
def find_conflicts(
    plan: Mapping[str, str | Path | Stream], *, engine: Engine = ..., out: str | Path, **place: Option
) -> LargeConflicts: ...
@overload
def find_conflicts(
    plan: ZoningPlan,
    *,
    lines: Iterable[str] | None = ...,
    districts: gpd.GeoDataFrame | None = ...,
    rules: Rulebook | str | None = ...,
    ignore_below_m2: float = ...,
    ignore_narrower_m: float = ...,
    method: AreaMethod = ...,
) -> gpd.GeoDataFrame: ...
def find_conflicts(
    plan: ZoningPlan | Mapping[str, str | Path | Stream],
    *,
    lines: Iterable[str] | None = None,
    districts: gpd.GeoDataFrame | None = None,
    rules: Rulebook | str | None = None,
    ignore_below_m2: float = 1.0,
    ignore_narrower_m: float = 0.1,
    method: AreaMethod = "national",
    engine: Engine = None,
    out: str | Path | None = None,
    **place: Option,
) -> gpd.GeoDataFrame | LargeConflicts:
    """
    Find the ground that features of two different lines both claim.

    Parameters
    ----------
    plan
        The plan; its lines stay where they are, whatever CRS each is in. Or, for lines of any size, their layers on
        disk by line id, all in one CRS.
    lines
        Lines to hold against each other; left out: all of the plan.
    districts
        Polygons with a column ``district`` to split conflicts by; they may not share ground.
    rules
        A rulebook, or the name of one, that says what an overlap of two lines means; left out: ``"CN"``.
    ignore_below_m2
        Smaller stretches of ground are artefacts: listed, and marked. [m²]
    ignore_narrower_m
        Stretches of a smaller mean width, twice the area over the perimeter, are artefacts too. [m]
    method
        How area is measured.
    engine
        Where layers on disk are worked on, as for :func:`check_sites`; a database is none.
    out
        Folder for the results of layers on disk.
    **place
        With layers on disk, options of :func:`ecozones.large.find_conflicts_in`: ``rows``, ``partition_by``,
        ``progress``.

    Returns
    -------
    GeoDataFrame or LargeConflicts
        One row for each two features that share ground, artefacts apart: ``line_a, line_b, feature_a, feature_b,
        subzone_a, subzone_b``; ``relation`` (inside: a lies in b; contains, equal, crosses); ``severity`` (error,
        warning; undetermined where no rule speaks) with ``rule_id, citation, status, note, note_zh``; ``artefact`` and
        why; ``area_m2, area_ha, area_mu`` and, where farmland states its deduction (KCXS), ``net_m2``; ``share_a,
        share_b`` of the whole feature; ``parts``; ``width_m`` of the widest part; ``geometry`` in the CRS of the plan.
        With districts, a row for each of them and a column ``district``, empty for ground in none. Of layers on disk,
        the same table on disk.

    Raises
    ------
    SchemaError
        A line is none of the plan, or the districts have no names of their own.
    GeometryError
        Districts share ground, so that no total by district can be right.
    InputError
        The results of layers on disk have nowhere to go, or an engine was given for a plan in memory.

    Examples
    --------
    >>> from ecozones.testing import chessboard_plan
    >>> plan = chessboard_plan(red_line={"a1": "core"}, farmland=["a1", "b1"])
    >>> find_conflicts(plan)[["line_a", "relation", "line_b", "severity", "area_ha"]].round(2).values.tolist()
    [['ecological_red_line', 'equal', 'permanent_basic_farmland', 'error', 100.0]]
    """
    asked: dict[str, Any] = {
        "lines": lines, "districts": districts, "rules": rules, "ignore_below_m2": ignore_below_m2,
        "ignore_narrower_m": ignore_narrower_m, "method": method,
    }  # fmt: skip
    if isinstance(plan, ZoningPlan):
        from ecozones import conflicts  # noqa: PLC0415

        _refuse_place(engine, out, place, "a plan")
        return conflicts.find_conflicts(plan, **asked)
    from ecozones.large import find_conflicts_in  # noqa: PLC0415

    return find_conflicts_in(plan, _folder(out, "conflicts"), engine=_no_database(engine), **asked, **place)


@overload
def measure_area(
    frame: str | Path | Stream, *, engine: Engine = ..., out: str | Path, **place: Option
) -> LargeAreas: ...
@overload
def measure_area(
    frame: gpd.GeoDataFrame | gpd.GeoSeries, *, method: AreaMethod = ..., unit: AreaUnit = ..., rounded: bool = ...
) -> pd.Series: ...
def measure_area(
    frame: gpd.GeoDataFrame | gpd.GeoSeries | str | Path | Stream,
    *,
    method: AreaMethod = "national",
    unit: AreaUnit = "m2",
    rounded: bool = True,
    engine: Engine = None,
    out: str | Path | None = None,
    **place: Option,
) -> pd.Series | LargeAreas:
    """
    Measure the ground area of each polygon on the ellipsoid of its own CRS.

    Parameters
    ----------
    frame
        Polygons with a CRS; an empty polygon measures 0. Or the path of a layer of any size.
    method
        ``"national"``: the ellipsoidal patch area of the national land survey (图斑椭球面积), the figure that planners
        are judged on. ``"geodesic"``: GeographicLib, an independent check. ``"equal_area"``: the same ground in closed
        form. ``"planar"``: the area in the plane of the projection, which is not the area on the ground.
    unit
        One of ``"m2"``, ``"ha"``, ``"km2"``, ``"mu"`` (亩).
    rounded
        Follow the survey to the last digit: plane coordinates rounded to 0.0001 m, arc seconds to 6 decimals, areas to
        0.01 m², halves up. Other methods round the area only. Hectares and mu are exact multiples of that figure.
        Without rounding the pieces of a polygon sum to the whole.
    engine
        Where a layer on disk is worked on, as for :func:`check_sites`; a database is none.
    out
        Folder for the results of a layer on disk.
    **place
        With a layer on disk, options of :func:`ecozones.large.measure_area_in`: ``layer``, ``id_column``, ``by``,
        ``partition_by``, ``rows``, ``progress``.

    Returns
    -------
    Series or LargeAreas
        Named ``area_<unit>``, on the index of `frame`; of a layer on disk, a table on disk and its sums. [unit]

    Raises
    ------
    MissingCRSError
        `frame` does not say what its coordinates mean.
    GeometryError
        Rows hold no polygon, or one that cannot be measured; all of them are named.
    CRSError
        Planar area was asked for in degrees.
    InputError
        The results of a layer on disk have nowhere to go, or an engine was given for a frame.

    Notes
    -----
    Edges are straight in the plane they were drawn in: see :func:`ecozones.area.measure_area`.

    Examples
    --------
    >>> from ecozones.testing import chessboard
    >>> measure_area(chessboard(1), unit="ha").round(1).tolist()
    [100.0]
    """
    asked: dict[str, Any] = {"method": method, "unit": unit, "rounded": rounded}
    if isinstance(frame, gpd.GeoDataFrame | gpd.GeoSeries):
        _refuse_place(engine, out, place, "a frame")
        return area.measure_area(frame, **asked)
    from ecozones.large import measure_area_in  # noqa: PLC0415

    return measure_area_in(frame, _folder(out, "areas"), engine=_no_database(engine), **asked, **place)


@overload
def measure_restored(
    projects: str | Path | Stream, *, engine: Engine = ..., out: str | Path, **place: Option
) -> LargeRestored: ...
@overload
def measure_restored(
    projects: gpd.GeoDataFrame,
    *,
    by: str | Sequence[str] | None = ...,
    attribution: Attribution = ...,
    priority: Sequence[str] = ...,
    districts: gpd.GeoDataFrame | None = ...,
    plan: ZoningPlan | None = ...,
    rules: Rulebook | str | None = ...,
    on: dt.date | str | None = ...,
    method: AreaMethod = ...,
) -> gpd.GeoDataFrame: ...
def measure_restored(
    projects: gpd.GeoDataFrame | str | Path | Stream,
    *,
    by: str | Sequence[str] | None = None,
    attribution: Attribution = "report_only",
    priority: Sequence[str] = (),
    districts: gpd.GeoDataFrame | None = None,
    plan: ZoningPlan | None = None,
    rules: Rulebook | str | None = None,
    on: dt.date | str | None = None,
    method: AreaMethod = "national",
    engine: Engine = None,
    out: str | Path | None = None,
    **place: Option,
) -> gpd.GeoDataFrame | LargeRestored:
    """
    Measure activity and footprint of restoration projects: the sum of records, and the ground under them counted once.

    Parameters
    ----------
    projects
        Polygons with a column ``project_id``; ``programme``, ``type``, ``year``, ``stage``, ``patch_id`` and
        ``stated_area_m2`` [m²] are used where they stand. Or the path of a register of any size.
    by, attribution, priority, districts, plan, rules, on, method
        As for :func:`ecozones.restoration.measure_restored`, which tells what each does.
    engine
        Where a register on disk is worked on, as for :func:`check_sites`; a database is none.
    out
        Folder for the results of a register on disk.
    **place
        With a register on disk, options of :func:`ecozones.large.measure_restored_in`: ``layer``, ``rows``,
        ``partition_by``, ``progress``.

    Returns
    -------
    GeoDataFrame or LargeRestored
        One row per record, or per group: activity, footprint, ground that repeats, and what the options ask for; the
        same table on disk for a register on disk. [ha, mu]

    Raises
    ------
    SchemaError
        A column that is asked for is missing, or a project has no id.
    InputError
        Districts overlap under a project, an option has no meaning here, or results have nowhere to go.
    CRSError
        The projects cannot be placed on the ground.
    GeometryError
        A project has no polygon.

    Examples
    --------
    >>> from ecozones.testing import chessboard
    >>> projects = chessboard(2).iloc[[0, 0, 1]].assign(project_id=["P1", "P2", "P3"])
    >>> measure_restored(projects, by="total")[["activity_ha", "footprint_ha"]].round(1).values.tolist()
    [[300.0, 200.0]]
    """
    asked: dict[str, Any] = {
        "by": by, "attribution": attribution, "priority": priority, "districts": districts, "plan": plan,
        "rules": rules, "on": on, "method": method,
    }  # fmt: skip
    if isinstance(projects, gpd.GeoDataFrame):
        from ecozones import restoration  # noqa: PLC0415

        _refuse_place(engine, out, place, "a frame")
        return restoration.measure_restored(projects, **asked)
    from ecozones.large import measure_restored_in  # noqa: PLC0415

    return measure_restored_in(projects, _folder(out, "restored"), engine=_no_database(engine), **asked, **place)


def _is_database(engine: Engine) -> bool:
    return type(engine).__module__.split(".")[0] == "sqlalchemy"


def _no_database(engine: Engine) -> Engine:
    if _is_database(engine):
        message = "a database answers check_sites only; stream its table with prepare(postgis.open_table(...)) first"
        raise InputError(message)
    return engine


def _folder(out: str | Path | None, name: str) -> str | Path:
    if out is None:
        message = f"a layer on disk is answered on disk: say where with out=, such as out='{name}'"
        raise InputError(message)
    return out


def _refuse_place(engine: Engine, out: object, place: Mapping[str, Option], what: str) -> None:
    """Refuse to be told where to work on what lies in memory already."""
    given = [*(["engine"] if engine is not None else []), *(["out"] if out is not None else []), *place]
    if given:
        message = (
            f"{', '.join(given)} is for layers on disk, and {what} in memory was given; "
            "leave it out, or give the path of a layer"
        )
        raise InputError(message)
