"""
Lines too large for memory: they lie on disk, in order of place, and are read around the sites that are asked.

A site is told by what lies around it. What lies further than the window that was read is farther than its edge, so that
only a site to which nothing is nearer than the edge is asked again, with a wider window. What holds for the layer as a
whole, the plane in which distances are measured, is settled before any part of it is read.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from ecozones import overlay
from ecozones.engines.fragments import split
from ecozones.errors import CRSError, GeometryError, SchemaError
from ecozones.large.prepared import REPORT
from ecozones.placing import bring_to, in_metres
from ecozones.plan import ZoningPlan
from ecozones.review import SiteReview
from ecozones.rulebook import Rulebook
from ecozones.siting import PreparedSites, answer_sites
from ecozones.streams import PREPARED, Stream, open_stream

# lines of more features are written down in order of place, and read in parts
RESIDENT = 50_000
TABLES = ("verdicts", "lines", "findings", "balance")
_ROW = "source_row"
_COLUMNS = ("feature_id", "subzone", _ROW)
_STRETCH = 50_000
_GROUP = 1_000
# sites that are asked together: they lie near each other; fewer where so many features lie around them
_BATCH, _MOST = 1_000, 40_000
# how far around sites is read at first [m]
_REACH_M = 500.0
# a degree is no shorter along a meridian, and no longer anywhere; planes stretch lengths by less than the share [m]
_SHORT_DEGREE_M, _LONG_DEGREE_M, _STRETCHED = 110_000.0, 111_800.0, 1.01
# how many distances are held at a time
_HELD = 4_000_000

Box = tuple[float, float, float, float]


@dataclasses.dataclass(frozen=True)
class StoredLine:
    """
    A line on disk.

    Parameters
    ----------
    stream
        Its features, with ``source_row``, their place in the order of the layer.
    bounds
        The box around all of them; nothing where there are none.
    metres
        Whether lengths in its plane are metres.
    stretches
        The boxes around stretches of them, which lie near each other.
    """

    stream: Stream
    bounds: Box | None
    metres: bool
    stretches: NDArray[np.float64]

    @property
    def crs(self) -> pyproj.CRS:
        """What its coordinates mean."""
        assert self.stream.crs is not None
        return self.stream.crs

    def window(self, bounds: Box, reach_m: float) -> Box:
        """Widen a box in its plane by a distance: whatever is left out is farther."""
        west, south, east, north = bounds
        if self.metres:
            return west - reach_m, south - reach_m, east + reach_m, north + reach_m
        up = _STRETCHED * reach_m / _SHORT_DEGREE_M
        lowest = np.cos(np.radians(min(max(abs(south - up), abs(north + up)), 89.0)))
        return west - up / lowest, south - up, east + up / lowest, north + up

    def around(self, window: Box) -> gpd.GeoDataFrame:
        """Read the features in a window, in the order of the layer."""
        read = self.stream.near(window, _COLUMNS).sort_values(_ROW)
        return read.drop(columns=_ROW).reset_index(drop=True)

    def count(self, window: Box) -> int:
        """Tell how many features there are in a window, or a few more."""
        west, south, east, north = window
        low_x, low_y, high_x, high_y = self.stretches.T
        return _GROUP * int(((low_x <= east) & (high_x >= west) & (low_y <= north) & (high_y >= south)).sum())

    def surely_within(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """
        Tell how far away the nearest feature lies at most.

        Something touches each side of the box around a stretch of features, at its far end if nowhere nearer.

        Parameters
        ----------
        points
            In its plane, shape (n, 2).

        Returns
        -------
        ndarray
            Distance, shape (n,). [m]
        """
        low, high = self.stretches[:, :2], self.stretches[:, 2:]
        unit = 1.0 if self.metres else _STRETCHED * _LONG_DEGREE_M
        found = np.full(len(points), np.inf)
        for start, stop in split(len(points), max(1, _HELD // max(len(low), 1))):
            to_low, to_high = (np.abs(points[start:stop, None] - side[None]) for side in (low, high))
            near, far = np.minimum(to_low, to_high), np.maximum(to_low, to_high)
            both = np.minimum(np.hypot(near[..., 0], far[..., 1]), np.hypot(far[..., 0], near[..., 1]))
            found[start:stop] = both.min(axis=1, initial=np.inf) * unit
        return found

    def shows_all(self, window: Box) -> bool:
        """Tell whether a window leaves nothing out."""
        whole = self.bounds
        return whole is None or (
            window[0] <= whole[0] and window[1] <= whole[1] and window[2] >= whole[2] and window[3] >= whole[3]
        )


@dataclasses.dataclass(frozen=True, eq=False)
class NearPlan(ZoningPlan):
    """A plan of which some lines are on disk; what is asked of the whole is answered as the whole would."""

    plane: pyproj.CRS | None = None

    @property
    def metric_crs(self) -> pyproj.CRS:
        """The CRS in metres of the whole plan."""
        return super().metric_crs if self.plane is None else self.plane


def open_line(folder: str | Path, line: str) -> StoredLine:
    """
    Open a line that lies on disk.

    Parameters
    ----------
    folder
        What :func:`ecozones.large.prepare` made of it with ``line=``.
    line
        Its id.

    Returns
    -------
    StoredLine
        Nothing but boxes is read.

    Raises
    ------
    SchemaError
        It was not prepared as a line.
    CRSError
        It is drawn in a plane in which nothing can be measured, or that is one in a part of it only.
    GeometryError
        Features were refused when it was prepared.
    """
    stream = open_stream(folder)
    _check_whole(Path(folder), line)
    lacking = [name for name in _COLUMNS if name not in stream.names]
    if lacking or stream.crs is None:
        message = f"{stream.label} has no {', '.join(lacking) or 'CRS'}; prepare it with line={line!r}"
        raise SchemaError(message)
    stretches = [np.zeros((0, 4))]
    for start, stop in split(stream.rows, _STRETCH):
        boxes = stream.boxes(start, stop)
        stretches += [_around(boxes[first:last])[None] for first, last in split(len(boxes), _GROUP)]
    every = np.concatenate(stretches)
    bounds = _as_box(_around(every)) if len(every) else None
    return StoredLine(stream, bounds, _measured_in(bounds, stream.crs, line), every)


def _check_whole(folder: Path, line: str) -> None:
    """Refuse a line of which features are missing: where they lie nobody knows, and ground there is not clear."""
    manifest = folder / PREPARED
    refused = json.loads(manifest.read_text(encoding="utf-8"))["rows_refused"] if manifest.is_file() else 0
    if refused:
        message = (
            f"{line}: {refused} of its features were refused when {folder.name} was prepared, so that nobody knows "
            f"where they lie, and no site could be called clear of them; {folder.name}/{REPORT} lists each with why. "
            f"Mend these rows in the source, and prepare it again with line={line!r}"
        )
        raise GeometryError(message)


def _around(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def _as_box(box: NDArray[np.float64]) -> Box:
    west, south, east, north = box.tolist()
    return west, south, east, north


def _measured_in(bounds: Box | None, crs: pyproj.CRS, line: str) -> bool:
    """Tell whether a layer is drawn in metres, the same all over it."""
    if bounds is None or crs.is_geographic:
        return not crs.is_geographic
    west, south, east, north = bounds
    places = [(x, y) for x in (west, (west + east) / 2, east) for y in (south, (south + north) / 2, north)]
    said = {in_metres(gpd.GeoDataFrame(geometry=[shapely.Point(place)], crs=crs)) for place in places}
    if said != {True}:
        message = (
            f"{line} is drawn in {crs.name}, whose lengths are not metres all over it; a line that is read in parts "
            "must be drawn in degrees, or in the zone of the place"
        )
        raise CRSError(message)
    return True


def store_line(frame: gpd.GeoDataFrame, folder: Path) -> None:
    """
    Write a line of a plan down in order of place.

    Parameters
    ----------
    frame
        The line.
    folder
        Where to; what is there goes.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    order = np.argsort(frame.hilbert_distance().to_numpy(), kind="stable")
    for number, (start, stop) in enumerate(split(len(order), _STRETCH)):
        rows = order[start:stop]
        part = frame.iloc[rows][["feature_id", "subzone", "geometry"]].assign(**{_ROW: rows})
        part.to_parquet(
            folder / f"part-{number:06d}.parquet",
            index=False,
            schema_version="1.1.0",
            write_covering_bbox=True,
            row_group_size=_GROUP,
        )


def see_from_afar(plan: ZoningPlan, stored: Mapping[str, StoredLine]) -> NearPlan:
    """
    Give a plan without the features of the lines that are on disk.

    Parameters
    ----------
    plan
        The plan, which may have those lines in memory or not at all.
    stored
        The lines on disk.

    Returns
    -------
    NearPlan
        With the ground it speaks of cut in every plane that will be asked.
    """
    kinds = {"feature_id": object, "name": object, "subzone": object}
    crs = {line: plan.lines[line].crs if line in plan else one.crs for line, one in stored.items()}
    empty = {
        line: gpd.GeoDataFrame(pd.DataFrame(columns=list(kinds)).astype(kinds), geometry=[], crs=crs[line])
        for line in stored
    }
    lines = {line: empty.get(line, frame) for line, frame in plan.lines.items()} | empty
    fields = {field.name: getattr(plan, field.name) for field in dataclasses.fields(ZoningPlan)}
    kept = {line: pieces for line, pieces in fields.pop("_pieces").items() if line.split("/")[0] not in stored}
    far = NearPlan(**{**fields, "lines": lines}, _pieces=kept, plane=plan.metric_crs)
    for line, one in stored.items():
        if far.ground(line) is not None:
            far.ground_pieces(line, one.crs)
    return far


def answer_near(
    prepared: PreparedSites,
    plan: ZoningPlan,
    stored: Mapping[str, StoredLine],
    day: dt.date,
    book: Rulebook,
    options: Mapping[str, Any],
) -> SiteReview:
    """
    Answer for sites, with lines that are read around them.

    Parameters
    ----------
    prepared
        The sites, in any order.
    plan
        The plan as it is seen from afar.
    stored
        Its lines on disk.
    day, book, options
        As for :func:`ecozones.siting.answer_sites`.

    Returns
    -------
    SiteReview
        What the whole plan would have answered, to the last bit.
    """
    if not stored or not len(prepared.placed):
        return answer_sites(prepared, plan, day, book, **options)
    reach = max(_REACH_M, _STRETCHED * _farthest_setback(plan, book, options.get("setback_m")))
    there = {line: bring_to(prepared.shapes, one.crs, what="sites")[0] for line, one in stored.items()}
    boxes = {line: shapely.bounds(frame.geometry.to_numpy()) for line, frame in there.items()}
    order = np.argsort(prepared.shapes.hilbert_distance().to_numpy(), kind="stable")
    reviews = []
    for turn in _turns(order, boxes, stored, np.full(len(order), reach)):
        rows = np.sort(turn)
        windows = {line: one.window(_as_box(_around(boxes[line][rows])), reach) for line, one in stored.items()}
        around = {line: one.around(windows[line]) for line, one in stored.items()}
        near = dataclasses.replace(plan, lines={**plan.lines, **around}, _pieces=dict(plan._pieces))  # noqa: SLF001 - pieces that are cut stay
        review = answer_sites(_pick(prepared, rows), near, day, book, **options)
        for line, one in stored.items():
            if not one.shows_all(windows[line]):
                _ask_farther(review.lines, line, one, there[line].iloc[rows], near, reach)
        reviews.append(review)
    ids = pd.Index(prepared.placed["site_id"])
    tables = {
        name: in_order(pd.concat([getattr(one, name) for one in reviews], ignore_index=True), ids) for name in TABLES
    }
    return SiteReview(**tables, on=day, capsule=reviews[0].capsule)


def in_order(table: pd.DataFrame, ids: pd.Index[Any]) -> Any:  # noqa: ANN401 - a frame stays what it is
    """Put rows that were made by some sites at a time in the order of all sites."""
    place = ids.get_indexer(pd.Index(table["site_id"]))
    return table.iloc[np.argsort(place, kind="stable")].reset_index(drop=True)


def _pick(prepared: PreparedSites, rows: NDArray[np.intp]) -> PreparedSites:
    placed, shapes = (frame.iloc[rows].reset_index(drop=True) for frame in (prepared.placed, prepared.shapes))
    return PreparedSites(prepared.sites.iloc[rows], placed, shapes, prepared.repaired.iloc[:0])


def _turns(
    order: NDArray[np.intp],
    boxes: Mapping[str, NDArray[np.float64]],
    stored: Mapping[str, StoredLine],
    reach: NDArray[np.float64],
) -> Iterator[NDArray[np.intp]]:
    """Take sites in order of place, as many at a time as have not too many features around them."""
    waiting = [order[start:stop] for start, stop in split(len(order), _BATCH)][::-1]
    while waiting:
        rows = waiting.pop()
        widest = float(reach[rows].max())
        windows = {line: one.window(_as_box(_around(boxes[line][rows])), widest) for line, one in stored.items()}
        if len(rows) > 1 and max(one.count(windows[line]) for line, one in stored.items()) > _MOST:
            waiting += [rows[len(rows) // 2 :], rows[: len(rows) // 2]]
        else:
            yield rows


def _ask_farther(
    lines: pd.DataFrame, line: str, stored: StoredLine, there: gpd.GeoDataFrame, plan: ZoningPlan, reach: float
) -> None:
    """Measure again how far sites lie from a line that shows nothing within reach of them."""
    rows = np.flatnonzero(lines["line"] == line)
    distance = lines["distance_m"].to_numpy(dtype=float)[rows]
    open_ = np.flatnonzero(~(distance <= reach))
    if not len(open_):
        return
    shapes = there.geometry.to_numpy()
    boxes, farthest = shapely.bounds(shapes), np.full(len(shapes), reach)
    farthest[open_] = stored.surely_within(shapely.get_coordinates(shapely.point_on_surface(shapes[open_])))
    while len(open_):
        unsure = [open_[:0]]
        for turn in _turns(open_, {line: boxes}, {line: stored}, farthest):
            window = stored.window(_as_box(_around(boxes[turn])), float(farthest[turn].max()))
            asked, features = there.iloc[turn], stored.around(window)
            if not stored.metres:
                asked, _ = bring_to(asked, plan.metric_crs, what="sites")
                features, _ = bring_to(features, plan.metric_crs, what=line)
            pieces = overlay.cut(features.geometry.to_numpy(), checked=True)
            distance[turn] = overlay.nearest(asked.geometry.to_numpy(), pieces)
            if not stored.shows_all(window):
                unsure.append(turn[~(distance[turn] <= farthest[turn])])
        # none, unless the plane stretches lengths by more than it may
        open_ = np.concatenate(unsure)
        farthest[open_] *= 2.0
    lines.loc[lines.index[rows], "distance_m"] = distance


def _farthest_setback(plan: ZoningPlan, book: Rulebook, setback_m: float | Mapping[str, float] | None) -> float:
    declared = [line.setback_m for line in (*book.lines, *plan.control_lines.values())]
    asked = setback_m.values() if isinstance(setback_m, Mapping) else [] if setback_m is None else [setback_m]
    return float(max([0.0, *declared, *asked]))
