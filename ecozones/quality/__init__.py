"""Is a layer sound? Faults of geometry, fit, area, extent and columns; what is accepted; repair with a ledger."""

from ecozones.quality.checking import SEVERITIES, check_quality
from ecozones.quality.repairing import repair
from ecozones.quality.rules import QualityRule, map_accuracy, quality_rules
from ecozones.quality.waivers import read_waivers, write_waivers

__all__ = [
    "SEVERITIES",
    "QualityRule",
    "check_quality",
    "map_accuracy",
    "quality_rules",
    "read_waivers",
    "repair",
    "write_waivers",
]
