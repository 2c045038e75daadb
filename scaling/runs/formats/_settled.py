"""Which of a tracker's values count, when a run was restarted or logged a step again.

A metric that goes back to an earlier step was restarted there: what was written before it, at that
step or past it, belongs to a branch that was abandoned. The metrics that share its clock go back
with it, if they do not simply go on: an evaluation that is logged late, or a metric that counts
something else, is no restart. Nothing is dropped here; ``left_out`` says why a value does not
count.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

RESTART = "written before a restart from its step or an earlier one"
AGAIN = "logged again at the same step"
NO_NUMBER = "no number where the same step has one"
_OWN = (RESTART, AGAIN, NO_NUMBER)
_SERIES = ("run", "metric")


def settled(frame: pl.DataFrame, *, ordered: bool = True) -> pl.DataFrame:
    """The raw frame with ``left_out`` filled where another value counts.

    Of the same run, metric and step a number counts before NaN and text, and then the last one.
    Where rows are not ``ordered`` in time, the last is not known, and numbers all count.
    """
    frame = frame.with_columns(
        left_out=pl.when(~pl.col("left_out").is_in(_OWN)).then("left_out")
    ).with_row_index("_at")
    given = pl.col("left_out").is_null() & pl.col("step").is_not_null()
    rows = frame.filter(given).select("_at", "step", *_SERIES, "value", why=pl.lit(None, pl.String))
    rows = _left(rows, _less(pl.col("value").is_not_null()), NO_NUMBER)
    if ordered:
        rows = _left(rows, _abandoned, RESTART)
    # A loss that diverged after a restart is NaN, and no number of the old branch beats it.
    rows = _left(rows, _less(pl.col("value").is_not_nan()), NO_NUMBER)
    if ordered:
        rows = _left(
            rows,
            lambda left: ~left.select(pl.struct(*_SERIES, "step").is_last_distinct()).to_series(),
            AGAIN,
        )
    found = rows.filter(pl.col("why").is_not_null()).select("_at", "why")
    joined = frame.join(found, on="_at", how="left", maintain_order="left")
    return joined.with_columns(left_out=pl.coalesce("left_out", "why")).drop("_at", "why")


def _left(rows: pl.DataFrame, which: Callable[[pl.DataFrame], pl.Series], why: str) -> pl.DataFrame:
    """The rows with this reason for those that are left out of what counts so far."""
    left = rows.filter(pl.col("why").is_null())
    out = left.filter(which(left)).select("_at", found=pl.lit(why))
    joined = rows.join(out, on="_at", how="left", maintain_order="left")
    return joined.with_columns(why=pl.coalesce("why", "found")).drop("found")


def _less(has: pl.Expr) -> Callable[[pl.DataFrame], pl.Series]:
    """Which rows lack what another row of the same run, metric and step has."""
    less = has.any().over(*_SERIES, "step") & ~has
    return lambda left: left.select(less.alias("less").fill_null(value=False))["less"]


def _abandoned(rows: pl.DataFrame) -> pl.Series:
    """Whether each row, in the order in which they were written, is of an abandoned branch."""
    dead = np.zeros(rows.height, dtype=bool)
    series = rows.with_row_index("_i").with_columns(
        pl.col("step", "_i").shift(1).over(_SERIES).name.prefix("_before_"),
        # How far its clock had gone; a metric that is logged less often may lag by what it skips.
        _reach=pl.col("step").cum_max().shift(1).over(_SERIES)
        + pl.col("step").diff().max().fill_null(0.0).over(_SERIES),
    )
    back = series.filter(pl.col("step") < pl.col("_before_step"))
    if back.is_empty():
        return pl.Series(dead)
    restarts = {run: part for (run,), part in back.group_by("run", maintain_order=True)}
    touched = series.filter(pl.col("run").is_in(list(restarts)))
    for (run, metric), part in touched.group_by(*_SERIES, maintain_order=True):
        events = restarts[run]
        holds = _holds(part, events, events.filter(pl.col("metric") == metric)["_i"].to_numpy())
        limit = np.full(part.height, np.inf)
        before = np.searchsorted(part["_i"].to_numpy(), events["_i"].to_numpy())
        np.minimum.at(limit, before[holds] - 1, events["step"].to_numpy()[holds])
        lowest = np.minimum.accumulate(limit[::-1])[::-1]
        dead[part["_i"].to_numpy()[part["step"].to_numpy() >= lowest]] = True
    return pl.Series(dead)


def _holds(part: pl.DataFrame, events: pl.DataFrame, own: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which restarts of a run hold for one of its metrics.

    Those that stand after a row of it, whose clock had come as far as it had, and after which it
    does not simply go on. Not those of another metric that only shows what the metric itself has
    shown (``own``, where it went back) since that metric was logged last.
    """
    at, step = part["_i"].to_numpy(), part["step"].to_numpy()
    back = events["_i"].to_numpy()
    before = np.searchsorted(at, back)
    furthest = np.maximum.accumulate(step)[before - 1]
    goes_on = np.append(step, -np.inf)[before] > step[before - 1]
    shown = np.searchsorted(own, back) > np.searchsorted(own, events["_before__i"].to_numpy())
    as_far: NDArray[np.bool_] = furthest <= events["_reach"].to_numpy()
    return (before > 0) & as_far & ~goes_on & ~shown
