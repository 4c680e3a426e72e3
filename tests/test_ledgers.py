"""Ledgers of land: balances that may not go below zero, and rules of five per cent."""

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from ecozones import ledgers
from ecozones.errors import SchemaError


def book(*entries):
    return ledgers.mining_land_ledger(pd.DataFrame(entries, columns=["entry_id", "kind", "area_ha", "on"]))


def test_reclaimed_land_counts_when_it_is_accepted():
    kept = book(("a", "reclaimed", 10, "2024-01-01"), ("b", "reclaimed", 5, None), ("c", "new", 12, "2024-03-01"))
    kept = kept.set_index("entry_id")
    assert kept["booked"].to_dict() == {"a": True, "b": False, "c": False}
    assert kept["balance_ha"]["c"] == 10
    assert kept["reason"]["b"] == "not accepted yet"
    assert kept["reason"]["c"].startswith("refused: 12 ha asked, 10 ha")


def test_a_credit_of_the_same_day_comes_first():
    kept = book(("a", "new", 10, "2024-01-01"), ("b", "reclaimed", 10, "2024-01-01"))
    assert kept["entry_id"].tolist() == ["b", "a"]
    assert kept["balance_ha"].tolist() == [10, 0]


def test_quotas_do_not_cross_a_province():
    entries = pd.DataFrame(
        {
            "entry_id": ["a", "b"],
            "kind": ["reclaimed", "new"],
            "area_ha": [10, 5],
            "on": "2024-01-01",
            "account": ["X", "Y"],
        }
    )
    assert ledgers.mining_land_ledger(entries).set_index("entry_id")["booked"].to_dict() == {"a": True, "b": False}


@given(
    st.lists(
        st.tuples(st.sampled_from(["reclaimed", "new"]), st.integers(0, 1000), st.integers(1, 28), st.booleans()),
        max_size=25,
    )
)
def test_no_balance_ever_goes_below_zero_and_every_hectare_is_booked_once(drawn):
    entries = [
        (f"e{i}", kind, area / 7, f"2024-01-{day:02}" if dated else None)
        for i, (kind, area, day, dated) in enumerate(drawn)
    ]
    kept = book(*entries)
    assert len(kept) == len(entries)
    assert (kept["balance_ha"] >= 0).all()
    if len(kept):
        assert kept["balance_ha"].iloc[-1] == pytest.approx(kept["booked_ha"].sum(), abs=1e-6)
    order = book(*reversed(entries))
    assert kept["booked_ha"].sum() == pytest.approx(order["booked_ha"].sum())


def test_entries_that_mean_nothing_are_refused_together():
    with pytest.raises(SchemaError, match="3 problems") as caught:
        book(("a", "gift", 1, None), ("b", "new", -1, None), ("b", "new", 1, None))
    assert len(caught.value.problems) == 3


def test_an_entry_without_an_account_or_with_a_day_that_is_none_is_refused():
    entries = pd.DataFrame({"entry_id": ["a", "b"], "kind": "reclaimed", "area_ha": 1.0, "on": ["2024-01-01", "soon"]})
    with pytest.raises(SchemaError, match=r"row 1: on 'soon' is no day"):
        ledgers.mining_land_ledger(entries)
    with pytest.raises(SchemaError, match=r"row 1: account is missing"):
        ledgers.mining_land_ledger(entries.assign(on="2024-01-01", account=["X", None]))


@pytest.mark.parametrize("area", [None, -1.0])
def test_occupied_land_of_no_area_balances_nothing(area):
    entries = pd.DataFrame({"kind": ["supplemented", "occupied"], "area_ha": [5.0, area], "accepted": True})
    with pytest.raises(SchemaError, match="missing or negative: rows 1"):
        ledgers.farmland_balance(entries)


def test_entries_of_no_county_are_a_group_of_their_own():
    entries = pd.DataFrame({"kind": "occupied", "area_ha": [5.0, 3.0], "county": ["A", None]})
    table = ledgers.farmland_balance(entries, by="county")
    assert table["occupied_ha"].tolist() == [5.0, 3.0]
    assert table["county"].isna().tolist() == [False, True]
    assert table["status"].tolist() == ["memory", "memory"]
    with pytest.raises(SchemaError, match="no column 'town'"):
        ledgers.farmland_balance(entries, by="town")


def test_land_is_supplemented_when_it_is_accepted():
    entries = pd.DataFrame(
        {
            "county": ["A", "A", "A", "B"],
            "kind": ["supplemented", "supplemented", "occupied", "occupied"],
            "area_ha": [10.0, 5, 8, 1],
            "accepted": [True, False, None, None],
            "quality": [0.7, None, None, None],
        }
    )
    table = ledgers.farmland_balance(entries, by="county").set_index("county")
    assert table.loc["A", ["supplemented_ha", "not_accepted_ha", "occupied_ha", "net_ha"]].tolist() == [10, 5, 8, 2]
    assert table.loc["A", "weighted_net_ha"] == pytest.approx(-1)  # ten hectares of poor ground are worth seven
    assert table["balanced"].to_dict() == {"A": False, "B": False}
    assert table["next_cap_ha"].to_dict() == {"A": 0, "B": 0}


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, [True, True, True]),
        ({"new_cultivated_ha": 49}, [False, True, True]),
        ({"new_farmland_ha": 1.9}, [True, False, True]),
        ({"adjusted_ha": 41, "new_farmland_ha": 3}, [True, True, False]),
        ({"adjusted_ha": 0}, [True, pd.NA, True]),
    ],
)
def test_consolidation_keeps_three_rules_of_five_per_cent(changes, holds):
    town = {
        "township": "A",
        "cultivated_ha": 1000,
        "new_cultivated_ha": 50,
        "farmland_ha": 800,
        "adjusted_ha": 40,
        "new_farmland_ha": 2,
    }
    assert ledgers.check_consolidation(pd.DataFrame([town | changes]))["holds"].tolist() == holds


def test_points_for_protected_farmland_follow_the_rule_not_the_claim():
    # oracle `farmland_check_zhejiang_2018`: the file claims 2.5 where its own rule gives 2
    assert ledgers.score_farmland_duty(2398, 2304.8, 94.7) == 2
    assert pytest.approx(0.9611, abs=5e-5) == 2304.8 / 2398
    assert pytest.approx(1.0006, abs=5e-5) == (2304.8 + 94.7) / 2398
    assert ledgers.score_farmland_duty(2398, 2398) == 3
    assert ledgers.score_farmland_duty(2398, 2300, 90) == 0


def test_land_per_gdp():
    # oracle `gdp_land_decline` (computed)
    assert ledgers.land_per_gdp_decline(1000, 500, 1050, 750) == pytest.approx(0.3)
    assert np.isnan(ledgers.land_per_gdp_decline(1000, 0, 1050, 750))


@pytest.mark.parametrize(
    ("unsupplied", "idle", "change"),
    [(15, 10, 0.10), (14, 10, -0.20), (15, 0, -0.20), (None, 10, np.nan), (None, 0, -0.20)],
)
def test_stock_land_moves_the_next_quota(unsupplied, idle, change):
    row = {"place": "A", "unsupplied_ha": 100, "unsupplied_disposed_ha": unsupplied, "unsupplied_task": 0.15}
    row |= {"idle_ha": 50, "idle_disposed_ha": idle, "idle_task": 0.15}
    found = ledgers.next_quota(pd.DataFrame([row]))["quota_change"].item()
    assert found == pytest.approx(change, nan_ok=True)


def test_the_farmland_of_a_year_that_is_written_in_two_ways_is_one_balance():
    years = pd.Series(["2024", 2024], dtype=object)
    entries = pd.DataFrame(
        {"kind": ["supplemented", "occupied"], "area_ha": [12.0, 10.0], "accepted": True, "year": years}
    )
    assert ledgers.farmland_balance(entries, by="year")[["year", "net_ha"]].to_numpy().tolist() == [[2024, 2.0]]
