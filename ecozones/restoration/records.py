"""A register of projects as every question about restored ground reads it: checked, and with all its columns."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from ecozones.columns import read_numbers, read_years
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
        numbers, however they were written; a day tells its year.

    Raises
    ------
    SchemaError
        A project has no id, or a year is none, or a stated area no number.
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
        records["year"] = read_years(projects, "year", "projects").array
    records["_year"] = records["year"].astype(float)
    if "stated_area_m2" in records.columns:
        records["stated_area_m2"] = read_numbers(records, ["stated_area_m2"], "projects")["stated_area_m2"]
    return records
