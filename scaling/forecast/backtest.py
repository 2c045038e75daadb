"""Forecasts that could have been made: fit below an origin, foretell above it, score.

The window expands in size (the geometric mean of the inputs, which orders runs as compute does) or
in a column such as the day of observation. Nothing of a run that is foretold enters its forecast.

Scores are of log y (of log(1 - y) for a share that rises with size), so that studies of different
units compare: the continuous ranked probability score (Gneiting and Raftery 2007,
doi:10.1198/016214506000001437), the weighted interval score of the 50, 80, 90 and 95 % intervals
(Bracher et al. 2021, doi:10.1371/journal.pcbi.1008618), the log score, and the PIT (the probability
that was given to less than what came), all but the PIT by the `scoringrules` library. Points
without a distribution have their absolute error as CRPS.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.errors import InputError
from scaling.fit.data import positive
from scaling.forecast.beside import singles
from scaling.forecast.candidates import log_size, tail_power_law
from scaling.forecast.engine import observed_scale, predictive
from scaling.forecast.predictive import Predictive
from scaling.forecast.shown import Backtest

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

ENSEMBLE, CARRY, TAIL = "ensemble", "carry last", "tail power law"
# Shares of the distinct sizes, smallest first, that are known at each origin.
SHARES = (0.5, 0.65, 0.8, 0.9)
FEWEST = 5
LEVELS = (0.5, 0.8, 0.9, 0.95)
# Ends of the horizons that `summary` tells apart, decades of size beyond the largest known run.
HORIZONS = (0.0, 0.3, 1.0, 100.0)


def backtest(
    runs: pl.DataFrame,
    inputs: Sequence[str] = ("params", "tokens"),
    target: str = "loss",
    *,
    order: str | None = None,
    shares: Sequence[float] = SHARES,
) -> Backtest:
    """Score the forecast of all laws, each law alone and two naive ones at several origins.

    Args:
        runs: one row a run, with the inputs and the target.
        order: column in which the window expands (numbers or dates); None for size.
        shares: of the distinct values of ``order`` that are known at each origin.

    Returns:
        One row a forecast: origin (0, 1, ...), known (rows), row (in ``runs``), decades (of size
        beyond the largest known run), method, log_error (predicted over observed), crps, wis,
        log_score, pit, and in50 ... in95 (1 where the interval held). Scores that need a
        distribution are null for the naive methods.

    Raises:
        InputError: fewer than 5 runs below every origin.
    """
    table = pl.DataFrame({name: positive(runs, name) for name in inputs})
    size = log_size({name: table[name].to_numpy() for name in inputs})
    y, rising = observed_scale(runs, target, size)
    table = table.with_columns(pl.Series(target, 1.0 - y if rising else y))
    place = size if order is None else _order(runs, order)
    parts = []
    for number, known in enumerate(_origins(place, shares)):
        rows = np.flatnonzero(~known)
        decades = (size[rows] - size[known].max()) / np.log(10.0)
        small, large = table.filter(pl.Series(known)), table.filter(pl.Series(~known))
        for method, made in methods(small, large, inputs, target):
            scores = _scores(made, large[target].to_numpy())
            parts.append(
                pl.DataFrame({"row": rows, "decades": decades, **scores}).with_columns(
                    origin=pl.lit(number), known=pl.lit(small.height), method=pl.lit(method)
                )
            )
    if not parts:
        raise InputError(
            "too few runs for a backtest",
            value=table.height,
            allowed=f"{FEWEST} or more runs below an origin",
        )
    first = ("origin", "known", "row", "decades", "method")
    made_table = pl.concat(parts, how="diagonal")
    return Backtest(made_table.select(*first, pl.exclude(first)))


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


def _order(runs: pl.DataFrame, column: str) -> Array:
    if column not in runs.columns:
        raise InputError("missing column", column=column, allowed=", ".join(runs.columns))
    return np.asarray(runs[column].to_physical().cast(pl.Float64).to_numpy())


def _origins(place: Array, shares: Sequence[float]) -> Iterator[Mask]:
    """Masks of what is known, each with enough runs and something left to foretell."""
    levels = np.unique(place)
    cuts = {min(max(round(share * len(levels)), 1), len(levels) - 1) for share in shares}
    for cut in sorted(cuts):
        known = place < levels[cut] if cut else np.zeros(len(place), dtype=bool)
        if known.sum() >= FEWEST:
            yield known


def methods(
    small: pl.DataFrame, large: pl.DataFrame, inputs: Sequence[str], target: str
) -> Iterator[tuple[str, Predictive | Array]]:
    """Every method's forecast of the large runs, by their inputs: a distribution, or log points
    (T,)."""
    try:
        yield ENSEMBLE, predictive(small, large, inputs, target)
    except InputError:  # too few sizes below this origin
        return
    yield from singles(small, large, inputs, target)
    yield from naive(small, large, inputs, target)


def naive(
    known: pl.DataFrame, at: pl.DataFrame, inputs: Sequence[str], target: str
) -> Iterator[tuple[str, Array]]:
    """The naive methods' log points (T,): the mean of the largest runs, the tail's power law."""
    sizes = [log_size({name: part[name].to_numpy() for name in inputs}) for part in (known, at)]
    y = np.log(known[target].to_numpy())
    last = sizes[0] >= sizes[0].max() - 1e-6
    yield CARRY, np.full(at.height, y[last].mean())
    yield TAIL, tail_power_law(sizes[0], y, sizes[1])


def _scores(made: Predictive | Array, observed: Array) -> Mapping[str, Array]:
    truth = np.log(observed)
    if not isinstance(made, Predictive):
        return {"log_error": made - truth, "crps": np.abs(made - truth)}
    import scoringrules

    where, scale, nu = made.centre, made.scale, made.degrees
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
