"""Fine-grained mixture of experts: granularity as a third axis.

    L(N, D, G) = c + (g / G**gamma + a) / N**alpha + b / D**beta

N params without embeddings, D tokens, G granularity: how many fine experts stand for one whole
(G = d_ff / d_expert), at a fixed expansion rate.

Source: Krajewski et al. 2024, "Scaling Laws for Fine-Grained Mixture of Experts",
arXiv:2402.07871, equation 9 and table 1. The values below were read in another text than the paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param, Published, Term


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token at params N, tokens D and granularity G."""
    size = (p.g * x.granularity**-p.gamma + p.a) * x.params**-p.alpha
    value: Array = p.c + size + p.b * x.tokens**-p.beta
    return value


def surface(p: Mapping[str, Array], x: Mapping[str, float]) -> tuple[object, ...]:
    """At one granularity (default 1)."""
    size = p["g"] * x.get("granularity", 1.0) ** -p["gamma"] + p["a"]
    return p["c"], np.log(size), np.log(p["b"]), p["alpha"], p["beta"], 1.0


LAW = Law(
    name="fine_grained",
    title="Fine-grained mixture of experts",
    formula="L = c + (g/G^gamma + a)/N^alpha + b/D^beta",
    citation="Krajewski et al. 2024, arXiv:2402.07871",
    params=(
        Param("c", "nats/token", "irreducible loss", start=(0.1, 2.0)),
        Param("a", "nats/token", "size of the params term at infinite G", start=(1.0, 1e4)),
        Param("b", "nats/token", "size of the tokens term", start=(1.0, 1e4)),
        Param("g", "nats/token", "what coarse experts add at G = 1", start=(0.1, 1e3)),
        Param("alpha", "1", "exponent of params", start=(0.05, 0.6)),
        Param("beta", "1", "exponent of tokens", start=(0.05, 0.6)),
        Param("gamma", "1", "exponent of granularity", start=(0.2, 1.5)),
    ),
    inputs=("params", "tokens", "granularity"),
    predict=predict,
    linear=("c", "a", "b", "g"),
    terms=(
        Term("c"),
        Term("a", {"params": ("alpha", -1.0)}),
        Term("g", {"params": ("alpha", -1.0), "granularity": ("gamma", -1.0)}),
        Term("b", {"tokens": ("beta", -1.0)}),
    ),
    needs=(
        Input("granularity", "1", "G = d_ff / d_expert", low=1.0, open_low=False, typical=(1, 32)),
    ),
    size="non_embedding",
    schedule="complete",
    kinds=("loss", "bits_per_byte"),
    monotone={"params": -1, "tokens": -1, "granularity": -1},
    published=(
        Published(
            paper="krajewski2024",
            citation="Krajewski et al. 2024, arXiv:2402.07871, table 1",
            data="the authors' runs on C4, expansion rate 64",
            values={
                "a": 18.1,
                "alpha": 0.115,
                "b": 30.8,
                "beta": 0.147,
                "g": 2.1,
                "gamma": 0.58,
                "c": 0.47,
            },
            caveat="N counts the params of all experts, so 6ND is not the compute of a run; "
            "`scaling plan moe` counts it.",
            secondary=True,
        ),
    ),
    surface=surface,
    question="experts",
    assumes="a fixed expansion rate; granularity within what routing can serve (to about 32)",
    fails="changing expansion rates; very fine experts, whose routing costs as much as they save",
    simulated=True,
)
