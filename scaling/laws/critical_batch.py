"""Steps to a loss by batch size: few large steps or many small ones.

    (S/S_min - 1)(X/X_min - 1) = 1,  so  S = S_min (1 + B_crit/B),  X = S B

S steps and X tokens that reach one loss, B batch in tokens, S_min the least steps (at any batch),
X_min = S_min B_crit the least tokens. At B = B_crit both are twice the least.

Source: McCandlish et al. 2018, "An Empirical Model of Large-Batch Training", arXiv:1812.06162,
section 2. The critical batch grows as the loss falls: one loss a fit. Tested on simulated runs
only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._grids import fill
from scaling.laws._law import Input, Law, Param


def predict(p: Any, x: Any) -> Array:
    """Steps to the loss at batch B in tokens."""
    value: Array = p.S_min * (1.0 + p.B_crit / x.batch_tokens)
    return value


def starts(x: Mapping[str, Array], y: Array) -> Array:
    """Critical batches from far below the smallest batch to far above the largest."""
    low, high = float(x["batch_tokens"].min()), float(x["batch_tokens"].max())
    theta = fill({"B_crit": (0.03 * low, 30.0 * high)}, LAW.names, 40)
    level = np.exp(np.mean(np.log(y) - np.log1p(theta[:, 1:] / x["batch_tokens"]), axis=1))
    return np.column_stack([level, theta[:, 1]])


LAW = Law(
    name="critical_batch",
    title="Steps to a loss by batch size",
    formula="S = S_min (1 + B_crit/B)",
    citation="McCandlish et al. 2018, arXiv:1812.06162",
    params=(
        Param("S_min", "steps", "least steps, at any batch", start=(1e3, 1e5)),
        Param("B_crit", "tokens", "critical batch", start=(1e5, 3e6)),
    ),
    inputs=("batch_tokens",),
    predict=predict,
    starts=starts,
    target="steps",
    monotone={"batch_tokens": -1},
    needs=(Input("batch_tokens", "tokens", "tokens per step", typical=(1e4, 1e7)),),
    question="settings",
    assumes="steps to one and the same loss; the learning rate tuned at every batch",
    fails="rows of several losses; a learning rate that was not tuned",
    simulated=True,
)
