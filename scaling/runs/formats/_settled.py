"""Which of a tracker's values count, when a run was restarted or logged a step again.

A metric that goes back to an earlier step was restarted there: what was written before it, at that
step or past it, belongs to a branch that was abandoned. The metrics that share its clock go back
with it, if they do not simply go on: an evaluation that is logged late, or a metric that counts
something else, is no restart. Nothing is dropped here; ``left_out`` says why a value does not
count.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl

RESTART = "written before a restart from its step or an earlier one"
AGAIN = "logged again at the same step"
NO_NUMBER = "no number where the same step has one"
_OWN = (RESTART, AGAIN, NO_NUMBER)
_SERIES = ("run", "metric")


def settled(frame: pl.DataFrame, *, ordered: bool = True) -> pl.DataFrame:
    """The raw frame with ``left_out`` filled where another value counts.

    Of the same run, metric and step a number counts before NaN and text, and then the last one.
    Where rows are not ``ordered`` in time, the last is not known, and numbers all count.
    """
    frame = frame.with_columns(
        left_out=pl.when(~pl.col("left_out").is_in(_OWN)).then("left_out")
    ).with_row_index("_at")
    given = pl.col("left_out").is_null() & pl.col("step").is_not_null()
    rows = frame.filter(given).select(
        "_at", "record", "step", *_SERIES, "value", why=pl.lit(None, pl.String)
    )
    rows = _left(rows, _less(pl.col("value").is_not_null()), NO_NUMBER)
    if ordered:
        rows = _left(rows, _abandoned, RESTART)
    # A loss that diverged after a restart is NaN, and no number of the old branch beats it.
    rows = _left(rows, _less(pl.col("value").is_not_nan()), NO_NUMBER)
    if ordered:
        rows = _left(
            rows,
            lambda left: ~left.select(pl.struct(*_SERIES, "step").is_last_distinct()).to_series(),
            AGAIN,
        )
    found = rows.filter(pl.col("why").is_not_null()).select("_at", "why")
    joined = frame.join(found, on="_at", how="left", maintain_order="left")
    return joined.with_columns(left_out=pl.coalesce("left_out", "why")).drop("_at", "why")


def _left(rows: pl.DataFrame, which: Callable[[pl.DataFrame], pl.Series], why: str) -> pl.DataFrame:
    """The rows with this reason for those that are left out of what counts so far."""
    left = rows.filter(pl.col("why").is_null())
    out = left.filter(which(left)).select("_at", found=pl.lit(why))
    joined = rows.join(out, on="_at", how="left", maintain_order="left")
    return joined.with_columns(why=pl.coalesce("why", "found")).drop("found")


def _less(has: pl.Expr) -> Callable[[pl.DataFrame], pl.Series]:
    """Which rows lack what another row of the same run, metric and step has."""
    less = has.any().over(*_SERIES, "step") & ~has
    return lambda left: left.select(less.alias("less").fill_null(value=False))["less"]


def _abandoned(rows: pl.DataFrame) -> pl.Series:
    """Whether each row, in the order in which they were written, is of an abandoned branch."""
    series = rows.with_row_index("_i")
    back = pl.col("step") < pl.col("step").shift(1).over(_SERIES)
    restarted = series.filter(back)["run"].unique(maintain_order=True)
    dead = pl.zeros(rows.height, pl.Boolean, eager=True)
    for run in restarted.to_list():
        part = series.filter(pl.col("run") == run)
        dead[_History(part).abandoned()] = True
    return dead


@dataclass
class _Call:
    """What was logged at once: a step, and by metric the number of the row."""

    step: float
    rows: dict[str, int]


class _History:
    """One run, call by call.

    ``live`` has the rows of each metric on the present branch, as (step, row), their steps rising.
    """

    def __init__(self, rows: pl.DataFrame) -> None:
        self.calls: list[_Call] = []
        self.live: dict[str, list[tuple[float, int]]] = {}
        self.apart: dict[str, float] = {}
        last: dict[str, float] = {}
        record = None
        for i, step, metric, call in rows.select("_i", "step", "metric", "record").iter_rows():
            if call != record:
                self.calls.append(_Call(step, {}))
            record = call
            self.calls[-1].rows[metric] = i
            # How far apart a metric is logged, so how far it may lag behind its clock.
            skipped = step - last.get(metric, step)
            self.apart[metric] = max(self.apart.get(metric, 0.0), skipped)
            last[metric] = step
        self.places: dict[tuple[str, frozenset[str]], list[int]] = {}

    def abandoned(self) -> list[int]:
        """The rows of branches that a restart left behind."""
        dead: list[int] = []
        for number, call in enumerate(self.calls):
            back = {m for m in call.rows if call.step < self._last(m)}
            if back and self._is_restart(number, call, back):
                dead += self._left_behind(number, call, back)
            for metric, row in call.rows.items():
                # A value beside a late evaluation is in its place, and no end of a branch.
                if call.step >= self._last(metric):
                    self.live.setdefault(metric, []).append((call.step, row))
        return dead

    def _last(self, metric: str) -> float:
        rows = self.live.get(metric)
        return rows[-1][0] if rows else -math.inf

    def _is_restart(self, number: int, call: _Call, back: set[str]) -> bool:
        """Whether all that is logged goes back, or what goes back is logged on from there alone.

        An evaluation that is logged late may bring values that every call has (the epoch); these
        are logged next with others, which have not gone back.
        """
        others = frozenset(call.rows) - back
        if not others:
            return True
        following = (self._next(metric, number, others) for metric in back)
        return any(one and one.rows.keys() <= call.rows.keys() for one in following)

    def _left_behind(self, number: int, call: _Call, back: set[str]) -> Iterator[int]:
        """The rows at the step of a restart or past it, of the metrics that it holds for.

        Those that go back, and others on their clock that do not simply go on.
        """
        reach = max(self._last(m) + self.apart[m] for m in back)
        for metric, rows in self.live.items():
            last, following = self._last(metric), self._next(metric, number)
            goes_on = following is not None and following.step > last
            if metric in back or (last <= reach and not goes_on):
                while rows and rows[-1][0] >= call.step:
                    yield rows.pop()[1]

    def _next(
        self, metric: str, number: int, without: frozenset[str] = frozenset()
    ) -> _Call | None:
        """The call after this one that logs a metric, and not the others."""
        key = (metric, without)
        if key not in self.places:
            calls = enumerate(self.calls)
            self.places[key] = [
                i for i, c in calls if metric in c.rows and without.isdisjoint(c.rows)
            ]
        place = bisect.bisect_right(self.places[key], number)
        found = self.places[key][place : place + 1]
        return self.calls[found[0]] if found else None
