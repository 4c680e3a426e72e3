"""
Ground that two lines on disk share, in four steps: one is cut, the other asks, slivers are judged, all is told.

Every step is done by fragments, which any engine may take in any order; what one has written the next one reads.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from ecozones import overlay
from ecozones.area import AreaMethod
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
from ecozones.conflicts.districts import Districts
from ecozones.conflicts.finding import conflict_columns
from ecozones.conflicts.meaning import relations, say_meaning
from ecozones.conflicts.stretches import Judged, gather_stretches
from ecozones.engines.fragments import Fragment, Outcome, split
from ecozones.large.prepared import ROW
from ecozones.large.run import carry_out, read_case, write_case
from ecozones.large.tables import none_refused, plain_kinds, split_table
from ecozones.patches import Slivers
from ecozones.restoration.footprints import ground_components
from ecozones.rulebook import Rulebook
from ecozones.streams import ParquetStream, Stream, open_stream

# what writes the table of conflicts
TELL = "ecozones.large.shared_ground:tell_fragment"
SIDES = ("a", "b")
_FEATURE = ["feature_id", "subzone", "deduction", ROW]
# boxes that are looked at together, and slivers that are judged in one fragment
_BOXES, _SLIVERS = 100_000, 5_000


@dataclasses.dataclass(frozen=True)
class PairCase:
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


def pair_lines(
    lines: tuple[str, str],
    ready: Mapping[str, tuple[ParquetStream, Mapping[str, Any]]],
    place: Place,
    method: AreaMethod,
    slivers: Slivers,
) -> PairCase:
    """
    Choose who asks: the line whose polygons have fewer vertices, as in memory; a line without any asks nothing.

    Parameters
    ----------
    lines
        Their ids.
    ready
        Each line, prepared, with its manifest.
    place
        Where they are overlaid.
    method, slivers
        As for :func:`ecozones.find_conflicts`.

    Returns
    -------
    PairCase
        Nothing of it is cut yet.
    """
    (a, of_a), (b, of_b) = (ready[line] for line in lines)
    mean = [one["vertices"] / one["rows_done"] if one["rows_done"] else np.inf for one in (of_a, of_b)]
    first_asks = not mean[0] > mean[1]
    asking, asked = (a, b) if first_asks else (b, a)
    return PairCase(lines, place, method, slivers, asking, asked, first_asks, piece_size(asking.rows))


def _fragments(
    work: str, case: PairCase, out: Path, stretches: Iterable[tuple[int, int]], print_: str
) -> list[Fragment]:
    given = write_case(case, out)
    return [
        Fragment(number, start, stop, f"ecozones.large.shared_ground:{work}", given, str(out), print_)
        for number, (start, stop) in enumerate(stretches)
    ]


def parts_in(folder: Path) -> ParquetStream:
    """
    Open parts that an earlier step has written.

    Parameters
    ----------
    folder
        Where they lie.

    Returns
    -------
    ParquetStream
        Of all of them.
    """
    stream = open_stream(folder)
    assert isinstance(stream, ParquetStream)
    return stream


def _known(stream: Stream) -> list[str]:
    return [name for name in _FEATURE if name in stream.names]


# ------------------------------------------------------------------------------------------------- cut once


def cut_once(case: PairCase, out: Path, print_: str, engine: object, rows: int) -> PairCase:
    """
    Cut the line that is asked into pieces, at the place where the two are overlaid.

    Parameters
    ----------
    case
        What its steps need to know.
    out
        Where to write.
    print_
        Fingerprint of the run.
    engine, rows
        As the verb takes them.

    Returns
    -------
    PairCase
        With the pieces.
    """
    fragments = _fragments("cut_fragment", case, out, split(case.asked.rows, rows), print_)
    carry_out(out, fragments, tables=("pieces",), engine=engine)
    return dataclasses.replace(case, pieces=parts_in(out / "pieces") if fragments else None)


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
    case: PairCase = read_case(fragment)
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
    return Outcome({"pieces": table}, len(read), len(read), none_refused())


# ---------------------------------------------------------------------------------------------------- find


def find_ground(
    case: PairCase, out: Path, print_: str, engine: object, rows: int, *, progress: bool
) -> tuple[list[tuple[int, int, Path]], PairCase]:
    """
    Find shared ground.

    Parameters
    ----------
    case
        What its steps need to know.
    out
        Where to write.
    print_
        Fingerprint of the run.
    engine, rows
        As the verb takes them.
    progress
        Show how far it is.

    Returns
    -------
    tuple
        The stretches that asked, with where each one's finds lie; and the case with the finds.
    """
    fragments = _fragments("find_fragment", case, out, split(case.asking.rows, rows), print_)
    carry_out(out, fragments, tables=("found",), engine=engine, progress=progress, what="features")
    places = [(one.start, one.stop, out / "found" / f"{one.name}.parquet") for one in fragments]
    return places, dataclasses.replace(case, found=parts_in(out / "found") if fragments else None)


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
    case: PairCase = read_case(fragment)
    frame = case.asking.read(fragment.start, fragment.stop, _known(case.asking))
    shapes = case.place.near(frame.geometry.to_numpy())
    near = None if case.pieces is None else case.pieces.near(tuple(shapely.total_bounds(shapes).tolist()))
    table = _found_nothing() if near is None or not len(near) else _share(case, frame, shapes, near)
    return Outcome({"found": table}, len(frame), len(frame), none_refused())


def _share(case: PairCase, frame: gpd.GeoDataFrame, shapes: Geometries, near: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
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
    pairs = pd.concat([side.add_suffix(f"_{name}") for name, side in zip(SIDES, sides, strict=True)], axis=1)
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


def _facts(frame: gpd.GeoDataFrame, shapes: Geometries, rows: Rows, case: PairCase) -> pd.DataFrame:
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
    for side in SIDES:
        kinds |= {f"row_{side}": np.int64, f"feature_{side}": "string", f"subzone_{side}": "string"}
        kinds |= {f"deduction_{side}": np.float64, f"whole_{side}": np.float64}
    kinds |= {"relation": "string", "part": np.int64, "area": np.float64, "width": np.float64, "doubtful": bool}
    empty = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
    return gpd.GeoDataFrame(empty, geometry=np.zeros(0, dtype=object))


# --------------------------------------------------------------------------------------------------- judge


def judge_slivers(
    case: PairCase, out: Path, print_: str, engine: object, rows: int
) -> tuple[NDArray[np.intp], tuple[int, int]]:
    """
    Judge every chain of slivers whole.

    Parameters
    ----------
    case
        What its steps need to know.
    out
        Where to write.
    print_
        Fingerprint of the run.
    engine, rows
        As the verb takes them.

    Returns
    -------
    tuple
        The rows of those that are no noise in their company; and how many were doubtful, and pardoned.
    """
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
    case: PairCase = read_case(fragment)
    assert case.found is not None
    own = np.array(json.loads(fragment.given["parts"]), dtype=np.intp)
    rows = np.array(json.loads(fragment.given["company"]), dtype=np.intp)
    near = case.found.take(rows, ["row_a", "row_b", "part", "area", "width"])
    near = near.iloc[np.lexsort((near["part"], near["row_b"], near["row_a"]))]
    measures = Measures(near["area"].to_numpy(), near["width"].to_numpy())
    small, narrow = find_slivers(near.geometry.to_numpy(), measures, np.zeros(len(near)), case.place, case.slivers)
    kept = near.index.to_numpy()[~(small | narrow)]
    table = pd.DataFrame({"part": np.intersect1d(kept, own)})
    return Outcome({"pardoned": table}, len(own), len(own), none_refused())


# ---------------------------------------------------------------------------------------------------- tell


def tell_fragments(
    case: PairCase, out: Path, found: Sequence[tuple[int, int, Path]], pardoned: Rows, print_: str, *, first: int
) -> list[Fragment]:
    """
    Say what remains to be told of one pair of lines.

    Parameters
    ----------
    case
        What its steps need to know.
    out
        Where to write.
    found, kept
        What :func:`find_ground` and :func:`judge_slivers` have given.
    print_
        Fingerprint of the run.
    first
        Number of the first fragment.

    Returns
    -------
    list of Fragment
        What writes the table of conflicts.
    """
    given = write_case(dataclasses.replace(case, pieces=None, found=None), out)
    fragments: list[Fragment] = []
    offset = 0
    for start, stop, path in found:
        count = pq.read_metadata(path).num_rows
        own = pardoned[np.searchsorted(pardoned, offset) : np.searchsorted(pardoned, offset + count)] - offset
        more = {"found": str(path), "pardoned": json.dumps(own.tolist())}
        number = first + len(fragments)
        fragments.append(Fragment(number, start, stop, TELL, {**given, **more}, str(out), print_))
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
    case: PairCase = read_case(fragment)
    assert case.book is not None
    with Path(fragment.given["found"]).open("rb") as file:
        found = gpd.read_parquet(file)
    rows = fragment.stop - fragment.start
    none = none_refused().assign(line="")[["line", "row", "reason"]]
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
    for side in SIDES:
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
