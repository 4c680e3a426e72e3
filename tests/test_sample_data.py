"""The sample files, read as a planner would, against what was written down while they were drawn."""

import importlib.util
import pathlib
import shutil
import zipfile

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import pytest
import shapely
from pandas.testing import assert_frame_equal

from ecozones.boundary_text import read_boundary_text
from ecozones.readers import read_plan, read_projects, read_sites
from ecozones.restoration.funding import check_funding, read_funding, sum_funding
from ecozones.rulebook import load_rules
from ecozones.siting import check_sites

DATA = pathlib.Path(__file__).parents[1] / "sample_data"
DAY = "2026-06-01"
GRID = "EPSG:27700"
THREE_LINES = ["ecological_red_line", "permanent_basic_farmland", "urban_development_boundary"]

# readers tell what they found out and left out; what they tell is tested where they are
pytestmark = pytest.mark.filterwarnings("ignore::ecozones.errors.EcozonesWarning")


@pytest.fixture(scope="module")
def plan():
    return read_plan(DATA / "plan.gpkg", name="渝北区（虚构）")


@pytest.fixture(scope="module")
def sites():
    return read_sites(DATA / "sites.gpkg")


@pytest.fixture(scope="module")
def review(plan, sites):
    return check_sites(sites, plan, on=DAY)


@pytest.fixture(scope="module")
def expected():
    return pd.read_csv(DATA / "expected_verdicts.csv", keep_default_na=False, dtype=str)


# --------------------------------------------------------------------------------------------------------- files
def test_everything_stays_small():
    size = sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file())
    assert size < 10_000_000


@pytest.mark.parametrize("name", ["plan", "sites", "projects", "dalat", "daqing", "mentougou"])
def test_every_row_says_that_it_is_invented(name):
    path = DATA / f"{name}.gpkg"
    for layer, _ in pyogrio.list_layers(path):
        notes = pyogrio.read_dataframe(path, layer=layer, read_geometry=False)["BZ"]
        assert notes.str.contains("虚构|天地图").all()
        assert len(notes) > 0


def test_forty_sites_of_every_kind(sites):
    assert len(sites) == 40
    kinds = sites.geom_type.value_counts()
    assert set(kinds.index) == {"Polygon", "MultiPolygon", "LineString", "Point"}
    assert sites["width_m"].notna().sum() >= 3
    assert sites["activity"].isna().sum() == 1


def test_the_three_spaces_share_the_county_without_gap_or_overlap():
    spaces = pyogrio.read_dataframe(DATA / "plan.gpkg", layer="SQKJ").geometry
    extent = pyogrio.read_dataframe(DATA / "plan.gpkg", layer="XZQ").geometry.iloc[0]
    assert spaces.area.sum() == pytest.approx(extent.area, abs=1e-3)
    assert shapely.coverage_is_valid(shapely.get_parts(spaces.to_numpy()))
    assert len(extent.interiors) == 1


def test_the_red_line_is_ragged_and_has_holes():
    red = pyogrio.read_dataframe(DATA / "plan.gpkg", layer="STBHHX")
    parts = shapely.get_parts(red.geometry.to_numpy())
    assert red.crs.to_epsg() == 4490
    assert shapely.get_num_interior_rings(parts).sum() > 50
    assert shapely.get_num_coordinates(parts).sum() > 10_000


def test_neighbouring_parcels_share_their_edges_exactly():
    parcels = pyogrio.read_dataframe(DATA / "plan.gpkg", layer="YJJBNTBHTB").geometry.to_numpy()[:2_600]
    assert shapely.coverage_is_valid(parcels)


@pytest.mark.slow
def test_drawing_everything_again_gives_the_same_files(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("make_sample_data", DATA / "make_sample_data.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    shutil.copytree(DATA / "boundaries", tmp_path / "boundaries")
    shutil.copy(DATA / "expected_verdicts.csv", tmp_path)
    monkeypatch.setattr(script, "HERE", tmp_path)
    try:
        script.main()
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
    for name in ("planted.csv", "project_money.csv", "sites_boundary_points.txt", "sites_gbk/sites_gbk.dbf"):
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes()
    for path in DATA.glob("*.gpkg"):
        for layer, _ in pyogrio.list_layers(path):
            shipped = pyogrio.read_dataframe(path, layer=layer)
            drawn = pyogrio.read_dataframe(tmp_path / path.name, layer=layer)
            assert_frame_equal(pd.DataFrame(drawn.drop(columns="geometry")), shipped.drop(columns="geometry"))
            assert shapely.equals_exact(drawn.geometry.to_numpy(), shipped.geometry.to_numpy(), tolerance=0.002).all()


# ------------------------------------------------------------------------------------------------- reading them
def test_the_plan_is_recognised_without_a_hint(plan):
    assert sorted(plan.lines) == THREE_LINES
    assert set(plan["ecological_red_line"]["subzone"].dropna()) == {"core", "general", "outside"}
    assert set(plan["permanent_basic_farmland"]["subzone"]) == {"pbf", "reserve"}
    assert set(plan["urban_development_boundary"]["subzone"]) == {"concentrated", "flexible", "special"}
    assert set(plan.zones["zone"]) == {"agricultural_space", "ecological_space", "urban_space"}


def test_a_layer_in_degrees_stays_in_degrees_beside_layers_in_metres(plan):
    assert plan["ecological_red_line"].crs.to_epsg() == 4490
    assert plan["permanent_basic_farmland"].crs.to_epsg() == 4524
    drawn = pyogrio.read_dataframe(DATA / "plan.gpkg", layer="STBHHX").geometry.to_numpy()
    kept = plan["ecological_red_line"].geometry.to_numpy()
    assert shapely.equals_exact(kept, drawn, tolerance=0.0).all()


def test_columns_about_persons_are_left_out(plan):
    assert not {"ZRRMC", "LXDH"} & set(plan["permanent_basic_farmland"].columns)


def test_the_zipped_shapefiles_hold_the_same_plan(plan):
    zipped = read_plan(DATA / "plan_gbk.zip")
    for line in THREE_LINES:
        mine, theirs = plan[line], zipped[line]
        assert mine["feature_id"].tolist() == theirs["feature_id"].tolist()
        assert mine["subzone"].tolist() == theirs["subzone"].tolist()
        assert mine["BZ"].tolist() == theirs["BZ"].tolist()
        symmetric = shapely.symmetric_difference(mine.geometry.to_numpy(), theirs.geometry.to_numpy())
        assert shapely.area(symmetric).max() == pytest.approx(0.0, abs=1e-9)


def test_the_zipped_shapefiles_carry_no_code_page():
    with zipfile.ZipFile(DATA / "plan_gbk.zip") as packed:
        names = packed.namelist()
        assert not [name for name in names if name.endswith(".cpg")]
        assert [packed.read(name)[29] for name in names if name.endswith(".dbf")] == [0] * 5


def test_the_shapefile_in_gbk_holds_the_same_sites(sites):
    shapes = read_sites(DATA / "sites_gbk" / "sites_gbk.shp").set_index("site_id")
    wanted = sites.set_index("site_id").loc[shapes.index]
    assert len(shapes) == sites.geom_type.isin(["Polygon", "MultiPolygon"]).sum()
    assert shapes["name"].tolist() == wanted["name"].tolist()
    assert shapes["activity"].fillna("").tolist() == wanted["activity"].fillna("").tolist()
    assert shapely.equals(shapes.geometry.to_numpy(), wanted.geometry.to_numpy()).all()


def test_the_boundary_text_holds_the_same_plots(sites):
    plots = read_boundary_text(DATA / "sites_boundary_points.txt")
    read = read_sites(DATA / "sites_boundary_points.txt").set_index("site_id")
    wanted = sites.set_index("site_id").loc[read.index]
    assert plots.crs.to_epsg() == 4524
    assert len(read) == 8
    assert shapely.equals(read.geometry.to_numpy(), wanted.geometry.to_numpy()).all()


def test_projects_are_recognised():
    projects = read_projects(DATA / "projects.gpkg")
    assert len(projects) == 90
    assert projects["project_id"].is_unique
    assert projects["programme"].nunique() == 4
    assert projects["planned_ha"].gt(0).all()
    assert projects["stated_area_m2"].notna().sum() > 20
    assert projects["geometry"].duplicated().sum() == 3


def test_the_money_of_projects_is_that_of_the_projects_and_one_fault_was_planted():
    projects, money = read_projects(DATA / "projects.gpkg"), read_funding(DATA / "project_money.csv")
    assert set(money["project_id"]) < set(projects["project_id"])
    assert projects["project_id"].nunique() - money["project_id"].nunique() == 6
    found = check_funding(projects, money)
    assert (found["finding"] == "more paid than planned").sum() == 1
    assert (found["finding"] == "no money is stated").sum() == 6
    stated = pd.read_csv(DATA / "project_money.csv")[["计划投资_万元", "支付资金_万元"]].sum()
    total = sum_funding(projects, money, by="total").set_index("status")["amount_wan"]
    assert total["planned"] == pytest.approx(stated["计划投资_万元"])
    assert total["paid"] == pytest.approx(stated["支付资金_万元"])


@pytest.mark.parametrize(("name", "zone"), [("dalat", 4525), ("daqing", 4530), ("mentougou", 4548)])
def test_the_other_counties_are_plans_too(name, zone):
    other = read_plan(DATA / f"{name}.gpkg")
    assert sorted(other.lines) == THREE_LINES
    assert other.crs.to_epsg() == zone
    assert all(len(other[line]) for line in THREE_LINES)


# -------------------------------------------------------------------------------------------------- the verdicts
def test_forty_verdicts_are_what_a_planner_reads_off_the_rules(review, expected):
    got = review.verdicts.set_index("site_id")["verdict"].astype(str)
    wanted = expected.set_index("site_id")["verdict"]
    differ = pd.DataFrame({"expected": wanted, "got": got}).query("expected != got")
    assert differ.empty, differ.to_string()


def test_the_line_that_decides_is_the_one_that_was_meant(review, expected):
    verdict = review.verdicts.set_index("site_id")["verdict"].astype(str)
    lines = review.lines.assign(verdict=review.lines["verdict"].astype(str)).set_index(["site_id", "line"])["verdict"]
    for row in expected[expected["decided_by"] != ""].itertuples():
        assert lines[row.site_id, row.decided_by] == verdict[row.site_id], row.site_id


def test_ground_taken_of_each_line_agrees_with_geodesics(review):
    known = pd.read_csv(DATA / "expected_overlaps.csv").groupby(["site_id", "line"])["overlap_m2"].sum()
    got = review.lines.set_index(["site_id", "line"])["overlap_m2"]
    assert len(known) > 30
    # the official program rounds while it goes: see the areas of the self-test
    np.testing.assert_allclose(got[known.index], known, rtol=1e-6, atol=0.02)
    others = got.drop(known.index)
    assert (others.fillna(0.0) < 1e-6).all()


def test_two_parcels_over_each_other_count_once(review):
    row = review.lines.set_index(["site_id", "line"]).loc[("S27", "permanent_basic_farmland")]
    assert row["overlap_sum_m2"] == pytest.approx(2 * row["overlap_m2"], rel=1e-9)


def test_a_site_beside_a_parcel_touches_it(review):
    row = review.lines.set_index(["site_id", "line"]).loc[("S29", "permanent_basic_farmland")]
    assert (row["relation"], row["overlap_m2"], row["distance_m"]) == ("touches", 0.0, 0.0)


@pytest.mark.parametrize("site", ["S30", "S31"])
def test_slivers_are_listed_and_do_not_decide(review, site):
    slivers = review.findings[(review.findings["site_id"] == site) & (review.findings["role"] == "sliver")]
    assert slivers["line"].tolist() == ["permanent_basic_farmland"]
    assert 0.5 < slivers["area_m2"].iloc[0] < 3


def test_ground_beyond_the_plan_is_said(review):
    lines = review.lines.set_index(["site_id", "line"])["covered_share"]
    assert lines["S37", "ecological_red_line"] == 0.0
    assert 0.2 < lines["S36", "ecological_red_line"] < 0.8


def test_the_pieces_of_every_site_sum_to_the_site(review):
    assert len(review.balance) == 3 * 40
    assert review.balance["error_share"].abs().max() < 1e-9


def test_planted_conflicts_are_in_the_files(plan):
    planted = pd.read_csv(DATA / "planted.csv", dtype=str, keep_default_na=False)
    pairs = planted[planted["feature_b"] != ""]
    assert len(pairs) > 20
    ellipsoid = pyproj.Geod(ellps="GRS80")
    frames = {line: plan[line].set_index("feature_id").to_crs("EPSG:4524").geometry for line in THREE_LINES}
    for row in pairs.itertuples():
        common = frames[row.line_a][row.feature_a].intersection(frames[row.line_b][row.feature_b])
        dense = shapely.orient_polygons(shapely.segmentize(common, 70.0))
        degrees = gpd.GeoSeries([dense], crs="EPSG:4524").to_crs("EPSG:4490").iloc[0]
        got = abs(ellipsoid.geometry_area_perimeter(degrees)[0])
        assert got == pytest.approx(float(row.area_m2), abs=0.1), row


# -------------------------------------------------------------------------------------------- an English district
@pytest.fixture(scope="module")
def trafford_rules():
    return load_rules(DATA / "trafford" / "trafford-rules.toml")


@pytest.fixture(scope="module")
def trafford(trafford_rules):
    return read_plan(DATA / "trafford" / "trafford.gpkg", name="Trafford", rules=trafford_rules)


@pytest.fixture(scope="module")
def brownfield():
    return read_sites(DATA / "trafford" / "brownfield_sites.gpkg")


@pytest.fixture(scope="module")
def layers():
    path = DATA / "trafford" / "trafford.gpkg"
    return {name: pyogrio.read_dataframe(path, layer=name) for name, _ in pyogrio.list_layers(path)}


ENGLISH = {
    "sssi": "sssi",
    "local_nature_reserve": "local_nature_reserve",
    "woodland": "woodland",
    "agricultural_land": "farmland_alc",
    "built_up_area": "built_up_area",
    "conservation_area": "conservation_area",
    "green_space": "green_space",
}
RANK = ["clear", "allowed", "refer", "conditional", "undetermined", "prohibited"]


def read_off(point, layers):
    """What the English rules say about housing at a point, worked out with plain predicates."""
    if not layers["extent"].contains(point).any():
        return "undetermined"
    said = ["allowed" if layers["built_up_area"].contains(point).any() else "refer"]
    grades = layers["farmland_alc"].loc[layers["farmland_alc"].contains(point), "grade"]
    said += list(grades.map({"Grade 2": "conditional", "Grade 3": "refer"}).fillna("allowed"))
    said += ["prohibited"] * int(layers["sssi"].contains(point).any())
    for name in ("local_nature_reserve", "woodland", "conservation_area", "green_space"):
        said += ["conditional"] * int(layers[name].contains(point).any())
    return max(said, key=RANK.index)


def test_english_lines_are_read_by_their_own_rulebook(trafford, layers):
    assert set(trafford.lines) == set(ENGLISH)
    for line, layer in ENGLISH.items():
        assert len(trafford[line]) == len(layers[layer])
    assert set(trafford["agricultural_land"]["subzone"]) == {
        "grade_2",
        "grade_3",
        "grade_4",
        "non_agricultural",
        "urban",
    }
    assert trafford["green_space"]["subzone"].value_counts().to_dict() == {
        "sport": 61 + 59 + 48 + 31 + 10,
        "open_space": 88 + 51 + 37 + 33 + 9,
    }


def test_sixty_three_real_sites_agree_with_plain_predicates(trafford, trafford_rules, brownfield, layers):
    review = check_sites(brownfield, trafford, on=DAY, rules=trafford_rules)
    assert len(review.verdicts) == 63
    got = review.verdicts.set_index("site_id")["verdict"].astype(str)
    wanted = pd.Series({row.site_id: read_off(row.geometry, layers) for row in brownfield.itertuples()})
    differ = pd.DataFrame({"wanted": wanted, "got": got}).query("wanted != got")
    assert differ.empty, differ.to_string()
    assert wanted.value_counts().to_dict() == got.value_counts().to_dict()
    assert {"allowed", "conditional"} <= set(got)


def test_real_sites_by_their_stated_size_agree_with_plain_intersections(trafford, trafford_rules, brownfield, layers):
    metres = brownfield.to_crs(GRID)
    discs = metres.set_geometry(metres.buffer(np.sqrt(metres["stated_area_m2"] / np.pi)))
    discs = discs.drop(columns="width_m")
    review = check_sites(discs, trafford, on=DAY, rules=trafford_rules)
    got = review.lines.set_index(["site_id", "line"])["share"]
    compared = 0
    for line, layer in ENGLISH.items():
        region = shapely.union_all(layers[layer].to_crs(GRID).geometry.to_numpy())
        for row in discs.itertuples():
            share = row.geometry.intersection(region).area / row.geometry.area
            assert got[row.site_id, line] == pytest.approx(share, abs=2e-4), (row.site_id, line)
            compared += share > 0
    assert compared > 100


def test_a_register_entry_beyond_the_district_is_undetermined(trafford, trafford_rules, brownfield, layers):
    verdicts = check_sites(brownfield, trafford, on=DAY, rules=trafford_rules).verdicts.set_index("site_id")
    beyond = brownfield.loc[~brownfield.within(layers["extent"].union_all()), "site_id"]
    assert beyond.tolist() == ["HLA3404"]
    assert verdicts.loc["HLA3404", "verdict"] == "undetermined"


def test_english_verdicts_say_how_far_their_rows_were_checked(trafford, trafford_rules, brownfield):
    verdicts = check_sites(brownfield, trafford, on=DAY, rules=trafford_rules).verdicts
    decided = verdicts[verdicts["verdict"] != "undetermined"]
    by_rule = {rule.id: rule for rule in trafford_rules.rules}
    order = ["verified", "partial", "memory"]
    for row in decided.itertuples():
        met = [by_rule[rule] for rule in row.rule_ids.split(", ")]
        # the rules behind the verdict, not the milder ones beside it
        worst = max((rule.status for rule in met if rule.verdict == row.verdict), key=order.index)
        assert row.status == worst
