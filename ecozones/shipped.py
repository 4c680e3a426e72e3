"""Tables that come with the library: thresholds, words and rules as they are written in its data files."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any, NoReturn


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
        Read-only, at every depth: its lists are tuples.

    Examples
    --------
    >>> shipped_table("thresholds")["format"]
    1
    """
    text = resources.files("ecozones").joinpath(f"data/{name}.toml").read_text(encoding="utf-8")
    found: Mapping[str, Any] = _fixed(tomllib.loads(text))
    return found


class _Fixed(dict[str, Any]):
    """A table that is read once for the whole process: what one caller changed, all others would read."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        message = "tables of the library are read-only; change a copy"
        raise TypeError(message)

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __reduce__(self) -> tuple[type, tuple[dict[str, Any]]]:
        """Travel, and be copied, as a plain table."""
        return dict, (dict(self),)


def _fixed(value: Any) -> Any:  # noqa: ANN401 - what TOML holds
    if isinstance(value, dict):
        return _Fixed({key: _fixed(inner) for key, inner in value.items()})
    return tuple(_fixed(inner) for inner in value) if isinstance(value, list) else value
