"""Wild cluster bootstrap: refits of data whose clusters had their residuals flipped at random.

    y*_i = eta_i + t(G-1)/z v_g r_i,   r_g <- (I - H_gg)^-1 r_g

v_g are Webb's six-point weights (mean 0, variance 1, right for few clusters), H the hat matrix of
the fit, so residuals are as if each cluster had been left out (CR3). The design stays: with
five budgets, resampling whole budgets leaves the largest out of every third resample, and
stretching such draws only throws predictions upwards (measured: a 90 % interval of the loss one
decade out then held 81 %, every miss on one side).

Sources: Cameron, Gelbach and Miller 2008, "Bootstrap-based improvements for inference with
clustered errors"; Webb 2014, "Reworking wild bootstrap based inference for clustered errors".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scaling.fit.newton import minimise
from scaling.fit.problem import Problem
from scaling.fit.sandwich import slopes
from scaling.fit.widening import t_over_z

Array = NDArray[np.float64]

WEBB = np.sqrt(np.array([0.5, 1.0, 1.5]))


def wild_draws(
    problem: Problem, u: Array, groups: NDArray[np.int64], count: int, seed: int
) -> Array:
    """Coordinates (count, P) refitted to ``count`` wild samples of clusters ``groups`` (rows,).

    Each takes the better of two starts: the optimum, and the answer of the draw before.
    """
    eta = problem.predict(u[None])[0]
    residual = _left_out(problem, u, groups, problem.y - eta)
    number = int(groups.max()) + 1
    degrees = number - 1 if number < problem.rows else problem.rows - problem.space.size
    rng = np.random.default_rng([seed, 3])
    flips = rng.choice(np.concatenate([-WEBB, WEBB]), size=(count, number))
    y = eta + t_over_z(max(degrees, 1)) * flips[:, groups] * residual
    first, f = _refit(problem, np.repeat(u[None], count, axis=0), y)
    second, g = _refit(problem, np.roll(first, 1, axis=0), y)
    return np.where((g < f)[:, None], second, first)


def _left_out(problem: Problem, u: Array, groups: NDArray[np.int64], residual: Array) -> Array:
    """Residuals of each cluster as if it had not bent the fit."""
    q, _ = np.linalg.qr(slopes(problem, u[None]))
    out = residual.copy()
    for g in range(int(groups.max()) + 1):
        rows = groups == g
        kept = np.eye(int(rows.sum())) - q[rows] @ q[rows].T
        out[rows] = np.linalg.pinv(kept, rcond=1e-2, hermitian=True) @ residual[rows]
    return out


def _refit(problem: Problem, starts: Array, y: Array) -> tuple[Array, Array]:
    """Coordinates and objectives for each row of ``y`` (draws, rows)."""
    from scaling.fit import compiled

    if compiled.serves(problem):
        found = compiled.minimise(problem, starts, np.ones_like(y), y)
        return found.u, found.f
    found = minimise(problem, starts, y=y)
    return found.u, found.f
