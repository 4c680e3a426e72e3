"""Rulebooks that refine each other: what replaces, and what must agree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from ecozones.errors import RulebookError
from ecozones.provenance import Source
from ecozones.rulefile import Activity, OverlapRule, Rule
from ecozones.vocab import ControlLine

Row = TypeVar("Row", Rule, OverlapRule)
Word = TypeVar("Word", ControlLine, Activity, Source)


def replace_rows(mine: tuple[Row, ...], theirs: tuple[Row, ...]) -> tuple[Row, ...]:
    """
    Put rows in the place of rows of the same id, and the others after them.

    Parameters
    ----------
    mine, theirs
        The rows that are refined, and those that refine them.

    Returns
    -------
    tuple
        One row for each id.
    """
    return tuple(({item.id: item for item in mine} | {item.id: item for item in theirs}).values())


def join_agreeing(mine: tuple[Word, ...], theirs: tuple[Word, ...], what: str) -> tuple[Word, ...]:
    """
    Join words that must mean the same wherever they are declared.

    Parameters
    ----------
    mine, theirs
        What is declared here and there.
    what
        What it is, for messages.

    Returns
    -------
    tuple
        Each once.

    Raises
    ------
    RulebookError
        One is declared twice, and differently.
    """
    known = {item.id: item for item in mine}
    for item in theirs:
        if known.setdefault(item.id, item) != item:
            message = f"{what} {item.id!r} is declared twice, and differently; rename one or write them alike"
            raise RulebookError(message)
    return tuple(known.values())


def join_all(groups: Iterable[tuple[Word, ...]], what: str) -> tuple[Word, ...]:
    """
    Join the words of several files.

    Parameters
    ----------
    groups
        What each declares.
    what
        What it is, for messages.

    Returns
    -------
    tuple
        Each once.

    Raises
    ------
    RulebookError
        One is declared twice, and differently.
    """
    joined: tuple[Word, ...] = ()
    for group in groups:
        joined = join_agreeing(joined, group, what)
    return joined
