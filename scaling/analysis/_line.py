"""Least squares with standard errors that hold for few rows and for unequal scatter."""

from __future__ import annotations

import numpy as np

from scaling.arrays import Array

# Below this many rows standard errors assume equal scatter: HC3 then measures little but leverage.
MIN_ROWS = 12


def least_squares(basis: Array, y: Array, w: Array) -> tuple[Array, Array]:
    """Coefficients (P,) and their covariance (P, P) of y (rows,) on ``basis`` (rows, P).

    From 12 rows on HC3 (MacKinnon and White 1985, Journal of Econometrics 29:305), below it the
    usual s^2 (X'WX)^-1.
    """
    gram = np.linalg.pinv(basis.T @ (w[:, None] * basis))
    made = gram @ (basis.T @ (w * y))
    residual = y - basis @ made
    if len(y) < MIN_ROWS:
        spread = float(np.sum(w * residual**2)) / max(len(y) - basis.shape[1], 1)
        return made, spread * gram
    leverage = np.minimum(w * np.einsum("ni,ij,nj->n", basis, gram, basis), 1.0 - 1e-9)
    meat = basis.T @ ((w * residual / (1.0 - leverage))[:, None] ** 2 * basis)
    return made, gram @ meat @ gram


def student(level: float, degrees: int) -> float:
    """Half-width, in standard errors, of the central ``level`` interval of Student's t."""
    from scipy.special import stdtrit

    return float(stdtrit(max(degrees, 1), 0.5 + level / 2.0))
