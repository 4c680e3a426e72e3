"""Columns are found by role, and everything wrong with a table is told at once."""

import datetime as dt

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from ecozones import schema
from ecozones.errors import DroppedColumnsWarning, FormatWarning, SchemaError
from ecozones.units import fold, unit_in_name

SQUARE = shapely.box(39500000, 3300000, 39500100, 3300100)

# the twenty second-level codes that mean different ground in the survey and in the plan
COLLISIONS = {
    "0204": ("其他园地", "油料园地"),
    "0303": ("红树林地", "灌木林地"),
    "0304": ("森林沼泽", "其他林地"),
    "0402": ("沼泽草地", "人工牧草地"),
    "0403": ("人工牧草地", "其他草地"),
    "0601": ("工业用地", "农村道路"),
    "0602": ("采矿用地", "设施农用地"),
    "0702": ("农村宅基地", "城镇社区服务设施用地"),
    "1001": ("铁路用地", "工业用地"),
    "1002": ("轨道交通用地", "采矿用地"),
    "1003": ("公路用地", "盐田"),
    "1101": ("河流水面", "物流仓储用地"),
    "1102": ("湖泊水面", "储备库用地"),
    "1201": ("空闲地", "铁路用地"),
    "1202": ("设施农用地", "公路用地"),
    "1203": ("田坎", "机场用地"),
    "1204": ("盐碱地", "港口码头用地"),
    "1205": ("沙地", "管道运输用地"),
    "1206": ("裸土地", "城市轨道交通用地"),
    "1207": ("裸岩石砾地", "城镇村道路用地"),
}


def frame(**columns):
    return gpd.GeoDataFrame(columns, geometry=[SQUARE] * len(next(iter(columns.values()))), crs=4527)


def test_twenty_codes_mean_different_ground_in_survey_and_plan():
    table = schema.land_class_collisions()
    second = table[table["code"].str.len() == 4].set_index("code")
    assert dict(zip(second.index, zip(second.survey_3, second.plan_2023, strict=True), strict=True)) == COLLISIONS


def test_first_level_codes_collide_too():
    codes = schema.land_class_collisions()["code"]
    assert set(codes[codes.str.len() == 2]) == {"05", "06", "09", "10", "11", "12"}


def test_a_code_takes_its_scheme_from_its_field():
    codes = pd.Series(["0601", None], dtype=object)
    assert schema.land_class_schemes(codes, "DLBM").tolist() == ["survey-3", None]
    assert schema.land_class_schemes(codes, "GHYDYHFLDM").tolist() == ["plan-2023", None]
    assert schema.land_class_schemes(codes, "use").tolist() == [None, None]


def test_three_digits_are_the_second_survey():
    assert schema.land_class_schemes(pd.Series(["011", "0101", "0301K"]), "dlbm").tolist() == [
        "survey-2",
        "survey-3",
        "survey-3",
    ]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["BSM", "XMMC"], {"site_id": "BSM", "name": "XMMC"}),
        (["BSM", "项目编号"], {"site_id": "项目编号"}),
        (["Site ID", "Project Type"], {"site_id": "Site ID", "activity": "Project Type"}),
        (["ＤＫＢＨ"], {"site_id": "ＤＫＢＨ"}),
        (["用地面积（公顷）"], {"stated_area_m2": "用地面积（公顷）"}),
        (["shape_leng"], {}),
    ],
)
def test_columns_are_found_by_official_pinyin_chinese_and_english_names(names, expected):
    assert schema.match_columns(names, schema.table("sites"), what="sites") == expected


def test_two_columns_of_one_role_are_an_error_that_lists_them():
    with pytest.raises(
        SchemaError, match=r"sites\.shp: columns DKBH, dkbh_ could all be site_id .* columns=\{'site_id'"
    ):
        schema.match_columns(["DKBH", "dkbh_"], schema.table("sites"), what="sites.shp")


def test_the_callers_word_outranks_the_aliases():
    found = schema.match_columns(["BSM", "code"], schema.table("sites"), columns={"site_id": "code"}, what="sites")
    assert found["site_id"] == "code"


@pytest.mark.parametrize("columns", [{"site_id": "nowhere"}, {"colour": "BSM"}])
def test_a_callers_word_that_fits_nothing_lists_roles_and_columns(columns):
    with pytest.raises(SchemaError, match=r"roles are site_id.*columns of the file are BSM"):
        schema.match_columns(["BSM"], schema.table("sites"), columns=columns, what="sites")


@pytest.mark.parametrize(
    ("cut", "full"),
    [("永久基本农", "永久基本农田面积"), ("县区名", "县区名称"), ("site_numbe", "site_number_of_plan")],
)
def test_names_cut_at_ten_bytes_are_found_by_their_beginning(cut, full):
    assert schema.restore_cut(cut, ["其他", full]) == full


@pytest.mark.parametrize("name", ["名", "site", "县区名称"])
def test_names_that_are_not_cut_are_left_alone(name):
    assert schema.restore_cut(name, ["名称", "site_id", "县区名称"]) == ""


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("面积_亩", "mu"),
        ("AREA_HA", "ha"),
        ("面积(平方米)", "m2"),
        ("hectares", "ha"),
        ("alpha", ""),
        ("MJ", ""),
        ("面积㎡", "m2"),
    ],
)
def test_the_unit_of_an_area_is_read_from_its_name(name, unit):
    assert unit_in_name(name)[1] == unit


def test_every_problem_of_a_table_is_told_at_once():
    given = frame(site_id=["A", "A", None, "B"], width_m=["5", "x", "", "6"])
    with pytest.raises(SchemaError) as caught:
        schema.conform(given, schema.table("sites"), what="sites.gpkg")
    told = str(caught.value)
    assert told.startswith("sites.gpkg: ")
    assert "is blank in rows 2" in told
    assert "is repeated in rows 0, 1" in told
    assert "width_m is no number in rows 1" in told
    problems = caught.value.problems
    assert sorted(zip(problems["row"], problems["problem"], strict=True)) == [
        (0, "is repeated"),
        (1, "is no number"),
        (1, "is repeated"),
        (2, "is blank"),
    ]
    assert (problems["remedy"].str.len() > 0).all()


def test_ids_are_made_up_only_where_there_is_no_column_and_it_is_said():
    with pytest.warns(FormatWarning, match="rows are numbered from 1 as site_id"):
        read = schema.conform(frame(colour=["red", "blue"]), schema.table("sites"), what="sites")
    assert read["site_id"].tolist() == ["1", "2"]
    assert read["activity"].tolist() == [None, None]
    assert read["colour"].tolist() == ["red", "blue"]


def test_numeric_ids_read_as_floats_lose_their_point():
    assert schema.conform(frame(BSM=[1.0, 2.0]), schema.table("sites"), what="sites")["site_id"].tolist() == ["1", "2"]


def test_a_mu_is_two_thousand_thirds_of_a_square_metre():
    read = schema.conform(frame(BSM=["1"], 面积_亩=[3]), schema.table("sites"), what="sites")
    assert read["stated_area_m2"].tolist() == [2000.0]


def test_a_column_that_bears_a_role_but_does_not_play_it_keeps_its_values():
    given = frame(site_id=["old"], code=["new"])
    read = schema.conform(given, schema.table("sites"), what="sites", columns={"site_id": "code"})
    assert read["site_id"].tolist() == ["new"]
    assert read["site_id_in_file"].tolist() == ["old"]


def test_years_are_whole_numbers():
    with pytest.raises(SchemaError, match="is no whole number in rows 1"):
        schema.conform(frame(xmbh=["1", "2"], 年度=[2024, 2024.5]), schema.table("projects"), what="projects")


@pytest.mark.parametrize(
    "years", [pd.to_datetime(["2024-03-01", None]), pd.Series([dt.date(2024, 3, 1), None]), ["2024-03-01", ""]]
)
def test_a_day_tells_the_year_of_a_project(years):
    read = schema.conform(frame(xmbh=["1", "2"], 年度=years), schema.table("projects"), what="projects")
    assert read["year"].tolist() == [2024, pd.NA]


def test_what_is_no_year_or_no_figure_is_told_and_never_turned_into_one():
    days = pd.to_datetime(["2024-03-01", "2024-03-02"])
    given = frame(
        xmbh=["1", "2"], 年度=[True, False], 计划面积_亩=days, 总投资_万元=days.to_period("Y"), 验收面积=[True, False]
    )
    with pytest.raises(SchemaError, match=r"year .年度. is no year in rows 0, 1") as told:
        schema.conform(given, schema.table("projects"), what="projects")
    columns = told.value.problems["column"].unique()
    assert [name.split()[0] for name in columns] == ["year", "planned_ha", "accepted_ha", "planned_funds"]
    assert len(told.value.problems) == 8


def test_personal_data_are_dropped_and_said_so():
    given = frame(BSM=["1"], ZRRMC=["张三"], LXDH=["123"], JZDZ=["x"], 身份证号=["y"], MJ=[1.0])
    with pytest.warns(DroppedColumnsWarning, match="ZRRMC, LXDH, JZDZ, 身份证号.*keep_personal=True"):
        read = schema.drop_personal(given, what="farmland")
    assert list(read.columns) == ["BSM", "MJ", "geometry"]


@pytest.mark.parametrize("name", ["sites", "projects", "line"])
def test_every_column_is_named_in_both_languages_and_no_alias_serves_two_roles(name):
    table = schema.table(name)
    assert all(column.zh and column.en for column in table.columns)
    for column in table.columns:
        folded = [fold(alias) for alias in column.aliases]
        assert len(set(folded)) == len(folded), column.id
