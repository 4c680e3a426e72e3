"""Who gives way where lines collide, and the books that prove that no ground was lost over it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ecozones.area import AreaMethod
from ecozones.conflicts.common_ground import (
    Flags,
    Geometries,
    Layer,
    Numbers,
    Place,
    Rows,
    by_row,
    find_slivers,
    measure,
    measure_union,
    share,
    subtract,
    unite,
)
from ecozones.crs import check_crs
from ecozones.errors import SchemaError, name_rows
from ecozones.geometry import check_polygons, polygonal, repair_polygons
from ecozones.patches import NOISE_SHARE, Slivers
from ecozones.plan import ZoningPlan
from ecozones.shipped import shipped_table

# farmland, red line, urban boundary: the order of delineation, from memory of 自然资函〔2022〕47号
OFFICIAL_ORDER = ("permanent_basic_farmland", "ecological_red_line", "urban_development_boundary")

Fragments = Literal["list", "merge"]


_LEDGER_COLUMNS = [
    "line", "feature_id", "subzone", "outcome", "taken_by", "before_m2", "given_m2", "passed_on_m2", "received_m2",
    "after_m2", "error_m2", "parts_before", "parts_after",
]  # fmt: skip
_FRAGMENT_COLUMNS = ["line", "feature_id", "merged_into", "area_m2", "smallest_m2", "width_m", "geometry"]


class Resolution(NamedTuple):
    """
    A plan whose lines no longer collide, and what that took.

    Parameters
    ----------
    plan
        The new plan; features that had nothing to give kept every vertex.
    ledger
        One row per feature that changed: what it had, gave, passed on, received and has. [m²]
    fragments
        What was left below the smallest patch, and the feature it was merged into, if any.
    balance
        One row per line, then one for the territory: before, after and the error.
    """

    plan: ZoningPlan
    ledger: pd.DataFrame
    fragments: gpd.GeoDataFrame
    balance: pd.DataFrame


def resolve_conflicts(
    plan: ZoningPlan,
    priority: Iterable[str] = OFFICIAL_ORDER,
    *,
    fragments: Fragments = "list",
    smallest_m2: float | Mapping[str, float] | None = None,
    ignore_below_m2: float = 1.0,
    ignore_narrower_m: float = 0.1,
    method: AreaMethod = "national",
) -> Resolution:
    """
    Give the ground that several lines claim to the first of them.

    A proposal for planners, never done by default: the lines of a plan in force do not move. Features that collide by
    no more than an artefact are left alone, vertex by vertex. The outcome does not depend on the order of rows, and a
    second run changes nothing.

    Parameters
    ----------
    plan
        The plan; it stays as it is.
    priority
        Lines that take part, the one that keeps its ground first. Lines the plan lacks are passed over; lines that are
        not named neither give nor take.
    fragments
        What to do with what is left of a feature below the smallest patch: ``"list"`` leaves it where it is,
        ``"merge"`` gives it to the feature of the same line and sub-zone with which it shares the longest border, and
        leaves it where there is none.
    smallest_m2
        The smallest patch, one number or by line; left out: the smallest that is mapped (from memory). [m²]
    ignore_below_m2
        Smaller overlaps are artefacts. [m²]
    ignore_narrower_m
        Overlaps of a smaller mean width are artefacts. [m]
    method
        How area is measured.

    Returns
    -------
    Resolution
        The new plan, a ledger by feature, the fragments, and the balance. Columns that state an area keep what the
        file says; the ledger says what is left.

    Raises
    ------
    SchemaError
        A line is named twice, or is none that the plan could have.

    Examples
    --------
    >>> from ecozones.testing import chessboard_plan
    >>> plan = chessboard_plan(red_line={"a1": "core", "b1": "core"}, farmland=["a1"])
    >>> done = resolve_conflicts(plan)
    >>> done.ledger[["line", "feature_id", "outcome", "taken_by"]].values.tolist()
    [['ecological_red_line', 'a1', 'removed', 'permanent_basic_farmland']]
    """
    order = _order(plan, priority)
    slivers = Slivers(ignore_below_m2, ignore_narrower_m)
    new, ledgers, leftovers = {}, [], []
    for rank, line in enumerate(order):
        frame = plan.lines[line]
        place = Place.of(frame.crs, frame)
        own = Layer.of(frame, place, what=line)
        above = [Layer.of(plan.lines[name], place, what=name) for name in order[:rank]]
        left, taken = _give_way(own, above, slivers, method)
        if not len(taken):
            continue
        least = _smallest(smallest_m2, line)
        cut = _fragments(frame, own, left, np.unique(taken["row"]), least, method)
        whole = left.copy()
        if fragments == "merge":
            left, cut = _merge(frame, left, cut)
        new[line] = _redraw(frame, left, place)
        ledgers.append(_ledger(line, frame, own, whole, left, taken, cut, order, method))
        leftovers.append(_list_fragments(line, frame, cut, least, place, plan))
    resolved = plan.replace(**new) if new else plan
    ledger = pd.concat(ledgers, ignore_index=True) if ledgers else pd.DataFrame(columns=_LEDGER_COLUMNS)
    listed = pd.concat(leftovers, ignore_index=True) if leftovers else pd.DataFrame(columns=_FRAGMENT_COLUMNS)
    return Resolution(
        resolved,
        ledger,
        gpd.GeoDataFrame(listed, geometry="geometry", crs=plan.crs),
        _balance(plan, resolved, ledger, order, method),
    )


def _order(plan: ZoningPlan, priority: Iterable[str]) -> list[str]:
    named = list(priority)
    unknown = [line for line in named if line not in plan.control_lines]
    again = sorted({line for line in named if named.count(line) > 1})
    if unknown or again:
        message = (
            f"priority names {name_rows(unknown)}, which the plan does not know; it knows "
            f"{', '.join(plan.control_lines)}"
            if unknown
            else f"priority names {name_rows(again)} more than once; a line has one rank"
        )
        raise SchemaError(message)
    return [line for line in named if line in plan]


def _smallest(smallest_m2: float | Mapping[str, float] | None, line: str) -> float:
    if isinstance(smallest_m2, int | float):
        return float(smallest_m2)
    mapped = shipped_table("conflicts")["smallest_patch_m2"]
    known = mapped if smallest_m2 is None else smallest_m2
    return float(known.get(line, mapped["default"]))


def _give_way(
    own: Layer,
    above: list[Layer],
    slivers: Slivers,
    method: AreaMethod,
    yields: Callable[[Rows, Rows], Flags] | None = None,
) -> tuple[Geometries, pd.DataFrame]:
    """Take from polygons the ground of all that rank above them, until no overlap is left that is no artefact."""
    ground = np.concatenate([layer.geometry for layer in above]) if above else np.empty(0, dtype=object)
    start = np.cumsum([0, *(len(layer.geometry) for layer in above)])
    left = own.geometry.copy()
    pairs: list[pd.DataFrame] = []
    asked = np.arange(len(left))
    shapes = own
    while len(asked):
        found = []
        for number, layer in enumerate(above):
            shared = share(shapes, layer)
            rows = asked[shared.a]
            allowed = np.ones(len(rows), dtype=bool) if yields is None else yields(rows, shared.b)
            real = np.flatnonzero(allowed)
            real = real[_real(shared.geometry[real], own.place, slivers, method)]
            found.append(pd.DataFrame({"row": rows[real], "layer": number, "taken": start[number] + shared.b[real]}))
        now = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=["row", "layer", "taken"])
        if not len(now):
            break
        left = subtract(left, ground, now["row"].to_numpy(), now["taken"].to_numpy())
        pairs.append(now)
        asked = np.unique(now["row"].to_numpy())
        asked = asked[~shapely.is_empty(left[asked])]
        shapes = Layer(left[asked], own.place)
    if not pairs:
        return left, pd.DataFrame(columns=["row", "layer", "taken", "geometry"])
    taken = pd.concat(pairs, ignore_index=True).drop_duplicates(["row", "taken"])
    return left, taken.assign(geometry=ground[taken["taken"].to_numpy()])


def _real(geometry: Geometries, place: Place, slivers: Slivers, method: AreaMethod) -> Flags:
    """Tell which shared grounds have a part that is no artefact."""
    parts, owner = shapely.get_parts(geometry, return_index=True)
    small, narrow = find_slivers(parts, measure(parts, place, method), np.zeros(len(parts)), place, slivers)
    return np.asarray(np.bincount(owner[~(small | narrow)], minlength=len(geometry)) > 0)


class _Cut(NamedTuple):
    """What is left of features below the smallest patch: their rows, the ground, and the rows that receive it."""

    row: Rows
    geometry: Geometries
    area: Numbers
    width: Numbers
    into: Rows


def _fragments(
    frame: gpd.GeoDataFrame, own: Layer, left: Geometries, changed: Rows, least: float, method: AreaMethod
) -> _Cut:
    """Find the parts that a feature did not have before, and that are smaller than the smallest patch."""
    parts, owner = shapely.get_parts(left[changed], return_index=True)
    full = ~shapely.is_empty(parts)
    parts, row = parts[full], changed[owner[full]]
    measured = measure(parts, own.place, method)
    old, old_owner = shapely.get_parts(own.geometry[changed], return_index=True)
    before = {(int(of), text) for of, text in zip(changed[old_owner], _text(old), strict=True)}
    after = zip(row, _text(parts), strict=True)
    new = np.array([(int(of), part) not in before for of, part in after], dtype=bool)
    small = np.flatnonzero(new & (measured.area < least))
    ids = frame["feature_id"].to_numpy(dtype=object)[row[small]].astype(str)
    small = small[np.lexsort((*shapely.bounds(parts[small]).T, ids))]
    none = np.full(len(small), -1, dtype=np.intp)
    return _Cut(row[small], parts[small], measured.area[small], measured.width[small], none)


def _text(polygons: Geometries) -> NDArray[np.object_]:
    """Write polygons down, wherever their rings begin."""
    return np.asarray(shapely.to_wkb(shapely.normalize(polygons)), dtype=object)


def _share_ground(one: Geometries, other: Geometries) -> Flags:
    return np.asarray(shapely.area(shapely.intersection(one, other)) > NOISE_SHARE * shapely.area(one))


def _merge(frame: gpd.GeoDataFrame, left: Geometries, cut: _Cut) -> tuple[Geometries, _Cut]:
    """Give each fragment to the neighbour of its own sub-zone that it shares the longest border with."""
    if not len(cut.row):
        return left, cut
    out, into = left.copy(), cut.into.copy()
    core = left.copy()
    for row, members in by_row(cut.row):
        parts = shapely.get_parts(left[row])
        gone = set(shapely.to_wkb(cut.geometry[members]))
        kept = [part for part, text in zip(parts, shapely.to_wkb(parts), strict=True) if text not in gone]
        core[row] = shapely.MultiPolygon(kept) if len(kept) != 1 else kept[0]
    subzone = frame["subzone"].fillna("").to_numpy(dtype=object)
    ids = frame["feature_id"].to_numpy(dtype=object)
    fragment, row = shapely.STRtree(core).query(cut.geometry, predicate="intersects")
    fits = (row != cut.row[fragment]) & (subzone[row] == subzone[cut.row[fragment]])
    # features of one line that share ground are no neighbours: ground claimed twice stays so until somebody decides
    fits &= ~_share_ground(cut.geometry[fragment], core[row])
    one, other = shapely.STRtree(cut.geometry).query(cut.geometry, predicate="intersects")
    again = one[(one != other) & _share_ground(cut.geometry[one], cut.geometry[other])]
    fits &= ~np.isin(fragment, again)
    fragment, row = fragment[fits], row[fits]
    border = shapely.length(shapely.intersection(shapely.boundary(cut.geometry[fragment]), core[row]))
    beside = pd.DataFrame({"fragment": fragment, "row": row, "border": border, "id": ids[row].astype(str)})
    beside = beside[beside["border"] > 0].sort_values(["fragment", "border", "id"], ascending=[True, False, True])
    best = beside.drop_duplicates("fragment")
    into[best["fragment"].to_numpy()] = best["row"].to_numpy()
    moved = into >= 0
    for row, members in by_row(cut.row):
        if moved[members].any():
            stays = cut.geometry[members[~moved[members]]]
            out[row] = unite(np.concatenate([shapely.get_parts(core[row]), stays]))
    for row, members in by_row(into[moved]):
        out[row] = unite(np.r_[out[row : row + 1], cut.geometry[moved][members]])
    return out, cut._replace(into=into)


def _redraw(frame: gpd.GeoDataFrame, left: Geometries, place: Place) -> gpd.GeoDataFrame:
    """Draw what changed; everything else is the geometry that it was."""
    near = place.near(frame.geometry.to_numpy())
    changed = ~shapely.equals_identical(near, left)
    geometry = frame.geometry.to_numpy().copy()
    geometry[changed] = place.back(left[changed])
    return frame.set_geometry(gpd.GeoSeries(geometry, index=frame.index, crs=frame.crs))[
        ~shapely.is_empty(geometry)
    ].reset_index(drop=True)


def _ledger(
    line: str,
    frame: gpd.GeoDataFrame,
    own: Layer,
    whole: Geometries,
    left: Geometries,
    taken: pd.DataFrame,
    cut: _Cut,
    order: list[str],
    method: AreaMethod,
) -> pd.DataFrame:
    """Account for every feature that changed; what it gave is measured apart from what is left."""
    merged = cut.into >= 0
    rows = np.unique(np.r_[taken["row"].to_numpy(), cut.into[merged]]).astype(np.intp)
    given = np.zeros(len(frame))
    givers, amounts = _given(own, taken, method)
    given[givers] = amounts
    passed, received = np.zeros(len(frame)), np.zeros(len(frame))
    np.add.at(passed, cut.row[merged], cut.area[merged])
    np.add.at(received, cut.into[merged], cut.area[merged])
    names = taken.assign(name=np.array(order, dtype=object)[taken["layer"].to_numpy(dtype=np.intp)])
    takers = names.sort_values("layer").groupby("row")["name"].agg(lambda words: ",".join(dict.fromkeys(words)))
    before, after = (measure(shapes[rows], own.place, method).area for shapes in (own.geometry, left))
    gone, empty = shapely.is_empty(left[rows]), shapely.is_empty(whole[rows])
    table = pd.DataFrame(
        {
            "line": line,
            "feature_id": frame["feature_id"].to_numpy()[rows],
            "subzone": frame["subzone"].to_numpy(dtype=object)[rows],
            "outcome": np.select(
                [gone & empty, gone, given[rows] > 0], ["removed", "merged", "reduced"], default="enlarged"
            ),
            "taken_by": takers.reindex(rows, fill_value="").to_numpy(),
            "before_m2": before,
            "given_m2": given[rows],
            "passed_on_m2": passed[rows],
            "received_m2": received[rows],
            "after_m2": after,
            "parts_before": shapely.get_num_geometries(own.geometry[rows]),
            "parts_after": np.where(gone, 0, shapely.get_num_geometries(left[rows])),
        }
    )
    table["error_m2"] = (
        table["before_m2"] - table["given_m2"] - table["passed_on_m2"] + table["received_m2"] - table["after_m2"]
    )
    return table[_LEDGER_COLUMNS].sort_values("feature_id", kind="stable", ignore_index=True)


def _given(own: Layer, taken: pd.DataFrame, method: AreaMethod) -> tuple[Rows, Numbers]:
    """Measure what each feature gave: its ground in all that it gave way to."""
    ground = taken["geometry"].to_numpy()
    rows, lost = [], []
    for row, members in by_row(taken["row"].to_numpy(dtype=np.intp)):
        rows.append(row)
        lost.append(shapely.intersection(own.geometry[row], unite(ground[members])))
    return np.array(rows, dtype=np.intp), measure(polygonal(np.array(lost, dtype=object)), own.place, method).area


def _list_fragments(
    line: str, frame: gpd.GeoDataFrame, cut: _Cut, least: float, place: Place, plan: ZoningPlan
) -> pd.DataFrame:
    ids = np.r_[frame["feature_id"].to_numpy(dtype=object), np.array([""], dtype=object)]
    drawn = gpd.GeoSeries(place.back(cut.geometry), crs=frame.crs).to_crs(plan.crs)
    columns = {
        "line": line,
        "feature_id": ids[cut.row],
        "merged_into": ids[cut.into],
        "area_m2": cut.area,
        "smallest_m2": least,
        "width_m": cut.width,
        "geometry": drawn.to_numpy(),
    }
    return pd.DataFrame(columns, columns=_FRAGMENT_COLUMNS)


def _balance(
    before: ZoningPlan, after: ZoningPlan, ledger: pd.DataFrame, order: list[str], method: AreaMethod
) -> pd.DataFrame:
    """Add up each line, and measure the ground of all lines together before and after."""
    rows = []
    for line in order:
        old, new = (_sum(plan, line, method) for plan in (before, after))
        given = float(ledger.loc[ledger["line"] == line, "given_m2"].sum())
        rows.append((line, old, given, new, old - given - new))
    old, new = (_territory(plan, before, order, method) for plan in (before, after))
    rows.append(("territory", old, 0.0, new, old - new))
    table = pd.DataFrame(rows, columns=["line", "before_m2", "given_m2", "after_m2", "error_m2"])
    whole = table["before_m2"].to_numpy()
    share_of = np.divide(table["error_m2"].to_numpy(), whole, out=np.zeros(len(table)), where=whole > 0)
    return table.assign(error_share=share_of)


def _sum(plan: ZoningPlan, line: str, method: AreaMethod) -> float:
    frame = plan.lines[line]
    place = Place.of(frame.crs, frame)
    return float(measure(place.near(frame.geometry.to_numpy()), place, method).area.sum())


def _territory(plan: ZoningPlan, like: ZoningPlan, order: list[str], method: AreaMethod) -> float:
    place = Place.of(like.crs, *(like.lines[line].to_crs(like.crs) for line in order))
    drawn = [Layer.of(plan.lines[line], place, what=line).geometry for line in order]
    return measure_union(np.concatenate(drawn), place, method) if drawn else 0.0


def erase_overlaps(
    frame: gpd.GeoDataFrame,
    by: str | list[str],
    *,
    ascending: bool = True,
    ignore_below_m2: float = 1.0,
    ignore_narrower_m: float = 0.1,
    method: AreaMethod = "national",
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """
    Give the ground that several features of one layer claim to the one that comes first.

    Parameters
    ----------
    frame
        Polygons with a column ``feature_id``.
    by
        Column or columns that rank the features; those that are equal rank by their id.
    ascending
        Whether the smallest value comes first.
    ignore_below_m2
        Smaller overlaps are artefacts and stay. [m²]
    ignore_narrower_m
        Overlaps of a smaller mean width are artefacts and stay. [m]
    method
        How area is measured.

    Returns
    -------
    tuple
        The layer in its old order, with an empty polygon where nothing is left; and a ledger, one row per feature that
        gave ground: ``feature_id, before_m2, given_m2, after_m2, error_m2``. [m²]

    Raises
    ------
    SchemaError
        A column is missing, or ids repeat.

    Examples
    --------
    >>> parks = gpd.GeoDataFrame(
    ...     {"feature_id": ["new", "old"], "year": [1990, 1950]},
    ...     geometry=[shapely.box(x, 3_320_000, x + 20, 3_320_010) for x in (500_000, 500_010)],
    ...     crs="EPSG:4548",
    ... )
    >>> erased, ledger = erase_overlaps(parks, "year", method="planar")
    >>> erased.area.tolist()
    [100.0, 200.0]
    """
    columns = [by] if isinstance(by, str) else list(by)
    missing = [name for name in [*columns, "feature_id"] if name not in frame.columns]
    if missing:
        message = f"the layer has no column {name_rows(missing)}; name the columns that rank its features"
        raise SchemaError(message)
    if frame["feature_id"].duplicated().any():
        message = f"feature ids repeat: {name_rows(frame['feature_id'][frame['feature_id'].duplicated()])}"
        raise SchemaError(message)
    check_crs(frame, what="layer")
    check_polygons(frame, what="layer")
    valid = repair_polygons(frame, what="layer")[0].reset_index(drop=True)
    ranked = valid.assign(_id=valid["feature_id"].astype(str))
    ranked = ranked.sort_values([*columns, "_id"], ascending=[*[ascending] * len(columns), True], kind="stable")
    rank = np.empty(len(valid), dtype=np.intp)
    rank[ranked.index.to_numpy()] = np.arange(len(valid))
    place = Place.of(valid.crs, valid)
    own = Layer.of(valid, place, what="layer")
    slivers = Slivers(ignore_below_m2, ignore_narrower_m)
    left, taken = _give_way(own, [own], slivers, method, lambda rows, others: rank[others] < rank[rows])
    rows, given = _given(own, taken, method)
    before, after = (measure(shapes[rows], place, method).area for shapes in (own.geometry, left))
    ledger = pd.DataFrame(
        {
            "feature_id": valid["feature_id"].to_numpy()[rows],
            "before_m2": before,
            "given_m2": given,
            "after_m2": after,
            "error_m2": before - given - after,
        }
    )
    geometry = frame.geometry.to_numpy().copy()
    geometry[rows] = place.back(left[rows])
    return frame.set_geometry(gpd.GeoSeries(geometry, index=frame.index, crs=frame.crs)), ledger
