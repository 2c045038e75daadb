"""Cells that are empty though other runs of the source have them."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from scaling.runs.validation.rules._rule import Find, Rule, where

# Rows from which on a habit of a source shows.
_ENOUGH = 10


def _empty(column: str) -> Find:
    def find(table: pl.DataFrame) -> pl.Series:
        missing = pl.col(column).is_null()
        return table.select(
            where(missing & ~missing.all() & (pl.len() >= _ENOUGH), pl.lit("nothing"))
        ).to_series()

    return find


def _scale(column: str) -> Callable[[pl.DataFrame], pl.Series]:
    """Rows without a scale that other rows of their metric have."""

    def find(table: pl.DataFrame) -> pl.Series:
        missing = pl.col(column).is_null()
        mostly = missing.mean().over("metric").is_between(1e-9, 0.5)
        mostly &= pl.len().over("metric") >= _ENOUGH
        return table.select(
            where(missing & mostly & (pl.col("step").fill_null(1.0) > 0.0), pl.lit("nothing"))
        ).to_series()

    return find


RULES: tuple[Rule, ...] = (
    Rule(
        "seed_unstated",
        "seed",
        "warning",
        means="Where some runs of a source state their seed, all do.",
        allowed="a seed, as other runs of the source have",
        find=_empty("seed"),
        reach="source",
    ),
    Rule(
        "tokens_unstated",
        "tokens",
        "warning",
        means="Where most rows of a metric state their tokens, all do.",
        allowed="tokens, as most rows of the metric have",
        find=_scale("tokens"),
        reach="source",
    ),
    Rule(
        "params_unstated",
        "params",
        "warning",
        means="Where most rows of a metric state their parameters, all do.",
        allowed="parameters, as most rows of the metric have",
        find=_scale("params"),
        reach="source",
    ),
)
