"""The way from a base to a target: what to expect of a year, and what it comes to a year."""

from __future__ import annotations

from typing import Literal, get_args

Trajectory = Literal["linear", "compound"]


def expected_value(
    base_value: float, base_year: float, value: float, year: float, at: float, *, trajectory: Trajectory = "linear"
) -> float:
    """
    Give the value that a steady way from base to target has at a time.

    Parameters
    ----------
    base_value, base_year
        Where the way starts.
    value, year
        Where it ends.
    at
        The year asked for; after the end, the target itself.
    trajectory
        ``"linear"``: the same step every year. ``"compound"``: the same share every year.

    Returns
    -------
    float
        NaN where the way is not defined: no time between base and target, or a compound way through zero.

    Examples
    --------
    >>> expected_value(36, 2020, 27, 2025, 2023)
    30.6
    >>> round(1 - expected_value(1, 2020, 0.6, 2035, 2025, trajectory="compound"), 6)
    0.156567
    """
    if trajectory not in get_args(Trajectory):
        message = f"trajectory {trajectory!r} is not known; use one of {', '.join(get_args(Trajectory))}"
        raise ValueError(message)
    span = year - base_year
    if not span > 0:
        return float("nan")
    elapsed = min((at - base_year) / span, 1.0)
    if trajectory == "linear":
        return float(base_value + (value - base_value) * elapsed)
    if base_value == 0 or value / base_value <= 0:
        return float("nan")
    return float(base_value * (value / base_value) ** elapsed)


def annual_rate(decline: float, years: float) -> float:
    """
    Spread a total decline evenly over years, each on what the last has left.

    Parameters
    ----------
    decline
        Total decline as a share, 0.4 for 40 %; negative for growth.
    years
        Number of years.

    Returns
    -------
    float
        Decline a year, as a share.

    Examples
    --------
    >>> round(annual_rate(0.40, 15), 6)
    0.033482
    """
    return float(1 - (1 - decline) ** (1 / years))
