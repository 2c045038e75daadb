"""CLIP: zero-shot error against compute, by the least error in bins of compute."""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.parity import Entry, Figure, shared_table
from scaling.fitting.engine import fit
from scaling.fitting.solver.objective import Objective

# Task, metric, exponent of the LAION runs and of the three OpenAI models.
PRINTED = (
    ("imagenet1k", "acc1", -0.111, -0.164),
    ("imagenet_robustness", "acc1", -0.126, -0.238),
    ("mscoco_captions", "image_retrieval_recall@5", -0.079, -0.051),
    ("flickr30k", "image_retrieval_recall@5", -0.189, -0.103),
)
BINS = 5


def frontier(rows: pl.DataFrame) -> pl.DataFrame:
    """The run of least error in each of five bins, even in log compute."""
    logs = np.log(rows["compute_gmac"].to_numpy())
    edges = np.linspace(logs.min(), logs.max(), BINS + 1)[1:-1]
    return (
        rows.with_columns(bin=pl.Series(np.digitize(logs, edges)))
        .sort("error")
        .group_by("bin", maintain_order=True)
        .first()
    )


def figures() -> list[Figure]:
    """Exponents of eight power laws without a floor."""
    table = shared_table("openclip").drop_nulls(["compute_gmac", "error"])
    found = []
    for task, metric, ours, openai in PRINTED:
        rows = table.filter((pl.col("task") == task) & (pl.col("y_name") == metric))
        for name, value, allowed in (("OpenCLIP", ours, 2e-3), ("OpenAI-CLIP", openai, 6e-4)):
            part = rows.filter(pl.col("series") == name)
            part = frontier(part) if name == "OpenCLIP" else part
            made = fit(
                part,
                "power_bare",
                target="error",
                inputs={"x": "compute_gmac"},
                objective=Objective("least_squares"),
            )
            why = "edges of the bins are not printed" if name == "OpenCLIP" else "rounding"
            what = f"exponent, {task}, {name}"
            found.append(Figure(what, made.values["c"], value, allowed, why))
    return found


ENTRIES = (
    Entry(
        "openclip",
        "power_bare",
        "openclip",
        "Cherti et al. 2022, arXiv:2212.07143, figure 1",
        figures,
        shared="openclip",
    ),
)
