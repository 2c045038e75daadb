"""The best batch by compute alone.

    batch = k C**a

C training FLOP at about compute-optimal sizes, batch in tokens. The fit takes the runs near the
best of each (params, tokens) of a sweep, as `step_batch` does, and regresses log batch on log C:
where sizes are far from compute-optimal, `step_batch` reads tokens alone.

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
    """Best batch in tokens."""
    value: Array = np.exp(np.log(p.k) + p.a * np.log(x.flops))
    return value


def estimate(x: Mapping[str, Array], y: Array, w: Array, solve: Solve) -> Array:
    """Regression over the runs near the best of their cell."""
    keep = near_best(x, y, w)
    return regress(x["batch_tokens"][keep], [x["flops"][keep]], w[keep])


def example(rng: np.random.Generator) -> tuple[pl.DataFrame, Mapping[str, float]]:
    """A sweep about DeepSeek's batches at five compute-optimal sizes."""
    return sweep(rng, "batch_tokens", lambda c: 0.2920 * c**0.3271), {"a": 0.3271}


LAW = Law(
    name="compute_batch",
    title="Batch by compute",
    formula="batch = k C^a",
    citation="DeepSeek-AI 2024, arXiv:2401.02954",
    params=(
        Param("k", "tokens", "batch at C = 1"),
        Param("a", "1", "exponent of compute", start=(0.1, 0.6)),
    ),
    inputs=("flops",),
    predict=predict,
    estimate=estimate,
    example=example,
    needs=(
        Input("batch_tokens", only_fit=True),
        Input("params", only_fit=True, levels=2),
        Input("tokens", only_fit=True, levels=2),
    ),
    schedule="complete",
    kinds=("loss",),
    output="batch in tokens",
    published=(
        Published(
            paper="deepseek2024",
            citation="DeepSeek-AI 2024, arXiv:2401.02954",
            data="the authors' sweeps of dense models",
            values={"k": 0.2920, "a": 0.3271},
            secondary=True,
        ),
        Published(
            paper="tian2025",
            citation="Tian et al. 2025, arXiv:2507.17702",
            data="the authors' sweeps of routed models",
            values={"k": 0.0694, "a": 0.3644},
            secondary=True,
        ),
    ),
    question="settings",
    assumes="sizes near compute-optimal; AdamW; sweeps wide enough that the best is inside",
    fails="over-trained models; sweeps whose best lies on an edge",
    simulated=True,
)
