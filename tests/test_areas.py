"""Areas against published values, an independent method, and themselves cut into pieces."""

import functools
import json
import math
import warnings
from decimal import ROUND_HALF_UP, Context, Decimal
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from shapely import affinity

from ecozones.area import chains as walks
from ecozones.area import (
    close_totals,
    map_sheet_area,
    measure_area,
    measure_length,
    methods,
    net_farmland_area,
    polygon_areas,
)
from ecozones.area import surface as plane
from ecozones.area.chains import Chains
from ecozones.area.ellipsoid import CGCS2000, Ellipsoid
from ecozones.area.rings import single_parts
from ecozones.area.surface import Surface
from ecozones.errors import CRSError, EcozonesWarning, GeometryError, InputError, MissingCRSError, SchemaError
from ecozones.units import from_m2, round_half_up

CASES = json.loads((Path(__file__).parent / "data/area/area.json").read_text(encoding="utf-8"))["cases"]
METHODS = ("national", "geodesic", "equal_area", "planar")
# a parcel of the survey's own kind: one square kilometre at the edge of zone 39, 30 degrees north
A, INVERSE_F = 6378137.0, 298.257222101
SQUARE = shapely.box(620_000, 3_320_000, 621_000, 3_321_000)


def polygons(*shapes):
    return np.array(shapes, dtype=object)


def one(shape, crs=4548, **options):
    return polygon_areas(polygons(shape), crs, **options)[0]


@functools.cache
def measured(method, *, rounded, prefixed=False):
    """All published cases, one call for each zone."""
    areas = np.full(len(CASES), np.nan)
    zones = np.array([case["zone"] for case in CASES])
    for zone in np.unique(zones):
        some = np.flatnonzero(zones == zone)
        shift = zone * 1e6 if prefixed else 0.0
        shapes = polygons(*(shapely.Polygon(np.array(CASES[i]["ring"]) + [shift, 0]) for i in some))
        areas[some] = polygon_areas(shapes, (4488 if prefixed else 4509) + zone, method=method, rounded=rounded)
    return areas


def column(name):
    return np.array([case[name] for case in CASES])


# --- published values


@pytest.mark.parametrize("prefixed", [False, True])
def test_every_published_area_is_met_to_its_last_digit(prefixed):
    assert len(CASES) == 308
    got, wanted = measured("national", rounded=True, prefixed=prefixed), column("national_m2")
    off = [(case["name"], a, b) for case, a, b in zip(CASES, got, wanted, strict=True) if round(a - b, 2) != 0]
    assert off == []


def test_the_procedure_without_its_roundings_meets_the_published_column():
    wanted = column("national_unrounded_m2")
    got = []
    for case in CASES:
        surface = Surface.of(pyproj.CRS.from_epsg(case["epsg"]))
        ring = polygons(shapely.Polygon(case["ring"]))
        got.append(methods._survey(ring, surface, pd.RangeIndex(1), rounded=False)[0])
    # the column has four decimals; a prefecture of 10 625 km2 is 2e-4 off in the fourteenth digit
    assert np.abs(np.array(got) - wanted).max() < 3e-4
    assert (np.abs(np.array(got) - wanted) < 6e-5).mean() > 0.98


def test_unrounded_area_lies_where_the_chords_of_the_procedure_leave_it():
    off = np.abs(measured("national", rounded=False) - column("national_unrounded_m2"))
    rim = np.array([shapely.LinearRing(case["ring"]).length for case in CASES])
    # between 70 m of an edge and its chord lie up to 70**3 / 12 R tan B = 60 cm2; opposite edges bring some back
    assert (off < 70**2 / 12 / 6.37e6 * math.tan(math.radians(54)) * rim).all()
    assert np.median(off) < 0.01


def test_geodesic_area_meets_the_published_column():
    got, wanted = measured("geodesic", rounded=False), column("geodesic_dense_70m_m2")
    assert (np.abs(got - wanted) < 6e-5).mean() > 0.9
    assert np.abs(got - wanted).max() < 1e-3


def test_geodesic_and_unrounded_national_area_are_the_same_ground():
    got, other = measured("national", rounded=False), measured("geodesic", rounded=False)
    # GeographicLib rounds at some square centimetres on any polygon; the rest are its chords of 70 m
    assert np.allclose(got, other, rtol=5e-10, atol=1e-3)


def test_closed_form_and_series_are_the_same_ground():
    assert np.abs(measured("national", rounded=False) / measured("equal_area", rounded=False) - 1).max() < 1e-9


# --- theoretical map sheets, and what an ellipsoid is read from


@pytest.mark.parametrize(
    ("south", "wanted"),
    [
        (20, 30165060.6375),
        (28 + 10 / 60, 28337967.3181),
        (35, 26367263.0593),
        (40, 24684446.2425),
        (50, 20758420.6672),
    ],
)
def test_map_sheet_of_one_to_ten_thousand(south, wanted):
    assert map_sheet_area(south, 2.5, 3.75) == pytest.approx(wanted, abs=2e-4)


def test_map_sheet_equals_a_polygon_with_dense_parallels():
    lon = np.linspace(117, 117 + 3.75 / 60, 400)
    sheet = shapely.Polygon(np.r_[np.c_[lon, np.full(400, 35.0)], np.c_[lon[::-1], np.full(400, 35 + 2.5 / 60)]])
    for method in ("national", "equal_area", "geodesic"):
        assert one(sheet, 4490, method=method) == pytest.approx(26367263.0593, abs=2e-3)
    corners = pyproj.Geod(a=A, rf=INVERSE_F).polygon_area_perimeter(
        [117, 117.0625, 117.0625, 117], [35, 35, *2 * [35 + 2.5 / 60]]
    )
    assert abs(corners[0]) == pytest.approx(26367263.0986, abs=1e-3)


def test_the_parallels_of_a_map_sheet_are_straight_in_degrees():
    sheet = shapely.box(117, 40, 117 + 3.75 / 60, 40 + 2.5 / 60)
    assert one(sheet, 4490) == pytest.approx(24684446.2425, abs=2e-4)


def test_constants_of_the_notice_follow_from_the_flattening_and_not_from_the_printed_half_axis():
    body = Ellipsoid(6378140.0, 6378140.0 * (1 - 1 / 298.257))
    assert body.e2 == pytest.approx(6.69438499958795e-03, rel=1e-14)
    assert (body.a**2 - body.b**2) / body.b**2 == pytest.approx(6.73950181947292e-03, rel=1e-14)
    assert body.a**2 / body.b == pytest.approx(6399596.65198801, rel=1e-14)
    printed = Ellipsoid(6378140.0, 6356755.29)
    assert abs(printed.e2 / 6.69438499958795e-03 - 1) > 5e-8


def test_map_sheet_on_older_ellipsoids_and_its_trap():
    new, old = map_sheet_area(35, 2.5, 3.75), map_sheet_area(35, 2.5, 3.75, "Xian 1980")
    assert old / new - 1 == pytest.approx(2 * 3 / A, rel=2e-2)
    rounded_axis = 1 / (1 - 6356755.29 / 6378140.0)
    assert abs(map_sheet_area(35, 2.5, 3.75, (6378140.0, rounded_axis)) - old) > 1e-3
    with pytest.raises(ValueError, match="ellipsoid 'Clarke' is not known"):
        map_sheet_area(35, 2.5, 3.75, "Clarke")


def test_coefficients_of_the_formula():
    wanted = (1.00336408983419, 0.00112418938192712, 1.6994594735189e-6, 2.71785784557756e-9, 4.35841900483451e-12)
    assert CGCS2000.series == pytest.approx(wanted, rel=1e-13)


# --- a second method that shares nothing with the kernel


def test_area_of_a_sheet_by_numerical_integration():
    e2 = 2 / INVERSE_F - 1 / INVERSE_F**2

    def density(latitude):
        return A**2 * (1 - e2) * math.cos(latitude) / (1 - e2 * math.sin(latitude) ** 2) ** 2

    for south in (5, 25, 53):
        total, _ = quad(density, math.radians(south), math.radians(south + 0.5), epsabs=1e-3, epsrel=1e-13)
        assert map_sheet_area(south, 30, 60) == pytest.approx(total * math.radians(1), rel=2e-11)


@pytest.mark.parametrize("epsg", [4548, 4509, 4498, 27700, 32650, 3035, 6933, 2343, 2385, 31976, 26912])
def test_all_methods_agree_on_any_projection_and_ellipsoid(epsg):
    crs = pyproj.CRS.from_epsg(epsg)
    area = crs.area_of_use
    lon, lat = (area.west + area.east) / 2, min((area.south + area.north) / 2, 60)
    x, y = pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True).transform(lon, lat)
    patch = affinity.translate(shapely.Point(0, 0).buffer(3_000).difference(shapely.Point(300, 0).buffer(900)), x, y)
    geodesic = one(patch, epsg, method="geodesic")
    for method in ("national", "equal_area"):
        assert one(patch, epsg, method=method) == pytest.approx(geodesic, rel=5e-9)
    assert one(patch, epsg, rounded=True) == pytest.approx(geodesic, abs=0.5)


def test_a_projection_in_feet_is_measured_in_metres():
    feet = shapely.box(984_000, 190_000, 985_000, 191_000)
    assert one(feet, 2263, method="planar") == pytest.approx(1e6 * (1200 / 3937) ** 2)
    assert one(feet, 2263) == pytest.approx(one(feet, 2263, method="geodesic"), rel=1e-9)


def test_a_sphere_is_an_ellipsoid_too():
    sphere = "+proj=longlat +R=6371000 +no_defs"
    wanted = 6371000**2 * math.radians(1) * (math.sin(math.radians(31)) - math.sin(math.radians(30)))
    for method in ("national", "equal_area"):
        assert one(shapely.box(0, 30, 1, 31), sphere, method=method) == pytest.approx(wanted, rel=1e-12)


# --- GeographicLib's own tests


@pytest.mark.parametrize(
    ("points", "wanted"),
    [
        ([(0, -1), (-1, 0), (0, 1), (1, 0)], 24619419146.0),
        ([(90, 0), (0, 0), (0, 90)], 63758202715511.0),
        ([(89, 0), (89, 90), (89, 180), (89, 270)], 24952305678.0),
    ],
)
def test_geodesic_polygons_of_geographiclib(points, wanted):
    lat, lon = np.array(points, dtype=float).T
    ring = np.c_[lon, lat]
    chains = Chains(np.vstack([ring, ring[:1]]), np.zeros(len(points) + 1, int), np.zeros(1, int), np.ones(1), 1)
    surface = Surface.of(pyproj.CRS.from_epsg(4326))
    # nothing inserted: geodesics between the corners, as GeographicLib has them
    got = 0.0
    for stretch in chains.walk(np.ones(len(chains.xy), dtype=int)):
        latitude, longitude = surface.project(stretch.x, stretch.y)
        got += surface.ellipsoid.geod().polygon_area_perimeter(np.degrees(longitude), np.degrees(latitude))[0]
    assert abs(got) == pytest.approx(wanted, abs=1)


def test_a_diamond_in_degrees_with_the_edges_it_was_drawn_with():
    # the diamond with geodesic edges has 24619419146 m2; straight edges in degrees near the equator nearly the same
    diamond = shapely.Polygon([(-1, 0), (0, -1), (1, 0), (0, 1)])
    got = one(diamond, 4326, method="geodesic")
    assert got == pytest.approx(24619419146, rel=1e-4)
    assert one(diamond, 4326) == pytest.approx(got, rel=5e-9)


# --- wrong versions found in public code


def wrong_versions(ring):
    """The procedure with one mistake each, on a ring in a zone without prefix."""
    b, e2 = CGCS2000.b, CGCS2000.e2
    old = 6356755.288157528

    def strip(south, north, *, e2=e2, b=b, first=3 / 6, power=2):
        e4, e6, e8 = e2**2, e2**3, e2**4
        factors = (
            1 + first * e2 + 30 / 80 * e2**power + 35 / 112 * e6 + 630 / 2304 * e8,
            (1 / 6 if first else 0) * e2 + 15 / 80 * e4 + 21 / 112 * e6 + 420 / 2304 * e8,
            3 / 80 * e4 + 7 / 112 * e6 + 180 / 2304 * e8,
            1 / 112 * e6 + 45 / 2304 * e8,
            5 / 2304 * e8,
        )
        half, mid = (north - south) / 2, (north + south) / 2
        terms = [
            (-1) ** i * factor * np.sin((2 * i + 1) * half) * np.cos((2 * i + 1) * mid)
            for i, factor in enumerate(factors)
        ]
        return 2 * b**2 * np.sum(terms, axis=0)

    x, y = np.array(ring).T
    steps = [
        np.linspace(0, 1, int(math.hypot(x[i + 1] - x[i], y[i + 1] - y[i]) // 70) + 1, endpoint=False)
        for i in range(len(x) - 1)
    ]
    east = np.concatenate([x[i] + (x[i + 1] - x[i]) * t for i, t in enumerate(steps)])
    north = np.concatenate([y[i] + (y[i + 1] - y[i]) * t for i, t in enumerate(steps)])
    latitude, longitude = plane._gauss_inverse(np.r_[north, north[0]], np.r_[east, east[0]] - 500_000)
    middle = (longitude[1:] + longitude[:-1]) / 2

    def total(**mistake):
        return abs(float(np.sum(strip(latitude[:-1], latitude[1:], **mistake) * middle)))

    return {
        "none": total(),
        "integer division": total(first=0),
        "second eccentricity": total(e2=e2 / (1 - e2)),
        "axis of Xi'an 80": total(b=old, e2=1 - (old / CGCS2000.a) ** 2),
        "exponent in A": total(power=3),
    }


@pytest.mark.parametrize(
    ("mistake", "place", "ppm", "within"),
    [
        ("integer division", "1 km2 square, zone edge, 20N", -1565, 2),
        ("second eccentricity", "1 km2 square, zone edge, 20N", 10.6, 0.05),
        ("axis of Xi'an 80", "1 ha rectangle, zone edge, 30N", 0.46, 0.02),
        ("exponent in A", "1 km2 square, zone edge, 20N", -16.7, 0.1),
    ],
)
def test_known_mistakes_are_not_made(mistake, place, ppm, within):
    case = next(case for case in CASES if case["name"] == place)
    versions = wrong_versions(case["ring"])
    ours = one(shapely.Polygon(case["ring"]), case["epsg"])
    assert ours == pytest.approx(versions["none"], rel=2e-9)
    assert (versions[mistake] / versions["none"] - 1) * 1e6 == pytest.approx(ppm, abs=within)
    assert abs(ours / versions[mistake] - 1) > 4e-7
    assert one(shapely.Polygon(case["ring"]), case["epsg"], rounded=True) == case["national_m2"]


def test_a_long_edge_is_not_a_chord():
    county = next(case for case in CASES if case["name"].startswith("county rectangle"))
    assert abs(county["geodesic_sparse_m2"] - county["national_m2"]) > 6_000
    ring = shapely.Polygon(county["ring"])
    assert one(ring, county["epsg"]) == pytest.approx(one(ring.segmentize(13), county["epsg"]), rel=1e-12)


# --- properties


numbers = st.integers(0, 2**32 - 1)


def blob(rng, *, holes=True):
    """A star with crooked edges somewhere in zone 39, perhaps with a hole."""
    corners = rng.integers(3, 40)
    angles = np.sort(rng.uniform(0, math.tau, corners))
    radii = 10 ** rng.uniform(0.7, 4) * rng.uniform(0.4, 1, corners)
    centre = np.array([rng.uniform(380_000, 620_000), rng.uniform(2e6, 5.5e6)])
    shape = shapely.make_valid(shapely.Polygon(centre + np.c_[radii * np.cos(angles), radii * np.sin(angles)]))
    hole = shapely.Point(centre).buffer(radii.min() / 3)
    return shape.difference(hole) if holes and rng.random() < 0.5 else shape


@settings(max_examples=120, deadline=None)
@given(numbers)
def test_pieces_of_a_cut_polygon_sum_to_the_whole(seed):
    rng = np.random.default_rng(seed)
    whole = blob(rng)
    centre = np.array(whole.representative_point().coords[0])
    angle, reach = rng.uniform(0, math.tau), 1e5
    along, across = np.array([math.cos(angle), math.sin(angle)]), np.array([-math.sin(angle), math.cos(angle)])
    half = shapely.Polygon(
        [
            centre - reach * along,
            centre + reach * along,
            centre + reach * (along + across),
            centre + reach * (across - along),
        ]
    )
    for crs, move in ((4548, 0.0), (4527, 39e6)):
        shapes = [affinity.translate(shape, move, 0) if move else shape for shape in (whole, half)]
        pieces = polygons(shapes[0], shapely.intersection(*shapes), shapely.difference(*shapes))
        for method in ("national", "equal_area"):
            total, inside, outside = polygon_areas(pieces, crs, method=method)
            # where a cut meets an edge is known to half a nanometre, and with a prefix to four
            noise = 1e-8 * shapely.length(shapes[0]) + 1e-8 * reach * 1e-3
            assert inside + outside == pytest.approx(total, rel=1e-9, abs=noise if move else noise / 5)


@pytest.mark.parametrize(
    ("crs", "corners"),
    [
        (4490, [(116, 39), (116.7, 39.1), (116.6, 39.6), (116.1, 39.5)]),
        (4490, [(116, 39), (116.001, 39.0001), (116.0011, 39.0009), (116.0001, 39.0008)]),
        (27700, [(380_000, 395_000), (380_310, 395_020), (380_280, 395_410)]),
        (4548, [(480_000, 4.3e6), (540_000, 4.31e6), (530_000, 4.36e6), (470_000, 4.35e6)]),
    ],
)
def test_pieces_sum_to_the_whole_on_any_plane(crs, corners):
    whole = shapely.Polygon(corners)
    west, south, east, north = whole.bounds
    for share in (0.123, 0.5, 0.8765):
        half = shapely.box(west, south, west + share * (east - west), north)
        total, inside, outside = polygon_areas(polygons(whole, whole & half, whole - half), crs)
        assert inside + outside == pytest.approx(total, rel=1e-10)


def test_cutting_a_square_kilometre_at_an_odd_place_loses_nothing():
    left, right = (
        shapely.box(620_000, 3_320_000, 620_123.4, 3_321_000),
        shapely.box(620_123.4, 3_320_000, 621_000, 3_321_000),
    )
    whole, first, second = polygon_areas(polygons(SQUARE, left, right), 4548)
    assert first + second == pytest.approx(whole, rel=1e-12)
    # the survey's own steps are not additive: this is why balances are not made of rounded areas
    rounded = polygon_areas(polygons(SQUARE, left, right), 4548, rounded=True)
    assert rounded[1] + rounded[2] == pytest.approx(rounded[0], abs=0.05)


@settings(max_examples=40, deadline=None)
@given(numbers)
def test_direction_start_and_order_of_rings_do_not_show(seed):
    rng = np.random.default_rng(seed)
    shape = blob(rng)
    pieces, _ = single_parts(polygons(shape), shapely.GeometryType.POLYGON)
    turned = []
    for piece in pieces:
        rings = [np.array(ring.coords)[:-1] for ring in (piece.exterior, *piece.interiors)]
        rolled = [np.roll(ring, int(rng.integers(len(ring))), axis=0)[:: int(rng.choice([-1, 1]))] for ring in rings]
        turned.append(shapely.Polygon(rolled[0], rolled[1:][::-1]))
    other = shapely.MultiPolygon(turned[::-1])
    assert one(other, rounded=True) == one(shape, rounded=True)
    for method in ("national", "equal_area", "geodesic"):
        assert one(other, method=method) == pytest.approx(one(shape, method=method), rel=1e-10, abs=1e-6)


def test_neither_order_of_rows_nor_company_changes_a_bit():
    rng = np.random.default_rng(1)
    shapes = polygons(*(blob(rng) for _ in range(300)))
    for method in METHODS:
        together = polygon_areas(shapes, 4548, method=method)
        order = rng.permutation(len(shapes))
        assert np.array_equal(polygon_areas(shapes[order], 4548, method=method), together[order])
        assert [one(shape, method=method) for shape in shapes[:20]] == together[:20].tolist()


def test_windows_do_not_show(monkeypatch):
    rng = np.random.default_rng(2)
    shapes = polygons(*(blob(rng) for _ in range(60)), shapely.Point(500_000, 4e6).buffer(30_000, quad_segs=500))
    wanted = {method: polygon_areas(shapes, 4548, method=method) for method in METHODS}
    monkeypatch.setattr(walks, "_WINDOW", 101)
    monkeypatch.setattr(methods, "_BATCH", 57)
    for method, areas in wanted.items():
        assert polygon_areas(shapes, 4548, method=method) == pytest.approx(areas, rel=1e-12)
    lines = shapely.boundary(shapes)
    assert measure_length(lines, 4548) == pytest.approx(measure_length(lines[::-1], 4548)[::-1], rel=1e-12)


def test_the_same_ground_in_two_zones():
    dense = SQUARE.segmentize(5)
    to_40 = pyproj.Transformer.from_crs(4548, 4549, always_xy=True)
    moved = shapely.transform(dense, lambda xy: np.column_stack(to_40.transform(*xy.T)))
    assert one(moved, 4549) == pytest.approx(one(dense), rel=1e-9)
    assert one(moved, 4549, method="planar") / one(dense, method="planar") - 1 > 1e-4


def test_a_hundred_thousand_parcels_in_one_call():
    rng = np.random.default_rng(3)
    corner = rng.uniform([450e3, 3.3e6], [550e3, 3.4e6], (100_000, 2)).round(3)
    side = rng.uniform(10, 300, (100_000, 2)).round(3)
    boxes = shapely.box(*corner.T, *(corner + side).T)
    areas = polygon_areas(boxes, 4548, rounded=True)
    planar = side.prod(axis=1)
    # within 50 km of the meridian a plane is at most 62 parts in a million too large
    assert np.all((areas <= planar + 0.02) & (areas >= planar * (1 - 62e-6) - 0.02))


# --- the door


def test_measure_area_keeps_index_and_names_its_unit():
    frame = gpd.GeoDataFrame({"n": [1, 2]}, geometry=[SQUARE, shapely.Polygon()], crs=4548, index=["a", "b"])
    areas = measure_area(frame, unit="mu")
    assert areas.name == "area_mu"
    assert list(areas.index) == ["a", "b"]
    assert areas["b"] == 0.0
    assert areas["a"] == from_m2(measure_area(frame)["a"], "mu")
    assert measure_area(frame.geometry, unit="ha")["a"] == measure_area(frame)["a"] / 1e4


def test_rounding_is_to_hundredths_of_a_square_metre_for_every_method():
    frame = gpd.GeoSeries([SQUARE.buffer(3.3)], crs=4548)
    for method in METHODS:
        area = measure_area(frame, method=method)[0]
        assert round(area, 2) == area
        assert measure_area(frame, method=method, rounded=False)[0] != area


def test_planar_area_is_not_the_ground():
    assert one(SQUARE, method="planar") == 1e6
    # 1.25 degrees from the meridian: 4 parts in ten thousand
    assert one(SQUARE, method="planar") / one(SQUARE) - 1 == pytest.approx(360e-6, abs=10e-6)


def test_what_has_no_area_measures_nothing_in_the_kernel():
    mixed = shapely.GeometryCollection([shapely.GeometryCollection([SQUARE]), shapely.Point(0, 0)])
    shapes = polygons(None, shapely.Polygon(), shapely.Point(1, 2), shapely.LineString([(0, 0), (1, 1)]), mixed)
    for method in METHODS:
        areas = polygon_areas(shapes, 4548, method=method)
        assert areas[:4].tolist() == [0, 0, 0, 0]
        assert areas[4] == one(SQUARE, method=method)
        assert polygon_areas(shapes[:0], 4548, method=method).tolist() == []


def test_measure_area_names_rows_that_are_no_polygons():
    frame = gpd.GeoSeries([SQUARE, shapely.Point(0, 0), None], crs=4548, index=["a", "b", "c"])
    with pytest.raises(GeometryError, match="rows b, c hold no polygon") as caught:
        measure_area(frame)
    assert caught.value.problems["row"].tolist() == ["b", "c"]


@pytest.mark.parametrize("method", METHODS)
def test_coordinates_that_are_no_numbers_are_refused_by_row(method):
    odd = shapely.transform(SQUARE, lambda xy: np.r_[xy[:1], [[500_000, np.nan]], xy[2:]])
    with pytest.raises(GeometryError, match="rows x have coordinates that are no numbers"):
        measure_area(gpd.GeoSeries([SQUARE, odd], crs=4548, index=["w", "x"]), method=method)


def test_a_layer_without_crs_is_not_measured():
    with pytest.raises(MissingCRSError, match="set_crs"):
        measure_area(gpd.GeoSeries([SQUARE]))
    with pytest.raises(MissingCRSError, match="no CRS"):
        polygon_areas(polygons(SQUARE), None)


def test_degrees_have_no_planar_area():
    with pytest.raises(CRSError, match="no planar area"):
        one(shapely.box(116, 39, 117, 40), 4490, method="planar")


def test_a_site_plan_without_a_datum_is_not_measured():
    with pytest.raises(CRSError, match="neither projected nor geographic"):
        one(SQUARE, 'LOCAL_CS["site",UNIT["metre",1],AXIS["x",EAST],AXIS["y",NORTH]]')


def test_unknown_words_are_named():
    with pytest.raises(ValueError, match="area method 'exact' is not known; use one of national"):
        one(SQUARE, method="exact")
    with pytest.raises(ValueError, match="area unit 'acre' is not known"):
        measure_area(gpd.GeoSeries([SQUARE], crs=4548), unit="acre")


def test_all_rows_that_cannot_be_measured_are_named_wherever_they_are(monkeypatch):
    monkeypatch.setattr(methods, "_BATCH", 11)
    wide, off = shapely.box(-179, 10, 179, 20), shapely.box(10, 80, 20, 95)
    rows = gpd.GeoSeries(
        [wide, shapely.box(0, 0, 1, 1), off, shapely.box(0, 0, 1, 1), wide], crs=4326, index=list("abcde")
    )
    with pytest.raises(GeometryError, match=r"rows a, e span half the globe.*; geometries in rows c have") as caught:
        measure_area(rows)
    assert sorted(caught.value.problems["row"]) == ["a", "c", "e"]


@pytest.mark.parametrize("method", ["national", "equal_area"])
def test_poles_and_the_far_side_are_refused_and_never_wrong(method):
    around_pole = shapely.Point(0, 0).buffer(3e6)
    with pytest.raises(GeometryError, match="reach a pole"):
        one(around_pole, 3413, method=method)
    with pytest.raises(GeometryError, match="180th meridian"):
        one(shapely.box(-179, 10, 179, 20), 4326, method=method)
    with pytest.raises(GeometryError, match="lie off the globe"):
        one(shapely.box(10, 80, 20, 95), 4326, method=method)
    with pytest.raises(GeometryError, match="longer than the equator"):
        one(shapely.box(0, 0, 1e9, 1), 4548, method=method)


def test_across_the_180th_meridian_in_a_projection():
    # zone 1 north of UTM begins at the 180th meridian
    here = shapely.box(340_000, 7.2e6, 380_000, 7.24e6)
    west = pyproj.Transformer.from_crs(32601, 4326, always_xy=True).transform(340_000, 7.2e6)[0]
    assert west > 179
    for method in ("national", "equal_area"):
        assert one(here, 32601, method=method) == pytest.approx(one(here, 32601, method="geodesic"), rel=1e-9)


def test_far_from_its_meridian_a_zone_is_still_measured():
    far = affinity.translate(SQUARE, 480_000, 0)
    assert one(far) == pytest.approx(one(far, method="geodesic"), rel=1e-8)
    assert one(far, method="planar") / one(far) > 1.006


def test_a_height_in_the_crs_and_in_the_points_does_not_matter():
    tall = shapely.force_3d(SQUARE, 400)
    assert one(tall, "EPSG:4548+5737") == one(SQUARE)


# --- rounding


def test_halves_go_away_from_zero_on_the_decimals_that_were_written():
    rng = np.random.default_rng(4)
    numbers_given = np.concatenate(
        [
            rng.uniform(-1e7, 1e7, 2_000),
            rng.integers(-(10**9), 10**9, 2_000) / 1000,
            np.round(rng.uniform(0, 1e4, 2_000), 2) + 0.005,
            [0.0, -0.0, 1.005, 2.675, -0.125, 4503599627370497.5, 9007199254740993.0, 1e300],
        ]
    )
    for decimals in (0, 2, 4):
        step = Decimal(1).scaleb(-decimals)
        wanted = [
            float(Decimal(repr(number)).quantize(step, ROUND_HALF_UP, Context(prec=400)))
            for number in numbers_given.tolist()
        ]
        assert round_half_up(numbers_given, decimals).tolist() == wanted


def test_what_is_no_number_is_not_rounded():
    assert np.isnan(round_half_up(math.nan, 2))
    assert round_half_up([math.inf, -math.inf], 2).tolist() == [math.inf, -math.inf]
    assert float(round_half_up(0.125, 2)) == 0.13


# --- lengths


def test_length_of_a_meridian_quadrant_and_of_a_degree_of_the_equator():
    lines = polygons(shapely.LineString([(0, 0), (0, 90)]), shapely.LineString([(0, 0), (1, 0)]))
    assert measure_length(lines, 4326) == pytest.approx([10001965.729, 2 * math.pi * 6378137 / 360], abs=1e-3)


def test_length_counts_lines_only_and_every_part():
    line = shapely.LineString([(620_000, 3_320_000), (621_000, 3_320_000)])
    shapes = polygons(
        None, SQUARE, line, shapely.MultiLineString([line, affinity.translate(line, 0, 50)]), shapely.Point(0, 0)
    )
    got = measure_length(shapes, 4548)
    # the plane is 180 ppm too long there
    assert got[2] == pytest.approx(1_000 * (1 - 180e-6), abs=0.01)
    assert got[3] == pytest.approx(2 * got[2], rel=1e-7)
    assert got[[0, 1, 4]].tolist() == [0, 0, 0]


# --- totals that close


def test_a_thousand_parcels_in_mu_close():
    rng = np.random.default_rng(0)
    mu = from_m2(rng.lognormal(8.2, 0.7, 1_000), "mu")
    table = close_totals(mu, 2)
    plain = np.round(np.floor(mu * 100 + 0.5) / 100, 2)
    goal = round(math.fsum(mu), 2)
    assert round(plain.sum(), 2) != goal
    assert round(table["rounded"].sum(), 2) == goal
    assert np.allclose(table["rounded"] - table["adjustment"], plain, atol=1e-9)
    assert (table["adjustment"].abs() <= 0.0100001).all()
    # nobody moves farther from his value than one last digit
    assert ((table["rounded"] - table["value"]).abs() < 0.01).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=60), numbers)
def test_closing_does_not_depend_on_the_order_of_rows(thousandths, seed):
    values = pd.Series(np.array(thousandths) / 1000, index=[f"r{i:02}" for i in range(len(thousandths))])
    table = close_totals(values, 2)
    shuffled = close_totals(values.sample(frac=1, random_state=seed % 1000), 2)
    pd.testing.assert_frame_equal(shuffled.sort_index(), table)
    assert round(table["rounded"].sum() * 100) == round(math.floor(sum(thousandths) / 10 + 0.5))


def test_closing_to_a_stated_total():
    table = close_totals([1.2, 2.2, 3.2], 0, 7)
    assert table["rounded"].tolist() == [1, 2, 4]
    assert table["adjustment"].tolist() == [0, 0, 1]
    assert close_totals([1.7, 2.7, 3.7], 0, 8)["rounded"].sum() == 8
    with pytest.raises(InputError, match="that is no rounding"):
        close_totals([1.0, 2.0], 0, 10)
    with pytest.raises(InputError, match="rows 1 are missing"):
        close_totals([1.0, float("nan")], 2)


# --- net farmland


def farmland(*deductions):
    shapes = [shapely.box(500_000 + i * 200, 4e6, 500_100 + i * 200, 4e6 + 100) for i in range(len(deductions))]
    return gpd.GeoDataFrame(
        {"deduction": list(deductions)}, geometry=shapes, crs=4548, index=[f"p{i}" for i in range(len(deductions))]
    )


def test_net_area_is_gross_less_the_rounded_deduction():
    table = net_farmland_area(farmland(0.0, 0.1234, 1, "0.05"))
    assert table["gross_m2"].between(9999, 10001).all()
    gross = round(table["gross_m2"].iloc[1] * 100)
    # in whole hundredths: gross x 1234 / 10000, half up
    assert round(table["deducted_m2"].iloc[1] * 100) == (gross * 1234 + 5_000) // 10_000
    assert np.array_equal(table["net_m2"], np.round(table["gross_m2"] - table["deducted_m2"], 2))
    assert table["net_m2"].iloc[2] == 0
    assert table.loc["p3", "deduction"] == 0.05


def test_half_a_hundredth_goes_up():
    patch = gpd.GeoDataFrame({"deduction": [0.5, 0.15]}, geometry=[shapely.box(0, 0, 0.1, 0.1)] * 2, crs=4548)
    assert net_farmland_area(patch, method="planar")["deducted_m2"].tolist() == [0.01, 0.0]


def test_a_missing_deduction_is_not_zero():
    with pytest.raises(SchemaError, match="missing in 2 of 3 rows \\(p0, p2\\)") as caught:
        net_farmland_area(farmland(None, 0.1, ""))
    assert caught.value.problems["row"].tolist() == ["p0", "p2"]
    with pytest.warns(EcozonesWarning, match="missing in 1 of 2 rows"):
        table = net_farmland_area(farmland(None, 0.1), missing="unknown")
    assert table["net_m2"].isna().tolist() == [True, False]


def test_deductions_out_of_range_are_all_listed():
    with pytest.raises(SchemaError, match="rows p1, p2, p3") as caught:
        net_farmland_area(farmland(0.1, 12.5, -0.1, "x"))
    assert len(caught.value.problems) == 3
    with pytest.raises(SchemaError, match="no column 'deduction'"):
        net_farmland_area(farmland(0.1)[["geometry"]])


def test_measuring_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        polygon_areas(polygons(SQUARE, None), 4548, rounded=True)
