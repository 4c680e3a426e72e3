"""The chessboard county: areas by hand, names, faults, and the self-test of an installation."""

import string

import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from ecozones import testing
from ecozones.area import measure_area
from ecozones.errors import GeometryError
from ecozones.testing import (
    assert_plans_equal,
    chessboard,
    chessboard_plan,
    selftest,
    square,
    square_between,
)

LINES = ["ecological_red_line", "permanent_basic_farmland", "urban_development_boundary"]


# --------------------------------------------------------------------------------------------------------- the board
def test_sixty_four_squares_of_a_square_kilometre():
    board = chessboard()
    assert len(board) == 64
    assert set(board.area) == {1e6}
    assert board.crs.to_epsg() == 4547
    assert board.union_all().area == 64e6


def test_a1_is_the_south_west_corner_and_h8_the_north_east():
    board = chessboard().set_index("cell")
    west, south, east, north = board.total_bounds
    assert board.loc["a1"].geometry.bounds[:2] == (west, south)
    assert board.loc["h8"].geometry.bounds[2:] == (east, north)
    assert board.loc["h1"].geometry.bounds[0] > board.loc["a1"].geometry.bounds[0]


def test_neighbours_share_their_edges_exactly():
    assert shapely.coverage_is_valid(chessboard().geometry.to_numpy())


def test_a_square_keeps_its_place_on_a_larger_board():
    small, large = chessboard(2).set_index("cell"), chessboard(26).set_index("cell")
    assert small.loc["b2"].geometry.equals_exact(large.loc["b2"].geometry, tolerance=0)


def test_ground_differs_from_the_plane_by_half_a_millionth_at_most():
    board = chessboard()
    ellipsoid = pyproj.Geod(ellps="GRS80")
    degrees = board.segmentize(70).to_crs("EPSG:4490").geometry
    ground = np.array([abs(ellipsoid.geometry_area_perimeter(shape)[0]) for shape in degrees])
    assert (1e6 - ground).max() < 0.5
    assert (1e6 - ground).min() > 0.0
    np.testing.assert_allclose(measure_area(board, method="national"), ground, atol=0.02)


@pytest.mark.parametrize("n", [0, 27, -1])
def test_a_board_has_as_many_columns_as_the_alphabet(n):
    with pytest.raises(ValueError, match="between 1 and 26"):
        chessboard(n)


# ----------------------------------------------------------------------------------------------------------- the plan
def test_what_is_named_is_drawn_and_nothing_else():
    plan = chessboard_plan(red_line={"a1": "core", "b1": "general"}, farmland=["c3"], urban=["d4", "e4"])
    assert list(plan.lines) == LINES
    assert [len(plan[line]) for line in LINES] == [2, 1, 2]
    assert plan["ecological_red_line"]["subzone"].tolist() == ["core", "general"]
    assert plan["permanent_basic_farmland"]["subzone"].tolist() == ["pbf"]
    assert plan["urban_development_boundary"]["subzone"].tolist() == ["concentrated"] * 2
    assert plan["urban_development_boundary"]["feature_id"].tolist() == ["d4", "e4"]
    assert plan["permanent_basic_farmland"].geometry.iloc[0].equals(chessboard().set_index("cell").loc["c3"].geometry)
    assert plan.extent.area.sum() == 64e6


def test_an_empty_line_is_there_and_a_missing_one_is_not():
    plan = chessboard_plan(farmland=(), red_line=None)
    assert "permanent_basic_farmland" in plan
    assert len(plan["permanent_basic_farmland"]) == 0
    assert "ecological_red_line" not in plan


def test_a_sub_zone_may_be_left_unsaid():
    plan = chessboard_plan(red_line={"a1": None})
    assert plan["ecological_red_line"]["subzone"].tolist() == [None]


def test_other_lines_spaces_and_partial_coverage():
    plan = chessboard_plan(
        2,
        lines={"nature_reserve": {"a1": "core"}},
        zones={"a1": "ecological_space", "b1": "urban_space"},
        coverage={"nature_reserve": ["a1", "a2"]},
    )
    assert plan["nature_reserve"]["subzone"].tolist() == ["core"]
    assert plan.zones["zone"].tolist() == ["ecological_space", "urban_space"]
    assert plan.ground("nature_reserve").area.sum() == 2e6
    assert plan.ground("ecological_red_line").area.sum() == 4e6


@pytest.mark.parametrize("cell", ["i1", "a9", "z26"])
def test_a_square_beyond_the_board_is_refused(cell):
    with pytest.raises(ValueError, match=f"{cell} not on the board, which runs from a1 to h8"):
        chessboard_plan(farmland=[cell])


# ---------------------------------------------------------------------------------------------------------- the sites
def test_a_site_stands_in_the_middle_of_its_square():
    site = square("c3", activity="farming")
    cell = chessboard().set_index("cell").loc["c3"].geometry
    assert site.geometry.iloc[0].centroid.equals(cell.centroid)
    assert site.area.iloc[0] == 250_000
    assert site["activity"].tolist() == ["farming"]
    assert site["site_id"].tolist() == ["c3"]


def test_several_sites_at_once_and_a_size_of_ones_own():
    sites = square("a1", "h8", size_m=1_000)
    assert sites["site_id"].tolist() == ["a1", "h8"]
    assert sites.area.tolist() == [1e6, 1e6]


def test_a_site_may_lie_outside_the_county():
    site = square("j1")
    assert not site.intersects(chessboard().union_all()).any()


@given(
    column=st.integers(0, 6),
    rank=st.integers(1, 8),
    upwards=st.booleans(),
    side=st.integers(10, 5_000).map(lambda half: 2.0 * half),
)
@settings(max_examples=50, deadline=None)
def test_a_site_between_two_squares_is_half_in_each(column, rank, upwards, side):
    here = f"{string.ascii_lowercase[column]}{rank}"
    there = f"{string.ascii_lowercase[column]}{rank + 1}" if upwards else f"{string.ascii_lowercase[column + 1]}{rank}"
    site = square_between(here, there, side_m=side).geometry.iloc[0]
    board = chessboard(9, side).set_index("cell").geometry
    halves = [site.intersection(board[cell]).area / site.area for cell in (here, there)]
    assert halves == pytest.approx([0.5, 0.5], rel=1e-9)


@pytest.mark.parametrize("pair", [("a1", "b2"), ("a1", "c1"), ("a1", "a1")])
def test_squares_without_a_common_side_have_nothing_between(pair):
    with pytest.raises(ValueError, match="have no side in common"):
        square_between(*pair)


@pytest.mark.parametrize("name", ["", "a", "1a", "A1", "a0", "a01", "aa1", "é1"])
def test_names_of_squares_are_a_letter_and_a_number(name):
    with pytest.raises(ValueError, match="is not the name of a square"):
        square(name)


# ----------------------------------------------------------------------------------------------------- equal plans
def given_plan(**changed):
    said = {"red_line": {"a1": "core"}, "farmland": ["b2"], "urban": ["c3"], "zones": {"a1": "ecological_space"}}
    return chessboard_plan(**(said | changed))


def test_equal_plans_are_equal():
    assert_plans_equal(given_plan(), given_plan())


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"name": "another"}, "^name: "),
        ({"red_line": None}, "^lines: "),
        ({"red_line": {"a1": "general"}}, "^ecological_red_line: "),
        ({"red_line": {"a2": "core"}}, "^ecological_red_line: "),
        ({"farmland": ["b2", "b3"]}, "^permanent_basic_farmland: "),
        ({"zones": None}, "^zones: only one"),
        ({"zones": {"a1": "urban_space"}}, "^zones: "),
        ({"n": 7}, "^extent: "),
        ({"coverage": {"ecological_red_line": ["a1"]}}, "^coverage of ecological_red_line: only one"),
    ],
)
def test_the_first_difference_is_named(changed, words):
    with pytest.raises(AssertionError, match=words):
        assert_plans_equal(given_plan(), given_plan(**changed))


def test_a_vertex_moved_by_its_last_bit_is_seen():
    plan = given_plan()
    farmland = plan["permanent_basic_farmland"]
    moved = shapely.transform(farmland.geometry.to_numpy(), lambda xy: np.nextafter(xy, np.inf))
    with pytest.raises(AssertionError, match=r"^permanent_basic_farmland: "):
        assert_plans_equal(plan, plan.replace(permanent_basic_farmland=farmland.set_geometry(moved)))


def test_a_ring_that_starts_elsewhere_is_seen():
    plan = given_plan()
    farmland = plan["permanent_basic_farmland"]
    ring = shapely.get_coordinates(farmland.geometry.iloc[0])[:-1]
    turned = shapely.polygons(np.roll(ring, 1, axis=0))
    with pytest.raises(AssertionError, match=r"^permanent_basic_farmland: vertices differ in rows 0"):
        assert_plans_equal(plan, plan.replace(permanent_basic_farmland=farmland.set_geometry([turned])))


# ------------------------------------------------------------------------------------------------------ self-test
def test_this_installation_passes():
    report = selftest()
    assert report[~report["passed"]].empty, report[~report["passed"]].to_string()
    assert list(report.columns) == ["subject", "name", "expected", "got", "passed"]
    assert report["subject"].value_counts().to_dict() == {
        "area": 12,
        "rules": 3,
        "verdict": 8,
        "balance": 2,
        "encoding": 2,
    }
    assert report["passed"].dtype == bool


def test_wrong_areas_fail(monkeypatch):
    def in_the_plane(frame, **options):  # noqa: ARG001
        return pd.Series(shapely.area(frame.to_numpy()), index=frame.index)

    monkeypatch.setattr(testing, "measure_area", in_the_plane)
    report = selftest().set_index("subject")
    assert report.loc["area", "passed"].sum() <= 1
    assert report.loc["rules", "passed"].all()


def test_a_lenient_check_fails(monkeypatch):
    real = testing.check_sites

    def lenient(sites, plan, **options):
        review = real(sites, plan, **options)
        review.verdicts["verdict"] = "allowed"
        return review

    monkeypatch.setattr(testing, "check_sites", lenient)
    report = selftest().set_index("subject")
    assert report.loc["verdict", "passed"].sum() == 1


def test_one_broken_part_does_not_hide_the_rest(monkeypatch):
    def broken(*_args, **_options):
        message = "no zone"
        raise GeometryError(message)

    monkeypatch.setattr(testing, "write_boundary_text", broken)
    report = selftest().set_index("subject")
    assert report.loc["encoding", "got"] == "GeometryError: no zone"
    assert not report.loc["encoding", "passed"]
    assert report.loc["area", "passed"].all()
