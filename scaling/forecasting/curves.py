"""One-variable forecasts: many shapes of curve, weighted by how well they explain this one, and a
network that has seen many simulated curves.

Shapes with 0, 1 or 2 breaks, two strengths of recency and two priors are fitted
(`scaling.forecasting.curve_fit`). A shape counts by its evidence, a likelihood in which the noise
of old points grows by the strength of recency, so that a shape that explains the whole curve wins
where there is one and the recent points decide where there is none:

    log weight = .5 min(1, 12 / n) (log-likelihood - 4 parameters / 2 log n)
                 + breaks log 8 + [second prior] log .1

The tempering is because points along one training run are not independent; the penalty of four
times Schwarz's (1978) is for the same reason. Beyond the data the distance from the level at the
last point is damped, as in forecasts by damped trends (Gardner and McKenzie 1985): by 4 %, and more
where a slow curve's step is not large against the standard error of the level and against what the
shapes' steps differ by, for slow curves often stop,

    step = .96 d / (1 + g (11 s / |d|)^2.5),   g = exp(-(slope / .12)^4),
    s = (noise / sqrt(m))^.7 apart^.3,

d the undamped step, m recent points, noise what points scatter by but at most about .012 (a noisier
curve is not for that one that stops), slope = |d| / log(x / x_max) the exponent of the step. The
step that the network tells (`scaling.forecasting.network`), held against .85 of the same but not
damped by 4 %, has a share in the centre,

    q = .75 / (1 + (network - shapes)^2 / sigma^2),

sigma the spread of the shapes (`spread`): the network has seen what no shape draws, but one of both
is wrong where they are far apart, so that it moves a forecast by at most .375 sigma. Where only
about eight points are known, or fewer, shapes have little to be fitted to: with
f = exp(-(points / 8)^6) the share has a third of f more, and the network is held by half of f less.

docs/log.md has what each piece is worth, docs/benchmarks/forecast_notes.md how the constants were
chosen.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np

from scaling.arrays import Array
from scaling.forecasting.curve_fit import Curve, Prior, fit_curve, read_curve, rough_noise
from scaling.forecasting.curve_model import columns, predict
from scaling.forecasting.map_estimate import FAR, LEAST_NOISE, Optima, shape_weights
from scaling.forecasting.network import MOST, Told, foretell

# Breaks, strengths of recency, and priors with their odds. No recency and one of 4 were tried as
# well: twelve shapes do as well as twenty-two.
BREAKS = (0, 1, 2)
POWERS = (1.0, 2.0)
PRIORS = ((Prior(0.0, 2.5, 0.5), 1.0), (Prior(0.5, 1.0, 1.0), 0.1))
# Points beyond which neighbours are merged: a curve has no more detail than this.
MOST_POINTS = 200
# Sizes below which there is no curve.
FEWEST = 3
# Spread: constants of (noise, apart, |step|, level, faster, doubt, against), degrees of freedom.
SPREAD = (0.85, 1.1, 0.3, 1.0, 1.5, 0.68, 1.0)
DEGREES = 2.6


@dataclass(frozen=True)
class Choices:
    """Constants of the centre, as in the formulas of the module: the tempering of evidence and the
    points from which it sets in, the penalty of parameters in units of Schwarz's, the prior odds of
    one break more, the share of a step that is kept, the standard errors that the step of a slow
    curve is held against and how sharply (the power of their ratio), the slope below which a curve
    is slow, the noise beyond which more of it does not count there, the share of the shapes'
    disagreement in the standard error, the most that the network can have in the centre, the share
    of the standard errors that its step is held against, and the points below which a curve is so
    short that it has more to say."""

    temper: float = 0.5
    few: int = 12
    penalty: float = 4.0
    odds: float = 8.0
    damping: float = 0.96
    errors: float = 11.0
    sharp: float = 2.5
    slow: float = 0.12
    quiet: float = 0.012
    disagreement: float = 0.3
    trust: float = 0.75
    eased: float = 0.85
    short: float = 8.0


@dataclass(frozen=True)
class Shape:
    """One shape fitted to a curve: its optima, numbers of parameters and of breaks, and the odds of
    its prior."""

    optima: Optima
    parameters: int
    breaks: int
    odds: float


@dataclass(frozen=True)
class Fitted:
    """Every shape fitted to one curve; log values at the targets (K, T) and at the last point (K,);
    the mean slope as far before it (K, T); how far the targets lie beyond it (T,), log(x / x_max);
    points after merging and how many the recency weights rest on; the least scatter that single
    points are known to have; and what the network says."""

    shapes: list[Shape]
    values: Array
    last: Array
    slopes: Array
    distance: Array
    points: int
    recent: float
    scatter: float
    told: Told


@dataclass(frozen=True)
class Extrapolation:
    """A curve beyond its data, in logs.

    ``centre`` (T,); ``step`` (T,) how far the undamped one lies from the level at the last point (0
    within the data); ``apart`` (T,) how far the shapes differ (weighted standard deviation);
    ``noise`` the scatter of points about the best shapes; ``recent`` how many points the recency
    weights rest on; ``level`` the log value at the last point; ``faster`` (T,) by how much the step
    exceeds what the curve did before, over the same distance; ``share`` (T,) the network's part in
    the centre, ``doubt`` (T,) its own scale and ``against`` (T,) how far it lies from the shapes.
    Companions (`scaling.forecasting.companions`) leave ``kept`` of the own uncertainty and add the
    variance ``beside``, (T,) or the same everywhere.
    """

    centre: Array
    step: Array
    apart: Array
    noise: float
    recent: float
    level: float
    faster: Array
    share: Array | float = 0.0
    doubt: Array | float = 0.0
    against: Array | float = 0.0
    kept: Array | float = 1.0
    beside: Array | float = 0.0


def extrapolate(x: Array, y: Array, at: Array) -> Extrapolation:
    """The curve y(x) > 0, (n,) and (n,), at ``at`` (T,). A target has no effect on the others."""
    return combine(fit_shapes(x, y, at), Choices())


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
    told = foretell(*merged(t, _tamed(curve, shapes), MOST), distance)
    return Fitted(shapes, values, last, slopes, distance, len(t), recent, scatter, told)


def _tamed(curve: Curve, shapes: list[Shape]) -> Array:
    """log y (n,), with points that lie far from the likeliest shape drawn in: the network has no
    weights that could be taken from them."""
    best = max((one.optima for one in shapes), key=lambda one: one.evidence)
    expected = _mean(best, curve.t, curve)
    typical = 1.4826 * np.median(np.abs(curve.y - expected))
    most = FAR * max(typical, best.noise, LEAST_NOISE)
    return np.asarray(expected + np.clip(curve.y - expected, -most, most))


def combine(fitted: Fitted, choices: Choices) -> Extrapolation:
    """Shapes by their evidence, and the network, both damped beyond the data."""
    weight = _weights(fitted, choices)
    centre, level = weight @ fitted.values, float(weight @ fitted.last)
    apart = np.sqrt(weight @ (fitted.values - centre) ** 2)
    noise = max(float(weight @ [one.optima.noise for one in fitted.shapes]), fitted.scatter)
    differ = weight @ (fitted.values - fitted.last[:, None] - (centre - level)) ** 2
    beyond = fitted.distance > 0
    step = np.where(beyond, centre - level, 0.0)
    error = _step_error(noise**2, fitted.recent, differ, choices)
    kept = choices.damping * _kept(step, fitted.distance, error, choices)
    damped = np.where(beyond, level + kept * step, centre)
    before = np.abs(weight @ fitted.slopes) * fitted.distance
    faster = np.where(beyond, np.maximum(np.abs(step) - before, 0.0), 0.0)
    alone = Extrapolation(damped, step, apart, noise, fitted.recent, level, faster)
    return _hear(alone, fitted, error, choices)


def _hear(alone: Extrapolation, fitted: Fitted, error: Array, choices: Choices) -> Extrapolation:
    """With the network: the farther it lies from the shapes, against their spread, the less."""
    few = float(np.exp(-((fitted.points / choices.short) ** 6)))
    error = (choices.eased * (1.0 - few / 2.0)) ** 2 * error
    step = fitted.told.value - alone.level
    told = alone.level + _kept(step, fitted.distance, error, choices) * step
    against = np.where(fitted.distance > 0, told - alone.centre, 0.0)
    doubted = 1.0 + (against / spread(alone)[0]) ** 2
    most = min(choices.trust * (1.0 + few / 3.0), 1.0)
    share = most * fitted.told.heard / doubted
    centre = alone.centre + share * against
    return replace(
        alone, centre=centre, share=share, doubt=fitted.told.scale, against=np.abs(against)
    )


def _weights(fitted: Fitted, choices: Choices) -> Array:
    """Weights (K,) of the shapes, as in the module."""
    found = [(one.optima, one.parameters) for one in fitted.shapes]
    temper = choices.temper * min(1.0, choices.few / fitted.points)
    evidence = shape_weights(found, fitted.points, temper, choices.penalty)
    weight = evidence * [one.odds * choices.odds**one.breaks for one in fitted.shapes]
    return np.asarray(weight / weight.sum())


def _step_error(noise: float, recent: float, differ: Array, choices: Choices) -> Array:
    """Variance (T,) that the step of a slow curve is held against, of variances of single points
    and of the shapes' steps (T,)."""
    level = noise / (1.0 + noise / choices.quiet**2) / recent
    share = choices.disagreement
    return np.asarray(choices.errors**2 * level ** (1.0 - share) * differ**share)


def _kept(step: Array, distance: Array, error: Array, choices: Choices) -> Array:
    """Share (T,) of each step that is kept where slow curves may stop."""
    slope = np.abs(step) / np.maximum(distance, 1e-12)
    slow = np.exp(-((slope / choices.slow) ** 4))
    return np.asarray(1.0 / (1.0 + slow * (error / (step**2 + 1e-16)) ** (choices.sharp / 2.0)))


def merged(t: Array, y: Array, most: int = MOST_POINTS) -> tuple[Array, Array]:
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


def spread(made: Extrapolation) -> tuple[Array, float]:
    """Scale (T,) of log y about the centre, and degrees of freedom of its Student's t.

        sigma^2 = (c1 noise)^2 + (1 - q) ((c2 apart)^2 + (c3 step)^2 + (c4 level)^2 + (c5 faster)^2)
                  + q (c6 doubt)^2 + q (1 - q) (c7 against)^2

    noise is what single points scatter by, apart what the shapes differ by, the third part stands
    for what no shape foresaw and grows with how far the curve has yet to go, level is the
    standard error of the last level, noise / sqrt(m) of m recent points: a few points that lie on a
    shape do not prove it; and faster is by how much a curve is foretold to outdo what it did over
    the same distance before: one that speeds up says little of how long it will. q is the share of
    the network, doubt the scale that it gives itself, against how far it lies from the shapes: the
    variance of a mixture of both.
    """
    return np.sqrt(features(made) ** 2 @ np.square(SPREAD) + made.beside), DEGREES


def features(made: Extrapolation) -> Array:
    """Parts of the spread (T, 7): noise, apart, |step|, level, faster, doubt, against."""
    one = np.ones_like(made.centre)
    level = made.noise / np.sqrt(made.recent)
    network, shapes = np.sqrt(made.share), np.sqrt(1.0 - made.share)
    own = [part * shapes for part in (made.apart, np.abs(made.step), level, made.faster)]
    told = [made.doubt * network, made.against * network * shapes]
    return np.column_stack([made.noise * one, *(part * made.kept * one for part in (*own, *told))])
