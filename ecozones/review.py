"""``SiteReview``: what a check found, held still."""

from __future__ import annotations

import dataclasses
import datetime as dt
import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from ecozones.vocab import Language, verdict_words

SCHEMA = "ecozones/site-review/1"


@dataclasses.dataclass(frozen=True, eq=False)
class SiteReview:
    """
    The answer of :func:`ecozones.check_sites`: four tables and what they rest on.

    Parameters
    ----------
    verdicts
        One row per site.
    lines
        One row per site and line, also where nothing was met or nothing could be checked.
    findings
        One row per patch of ground that a rule speaks of, or that nothing speaks of.
    balance
        One row per site and line: the pieces beside the whole.
    on
        The day whose rules were applied.
    capsule
        What the answer rests on: hashes of the inputs, CRS paths, area method, tolerances, rulebook, versions.
    """

    verdicts: gpd.GeoDataFrame
    lines: pd.DataFrame
    findings: gpd.GeoDataFrame
    balance: pd.DataFrame
    on: dt.date
    capsule: Mapping[str, Any]

    def counts(self) -> pd.Series:
        """
        Count sites by verdict, mildest first.

        Returns
        -------
        Series
            Number of sites by verdict that occurs.
        """
        counted = self.verdicts["verdict"].value_counts(sort=False)
        return counted[counted > 0]

    def conclusion(self, language: Language = "zh") -> str:
        """
        Put the answer in one sentence.

        Parameters
        ----------
        language
            ``"zh"`` or ``"en"``.

        Returns
        -------
        str
            How many sites have which verdict, on which day, and how many rest on rules nobody has verified.
        """
        words = verdict_words()
        unverified = int((~self.verdicts["status"].isin(["", "verified"])).sum())
        parts = [f"{words[str(verdict)].label(language)} {n}" for verdict, n in self.counts().items()]
        if language == "zh":
            text = f"{self.on} 共审查 {len(self.verdicts)} 个项目：" + "，".join(parts)
            return text + (f"；其中 {unverified} 个所依规则尚未与原文核对" if unverified else "") + "。"
        text = f"{len(self.verdicts)} sites on {self.on}: " + ", ".join(parts)
        return text + (f"; {unverified} rest on rules not verified against the original" if unverified else "") + "."

    def to_json(self, path: str | Path | None = None) -> str:
        """
        Write the review as one JSON object of the published schema.

        Parameters
        ----------
        path
            File to write; left out: only return the text.

        Returns
        -------
        str
            UTF-8 JSON. Geometries are GeoJSON in the CRS named beside them.
        """
        document = {
            "schema": SCHEMA,
            "on": self.on.isoformat(),
            "conclusion": {"zh": self.conclusion("zh"), "en": self.conclusion("en")},
            "capsule": dict(self.capsule),
            "verdicts": _records(self.verdicts),
            "verdicts_crs": self.verdicts.crs.to_string(),
            "lines": _records(self.lines),
            "findings": _records(self.findings),
            "findings_crs": self.findings.crs.to_string(),
            "balance": _records(self.balance),
        }
        text = json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def __repr__(self) -> str:
        """Count the verdicts, worst known."""
        counted = ", ".join(f"{n} {verdict}" for verdict, n in self.counts().items())
        unverified = int((~self.verdicts["status"].isin(["", "verified"])).sum())
        note = f"; {unverified} on rules not verified" if unverified else ""
        return f"<SiteReview of {len(self.verdicts)} sites on {self.on}: {counted or 'no sites'}{note}>"

    def _repr_html_(self) -> str:
        words = verdict_words()
        rows = []
        for row in self.verdicts.itertuples():
            flag = "" if row.status in {"", "verified"} else " ⚠"
            word = words[str(row.verdict)]
            cells = [row.site_id, row.name, f"{word.sign} {word.zh} {word.en}{flag}", row.rule_ids, row.reason]
            mu = "" if pd.isna(row.area_mu) else f"{row.area_mu:,.2f}"
            rows.append(
                "<tr>" + "".join(f"<td>{html.escape(str(cell or ''))}</td>" for cell in cells) + f"<td>{mu}</td></tr>"
            )
        head = "".join(
            f"<th>{name}</th>" for name in ("site", "名称", "结论 verdict", "规则 rules", "说明 reason", "亩 mu")
        )
        return (
            f"<p>{html.escape(self.conclusion('zh'))}<br>{html.escape(self.conclusion('en'))}</p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        )


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Turn a table into plain records: no NaN, no numpy, geometry as GeoJSON."""
    shapes = None
    plain = table
    if isinstance(table, gpd.GeoDataFrame):
        shapes = [None if shape is None else shape.__geo_interface__ for shape in table.geometry]
        plain = pd.DataFrame(table.drop(columns=table.geometry.name))
    records = json.loads(plain.to_json(orient="records", date_format="iso", double_precision=15, force_ascii=False))
    for record, shape in zip(records, shapes or [], strict=bool(shapes)):
        record["geometry"] = shape
    return list(records)
