"""
One run on disk: fragments handed to an engine, resumed where it was interrupted, every row accounted for.

What is asked of the rows is the business of the verbs; what is written here does not depend on it, nor on the engine.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import pickle
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq
import pyogrio
import pyproj
import shapely

from ecozones import engines
from ecozones.engines.fragments import Fragment, Receipt, account, find_receipt, read_record, sweep, write_whole
from ecozones.errors import EngineError, InputError
from ecozones.streams import stated_values

RUN = "_run.json"
_LOCK = "_lock"
_KEPT = 2
# what each thread holds for itself
_OWN = threading.local()
_COUNTS = ("rows_in", "rows_done", "rows_refused")
# what an answer rests on beside data, rules and options
_PACKAGES = ("ecozones", "geopandas", "numpy", "pandas", "pyarrow", "shapely")


@dataclasses.dataclass(frozen=True)
class LargeRun:
    """
    What a run has written: tables on disk, and the account of every row.

    Parameters
    ----------
    folder
        Where the tables lie, each a folder of Parquet parts.
    rows_in, rows_done, rows_refused
        Rows read, rows with an answer, and rows put aside with a reason; the first is the sum of the others.
    fragments, resumed
        How many fragments there were, and how many of them an earlier run had done.
    earlier
        The numbers of those.
    """

    folder: Path
    rows_in: int
    rows_done: int
    rows_refused: int
    fragments: int
    resumed: int
    earlier: frozenset[int] = dataclasses.field(default=frozenset(), repr=False)

    def table(self, name: str) -> pd.DataFrame:
        """
        Read one table whole; for one that does not fit in memory, read its parts.

        Parameters
        ----------
        name
            Name of the table; ``"refused"`` holds the rows that were put aside, with the reason.

        Returns
        -------
        DataFrame
            In the order of the rows in their file.

        Raises
        ------
        InputError
            The run has no such table.
        """
        parts = sorted((self.folder / name).rglob("part-*.parquet"))
        if not parts and self.fragments:
            known = sorted(path.parent.name for path in self.folder.glob("[!_]*/part-*-*.parquet"))
            message = f"the run in {self.folder.name} has no table {name!r}; it has {', '.join(dict.fromkeys(known))}"
            raise InputError(message)
        frames = [read_part(part) for part in parts]
        full = [frame for frame in frames if len(frame)] or frames[:1]
        if not full:
            return pd.DataFrame()
        return pd.concat(full, ignore_index=True)

    def summary(self) -> pd.DataFrame:
        """
        Account for every row, fragment by fragment, from the receipts.

        Returns
        -------
        DataFrame
            ``fragment, start, stop, rows_in, rows_done, rows_refused, resumed, seconds, cpu_s`` and whatever else the
            work has counted. Seconds are those of the run that did the fragment; CPU seconds are of its process. [s]
        """
        rows = []
        for path in sorted((self.folder / "_receipts").glob("part-*.json")):
            receipt = Receipt.from_json(path.read_text(encoding="utf-8"))
            rows.append(
                {
                    "fragment": receipt.number,
                    "start": receipt.start,
                    "stop": receipt.stop,
                    **{name: getattr(receipt, name) for name in _COUNTS},
                    "resumed": receipt.number in self.earlier,
                    **read_record(self.folder, path.stem),
                }
            )
        columns = ["fragment", "start", "stop", *_COUNTS, "resumed", "seconds", "cpu_s"]
        table = pd.DataFrame(rows)
        return table.reindex(columns=list(dict.fromkeys([*columns, *table.columns])))


def read_part(path: Path) -> pd.DataFrame:
    """
    Read one part of a table, with its geometry if it has one.

    Parameters
    ----------
    path
        The part.

    Returns
    -------
    DataFrame or GeoDataFrame
        As it was written, with the columns that the names of its folders state.
    """
    spatial = b"geo" in (pq.read_schema(path).metadata or {})
    # opened, for a path with an equal sign in it is read as a dataset of its own making
    with path.open("rb") as file:
        table = gpd.read_parquet(file) if spatial else pd.read_parquet(file)
    return table.assign(**{name: pd.Series(value, table.index, dtype="string") for name, value in stated_values(path)})


def carry_out(
    out: Path,
    fragments: Sequence[Fragment],
    *,
    tables: Iterable[str],
    engine: Any = None,  # noqa: ANN401 - engines share no type
    progress: bool = False,
    what: str = "rows",
    told: Mapping[str, Any] | None = None,
    answered: bool = True,
) -> LargeRun:
    """
    Do the fragments of a run that are not done yet, and prove that no row is lost.

    Parameters
    ----------
    out
        Folder of the run.
    fragments
        All of them.
    tables
        Names of the tables that the work writes.
    engine
        As :func:`ecozones.engines.run` takes it.
    progress
        Show how far it is, how quick, and how long it will take, on the standard error stream.
    what
        What to call the rows.
    told
        What else to write down about the run, as JSON can say it.
    answered
        Whether an answer is expected, so that it is an error if not one row has one.

    Returns
    -------
    LargeRun
        The tables and the account.

    Raises
    ------
    EngineError
        A row is not accounted for, or not one row has an answer.
    """
    out.mkdir(parents=True, exist_ok=True)
    done = {one.number: receipt for one in fragments if (receipt := find_receipt(one)) is not None}
    earlier = frozenset(done)
    if len(done) < len(fragments):
        # what is written there tells of a run that is finished
        (out / RUN).unlink(missing_ok=True)
    sweep(out, fragments, tables)
    teller = _Teller(
        sum(one.stop - one.start for one in fragments),
        sum(receipt.rows_in for receipt in done.values()),
        what,
        shown=progress,
    )
    for receipt in engines.run([one for one in fragments if one.number not in done], engine):
        done[receipt.number] = receipt
        teller.tell(receipt.rows_in)
    receipts = [done[number] for number in sorted(done)]
    account(fragments, receipts)
    sweep(out, fragments, tables)
    counts = {name: sum(getattr(one, name) for one in receipts) for name in _COUNTS}
    run = LargeRun(out, **counts, fragments=len(fragments), resumed=len(earlier), earlier=earlier)
    if answered and run.rows_in and not run.rows_done:
        first = run.table("refused")["reason"].iloc[0]
        message = f"not one of {run.rows_in} {what} has an answer; the first has none, because {first}"
        raise EngineError(message)
    content = json.dumps({**(told or {}), **counts, "fragments": len(fragments)}, ensure_ascii=False, sort_keys=True)
    write_whole(out / RUN, content.encode("utf-8"))
    for case in out.glob("_case-*.pickle"):
        case.unlink(missing_ok=True)
    return run


def write_case(case: object, out: Path) -> dict[str, str]:
    """
    Write down what every worker must know beside its rows.

    Parameters
    ----------
    case
        Anything that can be pickled.
    out
        Folder of the run.

    Returns
    -------
    dict
        What a fragment must be given to find it; a worker trusts the case by its digest.
    """
    content = pickle.dumps(case)
    digest = hashlib.sha256(content).hexdigest()
    write_whole(out / _case_name(digest), content)
    return {"case": digest}


def read_case(fragment: Fragment) -> Any:  # noqa: ANN401 - whatever was written
    """
    Read what :func:`write_case` wrote; every thread keeps the last two that it has read, for itself.

    Threads share no case: GEOS builds the index of a prepared geometry at its first question, and two threads that ask
    at the same time tear it.

    Parameters
    ----------
    fragment
        A fragment that was given it.

    Returns
    -------
    object
        The case.

    Raises
    ------
    EngineError
        It is not what was written.
    """
    kept: dict[tuple[str, str], Any] = _OWN.__dict__.setdefault("cases", {})
    key = fragment.out, fragment.given["case"]
    if key not in kept:
        read = _load_case(*key)
        while len(kept) >= _KEPT:
            del kept[next(iter(kept))]
        kept[key] = read
    return kept[key]


def _load_case(out: str, digest: str) -> Any:  # noqa: ANN401 - whatever was written
    path = Path(out) / _case_name(digest)
    content = path.read_bytes() if path.exists() else b""
    if hashlib.sha256(content).hexdigest() != digest:
        message = (
            f"{path.name} in {path.parent.name} is not what this run wrote; let nothing else write there, and run again"
        )
        raise EngineError(message)
    return pickle.loads(content)  # noqa: S301 - written by this run: the digest came by another way


def _case_name(digest: str) -> str:
    return f"_case-{digest[:12]}.pickle"


def computing() -> dict[str, str]:
    """
    Name the versions of everything that computes, and so may move a last bit.

    Returns
    -------
    dict
        Version by library.
    """
    libraries = {
        "GEOS": shapely.geos_version_string,
        "PROJ": pyproj.proj_version_str,
        "GDAL": pyogrio.__gdal_version_string__,
    }
    return {name: version(name) for name in _PACKAGES} | libraries


def fingerprint(told: Mapping[str, Any]) -> str:
    """
    Digest everything that the answers of a run rest on, with the versions of everything that computes.

    Parameters
    ----------
    told
        Digests of the inputs, rules, day and options, as JSON can say it.

    Returns
    -------
    str
        SHA-256.
    """
    said = json.dumps({**told, "versions": computing()}, sort_keys=True)
    return hashlib.sha256(said.encode("utf-8")).hexdigest()


@contextlib.contextmanager
def held(out: Path) -> Iterator[None]:
    """
    Hold a folder for one run, from the first thing that is written there to the last.

    The hold goes with the process, however that ends.

    Parameters
    ----------
    out
        Folder of the run; it is made if need be.

    Raises
    ------
    EngineError
        Another run is at work there.
    """
    out.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl  # noqa: PLC0415 - not there on every system
    except ImportError:
        # parts are named by what they rest on, so that runs without a hold still cannot mix
        yield
        return
    with (out / _LOCK).open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            message = f"another run is at work in {out.name}; wait until it ends, or give this one a folder of its own"
            raise EngineError(message) from cause
        except OSError:
            # a file system that knows no locks
            yield
            return
        yield


class _Teller:
    """Tells how far a run is."""

    def __init__(self, rows: int, done: int, what: str, *, shown: bool) -> None:
        self._rows, self._done, self._before, self._what, self._shown = rows, done, done, what, shown
        self._start = time.monotonic()

    def tell(self, rows: int) -> None:
        self._done += rows
        if not self._shown:
            return
        rate = (self._done - self._before) / max(time.monotonic() - self._start, 1e-9)
        left = (self._rows - self._done) / max(rate, 1e-9)
        end = "\n" if self._done >= self._rows else ""
        line = f"\r{self._done:,} of {self._rows:,} {self._what}, {rate:,.0f} a second, {left:,.0f} s left {end}"
        sys.stderr.write(line)
        sys.stderr.flush()
