"""
Checks of any size: sites that lie in files, in fragments of a few thousand, on any engine.

What holds for one site holds for it in any company, so that sites can be checked in stretches, in any order and on any
number of machines, and the parts put side by side are the table that one process would have made, to the last bit.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import hashlib
import json
import pickle
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pyproj
import shapely

from ecozones import engines
from ecozones.engines.fragments import Fragment, Outcome, Receipt, account, find_receipt, split, sweep, write_whole
from ecozones.errors import EngineError, GeometryError, InputError, SchemaError, name_rows
from ecozones.plan import ZoningPlan
from ecozones.review import SiteReview
from ecozones.rulebook import Rulebook, as_day, load_rules
from ecozones.siting import check_sites
from ecozones.vocab import verdict_dtype

TABLES = ("verdicts", "lines", "findings", "balance")
_ROLES = ("site_id", "name", "activity", "width_m")
_ROWS = 20_000
_CASE = "_case.pickle"
_RUN = "_run.json"
# columns that a part without a single value must still know the kind of
_NUMBERS = {"area_m2", "area_mu", "length_m", "share", "width_m"}
_DAY = pd.ArrowDtype(pa.date32())


@dataclasses.dataclass(frozen=True)
class LargeReview:
    """
    The answer of :func:`check_sites_in`: tables on disk, and the account of every row.

    Parameters
    ----------
    folder
        Where the tables lie, each a folder of GeoParquet parts.
    rows_in, rows_done, rows_refused
        Sites read, sites with a verdict, and sites put aside with a reason; the first is the sum of the others.
    fragments, resumed
        How many fragments there were, and how many of them an earlier run had done.
    """

    folder: Path
    rows_in: int
    rows_done: int
    rows_refused: int
    fragments: int
    resumed: int

    def table(self, name: str) -> pd.DataFrame:
        """
        Read one table whole; for one that does not fit in memory, read its parts.

        Parameters
        ----------
        name
            ``"verdicts"``, ``"lines"``, ``"findings"``, ``"balance"`` or ``"refused"``.

        Returns
        -------
        DataFrame
            In the order of the sites in their file.
        """
        parts = sorted((self.folder / name).glob("part-*.parquet"))
        read = gpd.read_parquet if name in {"verdicts", "findings"} else pd.read_parquet
        frames = [read(part) for part in parts]
        full = [frame for frame in frames if len(frame)] or frames[:1]
        if not full:
            return pd.DataFrame()
        return pd.concat(full, ignore_index=True)


def check_sites_in(
    sites: str | Path,
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
        GeoParquet, or any format with a driver in GDAL (GeoPackage, file geodatabase, FlatGeobuf, Shapefile).
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
        A row is not accounted for, or no site at all could be checked.
    InputError
        The file cannot be read.

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
    out.mkdir(parents=True, exist_ok=True)
    source = _Source.of(Path(sites).resolve(), layer)
    roles = _roles(source, columns or {})
    day = dt.datetime.now(tz=dt.UTC).astimezone().date() if on is None else as_day(on)
    book = rules if isinstance(rules, Rulebook) else load_rules(rules or "CN")
    case = _Case(plan, book, day, roles, source, _repeated(source, roles), options)
    print_ = _fingerprint(case)
    given = {"case": _write_case(case, out)}
    fragments = [
        Fragment(number, start, stop, "ecozones.large.sites:check_fragment", given, str(out), print_)
        for number, (start, stop) in enumerate(split(source.rows, rows))
    ]
    done = {one.number: receipt for one in fragments if (receipt := find_receipt(one)) is not None}
    resumed = len(done)
    sweep(out, fragments, TABLES)
    teller = _Teller(source.rows, sum(receipt.rows_in for receipt in done.values()), shown=progress)
    for receipt in engines.run([one for one in fragments if one.number not in done], engine):
        done[receipt.number] = receipt
        teller.tell(receipt.rows_in)
    receipts = [done[number] for number in sorted(done)]
    account(fragments, receipts)
    sweep(out, fragments, TABLES)
    review = _sum_up(out, receipts, resumed)
    told = {"fingerprint": print_, "on": day.isoformat(), "rulebook_version": book.version, "plan": plan.name}
    counts = dataclasses.asdict(dataclasses.replace(review, resumed=0)) | {"folder": ""}
    write_whole(out / _RUN, json.dumps(told | counts, ensure_ascii=False, sort_keys=True, indent=1).encode("utf-8"))
    return review


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
    case = _read_case(fragment.out, fragment.given["case"])
    read = case.source.read(fragment.start, fragment.stop)
    frame = _as_sites(read, case.roles)
    refused: list[tuple[int, str]] = []
    again = frame["site_id"].isin(case.repeated) | frame["site_id"].isna()
    refused += [(int(row), "its site id is missing or repeated") for row in frame.index[again]]
    tables = _check(frame[~again], case, refused)
    told = pd.DataFrame(sorted(refused), columns=["row", "reason"]).astype({"row": np.int64, "reason": object})
    return Outcome(tables, len(read), len(read) - len(told), told)


@dataclasses.dataclass(frozen=True)
class _Source:
    """A file of sites that is read in stretches."""

    path: Path
    layer: str | None
    rows: int
    names: tuple[str, ...]
    geometry: str

    @staticmethod
    def of(path: Path, layer: str | None) -> _Source:
        if not path.exists():
            message = f"{path.name} does not exist; check the path"
            raise InputError(message)
        if path.suffix.lower() in {".parquet", ".geoparquet"}:
            file = pq.ParquetFile(path)
            meta = (file.schema_arrow.metadata or {}).get(b"geo")
            if meta is None:
                message = f"{path.name} is Parquet without geometry; write it with GeoDataFrame.to_parquet"
                raise InputError(message)
            column = json.loads(meta)["primary_column"]
            return _Source(path, None, file.metadata.num_rows, tuple(file.schema_arrow.names), column)
        try:
            info = pyogrio.read_info(path, layer=layer, force_feature_count=True)
        except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as cause:
            message = f"{path.name} cannot be read ({cause}); give GeoParquet, or a file that GDAL reads"
            raise InputError(message) from cause
        return _Source(path, info["layer_name"], int(info["features"]), tuple(info["fields"]), "geometry")

    @property
    def parquet(self) -> bool:
        return self.layer is None

    def column(self, name: str) -> pd.Series:
        """Read one column, without geometry."""
        if self.parquet:
            return pq.read_table(self.path, columns=[name])[name].to_pandas()
        table = pyogrio.read_dataframe(self.path, layer=self.layer, columns=[name], read_geometry=False)
        return table[name]

    def read(self, start: int, stop: int) -> gpd.GeoDataFrame:
        """Read rows, numbered as in the whole file."""
        if self.parquet:
            frame = self._read_parquet(start, stop)
        else:
            frame = pyogrio.read_dataframe(
                self.path, layer=self.layer, skip_features=start, max_features=stop - start, datetime_as_string=True
            )
        frame.index = pd.RangeIndex(start, start + len(frame))
        return frame

    def _read_parquet(self, start: int, stop: int) -> gpd.GeoDataFrame:
        file = pq.ParquetFile(self.path)
        sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        begin = np.r_[0, np.cumsum(sizes)]
        groups = [i for i in range(len(sizes)) if begin[i] < stop and begin[i + 1] > start]
        table = file.read_row_groups(groups).slice(start - int(begin[groups[0]]), stop - start)
        return gpd.GeoDataFrame.from_arrow(table)


@dataclasses.dataclass(frozen=True)
class _Case:
    """Everything that a worker needs to know beside the rows."""

    plan: ZoningPlan
    book: Rulebook
    day: dt.date
    roles: Mapping[str, str]
    source: _Source
    repeated: frozenset[Any]
    options: Mapping[str, Any]


def _roles(source: _Source, columns: Mapping[str, str]) -> dict[str, str]:
    """Find the columns of a site, as told or by their own names."""
    foreign = [role for role in columns if role not in _ROLES]
    absent = [column for column in columns.values() if column not in source.names]
    if foreign or absent:
        message = (
            f"{source.path.name}: columns= names {name_rows(foreign + absent)}, which are no roles of a site "
            f"({', '.join(_ROLES)}) or no columns of the file ({name_rows(source.names)})"
        )
        raise SchemaError(message)
    roles = {role: role for role in _ROLES if role in source.names} | dict(columns)
    if "site_id" not in roles:
        message = (
            f"{source.path.name} has no column 'site_id'; say which column is, with "
            f"columns={{'site_id': ...}}, out of {name_rows(source.names)}"
        )
        raise SchemaError(message)
    return roles


def _repeated(source: _Source, roles: Mapping[str, str]) -> frozenset[Any]:
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


def _check(frame: gpd.GeoDataFrame, case: _Case, refused: list[tuple[int, str]]) -> dict[str, pd.DataFrame]:
    """Check what can be checked, and put the tables of what was checked apart together."""
    reviews = _reviews(frame, case, refused) or [_review(frame.iloc[:0], case)]
    tables = {}
    for name in TABLES:
        parts = [table for review in reviews if len(table := getattr(review, name))]
        full = parts or [getattr(reviews[0], name)]
        tables[name] = _with_kinds(full[0] if len(full) == 1 else pd.concat(full, ignore_index=True))
    return tables


def _review(frame: gpd.GeoDataFrame, case: _Case) -> SiteReview:
    return check_sites(frame, case.plan, on=case.day, rules=case.book, **case.options)


def _reviews(frame: gpd.GeoDataFrame, case: _Case, refused: list[tuple[int, str]]) -> list[SiteReview]:
    """Check rows together; those that cannot be are found by name, or by halves."""
    if not len(frame):
        return []
    try:
        return [_review(frame, case)]
    except (SchemaError, GeometryError, shapely.errors.GEOSException) as cause:
        problems = getattr(cause, "problems", None)
        if problems is not None and "row" in problems and set(problems["row"]) <= set(frame.index):
            bad = problems.groupby("row")["problem"].agg("; ".join)
            refused += [(int(row), str(reason)) for row, reason in bad.items()]
            return _reviews(frame.drop(index=bad.index), case, refused)
        if len(frame) == 1:
            refused.append((int(frame.index[0]), str(cause)))
            return []
    half = len(frame) // 2
    return _reviews(frame.iloc[:half], case, refused) + _reviews(frame.iloc[half:], case, refused)


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
        elif values.dtype == object and column != "geometry":
            kinds[column] = "string"
    return table.astype(kinds)


def _fingerprint(case: _Case) -> str:
    """Digest everything that an answer rests on."""
    stat = case.source.path.stat()
    told = {
        "lines": {line: _digest(frame) for line, frame in case.plan.lines.items()},
        "extent": "" if case.plan.extent is None else _digest(case.plan.extent),
        "coverage": {line: _digest(frame) for line, frame in case.plan.coverage.items()},
        "rules": case.book.version,
        "day": case.day.isoformat(),
        "roles": dict(case.roles),
        "options": {name: repr(value) for name, value in sorted(case.options.items())},
        "source": [case.source.path.name, case.source.layer, stat.st_size, stat.st_mtime_ns],
        "versions": [version(name) for name in ("ecozones", "geopandas", "numpy", "pandas", "pyarrow", "shapely")],
        "libraries": [shapely.geos_version_string, pyproj.proj_version_str, pyogrio.__gdal_version_string__],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode("utf-8")).hexdigest()


def _digest(frame: gpd.GeoDataFrame) -> str:
    digest = hashlib.sha256(frame.crs.to_wkt().encode("utf-8"))
    for wkb in shapely.to_wkb(frame.geometry.to_numpy()):
        digest.update(wkb)
    digest.update(pd.DataFrame(frame.drop(columns=frame.geometry.name)).to_csv(index=False).encode("utf-8"))
    return digest.hexdigest()


def _write_case(case: _Case, out: Path) -> str:
    """Write the case for the workers, plan cut and all; its digest is what a worker trusts it by."""
    for line in case.plan.lines:
        case.plan.pieces(line)
    content = pickle.dumps(case)
    write_whole(out / _CASE, content)
    return hashlib.sha256(content).hexdigest()


@functools.lru_cache(maxsize=2)
def _read_case(out: str, digest: str) -> _Case:
    content = (Path(out) / _CASE).read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        message = (
            f"{_CASE} in {Path(out).name} is not the one this run wrote: another run uses the folder; give each its own"
        )
        raise EngineError(message)
    case = pickle.loads(content)  # noqa: S301 - written by this run: the digest came by another way
    assert isinstance(case, _Case)
    return case


def _sum_up(out: Path, receipts: Sequence[Receipt], resumed: int) -> LargeReview:
    read, answered, refused = (
        sum(getattr(one, name) for one in receipts) for name in ("rows_in", "rows_done", "rows_refused")
    )
    if read and not answered:
        first = pd.read_parquet(out / "refused" / "part-000000.parquet")["reason"].iloc[0]
        message = f"not one of {read} sites could be checked; the first, because {first}"
        raise EngineError(message)
    return LargeReview(out, read, answered, refused, len(receipts), resumed)


class _Teller:
    """Tells how far a run is."""

    def __init__(self, rows: int, done: int, *, shown: bool) -> None:
        self._rows, self._done, self._before, self._shown = rows, done, done, shown
        self._start = time.monotonic()

    def tell(self, rows: int) -> None:
        self._done += rows
        if not self._shown:
            return
        rate = (self._done - self._before) / max(time.monotonic() - self._start, 1e-9)
        left = (self._rows - self._done) / rate
        end = "\n" if self._done >= self._rows else ""
        sys.stderr.write(f"\r{self._done:,} of {self._rows:,} sites, {rate:,.0f} a second, {left:,.0f} s left {end}")
        sys.stderr.flush()
