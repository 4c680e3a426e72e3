"""What ``import ecozones`` must not load, what it may cost, and that it offers just what it names."""

import json
import subprocess
import sys

import pytest

import ecozones

HEAVY = (
    "folium",
    "branca",
    "rasterio",
    "matplotlib",
    "exactextract",
    "docx",
    "openpyxl",
    "pyspark",
    "dask",
    "numba",
    "scipy",
)


def run(code):
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, encoding="utf-8")
    return json.loads(done.stdout)


def test_import_loads_nothing_heavy():
    loaded = run("import json, sys, ecozones; print(json.dumps(sorted(sys.modules)))")
    assert [name for name in HEAVY if name in loaded] == []


def test_import_adds_little_to_geopandas():
    code = (
        "import json, time, geopandas\n"
        "start = time.process_time()\nimport ecozones\n"
        "print(json.dumps(time.process_time() - start))"
    )
    # CPU time, the best of three: the machine may be busy, the import is not
    assert min(run(code) for _ in range(3)) <= 0.15


def test_all_is_what_there_is():
    for name in ecozones.__all__:
        assert getattr(ecozones, name) is not None
    assert sorted(ecozones.__all__) == ecozones.__all__


def test_what_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = ecozones.no_such_thing
