"""Quantiles of a version in the hubverse's model-output form, so that its tools read them.

One file a method, ``model-output/scaling-LAW/DAY-scaling-LAW.csv``, one row a quantile:

    origin_date     the as-of day (the day of issue, where there is none)
    location        the study: what a forecast is about
    target          the planned run
    output_type     "quantile"
    output_type_id  the level
    value           the quantile, in the metric's own unit

There is no ``horizon``: a target lies ahead in size, which its N and D in forecast.csv tell, and
not in time. Convention: docs.hubverse.io, "Model output".
"""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from pathlib import Path

import polars as pl

from scaling.audit.read import quantiles
from scaling.ledger import MANIFEST
from scaling.pipeline.files import write_table

TEAM = "scaling"


def export(version: Path, out: Path) -> list[Path]:
    """Write the files of the version in this folder below ``out``; returns their paths."""
    manifest = json.loads((version / MANIFEST).read_bytes())
    issued = datetime.fromisoformat(manifest["issued_at"]).date().isoformat()
    origin = date.fromisoformat(manifest.get("as_of") or issued)
    written = []
    for (law,), part in quantiles(version).partition_by("law", as_dict=True).items():
        model = f"{TEAM}-{re.sub(r'[^A-Za-z0-9]+', '_', str(law))}"
        path = out / "model-output" / model / f"{origin}-{model}.csv"
        write_table(path, model_output(part, origin))
        written.append(path)
    return written


def model_output(forecasts: pl.DataFrame, origin: date) -> pl.DataFrame:
    """The table from one with the columns of `scaling.schema.FORECAST`."""
    return forecasts.select(
        pl.lit(origin).alias("origin_date"),
        pl.col("study").alias("location"),
        "target",
        pl.lit("quantile").alias("output_type"),
        pl.col("quantile").alias("output_type_id"),
        "value",
    )
