"""
What did not change since an earlier run: sites whose answer still holds, to the last bit.

An answer rests on the row of the site; on rules, day, options, the ground that the plan speaks of, and what computes;
and of each line on the features that the site meets and on the distance to the nearest one. Of the first, any change
makes the site stale; of the second, any change makes every site stale. Of a line, a feature that is new, gone, altered
or moved to another place in the order of the layer is a change, where it was and where it is: a site is stale when the
box of a change comes as near to its own box as the nearest feature was before. Whatever lies further off can neither be
met nor be the nearest one.
"""

from __future__ import annotations

import bisect
import dataclasses
import hashlib
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pyproj
import shapely
from numpy.typing import NDArray

from ecozones.engines.fragments import Receipt, split, write_whole
from ecozones.errors import InputError
from ecozones.large.run import RUN, read_part
from ecozones.overlay import Flags
from ecozones.placing import bring_to
from ecozones.plan import ZoningPlan

_FEATURES = "_features"
_BOX = ("west", "south", "east", "north")
_FLAT_BOX = tuple(f"flat_{side}" for side in _BOX)
_KEY = ("first", "second")
# room for what rounding may do to a distance or a box: a share of it, and a micrometre or its like in degrees
_SHARE, _LEAST = 1e-9, 1e-6

# features that are described at a time
_STRETCH = 50_000

Boxes = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Earlier:
    """
    An earlier run, and what has changed since.

    Parameters
    ----------
    folder
        Where it lies.
    parts
        The digest of every file of a fragment, by fragment and path.
    ids, fragment
        Hashes of the sites that it answered for, ascending, and the fragment of each.
    changes
        By line, the boxes of what changed: in the CRS of the line, and in the plane in which distances are measured.
    """

    folder: Path
    parts: Mapping[int, Mapping[str, str]]
    ids: NDArray[np.uint64]
    fragment: NDArray[np.int64]
    changes: Mapping[str, tuple[Boxes, Boxes]]

    def knows(self, ids: pd.Series) -> Flags:
        """Tell which sites it answered for."""
        return np.isin(_hashes(ids), self.ids)

    def tables(self, ids: pd.Series, names: tuple[str, ...]) -> dict[str, pd.DataFrame]:
        """Read what it said of some sites; a fragment whose files are not as they were written says nothing."""
        wanted = _hashes(ids)
        at = np.searchsorted(self.ids, wanted)
        found = np.isin(wanted, self.ids)
        numbers = np.unique(self.fragment[at[found]])
        read: dict[str, list[pd.DataFrame]] = {name: [] for name in names}
        for number in numbers.tolist():
            paths = {path.split("/")[0]: path for path in self.parts[number]}
            files = {name: self.folder / paths[name] for name in names}
            if not all(_is_whole(file, self.parts[number][paths[name]]) for name, file in files.items()):
                continue
            for name, file in files.items():
                part = read_part(file)
                read[name].append(part[part["site_id"].isin(ids)])
        return {name: pd.concat(parts, ignore_index=True) if parts else pd.DataFrame() for name, parts in read.items()}

    def touches(self, shapes: gpd.GeoDataFrame, distance: Mapping[str, Any], plan: ZoningPlan) -> Flags:
        """
        Tell which sites a change of a line may concern.

        Parameters
        ----------
        shapes
            What is held against the lines.
        distance
            By line, how far away each was before. [m]
        plan
            The plan as it is now.
        """
        concerned = np.zeros(len(shapes), dtype=bool)
        for line, (boxes, flat_boxes) in self.changes.items():
            if not len(boxes):
                continue
            if line not in distance:
                # not asked
                continue
            there, _ = bring_to(shapes, plan.lines[line].crs, what="sites")
            away = np.asarray(distance[line], dtype=float)
            if len(flat_boxes):
                # met in degrees, measured in metres
                concerned |= _near(there, boxes, np.zeros(len(away)))
                there, _ = bring_to(there, plan.metric_crs, what="sites")
                boxes = flat_boxes  # noqa: PLW2901 - the plane in which the rest is asked
            # a layer that was empty was nowhere near
            concerned |= np.isnan(away) | _near(there, boxes, np.nan_to_num(away))
        return concerned


def _near(shapes: gpd.GeoDataFrame, boxes: Boxes, reach: NDArray[np.float64]) -> Flags:
    own = shapely.bounds(shapes.geometry.to_numpy())
    room = reach + _SHARE * (reach + np.abs(own).max(axis=1)) + _LEAST
    wide = shapely.box(own[:, 0] - room, own[:, 1] - room, own[:, 2] + room, own[:, 3] + room)
    found = np.zeros(len(shapes), dtype=bool)
    found[shapely.STRtree(shapely.box(*boxes.T)).query(wide)[0]] = True
    return found


def digest_rows(frame: gpd.GeoDataFrame, columns: tuple[str, ...]) -> list[bytes]:
    """
    Digest each row of a frame.

    Parameters
    ----------
    frame
        Any layer.
    columns
        The columns that count, beside the geometry.

    Returns
    -------
    list of bytes
        Sixteen bytes a row.

    Examples
    --------
    >>> frame = gpd.GeoDataFrame({"a": [1, 2]}, geometry=[shapely.Point(0, 0)] * 2, crs="EPSG:4490")
    >>> first, second = digest_rows(frame, ("a",))
    >>> len(first), first == second
    (16, False)
    """
    shapes = shapely.to_wkb(frame.geometry.to_numpy())
    values = frame[list(columns)].astype(object)
    values = values.where(values.notna(), None)
    return [
        hashlib.blake2b(repr(row).encode("utf-8") + b"\0" + (shape or b""), digest_size=16).digest()
        for row, shape in zip(values.itertuples(index=False, name=None), shapes, strict=True)
    ]


def describe_features(frame: gpd.GeoDataFrame, plane: pyproj.CRS | None) -> pd.DataFrame:
    """
    Describe the features of a line so that another version can be told apart, feature by feature.

    Parameters
    ----------
    frame
        The line.
    plane
        Where distances are measured, if not where it is drawn.

    Returns
    -------
    DataFrame
        A digest of what a check reads of each feature, in two numbers, and its box; where distances are measured in
        another plane, the box there too.
    """
    if len(frame) > _STRETCH:
        parts = [describe_features(frame.iloc[start:stop], plane) for start, stop in split(len(frame), _STRETCH)]
        return pd.concat(parts, ignore_index=True)
    digests = np.frombuffer(b"".join(digest_rows(frame, ("feature_id", "subzone"))), dtype="<u8").reshape(-1, 2)
    table = pd.DataFrame(digests, columns=list(_KEY))
    table[list(_BOX)] = shapely.bounds(frame.geometry.to_numpy()).reshape(-1, 4)
    if plane is not None:
        moved, _ = bring_to(frame, plane, what="line")
        table[list(_FLAT_BOX)] = shapely.bounds(moved.geometry.to_numpy()).reshape(-1, 4)
    return table


def keep_features(features: Mapping[str, pd.DataFrame], out: Path, mark: str) -> None:
    """
    Write down what the features of a plan were, for a later run to compare with.

    Parameters
    ----------
    features
        As :func:`describe_features` gives them, by line.
    out
        Folder of the run.
    mark
        What the names of its files end with.
    """
    for line, table in features.items():
        write_whole(_features_path(out, line, mark), table.to_parquet(index=False))


def forget_features(out: Path, mark: str) -> None:
    """
    Remove what other runs wrote down in the same folder.

    Parameters
    ----------
    out
        Folder of the run.
    mark
        What the names of its own files end with.
    """
    for path in (out / _FEATURES).glob("part-*.parquet"):
        if not path.stem.endswith(mark):
            path.unlink(missing_ok=True)


def _features_path(out: Path, line: str, mark: str) -> Path:
    return out / _FEATURES / f"part-{line}-{mark}.parquet"


def find_earlier(
    folder: Path, holds: Mapping[str, Any], features: Mapping[str, pd.DataFrame]
) -> tuple[Earlier | None, list[str]]:
    """
    Find what an earlier run can still say.

    Parameters
    ----------
    folder
        Where it lies.
    holds
        What every answer of this run rests on.
    features
        The lines now.

    Returns
    -------
    tuple
        The earlier run, None where nothing of it can hold; and what it is that differs.

    Raises
    ------
    InputError
        No run was finished there.
    """
    path = folder / RUN
    if not path.exists():
        message = f"no check was finished in {folder.name}; give since= the folder of one that was"
        raise InputError(message)
    told = json.loads(path.read_text(encoding="utf-8"))
    before = told.get("holds", {})
    other = sorted(name for name in {*before, *holds} if before.get(name) != holds.get(name))
    mark = told["fingerprint"][:12]
    paths = {line: _features_path(folder, line, mark) for line in features}
    if other or not all(one.exists() for one in paths.values()):
        return None, other or ["features"]
    changes = {line: changed_boxes(pd.read_parquet(paths[line]), table) for line, table in features.items()}
    receipts = [
        Receipt.from_json(one.read_text(encoding="utf-8")) for one in sorted((folder / "_receipts").glob("part-*.json"))
    ]
    parts = {one.number: one.parts for one in receipts if one.fingerprint == told["fingerprint"]}
    ids, fragment = [np.zeros(0, dtype=np.uint64)], [np.zeros(0, dtype=np.int64)]
    for number, files in parts.items():
        # rows that were refused before the check are in a fragment without sites
        inputs = next((folder / file for file in files if file.startswith("inputs/")), None)
        if inputs is not None and inputs.exists():
            ids.append(_hashes(pq.read_table(inputs, columns=["site_id"])["site_id"].to_pandas()))
            fragment.append(np.full(len(ids[-1]), number))
    every, where = np.concatenate(ids), np.concatenate(fragment)
    order = np.argsort(every, kind="stable")
    return Earlier(folder, parts, every[order], where[order], changes), []


def changed_boxes(before: pd.DataFrame, now: pd.DataFrame) -> tuple[Boxes, Boxes]:
    """
    Give the boxes of every feature that is new, gone, altered, or elsewhere in the order of its layer.

    Parameters
    ----------
    before, now
        Two versions of a line, as :func:`describe_features` gives them.

    Returns
    -------
    tuple
        Boxes in the CRS of the line, and in the plane of distances where that is another; the old and the new ones.
    """
    sides = [table.assign(place=np.arange(len(table))) for table in (before, now)]
    once = [side.loc[~side.duplicated(list(_KEY), keep=False), [*_KEY, "place"]] for side in sides]
    common = once[1].merge(once[0], on=list(_KEY), suffixes=("", "_before")).sort_values("place")
    same = _longest_rise(common["place_before"].tolist())
    stays = [common["place_before"].to_numpy()[same], common["place"].to_numpy()[same]]
    other = pd.concat([side.drop(index=side.index[place]) for side, place in zip(sides, stays, strict=True)])
    flat = other.reindex(columns=list(_FLAT_BOX)).to_numpy()
    return other[list(_BOX)].to_numpy(), flat[~np.isnan(flat).any(axis=1)]


def _longest_rise(numbers: list[int]) -> list[int]:
    """Give the places of a longest rising subsequence: what kept its order while others moved around it."""
    if all(first < second for first, second in itertools.pairwise(numbers)):
        return list(range(len(numbers)))
    ends: list[int] = []
    places: list[int] = []
    before = [-1] * len(numbers)
    for place, number in enumerate(numbers):
        at = bisect.bisect_left(ends, number)
        before[place] = places[at - 1] if at else -1
        ends[at : at + 1] = [number]
        places[at : at + 1] = [place]
    rise, place = [], places[-1] if places else -1
    while place >= 0:
        rise.append(place)
        place = before[place]
    return rise[::-1]


def _hashes(ids: pd.Series) -> NDArray[np.uint64]:
    return np.asarray(pd.util.hash_array(ids.astype(str).to_numpy(dtype=object), categorize=False))


def count_gone(ids: pd.Series, earlier: Earlier) -> int:
    """
    Count the sites of an earlier run that are no more.

    Parameters
    ----------
    ids
        Ids of all sites now.
    earlier
        The earlier run.

    Returns
    -------
    int
        How many.
    """
    return int((~np.isin(earlier.ids, _hashes(ids))).sum())


def _is_whole(file: Path, told: str) -> bool:
    return file.exists() and hashlib.sha256(file.read_bytes()).hexdigest() == told
