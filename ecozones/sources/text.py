"""Texts as they are meant: the encoding of a shapefile, its names and values, and text that looks garbled."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping

import geopandas as gpd
import pandas as pd

from ecozones import encodings, errors
from ecozones.errors import FormatWarning, InputError, name_rows
from ecozones.sources.driver import remedy_for
from ecozones.sources.layer import Layer


def text_encoding(layer: Layer, encoding: str | None = None) -> str:
    """
    Find the encoding of the texts of a shapefile, and say so where it had to be found out.

    Parameters
    ----------
    layer
        The shapefile.
    encoding
        What the caller says.

    Returns
    -------
    str
        Name of the codec.

    Raises
    ------
    InputError
        There is no ``.dbf`` beside it.

    Warns
    -----
    TextEncodingWarning
        The file declares none that fits its bytes.
    """
    table = next(
        (path for suffix in (".dbf", ".DBF", ".Dbf") if (path := layer.path.with_suffix(suffix)).is_file()), None
    )
    if table is None:
        message = f"{layer.file}: there is no {layer.path.stem}.dbf beside it; {remedy_for(layer.path)}"
        raise InputError(message)
    found = encodings.dbf_encoding(table, encoding=encoding)
    if not found.declared:
        message = f"{layer.file}: texts were read as {found.name}: {found.reason}; pass encoding= if they look wrong"
        warnings.warn(message, errors.TextEncodingWarning, stacklevel=5)
    return found.name


def decode_names(columns: Iterable[str], encoding: str, layer: Layer) -> dict[str, str]:
    """
    Decode the names of columns that were read byte by byte.

    Parameters
    ----------
    columns
        Names, each byte as the character of that number.
    encoding
        The codec.
    layer
        The shapefile, for messages.

    Returns
    -------
    dict
        The names as they are meant, by the names as they were read.

    Warns
    -----
    FormatWarning
        Ten bytes cut a name in the middle of a character, which is left out.

    Examples
    --------
    >>> decode_names(["ÏØÇø"], "gb18030", Layer("a", "a.shp"))
    {'ÏØÇø': '县区'}
    """
    names: dict[str, str] = {}
    cut: list[str] = []
    for name in columns:
        text, short = _decode_text(str(name), encoding, layer, "the name of a column")
        names[name] = text
        cut += [text] * short
    if cut:
        message = f"{layer.file}: ten bytes of a shapefile cut the last character off column names: {', '.join(cut)}"
        warnings.warn(message, FormatWarning, stacklevel=5)
    return names


def decode_texts(frame: gpd.GeoDataFrame, encoding: str, layer: Layer) -> gpd.GeoDataFrame:
    """
    Decode the texts of a frame that was read byte by byte.

    Parameters
    ----------
    frame
        Rows of a shapefile, each byte of a text as the character of that number.
    encoding
        The codec.
    layer
        The shapefile, for messages.

    Returns
    -------
    GeoDataFrame
        The same rows, their texts as they are meant.

    Raises
    ------
    InputError
        Bytes mean nothing in this encoding; the message names column and rows.

    Warns
    -----
    FormatWarning
        A field cuts a text in the middle of a character, which is left out.
    """
    for name in frame.columns:
        if isinstance(frame[name], pd.Series) and (
            frame[name].dtype == object or pd.api.types.is_string_dtype(frame[name])
        ):
            frame[name] = _decode_column(frame[name], encoding, layer)
    return frame


def _decode_column(column: pd.Series, encoding: str, layer: Layer) -> pd.Series:
    distinct = [value for value in column.dropna().unique() if isinstance(value, str) and not value.isascii()]
    if not distinct:
        return column
    decoded: dict[str, str] = {}
    cut = 0
    for value in distinct:
        decoded[value], short = _decode_text(value, encoding, layer, f"column {column.name}", column)
        cut += short
    if cut:
        message = f"{layer.file}: {cut} texts of column {column.name} end in half a character, which was left out"
        warnings.warn(message, FormatWarning, stacklevel=5)
    return replace_texts(column, decoded)


def replace_texts(column: pd.Series, names: Mapping[str, str]) -> pd.Series:
    """
    Put texts in the place of others.

    Parameters
    ----------
    column
        Texts.
    names
        New text by old.

    Returns
    -------
    Series
        The same column; what is not listed stays.
    """
    # Series.replace goes through the column once per name
    return pd.Series([names.get(value, value) for value in column], index=column.index, dtype=column.dtype)


def _decode_text(
    text: str, encoding: str, layer: Layer, where: str, column: pd.Series | None = None
) -> tuple[str, bool]:
    try:
        return encodings.decode(text.encode("latin1"), encoding, full=True)
    except UnicodeDecodeError as cause:
        rows = f" in row {name_rows(column.index[column == text])}" if column is not None else ""
        message = f"{layer.file}: {where} holds bytes{rows} that are not {encoding}; pass encoding= with the right one"
        raise InputError(message) from cause


def warn_mojibake(frame: gpd.GeoDataFrame, layer: Layer, *, stacklevel: int = 4) -> None:
    """
    Warn of texts that were read in the wrong encoding.

    Parameters
    ----------
    frame
        Rows, of which the first two hundred are looked at.
    layer
        Where they come from, for the message.
    stacklevel
        Whose line the warning names, counted from here as :func:`warnings.warn` counts.

    Warns
    -----
    TextEncodingWarning
        Names or texts say something only when they are decoded anew.
    """
    texts: list[str] = [str(name) for name in frame.columns]
    for name in frame.columns.drop(frame.geometry.name):
        if frame[name].dtype == object or pd.api.types.is_string_dtype(frame[name]):
            texts += [value for value in frame[name].head(200).dropna().unique() if isinstance(value, str)]
    found = encodings.find_mojibake(texts)
    if found:
        garbled, said, right = found
        message = f"{layer.label}: text looks garbled: {garbled!r} says {said!r} in {right}; export it again"
        warnings.warn(message, errors.TextEncodingWarning, stacklevel=stacklevel)
