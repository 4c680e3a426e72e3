"""What a report holds, whatever it is written as: headings, sentences, tables, pictures, each value with its kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from ecozones.reports.figures import ABSENT, KINDS, kind_of, label_of, show, stored
from ecozones.vocab import Language


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of a printed table: what it is called and how its values are printed."""

    key: str
    label: str
    kind: str

    @property
    def is_number(self) -> bool:
        """Whether the values are numbers, which stand to the right."""
        return KINDS[self.kind].decimals is not None


@dataclasses.dataclass(frozen=True)
class Table:
    """
    A table as it is printed.

    Parameters
    ----------
    key
        What the table is, for those who read it back; also names its sheet.
    title
        Its caption.
    columns
        Its columns.
    rows
        Raw values, row by row; a text in a column of numbers is printed as it stands.
    total
        A last row, the sum of the printed rows.
    notes
        Sentences below the table.
    below
        Keys of columns whose long texts stand in a line of their own below each row, since paper is narrow.
    """

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: tuple[Any, ...] | None = None
    notes: tuple[str, ...] = ()
    below: tuple[str, ...] = ()

    @property
    def across(self) -> list[int]:
        """Positions of the columns that stand side by side on paper."""
        return [at for at, column in enumerate(self.columns) if column.key not in self.below]

    def line_below(self, texts: Sequence[str], language: Language) -> str:
        """Write what stands below a row: label and text of each column that has something to say."""
        colon, stop = ("：", "。") if language == "zh" else (": ", ". ")
        said = [
            f"{column.label}{colon}{text}"
            for column, text in zip(self.columns, texts, strict=True)
            if column.key in self.below and text != ABSENT
        ]
        return stop.join(said)

    def printed(self, language: Language) -> list[list[str]]:
        """Print every cell, the total last."""
        rows = [*self.rows, *([self.total] if self.total is not None else [])]
        return [
            [show(value, column.kind, language) for value, column in zip(row, self.columns, strict=True)]
            for row in rows
        ]

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        key: str,
        title: str,
        language: Language,
        *,
        columns: Sequence[str] | None = None,
        notes: Iterable[str] = (),
        below: Sequence[str] = (),
    ) -> Table:
        """Make a table of a frame; geometry is left to the map."""
        wanted = [name for name in (columns if columns is not None else frame.columns) if name != "geometry"]
        known = tuple(
            Column(str(name), label_of(str(name), language), kind_of(str(name), frame[name])) for name in wanted
        )
        rows = tuple(frame[list(wanted)].astype(object).itertuples(index=False, name=None))
        return cls(key, title, known, rows, notes=tuple(notes), below=tuple(below))


@dataclasses.dataclass(frozen=True)
class Figure:
    """
    A number, or a word that decides, inside a sentence, and the cell it was read from.

    Parameters
    ----------
    value
        The raw value.
    kind
        How it is printed.
    source
        Table, row and column it was read from.
    """

    value: Any
    kind: str
    source: str

    def printed(self, language: Language) -> str:
        """Print it as the tables do."""
        return show(self.value, self.kind, language)

    @property
    def stored(self) -> float | int | None:
        """The rounded number."""
        return stored(self.value, self.kind)


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """A run of text and figures; a flagged one is a warning that no reader may miss."""

    parts: tuple[str | Figure, ...]
    flagged: bool = False

    def printed(self, language: Language) -> str:
        """Print the whole paragraph."""
        return "".join(part if isinstance(part, str) else part.printed(language) for part in self.parts)


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture as PNG, with its caption and the words that stand for it."""

    png: bytes
    caption: str
    alt: str
    width_mm: float


Block = Paragraph | Table | Picture


@dataclasses.dataclass(frozen=True)
class Section:
    """A heading and what stands below it; one that asks for a new page ends the page before it."""

    key: str
    heading: str
    blocks: tuple[Block, ...]
    new_page: bool = False


@dataclasses.dataclass(frozen=True)
class Report:
    """
    A report, ready to be written in any format.

    Parameters
    ----------
    title
        Its title.
    language
        ``"zh"`` or ``"en"``.
    facts
        Key, label and value of the lines under the title.
    sections
        Its body.
    reference
        The line that says how far it may be relied on.
    signatures
        Labels of the places to sign.
    payload
        The machine-readable capsule, JSON-able; empty where there is nothing to verify.
    """

    title: str
    language: Language
    facts: tuple[tuple[str, str, str], ...]
    sections: tuple[Section, ...]
    reference: str
    signatures: tuple[str, ...] = ()
    payload: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def tables(self) -> list[Table]:
        """List the tables in the order in which they are printed."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Table)]

    def paragraphs(self) -> list[Paragraph]:
        """List the paragraphs in the order in which they are printed."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Paragraph)]

    def figures(self) -> list[Figure]:
        """List the figures of the paragraphs, in the order in which they are printed."""
        return [part for paragraph in self.paragraphs() for part in paragraph.parts if isinstance(part, Figure)]

    def sealed(self) -> dict[str, Any]:
        """Give the capsule together with the origin of every figure in the text."""
        if not self.payload:
            return {}
        figures = [{"printed": figure.printed(self.language), "source": figure.source} for figure in self.figures()]
        return dict(self.payload) | {"language": self.language, "figures": figures}


_NUMERALS = "一二三四五六七八九"


def number_sections(sections: Iterable[Section], language: Language) -> tuple[Section, ...]:
    """
    Put numbers before the headings, as official documents have them.

    Parameters
    ----------
    sections
        Sections in order, fewer than a hundred.
    language
        ``"zh"`` or ``"en"``.

    Returns
    -------
    tuple of Section
        With numbers before their headings.

    Examples
    --------
    >>> [section.heading for section in number_sections([Section("a", "结论", ())], "zh")]
    ['一、结论']
    """
    return tuple(
        dataclasses.replace(
            section, heading=f"{_numeral(n)}、{section.heading}" if language == "zh" else f"{n}. {section.heading}"
        )
        for n, section in enumerate(sections, start=1)
    )


def _numeral(n: int) -> str:
    tens, ones = divmod(n, 10)
    return (_NUMERALS[tens - 1] if tens > 1 else "") + ("十" if tens else "") + (_NUMERALS[ones - 1] if ones else "")
