"""The share of each cell that a polygon covers, as exactextract tells it."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from ecozones.rasters.grid import Geometries, Numbers, Rows
from ecozones.rasters.packages import load_package

# coverage is computed in single precision: a smaller share is an edge that runs along a cell, not ground
_NO_SHARE = 1e-8


def covered_shares(polygons: Geometries, box: shapely.Polygon, shape: tuple[int, int]) -> tuple[Rows, Rows, Numbers]:
    """
    Tell which cells of a tile each polygon covers, and how much of each.

    Parameters
    ----------
    polygons
        Polygons in the coordinates of the tile.
    box
        The tile.
    shape
        Its rows and columns.

    Returns
    -------
    tuple of ndarray
        For each pair, position of the polygon, number of the cell row by row, and share of the cell, above 0 up to 1.
    """
    tools = _exactextract()
    # the number of each cell travels as its value: quicker than asking for "cell_id"
    numbers = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)
    writer = tools.writer()
    tools.extract(
        tools.grid(numbers, *box.bounds),
        tools.polygons(shapely.to_wkb(polygons)),
        ["values", "coverage"],
        output=writer,
    )
    counts = [len(cells) for cells in writer.cells]
    zone = np.repeat(np.arange(len(polygons), dtype=np.intp), counts)
    cell = np.concatenate(writer.cells) if counts else np.empty(0, dtype=np.intp)
    share = np.concatenate(writer.shares) if counts else np.empty(0)
    ground = share > _NO_SHARE
    if not ground.all():
        zone, cell, share = zone[ground], cell[ground], share[ground]
    return zone, cell.astype(np.intp, copy=False), share.astype(np.float64, copy=False)


@dataclasses.dataclass(frozen=True)
class _Coverage:
    """What is used of exactextract: a grid, polygons, and a place to put the shares."""

    extract: Any
    grid: Any
    polygons: Any
    writer: Any


@functools.cache
def _exactextract() -> _Coverage:  # noqa: C901 - classes whose bases are loaded late, and nothing else
    """Tie our arrays to exactextract without the detour through GeoJSON text that its own adapters take."""
    library = load_package("exactextract")
    feature_base: Any = library.Feature
    source_base: Any = library.FeatureSource
    writer_base: Any = library.Writer
    numpy_grid = load_package("exactextract.raster").NumPyRasterSource

    class Polygon(feature_base):
        def __init__(self, wkb: bytes) -> None:
            super().__init__()
            self.wkb = wkb

        def geometry(self) -> bytes:
            return self.wkb

        def get(self, name: str) -> None:
            raise KeyError(name)

        def fields(self) -> list[str]:
            return []

    class Polygons(source_base):
        def __init__(self, wkb: Sequence[bytes]) -> None:
            super().__init__()
            self.wkb = wkb

        def count(self) -> int:
            return len(self.wkb)

        def __iter__(self) -> Iterator[Polygon]:
            return map(Polygon, self.wkb)

        def srs_wkt(self) -> None:
            return None

    class Result(feature_base):
        def __init__(self) -> None:
            super().__init__()
            self.found: dict[str, NDArray[Any]] = {}

        def set(self, name: str, value: NDArray[Any]) -> None:
            self.found[name] = value

        def set_geometry(self, geometry: bytes) -> None:
            """Forget the geometry: the caller has it."""

        def set_geometry_format(self) -> str:
            return "wkb"

        def fields(self) -> list[str]:
            return list(self.found)

    class Writer(writer_base):
        def __init__(self) -> None:
            super().__init__()
            self.cells: list[NDArray[Any]] = []
            self.shares: list[NDArray[Any]] = []

        def add_operation(self, operation: object) -> None:
            """Need nothing: both operations are known."""

        def write(self, feature: Any) -> None:  # noqa: ANN401 - a class without types
            result = Result()
            feature.copy_to(result)
            self.cells.append(result.found.get("values", np.empty(0, dtype=np.int32)))
            self.shares.append(result.found.get("coverage", np.empty(0)))

        def finish(self) -> None:
            """Leave nothing open."""

        def features(self) -> None:
            return None

    return _Coverage(library.exact_extract, numpy_grid, Polygons, Writer)
