"""Scores of green mines by the rules of an edition; what could not be obtained passes nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from ecozones.columns import read_numbers, share_of
from ecozones.errors import InputError, SchemaError, name_rows
from ecozones.shipped import shipped_table

# what adding decimals in binary leaves
_NOISE = 1e-9


def score_green_mine(
    scores: pd.DataFrame,
    *,
    edition: Literal["2020", "2024"],
    prerequisites: Mapping[str, bool] | None = None,
    pass_points: float | None = None,
) -> pd.DataFrame:
    """
    Score a green mine by the rules of an edition.

    Parameters
    ----------
    scores
        One row per indicator of the lowest level: ``first_level``, ``second_level`` where known, ``points`` (that can
        be had), ``score``.
    edition
        ``"2020"`` (6 / 24 / 100 indicators, 1000 points) or ``"2024"`` (6 / 23 / 49, 100 points).
    prerequisites
        For the edition of 2020, whether each of its five holds; what is not said is not fulfilled. For that of 2024,
        whose own could not be obtained, those that you read in it: without them nothing passes.
    pass_points
        The mark to pass, where the edition's own could not be obtained (2024).

    Returns
    -------
    DataFrame
        One row per first-level indicator, then one for the mine (``"total"``): ``points``, ``score``, ``share``,
        ``bar`` (share, or points for the total), ``passes`` (missing where no bar is known), ``reason``, ``status`` (of
        the rules of the edition).

    Raises
    ------
    InputError
        The edition is not known, or the indicators are not those of the edition (number, sum of points).
    SchemaError
        A score, its points or its first-level indicator is missing, or a score is above its points.

    Examples
    --------
    >>> marks = pd.DataFrame({"first_level": [i % 6 for i in range(49)], "points": 100 / 49, "score": 90 / 49})
    >>> scored = score_green_mine(marks, edition="2024", pass_points=80, prerequisites={"valid permits": True})
    >>> scored.loc[6, "first_level"], bool(scored.loc[6, "passes"])
    ('total', True)
    """
    editions = shipped_table("ledgers")["green_mine"]
    if edition not in editions:
        message = f"edition {edition!r} is not known; known are {', '.join(editions)}"
        raise InputError(message)
    rules = editions[edition]
    given = read_numbers(scores, ["points", "score"], "scores")
    if "first_level" not in scores.columns or scores["first_level"].isna().any():
        message = "scores must name the first-level indicator of each row, in a column 'first_level'"
        raise SchemaError(message)
    lowest, groups = rules["third_level"], rules["first_level"]
    if (len(scores), scores["first_level"].nunique()) != (lowest, groups):
        message = (
            f"edition {edition!r} has {lowest} indicators of the third level under {groups} of the first; "
            f"{len(scores)} under {scores['first_level'].nunique()} were given"
        )
        raise InputError(message)
    if "second_level" in scores.columns and scores["second_level"].nunique() != rules["second_level"]:
        second = scores["second_level"].nunique()
        message = f"edition {edition!r} has {rules['second_level']} indicators of the second level; {second} were given"
        raise InputError(message)
    if abs(given["points"].sum() - rules["points"]) > _NOISE * rules["points"]:
        listed = given["points"].sum()
        message = f"edition {edition!r} has {rules['points']} points in all; the indicators given have {listed:g}"
        raise InputError(message)
    bad = given.isna().any(axis=1) | (given["score"] > given["points"] + _NOISE) | (given["score"] < 0)
    if bad.any():
        rows = name_rows(scores.index[bad])
        message = f"scores or points are missing, or scores negative or above their points: rows {rows}"
        raise SchemaError(message)
    table = given.groupby(scores["first_level"], sort=False).sum().reset_index()
    table["share"] = share_of(table["score"], table["points"])
    share_bar = rules.get("first_level_share", float("nan"))
    table["bar"] = share_bar
    table["passes"] = pd.array(table["share"] >= share_bar - _NOISE, dtype="boolean")
    if np.isnan(share_bar):
        table["passes"] = pd.array([pd.NA] * len(table), dtype="boolean")
    table["reason"] = ""
    mark = pass_points if pass_points is not None else rules.get("pass_points", float("nan"))
    total = float(given["score"].sum())
    told = dict(prerequisites or {})
    needed = rules["prerequisites"] or list(told)
    unmet = [name for name in needed if not told.get(name, False)]
    reasons = [f"prerequisite not fulfilled: {name}" for name in unmet]
    reasons += [
        f"{name} below its bar"
        for name in table.loc[table["passes"].eq(other=False).fillna(value=False), "first_level"]
    ]
    reasons += [f"{total:g} points of {mark:g} needed"] if total < mark - _NOISE else []
    passes: bool | Any = not reasons
    unknown = [f"the pass mark of edition {edition} could not be obtained; give pass_points"] if np.isnan(mark) else []
    if not needed:
        unknown.append(f"the prerequisites of edition {edition} could not be obtained; give those you read in it")
    if unknown and not reasons:
        passes, reasons = pd.NA, unknown
    whole = pd.DataFrame(
        {
            "first_level": ["total"],
            "points": [float(rules["points"])],
            "score": [total],
            "share": [total / rules["points"]],
            "bar": [mark],
            "passes": pd.array([passes], dtype="boolean"),
            "reason": ["; ".join(reasons)],
        }
    )
    return pd.concat([table, whole], ignore_index=True).assign(
        status=shipped_table("ledgers")["sources"][rules["source"]]["status"]
    )
