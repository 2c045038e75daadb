"""Loss as a regression on the weights of a training mixture (RegMix).

    L_i(r) = sum_j w_ij r_j

r_j share of training domain j (they add to one, so no intercept is needed), L_i loss on validation
domain i in nats per token, w_ij what domain j alone would give, extrapolated. Least squares.

Source: Liu et al. 2024, "RegMix: Data Mixture as Regression for Language Model Pre-training",
arXiv:2407.01492. What the regression is for is the order of mixtures: rank correlation of the
predictions from 512 runs of 1M params with the losses of 64 runs of 1B is about .88 for this form
and about .97 for boosted trees (quoted from memory; ours in docs/families.md), which are not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.laws._law import Law, Param, Solve
from scaling.laws._mixtures import domains, needs, outputs


def make(names: tuple[str, ...], results: tuple[str, ...]) -> Law:
    """The law of these training and validation domains."""
    params = [
        Param(f"w_{result}_{name}", "nats/token", f"{name} on {result}", "real", start=(1.0, 6.0))
        for result in results
        for name in names
    ]

    def predict(p: Any, x: Any) -> Array:
        value: Any = 0.0
        for i, result in enumerate(results):
            here = np.asarray(x.metric == i, dtype=np.float64)
            for name in names:
                value = value + here * getattr(p, f"w_{result}_{name}") * getattr(
                    x, f"share_{name}"
                )
        return np.asarray(value)

    def estimate(x: Mapping[str, Array], y: Array, w: Array, solve: Solve) -> Array:
        parts = []
        for i in range(len(results)):
            rows = x["metric"] == i
            root = np.sqrt(w[rows])[:, None]
            table = np.stack([x[f"share_{name}"][rows] for name in names], axis=1)
            line, *_ = np.linalg.lstsq(table * root, y[rows] * root[:, 0], rcond=None)
            parts.append(line)
        return np.concatenate(parts)

    return Law(
        name="mixture_linear",
        title="Data mixing, regression on weights",
        formula="L_i = sum_j w_ij r_j",
        citation="Liu et al. 2024, arXiv:2407.01492",
        params=tuple(params),
        inputs=(*(f"share_{name}" for name in names), "metric"),
        predict=predict,
        needs=needs(names, results),
        bind=bind,
        estimate=estimate,
        example=example,
        link="linear",
        span=(-float("inf"), float("inf")),
        question="mixtures",
        assumes="the order of mixtures is the same at small and at large scale",
        fails="levels: a regression at 1M params says nothing of the loss at 1B",
    )


def bind(runs: pl.DataFrame, target: str) -> Law:
    """The law of the domains of a table."""
    return make(domains(runs), outputs(runs))


def example(rng: np.random.Generator) -> tuple[pl.DataFrame, dict[str, float]]:
    """Sixty mixtures of three domains, losses on two."""
    truth = {"w_code_code": 1.6, "w_code_text": 3.1, "w_code_web": 2.5}
    truth |= {"w_text_code": 4.4, "w_text_text": 2.6, "w_text_web": 3.0}
    parts = np.repeat(rng.dirichlet([1.0, 1.0, 1.0], 60), 2, axis=0)
    metric = ["code", "text"] * 60
    texts = [f"code={c:.6f};text={t:.6f};web={w:.6f}" for c, t, w in parts]
    frame = pl.DataFrame({"mixture": texts, "metric": metric})
    law = bind(frame, "loss")
    x = {f"share_{n}": parts[:, i] for i, n in enumerate(("code", "text", "web"))}
    y = law(truth, {**x, "metric": np.array([0.0, 1.0] * 60)})
    return frame.with_columns(loss=y + 5e-4 * rng.standard_normal(120)), truth


LAW = make(("code", "text", "web"), ("code", "text"))
