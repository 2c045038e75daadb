"""The OLMo 2 model ladder: small runs that are to forecast the tasks of a large one."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tools.published._cells import Metric, final_if, flags, long, number, read, thin, unless_zero

CURVE_POINTS = 24
# Sizes and token multiples that Bhagia et al. fit; the reruns of 1xC are not among them.
FITTED_SIZES = ["190M", "370M", "760M", "1B"]
FITTED_MULTIPLES = ["1xC", "2xC", "5xC", "10xC"]
# What upstream says of the schedule of the larger models.
SCHEDULE = {"4T(annealed)": "yes", "4T(pre-anneal)": "no"}


def olmo_ladder(folder: Path) -> pl.DataFrame:
    """34 ends with losses, bits per byte and accuracies, and the thinned curve of one loss."""
    ends = read(folder)
    ladder = pl.col("family") == "olmo-ladder"
    fitted = pl.col("size").is_in(FITTED_SIZES) & pl.col("multiple").is_in(FITTED_MULTIPLES)
    scheduled = pl.col("multiple").replace_strict(SCHEDULE, default=None, return_dtype=pl.String)
    runs = ends.with_columns(
        run="run_id",
        series="multiple",
        observed=pl.lit("2024-12-05"),
        params=pl.lit(None, dtype=pl.String),
        params_non_embedding="params",
        flops_method=pl.lit("counted"),
        batch_tokens="batch_size_tokens",
        lr="peak_lr",
        schedule_complete=pl.when(ladder).then(pl.lit("yes")).otherwise(scheduled),
        checkpoint=final_if(ladder | ~pl.col("multiple").is_in(["4T(pre-anneal)", "2T-medlr"])),
        training_data="dataset",
        flags=flags({"in_paper_fit": fitted & (pl.col("rerun") == "0")}),
    )
    return pl.concat([long(runs, _metrics(ends)), _curves(folder, runs)], how="diagonal")


def _metrics(ends: pl.DataFrame) -> list[Metric]:
    """Cross-entropies, bits per byte and accuracies, by the endings of upstream's columns."""
    found = [
        Metric("loss", "loss@c4-en", "loss", "nats/token", "c4-en"),
        Metric("loss_c4_avg_last5", "loss@c4-en-avg5", "loss", "nats/token", "c4-en"),
    ]
    for column in ends.columns:
        name = column.split(".")[-1]
        if column.endswith("-validation_ce"):
            data = name.removesuffix("-validation_ce")
            found.append(Metric(column, f"loss@{data}", "loss", "nats/token", data))
        elif column.startswith("downstream_bpb."):
            task = name.removesuffix("_bpb")
            label = f"bits_per_byte@{task}"
            found.append(Metric(column, label, "bits_per_byte", "bits/byte", task))
        elif column.startswith("downstream."):
            found.append(Metric(column, f"accuracy@{name}", "accuracy", "fraction", name))
    return found


def _curves(folder: Path, runs: pl.DataFrame) -> pl.DataFrame:
    """The loss on C4 along training, without its last point, which is the end of the run."""
    last = pl.int_range(pl.len()).over("run_id") == pl.len().over("run_id") - 1
    kept = read(folder, "curves").filter(~last & (number("tokens") > 0))
    shared = ["run_id", "family", "series", "batch_tokens", "training_data"]
    return (
        thin(kept, "run_id", CURVE_POINTS)
        .join(runs.select(shared), on="run_id", how="left", maintain_order="left")
        .with_columns(
            run="run_id",
            observed=pl.lit("2024-12-05"),
            params=pl.lit(None, dtype=pl.String),
            params_non_embedding="params",
            tokens=unless_zero("tokens"),
            metric=pl.lit("loss@c4-en"),
            metric_kind=pl.lit("loss"),
            dataset=pl.lit("c4-en"),
            unit=pl.lit("nats/token"),
            value="c4_ce",
            checkpoint=pl.lit("intermediate"),
            origin=pl.lit("training log"),
        )
        .drop("lr")
    )
