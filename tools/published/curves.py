"""Curves: losses along training, and the extrapolation benchmark with its own axes."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tools.published._cells import flags, look_up, number, read, thin

GPT3_POINTS = 100
COLPRET_POINTS = 16
# No tokenizer in use has 250,000 words, so a model that knows nothing has at most this loss.
UNIFORM = 12.43

# The benchmark's subsets: date of the figures, name and unit of the axis, kind and unit of values.
NSL_DATES = {
    "IC": "2022-09-13",
    "NMT": "2022-02-04",
    "LM": "2022-09-13",
    "BB": "2022-09-13",
    "DD": "2019-12-04",
    "NANO": "2023-12-31",
}
NSL_AXES = {
    "examples seen (JFT-300M)": "examples",
    "sentence pairs": "sentence pairs",
    "tokens": "tokens",
    "Model Size": "width factor",
    "Embedding Dimension": "embedding dimension",
    "Sample Size": "sample size",
    "width": "embedding dimension",
}
NSL_KINDS = {
    "n-shot error rate": "error",
    "BIG-bench preferred-metric error": "error",
    "test_error": "error",
    "log_perplexity": "loss",
    "val_loss_rescaled": "loss",
    "test_loss": "loss",
    "minval_loss": "loss",
    "finalval_loss": "loss",
}
NSL_UNITS = {
    "n-shot error rate": "fraction",
    "BIG-bench preferred-metric error": "fraction",
    "test_error": "fraction",
    "log_perplexity": "log perplexity, rescaled",
    "val_loss_rescaled": "loss, rescaled",
    "test_loss": "as published",
    "minval_loss": "nats/token",
    "finalval_loss": "nats/token",
}


def gpt3_curves(folder: Path) -> pl.DataFrame:
    """8 ends and the thinned validation curves, digitised."""
    ends = read(folder).with_columns(checkpoint=pl.lit("final"))
    curves = read(folder, "curves").with_columns(checkpoint=pl.lit("intermediate"))
    both = pl.concat([ends, thin(curves, "run_id", GPT3_POINTS)], how="diagonal")
    return both.select(
        run="run_id",
        family="family",
        observed=pl.lit("2020-05-28"),
        params="params",
        tokens="tokens",
        flops="flops",
        flops_method=pl.lit("6ND"),
        metric=pl.lit("loss@gpt3-validation"),
        metric_kind=pl.lit("loss"),
        dataset=pl.lit("gpt3-validation"),
        unit=pl.lit("nats/token"),
        value="loss",
        checkpoint="checkpoint",
        training_data="dataset",
    )


def opt_trajectories(folder: Path) -> pl.DataFrame:
    """142 points of six OPT models along training."""
    return read(folder).select(
        run="family",
        family=pl.lit("opt"),
        observed=pl.lit("2022-12-19"),
        params="params",
        tokens="tokens",
        flops="flops",
        flops_method=pl.lit("6ND"),
        metric=pl.lit("loss@opt-validation"),
        metric_kind=pl.lit("loss"),
        dataset=pl.lit("opt-validation"),
        unit=pl.lit("nats/token"),
        value="loss",
        step="step",
        checkpoint=pl.lit("intermediate"),
        training_data="dataset",
    )


def colpret_curves(folder: Path) -> pl.DataFrame:
    """192 training curves that ColPret collected, thinned."""
    table = _benchmark(folder).filter(pl.col("subset") == "COLPRET")
    opt = pl.col("model").str.starts_with("OPT-")
    return thin(table, "series", COLPRET_POINTS).select(
        run=pl.col("model").str.strip_chars(),
        family=pl.col("model").str.extract(r"^([A-Za-z0-9]+)"),
        observed=pl.lit("2024-10-15"),
        tokens="x",
        metric=pl.lit("loss@colpret"),
        metric_kind=pl.lit("loss"),
        unit=pl.lit("as collected"),
        value="y",
        split="split",
        flags=flags(
            {
                "is_dup": pl.col("is_dup") == "True",
                "perplexity_not_loss": opt,
                "above_uniform": ~opt & (number("y") > UNIFORM),
            }
        ),
    )


def nsl_benchmark(folder: Path) -> pl.DataFrame:
    """Every curve of the subsets that may be passed on and are not ColPret's; no point left out."""
    table = _benchmark(folder).filter(pl.col("subset").is_in(list(NSL_DATES)))
    kind = look_up(pl.col("y_name"), NSL_KINDS)
    task = pl.col("task").str.replace_all(r"[()']", "").str.replace_all(", ", "-", literal=True)
    named = pl.col("subset").is_in(["IC", "BB"])
    curve = pl.col("y_name").str.extract(r"^(minval|finalval)_loss$")
    subset = pl.concat_str(
        pl.col("subset").str.to_lowercase(), curve, separator="-", ignore_nulls=True
    )
    of = pl.when(named).then(task).otherwise(subset)
    return table.select(
        run="series",
        family="subset",
        observed=look_up(pl.col("subset"), NSL_DATES),
        params="params",
        metric=kind + "@" + of,
        metric_kind=kind,
        unit=look_up(pl.col("y_name"), NSL_UNITS),
        value="y",
        axis="x",
        axis_name=look_up(pl.col("x_unit"), NSL_AXES),
        split="split",
        flags=flags({"is_dup": pl.col("is_dup") == "True"}),
    )


def _benchmark(folder: Path) -> pl.DataFrame:
    """The one table that both sources are parts of."""
    return read(folder.parent / "nsl-benchmark")
