"""Quantisation in training: what few bits add to the loss, by size, tokens and group.

    L = E + A / N**alpha + B / D**beta + k D**g_D (log2 G)**g_G / N**g_N

N params, D tokens, G values that share a scale (1 is no quantisation), L loss in nats per token;
one set of bits for weights and activations a fit. The last term rises with D: the longer a model
of one size is trained, the more few bits cost it.

Source: Chen et al. 2025, "Scaling Law for Quantization-Aware Training", arXiv:2505.14302,
equation 5, table 1. G enters by its logarithm. In the table, what 4 bits for weights and
activations add is .906 of what the two add alone. Tested on simulated runs only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param, Published

BASE = {"E": 1.9279, "A": 237.7042, "alpha": 0.3022, "B": 596.2490, "beta": 0.3022}
# Stands for log2 1 = 0, so that its derivative is a number.
NOTHING = 1e-300


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token at params N, tokens D and group G."""
    value: Array = p.E + p.A * x.params**-p.alpha + p.B * x.tokens**-p.beta + added(p, x)
    return value


def added(p: Any, x: Any) -> Any:
    """What quantisation adds, in nats per token."""
    scales = np.log2(x.group)
    group = p.g_G * np.log(np.maximum(scales, NOTHING))
    size = np.exp(p.g_D * np.log(x.tokens) + group - p.g_N * np.log(x.params))
    return p.k * size * (scales > 0.0)


def _fit(variant: str, what: str, k: float, n: float, d: float, g: float) -> Published:
    eight = variant.endswith("fc2-8")
    return Published(
        paper="chen2025",
        variant=variant,
        citation="Chen et al. 2025, arXiv:2505.14302, table 1",
        data=f"the authors' 268 runs, {what}",
        values={**BASE, "k": k, "g_N": n, "g_D": d, "g_G": g},
        note="which g_G belongs to which of the two FC2 rows is inferred" if eight else "",
        caveat="The runs are not public; the constants give the size of loss that the paper plots "
        "(.057 nats at 594M params, 100B tokens, groups of 128).",
    )


LAW = Law(
    name="quantised_training",
    title="Quantisation-aware training",
    formula="L = E + A/N^alpha + B/D^beta + k D^g_D (log2 G)^g_G / N^g_N",
    citation="Chen et al. 2025, arXiv:2505.14302, equation 5",
    params=(
        Param("E", "nats/token", "irreducible loss", start=(0.3, 3.0)),
        Param("A", "nats/token", "size of the params term", start=(1e1, 1e4)),
        Param("B", "nats/token", "size of the tokens term", start=(1e1, 1e4)),
        Param("alpha", "1", "exponent of params", start=(0.2, 0.5)),
        Param("beta", "1", "exponent of tokens", start=(0.2, 0.5)),
        Param("k", "nats/token", "size of what quantisation adds", start=(0.05, 1.0)),
        Param("g_N", "1", "exponent of params in it", start=(0.1, 0.4)),
        Param("g_D", "1", "exponent of tokens in it", start=(0.02, 0.2)),
        Param("g_G", "1", "exponent of log2 of the group in it", start=(0.3, 1.2)),
    ),
    inputs=("params", "tokens", "group"),
    predict=predict,
    linear=("E", "A", "B", "k"),
    needs=(
        Input(
            "group",
            "values",
            "values that share a scale; 1 for runs without quantisation",
            low=1.0,
            open_low=False,
            high=1e7,
            levels=2,
            typical=(2.0, 512.0),
        ),
    ),
    schedule="complete",
    kinds=("loss", "bits_per_byte"),
    monotone={"params": -1, "group": 1},
    published=(
        _fit("w4a4", "weights and activations in 4 bits", 0.1582, 0.2186, 0.0745, 0.7779),
        _fit("w4a16", "weights in 4 bits", 0.2522, 0.3589, 0.1610, 0.3533),
        _fit("w16a4", "activations in 4 bits", 0.1004, 0.1816, 0.0331, 0.9812),
        _fit("w4a4-fc2-8", "4 bits, input of FC2 in 8", 0.3519, 0.2637, 0.0964, 0.3407),
        _fit("w16a4-fc2-8", "activations in 4 bits, of FC2 in 8", 0.1273, 0.2347, 0.0827, 0.4491),
    ),
    question="bits",
    assumes="one choice of bits for weights and activations a fit; quantised from the first step",
    fails="several choices of bits in one fit; quantising after training (`quantised_after`)",
    simulated=True,
)
