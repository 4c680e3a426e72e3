"""What an adjustment changed between two versions of a plan, and whether it is what the rules ask of one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ecozones.area import AreaMethod, close_totals
from ecozones.conflicts.common_ground import (
    Flags,
    Geometries,
    Layer,
    Place,
    Rows,
    find_slivers,
    measure,
    measure_union,
    share,
    split_by,
    subtract,
)
from ecozones.crs import DEGREE_M
from ecozones.errors import SchemaError, name_rows
from ecozones.geometry import check_polygons
from ecozones.patches import Slivers
from ecozones.plan import ZoningPlan
from ecozones.rulebook import Rulebook, as_day, load_rules
from ecozones.shipped import shipped_table
from ecozones.units import DECIMALS, AreaUnit, from_m2

# areas that differ by less are equal: a square metre of a county is what its digits leave open
_EQUAL_M2 = 1.0

# ground that lies closer than this adjoins [m]
_REACH_M = 0.1

_CHANGE_COLUMNS = [
    "line", "change", "feature_id", "subzone", "artefact", "area_m2", "area_ha", "area_mu", "width_m", "geometry",
]  # fmt: skip
_TEST_COLUMNS = [
    "test_id", "line", "result", "value", "limit", "unit", "before", "after", "title", "title_zh", "reason",
    "reason_zh", "citation", "status",
]  # fmt: skip


class _Pair(NamedTuple):
    """One line in both plans, at one place."""

    frames: tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]
    layers: tuple[Layer, Layer]
    place: Place


def _both(before: ZoningPlan, after: ZoningPlan, line: str) -> _Pair:
    frames = before.lines[line], after.lines[line]
    place = Place.of(frames[0].crs, frames[0])
    return _Pair(frames, (Layer.of(frames[0], place, what=line), Layer.of(frames[1], place, what=line)), place)


def _asked(before: ZoningPlan, after: ZoningPlan, lines: Iterable[str] | None) -> list[str]:
    if lines is None:
        return [line for line in before.control_lines if line in before and line in after]
    asked = list(dict.fromkeys(lines))
    absent = [line for line in asked if line not in before or line not in after]
    if absent:
        message = f"only one of the plans has {name_rows(absent)}, and a line that is missing is not an empty line"
        raise SchemaError(message)
    return asked


def _moved(pair: _Pair) -> tuple[Rows, Rows]:
    """Find the features that do not stand in both plans, vertex by vertex."""
    told = [np.asarray(shapely.to_wkb(shapely.normalize(layer.geometry))) for layer in pair.layers]
    return np.flatnonzero(~np.isin(told[0], told[1])), np.flatnonzero(~np.isin(told[1], told[0]))


def _rest(own: Layer, rows: Rows, other: Layer) -> Geometries:
    """Give the part of features that another version of their line does not cover."""
    found = share(Layer(own.geometry[rows], own.place), other)
    return subtract(own.geometry[rows], other.geometry, found.a, found.b)


def find_changes(
    before: ZoningPlan,
    after: ZoningPlan,
    *,
    lines: Iterable[str] | None = None,
    ignore_below_m2: float = 1.0,
    ignore_narrower_m: float = 0.1,
    method: AreaMethod = "national",
) -> gpd.GeoDataFrame:
    """
    Find the ground that lines gained and lost between two versions of a plan.

    Parameters
    ----------
    before, after
        The two versions.
    lines
        Lines to compare; left out: those that both have.
    ignore_below_m2
        Smaller stretches of ground are artefacts: listed, and marked. [m²]
    ignore_narrower_m
        Stretches of a smaller mean width are artefacts too. [m]
    method
        How area is measured.

    Returns
    -------
    GeoDataFrame
        One row per stretch of ground: ``line``, ``change`` (gained, lost), ``feature_id`` and ``subzone`` of the
        feature that has it (of the version before where it is lost), ``artefact``, ``area_m2, area_ha, area_mu``,
        ``width_m``, ``geometry`` in the CRS of the plan before. Ground that goes from one feature of a line to another
        is neither.

    Raises
    ------
    SchemaError
        A line that is asked for is missing from one of the plans.

    Examples
    --------
    >>> from ecozones.testing import chessboard_plan
    >>> old, new = chessboard_plan(farmland=["a1", "b1"]), chessboard_plan(farmland=["b1", "c1"])
    >>> find_changes(old, new)[["change", "feature_id"]].values.tolist()
    [['gained', 'c1'], ['lost', 'a1']]
    """
    slivers = Slivers(ignore_below_m2, ignore_narrower_m)
    tables = [
        _changes(line, _both(before, after, line), slivers, method).to_crs(before.crs)
        for line in _asked(before, after, lines)
    ]
    if not tables:
        return gpd.GeoDataFrame(pd.DataFrame(columns=_CHANGE_COLUMNS), geometry="geometry", crs=before.crs)
    return gpd.GeoDataFrame(pd.concat(tables, ignore_index=True), geometry="geometry", crs=before.crs)


def _changes(line: str, pair: _Pair, slivers: Slivers, method: AreaMethod) -> gpd.GeoDataFrame:
    moved = _moved(pair)
    tables = []
    for change, own, other in (("gained", 1, 0), ("lost", 0, 1)):
        rest = _rest(pair.layers[own], moved[own], pair.layers[other])
        parts, owner = shapely.get_parts(rest, return_index=True)
        measured = measure(parts, pair.place, method)
        real = measured.area > 0
        parts, row = parts[real], moved[own][owner[real]]
        measured = type(measured)(measured.area[real], measured.width[real])
        small, narrow = find_slivers(parts, measured, np.zeros(len(parts)), pair.place, slivers)
        frame = pair.frames[own]
        table = pd.DataFrame(
            {
                "line": line,
                "change": change,
                "feature_id": frame["feature_id"].to_numpy()[row],
                "subzone": frame["subzone"].to_numpy(dtype=object)[row],
                "artefact": small | narrow,
                "area_m2": measured.area,
                "area_ha": from_m2(measured.area, "ha"),
                "area_mu": from_m2(measured.area, "mu"),
                "width_m": measured.width,
                "geometry": pair.place.back(parts),
            }
        )
        order = np.lexsort((*shapely.bounds(parts).T, table["feature_id"].astype(str)))
        tables.append(table.iloc[order])
    found = pd.concat(tables, ignore_index=True)[_CHANGE_COLUMNS]
    return gpd.GeoDataFrame(found, geometry="geometry", crs=pair.place.crs)


def compare_plans(
    before: ZoningPlan,
    after: ZoningPlan,
    *,
    lines: Iterable[str] | None = None,
    districts: gpd.GeoDataFrame | None = None,
    unit: AreaUnit = "mu",
    method: AreaMethod = "national",
) -> pd.DataFrame:
    """
    Sum what each line gained, lost and kept between two versions of a plan.

    Parameters
    ----------
    before, after
        The two versions.
    lines
        Lines to compare; left out: those that both have.
    districts
        Polygons with a column ``district`` that share no ground, to split the sums by.
    unit
        Unit of the figures that close.
    method
        How area is measured.

    Returns
    -------
    DataFrame
        One row per line, after those of its districts if there are any (``district`` is empty for ground in none, and
        None for the whole): ``before_m2, kept_m2, lost_m2, gained_m2, after_m2, net_m2``, ground counted once and each
        measured by itself; ``error_m2``, the larger of what before - kept - lost and after - kept - gained leave; and
        ``net_<unit>``, rounded so that districts sum to the whole, with what that added as ``adjustment_<unit>``.

    Raises
    ------
    SchemaError
        A line that is asked for is missing from one of the plans, or districts have no names of their own.

    Examples
    --------
    >>> from ecozones.testing import chessboard_plan
    >>> old, new = chessboard_plan(farmland=["a1", "b1"]), chessboard_plan(farmland=["b1", "c1", "d1"])
    >>> table = compare_plans(old, new, unit="ha").set_index("line")
    >>> table.loc["permanent_basic_farmland", ["kept_m2", "lost_m2", "gained_m2", "net_m2"]].round(-2).tolist()
    [1000000.0, 1000000.0, 2000000.0, 1000000.0]
    """
    if districts is not None:
        _check_districts(districts)
    rows = []
    for line in _asked(before, after, lines):
        rows += _sums(line, _both(before, after, line), districts, unit, method)
    names = ["before_m2", "kept_m2", "lost_m2", "gained_m2", "after_m2", "net_m2", "error_m2"]
    columns = ["line", *([] if districts is None else ["district"]), *names, f"net_{unit}", f"adjustment_{unit}"]
    return pd.DataFrame(rows, columns=columns)


def _check_districts(districts: gpd.GeoDataFrame) -> None:
    check_polygons(districts, what="districts")
    if "district" not in districts.columns or districts["district"].isna().any() or not districts["district"].is_unique:
        message = "districts needs a column 'district' that names each row once; rename the one that does, or dissolve"
        raise SchemaError(message)


def _sums(
    line: str, pair: _Pair, districts: gpd.GeoDataFrame | None, unit: AreaUnit, method: AreaMethod
) -> list[dict[str, Any]]:
    moved = _moved(pair)
    old, new = pair.layers
    stays = np.setdiff1d(np.arange(len(new.geometry)), moved[1])
    kept = share(Layer(new.geometry[moved[1]], pair.place), old).geometry
    grounds = {
        "before_m2": old.geometry,
        "kept_m2": np.concatenate([new.geometry[stays], kept]),
        "lost_m2": _solid(_rest(old, moved[0], new)),
        "gained_m2": _solid(_rest(new, moved[1], old)),
        "after_m2": new.geometry,
    }
    whole = {name: measure_union(ground, pair.place, method) for name, ground in grounds.items()}
    parts: list[dict[str, Any]] = []
    if districts is not None:
        places = Layer.of(districts, pair.place, what="districts")
        named = [*districts["district"], ""]
        split = {name: split_by(ground, places) for name, ground in grounds.items()}
        parts = [
            {
                name: measure_union(ground[region == number], pair.place, method)
                for name, (_, region, ground) in split.items()
            }
            | {"district": district}
            for number, district in zip([*range(len(districts)), -1], named, strict=True)
        ]
        parts = [part for part in parts if part["district"] != "" or part["before_m2"] + part["after_m2"] > 0]
    table = [*parts, whole | {"district": None}]
    for row in table:
        row["net_m2"] = row["after_m2"] - row["before_m2"]
        errors = (
            row["before_m2"] - row["kept_m2"] - row["lost_m2"],
            row["after_m2"] - row["kept_m2"] - row["gained_m2"],
        )
        row |= {"line": line, "error_m2": max(errors, key=abs)}
    listed = table[:-1] or table
    net = from_m2([row["net_m2"] for row in listed], unit)
    closed = close_totals(net, DECIMALS[unit], float(from_m2(table[-1]["net_m2"], unit)))
    for row, figure in zip(listed, closed.itertuples(), strict=True):
        row |= {f"net_{unit}": figure.rounded, f"adjustment_{unit}": figure.adjustment}
    total = round(float(closed["rounded"].sum()), DECIMALS[unit])
    table[-1] |= {f"net_{unit}": total, f"adjustment_{unit}": table[-1].get(f"adjustment_{unit}", 0.0)}
    return table


def _solid(geometry: Geometries) -> Geometries:
    return geometry[shapely.area(geometry) > 0]


class _Answer(NamedTuple):
    """What one test found."""

    result: str
    value: float
    limit: float
    unit: str
    before: float
    after: float
    reason: str
    reason_zh: str


def judge_adjustment(
    before: ZoningPlan,
    after: ZoningPlan,
    *,
    built_up_2020_m2: float | None = None,
    scattered_outside_m2: float | None = None,
    rules: Rulebook | str | None = None,
    method: AreaMethod = "national",
) -> pd.DataFrame:
    """
    Ask of an adjustment what the rules ask of one.

    Parameters
    ----------
    before, after
        The two versions of the plan. For the slope of replacement farmland, the farmland after states it in a column
        such as ``slope_deg``.
    built_up_2020_m2
        The urban built-up land of 2020, which the urban boundary is measured by. [m²]
    scattered_outside_m2
        Scattered urban land outside the boundary, which counts towards its factor. [m²]
    rules
        A rulebook, or the name of one, that has the documents cited; left out: ``"CN"``.
    method
        How area is measured.

    Returns
    -------
    DataFrame
        One row per test: ``test_id, line``; ``result`` (pass, fail, undetermined: what the data do not say is never
        passed); ``value`` against ``limit`` in ``unit``; ``before`` and ``after``; title and reason in both languages;
        ``citation`` and how far it was checked (``status``).

    Examples
    --------
    >>> from ecozones.testing import chessboard_plan
    >>> old, new = chessboard_plan(farmland=["a1", "b1"]), chessboard_plan(farmland=["b1", "c1"])
    >>> judge_adjustment(old, new).set_index("test_id")["result"].loc[["ADJ-PBF-QUANTITY", "ADJ-PBF-SLOPE"]].tolist()
    ['pass', 'undetermined']
    """
    book = load_rules(rules or "CN") if not isinstance(rules, Rulebook) else rules
    known = {source.id: source for source in book.sources}
    rows = []
    for test in shipped_table("adjustments")["tests"]:
        line = test["line"]
        if line not in before or line not in after:
            lacking = "before" if line not in before else "after"
            answer = _unknown(f"the plan {lacking} has no such line", "规划缺少该控制线")
        else:
            pair = _both(before, after, line)
            given = {"base": built_up_2020_m2, "more": scattered_outside_m2, "method": method}
            answer = _KINDS[test["kind"]](test, pair, given)
        rows.append(
            {
                "test_id": test["id"],
                "line": line,
                "title": test["title"],
                "title_zh": test["title_zh"],
                "citation": "；".join(
                    known[place["source"]].cite(place.get("article", ""))
                    for place in test["citations"]
                    if place["source"] in known
                ),
                "status": test["status"],
            }
            | answer._asdict()
            | {
                "reason": "; ".join(filter(None, [answer.reason, test.get("note", "")])),
                "reason_zh": "；".join(filter(None, [answer.reason_zh, test.get("note_zh", "")])),
            }
        )
    return pd.DataFrame(rows, columns=_TEST_COLUMNS)


def _unknown(reason: str, reason_zh: str, *, value: float = np.nan, limit: float = np.nan, unit: str = "") -> _Answer:
    return _Answer("undetermined", value, limit, unit, np.nan, np.nan, reason, reason_zh)


def _in_subzones(frame: gpd.GeoDataFrame, subzones: Iterable[str] | None) -> Flags:
    if subzones is None:
        return np.ones(len(frame), dtype=bool)
    return frame["subzone"].isin(list(subzones)).to_numpy()


def _not_reduced(test: Mapping[str, Any], pair: _Pair, given: Mapping[str, Any]) -> _Answer:
    old, new = (
        measure_union(layer.geometry[_in_subzones(frame, test.get("subzones"))], pair.place, given["method"])
        for frame, layer in zip(pair.frames, pair.layers, strict=True)
    )
    result = "pass" if new - old >= -_EQUAL_M2 else "fail"
    return _Answer(result, new - old, 0.0, "m2", old, new, "", "")


def _not_lowered(test: Mapping[str, Any], pair: _Pair, given: Mapping[str, Any]) -> _Answer:
    types = [_first_column(frame, test["type_columns"]) for frame in pair.frames]
    sums = []
    for frame, layer, column in zip(pair.frames, pair.layers, types, strict=True):
        kind = frame["subzone"].astype(object)
        if None not in types:
            kind = kind.where(kind.isna(), kind.astype(str) + "/" + frame[column].astype(str))
        sums.append(
            {
                name: measure_union(layer.geometry[(kind == name).to_numpy()], pair.place, given["method"])
                for name in kind.dropna().unique()
            }
        )
    lowered = {name: sums[1].get(name, 0.0) - area for name, area in sums[0].items()}
    less = {name: change for name, change in lowered.items() if change < -_EQUAL_M2}
    worst = min(lowered.values(), default=np.nan)
    if less:
        listed = name_rows(f"{name} {change:,.0f} m²" for name, change in sorted(less.items()))
        return _Answer("fail", worst, 0.0, "m2", np.nan, np.nan, f"less than before: {listed}", f"减少：{listed}")
    silent = [int(frame["subzone"].isna().sum()) for frame in pair.frames]
    if any(silent) or not lowered:
        told = f"{silent[0]} features before and {silent[1]} after state no sub-zone"
        return _unknown(
            told, f"调整前{silent[0]}个、调整后{silent[1]}个图斑未注明分区", value=worst, limit=0.0, unit="m2"
        )
    return _Answer("pass", worst, 0.0, "m2", sum(sums[0].values()), sum(sums[1].values()), "", "")


def _first_column(frame: gpd.GeoDataFrame, wanted: Iterable[str]) -> str | None:
    fields = {str(column).lower(): str(column) for column in frame.columns}
    return next((fields[name] for name in wanted if name in fields), None)


def _gained(pair: _Pair, method: AreaMethod) -> tuple[Geometries, Rows]:
    """Give the parts of ground gained that are no artefacts, and the features of the version after that have them."""
    rows = _moved(pair)[1]
    parts, owner = shapely.get_parts(_rest(pair.layers[1], rows, pair.layers[0]), return_index=True)
    small, narrow = find_slivers(parts, measure(parts, pair.place, method), np.zeros(len(parts)), pair.place, Slivers())
    real = ~(small | narrow)
    return parts[real], rows[owner[real]]


def _below(test: Mapping[str, Any], pair: _Pair, given: Mapping[str, Any]) -> _Answer:
    parts, row = _gained(pair, given["method"])
    limit = float(test["limit"])
    if not len(parts):
        return _Answer("pass", np.nan, limit, "", np.nan, np.nan, "no ground was gained", "无新增地块")
    frame = pair.frames[1]
    column, classes = _first_column(frame, test["columns"]), _first_column(frame, test["class_columns"])
    if column is None and classes is None:
        wanted = ", ".join([*test["columns"][:1], *test["class_columns"][:1]])
        return _unknown(f"the data state no slope (columns {wanted})", "数据未载坡度", limit=limit)
    if column is not None:
        stated = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=float)[row]
        missing, bad = np.isnan(stated), stated >= limit
        value = float(np.nanmax(stated)) if not missing.all() else np.nan
    else:
        stated = frame[classes].astype("string").str.strip().str.replace(r"\.0$", "", regex=True)
        words = stated.fillna("").to_numpy(dtype=str)[row]
        missing = words == ""
        bad = ~missing & ~np.isin(words, list(test["classes"]))
        value = np.nan
    area = measure(parts, pair.place, given["method"]).area
    if bad.any():
        told = f"{int(bad.sum())} of {len(parts)} patches gained, {area[bad].sum():,.0f} m², are not below"
        told_zh = f"新增{len(parts)}处中{int(bad.sum())}处不符，计{area[bad].sum():,.0f}平方米"
        return _Answer("fail", value, limit, "degree", np.nan, np.nan, told, told_zh)
    if missing.any():
        told = f"{int(missing.sum())} of {len(parts)} patches gained state no slope"
        return _unknown(told, f"新增{len(parts)}处中{int(missing.sum())}处未载坡度", value=value, limit=limit)
    return _Answer("pass", value, limit, "degree", np.nan, np.nan, "", "")


def _adjoins(test: Mapping[str, Any], pair: _Pair, given: Mapping[str, Any]) -> _Answer:
    del test
    parts, row = _gained(pair, given["method"])
    if not len(parts):
        return _Answer("pass", 0.0, 0.0, "m2", np.nan, np.nan, "no ground was gained", "无新增地块")
    reach = _REACH_M / (DEGREE_M if pair.place.crs.is_geographic else 1.0)
    # beside ground of another feature, or beside ground of its own feature that was there before
    part, other = shapely.STRtree(pair.layers[1].geometry).query(parts, predicate="dwithin", distance=reach)
    beside = np.zeros(len(parts), dtype=bool)
    beside[part[other != row[part]]] = True
    part, _ = shapely.STRtree(pair.layers[0].geometry).query(parts, predicate="dwithin", distance=reach)
    beside[part] = True
    area = measure(parts, pair.place, given["method"]).area
    alone = float(area[~beside].sum())
    if beside.all():
        return _Answer("pass", 0.0, 0.0, "m2", np.nan, np.nan, "", "")
    told = f"{int((~beside).sum())} of {len(parts)} patches gained, {alone:,.0f} m², stand alone"
    told_zh = f"新增{len(parts)}处中{int((~beside).sum())}处孤立，计{alone:,.0f}平方米"
    return _unknown(told, told_zh, value=alone, limit=0.0, unit="m2")


def _ratio(test: Mapping[str, Any], pair: _Pair, given: Mapping[str, Any]) -> _Answer:
    limit, base = float(test["limit"]), given["base"]
    if base is None or not base > 0:
        return _unknown("the built-up land of 2020 is not given", "未给出2020年现状城镇建设用地", limit=limit)
    more = given["more"] or 0.0
    counted, every = [], []
    for frame, layer in zip(pair.frames, pair.layers, strict=True):
        out = _in_subzones(frame, test["leave_out"])
        counted.append((measure_union(layer.geometry[~out], pair.place, given["method"]) + more) / base)
        every.append((measure_union(layer.geometry, pair.place, given["method"]) + more) / base)
    slack = limit * base - counted[1] * base
    told = f"{every[1]:.4f} with special-purpose zones; slack {slack:,.0f} m²"
    told_zh = f"含特别用途区为{every[1]:.4f}；余量{slack:,.0f}平方米"
    if given["more"] is None:
        told, told_zh = f"{told}; no scattered urban land outside was given", f"{told_zh}；未计边界外零星城镇建设用地"
    if counted[1] > limit:
        return _Answer("fail", counted[1], limit, "ratio", counted[0], counted[1], told, told_zh)
    silent = bool(pair.frames[1]["subzone"].isna().any())
    result = "undetermined" if silent and every[1] > limit else "pass"
    return _Answer(result, counted[1], limit, "ratio", counted[0], counted[1], told, told_zh)


_KINDS: Mapping[str, Callable[[Mapping[str, Any], _Pair, Mapping[str, Any]], _Answer]] = {
    "not_reduced": _not_reduced,
    "not_lowered": _not_lowered,
    "below": _below,
    "adjoins": _adjoins,
    "ratio": _ratio,
}


def list_replacements(
    before: ZoningPlan,
    after: ZoningPlan,
    *,
    on: dt.date | str,
    line: str = "permanent_basic_farmland",
    method: AreaMethod = "national",
) -> pd.DataFrame:
    """
    List the ground that a line gave up and the ground that was drawn for it, with days of acceptance (补划台账).

    Parameters
    ----------
    before, after
        The two versions of the plan. Features after may state ``accepted_on``, ``slope_deg``, ``quality`` (weight of
        the ground) and ``deduction``; ``land_class`` is read from either.
    on
        The day of the account: replacements accepted later, or on no stated day, do not count yet.
    line
        The line whose ground is replaced.
    method
        How area is measured.

    Returns
    -------
    DataFrame
        Entries as the farmland balance of :mod:`ecozones.ledgers` books them, one row per feature: ``kind`` (occupied,
        supplemented), ``feature_id``, ``area_ha``, ``net_ha`` (less deduction, missing where none is stated),
        ``accepted_on``, ``accepted``, ``quality``, ``slope_deg``, ``land_class``. [ha]

    Raises
    ------
    SchemaError
        One of the plans has no such line, or a day of acceptance cannot be read.

    Examples
    --------
    >>> from ecozones.ledgers.books import farmland_balance
    >>> from ecozones.testing import chessboard_plan
    >>> old, new = chessboard_plan(farmland=["a1", "b1"]), chessboard_plan(farmland=["b1", "c1"])
    >>> entries = list_replacements(old, new, on="2026-06-01")
    >>> entries[["kind", "feature_id", "accepted"]].values.tolist()
    [['occupied', 'a1', False], ['supplemented', 'c1', False]]
    >>> farmland_balance(entries)["balanced"].tolist()
    [False]
    """
    day = as_day(on)
    pair = _both(before, after, *_asked(before, after, [line]))
    moved = _moved(pair)
    tables = []
    for kind, own, other in (("occupied", 0, 1), ("supplemented", 1, 0)):
        rest = _rest(pair.layers[own], moved[own], pair.layers[other])
        area = measure(rest, pair.place, method).area
        listed = np.flatnonzero(area > 0)
        frame = pair.frames[own].iloc[moved[own][listed]].reset_index(drop=True)
        table = pd.DataFrame({"kind": kind, "feature_id": frame["feature_id"], "area_ha": from_m2(area[listed], "ha")})
        for column in ("deduction", "quality", "slope_deg"):
            stated = frame[column] if column in frame.columns else pd.Series(np.nan, index=frame.index)
            table[column] = pd.to_numeric(stated, errors="coerce")
        table["land_class"] = frame["land_class"] if "land_class" in frame.columns else None
        table["accepted_on"] = _days(frame, line) if kind == "supplemented" else pd.NaT
        tables.append(table.sort_values("feature_id", kind="stable"))
    table = pd.concat([part for part in tables if len(part)] or tables, ignore_index=True)
    table["accepted_on"] = pd.to_datetime(table["accepted_on"])
    table["accepted"] = (table["accepted_on"] <= pd.Timestamp(day)).fillna(value=False)
    table["net_ha"] = table["area_ha"] * (1 - table["deduction"])
    return table[
        ["kind", "feature_id", "area_ha", "net_ha", "accepted_on", "accepted", "quality", "slope_deg", "land_class"]
    ]


def _days(frame: gpd.GeoDataFrame, line: str) -> pd.Series:
    if "accepted_on" not in frame.columns:
        return pd.Series(pd.NaT, index=frame.index)
    stated = frame["accepted_on"]
    read = pd.to_datetime(stated, errors="coerce")
    lost = stated.notna() & read.isna()
    if lost.any():
        message = f"{line}: accepted_on is no day in {name_rows(frame['feature_id'][lost])}; write it as 2026-06-01"
        raise SchemaError(message)
    return read
