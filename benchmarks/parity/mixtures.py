"""Data mixing: the published predictions of Ye et al., and rank correlation of RegMix."""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.stats import spearmanr

from benchmarks.parity import Entry, Figure, of_metric, shared_table
from scaling.fitting.data import law_inputs
from scaling.fitting.engine import fit

# Tokens after which checkpoints count: the first of each run are of its warm-up.
FIRST = 3e9


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


def with_sizes() -> list[Figure]:
    """Wikipedia's loss of 60 mixtures, fitted to runs of less than 2.7B params: errors in %."""
    table = shared_table("dmsl-mixtures").filter(pl.col("wikipedia_loss").is_not_nan())
    names = [name for name in table.columns if name.startswith("weight_")]
    texts = [pl.format("{}={}", pl.lit(n[7:]), pl.col(n).round(9)) for n in names]
    rows = table.with_columns(mixture=pl.concat_str(texts, separator=";"), loss="wikipedia_loss")
    rows = rows.filter(pl.col("tokens") > FIRST)
    large = pl.col("params") == pl.col("params").max()
    made = fit(rows.filter(~large), "mixture_joint")
    found = []
    for what, part in (
        ("runs fitted", rows.filter(~large)),
        ("2.7B, held out", rows.filter(large)),
    ):
        wrong = made.predict(law_inputs(part, made.law, to_fit=False)) / part["loss"].to_numpy() - 1
        why = "which of its runs the paper's figure is about is not known"
        error = 100 * float(np.mean(np.abs(wrong)))
        found.append(Figure(f"mean relative error, %, Wikipedia, {what}", error, 2.09, 1.5, why))
    return found


ENTRIES = (
    Entry(
        "mixing-sizes",
        "mixture_joint",
        "dmsl-mixtures",
        "Shukor et al. 2025, arXiv:2507.09404",
        with_sizes,
        "checkpoints after the first 3B tokens; that these are the paper's runs is inferred",
        shared="dmsl-mixtures",
    ),
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
