"""The rules of one day, by what they speak of, and the answer to each question that can be asked of them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator

from ecozones.errors import InputError
from ecozones.rulebook.decision import Decision
from ecozones.rulebook.written import Written
from ecozones.rulefile import ANY, UNDETERMINED, Rule, name_near
from ecozones.vocab import ControlLine, verdict_words


class Law:
    """The rules of one day, by what they speak of."""

    def __init__(self, book: Written, day: dt.date) -> None:
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
        """Give a control line, or refuse what is none."""
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
        """Name the sub-zone, the one whose rows it shares, and any."""
        alias = self.alias.get((line, subzone))
        return tuple(place for place in (subzone, alias.alias_of if alias else "", ANY) if place)

    def find(self, line: str, subzone: str, activity: str) -> Rule | None:
        """Find the most specific rule that speaks."""
        places = self.places(line, subzone)
        keys = ((line, place, wider) for wider in self.widening(activity) for place in places)
        return next((self.rows[key] for key in keys if key in self.rows), None)

    def notices(self, line: str, subzone: str, activity: str) -> list[Rule]:
        """List what is only told."""
        places, wider = set(self.places(line, subzone)), set(self.widening(activity))
        return [rule for rule in self.told if rule.line == line and rule.subzone in places and rule.activity in wider]

    def decide(self, line: str, subzone: str, activity: str) -> Decision:
        """Answer one question."""
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
