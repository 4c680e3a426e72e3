"""The four ways to reckon the area of polygons, and the batches they are reckoned in."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Literal, get_args

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ecozones.area.chains import EXACT_STEP_M, Chains
from ecozones.area.ellipsoid import Floats, Integers
from ecozones.area.refusals import refusal_of, refuse_rows
from ecozones.area.rings import all_rings, not_finite, own_rings, sum_rings
from ecozones.area.surface import Inverse, Surface, flat_crs
from ecozones.errors import CRSError, GeometryError
from ecozones.ground_scale import GroundScale, Strip
from ecozones.units import round_half_up

AreaMethod = Literal["national", "geodesic", "equal_area", "planar"]
# The survey inserts points into every edge longer than this. [m]
_STEP_M = 70.0
_BATCH = 1 << 20


def areas_by_method(
    geometry: NDArray[np.object_], crs: object, method: AreaMethod, *, rounded: bool, labels: pd.Index
) -> Floats:
    """
    Measure the area of each geometry of an array.

    Parameters
    ----------
    geometry
        Geometries of any kind, None included.
    crs
        The CRS of the coordinates.
    method, rounded
        As in :func:`ecozones.area.measure_area`.
    labels
        What rows are called in errors.

    Returns
    -------
    ndarray
        Areas, 0 where there is no polygon. [m²]

    Raises
    ------
    ValueError
        There is no such method.
    GeometryError
        Some rows cannot be measured; all of them are named.
    CRSError
        The CRS says nothing of the ground, or planar area was asked for in degrees.
    """
    if method not in get_args(AreaMethod):
        message = f"area method {method!r} is not known; use one of {', '.join(get_args(AreaMethod))}"
        raise ValueError(message)
    surface = Surface.of(flat_crs(crs))
    measure = {
        "national": _survey if rounded else _series,
        "geodesic": _geodesic,
        "equal_area": _closed,
        "planar": _planar,
    }
    areas, rest = np.zeros(len(geometry)), np.arange(len(geometry))
    if method == "equal_area" or (method == "national" and not rounded):
        areas, rest = _by_scale(geometry, surface.closed_scale if method == "equal_area" else surface.series_scale)
    refused: list[pd.DataFrame] = []
    # a row is measured by itself, so where batches end cannot be seen in any figure
    for rows in _batches(geometry, rest):
        try:
            areas[rows] = measure[method](geometry[rows], surface, labels[rows])
        except GeometryError as error:
            if error.problems is None:
                raise
            refused.append(error.problems)
    if refused:
        raise refusal_of(pd.concat(refused, ignore_index=True))
    return round_half_up(areas, 2) if rounded else areas


def _batches(geometry: NDArray[np.object_], rows: Integers) -> Iterator[Integers]:
    """Rows in batches of bounded size."""
    batch = np.cumsum(shapely.get_num_coordinates(geometry[rows])) // _BATCH
    return iter(np.split(rows, np.flatnonzero(np.diff(batch)) + 1))


def _by_scale(geometry: NDArray[np.object_], scale: GroundScale) -> tuple[Floats, Integers]:
    """Measure where the scale of the projection is known to the last digits, and give the rows where it is not."""
    simple = own_rings(geometry)
    if simple.all():
        areas = scale.ring_areas(geometry)
        return areas, np.flatnonzero(np.isnan(areas))
    areas = np.zeros(len(geometry))
    areas[simple] = scale.ring_areas(geometry[simple])
    for rows in _batches(geometry, np.flatnonzero(~simple)):
        rings, row, sign = all_rings(geometry[rows])
        # a row with one ring that is not known is not known
        areas[rows] = sum_rings(scale.ring_areas(rings), row, sign, len(rows))
    return areas, np.flatnonzero(np.isnan(areas))


def _series(geometry: NDArray[np.object_], surface: Surface, labels: pd.Index) -> Floats:
    return _exact(Chains.rings(geometry), surface, surface.ellipsoid.series_strip, surface.inverse, labels)


def _closed(geometry: NDArray[np.object_], surface: Surface, labels: pd.Index) -> Floats:
    return _exact(Chains.rings(geometry), surface, surface.ellipsoid.closed_strip, surface.project, labels)


def _survey(geometry: NDArray[np.object_], surface: Surface, labels: pd.Index, *, rounded: bool = True) -> Floats:
    """Follow the procedure of the survey: points at 70 m, roundings, a trapezoid under each step."""
    chains = Chains.rings(geometry)
    if surface.prefix:
        # seven digits in front cost the last ones: what was written with a prefix must round as without it
        chains = dataclasses.replace(chains, xy=np.round(chains.xy - [surface.prefix, 0.0], 7))
    locate = surface.survey_inverse if rounded else surface.inverse
    places = 4 if rounded and not surface.geographic else None
    areas, origin = np.zeros(len(chains.row)), locate(*chains.first.T)[1]
    for stretch in chains.walk(chains.splits(surface, _STEP_M, labels), places):
        latitude, longitude = locate(stretch.x, stretch.y)
        offset = stretch.offsets(latitude, longitude, origin, chains, labels, turn=not surface.geographic)
        steps = np.zeros_like(latitude)
        steps[:-1] = surface.ellipsoid.series_strip(latitude[:-1], latitude[1:]) * (offset[:-1] + offset[1:]) / 2
        steps[stretch.last] = 0.0
        areas[stretch.chain] += stretch.sums(steps)
    return chains.gather(areas)


def _exact(chains: Chains, surface: Surface, strip: Strip, inverse: Inverse, labels: pd.Index) -> Floats:
    """
    Ground between edges that are straight in the plane, wherever vertices lie on them.

    A trapezoid cuts off what lies between an edge and its chord, which falls with the square of the step: what halving
    the step brings, and a third of it again, is all of it. Only so do the pieces of a cut polygon sum to the whole.
    """
    if inverse == surface.inverse and surface.prefix:
        chains = dataclasses.replace(chains, xy=chains.xy - [surface.prefix, 0.0])
    splits = chains.splits(surface, EXACT_STEP_M, labels)
    splits[chains.inner] *= 2
    areas, origin = np.zeros(len(chains.row)), inverse(*chains.first.T)[1]
    for stretch in chains.walk(splits):
        latitude, longitude = inverse(stretch.x, stretch.y)
        offset = stretch.offsets(latitude, longitude, origin, chains, labels, turn=not surface.geographic)
        rise, steps = np.zeros_like(latitude), np.zeros_like(latitude)
        rise[:-1] = strip(latitude[:-1], latitude[1:])
        steps[:-1] = rise[:-1] * (offset[:-1] + offset[1:]) / 2
        steps[stretch.last] = 0.0
        start = np.ones(len(latitude), dtype=bool)
        start[stretch.last] = False
        # each edge has an even number of steps, so pairs begin at every other point of a chain
        lengths = np.diff(np.r_[stretch.start, len(latitude)])
        start &= (np.arange(len(latitude)) - np.repeat(stretch.start, lengths)) % 2 == 0
        at = np.flatnonzero(start)
        before, middle, after = offset[at], offset[at + 1], offset[at + 2]
        steps[at] += (rise[at] * (middle - after) + rise[at + 1] * (middle - before)) / 6
        areas[stretch.chain] += stretch.sums(steps)
    return chains.gather(areas)


def _geodesic(geometry: NDArray[np.object_], surface: Surface, labels: pd.Index) -> Floats:
    """GeographicLib, ring by ring, with geodesics between points at 70 m."""
    chains, geod = Chains.rings(geometry), surface.ellipsoid.geod()
    areas = np.zeros(len(chains.row))
    parts: list[tuple[Floats, Floats]] = []
    ring = -1
    for stretch in chains.walk(chains.splits(surface, _STEP_M, labels)):
        latitude, longitude = surface.project(stretch.x, stretch.y)
        stretch.check(latitude, chains, labels)
        bounds = np.r_[stretch.start, len(latitude)]
        north, east = np.degrees(latitude), np.degrees(longitude)
        for number, (lower, upper) in zip(stretch.chain, itertools.pairwise(bounds), strict=True):
            if number != ring:
                parts, ring = [], number
            parts.append((east[lower:upper], north[lower:upper]))
            # of a ring that spans several stretches only the last sum stays
            lon, lat = (np.concatenate(axis) for axis in zip(*parts, strict=True))
            areas[number] = geod.polygon_area_perimeter(lon, lat)[0]
    return chains.gather(areas)


def _planar(geometry: NDArray[np.object_], surface: Surface, labels: pd.Index) -> Floats:
    if surface.geographic:
        message = f"{surface.crs.name!r} is in degrees, which have no planar area; use method='national'"
        raise CRSError(message)
    refuse_rows(not_finite(geometry), labels, "have coordinates that are no numbers; repair them or drop them")
    return np.nan_to_num(shapely.area(geometry)) * surface.unit**2
