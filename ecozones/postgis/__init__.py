"""
Plans, tables, reviews and checks in PostGIS: asked and kept where the data lie.

Values are always bound and names always quoted, whatever they hold: a table may be called ``地块"; drop table x; --``
and is just a table of that name. The server is given our own pieces of the lines, so that it finds our own numbers.
"""

from ecozones.postgis.check import TableReview, check_sites_there
from ecozones.postgis.overlaps import overlap_areas
from ecozones.postgis.plans import read_plan_tables, write_plan
from ecozones.postgis.refusals import read_refused
from ecozones.postgis.results import read_review, write_review
from ecozones.postgis.stretches import TableStream, open_table
from ecozones.postgis.tables import read_table, write_table

__all__ = [
    "TableReview",
    "TableStream",
    "check_sites_there",
    "open_table",
    "overlap_areas",
    "read_plan_tables",
    "read_refused",
    "read_review",
    "read_table",
    "write_plan",
    "write_review",
    "write_table",
]
