"""Restored ground, counted once: answers known without a computer, real polygons, and properties."""

from pathlib import Path

import geopandas as gpd
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings

import ecozones.restoration as rs
from ecozones.errors import GeometryError, InputError, MissingCRSError, RepairWarning, SchemaError
from ecozones.testing import BOARD_CRS, chessboard, chessboard_plan

DATA = Path(__file__).parent / "data" / "restoration"
ACRE_HA = 0.40468564224
X0, Y0 = 500_000.0, 3_320_000.0  # on the central meridian, where a plane metre is a metre
ATTRIBUTIONS = ["priority", "earliest", "latest", "largest", "equal_split"]


def projects(*boxes, **columns):
    """Make projects of boxes in metres from a corner; plain columns."""
    geometry = [shapely.box(X0 + w, Y0 + s, X0 + e, Y0 + n) for w, s, e, n in boxes]
    ids = [f"P{i + 1}" for i in range(len(boxes))]
    return gpd.GeoDataFrame({"project_id": ids, **columns}, geometry=geometry, crs=BOARD_CRS)


@pytest.fixture
def toy():
    """Three polygons of known overlap (shared test oracle `overlap_accounting`): 100, 100 and 20 ha."""
    return projects(
        (0, 0, 1000, 1000),
        (500, 0, 1500, 1000),
        (0, 0, 400, 500),
        programme=["North", "South", "North"],
        type=["人工造林", "人工造林", "补植"],
        year=[2022, 2022, 2024],
    )


@pytest.fixture(scope="module")
def eldorado():
    frame = gpd.read_file(DATA / "facts_eldorado_2003_2007.gpkg")
    names = {"SUID": "project_id", "OBJECTID": "patch_id", "ACTIVITY": "type", "FISCAL_YEAR_COMPLETED": "year"}
    return frame.rename(columns=names).assign(programme="Eldorado")


# ------------------------------------------------------------------------------------------------ known answers


def test_three_polygons_are_220_ha_of_activity_and_150_ha_of_ground(toy):
    total = rs.measure_restored(toy, by="total", method="planar").iloc[0]
    assert (total.activity_ha, total.footprint_ha, total.repeated_ha) == pytest.approx((220, 150, 70))
    assert total.footprint_mu == pytest.approx(2250)
    assert (total.projects, total.records) == (3, 3)
    assert total.geometry.area == pytest.approx(1.5e6)


def test_seventy_hectares_are_claimed_twice(toy):
    depth = rs.overlap_depth(toy, method="planar").set_index("depth")
    assert depth.area_ha.to_dict() == pytest.approx({1: 80, 2: 70})
    assert depth.at_least_ha[2] == pytest.approx(70)
    assert depth.geometry[2].area == pytest.approx(7e5)


def test_pairs_share_50_20_and_nothing(toy):
    matrix = rs.overlap_matrix(toy, method="planar")
    expected = [[100, 50, 20], [50, 100, 0], [20, 0, 20]]
    assert matrix.to_numpy() == pytest.approx(np.array(expected))
    assert list(matrix.index) == list(matrix.columns) == ["P1", "P2", "P3"]


def test_the_official_area_differs_from_the_plane_by_less_than_a_millionth_on_the_meridian(toy):
    total = rs.measure_restored(toy, by="total").iloc[0]
    assert total.footprint_ha == pytest.approx(150, rel=1e-6)
    assert total.footprint_ha != 150


def test_real_polygons_have_25_814_8_acres_of_activity_on_12_760_5_acres_of_ground(eldorado):
    total = rs.measure_restored(eldorado, by="total").iloc[0]
    assert total.records == 563
    assert total.activity_ha / ACRE_HA == pytest.approx(25_814.8, abs=0.05)
    assert total.footprint_ha / ACRE_HA == pytest.approx(12_760.5, abs=0.06)


def test_real_polygons_measured_by_another_method_agree(eldorado):
    flat = eldorado.to_crs("EPSG:5070")  # an equal-area projection, on the same datum
    total = rs.measure_restored(eldorado, by="total", method="geodesic").iloc[0]
    assert total.activity_ha == pytest.approx(flat.area.sum() / 1e4, rel=1e-7)
    assert total.footprint_ha == pytest.approx(flat.union_all().area / 1e4, rel=1e-6)


def test_real_polygons_by_year_each_equal_a_dissolve(eldorado):
    table = rs.measure_restored(eldorado, by="year", method="equal_area")
    flat = eldorado.to_crs("EPSG:5070").dissolve("year").area / 1e4
    assert table.set_index("year").footprint_ha.to_dict() == pytest.approx(flat.to_dict(), rel=1e-6)
    assert table.footprint_ha.sum() > rs.measure_restored(eldorado, by="total").footprint_ha[0]


def test_the_certificate_holds_on_real_polygons(eldorado):
    certificate = rs.restoration_certificate(eldorado)
    assert certificate.holds.all(), certificate
    assert {f"attribution_{name}" for name in ATTRIBUTIONS} < set(certificate.check)


def test_a_certificate_can_fail(toy, monkeypatch):
    # a footprint that forgets a record must be found out by the pieces
    whole = rs.footprint
    monkeypatch.setattr(rs, "footprint", lambda geometry: whole(geometry[:1]))
    certificate = rs.restoration_certificate(toy).set_index("check")
    assert not certificate.holds["pieces_are_net"]
    assert not certificate.holds["excess_is_depth"]
    assert certificate.holds["claims_are_gross"]
    assert certificate.holds["pairs_are_depth"]


def test_a_pair_that_only_one_path_finds_is_found_out(toy, monkeypatch):
    divided = rs._divide_ground

    def forget_a_claim(geometry):
        pieces = divided(geometry)
        deepest = np.flatnonzero(pieces.depth[pieces.piece] > 1)[0]
        return rs._Pieces(pieces.geometry, np.delete(pieces.piece, deepest), np.delete(pieces.record, deepest))

    monkeypatch.setattr(rs, "_divide_ground", forget_a_claim)
    certificate = rs.restoration_certificate(toy).set_index("check")
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
    certificate = rs.restoration_certificate(frame).set_index("check")
    assert certificate.holds.all(), certificate
    pairs = len(geometry) * (len(geometry) - 1) / 2
    length = max(polygon.length for polygon in geometry)
    assert certificate.tolerance_ha.max() * 1e4 < 0.1 + 4e-5 * length * pairs


def test_ground_of_a_group_is_the_same_whether_its_records_meet_or_not(toy):
    far = toy.assign(geometry=toy.geometry.translate(5_000), project_id=[f"F{i}" for i in range(len(toy))])
    alone = projects((20_000, 0, 20_100, 100), (30_000, 0, 30_100, 100)).assign(project_id=["X", "Y"])
    both = gpd.GeoDataFrame(pd.concat([toy, far, alone], ignore_index=True), crs=toy.crs)
    total = rs.measure_restored(both, by="total")
    assert total.footprint_ha[0] == pytest.approx(2 * 150 + 2 * 1, rel=1e-6)
    assert total.geometry.is_valid.all()
    assert total.geometry.area[0] / 1e4 == pytest.approx(302)
    one = rs.measure_restored(both, by="project_id").set_index("project_id")
    assert one.geometry["X"].geom_type == "Polygon"
    assert one.geometry["X"].equals(alone.geometry[0])


# ------------------------------------------------------------------------------------------------- attribution


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
    table = rs.measure_restored(toy, attribution=attribution, method="planar", **options)
    assert table.counted_ha.tolist() == pytest.approx(expected)


def test_nothing_is_attributed_unless_asked(toy):
    assert rs.measure_restored(toy).counted_ha.isna().all()
    assert rs.measure_restored(toy, by="programme").counted_ha.isna().all()


def test_attributed_ground_of_programmes_sums_to_the_footprint(toy):
    by_programme = rs.measure_restored(toy, by="programme", attribution="earliest", method="planar")
    assert by_programme.footprint_ha.sum() == pytest.approx(200)  # 100 + 100: fifty are in both
    assert by_programme.counted_ha.sum() == pytest.approx(150)


def test_every_record_keeps_its_columns_and_its_index(toy):
    given_index = toy.set_index(pd.Index(["a", "b", "c"]))
    table = rs.measure_restored(given_index, method="planar")
    assert list(table.index) == ["a", "b", "c"]
    assert set(toy.columns) < set(table.columns)
    assert table.alone_ha.tolist() == pytest.approx([30, 50, 0])
    assert table.shared_ha.tolist() == pytest.approx([70, 50, 20])
    assert table.max_depth.tolist() == [2, 2, 2]


def test_patches_of_one_project_are_one_project():
    table = rs.measure_restored(
        projects((0, 0, 100, 100), (50, 0, 150, 100)).assign(project_id="P1", patch_id=["a", "b"]),
        by="project_id",
        method="planar",
    ).iloc[0]
    assert (table.projects, table.records) == (1, 2)
    assert (table.activity_ha, table.footprint_ha) == pytest.approx((2.0, 1.5))


def test_types_are_grouped_by_what_they_mean():
    both = projects((0, 0, 100, 100), (50, 0, 150, 100), type=["人工造林", "AF-PL"])
    table = rs.measure_restored(both, by="type", method="planar")
    assert table[["type", "records"]].to_numpy().tolist() == [["planted_afforestation", 2]]
    assert table.footprint_ha[0] == pytest.approx(1.5)


def test_stages_are_grouped_by_what_they_mean():
    both = projects((0, 0, 100, 100), (50, 0, 150, 100), stage=["验收合格", "accepted"])
    assert rs.measure_restored(both, by="stage")["stage"].tolist() == ["accepted"]


def test_a_combined_practice_is_one_type_and_its_hectares_stand_once():
    table = rs.measure_restored(projects((0, 0, 100, 100), type=["SE-CT、人工造林"]), by="type", method="planar")
    assert table["type"].tolist() == ["erosion_control,planted_afforestation"]
    assert table.activity_ha.tolist() == pytest.approx([1.0])


def test_a_missing_year_is_a_group_of_its_own_and_nothing_is_lost():
    table = rs.measure_restored(projects((0, 0, 100, 100), (200, 0, 300, 100), year=[2024, None]), by="year")
    assert len(table) == 2
    assert table.activity_ha.sum() == pytest.approx(2.0, rel=1e-5)


def test_a_stated_area_stands_beside_the_measured_one():
    table = rs.measure_restored(projects((0, 0, 100, 100), stated_area_m2=[10_500.0]), method="planar")
    assert table.stated_ha[0] == pytest.approx(1.05)
    assert table.stated_difference[0] == pytest.approx(0.05)
    grouped = rs.measure_restored(projects((0, 0, 1, 1), (9, 0, 10, 1), stated_area_m2=[1.0, None]), by="total")
    assert grouped.without_stated.tolist() == [1]


# --------------------------------------------------------------------------------------------------- districts


def test_districts_cut_projects_and_the_totals_close():
    one = projects((0, 0, 1000, 100), stated_area_m2=[100_000.0])
    districts = gpd.GeoDataFrame(
        {"district": ["west", "east"]},
        geometry=[shapely.box(X0, Y0 - 50, X0 + 400, Y0 + 150), shapely.box(X0 + 400, Y0 - 50, X0 + 900, Y0 + 150)],
        crs=BOARD_CRS,
    )
    table = rs.measure_restored(one, by="district", districts=districts, method="planar")
    found = {
        None if pd.isna(name) else name: area for name, area in zip(table.district, table.footprint_ha, strict=True)
    }
    assert found == pytest.approx({"west": 4.0, "east": 5.0, None: 1.0})
    assert table.stated_ha.sum() == pytest.approx(10.0)


def test_districts_that_overlap_under_a_project_are_refused():
    districts = chessboard(1).assign(district="A")
    twice = pd.concat([districts, districts.assign(district="B")])
    with pytest.raises(InputError, match="districts overlap under 1 records"):
        rs.measure_restored(chessboard(1).assign(project_id="P1"), by="district", districts=twice)


def test_districts_are_named_in_by():
    with pytest.raises(InputError, match="by='district'"):
        rs.measure_restored(projects((0, 0, 1, 1)), by="year", districts=chessboard(1).assign(district="A"))


# ------------------------------------------------------------------------------------------- what overlaps mean


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
    forward, backward = rs.overlap_pairs(pair), rs.overlap_pairs(pair.iloc[::-1])
    assert forward.overlap_class.tolist() == [expected]
    assert backward.overlap_class.tolist() == [expected]
    assert forward.project_a.tolist() == backward.project_a.tolist() == ["P1"]
    assert forward.reason[0]
    summed = rs.overlap_classes(pair)
    assert summed.pairs.to_dict() == {name: int(name == expected) for name in summed.index}
    assert summed.shared_ha[expected] == pytest.approx(1.0, rel=1e-5)


def test_neighbours_that_only_touch_share_nothing():
    assert len(rs.overlap_pairs(chessboard(4).assign(project_id=list("abcdefghijklmnop")))) == 0


def test_a_small_and_narrow_overlap_is_marked_as_sliver():
    pair = projects((0, 0, 1000, 1000), (999, 0, 1999, 1000))
    found = rs.overlap_pairs(pair, method="planar")
    assert found.shared_ha.tolist() == pytest.approx([0.1])  # 0.1 % of either, below 0.118 ha
    assert found.sliver.tolist() == [True]
    wider = projects((0, 0, 1000, 1000), (998, 0, 1998, 1000))
    assert rs.overlap_pairs(wider).sliver.tolist() == [False]


def test_programmes_can_be_compared_as_well(toy):
    matrix = rs.overlap_matrix(toy, by="programme", method="planar")
    assert matrix.to_numpy() == pytest.approx(np.array([[100, 50], [50, 100]]))


def test_a_matrix_of_too_many_is_refused():
    many = projects(*[(i, 0, i + 1, 1) for i in range(5_001)])
    with pytest.raises(InputError, match="overlap_pairs"):
        rs.overlap_matrix(many)


# ------------------------------------------------------------------------------------------------- control lines


def board_project(cell, work, **columns):
    return chessboard(4).query("cell == @cell").assign(project_id=f"P-{cell}", type=work, **columns)


def check(frame, **lines):
    return rs.check_restoration(frame, chessboard_plan(4, **lines), on="2026-06-01")


@pytest.mark.parametrize(
    ("work", "ground", "code"),
    [
        ("人工造林", "excluded", "trees_on_permanent_basic_farmland"),
        ("湿地修复", "excluded", "water_on_permanent_basic_farmland"),
        ("退耕还林还草", "excluded", "trees_on_permanent_basic_farmland"),
        ("人工种草", "excluded", "grass_on_permanent_basic_farmland"),
        ("盐碱地综合利用", "conflicting", "soil_works_on_permanent_basic_farmland"),
        ("SE-CT, AF-PL", "excluded", "trees_on_permanent_basic_farmland"),
    ],
)
def test_trees_and_wetland_have_no_place_on_farmland(work, ground, code):
    found = check(board_project("a1", work), farmland=["a1"]).query("line == 'permanent_basic_farmland'")
    assert found[["ground", "reason_code"]].to_numpy().tolist() == [[ground, code]]
    assert found.citation.iloc[0].startswith("《")
    assert found.reason_zh.iloc[0]
    assert found.area_ha.iloc[0] == pytest.approx(100, rel=1e-5)


def test_restoration_in_the_red_line_is_a_limited_activity_not_an_offence():
    found = check(board_project("a1", "人工造林"), red_line={"a1": "general"}).query("line == 'ecological_red_line'")
    assert found[["ground", "verdict"]].to_numpy().tolist() == [["conflicting", "limited_activity"]]


def test_restoration_outside_the_urban_boundary_is_eligible():
    found = check(board_project("a1", "人工造林")).query("line == 'urban_development_boundary'")
    assert found[["ground", "subzone"]].to_numpy().tolist() == [["eligible", "outside"]]


def test_ground_is_eligible_conflicting_or_excluded_and_sums_to_the_footprint():
    # a project over three squares: farmland, red line, neither
    squares = chessboard(4).set_index("cell").geometry
    strip = shapely.union_all([squares["a1"], squares["b1"], squares["c1"]])
    work = gpd.GeoDataFrame({"project_id": ["P1"], "type": ["人工造林"]}, geometry=[strip], crs=BOARD_CRS)
    plan = chessboard_plan(4, farmland=["a1"], red_line={"b1": "general"})
    row = rs.measure_restored(work, plan=plan, on="2026-06-01").iloc[0]
    grounds = [row.eligible_ha, row.conflicting_ha, row.undetermined_ha, row.excluded_ha]
    assert grounds == pytest.approx([100, 100, 0, 100], rel=1e-5)
    assert sum(grounds) == pytest.approx(row.activity_ha, rel=1e-12)
    assert row.reason_codes == "trees_on_permanent_basic_farmland, trees_on_ecological_red_line"
    total = rs.measure_restored(work, by="total", plan=plan, on="2026-06-01").iloc[0]
    assert total.eligible_ha == pytest.approx(row.eligible_ha)


def test_ground_that_two_lines_claim_counts_once_under_the_worst():
    plan = chessboard_plan(4, farmland=["a1"], red_line={"a1": "general"})
    row = rs.measure_restored(board_project("a1", "人工造林"), plan=plan, on="2026-06-01").iloc[0]
    assert (row.eligible_ha, row.conflicting_ha, row.excluded_ha) == pytest.approx((0, 0, 100), abs=1e-3)


def test_two_projects_on_one_square_of_farmland_exclude_it_once():
    pair = pd.concat([board_project("a1", "人工造林"), board_project("a1", "人工造林").assign(project_id="Q")])
    plan = chessboard_plan(4, farmland=["a1"])
    total = rs.measure_restored(pair, by="total", plan=plan, on="2026-06-01").iloc[0]
    assert total.activity_ha == pytest.approx(200, rel=1e-5)
    assert total.excluded_ha == pytest.approx(100, rel=1e-5)


def test_ground_outside_the_plan_is_undetermined():
    beyond = projects((-20_000, 0, -19_000, 1000), type=["人工造林"])
    found = check(beyond, farmland=["a1"])
    assert set(found.ground) == {"undetermined"}
    assert {code.split("_for_")[0] for code in found.reason_code} == {"outside_the_plan"}


def test_a_line_that_the_plan_lacks_leaves_everything_undetermined():
    found = rs.check_restoration(board_project("a1", "人工造林"), chessboard_plan(4, farmland=None), on="2026-06-01")
    assert "permanent_basic_farmland_not_in_plan" in set(found.reason_code)
    row = rs.measure_restored(
        board_project("a1", "人工造林"), plan=chessboard_plan(4, farmland=None), on="2026-06-01"
    ).iloc[0]
    assert row.eligible_ha == 0
    assert row.undetermined_ha == pytest.approx(100, rel=1e-5)


def test_work_of_unknown_type_on_farmland_is_not_taken_for_lawful():
    found = check(board_project("a1", "something else"), farmland=["a1"]).query("line == 'permanent_basic_farmland'")
    assert found.ground.tolist() == ["undetermined"]


def test_an_activity_stated_by_the_project_is_used_and_an_unknown_one_refused():
    farming = board_project("a1", "盐碱地综合利用", activity="farming")
    found = check(farming, farmland=["a1"]).query("line == 'permanent_basic_farmland'")
    assert found[["ground", "activity"]].to_numpy().tolist() == [["eligible", "farming"]]
    with pytest.raises(SchemaError, match="activities not known"):
        check(board_project("a1", "x", activity="moon landing"), farmland=["a1"])


def test_before_the_rule_nobody_knows():
    found = rs.check_restoration(
        board_project("a1", "人工造林"),
        chessboard_plan(4, farmland=["a1"]),
        on="2000-01-01",
        lines=["permanent_basic_farmland"],
    )
    assert found.ground.tolist() == ["undetermined"]


def test_a_bigger_line_never_makes_more_ground_eligible():
    strip = projects((0, 0, 3000, 500), type=["人工造林"])
    small, large = chessboard_plan(farmland=["d1"]), chessboard_plan(farmland=["d1", "e1", "f1"])
    areas = [rs.measure_restored(strip, plan=plan, on="2026-06-01").eligible_ha[0] for plan in (small, large)]
    assert areas[0] > areas[1]


# ------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda p: p.drop(columns="project_id"), SchemaError, "no column 'project_id'"),
        (lambda p: p.assign(project_id=["P1", None]), SchemaError, "without a project_id: rows 1"),
        (lambda p: p.assign(year=["2022", "last year"]), SchemaError, "years that are no numbers: rows 1"),
        (lambda p: p.set_crs(None, allow_override=True), MissingCRSError, "projects"),
        (lambda p: p.set_geometry([p.geometry[0], shapely.Point(X0, Y0)]), GeometryError, "1"),
        (lambda p: p.set_geometry([p.geometry[0], None]), GeometryError, "1"),
    ],
)
def test_projects_that_cannot_be_measured_are_refused(change, error, words):
    with pytest.raises(error, match=words):
        rs.measure_restored(change(projects((0, 0, 1, 1), (2, 0, 3, 1))))


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
        rs.measure_restored(projects((0, 0, 1, 1)), **options)


def test_a_bow_tie_is_repaired_and_said_so():
    tie = shapely.Polygon([(X0, Y0), (X0 + 10, Y0 + 10), (X0 + 10, Y0), (X0, Y0 + 10)])
    frame = gpd.GeoDataFrame({"project_id": ["P1"]}, geometry=[tie], crs=BOARD_CRS)
    with pytest.warns(RepairWarning):
        total = rs.measure_restored(frame, by="total", method="planar")
    assert total.footprint_ha[0] == pytest.approx(50 / 1e4)


@pytest.mark.parametrize(
    "ask",
    [
        rs.measure_restored,
        lambda frame: rs.measure_restored(frame, by="year"),
        rs.overlap_pairs,
        rs.overlap_matrix,
        rs.overlap_depth,
        lambda frame: check(frame, farmland=["a1"]),
    ],
)
def test_no_projects_are_an_empty_table(toy, ask):
    assert len(ask(toy.iloc[:0])) == 0


def test_projects_in_degrees_and_a_geometry_of_another_name_are_measured_alike(toy):
    degrees = toy.set_geometry(toy.segmentize(50)).to_crs("EPSG:4490").rename_geometry("shape")
    total = rs.measure_restored(degrees, by="total").iloc[0]
    assert (total.activity_ha, total.footprint_ha) == pytest.approx((220, 150), rel=1e-6)
    assert rs.measure_restored(degrees).geometry.name == "shape"


def test_the_input_is_not_touched(toy):
    before = toy.copy()
    rs.measure_restored(toy, attribution="largest")
    rs.restoration_certificate(toy)
    pd.testing.assert_frame_equal(pd.DataFrame(toy), pd.DataFrame(before))


# ---------------------------------------------------------------------------------------------------------- data


def test_the_type_table_has_the_thirteen_kinds_and_their_official_names():
    types = rs.restoration_types()
    codes = ["AF-PL", "AF-AE", "AF-EN", "AF-RE", "SD-EN", "GR-PL", "GR-IM", "WL-RE", "MN-RE", "SE-CT", "SA-IM", "LC-WH"]
    assert {*codes, "MG-PL", "RR-GR"} <= set(types.code)
    assert types.code.is_unique
    assert (types[["zh", "en", "family", "measure", "activity", "check"]] != "").all(axis=None)


def test_no_word_means_two_types():
    words = [
        rs._plain(w)
        for key, row in rs.restoration_types().iterrows()
        for w in {key, row.code, row.zh, row.en, *row.aliases}
    ]
    by_type = [
        {rs._plain(w) for w in (key, row.code, row.zh, row.en, *row.aliases)}
        for key, row in rs.restoration_types().iterrows()
    ]
    assert sum(map(len, by_type)) == len(set(words))


def test_stages_are_in_order_and_name_their_columns():
    stages = rs.restoration_stages()
    assert list(stages.index) == [
        "planned", "started", "reported", "accepted", "verified", "preserved", "failed", "cancelled", "lapsed",
    ]  # fmt: skip
    assert stages.ended.tolist() == [False] * 6 + [True] * 3
    assert stages.loc["verified", ["area", "day"]].tolist() == ["verified_ha", "verified_on"]


# ----------------------------------------------------------------------------------------------------- properties

SQUARE = st.tuples(
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(1, 15),
    st.integers(1, 15),
    st.integers(2020, 2024),
    st.sampled_from("ABC"),
)


def drawn(squares):
    """Turn drawn numbers into projects, some of them triangles so that cuts are not all on a grid."""
    shapes = []
    for i, (x, y, w, h, _, _) in enumerate(squares):
        west, south, east, north = X0 + 10 * x, Y0 + 10 * y, X0 + 10 * (x + w), Y0 + 10 * (y + h)
        corners = [(west, south), (east, south), (east, north), (west, north)]
        shapes.append(shapely.Polygon(corners if i % 3 else corners[:3]))
    return gpd.GeoDataFrame(
        {
            "project_id": [f"P{i}" for i in range(len(squares))],
            "year": [square[4] for square in squares],
            "programme": [square[5] for square in squares],
        },
        geometry=shapes,
        crs=BOARD_CRS,
    )


@given(st.lists(SQUARE, min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_net_is_within_gross_and_every_statement_of_the_certificate_holds(squares):
    certificate = rs.restoration_certificate(drawn(squares), method="planar")
    assert certificate.holds.all(), certificate


@given(st.lists(SQUARE, min_size=1, max_size=10), st.randoms(use_true_random=False), st.sampled_from(ATTRIBUTIONS))
@settings(max_examples=40, deadline=None)
def test_the_order_of_rows_changes_nothing(squares, random, attribution):
    frame = drawn(squares)
    shuffled = frame.sample(frac=1, random_state=random.randint(0, 9999))
    options = {"attribution": attribution, "priority": ["B", "A"], "method": "planar"}
    forward = rs.measure_restored(frame, **options).set_index("project_id").sort_index()
    backward = rs.measure_restored(shuffled, **options).set_index("project_id").sort_index()
    for column in ("activity_ha", "alone_ha", "shared_ha", "max_depth", "counted_ha"):
        assert forward[column].to_numpy() == pytest.approx(backward[column].to_numpy(), abs=1e-9)


@given(st.lists(SQUARE, min_size=1, max_size=20), st.randoms(use_true_random=False), st.sampled_from(["total", "year"]))
@settings(max_examples=40, deadline=None)
def test_activity_and_footprint_of_groups_are_equal_to_the_last_bit_in_any_order(squares, random, by):
    frame = drawn(squares)
    shuffled = frame.sample(frac=1, random_state=random.randint(0, 9999))
    forward, backward = (rs.measure_restored(one, by=by) for one in (frame, shuffled))
    for column in ("activity_ha", "footprint_ha", "repeated_ha"):
        assert forward[column].tolist() == backward[column].tolist()
    assert shapely.to_wkb(forward.geometry.to_numpy()).tolist() == shapely.to_wkb(backward.geometry.to_numpy()).tolist()


@given(st.lists(SQUARE, min_size=1, max_size=10), st.sampled_from(ATTRIBUTIONS))
@settings(max_examples=40, deadline=None)
def test_attribution_sums_to_net_and_gives_nobody_more_than_he_has(squares, attribution):
    frame = drawn(squares)
    table = rs.measure_restored(frame, attribution=attribution, priority=["C"], method="planar")
    net = frame.union_all().area / 1e4
    assert table.counted_ha.sum() == pytest.approx(net, abs=1e-9)
    assert (table.counted_ha <= table.activity_ha + 1e-9).all()
    assert (table.counted_ha >= table.alone_ha - 1e-9).all()


@given(st.lists(SQUARE, min_size=2, max_size=10))
@settings(max_examples=40, deadline=None)
def test_one_record_more_never_takes_ground_away(squares):
    frame = drawn(squares)
    fewer, all_of_them = (
        rs.measure_restored(part, by="total", method="planar").iloc[0] for part in (frame.iloc[:-1], frame)
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
    whole, cut = (rs.measure_restored(part, by="total", method="planar").iloc[0] for part in (frame, parts))
    assert cut.footprint_ha == pytest.approx(whole.footprint_ha, abs=1e-9)
    assert cut.activity_ha == pytest.approx(whole.activity_ha, abs=1e-9)


@given(st.lists(SQUARE, min_size=1, max_size=12))
@settings(max_examples=30, deadline=None)
def test_leaving_out_covered_ground_does_not_change_a_union(squares):
    geometry = drawn([*squares, *squares[:2]]).geometry.to_numpy()
    assert rs.footprint(geometry).symmetric_difference(shapely.union_all(geometry)).area == pytest.approx(0, abs=1e-6)
