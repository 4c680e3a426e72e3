"""
A layer that was put in order, and what it tells of the rows that it did not take as they stood.

Whatever is made of such a layer tells it again: what was refused stays in the account, and what was mended in the list.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from ecozones.engines.fragments import Fragment, Outcome
from ecozones.errors import RepairWarning
from ecozones.large.run import LargeRun, read_part
from ecozones.streams import PREPARED, Passing, Stream
from ecozones.telling import warn_caller

ROW, REPORT = "source_row", "report.parquet"
# what a report says of a row: its columns, their kinds, and what can have been done
LISTED = ["row", "reason", "done", "before_m2", "after_m2", "change_m2"]
KINDS = {"row": np.int64, **dict.fromkeys(LISTED[3:], np.float64)}
REFUSED, _MENDED, _FLAT = "refused", ("repaired", "closed", "drawn"), "flattened"


@dataclasses.dataclass(frozen=True)
class Prepared(LargeRun):
    """
    A layer that :func:`ecozones.large.prepare` has put in order.

    Parameters
    ----------
    digest
        SHA-256 over all parts: two layers with one digest are the same, byte for byte.
    listed
        How many rows the report names.
    """

    digest: str = ""
    listed: int = 0

    def report(self) -> pd.DataFrame:
        """
        List every row that was not taken as it stands, or that another one repeats.

        Returns
        -------
        DataFrame
            In the order of the source: ``row`` (from 0), ``reason``, ``done`` (refused, repaired, closed, drawn,
            flattened, kept), and of repaired rows ``before_m2, after_m2, change_m2``, in the plane of drawing. [m²]
        """
        parts = [pd.read_parquet(self.folder / REPORT)]
        parts += [read_part(path) for path in sorted((self.folder / "repeats").glob("part-*.parquet"))]
        full = [part for part in parts if len(part)] or parts[:1]
        return pd.concat(full, ignore_index=True).sort_values(["row", "reason"], kind="stable", ignore_index=True)


def warn_of_changes(layer: Prepared, label: str) -> None:
    """
    Say what a verb that prepares a layer by itself did not take as it stands.

    Parameters
    ----------
    layer
        The layer, prepared.
    label
        What the caller calls it.

    Warns
    -----
    RepairWarning
        Rows were refused or repaired.
    """
    if not layer.listed:
        return
    done = layer.report()["done"].value_counts()
    refused, repaired = int(done.get("refused", 0)), int(done.get("repaired", 0))
    if refused or repaired:
        report = f"{layer.folder.parent.name}/{layer.folder.name}/{REPORT}"
        message = (
            f"{label}: of {layer.rows_in} rows {refused} hold no polygon with a place and are left out, {repaired} "
            f"were not valid and are repaired; {report} lists each with why"
        )
        warn_caller(message, RepairWarning)


def prepared_root(stream: Stream | Passing) -> Path | None:
    """
    Tell whether a layer was prepared.

    Parameters
    ----------
    stream
        Any layer.

    Returns
    -------
    Path or None
        The folder that :func:`ecozones.large.prepare` made; None where it did not make it.
    """
    root: Path | None = getattr(stream, "root", None)
    return root if root is not None and (root / PREPARED).is_file() else None


def told_before(stream: Stream | Passing) -> pd.DataFrame:
    """
    Tell what was done to the rows of a layer when it was prepared, so that it is told of whatever is made of it.

    Parameters
    ----------
    stream
        Any layer.

    Returns
    -------
    DataFrame
        As :meth:`Prepared.report`, of the rows that were refused, repaired, closed, drawn or flattened; none where the
        layer was not prepared.
    """
    root = prepared_root(stream)
    if root is None:
        return pd.DataFrame(columns=LISTED).astype(KINDS)
    report = pd.read_parquet(root / REPORT)
    return report[report["done"].isin([REFUSED, *_MENDED, _FLAT])].reset_index(drop=True)


def mended_before(stream: Stream | Passing) -> pd.DataFrame:
    """
    Tell which rows of a layer are not as they were drawn, since they were mended when it was prepared.

    Parameters
    ----------
    stream
        Any layer.

    Returns
    -------
    DataFrame
        As :meth:`Prepared.report`.
    """
    told = told_before(stream)
    return told[told["done"].isin(_MENDED)].reset_index(drop=True)


def numbered(stream: Stream, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """
    Give rows the numbers that they have in the source a layer was prepared from, whatever their place in it now.

    Parameters
    ----------
    stream
        The layer.
    frame
        Rows of it, with ``source_row`` where it was prepared.

    Returns
    -------
    GeoDataFrame
        With these numbers as its index.
    """
    return frame if prepared_root(stream) is None else frame.set_index(frame[ROW].to_numpy(dtype=np.intp))


def left_out(folder: Path, number: int, out: Path, print_: str, **names: str) -> list[Fragment]:
    """
    Say what remains to be accounted for of a layer that is prepared: the rows that were refused.

    They are in no stretch of its features, so that without a fragment of their own they would be in no account.

    Parameters
    ----------
    folder
        The layer, prepared.
    number, out, print_
        Of the fragment.
    **names
        Columns that the rows are listed with, and their value.

    Returns
    -------
    list of Fragment
        One, or none where no row was refused.
    """
    rows = int((pd.read_parquet(folder / REPORT, columns=["done"])["done"] == REFUSED).sum())
    given = {"prepared": str(folder), "names": json.dumps(names, ensure_ascii=False)}
    work = "ecozones.large.prepared:list_left_out"
    return [Fragment(number, 0, rows, work, given, str(out), print_)] if rows else []


def list_left_out(fragment: Fragment) -> Outcome:
    """
    List the rows that were refused when a layer was prepared.

    Parameters
    ----------
    fragment
        Of which layer.

    Returns
    -------
    Outcome
        No table, and every row refused, with its number in the source of the layer.
    """
    report = pd.read_parquet(Path(fragment.given["prepared"]) / REPORT)
    lost = report.loc[report["done"] == REFUSED, ["row", "reason"]].sort_values("row", ignore_index=True)
    for place, (name, value) in enumerate(json.loads(fragment.given["names"]).items()):
        lost.insert(place, name, value)
    return Outcome({}, len(lost), 0, lost.astype({"reason": object}))
