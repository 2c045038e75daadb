"""Which training runs diverged, by the values of one metric along each run."""

from __future__ import annotations

import polars as pl

from scaling.errors import InputError

# Columns that order the rows of a run; without one, they are in the order of the table.
ALONG = ("tokens", "step", "flops")


def diverged(runs: pl.DataFrame, target: str) -> pl.DataFrame:
    """Diverged runs: ``run``, ``rows``, and ``not_finite``, whether a value is NaN or infinite; the
    others end above their first value. A row without a run is one of its own.

    Raises:
        InputError: most runs end above their first value, as those of an accuracy do.
    """
    known = _along(runs, target).filter(pl.col("value").is_not_null())
    found = known.group_by("run", maintain_order=True).agg(
        rows=pl.len(),
        not_finite=(~pl.col("value").is_finite()).any(),
        rises=pl.col("value").last() > pl.col("value").first(),
    )
    curves = found.filter(pl.col("rows") > 1)
    rising = curves.filter(pl.col("rises") & ~pl.col("not_finite")).height
    if rising > 1 and 2 * rising > curves.height:
        raise InputError(
            "most runs end above their first value",
            column=target,
            value=f"{rising} of {curves.height}",
            allowed="a metric that falls in training, such as a loss",
        )
    return found.filter(pl.col("not_finite") | pl.col("rises")).drop("rises")


def run_names(runs: pl.DataFrame) -> pl.Series:
    """The run of each row, as text; a row that names none is a run of its own."""
    rows = pl.Series("run", [f"row {at + 1}" for at in range(runs.height)])
    if "run" not in runs.columns:
        return rows
    named = runs["run"].cast(pl.String)
    return named.zip_with(named.is_not_null(), rows).alias("run")


def _along(runs: pl.DataFrame, target: str) -> pl.DataFrame:
    """Run and value of each row, in order along the runs."""
    order = next((name for name in ALONG if name in runs.columns), None)
    place = runs[order].cast(pl.Float64, strict=False) if order else pl.Series([0.0] * runs.height)
    value = runs[target].cast(pl.Float64, strict=False)
    table = pl.DataFrame([run_names(runs), value.alias("value"), place.alias("place")])
    return table.sort("place", nulls_last=True, maintain_order=True)
