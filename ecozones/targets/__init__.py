"""
Are targets met: progress on plan indicators, tasks as stages, roll-up by district, and their charts.

A task without numbers is a task with a stage, not a target of zero.
"""

from ecozones.targets.exchange import write_exchange
from ecozones.targets.paths import annual_rate, expected_value
from ecozones.targets.percentages import check_percentages
from ecozones.targets.rolling_up import roll_up
from ecozones.targets.stated import half_digit, read_targets
from ecozones.targets.tasks import track_tasks
from ecozones.targets.tracking import track_targets
from ecozones.targets.verdicts import VERDICT_WORDS, verdict_dtype

__all__ = [
    "VERDICT_WORDS",
    "annual_rate",
    "check_percentages",
    "expected_value",
    "half_digit",
    "read_targets",
    "roll_up",
    "track_targets",
    "track_tasks",
    "verdict_dtype",
    "write_exchange",
]
