"""
One rule file: what a rule is, and how it is read from TOML.

Reading is strict. A key that nobody knows is an error, because a rule that is silently not read is a verdict that is
silently wrong. What the rules say together is the business of :mod:`ecozones.rulebook`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import difflib
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, get_args

from ecozones.errors import RulebookError
from ecozones.provenance import Source
from ecozones.vocab import ControlLine, Language, Style, parse_lines, verdict_words

Kind = Literal["decision", "notice", "alias"]
Status = Literal["verified", "partial", "memory"]
Severity = Literal["error", "warning"]

ANY = "any"
UNDETERMINED = "undetermined"
FORMAT = 1

# most trustworthy first: the status of a verdict is the last of those it rests on
STATUSES: tuple[Status, ...] = get_args(Status)

_STATUS_WORDS: dict[Language, dict[str, str]] = {
    "zh": {"verified": "见于官方文本或可靠转载", "partial": "仅部分核对原文", "memory": "未经原文核对"},
    "en": {
        "verified": "seen in an official text or a reliable copy",
        "partial": "only partly checked against the original",
        "memory": "not checked against the original",
    },
}
# these two say what the data show, so no rule may say them
_NOT_A_RULING = ("clear", UNDETERMINED)


def status_label(status: str, language: Language = "zh") -> str:
    """
    Say how far a rule was compared with the original text.

    Parameters
    ----------
    status
        ``"verified"``, ``"partial"`` or ``"memory"``; empty gives an empty text.
    language
        ``"zh"`` or ``"en"``.

    Returns
    -------
    str
        The words to print beside a verdict.

    Examples
    --------
    >>> status_label("memory")
    '未经原文核对'
    """
    return _STATUS_WORDS[language][status] if status else ""


@dataclasses.dataclass(frozen=True)
class Citation:
    """A place in a document: the id of its source, and the article as printed there (empty for the whole)."""

    source_id: str
    article: str = ""


@dataclasses.dataclass(frozen=True)
class Rule:
    """
    One row of the decision table.

    Parameters
    ----------
    id
        Unique in a rulebook; a rule of the same id in a province's rulebook replaces it.
    line, subzone, activity
        What it speaks of; sub-zone and activity may be ``"any"``.
    verdict
        What it says, one of the words of the vocabulary.
    title_zh, title_en
        The rule in a few words.
    requires, requires_zh
        What has to be met or obtained, in English and in Chinese, in the same order.
    citations
        Where it is written, the main place first.
    effective_from
        The first day it is in force.
    effective_to
        The first day it is no longer in force, None while it is.
    status
        How far it was compared with the original text.
    note, note_zh
        What a reader should know besides.
    seen
        Where the text behind this row was seen.
    kind
        ``"decision"`` decides; ``"notice"`` is only told; ``"alias"`` sends a sub-zone to the rows of another.
    alias_of
        For an alias, the sub-zone whose rows hold.
    origin
        The file it was read from.
    """

    id: str
    line: str
    verdict: str
    title_zh: str
    title_en: str
    citations: tuple[Citation, ...]
    effective_from: dt.date
    status: Status
    subzone: str = ANY
    activity: str = ANY
    requires: tuple[str, ...] = ()
    requires_zh: tuple[str, ...] = ()
    effective_to: dt.date | None = None
    note: str = ""
    note_zh: str = ""
    seen: str = ""
    kind: Kind = "decision"
    alias_of: str = ""
    origin: str = dataclasses.field(default="", compare=False)

    def holds(self, day: dt.date) -> bool:
        """Tell whether the rule is in force on a day."""
        return self.effective_from <= day and (self.effective_to is None or day < self.effective_to)

    def title(self, language: Language = "zh") -> str:
        """Give the rule in a few words."""
        return self.title_zh if language == "zh" else self.title_en

    def conditions(self, language: Language = "zh") -> tuple[str, ...]:
        """Give what has to be met or obtained."""
        return self.requires_zh if language == "zh" else self.requires


@dataclasses.dataclass(frozen=True)
class Activity:
    """A kind of land use that rules speak of: names, the wider kind it belongs to, and words it is recognised by."""

    id: str
    zh: str
    en: str
    parent: str = ""
    words: tuple[str, ...] = ()

    def label(self, language: Language = "zh") -> str:
        """Name the activity in a language."""
        return self.zh if language == "zh" else self.en


@dataclasses.dataclass(frozen=True)
class OverlapRule:
    """What it means that two control lines claim the same ground."""

    id: str
    a: str
    b: str
    severity: Severity
    note: str
    note_zh: str
    citations: tuple[Citation, ...]
    status: Status
    origin: str = dataclasses.field(default="", compare=False)


def _decode(content: bytes, origin: str) -> dict[str, Any]:
    try:
        # Windows editors put a mark before UTF-8
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        line = content[: cause.start].count(b"\n") + 1
        message = f"{origin}: line {line} is not UTF-8; save the file as UTF-8"
        raise RulebookError(message) from cause
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as cause:
        message = f"{origin}: not valid TOML: {cause}"
        raise RulebookError(message) from cause


@dataclasses.dataclass(frozen=True)
class RuleFile:
    """What one file declares, before it is checked against what other files declare."""

    extends: tuple[str, ...]
    lines: tuple[ControlLine, ...]
    activities: tuple[Activity, ...]
    sources: tuple[Source, ...]
    rules: tuple[Rule, ...]
    overlaps: tuple[OverlapRule, ...]


class _Reader:
    """One table of a file: every key is asked for by type, and a key that nobody knows is an error."""

    def __init__(self, table: object, where: str, known: Sequence[str]) -> None:
        if not isinstance(table, dict):
            message = f"{where}: expected a table of keys, found {_kind(table)}"
            raise RulebookError(message)
        self.table: dict[str, Any] = table
        self.where = where
        for key in table:
            if key not in known:
                message = f"{where}: unknown key {key!r}{name_near(key, known)}"
                raise RulebookError(message)

    def text(self, key: str, default: str | None = None) -> str:
        value = self._value(key, default)
        if not isinstance(value, str):
            message = f"{self.where}: {key} must be text, not {_kind(value)}"
            raise RulebookError(message)
        if default is None and not value.strip():
            message = f"{self.where}: {key} is empty"
            raise RulebookError(message)
        return value

    def choice(self, key: str, choices: Sequence[str], default: str | None = None) -> str:
        value = self.text(key, default)
        if value not in choices:
            message = f"{self.where}: {key} is {value!r}, which is none of {', '.join(choices)}"
            raise RulebookError(message)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._value(key, ())
        if not isinstance(value, list | tuple):
            message = f'{self.where}: {key} must be a list of texts, not {_kind(value)}; write ["..."]'
            raise RulebookError(message)
        if any(not isinstance(item, str) or not item.strip() for item in value):
            message = f"{self.where}: {key} must hold nothing but texts, none of them empty"
            raise RulebookError(message)
        return tuple(value)

    def number(self, key: str, default: float) -> float:
        value = self._value(key, default)
        if not isinstance(value, int | float) or isinstance(value, bool):
            message = f"{self.where}: {key} must be a number, not {_kind(value)}"
            raise RulebookError(message)
        return value

    def flag(self, key: str) -> bool:
        value = self._value(key, default=False)
        if not isinstance(value, bool):
            message = f"{self.where}: {key} must be true or false, not {_kind(value)}"
            raise RulebookError(message)
        return value

    def day(self, key: str) -> dt.date:
        value = self._value(key, None)
        # a TOML time stamp is a datetime, and a datetime is a date to isinstance
        if type(value) is not dt.date:
            message = f"{self.where}: {key} must be a date without quotes, such as 2024-06-01, not {_kind(value)}"
            raise RulebookError(message)
        return value

    def day_or_none(self, key: str) -> dt.date | None:
        return self.day(key) if key in self.table else None

    def _value(self, key: str, default: object) -> object:
        if key not in self.table and default is None:
            message = f"{self.where}: {key} is missing"
            raise RulebookError(message)
        return self.table.get(key, default)


_FILE_KEYS = ("format", "languages", "extends", "lines", "activities", "sources", "rules", "overlaps")
_SOURCE_KEYS = ("title", "number", "issuer", "issued", "checked", "seen")
_ACTIVITY_KEYS = ("zh", "en", "parent", "words")
_CITATION_KEYS = ("source", "article")
_RULE_KEYS = (
    "id", "line", "subzone", "activity", "kind", "alias_of", "verdict", "title_zh", "title_en", "requires",
    "requires_zh", "citations", "effective_from", "effective_to", "status", "note", "note_zh", "seen",
)  # fmt: skip
_OVERLAP_KEYS = ("id", "a", "b", "severity", "note", "note_zh", "citations", "status")


def parse_file(origin: str, raw: bytes) -> RuleFile:
    """
    Read one rule file.

    Parameters
    ----------
    origin
        File name for messages.
    raw
        The bytes of the file.

    Returns
    -------
    RuleFile
        What it declares.

    Raises
    ------
    RulebookError
        It is not UTF-8, not TOML, or holds something that no rule file holds.

    Examples
    --------
    >>> parse_file("empty.toml", b"format = 1").rules
    ()
    """
    content = _decode(raw, origin)
    file = _Reader(content, origin, _FILE_KEYS)
    form = content.get("format")
    if type(form) is not int or form != FORMAT:
        found = "is missing" if form is None else f"is {form!r}"
        message = f"{origin}: format {found}; this version reads format = {FORMAT}"
        raise RulebookError(message)
    languages = file.texts("languages") if "languages" in content else get_args(Language)
    if not languages or any(language not in get_args(Language) for language in languages):
        message = f"{origin}: languages is {list(languages)!r}; write one or both of {', '.join(get_args(Language))}"
        raise RulebookError(message)
    for key, table in _tables(content, "lines", origin).items():
        _check_line_types(key, table, origin)
    lines = {key: _fill_language(table, languages) for key, table in _tables(content, "lines", origin).items()}
    return RuleFile(
        extends=file.texts("extends"),
        lines=tuple(parse_lines(lines, origin).values()),
        activities=tuple(
            _parse_activity(key, table, origin, languages)
            for key, table in _tables(content, "activities", origin).items()
        ),
        sources=tuple(_parse_source(key, table, origin) for key, table in _tables(content, "sources", origin).items()),
        rules=tuple(_parse_rule(row, origin, number, languages) for number, row in _rows(content, "rules", origin)),
        overlaps=tuple(
            _parse_overlap(row, origin, number, languages) for number, row in _rows(content, "overlaps", origin)
        ),
    )


def _tables(content: dict[str, Any], key: str, origin: str) -> dict[str, dict[str, Any]]:
    tables = content.get(key, {})
    if not isinstance(tables, dict) or any(not isinstance(table, dict) for table in tables.values()):
        message = f"{origin}: {key} must be tables with a name each; write [{key}.some_id]"
        raise RulebookError(message)
    if ANY in tables:
        message = f"{origin}: {key} may not be called {ANY!r}; rules use the word for whatever they do not name"
        raise RulebookError(message)
    return tables


def _rows(content: dict[str, Any], key: str, origin: str) -> Iterator[tuple[int, object]]:
    rows = content.get(key, [])
    if not isinstance(rows, list):
        message = f"{origin}: {key} must be a list of tables; write [[{key}]] before each"
        raise RulebookError(message)
    return enumerate(rows, start=1)


def _fill_language(table: dict[str, Any], languages: Sequence[str]) -> dict[str, Any]:
    """Give a table of one language the other one's words, so that every text can be shown."""
    if len(languages) == len(get_args(Language)):
        return table
    said, unsaid = ("en", "zh") if languages[0] == "en" else ("zh", "en")
    filled = {unsaid: table[said], **table} if said in table else dict(table)
    if isinstance(filled.get("subzones"), dict):
        filled["subzones"] = {
            key: _fill_language(value, languages) if isinstance(value, dict) else value
            for key, value in filled["subzones"].items()
        }
    return filled


def _check_line_types(key: str, table: dict[str, Any], origin: str) -> None:
    """Check the kinds of a line's values; what they say is checked where lines are read."""
    where = f"{origin}: line {key!r}"
    row = _Reader(table, where, [field.name for field in dataclasses.fields(ControlLine) if field.name != "id"])
    for name in ("zh", "en", "default_subzone", "complement"):
        row.text(name, "")
    for name in ("required", "subzone_required"):
        row.flag(name)
    for name in ("layers", "not_layers", "id_fields", "name_fields", "subzone_fields"):
        row.texts(name)
    row.number("setback_m", 0)
    style = _Reader(table.get("style", {}), f"{where}: style", [field.name for field in dataclasses.fields(Style)])
    for name in ("edge", "fill", "dash"):
        style.text(name, "")
    style.number("opacity", 0)
    subzones = table.get("subzones", {})
    if not isinstance(subzones, dict) or ANY in subzones:
        message = f"{where}: subzones must be tables with a name each, and none of them {ANY!r}"
        raise RulebookError(message)
    for name, value in subzones.items():
        subzone = _Reader(value, f"{where}: sub-zone {name!r}", ("zh", "en", "words"))
        subzone.text("zh", "")
        subzone.text("en", "")
        subzone.texts("words")


def _parse_source(key: str, table: dict[str, Any], origin: str) -> Source:
    row = _Reader(table, f"{origin}: source {key!r}", _SOURCE_KEYS)
    return Source(
        id=key,
        title=row.text("title"),
        number=row.text("number", ""),
        issuer=row.text("issuer", ""),
        issued=row.day_or_none("issued"),
        checked=row.day_or_none("checked"),
        seen=row.text("seen", ""),
    )


def _parse_activity(key: str, table: dict[str, Any], origin: str, languages: Sequence[str]) -> Activity:
    row = _Reader(table, f"{origin}: activity {key!r}", _ACTIVITY_KEYS)
    zh, en = _both(row, ("zh", "en"), languages)
    return Activity(key, zh, en, row.text("parent", ""), row.texts("words"))


def _both(row: _Reader, keys: tuple[str, str], languages: Sequence[str]) -> tuple[str, str]:
    """Read a text in Chinese and English; of a language that the file does not speak, the other one's text."""
    texts = {
        language: row.text(key) for language, key in zip(get_args(Language), keys, strict=True) if language in languages
    }
    only = next(iter(texts.values()))
    return texts.get("zh", only), texts.get("en", only)


def _citations(row: _Reader) -> tuple[Citation, ...]:
    places = row.table.get("citations")
    if not isinstance(places, list) or not places:
        message = f'{row.where}: citations must list one place at least; write [{{ source = "...", article = "..." }}]'
        raise RulebookError(message)
    readers = [_Reader(place, f"{row.where}: citations", _CITATION_KEYS) for place in places]
    return tuple(Citation(reader.text("source"), reader.text("article", "")) for reader in readers)


def _status(row: _Reader) -> Status:
    value = row.choice("status", STATUSES)
    return next(status for status in STATUSES if status == value)


def _where(row: object, what: str, origin: str, number: int) -> str:
    name = row.get("id") if isinstance(row, dict) else None
    return f"{origin}: {what} {name!r}" if isinstance(name, str) and name else f"{origin}: {what} number {number}"


def _parse_rule(table: object, origin: str, number: int, languages: Sequence[str]) -> Rule:
    row = _Reader(table, _where(table, "rule", origin, number), _RULE_KEYS)
    effective_from, effective_to = row.day("effective_from"), row.day_or_none("effective_to")
    if effective_to is not None and effective_to <= effective_from:
        message = (
            f"{row.where}: effective_to {effective_to} is not after effective_from {effective_from}; it is exclusive"
        )
        raise RulebookError(message)
    identity = row.text("id")
    rulings = [verdict for verdict in verdict_words() if verdict not in _NOT_A_RULING]
    title_zh, title_en = _both(row, ("title_zh", "title_en"), languages)
    requires, requires_zh = row.texts("requires"), row.texts("requires_zh")
    if len(languages) == 1:
        requires = requires_zh = requires or requires_zh
    if len(requires) != len(requires_zh):
        message = (
            f"{row.where}: requires has {len(requires)} entries and requires_zh {len(requires_zh)}; "
            "each has to be written in both languages"
        )
        raise RulebookError(message)
    kind = row.choice("kind", get_args(Kind), "decision")
    alias_of = row.text("alias_of", "")
    if (kind == "alias") != bool(alias_of):
        message = f'{row.where}: alias_of goes with kind = "alias", and only with it'
        raise RulebookError(message)
    return Rule(
        id=identity,
        line=row.text("line"),
        subzone=row.text("subzone", ANY),
        activity=row.text("activity", ANY),
        verdict=row.choice("verdict", rulings),
        title_zh=title_zh,
        title_en=title_en,
        requires=requires,
        requires_zh=requires_zh,
        citations=_citations(row),
        effective_from=effective_from,
        effective_to=effective_to,
        status=_status(row),
        note=row.text("note", ""),
        note_zh=row.text("note_zh", ""),
        seen=row.text("seen", ""),
        kind=next(known for known in get_args(Kind) if known == kind),
        alias_of=alias_of,
        origin=origin,
    )


def _parse_overlap(table: object, origin: str, number: int, languages: Sequence[str]) -> OverlapRule:
    row = _Reader(table, _where(table, "overlap", origin, number), _OVERLAP_KEYS)
    note_zh, note = _both(row, ("note_zh", "note"), languages)
    severity = row.choice("severity", get_args(Severity))
    return OverlapRule(
        id=row.text("id"),
        a=row.text("a"),
        b=row.text("b"),
        severity=next(known for known in get_args(Severity) if known == severity),
        note=note,
        note_zh=note_zh,
        citations=_citations(row),
        status=_status(row),
        origin=origin,
    )


# below this the guess is a coincidence of letters and leads astray
_CLOSE = 0.65


def name_near(word: str, known: Iterable[str]) -> str:
    """
    Say what a word that is not known may have been meant for, or what there is.

    Parameters
    ----------
    word
        The word.
    known
        The words there are.

    Returns
    -------
    str
        The end of a message.

    Examples
    --------
    >>> name_near("verdcit", ["verdict", "line"])
    "; did you mean 'verdict'?"
    """
    choices = list(known)
    if not choices:
        return "; none is: declare it, or take the words of a built-in rulebook with extends = [...]"
    close = difflib.get_close_matches(word, choices, n=1, cutoff=_CLOSE)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(choices)}"


def _kind(value: object) -> str:
    names = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a table"}
    return names.get(type(value), "a time stamp" if isinstance(value, dt.datetime) else f"a {type(value).__name__}")
