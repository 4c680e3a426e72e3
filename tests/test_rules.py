"""Every row of the law that ships, and what the rulebook promises about any law."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import pickle
import re
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from ecozones.errors import InputError, RulebookError
from ecozones.rulebook import Rulebook, as_day, load_rules
from ecozones.rulefile import STATUSES, Activity, Citation, Rule, status_label
from ecozones.vocab import control_lines, verdict_dtype, verdict_words

TABLE = Path(__file__).parent / "data" / "rules_of_the_research.csv"
PLACES = ("general", "outside")
OVERLAYS = ("CN-36-jiangxi", "CN-44-guangdong", "CN-65-xinjiang")
CN = load_rules("CN")
EXPECTED = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))
EVERY_RULE = [*CN.rules, *(rule for name in OVERLAYS for rule in load_rules(name).rules)]
DAYS = sorted({day for rule in CN.rules for day in (rule.effective_from, rule.effective_to) if day})
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def rule_of(rules: Rulebook, rule_id: str) -> Rule:
    return next(rule for rule in rules.rules if rule.id == rule_id)


# ------------------------------------------------------------------------ conformance
@pytest.mark.parametrize("row", EXPECTED, ids=[row["rule_id"] for row in EXPECTED])
def test_each_row_of_the_research_is_carried_over_unchanged(row):
    rule = rule_of(CN, row["rule_id"])
    assert rule.line == row["line"]
    assert rule.subzone == row["subzone"]
    assert rule.activity == row["activity"]
    assert rule.verdict == row["verdict"]
    assert rule.effective_from.isoformat() == row["effective_from"]
    assert (rule.effective_to.isoformat() if rule.effective_to else "") == row["effective_to"]
    assert rule.status == row["status"]
    assert len(rule.requires) == int(row["requires"])


def test_no_row_is_lost_and_none_is_added():
    assert sorted(row["rule_id"] for row in EXPECTED) == sorted(rule.id for rule in CN.rules)
    assert len(CN.rules) == len(EXPECTED) == 82
    assert [overlap.id for overlap in CN.overlaps] == ["OV-ECRL-PBF", "OV-ECRL-UDB", "OV-PBF-UDB"]


def test_how_far_the_rows_were_checked_is_counted_per_line():
    assert Counter(rule.status for rule in CN.rules) == {"verified": 59, "partial": 14, "memory": 9}
    assert Counter((rule.line, rule.status) for rule in CN.rules) == {
        ("ecological_red_line", "verified"): 16,
        ("ecological_red_line", "partial"): 4,
        ("ecological_red_line", "memory"): 4,
        ("permanent_basic_farmland", "verified"): 14,
        ("permanent_basic_farmland", "partial"): 5,
        ("urban_development_boundary", "verified"): 7,
        ("urban_development_boundary", "partial"): 2,
        ("urban_development_boundary", "memory"): 5,
        ("nature_reserve", "verified"): 12,
        ("nature_reserve", "partial"): 1,
        ("arable_land", "verified"): 7,
        ("arable_land", "partial"): 2,
        ("environmental_control_unit", "verified"): 3,
    }
    assert Counter(overlap.status for overlap in CN.overlaps) == {"verified": 2, "partial": 1}


@pytest.mark.parametrize("rule", EVERY_RULE, ids=lambda rule: f"{rule.origin}:{rule.id}")
def test_each_rule_is_written_in_both_languages_and_cites_a_document(rule):
    assert CHINESE.search(rule.title_zh)
    assert rule.title_en
    assert not CHINESE.search(rule.title_en)
    assert len(rule.requires) == len(rule.requires_zh)
    assert all(CHINESE.search(text) for text in rule.requires_zh)
    assert bool(rule.note) == bool(rule.note_zh)
    assert rule.citations
    assert rule.effective_from > dt.date(2010, 1, 1)


@pytest.mark.parametrize("rule", CN.rules, ids=lambda rule: rule.id)
def test_each_row_answers_its_own_question_from_its_first_day_until_its_last(rule):
    line = next(line for line in CN.lines if line.id == rule.line)
    subzones = [rule.subzone] if rule.subzone != "any" else [subzone.id for subzone in line.subzones]
    # a default row answers for an activity that no row names
    activity = rule.activity if rule.activity != "any" else "unheard_of"
    unheard_of = Activity("unheard_of", "闻所未闻", "unheard of")
    book = dataclasses.replace(CN, activities=(*CN.activities, unheard_of))
    last = (rule.effective_to or dt.date(2099, 1, 1)) - dt.timedelta(days=1)
    for subzone in subzones:
        for day, holds in (
            (rule.effective_from - dt.timedelta(days=1), False),
            (rule.effective_from, True),
            (last, True),
            (last + dt.timedelta(days=1), rule.effective_to is None),
        ):
            told = book.notice_table(day, [rule.line])
            answers = {
                "decision": book.decide(rule.line, subzone, activity, day).rule_id == rule.id,
                "notice": rule.id in set(told.loc[(told.subzone == subzone) & (told.activity == activity), "rule_id"]),
                "alias": book.decide(rule.line, subzone, activity, day).rule_id == "ECRL-G-00",
            }
            assert answers[rule.kind] == holds


def test_every_source_is_cited_by_some_row():
    cited = {place.source_id for item in (*CN.rules, *CN.overlaps) for place in item.citations}
    assert cited == {source.id for source in CN.sources}


def test_no_source_claims_a_check_by_a_person_that_nobody_made():
    assert [source.id for source in CN.sources if source.checked] == []


def test_every_word_of_the_law_has_both_names():
    for word in (*CN.activities, *CN.lines):
        assert CHINESE.search(word.zh)
        assert word.en
        assert not CHINESE.search(word.en)
    assert len(CN.activities) == 27


# ------------------------------------------------------------------------ decisions
@pytest.mark.parametrize("day", [DAYS[0] - dt.timedelta(days=1), *DAYS])
def test_every_question_has_an_answer_with_a_reason_and_only_rules_in_force_are_cited(day):
    table = CN.decision_table(day)
    in_force = {rule.id for rule in CN.rules if rule.holds(day)}
    assert not table.duplicated(["line", "subzone", "activity"]).any()
    assert table["verdict"].dtype == verdict_dtype()
    assert table["verdict"].notna().all()
    assert (table["reason"] != "").all()
    assert (table["reason_zh"] != "").all()
    decided = table[table["verdict"] != "undetermined"]
    assert set(table["rule_id"]) - {""} <= in_force
    assert (decided["rule_id"] != "").all()
    assert decided["citation"].str.contains("《").all()
    assert decided["status"].isin(STATUSES).all()
    assert (decided["effective_from"] <= pd.Timestamp(day)).all()
    assert not table["verdict"].isin(["clear"]).any()


def test_before_the_first_rule_everything_is_undetermined():
    table = CN.decision_table(DAYS[0] - dt.timedelta(days=1))
    assert set(table["verdict"]) == {"undetermined"}
    assert set(table["rule_id"]) == {""}


def test_the_table_says_what_decide_says():
    day = dt.date(2026, 6, 1)
    for row in CN.decision_table(day).itertuples():
        decision = CN.decide(row.line, row.subzone, row.activity, day)
        assert (row.verdict, row.rule_id, row.reason, row.reason_zh) == (
            decision.verdict,
            decision.rule_id,
            decision.reason,
            decision.reason_zh,
        )
        assert row.requires == "; ".join(decision.requires)
        assert row.requires_zh == "；".join(decision.requires_zh)
        assert row.citation == decision.citation


def test_the_law_of_a_day_decides_as_the_whole_law_does_on_that_day():
    for day in DAYS:
        pd.testing.assert_frame_equal(CN.in_force(day).decision_table(day), CN.decision_table(day))


def test_the_ground_without_a_default_row_is_known_and_never_consented_to():
    day = "2026-11-20"
    unanswered = {
        (row.line, row.subzone)
        for row in CN.decision_table(day).itertuples()
        if row.activity == "archaeology" and row.subzone and row.verdict == "undetermined"
    }
    assert unanswered == {
        ("arable_land", "arable"),
        ("environmental_control_unit", "priority"),
        ("environmental_control_unit", "key"),
        ("environmental_control_unit", "general"),
    }


def test_a_named_activity_goes_before_its_wider_kind_and_that_before_any():
    day = "2026-06-01"
    assert CN.decide("permanent_basic_farmland", "pbf", "agri_facility_light", day).rule_id == "PBF-15"
    assert CN.decide("ecological_red_line", "general", "agri_facility_light", day).rule_id == "ECRL-G-13"
    assert CN.decide("ecological_red_line", "general", "greening", day).rule_id == "ECRL-G-00"


def test_a_wider_kind_that_answered_is_named_in_the_reason():
    decision = CN.decide("ecological_red_line", "general", "village_build", "2026-06-01")
    assert decision.rule_id == "ECRL-G-13"
    assert "falls under" in decision.reason
    assert "归入" in decision.reason_zh


def test_ground_outside_protected_areas_follows_the_general_zone_on_every_activity():
    table = CN.decision_table("2026-06-01", ["ecological_red_line"])
    columns = ["activity", "verdict", "rule_id"]
    general, outside = (
        table.loc[table.subzone == name, columns].reset_index(drop=True) for name in ("general", "outside")
    )
    pd.testing.assert_frame_equal(general, outside)


def test_ground_that_follows_another_subzone_says_under_which_row():
    decision = CN.decide("ecological_red_line", "outside", "linear_infra", "2026-06-01")
    assert decision.rule_id == "ECRL-G-06"
    assert "ECRL-O-00" in decision.reason
    assert "ECRL-O-00" in decision.reason_zh
    assert "ECRL-O-00" not in CN.decide("ecological_red_line", "general", "linear_infra", "2026-06-01").reason


def test_an_unknown_subzone_is_undetermined_where_the_rules_depend_on_it():
    decision = CN.decide("ecological_red_line", "", "ordinary_build", "2026-06-01")
    assert decision.verdict == "undetermined"
    assert "sub-zone" in decision.reason
    assert "分区不明" in decision.reason_zh
    assert CN.decide("permanent_basic_farmland", "", "ordinary_build", "2026-06-01").verdict == "prohibited"


@pytest.mark.parametrize(
    ("line", "subzone", "verdict", "rule_id"),
    [
        ("permanent_basic_farmland", "pbf", "undetermined", "PBF-00"),
        ("permanent_basic_farmland", "reserve", "conditional", "PBF-R-00"),
        ("ecological_red_line", "core", "prohibited", "ECRL-C-00"),
        ("urban_development_boundary", "concentrated", "conditional", "UDB-IN-00"),
        ("urban_development_boundary", "special", "undetermined", "UDB-SP-00"),
        ("urban_development_boundary", "outside", "undetermined", "UDB-OUT-00"),
        ("arable_land", "arable", "undetermined", ""),
    ],
)
def test_without_an_activity_the_default_holds_only_where_none_could_fare_worse(line, subzone, verdict, rule_id):
    decision = CN.decide(line, subzone, "", "2026-11-20")
    assert (decision.verdict, decision.rule_id) == (verdict, rule_id)
    words = [word.zh for word in verdict_words().values()]
    if verdict == "undetermined":
        assert "no activity is stated" in decision.reason
        assert rule_id in decision.reason
        assert sum(word in decision.reason_zh for word in words) >= 2


def test_a_line_an_activity_or_a_subzone_that_nobody_knows_is_an_error_that_helps():
    with pytest.raises(InputError, match="did you mean 'greening'"):
        CN.decide("arable_land", "arable", "greeening", "2026-06-01")
    with pytest.raises(InputError, match="has no line 'arable'"):
        CN.decide("arable", "arable", "greening", "2026-06-01")
    with pytest.raises(InputError, match="it has core, general, outside"):
        CN.decide("ecological_red_line", "middle", "greening", "2026-06-01")
    with pytest.raises(InputError, match="has no activity 'any'"):
        CN.decide("arable_land", "arable", "any", "2026-06-01")


@pytest.mark.parametrize("day", ["2024-02-30", "yesterday", 20240601, None])
def test_what_is_no_day_is_refused(day):
    with pytest.raises(InputError, match="2024-06-01"):
        as_day(day)


def test_a_time_stamp_is_read_as_its_day():
    assert as_day(dt.datetime(2024, 6, 1, 23, 59, tzinfo=dt.UTC)) == dt.date(2024, 6, 1)
    assert as_day(pd.Timestamp("2024-06-01 12:00")) == dt.date(2024, 6, 1)


def test_only_what_was_checked_goes_without_a_warning():
    day = "2026-06-01"
    verified = CN.decide("ecological_red_line", "core", "ordinary_build", day)
    partial = CN.decide("ecological_red_line", "core", "linear_infra", day)
    memory = CN.decide("urban_development_boundary", "special", "urban_cluster", day)
    assert (verified.status, verified.warning("en")) == ("verified", "")
    assert (partial.status, partial.warning("en")) == ("partial", "only partly checked against the original")
    assert (memory.status, memory.warning("zh")) == ("memory", "未经原文核对")
    assert status_label("") == ""


def test_a_notice_is_told_and_never_decides():
    day = "2026-06-01"
    assert "ECRL-X-01" not in set(CN.decision_table(day)["rule_id"])
    told = CN.notice_table(day)
    assert set(told["line"]) == {"ecological_red_line"}
    assert set(told["subzone"]) == {"", "core", "general", "outside"}
    assert CN.notice_table("2020-01-01").empty


# ------------------------------------------------------------------------ labels
@pytest.mark.parametrize(
    ("label", "activity"),
    [
        ("公路", "linear_infra"),
        (" 公路 ", "linear_infra"),
        ("Road", "linear_infra"),
        ("linear_infra", "linear_infra"),
        ("线性基础设施", "linear_infra"),
        ("挖塘养鱼", "forest_fruit_pond"),
        ("农村宅基地", "village_build"),
        ("公路服务区", None),
        ("公", None),
        ("any", None),
        ("", None),
    ],
)
def test_a_label_is_recognised_whole_or_not_at_all(label, activity):
    assert CN.recognise_activity(label) == activity


@pytest.mark.parametrize("label", ["桥梁", "植树造林", "光伏电站", "建设项目"])
def test_a_label_that_could_mean_two_activities_is_left_to_the_applicant(label):
    assert CN.recognise_activity(label) is None


# ------------------------------------------------------------------------ the rulebook as a value
def test_a_rulebook_is_a_value():
    assert load_rules("CN") == CN
    assert hash(pickle.loads(pickle.dumps(CN))) == hash(CN)  # noqa: S301
    assert pickle.loads(pickle.dumps(CN)) == CN  # noqa: S301


def test_a_rulebook_is_the_same_bytes_whatever_it_was_asked():
    fresh = pickle.dumps(pickle.loads(pickle.dumps(CN)))  # noqa: S301
    book = pickle.loads(fresh)  # noqa: S301
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(20)]
    first = book.decision_table(days[0])
    for day in days[1:]:
        book.decision_table(day)
    book.notice_table(days[0])
    assert book.version == CN.version
    assert book.recognise_activity("公路") == "linear_infra"
    assert pickle.dumps(book) == fresh
    # of many days the last are kept, and what a caller does to a table is the caller's own
    assert len(book._tables) == 16
    again = book.decision_table(days[-1])
    again["reason"].array[:] = "changed"
    again.loc[:, "rule_id"] = "changed"
    pd.testing.assert_frame_equal(book.decision_table(days[-1]), CN.decision_table(days[-1]))
    pd.testing.assert_frame_equal(book.decision_table(days[0]), first)
    with pytest.raises(dataclasses.FrozenInstanceError):
        CN.rules = ()


def test_the_version_follows_the_content_and_not_the_order_of_rows():
    turned = dataclasses.replace(CN, rules=CN.rules[::-1], sources=CN.sources[::-1])
    assert turned.version == CN.version
    assert re.fullmatch("[0-9a-f]{64}", CN.version)
    milder = tuple(dataclasses.replace(rule, verdict="allowed") if rule.id == "PBF-03" else rule for rule in CN.rules)
    assert dataclasses.replace(CN, rules=milder).version != CN.version


def test_the_order_of_rows_changes_no_verdict():
    turned = dataclasses.replace(CN, rules=CN.rules[::-1])
    pd.testing.assert_frame_equal(turned.decision_table("2026-06-01"), CN.decision_table("2026-06-01"))


def test_a_rule_for_another_activity_changes_nothing_else():
    day = dt.date(2026, 6, 1)
    extra = dataclasses.replace(rule_of(CN, "ECRL-G-05"), id="X-1", activity="greening")
    more = dataclasses.replace(CN, rules=(*CN.rules, extra))
    before, after = CN.decision_table(day), more.decision_table(day)
    touched = (before.line == "ecological_red_line") & before.subzone.isin(["general", "outside"])
    touched &= before.activity == "greening"
    pd.testing.assert_frame_equal(before[~touched], after[~touched])
    assert set(after.loc[touched, "rule_id"]) == {"X-1"}


def test_the_law_as_a_table_holds_every_row_and_no_surprise():
    law = CN.to_frame()
    assert law["rule_id"].tolist() == [rule.id for rule in CN.rules]
    assert law["verdict"].dtype == verdict_dtype()
    assert (law["effective_to"].notna().sum(), len(law)) == (8, 82)
    assert law.loc[law.rule_id == "NR-OLD-01", "effective_to"].item() == pd.Timestamp("2026-03-15")
    assert law["citation"].str.startswith("《").all()


def test_the_short_forms_are_short_and_count_right():
    assert repr(CN) == "<Rulebook 'CN': 82 rules on 6 lines (59 verified, 14 partial, 9 memory)>"
    page = CN._repr_html_()
    assert "生态保护红线" in page
    assert page.count("<tr>") == 7
    assert "&lt;b&gt;" in dataclasses.replace(CN, name="<b>")._repr_html_()


# ------------------------------------------------------------------------ provinces and counties
def test_the_national_rules_hold_no_province():
    assert {rule.origin.partition("-")[0] for rule in CN.rules} == {"CN"}
    assert not any(rule.id.startswith("CN-") for rule in CN.rules)


@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_refines_the_nation_and_admits_how_little_was_seen(name):
    overlay = load_rules(name)
    both = load_rules("CN", name)
    assert both == CN | overlay
    assert {rule.status for rule in overlay.rules} == {"partial"}
    assert {rule.line for rule in overlay.rules} == {"ecological_red_line"}
    replaced = {rule.id for rule in overlay.rules}
    assert {rule for rule in CN.rules if rule.id not in replaced} <= set(both.rules)
    for day in DAYS:
        pd.testing.assert_series_equal(both.decision_table(day)["verdict"], CN.decision_table(day)["verdict"])


def test_jiangxi_asks_the_city_first_from_the_day_of_its_notice():
    both = load_rules("CN", "CN-36-jiangxi")
    question = ("ecological_red_line", "general", "linear_infra")
    assert both.decide(*question, "2022-11-01").rule_id == "ECRL-G-06"
    after = both.decide(*question, "2022-11-02")
    assert after.rule_id == "CN-36-ECRL-G-06"
    assert any("市级" in text for text in after.requires_zh)


def test_an_overlay_may_answer_otherwise_but_not_fall_silent():
    late = dataclasses.replace(rule_of(CN, "ECRL-G-06"), effective_from=dt.date(2023, 1, 1))
    county = dataclasses.replace(CN, rules=(late,), overlaps=(), name="county")
    with pytest.raises(RulebookError, match=r"county: rule 'ECRL-G-06': .*2022-08-16.*says nothing for that day"):
        CN | county
    moved = dataclasses.replace(rule_of(CN, "ECRL-G-06"), activity="greening")
    with pytest.raises(RulebookError, match="says nothing for that day"):
        CN | dataclasses.replace(county, rules=(moved,))
    before = dataclasses.replace(late, id="X-1", effective_from=dt.date(2022, 8, 16), effective_to=dt.date(2023, 1, 1))
    assert len((CN | dataclasses.replace(county, rules=(late, before))).rules) == 83


def test_two_rules_for_one_question_on_one_day_are_refused_whoever_wrote_them():
    twin = dataclasses.replace(rule_of(CN, "ECRL-G-06"), id="X-1")
    with pytest.raises(RulebookError, match="in force for the same line, subzone and activity"):
        CN | dataclasses.replace(CN, rules=(twin,), overlaps=(), name="county")


def test_words_that_two_rulebooks_declare_have_to_agree():
    other = dataclasses.replace(CN.activities[0], zh="别的", words=())
    county = Rulebook((), (), (other,), (), (), "county")
    with pytest.raises(RulebookError, match="declared twice, and differently"):
        CN | county


def test_a_rulebook_joins_only_with_a_rulebook():
    with pytest.raises(TypeError):
        CN | "CN"


COUNTY = """
format = 1
extends = ["CN"]

[sources.county-2025]
title = "某县村庄建设管理办法"
issued = 2025-05-01

[[rules]]
id = "UDB-OUT-04"
line = "urban_development_boundary"
subzone = "outside"
activity = "village_build"
verdict = "provincial_opinion"
title_zh = "边界外村庄建设"
title_en = "village building outside the boundary"
citations = [{ source = "county-2025", article = "第三条" }]
effective_from = 2019-05-23
status = "verified"
"""


def test_a_county_file_refines_the_nation(tmp_path):
    path = tmp_path / "my-county.toml"
    path.write_text(COUNTY, encoding="utf-8")
    question = ("urban_development_boundary", "outside", "village_build", "2026-06-01")
    decision = load_rules("CN", path).decide(*question)
    assert decision.verdict == "provincial_opinion"
    assert decision.citation == "《某县村庄建设管理办法》第三条"
    assert (CN | load_rules(str(path))).decide(*question) == decision
    assert CN.decide(*question).verdict == "conditional"
    assert rule_of(load_rules(path), "UDB-OUT-04").origin == "my-county.toml"


def test_a_file_saved_by_a_windows_editor_is_read(tmp_path):
    path = tmp_path / "my-county.toml"
    path.write_bytes(b"\xef\xbb\xbf" + COUNTY.replace("\n", "\r\n").encode())
    assert len(load_rules(path).rules) == 1


ENGLAND = """
format = 1
languages = ["en"]

[lines.green_belt]
en = "Green Belt"

[lines.flood_zone]
en = "flood zone"
subzone_required = true
[lines.flood_zone.subzones]
two = { en = "zone 2" }
three = { en = "zone 3", words = ["3"] }

[activities.housing]
en = "housing"

[sources.framework]
title = "National Planning Policy Framework"

[[rules]]
id = "GB-1"
line = "green_belt"
verdict = "refer"
title_en = "inappropriate development needs very special circumstances"
requires = ["very special circumstances"]
citations = [{ source = "framework" }]
effective_from = 2012-03-27
status = "memory"

[[rules]]
id = "FZ-1"
line = "flood_zone"
subzone = "three"
activity = "housing"
verdict = "conditional"
title_en = "sequential and exception test"
citations = [{ source = "framework" }]
effective_from = 2012-03-27
status = "memory"
"""


def test_another_jurisdiction_is_only_data_in_its_own_language(tmp_path):
    path = tmp_path / "england.toml"
    path.write_text(ENGLAND, encoding="utf-8")
    rules = load_rules(path)
    assert [line.id for line in rules.lines] == ["green_belt", "flood_zone"]
    assert rules.lines[1].subzone_label("three", "zh") == "zone 3"
    decision = rules.decide("green_belt", "", "housing", "2024-06-01")
    assert (decision.verdict, decision.requires, decision.requires_zh) == (
        "refer",
        ("very special circumstances",),
        ("very special circumstances",),
    )
    assert rules.decide("green_belt", "", "", "2024-06-01").verdict == "refer"
    assert rules.decide("flood_zone", "", "housing", "2024-06-01").verdict == "undetermined"
    assert rules.decide("flood_zone", "two", "housing", "2024-06-01").verdict == "undetermined"
    assert rules.decide("flood_zone", "three", "housing", "2024-06-01").verdict == "conditional"
    assert not set(control_lines()) & {line.id for line in rules.lines}


def test_a_built_in_line_may_be_spoken_of_without_declaring_it(tmp_path):
    path = tmp_path / "short.toml"
    text = COUNTY.replace('extends = ["CN"]', "").replace('activity = "village_build"\n', "")
    path.write_text(text, encoding="utf-8")
    assert load_rules(path).lines == (control_lines()["urban_development_boundary"],)


def test_a_rule_written_in_code_is_checked_like_one_from_a_file():
    stray = dataclasses.replace(CN.rules[0], citations=(Citation("nowhere"),), origin="")
    with pytest.raises(RulebookError, match=r"CN: rule 'AR-01': citations: source 'nowhere' is not declared"):
        dataclasses.replace(CN, rules=(stray,))
