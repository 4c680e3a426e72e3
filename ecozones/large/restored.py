"""
What was really restored, for registers of any size.

Records whose boxes hang together are worked together, and nothing else needs to be: the ground of one such component
is united and measured once, in one fragment, and totals are exact sums over components. So the numbers are those of
:func:`ecozones.measure_restored` on a frame in memory, to the last bit, whatever the fragments.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecozones.area import AreaMethod
from ecozones.capsule import digest
from ecozones.crs import check_crs
from ecozones.engines.fragments import Fragment, Outcome, split, write_whole
from ecozones.errors import CRSError, GeometryError, InputError, SchemaError, name_rows
from ecozones.large.prepared import ROW, left_out, prepared_root, warn_of_changes
from ecozones.large.preparing import prepare
from ecozones.large.run import LargeRun, carry_out, fingerprint, held, read_case, read_part, write_case
from ecozones.large.sums import add_up, sum_by
from ecozones.large.tables import plain_kinds, split_table
from ecozones.options import check_districts, check_options, plain
from ecozones.plan import ZoningPlan
from ecozones.restoration.footprints import ground_components, join_pairs
from ecozones.restoration.measuring import Attribution, measure_restored, restored_summands
from ecozones.rulebook import Rulebook, as_day, load_rules
from ecozones.streams import PREPARED, ParquetStream, Stream, open_stream
from ecozones.units import from_m2

TABLES = ("records", "sums", "projects")
_ROWS = 20_000
_LARGEST = 200_000
_BLOCK = 200_000
_HA = 1e4
_ORDER, _READY = "_order", "ready"

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class LargeRestored(LargeRun):
    """
    The answer of :func:`measure_restored_in`.

    Parameters
    ----------
    by
        Columns that were grouped by; empty for a row per record.
    components, largest
        How many groups of records hang together, and how many records the largest has.
    stated
        Whether records state an area of their own.
    """

    by: tuple[str, ...] = ()
    components: int = 0
    largest: int = 0
    stated: bool = False

    def table(self, name: str) -> pd.DataFrame:
        """
        Read a table whole.

        Parameters
        ----------
        name
            ``"records"`` (without `by`) or ``"refused"``.

        Returns
        -------
        DataFrame
            In the order of the rows in their file.
        """
        table = super().table(name)
        key = ROW if ROW in table.columns else "row"
        return table.sort_values(key, kind="stable", ignore_index=True) if key in table.columns else table

    def groups(self) -> pd.DataFrame:
        """
        Sum by groups.

        Returns
        -------
        DataFrame
            As :func:`ecozones.measure_restored` gives it, without the ground itself.

        Raises
        ------
        InputError
            The records were not grouped.
        """
        if not self.by:
            message = "records were measured one by one; call measure_restored_in with by= to group them"
            raise InputError(message)
        keys = list(self.by)
        sums, projects = (
            pd.concat(
                [read_part(path) for path in sorted((self.folder / name).glob("part-*.parquet"))], ignore_index=True
            )
            for name in ("sums", "projects")
        )
        added = add_up(sums, [*keys, "_what"], "_value")
        number = added.groupby(keys, dropna=False, sort=True).ngroup().to_numpy()
        table = added[keys].iloc[np.unique(number, return_index=True)[1]].reset_index(drop=True)
        value, count = {}, {}
        for what in dict.fromkeys(["activity", "ground", *added["_what"]]):
            own = (added["_what"] == what).to_numpy(dtype=bool)
            value[what], count[what] = np.full(len(table), np.nan), np.zeros(len(table), dtype=np.intp)
            value[what][number[own]], count[what][number[own]] = added["_value"][own], added["_rows"][own]
        table["projects"] = projects.drop_duplicates().groupby(keys, dropna=False, sort=True).size().to_numpy()
        table["records"] = count["activity"]
        table["activity_ha"], table["footprint_ha"] = value["activity"] / _HA, value["ground"] / _HA
        table["footprint_mu"] = from_m2(value["ground"], "mu")
        table["repeated_ha"] = (value["activity"] - value["ground"]) / _HA
        table["counted_ha"] = value.get("counted", np.full(len(table), np.nan)) / _HA
        if self.stated:
            table["stated_ha"] = value.get("stated", np.full(len(table), np.nan)) / _HA
            table["without_stated"] = count["activity"] - count.get("stated", np.zeros(len(table), dtype=np.intp))
        return table


@dataclasses.dataclass(frozen=True)
class _Case:
    source: ParquetStream
    by: tuple[str, ...]
    options: dict[str, Any]
    partition_by: tuple[str, ...]


def measure_restored_in(
    source: str | Path | Stream,
    folder: str | Path,
    *,
    layer: str | None = None,
    by: str | Sequence[str] | None = None,
    attribution: Attribution = "report_only",
    priority: Sequence[str] = (),
    districts: gpd.GeoDataFrame | None = None,
    plan: ZoningPlan | None = None,
    rules: Rulebook | str | None = None,
    on: dt.date | str | None = None,
    method: AreaMethod = "national",
    partition_by: str | Sequence[str] = (),
    engine: Any = None,  # noqa: ANN401 - engines share no type
    rows: int = _ROWS,
    largest: int = _LARGEST,
    progress: bool = False,
) -> LargeRestored:
    """
    Measure activity and footprint of a register of any size.

    Parameters
    ----------
    source
        Anything that :func:`ecozones.prepare` takes, or a folder that it has made; with the columns that
        :func:`ecozones.measure_restored` uses.
    folder
        Where the tables go, and the prepared register; workers on other machines must see it under the same path.
    layer
        Which layer of the file, where it holds several.
    by, attribution, priority, districts, method
        As for :func:`ecozones.measure_restored`.
    plan, rules, on
        As for :func:`ecozones.measure_restored`, for a row per record only.
    partition_by
        Columns to write the table ``records`` in folders by.
    engine
        As for :func:`ecozones.engines.run`.
    rows
        Records in a fragment, as near as whole components allow; no number depends on it.
    largest
        The most records that may hang together: they are worked at once, and take about 5 KB each.
    progress
        Show how far it is on the standard error stream.

    Returns
    -------
    LargeRestored
        Without `by` the table ``records``, as :func:`ecozones.measure_restored` gives it, and ``source_row``; with it
        :meth:`LargeRestored.groups`; and the account.

    Raises
    ------
    SchemaError
        A column that is asked for is missing.
    InputError
        More records hang together than `largest`, or an option has no meaning here.
    CRSError
        The records cannot be placed on the ground.
    EngineError
        A record is not accounted for, or none could be measured.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from ecozones.testing import chessboard
    >>> board = chessboard(2).iloc[[0, 0, 1]].assign(project_id=["A", "B", "C"])
    >>> with TemporaryDirectory() as place:
    ...     board.to_parquet(f"{place}/register.parquet")
    ...     restored = measure_restored_in(f"{place}/register.parquet", f"{place}/out", by="total", engine=1)
    ...     restored.groups()[["records", "activity_ha", "footprint_ha"]].round(1).values.tolist()
    [[3.0, 300.0, 200.0]]
    """
    by, priority, partition_by = plain(by), plain(priority), plain(partition_by)
    rows, largest, engine = plain(rows), plain(largest), plain(engine)
    check_options(
        "measure_restored_in",
        {
            "folder": folder, "layer": layer, "by": by, "attribution": attribution, "priority": priority,
            "districts": districts, "plan": plan, "rules": rules, "on": on, "method": method,
            "partition_by": partition_by, "engine": engine, "rows": rows, "largest": largest, "progress": progress,
        },
    )  # fmt: skip
    out = Path(folder).resolve()
    keys = () if by is None else (by,) if isinstance(by, str) else tuple(dict.fromkeys(by))
    _check_together(keys, by, attribution, priority, districts, plan, partition_by)
    if districts is not None:
        check_crs(districts, what="districts")
    parts = (partition_by,) if isinstance(partition_by, str) else tuple(partition_by)
    # one day for every fragment, and another run tomorrow
    day = dt.datetime.now(tz=dt.UTC).astimezone().date() if on is None else as_day(on)
    book = rules if isinstance(rules, Rulebook) else load_rules(rules or "CN")
    options: dict[str, Any] = {"attribution": attribution, "priority": tuple(priority), "method": method}
    options |= {"districts": districts} if keys else {"plan": plan, "rules": book, "on": day}
    opened = open_stream(source, layer=layer)
    _check_columns(opened, keys, parts, options)
    with held(out):
        stream = _ready(opened, out, engine)
        print_ = fingerprint(
            {
                "verb": "measure_restored",
                "source": stream.identity(),
                "by": list(keys),
                "options": [attribution, list(priority), method, list(parts), rows],
                "day": "" if plan is None else day.isoformat(),
                "districts": "" if districts is None else digest(districts),
                "plan": "" if plan is None else _said_of(plan),
                "rules": "" if keys else book.version,
            }
        )
        label = _components(
            np.concatenate([np.zeros((0, 4)), *(stream.boxes(*some) for some in split(stream.rows, _BLOCK))])
        )
        order = np.argsort(label, kind="stable")
        sizes = _check_sizes(label, order, stream, largest)
        sink = io.BytesIO()
        np.save(sink, order)
        # named by what it rests on, so that no other run can be taken for this one
        path = out / f"{_ORDER}-{print_[:12]}.npy"
        write_whole(path, sink.getvalue())
        given = {**write_case(_Case(stream, keys, options, parts), out), "order": path.name}
        fragments = [
            Fragment(number, start, stop, "ecozones.large.restored:measure_fragment", given, str(out), print_)
            # a register without rows still has columns
            for number, (start, stop) in enumerate(_pack(sizes, rows) or [(0, 0)])
        ]
        fragments += left_out(stream.root, len(fragments), out, print_)
        run = carry_out(
            out, fragments, tables=TABLES, engine=engine, progress=progress, what="records", told={"by": list(keys)}
        )
        # this run's, and those of runs that were killed and never taken up again
        for left in out.glob(f"{_ORDER}-*.npy"):
            left.unlink()
        return LargeRestored(
            **{field.name: getattr(run, field.name) for field in dataclasses.fields(run)},
            by=keys,
            components=len(sizes),
            largest=int(sizes.max(initial=0)),
            stated="stated_area_m2" in stream.names,
        )


# columns that records have when they are measured, whatever the register holds
_MADE = {"total", "programme", "sub_project", "patch_id", "type", "year", "stage", "district"}


def _check_together(
    keys: Sequence[str],
    by: object,
    attribution: str,
    priority: Sequence[str],
    districts: gpd.GeoDataFrame | None,
    plan: object,
    partition_by: object,
) -> None:
    """Refuse options that mean something alone and nothing in their company."""
    if by is not None and not keys:
        message = "by=[] groups by nothing; write by='total' for one row, or leave it out for one row per record"
        raise InputError(message)
    if attribution == "priority" and not priority:
        message = "attribution='priority' needs priority=[...], the programmes in the order in which they keep ground"
        raise InputError(message)
    if districts is not None and "district" not in keys:
        message = "districts= was given but by= does not name 'district'; write by='district', or leave districts out"
        raise InputError(message)
    check_districts(districts)
    if plan is not None and keys:
        message = (
            "with a plan, registers of any size are measured record by record, for the ground of a group is no sum of "
            "parts there; leave by= out, or measure each group in memory with measure_restored"
        )
        raise InputError(message)
    if partition_by and keys:
        message = "partition_by= puts records in folders, and by= asks for groups; leave one of the two out"
        raise InputError(message)


def _check_columns(stream: Stream, keys: Sequence[str], parts: Sequence[str], options: Mapping[str, Any]) -> None:
    """Refuse columns that the register, or its answer, does not have."""
    named = {"a register needs": ["project_id"], "by= names": keys}
    missing = {who: [name for name in names if name not in {*stream.names, *_MADE}] for who, names in named.items()}
    if any(missing.values()):
        told = ", ".join(f"{who} {', '.join(names)}" for who, names in missing.items() if names)
        message = f"{stream.label} has no such column: {told}; it has {', '.join(stream.names)}"
        raise SchemaError(message)
    if not parts or stream.crs is None:
        return
    known = [ROW, *measure_restored(stream.read(0, 0), **options).columns.drop("geometry")]
    foreign = [name for name in parts if name not in known]
    if foreign:
        has = name_rows(known, shown=len(known))
        message = f"partition_by= names {name_rows(foreign)}, which records do not have; they have {has}"
        raise SchemaError(message)


def _ready(stream: Stream, out: Path, engine: object) -> ParquetStream:
    """Open a register that is prepared and holds polygons only, or prepare it beside the results."""
    root = prepared_root(stream)
    # the box of a line hangs records together that share no ground
    if root is None or json.loads((root / PREPARED).read_text(encoding="utf-8")).get("loose", 0):
        layer = prepare(stream, out / _READY, engine=engine, polygons_only=True)
        warn_of_changes(layer, stream.label)
        stream = open_stream(layer.folder)
    assert isinstance(stream, ParquetStream)
    return stream


def _said_of(plan: ZoningPlan) -> list[object]:
    """Name all that a plan says of the ground."""
    said = repr(dict(plan.control_lines)).encode("utf-8")
    return [
        {line: plan.digest(line) for line in plan.lines},
        "" if plan.extent is None else digest(plan.extent),
        {line: digest(frame) for line, frame in plan.coverage.items()},
        hashlib.sha256(said).hexdigest(),
    ]


def _components(boxes: Floats) -> Rows:
    """
    Find what hangs together by boxes, a strip of them at a time, from west to east.

    Boxes that reach into a later strip are carried along; what is held are the numbers of the boxes, not their shapes.
    """
    parent = np.arange(len(boxes))
    order = np.argsort(boxes[:, 0], kind="stable")
    carried = np.zeros(0, dtype=np.intp)
    for start, stop in split(len(order), _BLOCK):
        rows = np.r_[carried, order[start:stop]]
        root = _roots(parent, rows)
        label = ground_components(boxes[rows])
        roots, place = np.unique(root, return_inverse=True)
        parent[roots] = roots[join_pairs(len(roots), place, place[label])]
        east = boxes[order[stop], 0] if stop < len(order) else np.inf
        carried = rows[boxes[rows, 2] >= east]
    return _roots(parent, np.arange(len(boxes)))


def _roots(parent: Rows, rows: Rows) -> Rows:
    root = parent[rows]
    while (parent[root] != root).any():
        root = parent[root]
    return root


def _check_sizes(label: Rows, order: Rows, stream: ParquetStream, largest: int) -> Rows:
    """Count the records of each component, in the order in which they are worked."""
    first = np.flatnonzero(np.r_[True, np.diff(label[order]) > 0][: len(order)])
    sizes = np.diff(np.r_[first, len(order)])
    if sizes.max(initial=0) > largest:
        place = int(np.argmax(sizes))
        row = int(order[first[place]])
        west, south, east, north = stream.boxes(row, row + 1)[0]
        message = (
            f"{stream.label}: {sizes[place]:,} records hang together by their boxes, one of them row {row} at "
            f"{(west + east) / 2:.6g}, {(south + north) / 2:.6g}; they are worked at once, and largest= allows "
            f"{largest:,}. Raise largest= if there are some {sizes[place] * 5 / 1e6:.1f} GB for a worker, or measure "
            "the register district by district"
        )
        raise InputError(message)
    return sizes


def _pack(sizes: Rows, rows: int) -> list[tuple[int, int]]:
    """Put whole components together until there are enough records for a fragment."""
    stretches, start, stop = [], 0, 0
    for size in sizes.tolist():
        stop += size
        if stop - start >= rows:
            stretches.append((start, stop))
            start = stop
    if stop > start:
        stretches.append((start, stop))
    return stretches


def measure_fragment(fragment: Fragment) -> Outcome:
    """
    Measure some components; records that cannot be measured are put aside with the reason.

    Parameters
    ----------
    fragment
        Which records, in the order of their components.

    Returns
    -------
    Outcome
        ``records``, or ``sums`` and ``projects`` of groups.
    """
    case: _Case = read_case(fragment)
    order = np.load(Path(fragment.out) / fragment.given["order"], mmap_mode="r")
    frame = case.source.take(np.sort(order[fragment.start : fragment.stop]))
    frame = frame.sort_values(ROW, kind="stable").reset_index(drop=True)
    refused: dict[int, str] = {}
    tables: dict[str, pd.DataFrame] = {}
    while not tables:
        try:
            tables = _measure(frame, case)
        except (SchemaError, GeometryError, CRSError) as cause:
            bad = _blamed(frame, case, cause)
            if not bad:
                raise
            refused |= {int(frame[ROW].loc[row]): reason for row, reason in bad.items()}
            frame = frame.drop(index=list(bad)).reset_index(drop=True)
    reasons = pd.DataFrame(sorted(refused.items()), columns=["row", "reason"])
    rows = fragment.stop - fragment.start
    return Outcome(tables, rows, rows - len(reasons), reasons.astype({"row": np.int64, "reason": object}))


def _blamed(frame: gpd.GeoDataFrame, case: _Case, cause: InputError) -> dict[int, str]:
    """Say which records are to blame, by their place in the frame, and why; nothing where it is none by itself."""
    problems = cause.problems
    if problems is not None and {"row", "column"} <= set(problems.columns):
        # what is said of a column is said of the register, row by row
        told = problems.drop(columns="row").astype(str).agg(" ".join, axis=1)
        return dict(zip(problems["row"].astype(int), told, strict=True))
    # what fails later is counted in pieces of ground, so that each half is asked by itself
    if len(frame) == 1:
        return {int(frame.index[0]): str(cause)}
    bad: dict[int, str] = {}
    for half in (frame.iloc[: len(frame) // 2], frame.iloc[len(frame) // 2 :]):
        try:
            _measure(half.reset_index(drop=True), case)
        except (SchemaError, GeometryError, CRSError) as again:
            found = _blamed(half.reset_index(drop=True), case, again)
            bad |= {int(half.index[row]): reason for row, reason in found.items()}
    return bad


def _measure(frame: gpd.GeoDataFrame, case: _Case) -> dict[str, pd.DataFrame]:
    if not case.by:
        table = measure_restored(frame, **case.options)
        front = [ROW, *table.columns.drop(ROW)]
        return dict(split_table("records", plain_kinds(table[front]), case.partition_by))
    summands = restored_summands(frame, by=list(case.by), **case.options)
    projects = summands.loc[summands["_what"] == "activity", [*case.by, "_project"]].drop_duplicates()
    sums = sum_by(summands, [*case.by, "_what"], "_value")
    return {
        "sums": plain_kinds(sums),
        "projects": plain_kinds(projects.assign(_project=projects["_project"].astype(str))),
    }
