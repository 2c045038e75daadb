"""The most probable parameters of one shape, from many starts side by side.

    minimise  1/2 sum_i w_i (y_i - f(theta)_i)^2 / s^2 + 1/2 sum_j ((theta_j - m_j) / s_j)^2

y is in logs, w_i = exp(power position_i) is recency (position 0 is the largest run), s the noise of
single points, and the second sum a Gaussian prior. A prior is needed because a few runs say little
about a floor or about a break. After the first round points far from the best are counted less
(weights of a Student's t), and the noise is estimated again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scaling.arrays import Array

# Parameters (S, P) -> log values (S, n) and their slopes (S, n, P).
Model = Callable[[Array], tuple[Array, Array]]

STEPS = (50, 20)
# Noise below which a curve counts as exact: .1 %.
MIN_NOISE = 1e-3
MAX_STEP = 1.5
# Share of the cost that a step must promise to be followed by another: below, rounding decides.
DONE = 1e-15
# Distance, in robust scatters, at which a point counts half.
FAR = 6.0


@dataclass(frozen=True)
class Shape:
    """What is fitted: a model of log values, its prior, and where to start (S, P)."""

    model: Model
    mean: Array
    spread: Array
    starts: Array


@dataclass(frozen=True)
class Optima:
    """Distinct optima of one shape with their weights (Laplace's approximation).

    ``covariance`` (S, P, P) of the parameters about each optimum is the inverse of the curvature.
    ``evidence`` is the log-likelihood of the best, the noise of old points growing by the strength
    of recency and its scale profiled out; ``noise`` the weighted log scatter about it.
    """

    theta: Array
    weight: Array
    covariance: Array
    evidence: float
    noise: float


def fit_shape(
    shape: Shape,
    y: Array,
    position: Array,
    power: float,
    noise: float,
    bent: int,
    share: Array | None = None,
) -> Optima:
    """Distinct optima of one shape.

    Args:
        y: log values (n,).
        position: log size relative to the largest (n,), at most 0.
        power: strength of recency.
        noise: first guess of the log scatter of single points.
        bent: parameters that bend the end of the curve, for the scatter's degrees of freedom.
        share: by which each point counts (n,), of a whole one; None for all of each.
    """
    recency = np.exp(power * position)
    recency = recency if share is None else share * recency
    w, theta, noise = recency, shape.starts, max(noise, MIN_NOISE)
    few = recency.sum() ** 2 / (recency**2).sum()
    freedom = few / max(few - bent, 0.5 * few)
    for steps in STEPS:
        theta, cost, hessian = _descend(theta, shape, y, w / noise**2, steps)
        error = shape.model(theta[[np.argmin(cost)]])[0][0] - y
        typical = max(1.4826 * weighted_median(np.abs(error), recency), noise)
        w = recency / (1.0 + (error / (FAR * typical)) ** 2)
        scatter = float(np.sqrt((w * error**2).sum() / w.sum() * freedom))
        noise = max(scatter, MIN_NOISE)
    variance = max(float((w * error**2).mean()), 0.1 * MIN_NOISE**2)
    evidence = 0.5 * (power * position.sum() - len(y) * (np.log(variance) + 1.0))
    log_weight = -cost - 0.5 * np.linalg.slogdet(hessian)[1]
    _, distinct = np.unique(np.round(cost, 2), return_index=True)
    weight = np.exp(log_weight[distinct] - log_weight[distinct].max())
    return Optima(
        theta[distinct],
        weight / weight.sum(),
        np.asarray(np.linalg.inv(hessian[distinct])),
        float(evidence),
        scatter,
    )


def evenly(count: int, wide: int) -> Array:
    """Points (count, wide) that fill the unit cube: an additive recurrence, no random draws."""
    ratio = 2.0
    for _ in range(30):  # the root of g**(wide + 1) = g + 1
        ratio = (1.0 + ratio) ** (1.0 / (wide + 1))
    steps = ratio ** -np.arange(1.0, wide + 1)
    return np.asarray((0.5 + np.arange(1, count + 1)[:, None] * steps) % 1.0)


def weighted_median(values: Array, w: Array) -> float:
    """The value at which half of the weight is reached."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(w[order])
    return float(values[order][np.searchsorted(reached, 0.5 * reached[-1])])


def shape_weights(
    found: list[tuple[Optima, int]], points: int, temper: float, penalty: float = 1.0
) -> Array:
    """Weights of shapes from evidence and number of parameters, tempered:

    log weight = temper (log-likelihood - penalty parameters / 2 log n)
    """
    cost = 0.5 * penalty * np.log(points)
    value = np.array([one.evidence - cost * size for one, size in found])
    weight = np.exp(temper * (value - value.max()))
    return np.asarray(weight / weight.sum())


def _descend(
    theta: Array, shape: Shape, y: Array, w: Array, steps: int
) -> tuple[Array, Array, Array]:
    """Damped Gauss-Newton on every start at once: parameters, cost (S,), curvature (S, P, P).

    A start whose next step promises nothing takes it and leaves.
    """
    root, tight = np.sqrt(w), np.diag(1.0 / shape.spread**2)

    def state(theta: Array) -> tuple[Array, Array, Array]:
        value, jacobian = shape.model(theta)
        error, off = (value - y) * root, (theta - shape.mean) / shape.spread
        return 0.5 * ((error**2).sum(1) + (off**2).sum(1)), error, jacobian * root[:, None]

    theta = theta.copy()
    cost, error, jacobian = state(theta)
    damping, going = np.full(len(theta), 1e-2), np.arange(len(theta))
    for _ in range(steps):
        hessian = jacobian[going].transpose(0, 2, 1) @ jacobian[going] + tight
        slope = (error[going][:, None, :] @ jacobian[going])[:, 0]
        slope = slope + (theta[going] - shape.mean) / shape.spread**2
        scale = np.diagonal(hessian, axis1=1, axis2=2)
        damped = hessian + damping[going, None, None] * np.eye(len(tight)) * scale[:, :, None]
        step = -np.linalg.solve(damped, slope[..., None])[..., 0]
        tried = theta[going] + np.clip(step, -MAX_STEP, MAX_STEP)
        new_cost, new_error, new_jacobian = state(tried)
        better = new_cost < cost[going]
        ended = (damping[going] < 1.0) & (-0.5 * (slope * step).sum(1) <= DONE * cost[going])
        into = going[better]
        theta[into], cost[into] = tried[better], new_cost[better]
        error[into], jacobian[into] = new_error[better], new_jacobian[better]
        factor = np.where(better, 0.3, 5.0)
        damping[going] = np.clip(factor * damping[going], 1e-8, 1e8)
        going = going[~ended]
        if not len(going):
            break
    return theta, cost, jacobian.transpose(0, 2, 1) @ jacobian + tight
