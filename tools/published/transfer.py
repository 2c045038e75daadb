"""Pre-trained models that are adapted to a task with more and more examples."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tools.published._cells import flags, look_up, read

# A third metric, mean average precision, is left out for its size.
CHERTI_KINDS = {"test/acc": "accuracy", "test/mean_auc": "score"}
CHERTI_NAMES = {"test/acc": "accuracy", "test/mean_auc": "auc"}


def finetune_rectified(folder: Path) -> pl.DataFrame:
    """30 models fine-tuned on 15 sizes of three tasks."""
    switch = pl.col("architecture").str.starts_with("google/switch")
    return read(folder).select(
        run="run_id",
        parent="architecture",
        family="family",
        observed=pl.lit("2024-02-04"),
        params="params",
        examples="finetune_examples",
        metric="loss@" + pl.col("dataset") + "-test",
        metric_kind=pl.lit("loss"),
        dataset=pl.col("dataset") + "-test",
        unit=pl.lit("nats/token"),
        value="loss",
        checkpoint=pl.lit("final"),
        training_data="dataset",
        flags=flags({"copied_value": pl.col("loss").is_duplicated(), "routed_total": switch}),
    )


def transfer_cherti(folder: Path) -> pl.DataFrame:
    """Two ResNets by nine pre-training sets, moved to seven tasks with few shots and all."""
    name = look_up(pl.col("y_name"), CHERTI_NAMES)
    parent = pl.col("pretrain_data") + "_" + pl.col("arch")
    shots = pl.col("shots").str.strip_suffix("_shot")
    table = read(folder).filter(pl.col("y_name").is_in(list(CHERTI_KINDS)))
    return table.select(
        run=parent + "|" + pl.col("task") + "|" + shots + "|" + pl.col("seed"),
        parent=parent,
        seed="seed",
        observed=pl.lit("2021-05-31"),
        params="params_approx",
        shots="n_shot",
        metric=name + "@" + pl.col("task"),
        metric_kind=look_up(pl.col("y_name"), CHERTI_KINDS),
        unit=pl.lit("fraction"),
        value="y",
        checkpoint=pl.lit("final"),
        training_data="pretrain_data",
    )
