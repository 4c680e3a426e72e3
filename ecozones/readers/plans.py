"""A plan out of files: its lines, spaces, extent and coverage, recognised by role, and nothing dropped in silence."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import geopandas as gpd

from ecozones import schema
from ecozones.errors import SchemaError, name_rows
from ecozones.plan import DeclaresLines, ZoningPlan
from ecozones.readers.assigning import Choice, assign_layers, named_layers, note_unused, split_drawings
from ecozones.readers.layer_names import bare_name
from ecozones.readers.line_layers import join_line, read_as_line
from ecozones.readers.placed import OnEmpty, ReadOptions, read_placed, say_once
from ecozones.readers.spaces import read_spaces
from ecozones.sources import Layer, Source, open_source, skim
from ecozones.units import fold
from ecozones.vocab import control_lines

Ground: TypeAlias = "str | Path | gpd.GeoDataFrame | None"


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
    >>> import shapely
    >>> square = shapely.box(39500000, 3300000, 39501000, 3301000)
    >>> red = gpd.GeoDataFrame({"ZRBHDFQ": ["核心保护区"]}, geometry=[square], crs=4527)
    >>> read_plan({"STBHHX_2023": red})["ecological_red_line"]["subzone"].tolist()
    ['core']
    """
    options = ReadOptions(encoding, crs, keep_personal, on_empty, repair)
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
            held = split_drawings(listed, options)
            taken = assign_layers(held, known, said, notes)
            lines = {
                line: join_line([read_as_line(one, known[line], options, notes) for one in chosen], known[line], notes)
                for line, chosen in taken.items()
            }
            spaces = read_spaces(held, options, notes)
            ground = _ground(held, extent, options, notes)
            parts = {
                line: _named_ground(held, part, f"coverage of {line}", options)
                for line, part in (coverage or {}).items()
            }
            used = {id(one) for chosen in taken.values() for one in chosen}
            note_unused(held, known, used, notes)
    say_once(heard)
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


def _ground(held: Sequence[Layer], extent: Ground, options: ReadOptions, notes: list[str]) -> gpd.GeoDataFrame | None:
    if extent is not None:
        return _named_ground(held, extent, "extent", options)
    words = schema.settings()["ground"]
    found = [one for one in held if bare_name(one.name) in {fold(word) for word in words["layers"]}]
    if len(found) > 1:
        message = f"several layers may be the extent: {skim(found)}; say which with extent="
        raise SchemaError(message)
    if not found:
        notes.append("extent: no layer found; the plan does not say how far it speaks")
        return None
    notes.append(f"extent: read from {found[0].label}")
    return read_placed(found[0], options, polygons=True)


def _named_ground(held: Sequence[Layer], choice: Ground, what: str, options: ReadOptions) -> gpd.GeoDataFrame | None:
    if choice is None:
        return None
    layer = (
        Layer(what, "", frame=choice) if isinstance(choice, gpd.GeoDataFrame) else named_layers(held, choice, what)[0]
    )
    return read_placed(layer, options, polygons=True)
