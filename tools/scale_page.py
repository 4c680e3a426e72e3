"""
Write what 300 million parcels would cost: ``python tools/scale_page.py docs/internet_scale.md``.

The figures stand in ``scale_page.toml``: each is assumed, with its reason, or worked out, by the arithmetic that stands
beside it, or measured, and then read from the results of the benchmarks, so that the page cannot drift from them. What
has not been measured is said to be so, and what follows from it is left open.
"""

from __future__ import annotations

import json
import math
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

HERE = Path(__file__).parent
RESULTS, LARGE = HERE.parent / "benchmarks" / "results.json", HERE.parent / "benchmarks" / "large.json"
SECTIONS = tomllib.loads((HERE / "scale_page.toml").read_text(encoding="utf-8"))["section"]
SIZE = "M"
# below it three digits say more than none
WHOLE = 1000

HEAD = """# Internet scale on paper

What would it cost to check every parcel of the nation? **Nothing on this page was run at that size**: the largest run
had {rows} parcels. A figure is *measured*, with the command that measures it again; or *assumed*, with the reason; or
*worked out* from those above, by the arithmetic beside it. Times are seconds of one core of the machine that is
described with the [measurements](performance). The page is made from the results by `python tools/scale_page.py`.

- Held against a red line: **{check_core_h} core-hours**; official areas: **{areas_core_h} core-hours**. Both take
  {check_h} hours on one server of {cores} cores.
- Preparing the layer, once for each edition: **{prepare_core_h} core-hours**.
- Bytes: {layer_gb} GB in, {out_gb} GB out, **0 shuffled**.
- Fragments: {fragments_there}, with as many receipts, {receipts_mb} MB of them.

A cluster is needed where the data already lives on one, or where the answer is wanted in minutes.
"""
TAIL = """
## What paper cannot tell

Skew: a metropolis has fragments that meet a hundred times as many pieces as the steppe. Fragments have equal rows, not
equal work; there are many more of them than cores, so that a slow one holds up one core. Several hosts, object stores
and their network were not tried. Real rings are dirtier than drawn ones: what cannot be used is put aside with its
reason.
"""

Told = Mapping[str, Any]


def _measured(figure: Told, results: Told, large: Told) -> float:
    if "large" in figure:
        found: Any = large
        for key in figure["large"]:
            found = found.get(key, {})
        return float(found) if isinstance(found, int | float) else math.nan
    rows = results.get(SIZE, {"rows": []})["rows"]
    asked = [row for row in rows if row["job"] == figure["job"] and row["peer"] == figure["peer"]]
    rates = [row["answers"] / row["cpu_s"] for row in asked if "answers" in row and "cpu_s" in row]
    return float(rates[0]) if rates else math.nan


def values(results: Told, large: Told) -> dict[str, float]:
    """
    Work every figure out, in their order.

    Parameters
    ----------
    results, large
        What the benchmarks measured.

    Returns
    -------
    dict
        Number by name; NaN where something was not measured.
    """
    known: dict[str, float] = {}
    for figure in (figure for section in SECTIONS for figure in section["figures"]):
        if "formula" in figure:
            # pandas knows arithmetic on names, and nothing else that a formula could do
            found = pd.DataFrame([known]).eval(figure["formula"], engine="python")
            known[figure["name"]] = float(pd.Series(found).iloc[0])
        elif "assumed" in figure:
            known[figure["name"]] = float(figure["assumed"])
        else:
            known[figure["name"]] = _measured(figure, results, large)
    return known


def shown(value: float) -> str:
    """
    Write a number as the page does.

    Parameters
    ----------
    value
        The number.

    Returns
    -------
    str
        Three digits, or whole where it is large.
    """
    if math.isnan(value):
        return "(not measured)"
    return f"{value:,.0f}" if value >= WHOLE else f"{value:.3g}"


def _origin(figure: Told, large: Told) -> str:
    if "formula" in figure:
        return f"worked out: `{figure['formula']}`"
    if "assumed" in figure:
        return f"assumed: {figure['why']}"
    job = figure.get("job")
    if job:
        return f'measured: `python -m benchmarks --size {SIZE} --jobs "{job}"`'
    return f"measured: `{large.get('command', 'python -m benchmarks.bench_large')}`"


def page(results: Told, large: Told) -> str:
    """
    Write the page.

    Parameters
    ----------
    results, large
        What the benchmarks measured.

    Returns
    -------
    str
        Markdown.
    """
    said = {name: shown(value) for name, value in values(results, large).items()}
    parts = [HEAD.format(**said)]
    for section in SECTIONS:
        lines = [
            f"| `{figure['name']}` | {figure['label']} | {said[figure['name']]} | {figure.get('unit', '')} "
            f"| {_origin(figure, large)} |"
            for figure in section["figures"]
        ]
        table = "\n".join(["| name | figure | value | unit | from |", "|---|---|--:|---|---|", *lines])
        parts.append(f"\n## {section['title']}\n\n{section['words']}\n{table}\n")
    return "".join([*parts, TAIL])


def _read(path: Path) -> Told:
    found: Told = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(_read(RESULTS), _read(LARGE)), encoding="utf-8")
