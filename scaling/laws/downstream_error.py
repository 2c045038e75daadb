"""Downstream error from validation loss.

    Err(L) = eps - k * exp(-g * L)

L validation loss in nats per token, Err the mean top-1 error over a set of tasks as a fraction,
eps the error of guessing (reached at high loss), k > 0 a fraction, g > 0 per nat.

Source: Gadre et al. 2024, "Language models scale reliably with over-training and on downstream
tasks", arXiv:2403.08540. The values below come from running the authors' procedure
(least squares on raw errors, 17 tasks, their six runs per corpus) on their table; the paper's
rounded ones agree. Errors printed for the two large RedPajama runs: 3.64 % and .05 %.

The law is of one evaluation set and one family of corpora: k and g shift with the corpus.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param, Published


def predict(p: Any, x: Any) -> Array:
    """Mean task error at validation loss L."""
    value: Array = p.eps - p.k * np.exp(-p.g * x.validation_loss)
    return value


_CITATION = "Gadre et al. 2024, arXiv:2403.08540"


def _published(corpus: str, eps: float, k: float, g: float) -> Published:
    return Published(
        paper="gadre2024",
        variant=corpus.lower(),
        citation=_CITATION,
        data=f"gadre-overtraining, {corpus}: 11M, 79M, 154M, 411M and 1.4B at 20 tokens a param, "
        "11M at 320; C4 loss, 17 tasks",
        values={"eps": eps, "k": k, "g": g},
        note="the authors' procedure on their table",
    )


LAW = Law(
    name="downstream_error",
    title="Downstream error from loss",
    formula="Err = eps - k exp(-g L)",
    citation=_CITATION,
    params=(
        Param("eps", "fraction", "error of guessing", start=(0.5, 1.0)),
        Param("k", "fraction", "gain at zero loss, extrapolated", start=(0.5, 10.0)),
        Param("g", "1/nat", "rate", start=(0.2, 2.0)),
    ),
    inputs=("validation_loss",),
    predict=predict,
    linear=("eps", "k"),
    target="error",
    link="linear",
    delta=1e-2,
    span=(-float("inf"), float("inf")),
    monotone={"validation_loss": 1},
    kinds=("error",),
    needs=(
        Input(
            "validation_loss",
            "nats/token",
            "validation loss",
            columns=("validation_loss", "loss"),
            typical=(2.0, 5.0),
        ),
    ),
    published=(
        _published("C4", 0.8497, 2.0789, 0.7561),
        _published("RedPajama", 0.8570, 2.2065, 0.7146),
        _published("RefinedWeb", 0.8653, 2.2148, 0.7070),
    ),
    question="tasks",
    assumes="a mean over many tasks; one corpus, one tokenizer, one validation set",
    fails="single tasks with a step, losses below the data, where the error may turn negative",
)
