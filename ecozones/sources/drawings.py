"""Drawings: texts decoded, and lines closed into the areas they were drawn for."""

from __future__ import annotations

import contextlib
import warnings

import geopandas as gpd
import pandas as pd
import shapely

from ecozones import encodings, errors
from ecozones.errors import FormatWarning
from ecozones.sources.layer import Layer
from ecozones.sources.text import replace_texts


def tidy_drawing(frame: gpd.GeoDataFrame, layer: Layer) -> gpd.GeoDataFrame:
    """
    Take closed lines of a drawing as the polygons they stand for, and leave out what is not ground.

    Parameters
    ----------
    frame
        As the driver reads it.
    layer
        The layer, for messages.

    Returns
    -------
    GeoDataFrame
        Without labels, layout objects and columns that the file does not fill.

    Warns
    -----
    FormatWarning
        Something was left out, or taken as polygons.
    """
    if "PaperSpace" in frame.columns:
        # labels and layouts of a drawing
        paper = frame["PaperSpace"].eq(1).fillna(value=False).astype(bool).to_numpy()
        label = (frame.geom_type == "Point").to_numpy() & frame.get(
            "Text", pd.Series(index=frame.index, dtype=object)
        ).notna().to_numpy()
        if (paper | label).any():
            message = f"{layer.label}: left out {int((paper | label).sum())} labels and layout objects of the drawing"
            warnings.warn(message, FormatWarning, stacklevel=4)
            frame = frame[~(paper | label)]
    shapes = frame.geometry.to_numpy()
    line = shapely.get_type_id(shapes) == int(shapely.GeometryType.LINESTRING)
    ring = line & (shapely.is_closed(shapes)) & (shapely.get_num_points(shapes) >= 4)  # noqa: PLR2004 - a ring has four
    if ring.any():
        shapes = shapes.copy()
        shapes[ring] = shapely.polygons(
            shapely.linearrings([shapely.get_coordinates(shape) for shape in shapes[ring]]).tolist()
        )
        frame = frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))
        message = f"{layer.label}: {int(ring.sum())} closed lines were taken as polygons"
        warnings.warn(message, FormatWarning, stacklevel=4)
    # columns that the driver adds and the file does not fill
    filler = [name for name in frame.columns if name != frame.geometry.name and frame[name].isna().all()]
    return frame.drop(columns=filler)


def decode_drawing(frame: gpd.GeoDataFrame, layer: Layer, encoding: str | None) -> gpd.GeoDataFrame:
    """
    Decode the texts of a drawing anew where it states a code page that its bytes do not keep to.

    Parameters
    ----------
    frame
        As the driver reads it.
    layer
        The layer, for messages.
    encoding
        Encoding of the texts, where the caller knows it.

    Returns
    -------
    GeoDataFrame
        Its texts as they are meant.

    Warns
    -----
    TextEncodingWarning
        The encoding was found out.
    """
    names = [name for name in frame.columns.drop(frame.geometry.name) if not pd.api.types.is_numeric_dtype(frame[name])]
    texts = pd.unique(pd.concat([frame[name].dropna().astype(str) for name in names])) if names else []
    found = encodings.find_mojibake(texts)
    right = encodings.codec_name(encoding, layer.file) if encoding else (found[2] if found else "")
    if not right:
        return frame
    if not encoding:
        message = (
            f"{layer.file}: texts were read as {right}, against the code page of the drawing; pass encoding= if wrong"
        )
        warnings.warn(message, errors.TextEncodingWarning, stacklevel=4)
    again: dict[str, str] = {}
    for text in texts:
        for wrong in ("latin1", "cp1252"):
            with contextlib.suppress(UnicodeError):
                again.setdefault(text, text.encode(wrong).decode(right))
    return frame.assign(**{name: replace_texts(frame[name], again) for name in names})
