"""`scaling.forecast`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from scaling.api._table import ask, ask_beside, study_table
from scaling.errors import InputError
from scaling.forecasting.display import Forecast
from scaling.forecasting.engine import LEVELS
from scaling.forecasting.engine import forecast as run
from scaling.forecasting.informed import Informed, along, informed
from scaling.forecasting.inputs import (
    check_companions,
    check_planned,
    check_runs,
    chosen_inputs,
    with_target,
)
from scaling.forecasting.law_choice import applicable, sole_law
from scaling.forecasting.partial import (
    WEIGHT,
    finished,
    model_scatter,
    offer,
    refuse_with_partial,
    with_partial,
)
from scaling.frames import Table, back
from scaling.given import Given
from scaling.runs.schedules import Schedule

Laws = Literal["auto"] | Sequence[str]


def forecast(
    runs: Table,
    at: Table = None,
    *,
    params: float | str | None = None,
    tokens: float | str | None = None,
    flops: float | str | None = None,
    inputs: Sequence[str] | None = None,
    target: str = "loss",
    metric: str | None = None,
    quantiles: Sequence[float] = LEVELS,
    laws: Laws = "auto",
    companions: Sequence[str] = (),
    mixed: Sequence[str] = (),
    schedule: Schedule | str | None = None,
    seed: int = 0,
    without_diverged: bool = False,
    partial: Table = None,
    study: Table = None,
) -> Forecast | Any:
    """Forecast ``target`` at the rows of ``at``, as ``scaling forecast`` does.

    Args:
        runs: one row a run, with the input columns and the target: a polars, pandas or pyarrow
            table, a dict of columns, or the path of a file. Counts may be written as 7B. Rows
            without the target are left out, and the notes say how many.
        at: one row a planned run, with the input columns; a table of any kind, such as
            ``{"params": "70B", "tokens": "1.4T"}``.
        params, tokens, flops: one planned run instead of ``at``, numbers or texts such as "70B".
        inputs: columns of any names, numbers or text whose values are groups, also with units,
            ``("params:M", "tokens:B")``; None for params and tokens, with tokens_unique where runs
            or targets repeat their data, or, without these, for all columns of both tables that can
            be inputs.
        target: column to forecast.
        metric: keep only the rows of this metric, whose numbers are in the column ``value``.
        quantiles: levels between 0 and 1.
        laws: law names, or "auto" for the default of so many inputs. A law that reads other
            inputs, brings its own procedure or predicts something else than the target is named
            alone; its forecast is that of its resamples.
        companions: columns (metrics, with ``metric``) with what else was measured on the same run,
            for one input: where they reach further than the target they tell how the run went on.
        mixed: columns that may hold several conventions, as of `scaling.fit`.
        schedule: the learning rate along one run, for one input: a text such as
            "cosine:floor=10%,end=24000" or "wsd:decay=20%", lengths in the unit of the input; None
            for the one that a column such as lr logs, if there is one; "none" to read none.
        seed: of those resamples; the forecast of several laws draws no random numbers.
        without_diverged: as of `scaling.fit`.
        partial: curves of runs under way, which enter with their forecast end, as by ``--partial``
            of the command line (`scaling.forecasting.partial`), for two inputs; ``schedule`` is
            then that of these runs.
        study: finished runs of the recipe, whose law also forecasts the run whose curve ``runs``
            has; ``at`` has its params and tokens.

    Returns:
        One row per row of ``at`` and level: the columns of ``at``, then ``quantile``, ``value``; a
        table of the kind of ``at``, or of ``runs`` where ``at`` is a dict or a file.

    A target that rises with the inputs and stays within [0, 1], such as an accuracy, is forecast
    through its distance from 1.

    Raises:
        InputError: a column is missing, or no forecast can be made of these runs.
    """
    asked = ask(runs, _planned(at, params=params, tokens=tokens, flops=flops), inputs)
    assert asked.at is not None
    whole = asked.runs.of_metric(metric, target, sparse=True)
    if partial is None:
        whole.say(None if companions else offer(whole, target, "partial=CURVES"))
    given = whole if companions else finished(whole, target, under_way=partial is not None)
    # Beside companions a row may lack the target: NaN, as arrays say it.
    if without_diverged or not companions:
        given = given.without_diverged(target, without_diverged)
    given.say(given.repeated())
    if metric is not None and companions:
        given = given.beside(companions, asked.runs)
    names = asked.inputs or ([along(given.frame, asked.at.frame)] if study is not None else None)
    notes: list[str] = []
    with given.placed():
        if names is None:
            grow = laws == "auto" and not companions
            names, notes = chosen_inputs(given.frame, asked.at.frame, target, grow=grow)
    refuse(given, asked.at, tuple(names), target, laws, mixed, companions)
    used = {"laws": laws != "auto", "companions": companions, "without_diverged": without_diverged}
    beside_it = [name for name, value in used.items() if value]
    what = (names, target, metric, schedule)
    informed_by = _other_runs(
        given, study, what, [*beside_it, *["partial"] * (partial is not None)]
    )
    if partial is not None:
        given, schedule = (
            _with_partial(whole, ask_beside(partial, whole.say, inputs), what, beside_it),
            None,
        )
    with given.placed():
        made = run(
            given.frame, asked.at.frame, inputs=names, target=target, quantiles=quantiles,
            laws=laws, companions=companions, mixed=mixed, schedule=schedule, seed=seed,
            weights=None if partial is None else WEIGHT, informed=informed_by,
        )  # fmt: skip
    made.notes = (*asked.notes, *notes, *made.notes)
    made.kind = asked.kind
    return back(made, asked.kind)


def _planned(at: Table, **sizes: float | str | None) -> Table:
    named = {name: [value] for name, value in sizes.items() if value is not None}
    if (at is None) != bool(named):
        found = " and ".join(["at", *named]) if named else None
        allowed = "params and tokens (or flops) of one run, or a table of runs"
        raise InputError("which planned runs?", value=found, allowed=allowed)
    return named if at is None else at


What = tuple[Sequence[str], str, str | None, Schedule | str | None]


def _other_runs(given: Given, study: Table, what: What, others: Sequence[str]) -> Informed | None:
    """What informs a curve, where nothing among ``others`` is named; ``what`` is (inputs, target,
    metric, schedule)."""
    names, target, metric, schedule = what
    if others:
        if study is not None:
            raise InputError("cannot be combined", value=", ".join(["study", *others]))
        return None
    known = None if study is None else study_table(study, given.say, metric, target)
    return informed(given.frame, tuple(names), target, metric, known, schedule)


def _with_partial(whole: Given, curves: Given, what: What, others: Sequence[str]) -> Given:
    """The runs with those under way."""
    names, target, metric, schedule = what
    refuse_with_partial(others)
    scatter = model_scatter(tuple(names), target)
    return with_partial(whole, curves.of_metric(metric, target), target, scatter, WEIGHT, schedule)


def refuse(
    given: Given,
    planned: Given,
    names: tuple[str, ...],
    target: str,
    laws: Laws,
    mixed: Sequence[str],
    companions: Sequence[str],
) -> None:
    """Refuse what the forecast does, with the file that is at fault."""
    from scaling.fitting.data import law_inputs

    check_companions(companions, names, laws)
    special = sole_law(names, laws)
    if special is not None:
        with planned.placed():
            if special.bind is None:
                law_inputs(planned.frame, special, to_fit=False)
        return
    if laws != "auto":
        applicable(names, laws)
    with given.placed():
        check_runs(given.frame, names, target, mixed, companions)
    measured = with_target(given.frame, target) if companions else given.frame
    with planned.placed():
        check_planned(measured, planned.frame, names, target)
