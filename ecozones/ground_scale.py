"""
Ground under a plane: how much of it lies under a square metre of plane, cell by cell, and rings measured by that.

The scale of a projection changes so slowly that within a cell of some kilometres a short polynomial holds it to the
last digits. Its integral eastwards turns the area of a ring into one sum over the edges (Green's theorem), and so a
ring costs a few multiplications for each vertex where the projection itself costs hundreds.

Cells lie where the plane has its origin, and a ring belongs to a cell by its own box: what else is measured with it
changes no digit of its area.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import shapely
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]
# Latitude and longitude [rad] of coordinates; ground between two latitudes per radian of longitude [m²].
Locate = Callable[[Floats, Floats], tuple[Floats, Floats]]
Strip = Callable[[Floats, Floats], Floats]

# A cell is as wide as this, and serves rings no wider: they reach as far beyond it as it is wide. The narrow ones need
# few terms, the wide ones take in what is left. [m]
_WIDTHS = (25_000.0, 200_000.0)
# What edges are longer than this do not lie in the plane as the sum takes them, to a billionth of a metre. [m]
_LONGEST = 5_000.0
# Places along a side of a cell where the projection is asked, and the highest power that is fitted to them.
_PLACES, _POWER = 12, 8
# Terms that change no area by more than this share are rounding.
_NOISE = 5e-13
# Terms that only tell how an edge bends: a share of it so small that fewer of them do.
_BEND_NOISE = 1e-11
# What the polynomials may miss the projection by at any of the places asked: its own rounding. [m]
_MISS_M = 1e-8
_EARTH_M = 6_371_000.0
POLE_LIMIT = math.radians(89.0)
# Vertices handled at once, so that they stay in the cache, and cells kept, of a kilobyte each.
_CHUNK = 1 << 14
_KEPT = 20_000

# Chebyshev's places, at fractions that coordinates of eight digits can hold without rounding.
_AT: Floats = np.round(np.cos(np.pi * (np.arange(_PLACES) + 0.5) / _PLACES) * 1024) / 1024
_VALUES: Floats = np.asarray(chebyshev.chebvander(_AT, _POWER), dtype=np.float64)
_FIT: Floats = np.asarray(np.linalg.pinv(_VALUES), dtype=np.float64)
_UNIT = np.eye(_POWER + 1)
_SLOPE: Floats = np.array([np.pad(chebyshev.chebder(unit), (0, 1)) if unit[0] == 0 else 0 * unit for unit in _UNIT]).T
_TO_POWERS = np.array([np.pad(chebyshev.cheb2poly(unit[: i + 1]), (0, _POWER - i)) for i, unit in enumerate(_UNIT)]).T


@dataclasses.dataclass(frozen=True, eq=False)
class _Cell:
    """Polynomials in the coordinates of one cell, which run from -1 to 1."""

    centre: Floats
    half: float
    # half the ground from the meridian of the centre, eastwards, per unit northwards
    ground: _Polynomial
    # a twelfth of how that changes eastwards and northwards
    east: _Polynomial
    north: _Polynomial


class _Polynomial:
    """Factors by powers eastwards and northwards, evaluated by Horner's rule without the powers that have no term."""

    def __init__(self, factors: Floats) -> None:
        rows = [row[: int(np.flatnonzero(row)[-1]) + 1].tolist() if row.any() else [0.0] for row in factors]
        while len(rows) > 1 and rows[-1] == [0.0]:
            rows.pop()
        self._rows = rows[::-1]

    def __call__(self, x: Floats, y: Floats) -> Floats:
        total, part = np.zeros_like(x), np.empty_like(x)
        for power, (constant, *higher) in enumerate(self._rows):
            if power:
                total *= x
            if higher:
                np.multiply(y, higher[-1], out=part)
                for factor in reversed(higher[:-1]):
                    part += factor
                    part *= y
                total += part
            if constant:
                total += constant
        return total


class GroundScale:
    """
    Square metres of ground for a square unit of one plane.

    Parameters
    ----------
    locate
        Latitude and longitude of coordinates of the plane. [rad]
    strip
        Ground between two latitudes for a radian of longitude. [m²]
    unit_m
        Metres in a unit of the plane, near enough to lay out cells. [m]
    """

    def __init__(self, locate: Locate, strip: Strip, unit_m: float) -> None:
        self._locate = locate
        self._strip = strip
        self._unit_m = unit_m
        self._cells: dict[tuple[int, int, int], _Cell | None] = {}

    def ring_areas(self, rings: NDArray[np.object_]) -> Floats:
        """
        Ground inside each ring, between edges that are straight in the plane.

        Parameters
        ----------
        rings
            Closed rings, or polygons without holes.

        Returns
        -------
        ndarray
            Areas, good to 1e-11 of themselves; NaN for rings that are empty, too wide, have an edge too long, come near
            a pole, or lie where the projection is not smooth enough for that. [m²]
        """
        areas = np.full(len(rings), np.nan)
        if not len(rings):
            return areas
        bounds = shapely.bounds(rings)
        wide = np.maximum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1]) * self._unit_m
        level = np.searchsorted(_WIDTHS, wide)  # NaN comes last
        long = np.flatnonzero((wide > _LONGEST) & (level < len(_WIDTHS)))
        level[long[_longest_edges(rings[long]) * self._unit_m > _LONGEST]] = len(_WIDTHS)
        for number in range(len(_WIDTHS)):
            chosen = np.flatnonzero(level == number)
            if not len(chosen):
                continue
            side = _WIDTHS[number] / self._unit_m
            middle = (bounds[chosen, :2] + bounds[chosen, 2:]) / 2
            for place, members in _groups(np.floor(middle / side).astype(np.int64)):
                cell = self._cell((number, *place), side)
                if cell is not None:
                    rows = chosen[members] if members is not None else chosen
                    areas[rows] = _measure(rings[rows] if len(rows) < len(rings) else rings, cell)
        return areas

    def _cell(self, key: tuple[int, int, int], side: float) -> _Cell | None:
        with contextlib.suppress(KeyError):  # asked once: another thread may empty the store at any moment
            return self._cells[key]
        if len(self._cells) >= _KEPT:
            self._cells.clear()
        with np.errstate(all="ignore"):  # where a projection ends, its formulas do so without grace
            cell = self._fit((np.array(key[1:]) + 0.5) * side, side)
        self._cells[key] = cell
        return cell

    def _fit(self, centre: Floats, half: float) -> _Cell | None:
        """Fit the scale of a cell, None where its polynomials miss what they are fitted to."""
        x, y = (axis.ravel() for axis in np.meshgrid(centre[0] + half * _AT, centre[1] + half * _AT, indexing="ij"))
        latitude, longitude = self._locate(np.r_[centre[0], x], np.r_[centre[1], y])
        if not ((np.abs(latitude) < POLE_LIMIT) & (np.abs(longitude) <= math.tau)).all():
            return None
        offset = longitude[1:] - longitude[0]
        offset -= math.tau * np.round(offset / math.tau)
        grid = (_PLACES, _PLACES)
        strip = self._strip(np.full(len(x), latitude[0]), latitude[1:]).reshape(grid)
        offset = offset.reshape(grid)
        strips, offsets = _FIT @ strip @ _FIT.T, _FIT @ offset @ _FIT.T
        missed = max(
            np.abs(_VALUES @ strips @ _VALUES.T - strip).max() / _EARTH_M,
            np.abs(_VALUES @ offsets @ _VALUES.T - offset).max() * _EARTH_M,
        )
        if missed > _MISS_M:
            return None
        slopes = _VALUES @ _SLOPE
        # how strips and longitudes change eastwards and northwards: the ground is their determinant
        east, north = ((slopes @ each @ _VALUES.T, _VALUES @ each @ slopes.T) for each in (strips, offsets))
        scale = east[0] * north[1] - east[1] * north[0]
        return _polynomials(_FIT @ scale @ _FIT.T / half**2, centre, half)


def _polynomials(factors: Floats, centre: Floats, half: float) -> _Cell | None:
    """Turn the scale into what is summed along edges, without the terms that are rounding."""
    size = np.abs(factors[0, 0])
    known = np.where(np.abs(factors) > _NOISE * size, factors, 0.0)
    coarse = np.where(np.abs(factors) > _BEND_NOISE * size, factors, 0.0)
    if np.abs(known[-1]).any() or np.abs(known[:, -1]).any():
        return None
    powers = np.arange(_POWER + 1)
    scale, bend = (_TO_POWERS @ one @ _TO_POWERS.T for one in (known, coarse))
    ground = np.zeros((_POWER + 2, _POWER + 1))
    ground[1:] = scale / (powers + 1)[:, None] * half
    north = np.zeros((_POWER + 2, _POWER + 1))
    north[1:, :-1] = (bend * powers)[:, 1:] / (powers + 1)[:, None]
    east = bend.copy()
    east[0, 0] = 0.0  # only differences of it are asked for
    return _Cell(centre, half, *(_Polynomial(each) for each in (ground / 2, east / 12, north / 12)))


def _groups(places: NDArray[np.int64]) -> Iterator[tuple[tuple[int, int], Integers | None]]:
    """Rows of each place; None for all rows where there is one place only."""
    if (places == places[0]).all():
        yield (int(places[0, 0]), int(places[0, 1])), None
        return
    order = np.lexsort((places[:, 1], places[:, 0]))
    edges = np.flatnonzero((np.diff(places[order], axis=0) != 0).any(axis=1)) + 1
    for rows in np.split(order, edges):
        yield (int(places[rows[0], 0]), int(places[rows[0], 1])), rows


def _longest_edges(rings: NDArray[np.object_]) -> Floats:
    """Longest side of the box of an edge, of each ring."""
    if not len(rings):
        return np.empty(0)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    length = np.abs(np.diff(xy, axis=0)).max(axis=1)
    length[ring[1:] != ring[:-1]] = 0.0
    start = np.searchsorted(ring, np.arange(len(rings)))
    return np.asarray(np.maximum.reduceat(np.r_[length, 0.0], start), dtype=np.float64)


def _measure(rings: NDArray[np.object_], cell: _Cell) -> Floats:
    count = shapely.get_num_coordinates(rings)
    cuts = np.flatnonzero(np.diff(np.cumsum(count) // _CHUNK)) + 1
    areas = np.empty(len(rings))
    for first, last in itertools.pairwise([0, *cuts.tolist(), len(rings)]):
        end = np.cumsum(count[first:last])
        steps = _edge_areas(shapely.get_coordinates(rings[first:last]), end - 1, cell)
        areas[first:last] = np.add.reduceat(steps, end - count[first:last])
    return np.abs(areas)


def _edge_areas(xy: Floats, last: Integers, cell: _Cell) -> Floats:
    """
    Ground between each edge and the meridian of the cell, 0 where a ring ends.

    The trapezoid under an edge, and what the ground bends between its ends: exact for a cubic.
    """
    x, y = xy[:, 0] - cell.centre[0], xy[:, 1] - cell.centre[1]
    along_x, along_y = x[1:] - x[:-1], y[1:] - y[:-1]
    x /= cell.half
    y /= cell.half
    steps, bend = np.empty(len(x)), np.empty(len(along_x))
    inner = steps[:-1]
    ground = cell.ground(x, y)
    np.add(ground[:-1], ground[1:], out=inner)
    for factors, along in ((cell.east, along_x), (cell.north, along_y)):
        slope = factors(x, y)
        np.subtract(slope[:-1], slope[1:], out=bend)
        bend *= along
        inner += bend
    inner *= along_y
    steps[last] = 0.0
    return steps
