"""Money of projects: counted once, never added across currencies, never divided by nothing."""

import geopandas as gpd
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings

from ecozones.amounts import convert_money
from ecozones.errors import FormatWarning, InputError, SchemaError
from ecozones.restoration.funding import check_funding, project_funding, read_funding, sum_funding
from ecozones.testing import BOARD_CRS

X0, Y0 = 500_000.0, 3_320_000.0
MU_M2 = 2000 / 3


def projects(*boxes, **columns):
    geometry = [shapely.box(X0 + w, Y0 + s, X0 + e, Y0 + n) for w, s, e, n in boxes]
    return gpd.GeoDataFrame(geometry=geometry, crs=BOARD_CRS).assign(**columns)


# ---------------------------------------------------------------------------------------------------------- units


@pytest.mark.parametrize(
    ("value", "unit", "amount", "currency"),
    [
        (1, "元", 1, "CNY"),
        (120, "万元", 1_200_000, "CNY"),
        (1.5, "亿元", 150_000_000, "CNY"),
        (3, "百万元", 3_000_000, "CNY"),
        (2, "万美元", 20_000, "USD"),
    ],
)
def test_money_is_turned_into_whole_units_of_its_currency(value, unit, amount, currency):
    row = convert_money(pd.Series([value]), unit).iloc[0]
    assert (row.amount, row.currency, row.stated, row.stated_unit) == (amount, currency, value, unit)


def test_units_that_are_no_money_are_refused_together():
    with pytest.raises(SchemaError, match="2 problems: row 1: stated_unit is no unit of money; row 2"):
        convert_money(pd.Series([1, 2, 3]), pd.Series(["元", "亩", "万"]))
    with pytest.raises(SchemaError, match="row 0: stated is not a number"):
        convert_money(pd.Series(["much"]), "元")


# -------------------------------------------------------------------------------------------------- tables of money


def test_a_table_of_money_is_read_with_its_units_and_sources(tmp_path):
    path = tmp_path / "money.csv"
    path.write_text(
        "项目编号,资金来源,资金单位,计划投资,支付资金_万元\nP1,中央财政,亿元,0.012,90\nP1,地方配套,万元,30,\nP2,,元,5000,0\n",
        encoding="utf-8",
    )
    table = read_funding(path)
    rows = table[["project_id", "funding_source", "status", "amount"]].replace({np.nan: None}).to_numpy().tolist()
    assert rows == [
        ["P1", "中央财政", "planned", 1_200_000.0],
        ["P1", "地方配套", "planned", 300_000.0],
        ["P2", None, "planned", 5000.0],
        ["P1", "中央财政", "paid", 900_000.0],
        ["P2", None, "paid", 0.0],
    ]
    assert table[["stated", "stated_unit"]].iloc[0].tolist() == [0.012, "亿元"]
    again = pd.read_excel(table_to_excel(tmp_path, path))
    pd.testing.assert_frame_equal(read_funding(tmp_path / "money.xlsx"), table, check_dtype=False)
    assert len(again) == 3


def table_to_excel(folder, path):
    pd.read_csv(path).to_excel(folder / "money.xlsx", index=False)
    return folder / "money.xlsx"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("项目编号,总投资\nP1,5\n", "states no unit, and 元 and 万元 cannot be told apart"),
        ("项目编号,面积\nP1,5\n", "needs a column of project ids and one of money"),
        ("项目编号,总投资_万元\nP1,-5\n", "is negative"),
        ("项目编号,总投资_万元\n,5\n", "project_id is missing"),
        ("项目编号,币种,总投资_万元\nP1,USD,5\n", "is in CNY and in USD"),
    ],
)
def test_money_that_would_need_a_guess_is_refused(tmp_path, text, words):
    path = tmp_path / "money.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SchemaError, match=words):
        read_funding(path)


# ---------------------------------------------------------------------------------------------------- counted once


def test_the_money_of_a_project_is_counted_once_however_many_patches_repeat_it():
    three = projects(*[(i * 100, 0, i * 100 + 100, 100) for i in range(3)], project_id="P1", planned_funds=9e5)
    row = sum_funding(three, by="total", method="planar").iloc[0]
    assert (row.amount, row.amount_wan, row.projects) == (900_000, 90, 1)
    assert (row.area_ha, row.per_ha) == pytest.approx((3, 300_000))
    assert row.area_mu == pytest.approx(45)
    assert row.per_mu == pytest.approx(20_000)


def test_patches_with_money_of_their_own_must_say_so():
    two = projects((0, 0, 100, 100), (100, 0, 200, 100), project_id="P1", planned_funds=[1e5, 2e5])
    with pytest.raises(SchemaError, match=r"state different sums: P1; .*amounts_of='patch'"):
        sum_funding(two)
    assert sum_funding(two, amounts_of="patch")["amount"].tolist() == [300_000]
    with pytest.raises(InputError, match="amounts_of 'row'"):
        project_funding(two, amounts_of="row")


def test_ground_that_was_worked_twice_costs_by_its_footprint_or_by_its_activity():
    twice = projects((0, 0, 100, 100), (0, 0, 100, 100), project_id=["P1", "P2"], planned_funds=[1e5, 1e5])
    assert sum_funding(twice, by="total", method="planar")["per_ha"].tolist() == pytest.approx([200_000])
    by_activity = sum_funding(twice, by="total", per="activity", method="planar")
    assert by_activity["per_ha"].tolist() == pytest.approx([100_000])


def test_a_project_without_money_lends_no_ground_to_the_cost():
    two = projects((0, 0, 100, 100), (200, 0, 500, 100), project_id=["P1", "P2"], planned_funds=[1e5, None])
    row = sum_funding(two, by="total", method="planar").iloc[0]
    assert (row.projects, row.projects_without) == (1, 1)
    assert (row.area_ha, row.per_ha) == pytest.approx((1, 100_000))


def test_nothing_is_divided_by_nothing():
    plain = pd.DataFrame({"project_id": ["P1"], "planned_funds": [1e5]})
    row = sum_funding(plain, by="total").iloc[0]
    assert row.amount == 100_000
    assert np.isnan([row.area_ha, row.per_ha, row.per_mu]).all()
    silent = sum_funding(projects((0, 0, 100, 100), project_id="P1", planned_funds=np.nan), by="total").iloc[0]
    assert np.isnan([silent.amount, silent.per_ha]).all()
    assert (silent.projects, silent.projects_without) == (0, 1)
    assert len(sum_funding(plain.iloc[:0])) == 0


# --------------------------------------------------------------------------------------------------------- roll-up


@pytest.fixture
def register():
    """Two programmes, three years; P3 lies in two years."""
    return projects(
        (0, 0, 100, 100), (200, 0, 300, 100), (400, 0, 500, 100), (600, 0, 900, 100),
        project_id=["P1", "P2", "P3", "P3"],
        programme=["North", "South", "North", "North"],
        type=["人工造林", "AF-PL", "湿地修复", "湿地修复"],
        year=[2022, 2022, 2023, 2024],
        planned_funds=[1e5, 2e5, 4e5, 4e5],
        paid_funds=[1e5, np.nan, 3e5, 3e5],
    )  # fmt: skip


def test_groups_sum_to_the_total_by_programme_type_and_year(register):
    whole = sum_funding(register, by="total").set_index("status")["amount"]
    assert whole.to_dict() == {"planned": 700_000, "paid": 400_000}
    for by in ("programme", "type", "year", ["programme", "year"]):
        assert sum_funding(register, by=by).groupby("status")["amount"].sum().to_dict() == whole.to_dict()
    by_type = sum_funding(register, by="type").query("status == 'planned'")
    assert dict(zip(by_type["type"], by_type["amount"], strict=True)) == {
        "planted_afforestation": 300_000,
        "wetland_restoration": 400_000,
    }


def test_money_of_a_project_over_two_years_stands_apart_or_is_shared_by_area(register):
    apart = sum_funding(register, by="year").query("status == 'planned'")
    assert apart[["spans", "amount"]].to_numpy().tolist() == [[False, 300_000], [True, 400_000]]
    assert apart["year"].isna().tolist() == [False, True]
    shared = sum_funding(register, by="year", shared="by_area", method="planar").query("status == 'planned'")
    assert dict(zip(shared["year"], shared["amount"], strict=True)) == pytest.approx(
        {2022: 300_000, 2023: 100_000, 2024: 300_000}
    )
    assert shared["per_ha"].tolist() == pytest.approx([150_000, 100_000, 100_000])
    assert not shared["spans"].any()


def test_money_of_a_year_that_is_written_in_two_ways_is_one_sum(register):
    mixed = register.assign(year=["2022", 2022, 2023, "2023"])
    table = sum_funding(mixed, by="year").query("status == 'planned'")
    assert table[["year", "amount"]].to_numpy().tolist() == [[2022, 300_000], [2023, 400_000]]


def test_a_year_of_money_that_is_none_is_named_by_the_label_of_its_row(register):
    wrong = register.assign(year=[2022, "soon", 2023, 2023]).set_axis(["ra", "rb", "rc", "rd"])
    with pytest.raises(SchemaError, match="no years: rows rb"):
        sum_funding(wrong, by="year")


def test_numbers_for_ids_stay_numbers_and_meet_text_of_another_table(tmp_path):
    two = projects((0, 0, 100, 100), (200, 0, 300, 100), project_id=[7, 8])
    (tmp_path / "money.csv").write_text("项目编号,计划投资_元\n7,100\n", encoding="utf-8")
    table = sum_funding(two, read_funding(tmp_path / "money.csv"))
    assert table["project_id"].tolist() == [7, 8]
    assert table["amount"].tolist() == pytest.approx([100, np.nan], nan_ok=True)


def test_currencies_are_never_added():
    mixed = projects((0, 0, 100, 100), (200, 0, 300, 100), project_id=["P1", "P2"], planned_funds=[1e5, 2e4])
    mixed["currency"] = ["CNY", "USD"]
    table = sum_funding(mixed, by="total")
    assert table[["currency", "amount"]].to_numpy().tolist() == [["CNY", 100_000], ["USD", 20_000]]
    assert table["projects_without"].tolist() == [1, 1]


def money(*rows):
    return pd.DataFrame(rows, columns=["project_id", "funding_source", "status", "amount", "currency"])


def test_a_total_beside_its_sources_is_not_added_to_them():
    one = projects((0, 0, 100, 100), project_id="P1")
    paid = money(
        ("P1", None, "planned", 100.0, "CNY"), ("P1", "central", "planned", 60.0, "CNY"),
        ("P1", "local", "planned", 30.0, "CNY"),
    )  # fmt: skip
    assert sum_funding(one, paid, by="total")["amount"].tolist() == [100]
    by_source = sum_funding(one, paid, by="funding_source")
    amounts = zip(by_source["funding_source"], by_source["amount"], strict=True)
    named = {name if isinstance(name, str) else None: amount for name, amount in amounts}
    assert named == {"central": 60, "local": 30, None: 10}
    assert check_funding(one, paid)["finding"].tolist() == ["sources fall short of the total planned"]
    with pytest.raises(SchemaError, match="sources come to more than the total"):
        sum_funding(one, pd.concat([paid, money(("P1", "bank", "planned", 20.0, "CNY"))]))


def test_money_of_projects_that_are_not_there_is_refused(register):
    with pytest.raises(SchemaError, match="does not have: P9"):
        sum_funding(register, money(("P9", None, "paid", 1.0, "CNY")))
    with pytest.raises(SchemaError, match="not guessed"):
        sum_funding(register, money(("P1", None, "guessed", 1.0, "CNY")))
    with pytest.raises(SchemaError, match="no such column"):
        sum_funding(register, by="colour")
    for option in ("per", "shared"):
        with pytest.raises(InputError, match=f"{option} 'moon'"):
            sum_funding(register, **{option: "moon"})
    with pytest.raises(InputError, match="needs the geometry"):
        sum_funding(pd.DataFrame(register.drop(columns="geometry")), by="year", shared="by_area")


def test_money_that_cannot_be_is_found():
    frame = pd.DataFrame(
        {
            "project_id": ["P1", "P2", "P3"], "planned_funds": [100.0, 100.0, np.nan],
            "paid_funds": [120.0, 80.0, np.nan], "audited_funds": [120.0, 90.0, np.nan],
        }
    )  # fmt: skip
    found = check_funding(frame)
    assert found[["project_id", "finding"]].to_numpy().tolist() == [
        ["P1", "more paid than planned"],
        ["P2", "more audited than paid"],
        ["P1", "more audited than planned"],
        ["P3", "no money is stated"],
    ]
    assert len(check_funding(frame.iloc[:0])) == 0
    two = money(("P1", None, "planned", 1.0, "CNY"), ("P1", None, "planned", 1.0, "USD"))
    assert "several currencies" in check_funding(frame.iloc[:1], two)["finding"][0]


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from("AB"), st.integers(2020, 2022)), min_size=1, max_size=10))
@settings(max_examples=25, deadline=None)
def test_every_yuan_is_in_one_group_in_any_order(drawn):
    frame = projects(
        *[(i * 100, 0, i * 100 + 50, 100) for i in range(len(drawn))],
        project_id=[f"P{number}" for number, _, _ in drawn],
        programme=[programme for _, programme, _ in drawn],
        year=[year for _, _, year in drawn],
        planned_funds=[1000.0 + number for number, _, _ in drawn],
    )
    whole = sum(1000.0 + number for number in {number for number, _, _ in drawn})
    for shared in ("apart", "by_area"):
        for turned in (frame, frame.iloc[::-1]):
            table = sum_funding(turned, by=["programme", "year"], shared=shared, method="planar")
            assert table["amount"].sum() == pytest.approx(whole)


def test_a_patch_with_money_of_its_own_is_no_total_of_the_others():
    patches = pd.DataFrame(
        {"project_id": "P1", "planned_funds": [100.0, 50.0, 30.0], "funding_source": [None, None, "中央财政"]}
    )
    assert sum_funding(patches, by="total", amounts_of="patch")["amount"].tolist() == [180.0]


def test_sources_are_taken_off_several_totals_once():
    money = pd.DataFrame(
        {
            "project_id": "P1",
            "funding_source": [None, None, "中央财政"],
            "status": "planned",
            "amount": [100.0, 50.0, 30.0],
            "currency": "CNY",
        }
    )
    projects = pd.DataFrame({"project_id": ["P1"]})
    assert sum_funding(projects, money, by="total")["amount"].tolist() == [150.0]
    with pytest.raises(SchemaError, match="row 2: currency is missing"):
        sum_funding(projects, money.assign(currency=["CNY", "CNY", None]))


def test_money_that_is_no_number_or_of_no_currency_is_refused():
    projects = pd.DataFrame({"project_id": ["P1", "P2"], "planned_funds": ["3", "many"]})
    with pytest.raises(SchemaError, match="row 1: planned_funds 'many' is not a number"):
        sum_funding(projects)
    with pytest.raises(SchemaError, match="row 1: currency is missing"):
        sum_funding(projects.assign(planned_funds=[3.0, 4.0], currency=["USD", None]))


def test_a_column_of_money_that_is_not_read_is_named():
    table = pd.DataFrame({"项目编号": ["P1"], "计划投资_万元": [3.0], "中央财政_万元": [2.0]})
    with pytest.warns(FormatWarning, match="left out 中央财政_万元, since 计划投资_万元 hold"):
        assert read_funding(table)["amount"].tolist() == [30_000.0]


def test_ids_and_currencies_of_a_workbook_lose_what_reading_added():
    table = pd.DataFrame({"project_id": [1.0, 2.0], "planned_funds": [3.0, 4.0], "currency": [np.nan, "usd"]})
    found = read_funding(table)
    assert found["project_id"].tolist() == ["1", "2"]
    assert found["currency"].tolist() == ["CNY", "USD"]
