"""The learning-rate schedule of a run under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from scaling.forecasting import schedule_input
from scaling.runs.schedules import Schedule
from scaling.watching.series import Series

if TYPE_CHECKING:
    from scaling.watching.across import Across

# Of a constant rate, as loggers print it.
SAME = 2e-3
# Values of a logged rate that a schedule is made of, evenly along the log.
KNOTS = 1000


def schedule_of(
    series: Series,
    text: str | None,
    across: Across | None = None,
    smooth: float | None = None,
) -> tuple[Schedule | None, list[str]]:
    """The schedule of the run and what is assumed of it; None where none is known.

    The logged learning rate as far as it goes, then the planned one (``text``), else that of
    finished runs that went the same way so far.

    Raises:
        InputError: a text that describes no schedule.
    """
    found = None if text or across is None else across.schedule(series, smooth)
    if found is not None:
        return found, [f"learning rate: {found.source}"]
    # Every value of a long log would be a knot of the schedule.
    kept = np.unique(np.linspace(0, len(series.at) - 1, KNOTS).astype(int))
    name = series.unit[:-1]
    rows = pl.DataFrame({name: series.at[kept], "lr": series.lr[kept]}, nan_to_null=True)
    end = pl.DataFrame({name: [series.planned]})
    found, said = schedule_input.schedule_of(rows, end, (name,), text)
    sentences = [one.removesuffix(".") for one in said]
    return found, sentences if said else _warning(series)


def _warning(series: Series) -> list[str]:
    """What a log says of a learning rate whose further course is not known."""
    rate = series.lr[np.isfinite(series.lr)]
    if not len(rate):
        return [
            "no learning rate is logged: the forecast takes the curve to go on as it has; a run "
            "whose learning rate falls at the end ends lower"
        ]
    if rate[-1] < (1.0 - SAME) * rate.max():
        return [
            f"the learning rate has fallen from {rate.max():.3g} to {rate[-1]:.3g}; how it goes on "
            "is not known"
        ]
    return []
