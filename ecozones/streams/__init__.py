"""
Layers of any size, read in stretches: rows by number, rows near a place, one column, or everything batch by batch.

A stream knows how many rows there are, what the columns are called and where the coordinates lie, and holds no row. It
travels to other processes as a few words. Rows are numbered as they lie in the source, from 0, however they are read.
"""

from ecozones.streams.drivers import DriverStream
from ecozones.streams.frames import series_of
from ecozones.streams.geoparquet import ParquetStream, stated_values
from ecozones.streams.opening import open_stream
from ecozones.streams.stream import FEATURES, LOST, PREPARED, Passing, Stream, Told

__all__ = [
    "FEATURES",
    "LOST",
    "PREPARED",
    "DriverStream",
    "ParquetStream",
    "Passing",
    "Stream",
    "Told",
    "open_stream",
    "series_of",
    "stated_values",
]
