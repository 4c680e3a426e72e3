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
    # what an import costs is what it loads: 25 modules not ours took 0.13 s of processor time, most of it pyogrio
    code = (
        "import json, sys, geopandas\n"
        "before = set(sys.modules)\nimport ecozones\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    added = run(code)
    foreign = {name.split(".")[0] for name in added} - {"ecozones"}
    assert {"pyogrio", "tomllib"} <= foreign
    assert len([name for name in added if not name.startswith("ecozones")]) <= 40


def test_all_is_what_there_is():
    for name in ecozones.__all__:
        assert getattr(ecozones, name) is not None
    assert sorted(ecozones.__all__) == ecozones.__all__


def test_what_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = ecozones.no_such_thing
