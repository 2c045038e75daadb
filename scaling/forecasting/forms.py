"""Forms that a table of any number of inputs may follow, and their most probable constants.

All but the Gaussian process are one expression. With features f(u) of the inputs and terms k,

    q_k = a_k - e_k . f(u)          M = log sum_k exp(q_k), perhaps times gamma, perhaps levelling

the forecast h is log(floor + exp M) where the target is modelled in logs, floor + exp M where it
has either sign, and M itself without a floor. A form says which inputs each term reads, whether the
features hold products or squares, and whether gamma is free. Additive terms are Hoffmann et al.
2022 (arXiv:2203.15556), coupled ones Kaplan et al. 2020 (arXiv:2001.08361), the levelling form is
the rectified law of Lin et al. 2024 (arXiv:2402.02314), one term of shares the mixing law of Ye et
al. 2024 (arXiv:2403.16952), products without a floor Clark et al. 2022 (arXiv:2202.01169).

Every constant has a weak prior, groups are fitted side by side, and the loss is Student's t.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.forecasting.map_estimate import evenly

Groups = NDArray[np.int64]

# Distances at which forms without a floor, and those with squares, count half.
FLOORLESS, SQUARES = 2.0, 0.6
STARTS = 3
STEPS = (60, 30)
MAX_STEP = 1.0
CONVERGED = 1e-5
# Prior of the exponent of an input in logs: mean (of the sign that the runs show) and spread; of
# one in ranges, spread.
EXPONENT, EXPONENT_SD, RANGE_SD = 0.3, 0.35, 2.0
# Prior of a floor, below the lowest value seen; of a term's log; of log gamma; of squares, in
# standard deviations of the inputs.
FLOOR_SD, TERM_SD, GAMMA_SD, SQUARE_SD = 1.5, 1.5, 0.3, 0.3
# Noise: first guess, prior guess and its weight in runs, in scales of the target; distance in
# noises at which a run counts half.
FIRST_NOISE, PRIOR_NOISE, PRIOR_RUNS, FAR = 0.1, 0.05, 1.0, 4.0
LEAST_NOISE = 1e-3
_MOST = 60.0


@dataclass(frozen=True)
class Form:
    """One expression.

    Attributes:
        name: what reports call it.
        reads: the inputs of each term: "one" term reads all, "each" input has a term, "both" is
            each and one, "two" terms read all, "none" reads nothing.
        features: "plain" inputs, with their "products", or with products and "squares".
        floor: whether it tends to a limit.
        coupled: whether gamma is free.
        levels: whether it also levels off on the other side.
        fewest: inputs below which it equals another form.
        fades: distance, in ranges of the runs, at which it has lost half of its weight.
    """

    name: str
    reads: Literal["none", "one", "each", "both", "two"]
    features: Literal["plain", "products", "squares"] = "plain"
    floor: bool = True
    coupled: bool = False
    levels: bool = False
    fewest: int = 1
    fades: float = float("inf")

    def mask(self, inputs: int) -> NDArray[np.bool_]:
        """Which features (F,) each term (K, F) reads."""
        one = np.ones((1, len(pairs_of(self.features, inputs)) + inputs), dtype=bool)
        each = np.eye(inputs, one.shape[1], dtype=bool)
        return {
            "none": ~one,
            "one": one,
            "each": each,
            "both": np.vstack([each, one]),
            "two": np.vstack([one, one]),
        }[self.reads]


FORMS: tuple[Form, ...] = (
    Form("constant", "none", floor=False, fades=FLOORLESS),
    Form("linear in logs", "one", floor=False, fades=FLOORLESS),
    Form("bilinear in logs", "one", "products", floor=False, fewest=2, fades=FLOORLESS),
    Form("quadratic in logs", "one", "squares", floor=False, fades=SQUARES),
    Form("power law", "one"),
    Form("power law, bilinear", "one", "products", fewest=2),
    Form("power law, quadratic", "one", "squares", fades=SQUARES),
    Form("additive", "each", fewest=2),
    Form("coupled", "each", coupled=True, fewest=2),
    Form("additive with product", "both", fewest=2),
    Form("two terms", "two"),
    Form("rectified", "one", levels=True),
)


@dataclass(frozen=True)
class Rows:
    """Runs of G groups side by side, padded with weight 0.

    Attributes:
        u: inputs (G, n, d), about 0 in the middle of the runs.
        h: the target (G, n), on the scale that is modelled.
        weight: (G, n), 0 for padding and for runs that are held out.
        logs: which inputs (d,) are logarithms.
        sd: spread of each input (d,).
        low, centre, scale: lowest value, middle and spread of the target in each group (G,).
        slope: of the target in each input (d,), all groups together.
        log_target: whether h is a logarithm.
    """

    u: Array
    h: Array
    weight: Array
    logs: NDArray[np.bool_]
    sd: Array
    low: Array
    centre: Array
    scale: Array
    slope: Array
    log_target: bool

    def without(self, held_out: NDArray[np.bool_]) -> Rows:
        """The same, described by what is left when rows (G, n) are held out."""
        return describe(replace(self, weight=np.where(held_out, 0.0, self.weight)))


@dataclass(frozen=True)
class Fitted:
    """Constants (G, P), their curvature (G, P, P), and noise in scales of the target."""

    theta: Array
    curvature: Array
    noise: float


@dataclass(frozen=True)
class _Prior:
    mean: Array
    sd: Array


def describe(rows: Rows) -> Rows:
    """Level, spread and slopes of the rows that count."""
    counts = rows.weight > 0
    if not counts.any():
        return rows
    every = rows.h[counts]
    spread = max(float(every.std()), 1e-9)
    low, centre, scale = (np.full(len(rows.h), v) for v in (every.min(), np.median(every), spread))
    for group, kept in enumerate(counts):
        if kept.sum() >= 3:
            own = rows.h[group][kept]
            low[group], centre[group] = own.min(), np.median(own)
            scale[group] = max(float(own.std()), 0.2 * spread)
    flat = (rows.u[counts] - rows.u[counts].mean(axis=0)) / rows.sd
    target = (rows.h - centre[:, None])[counts]
    ridge = flat.T @ flat + 2.0 * np.eye(flat.shape[1])
    slope = np.linalg.solve(ridge, flat.T @ target) / rows.sd
    return replace(rows, low=low, centre=centre, scale=scale, slope=slope)


def features(form: Form, u: Array, sd: Array) -> Array:
    """Features (..., F) of inputs (..., d): the inputs, then products in standard deviations."""
    v = u / sd
    more = [v[..., i] * v[..., j] for i, j in pairs_of(form.features, u.shape[-1])]
    return np.concatenate([u, *(one[..., None] for one in more)], axis=-1)


def pairs_of(kind: str, inputs: int) -> list[tuple[int, int]]:
    """Which two inputs each feature after the inputs is the product of."""
    first = 1 if kind == "products" else 0
    if kind == "plain":
        return []
    return [(i, j) for i in range(inputs) for j in range(i + first, inputs)]


def predict(form: Form, theta: Array, u: Array, rows: Rows, group: Groups) -> Array:
    """The target (B, n) of constants (B, P) at inputs (B, n, d).

    ``group`` (B,) is the group that each row of constants is of.
    """
    return _evaluated(form, theta, u, rows, group)[0]


def with_slopes(
    form: Form, theta: Array, u: Array, rows: Rows, group: Groups
) -> tuple[Array, Array]:
    """`predict`, and its slopes (B, n, P)."""
    value, slopes = _evaluated(form, theta, u, rows, group)
    return value, slopes()


def _evaluated(
    form: Form, theta: Array, u: Array, rows: Rows, group: Groups
) -> tuple[Array, Callable[[], Array]]:
    """`predict`, and what gives the slopes: they are larger than all else by P."""
    mask = form.mask(u.shape[-1])
    phi = features(form, u, rows.sd)
    terms, place = len(mask), int(form.floor) + int(form.coupled) + int(form.levels)
    a = theta[:, place : place + terms]
    e = np.zeros((len(theta), *mask.shape))
    e[:, mask] = theta[:, place + terms :]
    q = np.clip(a[:, None] - phi @ e.transpose(0, 2, 1), -_MOST, _MOST)
    if form.reads == "none" or not form.floor:
        unit = np.ones_like(rows.scale) if rows.log_target else rows.scale
        unit = unit[group][:, None]

        def of_line() -> Array:
            return np.concatenate([np.ones_like(q), -phi[..., mask[0]]], axis=-1) * unit[..., None]

        return rows.centre[group][:, None] + unit * q[..., 0], of_line
    top = q.max(axis=-1, keepdims=True)
    share = np.exp(q - top)
    total = share.sum(axis=-1, keepdims=True)
    share = share / total
    m = (top + np.log(total))[..., 0]
    of_shape = []
    if form.levels:
        b = theta[:, int(form.floor) + int(form.coupled)][:, None]
        left = 1.0 / (1.0 + np.exp(m))
        m = b - np.logaddexp(0.0, -m)
        share = share * left[..., None]
        of_shape = [np.ones_like(m)]
    if form.coupled:
        gamma = np.exp(theta[:, int(form.floor)])[:, None]
        m = gamma * m
        share, of_shape = share * gamma[..., None], [m, *of_shape]
    value, of_m, of_floor = _with_floor(theta[:, 0], m, rows, group)

    def of_terms() -> Array:
        inner = [one * of_m for one in of_shape]
        of_q = share * of_m[..., None]
        k, f = np.nonzero(mask)
        of_e = -of_q[..., k] * phi[..., f]
        return np.concatenate([np.stack([of_floor, *inner], axis=-1), of_q, of_e], axis=-1)

    return value, of_terms


def _with_floor(v: Array, m: Array, rows: Rows, group: Groups) -> tuple[Array, Array, Array]:
    """Value, slope in m and slope in the floor's constant, all (B, n).

    Terms are measured from the group's middle, in its spread where the target has either sign.
    """
    low, scale = rows.low[group][:, None], rows.scale[group][:, None]
    v = np.clip(v, -_MOST, _MOST)[:, None]
    if rows.log_target:
        floor = low - np.logaddexp(0.0, -v)
        power = rows.centre[group][:, None] + m
        value = np.logaddexp(floor, power)
        return value, np.exp(power - value), np.exp(floor - value) / (1.0 + np.exp(v))
    power, depth = scale * np.exp(np.clip(m, -_MOST, 12.0)), scale * np.exp(np.clip(v, -9.0, 4.0))
    return low - depth + power, power, np.broadcast_to(-depth, m.shape)


def prior(form: Form, rows: Rows) -> _Prior:
    """Means and spreads of the constants (G, P)."""
    inputs = len(rows.sd)
    mask = form.mask(inputs)
    pairs = mask.shape[1] - inputs
    typical = float(np.median(rows.scale))
    unit = 1.0 if rows.log_target else typical
    strength = np.clip(rows.slope * rows.sd / (0.2 * typical), -1.0, 1.0)
    if form.floor:
        mean = np.where(rows.logs, -EXPONENT * strength, -strength)
        sd = np.where(rows.logs, EXPONENT_SD, RANGE_SD)
        square = np.full(pairs, SQUARE_SD)
    else:
        mean, sd = -rows.slope / unit, 1.5 * typical / unit / rows.sd
        square = np.full(pairs, 0.5 * typical / unit)
    e_mean, e_sd = np.concatenate([mean, np.zeros(pairs)]), np.concatenate([sd, square])
    k, f = np.nonzero(mask)
    e_mean = e_mean[f]
    if form.reads == "two":
        e_mean = e_mean * np.where(k == 0, 1.0, 0.3)
    # A term at the middle of the runs: what is left of the target above the floor, shared.
    at = (-0.7 if rows.log_target else 0.3) - np.log(len(mask)) if form.floor else 0.0
    a_sd = TERM_SD if form.floor else 3.0 * typical / unit
    head: list[tuple[float, float]] = []
    if form.floor:
        head.append((0.5 if rows.log_target else -0.5, FLOOR_SD))
    if form.coupled:
        head.append((0.0, GAMMA_SD))
    if form.levels:
        head.append((0.0 if rows.log_target else 0.7, TERM_SD))
    means = np.concatenate([[one for one, _ in head], np.full(len(mask), at), e_mean])
    sds = np.concatenate([[one for _, one in head], np.full(len(mask), a_sd), e_sd[f]])
    groups = len(rows.h)
    return _Prior(np.tile(means, (groups, 1)), np.tile(sds, (groups, 1)))


def fit(form: Form, rows: Rows, first: Array | None = None) -> Fitted:
    """Every group with constants of its own; ``first`` (G, P) is one more place to start."""
    before = prior(form, rows)
    wide = before.mean.shape[1]
    points = np.vstack([np.zeros((1, wide)), 2.5 * (evenly(STARTS - 1, wide) - 0.5)])
    starts = before.mean[:, None] + before.sd[:, None] * points
    if first is not None:
        starts = np.concatenate([starts, first[:, None]], axis=1)
    return _descend(form, rows, before, starts)


def pool(form: Form, rows: Rows, own: Fitted) -> Fitted:
    """Partial pooling: the prior of each constant is what the groups have in common."""
    before = prior(form, rows)
    middle = np.median(own.theta, axis=0)
    spread = 1.4826 * np.median(np.abs(own.theta - middle), axis=0)
    sd = np.minimum(np.sqrt(spread**2 / 2.0 + (0.1 * before.sd) ** 2), before.sd)
    shared = _Prior(np.broadcast_to(middle, before.mean.shape), sd)
    starts = np.stack([own.theta, np.broadcast_to(middle, own.theta.shape)], axis=1)
    return _descend(form, rows, shared, starts)


def _descend(form: Form, rows: Rows, before: _Prior, starts: Array) -> Fitted:
    """Damped Gauss-Newton from all starts (G, S, P) at once; the best of each group."""
    groups, tries, wide = starts.shape
    group = np.repeat(np.arange(groups), tries)
    theta, noise = starts.reshape(-1, wide), FIRST_NOISE
    weight = rows.weight
    for steps in STEPS:
        root = np.sqrt(weight) / rows.scale[:, None] / noise
        theta, cost = _steps(form, rows, before, (theta, group, root), steps)
        best = cost.reshape(groups, tries).argmin(axis=1)
        chosen = theta.reshape(groups, tries, wide)[np.arange(groups), best]
        value, slopes = with_slopes(form, chosen, rows.u, rows, np.arange(groups))
        error = (value - rows.h) / rows.scale[:, None]
        noise = _noise(error, weight, wide)
        weight = rows.weight / (1.0 + (error / (FAR * noise)) ** 2)
        noise = _noise(error, weight, wide)
    scaled = slopes * (np.sqrt(weight) / rows.scale[:, None] / noise)[..., None]
    tight = np.eye(wide) / before.sd[:, None] ** 2
    return Fitted(chosen, scaled.transpose(0, 2, 1) @ scaled + tight, noise)


def draw(form: Form, fitted: Fitted, rows: Rows, z: Array) -> Array:
    """Constants (D, G, P) about the most probable ones, from standard normal ``z`` (D, G, P).

    A step that worsens the fit by more than its curvature foresees is halved, up to five times.
    """
    root = np.linalg.cholesky(fitted.curvature)
    step = np.linalg.solve(root.transpose(0, 2, 1), z[..., None])[..., 0]
    group = np.tile(np.arange(z.shape[1]), len(z))
    weight = np.sqrt(rows.weight) / rows.scale[:, None] / fitted.noise

    def misfit(theta: Array, group: Groups) -> Array:
        # One group has one set of features, whatever the number of draws.
        u = rows.u if len(rows.u) == 1 else rows.u[group]
        value = predict(form, theta, u, rows, group)
        error = (value - rows.h[group]) * weight[group]
        return np.asarray((error**2 / (1.0 + (error / FAR) ** 2)).sum(axis=1))

    best = misfit(fitted.theta, np.arange(z.shape[1]))
    flat = step.reshape(-1, z.shape[2])
    allowed = best[group] + 2.0 * (z**2).sum(axis=2).ravel() + 2.0
    far = np.arange(len(flat))
    for _ in range(5):
        far = far[misfit(fitted.theta[group[far]] + flat[far], group[far]) > allowed[far]]
        flat[far] *= 0.5
    return np.asarray((fitted.theta[group] + flat).reshape(z.shape))


def _noise(error: Array, weight: Array, constants: int) -> float:
    """Scatter of single runs, with what is known before about a run's worth."""
    rows = float((weight.sum(axis=1) ** 2 / np.maximum((weight**2).sum(axis=1), 1e-12)).sum())
    free = max(rows - 0.5 * constants * len(weight), 0.4 * rows)
    found = float((weight * error**2).sum() / max(weight.sum(), 1e-12)) * rows
    return max(
        float(np.sqrt((found + PRIOR_RUNS * PRIOR_NOISE**2) / (free + PRIOR_RUNS))), LEAST_NOISE
    )


def _steps(
    form: Form, rows: Rows, before: _Prior, at: tuple[Array, Groups, Array], steps: int
) -> tuple[Array, Array]:
    """Constants (B, P) and cost (B,) after at most so many steps."""
    theta, group, root = at
    mean, sd = before.mean[group], before.sd[group]
    u, h, root = rows.u[group], rows.h[group], root[group]

    def state(theta: Array, of: Groups) -> tuple[Array, Array, Array]:
        value, slopes = with_slopes(form, theta, u[of], rows, group[of])
        error, off = (value - h[of]) * root[of], (theta - mean[of]) / sd[of]
        return 0.5 * ((error**2).sum(1) + (off**2).sum(1)), error, slopes * root[of][..., None]

    every = np.arange(len(theta))
    cost, error, slopes = state(theta, every)
    damping, going = np.full(len(theta), 1e-2), every
    theta = theta.copy()
    for _ in range(steps):
        hessian = slopes.transpose(0, 2, 1) @ slopes
        hessian += np.eye(theta.shape[1]) / sd[going][:, None] ** 2
        gradient = (error[:, None] @ slopes)[:, 0] + (theta[going] - mean[going]) / sd[going] ** 2
        scale = np.diagonal(hessian, axis1=1, axis2=2)[:, None] * np.eye(theta.shape[1])
        step = np.linalg.solve(hessian + damping[going][:, None, None] * scale, gradient[..., None])
        limit = MAX_STEP * np.maximum(sd[going], 0.1)
        tried = theta[going] - np.clip(step[..., 0], -limit, limit)
        new_cost, new_error, new_slopes = state(tried, going)
        better = new_cost < cost[going]
        gain = np.where(better, cost[going] - new_cost, np.inf)
        theta[going] = np.where(better[:, None], tried, theta[going])
        cost[going] = np.where(better, new_cost, cost[going])
        error = np.where(better[:, None], new_error, error)
        slopes = np.where(better[:, None, None], new_slopes, slopes)
        damping[going] = np.where(better, 0.2 * damping[going], 6.0 * damping[going])
        on = (gain > CONVERGED * (1.0 + cost[going])) & (damping[going] < 1e6)
        going, error, slopes = going[on], error[on], slopes[on]
        if not len(going):
            break
    return theta, cost


def applicable(inputs: int) -> Sequence[Form]:
    """The forms that differ from each other at so many inputs."""
    return [form for form in FORMS if inputs >= form.fewest]
