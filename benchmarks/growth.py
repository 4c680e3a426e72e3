"""
How cost grows: CPU seconds against pairs that truly meet, in the three sizes, as a picture drawn from the results.

    python -m benchmarks.growth docs/_static/growth.svg
"""

import json
import math
import sys
from pathlib import Path

from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from benchmarks import page

PROVINCE = Path(__file__).with_name("province.json")
# a site meets a line once or not: the same for every peer, and counted by the job that asks only that
PAIRS = {"red area": "red yes", "farm area": "farm yes"}
TITLES = {"red area": "sites × red line", "farm area": "sites × farmland"}
# what was measured on a sample stands where the whole was not measured
SAMPLES = {"geopandas.overlay, some sites": "geopandas.overlay"}
# colours that stay apart for most eyes, on white and in print
LOOKS = {
    "geopandas.overlay": ("#b35806", "o"),
    "DuckDB spatial": ("#998ec3", "D"),
    "SedonaDB": ("#d8a200", "v"),
    "PostGIS, ST_Subdivide(256)": ("#7f7f7f", "^"),
    "ecozones": ("#1f5a8c", "s"),
    "ecozones[fast]": ("#1b7837", "P"),
}
WHOLE = "sites × three lines, files to files"
STYLE = {"font.family": "sans-serif", "font.size": 9.0, "svg.fonttype": "none", "svg.hashsalt": "ecozones"}


def met_pairs(rows, job):
    """Count the pairs that truly meet, from any peer that said so for all rows."""
    told = [row for row in rows if row["job"] == PAIRS[job] and "total" in row and "note" not in row]
    return told[0]["total"] if told else None


def points(results, job):
    """Give (pairs, CPU seconds, scaled from a sample?) by peer, for the sizes in which both are known."""
    found = {}
    for size in page.SIZES:
        rows = results.get(size, {"rows": []})["rows"]
        pairs = met_pairs(rows, job)
        for row in rows:
            if row["job"] == job and "cpu_s" in row and pairs:
                found.setdefault(row["peer"], {})[size] = pairs, row["cpu_s"], "note" in row
    for sample, whole in SAMPLES.items():
        found[whole] = found.pop(sample, {}) | found.get(whole, {})
    return {peer: [by[size] for size in page.SIZES if size in by] for peer, by in found.items() if by}


def whole_checks(told):
    """Give what `points` gives of checks from end to end, and the most memory that each took [MiB]."""
    rows = [told["sizes"][size]["check"] for size in page.SIZES if size in told["sizes"]]
    return [(row["pairs"], row["cpu_s"], False) for row in rows], [row["peak_mib"] for row in rows]


def slope(line):
    """Give the power that the cost grows with between the two largest sizes, where what any size costs is little."""
    (few, little, _), (many, much, _) = line[-2:]
    return math.log(much / little) / math.log(many / few)


def _panel(axes, lines, title):
    for peer in [peer for peer in LOOKS if peer in lines]:
        line, (color, marker) = lines[peer], LOOKS[peer]
        x, y = [point[0] for point in line], [point[1] for point in line]
        label = f"{peer}: pairs$^{{{slope(line):.2f}}}$" if len(line) > 1 else peer
        axes.loglog(x, y, color=color, linewidth=1.6, label=label)
        for pairs, seconds, sampled in line:
            axes.plot(pairs, seconds, marker, color=color, markersize=6, markerfacecolor="white" if sampled else color)
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_xlabel("pairs that meet")
    axes.grid(visible=True, which="major", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if lines:
        axes.legend(frameon=False, fontsize=8, loc="upper left")


def draw(results, province, picture):
    """Draw both joins and the whole check side by side; what is hollow was measured on a sample."""
    with rc_context(STYLE):
        figure = Figure(figsize=(12.0, 4.2), layout="constrained", facecolor="white")
        panels = figure.subplots(1, 3, sharey=True)
        for axes, job in zip(panels, PAIRS, strict=False):
            _panel(axes, points(results, job), TITLES[job])
        line, memory = whole_checks(province)
        _panel(panels[2], {"ecozones": line} if line else {}, WHOLE)
        for (pairs, seconds, _), peak in zip(line, memory, strict=True):
            # below the first sign, left of the others: the axis and the frame are near
            place, side = ((4, -14), "left") if (pairs, seconds) == line[0][:2] else ((-8, 6), "right")
            panels[2].annotate(f"{peak:,} MiB", (pairs, seconds), place, textcoords="offset points", ha=side)
        panels[0].set_ylabel("CPU seconds")
        FigureCanvasSVG(figure).print_svg(picture, metadata={"Date": None})


if __name__ == "__main__":
    draw(page.read(), json.loads(PROVINCE.read_text(encoding="utf-8")), sys.argv[1])
