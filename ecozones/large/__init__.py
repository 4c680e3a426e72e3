"""The verbs for layers of any size: read in stretches, worked on any engine, written as parts with receipts."""

from ecozones.large.areas import LargeAreas, measure_area_in
from ecozones.large.conflicts import LargeConflicts, find_conflicts_in
from ecozones.large.frames import check_sites_on
from ecozones.large.prepared import Prepared
from ecozones.large.preparing import prepare
from ecozones.large.restored import LargeRestored, measure_restored_in
from ecozones.large.run import LargeRun
from ecozones.large.sites import LargeReview, check_sites_in

__all__ = [
    "LargeAreas",
    "LargeConflicts",
    "LargeRestored",
    "LargeReview",
    "LargeRun",
    "Prepared",
    "check_sites_in",
    "check_sites_on",
    "find_conflicts_in",
    "measure_area_in",
    "measure_restored_in",
    "prepare",
]
