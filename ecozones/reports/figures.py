"""How a value is printed: the one place where numbers of a report are rounded and words of a report are chosen."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ecozones.rulefile import STATUSES, status_label
from ecozones.shipped import shipped_table
from ecozones.units import DECIMALS, round_half_up
from ecozones.vocab import Language, verdict_words

ABSENT = "—"
"""What is printed where there is nothing to say, which is not the same as nought."""

# no spreadsheet cell holds more than 32 767 characters
_LONGEST = 32_000
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_UNITS = tuple(DECIMALS)


@dataclasses.dataclass(frozen=True)
class Kind:
    """
    How values of one kind are rounded and formatted.

    Parameters
    ----------
    decimals
        Digits after the point; None for what is no number.
    percent
        Whether a share is printed in hundredths.
    excel
        Number format of the workbook; ``"@"`` keeps text as text.
    width
        Width of a column, in characters.
    """

    decimals: int | None = None
    percent: bool = False
    excel: str = "@"
    width: int = 14


def _number(decimals: int, width: int = 14) -> Kind:
    return Kind(decimals, excel="#,##0" + ("." + "0" * decimals if decimals else ""), width=width)


KINDS: Mapping[str, Kind] = {
    "id": Kind(width=16),
    "text": Kind(width=18),
    "long": Kind(width=48),
    "names": Kind(width=70),
    "verdict": Kind(width=16),
    "status": Kind(width=14),
    "relation": Kind(width=12),
    "role": Kind(width=16),
    "day": Kind(width=12),
    "flag": Kind(width=8),
    **{unit: _number(decimals) for unit, decimals in DECIMALS.items()},
    "money": _number(2),
    "m": _number(2, 12),
    "share": Kind(4, percent=True, excel="0.00%", width=10),
    "count": _number(0, 8),
    "year": Kind(0, excel="0", width=8),
    "number": _number(4),
    "tiny": Kind(3, excel="0.00E+00", width=12),
}


def dictionary() -> Mapping[str, Any]:
    """
    Read the words of reports.

    Returns
    -------
    Mapping
        Tables of ``report.toml``, read-only.
    """
    return shipped_table("templates/report")


def word(key: str, language: Language, *, table: str = "words", **values: str) -> str:
    """
    Say something in a language.

    Parameters
    ----------
    key
        Key of the table.
    language
        ``"zh"`` or ``"en"``.
    table
        ``"words"``, ``"sentences"`` or ``"paragraph"``.
    **values
        What stands in the places of the sentence.

    Returns
    -------
    str
        The words.

    Examples
    --------
    >>> word("items", "en")
    'Item by item'
    """
    return (
        str(dictionary()[table][key][language]).format(**values) if values else str(dictionary()[table][key][language])
    )


def absent(value: object) -> bool:
    """
    Tell whether a cell holds nothing.

    Parameters
    ----------
    value
        A cell.

    Returns
    -------
    bool
        True for None, NaN, NaT and empty text; a blank is a place left to be filled.

    Examples
    --------
    >>> absent(float("nan")), absent(0.0)
    (True, False)
    """
    if value is None or value is pd.NaT or value is pd.NA:
        return True
    if isinstance(value, float | np.floating):
        return not math.isfinite(value)
    return value == ""


def is_flagged(value: object, kind: str) -> bool:
    """
    Tell whether a cell says something that no reader may miss: a rule nobody verified, a line nobody checked.

    Parameters
    ----------
    value
        A cell.
    kind
        Key of `KINDS`.

    Returns
    -------
    bool
        The words say so too; this is for colour and weight.

    Examples
    --------
    >>> is_flagged("memory", "status"), is_flagged("verified", "status"), is_flagged("not_checked", "relation")
    (True, False, True)
    """
    text = str(value)
    return (kind == "status" and text in STATUSES and text != "verified") or (
        kind == "relation" and text == "not_checked"
    )


def clean(text: str, language: Language = "zh") -> str:
    r"""
    Make text fit for every format: control characters become visible, and what no cell can hold is cut and said so.

    Parameters
    ----------
    text
        Any text.
    language
        ``"zh"`` or ``"en"``.

    Returns
    -------
    str
        Text that XML, HTML and a spreadsheet can hold.

    Examples
    --------
    >>> clean("a\x01b")
    'a␁b'
    """
    seen = _CONTROL.sub(lambda found: chr(0x2400 + ord(found[0])) if found[0] < " " else "\ufffd", text)
    if len(seen) <= _LONGEST:
        return seen
    return seen[:_LONGEST] + word("cut_text", language, table="sentences", n=f"{len(seen):,}")


def stored(value: object, kind: str) -> float | int | None:
    """
    Give the number that is printed and put into a spreadsheet: rounded once, half up.

    Parameters
    ----------
    value
        A number.
    kind
        Key of `KINDS`.

    Returns
    -------
    float or int or None
        None where there is no number.

    Examples
    --------
    >>> stored(0.125, "m2"), stored(0.12345, "share")
    (0.13, 0.1235)
    """
    decimals = KINDS[kind].decimals
    if decimals is None or absent(value) or isinstance(value, str):
        return None
    number = float(value)  # type: ignore[arg-type]
    if kind == "tiny":
        return float(f"{number:.{decimals}g}")
    rounded = float(round_half_up(number, decimals)) + 0.0
    return int(rounded) if decimals == 0 else rounded


def show(value: object, kind: str, language: Language = "zh") -> str:
    """
    Print one value.

    Parameters
    ----------
    value
        A cell.
    kind
        Key of `KINDS`.
    language
        ``"zh"`` or ``"en"``.

    Returns
    -------
    str
        What every format shows.

    Examples
    --------
    >>> show(1234.565, "m2"), show(0.5, "share"), show("prohibited", "verdict"), show(None, "m2")
    ('1,234.57', '50.00%', '× 禁止', '—')
    """
    if absent(value):
        return ABSENT
    number = stored(value, kind)
    if number is not None:
        return _digits(number, KINDS[kind], kind)
    return clean(_spoken(value, kind, language), language)


def _spoken(value: object, kind: str, language: Language) -> str:
    """Put what is no number into words."""
    text = str(value)
    if kind == "verdict" and text in verdict_words():
        verdict = verdict_words()[text]
        text = f"{verdict.sign} {verdict.label(language)}"
    elif kind == "status" and text in STATUSES:
        said = status_label(text, language)
        text = said if value == "verified" else f"【{said}】" if language == "zh" else f"[{said.upper()}]"
    elif kind == "flag":
        text = "√" if value else "×"
    elif isinstance(value, dt.datetime):
        text = value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ")
    elif kind in dictionary()["values"]:
        text = str(dictionary()["values"][kind].get(text, {}).get(language, text))
    return text


def _digits(number: float, kind: Kind, name: str) -> str:
    assert kind.decimals is not None
    if name == "tiny":
        return f"{number:.2E}"
    if name == "year":
        return str(number)
    if kind.percent:
        return f"{number * 100:.{kind.decimals - 2}f}%"
    return f"{number:,.{kind.decimals}f}"


def kind_of(column: str, values: pd.Series) -> str:
    """
    Find the kind of a column nobody has declared, from its name and its values.

    Parameters
    ----------
    column
        Name of the column; a unit at its end says what it measures.
    values
        The column.

    Returns
    -------
    str
        Key of `KINDS`.

    Examples
    --------
    >>> kind_of("gain_ha", pd.Series([1.0])), kind_of("plot", pd.Series(["0012"]))
    ('ha', 'text')
    """
    declared = dictionary()["columns"].get(column)
    ending = column.rsplit("_", 1)[-1]
    if declared:
        kind = str(declared["kind"])
    elif pd.api.types.is_bool_dtype(values):
        kind = "flag"
    elif ending == "year" and pd.api.types.is_numeric_dtype(values):
        kind = "year"
    elif pd.api.types.is_integer_dtype(values):
        kind = "count"
    elif pd.api.types.is_datetime64_any_dtype(values):
        kind = "day"
    elif pd.api.types.is_numeric_dtype(values):
        kind = ending if ending in {*_UNITS, "m", "share"} else "number"
    else:
        kind = "id" if ending in {"id", "ids"} else "text"
    return kind


def label_of(column: str, language: Language) -> str:
    """
    Name a column.

    Parameters
    ----------
    column
        Name of the column in the table.
    language
        ``"zh"`` or ``"en"``.

    Returns
    -------
    str
        Its heading; an undeclared column keeps its own name.

    Examples
    --------
    >>> label_of("overlap_mu", "zh"), label_of("soil", "zh")
    ('占用（亩）', 'soil')
    """
    declared = dictionary()["columns"].get(column)
    return str(declared[language]) if declared else column
