"""Rainfall zones: from a word, from rain, from polygons; what is not known is not assumed."""

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from ecozones.errors import InputError, SchemaError
from ecozones.restoration.rainfall import assign_rainfall_zones, recognise_rainfall_zone
from ecozones.restoration.survival import judge_survival, survival_editions, survival_thresholds
from ecozones.testing import BOARD_CRS

X0, Y0 = 500_000.0, 3_320_000.0
EDITION = "2016 (unverified)"


def boxes(*spans, crs=BOARD_CRS, **columns):
    """Strips from west to east, 100 m high."""
    shapes = [shapely.box(X0 + w, Y0, X0 + e, Y0 + 100) for w, e in spans]
    return gpd.GeoDataFrame(geometry=shapes, crs=crs).assign(**columns)


@pytest.mark.parametrize(
    ("word", "zone"),
    [
        ("湿润", "humid"), ("半湿润区", "humid"), ("Humid", "humid"), ("400毫米以上", "humid"), ("≥400mm", "humid"),
        (">= 400 毫米", "humid"), ("干旱区", "arid"), ("半干旱", "arid"), ("<400 mm", "arid"), ("400mm以下", "arid"),
        ("undetermined", "undetermined"), ("≤400mm", None), ("三区", None), ("", None), (None, None),
        (float("nan"), None),
    ],
)  # fmt: skip
def test_a_zone_is_known_by_its_word(word, zone):
    assert recognise_rainfall_zone(word) == zone


@pytest.mark.parametrize(
    ("columns", "zone", "by"),
    [
        ({"rain_mm": 400}, "humid", "rainfall"),
        ({"rain_mm": 399.9, "irrigated": "否"}, "arid", "rainfall"),
        ({"rain_mm": 399.9, "irrigated": "是"}, "humid", "irrigation"),
        ({"irrigated": True}, "humid", "irrigation"),
        ({"irrigated": False}, "undetermined", ""),
        ({"rainfall_zone": "半干旱"}, "arid", "stated"),
        ({"rainfall_zone": "半干旱", "irrigated": "是"}, "humid", "irrigation"),
        ({"rainfall_zone": "半干旱", "rain_mm": 300}, "arid", "stated, rainfall"),
        ({"rainfall_zone": "半干旱", "rain_mm": 500}, "undetermined", "stated, rainfall"),
        ({"rainfall_zone": "不详", "rain_mm": None}, "undetermined", "stated"),
        ({"rainfall_zone": "三区", "rain_mm": 500}, "humid", "rainfall"),
        ({"rain_mm": None}, "undetermined", ""),
        ({}, "undetermined", ""),
    ],
)
def test_what_is_said_decides_and_silence_does_not(columns, zone, by):
    project = pd.DataFrame([{"project_id": "P"} | columns])
    row = assign_rainfall_zones(project).iloc[0]
    assert (row.rainfall_zone, row.rainfall_zone_by) == (zone, by)
    assert bool(row.rainfall_zone_note) or zone != "undetermined"


def test_a_zone_that_was_assigned_stays_what_it_is():
    said = pd.DataFrame({"rain_mm": [600.0, 300, None, 300], "irrigated": [None, "否", None, "是"]})
    once = assign_rainfall_zones(said)
    assert assign_rainfall_zones(once)["rainfall_zone"].tolist() == once["rainfall_zone"].tolist()


def test_arid_ground_of_which_irrigation_is_not_stated_says_so():
    dry = pd.DataFrame({"rain_mm": [300, 300], "irrigated": [None, "否"]})
    notes = assign_rainfall_zones(dry)["rainfall_zone_note"]
    assert notes.tolist() == ["whether it is irrigated is not stated; taken as not", ""]


def test_polygons_decide_only_where_a_project_lies_in_one_zone():
    zones = boxes((0, 1000), (1000, 2000), (900, 1000), rainfall_zone=["湿润", "干旱", "湿润"])
    # in the humid zone, in the arid one, across, beyond, and a tenth beyond
    work = boxes((0, 800), (1200, 1400), (950, 1050), (3000, 3100), (1910, 2010), project_id=list("ABCDE"))
    found = assign_rainfall_zones(work, zones)
    assert found["rainfall_zone"].tolist() == ["humid", "arid", "undetermined", "undetermined", "undetermined"]
    assert found["humid_share"].tolist() == pytest.approx([1, 0, 0.5, 0, 0], abs=1e-6)
    assert found["arid_share"].tolist() == pytest.approx([0, 1, 0.5, 0, 0.9], abs=1e-6)
    nine_tenths = assign_rainfall_zones(work, zones, min_share=0.9 - 1e-6)
    assert nine_tenths["rainfall_zone"].tolist()[4] == "arid"
    for share in (0.5, 1.1):
        with pytest.raises(InputError, match="min_share"):
            assign_rainfall_zones(work, zones, min_share=share)


def test_isohyets_in_millimetres_and_on_another_crs_decide_alike():
    zones = boxes((0, 1000), (1000, 2000), rain_mm=[650, 250])
    work = boxes((100, 200), (1200, 1400), project_id=list("AB"), irrigated=["否", "否"])
    degrees = zones.set_geometry(zones.segmentize(20)).to_crs("EPSG:4490")
    for layer in (zones, degrees, zones.iloc[::-1]):
        assert assign_rainfall_zones(work, layer)["rainfall_zone"].tolist() == ["humid", "arid"]
    disagree = assign_rainfall_zones(work.assign(rain_mm=[650, 650]), zones)
    assert disagree["rainfall_zone"].tolist() == ["humid", "undetermined"]
    assert disagree["rainfall_zone_note"][1] == "humid by rainfall; arid by polygons"


def test_layers_and_values_that_tell_no_zone_are_refused():
    work = boxes((0, 100), project_id=["A"])
    with pytest.raises(SchemaError, match="neither a column 'rainfall_zone' nor 'rain_mm'"):
        assign_rainfall_zones(work, boxes((0, 100), name=["x"]))
    with pytest.raises(SchemaError, match="of no zone: rows 0"):
        assign_rainfall_zones(work, boxes((0, 100), rainfall_zone=["三区"]))
    with pytest.raises(InputError, match="must have geometries"):
        assign_rainfall_zones(pd.DataFrame({"project_id": ["A"]}), boxes((0, 100), rain_mm=[1]))
    with pytest.raises(SchemaError, match="rain_mm is no rain a year"):
        assign_rainfall_zones(work.assign(rain_mm=[-1]))
    with pytest.raises(SchemaError, match="irrigated is neither yes nor no: rows 0"):
        assign_rainfall_zones(work.assign(irrigated=["maybe"]))


# ------------------------------------------------------------------------------------------- bars hang on the zone


def test_the_zone_decides_the_bar_and_no_zone_has_none():
    planted = pd.DataFrame({"project_id": list("ABCD"), "survival": 0.75, "rain_mm": [600, 300, None, 300]})
    planted["irrigated"] = ["否", "否", None, "是"]
    judged = judge_survival(planted, edition=EDITION)
    assert judged["zone"].tolist() == ["humid", "arid", "undetermined", "humid"]
    assert judged["survival_outcome"].tolist() == ["replant", "qualified", "undetermined", "replant"]
    assert judged["zone_by"].tolist() == ["rainfall", "rainfall", "", "irrigation"]
    assert judged["survival_bar"].isna().tolist() == [False, False, True, False]


def test_a_no_in_words_is_no_yes():
    planted = pd.DataFrame({"project_id": ["A"], "survival": [0.75], "rain_mm": [300], "irrigated": ["否"]})
    assert judge_survival(planted, edition=EDITION)["zone"].tolist() == ["arid"]


def test_zones_by_polygons_reach_the_bars():
    work = boxes((0, 100), (1200, 1400), project_id=list("AB"), survival=0.75)
    placed = assign_rainfall_zones(work, boxes((0, 1000), (1000, 2000), rain_mm=[650, 250]))
    assert judge_survival(placed, edition=EDITION)["survival_outcome"].tolist() == ["replant", "qualified"]


def test_an_edition_that_has_no_bar_for_a_zone_leaves_it_open():
    # Regulations on the Forest Law (2000): 85 %, except in arid and semi-arid districts
    planted = pd.DataFrame({"project_id": list("ABC"), "survival": [0.85, 0.84, 0.9], "rain_mm": [600, 600, 200]})
    judged = judge_survival(planted, edition="Forest Law Regulations 2000")
    assert judged["survival_outcome"].tolist() == ["qualified", "not_qualified", "undetermined"]
    assert judged["preservation_outcome"].tolist() == ["undetermined"] * 3


def test_editions_that_could_not_be_obtained_are_listed_as_such():
    editions = survival_editions()
    assert editions.loc["2023", "status"] == "unavailable"
    for edition, row in editions.iterrows():
        if row["status"] == "unavailable":
            with pytest.raises(InputError, match="could not be obtained"):
                survival_thresholds(edition)
        else:
            assert len(survival_thresholds(edition))
