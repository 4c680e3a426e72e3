"""May this be built here, and under which rule."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ecozones import overlay
from ecozones.area import AreaMethod, measure_length, polygon_areas
from ecozones.capsule import digest, versions
from ecozones.crs import check_crs
from ecozones.errors import SchemaError, name_rows
from ecozones.geometry import repair_polygons
from ecozones.patches import Slivers, divide
from ecozones.placing import bring_to, in_metres
from ecozones.plan import ZoningPlan
from ecozones.review import SiteReview
from ecozones.rulebook import Rulebook, as_day, load_rules
from ecozones.units import from_m2, round_half_up
from ecozones.vocab import ControlLine, verdict_dtype

_LINE_COLUMNS = [
    "site_id", "line", "relation", "overlap_m2", "overlap_mu", "overlap_sum_m2", "overlap_m", "share", "distance_m",
    "parts", "sliver_m2", "covered_share", "verdict",
]  # fmt: skip
_FINDING_COLUMNS = [
    "site_id", "verdict", "role", "line", "subzone", "feature_ids", "rule_id", "requires", "requires_zh", "citation",
    "status", "effective_from", "reason", "reason_zh", "area_m2", "area_mu", "length_m", "share", "width_m", "geometry",
]  # fmt: skip
_BALANCE_COLUMNS = ["site_id", "line", "unit", "whole", "claimed", "unclaimed", "uncovered", "error", "error_share"]
_SAID = ["verdict", "rule_id", "requires", "requires_zh", "citation", "status", "effective_from", "reason", "reason_zh"]
_RELATION_SHARE = 1 - 1e-9
# columns that have one kind, whatever the rows hold: the kind that pandas gives to text, and numbers
_TEXT = pd.Series([""]).dtype
_TEXTS = {
    "line", "relation", "role", "subzone", "feature_ids", "rule_id", "rule_ids", "requires", "requires_zh", "citation",
    "status", "reason", "reason_zh", "not_checked", "unit",
}  # fmt: skip
_NUMBERS = {
    "area_m2", "area_mu", "length_m", "share", "width_m", "whole", "claimed", "unclaimed", "uncovered", "error",
    "error_share",
}  # fmt: skip


def check_sites(
    sites: gpd.GeoDataFrame,
    plan: ZoningPlan,
    *,
    on: dt.date | str | None = None,
    rules: Rulebook | str | None = None,
    lines: Iterable[str] | None = None,
    setback_m: float | Mapping[str, float] | None = None,
    ignore_below_m2: float = 1.0,
    ignore_narrower_m: float = 0.1,
    method: AreaMethod = "national",
) -> SiteReview:
    """
    Check a frame of sites against the control lines of a plan.

    Parameters
    ----------
    sites, plan, on, rules, lines, setback_m, ignore_below_m2, ignore_narrower_m, method
        As for :func:`ecozones.check_sites`, which also takes layers on disk and tables.

    Returns
    -------
    SiteReview
        A verdict for every site, a row for every site and line, a finding for every patch, and the balance.

    Raises
    ------
    SchemaError, GeometryError, CRSError
        As for :func:`ecozones.check_sites`.

    Examples
    --------
    >>> from ecozones.testing import chessboard_plan, square
    >>> plan = chessboard_plan(red_line={"a1": "core"})
    >>> check_sites(square("a1", activity="ordinary_build"), plan, on="2026-06-01")
    <SiteReview of 1 sites on 2026-06-01: 1 prohibited>
    """
    day = dt.datetime.now(tz=dt.UTC).astimezone().date() if on is None else as_day(on)
    book = load_rules(rules or "CN") if not isinstance(rules, Rulebook) else rules
    review = answer_sites(
        prepare_sites(sites, plan, book), plan, day, book, lines=lines, setback_m=setback_m,
        ignore_below_m2=ignore_below_m2, ignore_narrower_m=ignore_narrower_m, method=method,
    )  # fmt: skip
    return dataclasses.replace(review, capsule={**review.capsule, **hash_inputs(sites, plan)})


def hash_inputs(sites: gpd.GeoDataFrame, plan: ZoningPlan) -> dict[str, Any]:
    """
    Hash what a check was given, for its capsule.

    Parameters
    ----------
    sites
        All sites.
    plan
        The plan.

    Returns
    -------
    dict
        SHA-256 of the sites, of every line, and of the extent.

    Examples
    --------
    >>> from ecozones.testing import chessboard_plan, square
    >>> list(hash_inputs(square("a1"), chessboard_plan(farmland=["a1"])))
    ['sites_sha256', 'lines_sha256', 'extent_sha256']
    """
    return {
        "sites_sha256": digest(sites),
        "lines_sha256": {line: plan.digest(line) for line in plan.lines},
        "extent_sha256": "" if plan.extent is None else digest(plan.extent),
    }


@dataclasses.dataclass(frozen=True, eq=False)
class PreparedSites:
    """
    Sites that can be checked: every problem has been looked for, polygons are valid, corridors are ground.

    Parameters
    ----------
    sites
        As they were given.
    placed
        ``site_id, name, activity``, the activity as the rules name it.
    shapes
        What is held against the lines.
    repaired
        The ledger of repairs.
    """

    sites: gpd.GeoDataFrame
    placed: pd.DataFrame
    shapes: gpd.GeoDataFrame
    repaired: pd.DataFrame

    def take(self, start: int, stop: int) -> PreparedSites:
        """
        Take a stretch of them.

        Parameters
        ----------
        start, stop
            First row and the one after the last.

        Returns
        -------
        PreparedSites
            Rows from `start` on; the ledger stays with the whole.
        """
        placed, shapes = (frame.iloc[start:stop].reset_index(drop=True) for frame in (self.placed, self.shapes))
        return PreparedSites(self.sites.iloc[start:stop], placed, shapes, self.repaired.iloc[:0])


def answer_sites(
    prepared: PreparedSites,
    plan: ZoningPlan,
    day: dt.date,
    book: Rulebook,
    *,
    lines: Iterable[str] | None = None,
    setback_m: float | Mapping[str, float] | None = None,
    ignore_below_m2: float = 1.0,
    ignore_narrower_m: float = 0.1,
    method: AreaMethod = "national",
) -> SiteReview:
    """
    Answer for sites that are prepared; what is checked in stretches is checked here.

    Parameters
    ----------
    prepared
        The sites, or a stretch of them.
    plan, day, book, lines, setback_m, ignore_below_m2, ignore_narrower_m, method
        As for :func:`check_sites`.

    Returns
    -------
    SiteReview
        Its capsule has no hashes: the whole plan is not hashed for every stretch.
    """
    placed, shapes, sites = prepared.placed, prepared.shapes, prepared.sites
    activity = placed["activity"].where(placed["activity"].notna(), "")
    declared = {line.id: line for line in book.lines} | dict(plan.control_lines)
    asked = _asked_lines(lines, plan, book, declared)
    slivers = Slivers(ignore_below_m2, ignore_narrower_m)
    _check_setback(setback_m, declared)
    setbacks = {line: _setback(setback_m, line, declared[line].setback_m) for line in asked}

    line_rows, findings, balances, paths = [], [], [], {}
    for line in asked:
        if line not in plan:
            line_rows.append(_not_checked(placed, line))
            findings.append(
                _missing_line(shapes, declared[line], plan, required=declared[line].required or lines is not None)
            )
            continue
        there, paths[line] = bring_to(shapes, plan.lines[line].crs, what="sites")
        patches, totals = divide(there, plan, line, slivers=slivers, method=method)
        found = _decide(patches, line, declared, plan, book, activity, day)
        line_rows.append(_line_table(placed, there, patches, totals, plan, line, setbacks[line], found))
        findings.append(_to_plan(found.assign(whole=totals["whole"].to_numpy()[found["shape"].to_numpy()]), plan))
        balances.append(totals.assign(site_id=placed["site_id"].to_numpy(), line=line))
    listed = _finish_findings(pd.concat(findings, ignore_index=True), placed, plan, book, day, method)
    unread = [line for line in declared if line not in plan or line not in asked]
    verdicts = _verdicts(placed, sites, shapes, listed, unread, method)
    table = _by_site(pd.concat(line_rows, ignore_index=True), placed)[_LINE_COLUMNS]
    balance = _by_site(_balance(balances), placed)
    capsule = _capsule(sites, plan, book, day, paths, method, slivers, setbacks)
    kinds = {"site_id": placed["site_id"].dtype}
    table, listed, balance = (_with_kinds(one, kinds) for one in (table, listed[_FINDING_COLUMNS], balance))
    return SiteReview(_with_kinds(verdicts, kinds), table, listed, balance, day, capsule)


def _with_kinds(table: pd.DataFrame, kinds: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a frame stays what it is
    """Give columns the kinds that they have for any rows, so that tables of some sites make up the table of all."""
    fixed = {column: _TEXT for column in table.columns if column in _TEXTS}
    fixed |= {column: np.dtype(float) for column in table.columns if column in _NUMBERS}
    return table.astype(fixed | dict(kinds))


def _by_site(table: pd.DataFrame, placed: pd.DataFrame) -> pd.DataFrame:
    """Put rows that were made line by line in the order of the sites."""
    order = pd.Categorical(table["site_id"], categories=placed["site_id"])
    return table.iloc[np.argsort(order.codes, kind="stable")].reset_index(drop=True)


def _asked_lines(
    lines: Iterable[str] | None, plan: ZoningPlan, book: Rulebook, declared: Mapping[str, ControlLine]
) -> list[str]:
    if lines is None:
        required = [line.id for line in book.lines if line.required]
        return [line for line in declared if line in plan or line in required]
    asked = list(lines)
    if not asked:
        message = "lines is empty, so nothing would be checked; leave it out to check every line of the plan"
        raise SchemaError(message)
    unknown = [line for line in asked if line not in declared]
    if unknown:
        message = f"lines to check are not declared: {name_rows(unknown)}; known are {', '.join(declared)}"
        raise SchemaError(message)
    return asked


def prepare_sites(
    sites: gpd.GeoDataFrame, plan: ZoningPlan, book: Rulebook, *, repairs: Literal["warn", "list"] = "warn"
) -> PreparedSites:
    """
    Look for every problem of the sites, and bring them into the form in which they are checked.

    Parameters
    ----------
    sites
        As for :func:`check_sites`.
    plan
        The plan, in whose plane corridors are drawn.
    book
        The rules, which name activities.
    repairs
        Whether repairs are warned of, or only listed for a caller who keeps the list.

    Returns
    -------
    PreparedSites
        The sites, in their order.

    Raises
    ------
    SchemaError, GeometryError, CRSError
        As for :func:`check_sites`; problems of rows are listed in ``problems``.
    """
    check_crs(sites, what="sites", web_mercator=True)
    problems = []
    if "site_id" not in sites.columns:
        message = (
            "sites has no column 'site_id'; name one, or read the file with read_sites, which knows the usual names"
        )
        raise SchemaError(message)
    again = sites["site_id"].duplicated(keep=False) | sites["site_id"].isna()
    problems += [
        (row, "site_id", f"{value!r} is missing or repeated") for row, value in sites.loc[again, "site_id"].items()
    ]
    nothing = (sites.geometry.isna() | sites.geometry.is_empty).to_numpy()
    problems += [(row, "geometry", "is empty") for row in sites.index[nothing]]
    mixed = (sites.geometry.geom_type == "GeometryCollection").to_numpy() & ~nothing
    problems += [
        (row, "geometry", "is a collection; give polygons, lines or points, a row for each")
        for row in sites.index[mixed]
    ]
    problems += _width_problems(sites)
    stated = sites["activity"] if "activity" in sites.columns else pd.Series(None, index=sites.index, dtype=object)
    names = {value: book.recognise_activity(str(value)) for value in stated.dropna().unique() if str(value).strip()}
    unknown = stated.isin([value for value, name in names.items() if name is None])
    problems += [(row, "activity", f"{value!r} is not known to the rules") for row, value in stated[unknown].items()]
    if problems:
        table = pd.DataFrame(problems, columns=["row", "column", "problem"])
        shown = "; ".join(f"row {row}: {column} {text}" for row, column, text in problems[:10])
        known = ", ".join(activity.id for activity in book.activities)
        message = f"sites cannot be checked, {len(problems)} problems: {shown}. Activities known: {known}"
        raise SchemaError(message, table)
    activity = stated.map(lambda value: names.get(value, "") or "").astype(object).reset_index(drop=True)
    valid, repaired = _repaired(sites, repairs)
    shapes = _corridors(valid.reset_index(drop=True), plan)
    placed = pd.DataFrame(
        {
            "site_id": sites["site_id"].reset_index(drop=True),
            "name": (
                sites["name"] if "name" in sites.columns else pd.Series(None, index=sites.index, dtype=object)
            ).reset_index(drop=True),
            "activity": activity.where(activity != "", None),
        }
    )
    bare = gpd.GeoDataFrame(geometry=shapes.geometry.to_numpy(), crs=shapes.crs)
    return PreparedSites(sites, placed, bare, repaired)


def _width_problems(sites: gpd.GeoDataFrame) -> list[tuple[object, str, str]]:
    if "width_m" not in sites.columns:
        return []
    stated = sites["width_m"]
    width = pd.to_numeric(stated, errors="coerce")
    wrong = (width.isna() & stated.notna()) | (width < 0) | np.isinf(width)
    return [(row, "width_m", f"{value!r} is no width in metres") for row, value in stated[wrong].items()]


def _repaired(sites: gpd.GeoDataFrame, repairs: Literal["warn", "list"]) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Repair the polygons among the sites; lines and points have nothing to repair."""
    ground = shapely.get_dimensions(sites.geometry.to_numpy()) == 2  # noqa: PLR2004
    geometry = sites.geometry.to_numpy().copy()
    mended, ledger = repair_polygons(sites[ground], what="sites", on=repairs)
    geometry[ground] = mended.geometry.to_numpy()
    return sites.set_geometry(geometry, crs=sites.crs), ledger


def _corridors(sites: gpd.GeoDataFrame, plan: ZoningPlan) -> gpd.GeoDataFrame:
    """Turn lines with a width into the ground they take; a metre of width is a metre on the ground."""
    if "width_m" not in sites.columns:
        return sites
    width = pd.to_numeric(sites["width_m"]).to_numpy(dtype=float)
    wide = (shapely.get_dimensions(sites.geometry.to_numpy()) == 1) & (width > 0)
    if not wide.any():
        return sites
    routes = sites[wide]
    flat, _ = (routes, "") if in_metres(routes) else bring_to(routes, plan.metric_crs, what="sites")
    bands = shapely.buffer(
        flat.geometry.to_numpy(), width[wide] / 2, cap_style="flat", join_style="mitre", mitre_limit=2.0
    )
    # brought back, so that a corridor changes nothing for the sites beside it
    back, _ = bring_to(gpd.GeoDataFrame(geometry=bands, crs=flat.crs), sites.crs, what="sites")
    geometry = sites.geometry.to_numpy().copy()
    geometry[wide] = back.geometry.to_numpy()
    return sites.set_geometry(geometry, crs=sites.crs)


def _decide(
    patches: gpd.GeoDataFrame,
    line: str,
    declared: Mapping[str, ControlLine],
    plan: ZoningPlan,
    book: Rulebook,
    activity: pd.Series,
    day: dt.date,
) -> gpd.GeoDataFrame:
    """Give every patch that somebody must speak of the decision of the rules, or the reason why there is none."""
    word = declared[line]
    spoken = patches[(patches["kind"] != "unclaimed") | bool(word.complement)].reset_index(drop=True)
    kind, feature = spoken["kind"].to_numpy(), spoken["feature"].to_numpy()
    claimed = kind == "claimed"
    zone = np.where(kind == "unclaimed", word.complement, "").astype(object)
    zone[claimed] = plan.lines[line]["subzone"].fillna("").to_numpy(dtype=object)[feature[claimed]]
    feature_ids = np.full(len(spoken), "", dtype=object)
    feature_ids[claimed] = plan.lines[line]["feature_id"].to_numpy(dtype=object)[feature[claimed]]
    spoken = spoken.assign(
        line=line,
        subzone=zone,
        activity=activity.to_numpy(dtype=object)[spoken["shape"].to_numpy()],
        feature_ids=feature_ids,
        role=np.where(spoken["sliver"], "sliver", "decides"),
    )
    answers = _answers(line, word, book, day)
    decided = spoken.merge(answers, on=["subzone", "activity"], how="left")
    unheard = decided["verdict"].isna().to_numpy()
    _leave_open(decided, unheard, f"the rules do not know this sub-zone of the {word.en}", f"规则不识此{word.zh}分区")
    silent = decided["kind"].to_numpy() == "uncovered"
    _leave_open(
        decided, silent,
        f"outside the ground for which the plan states its {word.en}", f"规划未覆盖此处，{word.zh}无从判定",
    )  # fmt: skip
    return decided


def _leave_open(found: pd.DataFrame, rows: overlay.Flags, reason: str, reason_zh: str) -> None:
    """Say of patches that nothing is decided, and why."""
    if rows.any():
        found.loc[rows, _SAID] = ["undetermined", "", "", "", "", "", None, reason, reason_zh]


def _answers(line: str, word: ControlLine, book: Rulebook, day: dt.date) -> pd.DataFrame:
    """Ask the rules about one line; rules that do not know it have nothing to say."""
    if line in {known.id for known in book.lines}:
        table = book.decision_table(day, [line])
        return table[["subzone", "activity", *_SAID]].astype({"verdict": object, "effective_from": object})
    zones = ["", *(zone.id for zone in word.subzones)]
    asked = [(zone, activity) for zone in zones for activity in ("", *(known.id for known in book.activities))]
    said = ("undetermined", "", "", "", "", "", None, f"no rule speaks of the {word.en}", f"规则未涉及{word.zh}")
    return pd.DataFrame([pair + said for pair in asked], columns=["subzone", "activity", *_SAID])


def _to_plan(found: gpd.GeoDataFrame, plan: ZoningPlan) -> pd.DataFrame:
    """Bring patches, which are ours and no legal line, to the one CRS of the findings table."""
    moved, _ = (
        bring_to(found, plan.crs, what="findings") if len(found) else (found.set_crs(plan.crs, allow_override=True), "")
    )
    return pd.DataFrame(moved)


def _line_table(
    placed: pd.DataFrame,
    there: gpd.GeoDataFrame,
    patches: gpd.GeoDataFrame,
    totals: pd.DataFrame,
    plan: ZoningPlan,
    line: str,
    setback: float,
    found: gpd.GeoDataFrame,
) -> pd.DataFrame:
    n = len(placed)
    shape, claimed = patches["shape"].to_numpy(), patches["kind"].to_numpy() == "claimed"
    real, small = claimed & ~patches["sliver"].to_numpy(), claimed & patches["sliver"].to_numpy()
    parts = np.bincount(shape[real], weights=patches["parts"].to_numpy()[real], minlength=n).astype(np.int64)
    sliver = np.bincount(shape[small], weights=np.nan_to_num(patches["area_m2"].to_numpy()[small]), minlength=n)
    ground = (totals["unit"] == "m2").to_numpy()
    length = (totals["unit"] == "m").to_numpy()
    whole = totals["whole"].to_numpy()
    share = np.divide(totals["claimed"].to_numpy(), whole, out=np.zeros(n), where=whole > 0)
    covered = 1 - np.divide(totals["uncovered"].to_numpy(), whole, out=np.zeros(n), where=whole > 0)
    distance = _distances(there, plan, line, totals)
    met = parts > 0
    relation = np.select(
        [met & (share >= _RELATION_SHARE), met, totals["touches"].to_numpy(), distance <= setback],
        ["inside", "crosses", "touches", "near"],
        default="apart",
    )
    decides = found["role"].to_numpy(dtype=object) == "decides"
    # by rank: the worst of plain texts would be the last in the alphabet
    rank = np.full(n, verdict_dtype().categories.get_loc("clear"))
    ranks = pd.Categorical(found["verdict"].to_numpy(dtype=object)[decides], dtype=verdict_dtype()).codes
    np.maximum.at(rank, found["shape"].to_numpy()[decides], ranks)
    area = np.where(ground, totals["claimed"], np.nan)
    return pd.DataFrame(
        {
            "site_id": placed["site_id"],
            "line": line,
            "relation": relation,
            "overlap_m2": area,
            "overlap_mu": from_m2(area, "mu"),
            "overlap_sum_m2": np.where(ground, totals["claimed_sum"], np.nan),
            "overlap_m": np.where(length, totals["claimed"], np.nan),
            "share": share,
            "distance_m": distance,
            "parts": parts,
            "sliver_m2": np.where(ground, sliver, np.nan),
            "covered_share": covered,
            "verdict": pd.Categorical.from_codes(rank, dtype=verdict_dtype()),
        }
    )


def _distances(there: gpd.GeoDataFrame, plan: ZoningPlan, line: str, totals: pd.DataFrame) -> overlay.Numbers:
    """Measure how far each site lies from the line, in metres; a line in degrees or feet is asked in such a plane."""
    distance = np.zeros(len(there))
    apart = np.flatnonzero(~totals["touches"].to_numpy())
    if not len(apart):
        return distance
    if not plan.in_metres(line):
        flat, _ = bring_to(there.iloc[apart], plan.metric_crs, what="sites")
        distance[apart] = overlay.nearest(flat.geometry.to_numpy(), plan.flat_pieces(line))
    else:
        distance[apart] = overlay.nearest(there.geometry.to_numpy()[apart], plan.pieces(line))
    return distance


def _check_setback(setback_m: float | Mapping[str, float] | None, declared: Mapping[str, ControlLine]) -> None:
    given = setback_m if isinstance(setback_m, Mapping) else {} if setback_m is None else {"every line": setback_m}
    unknown = [line for line in given if isinstance(setback_m, Mapping) and line not in declared]
    if unknown:
        message = f"setback_m names lines that are not declared: {name_rows(unknown)}; known are {', '.join(declared)}"
        raise SchemaError(message)
    wrong = {line: value for line, value in given.items() if not value >= 0}
    if wrong:
        message = f"setback_m must be distances from 0 upwards, in metres, but is {wrong}"
        raise SchemaError(message)


def _setback(setback_m: float | Mapping[str, float] | None, line: str, declared: float) -> float:
    if setback_m is None:
        return declared
    return float(setback_m.get(line, declared)) if isinstance(setback_m, Mapping) else float(setback_m)


def _not_checked(placed: pd.DataFrame, line: str) -> pd.DataFrame:
    table = pd.DataFrame({"site_id": placed["site_id"], "line": line, "relation": "not_checked"}).reindex(
        columns=_LINE_COLUMNS
    )
    numbers = [name for name in _LINE_COLUMNS if name not in {"site_id", "line", "relation", "verdict"}]
    table[numbers] = table[numbers].astype(float)
    return table.assign(
        parts=0, covered_share=0.0, verdict=pd.Categorical(["undetermined"] * len(table), dtype=verdict_dtype())
    )


def _missing_line(shapes: gpd.GeoDataFrame, word: ControlLine, plan: ZoningPlan, *, required: bool) -> pd.DataFrame:
    """Make a finding for every site that a missing line leaves undetermined."""
    if not required:
        return pd.DataFrame()
    moved, _ = bring_to(shapes, plan.crs, what="sites")
    return pd.DataFrame(
        {
            "shape": np.arange(len(moved)),
            "verdict": "undetermined",
            "role": "decides",
            "line": word.id,
            "reason": f"the plan has no layer of the {word.en}; not checked is not clear",
            "reason_zh": f"规划缺少{word.zh}图层；未检查不等于不涉及",
            "geometry": moved.geometry.to_numpy(),
        }
    )


def _finish_findings(
    found: pd.DataFrame, placed: pd.DataFrame, plan: ZoningPlan, book: Rulebook, day: dt.date, method: AreaMethod
) -> gpd.GeoDataFrame:
    inner = ["shape", "kind", "activity", "amount", "whole"]
    full = found.reindex(columns=list(dict.fromkeys([*inner, *_FINDING_COLUMNS, *found.columns])))
    notices = pd.concat([_notices(full, book, day), _overlap_notices(full, plan, book, method)], ignore_index=True)
    full = pd.concat([full, notices], ignore_index=True) if len(notices) else full
    full["site_id"] = placed["site_id"].to_numpy()[full["shape"].to_numpy(dtype=np.intp)]
    full["area_mu"] = from_m2(full["area_m2"].to_numpy(dtype=float), "mu")
    whole = full["whole"].to_numpy(dtype=float)
    full["share"] = np.divide(
        full["amount"].to_numpy(dtype=float), whole, out=np.full(len(full), np.nan), where=whole > 0
    )
    full["verdict"] = full["verdict"].astype(verdict_dtype())
    full["effective_from"] = pd.to_datetime(full["effective_from"]).astype("datetime64[s]")
    for name in ("feature_ids", "subzone", *(said for said in _SAID if said not in {"verdict", "effective_from"})):
        full[name] = full[name].where(full[name].notna(), "")
    lines = list(dict.fromkeys([*plan.control_lines, *full["line"]]))
    rank = pd.DataFrame(
        {
            "shape": full["shape"],
            "role": full["role"].map({"decides": 0, "notice": 1, "sliver": 2}),
            "line": full["line"].map({line: i for i, line in enumerate(lines)}),
            "feature": full["feature_ids"].astype(str),
            "rule": full["rule_id"],
        }
    )
    order = rank.sort_values(["shape", "role", "line", "feature", "rule"], kind="stable").index
    return gpd.GeoDataFrame(full.loc[order].reset_index(drop=True), geometry="geometry", crs=plan.crs)


def _notices(found: pd.DataFrame, book: Rulebook, day: dt.date) -> pd.DataFrame:
    """Add the rules that decide nothing but must be read with a line."""
    claimed = found[(found["kind"] == "claimed") & (found["role"] == "decides")]
    told = book.notice_table(day)[["line", "subzone", "activity", *_SAID]].astype({"effective_from": object})
    met = claimed.drop(columns=_SAID).merge(told, on=["line", "subzone", "activity"])
    if not len(met):
        return met
    grouped = met.groupby(["shape", "line", "rule_id"], sort=False)
    rows = grouped.first()
    rows["geometry"] = grouped["geometry"].agg(lambda shapes: shapely.union_all(shapes.to_numpy()))
    for name in ("area_m2", "length_m", "amount"):
        rows[name] = grouped[name].sum(min_count=1)
    return rows.reset_index().assign(role="notice", verdict=None, subzone="", feature_ids="", width_m=np.nan)


def _overlap_notices(found: pd.DataFrame, plan: ZoningPlan, book: Rulebook, method: AreaMethod) -> pd.DataFrame:
    """Say where two lines claim the same ground of a site; the usual case is farmland kept inside the boundary."""
    rows = []
    decides = (found["kind"].to_numpy(dtype=object) == "claimed") & (found["role"].to_numpy(dtype=object) == "decides")
    lines, shape = found["line"].to_numpy(dtype=object), found["shape"].to_numpy(dtype=np.intp)
    whole = found["whole"].to_numpy(dtype=float)
    for rule in book.overlaps:
        first, second = (np.flatnonzero(decides & (lines == line)) for line in (rule.a, rule.b))
        both = np.intersect1d(shape[first], shape[second])
        if not len(both):
            continue
        one, other = (_united(found["geometry"].to_numpy()[side], shape[side], both) for side in (first, second))
        ground = overlay.keep_dimension(shapely.intersection(one, other), np.full(len(both), 2))
        area = polygon_areas(ground, plan.crs, method=method)
        # shares are those of the first line: another may measure the site in a plane of its own
        _, once = np.unique(shape[first], return_index=True)
        told = pd.DataFrame(
            {
                "shape": both,
                "role": "notice",
                "line": rule.a,
                "rule_id": rule.id,
                "citation": book.cite(rule),
                "status": rule.status,
                "reason": rule.note,
                "reason_zh": rule.note_zh,
                "area_m2": area,
                "amount": area,
                "whole": whole[first[once]][np.isin(shape[first[once]], both)],
                "geometry": ground,
            }
        )
        rows.append(told[area > 0])
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame()


def _united(claimed: overlay.Geometries, shape: overlay.Rows, shapes: overlay.Rows) -> overlay.Geometries:
    """Unite what a line claims of each of some shapes."""
    asked = np.isin(shape, shapes)
    return overlay.unite(claimed[asked], np.searchsorted(shapes, shape[asked]), len(shapes))


def _verdicts(
    placed: pd.DataFrame,
    sites: gpd.GeoDataFrame,
    shapes: gpd.GeoDataFrame,
    findings: gpd.GeoDataFrame,
    unread: list[str],
    method: AreaMethod,
) -> gpd.GeoDataFrame:
    deciding = findings[findings["role"] == "decides"]
    worst = deciding.groupby("site_id", sort=False)["verdict"].max().reindex(placed["site_id"])
    verdict = pd.Categorical(worst.astype(object).where(worst.notna(), "clear"), dtype=verdict_dtype())
    top = deciding[deciding["verdict"].to_numpy() == worst.reindex(deciding["site_id"]).to_numpy()]
    geometry, taken = sites.geometry.to_numpy(), shapes.geometry.to_numpy()
    ground = shapely.get_dimensions(taken) == 2  # noqa: PLR2004 - a corridor takes ground
    area = np.full(len(sites), np.nan)
    area[ground] = polygon_areas(taken[ground], shapes.crs, method=method, rounded=True)
    length = np.full(len(sites), np.nan)
    lineal = shapely.get_dimensions(geometry) == 1
    length[lineal] = measure_length(geometry[lineal], sites.crs)
    table = placed.assign(
        verdict=verdict,
        rule_ids=_joined(deciding, "rule_id", placed, ", "),
        status=_worst_status(top, placed),
        reason=_joined(top, "reason", placed, "; "),
        reason_zh=_joined(top, "reason_zh", placed, "；"),
        not_checked=", ".join(unread),
        area_m2=area,
        area_ha=round_half_up(from_m2(area, "ha"), 4),
        area_mu=round_half_up(from_m2(area, "mu"), 2),
        length_m=length,
    )
    return gpd.GeoDataFrame(table, geometry=geometry, crs=sites.crs)


def _joined(findings: pd.DataFrame, column: str, placed: pd.DataFrame, mark: str) -> list[str]:
    """Join what the findings of each site say, each saying once, in their order."""
    said: dict[object, dict[str, None]] = {site: {} for site in placed["site_id"]}
    for site, text in zip(findings["site_id"], findings[column], strict=True):
        if text:
            said[site][text] = None
    return [mark.join(texts) for texts in said.values()]


def _worst_status(findings: pd.DataFrame, placed: pd.DataFrame) -> list[str]:
    order = ["", "verified", "partial", "memory"]
    ranks = pd.Series([order.index(status) for status in findings["status"]], index=findings.index, dtype=np.intp)
    rank = ranks.groupby(findings["site_id"]).max()
    return [order[int(worst)] for worst in rank.reindex(placed["site_id"], fill_value=0)]


def _balance(balances: list[pd.DataFrame]) -> pd.DataFrame:
    if not balances:
        return pd.DataFrame(columns=_BALANCE_COLUMNS)
    table = pd.concat(balances, ignore_index=True)
    whole = table["whole"].to_numpy()
    table["error_share"] = np.divide(np.abs(table["error"]), whole, out=np.zeros(len(table)), where=whole > 0)
    return table[_BALANCE_COLUMNS]


def _capsule(
    sites: gpd.GeoDataFrame,
    plan: ZoningPlan,
    book: Rulebook,
    day: dt.date,
    paths: Mapping[str, str],
    method: AreaMethod,
    slivers: Slivers,
    setbacks: Mapping[str, float],
) -> dict[str, Any]:
    """Write down everything that the answer rests on, so that it can be made again and compared; hashes come last."""
    return {
        "on": day.isoformat(),
        "plan": plan.name,
        "plan_notes": list(plan.notes),
        "sites_sha256": "",
        "lines_sha256": {},
        "extent_sha256": "",
        "sites_crs": sites.crs.to_string(),
        "plan_crs": plan.crs.to_string(),
        "line_crs": {line: frame.crs.to_string() for line, frame in plan.lines.items()},
        "crs_paths": dict(paths),
        "area_method": method,
        "area_rounding": "site areas as the method rounds them; pieces unrounded so that they sum",
        "ignore_below_m2": slivers.below_m2,
        "ignore_narrower_m": slivers.narrower_m,
        "setback_m": setbacks,
        "lines_checked": list(setbacks),
        "rulebook": book.name,
        "rulebook_version": book.version,
        "versions": versions(),
    }
