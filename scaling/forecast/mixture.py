"""From fits of several laws to one predictive distribution.

Three layers stay apart until the last step: parameter uncertainty (the draws of each law),
new-run noise (what single runs scatter about the law), and model form (several laws, weighted by
how well each foretold the largest runs from the smaller ones).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

NOISE_PER_DRAW = 8


@dataclass(frozen=True)
class Member:
    """One law's predictions at the targets: log median (T,), log draws (R, T), weight, and the
    log residuals (rows,) from which new-run noise is drawn."""

    law: str
    draws: Array
    noise: Array
    weight: float


def run_noise(residuals: Array, parameters: int) -> Array:
    """Log scatter of single runs about a law: observed minus predicted, centred, and widened by
    sqrt(n / (n - p)) for the p parameters that the fit bent towards the data."""
    rows = len(residuals)
    noise = -residuals * np.sqrt(rows / max(rows - parameters, 1))
    return np.asarray(noise - np.median(noise))


def quantiles(members: Sequence[Member], levels: Array, seed: int) -> Array:
    """Quantiles (levels, targets) of the weighted mixture, in natural units."""
    rng = np.random.default_rng([seed, 2])
    pools, weights = [], []
    for member in members:
        drawn = np.repeat(member.draws, NOISE_PER_DRAW, axis=0)
        noise = rng.choice(member.noise, size=len(drawn))
        pools.append(drawn + noise[:, None])
        weights.append(np.full(len(drawn), member.weight / len(drawn)))
    pool, weight = np.concatenate(pools), np.concatenate(weights)
    return np.exp(np.stack([_weighted(column, weight, levels) for column in pool.T], axis=1))


def _weighted(values: Array, weights: Array, levels: Array) -> Array:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    middle = (reached - 0.5 * weights[order]) / reached[-1]
    return np.interp(levels, middle, values[order])


def law_weights(errors: Sequence[float], converged: Sequence[bool]) -> Array:
    """Weights from each law's root mean square log error on held-out larger runs.

    Inverse square, so a law that errs twice as much counts a quarter; floored at a tenth of a
    percent so that a lucky law does not take all. A fit that did not converge counts only where
    none did: a vanished term makes a law another law.
    """
    size = np.maximum(np.asarray(errors, dtype=np.float64), 1e-3)
    weight = np.where(np.isfinite(size), 1.0 / size**2, 0.0)
    trusted = weight * np.asarray(converged, dtype=np.float64)
    for candidate in (trusted, weight):
        if candidate.any():
            return np.asarray(candidate / candidate.sum())
    return np.full(len(weight), 1.0 / len(weight))
