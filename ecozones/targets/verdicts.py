"""What targets are called: met, ahead, behind, breached, and what cannot be evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import pandas as pd

Verdict = Literal["met", "ahead", "on_track", "behind", "off_track", "breached", "not_evaluable"]
VERDICT_WORDS: Mapping[Verdict, str] = {
    "met": "已达标",
    "ahead": "超前",
    "on_track": "符合进度",
    "behind": "滞后",
    "off_track": "偏离",
    "breached": "已突破",
    "not_evaluable": "无法评价",
}
"""Verdicts by what they are called, best first; what cannot be evaluated comes last."""


def verdict_dtype() -> pd.CategoricalDtype:
    """
    Ordered categorical of target verdicts, best first.

    Returns
    -------
    CategoricalDtype
        ``"not_evaluable"`` is last, because not knowing is no success.

    Examples
    --------
    >>> pd.Series(["met", "behind"], dtype=verdict_dtype()).max()
    'behind'
    """
    return pd.CategoricalDtype(list(VERDICT_WORDS), ordered=True)
