"""
Draw two invented land-cover rasters around the sample projects, 2018 and 2025, and write down what was put in them.

Run it with ``python sample_data/make_sample_rasters.py`` after ``make_sample_data.py``; it needs rasterio and scipy.
Nothing here was seen by any satellite. Whole groups of completed projects that lie near each other share one fate,
``landcover/planted_changes.csv``: *grown* (wood on most of the bare ground), *nothing*, *everywhere* (as much wood in
the ground around as in the project) or *cloud* (not seen in 2025). The library's own answers are never used.
"""

# ruff: noqa: PLR2004 - a drawing is made of sizes

from __future__ import annotations

import pathlib

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy.ndimage import zoom

HERE = pathlib.Path(__file__).parent
INVENTED = "虚构示例，非官方数据 (invented example, not official data)"
CRS = "EPSG:4524"
CELL_M = 30
NODATA, TREE, GRASS, CROP, BUILT, BARE, WATER = 0, 10, 30, 40, 50, 60, 80
COMPLETED = ("完成上报", "验收合格")
AROUND_M = 700.0
Flags = NDArray[np.bool_]


def noise(shape: tuple[int, int], knots: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a smooth field with some `knots` hills along its longer side, between 0 and 1 by rank."""
    small = rng.standard_normal([int(np.ceil(knots * size / max(shape))) + 4 for size in shape])
    factors = [size / (have - 3) for size, have in zip(shape, small.shape, strict=True)]
    field = zoom(small, factors, order=3)[: shape[0], : shape[1]]
    return np.asarray(field.ravel().argsort().argsort().reshape(shape) / field.size)


def fates(claims: gpd.GeoDataFrame) -> pd.Series:
    """Give projects whose surroundings touch one fate, in the order of their ids."""
    near = shapely.get_parts(shapely.union_all(shapely.buffer(claims.geometry.to_numpy(), AROUND_M)))
    group = np.array([shapely.intersects(near, shape).argmax() for shape in claims.geometry])
    order = list(dict.fromkeys(group))
    cycle = ("grown", "grown", "nothing", "grown", "cloud", "grown", "everywhere")
    named = {number: cycle[place % len(cycle)] for place, number in enumerate(order)}
    return pd.Series([named[number] for number in group], index=claims["XMBH"], name="fate")


def main() -> None:
    """Draw and write the two rasters and what was planted."""
    rng = np.random.default_rng(2018)
    projects = gpd.read_file(HERE / "projects.gpkg").to_crs(CRS)
    red_line = gpd.read_file(HERE / "plan.gpkg", layer="STBHHX").to_crs(CRS)
    west, south, east, north = projects.total_bounds + np.array([-2_000, -2_000, 2_000, 2_000])
    affine = Affine(CELL_M, 0, np.floor(west / CELL_M) * CELL_M, 0, -CELL_M, np.ceil(north / CELL_M) * CELL_M)
    shape = (int((north - south) // CELL_M) + 1, int((east - west) // CELL_M) + 1)

    def inside(shapes: NDArray[np.object_]) -> Flags:
        drawn = rasterize(((part, 1) for part in shapes), out_shape=shape, transform=affine, all_touched=True)
        return np.asarray(drawn, dtype=bool)

    height, wet = noise(shape, 14, rng), noise(shape, 9, rng)
    before = np.select([wet > 0.985, height > 0.55, height > 0.35, height < 0.02], [WATER, TREE, GRASS, BUILT], CROP)
    claims = projects[projects["XMJD"].isin(COMPLETED)].sort_values("XMBH").reset_index(drop=True)
    fate = fates(claims)
    grounds = claims.geometry.to_numpy()
    # around every claim the ground is bare and grass, so that a ring has what a project had
    before[inside(shapely.buffer(grounds, AROUND_M))] = GRASS
    before[inside(shapely.buffer(grounds, AROUND_M)) & (noise(shape, 260, rng) < 0.8)] = BARE
    after = before.copy()
    patchy = noise(shape, 200, rng)
    for name, margin in (("grown", 0.0), ("everywhere", AROUND_M)):
        ground = inside(shapely.buffer(grounds[(fate == name).to_numpy()], margin))
        after[ground & (before == BARE) & (patchy < 0.94)] = TREE
    clouds = shapely.centroid(grounds[(fate == "cloud").to_numpy()])
    after[inside(shapely.buffer(clouds, 900.0))] = NODATA
    # two quarries that opened inside the red line after 2018, away from every claim
    core = shapely.difference(red_line.geometry.buffer(-600).union_all(), shapely.union_all(projects.buffer(1_500)))
    core = shapely.intersection(core, shapely.box(west + 1_000, south + 1_000, east - 1_000, north - 1_000))
    parts = sorted(shapely.get_parts(core), key=lambda part: -part.area)[:2]
    quarries = np.array([part.representative_point().buffer(240) for part in parts], dtype=object)
    before[inside(quarries)], after[inside(quarries)] = TREE, BUILT

    folder = HERE / "landcover"
    folder.mkdir(exist_ok=True)
    for year, values in ((2018, before), (2025, after)):
        with rasterio.open(
            folder / f"landcover_{year}.tif", "w", driver="GTiff", width=shape[1], height=shape[0], count=1,
            dtype="uint8", crs=CRS, transform=affine, nodata=NODATA, compress="deflate", zlevel=9, tiled=True,
            blockxsize=256, blockysize=256,
        ) as file:  # fmt: skip
            file.write(values.astype(np.uint8), 1)
            file.update_tags(TIFFTAG_IMAGEDESCRIPTION=f"{INVENTED} {year}")
    rows = [
        ("project", project, name, round(float(area) / 1e4, 4))
        for (project, name), area in zip(fate.items(), shapely.area(grounds), strict=True)
    ]
    rows += [
        ("quarry", f"quarry {number}", "encroached", round(float(shapely.area(quarry)) / 1e4, 4))
        for number, quarry in enumerate(quarries, start=1)
    ]
    table = pd.DataFrame(rows, columns=["kind", "id", "fate", "plane_ha"])
    table.to_csv(folder / "planted_changes.csv", index=False, lineterminator="\n")
    words = ["before,after,meaning"]
    words += [f"{old},{TREE},restoration" for old in (BARE, GRASS)] + [f"{TREE},{BUILT},degradation"]
    (folder / "meaning.csv").write_text("\n".join(words) + "\n", encoding="utf-8")
    print(table["fate"].value_counts().to_string())


if __name__ == "__main__":
    main()
