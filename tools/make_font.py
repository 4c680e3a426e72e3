"""
Make the font that maps of record are lettered with: Noto Sans CJK SC, cut down to GB 2312 and the signs we print.

Run with the path of ``NotoSansCJK-Regular.ttc`` (Debian package fonts-noto-cjk) after installing fonttools. The family
gets a name of its own, so that the same letters are drawn whatever fonts a machine has.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTCollection, TTFont

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "ecozones/data/fonts/ecozones-sans-sc.otf"
FAMILY = "Ecozones Sans SC"
SIGNS = "²³°′″×÷±·–—…‘’“”≤≥≈≠√△▲▽→←↑↓■□●○◇★※℃㎡㎞㏊〓【】〔〕《》、。，；：？！（）％＋－＝￥"


def gb2312() -> set[int]:
    """List the characters of GB 2312, all of which the standard encodes as two bytes."""
    found = set()
    for lead in range(0xA1, 0xF8):
        for trail in range(0xA1, 0xFF):
            try:
                found.add(ord(bytes([lead, trail]).decode("gb2312")))
            except UnicodeDecodeError:
                continue
    return found


def own_words() -> set[int]:
    """List every character of the package's data, so that no word of ours can lack a glyph."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "ecozones/data").rglob("*.toml")]
    return {ord(letter) for text in texts for letter in text if letter.isprintable()}


def main(collection: Path) -> None:
    """Write the subset."""
    font = next(
        font
        for font in TTCollection(collection, lazy=False).fonts
        if "SC" in font["name"].getDebugName(1) and "Mono" not in font["name"].getDebugName(1)
    )
    wanted = gb2312() | own_words() | set(range(0x20, 0x17F)) | {ord(sign) for sign in SIGNS}
    options = subset.Options(
        layout_features=[], hinting=False, notdef_outline=True, name_IDs=[0, 1, 2, 4, 6, 13, 14], name_languages=[0x409]
    )
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=sorted(wanted))
    cutter.subset(font)
    rename(font)
    font.recalcTimestamp = False
    font["head"].modified = font["head"].created
    font.save(TARGET)
    lost = wanted - set(font.getBestCmap())
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes, {len(font.getBestCmap())} characters")
    print("not in the source font:", "".join(map(chr, sorted(lost))))


def rename(font: TTFont) -> None:
    """Give the subset its own family name."""
    for record in font["name"].names:
        text = {1: FAMILY, 2: "Regular", 4: FAMILY, 6: FAMILY.replace(" ", "") + "-Regular"}.get(record.nameID)
        if text is not None:
            record.string = text
    cff = font["CFF "].cff
    cff.fontNames = [FAMILY.replace(" ", "") + "-Regular"]
    top = cff.topDictIndex[0]
    top.FamilyName = FAMILY
    top.FullName = FAMILY


if __name__ == "__main__":
    main(Path(sys.argv[1]))
