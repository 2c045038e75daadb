"""Published figures against ours. The folder is the registry: every file that does not start with
'_' has ``ENTRIES``. `python -m benchmarks.parity` writes docs/parity.md;
tests/contract/test_parity.py holds
every figure within its tolerance."""

from benchmarks.parity._entry import Entry, Figure, load, of_metric, published, shared_table

__all__ = ["Entry", "Figure", "load", "of_metric", "published", "shared_table"]
