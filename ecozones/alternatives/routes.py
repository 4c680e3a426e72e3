"""Alternatives of a linear work, side by side: what each crosses, and how to say so."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ecozones.alternatives.case import listed
from ecozones.area import AreaMethod, measure_length, polygon_areas
from ecozones.errors import SchemaError, name_rows
from ecozones.geometry import polygonal
from ecozones.overlay import Geometries
from ecozones.plan import ZoningPlan
from ecozones.rulebook import Rulebook, load_rules
from ecozones.siting import check_sites
from ecozones.units import from_m2, round_half_up
from ecozones.vocab import ControlLine, Language, verdict_dtype, verdict_words

# stretches of a route that lie closer than this are one crossing [m]
_TOGETHER_M = 1e-3
_STRUCTURES: dict[str, tuple[str, ...]] = {
    "surface": ("surface", "at grade", "路基", "地面", "明线"),
    "bridge": ("bridge", "viaduct", "elevated", "桥梁", "桥", "高架"),
    "tunnel": ("tunnel", "underground", "隧道", "地下", "隧洞"),
}


def compare_routes(
    routes: gpd.GeoDataFrame,
    plan: ZoningPlan,
    *,
    structure: str = "structure",
    on: dt.date | str | None = None,
    rules: Rulebook | str | None = None,
    lines: Iterable[str] | None = None,
    method: AreaMethod = "national",
) -> pd.DataFrame:
    """
    Compare alternatives of a linear work by what each crosses.

    Parameters
    ----------
    routes
        Lines, one row per section: ``route_id`` names the alternative; ``activity`` says what is built, ``width_m``
        how wide a strip it takes [m], and a column of structures how it is carried: ``"surface"``, ``"bridge"`` or
        ``"tunnel"`` (also 路基, 桥梁, 隧道); left out or empty: on the surface.
    plan
        The plan.
    structure
        Name of the column of structures.
    on, rules, lines, method
        As in :func:`ecozones.check_sites`.

    Returns
    -------
    DataFrame
        One row per alternative and ground, by ``level``: ``"subzone"`` (each sub-zone of each line; also the ground
        outside a line where the rules speak of it, and ground that the plan does not cover), ``"line"`` (all that a
        line claims) and ``"route"`` (all that any line claims), ground counted once in each. Columns: ``route_id,
        level, line, subzone, ground`` (claimed, outside, uncovered), ``crossings`` (connected stretches),
        ``length_m``, ``surface_m, bridge_m, tunnel_m``, ``structure_share`` (in bridge or tunnel), ``area_m2,
        area_ha`` (of the strip; NaN without a width), ``surface_area_m2`` (of sections on the surface), ``whole_m``
        (length of the alternative), ``share`` (of it), ``verdict`` (the worst), ``rule_ids, citation, requires``,
        ``area_method``. A line that an alternative does not cross has a row of zeros.

    Raises
    ------
    SchemaError
        A column is missing, a structure is not known, or a geometry is no line.

    Examples
    --------
    >>> from ecozones.testing import BOARD_CRS, chessboard_plan
    >>> plan = chessboard_plan(red_line=["b1"])
    >>> west, south = plan.extent.total_bounds[:2]
    >>> straight = shapely.LineString([(west + 500, south + 500), (west + 2500, south + 500)])
    >>> routes = gpd.GeoDataFrame({"route_id": ["A"], "activity": ["linear_infra"]}, geometry=[straight], crs=BOARD_CRS)
    >>> table = compare_routes(routes, plan, on="2026-06-01").query("level == 'line'").set_index("line")
    >>> table.loc["ecological_red_line", ["crossings", "length_m"]].round(1).tolist()
    [1.0, 1000.0]
    """
    sections = _sections(routes, structure)
    book = rules if isinstance(rules, Rulebook) else load_rules(rules or "CN")
    ask = functools.partial(check_sites, plan=plan, rules=book, lines=lines, method=method)
    axis = ask(sections.drop(columns="width_m"), on=on)
    corridors = sections[sections["width_m"] > 0]
    taken = ask(corridors, on=axis.on).findings if len(corridors) else axis.findings.iloc[:0]
    found = _along(axis.findings, sections, plan)
    ground = _along(taken, sections, plan)
    whole = pd.Series(measure_length(sections.geometry.to_numpy(), sections.crs), index=sections["route_id"])
    whole = whole.groupby(level=0, sort=False).sum()
    wide = sections.groupby("route_id", sort=False)["width_m"].agg(lambda width: bool((width > 0).any()))
    measure = functools.partial(_measure_ground, crs=plan.crs, method=method)
    checked = [line for line in axis.capsule["lines_checked"] if line in plan]
    rows = []
    for route in whole.index:
        here, strips = found[found["route_id"] == route], ground[ground["route_id"] == route]
        for line in axis.capsule["lines_checked"]:
            mine, mine_strips = here[here["line"] == line], strips[strips["line"] == line]
            keys = pd.concat([mine, mine_strips])[["subzone", "ground"]].drop_duplicates()
            for zone, kind in keys.itertuples(index=False):
                both = [part[(part["subzone"] == zone) & (part["ground"] == kind)] for part in (mine, mine_strips)]
                rows.append({"level": "subzone", "line": line, "subzone": zone, "ground": kind} | measure(*both))
            if line in checked:
                both = [part[part["ground"] == "claimed"] for part in (mine, mine_strips)]
                rows.append({"level": "line", "line": line, "subzone": "", "ground": "claimed"} | measure(*both))
        both = [part[part["ground"] == "claimed"] for part in (here, strips)]
        rows.append({"level": "route", "line": "", "subzone": "", "ground": "claimed"} | measure(*both))
        worst = pd.concat([here, strips])["verdict"].max()
        rows[-1]["verdict"] = "clear" if pd.isna(worst) else worst
        for row in rows:
            row.setdefault("route_id", route)
    table = pd.DataFrame(rows)
    whole_m = whole.reindex(table["route_id"]).to_numpy()
    unmeasured = ~wide.reindex(table["route_id"]).to_numpy()
    table.loc[unmeasured, ["area_m2", "surface_area_m2"]] = np.nan
    table = table.assign(
        whole_m=whole_m,
        share=table["length_m"] / whole_m,
        area_ha=from_m2(table["area_m2"], "ha"),
        verdict=table["verdict"].astype(verdict_dtype()),
        area_method=method,
    )
    return table[_ROUTE_COLUMNS]


_ROUTE_COLUMNS = [
    "route_id", "level", "line", "subzone", "ground", "crossings", "length_m", "surface_m", "bridge_m", "tunnel_m",
    "structure_share", "area_m2", "area_ha", "surface_area_m2", "whole_m", "share", "verdict", "rule_ids", "citation",
    "requires", "area_method",
]  # fmt: skip


def describe_routes(table: pd.DataFrame, plan: ZoningPlan, *, language: Language = "zh") -> str:
    """
    Put a comparison of routes in words, as an argument about unavoidable crossings needs it.

    Parameters
    ----------
    table
        As :func:`compare_routes` gives it.
    plan
        The plan that was asked.
    language
        ``"zh"`` or ``"en"``.

    Returns
    -------
    str
        One sentence per alternative, with figures of the table only, then for each line whether every alternative
        listed crosses it, and which sections leave the ground that the plan covers. That alternatives which are not
        listed would cross a line too, no table can show, and the text does not say.

    Examples
    --------
    >>> from ecozones.testing import BOARD_CRS, chessboard_plan
    >>> plan = chessboard_plan(red_line=["b1"])
    >>> west, south = plan.extent.total_bounds[:2]
    >>> axis = shapely.LineString([(west + 500, south + 500), (west + 2500, south + 500)])
    >>> routes = gpd.GeoDataFrame({"route_id": ["A"], "activity": ["linear_infra"]}, geometry=[axis], crs=BOARD_CRS)
    >>> print(describe_routes(compare_routes(routes, plan, on="2026-06-01"), plan, language="en").splitlines()[0])
    A: 2.000 km; ecological protection red line crossed 1 time over 1.000 km; worst verdict: ...
    """
    said = []
    claims = table[table["level"] == "line"]
    for total in _rows(table[table["level"] == "route"]):
        crossed = claims[(claims["route_id"] == total.route_id) & (claims["crossings"] > 0)]
        parts = [_crossing_words(row, plan, language) for row in _rows(crossed)]
        verdict = verdict_words()[str(total.verdict)].label(language)
        length = _km(total.whole_m)
        if language == "zh":
            met = "，".join(parts) or "不涉及各控制线"
            said.append(f"{total.route_id}：全长{length}公里；{met}；最严结论：{verdict}。")
        else:
            said.append(
                f"{total.route_id}: {length} km; {'; '.join(parts) or 'no line crossed'}; worst verdict: {verdict}."
            )
    beyond = table[table["ground"] == "uncovered"].groupby(["line", "route_id"])["length_m"].sum()
    for line, rows in claims.groupby("line", sort=False):
        unknown = pd.Series([beyond.get((line, route), 0.0) for route in rows["route_id"]], index=rows.index)
        said.append(_choice_words(rows, unknown, plan.control_lines[str(line)], language))
    absent = [plan.control_lines[str(line)] for line in table["line"].unique() if line and line not in plan]
    for word in absent:
        told = {
            "zh": f"{word.zh}：规划缺少该图层，无从判定。",
            "en": f"{word.en}: the plan has no such layer; not known.",
        }
        said.append(told[language])
    return "\n".join(said)


def _rows(table: pd.DataFrame) -> Iterable[Any]:
    return table.itertuples()


def _crossing_words(row: Any, plan: ZoningPlan, language: Language) -> str:  # noqa: ANN401 - a row of a table
    word, carried = plan.control_lines[row.line], row.bridge_m + row.tunnel_m
    if language == "zh":
        text = f"穿越{word.zh}{row.crossings}处、{_km(row.length_m)}公里"
        text += f"（其中桥梁、隧道{_km(carried)}公里，占{_percent(row.structure_share)}%）" if carried > 0 else ""
        taken = f"，廊道{_ha(row.area_m2)}公顷，其中地面段{_ha(row.surface_area_m2)}公顷"
        return text + (taken if row.area_m2 > 0 else "")
    text = f"{word.en} crossed {row.crossings} time{'s' if row.crossings > 1 else ''} over {_km(row.length_m)} km"
    share = f" ({_km(carried)} km or {_percent(row.structure_share)} % of it in bridges or tunnels)"
    text += share if carried > 0 else ""
    taken = f", corridor {_ha(row.area_m2)} ha, of which {_ha(row.surface_area_m2)} ha on the surface"
    return text + (taken if row.area_m2 > 0 else "")


def _choice_words(rows: pd.DataFrame, unknown_m: pd.Series, word: ControlLine, language: Language) -> str:
    """Say whether every alternative listed crosses a line, and which crosses least of it."""
    names = rows["route_id"].astype(str)
    missed = rows["crossings"] == 0
    free, unclear = list(names[missed & (unknown_m == 0)]), list(names[missed & (unknown_m > 0)])
    lengths = rows.set_index("route_id")["length_m"]
    n, least, least_km = len(rows), lengths.idxmin(), _km(float(lengths.min()))
    zh, en = f"{word.zh}：所列{n}个方案", f"{word.en}: "
    if free:
        zh += f"中“{'”“'.join(free)}”不穿越，所列方案不能说明其不可避让"
        en += f"avoided by {', '.join(free)} of {n} listed; the list does not show that it is unavoidable"
    elif unclear:
        zh += f"中“{'”“'.join(unclear)}”未见穿越，但有规划未覆盖路段，无从判定"
        en += f"not seen on {', '.join(unclear)} of {n} listed, which leave the ground that the plan covers: not known"
    else:
        zh += f"均穿越，穿越最短的是“{least}”（{least_km}公里）"
        en += f"crossed by every alternative of {n} listed, the least by {least} ({least_km} km)"
    if (unknown_m > 0).any() and not (unclear and not free):
        far = ", ".join(f"{name} {_km(length)} km" for name, length in zip(names, unknown_m, strict=True) if length > 0)
        zh += f"；规划未覆盖路段：{far}"
        en += f"; beyond the ground that the plan covers: {far}"
    return f"{zh}。" if language == "zh" else f"{en}."


def _km(metres: float) -> str:
    return f"{float(round_half_up(metres / 1000, 3)):.3f}"


def _ha(square_metres: float) -> str:
    return f"{float(round_half_up(from_m2(square_metres, 'ha'), 4)):.4f}"


def _percent(share: float) -> str:
    return f"{float(round_half_up(100 * share, 1)):.1f}"


def _sections(routes: gpd.GeoDataFrame, structure: str) -> gpd.GeoDataFrame:
    """Check the sections of routes, and give each an id of its own."""
    if "route_id" not in routes.columns or routes["route_id"].isna().any():
        message = "routes needs a column 'route_id' that names the alternative of every section"
        raise SchemaError(message)
    lineal = (shapely.get_dimensions(routes.geometry.to_numpy()) == 1) & ~shapely.is_empty(routes.geometry.to_numpy())
    if not lineal.all():
        message = f"routes: rows {name_rows(routes.index[~lineal])} are no lines; give the axis and its width_m"
        raise SchemaError(message)
    known = {word: name for name, words in _STRUCTURES.items() for word in words} | {"": "surface"}
    stated = routes[structure] if structure in routes.columns else pd.Series("", index=routes.index)
    words = stated.map(lambda value: "" if pd.isna(value) else str(value).strip().lower())
    strange = ~words.isin(list(known))
    if strange.any():
        message = (
            f"routes: {structure} {name_rows(words[strange].unique())} not known (rows "
            f"{name_rows(routes.index[strange])}); write {', '.join(_STRUCTURES)}"
        )
        raise SchemaError(message)
    width = routes["width_m"] if "width_m" in routes.columns else pd.Series(np.nan, index=routes.index)
    columns = {
        "site_id": np.arange(len(routes)).astype(str),
        "route_id": routes["route_id"].to_numpy(),
        "structure": words.map(known).to_numpy(),
        "activity": routes["activity"].to_numpy() if "activity" in routes.columns else None,
        "width_m": pd.to_numeric(width, errors="coerce").to_numpy(dtype=float),
    }
    return gpd.GeoDataFrame(columns, geometry=routes.geometry.to_numpy(), crs=routes.crs)


def _along(findings: gpd.GeoDataFrame, sections: gpd.GeoDataFrame, plan: ZoningPlan) -> gpd.GeoDataFrame:
    """Give what decides along routes, with the route and the structure of each stretch."""
    kept = findings[findings["role"] == "decides"]
    named = kept.merge(pd.DataFrame(sections[["site_id", "route_id", "structure"]]), on="site_id")
    outside = {line: word.complement for line, word in plan.control_lines.items() if word.complement}
    kind = np.where(
        named["feature_ids"] != "",
        "claimed",
        np.where((named["subzone"] != "") & (named["subzone"] == named["line"].map(outside)), "outside", "uncovered"),
    )
    return gpd.GeoDataFrame(named.assign(ground=kind), geometry="geometry", crs=findings.crs)


def _measure_ground(
    axis: gpd.GeoDataFrame, strip: gpd.GeoDataFrame, *, crs: object, method: AreaMethod
) -> dict[str, object]:
    """Count and measure the stretches of a route on some ground, ground counted once."""
    length = {name: float(measure_length(_one(axis[axis["structure"] == name]), crs)[0]) for name in _STRUCTURES}
    total = float(measure_length(_one(axis), crs)[0])
    stretches = shapely.union_all(shapely.buffer(axis.geometry.to_numpy(), _TOGETHER_M, quad_segs=1))
    said = pd.concat([axis, strip])
    worst = said["verdict"].max()
    carried = length["bridge"] + length["tunnel"]
    return {
        "crossings": 0 if stretches.is_empty else int(shapely.get_num_geometries(stretches)),
        "length_m": total,
        "surface_m": length["surface"],
        "bridge_m": length["bridge"],
        "tunnel_m": length["tunnel"],
        "structure_share": carried / total if total > 0 else np.nan,
        "area_m2": float(polygon_areas(_one(strip), crs, method=method)[0]),
        "surface_area_m2": float(polygon_areas(_one(strip[strip["structure"] == "surface"]), crs, method=method)[0]),
        "verdict": "clear" if pd.isna(worst) else worst,
        "rule_ids": listed(said["rule_id"]),
        "citation": listed(said["citation"]),
        "requires": listed(said["requires"]),
    }


def _one(found: gpd.GeoDataFrame) -> Geometries:
    # parts that touch may overlap by a hair once they stand in another plane: each is valid, not always all together
    parts = shapely.get_parts(found.geometry.to_numpy())
    broken = ~shapely.is_valid(parts)
    parts[broken] = polygonal(shapely.make_valid(parts[broken], method="structure", keep_collapsed=False))
    return np.array([shapely.union_all(parts)], dtype=object)
