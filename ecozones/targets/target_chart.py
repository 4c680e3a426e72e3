"""Targets as small charts: the way from base to target, and what was observed on it, a row each; plain SVG."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, cast
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd

from ecozones.errors import InputError
from ecozones.targets.tracking import track_targets
from ecozones.targets.verdicts import VERDICT_WORDS, Verdict
from ecozones.vocab import Language

_ROW, _LABEL, _CHART, _SAID, _PAD = 44, 300, 220, 170, 10
_STATUS_WORDS: Mapping[str, str] = {"reported": "上报", "verified": "核实", "modelled": "模型推算"}
_STYLE = (
    "text{font:13px sans-serif;fill:#222}.small{font-size:11px;fill:#555}.way{stroke:#888;stroke-dasharray:4 3}"
    ".goal{stroke:#222}.seen{stroke:#1f5a8c;fill:none;stroke-width:1.5}.verified{fill:#1f5a8c}"
    ".reported,.modelled{fill:#fff;stroke:#1f5a8c;stroke-width:1.5}"
)


@dataclasses.dataclass(frozen=True)
class TargetChart:
    """
    A chart of targets, shown as a picture in a notebook.

    Parameters
    ----------
    svg
        The picture.
    """

    svg: str

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> None:
        """
        Write the picture to a file.

        Parameters
        ----------
        path
            SVG file to write.
        """
        Path(path).write_text(self.svg, encoding="utf-8")


def draw_targets(
    targets: pd.DataFrame,
    observed: pd.DataFrame,
    *,
    on: str | float | None = None,
    language: Language = "zh",
) -> TargetChart:
    """
    Draw targets and what was observed of them, a small chart each, with the verdict beside it.

    Parameters
    ----------
    targets, observed, on
        As for :func:`ecozones.track_targets`.
    language
        Of the verdicts: ``"zh"`` or ``"en"``.

    Returns
    -------
    TargetChart
        One row per target and status: the dashed line is the way from base to target, the bar the target in its year,
        dots are observations, filled where verified. A target without years or observations has no chart, but a row.

    Raises
    ------
    InputError
        There are no targets.
    SchemaError
        As for :func:`ecozones.track_targets`.

    Examples
    --------
    >>> targets = pd.DataFrame({"indicator": ["PM2.5"], "value": [27], "unit": ["ug/m3"], "comparator": ["<="],
    ...                         "base_year": [2020], "base_value": [36], "year": [2025]})
    >>> observed = pd.DataFrame({"indicator": ["PM2.5"], "year": [2023], "value": [30]})
    >>> draw_targets(targets, observed, language="en").svg.count("<circle")
    1
    """
    if not len(targets):
        message = "there are no targets to draw"
        raise InputError(message)
    tracked = track_targets(targets, observed, on=on).assign(start=np.nan)
    if "base_year" in targets.columns:
        ids = targets["target_id"] if "target_id" in targets.columns else [f"T{i}" for i in range(1, len(targets) + 1)]
        starts = dict(zip(ids, pd.to_numeric(targets["base_year"]), strict=True))
        tracked["start"] = tracked["target_id"].map(starts).astype(float)
    seen = _history(targets, observed, tracked)
    width, height = _LABEL + _CHART + _SAID, _ROW * len(tracked) + 2 * _PAD
    rows = []
    for number, row in enumerate(tracked.to_dict("records")):
        mine = seen[(seen["target_id"] == row["target_id"]) & (seen["status"] == row["status"])]
        rows.append(_row(row, mine, _PAD + number * _ROW, language))
    return TargetChart(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img"><style>{_STYLE}</style>{"".join(rows)}</svg>'
    )


def _history(targets: pd.DataFrame, observed: pd.DataFrame, tracked: pd.DataFrame) -> pd.DataFrame:
    """List what was observed in each year up to the last, in the units of the targets."""
    years = sorted({float(year) for year in pd.to_numeric(observed["year"]) if year <= tracked["observed_year"].max()})
    parts = [track_targets(targets, observed, on=year) for year in years]
    columns = ["target_id", "status", "observed_year", "observed"]
    if not parts:
        return pd.DataFrame(columns=columns)
    return pd.concat(parts, ignore_index=True)[columns].dropna().drop_duplicates(columns[:3])


def _row(row: Mapping[Hashable, Any], seen: pd.DataFrame, top: float, language: Language) -> str:
    """Draw one target: its name, its way, and its verdict."""
    verdict = str(row["verdict"])
    said = VERDICT_WORDS[cast("Verdict", verdict)] if language == "zh" else verdict.replace("_", " ")
    status = _STATUS_WORDS.get(str(row["status"]), row["status"]) if language == "zh" else row["status"]
    where = " · ".join(str(word) for word in (row["place"], status) if word)
    sign = {"more": "≥", "less": "≤", "hold": "="}[row["sense"]]
    goal = f"{sign} {row['target']:g} {row['unit']}"
    now = "" if np.isnan(row["observed"]) else f" · {row['observed']:g}"
    texts = (
        (0, 18, "", row["indicator"]),
        (0, 34, "small", where),
        (_LABEL + _CHART + _PAD, 18, "", said),
        (_LABEL + _CHART + _PAD, 34, "small", goal + now),
    )
    words = "".join(
        f'<text x="{x + _PAD}" y="{top + y}" class="{kind}">{escape(str(text))}</text>' for x, y, kind, text in texts
    )
    return words + _drawing(row, seen, top)


def _drawing(row: Mapping[Hashable, Any], seen: pd.DataFrame, top: float) -> str:
    """Draw the way from base to target and the observations; nothing where no two years are known."""
    ends = [(row["start"], row["baseline"]), (row["year"], row["target"])]
    dots = list(zip(seen["observed_year"], seen["observed"], strict=True))
    known = np.array([point for point in (*ends, *dots) if not np.isnan(point).any()], dtype=float)
    if not len(known) or np.ptp(known[:, 0]) == 0:
        return ""
    low, span = known.min(axis=0), np.ptp(known, axis=0)
    span[1] = span[1] or 1.0

    def place(point: tuple[float, float]) -> tuple[float, float]:
        across, up = (np.asarray(point) - low) / span
        return round(_LABEL + _PAD + across * (_CHART - 2 * _PAD), 1), round(top + _ROW - 12 - up * (_ROW - 20), 1)

    drawn = []
    if not np.isnan(ends).any():
        (x1, y1), (x2, y2) = map(place, ends)
        drawn.append(f'<line class="way" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>')
    if not np.isnan(ends[1]).any():
        x, y = place(ends[1])
        drawn.append(f'<line class="goal" x1="{x}" y1="{y - 6}" x2="{x}" y2="{y + 6}"/>')
    if dots:
        path = " ".join(f"{x},{y}" for x, y in map(place, dots))
        drawn.append(f'<polyline class="seen" points="{path}"/>')
    kind = row["status"] if row["status"] in {"verified", "modelled"} else "reported"
    for dot in dots:
        x, y = place(dot)
        drawn.append(f'<circle class="{kind}" cx="{x}" cy="{y}" r="3"><title>{dot[0]:.0f}: {dot[1]:g}</title></circle>')
    return "".join(drawn)
