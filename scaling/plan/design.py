"""Which runs to train next: those that most reduce the variance of one forecast.

Draws of a fit give the covariance S of log predictions at the target t and at candidate runs j. A
run with noise s (sd of log residuals) changes it, to first order, by

    S <- S - S_j S_j' / (s^2 + S_jj),   so the target's variance falls by S_tj^2 / (s^2 + S_jj)

which is V-optimal design (c-optimal, for one target) with the draws in place of a Jacobian: no
linear model in the parameters is needed, only in the predictions. Runs are chosen greedily by the
fall over cost^p, for p of 0, 1/2 and 1, within the budget; the best of the three sequences is kept
(cost-benefit greedy alone can be arbitrarily bad, with the plain one it is within a constant of the
best: Leskovec et al. 2007, KDD, "Cost-effective outbreak detection").

Draws of weak fits have far outliers, which would decide a covariance: predictions are cut at their
1 and 99 % points. Noise is taken as equal at all sizes; ``repeats`` bounds how often one cell is
trained. No law is true, and a design that trusts one trains many small runs far from the target; so
a smooth error of the law may be added,

    S_ij <- S_ij + (d s)^2 exp(-r_ij^2 / 2),   r the distance in decades of N and D,

``doubt`` d times the noise: runs then also count by their nearness to the target.

Sources: Chaloner and Verdinelli 1995, Statistical Science 10:273; Fedorov 1972, "Theory of Optimal
Experiments".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling.errors import InputError
from scaling.fit.result import Fit

Array = NDArray[np.float64]

POWERS = (0.0, 0.5, 1.0)
# Tokens per param of candidates. Left free, designs run to the corners of the grid (100B params on
# 1B tokens), where no law was tested; published sweeps reach from about 1 to 1,000.
RATIO = (1.0, 1000.0)
CUT = (0.01, 0.99)
FEWEST_DRAWS = 30
# Of 0, 3 and 10 the narrowest where the law is wrong, and 30 % narrower than a grid where it is
# right: 60 replicates of three truths; docs/benchmarks/plan_next.md has more.
DOUBT = 10.0


@dataclass(frozen=True)
class Cells:
    """Runs by params and tokens, (M,)."""

    params: Array
    tokens: Array

    @property
    def flops(self) -> Array:
        """6ND."""
        return 6.0 * self.params * self.tokens

    def __len__(self) -> int:
        return len(self.params)

    def take(self, rows: Sequence[int] | Array) -> Cells:
        """Some of them, in that order."""
        at = np.asarray(rows, dtype=np.int64)
        return Cells(self.params[at], self.tokens[at])

    @property
    def x(self) -> Mapping[str, Array]:
        """Inputs of a law."""
        return {"params": self.params, "tokens": self.tokens}


@dataclass(frozen=True)
class Chosen:
    """A sequence of cells and the target's variance after each (steps,), before it ``start``."""

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
    from scaling.plan.surface import surface

    levels = 10.0 ** (-0.5 * np.arange(budgets))
    each = budget / (sizes * levels.sum()) * levels
    centre = np.exp(surface(made.law, made.theta[None]).log_params(np.log(each)))
    params = (centre[:, None] * 2.0 ** (np.arange(sizes) - sizes // 2)).ravel()
    return Cells(params, np.repeat(each, sizes) / 6.0 / params)


def covariance(made: Fit, cells: Cells, doubt: float = DOUBT) -> Array:
    """Covariance (M, M) of log predictions: of the draws, cut at their outer points, and of the
    law's own error.

    Raises:
        InputError: too few draws to tell.
    """
    if len(made.draws) < FEWEST_DRAWS:
        raise InputError(
            "a design needs draws", value=len(made.draws), allowed=f">= {FEWEST_DRAWS} resamples"
        )
    with np.errstate(all="ignore"):
        logs = np.log(made.predict_draws(cells.x))
    logs = logs[np.isfinite(logs).all(axis=1)]
    drawn = np.atleast_2d(np.cov(np.clip(logs, *np.quantile(logs, CUT, axis=0)), rowvar=False))
    place = np.log10(np.stack([cells.params, cells.tokens], axis=1))
    apart = ((place[:, None] - place[None]) ** 2).sum(axis=2)
    return np.asarray(drawn + (doubt * noise_of(made)) ** 2 * np.exp(-0.5 * apart))


def noise_of(made: Fit) -> float:
    """Sd of a run about the law, from the residuals and the parameters spent on them."""
    spent = max(len(made.residuals) - len(made.law.names), 1)
    found = float(np.sqrt(np.sum(made.residuals**2) / spent))
    return max(found, 1e-6)


def choose(
    s: Array,
    flops: Array,
    noise: float,
    budget: float,
    *,
    enough: float = 0.0,
    repeats: int = 2,
    most: int = 40,
) -> Chosen:
    """The best greedy sequence for the last row of ``s`` (M + 1, M + 1), the target.

    ``flops`` (M,) of the candidates; it stops at the budget, at ``most`` runs, or when the
    target's variance is ``enough``.
    """
    found = [_greedy(s, flops, noise, (budget, enough, repeats, most), power) for power in POWERS]
    reached = [one for one in found if one.end <= enough]
    if reached:
        return min(reached, key=lambda one: float(flops[list(one.order)].sum()))
    return min(found, key=lambda one: one.end)


def _greedy(
    s: Array, flops: Array, noise: float, limits: tuple[float, float, int, int], power: float
) -> Chosen:
    left, enough, repeats, most = limits
    s, used = s.copy(), np.zeros(len(flops), dtype=np.int64)
    start = float(s[-1, -1])
    order: list[int] = []
    after: list[float] = []
    price = flops**power
    while len(order) < most and s[-1, -1] > enough:
        fall = s[-1, :-1] ** 2 / (noise**2 + np.diag(s)[:-1]) / price
        fall[(flops > left) | (used >= repeats)] = -1.0
        j = int(np.argmax(fall))
        if fall[j] <= 0.0:
            break
        s = _after(s, j, noise)
        left, used[j] = left - flops[j], used[j] + 1
        order.append(j)
        after.append(float(s[-1, -1]))
    return Chosen(tuple(order), np.array(after), start)


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
