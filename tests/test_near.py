"""Lines that are read around the sites only: the bytes of a check that has all of them in memory."""

import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from test_large import contents
from test_since import DAY, LINES, SOUTH, WEST, plan_of, some_features, some_sites

from ecozones import check_sites
from ecozones.errors import CRSError, EcozonesWarning, GeometryError, RepairWarning, SchemaError
from ecozones.large import check_sites_in, prepare
from ecozones.large import near as near_module
from ecozones.large import sites as sites_module
from ecozones.large.near import open_line, store_line
from ecozones.testing import BOARD_CRS


@pytest.fixture
def case(tmp_path):
    rng = np.random.default_rng(8)
    sites = some_sites(rng, 60)
    routes = shapely.linestrings(
        [[(WEST, SOUTH), (WEST + 300, SOUTH + 90)], [(WEST + 9_000, SOUTH), (WEST, SOUTH + 1)]]
    )
    extra = gpd.GeoDataFrame({"site_id": ["far", "road", "rail"], "width_m": [None, 30.0, None]}, crs=BOARD_CRS,
                             geometry=[shapely.Point(WEST - 90_000, SOUTH), *routes])  # fmt: skip
    sites = pd.concat([sites, extra], ignore_index=True)
    sites.to_parquet(tmp_path / "sites.parquet")
    lines = {line: some_features(rng, line) for line in LINES}
    # nothing of the farmland in the north, so that some sites are far from all of it
    lines[LINES[1]] = lines[LINES[1]][lines[LINES[1]].geometry.bounds.maxy < SOUTH + 3_000].reset_index(drop=True)
    return tmp_path, sites, lines


def check(place, plan, name, **options):
    return check_sites_in(place / "sites.parquet", plan, place / name, on=DAY, engine=1, **options)


@pytest.mark.parametrize("crs", [BOARD_CRS, "EPSG:4490"])
@pytest.mark.parametrize(("reach", "told"), [(1.0, 1.0), (500.0, 1.0), (500.0, 0.01)])
def test_lines_on_disk_give_the_bytes_of_lines_in_memory(case, monkeypatch, crs, reach, told):
    place, _, lines = case
    plan = plan_of(lines, crs)
    surely = near_module.StoredLine.surely_within
    # where less is told than is true, sites are asked again
    monkeypatch.setattr(near_module.StoredLine, "surely_within", lambda line, points: told * surely(line, points))
    whole = check(place, plan, "whole", rows=25, setback_m=40.0)
    monkeypatch.setattr(sites_module, "RESIDENT", 3)
    monkeypatch.setattr(near_module, "_REACH_M", reach)
    monkeypatch.setattr(near_module, "_BATCH", 7)
    monkeypatch.setattr(near_module, "_GROUP", 2)
    monkeypatch.setattr(near_module, "_MOST", 6)
    parts = check(place, plan, "parts", rows=25, setback_m=40.0)
    assert whole.rows_done == parts.rows_done == 63
    assert contents(parts.folder) == contents(whole.folder)
    farthest = parts.table("lines").groupby("line")["distance_m"].max()
    assert (farthest[list(LINES)] > 80_000).all()


def test_a_line_may_lie_in_a_folder_and_not_in_the_plan(case):
    place, sites, lines = case
    store_line(plan_of(lines).lines[LINES[1]], place / "farmland")
    without = plan_of({LINES[0]: lines[LINES[0]]})
    run = check(place, without, "out", stored={LINES[1]: place / "farmland"})
    expected = check_sites(sites, plan_of(lines), on=DAY)
    assert run.table("verdicts")["verdict"].tolist() == expected.verdicts["verdict"].tolist()
    np.testing.assert_array_equal(run.table("lines")["distance_m"], expected.lines["distance_m"])
    assert not (run.folder / "_lines").exists()


def test_a_line_that_was_prepared_gives_the_tables_of_a_line_in_memory(case):
    place, _, lines = case
    lines[LINES[1]].to_file(place / "farmland.gpkg")
    prepare(place / "farmland.gpkg", place / "prepared", line=LINES[1], engine=1, rows=3)
    without = plan_of({LINES[0]: lines[LINES[0]]})
    parts = check(place, without, "parts", rows=25, stored={LINES[1]: place / "prepared"})
    whole = check(place, plan_of(lines), "whole", rows=25)
    for table in ("verdicts", "lines", "findings", "balance"):
        left, right = parts.table(table), whole.table(table)
        # lines come in the order in which the plan has them
        keys = [name for name in ("site_id", "line", "feature_ids", "rule_id", "role") if name in left]
        left, right = (one.sort_values(keys, kind="stable", ignore_index=True) for one in (left, right))
        assert left.equals(right)


def test_what_was_changed_in_a_line_on_disk_is_found_since(case, monkeypatch):
    place, sites, lines = case
    monkeypatch.setattr(sites_module, "RESIDENT", 3)
    before = check(place, plan_of(lines), "before")
    moved = lines[LINES[1]].copy()
    moved.loc[1, "geometry"] = shapely.affinity.translate(moved.geometry[1], 30, 0)
    after = check(place, plan_of(lines | {LINES[1]: moved}), "after", since=before.folder)
    whole = check(place, plan_of(lines | {LINES[1]: moved}), "whole")
    assert contents(after.folder) == contents(whole.folder)
    assert 0 < after.rechecked < len(sites)


@pytest.mark.parametrize("crs", [BOARD_CRS, "EPSG:4490"])
def test_nothing_is_farther_than_the_boxes_of_a_line_say(tmp_path, monkeypatch, crs):
    monkeypatch.setattr(near_module, "_GROUP", 5)
    rng = np.random.default_rng(3)
    x, y = WEST + rng.uniform(0, 60_000, 80), SOUTH + rng.uniform(0, 60_000, 80)
    # strips in two directions: a box is bare in all corners but two
    ends = np.where(rng.random(80) < 0.5, 3_000, -3_000)
    strips = shapely.buffer(shapely.linestrings(np.stack([np.c_[x, y], np.c_[x + 3_000, y + ends]], 1)), 5.0)
    flat = gpd.GeoDataFrame({"feature_id": range(80), "subzone": None}, geometry=strips, crs=BOARD_CRS)
    store_line(flat.to_crs(crs), tmp_path / "line")
    points = shapely.points(WEST + rng.uniform(-50_000, 110_000, 400), SOUTH + rng.uniform(-50_000, 110_000, 400))
    asked = gpd.GeoSeries(points, crs=BOARD_CRS).to_crs(crs)
    bound = open_line(tmp_path / "line", LINES[1]).surely_within(shapely.get_coordinates(asked.to_numpy()))
    true = shapely.distance(points, shapely.union_all(strips))
    assert (true <= bound).all()
    # and a bound that says nothing would not be worth asking: a stretch of five strips measures some tens of km
    assert np.median(bound - true) < 30_000


def test_sites_in_no_order_of_place_are_told_what_to_do(case, monkeypatch):
    place, sites, lines = case
    monkeypatch.setattr(sites_module, "RESIDENT", 3)
    near_ones = sites.iloc[:60]
    near_ones.iloc[np.argsort(near_ones.geometry.representative_point().x)].to_parquet(place / "sites.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("error", EcozonesWarning)
        ordered = check(place, plan_of(lines), "ordered", rows=10)
    near_ones.to_parquet(place / "sites.parquet")
    with pytest.warns(EcozonesWarning, match=r"spread over [4-6] times the ground.*prepare\(\) the sites"):
        told = check(place, plan_of(lines), "told", rows=10)
    assert told.rows_done == ordered.rows_done == 60


def test_a_line_in_which_nothing_can_be_measured_or_named_is_refused(case):
    place, sites, lines = case
    store_line(plan_of({LINES[0]: lines[LINES[0]]}).lines[LINES[0]].to_crs("EPSG:3857"), place / "web")
    with pytest.raises(CRSError, match="not metres all over it"):
        open_line(place / "web", LINES[0])
    sites.to_parquet(place / "plain.parquet")
    with pytest.raises(SchemaError, match="prepare it with line="):
        open_line(place / "plain.parquet", LINES[0])
    with pytest.raises(SchemaError, match="does not declare: nothing"):
        check(place, plan_of(lines), "out", stored={"nothing": place})


def test_a_line_of_which_features_are_missing_is_not_read_as_whole(case):
    place, _, lines = case
    farmland = lines[LINES[1]]
    farmland.loc[[0, 1], "geometry"] = None
    farmland.to_parquet(place / "farmland.parquet")
    prepare(place / "farmland.parquet", place / "ready", line=LINES[1], engine=1)
    # in memory it is refused, and silence about it would be consent
    with pytest.raises(GeometryError, match="rows 0, 1"):
        plan_of({LINES[1]: farmland})
    told = r"permanent_basic_farmland: 2 of its features were refused when ready was prepared.*ready/report\.parquet"
    with pytest.raises(GeometryError, match=told):
        check(place, plan_of({LINES[0]: lines[LINES[0]]}), "out", stored={LINES[1]: place / "ready"})
    farmland.drop(index=[0, 1]).to_parquet(place / "farmland.parquet")
    prepare(place / "farmland.parquet", place / "ready", line=LINES[1], engine=1)
    run = check(place, plan_of({LINES[0]: lines[LINES[0]]}), "out", stored={LINES[1]: place / "ready"})
    assert run.rows_done == 63


def drawn_anyhow(sites):
    """Sites of every kind: one off the map, one without a shape, one that must be repaired."""
    mixed = sites.copy()
    mixed.loc[0, "geometry"] = shapely.box(1e20, 1e20, 2e20, 2e20)
    mixed.loc[3, "geometry"] = None
    x, y = WEST + 2_000, SOUTH + 2_000
    mixed.loc[7, "geometry"] = shapely.Polygon([(x, y), (x + 100, y + 100), (x + 100, y), (x, y + 100)])
    return mixed


def test_sites_that_were_prepared_have_the_account_of_sites_as_they_lay(case):
    place, sites, lines = case
    drawn_anyhow(sites).to_parquet(place / "sites.parquet")
    prepare(place / "sites.parquet", place / "ready", engine=1)
    runs = []
    for source in ("sites.parquet", "ready"):
        with pytest.warns(RepairWarning, match="sites: 1 polygons were invalid and are repaired"):
            runs.append(
                check_sites_in(place / source, plan_of(lines), place / f"of {source}", on=DAY, engine=1, rows=20)
            )
    direct, ready = runs
    counts = [(run.rows_in, run.rows_done, run.rows_refused) for run in (direct, ready)]
    assert counts == [(63, 61, 2), (63, 61, 2)]
    assert ready.summary()[["rows_in", "rows_done", "rows_refused"]].sum().tolist() == [63, 61, 2]
    # numbered as they lay, and mended once, whichever step it was
    assert direct.table("refused")["row"].tolist() == ready.table("refused")["row"].tolist() == [0, 3]
    mended = [run.table("repaired") for run in (direct, ready)]
    assert [one[["row", "site_id"]].to_numpy().tolist() for one in mended] == [[[7, "s7"]]] * 2
    assert mended[0]["change_m2"].tolist() == mended[1]["change_m2"].tolist()
    ids = direct.table("verdicts")["site_id"]
    verdicts = [run.table("verdicts").set_index("site_id")["verdict"].astype(str)[ids] for run in (direct, ready)]
    assert verdicts[0].tolist() == verdicts[1].tolist()
    assert {"far", "road", "rail"} <= set(ids)


@pytest.mark.filterwarnings("ignore:sites. 1 polygons were invalid")
def test_a_mended_site_is_mended_in_the_tables_of_a_run_since(case):
    place, sites, lines = case
    drawn_anyhow(sites).to_parquet(place / "sites.parquet")
    prepare(place / "sites.parquet", place / "ready", engine=1)
    plan = plan_of(lines)
    before = check_sites_in(place / "ready", plan, place / "before", on=DAY, engine=1, rows=20)
    changed = drawn_anyhow(sites)
    changed.loc[9, "activity"] = "farming"
    changed.to_parquet(place / "sites.parquet")
    prepare(place / "sites.parquet", place / "later", engine=1)
    after = check_sites_in(place / "later", plan, place / "after", on=DAY, engine=1, rows=20, since=before.folder)
    whole = check_sites_in(place / "later", plan, place / "whole", on=DAY, engine=1, rows=20)
    assert contents(after.folder) == contents(whole.folder)
    assert (after.kept, after.rechecked) == (60, 1)
    # one that was drawn as it was mended is no mended site
    prepare(place / "later", place / "again", engine=1)
    drawn = drawn_anyhow(sites)
    drawn.loc[7, "geometry"] = (
        gpd.read_parquet(next((place / "later" / "features").iterdir())).set_index("source_row").geometry[7]
    )
    drawn.to_parquet(place / "sites.parquet")
    prepare(place / "sites.parquet", place / "drawn", engine=1)
    last = check_sites_in(place / "drawn", plan, place / "last", on=DAY, engine=1, rows=20, since=before.folder)
    assert (last.kept, last.rechecked, len(last.table("repaired"))) == (60, 1, 0)


def test_one_site_off_the_map_does_not_silence_that_sites_lie_in_no_order(case):
    place, _, lines = case
    rng = np.random.default_rng(4)
    x, y = WEST + rng.uniform(0, 7_900, 200), SOUTH + rng.uniform(0, 7_900, 200)
    sites = gpd.GeoDataFrame({"site_id": range(200)}, geometry=shapely.box(x, y, x + 9, y + 9), crs=BOARD_CRS)
    sites.loc[5, "geometry"] = shapely.box(0, 0, 1, 1)
    sites.to_parquet(place / "sites.parquet")
    store_line(plan_of(lines).lines[LINES[1]], place / "farmland")
    given = {"rows": 20, "stored": {LINES[1]: place / "farmland"}}
    with pytest.warns(EcozonesWarning, match="lies in no order of place") as told:
        check(place, plan_of(lines), "out", **given)
    # told where the library was called, not somewhere inside it
    assert {one.filename for one in told} == {__file__}
    sites.set_geometry([None] * 199 + [shapely.box(WEST, SOUTH, WEST + 9, SOUTH + 9)], crs=BOARD_CRS).to_parquet(
        place / "sites.parquet"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert check(place, plan_of(lines), "empty", **given).rows_refused == 199
