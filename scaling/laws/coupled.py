"""Approach 3 with a coupling exponent over both terms.

    L(N, D) = E + (A N**-alpha + B D**-beta)**gamma

N params, D tokens, L loss in nats per token. gamma = 1 is approach 3 (`chinchilla`); gamma =
alpha_D with alpha = alpha_N/alpha_D, beta = 1 and E = 0 is Kaplan's joint law. With gamma below 1
the two shortages partly hide each other: what N lacks costs less where D lacks much.

A, B, alpha, beta and gamma trade off along a valley (the outer power rescales the inner ones), so
single values are weakly determined where runs lie near one N-D line; compare predictions, not
parameters.

Sources: Busbridge et al. 2025, "Distillation Scaling Laws", arXiv:2502.08606 (the supervised law);
Videau et al. 2026 ("Skaling").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Law, Param, Published


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token; the inner sum in logs, so that no power overflows."""
    size = np.log(p.A) - p.alpha * np.log(x.params)
    data = np.log(p.B) - p.beta * np.log(x.tokens)
    value: Array = p.E + np.exp(p.gamma * np.logaddexp(size, data))
    return value


def surface(p: Mapping[str, Array], x: Mapping[str, float]) -> tuple[object, ...]:
    """Itself."""
    return p["E"], np.log(p["A"]), np.log(p["B"]), p["alpha"], p["beta"], p["gamma"]


LAW = Law(
    name="coupled",
    title="Coupled law in N and D",
    formula="L = E + (A N^-alpha + B D^-beta)^gamma",
    citation="Busbridge et al. 2025, arXiv:2502.08606",
    params=(
        Param("E", "nats/token", "irreducible loss", start=(0.3, 3.0)),
        Param("A", "(nats/token)^(1/gamma)", "size of the params term at N = 1", start=(1.0, 1e8)),
        Param("B", "(nats/token)^(1/gamma)", "size of the tokens term at D = 1", start=(1.0, 1e8)),
        Param("alpha", "1", "inner exponent of params", start=(0.1, 0.9)),
        Param("beta", "1", "inner exponent of tokens", start=(0.1, 0.9)),
        Param("gamma", "1", "outer exponent", start=(0.3, 2.0)),
    ),
    inputs=("params", "tokens"),
    predict=predict,
    schedule="complete",
    kinds=("loss", "bits_per_byte"),
    monotone={"params": -1, "tokens": -1},
    published=(
        Published(
            paper="busbridge2025",
            citation="Busbridge et al. 2025, arXiv:2502.08606",
            data="the authors' models without a teacher",
            values={
                "E": 1.220,
                "A": 3355.0,
                "B": 18186.0,
                "alpha": 0.408,
                "beta": 0.431,
                "gamma": 0.452,
            },
            note="the loss of a student without a teacher, as `distillation` takes it",
            caveat="Constants as a text that quotes the paper gives them; A, B and the exponents "
            "trade off, so only the losses they give can be compared.",
            secondary=True,
        ),
    ),
    surface=surface,
    approach="3, coupled law",
    roles={"plan": 2},
    question="sizes",
    assumes="as approach 3, but the two shortages may interact",
    fails="runs near one N-D line, where gamma is not determined",
)
