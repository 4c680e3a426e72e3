"""
What was really restored: the ground of restoration projects, counted once.

Two totals are legitimate and never interchangeable. *Activity* is the sum of all records: a plot planted in one year
and filled in two years later counts twice. *Footprint* is the ground under them, each piece of it once. Registries
publish the first and call it the second; here both stand side by side, with the overlaps that explain the difference.

A record is one row: a patch of a sub-project of a project of a programme, with those levels as columns (``programme``,
``project_id``, ``sub_project``, ``patch_id``). Several rows may carry one ``project_id``: they are its patches.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import itertools
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any, Literal, get_args

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ecozones import overlay
from ecozones.area import AreaMethod, polygon_areas
from ecozones.crs import check_crs
from ecozones.errors import InputError, SchemaError, name_rows
from ecozones.geometry import repair_polygons
from ecozones.patches import Slivers, divide
from ecozones.placing import bring_to
from ecozones.plan import ZoningPlan
from ecozones.rulebook import Rulebook, as_day, load_rules
from ecozones.units import from_m2
from ecozones.vocab import verdict_dtype

Attribution = Literal["report_only", "priority", "earliest", "latest", "largest", "equal_split"]
Ground = Literal["eligible", "conflicting", "undetermined", "excluded"]

# mildest first; ground that several statuses claim is counted under the last of them
GROUND: tuple[Ground, ...] = get_args(Ground)

_GROUND_OF: Mapping[str, Ground] = {
    "clear": "eligible",
    "allowed": "eligible",
    "undetermined": "undetermined",
    "prohibited": "excluded",
}
_LEVELS = ("programme", "sub_project", "patch_id", "type", "year", "stage")
_HA = 1e4

# what double precision leaves where the same ground is measured along two paths
_NOISE_SHARE = 1e-9
_NOISE_HA = 1e-6

# what an overlay may move an edge by, as a share of its coordinates: strips narrower than that fall to either side
_OVERLAY_REACH = 1e-12
_FINE_GRID = 2e-13

# a matrix of more projects than this is gigabytes of zeros; the table of pairs says the same
_MATRIX_LIMIT = 5_000

_CHECK_COLUMNS = [
    "project_id", "patch_id", "ground", "verdict", "reason_code", "reason_zh", "reason", "line", "subzone", "type",
    "activity", "rule_id", "requires", "citation", "status", "effective_from", "sliver", "area_ha", "geometry",
]  # fmt: skip

Rows = NDArray[np.intp]
Numbers = NDArray[np.float64]
Geometries = NDArray[np.object_]


@functools.cache
def _tables() -> dict[str, Any]:
    text = resources.files("ecozones").joinpath("data/restoration_types.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@functools.cache
def _check_values() -> dict[str, float]:
    text = resources.files("ecozones").joinpath("data/thresholds.toml").read_text(encoding="utf-8")
    return {name: check["value"] for name, check in tomllib.loads(text)["checks"].items()}


def restoration_types() -> pd.DataFrame:
    """
    List the types of restoration work that the library knows.

    Returns
    -------
    DataFrame
        One row per type, on its id: ``code``, ``zh``, ``en``, ``family`` (the footprint it adds to), ``measure``,
        ``new_ground``, ``follow_up``, ``activity`` (as the rulebook names it), ``activity_on`` (by line, where that
        differs), ``check`` and ``aliases``.

    Examples
    --------
    >>> restoration_types().loc["mine_restoration", ["code", "zh"]].tolist()
    ['MN-RE', '矿山生态修复']
    """
    table = pd.DataFrame.from_dict(_tables()["types"], orient="index").rename_axis("type")
    return table.assign(activity_on=table["activity_on"].map(lambda value: value if isinstance(value, dict) else {}))


def restoration_stages() -> pd.DataFrame:
    """
    List the stages of a project, in the order they are passed.

    Returns
    -------
    DataFrame
        One row per stage, on its id: ``zh``, ``en``, ``area`` and ``day`` (the columns of a project that belong to it),
        ``said_by``, ``aliases``, and ``ended`` for the stages in which a project ends without success.

    Examples
    --------
    >>> restoration_stages().index[:4].tolist()
    ['planned', 'started', 'reported', 'accepted']
    """
    tables = _tables()
    rows = [row | {"ended": False} for row in tables["stages"]] + [row | {"ended": True} for row in tables["ended"]]
    return pd.DataFrame(rows).fillna("").set_index("id").rename_axis("stage")


@functools.cache
def _type_words() -> dict[str, str]:
    words: dict[str, str] = {}
    for type_id, row in _tables()["types"].items():
        for word in (type_id, row["code"], row["zh"], row["en"], *row["aliases"]):
            words[_plain(word)] = type_id
    return words


def _plain(text: str) -> str:
    return "".join(text.lower().replace("-", "").replace("_", "").split())


def recognise_types(types: Iterable[object]) -> list[str | None]:
    """
    Recognise types of work by id, code, name or alias; several on one ground are joined by commas.

    Parameters
    ----------
    types
        What a register says, such as ``"人工造林"`` or ``"AF-PL, SE-CT"``.

    Returns
    -------
    list
        Ids of types, sorted and joined by commas; None where any part of the text is not known.

    Examples
    --------
    >>> recognise_types(["人工造林", "SE-CT; af-pl", "road"])
    ['planted_afforestation', 'erosion_control,planted_afforestation', None]
    """
    given = [None if value is None or (isinstance(value, float) and np.isnan(value)) else str(value) for value in types]
    known = {text: _recognise(text) for text in set(given) if text is not None}
    return [None if text is None else known[text] for text in given]


@functools.cache
def _stage_words() -> dict[str, str]:
    rows = [*_tables()["stages"], *_tables()["ended"]]
    return {_plain(word): row["id"] for row in rows for word in (row["id"], row["zh"], row["en"], *row["aliases"])}


def recognise_stage(stage: object) -> str | None:
    """
    Recognise the stage of a project by id, name or alias.

    Parameters
    ----------
    stage
        What a register says, such as ``"验收合格"``.

    Returns
    -------
    str or None
        The id of the stage; None where the word is not known.

    Examples
    --------
    >>> recognise_stage("已完工"), recognise_stage("Accepted"), recognise_stage("soon")
    ('reported', 'accepted', None)
    """
    return None if stage is None or pd.isna(stage) else _stage_words().get(_plain(str(stage)))  # type: ignore[call-overload]


def _recognise(text: str) -> str | None:
    words = _type_words()
    whole = words.get(_plain(text))
    if whole is not None:
        return whole
    for mark in ";；、，+|":
        text = text.replace(mark, ",")
    found = {words.get(_plain(part)) for part in text.split(",") if part.strip()}
    known = {part for part in found if part is not None}
    return ",".join(sorted(known)) if known and known == found else None


def measure_restored(
    projects: gpd.GeoDataFrame,
    *,
    by: str | Sequence[str] | None = None,
    attribution: Attribution = "report_only",
    priority: Sequence[str] = (),
    districts: gpd.GeoDataFrame | None = None,
    plan: ZoningPlan | None = None,
    rules: Rulebook | str | None = None,
    on: dt.date | str | None = None,
    method: AreaMethod = "national",
) -> gpd.GeoDataFrame:
    """
    Measure activity and footprint of restoration projects: the sum of records, and the ground under them counted once.

    Parameters
    ----------
    projects
        Polygons with a column ``project_id``; ``programme``, ``type``, ``year``, ``stage``, ``patch_id`` and
        ``stated_area_m2`` [m²] are used where they stand.
    by
        Left out: one row per record. ``"total"``: one row. Else the columns to group by, such as ``"year"`` or
        ``["programme", "type"]``; footprints of groups overlap each other, so they need not sum to the total.
    attribution
        Who gets ground that several records claim, so that ``counted_ha`` sums to the total footprint: nobody
        (``"report_only"``), the programme that comes first in `priority`, the ``"earliest"`` or ``"latest"`` year, the
        ``"largest"`` record, or all in equal parts (``"equal_split"``). Ties go to the smaller ``project_id``.
    priority
        Programmes, first come first served; those not named come last.
    districts
        Polygons with a column ``district``, for grouping by ``"district"``; ground in none of them has no district.
    plan
        A plan: ground that may not be counted because a control line stands against it is then told apart.
    rules, on
        Rulebook and day for `plan`, as for :func:`check_restoration`.
    method
        How area is measured.

    Returns
    -------
    GeoDataFrame
        For records, the input with ``activity_ha``, ``alone_ha`` (ground nobody else claims), ``shared_ha``,
        ``max_depth``, ``counted_ha`` and, with a stated area, ``stated_ha`` and ``stated_difference`` (of the
        measured area). For groups ``projects``, ``records``, ``activity_ha``, ``footprint_ha``, ``footprint_mu``,
        ``repeated_ha`` (the first less the second), ``counted_ha`` (NaN for ``"report_only"``), ``stated_ha`` (of the
        records that state one), ``without_stated`` and the ground itself as ``geometry``. With a plan also
        ``eligible_ha``, ``conflicting_ha``, ``undetermined_ha`` and ``excluded_ha``, which sum to the footprint, and
        for records ``reason_codes``. [ha, mu]

    Raises
    ------
    SchemaError
        A column that is asked for is missing, or a project has no id.
    InputError
        Districts overlap under a project, or an option has no meaning here.
    CRSError
        The projects cannot be placed on the ground.
    GeometryError
        A project has no polygon.

    Examples
    --------
    >>> from ecozones.testing import chessboard
    >>> board = chessboard(4).set_index("cell").geometry
    >>> first, again = board["a1"].union(board["b1"]), board["b1"]
    >>> projects = gpd.GeoDataFrame(
    ...     {"project_id": ["P1", "P2"], "year": [2022, 2024]}, geometry=[first, again], crs=chessboard().crs
    ... )
    >>> measure_restored(projects, by="total")[["activity_ha", "footprint_ha"]].round(2).values.tolist()
    [[300.0, 200.0]]

    Whether land cover proves the claim is another question; :func:`ecozones.verify_restored` answers it, and its table
    is joined to this one by ``project_id``.
    """
    keys = _keys(by, districts)
    records = _records(projects)
    if districts is not None:
        records = _cut_by_district(records, districts, method)
    missing = [key for key in keys if key not in records.columns and key != "total"]
    if missing:
        has = ", ".join(map(str, projects.columns))
        message = f"projects cannot be grouped by {name_rows(missing)}: there is no such column; it has {has}"
        raise SchemaError(message)
    geometry = records.geometry.to_numpy()
    area = polygon_areas(geometry, records.crs, method=method)
    pieces = _divide_ground(geometry) if by is None or attribution != "report_only" else None
    piece_area = polygon_areas(pieces.geometry, records.crs, method=method) if pieces is not None else np.empty(0)
    counted = _attribute(pieces, piece_area, records, area, attribution, priority)
    checked = None if plan is None else check_restoration(records, plan, on=on, rules=rules, method=method)
    if by is None:
        assert pieces is not None
        table = _record_table(projects, records, area, pieces, piece_area, counted)
    else:
        table = _group_table(records, keys, area, counted, method)
    if plan is None or checked is None:
        return table
    group = np.arange(len(records)) if by is None else _group_numbers(records, keys)[0]
    ground = _ground_areas(checked, records, group, len(table), plan, method)
    for name, values in ground.items():
        table[f"{name}_ha"] = values / _HA
    if by is None:
        codes = checked[~checked["sliver"] & (checked["ground"] != "eligible")].groupby("record")["reason_code"]
        joined = codes.agg(lambda code: ", ".join(dict.fromkeys(code))).reindex(range(len(records)), fill_value="")
        table["reason_codes"] = joined.to_numpy()
    return table


def _keys(by: str | Sequence[str] | None, districts: gpd.GeoDataFrame | None) -> list[str]:
    keys = [] if by is None else [by] if isinstance(by, str) else list(by)
    if by is not None and not keys:
        message = "by=[] groups by nothing; write by='total' for one row, or leave it out for one row per record"
        raise InputError(message)
    if districts is not None and "district" not in keys:
        message = "districts= was given but by= does not name 'district'; write by='district', or leave districts out"
        raise InputError(message)
    return keys


def _records(projects: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Check projects once, and give them every column that later steps ask for."""
    check_crs(projects, what="projects")
    if "project_id" not in projects.columns:
        message = "projects has no column 'project_id'; name one, or read the file with read_projects"
        raise SchemaError(message)
    nameless = projects["project_id"].isna()
    if nameless.any():
        rows = projects.index[nameless]
        problems = pd.DataFrame({"row": rows, "column": "project_id", "problem": "is missing"})
        message = f"projects without a project_id: rows {name_rows(rows)}"
        raise SchemaError(message, problems)
    named = projects if projects.geometry.name == "geometry" else projects.rename_geometry("geometry")
    repaired, _ = repair_polygons(named, what="projects")
    records = repaired.reset_index(drop=True)
    for column in _LEVELS:
        if column not in records.columns:
            records[column] = None
    records["_type"] = recognise_types(records["type"])
    records["_stage"] = [recognise_stage(stage) for stage in records["stage"]]
    year = pd.to_numeric(records["year"], errors="coerce")
    foreign = records["year"].notna() & year.isna()
    if foreign.any():
        rows = projects.index[foreign.to_numpy()]
        message = f"projects has years that are no numbers: rows {name_rows(rows)}; write the year as 2024"
        raise SchemaError(message, pd.DataFrame({"row": rows, "column": "year", "problem": "is not a number"}))
    records["_year"] = year.astype(float)
    return records


# ------------------------------------------------------------------------------------------------ ground counted once


def footprint(geometry: Geometries) -> shapely.Geometry:
    """
    Unite polygons into the ground under them.

    Parameters
    ----------
    geometry
        Valid polygons, in any order, shape (n,).

    Returns
    -------
    Geometry
        Their union.

    Examples
    --------
    >>> footprint(np.array([shapely.box(0, 0, 2, 1), shapely.box(1, 0, 3, 1)], dtype=object)).area
    3.0
    """
    geometry = np.asarray(geometry, dtype=object)
    # ground wholly inside another polygon adds nothing, and a test for it costs a fiftieth of a union
    bounds = shapely.bounds(geometry)
    inner, outer = shapely.STRtree(geometry).query(geometry)
    fits = (bounds[inner, :2] >= bounds[outer, :2]).all(axis=1) & (bounds[inner, 2:] <= bounds[outer, 2:]).all(axis=1)
    fits &= inner != outer
    inner, outer = inner[fits], outer[fits]
    shapely.prepare(geometry[np.unique(outer)])
    inside = shapely.contains_properly(geometry[outer], geometry[inner])
    same = ~inside & (inner > outer)
    same[same] = shapely.equals_exact(geometry[inner[same]], geometry[outer[same]], tolerance=0.0)
    needed = np.ones(len(geometry), dtype=bool)
    needed[inner[inside | same]] = False
    return shapely.disjoint_subset_union_all(geometry[needed])


@dataclasses.dataclass(frozen=True, eq=False)
class _Pieces:
    """Ground in pieces that lie wholly inside or outside each record; one row of `piece` and `record` per claim."""

    geometry: Geometries
    piece: Rows
    record: Rows

    @property
    def depth(self) -> Rows:
        """Count the records that claim each piece."""
        return np.bincount(self.piece, minlength=len(self.geometry))


def _divide_ground(geometry: Geometries) -> _Pieces:
    """Divide the ground under records into pieces that nobody claims in part."""
    geometry = np.asarray(geometry, dtype=object)
    left, right = shapely.STRtree(geometry).query(geometry)
    label = _components(len(geometry), left, right)
    order = np.argsort(label, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(label[order])) + 1) if len(order) else []
    alone = np.array([rows[0] for rows in members if len(rows) == 1], dtype=np.intp)
    shapes, owners, records = [geometry[alone]], [np.arange(len(alone))], [alone]
    n = len(alone)
    for rows in members:
        if len(rows) == 1:
            continue
        faces, piece, row = _divide_cluster(geometry[rows])
        shapes.append(faces)
        owners.append(piece + n)
        records.append(rows[row])
        n += len(faces)
    return _Pieces(np.concatenate(shapes), np.concatenate(owners), np.concatenate(records))


def _divide_cluster(geometry: Geometries) -> tuple[Geometries, Rows, Rows]:
    """Cut every boundary at every other: the faces between them, and which of them lie in which record."""
    shapely.prepare(geometry)
    # lines that nearly coincide over long stretches may not cut each other cleanly; the fine grid always does
    for grid in (None, 2.0 ** np.ceil(np.log2(np.abs(shapely.total_bounds(geometry)).max() * _FINE_GRID))):
        lines = shapely.union_all(shapely.boundary(geometry), grid_size=grid)
        faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(lines)))
        face, row = shapely.STRtree(geometry).query(shapely.point_on_surface(faces), predicate="intersects")
        claimed, piece = np.unique(face, return_inverse=True)
        own, area = shapely.area(geometry), shapely.area(faces)
        lost = np.abs(np.bincount(row, weights=area[face], minlength=len(geometry)) - own)
        if (lost <= _reach(geometry, own) + _NOISE_SHARE * own).all():
            break
    return faces[claimed], piece, row


def _components(n: int, left: Rows, right: Rows) -> Rows:
    """Label what hangs together: everybody takes the smallest label among the neighbours until nothing changes."""
    label = np.arange(n)
    while True:
        new = label.copy()
        np.minimum.at(new, left, label[right])
        new = new[new]
        if (new == label).all():
            return label
        label = new


def _attribute(
    pieces: _Pieces | None,
    piece_area: Numbers,
    records: gpd.GeoDataFrame,
    area: Numbers,
    attribution: Attribution,
    priority: Sequence[str],
) -> Numbers:
    """Give every piece of ground [m²] to one of the records that claim it, or to all in equal parts."""
    if attribution not in get_args(Attribution):
        message = f"attribution {attribution!r} is not known; use one of {', '.join(get_args(Attribution))}"
        raise InputError(message)
    if attribution == "report_only" or pieces is None:
        return np.full(len(records), np.nan)
    if attribution == "equal_split":
        share = (piece_area / np.maximum(pieces.depth, 1))[pieces.piece]
        return np.asarray(np.bincount(pieces.record, weights=share, minlength=len(records)), dtype=np.float64)
    rank = _rank(records, area, attribution, priority)
    order = np.lexsort((rank[pieces.record], pieces.piece))
    piece, record = pieces.piece[order], pieces.record[order]
    first = np.r_[True, piece[1:] != piece[:-1]] if len(piece) else np.empty(0, dtype=bool)
    won = np.bincount(record[first], weights=piece_area[piece[first]], minlength=len(records))
    return np.asarray(won, dtype=np.float64)


def _rank(records: gpd.GeoDataFrame, area: Numbers, attribution: Attribution, priority: Sequence[str]) -> Rows:
    """Order records by who comes first; what decides nothing else is the id, so that the order of rows never does."""
    year = records["_year"]
    if attribution == "priority":
        if not priority:
            message = (
                "attribution='priority' needs priority=[...], the programmes in the order in which they keep ground"
            )
            raise InputError(message)
        place = {programme: i for i, programme in enumerate(priority)}
        first = records["programme"].map(lambda programme: place.get(programme, len(place)))
        second = year.fillna(np.inf)
    elif attribution == "largest":
        first, second = pd.Series(-area), year.fillna(np.inf)
    else:
        first = (year if attribution == "earliest" else -year).fillna(np.inf)
        second = pd.Series(0, index=records.index)
    table = pd.DataFrame(
        {
            "first": first.to_numpy(),
            "second": second.to_numpy(),
            "project_id": records["project_id"].astype(str),
            "patch_id": records["patch_id"].astype(str),
            "shape": shapely.to_wkb(records.geometry.to_numpy(), hex=True),
        }
    )
    order = table.sort_values(list(table.columns), kind="stable").index.to_numpy()
    rank = np.empty(len(records), dtype=np.intp)
    rank[order] = np.arange(len(records))
    return rank


def _record_table(
    projects: gpd.GeoDataFrame,
    records: gpd.GeoDataFrame,
    area: Numbers,
    pieces: _Pieces,
    piece_area: Numbers,
    counted: Numbers,
) -> gpd.GeoDataFrame:
    depth = pieces.depth[pieces.piece]
    alone = np.bincount(
        pieces.record, weights=np.where(depth == 1, piece_area[pieces.piece], 0.0), minlength=len(records)
    )
    deepest = np.zeros(len(records), dtype=np.intp)
    np.maximum.at(deepest, pieces.record, depth)
    measured = {
        "activity_ha": area / _HA,
        "alone_ha": alone / _HA,
        "shared_ha": np.maximum(area - alone, 0.0) / _HA,
        "max_depth": deepest,
        "counted_ha": counted / _HA,
    }
    if "stated_area_m2" in records.columns:
        stated = pd.to_numeric(records["stated_area_m2"]).to_numpy(dtype=float)
        measured |= {"stated_ha": stated / _HA, "stated_difference": _ratio(stated - area, area)}
    return projects.drop(columns=[name for name in measured if name in projects.columns]).assign(**measured)


def _group_numbers(records: gpd.GeoDataFrame, keys: list[str]) -> tuple[Rows, pd.DataFrame]:
    """Give every record the number of its group, in the order of the keys, missing ones last."""
    table = pd.DataFrame(index=records.index)
    for key in keys:
        if key == "total":
            table[key] = "total"
        else:
            # types and stages that are known go by their ids, whatever a register calls them
            table[key] = records[f"_{key}"].fillna(records[key]) if key in {"type", "stage"} else records[key]
    grouped = table.groupby(keys, dropna=False, sort=True)
    number: Rows = np.asarray(grouped.ngroup(), dtype=np.intp)
    names = table.assign(_number=number).drop_duplicates("_number").sort_values("_number")[keys]
    return number, names.reset_index(drop=True)


def _group_table(
    records: gpd.GeoDataFrame, keys: list[str], area: Numbers, counted: Numbers, method: AreaMethod
) -> gpd.GeoDataFrame:
    number, table = _group_numbers(records, keys)
    n = len(table)
    geometry = records.geometry.to_numpy()
    order = np.argsort(number, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(number[order])) + 1) if len(order) else []
    united, ground = _grounds(geometry, members, number, area, records.crs, method)
    activity = np.bincount(number, weights=area, minlength=n)
    table["projects"] = records.groupby(number)["project_id"].nunique().to_numpy()
    table["records"] = np.bincount(number, minlength=n)
    table["activity_ha"] = activity / _HA
    table["footprint_ha"] = ground / _HA
    table["footprint_mu"] = from_m2(ground, "mu")
    table["repeated_ha"] = (activity - ground) / _HA
    table["counted_ha"] = np.bincount(number, weights=counted, minlength=n) / _HA
    if "stated_area_m2" in records.columns:
        stated = pd.to_numeric(records["stated_area_m2"])
        table["stated_ha"] = stated.groupby(number).sum(min_count=1).to_numpy() / _HA
        table["without_stated"] = stated.isna().groupby(number).sum().to_numpy()
    return gpd.GeoDataFrame(table, geometry=united, crs=records.crs)


def _grounds(
    geometry: Geometries,
    members: Sequence[Rows],
    number: Rows,
    area: Numbers,
    crs: Any,  # noqa: ANN401 - whatever pyproj takes for a CRS
    method: AreaMethod,
) -> tuple[Geometries, Numbers]:
    """Unite and measure [m²] the ground of groups; records that meet none of their group are measured already."""
    left, right = shapely.STRtree(geometry).query(geometry)
    met = (number[left] == number[right]) & (left != right)
    crowded = np.zeros(len(geometry), dtype=bool)
    crowded[left[met]] = True
    shared = np.array([footprint(geometry[rows[crowded[rows]]]) for rows in members], dtype=object)
    ground = polygon_areas(shared, crs, method=method)
    ground += np.bincount(number, weights=np.where(crowded, 0.0, area), minlength=len(members))
    whole = np.empty(len(members), dtype=object)
    for group, (rows, union) in enumerate(zip(members, shared, strict=True)):
        parts = shapely.get_parts([*geometry[rows[~crowded[rows]]], union])
        whole[group] = parts[0] if len(parts) == 1 else shapely.multipolygons(parts)
    return whole, ground


def _cut_by_district(records: gpd.GeoDataFrame, districts: gpd.GeoDataFrame, method: AreaMethod) -> gpd.GeoDataFrame:
    """Cut records along district boundaries; what lies in no district is kept, without one."""
    check_crs(districts, what="districts")
    if "district" not in districts.columns:
        message = f"districts has no column 'district' that names them; it has {', '.join(districts.columns)}"
        raise SchemaError(message)
    sound, _ = repair_polygons(districts, what="districts")
    there, _ = bring_to(sound, records.crs, what="districts")
    geometry = records.geometry.to_numpy()
    met = overlay.meet(geometry, overlay.cut(there.geometry.to_numpy()))
    real = ~shapely.is_empty(met.geometry)
    record, district, shared = met.shape[real], met.feature[real], met.geometry[real]
    inside = overlay.unite(shared, record, len(geometry))
    inside[[part is None for part in inside]] = shapely.Polygon()
    outside = overlay.keep_dimension(shapely.difference(geometry, inside), np.full(len(geometry), 2))
    left = np.flatnonzero(~shapely.is_empty(outside))
    rows = np.r_[record, left]
    parts = np.r_[shared, outside[left]]
    area = polygon_areas(parts, records.crs, method=method)
    whole = polygon_areas(geometry, records.crs, method=method)
    excess = np.bincount(rows, weights=area, minlength=len(geometry)) - whole
    twice = np.flatnonzero(excess > np.maximum(1.0, _NOISE_SHARE * whole))
    if len(twice):
        ids = records["project_id"].iloc[twice]
        message = (
            f"districts overlap under {len(twice)} records, so their ground would be counted in two districts "
            f"({excess[twice].sum():,.1f} m2): projects {name_rows(ids)}; give districts that do not overlap"
        )
        raise InputError(message, pd.DataFrame({"project_id": ids.to_numpy(), "excess_m2": excess[twice]}))
    name = np.r_[sound["district"].to_numpy(dtype=object)[district], np.full(len(left), None, dtype=object)]
    # what rounding leaves beside a boundary is no ground
    kept = area > np.maximum(_NOISE_SHARE * whole[rows], 0.0)
    cut = records.iloc[rows[kept]].assign(district=name[kept]).reset_index(drop=True)
    if "stated_area_m2" in cut.columns:
        # a stated area belongs to the whole record; it is shared out as the ground is
        cut["stated_area_m2"] = pd.to_numeric(cut["stated_area_m2"]) * _ratio(area[kept], whole[rows[kept]])
    return cut.set_geometry(parts[kept], crs=records.crs)


def _ratio(over: Numbers, under: Numbers) -> Numbers:
    """Divide, and give NaN where there is nothing to divide by."""
    return np.divide(over, under, out=np.full(len(over), np.nan), where=np.asarray(under) > 0)


# ------------------------------------------------------------------------------------------------ who shares what


def overlap_pairs(projects: gpd.GeoDataFrame, *, method: AreaMethod = "national") -> gpd.GeoDataFrame:
    """
    List every two records that share ground, and what that means.

    Parameters
    ----------
    projects
        As for :func:`measure_restored`.
    method
        How area is measured.

    Returns
    -------
    GeoDataFrame
        One row per pair, the earlier record first: ``project_a``, ``project_b``, ``patch_a``, ``patch_b``,
        ``programme_a``, ``programme_b``, ``year_a``, ``year_b``, ``type_a``, ``type_b``, ``shared_ha``,
        ``share_of_smaller``, ``sliver`` (below both tolerances of data/thresholds.toml), ``overlap_class``,
        ``reason``, ``geometry``. [ha]

        Classes: ``nested_types``, ``duplicate``, ``shared_plot``, ``layered``, ``repeated``, ``undetermined``.

    Examples
    --------
    >>> from ecozones.testing import chessboard
    >>> projects = chessboard(2).iloc[[0, 0]].assign(project_id=["P1", "P2"], programme="T", year=2024)
    >>> overlap_pairs(projects)[["project_a", "project_b", "overlap_class"]].values.tolist()
    [['P1', 'P2', 'duplicate']]
    """
    records = _records(projects)
    geometry = records.geometry.to_numpy()
    order = np.empty(len(records), dtype=np.intp)
    order[_rank(records, np.zeros(len(records)), "earliest", ()).argsort()] = np.arange(len(records))
    left, right = shapely.STRtree(geometry).query(geometry)
    once = order[left] < order[right]
    left, right = left[once], right[once]
    shared = overlay.keep_dimension(shapely.intersection(geometry[left], geometry[right]), np.full(len(left), 2))
    area = polygon_areas(shared, records.crs, method=method)
    whole = polygon_areas(geometry, records.crs, method=method)
    smaller = np.minimum(whole[left], whole[right])
    real = area > _NOISE_SHARE * smaller
    left, right, shared, area, smaller = left[real], right[real], shared[real], area[real], smaller[real]
    place = np.lexsort((order[right], order[left]))
    left, right, shared, area, smaller = left[place], right[place], shared[place], area[place], smaller[place]
    facts = _facts(records)
    classes = [_classify(facts[a], facts[b]) for a, b in zip(left, right, strict=True)]
    table: dict[str, Any] = {}
    for name, column in (
        ("project", "project_id"), ("patch", "patch_id"), ("programme", "programme"),
        ("year", "year"), ("type", "type"),
    ):  # fmt: skip
        for side, rows in (("a", left), ("b", right)):
            table[f"{name}_{side}"] = records[column].to_numpy()[rows]
    share = _ratio(area, smaller)
    limits = _check_values()
    table |= {
        "shared_ha": area / _HA,
        "share_of_smaller": share,
        "sliver": (share <= limits["sliver_share"]) & (area / _HA <= limits["sliver_ha"]),
        "overlap_class": pd.Categorical([found for found, _ in classes], categories=list(_tables()["overlap_classes"])),
        "reason": [reason for _, reason in classes],
    }
    return gpd.GeoDataFrame(table, geometry=shared, crs=records.crs)


@dataclasses.dataclass(frozen=True)
class _Facts:
    """What of a record decides the class of an overlap."""

    programme: str | None
    year: float
    types: frozenset[str]
    ended: bool


def _facts(records: gpd.GeoDataFrame) -> list[_Facts]:
    ended = {row["id"] for row in _tables()["ended"]}
    return [
        _Facts(
            None if pd.isna(programme) or not str(programme).strip() else str(programme),
            year,
            frozenset() if types is None or pd.isna(types) else frozenset(str(types).split(",")),
            stage in ended,
        )
        for programme, year, types, stage in zip(
            records["programme"], records["_year"], records["_type"], records["_stage"], strict=True
        )
    ]


def _classify(early: _Facts, late: _Facts) -> tuple[str, str]:
    """Class an overlap, and say why; what is not known is never taken for harmless."""
    types = _tables()["types"]
    under, over = ({types[name]["family"] for name in record.types} for record in (early, late))
    if under and over and under.isdisjoint(over):
        return "nested_types", f"{' and '.join(sorted(over))} on ground of {' and '.join(sorted(under))}"
    if np.isnan(early.year) or np.isnan(late.year):
        return "undetermined", "the year of a record is not known"
    return _classify_same_year(early, late) if early.year == late.year else _classify_later(early, late)


def _classify_same_year(one: _Facts, other: _Facts) -> tuple[str, str]:
    if one.programme is None or other.programme is None:
        return "undetermined", "same year, but the programme of a record is not known"
    if one.programme == other.programme:
        return "duplicate", f"both in {one.programme}, {one.year:.0f}"
    return "shared_plot", f"{one.programme} and {other.programme}, both {one.year:.0f}"


def _classify_later(early: _Facts, late: _Facts) -> tuple[str, str]:
    types = _tables()["types"]
    years = f"in {late.year:.0f} on ground of {early.year:.0f}"
    if early.ended:
        return "layered", f"work done again {years}, which had ended without success"
    if not late.types:
        return "undetermined", f"work {years}; its type is not known, so neither is whether it follows up"
    if all(types[name]["follow_up"] for name in late.types):
        return "layered", f"follow-up {years}"
    return "repeated", f"first-time work {years}"


def overlap_classes(projects: gpd.GeoDataFrame, *, method: AreaMethod = "national") -> pd.DataFrame:
    """
    Sum the shared ground of projects by what the overlap means.

    Parameters
    ----------
    projects
        As for :func:`measure_restored`.
    method
        How area is measured.

    Returns
    -------
    DataFrame
        One row per class, also those that do not occur: ``zh``, ``en``, ``pairs``, ``slivers`` (pairs within
        tolerance), ``shared_ha`` (the union of the shared ground of the class; classes may share ground with each
        other). [ha]

    Examples
    --------
    >>> from ecozones.testing import chessboard
    >>> projects = chessboard(2).iloc[[0, 0]].assign(project_id=["P1", "P2"], programme="T", year=2024)
    >>> overlap_classes(projects)["shared_ha"].round(1)["duplicate"]
    np.float64(100.0)
    """
    pairs = overlap_pairs(projects, method=method)
    words = pd.DataFrame.from_dict(_tables()["overlap_classes"], orient="index").rename_axis("overlap_class")
    grouped = pairs.groupby("overlap_class", observed=False)
    united = np.array([footprint(part.to_numpy()) for _, part in grouped["geometry"]], dtype=object)
    return words.assign(
        pairs=grouped.size().to_numpy(),
        slivers=grouped["sliver"].sum().to_numpy(dtype=int),
        shared_ha=polygon_areas(united, pairs.crs, method=method) / _HA,
    )


def overlap_matrix(
    projects: gpd.GeoDataFrame, *, by: str = "project_id", method: AreaMethod = "national"
) -> pd.DataFrame:
    """
    Tabulate the ground that every two projects share.

    Parameters
    ----------
    projects
        As for :func:`measure_restored`.
    by
        The column whose values are compared: projects, or ``"programme"``, ``"year"``, ``"type"``.
    method
        How area is measured.

    Returns
    -------
    DataFrame
        Square and symmetric; the footprint of each on the diagonal, the ground two have in common elsewhere. [ha]

    Raises
    ------
    InputError
        There are so many that the matrix would be gigabytes of zeros; :func:`overlap_pairs` says the same in a list.

    Examples
    --------
    >>> from ecozones.testing import chessboard
    >>> board = chessboard(2).iloc[[0, 0, 1]].assign(project_id=["A", "B", "C"])
    >>> overlap_matrix(board).round(1).loc["A"].tolist()
    [100.0, 100.0, 0.0]
    """
    records = _records(projects)
    if by not in records.columns:
        message = f"projects has no column {by!r} to compare by"
        raise SchemaError(message)
    number, names = _group_numbers(records, [by])
    n = len(names)
    if n > _MATRIX_LIMIT:
        message = (
            f"a matrix of {n:,} x {n:,} would hold mostly zeros; use overlap_pairs, which lists those that share ground"
        )
        raise InputError(message)
    pieces = _divide_ground(records.geometry.to_numpy())
    area = polygon_areas(pieces.geometry, records.crs, method=method)
    claims = np.unique(np.c_[pieces.piece, number[pieces.record]], axis=0)
    matrix = np.zeros((n, n))
    start = np.flatnonzero(np.r_[True, np.diff(claims[:, 0]) > 0]) if len(claims) else np.empty(0, dtype=np.intp)
    count = np.diff(np.r_[start, len(claims)])
    for size in np.unique(count):
        rows = start[count == size]
        members = claims[rows[:, None] + np.arange(size), 1]
        weight = area[claims[rows, 0]]
        for i, j in itertools.product(range(size), repeat=2):
            np.add.at(matrix, (members[:, i], members[:, j]), weight)
    labels = pd.Index(names[by], name=by)
    return pd.DataFrame(matrix / _HA, index=labels, columns=labels)


def overlap_depth(projects: gpd.GeoDataFrame, *, method: AreaMethod = "national") -> gpd.GeoDataFrame:
    """
    Measure how much ground is claimed once, twice, three times and so on.

    Parameters
    ----------
    projects
        As for :func:`measure_restored`.
    method
        How area is measured.

    Returns
    -------
    GeoDataFrame
        One row per depth that occurs: ``depth`` (how many records claim the ground), ``area_ha`` (exactly so many),
        ``at_least_ha`` (so many or more), ``geometry``. [ha]

    Examples
    --------
    >>> from ecozones.testing import chessboard
    >>> board = chessboard(2).iloc[[0, 0, 1]].assign(project_id=["A", "B", "C"])
    >>> overlap_depth(board)[["depth", "area_ha"]].round(1).values.tolist()
    [[1.0, 100.0], [2.0, 100.0]]
    """
    records = _records(projects)
    pieces = _divide_ground(records.geometry.to_numpy())
    area = polygon_areas(pieces.geometry, records.crs, method=method)
    depth, row = np.unique(pieces.depth, return_inverse=True)
    exact = np.bincount(row, weights=area, minlength=len(depth)) / _HA
    united = [shapely.disjoint_subset_union_all(pieces.geometry[row == i]) for i in range(len(depth))]
    return gpd.GeoDataFrame(
        {"depth": depth, "area_ha": exact, "at_least_ha": exact[::-1].cumsum()[::-1]},
        geometry=np.array(united, dtype=object),
        crs=records.crs,
    )


def restoration_certificate(projects: gpd.GeoDataFrame, *, method: AreaMethod = "national") -> pd.DataFrame:
    """
    Prove the account of restored ground by numbers that must agree, each reached along two different paths.

    Parameters
    ----------
    projects
        As for :func:`measure_restored`.
    method
        How area is measured.

    Returns
    -------
    DataFrame
        One row per statement: ``check``, ``statement``, ``left_ha``, ``right_ha``, ``difference_ha``,
        ``tolerance_ha``, ``holds``. Tolerated are a billionth of the activity area, at least 0.01 m², and what an
        overlay leaves open between records whose edges nearly coincide: at most a trillionth of their coordinates,
        some 0.04 mm, along the edge of each pair. [ha]

    Examples
    --------
    >>> from ecozones.testing import chessboard
    >>> board = chessboard(2).iloc[[0, 0, 1]].assign(project_id=["A", "B", "C"])
    >>> bool(restoration_certificate(board)["holds"].all())
    True
    """
    records = _records(projects)
    geometry = records.geometry.to_numpy()
    area = polygon_areas(geometry, records.crs, method=method)
    pieces = _divide_ground(geometry)
    piece_area = polygon_areas(pieces.geometry, records.crs, method=method)
    depth = pieces.depth
    gross = float(area.sum())
    forward, backward = (
        float(polygon_areas(np.array([footprint(order)], dtype=object), records.crs, method=method)[0])
        for order in (geometry, geometry[::-1])
    )
    left, right = shapely.STRtree(geometry).query(geometry)
    left, right = left[left < right], right[left < right]
    shared = overlay.keep_dimension(shapely.intersection(geometry[left], geometry[right]), np.full(len(left), 2))
    pair_area = polygon_areas(shared, records.crs, method=method)
    claimed = _claimed_by_both(pieces, piece_area, left, right)
    left_open = _left_open(pair_area, claimed, _reach(geometry, area), left, right)
    programmes = sorted({str(name) for name in records["programme"].dropna()}) or [""]
    rows = [
        ("net_within_gross", "the footprint is not larger than the activity", forward, gross),
        ("order_free", "the footprint does not depend on the order of records", forward, backward),
        ("pieces_are_net", "the pieces of ground sum to the footprint", float(piece_area.sum()), forward),
        ("claims_are_gross", "pieces times depth sum to the activity", float((piece_area * depth).sum()), gross),
        (
            "excess_is_depth",
            "activity less footprint is the ground claimed again, once for each further claim",
            gross - forward,
            float((piece_area * (depth - 1)).sum()),
        ),
        (
            "pairs_are_depth",
            "the shared ground of all pairs is the ground of each depth times its number of pairs",
            float(pair_area.sum()),
            float((piece_area * depth * (depth - 1) / 2).sum()),
        ),
    ]
    for name in get_args(Attribution)[1:]:
        counted = _attribute(pieces, piece_area, records, area, name, programmes)
        statement = f"ground attributed by {name} sums to the footprint"
        rows.append((f"attribution_{name}", statement, float(counted.sum()), forward))
    table = pd.DataFrame(rows, columns=["check", "statement", "left_ha", "right_ha"])
    table[["left_ha", "right_ha"]] /= _HA
    table["difference_ha"] = table["left_ha"] - table["right_ha"]
    table["tolerance_ha"] = max(_NOISE_HA, _NOISE_SHARE * gross / _HA) + left_open / _HA
    within = table["difference_ha"] <= table["tolerance_ha"]
    table["holds"] = within & (
        (table["check"] == "net_within_gross") | (table["difference_ha"] >= -table["tolerance_ha"])
    )
    return table


def _claimed_by_both(pieces: _Pieces, piece_area: Numbers, left: Rows, right: Rows) -> Numbers:
    """Sum the pieces [m²] that both records of each pair claim."""
    order = np.lexsort((pieces.record, pieces.piece))
    record, piece = pieces.record[order], pieces.piece[order]
    n = int(max(record.max(initial=0), right.max(initial=0))) + 1
    start = np.searchsorted(piece, np.arange(len(pieces.geometry)))
    keys, areas = [np.empty(0, dtype=np.intp)], [np.empty(0)]
    for depth in np.unique(pieces.depth[pieces.depth > 1]):
        deep = np.flatnonzero(pieces.depth == depth)
        claims = record[start[deep][:, None] + np.arange(depth)]
        one, other = np.triu_indices(depth, k=1)
        keys.append((claims[:, one] * n + claims[:, other]).ravel())
        areas.append(np.repeat(piece_area[deep], len(one)))
    found, place = np.unique(np.r_[left * n + right, np.concatenate(keys)], return_inverse=True)
    both = np.bincount(place[len(left) :], weights=np.concatenate(areas), minlength=len(found))
    return np.asarray(both[place[: len(left)]], dtype=np.float64)


def _reach(geometry: Geometries, area: Numbers) -> Numbers:
    """Ground [m²] along the edge of each record that an overlay may give to either side."""
    scale = _ratio(area, shapely.area(geometry))
    return np.asarray(shapely.length(geometry) * np.abs(shapely.bounds(geometry)).max(axis=1) * _OVERLAY_REACH * scale)


def _left_open(pair_area: Numbers, claimed: Numbers, reach: Numbers, left: Rows, right: Rows) -> float:
    """Sum by how much pairs differ [m²] that differ by no more than an overlay may."""
    difference = np.abs(claimed - pair_area)
    return float(difference[difference <= np.maximum(reach[left], reach[right])].sum())


# ------------------------------------------------------------------------------------------- against control lines


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
        As for :func:`measure_restored`. What a record does follows from its ``type``, line by line, or stands in a
        column ``activity`` as the rulebook names it.
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
    records = _records(projects)
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
        area_ha=spoken["area_m2"].to_numpy() / _HA,
        geometry=moved.geometry.to_numpy(),
    )


def _judge(
    book: Rulebook, line: str, subzone: str | None, types: str | None, stated: str | None, day: dt.date
) -> dict[str, Any]:
    """Ask the rules what a line says to a type of work; of several types on one ground the worst answer counts."""
    tables = _tables()
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
        area_ha=polygon_areas(records.geometry.to_numpy(), records.crs, method=method) / _HA,
        geometry=moved.geometry.to_numpy(),
    )


def _ground_areas(
    checked: gpd.GeoDataFrame,
    records: gpd.GeoDataFrame,
    group: Rows,
    n_groups: int,
    plan: ZoningPlan,
    method: AreaMethod,
) -> Mapping[str, Numbers]:
    """
    Measure the ground [m²] of each status, in groups of records; ground of several statuses counts under the worst.

    The union of the worst is measured, then of the two worst, and so on: what each step adds is the ground of that
    status.
    """
    moved, _ = bring_to(records, plan.crs, what="projects")
    patches = checked[~checked["sliver"] & (checked["ground"] != "eligible")]
    status = patches["ground"].cat.codes.to_numpy()
    owner = group[patches["record"].to_numpy(dtype=np.intp)]
    shapes = patches.geometry.to_numpy()
    found: dict[str, Numbers] = {}
    reached = np.zeros(n_groups)
    for code in range(len(GROUND) - 1, 0, -1):
        worse = status >= code
        union = _union_areas(shapes[worse], owner[worse], n_groups, plan, method)
        found[GROUND[code]] = np.maximum(union - reached, 0.0)
        reached = union
    whole = _union_areas(moved.geometry.to_numpy(), group, n_groups, plan, method)
    found["eligible"] = np.maximum(whole - reached, 0.0)
    return {name: found[name] for name in GROUND}


def _union_areas(shapes: Geometries, group: Rows, n_groups: int, plan: ZoningPlan, method: AreaMethod) -> Numbers:
    united = np.full(n_groups, shapely.Polygon(), dtype=object)
    order = np.argsort(group, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if len(order) else []:
        united[group[rows[0]]] = footprint(shapes[rows])
    return polygon_areas(united, plan.crs, method=method)
