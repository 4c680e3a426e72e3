"""The README is run, block by block, and so are the notebooks."""

import re
import warnings
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from ecozones.errors import EcozonesWarning

ROOT = Path(__file__).parent.parent


def blocks(path):
    return re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_every_block_of_the_readme_runs(tmp_path, monkeypatch):
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    monkeypatch.chdir(tmp_path)
    space = {}
    found = blocks(ROOT / "README.md")
    assert len(found) >= 8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EcozonesWarning)
        for block in found:
            exec(compile(block, "README.md", "exec"), space)  # noqa: S102
    assert set(space["review"].verdicts["verdict"]) >= {"prohibited", "undetermined", "conditional"}
    for name in ("map.html", "review.html", "review.json"):
        assert (tmp_path / name).stat().st_size > 10_000


def test_the_readme_names_only_commands_that_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"make ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert {"demo", "test", "lint", "docs", "bench"} <= named
    assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in named)


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_notebook_runs_and_is_kept_without_output(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(path.parent)}}).execute()
    assert all(output.output_type != "error" for cell in code for output in cell.outputs)
