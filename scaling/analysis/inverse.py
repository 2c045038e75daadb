"""Does more make it worse? Slope and turn of a score in log scale, with intervals.

    y = a + b z                z = ln X, centred
    y = a + b z + c z^2        turn at -b/(2c)

The verdict asks first whether the curve turns: the curvature's interval excludes 0, the turn lies
within the data, and the slopes at both ends have opposite signs beyond doubt. Else the straight
line's slope decides, and where its interval holds 0 the sign test speaks only for itself.

Intervals use Student's t (`scaling.analysis._line`). The question is that of McKenzie et al. 2023,
arXiv:2306.09479, and Wei et al. 2022, arXiv:2211.02011.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scaling.analysis._line import least_squares, student
from scaling.arrays import Array
from scaling.errors import InputError

Interval = tuple[float, float, float]
NOTHING: Interval = (math.nan, math.nan, math.nan)

MIN_SCALES = 4


class Trend(enum.StrEnum):
    """The verdict, for a score where higher is better."""

    IMPROVES = "improves"
    INVERSE = "inverse"
    U_SHAPED = "u_shaped"
    INVERTED_U = "inverted_u"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Inverse:
    """Slopes per e-fold of scale in units of the score (higher better), with their intervals.

    ``slope`` is of the straight line, ``end_slope`` of the parabola at the largest scale (nan
    with fewer than five sizes), ``turn`` the scale of its turn (nan where it has none within the
    data). ``falls`` of ``steps`` changes between neighbouring sizes go down; ``p_sign`` is the two-
    sided sign test of that.
    """

    trend: Trend
    slope: tuple[float, float, float]
    curvature: tuple[float, float, float]
    end_slope: tuple[float, float, float]
    turn: float
    falls: int
    steps: int
    p_sign: float
    sentence: str


def inverse(
    x: Sequence[float] | Array,
    y: Sequence[float] | Array,
    *,
    higher_is_better: bool = True,
    level: float = 0.9,
) -> Inverse:
    """The verdict on scores ``y`` at scales ``x`` (params or compute).

    Raises:
        InputError: fewer than four rows or three sizes, or a value that is not finite.
    """
    z, score = _checked(x, y)
    score = score if higher_is_better else -score
    centre = z.mean()
    z = z - centre
    line = _linear(np.stack([np.ones_like(z), z], axis=1), score, level)
    slope = line(np.array([0.0, 1.0]))
    curve, ends, turn = _parabola(z, score, level)
    change = np.diff([score[z == level].mean() for level in np.unique(z)])
    falls, steps = int(np.sum(change < 0)), int(np.sum(change != 0))
    trend = _trend(slope, curve, ends)
    at = float(np.exp(turn + centre)) if trend in (Trend.U_SHAPED, Trend.INVERTED_U) else math.nan
    p = _sign_test(falls, steps)
    text = _sentence(trend, slope, at, (falls, steps, p))
    return Inverse(trend, slope, curve, ends[1], at, falls, steps, p, text)


def _checked(x: Sequence[float] | Array, y: Sequence[float] | Array) -> tuple[Array, Array]:
    scale, score = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if len(scale) != len(score) or len(scale) < MIN_SCALES or len(np.unique(scale)) < 3:
        raise InputError(
            "too few sizes",
            value=(len(scale), len(score), len(np.unique(scale))),
            allowed=f">= {MIN_SCALES} rows and >= 3 sizes",
        )
    bad = np.flatnonzero(~(np.isfinite(score) & np.isfinite(scale) & (scale > 0)))
    if len(bad):
        at = int(bad[0])
        raise InputError(
            "not a finite number", row=at + 1, value=(scale[at], score[at]), allowed="x > 0"
        )
    return np.log(scale), score


def _linear(basis: Array, y: Array, level: float) -> Callable[[Array], Interval]:
    """Least squares; returns the estimate, low and high end of any combination of coefficients."""
    made, covariance = least_squares(basis, y, np.ones_like(y))
    reach = student(level, len(y) - basis.shape[1])

    def of(weights: Array) -> Interval:
        value = float(weights @ made)
        error = reach * math.sqrt(max(float(weights @ covariance @ weights), 0.0))
        return value, value - error, value + error

    return of


def _parabola(
    z: Array, y: Array, level: float
) -> tuple[Interval, tuple[Interval, Interval], float]:
    """Curvature c, slopes at the least and the largest scale, and the turn, in centred logs."""
    if len(np.unique(z)) < 5:
        return NOTHING, (NOTHING, NOTHING), math.nan
    of = _linear(np.stack([np.ones_like(z), z, z * z], axis=1), y, level)
    curve = of(np.array([0.0, 0.0, 1.0]))
    first = of(np.array([0.0, 1.0, 2.0 * z.min()]))
    last = of(np.array([0.0, 1.0, 2.0 * z.max()]))
    b = of(np.array([0.0, 1.0, 0.0]))[0]
    turn = -b / (2.0 * curve[0]) if curve[0] != 0 else math.nan
    return curve, (first, last), turn


def _trend(slope: Interval, curve: Interval, ends: tuple[Interval, Interval]) -> Trend:
    first, last = ends
    if curve[1] > 0 and first[2] < 0 and last[1] > 0:
        return Trend.U_SHAPED
    if curve[2] < 0 and first[1] > 0 and last[2] < 0:
        return Trend.INVERTED_U
    if slope[1] > 0:
        return Trend.IMPROVES
    return Trend.INVERSE if slope[2] < 0 else Trend.UNDECIDED


def _sign_test(falls: int, steps: int) -> float:
    """Two-sided chance of a split at least as uneven under a fair coin."""
    if steps == 0:
        return 1.0
    few = min(falls, steps - falls)
    tail = sum(math.comb(steps, k) for k in range(few + 1)) / 2.0**steps
    return min(1.0, 2.0 * tail)


def _sentence(trend: Trend, slope: Interval, turn: float, signs: tuple[int, int, float]) -> str:
    falls, steps, p = signs
    line = f"slope {slope[0]:.3g} ({slope[1]:.3g} to {slope[2]:.3g}) per e-fold"
    test = f"{falls} of {steps} steps fall (sign test p = {p:.2g})"
    return {
        Trend.IMPROVES: f"Scores improve with scale: {line}; {test}.",
        Trend.INVERSE: f"Inverse scaling: {line}; {test}.",
        Trend.U_SHAPED: f"U-shaped: scores fall up to {turn:.3g}, then rise; {test}.",
        Trend.INVERTED_U: f"Inverted U: scores rise up to {turn:.3g}, then fall; {test}.",
        Trend.UNDECIDED: f"Undecided: {line}; {test}.",
    }[trend]
