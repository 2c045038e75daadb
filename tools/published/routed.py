"""Routed (mixture-of-experts) language models."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tools.published._cells import final_if, flags, number, read

# Curves keep every fifth evaluation.
CURVE_STEPS = ["50000", "100000", "150000", "200000"]
LOSSES = {
    "loss": "massivetext",
    "loss_c4": "c4",
    "loss_curation_corpus": "curation-corpus",
    "loss_lambada": "lambada",
    "loss_pile": "pile",
    "loss_wikitext103": "wikitext103",
}


def clark_routing(folder: Path) -> pl.DataFrame:
    """223 runs: six losses at the end, and a thinned curve of the first of them."""
    ends = read(folder)
    curves = read(folder, "curves_all_steps")
    kept = pl.col("step").is_in(CURVE_STEPS) | pl.col("loss").is_null()
    named = ["router_type", "experts", "k", "routing_frequency", "flop_increase", "d_model"]
    named += ["num_blocks", "num_heads", "kqv_size", "seed"]
    twins = ends.filter(pl.struct(named).is_duplicated())["run_id"]
    table = pl.concat([ends, curves.filter(kept & (pl.col("is_final") == "0"))])
    runs = _runs(table, twins)
    final = runs.filter(pl.col("checkpoint") == "final")
    parts = [_loss(final, column) for column in LOSSES]
    return pl.concat([*parts, _loss(runs.filter(pl.col("checkpoint") == "intermediate"), "loss")])


def _runs(table: pl.DataFrame, twins: pl.Series) -> pl.DataFrame:
    fitted = (pl.col("k") == "1") & (pl.col("routing_frequency") == "0.5")
    fitted &= (pl.col("seed") == "42") & (number("flop_increase") == 1)
    frequency = pl.col("routing_frequency")
    conditions = {
        "in_paper_fit": fitted & (pl.col("is_final") == "1"),
        "same_hyperparameters": pl.col("run_id").is_in(twins.implode()),
    }
    return table.with_columns(
        run="run_id",
        series="routing_frequency=" + frequency + ";flop_increase=" + pl.col("flop_increase"),
        observed=pl.lit("2022-02-02"),
        params=pl.lit(None, dtype=pl.String),
        params_non_embedding="total_params",
        params_active="active_params",
        experts_active="k",
        batch_tokens=pl.lit("524288"),
        width="d_model",
        depth="num_blocks",
        context="seq_len",
        metric_kind=pl.lit("loss"),
        unit=pl.lit("nats/token"),
        checkpoint=final_if(pl.col("is_final") == "1"),
        axis="forward_flops_per_step",
        axis_name=pl.lit("forward FLOP per step"),
        training_data="dataset",
        flags=flags(conditions),
    ).drop("batch_size")


def _loss(runs: pl.DataFrame, column: str) -> pl.DataFrame:
    """One loss of every run; a value that upstream lacks stays as an empty, flagged cell."""
    own = pl.when(pl.col("flags") != "").then("flags")
    missing = pl.when(pl.col(column).is_null()).then(pl.lit("no_value"))
    return runs.with_columns(
        metric=pl.lit(f"loss@{LOSSES[column]}"),
        dataset=pl.lit(LOSSES[column]),
        value=pl.col(column),
        flags=pl.concat_str(own, missing, separator=";", ignore_nulls=True),
    )
