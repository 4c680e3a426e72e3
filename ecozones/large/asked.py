"""What is asked of sites, whatever stretches they come in: the day, the rules, the plan, and one way to each line."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import geopandas as gpd
import pandas as pd
import pyproj
import shapely

from ecozones.errors import EngineError
from ecozones.options import check_option_names, check_options, option_names
from ecozones.placing import bring_to
from ecozones.plan import ZoningPlan
from ecozones.rulebook import Rulebook, as_day, load_rules
from ecozones.siting import check_sites

# sites in a fragment
ROWS = 20_000
# options of a check that every verb asks for by name
_BESIDE = ("on", "rules")


@dataclasses.dataclass(frozen=True)
class Asked:
    """Everything that a worker needs to know beside the sites."""

    plan: ZoningPlan
    book: Rulebook
    day: dt.date
    options: Mapping[str, Any]


def day_and_book(on: dt.date | str | None, rules: Rulebook | str | None) -> tuple[dt.date, Rulebook]:
    """
    Settle the day and the rules of a check.

    Parameters
    ----------
    on, rules
        As for :func:`ecozones.check_sites`.

    Returns
    -------
    tuple
        The day, today where none is stated, and the rulebook.
    """
    day = dt.datetime.now(tz=dt.UTC).astimezone().date() if on is None else as_day(on)
    return day, rules if isinstance(rules, Rulebook) else load_rules(rules or "CN")


def cut_lines(plan: ZoningPlan) -> ZoningPlan:
    """
    Cut the lines of a plan here, so that no worker has to.

    Parameters
    ----------
    plan
        The plan.

    Returns
    -------
    ZoningPlan
        The same, with its pieces.
    """
    for line, frame in plan.lines.items():
        if len(frame):
            plan.pieces(line)
    return plan


def check_asked(verb: str, where: str, options: Mapping[str, object], named: Mapping[str, object]) -> None:
    """
    Refuse options of a check that are none or mean nothing, all of them at once.

    Parameters
    ----------
    verb, where
        As for :func:`ecozones.options.check_option_names`.
    options
        Those that are handed on to the check.
    named
        Those that the verb itself names.

    Raises
    ------
    InputError
        Naming each.
    """
    check_option_names(
        verb, options, {where: [name for name in option_names(check_sites) if name not in _BESIDE]}, where
    )
    check_options(verb, {**named, **options})


def together(tables: list[pd.DataFrame]) -> Any:  # noqa: ANN401 - frames stay what they are
    """
    Put tables of stretches together in their order.

    Parameters
    ----------
    tables
        One at least.

    Returns
    -------
    DataFrame or GeoDataFrame
        One, in which tables without a row have no say about kinds.
    """
    full = [table for table in tables if len(table)] or tables[:1]
    return full[0] if len(full) == 1 else pd.concat(full, ignore_index=True)


def hold_paths(capsules: list[Mapping[str, Any]], paths: Mapping[str, str]) -> None:
    """
    Make sure that stretches took the way to each line's CRS that all sites together take: PROJ chooses by place.

    Parameters
    ----------
    capsules
        Of the reviews of the stretches.
    paths
        What :func:`ways` says of all sites.

    Raises
    ------
    EngineError
        A stretch took another.
    """
    for line, path in paths.items():
        if any(capsule["crs_paths"].get(line, path) != path for capsule in capsules):
            message = (
                f"from the datum of the sites to that of {line} several ways lead, by place, and stretches of sites "
                "would take others than all together; bring the sites to its CRS first, or check them without an engine"
            )
            raise EngineError(message)


def ways(bounds: Iterable[float], crs: pyproj.CRS, plan: ZoningPlan) -> dict[str, str]:
    """
    Say which way all sites together take to the CRS of each line.

    Parameters
    ----------
    bounds
        The box around them.
    crs
        Its CRS.
    plan
        The plan.

    Returns
    -------
    dict
        The transformation in words, by line.
    """
    corners = gpd.GeoDataFrame(geometry=[shapely.box(*bounds)], crs=crs)
    return {line: bring_to(corners, frame.crs, what="sites")[1] for line, frame in plan.lines.items()}
