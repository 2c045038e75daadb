"""Parallel scaling: P streams of one model count as more params.

    L = E + (A / (N (k ln P + 1)))**alpha

N params without embeddings, P parallel streams (learned prefixes, outputs combined), at a fixed
number of tokens; L loss in nats per token.

Source: Chen et al. 2025, "Parallel Scaling Law for Language Models", arXiv:2505.10475,
equation 5. The values come from the authors' table and form, fitted again (Huber on logs,
delta 1e-3).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param, Published


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token at params N and streams P."""
    size = np.log(x.params) + np.log1p(p.k * np.log(x.streams))
    value: Array = p.E + np.exp(p.alpha * (np.log(p.A) - size))
    return value


def _fit(corpus: str, e: float, a: float, alpha: float, k: float) -> Published:
    return Published(
        paper="chen2025",
        variant=corpus.lower(),
        citation="Chen et al. 2025, arXiv:2505.10475",
        data=f"24 runs on {corpus}, 42 billion tokens each",
        values={"E": e, "A": a * 1e9, "alpha": alpha, "k": k},
        note="the authors' table and form, fitted again",
    )


LAW = Law(
    name="parallel",
    title="Parallel scaling",
    formula="L = E + (A / (N (k ln P + 1)))^alpha",
    citation="Chen et al. 2025, arXiv:2505.10475",
    params=(
        Param("E", "nats/token", "irreducible loss at this number of tokens", start=(0.3, 3.0)),
        Param("A", "parameters", "params scale", start=(1e5, 1e10)),
        Param("alpha", "1", "exponent of params", start=(0.05, 0.6)),
        Param("k", "1", "worth of a factor e in streams", start=(0.05, 1.0)),
    ),
    inputs=("params", "streams"),
    predict=predict,
    needs=(Input("streams", low=1.0, open_low=False, typical=(1.0, 16.0)),),
    size="non_embedding",
    schedule="complete",
    kinds=("loss", "bits_per_byte"),
    monotone={"params": -1, "streams": -1},
    published=(
        _fit("Stack-V2-Python", 0.69121, 0.011307, 0.18936, 0.39346),
        _fit("Pile", 1.28859, 0.197517, 0.19628, 0.33444),
    ),
    question="shape",
    assumes="one number of tokens for all runs",
    fails="many more streams than were fitted (to 8); other token budgets",
)
