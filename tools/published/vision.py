"""Image classifiers."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tools.published._cells import flags, read


def timm_zoo(folder: Path) -> pl.DataFrame:
    """1,556 evaluations of timm's models on six test sets."""
    return read(folder, "models").select(
        run="model",
        observed=pl.lit("2026-08-31"),
        params="params",
        gmacs="gmacs_default_res",
        metric="accuracy@" + pl.col("task"),
        metric_kind=pl.lit("accuracy"),
        unit=pl.lit("percent"),
        value="y",
        axis="img_size",
        axis_name=pl.lit("pixels"),
    )


def vision_nfnet(folder: Path) -> pl.DataFrame:
    """26 NFNets pre-trained on JFT-4B: ImageNet error against hours of pre-training."""
    return read(folder).select(
        run=pl.col("series") + "@" + pl.col("x"),
        family="series",
        observed=pl.lit("2023-10-25"),
        metric=pl.lit("error@imagenet"),
        metric_kind=pl.lit("error"),
        dataset=pl.lit("imagenet"),
        unit=pl.lit("percent"),
        value="y",
        checkpoint=pl.lit("final"),
        axis="x",
        axis_name=pl.lit("TPU-v4 core-hours of pre-training"),
        training_data=pl.lit("JFT-4B"),
        origin=pl.lit("digitised figure"),
        flags=flags({"suspect": pl.col("suspect") == "True"}),
    )
