"""Ground area of polygons on the ellipsoid, as the national survey reckons it, and totals that close."""

from ecozones.area.farmland import net_farmland_area
from ecozones.area.lengths import measure_length
from ecozones.area.map_sheets import map_sheet_area
from ecozones.area.measuring import measure_area, polygon_areas
from ecozones.area.methods import AreaMethod
from ecozones.area.totals import close_totals

__all__ = [
    "AreaMethod",
    "close_totals",
    "map_sheet_area",
    "measure_area",
    "measure_length",
    "net_farmland_area",
    "polygon_areas",
]
