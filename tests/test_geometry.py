"""Polygons that are none, polygons that are broken, and what mending them costs."""

import csv
import warnings
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ecozones.errors import GeometryError, RepairWarning
from ecozones.geometry import check_polygons, drop_heights, mean_width, parts, polygonal, repair_polygons, without_place

SQUARE = shapely.box(500_000, 4_400_000, 500_010, 4_400_010)
EIGHT = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
INVALID = Path(__file__).parent / "data/invalid/geos_invalid_polygons.csv"


def frame(*shapes, crs=4548, index=None):
    return gpd.GeoDataFrame({"n": range(len(shapes))}, geometry=list(shapes), crs=crs, index=index)


def array(*shapes):
    return np.array(shapes, dtype=object)


def mended(broken, **options):
    with pytest.warns(RepairWarning) as caught:
        repaired, ledger = repair_polygons(broken, what="sites", **options)
    assert len(caught) == 1
    return repaired, ledger, str(caught[0].message)


# --- what is no polygon


def test_every_row_that_is_no_polygon_is_named_with_its_reason():
    nowhere = shapely.transform(SQUARE, lambda xy: np.r_[xy[:1], [[500_000, np.inf]], xy[2:]])
    collection = shapely.GeometryCollection([SQUARE, shapely.Point(0, 0)])
    rows = frame(
        SQUARE,
        None,
        shapely.Polygon(),
        shapely.Point(0, 0),
        shapely.LineString([(0, 0), (1, 1)]),
        nowhere,
        collection,
        shapely.MultiPolygon([SQUARE]),
        index=list("abcdefgh"),
    )
    with pytest.raises(
        GeometryError, match=r"^sites: no geometry \(rows b\); empty geometry \(rows c\); Point"
    ) as caught:
        check_polygons(rows, what="sites")
    told = dict(caught.value.problems.itertuples(index=False))
    assert told == {
        "b": "no geometry",
        "c": "empty geometry",
        "d": "Point where a polygon should be",
        "e": "LineString where a polygon should be",
        "f": "coordinates that are no numbers",
        "g": "GeometryCollection where a polygon should be",
    }


def test_polygons_and_series_of_them_pass():
    check_polygons(frame(SQUARE, shapely.MultiPolygon([SQUARE])), what="sites")
    check_polygons(gpd.GeoSeries([SQUARE]), what="sites")
    check_polygons(frame(), what="sites")


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_one_odd_coordinate_is_enough(odd):
    line = shapely.transform(shapely.LineString([(0, 0), (1, 1)]), lambda _: np.array([[0.0, odd], [1.0, 1.0]]))
    assert without_place(array(line, SQUARE, None)).tolist() == [True, False, False]


# --- repair


def test_a_figure_of_eight_keeps_both_halves():
    repaired, ledger, message = mended(frame(SQUARE, EIGHT, index=["a", "b"]))
    assert repaired.geometry["b"].area == 0.5
    assert repaired.geometry.is_valid.all()
    assert repaired["n"].tolist() == [0, 1]
    assert ledger.to_dict("records") == [
        {"row": "b", "reason": "Self-intersection[0.5 0.5]", "before_m2": 0.0, "after_m2": 0.5, "change_m2": 0.5}
    ]
    assert message == (
        "sites: 1 of 2 polygons were invalid and are repaired (rows b), area +0.50 m² in sum; the ledger lists each"
    )


def test_valid_polygons_keep_every_bit_and_nobody_is_warned():
    rough = shapely.Point(500_000.123456789, 4_400_000.987654321).buffer(37.77)
    given_frame = frame(rough, SQUARE)
    repaired, ledger = repair_polygons(given_frame, what="sites")
    assert (
        shapely.to_wkb(repaired.geometry.to_numpy()).tolist()
        == shapely.to_wkb(given_frame.geometry.to_numpy()).tolist()
    )
    assert list(ledger.columns) == ["row", "reason", "before_m2", "after_m2", "change_m2"]
    assert len(ledger) == 0


def test_neighbours_of_a_broken_polygon_keep_every_bit():
    rough = shapely.Point(500_000.123456789, 4_400_000.987654321).buffer(37.77)
    repaired, _, _ = mended(frame(rough, EIGHT))
    assert shapely.to_wkb(repaired.geometry.iloc[0]) == shapely.to_wkb(rough)


def test_ground_claimed_twice_is_still_claimed():
    # two overlapping squares drawn as parts of one polygon: linework repair would leave a hole of 1 in the middle
    twice = shapely.MultiPolygon([shapely.box(0, 0, 2, 2), shapely.box(1, 1, 3, 3)])
    repaired, ledger, _ = mended(frame(twice))
    assert repaired.geometry.iloc[0].area == 7.0
    assert shapely.make_valid(twice, method="linework").area == 6.0
    assert ledger["before_m2"].tolist() == [8.0]
    assert ledger["change_m2"].tolist() == [-1.0]


def test_a_spike_goes_and_nothing_else():
    spiked = shapely.Polygon([(0, 0), (10, 0), (10, 10), (10, 30), (10, 10), (0, 10)])
    repaired, _, _ = mended(frame(spiked))
    assert repaired.geometry.iloc[0].equals(shapely.box(0, 0, 10, 10))
    assert repaired.geometry.iloc[0].geom_type == "Polygon"


def test_a_hole_off_its_shell_is_a_part_that_lost_its_rank():
    hole, over_edge = [(20, 0), (30, 0), (30, 10), (20, 10)], [(5, 2), (15, 2), (15, 8), (5, 8)]
    shell = [(0, 0), (10, 0), (10, 10), (0, 10)]
    repaired, ledger, _ = mended(frame(shapely.Polygon(shell, [hole]), shapely.Polygon(shell, [over_edge])))
    assert repaired.geometry.area.tolist() == [200, 70]
    assert ledger["change_m2"].tolist() == [200, 30]


def test_invalid_polygons_can_be_refused():
    with pytest.raises(
        GeometryError, match=r"^sites: invalid polygons in rows b, c \(Self-intersection.*on='warn'"
    ) as caught:
        repair_polygons(frame(SQUARE, EIGHT, EIGHT, index=list("abc")), what="sites", on="refuse")
    assert caught.value.problems["row"].tolist() == ["b", "c"]


def test_what_collapses_is_refused_and_not_dropped():
    flat = shapely.Polygon([(0, 0), (10, 0), (5, 0)])
    with pytest.raises(GeometryError, match="nothing with an area is left of rows y"):
        repair_polygons(frame(EIGHT, flat, index=["x", "y"]), what="sites")


def test_price_of_a_repair_is_in_square_metres_in_degrees_and_feet_too():
    degree = shapely.Polygon([(116, 60), (116.001, 60.001), (116.001, 60), (116, 60.001)])
    _, ledger, _ = mended(frame(degree, crs=4490))
    assert ledger["after_m2"].tolist() == pytest.approx([111_195**2 * 1e-6 * 0.5 * 0.5], rel=1e-3)
    feet = shapely.transform(EIGHT, lambda xy: xy * 1_000 + [984_000, 190_000])
    _, ledger, _ = mended(frame(feet, crs=2263))
    assert ledger["after_m2"].tolist() == pytest.approx([0.5e6 * (1200 / 3937) ** 2])


def test_name_of_the_geometry_column_and_crs_survive_a_repair():
    repaired, _, _ = mended(frame(EIGHT).rename_geometry("shape"))
    assert repaired.geometry.name == "shape"
    assert repaired.crs == "EPSG:4548"
    assert list(repaired.columns) == ["n", "shape"]


def broken_polygons():
    with INVALID.open(encoding="utf-8", newline="") as file:
        texts = [row["wkt"] for row in csv.DictReader(file)]
    # numbers that are none have a test of their own: numpy warns of them before they get here
    return [
        shape for text in texts if "nan" not in text.lower() if (shape := shapely.from_wkt(text, on_invalid="ignore"))
    ]


def mended_or_refused(shape):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RepairWarning)
            return repair_polygons(frame(shape, index=["x"]), what="sites")
    except GeometryError as refusal:
        return refusal


def test_polygons_that_broke_other_programs_are_repaired_or_refused():
    outcomes = {shape: mended_or_refused(shape) for shape in broken_polygons()}
    refused = [outcome for outcome in outcomes.values() if isinstance(outcome, GeometryError)]
    assert len(outcomes) > 50
    assert 0 < len(refused) < 0.4 * len(outcomes)
    assert all("rows x" in str(refusal) and refusal.problems["row"].tolist() == ["x"] for refusal in refused)
    for shape, outcome in outcomes.items():
        if outcome in refused:
            continue
        repaired, ledger = outcome
        only = repaired.geometry["x"]
        assert only.is_valid
        assert only.geom_type in ("Polygon", "MultiPolygon")
        # repair claims no ground beyond what was drawn
        drawn = shapely.multipoints(shapely.get_coordinates(shape))
        assert drawn.convex_hull.buffer(1e-6).covers(only)
        assert ledger["after_m2"].tolist() == [only.area]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=12, unique=True))
def test_whatever_is_drawn_comes_out_valid_and_a_second_repair_changes_nothing(points):
    drawn = shapely.Polygon(points)
    if drawn.convex_hull.area == 0:
        return
    if drawn.is_valid:
        repaired, ledger = repair_polygons(frame(drawn), what="sites")
        assert len(ledger) == 0
    else:
        repaired, _, _ = mended(frame(drawn))
    again, ledger = repair_polygons(repaired, what="sites")
    assert len(ledger) == 0
    assert shapely.to_wkb(again.geometry.iloc[0]) == shapely.to_wkb(repaired.geometry.iloc[0])
    assert drawn.convex_hull.buffer(1e-9).covers(again.geometry.iloc[0])


# --- parts of collections


def test_polygons_are_taken_out_of_collections_at_any_depth():
    other = shapely.box(0, 0, 1, 1)
    deep = shapely.GeometryCollection(
        [shapely.GeometryCollection([shapely.MultiPolygon([SQUARE, other])]), shapely.LineString([(0, 0), (9, 9)])]
    )
    pieces, row = parts(array(None, deep, shapely.Polygon(), shapely.Point(0, 0), other))
    assert row.tolist() == [1, 1, 4]
    assert [piece.area for piece in pieces] == [100, 1, 1]
    kept = polygonal(array(None, deep, SQUARE, shapely.Point(0, 0), shapely.GeometryCollection([other])))
    assert [shape.geom_type for shape in kept] == ["Polygon", "MultiPolygon", "Polygon", "Polygon", "Polygon"]
    assert shapely.area(kept).tolist() == [0, 101, 100, 0, 1]
    assert kept[2] is SQUARE


def test_taking_polygons_out_leaves_the_input_alone():
    given_array = array(shapely.Point(0, 0), SQUARE)
    polygonal(given_array)
    assert given_array[0].geom_type == "Point"
    assert len(polygonal(given_array[:0])) == 0
    assert len(parts(given_array[:0])[0]) == 0


# --- width and height


def test_mean_width_of_a_strip_a_square_and_a_ring():
    strip, square = shapely.box(0, 0, 1_000, 2), shapely.box(0, 0, 8, 8)
    ring = shapely.Point(0, 0).buffer(101, quad_segs=400).difference(shapely.Point(0, 0).buffer(100, quad_segs=400))
    widths = mean_width(array(strip, square, ring, shapely.Point(0, 0), shapely.Polygon(), None))
    assert widths[0] == pytest.approx(2, rel=3e-3)
    assert widths[1] == 4
    # a ring is as wide as the difference of its radii: 2 pi (R2 - r2) / 2 pi (R + r)
    assert widths[2] == pytest.approx(1, rel=1e-3)
    assert widths[3:].tolist() == [0, 0, 0]


def test_heights_are_dropped_and_counted_and_plane_coordinates_stay():
    tall = shapely.force_3d(SQUARE, 12.5)
    measured = shapely.from_wkt("POLYGON M ((0 0 1, 1 0 2, 1 1 3, 0 0 1))")
    flat, count = drop_heights(frame(SQUARE, tall, measured, None, index=list("abcd")))
    assert count == 2
    assert not shapely.has_z(flat.geometry.to_numpy()).any()
    assert not shapely.has_m(flat.geometry.to_numpy()).any()
    assert shapely.to_wkb(flat.geometry["b"]) == shapely.to_wkb(SQUARE)
    assert flat.geometry["d"] is None
    assert drop_heights(frame(SQUARE))[1] == 0


def test_a_repair_that_needs_another_one_gets_it():
    # one pass of GEOS 3.14 leaves this ring invalid: its crossings, rounded, cross again
    ring = [(0, 7), (6, 7), (1, 6), (0, 5), (3, 5), (9, 9), (1, 5), (5, 5), (1, 1), (2, 4), (0, 3)]
    repaired, ledger, _ = mended(frame(shapely.Polygon(ring)))
    assert repaired.geometry.iloc[0].is_valid
    assert len(ledger) == 1
