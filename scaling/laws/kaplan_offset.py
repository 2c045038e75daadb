"""Kaplan's joint law with an irreducible loss.

    L = E + ((A/N)**(alpha/beta) + B/D)**beta

N params, D tokens, L loss in nats per token; E is the floor of a corpus that `loss_to_loss` takes.

Source: Brandfonbrener et al. 2024, "Loss-to-Loss Prediction: Scaling Laws for All Datasets",
arXiv:2411.12925, which fits it on each corpus; without E it is Kaplan et al. 2020,
arXiv:2001.08361, equation 1.5. Tested on simulated runs only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Law, Param


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token; the inner sum in logs, so that no power overflows."""
    size = (p.alpha / p.beta) * (np.log(p.A) - np.log(x.params))
    data = np.log(p.B) - np.log(x.tokens)
    value: Array = p.E + np.exp(p.beta * np.logaddexp(size, data))
    return value


def surface(p: Mapping[str, Array], x: Mapping[str, float]) -> tuple[object, ...]:
    """The coupled form with exponents alpha/beta and 1 inside, beta outside."""
    power = p["alpha"] / p["beta"]
    return p["E"], power * np.log(p["A"]), np.log(p["B"]), power, np.ones_like(power), p["beta"]


LAW = Law(
    name="kaplan_offset",
    title="Kaplan's joint law with an irreducible loss",
    formula="L = E + ((A/N)^(alpha/beta) + B/D)^beta",
    citation="Brandfonbrener et al. 2024, arXiv:2411.12925",
    params=(
        Param("E", "nats/token", "irreducible loss", start=(0.3, 3.0)),
        Param("A", "parameters", "params at which their term is 1", start=(1e6, 1e13)),
        Param("B", "tokens", "tokens at which their term is 1", start=(1e7, 1e13)),
        Param("alpha", "1", "exponent of params", start=(0.1, 0.8)),
        Param("beta", "1", "exponent of tokens", start=(0.1, 0.8)),
    ),
    inputs=("params", "tokens"),
    predict=predict,
    size="non_embedding",
    schedule="complete",
    kinds=("loss", "bits_per_byte"),
    monotone={"params": -1, "tokens": -1},
    surface=surface,
    question="sizes",
    assumes="one recipe and corpus; learning-rate schedule finished",
    fails="repeated data, unfinished schedules, runs that all lie on one N-D line",
    simulated=True,
)
