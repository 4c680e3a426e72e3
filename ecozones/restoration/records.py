"""A register of projects as every question about restored ground reads it: checked, and with all its columns."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from ecozones.columns import read_numbers
from ecozones.crs import check_crs
from ecozones.errors import SchemaError, name_rows
from ecozones.geometry import repair_polygons
from ecozones.restoration_types import recognise_stage, recognise_types

_LEVELS = ("programme", "sub_project", "patch_id", "type", "year", "stage")


def project_records(projects: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """
    Check projects once, and give them every column that later steps ask for.

    Parameters
    ----------
    projects
        Polygons with a column ``project_id``.

    Returns
    -------
    GeoDataFrame
        On a fresh index, repaired, with every column of ``programme``, ``sub_project``, ``patch_id``, ``type``,
        ``year`` and ``stage``, and ``_type``, ``_stage`` and ``_year`` as this library understands them; years are
        numbers, however they were written.

    Raises
    ------
    SchemaError
        A project has no id, or a year or a stated area is no number.
    CRSError
        The projects cannot be placed on the ground.
    GeometryError
        A project has no polygon.

    Examples
    --------
    >>> from ecozones.testing import chessboard
    >>> project_records(chessboard(1).assign(project_id="P1", type="造林"))["_type"].tolist()
    ['planted_afforestation']
    """
    check_crs(projects, what="projects")
    if "project_id" not in projects.columns:
        message = "projects has no column 'project_id'; name one, or read the file with read_projects"
        raise SchemaError(message)
    nameless = projects["project_id"].isna()
    if nameless.any():
        rows = projects.index[nameless]
        problems = pd.DataFrame({"row": rows, "column": "project_id", "problem": "is missing"})
        message = f"projects without a project_id: rows {name_rows(rows)}"
        raise SchemaError(message, problems)
    named = projects if projects.geometry.name == "geometry" else projects.rename_geometry("geometry")
    repaired, _ = repair_polygons(named, what="projects")
    records = repaired.reset_index(drop=True)
    for column in _LEVELS:
        if column not in records.columns:
            records[column] = None
    records["_type"] = recognise_types(records["type"])
    records["_stage"] = [recognise_stage(stage) for stage in records["stage"]]
    if "year" in projects.columns:
        records["year"] = read_years(projects).array
    records["_year"] = records["year"].astype(float)
    if "stated_area_m2" in records.columns:
        records["stated_area_m2"] = read_numbers(records, ["stated_area_m2"], "projects")["stated_area_m2"]
    return records


def read_years(projects: pd.DataFrame) -> pd.Series:
    """
    Read the years of projects as numbers, so that 2024 and "2024" are one year.

    Parameters
    ----------
    projects
        A table with a column ``year``.

    Returns
    -------
    Series
        Numbers as they stand; of text and of days whole numbers, missing where nothing is said.

    Raises
    ------
    SchemaError
        A year is no number; ``problems`` lists every one.

    Examples
    --------
    >>> read_years(pd.DataFrame({"year": ["2024", 2024, None]})).tolist()
    [2024, 2024, <NA>]
    """
    stated = projects["year"]
    if pd.api.types.is_numeric_dtype(stated):
        return stated
    if pd.api.types.is_datetime64_any_dtype(stated):
        return stated.dt.year.astype("Int64")
    year = pd.to_numeric(stated, errors="coerce")
    foreign = stated.notna() & ~np.isfinite(year)
    if foreign.any():
        rows = projects.index[foreign.to_numpy()]
        message = f"projects has years that are no numbers: rows {name_rows(rows)}; write the year as 2024"
        raise SchemaError(message, pd.DataFrame({"row": rows, "column": "year", "problem": "is not a number"}))
    return year.astype("Float64" if (year % 1 > 0).any() else "Int64")
