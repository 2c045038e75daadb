"""Rows that other sources have too: to keep a run out, keep it out of every source."""

from __future__ import annotations

import polars as pl

from scaling.runs.validation.rules._rule import LOSSES, Rule, digits, nothing, where

_DAYS = 31


def _also_elsewhere(table: pl.DataFrame) -> pl.Series:
    """Results that another source gives for a run of that size, to six digits or more."""
    if table["folder"].n_unique() < 2:
        return nothing(table)
    size = pl.coalesce("params", "params_active", "params_non_embedding", "tokens")
    same = pl.struct(
        "metric_kind",
        pl.col("value"),
        size.round_sig_figs(2).alias("size"),
    )
    looked = table.with_columns(_same=same, _named=pl.struct("run", "metric_kind", "value"))
    long = (digits("value") >= 6) & pl.col("value").is_not_null()
    # Shares of a few questions agree by chance.
    loss = pl.col("metric_kind").is_in(LOSSES)
    by_size = loss & size.is_not_null() & (pl.col("folder").n_unique().over("_same") > 1)
    by_name = pl.col("folder").n_unique().over("_named") > 1
    sources = pl.col("folder").unique().sort().str.join(", ")
    found = pl.format(
        "in {}",
        pl.when(by_name).then(sources.over("_named")).otherwise(sources.over("_same")),
    )
    return looked.select(where(long & (by_size | by_name), found)).to_series()


def _other_day(table: pl.DataFrame) -> pl.Series:
    """Results that another source has for the same run, with a day more than a month apart."""
    if table["folder"].n_unique() < 2:
        return nothing(table)
    key = ["run", "metric", "value"]
    first, last = (pl.col("observed").min().over(key), pl.col("observed").max().over(key))
    shared = pl.col("folder").n_unique().over(key) > 1
    return table.select(
        where(
            shared & pl.col("value").is_not_null() & ((last - first).dt.total_days() > _DAYS),
            pl.format("{} to {}", first.cast(pl.String), last.cast(pl.String)),
        )
    ).to_series()


RULES: tuple[Rule, ...] = (
    Rule(
        "also_elsewhere",
        "run",
        "warning",
        means="A result stands in one source.",
        allowed="no value of six digits or more that another source has for that run or size",
        find=_also_elsewhere,
        reach="library",
    ),
    Rule(
        "dates_disagree",
        "observed",
        "warning",
        means="Sources agree on the day of a result.",
        allowed="within a month of the day that other sources give",
        find=_other_day,
        reach="library",
    ),
)
