"""Power law in the shifted inverse of its variable (M3).

    y(x) = b * (1/x + g)**c

x is any positive quantity, y positive, b the value at 1/x + g = 1, g >= 0 in units of 1/x, c > 0.
For x well below 1/g it is the power law b x^-c; beyond, it levels off at b g^c.

Source: called M3 in Alabdulmohsin et al. 2022, "Revisiting Neural Scaling Laws in Language and
Vision", arXiv:2209.06640; used for translation in Bansal et al. 2022, arXiv:2202.01994.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._grids import fill
from scaling.laws._law import Law, Param


def predict(p: Any, x: Any) -> Array:
    """Target at x; in logs, so that no power overflows."""
    value: Array = p.b * np.exp(p.c * np.logaddexp(np.log(p.g), -np.log(x.x)))
    return value


def starts(x: Mapping[str, Array], y: Array) -> Array:
    """g from far below 1/x to the largest 1/x; b is projected out."""
    ends = {"g": (1e-4 / float(x["x"].max()), 1.0 / float(x["x"].min())), "c": (0.02, 2.0)}
    return fill(ends, LAW.names, 400)


LAW = Law(
    name="power_offset",
    title="Power law of a shifted inverse (M3)",
    formula="y = b (1/x + g)^c",
    citation="Alabdulmohsin et al. 2022, arXiv:2209.06640 (M3)",
    params=(
        Param("b", "unit of y", "y where 1/x + g = 1", start=(1e-2, 1e9)),
        Param("g", "1/unit of x", "offset; y levels off beyond x = 1/g", start=(1e-13, 1e-6)),
        Param("c", "1", "exponent"),
    ),
    inputs=("x",),
    predict=predict,
    linear=("b",),
    starts=starts,
    monotone={"x": -1},
    generic=True,
    question="curve",
    assumes="one regime that levels off at large x",
    fails="plateaus at the start, breaks",
)
