"""Whether a yearly series rises or falls, and how fast: Mann-Kendall and Sen."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ecozones.errors import InputError

Numbers = NDArray[np.float64]

# Trends.Earth takes no trend of fewer years
_MIN_YEARS = 4


def measure_trend(
    series: pd.DataFrame, *, significance: float = 0.05, min_years: int = _MIN_YEARS, more_is_better: bool = True
) -> pd.DataFrame:
    """
    Tell of each series whether it rises or falls (Mann-Kendall), and how fast (Sen).

    Parameters
    ----------
    series
        One row a series, one column a year; column labels are the years as numbers. Missing years are left out.
    significance
        Largest probability at which a trend is believed.
    min_years
        Series of fewer years are not judged.
    more_is_better
        Whether a rise is an improvement.

    Returns
    -------
    DataFrame
        On the index of `series`: ``years`` (how many were seen), ``s``, ``variance``, ``z``, ``p`` (two-sided, normal
        approximation, ties allowed for), ``slope`` (median of all pairs) [per year], ``verdict`` (improved, degraded,
        no_significant_change, insufficient_data).

    Raises
    ------
    InputError
        Columns are not years.

    References
    ----------
    .. [1] H. B. Mann, "Nonparametric tests against trend", Econometrica 13, 1945, https://doi.org/10.2307/1907187.
    .. [2] P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", Journal of the American
       Statistical Association 63, 1968, https://doi.org/10.1080/01621459.1968.10480934.

    Examples
    --------
    >>> cover = pd.DataFrame([[1.0, 2.0, 3.0, 4.0, 5.0]], columns=[2019, 2020, 2021, 2022, 2023])
    >>> measure_trend(cover)["slope"].tolist()
    [1.0]
    """
    years = pd.to_numeric(pd.Series(list(series.columns)), errors="coerce").to_numpy(dtype=np.float64)
    if np.isnan(years).any() or len(set(years)) != len(years):
        message = f"columns must be years, each once, not {list(series.columns)}"
        raise InputError(message)
    order = np.argsort(years)
    years, values = years[order], series.to_numpy(dtype=np.float64)[:, order]
    earlier, later = np.triu_indices(len(years), k=1)
    steps = values[:, later] - values[:, earlier]
    s = np.nansum(np.sign(steps), axis=1)
    slopes = _medians(steps / (years[later] - years[earlier]))
    n = np.isfinite(values).sum(axis=1)
    variance = np.array([_variance(row[np.isfinite(row)]) for row in values], dtype=np.float64)
    z = np.divide(s - np.sign(s), np.sqrt(variance), out=np.zeros(len(s)), where=variance > 0)
    p = np.array([math.erfc(abs(value) / math.sqrt(2)) for value in z])
    better = np.sign(z) if more_is_better else -np.sign(z)
    verdict = np.select(
        [n < min_years, (p <= significance) & (better > 0), (p <= significance) & (better < 0)],
        ["insufficient_data", "improved", "degraded"],
        "no_significant_change",
    )
    columns = {"years": n, "s": s, "variance": variance, "z": z, "p": p}
    return pd.DataFrame(columns | {"slope": slopes, "verdict": verdict}, index=series.index)


def _medians(rows: Numbers) -> Numbers:
    """Median of each row without NaN; NaN for a row of nothing else."""
    return np.array([np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan for row in rows])


def _variance(values: Numbers) -> float:
    """Variance of the sum of signs, with equal values allowed for."""
    n = len(values)
    ties = np.unique(values, return_counts=True)[1].astype(np.float64)
    return float(n * (n - 1) * (2 * n + 5) - (ties * (ties - 1) * (2 * ties + 5)).sum()) / 18
