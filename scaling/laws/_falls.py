"""Sums over a learning-rate schedule that the annealing and the multi-power law read.

A schedule is cut into cells. S(x) is the integral of the rate; where the rate falls by ``size`` at
``place``, S(x) - ``since`` is what was trained after it. Rises are falls below 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scaling.arrays import Array
from scaling.runs.schedules import Schedule

# Cells of a schedule. With 4,096 the mean errors of the multi-power law on its authors' 18 test
# curves move by less than 3e-5 nats (tests/unit/laws/test_schedule_laws.py).
CELLS = 256
# Knots of a schedule up to which each is an edge of a cell; of a log with more only the jumps are.
MAX_CORNERS = 64
# Changes of the rate that count, and the least rate after one, as shares of the peak.
LEAST_CHANGE, LEAST_RATE = 1e-9, 1e-4


@dataclass(frozen=True)
class Falls:
    """The falls of a learning rate, F of them, and its sum.

    Attributes:
        x, total: places of the cells' edges (E,), and S there, in units of rate times x.
        place, size: of each fall (F,), the place and by how much the rate falls.
        rate, since: the rate after it, and S at its place (F,).
    """

    x: Array
    total: Array
    place: Array
    size: Array
    rate: Array
    since: Array

    def sums(self, x: Array) -> Array:
        """S(x) (n,); past the last edge the rate stays as it is there."""
        last = (self.total[-1] - self.total[-2]) / (self.x[-1] - self.x[-2])
        beyond = np.maximum(x - self.x[-1], 0.0)
        return np.asarray(np.interp(x, self.x, self.total) + last * beyond)

    def by_sum(self, x: Array, speed: float, gamma: float, beta: float) -> Array:
        """sum_k size_k (1 - (1 + speed rate_k^-gamma (S(x) - since_k))^-beta) at x (n,)."""
        since = np.maximum(self.sums(x)[:, None] - self.since, 0.0)
        gain = -np.expm1(-beta * np.log1p(speed * self.rate**-gamma * since))
        return np.asarray(np.where(x[:, None] >= self.place, gain, 0.0) @ self.size)

    def by_time(self, x: Array, time: float) -> Array:
        """sum_k size_k (1 - exp(-(x - place_k) / time)) at x (n,)."""
        since = np.maximum(x[:, None] - self.place, 0.0)
        return np.asarray(-np.expm1(-since / time) @ self.size)


def falls(schedule: Schedule, end: float, *, warmup: bool = False, unit: float = 1.0) -> Falls:
    """The falls of a schedule up to ``end``.

    Args:
        warmup: whether the rises of the warm-up count too.
        unit: of the rates.
    """
    jumps = schedule.x[1:][np.diff(schedule.x) == 0]
    few = len(schedule.x) <= MAX_CORNERS
    corners = schedule.x if few else np.concatenate([jumps, [schedule.warm]])
    x = np.unique(np.concatenate([np.linspace(0.0, end, CELLS + 1), corners[corners < end]]))
    after = schedule.at(x) / unit
    before = np.interp(-x, -schedule.x[::-1], schedule.rate[::-1]) / unit
    middle, rate = 0.5 * (x[1:] + x[:-1]), 0.5 * (after[:-1] + before[1:])
    total = np.concatenate([[0.0], np.cumsum(rate * np.diff(x))])
    place = np.concatenate([middle, x])
    size = np.concatenate([after[:-1] - before[1:], before - after])
    least = LEAST_RATE * schedule.peak / unit
    rates = np.maximum(np.concatenate([before[1:], after]), least)
    since = np.concatenate([0.5 * (total[1:] + total[:-1]), total])
    counts = np.abs(size) > LEAST_CHANGE * schedule.peak / unit
    if not warmup:
        counts &= place > schedule.warm
    return Falls(x, total, place[counts], size[counts], rates[counts], since[counts])
