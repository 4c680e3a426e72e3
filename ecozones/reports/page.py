"""A report as one HTML page that an office without internet opens, and prints on A4."""

from __future__ import annotations

import base64
import functools
from importlib import resources
from pathlib import Path

import jinja2

from ecozones.reports.capsule import ELEMENT, to_text
from ecozones.reports.content import Column, Figure, Paragraph, Picture, Report, Table
from ecozones.reports.figures import ABSENT, absent, is_flagged

# longer texts may be broken anywhere, shorter ones only between words
_WRAPS = 24


def write(report: Report, path: Path) -> None:
    """
    Write a report as a self-contained page.

    Parameters
    ----------
    report
        The report.
    path
        File to write.
    """
    path.write_text(render(report), encoding="utf-8")


def render(report: Report, *, letters: str = "") -> str:
    """
    Give the page as text.

    Parameters
    ----------
    report
        The report.
    letters
        Base64 of a font to carry along, for programs that print where no Chinese font may be installed.

    Returns
    -------
    str
        HTML without any address that a browser would fetch.
    """
    return _template().render(
        report=report,
        language=report.language,
        capsule=to_text(report.sealed()) if report.payload else "",
        element=ELEMENT,
        letters=letters,
        style=_read("report.css"),
        kind_of_block=_kind_of_block,
        cell_class=_cell_class,
        is_figure=lambda part: isinstance(part, Figure),
        data_uri=lambda picture: "data:image/png;base64," + base64.b64encode(picture.png).decode("ascii"),
        absent=ABSENT,
    )


def _read(name: str) -> str:
    return resources.files("ecozones").joinpath(f"data/templates/{name}").read_text(encoding="utf-8")


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(_read("report.html.j2"))


def _kind_of_block(block: Paragraph | Table | Picture) -> str:
    return type(block).__name__.lower()


def _cell_class(value: object, column: Column) -> str:
    """Name what a cell is, so that the style sheet can flag it; the words carry the meaning without it."""
    classes = [column.kind]
    if column.is_number:
        classes.append("n")
    if column.kind == "verdict" and not absent(value):
        classes.append(f"v-{value}" if str(value).isidentifier() else "v")
    if is_flagged(value, column.kind):
        classes.append("flag")
    if len(str(value)) > _WRAPS:
        classes.append("lengthy")
    return " ".join(classes)
