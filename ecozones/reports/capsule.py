"""The capsule: what a report rests on, in a form a machine reads back from the file."""

from __future__ import annotations

import hashlib
import html
import json
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from openpyxl import load_workbook

from ecozones.errors import InputError
from ecozones.reports.figures import absent
from ecozones.review import SCHEMA, SiteReview

FORMAT = "ecozones/report/1"
ELEMENT = "ecozones-capsule"
"""Id of the element of a page, and name of the hidden sheet of a workbook, that hold the capsule."""

NAMESPACE = "urn:ecozones:report:1"
"""Namespace of the part of a document that holds the capsule."""

_VERDICTS = ["site_id", "verdict", "rule_ids", "status", "area_m2", "length_m"]
_LINES = [
    "site_id",
    "line",
    "relation",
    "overlap_m2",
    "overlap_sum_m2",
    "overlap_m",
    "share",
    "distance_m",
    "covered_share",
    "verdict",
]


def payload_of(review: SiteReview, inputs: Mapping[str, str | Path]) -> dict[str, Any]:
    """
    Gather what is needed to make a review again and compare it.

    Parameters
    ----------
    review
        The review.
    inputs
        Files it was made from, by role.

    Returns
    -------
    dict
        JSON-able.
    """
    return {
        "format": FORMAT,
        "inputs": {role: {"path": str(path), "sha256": file_digest(Path(path))} for role, path in inputs.items()},
        "conclusion": {"zh": review.conclusion("zh"), "en": review.conclusion("en")},
        "capsule": dict(review.capsule),
        "verdicts": records(review.verdicts, _VERDICTS),
        "lines": records(review.lines, _LINES),
    }


def records(table: pd.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    """
    Turn columns of a table into plain records.

    Parameters
    ----------
    table
        Any table.
    columns
        Those to take.

    Returns
    -------
    list of dict
        Without NaN, so that every JSON reader takes them.
    """
    plain = pd.DataFrame(table)[columns].astype(object)
    return [{str(key): _plain(value) for key, value in row.items()} for row in plain.to_dict("records")]


def _plain(value: object) -> object:
    if absent(value):
        return None if value != "" else ""
    return (
        value.item() if isinstance(value, np.generic) else value if isinstance(value, str | int | float) else str(value)
    )


def file_digest(path: Path) -> str:
    """
    Hash a file, or every file of a folder.

    Parameters
    ----------
    path
        File or folder.

    Returns
    -------
    str
        SHA-256; empty where there is no such file.
    """
    if not path.exists():
        return ""
    digest = hashlib.sha256()
    for file in [path] if path.is_file() else sorted(item for item in path.rglob("*") if item.is_file()):
        if path.is_dir():
            digest.update(file.relative_to(path).as_posix().encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def to_text(payload: Mapping[str, Any]) -> str:
    """
    Write a capsule so that no reader of markup can mistake it for markup.

    Parameters
    ----------
    payload
        The capsule.

    Returns
    -------
    str
        ASCII JSON without ``<``, ``>`` and ``&``.
    """
    text = json.dumps(payload, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def read_capsule(path: str | Path) -> dict[str, Any]:
    """
    Read the capsule back from a report.

    Parameters
    ----------
    path
        A report written as HTML, Word, Excel or JSON.

    Returns
    -------
    dict
        The capsule.

    Raises
    ------
    InputError
        The file holds none.
    """
    source = Path(path)
    reader = _READERS.get(source.suffix.lower())
    if reader is None:
        message = (
            f"{source.name}: a capsule is read from {', '.join(_READERS)}; verify the report's twin in one of these"
        )
        raise InputError(message)
    try:
        text = reader(source)
    except zipfile.BadZipFile as cause:
        message = f"{source.name} is no {source.suffix} file: {cause}"
        raise InputError(message) from cause
    if text is None:
        message = (
            f"{source.name} holds no capsule: it was not written by write_report, or another program saved it without"
        )
        raise InputError(message)
    try:
        found = json.loads(text)
    except json.JSONDecodeError as cause:
        message = f"the capsule in {source.name} is damaged: {cause}"
        raise InputError(message) from cause
    if not isinstance(found, dict) or found.get("format", found.get("schema")) not in {FORMAT, SCHEMA}:
        message = f"{source.name} is of a kind this version does not know; it knows {FORMAT} and {SCHEMA}"
        raise InputError(message)
    return found


def _from_page(path: Path) -> str | None:
    text = path.read_text(encoding="utf-8")
    found = re.search(rf'<script type="application/json" id="{ELEMENT}">(.*?)</script>', text, re.DOTALL)
    return found[1] if found else None


def _from_document(path: Path) -> str | None:
    with zipfile.ZipFile(path) as package:
        for name in package.namelist():
            if name.startswith("customXml/"):
                text = package.read(name).decode("utf-8")
                found = re.search(
                    rf"<(\w+:)?capsule[^>]*{re.escape(NAMESPACE)}[^>]*>(.*?)</(\w+:)?capsule>", text, re.DOTALL
                )
                if found:
                    return html.unescape(found[2])
    return None


def _from_workbook(path: Path) -> str | None:
    book = load_workbook(path, read_only=True)
    try:
        if ELEMENT not in book.sheetnames:
            return None
        return "".join(str(row[0]) for row in book[ELEMENT].iter_rows(values_only=True) if row[0] is not None)
    finally:
        book.close()


def _from_json(path: Path) -> str | None:
    return path.read_text(encoding="utf-8")


_READERS: Mapping[str, Callable[[Path], str | None]] = {
    ".html": _from_page,
    ".htm": _from_page,
    ".docx": _from_document,
    ".xlsx": _from_workbook,
    ".json": _from_json,
}
