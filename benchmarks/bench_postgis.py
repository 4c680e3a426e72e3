"""
PostGIS beside ours, on a server of its own that is thrown away.

The layers are tables before the clock starts, as ours are frames. What each side must build first is built within the
clock: pieces and indexes there, pieces and trees here. CPU seconds are those of this process and of the one process of
the server that works for it; parallel workers and compilation of queries are off, since they would only add to it.
The last peer asks PostGIS with our pieces, cut here and carried there within the clock.
"""

import contextlib
from importlib.util import find_spec

import geopandas as gpd
import numpy as np

from ecozones import overlay

SUBDIVIDED, OURS, LOAD = "PostGIS, ST_Subdivide(256)", "PostGIS, our pieces", "ecozones.postgis.write_table"


class Server:
    """A server with the layers as tables ``sites`` and ``line``; what it spends is counted."""

    def __init__(self, *frames):
        self._frames, self._stack = frames, contextlib.ExitStack()

    def __enter__(self):
        from tests.servers import throwaway_server  # noqa: PLC0415 - the others must not pay for it

        self.engine = self._stack.enter_context(throwaway_server(memory_mb=256))
        from ecozones import postgis  # noqa: PLC0415 - as above

        for name, frame in zip(("sites", "line"), self._frames, strict=False):
            plain = gpd.GeoDataFrame(
                {"number": np.arange(len(frame))}, geometry=frame.geometry.to_numpy(), crs=frame.crs
            )
            postgis.write_table(plain, self.engine, name, schema="public", key="number")
        self._pid = self.ask("select pg_backend_pid()")[0][0]
        return self

    def __exit__(self, *_):
        self._stack.close()

    def ask(self, *statements):
        """Run statements in one transaction; give the rows of the last."""
        with self.engine.begin() as connection:
            for statement in statements:
                found = connection.exec_driver_sql(statement)
            return found.fetchall() if found.returns_rows else []

    def spent(self):
        from tests.servers import backend_seconds  # noqa: PLC0415 - as above

        return backend_seconds(self._pid)

    def peak_mib(self):
        from tests.servers import backend_peak_mib  # noqa: PLC0415 - as above

        return backend_peak_mib(self._pid)


def subdivide(_line, kept):
    kept.ask(
        "create table pieces as select number, st_subdivide(geometry, 256) as geometry from line",
        "create index on pieces using gist (geometry)",
        "analyze pieces",
    )


def carry(line, kept):
    from ecozones import postgis  # noqa: PLC0415 - as above

    pieces = overlay.cut(line.geometry.to_numpy())
    frame = gpd.GeoDataFrame({"number": pieces.feature}, geometry=pieces.geometry, crs=line.crs)
    postgis.write_table(frame, kept.engine, "pieces", schema="public")


# driven from the pieces: each is prepared once and asked of all sites near it
MET = "from pieces p cross join lateral (select * from sites s where st_intersects(p.geometry, s.geometry) offset 0) s "
AREA = (
    "select s.number, sum(case when st_coveredby(s.geometry, p.geometry) then st_area(s.geometry) "
    f"else st_area(st_intersection(s.geometry, p.geometry)) end) {MET} group by s.number"
)
YES = f"select s.number, count(distinct p.number) {MET} group by s.number"
NEAREST = (
    "select s.number, (select st_distance(s.geometry, p.geometry) from pieces p "
    "order by s.geometry <-> p.geometry limit 1) from sites s"
)


def by_site(build, query):
    """Build, ask, and give a number for each site."""

    def run(sites, line, kept):
        build(line, kept)
        answer = np.zeros(len(sites))
        rows = np.array(kept.ask(query), dtype=float)
        answer[rows[:, 0].astype(int)] = rows[:, 1]
        return answer

    return Server, run


def both(query):
    return {SUBDIVIDED: by_site(subdivide, query), OURS: by_site(carry, query)}


def load(parcels, kept):
    """Write a layer as a table with a key, an index and statistics, and count what is there."""
    from ecozones import postgis  # noqa: PLC0415 - as above

    frame = gpd.GeoDataFrame({"number": np.arange(len(parcels))}, geometry=parcels.geometry.to_numpy(), crs=parcels.crs)
    postgis.write_table(frame, kept.engine, "loaded", schema="public", key="number")
    there = kept.ask("select count(*) from loaded")[0][0]
    return np.ones(there)


JOBS = {"postgis load": ("farmland into PostGIS", ("farmland",), LOAD, {LOAD: (lambda *_: Server(), load)})}
PEERS = {
    "red area": both(AREA),
    "farm area": both(AREA),
    "red yes": both(YES),
    "farm yes": both(YES),
    "nearest": both(NEAREST),
}


def missing():
    if not find_spec("psycopg") or not find_spec("sqlalchemy"):
        why = "not measured: psycopg and sqlalchemy are not installed"
    else:
        from tests.servers import binaries  # noqa: PLC0415 - as above

        why = "" if binaries() else "not measured: no PostgreSQL with PostGIS here"
    return dict.fromkeys((SUBDIVIDED, OURS, LOAD), why) if why else {}
