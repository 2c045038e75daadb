"""The version of the package, in a file of its own: no stage depends on it, so that a release makes
stale what its code changed and nothing else."""

__version__ = "0.2.0"
