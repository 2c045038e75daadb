"""Profile intervals: how far a parameter can go before the fit, all else refitted, gets worse.

A value is inside while 2 (F(value) - F(best)) / phi <= F quantile(1, n - p), F the objective and
phi = n/(n-p) E[psi^2] / E[psi'] its dispersion, which makes F / phi a log-likelihood. An end that
is never reached is infinite: that is what "not identified" looks like.

Source: Bates and Watts 1988, "Nonlinear Regression Analysis", section 6.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scaling.fit.kernels import TermsKernel
from scaling.fit.problem import Problem
from scaling.fit.widening import t_over_z

Array = NDArray[np.float64]

Z = {0.5: 0.6745, 0.8: 1.2816, 0.9: 1.6449, 0.95: 1.9600}
FARTHEST = 60.0  # coordinates from the optimum at which an interval counts as open
TURNS = 40


def dispersion(problem: Problem, u: Array) -> float:
    """phi at the optimum ``u`` (P,)."""
    psi, curve, _ = problem.objective.slopes(problem.predict(u[None]), problem.y)
    n, p = problem.rows, problem.space.size
    bend = max(float(np.sum(problem.weights * curve)) - p, 1.0)
    return float(np.sum((problem.weights * psi) ** 2) / bend * n / max(n - p, 1))


def profile_interval(
    problem: Problem, u: Array, name: str, level: float = 0.9
) -> tuple[float, float]:
    """Ends of the profile interval of one free parameter, in natural units.

    ``level`` is .5, .8, .9 or .95.
    """
    problem, u = _uncentred(problem, u)
    space = problem.space
    index = space.axes[problem.law.names.index(name)].index
    degrees = max(problem.rows - space.size, 1)
    limit = 0.5 * dispersion(problem, u) * (Z[level] * t_over_z(degrees)) ** 2
    best = float(problem.value(u[None])[0])
    ends = []
    for side in (-1.0, 1.0):
        at = _end(_walker(problem, u, index, best), side, limit)
        ends.append(at)
    return _natural(problem, u, index, name, ends[0]), _natural(problem, u, index, name, ends[1])


def _uncentred(problem: Problem, u: Array) -> tuple[Problem, Array]:
    """The same problem with each size as a coordinate of its own."""
    if not problem.space.centres:
        return problem, u
    space = problem.space.plain()
    kernel = TermsKernel(problem.law, problem.x, space)
    moved = space.coordinates(problem.space.theta(u[None]))[0]
    return replace(problem, space=space, kernel=kernel), moved


def _walker(problem: Problem, u: Array, index: int, best: float) -> Callable[[float], float]:
    """Rise of the objective with the coordinate moved by a distance and the others refitted,
    each time from where the last walk ended."""
    state = {"u": u.copy()}
    others = [i for i in range(len(u)) if i != index]

    def rise(distance: float) -> float:
        at = state["u"].copy()
        at[index] = u[index] + distance
        state["u"] = _refit_others(problem, at, others)
        return float(problem.value(state["u"][None])[0]) - best

    return rise


def _refit_others(problem: Problem, at: Array, others: list[int]) -> Array:
    """Minimise over the coordinates ``others`` by damped Newton, the rest held."""
    u, damping = at.copy(), 1e-3
    made = problem.evaluate(u[None])
    for _ in range(60):
        h = made.hessian[0][np.ix_(others, others)]
        m = made.majoriser[0][np.ix_(others, others)]
        matrix = h if np.linalg.eigvalsh(h)[0] > 0 else m
        scale = np.maximum(np.diag(m), 1e-300)
        step = np.linalg.lstsq(matrix + damping * np.diag(scale), -made.g[0][others], rcond=None)[0]
        step *= min(1.0, 2.0 / max(float(np.abs(step).max(initial=0.0)), 1e-300))
        trial = u.copy()
        trial[others] += step
        new = problem.evaluate(trial[None])
        if np.isfinite(new.f[0]) and new.f[0] <= made.f[0]:
            gain = made.f[0] - new.f[0]
            u, made, damping = trial, new, max(damping * 0.1, 1e-12)
            if gain <= 1e-10 * abs(made.f[0]):
                break
        else:
            damping *= 8.0
            if damping > 1e10:
                break
    return u


def _end(rise: Callable[[float], float], side: float, limit: float) -> float:
    """Distance at which the rise reaches the limit, or infinity."""
    near, far = 0.0, 0.05
    while rise(side * far) < limit:
        near, far = far, far * 1.7
        if far > FARTHEST:
            return side * np.inf
    for _ in range(TURNS):
        middle = 0.5 * (near + far)
        if rise(side * middle) < limit:
            near = middle
        else:
            far = middle
        if far - near < 1e-4 * far:
            break
    return side * 0.5 * (near + far)


def _natural(problem: Problem, u: Array, index: int, name: str, distance: float) -> float:
    """The parameter's value at a distance from the optimum along its own coordinate."""
    axis = problem.space.axes[problem.law.names.index(name)]
    if not np.isfinite(distance):
        if axis.kind == "interval":
            return axis.low if distance < 0 else axis.high
        return 0.0 if axis.kind == "exp" and distance < 0 else distance
    at = u[None].copy()
    at[0, index] += distance
    return float(axis.natural(at)[0][0])
