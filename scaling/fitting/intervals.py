"""A quantity with its interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.result import Fit

# Above this share of draws without an answer there is no interval: the others are a selection.
MAX_MISSING = 0.5


@dataclass(frozen=True)
class Interval:
    """``value`` at the fitted parameters, ``low`` and ``high`` the ends of the central ``level``
    of the draws (NaN without draws), ``missing`` the share of draws that have no answer."""

    value: float
    low: float
    high: float
    level: float = 0.9
    missing: float = 0.0

    def __str__(self) -> str:
        if np.isnan(self.low):
            return f"{self.value:.4g} (no interval{self.without_answer})"
        return f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g}{self.without_answer})"

    @property
    def without_answer(self) -> str:
        """The share of draws without an answer, where there are any."""
        return f"; no answer in {self.missing:.0%} of draws" if self.missing else ""


def from_draws(made: Fit, quantity: Callable[[Array], Array], level: float = 0.9) -> Interval:
    """The interval of ``quantity(theta)``, which maps parameters (B, K) to values (B,).

    Draws without a finite answer count at the end where they lie: an infinite value stays infinite,
    one that is not a number is left out.
    """
    with np.errstate(all="ignore"):
        value = float(quantity(made.theta[None])[0])
        drawn = quantity(made.draws) if len(made.draws) else np.zeros(0)
    return of_values(value, drawn, level)


def at_place(made: Fit, x: Mapping[str, Array], level: float = 0.9) -> Interval:
    """The interval of the prediction at one place; of a study's model that of its forecast."""
    return of_values(float(made.predict(x)[0]), made.draws_at(x), level)


def of_values(value: float, drawn: Array, level: float = 0.9) -> Interval:
    """The interval of a quantity that is already computed, at the fit and for every draw (R,)."""
    if not 0 < level < 1:
        raise InputError("level out of range", value=level, allowed="between 0 and 1")
    known = np.sort(drawn[~np.isnan(drawn)])
    missing = 1.0 - len(known) / len(drawn) if len(drawn) else 0.0
    if len(known) < 2 or missing > MAX_MISSING:
        return Interval(value, float("nan"), float("nan"), level, missing)
    ends = np.quantile(known, [(1 - level) / 2, (1 + level) / 2], method="nearest")
    return Interval(value, float(ends[0]), float(ends[1]), level, missing)


def column(made: Fit, theta: Array, name: str) -> Array:
    """One parameter of (B, K) as (B,)."""
    return theta[:, made.law.names.index(name)]
