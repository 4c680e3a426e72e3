"""Check sites, plans and restoration projects against the three zones and three lines of territorial planning."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from ecozones.area import close_totals, measure_area, net_farmland_area
from ecozones.boundary_text import read_boundary_text, write_boundary_text
from ecozones.plan import ZoningPlan
from ecozones.readers import read_plan, read_projects, read_sites
from ecozones.review import SiteReview
from ecozones.rulebook import Rulebook, load_rules
from ecozones.rulefile import Rule
from ecozones.siting import check_sites

if TYPE_CHECKING:
    from ecozones.maps import explore
    from ecozones.reports import verify_report, write_report

# what draws and what needs optional packages is loaded on first use, so that `import ecozones` stays quick
_LATER = {
    "explore": "ecozones.maps",
    "verify_report": "ecozones.reports",
    "write_report": "ecozones.reports",
}

__version__ = version("ecozones")

__all__ = [
    "Rule",
    "Rulebook",
    "SiteReview",
    "ZoningPlan",
    "check_sites",
    "close_totals",
    "explore",
    "load_rules",
    "measure_area",
    "net_farmland_area",
    "read_boundary_text",
    "read_plan",
    "read_projects",
    "read_sites",
    "verify_report",
    "write_boundary_text",
    "write_report",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attribute may be anything
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    message = f"module 'ecozones' has no attribute {name!r}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return __all__
