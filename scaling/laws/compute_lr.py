"""The best learning rate by compute alone.

    lr = k C**a

C training FLOP at about compute-optimal sizes, lr peak learning rate. The fit takes the runs near
the best of each (params, tokens) of a sweep, as `step_lr` does, and regresses log lr on log C:
where sizes are far from compute-optimal, `step_lr` tells params and tokens apart.

Sources: DeepSeek-AI 2024, "DeepSeek LLM", arXiv:2401.02954 (dense models); Tian et al. 2025,
arXiv:2507.17702 (routed models); both as texts that quote them give the constants. Tested on
simulated runs only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param, Published, Solve
from scaling.laws._plateau import near_best, regress, sweep


def predict(p: Any, x: Any) -> Array:
    """Best peak learning rate."""
    value: Array = np.exp(np.log(p.k) + p.a * np.log(x.flops))
    return value


def estimate(x: Mapping[str, Array], y: Array, w: Array, solve: Solve) -> Array:
    """Regression over the runs near the best of their cell."""
    keep = near_best(x, y, w)
    return regress(x["lr"][keep], [x["flops"][keep]], w[keep])


def example(rng: np.random.Generator) -> tuple[pl.DataFrame, Mapping[str, float]]:
    """A sweep about DeepSeek's rates at five compute-optimal sizes."""
    return sweep(rng, "lr", lambda c: 0.3118 * c**-0.125), {"a": -0.125}


LAW = Law(
    name="compute_lr",
    title="Learning rate by compute",
    formula="lr = k C^a",
    citation="DeepSeek-AI 2024, arXiv:2401.02954",
    params=(
        Param("k", "1", "learning rate at C = 1"),
        Param("a", "1", "exponent of compute", "real", start=(-0.5, 0.0)),
    ),
    inputs=("flops",),
    predict=predict,
    estimate=estimate,
    example=example,
    needs=(
        Input("lr", only_fit=True),
        Input("params", only_fit=True, levels=2),
        Input("tokens", only_fit=True, levels=2),
    ),
    schedule="complete",
    kinds=("loss",),
    output="peak learning rate",
    published=(
        Published(
            paper="deepseek2024",
            citation="DeepSeek-AI 2024, arXiv:2401.02954",
            data="the authors' sweeps of dense models",
            values={"k": 0.3118, "a": -0.1250},
            secondary=True,
        ),
        Published(
            paper="tian2025",
            citation="Tian et al. 2025, arXiv:2507.17702",
            data="the authors' sweeps of routed models",
            values={"k": 1.1576, "a": -0.1529},
            secondary=True,
        ),
    ),
    question="settings",
    assumes="sizes near compute-optimal; AdamW; sweeps wide enough that the best is inside",
    fails="over-trained models; sweeps whose best lies on an edge",
    simulated=True,
)
