"""Every result table against the one file that says what its columns are, so that neither can drift."""

import geopandas as gpd
import pandas as pd
import pytest

from ecozones.schema import table
from ecozones.siting import check_sites
from ecozones.testing import chessboard_plan, square
from ecozones.vocab import verdict_dtype

KINDS = {"text": "OU", "number": "f", "integer": "i"}


@pytest.fixture(scope="module")
def review():
    plan = chessboard_plan(red_line={"a1": "core"}, farmland=["b1"], urban=["b1", "c3"])
    return check_sites(square("a1", "b1", "c3", "j1", size_m=1_200), plan, on="2026-06-01")


@pytest.mark.parametrize("name", ["verdicts", "lines", "findings", "balance"])
def test_a_result_has_just_the_columns_that_are_written_down(review, name):
    found = getattr(review, name)
    columns = [column for column in found.columns if column != "geometry"]
    assert columns == [column.id for column in table(f"review.{name}").columns]
    assert isinstance(found, gpd.GeoDataFrame) == (name in {"verdicts", "findings"})


@pytest.mark.parametrize("name", ["verdicts", "lines", "findings", "balance"])
def test_columns_hold_what_their_kind_says(review, name):
    found = pd.DataFrame(getattr(review, name))
    for column in table(f"review.{name}").columns:
        values = found[column.id]
        if column.id == "verdict":
            assert values.dtype == verdict_dtype()
        elif column.kind == "text":
            assert not pd.api.types.is_numeric_dtype(values), column.id
        else:
            assert values.dtype.kind == KINDS[column.kind], column.id


@pytest.mark.parametrize("name", ["verdicts", "lines", "findings", "balance"])
def test_units_end_the_names_of_measures(name):
    for column in table(f"review.{name}").columns:
        if column.unit:
            assert column.id.endswith(f"_{column.unit}")


@pytest.mark.parametrize(
    "name",
    ["sites", "projects", "review.verdicts", "review.lines", "review.findings", "review.balance", "review.refused"],
)
def test_every_column_has_both_labels(name):
    for column in table(name).columns:
        assert column.zh
        assert column.en
