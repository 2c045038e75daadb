"""Kaplan's law in params alone, for models trained until they stop improving.

    L(N) = (Nc / N)**alpha_N

N params without embeddings, L loss in nats per token. No irreducible loss: too optimistic far out.

Source: Kaplan et al. 2020, "Scaling Laws for Neural Language Models", arXiv:2001.08361,
equation 1.1.

The exponents of this paper are quoted in two ways. Its single-variable fits are .076 (params),
.095 (tokens) and .050 (compute spent optimally). Texts that say .095, .103 and .08 mix these with
the joint fit, whose data exponent is .103 (`kaplan_joint`); at 1e12 tokens the two data exponents
differ by 2.3 % of loss per factor 16 in tokens.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Law, Param, Published


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token at params N."""
    value: Array = np.exp(p.alpha_N * (np.log(p.Nc) - np.log(x.params)))
    return value


LAW = Law(
    name="kaplan_params",
    title="Kaplan law in N",
    formula="L = (Nc/N)^alpha_N",
    citation="Kaplan et al. 2020, arXiv:2001.08361, equation 1.1",
    params=(
        Param("Nc", "parameters", "params scale", start=(1e9, 1e17)),
        Param("alpha_N", "1", "exponent of params", start=(0.02, 0.5)),
    ),
    inputs=("params",),
    predict=predict,
    size="non_embedding",
    schedule="complete",
    kinds=("loss", "bits_per_byte"),
    monotone={"params": -1},
    published=(
        Published(
            paper="kaplan2020",
            citation="Kaplan et al. 2020, arXiv:2001.08361, equation 1.1",
            data="the authors' runs on WebText2, params without embeddings",
            values={"alpha_N": 0.076, "Nc": 8.8e13},
            caveat="No irreducible loss, so too low far out; small models, counted without "
            "embeddings (Pearce and Song 2024, arXiv:2406.12907).",
        ),
    ),
    question="curve",
    assumes="enough data; trained to convergence; losses far above the irreducible loss",
    fails="near the irreducible loss; runs whose tokens are few for their size",
)
