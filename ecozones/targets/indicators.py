"""Indicators of territorial plans: what they are called, how binding they are, and which way is better."""

from __future__ import annotations

import pandas as pd

from ecozones.shipped import shipped_table


def plan_indicators() -> pd.DataFrame:
    """
    List the indicators that city and provincial plans are measured by.

    Returns
    -------
    DataFrame
        One row per indicator, on its code: ``zh``, ``en``, ``level``, ``unit``, ``attribute`` (约束性 binding, 预期性
        expected, 建议性 advisory, 监测 monitored), ``direction`` (comparator of a target), ``group``, ``additive``
        (whether districts may be summed), ``status`` (``partial``, ``memory``; none was compared with the official
        table), ``note``.

    Examples
    --------
    >>> plan_indicators().loc["P03", ["zh", "attribute", "direction"]].tolist()
    ['永久基本农田保护面积', '约束性', '>=']
    """
    table = pd.DataFrame.from_dict(shipped_table("indicators")["indicators"], orient="index").rename_axis("code")
    return table.assign(note=table["note"].fillna(""))
