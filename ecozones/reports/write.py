"""``write_report``: the ending of the file decides what a result is written as."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ecozones.errors import InputError, MissingDependencyError
from ecozones.reports.compose import compose_report
from ecozones.reports.tables import SUFFIXES, write_tables
from ecozones.review import SiteReview
from ecozones.vocab import Language

# each is loaded on first use, with the library it needs
_WRITERS: Mapping[str, str] = {
    ".html": "page",
    ".htm": "page",
    ".docx": "document",
    ".xlsx": "workbook",
    ".pdf": "paper",
}


def write_report(
    obj: object,
    path: str | Path,
    *,
    language: Language = "zh",
    template: str | Path | None = None,
    **options: Any,  # noqa: ANN401 - what the composer of obj takes
) -> Path:
    """
    Write a result as a report that an office can read, check and sign.

    Parameters
    ----------
    obj
        A review of sites, a table, tables by heading, or anything that registered with :func:`compose_report`.
    path
        File to write; its ending decides the kind: ``.html``, ``.docx``, ``.xlsx``, ``.pdf``, or data: ``.json``,
        ``.gpkg``, ``.geojson``, ``.parquet``, ``.csv``.
    language
        ``"zh"`` or ``"en"``.
    template
        An office's own ``.docx`` with marks to be filled.
    **options
        For a review of sites: ``front`` (:class:`ecozones.reports.Frontispiece`), ``plan`` to draw behind the sites,
        ``rules``, ``maps``, ``most_maps``, ``inputs``. For tables: ``front``, ``title``, ``plan``, ``maps``, ``kind``
        (one of :func:`ecozones.reports.result_kinds`, where the columns do not tell). For data: ``table``, ``inputs``.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError
        The ending is not known, or `obj` is nothing that can be reported.
    MissingDependencyError
        The format needs a package or program that is not installed; the message says which.

    Examples
    --------
    >>> import tempfile, pandas as pd
    >>> frame = pd.DataFrame({"site_id": ["001"], "area_mu": [15.0]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     made = write_report(frame, Path(folder, "areas.html"), language="en", title="Areas")
    ...     "15.00" in made.read_text(encoding="utf-8")
    True
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if template is not None and suffix != ".docx":
        message = f"{target.name}: a template is filled for .docx only"
        raise InputError(message)
    if suffix in SUFFIXES:
        return write_tables(obj, target, **{key: options[key] for key in ("table", "inputs") if key in options})
    name = _WRITERS.get(suffix)
    if name is None:
        known = ", ".join([*_WRITERS, *SUFFIXES])
        message = f"{target.name}: a report is written as {known}, not {suffix or 'without an ending'}"
        raise InputError(message)
    try:
        writer = importlib.import_module(f"ecozones.reports.{name}")
    except ModuleNotFoundError as cause:
        message = f"{suffix} needs the package {cause.name!r}; install ecozones[report]"
        raise MissingDependencyError(message) from cause
    if suffix == ".xlsx" and isinstance(obj, SiteReview | pd.DataFrame | Mapping):
        options = options | {"maps": False}
    report = compose_report(obj, language=language, **options)
    writer.write(report, target, **({"template": template} if template is not None else {}))
    return target
