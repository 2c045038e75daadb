"""Llama 3's token law from the digitised isoFLOP curves."""

from __future__ import annotations

import polars as pl

from benchmarks.parity import Entry, Figure, of_metric
from scaling.fitting.engine import fit

BUDGET = 3.8e25


def figures() -> list[Figure]:
    """D* = A C^alpha, and what it says for the Llama 3 budget."""
    runs = of_metric("llama3-isoflops", "loss@llama3-validation")
    made = fit(runs, "isoflop").values
    alpha, level = 1.0 - made["a"], 1.0 / (6.0 * made["G"])
    params = made["G"] * BUDGET ** made["a"]
    read = "points read off a chart"
    clean = runs.filter(pl.col("flags").is_null())
    without = 1.0 - fit(clean, "isoflop").values["a"]
    return [
        Figure("alpha of D* = A C^alpha", alpha, 0.537, 0.001, read),
        Figure("A of D* = A C^alpha", level, 0.299, 0.002, read),
        Figure("D* at 3.8e25 FLOP, tokens", BUDGET / 6.0 / params, 16.55e12, 0.6e12, read),
        Figure("N* at 3.8e25 FLOP, params", params, 402e9, 12e9, read),
        Figure("alpha without flagged points", without, 0.500, 0.01, "the headline is fragile"),
    ]


ENTRIES = (
    Entry(
        "llama3",
        "isoflop",
        "llama3-isoflops",
        "Llama team 2024, arXiv:2407.21783, section 3.2.1",
        figures,
        "leaving out the points with quality flags takes .537 to .500: 9.8T tokens, not 16T",
    ),
)
