"""One curve in logs: a floor, and a slope that changes at a few breaks.

    log y(t) = log(E + exp(g(t))),   t = log(x / x_max)
    g(t) = b - c t + sum_k delta_k (h_k(t) - h_k(0)),   h_k(t) = w_k softplus((d_k - t) / w_k)

E = y_min sigmoid(u) is the floor, c the slope past the last break, d_k where a break is, exp of
``log width`` how wide, delta_k by how much the curve was steeper before it. With K breaks it is a
smoothly broken power law (Caballero et al. 2022, arXiv:2210.14891) written so that the parameters
b, c and u alone say what lies beyond the data, and the breaks say what lay before.

Columns of ``theta`` (..., 3 + 3 K): u, b, c, then delta, d, log width of each break.
"""

from __future__ import annotations

import numpy as np

from scaling.arrays import Array

_MOST = 60.0  # exp of it is far from overflow, and beyond any ratio of two values of a curve


def columns(breaks: int) -> int:
    """Parameters of a curve with so many breaks."""
    return 3 + 3 * breaks


def predict(theta: Array, t: Array, low: float) -> tuple[Array, Array]:
    """Log of the curve (S, n) and its slopes by parameter (S, n, P), for ``theta`` (S, P).

    ``low`` is log y_min, the most that the floor can be.
    """
    u, b, c = (theta[:, j, None] for j in range(3))
    power = b - c * t
    slopes = [np.ones_like(power), np.broadcast_to(-t, power.shape)]
    for k in range((theta.shape[1] - 3) // 3):
        delta, d, log_width = (theta[:, 3 + 3 * k + j, None] for j in range(3))
        bend, parts = _bend(t, d, np.exp(log_width))
        power = power + delta * bend
        slopes += [bend, delta * parts[0], delta * parts[1]]
    share = _sigmoid(u)
    floor = low + np.log(np.maximum(share, 1e-300))
    power = np.clip(power, -_MOST, _MOST)
    value = np.logaddexp(floor, power)
    of_power = np.exp(power - value)
    jacobian = np.empty((*value.shape, theta.shape[1]))
    jacobian[:, :, 0] = np.exp(floor - value) * (1.0 - share)
    for j, slope in enumerate(slopes):
        jacobian[:, :, 1 + j] = of_power * slope
    return value, jacobian


def _bend(t: Array, d: Array, width: Array) -> tuple[Array, tuple[Array, Array]]:
    """h(t) - h(0) of one break, and its slopes by place and by log width."""
    z, z0 = (d - t) / width, d / width
    h, h0 = width * np.logaddexp(0.0, z), width * np.logaddexp(0.0, z0)
    s, s0 = _sigmoid(z), _sigmoid(z0)
    return h - h0, (s - s0, (h - s * (d - t)) - (h0 - s0 * d))


def _sigmoid(z: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(z, -_MOST, _MOST))))
