"""Profile intervals: how far a parameter can go before the fit, all else refitted, gets worse.

A value is inside while 2 (F(value) - F(best)) / phi <= F quantile(1, n - p), F the objective and
phi = n/(n-p) E[psi^2] / E[psi'] its dispersion, which makes F / phi a log-likelihood. An end that
is never reached is infinite: that is what "not identified" looks like.

Source: Bates and Watts 1988, "Nonlinear Regression Analysis", section 6.1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.fitting.solver.choice import minimise
from scaling.fitting.solver.kernels import kernel_of
from scaling.fitting.solver.problem import Problem
from scaling.fitting.uncertainty.small_samples import t_over_z

Z = {0.5: 0.6745, 0.8: 1.2816, 0.9: 1.6449, 0.95: 1.9600}
FARTHEST = 60.0  # in sizes of the coordinate, beyond which an interval counts as open
TURNS = 40


def dispersion(problem: Problem, u: Array) -> float:
    """phi at the optimum ``u`` (P,)."""
    psi, curve, _ = problem.objective.slopes(problem.predict(u[None]), problem.y)
    n, p = problem.rows, problem.space.size
    bend = max(float(np.sum(problem.weights * curve)) - p, 1.0)
    return float(np.sum((problem.weights * psi) ** 2) / bend * n / max(n - p, 1))


def profile_intervals(
    problem: Problem, u: Array, level: float = 0.9
) -> dict[str, tuple[float, float]]:
    """`profile_interval` of every free parameter."""
    return {name: profile_interval(problem, u, name, level) for name in problem.space.free}


def profile_interval(
    problem: Problem, u: Array, name: str, level: float = 0.9
) -> tuple[float, float]:
    """Ends of the profile interval of one free parameter, in natural units.

    ``level`` is .5, .8, .9 or .95. The search starts where the parameter alone, the others held,
    would reach the limit, which is never too far.
    """
    problem, u = _uncentred(problem, u)
    space = problem.space
    axis = space.axes[problem.law.names.index(name)]
    degrees = max(problem.rows - space.size, 1)
    limit = 0.5 * dispersion(problem, u) * (Z[level] * t_over_z(degrees)) ** 2
    at = problem.evaluate(u[None])
    bend = float(at.majoriser[0, axis.index, axis.index])
    near = float(np.sqrt(2.0 * limit / bend)) if bend > 0 else 1.0
    size = max(abs(float(u[axis.index])), near) if axis.kind == "real" else 1.0
    low, high = (
        _end(_walker(problem, u, axis.index), side * near, limit, FARTHEST * size)
        for side in (-1.0, 1.0)
    )
    return _natural(problem, u, axis.index, name, low), _natural(problem, u, axis.index, name, high)


def is_open(problem: Problem, name: str, ends: tuple[float, float]) -> bool:
    """Whether an end of a profile interval is the end of the parameter's range."""
    axis = problem.space.axes[problem.law.names.index(name)]
    lowest, highest = {
        "exp": (0.0, np.inf),
        "interval": (axis.low, axis.high),
        "real": (-np.inf, np.inf),
    }[axis.kind]
    return ends[0] <= lowest or ends[1] >= highest


def _uncentred(problem: Problem, u: Array) -> tuple[Problem, Array]:
    """The same problem with each size as a coordinate of its own."""
    if not problem.space.centres:
        return problem, u
    space = problem.space.plain()
    kernel = kernel_of(problem.law, problem.x, space, problem.objective)
    moved = space.coordinates(problem.space.theta(u[None]))[0]
    return replace(problem, space=space, kernel=kernel), moved


class _Walk:
    """Coordinates that move away from the optimum ``u`` (P,), one a walker, the others refitted:
    each time from where the walker's last step ended and from the optimum."""

    def __init__(
        self, problem: Problem, u: Array, moved: Sequence[int] | NDArray[np.int64]
    ) -> None:
        self.problem, self.u, self.moved = problem, u, np.asarray(moved, dtype=np.int64)
        self.last = np.repeat(u[None], len(self.moved), axis=0)
        self.best = float(problem.value(u[None])[0])

    def rise(self, walkers: NDArray[np.int64], distance: Array) -> Array:
        """How much higher the objective is where ``walkers`` (W,) are at a distance (W,)."""
        moved = self.moved[walkers]
        begin = np.stack([self.last[walkers], np.repeat(self.u[None], len(walkers), axis=0)], 1)
        begin[np.arange(len(walkers)), :, moved] = (self.u[moved] + distance)[:, None]
        found = minimise(self.problem, begin.reshape(-1, len(self.u)), held=np.repeat(moved, 2))
        f = found.f.reshape(-1, 2)
        first = f.argmin(axis=1)
        at = np.arange(len(walkers))
        self.last[walkers] = found.u.reshape(begin.shape)[at, first]
        return np.asarray(f[at, first] - self.best)


def _walker(problem: Problem, u: Array, index: int) -> Callable[[float], float]:
    """`_Walk.rise` of one walker."""
    walk, one = _Walk(problem, u, [index]), np.zeros(1, dtype=np.int64)
    return lambda distance: float(walk.rise(one, np.array([distance]))[0])


def _end(rise: Callable[[float], float], first: float, limit: float, farthest: float) -> float:
    """Signed distance at which the rise reaches the limit, or infinity of that sign."""
    near, far = 0.0, first
    while rise(far) < limit:
        near, far = far, far * 1.7
        if abs(far) > farthest:
            return float(np.sign(first) * np.inf)
    for _ in range(TURNS):
        middle = 0.5 * (near + far)
        if rise(middle) < limit:
            near = middle
        else:
            far = middle
        if abs(far - near) < 1e-4 * abs(far):
            break
    return 0.5 * (near + far)


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


def profile_curves(
    problem: Problem, u: Array, steps: int = 9
) -> dict[str, list[tuple[float, float]]]:
    """The profile of every free parameter: (value, 2 (F(value) - F(best)) / phi), value ascending.

    Steps to both sides of the optimum begin at six tenths of the standard deviation that the
    curvature gives and grow; a side ends above twice the height of the 90 % interval's end, or
    after ``steps``, 20 such deviations away. A parabola is what a well-told parameter looks like; a
    side that stays low is one that the data do not bound. A parameter without a deviation has no
    points. All sides are walked together.
    """
    problem, u = _uncentred(problem, u)
    free, phi = problem.space.free, dispersion(problem, u)
    spread = phi * np.diag(np.linalg.pinv(problem.evaluate(u[None]).majoriser[0]))
    moved = np.repeat(np.flatnonzero(np.isfinite(spread) & (spread > 0)), 2)
    walk, side = _Walk(problem, u, moved), np.tile([-1.0, 1.0], len(moved) // 2)
    first, away = 0.6 * np.sqrt(spread[moved]), np.zeros(len(moved))
    found = {name: [(_natural(problem, u, k, name, 0.0), 0.0)] for k, name in enumerate(free)}
    found |= {free[k]: [] for k in set(range(len(free))) - set(moved.tolist())}
    going = np.arange(len(moved))
    for step in range(steps):
        if not len(going):
            break
        away[going] += side[going] * 1.3**step * first[going]
        with np.errstate(over="ignore"):  # far out the law itself may overflow
            height = 2.0 * walk.rise(going, away[going]) / phi
        for one, high in zip(going.tolist(), height.tolist(), strict=True):
            name = free[moved[one]]
            value = _natural(problem, u, moved[one], name, float(away[one]))
            found[name].append((value, max(high, 0.0)))
        going = going[height < 2.0 * Z[0.9] ** 2]
    return {
        name: sorted(pair for pair in pairs if np.isfinite(pair).all())
        for name, pairs in found.items()
    }


def profile_height(problem: Problem, level: float = 0.9) -> float:
    """The height at which a profile leaves its interval, in the units of `profile_curve`."""
    degrees = max(problem.rows - problem.space.size, 1)
    return float((Z[level] * t_over_z(degrees)) ** 2)
