"""What a report is held to, point by point; every check is also shown a file that it must refuse."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import docx
import matplotlib as mpl
import pytest
from docx.oxml.ns import qn
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from openpyxl import load_workbook

from ecozones.reports import Report, Table, compose_report, page, paper, write_report
from ecozones.reports.figures import show
from ecozones.siting import check_sites
from ecozones.static_map import letters
from ecozones.testing import chessboard_plan, square_between

FONTS = {"方正小标宋简体", "仿宋_GB2312", "黑体", "宋体"}
A4 = (595, 842)


@pytest.fixture(scope="module")
def report_and_files(tmp_path_factory) -> tuple[Report, Mapping[str, Path]]:
    plan = chessboard_plan(red_line={"a1": "core"}, farmland=["c1"], urban={"e5": "concentrated"}, name="棋盘县")
    sites = square_between("a1", "b1", activity="ordinary_build", size_m=1_000 / 3)
    sites = sites.assign(site_id="0330100000012", name="度假村")
    review = check_sites(sites, plan, on="2026-06-01")
    folder = tmp_path_factory.mktemp("checks")
    files = {
        suffix: write_report(review, folder / f"r.{suffix}", plan=plan) for suffix in ("html", "docx", "xlsx", "json")
    }
    if paper.find_browser():
        files["pdf"] = write_report(review, folder / "r.pdf", plan=plan)
    return compose_report(review, plan=plan), files


def items(report: Report) -> Table:
    return next(table for table in report.tables() if table.key == "items")


# ------------------------------------------------------------------------------------------------ 17: Word
def headings_are_in_order(report: Report, path: Path) -> None:
    told = [line.text for line in docx.Document(str(path)).paragraphs if line.style.name == "Heading 1"]
    assert told == [section.heading for section in report.sections]


def document_table(path: Path, title: str) -> list[list[str]]:
    for table in docx.Document(str(path)).tables:
        if table._tbl.tblPr.find(qn("w:tblCaption")).get(qn("w:val")) == title:
            return [
                ["".join(t.text or "" for t in cell.iter(qn("w:t"))) for cell in row.tc_lst]
                for row in table._tbl.tr_lst
            ]
    raise AssertionError(title)


def document_numbers_are_the_results(report: Report, path: Path) -> None:
    table = items(report)
    assert document_table(path, table.title)[1:] == table.printed("zh")


def every_run_names_its_chinese_font(_: Report, path: Path) -> None:
    for run in docx.Document(str(path)).element.body.iter(qn("w:r")):
        assert run.find(qn("w:rPr")).find(qn("w:rFonts")).get(qn("w:eastAsia")) in FONTS


def header_rows_repeat(_: Report, path: Path) -> None:
    for table in docx.Document(str(path)).tables:
        assert table.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None


def the_picture_is_there_with_its_words(report: Report, path: Path) -> None:
    (shape,) = docx.Document(str(path)).inline_shapes
    assert "× 禁止" in shape._inline.docPr.get("descr")
    assert "× 禁止" in "".join(t.text or "" for t in docx.Document(str(path)).element.body.iter(qn("w:t")))
    assert any(block for section in report.sections if section.key == "maps" for block in section.blocks)


def word_prints_it_as_it_is(_: Report, path: Path) -> None:
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed")
    folder = path.parent / "office"
    command = [office, "--headless", f"-env:UserInstallation={(folder / 'profile').as_uri()}"]
    subprocess.run(
        [*command, "--convert-to", "pdf", "--outdir", str(folder), str(path)],
        check=True, capture_output=True, timeout=180,
    )  # fmt: skip
    text = subprocess.run(["pdftotext", str(folder / f"{path.stem}.pdf"), "-"], check=True, capture_output=True)
    pages = text.stdout.decode("utf-8").split("\f")[:-1]
    assert "\ufffd" not in "".join(pages)
    assert 6 <= len(pages) <= 14
    # the first page holds the conclusion and nothing but it
    assert "审查结论" in pages[0]
    assert "项目概况" not in pages[0]
    assert "项目概况" in pages[1]


def rewrite(path: Path, target: Path, part: str, change: Callable[[str], str]) -> Path:
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == part:
                text = content.decode("utf-8")
                changed = change(text)
                assert changed != text, "the file was not spoilt"
                content = changed.encode("utf-8")
            new.writestr(name, content)
    return target


def body(right: str, wrong: str, count: int = 1) -> Callable[[Path, Path], Path]:
    return lambda path, target: rewrite(
        path, target, "word/document.xml", lambda text: text.replace(right, wrong, count)
    )


DOCUMENT = {
    "headings": (headings_are_in_order, body("二、项目概况", "二、概况")),
    "numbers": (document_numbers_are_the_results, body(">55,555.", ">55,556.", -1)),
    "fonts": (every_run_names_its_chinese_font, body(' w:eastAsia="仿宋_GB2312"', "")),
    "header": (header_rows_repeat, body("<w:tblHeader/>", "")),
    "picture": (the_picture_is_there_with_its_words, body("结论：× 禁止，", "")),
    "print": (word_prints_it_as_it_is, body("<w:pageBreakBefore/>", "")),
}


# ------------------------------------------------------------------------------------------------ 18: Excel
def sheet_of(path: Path, title: str):
    return load_workbook(path)[title]


def column_cells(path: Path, report: Report, key: str):
    table = items(report)
    at = [column.key for column in table.columns].index(key) + 1
    return [sheet_of(path, table.title).cell(row, at) for row in range(2, len(table.rows) + 2)]


def numbers_are_numbers(report: Report, path: Path) -> None:
    for key, excel in (("overlap_m2", "#,##0.00"), ("share", "0.00%")):
        for cell in column_cells(path, report, key):
            assert (cell.data_type, cell.number_format) == ("n", excel)


def ids_are_text(report: Report, path: Path) -> None:
    for cell in column_cells(path, report, "site_id"):
        assert (cell.data_type, cell.value) == ("s", "0330100000012")


def sums_match(report: Report, path: Path) -> None:
    table = items(report)
    told = sum(cell.value for cell in column_cells(path, report, "overlap_m2"))
    at = [column.key for column in table.columns].index("overlap_m2")
    assert told == pytest.approx(sum(row[at] for row in table.rows), abs=0.02)


def one_page_wide(report: Report, path: Path) -> None:
    for table in report.tables():
        name = {"method": "元数据", "conclusion": "审查结论（逐块）"}.get(table.key, table.title)
        sheet = sheet_of(path, name)
        assert sheet.page_setup.fitToWidth == 1
        assert sheet.sheet_properties.pageSetUpPr.fitToPage


def book(change: Callable[[object], None]) -> Callable[[Path, Path], Path]:
    def spoil(path: Path, target: Path) -> Path:
        workbook = load_workbook(path)
        change(workbook["逐项审查"])
        workbook.save(target)
        return target

    return spoil


def _put(sheet, cell: str, value: object, excel: str | None = None) -> None:
    sheet[cell].value = value
    if excel:
        sheet[cell].number_format = excel


BOOK = {
    "numbers": (numbers_are_numbers, book(lambda sheet: _put(sheet, "D2", "55,555.55"))),
    "formats": (numbers_are_numbers, book(lambda sheet: _put(sheet, "D2", sheet["D2"].value, "General"))),
    "ids": (ids_are_text, book(lambda sheet: _put(sheet, "A2", 330100000012))),
    "sums": (sums_match, book(lambda sheet: _put(sheet, "D2", sheet["D2"].value + 1))),
    "paper": (one_page_wide, book(lambda sheet: setattr(sheet.page_setup, "fitToWidth", 2))),
}


# ------------------------------------------------------------------------------------------------ 19: PDF
def poppler(program: str, path: Path) -> str:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    command = [program, str(path), *(["-"] if program == "pdftotext" else [])]
    return subprocess.run(command, check=True, capture_output=True).stdout.decode("utf-8")


def the_text_can_be_searched(_: Report, path: Path) -> None:
    text = poppler("pdftotext", path)
    assert "生态保护红线" in text
    assert "× 禁止" in text


def fonts_are_embedded(_: Report, path: Path) -> None:
    lines = poppler("pdffonts", path).splitlines()[2:]
    assert lines
    # name, type, encoding, embedded ...: the columns after the type are counted from the right
    assert all(line.split()[-5] == "yes" for line in lines)


def pages_are_a4(_: Report, path: Path) -> None:
    boxes = re.findall(rb"/MediaBox\s*\[([^\]]*)\]", path.read_bytes())
    assert boxes
    assert {tuple(round(float(side)) for side in box.split()[2:]) for box in boxes} == {A4}


def printed(change: Callable[[str], str]) -> Callable[[Path, Path], Path]:
    """Print the page again after changing it."""

    def spoil(path: Path, target: Path) -> Path:
        text = path.with_suffix(".html").read_text(encoding="utf-8")
        changed = change(text)
        assert changed != text, "the file was not spoilt"
        browser = paper.find_browser()
        assert browser is not None
        paper._print_with(browser, changed, target)
        return target

    return spoil


def with_a_font_left_out(_: Path, target: Path) -> Path:
    """Write a page that leaves its letters to the reader's machine."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 5 0 R/Resources<</Font<</F 4 0 R>>>>>>",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Length 33>>stream\nBT /F 12 Tf 50 700 Td (x) Tj ET  \nendstream",
    ]  # fmt: skip
    content, places = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, start=1):
        places.append(len(content))
        content += b"%d 0 obj\n" % number + text + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    content += b"xref\n0 6\n0000000000 65535 f \n" + table + b"trailer<</Size 6/Root 1 0 R>>\n"
    target.write_bytes(content + b"startxref\n%d\n%%%%EOF" % content.index(b"xref\n0 6"))
    return target


PDF = {
    "text": (the_text_can_be_searched, printed(lambda text: text.replace("× 禁止", "<i></i>"))),
    "fonts": (fonts_are_embedded, with_a_font_left_out),
    "a4": (pages_are_a4, printed(lambda text: text.replace("size: A4 portrait", "size: letter"))),
}


# ------------------------------------------------------------------------------------------------ 20: page
def nothing_is_fetched(_: Report, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'")
    assert all(address.startswith("data:") for address in re.findall(r'\b(?:src|href|poster|data)="([^"]*)"', text))
    assert not re.search(r"@import|url\((?!\"?data:)", text)


def every_picture_has_words(_: Report, path: Path) -> None:
    pictures = re.findall(r"<img[^>]*>", path.read_text(encoding="utf-8"))
    assert pictures
    assert all(re.search(r'alt="[^"]*× 禁止[^"]*1:[\d,]+', picture) for picture in pictures)


def it_prints_on_few_pages(_: Report, path: Path) -> None:
    """Print the page as a browser does: its conclusion is alone on the first page."""
    browser = paper.find_browser()
    if browser is None:
        pytest.skip("no browser to print with")
    target = path.with_suffix(".printed.pdf")
    paper._print_with(browser, path.read_text(encoding="utf-8"), target)
    pages = poppler("pdftotext", target).split("\f")[:-1]
    assert 4 <= len(pages) <= 9
    assert "审查结论" in pages[0]
    assert "项目概况" not in pages[0]


def text_of(change: Callable[[str], str]) -> Callable[[Path, Path], Path]:
    def spoil(path: Path, target: Path) -> Path:
        text = path.read_text(encoding="utf-8")
        changed = change(text)
        assert changed != text, "the file was not spoilt"
        target.write_text(changed, encoding="utf-8")
        return target

    return spoil


PAGE = {
    "network": (nothing_is_fetched, text_of(lambda text: text.replace("<main>", '<main><img src="//example.org/x">'))),
    "seal": (nothing_is_fetched, text_of(lambda text: text.replace("default-src 'none'", "default-src *"))),
    "words": (every_picture_has_words, text_of(lambda text: re.sub(r' alt="[^"]*"', "", text))),
    "print": (it_prints_on_few_pages, text_of(lambda text: text.replace("break-before: page", ""))),
}


# ------------------------------------------------------------------------------------------------ 22: all formats
def printed_numbers(report: Report, files: Mapping[str, Path]) -> dict[str, list[list[str]]]:
    """Read the table of items back from each format, as printed."""
    table = items(report)
    text = files["html"].read_text(encoding="utf-8")
    rows = re.search(r'<table id="table-items">.*?<tbody>(.*?)</tbody>', text, re.DOTALL)[1]
    sheet = sheet_of(files["xlsx"], table.title)
    records = json.loads(files["json"].read_text(encoding="utf-8"))["lines"]
    named = dict(zip((record["line"] for record in records), table.rows, strict=True))
    keys = [column.key for column in table.columns]
    plain = [[record.get(key) for key in keys] for record in records]
    for row, record in zip(plain, records, strict=True):
        row[keys.index("line")] = named[record["line"]][keys.index("line")]
    found = {
        "html": [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", rows, re.DOTALL)],
        "docx": document_table(files["docx"], table.title)[1:],
    }
    for name, values in (("xlsx", [[c.value for c in row] for row in sheet.iter_rows(min_row=2)]), ("json", plain)):
        found[name] = [
            [show(value, column.kind) for value, column in zip(row, table.columns, strict=True)] for row in values
        ]
    return found


def formats_agree(report: Report, files: Mapping[str, Path]) -> None:
    told = printed_numbers(report, files)
    for name, rows in told.items():
        assert rows == items(report).printed("zh"), name
    said = report.paragraphs()[0].printed("zh")
    assert said in files["html"].read_text(encoding="utf-8")
    assert said in "".join(t.text or "" for t in docx.Document(str(files["docx"])).element.body.iter(qn("w:t")))
    assert said in {cell.value for row in sheet_of(files["xlsx"], "审查结论").iter_rows() for cell in row}
    assert said == json.loads(files["json"].read_text(encoding="utf-8"))["conclusion"]["zh"]


def spoil_json(path: Path, target: Path) -> Path:
    data = json.loads(path.read_text(encoding="utf-8"))
    data["lines"][0]["overlap_m2"] += 1
    target.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    return target


FORMATS = {
    "html": text_of(lambda text: text.replace("55,555.", "55,556.")),
    "docx": DOCUMENT["numbers"][1],
    "xlsx": BOOK["sums"][1],
    "json": spoil_json,
}
ALL = [
    (suffix, name, *pair)
    for suffix, checks in (("docx", DOCUMENT), ("xlsx", BOOK), ("pdf", PDF), ("html", PAGE))
    for name, pair in checks.items()
]


@pytest.mark.parametrize(
    ("suffix", "name", "check", "spoil"), ALL, ids=lambda value: value if isinstance(value, str) else ""
)
def test_the_check_holds_and_fails_on_a_spoilt_file(suffix, name, check, spoil, report_and_files, tmp_path):
    report, files = report_and_files
    if suffix not in files:
        pytest.skip("no browser to print with")
    check(report, files[suffix])
    folder = tmp_path / name
    folder.mkdir()
    if suffix == "pdf":
        shutil.copy(files["html"], folder / "r.html")
    spoilt = spoil(files[suffix], folder / f"r.{suffix}")
    with pytest.raises(AssertionError):
        check(report, spoilt)


def test_all_formats_agree(report_and_files):
    formats_agree(*report_and_files)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_format_that_disagrees_is_found(suffix, report_and_files, tmp_path):
    report, files = report_and_files
    spoilt = FORMATS[suffix](files[suffix], tmp_path / f"r.{suffix}")
    with pytest.raises(AssertionError):
        formats_agree(report, {**files, suffix: spoilt})


# ------------------------------------------------------------------------------------------------ 21: letters of a map
def test_letters_that_are_missing_would_be_seen(monkeypatch):
    """Without the bundled letters the same map warns; that is what its test would see."""
    drawn = Figure(figsize=(2, 1))
    FigureCanvasAgg(drawn)
    drawn.text(0.1, 0.5, "生态保护红线")
    with mpl.rc_context({"font.family": ["DejaVu Sans"]}), warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="Glyph"):
            drawn.canvas.draw()
    monkeypatch.setattr(letters, "drawable", lambda: frozenset(range(128)))
    assert letters.missing_characters("红线 ABC") == ["红", "线"]


# ------------------------------------------------------------------------------------------------ 23: console
@pytest.mark.parametrize("guarded", [True, False])
def test_a_gbk_console_would_break_without_its_guard(guarded):
    start = "cli.run()" if guarded else "cli.app()"
    code = (
        "import sys, typer; from ecozones import cli; sys.argv = ['ecozones', 'say'];"
        f"cli.app.command('say')(lambda: typer.echo('\u2713 \u00b2')); {start}"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, check=False, env=os.environ | {"PYTHONIOENCODING": "gbk", "PYTHONUTF8": "0"},
    )  # fmt: skip
    assert (done.returncode == 0) is guarded


def test_the_page_is_what_the_pdf_is_printed_from(report_and_files):
    report, files = report_and_files
    assert page.render(report) == files["html"].read_text(encoding="utf-8")
