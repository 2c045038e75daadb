"""Reward-model over-optimisation under best-of-n sampling.

    R(d) = d (alpha - beta d),    d = sqrt(KL(policy || initial policy))

R gold reward minus that of the initial policy, KL in nats, alpha and beta in units of reward per
sqrt(nat). The gold reward rises, peaks at d = alpha/(2 beta) and falls while the proxy goes on
rising.

Source: Gao et al. 2022, "Scaling Laws for Reward Model Overoptimization", arXiv:2210.10760,
The coefficients change smoothly (about linearly in log reward-model params); the paper
gives them in figures only, so none are printed here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param


def predict(p: Any, x: Any) -> Array:
    """Gold reward at a KL divergence."""
    distance = np.sqrt(x.kl)
    value: Array = distance * (p.alpha - p.beta * distance)
    return value


LAW = Law(
    name="reward_best_of_n",
    title="Gold reward under best-of-n sampling",
    formula="R = d (alpha - beta d), d = sqrt(KL)",
    citation="Gao et al. 2022, arXiv:2210.10760",
    params=(
        Param("alpha", "reward/sqrt(nat)", "first gain", "real", start=(0.1, 3.0)),
        Param("beta", "reward/nat", "over-optimisation", "real", start=(0.005, 0.3)),
    ),
    inputs=("kl",),
    predict=predict,
    linear=("alpha", "beta"),
    target="reward",
    link="linear",
    delta=1e-2,
    span=(-float("inf"), float("inf")),
    needs=(Input("kl", "nats", "KL divergence from the initial policy", typical=(0.1, 100.0)),),
    question="reward",
    assumes="one reward model and one policy size; rewards counted from the initial policy's",
    fails="far beyond the data: the form has no floor",
    simulated=True,
)
