"""Wild cluster bootstrap on scores: no refits, for few clusters and for any law.

Each draw is u + t(df)/z H^-1 sum_g v_g s_g with Webb's six-point weights v_g (mean 0, variance 1,
right for few clusters) and cluster scores s_g of leverage-corrected residuals (CR3).

Sources: Kline and Santos 2012, "A score based approach to wild bootstrap inference"; Webb 2014,
"Reworking wild bootstrap based inference for clustered errors"; Cameron and Miller 2015.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scaling.fit.problem import Problem
from scaling.fit.sandwich import row_curvatures, slopes
from scaling.fit.widening import t_over_z

Array = NDArray[np.float64]

WEBB = np.sqrt(np.array([0.5, 1.0, 1.5]))


def wild_draws(
    problem: Problem, u: Array, groups: NDArray[np.int64], count: int, seed: int
) -> Array:
    """Draws of the coordinates, (count, P), for clusters ``groups`` (rows,)."""
    scores = _cluster_scores(problem, u, groups)
    number = len(scores)
    bread = np.linalg.pinv(row_curvatures(problem, u[None]).sum(axis=0), hermitian=True)
    rng = np.random.default_rng([seed, 3])
    weights = rng.choice(np.concatenate([-WEBB, WEBB]), size=(count, number))
    degrees = number - 1 if number < problem.rows else problem.rows - problem.space.size
    draws: Array = u + t_over_z(max(degrees, 1)) * (weights @ scores @ bread)
    return draws


def _cluster_scores(problem: Problem, u: Array, groups: NDArray[np.int64]) -> Array:
    """Scores (clusters, P) with each cluster's residuals divided by one minus its leverage.

    The leverage is that of least squares, which bounds what a cluster's own rows bent the fit.
    """
    slope = slopes(problem, u[None])
    psi = problem.objective.slopes(problem.predict(u[None]), problem.y)[0][0] * problem.weights
    q, _ = np.linalg.qr(slope)
    scores = np.empty((int(groups.max()) + 1, problem.space.size))
    for g in range(len(scores)):
        rows = groups == g
        kept = np.eye(int(rows.sum())) - q[rows] @ q[rows].T
        scores[g] = slope[rows].T @ (np.linalg.pinv(kept, rcond=1e-6, hermitian=True) @ psi[rows])
    return scores
