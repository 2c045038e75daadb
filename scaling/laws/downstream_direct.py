"""Accuracy of a task straight from params and tokens, above chance.

    Q = q0 + (1 - q0) exp(-(A / N**alpha + B / D**beta))

Q accuracy, q0 the accuracy of guessing (the input ``chance``), N params, D tokens. It is the
logarithm of the accuracy above chance that adds up, not a loss: no law of the loss stands between.

Source: Krajewski et al. 2025, "Revisiting the Scaling Properties of Downstream Metrics in Large
Language Model Training", arXiv:2512.08894, equation 4, on runs clearly above chance. Tested on
simulated runs only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param


def predict(p: Any, x: Any) -> Array:
    """Accuracy at N params and D tokens."""
    lost = p.A * x.params**-p.alpha + p.B * x.tokens**-p.beta
    value: Array = x.chance + (1.0 - x.chance) * np.exp(-lost)
    return value


LAW = Law(
    name="downstream_direct",
    title="Accuracy from params and tokens",
    formula="Q = q0 + (1-q0) exp(-(A/N^alpha + B/D^beta))",
    citation="Krajewski et al. 2025, arXiv:2512.08894, equation 4",
    params=(
        Param("A", "1", "size of the params term", start=(1e1, 1e5)),
        Param("alpha", "1", "exponent of params", start=(0.2, 0.6)),
        Param("B", "1", "size of the tokens term", start=(1e1, 1e5)),
        Param("beta", "1", "exponent of tokens", start=(0.2, 0.6)),
    ),
    inputs=("params", "tokens", "chance"),
    predict=predict,
    target="accuracy",
    link="linear",
    delta=1e-2,
    span=(0.0, 1.0),
    monotone={"params": 1, "tokens": 1},
    needs=(
        Input(
            "chance",
            "fraction",
            "accuracy of guessing, such as .25 of four choices",
            low=0.0,
            open_low=False,
            high=0.99,
            levels=1,
            typical=(0.0, 0.5),
        ),
    ),
    kinds=("accuracy", "score"),
    question="tasks",
    assumes="one task and recipe; runs clearly above chance",
    fails="runs at chance; tasks with errors in their answers, whose ceiling is below 1",
    simulated=True,
)
