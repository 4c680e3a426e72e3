"""Districts that conflicts are split by: each with a name of its own, and none on the ground of another."""

from __future__ import annotations

from typing import NamedTuple

import geopandas as gpd
import shapely

from ecozones.conflicts.common_ground import Geometries, Layer, Place, share
from ecozones.crs import check_crs
from ecozones.errors import GeometryError, SchemaError, name_rows
from ecozones.geometry import check_polygons, repair_polygons


class Districts(NamedTuple):
    """Districts by name, at a place."""

    names: Geometries
    layer: Layer


def read_districts(districts: gpd.GeoDataFrame, place: Place) -> Districts:
    """
    Check districts that conflicts shall be split by, and bring them to a place.

    Parameters
    ----------
    districts
        Polygons with a column ``district``.
    place
        Where the layers are overlaid.

    Returns
    -------
    Districts
        Ready to split by.

    Raises
    ------
    SchemaError
        They have no names of their own.
    GeometryError
        They share ground.
    """
    check_crs(districts, what="districts")
    check_polygons(districts, what="districts")
    if "district" not in districts.columns:
        message = "districts has no column 'district' that names each row; rename the one that does"
        raise SchemaError(message)
    again = districts["district"].isna() | districts["district"].duplicated(keep=False)
    if again.any():
        message = f"districts in rows {name_rows(districts.index[again])} have no name of their own; dissolve by name"
        raise SchemaError(message)
    layer = Layer.of(repair_polygons(districts, what="districts")[0], place, what="districts")
    both = share(layer, layer)
    twice = both.a < both.b
    # districts drawn apart from each other meet within the noise of drawing
    heavy = twice & (shapely.area(both.geometry) > 1e-6 * shapely.area(layer.geometry)[both.a])
    if heavy.any():
        named = districts["district"].to_numpy()
        pairs = [f"{named[a]} and {named[b]}" for a, b in zip(both.a[heavy], both.b[heavy], strict=True)]
        message = f"districts share ground, so no total by district is right: {name_rows(pairs)}"
        raise GeometryError(message)
    return Districts(districts["district"].to_numpy(dtype=object), layer)
