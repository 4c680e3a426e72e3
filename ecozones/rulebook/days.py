"""A day, as rules are dated by it."""

from __future__ import annotations

import datetime as dt

from ecozones.errors import InputError


def as_day(day: str | dt.date) -> dt.date:
    """
    Read a day.

    Parameters
    ----------
    day
        A date, a datetime, or text such as ``"2024-06-01"``.

    Returns
    -------
    date
        The day, without a time.

    Raises
    ------
    InputError
        The text is no day of the calendar.

    Examples
    --------
    >>> as_day("2024-06-01")
    datetime.date(2024, 6, 1)
    """
    if isinstance(day, dt.datetime):
        return day.date()
    if isinstance(day, dt.date):
        return day
    try:
        return dt.date.fromisoformat(day)
    except (TypeError, ValueError) as cause:
        message = f"{day!r} is no day; write it as 2024-06-01"
        raise InputError(message) from cause
