"""What entered a red line, from rasters and from polygons."""

import pytest
from drawn_rasters import classes, frame, write_raster, zone

from ecozones.errors import InputError
from ecozones.landcover.encroachment import find_encroachment


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
