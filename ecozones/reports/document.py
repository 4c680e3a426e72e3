"""A report as a Word document, laid out as official documents are (GB/T 9704), or in an office's own template."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import docx
import jinja2
from docx.document import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor
from docx.text.paragraph import Paragraph as DocxParagraph
from docx.text.run import Run
from docxtpl import DocxTemplate, InlineImage

from ecozones.errors import InputError
from ecozones.reports.capsule import NAMESPACE, to_text
from ecozones.reports.content import Column, Figure, Paragraph, Picture, Report, Table
from ecozones.reports.figures import clean, is_flagged

# by name only: Word takes the nearest font where an office has no licence for one of these
_TITLE, _BODY, _HEADING, _TABLE = "方正小标宋简体", "仿宋_GB2312", "黑体", "宋体"
_LATIN = "Times New Roman"
_WIDTH_MM = 156.0
_TABLE_PT = 8.5
_MARGINS = "".join(f'<w:{side} w:w="60" w:type="dxa"/>' for side in ("left", "right"))
_FLAG = "8A4B00"
_BAD = "A80000"
# how wide a column of a kind is beside the others
_WEIGHTS = {
    "count": 0.75, "year": 0.7, "flag": 0.6, "share": 0.8, "m": 1.0, "mu": 1.05, "ha": 1.05, "m2": 1.2, "km2": 1.4,
    "money": 1.1, "number": 1.4, "tiny": 1.05, "day": 1.1, "relation": 0.9, "role": 1.0, "verdict": 1.25, "id": 1.1,
    "text": 1.35, "status": 1.6, "long": 2.6, "names": 6.0,
}  # fmt: skip


def write(report: Report, path: Path, template: str | Path | None = None) -> None:
    """
    Write a report as a Word document.

    Parameters
    ----------
    report
        The report.
    path
        File to write.
    template
        An office's own ``.docx`` with marks such as ``{{ conclusion }}``; left out: the layout of official documents.
    """
    if template is not None:
        _pour(report, path, Path(template))
        return
    document = docx.Document()
    _lay_out(document, report)
    _line(document, report.title, _TITLE, 22, align=WD_ALIGN_PARAGRAPH.CENTER, before=0, after=14, line_pt=34)
    for _, label, value in report.facts:
        _line(document, f"{label}{'：' if report.language == 'zh' else ': '}{clean(value)}", _BODY, 14, line_pt=24)
    figures = 0
    for section in report.sections:
        heading = document.add_heading(level=1)
        _run(heading, section.heading, _HEADING, 16)
        heading.paragraph_format.page_break_before = section.new_page
        for block in section.blocks:
            if isinstance(block, Paragraph):
                figures = _paragraph(document, block, report, figures)
            elif isinstance(block, Table):
                _table(document, block, report)
            else:
                _picture(document, block)
    _signatures(document, report)
    _line(document, report.reference, _BODY, 12, line_pt=20, before=10)
    _embed(document, report)
    document.save(str(path))


# ------------------------------------------------------------------------------------------------ layout
def _lay_out(document: Document, report: Report) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin, section.bottom_margin, section.left_margin, section.right_margin = (
        Mm(37),
        Mm(35),
        Mm(28),
        Mm(26),
    )
    section.footer_distance = Mm(25)
    for style, font, size in (("Normal", _BODY, 16), ("Heading 1", _HEADING, 16)):
        known = document.styles[style]
        known.font.name, known.font.size, known.font.bold, known.font.color.rgb = (
            _LATIN,
            Pt(size),
            False,
            RGBColor(0, 0, 0),
        )
        fonts = known.element.get_or_add_rPr().get_or_add_rFonts()
        for key in list(fonts.attrib):
            if key.endswith("Theme"):
                del fonts.attrib[key]
        for key, name in (("w:eastAsia", font), ("w:ascii", _LATIN), ("w:hAnsi", _LATIN)):
            fonts.set(qn(key), name)
        known.paragraph_format.line_spacing_rule, known.paragraph_format.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(28)
        known.paragraph_format.space_before = known.paragraph_format.space_after = Pt(0)
    footer = section.footer.paragraphs[0]
    footer.alignment = WD_ALIGN_PARAGRAPH.CENTER
    _run(footer, "— ", _TABLE, 14)
    _field(footer, "PAGE")
    _run(footer, " —", _TABLE, 14)
    made = document.core_properties
    made.title, made.author, made.comments = report.title, "ecozones", report.reference
    made.language = "zh-CN" if report.language == "zh" else "en"


def _run(paragraph: DocxParagraph, text: str, font: str, size: float, *, colour: str = "", bold: bool = False) -> Run:
    """Add text whose Chinese letters have a font of their own; without it Word picks one by itself."""
    run = paragraph.add_run(text)
    run.font.name, run.font.size, run.font.bold = _LATIN, Pt(size), bold
    run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)  # noqa: SLF001 - docx offers no other way
    if colour:
        run.font.color.rgb = RGBColor.from_string(colour)
    return run


def _line(
    document: Document,
    text: str,
    font: str,
    size: float,
    *,
    align: WD_ALIGN_PARAGRAPH | None = None,
    before: float = 0,
    after: float = 0,
    line_pt: float = 28,
) -> DocxParagraph:
    paragraph = document.add_paragraph()
    _run(paragraph, clean(text), font, size)
    paragraph.alignment = align
    paragraph.paragraph_format.space_before, paragraph.paragraph_format.space_after = Pt(before), Pt(after)
    paragraph.paragraph_format.line_spacing = Pt(line_pt)
    return paragraph


def _field(paragraph: DocxParagraph, code: str) -> None:
    run = _run(paragraph, "", _TABLE, 14)
    for kind, text in (("begin", ""), ("", code), ("separate", ""), ("text", "1"), ("end", "")):
        if kind in {"begin", "separate", "end"}:
            element = OxmlElement("w:fldChar")
            element.set(qn("w:fldCharType"), kind)
        else:
            element = OxmlElement("w:t" if kind == "text" else "w:instrText")
            element.text = text
        run._element.append(element)  # noqa: SLF001 - docx offers no other way


# ------------------------------------------------------------------------------------------------ blocks
def _paragraph(document: Document, block: Paragraph, report: Report, figures: int) -> int:
    """Add a paragraph; a bookmark round each figure leads back to its cell by way of the capsule."""
    paragraph = document.add_paragraph()
    paragraph.paragraph_format.first_line_indent = Pt(32)
    colour = _FLAG if block.flagged else ""
    for part in block.parts:
        if not isinstance(part, Figure):
            _run(paragraph, clean(part), _BODY, 16, colour=colour, bold=block.flagged)
            continue
        figures += 1
        opening, closing = OxmlElement("w:bookmarkStart"), OxmlElement("w:bookmarkEnd")
        for mark in (opening, closing):
            mark.set(qn("w:id"), str(figures))
        opening.set(qn("w:name"), f"figure_{figures}")
        paragraph._p.append(opening)  # noqa: SLF001 - docx offers no other way
        _run(paragraph, part.printed(report.language), _BODY, 16, colour=colour, bold=block.flagged)
        paragraph._p.append(closing)  # noqa: SLF001 - docx offers no other way
    return figures


def _table(document: Document, table: Table, report: Report) -> None:
    """Add a table, written as one piece of XML: cell by cell takes minutes where this takes seconds."""
    printed = table.printed(report.language)
    columns = [table.columns[at] for at in table.across]
    widths = _widths(columns)
    rows = [_row([(column.label, column, None) for column in columns], widths, head=True)]
    for texts, row in zip(printed, table.rows, strict=False):
        rows.append(
            _row([(texts[at], table.columns[at], row[at]) for at in table.across], widths, keep=bool(table.below))
        )
        if table.below:
            flagged = any(is_flagged(value, column.kind) for value, column in zip(row, table.columns, strict=True))
            rows.append(_wide_row(table.line_below(texts, report.language), sum(widths), len(widths), flagged=flagged))
    if table.total is not None:
        cells = [("" if table.total[at] is None else printed[-1][at], table.columns[at], None) for at in table.across]
        rows.append(_row(cells, widths, bold=True))
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in widths)
    edges = "".join(
        f'<w:{side} w:val="single" w:sz="4" w:space="0" w:color="7F7F7F"/>'
        for side in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    xml = (
        f'<w:tbl {nsdecls("w")}><w:tblPr><w:tblW w:w="{sum(widths)}" w:type="dxa"/><w:tblBorders>{edges}</w:tblBorders>'
        f'<w:tblLayout w:type="fixed"/><w:tblCellMar>{_MARGINS}</w:tblCellMar>'
        f'<w:tblCaption w:val="{escape(clean(table.title), {chr(34): "&quot;"})}"/></w:tblPr>'
        f"<w:tblGrid>{grid}</w:tblGrid>{''.join(rows)}</w:tbl>"
    )
    document.element.body.insert_element_before(parse_xml(xml), "w:sectPr")
    for note in table.notes:
        _line(document, note, _BODY, 10.5, line_pt=16)
    if not table.notes:
        _line(document, "", _BODY, 6, line_pt=8)


def _widths(columns: Iterable[Column]) -> list[int]:
    """Share out the width of the page in twentieths of a point."""
    weights = [_WEIGHTS[column.kind] for column in columns]
    total = _WIDTH_MM / 25.4 * 1440
    return [round(total * weight / sum(weights)) for weight in weights]


def _row(
    cells: list[tuple[str, Column, Any]],
    widths: list[int],
    *,
    head: bool = False,
    bold: bool = False,
    keep: bool = False,
) -> str:
    made = []
    for (text, column, value), width in zip(cells, widths, strict=True):
        colour = ""
        if column.kind == "verdict" and value in {"prohibited", "undetermined"}:
            colour = _BAD if value == "prohibited" else _FLAG
        if is_flagged(value, column.kind):
            colour = _FLAG
        shade = '<w:shd w:val="clear" w:color="auto" w:fill="EDF0EE"/>' if head or bold else ""
        align = "right" if column.is_number else "left"
        content = _cell_text(text, align, colour=colour, bold=head or bold or bool(colour), keep=keep)
        made.append(f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{shade}</w:tcPr>{content}</w:tc>')
    mark = "<w:tblHeader/>" if head else ""
    return f"<w:tr><w:trPr><w:cantSplit/>{mark}</w:trPr>{''.join(made)}</w:tr>"


def _wide_row(text: str, width: int, span: int, *, flagged: bool) -> str:
    content = _cell_text(text, "left", colour=_FLAG if flagged else "", bold=False, keep=False)
    room = f'<w:tcW w:w="{width}" w:type="dxa"/><w:gridSpan w:val="{span}"/>'
    return f"<w:tr><w:tc><w:tcPr>{room}</w:tcPr>{content}</w:tc></w:tr>"


def _cell_text(text: str, align: str, *, colour: str, bold: bool, keep: bool) -> str:
    looks = (
        f'<w:rFonts w:ascii="{_LATIN}" w:hAnsi="{_LATIN}" w:eastAsia="{_TABLE}"/>'
        + ("<w:b/>" if bold else "")
        + (f'<w:color w:val="{colour}"/>' if colour else "")
        + f'<w:sz w:val="{round(_TABLE_PT * 2)}"/>'
    )
    lines = "<w:br/>".join(f'<w:t xml:space="preserve">{escape(part)}</w:t>' for part in clean(text).split("\n"))
    return (
        f"<w:p><w:pPr>{'<w:keepNext/>' if keep else ''}"
        f'<w:spacing w:before="20" w:after="20" w:line="240" w:lineRule="auto"/>'
        f'<w:jc w:val="{align}"/></w:pPr><w:r><w:rPr>{looks}</w:rPr>{lines}</w:r></w:p>'
    )


def _picture(document: Document, block: Picture) -> None:
    paragraph = document.add_paragraph()
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    paragraph.paragraph_format.keep_with_next = True
    paragraph.paragraph_format.line_spacing_rule = WD_LINE_SPACING.SINGLE
    run = _run(paragraph, "", _BODY, 10.5)
    shape = run.add_picture(io.BytesIO(block.png), width=Mm(block.width_mm))
    shape._inline.docPr.set("descr", clean(block.alt))  # noqa: SLF001 - docx offers no other way
    _line(document, block.caption, _BODY, 10.5, align=WD_ALIGN_PARAGRAPH.CENTER, after=6, line_pt=16)


def _signatures(document: Document, report: Report) -> None:
    colon = "：" if report.language == "zh" else ":"
    for label in report.signatures:
        _line(document, f"{label}{colon}", _BODY, 16, line_pt=34)


def _embed(document: Document, report: Report) -> None:
    """Keep the capsule as a custom part, which Word carries along unseen."""
    if not report.payload:
        return
    sealed = escape(to_text(report.sealed()))
    blob = f'<?xml version="1.0" encoding="UTF-8"?><capsule xmlns="{NAMESPACE}">{sealed}</capsule>'
    package = document.part.package
    part = Part(PackURI("/customXml/ecozones1.xml"), "application/xml", blob.encode("utf-8"), package)
    document.part.relate_to(part, RELATIONSHIP_TYPE.CUSTOM_XML)


# ------------------------------------------------------------------------------------------------ office template
def _pour(report: Report, path: Path, template: Path) -> None:
    """Fill an office's template; data are escaped, never read as marks of a template."""
    if not template.exists():
        message = f"there is no template {template}"
        raise InputError(message)
    marked = DocxTemplate(str(template))
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    try:
        marked.render(_marks(report, marked), jinja_env=environment, autoescape=True)
    except jinja2.TemplateError as cause:
        message = f"{template.name}: {cause}; marks a template may use: {', '.join(sorted(_marks(report, marked)))}"
        raise InputError(message) from cause
    _embed(marked.docx, report)
    marked.save(str(path))


def _marks(report: Report, marked: DocxTemplate) -> dict[str, Any]:
    """List what a template may name: facts, sentences, tables by their columns, pictures."""
    said = {
        section.key: [clean(block.printed(report.language)) for block in section.blocks if isinstance(block, Paragraph)]
        for section in report.sections
    }
    marks: dict[str, Any] = dict.fromkeys(("number", "project", "office", "plan", "on", "made"), "")
    marks |= {key: clean(value) for key, _, value in report.facts}
    marks |= {"title": report.title, "reference": report.reference, "paragraphs": said}
    marks["conclusion_text"] = (said.get("conclusion") or [""])[0]
    for table in report.tables():
        keys = [column.key for column in table.columns]
        rows = [dict(zip(keys, texts, strict=True)) for texts in table.printed(report.language)]
        marks[table.key] = rows[: len(table.rows)]
        marks[f"{table.key}_total"] = rows[len(table.rows)] if table.total is not None else {}
        marks[f"{table.key}_notes"] = list(table.notes)
    marks["pictures"] = [
        {"image": InlineImage(marked, io.BytesIO(block.png), width=Mm(block.width_mm)), "caption": clean(block.caption)}
        for section in report.sections
        for block in section.blocks
        if isinstance(block, Picture)
    ]
    return marks
