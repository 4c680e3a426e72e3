"""
Sites in memory on any engine: the very review that one process gives.

What holds for one site holds for it in any company, so that stretches of sites can be answered anywhere and put side by
side. What goes to the workers and comes back lies in a folder that is gone afterwards.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import pickle
import tempfile
import uuid
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np

from ecozones import engines
from ecozones.engines.fragments import Fragment, Outcome, Receipt, account, split, write_whole
from ecozones.errors import EngineError
from ecozones.large.asked import ROWS, Asked, check_asked, cut_lines, day_and_book, hold_paths, together, ways
from ecozones.large.near import TABLES
from ecozones.large.run import read_case, write_case
from ecozones.large.tables import none_refused
from ecozones.options import plain
from ecozones.plan import ZoningPlan
from ecozones.review import SiteReview
from ecozones.rulebook import Rulebook
from ecozones.siting import PreparedSites, answer_sites, check_sites, hash_inputs, prepare_sites

# fewer sites in memory are checked sooner than processes are started
_INLINE = 30_000


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
    SchemaError, GeometryError, CRSError, InputError
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
    rows, engine = plain(rows), plain(engine)
    options = {name: plain(value) for name, value in options.items()}
    named = {"folder": folder, "rows": rows, "engine": engine, "on": on, "rules": rules}
    # these two are left out where there are none
    named = {name: value for name, value in named.items() if value is not None or name not in {"folder", "rows"}}
    check_asked("check_sites_on", "frames in memory", options, named)
    day, book = day_and_book(on, rules)
    if (engine is None and len(sites) < _INLINE) or not len(sites):
        return check_sites(sites, plan, on=day, rules=book, **options)
    prepared = prepare_sites(sites, plan, book)
    # options are looked at before anything is written
    answer_sites(prepared.take(0, 0), plan, day, book, **options)
    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ecozones-", dir=folder) as place:
        out = Path(place).resolve()
        given = write_case(Asked(cut_lines(plan), book, day, options), out)
        mark = uuid.uuid4().hex
        fragments = []
        for number, (start, stop) in enumerate(split(len(sites), rows or _stretch(len(sites)))):
            content = pickle.dumps(prepared.take(start, stop))
            write_whole(out / f"sites-{number:06d}.pickle", content)
            told = given | {"sites": hashlib.sha256(content).hexdigest()}
            fragments.append(
                Fragment(number, start, stop, "ecozones.large.frames:answer_fragment", told, str(out), mark)
            )
        receipts = sorted(engines.run(fragments, engine), key=lambda receipt: receipt.number)
        account(fragments, receipts)
        reviews = [_read_review(out, receipt) for receipt in receipts]
    hold_paths([review.capsule for review in reviews], ways(sites.total_bounds, sites.crs, plan))
    tables = {name: together([getattr(review, name) for review in reviews]) for name in TABLES}
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
    return Outcome({"review": pickle.dumps(review)}, n, n, none_refused())


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


def _stretch(n: int) -> int:
    return int(np.clip(n // 16, 500, ROWS))
