"""Letters that are never missing in silence: the bundled font, those of the machine, and what neither can draw."""

from __future__ import annotations

import functools
from importlib import resources

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

FAMILY = "Ecozones Sans SC"
"""The bundled letters: GB 2312 and the signs we print."""
GETA = "〓"
"""The printer's sign for a character that no font has."""
# looked up after the bundled letters, for the rare characters of place names
_SYSTEM_FAMILIES = (
    "Microsoft YaHei", "SimSun-ExtB", "PingFang SC", "Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC",
    "WenQuanYi Micro Hei", "WenQuanYi Zen Hei",
)  # fmt: skip


@functools.cache
def families() -> list[str]:
    """List the families to letter with: the bundled one, then those of this machine that exist."""
    with resources.as_file(resources.files("ecozones").joinpath("data/fonts/ecozones-sans-sc.otf")) as font:
        font_manager.fontManager.addfont(str(font))
    here = {font.name for font in font_manager.fontManager.ttflist}
    return [FAMILY, *(family for family in _SYSTEM_FAMILIES if family in here), "DejaVu Sans"]


@functools.cache
def drawable() -> frozenset[int]:
    """Collect the characters that the families can draw."""
    found: set[int] = set()
    for family in families():
        path = font_manager.findfont(family, fallback_to_default=False)
        found |= set(FT2Font(path).get_charmap())
    return frozenset(found)


def missing_characters(text: str) -> list[str]:
    """
    List the characters of a text that no font on this machine can draw.

    Parameters
    ----------
    text
        Any text.

    Returns
    -------
    list of str
        Each once, in the order of the text; line breaks and spaces never count.

    Examples
    --------
    >>> missing_characters("生态保护红线 12.5 ㎡")
    []
    """
    known = drawable()
    return [sign for sign in dict.fromkeys(text) if ord(sign) not in known and sign not in " \n"]


def shorten(text: str, most: int = 60) -> str:
    """Cut a text that would run over its place."""
    return text if len(text) <= most else text[: most - 1] + "…"
