"""Sparsely connected models: weights that pruning sets to zero.

    L = (a_S (1 - S)**b_S + c_S) / N**b_N + B / D**b_D + c,    B = a_D**b_D

S sparsity (share of weights that are zero), N non-zero params without embeddings, D tokens (or
images) seen, L loss in nats per token. At one N a sparser model is a larger model with weights
missing, so its loss is lower; what the sparsity of a layer of fixed size costs is in N.

With a budget C that also pays for a dense model of N / (1 - S) params, D = C (1 - S) / (6 N), the
best sparsity of N non-zero params has a closed form (`optimal_sparsity`).

Source: Frantar et al. 2023, "Scaling Laws for Sparsely-Connected Foundation Models",
arXiv:2309.08520, equation 1. The table prints a_D; B here is its power, so that it enters linearly.

On the 112 ViT runs our fit gives the printed constants. On the 48 T5 runs theirs is a local
optimum: mean Huber loss of log loss 7.60e-6 (root mean square error .0256 nats), at the best one
4.88e-6 (.0163), with b_D .385. Those runs have three values of D, so b_D and c trade off: of a
larger T5 held out (75 % sparse, measured 1.4828) the printed constants give 1.469, the best 1.455.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param, Published


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token at N non-zero params, D tokens and sparsity S."""
    size = p.a_S * (1.0 - x.sparsity) ** p.b_S + p.c_S
    value: Array = size * x.params_nonzero**-p.b_N + p.B * x.tokens**-p.b_D + p.c
    return value


def optimal_sparsity(p: Mapping[str, Any], params_nonzero: Any, flops: Any) -> Array:
    """Sparsity of least loss for N non-zero params at C FLOP of the dense model's training.

    S* = max(0, 1 - u),  u = (b_D N^b_N B (6N/C)^b_D / (a_S b_S))^(1/(b_S + b_D)):
    the root of dL/dS at D = C (1 - S)/(6N).
    """
    log_n, log_c = np.log(params_nonzero), np.log(flops)
    log_u = np.log(p["b_D"]) + np.log(p["B"]) - np.log(p["a_S"]) - np.log(p["b_S"])
    log_u = log_u + p["b_N"] * log_n + p["b_D"] * (np.log(6.0) + log_n - log_c)
    return np.asarray(np.maximum(0.0, 1.0 - np.exp(log_u / (p["b_S"] + p["b_D"]))))


def _fit(variant: str, data: str, values: tuple[float, ...], note: str = "") -> Published:
    a_s, b_s, c_s, b_n, a_d, b_d, c = values
    named = {"a_S": a_s, "b_S": b_s, "c_S": c_s, "b_N": b_n, "B": a_d**b_d, "b_D": b_d, "c": c}
    return Published(
        paper="frantar2023",
        variant=variant,
        citation="Frantar et al. 2023, arXiv:2309.08520, fitted coefficients",
        data=data,
        values=named,
        note=note,
        caveat="N is non-zero params without embeddings; sparsities of 0 to 87.5 % only.",
    )


LAW = Law(
    name="sparse_connected",
    title="Sparsely connected models",
    formula="L = (a_S (1-S)^b_S + c_S)/N^b_N + B/D^b_D + c, N non-zero params",
    citation="Frantar et al. 2023, arXiv:2309.08520, equation 1",
    params=(
        Param("a_S", "nats/token", "what sparsity can gain, at N = 1", start=(1.0, 1e4)),
        Param("b_S", "1", "exponent of density 1 - S", start=(0.3, 1.5)),
        Param("c_S", "nats/token", "size of the params term at full sparsity", start=(1.0, 1e4)),
        Param("b_N", "1", "exponent of non-zero params", start=(0.1, 0.6)),
        Param("B", "nats/token", "size of the tokens term", start=(1.0, 1e8)),
        Param("b_D", "1", "exponent of tokens", start=(0.1, 0.9)),
        Param("c", "nats/token", "irreducible loss", start=(0.3, 3.0)),
    ),
    inputs=("params_nonzero", "tokens", "sparsity"),
    predict=predict,
    linear=("a_S", "c_S", "B", "c"),
    needs=(
        Input("params_nonzero", "parameters", "params that are not zero, without embeddings"),
        Input(
            "sparsity",
            "1",
            "share of weights that are zero, as a fraction",
            low=0.0,
            open_low=False,
            high=0.9999,
            typical=(0.0, 0.65),
        ),
    ),
    size="non_embedding",
    schedule="complete",
    kinds=("loss", "bits_per_byte"),
    monotone={"params_nonzero": -1, "tokens": -1, "sparsity": -1},
    published=(
        _fit(
            "t5-c4",
            "sparse T5 on C4, 48 runs; 1 step = 65,536 tokens",
            (16.8, 0.722, 45.0, 0.245, 6.90e8, 0.203, 0.651),
        ),
        _fit(
            "vit-jft",
            "sparse ViT on JFT-4B, 112 runs; D counts images",
            (294.0, 0.821, 468.0, 0.392, 2.37e8, 0.890, 4.517),
            note="D in images, loss in nats an image",
        ),
    ),
    question="sparsity",
    assumes="unstructured pruning during training; one family and recipe of pruning",
    fails="pruning a finished model; structured (n:m) patterns; sparsity beyond that of the runs",
)
