"""Stated areas and money in one unit, with what was stated beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ecozones.columns import as_numbers, read_numbers
from ecozones.errors import SchemaError, name_rows
from ecozones.units import stated_units, unit_of


def convert_areas(values: pd.Series, unit: str | pd.Series) -> pd.DataFrame:
    """
    Turn stated areas into hectares, and keep what was stated.

    Parameters
    ----------
    values
        Numbers as stated.
    unit
        One unit, or one per row: ``mu`` (亩), ``wan_mu`` (万亩), ``ha`` (公顷), ``wan_ha`` (万公顷), ``km2``,
        ``wan_km2``, ``m2``, ``acre``, or a name they also go by.

    Returns
    -------
    DataFrame
        On the index of `values`: ``stated``, ``stated_unit``, ``area_ha``, ``doubt`` (why the unit may be wrong, else
        empty) and ``if_doubt_ha`` (the area if it is). [ha]

    Raises
    ------
    SchemaError
        A unit is not known, or a value is not a number.

    Examples
    --------
    >>> convert_areas(pd.Series([5600.0]), "acre")[["area_ha", "if_doubt_ha"]].round(2).values.tolist()
    [[2266.24, 373.33]]
    """
    table = pd.DataFrame({"stated": values, "stated_unit": unit})
    number = read_numbers(table, ["stated"], "stated areas")["stated"]
    known = table["stated_unit"].map(lambda word: unit_of(word, "area"))
    strange = known.isna()
    if strange.any():
        names = sorted({str(name) for name in table.loc[strange, "stated_unit"]})
        message = f"area units not known: {name_rows(names)}; known are {', '.join(stated_units('area'))}"
        raise SchemaError(
            message, pd.DataFrame({"row": table.index[strange], "column": "unit", "problem": "is not known"})
        )
    doubted = known.map(lambda unit: stated_units("area").get(unit.doubt))
    each = [(unit, other, value) for unit, other, value in zip(known, doubted, number, strict=True)]
    return table.assign(
        stated=number,
        area_ha=[float(unit.to_base(value)) / 1e4 for unit, _, value in each],
        doubt=[f"may be a mistranslation of {other.words[1]}" if other else "" for _, other, _ in each],
        if_doubt_ha=[float(other.to_base(value)) / 1e4 if other else np.nan for _, other, value in each],
    )


def convert_money(values: pd.Series, unit: str | pd.Series) -> pd.DataFrame:
    """
    Turn stated money into plain currency, and keep what was stated.

    Parameters
    ----------
    values
        Numbers as stated.
    unit
        One unit, or one per row: ``yuan`` (元), ``wan_yuan`` (万元), ``yi_yuan`` (亿元), ``wan_usd`` (万美元), or a
        name they also go by.

    Returns
    -------
    DataFrame
        On the index of `values`: ``stated``, ``stated_unit``, ``amount`` (in whole units of the currency),
        ``currency``.

    Raises
    ------
    SchemaError
        A unit is not known, or a value is not a number.

    Examples
    --------
    >>> convert_money(pd.Series([1.5, 300]), pd.Series(["亿元", "万元"]))["amount"].tolist()
    [150000000.0, 3000000.0]
    """
    table = pd.DataFrame({"stated": values, "stated_unit": unit})
    number = as_numbers(table["stated"])
    found = table["stated_unit"].map(lambda word: unit_of(word, "money"))
    problems = [(row, "stated", "is not a number") for row in table.index[number.isna() & table["stated"].notna()]]
    problems += [(row, "stated_unit", "is no unit of money") for row in table.index[found.isna()]]
    if problems:
        shown = "; ".join(f"row {row}: {column} {text}" for row, column, text in problems[:10])
        known = ", ".join(one.words[1] for one in stated_units("money").values())
        message = f"stated money cannot be used, {len(problems)} problems: {shown}; units are {known}"
        raise SchemaError(message, pd.DataFrame(problems, columns=["row", "column", "problem"]))
    amount = [float(one.to_base(value)) for one, value in zip(found, number, strict=True)]
    return table.assign(stated=number, amount=amount, currency=[one.currency for one in found])
