"""A second opinion: the same objective, minimised by SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.fitting.solver.problem import Problem

STARTS, DISTURBED = 3, 0.1
TIGHT: Any = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 2_000, "maxfun": 20_000}


def scipy_objective(problem: Problem, u: Array) -> float:
    """Lowest objective that SciPy finds from three points about ``u`` (P,), none of them ``u``.

    L-BFGS-B and then BFGS on the objective scaled to 1 at ``u``: SciPy's stopping rule is absolute
    below 1, so an objective near 1e-3 stops early unless it is scaled. Coordinates are in units of
    their size.
    """
    from scipy import optimize

    scale = float(problem.value(u[None])[0])
    if not (np.isfinite(scale) and scale > 0):
        return float("nan")
    real = np.array([axis.kind == "real" for axis in problem.space.by_coordinate])
    size = np.where(real & (u != 0.0), np.abs(u), 1.0)

    def both(at: Array) -> tuple[float, Array]:
        made = problem.evaluate((at * size)[None], second=False)
        return float(made.f[0]) / scale, made.g[0] * size / scale

    best = np.inf
    for shift in DISTURBED * np.random.default_rng(0).standard_normal((STARTS, len(u))):
        rough: Any = optimize.minimize(
            both, u / size + shift, jac=True, method="L-BFGS-B", options=TIGHT
        )
        fine: Any = optimize.minimize(both, rough.x, jac=True, method="BFGS")
        best = min(best, float(rough.fun), float(fine.fun))
    return best * scale
