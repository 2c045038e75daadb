"""Quantiles in the hubverse's model-output form, so that its tools read them.

One row a quantile: ``origin_date`` (the as-of day), ``location`` (the study: what a forecast is
about), ``target`` (the planned run), ``model_id`` (the law, "ensemble" for the forecast),
``output_type`` (always "quantile"), ``output_type_id`` (the level) and ``value``. There is no
``horizon``: a target lies ahead in size, which its N and D in forecast.csv tell, and not in time.
Convention: hubverse.io, "Model output".
"""

from __future__ import annotations

from datetime import date

import polars as pl


def model_output(forecasts: pl.DataFrame, origin: date) -> pl.DataFrame:
    """The table from one with the columns of `scaling.schema.FORECAST`."""
    return forecasts.select(
        pl.lit(origin).alias("origin_date"),
        pl.col("study").alias("location"),
        "target",
        pl.col("law").str.replace_all(" ", "-").alias("model_id"),
        pl.lit("quantile").alias("output_type"),
        pl.col("quantile").alias("output_type_id"),
        pl.col("value").round_sig_figs(10),
    )
