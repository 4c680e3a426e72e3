"""
The one step that looks at a whole layer: checked, put in order of place, and written so that neighbours lie together.

Afterwards every question is asked of a few rows that lie near each other. Rows are sorted by their place on a Hilbert
curve in two passes over the source: the first reads boxes and learns where the curve is crowded, the second checks the
rows and lays them out in stretches of the curve, each of which is then sorted by itself. What is held in memory is one
fragment, and eight bytes for every row.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import itertools
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely
from numpy.typing import NDArray

from ecozones import overlay
from ecozones.crs import check_crs
from ecozones.engines.fragments import Fragment, Outcome, split, write_whole
from ecozones.errors import (
    CRSError,
    EngineError,
    GeometryError,
    InputError,
    MissingCRSError,
    SchemaError,
    name_rows,
)
from ecozones.geometry import drop_heights, repair_polygons, without_place
from ecozones.large.prepared import (
    KINDS,
    LISTED,
    REFUSED,
    REPORT,
    ROW,
    Prepared,
    left_out,
    numbered,
    prepared_root,
    told_before,
)
from ecozones.large.run import LargeRun, carry_out, fingerprint, held, read_case, write_case
from ecozones.large.tables import none_refused, plain_kinds, split_table
from ecozones.options import check_options, plain
from ecozones.plan import DeclaresLines, id_field, name_features, stated_ids
from ecozones.streams import FEATURES, PREPARED, Passing, Stream, open_stream, series_of
from ecozones.vocab import ControlLine, control_lines

PIECES = "pieces"
# the place on the curve, while rows are on their way
_KEY = "_place_on_the_curve"
_LANDED, _KEYS, _SPILL = "_landed", "_keys", "_spill"
_ROWS, _PART_ROWS = 50_000, 100_000
# the finest curve of geopandas: 65,536 cells a side
_LEVEL = 16
_POINTS = 1_000_000
# lines and points, single or many, which are no ground and no worse for it
_LOOSE = [
    shapely.GeometryType.POINT,
    shapely.GeometryType.LINESTRING,
    shapely.GeometryType.MULTIPOINT,
    shapely.GeometryType.MULTILINESTRING,
]
# two numbers a text is known by; the second is asked only where the first is shared
_SIDES = ["left", "bottom", "right", "top"]
_HASH_KEYS = ("ecozones-first-0", "ecozones-secon-1")

Keys = NDArray[np.uint32]
Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class _Case:
    source: Stream
    line: ControlLine | None
    # what the curve fills, and where its stretches end
    bounds: tuple[float, float, float, float] | None = None
    ends: Keys = dataclasses.field(default_factory=lambda: np.zeros(0, np.uint32))
    # rows whose id an earlier one has, and the how manieth they are
    repeated: tuple[NDArray[np.intp], NDArray[np.intp]] | None = None
    whole_ids: bool = False
    schema: pa.Schema | None = None
    spill: tuple[str, ...] = ()
    partition_by: tuple[str, ...] = ()
    polygons_only: bool = False
    # rows that had a shape where they came from, and why they have none here
    lost: Mapping[int, str] = dataclasses.field(default_factory=dict)


def prepare(
    source: str | Path | Stream | Passing,
    folder: str | Path,
    *,
    layer: str | None = None,
    encoding: str | None = None,
    line: str | None = None,
    rules: DeclaresLines | None = None,
    engine: Any = None,  # noqa: ANN401 - engines share no type
    rows: int = _ROWS,
    part_rows: int = _PART_ROWS,
    partition_by: str | Sequence[str] = (),
    polygons_only: bool = False,
    progress: bool = False,
) -> Prepared:
    """
    Check a layer of any size, sort it by place, and write it as GeoParquet that is quick to ask.

    Valid shapes keep every vertex, to the last bit. Rows without a shape, or that cannot lie where their CRS says, are
    refused, invalid polygons repaired as at the door of a plan, and :meth:`Prepared.report` names each of them. Lines
    and points are taken as they stand, as sites may be; of a control line they are refused. Run again with the same
    arguments, it does what is missing; the bytes are the same for any engine and any `rows`.

    Parameters
    ----------
    source
        As :func:`ecozones.streams.open_stream` takes it, or what can be read only once, such as a table of a database;
        that is set down in the folder first.
    folder
        Where the layer goes; workers on other machines must see it, and the source, under the same path.
    layer, encoding
        Which layer of the file, and the encoding of a shapefile.
    line
        For a control line, its id: rows get ``feature_id``, ``name`` and ``subzone`` as in a plan, and large ones are
        cut into pieces once for all.
    rules
        A rulebook that declares lines of its own.
    engine
        As for :func:`ecozones.engines.run`.
    rows
        Rows that are read at a time.
    part_rows
        Rows in a part of the result, as near as rows at one place allow.
    partition_by
        Columns to write the features in folders by (``features/county=.../part-...parquet``); not for a line.
    polygons_only
        Refuse lines and points, which have no area. A control line is always prepared so.
    progress
        Show how far it is on the standard error stream.

    Returns
    -------
    Prepared
        The folder, which is taken wherever a path is: ``features`` (all columns and ``source_row``, the number of the
        row in the source, from 0), for a line ``pieces`` of its large features, and the account. Where the source was
        prepared before, rows keep the numbers of the first source, and what was refused or mended there is told again.

    Raises
    ------
    MissingCRSError
        The layer does not say what its coordinates mean.
    CRSError
        The layer as a whole cannot be placed, such as one on Web Mercator.
    SchemaError
        The line is none, or the layer has a column ``source_row`` of its own.
    InputError
        The layer cannot be read.
    EngineError
        A row is not accounted for, or not one has a shape that lies where its CRS says.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from ecozones.testing import chessboard
    >>> with TemporaryDirectory() as place:
    ...     chessboard(3).to_parquet(f"{place}/squares.parquet")
    ...     layer = prepare(f"{place}/squares.parquet", f"{place}/ready", engine=1)
    ...     layer.rows_in, layer.rows_done, layer.rows_refused, len(layer.table("features")), len(layer.report())
    (9, 9, 0, 9, 0)
    """
    rows, part_rows, partition_by, engine = plain(rows), plain(part_rows), plain(partition_by), plain(engine)
    check_options(
        "prepare",
        {
            "folder": folder, "layer": layer, "encoding": encoding, "line": line, "engine": engine, "rows": rows,
            "part_rows": part_rows, "partition_by": partition_by, "polygons_only": polygons_only, "progress": progress,
        },
    )  # fmt: skip
    _check_given(source, rules)
    out = Path(folder).resolve()
    stream = source if isinstance(source, Passing) else open_stream(source, layer=layer, encoding=encoding)
    _check_source(stream)
    parts = (partition_by,) if isinstance(partition_by, str) else tuple(partition_by)
    _check_parts(stream, parts, line)
    declared = None if line is None else _declared(line, rules)
    told = [stream.title, stream.digest] if isinstance(stream, Passing) else stream.identity()
    print_ = fingerprint(
        {
            "verb": "prepare",
            "source": told,
            "line": None if declared is None else repr(declared),
            "polygons": bool(polygons_only),
            "parts": [part_rows, *parts],
        }
    )
    with held(out):
        done = _find_done(out, print_)
        if done is not None:
            return done
        before = told_before(stream)
        lost = dict[int, str]()
        if isinstance(stream, Passing):
            stream, lost = _set_down(stream, out / _LANDED, rows)
        case = _Case(stream, declared, partition_by=parts, lost=lost, polygons_only=bool(polygons_only))
        # a layer without rows still has columns
        stretches = split(stream.rows, rows) or [(0, 0)]
        case = _learn(case, out / _KEYS, stretches, print_, part_rows, engine)
        lay = _fragments("lay_out", case, out / _SPILL, stretches, print_)
        laid = carry_out(out / _SPILL, lay, tables=("spill", "report"), engine=engine, progress=progress)
        spill = sorted((out / _SPILL / "spill").glob("part-*.bytes"))
        counts, schema = _survey(spill, len(case.ends) + 1)
        case = dataclasses.replace(case, schema=schema, spill=tuple(str(path) for path in spill))
        ends = np.cumsum([0, *counts]).tolist()
        _gather_report(out, before)
        sort = _fragments("sort_stretch", case, out, list(itertools.pairwise(ends)), print_)
        sort += left_out(out, len(sort), out, print_)
        run = carry_out(out, sort, tables=(FEATURES, PIECES, "repeats", "measures"), engine=engine, progress=progress)
        if run.rows_done != laid.rows_done:
            message = f"{laid.rows_done} rows were laid out and {run.rows_done} sorted; remove {out.name} and run again"
            raise EngineError(message)
        return _finish(out, run, stream, case, print_)


def _check_given(source: object, rules: object) -> None:
    if rules is not None and not hasattr(rules, "lines"):
        message = f"prepare: rules must be a rulebook that declares lines, not {rules!r}; load it with load_rules"
        raise InputError(message)
    if not isinstance(source, str | Path | Stream | Passing):
        message = (
            f"prepare: source is of type {type(source).__name__}; give the path of a layer, a stream, or an open "
            "table: what lies in memory needs no preparing"
        )
        raise InputError(message)


def _check_source(stream: Stream | Passing) -> None:
    label = stream.title if isinstance(stream, Passing) else stream.label
    if stream.crs is None:
        message = f"{label} has no CRS, so it cannot be placed; set it where the layer is made"
        raise MissingCRSError(message)
    own = [name for name in ("bbox", *(() if prepared_root(stream) else (ROW,))) if name in stream.names]
    if own:
        message = f"{label} has a column {name_rows(own)}, which a prepared layer keeps for itself; rename it"
        raise SchemaError(message)


def _check_parts(stream: Stream | Passing, parts: Sequence[str], line: str | None) -> None:
    absent = [name for name in parts if name not in stream.names]
    if absent:
        has = name_rows(stream.names)
        message = f"partition_by= names {name_rows(absent)}, which the layer does not have; it has {has}"
        raise SchemaError(message)
    if parts and line is not None:
        message = "pieces of a line name features by their order, which folders would change; leave partition_by= out"
        raise InputError(message)


def _set_down(table: Passing, folder: Path, rows: int) -> tuple[Stream, dict[int, str]]:
    """Write down what can be read only once, whole or not at all; say why rows have no shape that had one there."""
    record = folder / "_landed.json"
    told = {"digest": table.digest, "rows": table.rows}
    # what an earlier version set down does not say which rows lost their shape, and is set down anew
    landed = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    if "lost" not in landed or {name: landed.get(name) for name in told} != told:
        shutil.rmtree(folder, ignore_errors=True)
        count, lost = 0, list[tuple[int, str]]()
        for number, frame in enumerate(table.stretches(rows, told=lost)):
            plain = frame.rename_geometry("geometry") if frame.geometry.name != "geometry" else frame
            sink = io.BytesIO()
            plain.to_parquet(sink, index=False, row_group_size=_ROWS)
            write_whole(folder / f"part-{number:06d}.parquet", sink.getvalue())
            count += len(frame)
        if count != table.rows:
            message = (
                f"{table.title} said it has {table.rows} rows and gave {count}; open it again and prepare it again"
            )
            raise InputError(message)
        landed = {**told, "lost": lost}
        write_whole(record, json.dumps(landed, ensure_ascii=False).encode("utf-8"))
    return open_stream(folder), {int(row): str(what) for row, what in landed["lost"]}


def _declared(line: str, rules: DeclaresLines | None) -> ControlLine:
    known = dict(control_lines()) | ({one.id: one for one in rules.lines} if rules is not None else {})
    if line not in known:
        message = f"line {line!r} is not declared; known are {', '.join(known)}. Declare it in a rulebook: rules=..."
        raise SchemaError(message)
    return known[line]


def _fragments(work: str, case: _Case, out: Path, stretches: Sequence[tuple[int, int]], print_: str) -> list[Fragment]:
    given = write_case(case, out)
    return [
        Fragment(number, start, stop, f"ecozones.large.preparing:{work}", given, str(out), print_)
        for number, (start, stop) in enumerate(stretches)
    ]


# ------------------------------------------------------------------------------------------------ the first pass


def find_keys(fragment: Fragment) -> Outcome:
    """
    Read where the rows of one fragment lie, and what their ids are known by.

    Parameters
    ----------
    fragment
        Which rows.

    Returns
    -------
    Outcome
        ``keys``: middle of the box of each row; for a line also two hashes of its id, and whether that is a fraction.
    """
    case: _Case = read_case(fragment)
    boxes = case.source.boxes(fragment.start, fragment.stop)
    # a row that lies nowhere would stretch the curve until all others stood at one place of it
    off = off_the_map(gpd.GeoSeries(shapely.box(*boxes.T), crs=case.source.crs), case.source.label)
    boxes[list(off)] = np.nan
    table = pd.DataFrame({"x": (boxes[:, 0] + boxes[:, 2]) / 2, "y": (boxes[:, 1] + boxes[:, 3]) / 2})
    field = None if case.line is None else id_field(case.source.names, case.line)
    if field is not None:
        beside = [] if prepared_root(case.source) is None else [ROW]
        read = case.source.read(fragment.start, fragment.stop, [str(field), *beside], told=[])
        values = numbered(case.source, read)[str(field)]
        number = _numbers(values.index)
        fraction = np.zeros(len(values), dtype=bool)
        if pd.api.types.is_float_dtype(values):
            fraction = (values % 1 != 0).to_numpy() & values.notna().to_numpy()
        ids = stated_ids(values, number, whole=False)[0].to_numpy(dtype=object)
        first, second = (pd.util.hash_array(ids, hash_key=key, categorize=False) for key in _HASH_KEYS)
        table = table.assign(first=first, second=second, fraction=fraction, row=values.index.to_numpy())
    return Outcome({"keys": table}, len(table), len(table), none_refused())


def _learn(
    case: _Case, out: Path, stretches: Sequence[tuple[int, int]], print_: str, part_rows: int, engine: object
) -> _Case:
    """Find where the curve must be cut so that no part holds many more rows than the others."""
    carry_out(out, _fragments("find_keys", case, out, stretches, print_), tables=("keys",), engine=engine)
    parts = sorted((out / "keys").glob("part-*.parquet"))
    lows, highs = [], []
    for path in parts:
        middle = pd.read_parquet(path, columns=["x", "y"]).to_numpy()
        sound = middle[np.isfinite(middle).all(axis=1)]
        if len(sound):
            lows.append(sound.min(axis=0))
            highs.append(sound.max(axis=0))
    if not lows:
        return case
    low, high = np.min(lows, axis=0), np.max(highs, axis=0)
    bounds = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    keys = np.concatenate([_curve(pd.read_parquet(path, columns=["x", "y"]).to_numpy(), bounds) for path in parts])
    keys.sort()
    ends = np.unique(keys[part_rows::part_rows])
    repeated, whole = _repeated_ids(parts) if case.line is not None else (None, False)
    return dataclasses.replace(case, bounds=bounds, ends=ends, repeated=repeated, whole_ids=whole)


def _curve(middle: Floats, bounds: tuple[float, float, float, float]) -> Keys:
    """Say how far along the curve each place is; what has no place comes first, and is refused later."""
    keys = np.zeros(len(middle), dtype=np.uint32)
    low, high = np.array(bounds[:2]), np.array(bounds[2:])
    sound = np.flatnonzero(np.isfinite(middle).all(axis=1))
    for start in range(0, len(sound), _POINTS):
        rows = sound[start : start + _POINTS]
        place = np.clip(middle[rows], low, high)
        points = gpd.GeoSeries(shapely.points(place))
        keys[rows] = points.hilbert_distance(total_bounds=bounds, level=_LEVEL).to_numpy()
    return keys


def _repeated_ids(parts: Sequence[Path]) -> tuple[tuple[NDArray[np.intp], NDArray[np.intp]] | None, bool]:
    """Find the rows whose id earlier rows have, without holding a single id."""
    if "first" not in pq.read_schema(parts[0]).names:
        return None, False
    whole = not any(pd.read_parquet(path, columns=["fraction"])["fraction"].any() for path in parts)
    first = np.concatenate([pd.read_parquet(path, columns=["first"])["first"].to_numpy() for path in parts])
    ordered = np.sort(first)
    shared = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    rows = np.flatnonzero(np.isin(first, shared))
    if not len(rows):
        return None, whole
    second = np.concatenate([pd.read_parquet(path, columns=["second"])["second"].to_numpy() for path in parts])[rows]
    number = np.concatenate([pd.read_parquet(path, columns=["row"])["row"].to_numpy() for path in parts])[rows]
    ids = pd.DataFrame({"first": first[rows], "second": second}, index=number).sort_index()
    again = ids.groupby(["first", "second"]).cumcount().to_numpy()
    return (ids.index.to_numpy()[again > 0].astype(np.intp), again[again > 0].astype(np.intp)), whole


def _numbers(rows: pd.Index) -> pd.Series:
    return pd.Series((rows.to_numpy() + 1).astype(str), index=rows, dtype=object)


# ----------------------------------------------------------------------------------------------- the second pass


def lay_out(fragment: Fragment) -> Outcome:
    """
    Check the rows of one fragment, and lay them out by the stretch of the curve they belong to.

    Parameters
    ----------
    fragment
        Which rows.

    Returns
    -------
    Outcome
        ``spill``: Parquet with a row group for each stretch of the curve; ``report``: what the rows were told.
    """
    case: _Case = read_case(fragment)
    told: list[tuple[int, str]] = []
    read = numbered(case.source, case.source.read(fragment.start, fragment.stop, told=told))
    middle = pd.DataFrame(_middle(read), index=read.index)
    said = {"rings were closed": "closed", "arcs are drawn as chords": "drawn"}
    # a prepared layer, whose rows have other numbers, holds nothing of which this would be told
    listed = [(row, what, said[what]) for row, what in told if what in said]
    lost = {**case.lost, **{row: what for row, what in told if what not in said}}
    tall = shapely.has_z(read.geometry.to_numpy()) | shapely.has_m(read.geometry.to_numpy())
    listed += [(int(row), "has heights or measures", "flattened") for row in read.index[tall]]
    flat, _ = drop_heights(read)
    anything = case.line is None and not case.polygons_only
    sound, ledger, refused = _sound(flat, case.source.label, lost, anything=anything)
    rows = sound.index.to_numpy()
    content = sound[[*sound.columns.difference(["geometry", ROW], sort=False), "geometry"]]
    if case.line is not None:
        content, said_of_names = _named(content, case)
        listed += said_of_names
    key = np.zeros(0, np.uint32)
    if case.bounds is not None:
        key = _curve(middle.loc[sound.index].to_numpy(), case.bounds)
    table = pd.concat(
        [pd.DataFrame(listed, columns=LISTED[:3]), ledger.assign(done="repaired"), refused.assign(done=REFUSED)]
    ).reindex(columns=LISTED)
    return Outcome(
        {
            "spill": _spill(content, rows, key, case.ends),
            "report": plain_kinds(table.sort_values("row", kind="stable").astype(KINDS)),
        },
        len(read),
        len(sound),
        refused,
    )


def _middle(frame: gpd.GeoDataFrame) -> Floats:
    boxes = np.asarray(shapely.bounds(frame.geometry.to_numpy())).reshape(-1, 4)
    return np.column_stack([(boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2])


def _sound(
    frame: gpd.GeoDataFrame, what: str, lost: Mapping[int, str], *, anything: bool
) -> tuple[gpd.GeoDataFrame, pd.DataFrame, pd.DataFrame]:
    """Keep the rows that have a place, polygons repaired if need be; the others are told with the reason."""
    refused: dict[int, str] = {}
    whole, shapes = frame, frame.geometry.to_numpy()
    loose = np.isin(shapely.get_type_id(shapes), _LOOSE) & ~shapely.is_empty(shapes) & ~without_place(shapes)
    if anything:
        frame = frame[~loose]
    while True:
        try:
            repaired, ledger = repair_polygons(frame, what=what, on="list")
        except GeometryError as cause:
            if cause.problems is None:
                raise
            bad = dict(zip(cause.problems["row"], cause.problems["problem"], strict=True))
            refused |= {int(row): lost.get(int(row), str(reason)) for row, reason in bad.items()}
            frame = frame.drop(index=list(bad))
            continue
        if anything and loose.any():
            mended = whole.geometry.copy()
            mended.loc[repaired.index] = repaired.geometry
            repaired = whole.set_geometry(mended)[loose | whole.index.isin(repaired.index)]
        off = off_the_map(repaired, what)
        told = pd.DataFrame(sorted((refused | off).items()), columns=["row", "reason"])
        told = told.astype({"row": np.int64, "reason": object})
        return repaired.drop(index=list(off)), ledger[~ledger["row"].isin(list(off))], told


def off_the_map(frame: gpd.GeoDataFrame | gpd.GeoSeries, what: str) -> dict[int, str]:
    """Tell which rows cannot lie where their CRS says, and why; a fault that names no row is one of the layer."""
    if not len(frame):
        return {}
    try:
        check_crs(frame, what=what)
    except CRSError as cause:
        if cause.problems is None:
            raise
        return {int(row): str(reason) for row, reason in cause.problems[["row", "problem"]].itertuples(index=False)}
    return {}


def _named(frame: gpd.GeoDataFrame, case: _Case) -> tuple[gpd.GeoDataFrame, list[tuple[int, str, str]]]:
    """Give rows of a line its three columns, and list what was made of missing, repeated and unknown words."""
    assert case.line is not None
    ids, said = _own_ids(frame, case)
    named = name_features(frame, ids, case.line, [])
    fields = {str(name).lower(): name for name in frame.columns}
    field = next((fields[name] for name in case.line.subzone_fields if name in fields), None)
    if field is not None:
        unknown = named["subzone"].isna() & frame[field].notna() & (frame[field].astype(str).str.strip() != "")
        said += [(int(row), f"sub-zone {frame[field][row]!r} is not known", "kept") for row in frame.index[unknown]]
    return named, said


def _own_ids(frame: gpd.GeoDataFrame, case: _Case) -> tuple[pd.Series, list[tuple[int, str, str]]]:
    """Give every row the id that the plan would give it, had it seen the whole layer."""
    assert case.line is not None
    number = _numbers(frame.index)
    field = id_field(frame.columns.drop("geometry"), case.line)
    if field is None:
        return number, []
    values = frame[field]
    ids, missing = stated_ids(values, number, whole=case.whole_ids and pd.api.types.is_float_dtype(values))
    said = [(int(row), "states no id", "kept") for row in frame.index[missing]]
    if case.repeated is None:
        return ids, said
    rows, again = case.repeated
    place = np.minimum(np.searchsorted(rows, frame.index.to_numpy()), len(rows) - 1)
    later = rows[place] == frame.index.to_numpy()
    said += [(int(row), f"repeats the id {ids[row]!r} of an earlier row", "kept") for row in frame.index[later]]
    own = ids + "#" + pd.Series((again[place] + 1).astype(str), index=frame.index, dtype=object)
    return ids.where(~later, own), said


def _spill(frame: gpd.GeoDataFrame, rows: NDArray[np.intp], key: Keys, ends: Keys) -> bytes:
    order = np.lexsort((rows, key))
    plain = pd.DataFrame(frame.drop(columns="geometry")).iloc[order]
    table = pa.Table.from_pandas(plain, preserve_index=False).replace_schema_metadata(None)
    table = table.append_column(ROW, pa.array(rows[order], pa.int64()))
    table = table.append_column(_KEY, pa.array(key[order], pa.uint32()))
    table = table.append_column("geometry", pa.array(shapely.to_wkb(frame.geometry.to_numpy()[order]), pa.binary()))
    stretch = np.searchsorted(ends, key[order], side="right")
    first = np.flatnonzero(np.r_[True, np.diff(stretch) > 0]) if len(stretch) else np.zeros(0, dtype=np.intp)
    numbers = json.dumps(stretch[first].tolist())
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, table.schema.with_metadata({"stretches": numbers})) as writer:
        for start, stop in itertools.pairwise([*first, len(stretch)]):
            writer.write_table(table.slice(start, stop - start), row_group_size=max(int(stop - start), 1))
    return sink.getvalue()


def _survey(spill: Sequence[Path], stretches: int) -> tuple[list[int], pa.Schema | None]:
    """Count the rows of every stretch of the curve, and find the kinds that hold the columns of all fragments."""
    counts = np.zeros(stretches, dtype=np.intp)
    schemas = []
    for path in spill:
        file = pq.ParquetFile(path)
        schemas.append(file.schema_arrow.remove_metadata())
        for group, stretch in enumerate(_stretches_of(file)):
            counts[stretch] += file.metadata.row_group(group).num_rows
    if not schemas:
        return [], None
    try:
        schema = pa.unify_schemas(schemas, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as cause:
        message = f"a column holds values of kinds that do not go together ({cause}); bring it to one kind"
        raise InputError(message) from cause
    texts = [pa.field(one.name, pa.string()) if pa.types.is_null(one.type) else one for one in schema]
    return counts.tolist(), pa.schema(texts)


def _stretches_of(file: pq.ParquetFile) -> list[int]:
    return list(json.loads((file.schema_arrow.metadata or {})[b"stretches"]))


# ------------------------------------------------------------------------------------------------------ the sort


def sort_stretch(fragment: Fragment) -> Outcome:
    """
    Sort one stretch of the curve; rows at one place stay in the order of the source.

    Parameters
    ----------
    fragment
        Which stretch: its first and last rows in the order of the curve.

    Returns
    -------
    Outcome
        ``features``, for a line ``pieces``, and ``repeats``: rows with the shape of an earlier one.
    """
    case: _Case = read_case(fragment)
    assert case.schema is not None
    tables = [case.schema.empty_table()]
    for name in case.spill:
        file = pq.ParquetFile(name)
        groups = [group for group, stretch in enumerate(_stretches_of(file)) if stretch == fragment.number]
        tables += [file.read_row_group(group, use_threads=False).replace_schema_metadata(None) for group in groups]
    table = pa.concat_tables(tables, promote_options="permissive").cast(case.schema)
    order = np.lexsort((table[ROW].to_numpy(), table[_KEY].to_numpy()))
    table = table.take(order)
    raw = table["geometry"].to_numpy(zero_copy_only=False)
    shapes = shapely.from_wkb(raw)
    columns = {name: series_of(table[name]) for name in table.column_names if name not in {_KEY, "geometry"}}
    frame = gpd.GeoDataFrame(plain_kinds(pd.DataFrame(columns)), geometry=shapes, crs=case.source.crs)
    bounds = shapely.total_bounds(shapes) if len(shapes) else np.full(4, np.nan)
    loose = np.isin(shapely.get_type_id(shapes), _LOOSE).sum()
    measures = pd.DataFrame(
        [[*bounds, shapely.get_num_coordinates(shapes).sum(), loose]], columns=[*_SIDES, "vertices", "loose"]
    )
    result: dict[str, pd.DataFrame | bytes] = {
        **split_table(FEATURES, frame, case.partition_by),
        "repeats": _repeats(frame, raw),
        "measures": measures.astype({"vertices": np.int64, "loose": np.int64}),
    }
    if case.line is not None and case.bounds is not None:
        result[PIECES] = _cut(shapes, fragment.start, case.bounds, case.source.crs)
    return Outcome(result, len(frame), len(frame), none_refused())


def _repeats(frame: gpd.GeoDataFrame, raw: NDArray[np.object_]) -> pd.DataFrame:
    """List the rows whose shape an earlier row has; they lie at one place, so that one stretch holds them all."""
    known = pd.Series(raw)
    again = known.duplicated(keep=False).to_numpy()
    few = pd.DataFrame(frame.drop(columns="geometry"))[again].assign(_shape=pd.factorize(known[again])[0])
    few = few.sort_values(ROW, kind="stable")
    first = few.groupby("_shape", sort=False)[ROW].transform("first")
    rest = few.drop(columns=[ROW]).astype(str)
    twin = few[ROW].groupby([rest[name] for name in rest.columns], sort=False).transform("first")
    later = (few[ROW] != first).to_numpy()
    reasons = [
        f"repeats row {same} in everything" if same != row else f"has the shape of row {shape}"
        for row, same, shape in zip(few[ROW][later], twin[later], first[later], strict=True)
    ]
    listed = {"row": few[ROW][later].to_numpy(), "reason": reasons, "done": "kept"}
    table = pd.DataFrame(listed).reindex(columns=LISTED)
    return plain_kinds(table.astype(KINDS))


def _cut(
    shapes: NDArray[np.object_], start: int, bounds: tuple[float, float, float, float], crs: pyproj.CRS | None
) -> gpd.GeoDataFrame:
    """Cut what is large; a feature of few vertices is its own piece and is not written twice."""
    large = np.flatnonzero(shapely.get_num_coordinates(shapes) > overlay.PIECE_VERTICES)
    pieces = overlay.cut(shapes[large], checked=True)
    frame = gpd.GeoDataFrame(
        {"feature": large[pieces.feature] + start, "piece": np.arange(len(pieces.feature))},
        geometry=pieces.geometry,
        crs=crs,
    )
    order = np.lexsort((frame["piece"].to_numpy(), _curve(_middle(frame), bounds)))
    return frame.iloc[order].reset_index(drop=True)


# ----------------------------------------------------------------------------------------------------- the record


def _gather_report(out: Path, before: pd.DataFrame) -> None:
    """Put together what the rows were told when they were laid out, now and before."""
    reports = [before] if len(before) else []
    reports += [pd.read_parquet(path) for path in sorted((out / _SPILL / "report").glob("part-*.parquet"))]
    listed = [one for one in reports if len(one)] or reports[:1]
    report = pd.concat(listed, ignore_index=True) if listed else pd.DataFrame(columns=LISTED)
    sink = io.BytesIO()
    report.to_parquet(sink, index=False)
    write_whole(out / REPORT, sink.getvalue())


def _finish(out: Path, run: LargeRun, stream: Stream, case: _Case, print_: str) -> Prepared:
    """Write down what the layer is, and clear away what it was made from."""
    folders = (FEATURES, PIECES, "repeats")
    files = [path for folder in folders for path in sorted((out / folder).rglob("part-*.parquet"))]
    parts = {str(path.relative_to(out)): _sha256(path) for path in [*files, out / REPORT]}
    measures = run.table("measures")
    repeats = [path for path in files if path.parent.name == "repeats"]
    assert stream.crs is not None
    told = {
        "fingerprint": print_,
        "digest": hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf-8")).hexdigest(),
        "parts": parts,
        "line": None if case.line is None else case.line.id,
        "crs": stream.crs.to_wkt(),
        "bounds": [*measures[_SIDES[:2]].min(), *measures[_SIDES[2:]].max()] if run.rows_done else None,
        "vertices": int(measures["vertices"].sum()),
        "loose": int(measures["loose"].sum()),
        "rows_in": run.rows_in,
        "rows_done": run.rows_done,
        "rows_refused": run.rows_refused,
        "fragments": run.fragments,
        "listed": pq.read_metadata(out / REPORT).num_rows + sum(pq.read_metadata(path).num_rows for path in repeats),
    }
    write_whole(out / PREPARED, json.dumps(told, ensure_ascii=False, sort_keys=True, indent=1).encode("utf-8"))
    for folder in (_LANDED, _KEYS, _SPILL):
        shutil.rmtree(out / folder, ignore_errors=True)
    return _prepared(out, told, resumed=run.resumed)


def _find_done(out: Path, print_: str) -> Prepared | None:
    """Find the layer if it was prepared just so, and every part is as it was written."""
    path = out / PREPARED
    if not path.is_file():
        return None
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return None
    parts = told.get("parts", {})
    same = told.get("fingerprint") == print_
    if same and all((out / part).is_file() and _sha256(out / part) == digest for part, digest in parts.items()):
        return _prepared(out, told, resumed=told["fragments"])
    # half of an old layer must not be taken for a whole one while a new one is made
    path.unlink()
    return None


def _prepared(out: Path, told: Mapping[str, Any], *, resumed: int) -> Prepared:
    counts = {name: told[name] for name in ("rows_in", "rows_done", "rows_refused", "fragments", "digest", "listed")}
    return Prepared(out, **counts, resumed=resumed)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
