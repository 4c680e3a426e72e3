"""Sites that were checked, with all that is needed to ask what would be lawful."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import pandas as pd

from ecozones.alternatives.lawful_ground import acceptable, ground_by_verdict, place_sites, unite_worse
from ecozones.area import AreaMethod
from ecozones.overlay import Geometries, Numbers
from ecozones.plan import ZoningPlan
from ecozones.review import SiteReview
from ecozones.rulebook import Rulebook, load_rules
from ecozones.siting import check_sites

ACCEPT = "state_council"
# distances to forbidden ground that are tried in turn, until nothing at all is left of the overlap: the first is none,
# the others make up for coordinates that were brought from another plane [m]
CLEARANCES_M = (0.0, 1e-6, 1e-4, 1e-3, 1e-2)


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """Sites that were checked, with all that is needed to ask further."""

    plan: ZoningPlan
    book: Rulebook
    review: SiteReview
    shapes: gpd.GeoDataFrame
    limit: int
    lines: tuple[str, ...]
    method: AreaMethod

    @property
    def verdicts(self) -> gpd.GeoDataFrame:
        """The verdicts as the sites stand."""
        return self.review.verdicts

    @functools.cached_property
    def fails(self) -> np.ndarray:
        """Which sites fare worse than is acceptable."""
        return np.asarray(self.verdicts["verdict"].cat.codes.to_numpy() > self.limit)

    @functools.cached_property
    def missing(self) -> str:
        """Lines that were asked for and the plan lacks: no change of a site can make up for them."""
        absent = self.review.lines["relation"] == "not_checked"
        return ", ".join(self.review.lines.loc[absent, "line"].unique())

    def forbidden(self, rows: np.ndarray, *, reach_m: float) -> tuple[Geometries, pd.DataFrame]:
        """Unite the ground near some sites on which each may not be."""
        activity = self.verdicts["activity"].to_numpy(dtype=object)[rows]
        near = self.shapes.iloc[rows].reset_index(drop=True)
        ground = ground_by_verdict(near, activity, self.plan, self.lines, self.book, self.review.on, reach_m=reach_m)
        return unite_worse(ground, self.limit, len(rows)), ground

    def again(self, rows: np.ndarray, shapes: Geometries, *, strict: bool) -> tuple[pd.Series, Numbers]:
        """Check changed sites: the verdict of each, and how much of it stays on ground where it may not be."""
        changed = gpd.GeoDataFrame(
            {"site_id": rows, "activity": self.verdicts["activity"].to_numpy()[rows]},
            geometry=shapes,
            crs=self.shapes.crs,
        )
        tolerance = {"ignore_below_m2": 0.0, "ignore_narrower_m": 0.0} if strict else {}
        review = check_sites(
            changed, self.plan, on=self.review.on, rules=self.book, lines=self.lines, method=self.method, **tolerance
        )
        found = review.findings[review.findings["verdict"].cat.codes > self.limit]
        amount = found["area_m2"].fillna(found["length_m"]).fillna(1.0)
        left = amount.groupby(found["site_id"]).sum().reindex(rows, fill_value=0.0)
        return review.verdicts["verdict"], left.to_numpy(dtype=float)

    def table(self) -> pd.DataFrame:
        """Say of each site what it is, and why it fails."""
        verdicts, findings = self.verdicts, self.review.findings
        bad = findings[(findings["role"] == "decides") & (findings["verdict"].cat.codes > self.limit)]
        why = bad.groupby("site_id", sort=False)[["line", "rule_id", "citation"]].agg(listed)
        why = why.reindex(verdicts["site_id"]).fillna("").reset_index(drop=True)
        return pd.DataFrame(
            {
                "site_id": verdicts["site_id"].to_numpy(),
                "name": verdicts["name"].to_numpy(),
                "activity": verdicts["activity"].to_numpy(),
                "verdict_before": verdicts["verdict"].array,
                "lines": why["line"],
                "rule_ids": why["rule_id"],
                "citation": why["citation"],
            }
        )


def listed(values: pd.Series) -> str:
    """Join words, each once, in the order in which they come."""
    return "; ".join(dict.fromkeys(str(value) for value in values if value))


def open_case(
    sites: gpd.GeoDataFrame,
    plan: ZoningPlan,
    accept: str,
    on: dt.date | str | None,
    rules: Rulebook | str | None,
    lines: Iterable[str] | None,
    method: AreaMethod,
) -> Case:
    """Check sites, and keep what is needed to ask further."""
    limit = acceptable(accept)
    book = rules if isinstance(rules, Rulebook) else load_rules(rules or "CN")
    review = check_sites(sites, plan, on=on, rules=book, lines=lines, method=method)
    asked = tuple(review.capsule["lines_checked"])
    return Case(plan, book, review, place_sites(sites, plan), limit, asked, method)


def reasons(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Say of sites that are lawful that they are, in both languages."""
    fails = case.fails
    return (
        np.where(fails, "", "lawful as it stands").astype(object),
        np.where(fails, "", "现状即合规").astype(object),
    )


def missing_words(case: Case) -> tuple[str, str]:
    """Say in both languages that no change makes up for a line that the plan lacks."""
    names = [case.plan.control_lines[line].zh for line in case.missing.split(", ")]
    return f"the plan lacks {case.missing}: no change can settle that", f"规划缺少{'、'.join(names)}图层，调整无从判定"
