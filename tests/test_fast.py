"""The compiled areas against plain shapely on uncut polygons, and on figures whose areas are known."""

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

pytest.importorskip("numba", reason="the compiled kernel is optional")

from ecozones import fast, overlay
from ecozones.errors import GeometryError
from ecozones.geometry import polygonal


def star(x, y, radius, points, seed):
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    reach = radius * (1 + 0.3 * np.sin(7 * angle) + 0.1 * rng.random(points))
    ring = np.c_[x + reach * np.cos(angle), y + reach * np.sin(angle)]
    hole = np.c_[x + 0.3 * reach * np.cos(angle), y + 0.3 * reach * np.sin(angle)]
    return shapely.Polygon(ring, [hole])


@pytest.fixture(scope="module")
def layer():
    island = star(39_503_000, 3_000, 400, 300, 3)
    return np.array(
        [star(39_500_000, 0, 1_000, 5_000, 1), shapely.union(star(39_501_200, 500, 800, 900, 2), island)], dtype=object
    )


@pytest.fixture(scope="module")
def shapes():
    rng = np.random.default_rng(7)
    x, y, radius = (
        39_500_000 + rng.uniform(-1_500, 4_000, 400),
        rng.uniform(-1_500, 4_000, 400),
        rng.uniform(5, 600, 400),
    )
    return np.array([star(*one, 12 + i % 40, i) for i, one in enumerate(zip(x, y, radius, strict=True))], dtype=object)


@pytest.mark.parametrize("cell_edges", [8, 64, 100_000])
def test_areas_agree_with_shapely_to_a_billionth_of_the_shape(layer, shapes, cell_edges):
    shape, feature, area = fast.overlap_areas(shapes, fast.cut(layer, cell_edges=cell_edges))
    expected = shapely.area(shapely.intersection(shapes[:, None], layer[None, :]))
    found = np.zeros_like(expected)
    found[shape, feature] = area
    assert (expected > 0).sum() > 200
    assert (np.abs(found - expected) / shapely.area(shapes)[:, None]).max() <= 1e-9


def test_pairs_are_those_of_the_kernel_on_geos(layer, shapes):
    for found, expected in zip(
        fast.overlap_areas(shapes, fast.cut(layer))[:2],
        overlay.overlap_areas(shapes, overlay.cut(layer))[:2],
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("shape", "area"),
    [
        (shapely.box(1, 1, 3, 3), 1.0),
        (shapely.box(0, 0, 2, 2), 4.0),
        (shapely.box(-5, -5, 5, 5), 4.0),
        (shapely.box(0.5, 0.5, 1.5, 1.5), 1.0),
        (shapely.box(2, 0, 3, 1), None),
        (shapely.Polygon([(1, -1), (3, 1), (1, 3), (-1, 1)]), 4.0),
        (shapely.box(0, 0, 2, 2).difference(shapely.box(0.5, 0.5, 1.5, 1.5)), 3.0),
        (shapely.Polygon([(0, 0), (2, 0), (0, 2)]), 2.0),
        (shapely.Polygon([(0, 0), (0, 2), (2, 0)]), 2.0),
        (shapely.box(1.9, 5, 3, 6), None),
    ],
    ids=[
        "corner",
        "equal",
        "around",
        "within",
        "touch",
        "corner to corner",
        "hole",
        "left turn",
        "right turn",
        "apart",
    ],
)
def test_areas_known_by_hand(shape, area):
    found = fast.overlap_areas(
        np.array([shape], dtype=object), fast.cut(np.array([shapely.box(0, 0, 2, 2)], dtype=object))
    )
    assert found[2].tolist() == ([] if area is None else [pytest.approx(area, abs=1e-12)])


def test_order_and_company_of_shapes_change_no_bit(layer, shapes):
    cells = fast.cut(layer, cell_edges=32)
    together = fast.overlap_areas(shapes, cells)[2]
    alone = np.concatenate([fast.overlap_areas(shapes[i : i + 1], cells)[2] for i in range(len(shapes))])
    np.testing.assert_array_equal(together, alone)


# rings on a small lattice touch, repeat vertices and share edges far more often than any map does
LATTICE = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=4, max_size=14)
PLACES = st.sampled_from([(0.0, 0.0, 1.0), (39_500_000.0, 4_100_000.0, 10.0), (116.3, 39.9, 1e-4)])


@settings(deadline=None, max_examples=200)
@given(st.lists(LATTICE, min_size=1, max_size=3), st.lists(LATTICE, min_size=1, max_size=3), PLACES, st.integers(3, 40))
def test_hostile_shapes_measure_as_without_the_compiler(first, second, place, cell_edges):
    x, y, scale = place
    rings = [[shapely.Polygon(np.array(ring) * scale + [x, y]) for ring in side] for side in (first, second)]
    shapes, layer = (polygonal(shapely.make_valid(np.array(side, dtype=object))) for side in rings)
    assume(all(shapely.is_valid(side).all() and not shapely.is_empty(side).any() for side in (shapes, layer)))
    expected, found = (np.zeros((len(shapes), len(layer))) for _ in range(2))
    row, feature, area = overlay.overlap_areas(shapes, overlay.cut(layer))
    expected[row, feature] = area
    row, feature, area = fast.overlap_areas(shapes, fast.cut(layer, cell_edges=cell_edges))
    found[row, feature] = area
    # a billionth of the shape, and what a vertex rounded to the digits of its coordinates lets its edges move
    digits = np.spacing(np.abs(shapely.bounds(shapes)).max()) * shapely.length(shapes)
    assert (np.abs(found - expected) <= (1e-9 * shapely.area(shapes) + 4 * digits)[:, None]).all()


@pytest.mark.parametrize("cell_edges", [4, 30, 1_000])
def test_small_polygons_and_large_ones_may_lie_in_one_layer(layer, shapes, cell_edges):
    mixed = np.concatenate([shapes[:50], layer, shapes[50:90]])
    found, expected = (
        kernel.overlap_areas(shapes, cells)
        for kernel, cells in ((fast, fast.cut(mixed, cell_edges=cell_edges)), (overlay, overlay.cut(mixed)))
    )
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_array_equal(found[1], expected[1])
    assert (np.abs(found[2] - expected[2]) <= 1e-9 * shapely.area(shapes)[found[0]]).all()


def test_a_polygon_that_is_not_valid_is_refused_by_row():
    bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    with pytest.raises(GeometryError, match="first row 1"):
        fast.cut(np.array([shapely.box(0, 0, 1, 1), bow_tie], dtype=object))


def test_nothing_meets_nothing(layer):
    none = np.empty(0, dtype=object)
    assert [len(column) for column in fast.overlap_areas(none, fast.cut(layer))] == [0, 0, 0]
    assert [len(column) for column in fast.overlap_areas(layer, fast.cut(none))] == [0, 0, 0]
