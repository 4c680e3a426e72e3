"""
Where work is done: one unit of work, a fragment in and a receipt out, on whatever machinery there is.

An engine is given fragments and gives back their receipts, in any order. It knows nothing of plans and rules, and what
a fragment writes does not depend on the engine: parts are written to a temporary name and moved into place, the receipt
follows its parts, and a fragment that is done is never done again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from typing import Any

from ecozones.engines.fragments import Fragment, Receipt
from ecozones.errors import InputError

__all__ = ["Fragment", "Receipt", "check_engine", "run"]


def run(fragments: Sequence[Fragment], engine: Any = None) -> Iterator[Receipt]:  # noqa: ANN401 - engines share no type
    """
    Do fragments on an engine.

    Parameters
    ----------
    fragments
        What is to be done.
    engine
        None or ``"processes"`` for this machine (a process for every core where there is more than one fragment), a
        number of processes, any :class:`concurrent.futures.Executor`, a :class:`dask.distributed.Client`, or a
        ``SparkSession``.

    Yields
    ------
    Receipt
        One for each fragment, as they are done.

    Raises
    ------
    EngineError
        A fragment failed, or its worker died over and over; the first cause is chained.
    InputError
        The engine is none that is known.

    Examples
    --------
    >>> list(run([]))
    []
    """
    check_engine(engine)
    home = _home(engine)
    if isinstance(engine, Executor):
        from ecozones.engines import executor  # noqa: PLC0415 - each engine is loaded where it is asked for

        yield from executor.run(fragments, engine)
    elif home == "distributed":
        from ecozones.engines import dask  # noqa: PLC0415

        yield from dask.run(fragments, engine)
    elif home == "pyspark":
        from ecozones.engines import spark  # noqa: PLC0415

        yield from spark.run(fragments, engine)
    else:
        from ecozones.engines import local  # noqa: PLC0415

        yield from local.run(fragments, engine if isinstance(engine, int) else None)


def check_engine(engine: Any) -> None:  # noqa: ANN401 - engines share no type
    """
    Refuse what is no engine, before anything is written for it.

    Parameters
    ----------
    engine
        As for :func:`run`.

    Raises
    ------
    InputError
        The engine is none that is known.

    Examples
    --------
    >>> check_engine(2)
    >>> check_engine(0)
    Traceback (most recent call last):
    ecozones.errors.InputError: engine 0 is not known; give None, 'processes', a number of processes, a
    concurrent.futures.Executor, a dask.distributed.Client or a SparkSession
    """
    number = isinstance(engine, int) and not isinstance(engine, bool) and engine > 0
    named = engine is None or (isinstance(engine, str) and engine == "processes")
    if not (number or named or isinstance(engine, Executor) or _home(engine) in {"distributed", "pyspark"}):
        message = (
            f"engine {engine!r} is not known; give None, 'processes', a number of processes, a "
            "concurrent.futures.Executor, a dask.distributed.Client or a SparkSession"
        )
        raise InputError(message)


def _home(engine: object) -> str:
    return type(engine).__module__.split(".")[0]
