"""Which layers a source holds, and one of them as a frame: files, folders, archives and frames in memory."""

from ecozones.sources.driver import call_driver, plain_path
from ecozones.sources.layer import PARQUET, Layer, skim
from ecozones.sources.listing import Source, open_source
from ecozones.sources.reading import read_layer
from ecozones.sources.text import decode_names, decode_texts, text_encoding, warn_mojibake

__all__ = [
    "PARQUET",
    "Layer",
    "Source",
    "call_driver",
    "decode_names",
    "decode_texts",
    "open_source",
    "plain_path",
    "read_layer",
    "skim",
    "text_encoding",
    "warn_mojibake",
]
