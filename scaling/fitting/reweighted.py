"""The optimum again under other row weights: rows or groups left out, parts of the data alone.

A set of weights (rows,) multiplies the problem's own; weight 0 leaves a row out and changes
nothing else, so every refit of a table is one batch without a copy of the data. Sets that leave
out little start at the optimum of all rows; sets that leave out more get a search of their own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.errors import InputError, nearest
from scaling.fitting.solver.choice import minimise
from scaling.fitting.solver.newton import Minima
from scaling.fitting.solver.problem import Problem
from scaling.fitting.solver.search import starts

# Share of the weight that may go before the old optimum no longer serves as the only start.
LITTLE = 0.05
# Row losses in one pass from which loading the compiled solver (.05 CPU seconds) pays.
COMPILE_FROM = 20_000
# A neighbour's optimum must be better by this part to be worth another descent.
BETTER = 1e-9
ROUNDS = 3


def refit(problem: Problem, u: Array, weights: Array) -> Minima:
    """Optima under each row of ``weights`` (B, rows); ``u`` (P,) is the optimum of all rows."""
    kept = (weights * problem.weights).sum(axis=1) / problem.weights.sum()
    near = kept >= 1.0 - LITTLE
    out = Minima(
        np.repeat(u[None], len(weights), axis=0),
        np.full(len(weights), np.inf),
        np.zeros(len(weights), dtype=np.int64),
    )
    if near.any():
        _put(out, near, _warm(problem, u, weights[near]))
    for at in np.flatnonzero(~near):
        _put(out, slice(at, at + 1), search(problem, weights[at]))
    return out


def search(problem: Problem, weights: Array) -> Minima:
    """The best optimum under one set of weights (rows,), from starts that see only its rows."""
    begin = starts(replace(problem, weights=problem.weights * weights))
    found = minimise(problem, begin, np.broadcast_to(weights, (len(begin), problem.rows)))
    best = int(np.argmin(found.f))
    part = slice(best, best + 1)
    return Minima(found.u[part], found.f[part], found.steps[part])


def group_codes(runs: pl.DataFrame, by: str) -> tuple[list[str], NDArray[np.int64]]:
    """Values of the column ``by``, as text in the order of the table, and each row's number.

    Raises:
        InputError: no such column.
    """
    if by not in runs.columns:
        raise InputError(
            "missing column",
            column=by,
            allowed=", ".join(runs.columns[:30]),
            hint=nearest(by, runs.columns),
        )
    column = runs[by].cast(pl.String).fill_null("")
    names: list[str] = column.unique(maintain_order=True).to_list()
    place = {name: at for at, name in enumerate(names)}
    return names, np.array([place[name] for name in column], dtype=np.int64)


def _put(out: Minima, at: slice | NDArray[np.bool_], found: Minima) -> None:
    out.u[at], out.f[at], out.steps[at] = found.u, found.f, found.steps


def _warm(problem: Problem, u: Array, weights: Array) -> Minima:
    """Descents from ``u``; then, where another member's end is lower still, from there.

    The objective has kinks at small Huber corners, so a descent can stop in the wrong basin. Every
    member's optimum is tried as a start for every other, which costs one matrix product.
    """
    found = _descend(problem, np.repeat(u[None], len(weights), axis=0), weights)
    for _ in range(ROUNDS):
        start, value = _best_neighbour(problem, found.u, weights)
        again = value < found.f - BETTER * np.abs(found.f)
        if not again.any():
            break
        _put(found, again, _descend(problem, start[again], weights[again]))
    return found


def _descend(problem: Problem, begin: Array, weights: Array) -> Minima:
    return minimise(problem, begin, weights, exact=True, pays=weights.size >= COMPILE_FROM)


def _best_neighbour(problem: Problem, u: Array, weights: Array) -> tuple[Array, Array]:
    """For each set of weights, the member of ``u`` with the lowest objective, and that value."""
    rho = problem.objective.value(problem.predict(u), problem.y) * problem.weights
    table = rho @ weights.T
    if problem.penalty:
        table += problem.penalty * problem.space.prior(u)[0][:, None]
    best = table.argmin(axis=0)
    return u[best], table[best, np.arange(len(weights))]
