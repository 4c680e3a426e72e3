"""Area units and the one way to round them."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

AreaUnit = Literal["m2", "ha", "km2", "mu"]

# 1 mu is 2000/3 m2 exactly, so 0.0015 mu are a square metre
_PER_M2: dict[str, tuple[float, float]] = {"m2": (1.0, 1.0), "ha": (1.0, 1e4), "km2": (1.0, 1e6), "mu": (3.0, 2e3)}
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
