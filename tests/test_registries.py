"""Fields for other registries: a mapping, no compliance."""

import numpy as np
import pandas as pd
import pytest

from ecozones import read_projects
from ecozones.errors import InputError
from ecozones.restoration import registries
from ecozones.schema import table
from ecozones.testing import chessboard


def test_export_maps_fields_and_names_what_is_missing():
    projects = chessboard(1).assign(project_id="P1", type="mine_restoration", stage="accepted", ecosystem="forest")
    table = registries.export_projects(projects, scheme="gbf_target_2")
    assert table.crs.to_epsg() == 4326
    assert table.loc[0, ["id", "restoration_type", "status"]].tolist() == ["P1", "mine_restoration", "accepted"]
    assert table["area_ha"].item() == pytest.approx(100, rel=1e-6)
    assert table["missing"].item() == "baseline_degraded, start_date"
    assert 110 < table.geometry.item().centroid.x < 120


def test_a_register_as_it_was_read_fills_the_fields():
    given = chessboard(1).assign(
        项目编号="P1", 修复类型="矿山生态修复", 项目阶段="验收合格", 生态系统类型="forest", 基线是否退化="是",
        开工日期="2023-03-01",
        总投资_万元=[120.0], 资金来源="中央财政", 责任单位="自然资源局",
    )  # fmt: skip
    row = registries.export_projects(read_projects(given), scheme="gbf_target_2").iloc[0]
    assert row["missing"] == ""
    assert row[["funding_amount", "funding_currency", "funding_source"]].tolist() == [1_200_000, "CNY", "中央财政"]
    assert row["start_date"] == pd.Timestamp("2023-03-01")
    assert row[["baseline_degraded", "responsible_body"]].tolist() == [True, "自然资源局"]
    assert row["area_source"] == "measured on the ellipsoid, national"


def test_every_field_comes_from_a_column_that_a_register_can_have():
    known = {column.id for column in table("projects").columns} | {"area_ha", "area_source", "geometry"}
    for scheme in ("gbf_target_2", "ferm"):
        assert set(registries.export_mapping(scheme)["column"]) <= known


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


def test_ground_of_no_ecosystem_is_listed_and_stays_out_of_the_total():
    restored = pd.DataFrame({"ecosystem": ["forest", None], "footprint_ha": [30.0, 10.0]})
    table = registries.share_under_restoration(restored, {"forest": 100})
    assert table["footprint_ha"].tolist() == [30.0, 10.0, 30.0]
    assert table["share"].tolist() == pytest.approx([0.3, np.nan, 0.3], nan_ok=True)
