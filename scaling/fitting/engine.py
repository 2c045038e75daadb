"""`fit`: any law and a table of runs -> Fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling import laws
from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.certificate import certify
from scaling.fitting.conventions import refuse_mixtures
from scaling.fitting.data import (
    assumed_inputs,
    clusters,
    law_inputs,
    number,
    positive,
    unit_of_target,
    unnamed_runs,
)
from scaling.fitting.procedures import fit_procedure
from scaling.fitting.result import Fit, Outcome, Resampling
from scaling.fitting.solver.choice import minimise
from scaling.fitting.solver.kernels import centres, kernel_of, sums_terms
from scaling.fitting.solver.objective import Objective
from scaling.fitting.solver.problem import Problem
from scaling.fitting.solver.search import starts
from scaling.fitting.solver.space import Box, Prior, Space
from scaling.fitting.uncertainty.bootstrap import resample
from scaling.fitting.uncertainty.small_samples import (
    MIN_UNITS,
    SPARE_ROWS,
    narrowed,
    stretch,
    too_few,
)
from scaling.fitting.uncertainty.wild_bootstrap import carried_alone, wild_draws
from scaling.laws._law import Law

# Resamples behind the naive standard errors: enough for 4 % Monte Carlo error.
NAIVE = 300
# Largest residual of a table that a law generated, on the link's scale: rounding reaches 1e-12, a
# loss of seven digits leaves 1e-8.
EXACT = 1e-9


def fit(
    runs: pl.DataFrame,
    law: str | Law,
    *,
    target: str = "loss",
    resamples: int = 0,
    cluster: str | None = None,
    seed: int = 0,
    inputs: Mapping[str, str] | None = None,
    objective: Objective | None = None,
    weights: str | None = None,
    fixed: Mapping[str, float] | None = None,
    tied: Mapping[str, str] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    priors: Mapping[str, Prior | Box] | None = None,
    start: Mapping[str, float] | None = None,
    check: bool = False,
    profile: bool = False,
    method: Literal["auto", "pairs", "wild"] = "auto",
    mixed: Sequence[str] = (),
) -> Fit:
    """Fit a law to a table of runs.

    Args:
        runs: one row a result; columns named as the law's inputs (or mapped by ``inputs``).
        law: name of a law, or a `Law`.
        target: column to explain, positive.
        resamples: bootstrap resamples; 0 gives no standard errors.
        cluster: column whose values are resampled together; "row" for single rows; None for the
            coarsest lineage column that the table has.
        seed: of the resamples; the same seed gives the same bytes.
        inputs: law input -> column; through `scaling.fit` also with its unit,
            ``{"params": "size:M"}``.
        objective: default Huber on the law's own scale, summed: log residuals with delta 1e-3
            unless the law says otherwise.
        weights: column of standard errors of the target; each row counts by 1/se^2, scaled to
            mean 1. For the binomial objective a column of trial counts, used as it stands.
        fixed, tied, bounds, priors: see `scaling.fitting.solver.space.Space`.
        start: begin at these parameters alone instead of searching.
        check: solve once more with SciPy and put its objective into the certificate.
        profile: put profile-likelihood intervals into the certificate; a parameter whose interval
            has no end is not identified.
        method: "pairs" refits resampled rows or clusters and stretches the draws for small
            samples; "wild" keeps the design and flips the clusters' residuals at random; "auto"
            is pairs by row and wild by cluster.
        mixed: columns that may hold several conventions in one fit, see
            `scaling.fitting.conventions`.

    Raises:
        InputError: unknown law, missing column, a value that no law can take, or rows of
            different conventions.
    """
    if method not in ("auto", "pairs", "wild"):
        raise InputError("unknown method", value=method, allowed="auto | pairs | wild")
    if resamples < 0 or resamples == 1:
        raise InputError("resamples out of range", value=resamples, allowed="0, or 2 and more")
    family = bound(runs, law, target, mixed)
    if family.estimate is not None:
        _refuse_choices(family, objective, fixed, tied, bounds, priors, start, check, profile)
        made = fit_procedure(runs, family, target, inputs, weights, (resamples, cluster, seed))
        notes = (*assumed_inputs(runs, family, inputs), *made.notes)
        unit = unit_of_target(runs, target)
        return replace(made, unit=unit, unsampled=not resamples, notes=notes)
    problem = prepare(
        runs,
        family,
        target=target,
        inputs=inputs,
        objective=objective,
        weights=weights,
        fixed=fixed,
        tied=tied,
        bounds=bounds,
        priors=priors,
        mixed=mixed,
    )
    result, u = solve(problem, target, start)
    seen = number(runs, target)
    result = replace(
        result,
        unit=unit_of_target(runs, target),
        x=problem.x,
        observed=seen,
        notes=assumed_inputs(runs, family, inputs),
    )
    if check:
        from scaling.fitting.scipy_check import scipy_objective

        reached = scipy_objective(problem, u)
        result = replace(result, certificate=replace(result.certificate, solver=reached))
    if profile:
        result = _profiled(result, problem, u)
    if not resamples:
        return replace(result, unsampled=True)
    grouped = clusters(runs, cluster)
    result = replace(result, notes=(*result.notes, *unnamed_runs(runs, grouped[0])))
    return _with_draws(result, problem, u, grouped, resamples, seed, method)


def prepare(
    runs: pl.DataFrame,
    law: str | Law,
    *,
    target: str = "loss",
    inputs: Mapping[str, str] | None = None,
    objective: Objective | None = None,
    weights: str | None = None,
    fixed: Mapping[str, float] | None = None,
    tied: Mapping[str, str] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    priors: Mapping[str, Prior | Box] | None = None,
    mixed: Sequence[str] = (),
) -> Problem:
    """The problem that `fit` solves, from the same arguments."""
    family = bound(runs, law, target, mixed)
    if family.estimate is not None:
        raise InputError(f"{family.name} has its own procedure", allowed="`scaling fit` alone")
    x = law_inputs(runs, family, inputs)
    space = Space(
        family, fixed=fixed, tied=tied, bounds=bounds, priors=priors, centres=centres(family, x)
    )
    aim = objective or default_objective(family)
    return make_problem(runs, family, x, target, aim, weights, space)


def bound(runs: pl.DataFrame, law: str | Law, target: str, mixed: Sequence[str] = ()) -> Law:
    """The law with this table's parameters; refuses rows of different conventions."""
    family = laws.get(law)
    if runs.height == 0:
        raise InputError("the table is empty", value=0, allowed="at least one data row")
    family = family.bound(runs, target)
    refuse_mixtures(runs, family, mixed)
    return family


def default_objective(law: Law, delta: float | None = None) -> Objective:
    """Huber on the law's own scale; ``delta`` replaces the law's where residuals are logs."""
    return Objective(
        link=law.link, delta=law.delta if delta is None or law.link != "log" else delta
    )


def _refuse_choices(law: Law, *choices: object) -> None:
    if any(choices):
        raise InputError(
            f"{law.name} has its own procedure",
            value="objective, fixed, tied, bounds, priors, start, check or profile",
            allowed="weights, resamples, cluster and seed",
        )


def solve(
    problem: Problem, target: str = "loss", start: Mapping[str, float] | None = None
) -> tuple[Fit, Array]:
    """Global search, polish and certificate: the fit without draws, and its coordinates (P,)."""
    law, space = problem.law, problem.space
    begin = starts(problem) if start is None else _given(problem, start)
    found = minimise(problem, begin)
    best = int(np.argmin(found.f))
    certificate, outcome, reason = certify(problem, found, best)
    u = found.u[best]
    made = Fit(
        law=law,
        target=target,
        theta=space.theta(u[None])[0],
        resampled=np.zeros((0, len(law.names))),
        objective=float(found.f[best]),
        objective_name=problem.objective.name,
        link=problem.objective.link,
        outcome=outcome,
        reason=reason,
        certificate=certificate,
        rows=problem.rows,
        residuals=problem.predict(u[None])[0] - problem.y,
        ranges={name: (float(v.min()), float(v.max())) for name, v in problem.x.items()},
        free=space.free,
    )
    return made, u


def _profiled(result: Fit, problem: Problem, u: Array) -> Fit:
    """The fit with profile intervals; open ones speak against it."""
    from scaling.fitting.uncertainty.profile import is_open, profile_intervals

    ends = profile_intervals(problem, u)
    result = replace(result, certificate=replace(result.certificate, profile=ends))
    without_end = [name for name in ends if is_open(problem, name, ends[name])]
    if result.outcome is not Outcome.CONVERGED or not without_end:
        return result
    reason = f"The 90 % profile interval has no end: {', '.join(without_end)}."
    return replace(result, outcome=Outcome.NOT_IDENTIFIED, reason=reason)


def _given(problem: Problem, start: Mapping[str, float]) -> Array:
    missing = [name for name in problem.law.names if name not in start]
    if missing:
        raise InputError("start lacks a parameter", value=missing[0], allowed="all parameters")
    theta = np.array([[float(start[name]) for name in problem.law.names]])
    return problem.space.coordinates(theta)


def make_problem(
    runs: pl.DataFrame,
    law: Law,
    x: Mapping[str, Array],
    target: str,
    objective: Objective,
    weights: str | None,
    space: Space,
) -> Problem:
    """Arrays, weights and kernel of one fit."""
    y = _observed(runs, target, objective)
    w = np.ones(len(y))
    if weights is not None:
        w = positive(runs, weights)
        w = w if objective.kind == "binomial" else w.mean() ** 2 / w**2
        w = w if objective.kind == "binomial" else w / w.mean()
    space = space if sums_terms(law, objective) else space.plain()
    kernel = kernel_of(law, x, space, objective)
    problem = Problem(law, x, objective.to_link(y), w, objective, space, kernel)
    return problem if not space.priors else _with_priors(problem)


def _observed(runs: pl.DataFrame, target: str, objective: Objective) -> Array:
    """The target, refused where the objective's scale has no place for it."""
    if objective.link == "log":
        return positive(runs, target)
    y = number(runs, target)
    inside = np.isfinite(y)
    allowed = "a finite number"
    if objective.kind == "binomial":
        inside, allowed = inside & (y >= 0) & (y <= 1), "a fraction from 0 to 1"
    elif objective.link == "logit":
        inside, allowed = inside & (y > 0) & (y < 1), "between 0 and 1, ends excluded"
    bad = np.flatnonzero(~inside)
    if len(bad):
        at = int(bad[0])
        raise InputError(
            "value out of range", row=at + 1, column=target, value=runs[target][at], allowed=allowed
        )
    return y


def _with_priors(problem: Problem) -> Problem:
    """Weigh priors against the data by the dispersion of the fit without them.

    A sum of Huber losses is a log-likelihood only up to a scale phi = E[psi^2] / E[psi'].
    """
    found = minimise(problem, starts(problem))
    eta = problem.predict(found.u[[int(np.argmin(found.f))]])
    psi, curve, _ = problem.objective.slopes(eta, problem.y)
    return replace(problem, penalty=float(np.mean(psi**2) / max(float(np.mean(curve)), 1e-12)))


def _spread(problem: Problem, u: Array, draws: Array, by: float) -> dict[str, float]:
    """Standard errors: of the draws before they were stretched."""
    theta = problem.space.theta(stretch(draws, u, 1.0 / by))
    with np.errstate(over="ignore", invalid="ignore"):  # a size can run away: then se is inf
        spread = theta.std(axis=0, ddof=1)
    return {name: float(v) for name, v in zip(problem.law.names, spread, strict=True)}


def _with_draws(
    result: Fit,
    problem: Problem,
    u: Array,
    unit: tuple[str, NDArray[np.int64]],
    count: int,
    seed: int,
    method: str,
) -> Fit:
    name, groups = unit
    number = int(groups.max()) + 1
    if method == "auto":
        method = "pairs" if name == "row" else "wild"
    size = problem.space.size
    least = size + SPARE_ROWS if number == problem.rows else MIN_UNITS
    refusal = too_few(name, number, size, least)
    if not refusal and float(np.abs(result.residuals).max()) < EXACT:
        refusal = (
            "No intervals: the law passes through every row, so there is no scatter to judge by."
        )
    if not refusal and method == "wild" and not result.outcome.denies:
        refusal = carried_alone(problem, u, groups, name)
    if refusal:
        return replace(result, notes=(*result.notes, refusal))
    if method == "wild":
        draws, agreeing, by = wild_draws(problem, u, groups, count, seed), None, 1.0
    else:
        made, by = narrowed(problem, u, groups, count, seed)
        draws, agreeing = made.u, made.agreeing
    naive: dict[str, float] = {}
    if name != "row":
        rows = resample(problem, u, np.arange(problem.rows), min(count, NAIVE), seed)
        naive = _spread(problem, u, rows.u, 1.0)
    return replace(
        result,
        resampled=problem.space.theta(draws),
        errors=_spread(problem, u, draws, by),
        certificate=replace(result.certificate, resamples_agreeing=agreeing),
        resampling=Resampling(method, number, count, name, by, naive),
    )
