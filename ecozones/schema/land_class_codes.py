"""Codes of land classes, and the scheme that each belongs to."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import pandas as pd

from ecozones.schema.matching import restore_cut
from ecozones.shipped import shipped_table
from ecozones.units import fold

Scheme = Literal["survey-2", "survey-3", "plan-2023"]


@functools.cache
def land_classes(scheme: Scheme) -> Mapping[str, str]:
    """
    Names of land classes by code in one scheme.

    Parameters
    ----------
    scheme
        ``"survey-3"`` (third survey), ``"plan-2023"`` (land and sea use) or ``"survey-2"``.

    Returns
    -------
    Mapping
        Read-only.

    Examples
    --------
    >>> land_classes("survey-3")["0601"], land_classes("plan-2023")["0601"]
    ('工业用地', '农村道路')
    """
    found = shipped_table("land_classes")["schemes"][scheme]
    return MappingProxyType(found["classes"] | found.get("recalled", {}))


def land_class_collisions() -> pd.DataFrame:
    """
    Codes that mean different ground in the survey and in the plan.

    Returns
    -------
    DataFrame
        One row per code: ``code``, ``survey_3``, ``plan_2023``.

    Examples
    --------
    >>> land_class_collisions().set_index("code").loc["1202"].tolist()
    ['设施农用地', '公路用地']
    """
    survey, plan = land_classes("survey-3"), land_classes("plan-2023")
    renamed = shipped_table("land_classes")["renamed"]
    codes = [code for code in survey if code in plan and survey[code] != plan[code] and renamed.get(code) != code]
    return pd.DataFrame(
        {"code": codes, "survey_3": [survey[code] for code in codes], "plan_2023": [plan[code] for code in codes]}
    )


def land_class_schemes(codes: pd.Series, field: str) -> pd.Series:
    """
    Tell the scheme that each land-class code belongs to by the field it stands in.

    Parameters
    ----------
    codes
        Codes as text.
    field
        Name of the column they come from.

    Returns
    -------
    Series
        ``"survey-3"``, ``"plan-2023"``, ``"survey-2"`` (three digits in a survey field) or None where the field does
        not tell; named ``land_class_scheme``.

    Examples
    --------
    >>> land_class_schemes(pd.Series(["0601", "011"]), "DLBM").tolist()
    ['survey-3', 'survey-2']
    >>> land_class_schemes(pd.Series(["0601"]), "用地用海分类代码").tolist()
    ['plan-2023']
    """
    schemes = shipped_table("land_classes")["schemes"]
    known = {fold(name): scheme for scheme, entry in schemes.items() for name in entry["fields"]}
    cut = {scheme: restore_cut(field, entry["fields"]) for scheme, entry in schemes.items()}
    scheme = known.get(fold(field)) or next((name for name, full in cut.items() if full), None)
    found = pd.Series([scheme] * len(codes), index=codes.index, dtype=object).where(codes.notna(), None)
    if scheme == "survey-3":
        found[codes.str.fullmatch(r"\d{3}").fillna(value=False).astype(bool)] = "survey-2"
    return found.rename("land_class_scheme")
