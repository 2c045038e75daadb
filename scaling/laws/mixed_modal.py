"""Two modalities in one model: the mean of the separate losses, synergy and competition.

    L(N, D_i, D_j) = (L_i + L_j)/2 - C + A / N**alpha + B / (D_i + D_j)**beta

L_i, L_j losses of the modalities trained alone at this N and D (the input ``loss_alone`` is their
mean), D_i + D_j tokens of both, C the most that the modalities can help each other, in nats per
token; where the last two terms exceed C, they compete.

Source: Aghajanyan et al. 2023, "Scaling Laws for Generative Mixed-Modal Language Models",
arXiv:2301.03728.
"""

from __future__ import annotations

from typing import Any

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param


def predict(p: Any, x: Any) -> Array:
    """Loss of the model trained on both."""
    terms = p.A * x.params**-p.alpha + p.B * x.tokens**-p.beta
    value: Array = x.loss_alone - p.C + terms
    return value


LAW = Law(
    name="mixed_modal",
    title="Mixed modalities with interaction",
    formula="L = (L_i + L_j)/2 - C + A/N^alpha + B/(D_i + D_j)^beta",
    citation="Aghajanyan et al. 2023, arXiv:2301.03728",
    params=(
        Param("C", "nats/token", "greatest synergy", start=(0.02, 0.5)),
        Param("A", "nats/token", "competition for params at N = 1", start=(1.0, 1e4)),
        Param("B", "nats/token", "competition for data at one token", start=(1.0, 1e4)),
        Param("alpha", "1", "exponent of params", start=(0.1, 0.8)),
        Param("beta", "1", "exponent of tokens", start=(0.1, 0.8)),
    ),
    inputs=("params", "tokens", "loss_alone"),
    predict=predict,
    link="linear",
    delta=1e-2,
    span=(-float("inf"), float("inf")),
    monotone={"params": -1, "tokens": -1, "loss_alone": 1},
    needs=(
        Input("loss_alone", "nats/token", "mean loss of the modalities alone", typical=(2.0, 5.0)),
    ),
    question="mixtures",
    assumes="laws of the separate modalities known at the same N and D",
    fails="more than two modalities; uneven shares",
    simulated=True,
)
