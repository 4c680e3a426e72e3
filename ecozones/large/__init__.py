"""The verbs for layers of any size: read in stretches, worked on any engine, written as parts with receipts."""

from ecozones.large.run import LargeRun
from ecozones.large.sites import LargeReview, check_sites_in, check_sites_on

__all__ = ["LargeReview", "LargeRun", "check_sites_in", "check_sites_on"]
