"""When the first model passes each line of compute: observed, or a distribution over dates.

A line is a value of training compute that a rule of the registry has, in force or enacted. New
models above it are counted as in `scaling.govern.exceedance`: with Lambda(t) expected by t and a
log-normal factor W of the width that the past calibrates,

    P(first crossing by t) = 1 - E exp(-W Lambda(t)),

given that no model in the copy has passed the line. So a chance by a day and the count by that day
are one forecast. Any model of the table counts, whatever the rule's scope, by the table's estimate.

`python -m benchmarks.first_crossing` measures it on the past of the copy of 2026-07-23: of 52
forecasts from 2020 on, 37 are resolved, 8 % of these before the 5 % point; none of the 52 is after
the 95 % point.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.govern import exceedance
from scaling.govern.registry import EVALUATED_STATUSES, Registry, as_of, believed
from scaling.govern.trends import YEAR, decimal, frontier, growth_of

STATUSES = (*EVALUATED_STATUSES, "enacted")
# Beyond fifteen years a date is none: a trend of fifteen years is all that there is.
HORIZON, STEPS = 15.0, 120
QUANTILES = {"p05": 0.05, "p50": 0.5, "p95": 0.95}


@dataclass(frozen=True)
class Line:
    """A value of training compute (FLOP), the rules that have it, and since when each is in force
    (None: not yet dated). ``equality``: reaching it is enough."""

    value: float
    equality: bool = False
    rules: tuple[tuple[str, date | None], ...] = ()

    @property
    def comparator(self) -> str:
        return ">=" if self.equality else ">"

    def passed(self) -> pl.Expr:
        """Whether a model of the table is above it."""
        return pl.col("flop") >= self.value if self.equality else pl.col("flop") > self.value


def lines(registry: Registry, day: date, more: Iterable[float] = ()) -> list[Line]:
    """Every value of training compute in force or enacted on the day, as on record on it.

    ``more`` are lines of no rule; a value that a rule has is not added again.
    """
    rules = as_of(registry, day, day).filter(
        pl.col("quantity") == "training_compute", pl.col("status").is_in(STATUSES)
    )
    since = _since(believed(registry.rules, day))
    values = rules.group_by("value", "comparator").agg(pl.col("rule").sort())
    found = [
        Line(value, comparator == ">=", tuple((name, since.get(name)) for name in names))
        for value, comparator, names in values.iter_rows()
    ]
    known = {line.value for line in found}
    found += [Line(value) for value in more if value not in known]
    return sorted(found, key=lambda line: (line.value, line.equality))


def _since(rules: pl.DataFrame) -> dict[str, date]:
    """First day on which each rule is in force."""
    held = rules.filter(pl.col("status").is_in(EVALUATED_STATUSES))
    first = held.group_by("rule").agg(pl.col("effective_from").min())
    return dict(first.iter_rows())


def first_model(table: pl.DataFrame, line: Line) -> dict[str, Any] | None:
    """The model that passed the line first, by publication; None where none has."""
    return next(
        iter(table.filter(line.passed()).sort("published", "model").head(1).to_dicts()), None
    )


@dataclass(frozen=True)
class Crossing:
    """Chances (STEPS + 1,) that the first model has passed a line by each of ``days`` after the
    copy's day (its last day: the horizon)."""

    start: date
    days: Array
    chance: Array

    def after(self, days: Sequence[float]) -> Array:
        """P(first crossing) within so many days of the copy's day."""
        return np.asarray(np.interp(days, self.days, self.chance))

    def by(self, day: date) -> float:
        """P(first crossing by the end of a day)."""
        return float(self.after([(day - self.start).days])[0])

    def wait(self, level: float) -> float | None:
        """Days until the chance reaches a level; None beyond the horizon."""
        if level > self.chance[-1]:
            return None
        return float(np.interp(level, self.chance, self.days))

    def quantile(self, level: float) -> date | None:
        """The day on which the chance reaches a level; None beyond the horizon."""
        wait = self.wait(level)
        return None if wait is None else self.start + timedelta(days=round(wait))


def forecast(table: pl.DataFrame, line: Line, start: date, width: float, seed: int = 0) -> Crossing:
    """When the first model passes a line that none of the table has passed.

    Args:
        table: a copy (`scaling.govern.trends.copy_of`) with ``year`` and ``flop``.
        start: the copy's day.
        width: of the log-normal factor (`scaling.govern.exceedance.calibrate`).

    Raises:
        InputError: too few models before ``start``.
    """
    today = decimal(start)
    drawn = exceedance.arrivals(table, today, seed)
    expected = drawn.expected(line.value, today + HORIZON, STEPS)
    factor = np.exp(width * np.random.default_rng([seed, 1]).standard_normal(exceedance.DRAWS))
    chance = 1.0 - np.exp(-factor * expected).mean(axis=1)
    days = np.arange(STEPS + 1) / STEPS * HORIZON * YEAR
    return Crossing(start, days, np.concatenate([[0.0], chance]))


def along_the_records(table: pl.DataFrame, line: Line) -> float:
    """Days from the copy's day on which the record, growing as the frontier does, is at the line.

    A naive method: it knows nothing of how many models come, and may lie in the past.
    """
    large = frontier(table)
    top = large.sort("flop", "year").tail(1)
    rate = growth_of(large).rate
    year = top["year"][0] + np.log(line.value / top["flop"][0]) / rate
    return float((year - decimal(table["copy"][0])) * YEAR)


def answers(
    table: pl.DataFrame, wanted: Sequence[Line], by: Sequence[date], width: float, seed: int = 0
) -> list[dict[str, Any]]:
    """One row a line: its rules, the model that passed it, or the forecast and chances by days."""
    start = table["copy"][0]
    rows = []
    for line in wanted:
        row: dict[str, Any] = {
            "threshold": line.value,
            "comparator": line.comparator,
            "rules": {name: None if day is None else str(day) for name, day in line.rules},
        }
        first = first_model(table, line)
        if first is not None:
            row |= {"model": first["model"], "observed": str(first["published"])}
        else:
            made = forecast(table, line, start, width, seed)
            quantiles = {name: made.quantile(level) for name, level in QUANTILES.items()}
            row |= {name: None if day is None else str(day) for name, day in quantiles.items()}
            row["probability"] = {str(day): made.by(day) for day in by}
        rows.append(row)
    return rows
