"""How wide resamples must spread so that small studies keep their word.

By cluster, resamples are stretched in solver coordinates, u + c (u* - u), with the factor of
cluster-robust inference,

    c = G/(G-1) sqrt((n-1)/(n-p)) t(G-1) / z

(Cameron and Miller 2015, "A practitioner's guide to cluster-robust inference", sections 2 and 6,
with the jackknife's G/(G-1) for its root, which extrapolation from five budgets needs).

For single rows, resampled pairs overstate the spread of a fit that is nearly L1, because a
resample of few rows has fewer distinct ones. A resample of m rows spreads sqrt(n/m) times as far as
one of n, and stays on the curved valley of laws that fit about as well; stretching leaves it, and
predictions, convex along the valley, are then thrown upwards only. So each resample draws
m = n / c^2 rows, with c measured by simulation over designs, noise levels and 12 to 240 rows
(docs/benchmarks/coverage.md shows what it achieves):

    c = q c2 + (1 - q) c1

with q the share of rows inside Huber's delta in excess of the p that any such fit passes through,
and c1 (nearly L1) and c2 (least squares) read from the table ``MEASURED``.
Source: Bickel, Goetze and van Zwet 1997, Statistica Sinica 7:1 (resamples of other sizes).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.errors import counted
from scaling.fitting.solver.problem import Problem
from scaling.fitting.uncertainty.bootstrap import Resamples, resample

# Clusters below which no interval is given: the wild bootstrap holds from here on
# (docs/benchmarks/few_runs.md). Rows are refused up to this many more than parameters.
MIN_UNITS = 4
SPARE_ROWS = 2
# Parameters a row; c1; c2: at each, 90 % intervals of parameters and predictions held 87 to 93 %.
MEASURED = (
    (0.0, 1 / 48, 1 / 12, 1 / 4, 5 / 12, 1.0),
    (1.0, 0.964, 0.878, 0.805, 0.68, 0.45),
    (1.0, 1.01, 1.03, 1.0, 0.90, 0.80),
)
# t(df) / z at the 95 % point, for df 1 to 10; beyond, 1 + 1 / df is within a thousandth.
_T_OVER_Z = (3.84, 1.775, 1.431, 1.296, 1.225, 1.181, 1.152, 1.131, 1.114, 1.102)


def too_few(cluster: str, count: int, parameters: int, least: int) -> str:
    """Why ``count`` resampled units, rows or values of the column ``cluster``, allow no interval of
    ``parameters``; empty where they are ``least`` or more."""
    if count >= least:
        return ""
    if cluster == "row":
        unit = f"{counted(count, 'row')} for {counted(parameters, 'parameter')}"
    else:
        of = "" if cluster == "run" else f" of {cluster}"
        unit = counted(count, "value" if of else "run") + of
    return f"No intervals: {unit}; at least {least} are needed."


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
    parts, of_l1, of_squares = MEASURED
    nearly_l1 = float(np.interp(part, parts, of_l1))
    least_squares = float(np.interp(part, parts, of_squares))
    return float(smooth * least_squares + (1.0 - smooth) * nearly_l1)


def narrowed(
    problem: Problem, u: Array, groups: NDArray[np.int64], count: int, seed: int
) -> tuple[Resamples, float]:
    """Resamples about the optimum ``u`` (P,) that spread by `factor`, and that factor."""
    n, number = problem.rows, int(groups.max()) + 1
    by = factor(problem, u, number)
    if number < n:
        made = resample(problem, u, groups, count, seed)
        return replace(made, u=stretch(made.u, u, by)), by
    size = max(round(n / by**2), 1)
    return resample(problem, u, groups, count, seed, size), float(np.sqrt(n / size))


def t_over_z(df: float) -> float:
    """Ratio of Student's 95 % point to the normal's, linear in 1 / df between whole numbers."""
    if df >= len(_T_OVER_Z):
        return 1.0 + 1.0 / df
    whole = np.arange(1, len(_T_OVER_Z) + 1)
    return float(np.interp(-1.0 / df, -1.0 / whole, _T_OVER_Z))


def stretch(draws: Array, u: Array, by: float) -> Array:
    """Draws (R, P) stretched about the optimum (P,)."""
    return u + by * (draws - u)
