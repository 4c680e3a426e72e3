"""
Draw an invented plan inside real county boundaries, and sites whose verdicts are known by how they were placed.

Run it with ``python sample_data/make_sample_data.py``; it needs contourpy and scipy besides the library's own packages,
and writes the same bytes each time it runs on the same versions of GDAL and SQLite. Nothing here is official: the
boundaries of the counties are real, everything drawn inside them is made up.

What is expected of the sites is written by hand in ``expected_verdicts.csv``, from the rules as a planner reads them;
this script puts each site on the ground named there and asserts with shapely that it lies on that ground and no other.
The library's own answers are never used.
"""

# ruff: noqa: PLR2004 - a drawing is made of sizes

from __future__ import annotations

import datetime as dt
import itertools
import pathlib
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from typing import Any

import contourpy
import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, zoom

from ecozones.boundary_text import write_boundary_text

HERE = pathlib.Path(__file__).parent
INVENTED = "虚构示例，非官方数据 (invented example, not official data)"
MAIN_CRS = "EPSG:4524"  # CGCS2000 / 3-degree Gauss-Kruger zone 36, easting with zone number: 渝北区
DEGREES = "EPSG:4490"
MM = 0.001
GEOD = pyproj.Geod(ellps="GRS80")
Polygonal = shapely.Polygon | shapely.MultiPolygon


# ----------------------------------------------------------------------------------------------- ground to draw on
class Terrain:
    """A random field over a bounding box: smooth noise summed over octaves, standardised."""

    def __init__(self, bounds: Iterable[float], cell_m: float, seed: int, *, base: int = 4, gain: float = 0.55) -> None:
        west, south, east, north = bounds
        self.cell_m = cell_m
        self.x = west - 2 * cell_m + np.arange(int((east - west) / cell_m) + 6) * cell_m
        self.y = south - 2 * cell_m + np.arange(int((north - south) / cell_m) + 6) * cell_m
        rng = np.random.default_rng(seed)
        shape = (len(self.y), len(self.x))
        total = np.zeros(shape)
        weight, knots = 1.0, base
        while knots < max(shape) / 2:
            small = rng.standard_normal([int(np.ceil(knots * size / max(shape))) + 4 for size in shape])
            factors = [size / (have - 3) for size, have in zip(shape, small.shape, strict=True)]
            total += weight * zoom(small, factors, order=3)[: shape[0], : shape[1]]
            weight, knots = weight * gain, knots * 2
        self.heights = (total - total.mean()) / total.std()

    def at(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Interpolate the field at points."""
        rows, columns = (np.asarray(y) - self.y[0]) / self.cell_m, (np.asarray(x) - self.x[0]) / self.cell_m
        return np.asarray(map_coordinates(self.heights, [np.atleast_1d(rows), np.atleast_1d(columns)], order=1))

    def contours(self, levels: Iterable[float]) -> list[shapely.LineString]:
        """Draw the lines of equal height."""
        generator = contourpy.contour_generator(x=self.x, y=self.y, z=self.heights)
        return [
            shapely.LineString(np.round(line, 3))
            for level in levels
            for line in generator.lines(level)
            if len(line) > 1
        ]

    def quantile(self, share: float, within: Polygonal) -> float:
        """Give the height below which a share of some land lies."""
        grid_x, grid_y = np.meshgrid(self.x, self.y)
        inside = shapely.contains_xy(within, grid_x, grid_y)
        return float(np.quantile(self.heights[inside], share))


def arrange(lines: Iterable[shapely.Geometry]) -> NDArray[np.object_]:
    """Cut the plane along lines into faces that share their edges to the last bit."""
    noded = shapely.union_all(np.array(list(lines), dtype=object), grid_size=MM)
    return np.asarray(shapely.get_parts(shapely.polygonize(shapely.get_parts(noded))))


def dissolve(faces: NDArray[np.object_], wanted: NDArray[np.bool_]) -> NDArray[np.object_]:
    """Parts of the union of some faces; edges between faces vanish and no vertex moves."""
    parts = shapely.get_parts(shapely.coverage_union_all(faces[wanted]))
    return parts[np.argsort(shapely.area(parts), kind="stable")[::-1]]


def county(codes: list[int], crs: str) -> gpd.GeoDataFrame:
    """Real boundaries, on a projected CRS and rounded to the millimetre as survey data are."""
    frame = gpd.read_file(HERE / "boundaries" / "counties.geojson")
    frame = frame[frame.district_adcode.isin(codes)].reset_index(drop=True)
    # CGCS2000 and WGS 84 differ by less than a metre, and these outlines are far coarser
    frame = frame.set_crs(DEGREES, allow_override=True).to_crs(crs)
    return frame.set_geometry(shapely.set_precision(frame.geometry.to_numpy(), MM))


def area_m2(geometry: shapely.Geometry, crs: str) -> float:
    """Area on the ellipsoid by the geodesic method, edges densified every 70 m in the plane."""
    dense = shapely.orient_polygons(shapely.segmentize(geometry, 70.0))
    return abs(GEOD.geometry_area_perimeter(gpd.GeoSeries([dense], crs=crs).to_crs(DEGREES).iloc[0])[0])


def half_up(value: float, digits: int = 2) -> float:
    """Round halves up, as survey tables do."""
    return float(np.floor(value * 10**digits + 0.5) / 10**digits)


# ------------------------------------------------------------------------------------------------ control lines
def draw_lines(
    land: Polygonal, cell_m: float, seed: int, *, town: tuple[float, float] | None, holes: list[Polygonal]
) -> dict[str, Any]:
    """Partition land into red line sub-zones, urban sub-zones and the rest, all with exactly shared edges."""
    hills = Terrain(land.bounds, cell_m, seed, gain=0.86)
    towns = Terrain(land.bounds, cell_m, seed + 1, base=8)
    if town is not None:
        grid_x, grid_y = np.meshgrid(towns.x, towns.y)
        distance = np.hypot(grid_x - town[0], grid_y - town[1])
        towns.heights = towns.heights * 0.45 + 2.2 * np.exp(-((distance / 9_000) ** 2)) - 0.6 * hills.heights
    red = [hills.quantile(share, land) for share in (0.74, 0.83, 0.93)]
    eco = hills.quantile(0.62, land)
    built = [towns.quantile(share, land) for share in (0.88, 0.905)]
    park = hills.quantile(0.45, land)
    faces = arrange(
        [land.boundary, *(hole.boundary for hole in holes), *hills.contours([park, eco, *red]), *towns.contours(built)]
    )
    spots = shapely.point_on_surface(faces)
    inside = shapely.contains(land, spots)
    for hole in holes:
        inside &= ~shapely.contains(hole, spots)
    faces, spots = faces[inside], spots[inside]
    height = hills.at(shapely.get_x(spots), shapely.get_y(spots))
    bustle = towns.at(shapely.get_x(spots), shapely.get_y(spots))
    in_red = height >= red[0]
    in_urban = (bustle >= built[0]) & ~in_red
    masks = {
        "core": height >= red[2],
        "general": (height >= red[1]) & (height < red[2]),
        "outside": in_red & (height < red[1]),
        "concentrated": in_urban & (bustle >= built[1]) & (height < park),
        "flexible": in_urban & (bustle < built[1]) & (height < park),
        "special": in_urban & (height >= park),
        "ecological_space": in_red | ((height >= eco) & ~in_urban),
        "urban_space": in_urban,
    }
    masks["agricultural_space"] = ~masks["ecological_space"] & ~in_urban
    masks["land"] = np.ones(len(faces), dtype=bool)
    return {name: dissolve(faces, mask) for name, mask in masks.items()}


RED_WORDS = {"core": "核心保护区", "general": "一般控制区", "outside": "自然保护地以外"}
URBAN_WORDS = {
    "concentrated": ("城镇集中建设区", "01"),
    "flexible": ("城镇弹性发展区", "02"),
    "special": ("特别用途区", "03"),
}


def red_line_frame(
    parts: dict[str, NDArray[np.object_]], code: int, county_name: str, crs: str, bands: int
) -> gpd.GeoDataFrame:
    """Fill the delivery schema of the red line: a row for each sub-zone and band of the county, multi-part as usual."""
    rows = []
    for subzone, words in RED_WORDS.items():
        pieces = parts[subzone]
        north = shapely.get_y(shapely.centroid(pieces))
        edges = np.quantile(north, np.linspace(0, 1, bands + 1)[1:-1])
        for band in range(bands):
            mine = pieces[np.searchsorted(edges, north, side="right") == band]
            if len(mine):
                rows.append((subzone, words, band, shapely.multipolygons(mine)))
    return gpd.GeoDataFrame(
        {
            "BSM": [f"{code}20200000{i:04d}" for i in range(1, len(rows) + 1)],
            "YSDM": "2090020200",
            "XZQDM": str(code),
            "XZQMC": county_name,
            "HXBM": [f"HX{code}{i:04d}" for i in range(1, len(rows) + 1)],
            "HXMC": [f"示例红线{'甲乙丙丁戊己'[band]}片" for _, _, band, _ in rows],
            "HXLX": "示例类型",
            "ZRBHDMC": [
                None if subzone == "outside" else f"示例自然保护地{'甲乙丙丁戊己'[band]}"
                for subzone, _, band, _ in rows
            ],
            "ZRBHDFQ": [words for _, words, _, _ in rows],
            "BZ": INVENTED,
        },
        geometry=[geometry for *_, geometry in rows],
        crs=crs,
    )


def urban_frame(parts: dict[str, NDArray[np.object_]], code: int, county_name: str, crs: str) -> gpd.GeoDataFrame:
    """Fill the schema of the urban development boundary."""
    rows = [(subzone, part) for subzone in URBAN_WORDS for part in parts[subzone] if part.area > 1_000]
    return gpd.GeoDataFrame(
        {
            "BSM": [f"{code}20300000{i:04d}" for i in range(1, len(rows) + 1)],
            "YSDM": "2090020300",
            "XZQDM": str(code),
            "XZQMC": county_name,
            "GHFQDM": [URBAN_WORDS[subzone][1] for subzone, _ in rows],
            "GHFQMC": [URBAN_WORDS[subzone][0] for subzone, _ in rows],
            "MJ": [half_up(area_m2(part, crs)) for _, part in rows],
            "BZ": INVENTED,
        },
        geometry=[part for _, part in rows],
        crs=crs,
    )


def extent_frame(land: Polygonal, code: int, county_name: str, crs: str) -> gpd.GeoDataFrame:
    """Fill the schema of the administrative area."""
    return gpd.GeoDataFrame(
        {
            "BSM": [f"{code}100000000001"],
            "YSDM": "1000600100",
            "XZQDM": str(code),
            "XZQMC": county_name,
            "JSMJ": [half_up(area_m2(land, crs))],
            "BZ": "行政区界来自天地图，界内扣除一处虚构的未提供数据区域" if code == MAIN_CODE else "行政区界来自天地图",
        },
        geometry=[land],
        crs=crs,
    )


def draw_parcels(ground: Polygonal, seed: int, *, spacing_m: float, wanted: int) -> NDArray[np.object_]:
    """Farmland parcels on a jittered grid; both neighbours of an edge get the same wiggle, so they share it exactly."""
    west, south, east, north = ground.bounds
    nx, ny = int((east - west) / spacing_m), int((north - south) / spacing_m)
    rng = np.random.default_rng(seed)
    node_x, node_y = np.meshgrid(west + np.arange(nx + 1) * spacing_m, south + np.arange(ny + 1) * spacing_m)
    nodes = np.dstack([node_x, node_y]) + (rng.random((ny + 1, nx + 1, 2)) - 0.5) * spacing_m * 0.45
    along = np.array([0.2, 0.4, 0.6, 0.8])
    wiggle = {"across": (rng.random((ny + 1, nx, 4)) - 0.5) * 0.16, "up": (rng.random((ny, nx + 1, 4)) - 0.5) * 0.16}

    def edge(start: NDArray[np.float64], end: NDArray[np.float64], bend: NDArray[np.float64]) -> NDArray[np.float64]:
        step = end - start
        normal = np.array([-step[1], step[0]])
        return np.vstack([start, start + along[:, None] * step + bend[:, None] * normal])

    shapely.prepare(ground)
    clusters = Terrain(ground.bounds, spacing_m, seed + 1, base=18)
    middle_x, middle_y = np.meshgrid(
        west + (np.arange(nx) + 0.5) * spacing_m, south + (np.arange(ny) + 0.5) * spacing_m
    )
    order = np.argsort(-clusters.at(middle_x.ravel(), middle_y.ravel()), kind="stable")
    parcels = []
    for row, column in zip(*np.unravel_index(order, (ny, nx)), strict=True):
        a, b, c, d = nodes[row, column], nodes[row, column + 1], nodes[row + 1, column + 1], nodes[row + 1, column]
        if not shapely.contains_xy(ground, middle_x[row, column], middle_y[row, column]):
            continue
        # the upper and left edges are drawn from their own start, then turned round, so both neighbours see one edge
        top = np.vstack([edge(d, c, wiggle["across"][row + 1, column]), c])[::-1]
        left = np.vstack([edge(a, d, wiggle["up"][row, column]), d])[::-1]
        ring = np.vstack(
            [edge(a, b, wiggle["across"][row, column]), edge(b, c, wiggle["up"][row, column + 1]), top[:-1], left[:-1]]
        )
        parcel = shapely.Polygon(np.round(ring, 3))
        if parcel.is_valid and shapely.contains_properly(ground, parcel):
            parcels.append(parcel)
        if len(parcels) == wanted:
            break
    return np.array(parcels, dtype=object)


def farmland_frame(
    parcels: NDArray[np.object_], subzones: list[str], code: int, county_name: str, crs: str, seed: int
) -> gpd.GeoDataFrame:
    """Fill the official patch table, with the deducted share of ditches (KCXS) and columns about persons."""
    rng = np.random.default_rng(seed)
    number = np.arange(1, len(parcels) + 1)
    patch = np.array([half_up(area_m2(parcel, crs)) for parcel in parcels])
    share = np.round(rng.choice([0.0, 0.0512, 0.0837, 0.1046, 0.1329], len(parcels)), 4)
    deducted = np.array([half_up(value) for value in patch * share])
    wet = rng.random(len(parcels)) < 0.4
    return gpd.GeoDataFrame(
        {
            "BSM": [f"{code}204000{i:06d}" for i in number],
            "YSDM": "2090020400",
            "XZQDM": str(code),
            "XZQMC": county_name,
            "YJJBNTTBBH": [f"{code}N{i:05d}" for i in number],
            "TBBH": [f"{i:05d}" for i in number],
            "DLBM": np.where(wet, "0101", "0103"),
            "DLMC": np.where(wet, "水田", "旱地"),
            "QSXZ": "30",
            "ZLDWMC": [f"示例村{i % 37 + 1}" for i in number],
            "YJJBNTTBMJ": patch,
            "KCXS": share,
            "KCMJ": deducted,
            "YJJBNTMJ": np.round(patch - deducted, 2),
            "GDPDJB": rng.integers(1, 6, len(parcels)).astype(str),
            "SJNF": "2025",
            "ZRRMC": [f"虚构人{i % 97 + 1}" for i in number],
            "LXDH": "00000000000",
            "SUBZONE": subzones,
            "BZ": INVENTED,
        },
        geometry=list(parcels),
        crs=crs,
    )


MAIN_CODE = 500112


# ---------------------------------------------------------------------------------------- the main county, 渝北区
class Ground:
    """The main county as drawn, and what it is made of, for placing conflicts and sites on known ground."""

    def __init__(self) -> None:
        boundary = county([MAIN_CODE], MAIN_CRS)
        self.name = str(boundary.district_name.iloc[0])
        self.land = boundary.geometry.iloc[0]
        self.withheld = rectangle(self.project(106.80, 29.93), 1_600, 1_200)
        parts = draw_lines(self.land, 120.0, 2035, town=self.project(106.56, 29.68), holes=[self.withheld])
        (self.extent,) = parts["land"]
        self.spaces = {space: shapely.multipolygons(parts[space]) for space in parts if space.endswith("_space")}
        fields = shapely.multipolygons(parts["agricultural_space"])
        self.parcels = draw_parcels(fields, 7, spacing_m=160.0, wanted=2_600)
        self.urban = urban_frame(parts, MAIN_CODE, self.name, MAIN_CRS)
        self.red = red_line_frame(parts, MAIN_CODE, self.name, MAIN_CRS, bands=4)
        self.planted: list[dict[str, Any]] = []
        self.plant(parts, fields)
        self.red = in_degrees(self.red)
        self.farmland_union = shapely.union_all(self.farmland.geometry.to_numpy())
        self.urban_union = shapely.union_all(self.urban.geometry.to_numpy())
        drawn = self.red.to_crs(MAIN_CRS)
        self.red_union = shapely.union_all(drawn.geometry.to_numpy())
        claimed = shapely.union_all([self.farmland_union, self.urban_union, self.red_union])
        self.plain = self.extent.difference(claimed)
        words = {words: subzone for subzone, words in RED_WORDS.items()}
        self.parts: dict[tuple[str, str], Polygonal] = {}
        for frame, line, subzones in (
            (drawn, "ecological_red_line", drawn.ZRBHDFQ.map(words).fillna("")),
            (self.farmland, "permanent_basic_farmland", self.farmland.SUBZONE.map({"储备区": "reserve"}).fillna("pbf")),
            (
                self.urban,
                "urban_development_boundary",
                self.urban.GHFQMC.map({v[0]: k for k, v in URBAN_WORDS.items()}),
            ),
        ):
            for subzone in sorted(set(subzones)):
                self.parts[line, subzone] = shapely.union_all(frame.geometry[subzones == subzone].to_numpy())

    def project(self, longitude: float, latitude: float) -> tuple[float, float]:
        """Bring a place to the grid of the county."""
        point = gpd.GeoSeries([shapely.Point(longitude, latitude)], crs=DEGREES).to_crs(MAIN_CRS).iloc[0]
        return round(point.x), round(point.y)

    def plant(self, parts: dict[str, NDArray[np.object_]], fields: Polygonal) -> None:
        """Add the conflicts that later checks must find; each is recorded with the ids and the ground it covers."""
        rng = np.random.default_rng(99)
        near = self.parcels[1_500].centroid
        order = np.argsort(shapely.distance(shapely.centroid(self.parcels), near), kind="stable")
        subzones = np.full(len(self.parcels), None, dtype=object)
        subzones[order[:60]] = "储备区"
        town = shapely.multipolygons(parts["concentrated"])
        beside = fields.difference(shapely.union_all(self.parcels))

        x, y = place(town, 260, rng)
        self.island = [rectangle((x + dx, y + dy), 150, 120) for dx in (-75, 75) for dy in (-60, 60)]
        cx, cy = place(town.difference(shapely.box(x - 800, y - 800, x + 800, y + 800)), 320, rng)
        built = shapely.multipolygons(parts["urban_space"])
        straddling = next(
            box
            for vx, vy in shapely.get_coordinates(built)[::7]
            if 0.3 < (box := rectangle((round(vx), round(vy)), 200, 200)).intersection(built).area / box.area < 0.7
            and box.difference(built).difference(beside).area < 1e-6
        )
        twin = self.parcels[310]
        shifted = shapely.transform(self.parcels[905], lambda xy: np.round(xy + [41.0, 0.0], 3))
        extra = [*self.island, straddling, twin, shifted]
        parcels = np.concatenate([self.parcels, np.array(extra, dtype=object)])
        self.farmland = farmland_frame(parcels, [*subzones, *[None] * len(extra)], MAIN_CODE, self.name, MAIN_CRS, 8)
        wrong = 1_234
        self.farmland.loc[wrong, "YJJBNTTBMJ"] = half_up(self.farmland.YJJBNTTBMJ[wrong] * 1.12)
        ids = self.farmland.YJJBNTTBBH
        first = len(self.parcels)

        overlap = dense(rectangle(rounded(self.parcels[100].centroid), 600, 400))
        in_town = dense(rectangle((cx, cy), 500, 300))
        bx, by = place(
            shapely.multipolygons(parts["ecological_space"]).difference(
                shapely.multipolygons([*parts["core"], *parts["general"], *parts["outside"]])
            ),
            700,
            rng,
        )
        blank = dense(rectangle((bx, by), 800, 800))
        start = len(self.red) + 1
        added = (
            self.red.iloc[[0, 0, 0]]
            .assign(
                BSM=[f"{MAIN_CODE}20200000{start + i:04d}" for i in range(3)],
                HXBM=[f"HX{MAIN_CODE}{start + i:04d}" for i in range(3)],
                HXMC=["示例红线压占农田", "示例红线压占城镇", "示例红线未填分区"],
                ZRBHDMC=["示例自然保护地庚", None, None],
                ZRBHDFQ=["一般控制区", "自然保护地以外", None],
            )
            .set_geometry([overlap, in_town, blank], crs=MAIN_CRS)
        )
        self.red = pd.concat([self.red, added], ignore_index=True)
        red_id, town_id, blank_id = added.BSM

        def note(kind: str, line_a: str, a: str, line_b: str, b: str, area: float, text: str) -> None:
            self.planted.append(
                {
                    "kind": kind,
                    "line_a": line_a,
                    "feature_a": a,
                    "line_b": line_b,
                    "feature_b": b,
                    "area_m2": half_up(area),
                    "note": text,
                }
            )

        red, farm, urban = "ecological_red_line", "permanent_basic_farmland", "urban_development_boundary"
        for frame, line, shape, feature, kind in (
            (self.farmland, farm, overlap, red_id, "red line over farmland"),
            (self.urban, urban, in_town, town_id, "red line inside the urban boundary"),
        ):
            for row in np.flatnonzero(shapely.intersects(frame.geometry.to_numpy(), shape)):
                common = shape.intersection(frame.geometry.iloc[row])
                if common.area > 0:
                    other = ids[row] if line == farm else frame.BSM[row]
                    note(kind, red, feature, line, other, area_m2(common, MAIN_CRS), "")
        holder = self.urban.BSM[self.urban.contains(self.island[0])].iloc[0]
        for row in range(first, first + 4):
            note(
                "farmland island inside the urban boundary",
                farm,
                ids[row],
                urban,
                holder,
                area_m2(parcels[row], MAIN_CRS),
                "lawful: a warning, not an error",
            )
        for row in np.flatnonzero(self.urban.intersects(straddling)):
            common = straddling.intersection(self.urban.geometry.iloc[row])
            if common.area > 0:
                note(
                    "farmland across the urban boundary",
                    farm,
                    ids[first + 4],
                    urban,
                    self.urban.BSM[row],
                    area_m2(common, MAIN_CRS),
                    "",
                )
        note(
            "registered twice",
            farm,
            ids[310],
            farm,
            ids[first + 5],
            area_m2(twin, MAIN_CRS),
            "same outline, two numbers",
        )
        for row in np.flatnonzero(shapely.intersects(parcels[:first], shifted)):
            common = shifted.intersection(parcels[row])
            if common.area > 0:
                note(
                    "overlap in one layer",
                    farm,
                    ids[row],
                    farm,
                    ids[first + 6],
                    area_m2(common, MAIN_CRS),
                    "drawn 41 m too far east",
                )
        note("red line without sub-zone", red, blank_id, "", "", area_m2(blank, MAIN_CRS), "ZRBHDFQ is empty")
        note(
            "stated area wrong",
            farm,
            ids[wrong],
            "",
            "",
            area_m2(parcels[wrong], MAIN_CRS),
            "YJJBNTTBMJ is 12 % too large",
        )
        self.twin, self.in_town = twin, in_town


def corridor_ground(shape: shapely.Geometry, width_m: float) -> shapely.Geometry:
    """Give a corridor the ground it takes: straight ends, and bends with corners; without a width it stays a line."""
    if not width_m > 0:
        return shape
    return shapely.buffer(shape, width_m / 2, cap_style="flat", join_style="mitre", mitre_limit=2.0)


def rounded(point: shapely.Point) -> tuple[float, float]:
    """Give a point to the whole metre."""
    return round(point.x), round(point.y)


def rectangle(centre: tuple[float, float], width: float, height: float) -> shapely.Polygon:
    """Draw a rectangle about its centre."""
    x, y = centre
    return shapely.box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def dense(shape: shapely.Polygon) -> shapely.Polygon:
    """Set a vertex every 50 m, so that an edge in degrees follows the one drawn in metres within 0.1 mm."""
    return shapely.transform(shapely.segmentize(shape, 50.0), lambda xy: np.round(xy, 3))


def in_degrees(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Bring the red line to degrees, as it is delivered, though its sister layers are in metres."""
    degrees = frame.to_crs(DEGREES)
    rounded_degrees = shapely.transform(degrees.geometry.to_numpy(), lambda xy: np.round(xy, 10))
    assert shapely.is_valid(rounded_degrees).all()
    return degrees.set_geometry(rounded_degrees)


def place(inside: Polygonal, radius: float, rng: np.random.Generator) -> tuple[float, float]:
    """Find a whole-metre point around which a disc lies inside some ground."""
    parts = shapely.get_parts(inside)
    shapely.prepare(parts)
    west, south, east, north = inside.bounds
    for _ in range(200_000):
        x, y = round(rng.uniform(west, east)), round(rng.uniform(south, north))
        disc = shapely.Point(x, y).buffer(radius)
        if shapely.contains_properly(parts, disc).any():
            return x, y
    message = f"no disc of {radius} m fits"
    raise RuntimeError(message)


def blob(centre: tuple[float, float], radius: float, rng: np.random.Generator, points: int = 14) -> shapely.Polygon:
    """Draw an irregular plot."""
    angle = np.arange(points) * 2 * np.pi / points
    reach = radius * rng.uniform(0.55, 1.0, points)
    return shapely.Polygon(np.round(np.array(centre) + np.c_[reach * np.cos(angle), reach * np.sin(angle)], 3))


# ------------------------------------------------------------------------------------------------------- the sites
RED, FARM, URBAN = "ecological_red_line", "permanent_basic_farmland", "urban_development_boundary"


def make_sites(ground: Ground) -> gpd.GeoDataFrame:
    """Put each site of the hand-written table on the ground that the table names, and make sure that it lies there."""
    table = pd.read_csv(HERE / "expected_verdicts.csv", dtype=str, keep_default_na=False)
    placer = Placer(ground)
    shapes = []
    for number, row in enumerate(table.itertuples()):
        recipe, *sizes = row.shape.split()
        wanted = [(line, subzones.split("+")) for line, subzones in map(_split, filter(None, row.ground.split("; ")))]
        width = float(row.width_m or 0)
        rng = np.random.default_rng([40, number])
        shape = getattr(placer, recipe)(*map(float, sizes), regions=placer.regions(wanted), width=width, rng=rng)
        met = {key for key, region in ground.parts.items() if takes_ground(corridor_ground(shape, width), region)}
        said = {(line, "" if subzone == "blank" else subzone) for line, subzones in wanted for subzone in subzones}
        assert met == said, (row.site_id, met, said)
        shapes.append(shape)
    return gpd.GeoDataFrame(
        {
            "site_id": table["site_id"],
            "name": table["name"],
            "activity": table["activity"].replace("", None),
            "width_m": pd.to_numeric(table["width_m"]),
            "BZ": INVENTED,
        },
        geometry=shapes,
        crs=MAIN_CRS,
    )


def _split(text: str) -> tuple[str, str]:
    line, subzones = text.split(": ")
    return line, subzones


class Placer:
    """The recipes of the column ``shape``: each draws one site, from its sizes in metres, on given ground."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        part = ground.parts
        claimed = shapely.union_all([ground.red_union, ground.urban_union])
        # ground of one line where no other line is near
        self.calm = {
            (FARM, "pbf"): part[FARM, "pbf"].difference(claimed.buffer(5)).difference(ground.twin.buffer(200)),
            (URBAN, "concentrated"): part[URBAN, "concentrated"].difference(
                shapely.union_all([ground.farmland_union, ground.red_union]).buffer(5)
            ),
        }
        self.block = shapely.union_all(ground.island)

    def regions(self, wanted: list[tuple[str, list[str]]]) -> list[Polygonal]:
        """Find the ground that is named, and the ground beside it that carries no claim."""
        keys = [(line, "" if subzone == "blank" else subzone) for line, subzones in wanted for subzone in subzones]
        return [*(self.calm.get(key, self.ground.parts[key]) for key in keys), self.ground.plain]

    def blob(
        self, radius: float, *, regions: list[Polygonal], rng: np.random.Generator, **_: object
    ) -> shapely.Polygon:
        """Draw an irregular plot inside the first region."""
        return blob(place(regions[0], radius, rng), radius, rng)

    def point(self, room: float, *, regions: list[Polygonal], rng: np.random.Generator, **_: object) -> shapely.Point:
        """Draw a point with some room around it."""
        return shapely.Point(place(regions[0], room, rng))

    def corridor(
        self, reach: float, *, regions: list[Polygonal], rng: np.random.Generator, **_: object
    ) -> shapely.LineString:
        """Draw a line with bends inside the first region."""
        x, y = place(regions[0], reach, rng)
        steps = np.linspace(-0.9 * reach, 0.9 * reach, 7)
        return shapely.LineString(np.round(np.c_[x + steps, y + rng.uniform(-0.15, 0.15, 7) * reach], 3))

    def rod(self, length: float, *, regions: list[Polygonal], width: float, **_: object) -> shapely.LineString:
        """Draw a line across the edge between the first two regions."""
        half = length / 2
        return self._across(
            regions, lambda x, y: shapely.LineString([(x - half, y - 3), (x, y), (x + half, y + 3)]), width
        )

    def box(self, wide: float, high: float, *, regions: list[Polygonal], **_: object) -> shapely.Polygon:
        """Draw a rectangle across the edge between the first two regions."""
        return self._across(regions, lambda x, y: rectangle((x, y), wide, high))

    def border(self, wide: float, high: float, **_: object) -> shapely.Polygon:
        """Draw a rectangle across the boundary of the county."""
        land = self.ground.land
        beyond = land.buffer(3_000).difference(land)
        return self._across([self.ground.plain, beyond], lambda x, y: rectangle((x, y), wide, high))

    def beyond(self, east: float, north: float, **_: object) -> shapely.Point:
        """Draw a point off the north-eastern corner of the county."""
        bounds = self.ground.land.bounds
        return shapely.Point(round(bounds[2]) + east, round(bounds[3]) + north)

    def gap(self, radius: float, *, rng: np.random.Generator, **_: object) -> shapely.Polygon:
        """Draw a plot on the ground for which no data were handed over."""
        return blob(rounded(self.ground.withheld.centroid), radius, rng)

    def twin(self, wide: float, high: float, **_: object) -> shapely.Polygon:
        """Draw a rectangle on the parcel that is registered twice."""
        return rectangle(rounded(self.ground.twin.centroid), wide, high)

    def island(self, wide: float, high: float, **_: object) -> shapely.Polygon:
        """Draw a rectangle on the farmland island inside the urban boundary."""
        return rectangle(rounded(self.block.centroid), wide, high)

    def around_island(self, wide: float, high: float, **_: object) -> shapely.Polygon:
        """Draw a rectangle with a hole that is exactly the farmland island."""
        outer = rectangle(rounded(self.block.centroid), wide, high)
        return shapely.Polygon(outer.exterior.coords, [self.block.exterior.coords[::-1]])

    def two_parts(
        self, radius: float, *, regions: list[Polygonal], rng: np.random.Generator, **_: object
    ) -> shapely.MultiPolygon:
        """Draw a plot in two parts, one on each of the first two regions."""
        return shapely.multipolygons([blob(place(region, radius, rng), radius, rng) for region in regions[:2]])

    def lot(self, depth: float, skip: float, **_: object) -> shapely.Polygon:
        """Draw a plot on a parcel's edge, reaching some depth into the parcel and 40 m away from it."""
        base, outward = free_edge(self.ground, int(skip))
        first, second = base - depth * outward
        return shapely.Polygon(np.round([first, second, base[1] + 40 * outward, base[0] + 40 * outward], 3))

    def tongue(self, size: float, skip: float, **_: object) -> shapely.Polygon:
        """Draw a plot 5 m away from a parcel, with a square tongue that reaches into it."""
        base, outward = free_edge(self.ground, int(skip))
        along = (base[1] - base[0]) / np.hypot(*(base[1] - base[0]))
        middle, half = base.mean(axis=0), size / 2
        offsets = [(-half, -size), (half, -size), (half, 5), (10, 5), (10, 45), (-10, 45), (-10, 5), (-half, 5)]
        return shapely.Polygon(np.round([middle + a * along + b * outward for a, b in offsets], 3))

    def _across(
        self, regions: list[Polygonal], make: Callable[[int, int], shapely.Geometry], width: float = 0.0
    ) -> shapely.Geometry:
        """Find the first shape centred on a vertex of one region that lies in both regions and nowhere else."""
        first, second = regions[:2]
        for x, y in shapely.get_coordinates(first)[::5]:
            shape = make(round(x), round(y))
            taken = corridor_ground(shape, width)
            shares = [region.intersection(taken).area / taken.area for region in (first, second)]
            if min(shares) > 0.2 and abs(sum(shares) - 1) < 1e-5:
                return shape
        message = "the two regions have no neighbourhood that fits"
        raise RuntimeError(message)


def takes_ground(shape: shapely.Geometry, region: Polygonal) -> bool:
    """Whether a shape takes ground of a region; an edge in common takes none."""
    if shape.geom_type in ("Point", "LineString"):
        return bool(shape.intersects(region))
    return bool(shape.intersection(region).area > 1e-6)


def free_edge(ground: Ground, skip: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find a straight edge of a parcel with 60 m of unclaimed ground beyond it, and the direction that leads there."""
    for parcel in ground.parcels[skip:]:
        points = np.asarray(parcel.exterior.coords)
        turn = 1.0 if parcel.exterior.is_ccw else -1.0
        for first, second in itertools.pairwise(points):
            step = second - first
            outward = turn * np.array([step[1], -step[0]]) / np.hypot(*step)
            beyond = shapely.Polygon(
                [first + outward, second + outward, second + 60 * outward, first + 60 * outward]
            ).buffer(15)
            clear = shapely.Polygon(
                [first + 3 * outward, second + 3 * outward, second + 60 * outward, first + 60 * outward]
            ).buffer(2)
            if np.hypot(*step) > 25 and ground.plain.contains(clear) and ground.extent.contains(beyond):
                return np.array([first, second]), outward
    message = "no parcel has a free edge"
    raise RuntimeError(message)


# ---------------------------------------------------------------------------------------------- restoration projects
PROGRAMMES = ("示例三峡库区保护修复工程", "示例国土绿化工程", "示例历史遗留矿山修复工程", "示例小流域治理工程")
MEASURES = (
    "人工造林",
    "封山育林",
    "退化林修复",
    "湿地修复",
    "矿山生态修复",
    "水土流失治理",
    "人工种草",
    "退耕还林还草",
)


def make_projects(ground: Ground) -> gpd.GeoDataFrame:
    """Draw ninety projects in clusters, and four planted cases that count the same ground twice."""
    rng = np.random.default_rng(1956)
    hills = ground.spaces["ecological_space"].intersection(ground.extent.buffer(-300))
    centres = [place(hills, 250, rng) for _ in range(22)]
    rows = []
    for number in range(1, 91):
        x, y = centres[number % len(centres)]
        shape = blob(
            (x + round(rng.normal(0, 260)), y + round(rng.normal(0, 260))), rng.uniform(120, 480), rng, points=40
        )
        kind = MEASURES[int(rng.integers(len(MEASURES)))]
        rows.append(
            [PROGRAMMES[int(rng.integers(4))], kind, int(rng.integers(2019, 2027)), int(rng.integers(4)), shape]
        )
    rows[30][4] = rows[8][4]  # reported twice by one programme in one year
    rows[30][:3] = rows[8][:3]
    rows[31][4] = rows[9][4]  # the same plot claimed by two programmes
    rows[31][0] = next(name for name in PROGRAMMES if name != rows[9][0])
    rows[32][4] = rows[10][4]  # the same plot treated again two years later
    rows[32][1:3] = ["补植补造", rows[10][2] + 2]
    rows[33][4] = blob(rounded(ground.parcels[1_000].centroid), 150, rng, points=40)  # trees on farmland of the line
    rows[33][1] = "人工造林"
    frame = gpd.GeoDataFrame(rows, columns=["SSGC", "XFLX", "SSND", "stage", "geometry"], crs=MAIN_CRS)
    drawn = np.array([area_m2(shape, MAIN_CRS) for shape in frame.geometry])
    planned = np.round(drawn / 1e4 * rng.uniform(0.9, 1.15, len(frame)), 4)
    reported = np.where(
        frame["stage"] >= 2, np.round(drawn * rng.choice([1.0, 1.0, 0.97, 1.08], len(frame)), 2), np.nan
    )
    return gpd.GeoDataFrame(
        {
            "XMBH": [f"XF{MAIN_CODE}{number:03d}" for number in range(1, len(frame) + 1)],
            "XMMC": [f"示例修复项目{number}" for number in range(1, len(frame) + 1)],
            "SSGC": frame["SSGC"],
            "XFLX": frame["XFLX"],
            "SSND": frame["SSND"],
            "XMJD": frame["stage"].map(dict(enumerate(("计划下达", "开工", "完成上报", "验收合格")))),
            "计划面积_公顷": planned,
            "上报面积_平方米": reported,
            "BZ": INVENTED,
        },
        geometry=frame.geometry,
        crs=MAIN_CRS,
    )


def make_money(projects: gpd.GeoDataFrame) -> pd.DataFrame:
    """Invent what the projects cost: two sources each, a few that state a total only, one paid beyond its plan."""
    rng = np.random.default_rng(1982)
    rows = []
    for number, project in enumerate(projects.itertuples(), start=1):
        if number % 15 == 0:
            continue  # states nothing
        whole = round(float(project.计划面积_公顷) * rng.uniform(1.5, 6.0), 1)
        paid = round(whole * rng.uniform(0.3, 1.0), 1) if project.XMJD != "计划下达" else ""
        if number % 11 == 0:
            rows.append((project.XMBH, "", whole, paid))
            continue
        central = round(whole * 0.6, 1)
        spent = "" if paid == "" else round(paid * 0.6, 1)
        rows.append((project.XMBH, "中央财政（虚构）", central, spent))
        left = "" if spent == "" or paid == "" else round(paid - spent, 1)
        rows.append((project.XMBH, "地方配套（虚构）", round(whole - central, 1), left))
    table = pd.DataFrame(rows, columns=["项目编号", "资金来源", "计划投资_万元", "支付资金_万元"])
    over = table.index[table["支付资金_万元"] != ""][0]
    table.loc[over, "支付资金_万元"] = round(float(table.loc[over, "计划投资_万元"]) * 1.5, 1)
    return table


# ------------------------------------------------------------------------------------------------------------ files
def write_layer(frame: gpd.GeoDataFrame, path: pathlib.Path, layer: str, note: str = INVENTED) -> None:
    """Write one GeoPackage layer; the note stands in its description, where every desktop GIS shows it."""
    pyogrio.write_dataframe(
        frame, path, layer=layer, driver="GPKG", append=path.exists(), geometry_type=geometry_type(frame),
        layer_options={"DESCRIPTION": note, "SPATIAL_INDEX": "YES"},
    )  # fmt: skip


def geometry_type(frame: gpd.GeoDataFrame) -> str:
    """Name the geometry type of a layer."""
    kinds = set(frame.geom_type)
    if kinds == {"Polygon"}:
        return "Polygon"
    return "MultiPolygon" if kinds <= {"Polygon", "MultiPolygon"} else "Unknown"


def promote(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Polygons beside multi-polygons become multi-polygons, as a GeoPackage layer wants it."""
    if geometry_type(frame) != "MultiPolygon":
        return frame
    return frame.set_geometry([shapely.multipolygons(shapely.get_parts(shape)) for shape in frame.geometry])


def write_package(layers: dict[str, gpd.GeoDataFrame], path: pathlib.Path) -> None:
    """Write the layers of one GeoPackage, from scratch."""
    path.unlink(missing_ok=True)
    for name, frame in layers.items():
        write_layer(promote(frame), path, name)


def write_shapefile(frame: gpd.GeoDataFrame, path: pathlib.Path) -> None:
    """Write a shapefile as planners send it: GBK text, no .cpg, and no language byte that would tell."""
    pyogrio.write_dataframe(frame, path, driver="ESRI Shapefile", encoding="GBK")
    path.with_suffix(".cpg").unlink()
    table = path.with_suffix(".dbf")
    raw = bytearray(table.read_bytes())
    raw[1:4] = bytes([126, 1, 1])  # the day of writing: 2026-01-01
    raw[29] = 0
    table.write_bytes(bytes(raw))


def zip_folder(folder: pathlib.Path, path: pathlib.Path) -> None:
    """Pack a folder, with one time stamp for all."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for file in sorted(folder.iterdir()):
            entry = zipfile.ZipInfo(file.name, date_time=(2026, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, file.read_bytes())


def overlaps(ground: Ground, sites: gpd.GeoDataFrame) -> pd.DataFrame:
    """Ground that each site takes of each line, by shapely in the plane and by geodesics on the ellipsoid."""
    rows = []
    for site in sites.itertuples():
        taken = corridor_ground(site.geometry, site.width_m)
        for (line, subzone), region in ground.parts.items():
            common = taken.intersection(region)
            if taken.area and common.area > 1e-6:
                sizes = half_up(common.area, 4), half_up(area_m2(polygons_of(common), MAIN_CRS), 4)
                rows.append((site.site_id, line, subzone, *sizes, half_up(area_m2(taken, MAIN_CRS), 4)))
    columns = ["site_id", "line", "subzone", "overlap_plane_m2", "overlap_m2", "site_m2"]
    return pd.DataFrame(rows, columns=columns).sort_values(columns[:3], ignore_index=True)


def polygons_of(shape: shapely.Geometry) -> shapely.MultiPolygon:
    """Keep what has an area."""
    parts = shapely.get_parts(shapely.get_parts([shape]))
    return shapely.multipolygons([part for part in parts if part.geom_type == "Polygon"])


OTHERS = {
    # file: county codes, CRS, contour cell [m], seed
    "dalat": ([150621], "EPSG:4525", 700.0, 31),
    "daqing": ([230602, 230603, 230604, 230605, 230606], "EPSG:4530", 700.0, 32),
    "mentougou": ([110109], "EPSG:4548", 260.0, 33),
}


def write_other(name: str, codes: list[int], crs: str, cell_m: float, seed: int) -> None:
    """Write a small plan: three lines and the extent; the farmland line is drawn as blocks, not parcels."""
    boundary = county(codes, crs)
    land = shapely.union_all(boundary.geometry.to_numpy(), grid_size=MM)
    code, label = codes[0], "、".join(boundary.district_name)
    parts = draw_lines(land, cell_m, seed, town=None, holes=[])
    fields = shapely.multipolygons(parts["agricultural_space"])
    blocks = draw_parcels(fields, seed + 5, spacing_m=np.sqrt(land.area) / 55, wanted=260)
    layers = {
        "XZQ": extent_frame(shapely.union_all(parts["land"]), code, label, crs),
        "STBHHX": red_line_frame(parts, code, label, crs, bands=3),
        "YJJBNTBHTB": farmland_frame(blocks, [None] * len(blocks), code, label, crs, seed),
        "CZKFBJ": urban_frame(parts, code, label, crs),
    }
    write_package(layers, HERE / f"{name}.gpkg")


def main() -> None:
    """Write every file."""
    # GDAL stamps packages with the present moment unless it is told another
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2026-01-01T00:00:00.000Z"})
    ground = Ground()
    spaces = gpd.GeoDataFrame(
        {
            "KJMC": ["生态空间", "农业空间", "城镇空间"],
            "BZ": INVENTED,
        },
        geometry=[ground.spaces[space] for space in ("ecological_space", "agricultural_space", "urban_space")],
        crs=MAIN_CRS,
    )
    layers = {
        "XZQ": extent_frame(ground.extent, MAIN_CODE, ground.name, MAIN_CRS),
        "STBHHX": ground.red,
        "YJJBNTBHTB": ground.farmland,
        "CZKFBJ": ground.urban,
        "SQKJ": spaces,
    }
    write_package(layers, HERE / "plan.gpkg")
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        for name, frame in layers.items():
            write_shapefile(frame, folder / f"{name}.shp")
        zip_folder(folder, HERE / "plan_gbk.zip")

    sites = make_sites(ground)
    write_package({"sites": sites}, HERE / "sites.gpkg")
    solid = sites[sites.geom_type.isin(["Polygon", "MultiPolygon"])]
    folder = HERE / "sites_gbk"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    chinese = {"site_id": "地块编号", "name": "项目名称", "activity": "活动类型", "width_m": "宽度", "BZ": "备注"}
    write_shapefile(solid.rename(columns=chinese), folder / "sites_gbk.shp")
    listed = sites[sites.site_id.isin(["S13", "S18", "S24", "S27", "S29", "S30", "S39", "S40"])]
    write_boundary_text(
        listed, HERE / "sites_boundary_points.txt", producer="示例测绘单位（虚构）", produced=dt.date(2026, 1, 1)
    )
    projects = make_projects(ground)
    write_package({"projects": projects}, HERE / "projects.gpkg")
    for name, given in OTHERS.items():
        write_other(name, *given)

    planted = pd.DataFrame(ground.planted)
    tables = {"planted": planted, "expected_overlaps": overlaps(ground, sites), "project_money": make_money(projects)}
    for name, table in tables.items():
        table.to_csv(HERE / f"{name}.csv", index=False, encoding="utf-8", lineterminator="\n")


if __name__ == "__main__":
    main()
