"""Distillation: a student's loss from its teacher's loss and its own size and tokens.

    L_S = L_T + L_T**-c0 (1 + (L_T / (L~_S d1))**(1/f1))**(-c1 f1) (A/N**alpha + B/D**beta)**gamma

L_T the teacher's loss, L~_S the loss that a student of N params and D tokens would reach without a
teacher (from a supervised law, such as `coupled`), all in nats per token. The middle factor bends
where the teacher is as good as the student could be by itself.

Source: Busbridge et al. 2025, "Distillation Scaling Laws", arXiv:2502.08606, equation 8. Nine
parameters, of which A, B, alpha, beta and gamma trade off as in `coupled`. Tested on simulated runs
only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param


def predict(p: Any, x: Any) -> Array:
    """Student loss in nats per token."""
    teacher = np.log(x.loss_teacher)
    ratio = (teacher - np.log(x.loss_supervised) - np.log(p.d1)) / p.f1
    bend = -p.c1 * p.f1 * np.logaddexp(0.0, ratio)
    size = np.log(p.A) - p.alpha * np.log(x.params)
    data = np.log(p.B) - p.beta * np.log(x.tokens)
    gap = p.gamma * np.logaddexp(size, data) + bend - p.c0 * teacher
    value: Array = x.loss_teacher + np.exp(gap)
    return value


LAW = Law(
    name="distillation",
    title="Distillation law",
    formula="L_S = L_T + L_T^-c0 (1 + (L_T/(L~ d1))^(1/f1))^(-c1 f1) (A/N^alpha + B/D^beta)^gamma",
    citation="Busbridge et al. 2025, arXiv:2502.08606, equation 8",
    params=(
        Param("c0", "1", "exponent of the teacher's loss", start=(0.5, 3.0)),
        Param("c1", "1", "strength of the bend", start=(0.3, 3.0)),
        Param("d1", "1", "place of the bend in L_T / L~_S", start=(0.5, 2.0)),
        Param("f1", "1", "width of the bend", start=(0.1, 0.6)),
        Param("A", "(nats/token)^(1/gamma)", "size of the params term", start=(1e1, 1e4)),
        Param("B", "(nats/token)^(1/gamma)", "size of the tokens term", start=(1e1, 1e4)),
        Param("alpha", "1", "inner exponent of params", start=(0.2, 0.6)),
        Param("beta", "1", "inner exponent of tokens", start=(0.2, 0.6)),
        Param("gamma", "1", "outer exponent", start=(0.4, 1.2)),
    ),
    inputs=("loss_teacher", "loss_supervised", "params", "tokens"),
    predict=predict,
    needs=(
        Input("loss_teacher", "nats/token", "the teacher's loss", high=100.0, typical=(1.7, 3.5)),
        Input(
            "loss_supervised",
            "nats/token",
            "loss of the student without a teacher",
            high=100.0,
            typical=(1.9, 4.5),
        ),
    ),
    schedule="complete",
    kinds=("loss",),
    monotone={"params": -1, "tokens": -1},
    question="other_loss",
    assumes="one family of teachers, tokenizer and mixture; the student sees all probabilities",
    fails="students that beat their teacher; small tables (nine parameters)",
    simulated=True,
)
