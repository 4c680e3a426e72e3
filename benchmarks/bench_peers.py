"""
DuckDB's spatial extension and SedonaDB, on the jobs of the others.

Both hold the layers as tables before the clock starts. Each is asked as its documentation shows it: a spatial join, and
what is wanted of each pair. Both work in planes; for ground on the ellipsoid DuckDB has a function of its own, and
SedonaDB only a sphere, which is a tenth of a percent off, so it is not asked.
"""

from importlib import resources
from importlib.util import find_spec

import numpy as np
import pyarrow as pa
import shapely

from benchmarks.bench_sites import SAMPLE, overlay_area

DUCK, SEDONA, OVERLAY = "DuckDB spatial", "SedonaDB", "geopandas.overlay, some sites"


def sample(sites):
    """Rows of the sites that a slow nearest join is asked for, as for the base."""
    return np.arange(len(sites))[:: max(1, len(sites) // SAMPLE)][:SAMPLE]


def open_duck(*frames):
    """Fill tables a and b; the extension is loaded from its package, so that nothing is fetched."""
    import duckdb  # noqa: PLC0415 - the others must not pay for it

    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    home = resources.files("duckdb_extension_spatial") / "extensions" / f"v{duckdb.__version__}"
    connection.load_extension(str(home / "spatial.duckdb_extension"))
    for name, frame in zip("ab", frames, strict=False):
        columns = {key: pa.array(frame[key]) for key in ("year", "type") if key in frame}
        shapes = shapely.to_wkb(frame.geometry.to_numpy())
        connection.register("given", pa.table({"number": np.arange(len(frame)), "wkb": shapes, **columns}))
        connection.execute(
            f"create table {name} as select * exclude (wkb), ST_GeomFromWKB(wkb) as geometry from given"  # noqa: S608
        )
        connection.unregister("given")
    return connection


def open_sedona(*frames):
    """Give a session with views a and b."""
    import sedonadb  # noqa: PLC0415 - the others must not pay for it

    session = sedonadb.connect()
    for name, frame in zip("ab", frames, strict=False):
        columns = [key for key in ("year", "type", "geometry") if key in frame]
        session.create_data_frame(frame[columns].assign(number=np.arange(len(frame)))).to_view(name)
    return session


def open_sedona_sample(sites, line):
    return open_sedona(sites.iloc[sample(sites)], line)


def ask_duck(connection, query):
    found = connection.execute(query).fetchnumpy()
    return [np.asarray(column) for column in found.values()]


def ask_sedona(session, query):
    found = session.sql(query).to_pandas()
    return [found[name].to_numpy() for name in found]


def by_row(ask, query):
    """Ask for a number for each row of the first layer that has one."""

    def run(first, *_, kept):
        rows, values = ask(kept, query)
        return np.bincount(rows, weights=values, minlength=len(first))

    return run


def by_group(ask, query):
    def run(*_, kept):
        return ask(kept, query)[-1]

    return run


def duck_shared(first, _second, kept):
    """Keep the shared ground as a table of geometry, then measure it."""
    kept.execute(
        "create temp table shared as select a.number, ST_Intersection(a.geometry, b.geometry) as geometry "
        "from a join b on ST_Intersects(a.geometry, b.geometry)"
    )
    rows, area = ask_duck(kept, "select number, sum(ST_Area(geometry)) from shared group by number")
    return np.bincount(rows, weights=area, minlength=len(first))


def sedona_shared(first, _second, kept):
    shared = kept.sql(
        "select a.number, ST_Intersection(a.geometry, b.geometry) as geometry "
        "from a join b on ST_Intersects(a.geometry, b.geometry)"
    ).to_pandas()
    return np.bincount(shared["number"], weights=shapely.area(shared["geometry"].to_numpy()), minlength=len(first))


def duck_nearest(sites, _line, kept):
    rows = sample(sites)
    kept.execute("create temp table chosen as select unnest(?) as number", [rows.tolist()])
    found, apart = ask_duck(
        kept,
        "select a.number, min(ST_Distance(a.geometry, b.geometry)) "
        "from a join chosen using (number), b group by a.number",
    )
    return _some(len(sites), found, apart)


def sedona_nearest(sites, _line, kept):
    found, apart = ask_sedona(
        kept,
        "select a.number, ST_Distance(a.geometry, b.geometry) "
        "from a join b on ST_KNN(a.geometry, b.geometry, 1, FALSE)",
    )
    return _some(len(sites), sample(sites)[found], apart)


def _some(count, rows, values):
    answer = np.full(count, np.nan)
    answer[rows] = values
    return answer


def dissolve_disjoint(projects):
    return projects.dissolve(by=["year", "type"], method="disjoint_subset").area.to_numpy()


def overlay_some(sites, line):
    """Ask ``overlay`` for some sites: what it costs where all of them would take hours."""
    rows = sample(sites)
    area = overlay_area(sites.iloc[rows], line)
    return _some(len(sites), rows, np.pad(area, (0, len(sites) - len(area)))[rows])


AREA = (
    "select a.number, sum(ST_Area(ST_Intersection(a.geometry, b.geometry))) as area "
    "from a join b on ST_Intersects(a.geometry, b.geometry) group by a.number"
)
YES = "select a.number, count(*) as met from a join b on ST_Intersects(a.geometry, b.geometry) group by a.number"
UNION = 'select "year", "type", ST_Area(ST_Union_Agg(geometry)) as area from a group by "year", "type" order by 1, 2'
# the function wants latitude first; longitude first it takes without a word, and sums to nothing
GROUND = (
    "select number, ST_Area_Spheroid(ST_FlipCoordinates("
    "ST_Transform(geometry, 'EPSG:4524', 'EPSG:4490', always_xy := true))) from a"
)


def both(query):
    return {DUCK: (open_duck, by_row(ask_duck, query)), SEDONA: (open_sedona, by_row(ask_sedona, query))}


PEERS = {
    "red area": {OVERLAY: overlay_some, **both(AREA)},
    "farm area": both(AREA),
    "red yes": both(YES),
    "farm yes": both(YES),
    "nearest": {DUCK: (open_duck, duck_nearest), SEDONA: (open_sedona_sample, sedona_nearest)},
    "conflict": {DUCK: (open_duck, duck_shared), SEDONA: (open_sedona, sedona_shared)},
    "town conflict": {DUCK: (open_duck, duck_shared), SEDONA: (open_sedona, sedona_shared)},
    "union": {
        "geopandas.dissolve, disjoint": dissolve_disjoint,
        DUCK: (open_duck, by_group(ask_duck, UNION)),
        SEDONA: (open_sedona, by_group(ask_sedona, UNION)),
    },
    "area": {DUCK: (open_duck, by_row(ask_duck, GROUND))},
}

SAMPLED = {("nearest", DUCK): SAMPLE, ("nearest", SEDONA): SAMPLE, ("red area", OVERLAY): SAMPLE}


def missing():
    needs = {DUCK: ("duckdb", "duckdb_extension_spatial"), SEDONA: ("sedonadb",)}
    absent = {peer: [name for name in names if not find_spec(name)] for peer, names in needs.items()}
    return {peer: f"not measured: {' and '.join(names)} not installed" for peer, names in absent.items() if names}
