"""
The law as data: dated, sourced rules, and what they say about a piece of ground on a day.

Nothing here knows a line, an activity or an article by name; they are in the rule files.
"""

from ecozones.rulebook.book import Rulebook
from ecozones.rulebook.days import as_day
from ecozones.rulebook.decision import Decision
from ecozones.rulebook.loading import load_rules

__all__ = ["Decision", "Rulebook", "as_day", "load_rules"]
