"""Kaplan joint law in params and tokens.

    L(N, D) = ((Nc / N)**(alpha_N / alpha_D) + Dc / D)**alpha_D

N non-embedding params, D tokens, L loss in nats per token. The law has no irreducible loss: it
goes to zero with N and D, so it is too optimistic far out.

Source: Kaplan et al. 2020, "Scaling Laws for Neural Language Models", arXiv:2001.08361,
equation 1.5 and table 2. The single-variable fits of the same paper have other exponents
(.076, .095, .050); .103 is the data exponent of this joint fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Law, Param, Published


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token; in logs, so that no power overflows between 1e0 and 1e30."""
    size = (p.alpha_N / p.alpha_D) * (np.log(p.Nc) - np.log(x.params))
    data = np.log(p.Dc) - np.log(x.tokens)
    value: Array = np.exp(p.alpha_D * np.logaddexp(size, data))
    return value


def surface(p: Mapping[str, Array], x: Mapping[str, float]) -> tuple[object, ...]:
    """E 0, beta 1, gamma alpha_D."""
    ratio = p["alpha_N"] / p["alpha_D"]
    return 0.0, ratio * np.log(p["Nc"]), np.log(p["Dc"]), ratio, 1.0, p["alpha_D"]


LAW = Law(
    name="kaplan_joint",
    title="Kaplan joint law in N and D",
    formula="L = ((Nc/N)^(alpha_N/alpha_D) + Dc/D)^alpha_D",
    citation="Kaplan et al. 2020, arXiv:2001.08361, equation 1.5",
    params=(
        Param("Nc", "parameters", "params scale", start=(1e9, 1e17)),
        Param("Dc", "tokens", "tokens scale", start=(1e9, 1e17)),
        Param("alpha_N", "1", "exponent of params", start=(0.02, 0.5)),
        Param("alpha_D", "1", "exponent of tokens", start=(0.02, 0.5)),
    ),
    inputs=("params", "tokens"),
    predict=predict,
    size="non_embedding",
    kinds=("loss", "bits_per_byte"),
    monotone={"params": -1, "tokens": -1},
    published=(
        Published(
            paper="kaplan2020",
            citation="Kaplan et al. 2020, arXiv:2001.08361, table 2",
            data="the authors' runs on WebText2, non-embedding params",
            values={"alpha_N": 0.076, "alpha_D": 0.103, "Nc": 6.4e13, "Dc": 1.8e13},
            note="fitted to early-stopped runs, not to runs of one budget",
            caveat="No irreducible loss, so too low far out; its optimum at 6ND = C grows as "
            "C^.58, not as the C^.73 of the paper's own allocation (`envelope:kaplan2020`); small "
            "models, counted without embeddings (Pearce and Song 2024, arXiv:2406.12907).",
        ),
    ),
    surface=surface,
    approach="3, Kaplan's joint law",
    roles={"forecast": 2, "plan": 4},
    question="sizes",
    assumes="losses far above the irreducible loss; early-stopped runs",
    fails="near the irreducible loss and far beyond the data, where it goes to zero",
)
