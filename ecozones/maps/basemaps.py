"""What lies under the layers: a picture of one's own, or tiles of a service that was asked for."""

from __future__ import annotations

import dataclasses
import os
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from ecozones.errors import CRSError, EcozonesWarning, InputError, MissingCRSError, MissingDependencyError
from ecozones.maps.png import encode_png
from ecozones.maps.styles import Text, both, say

Bytes = NDArray[np.uint8]

_LONG_SIDE = 2048
_KEY_VARIABLE = "ECOZONES_TIANDITU_KEY"
_TIANDITU = (
    "https://t{{s}}.tianditu.gov.cn/{layer}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER={layer}"
    "&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={{z}}&TILEROW={{y}}&TILECOL={{x}}&tk={{key}}"
)
_TIANDITU_LAYERS = {"vec": ("vec", "cva"), "img": ("img", "cia"), "ter": ("ter", "cta")}
_AMAP = "https://webrd0{s}.is.autonavi.com/appmaptile?lang=zh_cn&size=1&scale=1&style={style}&x={{x}}&y={{y}}&z={{z}}"
_AMAP_STYLES = {"street": 7, "image": 6}


@dataclasses.dataclass(frozen=True)
class Tiles:
    """
    Tiles of a service.

    Parameters
    ----------
    key_name
        Under which the reader's browser keeps a key.
    label
        What the service is called.
    layers
        Addresses with ``{z}``, ``{x}``, ``{y}``, and ``{s}`` and ``{key}`` where the service wants them.
    subdomains
        What ``{s}`` stands for.
    gcj
        Whether the tiles are on GCJ-02; they are moved back then.
    key
        Written into the page; empty where the page is to ask for it.
    max_zoom
        The last zoom the service has.
    notes
        What the foot of the map must say.
    """

    key_name: str
    label: Text
    layers: tuple[str, ...]
    subdomains: str = ""
    gcj: bool = False
    key: str = ""
    max_zoom: int = 18
    notes: tuple[Text, ...] = ()

    @property
    def host(self) -> str:
        """Where tiles come from, for the page's seal."""
        return " ".join(sorted({_origin(url, self.subdomains) for url in self.layers}))

    def spec(self) -> dict[str, Any]:
        """Tell the page."""
        return {
            "id": self.key_name, "label": dict(self.label), "layers": list(self.layers), "subdomains": self.subdomains,
            "gcj": self.gcj, "key": self.key, "max_zoom": self.max_zoom,
        }  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Picture:
    """
    A raster on Web Mercator, inside the page.

    Parameters
    ----------
    png
        Base64.
    bounds
        West, south, east, north. [m]
    cell
        Side of a cell. [m]
    label
        What it is called.
    notes
        What the foot of the map must say.
    """

    png: str
    bounds: tuple[float, float, float, float]
    cell: float
    label: Text
    notes: tuple[Text, ...] = ()

    def spec(self, image: str) -> dict[str, Any]:
        """Tell the page, which finds the picture under an id."""
        return {
            "id": "base", "group": "reference", "label": dict(self.label), "classes": [], "count": "", "off": False,
            "side": "", "n": 0, "unit": 1,
            "picture": {"image": image, "bounds": self.bounds, "cell": self.cell, "overview": False, "smooth": True},
        }  # fmt: skip


def tiles(
    url: str, *, label: str = "", attribution: str = "", subdomains: str = "", gcj: bool = False, max_zoom: int = 18
) -> Tiles:
    """
    Give the tiles of a service, such as an office's own.

    Parameters
    ----------
    url
        Address with ``{z}``, ``{x}`` and ``{y}``, on Web Mercator.
    label
        What the service is called.
    attribution
        Whom the foot of the map is to name.
    subdomains
        What ``{s}`` in the address stands for, a letter each.
    gcj
        Whether the tiles are on GCJ-02.
    max_zoom
        The last zoom the service has.

    Returns
    -------
    Tiles
        For ``basemap=``.

    Raises
    ------
    InputError
        The address cannot be one of tiles.

    Examples
    --------
    >>> tiles("http://10.0.0.8/wmts/{z}/{y}/{x}").host
    'http://10.0.0.8'
    """
    lacking = [part for part in ("{z}", "{x}", "{y}") if part not in url]
    if lacking or not re.match(r"https?://", url):
        message = f"{url!r} is no address of tiles: it needs http(s):// and {', '.join(lacking) or 'a host'}"
        raise InputError(message)
    name = label or urlsplit(url).netloc
    notes = [both(attribution)] if attribution else []
    notes += [say("vertex_shift")] if gcj else []
    return Tiles(re.sub(r"\W", "-", name), both(name), (url,), subdomains, gcj, max_zoom=max_zoom, notes=tuple(notes))


def tianditu(layer: Literal["vec", "img", "ter"] = "vec", *, key: str | None = None, keep_key: bool = False) -> Tiles:
    """
    Give the tiles of Tianditu, the national platform: on CGCS2000, nothing is shifted.

    Parameters
    ----------
    layer
        ``"vec"`` streets, ``"img"`` images, ``"ter"`` relief; names are drawn on top.
    key
        Left out: from the environment, ``ECOZONES_TIANDITU_KEY``. Used only with `keep_key`.
    keep_key
        Write the key into the page, where whoever has the file can read it. Left out: the page asks its reader for a
        key, and the reader's browser keeps it.

    Returns
    -------
    Tiles
        For ``basemap=``.

    Raises
    ------
    InputError
        The layer is not known, or there is no key to write.

    Warns
    -----
    EcozonesWarning
        The key is written into the page.

    Examples
    --------
    >>> tianditu("img").key
    ''
    """
    if layer not in _TIANDITU_LAYERS:
        message = f"Tianditu layer {layer!r} is not known; use one of {', '.join(_TIANDITU_LAYERS)}"
        raise InputError(message)
    written = ""
    if keep_key:
        written = key or os.environ.get(_KEY_VARIABLE, "")
        if not written:
            message = f"there is no Tianditu key to keep: pass key=..., or set {_KEY_VARIABLE}"
            raise InputError(message)
        message = "the Tianditu key is written into the map; whoever gets the file can use it"
        warnings.warn(message, EcozonesWarning, stacklevel=2)
    urls = tuple(_TIANDITU.format(layer=name) for name in _TIANDITU_LAYERS[layer])
    notes = (both("天地图 Tianditu"),)
    return Tiles("tianditu", both("天地图 Tianditu"), urls, "01234567", key=written, notes=notes)


def amap(layer: Literal["street", "image"] = "street") -> Tiles:
    """
    Give the tiles of Amap, moved from GCJ-02 back to where things are.

    Parameters
    ----------
    layer
        ``"street"`` or ``"image"``.

    Returns
    -------
    Tiles
        For ``basemap=``; popups, coordinates and measuring stay on CGCS2000.

    Raises
    ------
    InputError
        The layer is not known.

    Notes
    -----
    The address of these tiles is not documented and its terms of use are unclear: ask before use. Never a default.

    Examples
    --------
    >>> amap().gcj
    True
    """
    if layer not in _AMAP_STYLES:
        message = f"Amap layer {layer!r} is not known; use one of {', '.join(_AMAP_STYLES)}"
        raise InputError(message)
    url = _AMAP.replace("{style}", str(_AMAP_STYLES[layer])).replace("{{", "{").replace("}}", "}")
    notes = (both("高德地图 Amap"), say("vertex_shift"), say("positions_doubtful"))
    return Tiles("amap", both("高德地图 Amap"), (url,), "1234", gcj=True, notes=notes)


def raster(path: str | Path, *, label: str = "", opacity: float = 1.0, colors: Sequence[str] | None = None) -> Picture:
    """
    Draw a raster of one's own (image, relief, land cover) on Web Mercator.

    Parameters
    ----------
    path
        File that GDAL reads, with a CRS: bytes in three bands, or one band with or without a colour table.
    label
        What it is called; left out: the name of the file.
    opacity
        0 to 1.
    colors
        ``#rrggbb`` for cell values 0, 1, 2 ... of a single band without a colour table; left out: from black to white.

    Returns
    -------
    Picture
        For ``basemap=``; its longer side has at most 2048 cells.

    Raises
    ------
    MissingDependencyError
        rasterio is not installed.
    MissingCRSError
        The raster does not say where it lies.
    CRSError
        Its coordinates cannot be brought to Web Mercator.
    """
    try:
        import rasterio  # noqa: PLC0415 - optional, and slow to load
        from rasterio.enums import Resampling  # noqa: PLC0415
        from rasterio.warp import reproject, transform_bounds  # noqa: PLC0415
    except ImportError as error:
        message = "a raster under a map needs rasterio; install ecozones[raster]"
        raise MissingDependencyError(message) from error
    with rasterio.open(path) as source:
        if source.crs is None:
            message = f"{path} has no CRS, so nobody can say where it lies; set one first"
            raise MissingCRSError(message)
        # CGCS2000 and WGS 84 are one datum at the scale of a screen; anything older must not be guessed
        if not re.search(r"CGCS|China Geodetic|China_2000|WGS|World Geodetic|Pseudo-Mercator", source.crs.to_wkt()):
            message = f"{path} is on {source.crs.to_string()[:80]}: transform it to CGCS2000 first"
            raise CRSError(message)
        classes = source.count == 1 and (colors is not None or _has_colormap(source))
        west, south, east, north = transform_bounds(source.crs, "EPSG:3857", *source.bounds, densify_pts=50)
        cell = max(east - west, north - south) / min(_LONG_SIDE, max(source.width, source.height))
        width, height = max(1, round((east - west) / cell)), max(1, round((north - south) / cell))
        transform = rasterio.Affine((east - west) / width, 0, west, 0, (south - north) / height, north)
        bands = [1, 2, 3] if source.count >= 3 else [1]  # noqa: PLR2004 - red, green, blue
        drawn = np.zeros((len(bands), height, width), dtype=np.float64)
        valid = np.zeros((height, width), dtype=np.uint8)
        way = Resampling.nearest if classes else Resampling.bilinear
        frame = {"dst_transform": transform, "dst_crs": "EPSG:3857"}
        for place, band in enumerate(bands):
            reproject(rasterio.band(source, band), drawn[place], resampling=way, **frame)
        reproject(
            source.dataset_mask(), valid, src_transform=source.transform, src_crs=source.crs,
            resampling=Resampling.nearest, **frame,
        )  # fmt: skip
        shown = _shade(
            drawn, valid > 0, _colormap(source, colors) if classes else None, whole=source.dtypes[0] == "uint8"
        )
        alpha = np.where(valid > 0, round(255 * opacity), 0).astype(np.uint8)
        png = encode_png(np.moveaxis(np.concatenate([shown, alpha[None]]), 0, -1))
    name = label or Path(path).stem
    return Picture(png, (west, south, east, north), (east - west) / width, both(name))


def _has_colormap(source: Any) -> bool:  # noqa: ANN401 - a rasterio dataset, loaded late
    return source.colorinterp[0].name == "palette"


def _colormap(source: Any, colors: Sequence[str] | None) -> Bytes:  # noqa: ANN401 - a rasterio dataset, loaded late
    table = np.full((256, 3), 200, dtype=np.uint8)
    if colors is not None:
        for value, color in enumerate(colors):
            table[value] = list(bytes.fromhex(color.lstrip("#")))
    else:
        for value, color in source.colormap(1).items():
            table[value] = color[:3]
    return table


def _shade(drawn: NDArray[np.float64], valid: NDArray[np.bool_], table: Bytes | None, *, whole: bool) -> Bytes:
    """Give red, green and blue as bytes; other numbers are stretched between their 2nd and 98th percentile."""
    if table is not None:
        return np.moveaxis(table[np.clip(drawn[0], 0, 255).astype(np.uint8)], -1, 0)
    if not whole and valid.any():
        low, high = np.percentile(drawn[:, valid], [2, 98])
        drawn = (drawn - low) / max(high - low, 1e-12) * 255
    shown = np.clip(np.round(drawn), 0, 255).astype(np.uint8)
    return np.repeat(shown, 3, axis=0) if len(shown) == 1 else shown


def basemap_of(asked: str | Path | Tiles | Picture) -> Tiles | Picture:
    """
    Read what a user asked for as a base map.

    Parameters
    ----------
    asked
        ``"tianditu"``, ``"amap"``, an address of tiles, a raster file, or what the functions here give.

    Returns
    -------
    Tiles or Picture
        What to draw under the layers.

    Raises
    ------
    InputError
        It is none of these.

    Examples
    --------
    >>> basemap_of("tianditu").key_name
    'tianditu'
    """
    if isinstance(asked, (Tiles, Picture)):
        return asked
    if asked == "tianditu":
        return tianditu()
    if asked == "amap":
        return amap()
    if isinstance(asked, str) and re.match(r"https?://", asked):
        return tiles(asked)
    if Path(asked).exists():
        return raster(asked)
    message = f"basemap {str(asked)!r} is neither 'tianditu', 'amap', an address of tiles, nor a raster file"
    raise InputError(message)


def _origin(url: str, subdomains: str) -> str:
    """Give scheme and host; a placeholder for sub-domains is spelled out, so that no other host is let in."""
    if "{s}" in url:
        return " ".join(sorted({_origin(url.replace("{s}", letter), "") for letter in subdomains}))
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
