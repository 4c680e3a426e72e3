"""On this machine: one process, or one for every core, started again when one of them dies."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

from ecozones.engines.fragments import Fragment, Receipt, run_fragment
from ecozones.errors import EngineError, name_rows

# how often a fragment that was at work when a process died is tried by itself
_ALONE = 2
# more fragments that kill whatever takes them are no fault of theirs: the run ends there
_DEADLY = 3


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
        Fragments kill every process that takes them; all others are done first.
    """
    processes = min(processes or os.cpu_count() or 1, len(fragments))
    if processes <= 1:
        for fragment in fragments:
            yield Receipt.from_json(run_fragment(fragment.to_json()))
        return
    waiting, deadly = deque(fragments), list[Fragment]()
    while waiting and len(deadly) <= _DEADLY:
        flying = dict[Future[str], Fragment]()
        try:
            yield from _fly(waiting, flying, processes)
        except BrokenProcessPool:
            # one dead process fails all that were at work; which of them it was, shows when each is tried by itself
            for suspect in flying.values():
                try:
                    yield _alone(suspect)
                except BrokenProcessPool:
                    deadly.append(suspect)
    if deadly:
        told = name_rows([f"{one.number} (rows {one.start} to {one.stop - 1})" for one in deadly])
        left = f"; {len(waiting)} others were not tried" if waiting else "; all others are done"
        message = (
            f"fragment {told} kills every process that takes it, by lack of memory or a fault in a library{left}. Make "
            "fragments smaller with rows=, and run again. In a script, check that the call stands under "
            "if __name__ == '__main__'"
        )
        raise EngineError(message)


def _fly(waiting: deque[Fragment], flying: dict[Future[str], Fragment], processes: int) -> Iterator[Receipt]:
    """Keep every process at work, with no more handed out than are at work: a death tells who may have died of it."""
    with _pool(processes) as pool:
        try:
            while waiting or flying:
                while waiting and len(flying) < processes:
                    fragment = waiting.popleft()
                    try:
                        flying[pool.submit(run_fragment, fragment.to_json())] = fragment
                    except BrokenProcessPool:
                        waiting.appendleft(fragment)
                        raise
                done, _ = wait(flying, return_when=FIRST_COMPLETED)
                # what was done before the death is no suspect
                for future in sorted(done, key=lambda one: one.exception() is not None):
                    receipt = Receipt.from_json(future.result())
                    del flying[future]
                    yield receipt
        finally:
            # a failure ends the run: what has not begun shall not
            pool.shutdown(wait=True, cancel_futures=True)


def _alone(fragment: Fragment) -> Receipt:
    for _ in range(_ALONE - 1):
        try:
            return _in_a_process_of_its_own(fragment)
        except BrokenProcessPool:
            continue
    return _in_a_process_of_its_own(fragment)


def _in_a_process_of_its_own(fragment: Fragment) -> Receipt:
    with _pool(1) as pool:
        return Receipt.from_json(pool.submit(run_fragment, fragment.to_json()).result())


def _pool(processes: int) -> ProcessPoolExecutor:
    # spawned: a process that is forked out of one with threads may hang
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(processes, mp_context=context, initializer=_follow_parent)


def _follow_parent() -> None:
    """End this worker when its parent is gone, however that ended: nobody would collect what it does."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
