"""A curve forecast with other metrics of the same run.

Another metric that is known further along says how the run went on. Each such companion z gives a
straight line through the points that both have,

    h(y) = a + b h(z),   weights x / x_max,

h the logit of a share (accuracies on different tasks lie on lines there: Miller et al. 2021,
arXiv:2107.04649), else the logarithm. The lines are averaged by their precision, and the average q
meets the curve's own forecast o by how sure each is:

    location = o + l (q - o),   l = V_o / (V_o + V_q),   V_o = v_o + (.75 (q - o))^2

v_o is the variance of the own forecast without the scatter of single points, raised where the
companions disagree with it. V_q is that of a line (its scatter, its standard
error, and how much its slope changes when recent points count more), what the lines differ by, and
(.4 step)^2 for what no line foresees. Where no companion reaches, the own forecast goes on from the
last place where one did. docs/benchmarks/forecast.md has what this is worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.forecasting.curves import SCALE_WEIGHTS, Extrapolation, features, merged

# Constants of doubt and step, and the powers of the weights of a line and of the one that its slope
# is compared with: chosen on image classification, accuracies of Pythia models and a simulated jump
# together; the first two hardly tell choices within a factor of two apart.
DOUBT, STEP = 0.75, 0.4
POWER, RECENT_POWER = 1.0, 4.0
# Points that a line needs, and how far a companion must reach beyond the curve to tell something.
MIN_POINTS = 4
BEYOND = 1.02
LEAST_SCATTER, LEAST_SPREAD = 1e-3, 1e-12
# A share of 1 has no logit: the distance from it that stands for none.
LEAST = 1e-6


@dataclass(frozen=True)
class _Measured:
    """A curve on the scale of the lines: x (n,) > 0 in order, h (n,)."""

    x: Array
    h: Array


@dataclass(frozen=True)
class _Line:
    """Means of z and y, slope, variance of y about the line, effective points, variance of z."""

    z: float
    y: float
    slope: float
    scatter: float
    few: float
    wide: float


@dataclass(frozen=True)
class _Companion:
    """What one companion says at the targets (T,), where it reaches, and its variance (T,)."""

    value: Array
    reaches: NDArray[np.bool_]
    variance: Array


def with_companions(
    own: Extrapolation,
    curve: tuple[Array, Array],
    at: Array,
    others: Sequence[tuple[Array, Array]],
) -> Extrapolation:
    """The own forecast of ``curve`` at ``at`` (T,), moved towards what companions say.

    A curve is x (n,) > 0 and y (n,) > 0; all values at most 1 make it a share. A companion that
    does not reach further, has fewer than 4 points where the curve has some, or does not change
    there tells nothing.
    """
    curve_h, share = _measured(*curve)
    further = [one for one in others if len(one[0]) and one[0].max() > BEYOND * curve[0].max()]
    lines = [_line(curve_h, _measured(*one)[0], at) for one in further]
    found = [one for one in lines if one is not None and one.reaches.any()]
    if not found:
        return own
    reached = np.any([one.reaches for one in found], axis=0)
    q, variance = _together(found, reached)
    if share:  # from logits to logs
        slope = 1.0 / (1.0 + np.exp(q))
        q, variance = -np.logaddexp(0.0, -q), variance * slope**2
    variance = variance + (STEP * (q - own.level)) ** 2
    network_scale = (DOUBT * (q - own.location)) ** 2
    shapes_only = _own_variance(own) + network_scale
    taken = np.where(reached, shapes_only / (shapes_only + variance), 0.0)
    moved, variance_added = (
        taken * (q - own.location),
        taken**2 * variance + (1.0 - taken) ** 2 * network_scale,
    )
    # Beyond the companions both go on from the last place that one reached.
    far = np.flatnonzero(reached)[np.argmax(at[reached])]
    after = ~reached & (at > at[far])
    moved, variance_added = (np.where(after, one[far], one) for one in (moved, variance_added))
    variance_added = np.where(reached | after, variance_added, 0.0)
    return replace(
        own, location=own.location + moved, kept=1.0 - taken, companion_variance=variance_added
    )


def _own_variance(own: Extrapolation) -> Array:
    """Variance (T,) of log y of the forecast alone, without the scatter of single points."""
    return np.asarray(features(own)[:, 1:] ** 2 @ np.square(SCALE_WEIGHTS[1:]))


def _together(found: list[_Companion], reached: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Mean of lines by precision (T,), and its variance: a line's own, for their errors are
    alike, and what they differ by."""
    weight = np.array([np.where(one.reaches, 1.0 / one.variance, 0.0) for one in found])
    total = np.where(reached, weight.sum(axis=0), 1.0)
    values = np.array([one.value for one in found])
    q = (weight * values).sum(axis=0) / total
    disagreement = (weight * (values - q) ** 2).sum(axis=0) / total
    typical = np.sum([one.reaches for one in found], axis=0) / total
    return q, disagreement + typical


def _line(curve: _Measured, other: _Measured, at: Array) -> _Companion | None:
    """h(y) on h(z); None where too few points or no slope tell it."""
    both = curve.x >= other.x.min()
    if both.sum() < MIN_POINTS:
        return None
    z = np.interp(np.log(curve.x[both]), np.log(other.x), other.h)
    y, recent = curve.h[both], curve.x[both] / curve.x.max()
    line = _straight(z, y, recent**POWER)
    if line is None:
        return None
    other_line = _straight(z, y, recent**RECENT_POWER) or line
    reach = np.interp(np.log(np.minimum(at, other.x.max())), np.log(other.x), other.h) - line.z
    variance = line.scatter * (1.0 + 1.0 / line.few + reach**2 / (line.wide * line.few))
    variance = variance + ((other_line.slope - line.slope) * reach) ** 2
    return _Companion(line.y + line.slope * reach, at <= other.x.max(), variance)


def _straight(z: Array, y: Array, w: Array) -> _Line | None:
    """The weighted line of y on z; None where z does not change."""
    mean_z, mean_y = np.average(z, weights=w), np.average(y, weights=w)
    wide = float(np.average((z - mean_z) ** 2, weights=w))
    if wide < LEAST_SPREAD:
        return None
    slope = np.average((z - mean_z) * (y - mean_y), weights=w) / wide
    few = float(w.sum() ** 2 / (w**2).sum())
    scatter = np.average((y - mean_y - slope * (z - mean_z)) ** 2, weights=w)
    scatter = scatter * few / max(few - 2.0, 0.5 * few) + LEAST_SCATTER**2
    return _Line(float(mean_z), float(mean_y), float(slope), float(scatter), few, wide)


def _measured(x: Array, y: Array) -> tuple[_Measured, bool]:
    """The curve on the scale of the lines, and whether that is the logit."""
    order = np.argsort(x, kind="stable")
    t, log_y = merged(np.log(x[order]), np.log(y[order]))
    share = bool(y.max() <= 1.0)
    h = log_y - np.log1p(-np.exp(np.minimum(log_y, -LEAST))) if share else log_y
    return _Measured(np.exp(t), h), share
