"""Length of lines on the ellipsoid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ecozones.area.chains import EXACT_STEP_M, Chains
from ecozones.area.ellipsoid import Floats
from ecozones.area.rings import single_parts
from ecozones.area.surface import Surface, flat_crs


def measure_length(geometry: NDArray[np.object_], crs: Any) -> Floats:  # noqa: ANN401 - whatever pyproj takes for a CRS
    """
    Length on the ellipsoid of the lines of each geometry of an array, 0 where it has none.

    Parameters
    ----------
    geometry
        Shapely geometries of any kind, None included; only lines have a length.
    crs
        The CRS of the coordinates, in any form that pyproj reads.

    Returns
    -------
    ndarray
        Lengths, never NaN. [m]

    Raises
    ------
    GeometryError
        Coordinates are not numbers or lie outside the projection.

    Examples
    --------
    >>> quarter = shapely.LineString([(0, 0), (0, 90)])
    >>> measure_length(np.array([quarter]), "EPSG:4326").round(3).tolist()
    [10001965.729]
    """
    geometry = np.asarray(geometry, dtype=object)
    surface = Surface.of(flat_crs(crs))
    parts, row = single_parts(geometry, shapely.GeometryType.LINESTRING, shapely.GeometryType.LINEARRING)
    chains = Chains.of(parts, row, np.ones(len(parts)), len(geometry))
    labels = pd.RangeIndex(len(geometry))
    lengths = np.zeros(len(parts))
    geod = surface.ellipsoid.geod()
    for stretch in chains.walk(chains.splits(surface, EXACT_STEP_M, labels)):
        latitude, longitude = surface.project(stretch.x, stretch.y)
        stretch.check(latitude, chains, labels)
        east, north = np.degrees(longitude), np.degrees(latitude)
        steps = np.zeros(len(east))
        steps[:-1] = geod.inv(east[:-1], north[:-1], east[1:], north[1:])[2]
        steps[stretch.last] = 0.0  # from the end of one line to the start of the next there is no step
        lengths[stretch.chain] += stretch.sums(steps)
    return chains.gather(lengths)
