"""Scores of green mines by two editions."""

import tomllib
from importlib import resources

import numpy as np
import pandas as pd
import pytest

from ecozones.errors import InputError, SchemaError
from ecozones.ledgers import green_mines

PREREQUISITES = dict.fromkeys(
    [
        "valid permits",
        "no penalty or accident in three years",
        "not on the list of abnormal operation",
        "three years of reserves and in operation",
        "not in a protected area",
    ],
    True,
)


def marks(indicators, points, share):
    each = points / indicators
    return pd.DataFrame({"first_level": [i % 6 for i in range(indicators)], "points": each, "score": each * share})


def test_a_green_mine_of_2020_needs_800_of_1000_three_quarters_everywhere_and_five_conditions():
    passed = green_mines.score_green_mine(marks(100, 1000, 0.8), edition="2020", prerequisites=PREREQUISITES).iloc[-1]
    assert (passed["score"], passed["bar"], passed["passes"]) == (pytest.approx(800), 800, True)
    short = green_mines.score_green_mine(marks(100, 1000, 0.79), edition="2020", prerequisites=PREREQUISITES).iloc[-1]
    assert (short["passes"], "790 points of 800" in short["reason"]) == (False, True)
    silent = green_mines.score_green_mine(marks(100, 1000, 0.9), edition="2020").iloc[-1]
    assert silent["passes"] is np.False_ or silent["passes"] is False
    assert silent["reason"].count("prerequisite") == 5
    uneven = marks(100, 1000, 0.95)
    uneven.loc[uneven["first_level"] == 2, "score"] *= 0.7 / 0.95
    table = green_mines.score_green_mine(uneven, edition="2020", prerequisites=PREREQUISITES)
    assert table["passes"].tolist() == [True, True, False, True, True, True, False]


def test_a_green_mine_of_2024_has_49_items_and_no_known_mark():
    table = green_mines.score_green_mine(marks(49, 100, 0.9), edition="2024")
    assert table["passes"].isna().all()
    assert "could not be obtained" in table["reason"].iloc[-1]
    read = {"pass_points": 80, "prerequisites": {"read in the edition": True}}
    assert green_mines.score_green_mine(marks(49, 100, 0.9), edition="2024", **read)["passes"].iloc[-1]


@pytest.mark.parametrize(
    ("said", "passes", "words"),
    [
        ({"pass_points": 80}, None, "prerequisites of edition 2024 could not be obtained"),
        ({"pass_points": 95}, False, "90 points of 95 needed"),
        ({"prerequisites": {"permits": True}}, None, "pass mark of edition 2024 could not be obtained"),
        ({"pass_points": 80, "prerequisites": {"permits": False}}, False, "prerequisite not fulfilled: permits"),
    ],
)
def test_a_green_mine_of_2024_passes_only_by_what_the_caller_read_in_it(said, passes, words):
    mine = green_mines.score_green_mine(marks(49, 100, 0.9), edition="2024", **said).iloc[-1]
    assert (None if pd.isna(mine["passes"]) else bool(mine["passes"])) == passes
    assert words in mine["reason"]


@pytest.mark.parametrize(("edition", "indicators", "points"), [("2020", 100, 1000), ("2024", 49, 100)])
def test_every_row_says_how_far_the_rules_were_verified(edition, indicators, points):
    table = green_mines.score_green_mine(marks(indicators, points, 0.9), edition=edition)
    assert table["status"].tolist() == ["partial"] * 7


def test_the_status_is_that_of_the_source_of_the_edition(monkeypatch):
    tables = tomllib.loads(resources.files("ecozones").joinpath("data/ledgers.toml").read_text(encoding="utf-8"))
    for edition, status in (("2020", "verified"), ("2024", "memory")):
        tables["sources"][tables["green_mine"][edition]["source"]]["status"] = status
    monkeypatch.setattr(green_mines, "shipped_table", {"ledgers": tables}.__getitem__)
    for edition, indicators, points, status in (("2020", 100, 1000, "verified"), ("2024", 49, 100, "memory")):
        table = green_mines.score_green_mine(marks(indicators, points, 0.9), edition=edition)
        assert table["status"].tolist() == [status] * 7


def test_indicators_of_another_edition_are_refused():
    with pytest.raises(InputError, match="100 indicators of the third level under 6 of the first; 49 under 6"):
        green_mines.score_green_mine(marks(49, 100, 1), edition="2020")
    with pytest.raises(InputError, match="24 indicators of the second level; 23 were given"):
        green_mines.score_green_mine(
            marks(100, 1000, 1).assign(second_level=[i % 23 for i in range(100)]), edition="2020"
        )
    with pytest.raises(InputError, match="has 100 points"):
        green_mines.score_green_mine(marks(49, 90, 1), edition="2024")
    with pytest.raises(InputError, match="not known"):
        green_mines.score_green_mine(marks(49, 100, 1), edition="2018")
    with pytest.raises(SchemaError, match="above their points"):
        green_mines.score_green_mine(marks(49, 100, 1.1), edition="2024")


def test_an_indicator_without_points_or_a_first_level_is_refused():
    scores = marks(49, 100, 0.9)
    with pytest.raises(SchemaError, match=r"points are missing.*rows 0"):
        green_mines.score_green_mine(scores.assign(points=[None, *[100 / 48] * 48], score=0.5), edition="2024")
    with pytest.raises(SchemaError, match="first-level indicator of each row"):
        green_mines.score_green_mine(scores.assign(first_level=[None, *scores["first_level"][1:]]), edition="2024")
    with pytest.raises(SchemaError, match="first-level indicator of each row"):
        green_mines.score_green_mine(scores.drop(columns="first_level"), edition="2024")
