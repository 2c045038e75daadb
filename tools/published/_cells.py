"""What the converters share: reading cells as text, flags, thinning, from wide to long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl


def read(folder: Path, name: str = "runs") -> pl.DataFrame:
    """A table of the folder with every cell as text."""
    return pl.read_csv(folder / f"{name}.csv", infer_schema=False)


def flags(conditions: Mapping[str, pl.Expr]) -> pl.Expr:
    """The names of the conditions that hold, joined by ';'."""
    words = [pl.when(holds).then(pl.lit(word)) for word, holds in conditions.items()]
    return pl.concat_str(words, separator=";", ignore_nulls=True)


def look_up(key: pl.Expr, values: Mapping[str, str]) -> pl.Expr:
    """What the mapping says of the key; null where the key is not listed."""
    return key.replace_strict(dict(values), default=None, return_dtype=pl.String)


def number(column: str) -> pl.Expr:
    """The column as a number, for conditions and derived cells only."""
    return pl.col(column).cast(pl.Float64)


def final_if(condition: pl.Expr) -> pl.Expr:
    """'final' where the condition holds, else 'intermediate'."""
    return pl.when(condition).then(pl.lit("final")).otherwise(pl.lit("intermediate"))


def unless_zero(column: str) -> pl.Expr:
    """The cell, empty where it is zero: an untrained model has no tokens and no compute."""
    return pl.when(number(column) > 0).then(column)


@dataclass(frozen=True)
class Metric:
    """One column of a wide table as a metric of the run table."""

    column: str
    name: str
    kind: str
    unit: str
    dataset: str | None = None


def long(runs: pl.DataFrame, metrics: Sequence[Metric]) -> pl.DataFrame:
    """The runs once per metric, metric by metric; cells without a value are left out."""
    parts = [
        runs.with_columns(
            metric=pl.lit(metric.name),
            metric_kind=pl.lit(metric.kind),
            unit=pl.lit(metric.unit),
            dataset=pl.lit(metric.dataset, dtype=pl.String),
            value=pl.col(metric.column),
        )
        for metric in metrics
    ]
    return pl.concat(parts).filter(pl.col("value").is_not_null())


def thin(table: pl.DataFrame, by: str, points: int) -> pl.DataFrame:
    """At most so many rows of each group, at even steps of rank, the first and the last included.

    Rows keep their order, so the rank is the order in which the table lists them.
    """
    rank = pl.int_range(pl.len()).over(by)
    steps = (pl.len().over(by).cast(pl.Int64) - 1).clip(1)
    bucket = rank * (points - 1) // steps
    return table.filter((bucket != bucket.shift(1).over(by)).fill_null(value=True))
