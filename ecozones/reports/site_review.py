"""A review of sites as a report: it reads the tables of the review and computes nothing but totals that close."""

from __future__ import annotations

import dataclasses
import datetime as dt
import string
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from ecozones.area import close_totals
from ecozones.plan import ZoningPlan
from ecozones.reports.capsule import payload_of
from ecozones.reports.content import Block, Column, Figure, Paragraph, Picture, Report, Section, Table, number_sections
from ecozones.reports.figures import KINDS, absent, clean, dictionary, label_of, show, word
from ecozones.reports.pictures import draw_sites
from ecozones.reports.totals import add_total, close_pieces, printed_sum
from ecozones.review import SiteReview
from ecozones.rulebook import Rulebook, load_rules
from ecozones.units import from_m2
from ecozones.vocab import ControlLine, Language, control_lines, verdict_dtype

# ground that the parts of a line may miss of the whole before they are not printed as its parts [m2]
_PARTS_TOLERANCE_M2 = 0.01
_FULL = 1 - 1e-9
# sites named for each verdict on the first page, so that it stays one page
_MOST_NAMED = 30


@dataclasses.dataclass(frozen=True)
class Frontispiece:
    """
    What an office writes on the first page.

    Parameters
    ----------
    project, number, office
        Name of the project, number of the report, the office that examines.
    made
        The day the report is made.
    """

    project: str = ""
    number: str = ""
    office: str = ""
    made: dt.date | None = None


@dataclasses.dataclass(frozen=True)
class _Words:
    """The names of lines, sub-zones and activities in one language."""

    language: Language
    lines: Mapping[str, ControlLine]
    activities: Mapping[str, str]

    def line(self, line: str) -> str:
        known = self.lines.get(line)
        return known.label(self.language) if known else line

    def subzone(self, line: str, subzone: object) -> str:
        if absent(subzone):
            return ""
        known = self.lines.get(line)
        return known.subzone_label(str(subzone), self.language) if known else str(subzone)

    def activity(self, activity: object) -> object:
        return self.activities.get(str(activity), activity)

    def complements(self, line: str) -> bool:
        """Whether lying inside is what the line asks for, so that 'takes' would be the wrong verb."""
        return line in self.lines and bool(self.lines[line].complement)

    def say(self, key: str, *, table: str = "words", **values: str) -> str:
        return word(key, self.language, table=table, **values)


def compose_review(
    review: SiteReview,
    *,
    language: Language = "zh",
    front: Frontispiece | None = None,
    plan: ZoningPlan | None = None,
    rules: Rulebook | None = None,
    maps: bool = True,
    most_maps: int = 60,
    inputs: Mapping[str, str] | None = None,
) -> Report:
    """
    Compose the report of a review of sites.

    Parameters
    ----------
    review
        The review.
    language
        ``"zh"`` or ``"en"``.
    front
        What stands on the first page.
    plan
        The plan, drawn behind the sites; left out: only what was found is drawn.
    rules
        The rulebook, for the names of activities; left out: the built-in one the review names.
    maps
        Whether sites that are not clear get a map each.
    most_maps
        The most maps to draw; the report says which sites have none.
    inputs
        Files the review was made from, by ``"plan"`` and ``"sites"``, for the capsule.

    Returns
    -------
    Report
        Ready to be written.
    """
    words = _words(review, language, plan, rules)
    title = front or Frontispiece()
    made = title.made or dt.datetime.now(tz=dt.UTC).astimezone().date()
    facts = [
        ("number", title.number),
        ("project", title.project),
        ("office", title.office),
        ("plan", str(review.capsule.get("plan", ""))),
        ("on", review.on.isoformat()),
        ("made", made.isoformat()),
    ]
    by_site = {str(site): rows for site, rows in review.lines.groupby("site_id", sort=False)}
    grounds = _grounds(review)
    said = [
        Paragraph(tuple(_statutory(site, by_site[str(site.site_id)], grounds, words)))
        for site in review.verdicts.itertuples()
    ]
    sections = [
        _section("conclusion", words, _conclusion(review, words)),
        dataclasses.replace(_section("overview", words, [_overview(review, words)]), new_page=True),
        _section("verdicts", words, [_table(_plain(review.verdicts, words), "conclusion", words)]),
        _section("summary", words, [_summary(review, words)]),
        _section("checklist", words, [_checklist(review, words)]),
        _section("items", words, [_items(review, words)]),
        _section("findings", words, _findings(review, words)),
        _section("uncovered", words, _uncovered(review, words)),
        _section("statutory", words, said),
        *_farmland(review, words),
        *(_maps(review, words, plan, most_maps) if maps else []),
        _section("basis", words, [_basis(review, words)]),
        _section("method", words, [_method(review, words)]),
        _section("balance", words, [_balance(review, words)]),
    ]
    return Report(
        title=words.say("title"),
        language=language,
        facts=tuple((key, words.say(key), value) for key, value in facts if value),
        sections=number_sections(sections, language),
        reference=words.say("reference_only", table="sentences"),
        signatures=tuple(words.say(key) for key in ("examiner", "approver", "sign", "day")),
        payload=payload_of(review, inputs or {}),
    )


def _words(review: SiteReview, language: Language, plan: ZoningPlan | None, rules: Rulebook | None) -> _Words:
    lines = dict(control_lines())
    book = rules
    if book is None and review.capsule.get("rulebook") == "CN":
        book = load_rules("CN")
    if book is not None:
        lines |= {line.id: line for line in book.lines}
    if plan is not None:
        lines |= dict(plan.control_lines)
    named = {} if book is None else {activity.id: activity.label(language) for activity in book.activities}
    return _Words(language, lines, named)


def _section(key: str, words: _Words, blocks: Sequence[Block]) -> Section:
    return Section(key, words.say(key), tuple(blocks) or (Paragraph((words.say("none"),)),))


def _table(frame: pd.DataFrame, key: str, words: _Words, notes: Sequence[str] = ()) -> Table:
    columns = [column for column in dictionary()["tables"][key] if column in frame.columns]
    return Table.from_frame(frame, key, words.say(key), words.language, columns=columns, notes=notes)


def _plain(frame: pd.DataFrame, words: _Words) -> pd.DataFrame:
    """Put words in the place of ids, and the requirement in the language of the report."""
    plain = pd.DataFrame(frame).copy()
    if "subzone" in plain and "line" in plain:
        plain["subzone"] = [
            words.subzone(line, zone) for line, zone in zip(plain["line"], plain["subzone"], strict=True)
        ]
    if "line" in plain:
        plain["line"] = plain["line"].map(words.line)
    if words.language == "zh" and "reason_zh" in plain:
        plain["reason"] = plain["reason_zh"]
    if "activity" in plain:
        plain["activity"] = plain["activity"].map(words.activity)
    return plain


def _overview(review: SiteReview, words: _Words) -> Table:
    frame = _plain(review.verdicts, words)
    frame["area_ha"], frame["area_mu"] = from_m2(frame["area_m2"], "ha"), from_m2(frame["area_m2"], "mu")
    if frame["length_m"].isna().all():
        frame = frame.drop(columns="length_m")
    table = _table(frame, "overview", words)
    return add_total(table, words.language)


def _conclusion(review: SiteReview, words: _Words) -> list[Block]:
    """Say on the first page what was found: the sentence, which sites it concerns, and what to beware of."""
    blocks: list[Block] = [Paragraph((review.conclusion(words.language),))]
    unverified = review.findings[_is_unverified(review.findings["status"]) & (review.findings["rule_id"] != "")]
    if len(unverified):
        rules = ", ".join(dict.fromkeys(unverified["rule_id"]))
        blocks.append(Paragraph((words.say("unverified_head", table="sentences", rules=rules),), flagged=True))
    unchecked = _uncovered(review, words)
    if any(isinstance(block, Paragraph) and block.flagged for block in unchecked):
        blocks.append(Paragraph((words.say("see_uncovered", table="sentences"),), flagged=True))
    return [*blocks, _result(review, words)]


def _result(review: SiteReview, words: _Words) -> Table:
    """List the sites by verdict, the gravest first."""
    order = list(reversed(verdict_dtype().categories))
    by_verdict = {str(verdict): rows for verdict, rows in review.verdicts.groupby("verdict", observed=True)}
    between = words.say("parts_between", table="paragraph")
    rows = []
    for verdict in sorted(by_verdict, key=order.index):
        sites = [
            str(row.site_id) + ("" if absent(row.name) else f" {row.name}") for row in by_verdict[verdict].itertuples()
        ]
        named = between.join(sites[:_MOST_NAMED])
        if len(sites) > _MOST_NAMED:
            named += words.say("and_more", table="sentences", n=str(len(sites) - _MOST_NAMED))
        rows.append((verdict, len(sites), named))
    columns = tuple(
        Column(key, label_of(key, words.language), dictionary()["columns"][key]["kind"])
        for key in ("verdict", "site_count", "named_sites")
    )
    return Table("result", words.say("result"), columns, tuple(rows))


def _is_unverified(status: pd.Series) -> pd.Series:
    return ~status.isin(["", "verified"])


def _summary(review: SiteReview, words: _Words) -> Table:
    """Lay the lines out side by side, one row per site: the official summary of ground taken."""
    lines = list(dict.fromkeys(review.lines["line"]))
    by_line = {str(line): table.set_index("site_id") for line, table in review.lines.groupby("line", sort=False)}
    columns = [
        *(
            Column(key, label_of(key, words.language), kind)
            for key, kind in (("serial", "count"), ("site_id", "id"), ("name", "text"))
        ),
        *(Column(f"area_{unit}", label_of(f"area_{unit}", words.language), unit) for unit in ("m2", "ha")),
        *(Column(f"{line}_ha", f"{words.line(line)}{_unit('ha', words)}", "ha") for line in lines),
        Column("verdict", label_of("verdict", words.language), "verdict"),
    ]
    rows = []
    for serial, site in enumerate(review.verdicts.itertuples(), start=1):
        taken = [_taken_ha(by_line[line].loc[site.site_id], words) for line in lines]
        rows.append(
            (
                serial,
                site.site_id,
                site.name,
                site.area_m2,
                float(from_m2(site.area_m2, "ha")),
                *taken,
                str(site.verdict),
            )
        )
    notes = [words.say("zero_note", table="sentences"), words.say("overlap_note", table="sentences")]
    return add_total(
        Table("summary", words.say("summary"), tuple(columns), tuple(rows), notes=tuple(notes)), words.language
    )


def _unit(unit: str, words: _Words) -> str:
    return {"zh": {"ha": "（公顷）"}, "en": {"ha": " (ha)"}}[words.language][unit]


def _taken_ha(row: pd.Series, words: _Words) -> object:
    """Give the ground taken; a corridor without a width says its length, a point says where it lies."""
    if pd.notna(row["overlap_m2"]):
        return float(from_m2(row["overlap_m2"], "ha"))
    if pd.notna(row["overlap_m"]):
        return f"{show(row['overlap_m'], 'm')} m"
    return show(row["relation"], "relation", words.language)


def _checklist(review: SiteReview, words: _Words) -> Table:
    """Lay out the official list of checks, one row a project; what is not ours to say is left to be filled."""
    by_line = {str(line): table.set_index("site_id") for line, table in review.lines.groupby("line", sort=False)}
    kinds = dictionary()["columns"]
    blank = dictionary()["tables"]["checklist_blank"]
    columns = [
        *(Column(key, label_of(key, words.language), kinds[key]["kind"]) for key in ("site_id", "name", "applicant")),
        *(Column(key, label_of(key, words.language), kinds[key]["kind"]) for key in ("area_m2", "activity")),
        *(Column(f"{line}_m2", f"{words.line(line)}{words.say('inside_m2')}", "m2") for line in by_line),
        *(Column(key, label_of(key, words.language), kinds[key]["kind"]) for key in blank),
    ]
    rows = []
    for site in review.verdicts.itertuples():
        met = [table.loc[site.site_id] for table in by_line.values()]
        inside = [_taken_ha(row, words) if pd.isna(row["overlap_m2"]) else float(row["overlap_m2"]) for row in met]
        head = (site.site_id, site.name, " ", site.area_m2, words.activity(site.activity))
        rows.append((*head, *inside, *(" " for _ in blank)))
    notes = (words.say("blank_note", table="sentences"),)
    return Table("checklist", words.say("checklist"), tuple(columns), tuple(rows), notes=notes)


def _items(review: SiteReview, words: _Words) -> Table:
    frame = _plain(review.lines, words)
    keys = list(dictionary()["tables"]["items"])
    if frame["overlap_m"].notna().any():
        keys.insert(keys.index("share"), "overlap_m")
    if (frame["overlap_sum_m2"] - frame["overlap_m2"]).abs().gt(_PARTS_TOLERANCE_M2).any():
        keys.insert(keys.index("overlap_mu"), "overlap_sum_m2")
    notes = [words.say("zero_note", table="sentences"), words.say("overlap_note", table="sentences")]
    unknown = frame["relation"] == "not_checked"
    for key in ("share", "covered_share", "distance_m"):
        frame[key] = frame[key].astype(object).where(~unknown, None)
    return Table.from_frame(frame, "items", words.say("items"), words.language, columns=keys, notes=notes)


def _findings(review: SiteReview, words: _Words) -> list[Block]:
    if not len(review.findings):
        return [Paragraph((words.say("nothing_found", table="sentences"),))]
    frame = _plain(review.findings, words)
    keys = list(dictionary()["tables"]["findings"])
    if words.language == "zh" and "requires_zh" in frame:
        keys[keys.index("requires")] = "requires_zh"
    if frame["length_m"].notna().any():
        keys.insert(keys.index("share"), "length_m")
    below = dictionary()["tables"]["below"]
    return [Table.from_frame(frame, "findings", words.say("findings"), words.language, columns=keys, below=below)]


def _uncovered(review: SiteReview, words: _Words) -> list[Block]:
    blocks: list[Block] = []
    checked = review.lines[review.lines["relation"] != "not_checked"]
    for row in checked[checked["covered_share"] < _FULL].itertuples():
        source = _cell("lines", row.site_id, row.line, "covered_share")
        parts = _sentence(
            "uncovered_site", words, "sentences", site=str(row.site_id), line=words.line(str(row.line)),
            share=Figure(row.covered_share, "share", source),
        )  # fmt: skip
        blocks.append(Paragraph(tuple(parts), flagged=True))
    absent = review.lines[review.lines["relation"] == "not_checked"]
    for site, rows in absent.groupby("site_id", sort=False):
        named = words.say("parts_between", table="paragraph").join(words.line(line) for line in rows["line"])
        blocks.append(
            Paragraph((words.say("not_checked_site", table="sentences", site=str(site), lines=named),), flagged=True)
        )
    unread = [line for text in review.verdicts["not_checked"] for line in str(text or "").split(", ") if line]
    lacking = [line for line in dict.fromkeys(unread) if line not in set(review.lines["line"])]
    if lacking:
        listed = words.say("parts_between", table="paragraph").join(words.line(line) for line in lacking)
        blocks.append(Paragraph((words.say("not_in_plan", table="sentences", lines=listed),), flagged=True))
    return blocks or [Paragraph((words.say("nothing_uncovered", table="sentences"),))]


def _cell(table: str, site: object, line: object, column: str) -> str:
    at = f"site_id={site}" + (f", line={line}" if line else "")
    return f"{table}[{at}].{column}"


def _sentence(key: str, words: _Words, table: str = "paragraph", **values: str | Figure) -> Iterator[str | Figure]:
    """Fill a sentence so that every figure keeps knowing the cell it came from."""
    for text, place, _, _ in string.Formatter().parse(word(key, words.language, table=table)):
        if text:
            yield text
        if place is not None:
            yield values[place]


def _grounds(review: SiteReview) -> dict[tuple[str, str], pd.DataFrame]:
    """Gather the claimed patches of each site and line once, so that long reviews do not take forever."""
    found = pd.DataFrame(review.findings)
    claimed = found[found["role"].isin(["decides", "sliver"]) & (found["feature_ids"] != "")]
    return {(str(key[0]), str(key[1])): rows for key, rows in claimed.groupby(["site_id", "line"], sort=False)}


def _statutory(
    site: Any,  # noqa: ANN401 - a row of itertuples
    lines: pd.DataFrame,
    grounds: Mapping[tuple[str, str], pd.DataFrame],
    words: _Words,
) -> Iterator[str | Figure]:
    """Write the paragraph for the file: every figure in it is a cell of the tables."""
    name = "" if pd.isna(site.name) else str(site.name)
    measure = "m2" if pd.notna(site.area_m2) else "m" if pd.notna(site.length_m) else "point"
    cells: dict[str, str | Figure] = {
        place: Figure(getattr(site, column), kind, _cell("verdicts", site.site_id, "", column))
        for place, column, kind in (("ha", "area_ha", "ha"), ("mu", "area_mu", "mu"), ("m", "length_m", "m"))
    }
    cells |= {"site": str(site.site_id), "name": name or show(None, "text")}
    yield from _sentence(f"whole_{measure}", words, "paragraph", **cells)
    for row in lines.itertuples():
        yield from _about_line(row, grounds.get((str(row.site_id), str(row.line))), words)
    source = _cell("verdicts", site.site_id, "", "verdict")
    yield from _sentence("verdict", words, verdict=Figure(str(site.verdict), "verdict", source))


def _about_line(
    row: Any,  # noqa: ANN401 - a row of itertuples
    ground: pd.DataFrame | None,
    words: _Words,
) -> Iterator[str | Figure]:
    line = words.line(row.line)
    if row.relation == "not_checked":
        yield from _sentence("not_checked", words, line=line)
        return
    corridor = pd.notna(row.overlap_m)
    source = _cell("lines", row.site_id, row.line, "overlap_m" if corridor else "overlap_m2")
    if row.relation in {"inside", "crosses"} or (pd.notna(row.overlap_m2) and row.overlap_m2 > 0):
        measure = "m" if corridor else "m2" if pd.notna(row.overlap_m2) else "point"
        verb = "within" if words.complements(row.line) and measure != "point" else "taken"
        taken = 0.0 if pd.isna(row.overlap_m2) else row.overlap_m2
        yield from _sentence(
            f"{verb}_{measure}", words, line=line,
            ha=Figure(float(from_m2(taken, "ha")), "ha", source),
            mu=Figure(float(from_m2(taken, "mu")), "mu", source),
            m=Figure(row.overlap_m, "m", source),
            share=Figure(row.share, "share", _cell("lines", row.site_id, row.line, "share")),
        )  # fmt: skip
        yield from _parts(row, ground, words)
        if row.covered_share < _FULL:
            share = Figure(row.covered_share, "share", _cell("lines", row.site_id, row.line, "covered_share"))
            yield from _sentence("rest_unknown", words, share=share)
        yield words.say("stop", table="paragraph")
    elif row.covered_share < _FULL:
        share = Figure(row.covered_share, "share", _cell("lines", row.site_id, row.line, "covered_share"))
        yield from _sentence("free_covered", words, line=line, share=share)
    elif row.relation == "touches":
        yield from _sentence("touches", words, line=line)
    elif row.relation == "near":
        distance = Figure(row.distance_m, "m", _cell("lines", row.site_id, row.line, "distance_m"))
        yield from _sentence("near", words, line=line, m=distance)
    else:
        yield from _sentence("free_outside" if words.complements(row.line) else "free", words, line=line)


def _parts(
    row: Any,  # noqa: ANN401 - a row of itertuples
    ground: pd.DataFrame | None,
    words: _Words,
) -> Iterator[str | Figure]:
    """Name the ground by sub-zone, where a line has several; parts that do not sum are left to the table."""
    if ground is None:
        return
    unit, column, whole = (
        ("m2", "area_m2", row.overlap_m2) if pd.isna(row.overlap_m) else ("m", "length_m", row.overlap_m)
    )
    stated = ground[ground["subzone"].notna() & (ground["subzone"] != "")]
    zones = stated.groupby("subzone", sort=False)[column].sum()
    known = words.lines.get(row.line)
    plain = known is None or len(known.subzones) <= 1 or list(zones.index) == [known.default_subzone]
    if plain or pd.isna(whole):
        return
    if abs(zones.sum() - whole) > _PARTS_TOLERANCE_M2:
        yield words.say("parts_unclear", table="paragraph")
        return
    kind = "ha" if unit == "m2" else "m"
    amounts = from_m2(zones.to_numpy(), "ha") if unit == "m2" else zones.to_numpy()
    closed = close_totals(amounts, KINDS[kind].decimals or 0)["rounded"]
    yield words.say("parts_open", table="paragraph")
    for number, (zone, amount) in enumerate(zip(zones.index, closed, strict=True)):
        if number:
            yield words.say("parts_between", table="paragraph")
        source = f"findings[site_id={row.site_id}, line={row.line}, subzone={zone}].{column}"
        named = words.subzone(row.line, zone)
        yield from _sentence(f"part_{unit}", words, subzone=named, amount=Figure(float(amount), kind, source))


def _farmland(review: SiteReview, words: _Words) -> list[Section]:
    """Lay out the official forms for farmland taken and replaced; what the data do not say is left to be filled."""
    line = dictionary()["forms"]["farmland"]
    found = review.findings
    taken = found[
        (found["line"] == line) & (found["role"] != "notice") & (found["feature_ids"] != "") & found["area_m2"].notna()
    ]
    if not len(taken):
        return []
    frame = pd.DataFrame(taken[["site_id", "feature_ids", "area_m2"]]).reset_index(drop=True)
    whole = review.lines[review.lines["line"] == line].set_index("site_id")[["overlap_m2"]]
    whole = whole.set_axis(["area_m2"], axis=1).loc[frame["site_id"].unique()]
    summed = frame.groupby("site_id")["area_m2"].sum()
    for table in (frame, whole):
        table["area_ha"], table["area_mu"] = from_m2(table["area_m2"], "ha"), from_m2(table["area_m2"], "mu")
    # the text tells the ground that a site takes, counted once: its pieces are closed to that, unless they share ground
    shares = whole.index[(summed.reindex(whole.index) - whole["area_m2"]).abs() >= _PARTS_TOLERANCE_M2]
    apart = ~frame["site_id"].isin(shares)
    closed, changes = close_pieces(frame[apart], "site_id", whole)
    frame.loc[apart, closed.columns] = closed
    known = {f"area_{kind}": printed_sum(whole[f"area_{kind}"], kind) for kind in ("m2", "ha", "mu")}
    frame.insert(0, "serial", range(1, len(frame) + 1))
    sections = []
    for key in ("farmland", "replacement"):
        columns = list(dictionary()["tables"][key])
        blank = frame.reindex(columns=list(dict.fromkeys([*columns, "site_id"]))).astype(object)
        notes = [words.say("blank_note", table="sentences")]
        moved = [f"{label_of(name, words.language)} {', '.join(changes[name])}" for name in columns if name in changes]
        if moved:
            notes.append(words.say("adjusted", table="sentences", changes="; ".join(moved)))
        if len(shares):
            notes.append(words.say("shared_ground", table="sentences", sites=", ".join(map(str, shares))))
        form = Table.from_frame(blank, key, words.say(key), words.language, columns=columns, notes=notes)
        # an empty cell is a place to write, not a statement that there is nothing
        rows = tuple(tuple(" " if pd.isna(value) else value for value in row) for row in form.rows)
        kinds = dictionary()["columns"]
        declared = tuple(Column(name, label_of(name, words.language), kinds[name]["kind"]) for name in columns)
        form = dataclasses.replace(form, columns=declared, rows=rows)
        sections.append(
            Section(key, form.title, (add_total(form, words.language, known=known if len(shares) else None),))
        )
    return sections


def _maps(review: SiteReview, words: _Words, plan: ZoningPlan | None, most: int) -> list[Section]:
    wanted = review.verdicts[review.verdicts["verdict"] != "clear"]
    if not len(wanted):
        return []
    order = wanted["verdict"].astype(verdict_dtype())
    chosen = wanted.loc[order.sort_values(ascending=False, kind="stable").index].head(most)
    chosen = wanted[wanted["site_id"].isin(chosen["site_id"])]
    blocks: list[Block] = []
    try:
        verdicts = {str(row.site_id): show(str(row.verdict), "verdict", words.language) for row in chosen.itertuples()}
        names = {str(row.site_id): "" if absent(row.name) else clean(str(row.name)) for row in chosen.itertuples()}
        titles = {site: "　".join(filter(None, (site, names[site], verdicts[site]))) for site in verdicts}
        for site, drawn in draw_sites(review, titles, plan, words.language):
            verdict = verdicts[site]
            scale = f"{drawn.scale:,}"
            caption = words.say("map_caption", table="sentences", site=str(site), scale=scale, crs=drawn.crs)
            if drawn.lost:
                caption += " " + words.say("map_lost", table="sentences", letters=" ".join(drawn.lost))
            alt = words.say("map_alt", table="sentences", site=str(site), verdict=verdict, scale=scale)
            blocks.append(Picture(drawn.image, caption, alt, drawn.width_mm))
    except ImportError as missing:
        blocks = [Paragraph((words.say("maps_left_out", table="sentences", reason=str(missing)),), flagged=True)]
    left = wanted[~wanted["site_id"].isin(chosen["site_id"])]["site_id"]
    if len(left):
        said = words.say(
            "maps_capped", table="sentences", n=str(len(left)), limit=str(most), sites=", ".join(map(str, left))
        )
        blocks.append(Paragraph((said,)))
    return [_section("maps", words, blocks)]


def _basis(review: SiteReview, words: _Words) -> Table:
    cited = pd.DataFrame(review.findings[review.findings["citation"] != ""])
    keys = list(dictionary()["tables"]["basis"])
    listed = cited[keys].drop_duplicates().sort_values(["citation", "rule_id"], kind="stable")
    return _table(listed, "basis", words)


def _method(review: SiteReview, words: _Words) -> Table:
    rows = tuple((_named(path, words), text) for path, text in _flat((), review.capsule))
    columns = (Column("item", words.say("item"), "id"), Column("value", words.say("value"), "long"))
    return Table("method", words.say("method"), columns, rows)


def _flat(path: tuple[str, ...], value: object) -> Iterator[tuple[tuple[str, ...], str]]:
    """Write nested settings one to a line."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat((*path, str(key)), inner)
    elif isinstance(value, list | tuple):
        yield path, "; ".join(map(str, value))
    else:
        yield path, str(value)


def _named(path: tuple[str, ...], words: _Words) -> str:
    """Name a setting; one we have no word for keeps its own name."""
    known = dictionary()["capsule"]
    first = known[path[0]][words.language] if path[0] in known else path[0]
    return " · ".join([first, *(words.line(part) for part in path[1:])])


def _balance(review: SiteReview, words: _Words) -> Table:
    frame = _plain(review.balance, words)
    return Table.from_frame(frame, "balance", words.say("balance"), words.language)
