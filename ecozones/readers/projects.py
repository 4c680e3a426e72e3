"""Registers of restoration projects as they are kept: units, patches, stages and money."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ecozones import schema
from ecozones.area import measure_area
from ecozones.columns import as_numbers
from ecozones.errors import FormatWarning, name_rows
from ecozones.readers.placed import OnEmpty, ReadOptions, say_once, spread_sample
from ecozones.readers.table import column_names, conform_table, read_frame
from ecozones.sources import Source
from ecozones.units import fold, from_m2, names_before_cut, stated_units, unit_in_name, unit_of

# within this factor a stated area is of the size of its polygon: units differ by far more
_SAME_SIZE = 2.0
# columns of stated areas that by their name hold what was reported complete
_REPORTED = {"上报面积", "完成面积", "wcmj"}


def read_projects(
    source: Source,
    *,
    layer: str | None = None,
    columns: Mapping[str, str] | None = None,
    encoding: str | None = None,
    crs: object = None,
    keep_personal: bool = False,
    on_empty: OnEmpty = "raise",
    repair: bool = True,
) -> gpd.GeoDataFrame:
    """
    Read restoration projects.

    Parameters
    ----------
    source, layer, columns, encoding, crs, keep_personal, on_empty, repair
        As for :func:`ecozones.read_sites`.

    Returns
    -------
    GeoDataFrame
        One row per project or patch of one: ``project_id``, ``name``, ``programme``, ``type``, ``year``, ``stage``,
        ``planned_ha`` [ha], ``stated_area_m2`` [m²], then what else the file tells of it, then all other columns, then
        the geometry as drawn. What it may tell are ``sub_project`` and ``patch_id``; areas and days of stages
        (:func:`ecozones.restoration_types.stated_areas`) [ha]; ``survival``, ``rain_mm`` [mm], ``rainfall_zone``,
        ``irrigated``; ``planned_funds``, ``paid_funds``, ``audited_funds`` with ``currency`` and ``funding_source``
        [yuan]; ``ecosystem``, ``baseline_degraded``, ``responsible``. Units are those in the name of a column, such as
        ``计划面积_万亩``, else those in a column such as ``面积单位``, row by row; figures in other units stay beside
        those they were turned into, and a column whose name a shapefile cut within its unit stands there under its
        full name.

    Raises
    ------
    SchemaError
        Ids are missing, patches are repeated, units are not known, or roles are ambiguous; ``problems`` lists every
        row.
    GeometryError
        Rows hold nothing that can be placed on the ground.
    CRSError
        Coordinates cannot be placed on the ground with certainty.
    InputError
        The file cannot be read.

    Warns
    -----
    FormatWarning
        Patches were numbered; areas are in acres, or state no unit; money states none, or is not the money of any role,
        and was left alone; the name of a column ends within a unit.

    Examples
    --------
    >>> plot = shapely.box(39500000, 3300000, 39500100, 3300100)
    >>> given = gpd.GeoDataFrame({"项目编号": ["R1"], "年度": [2024], "规划面积_亩": [15]}, geometry=[plot], crs=4527)
    >>> read_projects(given)[["project_id", "year", "planned_ha"]].values.tolist()
    [['R1', 2024, 1.0]]
    """
    options = ReadOptions(encoding, crs, keep_personal, on_empty, repair)
    contract = schema.table("projects")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        frame, what = read_frame(source, contract, layer=layer, columns=columns, options=options)
        fields = schema.match_columns(column_names(frame), contract, columns=columns, what=what)
        read = conform_table(frame, contract, what=what, columns=columns)
        read = _patches(_reported(_areas_by_ground(read, fields, what), fields), what)
        read = _money(read, frame, fields)
        _tell_unread_money(frame, fields, what)
    say_once(heard)
    return read


def _areas_by_ground(read: gpd.GeoDataFrame, fields: Mapping[str, str], what: str) -> gpd.GeoDataFrame:
    """Tell by the polygons in which unit areas stand that state none, and say so where it is not the expected one."""
    if "area_unit" in read.columns:
        return read
    for column in schema.table("projects").columns:
        field = fields.get(column.id)
        if column.unit_kind != "area" or field in {None, column.id} or unit_in_name(str(field))[1]:
            continue
        assumed = stated_units("area")[column.unit]
        there = read[read[column.id].gt(0) & (shapely.get_dimensions(read.geometry.to_numpy()) == 2)]  # noqa: PLR2004
        sample = spread_sample(there)
        if not len(sample):
            continue
        measured = measure_area(sample).to_numpy()
        units = [stated_units("area")[name] for name in ("m2", "mu", "ha", "km2", "wan_mu")]
        off = {unit: abs(np.log(float(np.median(sample[column.id] / unit.from_base(measured))))) for unit in units}
        unit = min(off, key=lambda one: off[one])
        shown = f"{what}: {field} states no unit"
        if off[unit] > np.log(_SAME_SIZE):
            message = f"{shown} and fits the polygons in none; taken as {assumed.words[0]}"
            warnings.warn(f"{message}; write it into the name, such as {field}_亩", FormatWarning, stacklevel=3)
        elif unit != assumed:
            warnings.warn(f"{shown}; by the size of the polygons it is {unit.words[0]}", FormatWarning, stacklevel=3)
            if column.keep_stated and field not in read.columns:
                read.insert(len(read.columns) - 1, str(field), read[column.id])
            read[column.id] = assumed.from_base(unit.to_base(read[column.id]))
    return read


def _reported(read: gpd.GeoDataFrame, fields: Mapping[str, str]) -> gpd.GeoDataFrame:
    """Take the stated area for the reported one where its column says that it was reported."""
    field = fields.get("stated_area_m2")
    if "reported_ha" in read.columns or field is None or unit_in_name(field)[0] not in _REPORTED:
        return read
    read.insert(read.columns.get_loc("stated_area_m2") + 1, "reported_ha", from_m2(read["stated_area_m2"], "ha"))
    return read


def _patches(read: gpd.GeoDataFrame, what: str) -> gpd.GeoDataFrame:
    """Tell patches of one project apart: by what the file calls them, else by number."""
    again = read["project_id"].duplicated(keep=False)
    if not again.any():
        return read
    if "patch_id" not in read.columns:
        number = (read.groupby("project_id").cumcount() + 1).astype(str)
        read.insert(1, "patch_id", number.astype(object))
        several = read.loc[again, "project_id"].nunique()
        message = (
            f"{what}: {several} projects have several rows, {name_rows(read.loc[again, 'project_id'].unique())}; the "
            "rows are taken for patches of one project and numbered as patch_id"
        )
        warnings.warn(message, FormatWarning, stacklevel=3)
        return read
    key = [name for name in ("project_id", "sub_project", "patch_id") if name in read.columns]
    twice = read.duplicated(key, keep=False)
    if twice.any():
        said = read.loc[twice, "patch_id"]
        remedy = "give every patch of a project an id of its own, or leave the column out"
        schema.refuse([schema.problem_rows(read.index[twice], "patch_id", said, "is repeated", remedy)], what=what)
    return read


def _money(read: gpd.GeoDataFrame, frame: gpd.GeoDataFrame, fields: Mapping[str, str]) -> gpd.GeoDataFrame:
    """Say in which currency funds stand: as its column says, else as their unit does."""
    columns = [column.id for column in schema.table("projects").columns if column.unit_kind == "money"]
    there = [column for column in columns if column in read.columns]
    if not there:
        return read
    said = read["currency"].str.upper() if "currency" in read.columns else pd.Series(None, read.index, dtype=object)
    by_row = frame[fields["money_unit"]].reset_index(drop=True) if "money_unit" in read.columns else None
    problems = []
    for column in there:
        unit = stated_units("money").get(unit_in_name(fields[column], "money")[1])
        if unit is not None:
            own = pd.Series(unit.currency, read.index)
        elif by_row is not None:
            own = by_row.map(lambda word: getattr(unit_of(word, "money"), "currency", None))
        else:
            own = pd.Series(None, read.index, dtype=object)
        own = own.where(read[column].notna())
        clash = said.notna() & own.notna() & (said != own)
        if clash.any():
            remedy = "write the currency that the unit names, or the unit of the currency"
            shown = f"{column} ({fields[column]})"
            problems.append(schema.problem_rows(read.index[clash], shown, said[clash], "is in two currencies", remedy))
        said = said.where(said.notna(), own)
    schema.refuse(problems, what="projects")
    # the columns of this library hold yuan where nothing else is said
    read["currency"] = said.where(said.notna() | read[there].isna().all(axis=1), "CNY")
    return read[[*(name for name in read.columns if name != "geometry"), "geometry"]]


def _tell_unread_money(frame: gpd.GeoDataFrame, fields: Mapping[str, str], what: str) -> None:
    """Name columns of money that play no role, so that nobody takes what is read for all there is."""
    roles = [column for column in schema.table("projects").columns if column.unit_kind == "money"]
    read = {column.id: fields[column.id] for column in roles if column.id in fields}
    known = {fold(alias) for column in roles for alias in column.aliases}
    # beside a column of this library stands what the file stated of it
    stated = {fold(alias) for column in roles if read.get(column.id) == column.id for alias in column.aliases}
    unread = []
    for name in column_names(frame):
        if name in fields.values() or as_numbers(frame[name]).isna().all():
            continue
        stem, unit = unit_in_name(name, "money")
        cut = any(unit_in_name(full, "money")[0] in known for full in names_before_cut(name, "money"))
        if cut or (unit and stem not in stated):
            unread.append(name)
    if unread and read:
        message = (
            f"{what}: {', '.join(unread)} left as they stand, since {', '.join(read.values())} hold the money read"
        )
        warnings.warn(message, FormatWarning, stacklevel=3)
