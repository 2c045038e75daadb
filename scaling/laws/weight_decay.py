"""The best averaging time of AdamW, and so the best weight decay.

    tau = B / (eta lambda D) = a (D/N)**-b,    lambda = B / (eta tau D)

tau the time over which AdamW averages its updates, as a share of the run, B batch and D tokens (in
one unit), eta the learning rate, lambda the weight decay, N params. Longer training per param wants
a shorter share.

Source: Bergsma et al. 2025, "Power Lines: Scaling Laws for Weight Decay and Batch Size in LLM
Pre-training", arXiv:2505.13738; a and b as two texts that quote it give them. Tested on simulated
runs only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Law, Param, Published


def predict(p: Any, x: Any) -> Array:
    """Best averaging time as a share of the run."""
    value: Array = p.a * np.exp(-p.b * (np.log(x.tokens) - np.log(x.params)))
    return value


def best_weight_decay(
    p: Mapping[str, float], params: float, tokens: float, batch_tokens: float, lr: float
) -> float:
    """lambda = B (D/N)^b / (a eta D)."""
    return float(batch_tokens * (tokens / params) ** p["b"] / (p["a"] * lr * tokens))


LAW = Law(
    name="weight_decay",
    title="Averaging time of AdamW",
    formula="tau = a (D/N)^-b, lambda = B/(eta tau D)",
    citation="Bergsma et al. 2025, arXiv:2505.13738",
    params=(
        Param("a", "1", "share of the run at one token a param", start=(0.1, 10.0)),
        Param("b", "1", "exponent of tokens per param", start=(0.2, 0.9)),
    ),
    inputs=("params", "tokens"),
    predict=predict,
    linear=("a",),
    target="timescale",
    monotone={"params": 1, "tokens": -1},
    published=(
        Published(
            paper="bergsma2025",
            citation="Bergsma et al. 2025, arXiv:2505.13738",
            data="the authors' runs",
            values={"a": 1.084, "b": 0.527},
            secondary=True,
        ),
    ),
    question="settings",
    assumes="AdamW; a tuned learning rate; B and D in one unit",
    fails="other optimisers; runs whose learning rate was not tuned",
    simulated=True,
)
