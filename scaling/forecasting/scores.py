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
    crps, log_density = student_scores(truth, where, scale, nu)
    return {
        "log_error": where - truth,
        "crps": crps,
        "wis": weighted_interval_score(truth, where, lower, upper, alpha),
        "log_score": log_density,
        "pit": made.rank(observed),
    } | inside


def student_scores(
    observed: Array, location: Array, scale: Array, nu: float
) -> tuple[Array, Array]:
    """CRPS and log density (n,) of outcomes under Student's t with ``nu`` degrees of freedom.

        CRPS = s (z (2 F - 1) + 2 f (nu + z^2) / (nu - 1)
                  - 2 sqrt(nu) / (nu - 1) B(1/2, nu - 1/2) / B(1/2, nu/2)^2),   z = (y - m) / s

    Jordan, Krueger & Lerch 2019, "Evaluating probabilistic forecasts with scoringRules", Journal of
    Statistical Software 90(12). The library scoringrules has the same digits; its import compiles
    for four CPU seconds (`python -X importtime`).
    """
    from scipy.special import beta, betainc

    z = (observed - location) / scale
    tail = 0.5 * betainc(nu / 2.0, 0.5, nu / (z**2 + nu))
    below = np.where(z >= 0, 1.0 - tail, tail)
    density = ((1.0 + z**2 / nu) ** (-(nu + 1.0) / 2.0)) / (np.sqrt(nu) * beta(0.5, nu / 2.0))
    own = (2.0 * np.sqrt(nu) / (nu - 1.0)) * beta(0.5, nu - 0.5) / (beta(0.5, nu / 2.0) ** 2)
    mean = z * (2.0 * below - 1.0) + 2.0 * density * ((nu + z**2) / (nu - 1.0)) - own
    return np.asarray(scale * mean), np.asarray(np.log(density / scale))


def weighted_interval_score(
    observed: Array, median: Array, lower: Array, upper: Array, alpha: Array
) -> Array:
    """The weighted interval score (n,) of intervals (n, K) that miss a share ``alpha`` (K,).

        (|y - m| / 2 + sum_k alpha_k / 2 IS_k) / (K + 1/2)
        IS = u - l + 2 / alpha (l - y)+ + 2 / alpha (y - u)+

    Bracher et al. 2021, "Evaluating epidemic forecasts in an interval format", PLoS Computational
    Biology 17(2), equation 1.
    """
    total = np.zeros(len(observed))
    for low, high, share in zip(lower.T, upper.T, alpha, strict=True):
        score = (
            (high - low)
            + (observed < low) * (2.0 / share) * (low - observed)
            + (observed > high) * (2.0 / share) * (observed - high)
        )
        total += share / 2.0 * score
    return np.asarray((total + 0.5 * np.abs(observed - median)) / (len(alpha) + 0.5))
