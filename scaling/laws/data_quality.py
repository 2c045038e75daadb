"""Data quality, filtering and deduplication as a multiplier on tokens.

    L(N, D, s) = E + A / N**alpha + B / (q_s * D)**beta

s the training corpus (column ``training_data``), q_s how many tokens of a reference corpus one of
its tokens is worth (q of the first corpus in alphabetical order is 1), N total params, L the loss
of all corpora on one and the same evaluation set.

The form is ours: approach 3 (Hoffmann et al. 2022, arXiv:2203.15556) with a factor on D, which
is how the effect of deduplication (Lee et al. 2021, arXiv:2107.06499) or filtering is reported;
Goyal et al. 2024 (`repetition_decay`) give the law for repeats of a filtered pool. A corpus nearer
to the evaluation set gets a larger q: compare on text that favours none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param


def make(corpora: tuple[str, ...]) -> Law:
    """The law of these corpora; the first is the reference."""

    def predict(p: Any, x: Any) -> Array:
        log_q: Any = 0.0
        for i, name in enumerate(corpora[1:], start=1):
            here = np.asarray(x.training_data == i, dtype=np.float64)
            log_q = log_q + np.log(getattr(p, f"q_{name}")) * here
        tokens = np.exp(-p.beta * (np.log(x.tokens) + log_q))
        value: Array = p.E + p.A * np.exp(-p.alpha * np.log(x.params)) + p.B * tokens
        return value

    return Law(
        name="data_quality",
        title="Data quality as a multiplier on tokens",
        formula="L = E + A/N^alpha + B/(q_s D)^beta",
        citation="after Hoffmann et al. 2022, arXiv:2203.15556",
        params=(
            Param("E", "nats/token", "irreducible loss", start=(0.3, 3.0)),
            Param("A", "nats/token", "size of the params term at N = 1", start=(1.0, 1e5)),
            Param("B", "nats/token", "size of the tokens term at D = 1", start=(1.0, 1e5)),
            Param("alpha", "1", "exponent of params", start=(0.1, 0.8)),
            Param("beta", "1", "exponent of tokens", start=(0.1, 0.8)),
            *(
                Param(
                    f"q_{name}", "1", f"{name} tokens in tokens of {corpora[0]}", start=(0.3, 3.0)
                )
                for name in corpora[1:]
            ),
        ),
        inputs=("params", "tokens", "training_data"),
        predict=predict,
        linear=("E", "A", "B"),
        monotone={"params": -1, "tokens": -1},
        needs=(
            Input(
                "training_data",
                "",
                "training corpus",
                values=corpora,
                levels=1,
                typical=(0.0, float(len(corpora) - 1)),
            ),
        ),
        bind=bind,
        example=example,
        question="repeats",
        assumes="one evaluation set and recipe; every corpus over a range of N and D",
        fails="corpora that change the floor E, small corpora that are repeated",
    )


def bind(runs: pl.DataFrame, target: str) -> Law:
    """The law of the corpora of a table; one where it does not say."""
    if "training_data" not in runs.columns:
        return LAW
    return make(tuple(sorted(runs["training_data"].drop_nulls().unique().to_list())))


def example(rng: np.random.Generator) -> tuple[pl.DataFrame, dict[str, float]]:
    """Two corpora over five sizes and six token counts; a raw token is worth .6 of a filtered."""
    truth = {"E": 1.7, "A": 400.0, "B": 1000.0, "alpha": 0.34, "beta": 0.34, "q_raw": 0.6}
    n, d = np.meshgrid(np.geomspace(2e7, 3e9, 5), np.geomspace(5e8, 3e11, 6))
    n, d = np.tile(n.ravel(), 2), np.tile(d.ravel(), 2)
    raw = np.repeat([0.0, 1.0], len(n) // 2)
    y = LAW(truth, {"params": n, "tokens": d, "training_data": raw})
    names = np.where(raw > 0, "raw", "filtered")
    frame = pl.DataFrame({"params": n, "tokens": d, "training_data": names})
    noise = np.exp(1e-3 * rng.standard_normal(len(n)))
    return frame.with_columns(loss=y * noise), {k: truth[k] for k in ("E", "alpha", "q_raw")}


LAW = make(("filtered", "raw"))
