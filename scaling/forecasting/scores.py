"""Scores of backtests and their summary."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.forecasting.distribution import Predictive

ENSEMBLE, CARRY, TAIL = "ensemble", "carry last", "tail power law"


LEVELS = (0.5, 0.8, 0.9, 0.95)


# Ends of the horizons that `summary` tells apart, decades outside the known runs.
HORIZONS = (0.0, 0.3, 1.0, 100.0)


def summary(table: pl.DataFrame, horizons: Sequence[float] = HORIZONS) -> pl.DataFrame:
    """Means by method, for all distances together (from and to null) and by horizon.

    ``skill`` is 1 - CRPS / CRPS of carrying the last value, ``skill_tail`` the same against the
    tail power law: positive where the method is better.
    """
    edges = list(itertools.pairwise(horizons))
    bands = [table.with_columns(low=pl.lit(None, pl.Float64), high=pl.lit(None, pl.Float64))]
    bands += [
        table.filter(
            (pl.col("decades") > low) if low else (pl.col("decades") <= high),
            pl.col("decades") <= high,
        ).with_columns(low=pl.lit(low), high=pl.lit(high))
        for low, high in edges
    ]
    scores = ("crps", "wis", "log_score", *(f"in{100 * level:g}" for level in LEVELS))
    means = (
        pl.concat(bands)
        .group_by("low", "high", "method", maintain_order=True)
        .agg(
            pl.len().alias("forecasts"),
            pl.col("origin").n_unique().alias("origins"),
            pl.col("log_error").mean().alias("bias"),
            pl.col("log_error").abs().mean().alias("error"),
            *(pl.col(name).cast(pl.Float64).mean() for name in scores),
        )
    )
    for name, against in (("skill", CARRY), ("skill_tail", TAIL)):
        base = means.filter(pl.col("method") == against).select("low", "high", base="crps")
        means = means.join(base, on=["low", "high"], how="left", nulls_equal=True)
        means = means.with_columns((1.0 - pl.col("crps") / pl.col("base")).alias(name)).drop("base")
    return means


def _scores(made: Predictive | Array, observed: Array) -> Mapping[str, Array]:
    truth = np.log(observed)
    if not isinstance(made, Predictive):
        return {"log_error": made - truth, "crps": np.abs(made - truth)}
    import scoringrules

    where, scale, nu = made.location, made.scale, made.degrees
    ends = {
        level: np.log(made.quantiles(np.array([0.5 - level / 2, 0.5 + level / 2])))
        for level in LEVELS
    }
    inside = {
        f"in{100 * level:g}": ((low <= truth) & (truth <= high)).astype(np.int8)
        for level, (low, high) in ends.items()
    }
    lower, upper = (np.stack([ends[level][k] for level in LEVELS], axis=-1) for k in (0, 1))
    alpha = 1.0 - np.array(LEVELS)
    return {
        "log_error": where - truth,
        "crps": np.asarray(scoringrules.crps_t(truth, nu, where, scale)),
        "wis": np.asarray(scoringrules.weighted_interval_score(truth, where, lower, upper, alpha)),
        "log_score": -np.asarray(scoringrules.logs_t(truth, nu, where, scale)),
        "pit": made.rank(observed),
    } | inside
