"""`scaling.compare`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scaling.api._table import ask
from scaling.fitting.diagnostics.comparison import Comparison, comparison
from scaling.frames import Table
from scaling.laws._law import Law


def compare(
    runs: Table,
    laws: Sequence[str | Law] | None = None,
    *,
    target: str = "loss",
    metric: str | None = None,
    by: str | None = None,
) -> Comparison:
    """Compare laws on a table, as ``scaling compare`` does.

    Args:
        runs: one row a run; a table of any kind, or a file.
        laws: laws or their names; None for the usual ones that the columns allow.
        target: column to explain.
        metric: keep only the rows of this metric, whose numbers are in the column ``value``.
        by: also predict the runs of each value of this column from the others.

    Raises:
        InputError: no law takes these columns, or a law cannot be fitted to them.
    """
    asked = ask(runs)
    given = asked.runs.of_metric(metric, target)
    with given.placed():
        made = comparison(given.frame, laws, target, by)
    return replace(made, notes=(*asked.notes, *made.notes), kind=asked.kind)
