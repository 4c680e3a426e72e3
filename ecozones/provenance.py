"""One published document, and how to cite it."""

from __future__ import annotations

import dataclasses
import datetime as dt


@dataclasses.dataclass(frozen=True)
class Source:
    """
    A published document that a rule rests on.

    Parameters
    ----------
    id
        Short key, unique in a rulebook.
    title
        Title as printed, without quotation marks.
    number
        Document number, empty where it has none.
    issuer
        Who issued it, empty where not known.
    issued
        The day it was issued, None where not known.
    checked
        The day a person compared the rules with the document, None where nobody has.
    seen
        Where the text was seen (title and address of the copy).
    """

    id: str
    title: str
    number: str = ""
    issuer: str = ""
    issued: dt.date | None = None
    checked: dt.date | None = None
    seen: str = ""

    def cite(self, article: str = "") -> str:
        """
        Cite the document, with an article where one is given.

        Parameters
        ----------
        article
            Article, item or clause, as printed in the document.

        Returns
        -------
        str
            The citation in the form of Chinese official documents.

        Examples
        --------
        >>> Source("a", "土地管理法").cite("第三十五条")
        '《土地管理法》第三十五条'
        """
        number = f"({self.number})" if self.number else ""
        return f"《{self.title}》{number}{article}"
