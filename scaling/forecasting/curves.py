"""Forecasts of one input: shapes of curve weighted by their evidence, beside a trained network.

1. Twelve shapes are fitted (`scaling.forecasting.curve_fit`): 0, 1 or 2 breaks, two strengths of
   recency, two priors. Each counts by its tempered evidence, with a penalty for parameters:

       log weight = tempering min(1, short_curve / n) (log-likelihood - penalty k / 2 log n)
                    + breaks log(break_odds) + log(odds of the prior),   k parameters

2. Beyond the data the step d from the level at the last point is damped (Gardner and McKenzie
   1985). A slow curve often stops, so its step is shrunk towards 0 where it is not large against
   its own standard error s:

       step = damping d / (1 + g (step_errors s / |d|)^step_sharpness),
       g = exp(-(slope / slow_slope)^4),   slope = |d| / log(x / x_max),
       s = (noise / sqrt(m))^.7 disagreement^.3

   with m recent points, and noise counted up to about ``noise_cap``.

3. The network (`scaling.forecasting.network`), trained on simulated curves, has a share q of the
   location. It falls with the gap to the shapes, so the network moves a forecast by at most .375
   sigma, sigma the scale of the shapes alone (`spread`):

       q = network_share / (1 + (network - shapes)^2 / sigma^2)

   On curves of about ``short_points`` points or fewer, with f = exp(-(points / short_points)^6),
   the share has a third of f more and the network's step is shrunk by half of f less.

Assumed: log-log curves that keep to few regimes, with at most two breaks. docs/log.md has what each
piece is worth, docs/benchmarks/forecast_notes.md how the constants were chosen.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np

from scaling.arrays import Array
from scaling.forecasting.curve_fit import Curve, Prior, fit_curve, read_curve, rough_noise
from scaling.forecasting.curve_model import columns, predict
from scaling.forecasting.map_estimate import FAR, MIN_NOISE, Optima, shape_weights
from scaling.forecasting.network import MAX_POINTS as NETWORK_POINTS
from scaling.forecasting.network import NetworkOutput, network_forecast

# Breaks, strengths of recency, and priors with their odds: twenty-two shapes do no better.
BREAKS = (0, 1, 2)
POWERS = (1.0, 2.0)
PRIORS = ((Prior(0.0, 2.5, 0.5), 1.0), (Prior(0.5, 1.0, 1.0), 0.1))
# Points beyond which neighbours are merged: a curve has no more detail than this.
MAX_POINTS = 200
# Sizes below which there is no curve.
MIN_SIZES = 3
# Weights of (noise, |step|, network scale, all other parts) in the scale, and degrees of freedom:
# chosen for coverage (docs/benchmarks/forecast_notes.md). The other parts count as they are.
SCALE_WEIGHTS = (0.85, 0.3, 0.68, 1.0)
DEGREES = 2.6


@dataclass(frozen=True)
class Constants:
    """Constants of a curve's forecast. Those of the location were chosen with the groups of curves
    left out one by one (docs/benchmarks/forecast_notes.md, `python -m benchmarks.forecast`);
    docs/benchmarks/constants.md has what each is worth.

    Attributes:
        tempering: share of the log-likelihood that counts; points of one run are not independent.
        short_curve: points up to which that share is all of ``tempering``.
        penalty: of a parameter, in units of Schwarz's (1978); dependent points again.
        break_odds: prior odds of one break more; training curves change slope.
        damping: share of a step that is kept; damped trends err less.
        step_errors: standard errors that the step of a slow curve is compared with.
        step_sharpness: power of that ratio; high means either kept or dropped.
        slow_slope: exponent of the step, log y per log x, below which a curve is slow.
        noise_cap: scatter in log y beyond which more does not make a slow curve stop.
        disagreement_share: share of the shapes' disagreement in the step's standard error.
        network_share: most of the location that the network decides.
        network_easing: share of ``step_errors`` that the network's step is compared with.
        short_points: points below which a curve is so short that the network decides more.
        scale_weights: of the parts of the scale, in the order of `features`.
    """

    tempering: float = 0.5
    short_curve: int = 12
    penalty: float = 4.0
    break_odds: float = 8.0
    damping: float = 0.96
    step_errors: float = 11.0
    step_sharpness: float = 2.5
    slow_slope: float = 0.12
    noise_cap: float = 0.012
    disagreement_share: float = 0.3
    network_share: float = 0.75
    network_easing: float = 0.85
    short_points: float = 8.0
    scale_weights: tuple[float, ...] = SCALE_WEIGHTS


@dataclass(frozen=True)
class Shape:
    """One shape fitted to a curve.

    Attributes:
        optima: its optima, by weight.
        parameters, breaks: how many it has.
        odds: of its prior.
    """

    optima: Optima
    parameters: int
    breaks: int
    odds: float


@dataclass(frozen=True)
class Fitted:
    """Every shape fitted to one curve, K of them, at T targets.

    Attributes:
        shapes: the shapes.
        values: log y at the targets (K, T).
        last: log y at the last point (K,).
        slopes: mean slope over the same distance before the last point (K, T).
        distance: log(x / x_max) of the targets (T,).
        points: points after merging.
        recent: points that the recency weights rest on.
        scatter: least scatter in log y that single points are known to have.
        network: the network's forecast.
    """

    shapes: list[Shape]
    values: Array
    last: Array
    slopes: Array
    distance: Array
    points: int
    recent: float
    scatter: float
    network: NetworkOutput


@dataclass(frozen=True)
class Extrapolation:
    """A curve beyond its data, in log y, at T targets.

    Attributes:
        location: of the forecast (T,).
        step: distance of the undamped location from the level at the last point (T,); 0 within the
            data.
        disagreement: weighted standard deviation of the shapes (T,).
        noise: scatter of points about the best shapes.
        recent: points that the recency weights rest on.
        level: at the last point.
        acceleration: by how much the step exceeds that over the same distance before (T,).
        share: the network's part in the location (T,).
        network_scale: the scale that the network gives itself (T,).
        network_gap: distance of the network from the shapes (T,).
        kept: share of the own uncertainty that companions leave (`scaling.forecasting.companions`).
        companion_variance: what companions add.
    """

    location: Array
    step: Array
    disagreement: Array
    noise: float
    recent: float
    level: float
    acceleration: Array
    share: Array | float = 0.0
    network_scale: Array | float = 0.0
    network_gap: Array | float = 0.0
    kept: Array | float = 1.0
    companion_variance: Array | float = 0.0


def extrapolate(x: Array, y: Array, at: Array) -> Extrapolation:
    """The curve y(x) > 0, (n,) and (n,), at ``at`` (T,). A target has no effect on the others."""
    return combine(fit_shapes(x, y, at), Constants())


def fit_shapes(x: Array, y: Array, at: Array) -> Fitted:
    """Every shape of the curve y(x) > 0, (n,) and (n,), and what each says at ``at`` (T,)."""
    order = np.argsort(x, kind="stable")
    raw = np.log(x[order]) - np.log(x.max()), np.log(y[order])
    t, log_y = merged(*raw)
    curve = read_curve(t, log_y)
    shapes = [
        Shape(fit_curve(curve, breaks, power, prior), columns(breaks), breaks, odds)
        for breaks, power, (prior, odds) in itertools.product(BREAKS, POWERS, PRIORS)
    ]
    distance = np.log(at) - np.log(x.max())
    # Not the first half: a curve may have begun in another way.
    back = np.clip(distance, 0.0, curve.length / 2)
    where = np.concatenate([distance, -back, [0.0]])
    values = np.array([_mean(one.optima, where, curve) for one in shapes])
    values, before, last = values[:, : len(at)], values[:, len(at) : -1], values[:, -1]
    slopes = (last[:, None] - before) / np.maximum(back, 1e-12)
    # Merged points scatter less than single ones.
    scatter = rough_noise(*raw) if len(t) < len(x) else 0.0
    recency = np.exp(2.0 * t)
    recent = float(recency.sum() ** 2 / (recency**2).sum())
    network = network_forecast(*merged(t, _clipped(curve, shapes), NETWORK_POINTS), distance)
    return Fitted(shapes, values, last, slopes, distance, len(t), recent, scatter, network)


def _clipped(curve: Curve, shapes: list[Shape]) -> Array:
    """log y (n,) with points far from the likeliest shape clipped: the network weighs no points."""
    best = max((one.optima for one in shapes), key=lambda one: one.evidence)
    expected = _mean(best, curve.t, curve)
    typical = 1.4826 * np.median(np.abs(curve.y - expected))
    most = FAR * max(typical, best.noise, MIN_NOISE)
    return np.asarray(expected + np.clip(curve.y - expected, -most, most))


def combine(fitted: Fitted, constants: Constants) -> Extrapolation:
    """Shapes by their evidence, and the network, both damped beyond the data."""
    weight = _weights(fitted, constants)
    location, level = weight @ fitted.values, float(weight @ fitted.last)
    disagreement = np.sqrt(weight @ (fitted.values - location) ** 2)
    noise = max(float(weight @ [one.optima.noise for one in fitted.shapes]), fitted.scatter)
    differ = weight @ (fitted.values - fitted.last[:, None] - (location - level)) ** 2
    beyond = fitted.distance > 0
    step = np.where(beyond, location - level, 0.0)
    error = _step_error(noise**2, fitted.recent, differ, constants)
    kept = constants.damping * _kept(step, fitted.distance, error, constants)
    damped = np.where(beyond, level + kept * step, location)
    before = np.abs(weight @ fitted.slopes) * fitted.distance
    acceleration = np.where(beyond, np.maximum(np.abs(step) - before, 0.0), 0.0)
    shapes_only = Extrapolation(
        damped, step, disagreement, noise, fitted.recent, level, acceleration
    )
    return _with_network(shapes_only, fitted, error, constants)


def _with_network(
    shapes_only: Extrapolation, fitted: Fitted, error: Array, constants: Constants
) -> Extrapolation:
    """Shapes and network: the farther apart, in units of the shapes' scale, the less it counts."""
    few = float(np.exp(-((fitted.points / constants.short_points) ** 6)))
    error = (constants.network_easing * (1.0 - few / 2.0)) ** 2 * error
    step = fitted.network.value - shapes_only.level
    proposed = shapes_only.level + _kept(step, fitted.distance, error, constants) * step
    network_gap = np.where(fitted.distance > 0, proposed - shapes_only.location, 0.0)
    discount = 1.0 + (network_gap / spread(shapes_only, constants.scale_weights)[0]) ** 2
    most = constants.network_share * (1.0 + few / 3.0)
    share = most * fitted.network.weight_in_range / discount
    location = shapes_only.location + share * network_gap
    return replace(
        shapes_only,
        location=location,
        share=share,
        network_scale=fitted.network.scale,
        network_gap=np.abs(network_gap),
    )


def _weights(fitted: Fitted, constants: Constants) -> Array:
    """Weights (K,) of the shapes, as in the module."""
    found = [(one.optima, one.parameters) for one in fitted.shapes]
    temper = constants.tempering * min(1.0, constants.short_curve / fitted.points)
    evidence = shape_weights(found, fitted.points, temper, constants.penalty)
    weight = evidence * [one.odds * constants.break_odds**one.breaks for one in fitted.shapes]
    return np.asarray(weight / weight.sum())


def _step_error(noise: float, recent: float, differ: Array, constants: Constants) -> Array:
    """Variance (T,) that the step of a slow curve is compared with: from the variance of single
    points and that of the shapes' steps (T,)."""
    level = noise / (1.0 + noise / constants.noise_cap**2) / recent
    share = constants.disagreement_share
    return np.asarray(constants.step_errors**2 * level ** (1.0 - share) * differ**share)


def _kept(step: Array, distance: Array, error: Array, constants: Constants) -> Array:
    """Share (T,) of each step that is kept where slow curves may stop."""
    slope = np.abs(step) / np.maximum(distance, 1e-12)
    slow = np.exp(-((slope / constants.slow_slope) ** 4))
    return np.asarray(
        1.0 / (1.0 + slow * (error / (step**2 + 1e-16)) ** (constants.step_sharpness / 2.0))
    )


def merged(t: Array, y: Array, most: int = MAX_POINTS) -> tuple[Array, Array]:
    """At most so many points: means of t and medians of log y of neighbours."""
    if len(t) <= most:
        return t, y
    edges = np.linspace(0, len(t), most + 1).astype(int)
    groups = list(itertools.pairwise(edges))
    return (
        np.array([t[a:b].mean() for a, b in groups]),
        np.array([np.median(y[a:b]) for a, b in groups]),
    )


def _mean(one: Optima, where: Array, curve: Curve) -> Array:
    """Log prediction of one shape: its distinct optima by weight."""
    return np.asarray(one.weight @ predict(one.theta, where, curve.low)[0])


def spread(made: Extrapolation, weights: tuple[float, ...] = SCALE_WEIGHTS) -> tuple[Array, float]:
    """Scale (T,) of log y about the location, and degrees of freedom of its Student's t.

        sigma^2 = (c1 noise)^2 + q (c3 network scale)^2 + q (1 - q) network gap^2
                  + (1 - q) (disagreement^2 + (c2 step)^2 + level^2 + acceleration^2)

    noise is the scatter of single points; disagreement that of the shapes; step stands for what no
    shape foresaw and grows with how far the curve has yet to go; level is the standard error of the
    last level, noise / sqrt(m) of m recent points; acceleration is by how much the curve would
    outdo its own past, which is seldom so. q is the share of the network: the parts with the
    network's gap and scale are those of the variance of a mixture.
    """
    return np.sqrt(features(made) ** 2 @ np.square(weights) + made.companion_variance), DEGREES


def features(made: Extrapolation) -> Array:
    """Parts (T, 4) of the scale, in the order of `SCALE_WEIGHTS`."""
    q, level = made.share, made.noise / np.sqrt(made.recent)
    other = made.disagreement**2 + level**2 + made.acceleration**2 + q * made.network_gap**2
    own = ((1.0 - q) * made.step**2, q * made.network_scale**2, (1.0 - q) * other)
    squares = np.broadcast_arrays(made.noise**2, *(made.kept**2 * part for part in own))
    return np.asarray(np.sqrt(np.column_stack(squares)))
