"""A curve's end where the learning rate is known.

1. Four shapes are fitted, a power law in the rates' sum less what falls of the rate gain:

       y(x) = c (e + (1 - e) r^-alpha - b D(x)),   r = S(x) / S(x_max)
       D(x) = sum_k (eta_(k-1) - eta_k) G_k(x)

   S is the integral of the learning rate in units of its peak, so neither the rate's unit nor the
   input's matters; c is the level at the last point of a run whose rate had never fallen, e the
   share of it that is floor, b what a fall of the rate to 0 takes off, as a share of c. How soon
   a fall shows is the families' (`FAMILIES`), with S_k the sum since it:

       multi-power (Luo et al. 2025, arXiv:2503.12811)   G_k = 1 - (1 + C eta_k^-gamma S_k)^-beta
       annealing (Tissue et al. 2024, arXiv:2408.11029)  G_k = 1 - exp(-(x - x_k) / tau)

   Falls are counted from the end of the warm-up on; its rates count in S.

2. Half a curve says little of b: it is told apart from e and alpha only by what bends. So all
   points together count as `EFFECTIVE` of them, beside priors from whole curves. A run's metric
   that rises to 1 (an accuracy) is forecast by its distance from 1, which falls further.

3. Other runs of the study say how much a fall of the rate gains (`study_gains`): each has its own
   log b, known the better the more of its falls are behind it, and they differ by `BETWEEN`.

4. The curve without a schedule (`scaling.forecasting.curves`) has a share q of the location,
   `PLAIN`: early in a run it errs less, in spite of falls that it cannot know.

       scale^2 = (s1 noise)^2 + (s2 posterior)^2 + disagreement^2 + q (1 - q) gap^2

   gap is the distance between the two, and the constants are `SCALE`.

5. Where the rate is known to the present only, it is taken to stay, and the scale allows for a fall
   that may come (`possible_fall`).

docs/benchmarks/schedules.md has how the constants were chosen and what it is worth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scaling.arrays import Array
from scaling.forecasting.curve_fit import rough_noise
from scaling.forecasting.curves import extrapolate, merged, spread
from scaling.forecasting.distribution import Predictive
from scaling.forecasting.map_estimate import Optima, Shape, evenly, fit_shape
from scaling.laws._falls import Falls, falls
from scaling.runs.schedules import DECAY, Schedule

# gamma and beta of the multi-power law: means of the authors' three sizes
# (`scaling.laws.multi_power`), which differ by 3 %.
GAMMA, BETA = 0.644, 0.592
# Family, pace (C in S of the whole run, or the run's length in tau) and median of b for a loss.
FAMILIES = (
    ("multi-power", 100.0, 0.058),
    ("multi-power", 1000.0, 0.050),
    ("annealing", 20.0, 0.050),
    ("annealing", 80.0, 0.050),
)
# Of the distance of an accuracy from 1 the falls take off so much more.
SHARE_FACTOR = 7.0
# Means and spreads of the logit of e and of log alpha, and the spread of log b: between studies,
# and between the runs of one (docs/benchmarks/schedules.md).
MEAN, SPREAD = (2.8, float(np.log(0.6))), (2.0, 0.6)
GAIN_SPREAD, BETWEEN = 0.5, 0.3
EFFECTIVE, POWER, PLAIN = 12.0, 3.0, 0.25
# Weights of (noise, posterior, disagreement) in the scale, and degrees of freedom.
SCALE, DEGREES = (1.6, 0.85, 1.0), 3.0
# Runs whose rate falls at a place that nothing says, as a share (docs/benchmarks/schedules.md).
FALLS = 0.25
STARTS = 24
MIN_LEVEL, MIN_SUM = 1e-6, 1e-9


# A run that is under way or finished: places (n,), values (n,) > 0, and its learning rate.
Run = tuple[Array, Array, Schedule]
# Mean and spread of log b by family (families, 2).
Gains = Array


@dataclass(frozen=True)
class Scheduled:
    """What the shapes say at T targets, in log y.

    Attributes:
        location: their mean (T,).
        posterior: standard deviation of the parameters' posterior (T,).
        disagreement: that of the shapes (T,).
        noise: scatter of points about them.
    """

    location: Array
    posterior: Array
    disagreement: Array
    noise: float


@dataclass(frozen=True)
class _Fit:
    """One shape: optima; log y and posterior variance (T,); log b and its variance."""

    optima: Optima
    value: Array
    variance: Array
    gain: float
    gain_variance: float


def forecast_end(
    x: Array,
    y: Array,
    at: Array,
    schedule: Schedule | None = None,
    *,
    share: bool = False,
    others: Sequence[Run] = (),
) -> Predictive:
    """The curve y(x) > 0, (n,) and (n,), at ``at`` (T,), in the same unit as x.

    Args:
        schedule: the learning rate up to the farthest target; None for the forecast that knows none
            (`scaling.forecasting.curves`), or where the rate neither falls nor rises.
        share: y is the distance from 1 of a share that rises, such as an accuracy.
        others: other runs of the study, in the same metric and unit.
    """
    plain = extrapolate(x, y, at)
    if schedule is None:
        return Predictive(plain.location, *spread(plain), disagreement=plain.disagreement)
    gains = study_gains(others, share=share)
    open_fall = possible_fall(schedule, at, gains)
    if not matters(schedule, x, at):
        scale, degrees = spread(plain)
        wider = np.hypot(scale, open_fall) if open_fall.any() else scale
        return Predictive(plain.location, wider, degrees, disagreement=plain.disagreement)
    made = shapes(x, y, at, schedule, gains)
    gap = plain.location - made.location
    mixed = PLAIN * (1.0 - PLAIN) * gap**2
    scale = np.sqrt(features(made) ** 2 @ np.square(SCALE) + mixed + open_fall**2)
    return Predictive(made.location + PLAIN * gap, scale, DEGREES, disagreement=made.disagreement)


def matters(schedule: Schedule, x: Array, at: Array) -> bool:
    """Whether the rate changes between the warm-up and the farthest target.

    A constant rate tells a curve nothing that its points do not.
    """
    end = float(max(x.max(), at.max()))
    return bool(len(falls(schedule, end, unit=schedule.peak).size))


def possible_fall(schedule: Schedule, at: Array, gains: Gains) -> Array:
    """Scale (T,) of a fall that nothing says: sqrt(p) b eta(x_o) min(1, (x - x_o) / (s x)).

    x_o is where the rate is last known (`Schedule.open_from`), eta its share of the peak there, b
    the mean over families, s the usual share of a run that decays (`scaling.runs.schedules.DECAY`),
    p how many runs fall (`FALLS`).
    """
    last = schedule.open_from
    if not np.isfinite(last):
        return np.zeros(len(at))
    done = np.clip((at - last) / (DECAY * at), 0.0, 1.0)
    share = float(schedule.at(np.array([last]))[0]) / schedule.peak
    return np.asarray(np.sqrt(FALLS) * np.exp(gains[:, 0]).mean() * share * done)


def features(made: Scheduled) -> Array:
    """Parts (T, 3) of the scale: noise, posterior, disagreement."""
    noise = np.full(len(made.location), made.noise)
    return np.column_stack([noise, made.posterior, made.disagreement])


def study_gains(others: Sequence[Run], *, share: bool = False) -> Gains:
    """What is known of b before the curve: of whole curves, and of the study's other runs.

    Run i says m_i with variance v_i; the study's mean has precision sum_i 1 / (v_i + BETWEEN^2),
    with the prior's, and the curve's own b lies `BETWEEN` about it.
    """
    factor = SHARE_FACTOR if share else 1.0
    gains = np.array([(np.log(size * factor), GAIN_SPREAD) for _, _, size in FAMILIES])
    told = [_gain(run, gains) for run in others if matters(run[2], run[0], run[0])]
    if not told:
        return gains
    mean, variance = (np.array(part) for part in zip(*told, strict=True))
    precision = 1.0 / (variance + BETWEEN**2)
    whole = precision.sum(0) + 1.0 / GAIN_SPREAD**2
    middle = ((precision * mean).sum(0) + gains[:, 0] / GAIN_SPREAD**2) / whole
    # Other runs never say less than none.
    return np.column_stack([middle, np.minimum(np.sqrt(1.0 / whole + BETWEEN**2), GAIN_SPREAD)])


def _gain(run: Run, gains: Gains) -> tuple[Array, Array]:
    """Log b that one run alone says, and its variance, by family."""
    x, y, schedule = run
    t, log_y, cut = _prepared(x, y, x[-1:], schedule)
    found = [_fit(t, log_y, x[-1:], cut, *both) for both in zip(FAMILIES, gains, strict=True)]
    mean = np.array([one.gain for one in found])
    variance = np.array([one.gain_variance for one in found])
    # Without the prior, whose part in it is known.
    alone = 1.0 / np.maximum(1.0 / variance - 1.0 / GAIN_SPREAD**2, 1e-3)
    return (mean / variance - gains[:, 0] / GAIN_SPREAD**2) * alone, alone


def shapes(x: Array, y: Array, at: Array, schedule: Schedule, gains: Gains) -> Scheduled:
    """Every family fitted to a curve and weighted by its evidence; arguments of `forecast_end`."""
    t, log_y, cut = _prepared(x, y, at, schedule)
    fits = [_fit(t, log_y, at, cut, *both) for both in zip(FAMILIES, gains, strict=True)]
    evidence = np.array([one.optima.evidence for one in fits])
    weight = np.exp((evidence - evidence.max()) * min(1.0, EFFECTIVE / len(t)))
    weight /= weight.sum()
    values = np.array([one.value for one in fits])
    location = weight @ values
    return Scheduled(
        location,
        np.sqrt(weight @ np.array([one.variance for one in fits])),
        np.sqrt(weight @ (values - location) ** 2),
        float(weight @ [one.optima.noise for one in fits]),
    )


def _prepared(x: Array, y: Array, at: Array, schedule: Schedule) -> tuple[Array, Array, Falls]:
    """Log x and log y in order, neighbours merged, and the falls up to the farthest target."""
    order = np.argsort(x, kind="stable")
    t, log_y = merged(np.log(x[order]), np.log(y[order]))
    return t, log_y, falls(schedule, float(max(x.max(), at.max())), unit=schedule.peak)


def _fit(
    t: Array, log_y: Array, at: Array, cut: Falls, family: tuple[str, float, float], gain: Array
) -> _Fit:
    """One family fitted to log y at t = log x, both (n,); ``gain`` is mean and spread of log b."""
    name, pace, _ = family
    drop = _drop(name, pace, cut)
    x = np.exp(t)
    last = cut.sums(x[-1:])
    mean = np.array([log_y[-1], *MEAN, gain[0]])
    position = t - t[-1]
    recency = np.exp(POWER * position)
    temper = max(1.0, recency.sum() ** 2 / (recency**2).sum() / EFFECTIVE)
    tight = np.array([10.0, *SPREAD, gain[1]]) / np.sqrt(temper)
    shape = Shape(
        lambda theta: predict(theta, cut.sums(x) / last, drop(x)), mean, tight, _starts(mean)
    )
    optima = fit_shape(shape, log_y, position, POWER, rough_noise(t, log_y), bent=2)
    value, slope = predict(optima.theta, cut.sums(at) / last, drop(at))
    own = temper * np.einsum("stp,spq,stq->st", slope, optima.covariance, slope)
    middle = optima.weight @ value
    variance = optima.weight @ (own + (value - middle) ** 2)
    logs, weight = optima.theta[:, 3], optima.weight
    size = float(weight @ logs)
    doubt = float(weight @ (temper * optima.covariance[:, 3, 3] + (logs - size) ** 2))
    return _Fit(optima, middle, variance, size, doubt)


def _drop(name: str, pace: float, cut: Falls) -> Callable[[Array], Array]:
    """D of one family: places (n,) to (n,)."""
    if name == "annealing":
        return lambda x: cut.by_time(x, cut.x[-1] / pace)
    return lambda x: cut.by_sum(x, pace / cut.total[-1], GAMMA, BETA)


def predict(theta: Array, r: Array, drop: Array) -> tuple[Array, Array]:
    """Log y (S, n) and its slopes by parameter (S, n, 4), at r and D (n,).

    Columns of ``theta`` (S, 4): log c, logit of e, log alpha, log b.
    """
    log_c, u, log_alpha, log_b = (theta[:, j, None] for j in range(4))
    e = 1.0 / (1.0 + np.exp(-np.clip(u, -30.0, 30.0)))
    alpha, b = np.exp(np.clip(log_alpha, -6.0, 3.0)), np.exp(np.clip(log_b, -12.0, 0.0))
    log_r = np.log(np.maximum(r, MIN_SUM))
    power = np.exp(np.clip(-alpha * log_r, -60.0, 60.0))
    level = np.maximum(e + (1.0 - e) * power - b * drop, MIN_LEVEL)
    slopes = np.empty((*level.shape, 4))
    slopes[..., 0] = 1.0
    slopes[..., 1] = e * (1.0 - e) * (1.0 - power) / level
    slopes[..., 2] = -(1.0 - e) * alpha * log_r * power / level
    slopes[..., 3] = -b * drop / level
    return log_c + np.log(level), slopes


def _starts(mean: Array) -> Array:
    """Starts (S, 4) over what curves have, at the last level."""
    share = evenly(STARTS, 4)
    low, high = np.array([0.0, -1.0, -2.0, -1.5]), np.array([0.0, 4.0, 0.5, 1.0])
    theta = low + (high - low) * share
    theta[:, 0] = mean[0]
    theta[:, 3] += mean[3]
    return np.asarray(theta)
