"""Stated areas: official sums, units, and those that are more often a mistranslation."""

import numpy as np
import pandas as pd
import pytest

from ecozones import amounts
from ecozones.errors import SchemaError
from ecozones.restoration import stages


def hectares(value, unit):
    return amounts.convert_areas(pd.Series([value]), unit)["area_ha"].item()


def test_methods_of_the_greening_bulletin_2022_sum_and_programmes_are_not_added_to_them():
    # 2022 greening bulletin, 10,000 ha: methods are one split of the total, the Three-North programme a part of it
    methods = {"planted": 120, "aerial": 17, "enclosed": 104, "repaired": 142}
    assert sum(methods.values()) == 383
    assert pytest.approx(321.4) == 120.4 + 201
    assert hectares(383, "万公顷") == 3_830_000
    three_north = 84.79
    assert three_north < 383 < 383 + three_north == pytest.approx(467.79)


@pytest.mark.parametrize(("wan_ha", "wan_mu"), [(399.8, 5997), (437.9, 6568.5), (190.5, 2857.5)])
def test_the_greening_bulletin_2023_states_the_same_area_in_two_units(wan_ha, wan_mu):
    assert hectares(wan_ha, "万公顷") == pytest.approx(hectares(wan_mu, "万亩"), rel=1e-12)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (1, "亩", 1 / 15),
        (15, "mu", 1),
        (1, "万亩", 666.6666667),
        (1, "km2", 100),
        (1, "平方公里", 100),
        (1, "公顷", 1),
        (1, "hm2", 1),
        (1, "万平方公里", 1e6),
        (10_000, "㎡", 1),
    ],
)
def test_units_become_hectares(value, unit, expected):
    assert hectares(value, unit) == pytest.approx(expected)


def test_acres_are_flagged_because_they_may_be_mu():
    # document yubei: "about 5600 acres" of forest a year
    row = amounts.convert_areas(pd.Series([5600]), "acres").iloc[0]
    assert (row.area_ha, row.if_doubt_ha) == (pytest.approx(2266.24, abs=0.005), pytest.approx(373.33, abs=0.005))
    assert "亩" in row.doubt
    assert row.area_ha / row.if_doubt_ha == pytest.approx(6.07, abs=0.005)
    assert amounts.convert_areas(pd.Series([1.0]), "mu")["doubt"].item() == ""


def test_the_stated_number_and_unit_are_kept():
    table = amounts.convert_areas(pd.Series([390, 2], index=["a", "b"]), pd.Series(["亩", "km2"], index=["a", "b"]))
    assert table.loc["a", ["stated", "stated_unit"]].tolist() == [390, "亩"]
    assert table["area_ha"].to_dict() == pytest.approx({"a": 26, "b": 200})


def test_unknown_units_are_refused():
    with pytest.raises(SchemaError, match="furlong"):
        hectares(1, "furlong")


def test_every_stage_states_its_own_number_of_the_same_hectares():
    frame = pd.DataFrame(
        {
            "project_id": ["P1", "P2", "P3"], "programme": ["N", "N", "S"], "planned_ha": [10.0, 10, 10],
            "reported_ha": [10.0, 8, None], "verified_ha": [5.0, None, None], "mapped_ha": [10.0, 8, 10],
            "reported_on": ["2023-11-01", "2023-10-01", None], "activity_ha": [9.0, 8.0, 10.0],
        }
    )  # fmt: skip
    table = stages.stage_areas(frame).set_index("stage")
    assert table["area_ha"].to_dict() == {"planned": 30, "reported": 18, "verified": 5, "mapped": 28}
    assert table["area_mu"]["reported"] == 270
    assert table["silent"].to_dict() == {"planned": 0, "reported": 1, "verified": 2, "mapped": 0}
    assert table["measured_ha"].to_dict() == {"planned": 27, "reported": 17, "verified": 9, "mapped": 27}
    assert table.loc["reported", ["first_on", "last_on"]].tolist() == [
        pd.Timestamp("2023-10-01"), pd.Timestamp("2023-11-01"),
    ]  # fmt: skip
    south = stages.stage_areas(frame, by="programme").query("programme == 'S'").set_index("stage")["area_ha"]
    assert np.isnan(south["verified"])
    assert len(stages.stage_areas(frame.iloc[:0])) == 0
