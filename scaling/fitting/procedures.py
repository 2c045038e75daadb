"""Fits of laws that bring their own procedure: an estimate, then the same resamples as any fit.

A resample changes the row weights and nothing else, so a procedure is written once, for weighted
rows. Rows or clusters are resampled as pairs. Few clusters give too little spread, so their draws
are stretched about the estimate by

    sqrt(n / (n - p)) t(n - p) / z        n clusters, p parameters, quantiles at 95 %

on the scale where a positive parameter is a logarithm (docs/log.md has the coverage).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.data import clusters, law_inputs, number, positive, refuse_rows
from scaling.fitting.nested import solve
from scaling.fitting.result import Certificate, Fit, Outcome, Resampling
from scaling.fitting.solver.space import Space
from scaling.fitting.uncertainty.bootstrap import resampled_counts
from scaling.fitting.uncertainty.small_samples import SPARE_ROWS, t_over_z, too_few
from scaling.laws._law import Law

# Share of resamples that must have an answer for intervals: the others may be those that disagree.
MIN_SHARE_FITTED = 0.5


def fit_procedure(
    runs: pl.DataFrame,
    law: Law,
    target: str,
    inputs: Mapping[str, str] | None,
    weights: str | None,
    resampling: tuple[int, str | None, int],
) -> Fit:
    """The law's own estimate with draws; ``resampling`` is (resamples, cluster, seed)."""
    x = law_inputs(runs, law, inputs)
    y = target_values(runs, law, target)
    w = np.ones(len(y)) if weights is None else 1.0 / positive(runs, weights) ** 2
    w = w / w.mean()
    theta = _estimate(law, x, y, w)
    count, cluster, seed = resampling
    made = _fit(law, target, theta, x, y, w)
    if not count:
        return made
    name, groups = clusters(runs, cluster)
    number = int(groups.max()) + 1
    refusal = too_few(name, number, len(law.names), len(law.names) + SPARE_ROWS)
    if refusal:
        return replace(made, notes=(*made.notes, refusal))
    draws = _draws(law, x, y, w, groups, (count, seed))
    notes = _unanswered(count - len(draws), count)
    if len(draws) < max(2, MIN_SHARE_FITTED * count):
        return replace(made, notes=(*made.notes, *notes))
    with np.errstate(over="ignore"):  # G of a steep line is beyond any square
        spread = draws.std(axis=0, ddof=1)
    errors = {one: float(v) for one, v in zip(law.names, spread, strict=True)}
    by = 1.0 if name == "row" else small_sample(number, len(law.names))
    draws = _stretched(law, theta, draws, by)
    how = Resampling("pairs", number, len(draws), name, by, {}, count - len(draws) or None)
    notes = (*made.notes, *notes)
    return replace(made, resampled=draws, errors=errors, resampling=how, notes=notes)


def _unanswered(without: int, count: int) -> tuple[str, ...]:
    """What resamples without an answer mean for the intervals; nothing where all have one."""
    if not without:
        return ()
    text = f"{without} of {count} resamples ({without / count:.1%}) have no answer"
    if count - without < max(2, MIN_SHARE_FITTED * count):
        return (f"No intervals: {text}.",)
    return (f"{text}; intervals are of the others.",)


def small_sample(clusters: int, parameters: int) -> float:
    """The factor of the module's docstring."""
    free = clusters - parameters
    return float(np.sqrt(clusters / free) * t_over_z(free))


def _stretched(law: Law, theta: Array, draws: Array, by: float) -> Array:
    if by == 1.0:
        return draws
    space = Space(law)
    centre = space.coordinates(theta[None])
    return space.theta(centre + by * (space.coordinates(draws) - centre))


def target_values(runs: pl.DataFrame, law: Law, target: str) -> Array:
    """The target as numbers that the law's link can take."""
    if law.link == "log":
        return positive(runs, target)
    y = number(runs, target)
    refuse_rows(runs, target, np.isfinite(y), "a finite number")
    return y


def _estimate(law: Law, x: Mapping[str, Array], y: Array, w: Array) -> Array:
    assert law.estimate is not None
    return np.asarray(law.estimate(x, y, w, solve), dtype=np.float64)


def _draws(
    law: Law,
    x: Mapping[str, Array],
    y: Array,
    w: Array,
    groups: NDArray[np.int64],
    how: tuple[int, int],
) -> Array:
    """Estimates of resampled rows (R, K); resamples without an answer are left out."""
    found = []
    count, seed = how
    for counts in resampled_counts(len(y), count, groups, seed):
        for own in counts:
            try:
                theta = _estimate(law, x, y, w * own)
            except (InputError, np.linalg.LinAlgError):
                continue  # a resample can lack what the whole table has
            if np.isfinite(theta).all():
                found.append(theta)
    return np.array(found).reshape(-1, len(law.names))


def _fit(law: Law, target: str, theta: Array, x: Mapping[str, Array], y: Array, w: Array) -> Fit:
    residuals = (
        np.zeros(0) if law.output else _linked(law, law(theta[None], x)[0]) - _linked(law, y)
    )
    objective = 0.5 * float(np.sum(residuals**2)) if len(residuals) else float("nan")
    counts = {one.name: len(np.unique(x[one.name])) for one in law.all_inputs}
    few = {one.name: counts[one.name] for one in law.all_inputs if counts[one.name] < one.levels}
    outcome, reason = Outcome.ESTIMATED, ""
    if few:
        names = ", ".join(f"{name} ({count})" for name, count in few.items())
        outcome, reason = Outcome.TOO_FEW_LEVELS, f"Distinct values: {names}."
    elif len(y) <= len(law.names):
        outcome = Outcome.NOT_IDENTIFIED
        reason = f"{len(y)} rows cannot tell {len(law.names)} parameters apart."
    if not np.isfinite(theta).all():
        outcome, reason = Outcome.FAILED, "The procedure gave a value that is not finite."
    nothing = float("nan")
    return Fit(
        law=law,
        target=target,
        theta=theta,
        resampled=np.zeros((0, len(law.names))),
        objective=objective,
        objective_name="the law's own procedure",
        link=law.link,
        outcome=outcome,
        reason=reason,
        certificate=Certificate(objective, nothing, nothing, nothing, 1, 1.0, levels=counts),
        rows=len(y),
        residuals=residuals,
        ranges={
            one.name: (float(x[one.name].min()), float(x[one.name].max()))
            for one in law.all_inputs
            if not one.labels
        },
        free=law.names,
        notes=law.remarks(x, y, w) if law.remarks else (),
        x=x,
        observed=y,
    )


def _linked(law: Law, value: Array) -> Array:
    if law.link == "linear":
        return value
    with np.errstate(all="ignore"):
        return np.log(value) - (np.log1p(-value) if law.link == "logit" else 0.0)
