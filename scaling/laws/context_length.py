"""Loss by length of the context.

    L(c) = (alpha/c)**beta + gamma

c tokens of context, L loss in nats per token at that length.

Source: Xiong et al. 2023, "Effective Long-Context Scaling of Foundation Models", arXiv:2309.16039;
constants as a text that quotes them gives them. Tested on simulated runs only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param, Published


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token at c tokens of context."""
    value: Array = np.exp(p.beta * (np.log(p.alpha) - np.log(x.context))) + p.gamma
    return value


def _fit(size: str, alpha: float, beta: float, gamma: float) -> Published:
    return Published(
        paper="xiong2023",
        variant=size,
        citation="Xiong et al. 2023, arXiv:2309.16039",
        data=f"Llama 2 Long, {size.upper()}",
        values={"alpha": alpha, "beta": beta, "gamma": gamma},
        secondary=True,
    )


LAW = Law(
    name="context_length",
    title="Loss by length of the context",
    formula="L = (alpha/c)^beta + gamma",
    citation="Xiong et al. 2023, arXiv:2309.16039",
    params=(
        Param("alpha", "tokens", "length at which the first part is 1 nat", start=(1.0, 1e3)),
        Param("beta", "1", "exponent of length", start=(0.2, 0.9)),
        Param("gamma", "nats/token", "loss at infinite length", start=(0.3, 3.0)),
    ),
    inputs=("context",),
    predict=predict,
    needs=(Input("context", "tokens", "length of the context", typical=(64, 65536)),),
    kinds=("loss", "bits_per_byte"),
    monotone={"context": -1},
    published=(
        _fit("7b", 25.4, 0.45, 1.56),
        _fit("13b", 19.5, 0.48, 1.45),
        _fit("34b", 17.7, 0.50, 1.41),
        _fit("70b", 17.9, 0.51, 1.35),
    ),
    question="shape",
    assumes="one model that was trained at these lengths; the same documents at each",
    fails="lengths beyond those of training; positions inside one length",
    simulated=True,
)
