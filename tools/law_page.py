"""
Write the law as pages, from the rule files: ``python tools/law_page.py docs/law``.

Every row is shown with its dates, its citation and how far it was checked, in Chinese and in English.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from ecozones.rulebook import Rulebook, load_rules
from ecozones.rulefile import ANY, STATUSES, Rule, status_label
from ecozones.vocab import ControlLine, Language, verdict_words

OVERLAYS = ("CN-36-jiangxi", "CN-44-guangdong", "CN-65-xinjiang")
LANGUAGES: tuple[Language, ...] = ("zh", "en")
SPECIAL = re.compile(r"([\\`*_\[\]<>$|#{}])")

WORDS: dict[Language, dict[str, str]] = {
    "zh": {
        "title": "规则",
        "any": "任何活动",
        "anywhere": "任一分区",
        "applies": "适用",
        "verdict": "结论",
        "requires": "条件",
        "citation": "依据",
        "days": "施行",
        "from": "自{}起",
        "until": "自{}起，至{}前(不含当日)",
        "status": "核对情况",
        "note": "说明",
        "seen": "文本出处",
        "decision": "",
        "notice": "（仅提示，不作结论）",
        "alias": "（按“{}”的规则判定）",
        "overlaps": "控制线之间的重叠",
        "sources": "文件",
        "provinces": "省级细则(须按名称加载)",
        "unseen": "无人核对原件",
        "checked": "{}核对",
        "disclaimer": "本页由规则文件生成，**不是法律意见**；每一行使用前都须由规划人员核对原文。",
        "count": "共{}条规则",
    },
    "en": {
        "title": "The rules",
        "any": "any activity",
        "anywhere": "any sub-zone",
        "applies": "Speaks of",
        "verdict": "Verdict",
        "requires": "Requires",
        "citation": "Citation",
        "days": "In force",
        "from": "from {}",
        "until": "from {} until the day before {}",
        "status": "Checked",
        "note": "Note",
        "seen": "Text seen at",
        "decision": "",
        "notice": " (told, never decides)",
        "alias": " (the rows of '{}' hold)",
        "overlaps": "Lines against lines",
        "sources": "Documents",
        "provinces": "Provinces, loaded by name",
        "unseen": "not compared with the original by a person",
        "checked": "compared on {}",
        "disclaimer": "Made from the rule files. **Not legal advice**: compare each row with the original.",
        "count": "{} rules",
    },
}


def plain(text: str) -> str:
    """Let Markdown print a text as it stands."""
    return SPECIAL.sub(r"\\\1", text)


def anchor(rule_id: str, language: Language) -> str:
    """Name the place of a rule on its page."""
    return f"rule-{rule_id.lower()}-{language}"


def flag(status: str, language: Language) -> str:
    """Show how far a row was checked, so that it cannot be overlooked where it was not."""
    words = status_label(status, language)
    return words if status == "verified" else f"⚠ **{words}**"


def rule_lines(rule: Rule, rules: Rulebook, line: ControlLine, language: Language) -> Iterator[str]:
    """Write one row of the law."""
    words = WORDS[language]
    activity = next((known.label(language) for known in rules.activities if known.id == rule.activity), words["any"])
    subzone = words["anywhere"] if rule.subzone == ANY else line.subzone_label(rule.subzone, language)
    kind = words[rule.kind].format(line.subzone_label(rule.alias_of, language))
    days = words["from"] if rule.effective_to is None else words["until"]
    note = rule.note_zh if language == "zh" else rule.note
    yield f"({anchor(rule.id, language)})="
    yield f"### {plain(rule.id)} · {plain(rule.title(language))}"
    yield ""
    yield f"- {words['applies']}: {plain(subzone)} · {plain(activity)}"
    yield f"- {words['verdict']}: **{verdict_words()[rule.verdict].label(language)}**{plain(kind)}"
    if rule.conditions(language):
        yield f"- {words['requires']}:"
        yield from (f"  - {plain(text)}" for text in rule.conditions(language))
    yield f"- {words['citation']}: {plain(rules.cite(rule))}"
    yield f"- {words['days']}: {days.format(rule.effective_from, rule.effective_to)}"
    yield f"- {words['status']}: {flag(rule.status, language)}"
    if note:
        yield f"- {words['note']}: {plain(note)}"
    if rule.seen:
        yield f"- {words['seen']}: {plain(rule.seen)}"
    yield ""


def line_page(line: ControlLine, rules: Rulebook, language: Language) -> Iterator[str]:
    """Write the rows of one control line, sub-zone by sub-zone."""
    rows = [rule for rule in rules.rules if rule.line == line.id]
    places = [*(subzone.id for subzone in line.subzones), ANY]
    yield f"# {line.label(language)}"
    yield ""
    yield from (WORDS[language]["disclaimer"], "", WORDS[language]["count"].format(len(rows)), "")
    for place in places:
        here = [rule for rule in rows if rule.subzone == place]
        if here:
            yield f"## {WORDS[language]['anywhere'] if place == ANY else line.subzone_label(place, language)}"
            yield ""
            for rule in here:
                yield from rule_lines(rule, rules, line, language)


def overlap_page(rules: Rulebook, language: Language) -> Iterator[str]:
    """Write what it means that two lines claim the same ground."""
    names = {line.id: line.label(language) for line in rules.lines}
    yield f"# {WORDS[language]['overlaps']}"
    yield ""
    for overlap in rules.overlaps:
        yield f"## {plain(overlap.id)} · {names[overlap.a]} / {names[overlap.b]}"
        yield ""
        yield f"- {overlap.severity}: {plain(overlap.note_zh if language == 'zh' else overlap.note)}"
        yield f"- {WORDS[language]['citation']}: {plain(rules.cite(overlap))}"
        yield f"- {WORDS[language]['status']}: {flag(overlap.status, language)}"
        yield ""


def source_page(rules: Rulebook, language: Language) -> Iterator[str]:
    """List the documents, and whether a person compared the rows with them."""
    words = WORDS[language]
    yield f"# {words['sources']}"
    yield ""
    for source in sorted(rules.sources, key=lambda source: source.id):
        checked = words["checked"].format(source.checked) if source.checked else words["unseen"]
        facts = [source.issuer, source.issued.isoformat() if source.issued else "", checked]
        yield f"- {plain(source.cite())} — {plain(', '.join(fact for fact in facts if fact))}"
        if source.seen:
            yield f"  - {words['seen']}: {plain(source.seen)}"
    yield ""


def province_page(language: Language) -> Iterator[str]:
    """Write the overlays of provinces."""
    yield f"# {WORDS[language]['provinces']}"
    yield ""
    for name in OVERLAYS:
        rules = load_rules(name)
        lines = {line.id: line for line in rules.lines}
        yield f"## {name}"
        yield ""
        for rule in rules.rules:
            # the same id stands on the national page, and a label may stand once
            yield from list(rule_lines(rule, rules, lines[rule.line], language))[1:]


def index_page(rules: Rulebook, language: Language, pages: list[str]) -> Iterator[str]:
    """Count the rows by line and by how far they were checked."""
    yield f"# {WORDS[language]['title']}"
    yield ""
    yield WORDS[language]["disclaimer"]
    yield ""
    yield "| | " + " | ".join(status_label(status, language) for status in STATUSES) + " |"
    yield "|---" * (len(STATUSES) + 1) + "|"
    for line in rules.lines:
        rows = [rule for rule in rules.rules if rule.line == line.id]
        counts = [sum(rule.status == status for rule in rows) for status in STATUSES]
        yield f"| {line.label(language)} | " + " | ".join(map(str, counts)) + " |"
    yield ""
    yield from ("```{toctree}", ":maxdepth: 1", "", *pages, "```", "")


def main(folder: Path) -> None:
    """Write all pages into a folder."""
    rules = load_rules("CN")
    for language in LANGUAGES:
        home = folder / language
        home.mkdir(parents=True, exist_ok=True)
        pages = {line.id: line_page(line, rules, language) for line in rules.lines}
        pages |= {
            "overlaps": overlap_page(rules, language),
            "provinces": province_page(language),
            "sources": source_page(rules, language),
        }
        pages["index"] = index_page(rules, language, list(pages))
        for name, text in pages.items():
            (home / f"{name}.md").write_text("\n".join(text), encoding="utf-8", newline="\n")
    front = ["# The law · 规则", "", *(WORDS[language]["disclaimer"] + "\n" for language in LANGUAGES)]
    front += ["```{toctree}", ":maxdepth: 2", "", *(f"{language}/index" for language in LANGUAGES), "```", ""]
    (folder / "index.md").write_text("\n".join(front), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
