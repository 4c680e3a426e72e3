"""In which encoding is the text of a file: what it declares, and what its bytes say."""

from __future__ import annotations

import codecs
import dataclasses
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ecozones.errors import InputError

_CODE_PAGES = {
    "65001": "utf-8",
    "936": "gb18030",
    "54936": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "950": "big5",
    "88591": "latin1",
}
# language driver of a dbf; 0x57 means "whatever the machine used" and declares nothing
_LANGUAGE_DRIVERS = {
    0x01: "cp437",
    0x02: "cp850",
    0x03: "cp1252",
    0x13: "cp932",
    0x4D: "gb18030",
    0x4E: "cp949",
    0x4F: "big5",
    0x58: "cp1252",
    0x65: "cp866",
    0x78: "big5",
    0x79: "cp949",
    0x7A: "gb18030",
    0x7B: "cp932",
    0xC9: "cp1251",
}
_MANY_BYTES = {"utf-8", "gb18030", "big5", "cp932", "cp949"}
_NAME_BYTES = 10
_BLOCK = 65_536
_ENOUGH = 20_000
_LONGEST = 4
# share of characters that must be everyday ones before bytes count as Chinese text
_EVERYDAY = 0.6
# lead bytes of the everyday characters: level 1 of GB 2312, level 1 of Big5
_LEADS = {"gb18030": ("gb2312", range(0xB0, 0xD8)), "big5": ("big5", range(0xA4, 0xC7))}


@dataclasses.dataclass(frozen=True)
class TextEncoding:
    """
    The encoding of a file, and how it is known.

    Parameters
    ----------
    name
        Python's name of the codec.
    declared
        The file, or the caller, says so and the bytes agree.
    reason
        How it is known, in words.
    """

    name: str
    declared: bool
    reason: str


def dbf_encoding(path: Path, *, encoding: str | None = None) -> TextEncoding:
    """
    Find out the encoding of the attribute table of a shapefile.

    Parameters
    ----------
    path
        The ``.dbf`` file.
    encoding
        What the caller says; outranks everything.

    Returns
    -------
    TextEncoding
        From the caller, the ``.cpg`` file or the language driver if the bytes agree, else from the bytes themselves.

    Raises
    ------
    InputError
        The file is cut off, is in UTF-16, or the encoding is not known.

    Examples
    --------
    >>> choose_encoding({"北京市".encode("gbk"): False}).name
    'gb18030'
    """
    cells, driver = _dbf_cells(path)
    if encoding is not None:
        return TextEncoding(codec_name(encoding, path.name), declared=True, reason="as the caller says")
    declared: list[tuple[str, str]] = []
    page = next((found for suffix in (".cpg", ".CPG", ".cst") if (found := path.with_suffix(suffix)).is_file()), None)
    if page is not None:
        text = page.read_bytes().decode("ascii", "replace").strip().strip("\ufeff")
        declared.append((codec_name(text, page.name), f"as {page.name} says"))
    if driver in _LANGUAGE_DRIVERS:
        declared.append((_LANGUAGE_DRIVERS[driver], f"as the language driver 0x{driver:02X} of {path.name} says"))
    return choose_encoding(cells, declared)


def choose_encoding(cells: dict[bytes, bool], declared: Iterable[tuple[str, str]] = ()) -> TextEncoding:
    """
    Choose the encoding that fits the bytes.

    Parameters
    ----------
    cells
        Texts with bytes beyond ASCII, and whether each fills its field, so that its last character may be cut.
    declared
        Encodings that the file declares, and how.

    Returns
    -------
    TextEncoding
        The first declared one that fits; else UTF-8, GB18030, Big5 or Windows-1252 by the bytes.

    Examples
    --------
    >>> choose_encoding({"國語".encode("big5"): False}).name
    'big5'
    >>> choose_encoding({"México".encode("latin1"): False}).name
    'cp1252'
    """
    said = list(declared)
    if not cells:
        return TextEncoding(said[0][0] if said else "utf-8", declared=True, reason="all text is ASCII")
    fitting = [name for name in _LEADS if _fits(cells, name)]
    shares = {name: _everyday_share(cells, name) for name in fitting}
    chinese = bool(shares) and max(shares.values()) >= _EVERYDAY and not _western(cells)
    for name, reason in said:
        # every byte means something in a one-byte encoding, so that fitting proves nothing there
        if _fits(cells, name) and (name in _MANY_BYTES or not chinese):
            return TextEncoding(name, declared=True, reason=reason)
    against = f", against what {said[0][1].removeprefix('as ').removesuffix(' says')} says" if said else ""
    if _fits(cells, "utf-8"):
        return TextEncoding("utf-8", declared=False, reason=f"every text is sound UTF-8{against}")
    if chinese or (shares and not _western(cells)):
        best = max(shares, key=lambda name: shares[name])
        return TextEncoding(
            best, declared=False, reason=f"{shares[best]:.0%} of the characters are everyday ones in it{against}"
        )
    return TextEncoding("cp1252", declared=False, reason=f"single letters with accents{against}")


def codec_name(name: str, where: str) -> str:
    """
    Bring the name of an encoding to the codec that reads it.

    Parameters
    ----------
    name
        As written in a ``.cpg`` file or by the caller.
    where
        Who says it, for the message.

    Returns
    -------
    str
        GB 2312 and GBK become GB18030, which holds both.

    Raises
    ------
    InputError
        The encoding is not known.

    Examples
    --------
    >>> codec_name("ANSI 936", "a.cpg"), codec_name("Big-5", "a.cpg")
    ('gb18030', 'big5')
    """
    plain = re.sub(r"^(ansi|oem|cp|windows|iso)[\s_-]*(?=\d)", "", name.strip().casefold())
    plain = re.sub(r"[\s_-]", "", plain)
    candidates = [_CODE_PAGES.get(plain, ""), plain if not plain.isdecimal() else f"cp{plain}", name.strip()]
    for candidate in filter(None, candidates):
        try:
            found = codecs.lookup(candidate).name
        except LookupError:
            continue
        return "gb18030" if found in {"gbk", "gb2312"} else found
    message = f"{where}: encoding {name!r} is not known; pass encoding=, such as 'gb18030' or 'utf-8'"
    raise InputError(message)


def decode(raw: bytes, encoding: str, *, full: bool = False) -> tuple[str, bool]:
    """
    Decode one text, leaving out a character that its field has cut in the middle.

    Parameters
    ----------
    raw
        The bytes.
    encoding
        The codec.
    full
        The text fills its field, so that its last character may be cut.

    Returns
    -------
    tuple
        The text, and whether a character was cut.

    Raises
    ------
    UnicodeDecodeError
        The bytes mean nothing in this encoding.

    Examples
    --------
    >>> decode("县区名称".encode()[:10], "utf-8", full=True)
    ('县区名', True)
    """
    try:
        return raw.decode(encoding), False
    except UnicodeDecodeError as problem:
        at_end = len(raw) - problem.start < _LONGEST and problem.end >= len(raw) - 1
        if not (full and at_end):
            raise
        return raw[: problem.start].decode(encoding), True


def find_mojibake(texts: Iterable[str]) -> tuple[str, str, str] | None:
    """
    Find Chinese text that was read in the wrong encoding.

    Parameters
    ----------
    texts
        Column names and values.

    Returns
    -------
    tuple of str or None
        A garbled text, what it says, and the encoding in which it should have been read; None where nothing is garbled.

    Examples
    --------
    >>> find_mojibake(["ÏØÇøÃû³Æ"])
    ('ÏØÇøÃû³Æ', '县区名称', 'gb18030')
    >>> find_mojibake(["县区名称", "Ålesund"]) is None
    True
    """
    for text in texts:
        if text.isascii():
            continue
        for wrong, right in (("latin1", "utf-8"), ("cp1252", "utf-8"), ("latin1", "gb18030"), ("gb18030", "utf-8")):
            try:
                raw = text.encode(wrong)
                said = raw.decode(right)
            except UnicodeError:
                continue
            cells = {raw: False}
            sound = right == "utf-8" or not _western(cells)
            if said != text and sound and _everyday_share({said.encode("gb18030"): False}, "gb18030") >= _EVERYDAY:
                return text, said, right
    return None


def _fits(cells: dict[bytes, bool], encoding: str) -> bool:
    for raw, full in cells.items():
        try:
            decode(raw, encoding, full=full)
        except UnicodeDecodeError:
            return False
    return True


def _everyday_share(cells: dict[bytes, bool], encoding: str) -> float:
    """Tell which share of the characters beyond ASCII are everyday Chinese ones."""
    codec, leads = _LEADS[encoding]
    text = "".join(decode(raw, encoding, full=True)[0] for raw in cells)
    # punctuation of full width speaks for neither side
    signs = [sign for sign in text if not sign.isascii() and sign.isalpha()]
    everyday = 0
    for sign in signs:
        raw = sign.encode(codec, "ignore")
        everyday += bool(raw) and raw[0] in leads
    return everyday / len(signs) if signs else 0.0


def _western(cells: dict[bytes, bool]) -> bool:
    """Tell whether bytes beyond ASCII stand alone, as letters with accents do and Chinese characters do not."""
    runs = [len(run) for raw in cells for run in re.findall(rb"[\x80-\xff]+", raw)]
    return bool(runs) and sum(length == 1 for length in runs) > len(runs) / 2


def _dbf_cells(path: Path) -> tuple[dict[bytes, bool], int]:
    """Collect names and texts beyond ASCII from the raw file, and its language driver."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(32)
        start, width = int.from_bytes(head[8:10], "little"), int.from_bytes(head[10:12], "little")
        fields = file.read(max(start - 32, 0))
    remedy = "copy all parts of the shapefile again"
    if len(head) < 32 or start < 33 or width < 1:  # noqa: PLR2004 - the fixed head of the format
        message = f"{path.name}: the file has no sound dbf header; {remedy}"
        raise InputError(message)
    count = int.from_bytes(head[4:8], "little")
    there = (size - start) // width
    if there < count:
        message = f"{path.name}: the header says {count} rows, the file ends after row {there}; {remedy}"
        raise InputError(message)
    names, spans = _dbf_fields(fields, path.name)
    cells = {name: len(name) >= _NAME_BYTES for name in names if not name.isascii()}
    if count and spans:
        rows = np.memmap(path, dtype=np.uint8, mode="r", offset=start, shape=(count, width))
        for first in range(0, count, _BLOCK):
            _collect(np.asarray(rows[first : first + _BLOCK]), spans, cells)
            if len(cells) > _ENOUGH:
                break
    return cells, head[29]


def _dbf_fields(fields: bytes, file: str) -> tuple[list[bytes], list[tuple[int, int]]]:
    """List the names of all fields, and where in a row the texts stand."""
    names: list[bytes] = []
    spans: list[tuple[int, int]] = []
    offset = 1
    for place in range(0, len(fields) - 31, 32):
        field = fields[place : place + 32]
        if field[:1] == b"\r":
            break
        if field[:2] in {b"\xff\xfe", b"\xfe\xff"}:
            message = f"{file}: the table is in UTF-16, which no shapefile may be; export it again in UTF-8"
            raise InputError(message)
        names.append(field[:11].split(b"\x00")[0])
        text = field[11:12] == b"C"
        length = field[16] + (256 * field[17] if text else 0)
        if text:
            spans.append((offset, length))
        offset += length
    return names, spans


def _collect(block: NDArray[np.uint8], spans: list[tuple[int, int]], cells: dict[bytes, bool]) -> None:
    for begin, length in spans:
        cell = block[:, begin : begin + length]
        for raw in cell[(cell >= 0x80).any(axis=1)]:  # noqa: PLR2004 - the first byte beyond ASCII
            text = raw.tobytes().rstrip(b" \x00")
            cells[text] = cells.get(text, False) or len(text) == length
