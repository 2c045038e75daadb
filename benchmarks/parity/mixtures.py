"""Data mixing: the published predictions of Ye et al., and rank correlation of RegMix."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.stats import spearmanr

from benchmarks.parity import Entry, Figure, of_metric, shared_table
from scaling.fitting.data import law_inputs
from scaling.fitting.engine import fit


def ye() -> list[Figure]:
    """Their published predictions against what their runs gave."""
    table = shared_table("data-mixing", "published_RPJ_predictions.csv")
    apart = float(np.mean(np.abs(table["v0"].to_numpy() - table["v1"].to_numpy())))
    return [Figure("mean difference of the published predictions", apart, 0.0093, 5e-5, "rounding")]


def regmix() -> list[Figure]:
    """Fitted to 512 runs of 1M params, ranked against runs of 1M, 60M and 1B."""
    rows = of_metric("regmix", "loss@pile-pile_cc")
    made = fit(rows.filter(pl.col("split") == "train"), "mixture_linear")
    found = []
    for what, size, value in (("1M", 1e6, 0.90), ("60M", 6e7, 0.89), ("1B", 1e9, 0.88)):
        test = rows.filter((pl.col("split") == "test") & (pl.col("params") == size))
        rank = spearmanr(
            made.predict(law_inputs(test, made.law, to_fit=False)), test["loss"].to_numpy()
        )
        why = "last digit of an independent regression; the paper's own is quoted from memory"
        found.append(Figure(f"rank correlation at {what}", float(rank.statistic), value, 0.01, why))
    return found


ENTRIES = (
    Entry(
        "mixing-ye",
        "mixture_exponential",
        "data-mixing",
        "Ye et al. 2024, arXiv:2403.16952",
        ye,
        "of their whole chain (mixture, steps, size); one law of mixtures is what is here",
        shared="data-mixing",
    ),
    Entry(
        "regmix",
        "mixture_linear",
        "regmix",
        "Liu et al. 2024, arXiv:2407.01492",
        regmix,
        "the paper reports about .97 for boosted trees, which are not here",
    ),
)
