"""Shapes of one curve: prior and starts in the curve's own units.

Slopes are measured against the steepest slope seen, places of breaks against the range of the
data, so that one prior serves curves of any kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scaling.arrays import Array
from scaling.forecasting.curve_model import columns, predict
from scaling.forecasting.map_estimate import Optima, Shape, evenly, fit_shape

STARTS = 32
# A curve without a visible slope is measured against this one.
MIN_SLOPE = 0.3


@dataclass(frozen=True)
class Prior:
    """Mean and spread of the floor's u, and spread of slopes in units of the steepest seen."""

    floor: float
    floor_sd: float
    slope_sd: float


@dataclass(frozen=True)
class Curve:
    """t (n,) at most 0, log y (n,), and the units of the prior."""

    t: Array
    y: Array
    noise: float
    steepest: float
    length: float

    @property
    def low(self) -> float:
        """Log of the lowest value."""
        return float(self.y.min())


def read_curve(t: Array, y: Array) -> Curve:
    """A curve from t (n,) and log y (n,), in order of t."""
    return Curve(t, y, rough_noise(t, y), max(_steepest(t, y), MIN_SLOPE), float(-t.min()))


def fit_curve(curve: Curve, breaks: int, power: float, prior: Prior) -> Optima:
    """Distinct optima of a curve with so many breaks."""
    mean, spread = _moments(curve, breaks, prior)
    shape = Shape(
        lambda theta: predict(theta, curve.t, curve.low), mean, spread, _starts(curve, breaks)
    )
    return fit_shape(shape, curve.y, curve.t, power, curve.noise, bent=2)


def rough_noise(t: Array, y: Array) -> float:
    """Robust scatter of points about the line through their neighbours."""
    if len(t) < 4:
        return 0.01
    gap = np.maximum(t[2:] - t[:-2], 1e-12)
    share = np.where(t[2:] > t[:-2], (t[1:-1] - t[:-2]) / gap, 0.5)
    error = y[1:-1] - (1.0 - share) * y[:-2] - share * y[2:]
    return float(1.4826 * np.median(np.abs(error) / np.sqrt(1.0 + (1.0 - share) ** 2 + share**2)))


def _steepest(t: Array, y: Array, bins: int = 12) -> float:
    """Largest slope between the medians of bins of t."""
    of = np.minimum((bins * (t - t[0]) / max(t[-1] - t[0], 1e-9)).astype(int), bins - 1)
    at = [(t[of == k].mean(), np.median(y[of == k])) for k in np.unique(of)]
    if len(at) < 2:
        return 0.0
    where, level = np.array(at).T
    return float(np.abs(np.diff(level) / np.maximum(np.diff(where), 1e-9)).max())


def _moments(curve: Curve, breaks: int, prior: Prior) -> tuple[Array, Array]:
    """Mean and spread of the prior (P,): the breaks lie anywhere in the range."""
    slope, length = curve.steepest, curve.length
    mean = [prior.floor, curve.y[-1], 0.3 * slope] + [0.0, -length / 2, np.log(length) - 2] * breaks
    spread = [prior.floor_sd, 10.0, prior.slope_sd * slope] + [slope, length / 2, 1.2] * breaks
    return np.array(mean), np.array(spread)


def _starts(curve: Curve, breaks: int) -> Array:
    """Starts (S, P) that fill the prior's range evenly."""
    share = evenly(STARTS, columns(breaks))
    theta = np.empty_like(share)
    theta[:, 0] = -4.0 + 7.0 * share[:, 0]
    last = np.exp(curve.y[-max(1, len(curve.y) // 20) :]).mean()
    floor = np.exp(curve.low) / (1.0 + np.exp(-theta[:, 0]))
    theta[:, 1] = np.log(np.maximum(last - floor, 1e-3 * last))
    theta[:, 2] = (-0.2 + 1.7 * share[:, 2]) * curve.steepest
    for j in range(3, theta.shape[1], 3):
        theta[:, j] = 4.0 * (share[:, j] - 0.5) * curve.steepest
        theta[:, j + 1] = (0.15 - 1.15 * share[:, j + 1]) * curve.length
        theta[:, j + 2] = np.log(curve.length) - 4.0 + 3.5 * share[:, j + 2]
    return theta
