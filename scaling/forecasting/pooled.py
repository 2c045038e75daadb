"""One forecast of a run's end from several that rest on different data.

Each opinion i is Student's t in log y with location m_i and variance v_i; the first is of the run's
own curve, whose variance counts `OWN`^2 times. They are combined by precision, and the farther
another lies from the curve, the less it counts (the weight of a point under Student's t with
`DEGREES`):

    w_1 = 1 / v_1,   w_i = 1 / v_i min(1, (DEGREES + 1) / (DEGREES + z_i^2))
    z_i^2 = (m_i - m_1)^2 / (v_1 + v_i)
    location = sum w_i m_i / sum w_i
    variance = TOGETHER^2 (1 + sum w_i (m_i - location)^2) / sum w_i

So opinions that agree give a narrower forecast, and opinions that differ one as wide as their
distance. docs/benchmarks/across.md has what it is worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.forecasting.distribution import Predictive

# Of Student's t of the result: between that of a curve (2.6) and that of a scheduled one or of two
# inputs (4).
DEGREES = 4.0
# Variance of a t of scale 1.
_OF_ONE = DEGREES / (DEGREES - 2.0)
# On the curves of docs/benchmarks/across.md the curve's own 90 % interval holds 83 %; of 1, 1.5 and
# 2 this factor has the best mean log score of three opinions.
OWN = 1.5
# Without it 90 % intervals hold 98 % of those ends, with it 92 to 98 %; of .7, .8, .9 and 1 it has
# the best log score.
TOGETHER = 0.8
# Chance of a gap so wide or wider, below which curve and another opinion are said to disagree.
UNLIKELY = 0.05


@dataclass(frozen=True)
class Opinion:
    """What one source says of the end of a run alone.

    Attributes:
        source: in words, such as "the run's curve".
        made: its forecast at T targets.
    """

    source: str
    made: Predictive


@dataclass(frozen=True)
class Pooled:
    """Several opinions, and the forecast that they give together.

    Attributes:
        made: the forecast at T targets.
        opinions: what each says alone (K of them); the first is of the run's curve.
        weights: of each in the location (K, T), together 1.
        chances: of a gap to the curve as wide or wider, if both were right (K, T); 1 of the curve.
    """

    made: Predictive
    opinions: tuple[Opinion, ...]
    weights: Array
    chances: Array

    def warnings(self) -> list[str]:
        """A sentence on each opinion that lies farther from the curve than chance explains."""
        found = []
        for one, chance in zip(self.opinions[1:], self.chances[1:], strict=True):
            if chance.min() < UNLIKELY:
                k = int(chance.argmin())
                theirs, own = (np.exp(each.made.location[k]) for each in (one, self.opinions[0]))
                found.append(
                    f"{one.source} says {theirs:.4g} where the curve says {own:.4g}: so far apart, "
                    f"or farther, is {max(chance[k], 0.001):.1%} likely if both are right. Is it "
                    "the same loss, on the same data set? A constant offset is not corrected"
                )
        return found


def pool(opinions: Sequence[Opinion]) -> Pooled:
    """The opinions, two or more, as one forecast.

    Raises:
        InputError: some are of a share that rises, forecast by its distance from 1, and others not.
    """
    rising = [one.source for one in opinions if one.made.increasing != opinions[0].made.increasing]
    if rising:
        raise InputError(
            "not the same quantity: one rises to 1 and the other falls",
            value=f"{opinions[0].source}, and {rising[0]}",
            allowed="runs in the metric of the curve",
        )
    location = np.array([one.made.location for one in opinions])
    variance = np.array([_variance(one.made) for one in opinions])
    variance[0] *= OWN**2
    apart = (location - location[0]) ** 2 / (variance + variance[0])
    precision = np.minimum(1.0, (DEGREES + 1.0) / (DEGREES + apart)) / variance
    total = precision.sum(axis=0)
    middle = (precision * location).sum(axis=0) / total
    spread = (1.0 + (precision * (location - middle) ** 2).sum(axis=0)) / total
    scale = TOGETHER * np.sqrt(spread / _OF_ONE)
    made = Predictive(middle, scale, DEGREES, opinions[0].made.increasing)
    return Pooled(made, tuple(opinions), precision / total, _chances(apart))


def _variance(made: Predictive) -> Array:
    """Variance (T,) of a Student's t with more than two degrees of freedom."""
    return np.asarray(made.scale**2 * made.degrees / (made.degrees - 2.0))


def _chances(apart: Array) -> Array:
    """Two-sided chances of gaps whose squares are so many variances (K, T), or wider."""
    from scipy.special import stdtr

    return np.asarray(2.0 * stdtr(DEGREES, -np.sqrt(apart * _OF_ONE)))
