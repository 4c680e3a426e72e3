"""Who shares ground with whom, and a certificate that can fail."""

import geopandas as gpd
import hypothesis.strategies as st
import numpy as np
import pytest
import shapely
from drawn_projects import ATTRIBUTIONS, SQUARE, drawn, eldorado_register, projects, toy_register
from hypothesis import given, settings

from ecozones.errors import InputError
from ecozones.restoration import measuring, overlaps
from ecozones.testing import chessboard


@pytest.fixture
def toy():
    return toy_register()


@pytest.fixture
def eldorado():
    return eldorado_register()


def test_seventy_hectares_are_claimed_twice(toy):
    depth = overlaps.overlap_depth(toy, method="planar").set_index("depth")
    assert depth.area_ha.to_dict() == pytest.approx({1: 80, 2: 70})
    assert depth.at_least_ha[2] == pytest.approx(70)
    assert depth.geometry[2].area == pytest.approx(7e5)


def test_pairs_share_50_20_and_nothing(toy):
    matrix = overlaps.overlap_matrix(toy, method="planar")
    expected = [[100, 50, 20], [50, 100, 0], [20, 0, 20]]
    assert matrix.to_numpy() == pytest.approx(np.array(expected))
    assert list(matrix.index) == list(matrix.columns) == ["P1", "P2", "P3"]


def test_the_certificate_holds_on_real_polygons(eldorado):
    certificate = overlaps.restoration_certificate(eldorado)
    assert certificate.holds.all(), certificate
    assert {f"attribution_{name}" for name in ATTRIBUTIONS} < set(certificate.check)


def test_a_certificate_can_fail(toy, monkeypatch):
    # a footprint that forgets a record must be found out by the pieces
    whole = overlaps.footprint
    monkeypatch.setattr(overlaps, "footprint", lambda geometry: whole(geometry[:1]))
    certificate = overlaps.restoration_certificate(toy).set_index("check")
    assert not certificate.holds["pieces_are_net"]
    assert not certificate.holds["excess_is_depth"]
    assert certificate.holds["claims_are_gross"]
    assert certificate.holds["pairs_are_depth"]


def test_a_pair_that_only_one_path_finds_is_found_out(toy, monkeypatch):
    divided = overlaps.divide_ground

    def forget_a_claim(geometry):
        pieces = divided(geometry)
        deepest = np.flatnonzero(pieces.depth[pieces.piece] > 1)[0]
        return measuring.Pieces(pieces.geometry, np.delete(pieces.piece, deepest), np.delete(pieces.record, deepest))

    monkeypatch.setattr(overlaps, "divide_ground", forget_a_claim)
    certificate = overlaps.restoration_certificate(toy).set_index("check")
    assert not certificate.holds["pairs_are_depth"]
    assert not certificate.holds["claims_are_gross"]


@pytest.mark.parametrize("off_m", [0.0, 1e-7, 1e-5, 1e-4, 1e-2])
def test_copies_that_nearly_coincide_pass_the_certificate(off_m):
    # what an overlay cannot tell along an edge, some 0.04 mm, adds up over pairs; at 0.1 mm lines may not cut cleanly
    random = np.random.default_rng(1)
    angle = np.sort(random.random((2, 400))) * 2 * np.pi
    radius = 500 * (1 + 0.05 * random.standard_normal((2, 400)).clip(-2, 2))
    ring = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    ring += [36_500_000.0, 3_400_000.0] + random.normal(0, 300, (2, 1, 2))
    copies = np.concatenate([ring, *(ring + random.normal(0, off_m, ring.shape) for _ in range(7))])
    geometry = [shapely.Polygon(copy) for copy in copies]
    geometry = [polygon for polygon in geometry if polygon.is_valid]
    assert len(geometry) >= 10
    frame = gpd.GeoDataFrame({"project_id": range(len(geometry))}, geometry=geometry, crs="EPSG:4524")
    certificate = overlaps.restoration_certificate(frame).set_index("check")
    assert certificate.holds.all(), certificate
    pairs = len(geometry) * (len(geometry) - 1) / 2
    length = max(polygon.length for polygon in geometry)
    assert certificate.tolerance_ha.max() * 1e4 < 0.1 + 4e-5 * length * pairs


@pytest.mark.parametrize(
    ("programmes", "years", "types", "stages", "expected"),
    [
        (["T", "T"], [2022, 2022], ["人工造林", "人工造林"], None, "duplicate"),
        (["T", "U"], [2022, 2022], ["人工造林", "人工造林"], None, "shared_plot"),
        (["T", "T"], [2022, 2024], ["人工造林", "补植"], None, "layered"),
        (["T", "U"], [2022, 2024], ["人工造林", "退化林修复"], None, "layered"),
        (["T", "T"], [2022, 2024], ["人工造林", "飞播造林"], None, "repeated"),
        (["T", "T"], [2022, 2024], ["人工造林", "人工造林"], ["failed", "accepted"], "layered"),
        (["T", "T"], [2022, 2024], ["人工造林", "人工造林"], ["取消", "验收合格"], "layered"),
        (["T", "T"], [2022, 2022], ["人工造林", "水土流失治理"], None, "nested_types"),
        (["T", "U"], [2022, 2024], ["矿山生态修复", "人工种草"], None, "nested_types"),
        (["T", "T"], [2022, None], ["人工造林", "补植"], None, "undetermined"),
        (["T", None], [2022, 2022], ["人工造林", "人工造林"], None, "undetermined"),
        (["T", "T"], [2022, 2024], ["人工造林", "something"], None, "undetermined"),
    ],
)
def test_an_overlap_is_classed_by_programme_year_and_type(programmes, years, types, stages, expected):
    pair = projects((0, 0, 100, 100), (0, 0, 100, 100), programme=programmes, year=years, type=types)
    pair["stage"] = stages or None
    forward, backward = overlaps.overlap_pairs(pair), overlaps.overlap_pairs(pair.iloc[::-1])
    assert forward.overlap_class.tolist() == [expected]
    assert backward.overlap_class.tolist() == [expected]
    assert forward.project_a.tolist() == backward.project_a.tolist() == ["P1"]
    assert forward.reason[0]
    summed = overlaps.overlap_classes(pair)
    assert summed.pairs.to_dict() == {name: int(name == expected) for name in summed.index}
    assert summed.shared_ha[expected] == pytest.approx(1.0, rel=1e-5)


def test_neighbours_that_only_touch_share_nothing():
    assert len(overlaps.overlap_pairs(chessboard(4).assign(project_id=list("abcdefghijklmnop")))) == 0


def test_a_small_and_narrow_overlap_is_marked_as_sliver():
    pair = projects((0, 0, 1000, 1000), (999, 0, 1999, 1000))
    found = overlaps.overlap_pairs(pair, method="planar")
    assert found.shared_ha.tolist() == pytest.approx([0.1])  # 0.1 % of either, below 0.118 ha
    assert found.sliver.tolist() == [True]
    wider = projects((0, 0, 1000, 1000), (998, 0, 1998, 1000))
    assert overlaps.overlap_pairs(wider).sliver.tolist() == [False]


def test_programmes_can_be_compared_as_well(toy):
    matrix = overlaps.overlap_matrix(toy, by="programme", method="planar")
    assert matrix.to_numpy() == pytest.approx(np.array([[100, 50], [50, 100]]))


def test_a_matrix_of_too_many_is_refused():
    many = projects(*[(i, 0, i + 1, 1) for i in range(5_001)])
    with pytest.raises(InputError, match="overlap_pairs"):
        overlaps.overlap_matrix(many)


@given(st.lists(SQUARE, min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_net_is_within_gross_and_every_statement_of_the_certificate_holds(squares):
    certificate = overlaps.restoration_certificate(drawn(squares), method="planar")
    assert certificate.holds.all(), certificate


def test_a_year_that_is_written_in_two_ways_is_one_row_of_the_matrix():
    pair = projects((0, 0, 100, 100), (50, 0, 150, 100), year=["2024", 2024])
    matrix = overlaps.overlap_matrix(pair, by="year", method="planar")
    assert (matrix.index.tolist(), matrix.to_numpy().tolist()) == ([2024], [[pytest.approx(1.5)]])
