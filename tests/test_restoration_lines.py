"""Restoration that breaks a line: the same rules, the same articles."""

import pytest
from drawn_projects import projects

from ecozones.errors import SchemaError
from ecozones.restoration import lines as restoration_lines
from ecozones.testing import chessboard, chessboard_plan


def board_project(cell, work, **columns):
    return chessboard(4).query("cell == @cell").assign(project_id=f"P-{cell}", type=work, **columns)


def check(frame, **lines):
    return restoration_lines.check_restoration(frame, chessboard_plan(4, **lines), on="2026-06-01")


@pytest.mark.parametrize(
    ("work", "ground", "code"),
    [
        ("人工造林", "excluded", "trees_on_permanent_basic_farmland"),
        ("湿地修复", "excluded", "water_on_permanent_basic_farmland"),
        ("退耕还林还草", "excluded", "trees_on_permanent_basic_farmland"),
        ("人工种草", "excluded", "grass_on_permanent_basic_farmland"),
        ("盐碱地综合利用", "conflicting", "soil_works_on_permanent_basic_farmland"),
        ("SE-CT, AF-PL", "excluded", "trees_on_permanent_basic_farmland"),
    ],
)
def test_trees_and_wetland_have_no_place_on_farmland(work, ground, code):
    found = check(board_project("a1", work), farmland=["a1"]).query("line == 'permanent_basic_farmland'")
    assert found[["ground", "reason_code"]].to_numpy().tolist() == [[ground, code]]
    assert found.citation.iloc[0].startswith("《")
    assert found.reason_zh.iloc[0]
    assert found.area_ha.iloc[0] == pytest.approx(100, rel=1e-5)


def test_restoration_in_the_red_line_is_a_limited_activity_not_an_offence():
    found = check(board_project("a1", "人工造林"), red_line={"a1": "general"}).query("line == 'ecological_red_line'")
    assert found[["ground", "verdict"]].to_numpy().tolist() == [["conflicting", "limited_activity"]]


def test_restoration_outside_the_urban_boundary_is_eligible():
    found = check(board_project("a1", "人工造林")).query("line == 'urban_development_boundary'")
    assert found[["ground", "subzone"]].to_numpy().tolist() == [["eligible", "outside"]]


def test_ground_outside_the_plan_is_undetermined():
    beyond = projects((-20_000, 0, -19_000, 1000), type=["人工造林"])
    found = check(beyond, farmland=["a1"])
    assert set(found.ground) == {"undetermined"}
    assert {code.split("_for_")[0] for code in found.reason_code} == {"outside_the_plan"}


def test_work_of_unknown_type_on_farmland_is_not_taken_for_lawful():
    found = check(board_project("a1", "something else"), farmland=["a1"]).query("line == 'permanent_basic_farmland'")
    assert found.ground.tolist() == ["undetermined"]


def test_an_activity_stated_by_the_project_is_used_and_an_unknown_one_refused():
    farming = board_project("a1", "盐碱地综合利用", activity="farming")
    found = check(farming, farmland=["a1"]).query("line == 'permanent_basic_farmland'")
    assert found[["ground", "activity"]].to_numpy().tolist() == [["eligible", "farming"]]
    with pytest.raises(SchemaError, match="activities not known"):
        check(board_project("a1", "x", activity="moon landing"), farmland=["a1"])


def test_before_the_rule_nobody_knows():
    found = restoration_lines.check_restoration(
        board_project("a1", "人工造林"),
        chessboard_plan(4, farmland=["a1"]),
        on="2000-01-01",
        lines=["permanent_basic_farmland"],
    )
    assert found.ground.tolist() == ["undetermined"]
