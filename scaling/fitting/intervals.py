"""A quantity with its interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.result import Fit


@dataclass(frozen=True)
class Interval:
    """``value`` at the fitted parameters, ``low`` and ``high`` the ends of the central ``level``
    of the draws (NaN without draws)."""

    value: float
    low: float
    high: float
    level: float = 0.9

    def __str__(self) -> str:
        return f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"


def from_draws(made: Fit, quantity: Callable[[Array], Array], level: float = 0.9) -> Interval:
    """The interval of ``quantity(theta)``, which maps parameters (B, K) to values (B,).

    Draws without a finite answer count at the end where they lie: an infinite value stays infinite,
    one that is not a number is left out.
    """
    with np.errstate(all="ignore"):
        value = float(quantity(made.theta[None])[0])
        drawn = quantity(made.draws) if len(made.draws) else np.zeros(0)
    return of_values(value, drawn, level)


def of_values(value: float, drawn: Array, level: float = 0.9) -> Interval:
    """The interval of a quantity that is already computed, at the fit and for every draw (R,)."""
    if not 0 < level < 1:
        raise InputError("level out of range", value=level, allowed="between 0 and 1")
    drawn = np.sort(drawn[~np.isnan(drawn)])
    if len(drawn) < 2:
        return Interval(value, float("nan"), float("nan"), level)
    ends = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], method="nearest")
    return Interval(value, float(ends[0]), float(ends[1]), level)


def column(made: Fit, theta: Array, name: str) -> Array:
    """One parameter of (B, K) as (B,)."""
    return theta[:, made.law.names.index(name)]
