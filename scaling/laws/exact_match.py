"""Accuracy of an answer of k tokens, all of which must be right: a smooth law, a sharp metric.

    acc(C) = p(C)**k,    p(C) = exp(-A * C**-alpha)

p the chance of one right token, whose loss A C^-alpha falls as a power law; k tokens in the answer
(input ``answer_tokens``, 1 where there is no such column: then A stands for A k). acc is near zero
until k A C^-alpha nears one, then rises fast, though nothing but the metric is sudden.

Source: Schaeffer et al. 2023, "Are Emergent Abilities of Large Language Models a Mirage?",
arXiv:2304.15004.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._grids import fill
from scaling.laws._law import Input, Law, Param


def predict(p: Any, x: Any) -> Array:
    """Accuracy at scale C; the exponent is held where exp is zero to the last digit."""
    rate = np.log(p.A) - p.alpha * np.log(x.x) + np.log(x.answer_tokens)
    value: Array = np.exp(-np.exp(np.minimum(rate, 6.5)))
    return value


def starts(x: Mapping[str, Array], y: Array) -> Array:
    """Loss of one answer from .01 to 100 nats at the middle of the data."""
    theta = fill({"A": (0.01, 100.0), "alpha": (0.03, 3.0)}, LAW.names, 400)
    middle = np.exp(np.mean(np.log(x["x"])))
    tokens = float(np.median(x["answer_tokens"]))
    theta[:, 0] *= middle ** theta[:, 1] / tokens
    return theta


LAW = Law(
    name="exact_match",
    title="Exact match of a smooth law",
    formula="acc = exp(-k A C^-alpha)",
    citation="Schaeffer et al. 2023, arXiv:2304.15004",
    params=(
        Param("A", "nats/token", "loss of one token at C = 1", start=(1e2, 1e5)),
        Param("alpha", "1", "exponent of the loss of one token", start=(0.25, 0.6)),
    ),
    inputs=("x", "answer_tokens"),
    predict=predict,
    starts=starts,
    target="accuracy",
    link="linear",
    delta=1e-2,
    span=(0.0, 1.0),
    monotone={"x": 1, "answer_tokens": -1},
    needs=(
        Input("x", "", "scale", columns=("x", "flops"), typical=(1e8, 1e11)),
        Input(
            "answer_tokens",
            "tokens",
            "k, length of the answer",
            default=1.0,
            levels=1,
            typical=(1.0, 5.0),
        ),
    ),
    question="tasks",
    assumes="tokens right or wrong by themselves; no level of guessing",
    fails="multiple choice, where guessing gives a floor",
)
