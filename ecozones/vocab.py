"""Control lines, spaces and verdicts: the words that every table uses, read from ``data/vocab.toml``."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import pandas as pd

from ecozones.errors import RulebookError
from ecozones.shipped import shipped_table

Language = Literal["zh", "en"]


@dataclasses.dataclass(frozen=True)
class Subzone:
    """A part of a control line that has rules of its own."""

    id: str
    zh: str
    en: str
    words: tuple[str, ...] = ()

    def label(self, language: Language = "zh") -> str:
        """Name the sub-zone in a language."""
        return self.zh if language == "zh" else self.en


@dataclasses.dataclass(frozen=True)
class Style:
    """How a line is drawn; the dash and the words carry the meaning for those who cannot see the hue."""

    edge: str = "#333333"
    fill: str = "#999999"
    opacity: float = 0.3
    dash: str = ""


@dataclasses.dataclass(frozen=True)
class ControlLine:
    """
    A control line as data: names, sub-zones, and how layers of it are recognised.

    Parameters
    ----------
    id
        Key used in every table.
    zh, en
        Names.
    required
        A plan without this line leaves every site undetermined.
    subzone_required
        Ground inside the line without a recognised sub-zone is undetermined.
    default_subzone
        The sub-zone of features that state none.
    complement
        The sub-zone of ground inside the plan but outside the line; empty where that ground carries no claim.
    subzones
        Sub-zones, in the order of the file.
    setback_m
        Distance within which a site counts as near. [m]
    layers, not_layers
        Names a layer of this line may have, and words that show a layer is something else.
    id_fields, name_fields, subzone_fields
        Columns each is read from, first match wins.
    style
        How it is drawn.
    """

    id: str
    zh: str
    en: str
    required: bool = False
    subzone_required: bool = False
    default_subzone: str = ""
    complement: str = ""
    subzones: tuple[Subzone, ...] = ()
    setback_m: float = 0.0
    layers: tuple[str, ...] = ()
    not_layers: tuple[str, ...] = ()
    id_fields: tuple[str, ...] = ("feature_id",)
    name_fields: tuple[str, ...] = ("name",)
    subzone_fields: tuple[str, ...] = ("subzone",)
    style: Style = Style()

    def label(self, language: Language = "zh") -> str:
        """Name the line in a language."""
        return self.zh if language == "zh" else self.en

    def subzone_label(self, subzone: str, language: Language = "zh") -> str:
        """Name one of its sub-zones in a language; an unknown one is named as it stands."""
        return next((known.label(language) for known in self.subzones if known.id == subzone), subzone)


@dataclasses.dataclass(frozen=True)
class Zone:
    """One of the spaces that together make up a territory."""

    id: str
    zh: str
    en: str
    layers: tuple[str, ...] = ()

    def label(self, language: Language = "zh") -> str:
        """Name the space in a language."""
        return self.zh if language == "zh" else self.en


@dataclasses.dataclass(frozen=True)
class VerdictWord:
    """What a verdict is called, and what it means."""

    id: str
    zh: str
    en: str
    sign: str
    meaning_zh: str
    meaning_en: str

    def label(self, language: Language = "zh") -> str:
        """Name the verdict in a language."""
        return self.zh if language == "zh" else self.en

    def meaning(self, language: Language = "zh") -> str:
        """Explain the verdict in a language."""
        return self.meaning_zh if language == "zh" else self.meaning_en


_LINE_KEYS = {field.name for field in dataclasses.fields(ControlLine)} - {"id"}


def parse_lines(tables: Mapping[str, Any], where: str) -> dict[str, ControlLine]:
    """
    Read ``[lines.*]`` tables, strictly.

    Parameters
    ----------
    tables
        The tables by line id.
    where
        File name for messages.

    Returns
    -------
    dict
        Control lines by id, in the order of the file.

    Raises
    ------
    RulebookError
        A key is unknown or missing, or a sub-zone is named that the line does not have.
    """
    return {line_id: _parse_line(line_id, dict(table), where) for line_id, table in tables.items()}


def _parse_line(line_id: str, table: dict[str, Any], where: str) -> ControlLine:
    unknown = sorted(set(table) - _LINE_KEYS)
    if unknown:
        known = ", ".join(sorted(_LINE_KEYS))
        message = f"{where}: line {line_id!r} has unknown keys {', '.join(unknown)}; known are {known}"
        raise RulebookError(message)
    missing = [key for key in ("zh", "en") if not table.get(key)]
    if missing:
        message = f"{where}: line {line_id!r} has no {' and no '.join(missing)} name; write both languages"
        raise RulebookError(message)
    subzones: dict[str, Subzone] = {}
    for key, value in table.pop("subzones", {}).items():
        extra = sorted(set(value) - {"zh", "en", "words"})
        if extra or not value.get("zh") or not value.get("en"):
            message = (
                f"{where}: sub-zone {key!r} of line {line_id!r} needs zh and en, and takes words; {extra} mean nothing"
            )
            raise RulebookError(message)
        subzones[key] = Subzone(key, value["zh"], value["en"], tuple(value.get("words", ())))
    for key in ("default_subzone", "complement"):
        if table.get(key) and table[key] not in subzones:
            message = (
                f"{where}: {key} of line {line_id!r} is {table[key]!r}, none of its sub-zones {', '.join(subzones)}"
            )
            raise RulebookError(message)
    style = Style(**table.pop("style", {}))
    lists: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    return ControlLine(id=line_id, subzones=tuple(subzones.values()), style=style, **lists)


@functools.cache
def control_lines() -> Mapping[str, ControlLine]:
    """
    Give the control lines of the built-in jurisdiction, by id.

    Returns
    -------
    Mapping
        Read-only.

    Examples
    --------
    >>> control_lines()["ecological_red_line"].zh
    '生态保护红线'
    """
    return MappingProxyType(parse_lines(shipped_table("vocab")["lines"], "vocab.toml"))


@functools.cache
def zones() -> Mapping[str, Zone]:
    """
    Give the three spaces of the built-in jurisdiction, by id.

    Returns
    -------
    Mapping
        Read-only.

    Examples
    --------
    >>> [zone.zh for zone in zones().values()]
    ['农业空间', '生态空间', '城镇空间']
    """
    table = shipped_table("vocab")["zones"]
    return MappingProxyType(
        {key: Zone(key, value["zh"], value["en"], tuple(value["layers"])) for key, value in table.items()}
    )


@functools.cache
def verdict_words() -> Mapping[str, VerdictWord]:
    """
    Give the verdicts by id, mildest first.

    Returns
    -------
    Mapping
        Read-only.

    Examples
    --------
    >>> list(verdict_words())[0], list(verdict_words())[-1]
    ('clear', 'prohibited')
    """
    return MappingProxyType({row["id"]: VerdictWord(**row) for row in shipped_table("vocab")["verdicts"]})


def verdict_dtype() -> pd.CategoricalDtype:
    """
    Give the ordered categorical of verdicts, so that the worst of a group is its maximum.

    Returns
    -------
    CategoricalDtype
        Mildest first.

    Examples
    --------
    >>> pd.Series(["clear", "prohibited"], dtype=verdict_dtype()).max()
    'prohibited'
    """
    return pd.CategoricalDtype(list(verdict_words()), ordered=True)
