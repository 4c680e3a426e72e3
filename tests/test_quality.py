"""Quality of layers: figures of other projects, all pairs and all faces computed the plain way, one fault at a time."""

import tomllib
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
import shapely.affinity
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ecozones.errors import CRSError, SchemaError
from ecozones.quality import SEVERITIES, check_quality, map_accuracy, quality_rules
from ecozones.quality.coverage import find_faults
from ecozones.quality.edges import edges_of, find_spikes
from ecozones.quality.gaps import inscribed_width
from ecozones.quality.waivers import read_waivers, write_waivers
from ecozones.testing import chessboard, chessboard_plan
from ecozones.vocab import control_lines

HERE = Path(__file__).parent / "data"
EAST, NORTH = 500_000.0, 3_320_000.0
# what GDAL itself refuses, with or without a geometry for us to look at
UNREADABLE = {
    "invalid_unclosed", "invalid_featurecollection_features_is_object", "invalid_featurecollection_no_features_member",
    "invalid_featurecollection_nulltype", "invalid_featurecollection_unknown_type", "invalid_geometry_coordinates_1d",
    "invalid_geometry_coordinates_empty_position", "invalid_geometry_coordinates_missing",
    "invalid_geometry_coordinates_string", "invalid_geometry_depth_deep_point", "invalid_geometry_depth_deep_polygon",
    "invalid_geometry_depth_shallow_linestring", "invalid_geometry_depth_shallow_polygon",
    "invalid_geometry_missing_type", "invalid_geometry_wrong_geometry_type",
}  # fmt: skip
# coordinates that cannot be where the file says
MISPLACED = {"ex7_britain", "ex8_britain", "problematic_outside_lat_lon_boundaries"}


def placed(*shapes, **columns):
    moved = shapely.transform(np.array(shapes, dtype=object), lambda xy: xy + [EAST, NORTH])
    return gpd.GeoDataFrame(columns, geometry=moved, crs="EPSG:4548")


def board(columns, rows, side=100.0):
    return [
        shapely.box(x * side, y * side, (x + 1) * side, (y + 1) * side) for y in range(rows) for x in range(columns)
    ]


def polygons(*texts):
    return np.array(shapely.from_wkt(texts), dtype=object)


# ----------------------------------------------------------------------------------------- coverage: published figures


def test_overlapping_squares_have_the_invalid_edges_of_jts():
    faults = find_faults(polygons("POLYGON ((1 9,6 9,6 4,1 4,1 9))", "POLYGON ((9 1,4 1,4 6,9 6,9 1))"), gap_width=0)
    expected = polygons("LINESTRING (6 9,6 4,1 4)", "LINESTRING (4 1,4 6,9 6)")
    assert faults.loose_rows.tolist() == [0, 1]
    assert shapely.equals(faults.loose_edges, expected).all()
    assert shapely.area(faults.shared).tolist() == [4.0]


@pytest.mark.parametrize(
    ("texts", "width"),
    [
        (("POLYGON ((1 5,9 5,9 1,1 1,1 5))", "POLYGON ((1 9,5 9,5 5.1,1 5,1 9))",
          "POLYGON ((5 9,9 9,9 5,5.5 5.1,5 9))"), 0.5),
        (("POLYGON ((1 5,9 5,9 1,1 1,1 5))", "POLYGON ((1 9,5 9,5 5.1,1 5.1,1 9))",
          "POLYGON ((5 9,9 9,9 5.1,5 5.1,5 9))"), 0.5),
        (("POLYGON ((1 5,5 5,9 5,9 1,1 1,1 5))", "POLYGON ((1 9,5 9,5 5,1 5.1,1 9))",
          "POLYGON ((5 9,9 9,9 5,5 5,5 9))"), 0.5),
    ],
    ids=["gap", "gap between what nowhere touches", "gore"],
)  # fmt: skip
def test_gaps_of_jts_are_found_at_its_width_and_not_at_none(texts, width):
    layer = polygons(*texts)
    assert len(find_faults(layer, gap_width=width).gaps.width)
    assert not len(find_faults(layer, gap_width=0.0).gaps.width)


def test_a_grid_has_no_faults():
    faults = find_faults(np.array(board(5, 5), dtype=object), gap_width=50)
    assert (len(faults.left), len(faults.gaps.width), len(faults.loose_rows)) == (0, 0, 0)


def test_a_gap_is_found_at_every_width_from_its_own_upwards():
    # GEOS (issue 1251) answers: valid at 0.5, invalid at 1, valid again at 2 and 5
    layer = polygons(
        "POLYGON((0 10,10 10,10 7,10 3,10 0,0 0,0 10))", "POLYGON((10 10,20 10,20 0,10 0,10 3,11 5,10 7,10 10))"
    )
    found = {width: find_faults(layer, gap_width=width).gaps.width.tolist() for width in (0.5, 1, 2, 5, 100)}
    # the largest circle in a triangle of base 4 and height 1: four times the area over the outline
    circle = pytest.approx([4 * 2 / (4 + 2 * np.sqrt(5))], rel=0.01)
    assert found == {0.5: [], 1: circle, 2: circle, 5: circle, 100: circle}


@pytest.mark.parametrize("open_end", [False, True])
@pytest.mark.parametrize("offset", [0.0, 36_500_000.0])
def test_a_gap_one_wide_is_found_at_one_and_more_and_not_below(open_end, offset):
    shapes = [shapely.box(0, 0, 50, 10), shapely.box(0, 11, 50, 20), shapely.box(50, 0, 60, 20)]
    shapes += [] if open_end else [shapely.box(-10, 0, 0, 20)]
    layer = shapely.transform(np.array(shapes, dtype=object), lambda xy: xy + offset)
    for width, count in ((0.5, 0), (0.99, 0), (1.0, 1), (2.0, 1), (5.0, 1), (8.9, 1)):
        gaps = find_faults(layer, gap_width=width).gaps
        assert len(gaps.width) == count, width
        if count:
            assert gaps.width[0] == pytest.approx(1.0, rel=1e-3)
            assert gaps.enclosed[0] == (not open_end)
            assert shapely.area(gaps.geometry[0]) == pytest.approx(50, rel=1e-6)


def test_a_gap_around_an_island_is_as_wide_as_its_moat():
    ring = shapely.box(0, 0, 100, 100).difference(shapely.box(40, 40, 60, 60))
    island = shapely.box(40.5, 40.5, 59.5, 59.5)
    gaps = find_faults(np.array([ring, island], dtype=object), gap_width=1.0).gaps
    assert gaps.enclosed.tolist() == [True]
    assert shapely.area(gaps.geometry).tolist() == pytest.approx([20 * 20 - 19 * 19])
    # at a corner of the moat the circle is wider than along its sides
    assert 0.5 <= gaps.width[0] <= 0.5 * np.sqrt(2)
    assert not len(find_faults(np.array([ring, island], dtype=object), gap_width=0.4).gaps.width)


def test_containment_and_equality_are_overlaps():
    outer, inner = shapely.box(0, 0, 10, 10), shapely.box(2, 2, 4, 4)
    assert not shapely.overlaps(outer, inner)
    assert not shapely.overlaps(outer, outer)
    found = check_quality(placed(outer, inner, outer), rules=["coverage.overlap"], method="planar")
    told = {row.feature_ids: (row.measured, row.message_en) for row in found.itertuples()}
    assert {ids: area for ids, (area, _) in told.items()} == {"0, 1": 4.0, "0, 2": 100.0, "1, 2": 4.0}
    assert "equal" in told["0, 2"][1]
    assert "one contains the other" in told["0, 1"][1]


def test_a_layer_doubled_with_other_vertices_is_found_whole():
    single = board(4, 4, side=10)
    dense = [shapely.segmentize(shape, 3) for shape in single]
    faults = find_faults(np.array([*single, *dense], dtype=object), gap_width=0)
    assert list(zip(faults.left, faults.right, strict=True)) == [(i, i + 16) for i in range(16)]


# ---------------------------------------------------------------------------- coverage: against the plain way to do it


def _dirty(seed):
    """Make a small layer with one kind of dirt: doubled, shifted, with holes, or boxes thrown anywhere."""
    rng = np.random.default_rng(seed)
    count = rng.integers(2, 6)
    nodes = np.stack(np.meshgrid(*[np.arange(count + 1) * 10.0] * 2, indexing="ij"), -1)
    nodes += np.round(rng.uniform(-3, 3, nodes.shape), 3)
    cells = [
        shapely.Polygon([nodes[i, k], nodes[i + 1, k], nodes[i + 1, k + 1], nodes[i, k + 1]])
        for i in range(count)
        for k in range(count)
    ]
    kind = seed % 6
    if kind == 0:
        cells = [cell for cell in cells if rng.random() < 0.75]
    elif kind == 1:
        cells += cells[: rng.integers(1, len(cells) + 1)]
    elif kind == 2:
        shifts = np.round(rng.normal(0, 0.1, (len(cells), 2)), 2) * (rng.random((len(cells), 1)) < 0.3)
        cells = [shapely.affinity.translate(cell, *by) for cell, by in zip(cells, shifts, strict=True)]
    elif kind == 3:
        corner = rng.integers(0, 8, (12, 4)) + [0, 0, 1, 1]
        cells = [shapely.box(x, y, x + width, y + height) for x, y, width, height in corner]
    elif kind == 4:
        some = [cell for cell in cells if rng.random() < 0.7]
        cells = [shapely.union_all(some[i : i + 3]) for i in range(0, len(some), 3)]
        cells.append(shapely.Point(20, 20).buffer(6).difference(shapely.Point(22, 19).buffer(3)))
    else:
        cells += [shapely.segmentize(cell, 4) for cell in cells[::2]]
    layer = np.array(cells, dtype=object)
    layer = layer[shapely.is_valid(layer) & ~shapely.is_empty(layer)]
    return layer[rng.permutation(len(layer))]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6), offset=st.sampled_from([0.0, 36_500_000.0]))
@example(seed=419, offset=36_500_000.0)
def test_faults_equal_all_pairs_all_faces_and_geos(seed, offset):
    layer = shapely.transform(_dirty(seed), lambda xy: np.round(xy + offset, 3))
    layer = layer[shapely.is_valid(layer)]
    faults = find_faults(layer, gap_width=1e6)

    one, other = shapely.STRtree(layer).query(layer)
    one, other = one[one < other], other[one < other]
    meet = shapely.relate_pattern(layer[one], layer[other], "2********")
    area = shapely.area(shapely.intersection(layer[one], layer[other]))
    found = set(zip(faults.left.tolist(), faults.right.tolist(), strict=True))
    certain = meet & (area > 1e-5)
    assert set(zip(one[certain].tolist(), other[certain].tolist(), strict=True)) <= found
    assert found <= set(zip(one[meet].tolist(), other[meet].tolist(), strict=True))

    loose = shapely.coverage_invalid_edges(layer)
    assert faults.loose_rows.tolist() == np.flatnonzero(~shapely.is_empty(loose)).tolist()
    assert shapely.equals(loose[faults.loose_rows], faults.loose_edges).all()

    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(shapely.union_all(shapely.boundary(layer)))))
    # polygon by polygon: a union of them has holes of its own where edges lie within a millimetre of each other
    covered, _ = shapely.STRtree(layer).query(shapely.point_on_surface(faces), predicate="intersects")
    holes = shapely.area(np.delete(faces, covered))
    enclosed = shapely.area(faults.gaps.geometry[faults.gaps.enclosed])
    assert np.sort(enclosed[enclosed > 1e-4]) == pytest.approx(np.sort(holes[holes > 1e-4]), rel=1e-6, abs=1e-4)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6), widths=st.lists(st.floats(0.01, 30), min_size=2, max_size=4))
def test_a_greater_width_never_loses_a_gap(seed, widths):
    layer = _dirty(seed)
    before = shapely.Polygon()
    for width in sorted(widths):
        gaps = find_faults(layer, gap_width=width).gaps
        ground = shapely.union_all(gaps.geometry)
        assert shapely.area(shapely.difference(before, ground)) < 1e-6
        assert (gaps.width <= width).all()
        assert shapely.area(shapely.intersection(ground, shapely.union_all(layer))) < 1e-6
        before = ground


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6))
def test_the_largest_circle_is_that_of_geos(seed):
    rng = np.random.default_rng(seed)
    shape = shapely.buffer(shapely.LineString(rng.uniform(0, 100, (4, 2))), rng.uniform(0.5, 5), quad_segs=3)
    exact = 2 * shapely.length(shapely.maximum_inscribed_circle(shape, tolerance=0.002))
    width = inscribed_width(np.array([shape], dtype=object))[0]
    assert width == pytest.approx(exact, rel=0.01)
    assert width >= 2 * shape.area / shape.length * 0.999


# --------------------------------------------------------------------------------------------- invalid and broken data


def test_every_invalid_polygon_is_found_with_the_place_of_its_fault():
    table = pd.read_csv(HERE / "invalid" / "geos_invalid_polygons.csv")
    assert len(table) == 64
    kinds = []
    for row in table.itertuples():
        with np.errstate(invalid="ignore"):
            shape = shapely.from_wkt(row.wkt, on_invalid="ignore")
        xy = shapely.get_coordinates(shape)
        fit = np.isfinite(xy).all(axis=1) & (np.abs(xy) < 1e12).all(axis=1)
        middle = np.round(xy[fit].mean(axis=0)) if fit.any() else np.zeros(2)
        layer = placed(shapely.transform(shape, lambda each, at=middle: each - at))
        found = check_quality(layer, rules=["geometry", "coverage", "area.minimum"])
        (fault,) = found[found["rule_id"].isin(["geometry.invalid", "geometry.missing"])].itertuples()
        kinds.append(fault.rule_id)
        assert np.isfinite([fault.x, fault.y]).all()
        if fault.rule_id == "geometry.invalid":
            place = shapely.Point(fault.x, fault.y)
            assert shapely.distance(shapely.boundary(layer.geometry[0]), place) < 1e-6
            assert fault.geometry.equals(place)
            # the kind of fault is the one that GEOS names
            assert fault.message_en.split(": ")[1].split("[")[0] == row.reason.split("[")[0]
    assert kinds.count("geometry.invalid") > 55


@pytest.mark.parametrize(
    "path",
    sorted((HERE / "invalid" / "chrieke").glob("*/*.geojson"))
    + sorted((HERE / "invalid" / "mapshaper_clean").glob("*json")),
    ids=lambda path: path.stem,
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_broken_file_crashes_the_checks(path):
    if path.stem in UNREADABLE:
        with pytest.raises((pyogrio.errors.DataSourceError, shapely.errors.GEOSException)):
            gpd.read_file(path)
        return
    layer = gpd.read_file(path)
    if path.stem in MISPLACED:
        with pytest.raises(CRSError, match=r"coordinates are metres|out of range"):
            check_quality(layer)
        return
    found = check_quality(layer)
    unfit = layer.geometry.isna() | layer.geometry.is_empty | ~layer.geom_type.isin(["Polygon", "MultiPolygon"])
    invalid = ~unfit & ~layer.is_valid
    assert (found["rule_id"] == "geometry.missing").sum() == unfit.sum()
    assert (found["rule_id"] == "geometry.invalid").sum() == invalid.sum()


def test_missing_geometry_is_told_apart():
    layer = placed(shapely.box(0, 0, 9, 9), shapely.Polygon(), shapely.Point(1, 1), None)
    found = check_quality(layer, rules=["geometry.missing"])
    assert found.set_index("feature_ids")["message_en"].str.split(": ").str[1].to_dict() == {
        "1": "its geometry is empty",
        "2": "it is a Point",
        "3": "it has no geometry",
    }


# -------------------------------------------------------------------------------------------------- one rule at a time


def test_the_spike_of_terramatch_is_found_and_the_pentagon_is_clean():
    layer = gpd.read_file(HERE / "quality" / "terramatch_spike.geojson")
    assert layer.is_valid.all()
    (spike,) = check_quality(layer, rules=["geometry.spike"]).itertuples()
    assert (spike.feature_ids, round(spike.x, 4), round(spike.y, 4)) == ("0", 32.9661, -1.8542)
    assert spike.measured < 0.1
    assert "21" in spike.message_en  # the legs run 21 km: 0.087° of longitude and 0.169° of latitude


def test_spikes_are_held_to_angle_and_length_both_ways():
    tip = shapely.Polygon([(0, 0), (100, 0), (100, 50), (52, 50), (50, 100), (48, 50), (0, 50)])
    edges = edges_of(np.array([tip], dtype=object))
    angle = np.degrees(2 * np.arctan(2 / 50))
    assert find_spikes(edges, angle=angle + 0.01, length=50).angle.tolist() == pytest.approx([angle])
    assert not len(find_spikes(edges, angle=angle - 0.01, length=50).row)
    assert not len(find_spikes(edges, angle=angle + 0.01, length=51).row)
    layer = placed(tip)
    assert len(check_quality(layer, rules=["geometry.spike"])) == 1
    for changed in ({"max_angle_deg": 4.0}, {"min_angle_deg": 4.6}, {"min_length_m": 51}, {"max_length_m": 50}):
        assert not len(check_quality(layer, rules=["geometry.spike"], thresholds={"geometry.spike": changed}))


def test_a_spike_with_its_tip_cut_off_is_a_spike():
    blunt = shapely.Polygon([(0, 0), (100, 0), (100, 50), (52, 50), (50.02, 100), (49.98, 100), (48, 50), (0, 50)])
    found = check_quality(placed(blunt), rules=["geometry.spike"])
    assert found[["x", "y"]].to_numpy().tolist() == [[EAST + 50, NORTH + 100]]


def test_a_sliver_is_narrow_everywhere():
    strip = shapely.box(0, 0, 100, 0.3)
    # a field with a long hedge has a small mean width, and is no sliver
    hedged = shapely.union_all([shapely.box(0, 10, 30, 40), *(shapely.box(30, y, 5000, y + 0.1) for y in (11, 13, 15))])
    assert 2 * hedged.area / hedged.length < 0.5
    layer = placed(strip, hedged, shapely.MultiPolygon([shapely.box(0, 50, 9, 59), shapely.box(20, 50, 20.2, 90)]))
    found = check_quality(layer, rules=["geometry.sliver"])
    assert dict(zip(found["feature_ids"], found["width_m"].round(2), strict=True)) == {"0": 0.3, "2": 0.2}
    wide = check_quality(layer, rules=["geometry.sliver"], thresholds={"geometry.sliver": {"min_width_m": 0.25}})
    assert wide["feature_ids"].tolist() == ["0"]
    small = check_quality(layer, rules=["geometry.sliver"], thresholds={"geometry.sliver": {"max_area_m2": 10}})
    assert small["feature_ids"].tolist() == ["2"]


def test_slivers_and_gaps_are_held_to_the_accuracy_of_the_map():
    assert [map_accuracy(scale) for scale in (500, 1000, 2000, 5000, 10_000)] == pytest.approx([0.4, 0.8, 1.6, 4, 8])
    assert map_accuracy(1000, built_up=True) == pytest.approx(0.6)
    with pytest.raises(ValueError, match="1:1234 is not known"):
        map_accuracy(1234)
    layer = placed(shapely.box(0, 0, 100, 100), shapely.box(103, 0, 200, 100), shapely.box(0, 100, 200, 102))
    at_2000 = check_quality(layer, rules=["geometry.sliver", "coverage.gap"], map_scale=2000)
    at_5000 = check_quality(layer, rules=["geometry.sliver", "coverage.gap"], map_scale=5000)
    assert len(at_2000) == 0
    assert sorted(at_5000["rule_id"]) == ["coverage.gap", "geometry.sliver"]
    assert at_5000["threshold"].tolist() == [4.0, 4.0]


def test_duplicates_are_equal_or_nearly_so():
    plot = shapely.box(0, 0, 100, 100)
    turned = shapely.Polygon(shapely.get_coordinates(plot)[::-1][[1, 2, 3, 0, 1]])
    layer = placed(
        plot, turned, shapely.box(200, 0, 300, 100), shapely.box(200, 0, 301, 100), shapely.box(240, 0, 340, 100)
    )
    found = check_quality(layer, rules=["geometry.duplicate", "geometry.near_duplicate"])
    told = dict(zip(found["rule_id"], found["feature_ids"], strict=True))
    assert (len(found), told) == (2, {"geometry.duplicate": "0, 1", "geometry.near_duplicate": "2, 3"})
    assert found["share"].tolist() == pytest.approx([1.0, 100 / 101])


def test_overlaps_are_held_to_area_and_width_both_ways():
    layer = placed(shapely.box(0, 0, 100, 100), shapely.box(99.9, 0, 200, 100), shapely.box(150, 0, 250, 100))
    limits = "coverage.overlap"

    def areas(**changed):
        found = check_quality(layer, rules=[limits], thresholds={limits: changed}, method="planar")
        return sorted(found["measured"].round(3))

    assert areas() == [10.0, 5000.0]
    assert areas(min_area_m2=11) == areas(min_width_m=0.2) == [5000.0]
    assert areas(max_area_m2=11) == areas(max_width_m=0.2) == [10.0]


@pytest.mark.parametrize(
    ("code", "area", "limit"),
    [("0601", 199, 200), ("1202", 150, 200), ("0101", 399, 400), ("0301K", 300, 400), ("1006", 201, 400),
     ("0404", 599, 600), ("1101", 450, 600), ("1201", 100, 200)],
)  # fmt: skip
def test_small_patches_are_judged_by_their_class(code, area, limit):
    side = np.sqrt(area)
    layer = placed(shapely.box(0, 0, side, side), shapely.box(100, 0, 100 + limit, 1.02), DLBM=[code, code])
    (small,) = check_quality(layer, rules=["area.minimum"], method="planar").itertuples()
    assert (small.feature_ids, round(small.measured), small.threshold) == ("0", area, limit)


def test_patch_limits_may_be_given_and_have_an_upper_side():
    layer = placed(shapely.box(0, 0, 10, 10), shapely.box(20, 0, 50, 50))
    assert check_quality(layer, rules=["area.minimum"])["severity"].tolist() == ["not_checked"]
    for changed, ids in (({"min_area_m2": 101}, ["0"]), ({"max_area_m2": 1499}, ["1"]), ({"min_area_m2": 99}, [])):
        found = check_quality(layer, rules=["area.minimum"], thresholds={"area.minimum": changed}, method="planar")
        assert found.query("severity != 'not_checked'")["feature_ids"].tolist() == ids


def test_stated_areas_are_held_to_a_band():
    layer = placed(*board(4, 1), stated_area_m2=[10_000.0, 8_999.0, 11_001.0, None])
    found = check_quality(layer, rules=["area.stated"], method="planar")
    assert found["feature_ids"].tolist() in (["1", "2"], ["2", "1"])
    assert sorted(found["measured"]) == pytest.approx([0.8999, 1.1001])
    assert sorted(found["threshold"]) == [0.9, 1.1]
    wider = check_quality(
        layer, rules=["area.stated"], thresholds={"area.stated": {"min_ratio": 0.75, "max_ratio": 1.25}}
    )
    assert not len(wider)


def test_deducted_areas_must_add_up():
    layer = placed(
        *board(3, 1), TBMJ=[1000.0] * 3, KCXS=[0.1] * 3, KCMJ=[100.0, 100.0, 90.0], TBDLMJ=[900.0, 890.0, 910.0]
    )
    found = check_quality(layer, rules=["area.deducted"])
    assert dict(zip(found["feature_ids"], found["measured"].round(6), strict=True)) == {"1": 10.0, "2": 10.0}


def test_ground_outside_the_boundary_is_measured_with_its_share():
    layer = placed(shapely.box(0, 0, 10, 10), shapely.box(95, 0, 115, 10), shapely.box(99, 50, 100.01, 60))
    extent = placed(shapely.box(0, 0, 100, 100))
    (outside,) = check_quality(layer, rules=["extent"], extent=extent, method="planar").itertuples()
    assert (outside.feature_ids, outside.measured, outside.share) == ("1", 150.0, 0.75)
    assert "75.00%" in outside.message_zh
    both = check_quality(layer, rules=["extent"], extent=extent, thresholds={"extent.outside": {"min_area_m2": 0.05}})
    assert set(both["feature_ids"]) == {"1", "2"}
    (unknown,) = check_quality(layer, rules=["extent"]).itertuples()
    assert unknown.severity == "not_checked"


def test_columns_are_held_to_the_official_table():
    good = {
        "BSM": "1", "YSDM": "2001010100", "TBBH": "1", "DLBM": "0101", "DLMC": "水田", "QSXZ": "30", "QSDWDM": "1",
        "QSDWMC": "村", "ZLDWDM": "1", "ZLDWMC": "村", "TBMJ": 100.0, "TBDLMJ": 100.0, "KCXS": 0.1, "SJNF": 2023,
    }  # fmt: skip
    rows = [good, good | {"DLBM": "0199"}, good | {"TBBH": "123456789"}, good | {"TBMJ": 0.0}, good | {"QSXZ": " "},
            good | {"KCXS": 1.5}, good | {"DLBM": "0301K"}]  # fmt: skip
    layer = placed(*board(7, 1), **pd.DataFrame(rows).to_dict("list"))
    found = check_quality(layer, rules=["field"])
    told = {(row.rule_id, row.feature_ids): row.message_en for row in found.itertuples()}
    assert set(told) == {
        ("field.missing", ""), ("field.domain", "1"), ("field.type", "2"), ("field.domain", "3"), ("field.blank", "4"),
        ("field.domain", "5"),
    }  # fmt: skip
    assert "DLTB.MSSM" in told["field.missing", ""]
    assert "DLTB.DLBM = 0199" in told["field.domain", "1"]
    assert "longer than 8 characters" in told["field.type", "2"]


def test_a_layer_of_no_known_table_is_not_said_to_be_right():
    layer = placed(*board(2, 1))
    (row,) = check_quality(layer, rules=["field"]).itertuples()
    assert row.severity == "not_checked"
    missing = check_quality(layer, rules=["field.missing"], table="CZKFBJ")["message_en"]
    assert sorted(text.split()[3] for text in missing) == ["CZKFBJ.GHFQDM", "CZKFBJ.GHFQMC"]
    with pytest.raises(SchemaError, match="official table 'X' is not known; use one of DLTB"):
        check_quality(layer, table="X")


def test_ids_are_there_and_unique():
    layer = placed(*board(4, 1), feature_id=["a", "a", "", "b"])
    found = check_quality(layer, rules=["id"])
    assert dict(zip(found["rule_id"], found["feature_ids"], strict=True)) == {"id.missing": "", "id.repeated": "a"}


# ---------------------------------------------------------------------------------------------------------- exceptions


def _two_gaps():
    shapes = [shapely.box(0, 0, 100, 100), shapely.box(100.5, 0, 200, 100), shapely.box(200.3, 0, 300, 100)]
    return placed(*shapes, feature_id=["甲", "乙", "丙"])


def test_an_accepted_finding_survives_a_re_run_and_shows_who_and_why(tmp_path):
    layer = _two_gaps()
    first = check_quality(layer, rules=["coverage.gap"])
    assert first["accepted"].tolist() == [False, False]
    path = write_waivers(
        first[first["feature_ids"].str.contains("甲")], tmp_path / "例外.csv", by="张工", why="田间道", on="2026-11-20"
    )
    for order in ([0, 1, 2], [2, 0, 1]):
        again = check_quality(layer.iloc[order], rules=["coverage.gap"], exceptions=path)
        assert len(again) == 2
        accepted = again[again["accepted"]]
        assert accepted[["accepted_by", "accepted_why"]].to_numpy().tolist() == [["张工", "田间道"]]
        assert set(again["finding_id"]) == set(first["finding_id"])
    write_waivers(first, path, by="李工", why="复核")
    assert read_waivers(path)["accepted_by"].tolist() == ["李工", "李工"]


def test_ids_of_findings_do_not_depend_on_how_a_ring_is_drawn():
    layer = _two_gaps()
    other = layer.set_geometry(
        gpd.GeoSeries(
            [shapely.Polygon(shapely.get_coordinates(g)[[2, 3, 0, 1, 2]][::-1]) for g in layer.geometry], crs=layer.crs
        )
    )
    both = [check_quality(each, rules=["coverage", "geometry"])["finding_id"].tolist() for each in (layer, other)]
    assert both[0] == both[1]
    assert len(set(both[0])) == len(both[0])


def test_an_exception_for_other_ground_is_reported_and_accepts_nothing(tmp_path):
    layer = _two_gaps()
    path = write_waivers(check_quality(layer, rules=["coverage.gap"]), tmp_path / "e.csv", by="张工", why="路")
    moved = layer.copy()
    moved.loc[1, "geometry"] = shapely.transform(layer.geometry[1], lambda xy: xy + [0.1, 0])
    found = check_quality(moved, rules=["coverage.gap"], exceptions=path)
    assert found["rule_id"].tolist() == ["coverage.gap"] * 2 + ["exception.unused"] * 2
    assert not found["accepted"].any()
    assert found["severity"].tolist()[-1] == "notice"


def test_exceptions_may_name_rule_and_features_in_toml(tmp_path):
    path = tmp_path / "exceptions.toml"
    path.write_text(
        '[[exceptions]]\nrule_id = "coverage.gap"\nfeature_ids = "乙, 甲"\naccepted_by = "张工"\naccepted_why = "渠"\n',
        encoding="utf-8",
    )
    found = check_quality(_two_gaps(), rules=["coverage.gap"], exceptions=path)
    assert found.set_index("feature_ids")["accepted"].to_dict() == {"乙, 甲": True, "丙, 乙": False}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ({"finding_id": ["a"]}, "say who accepted it and why"),
        ({"rule_id": ["coverage.gap"], "accepted_by": ["x"], "accepted_why": ["y"]}, "give finding_id, or rule_id"),
        ({"finding": ["a"]}, "columns finding are not known"),
    ],
)
def test_exceptions_that_say_too_little_are_refused(rows, told):
    with pytest.raises(SchemaError, match=told):
        check_quality(_two_gaps(), exceptions=pd.DataFrame(rows))


# ---------------------------------------------------------------------------------------------------- the whole answer


def test_rules_are_complete_in_both_languages_and_say_where_they_come_from():
    rules = quality_rules()
    assert rules["id"].is_unique
    for column in ("zh", "en", "remedy_zh", "remedy_en"):
        assert rules[column].str.len().gt(0).all()
    assert set(rules["severity"]) <= set(SEVERITIES)
    assert set(rules["status"]) <= {"verified", "partial", "memory", "design"}
    assert (rules["status"].eq("design") | rules["seen"].str.len().gt(0)).all()
    path = Path(__file__).parents[1] / "ecozones" / "data" / "quality.toml"
    said = tomllib.loads(path.read_text(encoding="utf-8"))
    codes = [code for row in said["minimum_patch"] for code in row["codes"]]
    assert len(codes) == len(set(codes))
    assert {line for table in said["tables"].values() for line in table["lines"]} <= set(control_lines())


def test_a_plan_is_checked_line_by_line_within_its_extent():
    plan = chessboard_plan(red_line=["a1", "b1"], farmland=["c3"])
    found = check_quality(plan)
    assert set(found["line"]) == {"ecological_red_line", "permanent_basic_farmland", "urban_development_boundary"}
    assert set(found["severity"].astype(str)) == {"not_checked"}
    assert "extent.outside" not in set(found["rule_id"])
    wider = plan["permanent_basic_farmland"]
    wider = wider.set_geometry(wider.buffer(6_000))
    (outside,) = check_quality(plan.replace(permanent_basic_farmland=wider), rules=["extent"]).itertuples()
    assert (outside.line, outside.feature_ids) == ("permanent_basic_farmland", "c3")


def test_findings_come_gravest_first_with_a_place_in_each():
    layer = placed(
        shapely.box(0, 0, 100, 100), shapely.box(99, 0, 200, 100), shapely.box(200.5, 0, 300, 100),
        shapely.Polygon([(400, 0), (500, 100), (500, 0), (400, 100)]),
    )  # fmt: skip
    found = check_quality(layer)
    codes = found["severity"].cat.codes.to_numpy()
    assert (np.diff(codes) <= 0).all()
    real = found[found["severity"] != "not_checked"]
    assert set(real["rule_id"]) == {"geometry.invalid", "coverage.overlap", "coverage.gap", "coverage.edges"}
    places = shapely.points(real[["x", "y"]].to_numpy())
    assert (shapely.distance(places, real.geometry.to_numpy()) < 1e-6).all()
    assert real["message_zh"].str.contains(r"[一-鿿]").all()
    assert found["finding_id"].is_unique


def test_an_empty_layer_and_a_clean_one_have_no_faults():
    empty = gpd.GeoDataFrame({"feature_id": []}, geometry=[], crs="EPSG:4548")
    for layer in (empty, chessboard(4)):
        found = check_quality(layer)
        assert set(found["severity"].astype(str)) <= {"not_checked"}


def test_wrong_words_are_refused_with_the_right_ones():
    layer = placed(*board(1, 1))
    with pytest.raises(SchemaError, match=r"rules coverage\.gaps are not known"):
        check_quality(layer, rules=["coverage.gaps"])
    with pytest.raises(SchemaError, match=r"max_width is not known; use one of min_width_m"):
        check_quality(layer, thresholds={"coverage.gap": {"max_width": 1}})
    with pytest.raises(CRSError, match="no CRS"):
        check_quality(layer.set_crs(None, allow_override=True))
