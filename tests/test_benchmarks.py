"""The harness of the benchmarks: what is compared, scaled, told and drawn is right; nothing here is timed."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys

import numpy as np
import pytest
import shapely

from benchmarks import growth, page, workload
from benchmarks.jobs import find_jobs
from benchmarks.measuring import agreement, run_child, run_job, scaled
from tools import scale_page

INF = float("inf")

ODD_JOBS = """
import numpy as np

def number(sites, line):
    return np.arange(len(sites), dtype=float)

def broken(sites, line):
    raise OverflowError("offset overflow")

def wrong(sites, line):
    return number(sites, line) * 1.25

def some(sites, line):
    answer = np.full(len(sites), np.nan)
    answer[:10] = number(sites, line)[:10]
    return answer

class Server:
    def __enter__(self):
        return self
    def __exit__(self, *_):
        open({left!r}, "w").close()
    def spent(self):
        return 1000.0 * self.asked
    def peak_mib(self):
        return 123456.0
    asked = 0

def serve(sites, line, kept):
    kept.asked += 1
    return number(sites, line)

JOBS = {{"odd": ("an odd job", ("sites", "redline"), "base", {{"base": number, "broken": broken, "wrong": wrong}})}}
PEERS = {{"odd": {{
    "some": some, "gone": number, "server": (lambda *_: Server(), serve), "hidden": some,
}}}}
SAMPLED = {{("odd", "some"): 10}}

def missing():
    return {{"gone": "not measured: gone is not installed"}}
"""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return tmp_path_factory.mktemp("drawn")


def digest(folder, layers=workload.LAYERS):
    told = hashlib.sha256()
    for layer in layers:
        frame = workload.load("S", layer, folder)
        told.update(b"".join(shapely.to_wkb(frame.geometry.to_numpy())))
        told.update(frame.drop(columns="geometry").to_csv().encode())
    return told.hexdigest()


def test_the_small_workload_is_the_same_in_every_process(drawn, tmp_path):
    subprocess.run([sys.executable, "-m", "benchmarks.workload", "S", "--out", str(tmp_path)], check=True)
    assert digest(drawn) == digest(tmp_path)
    assert digest(drawn) != digest(drawn, workload.LAYERS[1:])


def test_the_small_workload_is_as_the_page_describes_it(drawn):
    red = workload.load("S", "redline", drawn)
    assert len(workload.load("S", "sites", drawn)) == 1_000
    assert len(workload.load("S", "farmland", drawn)) == 5_000
    assert round(int(shapely.get_num_coordinates(red.geometry.to_numpy()).sum()), -3) == 44_000


def test_a_layer_that_was_begun_and_not_finished_is_drawn_again(tmp_path):
    begun = tmp_path / "S" / "begun-urban.parquet"
    begun.parent.mkdir()
    begun.write_bytes(b"half")
    assert len(workload.load("S", "urban", tmp_path)) > 100
    assert not begun.exists()


@pytest.mark.parametrize(
    ("ours", "base", "sampled", "difference"),
    [
        ([1, 2, 3], [1, 2, 3], False, 0.0),
        ([1, 2, 3.3], [1, 2, 3], False, 0.1),
        ([0, 0], [0, 0], False, 0.0),
        # a small number is held against a millionth of the largest
        ([1e6, 0.5], [1e6, 0.25], False, 0.25),
        ([1, 2, np.nan], [1, 2, 3], True, 0.0),
        ([1, 2, np.nan], [1, 2, 3], False, INF),
        ([1, 2, 3], [1, np.nan, np.nan], False, 0.0),
        ([1, 2], [1, 2, 3], False, INF),
    ],
)
def test_agreement_is_the_largest_relative_difference(ours, base, sampled, difference):
    found = agreement(np.array(ours, float), np.array(base, float), sampled=sampled)
    assert found == pytest.approx(difference, abs=1e-12)


def test_answers_with_no_number_in_common_do_not_agree():
    assert np.isnan(agreement(np.array([np.nan, 1.0]), np.array([1.0, np.nan]), sampled=True))


def test_what_was_measured_for_some_is_scaled_to_all_and_says_so():
    row = {"cpu_s": 2.0, "wall_s": 3.0, "peak_mib": 100.0}
    assert scaled(row, 5, 20) == {"cpu_s": 8.0, "wall_s": 12.0, "peak_mib": 100.0, "note": "from 5 of 20, scaled"}
    assert scaled(row, 20, 20) == row


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("raise OverflowError('offset overflow')", "OverflowError: offset overflow"),
        ("import sys; sys.exit(3)", "exit 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended by signal 9"),
        ("raise ValueError('a | b')", "ValueError: a / b"),
    ],
)
def test_a_child_that_fails_tells_why(code, told):
    assert run_child(["-c", code], limit=60) == {"failed": told}


def test_a_child_that_takes_too_long_may_clean_up(tmp_path):
    left = tmp_path / "left"
    code = f"import pathlib, time\ntry:\n time.sleep(60)\nfinally:\n pathlib.Path({str(left)!r}).touch()"
    assert re.fullmatch(r"stopped after 8 s \(\d+ s of CPU\)", run_child(["-c", code], limit=8)["failed"])
    assert left.exists()


@pytest.fixture
def odd(tmp_path, monkeypatch):
    (tmp_path / "odd_jobs.py").write_text(ODD_JOBS.format(left=str(tmp_path / "left")), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    yield find_jobs(["odd_jobs"])["odd"]
    sys.modules.pop("odd_jobs", None)


def test_every_peer_has_a_row_with_numbers_or_with_a_reason(odd, drawn, tmp_path):
    rows = {row["peer"]: row for row in run_job("odd", odd, "S", drawn, repeat=1)}
    assert list(rows) == ["base", "broken", "wrong", "some", "gone", "server", "hidden"]
    assert rows["broken"]["note"] == "OverflowError: offset overflow"
    assert rows["gone"]["note"] == "not measured: gone is not installed"
    assert "cpu_s" not in rows["broken"]
    assert "cpu_s" not in rows["gone"]
    assert rows["base"]["difference"] == rows["some"]["difference"] == 0
    assert rows["wrong"]["difference"] == pytest.approx(0.25)
    assert rows["some"]["note"] == "from 10 of 1000, scaled"
    # numbers that are missing are not agreement, unless a sample was asked for
    assert rows["hidden"]["difference"] == INF
    assert rows["base"]["total"] == 999 * 500
    assert rows["wrong"]["times_faster"] * rows["wrong"]["cpu_s"] == pytest.approx(rows["base"]["cpu_s"])
    # what runs elsewhere is counted, and stopped
    assert rows["server"]["cpu_s"] >= 1000
    assert rows["server"]["peak_mib"] == 123456
    assert (tmp_path / "left").exists()


def test_peers_are_chosen_by_a_part_of_their_name_and_the_base_stays(odd, drawn):
    rows = run_job("odd", odd, "S", drawn, repeat=1, wanted=["bro", "gon"])
    assert [row["peer"] for row in rows] == ["base", "broken", "gone"]


def test_without_a_base_the_others_are_compared_among_themselves(odd, drawn):
    asked = run_job("odd", odd, "S", drawn, repeat=1, wanted=["wrong", "server"], with_base=False)
    rows = {row["peer"]: row for row in asked}
    assert rows["base"]["note"] == "left out: it would take too long"
    assert rows["server"]["against"] == rows["wrong"]["against"] == "wrong"
    assert rows["server"]["difference"] == pytest.approx(0.2)
    assert "times_faster" not in rows["wrong"]


def test_a_peer_without_a_job_is_refused(tmp_path, monkeypatch):
    (tmp_path / "stray.py").write_text("PEERS = {'no such job': {'peer': abs}}", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="stray has peers for no such job"):
        find_jobs(["stray"])


def test_jobs_can_be_asked_for_by_name_and_have_their_base():
    jobs = find_jobs()
    assert len(jobs) > 15
    for name, job in jobs.items():
        assert "," not in name  # it parts names on the command line
        assert job.base in job.peers
        assert any(peer.startswith("ecozones") for peer in job.peers)
        assert set(job.layers) <= {*workload.LAYERS, "zones", workload.RASTER}


def row(peer, cpu=None, **further):
    told = {"job": "j", "title": "a job", "peer": peer, "base": peer == "base", "runs": 3}
    if cpu:
        told |= {"cpu_s": cpu, "wall_s": cpu, "peak_mib": 200.4, "loaded_mib": 150.6, "difference": 0.0}
    return told | further


def test_the_table_says_what_was_measured_and_what_was_not():
    rows = [
        row("base", 8.0, times_faster=1.0),
        row("ours", 0.5, times_faster=16.0, difference=1e-9),
        row("old", 2.0, times_faster=4.5, note="from 5 of 20, scaled"),
        row("gone", note="not installed"),
    ]
    assert page.table(rows).splitlines()[2:] == [
        "| a job | base (base) | 8 | 8 | 1 | 200 (151) | 0.0e+00 | 3 |",
        "|  | ours | 0.5 | 0.5 | 16 | 200 (151) | 1.0e-09 | 3 |",
        "|  | old (from 5 of 20, scaled; another run: base 9 s) | 2 | 2 | 4.5 | 200 (151) | 0.0e+00 | 3 |",
        "|  | gone | not installed | | | | | |",
    ]


def test_the_table_without_a_base_says_what_was_compared():
    rows = [row("base", note="stopped after 9 s"), row("ours", 1.0, against="ours"), row("other", 2.0, against="ours")]
    lines = page.table(rows).splitlines()[2:]
    assert lines[1] == "|  | ours | 1 | 1 |  | 200 (151) | 0.0e+00 | 3 |"
    assert lines[2].startswith("|  | other (compared with ours) |")


def test_rows_that_are_measured_again_take_their_place_and_the_others_stay():
    other = row("base", 1.0) | {"job": "k"}
    known = [other, row("base", 8.0), row("ours", 0.5), row("theirs", 4.0)]
    fresh = [row("base", 7.0), row("ours", 0.4)]
    assert page.renewed(known, fresh) == [other, *fresh, known[3]]
    assert page.renewed([other], fresh) == [other, *fresh]
    # the base leads, also where it was not measured again
    assert page.renewed(known, fresh[1:]) == [other, known[1], fresh[1], known[3]]


def test_results_from_elsewhere_are_taken_in_size_by_size():
    here = {"S": {"machine": "old", "rows": [row("base", 8.0), row("theirs", 4.0)]}}
    there = {size: {"machine": "new", "rows": [row("base", 7.0), row("k", 1.0) | {"job": "k"}]} for size in "SL"}
    merged = page.taken_in(here, there)
    assert merged["S"]["rows"] == [row("base", 7.0), row("theirs", 4.0), row("k", 1.0) | {"job": "k"}]
    assert merged["L"] == there["L"]
    assert here["S"]["rows"][0] == row("base", 8.0)


def test_rows_of_peers_that_are_no_more_are_left_out(odd):
    rows = [row("base", 1.0) | {"job": "odd"}, row("left", 1.0) | {"job": "odd"}, row("base", 1.0)]
    assert page.weeded({"S": {"machine": "m", "rows": rows}}, {"odd": odd}) == {"S": {"machine": "m", "rows": rows[:1]}}


def test_a_page_without_a_place_for_a_size_is_refused():
    box = {"processor": "p", "cores": 2, "memory_gib": 1, "system": "s", "python": "3", "GEOS": "3", "day": "d"}
    told = {"S": {"machine": box | {"load_at_start": 0, "versions": {}}, "rows": [row("base", 1.0, times_faster=1)]}}
    text = "before <!-- results of S --> old <!-- end of S --> after"
    new = page.filled(text, told)
    assert re.fullmatch(r"before <!-- results of S -->.*\| a job \| base.*<!-- end of S --> after", new, re.DOTALL)
    assert " old " not in new
    with pytest.raises(ValueError, match="no place for S"):
        page.filled("nothing", told)


@pytest.fixture
def grown():
    """Cost grows with the square of the pairs for the base, and with the pairs for ours."""
    results = {}
    for size, pairs in (("S", 1e3), ("M", 1e4), ("L", 1e5)):
        counted = row("geopandas.sjoin", 1.0, total=pairs) | {"job": "red yes"}
        ours = row("ecozones", pairs * 1e-4) | {"job": "red area"}
        whole = row("geopandas.overlay", pairs**2 * 1e-6) | {"job": "red area"}
        some = row("geopandas.overlay, some sites", pairs**2 * 1e-6, note="from 1 of 2, scaled") | {"job": "red area"}
        results[size] = {"rows": [counted, ours, some] if size == "L" else [counted, ours, whole, some]}
    return results


def test_growth_is_told_against_the_pairs_that_meet(grown):
    lines = growth.points(grown, "red area")
    assert lines["ecozones"] == [(1e3, 0.1, False), (1e4, 1.0, False), (1e5, 10.0, False)]
    assert growth.slope(lines["ecozones"]) == pytest.approx(1)
    assert growth.slope(lines["geopandas.overlay"]) == pytest.approx(2)
    # the sample stands only where the whole was not measured
    assert [sampled for _, _, sampled in lines["geopandas.overlay"]] == [False, False, True]
    assert growth.points(grown, "farm area") == {}


def test_the_picture_of_growth_is_drawn_from_the_results_alone(grown, tmp_path):
    for name in ("one.svg", "two.svg"):
        growth.draw(grown, PROVINCE, tmp_path / name)
    text = (tmp_path / "one.svg").read_text(encoding="utf-8")
    assert text == (tmp_path / "two.svg").read_text(encoding="utf-8")
    assert "geopandas.overlay" in text
    assert "2.00" in text
    assert "CPU seconds" in text
    assert "1,234 MiB" in text


def test_a_whole_check_grows_with_what_it_meets():
    line, memory = growth.whole_checks(PROVINCE)
    assert line == [(100, 2.0, False), (10_000, 20.0, False)]
    assert memory == [300, 1_234]
    assert growth.slope(line) == pytest.approx(0.5)


PROVINCE = {
    "sizes": {
        "L": {"check": {"pairs": 10_000, "cpu_s": 20.0, "peak_mib": 1_234}},
        "S": {"check": {"pairs": 100, "cpu_s": 2.0, "peak_mib": 300}},
    }
}
LARGE = {
    "rows": 1_000,
    "vertices": 30_000,
    "generate": {"bytes_out": 300_000},
    "prepare": {"cpu_s": 4.0, "bytes_out": 200_000},
    "check": {"cpu_s": 2.0, "bytes_out": 50_000, "fragments": 10, "receipts_bytes": 6_000},
    "areas": {"cpu_s": 1.0},
    "side": {"vertices": 5_000, "bytes": 70_000},
}
RESULTS = {
    "M": {
        "rows": [
            {"job": "red area", "peer": "ecozones", "answers": 20_000, "cpu_s": 2.0},
            {"job": "conflict", "peer": "ecozones", "answers": 100_000, "cpu_s": 1.0},
            {"job": "national", "peer": "ecozones", "answers": 100_000, "cpu_s": 4.0},
            {"job": "postgis load", "peer": "ecozones.postgis.write_table", "answers": 100_000, "cpu_s": 5.0},
        ]
    }
}


def figures(text):
    """Read the tables of the page as anybody can: name, printed value, where it is from."""
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and re.fullmatch(r"`\w+`", cells[0]):
            found[cells[0].strip("`")] = cells[2], cells[4]
    return found


def test_every_figure_worked_out_on_the_scale_page_is_the_arithmetic_beside_it():
    said = figures(scale_page.page(RESULTS, LARGE))
    numbers = {name: float(value.replace(",", "")) for name, (value, _) in said.items()}
    formulas = {name: origin.split("`")[1] for name, (_, origin) in said.items() if origin.startswith("worked out")}
    assert len(formulas) > 15
    for name, formula in formulas.items():
        # Python's own arithmetic on the printed numbers, which have three digits
        again = eval(formula, {"__builtins__": {}}, numbers)  # noqa: S307
        assert numbers[name] == pytest.approx(again, rel=0.02), name


def test_the_scale_page_agrees_with_a_sum_by_hand():
    found = scale_page.values(RESULTS, LARGE)
    # 2 s for a thousand parcels of 30 vertices, of the nation's 300 million with 60
    assert found["check_core_h"] == pytest.approx(2 * 300_000 * 2 / 3600)
    assert found["shared_rate"] == 100_000
    assert found["load_core_h"] == pytest.approx(300e6 * 60 / 26 / 20_000 / 3600)
    assert found["fragments_there"] == 3_000_000
    assert found["out_gb"] == pytest.approx(15)


def test_what_was_not_measured_is_left_open_and_said():
    large = {key: value for key, value in LARGE.items() if key != "check"}
    said = figures(scale_page.page(RESULTS, large))
    assert said["check_core_h"][0] == "(not measured)"
    assert said["prepare_core_h"][0] != "(not measured)"


def test_every_measured_figure_of_the_scale_page_names_a_job_that_exists():
    jobs = find_jobs()
    named = [figure for section in scale_page.SECTIONS for figure in section["figures"] if "job" in figure]
    assert named
    for figure in named:
        assert figure["peer"] in jobs[figure["job"]].peers
