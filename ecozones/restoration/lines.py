"""
Where restoration itself meets a control line, and whether the ground may be counted.

The rules that judge sites judge restoration too: a type of work is an activity of the rulebook, line by line.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecozones.area import AreaMethod, polygon_areas
from ecozones.errors import SchemaError, name_rows
from ecozones.patches import Slivers, divide
from ecozones.placing import bring_to
from ecozones.plan import ZoningPlan
from ecozones.restoration.records import project_records
from ecozones.restoration_types import type_tables
from ecozones.rulebook import Rulebook, as_day, load_rules
from ecozones.units import HA
from ecozones.vocab import verdict_dtype

Rows = NDArray[np.intp]
Numbers = NDArray[np.float64]
Geometries = NDArray[np.object_]

Ground = Literal["eligible", "conflicting", "undetermined", "excluded"]


# mildest first; ground that several statuses claim is counted under the last of them
GROUND: tuple[Ground, ...] = get_args(Ground)


_GROUND_OF: Mapping[str, Ground] = {
    "clear": "eligible",
    "allowed": "eligible",
    "undetermined": "undetermined",
    "prohibited": "excluded",
}


_CHECK_COLUMNS = [
    "project_id", "patch_id", "ground", "verdict", "reason_code", "reason_zh", "reason", "line", "subzone", "type",
    "activity", "rule_id", "requires", "citation", "status", "effective_from", "sliver", "area_ha", "geometry",
]  # fmt: skip


def check_restoration(
    projects: gpd.GeoDataFrame,
    plan: ZoningPlan,
    *,
    on: dt.date | str | None = None,
    rules: Rulebook | str | None = None,
    lines: Iterable[str] | None = None,
    ignore_below_m2: float = 1.0,
    ignore_narrower_m: float = 0.1,
    method: AreaMethod = "national",
) -> gpd.GeoDataFrame:
    """
    Find where restoration itself meets a control line, and whether the ground may be counted.

    Planting trees or digging wetland on permanent basic farmland is the usual case: good work in the wrong place.

    Parameters
    ----------
    projects
        As for :func:`ecozones.measure_restored`. What a record does follows from its ``type``, line by line, or stands
        in a column ``activity`` as the rulebook names it.
    plan
        The plan; its lines stay where they are.
    on
        The day whose rules apply; left out: today.
    rules
        A rulebook, or the name of a built-in one; left out: ``"CN"``.
    lines
        Lines to check; left out: every line the plan has, and every line the rules require.
    ignore_below_m2, ignore_narrower_m
        Smaller or narrower patches are slivers: listed, never counted against a record. [m², m]
    method
        How area is measured.

    Returns
    -------
    GeoDataFrame
        One row per record and patch of ground that a line speaks of: ``project_id``, ``patch_id``, ``record`` (row
        number), ``ground``, ``verdict``, ``reason_code``, ``reason_zh``, ``reason``, ``line``, ``subzone``, ``type``,
        ``activity``, ``rule_id``, ``requires``, ``citation``, ``status``, ``effective_from``, ``sliver``,
        ``area_ha``, ``geometry`` in the CRS of the plan. Ground is ``eligible`` (allowed), ``conflicting`` (only
        under conditions or by a special approval), ``undetermined`` (plan, rules or type do not say) or ``excluded``
        (prohibited). [ha]

    Raises
    ------
    InputError
        A line to check is not declared, or an activity is not known to the rules.

    Examples
    --------
    >>> from ecozones.testing import chessboard, chessboard_plan
    >>> trees = chessboard(2).iloc[[0]].assign(project_id="P1", type="人工造林")
    >>> plan = chessboard_plan(farmland=["a1"])
    >>> found = check_restoration(trees, plan, on="2026-06-01", lines=["permanent_basic_farmland"])
    >>> found[["ground", "reason_code"]].values.tolist()
    [['excluded', 'trees_on_permanent_basic_farmland']]
    """
    day = as_day(on) if on is not None else dt.datetime.now(tz=dt.UTC).astimezone().date()
    book = rules if isinstance(rules, Rulebook) else load_rules(rules or "CN")
    declared = {line.id: line for line in book.lines} | dict(plan.control_lines)
    asked = list(lines) if lines is not None else None
    foreign = [line for line in asked or [] if line not in declared]
    if foreign:
        message = f"lines to check are not declared: {name_rows(foreign)}; known are {', '.join(declared)}"
        raise SchemaError(message)
    records = project_records(projects)
    stated = _stated_activities(records, book)
    slivers = Slivers(ignore_below_m2, ignore_narrower_m)
    found = []
    for line, word in declared.items():
        if asked is not None and line not in asked:
            continue
        if line not in plan:
            if word.required or asked is not None:
                found.append(_unchecked(records, line, plan, method))
            continue
        there, _ = bring_to(records, plan.lines[line].crs, what="projects")
        patches, _ = divide(there, plan, line, slivers=slivers, method=method)
        found.append(_decide(patches, line, records, stated, plan, book, day))
    columns = ["record", *_CHECK_COLUMNS]
    table = (
        pd.concat([part for part in found if len(part)], ignore_index=True) if any(map(len, found)) else pd.DataFrame()
    )
    table = table.reindex(columns=columns)
    table["sliver"] = table["sliver"].astype(bool)
    table["area_ha"] = table["area_ha"].astype(float)
    table["verdict"] = table["verdict"].astype(verdict_dtype())
    table["ground"] = pd.Categorical(table["ground"], categories=list(GROUND), ordered=True)
    table = table.sort_values(["record", "ground", "line"], ascending=[True, False, True], kind="stable")
    return gpd.GeoDataFrame(table.reset_index(drop=True), geometry="geometry", crs=plan.crs)


def _stated_activities(records: gpd.GeoDataFrame, book: Rulebook) -> list[str | None]:
    """Read the activities that projects state themselves, as the rulebook names them."""
    if "activity" not in records.columns:
        return [None] * len(records)
    stated = [None if pd.isna(value) or not str(value).strip() else str(value) for value in records["activity"]]
    known = {value: book.recognise_activity(value) for value in set(stated) if value is not None}
    unknown = sorted(value for value, activity in known.items() if activity is None)
    if unknown:
        listed = ", ".join(activity.id for activity in book.activities)
        message = f"activities not known to the rules: {name_rows(unknown)}; known are {listed}"
        raise SchemaError(message)
    return [None if value is None else known[value] for value in stated]


def _decide(
    patches: gpd.GeoDataFrame,
    line: str,
    records: gpd.GeoDataFrame,
    stated: list[str | None],
    plan: ZoningPlan,
    book: Rulebook,
    day: dt.date,
) -> pd.DataFrame:
    """Judge every patch that a line speaks of."""
    word = plan.control_lines[line]
    subzones = plan.lines[line]["subzone"].to_numpy(dtype=object)
    spoken = patches[(patches["kind"] != "unclaimed") | bool(word.complement)].reset_index(drop=True)
    if not len(spoken):
        return pd.DataFrame()
    decide = functools.cache(lambda subzone, types, activity: _judge(book, line, subzone, types, activity, day))
    rows = []
    for patch in spoken.itertuples():
        types = records["_type"].iloc[patch.shape]
        types = None if pd.isna(types) else types
        if patch.kind == "uncovered":
            answer = _undetermined(
                f"outside_the_plan_for_{line}",
                f"规划未覆盖此处，{word.zh}无从判定",
                f"outside the ground for which the plan states its {word.en}",
            )
            subzone = None
        else:
            subzone = subzones[patch.feature] if patch.kind == "claimed" else word.complement
            answer = decide(subzone, types, stated[patch.shape])
        rows.append(answer | {"subzone": subzone, "type": types})
    moved, _ = bring_to(spoken, plan.crs, what="findings")
    shape = spoken["shape"].to_numpy()
    return pd.DataFrame(rows).assign(
        record=shape,
        project_id=records["project_id"].to_numpy()[shape],
        patch_id=records["patch_id"].to_numpy()[shape],
        line=line,
        sliver=spoken["sliver"].to_numpy(),
        area_ha=spoken["area_m2"].to_numpy() / HA,
        geometry=moved.geometry.to_numpy(),
    )


def _judge(
    book: Rulebook, line: str, subzone: str | None, types: str | None, stated: str | None, day: dt.date
) -> dict[str, Any]:
    """Ask the rules what a line says to a type of work; of several types on one ground the worst answer counts."""
    tables = type_tables()
    kinds = [] if stated is not None or types is None else [tables["types"][name] for name in types.split(",")]
    asked = [(kind.get("activity_on", {}).get(line, kind["activity"]), kind["measure"]) for kind in kinds]
    known = {activity.id for activity in book.activities}
    answers = []
    for activity, measure in asked or [(stated or "", "work")]:
        decision = book.decide(line, subzone or "", activity if activity in known else "", day)
        label = tables["measures"].get(measure, {"zh": "修复活动", "en": "restoration"})
        ground = _GROUND_OF.get(decision.verdict, "conflicting")
        code = f"{measure}_on_{line}" if ground != "undetermined" else f"no_answer_on_{line}"
        answers.append(
            {
                "ground": ground,
                "verdict": decision.verdict,
                "reason_code": code,
                "reason_zh": f"{label['zh']}：{decision.reason_zh}",
                "reason": f"{label['en']}: {decision.reason}",
                "activity": activity,
                "rule_id": decision.rule_id,
                "requires": "; ".join(decision.requires),
                "citation": decision.citation,
                "status": decision.status,
                "effective_from": decision.effective_from,
            }
        )
    order = list(verdict_dtype().categories)
    return max(answers, key=lambda answer: order.index(answer["verdict"]))


def _undetermined(code: str, reason_zh: str, reason: str) -> dict[str, Any]:
    empty = dict.fromkeys(("activity", "rule_id", "requires", "citation", "status"), "")
    return empty | {
        "ground": "undetermined",
        "verdict": "undetermined",
        "reason_code": code,
        "reason_zh": reason_zh,
        "reason": reason,
        "effective_from": None,
    }


def _unchecked(records: gpd.GeoDataFrame, line: str, plan: ZoningPlan, method: AreaMethod) -> pd.DataFrame:
    """Say of every record that a line was not checked because the plan does not have it."""
    moved, _ = bring_to(records, plan.crs, what="projects")
    answer = _undetermined(
        f"{line}_not_in_plan",
        "规划缺少该控制线图层，未检查不等于不涉及",
        "the plan has no such layer; not checked is not clear",
    )
    return pd.DataFrame([answer] * len(records)).assign(
        record=np.arange(len(records)),
        project_id=records["project_id"].to_numpy(),
        patch_id=records["patch_id"].to_numpy(),
        type=records["_type"].to_numpy(),
        subzone=None,
        line=line,
        sliver=False,
        area_ha=polygon_areas(records.geometry.to_numpy(), records.crs, method=method) / HA,
        geometry=moved.geometry.to_numpy(),
    )
