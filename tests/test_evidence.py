"""What changes mean, and whether they support that ground was restored."""

import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from drawn_rasters import classes, frame, write_raster, zone

from ecozones.errors import InputError, SchemaError
from ecozones.landcover import transition_matrix
from ecozones.landcover.evidence import judge_transitions, load_meaning, verify_restored
from ecozones.restoration import measure_restored

# -- meaning


def test_the_unccd_table_reads_as_its_default_reads():
    land = dict(enumerate(["tree", "grass", "crop", "wetland", "artificial", "other", "water"]))
    meaning = load_meaning("unccd", land)
    sign = {"restoration": "+", "degradation": "-", "stable": "0"}
    rows = ["".join(sign[meaning[a, b]] for b in range(7)) for a in range(7)]
    # Trends.Earth, land_cover_transition_matrix_unccd.json
    assert rows == ["0-----0", "+0+---0", "+-0---0", "---0--0", "++++0+0", "++++-00", "0000000"]
    # against the policy of returning farmland to wetland: why no table is taken by default
    assert meaning[2, 3] == "degradation"


def test_meanings_that_nobody_defined_are_refused():
    with pytest.raises(InputError, match="no table of meanings called 'fao'; known: unccd"):
        load_meaning("fao", {1: "tree"})
    with pytest.raises(InputError, match="knows no class 'forest'"):
        load_meaning("unccd", {1: "forest"})
    with pytest.raises(InputError, match="not 'better'"):
        judge_transitions(pd.DataFrame({"ground": [], "before": [], "after": []}), {(1, 2): "better"})


def test_a_change_that_is_not_listed_stays_unknown(tmp_path):
    before = write_raster(tmp_path / "a.tif", classes([3, 3, 1, 1, 255]))
    after = write_raster(tmp_path / "b.tif", classes([1, 2, 1, 3, 1]))
    judged = judge_transitions(transition_matrix(before, after), {(3, 1): "restoration", (1, 3): "degradation"})
    assert judged["meaning"].tolist() == ["stable", "degradation", "restoration", "unlisted", "unseen"]


# -- evidence of restoration


BARE, WOOD, WATER = 3, 1, 9
PLANTED = {(BARE, WOOD): "restoration", (WOOD, BARE): "degradation"}


def evidence(tmp_path, before, after, *projects, **options):
    dates = [write_raster(tmp_path / name, values) for name, values in (("a.tif", before), ("b.tif", after))]
    names = [f"P{i}" for i in range(1, len(projects) + 1)]
    table = frame(*projects, project_id=names)
    return verify_restored(table, *dates, **({"meaning": PLANTED, "ring_m": 150, "min_share": 0.5} | options))


def test_wood_inside_and_none_outside_supports_the_claim(tmp_path):
    before = np.full((60, 60), BARE, dtype=np.uint8)
    after = before.copy()
    after[20:30, 20:28] = WOOD  # eighty of the hundred cells of the project
    (row,) = evidence(tmp_path, before, after, zone(20, 20, 30, 30)).itertuples()
    assert row.verdict == "supported"
    assert (row.supported_share, row.not_supported_share, row.unknown_share) == pytest.approx((0.8, 0.2, 0), abs=1e-6)
    assert (row.net_share, row.ring_share, row.effect) == pytest.approx((0.8, 0, 0.8), abs=1e-6)
    assert row.restored_m2 == pytest.approx(80 * 900, rel=1e-6)
    assert row.kind == "pixel_count"


def test_wood_that_grew_everywhere_says_nothing_of_the_project(tmp_path):
    before = np.full((60, 60), BARE, dtype=np.uint8)
    (row,) = evidence(tmp_path, before, np.full_like(before, WOOD), zone(20, 20, 30, 30)).itertuples()
    assert (row.verdict, row.effect) == ("not_supported", pytest.approx(0))
    assert "the ring changed as much" in row.reason


def test_the_ring_is_matched_class_by_class(tmp_path):
    # outside, bare ground turned to wood by half and wood never changed; the project was bare, most of the ring is wood
    before = np.full((60, 60), WOOD, dtype=np.uint8)
    before[20:30, 20:34] = BARE
    after = before.copy()
    after[20:30, 20:30] = WOOD
    after[20:30, 30:32] = WOOD
    (row,) = evidence(tmp_path, before, after, zone(20, 20, 30, 30), ring_m=30 * 4).itertuples()
    assert row.ring_share == pytest.approx(0.5, abs=1e-6)
    assert (row.matched_share, row.verdict) == (pytest.approx(1), "supported")


def test_a_ring_that_holds_nothing_alike_leaves_the_claim_unknown(tmp_path):
    before = np.full((60, 60), WATER, dtype=np.uint8)
    before[20:30, 20:30] = BARE
    after = np.where(before == BARE, WOOD, before)
    (row,) = evidence(tmp_path, before, after, zone(20, 20, 30, 30)).itertuples()
    assert (row.verdict, row.matched_share) == ("unknown", 0)
    assert np.isnan(row.effect)


def test_clouds_and_few_cells_leave_the_claim_unknown(tmp_path):
    before = np.full((60, 60), BARE, dtype=np.uint8)
    after = np.full_like(before, WOOD)
    after[20:30, 20:22] = 255
    cloudy, small = zone(20, 20, 30, 30), zone(40.5, 40.5, 43, 43)
    table = evidence(tmp_path, before, after, cloudy, small)
    assert table["verdict"].tolist() == ["unknown", "unknown"]
    assert table["unknown_share"].tolist() == pytest.approx([0.2, 0], abs=1e-6)
    assert "covers 6.2 cells" in table["reason"].iloc[1]


def test_a_project_of_which_nothing_was_seen_is_unknown(tmp_path):
    hidden = np.full((12, 12), 255, dtype=np.uint8)
    table = evidence(tmp_path, hidden, hidden, zone(3, 3, 9, 9))
    assert table[["verdict", "unknown_share"]].to_numpy().tolist() == [["unknown", 1.0]]


def test_patches_of_one_project_are_proved_together(tmp_path):
    before = np.full((60, 60), BARE, dtype=np.uint8)
    after = before.copy()
    after[10:20, 10:20], after[40:50, 40:45] = WOOD, WOOD
    dates = [write_raster(tmp_path / name, values) for name, values in (("a.tif", before), ("b.tif", after))]
    patches = frame(zone(10, 10, 20, 20), zone(40, 40, 50, 50), project_id=["P", "P"], patch_id=["1", "2"])
    options = {"meaning": PLANTED, "ring_m": 150, "min_share": 0.5}
    with pytest.raises(SchemaError, match="used twice"):
        verify_restored(patches, *dates, **options)
    whole = measure_restored(patches, by="project_id")
    (row,) = verify_restored(whole, *dates, **options).itertuples()
    assert (row.project_id, row.net_share, row.verdict) == ("P", pytest.approx(0.75, abs=1e-6), "supported")


def test_ground_of_other_projects_is_no_control(tmp_path):
    before = np.full((60, 60), BARE, dtype=np.uint8)
    after = before.copy()
    after[20:30, 20:40] = WOOD
    table = evidence(tmp_path, before, after, zone(20, 20, 30, 30), zone(30, 20, 40, 30))
    assert table["ring_share"].tolist() == pytest.approx([0, 0], abs=1e-9)
    assert table["verdict"].tolist() == ["supported", "supported"]


def test_rings_of_projects_in_degrees_are_as_wide_as_those_in_metres(tmp_path):
    affine = Affine(30, 0, 500_000, 0, -30, 3_320_000)
    before = np.full((60, 60), BARE, dtype=np.uint8)
    after = before.copy()
    after[20:40, 10:30] = WOOD
    dates = [
        write_raster(tmp_path / name, values, crs="EPSG:4548", affine=affine)
        for name, values in (("a.tif", before), ("b.tif", after))
    ]
    box = shapely.box(500_600, 3_319_100, 500_900, 3_319_400)
    metres = frame(box, crs="EPSG:4548", project_id=["P"])
    options = {"meaning": PLANTED, "ring_m": 150, "min_share": 0.5}
    one = verify_restored(metres, *dates, **options)
    other = verify_restored(metres.to_crs("EPSG:4490"), *dates, **options)
    numbers = ["ring_share", "net_share", "supported_share"]
    assert other[numbers].to_numpy() == pytest.approx(one[numbers].to_numpy(), abs=1e-4)
