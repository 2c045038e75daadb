"""`scaling.discover`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scaling.api._table import ask
from scaling.forecasting.discovery import Discovery
from scaling.forecasting.discovery import discover as run
from scaling.frames import Table


def discover(
    runs: Table,
    at: Table = None,
    *,
    inputs: Sequence[str] | None = None,
    target: str = "loss",
    metric: str | None = None,
) -> Discovery:
    """Rank formulas for a table by their error on runs held out, as ``scaling discover`` does.

    Args:
        runs: one row a run, with the input columns and the target; a table of any kind, or a file.
        at: planned runs, towards which runs are held out; None for larger runs.
        inputs: columns, numbers or text whose values are groups; None for every column (of both
            tables) that can be an input.
        target: column to explain, of either sign.
        metric: keep only the rows of this metric, whose numbers are in the column ``value``.

    Returns:
        The ranking, each formula with its constants and their 90 % intervals. The same table gives
        the same answer: random numbers have fixed seeds.

    Raises:
        InputError: a column is missing or can be no input, too few runs, rows of two conventions.
    """
    asked = ask(runs, at, inputs)
    given = asked.runs.of_metric(metric, target)
    given.say(given.repeated())
    planned = None if asked.at is None else asked.at.frame
    with given.placed():
        made = run(given.frame, planned, inputs=asked.inputs, target=target)
    return replace(made, notes=(*asked.notes, *made.notes), kind=asked.kind)
