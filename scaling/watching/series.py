"""One metric along one run, and its means over windows of the run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from scaling.arrays import Array

# A window of a training loss, as a share of the run: the noise of batches averages out, and a
# hundred windows are as many points as a curve's forecast needs (docs/benchmarks/watch.md).
WINDOW = 0.01


@dataclass(frozen=True)
class Series:
    """One metric along one run, in order of ``at``.

    Attributes:
        run: its name.
        metric: as the log calls it.
        evaluation: whether it is an evaluation, which is taken as it is; a training loss is not.
        unit: of ``at``: steps or tokens.
        at: how far the run was (n,), above 0.
        value: the metric (n,); NaN and infinite values too.
        wall: seconds since 1970 (n,); NaN where the log does not say.
        lr: learning rate (n,); NaN where the log does not say.
        planned: where the run ends, in ``unit``.
        ended: whether the tracker says that the run ended by itself; None where it does not.
        notes: what was chosen or assumed, a sentence each.
    """

    run: str
    metric: str
    evaluation: bool
    unit: str
    at: Array
    value: Array
    wall: Array
    lr: Array
    planned: float
    ended: bool | None = None
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def last(self) -> float:
        """How far the run is: the last logged ``at``."""
        return float(self.at[-1])

    @property
    def gap(self) -> float:
        """The usual distance of two logged values; 0 of one value."""
        return float(np.median(np.diff(self.at[-100:]))) if len(self.at) > 1 else 0.0

    @property
    def finished(self) -> bool:
        """Whether no further value is expected: the run is at its last step, counted from 0 or 1,
        or the tracker says that it has ended."""
        return bool(self.ended) or self.last >= self.planned - (1.0 if self.unit == "steps" else 0)

    @property
    def complete(self) -> bool:
        """Whether the run reached its planned end, but for less than one logging interval."""
        return self.last >= self.planned - max(self.gap, 1.0)

    def until(self, at: float) -> Series:
        """The series as it was then."""
        known = self.at <= at
        return replace(
            self,
            at=self.at[known],
            value=self.value[known],
            wall=self.wall[known],
            lr=self.lr[known],
            ended=None,
        )


@dataclass(frozen=True)
class Curve:
    """What a forecast rests on: values of a series, or their means over windows.

    ``at`` and ``value`` (m,); ``window`` is 0 where values are taken as they are. ``end`` is where
    the forecast value lies: the planned end, or the middle of the run's last window.
    """

    at: Array
    value: Array
    window: float
    end: float


def window_of(series: Series, smooth: float | None = None) -> float:
    """The length of a window: as given, else `WINDOW` of the run for a training loss, and 0 for an
    evaluation."""
    if smooth is not None:
        return smooth
    return 0.0 if series.evaluation else WINDOW * series.planned


def curve(series: Series, window: float) -> Curve:
    """Finite values of the series, or their means over the windows that are complete.

    Windows lie back to back and end at the planned end, so that the last one is what is forecast.
    """
    known = np.isfinite(series.value) & (series.at <= series.planned)
    at, value = series.at[known], series.value[known]
    if window <= 0:
        return Curve(at, value, 0.0, series.planned)
    # Counted back from the planned end: 0 is the last window.
    number = np.floor((series.planned - at) / window + 1e-9)
    done = number * window >= series.planned - series.last - 1e-9 * series.planned
    if series.finished:
        done[:] = True
    _, group = np.unique(-number[done], return_inverse=True)
    count = np.bincount(group)
    means = [np.bincount(group, weights=one[done]) / count for one in (at, value)]
    return Curve(means[0], means[1], window, series.planned - window / 2.0)
