"""How much ground a cell is: from the raster's own ellipsoid, never from a sphere or the plane."""

from __future__ import annotations

from typing import Any

import numpy as np
from pyproj import Proj

from ecozones.errors import CRSError
from ecozones.rasters.grid import Grid, Numbers

# nodes tried, in this order, to describe the scale of a projection over a tile, and the error allowed
_NODES = (3, 5, 9, 17, 33)
_SCALE_TOLERANCE = 1e-9


def cell_areas(grid: Grid, top: int, bottom: int, left: int, right: int) -> Numbers:
    """
    Measure the ground of each cell of a window on the ellipsoid.

    Geographic cells have a closed form, one value a row. Projected cells are their plane area divided by the local
    scale of the projection at their middle.

    Parameters
    ----------
    grid
        Where the cells lie.
    top, bottom, left, right
        First row, row after the last, first column, column after the last.

    Returns
    -------
    ndarray
        Areas of shape (rows, 1) or (rows, columns), to be broadcast. [m²]

    Raises
    ------
    CRSError
        The cells lie where the projection is not defined.

    Examples
    --------
    >>> from pyproj import CRS
    >>> grid = Grid(CRS("EPSG:4490"), 109.0, 40.5, 0.02, 0.02, rows=1, columns=1)
    >>> float(cell_areas(grid, 0, 1, 0, 1)[0, 0].round(3))
    3765741.766
    """
    if grid.crs.is_geographic:
        return _geographic_cell_areas(grid, top, bottom)[:, None]
    return _projected_cell_areas(grid, top, bottom, left, right)


def _geographic_cell_areas(grid: Grid, top: int, bottom: int) -> Numbers:
    radians = grid.crs.axis_info[0].unit_conversion_factor
    edges = (grid.north - np.arange(top, bottom + 1) * grid.cell_height) * radians
    if np.abs(edges).max() > np.pi / 2 + 1e-9:
        message = f"the raster reaches latitude {np.degrees(np.abs(edges).max()):.4f}: its coordinates are not degrees"
        raise CRSError(message)
    ellipsoid = grid.crs.ellipsoid
    assert ellipsoid is not None
    a = ellipsoid.semi_major_metre
    flattening = 1 / ellipsoid.inverse_flattening if ellipsoid.inverse_flattening else 0.0
    squared = flattening * (2 - flattening)
    sine = np.sin(edges)
    if squared:
        e = np.sqrt(squared)
        zone = sine / (2 * (1 - squared * sine**2)) + np.arctanh(e * sine) / (2 * e)
    else:
        zone = sine
    return np.asarray(a**2 * (1 - squared) * grid.cell_width * radians * (zone[:-1] - zone[1:]))


def _projected_cell_areas(grid: Grid, top: int, bottom: int, left: int, right: int) -> Numbers:
    projection = Proj(grid.crs)
    metre = grid.crs.axis_info[0].unit_conversion_factor
    x: Numbers = np.asarray(grid.west + (np.arange(left, right) + 0.5) * grid.cell_width)
    y: Numbers = np.asarray(grid.north - (np.arange(top, bottom) + 0.5) * grid.cell_height)
    plane = grid.cell_width * grid.cell_height * metre**2

    def scale(across: Numbers, down: Numbers) -> Numbers:
        longitude, latitude = projection(*np.meshgrid(across, down), inverse=True)
        return np.asarray(projection.get_factors(longitude, latitude).areal_scale)

    # the scale of a projection is smooth: a few nodes tell all of a tile, and points between them tell whether they do
    test_x, test_y = np.linspace(x[0], x[-1], 7), np.linspace(y[0], y[-1], 7)
    truth = scale(test_x, test_y)
    if not (np.isfinite(truth).all() and (truth > 0).all()):
        message = f"the raster reaches ground on which {grid.crs.name!r} is not defined"
        raise CRSError(message)
    for nodes in _NODES:
        nodes_x, nodes_y = _nodes(x[0], x[-1], nodes), _nodes(y[0], y[-1], nodes)
        at_nodes = scale(nodes_x, nodes_y)
        guess = _through(nodes_y, test_y) @ at_nodes @ _through(nodes_x, test_x).T
        if np.abs(guess / truth - 1).max() <= _SCALE_TOLERANCE:
            # not `@`: a product so thin is not worth the threads that a linear algebra library would start
            down: Any = _through(nodes_y, y) @ at_nodes
            across: Any = np.ascontiguousarray(_through(nodes_x, x).T)
            return np.asarray(plane / np.einsum("ik,kj->ij", down, across))
    message = f"the scale of {grid.crs.name!r} changes too fast to measure cells; use a projection made for this place"
    raise CRSError(message)


def _nodes(first: float, last: float, count: int) -> Numbers:
    """Chebyshev nodes between two coordinates."""
    middle, half = (first + last) / 2, (last - first) / 2
    return np.asarray(middle + half * np.cos((2 * np.arange(count) + 1) * np.pi / (2 * count)))


def _through(nodes: Numbers, at: Numbers) -> Numbers:
    """Weights of the nodes in the polynomial through them, at each place asked for (Lagrange)."""
    if nodes[0] == nodes[-1]:
        return np.full((len(at), len(nodes)), 1 / len(nodes))
    weights = np.ones((len(at), len(nodes)))
    for i in range(len(nodes)):
        for j in range(len(nodes)):
            if i != j:
                weights[:, i] *= (at - nodes[j]) / (nodes[i] - nodes[j])
    return weights
