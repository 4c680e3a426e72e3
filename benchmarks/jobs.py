"""
What is measured: jobs, each with the peers that can do it.

A module of benchmarks may bring jobs, ``JOBS = {job: (title, layers, base, {peer: run})}``, and peers for the jobs of
others, ``PEERS = {job: {peer: run}}``. A run takes the layers, already read, and gives its answer as one array of
numbers, so that answers can be compared; ``(before, run)`` prepares something before the clock starts, which the run
gets as ``kept``. ``missing()`` names the peers that cannot be measured here, and why; ``SAMPLED`` those that are asked
for some rows only, and for how many.
"""

import dataclasses
from collections.abc import Mapping
from importlib import import_module

MODULES = (
    "benchmarks.bench_sites",
    "benchmarks.bench_checks",
    "benchmarks.bench_conflicts",
    "benchmarks.bench_restoration",
    "benchmarks.bench_quality",
    "benchmarks.bench_rasters",
    "benchmarks.bench_peers",
    "benchmarks.bench_postgis",
)


@dataclasses.dataclass(frozen=True)
class Job:
    """One question, and the module of every peer that can answer it."""

    title: str
    layers: tuple[str, ...]
    base: str
    peers: Mapping[str, str]
    missing: Mapping[str, str]
    sampled: Mapping[str, int]


def runs_of(module, job):
    """Give what one module runs for a job, by peer."""
    described = import_module(module)
    own = getattr(described, "JOBS", {}).get(job, ("", (), "", {}))[3]
    return dict(own) | getattr(described, "PEERS", {}).get(job, {})


def find_jobs(modules=MODULES):
    """
    Bring the jobs of all modules together, in their order.

    Raises
    ------
    ValueError
        A module has a peer for a job that nobody brings, or two bring the same.
    """
    described = {name: import_module(name) for name in modules}
    missing, sampled = {}, {}
    for module in described.values():
        missing |= module.missing() if hasattr(module, "missing") else {}
        sampled |= getattr(module, "SAMPLED", {})
    jobs = {}
    known = {name for module in described.values() for name in getattr(module, "JOBS", {})}
    for where, module in described.items():
        if lost := set(getattr(module, "PEERS", {})) - known:
            message = f"{where} has peers for {', '.join(sorted(lost))}, which no module brings as a job"
            raise ValueError(message)
    for module in described.values():
        for name, (title, layers, base, _) in getattr(module, "JOBS", {}).items():
            every = [(peer, where) for where in described for peer in runs_of(where, name)]
            peers = dict(every)
            if name in jobs or len(peers) < len(every):
                message = f"job {name!r}, or a peer of it, is brought twice: {every}"
                raise ValueError(message)
            jobs[name] = Job(
                title,
                tuple(layers),
                base,
                peers,
                {peer: why for peer, why in missing.items() if peer in peers},
                {peer: rows for (job, peer), rows in sampled.items() if job == name},
            )
    return jobs
