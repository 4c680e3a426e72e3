"""The same verbs on a command line: results on standard output, the rest on standard error, exit codes for scripts."""

from __future__ import annotations

import datetime as dt
import json
import sys
import warnings
from collections import Counter
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import geopandas as gpd
import pandas as pd
import typer
from pyogrio.errors import DataSourceError

import ecozones as ez
from ecozones.errors import EcozonesError
from ecozones.landcover.evidence import read_meaning
from ecozones.large import LargeReview
from ecozones.rasters import RasterBand
from ecozones.restoration import Attribution
from ecozones.restoration.funding import read_funding
from ecozones.testing import selftest
from ecozones.units import DECIMALS, AreaUnit
from ecozones.vocab import Language, verdict_dtype

app = typer.Typer(
    name="ecozones",
    help="Check sites and plans against the three zones and three lines. 三区三线审查。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Exit(IntEnum):
    """What the exit code says; 2 is a wrong call of the command itself."""

    NOTHING_PROHIBITED = 0
    FAILED = 1
    PROHIBITED = 3
    BAD_INPUT = 4
    UNDETERMINED = 5


JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")]
LanguageOption = Annotated[str, typer.Option("--language", help="zh or en.")]


def run() -> None:
    """Run the command line; a file that cannot be used or written ends with code 4 and one message, no traceback."""
    warnings.showwarning = _tell
    for stream in (sys.stdout, sys.stderr):
        # a console on a GBK code page must not fail over a sign that it cannot print
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        app()
    except (EcozonesError, OSError, DataSourceError) as problem:
        typer.echo(f"ecozones: {problem}", err=True)
        sys.exit(Exit.BAD_INPUT)


def _tell(message: Warning | str, *_: object, **__: object) -> None:
    """Tell a warning in one line, without the place in the code that a planner cannot use."""
    typer.echo(f"ecozones: {message}", err=True)


def _show(table: pd.DataFrame) -> None:
    with pd.option_context(
        "display.max_rows", None, "display.max_columns", None, "display.width", 200, "display.max_colwidth", 60,
        "display.unicode.east_asian_width", True,  # noqa: FBT003 - pandas takes pairs
    ):  # fmt: skip
        typer.echo(table.to_string(index=False))


def _language(text: str) -> Language:
    if text not in {"zh", "en"}:
        message = f"{text!r} is not a language here; use zh or en"
        raise typer.BadParameter(message)
    return "zh" if text == "zh" else "en"


def _conclude(verdicts: set[str]) -> Exit:
    if "prohibited" in verdicts:
        return Exit.PROHIBITED
    return Exit.UNDETERMINED if "undetermined" in verdicts else Exit.NOTHING_PROHIBITED


@app.command()
def check(
    sites: Annotated[Path, typer.Argument(help="Sites: SHP, GPKG, GDB, GeoJSON, TXT boundary points, ...")],
    plan: Annotated[Path, typer.Argument(help="Plan: a file, folder, geodatabase or zip with the lines.")],
    *,
    on: Annotated[str | None, typer.Option(help="Day whose rules apply, as 2026-06-01; left out: today.")] = None,
    rules: Annotated[
        list[str] | None, typer.Option(help="Rule files or names; later ones refine earlier ones.")
    ] = None,
    report: Annotated[list[Path] | None, typer.Option(help="Report to write; the ending decides the kind.")] = None,
    map_file: Annotated[Path | None, typer.Option("--map", help="HTML map to write.")] = None,
    tables: Annotated[Path | None, typer.Option(help="GeoPackage to write verdicts and findings to.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the tables of a layer of any size, which is read in stretches.")
    ] = None,
    processes: Annotated[int | None, typer.Option(help="With --out: how many; left out: one for every core.")] = None,
    since: Annotated[Path | None, typer.Option(help="With --out: an earlier run, of which what holds is kept.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="With --out: which column plays a role, as site_id=项目编号.")
    ] = None,
    language: LanguageOption = "zh",
    as_json: JsonFlag = False,
) -> None:
    """Check sites against the lines of a plan: 0 nothing prohibited, 3 something prohibited, 5 undetermined."""
    words = _language(language)
    book = ez.load_rules(*rules) if rules else ez.load_rules("CN")
    zoning = ez.read_plan(plan, rules=book)
    if out is not None:
        if report or map_file or tables:
            message = "--out writes tables on disk; make reports and maps of the sites that you choose from them"
            raise typer.BadParameter(message)
        run = ez.check_sites(
            sites, zoning, on=on, rules=book, out=out, engine=processes, since=since, columns=_roles(column or []),
            progress=True,
        )  # fmt: skip
        raise typer.Exit(_sum_up(run, as_json=as_json))
    if processes is not None or since is not None or column:
        message = (
            "--processes, --since and --column go with --out, the folder for the tables; add it, or leave them out"
        )
        raise typer.BadParameter(message)
    review = ez.check_sites(ez.read_sites(sites), zoning, on=on, rules=book)
    if as_json:
        typer.echo(review.to_json())
    else:
        _show(review.verdicts[["site_id", "name", "activity", "verdict", "rule_ids", "status", "area_mu"]])
        typer.echo(review.conclusion(words))
    for path in report or []:
        ez.write_report(review, path, language=words, plan=zoning, inputs={"plan": plan, "sites": sites})
        typer.echo(f"wrote {path}", err=True)
    if map_file is not None:
        ez.explore(review, m=ez.explore(zoning, language=words), language=words).save(str(map_file))
        typer.echo(f"wrote {map_file}", err=True)
    if tables is not None:
        review.verdicts.to_file(tables, layer="verdicts", driver="GPKG")
        review.findings.to_file(tables, layer="findings", driver="GPKG")
        typer.echo(f"wrote {tables}", err=True)
    raise typer.Exit(_conclude(set(review.verdicts["verdict"].astype(str))))


def _roles(columns: list[str]) -> dict[str, str]:
    roles = dict(text.split("=", 1) for text in columns if "=" in text)
    if len(roles) < len(columns):
        message = f"--column {next(text for text in columns if '=' not in text)!r}: write it as role=column"
        raise typer.BadParameter(message)
    return roles


def _sum_up(run: LargeReview, *, as_json: bool) -> Exit:
    """Count the verdicts of a run, part by part, and account for its rows."""
    counts: Counter[str] = Counter()
    for part in sorted((run.folder / "verdicts").glob("part-*.parquet")):
        counts.update(pd.read_parquet(part, columns=["verdict"])["verdict"].astype(str))
    rows = {"sites": run.rows_in, "checked": run.rows_done, "refused": run.rows_refused, "resumed": run.resumed}
    if as_json:
        typer.echo(json.dumps({**rows, "verdicts": counts, "folder": str(run.folder)}, ensure_ascii=False))
    else:
        order = [verdict for verdict in verdict_dtype().categories if counts[verdict]]
        _show(pd.DataFrame({"verdict": order, "sites": [counts[verdict] for verdict in order]}))
        typer.echo(f"{run.rows_in:,} sites: {run.rows_done:,} checked, {run.rows_refused:,} refused (see refused/)")
    # a site without an answer is not clear
    return _conclude(set(counts) | ({"undetermined"} if run.rows_refused else set()))


@app.command()
def prepare(
    source: Annotated[Path, typer.Argument(help="Layer of any size: GeoParquet, GPKG, GDB, FGB, SHP.")],
    folder: Annotated[Path, typer.Argument(help="Folder to write to.")],
    *,
    layer: Annotated[str | None, typer.Option(help="Which layer, where the file holds several.")] = None,
    line: Annotated[str | None, typer.Option(help="The control line it is, as ecological_red_line.")] = None,
    processes: Annotated[int | None, typer.Option(help="How many; left out: one for every core.")] = None,
) -> None:
    """Check a layer of any size, sort it by place and write it as GeoParquet that is quick to ask."""
    ready = ez.prepare(source, folder, layer=layer, line=line, engine=processes, progress=True)
    if ready.listed:
        _show(ready.report())
    typer.echo(f"{ready.rows_in:,} rows: {ready.rows_done:,} written, {ready.rows_refused:,} refused")


@app.command()
def area(
    source: Annotated[Path, typer.Argument(help="File with polygons.")],
    *,
    method: Annotated[str, typer.Option(help="national, geodesic, equal_area or planar.")] = "national",
    unit: Annotated[str, typer.Option(help="m2, ha, km2 or mu.")] = "mu",
    as_json: JsonFlag = False,
) -> None:
    """Measure polygons on the ellipsoid, one row each, and the total."""
    chosen: AreaUnit = _one_of(unit, ("m2", "ha", "km2", "mu"), "unit")  # type: ignore[assignment]
    how: Literal["national", "geodesic", "equal_area", "planar"] = _one_of(  # type: ignore[assignment]
        method, ("national", "geodesic", "equal_area", "planar"), "method"
    )
    sites = ez.read_sites(source)
    measured = ez.measure_area(sites, method=how, unit=chosen)
    closed = ez.close_totals(measured, decimals=DECIMALS[chosen])
    table = pd.DataFrame({"site_id": sites["site_id"], f"area_{chosen}": closed["rounded"]})
    total = float(closed["rounded"].sum())
    if as_json:
        typer.echo(
            json.dumps(
                {"method": how, "unit": chosen, "areas": table.to_dict("records"), "total": total}, ensure_ascii=False
            )
        )
        return
    _show(table)
    typer.echo(f"total {total:,.{DECIMALS[chosen]}f} {chosen}, method {how}")


def _one_of(text: str, known: tuple[str, ...], what: str) -> str:
    if text not in known:
        message = f"{what} {text!r} is not known; use one of {', '.join(known)}"
        raise typer.BadParameter(message)
    return text


@app.command()
def rules(
    names: Annotated[list[str] | None, typer.Argument(help="Rule files or names; left out: CN.")] = None,
    *,
    on: Annotated[str | None, typer.Option(help="Only rules in force on that day.")] = None,
    line: Annotated[str | None, typer.Option(help="Only rules of that line.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Read the law as a table, with the verification status of every row."""
    book = ez.load_rules(*(names or ["CN"]))
    book = book.in_force(on) if on else book
    table = book.to_frame()
    if line:
        table = table[table["line"] == _one_of(line, tuple(known.id for known in book.lines), "line")]
    if as_json:
        typer.echo(_json(table))
        return
    _show(table[["rule_id", "subzone", "activity", "verdict", "status", "effective_from", "citation"]])


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="File to read.")],
    target: Annotated[
        Path, typer.Argument(help="File to write: .txt boundary points, .shp, .gpkg, .geojson, .parquet.")
    ],
    *,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
) -> None:
    """Convert between boundary-point TXT, SHP, GeoPackage, GeoJSON and GeoParquet; coordinates stay as they are."""
    if target.exists() and not overwrite:
        message = f"{target} exists; add --overwrite to replace it"
        raise typer.BadParameter(message)
    frame = ez.read_sites(source)
    suffix = target.suffix.lower()
    if suffix == ".txt":
        ez.write_boundary_text(frame, target)
    elif suffix == ".parquet":
        frame.to_parquet(target)
    elif suffix == ".shp":
        kinds = sorted({shape.removeprefix("Multi") for shape in frame.geom_type})
        if len(kinds) > 1:
            message = (
                f"{target.name}: a shapefile holds one kind of geometry, the source has {', '.join(kinds)}; use .gpkg"
            )
            raise typer.BadParameter(message)
        frame.to_file(target, driver="ESRI Shapefile", encoding="UTF-8")
    elif suffix in {".gpkg", ".geojson"}:
        frame.to_file(target, driver={".gpkg": "GPKG", ".geojson": "GeoJSON"}[suffix])
    else:
        message = f"{target.name}: no format has the ending {suffix!r}; use .txt, .shp, .gpkg, .geojson or .parquet"
        raise typer.BadParameter(message)
    typer.echo(f"wrote {len(frame)} features to {target}", err=True)


@app.command()
def quality(
    plan: Annotated[Path, typer.Argument(help="Plan: a file, folder, geodatabase or zip with the lines.")],
    *,
    exceptions: Annotated[Path | None, typer.Option(help="File of accepted exceptions.")] = None,
    tables: Annotated[Path | None, typer.Option(help="GeoPackage to write the findings to.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Look for faults in the layers of a plan: 0 none, 3 errors that nobody has accepted."""
    found = ez.check_quality(ez.read_plan(plan), exceptions=exceptions)
    _put(found, tables, "quality", as_json=as_json, columns=["line", "rule_id", "severity", "feature_ids", "accepted"])
    bad = (found["severity"].astype(str) == "error") & ~found["accepted"].astype(bool)
    raise typer.Exit(Exit.PROHIBITED if bool(bad.any()) else Exit.NOTHING_PROHIBITED)


@app.command()
def conflicts(
    plan: Annotated[Path, typer.Argument(help="Plan: a file, folder, geodatabase or zip with the lines.")],
    *,
    tables: Annotated[Path | None, typer.Option(help="GeoPackage to write the conflicts to.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Find where the lines of a plan claim the same ground: 0 nowhere, 3 somewhere that is an error."""
    found = ez.find_conflicts(ez.read_plan(plan))
    columns = ["line_a", "line_b", "feature_a", "feature_b", "relation", "severity", "artefact", "area_mu"]
    _put(found, tables, "conflicts", as_json=as_json, columns=columns)
    bad = (found["severity"].astype(str) == "error") & ~found["artefact"].astype(bool)
    raise typer.Exit(Exit.PROHIBITED if bool(bad.any()) else Exit.NOTHING_PROHIBITED)


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="The plan as it was.")],
    after: Annotated[Path, typer.Argument(help="The plan as it is to be.")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Sum what each line gained, lost and kept, and judge the adjustment: 0 passes, 3 fails, 5 undetermined."""
    old, new = ez.read_plan(before), ez.read_plan(after)
    sums, tests = ez.compare_plans(old, new), ez.judge_adjustment(old, new)
    if as_json:
        document = {name: json.loads(_json(table)) for name, table in (("changes", sums), ("tests", tests))}
        typer.echo(json.dumps(document, ensure_ascii=False))
    else:
        _show(sums[["line", "before_m2", "kept_m2", "lost_m2", "gained_m2", "after_m2", "net_mu"]])
        _show(tests[["test_id", "line", "result", "value", "limit", "unit", "status"]])
    results = set(tests["result"].astype(str))
    verdict = Exit.PROHIBITED if "fail" in results else Exit.UNDETERMINED
    raise typer.Exit(verdict if results & {"fail", "undetermined"} else Exit.NOTHING_PROHIBITED)


def _put(found: gpd.GeoDataFrame, tables: Path | None, layer: str, *, as_json: bool, columns: list[str]) -> None:
    """Print a table with geometries, and write it to a GeoPackage if asked."""
    plain = pd.DataFrame(found.drop(columns="geometry"))
    if as_json:
        typer.echo(_json(plain))
    else:
        _show(plain[columns])
        typer.echo(f"{len(plain)} rows")
    if tables is not None:
        found.to_file(tables, layer=layer, driver="GPKG")
        typer.echo(f"wrote {tables}", err=True)


def _json(table: pd.DataFrame) -> str:
    return str(table.to_json(orient="records", force_ascii=False, date_format="iso", default_handler=str))


@app.command()
def restored(
    projects: Annotated[Path, typer.Argument(help="Restoration projects: SHP, GPKG, GDB, GeoJSON, ...")],
    *,
    by: Annotated[
        list[str] | None, typer.Option(help="Column to group by, such as year; total for one row; left out: records.")
    ] = None,
    attribution: Annotated[
        str, typer.Option(help="report_only, priority, earliest, latest, largest or equal_split.")
    ] = "report_only",
    priority: Annotated[list[str] | None, typer.Option(help="Programmes that keep shared ground, first first.")] = None,
    districts: Annotated[Path | None, typer.Option(help="Polygons with a column district, for --by district.")] = None,
    plan: Annotated[Path | None, typer.Option(help="Plan whose lines the projects are held against.")] = None,
    on: Annotated[str | None, typer.Option(help="Day whose rules apply, as 2026-06-01; left out: today.")] = None,
    money: Annotated[
        bool, typer.Option("--money", help="Sum what the projects cost instead, counted once, and per mu.")
    ] = False,
    funding: Annotated[
        Path | None, typer.Option(help="With --money: CSV or XLSX of figures by project and source.")
    ] = None,
    report: Annotated[list[Path] | None, typer.Option(help="Report to write; the ending decides the kind.")] = None,
    language: LanguageOption = "zh",
    as_json: JsonFlag = False,
) -> None:
    """Measure restored ground, counted once: 0; with a plan 3 if some is excluded, 5 if some is undetermined."""
    words = _language(language)
    how: Any = _one_of(attribution, get_args(Attribution), "attribution")
    register = ez.read_projects(projects)
    if money or funding is not None:
        stated = None if funding is None else read_funding(funding)
        _hand_over(ez.sum_funding(register, stated, by=by or None), report, words, as_json=as_json)
        return
    table = ez.measure_restored(
        register,
        by=by or None,
        attribution=how,
        priority=priority or (),
        districts=None if districts is None else ez.read_sites(districts),
        plan=None if plan is None else ez.read_plan(plan),
        on=on,
    )
    _hand_over(table, report, words, as_json=as_json)
    if plan is not None and (table["excluded_ha"] > 0).any():
        raise typer.Exit(Exit.PROHIBITED)
    if plan is not None and (table["undetermined_ha"] > 0).any():
        raise typer.Exit(Exit.UNDETERMINED)


@app.command()
def landcover(
    zones: Annotated[Path, typer.Argument(help="Zones or projects: a file with polygons.")],
    before: Annotated[Path, typer.Argument(help="Raster of classes.")],
    after: Annotated[Path | None, typer.Argument(help="Raster of a later date, on the same grid.")] = None,
    *,
    meaning: Annotated[
        Path | None, typer.Option(help="CSV with before, after, meaning: verify that the zones were restored.")
    ] = None,
    ring_m: Annotated[float, typer.Option(help="Width of the ring that zones are compared with, in metres.")] = 500.0,
    min_share: Annotated[float, typer.Option(help="Net restored share from which a claim is supported.")] = 0.5,
    nodata: Annotated[
        str | None, typer.Option(help="Value of empty cells, or none, for a raster that does not state it.")
    ] = None,
    report: Annotated[list[Path] | None, typer.Option(help="Report to write; the ending decides the kind.")] = None,
    language: LanguageOption = "zh",
    as_json: JsonFlag = False,
) -> None:
    """Measure classes, changes, or proof of restoration: 0, 1 a claim is not supported, 5 too little was seen."""
    words = _language(language)
    empty = _nodata(nodata)
    ground = ez.read_sites(zones)
    first = RasterBand(before, nodata=empty)
    if after is None:
        if meaning is not None:
            message = "a meaning is that of a change: name a second raster"
            raise typer.BadParameter(message)
        table = ez.class_areas(ground, first, zone_id="site_id")
    elif meaning is None:
        table = ez.transition_matrix(first, RasterBand(after, nodata=empty), zones=ground, zone_id="site_id")
    else:
        table = ez.verify_restored(
            ground,
            first,
            RasterBand(after, nodata=empty),
            meaning=read_meaning(meaning),
            ring_m=ring_m,
            min_share=min_share,
            project_id="site_id",
        )
    _hand_over(table, report, words, as_json=as_json)
    if meaning is None:
        raise typer.Exit(Exit.UNDETERMINED if (table["flag"] != "").any() else Exit.NOTHING_PROHIBITED)
    if (table["verdict"] == "not_supported").any():
        raise typer.Exit(Exit.FAILED)
    raise typer.Exit(Exit.UNDETERMINED if (table["verdict"] == "unknown").any() else Exit.NOTHING_PROHIBITED)


def _nodata(text: str | None) -> Any:  # noqa: ANN401 - a number, a word or None
    """Read what empty cells are: as the file states, a number, or none."""
    if text is None:
        return "stated"
    if text == "none":
        return None
    try:
        return float(text)
    except ValueError:
        message = f"nodata is a number or none, not {text!r}"
        raise typer.BadParameter(message) from None


@app.command()
def targets(
    targets: Annotated[Path, typer.Argument(help="CSV of targets: indicator, value, unit, comparator, ...")],
    observed: Annotated[Path, typer.Argument(help="CSV of observations: indicator, year, value, status, ...")],
    *,
    on: Annotated[str | None, typer.Option(help="Later observations are not looked at: a day or a year.")] = None,
    report: Annotated[list[Path] | None, typer.Option(help="Report to write; the ending decides the kind.")] = None,
    language: LanguageOption = "zh",
    as_json: JsonFlag = False,
) -> None:
    """Judge targets by what was observed: 0, 1 something is behind or breached, 5 something cannot be evaluated."""
    words = _language(language)
    table = ez.track_targets(ez.read_targets(targets), ez.read_targets(observed), on=on)
    _hand_over(table, report, words, as_json=as_json)
    verdicts = set(table["verdict"].astype(str))
    if verdicts & {"behind", "off_track", "breached"}:
        raise typer.Exit(Exit.FAILED)
    raise typer.Exit(Exit.UNDETERMINED if "not_evaluable" in verdicts else Exit.NOTHING_PROHIBITED)


def _hand_over(table: pd.DataFrame, report: list[Path] | None, language: Language, *, as_json: bool) -> None:
    """Print a table of results, and write the reports that are asked for."""
    plain = pd.DataFrame(table.drop(columns="geometry", errors="ignore"))
    if as_json:
        typer.echo(_json(plain))
    else:
        _show(plain)
    for path in report or []:
        ez.write_report(table, path, language=language)
        typer.echo(f"wrote {path}", err=True)


@app.command()
def demo(
    *,
    output: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("demo-output"),
    language: LanguageOption = "zh",
) -> None:
    """Check the sample sites of an invented county: a table of verdicts, a map and a report."""
    words = _language(language)
    sample = Path(__file__).parent.parent / "sample_data"
    if not sample.exists():
        message = (
            f"the sample data stand beside the source, and {sample} is not there; clone the project to run the demo"
        )
        raise ez.errors.InputError(message)
    output.mkdir(parents=True, exist_ok=True)
    plan = ez.read_plan(sample / "plan.gpkg", name="示例县（虚构） Example county (invented)")
    review = ez.check_sites(ez.read_sites(sample / "sites.gpkg"), plan, on=dt.date(2026, 6, 1))
    _show(review.verdicts[["site_id", "name", "activity", "verdict", "rule_ids", "status", "area_mu"]])
    typer.echo(review.conclusion(words))
    review.verdicts.drop(columns="geometry").to_csv(output / "verdicts.csv", index=False, encoding="utf-8-sig")
    ez.write_report(review, output / "review.html", language=words, plan=plan)
    review.to_json(output / "review.json")
    ez.explore(review, m=ez.explore(plan, language=words), language=words).save(str(output / "map.html"))
    for name in ("verdicts.csv", "map.html", "review.html", "review.json"):
        typer.echo(f"wrote {output / name}")


@app.command()
def verify(
    report: Annotated[Path, typer.Argument(help="A report that ecozones wrote: .html, .docx, .xlsx or .json.")],
    *,
    plan: Annotated[Path | None, typer.Option(help="The plan; left out: the file that the report names.")] = None,
    sites: Annotated[Path | None, typer.Option(help="The sites; left out: the file that the report names.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run the check behind a report again and compare: 0 the same, 1 something differs."""
    zoning = None if plan is None else ez.read_plan(plan)
    table = ez.verify_report(report, plan=zoning, sites=None if sites is None else ez.read_sites(sites))
    if as_json:
        typer.echo(table.to_json(orient="records", force_ascii=False, default_handler=str))
    else:
        _show(table)
    raise typer.Exit(Exit.NOTHING_PROHIBITED if bool(table["same"].all()) else Exit.FAILED)


@app.command("selftest")
def run_selftest(*, as_json: JsonFlag = False) -> None:
    """Compare this installation with published numbers, without network."""
    table = selftest()
    passed: Any = table["passed"]
    if as_json:
        typer.echo(table.to_json(orient="records", force_ascii=False, default_handler=str))
    else:
        _show(table)
        typer.echo(f"{int(passed.sum())} of {len(table)} checks passed")
    raise typer.Exit(Exit.NOTHING_PROHIBITED if bool(passed.all()) else Exit.FAILED)
