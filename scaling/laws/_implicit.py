"""Laws that are given by an equation F(y; p, x) = 0 and not by a formula for y.

`root` finds y by a fixed number of Newton steps kept inside a shrinking bracket, then takes two
more steps through the law's own arithmetic. The fit hands in parameters that carry derivatives
(`scaling.fitting.solver.jet`); a Newton step from a point where F = 0 gives first derivatives
exactly, a second one second derivatives, so implicit laws need no derivative code (implicit
function theorem).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scaling.arrays import Array

STEPS = 60


def root(
    function: Callable[..., Any],
    slope: Callable[..., Any],
    bracket: tuple[Any, Any],
    parameters: tuple[Any, ...],
) -> Any:
    """y with function(y, *parameters) = 0, between the ends of ``bracket``.

    ``function`` rises with y over the bracket and ``slope`` is its derivative by y. Both use
    operations that broadcast; ``parameters`` are arrays or carry derivatives.
    """
    plain = tuple(_value(one) for one in parameters)
    y: Any = _solve(function, slope, bracket, plain)
    for _ in range(2):
        step = function(y, *parameters) / slope(y, *parameters)
        y = y - step
    return y


def _value(one: Any) -> Any:
    return getattr(one, "value", one)


def _solve(
    function: Callable[..., Any],
    slope: Callable[..., Any],
    bracket: tuple[Any, Any],
    plain: tuple[Any, ...],
) -> Array:
    """Newton inside a bracket; where a step would leave it, halve the bracket instead."""
    shape = np.broadcast_shapes(*(np.shape(one) for one in (*plain, *bracket)))
    low = np.array(np.broadcast_to(_value(bracket[0]), shape), dtype=np.float64)
    high = np.array(np.broadcast_to(_value(bracket[1]), shape), dtype=np.float64)
    y: Array = 0.5 * (low + high)
    with np.errstate(all="ignore"):
        for _ in range(STEPS):
            at = function(y, *plain)
            low, high = np.where(at < 0, y, low), np.where(at < 0, high, y)
            new = y - at / slope(y, *plain)
            y = np.where((new > low) & (new < high), new, 0.5 * (low + high))
    return y
