"""Any executor of ``concurrent.futures``: threads, processes, MPI, a job queue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, as_completed

from ecozones.engines.fragments import Fragment, Receipt, run_fragment
from ecozones.errors import EngineError


def run(fragments: Sequence[Fragment], engine: Executor) -> Iterator[Receipt]:
    """
    Do fragments on an executor; it stays open, it is the caller's.

    Parameters
    ----------
    fragments
        What is to be done.
    engine
        The executor.

    Yields
    ------
    Receipt
        One for each, as they are done.

    Raises
    ------
    EngineError
        The executor broke; only its owner can start it again.
    """
    futures = [engine.submit(run_fragment, fragment.to_json()) for fragment in fragments]
    try:
        for future in as_completed(futures):
            yield Receipt.from_json(future.result())
    except BrokenExecutor as cause:
        message = (
            "a worker of the executor died; start a new one and run again with the same folder: what is done is kept"
        )
        raise EngineError(message) from cause
    finally:
        for future in futures:
            future.cancel()
