"""Warnings that point at the line which called the library, however deep inside they were found."""

from __future__ import annotations

import sys
import warnings


def warn_caller(message: str, category: type[Warning]) -> None:
    """
    Warn whoever called the library.

    Parameters
    ----------
    message
        What is to be known.
    category
        The kind of warning.
    """
    package = __name__.partition(".")[0]
    level, frame = 1, sys._getframe()  # noqa: SLF001 - the one way to the frames that costs nothing
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
