"""Wild cluster bootstrap: refits of data whose clusters had their residuals flipped at random.

    y*_i = eta_i + t(d)/z v_g r_i,   r_g <- A_g r_g,  A_g = (I - H_gg)^-1

v_g are Webb's six-point weights (mean 0, variance 1, right for few clusters), H the hat matrix of
the fit, so residuals are as if each cluster had been left out (CR3). A few clusters carry most of
what is known of each coordinate k, so the spread has fewer degrees of freedom than G - 1: they are

    d_k = (sum_g s_gk)^2 / sum_g s_gk^2,   s_gk = (1' A_g J_g (J'J)^-1 e_k)^2

for errors that a cluster shares, about a third of G on isoFLOP designs; d is the median over the
coordinates, not below MIN_DEGREES, where leaving a cluster out overstates the spread by itself
(docs/benchmarks/coverage.md, docs/benchmarks/few_runs.md). The design stays: with
five budgets, resampling whole budgets leaves the largest out of every third resample, and
stretching such draws only throws predictions upwards (measured: a 90 % interval of the loss one
decade out then held 81 %, every miss on one side).

Sources: Bell and McCaffrey 2002, Survey Methodology 28:169 (degrees of freedom); Cameron, Gelbach
and Miller 2008, "Bootstrap-based improvements for inference with clustered errors"; Webb 2014,
"Reworking wild bootstrap based inference for clustered errors".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.fitting.solver.choice import minimise
from scaling.fitting.solver.problem import Problem
from scaling.fitting.uncertainty.sandwich import inverse, slopes
from scaling.fitting.uncertainty.small_samples import t_over_z

# 4 rather than 3: with 6 and 9 runs of 100 checkpoints 3 held 94 to 100 % of six quantities, with
# 4 runs (which have 3) 92 to 97 %.
MIN_DEGREES = 4.0
# Leverage of a cluster from which its residuals show nothing in one direction: what they would be
# without it is unknown there.
ALONE = 0.995
WEBB = np.sqrt(np.array([0.5, 1.0, 1.5]))


def wild_draws(
    problem: Problem, u: Array, groups: NDArray[np.int64], count: int, seed: int
) -> Array:
    """Coordinates (count, P) refitted to ``count`` wild samples of clusters ``groups`` (rows,).

    Each takes the better of two starts: the optimum, and the answer of the draw before.
    """
    eta = problem.predict(u[None])[0]
    residual, degrees = _left_out(problem, u, groups, problem.y - eta)
    number = int(groups.max()) + 1
    if number == problem.rows:
        degrees = max(problem.rows - problem.space.size, 1)
    rng = np.random.default_rng([seed, 3])
    flips = rng.choice(np.concatenate([-WEBB, WEBB]), size=(count, number))
    y = eta + t_over_z(degrees) * flips[:, groups] * residual
    first = minimise(problem, np.repeat(u[None], count, axis=0), y=y, pays=True)
    second = minimise(problem, np.roll(first.u, 1, axis=0), y=y, known=first, pays=True)
    return np.where((second.f < first.f)[:, None], second.u, first.u)


def carried_alone(problem: Problem, u: Array, groups: NDArray[np.int64], cluster: str) -> str:
    """Which cluster alone determines a direction of the parameters, so that no other can show how
    far it is off, as a sentence; empty where none does.

    That is a leverage, the largest eigenvalue of H_gg, above ALONE.
    """
    q, _ = np.linalg.qr(slopes(problem, u[None]))
    for g in range(int(groups.max()) + 1):
        own = q[groups == g]
        if np.linalg.eigvalsh(own.T @ own)[-1] > ALONE:
            first = int(np.argmax(groups == g)) + 1
            return (
                f"No intervals: without the {cluster} of row {first} the others do not determine "
                "the parameters, so nothing shows how far off it is."
            )
    return ""


def _left_out(
    problem: Problem, u: Array, groups: NDArray[np.int64], residual: Array
) -> tuple[Array, float]:
    """Residuals of each cluster as if it had not bent the fit, and d of the module's formula."""
    slope = slopes(problem, u[None])
    q, _ = np.linalg.qr(slope)
    carries = slope @ inverse(slope.T @ slope)
    out, number = residual.copy(), int(groups.max()) + 1
    share = np.empty((number, slope.shape[1]))
    for g in range(number):
        rows = groups == g
        kept = np.eye(int(rows.sum())) - q[rows] @ q[rows].T
        whole = np.linalg.pinv(kept, rcond=1.0 - ALONE, hermitian=True)
        out[rows] = whole @ residual[rows]
        share[g] = (whole @ carries[rows]).sum(axis=0) ** 2
    total, square = share.sum(axis=0), (share**2).sum(axis=0)
    known = total**2 / np.maximum(square, 1e-300)
    return out, float(np.clip(np.median(known), min(MIN_DEGREES, number - 1), number - 1))
