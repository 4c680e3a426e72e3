"""Soil: its classes of erosion, and the indicators of conservation with their denominators."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from ecozones.columns import read_numbers, share_of
from ecozones.errors import InputError, SchemaError, name_rows
from ecozones.shipped import shipped_table


def erosion_classes(by: Literal["water", "wind"] = "water") -> pd.DataFrame:
    """
    List the classes of soil erosion by the rate of loss.

    Parameters
    ----------
    by
        What carries the soil away: ``"water"`` or ``"wind"``.

    Returns
    -------
    DataFrame
        One row per class, mildest first, on its id: ``zh``, ``from_t_km2`` and ``to_t_km2`` (a year), ``eroded``
        (whether ground of the class counts as eroded), ``source``, ``status``. The mildest class by water ends at the
        tolerated loss of the region. [t/km²]

    Examples
    --------
    >>> erosion_classes()["from_t_km2"].tolist()
    [0.0, 200.0, 2500.0, 5000.0, 8000.0, 15000.0]
    """
    tables = shipped_table("ledgers")["erosion"]
    if by not in tables["classes"]:
        message = f"soil is carried away by {', '.join(tables['classes'])}, not by {by!r}"
        raise InputError(message)
    table = pd.DataFrame.from_dict(tables["classes"][by], orient="index").rename_axis("class")
    table["to_t_km2"] = table["from_t_km2"].shift(-1)
    source = shipped_table("ledgers")["sources"][tables["source"]]
    table = table.astype({"from_t_km2": float, "to_t_km2": float})
    return table.assign(
        eroded=np.arange(len(table)) > 0, source=f"{source['title']} {source['number']}", status=source["status"]
    )[["zh", "from_t_km2", "to_t_km2", "eroded", "source", "status"]]


def classify_erosion(
    loss_t_km2: pd.Series,
    *,
    region: str | None = None,
    by: Literal["water", "wind"] = "water",
    edge: Literal["lower", "upper"] = "lower",
) -> pd.Series:
    """
    Class soil loss by the standard classes of erosion.

    Parameters
    ----------
    loss_t_km2
        Soil lost a year. [t/km²]
    region
        For water, the region whose tolerated loss ends the mildest class: ``"northwest_loess"``,
        ``"northeast_black_soil"``, ``"northern_rocky"``, ``"southern_red_soil"`` or ``"southwest_rocky"``.
    by
        What carries it away.
    edge
        The class of a loss that stands on a bound: the one that begins there (``"lower"``), or that ends there.

    Returns
    -------
    Series
        Ordered categorical of the ids of :func:`erosion_classes`, mildest first; missing where the loss is.

    Raises
    ------
    InputError
        The region is not known, or an option has no meaning.
    SchemaError
        A loss is negative or no number.

    Examples
    --------
    >>> classify_erosion(pd.Series([150, 2400, 5000]), region="northwest_loess").tolist()
    ['micro', 'light', 'intense']
    """
    classes = erosion_classes(by)
    tolerated = shipped_table("ledgers")["erosion"]["tolerated"]
    bounds = classes["from_t_km2"].to_numpy()[1:].copy()
    if by == "water":
        if region not in tolerated:
            message = (
                f"the mildest class ends at the loss a region tolerates: say region=, one of {', '.join(tolerated)}"
            )
            raise InputError(message)
        bounds[0] = tolerated[region]
    if edge not in {"lower", "upper"}:
        message = f"edge is 'lower' or 'upper', not {edge!r}"
        raise InputError(message)
    loss = read_numbers(pd.DataFrame({"loss_t_km2": loss_t_km2}), ["loss_t_km2"], "soil loss")["loss_t_km2"]
    if (loss < 0).any():
        message = f"soil loss is negative: rows {name_rows(loss.index[loss < 0])}"
        raise SchemaError(message)
    place = np.searchsorted(bounds, loss, side="right" if edge == "lower" else "left")
    dtype = pd.CategoricalDtype(list(classes.index), ordered=True)
    return pd.Series(pd.Categorical.from_codes(np.where(loss.isna(), -1, place), dtype=dtype), index=loss.index)


def soil_conservation(figures: pd.DataFrame) -> pd.DataFrame:
    """
    Work out the indicators of soil conservation, each missing where its denominator is.

    Parameters
    ----------
    figures
        Any of ``land_km2``, ``erosion_km2``, ``treated_km2`` (to standard), ``to_treat_km2``, ``unsuitable_km2``,
        ``restorable_km2``, ``planted_km2``, ``project_km2`` [km²], ``tolerated_t_km2`` and ``actual_t_km2`` (a year).

    Returns
    -------
    DataFrame
        On the index of `figures`: ``conservation_ratio`` 水土保持率 (1 less the eroded share), ``treated_share``
        治理度, ``plant_recovery`` 林草植被恢复率, ``plant_cover`` 林草覆盖率, ``control_ratio`` 土壤流失控制比, and
        ``split_error_km2`` (eroded less to treat less unsuitable). Shares.

    Examples
    --------
    >>> national = pd.DataFrame({"land_km2": [960.0], "erosion_km2": [267.42]})
    >>> soil_conservation(national)["conservation_ratio"].round(4).tolist()
    [0.7214]
    """
    names = [
        "land_km2", "erosion_km2", "treated_km2", "to_treat_km2", "unsuitable_km2", "restorable_km2", "planted_km2",
        "project_km2", "tolerated_t_km2", "actual_t_km2",
    ]  # fmt: skip
    if not set(names) & set(figures.columns):
        message = f"the figures have none of the columns {', '.join(names)}"
        raise SchemaError(message)
    given = read_numbers(figures.reindex(columns=names), names, "the figures")
    return pd.DataFrame(
        {
            "conservation_ratio": 1 - share_of(given["erosion_km2"], given["land_km2"]),
            "treated_share": share_of(given["treated_km2"], given["erosion_km2"]),
            "plant_recovery": share_of(given["planted_km2"], given["restorable_km2"]),
            "plant_cover": share_of(given["planted_km2"], given["project_km2"]),
            "control_ratio": share_of(given["tolerated_t_km2"], given["actual_t_km2"]),
            "split_error_km2": given["erosion_km2"] - given["to_treat_km2"] - given["unsuitable_km2"],
        }
    )
