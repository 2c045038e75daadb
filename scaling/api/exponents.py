"""`scaling.exponents`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from scaling import laws
from scaling.analysis.by_group import Group, exponents_by_group
from scaling.analysis.optimum import exponents as run
from scaling.api._table import ask
from scaling.errors import counted
from scaling.fitting.result import Fit
from scaling.forecasting.display import Exponents
from scaling.forecasting.model_surface import refuse_rising
from scaling.forecasting.stored_model import model_of_runs
from scaling.frames import Table, back
from scaling.given import Given


def exponents(
    runs: Table,
    *,
    budget: float | None = None,
    target: str = "loss",
    metric: str | None = None,
    resamples: int = 300,
    seed: int = 0,
    level: float = 0.9,
    mixed: Sequence[str] = (),
    budget_column: str | None = None,
    by: str | None = None,
) -> Exponents | Any:
    """Compute-optimal exponents by every approach that a table allows, as ``scaling exponents``.

    Args:
        runs: one row a run, with params, tokens and the target; a table of any kind, or a file.
        budget: FLOP at which N* and D* are given; None for the largest compute in the table.
        metric: keep only the rows of this metric, whose numbers are in the column ``value``.
        resamples, seed: of each fit.
        level: probability of the intervals.
        mixed: columns that may hold several conventions, as of `scaling.fit`.
        budget_column: column that names the compute budget of each row, for isoFLOP laws.
        by: column whose values are groups, such as architecture: exponents of each side by side, at
            the largest compute that all of them reach, the group with most runs first.

    Returns:
        One row an approach: a of N* ~ C^a with its interval, and N* (params), D* (tokens) and D*/N*
        with theirs at the budget. An approach that the table does not allow has empty figures and
        the reason in ``note``. The first row is the model of these runs, which forecasts read.
        With ``by`` a row a group and approach, with the difference in a to the first group and
        ``p_equal``, see `scaling.analysis.by_group`.

    Raises:
        InputError: rows of several conventions, no compute, or a target that rises with size.
    """
    asked = ask(runs)
    given = asked.runs.of_metric(metric, target)
    given = given.with_budgets(budget_column, laws.load().values())
    made = of_given(given, budget, target, resamples, seed, level, mixed, by)
    made.notes = (*asked.notes, *made.notes)
    made.kind = asked.kind
    return back(made, asked.kind)


def of_given(
    given: Given,
    budget: float | None,
    target: str,
    resamples: int,
    seed: int = 0,
    level: float = 0.9,
    mixed: Sequence[str] = (),
    by: str | None = None,
) -> Exponents:
    """The exponents of chosen rows, the model of them first; of each group with ``by``."""
    how: dict[str, Any] = {"budget": budget, "target": target, "resamples": resamples}
    how |= {"seed": seed, "level": level, "mixed": mixed}
    if by is not None:
        return _of_groups(given, by, how)
    with given.placed():
        return Exponents(run(given.frame, model=_model(given.frame, target), **how))


def _model(runs: pl.DataFrame, target: str) -> Fit | None:
    """The model of the runs as a fit.

    Raises:
        InputError: its target rises with size.
    """
    model = model_of_runs(runs, target).fit()
    if model is not None:
        refuse_rising(model)
    return model


def _of_groups(given: Given, by: str, how: Mapping[str, Any]) -> Exponents:
    """The exponents of each value of a column, the group with most runs first."""
    given.require(by)
    values = given.frame[by].cast(pl.String)
    counts = values.drop_nulls().value_counts(sort=True).sort("count", by, descending=[True, False])
    groups = {}
    for name in counts[by].to_list():
        part = given.kept(values == name)
        with part.placed():
            groups[name] = Group(part.frame, _model(part.frame, how["target"]))
    with given.placed():
        made = Exponents(exponents_by_group(groups, **how))
    first = next(iter(groups))
    made.notes = (
        f"difference: a less that of {first}, which has most runs. p (p_equal): how probable "
        "exponents this far apart are if all groups share one (Cochran's Q). Groups differ in "
        f"whatever else goes with {by}, such as data and recipe. Published exponents by "
        "architecture: scaling laws --exponents.",
        *_without(values, by),
    )
    return made


def _without(values: pl.Series, by: str) -> tuple[str, ...]:
    """A sentence about rows without a group."""
    empty = values.null_count()
    return (f"{counted(empty, 'row')} without {by} left out.",) if empty else ()
