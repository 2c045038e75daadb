"""Backtests: fit below an origin, forecast above it, score.

The window expands in size (the geometric mean of the inputs, which orders runs as compute does) or
in a column such as the day of observation. Nothing of a forecast run enters its forecast.

Scores are of log y (of log(1 - y) for a share that rises with size), so that studies of different
units compare: the continuous ranked probability score (Gneiting and Raftery 2007,
doi:10.1198/016214506000001437), the weighted interval score of the 50, 80, 90 and 95 % intervals
(Bracher et al. 2021, doi:10.1371/journal.pcbi.1008618), the log score, and the PIT (the forecast's
probability of less than the outcome), see `scaling.forecasting.scores`. Points without
a distribution have their absolute error as CRPS.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.data import log_size, positive
from scaling.fitting.solver.choice import many_fits
from scaling.forecasting.display import Backtest
from scaling.forecasting.distance import distance
from scaling.forecasting.distribution import Predictive
from scaling.forecasting.engine import predictive
from scaling.forecasting.inputs import check_runs, is_general, observed_scale
from scaling.forecasting.law_ensemble import tail_power_law
from scaling.forecasting.per_law import singles
from scaling.forecasting.schedule_input import Rate, schedule_of
from scaling.forecasting.scores import CARRY, ENSEMBLE, TAIL, _scores
from scaling.io.progress import steps
from scaling.runs.schedules import Schedule

Mask = NDArray[np.bool_]

# Shares of the distinct sizes, smallest first, that are known at each origin.
SHARES = (0.5, 0.65, 0.8, 0.9)
MIN_RUNS = 5


@many_fits()
def backtest(
    runs: pl.DataFrame,
    inputs: Sequence[str] = ("params", "tokens"),
    target: str = "loss",
    *,
    order: str | None = None,
    shares: Sequence[float] = SHARES,
    mixed: Sequence[str] = (),
    schedule: Schedule | str | None = None,
) -> Backtest:
    """Score the forecast of all laws, each law alone and two naive ones at several origins.

    Args:
        runs: one row a run, with the inputs and the target.
        order: column in which the window expands (numbers or dates); None for size.
        shares: of the distinct values of ``order`` that are known at each origin.
        mixed: columns that may hold several conventions, as of `scaling.fit`.
        schedule: the learning rate, as of `scaling.forecasting.engine.forecast`; every origin knows
            all of it, as a plan.

    Returns:
        One row a forecast: origin (0, 1, ...), known (rows), row (in ``runs``), decades (outside
        the known runs on either side, by the input that lies farthest), method, log_error
        (predicted over observed), crps, wis, log_score, pit, and in50 ... in95 (1 where the
        interval held). Scores that need a distribution are null for the naive methods.

    Raises:
        InputError: fewer than 5 runs below every origin; inputs that no law takes; runs that
            nothing can be forecast from, or of several conventions (`check_runs`).
    """
    check_runs(runs, inputs, target, mixed)
    if is_general(runs, inputs, target):
        raise InputError(
            "no backtest of these inputs or this target yet: `scaling forecast` takes them",
            value=[*inputs, target],
            allowed="one or two positive inputs, or those of a law; a positive target",
        )
    table = pl.DataFrame({name: positive(runs, name) for name in inputs})
    size = log_size({name: table[name].to_numpy() for name in inputs})
    y, increasing = observed_scale(runs, target, size)
    table = table.with_columns(pl.Series(target, 1.0 - y if increasing else y))
    planned, notes = schedule_of(runs, runs, inputs, schedule)
    rate = None if planned is None else Rate(planned)
    place = size if order is None else _order(runs, order)
    parts = []
    for number, known in enumerate(steps(list(_origins(place, shares)))):
        rows = np.flatnonzero(~known)
        small, large = table.filter(pl.Series(known)), table.filter(pl.Series(~known))
        decades = np.abs(distance(small, large, inputs).farthest)
        for method, made in methods(small, large, inputs, target, rate):
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
            allowed=f"{MIN_RUNS} or more runs below an origin",
        )
    first = ("origin", "known", "row", "decades", "method")
    made_table = pl.concat(parts, how="diagonal")
    made_back = Backtest(made_table.select(*first, pl.exclude(first)))
    made_back.notes = notes
    return made_back


def _order(runs: pl.DataFrame, column: str) -> Array:
    if column not in runs.columns:
        raise InputError("missing column", column=column, allowed=", ".join(runs.columns))
    return np.asarray(runs[column].to_physical().cast(pl.Float64).to_numpy())


def _origins(place: Array, shares: Sequence[float]) -> Iterator[Mask]:
    """Masks of what is known, each with enough runs and something left to forecast."""
    levels = np.unique(place)
    cuts = {min(max(round(share * len(levels)), 1), len(levels) - 1) for share in shares}
    for cut in sorted(cuts):
        known = place < levels[cut] if cut else np.zeros(len(place), dtype=bool)
        if known.sum() >= MIN_RUNS:
            yield known


def methods(
    small: pl.DataFrame,
    large: pl.DataFrame,
    inputs: Sequence[str],
    target: str,
    schedule: Rate | None = None,
) -> Iterator[tuple[str, Predictive | Array]]:
    """Every method's forecast of the large runs, by their inputs: a distribution, or log points
    (T,)."""
    try:
        yield ENSEMBLE, predictive(small, large, inputs, target, schedule=schedule)
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
