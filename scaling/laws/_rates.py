"""The learning rate of each run of a table, for the laws that read a schedule.

Rows of one run share a value in the column ``run``; without one the table is one run. A run's rate
is described in the column ``lr_schedule`` (`scaling.runs.schedules.plan`), or logged in ``lr``
against ``step``; between two rows it is a straight line.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.runs.logged_rates import logged
from scaling.runs.schedules import Schedule, plan

COLUMNS = "lr_schedule (cosine:peak=3e-4,floor=10%,warmup=2000,end=24000), or lr in every row"


def steps(runs: pl.DataFrame) -> Array:
    """The column ``step`` (rows,).

    Raises:
        InputError: it is missing, or a cell is no number above 0.
    """
    value = _numbers(runs, "step")
    bad = np.flatnonzero(~(np.isfinite(value) & (value > 0)))
    if len(bad):
        row = int(bad[0])
        raise InputError(
            "no step", row=row + 1, column="step", value=runs["step"][row], allowed="> 0"
        )
    return value


def has(runs: pl.DataFrame, name: str) -> bool:
    """Whether the table has such a column, with a value in it."""
    return name in runs.columns and runs[name].null_count() < runs.height


def given(runs: pl.DataFrame, name: str) -> Array:
    """A column (rows,) of finite numbers.

    Raises:
        InputError: a cell that is none.
    """
    value = _numbers(runs, name)
    bad = np.flatnonzero(~np.isfinite(value))
    if len(bad):
        row = int(bad[0])
        raise InputError(
            "no number", row=row + 1, column=name, value=runs[name][row], allowed="a finite number"
        )
    return value


def of_runs(runs: pl.DataFrame) -> Iterator[tuple[str, NDArray[np.intp], Schedule]]:
    """Each run's name, its rows (n,), and its schedule.

    Raises:
        InputError: neither column is there, a description that is none, several in one run, or a
            run whose rate is logged in fewer than two rows.
    """
    step = steps(runs)
    names = runs["run"].cast(pl.String).to_numpy() if "run" in runs.columns else None
    labels = np.full(runs.height, "") if names is None else names.astype(str)
    for name in dict.fromkeys(labels.tolist()):
        rows = np.flatnonzero(labels == name)
        yield name, rows, _schedule(runs, step, rows)


def _schedule(runs: pl.DataFrame, step: Array, rows: NDArray[np.intp]) -> Schedule:
    row = int(rows[0]) + 1
    if has(runs, "lr_schedule"):
        texts = runs["lr_schedule"][rows.tolist()].unique().to_list()
        if len(texts) > 1 or texts[0] is None:
            allowed = "one schedule a run, in every row"
            raise InputError("no schedule", row=row, column="lr_schedule", value=texts,
                             allowed=allowed)  # fmt: skip
        return plan(str(texts[0]), float(step[rows].max()))
    if "lr" not in runs.columns:
        raise InputError("missing column", column="lr", allowed=COLUMNS)
    rate = _numbers(runs, "lr")[rows]
    found = logged(step[rows], rate, "lr")
    if found is None:
        problem = "the rate is not logged along the run"
        raise InputError(problem, row=row, column="lr", value=float(rate[0]), allowed=COLUMNS)
    return found


def _numbers(runs: pl.DataFrame, name: str) -> Array:
    if name not in runs.columns:
        raise InputError("missing column", column=name, allowed=", ".join(runs.columns[:30]))
    return runs[name].cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy().copy()
