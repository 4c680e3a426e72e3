"""Conflicts, quality, restoration and targets as reports: which table is of which kind, and what it says in words."""

from __future__ import annotations

import functools
import string
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from ecozones.errors import InputError
from ecozones.reports.content import Column, Figure, Paragraph, Table
from ecozones.reports.figures import absent, kind_of, label_of, show, word
from ecozones.reports.totals import add_total, printed_sum
from ecozones.shipped import shipped_table
from ecozones.units import from_m2
from ecozones.vocab import Language, control_lines

_LINES = {"line": "subzone", "line_a": "subzone_a", "line_b": "subzone_b"}
_GROUPS = ("total", "year", "programme", "type", "district", "stage")
_MOST_GROUPS = 12
_AS_EXPECTED = {"met", "ahead", "on_track"}


def _words() -> Mapping[str, Any]:
    return shipped_table("templates/results")


@functools.cache
def result_kinds() -> tuple[str, ...]:
    """
    List the kinds of table that are reported in words of their own.

    Returns
    -------
    tuple of str
        What ``kind=`` may be.

    Examples
    --------
    >>> "conflicts" in result_kinds()
    True
    """
    return tuple(key for key, value in _words().items() if isinstance(value, dict) and "needs" in value)


def recognise(frame: pd.DataFrame, kind: str | None = None) -> str | None:
    """
    Tell by its columns what a table is.

    Parameters
    ----------
    frame
        Any table.
    kind
        What the caller says it is.

    Returns
    -------
    str or None
        Its kind; None for a table of no kind that has words of its own.

    Raises
    ------
    InputError
        There is no such kind, or the table lacks columns of it.

    Examples
    --------
    >>> recognise(pd.DataFrame(columns=["check", "statement", "left_ha", "right_ha", "holds"]))
    'restoration_certificate'
    """
    if kind is None:
        return next((known for known in result_kinds() if set(_words()[known]["needs"]) <= set(frame.columns)), None)
    if kind not in result_kinds():
        message = f"no kind of table is called {kind!r}; there are {', '.join(result_kinds())}"
        raise InputError(message)
    missing = [column for column in _words()[kind]["needs"] if column not in frame.columns]
    if missing:
        message = f"a table of {kind} needs the columns {', '.join(missing)}, which this one lacks"
        raise InputError(message)
    return kind


def title_of(kind: str, language: Language) -> str:
    """
    Give the title of a table.

    Parameters
    ----------
    kind
        Its kind.
    language
        ``"zh"`` or ``"en"``.

    Returns
    -------
    str
        What it is called when the caller says nothing.

    Examples
    --------
    >>> title_of("targets", "en")
    'Progress of targets'
    """
    return str(_words()[kind][language])


def has_ground(kind: str) -> bool:
    """
    Tell whether the ground of a table belongs on a map.

    Parameters
    ----------
    kind
        Its kind.

    Returns
    -------
    bool
        True where each row is ground that something is wrong with.

    Examples
    --------
    >>> has_ground("conflicts"), has_ground("targets")
    (True, False)
    """
    return bool(_words()[kind].get("hatched", False))


def result_table(frame: pd.DataFrame, kind: str, key: str, title: str, language: Language) -> Table:
    """
    Lay out a table of a kind: its columns in order, its values in words, its printed rows summed.

    Parameters
    ----------
    frame
        The table; columns that its kind does not know are left out.
    kind
        Its kind.
    key
        What it is called in data.
    title
        Its caption.
    language
        ``"zh"`` or ``"en"``.

    Returns
    -------
    Table
        Ready to be printed.
    """
    spec = _words()[kind]
    plain = _in_words(frame, kind, language)
    keys = [name for name in spec["columns"] if name in plain.columns and not plain[name].map(absent).all()]
    keys = keys or [name for name in spec["columns"] if name in plain.columns]
    below = tuple(name for name in spec.get("below", ()) if name in keys)
    notes = (_say(kind, "note", language),) if "note" in spec.get("said", {}) else ()
    rows = tuple(plain[keys].astype(object).itertuples(index=False, name=None))
    columns = tuple(_column(name, kind, plain[name], language) for name in keys)
    table = Table(key, title, columns, rows, notes=notes, below=below)
    return add_total(table, language, only=spec["sum"]) if "sum" in spec else table


def _column(name: str, kind: str, values: pd.Series, language: Language) -> Column:
    told = _words()["own"].get(kind, {}).get(name) or _words()["columns"].get(name)
    if told:
        return Column(name, str(told[language]), str(told["kind"]))
    return Column(name, label_of(name, language), kind_of(name, values))


def _in_words(frame: pd.DataFrame, kind: str, language: Language) -> pd.DataFrame:
    """Put words in the place of ids, and take each text in the language of the report."""
    plain = pd.DataFrame(frame).reset_index(drop=True).copy()
    for name in ("note", "reason", "message"):
        spoken = f"{name}_{language}"
        if spoken in plain:
            plain[name] = plain[spoken]
    lines = control_lines()
    for line, subzone in _LINES.items():
        if line in plain and subzone in plain:
            plain[subzone] = [
                lines[str(of)].subzone_label(str(zone), language) if of in lines and not absent(zone) else zone
                for of, zone in zip(plain[line], plain[subzone], strict=True)
            ]
        if line in plain:
            plain[line] = [lines[str(of)].label(language) if of in lines else of for of in plain[line]]
    for name in _words()[kind].get("whole", ()):
        # a row without names is the sum of the rows before it
        plain[name] = [word("total", language) if absent(value) else value for value in plain[name]]
    for name, known in _words()[kind].get("values", {}).items():
        if name in plain:
            plain[name] = [known[str(value)][language] if str(value) in known else value for value in plain[name]]
    return plain


# ------------------------------------------------------------------------------------------------ conclusions
def conclude(frame: pd.DataFrame, kind: str, language: Language, source: str = "table") -> list[Paragraph]:
    """
    Say in words what a table says, every figure with the cells it was read from.

    Parameters
    ----------
    frame
        The table.
    kind
        Its kind.
    language
        ``"zh"`` or ``"en"``.
    source
        What the table is called where the figures say where they come from.

    Returns
    -------
    list of Paragraph
        Empty for kinds that only stand beside another.

    Examples
    --------
    >>> from ecozones.conflicts import find_conflicts
    >>> from ecozones.testing import chessboard_plan
    >>> none = find_conflicts(chessboard_plan(red_line={"a1": "core"}, farmland=["b1"]))
    >>> conclude(none, "conflicts", "en")[0].printed("en")
    'No conflict between control lines was found; 0 artefacts of drawing, 0.00 m².'
    """
    if "said" not in _words()[kind] or "none" not in _words()[kind]["said"]:
        return []
    if kind == "restored_groups":
        return _groups(pd.DataFrame(frame), language, source)
    values = dict(_values(pd.DataFrame(frame), kind, language, source))
    said = [Paragraph(tuple(_fill(kind, "found" if values["n"].value else "none", language, values)))]
    if kind == "targets":
        bad = frame[~frame["verdict"].isin(_AS_EXPECTED)]
        if len(bad):
            between = word("parts_between", language, table="paragraph")
            named = between.join(dict.fromkeys(str(name) for name in bad["indicator"]))
            said.append(Paragraph(tuple(_fill(kind, "bad", language, {"named": named})), flagged=True))
    return said


def _values(frame: pd.DataFrame, kind: str, language: Language, source: str) -> Iterator[tuple[str, Any]]:
    """Give what the sentence of a kind may name."""

    def count(name: str, rows: pd.DataFrame, where: str) -> tuple[str, Figure]:
        return name, Figure(len(rows), "count", f"{source}[{where}].count")

    def add(name: str, rows: pd.DataFrame, column: str, unit: Any = "", where: str = "all") -> tuple[str, Figure]:  # noqa: ANN401 - a unit or none
        own = column.rsplit("_", 1)[-1]
        # the total that the table prints, and no other
        total = printed_sum(rows[column].dropna(), own)
        amount = float(from_m2(total, unit)) if unit else total
        return name, Figure(amount, unit or own, f"{source}[{where}].{column}")

    rows, where = frame, "all"
    if kind == "conflicts":
        marked = frame["artefact"].astype(bool)
        rows, where = frame[~marked], "artefact=False"
        yield count("artefacts", frame[marked], "artefact=True")
        yield add("artefact_m2", frame[marked], "area_m2", where="artefact=True")
        yield add("ha", rows, "area_m2", "ha", where)
        yield add("mu", rows, "area_m2", "mu", where)
    elif kind == "quality":
        unmade = frame["severity"].astype(str) == "not_checked"
        rows, where = frame[~unmade], "severity!=not_checked"
        yield count("unchecked", frame[unmade], "severity=not_checked")
        yield count("accepted", rows[rows["accepted"].astype(bool)], "accepted=True")
    elif kind == "restored_records":
        yield add("activity", frame, "activity_ha")
        yield add("alone", frame, "alone_ha")
    yield count("n", rows, where)
    if "counted" in _words()[kind]:
        yield "counts", _counts(rows, kind, language)


def _counts(rows: pd.DataFrame, kind: str, language: Language) -> str:
    """Count the values of the column that decides, in the order of the dictionary, which is the gravest first."""
    column = _words()[kind]["counted"]
    number = rows[column].astype(str).value_counts()
    known = _words()[kind]["values"][column]
    order = [*known, *(value for value in number.index if value not in known)]
    between = word("parts_between", language, table="paragraph")
    return between.join(
        f"{known[value][language] if value in known else value} {number[value]}" for value in order if value in number
    )


def _groups(frame: pd.DataFrame, language: Language, source: str) -> list[Paragraph]:
    keys = [key for key in _GROUPS if key in frame.columns]
    if not len(frame):
        return [Paragraph(tuple(_fill("restored_groups", "none", language, {})))]
    plain = _in_words(frame, "restored_groups", language)
    said = []
    for number, row in plain.head(_MOST_GROUPS).iterrows():
        named = " ".join(show(row[key], kind_of(key, plain[key]), language) for key in keys) or str(number)
        values: dict[str, str | Figure] = {"group": named}
        for place, column in (("activity", "activity_ha"), ("footprint", "footprint_ha"), ("repeated", "repeated_ha")):
            values[place] = Figure(row[column], "ha", f"{source}[{named}].{column}")
        values["projects"] = Figure(row["projects"], "count", f"{source}[{named}].projects")
        said.append(Paragraph(tuple(_fill("restored_groups", "found", language, values))))
    if len(plain) > _MOST_GROUPS:
        more = str(len(plain) - _MOST_GROUPS)
        said.append(Paragraph((word("and_more", language, table="sentences", n=more),)))
    return said


def _say(kind: str, key: str, language: Language) -> str:
    return str(_words()[kind]["said"][key][language])


def _fill(kind: str, key: str, language: Language, values: Mapping[str, str | Figure]) -> Iterator[str | Figure]:
    """Fill a sentence so that every figure keeps knowing the cells it came from."""
    for text, place, _, _ in string.Formatter().parse(_say(kind, key, language)):
        if text:
            yield text
        if place is not None:
            yield values[place]
