"""Mixture of experts by sparsity: loss by total params, tokens and the share of experts in use.

    L = a N**-alpha + b D**-beta + c (1 - S)**-lambda + d (1 - S)**-delta N**-gamma + e
    1 - S = experts that a token uses / experts

N total params, D tokens, L loss in nats per token. lambda may be negative: then sparsity lowers the
third term and raises the fourth, which fades with size, so larger models want to be sparser.

Source: Abnar et al. 2025, "Parameters vs FLOPs: Scaling Laws for Optimal Sparsity for
Mixture-of-Experts Language Models", arXiv:2501.12370, equation 6; constants as two texts that quote
its table 3 agree on them. Tested on simulated runs only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param, Published


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token at N total params, D tokens and experts, of which some are active."""
    share = np.log(x.experts_active) - np.log(x.experts)
    size = p.a * x.params**-p.alpha + p.b * x.tokens**-p.beta
    routed = p.d * np.exp(-p.delta * share - p.gamma * np.log(x.params))
    value: Array = size + p.c * np.exp(-p.lam * share) + routed + p.e
    return value


LAW = Law(
    name="sparse_experts",
    title="Mixture of experts by sparsity",
    formula="L = a/N^alpha + b/D^beta + c (1-S)^-lam + d (1-S)^-delta/N^gamma + e, 1-S = k/E",
    citation="Abnar et al. 2025, arXiv:2501.12370, equation 6",
    params=(
        Param("a", "nats/token", "size of the params term", start=(1e2, 1e6)),
        Param("alpha", "1", "exponent of total params", start=(0.3, 0.9)),
        Param("b", "nats/token", "size of the tokens term", start=(1e2, 1e5)),
        Param("beta", "1", "exponent of tokens", start=(0.2, 0.6)),
        Param("c", "nats/token", "size of the sparsity term", start=(0.1, 2.0)),
        Param("lam", "1", "lambda, exponent of the active share", "real", start=(-0.4, -0.05)),
        Param("d", "nats/token", "size of the term of sparsity and params", start=(3.0, 100.0)),
        Param("delta", "1", "exponent of the active share beside params", start=(0.05, 0.4)),
        Param("gamma", "1", "exponent of params beside the active share", start=(0.08, 0.3)),
        Param("e", "nats/token", "irreducible loss", start=(0.3, 2.0)),
    ),
    inputs=("params", "tokens", "experts", "experts_active"),
    predict=predict,
    linear=("a", "b", "c", "d", "e"),
    needs=(
        Input("params", "parameters", "params in all"),
        Input(
            "experts",
            "experts",
            "per routed layer",
            low=1.0,
            open_low=False,
            at_least="experts_active",
            typical=(8.0, 256.0),
        ),
        Input("experts_active", "experts", "that a token uses", typical=(1.0, 8.0)),
    ),
    size="total",
    schedule="complete",
    kinds=("loss", "bits_per_byte"),
    monotone={"params": -1, "tokens": -1},
    published=(
        Published(
            paper="abnar2025",
            citation="Abnar et al. 2025, arXiv:2501.12370, table 3",
            data="the authors' runs",
            values={
                "a": 16612.50,
                "alpha": 0.5962,
                "b": 5455.67,
                "beta": 0.3954,
                "c": 0.4598,
                "lam": -0.1666,
                "d": 17.26,
                "delta": 0.1603,
                "gamma": 0.1595,
                "e": 0.94,
            },
            note="mean squared error .00056 on those runs, .0058 at the sparsity held out, .98",
            caveat="Ten times the squared error at the sparsity held out, .98.",
            secondary=True,
        ),
    ),
    question="experts",
    assumes="one size of expert; experts in use and in all stated for every run",
    fails="fine-grained or shared experts; sparsity beyond that of the runs",
    simulated=True,
)
