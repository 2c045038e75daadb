"""Kaplan's law in compute spent in the best way.

    L(C) = (Cc / C)**alpha_C

C training compute in FLOP, L loss in nats per token. The paper counts PF-days: one is 8.64e19 FLOP,
so its Cc of 3.1e8 PF-days is 2.68e28 FLOP. No irreducible loss: too optimistic far out.

Source: Kaplan et al. 2020, "Scaling Laws for Neural Language Models", arXiv:2001.08361,
equation 1.3, with C the compute at batches well below the critical batch ("C_min"). The paper says
N ~ C^.73 and D ~ C^.27 for the best allocation; `isoflop` and `chinchilla` give about .5 and .5.
Some texts quote an exponent of .08 for compute; the equation says .050.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Law, Param, Published

PF_DAY = 8.64e19


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token at compute C."""
    value: Array = np.exp(p.alpha_C * (np.log(p.Cc) - np.log(x.flops)))
    return value


LAW = Law(
    name="kaplan_compute",
    title="Kaplan law in C",
    formula="L = (Cc/C)^alpha_C",
    citation="Kaplan et al. 2020, arXiv:2001.08361, equation 1.3",
    params=(
        Param("Cc", "FLOP", "compute scale", start=(1e20, 1e32)),
        Param("alpha_C", "1", "exponent of compute", start=(0.02, 0.5)),
    ),
    inputs=("flops",),
    predict=predict,
    kinds=("loss", "bits_per_byte"),
    monotone={"flops": -1},
    published=(
        Published(
            paper="kaplan2020",
            citation="Kaplan et al. 2020, arXiv:2001.08361, equation 1.3",
            data="the authors' runs on WebText2; Cc printed as 3.1e8 PF-days",
            values={"alpha_C": 0.050, "Cc": 3.1e8 * PF_DAY},
            caveat="No irreducible loss, so too low far out; a figure of the paper has Cc as 2.3e8 "
            "PF-days; small models, counted without embeddings (Pearce and Song 2024, "
            "arXiv:2406.12907).",
        ),
    ),
    question="curve",
    assumes="runs on the compute-optimal frontier; losses far above the irreducible loss",
    fails="runs off the frontier; near the irreducible loss",
)
