"""Precision: fewer bits in training count as fewer params.

    L = E + A / N_eff**alpha + B / D**beta
    N_eff = N (1 - e**(-P_w/g_w)) (1 - e**(-P_a/g_a)) (1 - e**(-P_kv/g_kv))

N params, D tokens, P_w, P_a, P_kv bits of weights, activations and key-value cache in training (16
where a table has no such column).

Source: Kumar et al. 2024, "Scaling Laws for Precision", arXiv:2411.04330, equations 3 and 4. The
paper's degradation by quantising after training is not part of this law. Tested on simulated runs
only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param, Published


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token at params N, tokens D and bits."""
    size = np.log(x.params) + kept(p, x)
    value: Array = p.E + p.A * np.exp(-p.alpha * size) + p.B * x.tokens**-p.beta
    return value


def kept(p: Any, x: Any) -> Any:
    """log(N_eff / N)."""
    weights = np.log(-np.expm1(-x.bits_weights / p.g_w))
    activations = np.log(-np.expm1(-x.bits_activations / p.g_a))
    return weights + activations + np.log(-np.expm1(-x.bits_kv / p.g_kv))


def _bits(name: str, meaning: str) -> Input:
    return Input(name, "bits", meaning, default=16.0, levels=1, typical=(2.0, 16.0))


LAW = Law(
    name="precision",
    title="Precision law",
    formula="approach 3 with N_eff = N (1-e^(-Pw/gw)) (1-e^(-Pa/ga)) (1-e^(-Pkv/gkv))",
    citation="Kumar et al. 2024, arXiv:2411.04330",
    params=(
        Param("E", "nats/token", "irreducible loss", start=(0.3, 3.0)),
        Param("A", "nats/token", "size of the params term", start=(1e1, 1e5)),
        Param("B", "nats/token", "size of the tokens term", start=(1e1, 1e5)),
        Param("alpha", "1", "exponent of params", start=(0.2, 0.6)),
        Param("beta", "1", "exponent of tokens", start=(0.2, 0.6)),
        Param("g_w", "bits", "sensitivity to bits of weights", start=(0.7, 5.0)),
        Param("g_a", "bits", "sensitivity to bits of activations", start=(0.7, 5.0)),
        Param("g_kv", "bits", "sensitivity to bits of the key-value cache", start=(0.7, 5.0)),
    ),
    inputs=("params", "tokens", "bits_weights", "bits_activations", "bits_kv"),
    predict=predict,
    linear=("E", "A", "B"),
    needs=(
        _bits("bits_weights", "bits of weights in training"),
        _bits("bits_activations", "bits of activations in training"),
        _bits("bits_kv", "bits of the key-value cache in training"),
    ),
    schedule="complete",
    kinds=("loss", "bits_per_byte"),
    monotone={
        "params": -1,
        "tokens": -1,
        "bits_weights": -1,
        "bits_activations": -1,
        "bits_kv": -1,
    },
    published=(
        Published(
            paper="kumar2024",
            citation="Kumar et al. 2024, arXiv:2411.04330",
            data="the authors' runs, training in few bits",
            values={"g_w": 2.6745, "g_a": 2.2102, "g_kv": 0.9578},
            note="sensitivities alone; E, A, B and the exponents are not known here",
            caveat="Three constants of eight: no loss follows from them.",
            secondary=True,
        ),
    ),
    question="bits",
    assumes="training in this precision throughout; integer and floating types alike",
    fails="quantising after training, which hurts more the longer a model was trained",
    simulated=True,
)
