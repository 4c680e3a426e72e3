"""Areas of layers in files: the numbers of one call on a frame, whatever the fragments, and every row accounted for."""

import math

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecozones import measure_area
from ecozones.errors import EngineError, InputError, MissingCRSError, RepairWarning, SchemaError
from ecozones.large.areas import measure_area_in
from ecozones.large.preparing import prepare
from ecozones.large.sums import add_up, sum_by
from ecozones.streams import open_stream
from ecozones.testing import chessboard

CRS = "EPSG:4548"
N = 41


def parcels(rows=N):
    rng = np.random.default_rng(11)
    x, y = 480_000 + rng.uniform(0, 40_000, rows), 3_300_000 + rng.uniform(0, 40_000, rows)
    shapes = shapely.buffer(shapely.points(x, y), rng.uniform(5, 900, rows), quad_segs=3)
    columns = {
        "BSM": [f"{i:018d}" for i in range(rows)],
        "county": [None if i % 9 == 0 else ("吴江", "昆山/巴城")[i % 2] for i in range(rows)],
        "year": [2020 + i % 3 for i in range(rows)],
    }
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS)


@pytest.mark.parametrize("kind", ["parquet", "gpkg", "shp", "fgb", "gdb"])
@pytest.mark.parametrize(("unit", "method"), [("m2", "national"), ("mu", "geodesic")])
def test_areas_of_a_file_are_those_of_the_frame(tmp_path, kind, unit, method):
    path = tmp_path / f"parcels.{kind}"
    frame = parcels()
    frame = frame.astype({"year": np.int32})
    match kind:
        case "parquet":
            frame.to_parquet(path)
        case "gdb":
            frame.to_file(path, driver="OpenFileGDB")
        case "shp":
            frame.to_file(path, encoding="UTF-8")
        case _:
            frame.to_file(path)
    run = measure_area_in(path, tmp_path / "out", unit=unit, method=method, engine=1, rows=13)
    stream = open_stream(path)
    whole = stream.read(0, N)
    expected = measure_area(whole, unit=unit, method=method)
    table = run.table("areas")
    assert table["row"].tolist() == list(range(N))
    assert table["BSM"].tolist() == whole["BSM"].tolist()
    assert table[f"area_{unit}"].tolist() == expected.tolist()
    assert run.totals()[f"area_{unit}"].tolist() == [math.fsum(expected)]
    assert (run.rows_in, run.rows_done, run.rows_refused) == (N, N, 0)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**16), rows=st.integers(1, N + 3), rounded=st.booleans())
def test_any_order_and_fragment_size_give_the_same_numbers(tmp_path_factory, seed, rows, rounded):
    folder = tmp_path_factory.mktemp("areas")
    frame = parcels()
    shuffled = frame.iloc[np.random.default_rng(seed).permutation(N)]
    shuffled.to_parquet(folder / "a.parquet", row_group_size=7)
    run = measure_area_in(
        folder / "a.parquet", folder / "out", by=["county", "year"], rounded=rounded, engine=1, rows=rows
    )
    areas = measure_area(frame, rounded=rounded)
    table = run.table("areas").sort_values("BSM")
    assert table["area_m2"].tolist() == areas.tolist()
    groups = frame.assign(area=areas).groupby(["county", "year"], dropna=False, sort=True)["area"]
    totals = run.totals()
    assert totals["area_m2"].tolist() == groups.agg(math.fsum).tolist()
    assert totals["rows"].tolist() == groups.size().tolist()
    assert totals["county"].fillna("").tolist() == [key[0] if isinstance(key[0], str) else "" for key, _ in groups]


@given(st.lists(st.floats(-1e12, 1e12), max_size=40), st.integers(1, 41))
def test_sums_in_parts_are_the_sum_rounded_once(values, size):
    parts = [
        sum_by(pd.DataFrame({"v": np.array(values[i : i + size], dtype=float)}), [], "v")
        for i in range(0, max(len(values), 1), size)
    ]
    total = add_up(pd.concat(parts), [], "v")
    assert total["v"].tolist() == [math.fsum(values)]
    assert total["_rows"].tolist() == [len(values)]


def test_rows_that_cannot_be_measured_are_put_aside_with_the_reason(tmp_path):
    frame = parcels()
    frame.loc[3, "geometry"] = None
    frame.loc[8, "geometry"] = shapely.Point(480_000, 3_300_000)
    frame.loc[9, "geometry"] = shapely.Polygon([(0, 0), (1, np.inf), (1, 1)])
    frame.loc[20, "geometry"] = shapely.LineString([(480_000, 3_300_000), (480_100, 3_300_000)])
    frame.loc[21, "geometry"] = shapely.Polygon()
    frame.to_parquet(tmp_path / "a.parquet")
    run = measure_area_in(tmp_path / "a.parquet", tmp_path / "out", engine=1, rows=10)
    refused = run.table("refused")
    assert refused["row"].tolist() == [3, 8, 9, 20]
    assert [
        word in reason for word, reason in zip(("no", "olygon", "number", "olygon"), refused["reason"], strict=True)
    ] == [True] * 4
    assert (run.rows_in, run.rows_done, run.rows_refused) == (N, N - 4, 4)
    rest = frame.drop(index=[3, 8, 9, 20])
    assert run.table("areas")["area_m2"].tolist() == measure_area(rest).tolist()
    assert run.summary()[["rows_in", "rows_done", "rows_refused"]].sum().tolist() == [N, N - 4, 4]


def test_parts_in_folders_by_county(tmp_path):
    parcels().to_parquet(tmp_path / "a.parquet")
    out = tmp_path / "out"
    run = measure_area_in(tmp_path / "a.parquet", out, partition_by="county", engine=1, rows=10)
    folders = sorted(path.name for path in (out / "areas").iterdir())
    assert folders == ["county=__HIVE_DEFAULT_PARTITION__", "county=吴江", "county=昆山%2F巴城"]
    tables = {
        folder: pd.concat(pd.read_parquet(part) for part in (out / "areas" / folder).iterdir()) for folder in folders
    }
    assert sum(map(len, tables.values())) == N
    assert set(tables["county=吴江"]["row"]) == set(parcels().index[parcels()["county"] == "吴江"])
    again = measure_area_in(tmp_path / "a.parquet", out, partition_by="county", engine=1, rows=10)
    assert again.resumed == again.fragments == run.fragments
    whole = measure_area_in(tmp_path / "a.parquet", out, partition_by="county", engine=1, rows=50)
    assert whole.table("areas").sort_values("row")["area_m2"].tolist() == measure_area(parcels()).tolist()
    assert sorted(whole.table("areas")["county"].dropna().unique()) == ["吴江", "昆山/巴城"]


def test_an_empty_layer_is_measured(tmp_path):
    parcels().iloc[:0].to_parquet(tmp_path / "a.parquet")
    run = measure_area_in(tmp_path / "a.parquet", tmp_path / "out")
    assert (run.rows_in, run.rows_done, run.rows_refused) == (0, 0, 0)
    assert run.table("areas").columns.tolist() == ["row", "BSM", "area_m2"]
    assert run.totals()[["rows", "area_m2"]].iloc[0].tolist() == [0, 0]


def test_a_parcel_off_the_map_is_put_aside_and_the_others_are_measured(tmp_path):
    frame = parcels()
    frame.loc[7, "geometry"] = shapely.box(0, 0, 10, 10)
    frame.to_parquet(tmp_path / "a.parquet")
    run = measure_area_in(tmp_path / "a.parquet", tmp_path / "out", engine=1, rows=13)
    assert run.table("refused")["row"].tolist() == [7]
    assert "degrees" in run.table("refused")["reason"][0]
    assert run.table("areas")["area_m2"].tolist() == measure_area(frame.drop(index=7)).tolist()
    assert (run.rows_in, run.rows_done, run.rows_refused) == (len(frame), len(frame) - 1, 1)
    assert run.summary()[["rows_in", "rows_done", "rows_refused"]].sum().tolist() == [len(frame), len(frame) - 1, 1]


def test_what_cannot_be_measured_is_refused_before_it_starts(tmp_path):
    path = tmp_path / "a.parquet"
    parcels().set_crs(None, allow_override=True).to_parquet(path)
    with pytest.raises(MissingCRSError, match=r"a\.parquet"):
        measure_area_in(path, tmp_path / "out")
    parcels().to_parquet(path)
    with pytest.raises(SchemaError, match="nowhere"):
        measure_area_in(path, tmp_path / "out", by="nowhere")
    with pytest.raises(InputError, match="acres"):
        measure_area_in(path, tmp_path / "out", unit="acres")
    parcels().assign(geometry=shapely.points(np.full(N, 480_000.0), 3_300_000.0)).to_parquet(path)
    with pytest.raises(EngineError, match="not one"):
        measure_area_in(path, tmp_path / "out", engine=1)


@pytest.mark.parametrize("name", ["row", "rows", "area_m2"])
def test_a_column_called_as_one_of_the_answer_is_refused_by_name(tmp_path, name):
    parcels().assign(**{name: 1}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(SchemaError, match=f"columns {name} are called as those of the answer; rename"):
        measure_area_in(tmp_path / "a.parquet", tmp_path / "out", by=name, engine=1)


def test_a_text_of_no_letters_names_a_folder_and_comes_back(tmp_path):
    frame = parcels().assign(county=["", "a/b", ".."] * (N // 3) + [""] * (N % 3))
    frame.to_parquet(tmp_path / "a.parquet")
    run = measure_area_in(tmp_path / "a.parquet", tmp_path / "out", partition_by="county", engine=1)
    assert run.table("areas").sort_values("row")["county"].tolist() == frame["county"].tolist()


def test_a_prepared_layer_has_the_account_of_the_layer_as_it_lay(tmp_path):
    board = chessboard(3)
    x, y = board.total_bounds[:2]
    board.loc[1, "geometry"] = None
    board.loc[2, "geometry"] = shapely.LineString([(x, y), (x + 50, y + 50)])
    board.loc[5, "geometry"] = shapely.Polygon([(x, y), (x + 100, y + 100), (x + 100, y), (x, y + 100)])
    board.sample(frac=1, random_state=2).sort_index().to_parquet(tmp_path / "board.parquet")
    prepare(tmp_path / "board.parquet", tmp_path / "ready", engine=1)
    with pytest.warns(RepairWarning, match="ready: 1 polygons were mended when it was prepared") as told:
        run = measure_area_in(tmp_path / "ready", tmp_path / "out", partition_by="source_row", engine=1, rows=4)
    assert (run.rows_in, run.rows_done, run.rows_refused) == (9, 7, 2)
    assert sorted(run.table("refused")["row"]) == [1, 2]
    areas = run.table("areas")
    assert sorted(areas["row"]) == [0, 3, 4, 5, 6, 7, 8]
    assert areas.set_index("row")["area_m2"][5] == pytest.approx(5_000, rel=1e-3)
    assert areas["row"].astype(str).tolist() == areas["source_row"].tolist()
    assert {one.filename for one in told} == {__file__}
