"""Step Law: the best learning rate by params and tokens.

    lr = k N**a D**b

N params without embeddings, D tokens, lr peak learning rate. The fit takes, for each (N, D) of a
sweep over learning rates and batches, every run whose loss is within .25 % of the best, and
regresses log lr on log N and log D: the plateau and not the argmin, which alone gives .29 for b
and -.82 for a.

Source: Li et al. 2025, "Predictable Scale: Part I - Optimal Hyperparameter Scaling Law in Large
Language Model Pretraining", arXiv:2503.04715, equation 1: lr = 1.79 N^-.713 D^.307. On the
authors' public grid of 1,911 dense runs in 17 cells the same rule gives -.766 and .197: the
published exponents (bootstrap sd .030 and .019) do not follow from it.
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
    """Best peak learning rate."""
    value: Array = np.exp(np.log(p.k) + p.a * np.log(x.params) + p.b * np.log(x.tokens))
    return value


def estimate(x: Mapping[str, Array], y: Array, w: Array, solve: Solve) -> Array:
    """Regression over the runs near the best of their cell."""
    keep = near_best(x, y, w)
    columns = [x["params"][keep], x["tokens"][keep]]
    return regress(x["lr"][keep], columns, w[keep])


def example(rng: np.random.Generator) -> tuple[pl.DataFrame, Mapping[str, float]]:
    """A sweep of nine rates in each of twelve cells, with bowls of loss around the law's."""
    rows = []
    for n in (1e8, 3e8, 1e9):
        for d in (2e9, 8e9, 3e10, 1e11):
            best = 1.79 * n**-0.713 * d**0.307
            for off in np.linspace(-2.0, 2.0, 33):
                noise = 1.0 + 2e-4 * rng.standard_normal()
                loss = (1.8 + 400 * n**-0.34 + 400 * d**-0.3) * (1.0 + 0.01 * off**2) * noise
                rows.append((n, d, best * np.exp(off), loss))
    names = ["params", "tokens", "lr", "loss"]
    return pl.DataFrame(rows, schema=names, orient="row"), {"a": -0.713, "b": 0.307}


LAW = Law(
    name="step_lr",
    title="Step Law: learning rate",
    formula="lr = k N^a D^b",
    citation="Li et al. 2025, arXiv:2503.04715",
    params=(
        Param("k", "1", "learning rate at N = D = 1"),
        Param("a", "1", "exponent of params", "real", start=(-1.0, 0.0)),
        Param("b", "1", "exponent of tokens", "real", start=(0.0, 1.0)),
    ),
    inputs=("params", "tokens"),
    predict=predict,
    estimate=estimate,
    example=example,
    needs=(Input("lr", only_fit=True),),
    size="non_embedding",
    schedule="complete",
    kinds=("loss",),
    output="peak learning rate",
    published=(
        Published(
            paper="li2025",
            citation="Li et al. 2025, arXiv:2503.04715, equation 1",
            data="the authors' sweeps of dense models",
            values={"k": 1.79, "a": -0.713, "b": 0.307},
            se={"a": 0.030, "b": 0.019},
        ),
    ),
    question="settings",
    assumes="a fixed end learning rate; sweeps wide enough that the best is inside",
    fails="other optimisers and schedules; sweeps whose best lies on an edge",
)
