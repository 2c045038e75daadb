"""An ability that appears with scale: a sigmoid in log compute between two levels.

    y(C) = g + h / (1 + (C_mid/C)**s)

y accuracy or score, g the level of guessing, g + h the ceiling, C_mid the scale half way, s the
slope in log C: large s looks like a sudden appearance.

Sources: Wei et al. 2022, "Emergent Abilities of Large Language Models", arXiv:2206.07682, gave the
question; the sigmoid is the form of Ruan et al. 2024, arXiv:2405.10938. Schaeffer et al.
2023, "Are Emergent Abilities of Large Language Models a Mirage?", arXiv:2304.15004, hold that a
smooth law under a sharp metric looks the same (`exact_match`): `scaling.analysis.emergence`
compares them by prediction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._grids import fill
from scaling.laws._law import Law, Param


def predict(p: Any, x: Any) -> Array:
    """Score at scale C."""
    logs = p.s * (np.log(p.C_mid) - np.log(x.x))
    value: Array = p.g + p.h * np.exp(-np.logaddexp(0.0, logs))
    return value


def starts(x: Mapping[str, Array], y: Array) -> Array:
    """The middle from a little before the data to beyond them."""
    low, high = float(x["x"].min()), float(x["x"].max())
    return fill({"C_mid": (0.3 * low, 100.0 * high), "s": (0.1, 10.0)}, LAW.names, 400)


LAW = Law(
    name="emergent",
    title="Ability that appears with scale",
    formula="y = g + h / (1 + (C_mid/C)^s)",
    citation="Ruan et al. 2024, arXiv:2405.10938",
    params=(
        Param("g", "fraction", "level of guessing", start=(0.02, 0.5)),
        Param("h", "fraction", "rise to the ceiling", start=(0.2, 0.7)),
        Param("s", "1", "slope in log scale", start=(0.2, 4.0)),
        Param("C_mid", "unit of C", "scale half way", start=(1e8, 1e11)),
    ),
    inputs=("x",),
    predict=predict,
    linear=("g", "h"),
    starts=starts,
    target="accuracy",
    generic=True,
    link="linear",
    delta=1e-2,
    monotone={"x": 1},
    question="tasks",
    assumes="one task, one way of scoring; a bounded score that rises",
    fails="data that end before the middle: the ceiling is then a guess",
)
