"""Finished runs of the recipe of a run under way, from their logs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from scaling.errors import InputError, counted
from scaling.forecasting.collapse import MIN_POINTS, MIN_RUNS, Finished, alike, collapse
from scaling.forecasting.pooled import Opinion
from scaling.runs.formats import is_claimed
from scaling.runs.logged_rates import joined, logged
from scaling.runs.schedules import Schedule
from scaling.watching.series import Curve, Series, curve
from scaling.watching.source import Wanted, finished

# Runs that a sentence names; more are counted.
NAMED = 5


def logs_of(places: Iterable[Path], own: Path) -> Iterator[Path]:
    """The logs of files and folders; of a folder that no tracker wrote, what lies in it.

    ``own`` is the log of the run under way, which is not among them.

    Raises:
        InputError: no such file, or a folder without a log.
    """
    for place in places:
        inside = [place]
        if place.is_dir() and not is_claimed(place):
            inside = [one for one in sorted(place.iterdir()) if is_claimed(one)]
            if not inside:
                raise InputError("the folder has no log", file=place)
        if not place.exists():
            raise InputError("no such file", file=place)
        yield from (one for one in inside if one.resolve() != own.resolve())


def like_runs(
    logs: Iterable[Path], series: Series, window: float, wanted: Wanted
) -> tuple[list[Finished], list[str]]:
    """Finished runs with the metric of the series, and sentences on those that are left out.

    Args:
        window: over which the series is averaged, as a share of the run.
        wanted: how logs are read.
    """
    how = Wanted(None, series.metric, None, wanted.tokens, wanted.maps, wanted.options)
    found, notes = [], []
    for log in logs:
        try:
            runs, left = finished(log, how)
        except InputError as error:
            notes.append(f"left out: {error}")
            continue
        notes += left
        for one, params in runs:
            made = _finished(one, params, window)
            if one.run == series.run:
                notes.append(f"{one.run} of {log} is left out: it has the name of the run itself")
            elif made is None:
                notes.append(f"{one.run} of {log} is left out: no curve of values above 0")
            else:
                found.append(made)
    return found, notes


def _finished(series: Series, params: float | None, window: float) -> Finished | None:
    found = curve(series, window * series.planned)
    if len(found.at) < MIN_RUNS or not found.value.min() > 0:
        return None
    rate = logged(series.at, series.lr, "lr")
    return Finished(series.run, found.at, found.value, rate, params)


def same_schedule(
    runs: Sequence[Finished], series: Series, planned: Schedule | None
) -> tuple[list[Finished], list[str]]:
    """The runs whose learning rate went as that of the series, and sentences on the others.

    Args:
        planned: the learning rate of the series to its end, where it is named; else the logged one
            is compared as far as it goes.
    """
    own, until = planned, 1.0
    if own is None:
        own, until = logged(series.at, series.lr, "lr"), series.last / series.planned
    same, other, unknown = [], [], 0
    for one in runs:
        if own is None or one.schedule is None:
            unknown += 1
        elif not alike(own, series.planned, one.schedule, one.end, until):
            other.append(one.name)
            continue
        same.append(one)
    notes = []
    if other:
        notes.append(f"left out, for their learning rate went another way: {_names(other)}")
    if unknown:
        notes.append(
            f"of {unknown} of {counted(len(runs), 'finished run')} it is not checked whether the "
            "learning rate went the same way: it is not logged"
        )
    return same, notes


def borrowed(runs: Sequence[Finished], series: Series) -> Schedule | None:
    """The learning rate of the series as logged, then as in the finished run of the nearest length,
    by share of the run; None where no finished run logs it."""
    known = [one for one in runs if one.schedule is not None]
    if not known:
        return None
    near = min(known, key=lambda one: abs(np.log(one.end / series.planned)))
    found = near.schedule
    assert found is not None
    planned = replace(
        found,
        x=found.x * series.planned / near.end,
        source=f"that of the finished run {near.name}, by share of the run",
        relative=True,
        rate=found.rate / found.peak,
    )
    own = logged(series.at, series.lr, "lr")
    # Warm-ups may have other shares of the run: `same_schedule` has compared what comes after.
    return planned if own is None else replace(joined(own, planned), notes=())


def of_like_runs(
    runs: Sequence[Finished], found: Curve, params: float | None
) -> tuple[Opinion | None, list[str]]:
    """What the shape of finished runs says of the end of a curve, and what a reader must know.

    Args:
        params: of the run under way, where they are known.
    """
    made = collapse(found.at, found.value, np.array([found.end]), found.end, runs, params)
    if made is None:
        return None, [
            f"the shape of finished runs is not used: {len(runs)} went the same way, and "
            f"{MIN_RUNS} or more with {MIN_POINTS} values up to this share of the run are needed"
        ]
    said = (
        f"the shape is that of {_names(made.runs)}; each forecast from the others from this share "
        f"of the run, they err by {made.error[0]:.2%}"
    )
    if len(made.runs) < len(runs):
        said += f"; {len(runs) - len(made.runs)} more have too few values so early"
    if params is None or any(one.params is None for one in runs):
        said += "; how it changes with params is not read: they are not known of every run"
    source = f"The shape of {counted(len(made.runs), 'finished run')}"
    return Opinion(source, made.made), [said]


def _names(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")
