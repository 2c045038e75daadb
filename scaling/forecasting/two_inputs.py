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

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.forecasting.map_estimate import Shape, evenly, fit_shape, shape_weights

# Runs below which two inputs cannot be separated, whatever the prior.
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
# Draws of the law.
DRAWS = 1000
# Spread: constants of (noise, disagreement, spread of the constants, |step|), and degrees of
# freedom.
SCALE_WEIGHTS = (1.0, 1.8, 0.5, 0.16)
DEGREES = 4.0
_MOST = 60.0
# Points drawn at a time: their draws stay in the processor's cache (1,000 x 128 numbers are 1 MB).
BLOCK = 128


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
class CoupledModel:
    """The coupled law under every prior and recency: a predictive model of log y in two inputs.

    Attributes:
        smallest, largest: natural logs of the ends of the runs' inputs (2,).
        low: natural log of the lowest y.
        theta: distinct optima of all fits (K, 6), in the coordinates of `predict`.
        covariance: of the constants about each optimum (K, 6, 6).
        weight: of each optimum (K,), together 1.
        noise: log scatter of single runs.
    """

    smallest: Array
    largest: Array
    low: float
    theta: Array
    covariance: Array
    weight: Array
    noise: float

    def location(self, log_x: Array) -> Array:
        """The middle of the forecast of log y (T,) at natural logs of the inputs (T, 2)."""
        return self._mean(self._each(self.theta, log_x))

    def draws(self, log_x: Array) -> Array:
        """Functions (DRAWS, T) that the log y of a new run may follow; their median is `location`.

        Each is one optimum with a draw of its constants, an offset that grows with the step, and
        the noise of one run, with the tails of Student's t.
        """
        places = range(0, max(len(log_x), 1), BLOCK)
        return np.concatenate([self._draws(log_x[i : i + BLOCK]) for i in places], axis=1)

    def _draws(self, log_x: Array) -> Array:
        """`draws` of a few points."""
        numbers, (chosen, constants) = _numbers(), self._drawn
        each, location = self._each(self.theta, log_x), self.location(log_x)
        noise, disagreement, about, step = SCALE_WEIGHTS
        wrong = disagreement * (each - location)[chosen]
        wrong += about * _clipped(self._each(constants, log_x) - each[chosen])
        wrong += step * numbers.offset[:, None] * np.abs(self._step(log_x, location))
        wrong += noise * self.noise * numbers.noise[:, None]
        wrong *= numbers.tails[:, None]
        return np.asarray(location + wrong - np.median(wrong, axis=0))

    def scale(self, log_x: Array) -> Array:
        """Scale (T,) of a new run's log y about the location, of Student's t with `DEGREES`."""
        return np.asarray(np.sqrt(self.features(log_x) ** 2 @ np.square(SCALE_WEIGHTS)))

    def features(self, log_x: Array) -> Array:
        """Parts of the scale (T, 4): noise, disagreement, spread of the constants, |step|."""
        chosen, constants = self._drawn
        about = self._each(constants, log_x) - self._each(self.theta, log_x)[chosen]
        spread = np.sqrt((_clipped(about) ** 2).mean(axis=0))
        step = np.abs(self._step(log_x, self.location(log_x)))
        noise = np.full_like(spread, self.noise)
        return np.column_stack([noise, self.disagreement(log_x), spread, step])

    def disagreement(self, log_x: Array) -> Array:
        """How far the fits differ (T,), in logs."""
        each = self._each(self.theta, log_x)
        return np.asarray(np.sqrt(self._mean((each - self._mean(each)) ** 2)))

    @functools.cached_property
    def _drawn(self) -> tuple[NDArray[np.int64], Array]:
        """Of each draw the optimum, chosen by weight, and constants about it (DRAWS, 6)."""
        numbers, total = _numbers(), np.cumsum(self.weight)
        chosen = np.minimum(
            np.searchsorted(total, numbers.choice * total[-1]), len(self.weight) - 1
        )
        root = np.linalg.cholesky(self.covariance)[chosen]
        return chosen, self.theta[chosen] + (root @ numbers.constants[..., None])[..., 0]

    def _mean(self, each: Array) -> Array:
        """Over the optima; summed point by point, so that a point has the same digits alone and
        among others."""
        return np.asarray((self.weight[:, None] * each).sum(axis=0))

    def _each(self, theta: Array, log_x: Array) -> Array:
        return predict(theta, log_x - self.largest, self.low)

    def _step(self, log_x: Array, location: Array) -> Array:
        """How far the location lies from that of the inputs held to the runs' range (T,)."""
        return location - self.location(np.clip(log_x, self.smallest, self.largest))


@dataclass(frozen=True)
class _Numbers:
    """What each draw is made of: a share (DRAWS,) that chooses the optimum, standard normal numbers
    for the constants (DRAWS, 6), the offset and the noise, and the factor that makes the tails
    Student's t."""

    choice: Array
    constants: Array
    offset: Array
    noise: Array
    tails: Array


@functools.cache
def _numbers() -> _Numbers:
    """The same numbers for every model: an even sample, whose pairs mirror each other."""
    from scipy.special import gammaincinv, ndtri

    even = evenly(DRAWS // 2, 10)
    half = ndtri(np.clip(even[:, :8], 1e-6, 1.0 - 1e-6))
    normal = np.concatenate([half, -half])
    tails = np.tile(np.sqrt(DEGREES / gammaincinv(0.5 * DEGREES, even[:, 9]) / 2.0), 2)
    # An offset above 1 would turn the law's direction far out.
    most = 0.8 / (SCALE_WEIGHTS[3] * tails)
    offset = np.clip(normal[:, 6], -most, most)
    return _Numbers(np.tile(even[:, 8], 2), normal[:, :6], offset, normal[:, 7], tails)


def _clipped(about: Array) -> Array:
    """Draws (S, T) about their optimum, cut at three robust standard deviations: a few far draws of
    a weak fit would decide the spread."""
    most = 3.0 * 1.4826 * np.median(np.abs(about), axis=0)
    return np.asarray(np.clip(about, -most, most))


def coupled_model(
    x: Array,
    y: Array,
    powers: Sequence[float] = POWERS,
    priors: Sequence[tuple[Prior, float]] = PRIORS,
    share: Array | None = None,
) -> CoupledModel:
    """The model of the loss y (n,) > 0 of inputs x (n, 2) > 0.

    Args:
        share: by which each run counts (n,), of a whole one; None for all of each.

    Raises:
        InputError: fewer than `MIN_RUNS` runs, or shares of so many runs that they are merged.
    """
    if share is not None and len(y) > MOST_RUNS:
        raise InputError("too many runs to weigh", value=len(y), allowed=f"at most {MOST_RUNS}")
    if len(y) < MIN_RUNS:
        raise InputError("too few runs for two inputs", value=len(y), allowed=f"{MIN_RUNS} or more")
    log_x = np.log(x)
    smallest, largest = log_x.min(axis=0), log_x.max(axis=0)
    raw = log_x - largest
    known, log_y = _merged(raw, np.log(y))
    position = known.mean(axis=1) - known.mean(axis=1).max()
    found, odds = [], []
    for power, (prior, times) in itertools.product(powers, priors):
        shape = _shape(known, log_y, prior)
        one = fit_shape(shape, log_y, position, power, FIRST_NOISE, bent=3, share=share)
        found.append((one, len(shape.mean)))
        odds.append(times)
    shares = shape_weights(found, len(log_y), TEMPER * min(1.0, FEW / len(log_y))) * odds
    shares = shares / shares.sum()
    fits = [one for one, _ in found]
    theta = np.concatenate([one.theta for one in fits])
    covariance = np.concatenate([one.covariance for one in fits])
    weight = np.concatenate([share * one.weight for share, one in zip(shares, fits, strict=True)])
    low, noise = float(log_y.min()), float(shares @ [one.noise for one in fits])
    if len(log_y) < len(y):  # merged runs scatter less than single ones
        each = weight @ predict(theta, raw, low)
        noise = max(noise, 1.4826 * float(np.median(np.abs(np.log(y) - each))))
    return CoupledModel(smallest, largest, low, theta, covariance, weight, noise)


def predict(theta: Array, x: Array, low: float) -> Array:
    """Log of the law (S, n); ``theta`` (S, 6) holds u, the logs of both terms at the largest run,
    the logs of both exponents, and log gamma."""
    *_, floor, power = _terms(theta, x, low)
    return np.asarray(np.logaddexp(floor, power))


def _terms(theta: Array, x: Array, low: float) -> tuple[Array, ...]:
    """The floor's share of the lowest y; logs of both terms, of their sum, of the floor, and of the
    sum to the power of gamma."""
    u, a, b, log_alpha, log_beta, log_gamma = (theta[:, j, None] for j in range(6))
    first, second = a - np.exp(log_alpha) * x[:, 0], b - np.exp(log_beta) * x[:, 1]
    both = np.logaddexp(first, second)
    share = 1.0 / (1.0 + np.exp(-np.clip(u, -_MOST, _MOST)))
    floor = low + np.log(np.maximum(share, 1e-300))
    return share, first, second, both, floor, np.clip(np.exp(log_gamma) * both, -_MOST, _MOST)


def predict_with_slopes(theta: Array, x: Array, low: float) -> tuple[Array, Array]:
    """`predict` and the slopes (S, n, P) in ``theta``."""
    alpha, beta, gamma = (np.exp(theta[:, j, None]) for j in (3, 4, 5))
    share, first, second, both, floor, power = _terms(theta, x, low)
    value = np.logaddexp(floor, power)
    of_power = np.exp(power - value)
    left = of_power * gamma * np.exp(first - both)
    right = of_power * gamma * np.exp(second - both)
    slopes = [np.exp(floor - value) * (1.0 - share), left, right]
    slopes += [-left * alpha * x[:, 0], -right * beta * x[:, 1], of_power * power]
    return value, np.stack(slopes, axis=-1)


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
    return Shape(lambda theta: predict_with_slopes(theta, x, low), mean, sd, starts)
