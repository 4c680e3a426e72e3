"""
Where lines of any size collide.

One line asks: its features are read in stretches, each of them once. The other is cut into pieces once and read by the
box of the stretch, so that nothing is ever moved between workers. Whether a strip of ground is noise of drawing is no
question of one pair, though: slivers that adjoin each other, across any number of features, are judged together. So
the work is done in three steps: shared ground is found and kept; chains of slivers are gathered over the whole layer
and each judged whole, with the broad ground beside it; then every stretch is told, with the judgement. The numbers are
those of :func:`ecozones.find_conflicts` on a plan in memory, to the last bit.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyproj
import shapely
from numpy.typing import NDArray

from ecozones import overlay
from ecozones.area import AreaMethod
from ecozones.capsule import digest
from ecozones.conflicts.common_ground import (
    Geometries,
    Measures,
    Numbers,
    Place,
    Rows,
    find_slivers,
    measure,
    piece_size,
    sliver_reach,
)
from ecozones.conflicts.districts import Districts, read_districts
from ecozones.conflicts.finding import conflict_columns
from ecozones.conflicts.meaning import relations, say_meaning
from ecozones.conflicts.stretches import Judged, gather_stretches
from ecozones.conflicts.totals import sum_conflicts
from ecozones.crs import same_crs
from ecozones.engines.fragments import Fragment, Outcome, find_receipt, split
from ecozones.errors import CRSError, EcozonesWarning, SchemaError, name_rows
from ecozones.large.prepared import ROW, left_out, warn_of_changes
from ecozones.large.preparing import prepare
from ecozones.large.run import RUN, LargeRun, carry_out, fingerprint, held, read_case, write_case
from ecozones.large.tables import plain_kinds, split_table
from ecozones.options import check_districts, check_options, plain
from ecozones.patches import Slivers
from ecozones.restoration.footprints import ground_components
from ecozones.rulebook import Rulebook, load_rules
from ecozones.streams import PREPARED, ParquetStream, Stream, open_stream
from ecozones.telling import warn_caller
from ecozones.units import DECIMALS, AreaUnit, from_m2, round_half_up
from ecozones.vocab import control_lines

TABLES = ("conflicts",)
_ROWS = 20_000
_FEATURE = ["feature_id", "subzone", "deduction", ROW]
_SIDES = ("a", "b")
_WORK, _TELL = "_work", "ecozones.large.conflicts:tell_fragment"
# boxes that are looked at together, and slivers that are judged in one fragment
_BOXES, _SLIVERS = 100_000, 5_000
_SUMS = ["sum_m2", "union_m2", "again_m2", "real_m2", "artefact_m2", "net_m2"]
_TOTALS = ["line_a", "line_b", "pairs", *_SUMS[:3], "error_m2", *_SUMS[3:]]


@dataclasses.dataclass(frozen=True)
class LargeConflicts(LargeRun):
    """
    The answer of :func:`find_conflicts_in`; its rows are the features that asked, line by line, and those refused.

    A feature that has no place, of whatever line, was held against nothing, so that nobody knows whether it is in
    conflict. Each is one of the rows refused, and in no sum.

    Parameters
    ----------
    lines
        The lines, in the order in which they are held against each other.
    method
        How area was measured.
    slivers
        Strips of ground that were too small or too narrow alone, and how many of these were no noise in company.
    by_district
        Whether conflicts are split by district.
    crs
        The CRS of the layers.
    """

    lines: tuple[str, ...] = ()
    method: AreaMethod = "national"
    slivers: tuple[int, int] = (0, 0)
    by_district: bool = False
    crs: str = ""

    def table(self, name: str = "conflicts") -> pd.DataFrame:
        """
        Read a table whole, in the order of :func:`ecozones.find_conflicts`.

        Parameters
        ----------
        name
            ``"conflicts"``, or ``"refused"``: ``line``, ``row`` in the source of its layer, and ``reason``.

        Returns
        -------
        DataFrame
            The rows.
        """
        columns = conflict_columns(by_district=self.by_district)
        if name == "conflicts" and not list((self.folder / name).rglob("part-*.parquet")):
            # fragments that found nothing wrote nothing
            return gpd.GeoDataFrame(pd.DataFrame(columns=columns), geometry="geometry", crs=self.crs)
        table = super().table(name)
        if name != "conflicts":
            return table
        place = {line: number for number, line in enumerate(self.lines)}
        keys = pd.DataFrame({side: table[f"line_{side}"].map(place) for side in _SIDES})
        by = ["feature_a", "feature_b", "artefact", *(["district"] if self.by_district else [])]
        keys = pd.concat([keys, table[by]], axis=1)
        order = keys.sort_values(list(keys.columns), kind="stable").index
        return gpd.GeoDataFrame(table.loc[order, columns].reset_index(drop=True))

    def totals(self, *, unit: AreaUnit = "mu") -> pd.DataFrame:
        """
        Sum conflicts by pair of lines, with the ground counted once beside the sum of all pairs of features.

        Ground is counted once within each group of conflicts whose boxes meet; memory is bounded by the largest group.

        Parameters
        ----------
        unit
            Unit of the rounded figure.

        Returns
        -------
        DataFrame
            As :func:`ecozones.total_conflicts` gives it for the whole (not by district), exact sums over the groups.
        """
        if not list((self.folder / "conflicts").rglob("part-*.parquet")):
            return pd.DataFrame(columns=[*_TOTALS, f"union_{unit}"])
        return _totals(self.folder / "conflicts", self.lines, self.method, unit)


@dataclasses.dataclass(frozen=True)
class _Case:
    """What the steps of one pair of lines need to know."""

    lines: tuple[str, str]
    place: Place
    method: AreaMethod
    slivers: Slivers
    # the features that ask and those that are asked, and whether the first line asks
    asking: ParquetStream
    asked: ParquetStream
    first_asks: bool
    vertices: int
    pieces: ParquetStream | None = None
    found: ParquetStream | None = None
    districts: Districts | None = None
    book: Rulebook | None = None
    partition_by: tuple[str, ...] = ()


def find_conflicts_in(
    layers: Mapping[str, str | Path | Stream],
    folder: str | Path,
    *,
    lines: Iterable[str] | None = None,
    districts: gpd.GeoDataFrame | None = None,
    rules: Rulebook | str | None = None,
    ignore_below_m2: float = 1.0,
    ignore_narrower_m: float = 0.1,
    method: AreaMethod = "national",
    partition_by: str | Sequence[str] = (),
    engine: Any = None,  # noqa: ANN401 - engines share no type
    rows: int = _ROWS,
    progress: bool = False,
) -> LargeConflicts:
    """
    Find the ground that features of two lines of any size both claim.

    Parameters
    ----------
    layers
        By line id, the layer: anything that :func:`ecozones.prepare` takes, or a folder that it has made for this line.
        All in one CRS.
    folder
        Where the tables go, and the prepared layers; workers on other machines must see it under the same path.
    lines
        Lines to hold against each other; left out: all of them.
    districts
        Polygons with a column ``district`` to split conflicts by; they are held in memory.
    rules, ignore_below_m2, ignore_narrower_m, method
        As for :func:`ecozones.find_conflicts`.
    partition_by
        Columns to write the table in folders by, such as ``"district"`` or ``["line_a", "line_b"]``.
    engine
        As for :func:`ecozones.engines.run`.
    rows
        Features that ask in a fragment; no number depends on it.
    progress
        Show how far it is on the standard error stream.

    Returns
    -------
    LargeConflicts
        Table ``conflicts``, as :func:`ecozones.find_conflicts` gives it, and the account of the features that asked.

    Raises
    ------
    SchemaError
        A line is not declared or not given, or the districts have no names of their own.
    CRSError
        The layers are not in one CRS.
    InputError
        A layer cannot be read.
    EngineError
        A row is not accounted for.

    Warns
    -----
    RepairWarning
        Features were repaired when their layer was prepared.
    EcozonesWarning
        Features have no place, so that their conflicts are not known; the table ``refused`` lists each. Or one line was
        given, which has no pair.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from ecozones.testing import chessboard_plan
    >>> plan = chessboard_plan(red_line={"a1": "core"}, farmland=["a1", "b1"])
    >>> with TemporaryDirectory() as place:
    ...     for line, frame in plan.lines.items():
    ...         frame.to_parquet(f"{place}/{line}.parquet")
    ...     layers = {line: f"{place}/{line}.parquet" for line in plan.lines}
    ...     conflicts = find_conflicts_in(layers, f"{place}/out", engine=1)
    ...     conflicts.table()[["line_a", "relation", "line_b", "area_ha"]].round(2).values.tolist()
    [['ecological_red_line', 'equal', 'permanent_basic_farmland', 100.0]]
    """
    lines, partition_by, rows, engine = plain(lines), plain(partition_by), plain(rows), plain(engine)
    ignore_below_m2, ignore_narrower_m = plain(ignore_below_m2), plain(ignore_narrower_m)
    check_options(
        "find_conflicts_in",
        {
            "folder": folder, "lines": lines, "districts": districts, "rules": rules, "method": method,
            "ignore_below_m2": ignore_below_m2, "ignore_narrower_m": ignore_narrower_m,
            "partition_by": partition_by, "engine": engine, "rows": rows, "progress": progress,
        },
    )  # fmt: skip
    check_districts(districts)
    parts = (partition_by,) if isinstance(partition_by, str) else tuple(partition_by)
    columns = conflict_columns(by_district=districts is not None)
    foreign = [name for name in parts if name not in columns or name == "geometry"]
    if foreign:
        has = name_rows(columns, shown=len(columns))
        message = f"partition_by= names {name_rows(foreign)}, which conflicts do not have; they have {has}"
        raise SchemaError(message)
    out = Path(folder).resolve()
    book = rules if isinstance(rules, Rulebook) else load_rules(rules or "CN")
    names = _asked(layers, lines, book)
    with held(out):
        ready = {line: _ready(layers[line], line, out, book, engine) for line in names}
        crs = _common_crs({line: stream for line, (stream, _) in ready.items()})
        place = _place(crs, [told for _, told in ready.values()])
        slivers = Slivers(ignore_below_m2, ignore_narrower_m)
        regions = None if districts is None else read_districts(districts, place)
        print_ = fingerprint(
            {
                "verb": "find_conflicts",
                "layers": {line: told["digest"] for line, (_, told) in ready.items()},
                "rules": book.version,
                # stretches of ground are numbered as they were found, and chains of slivers name them by number
                "options": [ignore_below_m2, ignore_narrower_m, method, list(parts), rows],
                "districts": "" if districts is None else digest(districts),
            }
        )
        cases = [
            dataclasses.replace(
                _pair(pair, ready, place, method, slivers), districts=regions, book=book, partition_by=parts
            )
            for pair in itertools.combinations(names, 2)
        ]
        lost = [line for line in names if ready[line][1]["rows_refused"]]
        fragments = _stretches(cases, out, print_, rows)
        doubtful = _found_before(out, fragments, print_)
        if doubtful is None:
            fragments, doubtful = _work_out(cases, out, print_, engine, rows, progress=progress)
        for line in lost:
            fragments += left_out(ready[line][0].root, len(fragments), out, print_, line=line)
        told = {"lines": names, "pairs": [case.lines for case in cases], "fingerprint": print_, "slivers": doubtful}
        run = carry_out(
            out,
            fragments,
            tables=TABLES,
            engine=engine,
            progress=progress,
            what="features",
            told=told,
            answered=bool(cases),
        )
        # what was found on the way is told, and a run that is finished needs it no more
        shutil.rmtree(out / _WORK, ignore_errors=True)
        if not cases:
            message = f"{names[0]} is one line and has no pair, so that nothing was compared; give a second layer"
            warn_caller(message, EcozonesWarning)
        _warn_of_lost(run, lost)
        return LargeConflicts(
            **{field.name: getattr(run, field.name) for field in dataclasses.fields(run)},
            lines=tuple(names),
            method=method,
            slivers=doubtful,
            by_district=districts is not None,
            crs=crs.to_wkt(),
        )


def _asked(layers: Mapping[str, object], lines: Iterable[str] | None, book: Rulebook) -> list[str]:
    known = list(dict(control_lines()) | {line.id: line for line in book.lines})
    foreign = [line for line in layers if line not in known]
    if foreign:
        message = f"lines {name_rows(foreign)} are not declared; known are {', '.join(known)}"
        raise SchemaError(message)
    asked = list(layers) if lines is None else list(dict.fromkeys(lines))
    if not asked:
        message = "no line was given; give layers by line id, such as {'permanent_basic_farmland': 'farmland.gpkg'}"
        raise SchemaError(message)
    missing = [line for line in asked if line not in layers]
    if missing:
        message = f"lines= names {name_rows(missing)}, for which there is no layer; there are {', '.join(layers)}"
        raise SchemaError(message)
    return sorted(asked, key=known.index)


def _ready(
    source: str | Path | Stream, line: str, out: Path, book: Rulebook, engine: object
) -> tuple[ParquetStream, dict[str, Any]]:
    """Open a line that is prepared, or prepare it beside the results."""
    stream = open_stream(source)
    manifest = stream.root / PREPARED if isinstance(stream, ParquetStream) else Path()
    if not (manifest.is_file() and json.loads(manifest.read_text(encoding="utf-8"))["line"] == line):
        layer = prepare(stream, out / "lines" / line, line=line, rules=book, engine=engine)
        warn_of_changes(layer, line)
        manifest = layer.folder / PREPARED
        stream = open_stream(manifest.parent)
    assert isinstance(stream, ParquetStream)
    return stream, json.loads(manifest.read_text(encoding="utf-8"))


def _common_crs(streams: Mapping[str, Stream]) -> pyproj.CRS:
    first, *others = streams
    crs = streams[first].crs
    assert crs is not None
    apart = [line for line in others if not same_crs(streams[line].crs, crs)]
    if apart:
        message = (
            f"{name_rows(apart)} and {first} are in different CRSs; bring the layers of a large plan to one CRS first, "
            "where you can see what that does to them"
        )
        raise CRSError(message)
    return crs


def _place(crs: pyproj.CRS, told: Sequence[Mapping[str, Any]]) -> Place:
    return Place.within(crs, [one["bounds"] for one in told if one["bounds"] is not None])


def _pair(
    lines: tuple[str, str],
    ready: Mapping[str, tuple[ParquetStream, Mapping[str, Any]]],
    place: Place,
    method: AreaMethod,
    slivers: Slivers,
) -> _Case:
    """Choose who asks: the line whose polygons have fewer vertices, as in memory; a line without any asks nothing."""
    (a, of_a), (b, of_b) = (ready[line] for line in lines)
    mean = [one["vertices"] / one["rows_done"] if one["rows_done"] else np.inf for one in (of_a, of_b)]
    first_asks = not mean[0] > mean[1]
    asking, asked = (a, b) if first_asks else (b, a)
    return _Case(lines, place, method, slivers, asking, asked, first_asks, piece_size(asking.rows))


def _stretches(cases: Sequence[_Case], out: Path, print_: str, rows: int) -> list[Fragment]:
    """Name the stretches that ask, pair by pair, without what they will be given."""
    stretches = [one for case in cases for one in split(case.asking.rows, rows)]
    return [Fragment(number, *one, _TELL, {}, str(out), print_) for number, one in enumerate(stretches)]


def _found_before(out: Path, fragments: Sequence[Fragment], print_: str) -> tuple[int, int] | None:
    """Give the slivers that a finished run has counted, if it was this one and nothing of it has to be told again."""
    try:
        told = json.loads((out / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if told.get("fingerprint") != print_ or not all(find_receipt(one) for one in fragments):
        return None
    doubtful, pardoned = told["slivers"]
    return int(doubtful), int(pardoned)


def _work_out(
    cases: Sequence[_Case], out: Path, print_: str, engine: object, rows: int, *, progress: bool
) -> tuple[list[Fragment], tuple[int, int]]:
    """Find shared ground and judge its slivers, pair by pair; say what remains to be told, and count the slivers."""
    fragments: list[Fragment] = []
    doubtful = pardoned = 0
    for one in cases:
        work = out / _WORK / "-".join(one.lines)
        asked = one.lines[int(one.first_asks)]
        cut = _cut_once(one, out / _WORK / "cut" / f"{asked}-{one.vertices}", print_, engine, rows)
        found, case = _find(cut, work / "found", print_, engine, rows, progress=progress)
        kept, counts = _judge(case, work / "judged", print_, engine, rows)
        doubtful, pardoned = doubtful + counts[0], pardoned + counts[1]
        fragments += _tell(case, out, found, kept, print_, first=len(fragments))
    return fragments, (doubtful, pardoned)


def _warn_of_lost(run: LargeRun, lost: Sequence[str]) -> None:
    if run.rows_refused:
        message = (
            f"{run.rows_refused} features of {name_rows(lost)} have no place and were held against nothing: whether "
            "they are in conflict is not known. The table 'refused' lists each with why; mend them, and run again"
        )
        warn_caller(message, EcozonesWarning)


def _fragments(work: str, case: _Case, out: Path, stretches: Iterable[tuple[int, int]], print_: str) -> list[Fragment]:
    given = write_case(case, out)
    return [
        Fragment(number, start, stop, f"ecozones.large.conflicts:{work}", given, str(out), print_)
        for number, (start, stop) in enumerate(stretches)
    ]


def _parts_in(folder: Path) -> ParquetStream:
    stream = open_stream(folder)
    assert isinstance(stream, ParquetStream)
    return stream


def _known(stream: Stream) -> list[str]:
    return [name for name in _FEATURE if name in stream.names]


# ------------------------------------------------------------------------------------------------- cut once


def _cut_once(case: _Case, out: Path, print_: str, engine: object, rows: int) -> _Case:
    """Cut the line that is asked into pieces, at the place where the two are overlaid."""
    fragments = _fragments("cut_fragment", case, out, split(case.asked.rows, rows), print_)
    carry_out(out, fragments, tables=("pieces",), engine=engine)
    return dataclasses.replace(case, pieces=_parts_in(out / "pieces") if fragments else None)


def cut_fragment(fragment: Fragment) -> Outcome:
    """
    Cut some features into pieces.

    Parameters
    ----------
    fragment
        Which features.

    Returns
    -------
    Outcome
        ``pieces``: the row of the feature, the number of the piece, and what the feature measures.
    """
    case: _Case = read_case(fragment)
    read = case.asked.read(fragment.start, fragment.stop, ())
    geometry = case.place.near(read.geometry.to_numpy())
    cut = overlay.cut(geometry, piece_vertices=case.vertices, checked=True)
    flat, ground = shapely.area(geometry), measure(geometry, case.place, case.method).area
    table = gpd.GeoDataFrame(
        {
            "feature": cut.feature + fragment.start,
            "piece": np.arange(len(cut.feature)),
            "flat": flat[cut.feature],
            "ground": ground[cut.feature],
        },
        geometry=cut.geometry,
    )
    return Outcome({"pieces": table}, len(read), len(read), _no_rows())


# ---------------------------------------------------------------------------------------------------- find


def _find(
    case: _Case, out: Path, print_: str, engine: object, rows: int, *, progress: bool
) -> tuple[list[tuple[int, int, Path]], _Case]:
    """Find shared ground; give the stretches that asked, and where each one's finds lie."""
    fragments = _fragments("find_fragment", case, out, split(case.asking.rows, rows), print_)
    carry_out(out, fragments, tables=("found",), engine=engine, progress=progress, what="features")
    places = [(one.start, one.stop, out / "found" / f"{one.name}.parquet") for one in fragments]
    return places, dataclasses.replace(case, found=_parts_in(out / "found") if fragments else None)


def find_fragment(fragment: Fragment) -> Outcome:
    """
    Find the ground that some features share with the other line.

    Parameters
    ----------
    fragment
        Which features ask.

    Returns
    -------
    Outcome
        ``found``: one row for each stretch of shared ground, with all that its pair needs to be told.
    """
    case: _Case = read_case(fragment)
    frame = case.asking.read(fragment.start, fragment.stop, _known(case.asking))
    shapes = case.place.near(frame.geometry.to_numpy())
    near = None if case.pieces is None else case.pieces.near(tuple(shapely.total_bounds(shapes).tolist()))
    table = _found_nothing() if near is None or not len(near) else _share(case, frame, shapes, near)
    return Outcome({"found": table}, len(frame), len(frame), _no_rows())


def _share(case: _Case, frame: gpd.GeoDataFrame, shapes: Geometries, near: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    near = near.sort_values(["feature", "piece"], kind="stable")
    rows, feature = np.unique(near["feature"].to_numpy(), return_inverse=True)
    asked = case.asked.take(rows, _known(case.asked))
    once = near.drop_duplicates("feature")
    geometry = near.geometry.to_numpy()
    pieces = overlay.Pieces(
        case.place.near(asked.geometry.to_numpy()), geometry, feature.astype(np.intp), shapely.STRtree(geometry)
    )
    shapely.prepare(geometry[~pieces.few])
    met = overlay.meet(shapes, pieces)
    real = np.flatnonzero(shapely.area(met.geometry) > 0)
    asking = _facts(frame, shapes, met.shape[real], case)
    answer = pd.DataFrame(
        {
            "row": asked[ROW].to_numpy()[met.feature[real]],
            "feature": asked["feature_id"].to_numpy()[met.feature[real]],
            "subzone": asked["subzone"].to_numpy()[met.feature[real]],
            "deduction": _deduction(asked)[met.feature[real]],
            "flat": once["flat"].to_numpy()[met.feature[real]],
            "whole": once["ground"].to_numpy()[met.feature[real]],
        }
    )
    sides = (asking, answer) if case.first_asks else (answer, asking)
    pairs = pd.concat([side.add_suffix(f"_{name}") for name, side in zip(_SIDES, sides, strict=True)], axis=1)
    shared = met.geometry[real]
    pairs["relation"] = relations(shared, pairs["flat_a"].to_numpy(), pairs["flat_b"].to_numpy())
    order = np.lexsort((pairs["row_b"], pairs["row_a"]))
    parts, pair = shapely.get_parts(shared[order], return_index=True)
    measured = measure(parts, case.place, case.method)
    table = pairs.iloc[order[pair]].reset_index(drop=True).drop(columns=["flat_a", "flat_b"])
    first = np.flatnonzero(np.r_[True, np.diff(pair) > 0][: len(pair)])
    table = table.assign(
        part=np.arange(len(pair)) - np.repeat(first, np.diff(np.r_[first, len(pair)])),
        area=measured.area,
        width=measured.width,
        doubtful=(measured.area < case.slivers.below_m2) | (measured.width < case.slivers.narrower_m),
    )
    return gpd.GeoDataFrame(plain_kinds(table), geometry=parts)


def _facts(frame: gpd.GeoDataFrame, shapes: Geometries, rows: Rows, case: _Case) -> pd.DataFrame:
    met = np.unique(rows)
    whole = np.zeros(len(frame))
    whole[met] = measure(shapes[met], case.place, case.method).area
    return pd.DataFrame(
        {
            "row": frame[ROW].to_numpy()[rows],
            "feature": frame["feature_id"].to_numpy()[rows],
            "subzone": frame["subzone"].to_numpy()[rows],
            "deduction": _deduction(frame)[rows],
            "flat": shapely.area(shapes)[rows],
            "whole": whole[rows],
        }
    )


def _deduction(frame: gpd.GeoDataFrame) -> Numbers:
    if "deduction" not in frame.columns:
        return np.full(len(frame), np.nan)
    return pd.to_numeric(frame["deduction"], errors="coerce").to_numpy(dtype=float)


def _found_nothing() -> gpd.GeoDataFrame:
    kinds: dict[str, Any] = {}
    for side in _SIDES:
        kinds |= {f"row_{side}": np.int64, f"feature_{side}": "string", f"subzone_{side}": "string"}
        kinds |= {f"deduction_{side}": np.float64, f"whole_{side}": np.float64}
    kinds |= {"relation": "string", "part": np.int64, "area": np.float64, "width": np.float64, "doubtful": bool}
    empty = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
    return gpd.GeoDataFrame(empty, geometry=np.zeros(0, dtype=object))


# --------------------------------------------------------------------------------------------------- judge


def _judge(case: _Case, out: Path, print_: str, engine: object, rows: int) -> tuple[NDArray[np.intp], tuple[int, int]]:
    """Judge every chain of slivers whole, and give the rows of those that are no noise in their company."""
    if case.found is None:
        return np.zeros(0, dtype=np.intp), (0, 0)
    doubtful = np.flatnonzero(case.found.column("doubtful").to_numpy(dtype=bool))
    if not len(doubtful):
        return doubtful, (0, 0)
    boxes = [np.zeros((0, 4))]
    for start, stop in split(case.found.rows, _BOXES):
        own = doubtful[np.searchsorted(doubtful, start) : np.searchsorted(doubtful, stop)]
        if len(own):
            boxes.append(case.found.boxes(start, stop)[own - start])
    # a hair wider than their reach, so that rounding parts no chain
    reach = 2 * sliver_reach(case.place)
    wide = np.concatenate(boxes) + np.array([-reach, -reach, reach, reach])
    chain = ground_components(wide)
    order = np.argsort(chain, kind="stable")
    # chains stay whole
    ends = np.flatnonzero(np.r_[np.diff(chain[order]) > 0, True]) + 1
    stretches, start = [], 0
    for end in ends.tolist():
        if end - start >= min(rows, _SLIVERS) or end == len(order):
            stretches.append((start, end))
            start = end
    company = _company(case.found, wide[order], stretches)
    fragments = [
        dataclasses.replace(
            one,
            given={
                **one.given,
                "parts": json.dumps(doubtful[order][one.start : one.stop].tolist()),
                "company": json.dumps(company[one.number].tolist()),
            },
        )
        for one in _fragments("judge_fragment", case, out, stretches, print_)
    ]
    run = carry_out(out, fragments, tables=("pardoned",), engine=engine, what="slivers")
    pardoned = np.sort(run.table("pardoned")["part"].to_numpy(dtype=np.intp))
    return pardoned, (len(doubtful), len(pardoned))


def _company(found: ParquetStream, boxes: Numbers, stretches: Sequence[tuple[int, int]]) -> list[Rows]:
    """Find, for each fragment of slivers, the stretches of ground whose boxes meet those of its slivers."""
    tree = shapely.STRtree(shapely.box(*boxes.T))
    fragment = np.repeat(np.arange(len(stretches)), [stop - start for start, stop in stretches])
    rows, owners = [np.zeros(0, dtype=np.intp)], [np.zeros(0, dtype=np.intp)]
    for start, stop in split(found.rows, _BOXES):
        row, sliver = tree.query(shapely.box(*found.boxes(start, stop).T))
        both = np.unique(np.c_[fragment[sliver], row + start], axis=0)
        owners.append(both[:, 0])
        rows.append(both[:, 1])
    owner = np.concatenate(owners)
    row = np.concatenate(rows)[np.argsort(owner, kind="stable")]
    return np.split(row, np.cumsum(np.bincount(owner, minlength=len(stretches)))[:-1])


def judge_fragment(fragment: Fragment) -> Outcome:
    """
    Judge some chains of slivers, with the broad ground that lies beside them.

    Parameters
    ----------
    fragment
        Which slivers: whole chains.

    Returns
    -------
    Outcome
        ``pardoned``: those that are no noise.
    """
    case: _Case = read_case(fragment)
    assert case.found is not None
    own = np.array(json.loads(fragment.given["parts"]), dtype=np.intp)
    rows = np.array(json.loads(fragment.given["company"]), dtype=np.intp)
    near = case.found.take(rows, ["row_a", "row_b", "part", "area", "width"])
    near = near.iloc[np.lexsort((near["part"], near["row_b"], near["row_a"]))]
    measures = Measures(near["area"].to_numpy(), near["width"].to_numpy())
    small, narrow = find_slivers(near.geometry.to_numpy(), measures, np.zeros(len(near)), case.place, case.slivers)
    kept = near.index.to_numpy()[~(small | narrow)]
    table = pd.DataFrame({"part": np.intersect1d(kept, own)})
    return Outcome({"pardoned": table}, len(own), len(own), _no_rows())


# ---------------------------------------------------------------------------------------------------- tell


def _tell(
    case: _Case, out: Path, found: Sequence[tuple[int, int, Path]], pardoned: Rows, print_: str, *, first: int
) -> list[Fragment]:
    """Say what remains to be told of one pair of lines."""
    given = write_case(dataclasses.replace(case, pieces=None, found=None), out)
    fragments: list[Fragment] = []
    offset = 0
    for start, stop, path in found:
        count = pq.read_metadata(path).num_rows
        own = pardoned[np.searchsorted(pardoned, offset) : np.searchsorted(pardoned, offset + count)] - offset
        more = {"found": str(path), "pardoned": json.dumps(own.tolist())}
        number = first + len(fragments)
        fragments.append(Fragment(number, start, stop, _TELL, {**given, **more}, str(out), print_))
        offset += count
    return fragments


def tell_fragment(fragment: Fragment) -> Outcome:
    """
    Tell the conflicts of some features, artefacts apart.

    Parameters
    ----------
    fragment
        Which features, where their finds lie, and which slivers are none.

    Returns
    -------
    Outcome
        ``conflicts``.
    """
    case: _Case = read_case(fragment)
    assert case.book is not None
    with Path(fragment.given["found"]).open("rb") as file:
        found = gpd.read_parquet(file)
    rows = fragment.stop - fragment.start
    none = _no_rows().assign(line="")[["line", "row", "reason"]]
    if not len(found):
        return Outcome({}, rows, rows, none)
    pair = np.cumsum(np.r_[False, found["part"].to_numpy()[1:] == 0])
    pardoned = np.zeros(len(found), dtype=bool)
    pardoned[json.loads(fragment.given["pardoned"])] = True
    area, width = found["area"].to_numpy(), found["width"].to_numpy()
    small = (area < case.slivers.below_m2) & ~pardoned
    narrow = (width < case.slivers.narrower_m) & ~pardoned
    heads = found.drop_duplicates(["row_a", "row_b"]).reset_index(drop=True)
    judged = Judged(found.geometry.to_numpy(), pair, area, width, small, narrow)
    sides = (heads["row_a"].to_numpy(), heads["row_b"].to_numpy())
    table = gather_stretches(judged, sides, case.place, case.method, case.districts)
    of = heads.iloc[table["pair"].to_numpy()]
    for side in _SIDES:
        table[f"feature_{side}"] = of[f"feature_{side}"].to_numpy()
        subzone = of[f"subzone_{side}"].astype(object)
        table[f"subzone_{side}"] = subzone.where(subzone.notna(), None).to_numpy()
        table[f"share_{side}"] = table["area_m2"].to_numpy() / of[f"whole_{side}"].to_numpy()
    table["relation"] = of["relation"].to_numpy(dtype=object)
    stated = of["deduction_a"].to_numpy()
    deduction = np.where(np.isnan(stated), of["deduction_b"].to_numpy(), stated)
    told = say_meaning(table, case.lines, deduction, case.book)[
        conflict_columns(by_district=case.districts is not None)
    ]
    frame = gpd.GeoDataFrame(plain_kinds(told), geometry="geometry", crs=case.place.crs)
    return Outcome(split_table("conflicts", frame, case.partition_by), rows, rows, none)


def _no_rows() -> pd.DataFrame:
    return pd.DataFrame({"row": np.zeros(0, np.int64), "reason": np.zeros(0, object)})


# -------------------------------------------------------------------------------------------------- totals


def _totals(folder: Path, lines: Sequence[str], method: AreaMethod, unit: AreaUnit) -> pd.DataFrame:
    stream = _parts_in(folder)
    assert stream.crs is not None
    pairs = pd.DataFrame({f"line_{side}": stream.column(f"line_{side}").astype(str) for side in _SIDES})
    key = _pair_keys(stream)
    boxes = np.concatenate([np.zeros((0, 4)), *(stream.boxes(*some) for some in split(stream.rows, 1_000_000))])
    place = Place.within(stream.crs, [[*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)]] if len(boxes) else [])
    order = {pair: number for number, pair in enumerate(itertools.combinations(lines, 2))}
    number = np.array([order[pair] for pair in pairs.itertuples(index=False, name=None)], dtype=np.intp)
    rows = []
    for pair, own in order.items():
        chosen = np.flatnonzero(number == own)
        if len(chosen):
            of_pair = {"line_a": pair[0], "line_b": pair[1], "pairs": len(np.unique(key[chosen]))}
            rows.append(of_pair | _sum_up(stream, chosen, boxes, place, method))
    every = {"line_a": "", "line_b": "", "pairs": len(np.unique(key))}
    rows.append(every | _sum_up(stream, np.arange(stream.rows), boxes, place, method))
    table = pd.DataFrame(rows)
    table["error_m2"] = table["sum_m2"] - table["union_m2"] - table["again_m2"]
    table[f"union_{unit}"] = round_half_up(from_m2(table["union_m2"].to_numpy(), unit), DECIMALS[unit])
    return table[[*_TOTALS, f"union_{unit}"]]


def _pair_keys(stream: ParquetStream) -> NDArray[np.uint64]:
    """Know each pair of features by a number, so that their names need not be held."""
    names = ["line_a", "line_b", "feature_a", "feature_b"]
    keys = [
        pd.util.hash_pandas_object(pd.DataFrame(batch[names]).astype(str), index=False).to_numpy()
        for batch in stream.batches(100_000, names)
    ]
    return np.concatenate([np.zeros(0, dtype=np.uint64), *keys]).astype(np.uint64)


def _sum_up(stream: ParquetStream, rows: Rows, boxes: Numbers, place: Place, method: AreaMethod) -> dict[str, Any]:
    """Sum some conflicts group by group; what meets no other is measured already."""
    label = ground_components(boxes[rows])
    alone = np.bincount(label, minlength=len(rows))[label] == 1
    sums: dict[str, list[float]] = {name: [] for name in _SUMS}
    for start, stop in split(len(rows), 20_000):
        own = rows[start:stop][alone[start:stop]]
        table = stream.take(own, ["area_m2", "net_m2", "artefact"])
        area, artefact = table["area_m2"].to_numpy(), table["artefact"].to_numpy(dtype=bool)
        sums["sum_m2"] += area.tolist()
        sums["union_m2"] += area.tolist()
        sums["real_m2"] += area[~artefact].tolist()
        sums["artefact_m2"] += area[artefact].tolist()
        sums["net_m2"] += table["net_m2"].to_numpy(dtype=float).tolist()
    crowded = np.flatnonzero(~alone)
    crowded = crowded[np.argsort(label[crowded], kind="stable")]
    first = np.flatnonzero(np.r_[True, np.diff(label[crowded]) > 0][: len(crowded)])
    columns = ["line_a", "line_b", "feature_a", "feature_b", "area_m2", "net_m2", "artefact"]
    for members in np.split(crowded, first[1:]) if len(crowded) else []:
        told = sum_conflicts(stream.take(rows[np.sort(members)], columns), place, method)
        for name, values in sums.items():
            values.append(float(told[name]))
    return {name: math.fsum(values) for name, values in sums.items()}
