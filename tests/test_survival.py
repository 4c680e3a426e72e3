"""Survival and preservation against the bars of an edition."""

import pandas as pd
import pytest

from ecozones.errors import InputError, SchemaError
from ecozones.restoration.survival import judge_survival, survival_thresholds


@pytest.mark.parametrize(
    ("survival", "rain", "irrigated", "outcome"),
    [
        (0.85, 600, None, "qualified"),
        (0.84, 600, None, "replant"),
        (0.41, 600, None, "replant"),
        (0.40, 600, None, "failed"),
        (0.70, 399, None, "qualified"),
        (0.69, 399, None, "replant"),
        (0.80, 300, True, "replant"),
        (0.85, 400, None, "qualified"),
        (0.90, None, None, "undetermined"),
        (None, 600, None, "undetermined"),
    ],
)
def test_survival_is_judged_by_the_rain(survival, rain, irrigated, outcome):
    planted = pd.DataFrame({"project_id": ["P"], "survival": [survival], "rain_mm": [rain], "irrigated": [irrigated]})
    judged = judge_survival(planted, edition="2016 (unverified)")
    assert judged["survival_outcome"].tolist() == [outcome]
    assert judged["edition"].tolist() == ["2016 (unverified)"]


def test_preservation_is_a_share_of_the_verified_area():
    standing = pd.DataFrame(
        {
            "project_id": list("abc"),
            "preserved_ha": [8.0, 7.9, 5],
            "verified_ha": [10.0, 10, 0],
            "rain_mm": [500, 500, 500],
        }
    )
    judged = judge_survival(standing, edition="2016 (unverified)")
    assert judged["preservation_outcome"].tolist() == ["preserved", "not_preserved", "undetermined"]


def test_every_bar_says_how_sure_it_is_and_none_claims_to_be_verified():
    bars = survival_thresholds("2016 (unverified)")
    assert set(bars["status"]) <= {"partial", "memory"}
    assert set(bars["kind"]) == {"survival", "preservation"}


def test_an_edition_must_be_one_whose_numbers_are_known():
    with pytest.raises(InputError, match="could not be obtained"):
        survival_thresholds("2023")
    with pytest.raises(InputError, match="known are"):
        survival_thresholds("1999")


def test_bars_of_the_callers_own_are_used():
    bars = survival_thresholds("2016 (unverified)").assign(qualified=0.5, status="verified")
    planted = pd.DataFrame({"project_id": ["P"], "survival": [0.6], "rain_mm": [600]})
    judged = judge_survival(planted, edition=bars)
    assert judged[["survival_outcome", "edition", "status"]].to_numpy().tolist() == [
        ["qualified", "given by the caller", "verified"]
    ]


def test_a_percentage_for_a_share_is_refused():
    with pytest.raises(SchemaError, match="share between 0 and 1"):
        judge_survival(pd.DataFrame({"project_id": ["P"], "survival": [85]}), edition="Hebei 2008")


def test_bars_need_no_mark_of_failure_and_name_what_they_lack():
    planted = pd.DataFrame({"project_id": ["P", "Q"], "survival": [0.6, 0.4], "rain_mm": 600})
    bars = pd.DataFrame({"kind": ["survival"], "zone": ["humid"], "qualified": [0.5]})
    assert judge_survival(planted, edition=bars)["survival_outcome"].tolist() == ["qualified", "not_qualified"]
    with pytest.raises(SchemaError, match="no columns zone"):
        judge_survival(planted, edition=bars.drop(columns="zone"))
