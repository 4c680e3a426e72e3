"""The library beside its peers, on one workload, in one run."""
