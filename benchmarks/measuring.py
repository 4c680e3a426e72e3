"""One job, measured: every peer in turn, in processes of their own, with answers compared."""

import contextlib
import datetime as dt
import json
import os
import platform
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
# what takes longer is measured once
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
    "rasterio",
    "exactextract",
    "rasterstats",
)


def describe_machine():
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
    import shapely  # noqa: PLC0415 - only for its version

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
        "day": today(),
        "versions": versions,
    }


def today():
    return dt.datetime.now(tz=dt.UTC).date().isoformat()


def spent_by_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run_child(arguments, limit):
    """Run a child to its end, or stop it, so that it can stop what it has started."""
    before = spent_by_children()
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as child:
        try:
            said, complaint = child.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGINT)
            try:
                child.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                child.kill()
                child.communicate()
            return {"failed": f"stopped after {limit:g} s ({spent_by_children() - before:.0f} s of CPU)"}
    if child.returncode:
        last = next((line.strip() for line in reversed(complaint.splitlines()) if line.strip()), "")
        ended = f"ended by signal {-child.returncode}" if child.returncode < 0 else f"exit {child.returncode}"
        return {"failed": (last or ended)[:200].replace("|", "/")}
    return json.loads(said.splitlines()[-1])


def agreement(ours, base, *, sampled=False):
    """
    Give the largest difference of two answers, relative to the number or to a millionth of the largest one.

    Infinite where the answers are not of one shape, or one lacks a number it was asked for.
    """
    if ours.shape != base.shape or not (sampled or np.isfinite(ours).all()):
        return float("inf")
    known = np.isfinite(base) & np.isfinite(ours)
    if not known.any():
        return float("nan")
    scale = np.maximum(np.abs(base[known]), np.abs(base[known]).max() * 1e-6)
    return float((np.abs(ours[known] - base[known]) / np.where(scale > 0, scale, 1)).max())


def scaled(measured, asked, rows):
    """Scale what was measured for some rows to all of them, and say so."""
    if asked >= rows:
        return measured
    whole = measured | {key: measured[key] * rows / asked for key in ("cpu_s", "wall_s")}
    return whole | {"note": f"from {asked} of {rows}, scaled"}


def run_job(name, job, size, folder, *, repeat=3, wanted=(), limit=900.0, with_base=True):
    """Measure the peers of a job turn about, and give a row for each: medians, or why there are none."""
    chosen = [peer for peer in job.peers if peer == job.base or not wanted or any(word in peer for word in wanted)]
    failed = {peer: why for peer, why in job.missing.items() if peer in chosen}
    if not with_base:
        failed[job.base] = "left out: it would take too long"
    runs, answers = {peer: [] for peer in chosen}, {}
    with tempfile.TemporaryDirectory() as place:
        answer = Path(place) / "answer.npy"
        for turn in range(repeat):
            for peer in chosen:
                if peer in failed or (turn and runs[peer][0]["cpu_s"] > LONG_S):
                    continue
                layers = ",".join(job.layers)
                asked = [job.peers[peer], name, peer, layers, size, str(folder), str(answer)]
                measured = run_child(["-m", "benchmarks.child", *asked], limit)
                print(f"  {name}: {peer}: {measured}", file=sys.stderr, flush=True)
                if "failed" in measured:
                    failed[peer] = measured["failed"]
                else:
                    runs[peer].append(measured)
                    answers[peer] = np.load(answer)
    # where the base did not come to its end, the others are compared among themselves
    against = next((peer for peer in (job.base, *chosen) if peer in answers and peer not in failed), None)
    rows = []
    for peer in chosen:
        row = {"job": name, "title": job.title, "peer": peer, "base": peer == job.base, "layers": list(job.layers)}
        row |= {"day": today(), "runs": len(runs[peer])}
        if peer in failed:
            rows.append(row | {"note": failed[peer]})
            continue
        answer, sampled = answers[peer], peer in job.sampled
        row |= {key: statistics.median(run[key] for run in runs[peer]) for key in runs[peer][0]}
        row |= {"answers": len(answer), "total": float(np.nansum(answer)), "against": against}
        row |= {"difference": agreement(answer, answers[against], sampled=sampled)}
        rows.append(scaled(row, job.sampled[peer], len(answer)) if sampled else row)
    first = next(row for row in rows if row["base"])
    for row in rows:
        if "cpu_s" in row and "cpu_s" in first:
            row["times_faster"] = first["cpu_s"] / row["cpu_s"]
    return rows
