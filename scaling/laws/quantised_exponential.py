"""Quantisation after training, falling exponentially with bits.

    L = L_full + k exp(-P/g_P) D**beta / N**alpha

L_full the loss before, P bits of the weights after training, N params, D tokens of a model that was
trained in 16 bits. `quantised_after` has a power of P instead: where both fit, they part below the
fewest bits of the runs.

Source: Kumar et al. 2024, "Scaling Laws for Precision", arXiv:2411.04330, for training in high
precision; the constants as a text that quotes it gives them. Tested on simulated runs only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Law, Param, Published
from scaling.laws._quantised import NEEDS


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token after quantisation."""
    size = p.beta * np.log(x.tokens) - p.alpha * np.log(x.params) - x.bits_after / p.g_P
    value: Array = x.loss_full + p.k * np.exp(size)
    return value


LAW = Law(
    name="quantised_exponential",
    title="Quantisation after training, exponential in bits",
    formula="L = L_full + k e^(-P/g_P) D^beta / N^alpha",
    citation="Kumar et al. 2024, arXiv:2411.04330",
    params=(
        Param("k", "nats/token", "size of what quantisation adds", start=(3e-3, 1.0)),
        Param("alpha", "1", "exponent of params", start=(0.2, 0.5)),
        Param("beta", "1", "exponent of tokens", start=(0.4, 0.6)),
        Param("g_P", "bits", "bits that lower it to 1/e", start=(0.4, 1.0)),
    ),
    inputs=("loss_full", "params", "tokens", "bits_after"),
    predict=predict,
    needs=NEEDS,
    size="non_embedding",
    kinds=("loss", "bits_per_byte"),
    monotone={"params": -1, "tokens": 1, "bits_after": -1, "loss_full": 1},
    published=(
        Published(
            paper="kumar2024",
            citation="Kumar et al. 2024, arXiv:2411.04330",
            data="the authors' runs, quantised after training",
            values={"k": 0.0598, "alpha": 0.3439, "beta": 0.5068, "g_P": 0.5907},
            note="for models trained in 16 bits",
            caveat="Read in one text that quotes the paper; N_eff is N at 16 bits.",
            secondary=True,
        ),
    ),
    question="bits",
    assumes="training in high precision; one method of quantisation; one test set",
    fails="models trained in few bits, which lose less; other methods of quantisation",
    simulated=True,
)
