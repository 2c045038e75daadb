"""What forecasts say of a run that one law was asked about.

A law of other inputs than params and tokens, or of another table, plans a run. The forecast of that
run from the same table, as `scaling forecast` makes it, stands beside it: its intervals allow for
the form being wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from scaling.fitting.intervals import Interval, of_values
from scaling.fitting.result import Fit
from scaling.forecasting.engine import forecast, model_of
from scaling.plan.answer import NOT_ONE_LAW, Basis, Figure, by_model
from scaling.plan.published import PREFIX
from scaling.plan.stored import Sheet

NO_RUNS = "the fitted runs are not at hand; --runs FILE forecasts from a table"
# Points of each grid of learning rates and batches: steps of half a factor of two, the finest of
# Step Law's own sweeps (arXiv:2503.04715), over the three decades that they span.
POINTS = 21


def beside(sheet: Sheet, again: Callable[[pl.DataFrame], Sequence[Figure]]) -> Basis:
    """The basis of an answer by one law; ``again`` asks the same of the fitted runs' model."""
    if sheet.name.startswith(PREFIX):
        return NOT_ONE_LAW
    table = sheet.table
    return Basis(True, why_not=NO_RUNS) if table is None else by_model(lambda: again(table))


def forecasts(sheet: Sheet, made: Fit, run: Mapping[str, float], level: float) -> Basis:
    """The basis of an answer by a law of ``run``, with its forecast from the fitted runs."""
    notes: list[str] = []

    def again(table: pl.DataFrame) -> list[Figure]:
        ends = ((1 - level) / 2, 0.5, (1 + level) / 2)
        found = forecast(table, pl.DataFrame([run]), target=made.target, quantiles=ends)
        notes.extend(found.notes)
        low, middle, high = found["value"].to_list()
        return [("loss", Interval(middle, low, high, level), made.target_unit)]

    basis = beside(sheet, again)
    return replace(basis, notes=tuple(notes))


def best_values(
    table: pl.DataFrame, target: str, run: Mapping[str, float], free: Sequence[str], level: float
) -> list[Interval]:
    """Where the model has its least target, draw by draw: each of ``free``, then the target there.

    The grid spans the runs: beyond the sweep nothing says where the optimum lies.
    """
    model = model_of(table, [*run, *free], target)
    low, high = (table.select(one).row(0) for one in (pl.min(*free), pl.max(*free)))
    each = [np.geomspace(a, b, POINTS) for a, b in zip(low, high, strict=True)]
    axes = [one.ravel() for one in np.meshgrid(*each, indexing="ij")]
    grid = pl.DataFrame(dict(zip(free, axes, strict=True)))
    grid = grid.with_columns(pl.lit(value).alias(name) for name, value in run.items())
    middle, drawn = model.location(grid), model.draws(grid)
    best, places = int(np.argmin(middle)), np.argmin(drawn, axis=1)
    found = [of_values(float(one[best]), one[places], level) for one in axes]
    return [*found, of_values(float(middle[best]), drawn[:, best], level)]
