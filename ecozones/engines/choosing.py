"""Which engine does the work: told apart by what is used of it, and refused where that is not there."""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from typing import Any

from ecozones.engines.fragments import Fragment, Receipt
from ecozones.errors import InputError

# what is used of the objects of a library: a module has others, such as a configuration, that can do no work
_USED = {"distributed": ("map", "cancel"), "pyspark": ("range", "builder")}


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

        yield from local.run(fragments, int(engine) if isinstance(engine, numbers.Integral) else None)


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
    number = not isinstance(engine, bool) and isinstance(engine, numbers.Integral) and int(engine) > 0
    named = engine is None or (isinstance(engine, str) and engine == "processes")
    if not (number or named or isinstance(engine, Executor) or _home(engine)):
        message = (
            f"engine {engine!r} is not known; give None, 'processes', a number of processes, a "
            "concurrent.futures.Executor, a dask.distributed.Client or a SparkSession"
        )
        raise InputError(message)


def _home(engine: object) -> str:
    """Name the library whose engine this is; nothing where it is none, or another object of that library."""
    home = type(engine).__module__.split(".")[0]
    # asked of its class: the properties of an engine may ask its cluster
    return home if home in _USED and all(hasattr(type(engine), name) for name in _USED[home]) else ""
