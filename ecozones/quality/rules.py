"""What may be wrong with a layer: the rules, their thresholds, and how closely a map scale is drawn."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pandas as pd

from ecozones.shipped import shipped_table

Limits = Mapping[str, float]
Thresholds = Mapping[str, Mapping[str, float]]


@dataclasses.dataclass(frozen=True)
class QualityRule:
    """One thing that may be wrong with a layer, as ``data/quality.toml`` has it."""

    id: str
    zh: str
    en: str
    severity: str
    unit: str
    message_zh: str
    message_en: str
    remedy_zh: str
    remedy_en: str
    status: str
    reports: str = ""
    thresholds: Mapping[str, float] = dataclasses.field(default_factory=dict)
    scale_key: str = ""
    seen: str = ""


def settings() -> Mapping[str, Any]:
    """Read the rules, thresholds and tables."""
    return shipped_table("quality")


@functools.cache
def rules_by_id() -> Mapping[str, QualityRule]:
    """Give the rules by id, in the order in which they are listed."""
    return MappingProxyType({row["id"]: QualityRule(**row) for row in settings()["rules"]})


def quality_rules() -> pd.DataFrame:
    """
    Every rule that a layer is checked by.

    Returns
    -------
    DataFrame
        One row per rule: ``id, zh, en, severity, unit, reports, thresholds, remedy_zh, remedy_en, status, seen``.

    Examples
    --------
    >>> quality_rules().set_index("id").loc["coverage.gap", "zh"]
    '图层内缝隙'
    """
    columns = [
        "id",
        "zh",
        "en",
        "severity",
        "unit",
        "reports",
        "thresholds",
        "remedy_zh",
        "remedy_en",
        "status",
        "seen",
    ]
    rows = [{name: getattr(rule, name) for name in columns} for rule in rules_by_id().values()]
    return pd.DataFrame(rows, columns=columns)


def map_accuracy(scale: int, *, built_up: bool = False) -> float:
    """
    How far a point drawn at a map scale may be off beside its neighbours.

    Parameters
    ----------
    scale
        The number under the line: 2000 for 1:2 000.
    built_up
        Towns and industrial ground, where points are drawn more closely.

    Returns
    -------
    float
        Standard error of a position. [m]

    Raises
    ------
    ValueError
        The scale is not one that plans are drawn at.

    Examples
    --------
    >>> map_accuracy(2000)
    1.6
    """
    said = settings()["accuracy"]
    if scale not in said["scales"]:
        message = f"map scale 1:{scale} is not known; use one of {', '.join(map(str, said['scales']))}"
        raise ValueError(message)
    return float(said["on_map_built_up_mm" if built_up else "on_map_mm"] * scale / 1000)
