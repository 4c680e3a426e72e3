"""On this machine: one process, or one for every core, started again when one of them dies."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from ecozones.engines.fragments import Fragment, Receipt, run_fragment
from ecozones.errors import EngineError

# a pool that breaks more often has a fragment in it that kills its workers, which is then looked for one by one
_RESTARTS = 3


def run(fragments: Sequence[Fragment], processes: int | None = None) -> Iterator[Receipt]:
    """
    Do fragments on this machine.

    Parameters
    ----------
    fragments
        What is to be done.
    processes
        How many; left out: one for every core. One fragment, or one process, is done where we are.

    Yields
    ------
    Receipt
        One for each, as they are done.

    Raises
    ------
    EngineError
        A fragment kills every worker that takes it.
    """
    processes = min(processes or os.cpu_count() or 1, len(fragments))
    if processes <= 1:
        for fragment in fragments:
            yield Receipt.from_json(run_fragment(fragment.to_json()))
        return
    waiting = {fragment.number: fragment for fragment in fragments}
    for _ in range(1 + _RESTARTS):
        try:
            for receipt in _pass(list(waiting.values()), processes):
                del waiting[receipt.number]
                yield receipt
        except BrokenProcessPool:
            # one dead worker fails all that wait; what has a receipt on disk costs nothing the second time
            continue
        return
    for fragment in list(waiting.values()):
        try:
            yield from _pass([fragment], 1)
        except BrokenProcessPool as cause:
            message = (
                f"fragment {fragment.number} (rows {fragment.start} to {fragment.stop - 1}) kills every process that "
                "takes it, by lack of memory or a fault in a library; make fragments smaller with rows=. In a script, "
                "check that the call stands under if __name__ == '__main__'"
            )
            raise EngineError(message) from cause


def _pass(fragments: Sequence[Fragment], processes: int) -> Iterator[Receipt]:
    # spawned: a process that is forked out of one with threads may hang
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_follow_parent) as pool:
        futures = [pool.submit(run_fragment, fragment.to_json()) for fragment in fragments]
        try:
            for future in as_completed(futures):
                yield Receipt.from_json(future.result())
        finally:
            # a failure ends the run: what has not begun shall not
            pool.shutdown(wait=True, cancel_futures=True)


def _follow_parent() -> None:
    """End this worker when its parent is gone, however that ended: nobody would collect what it does."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
