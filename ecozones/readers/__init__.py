"""Files to a plan, sites and projects: layers and columns recognised by role, and nothing dropped in silence."""

from ecozones.readers.plans import read_plan
from ecozones.readers.projects import read_projects
from ecozones.readers.sites import read_sites

__all__ = ["read_plan", "read_projects", "read_sites"]
