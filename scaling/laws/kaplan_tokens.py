"""Kaplan's law in tokens alone, for large models stopped early.

    L(D) = (Dc / D)**alpha_D

D tokens, L loss in nats per token. No irreducible loss: too optimistic far out.

Source: Kaplan et al. 2020, "Scaling Laws for Neural Language Models", arXiv:2001.08361,
equation 1.2. The data exponent is .095 here; .103 is that of the joint fit (`kaplan_joint`), and
some texts quote the latter as this law's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Law, Param, Published


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token at tokens D."""
    value: Array = np.exp(p.alpha_D * (np.log(p.Dc) - np.log(x.tokens)))
    return value


LAW = Law(
    name="kaplan_tokens",
    title="Kaplan law in D",
    formula="L = (Dc/D)^alpha_D",
    citation="Kaplan et al. 2020, arXiv:2001.08361, equation 1.2",
    params=(
        Param("Dc", "tokens", "tokens scale", start=(1e9, 1e17)),
        Param("alpha_D", "1", "exponent of tokens", start=(0.02, 0.5)),
    ),
    inputs=("tokens",),
    predict=predict,
    kinds=("loss", "bits_per_byte"),
    monotone={"tokens": -1},
    published=(
        Published(
            paper="kaplan2020",
            citation="Kaplan et al. 2020, arXiv:2001.08361, equation 1.2",
            data="the authors' runs on WebText2",
            values={"alpha_D": 0.095, "Dc": 5.4e13},
            caveat="No irreducible loss, so too low far out; .095 is the exponent of this law "
            "alone, the joint law of the same paper has .103.",
        ),
    ),
    question="curve",
    assumes="models large enough not to matter; losses far above the irreducible loss",
    fails="near the irreducible loss; runs whose size limits them",
)
