"""Are targets met: progress on plan indicators, tasks as stages, roll-up by district, and their charts."""

from ecozones.targets.tracking import (
    VERDICT_WORDS,
    annual_rate,
    check_percentages,
    expected_value,
    half_digit,
    read_targets,
    roll_up,
    track_targets,
    track_tasks,
    verdict_dtype,
    write_exchange,
)

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
