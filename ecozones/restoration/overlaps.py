"""Which projects share ground, what that means, and the certificate that proves the account."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any, get_args

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ecozones import overlay
from ecozones.area import AreaMethod, polygon_areas
from ecozones.errors import InputError, SchemaError
from ecozones.restoration.footprints import footprint
from ecozones.restoration.measuring import (
    NOISE_SHARE,
    Attribution,
    Pieces,
    attribute,
    divide_ground,
    group_numbers,
    overlay_reach,
    rank_records,
    ratio,
)
from ecozones.restoration.records import project_records
from ecozones.restoration_types import type_tables
from ecozones.shipped import shipped_table
from ecozones.units import HA

Rows = NDArray[np.intp]
Numbers = NDArray[np.float64]

_NOISE_HA = 1e-6

# a matrix of more projects than this is gigabytes of zeros; the table of pairs says the same
_MATRIX_LIMIT = 5_000


def overlap_pairs(projects: gpd.GeoDataFrame, *, method: AreaMethod = "national") -> gpd.GeoDataFrame:
    """
    List every two records that share ground, and what that means.

    Parameters
    ----------
    projects
        As for :func:`ecozones.measure_restored`.
    method
        How area is measured.

    Returns
    -------
    GeoDataFrame
        One row per pair, the earlier record first: ``project_a``, ``project_b``, ``patch_a``, ``patch_b``,
        ``programme_a``, ``programme_b``, ``year_a``, ``year_b``, ``type_a``, ``type_b``, ``shared_ha``,
        ``share_of_smaller``, ``sliver`` (below both tolerances of data/thresholds.toml), ``overlap_class``,
        ``reason``, ``geometry``. [ha]

        Classes: ``nested_types``, ``duplicate``, ``shared_plot``, ``layered``, ``repeated``, ``undetermined``.

    Examples
    --------
    >>> from ecozones.testing import chessboard
    >>> projects = chessboard(2).iloc[[0, 0]].assign(project_id=["P1", "P2"], programme="T", year=2024)
    >>> overlap_pairs(projects)[["project_a", "project_b", "overlap_class"]].values.tolist()
    [['P1', 'P2', 'duplicate']]
    """
    records = project_records(projects)
    geometry = records.geometry.to_numpy()
    order = np.empty(len(records), dtype=np.intp)
    order[rank_records(records, np.zeros(len(records)), "earliest", ()).argsort()] = np.arange(len(records))
    left, right = shapely.STRtree(geometry).query(geometry)
    once = order[left] < order[right]
    left, right = left[once], right[once]
    shared = overlay.keep_dimension(shapely.intersection(geometry[left], geometry[right]), np.full(len(left), 2))
    area = polygon_areas(shared, records.crs, method=method)
    whole = polygon_areas(geometry, records.crs, method=method)
    smaller = np.minimum(whole[left], whole[right])
    real = area > NOISE_SHARE * smaller
    left, right, shared, area, smaller = left[real], right[real], shared[real], area[real], smaller[real]
    place = np.lexsort((order[right], order[left]))
    left, right, shared, area, smaller = left[place], right[place], shared[place], area[place], smaller[place]
    facts = _facts(records)
    classes = [_classify(facts[a], facts[b]) for a, b in zip(left, right, strict=True)]
    table: dict[str, Any] = {}
    for name, column in (
        ("project", "project_id"), ("patch", "patch_id"), ("programme", "programme"),
        ("year", "year"), ("type", "type"),
    ):  # fmt: skip
        for side, rows in (("a", left), ("b", right)):
            table[f"{name}_{side}"] = records[column].to_numpy()[rows]
    share = ratio(area, smaller)
    limits = {name: check["value"] for name, check in shipped_table("thresholds")["checks"].items()}
    table |= {
        "shared_ha": area / HA,
        "share_of_smaller": share,
        "sliver": (share <= limits["sliver_share"]) & (area / HA <= limits["sliver_ha"]),
        "overlap_class": pd.Categorical(
            [found for found, _ in classes], categories=list(type_tables()["overlap_classes"])
        ),
        "reason": [reason for _, reason in classes],
    }
    return gpd.GeoDataFrame(table, geometry=shared, crs=records.crs)


@dataclasses.dataclass(frozen=True)
class _Facts:
    """What of a record decides the class of an overlap."""

    programme: str | None
    year: float
    types: frozenset[str]
    ended: bool


def _facts(records: gpd.GeoDataFrame) -> list[_Facts]:
    ended = {row["id"] for row in type_tables()["ended"]}
    return [
        _Facts(
            None if pd.isna(programme) or not str(programme).strip() else str(programme),
            year,
            frozenset() if types is None or pd.isna(types) else frozenset(str(types).split(",")),
            stage in ended,
        )
        for programme, year, types, stage in zip(
            records["programme"], records["_year"], records["_type"], records["_stage"], strict=True
        )
    ]


def _classify(early: _Facts, late: _Facts) -> tuple[str, str]:
    """Class an overlap, and say why; what is not known is never taken for harmless."""
    types = type_tables()["types"]
    under, over = ({types[name]["family"] for name in record.types} for record in (early, late))
    if under and over and under.isdisjoint(over):
        return "nested_types", f"{' and '.join(sorted(over))} on ground of {' and '.join(sorted(under))}"
    if np.isnan(early.year) or np.isnan(late.year):
        return "undetermined", "the year of a record is not known"
    return _classify_same_year(early, late) if early.year == late.year else _classify_later(early, late)


def _classify_same_year(one: _Facts, other: _Facts) -> tuple[str, str]:
    if one.programme is None or other.programme is None:
        return "undetermined", "same year, but the programme of a record is not known"
    if one.programme == other.programme:
        return "duplicate", f"both in {one.programme}, {one.year:.0f}"
    return "shared_plot", f"{one.programme} and {other.programme}, both {one.year:.0f}"


def _classify_later(early: _Facts, late: _Facts) -> tuple[str, str]:
    types = type_tables()["types"]
    years = f"in {late.year:.0f} on ground of {early.year:.0f}"
    if early.ended:
        return "layered", f"work done again {years}, which had ended without success"
    if not late.types:
        return "undetermined", f"work {years}; its type is not known, so neither is whether it follows up"
    if all(types[name]["follow_up"] for name in late.types):
        return "layered", f"follow-up {years}"
    return "repeated", f"first-time work {years}"


def overlap_classes(projects: gpd.GeoDataFrame, *, method: AreaMethod = "national") -> pd.DataFrame:
    """
    Sum the shared ground of projects by what the overlap means.

    Parameters
    ----------
    projects
        As for :func:`ecozones.measure_restored`.
    method
        How area is measured.

    Returns
    -------
    DataFrame
        One row per class, also those that do not occur: ``zh``, ``en``, ``pairs``, ``slivers`` (pairs within
        tolerance), ``shared_ha`` (the union of the shared ground of the class; classes may share ground with each
        other). [ha]

    Examples
    --------
    >>> from ecozones.testing import chessboard
    >>> projects = chessboard(2).iloc[[0, 0]].assign(project_id=["P1", "P2"], programme="T", year=2024)
    >>> overlap_classes(projects)["shared_ha"].round(1)["duplicate"]
    np.float64(100.0)
    """
    pairs = overlap_pairs(projects, method=method)
    words = pd.DataFrame.from_dict(type_tables()["overlap_classes"], orient="index").rename_axis("overlap_class")
    grouped = pairs.groupby("overlap_class", observed=False)
    united = np.array([footprint(part.to_numpy()) for _, part in grouped["geometry"]], dtype=object)
    return words.assign(
        pairs=grouped.size().to_numpy(),
        slivers=grouped["sliver"].sum().to_numpy(dtype=int),
        shared_ha=polygon_areas(united, pairs.crs, method=method) / HA,
    )


def overlap_matrix(
    projects: gpd.GeoDataFrame, *, by: str = "project_id", method: AreaMethod = "national"
) -> pd.DataFrame:
    """
    Tabulate the ground that every two projects share.

    Parameters
    ----------
    projects
        As for :func:`ecozones.measure_restored`.
    by
        The column whose values are compared: projects, or ``"programme"``, ``"year"``, ``"type"``.
    method
        How area is measured.

    Returns
    -------
    DataFrame
        Square and symmetric; the footprint of each on the diagonal, the ground two have in common elsewhere. [ha]

    Raises
    ------
    InputError
        There are so many that the matrix would be gigabytes of zeros; :func:`overlap_pairs` says the same in a list.

    Examples
    --------
    >>> from ecozones.testing import chessboard
    >>> board = chessboard(2).iloc[[0, 0, 1]].assign(project_id=["A", "B", "C"])
    >>> overlap_matrix(board).round(1).loc["A"].tolist()
    [100.0, 100.0, 0.0]
    """
    records = project_records(projects)
    if by not in records.columns:
        message = f"projects has no column {by!r} to compare by"
        raise SchemaError(message)
    number, names = group_numbers(records, [by])
    n = len(names)
    if n > _MATRIX_LIMIT:
        message = (
            f"a matrix of {n:,} x {n:,} would hold mostly zeros; use overlap_pairs, which lists those that share ground"
        )
        raise InputError(message)
    pieces = divide_ground(records.geometry.to_numpy())
    area = polygon_areas(pieces.geometry, records.crs, method=method)
    claims = np.unique(np.c_[pieces.piece, number[pieces.record]], axis=0)
    matrix = np.zeros((n, n))
    start = np.flatnonzero(np.r_[True, np.diff(claims[:, 0]) > 0]) if len(claims) else np.empty(0, dtype=np.intp)
    count = np.diff(np.r_[start, len(claims)])
    for size in np.unique(count):
        rows = start[count == size]
        members = claims[rows[:, None] + np.arange(size), 1]
        weight = area[claims[rows, 0]]
        for i, j in itertools.product(range(size), repeat=2):
            np.add.at(matrix, (members[:, i], members[:, j]), weight)
    labels = pd.Index(names[by], name=by)
    return pd.DataFrame(matrix / HA, index=labels, columns=labels)


def overlap_depth(projects: gpd.GeoDataFrame, *, method: AreaMethod = "national") -> gpd.GeoDataFrame:
    """
    Measure how much ground is claimed once, twice, three times and so on.

    Parameters
    ----------
    projects
        As for :func:`ecozones.measure_restored`.
    method
        How area is measured.

    Returns
    -------
    GeoDataFrame
        One row per depth that occurs: ``depth`` (how many records claim the ground), ``area_ha`` (exactly so many),
        ``at_least_ha`` (so many or more), ``geometry``. [ha]

    Examples
    --------
    >>> from ecozones.testing import chessboard
    >>> board = chessboard(2).iloc[[0, 0, 1]].assign(project_id=["A", "B", "C"])
    >>> overlap_depth(board)[["depth", "area_ha"]].round(1).values.tolist()
    [[1.0, 100.0], [2.0, 100.0]]
    """
    records = project_records(projects)
    pieces = divide_ground(records.geometry.to_numpy())
    area = polygon_areas(pieces.geometry, records.crs, method=method)
    depth, row = np.unique(pieces.depth, return_inverse=True)
    exact = np.bincount(row, weights=area, minlength=len(depth)) / HA
    united = [shapely.disjoint_subset_union_all(pieces.geometry[row == i]) for i in range(len(depth))]
    return gpd.GeoDataFrame(
        {"depth": depth, "area_ha": exact, "at_least_ha": exact[::-1].cumsum()[::-1]},
        geometry=np.array(united, dtype=object),
        crs=records.crs,
    )


def restoration_certificate(projects: gpd.GeoDataFrame, *, method: AreaMethod = "national") -> pd.DataFrame:
    """
    Prove the account of restored ground by numbers that must agree, each reached along two different paths.

    Parameters
    ----------
    projects
        As for :func:`ecozones.measure_restored`.
    method
        How area is measured.

    Returns
    -------
    DataFrame
        One row per statement: ``check``, ``statement``, ``left_ha``, ``right_ha``, ``difference_ha``,
        ``tolerance_ha``, ``holds``. Tolerated are a billionth of the activity area, at least 0.01 m², and what an
        overlay leaves open between records whose edges nearly coincide: at most a trillionth of their coordinates,
        some 0.04 mm, along the edge of each pair. [ha]

    Examples
    --------
    >>> from ecozones.testing import chessboard
    >>> board = chessboard(2).iloc[[0, 0, 1]].assign(project_id=["A", "B", "C"])
    >>> bool(restoration_certificate(board)["holds"].all())
    True
    """
    records = project_records(projects)
    geometry = records.geometry.to_numpy()
    area = polygon_areas(geometry, records.crs, method=method)
    pieces = divide_ground(geometry)
    piece_area = polygon_areas(pieces.geometry, records.crs, method=method)
    depth = pieces.depth
    gross = float(area.sum())
    forward, backward = (
        float(polygon_areas(np.array([footprint(order)], dtype=object), records.crs, method=method)[0])
        for order in (geometry, geometry[::-1])
    )
    left, right = shapely.STRtree(geometry).query(geometry)
    left, right = left[left < right], right[left < right]
    shared = overlay.keep_dimension(shapely.intersection(geometry[left], geometry[right]), np.full(len(left), 2))
    pair_area = polygon_areas(shared, records.crs, method=method)
    claimed = _claimed_by_both(pieces, piece_area, left, right)
    left_open = _left_open(pair_area, claimed, overlay_reach(geometry, area), left, right)
    programmes = sorted({str(name) for name in records["programme"].dropna()}) or [""]
    rows = [
        ("net_within_gross", "the footprint is not larger than the activity", forward, gross),
        ("order_free", "the footprint does not depend on the order of records", forward, backward),
        ("pieces_are_net", "the pieces of ground sum to the footprint", float(piece_area.sum()), forward),
        ("claims_are_gross", "pieces times depth sum to the activity", float((piece_area * depth).sum()), gross),
        (
            "excess_is_depth",
            "activity less footprint is the ground claimed again, once for each further claim",
            gross - forward,
            float((piece_area * (depth - 1)).sum()),
        ),
        (
            "pairs_are_depth",
            "the shared ground of all pairs is the ground of each depth times its number of pairs",
            float(pair_area.sum()),
            float((piece_area * depth * (depth - 1) / 2).sum()),
        ),
    ]
    for name in get_args(Attribution)[1:]:
        counted = attribute(pieces, piece_area, records, area, name, programmes)
        statement = f"ground attributed by {name} sums to the footprint"
        rows.append((f"attribution_{name}", statement, float(counted.sum()), forward))
    table = pd.DataFrame(rows, columns=["check", "statement", "left_ha", "right_ha"])
    table[["left_ha", "right_ha"]] /= HA
    table["difference_ha"] = table["left_ha"] - table["right_ha"]
    table["tolerance_ha"] = max(_NOISE_HA, NOISE_SHARE * gross / HA) + left_open / HA
    within = table["difference_ha"] <= table["tolerance_ha"]
    table["holds"] = within & (
        (table["check"] == "net_within_gross") | (table["difference_ha"] >= -table["tolerance_ha"])
    )
    return table


def _claimed_by_both(pieces: Pieces, piece_area: Numbers, left: Rows, right: Rows) -> Numbers:
    """Sum the pieces [m²] that both records of each pair claim."""
    order = np.lexsort((pieces.record, pieces.piece))
    record, piece = pieces.record[order], pieces.piece[order]
    n = int(max(record.max(initial=0), right.max(initial=0))) + 1
    start = np.searchsorted(piece, np.arange(len(pieces.geometry)))
    keys, areas = [np.empty(0, dtype=np.intp)], [np.empty(0)]
    for depth in np.unique(pieces.depth[pieces.depth > 1]):
        deep = np.flatnonzero(pieces.depth == depth)
        claims = record[start[deep][:, None] + np.arange(depth)]
        one, other = np.triu_indices(depth, k=1)
        keys.append((claims[:, one] * n + claims[:, other]).ravel())
        areas.append(np.repeat(piece_area[deep], len(one)))
    found, place = np.unique(np.r_[left * n + right, np.concatenate(keys)], return_inverse=True)
    both = np.bincount(place[len(left) :], weights=np.concatenate(areas), minlength=len(found))
    return np.asarray(both[place[: len(left)]], dtype=np.float64)


def _left_open(pair_area: Numbers, claimed: Numbers, reach: Numbers, left: Rows, right: Rows) -> float:
    """Sum by how much pairs differ [m²] that differ by no more than an overlay may."""
    difference = np.abs(claimed - pair_area)
    return float(difference[difference <= np.maximum(reach[left], reach[right])].sum())
