"""Language models at fixed compute budgets (isoFLOP curves)."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tools.published._cells import flags, number, read

# How metrics name the corpora.
PORIAN_DATA = {"RefinedWeb": "refinedweb", "OpenWebText2": "openwebtext2"}


def llama3_isoflops(folder: Path) -> pl.DataFrame:
    """133 points read off Figure 2 of the Llama 3 paper."""
    outlier = pl.col("qc_outlier") == "True"
    reasons = ("spline_outlier", "weak_curvature", "near_duplicate_params", "off_center")
    conditions = {"qc_outlier": outlier}
    conditions |= {word: outlier & (pl.col("qc_reason") == word) for word in reasons}
    return read(folder).select(
        run="run_id",
        family="family",
        series="llama3-C" + pl.col("flops"),
        observed=pl.lit("2024-07-31"),
        params="params",
        tokens="tokens",
        flops="flops",
        flops_method=pl.lit("6ND"),
        metric=pl.lit("loss@llama3-validation"),
        metric_kind=pl.lit("loss"),
        dataset=pl.lit("llama3-validation"),
        unit=pl.lit("as plotted"),
        value="loss",
        checkpoint=pl.lit("final"),
        training_data=pl.lit("Llama 3 mix"),
        origin=pl.lit("digitised figure"),
        flags=flags(conditions),
    )


def porian_discrepancies(folder: Path) -> pl.DataFrame:
    """1745 isoFLOP points of 15 series, and the authors' optimum of each series and budget."""
    parts = [_points(read(folder)), _optima(read(folder, "optimal_pairs"))]
    return pl.concat(parts, how="diagonal")


def _points(table: pl.DataFrame) -> pl.DataFrame:
    """One row a point; the parameter count goes where its convention says.

    A model that trains with one schedule passes all budgets and is one run; with the Chinchilla
    schedule every budget is a run of its own.
    """
    own_run = pl.col("decay") == "chinchilla"
    model = pl.col("run_id").str.replace(r"-c[^-]*$", "")
    corpus = pl.col("dataset").replace(PORIAN_DATA) + "-" + pl.col("loss_split")
    effective = pl.col("param_count") == "attention"
    return table.with_columns(
        run=pl.when(own_run).then("run_id").otherwise(model),
        series=pl.col("family") + "-C" + pl.col("flops"),
        observed=pl.lit("2024-06-27"),
        params=pl.when(pl.col("param_count") == "standard").then("params"),
        params_non_embedding=pl.when(pl.col("param_count") == "kaplan").then("params"),
        flops_method=pl.when(effective).then(pl.lit("counted")).otherwise(pl.lit("6ND")),
        context=pl.lit("2048"),
        metric="loss@" + corpus,
        metric_kind=pl.lit("loss"),
        dataset=corpus,
        unit=pl.lit("nats/token"),
        value="loss",
        checkpoint=pl.when(own_run).then(pl.lit("final")).otherwise(pl.lit("intermediate")),
        axis=pl.when(effective).then("params"),
        axis_name=pl.when(effective).then(pl.lit("effective parameters (attention FLOPs counted)")),
        training_data="dataset",
    ).drop("architecture", "loss", "hparams", "warmup", "decay", "param_count")


def _optima(table: pl.DataFrame) -> pl.DataFrame:
    """Three rows an optimum: its parameters, its tokens, its loss."""
    shared = table.with_columns(
        run=pl.col("series") + "-optimum-c" + pl.col("flops"),
        family="series",
        series=pl.col("series") + "-C" + pl.col("flops"),
        observed=pl.lit("2024-06-27"),
        context=pl.lit("2048"),
        training_data="dataset",
        dataset=pl.lit(None, dtype=pl.String),
        flags=flags({"no_optimum": pl.col("n_star").is_null()}),
    )
    # n_star_std and t_star_std are of logarithms: times the value they are in its own unit.
    parts = [
        _optimum(shared, "params", "n_star", "count", "parameters", _relative("n_star")),
        _optimum(shared, "tokens", "t_star", "count", "tokens", _relative("t_star")),
        _optimum(shared, "loss", "loss_star", "loss", "nats/token", pl.col("loss_star_std")),
    ]
    return pl.concat(parts)


def _relative(column: str) -> pl.Expr:
    error = number(column) * number(f"{column}_std")
    return error.map_elements(lambda x: f"{x:.6g}", pl.String)


def _optimum(
    shared: pl.DataFrame, name: str, column: str, kind: str, unit: str, error: pl.Expr
) -> pl.DataFrame:
    rows = shared.with_columns(
        metric=pl.lit(f"{name}@optimum"),
        metric_kind=pl.lit(kind),
        unit=pl.lit(unit),
        value=column,
        value_se=error,
    )
    return rows.select(
        *("run", "family", "series", "observed", "flops", "context", "metric", "metric_kind"),
        *("dataset", "unit", "value", "value_se", "training_data", "flags"),
    )
