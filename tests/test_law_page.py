"""The pages of the law say every row, in both languages, and hide nothing about how far it was checked."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ecozones.rulebook import load_rules
from ecozones.rulefile import status_label

SCRIPT = Path(__file__).parents[1] / "tools" / "law_page.py"
RULES = load_rules("CN")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("law")
    subprocess.run([sys.executable, str(SCRIPT), str(folder)], check=True)
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.md")}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_row_stands_on_the_page_of_its_line(pages, language):
    for rule in RULES.rules:
        text = pages[f"{language}/{rule.line}.md"]
        assert text.count(f"(rule-{rule.id.lower()}-{language})=") == 1
        assert f"### {rule.id} · " in text


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("status", ["partial", "memory"])
def test_every_row_that_was_not_fully_checked_is_flagged(pages, language, status):
    flag = f"⚠ **{status_label(status, language)}**"
    for line in RULES.lines:
        expected = sum(rule.line == line.id and rule.status == status for rule in RULES.rules)
        assert pages[f"{language}/{line.id}.md"].count(flag) == expected


def test_each_page_is_reached_from_the_index(pages):
    for language in ("zh", "en"):
        listed = pages[f"{language}/index.md"].split("```{toctree}")[1].split()
        assert {f"{language}/{name}.md" for name in [*listed[2:-1], "index"]} == {
            name for name in pages if name.startswith(language)
        }
        assert f"{language}/index" in pages["index.md"]


def test_the_overlaps_the_provinces_and_the_documents_are_there(pages):
    assert all(overlap.id in pages["en/overlaps.md"] for overlap in RULES.overlaps)
    assert "CN-65-xinjiang" in pages["zh/provinces.md"]
    assert pages["en/sources.md"].count("not compared with the original by a person") == len(RULES.sources)
