"""Check sites, plans and restoration projects against the three zones and three lines of territorial planning."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from ecozones.area import close_totals, net_farmland_area
from ecozones.boundary_text import read_boundary_text, write_boundary_text
from ecozones.plan import ZoningPlan
from ecozones.readers import read_plan, read_projects, read_sites
from ecozones.review import SiteReview
from ecozones.rulebook import Rulebook, load_rules
from ecozones.rulefile import Rule
from ecozones.verbs import check_sites, find_conflicts, measure_area, measure_restored

if TYPE_CHECKING:
    from ecozones.alternatives import compare_routes, find_flips, find_smallest_cut, find_smallest_shift
    from ecozones.conflicts import check_partition, planarise, total_conflicts
    from ecozones.conflicts.comparing import compare_plans, judge_adjustment
    from ecozones.conflicts.resolving import resolve_conflicts
    from ecozones.landcover import class_areas, transition_matrix
    from ecozones.landcover.encroachment import find_encroachment
    from ecozones.landcover.evidence import verify_restored
    from ecozones.landcover.sample_estimates import error_adjusted_area
    from ecozones.large import prepare
    from ecozones.maps import adopt, explore, explore_change, explore_years, write_qml
    from ecozones.quality import check_quality, repair
    from ecozones.reports import verify_report, write_report
    from ecozones.restoration.funding import sum_funding
    from ecozones.restoration.lines import check_restoration
    from ecozones.restoration.overlaps import overlap_matrix, overlap_pairs, restoration_certificate
    from ecozones.restoration.rainfall import assign_rainfall_zones
    from ecozones.static_map import write_map
    from ecozones.targets import read_targets, track_targets

# what draws and what needs optional packages is loaded on first use, so that `import ecozones` stays quick
_LATER = {
    "adopt": "ecozones.maps",
    "assign_rainfall_zones": "ecozones.restoration.rainfall",
    "check_partition": "ecozones.conflicts",
    "check_quality": "ecozones.quality",
    "check_restoration": "ecozones.restoration.lines",
    "class_areas": "ecozones.landcover",
    "compare_plans": "ecozones.conflicts.comparing",
    "compare_routes": "ecozones.alternatives",
    "error_adjusted_area": "ecozones.landcover.sample_estimates",
    "explore": "ecozones.maps",
    "explore_change": "ecozones.maps",
    "explore_years": "ecozones.maps",
    "find_encroachment": "ecozones.landcover.encroachment",
    "find_flips": "ecozones.alternatives",
    "find_smallest_cut": "ecozones.alternatives",
    "find_smallest_shift": "ecozones.alternatives",
    "judge_adjustment": "ecozones.conflicts.comparing",
    "overlap_matrix": "ecozones.restoration.overlaps",
    "overlap_pairs": "ecozones.restoration.overlaps",
    "planarise": "ecozones.conflicts",
    "prepare": "ecozones.large",
    "read_targets": "ecozones.targets",
    "repair": "ecozones.quality",
    "resolve_conflicts": "ecozones.conflicts.resolving",
    "restoration_certificate": "ecozones.restoration.overlaps",
    "sum_funding": "ecozones.restoration.funding",
    "total_conflicts": "ecozones.conflicts",
    "track_targets": "ecozones.targets",
    "transition_matrix": "ecozones.landcover",
    "verify_report": "ecozones.reports",
    "verify_restored": "ecozones.landcover.evidence",
    "write_map": "ecozones.static_map",
    "write_qml": "ecozones.maps",
    "write_report": "ecozones.reports",
}

__version__ = version("ecozones")

__all__ = [
    "Rule",
    "Rulebook",
    "SiteReview",
    "ZoningPlan",
    "adopt",
    "assign_rainfall_zones",
    "check_partition",
    "check_quality",
    "check_restoration",
    "check_sites",
    "class_areas",
    "close_totals",
    "compare_plans",
    "compare_routes",
    "error_adjusted_area",
    "explore",
    "explore_change",
    "explore_years",
    "find_conflicts",
    "find_encroachment",
    "find_flips",
    "find_smallest_cut",
    "find_smallest_shift",
    "judge_adjustment",
    "load_rules",
    "measure_area",
    "measure_restored",
    "net_farmland_area",
    "overlap_matrix",
    "overlap_pairs",
    "planarise",
    "prepare",
    "read_boundary_text",
    "read_plan",
    "read_projects",
    "read_sites",
    "read_targets",
    "repair",
    "resolve_conflicts",
    "restoration_certificate",
    "sum_funding",
    "total_conflicts",
    "track_targets",
    "transition_matrix",
    "verify_report",
    "verify_restored",
    "write_boundary_text",
    "write_map",
    "write_qml",
    "write_report",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attribute may be anything
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    message = f"module 'ecozones' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return __all__
