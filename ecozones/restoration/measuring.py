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
from collections.abc import Mapping, Sequence
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
from ecozones.placing import bring_to
from ecozones.plan import ZoningPlan
from ecozones.restoration.footprints import collect_ground, exact_sums, footprint, footprint_areas, ground_components
from ecozones.restoration.lines import GROUND, check_restoration
from ecozones.restoration.records import project_records
from ecozones.rulebook import Rulebook
from ecozones.units import HA, from_m2

Attribution = Literal["report_only", "priority", "earliest", "latest", "largest", "equal_split"]


# what double precision leaves where the same ground is measured along two paths
NOISE_SHARE = 1e-9

# what an overlay may move an edge by, as a share of its coordinates: strips narrower than that fall to either side
_OVERLAY_REACH = 1e-12
_FINE_GRID = 2e-13


Rows = NDArray[np.intp]
Numbers = NDArray[np.float64]
Geometries = NDArray[np.object_]


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
    records = project_records(projects)
    if districts is not None:
        records = _cut_by_district(records, districts, method)
    _check_keys(projects, records, keys)
    geometry = records.geometry.to_numpy()
    area = polygon_areas(geometry, records.crs, method=method)
    pieces = divide_ground(geometry) if by is None or attribution != "report_only" else None
    piece_area = polygon_areas(pieces.geometry, records.crs, method=method) if pieces is not None else np.empty(0)
    counted = attribute(pieces, piece_area, records, area, attribution, priority)
    checked = None if plan is None else check_restoration(records, plan, on=on, rules=rules, method=method)
    if by is None:
        assert pieces is not None
        table = _record_table(projects, records, area, pieces, piece_area, counted)
    else:
        table = _group_table(records, keys, area, counted, method)
    if plan is None or checked is None:
        return table
    group = np.arange(len(records)) if by is None else group_numbers(records, keys)[0]
    ground = _ground_areas(checked, records, group, len(table), plan, method)
    for name, values in ground.items():
        table[f"{name}_ha"] = values / HA
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


# ------------------------------------------------------------------------------------------------ ground counted once


@dataclasses.dataclass(frozen=True, eq=False)
class Pieces:
    """
    Ground in pieces that lie wholly inside or outside each record; one row of `piece` and `record` per claim.

    Parameters
    ----------
    geometry
        The pieces.
    piece, record
        For each claim, the number of the piece and of the record that claims it.
    """

    geometry: Geometries
    piece: Rows
    record: Rows

    @property
    def depth(self) -> Rows:
        """Count the records that claim each piece."""
        return np.bincount(self.piece, minlength=len(self.geometry))


def divide_ground(geometry: Geometries) -> Pieces:
    """
    Divide the ground under records into pieces that nobody claims in part.

    Parameters
    ----------
    geometry
        Valid polygons, shape (n,).

    Returns
    -------
    Pieces
        The pieces, and who claims them.

    Examples
    --------
    >>> halves = np.array([shapely.box(0, 0, 2, 1), shapely.box(1, 0, 3, 1)], dtype=object)
    >>> sorted(divide_ground(halves).depth.tolist())
    [1, 1, 2]
    """
    geometry = np.asarray(geometry, dtype=object)
    label = ground_components(geometry)
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
    return Pieces(np.concatenate(shapes), np.concatenate(owners), np.concatenate(records))


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
        if (lost <= overlay_reach(geometry, own) + NOISE_SHARE * own).all():
            break
    return faces[claimed], piece, row


def attribute(
    pieces: Pieces | None,
    piece_area: Numbers,
    records: gpd.GeoDataFrame,
    area: Numbers,
    attribution: Attribution,
    priority: Sequence[str],
) -> Numbers:
    """
    Give every piece of ground to one of the records that claim it, or to all in equal parts.

    Parameters
    ----------
    pieces
        The pieces; None where nobody is given any.
    piece_area
        Their areas. [m²]
    records
        The records, as :func:`ecozones.restoration.records.project_records` gives them.
    area
        Their areas. [m²]
    attribution, priority
        The rule, as for :func:`measure_restored`.

    Returns
    -------
    ndarray
        Ground that each record keeps; NaN for ``"report_only"``. [m²]

    Raises
    ------
    InputError
        There is no such rule, or priority names nobody.
    """
    if attribution not in get_args(Attribution):
        message = f"attribution {attribution!r} is not known; use one of {', '.join(get_args(Attribution))}"
        raise InputError(message)
    if attribution == "report_only" or pieces is None:
        return np.full(len(records), np.nan)
    if attribution == "equal_split":
        share = (piece_area / np.maximum(pieces.depth, 1))[pieces.piece]
        return np.asarray(np.bincount(pieces.record, weights=share, minlength=len(records)), dtype=np.float64)
    rank = rank_records(records, area, attribution, priority)
    order = np.lexsort((rank[pieces.record], pieces.piece))
    piece, record = pieces.piece[order], pieces.record[order]
    first = np.r_[True, piece[1:] != piece[:-1]] if len(piece) else np.empty(0, dtype=bool)
    won = np.bincount(record[first], weights=piece_area[piece[first]], minlength=len(records))
    return np.asarray(won, dtype=np.float64)


def rank_records(records: gpd.GeoDataFrame, area: Numbers, attribution: Attribution, priority: Sequence[str]) -> Rows:
    """
    Order records by who comes first; what decides nothing else is the id, so that the order of rows never does.

    Parameters
    ----------
    records, area, attribution, priority
        As for :func:`attribute`. [m²]

    Returns
    -------
    ndarray
        Place of each record, the first 0.

    Raises
    ------
    InputError
        Priority names nobody.
    """
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
    pieces: Pieces,
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
        "activity_ha": area / HA,
        "alone_ha": alone / HA,
        "shared_ha": np.maximum(area - alone, 0.0) / HA,
        "max_depth": deepest,
        "counted_ha": counted / HA,
    }
    if "stated_area_m2" in records.columns:
        stated = records["stated_area_m2"].to_numpy()
        measured |= {"stated_ha": stated / HA, "stated_difference": ratio(stated - area, area)}
    return projects.drop(columns=[name for name in measured if name in projects.columns]).assign(**measured)


def group_numbers(records: gpd.GeoDataFrame, keys: list[str]) -> tuple[Rows, pd.DataFrame]:
    """
    Give every record the number of its group, in the order of the keys, missing ones last.

    Parameters
    ----------
    records
        As :func:`ecozones.restoration.records.project_records` gives them.
    keys
        Columns, or ``"total"``.

    Returns
    -------
    tuple
        Number of the group of each record, and the keys of each group.
    """
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
    number, table = group_numbers(records, keys)
    n = len(table)
    geometry = records.geometry.to_numpy()
    united, ground = _grounds(geometry, number, n, area, records.crs, method)
    activity = exact_sums(area, number, n)
    table["projects"] = records.groupby(number)["project_id"].nunique().to_numpy()
    table["records"] = np.bincount(number, minlength=n)
    table["activity_ha"] = activity / HA
    table["footprint_ha"] = ground / HA
    table["footprint_mu"] = from_m2(ground, "mu")
    table["repeated_ha"] = (activity - ground) / HA
    table["counted_ha"] = exact_sums(counted, number, n) / HA
    if "stated_area_m2" in records.columns:
        stated = records["stated_area_m2"].to_numpy()
        said = ~np.isnan(stated)
        count = np.bincount(number[said], minlength=n)
        table["stated_ha"] = np.where(count > 0, exact_sums(stated[said], number[said], n), np.nan) / HA
        table["without_stated"] = table["records"] - count
    return gpd.GeoDataFrame(table, geometry=united, crs=records.crs)


def _grounds(
    geometry: Geometries,
    number: Rows,
    n_groups: int,
    area: Numbers,
    crs: Any,  # noqa: ANN401 - whatever pyproj takes for a CRS
    method: AreaMethod,
) -> tuple[Geometries, Numbers]:
    """Unite and measure [m²] the ground of groups."""
    shapes, areas, group = _ground_parts(geometry, number, area, crs, method)
    return collect_ground(shapes, group, n_groups), exact_sums(areas, group, n_groups)


def _ground_parts(
    geometry: Geometries,
    number: Rows,
    area: Numbers,
    crs: Any,  # noqa: ANN401 - whatever pyproj takes for a CRS
    method: AreaMethod,
) -> tuple[Geometries, Numbers, Rows]:
    """Unite and measure [m²] what hangs together; records that meet none of their group are measured already."""
    label = ground_components(geometry, number)
    crowded = np.bincount(label, minlength=len(geometry))[label] > 1
    component, shared, united = footprint_areas(geometry[crowded], label[crowded], crs, method=method)
    group = np.r_[number[~crowded], number[component]]
    return np.r_[geometry[~crowded], united], np.r_[area[~crowded], shared], group


def restored_summands(
    projects: gpd.GeoDataFrame,
    *,
    by: str | Sequence[str],
    attribution: Attribution = "report_only",
    priority: Sequence[str] = (),
    districts: gpd.GeoDataFrame | None = None,
    method: AreaMethod = "national",
) -> pd.DataFrame:
    """
    List what :func:`measure_restored` sums for groups, for who sums it himself.

    Parameters
    ----------
    projects, by, attribution, priority, districts, method
        As for :func:`measure_restored`. Where `projects` are some records of many, give whole components of
        :func:`ecozones.restoration.footprints.ground_components`: what hangs together with nothing else can be summed
        apart.

    Returns
    -------
    DataFrame
        The columns of `by`, ``_project``, ``_what`` (activity, ground, counted, stated) and ``_value``. [m²]
    """
    keys = _keys(by, districts)
    records = project_records(projects)
    if districts is not None:
        records = _cut_by_district(records, districts, method)
    _check_keys(projects, records, keys)
    geometry = records.geometry.to_numpy()
    area = polygon_areas(geometry, records.crs, method=method)
    number, names = group_numbers(records, keys)
    summands = {"activity": (area, number, records["project_id"].to_numpy(dtype=object))}
    _, ground, group = _ground_parts(geometry, number, area, records.crs, method)
    summands["ground"] = (ground, group, np.full(len(ground), None, dtype=object))
    if attribution != "report_only":
        pieces = divide_ground(geometry)
        piece_area = polygon_areas(pieces.geometry, records.crs, method=method)
        counted = attribute(pieces, piece_area, records, area, attribution, priority)
        summands["counted"] = (counted, number, np.full(len(counted), None, dtype=object))
    if "stated_area_m2" in records.columns:
        stated = records["stated_area_m2"].to_numpy()
        said = ~np.isnan(stated)
        summands["stated"] = (stated[said], number[said], np.full(int(said.sum()), None, dtype=object))
    tables = [
        names.iloc[group].reset_index(drop=True).assign(_project=project, _what=what, _value=values)
        for what, (values, group, project) in summands.items()
    ]
    return pd.concat(tables, ignore_index=True)


def _check_keys(projects: gpd.GeoDataFrame, records: gpd.GeoDataFrame, keys: Sequence[str]) -> None:
    missing = [key for key in keys if key not in records.columns and key != "total"]
    if missing:
        has = ", ".join(map(str, projects.columns))
        message = f"projects cannot be grouped by {name_rows(missing)}: there is no such column; it has {has}"
        raise SchemaError(message)


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
    twice = np.flatnonzero(excess > np.maximum(1.0, NOISE_SHARE * whole))
    if len(twice):
        ids = records["project_id"].iloc[twice]
        message = (
            f"districts overlap under {len(twice)} records, so their ground would be counted in two districts "
            f"({excess[twice].sum():,.1f} m2): projects {name_rows(ids)}; give districts that do not overlap"
        )
        raise InputError(message, pd.DataFrame({"project_id": ids.to_numpy(), "excess_m2": excess[twice]}))
    name = np.r_[sound["district"].to_numpy(dtype=object)[district], np.full(len(left), None, dtype=object)]
    # what rounding leaves beside a boundary is no ground
    kept = area > np.maximum(NOISE_SHARE * whole[rows], 0.0)
    cut = records.iloc[rows[kept]].assign(district=name[kept]).reset_index(drop=True)
    if "stated_area_m2" in cut.columns:
        # a stated area belongs to the whole record; it is shared out as the ground is
        cut["stated_area_m2"] *= ratio(area[kept], whole[rows[kept]])
    return cut.set_geometry(parts[kept], crs=records.crs)


def ratio(over: Numbers, under: Numbers) -> Numbers:
    """
    Divide, and give NaN where there is nothing to divide by.

    Parameters
    ----------
    over, under
        Numerators and denominators.

    Returns
    -------
    ndarray
        Ratios.

    Examples
    --------
    >>> ratio(np.array([1.0, 1.0]), np.array([2.0, 0.0])).tolist()
    [0.5, nan]
    """
    return np.divide(over, under, out=np.full(len(over), np.nan), where=np.asarray(under) > 0)


def overlay_reach(geometry: Geometries, area: Numbers) -> Numbers:
    """
    Ground along the edge of each record that an overlay may give to either side.

    Parameters
    ----------
    geometry
        Polygons, shape (n,).
    area
        Their areas. [m²]

    Returns
    -------
    ndarray
        A trillionth of their coordinates, along the whole edge. [m²]
    """
    scale = ratio(area, shapely.area(geometry))
    return np.asarray(shapely.length(geometry) * np.abs(shapely.bounds(geometry)).max(axis=1) * _OVERLAY_REACH * scale)


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
