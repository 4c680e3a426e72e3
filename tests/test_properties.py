"""What must hold for any plan and any site, whoever draws them."""

import datetime as dt

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ecozones.overlay import cut, overlap_areas
from ecozones.plan import ZoningPlan
from ecozones.siting import check_sites
from ecozones.testing import BOARD_CRS, chessboard_plan
from ecozones.vocab import verdict_dtype

DAY = dt.date(2026, 6, 1)
RED, FARM, URBAN = "ecological_red_line", "permanent_basic_farmland", "urban_development_boundary"
EAST, NORTH = 500_000.0, 3_324_000.0
# shrinking a failure draws whole plans again and again; the first example found says enough
EVERYDAY = settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])

near = st.floats(-3_000, 3_000, allow_nan=False).map(lambda value: round(value, 3))
size = st.floats(5, 1_500).map(lambda value: round(value, 3))


@st.composite
def polygons(draw):
    """A star around a point, now and then with a hole."""
    x, y, reach = EAST + draw(near), NORTH + draw(near), draw(size)
    points = draw(st.integers(4, 24))
    radii = draw(st.lists(st.floats(0.3, 1.0), min_size=points, max_size=points))
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    ring = np.c_[x + reach * np.cos(angle) * radii, y + reach * np.sin(angle) * radii]
    hole = [np.c_[x + 0.2 * reach * np.cos(angle), y + 0.2 * reach * np.sin(angle)]] if draw(st.booleans()) else []
    shape = shapely.Polygon(ring, hole)
    return shape if shape.is_valid else shapely.Polygon(ring)


def sites_of(shapes, crs=BOARD_CRS):
    return gpd.GeoDataFrame(
        {"site_id": [f"S{i}" for i in range(len(shapes))], "activity": "ordinary_build"}, geometry=list(shapes), crs=crs
    )


def plan_of(red, farm=(), urban=()):
    board = chessboard_plan()
    layers = {
        line: gpd.GeoDataFrame(
            {"feature_id": [str(i) for i in range(len(shapes))], "subzone": subzone},
            geometry=list(shapes),
            crs=BOARD_CRS,
        )
        for line, shapes, subzone in ((RED, red, "general"), (FARM, farm, "pbf"), (URBAN, urban, "concentrated"))
    }
    return ZoningPlan.from_layers(layers, extent=board.extent)


@EVERYDAY
@given(polygons(), st.lists(polygons(), min_size=1, max_size=4))
def test_the_pieces_of_a_site_sum_to_the_site(site, red):
    balance = check_sites(sites_of([site]), plan_of(red), on=DAY).balance
    assert balance["error_share"].max() < 1e-9


@EVERYDAY
@given(polygons(), polygons())
def test_overlap_is_symmetric(first, second):
    pair = [np.array([shape], dtype=object) for shape in (first, second)]
    one, other = (overlap_areas(pair[i], cut(pair[1 - i]))[2].sum() for i in (0, 1))
    assert one == pytest.approx(other, rel=1e-9, abs=1e-6)


@EVERYDAY
@given(polygons(), polygons(), polygons())
def test_a_larger_red_line_never_makes_a_verdict_milder(site, red, more):
    smaller = check_sites(sites_of([site]), plan_of([red]), on=DAY).verdicts["verdict"]
    larger = check_sites(sites_of([site]), plan_of([shapely.union(red, more)]), on=DAY).verdicts["verdict"]
    assert (larger.cat.codes.to_numpy() >= smaller.cat.codes.to_numpy()).all()


@EVERYDAY
@given(polygons(), st.lists(polygons(), min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_order_of_rows_rings_and_parts_changes_nothing(site, red, random):
    shuffled = [shapely.reverse(shape) for shape in red]
    random.shuffle(shuffled)
    rolled = shapely.Polygon(np.roll(shapely.get_coordinates(site.exterior)[:-1], 3, axis=0), site.interiors)
    first = check_sites(sites_of([site]), plan_of(red), on=DAY)
    second = check_sites(sites_of([rolled]), plan_of(shuffled), on=DAY)
    numbers = ["overlap_m2", "overlap_sum_m2", "share", "distance_m", "covered_share"]
    pd.testing.assert_frame_equal(first.lines[numbers], second.lines[numbers], rtol=1e-9, atol=1e-6)
    assert first.verdicts["verdict"].tolist() == second.verdicts["verdict"].tolist()


@EVERYDAY
@given(st.lists(polygons(), min_size=2, max_size=5), st.lists(polygons(), min_size=1, max_size=3))
def test_sites_one_by_one_give_the_same_bits_as_all_at_once(shapes, red):
    plan, sites = plan_of(red), sites_of(shapes)
    together = check_sites(sites, plan, on=DAY)
    alone = [check_sites(sites.iloc[i : i + 1], plan, on=DAY) for i in range(len(sites))]
    for table in ("lines", "verdicts", "balance"):
        apart = pd.concat([getattr(review, table) for review in alone], ignore_index=True)
        pd.testing.assert_frame_equal(pd.DataFrame(getattr(together, table)), pd.DataFrame(apart), check_exact=True)


@EVERYDAY
@given(polygons(), polygons())
def test_splitting_a_feature_in_two_changes_no_total(site, red):
    middle = red.bounds[0] + (red.bounds[2] - red.bounds[0]) / 2
    west, south, east, north = red.bounds
    halves = [
        shapely.intersection(red, shapely.box(west - 1, south - 1, middle, north + 1)),
        shapely.intersection(red, shapely.box(middle, south - 1, east + 1, north + 1)),
    ]
    whole = check_sites(sites_of([site]), plan_of([red]), on=DAY)
    split = check_sites(sites_of([site]), plan_of(halves), on=DAY)
    column = ["overlap_m2"]
    pd.testing.assert_frame_equal(whole.lines[column], split.lines[column], rtol=1e-9, atol=1e-4)
    assert whole.verdicts["verdict"].tolist() == split.verdicts["verdict"].tolist()


@EVERYDAY
@given(polygons(), polygons(), st.integers(-20, 20), st.integers(-20, 20))
def test_moving_everything_by_whole_metres_keeps_verdict_and_relation(site, red, east, north):
    def moved(shape):
        return shapely.transform(shape, lambda xy: xy + [east, north])

    here = check_sites(sites_of([site]), plan_of([red]), on=DAY)
    there = check_sites(sites_of([moved(site)]), plan_of([moved(red)]), on=DAY)
    assert here.lines["relation"].tolist() == there.lines["relation"].tolist()
    assert here.lines["overlap_m2"].to_numpy() == pytest.approx(there.lines["overlap_m2"].to_numpy(), rel=1e-4, abs=0.1)


@EVERYDAY
@given(polygons(), polygons())
def test_a_site_from_the_neighbouring_zone_or_in_degrees_gets_the_same_answer(site, red):
    plan = plan_of([red])
    here = check_sites(sites_of([site]), plan, on=DAY)
    for crs in ("EPSG:4546", "EPSG:4490"):
        dense = sites_of([shapely.segmentize(site, 20)])
        there = check_sites(dense.to_crs(crs), plan, on=DAY)
        assert there.lines["overlap_m2"].to_numpy() == pytest.approx(
            here.lines["overlap_m2"].to_numpy(), rel=1e-6, abs=0.01
        )


def test_the_worst_verdict_is_the_maximum():
    order = pd.Series(["clear", "undetermined", "state_council", "prohibited"], dtype=verdict_dtype())
    assert (order.max(), order[:3].max()) == ("prohibited", "undetermined")
