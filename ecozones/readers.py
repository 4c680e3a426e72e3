"""Files to a plan, sites and projects: layers and columns recognised by role, and nothing dropped in silence."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ecozones import geometry, schema
from ecozones.area import measure_area
from ecozones.crs import check_crs
from ecozones.errors import CRSError, FormatWarning, GeometryError, MissingCRSError, SchemaError, name_rows
from ecozones.plan import DeclaresLines, ZoningPlan
from ecozones.sources import Layer, Source, open_source, read_layer, skim
from ecozones.units import AreaUnit, fold, from_m2, stated_units, to_m2, unit_in_name, unit_of
from ecozones.vocab import ControlLine, Subzone, control_lines, zones

OnEmpty = Literal["raise", "skip"]
Choice: TypeAlias = "str | Path | Sequence[str | Path] | None"
Ground: TypeAlias = "str | Path | gpd.GeoDataFrame | None"

# how far the stated area of a unit may be from the measured one and still tell the unit
_UNIT_TOLERANCE = 0.1
_SAMPLE = 200
# no CRS of the Earth has coordinates beyond this
_FARTHEST = 1e9
# within this factor a stated area is of the size of its polygon: units differ by far more
_SAME_SIZE = 2.0
# columns of stated areas that by their name hold what was reported complete
_REPORTED = {"上报面积", "完成面积", "wcmj"}
_SURVEY_2, _SURVEY_3 = "survey-2", "survey-3"


@dataclasses.dataclass(frozen=True)
class _Options:
    """How every layer of a source is to be read."""

    encoding: str | None
    crs: object
    keep_personal: bool
    on_empty: OnEmpty
    repair: bool


@dataclasses.dataclass(frozen=True)
class _Fit:
    """How well the name of a layer fits a control line: for sure, perhaps, or expressly not."""

    how: Literal["sure", "perhaps", "other"]
    subzone: str = ""


def read_sites(
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
    Read proposed sites.

    Parameters
    ----------
    source
        Shapefile, GeoPackage, file geodatabase, GeoJSON, GeoParquet, FlatGeobuf, KML, DXF, boundary-point TXT, a
        ``.zip`` or folder of them, or a frame. A folder of boundary-point texts is read as one table.
    layer
        Which layer, where the source holds several.
    columns
        Which column of the file plays which role, where its name does not tell: ``{"site_id": "项目编号"}``.
    encoding
        Encoding of a shapefile; left out, it is found out and reported.
    crs
        What coordinates mean, for a source that does not say.
    keep_personal
        Keep columns about persons.
    on_empty
        ``"skip"`` leaves rows without geometry out and says so.
    repair
        Repair invalid polygons and say so; else refuse them.

    Returns
    -------
    GeoDataFrame
        One row per site: ``site_id``, ``name``, ``activity``, ``width_m`` [m], ``stated_area_m2`` [m²], then all other
        columns of the file, then polygons, lines or points as drawn.

    Raises
    ------
    SchemaError
        Ids are repeated or missing, or roles are ambiguous; ``problems`` lists every row.
    GeometryError
        Rows hold nothing that can be placed on the ground.
    CRSError
        Coordinates cannot be placed on the ground with certainty.
    InputError
        The file cannot be read.

    Examples
    --------
    >>> plot = shapely.box(39500000, 3300000, 39500100, 3300100)
    >>> plots = gpd.GeoDataFrame({"DKBH": ["A"]}, geometry=[plot], crs=4527)
    >>> read_sites(plots)[["site_id", "activity"]].values.tolist()
    [['A', None]]
    """
    options = _Options(encoding, crs, keep_personal, on_empty, repair)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        read = _read_table(source, schema.table("sites"), layer=layer, columns=columns, options=options)
    _say(heard)
    return read


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
        As for :func:`read_sites`.

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
        those they were turned into.

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
        Patches were numbered; areas are in acres, or state no unit; money states none and was left alone.

    Examples
    --------
    >>> plot = shapely.box(39500000, 3300000, 39500100, 3300100)
    >>> given = gpd.GeoDataFrame({"项目编号": ["R1"], "年度": [2024], "规划面积_亩": [15]}, geometry=[plot], crs=4527)
    >>> read_projects(given)[["project_id", "year", "planned_ha"]].values.tolist()
    [['R1', 2024, 1.0]]
    """
    options = _Options(encoding, crs, keep_personal, on_empty, repair)
    contract = schema.table("projects")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        frame, what = _read_frame(source, contract, layer=layer, columns=columns, options=options)
        fields = schema.match_columns(_names(frame), contract, columns=columns, what=what)
        read = _conform(frame, contract, what=what, columns=columns)
        read = _patches(_reported(_areas_by_ground(read, fields, what), fields), what)
        read = _money(read, frame, fields)
    _say(heard)
    return read


def _names(frame: gpd.GeoDataFrame) -> list[str]:
    return [str(name) for name in frame.columns if name != frame.geometry.name]


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
        sample = there.iloc[np.unique(np.linspace(0, len(there) - 1, min(len(there), _SAMPLE)).astype(int))]
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


def _say(heard: Sequence[warnings.WarningMessage]) -> None:
    """Tell in the caller's name what was heard while a source was read, each thing once."""
    for warning in {str(one.message): one.message for one in heard}.values():
        warnings.warn(warning, stacklevel=3)


def _read_table(
    source: Source, contract: schema.Table, *, layer: str | None, columns: Mapping[str, str] | None, options: _Options
) -> gpd.GeoDataFrame:
    frame, what = _read_frame(source, contract, layer=layer, columns=columns, options=options)
    return _conform(frame, contract, what=what, columns=columns)


def _read_frame(
    source: Source, contract: schema.Table, *, layer: str | None, columns: Mapping[str, str] | None, options: _Options
) -> tuple[gpd.GeoDataFrame, str]:
    with open_source(source, what=contract.id) as listed:
        chosen = _choose(listed, layer, contract)
        frames = [_read(one, options) for one in chosen]
    what = chosen[0].label if len(chosen) == 1 else f"{len(chosen)} boundary-point texts"
    frame = frames[0] if len(frames) == 1 else _join_texts(chosen, frames, what)
    check_crs(frame, what=what)
    frame = frame.rename(columns=schema.restore_cut_units(_names(frame), contract, columns=columns, what=what))
    if chosen[0].path.suffix.lower() == ".dxf":
        frame.attrs["drawing"] = True
    return frame, what


def _conform(
    frame: gpd.GeoDataFrame, contract: schema.Table, *, what: str, columns: Mapping[str, str] | None
) -> gpd.GeoDataFrame:
    read = schema.conform(frame, contract, what=what, columns=columns)
    if "Layer" in read.columns and frame.attrs.get("drawing"):
        # the layers of a drawing are the only names it has
        read["name"] = read["name"].where(read["name"].notna(), schema.as_text(read["Layer"]))
    return read


def _choose(listed: Sequence[Layer], layer: str | None, contract: schema.Table) -> list[Layer]:
    if layer is not None:
        found = [one for one in listed if layer in {one.name, one.inner}]
        if len(found) == 1:
            return found
        problem = "is not there" if not found else "is there more than once"
        message = f"layer {layer!r} {problem}; the source holds {skim(listed)}"
        raise SchemaError(message)
    if len(listed) == 1 or all(one.path.suffix.lower() == ".txt" for one in listed):
        return list(listed)
    message = f"the source holds {len(listed)} layers: {skim(listed)}; say which holds the {contract.en} with layer="
    raise SchemaError(message)


def _join_texts(chosen: Sequence[Layer], frames: Sequence[gpd.GeoDataFrame], what: str) -> gpd.GeoDataFrame:
    """Join boundary-point texts; plots are numbered from 1 in each, so that the name of the file goes before."""
    systems = {frame.crs.to_wkt(): one.file for one, frame in zip(chosen, frames, strict=True)}
    if len(systems) > 1:
        message = (
            f"{what}: files are in different coordinate systems ({', '.join(systems.values())}); read them one by one"
        )
        raise CRSError(message)
    joined = pd.concat(frames, ignore_index=True)
    joined["plot_no"] = [
        f"{one.name}-{number}"
        for one, frame in zip(chosen, frames, strict=True)
        for number in frame["plot_no"].fillna("")
    ]
    warnings.warn(f"{what}: plot numbers were given the name of their file", FormatWarning, stacklevel=5)
    return gpd.GeoDataFrame(joined, geometry="geometry", crs=frames[0].crs)


def _read(layer: Layer, options: _Options, *, polygons: bool = False) -> gpd.GeoDataFrame:
    """Read one layer, place it, and leave in it only what can be measured."""
    frame = read_layer(layer, encoding=options.encoding, crs=options.crs)
    if not len(frame):
        message = f"{layer.label}: the layer has no rows; check that the right one was exported"
        raise GeometryError(message)
    if frame.crs is None:
        if options.crs is None:
            message = (
                f"{layer.label}: the layer does not say what its coordinates mean (no CRS); "
                f"pass crs=, such as crs=4527, or add {_crs_home(layer)}"
            )
            raise MissingCRSError(message)
        frame = frame.set_crs(options.crs)
    if not options.keep_personal:
        frame = schema.drop_personal(frame, what=layer.label)
    return _measurable(frame, layer.label, options, polygons=polygons)


def _crs_home(layer: Layer) -> str:
    if layer.frame is not None:
        return "it with set_crs"
    return f"{layer.path.stem}.prj" if layer.path.suffix.lower() == ".shp" else "it to the file in a GIS"


def _measurable(frame: gpd.GeoDataFrame, what: str, options: _Options, *, polygons: bool) -> gpd.GeoDataFrame:
    """Refuse, or on request leave out, rows that hold no ground; take collections apart; repair polygons."""
    shapes = _unpacked(frame.geometry.to_numpy())
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    if empty.any() and options.on_empty == "skip" and not empty.all():
        message = f"{what}: left out {int(empty.sum())} rows without geometry: {name_rows(frame.index[empty])}"
        warnings.warn(message, FormatWarning, stacklevel=6)
        frame, shapes, empty = frame[~empty], shapes[~empty], empty[~empty]
    kind = shapely.get_dimensions(shapes)
    collection = shapely.get_type_id(shapes) == int(shapely.GeometryType.GEOMETRYCOLLECTION)
    extremes = np.abs(np.nan_to_num(shapely.bounds(shapes), nan=0.0, posinf=np.inf)).max(axis=1, initial=0.0)
    finite = _finite(shapes) & (extremes < _FARTHEST)
    solid = ~empty & ~collection & finite
    flat = np.zeros(len(shapes), dtype=bool)
    flat[solid] = (kind[solid] == 2) & (shapely.area(shapes[solid]) == 0)  # noqa: PLR2004 - a surface has two dimensions
    flat[solid] |= (kind[solid] == 1) & (shapely.length(shapes[solid]) == 0)
    remedy_kind = "draw them as polygons" if polygons else "split them into polygons, lines or points"
    checks = [
        (empty, "have no geometry", "leave them out with on_empty='skip', or draw them"),
        (~finite, "hold coordinates that are no numbers or far beyond the Earth", "draw them again"),
        (flat, "have no extent: every point lies on one line or place", "draw them again"),
        (~empty & collection, "hold a mixture of geometry kinds", remedy_kind),
        (~empty & ~collection & polygons & (kind != 2), "are no polygons", remedy_kind),  # noqa: PLR2004
    ]
    if not options.repair:
        checks.append(
            (~empty & ~collection & ~shapely.is_valid(shapes), "are not valid", "repair them, or pass repair=True")
        )
    _refuse_rows(frame, checks, what)
    placed = frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))
    return _repaired(placed, what) if options.repair else placed


def _finite(shapes: Any) -> Any:  # noqa: ANN401 - shapely has no types
    """Tell for each geometry whether all its coordinates are finite numbers."""
    coordinates, place = shapely.get_coordinates(shapes, return_index=True)
    bad = np.unique(place[~np.isfinite(coordinates).all(axis=1)])
    return ~np.isin(np.arange(len(shapes)), bad)


def _refuse_rows(frame: gpd.GeoDataFrame, checks: Sequence[tuple[Any, str, str]], what: str) -> None:
    tables, told = [], []
    for bad, problem, remedy in checks:
        if bad.any():
            rows = frame.index[bad]
            told.append(f"rows {name_rows(rows)} {problem}; {remedy}")
            tables.append(pd.DataFrame({"row": rows, "problem": problem, "remedy": remedy}))
    if told:
        message = f"{what}: {'. '.join(told)}"
        raise GeometryError(message, pd.concat(tables, ignore_index=True))


def _unpacked(shapes: Any) -> Any:  # noqa: ANN401 - shapely has no types
    """Take collections of one kind of geometry as what they are made of."""
    collection = shapely.get_type_id(shapes) == int(shapely.GeometryType.GEOMETRYCOLLECTION)
    if not collection.any():
        return shapes
    unpacked = shapes.copy()
    makers: dict[int, Callable[[Any], Any]] = {
        0: shapely.MultiPoint,
        1: shapely.MultiLineString,
        2: shapely.MultiPolygon,
    }
    for place in np.flatnonzero(collection):
        parts = _leaves(shapes[place])
        kinds = set(shapely.get_dimensions(parts).tolist()) if parts else set()
        if len(kinds) == 1:
            unpacked[place] = parts[0] if len(parts) == 1 else makers[kinds.pop()](parts)
    return unpacked


def _leaves(shape: Any) -> list[Any]:  # noqa: ANN401 - shapely has no types
    parts = shapely.get_parts(shape).tolist()
    if len(parts) == 1 and parts[0].geom_type == shape.geom_type and not hasattr(parts[0], "geoms"):
        return parts
    return [
        leaf for part in parts for leaf in (_leaves(part) if hasattr(part, "geoms") else [part]) if not leaf.is_empty
    ]


def _repaired(frame: gpd.GeoDataFrame, what: str) -> gpd.GeoDataFrame:
    shapes = frame.geometry.to_numpy()
    surface = shapely.get_dimensions(shapes) == 2  # noqa: PLR2004 - a surface has two dimensions
    if shapely.is_valid(shapes[surface]).all():
        return frame
    mended, _ = geometry.repair_polygons(frame[surface], what=what)
    shapes = shapes.copy()
    shapes[surface] = mended.geometry.to_numpy()
    return frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))


def read_plan(
    source: Source,
    *,
    name: str | None = None,
    layers: Mapping[str, Choice] | None = None,
    rules: DeclaresLines | None = None,
    extent: Ground = None,
    coverage: Mapping[str, Ground] | None = None,
    encoding: str | None = None,
    crs: object = None,
    keep_personal: bool = False,
    on_empty: OnEmpty = "raise",
    repair: bool = True,
) -> ZoningPlan:
    """
    Read a plan: its control lines, spaces and extent, recognised by the names of layers and columns.

    Parameters
    ----------
    source
        Shapefile, GeoPackage, file geodatabase, GeoJSON, GeoParquet, FlatGeobuf, KML, DXF, a ``.zip`` or folder of
        them, or frames by name.
    name
        What the plan is called; left out, the name of the file.
    layers
        Which layer is which line, where names do not tell: ``{"ecological_red_line": "红线"}``. A list of names makes
        one line of several layers, a path reads another file, None leaves the line out.
    rules
        A rulebook that declares lines of its own.
    extent
        The ground that the plan speaks of: a frame, a layer or a file. Left out: a layer of administrative ground
        (XZQ) or the spaces, if there is one.
    coverage
        For lines that were drawn for a part of the extent only, that part, by line id.
    encoding
        Encoding of shapefiles; left out, it is found out and reported.
    crs
        What coordinates mean, for layers that do not say.
    keep_personal
        Keep columns about persons.
    on_empty
        ``"skip"`` leaves rows without geometry out and says so.
    repair
        Repair invalid polygons and say so; else refuse them.

    Returns
    -------
    ZoningPlan
        Its ``notes`` tell which layer was taken for what, which were not, and what was done to them.

    Raises
    ------
    SchemaError
        No line was found, or several layers may be one; the message lists them.
    GeometryError
        Rows are empty or no polygons.
    CRSError
        Coordinates cannot be placed on the ground with certainty.
    InputError
        A file cannot be read.

    Examples
    --------
    >>> square = shapely.box(39500000, 3300000, 39501000, 3301000)
    >>> red = gpd.GeoDataFrame({"ZRBHDFQ": ["核心保护区"]}, geometry=[square], crs=4527)
    >>> read_plan({"STBHHX_2023": red})["ecological_red_line"]["subzone"].tolist()
    ['core']
    """
    options = _Options(encoding, crs, keep_personal, on_empty, repair)
    notes: list[str] = []
    known = dict(control_lines()) | ({line.id: line for line in rules.lines} if rules is not None else {})
    said = dict(layers or {})
    foreign = [line for line in [*said, *(coverage or {})] if line not in known]
    if foreign:
        message = f"lines {name_rows(foreign)} are not declared; known are {', '.join(known)}"
        raise SchemaError(message)
    title = name if name is not None else (Path(source).stem if isinstance(source, str | Path) else "")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with open_source(source, what="plan") as listed:
            held = _split_drawings(listed, options)
            taken = _assign(held, known, said, notes)
            lines = {
                line: _line_frame([_read_as(one, known[line], options, notes) for one in chosen], known[line], notes)
                for line, chosen in taken.items()
            }
            spaces = _spaces(held, options, notes)
            ground = _ground(held, extent, options, notes)
            parts = {
                line: _named_ground(held, part, f"coverage of {line}", options)
                for line, part in (coverage or {}).items()
            }
            used = {id(one) for chosen in taken.values() for one in chosen}
            _note_unused(held, known, used, notes)
    _say(heard)
    notes += [note for one in heard if (note := str(one.message)) not in notes]
    return ZoningPlan.from_layers(
        lines,
        name=title,
        zones=spaces,
        extent=ground,
        coverage={line: frame for line, frame in parts.items() if frame is not None},
        rules=rules,
        notes=notes,
    )


def _split_drawings(listed: Sequence[Layer], options: _Options) -> list[Layer]:
    """Take every layer of a drawing as a layer: a DXF file shows them as one."""
    found: list[Layer] = []
    for one in listed:
        if one.path.suffix.lower() != ".dxf":
            found.append(one)
            continue
        frame = read_layer(one, encoding=options.encoding)
        groups = frame.groupby(schema.as_text(frame["Layer"]).fillna("0"), sort=True)
        found += [dataclasses.replace(one, name=str(name), inner=str(name), frame=group) for name, group in groups]
    return found


def _assign(
    held: Sequence[Layer], known: Mapping[str, ControlLine], said: Mapping[str, Choice], notes: list[str]
) -> dict[str, list[Layer]]:
    """Tell which layers make each line: what the caller says, else what their names say for sure."""
    taken: dict[str, list[Layer]] = {}
    named = {line: _named(held, choice, line) for line, choice in said.items() if choice is not None}
    hints: list[str] = []
    spoken = {id(one) for chosen in named.values() for one in chosen}
    for line in known.values():
        if line.id in said:
            if line.id in named:
                taken[line.id] = named[line.id]
            continue
        fits = {id(one): _fit_layer(one, line) for one in held if id(one) not in spoken}
        sure = [one for one in held if (fit := fits.get(id(one))) is not None and fit.how == "sure"]
        perhaps = [one for one in held if (fit := fits.get(id(one))) is not None and fit.how == "perhaps"]
        parts = [fit.subzone for one in sure if (fit := fits[id(one)]) is not None]
        if len(sure) > 1 and len(set(parts)) < len(parts):
            message = (
                f"several layers may be {line.id} ({line.zh}): {skim(sure)}; "
                f"say which with layers={{{line.id!r}: ...}}, or give a list of all that make it"
            )
            raise SchemaError(message)
        if sure:
            taken[line.id] = sure
        if perhaps:
            note = f"{line.id}: {skim(perhaps)} not taken, because the name says more; name it in layers= if it is"
            notes.append(note)
            if not sure and line.required:
                warnings.warn(note, FormatWarning, stacklevel=4)
                hints.append(note)
    if not taken:
        wanted = ", ".join(f"{line.id} ({line.zh})" for line in known.values() if line.required)
        message = f"no control line was found among {skim(held)}; say which layer is which with layers=: {wanted}"
        message = ". ".join([message, *hints])
        raise SchemaError(message)
    for line_id, chosen in taken.items():
        notes.append(f"{line_id}: read from {skim(chosen)}")
    notes.extend(
        f"{line.id}: no layer found, so nothing can be clear of it"
        for line in known.values()
        if line.required and line.id not in taken
    )
    return taken


def _named(held: Sequence[Layer], choice: str | Path | Sequence[str | Path], line: str) -> list[Layer]:
    wanted = [choice] if isinstance(choice, str | Path) else list(choice)
    found: list[Layer] = []
    for one in wanted:
        hits = [layer for layer in held if str(one) in {layer.name, layer.inner, layer.file}]
        if len(hits) > 1:
            message = f"{line}: {one!r} is there more than once: {skim(hits)}; pass the path of the file"
            raise SchemaError(message)
        found.append(hits[0] if hits else _file_layer(one, line, held))
    return found


def _file_layer(path: str | Path, line: str, held: Sequence[Layer]) -> Layer:
    if not Path(path).exists():
        message = f"{line}: {str(path)!r} is no layer of the source and no file; the source holds {skim(held)}"
        raise SchemaError(message)
    with open_source(path, what=line) as layers:
        if len(layers) > 1:
            message = f"{line}: {Path(path).name} holds {len(layers)} layers: {skim(layers)}; pass one as a frame"
            raise SchemaError(message)
        if layers[0].path.suffix.lower() == Path(path).suffix.lower():
            return layers[0]
        # an archive is gone when the context ends, so it is read now
        return dataclasses.replace(layers[0], frame=read_layer(layers[0]))


def _fit_layer(layer: Layer, line: ControlLine) -> _Fit | None:
    return _fit(layer.name, line) or (_fit(layer.alias, line) if layer.alias else None)


def _fit(name: str, line: ControlLine) -> _Fit | None:
    """Tell whether a layer is the line by its name: the alias, and beside it only words that say nothing else."""
    folded = fold(name)
    plain = unicodedata.normalize("NFKC", name).casefold()
    aliases = sorted({fold(alias) for alias in (line.id, line.zh, *line.layers)}, key=len, reverse=True)
    excluded = any(fold(word) in folded for word in line.not_layers)
    for alias in aliases:
        if folded == alias and not excluded:
            return _Fit("sure")
        edge = "a-z" if alias.isascii() else ""
        pattern = r"[\W_]*".join(map(re.escape, alias))
        found = re.search(rf"(?<![{edge}]){pattern}(?![{edge}])" if edge else pattern, plain)
        if found is None:
            continue
        if excluded:
            return _Fit("other")
        subzone, before, after = _layer_subzone(line, plain[: found.start()], plain[found.end() :])
        sure = _says_nothing(before, place=True) and _says_nothing(after, place=False)
        return _Fit("sure" if sure else "perhaps", subzone)
    return _Fit("other") if excluded and any(len(alias) > 3 and alias in folded for alias in aliases) else None  # noqa: PLR2004


def _layer_subzone(line: ControlLine, before: str, after: str) -> tuple[str, str, str]:
    """Read a sub-zone out of what the name says beside the line."""
    for zone in line.subzones:
        for word in _zone_words(line, zone):
            if word in before or word in after:
                tail = r"(保护区|控制区|建设区|发展区|用途区|区)?"
                pattern = re.escape(word) + tail
                return zone.id, re.sub(pattern, "", before), re.sub(pattern, "", after)
    return "", before, after


def _zone_words(line: ControlLine, zone: Subzone) -> list[str]:
    words = {word.casefold() for word in (zone.zh, *zone.words)}
    return sorted((word for word in words if word not in line.zh), key=len, reverse=True)


def _says_nothing(text: str, *, place: bool) -> bool:
    """Tell whether the rest of a layer name only says year, code, version or place."""
    words = schema.settings()["layer_words"]
    for token in re.findall(r"[a-z]+|[\u4e00-\u9fff]+", text):
        if token.isascii():
            left = token not in words["allowed"]
        else:
            named = place and token[-1] in words["places"] and not any(word in token for word in words["not_places"])
            left = not named and bool(re.sub("|".join(sorted(words["allowed"], key=len, reverse=True)), "", token))
        if left:
            return False
    return True


def _read_as(layer: Layer, line: ControlLine, options: _Options, notes: list[str]) -> gpd.GeoDataFrame:
    """Read one layer as a control line: cut names restored, and the columns that every line may have."""
    frame = _read(layer, options, polygons=True)
    named = [*line.id_fields, *line.name_fields, *line.subzone_fields]
    names = {str(name): schema.restore_cut(name, named) for name in frame.columns if name != frame.geometry.name}
    restored = {cut: full for cut, full in names.items() if full and full not in frame.columns}
    if restored:
        notes.append(f"{line.id}: cut names read as {', '.join(f'{cut} = {full}' for cut, full in restored.items())}")
    frame = frame.rename(columns=restored)
    form = _form(frame, line)
    if form:
        notes.append(f"{line.id}: {layer.name} is the {form}")
    frame = _line_columns(frame, layer.label, notes)
    fit = _fit_layer(layer, line)
    lower = {str(name).lower() for name in frame.columns}
    if fit is not None and fit.subzone and not lower & set(line.subzone_fields):
        frame["subzone"] = fit.subzone
        notes.append(f"{line.id}: all of {layer.name} is sub-zone {fit.subzone}, as its name says")
    return frame


def _form(frame: gpd.GeoDataFrame, line: ControlLine) -> str:
    there = {fold(name) for name in frame.columns}
    forms = (form for form in schema.settings()["forms"] if form["line"] == line.id and set(form["fields"]) <= there)
    return next((form["en"] for form in forms), "")


def _line_columns(frame: gpd.GeoDataFrame, what: str, notes: list[str]) -> gpd.GeoDataFrame:
    """Add deduction, land class with its scheme, and the stated area; the columns they come from stay."""
    contract = schema.table("line")
    names = [str(name) for name in frame.columns if name != frame.geometry.name]
    matched = schema.match_columns(names, contract, what=what)
    problems: list[pd.DataFrame] = []
    added = frame.copy()
    for column in contract.columns:
        if column.id not in matched:
            continue
        field = matched[column.id]
        values, wrong = schema.column_values(frame[field], column, field)
        problems += wrong
        added[column.id] = values
    if "deduction" in matched:
        outside = added["deduction"].lt(0) | added["deduction"].ge(1)
        if outside.any():
            shown = f"deduction ({matched['deduction']})"
            remedy = "write the deducted share as a number from 0 to below 1"
            values = frame.loc[outside, matched["deduction"]]
            problems.append(schema.problem_rows(frame.index[outside], shown, values, "is no share", remedy))
    schema.refuse(problems, what=what)
    if "land_class" in matched:
        schemes = schema.land_class_schemes(added["land_class"], matched["land_class"])
        added["land_class_scheme"] = schemes
        if {_SURVEY_2, _SURVEY_3} <= set(schemes.dropna()):
            old = schemes == _SURVEY_2
            message = (
                f"{what}: {matched['land_class']} mixes three-digit codes of the second survey "
                f"({int(old.sum())} rows) with codes of the third; bring them to one"
            )
            warnings.warn(message, FormatWarning, stacklevel=6)
            notes.append(message)
    if "stated_area_m2" in matched:
        added["stated_area_m2"] = _in_m2(added, matched["stated_area_m2"], what, notes)
    return added


def _in_m2(frame: gpd.GeoDataFrame, field: str, what: str, notes: list[str]) -> pd.Series:
    """Check by the polygons that stated areas are in square metres; where they plainly are not, bring them to it."""
    stated = frame["stated_area_m2"]
    there = frame[stated.gt(0)]
    if unit_in_name(field)[1] or not len(there):
        return stated
    sample = there.iloc[np.unique(np.linspace(0, len(there) - 1, min(len(there), _SAMPLE)).astype(int))]
    check_crs(sample, what=what)
    measured = measure_area(sample).to_numpy()
    units: tuple[AreaUnit, ...] = ("m2", "mu", "ha", "km2")
    off = {unit: abs(float(np.median(sample["stated_area_m2"] / from_m2(measured, unit))) - 1) for unit in units}
    unit = min(off, key=lambda one: off[one])
    if unit == "m2":
        return stated
    if off[unit] > _UNIT_TOLERANCE:
        notes.append(f"{what}: {field} fits the polygons in no unit; taken as m2")
        return stated
    message = f"{what}: {field} is in {unit} by the size of its polygons; brought to m2"
    warnings.warn(message, FormatWarning, stacklevel=7)
    notes.append(message)
    return pd.Series(to_m2(stated, unit), index=stated.index)


def _line_frame(frames: Sequence[gpd.GeoDataFrame], line: ControlLine, notes: list[str]) -> gpd.GeoDataFrame:
    """Make one frame of the layers of a line."""
    if len(frames) == 1:
        return frames[0]
    systems = {frame.crs.to_wkt(): frame.crs.name for frame in frames}
    if len(systems) > 1:
        message = f"{line.id}: its layers are on {', '.join(systems.values())}; bring them to one CRS first"
        raise CRSError(message)
    notes.append(f"{line.id}: made of {len(frames)} layers")
    return _joined(frames)


def _joined(frames: Sequence[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    named = [frame if frame.geometry.name == "geometry" else frame.rename_geometry("geometry") for frame in frames]
    return gpd.GeoDataFrame(pd.concat(named, ignore_index=True), geometry="geometry", crs=frames[0].crs)


def _spaces(held: Sequence[Layer], options: _Options, notes: list[str]) -> gpd.GeoDataFrame | None:
    """Read the three spaces: one layer each, or one layer with a column that names them."""
    found: list[gpd.GeoDataFrame] = []
    for zone in zones().values():
        words = {fold(word) for word in (zone.id, zone.zh, *zone.layers)}
        for one in held:
            if _bare(one.name) in words:
                found.append(_read(one, options, polygons=True).assign(zone=zone.id))
                notes.append(f"{zone.id}: read from {one.label}")
    together = schema.settings()["spaces"]
    for one in held:
        if _bare(one.name) in {fold(word) for word in together["layers"]}:
            found.append(_split_spaces(_read(one, options, polygons=True), together["fields"], one.label))
            notes.append(f"spaces: read from {one.label}")
    if not found:
        return None
    if len({frame.crs.to_wkt() for frame in found}) > 1:
        systems = ", ".join(sorted({frame.crs.name for frame in found}))
        message = f"the layers of the three spaces are on {systems}; bring them to one CRS"
        raise CRSError(message)
    return _joined(found)


def _split_spaces(frame: gpd.GeoDataFrame, fields: Sequence[str], what: str) -> gpd.GeoDataFrame:
    by_fold = {fold(name): name for name in frame.columns}
    field = next((by_fold[fold(name)] for name in fields if fold(name) in by_fold), None)
    if field is None:
        message = f"{what}: no column tells the three spaces apart; add a column zone with {', '.join(zones())}"
        raise SchemaError(message)
    text = schema.as_text(frame[field]).fillna("")
    found = pd.Series(None, index=frame.index, dtype=object)
    for zone in zones().values():
        found[text.str.casefold().eq(zone.id) | text.str.contains(zone.zh.removesuffix("空间"), regex=False)] = zone.id
    if found.isna().any():
        shown = f"zone ({field})"
        remedy = f"write one of {', '.join(zone.zh for zone in zones().values())}"
        lost = found.isna()
        schema.refuse([schema.problem_rows(frame.index[lost], shown, text[lost], "names no space", remedy)], what=what)
    return frame.assign(zone=found)


def _ground(held: Sequence[Layer], extent: Ground, options: _Options, notes: list[str]) -> gpd.GeoDataFrame | None:
    if extent is not None:
        return _named_ground(held, extent, "extent", options)
    words = schema.settings()["ground"]
    found = [one for one in held if _bare(one.name) in {fold(word) for word in words["layers"]}]
    if len(found) > 1:
        message = f"several layers may be the extent: {skim(found)}; say which with extent="
        raise SchemaError(message)
    if not found:
        notes.append("extent: no layer found; the plan does not say how far it speaks")
        return None
    notes.append(f"extent: read from {found[0].label}")
    return _read(found[0], options, polygons=True)


def _named_ground(held: Sequence[Layer], choice: Ground, what: str, options: _Options) -> gpd.GeoDataFrame | None:
    if choice is None:
        return None
    layer = Layer(what, "", frame=choice) if isinstance(choice, gpd.GeoDataFrame) else _named(held, choice, what)[0]
    return _read(layer, options, polygons=True)


def _bare(name: str) -> str:
    """Fold the name of a layer and leave out year and code at its ends."""
    return re.sub(r"^\d+|(\d+年?)$", "", fold(name))


def _note_unused(held: Sequence[Layer], known: Mapping[str, ControlLine], used: set[int], notes: list[str]) -> None:
    for one in held:
        if id(one) in used:
            continue
        line = next((line for line in known.values() if (fit := _fit_layer(one, line)) and fit.how == "other"), None)
        if line is not None:
            notes.append(
                f"{one.label}: by its name an evaluation or working layer of {line.id}, never taken for the line"
            )
