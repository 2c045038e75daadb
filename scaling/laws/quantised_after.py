"""Quantisation after training: what it adds to the loss of a finished model.

    L = L_full + k D**beta / (N**alpha P**gamma)

L_full loss before quantisation (the input ``loss_full``), N params without embeddings, D tokens of
training, P bits of weights, L loss after it, in nats per token. The more tokens a model of one size
has seen, the more it loses.

Source: Ouyang et al. 2024, "Low-Bit Quantization Favors Undertrained LLMs", arXiv:2411.17691;
constants of GPTQ as a text that quotes them gives them. Tested on simulated runs only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Law, Param, Published
from scaling.laws._quantised import NEEDS


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token after quantisation."""
    value: Array = x.loss_full + added(p, x)
    return value


def added(p: Any, x: Any) -> Any:
    """What quantisation adds, in nats per token."""
    data = p.beta * np.log(x.tokens) - p.alpha * np.log(x.params)
    return p.k * np.exp(data - p.gamma * np.log(x.bits_after))


LAW = Law(
    name="quantised_after",
    title="Quantisation after training",
    formula="L = L_full + k D^beta / (N^alpha P^gamma)",
    citation="Ouyang et al. 2024, arXiv:2411.17691",
    params=(
        Param("k", "nats/token", "size of what quantisation adds", start=(1e-3, 1.0)),
        Param("alpha", "1", "exponent of params", start=(0.1, 0.5)),
        Param("beta", "1", "exponent of tokens", start=(0.2, 0.8)),
        Param("gamma", "1", "exponent of bits", start=(3.0, 7.0)),
    ),
    inputs=("loss_full", "params", "tokens", "bits_after"),
    predict=predict,
    needs=NEEDS,
    size="non_embedding",
    kinds=("loss", "bits_per_byte"),
    monotone={"params": -1, "tokens": 1, "bits_after": -1, "loss_full": 1},
    published=(
        Published(
            paper="ouyang2024",
            citation="Ouyang et al. 2024, arXiv:2411.17691",
            data="checkpoints of Pythia, GPTQ, loss on RefinedWeb",
            values={"k": 0.017, "alpha": 0.2261, "beta": 0.5251, "gamma": 5.4967},
            caveat="One method of quantisation (GPTQ) and one family of models.",
            secondary=True,
        ),
    ),
    question="bits",
    assumes="one method of quantisation; the same test set before and after",
    fails="quantisation in training (`quantised_training`); other methods, whose k differs",
    simulated=True,
)
