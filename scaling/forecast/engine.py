"""`forecast`: runs and targets -> quantiles, over every law that applies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling import laws as registry
from scaling.errors import InputError
from scaling.fit.data import positive
from scaling.fit.engine import fit
from scaling.fit.result import Fit, Outcome
from scaling.forecast.mixture import Member, law_weights, run_noise
from scaling.forecast.mixture import quantiles as mix
from scaling.laws._law import Law

Array = NDArray[np.float64]

LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
RESAMPLES = 400
# The largest runs that a backtest hides: a fifth, so that the rest still spans most of the range.
HELD_OUT = 0.2


def forecast(
    runs: pl.DataFrame,
    at: pl.DataFrame,
    *,
    inputs: Sequence[str] = ("params", "tokens"),
    target: str = "loss",
    quantiles: Sequence[float] = LEVELS,
    laws: Literal["auto"] | Sequence[str] = "auto",
    seed: int = 0,
) -> pl.DataFrame:
    """Forecast ``target`` at the rows of ``at``.

    Args:
        runs: one row a run, with the input columns and the target.
        at: one row a planned run, with the input columns.
        inputs: one column (of any name) or params and tokens.
        quantiles: levels between 0 and 1.
        laws: law names, or "auto" for every law that these inputs allow.
        seed: the same seed gives the same numbers.

    Returns:
        One row per row of ``at`` and level: the columns of ``at``, then ``quantile``, ``value``.
    """
    levels = _levels(quantiles)
    points = check_targets(at, inputs)
    fits = [
        (fit(runs, law, target=target, inputs=by, resamples=RESAMPLES, seed=seed), by)
        for law, by in applicable(inputs, laws)
    ]
    errors = [holdout_error(runs, one.law, by, target) for one, by in fits]
    sound = [one.outcome is Outcome.CONVERGED for one, _ in fits]
    members = [
        member(one, {name: points[column] for name, column in by.items()}, weight)
        for (one, by), weight in zip(fits, law_weights(errors, sound), strict=True)
    ]
    values = mix(members, levels, seed)
    return _table(at, levels, values)


def check_targets(at: pl.DataFrame, inputs: Sequence[str]) -> dict[str, Array]:
    """Input columns of the targets; refuses an empty table and values no run can have."""
    if at.height == 0:
        raise InputError("the table is empty", value=0, allowed="at least one target")
    return {name: positive(at, name) for name in inputs}


def _levels(quantiles: Sequence[float]) -> Array:
    levels = np.asarray(list(quantiles), dtype=np.float64)
    bad = [float(q) for q in levels if not 0 < q < 1]
    if bad or not len(levels):
        raise InputError("quantile out of range", value=bad or "none", allowed="between 0 and 1")
    return levels


def _table(at: pl.DataFrame, levels: Array, values: Array) -> pl.DataFrame:
    index = np.repeat(np.arange(at.height), len(levels))
    return at[index].with_columns(
        quantile=pl.Series(np.tile(levels, at.height)), value=pl.Series(values.T.reshape(-1))
    )


def applicable(
    inputs: Sequence[str], laws: Literal["auto"] | Sequence[str]
) -> list[tuple[Law, dict[str, str]]]:
    """The laws to use, each with its map from law input to column."""
    names = list(registry.load()) if laws == "auto" else list(laws)
    found = []
    for name in names:
        law = registry.get(name)
        by = _mapping(law, inputs)
        if by is not None:
            found.append((law, by))
        elif laws != "auto":
            raise InputError(
                f"{law.name} needs other inputs", value=list(inputs), allowed=", ".join(law.inputs)
            )
    if not found:
        raise InputError("no law takes these inputs", value=list(inputs), allowed="see laws")
    return found


def _mapping(law: Law, inputs: Sequence[str]) -> dict[str, str] | None:
    if len(law.inputs) != len(inputs):
        return None
    if law.generic or law.inputs == ("params", "tokens"):
        return dict(zip(law.inputs, inputs, strict=True))
    return {name: name for name in law.inputs} if set(law.inputs) == set(inputs) else None


def holdout_error(runs: pl.DataFrame, law: Law, by: Mapping[str, str], target: str) -> float:
    """Root mean square log error on the largest fifth of the runs, fitted on the rest."""
    size = np.sum([np.log(positive(runs, name)) for name in by.values()], axis=0)
    edge = np.quantile(size, 1.0 - HELD_OUT)
    small, large = runs.filter(pl.Series(size < edge)), runs.filter(pl.Series(size >= edge))
    if small.height <= len(law.params) or large.height == 0:
        return float("inf")
    made = fit(small, law, target=target, inputs=by)
    predicted = made.predict({name: positive(large, column) for name, column in by.items()})
    with np.errstate(all="ignore"):
        error = np.log(predicted) - np.log(positive(large, target))
    return float(np.sqrt(np.mean(error**2))) if np.isfinite(error).all() else float("inf")


def member(made: Fit, x: Mapping[str, Array], weight: float) -> Member:
    """One law's part of the mixture at inputs ``x``."""
    noise = run_noise(made.residuals, len(made.free))
    with np.errstate(all="ignore"):
        draws = np.log(made.predict_draws(x))
    draws = draws[np.isfinite(draws).all(axis=1)]
    return Member(made.law.name, draws, noise, float(weight))
