"""A second opinion: the same objective, minimised by SciPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scaling.fit.problem import Problem

Array = NDArray[np.float64]


def scipy_objective(problem: Problem, u: Array) -> float:
    """Lowest objective that SciPy finds from ``u`` (P,), disturbed and as it stands.

    L-BFGS-B and then BFGS on the objective scaled to 1 at ``u``: SciPy's stopping rule is absolute
    below 1, so an objective near 1e-3 stops early unless it is scaled.
    """
    from scipy import optimize

    scale = float(problem.value(u[None])[0])
    if not (np.isfinite(scale) and scale > 0):
        return float("nan")

    def both(at: Array) -> tuple[float, Array]:
        made = problem.evaluate(at[None], second=False)
        return float(made.f[0]) / scale, made.g[0] / scale

    best = np.inf
    rng = np.random.default_rng(0)
    for shift in (np.zeros_like(u), 0.1 * rng.standard_normal(len(u))):
        rough: Any = optimize.minimize(
            both, u + shift, jac=True, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-10}
        )
        fine: Any = optimize.minimize(both, rough.x, jac=True, method="BFGS")
        best = min(best, float(rough.fun), float(fine.fun))
    return best * scale
