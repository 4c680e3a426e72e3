"""What was really restored: registers, ground counted once, stages, money, survival, and the lines it may break."""

from ecozones.restoration.footprints import footprint
from ecozones.restoration.lines import check_restoration
from ecozones.restoration.measuring import Attribution, measure_restored
from ecozones.restoration.overlaps import overlap_matrix, overlap_pairs, restoration_certificate

__all__ = [
    "Attribution",
    "check_restoration",
    "footprint",
    "measure_restored",
    "overlap_matrix",
    "overlap_pairs",
    "restoration_certificate",
]
