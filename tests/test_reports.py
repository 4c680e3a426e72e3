import datetime as dt
import html
import json
import re
import shutil
import subprocess
import sys
import time
import zipfile
from decimal import Decimal
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import docx
import geopandas as gpd
import jsonschema
import pandas as pd
import pytest
import shapely
from docx.oxml.ns import qn
from openpyxl import load_workbook

import ecozones
from ecozones import ZoningPlan
from ecozones.errors import InputError, MissingDependencyError
from ecozones.readers import read_plan, read_sites
from ecozones.reports import (
    Column,
    Frontispiece,
    Report,
    Section,
    Table,
    compose_report,
    page,
    paper,
    verify_report,
    workbook,
    write_report,
    write_tables,
)
from ecozones.reports import document as document_writer
from ecozones.reports.capsule import read_capsule
from ecozones.reports.figures import ABSENT, KINDS, dictionary, show
from ecozones.reports.totals import close_pieces
from ecozones.siting import check_sites
from ecozones.testing import BOARD_CRS, chessboard_plan, square, square_between
from ecozones.units import from_m2
from ecozones.vocab import control_lines

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><img src=https://example.org/x onerror=alert(1)>",
    '=HYPERLINK("http://example.org")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "{{ 7*7 }} {% raw %}",
    "'\"`&amp;<b>",
    "emoji 😀 𬒈",
    "control \x01\x1f sign",
    "长" * 10_000,
]


def make_sites(names=()):
    """Seven squares of every kind, a corridor without a width, a point, and one half off the board."""
    third = 1_000 / 3
    squares = [
        square("a1", "e5", "h8", activity="ordinary_build", size_m=third),
        square("b1", activity="linear_infra", size_m=third),
        square_between("a1", "b1", activity="ordinary_build", size_m=third),
        square_between("c1", "d1", activity="farming", size_m=third),
        square("h1", activity=None, size_m=third),
    ]
    edge = square("h4", activity="ordinary_build").assign(site_id="edge")
    edge = edge.set_geometry(edge.translate(500, 0))
    x, y = 500_000, 3_320_000
    others = gpd.GeoDataFrame(
        {
            "site_id": ["line", "point"],
            "name": None,
            "activity": ["linear_infra", "ordinary_build"],
            "width_m": float("nan"),
        },
        geometry=[shapely.LineString([(x - 3_500, y + 300), (x + 2_000, y + 300)]), shapely.Point(x - 3_500, y + 500)],
        crs=BOARD_CRS,
    )
    sites = gpd.GeoDataFrame(pd.concat([*squares, edge, others], ignore_index=True), crs=BOARD_CRS)
    sites["name"] = [*names, *[f"项目{n}" for n in range(len(sites) - len(names))]][: len(sites)]
    return sites


@pytest.fixture(scope="module")
def plan():
    return chessboard_plan(
        red_line={"a1": "core", "b1": "general", "c4": "outside"},
        farmland=["c1", "d1"],
        urban={"e5": "concentrated"},
        lines={"nature_reserve": {"a1": "core"}},
        name="棋盘县国土空间总体规划",
    )


@pytest.fixture(scope="module")
def sites():
    return make_sites()


@pytest.fixture(scope="module")
def review(sites, plan):
    return check_sites(sites, plan, on="2026-06-01")


@pytest.fixture(scope="module")
def without_farmland(sites):
    return check_sites(sites, chessboard_plan(red_line={"a1": "core"}, farmland=None, urban=["e5"]), on="2026-06-01")


@pytest.fixture(scope="module")
def front():
    return Frontispiece("县道改扩建", "2026-017", "棋盘县自然资源局", dt.date(2026, 6, 2))


@pytest.fixture(scope="module")
def files(review, plan, front, tmp_path_factory):
    """The same review in every format, written once."""
    folder = tmp_path_factory.mktemp("reports")
    return {
        suffix: write_report(review, folder / f"review.{suffix}", front=front, plan=plan)
        for suffix in ("html", "docx", "xlsx", "json")
    }


# ------------------------------------------------------------------------------------------------ reading back
class PageReader(HTMLParser):
    """What a browser would see: text, tables by id, addresses, scripts that run."""

    def __init__(self, text):
        super().__init__()
        self.words, self.tables, self.addresses, self.scripts, self.metas = [], {}, [], [], []
        self.below, self.row = [], []
        self.images, self.table, self.inside, self.in_cell = [], None, "", False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        self.inside = tag
        self.addresses += [known[key] for key in ("src", "href", "data", "poster", "action") if known.get(key)]
        if tag == "script":
            self.scripts.append(known.get("type"))
        if tag == "meta":
            self.metas.append(known)
        if tag == "img":
            self.images.append(known)
        if tag == "table":
            self.table = self.tables[known["id"].removeprefix("table-")] = []
        if tag == "tr" and self.table is not None:
            # long texts stand below a row, in a line that is no row of the table
            (self.below if known.get("class") == "below" else self.table).append([])
            self.row = (self.below if known.get("class") == "below" else self.table)[-1]
        if tag in {"td", "th"} and self.table is not None:
            self.row.append("")
            self.in_cell = True
        if any(key.startswith("on") for key in known):
            self.scripts.append("handler")

    def handle_endtag(self, tag):
        self.inside = ""
        if tag in {"td", "th"}:
            self.in_cell = False
        if tag == "table":
            self.table = None

    def handle_data(self, data):
        if self.inside not in {"script", "style"}:
            self.words.append(data)
            if self.in_cell:
                self.row[-1] += data

    @property
    def text(self):
        return "".join(self.words)


def from_page(path):
    page = PageReader(path.read_text(encoding="utf-8"))
    return {key: rows[1:] for key, rows in page.tables.items()}


def from_document(path):
    document = docx.Document(str(path))
    tables = {}
    for table in document.tables:
        title = table._tbl.tblPr.find(qn("w:tblCaption")).get(qn("w:val"))
        spans = [row.tc_lst[0].tcPr.find(qn("w:gridSpan")) for row in table._tbl.tr_lst]
        rows = [row for row, span in zip(table._tbl.tr_lst, spans, strict=True) if span is None]
        tables[title] = [
            ["".join(text.text or "" for text in cell.iter(qn("w:t"))) for cell in row.tc_lst] for row in rows[1:]
        ]
    return tables


def from_workbook(path):
    book = load_workbook(path)
    return {sheet.title: [list(row) for row in sheet.iter_rows(min_row=2, values_only=True)] for sheet in book}


def number(text):
    return float(text.replace(",", "").rstrip("%")) / (100 if text.endswith("%") else 1)


def document_text(path):
    body = docx.Document(str(path)).element.body
    return "\n".join("".join(part.text or "" for part in line.iter(qn("w:t"))) for line in body.iter(qn("w:p")))


# ------------------------------------------------------------------------------------------------ the same everywhere
def test_page_document_and_workbook_print_the_same_tables(review, plan, files):
    report = compose_report(review, plan=plan, maps=False)
    page, document, book = from_page(files["html"]), from_document(files["docx"]), from_workbook(files["xlsx"])
    assert len(report.tables()) >= 8
    for table in report.tables():
        printed = [[row[at] for at in table.across] for row in table.printed("zh")]
        if table.total is not None:
            printed[-1] = [
                text if table.total[at] is not None else "" for at, text in zip(table.across, printed[-1], strict=True)
            ]
        assert page[table.key] == printed, table.key
        assert document[table.title] == printed, table.key
        name = {"method": "元数据", "conclusion": "审查结论（逐块）"}.get(table.key, table.title)
        for cells, row in zip(book[name], [*table.rows, *([table.total] if table.total else [])], strict=True):
            for cell, value, column in zip(cells, row, table.columns, strict=True):
                if column.is_number and isinstance(cell, int | float):
                    assert show(cell, column.kind) == show(value, column.kind), (table.key, column.key)


def test_numbers_and_conclusions_are_those_of_the_review(review, files):
    data = json.loads(files["json"].read_text(encoding="utf-8"))
    items = from_page(files["html"])["items"]
    assert len(items) == len(review.lines) == len(data["lines"])
    for printed, row, record in zip(items, review.lines.itertuples(), data["lines"], strict=True):
        taken, share = printed[3], printed[6] if len(printed) > 9 else printed[5]
        assert (taken == ABSENT) == pd.isna(row.overlap_m2)
        if taken != ABSENT:
            assert (
                number(taken)
                == pytest.approx(row.overlap_m2, abs=0.005)
                == pytest.approx(record["overlap_m2"], abs=0.005)
            )
        assert number(share) == pytest.approx(record["share"], abs=5e-5)
    conclusion = review.conclusion("zh")
    assert data["conclusion"]["zh"] == conclusion
    assert conclusion in PageReader(files["html"].read_text(encoding="utf-8")).text
    assert conclusion in document_text(files["docx"])
    assert any(conclusion in str(row) for row in from_workbook(files["xlsx"])["审查结论"])


def test_every_verdict_stands_as_a_word_in_every_format(review, files):
    page, document = from_page(files["html"])["conclusion"], from_document(files["docx"])["审查结论"]
    book = from_workbook(files["xlsx"])["审查结论（逐块）"]
    for row, verdict in zip(zip(page, document, book, strict=True), review.verdicts["verdict"], strict=True):
        assert {cells[1] for cells in row} == {show(str(verdict), "verdict")}
        assert re.search("[一-龥]", row[0][1])


@pytest.mark.parametrize("key", ["overview", "summary"])
def test_printed_rows_sum_to_the_printed_total(review, key):
    table = next(table for table in compose_report(review, maps=False).tables() if table.key == key)
    printed = table.printed("zh")
    closed = 0
    for at, column in enumerate(table.columns):
        if table.total[at] is not None and column.is_number:
            cells = [row[at].replace(",", "") for row in printed]
            assert sum(Decimal(cell) for cell in cells[:-1] if re.fullmatch(r"[\d.]+", cell)) == Decimal(cells[-1]), (
                column.key
            )
            closed += 1
    assert closed >= 2


def test_every_row_is_printed_as_it_is_and_the_total_says_what_it_is_before_rounding(review):
    table = next(table for table in compose_report(review, maps=False).tables() if table.key == "overview")
    at = {column.key: place for place, column in enumerate(table.columns)}
    areas = review.verdicts.set_index("site_id")["area_m2"]
    for row in table.printed("zh")[:-1]:
        assert row[at["area_mu"]] == show(float(from_m2(areas[row[at["site_id"]]], "mu")), "mu")
    exact = show(float(from_m2(areas.sum(), "mu")), "mu")
    assert table.printed("zh")[-1][at["area_mu"]] != exact
    assert any("取整前的合计：" in note and exact in note for note in table.notes)


def test_a_site_has_one_area_in_all_of_its_report(review):
    report = compose_report(review, maps=False)
    overview = next(table for table in report.tables() if table.key == "overview")
    at = {column.key: place for place, column in enumerate(overview.columns)}
    told = {row[at["site_id"]]: row for row in overview.printed("zh")[:-1]}
    said = re.compile(r"地块 (\S+?)(?:（.*?）)?用地总面积 (\S+) 公顷（(\S+) 亩）")
    texts = {match[1]: match for text in report.paragraphs() if (match := said.match(text.printed("zh")))}
    assert len(texts) >= 8
    for site, match in texts.items():
        assert (match[2], match[3]) == (told[site][at["area_ha"]], told[site][at["area_mu"]]), site


def test_lines_that_are_not_met_are_printed_as_nought(review, files):
    rows = [row for row in from_page(files["html"])["items"] if row[0] == "h8"]
    assert len(rows) == len(set(review.lines["line"]))
    assert {row[3] for row in rows} == {"0.00"}


# ------------------------------------------------------------------------------------------------ what must be said
def test_a_missing_layer_is_said_and_never_printed_as_nought(without_farmland, tmp_path):
    path = write_report(without_farmland, tmp_path / "r.html")
    items = [row for row in from_page(path)["items"] if row[1] == "永久基本农田"]
    assert {row[2] for row in items} == {"未检查"}
    assert all(ABSENT in row[3] for row in items)
    text = PageReader(path.read_text(encoding="utf-8")).text
    assert "地块 a1：未检查永久基本农田" in text
    assert "不涉及永久基本农田" not in text
    summary = from_page(path)["summary"]
    assert {row[6] for row in summary[:-1]} == {"未检查"}


def test_lines_that_the_plan_never_had_are_named(without_farmland):
    uncovered = next(
        section for section in compose_report(without_farmland, maps=False).sections if section.key == "uncovered"
    )
    assert any("自然保护区" in block.printed("zh") and block.flagged for block in uncovered.blocks)


def test_a_line_met_on_covered_ground_still_says_what_is_not_covered():
    plan = chessboard_plan(red_line={"h4": "core"})
    edge = square("h4", activity="ordinary_build")
    found = check_sites(edge.set_geometry(edge.translate(500, 0)), plan, on="2026-06-01")
    text = next(
        text.printed("zh")
        for text in compose_report(found, maps=False).paragraphs()
        if "用地总面积" in text.printed("zh")
    )
    assert "占用生态保护红线 12.5000 公顷（187.50 亩），占用地总面积的 50.00%，其中核心保护区 12.5000 公顷" in text
    assert "（数据仅覆盖 50.00%，其余不作结论）" in text


def test_ground_beyond_the_plan_is_said_with_its_share(review, files):
    assert review.verdicts.set_index("site_id").loc["edge", "verdict"] == "undetermined"
    for text in (PageReader(files["html"].read_text(encoding="utf-8")).text, document_text(files["docx"])):
        assert re.search(r"地块 edge：生态保护红线数据覆盖 50\.00%", text)


def test_rules_nobody_verified_are_flagged_beside_every_finding(tmp_path):
    plan = chessboard_plan(urban={"f5": "flexible"})
    doubtful = check_sites(square("f5", activity="ordinary_build"), plan, on="2026-06-01")
    finding = doubtful.findings.iloc[0]
    assert finding["status"] in {"partial", "memory"}
    flag = show(finding["status"], "status")
    assert flag.startswith("【")
    report = compose_report(doubtful, maps=False)
    table = next(table for table in report.tables() if table.key == "findings")
    at = [column.key for column in table.columns].index("status")
    assert [row[at] for row in table.printed("zh")] == [flag]
    assert any(block.flagged and finding["rule_id"] in block.printed("zh") for block in report.paragraphs())
    page = write_report(doubtful, tmp_path / "r.html").read_text(encoding="utf-8")
    # beside the verdict, beside the finding, beside the clause
    assert page.count(flag) == 3
    assert document_text(write_report(doubtful, tmp_path / "r.docx", maps=False)).count(flag) == 3
    sheets = from_workbook(write_report(doubtful, tmp_path / "r.xlsx"))
    assert sum(flag in row for rows in sheets.values() for row in rows) == 3


def test_every_figure_in_the_text_is_a_cell_of_the_tables(review, plan):
    report = compose_report(review, plan=plan, maps=False)
    figures = report.figures()
    assert len(figures) > 40
    factors = {"ha": "ha", "mu": "mu"}
    for figure in figures:
        table, rest = figure.source.split("[", 1)
        place, column = rest.rsplit("].", 1)
        wanted = dict(part.split("=") for part in place.split(", "))
        frame = pd.DataFrame(getattr(review, table))
        for key, value in wanted.items():
            frame = frame[frame[key].astype(str) == value]
        assert len(frame), figure.source
        if figure.kind == "verdict":
            assert figure.value == frame[column].iloc[0]
            continue
        cell = frame[column].sum()
        if figure.kind in factors and column.endswith("_m2"):
            cell = float(from_m2(cell, factors[figure.kind]))
        if table == "findings":
            # a part of a whole is closed so that the parts sum to it
            assert figure.stored == pytest.approx(cell, abs=1.01e-4), figure.source
        else:
            assert figure.printed("zh") == show(cell, figure.kind), figure.source


def test_the_paragraph_for_the_file_reads_as_an_office_writes_it(review, plan):
    said = {
        language: [
            block.printed(language)
            for block in compose_report(review, language=language, plan=plan, maps=False).paragraphs()
        ]
        for language in ("zh", "en")
    }
    half = next(text for text in said["zh"] if text.startswith("地块 a1-b1"))
    assert half.startswith("地块 a1-b1（项目4）用地总面积 11.1111 公顷（166.67 亩）。占用生态保护红线 11.1111 公顷")
    assert "占用地总面积的 100.00%，其中核心保护区 5.555" in half
    assert "不涉及永久基本农田。全部位于城镇开发边界外。" in half
    assert half.endswith("审查结论：× 禁止。")
    inside = next(text for text in said["zh"] if text.startswith("地块 e5"))
    assert "位于城镇开发边界内 11.1111 公顷" in inside
    assert any(
        text.startswith("Site a1-b1 (项目4) measures 11.1111 ha (166.67 mu). It takes 11.1111 ha")
        for text in said["en"]
    )
    line = next(text for text in said["zh"] if text.startswith("地块 line"))
    assert re.search(r"线路长度 5,500\.\d\d 米。穿越生态保护红线 1,500\.\d\d 米", line)
    assert re.search(r"其中核心保护区 500\.\d\d 米、一般控制区 1,000\.\d\d 米", line)
    assert any("地块 point（项目9）为点状项目，不计面积。位于生态保护红线内。" in text for text in said["zh"])


def test_farmland_taken_fills_the_official_forms(files):
    rows = from_page(files["html"])["farmland"]
    # the corridor without a width crosses farmland too, but takes no area; what the survey must say is left blank
    assert [row[4:6] for row in rows] == [["c1-d1", "c1"], ["c1-d1", "d1"], ["", ""]]
    assert [{cell.strip() for cell in row[1:4]} for row in rows[:2]] == [{""}, {""}]
    assert rows[-1][8:10] == ["11.1111", "166.67"]
    replaced = from_page(files["html"])["replacement"]
    assert [row[4:6] for row in replaced[:2]] == [[row[5], row[8]] for row in rows[:2]]
    assert replaced[-1][5] == "11.1111"
    book = load_workbook(files["xlsx"])
    assert {"占用永久基本农田情况表", "永久基本农田补划表", "三线占用汇总表"} <= set(book.sheetnames)


def test_ground_of_farmland_that_overlaps_is_counted_once():
    west, south = square("a1").total_bounds[:2]
    patches = [shapely.box(west + x, south, west + x + 100, south + 100) for x in (0, 50, 300, 301.8, 303.6)]
    patches[2:] = [shapely.box(*patch.bounds[:2], patch.bounds[0] + 1.8, south + 1.84) for patch in patches[2:]]
    farmland = gpd.GeoDataFrame({"feature_id": list("abcde")}, geometry=patches, crs=BOARD_CRS)
    plan = ZoningPlan.from_layers({"permanent_basic_farmland": farmland}, extent=square("a1"))
    sites = gpd.GeoDataFrame(
        {"site_id": ["over", "tiny"]},
        geometry=[
            shapely.box(west, south, west + 150, south + 100),
            shapely.box(west + 300, south, west + 400, south + 9),
        ],
        crs=BOARD_CRS,
    )
    report = compose_report(check_sites(sites, plan, on="2026-06-01", method="planar"), maps=False, language="en")
    form = next(table for table in report.tables() if table.key == "farmland")
    keys = [column.key for column in form.columns]
    rows = [dict(zip(keys, row, strict=True)) for row in form.printed("en")]
    # the site over two patches takes 1.5 ha, be they 1 ha each; the pieces of the other are closed to its 9.94 m2
    assert [row["area_ha"] for row in rows] == ["1.0000", "1.0000", "0.0004", "0.0003", "0.0003", "1.5010"]
    assert (rows[-1]["area_m2"], rows[-1]["area_mu"]) == ("15,009.94", "22.51")
    assert [note for note in form.notes if "Features overlap under sites over:" in note]
    assert any("Area (m²) tiny +0.01" in note and "over" not in note for note in form.notes)
    text = " ".join(said.printed("en") for said in report.paragraphs())
    assert "It takes 1.5000 ha (22.50 mu) of permanent basic farmland" in text


def test_pieces_of_one_label_and_of_no_site_are_closed_by_themselves():
    pieces = pd.DataFrame({"site_id": ["a", None, "a", None], "area_mu": [0.005, 0.004, 0.005, 0.004]}, [0, 1, 0, 1])
    closed, told = close_pieces(pieces, "site_id")
    assert closed["area_mu"].tolist() == [0.0, 0.01, 0.01, 0.0]
    assert closed.index.tolist() == [0, 1, 0, 1]
    assert told == {"area_mu": ["a -0.01", "nan +0.01"]}


# ------------------------------------------------------------------------------------------------ hostile names
@pytest.fixture(scope="module")
def hostile(plan, tmp_path_factory):
    sites = make_sites(HOSTILE[:10])
    sites.loc[0, "site_id"] = "<b>{{ 1+1 }}</b>=x"
    more = square("d4", activity="ordinary_build").assign(name=HOSTILE[10])
    sites = gpd.GeoDataFrame(pd.concat([sites, more], ignore_index=True), crs=sites.crs)
    found = check_sites(sites, plan, on="2026-06-01")
    folder = tmp_path_factory.mktemp("hostile")
    suffixes = ("html", "docx", "xlsx", "json", "csv", "gpkg", "geojson")
    return {suffix: write_report(found, folder / f"r.{suffix}", plan=plan) for suffix in suffixes}


def shown(name):
    return name.replace("\x01", "␁").replace("\x1f", "␟")


def test_hostile_names_are_text_on_the_page(hostile):
    page = PageReader(hostile["html"].read_text(encoding="utf-8"))
    assert page.scripts == ["application/json"]
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    for name in HOSTILE:
        assert shown(name) in page.text
    assert "49" not in {row[1] for row in page.tables["overview"][1:]}
    assert read_capsule(hostile["html"])["verdicts"][0]["site_id"] == "<b>{{ 1+1 }}</b>=x"


def test_hostile_names_are_text_in_the_document(hostile):
    text = document_text(hostile["docx"])
    for name in HOSTILE:
        assert shown(name) in text


def test_hostile_names_are_text_in_the_workbook(hostile):
    book = load_workbook(hostile["xlsx"])
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)]
    assert {cell.data_type for cell in cells} == {"s"}
    values = {cell.value for cell in cells}
    assert {shown(name) for name in HOSTILE} <= values
    assert all(cell.quotePrefix for cell in cells if cell.value[0] in "=+-@")


def test_hostile_names_are_text_in_data(hostile):
    names = [row["name"] for row in json.loads(hostile["json"].read_text(encoding="utf-8"))["verdicts"]]
    assert names == HOSTILE
    table = pd.read_csv(hostile["csv"], encoding="utf-8-sig")
    assert not table["name"].str.match(r"[=+\-@]").any()
    assert set(gpd.read_file(hostile["gpkg"], layer="verdicts")["name"]) >= {*HOSTILE[:9], HOSTILE[10]}


# ------------------------------------------------------------------------------------------------ the page
def test_the_page_asks_nothing_of_any_network(files):
    page = PageReader(files["html"].read_text(encoding="utf-8"))
    assert page.scripts == ["application/json"]
    assert page.addresses
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    policy = next(meta["content"] for meta in page.metas if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy
    assert "@import" not in files["html"].read_text(encoding="utf-8")
    assert not re.search(r"url\((?!\"?data:)", files["html"].read_text(encoding="utf-8"))


def test_the_page_has_a_map_with_words_for_every_site_that_is_not_clear(review, files):
    page = PageReader(files["html"].read_text(encoding="utf-8"))
    open_sites = review.verdicts[review.verdicts["verdict"] != "clear"]
    assert len(page.images) == len(open_sites) >= 8
    for image, site in zip(page.images, open_sites.itertuples(), strict=True):
        assert site.site_id in image["alt"]
        assert show(str(site.verdict), "verdict") in image["alt"]
        assert re.search(r"1:[\d,]+", image["alt"])


def test_the_page_says_what_it_rests_on(review, files):
    text = PageReader(files["html"].read_text(encoding="utf-8")).text
    capsule = review.capsule
    for said in (
        capsule["sites_sha256"],
        *capsule["lines_sha256"].values(),
        capsule["rulebook_version"],
        capsule["area_method"],
    ):
        assert said in text
    assert "仅供参考，以主管部门认定为准" in text
    for finding in review.findings[review.findings["citation"] != ""].itertuples():
        assert finding.citation in text
        assert (
            pd.Timestamp(finding.effective_from).date().isoformat() in text
            if pd.notna(finding.effective_from)
            else True
        )


def test_headings_come_in_order(review, plan, files):
    wanted = [section.heading for section in compose_report(review, plan=plan).sections]
    assert wanted[:2] == ["一、审查结论", "二、项目概况"]
    assert wanted[10].startswith("十一、")
    page = re.findall(r"<h2>(.*?)</h2>", files["html"].read_text(encoding="utf-8"))
    headings = [line.text for line in docx.Document(str(files["docx"])).paragraphs if line.style.name == "Heading 1"]
    assert [html.unescape(heading) for heading in page] == headings == wanted


def test_the_report_is_written_in_english_too(review, tmp_path):
    text = PageReader(write_report(review, tmp_path / "r.html", language="en").read_text(encoding="utf-8")).text
    assert "Item by item" in text
    assert review.conclusion("en") in text
    missing = [
        key
        for table in ("words", "sentences", "paragraph", "columns", "capsule")
        for key, value in dictionary()[table].items()
        if not (value["zh"] and value["en"])
    ]
    assert missing == []


# ------------------------------------------------------------------------------------------------ the document
def test_every_run_of_the_document_names_its_chinese_font(files):
    document = docx.Document(str(files["docx"]))
    runs = list(document.element.body.iter(qn("w:r")))
    footers = list(document.sections[0].footer._element.iter(qn("w:r")))
    assert len(runs) > 500
    for run in [*runs, *footers]:
        fonts = run.find(qn("w:rPr")).find(qn("w:rFonts"))
        assert fonts.get(qn("w:eastAsia")) in {"方正小标宋简体", "仿宋_GB2312", "黑体", "宋体"}


def test_the_document_is_laid_out_as_official_documents_are(review, files):
    document = docx.Document(str(files["docx"]))
    section = document.sections[0]
    measures = [
        section.page_width,
        section.page_height,
        section.top_margin,
        section.bottom_margin,
        section.left_margin,
        section.right_margin,
    ]
    assert [round(measure.mm) for measure in measures] == [210, 297, 37, 35, 28, 26]
    for table in document.tables:
        assert table.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None
    assert len(document.inline_shapes) == (review.verdicts["verdict"] != "clear").sum()
    for shape in document.inline_shapes:
        assert shape.width.mm == pytest.approx(156, abs=0.1)
        assert "结论" in shape._inline.docPr.get("descr")


def test_figures_of_the_document_lead_to_their_cells(files):
    document = docx.Document(str(files["docx"]))
    figures = read_capsule(files["docx"])["figures"]
    marks = list(document.element.body.iter(qn("w:bookmarkStart")))
    assert len(marks) == len(figures) > 40
    for number_, (mark, figure) in enumerate(zip(marks, figures, strict=True), start=1):
        assert mark.get(qn("w:name")) == f"figure_{number_}"
        assert mark.getnext().findtext(qn("w:t")) == figure["printed"]


def test_libreoffice_opens_document_and_workbook(files, tmp_path):
    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed")
    for suffix in ("docx", "xlsx"):
        command = [
            office,
            "--headless",
            f"-env:UserInstallation=file://{tmp_path}/profile",
            "--convert-to",
            "txt:Text" if suffix == "docx" else "csv",
            "--outdir",
            str(tmp_path),
            str(files[suffix]),
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=180)
    text = (tmp_path / "review.txt").read_text(encoding="utf-8")
    assert "生态保护红线" in text
    assert "\ufffd" not in text


def test_an_office_template_is_filled(review, tmp_path):
    template = docx.Document()
    template.add_paragraph("项目：{{ project }}　结论：{{ conclusion_text }}")
    template.add_paragraph("{%p for row in items %}")
    template.add_paragraph("{{ row.site_id }} {{ row.line }} {{ row.overlap_m2 }} {{ row.verdict }}")
    template.add_paragraph("{%p endfor %}")
    template.save(tmp_path / "office.docx")
    front = Frontispiece(project="A & B <县道> {{ 7*7 }}")
    path = write_report(review, tmp_path / "r.docx", template=tmp_path / "office.docx", front=front, maps=False)
    text = document_text(path)
    assert "项目：A & B <县道> {{ 7*7 }}" in text
    assert review.conclusion("zh") in text
    items = next(table for table in compose_report(review, maps=False).tables() if table.key == "items")
    for row in items.printed("zh"):
        assert f"{row[0]} {row[1]} " in text
    assert read_capsule(path)["capsule"]["plan"] == "棋盘县国土空间总体规划"


def test_a_template_with_an_unknown_mark_is_refused_by_name(review, tmp_path):
    template = docx.Document()
    template.add_paragraph("{{ conclusion_txt }}")
    template.save(tmp_path / "office.docx")
    with pytest.raises(InputError, match=r"office\.docx.*conclusion_txt.*conclusion_text"):
        write_report(review, tmp_path / "r.docx", template=tmp_path / "office.docx", maps=False)
    with pytest.raises(InputError, match="no template"):
        write_report(review, tmp_path / "r.docx", template=tmp_path / "none.docx", maps=False)
    with pytest.raises(InputError, match=r"\.docx only"):
        write_report(review, tmp_path / "r.html", template=tmp_path / "office.docx")


# ------------------------------------------------------------------------------------------------ the workbook
def test_the_workbook_is_fit_to_be_worked_with(review, files):
    book = load_workbook(files["xlsx"])
    sheet = book["逐项审查"]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref
    assert sheet.page_setup.fitToWidth == 1
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    heads = {cell.value: cell.column for cell in sheet[1]}
    taken, share, site = (sheet.cell(2, heads[name]) for name in ("占用（㎡）", "占比", "地块编号"))
    assert (taken.data_type, taken.number_format) == ("n", "#,##0.00")
    assert (share.data_type, share.number_format) == ("n", "0.00%")
    assert (site.data_type, site.number_format) == ("s", "@")
    assert not sheet.merged_cells.ranges
    assert sum(
        row[heads["占用（㎡）"] - 1]
        for row in sheet.iter_rows(min_row=2, values_only=True)
        if isinstance(row[heads["占用（㎡）"] - 1], float)
    ) == pytest.approx(review.lines["overlap_m2"].sum(), abs=0.2)
    assert book["ecozones-capsule"].sheet_state == "hidden"
    assert "元数据" in book.sheetnames


def test_an_id_of_digits_stays_text(plan, tmp_path):
    sites = square("a1", activity="ordinary_build").assign(site_id="0330100000012")
    path = write_report(check_sites(sites, plan, on="2026-06-01"), tmp_path / "r.xlsx")
    assert load_workbook(path)["逐项审查"]["A2"].value == "0330100000012"


# ------------------------------------------------------------------------------------------------ print
def test_the_print_is_searchable_and_on_a4(review, tmp_path):
    if paper.find_browser() is None:
        pytest.skip("no browser to print with")
    path = write_report(review, tmp_path / "r.pdf", maps=False)
    content = path.read_bytes()
    assert content.startswith(b"%PDF")
    sizes = {
        tuple(round(float(number_)) for number_ in box.split()[2:])
        for box in re.findall(rb"/MediaBox\s*\[([^\]]*)\]", content)
    }
    assert sizes == {(595, 842)}
    if shutil.which("pdftotext"):
        text = subprocess.run(["pdftotext", str(path), "-"], check=True, capture_output=True).stdout.decode("utf-8")
        assert "生态保护红线" in text
        assert "× 禁止" in text


def test_without_a_browser_the_message_says_what_to_do(review, tmp_path, monkeypatch):
    monkeypatch.setattr(paper, "find_browser", lambda: None)
    monkeypatch.setattr(paper.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match="save it as PDF from Word"):
        write_report(review, tmp_path / "r.pdf", maps=False)


def test_without_matplotlib_the_report_says_that_maps_are_missing(review, tmp_path, monkeypatch):
    monkeypatch.delattr(ecozones, "static_map")
    monkeypatch.setitem(sys.modules, "ecozones.static_map", None)
    path = write_report(review, tmp_path / "r.html")
    assert "附图未绘制" in PageReader(path.read_text(encoding="utf-8")).text


def test_a_missing_package_is_named_with_its_extra(review, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "ecozones.reports.document", raising=False)
    monkeypatch.setitem(sys.modules, "docx", None)
    with pytest.raises(MissingDependencyError, match=r"docx.*ecozones\[report\]"):
        write_report(review, tmp_path / "r.docx", maps=False)


# ------------------------------------------------------------------------------------------------ data
@pytest.fixture(scope="module")
def schema():
    text = resources.files("ecozones").joinpath("data/schemas/review.schema.json").read_text(encoding="utf-8")
    return jsonschema.Draft202012Validator(json.loads(text))


def test_the_published_schema_holds_for_what_is_written(review, without_farmland, files, schema):
    schema.check_schema(schema.schema)
    for text in (files["json"].read_text(encoding="utf-8"), review.to_json(), without_farmland.to_json()):
        assert list(schema.iter_errors(json.loads(text))) == []


def test_the_schema_refuses_what_is_wrong(review, schema):
    for spoil in (
        lambda data: data["verdicts"][0].update(verdict="fine"),
        lambda data: data["lines"][0].update(overlap_m2=-1),
        lambda data: data["lines"][0].pop("covered_share"),
        lambda data: data.pop("capsule"),
        lambda data: data["findings"][0].update(extra=1),
    ):
        data = json.loads(review.to_json())
        spoil(data)
        assert list(schema.iter_errors(data))


def test_tables_come_back_from_every_data_format(review, tmp_path):
    for suffix in ("gpkg", "parquet", "geojson", "csv"):
        write_report(review, tmp_path / f"r.{suffix}")
    for name in ("verdicts", "lines", "findings", "balance"):
        layer = gpd.read_file(tmp_path / "r.gpkg", layer=name)
        assert len(layer) == len(getattr(review, name))
    assert (
        json.loads(gpd.read_file(tmp_path / "r.gpkg", layer="capsule").set_index("key").loc["plan", "value"])
        == "棋盘县国土空间总体规划"
    )
    back = gpd.read_parquet(tmp_path / "r.parquet")
    assert back.crs == review.verdicts.crs
    assert (back.geometry.to_numpy() == review.verdicts.geometry.to_numpy()).all()
    assert list(gpd.read_file(tmp_path / "r.geojson")["verdict"]) == list(review.verdicts["verdict"])
    assert list(pd.read_csv(tmp_path / "r.csv", encoding="utf-8-sig")["site_id"]) == list(review.verdicts["site_id"])
    write_tables(review, tmp_path / "lines.csv", table="lines")
    assert len(pd.read_csv(tmp_path / "lines.csv", encoding="utf-8-sig")) == len(review.lines)
    with pytest.raises(InputError, match="no table 'sites'"):
        write_tables(review, tmp_path / "x.csv", table="sites")
    with pytest.raises(InputError, match="no geometry"):
        write_tables(review, tmp_path / "x.geojson", table="lines")


# ------------------------------------------------------------------------------------------------ the capsule
@pytest.mark.parametrize("suffix", ["html", "docx", "xlsx", "json"])
def test_a_report_is_verified_from_what_it_carries(files, sites, plan, suffix):
    compared = verify_report(files[suffix], sites=sites, plan=plan)
    assert compared["same"].all(), compared[~compared["same"]]
    assert {"sites_sha256", "rulebook_version", "verdicts", "lines"} <= set(compared["item"])


@pytest.mark.parametrize("suffix", ["html", "docx", "xlsx", "json"])
def test_verifying_says_what_differs(files, sites, plan, suffix):
    moved = plan["ecological_red_line"]
    moved = plan.replace(ecological_red_line=moved.set_geometry(moved.translate(1_000, 0)))
    differs = verify_report(files[suffix], sites=sites, plan=moved)
    different = set(differs[~differs["same"]]["item"])
    assert "lines_sha256.ecological_red_line" in different
    assert "lines[a1-b1, ecological_red_line].overlap_m2" in different
    assert "sites_sha256" not in different
    assert not any("permanent_basic_farmland" in item for item in different)


def test_a_report_finds_its_files_again(plan, sites, tmp_path):
    for line, frame in plan.lines.items():
        frame.to_file(tmp_path / "plan.gpkg", layer=line, driver="GPKG")
    plan.extent.to_file(tmp_path / "plan.gpkg", layer="extent", driver="GPKG")
    sites.iloc[:8].to_file(tmp_path / "sites.gpkg", driver="GPKG")
    read = read_plan(tmp_path / "plan.gpkg", name="县")
    found = check_sites(read_sites(tmp_path / "sites.gpkg"), read, on="2026-06-01")
    inputs = {"plan": tmp_path / "plan.gpkg", "sites": tmp_path / "sites.gpkg"}
    path = write_report(found, tmp_path / "r.html", inputs=inputs)
    compared = verify_report(path)
    assert compared["same"].all(), compared[~compared["same"]]
    assert {"file plan sha256", "file sites sha256"} <= set(compared["item"])
    sites.iloc[1:8].to_file(tmp_path / "sites.gpkg", driver="GPKG")
    changed = verify_report(path)
    assert {"file sites sha256", "sites_sha256", "verdicts[a1]"} <= set(changed[~changed["same"]]["item"])


def test_what_holds_no_capsule_is_refused(files, tmp_path):
    (tmp_path / "r.html").write_text("<p>nothing</p>", encoding="utf-8")
    with pytest.raises(InputError, match="holds no capsule"):
        verify_report(tmp_path / "r.html")
    with pytest.raises(InputError, match="twin"):
        verify_report(tmp_path / "r.pdf")
    with pytest.raises(InputError, match="pass sites"):
        verify_report(files["html"])
    (tmp_path / "r.docx").write_bytes(b"no zip")
    with pytest.raises(InputError, match=r"no \.docx file"):
        verify_report(tmp_path / "r.docx")
    (tmp_path / "r.json").write_text('{"schema": "another"}', encoding="utf-8")
    with pytest.raises(InputError, match="does not know"):
        verify_report(tmp_path / "r.json")


def test_word_keeps_the_capsule_as_a_declared_part(files):
    with zipfile.ZipFile(files["docx"]) as package:
        names = package.namelist()
        assert "customXml/ecozones1.xml" in names
        assert "customXml/ecozones1.xml" in package.read("word/_rels/document.xml.rels").decode()
        assert (
            "ecozones1.xml" in package.read("[Content_Types].xml").decode()
            or 'Extension="xml"' in package.read("[Content_Types].xml").decode()
        )


# ------------------------------------------------------------------------------------------------ other results
def test_any_table_is_reported_with_the_units_of_its_columns(tmp_path):
    frame = pd.DataFrame(
        {"project_id": ["001"], "gain_ha": [12.5], "soil": ["黑土"], "done_share": [0.333333], "year": [2026]}
    )
    for suffix in ("html", "docx", "xlsx"):
        write_report(frame, tmp_path / f"t.{suffix}", title="修复成效")
    assert from_page(tmp_path / "t.html")["table1"] == [["001", "12.5000", "黑土", "33.33%", "2026"]]
    assert from_document(tmp_path / "t.docx")["修复成效"] == [["001", "12.5000", "黑土", "33.33%", "2026"]]
    assert from_workbook(tmp_path / "t.xlsx")["修复成效_2"] == [["001", 12.5, "黑土", 0.3333, 2026]]


def test_every_kind_of_column_can_be_written(tmp_path):
    columns = tuple(Column(kind, kind, kind) for kind in KINDS)
    rows = (tuple(1.5 if column.is_number else "x" for column in columns), (None,) * len(columns))
    table = Table("kinds", "各类", columns, rows)
    for suffix in ("html", "docx", "xlsx"):
        report = Report("各类", "zh", (), (Section("kinds", "一、各类", (table,)),), "仅供参考")
        document = {"html": page, "docx": document_writer, "xlsx": workbook}[suffix]
        document.write(report, tmp_path / f"t.{suffix}")
    assert from_page(tmp_path / "t.html")["kinds"] == from_document(tmp_path / "t.docx")["各类"] == table.printed("zh")
    assert [row[-1] for row in table.printed("zh")][1] == ABSENT


def test_the_rows_of_any_table_can_be_made_to_sum(tmp_path):
    frame = pd.DataFrame({"project_id": ["a", "b", "c"], "gain_mu": [1 / 3] * 3, "done_share": [0.5] * 3})
    rows = from_page(write_report(frame, tmp_path / "t.html", totals=True))["table1"]
    assert [row[1] for row in rows] == ["0.33", "0.33", "0.33", "0.99"]
    assert rows[-1] == ["合计", "0.99", ""]


def test_tables_by_heading_become_sections(tmp_path):
    tables = {"冲突[a/b]": pd.DataFrame({"area_ha": [1.0]}), "冲突": pd.DataFrame({"area_ha": [2.0]})}
    book = load_workbook(write_report(tables, tmp_path / "t.xlsx", title="图斑冲突"))
    assert book.sheetnames == ["图斑冲突", "冲突_a_b_", "冲突"]


def test_another_kind_of_result_can_register(tmp_path):
    class Ledger:
        pass

    @compose_report.register(Ledger)
    def compose_ledger(_obj, *, language="zh"):
        table = Table.from_frame(pd.DataFrame({"area_mu": [15.0]}), "ledger", "台账", language)
        return Report("台账", language, (), (Section("ledger", "一、台账", (table,)),), "仅供参考")

    assert from_page(write_report(Ledger(), tmp_path / "r.html"))["ledger"] == [["15.00"]]


def test_what_cannot_be_reported_is_refused(review, tmp_path):
    with pytest.raises(InputError, match=r"\.html.*\.docx.*not \.odt"):
        write_report(review, tmp_path / "r.odt")
    with pytest.raises(InputError, match=r"int cannot be reported.*SiteReview"):
        write_report(3, tmp_path / "r.html")
    with pytest.raises(InputError, match="holds no tables"):
        write_report(3, tmp_path / "r.csv")


def test_a_review_that_found_nothing_is_reported(plan, tmp_path, sites):
    free = check_sites(sites.iloc[2:3], plan, on="2026-06-01", lines=["permanent_basic_farmland"])
    assert list(free.verdicts["verdict"]) == ["clear"]
    assert len(free.findings) == 0
    for suffix in ("html", "docx", "xlsx"):
        write_report(free, tmp_path / f"r.{suffix}", plan=plan)
    page = PageReader((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert "未发现压占任何控制线的情况" in page.text
    assert page.images == []


def test_every_line_is_drawn_in_its_own_language(review):
    english = compose_report(review, language="en", maps=False)
    items = next(table for table in english.tables() if table.key == "items")
    assert {row[1] for row in items.rows} == {control_lines()[line].en for line in set(review.lines["line"])}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ecozones.errors.DroppedColumnsWarning")
def test_forty_sites_in_word_and_excel_take_less_than_ten_seconds(tmp_path):
    sample = Path(__file__).parent.parent / "sample_data"
    plan = read_plan(sample / "plan.gpkg")
    found = check_sites(read_sites(sample / "sites.gpkg"), plan, on="2026-06-01")
    assert len(found.verdicts) == 40
    # processor time: what other programs take of this machine is not ours to answer for
    start = time.process_time()
    path = write_report(found, tmp_path / "r.docx", plan=plan)
    write_report(found, tmp_path / "r.xlsx", plan=plan)
    assert time.process_time() - start < 10
    document = docx.Document(str(path))
    assert len(document.inline_shapes) == (found.verdicts["verdict"] != "clear").sum() == 40
    # forty maps still go by mail
    assert path.stat().st_size < 2_000_000


def test_the_first_page_names_every_site_by_its_verdict(review):
    report = compose_report(review, maps=False)
    assert [section.key for section in report.sections][:2] == ["conclusion", "overview"]
    assert [section.new_page for section in report.sections].index(True) == 1
    table = next(table for table in report.sections[0].blocks if isinstance(table, Table))
    named = {row[0]: (row[1], row[2]) for row in table.rows}
    for verdict, rows in review.verdicts.groupby("verdict", observed=True):
        count, sites = named[str(verdict)]
        assert count == len(rows)
        assert all(str(site) in sites for site in rows["site_id"])
    order = list(reversed(review.verdicts["verdict"].cat.categories))
    assert [row[0] for row in table.rows] == sorted(named, key=order.index)


def test_a_verdict_of_very_many_sites_stays_on_the_first_page(plan):
    cells = [f"{letter}{rank}" for letter in "fgh" for rank in range(1, 9)]
    many = square(*cells, *cells, activity="ordinary_build")
    many["site_id"] = [f"s{number}" for number in range(len(many))]
    found = check_sites(many, plan, on="2026-06-01")
    rows = compose_report(found, maps=False).sections[0].blocks[-1].rows
    assert sum(row[1] for row in rows) == 48
    assert any("等，另 18 个见逐块结论" in row[2] for row in rows)
