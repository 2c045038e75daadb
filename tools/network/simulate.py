"""Curves of many kinds, known up to a place, and what comes after it.

A curve is drawn in log y over t = log(x / x_max). Most are a floor and a power law whose slope
changes at up to three places, before or after the last point that is known,

    y = E + (1 - E) exp(g(t)),   dg/dt = -(c + changes),

one in four without a floor. The rest begin on a plateau, are logistic in t, or exponential in a
power of x; some carry a bump (double descent) or slow waves. Points are even in t, in x or in
between, and scatter: independently, in runs, more for small x, with outliers, in steps, or as the
best value so far, which never rises. What is forecast is the curve without scatter. All spreads
are choices, wide ones; docs/benchmarks/forecast_notes.md says what of real curves was seen before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtri

from scaling.forecasting.network import FARTHEST, MIN_POINTS, NEAREST
from scaling.forecasting.network import MAX_POINTS as POINTS
from scaling.forecasting.network_features import Curves

Array = NDArray[np.floating]

TARGETS = 4
BREAKS = (0.35, 0.3, 0.2, 0.15)
TYPE = np.float32


@dataclass(frozen=True)
class Simulated:
    """Curves (B, P), distances of targets (B, T), and the log level that is there (B, T)."""

    curves: Curves
    h: Array
    truth: Array


class Draw:
    """Columns (B, 1) of random numbers."""

    def __init__(self, seed: list[int], rows: int) -> None:
        self.random, self.rows = np.random.default_rng(seed), rows

    def even(self, low: float | Array, high: float | Array, wide: int = 1) -> Array:
        """Between two bounds."""
        return np.asarray(low + (high - low) * self.random.random((self.rows, wide), TYPE))

    def factor(self, typical: float, spread: float, wide: int = 1) -> Array:
        """Log-normal about a typical value."""
        normal = self.random.standard_normal((self.rows, wide), TYPE)
        return np.asarray(TYPE(typical) * np.exp(TYPE(spread) * normal))

    def normal(self, mean: float, spread: float, wide: int = 1) -> Array:
        """Normal."""
        return np.asarray(
            TYPE(mean) + TYPE(spread) * self.random.standard_normal((self.rows, wide), TYPE)
        )

    def some(self, share: float, wide: int = 1) -> NDArray[np.bool_]:
        """True for a share."""
        return np.asarray(self.random.random((self.rows, wide), TYPE) < share)


def simulate(seed: list[int], rows: int) -> Simulated:
    """So many curves; the same of the same seed."""
    draw = Draw(seed, rows)
    number = np.exp(draw.even(np.log(MIN_POINTS), np.log(POINTS))).round()
    there = np.arange(POINTS) < number
    length = np.exp(draw.even(np.log(0.5), np.log(9.0)))
    t = _places(draw, number, length)
    h = length * np.exp(draw.even(np.log(0.02), np.log(FARTHEST), TARGETS))
    h = np.clip(h, NEAREST, 6.0)
    level = _level(draw, np.concatenate([t, h], axis=1), length)
    y = _scattered(draw, t, level[:, :POINTS])
    return Simulated(Curves(t, y, there), h, level[:, POINTS:])


def _places(draw: Draw, number: Array, length: Array) -> Array:
    """t (B, P) at most 0, the last at 0; columns beyond ``number`` repeat it."""
    share = np.minimum(np.arange(POINTS, dtype=TYPE) / (number - 1.0), 1.0)
    power = np.where(draw.some(0.7), TYPE(1.0), draw.even(0.5, 3.0))
    start = np.exp(-length / power)
    in_x = power * np.log(start + (1.0 - start) * share)
    t = np.where(draw.some(0.5), -length * (1.0 - share), in_x)
    gap = 0.4 * length / (number - 1.0) * np.exp(t)
    moved = t + gap * draw.normal(0.0, 1.0, POINTS)
    moves = draw.some(0.4) & (np.arange(POINTS) < number - 1)
    return np.asarray(np.minimum(np.where(moves, moved, t), 0.0).astype(TYPE))


def _level(draw: Draw, t: Array, length: Array) -> Array:
    """Log of the curve at t (B, Q)."""
    power = np.clip(_power(draw, t, length), -30.0, 12.0)
    cap = draw.even(0.1, 3.0)
    power = np.where(draw.some(0.2), -np.logaddexp(-power, -cap), power)
    floor = expit(draw.normal(0.0, 1.8)) * draw.some(0.75)
    level = np.log(floor + (1.0 - floor) * np.exp(power) + 1e-12)
    kind = draw.even(0.0, 1.0)
    level = np.where(kind < 0.14, _logistic(draw, t, length), level)
    level = np.where((kind > 0.14) & (kind < 0.2), _exponential(draw, t, length), level)
    place, width = draw.even(-1.0, 0.4) * length, length * draw.factor(0.12, 0.5)
    height = draw.factor(0.22, 1.0) * draw.some(0.1)
    level = level + height * np.exp(-0.5 * ((t - place) / width) ** 2)
    return np.asarray((level + _waves(draw, t, length)).astype(TYPE))


def _power(draw: Draw, t: Array, length: Array) -> Array:
    """A slope at 0 that changes at up to three places: away from 0, one after the other."""
    slope = draw.factor(0.16, 1.35)
    sign = np.where(draw.some(0.93), TYPE(1.0), TYPE(-1.0))
    breaks = draw.random.choice(len(BREAKS), size=(draw.rows, 1), p=BREAKS)
    lately = -np.exp(-draw.even(0.0, 4.0, 3))
    place = np.where(draw.some(0.3, 3), lately, draw.even(-1.0, 0.6, 3))
    place = np.sort(place, axis=1) * length
    width = length * draw.factor(0.08, 1.0, 3)
    power = -slope * t
    for k in range(3):
        back = np.where(draw.some(0.1), TYPE(-1.0), TYPE(1.0))
        stops = draw.even(0.0, 1.0) < np.where(slope < 0.06, TYPE(0.25), TYPE(0.12))
        times = draw.factor(1.0, 1.0) * back * np.where(stops, TYPE(0.05), TYPE(1.0))
        change = slope * (times - 1.0) * (k < breaks)
        at, wide = place[:, k : k + 1], width[:, k : k + 1]
        after = at > 0
        side = np.where(after, TYPE(1.0), TYPE(-1.0))
        bend = wide * (_softplus(side * (t - at) / wide) - _softplus(-side * at / wide))
        power = power - side * change * bend
    return np.asarray(sign * power)


def _softplus(z: Array) -> Array:
    return np.asarray(np.maximum(z, 0.0) + np.log1p(np.exp(-np.abs(z))))


def _logistic(draw: Draw, t: Array, length: Array) -> Array:
    place, width = draw.even(-1.0, 0.7) * length, length * draw.factor(0.2, 0.7)
    low = draw.factor(0.15, 1.5)
    return np.asarray(np.log(low + expit((place - t) / width)))


def _exponential(draw: Draw, t: Array, length: Array) -> Array:
    scale, power = draw.even(-0.7 * length, 0.5 * length), draw.factor(0.6, 0.5)
    height = draw.factor(1.65, 1.0)
    return np.asarray(np.log1p(height * np.exp(-np.exp(np.minimum(power * (t - scale), 8.0)))))


def _waves(draw: Draw, t: Array, length: Array) -> Array:
    """Slow waves on every second curve: no formula is exact."""
    height = draw.factor(0.01, 1.2) * draw.some(0.5)
    waves = np.zeros_like(t)
    for k in range(1, 6):
        phase = draw.even(0.0, 2.0 * np.pi)
        pace = np.pi * k / length * draw.even(0.6, 1.4)
        waves += np.sin(pace * t + phase) / TYPE(k**1.5)
    return np.asarray(height * waves)


def _scattered(draw: Draw, t: Array, level: Array) -> Array:
    """What is seen of the curve (B, P)."""
    best = draw.some(0.2)
    size = np.where(best, draw.factor(0.012, 1.0), np.clip(draw.factor(0.004, 1.4), 1e-6, 0.15))
    size = np.minimum(size, TYPE(0.15))
    early = np.where(draw.some(0.25), draw.even(0.0, 0.5), TYPE(0.0))
    single = draw.normal(0.0, 1.0, POINTS)
    noise = np.where(draw.some(0.25), _runs(draw, single), single)
    noise = np.where(draw.some(0.12) & draw.some(0.05, POINTS), 5.0 * noise, noise)
    tries = np.exp(draw.even(0.0, np.log(8.0)))
    least = ndtri(1.0 - np.clip(draw.even(0.0, 1.0, POINTS), 1e-6, 1.0 - 1e-6) ** (1.0 / tries))
    noise = np.where(best & draw.some(0.7), least, noise)
    y = level + size * np.minimum(np.exp(-early * t), 8.0) * noise
    y = np.where(best, np.minimum.accumulate(y, axis=1), y)
    step, first = draw.factor(0.004, 1.0), y[:, :1]
    steps = np.maximum(np.round(np.exp(np.minimum(y - first, 20.0)) / step), 1.0) * step
    return np.asarray(np.where(draw.some(0.05), np.log(steps) + first, y).astype(TYPE))


def _runs(draw: Draw, single: Array) -> Array:
    """Noise in which a point takes after the one before, of unit size."""
    share = draw.even(0.3, 0.95)[:, 0]
    noise = single.copy()
    for k in range(1, POINTS):
        noise[:, k] = share * noise[:, k - 1] + np.sqrt(1.0 - share**2) * single[:, k]
    return noise
