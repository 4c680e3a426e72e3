"""Types of restoration work and stages of a project, and the words registers have for them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ecozones.shipped import shipped_table


def type_tables() -> Mapping[str, Any]:
    """
    Give the file of types, stages and overlap classes as it is written.

    Returns
    -------
    Mapping
        Read-only.

    Examples
    --------
    >>> "nested_types" in type_tables()["overlap_classes"]
    True
    """
    return shipped_table("restoration_types")


def restoration_types() -> pd.DataFrame:
    """
    List the types of restoration work that the library knows.

    Returns
    -------
    DataFrame
        One row per type, on its id: ``code``, ``zh``, ``en``, ``family`` (the footprint it adds to), ``measure``,
        ``new_ground``, ``follow_up``, ``activity`` (as the rulebook names it), ``activity_on`` (by line, where that
        differs), ``check`` and ``aliases``.

    Examples
    --------
    >>> restoration_types().loc["mine_restoration", ["code", "zh"]].tolist()
    ['MN-RE', '矿山生态修复']
    """
    table = pd.DataFrame.from_dict(type_tables()["types"], orient="index").rename_axis("type")
    return table.assign(activity_on=table["activity_on"].map(lambda value: value if isinstance(value, dict) else {}))


def restoration_stages() -> pd.DataFrame:
    """
    List the stages of a project, in the order they are passed.

    Returns
    -------
    DataFrame
        One row per stage, on its id: ``zh``, ``en``, ``area`` and ``day`` (the columns of a project that belong to it),
        ``said_by``, ``aliases``, and ``ended`` for the stages in which a project ends without success.

    Examples
    --------
    >>> restoration_stages().index[:4].tolist()
    ['planned', 'started', 'reported', 'accepted']
    """
    tables = type_tables()
    rows = [row | {"ended": False} for row in tables["stages"]] + [row | {"ended": True} for row in tables["ended"]]
    return pd.DataFrame(rows).fillna("").set_index("id").rename_axis("stage")


def stated_areas() -> pd.DataFrame:
    """
    List the areas that a register may state of one project, in the order in which they come to be known.

    Returns
    -------
    DataFrame
        One row per area, on its id: ``zh``, ``en``, ``area`` and ``day``, the columns of a project.

    Examples
    --------
    >>> stated_areas()["area"].tolist()[:3]
    ['planned_ha', 'reported_ha', 'accepted_ha']
    """
    tables = type_tables()
    rows = [*(row for row in tables["stages"] if row["area"]), *tables["further_areas"]]
    return pd.DataFrame(rows).set_index("id").rename_axis("stage")[["zh", "en", "area", "day"]]


@functools.cache
def _type_words() -> dict[str, str]:
    words: dict[str, str] = {}
    for type_id, row in type_tables()["types"].items():
        for word in (type_id, row["code"], row["zh"], row["en"], *row["aliases"]):
            words[_plain(word)] = type_id
    return words


def _plain(text: str) -> str:
    return "".join(text.lower().replace("-", "").replace("_", "").split())


def recognise_types(types: Iterable[object]) -> list[str | None]:
    """
    Recognise types of work by id, code, name or alias; several on one ground are joined by commas.

    Parameters
    ----------
    types
        What a register says, such as ``"人工造林"`` or ``"AF-PL, SE-CT"``.

    Returns
    -------
    list
        Ids of types, sorted and joined by commas; None where any part of the text is not known.

    Examples
    --------
    >>> recognise_types(["人工造林", "SE-CT; af-pl", "road"])
    ['planted_afforestation', 'erosion_control,planted_afforestation', None]
    """
    given = [None if value is None or (isinstance(value, float) and np.isnan(value)) else str(value) for value in types]
    known = {text: _recognise(text) for text in set(given) if text is not None}
    return [None if text is None else known[text] for text in given]


@functools.cache
def _stage_words() -> dict[str, str]:
    rows = [*type_tables()["stages"], *type_tables()["ended"]]
    return {_plain(word): row["id"] for row in rows for word in (row["id"], row["zh"], row["en"], *row["aliases"])}


def recognise_stage(stage: object) -> str | None:
    """
    Recognise the stage of a project by id, name or alias.

    Parameters
    ----------
    stage
        What a register says, such as ``"验收合格"``.

    Returns
    -------
    str or None
        The id of the stage; None where the word is not known.

    Examples
    --------
    >>> recognise_stage("已完工"), recognise_stage("Accepted"), recognise_stage("soon")
    ('reported', 'accepted', None)
    """
    return None if stage is None or pd.isna(stage) else _stage_words().get(_plain(str(stage)))  # type: ignore[call-overload]


def _recognise(text: str) -> str | None:
    words = _type_words()
    whole = words.get(_plain(text))
    if whole is not None:
        return whole
    for mark in ";；、，+|":
        text = text.replace(mark, ",")
    found = {words.get(_plain(part)) for part in text.split(",") if part.strip()}
    known = {part for part in found if part is not None}
    return ",".join(sorted(known)) if known and known == found else None
