"""Judging an optimum: derivatives, agreement of starts, and what the data cannot tell apart.

No measure depends on the units of a parameter. With f the objective, g its gradient and H its
exact Hessian at the optimum, by solver coordinates:

    slope        max_i (|g_i| - e_i)+ / sqrt(f H_ii),  e_i what rounding of predictions can do
    curvature    eigenvalues of H_ij / sqrt(H_ii H_jj)
    weakest      largest eigenvalue and vector of V_ij / (t_i t_j), V the robust covariance

A coordinate that is a logarithm or a logit has size t_i = 1; a parameter searched as it is has
t_i = max(|u_i|, NEAR_ZERO c_i), c_i its standard deviation if all others were known. So a
parameter whose value happens to be near zero counts as undetermined only where others can take its
place.
"""

from __future__ import annotations

import numpy as np

from scaling.arrays import Array
from scaling.fitting.result import Certificate, Outcome
from scaling.fitting.solver.newton import Minima
from scaling.fitting.solver.problem import Derivatives, Problem
from scaling.fitting.uncertainty.sandwich import curvature, row_scores, slopes, smooth_covariance

AGREE = 1e-6
FLAT = 1e-5  # scaled slope that still counts as vanished
VANISHED = 1e-4  # share of the prediction below which a term is gone everywhere
LOOSE = 1.0  # sd along the weakest direction, in sizes: for a logarithm, a factor e either way
NEAR_ZERO = 10.0  # widening by the others (variance inflation of 100) that a value near 0 may have
SINGULAR = 1e-12  # eigenvalue of the scaled Hessian that rounding alone can make
TWINS = 0.005  # half the relative difference of two optima's predictions, at doubled inputs
MAX_ROWS = 200  # enough to see it
ROUNDINGS = 8.0  # units in the last place by which a prediction may be off
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
        gradient=_slope(problem, u, at),
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
    twins = _twins(problem, minima, best) if outcome is Outcome.CONVERGED else ()
    if twins:
        text = f"Another optimum fits as well, with other values of {', '.join(twins)}."
        return certificate, Outcome.NOT_IDENTIFIED, text
    return certificate, outcome, reason


def _twins(problem: Problem, minima: Minima, best: int) -> tuple[str, ...]:
    """Parameters that differ between starts that agree, where the law then predicts otherwise.

    Where all runs lie on a line of two inputs, their terms can change places and fit the runs as
    well. Predictions off the line tell: each input is doubled by itself. Terms of one input that
    changed places predict the same everywhere, and are no twins.
    """
    agree = minima.f <= minima.f[best] * (1 + AGREE) + 1e-300
    theta = problem.space.theta(np.concatenate([minima.u[best : best + 1], minima.u[agree]]))
    apart = np.zeros(len(theta), dtype=bool)
    with np.errstate(all="ignore"):
        some = np.linspace(0, problem.rows - 1, min(problem.rows, MAX_ROWS)).astype(np.int64)
        for name in problem.x:
            moved = {k: v[some] * (2.0 if k == name else 1.0) for k, v in problem.x.items()}
            made = problem.law(theta, moved)
            off = np.abs(made - made[0]) / (np.abs(made) + np.abs(made[0]))
            apart |= np.nan_to_num(off).max(axis=1) > TWINS
        other = theta[int(np.argmax(apart))]
        moved_by = np.abs(other - theta[0]) / np.maximum(np.abs(other), np.abs(theta[0]))
    names = zip(problem.law.names, moved_by, strict=True)
    return tuple(name for name, by in names if by > 0.1) if apart.any() else ()


def _slope(problem: Problem, u: Array, at: Derivatives) -> float:
    """The slope of the module's docstring."""
    aim, jacobian = problem.objective, slopes(problem, u)
    eta = problem.predict(u)
    least = 0.0 if aim.link == "linear" else 1.0
    off = ROUNDINGS * np.finfo(float).eps * np.maximum(np.abs(eta[0]), least)
    rounding = (problem.weights * aim.slopes(eta, problem.y)[2][0] * off) @ np.abs(jacobian)
    upper = np.diag(at.majoriser[0])
    bend = np.maximum(np.diag(at.hessian[0]), np.finfo(float).eps * upper)
    over = np.maximum(np.abs(at.g[0]) - rounding, 0.0)
    return float((over / np.sqrt(np.maximum(float(at.f[0]) * bend, 1e-300))).max())


def weakest_direction(problem: Problem, u: Array) -> tuple[dict[str, float], float]:
    """The direction of largest variance, as parameter -> weight, and the sd along it, in sizes;
    no direction and infinity, where the variance is beyond what a number holds."""
    size = _sizes(problem, u)
    with np.errstate(over="ignore", invalid="ignore"):
        covariance = smooth_covariance(problem, u) / np.outer(size, size)
    if not np.isfinite(covariance).all():
        return {}, float("inf")
    eigen, vectors = np.linalg.eigh(covariance)
    vector = vectors[:, -1]
    vector = vector * np.sign(vector[np.argmax(np.abs(vector))])
    weights = {
        name: round(float(v), 3)
        for name, v in zip(problem.space.free, vector, strict=True)
        if abs(v) > 0.1
    }
    return weights, float(np.sqrt(max(eigen[-1], 0.0)))


def _sizes(problem: Problem, u: Array) -> Array:
    """t of the module's docstring, (P,)."""
    real = np.array([axis.kind == "real" for axis in problem.space.by_coordinate])
    if not _any_real(problem):
        return np.ones(len(real))
    bread = np.maximum(np.diag(curvature(problem, u)), 1e-300)
    alone = np.sqrt(np.sum(row_scores(problem, u) ** 2, axis=0)) / bread
    size = np.maximum(np.abs(u[0]), NEAR_ZERO * alone)
    return np.where(real, np.maximum(size, 1e-300), 1.0)


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
    if made.smallest_eigenvalue <= SINGULAR or not made.weakest_sd < LOOSE:
        return Outcome.NOT_IDENTIFIED, _valley(problem, made)
    return _arrival(made)


def _arrival(made: Certificate) -> tuple[Outcome, str]:
    """Whether the optimum is reached, and by how many starts."""
    if not made.gradient <= FLAT:
        return Outcome.FAILED, f"The scaled slope is still {made.gradient:.1e}."
    if made.starts == 1:
        return Outcome.CONVERGED, "It had one start, so a lower optimum may exist elsewhere."
    if made.starts_agreeing * made.starts < 1.5:
        return Outcome.FAILED, f"One of {made.starts} starts ended lowest, and no second one."
    return Outcome.CONVERGED, "Several starts agree."


def _valley(problem: Problem, made: Certificate) -> str:
    direction = " ".join(f"{weight:+.2f} {name}" for name, weight in made.weakest.items())
    units = "in units of each one's size" if _any_real(problem) else "in logs"
    return f"Least determined: {direction} ({units}), sd {made.weakest_sd:.2g}."


def _any_real(problem: Problem) -> bool:
    return any(axis.kind == "real" for axis in problem.space.by_coordinate)
