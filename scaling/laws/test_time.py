"""Test-time compute: accuracy against tokens spent on an answer, saturating.

    acc(T) = c / (1 + exp(-(a + b ln T)))

T tokens per problem, c the ceiling (1 where nothing saturates), b the slope of the log-odds
ln(acc / (c - acc)) per e-fold of tokens.

The form is ours: reports show accuracy about linear in log tokens (OpenAI 2024, "Learning to reason
with LLMs"; Snell et al. 2024, arXiv:2408.03314), which is the middle part of this curve and, unlike
a straight line, stays between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._grids import fill
from scaling.laws._law import Input, Law, Param


def predict(p: Any, x: Any) -> Array:
    """Accuracy at T tokens."""
    value: Array = p.c * np.exp(-np.logaddexp(0.0, -(p.a + p.b * np.log(x.answer_tokens))))
    return value


def starts(x: Mapping[str, Array], y: Array) -> Array:
    """Even odds from below the data to far beyond them; the ceiling is projected out."""
    logs = np.log(x["answer_tokens"])
    theta = fill({"b": (0.03, 2.0), "a": (logs.min() - 3.0, logs.max() + 6.0)}, LAW.names, 300)
    names = LAW.names
    theta[:, names.index("a")] *= -theta[:, names.index("b")]
    theta[:, names.index("c")] = 0.9
    return theta


LAW = Law(
    name="test_time",
    title="Test-time compute",
    formula="acc = c / (1 + exp(-(a + b ln T)))",
    citation="after Snell et al. 2024, arXiv:2408.03314",
    params=(
        Param("c", "fraction", "ceiling", "unit", start=(0.7, 0.99)),
        Param("a", "1", "log-odds at one token", "real", start=(-8.0, -4.0)),
        Param("b", "1", "slope of the log-odds per e-fold of tokens", start=(0.2, 1.0)),
    ),
    inputs=("answer_tokens",),
    predict=predict,
    starts=starts,
    target="accuracy",
    link="linear",
    delta=1e-2,
    span=(0.0, 1.0),
    monotone={"answer_tokens": 1},
    needs=(
        Input(
            "answer_tokens",
            "tokens",
            "tokens per problem",
            columns=("answer_tokens", "x"),
            typical=(1e2, 1e5),
        ),
    ),
    kinds=("accuracy", "score"),
    question="attempts",
    assumes="one model, one way of spending tokens, one set of problems",
    fails="few problems (30 give a standard error of 9 points); ceilings beyond the data",
)
