"""The ground area of every polygon of a layer of any size, and sums that do not depend on how it was read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ecozones.area import AreaMethod, measure_area
from ecozones.crs import check_crs
from ecozones.engines.fragments import Fragment, Outcome, split
from ecozones.errors import CRSError, GeometryError, MissingCRSError, RepairWarning, SchemaError, name_rows
from ecozones.geometry import without_place
from ecozones.large.prepared import ROW, left_out, mended_before, numbered, prepared_root
from ecozones.large.run import LargeRun, carry_out, fingerprint, held, read_case, read_part, write_case
from ecozones.large.sums import add_up, sum_by
from ecozones.large.tables import plain_kinds, split_table
from ecozones.options import check_options, plain
from ecozones.streams import Stream, open_stream
from ecozones.telling import warn_caller
from ecozones.units import AreaUnit

TABLES = ("areas", "sums")
_ROWS = 50_000
_IDS = ("feature_id", "site_id", "id", "bsm", "dkbm")


@dataclasses.dataclass(frozen=True)
class LargeAreas(LargeRun):
    """
    The answer of :func:`measure_area_in`.

    Parameters
    ----------
    unit
        Unit of the areas.
    by
        Columns that areas are summed by.
    """

    unit: AreaUnit = "m2"
    by: tuple[str, ...] = ()

    def totals(self) -> pd.DataFrame:
        """
        Sum the areas, by the columns that were asked for.

        Returns
        -------
        DataFrame
            One row per group, missing values last: its columns, ``rows`` and ``area_<unit>``: exact sums, rounded
            once, whatever the fragments were. [unit]
        """
        column = f"area_{self.unit}"
        parts = [read_part(path) for path in sorted((self.folder / "sums").glob("part-*.parquet"))]
        if not parts:
            return pd.DataFrame({**{name: [] for name in self.by}, "rows": [], column: []})
        return add_up(pd.concat(parts, ignore_index=True), self.by, column).rename(columns={"_rows": "rows"})


@dataclasses.dataclass(frozen=True)
class _Case:
    source: Stream
    id: str | None
    by: tuple[str, ...]
    method: AreaMethod
    unit: AreaUnit
    rounded: bool
    partition_by: tuple[str, ...]


def measure_area_in(
    source: str | Path | Stream,
    folder: str | Path,
    *,
    layer: str | None = None,
    id_column: str | None = None,
    by: str | Sequence[str] = (),
    method: AreaMethod = "national",
    unit: AreaUnit = "m2",
    rounded: bool = True,
    partition_by: str | Sequence[str] = (),
    engine: Any = None,  # noqa: ANN401 - engines share no type
    rows: int = _ROWS,
    progress: bool = False,
) -> LargeAreas:
    """
    Measure the ground area of each polygon of a layer of any size.

    Memory is bounded by one fragment, not by the layer. A run that was interrupted goes on where it stood.

    Parameters
    ----------
    source
        As :func:`ecozones.streams.open_stream` takes it.
    folder
        Where the tables go; workers on other machines must see it, and the source, under the same path.
    layer
        Which layer of the file, where it holds several.
    id_column
        The column that names a row; left out: ``feature_id``, ``site_id``, ``id``, ``BSM`` or ``DKBM`` if there is one.
    by
        Columns to sum areas by, such as a district or a land class.
    method, unit, rounded
        As for :func:`ecozones.measure_area`.
    partition_by
        Columns to write the table ``areas`` in folders by (``areas/county=.../part-...parquet``).
    engine
        As for :func:`ecozones.engines.run`.
    rows
        Rows in a fragment; no number depends on it.
    progress
        Show how far it is on the standard error stream.

    Returns
    -------
    LargeAreas
        Tables ``areas`` (``row``, the id, the columns of `by` and `partition_by`, ``area_<unit>``) and ``refused``
        (``row``, ``reason``), and the account; :meth:`LargeAreas.totals` sums. Of a layer that was prepared, rows are
        numbered as in the source it was prepared from, and those that were refused there are refused here. [unit]

    Raises
    ------
    MissingCRSError
        The layer does not say what its coordinates mean.
    SchemaError
        A column is none of the layer, or is called as one of the answer.
    InputError
        The layer cannot be read, or a unit or method is not known.
    EngineError
        A row is not accounted for, or not one could be measured.

    Warns
    -----
    RepairWarning
        Polygons of a prepared layer are measured as they were mended.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from ecozones.testing import chessboard
    >>> with TemporaryDirectory() as place:
    ...     chessboard(2).to_parquet(f"{place}/squares.parquet")
    ...     areas = measure_area_in(f"{place}/squares.parquet", f"{place}/out", unit="ha", engine=1)
    ...     areas.totals().round(1).values.tolist()
    [[4.0, 400.0]]
    """
    by, partition_by, rows, engine = plain(by), plain(partition_by), plain(rows), plain(engine)
    rounded = plain(rounded)
    check_options(
        "measure_area_in",
        {
            "folder": folder, "layer": layer, "id_column": id_column, "by": by, "method": method, "unit": unit,
            "rounded": rounded, "partition_by": partition_by, "engine": engine, "rows": rows, "progress": progress,
        },
    )  # fmt: skip
    out = Path(folder).resolve()
    stream = open_stream(source, layer=layer)
    if stream.crs is None:
        message = f"{stream.label} has no CRS, so areas on the ground are not known; set it where the layer is made"
        raise MissingCRSError(message)
    case = _Case(
        stream,
        id_column or next((name for name in stream.names if name.lower() in _IDS), None),
        _listed(by),
        method,
        unit,
        rounded,
        _listed(partition_by),
    )
    asked = [*case.by, *case.partition_by, *([case.id] if case.id else [])]
    named = {"id_column": [id_column] if id_column else [], "by": case.by, "partition_by": case.partition_by}
    absent = {option: [name for name in names if name not in stream.names] for option, names in named.items()}
    if any(absent.values()):
        said = ", ".join(f"{option}= names {name_rows(names)}" for option, names in absent.items() if names)
        message = f"{stream.label} has no such column: {said}; it has {name_rows(stream.names)}"
        raise SchemaError(message)
    taken = sorted({"row", "rows", f"area_{unit}"} & set(asked))
    if taken:
        message = (
            f"{stream.label}: columns {name_rows(taken)} are called as those of the answer; rename them there first"
        )
        raise SchemaError(message)
    print_ = fingerprint(
        {
            "verb": "measure_area",
            "source": stream.identity(),
            "columns": asked,
            "options": [method, unit, rounded, list(case.by), list(case.partition_by)],
        }
    )
    with held(out):
        given = write_case(case, out)
        fragments = [
            Fragment(number, start, stop, "ecozones.large.areas:measure_fragment", given, str(out), print_)
            # a layer without rows still has columns
            for number, (start, stop) in enumerate(split(stream.rows, rows) or [(0, 0)])
        ]
        root = prepared_root(stream)
        if root is not None:
            fragments += left_out(root, len(fragments), out, print_)
        told = {"fingerprint": print_, "unit": unit, "method": method, "by": list(case.by)}
        run = carry_out(out, fragments, tables=TABLES, engine=engine, progress=progress, told=told)
        repaired = len(mended_before(stream))
        if repaired:
            message = f"{stream.label}: {repaired} polygons were mended when it was prepared; its report lists each"
            warn_caller(message, RepairWarning)
        return LargeAreas(
            **{field.name: getattr(run, field.name) for field in dataclasses.fields(run)}, unit=unit, by=case.by
        )


def measure_fragment(fragment: Fragment) -> Outcome:
    """
    Measure the polygons of one fragment; rows that cannot be measured are put aside with the reason.

    Parameters
    ----------
    fragment
        Which rows of which case.

    Returns
    -------
    Outcome
        The tables.
    """
    case: _Case = read_case(fragment)
    columns = list(dict.fromkeys([*([case.id] if case.id else []), *case.by, *case.partition_by]))
    told: list[tuple[int, str]] = []
    beside = [] if prepared_root(case.source) is None or ROW in columns else [ROW]
    read = case.source.read(fragment.start, fragment.stop, [*columns, *beside], told=told)
    read = numbered(case.source, read)
    lost = {row: what for row, what in told if what != "rings were closed"}
    geometry = read.geometry.to_numpy()
    bad = without_place(geometry)
    refused = {row: lost.get(row, "coordinates that are no numbers") for row in read.index[bad].tolist()}
    area = _measure(read[~bad], case, refused, lost)
    name = f"area_{case.unit}"
    table = pd.DataFrame(read.loc[area.index, columns])
    table.insert(0, "row", area.index.to_numpy())
    table[name] = area.to_numpy()
    reasons = pd.DataFrame(sorted(refused.items()), columns=["row", "reason"])
    return Outcome(
        {
            **split_table("areas", plain_kinds(table), case.partition_by),
            "sums": plain_kinds(sum_by(table, case.by, name)),
        },
        len(read),
        len(table),
        reasons.astype({"row": np.int64, "reason": object}),
    )


def _measure(frame: gpd.GeoDataFrame, case: _Case, refused: dict[int, str], lost: dict[int, str]) -> pd.Series:
    """Measure what can be measured; rows that cannot be are found by name, or by halves."""
    if not len(frame):
        return pd.Series(dtype=np.float64)
    try:
        check_crs(frame, what=case.source.label)
        return measure_area(frame, method=case.method, unit=case.unit, rounded=case.rounded)
    except (GeometryError, CRSError) as cause:
        problems = cause.problems
        if problems is not None and "row" in problems and set(problems["row"]) <= set(frame.index):
            bad = dict(zip(problems["row"], problems.iloc[:, -1].astype(str), strict=True))
            refused |= {int(row): str(lost.get(int(row), reason)) for row, reason in bad.items()}
            return _measure(frame.drop(index=list(bad)), case, refused, lost)
        if isinstance(cause, CRSError):
            # it names no rows, so it is the layer that cannot be measured
            raise
        if len(frame) == 1:
            row = int(frame.index[0])
            refused[row] = lost.get(row, _reason(frame.geometry.iloc[0], cause))
            return pd.Series(dtype=np.float64)
    half = len(frame) // 2
    return pd.concat([_measure(part, case, refused, lost) for part in (frame.iloc[:half], frame.iloc[half:])])


def _reason(shape: shapely.Geometry | None, cause: GeometryError) -> str:
    if shape is None:
        return "no geometry"
    return str(cause) if shapely.get_dimensions(shape) == 2 else f"{shape.geom_type} where a polygon should be"  # noqa: PLR2004


def _listed(names: str | Iterable[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))
