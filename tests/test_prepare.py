"""A layer put in order: every vertex as it was, every row accounted for, neighbours together, bytes that repeat."""

import hashlib
import json
import os
import shutil
import subprocess
import sys

import geopandas as gpd
import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecozones import ZoningPlan
from ecozones.errors import CRSError, EngineError, InputError, MissingCRSError, SchemaError
from ecozones.large.preparing import prepare
from ecozones.schema import table
from ecozones.streams import open_stream

CRS = "EPSG:4548"
N = 120


def parcels(rows=N, seed=7):
    rng = np.random.default_rng(seed)
    x, y = 490_000 + rng.uniform(0, 20_000, rows), 3_300_000 + rng.uniform(0, 20_000, rows)
    shapes = shapely.buffer(shapely.points(x, y), rng.uniform(5, 300, rows), quad_segs=2)
    columns = {
        "BSM": [f"{i:018d}" for i in range(rows)],
        "kind": [None if i % 4 == 0 else f"类{i % 3}" for i in range(rows)],
    }
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS)


def spoilt():
    frame = parcels()
    bowtie = shapely.Polygon([(500_000, 3_300_000), (500_100, 3_300_100), (500_100, 3_300_000), (500_000, 3_300_100)])
    frame.loc[4, "geometry"] = None
    frame.loc[9, "geometry"] = shapely.Polygon()
    frame.loc[13, "geometry"] = shapely.Point(500_000, 3_300_000)
    frame.loc[17, "geometry"] = bowtie
    frame.loc[21, "geometry"] = shapely.Polygon([(500_000, 3_300_000), (500_100, 3_300_100), (500_200, 3_300_200)])
    frame.loc[30, "geometry"] = shapely.force_3d(frame.geometry[30], 12.0)
    frame.loc[50, "geometry"] = frame.geometry[2]
    frame.loc[60] = frame.loc[2]
    frame.loc[70] = frame.loc[50]
    return frame


def contents(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "_records" not in path.parts and not path.name.startswith("_lock")
    }


def by_row(layer):
    return layer.table("features").sort_values("source_row").set_index("source_row")


@pytest.mark.parametrize("kind", ["parquet", "gpkg", "shp", "fgb", "gdb"])
def test_every_row_and_vertex_is_kept(tmp_path, kind):
    path = tmp_path / f"parcels.{kind}"
    frame = parcels()
    if kind == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_file(
            path, **({"driver": "OpenFileGDB"} if kind == "gdb" else {"encoding": "UTF-8"} if kind == "shp" else {})
        )
    layer = prepare(path, tmp_path / "ready", engine=1, rows=31, part_rows=25)
    source, ready = open_stream(path).read(0, N), by_row(layer)
    assert ready.index.tolist() == list(range(N))
    assert shapely.to_wkb(ready.geometry.to_numpy()).tolist() == shapely.to_wkb(source.geometry.to_numpy()).tolist()
    assert ready["BSM"].tolist() == source["BSM"].tolist()
    assert ready["kind"].fillna("").tolist() == source["kind"].fillna("").tolist()
    assert (layer.rows_in, layer.rows_done, layer.rows_refused, layer.listed) == (N, N, 0, 0)
    stream = open_stream(tmp_path / "ready")
    assert (stream.rows, stream.crs) == (N, source.crs)
    assert set(stream.names) == {"BSM", "kind", "source_row"}


def test_rows_lie_along_the_curve_and_parts_know_their_boxes(tmp_path):
    parcels(2_000).to_parquet(tmp_path / "a.parquet")
    layer = prepare(tmp_path / "a.parquet", tmp_path / "ready", engine=1, part_rows=300)
    parts = sorted((tmp_path / "ready" / "features").iterdir())
    assert len(parts) == 7
    assert max(pq.read_metadata(part).num_rows for part in parts) <= 301
    frame = layer.table("features")
    middle = gpd.GeoSeries(
        shapely.points(frame.bounds.to_numpy()[:, [0, 1]] / 2 + frame.bounds.to_numpy()[:, [2, 3]] / 2)
    )
    distance = middle.hilbert_distance(total_bounds=middle.total_bounds)
    assert distance.is_monotonic_increasing
    meta = json.loads(pq.read_schema(parts[0]).metadata[b"geo"])
    assert meta["version"] == "1.1.0"
    assert "covering" in meta["columns"]["geometry"]


def test_the_report_names_every_row_that_was_not_taken_as_it_stands(tmp_path):
    frame = spoilt()
    frame.to_parquet(tmp_path / "a.parquet")
    given = {"engine": 1, "rows": 20, "part_rows": 30, "polygons_only": True}
    layer = prepare(tmp_path / "a.parquet", tmp_path / "ready", **given)
    report = layer.report()
    said = {(row.row, row.done) for row in report.itertuples()}
    assert said == {
        (4, "refused"),
        (9, "refused"),
        (13, "refused"),
        (17, "repaired"),
        (21, "refused"),
        (30, "flattened"),
        (50, "kept"),
        (60, "kept"),
        (70, "kept"),
    }
    assert layer.listed == len(report)
    assert list(report.columns) == [column.id for column in table("prepared.report").columns]
    reasons = dict(zip(report["row"], report["reason"], strict=True))
    assert reasons[50] == "has the shape of row 2"
    assert reasons[60] == "repeats row 2 in everything"
    assert reasons[70] == "repeats row 50 in everything"
    assert "empty" in reasons[9]
    assert "Point" in reasons[13]
    assert "Self-intersection" in reasons[17]
    assert report.set_index("row").loc[17, "after_m2"] == pytest.approx(5_000)
    assert (layer.rows_in, layer.rows_done, layer.rows_refused) == (N, N - 4, 4)
    ready = by_row(layer)
    untouched = frame.drop(index=[4, 9, 13, 17, 21, 30])
    kept = ready.loc[untouched.index].geometry.to_numpy()
    assert shapely.to_wkb(kept).tolist() == shapely.to_wkb(untouched.geometry.to_numpy()).tolist()
    assert ready.geometry.is_valid.all()


def test_a_row_off_the_map_is_refused_and_moves_no_other(tmp_path):
    frame = parcels()
    frame.to_parquet(tmp_path / "a.parquet")
    # one that would stretch the curve until all others stood at one place of it
    frame.loc[N] = frame.loc[0]
    frame.loc[N, "geometry"] = shapely.box(1e20, 1e20, 2e20, 2e20)
    frame.to_parquet(tmp_path / "b.parquet")
    sound, spoiled = (prepare(tmp_path / f"{name}.parquet", tmp_path / name, engine=1, part_rows=25) for name in "ab")
    assert (spoiled.rows_in, spoiled.rows_done, spoiled.rows_refused) == (N + 1, N, 1)
    report = spoiled.report()
    assert report[["row", "done"]].values.tolist() == [[N, "refused"]]
    assert "outside the area" in report["reason"][0]
    assert spoiled.table("features").equals(sound.table("features"))
    # parts as even as they were, but for the place of the one
    sizes = [pq.read_metadata(part).num_rows for part in sorted((spoiled.folder / "features").iterdir())]
    assert len(sizes) == 5
    assert max(sizes) <= 26


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.integers(1, N + 5), part_rows=st.sampled_from([7, 40, 500]))
def test_bytes_do_not_depend_on_how_rows_were_read(tmp_path_factory, rows, part_rows):
    base = tmp_path_factory.getbasetemp() / "bytes"
    if not base.exists():
        base.mkdir()
        spoilt().to_parquet(base / "a.parquet", row_group_size=11)
        for size in (7, 40, 500):
            prepare(base / "a.parquet", base / f"quiet{size}", engine=1, part_rows=size)
    out = tmp_path_factory.mktemp("any")
    layer = prepare(base / "a.parquet", out, engine=1, rows=rows, part_rows=part_rows)
    quiet = json.loads((base / f"quiet{part_rows}" / "_prepared.json").read_text(encoding="utf-8"))
    assert layer.digest == quiet["digest"]


def test_a_second_run_does_nothing_and_a_torn_part_is_made_again(tmp_path):
    spoilt().to_parquet(tmp_path / "a.parquet")
    out = tmp_path / "ready"
    prepare(tmp_path / "a.parquet", out, engine=1, rows=50, part_rows=30)
    before = contents(out)
    assert not any(name.startswith(("_keys", "_spill")) for name in before)
    again = prepare(tmp_path / "a.parquet", out, engine=1, rows=50, part_rows=30)
    assert again.resumed == again.fragments > 1
    part = min((out / "features").iterdir())
    part.write_bytes(part.read_bytes()[:-20])
    prepare(tmp_path / "a.parquet", out, engine=1, rows=50, part_rows=30)
    assert contents(out) == before
    prepare(tmp_path / "a.parquet", tmp_path / "pool", engine=2, rows=50, part_rows=30)
    assert contents(tmp_path / "pool") == before


SCRIPT = """
import os, signal, sys
from ecozones.large import preparing as module

if __name__ == "__main__":
    seen = []
    honest = getattr(module, sys.argv[3])
    def die(fragment):
        seen.append(fragment)
        if len(seen) == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return honest(fragment)
    setattr(module, sys.argv[3], die)
    module.prepare(sys.argv[1], sys.argv[2], engine=1, rows=20, part_rows=30)
"""


@pytest.mark.parametrize("step", ["lay_out", "sort_stretch"])
def test_a_run_that_was_killed_goes_on(tmp_path, step):
    spoilt().to_parquet(tmp_path / "a.parquet")
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    out = tmp_path / "ready"
    done = subprocess.run([sys.executable, tmp_path / "script.py", tmp_path / "a.parquet", out, step], check=False)
    assert done.returncode == -9
    assert not (out / "_prepared.json").exists()
    layer = prepare(tmp_path / "a.parquet", out, engine=1, rows=20, part_rows=30)
    quiet = prepare(tmp_path / "a.parquet", tmp_path / "quiet", engine=1, rows=20, part_rows=30)
    assert layer.digest == quiet.digest
    assert contents(out) == contents(tmp_path / "quiet")


def test_a_line_gets_the_columns_of_a_plan(tmp_path):
    frame = parcels().rename(columns={"BSM": "ID"}).assign(ZONE=["核心保护区", "一般控制区", "不知道"] * (N // 3))
    frame.loc[3, "ID"], frame.loc[5, "ID"], frame.loc[[8, 90, 91], "ID"] = None, "  ", "twice"
    line = "ecological_red_line"
    frame = frame.rename(columns={"ID": "feature_id", "ZONE": "subzone"})
    frame.to_parquet(tmp_path / "red.parquet")
    layer = prepare(tmp_path / "red.parquet", tmp_path / "ready", line=line, engine=1, rows=17, part_rows=40)
    expected = ZoningPlan.from_layers({line: frame}).lines[line]
    ready = by_row(layer)
    for name in ("feature_id", "name", "subzone"):
        assert ready[name].fillna("").tolist() == expected[name].fillna("").tolist()
    report = layer.report()
    assert report[report["reason"] == "states no id"]["row"].tolist() == [3, 5]
    assert report[report["reason"].str.startswith("repeats the id 'twice'")]["row"].tolist() == [90, 91]
    assert report["reason"].str.contains("不知道").sum() == N // 3
    assert len(layer.table("pieces")) == 0


def test_large_polygons_are_cut_once_into_small_pieces(tmp_path):
    ring = shapely.buffer(shapely.points([500_000, 520_000], [3_300_000, 3_310_000]), 5_000, quad_segs=2_000)
    small = shapely.box(499_000, 3_299_000, 499_010, 3_299_010)
    frame = gpd.GeoDataFrame({"feature_id": ["a", "b", "c"]}, geometry=[*ring, small], crs=CRS)
    frame.to_parquet(tmp_path / "red.parquet")
    layer = prepare(tmp_path / "red.parquet", tmp_path / "ready", line="ecological_red_line", engine=1)
    pieces = layer.table("pieces")
    assert shapely.get_num_coordinates(pieces.geometry.to_numpy()).max() <= 384
    assert len(pieces) > 20
    area = pieces.area.groupby(pieces["feature"]).sum()
    features = layer.table("features").area
    assert set(area.index) == set(features.index[features > 1_000])
    assert np.allclose(area, features[area.index], rtol=1e-9)


def test_numbers_with_gaps_repeated_as_ids(tmp_path):
    ids = [float(i) for i in range(N)]
    ids[7], ids[40], ids[41] = np.nan, 12.0, 12.0
    frame = parcels().drop(columns="BSM").assign(feature_id=ids)
    frame.to_parquet(tmp_path / "a.parquet")
    line = "permanent_basic_farmland"
    layer = prepare(tmp_path / "a.parquet", tmp_path / "ready", line=line, engine=1, rows=9)
    expected = ZoningPlan.from_layers({line: frame}).lines[line]
    assert by_row(layer)["feature_id"].tolist() == expected["feature_id"].tolist()
    assert by_row(layer)["feature_id"][41] == "12#3"


def test_features_in_folders_by_a_column(tmp_path):
    parcels().to_parquet(tmp_path / "a.parquet")
    layer = prepare(tmp_path / "a.parquet", tmp_path / "ready", partition_by="kind", engine=1, part_rows=50)
    names = {path.name for path in (tmp_path / "ready" / "features").iterdir()}
    assert names == {"kind=类0", "kind=类1", "kind=类2", "kind=__HIVE_DEFAULT_PARTITION__"}
    stream = open_stream(tmp_path / "ready")
    rows = stream.read(0, N).sort_values("source_row")
    assert rows["kind"].fillna("").tolist() == parcels()["kind"].fillna("").tolist()
    assert shapely.equals_exact(rows.geometry.to_numpy(), parcels().geometry.to_numpy()).all()
    again = prepare(tmp_path / "a.parquet", tmp_path / "ready", partition_by="kind", engine=1, part_rows=50)
    assert (again.digest, again.resumed) == (layer.digest, layer.fragments)
    with pytest.raises(SchemaError, match="nowhere"):
        prepare(tmp_path / "a.parquet", tmp_path / "other", partition_by="nowhere")
    with pytest.raises(InputError, match="partition_by"):
        prepare(tmp_path / "a.parquet", tmp_path / "other", partition_by="kind", line="permanent_basic_farmland")


def test_an_empty_layer_is_a_layer(tmp_path):
    parcels().iloc[:0].to_parquet(tmp_path / "a.parquet")
    layer = prepare(tmp_path / "a.parquet", tmp_path / "ready", engine=1)
    assert (layer.rows_in, len(layer.report()), open_stream(tmp_path / "ready").rows) == (0, 0, 0)
    assert prepare(tmp_path / "a.parquet", tmp_path / "ready", engine=1).digest == layer.digest


def test_what_was_prepared_can_be_prepared_as_a_line(tmp_path):
    parcels().to_parquet(tmp_path / "a.parquet")
    first = prepare(tmp_path / "a.parquet", tmp_path / "first", engine=1)
    second = prepare(tmp_path / "first", tmp_path / "second", line="permanent_basic_farmland", engine=1)
    assert by_row(second)["feature_id"].tolist() == parcels()["BSM"].tolist()
    assert shapely.equals_exact(by_row(second).geometry.to_numpy(), by_row(first).geometry.to_numpy()).all()


def test_what_cannot_be_placed_is_refused(tmp_path):
    path = tmp_path / "a.parquet"
    parcels().set_crs(None, allow_override=True).to_parquet(path)
    with pytest.raises(MissingCRSError, match=r"a\.parquet"):
        prepare(path, tmp_path / "out")
    parcels().set_crs("EPSG:4490", allow_override=True).to_parquet(path)
    with pytest.raises(EngineError, match=r"not one of 120 rows .*coordinates are metres"):
        prepare(path, tmp_path / "out", engine=1)
    parcels().to_crs("EPSG:3857").to_parquet(path)
    with pytest.raises(CRSError, match="Web Mercator"):
        prepare(path, tmp_path / "out", engine=1)
    parcels().assign(source_row=1).to_parquet(path)
    with pytest.raises(SchemaError, match="source_row"):
        prepare(path, tmp_path / "out")
    parcels().assign(bbox="a text").to_parquet(path)
    with pytest.raises(SchemaError, match="bbox"):
        prepare(path, tmp_path / "out")
    parcels().to_parquet(path)
    with pytest.raises(SchemaError, match="not declared"):
        prepare(path, tmp_path / "out", line="nowhere")
    parcels().assign(geometry=shapely.points(np.full(N, 500_000.0), 3_300_000.0)).to_parquet(path)
    with pytest.raises(EngineError, match="not one"):
        prepare(path, tmp_path / "out", engine=1, polygons_only=True)


class Table:
    """A table that is read once, as a database gives it."""

    title = "public.parcels"
    names = ("BSM", "kind")
    digest = "the very rows"

    def __init__(self, frame, rows=None):
        self.frame, self.rows, self.crs, self.passes = frame, rows or len(frame), frame.crs, 0

    def stretches(self, rows, *, told=None):
        self.passes += 1
        if told is not None:
            told.append((4, "its shape is beyond us"))
        for start in range(0, len(self.frame), rows):
            yield self.frame.iloc[start : start + rows]


def test_a_table_that_is_read_once_is_prepared_like_a_file(tmp_path):
    frame = spoilt().rename_geometry("geom")
    given = Table(frame)
    layer = prepare(given, tmp_path / "ready", engine=1, rows=50, part_rows=30)
    spoilt().to_parquet(tmp_path / "a.parquet")
    file = prepare(tmp_path / "a.parquet", tmp_path / "file", engine=1, rows=50, part_rows=30)
    assert shapely.equals_exact(by_row(layer).geometry.to_numpy(), by_row(file).geometry.to_numpy()).all()
    reasons = file.report().set_index("row")["reason"]
    # the fourth row had a shape where it came from, and the table says why it has none here
    assert reasons[4] == "no geometry"
    assert layer.report()["reason"].tolist() == reasons.replace("no geometry", "its shape is beyond us").tolist()
    assert not (tmp_path / "ready" / "_landed").exists()
    assert prepare(given, tmp_path / "ready", engine=1, rows=50, part_rows=30).digest == layer.digest
    assert given.passes == 1
    with pytest.raises(InputError, match="gave 120"):
        prepare(Table(frame, rows=121), tmp_path / "short", engine=1)


class Watched:
    """A stream that remembers the longest stretch it was asked for."""

    longest = 0

    def __init__(self, inner):
        self.inner = inner
        self.label, self.rows, self.names, self.crs = inner.label, inner.rows, inner.names, inner.crs

    def column(self, name):
        raise AssertionError(name)

    near = batches = column

    def read(self, start, stop, columns=None, *, told=None):
        Watched.longest = max(Watched.longest, stop - start)
        return self.inner.read(start, stop, columns, told=told)

    def boxes(self, start, stop):
        Watched.longest = max(Watched.longest, stop - start)
        return self.inner.boxes(start, stop)

    def identity(self):
        return self.inner.identity()


def test_no_step_looks_at_more_rows_than_it_was_told(tmp_path):
    parcels(600).to_parquet(tmp_path / "a.parquet")
    stream = Watched(open_stream(tmp_path / "a.parquet"))
    layer = prepare(stream, tmp_path / "ready", line="permanent_basic_farmland", engine=1, rows=70, part_rows=90)
    assert Watched.longest == 70
    sizes = [pq.read_metadata(part).num_rows for part in sorted((tmp_path / "ready" / "features").iterdir())]
    assert sum(sizes) == layer.rows_done == 600
    assert max(sizes) <= 91


@pytest.mark.parametrize("harm", ["moved", "gone", "more"])
def test_a_prepared_layer_that_was_changed_on_disk_is_refused(tmp_path, harm):
    parcels(60).to_parquet(tmp_path / "a.parquet")
    ready = prepare(tmp_path / "a.parquet", tmp_path / "ready", engine=1, part_rows=20)
    first, *_ = parts = sorted((ready.folder / "features").iterdir())
    assert len(parts) > 1
    assert open_stream(ready.folder).rows == 60
    if harm == "moved":
        frame = gpd.read_parquet(first)
        frame.set_geometry(frame.geometry.translate(1.0)).to_parquet(first)
    elif harm == "gone":
        first.unlink()
    else:
        (first.parent / "part-more.parquet").write_bytes(first.read_bytes())
    with pytest.raises(
        InputError, match=r"ready is not as prepare\(\) left it \(features/part-.*remove it and prepare again"
    ):
        open_stream(ready.folder)
    shutil.rmtree(ready.folder)
    prepare(tmp_path / "a.parquet", tmp_path / "ready", engine=1, part_rows=20)
    assert open_stream(ready.folder).rows == 60


def test_a_prepared_layer_may_be_copied(tmp_path):
    parcels(60).to_parquet(tmp_path / "a.parquet")
    ready = prepare(tmp_path / "a.parquet", tmp_path / "ready", engine=1)
    shutil.copytree(ready.folder, tmp_path / "copy", copy_function=shutil.copyfile)
    for part in (tmp_path / "copy" / "features").iterdir():
        os.utime(part)
    assert open_stream(tmp_path / "copy").read(0, 60).equals(open_stream(ready.folder).read(0, 60))


def test_the_account_counts_the_rows_that_were_refused(tmp_path):
    spoilt().to_parquet(tmp_path / "a.parquet")
    given = {"engine": 1, "rows": 20, "part_rows": 30, "polygons_only": True}
    layer = prepare(tmp_path / "a.parquet", tmp_path / "ready", **given)
    assert layer.summary()[["rows_in", "rows_done", "rows_refused"]].sum().tolist() == [N, N - 4, 4]
    assert layer.table("refused")["row"].tolist() == [4, 9, 13, 21]
    again = prepare(tmp_path / "a.parquet", tmp_path / "ready", **given)
    assert (again.rows_in, again.rows_done, again.rows_refused) == (N, N - 4, 4)
    assert again.resumed == again.fragments


def test_lines_and_points_are_put_in_order_too(tmp_path):
    frame = parcels()
    x, y = 500_000.0, 3_300_000.0
    loose = {
        3: shapely.LineString([(x, y), (x + 9_000, y + 9_000)]),
        5: shapely.Point(x, y),
        8: shapely.MultiPoint([(x, y), (x + 5, y)]),
        12: shapely.MultiLineString([[(x, y), (x + 1, y)], [(x, y), (x, y + 1)]]),
    }
    for row, shape in loose.items():
        frame.loc[row, "geometry"] = shape
    # what is no shape of one kind, and lines and points that lie nowhere, are refused as polygons are
    frame.loc[20, "geometry"] = shapely.GeometryCollection([shapely.Point(x, y), frame.geometry[21]])
    frame.loc[22, "geometry"] = shapely.LineString()
    frame.loc[24, "geometry"] = shapely.Point(float("nan"), y)
    frame.loc[26, "geometry"] = shapely.LineString([(1e20, 1e20), (2e20, 2e20)])
    frame.loc[28, "geometry"] = shapely.Polygon([(x, y), (x + 100, y + 100), (x + 100, y), (x, y + 100)])
    frame.to_parquet(tmp_path / "a.parquet")
    layer = prepare(tmp_path / "a.parquet", tmp_path / "ready", engine=1, rows=7, part_rows=25)
    done = layer.report()[["row", "done"]].values.tolist()
    assert done == [[20, "refused"], [22, "refused"], [24, "refused"], [26, "refused"], [28, "repaired"]]
    ready = by_row(layer)
    assert ready.index.tolist() == [row for row in range(N) if row not in {20, 22, 24, 26}]
    untouched = frame.drop(index=[20, 22, 24, 26, 28])
    assert shapely.to_wkb(ready.loc[untouched.index].geometry.to_numpy()).tolist() == (
        shapely.to_wkb(untouched.geometry.to_numpy()).tolist()
    )
    assert ready["BSM"].tolist() == frame["BSM"][ready.index].tolist()
    assert ready.loc[28].geometry.area == pytest.approx(5_000)
    # of a line, which is ground, and where it is asked for, they are refused
    line = prepare(tmp_path / "a.parquet", tmp_path / "line", line="permanent_basic_farmland", engine=1)
    ground = prepare(tmp_path / "a.parquet", tmp_path / "ground", polygons_only=True, engine=1)
    assert line.table("refused")["row"].tolist() == sorted([*loose, 20, 22, 24, 26])
    assert ground.table("refused")["row"].tolist() == sorted([*loose, 20, 22, 24, 26])


def test_what_was_told_of_a_layer_is_told_of_what_is_made_of_it(tmp_path):
    frame = spoilt().sample(frac=1, random_state=3).reset_index(drop=True)
    frame.loc[[40, 41, 77], "BSM"] = "twice"
    frame.to_parquet(tmp_path / "a.parquet")
    line = "permanent_basic_farmland"
    prepare(tmp_path / "a.parquet", tmp_path / "first", engine=1, rows=20, part_rows=30)
    again = prepare(tmp_path / "first", tmp_path / "again", line=line, engine=1, rows=13, part_rows=30)
    once = prepare(tmp_path / "a.parquet", tmp_path / "once", line=line, engine=1)
    counts = [(one.rows_in, one.rows_done, one.rows_refused) for one in (again, once)]
    assert counts == [(N, N - 4, 4), (N, N - 4, 4)]
    assert again.summary()[["rows_in", "rows_done", "rows_refused"]].sum().tolist() == [N, N - 4, 4]
    assert again.table("refused").values.tolist() == once.table("refused").values.tolist()
    assert again.report().equals(once.report())
    assert by_row(again)["feature_id"].tolist() == by_row(once)["feature_id"].tolist()
    assert by_row(again)["feature_id"][[40, 41, 77]].tolist() == ["twice", "twice#2", "twice#3"]
    # a third time, nothing of it is lost and nothing is told twice
    third = prepare(tmp_path / "again", tmp_path / "third", line=line, engine=1)
    said, known = (one.report() for one in (third, once))
    lasting = ["refused", "repaired", "flattened"]
    said, known = (one[one["done"].isin(lasting)].reset_index(drop=True) for one in (said, known))
    assert (len(known), said.equals(known)) == (6, True)


def test_a_table_that_an_earlier_version_set_down_is_set_down_anew(tmp_path):
    frame = spoilt().rename_geometry("geom")
    given = Table(frame)
    landed = tmp_path / "ready" / "_landed"
    landed.mkdir(parents=True)
    frame.iloc[:0].to_parquet(landed / "part-000000.parquet")
    (landed / "_landed.json").write_text(json.dumps({"digest": given.digest, "rows": N}), encoding="utf-8")
    layer = prepare(given, tmp_path / "ready", engine=1)
    assert (given.passes, layer.rows_in) == (1, N)
