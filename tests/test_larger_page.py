"""The page on layers larger than memory is run, block by block."""

import re
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "questions" / "larger_than_memory.md"


def test_every_block_of_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    space = {}
    found = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(found) == 6
    for block in found:
        exec(compile(block, PAGE.name, "exec"), space)  # noqa: S102
    assert space["conflicts"].table()["relation"].tolist() == ["equal"]
    assert round(space["restored"].groups()["footprint_ha"].sum()) == 400
    assert space["areas"].totals()["rows"].tolist() == [3]
