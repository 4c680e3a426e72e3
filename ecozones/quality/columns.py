"""The columns of a layer, held to the official table that it should be."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from ecozones.quality.edges import Flags
from ecozones.quality.layer import Layer
from ecozones.quality.rules import settings
from ecozones.schema import land_classes

# a layer is taken for an official table if it has this share of its required columns
_RECOGNISED = 0.5


def check_columns(layer: Layer, table: str | None) -> list[gpd.GeoDataFrame]:
    """Hold the columns of a layer to an official table, or say that none is known."""
    name = table or _recognised(layer)
    if name is None:
        zh, en = "无法识别所属的官方数据表", "it is not known which official table the layer should be; pass table=..."
        return [layer.not_checked("field.missing", zh, en)]
    found: list[gpd.GeoDataFrame] = []
    for field in settings()["tables"][name]["fields"]:
        label = f"{name}.{field['id']}"
        column = layer.column([field["id"], *field.get("roles", [])])
        if column is None:
            if field.get("required"):
                nowhere = np.array([None], dtype=object)
                found.append(layer.findings("field.missing", [""], nowhere, detail=([label], [label])))
            continue
        found += _values(layer, field, label, column)
    return found


def _recognised(layer: Layer) -> str | None:
    """Find the official table whose required columns a layer mostly has."""
    best, most = None, 0.0
    for name, said in settings()["tables"].items():
        if layer.name and said["lines"] and layer.name not in said["lines"]:
            continue
        required = [field for field in said["fields"] if field.get("required")]
        here = sum(layer.column([field["id"]]) is not None for field in required)
        if here / len(required) >= _RECOGNISED and here / len(required) > most:
            best, most = name, here / len(required)
    return best


def _values(layer: Layer, field: Mapping[str, Any], label: str, column: pd.Series) -> list[gpd.GeoDataFrame]:
    """Hold the values of one column to what the official table says."""
    text = column.map(_written)
    blank = (text == "").to_numpy()
    found: list[gpd.GeoDataFrame] = []

    def say(rule: str, bad: Flags, zh: Callable[[str], str], en: Callable[[str], str]) -> None:
        rows = np.flatnonzero(bad)
        if len(rows):
            values = text.to_numpy()[rows]
            shown = layer.back(layer.flat[rows])
            told = [zh(value) for value in values], [en(value) for value in values]
            found.append(layer.findings(rule, list(layer.ids[rows]), shown, detail=told))

    if field.get("required"):
        say("field.blank", blank, lambda _: label, lambda _: label)
    if field.get("kind") == "number":
        number = pd.to_numeric(text.where(~blank), errors="coerce").to_numpy(dtype=float)
        bad = ~blank & ~np.isfinite(number)
        say("field.type", bad, lambda v: f"{label} 不是数值：{v}", lambda v: f"{label} is no number: {v}")
        out = np.isfinite(number) & (
            (number < field.get("min", -np.inf))
            | (number > field.get("max", np.inf))
            | (number <= field.get("above", -np.inf))
        )
        say("field.domain", out, lambda v: f"{label} = {v}", lambda v: f"{label} = {v}")
        return found
    length = field.get("length")
    if length:
        long = text.str.len().to_numpy() > length
        say(
            "field.type",
            long,
            lambda v: f"{label} 超过 {length} 个字符：{v}",
            lambda v: f"{label} is longer than {length} characters: {v}",
        )
    domain = field.get("domain")
    if domain:
        foreign = ~blank & ~text.map(functools.partial(_in_domain, domain=domain)).to_numpy(dtype=bool)
        say("field.domain", foreign, lambda v: f"{label} = {v}", lambda v: f"{label} = {v}")
    return found


def _written(value: object) -> str:
    """Write a value as it would stand in a text column: a whole number has no decimal point."""
    if value is None or pd.isna(value):  # type: ignore[call-overload]
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _in_domain(value: str, *, domain: str) -> bool:
    if domain == "land_class":
        known = land_classes("survey-3")
        # K stands for ground that may be turned back to arable land, A for a finer class
        return value in known or (value[-1:] in {"K", "A"} and value[:-1] in known)
    return re.fullmatch(domain, value) is not None
