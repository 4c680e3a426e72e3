"""How much ground is in conflict, in all: the table on disk summed pair by pair, each piece of ground once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecozones.area import AreaMethod
from ecozones.conflicts.common_ground import (
    Numbers,
    Place,
    Rows,
)
from ecozones.conflicts.totals import sum_conflicts
from ecozones.engines.fragments import split
from ecozones.large.shared_ground import SIDES, parts_in
from ecozones.restoration.footprints import ground_components
from ecozones.streams import ParquetStream
from ecozones.units import DECIMALS, AreaUnit, from_m2, round_half_up

_SUMS = ["sum_m2", "union_m2", "again_m2", "real_m2", "artefact_m2", "net_m2"]
TOTALS = ["line_a", "line_b", "pairs", *_SUMS[:3], "error_m2", *_SUMS[3:]]


def total_area(folder: Path, lines: Sequence[str], method: AreaMethod, unit: AreaUnit) -> pd.DataFrame:
    """
    Sum the conflicts of each pair of lines, and of all: shared ground counted once beside the sum of its parts.

    Parameters
    ----------
    folder
        Where the table lies.
    lines
        All lines that were compared, in their order.
    method
        How area was measured.
    unit
        Of the last column.

    Returns
    -------
    DataFrame
        ``line_a, line_b, pairs, sum_m2, union_m2, again_m2, error_m2, real_m2, artefact_m2, net_m2`` and the union in
        `unit`; the last row is of all pairs. [m²]
    """
    stream = parts_in(folder)
    assert stream.crs is not None
    pairs = pd.DataFrame({f"line_{side}": stream.column(f"line_{side}").astype(str) for side in SIDES})
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
    return table[[*TOTALS, f"union_{unit}"]]


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
