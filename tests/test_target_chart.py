"""Charts of targets: what is drawn is what was observed."""

import re
from xml.etree import ElementTree as ET

import pandas as pd
import pytest

from ecozones.errors import InputError
from ecozones.targets.target_chart import draw_targets

TARGETS = pd.DataFrame(
    {
        "target_id": ["air", "water", "wood & grass"],
        "indicator": ["PM2.5", "good water", "wood & grass"],
        "value": [27, 90, 100],
        "unit": ["ug/m3", "%", "ha"],
        "comparator": ["<=", ">=", ">="],
        "base_year": [2020, None, 2020],
        "base_value": [36, None, 0],
        "year": [2025, 2025, 2025],
    }
)
OBSERVED = pd.DataFrame(
    {
        "indicator": ["PM2.5"] * 3 + ["wood & grass"] * 2,
        "year": [2021, 2022, 2023, 2022, 2022],
        "value": [34, 32, 30, 900, 40],
        "unit": ["", "", "", "mu", "ha"],
        "status": ["verified"] * 3 + ["reported", "verified"],
    }
)
SVG = "{http://www.w3.org/2000/svg}"


def test_every_observation_is_a_dot_in_the_unit_of_its_target(tmp_path):
    chart = draw_targets(TARGETS, OBSERVED, language="en")
    chart.save(tmp_path / "targets.svg")
    picture = ET.parse(tmp_path / "targets.svg").getroot()  # noqa: S314 - written a line above
    told = [dot.find(f"{SVG}title").text for dot in picture.iter(f"{SVG}circle")]
    assert told == ["2021: 34", "2022: 32", "2023: 30", "2022: 60", "2022: 40"]
    assert len(list(picture.iter(f"{SVG}line"))) == 2 * 3
    words = [text.text for text in picture.iter(f"{SVG}text")]
    assert {"ahead", "not evaluable", "wood & grass", "≥ 100 ha · 60"} <= set(words)


def test_a_value_on_the_way_lies_on_the_line_drawn():
    steady = OBSERVED[:1].assign(year=2024, value=28.8)
    chart = draw_targets(TARGETS[:1], steady).svg
    x1, y1, x2, y2 = map(float, re.search(r'class="way" x1="(.+?)" y1="(.+?)" x2="(.+?)" y2="(.+?)"', chart).groups())
    x, y = map(float, re.search(r'cx="(.+?)" cy="(.+?)"', chart).groups())
    assert x == pytest.approx(x1 + 0.8 * (x2 - x1), abs=0.11)
    assert y == pytest.approx(y1 + 0.8 * (y2 - y1), abs=0.11)
    assert y2 > y1  # down the page is less


def test_status_and_verdict_are_named_in_one_language():
    words = draw_targets(TARGETS[:1], OBSERVED, language="zh").svg
    assert "核实" in words
    assert "超前" in words
    assert "verified</text>" not in words
    assert "verified</text>" in draw_targets(TARGETS[:1], OBSERVED, language="en").svg


def test_later_observations_are_not_drawn():
    assert draw_targets(TARGETS[:1], OBSERVED, on=2022).svg.count("<circle") == 2


def test_without_targets_there_is_nothing_to_draw():
    with pytest.raises(InputError, match="no targets"):
        draw_targets(TARGETS[:0], OBSERVED)
