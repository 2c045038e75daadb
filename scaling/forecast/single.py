"""What one law alone says, with its own uncertainty: parameter draws and new-run noise.

Shown beside the forecast of all laws together; the difference between laws is model form.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NOISE_PER_DRAW = 8


def run_noise(residuals: Array, parameters: int) -> Array:
    """Log scatter of single runs about a law: observed minus predicted, centred, and widened by
    sqrt(n / (n - p)) for the p parameters that the fit bent towards the data."""
    rows = len(residuals)
    noise = -residuals * np.sqrt(rows / max(rows - parameters, 1))
    return np.asarray(noise - np.median(noise))


def quantiles(draws: Array, noise: Array, levels: Array, seed: int) -> Array:
    """Quantiles (levels, T) of log draws (R, T) plus resampled ``noise``, in natural units."""
    rng = np.random.default_rng([seed, 2])
    drawn = np.repeat(draws, NOISE_PER_DRAW, axis=0)
    pool = drawn + rng.choice(noise, size=len(drawn))[:, None]
    return np.asarray(np.exp(np.quantile(pool, levels, axis=0)))
