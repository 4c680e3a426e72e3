"""``verify_report``: make a report's review again from what it says it rests on, and say what differs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from ecozones.errors import InputError
from ecozones.plan import ZoningPlan
from ecozones.readers import read_plan, read_sites
from ecozones.reports.capsule import file_digest, payload_of, read_capsule
from ecozones.reports.figures import word
from ecozones.review import SiteReview
from ecozones.rulebook import Rulebook, load_rules
from ecozones.siting import check_sites
from ecozones.vocab import Language

# what another version of GEOS or PROJ may change in a figure without changing what is printed
_TOLERANCE = 1e-9
_COLUMNS = ["item", "recorded", "found", "same"]
_KEYS = {"verdicts": ("site_id",), "lines": ("site_id", "line")}


def verify_report(
    path: str | Path,
    *,
    sites: gpd.GeoDataFrame | None = None,
    plan: ZoningPlan | None = None,
    rules: Rulebook | None = None,
) -> pd.DataFrame:
    """
    Make the review behind a report again and compare it with what the report says.

    Parameters
    ----------
    path
        A report written as HTML, Word, Excel or JSON.
    sites, plan
        The inputs; left out: they are read from the files that the report names, where it says or beside it.
    rules
        The rulebook; left out: the built-in one that the report names.

    Returns
    -------
    DataFrame
        One row per thing compared: ``item``, ``recorded``, ``found``, ``same``. Every setting and hash has a row; of
        the tables each value that differs has one, and each table has one that counts them.

    Raises
    ------
    InputError
        The file holds no capsule, or does not say where its inputs are.
    """
    source = Path(path)
    sealed = read_capsule(source)
    capsule = sealed["capsule"]
    inputs = sealed.get("inputs", {})
    rows = [*_files(inputs, source)]
    again = check_sites(
        sites if sites is not None else read_sites(_find(inputs, "sites", source)),
        plan if plan is not None else read_plan(_find(inputs, "plan", source), name=capsule["plan"] or None),
        on=capsule["on"],
        rules=rules if rules is not None else load_rules(capsule["rulebook"]),
        lines=capsule["lines_checked"],
        setback_m=capsule.get("setback_m"),
        ignore_below_m2=capsule["ignore_below_m2"],
        ignore_narrower_m=capsule["ignore_narrower_m"],
        method=capsule["area_method"],
    )
    found = payload_of(again, {})
    rows += _settings(capsule, found["capsule"])
    for table, keys in _KEYS.items():
        rows += _values(table, keys, sealed[table], found[table])
    rows += _texts(sealed, again)
    return pd.DataFrame(rows, columns=_COLUMNS).astype({"same": bool})


def _find(inputs: Mapping[str, Any], role: str, source: Path) -> Path:
    """Find a file where the report says, or beside the report."""
    if role not in inputs:
        message = f"{source.name} does not say which file its {role} came from; pass {role}=..."
        raise InputError(message)
    stated = Path(inputs[role]["path"])
    for place in (stated, source.parent / stated, source.parent / stated.name):
        if place.exists():
            return place
    message = f"{source.name} was made from {stated}, which is not there; pass {role}=..."
    raise InputError(message)


def _files(inputs: Mapping[str, Any], source: Path) -> Iterator[tuple[str, Any, Any, bool]]:
    for role, stated in inputs.items():
        places = (Path(stated["path"]), source.parent / stated["path"], source.parent / Path(stated["path"]).name)
        place = next((place for place in places if place.exists()), None)
        digest = file_digest(place) if place is not None else "not there"
        yield f"file {role} sha256", stated["sha256"], digest, stated["sha256"] == digest


def _settings(recorded: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any, bool]]:
    before, now = dict(_flat("", recorded)), dict(_flat("", found))
    for item in dict.fromkeys([*before, *now]):
        yield item, before.get(item), now.get(item), before.get(item) == now.get(item)


def _flat(prefix: str, value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), inner)
    else:
        yield prefix, list(value) if isinstance(value, tuple) else value


def _values(
    table: str, keys: tuple[str, ...], recorded: list[dict[str, Any]], found: list[dict[str, Any]]
) -> list[tuple[str, Any, Any, bool]]:
    """Compare two tables value by value, whatever the order of their rows."""
    before = {tuple(row[key] for key in keys): row for row in recorded}
    now = {tuple(row[key] for key in keys): row for row in found}
    rows: list[tuple[str, Any, Any, bool]] = []
    for at in dict.fromkeys([*before, *now]):
        where = f"{table}[{', '.join(map(str, at))}]"
        if at not in before or at not in now:
            rows.append((where, "there" if at in before else "not there", "there" if at in now else "not there", False))
            continue
        shared = [column for column in now[at] if column in before[at]]
        rows += [
            (f"{where}.{column}", before[at][column], now[at][column], False)
            for column in shared
            if not _same(before[at][column], now[at][column])
        ]
    said = f"{len(now)} rows, {len(rows)} differences" if rows else f"{len(now)} rows"
    return [(table, f"{len(before)} rows", said, not rows and len(before) == len(now)), *rows]


def _same(recorded: object, found: object) -> bool:
    if isinstance(recorded, int | float) and isinstance(found, int | float):
        return math.isclose(recorded, found, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    return recorded == found


def _texts(sealed: Mapping[str, Any], again: SiteReview) -> Iterator[tuple[str, Any, Any, bool]]:
    """Compare the sentence that a signature stands under."""
    stated = sealed.get("conclusion")
    languages: dict[Language, str] = {"zh": word("conclusion", "zh"), "en": word("conclusion", "en")}
    for language, label in languages.items():
        if isinstance(stated, Mapping) and language in stated:
            made = again.conclusion(language)
            yield f"{label} {language}", stated[language], made, stated[language] == made
