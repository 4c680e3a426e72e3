"""One layer as a control line: cut names restored, and the columns that every line may have."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

from ecozones import schema
from ecozones.area import measure_area
from ecozones.crs import check_crs
from ecozones.errors import CRSError, FormatWarning
from ecozones.readers.layer_names import fit_layer
from ecozones.readers.placed import ReadOptions, join_layers, read_placed, spread_sample
from ecozones.sources import Layer
from ecozones.units import AreaUnit, fold, from_m2, to_m2, unit_in_name
from ecozones.vocab import ControlLine

# how far the stated area of a unit may be from the measured one and still tell the unit
_UNIT_TOLERANCE = 0.1
_SURVEY_2, _SURVEY_3 = "survey-2", "survey-3"


def read_as_line(layer: Layer, line: ControlLine, options: ReadOptions, notes: list[str]) -> gpd.GeoDataFrame:
    """
    Read one layer as a control line: cut names restored, and the columns that every line may have.

    Parameters
    ----------
    layer
        As the source lists it.
    line
        The control line.
    options
        How to read it.
    notes
        Grows by what was restored, recognised or recomputed.

    Returns
    -------
    GeoDataFrame
        The rows, with ``deduction``, ``land_class``, ``land_class_scheme`` and ``stated_area_m2`` where told. [m²]

    Raises
    ------
    SchemaError
        Values are no shares or no numbers; all are named.
    """
    frame = read_placed(layer, options, polygons=True)
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
    fit = fit_layer(layer, line)
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
    sample = spread_sample(there)
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


def join_line(frames: Sequence[gpd.GeoDataFrame], line: ControlLine, notes: list[str]) -> gpd.GeoDataFrame:
    """
    Make one frame of the layers of a line.

    Parameters
    ----------
    frames
        Its layers.
    line
        The control line.
    notes
        Grows by how many layers there were.

    Returns
    -------
    GeoDataFrame
        All their rows.

    Raises
    ------
    CRSError
        They are on different systems.
    """
    if len(frames) == 1:
        return frames[0]
    systems = {frame.crs.to_wkt(): frame.crs.name for frame in frames}
    if len(systems) > 1:
        message = f"{line.id}: its layers are on {', '.join(systems.values())}; bring them to one CRS first"
        raise CRSError(message)
    notes.append(f"{line.id}: made of {len(frames)} layers")
    return join_layers(frames)
