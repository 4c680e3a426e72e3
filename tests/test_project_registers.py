"""Registers of projects as bureaus keep them: units per column and per row, patches, stages, days, money."""

import warnings

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from ecozones import measure_restored, read_projects
from ecozones.errors import EcozonesWarning, FormatWarning, SchemaError
from ecozones.restoration.funding import project_funding, sum_funding
from ecozones.restoration.stages import check_stages, restoration_rates
from ecozones.restoration.survival import judge_survival

X0, Y0 = 39_500_000, 3_300_000


def register(count=1, side=100, **columns):
    """Squares beside each other on a 3-degree zone, one hectare each by default."""
    shapes = [shapely.box(X0 + i * side, Y0, X0 + (i + 1) * side, Y0 + side) for i in range(count)]
    return gpd.GeoDataFrame(geometry=shapes, crs=4527).assign(**columns)


def quiet(frame, **options):
    """Read a register of which nothing needs saying."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", EcozonesWarning)
        return read_projects(frame, **options)


# ------------------------------------------------------------------------------------------------ units of areas


@pytest.mark.parametrize(
    ("name", "value", "hectares"),
    [
        ("计划面积_亩", 15, 1), ("计划面积（万亩）", 1.5, 1000), ("计划面积(公顷)", 1, 1),
        ("计划面积_万公顷", 0.0001, 1),
        ("计划面积_平方米", 10_000, 1), ("计划面积（平方公里）", 0.01, 1), ("计划面积 km²", 0.01, 1),
        ("计划面积_万平方米", 1, 1), ("planned_area_ha", 1, 1), ("planned_ha", 1, 1), ("计划面积_千公顷", 0.001, 1),
    ],
)  # fmt: skip
def test_the_unit_in_the_name_of_a_column_is_used(name, value, hectares):
    read = quiet(register(项目编号="P1", **{name: [value]}))
    assert read["planned_ha"].tolist() == pytest.approx([hectares])
    # what was stated in another unit stays beside it
    assert (name in read.columns) == (name == "planned_ha" or read["planned_ha"][0] != value)


def test_units_row_by_row_are_used_and_kept():
    units = ["亩", "公顷", "万亩", "平方米"]
    given = register(4, 项目编号=list("ABCD"), 计划面积=[15, 1, 0.0015, 10_000], 面积单位=units)
    read = quiet(given)
    assert read["planned_ha"].tolist() == pytest.approx([1, 1, 1, 1])
    assert read[["计划面积", "area_unit"]].to_numpy().tolist() == [
        [15, "亩"], [1, "公顷"], [0.0015, "万亩"], [10_000, "平方米"],
    ]  # fmt: skip


def test_a_unit_in_the_name_outranks_the_column_of_units():
    given = register(2, 项目编号=list("AB"), 计划面积_公顷=[1, 1], 上报面积=[15, 1], 单位=["亩", "公顷"])
    read = quiet(given)
    assert read["planned_ha"].tolist() == [1, 1]
    assert read["stated_area_m2"].tolist() == pytest.approx([10_000, 10_000])


def test_a_column_of_organisations_is_no_column_of_units():
    read = quiet(register(2, 项目编号=list("AB"), 计划面积_亩=[15, 15], 单位=["林业局", "水务局"]))
    assert read["单位"].tolist() == ["林业局", "水务局"]
    assert "area_unit" not in read.columns


def test_units_that_are_strange_or_missing_are_refused_with_their_rows():
    given = register(3, 项目编号=list("ABC"), 计划面积=[1, 1, 1], 面积单位=["亩", "垧", None])
    with pytest.raises(SchemaError) as caught:
        read_projects(given)
    told = caught.value.problems.set_index("row")["problem"]
    assert told[1].tolist() == ["is no unit of area", "states no unit"]
    assert told[2] == "states no unit"


def test_acres_are_taken_as_written_and_flagged():
    with pytest.warns(FormatWarning, match="stated in acre, more often a mistranslation of 亩 .* 6.07 times"):
        read = read_projects(register(项目编号="P1", planned_acres=[5600]))
    assert read["planned_ha"].tolist() == pytest.approx([2266.24], abs=0.005)
    assert read["planned_acres"].tolist() == [5600]
    with pytest.warns(FormatWarning, match="mistranslation"):
        mixed = read_projects(register(2, 项目编号=list("AB"), 计划面积=[15, 1], 面积单位=["亩", "英亩"]))
    assert mixed["planned_ha"].tolist() == pytest.approx([1, 0.40468564])


def test_an_area_that_states_no_unit_is_told_by_its_polygon():
    squares = register(3, 项目编号=list("ABC"), 计划面积=[15.2, 14.9, 16])
    with pytest.warns(FormatWarning, match="计划面积 states no unit; by the size of the polygons it is mu"):
        read = read_projects(squares)
    assert read["planned_ha"].tolist() == pytest.approx([15.2 / 15, 14.9 / 15, 16 / 15])
    assert read["计划面积"].tolist() == [15.2, 14.9, 16]
    assert quiet(register(3, 项目编号=list("ABC"), 计划面积=[1.1, 0.9, 1.0]))["planned_ha"].tolist() == [1.1, 0.9, 1.0]
    with pytest.warns(FormatWarning, match="fits the polygons in none; taken as ha"):
        assert read_projects(register(项目编号="A", 计划面积=[4.0]))["planned_ha"].tolist() == [4.0]


def test_stated_and_measured_area_stand_side_by_side():
    read = quiet(register(2, 项目编号=list("AB"), 上报面积_亩=[15.0, 18.0]))
    table = measure_restored(read)
    assert table["stated_ha"].tolist() == pytest.approx([1.0, 1.2])
    assert table["activity_ha"].tolist() == pytest.approx([1, 1], rel=1e-4)
    assert table["stated_difference"].tolist() == pytest.approx([0, 0.2], abs=1e-4)
    assert check_stages(table)["finding"].tolist() == ["stated area differs from the measured one"]


# ---------------------------------------------------------------------------------------------------- hierarchy


def test_patches_of_one_project_are_read_by_their_numbers():
    read = quiet(register(3, 项目编号=["P1", "P1", "P2"], 小班号=["1", "2", "1"], 子项目=["a", "b", "a"]))
    assert read[["project_id", "sub_project", "patch_id"]].to_numpy().tolist() == [
        ["P1", "a", "1"], ["P1", "b", "2"], ["P2", "a", "1"],
    ]  # fmt: skip
    assert measure_restored(read, by="project_id")[["projects", "records"]].to_numpy().tolist() == [[1, 2], [1, 1]]
    by_part = measure_restored(read, by=["project_id", "sub_project"])
    assert by_part["records"].tolist() == [1, 1, 1]


def test_rows_of_one_project_without_numbers_are_its_patches_and_that_is_said():
    with pytest.warns(FormatWarning, match="1 projects have several rows, P1; .* numbered as patch_id"):
        read = read_projects(register(3, 项目编号=["P1", "P2", "P1"]))
    assert read[["project_id", "patch_id"]].to_numpy().tolist() == [["P1", "1"], ["P2", "1"], ["P1", "2"]]


def test_one_patch_twice_is_refused():
    with pytest.raises(SchemaError, match="patch_id is repeated in rows 0, 1") as caught:
        read_projects(register(3, 项目编号=["P1", "P1", "P2"], 图斑编号=["1", "1", "1"]))
    assert caught.value.problems["row"].tolist() == [0, 1]


# ------------------------------------------------------------------------------------------------ stages and days


def test_areas_and_days_of_every_stage_are_read():
    given = register(
        2, 项目编号=list("AB"), 计划面积_亩=[15, 15], 上报面积_亩=[15, 12], 验收面积_亩=[14, 12], 核实面积_亩=[7.5, 12],
        合格面积_亩=[6, 9], 有效面积_亩=[7, 9], 保存面积_亩=[5, 9], 上图面积_亩=[15, 12],
        批复日期=["2022-01-05", "2022-01-05"], 开工日期=["2022年3月1日", "20220302"],
        完工日期=["2022/11/30", "2022-10-31"],
        验收日期=pd.to_datetime(["2023-05-01", "2022-10-01"]),
    )  # fmt: skip
    read = quiet(given)
    names = ["reported_ha", "accepted_ha", "verified_ha", "qualified_ha", "effective_ha", "preserved_ha", "mapped_ha"]
    assert read[names].iloc[0].tolist() == pytest.approx([1, 14 / 15, 0.5, 0.4, 7 / 15, 1 / 3, 1])
    assert read["started_on"].dt.strftime("%Y-%m-%d").tolist() == ["2022-03-01", "2022-03-02"]
    rates = restoration_rates(read).set_index("rate")["value"]
    assert rates["verification"] == pytest.approx(19.5 / 27)
    assert rates["completion"] == pytest.approx(27 / 30)
    assert rates["preservation"] == pytest.approx(14 / 19.5)
    found = check_stages(read)[["project_id", "finding"]].to_numpy().tolist()
    assert found == [["B", "accepted_on is before reported_on"]]


def test_a_month_is_no_day_and_stays_as_it_was_written():
    with pytest.warns(FormatWarning, match=r"started_on \(开工日期\) names no day in rows 1"):
        read = read_projects(register(2, 项目编号=list("AB"), 开工日期=["2022-03-01", "2022年3月"]))
    assert read["started_on"].isna().tolist() == [False, True]
    assert read["开工日期"].tolist() == ["2022-03-01", "2022年3月"]


def test_columns_that_the_file_lacks_are_not_made_up():
    read = quiet(register(项目编号="A"))
    assert list(read.columns) == [
        "project_id", "name", "programme", "type", "year", "stage", "planned_ha", "stated_area_m2", "geometry",
    ]  # fmt: skip


def test_survival_in_per_cent_and_rain_reach_the_bars():
    given = register(2, 项目编号=list("AB"), **{"成活率(%)": [86, 72]}, 年降水量_毫米=[650, 300], 是否灌溉=["否", "否"])
    read = quiet(given)
    assert read["survival"].tolist() == pytest.approx([0.86, 0.72])
    assert judge_survival(read, edition="2016 (unverified)")["survival_outcome"].tolist() == ["qualified", "qualified"]
    with pytest.raises(SchemaError, match=r"irrigated \(是否灌溉\) is neither yes nor no in rows 0"):
        read_projects(register(项目编号="A", 是否灌溉="也许"))


# --------------------------------------------------------------------------------------------------------- money


def test_money_is_read_in_its_unit_and_counted_once():
    given = register(
        3, 项目编号=["P1", "P1", "P2"], 图斑编号=list("121"), 总投资_万元=[120, 120, 45],
        支付资金_亿元=[0.009, 0.009, None],
        资金来源=["中央财政", "中央财政", "社会资本"],
    )  # fmt: skip
    read = quiet(given)
    assert read["planned_funds"].tolist() == [1_200_000, 1_200_000, 450_000]
    assert read["paid_funds"].tolist()[:2] == [900_000, 900_000]
    assert read["currency"].tolist() == ["CNY"] * 3
    assert read["总投资_万元"].tolist() == [120, 120, 45]
    total = sum_funding(read, by="total").set_index("status")
    assert total["amount_wan"].to_dict() == {"planned": 165, "paid": 90}
    assert total.loc["planned", "per_mu"] == pytest.approx(1_650_000 / 45, rel=1e-4)
    assert project_funding(read)["funding_source"].tolist() == ["中央财政", "社会资本", "中央财政"]


def test_money_without_a_unit_is_left_alone_and_that_is_said():
    with pytest.warns(FormatWarning, match="总投资 states no unit, and 元 and 万元 cannot be told apart"):
        read = read_projects(register(项目编号="P1", 总投资=[120]))
    assert "planned_funds" not in read.columns
    assert read["总投资"].tolist() == [120]
    beside = quiet(register(2, 项目编号=list("AB"), 总投资=[120, 1.5], 资金单位=["万元", "亿元"]))
    assert beside["planned_funds"].tolist() == [1_200_000, 150_000_000]


def shapefile(path, name, value, encoding):
    """Write a register whose column of money bears what ten bytes hold of its name, cut characters and all."""
    register(项目编号="P1", MONEY=[value]).rename(columns={"项目编号": "XMBH"}).to_file(path)
    table = path.with_suffix(".dbf")
    held = table.read_bytes()
    assert held.count(b"MONEY\0\0\0\0\0\0") == 1
    table.write_bytes(held.replace(b"MONEY\0\0\0\0\0\0", name.encode(encoding)[:10] + b"\0"))
    path.with_suffix(".cpg").write_text(encoding, encoding="ascii")
    return path


@pytest.mark.parametrize("encoding", ["GBK", "UTF-8"])
def test_money_whose_unit_a_shapefile_cut_off_is_left_alone_and_that_is_said(tmp_path, encoding):
    # 总投资_万元 is 11 bytes in GBK, which cut it after 万; UTF-8 cuts it after the underscore
    path = shapefile(tmp_path / "register.shp", "总投资_万元", 120.0, encoding)
    with pytest.warns(FormatWarning) as heard:
        read = read_projects(path)
    said = " ".join(str(one.message) for one in heard)
    assert ("may be any of 总投资_万元, 总投资_万美元, 总投资_万欧元" in said) == (encoding == "GBK")
    assert ("states no unit" in said) == (encoding == "UTF-8")
    assert "planned_funds" not in read.columns
    assert 120.0 in read.iloc[0].tolist()


def test_money_of_a_cut_unit_of_several_currencies_is_left_alone_and_named(tmp_path):
    # dollars are in the register: 1.2 million of them are not 1.2 million yuan
    path = shapefile(tmp_path / "register.shp", "总投资百万美元", 1.2, "GBK")
    with pytest.warns(FormatWarning, match="any of 总投资百万元, 总投资百万美元, 总投资百万欧元") as heard:
        read = read_projects(path)
    assert any("ends within a unit, as a shapefile cuts it" in str(one.message) for one in heard)
    assert ("planned_funds" in read.columns, read["总投资百万"].tolist()) == (False, [1.2])
    whole = quiet(register(项目编号="P1", 总投资百万美元=[1.2]))
    assert (whole["planned_funds"].tolist(), whole["currency"].tolist()) == ([1_200_000], ["USD"])
    # the caller says what the column is, and a column of units in what it stands
    said = quiet(
        register(项目编号="P1", 总投资百万=[1.2], 资金单位="百万欧元"), columns={"planned_funds": "总投资百万"}
    )
    assert (said["planned_funds"].tolist(), said["currency"].tolist()) == ([1_200_000], ["EUR"])


def test_money_that_plays_no_role_is_named():
    given = register(项目编号="P1", 总投资_元=[5.0], 总投资百万=[1.2], 中央资金_万元=[2.0], 说明="三百元")
    with pytest.warns(
        FormatWarning, match="projects: 总投资百万, 中央资金_万元 left as they stand, since 总投资_元 hold"
    ):
        beside = read_projects(given)
    assert (beside["planned_funds"].tolist(), beside["总投资百万"].tolist()) == ([5.0], [1.2])


def test_an_area_whose_cut_unit_can_be_one_only_is_read_and_said(tmp_path):
    path = shapefile(tmp_path / "register.shp", "计划面积公顷", 1.5, "GBK")
    with pytest.warns(
        FormatWarning, match="计划面积公 ends within a unit, as a shapefile cuts it, and is read as 计划面积公顷; if"
    ):
        read = read_projects(path)
    assert (read["planned_ha"].tolist(), "计划面积公顷" in read.columns) == ([1.5], False)
    with pytest.warns(FormatWarning, match="is read as 上报面积公顷"):
        beside = read_projects(shapefile(tmp_path / "stated.shp", "上报面积公顷", 1.5, "GBK"))
    assert beside[["stated_area_m2", "上报面积公顷"]].to_numpy().tolist() == [[15_000.0, 1.5]]


def test_a_currency_is_that_of_the_unit_or_of_its_column():
    dollars = quiet(register(2, 项目编号=list("AB"), 总投资_万美元=[3, None]))
    assert dollars["planned_funds"].tolist()[0] == 30_000
    assert dollars["currency"].where(dollars["currency"].notna(), None).tolist() == ["USD", None]
    own = quiet(register(项目编号="A", planned_funds=[5.0], currency=["eur"]))
    assert own["currency"].tolist() == ["EUR"]
    assert quiet(register(项目编号="A", planned_funds=[5.0]))["currency"].tolist() == ["CNY"]
    with pytest.raises(SchemaError, match="is in two currencies in rows 0"):
        read_projects(register(项目编号="A", 总投资_万元=[5.0], 币种=["USD"]))


def test_a_management_unit_is_no_money():
    # 单元 ends like 元
    read = quiet(register(项目编号="A", 管控单元=["U1"], 总投资_元=[5.0]))
    assert read["管控单元"].tolist() == ["U1"]
    assert read["planned_funds"].tolist() == [5.0]


def test_a_register_written_and_read_again_says_the_same(tmp_path):
    read = quiet(register(2, 项目编号=["P1", "P1"], 小班号=["1", "2"], 计划面积_亩=[15, 15], 开工日期="2022-03-01",
                          是否灌溉="是", 总投资_万元=[1, 1]))  # fmt: skip
    read.to_file(tmp_path / "again.gpkg", driver="GPKG")
    again = quiet(tmp_path / "again.gpkg")
    for name in ("project_id", "patch_id", "planned_ha", "started_on", "irrigated", "planned_funds", "currency"):
        assert again[name].tolist() == read[name].tolist(), name
    assert not np.isnan(again["planned_ha"]).any()
