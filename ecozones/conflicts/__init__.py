"""Where lines collide: ground claimed twice or by nobody, who gives way, what changed between two versions."""

from ecozones.conflicts.comparing import compare_plans, judge_adjustment
from ecozones.conflicts.finding import find_conflicts
from ecozones.conflicts.partition import balance_partition, check_partition
from ecozones.conflicts.planar import planarise
from ecozones.conflicts.resolving import resolve_conflicts
from ecozones.conflicts.totals import balance_conflicts, total_conflicts

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
