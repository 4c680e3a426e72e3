"""Registers of projects drawn for tests: squares of known overlap, real polygons, and squares at random."""

import functools
from pathlib import Path

import geopandas as gpd
import hypothesis.strategies as st
import shapely

from ecozones.testing import BOARD_CRS

DATA = Path(__file__).parent / "data" / "restoration"
ACRE_HA = 0.40468564224
X0, Y0 = 500_000.0, 3_320_000.0  # on the central meridian, where a plane metre is a metre
ATTRIBUTIONS = ["priority", "earliest", "latest", "largest", "equal_split"]


def projects(*boxes, **columns):
    """Make projects of boxes in metres from a corner; plain columns."""
    geometry = [shapely.box(X0 + w, Y0 + s, X0 + e, Y0 + n) for w, s, e, n in boxes]
    ids = [f"P{i + 1}" for i in range(len(boxes))]
    return gpd.GeoDataFrame({"project_id": ids, **columns}, geometry=geometry, crs=BOARD_CRS)


def toy_register():
    """Three polygons of known overlap (shared test oracle `overlap_accounting`): 100, 100 and 20 ha."""
    return projects(
        (0, 0, 1000, 1000),
        (500, 0, 1500, 1000),
        (0, 0, 400, 500),
        programme=["North", "South", "North"],
        type=["人工造林", "人工造林", "补植"],
        year=[2022, 2022, 2024],
    )


@functools.cache
def eldorado_register():
    """Read 563 real treatment polygons of a national forest."""
    frame = gpd.read_file(DATA / "facts_eldorado_2003_2007.gpkg")
    names = {"SUID": "project_id", "OBJECTID": "patch_id", "ACTIVITY": "type", "FISCAL_YEAR_COMPLETED": "year"}
    return frame.rename(columns=names).assign(programme="Eldorado")


SQUARE = st.tuples(
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(1, 15),
    st.integers(1, 15),
    st.integers(2020, 2024),
    st.sampled_from("ABC"),
)


def drawn(squares):
    """Turn drawn numbers into projects, some of them triangles so that cuts are not all on a grid."""
    shapes = []
    for i, (x, y, w, h, _, _) in enumerate(squares):
        west, south, east, north = X0 + 10 * x, Y0 + 10 * y, X0 + 10 * (x + w), Y0 + 10 * (y + h)
        corners = [(west, south), (east, south), (east, north), (west, north)]
        shapes.append(shapely.Polygon(corners if i % 3 else corners[:3]))
    return gpd.GeoDataFrame(
        {
            "project_id": [f"P{i}" for i in range(len(squares))],
            "year": [square[4] for square in squares],
            "programme": [square[5] for square in squares],
        },
        geometry=shapes,
        crs=BOARD_CRS,
    )
