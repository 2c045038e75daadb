"""`scaling.exponents`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scaling import laws
from scaling.analysis.optimum import exponents as run
from scaling.api._table import ask
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

    Returns:
        One row an approach: a of N* ~ C^a with its interval, and N* (params), D* (tokens) and D*/N*
        with theirs at the budget. An approach that the table does not allow has empty figures and
        the reason in ``note``. The first row is the model of these runs, which forecasts read.

    Raises:
        InputError: rows of several conventions, no compute, or a target that rises with size.
    """
    asked = ask(runs)
    given = asked.runs.of_metric(metric, target)
    given = given.with_budgets(budget_column, laws.load().values())
    made = of_given(given, budget, target, resamples, seed, level, mixed)
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
) -> Exponents:
    """The exponents of chosen rows, the model of them first."""
    with given.placed():
        model = model_of_runs(given.frame, target).fit()
        if model is not None:
            refuse_rising(model)
        table = run(
            given.frame, budget=budget, target=target, resamples=resamples, seed=seed, level=level,
            mixed=mixed, model=model,
        )  # fmt: skip
    return Exponents(table)
