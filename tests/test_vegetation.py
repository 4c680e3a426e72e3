"""Vegetation cover and its trend."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import scipy.stats
import shapely
from drawn_rasters import frame, write_raster, zone
from hypothesis import given, settings
from hypothesis import strategies as st

from ecozones.errors import InputError
from ecozones.landcover.trend import measure_trend
from ecozones.landcover.vegetation import cover_by_zone, pool_endmembers, vegetation_cover, vegetation_index
from ecozones.rasters import RasterBand

DATA = Path(__file__).parent / "data" / "landcover"


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
