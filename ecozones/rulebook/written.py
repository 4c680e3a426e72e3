"""What checks and the law of a day read of a rulebook, and how its words are compared."""

from __future__ import annotations

from typing import Protocol

from ecozones.provenance import Source
from ecozones.rulefile import Activity, OverlapRule, Rule
from ecozones.vocab import ControlLine


class Written(Protocol):
    """Rules, and the words they are written in."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rows of the decision table."""

    @property
    def lines(self) -> tuple[ControlLine, ...]:
        """The control lines they speak of."""

    @property
    def activities(self) -> tuple[Activity, ...]:
        """The activities they speak of."""

    @property
    def overlaps(self) -> tuple[OverlapRule, ...]:
        """What it means that two lines claim the same ground."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """The documents they cite."""

    @property
    def name(self) -> str:
        """What they are called together."""

    def cite(self, item: Rule | OverlapRule) -> str:
        """Cite the documents a rule rests on."""


def plain_word(text: str) -> str:
    """
    Bring a word for an activity to the form in which words are compared.

    Parameters
    ----------
    text
        As written.

    Returns
    -------
    str
        Without case and surrounding spaces.

    Examples
    --------
    >>> plain_word(" Road ")
    'road'
    """
    return text.strip().casefold()
