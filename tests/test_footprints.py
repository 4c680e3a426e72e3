"""Ground counted once: against GEOS's own union, in any order, in any company."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
import shapely
from hypothesis import given, settings

from ecozones.area import polygon_areas
from ecozones.restoration.footprints import collect_ground, exact_sums, footprint, footprint_areas, ground_components

CRS = "EPSG:4527"
X0, Y0 = 39_520_000, 3_400_000

PATCH = st.tuples(*(st.integers(0, 60) for _ in range(2)), st.integers(1, 25), st.integers(3, 9), st.booleans())


def drawn(patches):
    """Stars, rings with a hole and squares, some of them just side by side."""
    shapes = []
    for i, (x, y, size, corners, holed) in enumerate(patches):
        middle = np.array([X0 + 10 * x, Y0 + 10 * y])
        if i % 3 == 0:
            shape = shapely.box(*middle, *(middle + 10 * size))
        else:
            angle = np.linspace(0.1 * i, 0.1 * i + math.tau, corners, endpoint=False)
            shape = shapely.Polygon(middle + 10 * size * np.c_[np.cos(angle), np.sin(angle)])
        shapes.append(shape.difference(shape.centroid.buffer(2 * size)) if holed else shape)
    return np.array(shapes, dtype=object)


@given(st.lists(PATCH, min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_the_footprint_is_the_union(patches):
    shapes = drawn([*patches, *patches[:2]])
    found, expected = footprint(shapes), shapely.union_all(shapes)
    assert found.is_valid
    # coordinates of eight digits are known to some nanometres, along kilometres of outline
    assert shapely.symmetric_difference(found, expected).area <= 1e-4
    assert found.area == pytest.approx(expected.area, abs=1e-4)


@given(st.lists(PATCH, min_size=1, max_size=30), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_no_order_shows_in_any_vertex(patches, random):
    shapes = drawn([*patches, *patches[:2]])
    order = np.array(random.sample(range(len(shapes)), len(shapes)))
    assert shapely.to_wkb(footprint(shapes)) == shapely.to_wkb(footprint(shapes[order]))


@given(st.lists(PATCH, min_size=1, max_size=30), st.lists(st.integers(0, 2), min_size=30, max_size=30))
@settings(max_examples=60, deadline=None)
def test_a_component_has_the_same_area_to_the_last_bit_in_any_company(patches, groups):
    shapes, group = drawn(patches), np.array(groups[: len(patches)])
    label = ground_components(shapes, group)
    found, areas, united = footprint_areas(shapes, label, CRS)
    assert found.tolist() == np.unique(label).tolist()
    for one, area, ground in zip(found, areas, united, strict=True):
        rows = np.flatnonzero(label == one)[::-1]
        _, alone, same = footprint_areas(shapes[rows], np.zeros(len(rows), dtype=np.intp), CRS)
        assert alone.tolist() == [area]
        assert shapely.to_wkb(ground) == shapely.to_wkb(same[0])
    for number in np.unique(group):
        total = math.fsum(areas[group[found] == number])
        whole = polygon_areas(np.array([shapely.union_all(shapes[group == number])], dtype=object), CRS)[0]
        assert total == pytest.approx(whole, rel=1e-11)


def test_components_hang_together_by_their_boxes_and_within_their_group():
    boxes = shapely.box([0, 1, 5, 2.5, 9], 0, [1, 2, 6, 5, 10], 1)
    assert ground_components(boxes).tolist() == [0, 0, 2, 2, 4]
    assert ground_components(boxes, [1, 1, 2, 1, 1]).tolist() == [0, 0, 2, 3, 4]
    bounds = shapely.bounds(boxes)
    assert ground_components(bounds).tolist() == [0, 0, 2, 2, 4]
    bounds[1] = np.nan
    assert ground_components(bounds).tolist() == [0, 1, 2, 2, 4]
    assert ground_components(np.array([None, shapely.Polygon(), boxes[0]], dtype=object)).tolist() == [0, 1, 2]
    assert ground_components(np.empty((0, 4))).tolist() == []


def test_a_long_chain_is_one_component_wherever_it_begins():
    n = 3_000
    boxes = shapely.box(np.arange(n), 0, np.arange(n) + 1, 1)[np.random.default_rng(1).permutation(n)]
    assert (ground_components(boxes) == 0).all()
    _, areas, united = footprint_areas(boxes, np.zeros(n, dtype=np.intp), CRS, method="planar")
    assert areas.tolist() == [n]
    assert united[0].geom_type == "Polygon"


def test_ground_in_the_hole_of_another_is_kept():
    ring = shapely.box(0, 0, 9, 9).difference(shapely.box(3, 3, 6, 6))
    assert footprint(np.array([ring, shapely.box(4, 4, 5, 5)], dtype=object)).area == 73
    assert footprint(np.array([ring, shapely.box(3, 3, 6, 6)], dtype=object)).area == 81


def test_copies_that_nearly_coincide_leave_ground_and_no_lines():
    rng = np.random.default_rng(3)
    angle = np.linspace(0, math.tau, 400, endpoint=False)
    ring = np.c_[X0 + 1e3 * np.cos(angle), Y0 + 1e3 * np.sin(angle)]
    copies = shapely.polygons(ring + rng.uniform(-1e-8, 1e-8, (12, *ring.shape)))
    found = footprint(copies)
    assert found.geom_type in {"Polygon", "MultiPolygon"}
    assert found.area == pytest.approx(copies[0].area, rel=1e-9)


def test_nothing_has_no_ground():
    nothing = np.empty(0, dtype=object)
    assert footprint(nothing).is_empty
    assert footprint(np.array([shapely.Polygon()], dtype=object)).is_empty
    label, areas, united = footprint_areas(nothing, np.empty(0, dtype=np.intp), CRS)
    assert (len(label), len(areas), len(united)) == (0, 0, 0)


def test_ground_is_collected_by_group_from_west_to_east():
    west, middle, east, other = shapely.box([0, 4, 8, 6], 0, [1, 5, 9, 7], 1)
    shapes = np.array([east, shapely.MultiPolygon([middle, west]), other], dtype=object)
    both, none, single = collect_ground(shapes, np.array([0, 0, 2]), 3)
    assert [part.bounds[0] for part in both.geoms] == [0, 4, 8]
    assert none.is_empty
    assert single.geom_type == "Polygon"


def test_sums_are_exact_and_by_group():
    values = np.array([1e16, 0.1, 1.0, -1e16, 0.2])
    assert exact_sums(values, np.array([0, 1, 0, 0, 1]), 3).tolist() == [1.0, math.fsum([0.1, 0.2]), 0.0]
