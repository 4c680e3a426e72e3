"""Coordinates that are not where their CRS says, datums that cannot be joined, and the offset of internet maps."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from shapely import affinity

from ecozones import gcj
from ecozones.area import polygon_areas
from ecozones.crs import (
    Zone,
    align,
    check_crs,
    gauss_kruger,
    same_crs,
    same_datum,
    zone_of,
)
from ecozones.errors import CRSError, DatumShiftError, GeometryError, MissingCRSError
from ecozones.web_offsets import suspect_shift

DALAT = gpd.read_file(Path(__file__).parent / "data/area/county_dalat.geojson")


def at(x, y, crs, *, size=100.0, index=None):
    """A square of a size around each place."""
    xs, ys = np.atleast_1d(x).astype(float), np.atleast_1d(y).astype(float)
    half = size / 2
    return gpd.GeoDataFrame(geometry=shapely.box(xs - half, ys - half, xs + half, ys + half), crs=crs, index=index)


# --- zones


def test_codes_of_every_zone_are_those_of_the_register():
    for width, numbers in ((3, range(25, 46)), (6, range(13, 24))):
        for number in numbers:
            for prefixed in (True, False):
                zone = Zone(number, width, prefixed)
                crs = pyproj.CRS.from_epsg(zone.epsg)
                easting = {p.name: p.value for p in crs.coordinate_operation.params}["False easting"]
                assert easting == 500_000 + prefixed * number * 1_000_000
                assert zone_of(crs) == zone
                assert ("3-degree" in crs.name) == (width == 3)


def test_zone_is_read_from_older_datums_and_other_spellings_too():
    assert zone_of(2363) == Zone(39, 3, prefixed=True)
    assert zone_of("CGCS2000_3_Degree_GK_CM_117E") == Zone(39, 3, prefixed=False)
    assert zone_of(pyproj.CRS(4527).to_wkt("WKT1_ESRI")) == Zone(39, 3, prefixed=True)
    assert zone_of(4490) is None
    assert zone_of(32650) is None
    assert zone_of(27700) is None


@pytest.mark.parametrize(("longitude", "code"), [(75, 4534), (116.4, 4548), (118.49, 4548), (118.5, 4549), (135, 4554)])
def test_zone_that_a_longitude_lies_in(longitude, code):
    assert gauss_kruger(longitude).to_epsg() == code
    assert gauss_kruger(longitude, prefixed=True).to_epsg() == code - 21


def test_no_zone_outside_china():
    with pytest.raises(ValueError, match=r"longitude 2\.35 lies in no 3-degree zone"):
        gauss_kruger(2.35)


# --- the guard


@pytest.mark.parametrize(
    ("x", "y", "crs"),
    [
        (39_500_000, 4_400_000, 4527),
        (500_000, 4_400_000, 4548),
        (20_500_000, 4_400_000, 4498),
        (39_180_000, 4_400_000, 4527),
        (116.4, 39.9, 4490),
        (116.4, 39.9, 4326),
        (-2.3, 53.4, 4326),
        (380_000, 395_000, 27700),
        (500_000, 4_400_000, 32650),
        (340_000, 7_200_000, 32601),
    ],
)
def test_coordinates_in_their_place_pass(x, y, crs):
    check_crs(at(x, y, crs, size=0.01 if crs in (4490, 4326) else 100), what="sites")


@pytest.mark.parametrize(
    ("x", "y", "crs", "words"),
    [
        (39_500_000, 4_400_000, 4548, "eastings begin with zone number 39.*use EPSG:4527"),
        (20_500_000, 4_400_000, 4509, "eastings begin with zone number 20.*use EPSG:4498"),
        (500_000, 4_400_000, 4527, "no zone number in front.*use EPSG:4548"),
        (40_500_000, 4_400_000, 4527, "begin with zone number 40.*is zone 39; use EPSG:4528"),
        (4_400_000, 500_000, 4548, "northing comes before easting: swap the axes"),
        (4_400_000, 39_500_000, 4527, "northing comes before easting: swap the axes"),
        (4_400_000, 39_500_000, 4548, "northing comes before easting: swap the axes"),
        (1_020_000, 4_400_000, 4548, r"lie 6\.1 degrees from the central meridian.*zone 41 \(EPSG:4550\)"),
        (39_000_000, 4_400_000, 4527, r"lie 5\.8 degrees from the central meridian.*zone 37 \(EPSG:4525\)"),
        (116.4, 39.9, 4548, "coordinates are degrees.*in metres"),
        (39.9, 116.4, 4490, "latitude comes before longitude: swap the axes"),
        (39.9, 75.5, 4490, "latitude comes before longitude: swap the axes"),
        (39.9, 116.4, 4326, "latitude comes before longitude: swap the axes"),
        (500_000, 4_400_000, 4490, "coordinates are metres.*in degrees"),
        (200.0, 30.0, 4326, "out of range"),
        (395_000, 5_380_000, 27700, "outside the area of 'OSGB36"),
        (-2.3, 53.4, 27700, "coordinates are degrees"),
        (4_400_000, 450_000, 32650, "northing comes before easting"),
    ],
)
def test_coordinates_out_of_place_are_refused_with_the_remedy(x, y, crs, words):
    frame = at(x, y, crs, size=0.01 if abs(x) < 1000 else 100)
    with pytest.raises(CRSError, match=f"^sites: .*{words}"):
        check_crs(frame, what="sites")


def test_all_rows_out_of_place_are_listed_and_no_others():
    frame = at(
        [500_000, 4_400_000, 500_100, 39_500_000], [4_400_000, 500_000, 4_400_100, 4_400_000], 4548, index=list("abcd")
    )
    with pytest.raises(CRSError, match=r"swap the axes.*\(rows b\); .*zone number 39.*\(rows d\)") as caught:
        check_crs(frame, what="sites")
    assert caught.value.problems["row"].tolist() == ["b", "d"]


def test_empty_frames_and_geometries_pass():
    check_crs(at([], [], 4548), what="sites")
    check_crs(gpd.GeoSeries([None, shapely.Polygon()], crs=4548), what="sites")


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (39_500_000, 4_400_000, "begin with 39, which looks like EPSG:4527"),
        (20_500_000, 4_400_000, "begin with 20, which looks like EPSG:4498"),
        (500_000, 4_400_000, "zone without prefix .*ask for the central meridian"),
        (116.4, 39.9, "look like degrees"),
        (5e8, 5e8, "nobody can say where it is; find out"),
    ],
)
def test_a_missing_crs_is_refused_with_a_guess(x, y, words):
    with pytest.raises(MissingCRSError, match=f"^plan has no CRS.*{words}.*set_crs"):
        check_crs(at(x, y, None, size=0.01), what="plan")


@pytest.mark.parametrize("crs", [3857, "ESRI:102100", "EPSG:3785"])
def test_web_mercator_is_taken_for_a_sketch_and_refused_for_a_legal_line(crs):
    frame = at(12_957_000, 4_852_000, crs)
    with pytest.raises(CRSError, match=r"display projection that makes areas at 40. north 1\.7 times too large"):
        check_crs(frame, what="red line")
    check_crs(frame, what="sites", web_mercator=True)


def test_degrees_labelled_web_mercator_are_found():
    with pytest.raises(CRSError, match="coordinates are degrees"):
        check_crs(at(116.4, 39.9, 3857, size=0.1), what="sites", web_mercator=True)


# --- alignment


def test_the_same_crs_under_another_name_moves_nothing():
    frame = at(39_512_345.678, 4_400_000.1234, "CGCS2000_3_Degree_GK_Zone_39")
    frame = frame.set_crs(pyproj.CRS(4527).to_wkt("WKT1_ESRI"), allow_override=True)
    moved, path = align(frame, 4527, what="sites")
    assert moved.crs == pyproj.CRS(4527)
    assert shapely.equals_exact(moved.geometry.iloc[0], frame.geometry.iloc[0], tolerance=0)
    assert path == "sites: EPSG:4527, not transformed"


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("CGCS2000_3_Degree_GK_Zone_39", 4527, True),
        ("CGCS2000_3_Degree_GK_CM_117E", 4548, True),
        (4548, 4509, True),
        (4527, 4548, False),
        (4490, 4326, False),
        (4490, 4527, False),
        (4548, 2384, False),
        ("OGC:CRS84", 4326, True),
        ("+proj=tmerc +lon_0=117 +x_0=500000 +ellps=GRS80", 4548, False),
    ],
)
def test_which_crs_are_the_same(first, second, same):
    assert same_crs(first, second) is same
    assert same_crs(second, first) is same


def test_between_zones_ground_stays_where_it_is():
    frame = at(600_000, 4_400_000, 4548)
    moved, path = align(frame, 4528, what="sites")
    assert "same datum, exact" in path
    assert polygon_areas(moved.geometry, 4528)[0] == pytest.approx(polygon_areas(frame.geometry, 4548)[0], rel=1e-7)
    back, _ = align(moved, 4548, what="sites")
    assert shapely.equals_exact(back.geometry.iloc[0], frame.geometry.iloc[0], tolerance=1e-6)
    assert frame.crs == pyproj.CRS(4548)


def test_columns_index_and_heights_come_along():
    frame = gpd.GeoDataFrame(
        {"site_id": ["a", "b"]}, geometry=[shapely.Point(117, 40, 55), shapely.Point(117, 41)], crs=4490, index=[7, 9]
    ).rename_geometry("shape")
    moved, _ = align(frame, 4548, what="sites")
    assert moved.geometry.name == "shape"
    assert moved.index.tolist() == [7, 9]
    assert moved["site_id"].tolist() == ["a", "b"]
    assert shapely.get_z(moved.geometry.iloc[0]) == 55
    assert not shapely.has_z(moved.geometry.iloc[1])


def test_cgcs2000_and_wgs84_are_one_datum_and_the_path_says_so():
    frame = at(117.0, 40.0, 4326, size=0.01)
    moved, path = align(frame, 4548, what="sites")
    assert "taking World Geodetic System 1984 and China 2000 for one datum" in path
    wanted, _ = align(frame.set_crs(4490, allow_override=True), 4548, what="sites")
    assert shapely.equals_exact(moved.geometry.iloc[0], wanted.geometry.iloc[0], tolerance=1e-3)
    assert same_datum(4326, 4527)
    assert not same_datum(4326, 2363)


@pytest.mark.parametrize(
    ("source", "name"), [(4610, "Xian 1980"), (2363, "Xian 1980"), (2437, "Beijing 1954"), (4555, "New Beijing")]
)
def test_old_chinese_datums_are_not_moved_by_guess(source, name):
    frame = at(117.0, 40.0, 4490, size=0.01) if source in (4610, 4555) else at(39_500_000, 4_400_000, 4527)
    frame = frame.set_crs(source, allow_override=True)
    with pytest.raises(DatumShiftError, match=rf"sites is on '{name}'.*no public transformation exists.*pipeline="):
        align(frame, 4527, what="sites")


def test_a_datum_that_proj_can_only_guess_is_refused():
    frame = at(20.0, 50.0, "+proj=longlat +ellps=bessel +no_defs", size=0.01)
    with pytest.raises(DatumShiftError, match="no transformation of stated accuracy"):
        align(frame, 4490, what="sites")


def test_seven_parameters_are_the_position_vector_model():
    old = at(117.0, 40.0, 4610, size=0.01)
    moved, path = align(old, 4490, what="sites", pipeline="100, -50, 30, 1.5, -2, 3, 4")
    lon, lat = np.radians(old.geometry.iloc[0].exterior.coords[0])
    a, f = 6378140.0, 1 / 298.257
    e2 = f * (2 - f)
    n = a / np.sqrt(1 - e2 * np.sin(lat) ** 2)
    place = np.array([n * np.cos(lat) * np.cos(lon), n * np.cos(lat) * np.sin(lon), n * (1 - e2) * np.sin(lat)])
    rx, ry, rz = np.radians(np.array([1.5, -2, 3]) / 3600)
    turn = np.array([[1, -rz, ry], [rz, 1, -rx], [-ry, rx, 1]])
    x, y, z = np.array([100, -50, 30]) + (1 + 4e-6) * turn @ place
    wanted = pyproj.Transformer.from_crs(4978, 4326, always_xy=True).transform(x, y, z)[:2]
    assert moved.geometry.iloc[0].exterior.coords[0] == pytest.approx(wanted, abs=2e-9)
    assert "seven parameters given; their accuracy is not known" in path
    assert align(old, 4548, what="sites", pipeline="100 -50 30 1.5 -2 3 4")[0].crs == pyproj.CRS(4548)


def test_a_pipeline_of_ones_own_is_followed():
    old = at(39_500_000, 4_400_000, 2363)
    moved, path = align(old, 4527, what="sites", pipeline="+proj=pipeline +step +proj=affine +xoff=12.5 +yoff=-3")
    assert moved.total_bounds - old.total_bounds == pytest.approx([12.5, -3, 12.5, -3], abs=1e-6)
    assert "by the pipeline given" in path
    with pytest.raises(DatumShiftError, match="neither a PROJ pipeline nor seven parameters"):
        align(old, 4527, what="sites", pipeline="1,2,3")


@pytest.mark.parametrize(
    ("x", "y", "source", "target", "accuracy"),
    [
        (380_000, 395_000, 27700, 4326, 21),
        (380_000, 395_000, 27700, 25830, 25),
        (600_000, 3_600_000, 31976, 4326, 2),
        (-113.0, 37.3, 4269, 4326, 8),
        (-113.0, 37.3, 4269, 4490, 8),
        (10.0, 50.0, 4258, 4490, 2),
    ],
)
def test_published_transformations_state_their_accuracy(x, y, source, target, accuracy):
    moved, path = align(at(x, y, source, size=0.01), target, what="sites")
    stated = [float(text.split(" m")[0]) for text in path.split("good to ")[1:]]
    assert stated
    assert 0 < stated[0] <= accuracy
    assert np.isfinite(moved.total_bounds).all()


def test_a_known_point_of_the_british_grid():
    # the Caister water tower of the Ordnance Survey's guide: grid on OSGB36, latitude and longitude on ETRS89
    moved, path = align(at(651_409.804, 313_177.450, 27700, size=1), 4326, what="sites")
    centre = moved.geometry.iloc[0].centroid
    wanted = (1 + 42 / 60 + 57.8663 / 3600, 52 + 39 / 60 + 28.8282 / 3600)
    assert "good to 2 m" in path
    assert (centre.x, centre.y) == pytest.approx(wanted, abs=5e-5)


def test_rows_without_a_place_in_the_target_are_named():
    frame = gpd.GeoDataFrame(geometry=[shapely.Point(10, 50), shapely.Point(10, 95)], crs=4326, index=["a", "b"])
    with pytest.raises(GeometryError, match=r"rows b have no place there"):
        align(frame, 32632, what="sites")


def test_aligning_without_crs_is_refused():
    with pytest.raises(MissingCRSError, match=r"^sites has no CRS"):
        align(at(117, 40, None, size=0.1), 4490, what="sites")


# --- offsets of internet maps


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        (gcj.to_gcj02, (116.41024449916938, 39.91640428150164)),
        (lambda x, y: gcj.from_bd09(*gcj.to_bd09(x, y)), (116.404, 39.915)),
    ],
)
def test_public_values_of_the_offset(function, wanted):
    assert tuple(float(v) for v in function(116.404, 39.915)) == pytest.approx(wanted, abs=1e-9)


def test_baidu_from_gcj02_meets_the_public_value():
    # 116.404, 39.915 taken as GCJ-02 is 116.41036949371029, 39.92133699351022 on Baidu's maps
    x, y = gcj.from_gcj02(116.404, 39.915)
    assert tuple(float(v) for v in gcj.to_bd09(x, y)) == pytest.approx(
        (116.41036949371029, 39.92133699351022), abs=1e-9
    )


def test_size_of_the_offset_in_cities():
    cities = {"Beijing": (116.391, 39.907, 556), "Shanghai": (121.474, 31.230, 482), "Chengdu": (104.066, 30.573, 363)}
    geod = pyproj.Geod(ellps="GRS80")
    for lon, lat, wanted in cities.values():
        x, y = gcj.to_gcj02(lon, lat)
        assert geod.inv(lon, lat, float(x), float(y))[2] == pytest.approx(wanted, abs=8)


def test_offsets_can_be_undone_all_over_china_and_nothing_moves_outside():
    rng = np.random.default_rng(0)
    lon, lat = rng.uniform(75, 135, 5_000), rng.uniform(18, 53, 5_000)
    for there, back in ((gcj.to_gcj02, gcj.from_gcj02), (gcj.to_bd09, gcj.from_bd09)):
        x, y = back(*there(lon, lat))
        assert np.abs(x - lon).max() < 1e-10
        assert np.abs(y - lat).max() < 1e-10
    assert [float(v) for v in gcj.to_gcj02(2.35, 48.86)] == [2.35, 48.86]


def shifted(frame, function):
    return frame.set_geometry(shapely.transform(frame.geometry.to_numpy(), lambda xy: np.column_stack(function(*xy.T))))


def moved_by(frame, east, north):
    metres = frame.to_crs(frame.estimate_utm_crs())
    return metres.set_geometry(metres.translate(east, north))


@pytest.mark.parametrize(("function", "name"), [(gcj.to_gcj02, "GCJ-02"), (gcj.to_bd09, "BD-09")])
def test_a_real_county_in_coordinates_of_an_internet_map_is_recognised(function, name):
    table = suspect_shift(shifted(DALAT, function), DALAT)
    first = table.iloc[0]
    assert (first["explanation"], first["shifted"], first["suspected"]) == (name, "frame", True)
    assert table["suspected"].sum() == 1
    assert first["distance_m"] < 1
    assert first["matched"] > 0.9
    assert 19 < first["shift_m"] < 1_500
    other = suspect_shift(DALAT, shifted(DALAT, function)).iloc[0]
    assert (other["explanation"], other["shifted"]) == (name, "reference")


def test_the_shift_of_a_county_has_the_size_and_direction_that_were_measured():
    first = suspect_shift(shifted(DALAT, gcj.to_gcj02), DALAT).iloc[0]
    assert (first["east_m"], first["north_m"]) == pytest.approx((477, 105), abs=40)


def test_a_shift_is_recognised_across_crs_and_from_a_part_of_the_boundary():
    zone = gauss_kruger(110)
    reference = DALAT.to_crs(zone)
    half = shapely.box(*(DALAT.total_bounds + [0, 0, -np.ptp(DALAT.total_bounds[::2]) / 2, 0]))
    west = DALAT.set_geometry(DALAT.intersection(half))
    assert suspect_shift(shifted(west, gcj.to_gcj02), reference).iloc[0]["explanation"] == "GCJ-02"


@pytest.mark.parametrize(("east", "north"), [(0, 0), (100, -30), (0, 500), (500, -400), (-100, 0), (1200, 1200)])
def test_other_shifts_and_none_are_not_taken_for_it(east, north):
    assert suspect_shift(moved_by(DALAT, east, north), DALAT) is None


def test_a_layer_off_the_other_way_means_that_its_reference_is_shifted():
    first = suspect_shift(moved_by(DALAT, -477, -105), DALAT).iloc[0]
    assert (first["explanation"], first["shifted"]) == ("GCJ-02", "reference")


def test_layers_with_nothing_in_common_are_not_suspected():
    rng = np.random.default_rng(5)
    centre = DALAT.geometry.iloc[0].centroid
    blobs = [
        affinity.translate(shapely.Point(0, 0).buffer(0.02), *(np.array([centre.x, centre.y]) + d))
        for d in rng.normal(0, 0.2, (50, 2))
    ]
    others = gpd.GeoDataFrame(geometry=blobs, crs=4490)
    assert suspect_shift(others, DALAT) is None
    assert suspect_shift(DALAT, others) is None


@pytest.mark.parametrize("function", [gcj.to_gcj02, gcj.to_bd09])
def test_a_small_layer_that_happens_to_lie_along_a_straight_border_is_not_suspected(function):
    extent = gpd.GeoDataFrame(geometry=[shapely.box(110.0, 40.0, 110.1, 40.1)], crs=4490)
    east, north = (np.array(function(110.1, 40.05)) - [110.1, 40.05]).tolist()
    # just where the shift of that service would have brought a layer that hugs the eastern border
    parcel = shapely.box(110.0995 + east, 40.05 + north, 110.1 + east, 40.052 + north)
    assert suspect_shift(gpd.GeoDataFrame(geometry=[parcel], crs=4490), extent) is None


def test_points_and_places_abroad_are_not_suspected():
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy([110.0], [40.2]), crs=4490)
    assert suspect_shift(points, DALAT) is None
    assert suspect_shift(DALAT, points) is None
    abroad = at(-2.3, 53.4, 4326, size=0.1)
    assert suspect_shift(abroad, abroad.translate(0.005, 0.001).to_frame("geometry")) is None
    assert isinstance(suspect_shift(shifted(DALAT, gcj.to_bd09), DALAT), pd.DataFrame)
