"""Classes, transitions, evidence of restoration, trends and error-adjusted areas, against answers from outside."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
import scipy.ndimage
import scipy.stats
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from ecozones import landcover, rasters
from ecozones.area import polygon_areas
from ecozones.errors import CRSError, InputError, SchemaError
from ecozones.landcover import (
    class_areas,
    class_changes,
    cover_by_zone,
    error_adjusted_area,
    find_changed_patches,
    find_encroachment,
    find_patches,
    judge_transitions,
    label_patches,
    load_meaning,
    measure_trend,
    pool_endmembers,
    sample_size,
    square_matrix,
    stratified_area,
    transition_matrix,
    vegetation_cover,
    vegetation_index,
    verify_restored,
)
from ecozones.rasters import RasterBand

DATA = Path(__file__).parent / "data" / "landcover"
ALBERS = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +ellps=GRS80 +units=m"
NORTH = 4_000_000.0


def write_raster(path, values, *, cell=30, crs=ALBERS, nodata=255, affine=None):
    """An equal-area raster: its cells have the area they seem to have."""
    values = np.asarray(values)
    bands = values if values.ndim == 3 else values[None]
    profile = {
        "driver": "GTiff",
        "count": len(bands),
        "height": bands.shape[1],
        "width": bands.shape[2],
        "nodata": nodata,
    }
    affine = affine or Affine(cell, 0, 0, 0, -cell, NORTH)
    with rasterio.open(path, "w", dtype=values.dtype, crs=crs, transform=affine, **profile) as file:
        file.write(bands)
    return path


def classes(*rows):
    return np.array(rows, dtype=np.uint8)


def zone(left, top, right, bottom, cell=30):
    """A rectangle in cells of the raster."""
    return shapely.box(left * cell, NORTH - bottom * cell, right * cell, NORTH - top * cell)


def frame(*polygons, crs=ALBERS, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(polygons), crs=crs)


# -- class areas


def test_nodata_and_ground_beyond_the_raster_are_rows_of_their_own(tmp_path):
    path = write_raster(tmp_path / "c.tif", classes([1, 1, 2, 255], [1, 1, 2, 255]), cell=100)
    site = frame(zone(0, 0, 5, 2, cell=100), name=["S"])
    table = class_areas(site, path, zone_id="name", names={1: "forest"}, min_cells=1)
    rows = list(table[["zone_id", "ground", "class_name", "cells"]].itertuples(index=False, name=None))
    assert rows == [("S", "class", "forest", 4), ("S", "class", "", 2), ("S", "nodata", "", 2), ("S", "outside", "", 0)]
    assert table["area_ha"].to_numpy() == pytest.approx([4, 2, 2, 2], rel=1e-6)
    assert table["share"].to_numpy() == pytest.approx([0.4, 0.2, 0.2, 0.2], rel=1e-6)
    assert table["coverage"].to_numpy() == pytest.approx(0.6, rel=1e-6)
    assert set(table["flag"]) == {"coverage below 0.95"}
    assert set(table["kind"]) == {"pixel_count"}
    assert table["class_id"].isna().tolist() == [False, False, True, True]


def test_class_areas_of_a_geographic_raster_are_those_of_the_ellipsoid(tmp_path):
    affine = Affine(0.02, 0, 109.0, 0, -0.02, 40.50)
    path = write_raster(tmp_path / "deg.tif", classes([1, 2], [2, 1]), crs="EPSG:4490", affine=affine)
    cell = frame(shapely.box(109.0, 40.48, 109.02, 40.50), crs="EPSG:4490")
    (row,) = class_areas(cell, path).itertuples()
    # the sphere of exactextract would give 3 769 750.875
    assert (row.class_id, row.flag) == (1, "fewer than 9 cells")
    assert row.area_m2 == pytest.approx(3_765_741.766, abs=0.01)


def test_every_zone_is_accounted_for_to_the_last_square_metre(tmp_path):
    rng = np.random.default_rng(4)
    path = write_raster(tmp_path / "c.tif", rng.choice([1, 2, 3, 255], (120, 150)).astype(np.uint8))
    centre = shapely.points(rng.uniform(-300, 4800, 80), NORTH - rng.uniform(-300, 3900, 80))
    zones = frame(*shapely.buffer(centre, rng.uniform(20, 900, 80)))
    table = class_areas(zones, path)
    truth = polygon_areas(zones.geometry.to_numpy(), zones.crs, method="geodesic")
    assert table.groupby("zone_id")["area_m2"].sum().to_numpy() == pytest.approx(truth, rel=1e-6, abs=1e-2)
    assert table.groupby("zone_id")["share"].sum().to_numpy() == pytest.approx(1.0, rel=1e-12)


def test_the_order_of_zones_does_not_matter(tmp_path):
    path = write_raster(tmp_path / "c.tif", np.random.default_rng(4).integers(0, 4, (60, 60)).astype(np.uint8))
    zones = frame(zone(1, 1, 9.5, 20.2), zone(3.3, 3, 40, 50), zone(0, 0, 60, 60), name=["a", "b", "c"])
    first = class_areas(zones, path, zone_id="name")
    turned = class_areas(zones.iloc[::-1], path, zone_id="name").sort_values(["zone_id", "class_id"], ignore_index=True)
    pd.testing.assert_frame_equal(first, turned, rtol=1e-12)


def test_codes_of_any_integer_type_are_counted(tmp_path):
    for dtype, codes in (("int16", [-5, 300]), ("int32", [-70_000, 2_000_000]), ("uint16", [3, 65_000])):
        path = write_raster(tmp_path / f"{dtype}.tif", np.array([codes, codes], dtype=dtype), nodata=99)
        table = class_areas(frame(zone(0, 0, 2, 2)), path)
        assert (table["class_id"].tolist(), table["cells"].tolist()) == (codes, [2.0, 2.0])


def test_zones_without_names_of_their_own_are_refused(tmp_path):
    path = write_raster(tmp_path / "c.tif", classes([1]))
    twice = frame(zone(0, 0, 1, 1), zone(0, 0, 1, 1), name=["a", "a"])
    with pytest.raises(SchemaError, match="a missing or used twice"):
        class_areas(twice, path, zone_id="name")
    with pytest.raises(SchemaError, match="no column 'id'"):
        class_areas(twice, path, zone_id="id")


# -- transitions


def test_transitions_of_nine_cells_of_thirty_metres(tmp_path):
    # worked by hand: four pairs of one cell (0.09 ha) in the first two rows of the matrix, 0.18 and 0.27 in the last
    before = write_raster(tmp_path / "a.tif", classes([1, 1, 2], [2, 3, 3], [3, 3, 3]))
    after = write_raster(tmp_path / "b.tif", classes([1, 2, 1], [2, 1, 1], [3, 3, 3]))
    moved = transition_matrix(before, after)
    square = square_matrix(moved)
    expected = [[0.09, 0.09, 0], [0.09, 0.09, 0], [0.18, 0, 0.27]]
    assert square.to_numpy() == pytest.approx(np.array(expected), rel=1e-6)
    first = class_changes(moved).iloc[0]
    assert first[["gain_ha", "loss_ha", "net_ha", "swap_ha"]].to_list() == pytest.approx(
        [0.27, 0.09, 0.18, 0.18], rel=1e-6
    )
    assert set(moved["kind"]) == {"pixel_count"}


# cells by class in 2000 and 2020 of a gold-mining landscape in Amapá: MapBiomas Project, collection 6, counted by numpy
AMAPA = {
    (3, 0): 1, (3, 3): 1765701, (3, 12): 339, (3, 15): 1078, (3, 30): 859, (3, 33): 2433, (3, 41): 68,
    (11, 11): 12, (11, 12): 1,
    (12, 3): 118, (12, 12): 2447, (12, 15): 290, (12, 30): 176, (12, 33): 25, (12, 41): 27,
    (15, 3): 6947, (15, 11): 1, (15, 12): 2494, (15, 15): 1299, (15, 30): 428, (15, 33): 17, (15, 41): 22,
    (30, 3): 620, (30, 11): 1, (30, 12): 1686, (30, 15): 118, (30, 30): 4318, (30, 33): 141, (30, 41): 1,
    (33, 3): 3468, (33, 12): 169, (33, 15): 2, (33, 30): 7, (33, 33): 76,
    (65535, 65535): 2891,
}  # fmt: skip


def test_a_landscape_with_the_transitions_of_amapa_gives_them_back(tmp_path):
    pairs = np.repeat(np.array(list(AMAPA)), list(AMAPA.values()), axis=0).astype(np.uint16)
    assert len(pairs) == 1341 * 1341
    np.random.default_rng(0).shuffle(pairs)
    size = 29.87712682461916
    affine = Affine(size, 0, 409829.46921261505, 0, -size, 276306.31463620113)
    dates = [
        write_raster(
            tmp_path / f"{i}.tif", pairs[:, i].reshape(1341, 1341), crs="EPSG:31976", nodata=65535, affine=affine
        )
        for i in (0, 1)
    ]
    moved = transition_matrix(*dates)
    seen = moved[moved["ground"] == "class"]
    counted = {(int(a), int(b)): n for a, b, n in zip(seen["before"], seen["after"], seen["cells"], strict=True)}
    assert counted == {pair: n for pair, n in AMAPA.items() if pair[0] != 65535}
    assert moved.loc[moved["ground"] == "nodata", "cells"].tolist() == [2891.0]
    # the whole ground, measured on the ellipsoid; in the plane it would be 160 526 ha
    whole = shapely.box(affine.c, affine.f - 1341 * size, affine.c + 1341 * size, affine.f)
    truth = polygon_areas(np.array([whole]), "EPSG:31976", method="geodesic")[0] / 1e4
    assert moved["area_ha"].sum() == pytest.approx(truth, rel=1e-8)
    assert abs(truth / (1341 * size) ** 2 * 1e4 - 1) > 5e-4


def test_transitions_agree_with_cells_measured_one_by_one(tmp_path):
    rng = np.random.default_rng(8)
    a, b = rng.integers(1, 4, (2, 12, 9)).astype(np.uint8)
    affine = Affine(0.5, 0, 110, 0, -0.25, 35)
    dates = [write_raster(tmp_path / f"{i}.tif", v, crs="EPSG:4490", affine=affine) for i, v in enumerate((a, b))]
    expected = np.zeros((3, 3))
    geod = pyproj.Geod(ellps="GRS80")
    for row in range(12):
        north = 35 - row * 0.25
        x = np.r_[np.linspace(110, 110.5, 2000), np.linspace(110.5, 110, 2000)]
        y = np.r_[np.full(2000, north - 0.25), np.full(2000, north)]
        area = abs(geod.polygon_area_perimeter(x, y)[0])
        for column in range(9):
            expected[a[row, column] - 1, b[row, column] - 1] += area / 1e4
    assert square_matrix(transition_matrix(*dates)).to_numpy() == pytest.approx(expected, rel=1e-9)


def test_transitions_by_zone_sum_to_the_zone(tmp_path):
    rng = np.random.default_rng(8)
    dates = [write_raster(tmp_path / f"{i}.tif", rng.choice([1, 2, 255], (40, 40)).astype(np.uint8)) for i in (0, 1)]
    zones = frame(zone(0.5, 0.5, 10.5, 10.5), zone(35, 35, 45, 45), name=["in", "half out"])
    moved = transition_matrix(*dates, zones=zones, zone_id="name")
    assert moved.groupby("zone_id", sort=False)["area_m2"].sum().tolist() == pytest.approx([90_000, 90_000], rel=1e-6)
    changes = class_changes(moved)
    assert changes["gain_ha"].groupby(changes["zone_id"]).sum().to_numpy() == pytest.approx(
        changes["loss_ha"].groupby(changes["zone_id"]).sum().to_numpy(), rel=1e-9
    )


def test_dates_on_other_grids_are_never_resampled(tmp_path):
    first = write_raster(tmp_path / "a.tif", classes([1, 2]))
    coarser = write_raster(tmp_path / "b.tif", classes([1, 2]), cell=60)
    with pytest.raises(InputError, match="different grids"):
        transition_matrix(first, coarser)
    elsewhere = write_raster(tmp_path / "c.tif", classes([1, 2]), crs="EPSG:6933")
    with pytest.raises(CRSError, match="different CRS"):
        transition_matrix(first, elsewhere)


# -- meaning


def test_the_unccd_table_reads_as_its_default_reads():
    land = dict(enumerate(["tree", "grass", "crop", "wetland", "artificial", "other", "water"]))
    meaning = load_meaning("unccd", land)
    sign = {"restoration": "+", "degradation": "-", "stable": "0"}
    rows = ["".join(sign[meaning[a, b]] for b in range(7)) for a in range(7)]
    # Trends.Earth, land_cover_transition_matrix_unccd.json
    assert rows == ["0-----0", "+0+---0", "+-0---0", "---0--0", "++++0+0", "++++-00", "0000000"]
    # against the policy of returning farmland to wetland: why no table is taken by default
    assert meaning[2, 3] == "degradation"


def test_meanings_that_nobody_defined_are_refused():
    with pytest.raises(InputError, match="no table of meanings called 'fao'; known: unccd"):
        load_meaning("fao", {1: "tree"})
    with pytest.raises(InputError, match="knows no class 'forest'"):
        load_meaning("unccd", {1: "forest"})
    with pytest.raises(InputError, match="not 'better'"):
        judge_transitions(pd.DataFrame({"ground": [], "before": [], "after": []}), {(1, 2): "better"})


def test_a_change_that_is_not_listed_stays_unknown(tmp_path):
    before = write_raster(tmp_path / "a.tif", classes([3, 3, 1, 1, 255]))
    after = write_raster(tmp_path / "b.tif", classes([1, 2, 1, 3, 1]))
    judged = judge_transitions(transition_matrix(before, after), {(3, 1): "restoration", (1, 3): "degradation"})
    assert judged["meaning"].tolist() == ["stable", "degradation", "restoration", "unlisted", "unseen"]


# -- evidence of restoration


BARE, WOOD, WATER = 3, 1, 9
PLANTED = {(BARE, WOOD): "restoration", (WOOD, BARE): "degradation"}


def evidence(tmp_path, before, after, *projects, **options):
    dates = [write_raster(tmp_path / name, values) for name, values in (("a.tif", before), ("b.tif", after))]
    names = [f"P{i}" for i in range(1, len(projects) + 1)]
    table = frame(*projects, project_id=names)
    return verify_restored(table, *dates, **({"meaning": PLANTED, "ring_m": 150, "min_share": 0.5} | options))


def test_wood_inside_and_none_outside_supports_the_claim(tmp_path):
    before = np.full((60, 60), BARE, dtype=np.uint8)
    after = before.copy()
    after[20:30, 20:28] = WOOD  # eighty of the hundred cells of the project
    (row,) = evidence(tmp_path, before, after, zone(20, 20, 30, 30)).itertuples()
    assert row.verdict == "supported"
    assert (row.supported_share, row.not_supported_share, row.unknown_share) == pytest.approx((0.8, 0.2, 0), abs=1e-6)
    assert (row.net_share, row.ring_share, row.effect) == pytest.approx((0.8, 0, 0.8), abs=1e-6)
    assert row.restored_m2 == pytest.approx(80 * 900, rel=1e-6)
    assert row.kind == "pixel_count"


def test_wood_that_grew_everywhere_says_nothing_of_the_project(tmp_path):
    before = np.full((60, 60), BARE, dtype=np.uint8)
    (row,) = evidence(tmp_path, before, np.full_like(before, WOOD), zone(20, 20, 30, 30)).itertuples()
    assert (row.verdict, row.effect) == ("not_supported", pytest.approx(0))
    assert "the ring changed as much" in row.reason


def test_the_ring_is_matched_class_by_class(tmp_path):
    # outside, bare ground turned to wood by half and wood never changed; the project was bare, most of the ring is wood
    before = np.full((60, 60), WOOD, dtype=np.uint8)
    before[20:30, 20:34] = BARE
    after = before.copy()
    after[20:30, 20:30] = WOOD
    after[20:30, 30:32] = WOOD
    (row,) = evidence(tmp_path, before, after, zone(20, 20, 30, 30), ring_m=30 * 4).itertuples()
    assert row.ring_share == pytest.approx(0.5, abs=1e-6)
    assert (row.matched_share, row.verdict) == (pytest.approx(1), "supported")


def test_a_ring_that_holds_nothing_alike_leaves_the_claim_unknown(tmp_path):
    before = np.full((60, 60), WATER, dtype=np.uint8)
    before[20:30, 20:30] = BARE
    after = np.where(before == BARE, WOOD, before)
    (row,) = evidence(tmp_path, before, after, zone(20, 20, 30, 30)).itertuples()
    assert (row.verdict, row.matched_share) == ("unknown", 0)
    assert np.isnan(row.effect)


def test_clouds_and_few_cells_leave_the_claim_unknown(tmp_path):
    before = np.full((60, 60), BARE, dtype=np.uint8)
    after = np.full_like(before, WOOD)
    after[20:30, 20:22] = 255
    cloudy, small = zone(20, 20, 30, 30), zone(40.5, 40.5, 43, 43)
    table = evidence(tmp_path, before, after, cloudy, small)
    assert table["verdict"].tolist() == ["unknown", "unknown"]
    assert table["unknown_share"].tolist() == pytest.approx([0.2, 0], abs=1e-6)
    assert "covers 6.2 cells" in table["reason"].iloc[1]


def test_ground_of_other_projects_is_no_control(tmp_path):
    before = np.full((60, 60), BARE, dtype=np.uint8)
    after = before.copy()
    after[20:30, 20:40] = WOOD
    table = evidence(tmp_path, before, after, zone(20, 20, 30, 30), zone(30, 20, 40, 30))
    assert table["ring_share"].tolist() == pytest.approx([0, 0], abs=1e-9)
    assert table["verdict"].tolist() == ["supported", "supported"]


def test_rings_of_projects_in_degrees_are_as_wide_as_those_in_metres(tmp_path):
    affine = Affine(30, 0, 500_000, 0, -30, 3_320_000)
    before = np.full((60, 60), BARE, dtype=np.uint8)
    after = before.copy()
    after[20:40, 10:30] = WOOD
    dates = [
        write_raster(tmp_path / name, values, crs="EPSG:4548", affine=affine)
        for name, values in (("a.tif", before), ("b.tif", after))
    ]
    box = shapely.box(500_600, 3_319_100, 500_900, 3_319_400)
    metres = frame(box, crs="EPSG:4548", project_id=["P"])
    options = {"meaning": PLANTED, "ring_m": 150, "min_share": 0.5}
    one = verify_restored(metres, *dates, **options)
    other = verify_restored(metres.to_crs("EPSG:4490"), *dates, **options)
    numbers = ["ring_share", "net_share", "supported_share"]
    assert other[numbers].to_numpy() == pytest.approx(one[numbers].to_numpy(), abs=1e-4)


# -- vegetation


def test_cover_grows_between_soil_and_full_cover():
    # methods.json, fvc_dimidiate
    cover = vegetation_cover([0.05, 0.10, 0.30, 0.50, 0.80, 0.90], soil=0.05, vegetation=0.80)
    assert cover == pytest.approx([0, 0.066667, 0.333333, 0.6, 1, 1], abs=1e-6)
    with pytest.raises(InputError, match="higher index than soil"):
        vegetation_cover([0.1], soil=0.5, vegetation=0.5)


def test_the_index_of_two_dark_bands_is_not_known():
    assert np.isnan(vegetation_index(0, 0))
    assert vegetation_index([30, 60], [90, 60]).tolist() == [0.5, 0.0]


def test_endmembers_that_move_with_the_date_are_refused(tmp_path):
    low = write_raster(tmp_path / "a.tif", np.full((4, 4), 0.2, dtype=np.float32), nodata=-9999)
    high = write_raster(tmp_path / "b.tif", np.full((4, 4), 0.5, dtype=np.float32), nodata=-9999)
    dates, plot = {2015: low, 2020: high}, frame(zone(0, 0, 4, 4))
    fixed = cover_by_zone(plot, dates, soil=0.1, vegetation=0.7)
    assert fixed["cover"].tolist() == pytest.approx([1 / 6, 4 / 6], abs=1e-6)
    assert fixed["flag"].tolist() == ["", ""]
    moving = {"soil": {2015: 0.1, 2020: 0.4}, "vegetation": 0.7}
    with pytest.raises(InputError, match="differ between dates"):
        cover_by_zone(plot, dates, **moving)
    forced = cover_by_zone(plot, dates, **moving, allow_moving_endmembers=True)
    assert forced["flag"].tolist() == ["endmembers differ"] * 2


def test_endmembers_are_pooled_over_all_dates(tmp_path):
    low = write_raster(tmp_path / "a.tif", np.linspace(0, 0.5, 500, dtype=np.float32)[None], nodata=-9999)
    high = write_raster(tmp_path / "b.tif", np.linspace(0.5, 1, 500, dtype=np.float32)[None], nodata=-9999)
    assert pool_endmembers([low, high]) == pytest.approx((0.05, 0.95), abs=2e-3)
    empty = write_raster(tmp_path / "c.tif", np.full((2, 2), -9999, dtype=np.float32), nodata=-9999)
    with pytest.raises(InputError, match="no valid index"):
        pool_endmembers([empty])


def test_cover_of_olinda_from_two_bands_agrees_with_numpy():
    path = DATA / "olinda_landsat7_red_nir_crop.tif"
    with rasterio.open(path) as file:
        red, near = file.read().astype(float)
        bounds, crs = file.bounds, file.crs
    plot = gpd.GeoDataFrame(geometry=[shapely.box(*bounds)], crs=crs)
    bands = tuple(RasterBand(path, band=i, nodata=None) for i in (1, 2))
    (row,) = cover_by_zone(plot, {"2000": bands}, soil=-0.2, vegetation=0.5).itertuples()
    index = (near - red) / (near + red)
    assert row.ndvi == pytest.approx(index.mean(), abs=1e-6)
    assert row.cover == pytest.approx(np.clip((index + 0.2) / 0.7, 0, 1).mean(), abs=1e-6)
    assert (row.coverage, row.flag) == (pytest.approx(1), "")


def test_a_band_that_states_no_nodata_is_not_guessed_at():
    with pytest.raises(InputError, match="states no nodata value"):
        pool_endmembers([DATA / "olinda_landsat7_red_nir_crop.tif"])


# -- trend

RISING = [0.30, 0.32, 0.31, 0.35, 0.36, 0.38, 0.37, 0.41, 0.42, 0.45]


def test_ten_years_of_rising_cover():
    # methods.json, mann_kendall_sen: equal to pymannkendall 1.4.3
    (row,) = measure_trend(pd.DataFrame([RISING], columns=range(2014, 2024))).itertuples()
    assert (row.years, row.s, row.variance) == (10, 41, 125)
    assert (row.z, row.p, row.slope) == pytest.approx((3.57770876, 0.00034662, 0.015), abs=1e-8)
    assert row.verdict == "improved"


def test_the_sense_of_a_trend_follows_what_is_better():
    series = pd.DataFrame([RISING, RISING[::-1], [0.3] * 10, [0.3, 0.4, 0.5] + [np.nan] * 7], columns=range(2014, 2024))
    more = measure_trend(series)
    assert more["verdict"].tolist() == ["improved", "degraded", "no_significant_change", "insufficient_data"]
    assert measure_trend(series, more_is_better=False)["verdict"].iloc[0] == "degraded"
    assert more["slope"].tolist() == pytest.approx([0.015, -0.015, 0, 0.1])
    assert np.isnan(measure_trend(pd.DataFrame([[np.nan] * 4], columns=range(4)))["slope"].iloc[0])


def test_years_count_as_years_and_not_as_columns():
    gaps = pd.DataFrame([[1.0, 3.0, 4.0, 9.0]], columns=["2010", "2012", "2013", "2018"])
    assert measure_trend(gaps)["slope"].tolist() == [1.0]
    assert measure_trend(gaps[["2018", "2010", "2013", "2012"]])["slope"].tolist() == [1.0]
    with pytest.raises(InputError, match="columns must be years"):
        measure_trend(pd.DataFrame([[1.0, 2.0]], columns=["a", "b"]))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=4, max_size=15))
def test_trends_agree_with_scipy(values):
    (row,) = measure_trend(pd.DataFrame([values], columns=range(len(values)), dtype=float)).itertuples()
    slope = scipy.stats.theilslopes(values, np.arange(len(values))).slope
    assert row.slope == pytest.approx(slope, abs=1e-12)
    signs = [np.sign(b - a) for i, a in enumerate(values) for b in values[i + 1 :]]
    assert row.s == sum(signs)


# -- error-adjusted area

CHANGE = ["deforestation", "forest gain", "stable forest", "stable non-forest"]


def estimates(table, quantity, kind="error_adjusted"):
    return table[(table["quantity"] == quantity) & (table["kind"] == kind)]


def test_areas_of_olofsson_2014():
    # Olofsson et al. (2014), table 8; inputs as in CRAN mapaccuracy, which gives 21 158 +- 6 158 ha
    counts = pd.DataFrame(
        [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]], index=CHANGE, columns=CHANGE
    )
    mapped = dict(zip(CHANGE, np.array([200_000, 150_000, 3_200_000, 6_450_000]) * 0.09, strict=True))
    table = error_adjusted_area(counts, mapped)
    area = estimates(table, "area")
    assert area["estimate"].tolist() == pytest.approx([21157.762238, 11686.153846, 285769.93007, 581386.153846])
    assert area["half_width"].tolist() == pytest.approx([6157.521238, 3755.757011, 15509.551301, 16281.357173])
    assert estimates(table, "area", "pixel_count")["estimate"].tolist() == [18_000, 13_500, 288_000, 580_500]
    users, producers = estimates(table, "users_accuracy"), estimates(table, "producers_accuracy")
    assert users["estimate"].tolist() == pytest.approx([0.88, 0.733333, 0.927273, 0.963077], abs=1e-6)
    assert users["half_width"].tolist() == pytest.approx([0.07404, 0.100755, 0.039745, 0.020533], abs=1e-6)
    assert producers["estimate"].tolist() == pytest.approx([0.748661, 0.847156, 0.934509, 0.961609], abs=1e-6)
    assert producers["half_width"].tolist() == pytest.approx([0.213306, 0.254404, 0.034324, 0.018361], abs=1e-6)
    (overall,) = estimates(table, "overall_accuracy").itertuples()
    assert (overall.estimate, overall.half_width) == pytest.approx((0.9465118881118881, 0.018483278101740754))


def test_areas_of_olofsson_2013():
    # Olofsson et al. (2013), example 1; areas in pixels
    names = ["a", "b", "c"]
    counts = pd.DataFrame([[97, 0, 3], [3, 279, 18], [2, 1, 97]], index=names, columns=names)
    table = error_adjusted_area(counts, {"a": 22353, "b": 1122543, "c": 610228})
    area = estimates(table, "area")
    assert area["estimate"].tolist() == pytest.approx([45112.4, 1050067.27, 659944.33], abs=0.01)
    assert area["se"].tolist() == pytest.approx([10751.404503, 17652.043754, 18635.855872])
    assert area["half_width"].tolist() == pytest.approx([21072.36561, 34597.370012, 36525.606329])
    assert estimates(table, "overall_accuracy")["estimate"].tolist() == pytest.approx([0.94441678194817])


def stehman_sample():
    mapped = "A" * 7 + "B" * 3 + "A" + "B" * 11 + "C" * 6 + "B" * 2 + "D" * 10
    reference = "AAAAACBABC" + "ABBBBBAABB" + "CCCCCDDBBA" + "DDDDDDDCCB"
    return pd.DataFrame(
        {
            "stratum": list("A" * 10 + "B" * 10 + "C" * 10 + "D" * 10),
            "mapped": list(mapped),
            "reference": list(reference),
        }
    )


def test_areas_of_stehman_2014():
    # Stehman (2014), pages 4932 to 4936
    sizes = {"A": 40_000, "B": 30_000, "C": 20_000, "D": 10_000}
    table = stratified_area(stehman_sample(), sizes, cell_ha=1e-5)  # one hectare in all: areas are shares
    area = estimates(table, "area").set_index("reference")
    assert area.loc[["A", "C"], "estimate"].tolist() == pytest.approx([0.35, 0.20])
    assert area.loc[["A", "C"], "se"].tolist() == pytest.approx([0.082247796, 0.06427977], abs=1e-8)
    (overall,) = estimates(table, "overall_accuracy").itertuples()
    assert (overall.estimate, overall.se) == pytest.approx((0.63, 0.084642188), abs=1e-8)
    users = estimates(table, "users_accuracy").set_index("mapped").loc["B"]
    assert (users["estimate"], users["se"]) == pytest.approx((0.574468085, 0.12478224), abs=1e-8)
    producers = estimates(table, "producers_accuracy").set_index("reference").loc["B"]
    assert (producers["estimate"], producers["se"]) == pytest.approx((0.794117647, 0.116547914), abs=1e-8)
    cell = estimates(table, "cell")
    assert cell.loc[(cell["mapped"] == "B") & (cell["reference"] == "C"), "estimate"].tolist() == pytest.approx([0.08])
    assert cell["estimate"].sum() == pytest.approx(1)


def test_strata_that_are_the_classes_give_the_areas_of_olofsson():
    names = ["a", "b"]
    counts = pd.DataFrame([[40, 10], [5, 45]], index=names, columns=names)
    units = [(m, m, r) for m in names for r in names for _ in range(counts.loc[m, r])]
    sample = pd.DataFrame(units, columns=["stratum", "mapped", "reference"])
    cells = {"a": 4e9, "b": 6e9}  # so many that the finite population does not show
    one = estimates(stratified_area(sample, cells, cell_ha=1e-6), "area")
    other = estimates(error_adjusted_area(counts, {"a": 4e3, "b": 6e3}), "area")
    assert one["estimate"].tolist() == pytest.approx(other["estimate"].tolist())
    assert one["se"].tolist() == pytest.approx(other["se"].tolist(), rel=1e-6)


def test_a_sample_of_641_reaches_a_standard_error_of_one_percent():
    # Olofsson et al. (2014), section 5: 640.54 before rounding
    shares, users = [0.02, 0.015, 0.32, 0.645], [0.7, 0.6, 0.9, 0.95]
    assert sample_size(shares, users, target_se=0.01) == 641
    with pytest.raises(InputError, match="must sum to 1"):
        sample_size([0.5, 0.6], [0.9, 0.9], target_se=0.01)


@pytest.mark.parametrize(
    ("counts", "mapped", "told"),
    [
        ([[5, 1], [1, 0]], {"a": 1.0, "b": 1.0}, "fewer than two sample units.*b"),
        ([[5, 1], [1, 5]], {"a": 1.0, "c": 1.0}, "must name the same classes"),
        ([[5, 1], [1, 5]], {"a": 1.0, "b": 0.0}, "size above 0"),
        ([[5, 1.5], [1, 5]], {"a": 1.0, "b": 1.0}, "whole numbers"),
    ],
)
def test_samples_whose_error_cannot_be_known_are_refused(counts, mapped, told):
    with pytest.raises(InputError, match=told):
        error_adjusted_area(pd.DataFrame(counts, index=["a", "b"], columns=["a", "b"]), mapped)


def test_stratified_samples_that_do_not_fit_their_strata_are_refused():
    sample, sizes = stehman_sample(), {"A": 40_000, "B": 30_000, "C": 20_000, "D": 10_000}
    with pytest.raises(SchemaError, match="no column mapped"):
        stratified_area(sample.drop(columns="mapped"), sizes, cell_ha=1)
    with pytest.raises(InputError, match="without a size: D"):
        stratified_area(sample, {k: v for k, v in sizes.items() if k != "D"}, cell_ha=1)
    with pytest.raises(InputError, match="fewer than two"):
        stratified_area(sample, sizes | {"E": 100}, cell_ha=1)
    with pytest.raises(InputError, match="more sample units than cells: D"):
        stratified_area(sample, sizes | {"D": 5}, cell_ha=1)
    with pytest.raises(InputError, match="must have an area"):
        stratified_area(sample, sizes, cell_ha=0)
    with pytest.raises(InputError, match="between 0 and 1"):
        stratified_area(sample, sizes, cell_ha=1, confidence=95)
    with pytest.raises(InputError, match="without stratum, mapped or reference class: 3"):
        stratified_area(sample.assign(reference=sample["reference"].where(sample.index != 3)), sizes, cell_ha=1)


# -- patches


@pytest.mark.parametrize("connectivity", [4, 8])
def test_patches_agree_with_scipy(connectivity):
    values = np.random.default_rng(2).integers(0, 3, (80, 70))
    structure = np.ones((3, 3)) if connectivity == 8 else None
    for code in (0, 1, 2):
        mine = label_patches(values, values == code, connectivity)
        theirs, count = scipy.ndimage.label(values == code, structure=structure)
        assert mine.max() + 1 == count
        pairs = np.unique(np.column_stack([mine[values == code], theirs[values == code]]), axis=0)
        assert len(pairs) == count


def test_a_spiral_is_one_patch():
    spiral = np.zeros((41, 41), dtype=int)
    top, left, bottom, right = 0, 0, 40, 40
    while top <= bottom:
        spiral[top, left : right + 1] = spiral[top : bottom + 1, right] = 1
        spiral[bottom, left + 2 : right + 1] = spiral[top + 2 : bottom + 1, left + 2] = 1
        top, left, bottom, right = top + 4, left + 4, bottom - 4, right - 4
    mine = label_patches(spiral, spiral == 1, 4)
    assert mine.max() + 1 == scipy.ndimage.label(spiral)[1]


def test_the_mapping_unit_is_ground_and_not_cells(tmp_path):
    path = write_raster(tmp_path / "c.tif", classes([1, 1, 2, 2], [1, 2, 1, 2], [255, 2, 2, 1]), cell=20)
    by_edge = find_patches(path, connectivity=4, min_area_m2=500)
    assert by_edge[["class_id", "cells"]].to_numpy().tolist() == [[1, 3], [2, 3], [2, 3], [1, 1], [1, 1]]
    by_corner = find_patches(path, connectivity=8, min_area_m2=500)
    assert by_corner[["class_id", "cells", "kept"]].to_numpy().tolist() == [[1, 5, True], [2, 6, True]]
    assert by_corner["area_m2"].tolist() == pytest.approx([2000, 2400], rel=1e-6)
    assert not by_edge.loc[by_edge["cells"] == 1, "kept"].any()
    assert set(by_corner["connectivity"]) == {8}


def test_restored_patches_below_the_mapping_unit_are_shown_and_not_kept(tmp_path):
    before = write_raster(tmp_path / "a.tif", np.full((6, 6), BARE, dtype=np.uint8))
    grown = np.full((6, 6), BARE, dtype=np.uint8)
    grown[0, 0], grown[3:5, 3:5] = WOOD, WOOD
    after = write_raster(tmp_path / "b.tif", grown)
    # at least 400 m2 for a parcel of planted forest (CCER-14-001-V01), here four cells of 900 m2 against one
    table = find_changed_patches(before, after, meaning=PLANTED, connectivity=4, min_area_m2=1000)
    assert table[["meaning", "cells", "kept"]].to_numpy().tolist() == [
        ["restoration", 1, False],
        ["restoration", 4, True],
    ]


def test_windows_must_lie_in_the_raster_and_fit_into_memory(tmp_path, monkeypatch):
    path = write_raster(tmp_path / "c.tif", np.ones((20, 20), dtype=np.uint8))
    part = find_patches(path, connectivity=4, min_area_m2=0, window=(5, 10, 5, 15))
    assert part[["cells", "row", "column"]].to_numpy().tolist() == [[50, 5, 5]]
    with pytest.raises(InputError, match="does not lie in"):
        find_patches(path, connectivity=4, min_area_m2=0, window=(5, 30, 5, 15))
    monkeypatch.setattr(landcover, "_MAX_PATCH_CELLS", 100)
    with pytest.raises(InputError, match="give a window"):
        find_patches(path, connectivity=4, min_area_m2=0)
    with pytest.raises(InputError, match="not 6"):
        label_patches(np.ones((2, 2)), np.ones((2, 2), dtype=bool), 6)


# -- encroachment


def by_status(table, name):
    return table[table["feature_id"] == name].set_index("status")["area_ha"].round(4).to_dict()


BUILT = 2


def test_encroachment_from_rasters_keeps_what_nobody_saw_apart(tmp_path):
    before = write_raster(tmp_path / "a.tif", classes([1, 1, BUILT, BUILT, 1], [1, 1, BUILT, BUILT, 255]), cell=100)
    after = write_raster(tmp_path / "b.tif", classes([1, BUILT, BUILT, 1, 255], [1, 1, BUILT, BUILT, 1]), cell=100)
    line = frame(zone(0, 0, 5, 2, cell=100), zone(0, 1, 1, 2, cell=100), feature_id=["E1", "E2"])
    table = find_encroachment(line, before, after, classes={BUILT})
    assert by_status(table, "E1") == {
        "encroached": 1,
        "removed": 1,
        "unchanged_used": 3,
        "unchanged_free": 3,
        "nodata": 2,
    }
    assert by_status(table, "E2") == {
        "encroached": 0,
        "removed": 0,
        "unchanged_used": 0,
        "unchanged_free": 1,
        "nodata": 0,
    }
    assert set(table["kind"]) == {"pixel_count"}


def test_encroachment_from_polygons_agrees_with_that_from_rasters():
    line = frame(zone(0, 0, 5, 2, cell=100), feature_id=["E1"])
    old = frame(zone(2, 0, 4, 2, cell=100), zone(2, 0, 3, 1, cell=100))  # one building drawn twice counts once
    new = frame(zone(1, 0, 3, 1, cell=100), zone(2, 1, 4, 2, cell=100))
    seen = frame(zone(0, 0, 4, 2, cell=100))
    table = find_encroachment(line, old, new, surveyed=seen)
    assert by_status(table, "E1") == {
        "encroached": 1,
        "removed": 1,
        "unchanged_used": 3,
        "unchanged_free": 3,
        "nodata": 2,
    }
    assert set(table["kind"]) == {"polygons"}
    assert table["share"].sum() == pytest.approx(1)


def test_a_line_without_any_building_is_free():
    line = frame(zone(0, 0, 5, 2, cell=100), feature_id=["E1"])
    none = line.iloc[:0]
    table = find_encroachment(line, none, none, surveyed=line)
    assert by_status(table, "E1")["unchanged_free"] == 10


def test_encroachment_needs_what_makes_it_certain(tmp_path):
    path = write_raster(tmp_path / "a.tif", classes([1, 2]))
    line = frame(zone(0, 0, 1, 1), feature_id=["E1"])
    with pytest.raises(InputError, match="both be rasters or both be polygons"):
        find_encroachment(line, path, line, classes={1})
    with pytest.raises(InputError, match="rasters need classes="):
        find_encroachment(line, path, path)
    with pytest.raises(InputError, match="polygons need surveyed="):
        find_encroachment(line, line, line)


# -- many tiles


def test_tables_do_not_depend_on_the_size_of_tiles(tmp_path, monkeypatch):
    rng = np.random.default_rng(6)
    dates = [write_raster(tmp_path / f"{i}.tif", rng.choice([1, 2, 3, 255], (90, 90)).astype(np.uint8)) for i in (0, 1)]
    zones = frame(*shapely.buffer(shapely.points(rng.uniform(0, 2700, (20, 2)) * [1, -1] + [0, NORTH]), 400))
    whole = transition_matrix(*dates, zones=zones)
    monkeypatch.setattr(rasters, "TILE_CELLS", 500)
    pd.testing.assert_frame_equal(transition_matrix(*dates, zones=zones), whole, rtol=1e-6, atol=1e-3)
