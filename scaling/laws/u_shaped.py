"""Scores that turn with scale: a parabola in log scale.

    y(X) = a + b z + c z**2,    z = ln(X/X0),  X0 = 1e9

X params (or compute: any positive quantity), y a score, loss or bias. c > 0: a valley; c < 0: a
hill; the turn is at z = -b/(2c), and counts only within the data.

Sources: McKenzie et al. 2023, "Inverse Scaling: When Bigger Isn't Better", arXiv:2306.09479; Wei
et al. 2022, "Inverse scaling can become U-shaped", arXiv:2211.02011. The parabola is the simplest
form that can turn, not theirs; `scaling.analysis.inverse` gives the verdict with intervals.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Law, Param

X0 = 1e9


def predict(p: Any, x: Any) -> Array:
    """Score at scale X."""
    z = np.log(x.x / X0)
    value: Array = p.a + p.b * z + p.c * (z * z)
    return value


LAW = Law(
    name="u_shaped",
    title="Inverse and U-shaped scaling",
    formula="y = a + b z + c z^2, z = ln(X/1e9)",
    citation="after McKenzie et al. 2023, arXiv:2306.09479",
    params=(
        Param("a", "unit of y", "score at X0", "real", start=(0.3, 0.7)),
        Param("b", "unit of y", "slope at X0 per e-fold", "real", start=(-0.1, 0.1)),
        Param("c", "unit of y", "half the curvature", "real", start=(-0.02, 0.02)),
    ),
    inputs=("x",),
    predict=predict,
    linear=("a", "b", "c"),
    target="value",
    generic=True,
    link="linear",
    delta=1e-2,
    span=(-float("inf"), float("inf")),
    question="curve",
    assumes="at most one turn within the data",
    fails="beyond the data: a parabola runs away",
)
