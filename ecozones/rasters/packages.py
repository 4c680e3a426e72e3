"""Packages that only rasters need, loaded on first use."""

from __future__ import annotations

import importlib
from typing import Any

from ecozones.errors import MissingDependencyError


def load_package(name: str) -> Any:  # noqa: ANN401 - a module without types
    """
    Load rasterio or exactextract, so that the library starts without them.

    Parameters
    ----------
    name
        Of the package, or of a module in it.

    Returns
    -------
    module
        As it is imported.

    Raises
    ------
    MissingDependencyError
        It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        message = f"rasters are read with {package}, which is not installed: pip install 'ecozones[raster]'"
        raise MissingDependencyError(message) from error
