"""How fast does a quantity grow in time? A line in the logarithm, with intervals.

    ln y = a + r (t - t0),    growth per year g = e^r,    doubling time ln 2 / r years

Intervals use Student's t with n - 2 degrees of freedom and, from 12 rows on, standard errors that
hold under unequal scatter (`scaling.analysis._line`). They take the rows as independent and the
list of rows as given: revisions of a list move the rate by more than its interval
(docs/families.md).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.analysis._line import least_squares, student
from scaling.arrays import Array
from scaling.errors import InputError
from scaling.laws._time import YEAR, years

Dates = Sequence[dt.date | str | float] | pl.Series

# With fewer rows a straight line has no scatter left to judge it by.
MIN_DATES = 4


@dataclass(frozen=True)
class Growth:
    """A fitted trend.

    Attributes:
        per_year: growth factor per year, with ends ``low`` and ``high`` at ``level``.
        doubling_days: days in which the quantity doubles (negative: halves), with its ends; an end
            is infinite where the interval of the growth contains 1.
        rows, first, last: rows, and the earliest and latest date in years.
        r2: share of the variance of ln y that the line explains.
        scatter: standard deviation of ln y about the line.
        centre, level_at_centre: t0 (mean date, years) and a.
        covariance: of (a, r), (2, 2).
    """

    per_year: float
    low: float
    high: float
    level: float
    doubling_days: float
    doubling_low: float
    doubling_high: float
    rows: int
    first: float
    last: float
    r2: float
    scatter: float
    centre: float
    level_at_centre: float
    covariance: Array

    @property
    def sentence(self) -> str:
        """The trend in words."""
        way = "doubling" if self.doubling_days > 0 else "halving"
        return (
            f"{self.per_year:.3g} times a year ({self.level:.0%} interval {self.low:.3g} to "
            f"{self.high:.3g}, {self.rows} rows, {self.first:.1f} to {self.last:.1f}); {way} in "
            f"{abs(self.doubling_days):.0f} days"
        )

    @property
    def rate(self) -> float:
        """r: growth per year in the logarithm."""
        return float(np.log(self.per_year))

    @property
    def se(self) -> float:
        """Standard error of `rate`."""
        return float(np.sqrt(self.covariance[1, 1]))

    def line(self, dates: Dates) -> tuple[Array, Array]:
        """Height of the line in ln y, and its standard error, at each date (dates,)."""
        t = _times(dates) - self.centre
        basis = np.stack([np.ones_like(t), t], axis=1)
        variance = np.einsum("ni,ij,nj->n", basis, self.covariance, basis)
        return self.level_at_centre + self.rate * t, np.sqrt(variance)

    def at(self, dates: Dates, level: float = 0.9, *, new: bool = True) -> Array:
        """Low end, centre and high end (3, dates) of the quantity; ``new`` includes the scatter
        of a single case, without it the interval is of the line."""
        line, error = self.line(dates)
        reach = student(level, self.rows - 2) * np.sqrt(error**2 + new * self.scatter**2)
        return np.asarray(np.exp(np.stack([line - reach, line, line + reach])))

    def reaches(self, value: float, count: int = 4000, seed: int = 0) -> Array:
        """Draws (count,) of the date, in years, at which the line reaches ``value``; infinite
        where a draw never does."""
        if not value > 0:
            raise InputError("value out of range", value=value, allowed="> 0")
        rng = np.random.default_rng([seed, 3])
        a, r = rng.multivariate_normal(
            [self.level_at_centre, np.log(self.per_year)], self.covariance, size=count
        ).T
        ahead = np.log(value) - a
        with np.errstate(divide="ignore", invalid="ignore"):
            wait = np.where(r * ahead > 0, ahead / r, np.where(ahead == 0, 0.0, np.inf))
        past = (r > 0) & (ahead < 0)
        return np.asarray(self.centre + np.where(past, ahead / np.where(past, r, 1.0), wait))


def growth(
    dates: Dates,
    values: Sequence[float] | Array | pl.Series,
    *,
    level: float = 0.9,
    weights: Sequence[float] | Array | None = None,
) -> Growth:
    """The growth of positive ``values`` over ``dates``.

    Args:
        dates: dates, ISO text, or years as numbers.
        values: positive.
        level: of the interval.
        weights: of the rows; equal where None.

    Raises:
        InputError: fewer than four rows, two different dates, a value that is not positive, or a
            level outside 0 to 1.
    """
    if not 0 < level < 1:
        raise InputError("level out of range", value=level, allowed="between 0 and 1")
    t, y, w = _checked(dates, values, weights)
    centre = float(np.average(t, weights=w))
    basis = np.stack([np.ones_like(t), t - centre], axis=1)
    line, covariance = least_squares(basis, np.log(y), w)
    residual = np.log(y) - basis @ line
    reach = student(level, len(t) - 2) * np.sqrt(covariance[1, 1])
    low, high = line[1] - reach, line[1] + reach
    total = float(np.sum(w * (np.log(y) - np.average(np.log(y), weights=w)) ** 2))
    left = float(np.sum(w * residual**2))
    return Growth(
        per_year=float(np.exp(line[1])),
        low=float(np.exp(low)),
        high=float(np.exp(high)),
        level=level,
        doubling_days=_doubling(float(line[1])),
        doubling_low=_doubling(float(high)) if low > 0 or high < 0 else -np.inf,
        doubling_high=_doubling(float(low)) if low > 0 or high < 0 else np.inf,
        rows=len(t),
        first=float(t.min()),
        last=float(t.max()),
        r2=1.0 - left / total if total > 0 else float("nan"),
        scatter=float(np.sqrt(left / w.sum() * len(t) / (len(t) - 2))),
        centre=centre,
        level_at_centre=float(line[0]),
        covariance=covariance,
    )


def running_best(dates: Dates, values: Sequence[float] | Array, top: int = 1) -> NDArray[np.bool_]:
    """Which rows were among the ``top`` highest of all rows up to their own date (rows,)."""
    t, y = _times(dates), np.asarray(values, dtype=np.float64)
    return np.array([np.sum(y[t <= t[i]] > y[i]) < top for i in range(len(t))])


def _checked(
    dates: Dates,
    values: Sequence[float] | Array | pl.Series,
    weights: Sequence[float] | Array | None,
) -> tuple[Array, Array, Array]:
    t, y = _times(dates), np.asarray(values, dtype=np.float64)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not len(t) == len(y) == len(w):
        raise InputError("lengths differ", value=(len(t), len(y), len(w)), allowed="one length")
    if len(t) < MIN_DATES:
        raise InputError("too few rows", value=len(t), allowed=f">= {MIN_DATES}")
    if len(np.unique(t)) < 2:
        raise InputError("one date only", value=float(t[0]), allowed="two different dates")
    bad = np.flatnonzero(~(np.isfinite(y) & (y > 0) & (w > 0)))
    if len(bad):
        at = int(bad[0])
        raise InputError(
            "not a positive finite number", row=at + 1, value=float(y[at]), allowed="> 0"
        )
    return t, y, w


def _times(dates: Dates) -> Array:
    column = dates if isinstance(dates, pl.Series) else pl.Series("date", list(dates))
    t = years(column)
    if not np.isfinite(t).all():
        raise InputError("not a date", column=column.name, value="nan", allowed="YYYY-MM-DD")
    return t


def _doubling(rate: float) -> float:
    """Days in which e^(rate t) doubles."""
    return float("inf") if rate == 0 else float(YEAR * np.log(2.0) / rate)
