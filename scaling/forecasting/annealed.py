"""One curve under a learning-rate schedule: a power law in the rates' sum, less what decay gained.

    y(x) = c (e + (1 - e) (r^-alpha - b D(x))),   r = S(x) / S(x_max)

S is the integral of the learning rate, in units of its peak, so neither the unit of the rate nor
that of the input matters; c is the level at the last point of a run whose rate had never fallen, e
the floor's share of it, b what a fall of the rate to 0 takes off the rest. Two families say how
soon a fall of the rate shows:

    D(x) = sum_k (eta_(k-1) - eta_k) G_k(x)
    multi-power (Luo et al. 2025, arXiv:2503.12811)   G_k = 1 - (1 + C eta_k^-gamma S_k)^-beta
    annealing (Tissue et al. 2024, arXiv:2408.11029)  G_k = 1 - exp(-(x - x_k) / tau)

S_k is the rates' sum since the fall k, as a share of S(x_max). Falls and rises are counted from the
end of the warm-up, whose rates count in S. C and tau are tried on a grid (`RATES`, `TIMES`).

Columns of ``theta`` (..., 4): log c, logit of e, log alpha, log b.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scaling.arrays import Array
from scaling.forecasting.map_estimate import evenly
from scaling.runs.schedules import Schedule

# gamma and beta of the multi-power law: means of the authors' three sizes (.583 .598 .594 and .641
# .655 .635, README of thu-yao-01-luo/MultiPowerLaw), which differ by 2 %.
GAMMA, BETA = 0.592, 0.644
CELLS = 512
MIN_RATE = 1e-4  # of the peak: below it a step's gain is immediate
MIN_LEVEL = 1e-6


@dataclass(frozen=True)
class Falls:
    """The falls of a rate, F of them, and its sum.

    Attributes:
        x, total: places of cell edges (E,) and S there, in peaks times the unit of x.
        place, size, rate, since: of each fall (F,): x_k, eta_(k-1) - eta_k, eta_k, S(x_k).
    """

    x: Array
    total: Array
    place: Array
    size: Array
    rate: Array
    since: Array

    def sums(self, x: Array) -> Array:
        """S(x) (n,)."""
        beyond = np.maximum(x - self.x[-1], 0.0)
        last = (self.total[-1] - self.total[-2]) / (self.x[-1] - self.x[-2])
        return np.asarray(np.interp(x, self.x, self.total) + last * beyond)

    def by_sum(self, x: Array, speed: float) -> Array:
        """D(x) (n,) of the multi-power law; ``speed`` is C per unit of S."""
        since = np.maximum(self.sums(x)[:, None] - self.since, 0.0)
        gain = 1.0 - (1.0 + speed * self.rate**-GAMMA * since) ** -BETA
        return np.asarray(np.where(x[:, None] >= self.place, gain, 0.0) @ self.size)

    def by_time(self, x: Array, time: float) -> Array:
        """D(x) (n,) of the annealing law."""
        since = np.maximum(x[:, None] - self.place, 0.0)
        return np.asarray(-np.expm1(-since / time) @ self.size)


def falls(schedule: Schedule, end: float) -> Falls:
    """The falls of a schedule up to ``end``."""
    jumps = schedule.x[1:][np.diff(schedule.x) == 0]
    x = np.unique(np.concatenate([np.linspace(0.0, end, CELLS + 1), jumps[jumps < end]]))
    after = schedule.at(x) / schedule.peak
    before = np.interp(-x, -schedule.x[::-1], schedule.rate[::-1]) / schedule.peak
    total = np.concatenate([[0.0], np.cumsum(0.5 * (after[:-1] + before[1:]) * np.diff(x))])
    middle = 0.5 * (x[1:] + x[:-1])
    place = np.concatenate([middle, x])
    size = np.concatenate([after[:-1] - before[1:], before - after])
    rate = np.concatenate([0.5 * (after[:-1] + before[1:]), after])
    since = np.concatenate([0.5 * (total[1:] + total[:-1]), total])
    counts = (np.abs(size) > 1e-9) & (place > schedule.warm)
    return Falls(
        x, total, place[counts], size[counts], np.maximum(rate[counts], MIN_RATE), since[counts]
    )


def predict(theta: Array, r: Array, drop: Array) -> tuple[Array, Array]:
    """Log y (S, n) and its slopes by parameter (S, n, 4), for ``theta`` (S, 4)."""
    log_c, u, log_alpha, log_b = (theta[:, j, None] for j in range(4))
    e = 1.0 / (1.0 + np.exp(-np.clip(u, -30, 30)))
    alpha, b = np.exp(np.clip(log_alpha, -6, 3)), np.exp(np.clip(log_b, -12, 4))
    log_r = np.log(r)
    power = np.exp(np.clip(-alpha * log_r, -60, 60))
    rest = power - b * drop
    level = np.maximum(e + (1.0 - e) * rest, MIN_LEVEL)
    jacobian = np.empty((*level.shape, 4))
    jacobian[..., 0] = 1.0
    jacobian[..., 1] = e * (1.0 - e) * (1.0 - rest) / level
    jacobian[..., 2] = -(1.0 - e) * alpha * log_r * power / level
    jacobian[..., 3] = -(1.0 - e) * b * drop / level
    return log_c + np.log(level), jacobian


def starts(last: float, mean: Array, spread: Array, count: int = 24) -> Array:
    """Starts (S, 4) within two spreads of the prior, at the last level."""
    theta = mean + 4.0 * (evenly(count, 4) - 0.5) * spread
    theta[:, 0] = last
    return np.asarray(theta)
