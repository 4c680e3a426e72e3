"""The offsets of Chinese internet maps: GCJ-02 and BD-09, to recognise them and to draw on such maps."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# The offset is a fixed public formula with an ellipsoid of its own (Krasovsky's), whatever the data are on.
_AXIS, _E2 = 6378245.0, 0.00669342162296594323
_BD_TURN = np.pi * 3000 / 180
_WEST, _SOUTH, _EAST, _NORTH = 72.004, 0.8293, 137.8347, 55.8271


def within_reach(longitude: ArrayLike, latitude: ArrayLike) -> NDArray[np.bool_]:
    """
    Whether the offset of internet maps applies at places: inside a rectangle around China.

    Parameters
    ----------
    longitude, latitude
        Places. [degrees]

    Returns
    -------
    ndarray
        True where maps are shifted.

    Examples
    --------
    >>> within_reach([116.4, 2.35], [39.9, 48.86]).tolist()
    [True, False]
    """
    x, y = np.asarray(longitude, dtype=np.float64), np.asarray(latitude, dtype=np.float64)
    return (x >= _WEST) & (x <= _EAST) & (y >= _SOUTH) & (y <= _NORTH)


def to_gcj02(longitude: ArrayLike, latitude: ArrayLike) -> tuple[Floats, Floats]:
    """
    Coordinates that Amap, Tencent and other licensed maps show for places in CGCS2000 or WGS 84.

    Parameters
    ----------
    longitude, latitude
        True places. [degrees]

    Returns
    -------
    tuple of ndarray
        Longitude and latitude in GCJ-02; unchanged outside China. [degrees]

    Examples
    --------
    >>> x, y = to_gcj02(116.404, 39.915)
    >>> round(float(x), 6), round(float(y), 6)
    (116.410244, 39.916404)
    """
    lon, lat = np.asarray(longitude, dtype=np.float64), np.asarray(latitude, dtype=np.float64)
    x, y = lon - 105.0, lat - 35.0
    common = 0.1 * x * y + 40 / 3 * (np.sin(6 * np.pi * x) + np.sin(2 * np.pi * x))
    # metres, nearly
    north = -100 + 2 * x + 3 * y + 0.2 * y**2 + 0.2 * np.sqrt(np.abs(x)) + common + _waves(y, 20, 40, 160, 320)
    east = 300 + x + 2 * y + 0.1 * x**2 + 0.1 * np.sqrt(np.abs(x)) + common + _waves(x, 20, 40, 150, 300)
    phi = np.radians(lat)
    w2 = 1 - _E2 * np.sin(phi) ** 2
    here = within_reach(lon, lat)
    shift_lon = np.degrees(east / (_AXIS / np.sqrt(w2) * np.cos(phi)))
    shift_lat = np.degrees(north / (_AXIS * (1 - _E2) / (w2 * np.sqrt(w2))))
    return np.where(here, lon + shift_lon, lon), np.where(here, lat + shift_lat, lat)


def _waves(z: Floats, a: float, b: float, c: float, d: float) -> Floats:
    turns = np.pi * z
    return 2 / 3 * (a * np.sin(turns) + b * np.sin(turns / 3) + c * np.sin(turns / 12) + d * np.sin(turns / 30))


def from_gcj02(longitude: ArrayLike, latitude: ArrayLike) -> tuple[Floats, Floats]:
    """
    Places in CGCS2000 or WGS 84 of coordinates in GCJ-02: the inverse of :func:`to_gcj02` to a micrometre.

    Parameters
    ----------
    longitude, latitude
        Coordinates in GCJ-02. [degrees]

    Returns
    -------
    tuple of ndarray
        Longitude and latitude. [degrees]

    Notes
    -----
    The public formula itself meets real maps to some metres only; nothing should be measured on what comes back.

    Examples
    --------
    >>> x, y = from_gcj02(*to_gcj02(106.5, 29.7))
    >>> round(float(x), 9), round(float(y), 9)
    (106.5, 29.7)
    """
    lon, lat = np.asarray(longitude, dtype=np.float64), np.asarray(latitude, dtype=np.float64)
    x, y = lon, lat
    # each pass shrinks the error a hundredfold: metres, centimetres, then nothing
    for _ in range(6):
        ahead_x, ahead_y = to_gcj02(x, y)
        x, y = x - (ahead_x - lon), y - (ahead_y - lat)
    return x, y


def to_bd09(longitude: ArrayLike, latitude: ArrayLike) -> tuple[Floats, Floats]:
    """
    Coordinates that Baidu maps show for places in CGCS2000 or WGS 84.

    Parameters
    ----------
    longitude, latitude
        True places. [degrees]

    Returns
    -------
    tuple of ndarray
        Longitude and latitude in BD-09. [degrees]

    Examples
    --------
    >>> x, y = to_bd09(116.404, 39.915)
    >>> round(float(x), 4), round(float(y), 4)
    (116.4166, 39.9227)
    """
    x, y = to_gcj02(longitude, latitude)
    radius = np.hypot(x, y) + 0.00002 * np.sin(y * _BD_TURN)
    angle = np.arctan2(y, x) + 0.000003 * np.cos(x * _BD_TURN)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def from_bd09(longitude: ArrayLike, latitude: ArrayLike) -> tuple[Floats, Floats]:
    """
    Places in CGCS2000 or WGS 84 of coordinates in BD-09.

    Parameters
    ----------
    longitude, latitude
        Coordinates in BD-09. [degrees]

    Returns
    -------
    tuple of ndarray
        Longitude and latitude. [degrees]

    Examples
    --------
    >>> x, y = from_bd09(*to_bd09(106.5, 29.7))
    >>> round(float(x), 9), round(float(y), 9)
    (106.5, 29.7)
    """
    lon, lat = np.asarray(longitude, dtype=np.float64), np.asarray(latitude, dtype=np.float64)
    x, y = lon, lat
    for _ in range(8):
        ahead_x, ahead_y = to_bd09(x, y)
        x, y = x - (ahead_x - lon), y - (ahead_y - lat)
    return x, y
