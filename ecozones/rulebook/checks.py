"""What a rulebook is refused for: words that nobody declared, and questions with two answers or none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from ecozones.errors import RulebookError, name_rows
from ecozones.rulebook.written import Written, plain_word
from ecozones.rulefile import ANY, Citation, OverlapRule, Rule, name_near
from ecozones.vocab import ControlLine, control_lines


def check_written(book: Written) -> None:
    """
    Check that every word is declared and every question has one answer at most.

    Parameters
    ----------
    book
        What is to become a rulebook.

    Raises
    ------
    RulebookError
        The message names the rule and what is wrong with it.
    """
    for what, things in (
        ("rule", book.rules),
        ("line", book.lines),
        ("activity", book.activities),
        ("overlap", book.overlaps),
        ("source", book.sources),
    ):
        _check_unique([thing.id for thing in things], f"{book.name}: {what}")
    _check_activities(book)
    for rule in book.rules:
        _check_rule(rule, book)
    for overlap in book.overlaps:
        _check_overlap(overlap, book)
    _check_one_answer(book)


def _check_unique(ids: Sequence[str], what: str) -> None:
    twice = sorted({item for item in ids if ids.count(item) > 1})
    if twice:
        message = f"{what} {name_rows(map(repr, twice))} is written twice; give each an id of its own"
        raise RulebookError(message)


def _check_activities(book: Written) -> None:
    parents = {activity.id: activity.parent for activity in book.activities}
    claimed: dict[str, str] = {}
    for activity in book.activities:
        where = f"{book.name}: activity {activity.id!r}"
        if activity.parent and activity.parent not in parents:
            message = f"{where}: parent {activity.parent!r} is not declared{name_near(activity.parent, parents)}"
            raise RulebookError(message)
        seen, wider = [activity.id], activity.parent
        while wider:
            if wider in seen:
                message = f"{where}: parent goes round in a circle: {' -> '.join([*seen, wider])}"
                raise RulebookError(message)
            seen.append(wider)
            wider = parents.get(wider, "")
        for word in {plain_word(text) for text in (activity.id, activity.zh, activity.en, *activity.words)}:
            if claimed.setdefault(word, activity.id) != activity.id:
                message = f"{where}: words: {word!r} already stands for {claimed[word]!r}; a word has one meaning"
                raise RulebookError(message)


def _check_rule(rule: Rule, book: Written) -> None:
    where = f"{rule.origin or book.name}: rule {rule.id!r}"
    line = _declared_line(rule.line, "line", where, book)
    subzones = [subzone.id for subzone in line.subzones]
    for key, subzone in (("subzone", rule.subzone), ("alias_of", rule.alias_of)):
        if subzone not in {ANY, ""} and subzone not in subzones:
            message = (
                f"{where}: {key} {subzone!r} is no sub-zone of {line.id!r}; it has {', '.join(subzones) or 'none'}"
            )
            raise RulebookError(message)
    if rule.activity != ANY and rule.activity not in {activity.id for activity in book.activities}:
        near = name_near(rule.activity, [activity.id for activity in book.activities])
        message = f"{where}: activity {rule.activity!r} is not declared{near}"
        raise RulebookError(message)
    if rule.kind == "alias" and (rule.subzone in {ANY, rule.alias_of} or rule.alias_of == ANY or rule.activity != ANY):
        message = f"{where}: alias_of sends one named sub-zone to another, whatever the activity"
        raise RulebookError(message)
    _check_sources(rule.citations, where, book)


def _check_overlap(overlap: OverlapRule, book: Written) -> None:
    where = f"{overlap.origin or book.name}: overlap {overlap.id!r}"
    for key, line in (("a", overlap.a), ("b", overlap.b)):
        _declared_line(line, key, where, book)
    _check_sources(overlap.citations, where, book)


def _declared_line(line: str, key: str, where: str, book: Written) -> ControlLine:
    found = next((known for known in book.lines if known.id == line), None)
    if found is None:
        known = [item.id for item in book.lines] or list(control_lines())
        message = f"{where}: {key} {line!r} is not declared{name_near(line, known)}; declare it as [lines.{line}]"
        raise RulebookError(message)
    return found


def _check_sources(citations: Iterable[Citation], where: str, book: Written) -> None:
    known = [source.id for source in book.sources]
    for place in citations:
        if place.source_id not in known:
            near = name_near(place.source_id, known)
            message = f"{where}: citations: source {place.source_id!r} is not declared{near}"
            raise RulebookError(message)


def _question(rule: Rule) -> tuple[str, str, str, str]:
    return rule.kind, rule.line, rule.subzone, rule.activity


def _check_one_answer(book: Written) -> None:
    latest: dict[tuple[str, str, str, str], Rule] = {}
    aliases = [rule for rule in book.rules if rule.kind == "alias"]
    for rule in sorted(book.rules, key=lambda rule: rule.effective_from):
        before = latest.get(_question(rule))
        if rule.kind != "notice" and before is not None and before.holds(rule.effective_from):
            message = (
                f"{rule.origin or book.name}: rule {rule.id!r}: effective_from {rule.effective_from} falls while "
                f"{before.id!r} is in force for the same line, subzone and activity; end one of them with effective_to"
            )
            raise RulebookError(message)
        latest[_question(rule)] = rule
    for rule in aliases:
        if any(other.line == rule.line and other.subzone == rule.alias_of for other in aliases):
            message = f"{rule.origin or book.name}: rule {rule.id!r}: alias_of {rule.alias_of!r} is itself an alias"
            raise RulebookError(message)


def check_not_silenced(before: Written, after: Written, merged: Written) -> None:
    """
    Refuse an overlay that takes an answer away: where it replaces a rule it has to speak on all its days.

    Parameters
    ----------
    before, after
        The rulebook that is refined, and the one that refines it.
    merged
        What comes of it.

    Raises
    ------
    RulebookError
        A day that had an answer would have none.
    """
    replaced = {rule.id for rule in after.rules}
    for rule in before.rules:
        if rule.id not in replaced or rule.kind == "notice":
            continue
        same = sorted(
            (other for other in merged.rules if _question(other) == _question(rule)),
            key=lambda other: other.effective_from,
        )
        day: dt.date | None = rule.effective_from
        for other in same:
            if day is not None and other.holds(day):
                day = other.effective_to
        if day is not None and rule.holds(day):
            message = (
                f"{after.name}: rule {rule.id!r}: it replaces the one of {before.name}, which was in force on {day}, "
                "and says nothing for that day; end the old rule under its id and give the new one another id"
            )
            raise RulebookError(message)
