"""Mixture of experts: loss by active params, tokens and number of experts, jointly.

    L = a Ê**delta N**(alpha + gamma ln Ê) + b Ê**omega D**(beta + zeta ln Ê) + c
    1/Ê = 1 / (E - 1 + 1/(1/E_start - 1/E_max)) + 1/E_max

N active params and D tokens, both with embeddings, E experts per routed layer (1 is the dense
model, and there Ê = E_start), L loss in nats per token. The exponents carry their sign: alpha and
beta are negative. More experts make the params term smaller and the tokens term larger, so a routed
model wants more tokens per active param than a dense one.

At one E this is approach 3 in active params, so plans at 6 N D have a closed form.

Source: Ludziejewski et al. 2025, "Joint MoE Scaling Laws: Mixture of Experts Can Be Memory
Efficient", arXiv:2502.05172, equation 6, table 3. Texts that quote it sometimes turn the signs.
Tested on simulated runs only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param, Published
from scaling.laws.routed import saturated


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token at N active params, D tokens and E experts."""
    experts = np.log(saturated(x.experts, p.E_start, p.E_start + p.E_more))
    size = p.delta * experts + (p.alpha + p.gamma * experts) * np.log(x.params_active)
    data = p.omega * experts + (p.beta + p.zeta * experts) * np.log(x.tokens)
    value: Array = p.a * np.exp(size) + p.b * np.exp(data) + p.c
    return value


def surface(p: Mapping[str, Array], x: Mapping[str, float]) -> tuple[object, ...]:
    """Approach 3 in active params at x's experts."""
    experts = np.log(saturated(x["experts"], p["E_start"], p["E_start"] + p["E_more"]))
    return (
        p["c"],
        np.log(p["a"]) + p["delta"] * experts,
        np.log(p["b"]) + p["omega"] * experts,
        -(p["alpha"] + p["gamma"] * experts),
        -(p["beta"] + p["zeta"] * experts),
        1.0,
    )


LAW = Law(
    name="joint_moe",
    title="Mixture of experts in active params, tokens and experts",
    formula="L = a Ê^delta N^(alpha + gamma ln Ê) + b Ê^omega D^(beta + zeta ln Ê) + c",
    citation="Ludziejewski et al. 2025, arXiv:2502.05172, equation 6",
    params=(
        Param("a", "nats/token", "size of the params term", start=(3.0, 300.0)),
        Param("alpha", "1", "exponent of active params", "real", start=(-0.35, -0.1)),
        Param("delta", "1", "exponent of experts in the params term", "real", start=(-0.4, -0.05)),
        Param("gamma", "1", "experts on the exponent of params", "real", start=(0.0, 0.02)),
        Param("b", "nats/token", "size of the tokens term", start=(3.0, 300.0)),
        Param("beta", "1", "exponent of tokens", "real", start=(-0.35, -0.1)),
        Param("omega", "1", "exponent of experts in the tokens term", "real", start=(0.1, 0.9)),
        Param("zeta", "1", "experts on the exponent of tokens", "real", start=(-0.04, -0.005)),
        Param("E_start", "experts", "Ê of the dense model", start=(1.1, 4.0)),
        Param("E_more", "experts", "E_max less E_start: where experts saturate", start=(50, 1000)),
        Param("c", "nats/token", "irreducible loss", start=(0.3, 3.0)),
    ),
    inputs=("params_active", "tokens", "experts"),
    predict=predict,
    linear=("a", "b", "c"),
    needs=(
        Input("params_active", "parameters", "params that a token uses, with embeddings"),
        Input(
            "experts", "experts", "per routed layer", low=1.0, open_low=False, typical=(1.0, 64.0)
        ),
    ),
    size="active",
    schedule="complete",
    kinds=("loss", "bits_per_byte"),
    monotone={"params_active": -1, "tokens": -1},
    published=(
        Published(
            paper="ludziejewski2025",
            citation="Ludziejewski et al. 2025, arXiv:2502.05172, table 3",
            data="the authors' 280 runs",
            values={
                "a": 35.91,
                "alpha": -0.1889,
                "delta": -0.2285,
                "gamma": 0.0098,
                "b": 35.98,
                "beta": -0.1775,
                "omega": 0.5529,
                "zeta": -0.0259,
                "E_start": 2.0732,
                "E_more": 290.4521 - 2.0732,
                "c": 1.3637,
            },
            note="root mean square error .0062 on those runs",
            caveat="One active expert of full size and no shared expert; the runs are not public, "
            "so the constants are checked against the paper's own reduction to one expert only.",
        ),
    ),
    surface=surface,
    question="experts",
    assumes="one active expert of full size; embeddings in N; one recipe",
    fails="fine-grained or shared experts; more experts than the runs have",
    simulated=True,
)
