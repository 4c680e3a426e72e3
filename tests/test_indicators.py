"""Indicators of plans: every row says how sure it is, and targets can be written with them."""

import pandas as pd
import pytest

from ecozones.errors import SchemaError
from ecozones.targets import roll_up, track_targets
from ecozones.targets.indicators import plan_indicators


def test_thirty_five_of_cities_and_four_more_none_of_them_verified():
    table = plan_indicators()
    assert [code[0] for code in table.index] == ["P"] * 35 + ["Q"] * 4
    assert table.index.is_unique
    assert table["zh"].is_unique
    assert set(table["attribute"]) == {"约束性", "预期性", "建议性", "监测"}
    assert set(table["direction"]) == {">=", "<=", "="}
    assert set(table["status"]) == {"partial", "memory"}
    assert (table.loc[table["status"] == "partial", "note"] != "").all()


def test_bottom_lines_of_the_reply_on_jiangxi_point_the_way_it_says():
    # State Council reply on the plan of Jiangxi to 2035 (oracle `jiangxi_2035`)
    table = plan_indicators().set_index("en")
    said = {
        "permanent basic farmland area": ">=", "cultivated land retained": ">=", "ecological red line area": ">=",
        "urban boundary expansion multiple": "<=", "decline of construction land per GDP": ">=",
        "total water use": "<=",
    }  # fmt: skip
    assert table.loc[list(said), "direction"].to_dict() == said
    assert (table.loc[list(said), "attribute"] == "约束性").all()


def test_a_target_written_with_an_indicator_is_judged_by_it():
    row = plan_indicators().loc["P02"]
    goal = pd.DataFrame(
        {
            "indicator": [row["en"]], "value": [262.3], "unit": [row["unit"]], "comparator": [row["direction"]],
            "attribute": [row["attribute"]], "year": [2025],
        }
    )  # fmt: skip
    seen = pd.DataFrame({"indicator": row["en"], "year": [2025], "value": [262.4]})
    assert track_targets(goal.assign(tolerance=0.0), seen)["verdict"].tolist() == ["breached"]
    assert track_targets(goal, seen.assign(value=262.3))["verdict"].tolist() == ["met"]


def test_what_is_not_additive_is_never_summed():
    table = plan_indicators()
    for unit in table.loc[~table["additive"], "unit"].unique():
        if "%" in unit or "/" in unit:
            parts = pd.DataFrame({"district": ["A", "B"], "indicator": "x", "unit": unit, "value": [1, 2]})
            with pytest.raises(SchemaError, match="cannot be summed"):
                roll_up(parts)
    assert table.loc[table["additive"], "unit"].str.contains("%").sum() == 0
