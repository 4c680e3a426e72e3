"""One broken rule file per mistake, each with the words that its message must hold in its first line."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecozones.errors import RulebookError
from ecozones.rulebook import load_rules

FOLDER = Path(__file__).parent / "broken" / "rules"
GOOD = sorted(FOLDER.glob("good*.toml"))
BROKEN = [path for path in sorted(FOLDER.glob("*.toml")) if path not in GOOD]
MARK = "# must say: "


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_mistake_is_refused_with_the_file_the_row_and_the_key(path):
    first = path.read_bytes().split(b"\n")[0].decode("utf-8")
    assert first.startswith(MARK)
    with pytest.raises(RulebookError) as caught:
        load_rules(path)
    message = str(caught.value)
    for words in first.removeprefix(MARK).strip().split(" | "):
        assert words in message


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_the_file_they_all_break_is_sound(path):
    rules = load_rules(path)
    assert [rule.id for rule in rules.rules] == ["GB-1"]


def test_there_is_a_broken_file_for_many_a_mistake():
    assert len(BROKEN) >= 70


def test_a_name_that_is_no_rulebook_is_refused_with_the_names_there_are():
    with pytest.raises(RulebookError, match="there is no rulebook 'China'; built in are CN, CN-36-jiangxi"):
        load_rules("China")
    with pytest.raises(RulebookError, match="no rulebook was named"):
        load_rules()


def test_a_file_that_is_not_there_is_refused_with_its_path(tmp_path):
    with pytest.raises(RulebookError, match=r"county\.toml: the rule file cannot be read at "):
        load_rules(tmp_path / "county.toml")
