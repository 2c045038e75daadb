"""The inputs of a forecast: which columns, checked, and how far targets lie beyond the runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl

from scaling import laws as registry
from scaling.arrays import Array
from scaling.errors import InputError, placed
from scaling.fitting.conventions import ALLOW, refuse_mixed_columns
from scaling.fitting.data import number, positive, refuse_rows
from scaling.forecasting.law_choice import by_default, joins
from scaling.forecasting.omitted import LABELS, SOURCES, with_those_that_matter
from scaling.forecasting.schedule_input import rate_along
from scaling.forecasting.table_inputs import check_table, is_text, read_table, usable_inputs
from scaling.runs.schema import RUN

# Epochs from which repetition shows: up to about 4 it costs little (Muennighoff et al. 2023,
# arXiv:2305.16264, section 6), so half of that is safely not fresh data.
REPEATED = 2.0
# Planned sizes below these are in another unit, since no run is so small: as in `scaling plan`.
SMALLEST = {"params": 1e3, "tokens": 1e3, "flops": 1e3}
HINT = f"{ALLOW} Or read it: --input {{name}}."
# Columns of the run schema that hold sizes.
POSITIVE = frozenset(one.name for one in RUN if one.low == 0.0 and one.open_low)


def usual_inputs(runs: pl.DataFrame, at: pl.DataFrame) -> tuple[str, ...]:
    """params and tokens; with tokens_unique where both tables have it and data are repeated more
    than `REPEATED` times, which a law in params and tokens cannot tell from fresh data."""
    names = ("params", "tokens", "tokens_unique")
    if all(name in table.columns for table in (runs, at) for name in names):
        epochs = [
            positive(table, "tokens") / positive(table, "tokens_unique") for table in (runs, at)
        ]
        if max(one.max(initial=0.0) for one in epochs) > REPEATED:
            return names
    return names[:2]


def default_inputs(
    runs: pl.DataFrame, at: pl.DataFrame, target: str
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The inputs where none are named, and why other columns of the runs are not read.

    params and tokens where both tables have them (`usual_inputs`), else every column that both
    have and that can be an input.
    """
    if all({"params", "tokens"} <= set(table.columns) for table in (runs, at)):
        return usual_inputs(runs, at), {}
    used, left = usable_inputs(runs, at, target)
    for name in used:
        if LABELS.search(name.lower()) or SOURCES.search(name.lower()):
            left[name] = "tells runs apart, or is a result: name it to read it"
    rate = rate_along(runs, used)
    if rate is not None:
        left[rate] = "the learning rate along the run"
    used = tuple(name for name in used if name not in left)
    if not any(not is_text(runs, name) for name in used):
        raise InputError(
            "no column of both tables is a number that can be an input",
            value=", ".join(f"{name} ({why})" for name, why in left.items()) or "no column",
            allowed="params and tokens, or columns named with --input",
        )
    return used, left


def chosen_inputs(
    runs: pl.DataFrame, at: pl.DataFrame, target: str, *, grow: bool = True
) -> tuple[tuple[str, ...], list[str]]:
    """The inputs where none are named, and what a reader must know of the choice.

    To params and tokens come, unless they are not to ``grow``, the columns of both tables that
    matter beside them (`scaling.forecasting.omitted`).
    """
    used, left = default_inputs(runs, at, target)
    if left:
        why = ", ".join(f"{name} ({reason})" for name, reason in left.items())
        return used, [f"Inputs: {', '.join(used)}. Left out: {why}."]
    known = set(used) <= set(runs.columns) and set(used) <= set(at.columns)
    return with_those_that_matter(runs, at, used, target) if grow and known else (used, [])


def check_runs(
    runs: pl.DataFrame,
    inputs: Sequence[str],
    target: str,
    mixed: Sequence[str] = (),
    companions: Sequence[str] = (),
) -> None:
    """Refuse runs that nothing can be forecast from, and rows of several conventions.

    ``mixed`` names columns that may hold several conventions all the same; with ``companions`` rows
    may lack the target, and only the others are looked at.

    Raises:
        InputError: as `check_table` and `refuse_mixed_columns`.
    """
    measured, rows = _having(runs, target) if companions else (runs, ())
    with placed(rows=rows):
        for name in POSITIVE & set(inputs) & set(runs.columns):
            positive(measured, name)
        check_table(measured, inputs, target)
        refuse_mixed_columns(measured, {*inputs, target}, mixed, HINT)


def is_general(runs: pl.DataFrame, inputs: Sequence[str], target: str) -> bool:
    """Whether only the model of any table (`scaling.forecasting.table_model`) takes these columns.

    That is three inputs or more that no law reads, text, inputs that are not positive, and a target
    below zero (a single 0 among losses is a run that failed, and is refused). Sizes of the run
    schema, such as params, are always positive: another value there is an error, not a table of
    another kind.
    """
    if any(name not in runs.columns for name in (*inputs, target)):
        return False
    for name in POSITIVE & set(inputs):
        positive(runs, name)
    if len(inputs) > 2 and not any(
        joins(registry.get(name), inputs) for name in by_default(inputs)
    ):
        return True
    if any(is_text(runs, name) for name in inputs):
        return True
    columns = [number(runs, name) for name in inputs]
    y = number(runs, target)
    if not all(np.isfinite(one).all() for one in (*columns, y)):
        return False
    if min(one.min(initial=1.0) for one in columns) <= 0:
        return True
    return bool(y.min(initial=1.0) < 0)


def with_target(runs: pl.DataFrame, target: str) -> pl.DataFrame:
    """The rows that have the target: the others are of its companions alone."""
    return _having(runs, target)[0]


def check_companions(
    companions: Sequence[str], inputs: Sequence[str], laws: Literal["auto"] | Sequence[str]
) -> None:
    """Refuse companions where nothing would read them."""
    if companions and laws != "auto":
        raise InputError(
            "a named law uses no companions",
            value=f"{', '.join(laws)} with {', '.join(companions)}",
            allowed="companions with no law named, or the law without companions",
        )
    if companions and len(inputs) != 1:
        raise InputError("companions are for one input", value=[*inputs], allowed="one input")


def check_schedule(
    schedule: object, companions: Sequence[str], laws: Literal["auto"] | Sequence[str]
) -> None:
    """Refuse a schedule where nothing would read it."""
    if schedule is not None and (laws != "auto" or companions):
        beside = f"with {', '.join(companions)}" if companions else f"of {', '.join(laws)}"
        raise InputError(
            "only the forecast of a curve alone reads a schedule",
            value=beside,
            allowed="a schedule without laws and companions",
        )


def _having(runs: pl.DataFrame, name: str) -> tuple[pl.DataFrame, Sequence[int]]:
    """The rows that have a number in this column, and which rows of the table, from 1, they are."""
    kept = pl.Series(np.isfinite(number(runs, name)))
    return runs.filter(kept), (kept.arg_true() + 1).to_list()


def _companion(runs: pl.DataFrame, name: str, column: str) -> tuple[Array, Array]:
    """x and y, both (n,) in order of the rows, of what else was measured on the run."""
    measured, rows = _having(runs, column)
    with placed(rows=rows):
        x = positive(measured, name)
        y, increasing = observed_scale(measured, column, np.log(x))
    return x, 1.0 - y if increasing else y


def observed_scale(runs: pl.DataFrame, target: str, size: Array) -> tuple[Array, bool]:
    """The target, and whether it is a share that rises with size (then 1 - y is forecast).

    A share of 0 or 1 has no log on one side: where that side is forecast, half the smallest
    distance that was seen stands for it.
    """
    y = number(runs, target)
    share = len(y) > 2 and np.isfinite(y).all() and y.min() >= 0.0 and y.max() <= 1.0
    if not (share and np.ptp(y) > 0 and np.ptp(size) > 0):
        return positive(runs, target), False
    increasing = bool(np.corrcoef(size, y)[0, 1] > 0)
    distance = 1.0 - y if increasing else y
    distance = np.where(distance > 0, distance, 0.5 * distance[distance > 0].min())
    return (1.0 - distance if increasing else distance), increasing


def check_targets(at: pl.DataFrame, inputs: Sequence[str]) -> dict[str, Array]:
    """Input columns of the targets; refuses an empty table and values no run can have."""
    if at.height == 0:
        raise InputError("the table is empty", value=0, allowed="at least one target")
    return {name: positive(at, name) for name in inputs}


def check_planned(runs: pl.DataFrame, at: pl.DataFrame, inputs: Sequence[str], target: str) -> None:
    """Refuse planned runs that the runs cannot speak of.

    Raises:
        InputError: no rows; a column is missing; a value no run can have, or so small that it is in
            another unit than the runs; a group without runs.
    """
    if is_general(runs, inputs, target):
        read_table(runs, inputs, target).inputs.points(at)
    else:
        check_targets(at, inputs)
    for name in SMALLEST.keys() & set(inputs):
        least = SMALLEST[name]
        if number(runs, name).min() >= least:
            allowed = f">= {least:g}, in full as in the runs (7e10, not 70 for billions)"
            refuse_rows(at, name, number(at, name) >= least, allowed)
