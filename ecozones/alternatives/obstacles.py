"""
The shortest move that takes a shape off forbidden ground.

A shape S moved by t meets ground F just where t lies in the sum of F and the mirrored shape, F ⊕ (-S): the obstacle
that F makes in the plane of moves. It is built exactly for polygons: every edge of F summed with every convex part of
-S is a convex hull, and those hulls, with F itself moved by one point of each part of the shape, cover the obstacle.
The shortest move is the point of what the obstacle leaves free that lies nearest to no move at all.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import shapely
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

# A gap just as wide as the shape is a way through, yet in the plane of moves it has no width. The shape is taken this
# share smaller, which opens such gaps by less than any coordinate can say.
_SHRINK = 1e-10

# parts of a shape may be joined where their hull is no larger than they are, to this share
_CONVEX = 1e-12

_QUADRANT_SEGMENTS = 16


@dataclasses.dataclass(frozen=True)
class Obstacle:
    """
    The moves that put a shape on forbidden ground.

    Parameters
    ----------
    geometry
        Forbidden moves (dx, dy) of at most `reach` along each axis; moves on its rim only touch.
    reach
        How far moves were looked at. [unit of the coordinates]
    """

    geometry: shapely.Geometry
    reach: float

    def shortest(self, *, clearance: float = 0.0) -> tuple[float, float] | None:
        """
        Give the shortest move that is free.

        Parameters
        ----------
        clearance
            Distance to keep from the forbidden ground. [unit of the coordinates]

        Returns
        -------
        tuple or None
            (dx, dy); None where no move within reach is free.
        """
        blocked = self.geometry
        if clearance > 0:
            blocked = shapely.buffer(blocked, clearance, quad_segs=_QUADRANT_SEGMENTS)
        stay = shapely.Point(0.0, 0.0)
        if not shapely.intersects(blocked, stay):
            return (0.0, 0.0)
        free = shapely.difference(shapely.box(-self.reach, -self.reach, self.reach, self.reach), blocked)
        if free.is_empty:
            return None
        dx, dy = shapely.get_coordinates(shapely.shortest_line(stay, free))[1].tolist()
        return (dx, dy) if float(np.hypot(dx, dy)) <= self.reach else None


def find_obstacle(shape: shapely.Geometry, forbidden: shapely.Geometry, reach: float) -> Obstacle:
    """
    Find all moves within reach that put a shape on forbidden ground.

    Parameters
    ----------
    shape
        A valid polygon, line or point, of one part or several.
    forbidden
        Polygons in the same plane; what lies farther than `reach` from the bounds of the shape may be left out.
    reach
        How far moves are looked at along each axis. [unit of the coordinates]

    Returns
    -------
    Obstacle
        The sum of the ground and the mirrored shape, within reach.

    Examples
    --------
    A square of 2 that stands 1 deep in a wall has to go back by 1.

    >>> obstacle = find_obstacle(shapely.box(0, 0, 2, 2), shapely.box(1, -9, 20, 9), reach=5)
    >>> [round(step, 6) for step in obstacle.shortest()]
    [-1.0, 0.0]
    """
    west, south, east, north = shapely.bounds(shape)
    # near nothing, coordinates have digits to spare
    origin = np.array([(west + east) / 2, (south + north) / 2])
    local = shapely.transform(shape, lambda xy: (xy - origin) * (1 - _SHRINK))
    ground = shapely.transform(forbidden, lambda xy: xy - origin)
    window = shapely.box(-reach, -reach, reach, reach)
    edges = _edges(ground)
    sums = [hulls for part in convex_parts(local) if len(hulls := _sums(edges, part, reach))]
    starts = [shapely.get_coordinates(part)[0] for part in shapely.get_parts(local)]
    inner = [shapely.transform(ground, lambda xy, start=start: xy - start) for start in starts]
    blocked = shapely.union_all(np.concatenate([*sums, np.array(inner, dtype=object)]))
    return Obstacle(shapely.intersection(blocked, window), reach)


def _edges(ground: shapely.Geometry) -> Numbers:
    """Edges of polygons, shape (n, 2, 2)."""
    xy, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(ground)), return_index=True)
    same = ring[1:] == ring[:-1]
    return np.stack([xy[:-1][same], xy[1:][same]], axis=1)


def _sums(edges: Numbers, part: Numbers, reach: float) -> NDArray[np.object_]:
    """Sum edges with a mirrored convex part; sums out of reach are left out."""
    low = edges.min(axis=1) - part.max(axis=0)
    high = edges.max(axis=1) - part.min(axis=0)
    near = ((low <= reach) & (high >= -reach)).all(axis=1)
    corners = edges[near][:, :, None, :] - part[None, None, :, :]
    points = corners.reshape(int(near.sum()), 2 * len(part), 2)
    return np.asarray(shapely.convex_hull(shapely.multipoints(points)), dtype=object)


def convex_parts(shape: shapely.Geometry) -> list[Numbers]:
    """
    Divide a shape into convex parts.

    Parameters
    ----------
    shape
        A valid polygon, line or point, of one part or several.

    Returns
    -------
    list
        The corners of each part; together the parts are the shape.

    Examples
    --------
    >>> [len(part) for part in convex_parts(shapely.box(0, 0, 2, 2))]
    [4]
    >>> corner = shapely.Polygon([(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)])
    >>> len(convex_parts(corner))
    2
    """
    parts: list[Numbers] = []
    for part in shapely.get_parts(shape):
        xy = shapely.get_coordinates(part)
        if shapely.get_dimensions(part) == 0:
            parts.append(xy)
        elif shapely.get_dimensions(part) == 1:
            parts += list(np.stack([xy[:-1], xy[1:]], axis=1))
        elif shapely.area(shapely.convex_hull(part)) <= shapely.area(part) * (1 + _CONVEX):
            parts.append(shapely.get_coordinates(shapely.convex_hull(part))[:-1])
        else:
            parts += _join(shapely.get_parts(shapely.constrained_delaunay_triangles(part)))
    return parts


def _join(triangles: NDArray[np.object_]) -> list[Numbers]:
    """Join triangles with their neighbours while they stay convex."""
    corners = shapely.get_coordinates(triangles).reshape(len(triangles), 4, 2)[:, :3]
    neighbours: dict[frozenset[tuple[float, float]], list[int]] = {}
    for row, triangle in enumerate(corners.tolist()):
        points = [tuple(point) for point in triangle]
        for a, b in ((0, 1), (1, 2), (2, 0)):
            neighbours.setdefault(frozenset((points[a], points[b])), []).append(row)
    beside: list[list[int]] = [[] for _ in corners]
    for pair in neighbours.values():
        if len(pair) == 2:  # noqa: PLR2004 - an inner edge
            beside[pair[0]].append(pair[1])
            beside[pair[1]].append(pair[0])
    area = shapely.area(triangles)
    taken = np.zeros(len(corners), dtype=bool)
    parts = []
    for start in np.argsort(-area, kind="stable").tolist():
        if taken[start]:
            continue
        taken[start] = True
        points, size, waiting = corners[start], float(area[start]), list(beside[start])
        while waiting:
            row = waiting.pop(0)
            if taken[row]:
                continue
            wider = np.concatenate([points, corners[row]])
            hull = shapely.convex_hull(shapely.multipoints(wider))
            if shapely.area(hull) <= (size + area[row]) * (1 + _CONVEX):
                taken[row] = True
                points, size = shapely.get_coordinates(hull)[:-1], size + float(area[row])
                waiting += beside[row]
        parts.append(points)
    return parts
