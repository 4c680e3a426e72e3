"""What the rasters say: classes and their changes, vegetation, trend, evidence, patches, estimates from samples."""

from ecozones.landcover.classes import class_areas, class_changes, square_matrix, transition_matrix
from ecozones.landcover.encroachment import find_encroachment
from ecozones.landcover.evidence import verify_restored
from ecozones.landcover.sample_estimates import error_adjusted_area

__all__ = [
    "class_areas",
    "class_changes",
    "error_adjusted_area",
    "find_encroachment",
    "square_matrix",
    "transition_matrix",
    "verify_restored",
]
