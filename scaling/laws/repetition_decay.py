"""Repeated data: the utility of a pool decays with every pass.

    y(k passes of U tokens) = d + a * U**-b * prod_{j=1..k-1} ((j+1)/j)**-b_j
    b_j = b * 2**(-j/tau)

U unique tokens, k = D/U passes (not only whole ones; the last may be part), y an error or loss. The
first pass acts with exponent b, the pass after j of them with b 2^(-j/tau): tau passes halve what
the pool still teaches.

Source: Goyal et al. 2024, "Scaling Laws for Data Filtering -- Data Curation cannot be Compute
Agnostic", arXiv:2404.07177. Their law is for a mixture of pools; this is its one-pool
form, and a curated pool with a larger b and smaller U is compared with the raw one by two fits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param

# Passes counted one by one; the gain of all further ones is below ln((k+1)/k) 2^(-k/tau), small
# for every half-life that data can tell from none.
PASSES = 64


def predict(p: Any, x: Any) -> Array:
    """Loss after D tokens of a pool of U."""
    passes = np.maximum(x.tokens / x.tokens_unique, 1.0)
    shown = np.minimum(x.tokens, x.tokens_unique)
    gain = np.log(shown)
    kept = np.exp(-np.log(2.0) / p.tau)
    factor = 1.0
    for j in range(1, PASSES):
        factor = factor * kept
        more = np.log(np.minimum(np.maximum(passes, float(j)), j + 1.0) / j)
        gain = gain + factor * more
    value: Array = p.d + p.a * np.exp(-p.b * gain)
    return value


LAW = Law(
    name="repetition_decay",
    title="Utility of data decays with repetition",
    formula="y = d + a U^-b prod_j ((j+1)/j)^(-b 2^(-j/tau))",
    citation="Goyal et al. 2024, arXiv:2404.07177",
    params=(
        Param("d", "unit of y", "floor", start=(0.3, 3.0)),
        Param("a", "unit of y", "size at one token", start=(1.0, 1e5)),
        Param("b", "1", "exponent of the first pass", start=(0.05, 1.0)),
        Param("tau", "passes", "half-life of the pool", start=(0.5, 30.0)),
    ),
    inputs=("tokens", "tokens_unique"),
    predict=predict,
    linear=("d", "a"),
    monotone={"tokens": -1},
    needs=(Input("tokens_unique", levels=2),),
    question="repeats",
    assumes="one model size; one pool, shuffled in every pass",
    fails="models large enough to over-fit the pool, where loss rises; more than 64 passes",
)
