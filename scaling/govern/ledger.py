"""What of a run's compute counts, under each regime: categories x weights, low, central, high.

A run has no single number. The ledger has its compute by category; a regime gives each category
three weights (``data/thresholds/counts.csv``). Low leaves out what is only a reading, high takes in
what the text leaves open. Compute of one entity's one model adds up over its life.
"""

from __future__ import annotations

import polars as pl

from scaling.errors import InputError

ENDS = ("low", "central", "high")


def weigh(ledger: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    """Low, central and high compute of each run under each regime.

    Args:
        ledger: ``run``, ``category``, ``flop``; a category may come several times.
        counts: ``counts``, ``category``, ``low``, ``central``, ``high``.

    Returns:
        ``run``, ``counts``, ``low``, ``central``, ``high`` in FLOP.

    Raises:
        InputError: a category that no regime knows.
    """
    known = counts["category"].unique()
    strange = ledger.filter(~pl.col("category").is_in(known.implode()))
    if strange.height:
        raise InputError(
            "unknown category",
            row=strange["row"][0] if "row" in strange.columns else None,
            column="category",
            value=strange["category"][0],
            allowed=", ".join(sorted(known)),
        )
    both = ledger.join(counts, on="category", suffix="_weight")
    weighed = [(pl.col("flop") * pl.col(end)).sum().alias(end) for end in ENDS]
    return both.group_by("run", "counts", maintain_order=True).agg(weighed)


def wide(weighed: pl.DataFrame, regimes: list[str]) -> pl.DataFrame:
    """One row a run: columns ``<regime>_low``, ``<regime>_central``, ``<regime>_high``."""
    made = weighed.select("run").unique(maintain_order=True)
    for regime in regimes:
        part = weighed.filter(pl.col("counts") == regime)
        names = {end: f"{regime}_{end}" for end in ENDS}
        made = made.join(part.select("run", *ENDS).rename(names), on="run", how="left")
    return made


def cumulative(column: str) -> pl.Expr:
    """What the model's earlier runs used, in ``column``: runs of one entity and model, in order of
    their start; 0 for a run without a model id. The table must be sorted by ``started_at``."""
    earlier = pl.col(column).fill_null(0.0).cum_sum().over("entity", "model") - pl.col(
        column
    ).fill_null(0.0)
    return pl.when(pl.col("model").is_null()).then(0.0).otherwise(earlier)
