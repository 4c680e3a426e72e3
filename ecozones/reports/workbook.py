"""A report as an Excel workbook: one table a sheet, numbers as numbers, text as text."""

from __future__ import annotations

import copy
import datetime as dt
import re
from collections.abc import Iterable
from pathlib import Path

from openpyxl import Workbook
from openpyxl.cell import Cell, MergedCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.styles.cell_style import StyleArray
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from ecozones.reports.capsule import ELEMENT, to_text
from ecozones.reports.content import Column, Report, Table
from ecozones.reports.figures import KINDS, absent, clean, is_flagged, show, stored, word
from ecozones.vocab import Language

# a cell holds 32 767 characters; the capsule is laid out over as many as it needs
_CHUNK = 30_000
_NAME_LENGTH = 31
_LINE_PT, _HIGHEST_PT = 15.0, 400.0

AnyCell = Cell | MergedCell

# format, alignment, fill, flagged, quoted
_Look = tuple[str, int, str, bool, bool]
_BLANK = " "

_THIN = Side(style="thin", color="9A9A9A")
_EDGES = Border(left=_THIN, right=_THIN, top=_THIN, bottom=_THIN)
_HEAD = PatternFill("solid", fgColor="E4E9E6")
_TOP, _WRAPPED, _RIGHT = (
    Alignment(vertical="top"),
    Alignment(vertical="top", wrap_text=True),
    Alignment(vertical="top", horizontal="right"),
)
_FILLS = {
    "prohibited": PatternFill("solid", fgColor="F8D7D7"),
    "undetermined": PatternFill("solid", fgColor="FCE9CF"),
    "clear": PatternFill("solid", fgColor="E3F2E1"),
}
_BOLD, _FLAGGED = Font(bold=True), Font(bold=True, color="8A4B00")


def write(report: Report, path: Path) -> None:
    """
    Write a report as a workbook.

    Parameters
    ----------
    report
        The report.
    path
        File to write.
    """
    book = Workbook()
    assert book.active is not None
    book.remove(book.active)
    book.properties.title = report.title
    book.properties.creator = "ecozones"
    _write_text(_sheet(book, word("conclusion", report.language) if report.paragraphs() else report.title), report)
    for table in report.tables():
        title = word("metadata", report.language) if table.key == "method" else table.title
        if table.key == "conclusion":
            title = f"{title}{word('by_site', report.language)}"
        _write_table(_sheet(book, title), table, report.language)
    if report.figures():
        _write_sources(_sheet(book, word("sources", report.language)), report)
    if report.payload:
        _write_capsule(_sheet(book, ELEMENT), report)
    book.save(path)


def _sheet(book: Workbook, title: str) -> Worksheet:
    """Add a sheet under a name that Excel takes and that is not taken yet."""
    plain = re.sub(r"[\[\]:*?/\\]", "_", clean(title)).strip("'") or "1"
    name, number = plain[:_NAME_LENGTH], 2
    taken = {existing.lower() for existing in book.sheetnames}
    while name.lower() in taken:
        ending = f"_{number}"
        name, number = plain[: _NAME_LENGTH - len(ending)] + ending, number + 1
    return book.create_sheet(name)


def _put(cell: AnyCell, text: str) -> None:
    """Put text that no spreadsheet may take for a formula, an error or a number."""
    cell.value = text
    cell.data_type = "s"
    if text[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        cell.quotePrefix = True


def _write_table(sheet: Worksheet, table: Table, language: Language) -> None:
    for at, column in enumerate(table.columns, start=1):
        head = sheet.cell(1, at)
        _put(head, column.label)
        head.number_format = "@"
        head.font, head.fill, head.border = _BOLD, _HEAD, _EDGES
        head.alignment = Alignment(
            vertical="center", horizontal="right" if column.is_number else "left", wrap_text=True
        )
        sheet.column_dimensions[get_column_letter(at)].width = KINDS[column.kind].width
    _raise_row(sheet, 1, [(column.label, KINDS[column.kind].width - 2) for column in table.columns])
    dressed: dict[_Look, StyleArray] = {}
    for number, row in enumerate(table.rows, start=2):
        cells = [sheet.cell(number, at) for at in range(1, len(row) + 1)]
        for cell, value, column in zip(cells, row, table.columns, strict=True):
            _fill(cell, value, column, language, dressed)
        _raise_row(
            sheet,
            number,
            [(cell.value, KINDS[column.kind].width) for cell, column in zip(cells, table.columns, strict=True)],
        )
    if table.total is not None:
        for at, (value, column) in enumerate(zip(table.total, table.columns, strict=True), start=1):
            cell = sheet.cell(len(table.rows) + 2, at)
            _fill(cell, _BLANK if value is None else value, column, language, dressed)
            cell.font, cell.fill = _BOLD, _HEAD
    sheet.freeze_panes = "A2"
    last = get_column_letter(len(table.columns))
    sheet.auto_filter.ref = f"A1:{last}{len(table.rows) + 1}"
    _paper(sheet)
    sheet.print_title_rows = "1:1"


def _raise_row(sheet: Worksheet, number: int, cells: Iterable[tuple[object, int]]) -> None:
    """Make a row as high as its longest text needs: not every program does so when it opens a file."""
    needed = max((_lines(value, width) for value, width in cells if isinstance(value, str)), default=1)
    sheet.row_dimensions[number].height = min(_LINE_PT * needed, _HIGHEST_PT)


def _lines(text: str, width: int) -> int:
    """Count lines; a Chinese letter is as wide as two others."""
    return sum(1 + sum(1 + (letter > "\u2e7f") for letter in line) // width for line in text.split("\n"))


def _fill(cell: AnyCell, value: object, column: Column, language: Language, dressed: dict[_Look, StyleArray]) -> None:
    """Fill one cell: the number that the other formats print, or text; cells that look alike share one style."""
    number = stored(value, column.kind)
    content: float | dt.date | str = ""
    if number is not None:
        content, excel, align = number, KINDS[column.kind].excel, _RIGHT
    elif column.kind == "day" and isinstance(value, dt.date) and not absent(value):
        content, excel, align = dt.date(value.year, value.month, value.day), "yyyy-mm-dd", _TOP
    else:
        content, excel = show(value, column.kind, language), "@"
        align = _RIGHT if column.is_number else _WRAPPED
    if isinstance(content, str):
        if content.strip():
            _put(cell, content)
    else:
        cell.value = content
    flagged = is_flagged(value, column.kind)
    fill = str(value) if column.kind == "verdict" and str(value) in _FILLS else ""
    look = (excel, id(align), fill, flagged, bool(cell.quotePrefix))
    if look not in dressed:
        cell.border, cell.alignment, cell.number_format = _EDGES, align, excel
        if fill:
            cell.fill = _FILLS[fill]
        if flagged:
            cell.font = _FLAGGED
        dressed[look] = copy.copy(cell._style)  # type: ignore[union-attr]  # noqa: SLF001 - hashing styles for each cell takes half the time
    else:
        cell._style = copy.copy(dressed[look])  # type: ignore[union-attr]  # noqa: SLF001


def _write_text(sheet: Worksheet, report: Report) -> None:
    """Write the sheet to be read first: title, facts, the sentences, the notes."""
    lines: list[tuple[str, str, Font | None]] = [(report.title, "", Font(bold=True, size=14))]
    lines += [(label, clean(value), None) for _, label, value in report.facts]
    for section in report.sections:
        said = _sentences(section.blocks, report.language)
        lines += [(section.heading if number == 0 else "", text, font) for number, (text, font) in enumerate(said)]
    lines.append(("", report.reference, _BOLD))
    for number, (label, text, font) in enumerate(lines, start=1):
        for at, content in ((1, label), (2, text)):
            cell = sheet.cell(number, at)
            _put(cell, content)
            cell.number_format = "@"
            cell.alignment = _TOP if at == 1 else _WRAPPED
            cell.font = font or (_BOLD if at == 1 else Font())
        _raise_row(sheet, number, [(text, 110)])
    sheet.column_dimensions["A"].width = 24
    sheet.column_dimensions["B"].width = 110
    _paper(sheet)


def _sentences(blocks: Iterable[object], language: Language) -> list[tuple[str, Font | None]]:
    said: list[tuple[str, Font | None]] = []
    for block in blocks:
        if isinstance(block, Table):
            said += [(note, None) for note in block.notes]
        elif hasattr(block, "parts") and hasattr(block, "printed"):
            said.append((clean(block.printed(language)), _FLAGGED if getattr(block, "flagged", False) else None))
    return said


def _write_sources(sheet: Worksheet, report: Report) -> None:
    """List the figures of the paragraphs with the cell each was read from."""
    keys = ("sentence", "figure", "value", "source")
    columns = tuple(
        Column(key, word(key, report.language), "long" if key in {"source", "value"} else "id") for key in keys
    )
    rows = []
    for number, paragraph in enumerate(report.paragraphs(), start=1):
        rows += [
            (str(number), part.printed(report.language), str(part.value), part.source)
            for part in paragraph.parts
            if not isinstance(part, str)
        ]
    _write_table(sheet, Table("sources", "", columns, tuple(rows)), report.language)


def _write_capsule(sheet: Worksheet, report: Report) -> None:
    text = to_text(report.sealed())
    for number, start in enumerate(range(0, len(text), _CHUNK), start=1):
        _put(sheet.cell(number, 1), text[start : start + _CHUNK])
    sheet.sheet_state = "hidden"


def _paper(sheet: Worksheet) -> None:
    """Print on A4, one page wide."""
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = 9
    sheet.page_setup.fitToWidth = 1
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    assert sheet.oddFooter is not None
    assert sheet.oddFooter.center is not None
    sheet.oddFooter.center.text = "&P / &N"
