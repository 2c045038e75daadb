"""Principal components of benchmark scores."""

from __future__ import annotations

import polars as pl

from benchmarks.parity import Entry, Figure, published
from scaling.laws.observational import components

BENCHMARKS = (
    "MMLU",
    "ARC-C",
    "HellaSwag",
    "Winograd",
    "TruthfulQA",
    "XWinograd",
    "HumanEval",
    "GSM8K",
)


def figures() -> list[Figure]:
    """Shares of the variance over 148 base models and eight benchmarks."""
    rows = published("obs-scaling").filter(pl.col("series") == "base")
    rows = rows.with_columns(name=pl.col("metric").str.split("@").list.last())
    wide = rows.filter(pl.col("name").is_in(BENCHMARKS)).pivot(
        on="name", index="run", values="value", aggregate_function="first"
    )
    filled = wide.select(pl.col(BENCHMARKS).fill_null(pl.col(BENCHMARKS).mean()))
    _, _, share = components(filled.to_numpy())
    why = "the paper's figure is read in a secondary source, rounded, on another list of models"
    return [
        Figure("share of the first component", float(share[0]), 0.80, 0.04, why),
        Figure("share of the first three", float(share[:3].sum()), 0.97, 0.005, why),
    ]


ENTRIES = (
    Entry(
        "observational",
        "observational",
        "obs-scaling",
        "Ruan et al. 2024, arXiv:2405.10938",
        figures,
        "centred, not scaled, empty scores at the benchmark's mean",
    ),
)
