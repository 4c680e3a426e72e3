"""Findings that somebody has looked at and accepted: kept in a file, shown with who and why, never dropped."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ecozones.errors import SchemaError, name_rows

_COLUMNS = ["finding_id", "rule_id", "line", "feature_ids", "accepted_by", "accepted_why", "accepted_on"]

# coordinates are compared to the centimetre, so that another release of a geometry library does not undo a decision
_DECIMALS = {"metre": 2, "degree": 7}


def finding_ids(findings: gpd.GeoDataFrame, *, degrees: bool = False) -> list[str]:
    """
    Give each finding an id that depends on what was found and where, and on nothing else.

    Parameters
    ----------
    findings
        Columns ``rule_id, line, feature_ids, detail, geometry``.
    degrees
        Whether coordinates are degrees.

    Returns
    -------
    list of str
        The rule and twelve hexadecimal digits; the same for any order of rows, and for any start or direction of rings.

    Examples
    --------
    >>> found = gpd.GeoDataFrame(
    ...     {"rule_id": ["coverage.gap"], "line": ["x"], "feature_ids": ["1, 2"], "detail": [""]},
    ...     geometry=[shapely.box(0, 0, 1, 1)],
    ... )
    >>> finding_ids(found)
    ['coverage.gap:...']
    """
    places = _places(np.asarray(findings.geometry.array, dtype=object), _DECIMALS["degree" if degrees else "metre"])
    told = zip(
        findings["rule_id"].astype(str),
        findings["line"].astype(str),
        findings["feature_ids"].astype(str),
        findings["detail"].astype(str),
        places,
        strict=True,
    )
    return [
        f"{rule}:{hashlib.blake2b(f'{rule}|{line}|{ids}|{detail}'.encode() + place, digest_size=6).hexdigest()}"
        for rule, line, ids, detail, place in told
    ]


def _places(geometry: NDArray[np.object_], decimals: int) -> list[bytes]:
    rounded = shapely.transform(geometry, lambda xy: np.round(xy, decimals) + 0.0)
    return [blob or b"" for blob in shapely.to_wkb(shapely.normalize(shapely.force_2d(rounded)), byte_order=1)]


def read_waivers(source: str | Path | pd.DataFrame) -> pd.DataFrame:
    """
    Read accepted exceptions.

    Parameters
    ----------
    source
        A CSV file, a TOML file of ``[[exceptions]]``, or a table. Each needs ``accepted_by`` and ``accepted_why``, and
        either ``finding_id`` (this finding only) or ``rule_id`` and ``feature_ids`` (that rule on those features,
        wherever it is; ``line`` narrows it).

    Returns
    -------
    DataFrame
        One row per exception, all columns text, empty where nothing is said.

    Raises
    ------
    SchemaError
        A column is unknown, or an exception does not say what it accepts, who accepted it, or why.

    Examples
    --------
    >>> read_waivers(pd.DataFrame({"finding_id": ["a:1"], "accepted_by": ["Li"], "accepted_why": ["a wall"]})).shape
    (1, 7)
    """
    if isinstance(source, pd.DataFrame):
        table, what = source, "exceptions"
    else:
        path, what = Path(source), Path(source).name
        if path.suffix.lower() == ".toml":
            rows = tomllib.loads(path.read_text(encoding="utf-8")).get("exceptions", [])
            table = pd.DataFrame(rows)
        else:
            table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    foreign = [str(column) for column in table.columns if column not in _COLUMNS]
    if foreign:
        message = f"{what}: columns {name_rows(foreign)} are not known; use {', '.join(_COLUMNS)}"
        raise SchemaError(message)
    told = table.reindex(columns=_COLUMNS).astype(object)
    told = told.where(told.notna(), "").map(lambda value: str(value).strip()).reset_index(drop=True)
    told["feature_ids"] = told["feature_ids"].map(_in_order)
    vague = (told["finding_id"] == "") & ((told["rule_id"] == "") | (told["feature_ids"] == ""))
    unsigned = (told["accepted_by"] == "") | (told["accepted_why"] == "")
    for bad, problem in (
        (vague, "give finding_id, or rule_id and feature_ids"),
        (unsigned, "say who accepted it and why in accepted_by and accepted_why"),
    ):
        if bad.any():
            rows_told = name_rows(told.index[bad])
            message = f"{what}: rows {rows_told}: {problem}"
            raise SchemaError(message, told[bad])
    return told


def _in_order(ids: str) -> str:
    return ", ".join(sorted(part.strip() for part in ids.split(",") if part.strip()))


def mark_waived(findings: gpd.GeoDataFrame, waivers: pd.DataFrame) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """
    Mark findings as accepted, with who and why.

    Parameters
    ----------
    findings
        Columns ``finding_id, rule_id, line, feature_ids``.
    waivers
        As :func:`read_waivers` gives them.

    Returns
    -------
    tuple
        The findings, all of them, with ``accepted, accepted_by, accepted_why``; and the waivers that met none.
    """
    accepted = np.full(len(findings), -1)
    used = np.zeros(len(waivers), dtype=bool)
    by_id = {key: row for row, key in enumerate(waivers["finding_id"]) if key}
    by_rule = {
        (rule, ids): row
        for row, (key, rule, ids) in enumerate(
            zip(waivers["finding_id"], waivers["rule_id"], waivers["feature_ids"], strict=True)
        )
        if not key
    }
    line = waivers["line"].tolist()
    told = zip(findings["finding_id"], findings["rule_id"], findings["line"], findings["feature_ids"], strict=True)
    for at, (key, rule, layer, ids) in enumerate(told):
        row = by_id.get(key)
        if row is None:
            row = by_rule.get((rule, _in_order(ids)))
            if row is not None and line[row] not in {"", layer}:
                row = None
        if row is not None:
            accepted[at], used[row] = row, True
    marked = findings.copy()
    marked["accepted"] = accepted >= 0
    for column in ("accepted_by", "accepted_why"):
        said = waivers[column].to_numpy(dtype=object)
        marked[column] = [said[row] if row >= 0 else "" for row in accepted]
    return marked, waivers[~used]


def write_waivers(findings: pd.DataFrame, path: str | Path, *, by: str, why: str, on: str = "") -> Path:
    """
    Accept findings: add them to a CSV file of exceptions.

    Parameters
    ----------
    findings
        The rows to accept, as `check_quality` gives them.
    path
        The file; made if it does not exist. Exceptions that stand in it stay.
    by, why
        Who accepts them, and the reason.
    on
        The day, as text.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    SchemaError
        Nobody, or no reason, is named.
    """
    new = findings[["finding_id", "rule_id", "line", "feature_ids"]].assign(
        accepted_by=by, accepted_why=why, accepted_on=on
    )
    new = read_waivers(pd.DataFrame(new))
    out = Path(path)
    if out.exists():
        new = pd.concat([read_waivers(out), new]).drop_duplicates("finding_id", keep="last")
    # a mark at the beginning, so that a spreadsheet in a Chinese Windows reads the Chinese
    new.to_csv(out, index=False, encoding="utf-8-sig")
    return out
