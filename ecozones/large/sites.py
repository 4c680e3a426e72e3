"""
Checks of any size: sites in files or in memory, in fragments, on any engine.

What holds for one site holds for it in any company, so that sites can be checked in stretches, in any order and on any
number of machines, and the parts put side by side are the table that one process would have made, to the last bit.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import pickle
import tempfile
import uuid
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from ecozones import engines
from ecozones.capsule import digest
from ecozones.engines.fragments import Fragment, Outcome, Receipt, account, split, write_whole
from ecozones.errors import EngineError, GeometryError, RepairWarning, SchemaError, name_rows
from ecozones.large.run import LargeRun, carry_out, fingerprint, read_case, write_case
from ecozones.placing import bring_to
from ecozones.plan import ZoningPlan
from ecozones.review import SiteReview
from ecozones.rulebook import Rulebook, as_day, load_rules
from ecozones.siting import PreparedSites, answer_sites, check_sites, hash_inputs, prepare_sites
from ecozones.streams import Stream, Told, open_stream
from ecozones.vocab import verdict_dtype

TABLES = ("verdicts", "lines", "findings", "balance")
_REPAIRED = ("row", "site_id", "reason", "before_m2", "after_m2", "change_m2")
_ROLES = ("site_id", "name", "activity", "width_m")
_ROWS = 20_000
# fewer sites in memory are checked sooner than processes are started
_INLINE = 30_000
# columns that a part without a single value must still know the kind of
_NUMBERS = {"area_m2", "area_mu", "length_m", "share", "width_m", "before_m2", "after_m2", "change_m2"}
_DAY = pd.ArrowDtype(pa.date32())


@dataclasses.dataclass(frozen=True)
class LargeReview(LargeRun):
    """
    The answer of :func:`check_sites_in`: the tables of a review on disk, and the account of every site.

    Its tables are ``verdicts``, ``lines``, ``findings`` and ``balance``, as those of a :class:`SiteReview`, and
    ``repaired`` (sites not valid as drawn) and ``refused`` (those that could not be checked), with the reason.
    """


def check_sites_on(
    sites: gpd.GeoDataFrame,
    plan: ZoningPlan,
    engine: Any = None,  # noqa: ANN401 - engines share no type
    *,
    folder: str | Path | None = None,
    rows: int | None = None,
    on: dt.date | str | None = None,
    rules: Rulebook | str | None = None,
    **options: Any,  # noqa: ANN401 - those of check_sites
) -> SiteReview:
    """
    Check sites in memory on any engine: the very review that :func:`ecozones.check_sites` gives.

    Parameters
    ----------
    sites, plan, on, rules
        As for :func:`ecozones.check_sites`.
    engine
        Nothing (here, and on every core where there are many sites), ``"processes"``, a number of processes, an
        executor, a Dask client or a Spark session: see :func:`ecozones.engines.run`.
    folder
        A folder that all workers see under the same path; left out: a temporary one on this machine. What is written
        there is gone when the review is there.
    rows
        Sites in a fragment; no number depends on it.
    **options
        Any other option of :func:`ecozones.check_sites`.

    Returns
    -------
    SiteReview
        Equal to the last bit, whatever the engine.

    Raises
    ------
    SchemaError, GeometryError, CRSError
        As for :func:`ecozones.check_sites`.
    EngineError
        Workers died over and over, or the way to a line's CRS depends on the place so that stretches would take others.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> from ecozones.testing import chessboard_plan, square
    >>> with ThreadPoolExecutor(2) as executor:
    ...     check_sites_on(square("a1"), chessboard_plan(red_line={"a1": "core"}), executor, on="2026-06-01")
    <SiteReview of 1 sites on 2026-06-01: 1 prohibited>
    """
    day, book = _day_and_book(on, rules)
    if (engine is None and len(sites) < _INLINE) or not len(sites):
        return check_sites(sites, plan, on=day, rules=book, **options)
    prepared = prepare_sites(sites, plan, book)
    # options are looked at before anything is written
    answer_sites(prepared.take(0, 0), plan, day, book, **options)
    with tempfile.TemporaryDirectory(prefix="ecozones-", dir=folder) as place:
        out = Path(place).resolve()
        given = write_case(_Asked(_cut(plan), book, day, options), out)
        mark = uuid.uuid4().hex
        fragments = []
        for number, (start, stop) in enumerate(split(len(sites), rows or _stretch(len(sites)))):
            content = pickle.dumps(prepared.take(start, stop))
            write_whole(out / f"sites-{number:06d}.pickle", content)
            told = given | {"sites": hashlib.sha256(content).hexdigest()}
            fragments.append(
                Fragment(number, start, stop, "ecozones.large.sites:answer_fragment", told, str(out), mark)
            )
        receipts = sorted(engines.run(fragments, engine), key=lambda receipt: receipt.number)
        account(fragments, receipts)
        reviews = [_read_review(out, receipt) for receipt in receipts]
    _hold_paths([review.capsule for review in reviews], sites, plan)
    tables = {name: _together([getattr(review, name) for review in reviews]) for name in TABLES}
    return SiteReview(**tables, on=day, capsule={**reviews[0].capsule, **hash_inputs(sites, plan)})


def answer_fragment(fragment: Fragment) -> Outcome:
    """
    Answer for the sites of one fragment of :func:`check_sites_on`.

    Parameters
    ----------
    fragment
        Which stretch of which case.

    Returns
    -------
    Outcome
        The review of the stretch, as it is.
    """
    asked = read_case(fragment)
    content = (Path(fragment.out) / f"sites-{fragment.number:06d}.pickle").read_bytes()
    _trust(content, fragment.given["sites"], fragment.name)
    prepared: PreparedSites = pickle.loads(content)  # noqa: S301 - written by this run: the digest came by another way
    review = answer_sites(prepared, asked.plan, asked.day, asked.book, **asked.options)
    n = len(prepared.placed)
    return Outcome({"review": pickle.dumps(review)}, n, n, pd.DataFrame({"row": [], "reason": []}))


def _read_review(out: Path, receipt: Receipt) -> SiteReview:
    path = next(part for part in receipt.parts if part.startswith("review/"))
    content = (out / path).read_bytes()
    _trust(content, receipt.parts[path], path)
    review = pickle.loads(content)  # noqa: S301 - written by this run: the digest came with the receipt
    assert isinstance(review, SiteReview)
    return review


def _trust(content: bytes, told: str, what: str) -> None:
    if hashlib.sha256(content).hexdigest() != told:
        message = f"{what} is not what this run wrote; let nothing else write to its folder, and run again"
        raise EngineError(message)


def _together(tables: list[pd.DataFrame]) -> Any:  # noqa: ANN401 - frames stay what they are
    full = [table for table in tables if len(table)] or tables[:1]
    return full[0] if len(full) == 1 else pd.concat(full, ignore_index=True)


def _hold_paths(capsules: list[Mapping[str, Any]], sites: gpd.GeoDataFrame, plan: ZoningPlan) -> None:
    """Make sure that stretches took the way to each line's CRS that all sites together take: PROJ chooses by place."""
    corners = gpd.GeoDataFrame(geometry=[shapely.box(*sites.total_bounds)], crs=sites.crs)
    for line in capsules[0]["crs_paths"]:
        whole = bring_to(corners, plan.lines[line].crs, what="sites")[1]
        if any(capsule["crs_paths"][line] != whole for capsule in capsules):
            message = (
                f"from the datum of the sites to that of {line} several ways lead, by place, and stretches of sites "
                "would take others than all together; bring the sites to its CRS first, or check them without an engine"
            )
            raise EngineError(message)


def _stretch(n: int) -> int:
    return int(np.clip(n // 16, 500, _ROWS))


def _day_and_book(on: dt.date | str | None, rules: Rulebook | str | None) -> tuple[dt.date, Rulebook]:
    day = dt.datetime.now(tz=dt.UTC).astimezone().date() if on is None else as_day(on)
    return day, rules if isinstance(rules, Rulebook) else load_rules(rules or "CN")


@dataclasses.dataclass(frozen=True)
class _Asked:
    """Everything that a worker needs to know beside the sites."""

    plan: ZoningPlan
    book: Rulebook
    day: dt.date
    options: Mapping[str, Any]


def _cut(plan: ZoningPlan) -> ZoningPlan:
    """Cut the lines of a plan, and ask once what holds for a line as a whole, so that no worker has to."""
    for line in plan.lines:
        _ = plan.pieces(line).disjoint
    return plan


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
    rows: int = _ROWS,
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
        The plan; it is cut once, here, and handed to every worker with its pieces.
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
    progress
        Show how far it is, how quick, and how long it will take, on the standard error stream.
    **options
        Any other option of :func:`ecozones.check_sites`.

    Returns
    -------
    LargeReview
        The tables of a review, as folders of GeoParquet, and the account.

    Raises
    ------
    SchemaError
        The file has no column of site ids.
    EngineError
        A row is not accounted for, no site at all could be checked, or another run is at work in the folder.
    InputError
        The file cannot be read.

    Warns
    -----
    RepairWarning
        Polygons were not valid and are repaired; the table ``repaired`` lists them.

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
    out = Path(folder).resolve()
    source = open_stream(sites if isinstance(sites, Stream) else Path(sites).resolve(), layer=layer)
    roles = _roles(source, columns or {})
    day, book = _day_and_book(on, rules)
    case = _Case(_cut(plan), book, day, options, roles, source, _repeated(source, roles))
    print_ = fingerprint(_rests_on(case))
    given = write_case(case, out)
    fragments = [
        Fragment(number, start, stop, "ecozones.large.sites:check_fragment", given, str(out), print_)
        for number, (start, stop) in enumerate(split(source.rows, rows))
    ]
    told = {"fingerprint": print_, "on": day.isoformat(), "rulebook_version": book.version, "plan": plan.name}
    run = carry_out(
        out, fragments, tables=(*TABLES, "repaired"), engine=engine, progress=progress, what="sites", told=told
    )
    repaired = int(run.summary()["repaired"].sum()) if fragments else 0
    if repaired:
        message = f"sites: {repaired} polygons were invalid and are repaired; the table 'repaired' lists each"
        warnings.warn(message, RepairWarning, stacklevel=2)
    return LargeReview(**{field.name: getattr(run, field.name) for field in dataclasses.fields(run)})


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
    read = case.source.read(fragment.start, fragment.stop, sorted(set(case.roles.values())), told=told)
    frame = _as_sites(read, case.roles)
    refused: list[tuple[int, str]] = []
    again = frame["site_id"].isin(case.repeated) | frame["site_id"].isna()
    refused += [(int(row), "its site id is missing or repeated") for row in frame.index[again]]
    tables = _check(frame[~again], case, refused, [(row, what) for row, what in told if not again[row]])
    aside = pd.DataFrame(sorted(refused), columns=["row", "reason"]).astype({"row": np.int64, "reason": object})
    return Outcome(tables, len(read), len(read) - len(aside), aside, {"repaired": len(tables["repaired"])})


@dataclasses.dataclass(frozen=True)
class _Case(_Asked):
    """What a worker needs to know of sites in a file."""

    roles: Mapping[str, str]
    source: Stream
    repeated: frozenset[Any]


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


def _repeated(source: Stream, roles: Mapping[str, str]) -> frozenset[Any]:
    ids = source.column(roles["site_id"]).dropna().astype(str)
    return frozenset(ids[ids.duplicated(keep=False)])


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
    frame: gpd.GeoDataFrame, case: _Case, refused: list[tuple[int, str]], mended: Told
) -> dict[str, pd.DataFrame]:
    """Check what can be checked, and put the tables of what was checked apart together."""
    done = _answers(frame, case, refused) or [_answer(frame.iloc[:0], case)]
    tables = {name: _with_kinds(_together([getattr(review, name) for review, _ in done])) for name in TABLES}
    aside = {row for row, _ in refused}
    told = [(row, frame["site_id"].loc[row], what) for row, what in mended if row not in aside]
    read = pd.DataFrame(told, columns=list(_REPAIRED[:3])).reindex(columns=list(_REPAIRED))
    repaired = _together([table for table in (read, *(table for _, table in done)) if len(table)] or [read])
    return tables | {"repaired": _with_kinds(repaired.sort_values("row", kind="stable", ignore_index=True))}


def _answer(frame: gpd.GeoDataFrame, case: _Case) -> tuple[SiteReview, pd.DataFrame]:
    prepared = prepare_sites(frame, case.plan, case.book, repairs="list")
    repaired = prepared.repaired
    repaired = repaired.assign(site_id=frame["site_id"].reindex(repaired["row"]).to_numpy(dtype=object))
    return answer_sites(prepared, case.plan, case.day, case.book, **case.options), repaired[list(_REPAIRED)]


def _answers(
    frame: gpd.GeoDataFrame, case: _Case, refused: list[tuple[int, str]]
) -> list[tuple[SiteReview, pd.DataFrame]]:
    """Check rows together; those that cannot be are found by name, or by halves."""
    if not len(frame):
        return []
    try:
        return [_answer(frame, case)]
    except (SchemaError, GeometryError, shapely.errors.GEOSException) as cause:
        problems = getattr(cause, "problems", None)
        if problems is not None and "row" in problems and set(problems["row"]) <= set(frame.index):
            bad = problems.groupby("row")["problem"].agg("; ".join)
            refused += [(int(row), str(reason)) for row, reason in bad.items()]
            return _answers(frame.drop(index=bad.index), case, refused)
        if len(frame) == 1:
            refused.append((int(frame.index[0]), str(cause)))
            return []
    half = len(frame) // 2
    return _answers(frame.iloc[:half], case, refused) + _answers(frame.iloc[half:], case, refused)


def _with_kinds(table: pd.DataFrame) -> pd.DataFrame:
    """Give every column the kind it has in every part, so that parts are one table."""
    kinds: dict[Any, Any] = {}
    for column, values in table.items():
        if column == "verdict":
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


def _rests_on(case: _Case) -> dict[str, Any]:
    """Name everything that an answer rests on, beside the versions of what computes."""
    return {
        "lines": {line: digest(frame) for line, frame in case.plan.lines.items()},
        "extent": "" if case.plan.extent is None else digest(case.plan.extent),
        "coverage": {line: digest(frame) for line, frame in case.plan.coverage.items()},
        "rules": case.book.version,
        "day": case.day.isoformat(),
        "roles": dict(case.roles),
        "options": {name: repr(value) for name, value in sorted(case.options.items())},
        "source": case.source.identity(),
    }
