"""Step Law: the best batch by tokens.

    batch = k D**b

D tokens, batch in tokens per step. The fit takes every run within .25 % of the best loss of its
(N, D) cell, as `step_lr` does, and regresses log batch on log D.

Source: Li et al. 2025, "Predictable Scale: Part I - Optimal Hyperparameter Scaling Law in Large
Language Model Pretraining", arXiv:2503.04715, equation 1: batch = .58 D^.571. On the authors'
public grid of 1,911 dense runs the same rule gives an exponent of .61; the argmin alone gives
.50.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param, Published, Solve
from scaling.laws._plateau import near_best, regress


def predict(p: Any, x: Any) -> Array:
    """Best batch in tokens per step."""
    value: Array = np.exp(np.log(p.k) + p.b * np.log(x.tokens))
    return value


def estimate(x: Mapping[str, Array], y: Array, w: Array, solve: Solve) -> Array:
    """Regression over the runs near the best of their cell."""
    keep = near_best(x, y, w)
    return regress(x["batch_tokens"][keep], [x["tokens"][keep]], w[keep])


def example(rng: np.random.Generator) -> tuple[pl.DataFrame, Mapping[str, float]]:
    """A sweep of batches in each of twelve cells, with bowls of loss around the law's."""
    rows = []
    for n in (1e8, 3e8, 1e9):
        for d in (2e9, 8e9, 3e10, 1e11):
            for off in np.linspace(-2.0, 2.0, 33):
                noise = 1.0 + 2e-4 * rng.standard_normal()
                loss = (1.8 + 400 * n**-0.34 + 400 * d**-0.3) * (1.0 + 0.01 * off**2) * noise
                rows.append((n, d, 0.58 * d**0.571 * np.exp(off), loss))
    names = ["params", "tokens", "batch_tokens", "loss"]
    return pl.DataFrame(rows, schema=names, orient="row"), {"b": 0.571}


LAW = Law(
    name="step_batch",
    title="Step Law: batch size",
    formula="batch = k D^b",
    citation="Li et al. 2025, arXiv:2503.04715",
    params=(
        Param("k", "tokens", "batch at D = 1"),
        Param("b", "1", "exponent of tokens", "real", start=(0.0, 1.0)),
    ),
    inputs=("tokens",),
    predict=predict,
    estimate=estimate,
    example=example,
    needs=(Input("params", only_fit=True, levels=1), Input("batch_tokens", only_fit=True)),
    schedule="complete",
    kinds=("loss",),
    output="batch in tokens",
    published=(
        Published(
            paper="li2025",
            citation="Li et al. 2025, arXiv:2503.04715, equation 1",
            data="the authors' sweeps of dense models",
            values={"k": 0.58, "b": 0.571},
            se={"b": 0.019},
        ),
    ),
    question="settings",
    assumes="the learning rate was swept too; sweeps wide enough that the best is inside",
    fails="hardware limits on the batch; other optimisers",
)
