"""
Areas and accuracies estimated from a reference sample, each with its interval; labelled ``error_adjusted``.

The areas as mapped stand beside them as ``pixel_count``.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ecozones.errors import InputError, SchemaError, name_rows
from ecozones.landcover.zone_cells import PIXEL_COUNT, Flags, Numbers

ERROR_ADJUSTED = "error_adjusted"


def error_adjusted_area(
    counts: pd.DataFrame, mapped_ha: Mapping[Any, float], *, confidence: float = 0.95
) -> pd.DataFrame:
    """
    Estimate areas and accuracies from a reference sample drawn class by class of the map, each with its interval.

    Parameters
    ----------
    counts
        Sample units by class on the map (rows) and on the ground (columns), the same classes in both.
    mapped_ha
        Area of each class on the map. [ha]
    confidence
        How sure the interval is to hold the truth.

    Returns
    -------
    DataFrame
        One row an estimate: ``quantity`` (area, users_accuracy, producers_accuracy, overall_accuracy), ``mapped``,
        ``reference`` (classes it speaks of), ``estimate``, ``se``, ``half_width``, ``unit``, ``kind`` (error_adjusted;
        the areas as mapped stand beside them as pixel_count).

    Raises
    ------
    InputError
        Classes do not agree, counts are negative or fractions, or a class has fewer than two sample units.

    References
    ----------
    .. [1] P. Olofsson et al., "Good practices for estimating area and assessing accuracy of land change", Remote
       Sensing of Environment 148, 2014, https://doi.org/10.1016/j.rse.2014.02.015.

    Examples
    --------
    >>> counts = pd.DataFrame([[9, 1], [2, 8]], index=["forest", "other"], columns=["forest", "other"])
    >>> table = error_adjusted_area(counts, {"forest": 100.0, "other": 100.0})
    >>> table.query("quantity == 'area' and kind == 'error_adjusted'")["estimate"].round(6).tolist()
    [110.0, 90.0]
    """
    classes = list(counts.index)
    if set(classes) != set(counts.columns) or set(classes) != set(mapped_ha) or len(set(classes)) != len(classes):
        message = "rows and columns of the counts and the mapped areas must name the same classes, each once"
        raise InputError(message)
    n = counts[classes].to_numpy(dtype=np.float64)
    if not (np.isfinite(n).all() and (n >= 0).all() and (n == np.round(n)).all()):
        message = "counts must be whole numbers of sample units"
        raise InputError(message)
    area = np.array([float(mapped_ha[name]) for name in classes])
    _refuse_areas(area)
    drawn = n.sum(axis=1)
    _refuse_small(pd.Series(drawn, index=classes))
    weight, total = area / area.sum(), area.sum()
    rate = n / drawn[:, None]
    cell = weight[:, None] * rate
    found = cell.sum(axis=0)
    spread = weight[:, None] ** 2 * rate * (1 - rate) / (drawn - 1)[:, None]
    users = np.diag(rate)
    producers = np.divide(np.diag(cell), found, out=np.full(len(found), np.nan), where=found > 0)
    # Olofsson et al. (2014), equations 5 to 7 and 10
    users_var = users * (1 - users) / (drawn - 1)
    overall_var = (weight**2 * users_var).sum()
    pixels = found * total
    others = (area[:, None] ** 2 * rate * (1 - rate) / (drawn - 1)[:, None]).sum(axis=0)
    others -= area**2 * users * (1 - users) / (drawn - 1)
    producers_var = np.divide(
        area**2 * (1 - producers) ** 2 * users * (1 - users) / (drawn - 1) + producers**2 * others,
        pixels**2,
        out=np.full(len(found), np.nan),
        where=pixels > 0,
    )
    rows = [("area", name, "", value, np.nan, "ha", PIXEL_COUNT) for name, value in zip(classes, area, strict=True)]
    se = total * np.sqrt(spread.sum(axis=0))
    rows += [("area", "", c, a, e, "ha", ERROR_ADJUSTED) for c, a, e in zip(classes, found * total, se, strict=True)]
    rows += _shares_of("users_accuracy", [(c, "") for c in classes], users, users_var)
    rows += _shares_of("producers_accuracy", [("", c) for c in classes], producers, producers_var)
    rows += _shares_of("overall_accuracy", [("", "")], [np.trace(cell)], [overall_var])
    return _estimates(rows, confidence)


def stratified_area(
    sample: pd.DataFrame, stratum_cells: Mapping[Any, float], *, cell_ha: float, confidence: float = 0.95
) -> pd.DataFrame:
    """
    Estimate areas and accuracies from a sample whose strata are not the classes of the map, each with its interval.

    Parameters
    ----------
    sample
        One row a sample unit: ``stratum``, ``mapped``, ``reference``.
    stratum_cells
        How many units (cells) each stratum holds.
    cell_ha
        Area of a unit. [ha]
    confidence
        How sure the interval is to hold the truth.

    Returns
    -------
    DataFrame
        As :func:`error_adjusted_area`, with the cells of the error matrix as shares of the whole area (``cell``).

    Raises
    ------
    InputError
        Columns are missing, strata do not agree, or a stratum has fewer than two sample units.

    References
    ----------
    .. [1] S. V. Stehman, "Estimating area and map accuracy for stratified random sampling when the strata are different
       from the map classes", International Journal of Remote Sensing 35, 2014, https://doi.org/10.1080/01431161.2014.930207.
    """
    missing = [name for name in ("stratum", "mapped", "reference") if name not in sample.columns]
    if missing:
        message = f"the sample has no column {', '.join(missing)}"
        raise SchemaError(message)
    blank = sample[["stratum", "mapped", "reference"]].isna().any(axis=1)
    if blank.any():
        message = f"sample units without stratum, mapped or reference class: {name_rows(sample.index[blank])}"
        raise InputError(message)
    names = list(stratum_cells)
    drawn = sample["stratum"].value_counts().reindex(names, fill_value=0)
    foreign = sorted(set(sample["stratum"]) - set(names), key=str)
    if foreign:
        message = f"strata without a size: {', '.join(map(str, foreign))}"
        raise InputError(message)
    size = np.array([float(stratum_cells[name]) for name in names])
    _refuse_areas(size)
    _refuse_small(drawn)
    if not cell_ha > 0:
        message = f"a cell must have an area, not {cell_ha} ha"
        raise InputError(message)
    too_many = [name for name, n, cells in zip(names, drawn, size, strict=True) if n > cells]
    if too_many:
        message = f"strata with more sample units than cells: {', '.join(map(str, too_many))}"
        raise InputError(message)
    design = _Design(sample["stratum"].to_numpy(), names, size, np.asarray(drawn, dtype=np.float64))
    mapped, reference = sample["mapped"].to_numpy(), sample["reference"].to_numpy()
    classes = sorted(set(mapped) | set(reference), key=str)
    total = size.sum() * cell_ha
    rows: list[tuple[Any, ...]] = []
    for name in classes:
        share, variance = design.share(reference == name)
        rows.append(("area", "", name, share * total, math.sqrt(variance) * total, "ha", ERROR_ADJUSTED))
    hit = mapped == reference
    for name in classes:
        rows += _shares_of("users_accuracy", [(name, "")], *design.ratio(hit & (mapped == name), mapped == name))
    for name in classes:
        rows += _shares_of(
            "producers_accuracy", [("", name)], *design.ratio(hit & (reference == name), reference == name)
        )
    rows += _shares_of("overall_accuracy", [("", "")], *([value] for value in design.share(hit)))
    for row, column in itertools.product(classes, repeat=2):
        both = design.share((mapped == row) & (reference == column))
        rows += _shares_of("cell", [(row, column)], *([value] for value in both))
    return _estimates(rows, confidence)


def sample_size(mapped_share: ArrayLike, users_accuracy: ArrayLike, *, target_se: float) -> int:
    """
    Tell how many sample units an overall accuracy of a given standard error needs.

    Parameters
    ----------
    mapped_share
        Share of the map that each class takes; they sum to 1.
    users_accuracy
        Expected user's accuracy of each class.
    target_se
        Standard error wanted, as a share.

    Returns
    -------
    int
        Sample units, rounded up.

    Raises
    ------
    InputError
        Shares do not sum to 1, accuracies are no shares, or the target is not positive.

    Examples
    --------
    >>> sample_size([0.02, 0.015, 0.32, 0.645], [0.7, 0.6, 0.9, 0.95], target_se=0.01)
    641
    """
    weight, users = np.asarray(mapped_share, dtype=np.float64), np.asarray(users_accuracy, dtype=np.float64)
    sound = weight.shape == users.shape and (weight >= 0).all() and abs(weight.sum() - 1) <= 1e-6  # noqa: PLR2004
    if not (sound and (users >= 0).all() and (users <= 1).all() and target_se > 0):
        message = "shares of the map must sum to 1, accuracies lie between 0 and 1, and the target be above 0"
        raise InputError(message)
    return math.ceil(float((weight * np.sqrt(users * (1 - users))).sum() / target_se) ** 2)


class _Design:
    """A stratified random sample: estimates of shares and of ratios of shares, with finite strata."""

    def __init__(self, stratum: NDArray[Any], names: list[Any], size: Numbers, drawn: Numbers) -> None:
        self.row = pd.Index(names).get_indexer(stratum)
        self.size, self.drawn = size, drawn
        self.weight = size**2 * (1 - drawn / size) / drawn

    def _means(self, values: ArrayLike) -> Numbers:
        return np.asarray(np.bincount(self.row, weights=np.asarray(values, dtype=np.float64)) / self.drawn)

    def _spread(self, a: ArrayLike, b: ArrayLike) -> Numbers:
        """Covariance of two values within each stratum."""
        off_a = np.asarray(a, dtype=np.float64) - self._means(a)[self.row]
        off_b = np.asarray(b, dtype=np.float64) - self._means(b)[self.row]
        return np.asarray(np.bincount(self.row, weights=off_a * off_b) / (self.drawn - 1))

    def share(self, is_so: Flags) -> tuple[float, float]:
        """Share of the whole of which something is so, and its variance."""
        whole = self.size.sum()
        share = float((self.size * self._means(is_so)).sum() / whole)
        return share, float((self.weight * self._spread(is_so, is_so)).sum() / whole**2)

    def ratio(self, part: Flags, base: Flags) -> tuple[list[float], list[float]]:
        """Ratio of two shares, and its variance; NaN where the base was never seen."""
        below = float((self.size * self._means(base)).sum())
        if not below:
            return [np.nan], [np.nan]
        ratio = float((self.size * self._means(part)).sum()) / below
        spread = self._spread(part, part) + ratio**2 * self._spread(base, base) - 2 * ratio * self._spread(part, base)
        return [ratio], [max(0.0, float((self.weight * spread).sum()) / below**2)]


def _shares_of(
    quantity: str,
    classes: Sequence[tuple[Any, Any]],
    values: Sequence[float] | Numbers,
    variances: Sequence[float] | Numbers,
) -> list[tuple[Any, ...]]:
    spread = np.sqrt(np.asarray(variances, dtype=np.float64))
    return [
        (quantity, mapped, reference, float(value), float(se), "share", ERROR_ADJUSTED)
        for (mapped, reference), value, se in zip(classes, values, spread, strict=True)
    ]


def _estimates(rows: list[tuple[Any, ...]], confidence: float) -> pd.DataFrame:
    if not 0 < confidence < 1:
        message = f"confidence lies between 0 and 1, not at {confidence}"
        raise InputError(message)
    table = pd.DataFrame(rows, columns=["quantity", "mapped", "reference", "estimate", "se", "unit", "kind"])
    table.insert(5, "half_width", statistics.NormalDist().inv_cdf((1 + confidence) / 2) * table["se"])
    return table


def _refuse_areas(area: Numbers) -> None:
    if not (np.isfinite(area).all() and (area > 0).all()):
        message = "every class or stratum needs a size above 0; leave out those that do not occur"
        raise InputError(message)


def _refuse_small(drawn: pd.Series) -> None:
    few = drawn.index[drawn.to_numpy() < 2]  # noqa: PLR2004 - a variance needs two
    if len(few):
        message = f"classes or strata with fewer than two sample units, whose error cannot be known: {name_rows(few)}"
        raise InputError(message)
