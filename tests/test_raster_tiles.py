"""Tiles joined into one raster: the same cells as the whole, and nothing chosen or resampled."""

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from drawn_rasters import ALBERS, NORTH, frame, write_raster, zone

from ecozones.errors import CRSError, InputError
from ecozones.landcover import class_areas
from ecozones.landcover.raster_tiles import join_tiles
from ecozones.rasters import read_grid


@pytest.fixture
def whole(tmp_path):
    values = np.random.default_rng(3).integers(1, 5, (60, 80)).astype(np.uint8)
    return write_raster(tmp_path / "whole.tif", values)


def cut(path, folder, *windows):
    """Cut tiles out of a raster: rows and columns, from and to."""
    tiles = []
    with rasterio.open(path) as file:
        values, affine = file.read(1), file.transform
        for top, bottom, left, right in windows:
            name = folder / f"t{top}_{left}.tif"
            moved = Affine(affine.a, 0, affine.c + left * affine.a, 0, affine.e, affine.f + top * affine.e)
            tiles.append(write_raster(name, values[top:bottom, left:right], affine=moved, crs=file.crs.to_wkt()))
    return tiles


QUARTERS = [(0, 30, 0, 50), (0, 30, 50, 80), (30, 60, 0, 50), (30, 60, 50, 80)]


def test_four_tiles_hold_what_the_whole_holds(whole, tmp_path):
    (tmp_path / "tiles").mkdir()
    tiles = cut(whole, tmp_path / "tiles", *QUARTERS)
    zones = frame(zone(3.5, 2.5, 70, 55), zone(40, 20, 60, 40), zone(75, 55, 90, 70))
    expected = class_areas(zones, whole)
    for order in (tiles, tiles[::-1]):
        joined = join_tiles(order, tmp_path / "joined.vrt")
        assert read_grid(joined) == read_grid(whole)
        found = class_areas(zones, joined)
        assert found["cells"].tolist() == pytest.approx(expected["cells"].tolist(), abs=1e-4)
        assert found["area_m2"].tolist() == pytest.approx(expected["area_m2"].tolist(), rel=1e-9)
    # the list names its tiles from its own folder, so that both can be moved together
    assert ">tiles/t0_0.tif<" in joined.read_text("utf-8")


def test_degrees_are_joined_as_degrees(tmp_path):
    affine = Affine(0.02, 0, 109.0, 0, -0.02, 40.50)
    values = np.arange(1, 9, dtype=np.uint8).reshape(2, 4)
    whole = write_raster(tmp_path / "deg.tif", values, crs="EPSG:4490", affine=affine)
    joined = join_tiles(cut(whole, tmp_path, (0, 2, 0, 2), (0, 2, 2, 4)), tmp_path / "deg.vrt")
    cell = frame(shapely.box(109.0, 40.48, 109.02, 40.50), crs="EPSG:4490")
    assert class_areas(cell, joined, min_cells=1)["area_m2"].tolist() == pytest.approx([3_765_741.766], abs=0.01)


def test_ground_without_a_tile_is_nodata(whole, tmp_path):
    joined = join_tiles(cut(whole, tmp_path, QUARTERS[0], QUARTERS[3]), tmp_path / "two.vrt")
    found = class_areas(frame(zone(0, 0, 80, 60)), joined)
    nodata = found.loc[found["ground"] == "nodata", "cells"].sum()
    assert nodata == pytest.approx(30 * 30 + 30 * 50)


def test_tiles_that_would_need_a_choice_are_refused(whole, tmp_path):
    one, two = cut(whole, tmp_path, QUARTERS[0], QUARTERS[1])
    ones = np.ones((5, 5), dtype=np.uint8)

    def other(name, **options):
        place = {"affine": Affine(30, 0, 3000, 0, -30, NORTH), "crs": ALBERS} | options
        return write_raster(tmp_path / f"{name}.tif", place.pop("values", ones), **place)

    cases = [
        ([], "no tiles"),
        ([one, one], "cover the same ground"),
        ([one, other("shifted", affine=Affine(30, 0, 3010, 0, -30, NORTH))], "shifted against each other"),
        ([one, other("coarse", affine=Affine(60, 0, 3000, 0, -60, NORTH))], "cells of different size"),
        ([one, other("wide", values=ones.astype(np.uint16))], "uint8 with nodata 255, uint16"),
        ([one, other("empty", nodata=0)], "uint8 with nodata 255, uint8 with nodata 0"),
    ]
    for tiles, words in cases:
        with pytest.raises(InputError, match=words):
            join_tiles(tiles, tmp_path / "x.vrt")
    with pytest.raises(CRSError, match="different CRS"):
        join_tiles([one, other("elsewhere", crs="EPSG:6933")], tmp_path / "x.vrt")
    with pytest.raises(InputError, match="states no nodata value"):
        join_tiles([other("silent", nodata=None), two], tmp_path / "x.vrt")
    with pytest.raises(InputError, match=r"ends in \.vrt"):
        join_tiles([one, two], tmp_path / "x.tif")
