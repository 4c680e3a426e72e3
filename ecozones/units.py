"""Units of area and money, the words for them, and the one way to round."""

from __future__ import annotations

import dataclasses
import functools
import re
import unicodedata
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecozones.shipped import shipped_table

Kind = Literal["area", "money"]
AreaUnit = Literal["m2", "ha", "km2", "mu"]

# 1 mu is 2000/3 m2 exactly, so 0.0015 mu are a square metre
_PER_M2: dict[str, tuple[float, float]] = {"m2": (1.0, 1.0), "ha": (1.0, 1e4), "km2": (1.0, 1e6), "mu": (3.0, 2e3)}
# square metres of a hectare
HA = 1e4
# a shapefile cuts the names of columns to so many bytes
NAME_BYTES = 10
DECIMALS: dict[str, int] = {"m2": 2, "ha": 4, "km2": 6, "mu": 2}


def from_m2(area_m2: ArrayLike, unit: AreaUnit) -> NDArray[np.float64]:
    """
    Express areas in another unit, unrounded.

    Parameters
    ----------
    area_m2
        Areas. [m²]
    unit
        One of ``"m2"``, ``"ha"``, ``"km2"``, ``"mu"`` (亩).

    Returns
    -------
    ndarray
        The same areas in `unit`.

    Examples
    --------
    >>> float(from_m2(10_000, "mu"))
    15.0
    """
    times, over = _factor(unit)
    return np.asarray(np.asarray(area_m2, dtype=np.float64) * times / over)


def to_m2(area: ArrayLike, unit: AreaUnit) -> NDArray[np.float64]:
    """
    Express areas given in a unit as square metres, unrounded.

    Parameters
    ----------
    area
        Areas in `unit`.
    unit
        One of ``"m2"``, ``"ha"``, ``"km2"``, ``"mu"`` (亩).

    Returns
    -------
    ndarray
        Areas. [m²]

    Examples
    --------
    >>> float(to_m2(3, "mu"))
    2000.0
    """
    times, over = _factor(unit)
    return np.asarray(np.asarray(area, dtype=np.float64) * over / times)


def _factor(unit: str) -> tuple[float, float]:
    if unit not in get_args(AreaUnit):
        message = f"area unit {unit!r} is not known; use one of {', '.join(get_args(AreaUnit))}"
        raise ValueError(message)
    return _PER_M2[unit]


@dataclasses.dataclass(frozen=True)
class StatedUnit:
    """A unit that registers state figures in: m² or plain currency in one of it, as a fraction, and what it may be."""

    id: str
    times: float
    over: float
    words: tuple[str, ...]
    doubt: str = ""
    currency: str = ""

    def to_base(self, values: ArrayLike) -> NDArray[np.float64]:
        """Turn figures in this unit into square metres, unrounded, or plain currency, to a ten-thousandth."""
        turned = np.asarray(np.asarray(values, dtype=np.float64) * self.times / self.over)
        # money is decimal: what binary makes of 0.009 亿元 must not differ from 90 万元
        return np.round(turned, 4) if self.currency else turned

    def from_base(self, values: ArrayLike) -> NDArray[np.float64]:
        """Turn square metres or plain currency into figures in this unit, unrounded."""
        return np.asarray(np.asarray(values, dtype=np.float64) * self.over / self.times)


@functools.cache
def stated_units(kind: Kind) -> Mapping[str, StatedUnit]:
    """
    List the units that registers state areas or money in.

    Parameters
    ----------
    kind
        ``"area"`` or ``"money"``.

    Returns
    -------
    Mapping
        Units by id, read-only.

    Examples
    --------
    >>> float(stated_units("area")["wan_mu"].to_base(3)), float(stated_units("money")["yi_yuan"].to_base(2))
    (20000000.0, 200000000.0)
    """
    found: dict[str, StatedUnit] = {}
    for key, unit in shipped_table("units")[kind].items():
        times, over = map(float, unit["to"])
        rest = (unit.get("doubt", ""), unit.get("currency", ""))
        found[key] = StatedUnit(key, times, over, tuple(unit["words"]), *rest)
    return MappingProxyType(found)


def fold(name: object) -> str:
    """
    Bring a word or the name of a column or layer to the form in which names are compared.

    Parameters
    ----------
    name
        As written.

    Returns
    -------
    str
        Lower case, full-width forms made narrow, punctuation and spaces left out.

    Examples
    --------
    >>> fold("ＧＨＦＱ_MC "), fold("用地面积（公顷）")
    ('ghfqmc', '用地面积公顷')
    """
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", str(name)).casefold())


@functools.cache
def _words(kind: Kind) -> Mapping[str, StatedUnit]:
    """Units by folded word, longest first, so that 万亩 is not read as 亩."""
    found = {fold(word): unit for unit in stated_units(kind).values() for word in (unit.id, *unit.words)}
    return MappingProxyType({word: found[word] for word in sorted(found, key=lambda word: (-len(word), word))})


def unit_of(word: object, kind: Kind) -> StatedUnit | None:
    """
    Recognise a unit by a word for it.

    Parameters
    ----------
    word
        As a register writes it.
    kind
        ``"area"`` or ``"money"``.

    Returns
    -------
    StatedUnit or None
        None where the word is no unit.

    Examples
    --------
    >>> unit_of("万亩", "area").id, unit_of("km²", "area").id, unit_of("实施单位", "area")
    ('wan_mu', 'km2', None)
    """
    return _words(kind).get(fold(word))


def unit_in_name(name: object, kind: Kind = "area") -> tuple[str, str]:
    """
    Read the unit that a column name ends in.

    Parameters
    ----------
    name
        As written.
    kind
        ``"area"`` or ``"money"``.

    Returns
    -------
    tuple of str
        The folded name without the unit, and the unit; an empty unit where the name says none.

    Examples
    --------
    >>> unit_in_name("用地面积（公顷）"), unit_in_name("计划面积_万亩"), unit_in_name("MJ")
    (('用地面积', 'ha'), ('计划面积', 'wan_mu'), ('mj', ''))
    >>> unit_in_name("总投资（万元）", "money"), unit_in_name("管控单元", "money")
    (('总投资', 'wan_yuan'), ('管控单元', ''))
    """
    folded = fold(name)
    plain = unicodedata.normalize("NFKC", str(name)).casefold()
    for word, unit in _words(kind).items():
        stem = folded.removesuffix(word)
        if stem == folded or (word == "元" and stem.endswith("单")):
            continue
        # "alpha" does not end in hectares: a Latin unit stands apart or follows a Chinese name
        if word.isascii() and stem and stem[-1].isascii() and not re.search(rf"[\W_]{re.escape(word)}\W*$", plain):
            continue
        return (stem or folded), unit.id
    return folded, ""


def names_before_cut(name: object, kind: Kind) -> list[str]:
    """
    List the full names, each ending in a unit, that a shapefile may have cut to this one.

    Parameters
    ----------
    name
        As the file has it: ten bytes, less what they held of a character that did not fit.
    kind
        ``"area"`` or ``"money"``.

    Returns
    -------
    list of str
        Empty where the name does not end in the beginning of a unit, or is too short to have been cut there.

    Examples
    --------
    >>> names_before_cut("总投资百万", "money"), names_before_cut("资万", "money")
    (['总投资百万元', '总投资百万元人民币', '总投资百万美元', '总投资百万欧元'], [])
    """
    text = str(name).strip()
    words = [word for unit in stated_units(kind).values() for word in unit.words if not word.isascii()]
    full = [text + word[kept:] for word in words for kept in range(1, len(word)) if text.endswith(word[:kept])]
    # which of the two the table was written in is not known here; either may have cut the name
    return list(dict.fromkeys(name for name in full if text in {cut_name(name, code) for code in ("gb18030", "utf-8")}))


def cut_name(name: str, encoding: str) -> str:
    """
    Cut a name as a shapefile does, less a character that the cut went through.

    Parameters
    ----------
    name
        A full name.
    encoding
        The codec of the table.

    Returns
    -------
    str
        What ten bytes hold of it.

    Examples
    --------
    >>> cut_name("总投资_万元", "gb18030"), cut_name("总投资_万元", "utf-8")
    ('总投资_万', '总投资_')
    """
    return name.encode(encoding)[:NAME_BYTES].decode(encoding, errors="ignore")


def round_half_up(values: ArrayLike, decimals: int) -> NDArray[np.float64]:
    """
    Round halves away from zero, as survey tables do, on the shortest decimal that prints the number.

    Parameters
    ----------
    values
        Numbers; NaN stays NaN.
    decimals
        Digits to keep after the decimal point.

    Returns
    -------
    ndarray
        Rounded numbers.

    Examples
    --------
    >>> round_half_up([0.125, 2.675, -0.125], 2).tolist()
    [0.13, 2.68, -0.13]
    """
    numbers = np.asarray(values, dtype=np.float64)
    scale = 10.0**decimals
    size = np.abs(numbers)
    # from 2**53 on no digit is left to round off; what is no number stays what it is
    open_to_rounding = size < 2.0**53 / scale
    scaled = np.where(open_to_rounding, size, 0.0) * scale
    whole = np.floor(scaled)
    rounded = np.where(open_to_rounding, np.floor(scaled + 0.5) / scale, size)
    # binary noise decides only within a few ulp of a half: settle just those in decimal, which is slow and exact
    near_half = open_to_rounding & (np.abs(scaled - whole - 0.5) <= 4 * np.spacing(scaled))
    if near_half.any():
        step = Decimal(1).scaleb(-decimals)
        exact = [Decimal(repr(number)).quantize(step, ROUND_HALF_UP) for number in size[near_half].tolist()]
        rounded[near_half] = [float(number) for number in exact]
    return np.asarray(np.copysign(rounded, numbers))
