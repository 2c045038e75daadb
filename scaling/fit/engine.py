"""`fit`: any law and a table of runs -> Fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling import laws
from scaling.errors import InputError
from scaling.fit.bootstrap import resample
from scaling.fit.certificate import certify
from scaling.fit.data import clusters, law_inputs, number, positive
from scaling.fit.kernels import GenericKernel, TermsKernel, centres
from scaling.fit.newton import minimise
from scaling.fit.objective import Objective
from scaling.fit.problem import Problem
from scaling.fit.result import Fit, Resampling
from scaling.fit.search import starts
from scaling.fit.space import Prior, Space
from scaling.laws._law import Law

Array = NDArray[np.float64]


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
    priors: Mapping[str, Prior] | None = None,
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
        inputs: law input -> column.
        objective: default Huber with delta 1e-3 on log residuals, summed.
        weights: column of standard errors of the target; each row counts by 1/se^2, scaled to
            mean 1.
        fixed, tied, bounds, priors: see `scaling.fit.space.Space`.

    Raises:
        InputError: unknown law, missing column, or a value that no law can take.
    """
    family = laws.get(law)
    aim = objective or Objective()
    if resamples < 0:
        raise InputError("resamples out of range", value=resamples, allowed=">= 0")
    x = law_inputs(runs, family, inputs)
    space = Space(
        family, fixed=fixed, tied=tied, bounds=bounds, priors=priors, centres=centres(family, x)
    )
    problem = make_problem(runs, family, x, target, aim, weights, space)
    found = minimise(problem, starts(problem))
    best = int(np.argmin(found.f))
    certificate, outcome, reason = certify(problem, found, best)
    u = found.u[best]
    result = Fit(
        law=family,
        target=target,
        theta=space.theta(u[None])[0],
        draws=np.zeros((0, len(family.names))),
        objective=float(found.f[best]),
        objective_name=aim.name,
        link=aim.link,
        outcome=outcome,
        reason=reason,
        certificate=certificate,
        rows=runs.height,
        residuals=problem.predict(u[None])[0] - problem.y,
        ranges={name: (float(v.min()), float(v.max())) for name, v in x.items()},
        free=space.free,
    )
    if not resamples:
        return result
    return _with_draws(result, problem, u, clusters(runs, cluster), resamples, seed)


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
    y = positive(runs, target) if objective.link == "log" else number(runs, target)
    w = np.ones(len(y))
    if weights is not None:
        w = 1.0 / positive(runs, weights) ** 2
        w /= w.mean()
    terms = bool(law.terms) and objective.link == "log" and objective.kind != "binomial"
    kernel = TermsKernel(law, x, space) if terms else GenericKernel(law, x, space, objective.link)
    problem = Problem(law, x, objective.to_link(y), w, objective, space, kernel)
    return problem if not space.priors else _with_priors(problem)


def _with_priors(problem: Problem) -> Problem:
    """Weigh priors against the data by the dispersion of the fit without them.

    A sum of Huber losses is a log-likelihood only up to a scale phi = E[psi^2] / E[psi'].
    """
    found = minimise(problem, starts(problem))
    eta = problem.predict(found.u[[int(np.argmin(found.f))]])
    psi, curve, _ = problem.objective.slopes(eta, problem.y)
    return replace(problem, penalty=float(np.mean(psi**2) / max(float(np.mean(curve)), 1e-12)))


def _with_draws(
    result: Fit,
    problem: Problem,
    u: Array,
    unit: tuple[str, NDArray[np.int64]],
    count: int,
    seed: int,
) -> Fit:
    name, groups = unit
    made = resample(problem, u, groups, count, seed)
    return replace(
        result,
        draws=problem.space.theta(made.u),
        certificate=replace(result.certificate, resamples_agreeing=made.agreeing),
        resampling=Resampling("bootstrap", int(groups.max()) + 1, count, name),
    )
