"""``ZoningPlan``: the layers of a plan, checked once and held still."""

from __future__ import annotations

import dataclasses
import functools
import html
import os
import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from ecozones import geometry, overlay
from ecozones.area import polygon_areas
from ecozones.capsule import digest
from ecozones.crs import check_crs
from ecozones.errors import SchemaError, ShiftSuspectedWarning, name_rows
from ecozones.piece_files import read_pieces, write_pieces
from ecozones.placing import bring_to, in_metres, metric_crs
from ecozones.units import from_m2
from ecozones.vocab import ControlLine, control_lines, zones
from ecozones.web_offsets import suspect_shift


class DeclaresLines(Protocol):
    """Anything that declares control lines, such as a rulebook."""

    @property
    def lines(self) -> tuple[ControlLine, ...]:
        """The control lines."""


@dataclasses.dataclass(frozen=True, eq=False)
class ZoningPlan:
    """
    The control lines, spaces and extent of one plan.

    Build it with :meth:`from_layers` or :func:`ecozones.read_plan`: they check columns, datum and geometry once, so
    that nothing later has to. Every layer keeps the coordinates and the CRS it came in.

    Parameters
    ----------
    name
        What the plan is called.
    lines
        One frame per control line, by line id.
    zones
        The spaces that make up the territory, None where the plan has none.
    extent
        The ground that the plan speaks of, None where it does not say; outside it nothing is ever clear.
    coverage
        For lines that were drawn for a part of the extent only, that part.
    crs
        The CRS in which results are given.
    control_lines
        What each line is, by line id: names, sub-zones, styles.
    notes
        What was found and done when the plan was read.
    """

    name: str
    lines: Mapping[str, gpd.GeoDataFrame]
    zones: gpd.GeoDataFrame | None
    extent: gpd.GeoDataFrame | None
    coverage: Mapping[str, gpd.GeoDataFrame]
    crs: pyproj.CRS
    control_lines: Mapping[str, ControlLine]
    notes: tuple[str, ...] = ()
    _pieces: dict[str, overlay.Pieces] = dataclasses.field(default_factory=dict, repr=False)
    _digests: dict[str, str] = dataclasses.field(default_factory=dict, repr=False)

    @classmethod
    def from_layers(
        cls,
        lines: Mapping[str, gpd.GeoDataFrame],
        *,
        name: str = "",
        zones: gpd.GeoDataFrame | None = None,
        extent: gpd.GeoDataFrame | None = None,
        coverage: Mapping[str, gpd.GeoDataFrame] | None = None,
        rules: DeclaresLines | None = None,
        notes: Iterable[str] = (),
    ) -> ZoningPlan:
        """
        Build a plan from frames.

        Parameters
        ----------
        lines
            One frame of polygons per control line, by line id. Columns ``feature_id``, ``name`` and ``subzone`` are
            taken as they stand; where they are missing they are read from the official columns.
        name
            What the plan is called.
        zones
            Polygons with a column ``zone``.
        extent
            The ground that the plan speaks of. Left out: the zones, if there are any.
        coverage
            For lines that were drawn for a part of the extent only, that part, by line id.
        rules
            A rulebook that declares lines of its own.
        notes
            What to remember of how the layers were read.

        Returns
        -------
        ZoningPlan
            Frames are copied; later edits of the caller's frames do not show.

        Raises
        ------
        SchemaError
            A line is not declared, or a column holds values that mean nothing.
        CRSError
            A layer cannot be placed on the ground.
        GeometryError
            A row is empty or not a polygon.

        Examples
        --------
        >>> from ecozones.testing import chessboard_plan
        >>> chessboard_plan(farmland=["a1", "b1"])["permanent_basic_farmland"].shape[0]
        2
        """
        known = dict(control_lines()) | ({line.id: line for line in rules.lines} if rules is not None else {})
        foreign = [line for line in [*lines, *(coverage or {})] if line not in known]
        if foreign:
            message = (
                f"the plan has lines that nobody declares: {name_rows(foreign)}; known are {', '.join(known)}. "
                "Declare a line in a rulebook file and pass it as rules=..."
            )
            raise SchemaError(message)
        if not lines:
            message = "a plan needs at least one control line; none was given"
            raise SchemaError(message)
        said = list(notes)
        frames = {line: _line_frame(frame, known[line], said) for line, frame in lines.items()}
        spaces = None if zones is None else _zone_frame(zones)
        ground = _ground(extent if extent is not None else spaces, "extent")
        covered = {
            line: frame
            for line, part in (coverage or {}).items()
            if (frame := _ground(part, f"coverage of {line}")) is not None
        }
        declared = {
            line: known[line]
            for line in known
            if line in frames or rules is None or line in {item.id for item in rules.lines}
        }
        _warn_of_shifts(frames, spaces, ground, said)
        crs = pyproj.CRS(ground.crs) if ground is not None and not ground.crs.is_geographic else _commonest_crs(frames)
        return cls(name, frames, spaces, ground, covered, crs, declared, tuple(said))

    def __getstate__(self) -> dict[str, Any]:
        """Travel with pieces that were cut, but without answers that a moment gives again."""
        return {name: value for name, value in self.__dict__.items() if name != "_flat"}

    def __getitem__(self, line: str) -> gpd.GeoDataFrame:
        """Give a copy of one line's frame."""
        if line not in self.lines:
            message = f"the plan has no {line!r}; it has {', '.join(self.lines)}"
            raise KeyError(message)
        return self.lines[line].copy()

    def __contains__(self, line: object) -> bool:
        """Tell whether the plan has a line."""
        return line in self.lines

    def _ipython_key_completions_(self) -> list[str]:
        return list(self.lines)

    def replace(self, **lines: gpd.GeoDataFrame) -> ZoningPlan:
        """
        Build a plan in which some lines are other ones.

        Parameters
        ----------
        **lines
            Frames by line id.

        Returns
        -------
        ZoningPlan
            A new plan; this one stays as it is.

        Examples
        --------
        >>> from ecozones.testing import chessboard_plan
        >>> plan = chessboard_plan(urban={"c3": "concentrated"})
        >>> urban = plan["urban_development_boundary"]
        >>> wider = plan.replace(urban_development_boundary=urban.set_geometry(urban.buffer(100)))
        >>> bool(wider["urban_development_boundary"].area.sum() > urban.area.sum())
        True
        """
        said = list(self.notes)
        unknown = [line for line in lines if line not in self.control_lines]
        if unknown:
            message = f"the plan knows no line {name_rows(unknown)}; it knows {', '.join(self.control_lines)}"
            raise SchemaError(message)
        frames = dict(self.lines) | {
            line: _line_frame(frame, self.control_lines[line], said) for line, frame in lines.items()
        }
        kept = {line: pieces for line, pieces in self._pieces.items() if line.split("/")[0] not in lines}
        digests = {line: known for line, known in self._digests.items() if line not in lines}
        return dataclasses.replace(self, lines=frames, notes=tuple(said), _pieces=kept, _digests=digests)

    def digest(self, line: str) -> str:
        """
        Hash a line as the plan holds it; it is hashed on first use and the hash is kept with the plan.

        Parameters
        ----------
        line
            Line id.

        Returns
        -------
        str
            SHA-256 of geometries, CRS and columns, see :func:`ecozones.capsule.digest`.

        Examples
        --------
        >>> from ecozones.testing import chessboard_plan
        >>> plan = chessboard_plan(farmland=["a1"])
        >>> plan.digest("permanent_basic_farmland") == digest(plan["permanent_basic_farmland"])
        True
        """
        if line not in self._digests:
            self._digests[line] = digest(self.lines[line])
        return self._digests[line]

    def pieces(self, line: str) -> overlay.Pieces:
        """
        Give a line cut into pieces; it is cut on first use and kept with the plan.

        Parameters
        ----------
        line
            Line id.

        Returns
        -------
        Pieces
            In the CRS of the line's own frame.
        """
        if line not in self._pieces:
            self._pieces[line] = overlay.cut(self.lines[line].geometry.to_numpy(), checked=True)
        return self._pieces[line]

    def keep_pieces(self, folder: str | os.PathLike[str]) -> pd.DataFrame:
        """
        Keep the pieces of every line in a folder, and use those that an earlier session kept there.

        A file is used only if it was cut from just these polygons, by this version of the library and of GEOS, and is
        whole to the last byte; otherwise the line is cut, and its pieces are written. Files of other plans do no harm,
        and any file may be deleted.

        Parameters
        ----------
        folder
            Made if need be.

        Returns
        -------
        DataFrame
            One row per line: ``line, pieces, kept``: *read*, *written*, or *as drawn*, where no polygon is large enough
            to be cut.

        Examples
        --------
        >>> import tempfile
        >>> from ecozones.testing import chessboard_plan
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     kept = chessboard_plan(farmland=["a1", "b1"]).keep_pieces(folder)
        >>> set(kept["kept"])
        {'as drawn'}
        """
        rows = []
        for line, frame in self.lines.items():
            whole = frame.geometry.to_numpy()
            if not overlay.is_cut(whole):
                rows.append((line, len(self.pieces(line).geometry), "as drawn"))
                continue
            found = read_pieces(whole, Path(folder), self.digest(line))
            if found is not None:
                self._pieces[line] = found
            else:
                write_pieces(self.pieces(line), Path(folder), self.digest(line), frame.crs)
            rows.append((line, len(self._pieces[line].geometry), "written" if found is None else "read"))
        return pd.DataFrame(rows, columns=["line", "pieces", "kept"])

    def ground(self, line: str) -> gpd.GeoDataFrame | None:
        """
        Give the ground for which the plan speaks about a line.

        Parameters
        ----------
        line
            Line id.

        Returns
        -------
        GeoDataFrame or None
            Polygons; None where the plan does not say.
        """
        return self.coverage.get(line, self.extent)

    def ground_pieces(self, line: str, crs: pyproj.CRS) -> overlay.Pieces:
        """
        Give the ground for which the plan speaks about a line, cut into pieces in a CRS.

        Parameters
        ----------
        line
            Line id.
        crs
            The CRS in which it is asked for.

        Returns
        -------
        Pieces
            Kept with the plan.

        Raises
        ------
        SchemaError
            The plan does not say what ground it speaks of.
        """
        ground = self.ground(line)
        if ground is None:
            message = f"plan {self.name!r} has neither an extent nor a coverage of {line}"
            raise SchemaError(message)
        key = f"{line}/ground" if line in self.coverage else f"extent in {crs.to_wkt()}"
        if key not in self._pieces:
            moved, _ = bring_to(ground, crs, what="extent")
            self._pieces[key] = overlay.cut(moved.geometry.to_numpy())
        return self._pieces[key]

    @functools.cached_property
    def _flat(self) -> dict[str, bool]:
        return {}

    def in_metres(self, line: str) -> bool:
        """
        Tell whether lengths in the plane of a line are metres on the ground; asked once, and kept with the plan.

        Parameters
        ----------
        line
            Line id.

        Returns
        -------
        bool
            See :func:`ecozones.placing.in_metres`; a line without a polygon bends none.
        """
        if line not in self._flat:
            frame = self.lines[line]
            self._flat[line] = not len(frame) or in_metres(frame)
        return self._flat[line]

    @property
    def metric_crs(self) -> pyproj.CRS:
        """A CRS in metres in which distances within the plan may be measured."""
        drawn = [frame for frame in (self.extent, *self.lines.values()) if frame is not None and len(frame)]
        if not drawn:
            return self.crs
        alike = [frame for frame in drawn if frame.crs == self.crs]
        return self.crs if alike and in_metres(alike[0]) else metric_crs((alike or drawn)[0])

    def flat_pieces(self, line: str) -> overlay.Pieces:
        """
        Give a line that is drawn in degrees or feet, cut into pieces in metres, to measure distances from.

        Parameters
        ----------
        line
            Line id.

        Returns
        -------
        Pieces
            In :attr:`metric_crs`; kept with the plan.
        """
        key = f"{line}/flat"
        if key not in self._pieces:
            moved, _ = bring_to(self.lines[line], self.metric_crs, what=line)
            self._pieces[key] = overlay.cut(moved.geometry.to_numpy())
        return self._pieces[key]

    def summary(self) -> pd.DataFrame:
        """
        Count and measure the lines of the plan.

        Returns
        -------
        DataFrame
            One row per line: ``line, zh, en, features, area_ha`` (features summed, national method), ``crs``.
        """
        rows = []
        for line, frame in self.lines.items():
            area = polygon_areas(frame.geometry.to_numpy(), frame.crs).sum()
            word = self.control_lines[line]
            rows.append((line, word.zh, word.en, len(frame), float(from_m2(area, "ha")), frame.crs.to_string()))
        return pd.DataFrame(rows, columns=["line", "zh", "en", "features", "area_ha", "crs"])

    def __repr__(self) -> str:
        """Say what the plan holds, in both languages."""
        rows = [
            f"  {row.line:<28}{row.zh:<10}{row.features:>8,} polygons{row.area_ha:>16,.1f} ha"
            for row in self.summary().itertuples()
        ]
        missing = [line.id for line in self.control_lines.values() if line.required and line.id not in self.lines]
        rows += [f"  {line:<28}{self.control_lines[line].zh:<10} missing: sites stay undetermined" for line in missing]
        if self.extent is None:
            rows.append("  no extent given 未给出规划范围: ground outside the lines stays undetermined")
        return "\n".join([f"<ZoningPlan {self.name!r}>", *rows])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(str(row.zh))}</td><td>{html.escape(str(row.en))}</td>"
            f"<td align='right'>{row.features:,}</td><td align='right'>{row.area_ha:,.2f}</td></tr>"
            for row in self.summary().itertuples()
        )
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        return (
            f"<p><b>{html.escape(self.name)}</b> · {html.escape(self.crs.name)}</p><table><thead><tr><th>控制线</th>"
            f"<th>line</th><th>图斑数 features</th><th>公顷 ha</th></tr></thead><tbody>{rows}</tbody></table>"
            + (f"<ul>{notes}</ul>" if notes else "")
        )


def _warn_of_shifts(
    frames: Mapping[str, gpd.GeoDataFrame],
    spaces: gpd.GeoDataFrame | None,
    ground: gpd.GeoDataFrame | None,
    notes: list[str],
) -> None:
    """Say which layers sit off the extent as a web map's coordinates would put them."""
    if ground is None:
        return
    layers = dict(frames) if spaces is None else {**frames, "zones": spaces}
    for name, frame in layers.items():
        shift = suspect_shift(frame, ground) if len(frame) else None
        if shift is not None:
            message = f"{name} sits off the extent as shifted coordinates would: {shift.to_dict('records')[0]}"
            notes.append(message)
            warnings.warn(message, ShiftSuspectedWarning, stacklevel=4)


def _line_frame(frame: gpd.GeoDataFrame, line: ControlLine, notes: list[str]) -> gpd.GeoDataFrame:
    """Check and copy one line's frame, and give it the three columns that every line has."""
    check_crs(frame, what=line.id)
    geometry.check_polygons(frame, what=line.id)
    named = frame.rename_geometry("geometry") if frame.geometry.name != "geometry" else frame.copy()
    named = named.reset_index(drop=True)
    ids = _feature_ids(named, line, notes)
    built = name_features(named, ids, line, notes)
    repaired, ledger = geometry.repair_polygons(built, what=line.id)
    if len(ledger):
        notes.append(f"{line.id}: {len(ledger)} invalid polygons repaired")
    return repaired


def name_features(frame: gpd.GeoDataFrame, ids: pd.Series, line: ControlLine, notes: list[str]) -> gpd.GeoDataFrame:
    """
    Give rows of a line the three columns that every line has: ``feature_id``, ``name`` and ``subzone``.

    Parameters
    ----------
    frame
        All rows of a layer or some of them, their geometry called ``geometry``.
    ids
        Their ids, on the same index.
    line
        The control line.
    notes
        Is told what was not recognised.

    Returns
    -------
    GeoDataFrame
        The three columns first, the others as they were.
    """
    fields = {str(column).lower(): column for column in frame.columns}
    columns = {
        "feature_id": ids,
        "name": _texts(frame, _first(fields, line.name_fields)),
        "subzone": _subzones(frame, _first(fields, line.subzone_fields), line, notes),
    }
    rest = frame.drop(columns=[*(name for name in columns if name in frame.columns), "geometry"])
    built = pd.DataFrame(columns | dict(rest.items()), index=frame.index)
    return gpd.GeoDataFrame(built, geometry=frame.geometry.to_numpy(), crs=frame.crs)


def id_field(names: Iterable[object], line: ControlLine) -> object | None:
    """
    Find the column that holds the ids of a line.

    Parameters
    ----------
    names
        Columns of the layer.
    line
        The control line.

    Returns
    -------
    object or None
        Its name; None where features are numbered.
    """
    return _first({str(name).lower(): name for name in names}, line.id_fields)


def stated_ids(values: pd.Series, number: pd.Series, *, whole: bool) -> tuple[pd.Series, pd.Series]:
    """
    Read the ids that rows state.

    Parameters
    ----------
    values
        The column of ids.
    number
        Numbers of the rows from 1, as texts.
    whole
        Numbers with a fraction of nothing are whole numbers.

    Returns
    -------
    tuple
        Ids, ``row N`` where none is stated, and where that is. Some may be repeated.
    """
    missing = values.isna() | (values.astype(str).str.strip() == "")
    ids = (values.astype("Int64") if whole else values).astype(str).str.strip().astype(object)
    return ids.where(~missing, "row " + number), missing


def _first(fields: Mapping[str, object], wanted: Iterable[str]) -> object | None:
    return next((fields[name] for name in wanted if name in fields), None)


def _texts(frame: gpd.GeoDataFrame, column: object | None) -> pd.Series:
    if column is None:
        return pd.Series(None, index=frame.index, dtype=object)
    text = frame[column].astype(object)
    return text.where(text.notna(), None)


def _feature_ids(frame: gpd.GeoDataFrame, line: ControlLine, notes: list[str]) -> pd.Series:
    """Give every feature an id of its own; what was missing or repeated is counted."""
    number = pd.Series(np.arange(1, len(frame) + 1).astype(str), index=frame.index, dtype=object)
    column = id_field(frame.columns, line)
    if column is None:
        notes.append(f"{line.id}: no id column, features are numbered from 1")
        return number
    values = frame[column]
    whole = pd.api.types.is_float_dtype(values) and bool((values.dropna() % 1 == 0).all())
    ids, missing = stated_ids(values, number, whole=whole)
    again = ids.groupby(ids).cumcount()
    if missing.any() or (again > 0).any():
        notes.append(
            f"{line.id}: {int(missing.sum())} features without id, {int((again > 0).sum())} repeat one; made unique"
        )
    return ids.where(again == 0, ids + "#" + (again + 1).astype(str))


def _subzones(frame: gpd.GeoDataFrame, column: object | None, line: ControlLine, notes: list[str]) -> pd.Series:
    """Read the sub-zone of every feature; what is not recognised stays None, and is counted."""
    none = pd.Series(None, index=frame.index, dtype=object)
    if column is None:
        found = none
    else:
        text = frame[column].map(lambda value: "" if pd.isna(value) else str(value).strip().lower())
        words = {value: recognise_subzone(value, line) for value in text.unique()}
        found = text.map(words).astype(object)
        lost = sorted({value for value in text.unique() if value and words[value] is None})
        if lost:
            notes.append(f"{line.id}: sub-zones not recognised: {name_rows(lost)}")
    if line.default_subzone:
        found = found.where(found.notna(), line.default_subzone)
    elif line.subzone_required and found.isna().any():
        notes.append(
            f"{line.id}: {int(found.isna().sum())} features without a sub-zone; ground in them is undetermined"
        )
    return found.where(found.notna(), None)


def recognise_subzone(text: str, line: ControlLine) -> str | None:
    """
    Recognise a sub-zone by its id, its name, or a word in its name.

    Parameters
    ----------
    text
        What the data say.
    line
        The control line.

    Returns
    -------
    str or None
        The id of the sub-zone; None where nothing, or more than one, fits.

    Examples
    --------
    >>> recognise_subzone("核心保护区", control_lines()["ecological_red_line"])
    'core'
    """
    wanted = text.strip().lower()
    exact = [zone.id for zone in line.subzones if wanted in {zone.id.lower(), zone.zh.lower(), zone.en.lower()}]
    if exact:
        return exact[0]
    within = [zone.id for zone in line.subzones if any(_says(word.lower(), wanted) for word in zone.words)]
    return within[0] if len(within) == 1 else None


def _says(word: str, text: str) -> bool:
    """Tell whether a text says a word and does not deny it: 非集中建设区 is no 集中建设区, nor is 核心保护区外."""
    return re.search(rf"(?<![非不未])(?<!non[- ]){re.escape(word)}(?![^，,；;（(）)]{{0,4}}外)", text) is not None


def _zone_frame(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    check_crs(frame, what="zones")
    geometry.check_polygons(frame, what="zones")
    if "zone" not in frame.columns:
        message = f"zones has no column 'zone' that names the space of each row; write one of {', '.join(zones())}"
        raise SchemaError(message)
    copied = frame.reset_index(drop=True)
    if "feature_id" not in copied.columns:
        copied["feature_id"] = (copied.index + 1).astype(str)
    repaired, _ = geometry.repair_polygons(copied, what="zones")
    return repaired


def _ground(frame: gpd.GeoDataFrame | None, what: str) -> gpd.GeoDataFrame | None:
    if frame is None:
        return None
    check_crs(frame, what=what)
    geometry.check_polygons(frame, what=what)
    repaired, _ = geometry.repair_polygons(frame.reset_index(drop=True), what=what)
    united = shapely.union_all(repaired.geometry.to_numpy())
    return gpd.GeoDataFrame({"feature_id": [what]}, geometry=[united], crs=frame.crs)


def _commonest_crs(frames: Mapping[str, gpd.GeoDataFrame]) -> pyproj.CRS:
    """Choose the CRS that most features are drawn in; a projected one if there is any."""
    count: dict[str, int] = {}
    for frame in frames.values():
        key = frame.crs.to_wkt()
        count[key] = count.get(key, 0) + len(frame)
    ordered = sorted(count, key=lambda key: (pyproj.CRS(key).is_geographic, -count[key], key))
    return pyproj.CRS(ordered[0])
