"""Fragments and receipts: what is asked of a worker, and the proof that it was done."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely

from ecozones.errors import EngineError, InputError, name_rows

_RECEIPTS = "_receipts"
_RECORDS = "_records"
_TEMPORARY = ".unfinished"
# rows that are read together when a part is asked for what lies near a place: fewer where they are large
_GROUP_ROWS, _GROUP_VERTICES = 10_000, 200_000


@dataclasses.dataclass(frozen=True)
class Fragment:
    """
    A stretch of rows and what is to be done with it, in words that travel anywhere.

    Parameters
    ----------
    number
        Number of the fragment in its run, from 0.
    start, stop
        First row, and the one after the last.
    work
        The function that does it, as ``"module:function"``: it takes the fragment and gives an :class:`Outcome`.
    given
        What the function needs to know besides, as JSON can say it.
    out
        Folder of the run.
    fingerprint
        Digest of everything that the result rests on.
    """

    number: int
    start: int
    stop: int
    work: str
    given: Mapping[str, str]
    out: str
    fingerprint: str

    @property
    def name(self) -> str:
        """Name of its parts and of its receipt; what rests on something else has another, and cannot overwrite them."""
        return f"part-{self.number:06d}-{self.fingerprint[:12]}"

    def to_json(self) -> str:
        """Write it down."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, sort_keys=True)

    @staticmethod
    def from_json(text: str) -> Fragment:
        """Read what was written down."""
        return Fragment(**json.loads(text))


@dataclasses.dataclass(frozen=True)
class Outcome:
    """
    What a fragment came to.

    Parameters
    ----------
    tables
        Rows to keep, by name of the table; bytes where only whoever asked will read them. A table in folders by the
        values of columns has parts named ``table/column=value``.
    rows_in
        Rows that were read.
    rows_done
        Rows that have an answer.
    refused
        Rows that have none: ``row`` and ``reason``.
    counted
        What else was counted, for the summary of the run.
    """

    tables: Mapping[str, pd.DataFrame | bytes]
    rows_in: int
    rows_done: int
    refused: pd.DataFrame
    counted: Mapping[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Receipt:
    """
    The proof that a fragment was done, kept beside its data.

    Parameters
    ----------
    number, start, stop, fingerprint
        Of the fragment.
    rows_in, rows_done, rows_refused
        Rows read, answered, and put aside with a reason.
    parts
        SHA-256 of each file written, by its path within the run.
    """

    number: int
    start: int
    stop: int
    fingerprint: str
    rows_in: int
    rows_done: int
    rows_refused: int
    parts: Mapping[str, str]

    def to_json(self) -> str:
        """Write it down."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, sort_keys=True, indent=1)

    @staticmethod
    def from_json(text: str) -> Receipt:
        """Read what was written down."""
        return Receipt(**json.loads(text))


def run_fragment(text: str) -> str:
    """
    Do one fragment, unless its receipt shows that it is done.

    Doing it twice, even at the same time, writes the same bytes to the same places.

    Parameters
    ----------
    text
        The fragment, written down.

    Returns
    -------
    str
        Its receipt, written down.

    Raises
    ------
    EngineError
        The parts could not be written.
    """
    fragment = Fragment.from_json(text)
    done = find_receipt(fragment)
    if done is not None:
        return done.to_json()
    wall, cpu = time.perf_counter(), time.process_time()
    module, _, function = fragment.work.partition(":")
    work: Callable[[Fragment], Outcome] = getattr(import_module(module), function)
    outcome = work(fragment)
    out = Path(fragment.out)
    parts = {}
    for table, rows in {**outcome.tables, "refused": outcome.refused}.items():
        path = f"{table}/{fragment.name}.{'bytes' if isinstance(rows, bytes) else 'parquet'}"
        parts[path] = _write_part(rows, out / path)
    receipt = Receipt(
        fragment.number,
        fragment.start,
        fragment.stop,
        fragment.fingerprint,
        outcome.rows_in,
        outcome.rows_done,
        len(outcome.refused),
        parts,
    )
    # seconds differ from run to run; receipts and parts do not
    record = {
        **outcome.counted,
        "seconds": round(time.perf_counter() - wall, 3),
        "cpu_s": round(time.process_time() - cpu, 3),
    }
    write_whole(out / _RECORDS / f"{fragment.name}.json", json.dumps(record, sort_keys=True).encode("utf-8"))
    # after its parts: a receipt that is there speaks of parts that are there
    write_whole(_receipt_path(fragment), receipt.to_json().encode("utf-8"))
    return receipt.to_json()


def read_record(out: Path, name: str) -> dict[str, float]:
    """
    Read what doing a fragment took.

    Parameters
    ----------
    out
        Folder of the run.
    name
        Name of the fragment.

    Returns
    -------
    dict
        ``seconds``, ``cpu_s`` and what else its work counted; nothing where the record is lost, which is no part of
        the proof.
    """
    path = out / _RECORDS / f"{name}.json"
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def find_receipt(fragment: Fragment) -> Receipt | None:
    """
    Find the receipt of a fragment, if it was done just so and its parts are as they were written.

    Parameters
    ----------
    fragment
        The fragment.

    Returns
    -------
    Receipt or None
        None where it must be done, or done again.
    """
    path = _receipt_path(fragment)
    if not path.exists():
        return None
    try:
        receipt = Receipt.from_json(path.read_text(encoding="utf-8"))
    except (ValueError, TypeError):
        # torn by something that is not us: as good as none
        return None
    same = (receipt.number, receipt.start, receipt.stop, receipt.fingerprint) == (
        fragment.number,
        fragment.start,
        fragment.stop,
        fragment.fingerprint,
    )
    whole = same and all(_digest_of(Path(fragment.out) / part) == digest for part, digest in receipt.parts.items())
    return receipt if whole else None


def split(rows: int, size: int) -> list[tuple[int, int]]:
    """
    Split rows into stretches of one size; the last one may be shorter.

    Parameters
    ----------
    rows
        How many there are.
    size
        How many a stretch has.

    Returns
    -------
    list of tuple
        First row and the one after the last, of each.

    Raises
    ------
    InputError
        A stretch would have no row, so that rows would be lost.

    Examples
    --------
    >>> split(5, 2)
    [(0, 2), (2, 4), (4, 5)]
    """
    if size < 1:
        message = f"a fragment of {size} rows holds nothing; give rows= of 1 or more"
        raise InputError(message)
    return [(start, min(start + size, rows)) for start in range(0, rows, size)]


def account(fragments: Sequence[Fragment], receipts: Sequence[Receipt]) -> None:
    """
    Prove that every row of every fragment is accounted for, once.

    Parameters
    ----------
    fragments
        What was asked.
    receipts
        What was done.

    Raises
    ------
    EngineError
        A receipt is missing, there are two, or rows are lost; the message says which.
    """
    asked, given = {one.number: one for one in fragments}, [one.number for one in receipts]
    missing = sorted(set(asked) - set(given))
    foreign = sorted(set(given) - set(asked))
    twice = sorted({number for number in given if given.count(number) > 1}) if len(set(given)) < len(given) else []
    lost = [
        one.number
        for one in receipts
        if one.number in asked
        and not (
            one.rows_in == asked[one.number].stop - asked[one.number].start
            and one.rows_in == one.rows_done + one.rows_refused
            and one.fingerprint == asked[one.number].fingerprint
        )
    ]
    told = [
        f"fragments {name_rows(numbers)} {what}"
        for numbers, what in (
            (missing, "have no receipt"),
            (foreign, "were never asked for"),
            (twice, "have two receipts"),
            (lost, "do not account for all their rows"),
        )
        if numbers
    ]
    if told:
        message = "; ".join(told) + "; run again with the same folder: what is done is kept"
        raise EngineError(message)


def sweep(out: Path, fragments: Iterable[Fragment], tables: Iterable[str]) -> int:
    """
    Remove what interrupted or earlier runs have left: unfinished files, and parts that are none of this run's.

    Parameters
    ----------
    out
        Folder of the run.
    fragments
        Fragments of this run.
    tables
        Names of its tables.

    Returns
    -------
    int
        How many files were removed.
    """
    names = {fragment.name for fragment in fragments}
    stale = [path for path in out.rglob(f"*{_TEMPORARY}") if path.is_file()]
    for folder in (*tables, "refused", _RECEIPTS, _RECORDS):
        stale += [path for path in (out / folder).rglob("part-*.*") if path.stem not in names]
    for path in set(stale):
        path.unlink(missing_ok=True)
    return len(set(stale))


def write_whole(path: Path, content: bytes) -> None:
    """
    Write a file so that it is there whole or not at all.

    Parameters
    ----------
    path
        Where to; its folder is made.
    content
        What.

    Raises
    ------
    EngineError
        It could not be written.
    """
    with _finished(path) as unfinished:
        unfinished.write_bytes(content)


def _write_part(rows: pd.DataFrame | bytes, path: Path) -> str:
    with _finished(path) as unfinished:
        if isinstance(rows, bytes):
            unfinished.write_bytes(rows)
        elif isinstance(rows, gpd.GeoDataFrame):
            rows.to_parquet(
                unfinished,
                index=False,
                schema_version="1.1.0",
                write_covering_bbox=True,
                row_group_size=_group_rows(rows),
            )
        else:
            rows.to_parquet(unfinished, index=False, row_group_size=_GROUP_ROWS)
        return _digest_of(unfinished)


def _group_rows(rows: gpd.GeoDataFrame) -> int:
    vertices = int(shapely.get_num_coordinates(rows.geometry.to_numpy()).sum())
    return max(1, min(_GROUP_ROWS, _GROUP_VERTICES * len(rows) // max(vertices, 1)))


@contextlib.contextmanager
def _finished(path: Path) -> Iterator[Path]:
    """Give a name to write to, and put what was written in its place; what could not be written leaves nothing."""
    unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex}{_TEMPORARY}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        unfinished.replace(path)
    except OSError as cause:
        full = cause.errno in {errno.ENOSPC, errno.EDQUOT}
        next_ = "free some space there" if full else "see that the folder can be written to"
        message = (
            f"{path.parent.name}/{path.name} could not be written ({cause.strerror or cause}); {next_}, and run again "
            "with the same folder: what is done is kept"
        )
        raise EngineError(message) from cause
    finally:
        unfinished.unlink(missing_ok=True)


def _digest_of(path: Path) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _receipt_path(fragment: Fragment) -> Path:
    return Path(fragment.out) / _RECEIPTS / f"{fragment.name}.json"
