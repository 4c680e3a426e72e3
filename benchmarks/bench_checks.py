"""
A whole check in a notebook: some sites on three lines, the first time a plan is asked and the second.

The plan is read and its layers are checked before the clock starts; what it keeps after its first check (pieces,
indexes, hashes, what the rules say) is what the second one does not pay for.
"""

import geopandas as gpd
import shapely

from ecozones.plan import ZoningPlan
from ecozones.siting import check_sites
from ecozones.testing import chessboard_plan, square

DAY = "2026-06-01"
LINES = ("ecological_red_line", "permanent_basic_farmland", "urban_development_boundary")
LAYERS = ("sites", "redline", "farmland", "urban")


def some_sites(sites, n):
    """Take sites at equal steps, so that they lie all over the plan."""
    chosen = sites.iloc[:: max(1, len(sites) // n)].head(n)
    return chosen.assign(site_id=chosen["sid"].astype(str), activity="ordinary_build").reset_index(drop=True)


def read_plan(sites, *layers):
    ground = gpd.GeoDataFrame(geometry=[shapely.box(*sites.total_bounds)], crs=sites.crs)
    # libraries load what they need at their first question, whatever the plan
    check_sites(square("a1", activity="ordinary_build"), chessboard_plan(farmland=["a1"]), on=DAY)
    return ZoningPlan.from_layers(dict(zip(LINES, layers, strict=True)), extent=ground)


def check(n):
    def run(sites, *_, kept):
        return check_sites(some_sites(sites, n), kept, on=DAY).lines["overlap_m2"].to_numpy()

    return run


def checked_once(n):
    def before(sites, *layers):
        plan = read_plan(sites, *layers)
        check_sites(some_sites(sites, n), plan, on=DAY)
        return plan

    return before


def _job(n):
    first, second = "ecozones, first check", "ecozones, second check"
    peers = {first: (read_plan, check(n)), second: (checked_once(n), check(n))}
    return f"{n} sites checked on three lines", LAYERS, first, peers


JOBS = {f"check {n}": _job(n) for n in (20, 200)}
