"""Power law in a shifted variable, with a floor: the form of large vision models.

    y(x) = a * (x + d)**-b + c

x is training compute C or any positive quantity. d > 0, in units of x, is where the curve leaves
its plateau a d^-b + c at small x; c is the floor at large x.

Source: Zhai et al. 2021, "Scaling Vision Transformers", arXiv:2106.04560
(E = a (C + d)^-b + c, for the error rate against compute).
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
    value: Array = p.c + p.a * np.exp(-p.b * np.logaddexp(np.log(p.d), np.log(x.x)))
    return value


def starts(x: Mapping[str, Array], y: Array) -> Array:
    """The shift from below the data to its upper end; a and c are projected out."""
    ends = {"d": (1e-2 * float(x["x"].min()), float(x["x"].max())), "b": (0.02, 2.0)}
    return fill(ends, LAW.names, 400)


LAW = Law(
    name="power_shifted",
    title="Shifted power law (vision)",
    formula="y = a (x + d)^-b + c",
    citation="Zhai et al. 2021, arXiv:2106.04560",
    params=(
        Param("a", "unit of y", "size of the power term at x + d = 1", start=(1e-2, 1e9)),
        Param("b", "1", "exponent"),
        Param("c", "unit of y", "floor", start=(1e-3, 3.0)),
        Param("d", "unit of x", "shift: the plateau ends about here", start=(1e6, 1e11)),
    ),
    inputs=("x",),
    predict=predict,
    linear=("a", "c"),
    starts=starts,
    monotone={"x": -1},
    generic=True,
    question="curve",
    assumes="one plateau at small x, one floor at large x",
    fails="further breaks; a shift far below the data looks like none",
)
