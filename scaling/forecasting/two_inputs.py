"""Two-input forecasts: the coupled law under several priors and strengths of recency.

    log L = log(E + exp(gamma log(A N^-alpha + B D^-beta))),   E = L_min sigmoid(u)

is the Chinchilla law where gamma = 1 (Hoffmann et al. 2022, arXiv:2203.15556) and Kaplan's joint
law where E = 0 (Kaplan et al. 2020, arXiv:2001.08361); any two positive inputs will do. It is
fitted for recency weights (s / s_max)^p, s the geometric mean of the inputs, and under two priors.
The priors say what published fits have in common: exponents about .35 (Hoffmann et al. .34 and .28,
Besiroglu et al. .35 and .37, arXiv:2404.10102), a floor somewhat below the lowest loss seen, two
terms of about a seventh of it at the largest run, and gamma about 1.

Shapes count by their evidence (`scaling.forecasting.map_estimate.shape_weights`) to the power of
.25 min(1, 10 / n), and the narrower prior twice. docs/log.md has what each piece is worth.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from scaling.arrays import Array
from scaling.forecasting.map_estimate import Optima, Shape, evenly, fit_shape, shape_weights

# Runs below which two inputs cannot be told apart, whatever the prior.
MIN_RUNS = 4
POWERS = (0.5, 2.0, 4.0)
STARTS = 24
# Runs beyond which neighbours are merged, and cells an axis is then cut into.
MOST_RUNS, CELLS = 600, 24
TEMPER, FEW = 0.25, 10
# Log of a term at the largest run, against the lowest loss: a seventh.
TERM = float(np.log(0.15))
EXPONENT = float(np.log(0.35))
FIRST_NOISE = 0.005
# Spread: constants of (noise, apart, |step|), and degrees of freedom.
SCALE_WEIGHTS = (1.0, 1.8, 0.16)
DEGREES = 4.0
_MOST = 60.0


@dataclass(frozen=True)
class Prior:
    """Floor: mean and spread of u. Then spreads of log terms, log exponents and log gamma."""

    floor: float
    floor_sd: float
    term_sd: float
    exponent_sd: float
    gamma_sd: float


# Priors and their odds.
PRIORS = (
    (Prior(0.5, 2.5, 2.5, 0.8, 0.5), 1.0),
    (Prior(1.0, 0.7, 1.5, 0.25, 0.15), 2.0),
)


@dataclass(frozen=True)
class Plane:
    """A forecast in logs: ``centre`` (T,), ``step`` (T,) how far it lies from the same
    forecast with the inputs held to the range of the runs (0 within it), ``apart`` (T,) how far
    the shapes differ, ``noise`` the scatter of runs about them."""

    location: Array
    step: Array
    disagreement: Array
    noise: float


def extrapolate(x: Array, y: Array, at: Array) -> Plane:
    """The loss y (n,) > 0 of inputs x (n, 2) > 0, at inputs ``at`` (T, 2)."""
    largest = np.log(x).max(axis=0)
    raw, where = np.log(x) - largest, np.log(at) - largest
    known, log_y = _merged(raw, np.log(y))
    position = known.mean(axis=1) - known.mean(axis=1).max()
    targets = len(where)
    where = np.vstack([where, np.clip(where, raw.min(axis=0), raw.max(axis=0))])
    found, odds = [], []
    for power, (prior, times) in itertools.product(POWERS, PRIORS):
        shape = _shape(known, log_y, prior)
        one = fit_shape(shape, log_y, position, power, FIRST_NOISE, bent=3)
        found.append((one, len(shape.mean)))
        odds.append(times)
    weight = shape_weights(found, len(log_y), TEMPER * min(1.0, FEW / len(log_y))) * odds
    weight = weight / weight.sum()
    each = np.array([_mean(one, where, float(log_y.min())) for one, _ in found])
    location = weight @ each
    disagreement = np.sqrt(weight @ (each - location) ** 2)
    noise = float(weight @ [one.noise for one, _ in found])
    if len(log_y) < len(y):  # merged runs scatter less than single ones
        each = weight @ np.array([_mean(one, raw, float(log_y.min())) for one, _ in found])
        noise = max(noise, 1.4826 * float(np.median(np.abs(np.log(y) - each))))
    beyond = location[:targets] - location[targets:]
    return Plane(location[:targets], beyond, disagreement[:targets], noise)


def predict(theta: Array, x: Array, low: float) -> tuple[Array, Array]:
    """Log of the law (S, n) and its slopes (S, n, P); ``theta`` (S, 6) holds u, the logs of
    both terms at the largest run, the logs of both exponents, and log gamma."""
    u, a, b, log_alpha, log_beta, log_gamma = (theta[:, j, None] for j in range(6))
    alpha, beta = np.exp(log_alpha), np.exp(log_beta)
    first, second = a - alpha * x[:, 0], b - beta * x[:, 1]
    both = np.logaddexp(first, second)
    gamma = np.exp(log_gamma)
    share = 1.0 / (1.0 + np.exp(-np.clip(u, -_MOST, _MOST)))
    floor = low + np.log(np.maximum(share, 1e-300))
    power = np.clip(gamma * both, -_MOST, _MOST)
    value = np.logaddexp(floor, power)
    of_power = np.exp(power - value)
    left = of_power * gamma * np.exp(first - both)
    right = of_power * gamma * np.exp(second - both)
    slopes = [np.exp(floor - value) * (1.0 - share), left, right]
    slopes += [-left * alpha * x[:, 0], -right * beta * x[:, 1], of_power * power]
    return value, np.stack(slopes, axis=-1)


def spread(made: Plane) -> tuple[Array, float]:
    """Scale (T,) of log y about the centre, and degrees of freedom of its Student's t; the first
    three parts of `scaling.forecasting.curves.spread`."""
    return np.sqrt(features(made) ** 2 @ np.square(SCALE_WEIGHTS)), DEGREES


def features(made: Plane) -> Array:
    """Parts of the spread (T, 3): noise, apart, |step|."""
    noise = np.full_like(made.location, made.noise)
    return np.column_stack([noise, made.disagreement, np.abs(made.step)])


def _merged(x: Array, y: Array) -> tuple[Array, Array]:
    """At most `MOST_RUNS` runs: beyond, means of x and medians of log y of the cells of a grid."""
    if len(y) <= MOST_RUNS:
        return x, y
    cells = np.zeros(len(y), dtype=int)
    for axis in x.T:
        edges = np.unique(np.quantile(axis, np.linspace(0, 1, CELLS + 1)[1:-1]))
        cells = cells * CELLS + np.searchsorted(edges, axis, side="right")
    groups = [np.flatnonzero(cells == cell) for cell in np.unique(cells)]
    return (
        np.array([x[rows].mean(axis=0) for rows in groups]),
        np.array([np.median(y[rows]) for rows in groups]),
    )


def _shape(x: Array, y: Array, prior: Prior) -> Shape:
    low = float(y.min())
    mean = np.array([prior.floor, low + TERM, low + TERM, EXPONENT, EXPONENT, 0.0])
    sd = np.array([prior.floor_sd, *[prior.term_sd] * 2, *[prior.exponent_sd] * 2, prior.gamma_sd])
    starts = mean + 2.5 * sd * (evenly(STARTS, len(mean)) - 0.5)
    return Shape(lambda theta: predict(theta, x, low), mean, sd, starts)


def _mean(one: Optima, where: Array, low: float) -> Array:
    """Log prediction of one shape: its distinct optima by weight."""
    return np.asarray(one.weight @ predict(one.theta, where, low)[0])
