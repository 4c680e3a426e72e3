"""Open a layer of any size without reading it, whatever it lies in."""

from __future__ import annotations

from pathlib import Path

from ecozones.errors import InputError, name_rows
from ecozones.sources import PARQUET, warn_mojibake
from ecozones.streams.drivers import DriverStream, open_driver
from ecozones.streams.geoparquet import ParquetStream, open_folder, open_parquet
from ecozones.streams.stream import Stream

_LOOK = 200


def open_stream(source: str | Path | Stream, *, layer: str | None = None, encoding: str | None = None) -> Stream:
    """
    Open a layer without reading it.

    Parameters
    ----------
    source
        GeoParquet: a file, a folder of parts, also partitioned by folders (``county=.../part.parquet``), or a folder
        that :func:`ecozones.prepare` made; any vector format with a driver in GDAL; or a stream, which is returned.
    layer
        Which layer of the file, where it holds several.
    encoding
        Encoding of the texts of a shapefile, where the caller knows it.

    Returns
    -------
    Stream
        Rows are numbered through all parts, in the order of the parts' paths.

    Raises
    ------
    InputError
        Nothing is there, it cannot be read, the layer is not said, parts are not of one layer, or a prepared folder is
        not as it was left.

    Warns
    -----
    TextEncodingWarning
        The encoding was found out rather than declared, or the text looks garbled.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from ecozones.testing import square
    >>> with TemporaryDirectory() as place:
    ...     square("a1").to_parquet(f"{place}/sites.parquet")
    ...     stream = open_stream(f"{place}/sites.parquet")
    ...     stream.rows, stream.read(0, 1)["site_id"].tolist()
    (1, ['a1'])
    """
    if isinstance(source, Stream):
        return source
    path = Path(source)
    if not path.exists():
        message = f"{path} does not exist; check the path"
        raise InputError(message)
    path = path.resolve()
    suffix = path.suffix.lower()
    if path.is_dir() and suffix != ".gdb":
        stream: ParquetStream | DriverStream = open_folder(path)
    elif suffix in PARQUET:
        stream = open_parquet(path, [path])
    else:
        stream = open_driver(path, layer, encoding)
    _refuse_names(stream)
    # the encoding of a shapefile was found out, or said by the caller
    if stream.rows and not (isinstance(stream, DriverStream) and stream.encoding):
        warn_mojibake(stream.read(0, _LOOK), stream.source, stacklevel=3)
    return stream


def _refuse_names(stream: ParquetStream | DriverStream) -> None:
    again = sorted({name for name in stream.names if stream.names.count(name) > 1 or name == "geometry"})
    if again:
        message = f"{stream.label}: columns {name_rows(again)} are there twice; rename them"
        raise InputError(message)
