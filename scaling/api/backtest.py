"""`scaling.backtest`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scaling.api._table import ask
from scaling.forecasting import omitted
from scaling.forecasting.backtest import SHARES
from scaling.forecasting.backtest import backtest as run
from scaling.forecasting.display import Backtest
from scaling.frames import Table, back
from scaling.runs.schedules import Schedule


def backtest(
    runs: Table,
    inputs: Sequence[str] = ("params", "tokens"),
    target: str = "loss",
    *,
    metric: str | None = None,
    order: str | None = None,
    shares: Sequence[float] = SHARES,
    mixed: Sequence[str] = (),
    schedule: Schedule | str | None = None,
) -> Backtest | Any:
    """Forecast the larger runs of a table from the smaller ones, as ``scaling backtest`` does.

    Args:
        runs: one row a run, with the inputs and the target; a table of any kind, or a file.
        inputs: columns, also with units, ``("params:M", "tokens:B")``.
        metric: keep only the rows of this metric, whose numbers are in the column ``value``.
        order: column in which the window expands (numbers or dates); None for size.
        shares: of the distinct values of ``order`` that are known at each origin.
        mixed: columns that may hold several conventions, as of `scaling.fit`.
        schedule: as of `scaling.forecast`; every origin knows all of it, as a plan.

    Returns:
        One row a forecast: origin (0, 1, ...), known (rows), row (in ``runs``), decades (outside
        the known runs on either side, by the input that lies farthest), method, log_error
        (predicted over observed), crps, wis, log_score, pit, and in50 ... in95 (1 where the
        interval held). Scores that need a distribution are null for the naive methods.

    Raises:
        InputError: fewer than 5 runs below every origin; inputs that no law takes; runs that
            nothing can be forecast from, or of several conventions.
    """
    asked = ask(runs, inputs=inputs)
    given = asked.runs.of_metric(metric, target)
    with given.placed():
        made = run(
            given.frame, asked.inputs, target, order=order, shares=shares, mixed=mixed,
            schedule=schedule,
        )  # fmt: skip
    made.notes = (*asked.notes, *made.notes, *omitted.warning(given.frame, asked.inputs, target))
    made.kind = asked.kind
    return back(made, asked.kind)
