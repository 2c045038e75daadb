"""Mixture of experts by granularity, share of shared experts, total and active params.

    L = (e G + f/G + m S**2 + n S) (N**-alpha + k Na**-alpha + h Na/N)
        + a N**-alpha + b D**-beta + c Na**-alpha + eps

N total and Na active params, D tokens, G granularity (width of a dense layer over that of an
expert), S share of the active experts that every token uses, L loss in nats per token. The best
granularity, sqrt(f/e), and the best share of shared experts, -n/(2 m), do not depend on the size.

Source: Zhao et al. 2025, arXiv:2509.23678, as a text that quotes it gives form and constants. Of
the terms of size, only k, h and the constant terms tell N from Na. Tested on simulated runs only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param, Published


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token."""
    total, active = np.log(x.params), np.log(x.params_active)
    n, a = np.exp(-p.alpha * total), np.exp(-p.alpha * active)
    shape = p.e * x.granularity + p.f / x.granularity
    shape = shape + p.m * x.shared_experts**2 + p.n * x.shared_experts
    size = n + p.k * a + p.h * np.exp(np.minimum(active - total, 0.0))
    value: Array = shape * size + p.a * n + p.b * x.tokens**-p.beta + p.c * a + p.eps
    return value


def best_shape(p: Mapping[str, float]) -> tuple[float, float]:
    """Granularity sqrt(f/e) and share of shared experts -n/(2 m) of least loss."""
    return float(np.sqrt(p["f"] / p["e"])), float(-p["n"] / (2.0 * p["m"]))


LAW = Law(
    name="moe_configuration",
    title="Mixture of experts by granularity and shared experts",
    formula="L = (e G + f/G + m S^2 + n S)(N^-alpha + k Na^-alpha + h Na/N) "
    "+ a N^-alpha + b D^-beta + c Na^-alpha + eps",
    citation="Zhao et al. 2025, arXiv:2509.23678",
    params=(
        Param("e", "nats/token", "what finer experts cost", start=(0.05, 0.5)),
        Param("f", "nats/token", "what coarser experts cost", start=(2.0, 20.0)),
        Param("m", "nats/token", "bend in the share of shared experts", start=(2.0, 12.0)),
        Param("n", "nats/token", "slope in that share", "real", start=(-5.0, -1.0)),
        Param("k", "1", "active params in the term of the shape", start=(3e-4, 5e-3)),
        Param("h", "1", "active over total params in it", start=(0.015, 0.15)),
        Param("a", "nats/token", "size of the total params' term", start=(10.0, 150.0)),
        Param("alpha", "1", "exponent of params", start=(0.18, 0.32)),
        Param("b", "nats/token", "size of the tokens term", start=(5e3, 1e5)),
        Param("beta", "1", "exponent of tokens", start=(0.4, 0.55)),
        Param("c", "nats/token", "size of the active params' term", start=(10.0, 120.0)),
        Param("eps", "nats/token", "irreducible loss", start=(0.5, 3.0)),
    ),
    inputs=("params", "params_active", "tokens", "granularity", "shared_experts"),
    predict=predict,
    needs=(
        Input("params", "parameters", "params in all", at_least="params_active"),
        Input("params_active", "parameters", "params that a token uses", typical=(2e7, 1e8)),
        Input(
            "granularity", "1", "G = d_ff / d_expert", low=1.0, open_low=False, typical=(1.0, 24.0)
        ),
        Input(
            "shared_experts",
            "share",
            "of the active experts that every token uses",
            low=0.0,
            open_low=False,
            high=1.0,
            typical=(0.0, 0.8),
        ),
    ),
    size="total",
    schedule="complete",
    kinds=("loss", "bits_per_byte"),
    published=(
        Published(
            paper="zhao2025",
            citation="Zhao et al. 2025, arXiv:2509.23678",
            data="the authors' 446 runs",
            values={
                "e": 0.1577,
                "f": 7.2446,
                "m": 5.1395,
                "n": -3.2363,
                "k": 0.0013,
                "h": 0.0450,
                "a": 38.051,
                "alpha": 0.2383,
                "b": 27129.05,
                "beta": 0.4694,
                "c": 31.096,
                "eps": 1.8182,
            },
            note="best granularity 6.78, best share of shared experts .315, as the paper says in "
            "round numbers",
            caveat="Read in one text that quotes the paper; the runs are not public.",
            secondary=True,
        ),
    ),
    question="experts",
    assumes="one recipe; granularity and shared experts stated for every run",
    fails="sizes at which the runs do not tell total from active params; far finer experts",
    simulated=True,
)
