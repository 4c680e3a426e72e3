"""Would the verdict change if the boundary were a little off: verdicts under positional error."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ecozones.alternatives.case import listed
from ecozones.alternatives.lawful_ground import ground_by_verdict, place_sites, severity
from ecozones.errors import InputError
from ecozones.plan import ZoningPlan
from ecozones.review import SiteReview
from ecozones.rulebook import Rulebook, load_rules
from ecozones.shipped import shipped_table
from ecozones.siting import check_sites
from ecozones.vocab import verdict_dtype, verdict_words

Terrain = Literal["plain", "mountain"]

# no two distances are told apart that differ by less [m]
_SAME_M = 1e-6

# how closely a depth is worked out, and how finely the round corners of ground that shrinks are drawn [m, segments]
_NEAR_M = 1e-4
_QUADRANT_SEGMENTS = 256

_COLUMNS = [
    "site_id", "name", "activity", "line", "verdict", "error_m", "flips", "direction", "verdict_closer",
    "verdict_farther", "worse_at_m", "becomes_worse", "milder_at_m", "becomes_milder", "searched_m", "rule_ids",
    "citation", "reason", "reason_zh", "basis", "basis_status",
]  # fmt: skip

_SAID = ["rule_ids", "citation", "reason", "reason_zh"]


def map_accuracies() -> pd.DataFrame:
    """
    Give the positional accuracy of maps by scale.

    Returns
    -------
    DataFrame
        One row per scale and terrain: ``scale`` (``"1:2000"``), ``terrain``, ``map_mm`` (on the map), ``error_m``
        (root mean square error on the ground [m]; twice that is the limit), ``source``, ``status``, ``note``.

    Examples
    --------
    >>> map_accuracies().query("scale == '1:10000'").set_index("terrain").error_m.to_dict()
    {'plain': 5.0, 'mountain': 7.5}
    """
    table = pd.DataFrame(shipped_table("accuracy")["accuracies"])
    return table.assign(scale="1:" + table["scale"].astype(str))


def find_flips(
    sites: gpd.GeoDataFrame,
    plan: ZoningPlan,
    *,
    error_m: float | None = None,
    scale: str | None = None,
    terrain: Terrain = "plain",
    within_m: float = 100.0,
    on: dt.date | str | None = None,
    rules: Rulebook | str | None = None,
    lines: Iterable[str] | None = None,
) -> pd.DataFrame:
    """
    Tell whether the verdict of each site would change if boundaries were off by some metres, and from how many on.

    Parameters
    ----------
    sites
        Sites, as :func:`ecozones.check_sites` takes them.
    plan
        The plan.
    error_m
        How far boundaries may be off. [m]
    scale
        In its place, the scale of the map that they were drawn on, such as ``"1:2000"``: its root mean square error.
    terrain
        With a scale: ``"plain"`` (also hills) or ``"mountain"``.
    within_m
        How far to look for the distance at which a verdict changes; at least `error_m`. [m]
    on, rules, lines
        As in :func:`ecozones.check_sites`.

    Returns
    -------
    DataFrame
        One row per site and line, and one per site whose ``line`` is empty, for all lines together. ``verdict`` (as
        drawn), ``error_m``, ``flips`` (whether it may change within the error), ``direction`` (worse, milder, both),
        ``verdict_closer`` and ``verdict_farther`` (worst and mildest verdict within the error: ground of worse verdicts
        grows or shrinks by it), ``worse_at_m`` and ``becomes_worse`` (from which error on it becomes worse, and what),
        ``milder_at_m`` and ``becomes_milder``, ``searched_m`` (NaN above means: farther than that), ``rule_ids`` and
        ``citation`` (of the verdict as drawn), ``reason``, ``reason_zh``, ``basis``, ``basis_status`` (of the error).

    Raises
    ------
    InputError
        Neither or both of `error_m` and `scale` are given, or the scale is not listed.

    Notes
    -----
    A verdict becomes worse as soon as ground of a worse verdict may reach the site: at its distance from the site,
    which is 0 where they touch or share a sliver. It becomes milder when the ground that decides has drawn back from
    the whole site: at the depth of the site in it, the greatest distance of a point of both from the rim of that
    ground. Distances are planar, in :attr:`ecozones.ZoningPlan.metric_crs`, exact to a millimetre in 100 m.

    Examples
    --------
    >>> from ecozones.testing import chessboard_plan, square_between
    >>> plan = chessboard_plan(red_line=["a1"], urban=["a1", "b1"])
    >>> flips = find_flips(square_between("a1", "b1"), plan, scale="1:10000", on="2026-06-01", within_m=300)
    >>> flips.loc[flips.line == "", ["verdict", "flips", "milder_at_m", "becomes_milder"]].round(2).values.tolist()
    [['prohibited', False, 250.0, 'conditional']]
    """
    error, basis, status = _error(error_m, scale, terrain)
    if within_m < error:
        message = f"within_m={within_m:g} is less than the error of {error:g} m; look at least as far as that"
        raise InputError(message)
    book = rules if isinstance(rules, Rulebook) else load_rules(rules or "CN")
    review = check_sites(sites, plan, on=on, rules=book, lines=lines)
    shapes = place_sites(sites, plan)
    asked = list(review.capsule["lines_checked"])
    activity = review.verdicts["activity"].to_numpy(dtype=object)
    ground = ground_by_verdict(shapes, activity, plan, asked, book, review.on, reach_m=within_m)
    drawn = _as_drawn(review)
    site_ids = review.verdicts["site_id"].tolist()
    levels = _levels(shapes, ground, drawn, site_ids, within_m)
    absent = _Level(severity("undetermined"), inside=True, metres=math.inf)
    rows = []
    for row, site in enumerate(site_ids):
        by_line = {line: levels.get((row, line), []) if line in plan else [absent] for line in asked}
        by_line[""] = [level for known in by_line.values() for level in known]
        rows += [_answer(drawn[site, line], seen, error) | {"row": row, "line": line} for line, seen in by_line.items()]
    return _finish(rows, review, error, within_m, (basis, status))


def _error(error_m: float | None, scale: str | None, terrain: str) -> tuple[float, str, str]:
    if (error_m is None) == (scale is None):
        message = "give either error_m or scale: how far may the boundary be off"
        raise InputError(message)
    if error_m is not None:
        if not (np.isfinite(error_m) and error_m >= 0):
            message = f"error_m={error_m!r} is no distance; give metres, 0 or more"
            raise InputError(message)
        return float(error_m), "stated by the caller", ""
    known = map_accuracies()
    wanted = str(scale).replace(" ", "").replace(",", "").replace("：", ":")
    fits = known[(known["scale"] == wanted) & (known["terrain"] == terrain)]
    if fits.empty:
        listed = ", ".join(f"{row.scale} {row.terrain}" for row in known.itertuples())
        message = (
            f"no accuracy is listed for scale {scale!r}, terrain {terrain!r}; listed are {listed}; or pass error_m"
        )
        raise InputError(message)
    row = fits.iloc[0]
    return (
        float(row["error_m"]),
        f"{wanted}, {terrain}: {row['map_mm']} mm on the map; {row['source']}",
        str(row["status"]),
    )


def _as_drawn(review: SiteReview) -> dict[tuple[object, str], int]:
    """Rank the verdict of every site on every line, and on all of them together under an empty name."""
    by_line = zip(review.lines["site_id"], review.lines["line"], review.lines["verdict"].cat.codes, strict=True)
    whole = zip(review.verdicts["site_id"], review.verdicts["verdict"].cat.codes, strict=True)
    return {(site, line): int(rank) for site, line, rank in by_line} | {(site, ""): int(rank) for site, rank in whole}


class _Level(NamedTuple):
    """Ground of one line under a verdict or a worse one, as a site sees it."""

    rank: int
    inside: bool
    metres: float
    """How deep the site reaches into it, or how far off it lies."""


def _levels(
    shapes: gpd.GeoDataFrame,
    ground: pd.DataFrame,
    drawn: dict[tuple[object, str], int],
    sites: Sequence[object],
    within_m: float,
) -> dict[tuple[int, str], list[_Level]]:
    """Measure how deep each site reaches into the ground of every verdict, or how far off that is."""
    geometry = shapes.geometry.to_numpy()
    levels: dict[tuple[int, str], list[_Level]] = {}
    columns = (ground[name].tolist() for name in ("shape", "line", "severity", "geometry"))
    worse: list[shapely.Geometry] = []
    before = None
    for row, line, rank, part in sorted(zip(*columns, strict=True), key=lambda one: (one[0], one[1], -one[2])):
        # the ground of worse verdicts counts too: between two grounds that both fail, no boundary matters
        worse = [*worse, part] if before == (row, line) else [part]
        before = (row, line)
        whole, shape = shapely.union_all(worse), geometry[row]
        inside = rank <= drawn[sites[row], line]
        metres = _depth(shape, whole, within_m) if inside else float(shapely.distance(shape, whole))
        levels.setdefault((row, line), []).append(_Level(rank, inside, metres))
    return levels


def _depth(shape: shapely.Geometry, ground: shapely.Geometry, limit: float) -> float:
    """Give the greatest distance from a point of both to the rim of the ground, infinity beyond a limit."""
    common = shapely.intersection(shape, ground)
    if common.is_empty:
        return 0.0
    rim = shapely.boundary(ground)
    shapely.prepare(rim)
    low = float(shapely.distance(rim, shapely.points(shapely.get_coordinates(common))).max())
    high = limit
    if low > limit or _reaches(shape, ground, limit):
        return math.inf
    # mostly a corner is deepest, and one look past it ends the search
    step = _NEAR_M
    while low + step < high:
        if _reaches(shape, ground, low + step):
            low, step = low + step, step * 4
        else:
            high = low + step
    while high - low > _NEAR_M:
        middle = (low + high) / 2
        low, high = (middle, high) if _reaches(shape, ground, middle) else (low, middle)
    return low


def _reaches(shape: shapely.Geometry, ground: shapely.Geometry, depth: float) -> bool:
    """Tell whether a shape still meets ground that has drawn back from its rim."""
    return bool(shapely.intersects(shape, shapely.buffer(ground, -depth, quad_segs=_QUADRANT_SEGMENTS)))


def _answer(now: int, levels: list[_Level], error: float) -> dict[str, object]:
    """Say what the levels make of a verdict when all rims move by the error, and where it changes first."""
    coming = [level for level in levels if not level.inside and level.rank > now]
    going = [level for level in levels if level.inside and level.rank <= now]
    worse_at = min((level.metres for level in coming), default=math.inf)
    becomes_worse = max((level.rank for level in coming if level.metres <= worse_at + _SAME_M), default=now)
    milder_at = max((level.metres for level in going if level.rank == now), default=math.inf if now == 0 else 0.0)
    becomes_milder = max((level.rank for level in going if level.rank < now and level.metres > milder_at), default=0)
    closer = max([now, *(level.rank for level in coming if level.metres < error - _SAME_M)])
    farther = now if milder_at >= error else max((level.rank for level in going if level.metres > error), default=0)
    return {
        "verdict": now,
        "verdict_closer": closer,
        "verdict_farther": farther,
        "worse_at_m": worse_at,
        "becomes_worse": becomes_worse,
        "milder_at_m": milder_at,
        "becomes_milder": becomes_milder,
    }


def _finish(
    rows: list[dict[str, object]], review: SiteReview, error: float, within_m: float, basis: tuple[str, str]
) -> pd.DataFrame:
    table = pd.DataFrame(rows)
    words = np.array(list(verdict_words()), dtype=object)
    place = table["row"].to_numpy(dtype=np.intp)
    worse = (table["verdict_closer"] > table["verdict"]).to_numpy()
    milder = (table["verdict_farther"] < table["verdict"]).to_numpy()
    for name in ("worse", "milder"):
        # what lies farther than was searched is not known
        far = table[f"{name}_at_m"] > within_m
        table[f"becomes_{name}"] = _named(words, table[f"becomes_{name}"].to_numpy(dtype=np.intp), ~far.to_numpy())
        table[f"{name}_at_m"] = table[f"{name}_at_m"].where(~far)
    for name in ("verdict", "verdict_closer", "verdict_farther"):
        table[name] = _named(words, table[name].to_numpy(dtype=np.intp), np.ones(len(table), dtype=bool))
    table = table.assign(
        **{name: review.verdicts[name].to_numpy()[place] for name in ("site_id", "name", "activity")},
        error_m=error,
        flips=worse | milder,
        direction=np.select([worse & milder, worse, milder], ["both", "worse", "milder"], default=""),
        searched_m=within_m,
        basis=basis[0],
        basis_status=basis[1],
    )
    return table.merge(_grounds(review), on=["site_id", "line"], how="left").fillna(dict.fromkeys(_SAID, ""))[_COLUMNS]


def _named(words: np.ndarray, ranks: np.ndarray, known: np.ndarray) -> pd.Categorical:
    names = words[ranks]
    names[~known] = None
    return pd.Categorical(names, dtype=verdict_dtype())


def _grounds(review: SiteReview) -> pd.DataFrame:
    """Give the rules and reasons that each verdict rests on, by site and line and by site."""
    deciding = review.findings[review.findings["role"] == "decides"]
    both = pd.concat([deciding, deciding.assign(line="")])
    worst = both.groupby(["site_id", "line"])["verdict"].transform("max")
    said = both[both["verdict"].astype(object) == worst.astype(object)].rename(columns={"rule_id": "rule_ids"})
    return said.groupby(["site_id", "line"], sort=False)[_SAID].agg(listed).reset_index()
