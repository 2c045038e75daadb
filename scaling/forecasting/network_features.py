"""How the network (`scaling.forecasting.network`) reads a curve: from its end, in units of the way
to the target.

For a target at the distance h = log(x / x_max) a point counts by u = log(x_max / x) / h, how far
back it lies in units of the distance to the target, so that the same shape looks the same at any
scale of x. Levels are taken from r, the mean of log y with weights exp(-u / .15), and
measured in S, the root mean square of log y - r with weights exp(-u). What is read (`Features`):

- of each of 22 bins of u the mean level, where in the bin its points lie, and how many they are;
- S, h, the range of the curve in units of h, the points, the scatter of neighbours, the lowest
  level, and the shares of neighbours that rise and that are equal: a running best never rises;
- 27 lines by weighted least squares: y, or log y, on (exp(k u) - 1) / k, a power law of exponent
  k / h with a floor (on u itself for k = 0), with weights exp(-u / .5), exp(-u / 2) and
  exp(-u / 8): what each says at the target, and its residuals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

# fmt: off
EDGES = (0.04, 0.1, 0.18, 0.28, 0.4, 0.55, 0.72, 0.9, 1.1, 1.4, 1.75, 2.2, 2.8, 3.5, 4.5, 6.0, 8.0,
         11.0, 15.0, 22.0, 35.0)
# fmt: on
BINS = len(EDGES) + 1
# Where the last bin, which has no end, is taken to end.
FARTHEST = 70.0
# Curvatures k of lines through y, and through log y; reach of their weights in u.
OF_VALUES, OF_LOGS, REACH = (-0.5, 0.0, 0.1, 0.3, 0.8, 2.0), (0.0, 0.3, 1.0), (0.5, 2.0, 8.0)
LINES = (len(OF_VALUES) + len(OF_LOGS)) * len(REACH)
WIDE = 3 * BINS + 8 + 2 * LINES
# Residuals, in S, below which single precision tells nothing.
LEAST_RESIDUAL = 2e-3
# Bounds that keep single precision from running over.
MOST_LEVEL, MOST_POWER, MOST_STEP = 20.0, 12.0, 12.0


@dataclass(frozen=True)
class Curves:
    """Curves side by side: t (B, P) at most 0 and log y (B, P), and which points there are."""

    t: Array
    y: Array
    there: NDArray[np.bool_]


@dataclass(frozen=True)
class Features:
    """What is read of each target: ``inputs`` (B, T, WIDE), what lines say ``steps`` (B, T, LINES)
    in units of ``unit`` (B, T) from the level ``level`` (B, T)."""

    inputs: Array
    steps: Array
    level: Array
    unit: Array


def read(curves: Curves, h: Array) -> Features:
    """Read curves for targets at distances ``h`` (B, T) > 0."""
    there = curves.there[:, None, :].astype(curves.y.dtype)
    u = np.maximum(-curves.t[:, None, :] / h[:, :, None], 0.0)
    near = np.exp(-u / 0.15) * there
    level = (near * curves.y[:, None, :]).sum(2) / near.sum(2)
    above = np.clip(curves.y[:, None, :] - level[:, :, None], -MOST_LEVEL, MOST_LEVEL) * there
    recent = np.exp(-u) * there
    unit = np.sqrt((recent * above**2).sum(2) / recent.sum(2) + 1e-10)
    steps, residuals = _lines(u, above, there, unit)
    parts = [_bins(u, above / unit[:, :, None], there), _whole(curves, h, level, unit)]
    inputs = np.concatenate([*parts, steps / 3.0, residuals / 3.0 + 1.0], axis=2)
    return Features(inputs, steps, level, unit)


def _bins(u: Array, above: Array, there: Array) -> Array:
    """Mean level, place and number of the points of each bin (B, T, 3 BINS)."""
    rows = u.shape[0] * u.shape[1]
    where = np.searchsorted(np.array(EDGES, u.dtype), u.ravel(), side="right")
    cell = where + np.repeat(np.arange(rows) * BINS, u.shape[2])
    weight = np.broadcast_to(there, u.shape).ravel()

    def total(values: Array) -> Array:
        sums = np.bincount(cell, values, minlength=rows * BINS)
        return np.asarray(sums.reshape(*u.shape[:2], BINS).astype(u.dtype))

    count = total(weight)
    some = np.maximum(count, 1.0)
    low = np.array((0.0, *EDGES), u.dtype)
    width = np.diff(np.array((0.0, *EDGES, FARTHEST), u.dtype))
    place = np.clip((total(u.ravel() * weight) / some - low) / width, 0.0, 1.0) - 0.5
    level = np.arcsinh(total(above.ravel() * weight) / some)
    return np.concatenate([level, np.where(count > 0, place, 0.0), np.log1p(count) / 3.0], axis=2)


def _whole(curves: Curves, h: Array, level: Array, unit: Array) -> Array:
    """What the whole curve tells (B, T, 8)."""
    points = curves.there.sum(1)[:, None]
    length = -np.where(curves.there, curves.t, 0.0).min(1)[:, None]
    low = np.where(curves.there, curves.y, np.inf).min(1)[:, None]
    both = curves.there[:, 1:]
    change = np.diff(curves.y, axis=1)
    rises, equal = (
        (kind & both).sum(1)[:, None] / np.maximum(both.sum(1), 1)[:, None]
        for kind in (change > 0, change == 0)
    )
    features = (
        np.log(unit) + 2.0,
        np.log(h),
        np.log(length / h) - 1.0,
        np.log(points) - 3.5,
        np.log(_scatter(curves)[:, None] / unit + 1e-3) + 2.0,
        np.clip((low - level) / unit, -5.0, 0.0),
        rises,
        equal,
    )
    return np.stack([np.broadcast_to(one, h.shape).astype(h.dtype) for one in features], axis=2)


def _scatter(curves: Curves) -> Array:
    """Robust scatter (B,) of points about the line through their neighbours."""
    t, y = curves.t, curves.y
    gap = np.maximum(t[:, 2:] - t[:, :-2], 1e-9)
    share = np.clip((t[:, 1:-1] - t[:, :-2]) / gap, 0.0, 1.0)
    error = np.abs(y[:, 1:-1] - (1.0 - share) * y[:, :-2] - share * y[:, 2:])
    error = error / np.sqrt(1.0 + (1.0 - share) ** 2 + share**2)
    there = curves.there[:, 2:]
    ranked = np.sort(np.where(there, error, np.inf), axis=1)
    middle = (there.sum(1) - 1) // 2
    return np.asarray(1.4826 * ranked[np.arange(len(ranked)), middle])


def _lines(u: Array, above: Array, there: Array, unit: Array) -> tuple[Array, Array]:
    """Steps and log residuals (B, T, LINES) of all lines, in units of S."""
    weight = np.stack([np.exp(-u / reach) * there for reach in REACH], axis=2)
    # Of y - 1, which is as small as S: squares of y would lose what single precision holds.
    value = np.expm1(above)
    # Residuals of y count relative to y, as those of its logarithm do.
    of_values = _fit(weight * np.exp(-2.0 * above)[:, :, None, :], u, value, OF_VALUES)
    of_logs = _fit(weight, u, above, OF_LOGS)
    step = np.concatenate([np.log1p(np.maximum(of_values[0], -1.0 + 1e-4)), of_logs[0]], axis=2)
    residual = np.concatenate([of_values[1], of_logs[1]], axis=2)
    unit = unit[:, :, None]
    return np.clip(step / unit, -MOST_STEP, MOST_STEP), np.log(residual / unit + LEAST_RESIDUAL)


def _fit(
    weight: Array, u: Array, value: Array, curvatures: tuple[float, ...]
) -> tuple[Array, Array]:
    """Weighted lines of ``value`` (B, T, P) on each scale of u: what they say at u = -1, and the
    root mean square of their residuals (B, T, reaches x curvatures)."""
    scales = [_scaled(u, k) for k in curvatures]
    at = np.array([_scaled(np.array(-1.0), k) for k in curvatures], u.dtype)
    terms = [np.ones_like(value), value, value**2, *scales]
    terms += [one**2 for one in scales] + [one * value for one in scales]
    sums = weight @ np.stack(terms, axis=2).swapaxes(2, 3)
    sums = sums / sums[..., :1]
    mean, square = sums[..., 1:2], sums[..., 2:3]
    q, qq, qv = np.split(sums[..., 3:], 3, axis=3)
    wide, both = qq - q**2, qv - q * mean
    slope = both / (wide + 1e-4 * q**2 + 1e-6)
    left = square - mean**2 - 2.0 * slope * both + slope**2 * wide
    shape = (*u.shape[:2], -1)
    step = mean + slope * (at - q)
    return step.reshape(shape), np.sqrt(np.maximum(left, 0.0) + 1e-12).reshape(shape)


def _scaled(u: Array, curvature: float) -> Array:
    """(exp(k u) - 1) / k, or u for k = 0."""
    if curvature == 0.0:
        return u
    return np.asarray(np.expm1(np.minimum(curvature * u, MOST_POWER)) / curvature)
