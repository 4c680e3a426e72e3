"""What would be lawful: the smallest cut or shift, the better route; and which verdicts an error would turn."""

from ecozones.alternatives.cut import find_smallest_cut
from ecozones.alternatives.flips import find_flips, map_accuracies
from ecozones.alternatives.routes import compare_routes, describe_routes
from ecozones.alternatives.shift import find_smallest_shift

__all__ = [
    "compare_routes",
    "describe_routes",
    "find_flips",
    "find_smallest_cut",
    "find_smallest_shift",
    "map_accuracies",
]
