"""The error that names rows that cannot be measured."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecozones.errors import GeometryError, name_rows


def refuse_rows(bad: NDArray[np.bool_], labels: pd.Index, told: str) -> None:
    """
    Raise an error that names the rows that cannot be measured, if there are any.

    Parameters
    ----------
    bad
        Which they are.
    labels
        What rows are called.
    told
        What is wrong and what to do, in words that follow on the rows.

    Raises
    ------
    GeometryError
        With the rows as ``problems``.
    """
    if bad.any():
        raise refusal_of(pd.DataFrame({"row": labels[bad], "problem": told}))


def refusal_of(problems: pd.DataFrame) -> GeometryError:
    """
    Make the error that names rows that cannot be measured.

    Parameters
    ----------
    problems
        Columns ``row`` and ``problem``.

    Returns
    -------
    GeometryError
        With the table as ``problems``.
    """
    groups = problems.groupby("problem", sort=False)["row"]
    return GeometryError("; ".join(f"geometries in rows {name_rows(rows)} {told}" for told, rows in groups), problems)
