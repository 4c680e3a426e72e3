"""
A planning workload that anybody can make again: seeded, of three sizes, in one three-degree zone.

Red lines come from noise contours with holes and islands, farmland parcels share their edges to the last bit, sites
are compact, tiny, long or at the edge of a red line, restoration patches pile up on each other; zones lie on a raster
of land cover. Real layers are dirtier: see ``tests/data`` for those.
"""

import argparse
import dataclasses
from pathlib import Path

import contourpy
import geopandas as gpd
import numpy as np
import shapely
from scipy.ndimage import zoom

CRS = "EPSG:4524"
WEST, SOUTH = 36_470_000.0, 3_300_000.0
LAYERS = ("redline", "farmland", "urban", "sites", "restoration")
RASTER, CELL_M = "landcover", 10


@dataclasses.dataclass(frozen=True)
class Size:
    width_m: int
    height_m: int
    cell_m: int
    parcels: int
    spacing_m: int
    red_features: int
    urban: int
    sites: int
    restoration: int
    raster_cells: int
    zones: int


SIZES = {
    "S": Size(60_000, 100_000, 90, 5_000, 160, 3, 200, 1_000, 500, 4_000, 1_000),
    "M": Size(60_000, 100_000, 25, 100_000, 150, 6, 800, 20_000, 5_000, 10_000, 10_000),
    "L": Size(200_000, 300_000, 50, 1_000_000, 150, 16, 2_000, 200_000, 20_000, 10_000, 100_000),
}


def noise(rows, columns, base, octaves, rng, gain=0.55):
    """Sum octaves of smoothed random grids, to unit variance."""
    field = np.zeros((rows, columns), np.float32)
    weight, cells = 1.0, base
    for _ in range(octaves):
        coarse_rows = int(np.ceil(cells * rows / max(rows, columns))) + 4
        coarse_columns = int(np.ceil(cells * columns / max(rows, columns))) + 4
        if coarse_rows >= rows or coarse_columns >= columns:
            field += weight * rng.standard_normal((rows, columns)).astype(np.float32) * 0.5
            break
        coarse = rng.standard_normal((coarse_rows, coarse_columns)).astype(np.float32)
        fine = zoom(coarse, (rows / (coarse_rows - 3), columns / (coarse_columns - 3)), order=3)[:rows, :columns]
        field[: fine.shape[0], : fine.shape[1]] += weight * fine
        weight *= gain
        cells *= 2
    field -= field.mean()
    return field / field.std()


def contours(field, x, y):
    """Outline where a field is positive."""
    drawn = contourpy.contour_generator(x=x, y=y, z=field, fill_type=contourpy.FillType.OuterOffset)
    polygons = []
    for points, offsets in zip(*drawn.filled(0.0, 1e9), strict=True):
        rings = [points[offsets[i] : offsets[i + 1]] for i in range(len(offsets) - 1)]
        if len(rings[0]) >= 4:
            polygons.append(shapely.Polygon(rings[0], [ring for ring in rings[1:] if len(ring) >= 4]))
    polygons = np.array(polygons, dtype=object)
    bad = ~shapely.is_valid(polygons)
    if bad.any():
        parts = shapely.get_parts(shapely.make_valid(polygons[bad]))
        polygons = np.concatenate([polygons[~bad], parts[shapely.get_type_id(parts) == 3]])
    return polygons


def redline(size, rng):
    """A few huge multipolygons with thousands of parts and holes, and a net of river corridors."""
    columns, rows = size.width_m // size.cell_m + 1, size.height_m // size.cell_m + 1
    x, y = WEST + np.arange(columns) * float(size.cell_m), SOUTH + np.arange(rows) * float(size.cell_m)
    base = 4 if size.width_m < 100_000 else 12
    octaves = int(np.log2(max(columns, rows) / base))
    hills = noise(rows, columns, base, octaves, rng, 0.74)
    threshold = np.quantile(hills, 0.72)
    blocks = contours(hills - threshold, x, y)
    rivers = 0.045 - np.abs(noise(rows, columns, base * 2, octaves - 1, rng, 0.62))
    corridors = contours(np.minimum(rivers, -(hills - threshold) - 0.02), x, y)
    smallest = (size.cell_m * 5) ** 2
    blocks, corridors = blocks[shapely.area(blocks) > smallest], corridors[shapely.area(corridors) > smallest]
    order = np.argsort(shapely.get_coordinates(shapely.centroid(blocks))[:, 1])
    groups = max(1, size.red_features - 1)
    vertices = np.cumsum(shapely.get_num_coordinates(blocks[order]))
    group = np.minimum(vertices * groups // (vertices[-1] + 1), groups - 1)
    kinds = ["water", "biodiversity", "soil", "desert", "coast"]
    members = [order[group == i] for i in range(groups)]
    geometry = [shapely.multipolygons(blocks[rows]) for rows in members if len(rows)] + [
        shapely.multipolygons(corridors)
    ]
    names = [kinds[i % 5] for i, rows in enumerate(members) if len(rows)] + ["river"]
    geometry = np.array(geometry, dtype=object)
    bad = ~shapely.is_valid(geometry)
    if bad.any():
        geometry[bad] = shapely.make_valid(geometry[bad], method="structure")
    return gpd.GeoDataFrame({"rid": np.arange(len(geometry)), "kind": names}, geometry=geometry, crs=CRS)


def farmland(size, rng):
    """Parcels of a bent grid; neighbours share their edge vertex by vertex."""
    spacing = float(size.spacing_m)
    columns, rows = int(size.width_m / spacing), int(size.height_m / spacing)
    fertility = noise(rows, columns, 24, 5, rng, 0.6)
    fertility[rng.random((rows, columns)) < 0.06] = -9  # ponds and houses
    chosen = np.sort(np.argpartition(fertility.ravel(), -size.parcels)[-size.parcels :])
    jitter = (rng.random((rows + 1, columns + 1, 2)) - 0.5) * spacing * 0.5
    east, north = WEST + np.arange(columns + 1) * spacing, SOUTH + np.arange(rows + 1) * spacing
    nodes = np.stack(np.broadcast_arrays(east[None, :], north[:, None]), -1) + jitter
    between = 7
    share = (np.arange(1, between + 1) / (between + 1))[:, None]
    row, column = np.divmod(chosen, columns)

    def edge(start, end, number):
        points = start[:, None] * (1 - share) + end[:, None] * share
        mixed = (number[:, None] * 7919 + np.arange(between)[None, :] * 104729).astype(np.uint64)
        for shift, factor in ((13, 0x9E3779B97F4A7C15), (29, 0xBF58476D1CE4E5B9)):
            mixed ^= mixed >> np.uint64(shift)
            mixed *= np.uint64(factor)
        mixed ^= mixed >> np.uint64(32)
        aside = (mixed & np.uint64(0xFFFFFF)).astype(float) / 0xFFFFFF - 0.5
        keep = ((mixed >> np.uint64(24)) & np.uint64(0xFFFFFF)).astype(float) / 0xFFFFFF < 0.75
        along = end - start
        across = np.stack([-along[:, 1], along[:, 0]], -1)
        return points + across[:, None] * (aside * 0.12)[..., None], keep

    horizontal = (rows + 1) * columns
    corners = nodes[row, column], nodes[row, column + 1], nodes[row + 1, column + 1], nodes[row + 1, column]
    south = edge(corners[0], corners[1], row * columns + column)
    top = edge(corners[3], corners[2], (row + 1) * columns + column)
    left = edge(corners[0], corners[3], horizontal + row * (columns + 1) + column)
    right = edge(corners[1], corners[2], horizontal + row * (columns + 1) + column + 1)
    node = np.ones((len(chosen), 1), bool)
    ring = np.concatenate(
        [corners[0][:, None], south[0], corners[1][:, None], right[0], corners[2][:, None], top[0][:, ::-1],
         corners[3][:, None], left[0][:, ::-1], corners[0][:, None]], 1,
    )  # fmt: skip
    keep = np.concatenate([node, south[1], node, right[1], node, top[1][:, ::-1], node, left[1][:, ::-1], node], 1)
    owner = np.repeat(np.arange(len(chosen)), keep.sum(1))
    parcels = shapely.polygons(shapely.linearrings(np.round(ring[keep], 3), indices=owner))
    parcels = parcels[shapely.is_valid(parcels)]
    grades = rng.integers(1, 16, len(parcels))
    return gpd.GeoDataFrame({"pid": np.arange(len(parcels)), "grade": grades}, geometry=parcels, crs=CRS)


def blobs(x, y, radius, vertices, rng, rough=0.35, slope=1.1):
    """Draw star-shaped outlines with 1/f radii."""
    out = np.empty(len(x), object)
    for count in np.unique(vertices):
        rows = np.flatnonzero(vertices == count)
        order = np.arange(1, max(2, count // 2))
        phase = rng.random((len(rows), len(order))) * 2 * np.pi
        angle = np.arange(count) * 2 * np.pi / count
        for start in range(0, len(rows), 20_000):
            part = rows[start : start + 20_000]
            spectrum = np.zeros((len(part), count // 2 + 1), complex)
            spectrum[:, order] = order**-slope * np.exp(1j * phase[start : start + 20_000])
            wave = np.fft.irfft(spectrum, count, axis=1) * count / 2
            reach = radius[part][:, None] * np.exp(np.clip(rough * wave, -1.2, 1.0))
            ring = np.stack([x[part][:, None] + reach * np.cos(angle), y[part][:, None] + reach * np.sin(angle)], -1)
            out[part] = shapely.polygons(np.round(ring, 3))
    return out


def urban(size, rng):
    """Towns, united where they touch."""
    x, y = WEST + rng.random(size.urban) * size.width_m, SOUTH + rng.random(size.urban) * size.height_m
    radius = np.clip(np.exp(rng.normal(np.log(700), 0.6, size.urban)), 200, 5000)
    towns = shapely.get_parts(shapely.union_all(blobs(x, y, radius, np.full(size.urban, 500), rng, 0.30, 1.4)))
    return gpd.GeoDataFrame({"uid": np.arange(len(towns))}, geometry=towns, crs=CRS)


def sites(size, rng, red):
    """Proposals: compact, tiny, corridors, and along the edge of the red line."""
    n = size.sites
    kind = rng.choice(4, n, p=[0.55, 0.15, 0.15, 0.15])
    x, y = WEST + rng.random(n) * size.width_m, SOUTH + rng.random(n) * size.height_m
    border = shapely.get_coordinates(red.geometry.values)
    at_edge = kind == 3
    picked = rng.integers(0, len(border), at_edge.sum())
    x[at_edge] = border[picked, 0] + rng.normal(0, 80, at_edge.sum())
    y[at_edge] = border[picked, 1] + rng.normal(0, 80, at_edge.sum())
    radius = np.exp(rng.normal(np.log(90), 0.8, n))
    radius[kind == 1] = rng.uniform(4, 20, (kind == 1).sum())
    radius = np.clip(radius, 3, 2500)
    geometry = blobs(x, y, radius, rng.integers(5, 51, n), rng, 0.30, 1.2)
    for i in np.flatnonzero(kind == 2):
        legs, step = int(rng.integers(5, 20)), rng.uniform(200, 900)
        heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.25, legs))
        path = np.cumsum(np.c_[np.cos(heading), np.sin(heading)] * step, 0) + [x[i], y[i]]
        geometry[i] = shapely.buffer(
            shapely.linestrings(path), rng.uniform(10, 35), cap_style="flat", join_style="mitre", mitre_limit=2
        )
    bad = ~shapely.is_valid(geometry)
    geometry[bad] = shapely.buffer(geometry[bad], 0)
    names = np.array(["compact", "tiny", "corridor", "edge"])[kind]
    return gpd.GeoDataFrame({"sid": np.arange(n), "kind": names}, geometry=geometry, crs=CRS)


def restoration(size, rng):
    """Projects in clusters that overlap, some registered twice."""
    n = size.restoration
    clusters = max(20, n // 12)
    centre_x, centre_y = WEST + rng.random(clusters) * size.width_m, SOUTH + rng.random(clusters) * size.height_m
    member = rng.integers(0, clusters, n)
    x, y = centre_x[member] + rng.normal(0, 700, n), centre_y[member] + rng.normal(0, 700, n)
    radius = np.clip(np.exp(rng.normal(np.log(350), 0.5, n)), 40, 3000)
    geometry = blobs(x, y, radius, rng.integers(20, 200, n), rng, 0.3, 1.2)
    twice = rng.random(n) < 0.03
    source = rng.integers(0, n, n)
    geometry[twice] = geometry[source[twice]]
    bad = ~shapely.is_valid(geometry)
    geometry[bad] = shapely.buffer(geometry[bad], 0)
    columns = {
        "rid": np.arange(n),
        "year": rng.integers(2016, 2026, n),
        "type": rng.choice(["forest", "grass", "wetland", "mine", "soil"], n),
    }
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=CRS)


def landcover(size, rng):
    """Seven classes in patches, and one cell in a hundred of an eighth."""
    cells = size.raster_cells
    field = np.kron(noise(cells // 2, cells // 2, 16, 8, rng, 0.6), np.ones((2, 2), np.float32))
    steps = np.quantile(field[::7, ::7], [0.1, 0.25, 0.4, 0.6, 0.75, 0.9])
    values = np.digitize(field, steps).astype(np.uint8) + np.uint8(1)
    values[rng.random(values.shape) < 0.01] = 9
    return values


def zones(size, rng):
    """Lobed outlines of 30 to 2,500 m, well within the raster."""
    n, margin = size.zones, 3_000
    span = size.raster_cells * CELL_M - 2 * margin
    radius = np.clip(np.exp(rng.normal(np.log(300), 0.5, n)), 30, 2500)
    x, y = WEST + margin + rng.random(n) * span, SOUTH + margin + rng.random(n) * span
    drawn = []
    for i, points in enumerate(rng.integers(10, 120, n)):
        angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
        reach = radius[i] * (1 + 0.3 * np.sin(3 * angle + rng.uniform(0, 6)) * rng.random())
        drawn.append(shapely.Polygon(np.column_stack([x[i] + reach * np.cos(angle), y[i] + reach * np.sin(angle)])))
    return gpd.GeoDataFrame({"zid": np.arange(n)}, geometry=drawn, crs=CRS)


def seeded(layer, name):
    return np.random.default_rng([11 + (*LAYERS, "zones", RASTER).index(layer), ord(name)])


def draw(layer, name, folder):
    """Draw one vector layer of one size."""
    size, rng = SIZES[name], seeded(layer, name)
    if layer == "sites":
        return sites(size, rng, load(name, "redline", folder))
    return {"redline": redline, "farmland": farmland, "urban": urban, "restoration": restoration, "zones": zones}[
        layer
    ](size, rng)


def write_raster(values, path):
    import rasterio  # noqa: PLC0415 - the vector jobs need no rasters

    side = len(values)
    affine = rasterio.Affine(CELL_M, 0, WEST, 0, -CELL_M, SOUTH + side * CELL_M)
    profile = {"driver": "GTiff", "height": side, "width": side, "count": 1, "dtype": "uint8", "crs": CRS, "nodata": 0}
    tiles = {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate"}
    with rasterio.open(path, "w", transform=affine, **profile, **tiles) as file:
        file.write(values, 1)


def make(name, folder, layers=LAYERS):
    """Write what is missing of the layers of one size, as GeoParquet and GeoTIFF, and give their folder."""
    out = Path(folder) / name
    out.mkdir(parents=True, exist_ok=True)
    for layer in layers:
        path = out / (f"{layer}.tif" if layer == RASTER else f"{layer}.parquet")
        if path.exists():
            continue
        # under another name until it is whole: a run that is broken off must not leave half a layer
        begun = path.with_name(f"begun-{path.name}")
        if layer == RASTER:
            write_raster(landcover(SIZES[name], seeded(layer, name)), begun)
        else:
            draw(layer, name, folder).to_parquet(begun)
        begun.replace(path)
    return out


def load(name, layer, folder):
    """Read one layer of one size, made if need be; of the raster, its path."""
    out = make(name, folder, [layer])
    return str(out / f"{layer}.tif") if layer == RASTER else gpd.read_parquet(out / f"{layer}.parquet")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="+", choices=list(SIZES))
    parser.add_argument("--out", default="benchmarks/data")
    chosen = parser.parse_args()
    for each in chosen.sizes:
        print(make(each, chosen.out))
