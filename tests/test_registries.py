"""Fields for other registries: a mapping, no compliance."""

import numpy as np
import pandas as pd
import pytest

from ecozones import registries
from ecozones.errors import InputError
from ecozones.testing import chessboard


def test_export_maps_fields_and_names_what_is_missing():
    projects = chessboard(1).assign(project_id="P1", type="mine_restoration", stage="accepted", ecosystem="forest")
    table = registries.export_projects(projects, scheme="gbf_target_2")
    assert table.crs.to_epsg() == 4326
    assert table.loc[0, ["id", "restoration_type", "status"]].tolist() == ["P1", "mine_restoration", "accepted"]
    assert table["area_ha"].item() == pytest.approx(100, rel=1e-6)
    assert table["missing"].item() == "baseline_degraded, start_date"
    assert 110 < table.geometry.item().centroid.x < 120


def test_export_claims_nothing():
    for scheme in ("gbf_target_2", "ferm"):
        assert registries.export_mapping(scheme)["note"].str.contains("No claim of compliance").all()
    with pytest.raises(InputError, match="not known"):
        registries.export_mapping("gold_standard")


def test_a_share_under_restoration_needs_its_denominator():
    restored = pd.DataFrame({"ecosystem": ["forest", "wetland"], "footprint_ha": [30.0, 10.0]})
    table = registries.share_under_restoration(restored, {"forest": 100}).set_index("ecosystem")
    assert table["share"]["forest"] == 0.3
    assert np.isnan(table["share"]["wetland"])
    assert table["share"]["total"] == 0.3
