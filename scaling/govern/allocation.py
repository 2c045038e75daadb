"""How many models will be above a threshold: Kumar and Manning's allocation of a year's compute.

A year's training compute is shared out over models. The largest takes a share s of it; models up to
a fraction x of the largest take x^k of the total, k near 1, so each decade of size takes the like;
between 20 log-spaced sizes models are drawn until the slice is spent. The total grows by a factor g
+ e a year from the last full year of the table, e drawn once for all years; inference takes the
rest of it.

Source: Kumar and Manning 2025, arXiv:2504.16138, sections 2 and 3 and the authors' public settings.
Their quantiles over several years are sums of the yearly quantiles, which is followed here: years
move together. Summing within each simulation instead gives the same medians and, in 2028 above
1e25, 134 to 245 where their sums give 106 to 301.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from scaling.arrays import Array

LEVELS = (5.0, 50.0, 95.0)
# Left out by the authors as historical outliers.
OUTLIERS = ("AlphaGo Zero", "AlphaZero", "AlphaGo Master")


@dataclass(frozen=True)
class Setting:
    """The authors' baseline. Growth: a quarter the historical 6.3 a year, three quarters 2.25 (AI
    chips) x 1.4 (share for AI); ``known`` are counts up to the end of the first year."""

    growth: float = 0.25 * 6.3 + 0.75 * 2.25 * 1.4
    growth_sd: float = 0.5
    training: tuple[tuple[int, float], ...] = (
        (2024, 0.4), (2025, 0.4), (2026, 0.4), (2027, 0.3), (2028, 0.3)
    )  # fmt: skip
    training_before: float = 0.4
    share: tuple[float, float] = (0.05, 0.5)
    slope: tuple[float, float] = (0.9, 1.1)
    smallest: tuple[float, float] = (1e-8, 1e-6)
    sizes: int = 20
    known: tuple[tuple[float, int], ...] = ((1e25, 24), (1e26, 0), (1e27, 0), (1e28, 0))


def spent(table: pl.DataFrame, year: int) -> float:
    """Training compute of the models that a table has for a year, outliers left out."""
    rows = table.filter(pl.col("published").dt.year() == year, ~pl.col("model").is_in(OUTLIERS))
    return float(rows["flop"].sum())


def counts(
    base: float, simulations: int = 4000, seed: int = 0, setting: Setting | None = None
) -> pl.DataFrame:
    """Models above each threshold by the end of each year.

    Args:
        base: training compute of the year before the first, FLOP.

    Returns:
        ``year``, ``threshold``, ``p05``, ``p50``, ``p95``, cumulative.
    """
    s = setting or Setting()
    rng = np.random.default_rng(seed)
    growth = s.growth + rng.normal(0.0, s.growth_sd, simulations)
    total = base / s.training_before
    thresholds = [t for t, _ in s.known]
    reached = {t: np.full(3, float(n)) for t, n in s.known}
    rows = []
    for i, (year, training) in enumerate(s.training):
        if i > 0:  # the first year is known
            made = yearly(rng, total * growth ** (i + 1) * training, thresholds, s)
            for t in thresholds:
                reached[t] = reached[t] + np.round(np.percentile(made[t], LEVELS))
        rows += [(year, t, *reached[t]) for t in thresholds]
    return pl.DataFrame(rows, schema=["year", "threshold", "p05", "p50", "p95"], orient="row")


def yearly(
    rng: np.random.Generator, totals: Array, thresholds: Sequence[float], s: Setting
) -> dict[float, Array]:
    """Models of one year above each threshold, one number a simulation."""
    edges, slices = _slices(rng, len(totals), s)
    edges, slices = edges * totals[:, None], slices * totals[:, None]
    lowest = min(thresholds)
    made = {t: np.zeros(len(totals)) for t in thresholds}
    for j in range(1, edges.shape[1]):
        some = np.flatnonzero(edges[:, j] > lowest)
        if len(some):
            models = _draw(rng, edges[some, j - 1], edges[some, j], slices[some, j])
            for t in thresholds:
                made[t][some] += (models >= t).sum(axis=1)
    return made


def _draw(rng: np.random.Generator, low: Array, high: Array, slice_: Array) -> Array:
    """Uniform sizes until each row's slice is spent, the last one cut to fit; 0 beyond."""
    most = int(np.ceil((slice_ / low).max())) + 1
    sizes = low[:, None] + (high - low)[:, None] * rng.random((len(low), most))
    before = np.cumsum(sizes, axis=1) - sizes
    return np.asarray(np.clip(slice_[:, None] - before, 0.0, sizes))


def _slices(rng: np.random.Generator, n: int, s: Setting) -> tuple[Array, Array]:
    """Sizes (n, k) and the share of compute that goes to models up to each (n, k), as shares of
    the total. Draws in which a slice is smaller than its largest model are drawn again."""
    edges, slices = _try(rng, n, s)
    while (bad := ~(edges < slices).all(axis=1)).any():
        edges[bad], slices[bad] = _try(rng, int(bad.sum()), s)
    return edges, slices


def _try(rng: np.random.Generator, n: int, s: Setting) -> tuple[Array, Array]:
    largest = _largest(rng, n, s.share)
    low, high = np.log(s.smallest)
    smallest = np.exp(rng.uniform(float(low), float(high), n))
    slope = rng.uniform(*s.slope, n)
    relative = smallest[:, None] ** np.linspace(1.0, 0.0, s.sizes)
    upto = relative ** slope[:, None]
    return relative * largest[:, None], np.diff(upto, axis=1, prepend=0.0)


def _largest(rng: np.random.Generator, n: int, ends: tuple[float, float]) -> Array:
    """Log-normal with four standard deviations between the ends, and nothing outside them."""
    low, high = np.log(ends)
    drawn = rng.normal((low + high) / 2.0, (high - low) / 4.0, n)
    while (bad := (drawn < low) | (drawn > high)).any():
        drawn[bad] = rng.normal((low + high) / 2.0, (high - low) / 4.0, int(bad.sum()))
    return np.asarray(np.exp(drawn))
