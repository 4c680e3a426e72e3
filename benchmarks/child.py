"""One measurement in a process of its own: load, start the clocks, work, stop, write the answer down."""

import json
import resource
import sys
import time
from importlib import import_module

import numpy as np

from benchmarks.workload import load


def spent():
    """CPU seconds of this process and of the children it has waited for."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    module, job, peer, size, folder, answer = sys.argv[1:]
    _, layers, _, peers = import_module(f"benchmarks.{module}").JOBS[job]
    frames = [load(size, layer, folder) for layer in layers]
    prepared = {}
    run = peers[peer]
    if isinstance(run, tuple):
        before, run = run
        prepared = {"kept": before(*frames)}
    loaded, wall, cpu = peak_mib(), time.perf_counter(), spent()
    result = run(*frames, **prepared)
    told = {"cpu_s": spent() - cpu, "wall_s": time.perf_counter() - wall, "loaded_mib": loaded, "peak_mib": peak_mib()}
    np.save(answer, np.asarray(result, dtype=float))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
