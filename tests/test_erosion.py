"""Soil: official indicators and the classes of the standard."""

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from ecozones.errors import InputError, SchemaError
from ecozones.ledgers import erosion


def test_soil_conservation_of_the_nation_2021():
    # oracle `soil_water_2021_national` (official arithmetic), 10,000 km2
    row = erosion.soil_conservation(
        pd.DataFrame({"land_km2": [960], "erosion_km2": [267.42], "to_treat_km2": [144.5], "unsuitable_km2": [122.92]})
    ).iloc[0]
    assert row["conservation_ratio"] == pytest.approx(0.721437, abs=6e-7)
    assert round(row["conservation_ratio"] * 100) == 72
    assert row["split_error_km2"] == pytest.approx(0, abs=1e-9)
    assert np.isnan(row["treated_share"])


def test_soil_conservation_of_the_northern_tianshan_2000():
    # oracle `csle_2000` (published table): light and above is eroded
    classes = {
        "micro": 11362.58,
        "light": 12054.92,
        "moderate": 2066.71,
        "intense": 864.03,
        "very": 831.61,
        "severe": 846.98,
    }
    counted = erosion.erosion_classes()["eroded"].to_numpy()
    eroded = sum(area for area, lost in zip(classes.values(), counted, strict=True) if lost)
    assert eroded == pytest.approx(16664.26, abs=0.015)
    row = erosion.soil_conservation(pd.DataFrame({"land_km2": [sum(classes.values())], "erosion_km2": [eroded]})).iloc[
        0
    ]
    assert 1 - row["conservation_ratio"] == pytest.approx(0.5946, abs=5e-5)


def test_soil_loss_is_classed_as_the_standard_says():
    # SL 190-2007, by water; oracle `rusle`: 24 t/ha, which is 2400 t/km2, is light
    loss = pd.Series([0, 150, 199.9, 500, 999, 2400, 2500, 4999, 7999, 14_999, 15_001, None])
    found = erosion.classify_erosion(loss, region="northeast_black_soil").astype(object)
    assert found.where(found.notna(), None).tolist() == [
        "micro", "micro", "micro", "light", "light", "light", "moderate", "moderate", "intense", "very_intense",
        "severe", None,
    ]  # fmt: skip
    loess = erosion.classify_erosion(loss, region="northwest_loess")
    assert loess.tolist()[:5] == ["micro"] * 5
    assert erosion.classify_erosion(pd.Series([24.0]) * 100, region="northern_rocky").tolist() == ["light"]
    assert (found.dropna().index == loess.dropna().index).all()
    wind = erosion.classify_erosion(pd.Series([100, 200, 20_000]), by="wind")
    assert wind.tolist() == ["micro", "light", "severe"]
    edges = pd.Series([200.0, 2500, 15_000])
    options = {"region": "northern_rocky"}
    assert erosion.classify_erosion(edges, edge="upper", **options).tolist() == ["micro", "light", "very_intense"]


@given(st.lists(st.floats(0, 50_000), min_size=2, max_size=20), st.sampled_from(["lower", "upper"]))
def test_more_loss_is_never_a_milder_class(losses, edge):
    found = erosion.classify_erosion(pd.Series(sorted(losses)), region="southern_red_soil", edge=edge)
    assert found.cat.codes.is_monotonic_increasing


def test_erosion_needs_its_region_and_a_loss():
    with pytest.raises(InputError, match="say region="):
        erosion.classify_erosion(pd.Series([1.0]))
    with pytest.raises(InputError, match="edge is"):
        erosion.classify_erosion(pd.Series([1.0]), by="wind", edge="middle")
    with pytest.raises(InputError, match="not by 'ice'"):
        erosion.erosion_classes("ice")
    with pytest.raises(SchemaError, match="negative: rows 0"):
        erosion.classify_erosion(pd.Series([-1.0]), by="wind")
    classes = erosion.erosion_classes()
    assert classes["eroded"].tolist() == [False] + [True] * 5
    assert set(classes["status"]) == {"partial"}


def test_soil_conservation_of_heze_2024():
    # oracle `heze_2024` (published)
    row = erosion.soil_conservation(pd.DataFrame({"land_km2": [12273.6], "erosion_km2": [339.98]})).iloc[0]
    assert round(row["conservation_ratio"] * 100, 2) == 97.23
