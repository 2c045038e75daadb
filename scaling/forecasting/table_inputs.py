"""A table of any inputs as arrays: logarithms, ranges, shares and groups, and distance from runs.

An input is read as a logarithm where all its runs are positive and span a factor of `WIDE`, else in
units of its range. Text columns together make groups. Rows are put in one order first, so that the
order in the file changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.errors import InputError, counted, nearest
from scaling.fitting.data import number, refuse_rows

WIDE = 3.0
MIN_RUNS = 5
MAX_LEVELS, RUNS_PER_LEVEL = 100, 3
_SUM = 2e-3
CONSTANT = "the column is constant"


@dataclass(frozen=True)
class Reach:
    """How far points lie outside the runs of their group; 0 within.

    Attributes:
        per_input: (T, d) beyond the largest run, or below the smallest where negative: decades of
            inputs in logs, ranges of the others.
        off_cloud: (T,) how far the ratio or product of two inputs lies beyond any run's, in the
            same units, over what each input alone explains.
        ranges: (T,) all together, in ranges of the runs.
    """

    per_input: Array
    off_cloud: Array
    ranges: Array


@dataclass(frozen=True)
class TableInputs:
    """Which columns are read, and how.

    Attributes:
        numeric, text: input columns.
        logs, shares: which numeric ones are logarithms, and which sum to one.
        values: how many different values each has in the runs (d,).
        centre, unit: coordinates are (x - centre) / unit, of log x where `logs`.
        levels: the groups, as tuples of the text columns' values.
        low, high: ends of the runs of each group (G, d), in coordinates.
        pairs: ends of u_j - u_k and of u_j + u_k, for each pair, of all runs, in ranges.
    """

    numeric: tuple[str, ...]
    text: tuple[str, ...]
    logs: NDArray[np.bool_]
    shares: NDArray[np.bool_]
    values: NDArray[np.int64]
    centre: Array
    unit: Array
    levels: tuple[tuple[str, ...], ...]
    low: Array
    high: Array
    pairs: Array

    @property
    def linear(self) -> tuple[str, ...]:
        """The numeric inputs that are not read as logarithms."""
        return tuple(n for n, log in zip(self.numeric, self.logs, strict=True) if not log)

    def points(self, at: pl.DataFrame) -> tuple[Array, NDArray[np.int64]]:
        """Coordinates (T, d) and groups (T,) of the rows of a table.

        Raises:
            InputError: no rows, a value no run can have, a group without runs.
        """
        if at.height == 0:
            raise InputError("the table is empty", value=0, allowed="at least one target")
        columns = []
        for name, log in zip(self.numeric, self.logs, strict=True):
            x = _finite(at, name)
            if log:
                refuse_rows(at, name, x > 0, "> 0, as in the runs")
            columns.append(np.log(x) if log else x)
        u = (np.column_stack(columns) - self.centre) / self.unit
        place = {level: g for g, level in enumerate(self.levels)}
        group = np.array([place.get(one, -1) for one in labels(at, self.text)], dtype=np.int64)
        if len(self.text):
            self._refuse_unknown(at, group)
        return u, group

    def _refuse_unknown(self, at: pl.DataFrame, group: NDArray[np.int64]) -> None:
        """Refuse rows whose group has no runs."""
        known = ", ".join(" ".join(one) for one in self.levels[:12])
        unknown = np.flatnonzero(group < 0)
        if len(unknown):
            row = int(unknown[0])
            raise InputError(
                "no run is of this group",
                row=row + 1,
                column=" + ".join(self.text),
                value=" ".join(labels(at, self.text)[row]),
                allowed=f"a group that has runs: {known}" + ", ..." * (len(self.levels) > 12),
            )

    def reach(self, u: Array, group: NDArray[np.int64]) -> Reach:
        """Distance of points from the runs of their group."""
        beyond = np.maximum(u - self.high[group], 0.0) + np.minimum(u - self.low[group], 0.0)
        span = np.maximum(self.high.max(axis=0) - self.low.min(axis=0), 1e-12)
        found = _sides(u / span)
        off = np.maximum(found - self.pairs[1], self.pairs[0] - found).max(axis=1, initial=0.0)
        alone = np.abs(beyond / span).max(axis=1)
        extra = np.maximum(off / np.sqrt(2.0) - alone, 0.0)
        ranges = np.sqrt(np.square(beyond / span).sum(axis=1) + extra**2)
        decade = np.where(self.logs, np.log(10.0), 1.0)
        return Reach(beyond / decade, extra * float(np.median(span / decade)), ranges)


@dataclass(frozen=True)
class Table:
    """Runs as arrays, in canonical order: coordinates (n, d), groups (n,), target (n,)."""

    inputs: TableInputs
    u: Array
    group: NDArray[np.int64]
    y: Array


def read_table(runs: pl.DataFrame, inputs: Sequence[str], target: str) -> Table:
    """The runs of a table.

    Raises:
        InputError: as `check_table`; too few runs.
    """
    numeric, text = check_table(runs, inputs, target)
    if not numeric:
        raise InputError("no input is a number", value=list(inputs), allowed="one or more")
    y = _finite(runs, target)
    x = np.column_stack([_finite(runs, name) for name in numeric])
    _enough(runs, numeric, max(MIN_RUNS, len(numeric) + 2))
    named = labels(runs, text)
    order = np.lexsort([y, *x.T[::-1], np.unique(named, axis=0, return_inverse=True)[1].ravel()])
    levels = tuple(sorted(set(named)))
    place = {level: g for g, level in enumerate(levels)}
    group = np.array([place[one] for one in named])[order]
    x, y = x[order], y[order]
    logs = (x.min(axis=0) > 0) & (x.max(axis=0) >= WIDE * np.maximum(x.min(axis=0), 1e-300))
    shares = _shares(x)
    logs = logs & ~shares
    value = np.where(logs, np.log(np.where(logs, x, 1.0)), x)
    values = np.array([len(np.unique(column)) for column in x.T])
    centre = value.mean(axis=0)
    unit = np.where(logs, 1.0, np.ptp(value, axis=0))
    u = (value - centre) / unit
    ends = [[f(u[group == g], axis=0) for g in range(len(levels))] for f in (np.min, np.max)]
    sides = _sides(u / np.ptp(u, axis=0))
    pairs = np.stack([f(sides, axis=0) for f in (np.min, np.max)])
    low, high = map(np.array, ends)
    known = TableInputs(
        tuple(numeric), tuple(text), logs, shares, values, centre, unit, levels, low, high, pairs
    )
    return Table(known, u, group, y)


def check_table(
    runs: pl.DataFrame, inputs: Sequence[str], target: str
) -> tuple[list[str], list[str]]:
    """Numeric and text inputs of a table that can be forecast from, whatever the method.

    Raises:
        InputError: too few rows; a column is missing, twice an input, constant, not finite
            somewhere, or text with too many values; the target is an input, or all its values are
            equal.
    """
    if runs.height == 0:
        raise InputError("the table is empty", value=0, allowed="at least one run")
    _check_names(runs, inputs, target)
    least = len(inputs) + 2
    if runs.height < least:
        _enough(runs, inputs, least)
    y = _finite(runs, target)
    if np.ptp(y) <= 1e-12 * np.abs(y).max():
        raise InputError(
            "all values of the target are equal",
            column=target,
            value=y[0],
            allowed="two values or more",
        )
    text = [name for name in inputs if is_text(runs, name)]
    numeric = [name for name in inputs if name not in text]
    for name in inputs:
        if name in numeric:
            _finite(runs, name)
        if problem := unusable(runs, name):
            raise InputError(
                problem,
                column=name,
                value=runs[name][0] if problem == CONSTANT else None,
                hint="Leave this column out: name the other inputs, each with --input.",
            )
    _enough(runs, inputs, least)
    return numeric, text


def _enough(runs: pl.DataFrame, inputs: Sequence[str], least: int) -> None:
    """Refuse fewer than ``least`` different runs."""
    distinct = runs.select(inputs).n_unique()
    if distinct < least:
        raise InputError(
            "too few runs for a forecast of these inputs",
            value=f"{counted(runs.height, 'run')}, {distinct} different by {', '.join(inputs)}",
            allowed=f"{least} or more distinct values of the inputs",
        )


def _check_names(runs: pl.DataFrame, inputs: Sequence[str], target: str) -> None:
    """Refuse columns that are not there, twice an input, or both input and target."""
    for name in (*inputs, target):
        if name not in runs.columns:
            raise InputError(
                "missing column",
                column=name,
                allowed=", ".join(runs.columns[:30]),
                hint=nearest(name, runs.columns),
            )
    if target in inputs:
        raise InputError("the target is no input", column=target)
    if len(set(inputs)) < len(inputs):
        raise InputError("an input is named twice", value=list(inputs), allowed="each once")


def is_text(runs: pl.DataFrame, name: str) -> bool:
    """Whether a column holds words: a few among numbers are cells to mend, not groups."""
    column = runs[name]
    if column.dtype in (pl.Categorical, pl.Enum, pl.Boolean):
        return True
    if column.dtype != pl.String:
        return False
    words = column.cast(pl.Float64, strict=False).null_count() - column.null_count()
    return 2 * words > column.len() - column.null_count()


def unusable(runs: pl.DataFrame, name: str) -> str:
    """Why a column cannot be an input; empty where it can."""
    column = runs[name]
    if column.dtype.is_nested() or column.dtype.is_temporal():
        return f"a column of {column.dtype} is no input"
    levels = column.n_unique()
    if levels < 2:
        return CONSTANT
    if is_text(runs, name) and (levels > MAX_LEVELS or runs.height < RUNS_PER_LEVEL * levels):
        return f"text of {levels} values in {runs.height} runs is too many for groups"
    return ""


def usable_inputs(
    runs: pl.DataFrame, at: pl.DataFrame, target: str
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Columns of both tables that can be inputs, and why each of the others is left out."""
    used: list[str] = []
    left: dict[str, str] = {}
    for name in runs.columns:
        if name == target:
            continue
        why = "" if name in at.columns else "not in the planned runs"
        why = why or unusable(runs, name)
        if not why and runs[name].null_count():
            why = "empty cells"
        if not why and not is_text(runs, name):
            same = next((one for one in used if _same(runs, one, name)), None)
            why = f"says the same as {same}" if same else ""
        if why:
            left[name] = why
        else:
            used.append(name)
    return tuple(used), left


def _same(runs: pl.DataFrame, one: str, other: str) -> bool:
    """Whether two columns of numbers put the runs in the same order, ties too."""
    if is_text(runs, one):
        return False
    first, second = (np.unique(number(runs, name), return_inverse=True)[1] for name in (one, other))
    return bool(np.array_equal(first, second) or np.array_equal(first, second.max() - second))


def _finite(table: pl.DataFrame, name: str) -> Array:
    values = number(table, name)
    refuse_rows(table, name, np.isfinite(values), "a finite number")
    return values


def labels(table: pl.DataFrame, text: Sequence[str]) -> list[tuple[str, ...]]:
    """The group of each row: its values of the text columns."""
    if not text:
        return [()] * table.height
    for name in text:
        if name not in table.columns:
            raise InputError("missing column", column=name, allowed=", ".join(table.columns[:30]))
        refuse_rows(table, name, table[name].is_not_null().to_numpy(), "a word")
    return list(table.select(pl.col(list(text)).cast(pl.String)).iter_rows())


def _shares(x: Array) -> NDArray[np.bool_]:
    """Which columns lie in [0, 1] and sum to one together."""
    inside = (x.min(axis=0) >= 0) & (x.max(axis=0) <= 1)
    if inside.sum() > 1 and np.abs(x[:, inside].sum(axis=1) - 1.0).max() < _SUM:
        return np.asarray(inside)
    return np.zeros(x.shape[1], dtype=bool)


def _sides(u: Array) -> Array:
    """Differences and sums of each pair of inputs (n, d (d - 1))."""
    j, k = np.triu_indices(u.shape[1], 1)
    return np.concatenate([u[:, j] - u[:, k], u[:, j] + u[:, k]], axis=1)
