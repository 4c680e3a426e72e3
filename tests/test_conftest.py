"""A machine that is said to bring everything may skip nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SKIPS = """
import pytest

def test_one():
    pytest.skip("no server here")

def test_two():
    pass
"""


@pytest.mark.parametrize(("said", "workers", "status"), [("", "0", 0), ("1", "0", 1), ("1", "2", 1)])
def test_a_skipped_test_is_a_failure_where_everything_is_said_to_be_there(tmp_path, said, workers, status):
    (tmp_path / "test_skips.py").write_text(SKIPS, encoding="utf-8")
    (tmp_path / "conftest.py").write_text(Path(__file__).with_name("conftest.py").read_text("utf-8"), encoding="utf-8")
    place = os.environ | {"ECOZONES_NOTHING_SKIPPED": said}
    command = [sys.executable, "-m", "pytest", "-q", "-n", workers, "-p", "no:cacheprovider", tmp_path]
    done = subprocess.run(command, env=place, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    assert ("not run, though everything was said to be here: test_skips.py::test_one" in done.stdout) is bool(status)
