"""How a quantity grows during a run, with its error: levels, probabilities and dates. Pure numpy.

The central level m(t) is straight between three knots: the start, the last figure to date, the end.
The truth is m(t) exp(sigma Z) with one standard normal Z a run, so that
P(above T at t) = Phi(ln(m(t) / T) / sigma), and it is above T by time t with probability p from the
time on which m(t) = T exp(-sigma z_p). Times are days since 1970 in UTC, NaN where unknown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.compute.estimate import Z90

Truth = NDArray[np.bool_]

# Quantiles of a crossing date, and the normal score of each.
DATES = {"05": -Z90, "50": 0.0, "95": Z90}
# Below this error a figure is exact, and the comparator decides equality.
EXACT = 1e-8


@dataclass(frozen=True)
class Trajectory:
    """Knots of n runs: times and central levels at start, at the last figure, at the end (each
    (3, n)), sigma (n,), and whether the run is finished (n,)."""

    times: Array
    levels: Array
    sigma: Array
    finished: Truth

    @property
    def final(self) -> Array:
        """Central level at the end."""
        return np.asarray(self.levels[2])

    def level(self, at: Array | float) -> Array:
        """Central level at a time; 0 before the start, the final one after the end."""
        t0, t1, t2 = self.times
        m0, m1, m2 = self.levels
        when = np.broadcast_to(np.asarray(at, dtype=np.float64), t0.shape)
        with np.errstate(all="ignore"):
            early = m0 + (m1 - m0) * np.clip((when - t0) / (t1 - t0), 0.0, 1.0)
            late = m1 + (m2 - m1) * np.clip((when - t1) / (t2 - t1), 0.0, 1.0)
        within = np.where(when >= t1, np.where(t2 > t1, late, m2), np.where(t1 > t0, early, m1))
        value = np.where(when < t0, 0.0, np.where(when >= t2, m2, within))
        known = np.isfinite(t0) & np.isfinite(t2)
        return np.where(self.finished & ~known, m2, np.where(known, value, np.nan))

    def time(self, level: Array, *, equality: bool) -> Array:
        """When the centre passes ``level``: NaN where it never does, or where no time is known.

        ``equality``: reaching it is enough.
        """
        t0, t1, t2 = self.times
        m0, m1, m2 = self.levels
        with np.errstate(all="ignore"):
            early = t0 + (t1 - t0) * np.clip((level - m0) / (m1 - m0), 0.0, 1.0)
            late = t1 + (t2 - t1) * np.clip((level - m1) / (m2 - m1), 0.0, 1.0)
        when = np.where(level <= m0, t0, np.where(level <= m1, early, late))
        return np.where(exceeds(m2, level, equality=equality), when, np.nan)

    def probability(self, level: Array, threshold: float, *, equality: bool) -> Array:
        """P(truth > threshold) where the centre stands at ``level``."""
        from scipy.special import ndtr

        with np.errstate(all="ignore"):
            p = ndtr(np.log(level / threshold) / self.sigma)
        exact = exceeds(level, threshold, equality=equality).astype(np.float64)
        p = np.where(self.sigma <= EXACT, exact, p)
        return np.where(np.isnan(level), np.nan, p)


def exceeds(value: Array, threshold: Array | float, *, equality: bool) -> Truth:
    """value > threshold, or >= where the rule says so; false where the value is missing."""
    return np.asarray(value >= threshold if equality else value > threshold)


@dataclass(frozen=True)
class Period:
    """A rule's value from one time up to another (days; infinity where it has no end)."""

    value: float
    begins: float
    ends: float


def crossing_dates(path: Trajectory, periods: list[Period], *, equality: bool) -> dict[str, Array]:
    """Per quantile the first time at which a run is above the value that then holds.

    A value that comes down in force during a run, or after it, is crossed on the day it comes.
    """
    found = {}
    for name, z in DATES.items():
        best = np.full(path.final.shape, np.nan)
        for period in periods:
            when = path.time(period.value * np.exp(path.sigma * z), equality=equality)
            when = np.maximum(when, period.begins)
            when = np.where(when < period.ends, when, np.nan)
            best = np.fmin(best, when)
        found[name] = best
    return found


def crossed_by(path: Trajectory, periods: list[Period], day: float, *, equality: bool) -> Array:
    """P(the truth was above the value of the time, at some time up to ``day``)."""
    chances = [
        path.probability(path.level(min(day, period.ends)), period.value, equality=equality)
        for period in periods
        if period.begins <= day
    ]
    if not chances:
        return np.zeros(path.final.shape)
    return np.asarray(np.max(chances, axis=0))
