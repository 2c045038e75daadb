"""How far resamples must be stretched about the optimum so that small studies keep their word.

Resamples are stretched in solver coordinates: u + c (u* - u). By cluster, the factor is that of
cluster-robust inference,

    c = G/(G-1) sqrt((n-1)/(n-p)) t(G-1) / z

(Cameron and Miller 2015, "A practitioner's guide to cluster-robust inference", sections 2 and 6,
with the jackknife's G/(G-1) for its root, which extrapolation from five budgets needs).
For single rows, resampled pairs overstate the spread of a fit that is nearly L1, because a
resample of few rows has fewer distinct ones; the factor was measured by simulation over designs,
noise levels and 12 to 240 rows (`benchmarks/coverage.py` shows what it achieves):

    c = q c2 + (1 - q) c1,   c1 = 1 - .79 (p/n)^.8,
    c2 = 1 + .5 min(p/n, .08) - .4 max(p/n - .1, 0)

with q the share of rows inside Huber's delta in excess of the p that any such fit passes through.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scaling.fit.problem import Problem

Array = NDArray[np.float64]

# t(df) / z at the 95 % point, for df 1 to 10; beyond, 1 + 1 / df is within a thousandth.
_T_OVER_Z = (3.84, 1.775, 1.431, 1.296, 1.225, 1.181, 1.152, 1.131, 1.114, 1.102)


def factor(problem: Problem, u: Array, clusters: int) -> float:
    """The factor c for a fit at ``u`` (P,) whose resamples were made of ``clusters`` units."""
    n, p = problem.rows, problem.space.size
    if n <= p + 1 or clusters < 2:
        return 1.0
    if clusters < n:
        known = clusters / (clusters - 1) * np.sqrt((n - 1) / (n - p))
        return float(known * t_over_z(clusters - 1))
    _, curve, _ = problem.objective.slopes(problem.predict(u[None]), problem.y)
    inside = float(np.mean(curve > 0))
    smooth = float(np.clip((inside - p / n) / (1 - p / n), 0.0, 1.0))
    part = p / n
    nearly_l1 = 1.0 - 0.79 * part**0.8
    least_squares = 1.0 + 0.5 * min(part, 0.08) - 0.4 * max(part - 0.1, 0.0)
    return float(smooth * least_squares + (1.0 - smooth) * nearly_l1)


def t_over_z(df: int) -> float:
    """Ratio of Student's 95 % point to the normal's."""
    return _T_OVER_Z[df - 1] if df <= len(_T_OVER_Z) else 1.0 + 1.0 / df


def stretch(draws: Array, u: Array, by: float) -> Array:
    """Draws (R, P) stretched about the optimum (P,)."""
    return u + by * (draws - u)
