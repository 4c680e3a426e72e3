"""
The ground of each shape, divided by one control line.

Every square metre of a shape ends in one of three kinds: *claimed* (inside the line), *unclaimed* (the plan speaks of
it and the line does not lie there) or *uncovered* (the plan says nothing). The three are made by separate geometric
operations and measured one by one, so that their sum proves the division.
"""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ecozones import overlay
from ecozones.area import AreaMethod, measure_length, polygon_areas
from ecozones.crs import DEGREE_M
from ecozones.plan import ZoningPlan

_Dimensions = np.ndarray[tuple[int, ...], np.dtype[np.int32]]
Kind = Literal["claimed", "unclaimed", "uncovered"]

# what double precision leaves of a cut along a shared edge; measured below 1e-10 of the shape for county-sized lines
NOISE_SHARE = 1e-9

# parts of one patch that lie closer than this belong together when a sliver is judged [m]
_REACH_M = 1e-3

# what is no wider than this is what a cut leaves along an edge, there and back [m]
_HAIR_M = 1e-4


@dataclasses.dataclass(frozen=True)
class Slivers:
    """
    What counts as a sliver: a piece too small or too narrow to decide anything alone.

    Parameters
    ----------
    below_m2
        Smaller pieces are slivers. [m²]
    narrower_m
        Pieces of a smaller mean width, twice the area over the perimeter without hairs, are slivers, and so are shorter
        pieces of lines. [m]
    up_to_share
        Pieces that together make up more than this share of their shape are no slivers, however small: what is left
        between two borders that do not quite match is little beside the site; a mast or a cable is small as a whole.
    """

    below_m2: float = 1.0
    narrower_m: float = 0.1
    up_to_share: float = 0.1


def divide(
    shapes: gpd.GeoDataFrame, plan: ZoningPlan, line: str, *, slivers: Slivers, method: AreaMethod = "national"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """
    Divide shapes into what a line claims, what it does not, and what the plan does not cover.

    Parameters
    ----------
    shapes
        Valid geometries in the CRS of the line's frame.
    plan
        The plan.
    line
        A line that the plan has.
    slivers
        What counts as a sliver.
    method
        How area is measured.

    Returns
    -------
    patches : DataFrame
        One row per shape, kind and polygon of the line, slivers apart: ``shape`` (row), ``kind``, ``feature`` (row of
        the line's frame, -1 where there is none), ``sliver``, ``parts``, ``amount``, ``area_m2``, ``length_m``,
        ``width_m``, ``geometry``.
    totals : DataFrame
        One row per shape: ``whole, claimed, claimed_sum, unclaimed, uncovered, error`` in ``unit`` (m2, m or points),
        and ``touches``.
    """
    frame = plan.lines[line]
    pieces = plan.pieces(line)
    geometry = shapes.geometry.to_numpy()
    dimension = shapely.get_dimensions(geometry)
    met = overlay.meet(geometry, pieces)
    touches = np.zeros(len(geometry), dtype=bool)
    touches[met.shape] = True
    real = ~shapely.is_empty(met.geometry)
    shape, feature, shared = met.shape[real], met.feature[real], met.geometry[real]

    claimed = _fill(overlay.unite(shared, shape, len(geometry)), geometry)
    rest = _subtract(geometry, claimed)
    uncovered = _beyond(rest, plan, line, shapes)
    unclaimed = _subtract(rest, uncovered)

    rows = [
        _parts(shared, shape, "claimed", feature),
        _parts(unclaimed, np.arange(len(geometry)), "unclaimed"),
        _parts(uncovered, np.arange(len(geometry)), "uncovered"),
    ]
    parts = pd.concat(rows, ignore_index=True)
    parts["dimension"] = dimension[parts["shape"].to_numpy()]
    measured = _measure(parts, frame.crs, method, slivers.narrower_m)
    sums = _sum_by_shape(measured, len(geometry))
    whole = _amount(geometry, dimension, frame.crs, method)
    union = sums["claimed"].copy()
    again = _counted_again(shared, shape, claimed, dimension)
    if again.any():
        union[again] = _amount(claimed[again], dimension[again], frame.crs, method)
    totals = pd.DataFrame(
        {
            "unit": pd.Series(np.array(["points", "m", "m2"], dtype=object)[dimension]),
            "whole": whole,
            "claimed": union,
            "claimed_sum": sums["claimed"],
            "unclaimed": sums["unclaimed"],
            "uncovered": sums["uncovered"],
            "touches": touches,
        }
    )
    totals["error"] = totals["claimed"] + totals["unclaimed"] + totals["uncovered"] - totals["whole"]
    noise = measured["amount"].to_numpy() <= NOISE_SHARE * whole[measured["shape"].to_numpy()]
    listed = measured[~(noise & (measured["dimension"] > 0))].reset_index(drop=True)
    return _gather(_judge(listed, whole, slivers), frame.crs), totals


def _sum_by_shape(parts: pd.DataFrame, n_shapes: int) -> dict[str, overlay.Numbers]:
    """Sum each kind in the order of the rows; a grouped sum of pandas depends on its other groups, in the last bit."""
    kind, shape, amount = (parts[name].to_numpy() for name in ("kind", "shape", "amount"))
    return {
        each: np.bincount(shape[kind == each], weights=amount[kind == each], minlength=n_shapes).astype(float)
        for each in get_args(Kind)
    }


def _fill(united: overlay.Geometries, like: overlay.Geometries) -> overlay.Geometries:
    """Put an empty geometry where a shape has no part."""
    empty = np.array([shapely.Point(), shapely.LineString(), shapely.Polygon()], dtype=object)
    nothing = np.array([part is None for part in united], dtype=bool)
    united[nothing] = empty[shapely.get_dimensions(like[nothing])]
    return united


def _subtract(shapes: overlay.Geometries, taken: overlay.Geometries) -> overlay.Geometries:
    """Take ground away; where nothing is taken, or everything, no new geometry is made."""
    out = shapes.copy()
    cut = ~shapely.is_empty(taken)
    same = np.zeros(len(shapes), dtype=bool)
    same[cut] = [a is b for a, b in zip(shapes[cut], taken[cut], strict=True)]
    out[same] = shapely.Polygon()
    cut &= ~same & ~shapely.is_empty(shapes)
    left = shapely.difference(shapes[cut], taken[cut])
    out[cut] = overlay.keep_dimension(left, shapely.get_dimensions(shapes[cut]))
    return out


def _beyond(rest: overlay.Geometries, plan: ZoningPlan, line: str, shapes: gpd.GeoDataFrame) -> overlay.Geometries:
    """Give the part of each rest that lies outside the ground the plan speaks of."""
    ground = plan.ground(line)
    if ground is None:
        return rest
    pieces = plan.ground_pieces(line, shapes.crs)
    waiting = np.flatnonzero(~shapely.is_empty(rest))
    known = np.full(len(rest), None, dtype=object)
    met = overlay.meet(rest[waiting], pieces)
    known[waiting[met.shape]] = met.geometry
    return _subtract(rest, _fill(known, rest))


def _parts(
    geometry: overlay.Geometries, shape: overlay.Rows, kind: Kind, feature: overlay.Rows | None = None
) -> pd.DataFrame:
    parts, owner = shapely.get_parts(geometry, return_index=True)
    full = ~shapely.is_empty(parts)
    parts, owner = parts[full], owner[full]
    return pd.DataFrame(
        {
            "shape": shape[owner],
            "kind": kind,
            "feature": feature[owner] if feature is not None else np.full(len(owner), -1),
            "geometry": pd.Series(parts, dtype=object),
        }
    )


def _amount(
    geometry: overlay.Geometries,
    dimension: _Dimensions,
    crs: object,
    method: AreaMethod,
) -> overlay.Numbers:
    """Measure areas, lengths or numbers of points, whatever the shape is."""
    amount = np.zeros(len(geometry))
    for rank, measure in (
        (2, lambda part: polygon_areas(part, crs, method=method)),
        (1, lambda part: measure_length(part, crs)),
        (0, lambda part: shapely.get_num_geometries(part) * ~shapely.is_empty(part)),
    ):
        chosen = dimension == rank
        if chosen.any():
            amount[chosen] = measure(geometry[chosen])
    return amount


def _measure(parts: pd.DataFrame, crs: object, method: AreaMethod, narrower_m: float) -> pd.DataFrame:
    geometry = parts["geometry"].to_numpy()
    dimension = parts["dimension"].to_numpy()
    amount = _amount(geometry, dimension, crs, method)
    width = np.full(len(parts), np.nan)
    ground = dimension == 2  # noqa: PLR2004
    perimeter = measure_length(shapely.boundary(geometry[ground]), crs)
    width[ground] = 2 * amount[ground] / np.where(perimeter > 0, perimeter, np.nan)
    narrow = np.flatnonzero(width < narrower_m)
    perimeter = measure_length(shapely.boundary(_trim_hairs(geometry[narrow])), crs)
    trimmed = 2 * amount[narrow] / np.where(perimeter > 0, perimeter, np.nan)
    # trimming rounds; only where it decides is its width told
    decides = trimmed >= narrower_m
    width[narrow[decides]] = trimmed[decides]
    return parts.assign(
        amount=amount,
        area_m2=np.where(ground, amount, np.nan),
        length_m=np.where(dimension == 1, amount, np.nan),
        width_m=width,
    )


def _trim_hairs(geometry: overlay.Geometries) -> overlay.Geometries:
    """Take off hairs: they have no ground, but make a part look narrow; what is nothing else stays as it is."""
    trimmed = shapely.set_precision(geometry, _in_units(geometry, _HAIR_M))
    # set free again: what is done to a geometry on a grid is done on the grid, where GEOS loses whole triangles
    return np.where(shapely.is_empty(trimmed), geometry, shapely.set_precision(trimmed, 0.0))


def _in_units(geometry: overlay.Geometries, metres: float) -> float:
    """Express a small length in the unit of the coordinates, which are metres or degrees."""
    in_metres = np.abs(shapely.bounds(geometry)).max(initial=0.0) > 360  # noqa: PLR2004 - no degree is larger
    return metres if in_metres else metres / DEGREE_M


def _judge(parts: pd.DataFrame, whole: overlay.Numbers, slivers: Slivers) -> pd.DataFrame:
    """Tell slivers from the rest; a narrow part that goes on in its neighbour's parcel is none, nor is half a site."""
    shape, dimension = parts["shape"].to_numpy(), parts["dimension"].to_numpy()
    amount, claimed = parts["amount"].to_numpy(), parts["kind"].to_numpy() == "claimed"
    ground = dimension == 2  # noqa: PLR2004
    small = ground & ((amount < slivers.below_m2) | (parts["width_m"].to_numpy() < slivers.narrower_m))
    sliver = small | ((dimension == 1) & (amount < slivers.narrower_m))
    doubtful = np.zeros(len(whole), dtype=bool)
    doubtful[shape[claimed & sliver]] = True
    rows = np.flatnonzero(ground & claimed & doubtful[shape])
    rows = rows[np.argsort(shape[rows], kind="stable")]
    geometry, area = parts["geometry"].to_numpy(), parts["area_m2"].to_numpy()
    for group in np.split(rows, np.flatnonzero(np.diff(shape[rows])) + 1):
        if len(group) > 1:
            # no part that is wide alone becomes a sliver by its company
            sliver[group] &= _small_together(geometry[group], area[group], slivers)
    _, kind = np.unique(parts["kind"].to_numpy(dtype=str), return_inverse=True)
    pair = shape * len(get_args(Kind)) + kind
    together = np.bincount(pair, weights=np.where(sliver, amount, 0.0))[pair]
    return parts.assign(sliver=sliver & (together <= slivers.up_to_share * whole[shape]))


def _small_together(geometry: overlay.Geometries, area: overlay.Numbers, slivers: Slivers) -> overlay.Flags:
    """Tell which parts are small even with the connected ground that they make up together."""
    trimmed = _trim_hairs(geometry)
    reach = _in_units(trimmed, _REACH_M)
    blocks = shapely.get_parts(shapely.union_all(shapely.buffer(trimmed, reach, quad_segs=1)))
    part, block = shapely.STRtree(blocks).query(shapely.point_on_surface(trimmed), predicate="intersects")
    member = np.full(len(trimmed), len(blocks))
    member[part] = block
    summed = np.bincount(member, weights=area, minlength=len(blocks) + 1)[:-1]
    # the width of the block, in the unit of the plane, scaled by what its parts measure on the ground
    scale = summed / np.maximum(shapely.area(blocks), np.finfo(float).tiny)
    width = 2 * shapely.area(blocks) / shapely.length(blocks) * np.sqrt(scale) - 2 * _REACH_M
    small = (summed < slivers.below_m2) | (width < slivers.narrower_m)
    # a part that lies in no block has no company
    together: overlay.Flags = np.append(small, True)[member]
    return together


def _gather(parts: pd.DataFrame, crs: object) -> pd.DataFrame:
    """Put the parts of one polygon in one shape together again, slivers apart."""
    keys = {name: parts[name].to_numpy() for name in ("shape", "kind", "feature", "sliver")}
    _, keys["kind"] = np.unique(keys["kind"].astype(str), return_inverse=True)
    order = np.lexsort(list(keys.values())[::-1])
    first = np.ones(len(order), dtype=bool)
    first[1:] = np.any([key[order][1:] != key[order][:-1] for key in keys.values()], axis=0)
    group = np.empty(len(order), dtype=np.intp)
    group[order] = np.cumsum(first) - 1
    leader = order[first]
    amount = np.bincount(group, weights=parts["amount"].to_numpy(), minlength=len(leader))
    width = np.full(len(leader), np.nan)
    np.fmax.at(width, group, parts["width_m"].to_numpy())
    rank = parts["dimension"].to_numpy()[leader]
    table = parts.iloc[leader][["shape", "kind", "feature", "sliver"]].reset_index(drop=True)
    table = table.assign(
        parts=np.bincount(group, minlength=len(leader)),
        width_m=width,
        amount=amount,
        area_m2=np.where(rank == 2, amount, np.nan),  # noqa: PLR2004
        length_m=np.where(rank == 1, amount, np.nan),
    )
    return gpd.GeoDataFrame(table, geometry=_collect(parts["geometry"].to_numpy(), group, rank), crs=crs)


def _collect(parts: overlay.Geometries, group: overlay.Rows, dimension: _Dimensions) -> overlay.Geometries:
    """Make one geometry of the parts of each group; a part that is alone stays as it is."""
    geometry = np.empty(len(dimension), dtype=object)
    geometry[group] = parts
    again = np.bincount(group, minlength=len(dimension)) > 1
    for rank, build in enumerate((shapely.multipoints, shapely.multilinestrings, shapely.multipolygons)):
        wanted = np.flatnonzero(again & (dimension == rank))
        rows = np.flatnonzero(np.isin(group, wanted))
        rows = rows[np.argsort(group[rows], kind="stable")]
        if len(rows):
            geometry[wanted] = build(parts[rows], indices=np.searchsorted(wanted, group[rows]))
    return geometry


def _counted_again(
    shared: overlay.Geometries, shape: overlay.Rows, claimed: overlay.Geometries, dimension: _Dimensions
) -> overlay.Flags:
    """Tell which shapes have ground in several polygons at once: in the plane, parts sum to more than their union."""
    summed = np.bincount(shape, weights=_in_plane(shared, dimension[shape]), minlength=len(claimed))
    more = summed - _in_plane(claimed, dimension)
    return np.asarray(more > NOISE_SHARE * summed)


def _in_plane(geometry: overlay.Geometries, dimension: _Dimensions) -> overlay.Numbers:
    sizes = [shapely.get_num_geometries(geometry) * ~shapely.is_empty(geometry), shapely.length(geometry)]
    return np.where(dimension == 2, shapely.area(geometry), np.where(dimension == 1, sizes[1], sizes[0]))  # noqa: PLR2004
