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
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyproj

from ecozones.area import AreaMethod
from ecozones.capsule import digest
from ecozones.conflicts.common_ground import (
    Place,
)
from ecozones.conflicts.districts import read_districts
from ecozones.conflicts.finding import conflict_columns
from ecozones.crs import same_crs
from ecozones.engines.fragments import Fragment, find_receipt, split
from ecozones.errors import CRSError, EcozonesWarning, SchemaError, name_rows
from ecozones.large.conflict_totals import TOTALS, total_area
from ecozones.large.prepared import left_out, warn_of_changes
from ecozones.large.preparing import prepare
from ecozones.large.run import RUN, LargeRun, carry_out, fingerprint, held
from ecozones.large.shared_ground import (
    SIDES,
    TELL,
    PairCase,
    cut_once,
    find_ground,
    judge_slivers,
    pair_lines,
    tell_fragments,
)
from ecozones.options import check_districts, check_options, plain
from ecozones.patches import Slivers
from ecozones.rulebook import Rulebook, load_rules
from ecozones.streams import PREPARED, ParquetStream, Stream, open_stream
from ecozones.telling import warn_caller
from ecozones.units import AreaUnit
from ecozones.vocab import control_lines

TABLES = ("conflicts",)
_ROWS = 20_000
_WORK = "_work"


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
        keys = pd.DataFrame({side: table[f"line_{side}"].map(place) for side in SIDES})
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
            return pd.DataFrame(columns=[*TOTALS, f"union_{unit}"])
        return total_area(self.folder / "conflicts", self.lines, self.method, unit)


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
                pair_lines(pair, ready, place, method, slivers), districts=regions, book=book, partition_by=parts
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


def _stretches(cases: Sequence[PairCase], out: Path, print_: str, rows: int) -> list[Fragment]:
    """Name the stretches that ask, pair by pair, without what they will be given."""
    stretches = [one for case in cases for one in split(case.asking.rows, rows)]
    return [Fragment(number, *one, TELL, {}, str(out), print_) for number, one in enumerate(stretches)]


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
    cases: Sequence[PairCase], out: Path, print_: str, engine: object, rows: int, *, progress: bool
) -> tuple[list[Fragment], tuple[int, int]]:
    """Find shared ground and judge its slivers, pair by pair; say what remains to be told, and count the slivers."""
    fragments: list[Fragment] = []
    doubtful = pardoned = 0
    for one in cases:
        work = out / _WORK / "-".join(one.lines)
        asked = one.lines[int(one.first_asks)]
        cut = cut_once(one, out / _WORK / "cut" / f"{asked}-{one.vertices}", print_, engine, rows)
        found, case = find_ground(cut, work / "found", print_, engine, rows, progress=progress)
        kept, counts = judge_slivers(case, work / "judged", print_, engine, rows)
        doubtful, pardoned = doubtful + counts[0], pardoned + counts[1]
        fragments += tell_fragments(case, out, found, kept, print_, first=len(fragments))
    return fragments, (doubtful, pardoned)


def _warn_of_lost(run: LargeRun, lost: Sequence[str]) -> None:
    if run.rows_refused:
        message = (
            f"{run.rows_refused} features of {name_rows(lost)} have no place and were held against nothing: whether "
            "they are in conflict is not known. The table 'refused' lists each with why; mend them, and run again"
        )
        warn_caller(message, EcozonesWarning)
