"""The end of a run from the shape that finished runs of its recipe share.

Curves of one recipe, less their floor and in units of their end, fall together when drawn against
the share u of the run that is done (Qiu et al. 2025, arXiv:2507.02119):

    l(u) = (L(u) - L0) / (L(1) - L0)   the same for all runs
    L(v) = L0 + (L(u) - L0) l(v) / l(u)

at a target v, from the last level at u. What does not quite collapse follows size: with r_i =
log l_i(v) - log l_i(u) of finished run i, ridge regression on s, the logs of its length and, where
all are known, its params, each about its mean, gives

    r = mean(r_i) + b (s - mean(s)),   b minimises sum (r_i - mean(r_i) - b (s_i - mean(s)))^2
                                       + RIDGE |b|^2

L0 is the share of `FLOORS` of the lowest loss of all curves at which finished runs, each forecast
from the others, err least. Their root mean square log error e gives the scale of n runs:

    scale = SCALE max(e, MIN_ERROR) sqrt((n + 1) / (n - 1))

Only runs whose learning rate went the same way by share of the run are read (`alike`).
docs/benchmarks/across.md has how the constants were chosen and what it is worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scaling.arrays import Array
from scaling.forecasting.distribution import Predictive
from scaling.forecasting.pooled import DEGREES
from scaling.runs.schedules import Schedule

MIN_RUNS = 2
FLOORS = (0.0, 0.2, 0.4, 0.6, 0.8)
RIDGE = 1.0
SCALE, MIN_ERROR = 1.3, 1e-3
# A level is that of a straight line in logs through the points within this factor before it.
WINDOW, MIN_POINTS = 1.4, 4
# Of the peak: a cosine and a straight line to the same floor of 10 % differ by .095, cosines whose
# warm-ups take 2 and 5 % of the run by .042.
SAME_RATE = 0.08
PLACES = 200


@dataclass(frozen=True)
class Finished:
    """A finished run.

    Attributes:
        name: in messages.
        x, y: its curve up to its end (n,) and (n,), y > 0, x in the unit of the run under way.
        schedule: its learning rate; None where it is not known.
        params: its size; None where it is not known.
    """

    name: str
    x: Array
    y: Array
    schedule: Schedule | None = None
    params: float | None = None

    @property
    def end(self) -> float:
        """Where it ended."""
        return float(self.x[-1])


@dataclass(frozen=True)
class Collapsed:
    """What the shape of finished runs says.

    Attributes:
        made: the forecast at T targets.
        floor: L0 (T,).
        error: root mean square log error of the finished runs, each forecast from the others (T,).
        runs: their names.
    """

    made: Predictive
    floor: Array
    error: Array
    runs: tuple[str, ...]


def alike(
    run: Schedule, end: float, finished: Schedule, finished_end: float, until: float = 1.0
) -> bool:
    """Whether two learning rates go the same way by share of their runs, in units of their peaks.

    Compared from the end of the longer warm-up to the share ``until`` of the run.
    """
    warm = max(run.warm / end, finished.warm / finished_end)
    if warm >= until:
        return True
    share = np.linspace(warm, until, PLACES)
    rates = [
        one.at(share * length) / one.at(share * length).max()
        for one, length in ((run, end), (finished, finished_end))
    ]
    return bool(np.abs(rates[0] - rates[1]).max() <= SAME_RATE)


def collapse(
    x: Array, y: Array, at: Array, end: float, runs: Sequence[Finished], params: float | None = None
) -> Collapsed | None:
    """The curve y(x) > 0, (n,) and (n,), at ``at`` (T,) by finished runs; None where fewer than
    `MIN_RUNS` have values as early in their course.

    Args:
        end: where the run is planned to end, in the unit of x.
        runs: finished runs of the same recipe and schedule.
        params: of the run under way.
    """
    order = np.argsort(x, kind="stable")
    x, log_y = x[order], np.log(y[order])
    share = float(x[-1]) / end
    early = [one for one in runs if (one.x <= share * one.end).sum() >= MIN_POINTS]
    if len(early) < MIN_RUNS:
        return None
    sizes = _sizes([*early, Finished("", np.array([end]), np.ones(1), params=params)])
    now = _level(x, log_y, x[-1])
    levels = np.array([_level(one.x, np.log(one.y), share * one.end) for one in early])
    found = [
        _at_target(now, levels, np.array([_at(one, target / end) for one in early]), sizes)
        for target in at
    ]
    location, error, floor = (np.array(one) for one in zip(*found, strict=True))
    count = len(early)
    scale = SCALE * np.maximum(error, MIN_ERROR) * np.sqrt((count + 1) / (count - 1))
    made = Predictive(location, scale, DEGREES)
    return Collapsed(made, floor, error, tuple(one.name for one in early))


def _sizes(runs: Sequence[Finished]) -> Array:
    """Logs of length and, where all are known, params of the runs (n, 2)."""
    params = [one.params for one in runs if one.params is not None]
    logs = np.log(params) if len(params) == len(runs) else np.zeros(len(runs))
    return np.column_stack([np.log([one.end for one in runs]), logs])


def _level(x: Array, log_y: Array, at: float) -> float:
    """Log of the level at a place, from the points up to there."""
    seen = x <= at * (1.0 + 1e-9)
    near = seen & (x > at / WINDOW)
    if near.sum() < MIN_POINTS:
        return float(log_y[seen][-1])
    return float(np.polyfit(np.log(x[near] / at), log_y[near], 1)[1])


def _at(run: Finished, share: float) -> float:
    """Log of a finished run's value at a share of it; of the end, its last value."""
    return float(np.interp(np.log(share * run.end), np.log(run.x), np.log(run.y)))


def _at_target(now: float, levels: Array, ends: Array, sizes: Array) -> tuple[float, float, float]:
    """Log of the level at a target, the error of the finished runs, and L0.

    ``levels`` and ``ends`` (n,) are the finished runs' log levels at the same shares, ``sizes``
    (n + 1, 2) has the run under way last.
    """
    lowest = float(np.exp(min(ends.min(), now)))
    best = (np.nan, np.inf, np.nan)
    for floor in lowest * np.array(FLOORS):
        ratio = np.log((np.exp(ends) - floor) / (np.exp(levels) - floor))
        each = [
            _forth(
                levels[i], _ratio(np.delete(ratio, i), np.delete(sizes[:-1], i, 0), sizes[i]), floor
            )
            for i in range(len(ratio))
        ]
        error = float(np.sqrt(np.mean((np.array(each) - ends) ** 2)))
        if error < best[1]:
            best = (_forth(now, _ratio(ratio, sizes[:-1], sizes[-1]), floor), error, float(floor))
    return best


def _forth(level: float, ratio: float, floor: float) -> float:
    """Log of L0 + (L - L0) e^r."""
    return float(np.log(floor + (np.exp(level) - floor) * np.exp(ratio)))


def _ratio(ratio: Array, sizes: Array, at: Array) -> float:
    """r (n,) of runs of these sizes (n, d), by ridge regression at another size (d,)."""
    middle = sizes.mean(axis=0)
    z = sizes - middle
    slope = np.linalg.solve(z.T @ z + RIDGE * np.eye(z.shape[1]), z.T @ (ratio - ratio.mean()))
    return float(ratio.mean() + (at - middle) @ slope)
