"""A learning rate that a run logged, and how it goes on (`logged`, `joined`, `continued`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.runs.schedules import PIECES, Schedule

# What people call a logged learning rate, as the last part of a name such as train/lr.
NAMES = re.compile(
    r"(?:^|[/.])(?:(?:current|train|base|max|actor)[ _-])?(?:lr|learning[ _-]?rate)"
    r"(?:[-_/ ]?(?:adamw?|sgd|lion|muon|pg\d+|(?:param[-_]?)?groups?[-_]?\d+|\d+))*$",
    re.I,
)
# Names that may be one all the same.
LIKE = re.compile(r"(?:^|[^a-z])lr(?:[^a-z]|$)|learning[ _-]?rate", re.I)
# Rates that differ by less, as a share of the peak, are one: loggers print three or four digits.
SAME = 2e-3
# Largest error, as a share of the peak, at which a cosine that ends with the run is taken for the
# logged one, which may be rounded.
CLOSE = 3e-4
# A plan that is farther from the log, as a share of the peak, is another.
OTHER = 0.02
# Rows that a log needs: fewer may be runs, each with its own rate.
MIN_ROWS = 10


def column_of(runs: pl.DataFrame) -> str | None:
    """The column with a logged learning rate: the first of the names that loggers use."""
    return next((name for name in runs.columns if NAMES.search(name)), None)


def like_a_rate(runs: pl.DataFrame) -> list[str]:
    """Columns of numbers that may hold a learning rate, but are not known to."""
    return [name for name in runs.columns if LIKE.search(name) and not NAMES.search(name)
            and runs[name].dtype.is_numeric()]  # fmt: skip


def logged(x: Array, rate: Array, column: str) -> Schedule | None:
    """The schedule that rows log: places (n,) and rates (n,); NaN is a rate that was not logged.

    None where the rows tell no schedule: fewer than two have a rate, all are 0, or one place has
    several, as in a table of several runs. A single 0 between rates is one that was not logged,
    which the schedule's notes say.

    Raises:
        InputError: a rate that is negative or infinite.
    """
    bad = np.flatnonzero(np.isinf(rate) | (rate < 0))
    if len(bad):
        row = int(bad[0])
        raise InputError(
            "no learning rate", row=row + 1, column=column, value=float(rate[row]),
            allowed=">= 0 and finite",
        )  # fmt: skip
    here = np.isfinite(rate) & np.isfinite(x)
    order = np.argsort(x[here], kind="stable")
    at, value = x[here][order], rate[here][order]
    if len(at) < 2 or not value.max() > 0:
        return None
    same = np.diff(at) == 0
    if np.any(same & (np.abs(np.diff(value)) > SAME * value.max())):
        return None
    keep = np.concatenate([[True], ~same])
    at, value = at[keep], value[keep]
    lost = np.concatenate(
        [[False], (value[1:-1] == 0) & (value[:-2] > 0) & (value[2:] > 0), [False]]
    )
    notes: tuple[str, ...] = ()
    if lost.any():
        notes = (f"The column {column} is 0 at {at[lost][0]:.6g} between rates above 0"
                 + (f", and so {int(lost.sum())} times" if lost.sum() > 1 else "")
                 + ": taken as not logged.",)  # fmt: skip
    return Schedule(*_with_jumps(at[~lost], value[~lost]), f"the column {column}", notes)


def _with_jumps(x: Array, rate: Array) -> tuple[Array, Array]:
    """Knots with a jump halfway between two rows that differ where the rate is constant on either
    side: that is a step, not a slope."""
    if len(x) < 4:
        return x, rate
    gap, least = np.abs(np.diff(rate)), SAME * rate.max()
    jump = 1 + np.flatnonzero((gap[1:-1] > 10 * least) & (gap[:-2] < least) & (gap[2:] < least))
    middle = 0.5 * (x[jump] + x[jump + 1])
    at = np.concatenate([x, middle, middle])
    value = np.concatenate([rate, rate[jump], rate[jump + 1]])
    order = np.argsort(at, kind="stable")
    return at[order], value[order]


def is_rising(schedule: Schedule) -> bool:
    """Whether the rate is still rising where the log ends: the warm-up is not over."""
    return bool(schedule.warm >= schedule.x[-1] and schedule.rate[-1] > schedule.rate[0])


def is_constant(schedule: Schedule) -> bool:
    """Whether the rate stays the same from the end of the warm-up on."""
    after = schedule.rate[schedule.x >= schedule.warm]
    return bool(np.ptp(after) <= SAME * schedule.peak)


def joined(log: Schedule, planned: Schedule) -> Schedule:
    """The log where it reaches, the plan before and after it; notes where they disagree."""
    factor = log.peak if planned.relative else 1.0
    rates = factor * planned.rate
    first, last = log.x[0], log.x[-1]
    before, after = planned.x < first, planned.x > last
    ends = factor * planned.at(np.array([last]))
    x = np.concatenate([planned.x[before], log.x, [last], planned.x[after]])
    rate = np.concatenate([rates[before], log.rate, ends, rates[after]])
    off = np.abs(log.rate - factor * planned.at(log.x)) / log.peak
    notes, at = log.notes + planned.notes, int(np.argmax(off))
    if off[at] > OTHER:
        planned_there = factor * planned.at(log.x[at : at + 1])[0]
        notes += (
            f"{log.source[0].upper()}{log.source[1:]} is not {planned.source}: at "
            f"{log.x[at]:.6g} it has {log.rate[at]:.3g}, planned was {planned_there:.3g}. The log "
            "is used as far as it reaches, the plan beyond it.",
        )
    source = f"{log.source} up to {last:.6g}, then {planned.source}"
    return Schedule(x, rate, source, notes)


def continued(log: Schedule, end: float) -> Schedule:
    """The log up to ``end``, with a note of how it was assumed to go on.

    `Schedule.open_from` is its last place where no cosine and no line fits its last fall.
    """
    last, open_from = float(log.x[-1]), np.inf
    if last >= end:
        return log
    for name, curve in (("a cosine", _cosine(log, end)), ("a straight line", _line(log, end))):
        if curve is not None:
            x, rate = curve
            said = f"assumed to go on falling as {name}, to {rate[-1] / log.peak:.0%} of its peak"
            break
    else:
        x, rate, open_from = np.array([end]), log.rate[-1:], last
        said = f"assumed to stay at {rate[0]:.3g}"
    wider = "" if open_from > last else ", and the interval is wider, since it may fall"
    note = (
        f"The learning rate is logged up to {last:.6g}; from there to {end:.6g} it is {said}"
        f"{wider}. A planned schedule (--schedule) says it better."
    )
    return replace(
        log, x=np.concatenate([log.x, x]), rate=np.concatenate([log.rate, rate]),
        notes=(*log.notes, note), open_from=open_from,
    )  # fmt: skip


def _fall(log: Schedule) -> tuple[Array, Array, float] | None:
    """The last fall of a log: places and rates (n,) as shares of the peak, six or more of them, and
    the first place where it can have begun: where the rate was constant before, or at 0."""
    share = log.rate / log.peak
    level = np.flatnonzero(np.abs(np.diff(share)) < 1e-6)
    start = int(level[-1]) + 1 if len(level) else int(np.argmax(share))
    x, value = log.x[start:], share[start:]
    falling = len(x) >= 6 and np.all(np.diff(value) < 0) and np.all(np.diff(x) > 0)
    begins = log.x[int(np.argmax(share))] if start else 0.0
    return (x, value, float(begins)) if falling else None


def _cosine(log: Schedule, end: float) -> tuple[Array, Array] | None:
    """A cosine through the last fall, where one fits: one that ends with the run, unless another
    fits much better."""
    found = _fall(log)
    if found is None:
        return None
    at = np.linspace(log.x[-1], end, PIECES + 1)[1:]
    fits = [_cosine_through(*found, last) for last in (end, None)]
    (_, to_end), (_, free) = fits
    curve, error = fits[0] if to_end <= max(3.0 * free, CLOSE) else fits[1]
    return None if error > SAME else (at, log.peak * curve(at))


def _cosine_through(
    x: Array, value: Array, begins: float, end: float | None
) -> tuple[Callable[[Array], Array], float]:
    """The cosine of least error through a fall, and its largest error; ``end`` is where it ends,
    None where that is free."""
    from scipy.optimize import least_squares

    def curve(theta: Array, at: Array) -> Array:
        floor, top, begin, length = theta
        start = begins + begin * (x[0] - begins)
        last = x[-1] + np.expm1(length) * (x[-1] - begins) if end is None else end
        u = np.clip((at - start) / (last - start), 0.0, 1.0)
        return np.asarray(floor + (top - floor) * 0.5 * (1.0 + np.cos(np.pi * u)))

    def error(theta: Array) -> Array:
        return curve(theta, x) - value

    low, high = [0.0, 1.0, 0.0, 1e-6], [value[-1], 1.1, 1.0, 3.0]
    start = [0.1 * value[-1], 1.0 + 1e-9, 0.5, 0.5]
    best = least_squares(error, start, bounds=(low, high), ftol=1e-14, xtol=1e-14, gtol=1e-14)
    return lambda at: curve(best.x, at), float(np.abs(best.fun).max())


def _line(log: Schedule, end: float) -> tuple[Array, Array] | None:
    """A straight line through the last fall, down to 0, where one fits."""
    found = _fall(log)
    if found is None:
        return None
    x, value, _ = found
    slope, level = np.polyfit(x - x[-1], value, 1)
    if np.abs(level + slope * (x - x[-1]) - value).max() > SAME:
        return None
    zero = min(x[-1] - level / slope, end)
    at = np.array([zero, end] if zero < end else [end])
    return at, log.peak * np.maximum(level + slope * (at - x[-1]), 0.0)
