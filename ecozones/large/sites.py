"""
Checks of any size: sites in files, in fragments, on any engine, and tables on disk.

What holds for one site holds for it in any company, so that sites can be checked in stretches, in any order and on any
number of machines, and the parts put side by side are the table that one process would have made, to the last bit.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import hashlib
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyproj
import shapely
from numpy.typing import NDArray

from ecozones.capsule import digest
from ecozones.crs import same_datum
from ecozones.engines.fragments import Fragment, Outcome, split
from ecozones.errors import (
    CRSError,
    EcozonesWarning,
    GeometryError,
    InputError,
    RepairWarning,
    SchemaError,
    name_rows,
)
from ecozones.large.asked import ROWS, Asked, check_asked, cut_lines, day_and_book, hold_paths, together, ways
from ecozones.large.near import (
    RESIDENT,
    TABLES,
    StoredLine,
    answer_near,
    in_order,
    open_line,
    see_from_afar,
    store_line,
)
from ecozones.large.prepared import ROW, left_out, mended_before, numbered, prepared_root
from ecozones.large.preparing import off_the_map
from ecozones.large.run import LargeRun, carry_out, computing, fingerprint, held, read_case, write_case
from ecozones.large.since import (
    Earlier,
    count_gone,
    describe_features,
    digest_rows,
    find_earlier,
    forget_features,
    keep_features,
)
from ecozones.options import plain
from ecozones.overlay import Flags
from ecozones.placing import in_metres
from ecozones.plan import ZoningPlan
from ecozones.review import SiteReview
from ecozones.rulebook import Rulebook
from ecozones.siting import answer_sites, prepare_sites
from ecozones.streams import LOST, Stream, Told, open_stream
from ecozones.telling import warn_caller
from ecozones.vocab import verdict_dtype

_STORED = "_lines"
_WRITTEN = (*TABLES, "repaired", "inputs")
_COUNTED = ("kept", "rechecked", "new")
_REPAIRED = ("row", "site_id", "reason", "before_m2", "after_m2", "change_m2")
# what is told of a row that had to be mended before it could be checked
_MENDED = ("row", "reason", "before_m2", "after_m2", "change_m2")
_ROLES = ("site_id", "name", "activity", "width_m")
# stretches that spread over more times the ground than this read the lines that often
_SCATTERED = 3.0
# columns that a part without a single value must still know the kind of
_NUMBERS = {"area_m2", "area_mu", "length_m", "share", "width_m", "before_m2", "after_m2", "change_m2"}
_DAY = pd.ArrowDtype(pa.date32())


@dataclasses.dataclass(frozen=True)
class LargeReview(LargeRun):
    """
    The answer of :func:`check_sites_in`: the tables of a review on disk, and the account of every site.

    Its tables are ``verdicts``, ``lines``, ``findings`` and ``balance``, as those of a :class:`SiteReview`, and
    ``repaired`` (sites not valid as drawn) and ``refused`` (those that could not be checked), with the reason.

    Parameters
    ----------
    kept, rechecked, new, gone
        Sites whose answer of the earlier run still held, those that were checked again, those that it did not know, and
        those that it knew and that are no more; nothing where there was no earlier run.
    """

    kept: int = 0
    rechecked: int = 0
    new: int = 0
    gone: int = 0


def _ways_of(source: Stream, plan: ZoningPlan) -> dict[str, str]:
    """Say it of sites in a file, whose boxes are read where there can be more than one way."""
    if source.crs is None or not source.rows or all(same_datum(source.crs, one.crs) for one in plan.lines.values()):
        return {}
    boxes = np.concatenate([source.boxes(start, stop) for start, stop in split(source.rows, ROWS)])
    return ways([*np.nanmin(boxes[:, :2], axis=0), *np.nanmax(boxes[:, 2:], axis=0)], source.crs, plan)


def _ask_about_nobody(plan: ZoningPlan, day: dt.date, book: Rulebook, options: Mapping[str, Any]) -> None:
    """Let the kernel refuse lines and setbacks that the plan does not know, before a layer is read for them."""
    nobody = gpd.GeoDataFrame({"site_id": [], "activity": []}, geometry=[], crs=plan.crs)
    answer_sites(prepare_sites(nobody, plan, book), plan, day, book, **options)


def _from_afar(
    plan: ZoningPlan, stored: Mapping[str, str | Path], out: Path
) -> tuple[dict[str, StoredLine], ZoningPlan]:
    """Put lines of many features on disk, where they are not there already."""
    places = {line: Path(folder).resolve() for line, folder in stored.items()}
    for line, frame in plan.lines.items():
        if line not in stored and len(frame) > RESIDENT:
            places[line] = out / _STORED / line
            store_line(frame, places[line])
    if not places:
        return {}, plan
    lines = {line: open_line(place, line) for line, place in places.items()}
    return lines, see_from_afar(plan, lines)


def _warn_of_scatter(source: Stream, rows: int, lines: Iterable[str]) -> None:
    """Say that lines on disk are read many times over, if they are."""
    named = ", ".join(lines)
    scattered = _scattered(source, rows) if named else 0.0
    if scattered > _SCATTERED:
        message = (
            f"{source.label} lies in no order of place: its stretches of {rows} sites spread over {scattered:.0f} "
            f"times the ground, and each reads {named} there anew; prepare() the sites, and check what it has written"
        )
        warn_caller(message, EcozonesWarning)


def _scattered(source: Stream, rows: int) -> float:
    """Tell over how many times the ground of all sites their stretches spread; in order of place: once or twice."""
    spread = np.array([_spread(source.boxes(start, stop), source) for start, stop in split(source.rows, rows)])
    # one stretch reads everything once, in any order; so do sites that lie nowhere
    if len(spread) < 2 or not np.isfinite(spread).any():  # noqa: PLR2004
        return 0.0
    low, high = np.nanmin(spread[:, :2], axis=0), np.nanmax(spread[:, 2:], axis=0)
    sides = np.maximum(spread[:, 2:] - spread[:, :2], 0.0)
    return float(np.nansum(np.prod(sides, axis=1)) / max(np.prod(high - low), np.finfo(float).tiny))


def _spread(boxes: NDArray[np.float64], source: Stream) -> list[float]:
    """Give the box around those that lie where their CRS says: one that does not would dwarf all others."""
    whole = boxes[np.isfinite(boxes).all(axis=1)]
    places = gpd.GeoSeries(shapely.box(*whole.T), crs=source.crs)
    # a layer that cannot be placed at all is for the check to refuse
    with contextlib.suppress(CRSError):
        whole = np.delete(whole, list(off_the_map(places, source.label)), axis=0)
    return [*whole[:, :2].min(axis=0), *whole[:, 2:].max(axis=0)] if len(whole) else [np.nan] * 4


def _plane_of(case: _Case, line: str) -> pyproj.CRS | None:
    """Give the plane in which distances to a line are measured, where it is not the one of the line."""
    frame = case.plan.lines[line]
    if line in case.stored:
        return None if case.stored[line].metres else case.plan.metric_crs
    return None if not len(frame) or in_metres(frame) else case.plan.metric_crs


def _features(case: _Case) -> dict[str, pd.DataFrame]:
    """Describe the features of every line, in the order of the layer."""
    described = {}
    for line, frame in case.plan.lines.items():
        plane = _plane_of(case, line)
        if line not in case.stored:
            described[line] = describe_features(frame, plane)
            continue
        stream = case.stored[line].stream
        parts = [
            describe_features(part, plane).assign(row=part["source_row"].to_numpy()) for part in stream.batches(ROWS)
        ]
        whole = pd.concat(parts, ignore_index=True) if parts else describe_features(frame, plane).assign(row=0)
        described[line] = whole.sort_values("row", ignore_index=True).drop(columns="row")
    return described


def check_sites_in(
    sites: str | Path | Stream,
    plan: ZoningPlan,
    folder: str | Path,
    *,
    layer: str | None = None,
    columns: Mapping[str, str] | None = None,
    on: dt.date | str | None = None,
    rules: Rulebook | str | None = None,
    engine: Any = None,  # noqa: ANN401 - engines share no type
    rows: int = ROWS,
    since: str | Path | None = None,
    stored: Mapping[str, str | Path] | None = None,
    progress: bool = False,
    **options: Any,  # noqa: ANN401 - those of check_sites
) -> LargeReview:
    """
    Check the sites of a file of any size against the control lines of a plan.

    Memory is bounded by the plan and one fragment, not by the file. A run that was interrupted, however, goes on where
    it stood when it is called again with the same arguments; one with other arguments starts anew.

    Parameters
    ----------
    sites
        GeoParquet (a file, or a folder of parts), any format with a driver in GDAL (GeoPackage, file geodatabase,
        FlatGeobuf, Shapefile), or a stream that is open already.
    plan
        The plan. A line of many features is written down in order of place and read around the sites that are asked;
        the others are cut once, here, and handed to every worker with their pieces.
    folder
        Where the tables go. Workers on other machines must see it, and the file of sites, under the same path.
    layer
        Which layer of the file, where it holds several.
    columns
        Which column of the file plays which role: ``{"site_id": "项目编号"}``.
    on, rules
        As for :func:`ecozones.check_sites`; left out, `on` is today, which a run resumed tomorrow would not share.
    engine
        Nothing, a number of processes, an executor, a Dask client or a Spark session: see :func:`ecozones.engines.run`.
    rows
        Sites in a fragment; no number depends on it.
    since
        The folder of an earlier run, of other versions of the sites or of the lines: what did not change since is not
        checked again. The tables are those of a run without it, byte for byte; how many sites were kept is told.
    stored
        Lines too large for memory, by line id: the folders that :func:`ecozones.large.prepare` made of them. They take
        the place of what the plan has.
    progress
        Show how far it is, how quick, and how long it will take, on the standard error stream.
    **options
        Any other option of :func:`ecozones.check_sites`.

    Returns
    -------
    LargeReview
        The tables of a review, as folders of GeoParquet, and the account. Of sites that were prepared, rows are
        numbered as in the source they were prepared from, and what was refused or repaired there is told here too.

    Raises
    ------
    SchemaError
        The file has no column of site ids.
    GeometryError
        Features of a line in `stored` were refused when it was prepared, so that no site can be called clear of them.
    EngineError
        A row is not accounted for, no site at all could be checked, or another run is at work in the folder.
    InputError
        The file cannot be read, or an option is none of a check.

    Warns
    -----
    RepairWarning
        Polygons were not valid and are repaired; the table ``repaired`` lists them.
    EcozonesWarning
        Lines are on disk and the sites lie in no order of place, so that the lines are read many times over.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from ecozones.testing import chessboard_plan, square
    >>> with TemporaryDirectory() as place:
    ...     square("a1").to_parquet(f"{place}/sites.parquet")
    ...     review = check_sites_in(f"{place}/sites.parquet", chessboard_plan(red_line={"a1": "core"}), f"{place}/out")
    ...     review.table("verdicts")["verdict"].tolist()
    ['prohibited']
    """
    rows, engine = plain(rows), plain(engine)
    options = {name: plain(value) for name, value in options.items()}
    named = {
        "folder": folder, "layer": layer, "columns": columns, "on": on, "rules": rules, "engine": engine, "rows": rows,
        "since": since, "stored": stored, "progress": progress,
    }  # fmt: skip
    check_asked("check_sites_in", "layers on disk", options, named)
    day, book = day_and_book(on, rules)
    _ask_about_nobody(plan, day, book, options)
    foreign = [line for line in stored or () if line not in plan.control_lines]
    if foreign:
        message = f"stored= names lines that the plan does not declare: {name_rows(foreign)}"
        raise SchemaError(message)
    out = Path(folder).resolve()
    source = open_stream(sites if isinstance(sites, Stream) else Path(sites).resolve(), layer=layer)
    roles = _roles(source, columns or {})
    ids = source.column(roles["site_id"]).dropna().astype(str)
    with held(out):
        lines, far = _from_afar(plan, stored or {}, out)
        repeated = frozenset(ids[ids.duplicated(keep=False)])
        case = _Case(cut_lines(far), book, day, options, roles, source, repeated, lines, _ways_of(source, far))
        holds = _holds(case)
        features = _features(case)
        marks = {
            line: hashlib.sha256(table.iloc[:, :2].to_numpy().tobytes()).hexdigest() for line, table in features.items()
        }
        print_ = fingerprint({"holds": holds, "features": marks, "source": source.identity()})
        earlier, other = None, list[str]()
        if since is not None:
            earlier, other = _earlier(Path(since).resolve(), out, holds, features)
            case = dataclasses.replace(case, earlier=earlier)
        given = write_case(case, out)
        keep_features(features, out, print_[:12])
        _warn_of_scatter(source, rows, lines)
        # a layer without rows still has columns
        fragments = [
            Fragment(number, start, stop, "ecozones.large.sites:check_fragment", given, str(out), print_)
            for number, (start, stop) in enumerate(split(source.rows, rows) or [(0, 0)])
        ]
        root = prepared_root(source)
        if root is not None:
            fragments += left_out(root, len(fragments), out, print_)
        told = {
            "fingerprint": print_,
            "holds": holds,
            "on": day.isoformat(),
            "rulebook_version": book.version,
            "plan": plan.name,
        }
        run = carry_out(out, fragments, tables=_WRITTEN, engine=engine, progress=progress, what="sites", told=told)
        forget_features(out, print_[:12])
        shutil.rmtree(out / _STORED, ignore_errors=True)
        counted = run.summary().reindex(columns=["repaired", *_COUNTED]).sum().astype(int)
        repaired = int(counted["repaired"])
        if repaired:
            message = f"sites: {repaired} polygons were invalid and are repaired; the table 'repaired' lists each"
            warn_caller(message, RepairWarning)
        if other:
            message = (
                f"nothing was kept of the run in {Path(str(since)).name}: it was made with other {', '.join(other)}"
            )
            warn_caller(message, EcozonesWarning)
        fields: dict[str, Any] = {field.name: getattr(run, field.name) for field in dataclasses.fields(run)}
        fields |= {name: int(counted[name]) for name in _COUNTED}
        return LargeReview(**fields, gone=0 if earlier is None else count_gone(ids, earlier))


def _earlier(
    since: Path, out: Path, holds: Mapping[str, Any], features: Mapping[str, pd.DataFrame]
) -> tuple[Earlier | None, list[str]]:
    if since == out:
        message = f"since= names the folder {out.name} that this run is to write; give it one of its own"
        raise InputError(message)
    return find_earlier(since, holds, features)


def check_fragment(fragment: Fragment) -> Outcome:
    """
    Check the sites of one fragment; rows that cannot be checked are put aside with the reason.

    Parameters
    ----------
    fragment
        Which rows of which case.

    Returns
    -------
    Outcome
        The tables of a review.
    """
    case = read_case(fragment)
    told: Told = []
    beside = set() if prepared_root(case.source) is None else {ROW}
    read = case.source.read(fragment.start, fragment.stop, sorted({*case.roles.values(), *beside}), told=told)
    read = numbered(case.source, read)
    frame = _as_sites(read, case.roles)
    refused: list[tuple[int, str]] = []
    again = frame["site_id"].isin(case.repeated) | frame["site_id"].isna()
    refused += [(int(row), "its site id is missing or repeated") for row in frame.index[again]]
    sites = frame[~again]
    before = mended_before(case.source)
    before = before[before["row"].isin(sites.index)]
    digests = _digests(sites, before, case)
    keeps, kept = _kept(sites, digests, case)
    fresh = sites[~keeps]
    mended = pd.concat([before[list(_MENDED)], pd.DataFrame(told, columns=["row", "reason"])], ignore_index=True)
    tables = _check(fresh, case, refused, mended[mended["row"].isin(fresh.index)])
    # what could not be read looks empty, and is not
    lost = {row: what for row, what in told if what == LOST}
    refused = [(row, lost.get(row, reason)) for row, reason in refused]
    answered = sites.drop(index=[row for row, _ in refused if row in sites.index])
    tables["inputs"] = pd.DataFrame({"site_id": answered["site_id"], "digest": digests[answered.index]})
    if kept:
        tables |= {name: _merged(kept[name], tables[name], sites) for name in (*TABLES, "repaired")}
    tables["inputs"] = _with_kinds(tables["inputs"])
    aside = pd.DataFrame(sorted(refused), columns=["row", "reason"]).astype({"row": np.int64, "reason": object})
    counted = {"repaired": len(tables["repaired"])}
    if case.earlier is not None:
        known = case.earlier.knows(answered["site_id"])
        counted |= {"kept": int(keeps.sum()), "rechecked": int(known.sum() - keeps.sum()), "new": int((~known).sum())}
    return Outcome(tables, len(read), len(read) - len(aside), aside, counted)


def _digests(sites: gpd.GeoDataFrame, before: pd.DataFrame, case: _Case) -> pd.Series:
    """Digest each site: its row, and what had to be mended of it before."""
    digests = pd.Series(digest_rows(sites, tuple(case.roles)), index=sites.index, dtype=object)
    for row, *said in before[list(_MENDED)].itertuples(index=False, name=None):
        digests[row] = hashlib.blake2b(digests[row] + repr(said).encode("utf-8"), digest_size=16).digest()
    return digests


def _kept(sites: gpd.GeoDataFrame, digests: pd.Series, case: _Case) -> tuple[Flags, dict[str, pd.DataFrame]]:
    """Tell the sites whose earlier answer still holds, and give those answers."""
    keeps = np.zeros(len(sites), dtype=bool)
    if case.earlier is None or not len(sites):
        return keeps, {}
    said = case.earlier.tables(sites["site_id"], (*TABLES, "repaired", "inputs"))
    if not len(said["inputs"]):
        return keeps, {}
    before = dict(zip(said["inputs"]["site_id"], said["inputs"]["digest"], strict=True))
    keeps = np.array([before.get(one) == new for one, new in zip(sites["site_id"], digests, strict=True)], dtype=bool)
    same = sites[keeps]
    prepared = prepare_sites(same, case.plan, case.book, repairs="list")
    distance = {
        str(line): rows.set_index("site_id")["distance_m"].reindex(same["site_id"])
        for line, rows in said["lines"].groupby("line")
    }
    keeps[np.flatnonzero(keeps)[case.earlier.touches(prepared.shapes, distance, case.plan)]] = False
    ids = sites.loc[keeps, "site_id"]
    return keeps, {name: table[table["site_id"].isin(ids)] for name, table in said.items()}


def _merged(kept: pd.DataFrame, fresh: pd.DataFrame, sites: gpd.GeoDataFrame) -> pd.DataFrame:
    """Put what was kept and what is new in the order of the sites."""
    table = together([_with_kinds(kept), fresh])
    ids = pd.Index(sites["site_id"])
    table = in_order(table.astype({"site_id": object}), ids)
    if "row" in table:
        table["row"] = sites.index.to_numpy()[ids.get_indexer(pd.Index(table["site_id"]))]
    return _with_kinds(table)


@dataclasses.dataclass(frozen=True)
class _Case(Asked):
    """What a worker needs to know of sites in a file."""

    roles: Mapping[str, str]
    source: Stream
    repeated: frozenset[Any]
    stored: Mapping[str, StoredLine] = dataclasses.field(default_factory=dict)
    ways: Mapping[str, str] = dataclasses.field(default_factory=dict)
    earlier: Earlier | None = None


def _roles(source: Stream, columns: Mapping[str, str]) -> dict[str, str]:
    """Find the columns of a site, as told or by their own names."""
    foreign = [role for role in columns if role not in _ROLES]
    absent = [column for column in columns.values() if column not in source.names]
    if foreign or absent:
        message = (
            f"{source.label}: columns= names {name_rows(foreign + absent)}, which are no roles of a site "
            f"({', '.join(_ROLES)}) or no columns of the file ({name_rows(source.names)})"
        )
        raise SchemaError(message)
    roles = {role: role for role in _ROLES if role in source.names} | dict(columns)
    if "site_id" not in roles:
        message = (
            f"{source.label} has no column 'site_id'; say which column is, with "
            f"columns={{'site_id': ...}}, out of {name_rows(source.names)}"
        )
        raise SchemaError(message)
    return roles


def _as_sites(read: gpd.GeoDataFrame, roles: Mapping[str, str]) -> gpd.GeoDataFrame:
    frame = gpd.GeoDataFrame(
        {role: read[column] for role, column in roles.items()}, geometry=read.geometry.to_numpy(), crs=read.crs
    )
    ids = frame["site_id"]
    frame["site_id"] = ids.astype(str).astype(object).where(ids.notna(), None)
    if "name" not in frame.columns:
        frame["name"] = None
    return frame


def _check(
    frame: gpd.GeoDataFrame, case: _Case, refused: list[tuple[int, str]], mended: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Check what can be checked, and put the tables of what was checked apart together."""
    done = _answers(frame, case, refused) or [_answer(frame.iloc[:0], case)]
    tables = {name: _with_kinds(together([getattr(review, name) for review, _ in done])) for name in TABLES}
    mended = mended[~mended["row"].isin([row for row, _ in refused])]
    read = mended.assign(site_id=frame["site_id"].loc[mended["row"]].to_numpy(dtype=object))[list(_REPAIRED)]
    repaired = together([table for table in (read, *(table for _, table in done)) if len(table)] or [read])
    place = np.argsort(frame.index.get_indexer(pd.Index(repaired["row"])), kind="stable")
    return tables | {"repaired": _with_kinds(repaired.iloc[place].reset_index(drop=True))}


def _answer(frame: gpd.GeoDataFrame, case: _Case) -> tuple[SiteReview, pd.DataFrame]:
    prepared = prepare_sites(frame, case.plan, case.book, repairs="list")
    repaired = prepared.repaired
    repaired = repaired.assign(site_id=frame["site_id"].reindex(repaired["row"]).to_numpy(dtype=object))
    review = answer_near(prepared, case.plan, case.stored, case.day, case.book, case.options)
    if len(frame):
        hold_paths([review.capsule], case.ways)
    return review, repaired[list(_REPAIRED)]


def _answers(
    frame: gpd.GeoDataFrame, case: _Case, refused: list[tuple[int, str]]
) -> list[tuple[SiteReview, pd.DataFrame]]:
    """Check rows together; those that cannot be are found by name, or by halves."""
    if not len(frame):
        return []
    try:
        return [_answer(frame, case)]
    except (SchemaError, GeometryError, CRSError, shapely.errors.GEOSException) as cause:
        problems = getattr(cause, "problems", None)
        if problems is not None and "row" in problems and set(problems["row"]) <= set(frame.index):
            bad = problems.groupby("row")["problem"].agg("; ".join)
            refused += [(int(row), str(reason)) for row, reason in bad.items()]
            return _answers(frame.drop(index=bad.index), case, refused)
        if isinstance(cause, CRSError):
            # it names no rows, so it is the layer that cannot be placed
            raise
        if len(frame) == 1:
            refused.append((int(frame.index[0]), str(cause)))
            return []
    half = len(frame) // 2
    return _answers(frame.iloc[:half], case, refused) + _answers(frame.iloc[half:], case, refused)


def _with_kinds(table: pd.DataFrame) -> pd.DataFrame:
    """Give every column the kind it has in every part, so that parts are one table."""
    kinds: dict[Any, Any] = {}
    for column, values in table.items():
        if column == "digest":
            kinds[column] = pd.ArrowDtype(pa.binary())
        elif column == "verdict":
            kinds[column] = verdict_dtype()
        elif column == "effective_from":
            kinds[column] = _DAY
        elif column in _NUMBERS:
            kinds[column] = np.float64
        elif column == "row":
            kinds[column] = np.int64
        elif column != "geometry" and (values.dtype == object or isinstance(values.dtype, pd.StringDtype)):
            kinds[column] = "string"
    return table.astype(kinds)


def _holds(case: _Case) -> dict[str, Any]:
    """Name everything that each answer rests on, beside its own row and the features of the lines around it."""
    plan = case.plan
    planes = [plan.crs, plan.metric_crs, case.source.crs]
    lines = [[line, frame.crs.to_wkt(), _plane_of(case, line) is None] for line, frame in plan.lines.items()]
    return {
        "rules": case.book.version,
        "day": case.day.isoformat(),
        "columns": dict(case.roles),
        "options": {name: repr(value) for name, value in sorted(case.options.items())},
        "extent": "" if plan.extent is None else digest(plan.extent),
        "coverage": {line: digest(frame) for line, frame in plan.coverage.items()},
        "lines": lines,
        "planes": ["" if crs is None else crs.to_wkt() for crs in planes],
        "ways": dict(case.ways),
        "declared lines": hashlib.sha256(repr(dict(plan.control_lines)).encode("utf-8")).hexdigest(),
        "versions": computing(),
    }
