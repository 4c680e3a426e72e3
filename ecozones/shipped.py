"""Tables that come with the library: thresholds, words and rules as they are written in its data files."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import Any


@functools.cache
def shipped_table(name: str) -> Mapping[str, Any]:
    """
    Read a data file of this library, once.

    Parameters
    ----------
    name
        Of the file below ``ecozones/data``, without its ending.

    Returns
    -------
    Mapping
        Read-only.

    Examples
    --------
    >>> shipped_table("thresholds")["format"]
    1
    """
    text = resources.files("ecozones").joinpath(f"data/{name}.toml").read_text(encoding="utf-8")
    return MappingProxyType(tomllib.loads(text))
