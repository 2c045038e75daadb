"""Our own count of models above a threshold, calibrated on the past of the same copy.

Models with a known figure arrive at a rate per year; ln(compute) of one is the trend at its date
plus a residual. The count above T in a period is the rate times the chance that trend plus residual
exceeds T, summed over the period, and Poisson about that. Four things are uncertain:

- growth: the frontier's slope, drawn within its standard error;
- residuals: drawn from those of the last years, about that trend, all of a copy's models;
- rate: of the last full years, gamma;
- everything else (selection, late entries, breaks): a log-normal factor on the expected count whose
  width is the smallest at which 90 % intervals held the outcome in 90 % of forecasts from past days
  within the copy.

`news` tells how a later copy differs: models that came out since from changes of older rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.govern.trends import growth_of

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
# Residuals and rates are of the last years; entries come in late, so the last months are left out
# of the rate.
RECENT, LATE = 3.0, 0.5
# The trend's own window: the era of large-scale models (Sevilla et al. 2022 see it begin in 2015).
SINCE = 2015.0
WIDTHS = tuple(round(0.1 * i, 1) for i in range(16))
DRAWS = 4000
STEPS = 12
# Recent models that each draw resamples.
MODELS = 64
# Share of past outcomes that 90 % intervals must hold.
COVERED = 0.9


@dataclass(frozen=True)
class CountForecast:
    """Quantiles (`LEVELS`) of the count above ``threshold`` at ``until``, from ``as_of``."""

    threshold: float
    as_of: float
    until: float
    so_far: int
    values: tuple[float, ...]
    width: float

    def to_dict(self) -> dict[str, float | int]:
        named = {f"p{100 * q:02.0f}": v for q, v in zip(LEVELS, self.values, strict=True)}
        return {"threshold": self.threshold, "until": self.until, "so_far": self.so_far} | named


def forecast(
    table: pl.DataFrame, threshold: float, as_of: float, until: float, width: float, seed: int = 0
) -> CountForecast:
    """Count above ``threshold`` by ``until`` (decimal years), from the rows up to ``as_of``.

    Args:
        table: a copy (`scaling.govern.trends.copy_of`), with ``year`` and ``flop``.
        width: of the log-normal factor, from `calibrate`.

    Raises:
        InputError: too few models before ``as_of``.
    """
    return _counted(arrivals(table, as_of, seed), threshold, until, width, seed)


def _counted(
    drawn: Arrivals, threshold: float, until: float, width: float, seed: int
) -> CountForecast:
    so_far, mean = drawn.so_far(threshold), drawn.expected(threshold, until)[-1]
    values = tuple(map(float, np.quantile(_drawn(so_far, mean, width, seed), LEVELS)))
    return CountForecast(threshold, drawn.as_of, until, so_far, values, width)


def _drawn(so_far: int, mean: Array, width: float, seed: int) -> Array:
    """Draws of the count, from those of the expected number of new models."""
    rng = np.random.default_rng([seed, 1])
    mean = mean * np.exp(width * rng.standard_normal(DRAWS))
    return np.asarray(so_far + rng.poisson(mean))


@dataclass(frozen=True)
class Arrivals:
    """What is drawn once for every threshold on a day.

    Attributes:
        as_of: the day, in decimal years.
        flop: compute of the models known on the day (models,).
        rate: models a year (DRAWS,).
        slope: of ln(compute), per year (DRAWS,).
        level: ln(compute) of recent models, moved to the day along the trend (MODELS, DRAWS).
    """

    as_of: float
    flop: Array
    rate: Array
    slope: Array
    level: Array

    def so_far(self, threshold: float) -> int:
        """Models above the threshold on the day."""
        return int((self.flop > threshold).sum())

    def expected(self, threshold: float, until: float, steps: int = STEPS) -> Array:
        """Draws (steps, DRAWS) of the expected number of new models above the threshold by the end
        of each of ``steps`` equal parts of the time from ``as_of`` to ``until`` (decimal years)."""
        as_of, total, expected = self.as_of, np.zeros(DRAWS), np.empty((steps, DRAWS))
        above = np.empty(self.level.shape, dtype=np.bool_)
        for step in range(steps):
            t = as_of + (step + 0.5) / steps * (until - as_of)
            np.greater(self.level, np.log(threshold) - self.slope * (t - as_of), out=above)
            # A byte holds the count of `MODELS`.
            total += above.view(np.uint8).sum(axis=0, dtype=np.uint8) / MODELS
            expected[step] = self.rate * total * (until - as_of) / steps
        return expected


def arrivals(table: pl.DataFrame, as_of: float, seed: int) -> Arrivals:
    """Draws from the rows of a copy up to ``as_of`` (decimal years).

    Raises:
        InputError: too few models before ``as_of``.
    """
    known = table.filter(pl.col("year") <= as_of)
    line = growth_of(known, since=SINCE)
    rng = np.random.default_rng([seed, 0])
    window = known.filter(pl.col("year") > as_of - RECENT - LATE)
    full = window.filter(pl.col("year") <= as_of - LATE).height
    if full < 5:
        raise InputError("too few models in the last years", value=full, allowed=">= 5")
    rate = rng.gamma(full, 1.0 / RECENT, DRAWS)
    slope = line.rate + line.se * rng.standard_normal(DRAWS)
    x, y = window["year"].to_numpy(), np.log(window["flop"].to_numpy())
    chosen = rng.choice(y - line.rate * (x - as_of), (DRAWS, MODELS))
    level = np.ascontiguousarray(chosen.T)
    return Arrivals(as_of, known["flop"].to_numpy(), rate, slope, level)


def past(
    table: pl.DataFrame, horizon: float, as_of: float, first: float = 2018.0
) -> list[tuple[float, float, int]]:
    """Forecasts that the past of a copy can score: origin, threshold, outcome.

    Origins are half a year apart; thresholds are those that one to fifteen models had passed.
    """
    found = []
    for origin in np.arange(first, as_of - horizon + 1e-9, 0.5):
        flop = table.filter(pl.col("year") <= origin)["flop"].to_numpy()
        for power in np.arange(20.0, 27.0, 0.5):
            if 1 <= (flop > 10.0**power).sum() <= 15:
                later = table.filter(pl.col("year") <= origin + horizon)["flop"].to_numpy()
                found.append((float(origin), 10.0**power, int((later > 10.0**power).sum())))
    return found


@dataclass(frozen=True)
class Calibration:
    """Width of the factor, what its 90 % intervals held in the past, over how many forecasts."""

    width: float
    coverage: float
    forecasts: int


def calibrate(table: pl.DataFrame, horizon: float, as_of: float, seed: int = 0) -> Calibration:
    """The smallest width at which 90 % intervals held 90 % of the outcomes up to ``as_of``."""
    tasks = past(table, horizon, as_of)
    if not tasks:
        raise InputError("no past to calibrate on", value=as_of, allowed="an earlier first origin")
    # What is expected does not depend on the width.
    days = {origin: arrivals(table, origin, seed) for origin in {one[0] for one in tasks}}
    counts = [
        (days[origin].so_far(line), days[origin].expected(line, origin + horizon)[-1], outcome)
        for origin, line, outcome in tasks
    ]
    # The likeliest to be missed come first: most widths are refused after a few of them.
    counts.sort(key=lambda one: -abs(np.log((one[2] - one[0] + 0.5) / (np.median(one[1]) + 0.5))))
    width = next((one for one in WIDTHS[:-1] if _covers(counts, one, seed)), WIDTHS[-1])
    held = [_held(*one, width, seed) for one in counts]
    return Calibration(width, float(np.mean(held)), len(tasks))


def _covers(counts: Sequence[tuple[int, Array, int]], width: float, seed: int) -> bool:
    """Whether intervals of this width hold enough outcomes; ends once too many are missed."""
    left = len(counts)
    for one in counts:
        left -= not _held(*one, width, seed)
        if left / len(counts) < COVERED:
            return False
    return True


def _held(so_far: int, mean: Array, outcome: int, width: float, seed: int) -> bool:
    """Whether the outermost quantiles of the drawn counts hold the outcome."""
    low, high = np.quantile(_drawn(so_far, mean, width, seed), (LEVELS[0], LEVELS[-1]))
    return bool(low <= outcome <= high)


def forecasts(
    table: pl.DataFrame, thresholds: Sequence[float], as_of: float, until: float, seed: int = 0
) -> tuple[list[CountForecast], Calibration]:
    """Calibrate on the past up to ``as_of``, then forecast every threshold."""
    made = calibrate(table, until - as_of, as_of, seed)
    drawn = arrivals(table, as_of, seed)
    return [_counted(drawn, one, until, made.width, seed) for one in thresholds], made


def news(old: pl.DataFrame, new: pl.DataFrame, threshold: float) -> dict[str, int]:
    """Why two copies count differently above a threshold.

    A model is identified by its name. Models published after the last one of the old copy are news;
    everything else is revision: rows that were added late, raised above, lowered below, or removed.
    """
    last = old["published"].max()
    above = {
        name: set(copy.filter(pl.col("flop") > threshold)["model"])
        for name, copy in (("old", old), ("new", new))
    }
    in_old, in_new = set(old["model"]), set(new["model"])
    came = set(new.filter(pl.col("published") > last)["model"])
    gained, lost = above["new"] - above["old"], above["old"] - above["new"]
    return {
        "before": len(above["old"]),
        "news": len(gained & came),
        "added_late": len(gained - came - in_old),
        "raised": len((gained - came) & in_old),
        "lowered": -len(lost & in_new),
        "removed": -len(lost - in_new),
        "after": len(above["new"]),
    }
