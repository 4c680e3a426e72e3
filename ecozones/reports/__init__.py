"""Any result as a page, a document, a workbook or data: the same numbers and the same conclusion in each."""

from ecozones.reports.compose import compose_report
from ecozones.reports.content import Column, Figure, Paragraph, Picture, Report, Section, Table
from ecozones.reports.results import result_kinds
from ecozones.reports.site_review import Frontispiece
from ecozones.reports.tables import write_tables
from ecozones.reports.verify import verify_report
from ecozones.reports.write import write_report

__all__ = [
    "Column",
    "Figure",
    "Frontispiece",
    "Paragraph",
    "Picture",
    "Report",
    "Section",
    "Table",
    "compose_report",
    "result_kinds",
    "verify_report",
    "write_report",
    "write_tables",
]
