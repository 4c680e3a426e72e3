"""What the rules say about one line, sub-zone and activity on one day."""

from __future__ import annotations

import dataclasses
import datetime as dt

from ecozones.rulefile import status_label
from ecozones.vocab import Language


@dataclasses.dataclass(frozen=True)
class Decision:
    """
    What the rules say about one line, sub-zone and activity on one day.

    Parameters
    ----------
    line, subzone, activity, on
        The question; the sub-zone and the activity are empty where they are not known.
    verdict
        The answer.
    rule_id, requires, requires_zh, citation, status, effective_from
        The rule it rests on; empty where no rule speaks. Of an undetermined verdict, the default it falls short of.
    reason, reason_zh
        Why.
    """

    line: str
    subzone: str
    activity: str
    on: dt.date
    verdict: str
    reason: str
    reason_zh: str
    rule_id: str = ""
    requires: tuple[str, ...] = ()
    requires_zh: tuple[str, ...] = ()
    citation: str = ""
    status: str = ""
    effective_from: dt.date | None = None

    def warning(self, language: Language = "zh") -> str:
        """Say what to print beside the verdict where its rule was not fully checked; empty where it was."""
        return "" if self.status in {"", "verified"} else status_label(self.status, language)
