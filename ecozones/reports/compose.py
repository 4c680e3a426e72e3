"""Which composer makes a report of which result; other modules register theirs here."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ecozones.errors import InputError
from ecozones.reports.content import Block, Report, Section, Table, number_sections
from ecozones.reports.figures import word
from ecozones.reports.site_review import Frontispiece, compose_review
from ecozones.reports.totals import close_table
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
) -> Report:
    """
    Compose a report of one table, whatever it holds; units are read from the names of its columns.

    Parameters
    ----------
    obj
        Any table; geometry is left out.
    language
        ``"zh"`` or ``"en"``.
    front
        What stands on the first page.
    title
        Title of the report.
    columns
        Columns to print, in that order; left out: all.
    totals
        Whether areas and lengths are added up in a last row.

    Returns
    -------
    Report
        Ready to be written.
    """
    heading = title or word("table_title", language)
    return compose_tables(
        {heading: obj if columns is None else obj[list(columns)]},
        language=language,
        front=front,
        title=heading,
        totals=totals,
    )


@compose_report.register(Mapping)
def compose_tables(
    obj: Mapping[str, pd.DataFrame],
    *,
    language: Language = "zh",
    front: Frontispiece | None = None,
    title: str = "",
    totals: bool = False,
) -> Report:
    """
    Compose a report of several tables, a section each.

    Parameters
    ----------
    obj
        Tables by heading.
    language
        ``"zh"`` or ``"en"``.
    front
        What stands on the first page.
    title
        Title of the report.
    totals
        Whether areas and lengths are added up in a last row of each table.

    Returns
    -------
    Report
        Ready to be written.
    """
    page = front or Frontispiece()
    made = page.made or dt.datetime.now(tz=dt.UTC).astimezone().date()
    facts = [("number", page.number), ("project", page.project), ("office", page.office), ("made", made.isoformat())]
    sections = []
    for number, (heading, frame) in enumerate(obj.items(), start=1):
        table = Table.from_frame(frame, f"table{number}", heading, language)
        blocks: tuple[Block, ...] = (close_table(table, language) if totals else table,)
        sections.append(Section(f"table{number}", heading, blocks))
    return Report(
        title=title or word("table_title", language),
        language=language,
        facts=tuple((key, word(key, language), value) for key, value in facts if value),
        sections=number_sections(sections, language),
        reference=word("reference_only", language, table="sentences"),
    )
