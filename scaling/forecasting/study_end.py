"""What the finished runs of a study say of the end of a run under way.

The study's model of params and tokens (`scaling.forecasting.engine`) forecasts the run as it
forecasts any planned run. Its 5, 50 and 95 % quantiles q make an opinion, Student's t in logs:

    location = log q50,   scale = log(q95 / q05) / (2 t95),   t95 the 95 % point of Student's t

An input whose value all runs of the study share is not read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from scaling.errors import InputError, counted, placed, shorten
from scaling.fitting.data import number, unit_of_target
from scaling.forecasting.display import Forecast
from scaling.forecasting.distribution import Predictive
from scaling.forecasting.inputs import check_planned, check_runs
from scaling.forecasting.pooled import DEGREES, Opinion
from scaling.given import Given
from scaling.runs.units import PERPLEXITY

INPUTS = ("params", "tokens")
LEVELS = (0.05, 0.5, 0.95)
# Words in the name of a loss or a unit that say what it counts; a plain loss is in nats.
_KINDS = {
    "accuracy": re.compile(r"(?:^|[^a-z])acc(?:uracy)?(?![a-z])"),
    "bits": re.compile(r"(?:^|[^a-z])(?:bpb|bpc|bits)(?![a-z])"),
    PERPLEXITY: re.compile(r"ppl|perplexity"),
}


@dataclass(frozen=True)
class Study:
    """Finished runs, and what people call their table.

    Attributes:
        name: in messages.
        runs: one row a run, with params or tokens and the target.
        target: the column of the loss.
        file: where they are from, and ``rows`` which rows of it they are, from 1; for messages.
    """

    name: str
    runs: pl.DataFrame
    target: str = "loss"
    file: Path | None = None
    rows: Sequence[int] = ()


def finished_runs(name: str, table: Given, metric: str | None, target: str = "loss") -> Study:
    """The finished runs of a table, whose law is asked; says what is left out.

    Args:
        name: of the table, in messages.
        metric: of a table that has several; None for the only one.

    Raises:
        InputError: several metrics, no column of the target, or values that are not finite.
    """
    if metric is not None and "metric" not in table.frame.columns:
        table.say(f"{name} has no column metric: its {target} is read.")
        metric = None
    if metric is None and "metric" in table.frame.columns and target not in table.frame.columns:
        known = table.frame["metric"].drop_nulls().unique().sort().cast(pl.String).to_list()
        if len(known) != 1:
            raise InputError(
                f"{len(known)} metrics, and none is named", file=table.file, column="metric",
                allowed=f"one of {shorten(', '.join(known), 300)}",
            )  # fmt: skip
        metric = known[0]
    given = table.of_metric(metric, target)
    given.require(target)
    given = given.without_diverged(target, leave_out=False)
    given.say(given.repeated())
    return Study(name, given.frame, target, given.file, given.rows)


def study_end(
    study: Study, planned: pl.DataFrame, metric: str, run: str | None = None
) -> tuple[Opinion, list[str]]:
    """The end of a run by its study, and what a reader must know.

    Args:
        study: finished runs of the same recipe.
        planned: a row for each place at which the run is forecast, with its params and the tokens
            there, as far as the study needs them.
        metric: what the run's log calls its loss.
        run: the run's name: rows of it in the study are left out, and the notes say so.

    Raises:
        InputError: the study measures another kind of quantity, an input is missing, or its runs
            give no forecast of a number above 0.
    """
    from scaling.forecasting.engine import forecast

    _refuse_another_kind(study, metric)
    others, notes = _others(study, run)
    runs, target = others.runs, study.target
    with placed(study.file, others.rows):
        inputs = _inputs(runs, planned, study.name)
        check_runs(runs, inputs, target)
    check_planned(runs, planned.select(inputs), inputs, target)
    with placed(study.file, others.rows):
        made = forecast(
            runs, planned.select(inputs), inputs=inputs, target=target, quantiles=LEVELS
        )
    opinion = Opinion(f"The study {study.name}", _through(made, study))
    return opinion, [*notes, _same(others, metric), *made.notes]


def _others(study: Study, run: str | None) -> tuple[Study, list[str]]:
    """The study without the run under way, whose result is not known yet."""
    if run is None or "run" not in study.runs.columns:
        return study, []
    own = (study.runs["run"].cast(pl.String) == run).fill_null(value=False)
    if not own.any():
        return study, []
    said = f"of {study.name} left out, as rows of the run {run} itself: {int(own.sum())}"
    rows = pl.Series(study.rows).filter(~own).to_list() if study.rows else ()
    return replace(study, runs=study.runs.filter(~own), rows=rows), [said]


def _inputs(runs: pl.DataFrame, planned: pl.DataFrame, name: str) -> list[str]:
    """The inputs that differ between the study's runs."""
    known = [one for one in INPUTS if one in runs.columns]
    inputs = [one for one in known if len(np.unique(number(runs, one))) > 1]
    if not inputs:
        raise InputError(
            "no input that differs between the study's runs",
            value=", ".join(known) or "neither params nor tokens",
            allowed="runs of several params or tokens",
        ).of(name)
    for one in inputs:
        if one not in planned.columns:
            how = "--params N" if one == "params" else "--tokens N: the tokens at its end"
            raise InputError(f"the study needs the {one} of the run", allowed=how)
    return inputs


def _through(made: Forecast, study: Study) -> Predictive:
    """Student's t through the quantiles of a forecast."""
    from scipy.special import stdtrit

    low, middle, high = (
        made.filter(pl.col("quantile") == level)["value"].to_numpy() for level in LEVELS
    )
    if not low.min() > 0:
        raise InputError(
            "the study's forecast is not above 0", column=study.target, value=float(low.min()),
            allowed="a loss, whose logarithm is forecast",
        ).of(study.name)  # fmt: skip
    scale = np.log(high / low) / (2.0 * float(stdtrit(DEGREES, LEVELS[-1])))
    return Predictive(np.log(middle), np.maximum(scale, 1e-6), DEGREES)


def kind_of(words: str) -> str:
    """What a loss with these words in its name, or in its unit, counts."""
    text = words.lower()
    return next((kind for kind, pattern in _KINDS.items() if pattern.search(text)), "loss in nats")


def _called(study: Study) -> tuple[str, str]:
    """What the study calls its quantity: the metric or the column, and the unit."""
    stated = study.runs["metric"].drop_nulls() if "metric" in study.runs.columns else pl.Series([])
    name = str(stated[0]) if stated.n_unique() == 1 else study.target
    return name, unit_of_target(study.runs, study.target)


def _refuse_another_kind(study: Study, metric: str) -> None:
    name, unit = _called(study)
    ours, theirs = kind_of(metric), kind_of(unit or name)
    if ours != theirs:
        called = f"{name}, {unit}" if unit else name
        raise InputError(
            "the run and the study do not measure the same quantity",
            value=f"{metric} ({ours}) of the run, {called} ({theirs}) of {study.name}",
            allowed="the same loss in the same unit: --metric names that of the log",
        )


def _same(study: Study, metric: str) -> str:
    """What is assumed of the two losses."""
    name, unit = _called(study)
    stated = f" ({unit})" if unit else ""
    runs = counted(study.runs.height, "run")
    return (
        f"{metric} of the run is taken to be {name}{stated} of the {runs} of {study.name}, on the "
        "same data set; a constant offset is not corrected"
    )
