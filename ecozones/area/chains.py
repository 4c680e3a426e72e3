"""Rings and lines walked with points inserted at equal steps, in stretches of bounded length."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ecozones.area.ellipsoid import Floats, Integers
from ecozones.area.refusals import refuse_rows
from ecozones.area.rings import all_rings, sum_rings
from ecozones.area.surface import Surface
from ecozones.ground_scale import POLE_LIMIT

# Points handled at once, so that they stay in the cache, and coordinates taken out of their geometries at once: some
# 100 MB, however large the layer.
_WINDOW = 1 << 15
# Where no procedure prescribes a step, edges are divided at this length and extrapolated: good to 1e-13. [m]
EXACT_STEP_M = 700.0


@dataclasses.dataclass(frozen=True)
class Chains:
    """All rings (or lines) of an array of geometries, as one run of coordinates."""

    xy: Floats
    # which chain a coordinate belongs to, and which geometry a chain belongs to
    chain: Integers
    row: Integers
    # +1 for shells and lines, -1 for holes
    sign: Floats
    size: int

    @staticmethod
    def of(parts: NDArray[np.object_], row: Integers, sign: Floats, size: int) -> Chains:
        """Take the coordinates of rings or lines."""
        xy, chain = shapely.get_coordinates(parts, return_index=True)
        return Chains(xy, chain, row, sign, size)

    @staticmethod
    def rings(geometry: NDArray[np.object_]) -> Chains:
        """Take the rings of all polygons, those inside collections too."""
        return Chains.of(*all_rings(geometry), len(geometry))

    def gather(self, amounts: Floats) -> Floats:
        """Sum over the chains of each geometry, holes taken off whatever their direction."""
        return sum_rings(amounts, self.row, self.sign, self.size)

    def refuse(self, bad: NDArray[np.bool_], labels: pd.Index, told: str) -> None:
        """Name the geometries of the chains that cannot be measured."""
        if bad.any():
            refuse_rows(np.isin(np.arange(self.size), self.row[bad]), labels, told)

    @functools.cached_property
    def first(self) -> Floats:
        """The first coordinate of each chain."""
        return self.xy[np.searchsorted(self.chain, np.arange(len(self.row)))]

    @functools.cached_property
    def inner(self) -> NDArray[np.bool_]:
        """Whether an edge of the same chain starts at a coordinate."""
        follows = np.zeros(len(self.chain), dtype=bool)
        follows[:-1] = self.chain[1:] == self.chain[:-1]
        return follows

    def splits(self, surface: Surface, step_m: float, labels: pd.Index) -> Integers:
        """Parts into which the edge at each coordinate is cut so that none is longer than a step; 1 at the last one."""
        odd = ~np.isfinite(self.xy).all(axis=1)
        if surface.geographic:
            odd |= (np.abs(self.xy) * surface.unit > [math.tau, math.pi / 2]).any(axis=1)
        bad = np.zeros(len(self.row), dtype=bool)
        bad[self.chain[odd]] = True
        self.refuse(bad, labels, "have coordinates that are no numbers or lie off the globe; repair them or drop them")
        splits = np.ones(len(self.xy), dtype=np.intp)
        length = surface.ground_length(self.xy[:-1], self.xy[1:])[self.inner[:-1]]
        bad[self.chain[self.inner][length > math.tau * surface.ellipsoid.a]] = True
        self.refuse(bad, labels, "have edges longer than the equator: the coordinates are not on their CRS")
        splits[self.inner] = np.floor(length / step_m).astype(np.intp) + 1
        return splits

    def walk(self, splits: Integers, places: int | None = None) -> Iterator[Stretch]:
        """
        Pass over all chains with points inserted at equal steps, in stretches of bounded length.

        Where a chain is cut into stretches depends on that chain alone: the order of rows cannot be seen in a sum.
        """
        if len(splits) == 0:
            return
        begins = np.r_[True, self.chain[1:] != self.chain[:-1]]
        start = np.flatnonzero(begins)
        owner = np.cumsum(begins) - 1
        done = np.cumsum(splits)
        cost = np.add.reduceat(splits, start)
        within = (done - (done - splits)[start][owner]) // _WINDOW
        batch, long = np.cumsum(cost) // _WINDOW, cost >= _WINDOW
        apart = np.r_[True, (batch[1:] != batch[:-1]) | long[1:] | long[:-1]]
        cut = np.r_[True, np.where(begins[1:], apart[owner[1:]], within[1:] != within[:-1])]
        edges = np.r_[np.flatnonzero(cut), len(splits)]
        for lower, upper in itertools.pairwise(edges):
            # a chain cut in two has the point at the cut in both stretches
            end = upper + 1 if self.inner[upper - 1] else upper
            yield Stretch.of(self.xy[lower:end], self.chain[lower:end], splits[lower:end], places)


@dataclasses.dataclass(frozen=True)
class Stretch:
    """Points along some chains, in the order of walking."""

    x: Floats
    y: Floats
    # the chains met, and where the points of each begin
    chain: Integers
    start: Integers

    @staticmethod
    def of(xy: Floats, chain: Integers, splits: Integers, places: int | None) -> Stretch:
        """Insert points into the edges between coordinates, at equal steps."""
        first = np.flatnonzero(np.r_[True, chain[1:] != chain[:-1]])
        count = splits.copy()
        count[np.r_[first[1:] - 1, len(chain) - 1]] = 1
        at = np.repeat(np.arange(len(count)), count)
        begin = np.cumsum(count) - count
        # always from the same end of an edge, so that a neighbour walking the other way gets the same points
        ahead = np.vstack([xy[1:], xy[-1:]])
        back = (ahead[:, 0] < xy[:, 0]) | ((ahead[:, 0] == xy[:, 0]) & (ahead[:, 1] < xy[:, 1]))
        low, high = np.where(back[:, None], ahead, xy), np.where(back[:, None], xy, ahead)
        step = np.arange(len(at)) - begin[at]
        share = np.where(back[at], count[at] - step, step) / count[at]
        points = low[at] + (high - low)[at] * share[:, None]
        points[begin] = xy
        if places is not None:
            # numpy's own rounding, halves to even, is what reproduces the published areas
            points = np.round(points, places)
        return Stretch(points[:, 0], points[:, 1], chain[first], begin[first])

    def sums(self, amounts: Floats) -> Floats:
        """Sum of what each point brings, by chain."""
        return np.add.reduceat(amounts, self.start)

    @functools.cached_property
    def last(self) -> Integers:
        """The last point of each chain, where no step begins."""
        return np.r_[self.start[1:], len(self.x)] - 1

    def check(self, latitude: Floats, chains: Chains, labels: pd.Index) -> None:
        """Refuse points that the projection cannot place."""
        lost = ~np.isfinite(latitude)
        if lost.any():
            bad = np.zeros(len(chains.row), dtype=bool)
            bad[self.chain[np.searchsorted(self.start, np.flatnonzero(lost), "right") - 1]] = True
            chains.refuse(bad, labels, "lie outside the area of their projection; check the CRS")

    def offsets(
        self, latitude: Floats, longitude: Floats, origin: Floats, chains: Chains, labels: pd.Index, *, turn: bool
    ) -> Floats:
        """Longitude from the start of each chain in radians, refusing what reaches a pole or around the globe."""
        self.check(latitude, chains, labels)
        lengths = np.diff(np.r_[self.start, len(self.x)])
        offset = longitude - np.repeat(origin[self.chain], lengths)
        if turn:
            # a projected polygon may cross the 180th meridian; adding zero turns leaves every other one untouched
            offset -= math.tau * np.round(offset / math.tau)
        widest = np.maximum.reduceat(np.abs(offset), self.start) / (math.pi / 2 if turn else math.pi)
        nearest = np.maximum.reduceat(np.abs(latitude), self.start)
        bad = np.zeros(len(chains.row), dtype=bool)
        bad[self.chain[(widest >= 1) | (nearest > POLE_LIMIT)]] = True
        chains.refuse(
            bad,
            labels,
            "span half the globe or reach a pole, where this formula fails; split them at the 180th meridian",
        )
        return offset
