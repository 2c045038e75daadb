"""Task accuracy as a sigmoid of task loss: the second step of a model ladder.

    Acc(L) = b + a / (1 + exp(k * (L - L0)))

L task loss (bits per byte of the right answer, or nats), Acc accuracy as a fraction, b accuracy
of guessing, a + b the accuracy at low loss, L0 the loss half way, k > 0 the slope.

Source: Bhagia et al. 2024, "Establishing Task Scaling Laws via Compute-Efficient Model Ladders",
arXiv:2412.04403 (there with a < 0 and the sign of k turned round).

`ladder` chains it to a law of task loss in params and tokens. The authors fit it to all
checkpoints of the small runs but the first tenth, smoothed over five, and add the point (0, 1).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.laws._law import Array, Input, Law, Param


def predict(p: Any, x: Any) -> Array:
    """Accuracy at task loss L."""
    value: Array = p.b + p.a * np.exp(-np.logaddexp(0.0, p.k * (x.task_loss - p.L0)))
    return value


LAW = Law(
    name="task_accuracy",
    title="Task accuracy from task loss",
    formula="Acc = b + a / (1 + exp(k (L - L0)))",
    citation="Bhagia et al. 2024, arXiv:2412.04403",
    params=(
        Param("b", "fraction", "accuracy of guessing", start=(0.05, 0.5)),
        Param("a", "fraction", "gain from guessing to low loss", start=(0.2, 0.9)),
        Param("k", "1/unit of L", "slope", start=(0.5, 12.0)),
        Param("L0", "unit of L", "loss half way", start=(0.3, 2.0)),
    ),
    inputs=("task_loss",),
    predict=predict,
    linear=("b", "a"),
    target="accuracy",
    link="linear",
    delta=1e-2,
    monotone={"task_loss": -1},
    kinds=("accuracy", "score"),
    needs=(Input("task_loss", "bits/byte", "loss of the right answer", typical=(0.3, 2.0)),),
    assumes="one task; loss and accuracy on the same questions",
    fails="tasks on which the small runs only guess: neither slope nor middle is determined",
)
