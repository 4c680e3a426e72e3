"""Cells under polygons: true areas, fractions, windows, and rasters that must be refused."""

import importlib
import subprocess
import sys
import textwrap
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine

from ecozones.area import polygon_areas
from ecozones.errors import CRSError, InputError, MissingCRSError, MissingDependencyError
from ecozones.rasters import (
    Grid,
    RasterBand,
    cell_areas,
    check_same_grid,
    covered,
    covered_cells,
    read_grid,
    reading,
    shares,
    to_grid,
)

DATA = Path(__file__).parent / "data" / "landcover"
GAUSS_KRUGER = "EPSG:4548"
ALBERS = "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105 +ellps=GRS80 +units=m"
WEST, NORTH = 500_000.0, 3_320_000.0


def write_raster(path, values, *, crs=GAUSS_KRUGER, affine=None, nodata=0, **options):
    values = np.asarray(values)
    bands = values if values.ndim == 3 else values[None]
    profile = {
        "driver": "GTiff",
        "height": bands.shape[1],
        "width": bands.shape[2],
        "count": len(bands),
        "dtype": values.dtype,
        "crs": crs,
        "transform": affine or Affine(10, 0, WEST, 0, -10, NORTH),
        "nodata": nodata,
    }
    with rasterio.open(path, "w", **(profile | options)) as file:
        if bands.size:
            file.write(bands)
    return path


def zones_of(*polygons, crs=GAUSS_KRUGER):
    return gpd.GeoDataFrame(geometry=list(polygons), crs=crs)


def tally(geometry, paths, **kwargs):
    """Cells and area by zone and code of the first raster."""
    sums = {}
    for part in covered_cells(geometry, paths, **kwargs):
        rows = zip(part.zone, part.held[0], part.valid[0], part.cells, part.area_m2, strict=True)
        for zone, held, valid, cells, area in rows:
            key = (int(zone), int(held) if valid else None)
            before = sums.get(key, (0.0, 0.0))
            sums[key] = (before[0] + cells, before[1] + area)
    return sums


def ellipsoidal_area(xs, ys, crs, ellps="GRS80"):
    """Independent area of a ring: its points taken to degrees, then GeographicLib."""
    to_degrees = pyproj.Transformer.from_crs(crs, pyproj.CRS(crs).geodetic_crs, always_xy=True)
    return abs(pyproj.Geod(ellps=ellps).polygon_area_perimeter(*to_degrees.transform(xs, ys))[0])


def dense_square(x, y, side, points=400):
    t = np.linspace(0, side, points)
    return np.r_[x + t, np.full(points, x + side), x + t[::-1], np.full(points, x)], np.r_[
        np.full(points, y), y + t, np.full(points, y + side), y + t[::-1]
    ]


# -- areas of cells


def test_cell_at_109_east_40_north_has_the_area_of_the_grs80_ellipsoid():
    # computed three ways (closed form, geodesic, Albers); the sphere of exactextract gives 3 769 750.875
    grid = Grid(pyproj.CRS("EPSG:4490"), 109.0, 40.5, 0.02, 0.02, 1, 1)
    assert cell_areas(grid, 0, 1, 0, 1)[0, 0] == pytest.approx(3_765_741.766, abs=0.001)


@pytest.mark.parametrize(
    ("south", "expected"), [(0, 1230907.2), (20, 1158452.19), (30, 1069521.17), (40, 948099.21), (50, 797383.14)]
)
def test_cells_of_a_hundredth_degree_shrink_towards_the_pole(south, expected):
    grid = Grid(pyproj.CRS("EPSG:4490"), 100.0, south + 0.01, 0.01, 0.01, 1, 1)
    assert cell_areas(grid, 0, 1, 0, 1)[0, 0] == pytest.approx(expected, abs=0.006)


def test_rows_of_a_geographic_raster_sum_to_the_whole_ellipsoid():
    grid = Grid(pyproj.CRS("EPSG:4490"), -180.0, 90.0, 1.0, 1.0, 180, 360)
    # 510 065 621.7 km2: the area of the GRS80 ellipsoid
    assert cell_areas(grid, 0, 180, 0, 360).sum() * 360 == pytest.approx(510_065_621.7e6, rel=1e-9)


def test_a_sphere_has_the_area_of_a_sphere():
    grid = Grid(pyproj.CRS("+proj=longlat +R=6371000"), -180.0, 90.0, 1.0, 1.0, 180, 360)
    assert cell_areas(grid, 0, 180, 0, 360).sum() * 360 == pytest.approx(4 * np.pi * 6_371_000**2, rel=1e-12)


@pytest.mark.parametrize(
    ("crs", "x", "y", "ellps"),
    [
        ("EPSG:4548", 640_000, 3_320_000, "GRS80"),  # edge of a 3-degree zone: 2.4e-4 too large in the plane
        ("EPSG:31976", 409_829, 276_306, "GRS80"),  # UTM 22N
        ("EPSG:32650", 700_000, 4_400_000, "WGS84"),
        ("EPSG:3035", 4_321_000, 3_210_000, "GRS80"),  # equal area
        ("EPSG:2263", 1_000_000, 200_000, "GRS80"),  # US survey feet, conical
        ("EPSG:3413", 300_000, -900_000, "WGS84"),  # polar stereographic
    ],
)
def test_projected_cells_have_their_area_on_the_ellipsoid(crs, x, y, ellps):
    grid = Grid(pyproj.CRS(crs), x, y + 100, 100.0, 100.0, 1, 1)
    truth = ellipsoidal_area(*dense_square(x, y, 100), crs, ellps)
    assert cell_areas(grid, 0, 1, 0, 1)[0, 0] == pytest.approx(truth, rel=2e-8)


def test_areas_of_a_tile_agree_with_the_projection_asked_cell_by_cell():
    grid = Grid(pyproj.CRS("EPSG:32650"), 300_000.0, 4_400_000.0, 1000.0, 1000.0, 700, 400)
    areas = cell_areas(grid, 0, 700, 0, 400)
    projection = pyproj.Proj(grid.crs)
    rows, columns = np.random.default_rng(5).integers(0, (700, 400), size=(50, 2)).T
    place = projection(300_000 + (columns + 0.5) * 1000, 4_400_000 - (rows + 0.5) * 1000, inverse=True)
    assert areas[rows, columns] == pytest.approx(1e6 / projection.get_factors(*place).areal_scale, rel=2e-9)


def test_a_raster_beyond_the_pole_is_refused():
    with pytest.raises(CRSError, match="not degrees"):
        cell_areas(Grid(pyproj.CRS("EPSG:4490"), 0.0, 3_000.0, 10.0, 10.0, 10, 10), 0, 10, 0, 10)


def test_a_raster_beyond_its_projection_is_refused():
    with pytest.raises(CRSError, match="is not defined"):
        cell_areas(Grid(pyproj.CRS("EPSG:3035"), 5e7, 5e7, 10.0, 10.0, 10, 10), 0, 10, 0, 10)


# -- shares of cells


def nine_cells(path):
    """The grid of exactextract's own tests: 3 x 3 cells that hold 1 to 9."""
    return write_raster(
        path, np.arange(1, 10, dtype=np.uint8).reshape(3, 3), affine=Affine(1, 0, 0, 0, -1, 3), crs=ALBERS
    )


def test_shares_of_a_square_are_quarters_and_halves(tmp_path):
    # isciences/exactextract, test_raster_cell_intersection.cpp: box 0.5 to 2.5
    found = tally(np.array([shapely.box(0.5, 0.5, 2.5, 2.5)]), [nine_cells(tmp_path / "nine.tif")])
    shares = {code: cells for (_, code), (cells, _) in found.items()}
    assert shares == {1: 0.25, 2: 0.5, 3: 0.25, 4: 0.5, 5: 1.0, 6: 0.5, 7: 0.25, 8: 0.5, 9: 0.25}
    assert sum(code * share for code, share in shares.items()) == 20


def test_a_notch_in_the_square_takes_its_quarter_away(tmp_path):
    # isciences/exactextract, test_exact_extract.py: count 3.75, sum 19.25
    notched = shapely.difference(shapely.box(0.5, 0.5, 2.5, 2.5), shapely.box(2, 2, 2.5, 2.5))
    found = tally(np.array([notched]), [nine_cells(tmp_path / "nine.tif")])
    assert sum(cells for cells, _ in found.values()) == 3.75
    assert sum(code * cells for (_, code), (cells, _) in found.items()) == 19.25


def test_a_square_of_nine_cells_counts_nine_wherever_it_lies(tmp_path):
    # cells counted by their middle give 12 here, all cells touched 16
    path = write_raster(tmp_path / "ones.tif", np.ones((10, 10), dtype=np.uint8))
    square = shapely.box(WEST + 24.9, NORTH - 54.9, WEST + 54.9, NORTH - 24.9)
    assert tally(np.array([square]), [path])[0, 1][0] == pytest.approx(9.0, abs=1e-5)


def test_only_shares_are_asked_of_exactextract(tmp_path, monkeypatch):
    asked = []
    tools = shares._exactextract()

    def extract(grid, polygons, operations, **rest):
        asked.append((type(grid).__name__, operations))
        return tools.extract(grid, polygons, operations, **rest)

    watched = shares._Coverage(extract, tools.grid, tools.polygons, tools.writer)
    monkeypatch.setattr(shares, "_exactextract", lambda: watched)
    values = np.ones((4, 4), dtype=np.uint8)
    affine = Affine(0.02, 0, 109, 0, -0.02, 40.5)
    path = write_raster(tmp_path / "degrees.tif", values, crs="EPSG:4490", affine=affine)
    found = tally(np.array([shapely.box(109.0, 40.48, 109.02, 40.5)]), [path])
    assert asked == [("NumPyRasterSource", ["values", "coverage"])]
    assert found[0, 1][1] == pytest.approx(3_765_741.766, abs=0.01)


def random_zones(count=60, seed=3, span=4000):
    rng = np.random.default_rng(seed)
    centre = shapely.points(WEST + rng.uniform(-200, span, count), NORTH - rng.uniform(-200, span, count))
    return shapely.buffer(centre, rng.uniform(3, 900, count), quad_segs=40)


@pytest.fixture
def landscape(tmp_path):
    values = np.random.default_rng(1).integers(0, 5, (400, 400)).astype(np.uint8)
    return write_raster(tmp_path / "land.tif", values, tiled=True, blockxsize=64, blockysize=64, compress="deflate")


def test_cells_add_up_to_the_polygon(landscape):
    zones = random_zones()
    grid = read_grid(landscape)
    sums = np.zeros(len(zones))
    for part in covered_cells(zones, [landscape]):
        sums += np.bincount(part.zone, weights=part.area_m2, minlength=len(zones))
    inside = shapely.intersection(zones, grid.box)
    assert sums == pytest.approx(polygon_areas(inside, grid.crs, method="geodesic"), rel=1e-6, abs=1e-3)


def test_tiles_of_any_size_give_one_answer(landscape, monkeypatch):
    zones = random_zones()
    whole = tally(zones, [landscape])
    monkeypatch.setattr(covered, "TILE_CELLS", 64 * 64)
    monkeypatch.setattr(reading, "_CELLS_BETWEEN_OPENINGS", 1)
    monkeypatch.setattr(covered, "_MANY_VERTICES", 20)
    tiled = tally(zones, [landscape])
    assert tiled.keys() == whole.keys()
    assert [tiled[key] for key in whole] == [pytest.approx(whole[key], rel=1e-6, abs=1e-3) for key in whole]


def test_rows_of_one_strip_give_the_same_answer_as_tiles(landscape, tmp_path):
    with rasterio.open(landscape) as file:
        strips = write_raster(tmp_path / "strips.tif", file.read(1), blockysize=3)
    zones = random_zones(20)
    a, b = tally(zones, [landscape]), tally(zones, [strips])
    assert [b[key] for key in a] == [pytest.approx(a[key], rel=1e-9) for key in a]


def test_zones_far_away_cover_nothing(landscape):
    far = np.array(
        [shapely.box(WEST - 900_000, 0, WEST - 800_000, 10), shapely.box(WEST, NORTH, WEST + 10, NORTH + 10)]
    )
    assert tally(far, [landscape]) == {}


def test_a_tile_all_alike_is_gathered_into_one_row(tmp_path):
    path = write_raster(tmp_path / "sea.tif", np.full((300, 300), 7, dtype=np.uint8))
    (part,) = covered_cells(None, [path])
    square = ellipsoidal_area(*dense_square(WEST, NORTH - 3000, 3000), GAUSS_KRUGER)
    assert (part.cells.tolist(), part.held[0].tolist()) == ([90_000.0], [7])
    assert part.area_m2[0] == pytest.approx(square, rel=1e-9)


# -- polygons on another CRS


def test_long_edges_are_densified_before_they_move(tmp_path):
    # a parallel of two degrees bulges 900 m north in the plane of the zone: two vertices would cut it off
    values = np.ones((300, 2200), dtype=np.uint8)
    path = write_raster(tmp_path / "wide.tif", values, affine=Affine(100, 0, 390_000, 0, -100, 3_345_000))
    zone = zones_of(shapely.box(116.0, 30.05, 118.0, 30.15), crs="EPSG:4490")
    found = tally(to_grid(zone, read_grid(path)), [path])
    truth = polygon_areas(zone.geometry.to_numpy(), "EPSG:4490", method="geodesic")[0]
    assert found[0, 1][1] == pytest.approx(truth, rel=1e-6)
    assert zone.geometry.iloc[0] == shapely.box(116.0, 30.05, 118.0, 30.15)


def test_zones_on_the_grid_are_not_touched(landscape):
    zones = zones_of(*random_zones(5))
    assert (to_grid(zones, read_grid(landscape)) == zones.geometry.to_numpy()).all()


def test_zones_without_crs_are_refused(landscape):
    with pytest.raises(MissingCRSError):
        to_grid(zones_of(shapely.box(0, 0, 1, 1), crs=None), read_grid(landscape))


def test_zones_on_a_datum_without_known_shift_are_refused(landscape):
    with pytest.raises(CRSError, match=r"(?i)xian 1980"):
        to_grid(zones_of(shapely.box(500_000, 3_319_000, 501_000, 3_320_000), crs="EPSG:2384"), read_grid(landscape))


# -- files read in parts


def test_tiles_named_in_a_vrt_are_one_raster(landscape, tmp_path):
    with rasterio.open(landscape) as file:
        values = file.read(1)
    for name, left in (("west", 0), ("east", 200)):
        affine = Affine(10, 0, WEST + left * 10, 0, -10, NORTH)
        write_raster(tmp_path / f"{name}.tif", values[:, left : left + 200], affine=affine)
    vrt = write_vrt(tmp_path / "both.vrt", {"west.tif": 0, "east.tif": 200})
    zones = random_zones(30)
    a, b = tally(zones, [landscape]), tally(zones, [vrt])
    assert a.keys() == b.keys()
    assert [b[key] for key in a] == [pytest.approx(a[key], rel=1e-9) for key in a]


def write_vrt(path, tiles, *, nodata="<NoDataValue>0</NoDataValue>", width=400):
    sources = "".join(
        f"""<SimpleSource><SourceFilename relativeToVRT="1">{name}</SourceFilename><SourceBand>1</SourceBand>
        <SrcRect xOff="0" yOff="0" xSize="200" ySize="400"/><DstRect xOff="{left}" yOff="0" xSize="200" ySize="400"/>
        </SimpleSource>"""
        for name, left in tiles.items()
    )
    path.write_text(
        f"""<VRTDataset rasterXSize="{width}" rasterYSize="400"><SRS>{GAUSS_KRUGER}</SRS>
        <GeoTransform>{WEST}, 10, 0, {NORTH}, 0, -10</GeoTransform>
        <VRTRasterBand dataType="Byte" band="1">{nodata}{sources}</VRTRasterBand></VRTDataset>"""
    )
    return path


def test_ground_that_no_tile_of_a_vrt_covers_is_nodata(tmp_path):
    write_raster(tmp_path / "west.tif", np.ones((400, 200), dtype=np.uint8))
    found = tally(None, [write_vrt(tmp_path / "half.vrt", {"west.tif": 0})])
    assert {code: cells for (_, code), (cells, _) in found.items()} == {1: 80_000, None: 80_000}


def test_only_blocks_that_a_zone_reaches_are_read(landscape, monkeypatch):
    readers, original = [], covered.BandReader

    def watched(*given):
        readers.append(original(*given))
        return readers[-1]

    monkeypatch.setattr(covered, "BandReader", watched)
    # blocks of 640 m: one zone within a block, one astride the corner of four
    one = shapely.box(WEST + 100, NORTH - 200, WEST + 200, NORTH - 100)
    four = shapely.box(WEST + 1900, NORTH - 1930, WEST + 1930, NORTH - 1910)
    tally(np.array([one]), [landscape])
    tally(np.array([one, four]), [landscape])
    assert [reader.blocks_read for reader in readers] == [1, 5]


# a process of its own: GDAL waits for the web with Python's lock held
SERVER = """
import http.server, pathlib, sys

class Parts(http.server.BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.do_GET(body=False)

    def do_GET(self, body=True):
        path = pathlib.Path(sys.argv[1], self.path.lstrip("/"))
        if not path.is_file():
            self.send_error(404)
            return
        content, wanted = path.read_bytes(), self.headers.get("Range")
        start, stop = 0, len(content)
        if wanted:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(int(last) + 1, stop)
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(stop - start))
        self.send_header("Accept-Ranges", "bytes")
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(content)}")
        self.end_headers()
        if body:
            self.wfile.write(content[start:stop])
            print(stop - start, flush=True)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Parts)
print(server.server_port, flush=True)
server.serve_forever()
"""


def test_a_cloud_optimised_raster_is_read_by_window_over_the_web(tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    values = np.random.default_rng(9).integers(1, 250, (2048, 2048)).astype(np.uint8)
    path = write_raster(tmp_path / "cog.tif", values, driver="COG", blocksize=128, overviews="none", compress="deflate")
    zone = np.array([shapely.box(WEST + 9_000, NORTH - 9_500, WEST + 9_400, NORTH - 9_100)])
    with subprocess.Popen([sys.executable, "-c", SERVER, tmp_path], stdout=subprocess.PIPE, text=True) as server:
        port = int(server.stdout.readline())
        remote = tally(zone, [f"http://127.0.0.1:{port}/cog.tif"])
        server.terminate()
        sent = sum(int(line) for line in server.stdout)
    assert remote == tally(zone, [path])
    assert 0 < sent < path.stat().st_size / 10


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read as Linux tells it")
def test_a_raster_of_ten_thousand_million_cells_needs_less_than_a_gibibyte(tmp_path):
    script = textwrap.dedent(f"""
        import pathlib
        import numpy as np, pyproj, rasterio, shapely
        from affine import Affine
        from rasterio.windows import Window
        from ecozones.area import polygon_areas
        from ecozones.rasters import covered_cells

        n, path = 100_000, {str(tmp_path / "huge.tif")!r}
        affine = Affine(10, 0, 0, 0, -10, 4_000_000)
        options = dict(driver="GTiff", height=n, width=n, count=1, dtype="uint8", nodata=0, crs={ALBERS!r},
                       BIGTIFF="YES", transform=affine, tiled=True, blockxsize=512, blockysize=512,
                       compress="deflate", SPARSE_OK=True)
        block = np.random.default_rng(0).integers(1, 9, (512, 512)).astype(np.uint8)
        with rasterio.open(path, "w", **options) as file:
            for i in range(0, 195, 5):
                file.write(block, 1, window=Window(i * 512, i * 512, 512, 512))
        middle = shapely.Point(500_000, 3_500_000)
        zones = [middle.buffer(499_000, quad_segs=5000), middle.buffer(300, quad_segs=5000)]
        zones = np.array(zones, dtype=object)
        sums, seen = np.zeros(2), np.zeros(2)
        for part in covered_cells(zones, [path]):
            sums += np.bincount(part.zone, weights=part.area_m2, minlength=2)
            seen += np.bincount(part.zone, weights=part.cells * part.valid[0], minlength=2)
        assert np.allclose(sums, polygon_areas(zones, {ALBERS!r}, method="geodesic"), rtol=1e-6), sums
        assert seen[0] > 39 * 512 * 512 * 0.5, seen
        # not ru_maxrss: that begins with the memory of the process it was started from
        print(pathlib.Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
    """)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 1 << 20  # kibibytes


# -- rasters that are refused


def test_a_path_that_is_no_raster_is_refused(tmp_path):
    (tmp_path / "text.tif").write_text("no raster")
    for name in ("absent.tif", "text.tif"):
        with pytest.raises(InputError, match=f"{name} cannot be opened"):
            read_grid(tmp_path / name)


def test_a_truncated_file_is_refused_where_its_blocks_are_missing(landscape, tmp_path):
    content = landscape.read_bytes()
    cut = tmp_path / "cut.tif"
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="damaged or incomplete"):
        tally(None, [cut])


def test_missing_blocks_are_nodata_only_where_the_file_says_what_nodata_is(tmp_path):
    def sparse(name, nodata):
        path, block = tmp_path / name, np.ones((64, 64), dtype=np.uint8)
        options = {"tiled": True, "blockxsize": 64, "blockysize": 64, "SPARSE_OK": True, "nodata": nodata}
        write_raster(path, np.empty((1, 0, 0), dtype=np.uint8), height=128, width=128, **options)
        with rasterio.open(path, "r+") as file:
            file.write(block, 1, window=((0, 64), (0, 64)))
        return path

    stated = tally(None, [sparse("stated.tif", 0)])
    assert {code: cells for (_, code), (cells, _) in stated.items()} == {1: 4096, None: 12_288}
    silent = sparse("silent.tif", None)
    for nodata in (None, 255):
        with pytest.raises(InputError, match=r"block 0, 1 .* is missing"):
            tally(None, [RasterBand(silent, nodata=nodata)])


def test_a_missing_tile_of_a_vrt_is_an_error_and_not_nodata(tmp_path):
    with pytest.raises(InputError, match="a tile it names is missing"):
        tally(None, [write_vrt(tmp_path / "gone.vrt", {"gone.tif": 0})])


def test_a_vrt_must_state_nodata_itself(tmp_path):
    write_raster(tmp_path / "west.tif", np.ones((400, 200), dtype=np.uint8))
    vrt = write_vrt(tmp_path / "silent.vrt", {"west.tif": 0}, nodata="")
    with pytest.raises(InputError, match="a VRT must state a nodata value"):
        read_grid(RasterBand(vrt, nodata=None))


ONES = np.ones((4, 4), dtype=np.uint8)


@pytest.mark.parametrize(
    ("values", "options", "told"),
    [
        (ONES, {"affine": Affine(10, 2, WEST, 2, -10, NORTH)}, "rotated"),
        (ONES, {"affine": Affine(10, 0, WEST, 0, 10, NORTH)}, "north to south"),
        (ONES, {"nodata": None}, "states no nodata value"),
        (ONES.astype(np.float32), {}, "classes must be whole numbers, and the band holds float32"),
        (ONES.astype(np.complex64), {}, "complex64 are not supported"),
    ],
)
def test_rasters_that_would_need_a_guess_are_refused(tmp_path, values, options, told):
    path = write_raster(tmp_path / "bad.tif", values, **options)
    with pytest.raises(InputError, match=told):
        read_grid(path)


def test_every_fault_of_a_raster_is_told_at_once(tmp_path):
    affine = Affine(10, 2, WEST, 2, -10, NORTH)
    path = write_raster(tmp_path / "bad.tif", ONES.astype(np.float32), affine=affine, nodata=None)
    with pytest.raises(InputError, match=r"nodata.*rotated.*whole numbers"):
        read_grid(path)


def test_a_scaled_band_holds_no_classes(tmp_path):
    path = write_raster(tmp_path / "scaled.tif", ONES)
    with rasterio.open(path, "r+") as file:
        file.scales = (0.01,)
    with pytest.raises(InputError, match="measurements, not classes"):
        read_grid(path)
    (part,) = covered_cells(None, [path], content="numbers")
    assert part.held[0][0] == 0.01


def test_nodata_may_be_given_only_where_the_file_is_silent(tmp_path):
    silent = write_raster(tmp_path / "silent.tif", np.array([[1, 255]], dtype=np.uint8), nodata=None)
    assert {code for _, code in tally(None, [RasterBand(silent, nodata=255)])} == {1, None}
    assert {code for _, code in tally(None, [RasterBand(silent, nodata=None)])} == {1, 255}
    with pytest.raises(InputError, match="no value of uint8"):
        read_grid(RasterBand(silent, nodata=-9999))
    stated = write_raster(tmp_path / "stated.tif", ONES, nodata=0)
    assert read_grid(RasterBand(stated, nodata=0)).rows == 4
    for nodata in (None, 255):
        with pytest.raises(InputError, match="cannot both be right"):
            read_grid(RasterBand(stated, nodata=nodata))


def test_a_mask_beside_the_band_says_what_is_empty(tmp_path):
    path = write_raster(tmp_path / "masked.tif", ONES, nodata=None)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as file:
        file.write_mask(np.array([[255] * 4] * 3 + [[0] * 4], dtype=np.uint8))
    assert {code: cells for (_, code), (cells, _) in tally(None, [path]).items()} == {1: 12, None: 4}


def test_a_raster_without_crs_is_refused(tmp_path):
    with pytest.raises(MissingCRSError):
        read_grid(write_raster(tmp_path / "bare.tif", ONES, crs=None))


def test_web_mercator_is_refused(tmp_path):
    affine = Affine(10, 0, 1.2e7, 0, -10, 4.9e6)
    with pytest.raises(CRSError, match="Web Mercator"):
        read_grid(write_raster(tmp_path / "web.tif", ONES, crs="EPSG:3857", affine=affine))


def test_metres_called_degrees_are_refused(tmp_path):
    with pytest.raises(CRSError, match="metres"):
        read_grid(write_raster(tmp_path / "wrong.tif", ONES, crs="EPSG:4490"))


def test_coordinates_of_a_drawing_board_are_refused(tmp_path):
    board = 'LOCAL_CS["board",UNIT["metre",1],AXIS["x",EAST],AXIS["y",NORTH]]'
    with pytest.raises(CRSError, match="cannot be placed"):
        read_grid(write_raster(tmp_path / "board.tif", ONES, crs=board))


def test_a_band_that_is_not_there_is_refused(landscape):
    with pytest.raises(InputError, match="bands 1 to 1, not 2"):
        read_grid(RasterBand(landscape, band=2))


def test_two_dates_must_lie_on_one_grid(tmp_path):
    first = write_raster(tmp_path / "a.tif", ONES)
    shifted = write_raster(tmp_path / "b.tif", ONES, affine=Affine(10, 0, WEST + 5, 0, -10, NORTH))
    with pytest.raises(InputError, match=r"different grids: west 500000.0 and 500005.0; resample"):
        check_same_grid([first, shifted])
    larger = write_raster(tmp_path / "c.tif", np.ones((5, 4), dtype=np.uint8))
    with pytest.raises(InputError, match="rows 4 and 5"):
        check_same_grid([first, larger])
    other = write_raster(tmp_path / "d.tif", ONES, crs="EPSG:4547")
    with pytest.raises(CRSError, match="different CRS"):
        check_same_grid([first, other])


# -- optional packages


def test_the_library_starts_without_rasterio_and_exactextract():
    script = "import sys, ecozones, ecozones.landcover; print({'rasterio', 'exactextract'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("package", ["rasterio", "exactextract"])
def test_a_missing_package_is_named_with_the_extra_that_brings_it(landscape, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    shares._exactextract.cache_clear()
    with pytest.raises(MissingDependencyError, match=rf"{package}.*ecozones\[raster\]"):
        tally(random_zones(1, span=1), [landscape])
    monkeypatch.undo()
    importlib.import_module(package)


# -- a real raster


def test_cells_of_zion_agree_with_a_count_of_points():
    # independent: a hundred points in every cell, each asked whether it lies in the park
    path = DATA / "zion_nlcd2011_crop.tif"
    park = gpd.read_file(DATA / "zion_park_crop.fgb")
    grid = read_grid(path)
    moved = park.to_crs(grid.crs).geometry.union_all()
    found = tally(np.array([moved]), [path])
    with rasterio.open(path) as file:
        values = np.kron(file.read(1), np.ones((5, 5), dtype=np.uint8))
    x = grid.west + (np.arange(values.shape[1]) + 0.5) * grid.cell_width / 5
    y = grid.north - (np.arange(values.shape[0]) + 0.5) * grid.cell_height / 5
    shapely.prepare(moved)
    inside = shapely.contains_xy(moved, *np.meshgrid(x, y))
    counts = np.bincount(values[inside]) / 25
    for (_, code), (cells, _) in found.items():
        assert cells == pytest.approx(counts[code], rel=2e-3, abs=2)


def test_an_unnamed_datum_is_not_taken_for_that_of_the_raster():
    park = gpd.read_file(DATA / "zion_park_crop.fgb")
    with pytest.raises(CRSError):
        to_grid(park, read_grid(DATA / "zion_nlcd2011_crop.tif"))
