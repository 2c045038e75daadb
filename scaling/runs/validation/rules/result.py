"""Values that cannot be, or hardly."""

from __future__ import annotations

import polars as pl

from scaling.runs.validation.rules._rule import (
    ENTROPY_UNITS,
    METRIC,
    Rule,
    digits,
    number,
    short,
    where,
)
from scaling.runs.validation.rules._tokenizers import LARGEST, SIZES

_IDENTITY = ("metric_kind", "unit", "dataset", "tokenizer")
_NAMED = pl.col("tokenizer").str.extract(r"@(\d{2,7})$").cast(pl.Float64)
_KNOWN = pl.col("tokenizer").str.to_lowercase().replace_strict(SIZES, default=None)
_VOCABULARY = pl.coalesce(_NAMED, _KNOWN.cast(pl.Float64), pl.lit(float(LARGEST)))
# A loss in a unit that is not named may be in nats; per byte, the bound of a byte holds.
_UNIFORM = (
    pl.when(pl.col("metric_kind") == "perplexity")
    .then(_VOCABULARY)
    .when((pl.col("unit") == "bits/byte") | (pl.col("metric_kind") == "bits_per_byte"))
    .then(8.0)
    .when(pl.col("unit") == "nats/byte")
    .then(pl.lit(256.0).log())
    .when(pl.col("unit") == "bits/token")
    .then(_VOCABULARY.log(2.0))
    .otherwise(_VOCABULARY.log())
)


def _identities(table: pl.DataFrame) -> pl.Series:
    """Rows whose metric has elsewhere in the source another kind, unit, data set or tokenizer.

    Of the identities of a metric the most frequent passes; an empty cell differs from no word.
    """
    broken = pl.lit(False)
    for name in _IDENTITY:
        key = ["metric"]
        usual = pl.col(name).drop_nulls().mode().sort().first().over(key)
        broken |= pl.col(name) != usual
    shown = pl.concat_str([pl.col(name).fill_null("-") for name in _IDENTITY], separator=", ")
    return table.select(where(broken, shown)).to_series()


def _mixed_precision(table: pl.DataFrame) -> pl.Series:
    """Rows rounded to two decimals in a metric that most rows give in full."""
    scale = pl.when(pl.col("unit") == "percent").then(1.0).otherwise(100.0)
    value = pl.col("value") * scale
    rounded = (value - value.round(0)).abs() < 1e-9
    inner = pl.col("value").abs().gt(0.0) & ~(value.is_in([25.0, 50.0, 75.0, 100.0]))
    full = (digits("value") >= 8).mean().over(METRIC)
    return table.select(
        where(
            rounded
            & inner
            & pl.col("metric_kind").is_in(["accuracy", "error", "score"])
            & (full >= 0.5)
            & (pl.len().over(METRIC) >= 20),
            number("value"),
        )
    ).to_series()


RULES: tuple[Rule, ...] = (
    Rule(
        "own_source",
        "source",
        "error",
        means="A row belongs to the source that it is read as.",
        allowed="the name of the source's file or folder, or an empty cell",
        find=where(pl.col("source") != pl.col("folder"), pl.col("source")),
        firm=True,
    ),
    Rule(
        "share",
        "value",
        "error",
        means="Accuracies and errors in fractions lie between 0 and 1.",
        allowed=">= 0 and <= 1 where the unit is 'fraction'",
        find=where(
            (pl.col("unit") == "fraction")
            & pl.col("metric_kind").is_in(["accuracy", "error"])
            & ~pl.col("value").is_between(0.0, 1.0),
            number("value"),
        ),
    ),
    Rule(
        "positive_loss",
        "value",
        "error",
        means="An entropy is above 0.",
        allowed="> 0 where the unit is nats or bits per token or byte (0 often means unfinished)",
        find=where(pl.col("unit").is_in(ENTROPY_UNITS) & (pl.col("value") <= 0.0), number("value")),
    ),
    Rule(
        "observed_in_future",
        "observed",
        "error",
        means="A result is known on the day on which it comes in, not later.",
        allowed="at most a day after the row was recorded (days are in UTC)",
        find=where(
            pl.col("observed") > pl.col("recorded") + pl.duration(days=1),
            pl.format("{}, recorded {}", number("observed"), number("recorded")),
        ),
    ),
    Rule(
        "loss_above_uniform",
        "value",
        "warning",
        means="A trained model does better than guessing every token of its vocabulary alike.",
        allowed=(
            "at most the logarithm of the vocabulary (1,048,576 tokens where the tokenizer is not "
            "known), 8 bits a byte; any value at step 0"
        ),
        find=where(
            pl.col("metric_kind").is_in(["loss", "bits_per_byte", "perplexity"])
            & (pl.col("value") > _UNIFORM)
            & (pl.col("step").fill_null(1.0) > 0.0),
            pl.format("{} where guessing gives {}", number("value"), short(_UNIFORM)),
        ),
    ),
    Rule(
        "mixed_metric_identity",
        "metric",
        "warning",
        means="One metric has one kind, unit, data set and tokenizer within its source.",
        allowed="the kind, unit, data set and tokenizer that most rows of the metric have",
        find=_identities,
        reach="source",
    ),
    Rule(
        "mixed_precision",
        "value",
        "warning",
        means="Shares of one metric are rounded alike.",
        allowed="as many decimals as most rows of the metric have (these are rounded to 1 %)",
        find=_mixed_precision,
        reach="source",
    ),
)
