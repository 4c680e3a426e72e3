"""
One measurement in a process of its own: load, start the clocks, work, stop, write the answer down.

What a peer prepares before the clock may be a context manager, for a server that must be stopped again. It may tell
what it spends outside this process by ``spent()`` [CPU s], and the memory it takes there by ``peak_mib()``.
"""

import contextlib
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.jobs import runs_of
from benchmarks.workload import load

STATUS = Path("/proc/self/status")
MIB = 2**20 if sys.platform == "darwin" else 2**10  # of ru_maxrss


def spent(kept=None):
    """CPU seconds of all threads, of the children waited for, and of what a peer runs elsewhere."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    own = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    return own + (kept.spent() if hasattr(kept, "spent") else 0.0)


def peak_mib(kept=None):
    """Most memory this process had, or what a peer runs elsewhere, whichever is more."""
    if STATUS.exists():
        # ru_maxrss begins with the memory of the process it was started from
        own = int(STATUS.read_text(encoding="utf-8").partition("VmHWM:")[2].split()[0]) / 1024
    else:
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / MIB
    return max(own, children, kept.peak_mib() if hasattr(kept, "peak_mib") else 0.0)


def main():
    module, job, peer, layers, size, folder, answer = sys.argv[1:]
    run = runs_of(module, job)[peer]
    frames = [load(size, layer, folder) for layer in layers.split(",")]
    with contextlib.ExitStack() as stack:
        prepared, kept = {}, None
        if isinstance(run, tuple):
            before, run = run
            kept = before(*frames)
            if hasattr(kept, "__enter__"):
                kept = stack.enter_context(kept)
            prepared = {"kept": kept}
        loaded, wall, cpu = peak_mib(), time.perf_counter(), spent(kept)
        result = np.asarray(run(*frames, **prepared), dtype=float)
        told = {"cpu_s": spent(kept) - cpu, "wall_s": time.perf_counter() - wall}
        told |= {"loaded_mib": loaded, "peak_mib": peak_mib(kept)}
    np.save(answer, result)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
