"""Language models that differ in what they were trained on."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tools.published._cells import Metric, flags, long, read

# Losses that are kept of the 13: the target of the paper and three unlike domains.
REGMIX_DOMAINS = ("pile_cc", "wikipedia_en", "github", "arxiv")
# Tasks of which another count of shots is kept.
DCLM_LEFT_OUT = ("acc_mmlu_zeroshot", "acc_hellaswag_zeroshot")


def dclm_downstream(folder: Path) -> pl.DataFrame:
    """416 models on data sets of DCLM: two aggregates and 13 task accuracies."""
    table = read(folder)
    scores = [c for c in table.columns if c.startswith("acc_")]
    learning_rate = pl.col("run_id").str.extract(r"-lr=(\d+p\d+)").str.replace("p", ".")
    runs = table.with_columns(
        # Upstream's names are longer than 100 letters; model and moment of evaluation are unique.
        run=pl.col("architecture") + "@" + pl.col("date"),
        seed=pl.col("run_id").str.extract(r"-seed=(\d+)"),
        observed=pl.col("date").str.head(10).str.replace_all("_", "-"),
        lr=learning_rate,
        checkpoint=pl.lit("final"),
        training_data="dataset",
        flags=flags({"same_scores": pl.struct(scores).is_duplicated()}),
    ).drop("family", "flops")
    means = [
        Metric(f"acc_{name}", f"score@{name}", "score", "centred accuracy")
        for name in ("core", "extended")
    ]
    apart = ("acc_core", "acc_extended", *DCLM_LEFT_OUT)
    tasks = [c.removeprefix("acc_") for c in scores if c not in apart]
    metrics = [Metric(f"acc_{task}", f"accuracy@{task}", "accuracy", "fraction") for task in tasks]
    return long(runs, means + metrics)


def regmix(folder: Path) -> pl.DataFrame:
    """1088 runs on mixtures of the Pile: four of their 13 validation losses."""
    table = read(folder)
    prefix = "train_the_pile_"
    shares = [c for c in table.columns if c.startswith(prefix)]
    words = [
        pl.when(pl.col(c) != "0.0").then(pl.lit(f"{c.removeprefix(prefix)}=") + pl.col(c))
        for c in shares
    ]
    train = pl.col("family").str.ends_with("-train")
    kind = pl.when(train).then(pl.lit("train")).otherwise(pl.lit("test"))
    large = pl.col("family") == "regmix-1B-test"
    runs = table.with_columns(
        run=pl.col("run_id").str.strip_prefix("regmix-"),
        # The 1B models have test mixtures of their own.
        series=pl.when(large).then(pl.lit("test-1B-")).otherwise(kind + "-") + pl.col("index"),
        observed=pl.lit("2024-07-01"),
        mixture=pl.concat_str(words, separator=";", ignore_nulls=True),
        checkpoint=pl.lit("final"),
        split=kind,
    ).drop("family")
    metrics = [
        Metric(f"metric/the_pile_{name}_val_loss", f"loss@pile-{name}", "loss", "nats/token")
        for name in REGMIX_DOMAINS
    ]
    return long(runs, metrics)
