"""
The results as they are kept, and as tables on a page.

    python -m benchmarks.page               writes the page anew from the results
    python -m benchmarks.page other.json    first takes in what was measured elsewhere
"""

import itertools
import json
import math
import sys
from pathlib import Path

from benchmarks.jobs import find_jobs

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PAGE = HERE / "README.md"
SIZES = ("S", "M", "L")
MARK = "<!-- results of {size} -->", "<!-- end of {size} -->"


def read(path=RESULTS):
    """Read what has been measured, by size."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write(results, path=RESULTS):
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def renewed(known, rows):
    """
    Put rows of a job in the place of those they renew.

    A peer that was not measured again keeps its row, with the base of its own run.
    """
    job, fresh = rows[0]["job"], {row["peer"] for row in rows}
    old = [row for row in known if row["job"] == job and row["peer"] not in fresh]
    at = next((i for i, row in enumerate(known) if row["job"] == job), len(known))
    rest = [row for row in known if row["job"] != job]
    return [*rest[:at], *sorted([*rows, *old], key=lambda row: not row["base"]), *rest[at:]]


def table(rows):
    """Write results as a table in Markdown."""
    lines = [
        "| job | peer | CPU s | wall s | times faster (CPU) | peak MiB (of it read) | largest difference | runs |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for _, group in itertools.groupby(rows, key=lambda row: row["job"]):
        lines += _job_lines(list(group))
    return "\n".join(lines)


def _job_lines(rows):
    base = next((row for row in rows if row["base"]), {})
    for number, row in enumerate(rows):
        title = "" if number else row["title"]
        name = f"{row['peer']} (base)" if row["base"] else row["peer"]
        if "cpu_s" not in row:
            yield f"| {title} | {name} | {row['note']} | | | | | |"
            continue
        notes = [row["note"]] if "note" in row else []
        then = row["cpu_s"] * row.get("times_faster", math.nan)
        if then and not math.isnan(then) and not math.isclose(then, base.get("cpu_s", math.nan), rel_tol=1e-9):
            notes.append(f"another run: base {then:.3g} s")
        if not row["base"] and "cpu_s" not in base and row.get("against", row["peer"]) != row["peer"]:
            notes.append(f"compared with {row['against']}")
        note = f" ({'; '.join(notes)})" if notes else ""
        faster = f"{row['times_faster']:.3g}" if "times_faster" in row else ""
        yield (
            f"| {title} | {name}{note} | {row['cpu_s']:.3g} | {row['wall_s']:.3g} | {faster} "
            f"| {row['peak_mib']:.0f} ({row['loaded_mib']:.0f}) | {row['difference']:.1e} | {row['runs']} |"
        )


def machine_words(box):
    """Say on what was measured, in one sentence."""
    libraries = ", ".join(f"{name} {number}" for name, number in box["versions"].items())
    where = f"{box['processor']}, {box['cores']} cores, {box['memory_gib']} GiB, {box['system']}"
    what = f"Python {box['python']}, GEOS {box['GEOS']}, {libraries}"
    return f"{where}; {what}. Last measured {box['day']}, load {box['load_at_start']} at the start."


def filled(text, results):
    """Put every size that has been measured into a page, between its marks."""
    for size, told in results.items():
        start, end = (mark.format(size=size) for mark in MARK)
        if start not in text or end not in text:
            message = f"the page has no place for {size}: it needs the lines {start} and {end}"
            raise ValueError(message)
        before, _, rest = text.partition(start)
        after = rest.partition(end)[2]
        text = f"{before}{start}\n\n{machine_words(told['machine'])}\n\n{table(told['rows'])}\n\n{end}{after}"
    return text


def write_page(results, page=PAGE):
    page.write_text(filled(page.read_text(encoding="utf-8"), results), encoding="utf-8")


def taken_in(results, others):
    """Put the rows of other results in the place of those of the same job and peer."""
    merged = dict(results)
    for size, told in others.items():
        rows = merged.get(size, {"rows": []})["rows"]
        for _, group in itertools.groupby(told["rows"], key=lambda row: row["job"]):
            rows = renewed(rows, list(group))
        merged[size] = {"machine": told["machine"], "rows": rows}
    return merged


def weeded(results, jobs):
    """Leave out rows of jobs and peers that are no more."""
    return {
        size: told
        | {"rows": [row for row in told["rows"] if row["job"] in jobs and row["peer"] in jobs[row["job"]].peers]}
        for size, told in results.items()
    }


if __name__ == "__main__":
    gathered = read()
    for other in sys.argv[1:]:
        gathered = taken_in(gathered, read(Path(other)))
    gathered = weeded(gathered, find_jobs())
    write(gathered)
    write_page(gathered)
