"""Where lines collide: ground claimed twice or by nobody, who gives way, what changed between two versions."""

from ecozones.conflicts.comparing import compare_plans, judge_adjustment
from ecozones.conflicts.finding import (
    balance_conflicts,
    balance_partition,
    check_partition,
    find_conflicts,
    planarise,
    total_conflicts,
)
from ecozones.conflicts.resolving import resolve_conflicts

__all__ = [
    "balance_conflicts",
    "balance_partition",
    "check_partition",
    "compare_plans",
    "find_conflicts",
    "judge_adjustment",
    "planarise",
    "resolve_conflicts",
    "total_conflicts",
]
