"""What of a run's compute counts, under each regime: categories x weights, low, central, high.

A run has no single number. The ledger has its compute by category; a regime gives each category
three weights (``data/thresholds/counts.csv``). Low leaves out what is only a reading, high takes in
what the text leaves open. Compute of one entity's one model adds up over its life.
"""

from __future__ import annotations

import polars as pl

from scaling.errors import InputError
from scaling.govern.lineage import OTHERS, OWN

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


def described(
    runs: pl.DataFrame, ledger: pl.DataFrame | None, counts: pl.DataFrame
) -> pl.DataFrame:
    """The runs with, for each regime, categories in words (null where there are none).

    - ``<regime>_ledger``: of the run's ledger, what counts
    - ``<regime>_unclear``: of the run's ledger, what the text does not settle
    - ``<regime>_absent``: what counts, or may, and the ledger does not have
    """
    if ledger is None:
        ledger = pl.DataFrame(schema={"run": pl.String, "category": pl.String, "flop": pl.Float64})
    # What every regime counts in full is taken to be in a single figure; parents have columns.
    core = counts.group_by("category").agg(pl.min("low")).filter(pl.col("low") >= 1)["category"]
    asked = counts.filter(pl.col("high") > 0, ~pl.col("category").is_in([*core, OWN, OTHERS]))
    for regime in counts["counts"].unique(maintain_order=True):
        of, wanted = (part.filter(pl.col("counts") == regime) for part in (counts, asked))
        words = _words(ledger, of, wanted["category"])
        words = words.rename({name: f"{regime}{name}" for name in words.columns if name != "run"})
        runs = runs.join(words, on="run", how="left", maintain_order="left")
        absent, whole = f"{regime}_absent", pl.lit(", ".join(wanted["category"]))
        without = ~pl.col("run").is_in(words["run"].implode())
        runs = runs.with_columns(pl.when(without).then(whole).otherwise(absent).alias(absent))
    return runs


def _words(ledger: pl.DataFrame, weights: pl.DataFrame, wanted: pl.Series) -> pl.DataFrame:
    """``_ledger``, ``_unclear`` and ``_absent`` of every run in the ledger, under one regime."""
    words = ledger.select("run").unique(maintain_order=True)
    there = ledger.filter(pl.col("flop") > 0).unique(["run", "category"], maintain_order=True)
    found = there.join(weights, on="category", maintain_order="left")
    every = words.join(wanted.to_frame(), how="cross")
    listed = {
        "_ledger": found.filter(pl.col("central") > 0),
        "_unclear": found.filter(pl.col("high") > pl.col("central")),
        "_absent": every.join(ledger, on=["run", "category"], how="anti", maintain_order="left"),
    }
    for name, rows in listed.items():
        joined = rows.group_by("run").agg(pl.col("category").str.join(", ").alias(name))
        words = words.join(joined, on="run", how="left", maintain_order="left")
    return words
