"""Any result on a map that opens without a network."""

from ecozones.maps.basemaps import amap, raster, tianditu, tiles
from ecozones.maps.offline import OfflineAssetError, adopt, refuse_remote
from ecozones.maps.qml import write_qml
from ecozones.maps.views import explore, explore_change, explore_years, layers_of

__all__ = [
    "OfflineAssetError",
    "adopt",
    "amap",
    "explore",
    "explore_change",
    "explore_years",
    "layers_of",
    "raster",
    "refuse_remote",
    "tianditu",
    "tiles",
    "write_qml",
]
