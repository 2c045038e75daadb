"""Compute-optimal allocation under approach 3.

    N* = G (C/6)^(beta/(alpha+beta)),  G = (alpha A / (beta B))^(1/(alpha+beta)),  D* = C / (6 N*)

minimises L(N, D) at 6ND = C. Source: Hoffmann et al. 2022, arXiv:2203.15556, equation 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError


def compute_optimal(parameters: Mapping[str, Any], flops: float) -> tuple[Array, Array]:
    """Params and tokens that minimise the loss at ``flops`` FLOP of 6ND.

    ``parameters`` hold A, B, alpha, beta, as numbers or as arrays of draws (one answer a draw).
    """
    if not (np.isfinite(flops) and 1e3 < flops < 1e36):
        raise InputError("compute budget out of range", value=flops, allowed="1e3 to 1e36 FLOP")
    a, b, alpha, beta = (
        np.asarray(parameters[name], dtype=np.float64) for name in ("A", "B", "alpha", "beta")
    )
    log_g = (np.log(alpha * a) - np.log(beta * b)) / (alpha + beta)
    params = np.exp(log_g + beta / (alpha + beta) * np.log(flops / 6.0))
    return params, flops / (6.0 * params)
