"""Power law between a start level and a floor (M4), an implicit law.

    (y - e) / (e0 - y)**a = b * x**c,        e < y < e0

x is any positive quantity, y positive. e0 is the level before learning (1 for an error rate of
random guessing over many classes), e the floor; c < 0 where y falls. Close to the floor
y - e ~ (e0 - e)^a b x^c, the power law; close to e0 the law bends into a plateau whose width a
sets (a = 0 gives M2, the plain power law with a floor).

Source: Alabdulmohsin et al. 2022, "Revisiting Neural Scaling Laws in Language and Vision",
arXiv:2209.06640, section 3 (M4).

Solving for y. With the share s = (y - e) / (e0 - e) and its log-odds v,

    log s - a log(1 - s) = z,    z = log b + c log x - (1 - a) log(e0 - e),

whose left side g(v) = a softplus(v) - softplus(-v) rises with a slope between 1 and a, concave for
a < 1 and convex for a > 1. From the start v = z (z < 0) or z/a (z > 0), Newton's steps approach the
root from one side and never leap, so a fixed number of them serves every row of a batch. One step
of Chebyshev's method, of third order and taken in the arithmetic of the parameters, then gives the
root its exact first and second derivatives.

Alabdulmohsin et al. minimise squares of log(y - e) - a log(e0 - y) - log b - c log x, residuals
that grow without end where y nears a level; here residuals are of log y, as for every law. On
their 72 image curves that gives another mean extrapolation error than theirs: docs/families.md.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Law, Param

# Enough for the last digit for a from 1e-4 to 1e4 (tests/unit/laws/test_curves.py).
STEPS = 16
# Starts: floors as shares of the smallest y, start levels as multiples of the largest.
FLOORS = (0.02, 0.3, 0.6, 0.8, 0.9, 0.97, 0.995)
LEVELS = (1.002, 1.01, 1.03, 1.1, 1.3, 2.0, 5.0)


def predict(p: Any, x: Any) -> Array:
    """Target at x."""
    span = p.e0 - p.e
    z = np.log(p.b) + p.c * np.log(x.x) - (1.0 - p.a) * np.log(span)
    v = _root(_plain(z), _plain(p.a))
    up, down, over, under = _parts(v)
    slope = under + p.a * over
    short = (p.a * up - down - z) / slope
    v = v - short - (p.a - 1.0) * (0.5 * over * under) / slope * short * short
    value: Array = p.e + span * np.exp(-np.logaddexp(-v, 0.0))
    return value


def _root(z: Array, a: Array) -> Array:
    """v with g(v) = z, without derivatives."""
    v: Array = np.where(z > 0.0, z / a, z)
    for _ in range(STEPS):
        up, down, over, under = _parts(v)
        v = v - (a * up - down - z) / (under + a * over)
    return v


def _parts(v: Array) -> tuple[Array, Array, Array, Array]:
    """softplus(v), softplus(-v), 1/(1 + e^-v) and 1/(1 + e^v), from one exp."""
    small = np.exp(-np.abs(v))
    rest, larger = np.log1p(small), 1.0 / (1.0 + small)
    smaller = small * larger
    above = v > 0.0
    over, under = np.where(above, larger, smaller), np.where(above, smaller, larger)
    return np.maximum(v, 0.0) + rest, np.maximum(-v, 0.0) + rest, over, under


def _plain(value: Any) -> Array:
    """The numbers behind values that carry derivatives."""
    return np.asarray(getattr(value, "value", value), dtype=np.float64)


def starts(x: Mapping[str, Array], y: Array) -> Array:
    """For each floor and start level, a straight line through transformed values gives the rest."""
    made = []
    for floor, level in itertools.product(FLOORS, LEVELS):
        e, e0 = floor * float(y.min()), level * float(y.max())
        table = np.stack([np.ones_like(y), np.log(x["x"]), np.log(e0 - y)], axis=1)
        (log_b, c, a), *_ = np.linalg.lstsq(table, np.log(y - e), rcond=None)
        if not 0.01 <= a <= 10.0:
            a = float(np.clip(a, 0.01, 10.0))
            rest = np.log(y - e) - a * table[:, 2]
            (log_b, c), *_ = np.linalg.lstsq(table[:, :2], rest, rcond=None)
        made.append((np.exp(np.clip(log_b, -200.0, 200.0)), c, a, e, e0))
    return np.array(made)


LAW = Law(
    name="sigmoid_power",
    title="Power law between a start level and a floor (M4)",
    formula="(y - e) / (e0 - y)^a = b x^c",
    citation="Alabdulmohsin et al. 2022, arXiv:2209.06640 (M4)",
    params=(
        Param("b", "unit of y^(1-a)", "size of the power term at x = 1", start=(1e2, 1e6)),
        Param("c", "1", "exponent, negative where y falls", "real", start=(-0.9, -0.1)),
        Param("a", "1", "how soon the curve leaves its start level", start=(0.05, 1.5)),
        Param("e", "unit of y", "floor", start=(0.02, 0.6)),
        Param("e0", "unit of y", "level before learning", start=(1.0, 6.0)),
    ),
    inputs=("x",),
    predict=predict,
    starts=starts,
    generic=True,
    question="curve",
    assumes="one plateau at the start, one floor at the end",
    fails="further breaks; curves that rise",
)
