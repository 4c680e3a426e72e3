"""Conflicts, quality, restoration and targets as reports: words, numbers and sums are the same in every format."""

import json
import re
import shutil
import subprocess
import tomllib
from decimal import Decimal
from importlib import resources

import docx
import geopandas as gpd
import pandas as pd
import pytest
import shapely
from docx.oxml.ns import qn
from openpyxl import load_workbook

from ecozones import ZoningPlan
from ecozones.conflicts import balance_conflicts, find_conflicts, total_conflicts
from ecozones.errors import InputError
from ecozones.quality import check_quality
from ecozones.reports import compose_report, paper, result_kinds, write_report
from ecozones.restoration import measure_restored
from ecozones.restoration.funding import sum_funding
from ecozones.restoration.lines import check_restoration
from ecozones.restoration.overlaps import restoration_certificate
from ecozones.restoration.survival import judge_survival
from ecozones.targets import VERDICT_WORDS, track_targets
from ecozones.testing import chessboard, chessboard_plan

HOSTILE = "<script>alert(1)</script> =1+1 {{ 7*7 }}"


def restored_projects():
    cells = chessboard(4).set_index("cell").geometry
    return gpd.GeoDataFrame(
        {"project_id": ["P1", "P2"], "name": [HOSTILE, "二期"], "year": [2022, 2024], "stated_area_m2": [2e6, 1e6]},
        geometry=[cells["a1"].union(cells["b1"]), cells["b1"]],
        crs=chessboard().crs,
    )


@pytest.fixture(scope="module")
def plan():
    return chessboard_plan(red_line={"a1": "core"}, farmland=["a1", "b1"], urban=["b1"], name="棋盘县")


@pytest.fixture(scope="module")
def results(plan):
    """One table of each kind, worked out by the library from ground whose areas are known: squares of 100 ha."""
    board = chessboard(2, side_m=100)
    doubled = gpd.GeoDataFrame(geometry=[*board.geometry, board.geometry[0]], crs=board.crs)
    conflicts = find_conflicts(plan)
    projects = restored_projects()
    targets = pd.DataFrame(
        {
            "indicator": ["PM2.5", "森林覆盖率"], "value": [27, 45], "unit": ["ug/m3", "%"], "comparator": ["<=", ">="],
            "base_year": 2020, "base_value": [36, 40], "year": 2025,
        }
    )  # fmt: skip
    observed = pd.DataFrame({"indicator": ["PM2.5", "森林覆盖率"], "year": 2023, "value": [30, 40.5]})
    return {
        "conflicts": conflicts,
        "conflict_totals": total_conflicts(conflicts),
        "conflict_balance": balance_conflicts(plan),
        "quality": check_quality(doubled),
        "restored_records": measure_restored(projects),
        "restored_groups": measure_restored(projects, by="year"),
        "restoration_checks": check_restoration(projects, plan),
        "restoration_certificate": restoration_certificate(projects),
        "funding": sum_funding(projects.assign(planned_funds=3e5, paid_funds=[2e5, *[None] * (len(projects) - 1)])),
        "survival": judge_survival(
            projects.assign(
                survival=[0.9, *[0.3] * (len(projects) - 1)],
                rain_mm=[600, *[None] * (len(projects) - 1)],
                preserved_ha=8.0,
                verified_ha=10.0,
            ),
            edition="2016 (unverified)",
        ),
        "targets": track_targets(targets, observed),
    }


def page_tables(path):
    text = path.read_text(encoding="utf-8")
    rows = {}
    for key, body in re.findall(r'<table id="table-([^"]+)">(.*?)</table>', text, re.DOTALL):
        lines = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)
        rows[key] = [re.findall(r"<td[^>]*>(.*?)</td>", line, re.DOTALL) for line in lines[1:]]
    return rows


def document_rows(path):
    table = docx.Document(str(path)).tables[0]
    spans = [row.tc_lst[0].tcPr.find(qn("w:gridSpan")) for row in table._tbl.tr_lst]
    rows = [row for row, span in zip(table._tbl.tr_lst, spans, strict=True) if span is None]
    return [["".join(t.text or "" for t in cell.iter(qn("w:t"))) for cell in row.tc_lst] for row in rows[1:]]


def test_every_kind_is_tried_here(results):
    assert set(results) == set(result_kinds())


@pytest.mark.parametrize("kind", result_kinds())
def test_each_kind_reads_the_same_in_every_format(kind, results, plan, tmp_path):
    frame = results[kind]
    report = compose_report(frame, plan=plan)
    table = report.tables()[0]
    assert len(table.rows) == len(frame)
    paths = {suffix: write_report(frame, tmp_path / f"r.{suffix}", plan=plan) for suffix in ("html", "docx", "xlsx")}
    printed = [[row[at] for at in table.across] for row in table.printed("zh")]
    if table.total is not None:
        total = [
            text if table.total[at] is not None else "" for at, text in zip(table.across, printed[-1], strict=True)
        ]
        printed[-1] = total
    assert document_rows(paths["docx"]) == printed
    escaped = [[cell.replace("<", "&lt;").replace(">", "&gt;") for cell in row] for row in printed]
    assert page_tables(paths["html"])["table1"] == escaped
    book = load_workbook(paths["xlsx"])
    data = json.loads(write_report(frame, tmp_path / "r.json").read_text(encoding="utf-8"))
    said = [paragraph.printed("zh") for paragraph in report.paragraphs()]
    assert data["conclusion"]["zh"] == said
    assert data["kinds"] == {"table": kind}
    text = paths["html"].read_text(encoding="utf-8")
    words = "".join(part.text or "" for part in docx.Document(str(paths["docx"])).element.body.iter(qn("w:t")))
    cells = {cell.value for sheet in book for row in sheet.iter_rows() for cell in row}
    for sentence in said:
        assert sentence in re.sub("<[^>]+>", "", text)
        assert sentence in words
        assert sentence in cells
    # a workbook holds numbers, not pictures of numbers
    for at, column in enumerate(table.columns):
        if column.is_number:
            values = {
                row[at] for sheet in book for row in sheet.iter_rows(min_row=2, values_only=True) if at < len(row)
            }
            assert any(isinstance(value, int | float) for value in values), column.key


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("kind", result_kinds())
def test_every_column_has_a_name_in_the_language(kind, language, results):
    table = compose_report(results[kind], language=language, maps=False).tables()[0]
    for column in table.columns:
        assert column.label != column.key, column.key
        assert bool(re.search("[一-龥]", column.label)) == (language == "zh"), column.key
    for text in compose_report(results[kind], language=language, maps=False).paragraphs():
        assert "{" not in text.printed(language)


def test_conflicts_are_counted_by_gravity_and_area(results):
    (said,) = compose_report(results["conflicts"]).paragraphs()
    assert said.printed("zh").startswith(
        "共发现 2 处控制线图斑冲突（× 错误 1、△ 警告 1），按图斑对累计 200.0000 公顷（3,000.00 亩）；另有制图误差 0 处"
    )
    report = compose_report(results["conflicts"], maps=False)
    rows = report.tables()[0].printed("zh")
    assert rows[0][:4] == ["生态保护红线", "a1", "永久基本农田", "a1"]
    assert "× 错误" in rows[0]
    areas = [Decimal(row[5].replace(",", "")) for row in rows]
    assert sum(areas[:-1]) == areas[-1] == Decimal("1999999.54")


def test_totals_of_the_text_are_those_of_the_table():
    # three strips of 3.334 m2: printed they sum to 9.99 m2 and 0.00 mu, before rounding to 10.00 m2 and 0.02 mu
    west, south = chessboard(1).geometry[0].bounds[:2]
    strips = [shapely.box(west + x, south, west + x + 1.8, south + 1.8524) for x in (0, 10, 20)]
    farmland = gpd.GeoDataFrame({"feature_id": list("abc")}, geometry=strips, crs=chessboard().crs)
    red_line = gpd.GeoDataFrame({"feature_id": ["r"], "subzone": "core"}, geometry=chessboard(1).geometry.array)
    lines = {"permanent_basic_farmland": farmland, "ecological_red_line": red_line.set_crs(farmland.crs)}
    found = find_conflicts(ZoningPlan.from_layers(lines, extent=chessboard(1)), method="planar")
    report = compose_report(found, language="en", maps=False)
    (table,) = report.tables()
    total = dict(zip((column.key for column in table.columns), table.printed("en")[-1], strict=True))
    assert (total["area_m2"], total["area_mu"]) == ("9.99", "—")
    (said,) = report.paragraphs()
    assert "0.0010 ha (0.01 mu) summed over pairs" in said.printed("en")
    projects = restored_projects().assign(geometry=strips[:2], crs=None).set_crs(chessboard().crs)
    (table,) = (report := compose_report(measure_restored(projects, method="planar"), language="en")).tables()
    (said,) = report.paragraphs()
    assert table.printed("en")[-1][[column.key for column in table.columns].index("activity_ha")] in said.printed("en")


def test_no_conflict_is_said(tmp_path):
    none = find_conflicts(chessboard_plan(red_line={"a1": "core"}, farmland=["b1"]))
    path = write_report(none, tmp_path / "r.html")
    assert "未发现控制线之间的图斑冲突" in path.read_text(encoding="utf-8")
    assert "<img" not in path.read_text(encoding="utf-8")


def test_conflicts_are_drawn_once_for_all(results, plan, tmp_path):
    text = write_report(results["conflicts"], tmp_path / "r.html", plan=plan).read_text(encoding="utf-8")
    assert text.count("<img") == 1
    assert "共 2 处" in text
    assert "<img" not in write_report(results["targets"], tmp_path / "t.html").read_text(encoding="utf-8")


def test_what_was_not_checked_is_no_pass(results):
    (said,) = compose_report(results["quality"], maps=False).paragraphs()
    made = (results["quality"]["severity"] != "not_checked").sum()
    assert said.printed("zh").startswith(f"共发现 {made} 处问题（× 错误 2、△ 警告 ")
    assert "未检查不等于合格" in said.printed("zh")
    calm = results["quality"][results["quality"]["severity"] == "not_checked"]
    assert compose_report(calm).paragraphs()[0].printed("zh").startswith("已进行的检查未发现问题")


def test_activity_is_never_passed_off_as_footprint(results):
    total = measure_restored(restored_projects(), by="total")
    (said,) = compose_report(total).paragraphs()
    assert said.printed("zh") == (
        "全部：项目 2 个，工程量 300.0000 公顷，占地面积（不重复）200.0000 公顷，重复实施 100.0000 公顷。"
    ).replace("300.0000", "299.9999")
    assert compose_report(results["restored_groups"]).tables()[0].total is None
    records = compose_report(results["restored_records"])
    assert "不得作为占地面积上报" in records.paragraphs()[0].printed("zh")
    assert records.tables()[0].total is not None


def test_targets_have_their_own_words(results):
    said, bad = compose_report(results["targets"]).paragraphs()
    assert "△ 滞后 1" in said.printed("zh") or "× 偏离 1" in said.printed("zh")
    assert "√ 超前 1" in said.printed("zh")
    assert bad.flagged
    assert "森林覆盖率" in bad.printed("zh")
    assert "PM2.5" not in bad.printed("zh")
    # the words of the library and of the report are the same words

    text = resources.files("ecozones").joinpath("data/templates/results.toml").read_text(encoding="utf-8")
    known = tomllib.loads(text)["targets"]["values"]["verdict"]
    assert {key: value["zh"][2:] for key, value in known.items()} == dict(VERDICT_WORDS)
    # an observation that was verified is no rule that was verified
    assert "上报" in compose_report(results["targets"]).tables()[0].printed("zh")[0]


def test_several_results_make_one_report(results, plan, tmp_path):
    tables = {"图斑冲突": results["conflicts"], "汇总": results["conflict_totals"], "平衡": results["conflict_balance"]}
    report = compose_report(tables, plan=plan)
    assert report.title == "控制线图斑冲突检查报告"
    assert [section.heading for section in report.sections] == [
        "一、结论", "二、图斑冲突", "三、附图", "四、汇总", "五、平衡",
    ]  # fmt: skip
    totals = report.tables()[1].printed("zh")
    assert totals[-1][:2] == ["合计", "合计"]
    data = json.loads(write_report(tables, tmp_path / "r.json").read_text(encoding="utf-8"))
    assert data["kinds"] == {"图斑冲突": "conflicts", "汇总": "conflict_totals", "平衡": "conflict_balance"}


def test_conflicts_are_printed_on_paper(results, plan, tmp_path):
    if paper.find_browser() is None or shutil.which("pdftotext") is None:
        pytest.skip("no browser to print with, or no program to read the print")
    path = write_report(results["conflicts"], tmp_path / "r.pdf", plan=plan)
    text = subprocess.run(["pdftotext", str(path), "-"], check=True, capture_output=True).stdout.decode("utf-8")
    assert "× 错误 1" in text
    assert "控制线图斑冲突检查报告" in text


def test_hostile_names_are_text(results, tmp_path):
    text = write_report(results["restored_records"], tmp_path / "r.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; =1+1 {{ 7*7 }}" in text
    assert "<script>alert" not in text


def test_a_kind_can_be_stated_and_is_held_to_its_columns(results, tmp_path):
    stated = write_report(results["targets"], tmp_path / "r.html", kind="targets")
    assert "规划指标进展评估报告" in stated.read_text(encoding="utf-8")
    with pytest.raises(InputError, match=r"no kind of table is called 'target'.*targets"):
        write_report(results["targets"], tmp_path / "r.html", kind="target")
    with pytest.raises(InputError, match="needs the columns finding_id"):
        write_report(results["targets"], tmp_path / "r.html", kind="quality")
