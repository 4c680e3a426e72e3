"""A report as PDF: printed by the browser of this machine, else by WeasyPrint, else refused with what to do instead."""

from __future__ import annotations

import base64
import importlib.util
import os
import shutil
import subprocess
import tempfile
from importlib import resources
from pathlib import Path

from ecozones.errors import EngineError, MissingDependencyError
from ecozones.reports import page
from ecozones.reports.content import Report

_NAMES = ("msedge", "microsoft-edge", "google-chrome", "google-chrome-stable", "chrome", "chromium", "chromium-browser")
_PLACES = (
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    r"C:\Program Files\Microsoft\Edge\Application\msedge.exe",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
_SECONDS = 120


def write(report: Report, path: Path) -> None:
    """
    Print a report on A4.

    Parameters
    ----------
    report
        The report.
    path
        File to write.

    Raises
    ------
    MissingDependencyError
        Neither a browser nor WeasyPrint is here.
    EngineError
        The browser did not print.
    """
    letters = resources.files("ecozones").joinpath("data/fonts/ecozones-sans-sc.otf").read_bytes()
    text = page.render(report, letters=base64.b64encode(letters).decode("ascii"))
    browser = find_browser()
    if browser is not None:
        _print_with(browser, text, path)
    elif importlib.util.find_spec("weasyprint") is not None:
        importlib.import_module("weasyprint").HTML(string=text).write_pdf(str(path))
    else:
        message = (
            "a PDF needs Edge, Chrome or Chromium on this machine, or the package WeasyPrint; "
            "otherwise write a .docx and save it as PDF from Word"
        )
        raise MissingDependencyError(message)


def find_browser() -> str | None:
    """
    Find a browser that prints without a window.

    Returns
    -------
    str or None
        Its path; None where there is none.
    """
    found = (shutil.which(name) for name in _NAMES)
    return next((path for path in found if path), None) or next((path for path in _PLACES if Path(path).exists()), None)


def _print_with(browser: str, text: str, path: Path) -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        source, made = Path(folder, "report.html"), Path(folder, "report.pdf")
        source.write_text(text, encoding="utf-8")
        # a browser run by the administrator of a server refuses its sandbox; the page has no script to shut in
        bare = ["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
        command = [
            browser, "--headless", "--disable-gpu", *bare, "--no-first-run", "--no-pdf-header-footer",
            f"--user-data-dir={folder}", f"--print-to-pdf={made}", source.as_uri(),
        ]  # fmt: skip
        try:
            done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603 - our own page
        except subprocess.TimeoutExpired as cause:
            message = f"{browser} did not print within {_SECONDS} s; write a .docx and save it as PDF from Word"
            raise EngineError(message) from cause
        if not made.exists():
            said = done.stderr.decode("utf-8", errors="replace").strip()[-500:]
            message = f"{browser} printed nothing (exit code {done.returncode}): {said}"
            raise EngineError(message)
        shutil.copyfile(made, path)
