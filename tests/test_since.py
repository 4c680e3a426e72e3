"""Checks of what changed only: whatever was edited, the bytes of a check of everything."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from test_large import contents, part

from ecozones.errors import EcozonesWarning, InputError
from ecozones.large import check_sites_in
from ecozones.large.since import _longest_rise, changed_boxes, describe_features
from ecozones.plan import ZoningPlan
from ecozones.schema import table
from ecozones.testing import BOARD_CRS, chessboard

DAY = "2026-06-01"
WEST, SOUTH = 496_000, 3_316_000
LINES = ("ecological_red_line", "permanent_basic_farmland")


def boxes(rng, n, largest):
    x, y = WEST + rng.uniform(0, 7_900, n), SOUTH + rng.uniform(0, 7_900, n)
    size = rng.uniform(5, largest, (n, 2))
    return shapely.box(x, y, x + size[:, 0], y + size[:, 1])


def some_sites(rng, n=40):
    columns = {
        "site_id": [f"s{i}" for i in range(n)],
        "name": [None if i % 3 else f"地块{i}" for i in range(n)],
        "activity": ["ordinary_build" if i % 2 else None for i in range(n)],
    }
    return gpd.GeoDataFrame(columns, geometry=boxes(rng, n, 150), crs=BOARD_CRS)


def some_features(rng, line, n=16):
    zones = ["core", "general"] if line == LINES[0] else ["pbf", "pbf"]
    columns = {"feature_id": [f"{line[:1]}{i}" for i in range(n)], "subzone": [zones[i % 2] for i in range(n)]}
    return gpd.GeoDataFrame(columns, geometry=boxes(rng, n, 400), crs=BOARD_CRS)


def plan_of(lines, crs=BOARD_CRS):
    frames = {line: frame.to_crs(crs) for line, frame in lines.items()}
    return ZoningPlan.from_layers(frames, extent=chessboard().dissolve().to_crs(crs)[["geometry"]])


def edit(frame, rng, column, values):
    """Add, move, alter, remove and reorder a few rows."""
    out = frame.copy()
    for row in rng.choice(len(out), 2, replace=False):
        out.loc[out.index[row], "geometry"] = boxes(rng, 1, 150)[0]
    out.loc[out.index[rng.integers(len(out))], column] = values[rng.integers(len(values))]
    out = out.drop(index=out.index[rng.integers(len(out))])
    new = out.iloc[[0, 1]].copy()
    new[out.columns[0]] = [f"new{number}" for number in rng.integers(10**9, size=2)]
    new["geometry"] = boxes(rng, 2, 150)
    at = rng.integers(len(out))
    out = pd.concat([out.iloc[:at], new, out.iloc[at:]], ignore_index=True)
    if rng.random() < 0.5:
        one, two = rng.choice(len(out), 2, replace=False)
        order = np.arange(len(out))
        order[[one, two]] = order[[two, one]]
        out = out.iloc[order].reset_index(drop=True)
    return out


def check(frame, plan, place, name, **options):
    place.mkdir(exist_ok=True)
    if not (place / "sites.parquet").exists():
        frame.to_parquet(place / "sites.parquet")
    return check_sites_in(place / "sites.parquet", plan, place / name, on=DAY, engine=1, **options)


@pytest.mark.parametrize("crs", [BOARD_CRS, "EPSG:4490"])
@given(seed=st.integers(0, 2**32 - 1))
# to shrink an example takes minutes and tells little: the seed says it all
@settings(max_examples=6, phases=[Phase.generate])
def test_edits_of_sites_and_lines_leave_the_bytes_of_a_whole_check(tmp_path_factory, crs, seed):
    place, rng = tmp_path_factory.mktemp("since"), np.random.default_rng(seed)
    sites, lines = some_sites(rng), {line: some_features(rng, line) for line in LINES}
    before = check(sites, plan_of(lines, crs), place / "before", "out", rows=int(rng.integers(5, 50)))
    what = rng.integers(3)
    later = edit(sites, rng, "activity", ["ordinary_build", None]) if what != 1 else sites
    if what != 0:
        line = LINES[rng.integers(2)]
        lines |= {line: edit(lines[line], rng, "subzone", ["general" if line == LINES[0] else "pbf"])}
    rows = int(rng.integers(5, 50))
    part_ = check(later, plan_of(lines, crs), place / "after", "part", rows=rows, since=before.folder)
    whole = check(later, plan_of(lines, crs), place / "after", "whole", rows=rows)
    assert contents(part_.folder) == contents(whole.folder)
    assert part_.kept > 0
    assert part_.kept + part_.rechecked + part_.new == part_.rows_done == len(later)
    assert part_.new == len(set(later["site_id"]) - set(sites["site_id"]))
    assert part_.gone == len(set(sites["site_id"]) - set(later["site_id"]))


@pytest.fixture
def before(tmp_path):
    rng = np.random.default_rng(3)
    sites, lines = some_sites(rng), {line: some_features(rng, line) for line in LINES}
    return sites, lines, check(sites, plan_of(lines), tmp_path / "before", "out", rows=9)


def test_nothing_is_checked_again_where_nothing_changed(before, tmp_path):
    sites, lines, run = before
    again = check(sites, plan_of(lines), tmp_path / "after", "out", rows=13, since=run.folder)
    assert (again.kept, again.rechecked, again.new, again.gone) == (len(sites), 0, 0, 0)
    assert again.summary()["kept"].tolist() == [13, 13, 13, 1]
    assert set(again.summary().columns) == {column.id for column in table("run.summary").columns}


def test_a_feature_that_moves_makes_the_sites_around_it_stale_and_no_others(before, tmp_path):
    sites, lines, run = before
    moved = lines[LINES[1]].copy()
    moved.loc[4, "geometry"] = shapely.affinity.translate(moved.geometry[4], 10, 0)
    after = check(sites, plan_of(lines | {LINES[1]: moved}), tmp_path / "after", "out", since=run.folder)
    assert 0 < after.rechecked < len(sites) / 2
    # by hand: stale is what the old or the new box of the feature comes as near to as the nearest feature was
    near = np.min([sites.distance(frame.geometry[4].envelope) for frame in (lines[LINES[1]], moved)], axis=0)
    nearest = np.min([sites.distance(shape) for shape in lines[LINES[1]].geometry], axis=0)
    assert after.rechecked >= (near <= nearest).sum()
    assert after.rechecked <= (near <= 1.5 * nearest + 1).sum()


def test_other_days_and_rules_keep_nothing_and_say_why(before, tmp_path):
    sites, lines, run = before
    file = tmp_path / "before" / "sites.parquet"
    with pytest.warns(EcozonesWarning, match="nothing was kept of the run in out: it was made with other day"):
        other = check_sites_in(file, plan_of(lines), tmp_path / "b", on="2026-06-02", engine=1, since=run.folder)
    assert (other.kept, other.rows_done) == (0, len(sites))
    with pytest.warns(EcozonesWarning, match="other options"):
        check_sites_in(file, plan_of(lines), tmp_path / "c", on=DAY, engine=1, since=run.folder, setback_m=9.0)
    fewer = ZoningPlan.from_layers(lines)
    with pytest.warns(EcozonesWarning, match="other extent"):
        check_sites_in(file, fewer, tmp_path / "d", on=DAY, engine=1, since=run.folder)


def test_only_a_finished_run_in_another_folder_can_be_gone_on_from(before, tmp_path):
    sites, lines, run = before
    with pytest.raises(InputError, match="no check was finished"):
        check(sites, plan_of(lines), tmp_path / "before", "new", since=tmp_path)
    with pytest.raises(InputError, match="one of its own"):
        check(sites, plan_of(lines), tmp_path / "before", "out", since=run.folder)


def test_parts_that_are_not_as_they_were_written_are_not_gone_on_from(before, tmp_path):
    sites, lines, run = before
    torn = part(run.folder, "lines", 2)
    torn.write_bytes(torn.read_bytes()[:-9])
    part(run.folder, "findings", 3).unlink()
    after = check(sites, plan_of(lines), tmp_path / "before", "after", rows=9, since=run.folder)
    assert (after.kept, after.rechecked) == (len(sites) - 18, 18)
    whole = check(sites, plan_of(lines), tmp_path / "before", "whole", rows=9)
    assert contents(after.folder) == contents(whole.folder)


def test_an_id_that_was_repeated_and_is_no_more_is_checked(before, tmp_path):
    sites, lines, _ = before
    twice = sites.copy()
    twice.loc[1, "site_id"] = "s0"
    run = check(twice, plan_of(lines), tmp_path / "twice", "out")
    assert run.rows_refused == 2
    after = check(sites, plan_of(lines), tmp_path / "once", "out", since=run.folder)
    assert (after.kept, after.rechecked, after.new, after.gone) == (len(sites) - 2, 0, 2, 0)


@given(st.permutations(range(9)))
def test_what_keeps_its_order_is_as_much_as_can_be(numbers):
    rise = [numbers[place] for place in _longest_rise(numbers)]
    assert rise == sorted(rise)
    longest = [1] * len(numbers)
    for i, number in enumerate(numbers):
        longest[i] = 1 + max([longest[j] for j in range(i) if numbers[j] < number], default=0)
    assert len(rise) == max(longest)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_every_feature_that_is_no_change_stands_in_both_versions_in_one_order(seed):
    rng = np.random.default_rng(seed)
    old = some_features(rng, LINES[0], 8)
    new = edit(old, rng, "subzone", ["general"])
    described = [describe_features(frame, None) for frame in (old, new)]
    found, _ = changed_boxes(*described)
    rows = [list(zip(frame.feature_id, frame.subzone, frame.geometry.to_wkb(), strict=True)) for frame in (old, new)]
    changed = {tuple(box) for box in found.tolist()}
    stays = [[row for row, box in zip(some, frame.bounds.itertuples(index=False, name=None), strict=True)
              if box not in changed] for some, frame in zip(rows, (old, new), strict=True)]  # fmt: skip
    assert stays[0] == stays[1]
    assert 2 <= len(stays[0]) < len(old)
