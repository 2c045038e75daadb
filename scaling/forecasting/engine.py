"""`forecast`: runs and targets -> quantiles.

By default one input is forecast by many shapes of curve and a network that was trained on simulated
ones (`scaling.forecasting.curves`, `scaling.forecasting.network`). Two inputs, and inputs that no
law takes, text, and values that are not positive have a model of the study
(`scaling.forecasting.study_model`), which plans and reports read too. The inputs of a richer law,
and laws that are named, go through the registry of laws, in the rest of this module: the centre is
the median, in logs, of the laws fitted with weights that lean on the largest runs, and

    sigma^2 = (1.59 noise)^2 + (.66 disagreement)^2 + (.56 backtest)^2

noise is the scatter of single runs about the laws, disagreement the mean distance of the laws from
their median at the target, backtest their error on the largest runs forecast from the smaller.
Quantiles are those of Student's t. docs/benchmarks/forecast_notes.md says how the constants were
chosen, docs/benchmarks/forecast.md how well they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError, placed
from scaling.fitting.data import log_size, positive
from scaling.forecasting import omitted
from scaling.forecasting.display import Forecast
from scaling.forecasting.distance import distance, score_warning
from scaling.forecasting.distribution import Predictive
from scaling.forecasting.inputs import (
    _companion,
    _having,
    check_companions,
    check_planned,
    check_runs,
    check_schedule,
    check_targets,
    chosen_inputs,
    is_general,
    observed_scale,
    with_target,
)
from scaling.forecasting.law_choice import applicable, sole_law, untested
from scaling.forecasting.law_ensemble import location_and_parts
from scaling.forecasting.schedule_input import Rate, one_run, other_runs, schedule_of

if TYPE_CHECKING:
    from scaling.forecasting.study_model import StudyModel
    from scaling.laws._law import Law
    from scaling.runs.schedules import Schedule

LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
NOISE, DISAGREEMENT, BACKTEST = 1.59, 0.66, 0.56
DEGREES = 5


def forecast(
    runs: pl.DataFrame,
    at: pl.DataFrame,
    *,
    inputs: Sequence[str] | None = None,
    target: str = "loss",
    quantiles: Sequence[float] = LEVELS,
    laws: Literal["auto"] | Sequence[str] = "auto",
    companions: Sequence[str] = (),
    mixed: Sequence[str] = (),
    schedule: Schedule | str | None = None,
    weights: str | None = None,
    informed: Callable[[Predictive, pl.DataFrame], tuple[Predictive, list[str]]] | None = None,
    seed: int = 0,
) -> Forecast:
    """Forecast ``target`` at the rows of ``at``.

    Args:
        runs: one row a run, with the input columns and the target.
        at: one row a planned run, with the input columns.
        inputs: columns of any names, numbers or text whose values are groups; None for params and
            tokens, with tokens_unique where runs or targets repeat their data, or, without these,
            for all columns of both tables that can be inputs (`default_inputs`). Through
            `scaling.forecast` also with units, ``("params:M", "tokens:B")``.
        quantiles: levels between 0 and 1.
        laws: law names, or "auto" for the default of so many inputs (see the module). A law that
            reads other inputs, brings its own procedure or predicts something else than the target
            is named alone; its forecast is that of its resamples (`scaling.forecasting.named_law`).
        companions: columns with what else was measured on the same run, for one input: where they
            reach further than the target they tell how the run went on
            (`scaling.forecasting.companions`). Rows may then lack the target, or a companion.
        mixed: columns that may hold several conventions, as of `scaling.fit`.
        schedule: the learning rate along the run, for one input (`scaling.runs.schedules`): a text
            such as "cosine:floor=10%,end=24000"; None for the one that a column such as lr logs,
            if there is one; "none" to read none.
        weights: column of the share by which each run counts, of a whole one, for two inputs
            (`scaling.forecasting.partial`).
        informed: of the forecast of a curve and its targets makes one that other runs inform, and
            says how (`scaling.forecasting.informed`).
        seed: of those resamples; the forecast of several laws draws no random numbers.

    Returns:
        One row per row of ``at`` and level: the columns of ``at``, then ``quantile``, ``value``; a
        polars table that a notebook shows with a row a target.

    A target that rises with the inputs and stays within [0, 1], such as an accuracy, is forecast
    through its distance from 1.
    """
    levels = _levels(quantiles)
    notes: list[str] = []
    if inputs is None:
        grow = laws == "auto" and not companions
        inputs, notes = chosen_inputs(runs, at, target, grow=grow)
    notes = [*notes, *untested(laws)]
    check_companions(companions, inputs, laws)
    check_schedule(schedule, companions, laws)
    special = sole_law(inputs, laws)
    if special is not None:
        alone = _by_one_law(runs, at, special, inputs, target, (levels, seed), mixed)
        alone.notes = (*untested(laws), *alone.notes)
        return alone
    check_runs(runs, inputs, target, mixed, companions)
    others = None
    if laws == "auto" and not companions:
        runs, others, which = one_run(runs, at, inputs)
        notes += which
    measured = with_target(runs, target) if companions else runs
    check_planned(measured, at, inputs, target)
    rate = None
    if laws == "auto" and not companions and not is_general(runs, inputs, target):
        rate, said = _rate_of(runs, at, (inputs, target), schedule, others)
        notes += said
    if laws == "auto" and not companions and has_model(runs, inputs, target):
        model = model_of(runs, inputs, target, weights)
        made, linear, rises = forecast_table(model, at, levels), model.linear, model.rises
        made.further = lambda more: forecast_table(model, more, levels)
    else:
        together = predictive(runs, at, inputs, target, laws, companions, rate)
        if informed is not None:
            together, of_others = informed(together, at)
            notes += of_others
        made, linear = _table(at, levels, together.quantiles(levels)), ()
        rises = together.increasing
        # Of a chart's fan: what other runs say, they say of the targets alone.
        made.further = lambda more: _table(
            more,
            levels,
            predictive(runs, more, inputs, target, laws, companions, rate).quantiles(levels),
        )
    measured = measured.drop(weights) if weights else measured
    made.runs = measured.select(*dict.fromkeys([*inputs, target]))
    far = distance(measured, at, inputs, linear)
    notes += omitted.warning(measured, inputs, target, companions)
    return made.described(far, [*notes, *(score_warning(far) if rises else [])])


def _rate_of(
    runs: pl.DataFrame,
    at: pl.DataFrame,
    what: tuple[Sequence[str], str],
    schedule: Schedule | str | None,
    others: pl.DataFrame | None,
) -> tuple[Rate | None, list[str]]:
    """The learning rate of a curve with the study's other runs, and what a reader must know;
    ``what`` is (inputs, target)."""
    inputs, target = what
    found, said = schedule_of(runs, at, inputs, schedule)
    if found is None:
        return None, [*said]
    if others is None:
        return Rate(found), [*said]
    share = observed_scale(runs, target, np.log(positive(runs, inputs[0])))[1]
    beside, more = other_runs(others, inputs[0], target, share=share)
    return Rate(found, beside), [*said, *more]


def _by_one_law(
    runs: pl.DataFrame,
    at: pl.DataFrame,
    law: Law,
    inputs: Sequence[str],
    target: str,
    how: tuple[Array, int],
    mixed: Sequence[str],
) -> Forecast:
    """What a law says that cannot join others; ``how`` is (levels, seed)."""
    from scaling.forecasting.named_law import forecast_one

    by = dict(zip(law.inputs, inputs, strict=False)) if law.generic else None
    values, caveats = forecast_one(runs, at, law, target, how, by, mixed)
    columns = law.inputs if by is None else by.values()
    read = [one for one in columns if _is_number(runs, one) and _is_number(at, one)]
    out = distance(runs, at, read) if read else None
    said = omitted.warning(runs, read, target) if read else []
    return _table(at, how[0], values).described(out, [*caveats, *said])


def _is_number(table: pl.DataFrame, name: str) -> bool:
    return name in table.columns and table[name].dtype.is_numeric()


def has_model(runs: pl.DataFrame, inputs: Sequence[str], target: str) -> bool:
    """Whether these columns are forecast by a model of the study, which can also plan.

    One input is forecast as a curve, and three or more that a law reads by the laws.
    """
    return len(inputs) == 2 or is_general(runs, inputs, target)


def model_of(
    runs: pl.DataFrame, inputs: Sequence[str], target: str, weights: str | None = None
) -> StudyModel:
    """The model of a study's runs (`scaling.forecasting.study_model`)."""
    from scaling.forecasting.study_model import study_model

    return study_model(runs, inputs, target, weights)


def forecast_table(
    model: StudyModel, at: pl.DataFrame, quantiles: Sequence[float] | Array = LEVELS
) -> Forecast:
    """What a model forecasts at the rows of ``at``, as `forecast` returns it."""
    levels = _levels(quantiles)
    return _table(at, levels, model.quantiles(at, levels))


def predictive(
    runs: pl.DataFrame,
    at: pl.DataFrame,
    inputs: Sequence[str],
    target: str,
    laws: Literal["auto"] | Sequence[str] = "auto",
    companions: Sequence[str] = (),
    schedule: Rate | None = None,
) -> Predictive:
    """`forecast` as a distribution instead of quantiles; ``schedule`` is what is known of a curve's
    learning rate."""
    if laws == "auto" and not companions and len(inputs) == 2:
        return model_of(runs, inputs, target).predictive(at)
    points = check_targets(at, inputs)
    others = [_companion(runs, inputs[0], name) for name in companions]
    if not others:
        return _predictive(runs, points, target, laws, schedule=schedule)
    measured, rows = _having(runs, target)
    with placed(rows=rows):
        return _predictive(measured, points, target, laws, others)


def _predictive(
    runs: pl.DataFrame,
    points: Mapping[str, Array],
    target: str,
    laws: Literal["auto"] | Sequence[str],
    others: Sequence[tuple[Array, Array]] = (),
    schedule: Rate | None = None,
) -> Predictive:
    """`predictive` of runs that all have the target, at the input columns of the targets."""
    inputs = list(points)
    table = pl.DataFrame({name: positive(runs, name) for name in inputs})
    y, increasing = observed_scale(
        runs, target, log_size({name: table[name].to_numpy() for name in inputs})
    )
    table = table.with_columns(pl.Series(target, 1.0 - y if increasing else y))
    if laws == "auto" and len(inputs) == 1:
        x, y = table[inputs[0]].to_numpy(), table[target].to_numpy()
        ends = points[inputs[0]]
        if schedule is None:
            return replace(_curve(x, y, ends, others), increasing=increasing)
        made = _scheduled(x, y, ends, schedule, increasing)
        return replace(made, increasing=increasing)
    location, parts = location_and_parts(table, points, applicable(inputs, laws), target)
    scale = np.sqrt(parts**2 @ np.square((NOISE, DISAGREEMENT, BACKTEST)))
    return Predictive(location, scale, DEGREES, increasing, parts[:, 1])


def _curve(x: Array, y: Array, at: Array, others: Sequence[tuple[Array, Array]]) -> Predictive:
    """One input: many shapes of curve and a network (`scaling.forecasting.curves`); companions."""
    from scaling.forecasting.curves import extrapolate, spread

    _check_sizes(x)
    made = extrapolate(x, y, at)
    if others:
        from scaling.forecasting.companions import with_companions

        made = with_companions(made, (x, y), at, others)
    return Predictive(made.location, *spread(made), disagreement=made.disagreement)


def _scheduled(x: Array, y: Array, at: Array, rate: Rate, share: bool) -> Predictive:
    """One input whose learning rate is known (`scaling.forecasting.scheduled`)."""
    from scaling.forecasting.scheduled import forecast_end

    _check_sizes(x)
    return forecast_end(x, y, at, rate.schedule, share=share, others=rate.others)


def _check_sizes(x: Array) -> None:
    from scaling.forecasting.curves import MIN_SIZES

    sizes = len(np.unique(x))
    if sizes < MIN_SIZES:
        raise InputError(
            "too few sizes for a curve", value=sizes, allowed=f"{MIN_SIZES} or more distinct values"
        )


def _levels(quantiles: Sequence[float] | Array) -> Array:
    levels = np.asarray(list(quantiles), dtype=np.float64)
    bad = [float(q) for q in levels if not 0 < q < 1]
    if bad or not len(levels):
        raise InputError("quantile out of range", value=bad or "none", allowed="between 0 and 1")
    return levels


def _table(at: pl.DataFrame, levels: Array, values: Array) -> Forecast:
    index = np.repeat(np.arange(at.height), len(levels))
    quantile, value = np.tile(levels, at.height), values.T.reshape(-1)
    columns = pl.Series("quantile", quantile), pl.Series("value", value)
    return Forecast(at[index].with_columns(columns))
