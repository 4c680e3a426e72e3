"""The tables of a result as data: every column, unrounded, for a GIS or a spreadsheet."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio

from ecozones.errors import InputError
from ecozones.reports.capsule import file_digest
from ecozones.reports.figures import absent
from ecozones.reports.results import conclude, recognise
from ecozones.review import SiteReview
from ecozones.vocab import Language

SUFFIXES = (".json", ".gpkg", ".parquet", ".geojson", ".csv")
Frame = TypeVar("Frame", bound=pd.DataFrame)

_LANGUAGES: tuple[Language, ...] = ("zh", "en")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_tables(
    obj: object,
    path: str | Path,
    *,
    table: str = "",
    inputs: Mapping[str, str | Path] | None = None,
) -> Path:
    """
    Write the tables of a result as data.

    Parameters
    ----------
    obj
        A review of sites, a frame, or frames by name.
    path
        ``.json`` and ``.gpkg`` hold all tables; ``.parquet``, ``.geojson`` and ``.csv`` hold one.
    table
        The table to write where the format holds one; left out: the first, which for a review is ``"verdicts"``.
    inputs
        Files the result was made from, by role, for the capsule.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError
        The ending is not known, or there is no such table.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in SUFFIXES:
        message = f"{target.name}: tables are written as {', '.join(SUFFIXES)}, not {suffix or 'without an ending'}"
        raise InputError(message)
    frames = _frames(obj)
    if suffix == ".json":
        target.write_text(_to_json(obj, frames, inputs or {}), encoding="utf-8")
        return target
    if suffix == ".gpkg":
        _write_geopackage(obj, frames, target)
        return target
    name = table or next(iter(frames))
    if name not in frames:
        message = f"there is no table {name!r}; there are {', '.join(frames)}"
        raise InputError(message)
    frame = frames[name]
    if suffix == ".csv":
        _write_csv(frame, target)
    elif suffix == ".parquet":
        frame.to_parquet(target)
    elif isinstance(frame, gpd.GeoDataFrame):
        _plain(frame).to_file(target, driver="GeoJSON", engine="pyogrio")
    else:
        message = f"table {name!r} has no geometry; write it as .csv or .parquet"
        raise InputError(message)
    return target


def _frames(obj: object) -> dict[str, pd.DataFrame]:
    if isinstance(obj, SiteReview):
        return {name: getattr(obj, name) for name in ("verdicts", "lines", "findings", "balance")}
    if isinstance(obj, pd.DataFrame):
        return {"table": obj}
    if isinstance(obj, Mapping) and obj:
        return dict(obj)
    message = f"a {type(obj).__name__} holds no tables to write"
    raise InputError(message)


def _plain(frame: Frame) -> Frame:
    """Give a frame that every format can hold: no categories, no dates as objects."""
    plain = frame.copy()
    for name in plain.columns:
        if isinstance(plain[name].dtype, pd.CategoricalDtype):
            plain[name] = plain[name].astype(object)
        if plain[name].dtype == object:
            plain[name] = plain[name].map(lambda value: value.isoformat() if isinstance(value, dt.date) else value)
    return plain


def _write_geopackage(obj: object, frames: Mapping[str, pd.DataFrame], target: Path) -> None:
    target.unlink(missing_ok=True)
    for name, frame in frames.items():
        pyogrio.write_dataframe(_plain(frame), target, layer=name, driver="GPKG")
    if isinstance(obj, SiteReview):
        rows = [(key, json.dumps(value, ensure_ascii=False)) for key, value in obj.capsule.items()]
        pyogrio.write_dataframe(pd.DataFrame(rows, columns=["key", "value"]), target, layer="capsule", driver="GPKG")


def _write_csv(frame: pd.DataFrame, target: Path) -> None:
    """Write text that Excel reads as UTF-8, and that it does not run: an apostrophe goes before a formula sign."""
    plain = pd.DataFrame(frame)
    if isinstance(frame, gpd.GeoDataFrame):
        plain = plain.drop(columns=frame.geometry.name).assign(geometry=frame.geometry.to_wkt())
    plain = _plain(plain)
    for name in plain.columns:
        if not pd.api.types.is_numeric_dtype(plain[name]):
            plain[name] = plain[name].map(
                lambda value: "'" + value if isinstance(value, str) and value.startswith(_FORMULA) else value
            )
    plain.to_csv(target, index=False, encoding="utf-8-sig")


def _to_json(obj: object, frames: Mapping[str, pd.DataFrame], inputs: Mapping[str, str | Path]) -> str:
    if isinstance(obj, SiteReview):
        document = json.loads(obj.to_json())
        if inputs:
            document["inputs"] = {
                role: {"path": str(path), "sha256": file_digest(Path(path))} for role, path in inputs.items()
            }
        return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)
    kinds = {name: kind for name, frame in frames.items() if (kind := recognise(frame))}
    said = {
        language: [
            text.printed(language) for name, kind in kinds.items() for text in conclude(frames[name], kind, language)
        ]
        for language in _LANGUAGES
    }
    tables = {name: [_record(row) for row in pd.DataFrame(frame).to_dict("records")] for name, frame in frames.items()}
    document = {"schema": "ecozones/tables/1", "kinds": kinds, "conclusion": said, "tables": tables}
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False)


def _record(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): _jsonable(value) for key, value in row.items()}


def _jsonable(value: object) -> object:
    if hasattr(value, "__geo_interface__"):
        return value.__geo_interface__
    if absent(value) and value != "":
        return None
    if isinstance(value, dt.date):
        return value.isoformat()
    return value.item() if isinstance(value, np.generic) else value
