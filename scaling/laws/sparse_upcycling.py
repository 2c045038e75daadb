"""Sparse upcycling: loss of a routed model that starts from a dense one.

    L = A D1**-alpha D2**(-beta + gamma ln D1) + E

D1 tokens of the dense model, D2 tokens after it was made into a routed one, L loss in nats per
token. With gamma above 0 the longer the dense training, the less each further token gains.

Source: Liew et al. 2025, "Scaling Laws for Upcycling Mixture-of-Experts Language Models",
arXiv:2502.03009. The form is as that paper describes it, not checked against its text. Tested on
simulated runs only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token after D1 dense tokens and D2 routed ones."""
    dense, routed = np.log(x.tokens_dense), np.log(x.tokens_upcycled)
    value: Array = p.A * np.exp(-p.alpha * dense + (p.gamma * dense - p.beta) * routed) + p.E
    return value


LAW = Law(
    name="sparse_upcycling",
    title="Sparse upcycling",
    formula="L = A D1^-alpha D2^(-beta + gamma ln D1) + E",
    citation="Liew et al. 2025, arXiv:2502.03009",
    params=(
        Param("A", "nats/token", "size of the term", start=(1e2, 1e6)),
        Param("alpha", "1", "exponent of dense tokens", start=(0.1, 0.4)),
        Param("beta", "1", "exponent of tokens after upcycling", start=(0.1, 0.4)),
        Param("gamma", "1", "dense tokens on that exponent", "real", start=(0.0, 0.008)),
        Param("E", "nats/token", "irreducible loss", start=(0.3, 3.0)),
    ),
    inputs=("tokens_dense", "tokens_upcycled"),
    predict=predict,
    linear=("A", "E"),
    needs=(
        Input("tokens_dense", "tokens", "of the dense model before upcycling"),
        Input("tokens_upcycled", "tokens", "after it was made into a routed model"),
    ),
    schedule="complete",
    kinds=("loss", "bits_per_byte"),
    question="experts",
    assumes="one dense model and one number of experts; both phases with the same recipe",
    fails="sizes that differ between rows; far beyond the runs, where the exponent changes sign",
    simulated=True,
)
