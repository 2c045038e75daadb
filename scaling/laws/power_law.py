"""Power law with a floor, in one variable.

    y(x) = E + A * x**-alpha            that is (X0/x)**alpha + E with A = X0**alpha

x is any positive quantity: training compute C in FLOP, params N, tokens D, examples, steps.

Sources: Hestness et al. 2017, arXiv:1712.00409; Henighan et al. 2020, arXiv:2010.14701,
equation 1.1; called M2 in Alabdulmohsin et al. 2022, arXiv:2209.06640.
"""

from __future__ import annotations

from typing import Any

from scaling.arrays import Array
from scaling.laws._law import Law, Param, Term


def predict(p: Any, x: Any) -> Array:
    """Target at x."""
    value: Array = p.E + p.A * x.x**-p.alpha
    return value


LAW = Law(
    name="power_law",
    title="Power law with a floor",
    formula="y = E + A x^-alpha",
    citation="Henighan et al. 2020, arXiv:2010.14701",
    params=(
        Param("E", "unit of y", "floor", start=(1e-3, 3.0)),
        Param("A", "unit of y", "size of the power term at x = 1", start=(1e-2, 1e9)),
        Param("alpha", "1", "exponent"),
    ),
    inputs=("x",),
    predict=predict,
    linear=("E", "A"),
    terms=(Term("E"), Term("A", {"x": ("alpha", -1.0)})),
    generic=True,
    monotone={"x": -1},
    roles={"forecast": 3},
    question="curve",
    assumes="one regime; y falls with x",
    fails="breaks, plateaus at the start, runs off the compute-optimal frontier",
)
