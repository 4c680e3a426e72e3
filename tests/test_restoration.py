"""Restored ground, counted once: answers known without a computer, real polygons, and properties."""

import geopandas as gpd
import hypothesis.strategies as st
import pandas as pd
import pytest
import shapely
from drawn_projects import ACRE_HA, ATTRIBUTIONS, SQUARE, X0, Y0, drawn, eldorado_register, projects, toy_register
from hypothesis import given, settings

from ecozones import restoration
from ecozones.errors import GeometryError, InputError, MissingCRSError, RepairWarning, SchemaError
from ecozones.restoration import lines as restoration_lines
from ecozones.restoration import overlaps
from ecozones.testing import BOARD_CRS, chessboard, chessboard_plan


@pytest.fixture
def toy():
    return toy_register()


@pytest.fixture
def eldorado():
    return eldorado_register()


def board_project(cell, work, **columns):
    return chessboard(4).query("cell == @cell").assign(project_id=f"P-{cell}", type=work, **columns)


def test_three_polygons_are_220_ha_of_activity_and_150_ha_of_ground(toy):
    total = restoration.measure_restored(toy, by="total", method="planar").iloc[0]
    assert (total.activity_ha, total.footprint_ha, total.repeated_ha) == pytest.approx((220, 150, 70))
    assert total.footprint_mu == pytest.approx(2250)
    assert (total.projects, total.records) == (3, 3)
    assert total.geometry.area == pytest.approx(1.5e6)


def test_the_official_area_differs_from_the_plane_by_less_than_a_millionth_on_the_meridian(toy):
    total = restoration.measure_restored(toy, by="total").iloc[0]
    assert total.footprint_ha == pytest.approx(150, rel=1e-6)
    assert total.footprint_ha != 150


def test_real_polygons_have_25_814_8_acres_of_activity_on_12_760_5_acres_of_ground(eldorado):
    total = restoration.measure_restored(eldorado, by="total").iloc[0]
    assert total.records == 563
    assert total.activity_ha / ACRE_HA == pytest.approx(25_814.8, abs=0.05)
    assert total.footprint_ha / ACRE_HA == pytest.approx(12_760.5, abs=0.06)


def test_real_polygons_measured_by_another_method_agree(eldorado):
    flat = eldorado.to_crs("EPSG:5070")  # an equal-area projection, on the same datum
    total = restoration.measure_restored(eldorado, by="total", method="geodesic").iloc[0]
    assert total.activity_ha == pytest.approx(flat.area.sum() / 1e4, rel=1e-7)
    assert total.footprint_ha == pytest.approx(flat.union_all().area / 1e4, rel=1e-6)


def test_real_polygons_by_year_each_equal_a_dissolve(eldorado):
    table = restoration.measure_restored(eldorado, by="year", method="equal_area")
    flat = eldorado.to_crs("EPSG:5070").dissolve("year").area / 1e4
    assert table.set_index("year").footprint_ha.to_dict() == pytest.approx(flat.to_dict(), rel=1e-6)
    assert table.footprint_ha.sum() > restoration.measure_restored(eldorado, by="total").footprint_ha[0]


def test_ground_of_a_group_is_the_same_whether_its_records_meet_or_not(toy):
    far = toy.assign(geometry=toy.geometry.translate(5_000), project_id=[f"F{i}" for i in range(len(toy))])
    alone = projects((20_000, 0, 20_100, 100), (30_000, 0, 30_100, 100)).assign(project_id=["X", "Y"])
    both = gpd.GeoDataFrame(pd.concat([toy, far, alone], ignore_index=True), crs=toy.crs)
    total = restoration.measure_restored(both, by="total")
    assert total.footprint_ha[0] == pytest.approx(2 * 150 + 2 * 1, rel=1e-6)
    assert total.geometry.is_valid.all()
    assert total.geometry.area[0] / 1e4 == pytest.approx(302)
    one = restoration.measure_restored(both, by="project_id").set_index("project_id")
    assert one.geometry["X"].geom_type == "Polygon"
    assert one.geometry["X"].equals(alone.geometry[0])


@pytest.mark.parametrize(
    ("attribution", "options", "expected"),
    [
        ("earliest", {}, [100, 50, 0]),
        ("latest", {}, [80, 50, 20]),
        ("largest", {}, [100, 50, 0]),
        ("equal_split", {}, [65, 75, 10]),
        ("priority", {"priority": ["South", "North"]}, [50, 100, 0]),
        ("priority", {"priority": ["North"]}, [100, 50, 0]),
    ],
)
def test_ground_that_two_claim_goes_where_the_rule_says(toy, attribution, options, expected):
    table = restoration.measure_restored(toy, attribution=attribution, method="planar", **options)
    assert table.counted_ha.tolist() == pytest.approx(expected)


def test_nothing_is_attributed_unless_asked(toy):
    assert restoration.measure_restored(toy).counted_ha.isna().all()
    assert restoration.measure_restored(toy, by="programme").counted_ha.isna().all()


def test_attributed_ground_of_programmes_sums_to_the_footprint(toy):
    by_programme = restoration.measure_restored(toy, by="programme", attribution="earliest", method="planar")
    assert by_programme.footprint_ha.sum() == pytest.approx(200)  # 100 + 100: fifty are in both
    assert by_programme.counted_ha.sum() == pytest.approx(150)


def test_every_record_keeps_its_columns_and_its_index(toy):
    given_index = toy.set_index(pd.Index(["a", "b", "c"]))
    table = restoration.measure_restored(given_index, method="planar")
    assert list(table.index) == ["a", "b", "c"]
    assert set(toy.columns) < set(table.columns)
    assert table.alone_ha.tolist() == pytest.approx([30, 50, 0])
    assert table.shared_ha.tolist() == pytest.approx([70, 50, 20])
    assert table.max_depth.tolist() == [2, 2, 2]


def test_patches_of_one_project_are_one_project():
    table = restoration.measure_restored(
        projects((0, 0, 100, 100), (50, 0, 150, 100)).assign(project_id="P1", patch_id=["a", "b"]),
        by="project_id",
        method="planar",
    ).iloc[0]
    assert (table.projects, table.records) == (1, 2)
    assert (table.activity_ha, table.footprint_ha) == pytest.approx((2.0, 1.5))


def test_types_are_grouped_by_what_they_mean():
    both = projects((0, 0, 100, 100), (50, 0, 150, 100), type=["人工造林", "AF-PL"])
    table = restoration.measure_restored(both, by="type", method="planar")
    assert table[["type", "records"]].to_numpy().tolist() == [["planted_afforestation", 2]]
    assert table.footprint_ha[0] == pytest.approx(1.5)


def test_stages_are_grouped_by_what_they_mean():
    both = projects((0, 0, 100, 100), (50, 0, 150, 100), stage=["验收合格", "accepted"])
    assert restoration.measure_restored(both, by="stage")["stage"].tolist() == ["accepted"]


def test_a_combined_practice_is_one_type_and_its_hectares_stand_once():
    table = restoration.measure_restored(
        projects((0, 0, 100, 100), type=["SE-CT、人工造林"]), by="type", method="planar"
    )
    assert table["type"].tolist() == ["erosion_control,planted_afforestation"]
    assert table.activity_ha.tolist() == pytest.approx([1.0])


def test_a_year_is_one_year_however_it_is_written():
    squares = [(200 * i, 0, 200 * i + 100, 100) for i in range(4)]
    mixed = projects(*squares, year=pd.Series(["2024", 2024, " 2023", None], dtype=object))
    table = restoration.measure_restored(mixed, by="year", method="planar")
    assert table["year"].tolist()[:2] == [2023, 2024]
    assert pd.isna(table["year"].iloc[2])
    assert table["footprint_ha"].tolist() == pytest.approx([1, 2, 1])
    days = mixed.assign(year=pd.to_datetime(["2024-03-01", "2024-05-01", "2023-01-01", None]))
    assert restoration.measure_restored(days, by="year")["records"].tolist() == [1, 2, 1]
    # records keep what the register wrote
    assert restoration.measure_restored(mixed)["year"].tolist()[:2] == ["2024", 2024]


def test_a_missing_year_is_a_group_of_its_own_and_nothing_is_lost():
    table = restoration.measure_restored(projects((0, 0, 100, 100), (200, 0, 300, 100), year=[2024, None]), by="year")
    assert len(table) == 2
    assert table.activity_ha.sum() == pytest.approx(2.0, rel=1e-5)


def test_a_stated_area_stands_beside_the_measured_one():
    table = restoration.measure_restored(projects((0, 0, 100, 100), stated_area_m2=[10_500.0]), method="planar")
    assert table.stated_ha[0] == pytest.approx(1.05)
    assert table.stated_difference[0] == pytest.approx(0.05)
    grouped = restoration.measure_restored(
        projects((0, 0, 1, 1), (9, 0, 10, 1), stated_area_m2=[1.0, None]), by="total"
    )
    assert grouped.without_stated.tolist() == [1]


def test_districts_cut_projects_and_the_totals_close():
    one = projects((0, 0, 1000, 100), stated_area_m2=[100_000.0])
    districts = gpd.GeoDataFrame(
        {"district": ["west", "east"]},
        geometry=[shapely.box(X0, Y0 - 50, X0 + 400, Y0 + 150), shapely.box(X0 + 400, Y0 - 50, X0 + 900, Y0 + 150)],
        crs=BOARD_CRS,
    )
    table = restoration.measure_restored(one, by="district", districts=districts, method="planar")
    found = {
        None if pd.isna(name) else name: area for name, area in zip(table.district, table.footprint_ha, strict=True)
    }
    assert found == pytest.approx({"west": 4.0, "east": 5.0, None: 1.0})
    assert table.stated_ha.sum() == pytest.approx(10.0)


def test_districts_that_overlap_under_a_project_are_refused():
    districts = chessboard(1).assign(district="A")
    twice = pd.concat([districts, districts.assign(district="B")])
    with pytest.raises(InputError, match="districts overlap under 1 records"):
        restoration.measure_restored(chessboard(1).assign(project_id="P1"), by="district", districts=twice)


def test_districts_are_named_in_by():
    with pytest.raises(InputError, match="by='district'"):
        restoration.measure_restored(projects((0, 0, 1, 1)), by="year", districts=chessboard(1).assign(district="A"))


def test_ground_is_eligible_conflicting_or_excluded_and_sums_to_the_footprint():
    # a project over three squares: farmland, red line, neither
    squares = chessboard(4).set_index("cell").geometry
    strip = shapely.union_all([squares["a1"], squares["b1"], squares["c1"]])
    work = gpd.GeoDataFrame({"project_id": ["P1"], "type": ["人工造林"]}, geometry=[strip], crs=BOARD_CRS)
    plan = chessboard_plan(4, farmland=["a1"], red_line={"b1": "general"})
    row = restoration.measure_restored(work, plan=plan, on="2026-06-01").iloc[0]
    grounds = [row.eligible_ha, row.conflicting_ha, row.undetermined_ha, row.excluded_ha]
    assert grounds == pytest.approx([100, 100, 0, 100], rel=1e-5)
    assert sum(grounds) == pytest.approx(row.activity_ha, rel=1e-12)
    assert row.reason_codes == "trees_on_permanent_basic_farmland, trees_on_ecological_red_line"
    total = restoration.measure_restored(work, by="total", plan=plan, on="2026-06-01").iloc[0]
    assert total.eligible_ha == pytest.approx(row.eligible_ha)


def test_ground_that_two_lines_claim_counts_once_under_the_worst():
    plan = chessboard_plan(4, farmland=["a1"], red_line={"a1": "general"})
    row = restoration.measure_restored(board_project("a1", "人工造林"), plan=plan, on="2026-06-01").iloc[0]
    assert (row.eligible_ha, row.conflicting_ha, row.excluded_ha) == pytest.approx((0, 0, 100), abs=1e-3)


def test_two_projects_on_one_square_of_farmland_exclude_it_once():
    pair = pd.concat([board_project("a1", "人工造林"), board_project("a1", "人工造林").assign(project_id="Q")])
    plan = chessboard_plan(4, farmland=["a1"])
    total = restoration.measure_restored(pair, by="total", plan=plan, on="2026-06-01").iloc[0]
    assert total.activity_ha == pytest.approx(200, rel=1e-5)
    assert total.excluded_ha == pytest.approx(100, rel=1e-5)


def test_a_line_that_the_plan_lacks_leaves_everything_undetermined():
    found = restoration_lines.check_restoration(
        board_project("a1", "人工造林"), chessboard_plan(4, farmland=None), on="2026-06-01"
    )
    assert "permanent_basic_farmland_not_in_plan" in set(found.reason_code)
    row = restoration.measure_restored(
        board_project("a1", "人工造林"), plan=chessboard_plan(4, farmland=None), on="2026-06-01"
    ).iloc[0]
    assert row.eligible_ha == 0
    assert row.undetermined_ha == pytest.approx(100, rel=1e-5)


def test_a_bigger_line_never_makes_more_ground_eligible():
    strip = projects((0, 0, 3000, 500), type=["人工造林"])
    small, large = chessboard_plan(farmland=["d1"]), chessboard_plan(farmland=["d1", "e1", "f1"])
    areas = [restoration.measure_restored(strip, plan=plan, on="2026-06-01").eligible_ha[0] for plan in (small, large)]
    assert areas[0] > areas[1]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda p: p.drop(columns="project_id"), SchemaError, "no column 'project_id'"),
        (lambda p: p.assign(project_id=["P1", None]), SchemaError, "without a project_id: rows 1"),
        (lambda p: p.assign(year=["2022", "last year"]), SchemaError, "values in year that are no years: rows 1"),
        (lambda p: p.assign(stated_area_m2=[1.0, "much"]), SchemaError, "row 1: stated_area_m2 'much' is not a number"),
        (lambda p: p.set_crs(None, allow_override=True), MissingCRSError, "projects"),
        (lambda p: p.set_geometry([p.geometry[0], shapely.Point(X0, Y0)]), GeometryError, "1"),
        (lambda p: p.set_geometry([p.geometry[0], None]), GeometryError, "1"),
    ],
)
def test_projects_that_cannot_be_measured_are_refused(change, error, words):
    with pytest.raises(error, match=words):
        restoration.measure_restored(change(projects((0, 0, 1, 1), (2, 0, 3, 1))))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"by": "colour"}, SchemaError, "no such column"),
        ({"by": []}, InputError, "groups by nothing"),
        ({"attribution": "loudest"}, InputError, "equal_split"),
        ({"attribution": "priority"}, InputError, "priority="),
    ],
)
def test_options_without_a_meaning_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        restoration.measure_restored(projects((0, 0, 1, 1)), **options)


def test_a_bow_tie_is_repaired_and_said_so():
    tie = shapely.Polygon([(X0, Y0), (X0 + 10, Y0 + 10), (X0 + 10, Y0), (X0, Y0 + 10)])
    frame = gpd.GeoDataFrame({"project_id": ["P1"]}, geometry=[tie], crs=BOARD_CRS)
    with pytest.warns(RepairWarning):
        total = restoration.measure_restored(frame, by="total", method="planar")
    assert total.footprint_ha[0] == pytest.approx(50 / 1e4)


@pytest.mark.parametrize(
    "ask",
    [
        restoration.measure_restored,
        lambda frame: restoration.measure_restored(frame, by="year"),
        overlaps.overlap_pairs,
        overlaps.overlap_matrix,
        overlaps.overlap_depth,
        lambda frame: restoration_lines.check_restoration(frame, chessboard_plan(4, farmland=["a1"]), on="2026-06-01"),
    ],
)
def test_no_projects_are_an_empty_table(toy, ask):
    assert len(ask(toy.iloc[:0])) == 0


def test_projects_in_degrees_and_a_geometry_of_another_name_are_measured_alike(toy):
    degrees = toy.set_geometry(toy.segmentize(50)).to_crs("EPSG:4490").rename_geometry("shape")
    total = restoration.measure_restored(degrees, by="total").iloc[0]
    assert (total.activity_ha, total.footprint_ha) == pytest.approx((220, 150), rel=1e-6)
    assert restoration.measure_restored(degrees).geometry.name == "shape"


def test_the_input_is_not_touched(toy):
    before = toy.copy()
    restoration.measure_restored(toy, attribution="largest")
    overlaps.restoration_certificate(toy)
    pd.testing.assert_frame_equal(pd.DataFrame(toy), pd.DataFrame(before))


@given(st.lists(SQUARE, min_size=1, max_size=10), st.randoms(use_true_random=False), st.sampled_from(ATTRIBUTIONS))
@settings(max_examples=40, deadline=None)
def test_the_order_of_rows_changes_nothing(squares, random, attribution):
    frame = drawn(squares)
    shuffled = frame.sample(frac=1, random_state=random.randint(0, 9999))
    options = {"attribution": attribution, "priority": ["B", "A"], "method": "planar"}
    forward = restoration.measure_restored(frame, **options).set_index("project_id").sort_index()
    backward = restoration.measure_restored(shuffled, **options).set_index("project_id").sort_index()
    for column in ("activity_ha", "alone_ha", "shared_ha", "max_depth", "counted_ha"):
        assert forward[column].to_numpy() == pytest.approx(backward[column].to_numpy(), abs=1e-9)


@given(st.lists(SQUARE, min_size=1, max_size=20), st.randoms(use_true_random=False), st.sampled_from(["total", "year"]))
@settings(max_examples=40, deadline=None)
def test_activity_and_footprint_of_groups_are_equal_to_the_last_bit_in_any_order(squares, random, by):
    frame = drawn(squares)
    shuffled = frame.sample(frac=1, random_state=random.randint(0, 9999))
    forward, backward = (restoration.measure_restored(one, by=by) for one in (frame, shuffled))
    for column in ("activity_ha", "footprint_ha", "repeated_ha"):
        assert forward[column].tolist() == backward[column].tolist()
    assert shapely.to_wkb(forward.geometry.to_numpy()).tolist() == shapely.to_wkb(backward.geometry.to_numpy()).tolist()


@given(st.lists(SQUARE, min_size=1, max_size=10), st.sampled_from(ATTRIBUTIONS))
@settings(max_examples=40, deadline=None)
def test_attribution_sums_to_net_and_gives_nobody_more_than_he_has(squares, attribution):
    frame = drawn(squares)
    table = restoration.measure_restored(frame, attribution=attribution, priority=["C"], method="planar")
    net = frame.union_all().area / 1e4
    assert table.counted_ha.sum() == pytest.approx(net, abs=1e-9)
    assert (table.counted_ha <= table.activity_ha + 1e-9).all()
    assert (table.counted_ha >= table.alone_ha - 1e-9).all()


@given(st.lists(SQUARE, min_size=2, max_size=10))
@settings(max_examples=40, deadline=None)
def test_one_record_more_never_takes_ground_away(squares):
    frame = drawn(squares)
    fewer, all_of_them = (
        restoration.measure_restored(part, by="total", method="planar").iloc[0] for part in (frame.iloc[:-1], frame)
    )
    assert all_of_them.footprint_ha >= fewer.footprint_ha - 1e-12
    added = all_of_them.footprint_ha - fewer.footprint_ha
    assert added <= all_of_them.activity_ha - fewer.activity_ha + 1e-12


@given(st.lists(SQUARE, min_size=1, max_size=8), st.integers(1, 299))
@settings(max_examples=30, deadline=None)
def test_a_record_cut_in_two_covers_the_same_ground(squares, at):
    frame = drawn(squares)
    half = shapely.box(X0, Y0 - 1e4, X0 + 10 * at / 6.5, Y0 + 1e4)
    inside, outside = frame.intersection(half), frame.difference(half)
    parts = pd.concat([frame.set_geometry(inside), frame.set_geometry(outside)])
    parts = parts[parts.geometry.area > 0]
    whole, cut = (restoration.measure_restored(part, by="total", method="planar").iloc[0] for part in (frame, parts))
    assert cut.footprint_ha == pytest.approx(whole.footprint_ha, abs=1e-9)
    assert cut.activity_ha == pytest.approx(whole.activity_ha, abs=1e-9)


@given(st.lists(SQUARE, min_size=1, max_size=12))
@settings(max_examples=30, deadline=None)
def test_leaving_out_covered_ground_does_not_change_a_union(squares):
    geometry = drawn([*squares, *squares[:2]]).geometry.to_numpy()
    assert restoration.footprint(geometry).symmetric_difference(shapely.union_all(geometry)).area == pytest.approx(
        0, abs=1e-6
    )
