"""What a table promises: its columns, what they hold, in which unit, and the names they go by in files."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, Literal

from ecozones.shipped import shipped_table
from ecozones.units import Kind as UnitKind
from ecozones.units import stated_units

Kind = Literal["text", "number", "integer", "year", "day", "flag"]


@dataclasses.dataclass(frozen=True)
class Column:
    """
    One column of a table: what it holds, in which unit, and the names it goes by in files.

    Parameters
    ----------
    id
        Its name in tables.
    zh, en
        Its labels.
    kind
        What it holds; a ``"flag"`` is yes, no or missing, a ``"day"`` a date, a ``"year"`` a whole
        number, which may be told by a day.
    unit
        Unit of its figures.
    required
        A table without it is refused.
    unique
        It names the rows: none is blank, and rows are numbered where the file has no such column.
    repeated
        Though it names things, several rows may be of one thing.
    optional
        Left out of the table where the file has no such column.
    keep_stated
        What the file states stays beside it where its unit was another.
    states_unit_of
        It tells row by row in which unit figures of this kind stand that do not say so themselves.
    aliases
        Names it goes by in files.
    """

    id: str
    zh: str
    en: str
    kind: Kind = "text"
    unit: str = ""
    required: bool = False
    unique: bool = False
    repeated: bool = False
    optional: bool = False
    keep_stated: bool = False
    states_unit_of: UnitKind | None = None
    aliases: tuple[str, ...] = ()

    @property
    def unit_kind(self) -> UnitKind | None:
        """Area or money, for figures that registers state in many units."""
        kinds: tuple[UnitKind, ...] = ("area", "money")
        return next((kind for kind in kinds if self.unit in stated_units(kind)), None)


@dataclasses.dataclass(frozen=True)
class Table:
    """A table: its columns, in order."""

    id: str
    zh: str
    en: str
    columns: tuple[Column, ...]


def settings() -> Mapping[str, Any]:
    """
    Give the tables file as it is written.

    Returns
    -------
    Mapping
        Read-only.

    Examples
    --------
    >>> "lxdh" in settings()["personal"]["columns"]
    True
    """
    return shipped_table("tables")


@functools.cache
def table(name: str) -> Table:
    """
    Give the contract of one table.

    Parameters
    ----------
    name
        Key in the tables file; a nested one with a dot, such as ``"review.lines"``.

    Returns
    -------
    Table
        Its columns, in order.

    Raises
    ------
    KeyError
        There is no such table.

    Examples
    --------
    >>> [column.id for column in table("sites").columns][:3]
    ['site_id', 'name', 'activity']
    """
    found: Any = settings()
    for part in name.split("."):
        found = found[part]
    columns: list[Column] = []
    for key, value in found["columns"].items():
        columns.append(Column(key, **value))
    return Table(name, found["zh"], found["en"], tuple(columns))
