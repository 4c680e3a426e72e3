"""
The library beside its peers, on one workload, in one run.

    python -m benchmarks --size S
    python -m benchmarks --size M --jobs "red area,nearest" --peers "ecozones,DuckDB" --repeat 3

Each measurement has a process of its own, with the layers read and the libraries loaded before the clocks start. CPU
seconds count every thread and child, so neighbours on the machine hardly matter; wall seconds are told beside. Runs of
the peers are interleaved and the median is shown. A base that takes more than two minutes is measured once. The answers
are compared number by number with the base's, and the largest difference stands beside the ratio. A peer that is not
installed, fails, or is stopped keeps its row, with the reason.
"""

import argparse
from pathlib import Path

from benchmarks import page
from benchmarks.jobs import find_jobs
from benchmarks.measuring import describe_machine, run_job
from benchmarks.workload import SIZES


def words(text):
    return [word.strip() for word in text.split(",") if word.strip()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=list(SIZES), default="S")
    parser.add_argument("--jobs", type=words, default=[], help="some jobs only, by name, separated by commas")
    parser.add_argument(
        "--peers", type=words, default=[], help="some peers only, by a part of their name; the base always"
    )
    parser.add_argument("--no-base", action="store_true", help="leave the base out, where it would take hours")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--limit", type=float, default=900, help="stop a measurement after so many seconds")
    parser.add_argument("--folder", type=Path, default=page.HERE / "data", help="where the workload is drawn")
    parser.add_argument("--results", type=Path, default=page.RESULTS)
    chosen = parser.parse_args()
    jobs = find_jobs()
    if unknown := set(chosen.jobs) - set(jobs):
        parser.error(f"no such job: {', '.join(sorted(unknown))}; there are {', '.join(jobs)}")
    results, box = page.read(chosen.results), describe_machine()
    rows = results.get(chosen.size, {"rows": []})["rows"]
    for name in chosen.jobs or jobs:
        measured = run_job(
            name,
            jobs[name],
            chosen.size,
            chosen.folder,
            repeat=chosen.repeat,
            wanted=chosen.peers,
            limit=chosen.limit,
            with_base=not chosen.no_base,
        )
        rows = page.renewed(rows, measured)
        # kept after every job: a run that is broken off loses nothing
        results[chosen.size] = {"machine": box, "rows": rows}
        page.write(results, chosen.results)
    print(page.table(rows))
    if chosen.results == page.RESULTS:
        page.write_page(results)


if __name__ == "__main__":
    main()
