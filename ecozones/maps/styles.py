"""How things are drawn and what they are called: the style table and the words, as data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ecozones.errors import InputError
from ecozones.shipped import shipped_table
from ecozones.vocab import ControlLine

Palette = Literal["default", "cvd"]
Text = Mapping[str, str]
"""The same words in both languages, by ``"zh"`` and ``"en"``."""

# where several sub-zones of one line stand side by side, the stricter one is drawn denser
_SUBZONE_OPACITY = (1.5, 1.0, 0.65, 0.45)
_LINE_WIDTH = 1.6


@dataclasses.dataclass(frozen=True)
class Paint:
    r"""
    How one class of features is drawn.

    Parameters
    ----------
    label
        What the class is called.
    edge, fill
        Colours, ``#rrggbb``.
    opacity
        Of the fill, 0 to 1.
    width
        Of the edge. [pixels]
    dash
        Lengths of strokes and gaps of the edge, empty for a full line. [pixels]
    hatch
        ``/``, ``\``, ``x``, ``-``, or nothing.
    hatch_color
        Colour of the hatch.
    """

    label: Text
    edge: str = "#333333"
    fill: str = "#999999"
    opacity: float = 0.3
    width: float = 1.2
    dash: tuple[float, ...] = ()
    hatch: str = ""
    hatch_color: str = "#E60000"


def say(key: str, *values: object, table: str = "said") -> Text:
    """
    Give words of the map in both languages.

    Parameters
    ----------
    key
        Which words.
    *values
        What stands in for ``{0}``, ``{1}`` and so on; a value may itself be words in both languages.
    table
        Which part of the word list.

    Returns
    -------
    Mapping
        By language.

    Examples
    --------
    >>> say("data_date", "2026-06")["en"]
    'data as of 2026-06'
    """
    words: Text = shipped_table("map_words")[table][key]
    if not values:
        return words
    # names come from files: they are put in place, never read as a format of their own
    filled = {}
    for language, text in words.items():
        for number, value in enumerate(values):
            shown = value[language] if isinstance(value, Mapping) else str(value)
            text = text.replace(f"{{{number}}}", shown)  # noqa: PLW2901 - each value fills one place
        filled[language] = text
    return filled


def page_words() -> Mapping[str, Text]:
    """
    Give the words of buttons and headings.

    Returns
    -------
    Mapping
        By key, in both languages.
    """
    words: Mapping[str, Text] = shipped_table("map_words")["page"]
    return words


def known(table: str, key: str) -> Text:
    """
    Give a word of one of the word lists, or the key itself where the list does not have it.

    Parameters
    ----------
    table
        ``"fields"``, ``"relations"``, ``"roles"`` or ``"statuses"``.
    key
        Which word.

    Returns
    -------
    Mapping
        By language.
    """
    found: Text = shipped_table("map_words")[table].get(key, both(key))
    return found


def both(text: str) -> Text:
    """
    Give the same text for both languages.

    Parameters
    ----------
    text
        A name that is not translated.

    Returns
    -------
    Mapping
        By language.
    """
    return {"zh": text, "en": text}


def _paint(label: Text, table: Mapping[str, Any]) -> Paint:
    told = dict(table)
    told["dash"] = _dash(told.get("dash", ""))
    return Paint(label, **told)


def _dash(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split())


def plain(key: str, label: Text) -> Paint:
    """
    Give the paint of something that is neither a control line nor a verdict.

    Parameters
    ----------
    key
        Row of the style table.
    label
        What it is called.

    Returns
    -------
    Paint
        How it is drawn.
    """
    return _paint(label, shipped_table("styles")["plain"][key])


def verdict_paint(verdict: str, label: Text, palette: Palette = "default") -> Paint:
    """
    Give the paint of ground with a verdict.

    Parameters
    ----------
    verdict
        Id of the verdict.
    label
        What it is called.
    palette
        ``"cvd"`` for readers who see fewer hues.

    Returns
    -------
    Paint
        How it is drawn.
    """
    styles = shipped_table("styles")
    check_palette(palette)
    other = styles["cvd"]["verdicts"].get(verdict, {}) if palette == "cvd" else {}
    return _paint(label, styles["verdicts"][verdict] | other)


def line_paints(line: ControlLine, subzones: Sequence[str | None], palette: Palette = "default") -> list[Paint]:
    """
    Give the paints of a control line, one for each of its sub-zones that occur.

    Parameters
    ----------
    line
        The line; its own style is the base.
    subzones
        Ids of sub-zones, in the order wanted; None is ground without a recognised one.
    palette
        ``"cvd"`` for readers who see fewer hues; lines that a rulebook declares keep their own style.

    Returns
    -------
    list
        In the same order. A line with one sub-zone is called by its own name.
    """
    check_palette(palette)
    own = line.style
    base: dict[str, Any] = {
        "edge": own.edge,
        "fill": own.fill,
        "opacity": own.opacity,
        "dash": own.dash,
        "width": _LINE_WIDTH,
    }
    if palette == "cvd":
        base |= shipped_table("styles")["cvd"]["lines"].get(line.id, {})
    if len(subzones) == 1:
        return [_paint({"zh": line.zh, "en": line.en}, base)]
    ids = [zone.id for zone in line.subzones]
    paints = []
    for subzone in subzones:
        place = min(ids.index(subzone), len(_SUBZONE_OPACITY) - 1) if subzone in ids else len(_SUBZONE_OPACITY) - 1
        label = say("unclassified") if subzone is None else {
            "zh": line.subzone_label(subzone, "zh"),
            "en": line.subzone_label(subzone, "en"),
        }  # fmt: skip
        paints.append(_paint(label, base | {"opacity": round(base["opacity"] * _SUBZONE_OPACITY[place], 3)}))
    return paints


def category_order(value: str | None) -> tuple[bool, int]:
    """
    Give the place of a category in a legend: land uses in the order of the norm, then others as they come, then none.

    Parameters
    ----------
    value
        Name of a category, None where there is none.

    Returns
    -------
    tuple
        To sort by.
    """
    norm = list(shipped_table("styles")["land_use"])
    return value is None, norm.index(value) if value in norm else len(norm)


def category_paints(values: Sequence[str | None], palette: Palette = "default") -> list[Paint]:
    """
    Give a paint to each category: the colour of the mapping norm for land-use names, else one of a list of colours.

    Parameters
    ----------
    values
        Names of categories, None for features without one.
    palette
        ``"cvd"`` for readers who see fewer hues.

    Returns
    -------
    list
        In the same order.
    """
    check_palette(palette)
    colors = shipped_table("styles")["categories"][palette]
    land_use = shipped_table("styles")["land_use"]
    paints = []
    for place, value in enumerate(values):
        if value is None:
            paints.append(
                Paint(say("unclassified"), edge="#4D4D4D", fill="#FFFFFF", opacity=0.1, width=0.7, dash=(2.0, 2.0))
            )
            continue
        fill = "#{:02X}{:02X}{:02X}".format(*land_use[value]) if value in land_use else colors[place % len(colors)]
        paints.append(
            Paint(both(value), edge="#4D4D4D", fill=fill, opacity=0.8 if value in land_use else 0.55, width=0.7)
        )
    return paints


def check_palette(palette: str) -> None:
    """
    Refuse a palette that the style table does not have.

    Parameters
    ----------
    palette
        Its name.

    Raises
    ------
    InputError
        It is not known.
    """
    names = shipped_table("styles")["categories"]
    if palette not in names:
        message = f"palette {palette!r} is not known; use one of {', '.join(names)}"
        raise InputError(message)
