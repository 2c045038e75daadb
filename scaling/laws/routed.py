"""Routed mixture of experts: loss by size of the dense model and number of experts.

    log10 L = a log10 N + b log10 Ê + c log10 N log10 Ê + d
    1/Ê = 1 / (E - 1 + 1/(1/E_start - 1/E_max)) + 1/E_max

N params of the dense model that is routed (without the experts beyond the first), E experts per
routed layer; E = 1 is the dense model, and there Ê = E_start. With c > 0 the gain from experts
shrinks with size and ends at the cut-off log10 N = -b/c
(`scaling.analysis.effective.routed_cutoff`).

Source: Clark et al. 2022, "Unified Scaling Laws for Routed Language Models", arXiv:2202.01169,
equations 1 and 2, table 3. The published cut-offs (937B, 85B, 83B) come from the unrounded
parameters: those of the table, rounded to three digits, give 1000B, 32B and 215B. A
least-squares fit of the published runs gives 783B, 97B and 89B.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param, Published

TEN = float(np.log(10.0))
STARTS = (1.2, 2.0, 4.0)
ENDS = (100.0, 300.0, 1000.0)


def saturated(experts: Any, start: Any, end: Any) -> Any:
    """Ê, the number of experts that counts."""
    inner = experts - 1.0 + 1.0 / (1.0 / start - 1.0 / end)
    return 1.0 / (1.0 / inner + 1.0 / end)


def predict(p: Any, x: Any) -> Array:
    """Loss in nats per token at N and E."""
    size = np.log10(x.params)
    experts = np.log10(saturated(x.experts, p.E_start, p.E_start + p.E_more))
    value: Array = np.exp(TEN * (p.a * size + p.b * experts + p.c * (size * experts) + p.d))
    return value


def starts(x: Mapping[str, Array], y: Array) -> Array:
    """For a few E_start and E_max, the other four by least squares."""
    size, target = np.log10(x["params"]), np.log10(y)
    made = []
    for start, end in itertools.product(STARTS, ENDS):
        experts = np.log10(saturated(x["experts"], start, end))
        table = np.stack([size, experts, size * experts, np.ones_like(size)], axis=1)
        a, b, c, d = np.linalg.lstsq(table, target, rcond=None)[0]
        made.append((a, b, c, d, start, end - start))
    return np.array(made)


def _fit(router: str, a: float, b: float, c: float, d: float, s: float, m: float) -> Published:
    return Published(
        paper="clark2022",
        variant=router.lower(),
        citation="Clark et al. 2022, arXiv:2202.01169, table 3",
        data=f"clark-routing, {router}: k = 1, routing frequency 1/2, last step",
        values={"a": a, "b": b, "c": c, "d": d, "E_start": s, "E_more": m - s},
    )


LAW = Law(
    name="routed",
    title="Routed mixture of experts",
    formula="log L = a log N + b log Ê + c log N log Ê + d",
    citation="Clark et al. 2022, arXiv:2202.01169, equation 1",
    params=(
        Param("a", "1", "exponent of params (log10)", "real", start=(-0.15, -0.03)),
        Param("b", "1", "exponent of experts", "real", start=(-0.2, -0.05)),
        Param("c", "1", "interaction of size and experts", "real", start=(0.002, 0.02)),
        Param("d", "1", "level", "real", start=(0.9, 1.3)),
        Param("E_start", "experts", "Ê of the dense model", start=(1.1, 5.0)),
        Param("E_more", "experts", "E_max less E_start: where experts saturate", start=(50, 2000)),
    ),
    inputs=("params", "experts"),
    predict=predict,
    starts=starts,
    needs=(
        Input("params", columns=("params", "params_active"), typical=(1e7, 1e10)),
        Input("experts", low=1.0, open_low=False, typical=(1.0, 512.0)),
    ),
    kinds=("loss", "bits_per_byte"),
    published=(
        _fit("S-Base", -0.082, -0.108, 0.009, 1.104, 1.847, 314.478),
        _fit("RL-R", -0.083, -0.126, 0.012, 1.111, 1.880, 469.982),
        _fit("Hash", -0.087, -0.136, 0.012, 1.157, 4.175, 477.741),
    ),
    question="experts",
    assumes="one number of tokens for all runs; one expert a token; half the layers routed",
    fails="other token budgets (no D in the law), fine-grained experts, beyond the cut-off",
)
