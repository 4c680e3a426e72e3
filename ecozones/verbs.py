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
from ecozones.errors import InputError, SchemaError
from ecozones.options import check_option_names, check_options, option_names, plain
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
        ``since``, ``stored``, ``progress``. With a table, those of :func:`ecozones.postgis.check_sites_there`.

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
        The results of a layer on disk have nowhere to go, the engine cannot work on what was given, or options mean
        nothing: all of them at once, before anything is read.

    Examples
    --------
    >>> from ecozones.testing import chessboard_plan, square
    >>> plan = chessboard_plan(red_line={"a1": "core"})
    >>> check_sites(square("a1", activity="ordinary_build"), plan, on="2026-06-01")
    <SiteReview of 1 sites on 2026-06-01: 1 prohibited>
    """
    asked: dict[str, Any] = _plain(
        {
            "on": on, "rules": rules, "lines": lines, "setback_m": setback_m, "ignore_below_m2": ignore_below_m2,
            "ignore_narrower_m": ignore_narrower_m, "method": method,
        }
    )  # fmt: skip
    place, engine = _plain(place), plain(engine)
    if _is_database(engine):
        return _check_table(sites, plan, engine, {} if out is None else {"out": out}, asked, place)
    if not isinstance(plan, ZoningPlan):
        message = (
            f"check_sites: plan is {_kind(plan)}; read it first with read_plan, make one with ZoningPlan.from_layers, "
            "or give an engine of SQLAlchemy to ask a database"
        )
        raise InputError(message)
    framed = _is_frame("check_sites", "sites", sites, (gpd.GeoDataFrame,))
    takes = {"layers on disk": _SITES_ON_DISK, "frames in memory": ["rows"]}
    check_option_names("check_sites", place, takes, "frames in memory" if framed else "layers on disk")
    folder: dict[str, Any] = {} if framed and out is None else {"folder": _folder("check_sites", out, "sites")}
    told = {"engine": engine} if out is None else {"engine": engine, "out": out}
    check_options("check_sites", {**asked, **place, **told})
    if not framed:
        from ecozones.large import check_sites_in  # noqa: PLC0415 - what a frame does not need is not loaded

        return check_sites_in(sites, plan, **folder, engine=engine, **asked, **place)
    if engine is None and out is None and not place:
        return siting.check_sites(sites, plan, **asked)
    from ecozones.large import check_sites_on  # noqa: PLC0415

    return check_sites_on(sites, plan, engine, **folder, **asked, **place)


# options of check_sites_in that are not those of every check
_SITES_ON_DISK = ("layer", "columns", "rows", "since", "stored", "progress")


def _check_table(
    sites: object,
    plan: object,
    engine: Engine,
    where: Mapping[str, Option],
    asked: Mapping[str, Option],
    place: Mapping[str, Option],
) -> TableReview:
    if not (isinstance(sites, str) and isinstance(plan, str)):
        message = (
            "a database is asked about its own tables: give the name of the table of sites and the schema of the plan, "
            "after postgis.write_table and postgis.write_plan"
        )
        raise InputError(message)
    from ecozones.postgis import check_sites_there  # noqa: PLC0415 - belongs to an extra

    own = [name for name in option_names(check_sites_there) if name not in {*asked, "out", "plan_schema"}]
    check_option_names("check_sites", place, {"tables": own, "layers on disk": _SITES_ON_DISK}, "tables")
    told = {"out in a database" if name == "out" else name: value for name, value in where.items()}
    check_options("check_sites", {**asked, **place, **told})
    return check_sites_there(engine, sites, plan_schema=plan, **where, **asked, **place)


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
        The results of layers on disk have nowhere to go, an engine was given for a plan in memory, or options mean
        nothing.

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
    asked, place, engine = _plain(asked), _plain(place), plain(engine)
    framed = isinstance(plan, ZoningPlan)
    if not framed:
        _check_layers(plan)
    _check_place("find_conflicts", engine, out, place, _CONFLICTS_ON_DISK, "plans in memory" if framed else "")
    where = {} if framed else _where("find_conflicts", engine, out, "conflicts")
    check_options("find_conflicts", {**asked, **place, **where})
    if asked["lines"] is not None and not len(asked["lines"]):
        message = "find_conflicts: lines is empty, so nothing would be compared; leave it out to compare every line"
        raise SchemaError(message)
    if isinstance(plan, ZoningPlan):
        from ecozones import conflicts  # noqa: PLC0415

        return conflicts.find_conflicts(plan, **asked)
    from ecozones.large import find_conflicts_in  # noqa: PLC0415

    return find_conflicts_in(plan, where["out"], engine=engine, **asked, **place)


_CONFLICTS_ON_DISK = ("partition_by", "rows", "progress")


def _check_layers(plan: object) -> None:
    """Refuse what is neither a plan nor layers on disk by line."""
    if not isinstance(plan, Mapping):
        message = (
            f"find_conflicts: plan is {_kind(plan)}; give a plan (read_plan reads one), or the layers of large lines "
            "by line id, such as {'permanent_basic_farmland': 'farmland.gpkg'}"
        )
        raise InputError(message)
    wrong = {line: layer for line, layer in plan.items() if not _is_path(layer)}
    if wrong:
        told = ", ".join(f"{line!r} is {_kind(layer)}" for line, layer in wrong.items())
        message = (
            f"find_conflicts: layers on disk are given by their paths, but {told}; make a plan of frames with "
            "ZoningPlan.from_layers, or write them to files"
        )
        raise InputError(message)


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
        The results of a layer on disk have nowhere to go, an engine was given for a frame, or options mean nothing.

    Notes
    -----
    Edges are straight in the plane they were drawn in: see :func:`ecozones.area.measure_area`.

    Examples
    --------
    >>> from ecozones.testing import chessboard
    >>> measure_area(chessboard(1), unit="ha").round(1).tolist()
    [100.0]
    """
    asked: dict[str, Any] = _plain({"method": method, "unit": unit, "rounded": rounded})
    place, engine = _plain(place), plain(engine)
    framed = _is_frame("measure_area", "frame", frame, (gpd.GeoDataFrame, gpd.GeoSeries))
    _check_place("measure_area", engine, out, place, _AREAS_ON_DISK, "frames in memory" if framed else "")
    where = {} if framed else _where("measure_area", engine, out, "areas")
    check_options("measure_area", {**asked, **place, **where})
    if framed:
        return area.measure_area(frame, **asked)
    from ecozones.large import measure_area_in  # noqa: PLC0415

    return measure_area_in(frame, where["out"], engine=engine, **asked, **place)


_AREAS_ON_DISK = ("layer", "id_column", "by", "partition_by", "rows", "progress")


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
        ``largest``, ``partition_by``, ``progress``.

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
    asked, place, engine = _plain(asked), _plain(place), plain(engine)
    framed = _is_frame("measure_restored", "projects", projects, (gpd.GeoDataFrame,))
    _check_place("measure_restored", engine, out, place, _RESTORED_ON_DISK, "frames in memory" if framed else "")
    where = {} if framed else _where("measure_restored", engine, out, "restored")
    check_options("measure_restored", {**asked, **place, **where})
    if framed:
        from ecozones import restoration  # noqa: PLC0415

        return restoration.measure_restored(projects, **asked)
    from ecozones.large import measure_restored_in  # noqa: PLC0415

    return measure_restored_in(projects, where["out"], engine=engine, **asked, **place)


_RESTORED_ON_DISK = ("layer", "rows", "largest", "partition_by", "progress")


def _is_database(engine: Engine) -> bool:
    return type(engine).__module__.split(".")[0] == "sqlalchemy"


def _no_database(engine: Engine) -> Engine:
    if _is_database(engine):
        message = "a database answers check_sites only; stream its table with prepare(postgis.open_table(...)) first"
        raise InputError(message)
    return engine


def _plain(options: Mapping[str, Option]) -> dict[str, Option]:
    return {name: plain(value) for name, value in options.items()}


def _where(verb: str, engine: Engine, out: str | Path | None, name: str) -> dict[str, Option]:
    """Say where a layer on disk is worked on and answered, as options that can be checked with all others."""
    return {"out": _folder(verb, out, name), "engine": _no_database(engine)}


def _folder(verb: str, out: str | Path | None, name: str) -> str | Path:
    if out is None:
        message = f"{verb}: a layer on disk is answered on disk: say where with out=, such as out='{name}'"
        raise InputError(message)
    return out


def _check_place(
    verb: str, engine: Engine, out: object, place: Mapping[str, Option], on_disk: Sequence[str], memory: str
) -> None:
    """Refuse options that nobody has, and to be told where to work on what lies in memory already."""
    given = [*(["engine"] if engine is not None else []), *(["out"] if out is not None else []), *place]
    takes: dict[str, Sequence[str]] = {"layers on disk": ["engine", "out", *on_disk]}
    check_option_names(verb, given, takes | ({memory: []} if memory else {}), memory or "layers on disk")


def _is_frame(verb: str, name: str, value: object, frames: tuple[type, ...]) -> bool:
    """Tell frames from layers on disk; what is neither is refused."""
    if isinstance(value, frames):
        if isinstance(value, gpd.GeoDataFrame) and value.active_geometry_name is None:
            message = f"{verb}: {name} has no column of shapes; name it with set_geometry, or read the file again"
            raise SchemaError(message)
        return True
    if _is_path(value):
        return False
    from ecozones.streams import Passing  # noqa: PLC0415

    hint = (
        "; it is read once, so prepare() it into a folder first, and give that"
        if isinstance(value, Passing)
        else "; give a GeoDataFrame, the path of a layer, or a stream"
    )
    message = f"{verb}: {name} is {_kind(value)}{hint}"
    raise InputError(message)


def _is_path(value: object) -> bool:
    if isinstance(value, str | Path):
        return True
    from ecozones.streams import Stream  # noqa: PLC0415 - what a frame does not need is not loaded

    return isinstance(value, Stream)


def _kind(value: object) -> str:
    if value is None or isinstance(value, str):
        return "None" if value is None else f"the text {value!r}"
    return f"of type {type(value).__name__}"
