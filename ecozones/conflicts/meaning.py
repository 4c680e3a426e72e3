"""What it means by the rules that features of two lines share ground."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from ecozones.conflicts.common_ground import Geometries, Numbers
from ecozones.rulebook import Rulebook
from ecozones.shipped import shipped_table

# shares of a feature that differ less are equal: what double precision leaves of a cut along a shared edge
_WHOLE = 1 - 1e-9
_MEANING = ["severity", "rule_id", "citation", "status", "note", "note_zh"]


def say_meaning(table: pd.DataFrame, lines: tuple[str, str], deduction: Numbers, book: Rulebook) -> pd.DataFrame:
    """
    Say what the ground that features of two lines share means by the rules, and put it in order.

    Parameters
    ----------
    table
        Shared ground, with the ids of the features and how they lie to each other.
    lines
        The two lines.
    deduction
        Share of farmland that is ridges and ditches, NaN where none is stated.
    book
        The rules.

    Returns
    -------
    DataFrame
        As :func:`ecozones.find_conflicts` lists it, for these two lines.
    """
    table["net_m2"] = table["area_m2"] * (1 - deduction)
    meaning = {relation: _meaning(book, lines, relation) for relation in table["relation"].unique()}
    for column in _MEANING:
        table[column] = [meaning[relation][column] for relation in table["relation"]]
    order = ["feature_a", "feature_b", "artefact", *(["district"] if "district" in table.columns else [])]
    return table.assign(line_a=lines[0], line_b=lines[1]).sort_values(order, kind="stable", ignore_index=True)


def relations(shared: Geometries, of_a: Numbers, of_b: Numbers) -> Geometries:
    """
    Say how the first feature of each pair lies to the second.

    Parameters
    ----------
    shared
        The ground that each pair shares.
    of_a, of_b
        What the two features measure, in the same plane.

    Returns
    -------
    ndarray
        equal, inside, contains or crosses.

    Examples
    --------
    >>> relations(np.array([shapely.box(0, 0, 1, 1)], dtype=object), np.array([1.0]), np.array([4.0])).tolist()
    ['inside']
    """
    both = shapely.area(shared)
    a, b = both / of_a >= _WHOLE, both / of_b >= _WHOLE
    return np.select([a & b, a, b], ["equal", "inside", "contains"], default="crosses").astype(object)


def _meaning(book: Rulebook, lines: tuple[str, str], relation: str) -> dict[str, str]:
    """Ask the rules what an overlap of two lines means."""
    rule = next((rule for rule in book.overlaps if {rule.a, rule.b} == set(lines)), None)
    if rule is None:
        said = ("undetermined", "", "", "", "no rule says what this overlap means", "规则未说明此类重叠")
        return dict(zip(_MEANING, said, strict=True))
    severity, note, note_zh = str(rule.severity), rule.note, rule.note_zh
    island = next((island for island in shipped_table("conflicts")["islands"] if island["overlap"] == rule.id), None)
    if island is not None:
        within = {"equal", "inside" if lines[0] == island["inner"] else "contains"}
        severity = island["inside"] if relation in within else island["across"]
        note, note_zh = (
            (island["note"], island["note_zh"])
            if relation in within
            else (island["note_across"], island["note_across_zh"])
        )
    return dict(zip(_MEANING, (severity, rule.id, book.cite(rule), rule.status, note, note_zh), strict=True))
