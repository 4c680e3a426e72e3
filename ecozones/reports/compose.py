"""Which composer makes a report of which result; other modules register theirs here."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import pandas as pd

from ecozones.errors import InputError
from ecozones.plan import ZoningPlan
from ecozones.reports.content import Block, Paragraph, Picture, Report, Section, Table, number_sections
from ecozones.reports.figures import word
from ecozones.reports.pictures import draw_ground
from ecozones.reports.results import conclude, has_ground, recognise, result_table, title_of
from ecozones.reports.site_review import Frontispiece, compose_review
from ecozones.reports.totals import add_total
from ecozones.review import SiteReview
from ecozones.vocab import Language


@functools.singledispatch
def compose_report(obj: object, *, language: Language = "zh", **options: Any) -> Report:  # noqa: ANN401, ARG001 - what composers take
    """
    Compose the report of a result; ``compose_report.register(Kind)`` teaches it another kind.

    Parameters
    ----------
    obj
        A review, a table, or tables by title.
    language
        ``"zh"`` or ``"en"``.
    **options
        What the composer of that kind takes.

    Returns
    -------
    Report
        What every format is written from.

    Raises
    ------
    InputError
        Nothing is registered for such an object.
    """
    kinds = ", ".join(kind.__name__ for kind in compose_report.registry if kind is not object)
    message = f"a {type(obj).__name__} cannot be reported; known are {kinds}"
    raise InputError(message)


compose_report.register(SiteReview, compose_review)


@compose_report.register(pd.DataFrame)
def compose_table(
    obj: pd.DataFrame,
    *,
    language: Language = "zh",
    front: Frontispiece | None = None,
    title: str = "",
    columns: Sequence[str] | None = None,
    totals: bool = False,
    kind: str | None = None,
    plan: ZoningPlan | None = None,
    maps: bool = True,
) -> Report:
    """
    Compose a report of one table; what conflicts, checks of quality, restoration and targets gave is recognised.

    Parameters
    ----------
    obj
        Any table; geometry is left out. Units are read from the names of the columns.
    language
        ``"zh"`` or ``"en"``.
    front
        What stands on the first page.
    title
        Title of the report; left out: that of its kind.
    columns
        Columns to print as they are, in that order; left out: those of its kind, else all.
    totals
        Whether areas and lengths are added up in a last row; a table of a known kind adds up what may be.
    kind
        One of :func:`ecozones.reports.result_kinds`; left out: recognised by its columns.
    plan
        Drawn behind the ground that something is wrong with.
    maps
        Whether that ground is drawn.

    Returns
    -------
    Report
        Ready to be written.
    """
    known = None if columns is not None else recognise(obj, kind)
    heading = title or (title_of(known, language) if known else word("table_title", language))
    table = obj if columns is None else pd.DataFrame(obj)[list(columns)]
    results = [(heading, table, known)]
    return _compose(results, language, front, heading, totals=totals, plan=plan, maps=maps)


@compose_report.register(Mapping)
def compose_tables(
    obj: Mapping[str, pd.DataFrame],
    *,
    language: Language = "zh",
    front: Frontispiece | None = None,
    title: str = "",
    totals: bool = False,
    plan: ZoningPlan | None = None,
    maps: bool = True,
) -> Report:
    """
    Compose a report of several tables, a section each; what each says in words comes first.

    Parameters
    ----------
    obj
        Tables by heading.
    language
        ``"zh"`` or ``"en"``.
    front
        What stands on the first page.
    title
        Title of the report; left out: that of the first table of a known kind.
    totals
        Whether areas and lengths are added up in a last row of each table of no known kind.
    plan
        Drawn behind the ground that something is wrong with.
    maps
        Whether that ground is drawn.

    Returns
    -------
    Report
        Ready to be written.
    """
    results = [(heading, frame, recognise(frame)) for heading, frame in obj.items()]
    first = next((kind for _, _, kind in results if kind), None)
    heading = title or (title_of(first, language) if first else word("table_title", language))
    return _compose(results, language, front, heading, totals=totals, plan=plan, maps=maps)


def _compose(
    results: Sequence[tuple[str, pd.DataFrame, str | None]],
    language: Language,
    front: Frontispiece | None,
    title: str,
    *,
    totals: bool,
    plan: ZoningPlan | None,
    maps: bool,
) -> Report:
    page = front or Frontispiece()
    made = page.made or dt.datetime.now(tz=dt.UTC).astimezone().date()
    facts = [("number", page.number), ("project", page.project), ("office", page.office), ("made", made.isoformat())]
    said: list[Block] = []
    sections = []
    for number, (heading, frame, kind) in enumerate(results, start=1):
        key = f"table{number}"
        if kind is None:
            plain = Table.from_frame(frame, key, heading, language)
            sections.append(Section(key, heading, (add_total(plain, language) if totals else plain,)))
            continue
        said += conclude(frame, kind, language, key)
        sections.append(Section(key, heading, (result_table(frame, kind, key, heading, language),)))
        if maps and has_ground(kind) and isinstance(frame, gpd.GeoDataFrame):
            sections += _map(frame, heading, plan, language, key)
    if said:
        sections.insert(0, Section("conclusion", word("result_said", language), tuple(said)))
    return Report(
        title=title,
        language=language,
        facts=tuple((key, word(key, language), value) for key, value in facts if value),
        sections=number_sections(sections, language),
        reference=word("reference_only", language, table="sentences"),
        signatures=tuple(word(key, language) for key in ("examiner", "approver", "sign", "day")) if said else (),
    )


def _map(frame: gpd.GeoDataFrame, heading: str, plan: ZoningPlan | None, language: Language, key: str) -> list[Section]:
    """Draw where things are wrong; without ground or without matplotlib there is no map, and the latter is said."""
    ground = frame[frame.geometry.notna() & ~frame.geometry.is_empty]
    if not len(ground):
        return []
    block: Block
    try:
        drawn = draw_ground(ground, plan, heading, language)
    except ImportError as missing:
        said = word("maps_left_out", language, table="sentences", reason=str(missing))
        block = Paragraph((said,), flagged=True)
    else:
        told = {"title": heading, "scale": f"{drawn.scale:,}", "crs": drawn.crs, "n": str(len(ground))}
        caption, alt = (word(name, language, table="sentences", **told) for name in ("ground_caption", "ground_alt"))
        block = Picture(drawn.image, caption, alt, drawn.width_mm)
    return [Section(f"{key}_map", word("maps", language), (block,))]
