"""The verbs for layers of any size: read in stretches, worked on any engine, written as parts with receipts."""

from ecozones.large.sites import LargeReview, check_sites_in

__all__ = ["LargeReview", "check_sites_in"]
