"""Reinforcement learning."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tools.published._cells import final_if, number, read, thin

CURVE_POINTS = 25


def rl_value(folder: Path) -> pl.DataFrame:
    """68 cells of value-based learning: environment steps to a threshold."""
    fits = ("author_fit_loglinear", "author_fit_sum_powerlaw")
    notes = [pl.lit(f"{name}=") + pl.col(name) for name in fits]
    task = pl.col("task").str.replace("|", "-", literal=True).str.replace(" ", "-", literal=True)
    return read(folder).select(
        run=task + "-utd" + pl.col("utd") + "-n" + pl.col("critic_params"),
        family=task,
        observed=pl.lit("2025-08-20"),
        params="critic_params",
        utd="utd",
        width="critic_width",
        metric="env-steps-to-threshold@" + task,
        metric_kind=pl.lit("count"),
        unit=pl.lit("environment steps"),
        value="y",
        value_se="y_std",
        note=pl.concat_str(notes, separator="; ", ignore_nulls=True),
    )


def rl_depth(folder: Path) -> pl.DataFrame:
    """78 curves of contrastive learning with networks of 4 to 1024 layers, thinned."""
    return thin(read(folder), "series", CURVE_POINTS).select(
        run="series",
        family="figure",
        observed=pl.lit("2025-03-19"),
        batch_size="batch_size",
        depth="depth",
        metric="return@" + pl.col("task"),
        metric_kind=pl.lit("return"),
        unit=pl.lit("steps at the goal of 1000"),
        value="y",
        value_se="y_stderr",
        checkpoint=final_if(number("epoch") == number("n_epochs")),
        axis="epoch",
        axis_name=pl.lit("epoch of training"),
    )
