"""A layer that a source holds, and how several are named."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import geopandas as gpd

from ecozones.errors import name_rows

PARQUET = {".parquet", ".geoparquet"}


@dataclasses.dataclass(frozen=True, eq=False)
class Layer:
    """
    One layer of a source, not yet read.

    Parameters
    ----------
    name
        Name of the layer; of the file, where it holds only one.
    file
        Name of the file, for messages; empty for a frame in memory.
    path
        Where it lies.
    inner
        Name of the layer within the file.
    frame
        The frame, where the layer is in memory.
    alias
        A second name it may be known by: that of its file, where it is alone there.
    """

    name: str
    file: str
    path: Path = Path()
    inner: str | None = None
    frame: gpd.GeoDataFrame | None = None
    alias: str = ""

    @property
    def label(self) -> str:
        """Name the layer in a message, with its file."""
        if not self.file:
            return self.name or "the frame"
        # a drawing has one layer, which says nothing
        alone = self.inner in {None, "entities", Path(self.file).stem}
        return self.file if alone else f"{self.file}, layer {self.inner}"


def skim(names: Iterable[Layer]) -> str:
    """
    Name layers for a message.

    Parameters
    ----------
    names
        Layers.

    Returns
    -------
    str
        Their names with their files, ten at most.

    Examples
    --------
    >>> skim([Layer("stbhhx", "a.gpkg"), Layer("mine", "")])
    'stbhhx (a.gpkg), mine'
    """
    return name_rows(f"{layer.name} ({layer.file})" if layer.file else layer.name for layer in names)
