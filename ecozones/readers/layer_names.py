"""What the name of a layer says: which control line it is, which sub-zone, and whether it says more than that."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from typing import Literal

from ecozones import schema
from ecozones.sources import Layer
from ecozones.units import fold
from ecozones.vocab import ControlLine, Subzone


@dataclasses.dataclass(frozen=True)
class Fit:
    """How well the name of a layer fits a control line: for sure, perhaps, or expressly not."""

    how: Literal["sure", "perhaps", "other"]
    subzone: str = ""


def fit_layer(layer: Layer, line: ControlLine) -> Fit | None:
    """
    Tell by its name, or its alias, whether a layer is a control line.

    Parameters
    ----------
    layer
        As the source lists it.
    line
        The control line.

    Returns
    -------
    Fit or None
        None where the name has nothing to do with the line.
    """
    return _fit(layer.name, line) or (_fit(layer.alias, line) if layer.alias else None)


def _fit(name: str, line: ControlLine) -> Fit | None:
    """Tell whether a layer is the line by its name: the alias, and beside it only words that say nothing else."""
    folded = fold(name)
    plain = unicodedata.normalize("NFKC", name).casefold()
    aliases = sorted({fold(alias) for alias in (line.id, line.zh, *line.layers)}, key=len, reverse=True)
    excluded = any(fold(word) in folded for word in line.not_layers)
    for alias in aliases:
        if folded == alias and not excluded:
            return Fit("sure")
        edge = "a-z" if alias.isascii() else ""
        pattern = r"[\W_]*".join(map(re.escape, alias))
        found = re.search(rf"(?<![{edge}]){pattern}(?![{edge}])" if edge else pattern, plain)
        if found is None:
            continue
        if excluded:
            return Fit("other")
        subzone, before, after = _layer_subzone(line, plain[: found.start()], plain[found.end() :])
        sure = _says_nothing(before, place=True) and _says_nothing(after, place=False)
        return Fit("sure" if sure else "perhaps", subzone)
    return Fit("other") if excluded and any(len(alias) > 3 and alias in folded for alias in aliases) else None  # noqa: PLR2004


def _layer_subzone(line: ControlLine, before: str, after: str) -> tuple[str, str, str]:
    """Read a sub-zone out of what the name says beside the line."""
    for zone in line.subzones:
        for word in _zone_words(line, zone):
            if word in before or word in after:
                tail = r"(保护区|控制区|建设区|发展区|用途区|区)?"
                pattern = re.escape(word) + tail
                return zone.id, re.sub(pattern, "", before), re.sub(pattern, "", after)
    return "", before, after


def _zone_words(line: ControlLine, zone: Subzone) -> list[str]:
    words = {word.casefold() for word in (zone.zh, *zone.words)}
    return sorted((word for word in words if word not in line.zh), key=len, reverse=True)


def _says_nothing(text: str, *, place: bool) -> bool:
    """Tell whether the rest of a layer name only says year, code, version or place."""
    words = schema.settings()["layer_words"]
    for token in re.findall(r"[a-z]+|[\u4e00-\u9fff]+", text):
        if token.isascii():
            left = token not in words["allowed"]
        else:
            named = place and token[-1] in words["places"] and not any(word in token for word in words["not_places"])
            left = not named and bool(re.sub("|".join(sorted(words["allowed"], key=len, reverse=True)), "", token))
        if left:
            return False
    return True


def bare_name(name: str) -> str:
    """
    Fold the name of a layer and leave out year and code at its ends.

    Parameters
    ----------
    name
        As written.

    Returns
    -------
    str
        What is compared with the words for a layer.

    Examples
    --------
    >>> bare_name("320509XZQ2023年")
    'xzq'
    """
    return re.sub(r"^\d+|(\d+年?)$", "", fold(name))
