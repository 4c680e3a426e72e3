"""Legal cases, written as data so that a planner can read, doubt and add them; run through the whole check."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from ecozones.siting import check_sites
from ecozones.testing import chessboard_plan, square

FOLDER = Path(__file__).parent / "cases"
DRAWN_AS = {
    "ecological_red_line": "red_line",
    "permanent_basic_farmland": "farmland",
    "urban_development_boundary": "urban",
}
KEYS = {"name", "on", "ground", "activity", "verdict", "rule", "missing", "uncovered", "outside_plan"}
CASES = [
    pytest.param(case, id=f"{path.stem}: {case['name']}")
    for path in sorted(FOLDER.glob("*.toml"))
    for case in tomllib.loads(path.read_text(encoding="utf-8"))["case"]
]


def county(case):
    """Draw a county where the square c3 is the ground of the case, and the other lines lie in the far corner."""
    ground = {line: {"c3": subzone or None} for line, subzone in case["ground"].items()}
    missing = case.get("missing", [])
    layers = {argument: None if line in missing else ground.pop(line, {}) for line, argument in DRAWN_AS.items()}
    drawn_elsewhere = {line: ["h8"] for line in case.get("uncovered", [])}
    return chessboard_plan(**layers, lines=ground, coverage=drawn_elsewhere)


@pytest.mark.parametrize("case", CASES)
def test_the_verdict_is_the_one_a_planner_expects(case):
    assert set(case) <= KEYS
    site = square("m3" if case.get("outside_plan") else "c3", activity=case.get("activity"))
    review = check_sites(site, county(case), on=case["on"])
    (row,) = review.verdicts.itertuples()
    assert row.verdict == case["verdict"]
    if "rule" in case:
        worst = review.findings[(review.findings["verdict"] == row.verdict) & (review.findings["role"] == "decides")]
        assert set(worst["rule_id"]) == {case["rule"]}
        assert case["rule"] in row.rule_ids.split(", ")
    else:
        assert case["verdict"] == "undetermined"
        assert row.reason


def test_there_are_cases_for_every_line_that_decides_and_for_what_is_not_known():
    cases = [parameters.values[0] for parameters in CASES]
    assert len(cases) >= 20
    assert len({case["name"] for case in cases}) == len(cases)
    assert {line for case in cases for line in case["ground"]} >= {*DRAWN_AS, "nature_reserve", "arable_land"}
    assert {case["verdict"] for case in cases} == {
        "allowed",
        "refer",
        "conditional",
        "limited_activity",
        "provincial_opinion",
        "state_council",
        "undetermined",
        "prohibited",
    }
