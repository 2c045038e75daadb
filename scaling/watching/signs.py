"""Spikes of a loss, and values that are no numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from scaling.arrays import Array

# A value is compared with the median of so many before it, which follows a loss that falls.
BEFORE = 50
MIN_BEFORE = 10
# A rise above that median by so many of the scatter's standard deviations, estimated by 1.4826
# median absolute deviations, is a spike; and by so large a part of the value, where values hardly
# scatter. The runs of docs/benchmarks/watch.md, which have no spikes, show none.
HEIGHT = 8.0
MIN_RISE = 0.01
# It has recovered where a value and the median of so many from it are back within so many
# deviations.
AFTER = 5
BACK = 3.0


@dataclass(frozen=True)
class Spike:
    """A sudden rise: where it began, its highest value and that in deviations above what was usual
    before; where the loss was back, None while it is not."""

    start: float
    peak: float
    deviations: float
    recovered: float | None


def spikes(at: Array, value: Array) -> list[Spike]:
    """Spikes of a loss (n,) in order, by rises above the running median of the values before.

    A value is high where  value - median > max(HEIGHT 1.4826 MAD, MIN_RISE median),  median and MAD
    of the `BEFORE` values before it. All that is high until the loss has recovered is one spike.
    """
    known = np.isfinite(value)
    at, value = at[known], value[known]
    usual, scatter = _usual(value)
    high = np.flatnonzero(value - usual > np.maximum(HEIGHT * scatter, MIN_RISE * np.abs(usual)))
    found: list[Spike] = []
    following = 0
    for i in high:
        if i < following:
            continue
        level = usual[i] + max(BACK * scatter[i], MIN_RISE * abs(usual[i]))
        back = _recovered(value, int(i), level)
        following = len(value) if back is None else back
        part = value[i : max(following, i + 1)]
        above = (part.max() - usual[i]) / scatter[i] if scatter[i] > 0 else np.inf
        where = None if back is None else float(at[back])
        found.append(Spike(float(at[i]), float(part.max()), float(above), where))
    return found


def _usual(value: Array) -> tuple[Array, Array]:
    """Median of the values before each (n,), and their scatter about it; NaN for the first ones."""
    table = pl.DataFrame({"value": value})
    running = pl.col("value").rolling_median(BEFORE, min_samples=MIN_BEFORE).shift(1)
    table = table.with_columns(usual=running)
    off = (pl.col("value") - pl.col("usual")).abs()
    table = table.with_columns(
        scatter=1.4826 * off.rolling_median(BEFORE, min_samples=MIN_BEFORE).shift(1)
    )
    made = table.select(pl.col("usual", "scatter").fill_null(float("nan")))
    return made["usual"].to_numpy(), made["scatter"].to_numpy()


def _recovered(value: Array, start: int, level: float) -> int | None:
    """The first value at or below the level from which on the median of `AFTER` is so too."""
    # In pieces: most spikes are short.
    for begin in range(start, len(value) - AFTER + 1, 1000):
        windows = np.lib.stride_tricks.sliding_window_view(
            value[begin : begin + 1000 + AFTER - 1], AFTER
        )
        below = np.flatnonzero((np.median(windows, axis=1) <= level) & (windows[:, 0] <= level))
        if len(below):
            return begin + int(below[0])
    return None


@dataclass(frozen=True)
class NotFinite:
    """Values that are NaN or infinite: how many, where the first is, and whether the last is."""

    values: int
    first: float
    last: bool


def not_finite(at: Array, value: Array) -> NotFinite | None:
    """NaN and infinite values of a series (n,); None where there are none."""
    bad = ~np.isfinite(value)
    if not bad.any():
        return None
    return NotFinite(int(bad.sum()), float(at[bad][0]), bool(bad[-1]))
