"""Width and depth: four power terms, one for each of width, depth, params and tokens.

    L(w, d, N, D) = E + A / w**alpha + B / d**beta + C / N**gamma + F / D**delta

w model dimension, d layers, N params, D tokens, L loss in nats per token. Width, depth and params
are bound together (N is about 12 d w^2 for a plain transformer), so single terms are weakly
determined and some vanish; it is the shape of the optimum over (w, d) that the fit can tell.

Source: McLeish et al. 2025, "Gemstones: A Model Suite for Multi-Faceted Scaling Laws",
arXiv:2502.06857, section 4; values from the authors' parameters_delta-3.

The authors' searches stop in a flat valley: on their three subsets our objective is lower by
1.5e-5, 1e-4 and 3e-5 of its value, with exponents up to .013 away, and the fit says "not
identified". The exponent of width goes from .21 (all hot checkpoints) to .39 (lower learning
rate).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param, Published, Term


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token."""
    shape = p.A * x.width**-p.alpha + p.B * x.depth**-p.beta
    value: Array = p.E + shape + p.C * x.params**-p.gamma + p.F * x.tokens**-p.delta
    return value


def _fit(subset: str, exponents: tuple[float, ...], logs: tuple[float, ...]) -> Published:
    names = ("alpha", "beta", "gamma", "delta", "A", "B", "C", "F", "E")
    values = (*exponents, *(float(np.exp(one)) for one in logs))
    return Published(
        paper="mcleish2025",
        variant=subset.removesuffix("+").replace("_", "-"),
        citation="McLeish et al. 2025, arXiv:2502.06857, parameters_delta-3",
        data=f"gemstones, {subset}; Huber 1e-3 on logs",
        values=dict(zip(names, values, strict=True)),
    )


LAW = Law(
    name="width_depth",
    title="Width-depth law",
    formula="L = E + A/w^alpha + B/d^beta + C/N^gamma + F/D^delta",
    citation="McLeish et al. 2025, arXiv:2502.06857",
    params=(
        Param("E", "nats/token", "irreducible loss", start=(0.3, 3.0)),
        Param("A", "nats/token", "size of the width term", start=(1.0, 1e4)),
        Param("B", "nats/token", "size of the depth term", start=(0.1, 1e2)),
        Param("C", "nats/token", "size of the params term", start=(1e1, 1e6)),
        Param("F", "nats/token", "size of the tokens term", start=(1e1, 1e6)),
        Param("alpha", "1", "exponent of width", start=(0.2, 1.2)),
        Param("beta", "1", "exponent of depth", start=(0.2, 1.5)),
        Param("gamma", "1", "exponent of params", start=(0.2, 0.6)),
        Param("delta", "1", "exponent of tokens", start=(0.2, 0.7)),
    ),
    inputs=("width", "depth", "params", "tokens"),
    predict=predict,
    linear=("E", "A", "B", "C", "F"),
    terms=(
        Term("E"),
        Term("A", {"width": ("alpha", -1.0)}),
        Term("B", {"depth": ("beta", -1.0)}),
        Term("C", {"params": ("gamma", -1.0)}),
        Term("F", {"tokens": ("delta", -1.0)}),
    ),
    needs=(
        Input("width", typical=(128.0, 16384.0)),
        Input("depth", typical=(2.0, 128.0)),
        Input("params", typical=(1e7, 1e11)),
    ),
    schedule="complete",
    kinds=("loss", "bits_per_byte"),
    monotone={"width": -1, "depth": -1, "params": -1, "tokens": -1},
    published=(
        _fit(
            "hot_100b+",
            (0.205280776, 0.4741415976, 0.372096494, 0.5116481093),
            (1.0738807871, -0.2097602665, 6.2174536361, 10.9040518165, 0.3966401522),
        ),
        _fit(
            "cool_end",
            (0.3540096969, 0.464087269, 0.3941362557, 0.5364845902),
            (1.5262220266, -0.1780173948, 6.3319550722, 11.5393125864, 0.5874913187),
        ),
    ),
    question="shape",
    assumes="shapes that vary in width at given size; one recipe",
    fails="tables where width and depth go together (terms then vanish or trade off)",
)
