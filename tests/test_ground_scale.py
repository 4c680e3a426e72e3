"""Areas by the scale of a cell against two other ways: edge by edge through the projection, and an integral in long."""

import math

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ecozones import ground_scale
from ecozones.area import methods, polygon_areas
from ecozones.area.surface import Surface

# a place in each plane, and metres in its unit
PLANES = {
    "EPSG:4527": (39_580_000, 3_400_000, 1),
    "EPSG:4547": (420_000, 5_100_000, 1),
    "EPSG:32649": (700_000, 2_500_000, 1),
    "EPSG:32750": (300_000, 9_000_000, 1),
    "EPSG:3857": (12_000_000, 4_000_000, 1),
    "EPSG:3035": (4_300_000, 3_200_000, 1),
    "EPSG:2263": (984_000, 190_000, 1200 / 3937),
    "EPSG:4490": (108.3, 34.2, 111_000),
    "EPSG:4610": (117.9, 49.6, 111_000),
}


def stars(crs, *, n=400, radius_m=150.0, spread_m=60_000.0, seed=3, corners=16):
    x, y, unit = PLANES[crs]
    rng = np.random.default_rng(seed)
    middle = np.array([x, y]) + rng.uniform(-spread_m, spread_m, (n, 1, 2)) / unit
    angle = np.linspace(0, math.tau, corners, endpoint=False)
    reach = radius_m / unit * (0.4 + 0.6 * rng.random((n, corners)))
    return shapely.polygons(middle + np.stack([reach * np.cos(angle), reach * np.sin(angle)], -1))


def edge_by_edge(shapes, crs, method="equal_area"):
    """Measure as the kernel did before it had a scale: every vertex through the projection."""
    surface = Surface.of(pyproj.CRS(crs))
    ways = {"equal_area": methods._closed, "national": methods._series}
    return ways[method](shapes, surface, np.arange(len(shapes)))


def scale_of(crs, method="equal_area"):
    surface = Surface.of(pyproj.CRS(crs))
    return surface.closed_scale if method == "equal_area" else surface.series_scale


@pytest.mark.parametrize("crs", list(PLANES))
@pytest.mark.parametrize("radius_m", [20.0, 150.0, 2_500.0])
@pytest.mark.parametrize("method", ["equal_area", "national"])
def test_the_scale_of_a_cell_and_the_projection_of_every_vertex_find_the_same_ground(crs, radius_m, method):
    shapes = stars(crs, radius_m=radius_m)
    found = scale_of(crs, method).ring_areas(shapes)
    # what the projection rounds, some nanometres, along the outline
    noise_m2 = 1e-8 * 7 * radius_m
    assert np.abs(found - edge_by_edge(shapes, crs, method)).max() <= max(noise_m2, 2e-11 * radius_m**2)


def test_in_degrees_it_is_the_integral_of_the_textbook_in_long_numbers():
    if np.finfo(np.longdouble).eps > 1e-18:
        pytest.skip("this machine has no numbers longer than double")
    shapes = stars("EPSG:4490", n=60, radius_m=120)
    a, e2 = np.longdouble(6378137), (2 - 1 / np.longdouble("298.257222101")) / np.longdouble("298.257222101")
    e = np.sqrt(e2)
    places, weights = (np.asarray(side, dtype=np.longdouble) for side in np.polynomial.legendre.leggauss(8))
    expected = []
    for shape in shapes:
        lon, lat = np.radians(np.asarray(shape.exterior.coords, dtype=np.longdouble)).T
        at = (1 + places[:, None]) / 2
        sine = np.sin(lat[:-1] + at * np.diff(lat))
        below = a**2 * (1 - e2) / 2 * (sine / (1 - e2 * sine**2) + np.arctanh(e * sine) / e)
        expected.append(abs(float((weights @ below / 2 * np.diff(lon)).sum())))
    found = polygon_areas(shapes, "EPSG:4490", method="equal_area")
    assert np.abs(found / np.array(expected) - 1).max() <= 2e-12


@given(st.sampled_from(list(PLANES)), st.integers(0, 10**6), st.floats(0.5, 3.5), st.integers(3, 60))
@settings(max_examples=60, deadline=None)
def test_pieces_of_a_polygon_sum_to_it(crs, seed, size, corners):
    shape = shapely.make_valid(stars(crs, n=1, radius_m=10**size, seed=seed, corners=corners)[0])
    west, south, east, north = shape.bounds
    rng = np.random.default_rng(seed)
    at = west + rng.random() * (east - west)
    sides = np.array([shapely.box(west, south, at, north), shapely.box(at, south, east, north)], dtype=object)
    pieces = shapely.intersection(shape, sides)
    whole = polygon_areas(np.array([shape], dtype=object), crs)[0]
    unit = PLANES[crs][2]
    coordinate_m = np.spacing(max(abs(west), abs(north))) * unit
    assert abs(polygon_areas(pieces, crs).sum() - whole) <= 1e-11 * whole + 4 * coordinate_m * shape.length * unit


def test_holes_parts_and_direction_are_seen():
    shell = stars("EPSG:4547", n=1, radius_m=3_000)[0]
    hole = shapely.Point(shell.centroid).buffer(200)
    far = stars("EPSG:4547", n=1, seed=9)[0]
    ring, other, rest = polygon_areas(np.array([shell, hole, far], dtype=object), "EPSG:4547")
    shapes = [shell.difference(hole), shapely.MultiPolygon([shell.reverse(), far]), shapely.Polygon(), None]
    found = polygon_areas(np.array(shapes, dtype=object), "EPSG:4547")
    np.testing.assert_allclose(found, [ring - other, ring + rest, 0, 0], rtol=1e-12)


def test_what_is_too_wide_or_has_an_edge_too_long_is_left_to_the_projection():
    coast = shapely.Point(500_000, 3_400_000).buffer(80_000, quad_segs=400)  # wide, with short edges
    box = shapely.box(450_000, 3_300_000, 460_000, 3_310_000)  # edges of ten kilometres
    country = shapely.Point(500_000, 3_400_000).buffer(300_000, quad_segs=4_000)
    shapes = np.array([coast, box, country], dtype=object)
    known = np.isfinite(scale_of("EPSG:4547").ring_areas(shapes))
    assert known.tolist() == [True, False, False]
    np.testing.assert_allclose(
        polygon_areas(shapes, "EPSG:4547", method="equal_area"), edge_by_edge(shapes, "EPSG:4547"), rtol=1e-12
    )


def test_where_the_survey_leaves_its_series_no_cell_pretends_to_be_smooth():
    # 350 km from the meridian the series gives way to the projection, and both differ by millimetres
    x = 500_000 + np.array([300_000, 349_900, 352_000, 420_000])
    shapes = shapely.box(x, 3_400_000, x + 100, 3_400_100)
    known = np.isfinite(scale_of("EPSG:4547", "national").ring_areas(shapes))
    assert known.tolist() == [True, False, False, True]
    np.testing.assert_allclose(
        polygon_areas(shapes, "EPSG:4547"), edge_by_edge(shapes, "EPSG:4547", "national"), rtol=1e-9
    )


@pytest.mark.parametrize(
    ("crs", "corner"),
    [("EPSG:3995", (-100, -100)), ("EPSG:4490", (10.0, 89.5)), ("EPSG:4490", (359.99, 10.0)), ("EPSG:4547", (5e7, 0))],
)
def test_near_a_pole_or_off_the_plane_there_is_no_scale(crs, corner):
    x, y = corner
    assert np.isnan(scale_of(crs).ring_areas(shapely.box([x], y, [x + 0.001], y + 0.001))).all()


def test_rings_with_coordinates_that_are_no_numbers_have_no_area():
    x, y, _ = PLANES["EPSG:4547"]
    with np.errstate(invalid="ignore"):
        odd = [shapely.Polygon([(x, y), (x + 9, y), (x + 9, wrong), (x, y + 9)]) for wrong in (np.nan, np.inf)]
    assert np.isnan(scale_of("EPSG:4547").ring_areas(np.array(odd, dtype=object))).all()


def test_neither_company_nor_what_was_measured_before_changes_a_bit(monkeypatch):
    shapes = np.r_[stars("EPSG:4527", n=300), stars("EPSG:4527", n=60, radius_m=9_000, corners=60)]
    together = polygon_areas(shapes, "EPSG:4527")
    order = np.random.default_rng(5).permutation(len(shapes))
    monkeypatch.setattr(ground_scale, "_KEPT", 1)
    monkeypatch.setattr(ground_scale, "_CHUNK", 100)
    Surface.of.cache_clear()
    assert np.array_equal(polygon_areas(shapes[order], "EPSG:4527"), together[order])
    alone = [polygon_areas(shapes[i : i + 1], "EPSG:4527")[0] for i in range(0, len(shapes), 7)]
    assert alone == together[::7].tolist()
