"""Layers read in stretches: every format gives the rows that reading it whole gives, under the same numbers."""

import pickle
import shutil
import sqlite3

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecozones.errors import FormatWarning, InputError, SchemaError, TextEncodingWarning
from ecozones.sources import Layer, read_layer
from ecozones.streams import DriverStream, ParquetStream, Stream, open_stream

CRS = "EPSG:4548"
N = 53


def frame(rows=N, seed=3):
    rng = np.random.default_rng(seed)
    x, y = 500_000 + rng.uniform(0, 5_000, rows), 3_300_000 + rng.uniform(0, 5_000, rows)
    columns = {
        "code": [f"3205{i:04d}" for i in range(rows)],
        "地类": [None if i % 5 == 0 else ("水田", "旱地", "林地")[i % 3] for i in range(rows)],
        "count": rng.integers(0, 9, rows).astype(np.int32),
        "size": rng.uniform(0, 1, rows),
    }
    return gpd.GeoDataFrame(columns, geometry=shapely.box(x, y, x + 90, y + 60), crs=CRS)


def write(folder, kind, rows=N):
    data = frame(rows)
    path = folder / f"parcels.{kind}"
    match kind:
        case "parquet":
            data.to_parquet(path, row_group_size=7, schema_version="1.1.0", write_covering_bbox=True)
        case "geoparquet":
            data.to_parquet(path)
        case "plain.fgb":
            data.to_file(path, SPATIAL_INDEX="NO")
        case "gdb":
            data.to_file(path, driver="OpenFileGDB", layer="parcels", geometry_type="MultiPolygon")
        case "shp":
            data.to_file(path, encoding="GBK")
            path.with_suffix(".cpg").unlink()
        case "gaps.gpkg":
            path = folder / "gaps.gpkg"
            data.to_file(path, layer="parcels")
            with sqlite3.connect(path) as database:
                # the trigger of the index asks functions that are GDAL's
                for (name,) in database.execute("select name from sqlite_master where type = 'trigger'").fetchall():
                    database.execute(f'drop trigger "{name}"')
                database.execute("delete from parcels where fid % 7 = 3")
            database.close()
        case _:
            data.to_file(path, layer="parcels") if kind == "gpkg" else data.to_file(path)
    return path


def opened(path, **options):
    if path.suffix == ".shp":
        with pytest.warns(TextEncodingWarning, match="gb18030"):
            return open_stream(path, **options)
    return open_stream(path, **options)


def whole(path):
    if path.suffix == ".shp":
        with pytest.warns(TextEncodingWarning):
            return read_layer(Layer("parcels", path.name, path, "parcels"))
    if "parquet" in path.suffix:
        return gpd.read_parquet(path)
    return pyogrio.read_dataframe(path, use_arrow=False)


FORMATS = ["parquet", "geoparquet", "gpkg", "gaps.gpkg", "gdb", "fgb", "plain.fgb", "shp", "geojson"]


@pytest.fixture(scope="module", params=FORMATS)
def path(request, tmp_path_factory):
    return write(tmp_path_factory.mktemp("layers"), request.param)


def same(got, expected, columns=("code", "地类", "count", "size")):
    assert got.index.tolist() == expected.index.tolist()
    assert shapely.to_wkb(got.geometry.to_numpy()).tolist() == shapely.to_wkb(expected.geometry.to_numpy()).tolist()
    for name in columns:
        left, right = (one[name].astype(object).where(one[name].notna(), None).tolist() for one in (got, expected))
        assert left == right


@pytest.mark.parametrize("size", [1, 7, 20, N, 400])
def test_stretches_put_together_are_the_whole(path, size):
    stream, expected = opened(path), whole(path).reset_index(drop=True)
    assert stream.rows == len(expected)
    assert set(stream.names) == {"code", "地类", "count", "size"}
    assert stream.crs == expected.crs
    starts = range(0, stream.rows, size)
    same(pd.concat([stream.read(start, start + size) for start in starts]), expected)
    same(pd.concat(list(stream.batches(size))), expected)
    boxes = np.concatenate([stream.boxes(start, start + size) for start in starts])
    assert boxes.tolist() == expected.bounds.to_numpy().tolist()


def test_a_database_with_gaps_is_read_in_long_stretches(tmp_path):
    path = write(tmp_path, "gaps.gpkg", rows=4_100)
    stream, expected = open_stream(path), whole(path).reset_index(drop=True)
    assert len(stream.marks) == 4
    for start, stop in ((0, 1), (999, 1_001), (1_000, 3_000), (3_400, 4_100), (0, 4_100)):
        same(stream.read(start, stop), expected.iloc[start:stop])


def test_one_column_and_chosen_columns(path):
    stream, expected = opened(path), whole(path).reset_index(drop=True)
    column = stream.column("地类")
    assert (
        column.where(column.notna(), None).tolist() == expected["地类"].where(expected["地类"].notna(), None).tolist()
    )
    chosen = stream.read(3, 9, ["size", "code"])
    assert set(chosen.columns) == {"size", "code", "geometry"}
    same(chosen, expected.iloc[3:9], ("size", "code"))
    assert list(stream.read(0, 2, ()).columns) == ["geometry"]
    with pytest.raises(SchemaError, match="no column nowhere"):
        stream.read(0, 1, ["nowhere"])


def test_rows_near_a_place_keep_their_numbers(path):
    stream, expected = opened(path), whole(path).reset_index(drop=True)
    bounds = (501_000.0, 3_301_000.0, 502_500.0, 3_303_000.0)
    box = expected.bounds
    meets = (
        (box["minx"] <= bounds[2])
        & (box["maxx"] >= bounds[0])
        & (box["miny"] <= bounds[3])
        & (box["maxy"] >= bounds[1])
    )
    same(stream.near(bounds), expected[meets])
    assert 2 < meets.sum() < N
    assert len(stream.near((0.0, 0.0, 1.0, 1.0))) == 0
    corner = expected.bounds.iloc[4]
    assert 4 in stream.near((corner["maxx"], corner["maxy"], corner["maxx"] + 1, corner["maxy"] + 1)).index


def test_a_stream_travels(path):
    stream = opened(path)
    there = pickle.loads(pickle.dumps(stream))  # noqa: S301 - our own
    assert there == stream
    same(there.read(5, 11), stream.read(5, 11))
    assert isinstance(there, Stream)
    assert open_stream(there) is there


def test_a_changed_file_is_another_source(path, tmp_path):
    if path.is_dir():
        copy = shutil.copytree(path, tmp_path / path.name)
    else:
        for one in path.parent.glob(f"{path.stem}.*"):
            shutil.copy2(one, tmp_path / one.name)
        copy = tmp_path / path.name
    before = opened(copy).identity()
    assert opened(copy).identity() == before
    table = next(
        one for one in sorted(copy.rglob("*") if copy.is_dir() else [copy.with_suffix(".dbf"), copy]) if one.is_file()
    )
    table.write_bytes(table.read_bytes())
    assert opened(copy).identity() != before


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, N), length=st.integers(0, N), group=st.sampled_from([1, 4, 50, 1_000]))
def test_any_stretch_of_any_grouping(tmp_path_factory, start, length, group):
    folder = tmp_path_factory.getbasetemp() / f"grouped{group}"
    if not folder.exists():
        folder.mkdir()
        frame().to_parquet(folder / "a.parquet", row_group_size=group)
    same(open_stream(folder / "a.parquet").read(start, start + length), frame().iloc[start : start + length])


def test_a_folder_of_parts_is_one_layer(tmp_path):
    data = frame()
    for number, start in enumerate(range(0, N, 20)):
        part = tmp_path / f"county={('吴江', '昆山', '')[number] or '__HIVE_DEFAULT_PARTITION__'}"
        part.mkdir()
        data.iloc[start : start + 20].to_parquet(
            part / f"part-{number}.parquet", index=False, schema_version="1.1.0", write_covering_bbox=True
        )
    (tmp_path / "_receipts").mkdir()
    (tmp_path / "_receipts" / "x.parquet").write_bytes(b"no data")
    stream = open_stream(tmp_path)
    order = sorted(tmp_path.rglob("part-*"))
    expected = pd.concat([gpd.read_parquet(part) for part in order], ignore_index=True)
    assert stream.rows == N
    assert stream.names == ("code", "地类", "count", "size", "county")
    got = pd.concat(list(stream.batches(7)))
    same(got, expected)
    same(stream.read(13, 47), expected.iloc[13:47])
    counties = stream.column("county")
    assert counties.fillna("").value_counts().to_dict() == {"吴江": 20, "昆山": 20, "": 13}
    assert got["county"].fillna("").tolist() == counties.fillna("").tolist()
    near = stream.near(tuple(expected.total_bounds))
    same(near, expected)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.integers(0, N - 1), unique=True).map(sorted))
def test_chosen_rows(tmp_path_factory, rows):
    folder = tmp_path_factory.getbasetemp() / "chosen"
    if not folder.exists():
        folder.mkdir()
        for number, start in enumerate(range(0, N, 20)):
            frame().iloc[start : start + 20].to_parquet(folder / f"{number}.parquet", index=False, row_group_size=6)
    same(open_stream(folder).take(np.array(rows, dtype=np.intp)), frame().iloc[rows])


@pytest.mark.parametrize("other", ["columns", "crs"])
def test_parts_of_two_layers_are_refused(tmp_path, other):
    frame().to_parquet(tmp_path / "a.parquet")
    wrong = frame().drop(columns="size") if other == "columns" else frame().set_crs("EPSG:4549", allow_override=True)
    wrong.to_parquet(tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"b\.parquet"):
        open_stream(tmp_path)


def test_whole_numbers_stay_whole_where_some_are_missing(tmp_path):
    ids = pd.array([320_500_000_000_000_001, None, 320_500_000_000_000_003], dtype="Int64")
    data = gpd.GeoDataFrame({"id": ids}, geometry=[shapely.box(i, 0, i + 1, 1) for i in range(3)], crs=CRS)
    data.to_parquet(tmp_path / "a.parquet")
    data.to_file(tmp_path / "a.gpkg")
    for name in ("a.parquet", "a.gpkg"):
        stream = open_stream(tmp_path / name)
        assert [str(value) for value in stream.read(0, 3)["id"]] == ["320500000000000001", "<NA>", "320500000000000003"]
        assert str(stream.read(2, 3)["id"].iloc[0]) == "320500000000000003"


@pytest.mark.parametrize("kind", ["parquet", "geoparquet", "gpkg", "gdb", "fgb", "shp", "geojson"])
def test_empty_layers_are_layers(tmp_path, kind):
    path = write(tmp_path, kind, rows=0)
    stream = opened(path)
    assert stream.rows == 0
    assert len(stream.read(0, 10)) == 0
    assert list(stream.batches(10)) == []
    assert stream.boxes(0, 10).shape == (0, 4)
    assert len(stream.near((0.0, 0.0, 1.0, 1.0))) == 0
    assert set(stream.read(0, 10).columns) == {*stream.names, "geometry"}
    if "code" in stream.names:
        assert len(stream.column("code")) == 0


def test_a_layer_without_crs_says_so(tmp_path):
    data = frame().set_crs(None, allow_override=True)
    data.to_parquet(tmp_path / "a.parquet")
    assert open_stream(tmp_path / "a.parquet").crs is None
    with pytest.warns(UserWarning, match="crs"):
        data.to_file(tmp_path / "a.gpkg")
    assert open_stream(tmp_path / "a.gpkg").read(0, 3).crs is None


def test_geometry_of_the_format_itself_is_read(tmp_path):
    data = frame()
    data.to_parquet(tmp_path / "a.parquet", geometry_encoding="geoarrow", schema_version="1.1.0")
    same(open_stream(tmp_path / "a.parquet").read(4, 31), data.iloc[4:31])


def test_missing_and_mixed_geometries_come_as_they_are(tmp_path):
    shapes = [
        shapely.Point(0, 0),
        None,
        shapely.box(0, 0, 1, 1),
        shapely.Polygon(),
        shapely.LineString([(0, 0), (3, 4)]),
    ]
    data = gpd.GeoDataFrame({"n": range(5)}, geometry=shapes, crs=CRS)
    data.to_parquet(tmp_path / "a.parquet", schema_version="1.1.0", write_covering_bbox=True)
    data.to_file(tmp_path / "a.gpkg")
    for name in ("a.parquet", "a.gpkg"):
        stream = open_stream(tmp_path / name)
        kinds = shapely.get_type_id(stream.read(0, 5).geometry.to_numpy()).tolist()
        assert kinds[:3] + kinds[4:] == [0, -1, 3, 1]
        assert np.isnan(stream.boxes(1, 2)).all()
        assert stream.near((-1.0, -1.0, 0.5, 0.5)).index.tolist() == [0, 2, 4]


def test_the_layer_must_be_said_and_there(tmp_path):
    path = tmp_path / "two.gpkg"
    frame().to_file(path, layer="red line")
    frame(9).to_file(path, layer='a "quoted"; layer')
    with pytest.raises(InputError, match="red line"):
        open_stream(path)
    assert open_stream(path, layer='a "quoted"; layer').read(2, 5)["code"].tolist() == frame(9)["code"].tolist()[2:5]
    with pytest.raises(InputError, match="nowhere"):
        open_stream(path, layer="nowhere")


@pytest.mark.parametrize("kind", ["parquet", "gpkg", "fgb", "shp"])
def test_torn_files_are_named(tmp_path, kind):
    path = write(tmp_path, kind)
    torn = path.with_suffix(".dbf") if kind == "shp" else path
    raw = torn.read_bytes()
    torn.write_bytes(raw[: len(raw) * 2 // 3])

    def read():
        stream = opened(path) if kind == "shp" else open_stream(path)
        list(stream.batches(10))

    with pytest.raises(InputError, match=torn.name):
        read() if kind != "shp" else open_stream(path)


def test_a_page_that_is_spoilt_is_named(tmp_path):
    path = write(tmp_path, "parquet")
    raw = bytearray(path.read_bytes())
    raw[40:4_000] = bytes(3_960)
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"parcels\.parquet"):
        open_stream(path)


def test_nothing_there_no_geometry_no_parts(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        open_stream(tmp_path / "nowhere.gpkg")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "plain.parquet")
    with pytest.raises(InputError, match="without geometry"):
        open_stream(tmp_path / "plain.parquet")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no part"):
        open_stream(tmp_path / "empty")
    (tmp_path / "notes.gpkg").write_text("no database", encoding="utf-8")
    with pytest.raises(InputError, match=r"notes\.gpkg"):
        open_stream(tmp_path / "notes.gpkg")


def test_rings_that_are_not_closed_are_closed_in_the_open(tmp_path):
    data = frame(4)
    raw = [bytearray(value) for value in shapely.to_wkb(data.geometry.to_numpy())]
    # move the last point of one ring off the first, and cut another short
    raw[1][-16:] = raw[1][-32:-16]
    raw[2] = raw[2][:-9]
    table = pd.DataFrame({"WKB": [bytes(one) for one in raw]})
    data.to_parquet(tmp_path / "a.parquet")
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    sound = pq.read_table(tmp_path / "a.parquet")
    place = sound.schema.get_field_index("geometry")
    field = sound.schema.field(place)
    pq.write_table(sound.set_column(place, field, pa.array(table["WKB"], field.type)), tmp_path / "a.parquet")
    with pytest.warns(FormatWarning, match="in rows [12]"):
        stream = open_stream(tmp_path / "a.parquet")
    told = []
    got = stream.read(1, 4, told=told)
    assert told == [(1, "rings were closed"), (2, "its bytes are no geometry")]
    assert got.geometry.isna().tolist() == [False, True, False]
    ring = shapely.get_coordinates(got.geometry[1])
    assert ring[:4].tolist() == shapely.get_coordinates(data.geometry[1])[:4].tolist()
    with pytest.warns(FormatWarning, match="rings were closed in rows 1"):
        stream.read(1, 2)


def test_arcs_become_chords_in_the_open(tmp_path):
    text = 'id,WKT\n1,"POLYGON ((0 0,4 0,4 4,0 0))"\n2,"CURVEPOLYGON (CIRCULARSTRING (0 0, 1 1, 2 0, 1 -1, 0 0))"\n'
    (tmp_path / "arcs.csv").write_text(text, encoding="utf-8")
    with pytest.warns(FormatWarning, match="arcs are drawn as chords in rows 1"):
        stream = open_stream(tmp_path / "arcs.csv")
    told = []
    area = stream.read(0, 2, told=told).area
    assert told == [(1, "arcs are drawn as chords")]
    assert area[0] == 8
    assert area[1] == pytest.approx(np.pi, rel=1e-2)


@pytest.mark.parametrize("ending", ["parquet", "gpkg"])
def test_garbled_text_is_told_in_the_line_that_opens_the_layer(tmp_path, ending):
    garbled = gpd.GeoDataFrame({"名称": ["姘稿啘鍩烘湰鍐滅敯"]}, geometry=[shapely.box(0, 0, 1, 1)], crs=4490)
    path = tmp_path / f"layer.{ending}"
    garbled.to_parquet(path) if ending == "parquet" else garbled.to_file(path)
    with pytest.warns(TextEncodingWarning, match="text looks garbled") as heard:
        stream = open_stream(path)
    assert [record.filename for record in heard] == [__file__]
    assert isinstance(stream, DriverStream if ending == "gpkg" else ParquetStream)
