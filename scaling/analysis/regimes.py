"""Which regime of theory is a fitted exponent compatible with?

Bahri et al. 2021 ("Explaining Neural Scaling Laws", arXiv:2102.06701) name two:

- variance-limited: loss falls with exponent 1 in the size that is plentiful (the finite-size error
  of a smooth limit), whatever the data;
- resolution-limited: loss falls with exponent about 4/d in the size that is scarce, d the intrinsic
  dimension of the data manifold (for piecewise linear models with a smooth target; 4/d is a lower
  bound of the exponent in the paper, tight in its experiments).

An exponent counts only with its floor: a law without an irreducible part, fitted near it, gives a
smaller exponent than the true one.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace

import numpy as np

from scaling.errors import InputError, nearest
from scaling.fitting.result import Fit

VARIANCE = 1.0
RESOLUTION = 4.0


class Regime(enum.StrEnum):
    """The verdict."""

    VARIANCE_LIMITED = "variance_limited"
    RESOLUTION_LIMITED = "resolution_limited"
    EITHER = "either"
    NEITHER = "neither"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Exponent:
    """An exponent, its interval, and what theory makes of it.

    ``dimension`` is the intrinsic dimension 4/exponent that the resolution-limited regime would
    need, ``dimension_low`` and ``dimension_high`` its ends. ``outcome`` is how the fit that it was
    taken from ended (empty for an exponent that was given); one that denies intervals leaves the
    regime undecided, and the ends NaN.
    """

    value: float
    low: float
    high: float
    level: float
    regime: Regime
    dimension: float
    dimension_low: float
    dimension_high: float
    sentence: str
    outcome: str = ""


def classify(
    value: float,
    low: float,
    high: float,
    *,
    level: float = 0.9,
    dimension: tuple[float, float] | None = None,
) -> Exponent:
    """The regime of an exponent ``value`` with interval (low, high).

    ``dimension`` is the range of the data's intrinsic dimension where it is known; without it
    every exponent below 1 fits some dimension above 4.

    Raises:
        InputError: an interval that is not in order, or does not hold the value.
    """
    if not (0 < low <= value <= high and np.isfinite(high)):
        raise InputError(
            "interval of the exponent", value=(low, value, high), allowed="0 < low <= value <= high"
        )
    if dimension is not None and not 0 < dimension[0] <= dimension[1]:
        raise InputError("dimension out of range", value=dimension, allowed="0 < low <= high")
    variance = low <= VARIANCE <= high
    if dimension is None:
        resolution = low < VARIANCE
    else:
        resolution = low <= RESOLUTION / dimension[0] and high >= RESOLUTION / dimension[1]
    regime = _REGIMES[variance, resolution]
    ends = RESOLUTION / value, RESOLUTION / high, RESOLUTION / low
    return Exponent(
        value, low, high, level, regime, *ends, _sentence(regime, (value, low, high), ends)
    )


def exponent(
    fit: Fit, name: str, *, level: float = 0.9, dimension: tuple[float, float] | None = None
) -> Exponent:
    """The regime of one exponent of a fit, by its draws; undecided where the fit has none.

    Raises:
        InputError: the law has no such parameter, or the fit was made without resamples.
    """
    if name not in fit.law.names:
        raise InputError(
            f"{fit.law.name} has no such parameter",
            value=name,
            allowed=", ".join(fit.law.names),
            hint=nearest(name, fit.law.names),
        )
    value = abs(fit.values[name])
    if len(fit.draws) < 2:
        return _undecided(fit, value, level)
    drawn = np.abs(fit.draws[:, fit.law.names.index(name)])
    low, high = np.quantile(drawn, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    found = classify(
        value,
        max(min(float(low), value), 1e-12),
        max(float(high), value),
        level=level,
        dimension=dimension,
    )
    noted = " ".join((found.sentence, *fit.caveats))
    return replace(found, outcome=str(fit.outcome), sentence=noted)


def _undecided(fit: Fit, value: float, level: float) -> Exponent:
    """An exponent without an interval, and why it has none."""
    if not fit.caveats:
        raise InputError("a fit without draws has no interval", value=0, allowed="resamples >= 2")
    text = " ".join((f"{value:.3g}, but no regime can be named.", *fit.caveats))
    nothing = float("nan")
    ends = (RESOLUTION / value if value else nothing, nothing, nothing)
    return Exponent(value, nothing, nothing, level, Regime.UNDECIDED, *ends, text, str(fit.outcome))


_REGIMES = {
    (True, True): Regime.EITHER,
    (True, False): Regime.VARIANCE_LIMITED,
    (False, True): Regime.RESOLUTION_LIMITED,
    (False, False): Regime.NEITHER,
}


def _sentence(
    regime: Regime, found: tuple[float, float, float], ends: tuple[float, float, float]
) -> str:
    value = f"{found[0]:.3g} ({found[1]:.3g} to {found[2]:.3g})"
    size = f"an intrinsic dimension of {ends[0]:.3g} ({ends[1]:.3g} to {ends[2]:.3g})"
    return {
        Regime.VARIANCE_LIMITED: f"{value} is compatible with 1: variance-limited.",
        Regime.RESOLUTION_LIMITED: f"{value} is below 1: resolution-limited, with {size}.",
        Regime.EITHER: f"{value} allows 1 (variance-limited) and {size} (resolution-limited).",
        Regime.NEITHER: f"{value} is neither 1 nor 4/d of the dimensions allowed.",
    }[regime]
