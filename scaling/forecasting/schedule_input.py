"""Which learning rate a forecast of one input reads: one that is named, or one that is logged."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.data import number, positive
from scaling.runs.logged_rates import (
    MIN_ROWS,
    column_of,
    continued,
    is_constant,
    is_rising,
    joined,
    like_a_rate,
    logged,
)
from scaling.runs.schedules import EXAMPLE, Schedule, plan

# Text that says that a logged rate is not to be read.
NONE = "none"
# Share of the rows at which a schedule may turn; the rates of a sweep turn at two thirds of them.
TURNS = 0.2
# A schedule that ends so much before the rows, or beyond the farthest target, is in another unit:
# steps and tokens differ by the tokens of a batch, a thousand or more.
BEFORE, BEYOND = 100.0, 1000.0
# Beyond this ratio the unit is asked.
DOUBTFUL = 20.0
# Inputs along which one run trains.
ALONG = re.compile(
    r"(?:^|[/._ ])(?:global_?)?(?:steps?|iter(?:ation)?s?|updates?|tokens?|samples?|images?|"
    r"examples?|epochs?|x)(?:_?seen)?$",
    re.IGNORECASE,
)
# What a forecast of one run says where nothing tells its learning rate.
UNKNOWN = (
    "No learning rate is logged along {name}: the forecast takes the curve to go on as it has. A "
    "run whose rate falls at the end ends lower: log the rate (a column lr) or name the schedule "
    "(--schedule)."
)
RUNS = ("run", "run_id", "run_name")


@dataclass(frozen=True)
class Rate:
    """What is known of a curve's learning rate.

    Attributes:
        schedule: up to the farthest target.
        others: places, values and rates of other runs of the study.
    """

    schedule: Schedule
    others: Sequence[tuple[Array, Array, Schedule]] = ()


Found = tuple[Schedule | None, tuple[str, ...]]


def schedule_of(
    runs: pl.DataFrame,
    at: pl.DataFrame,
    inputs: Sequence[str],
    schedule: Schedule | str | None,
) -> Found:
    """The learning rate up to the farthest target, and what a reader must know of it.

    Args:
        schedule: as a text (`scaling.runs.schedules`), "none" for none; None for the one that the
            runs log, if they do.

    Raises:
        InputError: a schedule for other than one input, a text or a log that is none, or a schedule
            in another unit than the input.
    """
    schedule = _schedule_or_text(schedule)
    if isinstance(schedule, str) and schedule.strip().lower() == NONE:
        return None, ()
    if len(inputs) != 1:
        if schedule is None:
            return None, ()
        raise InputError(
            "a schedule is for one input", value=[*inputs], allowed="steps or tokens of one run"
        )
    x, ends = positive(runs, inputs[0]), positive(at, inputs[0])
    end = float(max(x.max(), ends.max(initial=0.0)))
    log, why = _log(runs, at, inputs[0], x)
    if schedule is None:
        return _logged(log, why, x, end)
    planned = schedule if isinstance(schedule, Schedule) else plan(schedule, end)
    unsure = _other_unit(planned, x, end, inputs[0])
    whole = planned if log is None else joined(log, planned)
    return whole, (*_said(whole, x, end), *whole.notes, *unsure, *_past(planned, end))


def _schedule_or_text(given: object) -> Schedule | str | None:
    """Refuse what is neither."""
    if given is None or isinstance(given, Schedule | str):
        return given
    allowed = f"a text such as {EXAMPLE}, or none"
    raise InputError("no schedule", value=repr(given), allowed=allowed)


def _other_unit(planned: Schedule, x: Array, end: float, name: str) -> tuple[str, ...]:
    """Refuse a schedule that is in another unit than the input, or ask where that is not sure."""
    last = float(planned.x[-1])
    if last < x.max() / BEFORE or last > BEYOND * end:
        raise InputError(
            "the schedule is in another unit than the input",
            value=f"{last:.6g}, the end of {planned.source}",
            allowed=f"lengths in the unit of {name}: rows reach {x.max():.6g}, targets {end:.6g}",
        )
    if last <= DOUBTFUL * end:
        return ()
    return (
        f"The schedule ends at {last:.6g}, {last / end:.0f} times as far as the farthest target: "
        f"is it in the unit of {name}?",
    )


def rate_along(runs: pl.DataFrame, inputs: Sequence[str]) -> str | None:
    """The column with the learning rate along the one run of a table; None where rows are of
    several runs, as in a sweep, whose rates are an input like any other."""
    column = column_of(runs)
    along = [name for name in inputs if name != column and ALONG.search(name)]
    if column is None or not along or runs[column].count() < MIN_ROWS:
        return None
    if any(one in runs.columns and runs[one].n_unique() > 1 for one in RUNS):
        return None
    rates = runs.group_by(along[0]).agg(pl.col(column).n_unique())[column]
    return column if rates.max() == 1 and not _turns(runs, along[0], column) else None


def _turns(runs: pl.DataFrame, along: str, column: str) -> bool:
    """Whether the rate goes up and down as no schedule does: at more than `TURNS` of the rows."""
    steps = runs.sort(along)[column].drop_nulls().diff().drop_nulls()
    signs = steps.filter(steps != 0).sign()
    turns = int((signs.diff().drop_nulls() != 0).sum())
    return turns > max(2.0, TURNS * runs.height)


def _log(
    runs: pl.DataFrame, at: pl.DataFrame, name: str, x: Array
) -> tuple[Schedule | None, tuple[str, ...]]:
    """The rate that the rows log, those of the targets with them, and why a column is not read."""
    if not ALONG.search(name) or runs.height < MIN_ROWS:
        return None, ()
    several = any(one in runs.columns and runs[one].n_unique() > 1 for one in RUNS)
    column = column_of(runs.drop(name))
    if column is None or runs[column].null_count() == runs.height:
        return None, () if several else (*_unread(runs), UNKNOWN.format(name=name))
    if several:
        return None, (f"The column {column} is not read: the rows are of several runs.",)
    rate = number(runs, column)
    given = int(np.isfinite(rate).sum())
    if given < MIN_ROWS:
        return None, (
            f"The column {column} is not read: {given} rows have a rate, {MIN_ROWS} are needed.",
        )
    if column in at.columns and at[column].null_count() < at.height:
        rate = np.concatenate([rate, number(at, column)])
        x = np.concatenate([x, positive(at, name)])
    found = logged(x, rate, column)
    if found is None:
        said = f"The column {column} is not read: it has no rate, or several at one {name}."
        return None, (said,)
    return found, ()


def _unread(runs: pl.DataFrame) -> tuple[str, ...]:
    """A sentence about columns that may be a learning rate."""
    found = like_a_rate(runs)
    if not found:
        return ()
    columns = ", ".join(found)
    return (f"Not read as a learning rate: {columns}. If it is one, rename the column to lr.",)


def _logged(log: Schedule | None, why: tuple[str, ...], x: Array, end: float) -> Found:
    """What a log alone says; a constant one says nothing of the curve, only of what is assumed."""
    if log is None:
        return None, why
    whole = continued(log, end)
    if whole.open_from < end and (is_constant(log) or is_rising(log)):
        so_far = "rising" if is_rising(log) else "constant"
        return whole, (
            *log.notes,
            f"The learning rate ({log.source}) is {so_far} as far as it is logged: the forecast "
            f"assumes that it stays at {log.rate[-1]:.3g}, and its interval is wider, since the "
            "rate may fall. If it is to fall, name the schedule (--schedule).",
        )
    return whole, (*_said(whole, x, end), *whole.notes)


def _said(schedule: Schedule, x: Array, end: float) -> tuple[str, ...]:
    """Where the rate is from, and how much of it is left."""
    now, then = schedule.at(np.array([x.max(), end])) / schedule.peak
    return (
        f"Learning rate: {schedule.source}; {now:.0%} of its peak at the last row, {then:.0%} at "
        "the farthest target.",
    )


def _past(planned: Schedule, end: float) -> tuple[str, ...]:
    """A sentence about targets beyond the planned end."""
    last = float(planned.x[-1])
    if end <= last * (1.0 + 1e-9):
        return ()
    share = planned.rate[-1] / planned.peak
    return (
        f"Targets up to {end:.6g} lie beyond the end of the schedule, {last:.6g}: the learning "
        f"rate is assumed to stay at {share:.0%} of its peak.",
    )


def one_run(
    runs: pl.DataFrame, at: pl.DataFrame, inputs: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame | None, tuple[str, ...]]:
    """The rows of the run that the targets name, those of the other runs, and a sentence.

    Targets name a run where both tables have a column such as run, and it has one value there. The
    other runs are None where they do not.
    """
    name = next((one for one in RUNS if {one} <= set(runs.columns) & set(at.columns)), None)
    if name is None or len(inputs) != 1 or not ALONG.search(inputs[0]) or at.height == 0:
        return runs, None, ()
    wanted, labels = at[name].cast(pl.String), runs[name].cast(pl.String)
    if wanted.n_unique() != 1 or wanted[0] not in labels or labels.n_unique() == 1:
        return runs, None, ()
    here = (labels == wanted[0]).fill_null(value=False)
    said = f"The curve is that of {name} {wanted[0]}, {int(here.sum())} of {runs.height} rows."
    return runs.filter(here), runs.filter(~here), (said,)


def other_runs(
    others: pl.DataFrame, name: str, target: str, *, share: bool
) -> tuple[list[tuple[Array, Array, Schedule]], tuple[str, ...]]:
    """The curves of other runs whose learning rate falls as logged, and a sentence about them."""
    column = column_of(others)
    if column is None:
        return [], ()
    label = next(one for one in RUNS if one in others.columns)
    found = []
    for _, rows in others.group_by(label, maintain_order=True):
        x, y, rate = (number(rows, one) for one in (name, target, column))
        y = 1.0 - y if share else y
        good = np.isfinite(x) & np.isfinite(y) & (x > 0) & (y > 0)
        log = logged(x, rate, column)
        if good.sum() >= MIN_ROWS and log is not None and not is_constant(log):
            found.append((x[good], y[good], log))
    if not found:
        return [], ()
    return found, (
        f"{len(found)} other runs, whose logged learning rate falls, inform how much this one "
        "gains from a fall.",
    )
