"""Repairs: figures of other projects, books that close, refusals."""

import tomllib
import warnings
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecozones.errors import GeometryError, SchemaError
from ecozones.quality import check_quality, repair
from ecozones.quality.coverage import find_faults
from ecozones.testing import chessboard_plan

HERE = Path(__file__).parent / "data"
ORACLES = tomllib.loads((HERE / "quality" / "coverage_oracles.toml").read_text(encoding="utf-8"))
EAST, NORTH = 500_000.0, 3_320_000.0
NO_LIMIT = {"limit_share": np.inf, "method": "planar"}


def placed(*shapes, **columns):
    moved = shapely.transform(np.array(shapes, dtype=object), lambda xy: xy + [EAST, NORTH])
    return gpd.GeoDataFrame(columns, geometry=moved, crs="EPSG:4548")


def cleaned(layer, gap_width, merge):
    steps = ["overlaps", "gaps"] if gap_width else ["overlaps"]
    return repair(layer, steps=steps, merge=merge, gap_width_m=gap_width or 1.0, **NO_LIMIT)


@pytest.mark.parametrize(
    ("case", "want"),
    [
        pytest.param(case, want, id=f"{case['name']}, {want['merge']}, {want['gap_width']}")
        for case in ORACLES["cleaned"]
        for want in case["areas"]
    ],
)
def test_cleaned_coverages_have_the_published_areas(case, want):
    layer = placed(*shapely.from_wkt(case["polygons"]))
    mended, ledger = cleaned(layer, want["gap_width"], want["merge"])
    assert mended.area.tolist() == pytest.approx(want["areas"], abs=1e-4)
    assert shapely.coverage_is_valid(mended.geometry.to_numpy())
    assert ledger["error_m2"].dropna().abs().max() < 1e-6


@pytest.mark.parametrize("want", ORACLES["circles"]["areas"], ids=lambda want: f"{want['merge']} {want['gap_width']}")
def test_three_circles_are_shared_out_as_gdal_does(want):
    circles = [shapely.Point(x, y).buffer(radius, quad_segs=30) for x, y, radius in ORACLES["circles"]["circles"]]
    mended, _ = cleaned(placed(*circles), want["gap_width"], want["merge"])
    assert mended.area.tolist() == pytest.approx(want["areas"], abs=0.01)


def test_a_strip_between_two_boxes_goes_to_the_neighbour_named():
    layer = placed(shapely.box(0, 0, 10, 10), shapely.box(11, 0, 31, 10))
    mended, ledger = repair(layer, steps=["gaps"], merge="smallest", gap_width_m=1.1, **NO_LIMIT)
    assert mended.area.tolist() == pytest.approx([110, 200], abs=1e-3)
    assert ledger.iloc[-1]["filled_m2"] == pytest.approx(10, abs=1e-3)
    mended, _ = repair(layer, steps=["gaps"], merge="largest", gap_width_m=1.1, **NO_LIMIT)
    assert mended.area.tolist() == pytest.approx([100, 210], abs=1e-3)


def test_priority_follows_the_column_and_not_the_order_of_rows():
    shapes = shapely.box(0, 0, 10, 10), shapely.box(8, 4, 12, 6)
    for rank, areas in (([1, 2], [100, 4]), ([2, 1], [96, 8])):
        mended, _ = repair(
            placed(*shapes, rank=rank), steps=["overlaps"], merge="priority", priority="rank", **NO_LIMIT
        )
        assert mended.area.tolist() == pytest.approx(areas)


def test_a_bow_tie_keeps_both_halves():
    layer = placed(shapely.Polygon([(0, 0), (100, 100), (100, 0), (0, 100)]))
    mended, ledger = repair(layer, steps=["validity"], **NO_LIMIT)
    # one loop each way: drawn, they cancel; buffering by nothing would keep one of them
    assert mended.area.sum() == pytest.approx(5000)
    assert ledger.iloc[0]["after_m2"] == pytest.approx(5000)
    assert "Self-intersection" in ledger.iloc[0]["reason"]


def test_every_invalid_polygon_is_mended_or_refused_by_name():
    table = pd.read_csv(HERE / "invalid" / "geos_invalid_polygons.csv")
    mended = refused = 0
    for row in table.itertuples():
        with np.errstate(invalid="ignore"):
            shape = shapely.from_wkt(row.wkt, on_invalid="ignore")
        xy = shapely.get_coordinates(shape)
        fit = np.isfinite(xy).all(axis=1) & (np.abs(xy) < 1e12).all(axis=1)
        middle = np.round(xy[fit].mean(axis=0)) if fit.any() else np.zeros(2)
        layer = placed(shapely.transform(shape, lambda each, at=middle: each - at))
        whole = np.isfinite(xy).all() and shapely.make_valid(layer.geometry[0], method="structure").area > 0
        if not whole:
            with pytest.raises(GeometryError, match=r"nothing of 0|rows 0|no numbers|empty"):
                repair(layer, steps=["validity"], **NO_LIMIT)
            refused += 1
            continue
        after, ledger = repair(layer, steps=["validity"], **NO_LIMIT)
        mended += 1
        assert after.is_valid.all()
        assert ledger.iloc[0]["after_m2"] == pytest.approx(after.area.sum())
    assert (mended + refused, mended > 40) == (64, True)


def test_a_spike_is_priced_in_hectares():
    layer = gpd.read_file(HERE / "quality" / "terramatch_spike.geojson")
    mended, ledger = repair(layer, steps=["spikes"], limit_share=1.0, method="geodesic")
    spike = ledger.iloc[0]
    # the published figures run along geodesics between vertices, ours between points every 70 m
    assert (spike["before_m2"], spike["after_m2"]) == pytest.approx((163_418, 12_441), rel=1e-5, abs=1)
    assert ledger["feature_id"].tolist() == ["0", ""]
    assert mended.geometry.iloc[1].wkt == layer.geometry.iloc[1].wkt


def test_control_lines_are_not_repaired_unasked():
    farmland = chessboard_plan(farmland=["a1"])["permanent_basic_farmland"]
    with pytest.raises(GeometryError, match="control line: where it runs is law"):
        repair(farmland, steps=["validity"])
    with pytest.raises(GeometryError, match="permanent_basic_farmland is a control line"):
        repair(farmland[["geometry"]], steps=["validity"], line="permanent_basic_farmland")
    mended, ledger = repair(farmland, steps=["validity"], change_legal_line=True)
    assert (len(mended), ledger["change_m2"].tolist()) == (1, [0.0])


def test_more_than_the_limit_is_refused_with_the_ledger():
    layer = placed(shapely.box(0, 0, 10, 10), shapely.box(8, 4, 12, 6), plot=["a", "b"])
    with pytest.raises(GeometryError, match=r"would change 1 by up to 50\.00%") as refused:
        repair(layer, steps=["overlaps"], merge="largest", method="planar")
    assert refused.value.problems["change_m2"].tolist()[0] == pytest.approx(-4)
    with pytest.raises(GeometryError, match="beyond the limit"):
        repair(layer, steps=["overlaps"], merge="largest", limit_share=1.0, limit_m2=3.9, method="planar")


def test_nothing_disappears_unless_that_is_allowed():
    layer = placed(shapely.box(0, 0, 10, 10), shapely.box(2, 2, 4, 4))
    with pytest.raises(GeometryError, match="would leave nothing of 1"):
        repair(layer, steps=["overlaps"], merge="largest", **NO_LIMIT)
    mended, ledger = repair(layer, steps=["overlaps"], merge="largest", allow_loss=True, **NO_LIMIT)
    assert mended.index.tolist() == [0]
    assert ledger.query("feature_id == '1'")[["before_m2", "after_m2"]].to_numpy().tolist() == [[4.0, 0.0]]
    total = ledger.iloc[-1]
    assert (total["before_m2"], total["shared_m2"], total["after_m2"]) == pytest.approx((104, 4, 100))


def test_steps_that_are_not_named_do_nothing():
    layer = placed(shapely.box(0, 0, 10, 10), shapely.box(8, 4, 12, 6))
    mended, ledger = repair(layer, steps=["validity", "spikes", "gaps"], **NO_LIMIT)
    assert mended.geometry.to_wkb().equals(layer.geometry.to_wkb())
    assert (ledger["feature_id"] == "").all()


def test_what_is_concerned_by_nothing_keeps_every_bit():
    board = [shapely.box(x, y, x + 10, y + 10) for x in range(0, 60, 10) for y in range(0, 60, 10)]
    layer = placed(*board, shapely.box(8.123, 4, 12, 6.789))
    mended, ledger = repair(layer, steps=["overlaps"], merge="smallest", **NO_LIMIT)
    far = [i for i, shape in enumerate(board) if shape.distance(shapely.box(8, 4, 12, 7)) > 11]
    assert len(far) > 20
    assert mended.geometry[far].to_wkb().equals(layer.geometry[far].to_wkb())
    assert mended.area.sum() == pytest.approx(3600, abs=1e-6)
    assert ledger.iloc[-1]["error_m2"] == pytest.approx(0, abs=1e-6)


def test_wrong_words_are_refused_with_the_right_ones():
    layer = placed(shapely.box(0, 0, 10, 10))
    with pytest.raises(SchemaError, match="steps buffer are not known; use validity"):
        repair(layer, steps=["buffer"])
    with pytest.raises(SchemaError, match="use one of longest_border"):
        repair(layer, steps=["overlaps"], merge="biggest")
    with pytest.raises(SchemaError, match="no column 'rank'"):
        repair(layer, steps=["overlaps"], merge="priority", priority="rank")
    with pytest.raises(GeometryError, match="add the step 'validity'"):
        repair(placed(shapely.Polygon([(0, 0), (9, 9), (9, 0), (0, 9)])), steps=["gaps"])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    shifts=st.lists(st.tuples(st.floats(-2, 2), st.floats(-2, 2)), min_size=9, max_size=9),
    merge=st.sampled_from(["longest_border", "largest", "smallest", "priority"]),
)
def test_cleaning_leaves_no_overlap_closes_its_books_and_has_nothing_to_do_twice(shifts, merge):
    shapes = [
        shapely.box(10 * (i % 3) + round(dx, 3), 10 * (i // 3) + round(dy, 3), 10 * (i % 3) + 10, 10 * (i // 3) + 10)
        for i, (dx, dy) in enumerate(shifts)
    ]
    layer = placed(*shapes)
    mended, ledger = repair(layer, steps=["overlaps"], merge=merge, **NO_LIMIT)
    faults = find_faults(mended.geometry.to_numpy(), gap_width=0)
    assert shapely.area(faults.shared).sum() < 1e-6
    assert ledger["error_m2"].dropna().abs().max() < 1e-6
    assert mended.area.sum() == pytest.approx(layer.union_all().area, abs=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again, second = repair(mended, steps=["overlaps"], merge=merge, **NO_LIMIT)
    assert again.area.tolist() == pytest.approx(mended.area.tolist(), abs=1e-6)
    assert second["change_m2"].abs().max() < 1e-6


def test_gaps_are_filled_in_degrees_too():
    layer = placed(shapely.box(0, 0, 100, 100), shapely.box(100.4, 0, 200, 100), shapely.box(0, 100, 200, 200))
    degrees = layer.to_crs("EPSG:4490")
    found = check_quality(degrees, rules=["coverage.gap"])
    # the top edge bends a little between the projections: what counts is the gap between the two lower boxes
    assert found["measured"].max() == pytest.approx(0.4, abs=0.01)
    mended, ledger = repair(degrees, steps=["gaps"], merge="longest_border", limit_share=0.02)
    assert ledger.iloc[-1]["filled_m2"] == pytest.approx(40, abs=0.5)
    assert len(check_quality(mended, rules=["coverage.gap"])) == 0
