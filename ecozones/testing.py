"""A county that fits on a chessboard, with areas that can be checked by hand, and a self-test for closed networks."""

from __future__ import annotations

import string
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely
from geopandas.testing import assert_geodataframe_equal

from ecozones.area import measure_area
from ecozones.boundary_text import read_boundary_text, write_boundary_text
from ecozones.encodings import dbf_encoding
from ecozones.errors import EcozonesError
from ecozones.plan import DeclaresLines, ZoningPlan
from ecozones.rulebook import load_rules
from ecozones.shipped import shipped_table
from ecozones.siting import check_sites
from ecozones.vocab import control_lines

BOARD_CRS = "EPSG:4547"
"""CGCS2000 / 3-degree Gauss-Kruger, central meridian 114° E."""

# The middle of an eight by eight board lies on the central meridian, where the plane is true to scale; farther out it
# stretches by (distance / radius)² / 2, so a square kilometre at the rim of the board is 0.4 m² smaller on the ground.
_EASTING, _NORTHING = 500_000.0, 3_320_000.0

Cells = Iterable[str] | Mapping[str, str | None]


def chessboard(n: int = 8, side_m: float = 1_000) -> gpd.GeoDataFrame:
    """
    Lay out a board of equal squares, named as on a chessboard.

    Parameters
    ----------
    n
        Squares along each side, at most 26.
    side_m
        Side of a square. [m]

    Returns
    -------
    GeoDataFrame
        Columns ``cell`` (``"a1"`` is the south-west corner; letters run east, numbers north) and ``geometry``,
        on CGCS2000 in a three-degree zone. Areas come out by hand in the plane; on the ellipsoid each
        square of the default board is smaller by at most 0.5 parts in a million.

    Raises
    ------
    ValueError
        The board has no squares, or more columns than the alphabet has letters.

    Examples
    --------
    >>> board = chessboard(2, side_m=100)
    >>> list(board.cell)
    ['a1', 'b1', 'a2', 'b2']
    >>> float(board.area.sum())
    40000.0
    """
    if not 1 <= n <= len(string.ascii_lowercase):
        message = f"a board has between 1 and 26 squares along each side, not {n}"
        raise ValueError(message)
    cells = [f"{letter}{rank}" for rank in range(1, n + 1) for letter in string.ascii_lowercase[:n]]
    return gpd.GeoDataFrame({"cell": cells}, geometry=[_box(cell, side_m) for cell in cells], crs=BOARD_CRS)


def chessboard_plan(
    n: int = 8,
    side_m: float = 1_000,
    *,
    red_line: Cells | None = (),
    farmland: Cells | None = (),
    urban: Cells | None = (),
    lines: Mapping[str, Cells] | None = None,
    zones: Mapping[str, str] | None = None,
    coverage: Mapping[str, Iterable[str]] | None = None,
    rules: DeclaresLines | None = None,
    name: str = "chessboard county",
) -> ZoningPlan:
    """
    Draw a plan whose control lines are squares of a chessboard.

    Parameters
    ----------
    n
        Squares along each side of the county.
    side_m
        Side of a square. [m]
    red_line, farmland, urban
        Squares inside the ecological red line, the permanent basic farmland and the urban development boundary:
        names, or names with sub-zones. Plain names mean ``"general"``, ``"pbf"`` and ``"concentrated"``. Nothing
        named is a county without such ground; None is a plan that lacks the layer, which is not the same.
    lines
        Squares with sub-zones of any other control line, by line id.
    zones
        The space (``"ecological_space"`` ...) that each square belongs to.
    coverage
        Squares for which a line was drawn at all, by line id; a line that is not named was drawn for the whole board.
    rules
        A rulebook that declares lines of its own.
    name
        Name of the plan.

    Returns
    -------
    ZoningPlan
        The whole board is its extent; a feature's id is the name of its square.

    Raises
    ------
    ValueError
        A square is not on the board.

    Examples
    --------
    >>> plan = chessboard_plan(red_line={"a1": "core"}, farmland=["b1"])
    >>> plan["ecological_red_line"][["feature_id", "subzone"]].values.tolist()
    [['a1', 'core']]
    """
    board = chessboard(n, side_m)
    given: dict[str, Mapping[str, str | None]] = {
        line: cells if isinstance(cells, Mapping) else dict.fromkeys(cells, subzone)
        for line, cells, subzone in (
            ("ecological_red_line", red_line, "general"),
            ("permanent_basic_farmland", farmland, "pbf"),
            ("urban_development_boundary", urban, "concentrated"),
        )
        if cells is not None
    }
    for line, cells in (lines or {}).items():
        given[line] = cells if isinstance(cells, Mapping) else dict.fromkeys(cells)
    layers = {
        line: _layer(board, cells).assign(name=None, subzone=list(cells.values()))[
            ["feature_id", "name", "subzone", "geometry"]
        ]
        for line, cells in given.items()
    }
    spaces = None if zones is None else _layer(board, zones).assign(zone=list(zones.values()))
    extent = gpd.GeoDataFrame({"name": [name]}, geometry=[board.union_all()], crs=board.crs)
    drawn = {line: _layer(board, cells) for line, cells in (coverage or {}).items()}
    return ZoningPlan.from_layers(layers, name=name, zones=spaces, extent=extent, coverage=drawn or None, rules=rules)


def square(
    *cells: str,
    side_m: float = 1_000,
    size_m: float | None = None,
    activity: str | None = "ordinary_build",
) -> gpd.GeoDataFrame:
    """
    Propose a square site in the middle of each named square of the board.

    Parameters
    ----------
    *cells
        Names of squares; one beyond the edge of the board, such as ``"j1"``, is a site outside the county.
    side_m
        Side of a square of the board. [m]
    size_m
        Side of the site; half a square unless given. [m]
    activity
        What is proposed.

    Returns
    -------
    GeoDataFrame
        Sites, as `check_sites` takes them; the id of each is the name of its square.

    Examples
    --------
    >>> float(square("c3").area.sum())
    250000.0
    """
    return _sites([(cell, *_centre(cell, side_m)) for cell in cells], size_m or side_m / 2, activity)


def square_between(
    first: str,
    second: str,
    *,
    side_m: float = 1_000,
    size_m: float | None = None,
    activity: str | None = "ordinary_build",
) -> gpd.GeoDataFrame:
    """
    Propose a square site that lies half in each of two neighbouring squares of the board.

    Parameters
    ----------
    first, second
        Squares with a side in common.
    side_m
        Side of a square of the board. [m]
    size_m
        Side of the site; half a square unless given. [m]
    activity
        What is proposed.

    Returns
    -------
    GeoDataFrame
        One site, named after both squares.

    Raises
    ------
    ValueError
        The squares have no side in common.

    Examples
    --------
    >>> site = square_between("a1", "b1")
    >>> float(site.intersection(chessboard(2).geometry[0]).area.iloc[0])
    125000.0
    """
    (west, south), (east, north) = _centre(first, side_m), _centre(second, side_m)
    if abs(east - west) + abs(north - south) != side_m:
        message = f"{first} and {second} have no side in common; name neighbours, such as a1 and b1"
        raise ValueError(message)
    return _sites([(f"{first}-{second}", (west + east) / 2, (south + north) / 2)], size_m or side_m / 2, activity)


def assert_plans_equal(left: ZoningPlan, right: ZoningPlan) -> None:
    """
    Raise unless two plans hold the same ground, to the last bit of every vertex, and say the same about it.

    Parameters
    ----------
    left, right
        Plans to compare: names, lines, spaces, extents, and their order of rows.

    Raises
    ------
    AssertionError
        They differ; the message names the first difference.

    Examples
    --------
    >>> assert_plans_equal(chessboard_plan(urban=["a1"]), chessboard_plan(urban=["a1"]))
    >>> assert_plans_equal(chessboard_plan(urban=["a1"]), chessboard_plan(urban=["a2"]))
    Traceback (most recent call last):
    AssertionError: urban_development_boundary: ...
    """
    if left.name != right.name:
        message = f"name: {left.name!r} is not {right.name!r}"
        raise AssertionError(message)
    if list(left.lines) != list(right.lines):
        message = f"lines: {', '.join(left.lines)} are not {', '.join(right.lines)}"
        raise AssertionError(message)
    for line in left.lines:
        _assert_frames_equal(left[line], right[line], line)
    for part in ("zones", "extent"):
        _assert_frames_equal(getattr(left, part), getattr(right, part), part)
    for line in sorted({*left.coverage, *right.coverage}):
        _assert_frames_equal(left.coverage.get(line), right.coverage.get(line), f"coverage of {line}")


def _assert_frames_equal(left: gpd.GeoDataFrame | None, right: gpd.GeoDataFrame | None, what: str) -> None:
    if left is None or right is None:
        if left is not right:
            message = f"{what}: only one of the plans has any"
            raise AssertionError(message)
        return
    try:
        assert_geodataframe_equal(left, right)
        same = shapely.equals_exact(left.geometry.to_numpy(), right.geometry.to_numpy(), tolerance=0.0)
    except AssertionError as error:
        message = f"{what}: {error}"
        raise AssertionError(message) from error
    if not same.all():
        message = f"{what}: vertices differ in rows {', '.join(map(str, left.index[~same]))}"
        raise AssertionError(message)


def _layer(board: gpd.GeoDataFrame, cells: Iterable[str]) -> gpd.GeoDataFrame:
    named = list(cells)
    strange = sorted(set(named) - set(board.cell))
    if strange:
        message = f"{', '.join(strange)} not on the board, which runs from a1 to {board.cell.iloc[-1]}"
        raise ValueError(message)
    squares = board.set_index("cell").geometry.loc[named]
    ids = pd.Series(named, dtype="object")
    return gpd.GeoDataFrame({"feature_id": ids}, geometry=squares.to_numpy(), crs=board.crs)


def _sites(placed: list[tuple[str, float, float]], size_m: float, activity: str | None) -> gpd.GeoDataFrame:
    half = size_m / 2
    return gpd.GeoDataFrame(
        {"site_id": [site_id for site_id, _, _ in placed], "name": None, "activity": activity, "width_m": float("nan")},
        geometry=[shapely.box(x - half, y - half, x + half, y + half) for _, x, y in placed],
        crs=BOARD_CRS,
    )


def _centre(cell: str, side_m: float) -> tuple[float, float]:
    if len(cell) < 2 or cell[0] not in string.ascii_lowercase or not cell[1:].isdecimal() or cell[1:].startswith("0"):  # noqa: PLR2004
        message = f"{cell!r} is not the name of a square; write a letter and a number, such as a1"
        raise ValueError(message)
    column, rank = string.ascii_lowercase.index(cell[0]), int(cell[1:]) - 1
    return _EASTING + (column - 3.5) * side_m, _NORTHING + (rank + 0.5) * side_m


def _box(cell: str, side_m: float) -> shapely.Polygon:
    x, y = _centre(cell, side_m)
    half = side_m / 2
    return shapely.box(x - half, y - half, x + half, y + half)


# ------------------------------------------------------------------------------------------------------ self-test
_DAY = "2026-06-01"


def selftest() -> pd.DataFrame:
    """
    Ask this installation questions whose answers are known; it needs no network and no files of yours.

    Returns
    -------
    DataFrame
        One row per question: ``subject``, ``name``, ``expected``, ``got`` and ``passed``. Areas are compared with
        values of the official formula worked out apart from this library, verdicts with what can be read off a
        chessboard, texts with what was written a moment before.

    Examples
    --------
    >>> report = selftest()
    >>> bool(report.passed.all())
    True
    """
    asked: list[tuple[str, Callable[[], list[tuple[str, object, object, bool]]]]] = [
        ("area", _ask_areas),
        ("rules", _ask_rules),
        ("verdict", _ask_verdicts),
        ("balance", _ask_balance),
        ("encoding", _ask_encodings),
    ]
    rows = []
    for subject, ask in asked:
        try:
            answers = ask()
        except (EcozonesError, OSError) as error:
            # a broken installation shall still report on everything else
            answers = [("runs without error", "no error", f"{type(error).__name__}: {error}", False)]
        rows += [(subject, name, str(expected), str(got), bool(passed)) for name, expected, got, passed in answers]
    return pd.DataFrame(rows, columns=["subject", "name", "expected", "got", "passed"])


def _ask_areas() -> list[tuple[str, object, object, bool]]:
    known = shipped_table("selftest")
    answers: list[tuple[str, object, object, bool]] = []
    for case in known["areas"]:
        drawn = gpd.GeoSeries([shapely.Polygon(case["ring"])], crs=f"EPSG:{case['epsg']}")
        got = float(measure_area(drawn, method="national").iloc[0])
        # the official program rounds while it goes, so a centimetre square more or less is the same answer
        answers.append((case["name"], case["national_m2"], got, abs(got - case["national_m2"]) < 0.0201))  # noqa: PLR2004
    for case in known["sheets"]:
        south = case["south_seconds"] / 3600
        sheet = gpd.GeoSeries([shapely.box(114, south, 114 + 225 / 3600, south + 150 / 3600)], crs="EPSG:4490")
        got = float(measure_area(sheet, method="national", rounded=False).iloc[0])
        answers.append((case["name"], case["national_m2"], got, abs(got - case["national_m2"]) < 0.0201))  # noqa: PLR2004
    return answers


def _ask_rules() -> list[tuple[str, object, object, bool]]:
    law = load_rules("CN")
    cited = sum(bool(rule.citations) for rule in law.rules)
    spoken = {rule.line for rule in law.rules}
    required = {line.id for line in control_lines().values() if line.required}
    return [
        ("every rule names its source", len(law.rules), cited, cited == len(law.rules) > 0),
        ("every required line has rules", len(required), len(required & spoken), required <= spoken),
        ("the same files give the same version", law.version, load_rules("CN").version, law == load_rules("CN")),
    ]


def _ask_verdicts() -> list[tuple[str, object, object, bool]]:
    plan = chessboard_plan(
        red_line={"a1": "core", "b1": "general", "c1": None}, farmland=["d1"], urban={"e1": "concentrated"}
    )
    sites = pd.concat(
        [
            square("a1", "b1", "c1", "d1", "j1", activity="ordinary_build"),
            square("e1", activity="urban_cluster"),
            square("h8", activity="restoration"),
        ],
        ignore_index=True,
    )
    expected = {
        "a1": "prohibited",
        "b1": "prohibited",
        "c1": "undetermined",
        "d1": "prohibited",
        "j1": "undetermined",
        "e1": "conditional",
        "h8": "allowed",
    }
    got = check_sites(sites, plan, on=_DAY).verdicts.set_index("site_id")["verdict"].astype(str)
    answers: list[tuple[str, object, object, bool]] = [
        (f"square {cell}", verdict, got[cell], got[cell] == verdict) for cell, verdict in expected.items()
    ]
    without = chessboard_plan(red_line=None, farmland=(), urban=())
    lacking = str(check_sites(square("h8", activity="restoration"), without, on=_DAY).verdicts["verdict"].iloc[0])
    return [*answers, ("a plan without its red line", "undetermined", lacking, lacking == "undetermined")]


def _ask_balance() -> list[tuple[str, object, object, bool]]:
    plan = chessboard_plan(urban={"a1": "concentrated"})
    review = check_sites(square_between("a1", "b1"), plan, on=_DAY)
    share = float(review.lines.loc[review.lines["line"] == "urban_development_boundary", "share"].iloc[0])
    worst = float(review.balance["error_share"].abs().max())
    return [
        ("half of the site inside", 0.5, share, abs(share - 0.5) < 1e-6),  # noqa: PLR2004
        ("the pieces of a site sum to the site", 0.0, worst, worst < 1e-9),  # noqa: PLR2004
    ]


def _ask_encodings() -> list[tuple[str, object, object, bool]]:
    plots = square("c3").assign(name="示例地块")
    answers: list[tuple[str, object, object, bool]] = []
    with tempfile.TemporaryDirectory() as scratch:
        text = Path(scratch) / "plots.txt"
        write_boundary_text(plots, text)
        back = read_boundary_text(text)
        kept = _same_vertices(plots, back)
        answers.append(("boundary text in GB18030", "every vertex kept", "kept" if kept else "moved", kept))
        shape = Path(scratch) / "plots.shp"
        plots[["site_id", "name", "geometry"]].rename(columns={"name": "项目名称"}).to_file(shape, encoding="GBK")
        shape.with_suffix(".cpg").unlink()
        got = gpd.read_file(shape, encoding=dbf_encoding(shape.with_suffix(".dbf")).name)["项目名称"].iloc[0]
        answers.append(("shapefile in GBK without .cpg", "示例地块", got, got == "示例地块"))
    return answers


def _same_vertices(left: gpd.GeoDataFrame, right: gpd.GeoDataFrame) -> bool:
    # the text states the zone in front of the easting, so only that prefix may differ
    mine, theirs = (shapely.get_coordinates(frame.geometry.to_numpy()) % [1e6, 1e7] for frame in (left, right))
    return {tuple(point) for point in mine.round(3)} == {tuple(point) for point in theirs.round(3)}
