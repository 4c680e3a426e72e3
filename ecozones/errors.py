"""Everything the library raises or warns, grouped by who can put it right."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 10


class EcozonesError(Exception):
    """Root of every error that the library raises on purpose."""


class InputError(EcozonesError, ValueError):
    """
    The data given cannot be used as they are.

    Parameters
    ----------
    message
        What is wrong, where, and what to do next.
    problems
        One row per problem, all of them at once; None where the message says it all.
    """

    def __init__(self, message: str, problems: pd.DataFrame | None = None) -> None:
        super().__init__(message)
        self.problems = problems


class SchemaError(InputError):
    """A column or layer is missing, ambiguous, or holds values that mean nothing here."""


class GeometryError(InputError):
    """A geometry is empty, of the wrong kind, or cannot be measured."""


class CRSError(InputError):
    """Coordinates cannot be placed on the ground with certainty."""


class MissingCRSError(CRSError):
    """A layer does not say what its coordinates mean."""


class DatumShiftError(CRSError):
    """PROJ knows no transformation of stated accuracy between two datums."""


class RulebookError(EcozonesError, ValueError):
    """A rule file is wrong; the message names file, rule and key."""


class EngineError(EcozonesError, RuntimeError):
    """A worker failed; the first cause is chained."""


class MissingDependencyError(EcozonesError, ImportError):
    """An optional package is needed; the message names the extra to install."""


class EcozonesWarning(UserWarning):
    """Root of every warning: the answer is right, but the reader should know."""


class TextEncodingWarning(EcozonesWarning):
    """The text encoding of a file was found out rather than declared."""


class FormatWarning(EcozonesWarning):
    """A file departs from its format and was read all the same; the message says how."""


class DroppedColumnsWarning(EcozonesWarning):
    """Columns were left out on purpose, such as personal data."""


class RepairWarning(EcozonesWarning):
    """Geometries were repaired; the message counts them."""


class ShiftSuspectedWarning(EcozonesWarning):
    """A layer sits where GCJ-02 or BD-09 coordinates would put it."""


def name_rows(labels: object, *, shown: int = _SHOWN) -> str:
    """
    List row labels for a message: the first ten, and how many more there are.

    Parameters
    ----------
    labels
        Row labels, any iterable.
    shown
        How many to name.

    Returns
    -------
    str
        Labels separated by commas.

    Examples
    --------
    >>> name_rows(range(12))
    '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more'
    """
    listed = [str(label) for label in labels]  # type: ignore[attr-defined]
    text = ", ".join(listed[:shown])
    more = len(listed) - shown
    return f"{text} and {more} more" if more > 0 else text
