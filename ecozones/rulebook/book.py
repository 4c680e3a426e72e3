"""Rules, and the words they are written in."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import hashlib
import html
import json
from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from ecozones.provenance import Source
from ecozones.rulebook.checks import check_not_silenced, check_written
from ecozones.rulebook.days import as_day
from ecozones.rulebook.decision import Decision
from ecozones.rulebook.law import Law
from ecozones.rulebook.merging import join_agreeing, replace_rows
from ecozones.rulebook.written import plain_word
from ecozones.rulefile import STATUSES, Activity, OverlapRule, Rule
from ecozones.vocab import ControlLine, verdict_dtype

# what stands where the article would
_NO_ARTICLE = "[条款未录 no article on record]"
# answers that are kept: a run asks of one day or two, a study of days of many
_KEPT = 16


@dataclasses.dataclass(frozen=True, repr=False)
class Rulebook:
    """
    Rules, and the words they are written in.

    Load one with :func:`ecozones.load_rules`; refine one with another by ``nation | province``.

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
    >>> from ecozones import load_rules
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
        check_written(self)

    def __getstate__(self) -> dict[str, Any]:
        """Travel as what was written, so that a rulebook is the same bytes whatever it was asked before."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

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
            rules=replace_rows(self.rules, other.rules),
            lines=join_agreeing(self.lines, other.lines, f"{name}: line"),
            activities=join_agreeing(self.activities, other.activities, f"{name}: activity"),
            overlaps=replace_rows(self.overlaps, other.overlaps),
            sources=join_agreeing(self.sources, other.sources, f"{name}: source"),
            name=name,
        )
        check_not_silenced(self, other, merged)
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
        >>> from ecozones import load_rules
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
        >>> from ecozones import load_rules
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
            Its citations, the main one first; whoever signs is told where no article is on record.

        Examples
        --------
        >>> from ecozones import load_rules
        >>> rules = load_rules("CN")
        >>> rules.cite(next(rule for rule in rules.rules if rule.id == "NR-C-00"))
        '《自然保护区条例》(国务院令第830号)第二十六条'
        >>> rules.cite(next(rule for rule in rules.rules if rule.id == "PBF-05"))
        '《关于严格耕地用途管制有关问题的通知》(自然资发〔2021〕166号)[条款未录 no article on record]'
        """
        known = {source.id: source for source in self.sources}
        return "；".join(known[place.source_id].cite(place.article or _NO_ARTICLE) for place in item.citations)

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
        >>> from ecozones import load_rules
        >>> rules = load_rules("CN")
        >>> rules.recognise_activity("公路"), rules.recognise_activity("公路旁的小卖部")
        ('linear_infra', None)
        """
        return self._words.get(plain_word(text))

    @functools.cached_property
    def _words(self) -> dict[str, str]:
        return {
            plain_word(word): activity.id
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
        >>> from ecozones import load_rules
        >>> decision = load_rules("CN").decide("arable_land", "arable", "greening", "2020-01-01")
        >>> decision.verdict, decision.reason
        ('undetermined', "no rule in force on 2020-01-01 speaks of 'greening' in 'arable' of 'arable_land'")
        """
        return Law(self, as_day(on)).decide(line, subzone, activity)

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
        >>> from ecozones import load_rules
        >>> table = load_rules("CN").decision_table("2024-06-01", ["permanent_basic_farmland"])
        >>> table.query("subzone == 'pbf' and activity == 'greening'")[["verdict", "rule_id"]].values.tolist()
        [['prohibited', 'PBF-05']]
        """
        wanted = tuple(line.id for line in self.lines) if lines is None else tuple(lines)
        return self._kept(self._list_decisions, as_day(on), wanted)

    @functools.cached_property
    def _tables(self) -> dict[tuple[str, dt.date, tuple[str, ...]], pd.DataFrame]:
        """Answers that were asked before, the last one last: the rules do not change."""
        return {}

    def _kept(
        self, answer: Callable[[dt.date, tuple[str, ...]], pd.DataFrame], day: dt.date, lines: tuple[str, ...]
    ) -> pd.DataFrame:
        """Answer from what was asked before; the table is the caller's own."""
        key = (answer.__name__, day, lines)
        found = self._tables.pop(key, None)
        self._tables[key] = table = answer(day, lines) if found is None else found
        for oldest in list(self._tables)[:-_KEPT]:
            self._tables.pop(oldest, None)
        return table.copy()

    def _list_decisions(self, day: dt.date, lines: Iterable[str]) -> pd.DataFrame:
        law = Law(self, day)
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
        >>> from ecozones import load_rules
        >>> load_rules("CN").notice_table("2024-06-01")["rule_id"].unique().tolist()
        ['ECRL-X-01']
        """
        wanted = tuple(line.id for line in self.lines) if lines is None else tuple(lines)
        return self._kept(self._list_notices, as_day(on), wanted)

    def _list_notices(self, day: dt.date, lines: Iterable[str]) -> pd.DataFrame:
        law = Law(self, day)
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


def _days(values: pd.Series) -> pd.Series:
    return pd.to_datetime(values).astype("datetime64[s]")


def _plain(thing: object) -> object:
    """Make a dataclass into what JSON can hold; where a row was read from is not what it says."""
    if dataclasses.is_dataclass(thing):
        return {field.name: _plain(getattr(thing, field.name)) for field in dataclasses.fields(thing) if field.compare}
    if isinstance(thing, tuple):
        return [_plain(item) for item in thing]
    return thing.isoformat() if isinstance(thing, dt.date) else thing
