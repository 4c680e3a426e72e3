"""The edges of the polygons of one layer, and the spikes among them."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from ecozones.crs import DEGREE_M

Geometries = NDArray[np.object_]
Rows = NDArray[np.intp]
Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Keys = NDArray[np.uint64]
# coordinates that differ by less than this many units in the last place are one place after any computation
_ULP = 8


@dataclasses.dataclass(frozen=True, eq=False)
class Edges:
    """
    The edges of polygons, in the order and direction in which they are drawn.

    Parameters
    ----------
    xy
        The vertices, shape (m, 2).
    key
        A number for each vertex, equal where the coordinates are equal to the last bit.
    here
        The vertex each edge is drawn from; it ends at the next one. Shape (n,).
    back
        Edges that are drawn with their polygon on the right.
    row
        The polygon each edge belongs to.
    ring
        The ring it belongs to; edges of a ring stand together.
    """

    xy: Numbers
    key: Keys
    here: Rows
    back: Flags
    row: Rows
    ring: Rows

    @functools.cached_property
    def tolerance(self) -> float:
        """What double precision cannot tell apart at these coordinates."""
        reach = max(self.xy.max(initial=1.0), -self.xy.min(initial=-1.0))
        return float(np.spacing(reach) * _ULP)


def edges_of(polygons: Geometries) -> Edges:
    """
    Take polygons apart into edges.

    Parameters
    ----------
    polygons
        Valid polygons or multipolygons, shape (n,); empty ones and None have no edges.

    Returns
    -------
    Edges
        All edges that have a length.

    Examples
    --------
    >>> len(edges_of(np.array([shapely.box(0, 0, 1, 1)])).row)
    4
    """
    part, part_row = shapely.get_parts(polygons, return_index=True)
    rings, ring_part = shapely.get_rings(part, return_index=True)
    shell = np.r_[True, ring_part[1:] != ring_part[:-1]] if len(rings) else np.empty(0, dtype=bool)
    back = shapely.is_ccw(rings) != shell
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    xy += 0.0  # a negative zero is the same place as zero, and has other bits
    key = _place_keys(xy)
    here = np.flatnonzero((ring[1:] == ring[:-1]) & (key[1:] != key[:-1]))
    ring = ring[here]
    return Edges(xy, key, here, back[ring], part_row[ring_part][ring], ring)


def _place_keys(xy: Numbers) -> Keys:
    """Give every place a number; two places share one once in 10^19."""
    bits = np.ascontiguousarray(xy).view(np.uint64)
    key = bits[:, 0] * np.uint64(0x9E3779B97F4A7C15)
    key ^= key >> np.uint64(29)
    key += bits[:, 1]
    key *= np.uint64(0xBF58476D1CE4E5B9)
    key ^= key >> np.uint64(32)
    key *= np.uint64(0x94D049BB133111EB)
    key ^= key >> np.uint64(29)
    return key


def metres_in(crs: Any, geometry: Geometries) -> tuple[float, float]:  # noqa: ANN401 - whatever pyproj takes for a CRS
    """
    Metres in a unit of the coordinates, eastwards and northwards.

    Parameters
    ----------
    crs
        The CRS of the coordinates.
    geometry
        Where they are: a degree of longitude has its length at the middle latitude.

    Returns
    -------
    tuple
        Factors that stretch coordinates to metres. A stretch keeps straight edges straight and common ones common, as a
        projection does not; widths of a layer in degrees are right to the change of the cosine over its height.

    Examples
    --------
    >>> metres_in("EPSG:4548", np.array([shapely.box(0, 0, 1, 1)]))
    (1.0, 1.0)
    """
    system = pyproj.CRS.from_user_input(crs)
    factor = system.axis_info[0].unit_conversion_factor
    if not system.is_geographic:
        return factor, factor
    bounds = shapely.bounds(geometry)[:, [1, 3]]
    bounds = bounds[np.isfinite(bounds)]
    middle = (bounds.min() + bounds.max()) / 2 if len(bounds) else 0.0
    return DEGREE_M * math.cos(math.radians(middle)), DEGREE_M


@dataclasses.dataclass(frozen=True, eq=False)
class Spikes:
    """
    Needles and cuts in the outline of polygons.

    Parameters
    ----------
    row
        The polygon.
    tip
        Where its outline turns back, shape (n, 2).
    angle
        Between the two legs. [degrees]
    length
        Of the shorter leg. [unit of the coordinates]
    """

    row: Rows
    tip: Numbers
    angle: Numbers
    length: Numbers


def find_spikes(edges: Edges, *, angle: float, length: float, tip: float = 0.0) -> Spikes:
    """
    Find where an outline turns back on itself.

    Parameters
    ----------
    edges
        Edges of a layer.
    angle
        The widest angle of a spike. [degrees]
    length
        The shortest leg of a spike. [unit of the coordinates]
    tip
        A tip may be cut off by an edge of at most this length. [unit of the coordinates]

    Returns
    -------
    Spikes
        In the order of the layer; a blunt tip stands for the middle of its edge.

    Examples
    --------
    >>> needle = shapely.Polygon([(0, 0), (4, 0), (4, 4), (2.1, 4), (2, 90), (1.9, 4), (0, 4)])
    >>> spikes = find_spikes(edges_of(np.array([needle])), angle=5, length=1)
    >>> spikes.tip.tolist(), spikes.length.round(1).tolist()
    ([[2.0, 90.0]], [86.0])
    """
    along = edges.xy[1:] - edges.xy[:-1]
    if len(edges.here) < len(along):
        along = along[edges.here]
    size = np.hypot(along[:, 0], along[:, 1])
    following = _following(edges)
    least = math.cos(math.radians(angle))

    def needles(first: Rows, then: Rows) -> tuple[Flags, Numbers, Numbers]:
        dot = along[first, 0] * along[then, 0] + along[first, 1] * along[then, 1]
        legs = size[first] * size[then]
        shorter = np.minimum(size[first], size[then])
        return (-dot >= least * legs) & (shorter >= length), -dot / legs, shorter

    every = np.arange(len(size))
    sharp, cosine, shorter = needles(every, following)
    row, at = edges.row[sharp], edges.xy[edges.here[sharp] + 1]
    cos, leg = cosine[sharp], shorter[sharp]
    if tip > 0:
        short = np.flatnonzero(size <= tip)
        before = np.empty_like(following)
        before[following] = every
        blunt, cosine, shorter = needles(before[short], following[short])
        # a leg that is itself no longer than the tip is a corner, not a needle
        blunt &= shorter > 2 * tip
        cut = edges.here[short[blunt]]
        middle = (edges.xy[cut] + edges.xy[cut + 1]) / 2
        row, at = np.r_[row, edges.row[short[blunt]]], np.r_[at, middle]
        cos, leg = np.r_[cos, cosine[blunt]], np.r_[leg, shorter[blunt]]
    order = np.argsort(row, kind="stable")
    degrees = np.degrees(np.arccos(np.clip(cos[order], -1, 1)))
    return Spikes(row[order], at[order], degrees, leg[order])


def _following(edges: Edges) -> Rows:
    """Find the edge that each edge is followed by as its ring is drawn."""
    following = np.arange(1, len(edges.ring) + 1)
    if len(following):
        first = np.flatnonzero(np.r_[True, edges.ring[1:] != edges.ring[:-1]])
        following[np.r_[first[1:], len(following)] - 1] = first
    return following


def unique(keys: Rows) -> Rows:
    """Sort and thin out: several times quicker than a table of all values where most of them differ."""
    ordered = np.sort(keys)
    return ordered[np.r_[True, ordered[1:] != ordered[:-1]]] if len(ordered) else ordered
