"""Areas summed over pairs of edges beside the intersections of GEOS, on shapes that invite mistakes."""

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ecozones import edge_pairs, overlay
from ecozones.edge_pairs import shared_areas
from ecozones.geometry import polygonal

ALL = np.array([0], dtype=np.intp)


def pair_area(one, other):
    return float(shared_areas(np.array([one], dtype=object), np.array([other], dtype=object), ALL, ALL)[0])


# rings on a small lattice cross and touch themselves, repeat vertices and run back on themselves; what
# make_valid leaves of two of them shares edges, corners and holes far more often than any map does
LATTICE = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=4, max_size=14)
PLACES = st.sampled_from([(0.0, 0.0, 1.0), (39_500_000.0, 4_100_000.0, 10.0), (116.3, 39.9, 1e-4), (-5.0, 7.0, 1e6)])


def drawn(points, place):
    x, y, scale = place
    ring = np.array(points) * scale + [x, y]
    ground = polygonal(np.array([shapely.make_valid(shapely.Polygon(ring))], dtype=object))[0]
    assume(not ground.is_empty and ground.is_valid)
    return ground


def open_to(one, other):
    """What the digits of coordinates leave open: a vertex of GEOS is rounded, and moves the edges that end there."""
    digits = np.spacing(np.abs(shapely.get_coordinates([one, other])).max())
    return 1e-9 * min(one.area, other.area) + 4 * digits * (one.length + other.length)


@settings(deadline=None, max_examples=400)
@given(LATTICE, LATTICE, PLACES)
def test_rings_that_touch_and_share_edges_measure_as_their_intersection_does(first, second, place):
    one, other = drawn(first, place), drawn(second, place)
    expected = shapely.intersection(one, other).area
    found = pair_area(one, other)
    assert abs(found - expected) <= open_to(one, other)
    assert abs(found - pair_area(other, one)) <= open_to(one, other)


@settings(deadline=None, max_examples=200)
@given(LATTICE, PLACES)
def test_a_shape_shares_all_of_itself_with_itself(points, place):
    shape = drawn(points, place)
    assert abs(pair_area(shape, shape) - shape.area) <= open_to(shape, shape)


@settings(deadline=None, max_examples=200)
@given(LATTICE, LATTICE, st.integers(-3, 3), st.integers(-3, 3))
def test_edges_that_nearly_coincide_hurt_nothing(first, second, right, up):
    place = (39_500_000.0, 4_100_000.0, 10.0)
    one, other = drawn(first, place), drawn(second, place)
    # shifted by a few of the smallest steps that the numbers have
    nudged = shapely.transform(other, lambda xy: xy + np.spacing(4e7) * np.array([right, up]))
    assume(nudged.is_valid)
    assert abs(pair_area(one, nudged) - pair_area(one, other)) <= open_to(one, other)


@settings(deadline=None, max_examples=200)
@given(LATTICE, LATTICE, st.integers(0, 6))
def test_the_two_sides_of_a_cut_sum_to_the_whole(first, second, at):
    place = (39_500_000.0, 4_100_000.0, 10.0)
    one, other = drawn(first, place), drawn(second, place)
    west, south, east, north = other.bounds
    middle = min(max(place[0] + 10.0 * at, west), east)
    halves = [
        shapely.intersection(other, shapely.box(*box))
        for box in ((west, south, middle, north), (middle, south, east, north))
    ]
    summed = sum(pair_area(one, half) for half in halves if half.area > 0)
    assert abs(summed - pair_area(one, other)) <= open_to(one, other)


@pytest.mark.parametrize(
    ("one", "other", "area"),
    [
        (shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3), 1.0),
        (shapely.box(0, 0, 9, 9).difference(shapely.box(3, 3, 6, 6)), shapely.box(3, 3, 6, 6), 0.0),
        (shapely.box(0, 0, 9, 9).difference(shapely.box(3, 3, 6, 6)), shapely.box(2, 2, 4, 4), 3.0),
        (shapely.Polygon([(0, 0), (4, 0), (0, 4)]), shapely.Polygon([(4, 4), (4, 0), (0, 4)]), 0.0),
        (shapely.Polygon([(0, 0), (4, 4), (0, 4)]), shapely.Polygon([(0, 0), (4, 0), (0, 4)]), 4.0),
        (shapely.MultiPolygon([shapely.box(0, 0, 1, 9), shapely.box(2, 0, 3, 9)]), shapely.box(-1, 4, 9, 5), 2.0),
    ],
    ids=["corner", "filled hole", "edge of a hole", "long edge shared", "triangles", "comb"],
)
def test_areas_known_by_hand(one, other, area):
    assert pair_area(one, other) == pytest.approx(area, abs=1e-12)


def wavy(x, y, radius, points, seed):
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    reach = radius * (1 + 0.3 * np.sin(7 * angle) + 0.1 * rng.random(points))
    return shapely.Polygon(np.c_[x + reach * np.cos(angle), y + reach * np.sin(angle)])


@pytest.fixture(scope="module")
def many():
    rng = np.random.default_rng(5)
    shapes = [
        wavy(39_500_000 + x, 4_100_000 + y, r, 9 + i % 50, i)
        for i, (x, y, r) in enumerate(rng.uniform(50, 900, (300, 3)))
    ]
    layer = [wavy(39_500_400, 4_100_400, 500, 4_000, 1), wavy(39_500_900, 4_100_100, 300, 700, 2)]
    return np.array(shapes, dtype=object), np.array(layer, dtype=object)


@pytest.mark.parametrize(("pairs", "edges"), [(1, 1), (7, 100), (10_000, 1 << 24)])
def test_neither_batches_nor_blocks_nor_company_change_a_bit(many, monkeypatch, pairs, edges):
    shapes, layer = many
    left, right = (rows.ravel() for rows in np.indices((len(shapes), len(layer))))
    expected = shared_areas(shapes, layer, left, right)
    assert (expected > 1).sum() > 200
    monkeypatch.setattr(edge_pairs, "_PAIRS", pairs)
    monkeypatch.setattr(edge_pairs, "_EDGE_PAIRS", edges)
    some = np.random.default_rng(3).permutation(len(left))[:80]
    np.testing.assert_array_equal(shared_areas(shapes, layer, left[some], right[some]), expected[some])


def test_a_touch_is_no_shared_ground_and_a_trace_of_ground_is():
    x = 39_500_000.0
    tilted = shapely.Polygon([(x, 0), (x + 30, 10), (x + 20, 40), (x - 10, 30)])
    corners = shapely.get_coordinates(tilted)
    outward = (corners[1] - corners[0])[::-1] * [1, -1]
    beside = shapely.Polygon([corners[0], corners[1], corners[1] + outward, corners[0] + outward])
    layer = overlay.cut(np.array([tilted], dtype=object))
    assert len(overlay.overlap_areas(np.array([beside], dtype=object), layer)[0]) == 0
    into = shapely.Polygon([corners[0] + [0, 1e-7], corners[1] + [0, 1e-7], corners[1] + outward, corners[0] + outward])
    expected = shapely.intersection(into, tilted).area
    assert 0 < expected < 1e-5
    assert overlay.overlap_areas(np.array([into], dtype=object), layer)[2].tolist() == [
        pytest.approx(expected, rel=0.1)
    ]
