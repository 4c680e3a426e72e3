"""Patches of cells and the minimum mapping unit."""

import numpy as np
import pytest
import scipy.ndimage
from drawn_rasters import classes, write_raster

from ecozones.errors import InputError
from ecozones.landcover import land_patches
from ecozones.landcover.land_patches import find_changed_patches, find_patches, label_patches

BARE, WOOD, WATER = 3, 1, 9
PLANTED = {(BARE, WOOD): "restoration", (WOOD, BARE): "degradation"}


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
    monkeypatch.setattr(land_patches, "_MAX_PATCH_CELLS", 100)
    with pytest.raises(InputError, match="give a window"):
        find_patches(path, connectivity=4, min_area_m2=0)
    with pytest.raises(InputError, match="not 6"):
        label_patches(np.ones((2, 2)), np.ones((2, 2), dtype=bool), 6)
