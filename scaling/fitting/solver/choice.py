"""Which solver walks: numpy's, or the compiled one where many fits pay for loading it.

One fit is done before the compiled solver is loaded, so a process that makes a few stays with
numpy. A function that makes many says so, ``@many_fits()``, and all of its problems that have a
`PowerForm` go to the compiled loops. Both are held to the same optima by tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.fitting.solver import newton
from scaling.fitting.solver.newton import Minima
from scaling.fitting.solver.problem import Problem

_MANY: ContextVar[bool] = ContextVar("many fits", default=False)


@contextmanager
def many_fits() -> Iterator[None]:
    """Within it, or in a function that it decorates, every problem that the compiled solver serves
    goes there."""
    token = _MANY.set(True)
    try:
        yield
    finally:
        _MANY.reset(token)


def minimise(
    problem: Problem,
    starts: Array,
    weights: Array | None = None,
    *,
    y: Array | None = None,
    known: Minima | None = None,
    held: NDArray[np.int64] | None = None,
    exact: bool = False,
    pays: bool = False,
) -> Minima:
    """Local minima from ``starts`` (B, P), as `scaling.fitting.solver.newton.minimise`.

    Args:
        known: optima reached from other starts, see `scaling.fitting.solver.compiled`.
        held: a coordinate (B,) of each member that stays at its start.
        exact: starts are warm; the compiled solver takes all as such.
        pays: whether this job alone is worth loading the compiled solver.
    """
    if pays or _MANY.get():
        from scaling.fitting.solver import compiled

        if compiled.serves(problem, held):
            given = np.ones((len(starts), problem.rows)) if weights is None else weights
            return compiled.minimise(problem, starts, given, y, known, held)
    return newton.minimise(problem, starts, weights, exact=exact, y=y, held=held)
