"""
The law as data: dated, sourced rules, and what they say about a piece of ground on a day.

Nothing here knows a line, an activity or an article by name; they are in the rule files.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import hashlib
import html
import json
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TypeVar

import pandas as pd

from ecozones.errors import InputError, RulebookError, name_rows
from ecozones.provenance import Source
from ecozones.rulefile import (
    ANY,
    STATUSES,
    UNDETERMINED,
    Activity,
    Citation,
    OverlapRule,
    Rule,
    name_near,
    parse_file,
    status_label,
)
from ecozones.vocab import ControlLine, Language, control_lines, verdict_dtype, verdict_words


def as_day(day: str | dt.date) -> dt.date:
    """
    Read a day.

    Parameters
    ----------
    day
        A date, a datetime, or text such as ``"2024-06-01"``.

    Returns
    -------
    date
        The day, without a time.

    Raises
    ------
    InputError
        The text is no day of the calendar.

    Examples
    --------
    >>> as_day("2024-06-01")
    datetime.date(2024, 6, 1)
    """
    if isinstance(day, dt.datetime):
        return day.date()
    if isinstance(day, dt.date):
        return day
    try:
        return dt.date.fromisoformat(day)
    except (TypeError, ValueError) as cause:
        message = f"{day!r} is no day; write it as 2024-06-01"
        raise InputError(message) from cause


Row = TypeVar("Row", Rule, OverlapRule)
Word = TypeVar("Word", ControlLine, Activity, Source)


@dataclasses.dataclass(frozen=True)
class Decision:
    """
    What the rules say about one line, sub-zone and activity on one day.

    Parameters
    ----------
    line, subzone, activity, on
        The question; the sub-zone and the activity are empty where they are not known.
    verdict
        The answer.
    rule_id, requires, requires_zh, citation, status, effective_from
        The rule it rests on; empty where no rule speaks. Of an undetermined verdict, the default it falls short of.
    reason, reason_zh
        Why.
    """

    line: str
    subzone: str
    activity: str
    on: dt.date
    verdict: str
    reason: str
    reason_zh: str
    rule_id: str = ""
    requires: tuple[str, ...] = ()
    requires_zh: tuple[str, ...] = ()
    citation: str = ""
    status: str = ""
    effective_from: dt.date | None = None

    def warning(self, language: Language = "zh") -> str:
        """Say what to print beside the verdict where its rule was not fully checked; empty where it was."""
        return "" if self.status in {"", "verified"} else status_label(self.status, language)


@dataclasses.dataclass(frozen=True, repr=False)
class Rulebook:
    """
    Rules, and the words they are written in.

    Load one with :func:`load_rules`; refine one with another by ``nation | province``.

    Parameters
    ----------
    rules
        The rows of the decision table.
    lines
        The control lines they speak of.
    activities
        The activities they speak of.
    overlaps
        What it means that two lines claim the same ground.
    sources
        The documents they cite.
    name
        What the rulebook is called.

    Raises
    ------
    RulebookError
        A rule speaks of something that is not declared, or two rules answer the same question on the same day.

    Examples
    --------
    >>> load_rules("CN").decide("permanent_basic_farmland", "pbf", "forest_fruit_pond", "2024-06-01").verdict
    'prohibited'
    """

    rules: tuple[Rule, ...]
    lines: tuple[ControlLine, ...]
    activities: tuple[Activity, ...]
    overlaps: tuple[OverlapRule, ...]
    sources: tuple[Source, ...]
    name: str = dataclasses.field(default="", compare=False)

    def __post_init__(self) -> None:
        """Check that every word is declared and every question has one answer at most."""
        for what, things in (
            ("rule", self.rules),
            ("line", self.lines),
            ("activity", self.activities),
            ("overlap", self.overlaps),
            ("source", self.sources),
        ):
            _check_unique([thing.id for thing in things], f"{self.name}: {what}")
        _check_activities(self)
        for rule in self.rules:
            _check_rule(rule, self)
        for overlap in self.overlaps:
            _check_overlap(overlap, self)
        _check_one_answer(self)

    def __or__(self, other: Rulebook) -> Rulebook:
        """
        Refine these rules with those of another rulebook.

        A rule of the same id replaces; lines, activities and sources that both declare must agree.

        Raises
        ------
        RulebookError
            The two contradict each other, or the replaced rule would leave days without an answer.
        """
        if not isinstance(other, Rulebook):
            return NotImplemented
        name = " + ".join(dict.fromkeys([*self.name.split(" + "), *other.name.split(" + ")]))
        merged = Rulebook(
            rules=_replace(self.rules, other.rules),
            lines=_agree(self.lines, other.lines, f"{name}: line"),
            activities=_agree(self.activities, other.activities, f"{name}: activity"),
            overlaps=_replace(self.overlaps, other.overlaps),
            sources=_agree(self.sources, other.sources, f"{name}: source"),
            name=name,
        )
        _check_not_silenced(self, other, merged)
        return merged

    def __repr__(self) -> str:
        """Count the rules, by how far they were checked."""
        counts = [f"{sum(rule.status == status for rule in self.rules)} {status}" for status in STATUSES]
        spoken = {rule.line for rule in self.rules}
        return f"<Rulebook {self.name!r}: {len(self.rules)} rules on {len(spoken)} lines ({', '.join(counts)})>"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{status}</th>" for status in STATUSES)
        body = "".join(
            f"<tr><td>{html.escape(line.zh)}</td><td>{html.escape(line.en)}</td>"
            + "".join(
                f"<td>{sum(rule.line == line.id and rule.status == status for rule in self.rules)}</td>"
                for status in STATUSES
            )
            + "</tr>"
            for line in self.lines
        )
        caption = f"<caption>{html.escape(self.name)}: {len(self.rules)} rules</caption>"
        return f"<table>{caption}<tr><th>控制线</th><th>line</th>{head}</tr>{body}</table>"

    @functools.cached_property
    def version(self) -> str:
        """Digest of everything the rulebook says; the order of its rows does not matter."""
        content = {
            field.name: sorted(
                json.dumps(_plain(thing), sort_keys=True, ensure_ascii=False) for thing in getattr(self, field.name)
            )
            for field in dataclasses.fields(self)
            if field.compare
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()

    def in_force(self, day: str | dt.date) -> Rulebook:
        """
        Keep the rules in force on a day.

        Parameters
        ----------
        day
            The day.

        Returns
        -------
        Rulebook
            The same words, fewer rules.

        Examples
        --------
        >>> rules = load_rules("CN")
        >>> len(rules.in_force("2024-06-01").rules) < len(rules.rules)
        True
        """
        on = as_day(day)
        kept = tuple(rule for rule in self.rules if rule.holds(on))
        return dataclasses.replace(self, rules=kept, name=f"{self.name} on {on}")

    def to_frame(self) -> pd.DataFrame:
        """
        Give the law as a table.

        Returns
        -------
        DataFrame
            One row per rule, in the order of the files. `effective_to` is exclusive; NaT while the rule is in force.

        Examples
        --------
        >>> law = load_rules("CN").to_frame()
        >>> law.loc[law.activity == "forest_fruit_pond", "rule_id"].tolist()
        ['AR-02', 'AR-OLD-01', 'PBF-04']
        """
        columns = [
            "rule_id", "line", "subzone", "activity", "kind", "verdict", "title_zh", "title_en", "requires",
            "requires_zh", "citation", "effective_from", "effective_to", "status", "note", "note_zh", "seen", "origin",
        ]  # fmt: skip
        rows = [
            {name: getattr(rule, name) for name in columns if hasattr(rule, name)}
            | {"rule_id": rule.id, "citation": self.cite(rule)}
            | {"requires": "; ".join(rule.requires), "requires_zh": "；".join(rule.requires_zh)}
            for rule in self.rules
        ]
        frame = pd.DataFrame(rows, columns=columns)
        return frame.assign(
            verdict=frame["verdict"].astype(verdict_dtype()),
            effective_from=_days(frame["effective_from"]),
            effective_to=_days(frame["effective_to"]),
        )

    def cite(self, item: Rule | OverlapRule) -> str:
        """
        Cite the documents a rule rests on.

        Parameters
        ----------
        item
            A rule of this rulebook.

        Returns
        -------
        str
            Its citations, the main one first.

        Examples
        --------
        >>> rules = load_rules("CN")
        >>> rules.cite(next(rule for rule in rules.rules if rule.id == "NR-C-00"))
        '《自然保护区条例》(国务院令第830号)第二十六条'
        """
        known = {source.id: source for source in self.sources}
        return "；".join(known[place.source_id].cite(place.article) for place in item.citations)

    def recognise_activity(self, text: str) -> str | None:
        """
        Find the activity that a label stands for, by exact words only.

        Parameters
        ----------
        text
            An id, a name or a word that the rulebook lists; case and surrounding spaces do not matter.

        Returns
        -------
        str or None
            The id, None where the label is not listed. It is never guessed: a wrong guess is a wrong verdict.

        Examples
        --------
        >>> rules = load_rules("CN")
        >>> rules.recognise_activity("公路"), rules.recognise_activity("公路旁的小卖部")
        ('linear_infra', None)
        """
        return self._words.get(_word(text))

    @functools.cached_property
    def _words(self) -> dict[str, str]:
        return {
            _word(word): activity.id
            for activity in self.activities
            for word in (activity.id, activity.zh, activity.en, *activity.words)
        }

    def decide(self, line: str, subzone: str, activity: str, on: str | dt.date) -> Decision:
        """
        Say what the rules of a day say about an activity in a sub-zone of a line.

        The most specific rule in force wins: the named activity, then the wider activity it belongs to, then any;
        within each the named sub-zone, then the sub-zone whose rows it shares, then any.

        Parameters
        ----------
        line
            The control line.
        subzone
            The sub-zone; empty where it is not known.
        activity
            The activity; empty where it is not stated.
        on
            The day.

        Returns
        -------
        Decision
            ``undetermined`` where no rule speaks, where a sub-zone is needed and not known, or where the activity is
            not stated and some activity would fare worse than the default row.

        Raises
        ------
        InputError
            The line, the sub-zone or the activity is none of this rulebook.

        Examples
        --------
        >>> decision = load_rules("CN").decide("arable_land", "arable", "greening", "2020-01-01")
        >>> decision.verdict, decision.reason
        ('undetermined', "no rule in force on 2020-01-01 speaks of 'greening' in 'arable' of 'arable_land'")
        """
        return _Law(self, as_day(on)).decide(line, subzone, activity)

    def decision_table(self, on: str | dt.date, lines: Iterable[str] | None = None) -> pd.DataFrame:
        """
        Answer every question that can be asked on a day.

        Parameters
        ----------
        on
            The day.
        lines
            Control lines, all of the rulebook where left out.

        Returns
        -------
        DataFrame
            One row per line, sub-zone (empty: not known) and activity (empty: not stated), ready to be merged on these.

        Raises
        ------
        InputError
            A line is none of this rulebook.

        Examples
        --------
        >>> table = load_rules("CN").decision_table("2024-06-01", ["permanent_basic_farmland"])
        >>> table.query("subzone == 'pbf' and activity == 'greening'")[["verdict", "rule_id"]].values.tolist()
        [['prohibited', 'PBF-05']]
        """
        wanted = tuple(line.id for line in self.lines) if lines is None else tuple(lines)
        key = ("decisions", as_day(on), wanted)
        if key not in self._tables:
            self._tables[key] = self._list_decisions(as_day(on), wanted)
        return self._tables[key].copy()

    @functools.cached_property
    def _tables(self) -> dict[tuple[str, dt.date, tuple[str, ...]], pd.DataFrame]:
        """Answers that were asked before: the rules do not change."""
        return {}

    def _list_decisions(self, day: dt.date, lines: Iterable[str]) -> pd.DataFrame:
        law = _Law(self, day)
        decisions = [
            law.decide(line, subzone, activity)
            for line in lines
            for subzone in ("", *(known.id for known in law.line(line).subzones))
            for activity in ("", *law.activities)
        ]
        columns = [field.name for field in dataclasses.fields(Decision) if field.name != "on"]
        frame = pd.DataFrame([[getattr(item, name) for name in columns] for item in decisions], columns=columns)
        return frame.assign(
            verdict=frame["verdict"].astype(verdict_dtype()),
            requires=["; ".join(item.requires) for item in decisions],
            requires_zh=["；".join(item.requires_zh) for item in decisions],
            effective_from=_days(frame["effective_from"]),
        )

    def notice_table(self, on: str | dt.date, lines: Iterable[str] | None = None) -> pd.DataFrame:
        """
        List what is only told on a day, whatever is decided.

        Parameters
        ----------
        on
            The day.
        lines
            Control lines, all of the rulebook where left out.

        Returns
        -------
        DataFrame
            One row per line, sub-zone (empty: not known), activity (empty: not stated) and notice, with the columns of
            :meth:`decision_table`.

        Raises
        ------
        InputError
            A line is none of this rulebook.

        Examples
        --------
        >>> load_rules("CN").notice_table("2024-06-01")["rule_id"].unique().tolist()
        ['ECRL-X-01']
        """
        wanted = tuple(line.id for line in self.lines) if lines is None else tuple(lines)
        key = ("notices", as_day(on), wanted)
        if key not in self._tables:
            self._tables[key] = self._list_notices(as_day(on), wanted)
        return self._tables[key].copy()

    def _list_notices(self, day: dt.date, lines: Iterable[str]) -> pd.DataFrame:
        law = _Law(self, day)
        rows = [
            {"line": line, "subzone": subzone, "activity": activity, "verdict": rule.verdict, "reason": rule.title_en,
             "reason_zh": rule.title_zh, "rule_id": rule.id, "requires": "; ".join(rule.requires),
             "requires_zh": "；".join(rule.requires_zh), "citation": self.cite(rule), "status": rule.status,
             "effective_from": rule.effective_from}
            for line in lines
            for subzone in ("", *(known.id for known in law.line(line).subzones))
            for activity in ("", *law.activities)
            for rule in law.notices(line, subzone, activity)
        ]  # fmt: skip
        columns = [field.name for field in dataclasses.fields(Decision) if field.name != "on"]
        frame = pd.DataFrame(rows, columns=columns)
        return frame.assign(
            verdict=frame["verdict"].astype(verdict_dtype()), effective_from=_days(frame["effective_from"])
        )


class _Law:
    """The rules of one day, by what they speak of."""

    def __init__(self, book: Rulebook, day: dt.date) -> None:
        self.book = book
        self.day = day
        self.lines = {line.id: line for line in book.lines}
        self.activities = {activity.id: activity for activity in book.activities}
        self.rank = {verdict: rank for rank, verdict in enumerate(verdict_words())}
        today = [rule for rule in book.rules if rule.holds(day)]
        self.rows = {(rule.line, rule.subzone, rule.activity): rule for rule in today if rule.kind == "decision"}
        self.alias = {(rule.line, rule.subzone): rule for rule in today if rule.kind == "alias"}
        self.told = [rule for rule in today if rule.kind == "notice"]

    def line(self, line: str) -> ControlLine:
        if line not in self.lines:
            message = f"the rulebook {self.book.name!r} has no line {line!r}; it has {', '.join(self.lines)}"
            raise InputError(message)
        return self.lines[line]

    def widening(self, activity: str) -> Iterator[str]:
        """Name the activity, the wider ones it belongs to, and any."""
        while activity:
            yield activity
            activity = self.activities[activity].parent
        yield ANY

    def places(self, line: str, subzone: str) -> tuple[str, ...]:
        alias = self.alias.get((line, subzone))
        return tuple(place for place in (subzone, alias.alias_of if alias else "", ANY) if place)

    def find(self, line: str, subzone: str, activity: str) -> Rule | None:
        places = self.places(line, subzone)
        keys = ((line, place, wider) for wider in self.widening(activity) for place in places)
        return next((self.rows[key] for key in keys if key in self.rows), None)

    def notices(self, line: str, subzone: str, activity: str) -> list[Rule]:
        places, wider = set(self.places(line, subzone)), set(self.widening(activity))
        return [rule for rule in self.told if rule.line == line and rule.subzone in places and rule.activity in wider]

    def decide(self, line: str, subzone: str, activity: str) -> Decision:
        known = self.line(line)
        if subzone and subzone not in {item.id for item in known.subzones}:
            names = ", ".join(item.id for item in known.subzones) or "none"
            message = f"line {line!r} has no sub-zone {subzone!r}; it has {names}"
            raise InputError(message)
        if activity and activity not in self.activities:
            message = (
                f"the rulebook {self.book.name!r} has no activity {activity!r}{name_near(activity, self.activities)}"
            )
            raise InputError(message)
        place = subzone or known.default_subzone
        if not place and known.subzone_required:
            return self._undetermined(
                (line, subzone, activity),
                f"the sub-zone of {line!r} is not known, and the rules depend on it",
                f"{known.zh}的分区不明，而规则因分区而异",
            )
        rule = self.find(line, place, activity)
        if not activity:
            return self._without_activity(known, place, subzone, rule)
        if rule is None:
            where = f"{place!r} of {line!r}" if place else repr(line)
            where_zh = f"{known.zh}{known.subzone_label(place)}" if place != line else known.zh
            return self._undetermined(
                (line, subzone, activity),
                f"no rule in force on {self.day} speaks of {activity!r} in {where}",
                f"{self.day}没有现行规则涉及{where_zh}内的“{self.activities[activity].zh}”",
            )
        return self._decided((line, subzone, activity), rule, *self._how(activity, rule))

    def _how(self, activity: str, rule: Rule) -> tuple[str, str]:
        """Give the reason, and where a wider row answered, say so."""
        if rule.activity == activity:
            return rule.title_en, rule.title_zh
        asked = self.activities[activity]
        if rule.activity == ANY:
            return (
                f"{rule.title_en} (default: no row names {asked.en})",
                f"{rule.title_zh}（默认规则：没有专门涉及“{asked.zh}”的规则）",
            )
        wider = self.activities[rule.activity]
        return (
            f"{rule.title_en} ({asked.en} falls under {wider.en})",
            f"{rule.title_zh}（“{asked.zh}”归入“{wider.zh}”）",
        )

    def _without_activity(self, known: ControlLine, place: str, subzone: str, rule: Rule | None) -> Decision:
        asked = (known.id, subzone, "")
        found = [self.find(known.id, place, activity) for activity in self.activities]
        verdicts = sorted({row.verdict for row in found if row is not None}, key=self.rank.__getitem__)
        words = verdict_words()
        if rule is None:
            depends = f"; with one, the rules say {' or '.join(verdicts)}" if verdicts else ""
            depends_zh = f"；填报后按规则为{'或'.join(words[item].zh for item in verdicts)}" if verdicts else ""
            return self._undetermined(
                asked,
                f"no activity is stated, and no rule in force on {self.day} speaks of every activity here{depends}",
                f"未填报活动类型，{self.day}也没有适用于任何活动的现行规则{depends_zh}",
            )
        if verdicts and self.rank[verdicts[-1]] > self.rank[rule.verdict]:
            mildest, strictest = verdicts[0], verdicts[-1]
            return dataclasses.replace(
                self._decided(asked, rule, "", ""),
                verdict=UNDETERMINED,
                reason=(
                    f"no activity is stated: the default {rule.id} says {rule.verdict}, but it depends on the "
                    f"activity, from {mildest} to {strictest}"
                ),
                reason_zh=(
                    f"未填报活动类型：默认规则{rule.id}为“{words[rule.verdict].zh}”，"
                    f"但结论因活动而异，从“{words[mildest].zh}”到“{words[strictest].zh}”"
                ),
            )
        return self._decided(asked, rule, f"{rule.title_en} (no activity stated)", f"{rule.title_zh}（未填报活动类型）")

    def _undetermined(self, asked: tuple[str, str, str], reason: str, reason_zh: str) -> Decision:
        return Decision(*asked, on=self.day, verdict=UNDETERMINED, reason=reason, reason_zh=reason_zh)

    def _decided(self, asked: tuple[str, str, str], rule: Rule, reason: str, reason_zh: str) -> Decision:
        line, subzone, _ = asked
        alias = self.alias.get((line, subzone))
        if alias is not None and rule.subzone == alias.alias_of:
            reason = f"{reason} [{alias.id}: {alias.title_en}]"
            reason_zh = f"{reason_zh}〔{alias.id}：{alias.title_zh}〕"
        return Decision(
            *asked,
            on=self.day,
            verdict=rule.verdict,
            reason=reason,
            reason_zh=reason_zh,
            rule_id=rule.id,
            requires=rule.requires,
            requires_zh=rule.requires_zh,
            citation=self.book.cite(rule),
            status=rule.status,
            effective_from=rule.effective_from,
        )


# ------------------------------------------------------------------------------------------------ loading
def load_rules(*names: str | Path) -> Rulebook:
    """
    Load rulebooks by name or from files, each refining those before it.

    Parameters
    ----------
    *names
        ``"CN"`` for the national rules, the name of a provincial overlay such as ``"CN-36-jiangxi"``, or the path of a
        rule file (ending in ``.toml``).

    Returns
    -------
    Rulebook
        The rules of all of them; a rule of the same id replaces.

    Raises
    ------
    RulebookError
        A name is not known, or a file cannot be read as rules; the message names file, rule and key.

    Examples
    --------
    >>> load_rules("CN")
    <Rulebook 'CN': 82 rules on 6 lines (59 verified, 14 partial, 9 memory)>
    """
    if not names:
        message = f"no rulebook was named; built in are {', '.join(_built_in())}, or give the path of a rule file"
        raise RulebookError(message)
    return functools.reduce(operator.or_, [_load(name) for name in names])


def _load(name: str | Path) -> Rulebook:
    known = _built_in()
    if isinstance(name, str) and name in known:
        return _load_built_in(name)
    path = Path(name)
    if path.suffix != ".toml":
        message = f"there is no rulebook {str(name)!r}; built in are {', '.join(known)}, and a rule file ends in .toml"
        raise RulebookError(message)
    try:
        content = path.read_bytes()
    except OSError as cause:
        message = f"{path.name}: the rule file cannot be read at {path}: {cause.strerror}"
        raise RulebookError(message) from cause
    return _assemble(path.name, {path.name: content})


@functools.cache
def _built_in() -> dict[str, tuple[str, ...]]:
    """Name the built-in rulebooks and the files each is made of."""
    folder = resources.files("ecozones").joinpath("data/rules")
    books: dict[str, tuple[str, ...]] = {}
    for file in sorted(item.name for item in folder.iterdir() if item.name.endswith(".toml")):
        book = file.partition("-")[0]
        books[book] = (*books.get(book, ()), file)
    overlays = folder.joinpath("overlays")
    for file in sorted(item.name for item in overlays.iterdir() if item.name.endswith(".toml")):
        books[file.removesuffix(".toml")] = (f"overlays/{file}",)
    return books


@functools.cache
def _load_built_in(name: str) -> Rulebook:
    folder = resources.files("ecozones").joinpath("data/rules")
    return _assemble(name, {file: folder.joinpath(file).read_bytes() for file in _built_in()[name]})


def _assemble(name: str, contents: Mapping[str, bytes]) -> Rulebook:
    """Make one rulebook of files that belong together."""
    files = [parse_file(origin, content) for origin, content in contents.items()]
    for origin, file in zip(contents, files, strict=True):
        for base in file.extends:
            if base not in _built_in():
                message = f"{origin}: extends: there is no rulebook {base!r}; built in are {', '.join(_built_in())}"
                raise RulebookError(message)
    bases = [
        dataclasses.replace(_load_built_in(base), rules=(), overlaps=(), name=name)
        for base in dict.fromkeys(base for file in files for base in file.extends)
    ]
    words = functools.reduce(operator.or_, bases, Rulebook((), (), (), (), (), name))
    rules = tuple(rule for file in files for rule in file.rules)
    overlaps = tuple(overlap for file in files for overlap in file.overlaps)
    lines = _agree(words.lines, _joined([file.lines for file in files], f"{name}: line"), f"{name}: line")
    # a line that no file declares may be one of the vocabulary
    named = dict.fromkeys([rule.line for rule in rules] + [line for item in overlaps for line in (item.a, item.b)])
    declared = {line.id for line in lines}
    built_in = control_lines()
    lines += tuple(built_in[line] for line in named if line not in declared and line in built_in)
    return Rulebook(
        rules=rules,
        lines=lines,
        activities=_agree(
            words.activities, _joined([file.activities for file in files], f"{name}: activity"), f"{name}: activity"
        ),
        overlaps=overlaps,
        sources=_agree(words.sources, _joined([file.sources for file in files], f"{name}: source"), f"{name}: source"),
        name=name,
    )


# ------------------------------------------------------------------------------------------------ checks
def _check_unique(ids: Sequence[str], what: str) -> None:
    twice = sorted({item for item in ids if ids.count(item) > 1})
    if twice:
        message = f"{what} {name_rows(map(repr, twice))} is written twice; give each an id of its own"
        raise RulebookError(message)


def _check_activities(book: Rulebook) -> None:
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
        for word in {_word(text) for text in (activity.id, activity.zh, activity.en, *activity.words)}:
            if claimed.setdefault(word, activity.id) != activity.id:
                message = f"{where}: words: {word!r} already stands for {claimed[word]!r}; a word has one meaning"
                raise RulebookError(message)


def _check_rule(rule: Rule, book: Rulebook) -> None:
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


def _check_overlap(overlap: OverlapRule, book: Rulebook) -> None:
    where = f"{overlap.origin or book.name}: overlap {overlap.id!r}"
    for key, line in (("a", overlap.a), ("b", overlap.b)):
        _declared_line(line, key, where, book)
    _check_sources(overlap.citations, where, book)


def _declared_line(line: str, key: str, where: str, book: Rulebook) -> ControlLine:
    found = next((known for known in book.lines if known.id == line), None)
    if found is None:
        known = [item.id for item in book.lines] or list(control_lines())
        message = f"{where}: {key} {line!r} is not declared{name_near(line, known)}; declare it as [lines.{line}]"
        raise RulebookError(message)
    return found


def _check_sources(citations: Iterable[Citation], where: str, book: Rulebook) -> None:
    known = [source.id for source in book.sources]
    for place in citations:
        if place.source_id not in known:
            near = name_near(place.source_id, known)
            message = f"{where}: citations: source {place.source_id!r} is not declared{near}"
            raise RulebookError(message)


def _question(rule: Rule) -> tuple[str, str, str, str]:
    return rule.kind, rule.line, rule.subzone, rule.activity


def _check_one_answer(book: Rulebook) -> None:
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


def _check_not_silenced(before: Rulebook, after: Rulebook, merged: Rulebook) -> None:
    """Refuse an overlay that takes an answer away: where it replaces a rule it has to speak on all its days."""
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


def _replace(mine: tuple[Row, ...], theirs: tuple[Row, ...]) -> tuple[Row, ...]:
    return tuple(({item.id: item for item in mine} | {item.id: item for item in theirs}).values())


def _agree(mine: tuple[Word, ...], theirs: tuple[Word, ...], what: str) -> tuple[Word, ...]:
    known = {item.id: item for item in mine}
    for item in theirs:
        if known.setdefault(item.id, item) != item:
            message = f"{what} {item.id!r} is declared twice, and differently; rename one or write them alike"
            raise RulebookError(message)
    return tuple(known.values())


def _joined(groups: Iterable[tuple[Word, ...]], what: str) -> tuple[Word, ...]:
    joined: tuple[Word, ...] = ()
    for group in groups:
        joined = _agree(joined, group, what)
    return joined


def _word(text: str) -> str:
    return text.strip().casefold()


def _days(values: pd.Series) -> pd.Series:
    return pd.to_datetime(values).astype("datetime64[s]")


def _plain(thing: object) -> object:
    """Make a dataclass into what JSON can hold; where a row was read from is not what it says."""
    if dataclasses.is_dataclass(thing):
        return {field.name: _plain(getattr(thing, field.name)) for field in dataclasses.fields(thing) if field.compare}
    if isinstance(thing, tuple):
        return [_plain(item) for item in thing]
    return thing.isoformat() if isinstance(thing, dt.date) else thing
