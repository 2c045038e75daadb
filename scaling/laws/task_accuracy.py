"""Task accuracy as a sigmoid of task loss: the second step of a model ladder.

    Acc(L) = c - a / (1 + exp(-k * (L - L0)))

L task loss (bits per byte of the right answer, or nats), Acc accuracy as a fraction, c <= 1 the
accuracy at low loss, c - a that of guessing, L0 the loss half way, k > 0 the slope.

Source: Bhagia et al. 2024, "Establishing Task Scaling Laws via Compute-Efficient Model Ladders",
arXiv:2412.04403 (there with -a for a, and b for c).

`ladder` chains it to a law of task loss in params and tokens. The authors fit it to all
checkpoints of the small runs but the first tenth, smoothed over five, and add the point (0, 1).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param


def predict(p: Any, x: Any) -> Array:
    """Accuracy at task loss L."""
    value: Array = p.c - p.a * np.exp(-np.logaddexp(0.0, -p.k * (x.task_loss - p.L0)))
    return value


def starts(x: Mapping[str, Array], y: Array) -> Array:
    """Middles within and below the data, slopes by their spread."""
    low, high = float(x["task_loss"].min()), float(x["task_loss"].max())
    spread = max(high - low, 1e-6)
    middles = (0.3 * low, 0.7 * low, low, low + 0.3 * spread, low + 0.7 * spread)
    slopes = (0.5 / spread, 1.5 / spread, 4.0 / spread, 12.0 / spread)
    return np.array(list(itertools.product((0.7, 0.9, 0.99), (0.2, 0.5, 0.75), slopes, middles)))


LAW = Law(
    name="task_accuracy",
    title="Task accuracy from task loss",
    formula="Acc = c - a / (1 + exp(-k (L - L0)))",
    citation="Bhagia et al. 2024, arXiv:2412.04403",
    params=(
        Param("c", "fraction", "accuracy at low loss", "unit", start=(0.85, 0.99)),
        Param("a", "fraction", "gain from guessing to low loss", "unit", start=(0.4, 0.8)),
        Param("k", "1/unit of L", "slope", start=(2.0, 10.0)),
        Param("L0", "unit of L", "loss half way", start=(0.5, 1.2)),
    ),
    inputs=("task_loss",),
    predict=predict,
    starts=starts,
    target="accuracy",
    link="linear",
    delta=1e-2,
    monotone={"task_loss": -1},
    kinds=("accuracy", "score"),
    needs=(Input("task_loss", "bits/byte", "loss of the right answer", typical=(0.3, 2.0)),),
    question="tasks",
    assumes="one task; loss and accuracy on the same questions",
    fails="tasks on which the small runs only guess: neither slope nor middle is determined",
)
