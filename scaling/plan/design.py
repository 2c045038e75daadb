"""Which runs to train next: those that most reduce the variance of one forecast.

Draws of a fit give the covariance S of log predictions at the target t and at candidate runs j. A
run with noise s (sd of log residuals) changes it, to first order, by

    S <- S - S_j S_j' / (s^2 + S_jj),   so the target's variance falls by S_tj^2 / (s^2 + S_jj)

which is V-optimal design (c-optimal, for one target) with the draws in place of a Jacobian: no
linear model in the parameters is needed, only in the predictions.

No law is true. A design that trusts one trains many small runs far from the target, and if the law
is wrong it is narrow about a wrong value. So two models are held at once: the law as it is, and the
law with a smooth error of ``doubt`` d sds of noise beside it,

    S_ij <- S_ij + (d s)^2 exp(-r_ij^2 / 2),   r the distance in decades of N and D,

under which runs count by their nearness to the target too. The law counts by the trust that the
runs give it (`scaling.plan.trust`), the other by the rest, and what is made small is the mean over
the models of the log of the target's variance: logs, because the variance under a wrong law would
else outweigh all.

Runs are chosen greedily by the fall over cost^p, for p of 0, 1/2 and 1, within the budget; the best
of the three sequences is kept (cost-benefit greedy alone can be arbitrarily bad, with the plain one
it is within a constant of the best: Leskovec et al. 2007, KDD, "Cost-effective outbreak
detection").

Draws of weak fits have far outliers, which would decide a covariance: predictions are cut at their
1 and 99 % points. Noise is taken as equal at all sizes; ``repeats`` bounds how often one cell is
trained, ``most`` how many runs there are.

Sources: Chaloner and Verdinelli 1995, Statistical Science 10:273; Fedorov 1972, "Theory of Optimal
Experiments"; on designs for laws that may be wrong, Box and Draper 1959, JASA 54:622.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.result import Fit
from scaling.plan.run_grid import Cells, nearness
from scaling.plan.trust import Belief

POWERS = (0.0, 0.5, 1.0)
# Tokens per param of candidates. Left free, designs run to the corners of the grid (100B params on
# 1B tokens), where no law was tested; published sweeps reach from about 1 to 1,000.
RATIO = (1.0, 1000.0)
CUT = (0.01, 0.99)
MIN_DRAWS = 30
# Error of a law that does not hold, in sds of noise: docs/benchmarks/plan_next.md.
WRONG_LAW_ERROR = 100.0
# Runs of one plan; after so many it is time to fit again.
MAX_RUNS = 40


@dataclass(frozen=True)
class Model:
    """One way the law may be: what it counts, and the covariance (M + 1, M + 1) of log predictions
    at the candidates and, last, the target."""

    weight: float
    s: Array


@dataclass(frozen=True)
class Chosen:
    """A sequence of cells and the target's variance after each (steps,), before it ``start``; the
    variance is that of the law as it is, which the next fit's interval will show."""

    order: tuple[int, ...]
    variance: Array
    start: float

    @property
    def end(self) -> float:
        """Variance after all."""
        return float(self.variance[-1]) if len(self.variance) else self.start


def grid(
    ranges: Mapping[str, tuple[float, float]],
    most: float,
    *,
    reach: float = 10.0,
    side: int = 13,
    ratio: tuple[float, float] = RATIO,
) -> Cells:
    """Candidates: params and tokens from the smallest fitted to ``reach`` times the largest, at
    most ``most`` FLOP each and within ``ratio`` tokens per param, evenly in logs.

    Raises:
        InputError: no candidate is that cheap.
    """
    (n_low, n_high), (d_low, d_high) = ranges["params"], ranges["tokens"]
    n, d = np.meshgrid(
        np.geomspace(n_low, n_high * reach, side), np.geomspace(d_low, d_high * reach, side)
    )
    keep = (6.0 * n * d <= most) & (d / n >= ratio[0]) & (d / n <= ratio[1])
    if not keep.any():
        raise InputError(
            "no candidate is that cheap", value=most, allowed=f">= {6.0 * n_low * d_low:.3g} FLOP"
        )
    return Cells(n[keep], d[keep])


def isoflop_grid(made: Fit, budget: float, budgets: int = 3, sizes: int = 5) -> Cells:
    """The usual study of that many FLOP: ``budgets`` levels a factor 10^(1/2) apart, each with
    ``sizes`` sizes a factor 2 apart about the optimum of the law as fitted."""
    from scaling.laws._surface import surface

    levels = 10.0 ** (-0.5 * np.arange(budgets))
    each = budget / (sizes * levels.sum()) * levels
    centre = np.exp(surface(made.law, made.theta[None]).log_params(np.log(each)))
    params = (centre[:, None] * 2.0 ** (np.arange(sizes) - sizes // 2)).ravel()
    return Cells(params, np.repeat(each, sizes) / 6.0 / params)


def covariance(made: Fit, cells: Cells) -> Array:
    """Covariance (M, M) of log predictions over the draws, cut at their outer points.

    Raises:
        InputError: too few draws to tell.
    """
    if len(made.resampled) < MIN_DRAWS:
        raise InputError(
            "a design needs draws",
            value=len(made.resampled),
            allowed=f">= {MIN_DRAWS} resamples",
            hint=" ".join(made.caveats) or None,
        )
    with np.errstate(all="ignore"):
        logs = np.log(made.law(made.resampled, cells.x))
    logs = logs[np.isfinite(logs).all(axis=1)]
    return np.atleast_2d(np.cov(np.clip(logs, *np.quantile(logs, CUT, axis=0)), rowvar=False))


def models(
    made: Fit, cells: Cells, belief: Belief, doubt: float = WRONG_LAW_ERROR
) -> tuple[Model, ...]:
    """The law as it is, and with a smooth error of ``doubt`` sds; ``cells`` end with the target."""
    s = covariance(made, cells)
    wrong = s + (doubt * belief.noise) ** 2 * nearness(cells)
    return Model(belief.trust, s), Model(1.0 - belief.trust, wrong)


def choose(
    ways: Sequence[Model],
    flops: Array,
    noise: float,
    budget: float,
    *,
    enough: float = 0.0,
    repeats: int = 2,
    most: int = MAX_RUNS,
) -> Chosen:
    """The best greedy sequence of the candidates for the target, over all models.

    ``flops`` (M,) of the candidates; it stops at the budget, at ``most`` runs, or when the
    target's variance under the first model is ``enough``.
    """
    limits = (budget, enough, repeats, most)
    found = [_greedy(ways, flops, noise, limits, power) for power in POWERS]
    reached = [one for one, _ in found if one.end <= enough]
    if reached:
        return min(reached, key=lambda one: float(flops[list(one.order)].sum()))
    return min(found, key=lambda pair: pair[1])[0]


def _greedy(
    ways: Sequence[Model],
    flops: Array,
    noise: float,
    limits: tuple[float, float, int, int],
    power: float,
) -> tuple[Chosen, float]:
    """A sequence, and the mean log variance that it ends with."""
    left, enough, repeats, most = limits
    used = np.zeros(len(flops), dtype=np.int64)
    weights, now = [one.weight for one in ways], [one.s for one in ways]
    order: list[int] = []
    after: list[float] = []
    while len(order) < most and now[0][-1, -1] > enough:
        fall = sum(w * _log_fall(s, noise) for w, s in zip(weights, now, strict=True))
        fall = np.where((flops > left) | (used >= repeats), -1.0, fall / flops**power)
        j = int(np.argmax(fall))
        if fall[j] <= 0.0:
            break
        now = [_after(s, j, noise) for s in now]
        left, used[j] = left - flops[j], used[j] + 1
        order.append(j)
        after.append(float(now[0][-1, -1]))
    score = sum(w * float(np.log(s[-1, -1])) for w, s in zip(weights, now, strict=True))
    return Chosen(tuple(order), np.array(after), float(ways[0].s[-1, -1])), score


def _log_fall(s: Array, noise: float) -> Array:
    """By how much each candidate (M,) lowers the log of the target's variance."""
    share = s[-1, :-1] ** 2 / (noise**2 + np.diag(s)[:-1]) / s[-1, -1]
    return np.asarray(-np.log1p(-np.minimum(share, 1.0 - 1e-12)))


def _after(s: Array, j: int, noise: float) -> Array:
    """The covariance once run j was seen."""
    column = s[:, j]
    return np.asarray(s - np.outer(column, column) / (noise**2 + column[j]))


def variance_after(s: Array, noise: float) -> float:
    """The target's variance once every candidate of ``s`` was seen once."""
    for j in range(len(s) - 1):
        s = _after(s, j, noise)
    return float(s[-1, -1])


def joined(cells: Cells, params: float, tokens: float) -> Cells:
    """The cells with the target as the last."""
    return Cells(np.append(cells.params, params), np.append(cells.tokens, tokens))
