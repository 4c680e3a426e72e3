"""Targets under the field names of the planning database."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd


def write_exchange(tracked: pd.DataFrame, path: str | Path, *, district_code: str, district_name: str) -> None:
    """
    Write targets under the field names of the planning database: XZQDM, XZQMC, ZBMC, XZJQN, GHMBN.

    Parameters
    ----------
    tracked
        The answer of :func:`ecozones.track_targets`.
    path
        CSV file to write, UTF-8 with a byte-order mark, as spreadsheets in China expect.
    district_code, district_name
        What the file is about.
    """
    rows: Iterable[tuple[Any, ...]] = tracked.drop_duplicates("target_id")[
        ["indicator", "baseline", "target"]
    ].itertuples(index=False, name=None)
    with Path(path).open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["XZQDM", "XZQMC", "ZBMC", "XZJQN", "GHMBN"])
        for indicator, base, aim in rows:
            writer.writerow([district_code, district_name, indicator, "" if pd.isna(base) else base, aim])
