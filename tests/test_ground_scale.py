"""Areas by local scale against the exact method and against GeographicLib."""

import numpy as np
import pyproj
import pytest
import shapely
from ecozones.parcel_area import parcel_areas

from ecozones.area import polygon_areas
from ecozones.errors import CRSError


def parcels(crs, n=2_000, radius_m=120.0, spread_m=120_000.0, seed=3):
    rng = np.random.default_rng(seed)
    false_east = 39_500_000 if crs == "EPSG:4527" else 500_000
    x, y = false_east + rng.uniform(-spread_m, spread_m, n), 3_400_000 + rng.uniform(-spread_m, spread_m, n)
    angle = np.linspace(0, 2 * np.pi, 17)[:-1]
    reach = radius_m * (0.6 + 0.4 * rng.random((n, 16)))
    rings = np.stack([x[:, None] + reach * np.cos(angle), y[:, None] + reach * np.sin(angle)], -1)
    return shapely.polygons(rings)


@pytest.mark.parametrize("crs", ["EPSG:4527", "EPSG:4547", "EPSG:32649", "EPSG:32750"])
def test_areas_are_the_exact_ones_to_a_hundred_millionth(crs):
    shapes = parcels(crs)
    exact = polygon_areas(shapes, crs, method="equal_area")
    assert np.abs(parcel_areas(shapes, crs) / exact - 1).max() <= 1e-8


def test_they_are_those_of_geographiclib():
    shapes = parcels("EPSG:4547", n=600, radius_m=30)
    geod, crs = pyproj.Geod(ellps="GRS80"), pyproj.CRS("EPSG:4547")
    back = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    expected = [abs(geod.polygon_area_perimeter(*back.transform(*shapely.get_coordinates(one).T))[0]) for one in shapes]
    np.testing.assert_allclose(parcel_areas(shapes, "EPSG:4547"), expected, rtol=1e-7)


def test_large_polygons_and_holes_among_small_ones_are_measured_exactly():
    shapes = parcels("EPSG:4547")
    shapes[7] = shapely.box(450_000, 3_300_000, 550_000, 3_400_000)
    shapes[9] = shapely.difference(shapes[9], shapely.buffer(shapely.centroid(shapes[9]), 20))
    shapes[11] = shapely.union(shapes[11], shapes[12])
    exact = polygon_areas(shapes, "EPSG:4547", method="equal_area")
    found = parcel_areas(shapes, "EPSG:4547")
    assert np.abs(found / exact - 1).max() <= 1e-8
    assert found[7] == exact[7]


def test_a_tighter_tolerance_is_kept():
    shapes = parcels("EPSG:4547", radius_m=60)
    exact = polygon_areas(shapes, "EPSG:4547", method="equal_area")
    assert np.abs(parcel_areas(shapes, "EPSG:4547", tolerance=1e-9) / exact - 1).max() <= 1e-9


def test_empty_ones_measure_nothing_and_degrees_are_refused():
    shapes = parcels("EPSG:4547")
    shapes[3] = shapely.Polygon()
    assert parcel_areas(shapes, "EPSG:4547")[3] == 0
    assert len(parcel_areas(np.empty(0, dtype=object), "EPSG:4547")) == 0
    with pytest.raises(CRSError, match="degrees"):
        parcel_areas(shapes, "EPSG:4490")
