"""
The library beside its peers, on one workload, in one run.

    python -m benchmarks --size S
    python -m benchmarks --size M --jobs "red area,nearest" --repeat 3

Each measurement has a process of its own, with the layers read and the libraries loaded before the clocks start. CPU
seconds count every thread and child, so neighbours on the machine hardly matter; wall seconds are told beside. Runs of
the peers are interleaved and the median is shown. A base that takes more than two minutes is measured once. The answers
are compared number by number with the base's, and the largest difference stands beside the ratio.
"""

import argparse
import contextlib
import datetime as dt
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
MODULES = ("bench_sites",)
LONG_S = 120.0
NAMED = (
    "ecozones",
    "geopandas",
    "shapely",
    "pyproj",
    "numpy",
    "pandas",
    "numba",
    "sedonadb",
    "duckdb",
    "exactextract",
    "rasterstats",
)
MARK = "<!-- results of {size} -->", "<!-- end of {size} -->"


def machine():
    """Describe the machine and the libraries, without naming it."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    model = next(
        (line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name")),
        platform.processor(),
    )
    versions = {}
    for name in NAMED:
        with contextlib.suppress(PackageNotFoundError):
            versions[name] = version(name)
    import shapely  # noqa: PLC0415 - the parent stays small: what it has used would show in the peak of a child

    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory_gib": round(pages / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "GEOS": shapely.geos_version_string,
        "load_at_start": round(load, 1),
        "day": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "versions": versions,
    }


def measure(module, job, peer, size, folder, answer):
    """Run one measurement in a child process."""
    arguments = [sys.executable, "-m", "benchmarks.child", module, job, peer, size, str(folder), str(answer)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, cwd=HERE.parent)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit {done.returncode}"}
    return json.loads(done.stdout.splitlines()[-1])


def agreement(ours, base):
    """Give the largest difference of two answers, relative to the number or to a millionth of the largest one."""
    known = np.isfinite(base) & np.isfinite(ours)
    if not known.any():
        return float("nan")
    scale = np.maximum(np.abs(base[known]), np.abs(base[known]).max() * 1e-6)
    return float((np.abs(ours[known] - base[known]) / np.where(scale > 0, scale, 1)).max())


def run_job(module, job, size, folder, repeat, wanted):
    described = import_module(f"benchmarks.{module}")
    title, layers, base, peers = described.JOBS[job]
    missing = described.missing() if hasattr(described, "missing") else {}
    sampled = getattr(described, "SAMPLED", {})
    chosen = [peer for peer in peers if peer == base or not wanted or any(word in peer for word in wanted)]
    runs = {peer: [] for peer in chosen}
    rows = []
    with tempfile.TemporaryDirectory() as place:
        for turn in range(repeat):
            for peer in chosen:
                took = sum(run.get("cpu_s", 0.0) for run in runs[peer][:1])
                if peer in missing or (turn and took > LONG_S) or any("failed" in run for run in runs[peer]):
                    continue
                runs[peer].append(measure(module, job, peer, size, folder, Path(place) / f"{chosen.index(peer)}.npy"))
                print(f"  {job}: {peer}: {runs[peer][-1]}", file=sys.stderr, flush=True)
        reference = np.load(Path(place) / f"{chosen.index(base)}.npy")
        for peer in chosen:
            row = {
                "job": job,
                "title": title,
                "peer": peer,
                "base": peer == base,
                "layers": list(layers),
                "runs": len(runs[peer]),
            }
            told = missing.get(peer) or next((run["failed"] for run in runs[peer] if "failed" in run), None)
            if told:
                rows.append(row | {"note": told})
                continue
            middle = {key: statistics.median(run[key] for run in runs[peer]) for key in runs[peer][0]}
            answer = np.load(Path(place) / f"{chosen.index(peer)}.npy")
            if (job, peer) in sampled:
                share = sampled[job, peer] / len(answer)
                if share < 1:
                    middle["cpu_s"], middle["wall_s"] = middle["cpu_s"] / share, middle["wall_s"] / share
                    row["note"] = f"from {sampled[job, peer]} of {len(answer)}, scaled"
            rows.append(row | middle | {"difference": agreement(answer, reference)})
    first = next(row for row in rows if row["base"])
    for row in rows:
        if "cpu_s" in row and "cpu_s" in first:
            row["times_faster"] = first["cpu_s"] / row["cpu_s"]
    return rows


def table(rows):
    """Write results as a table in Markdown."""
    lines = [
        "| job | peer | CPU s | wall s | times faster (CPU) | peak MiB (of it read) | largest difference | runs |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        title = row["title"] if row["base"] else ""
        name = f"{row['peer']} (base)" if row["base"] else row["peer"]
        if "cpu_s" not in row:
            lines.append(f"| {title} | {name} | {row['note']} | | | | | |")
            continue
        note = f" ({row['note']})" if "note" in row else ""
        lines.append(
            f"| {title} | {name}{note} | {row['cpu_s']:.3g} | {row['wall_s']:.3g} | {row['times_faster']:.3g} "
            f"| {row['peak_mib']:.0f} ({row['loaded_mib']:.0f}) | {row['difference']:.1e} | {row['runs']} |"
        )
    return "\n".join(lines)


def write_page(results):
    """Put every size that has been measured into the page, between its marks."""
    page = HERE / "README.md"
    text = page.read_text(encoding="utf-8")
    for size, told in results.items():
        start, end = (mark.format(size=size) for mark in MARK)
        box = told["machine"]
        libraries = ", ".join(f"{name} {number}" for name, number in box["versions"].items())
        where = f"{box['processor']}, {box['cores']} cores, {box['memory_gib']} GiB, {box['system']}"
        what = f"Python {box['python']}, GEOS {box['GEOS']}, {libraries}"
        words = f"{where}; {what}. Last measured {box['day']}, load {box['load_at_start']} at the start."
        before, _, rest = text.partition(start)
        after = rest.partition(end)[2]
        text = f"{before}{start}\n\n{words}\n\n{table(told['rows'])}\n\n{end}{after}"
    page.write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=["S", "M", "L"], default="S")
    parser.add_argument("--jobs", default="", help="some jobs only, by name, separated by commas")
    parser.add_argument("--peers", default="", help="some peers only, by a part of their name, separated by commas")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=HERE / "data")
    parser.add_argument("--results", type=Path, default=HERE / "results.json")
    chosen = parser.parse_args()
    subprocess.run(
        [sys.executable, "-m", "benchmarks.workload", chosen.size, "--out", str(chosen.folder)],
        check=True,
        cwd=HERE.parent,
    )
    results = json.loads(chosen.results.read_text(encoding="utf-8")) if chosen.results.exists() else {}
    known = results.get(chosen.size, {"rows": []})["rows"]
    box = machine()
    wanted = [word for word in chosen.peers.split(",") if word]
    asked = [job.strip() for job in chosen.jobs.split(",") if job.strip()]
    for module in MODULES:
        for job in import_module(f"benchmarks.{module}").JOBS:
            if asked and job not in asked:
                continue
            rows = run_job(module, job, chosen.size, chosen.folder, chosen.repeat, wanted)
            # what is measured again replaces what was there, in its place
            at = next((i for i, row in enumerate(known) if row["job"] == job), len(known))
            known = [row for row in known if row["job"] != job]
            known[at:at] = rows
            results[chosen.size] = {"machine": box, "rows": known}
            chosen.results.write_text(json.dumps(results, indent=1), encoding="utf-8")
    print(table(known))
    if chosen.results == HERE / "results.json":
        write_page(results)


if __name__ == "__main__":
    main()
