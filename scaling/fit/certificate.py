"""Judging an optimum: derivatives, agreement of starts, and what the data cannot tell apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scaling.fit.newton import Minima
from scaling.fit.problem import Problem
from scaling.fit.result import Certificate, Outcome
from scaling.fit.sandwich import smooth_covariance

Array = NDArray[np.float64]

AGREE = 1e-6
FLAT = 1e-5  # slope relative to the objective that still counts as vanished
VANISHED = 1e-4  # share of the prediction below which a term is gone everywhere
LOOSE = 1.0  # sd along the weakest direction, in logs: a factor e either way
LEVEL = 0.01  # inputs within 1 % of each other are one level


def levels(problem: Problem) -> dict[str, int]:
    """Distinct values of each input, counting values within 1 % as one."""
    found = {}
    for name, column in problem.x.items():
        if column.min() <= 0.0:
            found[name] = len(np.unique(column))
            continue
        logs = np.sort(np.log(column))
        found[name] = int(1 + np.sum(np.diff(logs) > LEVEL))
    return found


def certify(problem: Problem, minima: Minima, best: int) -> tuple[Certificate, Outcome, str]:
    """Certificate, outcome and a sentence that names the parameters concerned."""
    u = minima.u[best : best + 1]
    at = problem.evaluate(u)
    f, hessian = float(at.f[0]), at.hessian[0]
    scale = np.sqrt(np.maximum(np.abs(np.diag(hessian)), 1e-300))
    eigen = np.linalg.eigvalsh(hessian / np.outer(scale, scale))
    weakest, sd = weakest_direction(problem, u)
    certificate = Certificate(
        objective=f,
        gradient=float(np.abs(at.g[0]).max() / max(f, 1e-300)),
        smallest_eigenvalue=float(eigen[0]),
        condition=float(eigen[-1] / eigen[0]) if eigen[0] > 0 else float("inf"),
        starts=len(minima.f),
        starts_agreeing=float(np.mean(minima.f <= minima.f[best] * (1 + AGREE) + 1e-300)),
        at_bound=at_bounds(problem, u),
        weakest=weakest,
        weakest_sd=sd,
        levels=levels(problem),
    )
    outcome, reason = _outcome(problem, certificate)
    return certificate, outcome, reason


def weakest_direction(problem: Problem, u: Array) -> tuple[dict[str, float], float]:
    """The direction of largest variance, as parameter -> weight, and the sd along it."""
    eigen, vectors = np.linalg.eigh(smooth_covariance(problem, u))
    vector = vectors[:, -1]
    vector = vector * np.sign(vector[np.argmax(np.abs(vector))])
    weights = {
        name: round(float(v), 3)
        for name, v in zip(problem.space.free, vector, strict=True)
        if abs(v) > 0.1
    }
    return weights, float(np.sqrt(max(eigen[-1], 0.0)))


def at_bounds(problem: Problem, u: Array) -> tuple[str, ...]:
    """Parameters at the end of their range, and terms that vanish everywhere."""
    law, theta = problem.law, problem.space.theta(u)[0]
    found = []
    for name, axis in zip(law.names, problem.space.axes, strict=True):
        value = theta[law.names.index(name)]
        if axis.kind == "interval":
            part = (value - axis.low) / (axis.high - axis.low)
            found += [name] if min(part, 1 - part) < 1e-5 else []
        if axis.kind == "exp" and name not in law.linear and value < 1e-4:
            found.append(name)
    for name in law.linear:
        if problem.space.axes[law.names.index(name)].kind == "fixed":
            continue
        with_it, without = theta.copy(), theta.copy()
        without[law.names.index(name)] = 0.0
        x = dict(problem.x)
        with np.errstate(all="ignore"):
            full, rest = law(with_it[None], x), law(without[None], x)
            share = np.abs(full - rest) / np.abs(full)
        found += [name] if np.nanmax(share) < VANISHED else []
    return tuple(found)


def _outcome(problem: Problem, made: Certificate) -> tuple[Outcome, str]:
    least = {one.name: one.levels for one in problem.law.all_inputs}
    few = {name: count for name, count in made.levels.items() if count < least.get(name, 3)}
    if few:
        names = ", ".join(f"{name} ({count})" for name, count in few.items())
        return (
            Outcome.TOO_FEW_LEVELS,
            f"Distinct values: {names}; at least {max(least[name] for name in few)} are needed.",
        )
    if not np.isfinite(made.objective):
        return Outcome.FAILED, "The objective is not finite at any start."
    if problem.rows <= problem.space.size:
        text = f"{problem.rows} rows cannot tell {problem.space.size} parameters apart."
        return Outcome.NOT_IDENTIFIED, text
    if made.at_bound:
        return Outcome.AT_BOUND, f"At the end of their range: {', '.join(made.at_bound)}."
    direction = " ".join(f"{weight:+.2f} {name}" for name, weight in made.weakest.items())
    if made.smallest_eigenvalue <= 1e-9 or not made.weakest_sd < LOOSE:
        text = f"Least determined: {direction} (in logs), sd {made.weakest_sd:.2g}."
        return Outcome.NOT_IDENTIFIED, text
    if made.gradient > FLAT:
        return Outcome.FAILED, f"The slope is still {made.gradient:.1e} of the objective."
    return Outcome.CONVERGED, ""
