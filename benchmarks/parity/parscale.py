"""Parallel scaling on both corpora."""

from __future__ import annotations

import polars as pl

from benchmarks.parity import Entry, Figure, shared_table
from scaling.fitting.engine import fit
from scaling.laws import get

ALLOWED = {"E": 2e-5, "A": 2e4, "alpha": 2e-5, "k": 2e-5}


def figures() -> list[Figure]:
    """Constants of both corpora."""
    runs = shared_table("parscale").rename({"parallel_streams": "streams"})
    found = []
    for one in get("parallel").published:
        corpus = next(name for name in ("Stack-V2-Python", "Pile") if name in one.data)
        made = fit(runs.filter(pl.col("dataset") == corpus), "parallel").values
        found += [
            Figure(f"{name}, {corpus}", made[name], value, ALLOWED[name], "printed digits")
            for name, value in one.values.items()
        ]
    return found


ENTRIES = (
    Entry(
        "parscale",
        "parallel",
        "parscale",
        "Chen et al. 2025, arXiv:2505.10475",
        figures,
        "published here means the authors' table and form fitted by a second implementation",
        shared="parscale",
    ),
)
