"""Sites out of a file."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import geopandas as gpd

from ecozones import schema
from ecozones.readers.placed import OnEmpty, ReadOptions, say_once
from ecozones.readers.table import conform_table, read_frame
from ecozones.sources import Source


def read_sites(
    source: Source,
    *,
    layer: str | None = None,
    columns: Mapping[str, str] | None = None,
    encoding: str | None = None,
    crs: object = None,
    keep_personal: bool = False,
    on_empty: OnEmpty = "raise",
    repair: bool = True,
) -> gpd.GeoDataFrame:
    """
    Read proposed sites.

    Parameters
    ----------
    source
        Shapefile, GeoPackage, file geodatabase, GeoJSON, GeoParquet, FlatGeobuf, KML, DXF, boundary-point TXT, a
        ``.zip`` or folder of them, or a frame. A folder of boundary-point texts is read as one table.
    layer
        Which layer, where the source holds several.
    columns
        Which column of the file plays which role, where its name does not tell: ``{"site_id": "项目编号"}``.
    encoding
        Encoding of a shapefile; left out, it is found out and reported.
    crs
        What coordinates mean, for a source that does not say.
    keep_personal
        Keep columns about persons.
    on_empty
        ``"skip"`` leaves rows without geometry out and says so.
    repair
        Repair invalid polygons and say so; else refuse them.

    Returns
    -------
    GeoDataFrame
        One row per site: ``site_id``, ``name``, ``activity``, ``width_m`` [m], ``stated_area_m2`` [m²], then all other
        columns of the file, then polygons, lines or points as drawn.

    Raises
    ------
    SchemaError
        Ids are repeated or missing, or roles are ambiguous; ``problems`` lists every row.
    GeometryError
        Rows hold nothing that can be placed on the ground.
    CRSError
        Coordinates cannot be placed on the ground with certainty.
    InputError
        The file cannot be read.

    Examples
    --------
    >>> import shapely
    >>> plot = shapely.box(39500000, 3300000, 39500100, 3300100)
    >>> plots = gpd.GeoDataFrame({"DKBH": ["A"]}, geometry=[plot], crs=4527)
    >>> read_sites(plots)[["site_id", "activity"]].values.tolist()
    [['A', None]]
    """
    options = ReadOptions(encoding, crs, keep_personal, on_empty, repair)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        contract = schema.table("sites")
        frame, what = read_frame(source, contract, layer=layer, columns=columns, options=options)
        read = conform_table(frame, contract, what=what, columns=columns)
    say_once(heard)
    return read
