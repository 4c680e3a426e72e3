"""PNG pictures, written with nothing but zlib."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_PALETTE, _RGBA = 3, 6


def encode_png(picture: NDArray[np.uint8], palette: NDArray[np.uint8] | None = None) -> str:
    """
    Give a picture as PNG in base64.

    Parameters
    ----------
    picture
        Rows and columns of palette numbers; without a palette, rows and columns of red, green, blue and opacity.
    palette
        Red, green, blue and opacity of each number.

    Returns
    -------
    str
        Base64.

    Examples
    --------
    >>> encode_png(np.zeros((1, 1, 4), dtype=np.uint8))[:8]
    'iVBORw0K'
    """
    height, width = picture.shape[:2]
    flat = picture.reshape(height, -1)
    # every line begins with a byte that says it is not filtered
    lines = np.zeros((height, flat.shape[1] + 1), dtype=np.uint8)
    lines[:, 1:] = flat
    kind = _RGBA if palette is None else _PALETTE
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))]
    if palette is not None:
        chunks += [(b"PLTE", palette[:, :3].tobytes()), (b"tRNS", palette[:, 3].tobytes())]
    chunks += [(b"IDAT", zlib.compress(lines.tobytes(), 6)), (b"IEND", b"")]
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)).decode()


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
