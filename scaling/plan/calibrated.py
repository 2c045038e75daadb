"""What the study's model says of a run that one law was asked about, as `scaling forecast` does.

A law of more inputs than params and tokens, or of another table, plans a run. The forecast of that
run from the same table, whose intervals allow for the form being wrong, stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.intervals import Interval, of_values
from scaling.fitting.result import Fit
from scaling.forecasting.engine import forecast, model_of
from scaling.forecasting.study_model import StudyModel
from scaling.plan.answer import NOT_ONE_LAW, Basis, Figure, by_model
from scaling.plan.mixtures import Mix
from scaling.plan.published import PREFIX
from scaling.plan.stored import Sheet

NO_RUNS = "the fitted runs are not at hand; --runs FILE forecasts from a table"
# Points of each grid of learning rates and batches, from the least to the largest of the runs: a
# quarter of the steps of a sweep by factors of sqrt(2) over three decades (Step Law's own).
GRID = 21


def forecasts(
    sheet: Sheet, made: Fit, runs: Mapping[str, Mapping[str, float]], level: float
) -> Basis:
    """The basis of an answer by a law, with the forecast of each of its runs.

    Args:
        runs: figure -> the run that it is the target of, by column.
    """
    if sheet.name.startswith(PREFIX):
        return NOT_ONE_LAW
    table = sheet.table
    if table is None:
        return Basis(True, why_not=NO_RUNS)
    notes: dict[str, None] = {}

    def again() -> list[Figure]:
        found = []
        for name, run in runs.items():
            at, ends = pl.DataFrame([run]), [(1 - level) / 2, 0.5, (1 + level) / 2]
            one = forecast(table, at, target=made.target, quantiles=ends)
            low, middle, high = one["value"].to_list()
            notes.update(dict.fromkeys(one.notes))
            found.append((name, Interval(middle, low, high, level), made.target_unit))
        return found

    basis = by_model(again)
    return Basis(True, basis.model, basis.why_not, tuple(notes))
