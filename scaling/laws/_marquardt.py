"""Weighted least squares with known derivatives, for laws that bring their own procedure.

Source: Marquardt 1963, Journal of the Society for Industrial and Applied Mathematics 11:431.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scaling.arrays import Array

# u (P,) -> residuals (rows,) and their derivatives (rows, P).
Miss = Callable[[Array], tuple[Array, Array]]

STEPS = 60
LONGEST = 2.0
DONE = 1e-13


def descend(miss: Miss, u: Array, w: Array, low: Array | None = None) -> tuple[Array, float]:
    """The nearest least sum of w residual^2 from ``u``, kept above ``low``, and that sum."""
    residual, jacobian = miss(u)
    total, damping = float(np.sum(w * residual**2)), 1e-3
    for _ in range(STEPS):
        gram = jacobian.T @ (w[:, None] * jacobian)
        size = np.diag(gram) + 1e-12
        step = np.linalg.solve(gram + damping * np.diag(size), -jacobian.T @ (w * residual))
        trial = u + np.clip(step, -LONGEST, LONGEST)
        trial = trial if low is None else np.maximum(trial, low)
        made = miss(trial)
        now = float(np.sum(w * made[0] ** 2))
        if not now < total:
            damping *= 8.0
            if damping > 1e8:
                break
            continue
        gain, total, damping = total - now, now, damping * 0.2
        u, (residual, jacobian) = trial, made
        if gain < DONE * total:
            break
    return u, total
