"""The kernel against plain shapely, which looks at every pair of uncut polygons."""

import pickle

import numpy as np
import pytest
import shapely

from ecozones.area import measure_length
from ecozones.errors import GeometryError
from ecozones.overlay import cut, keep_dimension, meet, meeting_pairs, nearest, overlap_areas, unite


def wavy(x, y, radius, points, seed):
    """A star-shaped polygon with a hole, of many vertices."""
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    reach = radius * (1 + 0.3 * np.sin(7 * angle + rng.random()) + 0.1 * rng.random(points))
    ring = np.c_[x + reach * np.cos(angle), y + reach * np.sin(angle)]
    hole = np.c_[x + 0.3 * reach * np.cos(angle), y + 0.3 * reach * np.sin(angle)]
    return shapely.Polygon(ring, [hole])


@pytest.fixture(scope="module")
def layer():
    far = wavy(39_503_000, 3_000, 400, 300, 3)
    return np.array(
        [wavy(39_500_000, 0, 1_000, 3_000, 1), shapely.union(wavy(39_501_200, 500, 800, 900, 2), far)], dtype=object
    )


@pytest.fixture(scope="module")
def shapes():
    rng = np.random.default_rng(7)
    x, y = 39_500_000 + rng.uniform(-1_500, 4_000, 300), rng.uniform(-1_500, 4_000, 300)
    size = rng.uniform(1, 300, 300)
    return shapely.box(x, y, x + size, y + rng.permutation(size))


def every_pair(shapes, layer):
    met = shapely.intersection(shapes[:, None], layer[None, :])
    areas = shapely.area(met)
    rows, columns = np.nonzero(areas > 0)
    return rows, columns, areas[rows, columns]


@pytest.mark.parametrize("piece_vertices", [16, 64, 256, 10_000])
def test_areas_are_those_of_the_uncut_polygons_for_any_piece_size(layer, shapes, piece_vertices):
    shape, feature, area = overlap_areas(shapes, cut(layer, piece_vertices=piece_vertices))
    rows, columns, expected = every_pair(shapes, layer)
    assert len(rows) > 80
    np.testing.assert_array_equal(shape, rows)
    np.testing.assert_array_equal(feature, columns)
    np.testing.assert_allclose(area, expected, rtol=1e-7, atol=1e-4)


@pytest.mark.parametrize("piece_vertices", [16, 256])
def test_geometries_carry_no_seam_of_ours(layer, shapes, piece_vertices):
    met = meet(shapes, cut(layer, piece_vertices=piece_vertices))
    for shape, feature, shared in zip(met.shape, met.feature, met.geometry, strict=True):
        expected = shapely.intersection(shapes[shape], layer[feature])
        assert shapely.symmetric_difference(shared, expected).area <= 1e-6
        assert shapely.get_num_coordinates(shapely.normalize(shared)) <= shapely.get_num_coordinates(expected) + 2


def test_parcels_of_few_vertices_are_measured_like_any_other(shapes):
    x, y = np.meshgrid(39_499_000 + 40.0 * np.arange(60), -1_000 + 40.0 * np.arange(60))
    parcels = shapely.box(x, y, x + 40, y + 40).ravel()
    pieces = cut(parcels)
    assert pieces.few.all()
    assert not shapely.is_prepared(parcels).any()
    shape, feature, area = overlap_areas(shapes, pieces)
    assert not shapely.is_prepared(shapes).any()
    rows, columns, expected = every_pair(shapes, parcels)
    np.testing.assert_array_equal(shape, rows)
    np.testing.assert_array_equal(feature, columns)
    np.testing.assert_allclose(area, expected, rtol=1e-7, atol=1e-4)
    np.testing.assert_allclose(
        nearest(shapes, pieces), shapely.distance(shapes[:, None], parcels[None, :]).min(axis=1), atol=1e-6
    )


def test_order_of_shapes_changes_nothing(layer, shapes):
    pieces = cut(layer)
    shape, feature, area = overlap_areas(shapes, pieces)
    shuffled = np.random.default_rng(1).permutation(len(shapes))
    again, feature_again, area_again = overlap_areas(shapes[shuffled], pieces)
    back = np.lexsort((feature_again, shuffled[again]))
    np.testing.assert_array_equal(shuffled[again][back], shape)
    np.testing.assert_array_equal(feature_again[back], feature)
    np.testing.assert_array_equal(area_again[back], area)


def test_shapes_one_by_one_give_the_same_bits_as_all_at_once(layer, shapes):
    pieces = cut(layer)
    _, _, together = overlap_areas(shapes, pieces)
    alone = np.concatenate([overlap_areas(shapes[i : i + 1], pieces)[2] for i in range(len(shapes))])
    np.testing.assert_array_equal(together, alone)


def test_pieces_cover_their_polygon_and_nothing_else(layer):
    pieces = cut(layer, piece_vertices=32)
    assert shapely.get_num_coordinates(pieces.geometry).max() <= 32
    area = np.bincount(pieces.feature, weights=shapely.area(pieces.geometry))
    np.testing.assert_allclose(area, shapely.area(layer), rtol=1e-9)


def test_pieces_that_have_travelled_answer_the_same(layer, shapes):
    pieces = cut(layer)
    arrived = pickle.loads(pickle.dumps(pieces))  # noqa: S301 - our own
    assert shapely.is_prepared(arrived.geometry[~arrived.few]).all()
    np.testing.assert_array_equal(overlap_areas(shapes, arrived)[2], overlap_areas(shapes, pieces)[2])
    np.testing.assert_array_equal(nearest(shapes, arrived), nearest(shapes, pieces))


def test_a_polygon_that_is_not_valid_is_refused_by_row():
    bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    with pytest.raises(GeometryError, match="first row 1"):
        cut(np.array([shapely.box(0, 0, 1, 1), bow_tie], dtype=object))


def test_a_touch_is_a_meeting_without_ground():
    met = meet(
        np.array([shapely.box(1, 0, 2, 1)], dtype=object), cut(np.array([shapely.box(0, 0, 1, 1)], dtype=object))
    )
    assert met.shape.tolist() == [0]
    assert met.geometry[0].is_empty


def test_an_empty_layer_meets_nothing():
    pieces = cut(np.empty(0, dtype=object))
    shapes = np.array([shapely.box(0, 0, 1, 1)], dtype=object)
    assert len(meet(shapes, pieces).shape) == 0
    assert len(overlap_areas(shapes, pieces)[0]) == 0
    assert np.isnan(nearest(shapes, pieces)).all()


def test_lines_keep_length_and_points_keep_number():
    layer = cut(np.array([shapely.box(0, 0, 10, 10)], dtype=object))
    shapes = np.array(
        [
            shapely.LineString([(-5, 5), (5, 5)]),
            shapely.MultiPoint([(1, 1), (2, 2), (20, 20)]),
            shapely.LineString([(0, 0), (10, 0)]),
        ],
        dtype=object,
    )
    met = meet(shapes, layer)
    assert shapely.length(met.geometry).tolist() == [5.0, 0.0, 10.0]
    assert shapely.get_num_geometries(met.geometry).tolist() == [1, 2, 1]


def test_mixed_collections_lose_only_the_parts_of_other_dimension():
    mixed = shapely.GeometryCollection(
        [shapely.box(0, 0, 1, 1), shapely.LineString([(5, 5), (6, 6)]), shapely.box(2, 0, 3, 1)]
    )
    kept = keep_dimension(np.array([mixed], dtype=object), np.array([2]))
    assert kept[0].area == 2.0
    assert kept[0].geom_type == "MultiPolygon"


def test_ground_in_several_polygons_is_counted_once():
    # natcap/invest#1341: boxes on the site (0, 0, 3, 3) sum to 12, and cover 8
    boxes = shapely.box([0, 1, 1], [0, 0, 1], [2, 3, 3], [2, 2, 3])
    _, _, area = overlap_areas(np.array([shapely.box(0, 0, 3, 3)], dtype=object), cut(boxes))
    assert area.sum() == 12.0
    assert shapely.area(unite(boxes, np.zeros(3, dtype=np.intp), 1)[0]) == 8.0


def test_distance_is_zero_where_they_meet_and_to_the_nearest_edge_elsewhere(layer, shapes):
    expected = shapely.distance(shapes[:, None], layer[None, :]).min(axis=1)
    np.testing.assert_allclose(nearest(shapes, cut(layer, piece_vertices=32)), expected, atol=1e-6)


def test_distance_is_zero_on_an_edge_and_deep_inside_and_counts_the_edge_of_a_hole():
    ring = shapely.box(0, 0, 30, 30).difference(shapely.box(10, 10, 20, 20))
    shapes = shapely.points([30, 5, 15, 15, 40], [15, 5, 15, 11, 15])
    assert nearest(shapes, cut(np.array([ring], dtype=object))).tolist() == [0.0, 0.0, 5.0, 1.0, 10.0]


def test_every_edge_of_a_boundary_is_in_one_chunk(layer):
    chunks = cut(layer).edges.geometries
    assert shapely.get_num_coordinates(chunks).max() <= 13
    np.testing.assert_allclose(shapely.length(chunks).sum(), shapely.length(layer).sum(), rtol=1e-12)
    assert shapely.equals(shapely.line_merge(shapely.union_all(chunks)), shapely.union_all(shapely.boundary(layer)))


@pytest.mark.parametrize("piece_vertices", [16, 256, 10_000])
def test_yes_or_no_is_what_every_pair_says(layer, shapes, piece_vertices):
    rows, columns = meeting_pairs(shapes, cut(layer, piece_vertices=piece_vertices))
    expected = np.nonzero(shapely.intersects(shapes[:, None], layer[None, :]))
    np.testing.assert_array_equal(rows, expected[0])
    np.testing.assert_array_equal(columns, expected[1])


def test_the_length_of_a_line_does_not_depend_on_its_neighbours_in_the_array():
    lines = np.array([shapely.LineString([(0, 0), (0, 1)]), shapely.LineString([(5, 5), (5, 6), (7, 6)])], dtype=object)
    alone = [measure_length(lines[i : i + 1], "EPSG:4490")[0] for i in range(2)]
    assert measure_length(lines, "EPSG:4490").tolist() == alone
